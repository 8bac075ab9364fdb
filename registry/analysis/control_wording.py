"""Charts, signals and run lengths in words, the same on the page, in print and in the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final

from registry.analysis import wording
from registry.analysis.chart_points import Point
from registry.analysis.comparison_wording import points as difference_in_points
from registry.analysis.comparison_wording import points_interval
from registry.analysis.control import ChangeRow, ControlReport
from registry.analysis.recent_signals import ChartSignals, RecentSignal, first_recent_day, since
from registry.analysis.results import RateRow
from registry.analysis.sequential import Sequential
from registry.messages import N_, Message, listed, message, written
from registry.statistics import display_rules
from registry.statistics.control_charts import ChartKind, Signal

KINDS: Final[Mapping[ChartKind, str]] = {
    ChartKind.P: N_("p-chart"),
    ChartKind.U: N_("u-chart"),
    ChartKind.LANEY_P: N_("Laney p′-chart"),
    ChartKind.G: N_("g-chart"),
    ChartKind.T: N_("t-chart"),
}
_OF_RATES: Final[Mapping[Signal, str]] = {
    Signal.ABOVE_LIMIT: N_("above the upper limit"),
    Signal.BELOW_LIMIT: N_("below the lower limit"),
    Signal.RUN_ABOVE: N_("eight or more in a row above the line"),
    Signal.RUN_BELOW: N_("eight or more in a row below the line"),
}
_OF_GAPS: Final[Mapping[Signal, str]] = {
    Signal.ABOVE_LIMIT: N_("a gap beyond the upper limit: events became rarer"),
    Signal.BELOW_LIMIT: N_("a gap below the lower limit: events became more frequent"),
    Signal.RUN_ABOVE: N_("eight or more long gaps in a row: events became rarer"),
    Signal.RUN_BELOW: N_("eight or more short gaps in a row: events became more frequent"),
}
MOST_SIGNALS: Final = 6
MOST_RECENT: Final = 3
MONTHS_A_YEAR: Final = 12
LONG_YEARS: Final = 3


def chart_sentence(report: ControlReport) -> Message:
    """Which chart is drawn and why, or why there is none."""
    drawing = report.drawing
    total = report.total
    if drawing.chart is None and total.events:
        return message(
            "Events: {events}; sessions old enough: {sessions}. That is too few for a chart: "
            "review the cases.",
            events=wording.count(total.events),
            sessions=wording.count(total.mature),
        )
    if drawing.chart is None and total.mature:
        return message(
            "No event; sessions old enough: {sessions}. There is nothing to chart.",
            sessions=wording.count(total.mature),
        )
    if drawing.chart is None:
        return drawing.why
    if drawing.is_run:
        return message(
            "Run chart: the points and their median, without limits. {why}", why=drawing.why
        )
    return message("{kind}. {why}", kind=message(KINDS[drawing.chart.kind]), why=drawing.why)


def value(point: Point, *, is_gap: bool, per_session: bool) -> str:
    """The charted value of a point, per 100 sessions where events are counted ``per_session``."""
    drawn = point.drawn
    return _in_unit(
        drawn.value if drawn is not None else None, point, is_gap=is_gap, per_session=per_session
    )


def centre(point: Point, *, is_gap: bool, per_session: bool) -> str:
    """The line of the chart at a point; a dash without one."""
    drawn = point.drawn
    return _in_unit(
        drawn.centre_line if drawn is not None else None,
        point,
        is_gap=is_gap,
        per_session=per_session,
    )


def limits(point: Point, *, is_gap: bool, per_session: bool) -> str:
    """The limits at a point, "0.0–12.5 %"; a dash without any."""
    drawn = point.drawn
    if drawn is None or drawn.lower_limit is None or drawn.upper_limit is None:
        return wording.DASH
    if not is_gap and not per_session:
        return wording.bounds(drawn.lower_limit, drawn.upper_limit, point.sessions)
    ends = (
        _in_unit(end, point, is_gap=is_gap, per_session=per_session)
        for end in (drawn.lower_limit, drawn.upper_limit)
    )
    return "–".join(ends)


def _in_unit(value: float | None, point: Point, *, is_gap: bool, per_session: bool) -> str:
    if value is None:
        return wording.DASH
    if is_gap:
        return wording.count(value)
    return (
        wording.decimal(100 * value, 1) if per_session else wording.percent(value, point.sessions)
    )


def signals(point: Point, *, is_gap: bool) -> Message | None:
    """What is unusual about a point; None for nothing."""
    if point.drawn is None or not point.drawn.signals:
        return None
    texts = _OF_GAPS if is_gap else _OF_RATES
    return listed([message(texts[signal]) for signal in point.drawn.signals], "; ")


def state_sentence(report: ControlReport) -> Message | None:
    """Which points signal, the latest first, or that none does, and what the CUSUM said lately.

    None for a chart without limits while the CUSUM is silent.
    """
    chart, watch = _points_sentence(report), _recent_cusum_sentence(report)
    if watch is None:
        return chart
    return watch if chart is None else listed([watch, chart], " ")


def _points_sentence(report: ControlReport) -> Message | None:
    drawing = report.drawing
    if drawing.chart is None or drawing.is_run:
        return None
    if all(phase.method is None for phase in drawing.chart.phases):
        return message("No part of the chart has enough points for limits yet.")
    told = [
        message("{point}: {signal}", point=point.label, signal=found)
        for point in reversed(drawing.points)
        if (found := signals(point, is_gap=drawing.counts_gaps)) is not None
    ]
    if not told and _recent_cusum(report):
        return message("No point of the chart by itself signals.")
    if not told:
        return message(
            "No signal: the points lie as chance alone would have them. A change too small or too "
            "recent to be seen is not ruled out."
        )
    more = len(told) - MOST_SIGNALS
    if more > 0:
        told = [*told[:MOST_SIGNALS], message("and {count} earlier points", count=more)]
    return message(
        "Signals, the latest first: {points}. Look for what was different then.",
        points=listed(told, "; "),
    )


def _recent_cusum(report: ControlReport) -> tuple[RecentSignal, ...]:
    first = first_recent_day(report.heading.cohort, report.heading.as_of)
    found = since(report.drawing, report.sequential, first)
    return tuple(signal for signal in found if signal.is_cusum)


def _recent_cusum_sentence(report: ControlReport) -> Message | None:
    """The signals of the CUSUM in twelve months, with the events behind them; None without any."""
    found = _recent_cusum(report)
    if not found or not isinstance(report.sequential, Sequential):
        return None
    watch = report.sequential
    return message(
        "In the last 12 months the CUSUM signalled a change: {months}. Since the baseline {events} "
        "events in {sessions} sessions, where {expected} were expected.",
        months=listed([_in_month(signal.month, is_more=signal.is_more) for signal in found]),
        events=wording.count(watch.events),
        sessions=wording.count(watch.sessions),
        expected=wording.decimal(watch.expected, 1),
    )


def _in_month(month: dt.date, *, is_more: bool) -> Message:
    text = N_("{month} (more events)") if is_more else N_("{month} (fewer events)")
    return message(text, month=written(wording.month, month))


def recent_sentence(found: ChartSignals) -> Message:
    """An outcome and what its charts signalled in the last twelve months."""
    return message("{outcome}: {signals}", outcome=found.label, signals=recent(found))


def recent(found: ChartSignals) -> Message:
    """What the charts of an outcome signalled in the last twelve months, the latest first."""
    texts = {
        (True, True): N_("{month} (CUSUM, more events)"),
        (True, False): N_("{month} (CUSUM, fewer events)"),
        (False, True): N_("{month} (chart, more events)"),
        (False, False): N_("{month} (chart, fewer events)"),
    }
    shown = found.signals[:MOST_RECENT]
    told = [
        message(texts[signal.is_cusum, signal.is_more], month=written(wording.month, signal.month))
        for signal in shown
    ]
    if more := len(found.signals) - len(shown):
        told.append(message("and earlier, {count} more", count=more))
    return listed(told)


def open_run_sentence(report: ControlReport) -> Message | None:
    """Sessions since the last event and how likely so many are; None without such a chart."""
    chart = report.drawing.chart
    if chart is None or chart.open_run is None:
        return None
    chance = chart.open_run.probability
    shown = wording.percent(chance, 100) if chance >= 0.001 else f"< {wording.percent(0.001, 100)}"
    return message(
        "Since the last event: {sessions} sessions, the hollow point. If nothing changed, a gap is "
        "at least so long with a probability of {chance}.",
        sessions=wording.count(chart.open_run.length),
        chance=shown,
    )


def detection_sentence(found: Sequential) -> Message:
    """How soon a doubling would show at the clinic's own volume and baseline."""
    rate, n = found.baseline.value or 0.0, found.baseline.denominator
    parts = {
        "volume": wording.count(found.per_year),
        "rate": wording.percent(rate, n),
        "doubled": wording.percent(found.doubled, n),
        "time": span(found.up.years_to_detection),
        "quiet": span(found.up.years_between_false_alarms),
    }
    if found.up.signals_at_first_event:
        return message(
            "At your volume of about {volume} sessions a year and a baseline of {rate} each event "
            "by itself reaches the limit: review every case instead of waiting for the chart.",
            **parts,
        )
    return message(
        "At your volume of about {volume} sessions a year a doubling of the odds, from {rate} to "
        "{doubled}, would show after about {time} on average. If nothing changes, the CUSUM raises "
        "a false alarm once in {quiet}.",
        **parts,
    )


def baseline_sentence(found: Sequential) -> Message:
    """What the CUSUM and the VLAD are measured against."""
    return message(
        "Baseline: this clinic's own sessions from {start} to {end}, {events} of {sessions} with "
        "the event ({rate}, {level} CI {interval}). It is frozen; the chart compares with the own "
        "past, not with other clinics.",
        start=wording.day(found.baseline_from),
        end=wording.day(found.baseline_to),
        events=wording.count(found.baseline.numerator),
        sessions=wording.count(found.baseline.denominator),
        rate=wording.percent(found.baseline.value, found.baseline.denominator),
        level=wording.level(found.baseline),
        interval=wording.interval(found.baseline),
    )


def vlad_sentence(found: Sequential) -> Message:
    """Events expected and seen since the baseline."""
    return message(
        "Since then {events} events in {sessions} sessions, where {expected} were expected at the "
        "baseline.",
        events=wording.count(found.events),
        sessions=wording.count(found.sessions),
        expected=wording.decimal(found.expected, 1),
    )


def cusum_sentence(found: Sequential) -> Message:
    """Whether an arm of the CUSUM reached its limit, and when."""
    if not found.signals:
        return message("Neither arm of the CUSUM has reached its limit.")
    shown = found.signals[-MOST_SIGNALS:]
    told = [_in_month(signal.month, is_more=signal.is_upward) for signal in reversed(shown)]
    earlier = len(found.signals) - len(shown)
    if earlier:
        told.append(message("and earlier, {count} more", count=earlier))
    return message(
        "The CUSUM reached a limit in {months}; after that it begins anew.", months=listed(told)
    )


def false_signal_sentence(report: ControlReport) -> Message:
    """How many signals chance alone brings in a year, from this chart and from all."""
    parts = {
        "own": wording.decimal(report.false_signals, 1),
        "charts": wording.count(report.watched),
        "all": wording.decimal(report.watched_signals, 1),
    }
    if not report.watched and not report.false_signals:
        return message("No outcome has enough data for limits here yet.")
    if not report.false_signals:
        return message(
            "Outcomes with enough data for limits here: {charts}. Whoever watches all of them "
            "should expect about {all} false signals a year, though nothing changed.",
            **parts,
        )
    return message(
        "If nothing changed, this chart and its CUSUM would signal by chance about {own} times a "
        "year. Outcomes with enough data for limits here: {charts}; whoever watches all of them "
        "should expect about {all} false signals a year.",
        **parts,
    )


def change_sentence(row: ChangeRow) -> Message:
    """The rates before and after a change, and their difference where there is enough for one."""
    if row.difference is None:
        return message(
            "Events before: {events_before}, sessions old enough: {sessions_before}; events after: "
            "{events_after}, sessions old enough: {sessions_after}. That is too little for a "
            "difference.",
            events_before=wording.count(row.before.events),
            sessions_before=wording.count(row.before.mature),
            events_after=wording.count(row.after.events),
            sessions_after=wording.count(row.after.mature),
        )
    return message(
        "Before {before}, after {after}: {difference} points ({level} CI {interval}).",
        before=_rate_and_counts(row.before),
        after=_rate_and_counts(row.after),
        difference=difference_in_points(row.difference.value),
        level=wording.level(row.difference),
        interval=points_interval(row.difference),
    )


def _rate_and_counts(row: RateRow) -> Message:
    """A rate with its counts, or the counts alone where they say it all."""
    counts = {"events": wording.count(row.events), "sessions": wording.count(row.mature)}
    if not row.events or not display_rules.shows_percentage(row.mature):
        return message("{events} of {sessions}", **counts)
    return message("{rate} ({events} of {sessions})", rate=wording.rate(row), **counts)


def span(years: float) -> Message:
    """A time in months, or in years from three on."""
    months = years * MONTHS_A_YEAR
    if months < 1.5:
        return message("a month")
    if years < LONG_YEARS:
        return message("{months} months", months=wording.decimal(months, 0))
    return message(
        "{years} years",
        years=wording.decimal(years, 0) if years >= 10 else wording.decimal(years, 1),
    )


def sentences(report: ControlReport) -> tuple[Message, ...]:
    """The answer in words: the chart, its signals, the CUSUM and what chance brings."""
    found = report.sequential
    told = [chart_sentence(report), state_sentence(report), open_run_sentence(report)]
    if isinstance(found, Sequential):
        told += [
            detection_sentence(found),
            baseline_sentence(found),
            cusum_sentence(found),
            vlad_sentence(found),
        ]
    else:
        told.append(found)
    return tuple(said for said in told if said is not None)

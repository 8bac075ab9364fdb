"""Control charts, CUSUM and VLAD: points in the order of time, their line, limits and changes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import GROUP, INK, RATE_FORMAT, Figure, chart_of, say
from dashboard.text import _
from registry.analysis import control_wording, wording
from registry.analysis.control import EVENTS, ControlReport
from registry.analysis.sequential import PathPoint, Sequential
from registry.statistics.control_charts import ChartKind, Phase

MOST_TICKS: Final = 6
LONGEST_LABEL: Final = 13
"""Letters of a line below the axis; a longer name, such as of several months, takes another."""
SIGNAL_COLOUR: Final = "#d55e00"
"""Vermilion of Okabe and Ito; the shape of the point says the same."""

Values = list[dict[str, Any]]


def control(report: ControlReport, *, height: int = 320) -> Figure | None:
    """The chosen chart with its limits, signals, changes and open run; None without a chart.

    A point that signals is a square of another colour; the gap since the last event is hollow.
    """
    drawing = report.drawing
    chart = drawing.chart
    if chart is None:
        return None
    points = _points(report)
    steps = [
        step for number, phase in enumerate(chart.phases) for step in _steps(report, phase, number)
    ]
    drawn = [value for value in points if value["value"] is not None]
    reach = [value["value"] for value in drawn]
    reach += [step["upper"] for step in steps if step["upper"] is not None]
    open_run = chart.open_run
    names = [say(point.label) for point in drawing.points]
    layers: list[alt.Chart] = []
    last = len(points)
    if open_run is not None and open_run.length:
        reach.append(open_run.length)
        last += 1
    top = max(reach, default=1.0) or 1.0
    if chart.kind is ChartKind.P or chart.kind is ChartKind.LANEY_P:
        top = min(top, 1.0)
    y_scale = alt.Scale(domain=[0, 1.08 * top], nice=False, zero=True, clamp=True)
    y_axis = _axis_of_values(report)

    def at(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=y_axis)

    x = _axis_of_points(names, last)
    for name, dash, width in (
        ("centre", [1, 0], 1.5),
        ("lower", [6, 4], 1.2),
        ("upper", [6, 4], 1.2),
    ):
        kept = [step for step in steps if step[name] is not None]
        if kept:
            layers.append(
                chart_of(kept)
                .mark_line(
                    interpolate="step-after",
                    strokeWidth=width,
                    strokeDash=dash,
                    color=INK,
                    opacity=0.75,
                )
                .encode(x, at(name), detail="phase:N")
            )
    layers += _changes(report, x)
    tips = [alt.Tooltip(f"{name}:N") for name in _tips(points)]
    base = chart_of(drawn)
    layers.append(
        base.mark_line(strokeWidth=2).encode(x, at("value"), detail="phase:N", tooltip=tips)
    )
    signal = base.mark_point(shape="square", filled=True, size=110, opacity=1, color=SIGNAL_COLOUR)
    for is_signal, mark in (
        (False, base.mark_point(filled=True, size=55, opacity=1)),
        (True, signal),
    ):
        if any(value["is_signal"] is is_signal for value in drawn):
            wanted = f"datum.is_signal === {json.dumps(is_signal)}"
            layers.append(mark.transform_filter(wanted).encode(x, at("value"), tooltip=tips))
    if open_run is not None and open_run.length:
        layers.append(
            chart_of([{"place": last, "value": open_run.length}])
            .mark_point(filled=False, size=80, strokeWidth=2, opacity=1)
            .encode(x, at("value"), tooltip=[alt.Tooltip("value:Q", title=_("Sessions so far"))])
        )
    return Figure(
        alt.layer(*layers).properties(height=height),
        _title(report),
        _in_words(report),
        _key(report, points, has_open_run=bool(open_run is not None and open_run.length)),
        is_by_group=drawing.has_periods,
    )


def cusum(found: Sequential, *, height: int = 240) -> Figure:
    """Both arms of the CUSUM with their limits, session after session."""
    high, low = found.up.limit, found.down.limit
    names = {"upper": _("More events"), "lower": _("Fewer events")}
    values = [
        {
            "sessions": point.sessions,
            "what": what,
            "score": getattr(point, what),
            _("Month"): wording.month(point.month),
            _("Sessions"): wording.count(point.sessions),
        }
        for what in names
        for point in found.path
    ]
    x = _axis_of_sessions(found.path)
    top = max(high, *(point.upper for point in found.path))
    bottom = min(-low, *(point.lower for point in found.path))
    y = alt.Y(
        "score:Q",
        scale=alt.Scale(domain=[1.35 * bottom, 1.35 * top], nice=False),
        axis=alt.Axis(title=None, labelColor=INK, tickCount=5),
    )
    limits = [
        {"score": high, "name": _("limit: more events"), "sessions": 0},
        {"score": -low, "name": _("limit: fewer events"), "sessions": 0},
    ]
    signals = [
        {"sessions": s.sessions, "score": high if s.is_upward else -low} for s in found.signals
    ]
    layers = [
        chart_of([{"score": 0}]).mark_rule(color=INK, opacity=0.4).encode(y),
        chart_of(limits).mark_rule(color=INK, strokeDash=[6, 4]).encode(y),
        chart_of(limits[:1])
        .mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=INK)
        .encode(x, y, text="name:N"),
        chart_of(limits[1:])
        .mark_text(align="left", baseline="top", dx=4, dy=3, color=INK)
        .encode(x, y, text="name:N"),
        chart_of(values)
        .mark_line(strokeWidth=2)
        .encode(
            x,
            y,
            color=alt.Color("what:N", sort=list(names), legend=None),
            tooltip=[alt.Tooltip(f"{_('Month')}:N"), alt.Tooltip(f"{_('Sessions')}:N")],
        ),
    ]
    if signals:
        layers.append(
            chart_of(signals)
            .mark_point(shape="square", filled=True, size=110, opacity=1, color=SIGNAL_COLOUR)
            .encode(x, y)
        )
    return Figure(
        alt.layer(*layers).properties(height=height),
        _("CUSUM: evidence for doubled odds (up) and halved odds (down) against the baseline"),
        say(control_wording.cusum_sentence(found)),
        _("■ reached a limit; after that the arm begins anew.") if signals else "",
    )


def vlad(found: Sequential, *, height: int = 200) -> Figure:
    """Events expected at the baseline minus events seen, session after session."""
    values = [
        {
            "sessions": point.sessions,
            "saved": point.saved,
            _("Month"): wording.month(point.month),
            _("Expected minus seen"): f"{point.saved:+.1f}",
        }
        for point in found.path
    ]
    y = alt.Y("saved:Q", axis=alt.Axis(title=None, labelColor=INK, tickCount=5))
    layers = [
        chart_of([{"saved": 0}]).mark_rule(color=INK, opacity=0.5).encode(y),
        chart_of(values)
        .mark_line(strokeWidth=2)
        .encode(
            _axis_of_sessions(found.path),
            y,
            tooltip=[
                alt.Tooltip(f"{_('Month')}:N"),
                alt.Tooltip(f"{_('Expected minus seen')}:N"),
            ],
        ),
    ]
    return Figure(
        alt.layer(*layers).properties(height=height),
        _("VLAD: events expected at the baseline minus events seen; falling means more events"),
        say(control_wording.vlad_sentence(found)),
    )


def _points(report: ControlReport) -> Values:
    is_gap, per_session = report.drawing.counts_gaps, report.unit == EVENTS
    found = []
    for place, point in enumerate(report.drawing.points):
        signal = control_wording.signals(point, is_gap=is_gap)
        found.append(
            {
                GROUP: point.first_day.isoformat() if report.drawing.has_periods else "",
                "place": place,
                "value": point.drawn.value if point.drawn is not None else None,
                "phase": point.drawn.phase if point.drawn is not None else 0,
                "is_signal": signal is not None,
                (_("Until") if is_gap else _("Treated")): say(point.label),
                _("Value"): control_wording.value(point, is_gap=is_gap, per_session=per_session),
                _("Events"): f"{wording.count(point.events)} / {wording.count(point.sessions)}",
                _("Assessed"): wording.count(point.assessed),
                _("Signal"): _("none") if signal is None else say(signal),
            }
        )
    return found


def _tips(points: Values) -> list[str]:
    own = {GROUP, "place", "value", "phase", "is_signal"}
    return [name for name in points[0] if name not in own]


def _steps(report: ControlReport, phase: Phase, number: int) -> Values:
    """Centre line and limits from half a place before each point to half a place after the last."""
    found: Values = []
    for place in range(phase.start, phase.stop):
        drawn = report.drawing.points[place].drawn
        if drawn is not None and drawn.centre_line is not None:
            found.append(
                {
                    "place": place - 0.5,
                    "phase": number,
                    "centre": drawn.centre_line,
                    "lower": drawn.lower_limit,
                    "upper": drawn.upper_limit,
                }
            )
    if found:
        found.append(found[-1] | {"place": phase.stop - 0.5})
    return found


def _changes(report: ControlReport, x: alt.X) -> list[alt.Chart]:
    """A line under its letter where something changed: whole where limits begin anew, or dotted."""
    points = report.drawing.points
    layers: list[alt.Chart] = []
    for begins, dash in ((True, [1, 0]), (False, [2, 3])):
        rules: Values = []
        for letter, row in zip(ascii_uppercase, report.changes, strict=False):
            if row.begins_limits is begins:
                after = (i for i, p in enumerate(points) if p.last_day >= row.change.changed_on)
                rules.append({"place": next(after, len(points)) - 0.5, "name": letter})
        if rules:
            base = chart_of(rules).encode(x)
            layers += [
                base.mark_rule(color=INK, opacity=0.7, strokeDash=dash),
                base.mark_text(
                    align="left", baseline="top", dx=4, color=INK, fontSize=12, fontWeight="bold"
                ).encode(y=alt.value(0), text="name:N"),
            ]
    return layers


def _axis_of_values(report: ControlReport) -> alt.Axis:
    """Shares in per cent, events per 100 sessions, gaps as they are."""
    if not report.drawing.counts_gaps and report.unit != EVENTS:
        return alt.Axis(title=None, format=RATE_FORMAT, tickCount=5, labelColor=INK)
    each = 1 if report.drawing.counts_gaps else 100
    return alt.Axis(
        title=None,
        tickCount=5,
        labelColor=INK,
        labelExpr=f"format(datum.value * {each}, '~g')",
    )


def _axis_of_points(names: Sequence[str], last: int) -> alt.X:
    every = max(1, -(-len(names) // MOST_TICKS))
    ticks = list(range(0, len(names), every))
    labels = [names[tick] for tick in ticks]
    return alt.X(
        "place:Q",
        scale=alt.Scale(domain=[-0.7, last - 0.3], nice=False),
        axis=_ticks(ticks, labels),
    )


def _axis_of_sessions(path: Sequence[PathPoint]) -> alt.X:
    first_of_month: dict[str, int] = {}
    for point in path:
        first_of_month.setdefault(wording.month(point.month), point.sessions)
    every = max(1, -(-len(first_of_month) // MOST_TICKS))
    labels = [*first_of_month][::every]
    return alt.X(
        "sessions:Q",
        scale=alt.Scale(domain=[0, path[-1].sessions], nice=False),
        axis=_ticks([first_of_month[label] for label in labels], labels),
    )


def _ticks(places: Sequence[int], labels: Sequence[str]) -> alt.Axis:
    lines = [textwrap.wrap(label, LONGEST_LABEL) for label in labels]
    return alt.Axis(
        title=None,
        values=list(places),
        labelExpr=f"{json.dumps(lines)}[indexof({json.dumps(places)}, datum.value)]",
        labelOverlap="greedy",
        labelSeparation=6,
        labelColor=INK,
        grid=False,
    )


def _title(report: ControlReport) -> str:
    drawing = report.drawing
    chart = drawing.chart
    kind = chart.kind if chart is not None else ChartKind.P
    what: Mapping[ChartKind, str] = {
        ChartKind.G: _("Event-free sessions between events: higher is better"),
        ChartKind.T: _("Days between events: higher is better"),
        ChartKind.U: _("Events per 100 sessions"),
    }
    shown = what.get(kind, _("Share of sessions with the event"))
    if drawing.is_run:
        return _("{what}; line: median").format(what=shown)
    if drawing.counts_gaps:
        return _("{what}; line: median of the baseline, dashed: limits").format(what=shown)
    return _("{what}; line: baseline, dashed: limits").format(what=shown)


def _in_words(report: ControlReport) -> str:
    points = report.drawing.points
    told = [control_wording.chart_sentence(report), control_wording.state_sentence(report)]
    return _("{title}, {count} points from {first} to {last}. {told}").format(
        title=say(report.heading.title),
        count=wording.count(len(points)),
        first=say(points[0].label),
        last=say(points[-1].label),
        told=" ".join(say(said) for said in told if said is not None),
    )


def _key(report: ControlReport, points: Values, *, has_open_run: bool) -> str:
    signs = (
        (any(value["is_signal"] for value in points), _("■ signals.")),
        (has_open_run, _("○ sessions since the last event, still counting.")),
    )
    told = [said for occurs, said in signs if occurs]
    for letter, row in zip(ascii_uppercase, report.changes, strict=False):
        text = _("{letter}: {what}, {day}; limits stay.")
        if row.begins_limits:
            text = _("{letter}: {what}, {day}; limits begin anew.")
        elif report.drawing.is_run:
            text = _("{letter}: {what}, {day}.")
        day = wording.day(row.change.changed_on)
        told.append(text.format(letter=letter, what=row.change.what, day=day))
    return " ".join(told)

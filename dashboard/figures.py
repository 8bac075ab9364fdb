"""Pictures of result objects: a result goes in, an Altair chart and a sentence come out.

Nothing here reads data or knows Streamlit. Every picture starts its axis of rates at zero, always
draws the interval, writes its labels beside what they name, and uses the first colours of whatever
theme shows it; shape and stroke say the same as colour. A hollow point stands for no event: its
dashed interval is one-sided. A diamond stands for a Kaplan-Meier estimate.
"""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from dashboard.text import _
from registry.analysis import wording
from registry.analysis.results import (
    Basis,
    Curve,
    CurvePoint,
    FollowUpReport,
    RateReport,
    RateRow,
    RecurrenceReport,
    RecurrenceRow,
)
from registry.messages import Message, message, render
from registry.statistics import display_rules
from registry.statistics.result import Estimate

LINE_HEIGHT: Final = 15
LONGEST_LINE: Final = 26
MOST_ROWS_IN_WORDS: Final = 8
RATE_FORMAT: Final = "~%"
ROOM_FOR_NAMES: Final = {"left": 5, "top": 5, "right": 95, "bottom": 5}
# An SVG takes the colour of the text around it, so words in a picture follow light and dark.
INK: Final = "currentColor"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, what is drawn in it, and its content in a sentence for whoever does not see it.

    ``title`` stands above the chart: an axis title wider than a phone would squeeze the plot.
    ``key`` explains the signs that occur in it.
    """

    chart: alt.LayerChart | alt.FacetChart
    title: str
    description: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    """One estimate to be drawn: its words, and where point and interval go."""

    label: str
    counts: str
    shown: str
    estimate: Estimate
    is_too_small: bool
    has_interval: bool = True
    is_kaplan_meier: bool = False
    details: tuple[tuple[str, str], ...] = ()


def rates(report: RateReport) -> Figure | None:
    """Point and interval for each group, all sessions as a line; None without a rate to draw."""
    marks = [_rate_mark(row) for row in report.rows]
    whole = None if report.by == "event" else _value(report.total)
    title = _("Share of sessions with 95 % interval")
    return _dots(marks, title, _say(report.heading.title), whole)


def months(report: RateReport, *, height: int = 260) -> Figure | None:
    """The rate month by month with its interval; None without a month large enough for a rate.

    The line breaks where a month has no rate, so a gap in the data is a gap in the picture.
    """
    drawn = [row for row in report.rows if row.estimate.value is not None]
    if not any(display_rules.shows_percentage(row.mature) for row in drawn):
        return None
    marks = [_rate_mark(row) for row in drawn]
    top = _top(marks, display_rules.MINIMUM_SESSIONS_PER_POINT)
    values = [
        _drawable(mark, top)
        | {"month": f"{row.code}-01", "part": part, **dict(mark.details), _("Month"): mark.label}
        for row, mark, part in zip(drawn, marks, _unbroken(drawn), strict=True)
    ]
    tooltip = [alt.Tooltip(f"{name}:N") for name in (_("Month"), *dict(marks[0].details))]
    x = alt.X(
        "month:T",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(title=None, format="%b %Y", grid=False, tickCount="month", labelColor=INK),
    )
    y = alt.Y("value:Q", scale=_scale(top), axis=_rate_axis())
    base = _chart(values).encode(x=x, tooltip=tooltip)
    layers: list[alt.Chart] = [
        base.transform_filter("isValid(datum.upper)")
        .mark_rule(strokeWidth=6, opacity=0.25, color=INK)
        .encode(alt.Y("lower:Q", scale=_scale(top), title=None), alt.Y2("upper:Q")),
        base.transform_filter("!datum.is_too_small")
        .mark_line(strokeWidth=2)
        .encode(y=y, detail="part:N"),
        *_points(values, base, y),
        *_cut_marks(values, base, "triangle-up", alt.Y("upper:Q", scale=_scale(top))),
    ]
    layers += _line(_value(report.total), alt.Y("whole:Q", scale=_scale(top)))
    return Figure(
        alt.layer(*layers).properties(height=height),
        _("Share of sessions by month of treatment, with 95 % interval; dotted line: all sessions"),
        _("{title}, by month from {first} to {last}. {all}").format(
            title=_say(report.heading.title),
            first=marks[0].label,
            last=marks[-1].label,
            all=_("All sessions: {rate}.").format(rate=wording.share(report.total.estimate)),
        ),
        _key(values),
    )


def follow_up(report: FollowUpReport) -> Figure | None:
    """How complete follow-up is, visit by visit."""
    marks = [
        _Mark(
            _say(row.label),
            _("{seen} of {due}").format(seen=wording.count(row.seen), due=wording.count(row.due)),
            wording.share(row.completeness),
            row.completeness,
            not display_rules.shows_percentage(row.due),
            details=(
                (_("Visit"), _say(row.label)),
                (_("Seen"), f"{wording.count(row.seen)} / {wording.count(row.due)}"),
                (_("95 % interval"), wording.interval(row.completeness)),
            ),
        )
        for row in report.rows
    ]
    title = _("Share of sessions whose patient was seen, with 95 % interval")
    return _dots(marks, title, _say(report.heading.title))


def recurrence_by_group(report: RecurrenceReport, day: int) -> Figure | None:
    """Recurrence by a day after success in each group, all sites as a line."""
    marks = [_landmark_mark(row, _point(row, day)) for row in report.rows]
    total = _point(report.total, day)
    whole = total.recurrence.value if display_rules.shows_landmark(total.at_risk) else None
    title = _("Share recurred by day {day} with 95 % interval").format(day=day)
    return _dots(marks, title, _say(report.heading.title), whole)


def recurrence(row: RecurrenceRow, *, height: int = 320) -> Figure | None:
    """Cumulative incidence of recurrence with its band, and of retreatment; None without success.

    Below each landmark stands how many sites are still observed then. The lines end where fewer
    than ten sites, or a tenth of those that began, are left.
    """
    began = int(row.success.numerator)
    last = max(
        [*row.curve.days[-1:]]
        + [p.day for p in row.landmarks if display_rules.draws_curve(p.at_risk, began)],
        default=0,
    )
    if not began or not last:
        return None
    steps = _steps(row.curve, last)
    names = {"recurrence": _("Recurrence"), "retreatment": _("Retreatment")}
    ends = [{"day": last, "share": steps[-1][what], "name": name} for what, name in names.items()]
    highest = max(0.05, *(float(step["upper"] or step["recurrence"]) for step in steps))
    top = min(1.0, 1.15 * max(highest, float(steps[-1]["retreatment"])))
    days = [point.day for point in row.landmarks]
    marks = [0, *(day for day in days if day <= last), *[day for day in days if day > last][:1]]
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[0, marks[-1]], nice=False),
        axis=alt.Axis(
            title=None,
            values=marks,
            labelExpr=f"{_landmark_labels(row)}[indexof({json.dumps(marks)}, datum.value)]",
            labelOverlap="greedy",
            labelSeparation=4,
            labelColor=INK,
            grid=True,
        ),
    )
    axis = _rate_axis()
    long = [
        {"day": step["day"], "what": what, "share": step[what]} for what in names for step in steps
    ]
    layers = [
        _chart(steps)
        .mark_area(interpolate="step-after", opacity=0.18)
        .encode(x, alt.Y("lower:Q", scale=_scale(top), axis=axis), alt.Y2("upper:Q")),
        _chart(long)
        .mark_line(interpolate="step-after", strokeWidth=2.5)
        .encode(
            x,
            alt.Y("share:Q", scale=_scale(top), axis=axis),
            color=alt.Color("what:N", sort=list(names), legend=None),
            strokeDash=alt.StrokeDash(
                "what:N", sort=list(names), scale=alt.Scale(range=[[1, 0], [6, 4]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("day:Q", title=_("Day")),
                alt.Tooltip("share:Q", title=_("Share"), format=".1%"),
            ],
        ),
        _chart(_apart(ends, top))
        .mark_text(align="left", dx=6, fontWeight="bold", fontSize=13, color=INK)
        .encode(x, alt.Y("share:Q", scale=_scale(top), axis=axis), text="name:N"),
    ]
    twelve = _point(row, 365)
    return Figure(
        alt.layer(*layers).properties(height=height, padding=ROOM_FOR_NAMES),
        _(
            "Share of treated sites with 95 % band, by months since success; below the months: "
            "how many sites are still observed"
        ),
        _("Cumulative share of treated sites with recurrence after success. {sentence}").format(
            sentence=_say(wording.recurrence_sentence(row, twelve))
        ),
    )


def _chart(values: Sequence[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(values)))


def _say(given: Message) -> str:
    return render(given, _)


def _value(row: RateRow) -> float | None:
    return row.estimate.value if display_rules.shows_percentage(row.mature) else None


def _rate_mark(row: RateRow) -> _Mark:
    label = _say(row.label)
    counts = _("{events} of {sessions}").format(
        events=wording.count(row.events), sessions=wording.count(row.mature)
    )
    return _Mark(
        label,
        counts,
        wording.share(row.estimate),
        row.estimate,
        not display_rules.shows_percentage(row.mature),
        is_kaplan_meier=row.basis is Basis.KAPLAN_MEIER,
        details=(
            (_("Group"), label),
            (_("Rate"), wording.share(row.estimate)),
            (_("95 % interval"), wording.interval(row.estimate)),
            (_("Events"), counts),
            (_("Assessed"), wording.percent(row.completeness, row.mature)),
            (_("Method"), _say(wording.method(row.estimate))),
        ),
    )


def _landmark_mark(row: RecurrenceRow, point: CurvePoint) -> _Mark:
    label = _say(row.label)
    shown = wording.at_landmark(point.recurrence, point)
    return _Mark(
        label,
        _("{at_risk} observed").format(at_risk=wording.count(point.at_risk)),
        shown,
        point.recurrence,
        not display_rules.shows_landmark(point.at_risk),
        has_interval=display_rules.shows_landmark(point.at_risk),
        details=(
            (_("Group"), label),
            (_("Recurred"), shown),
            (_("95 % interval"), wording.interval_at_landmark(point.recurrence, point)),
            (_("Still observed"), wording.count(point.at_risk)),
            (_("Sites with success"), wording.count(row.success.numerator)),
        ),
    )


def _point(row: RecurrenceRow, day: int) -> CurvePoint:
    return next(point for point in row.landmarks if point.day == day)


def _dots(
    marks: Sequence[_Mark], title: str, about: str, whole: float | None = None
) -> Figure | None:
    """Point and interval of each mark in a row of its own; ``whole`` is a line through all rows."""
    if not any(_is_drawn(mark) for mark in marks):
        return None
    top = _top(marks, display_rules.MINIMUM_DENOMINATOR_FOR_PERCENTAGE)
    values = [
        _drawable(mark, top) | {"row": i, **dict(mark.details)} for i, mark in enumerate(marks)
    ]
    labels = [[*textwrap.wrap(mark.label, LONGEST_LINE), _counts_and_rate(mark)] for mark in marks]
    lines = max(len(label) for label in labels)
    y = alt.Y(
        "row:O",
        axis=alt.Axis(
            title=None,
            labelExpr=f"{json.dumps(labels)}[datum.value]",
            labelColor=INK,
            # Otherwise the first line would stand in the middle of the row.
            labelOffset=-(lines - 1) * LINE_HEIGHT / 2,
            labelLimit=230,
            labelLineHeight=LINE_HEIGHT,
            labelPadding=10,
            labelOverlap=False,
        ),
    )
    names = dict(marks[0].details)
    base = _chart(values).encode(y=y, tooltip=[alt.Tooltip(f"{name}:N") for name in names])
    x = alt.X("value:Q", scale=_scale(top), axis=_rate_axis())
    layers = [*_line(whole, alt.X("whole:Q", scale=_scale(top), axis=_rate_axis()))]
    for sides, dash in (("two", [1, 0]), ("one", [5, 4])):
        interval = _where(values, base, "sides", sides)
        if interval is not None:
            layers.append(
                interval.mark_rule(strokeWidth=3, opacity=0.5, strokeDash=dash, color=INK).encode(
                    alt.X("lower:Q", scale=_scale(top), axis=_rate_axis()), alt.X2("upper:Q")
                )
            )
    layers += _points(values, base, x)
    end = alt.X("upper:Q", scale=_scale(top), axis=_rate_axis())
    layers += _cut_marks(values, base, "triangle-right", end)
    return Figure(
        alt.layer(*layers).properties(height=alt.Step(LINE_HEIGHT * (lines + 0.7))),
        title if whole is None else _("{title}; dotted line: all together").format(title=title),
        _dots_in_words(marks, about),
        _key(values),
    )


def _line(whole: float | None, position: alt.X | alt.Y) -> Iterator[alt.Chart]:
    """The rate of all together, for the eye to compare with."""
    if whole is not None:
        line = _chart([{"whole": whole}]).mark_rule(color=INK, opacity=0.5, strokeDash=[2, 3])
        yield line.encode(position)


def _points(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, position: alt.X | alt.Y
) -> Iterator[alt.Chart]:
    """Full for a rate, hollow for no event, a diamond for a Kaplan-Meier estimate."""
    for sign, shape, filled in (
        ("hollow", "circle", False),
        ("full", "circle", True),
        ("diamond", "diamond", True),
    ):
        layer = _where(values, base, "sign", sign)
        if layer is not None:
            yield (
                layer.mark_point(
                    shape=shape, filled=filled, size=95, strokeWidth=2, opacity=1
                ).encode(position)
            )


def _cut_marks(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, shape: str, position: alt.X | alt.Y
) -> Iterator[alt.Chart]:
    """An interval that leaves the picture says so."""
    layer = _where(values, base, "is_cut", True)
    if layer is not None:
        yield (
            layer.mark_point(shape=shape, filled=True, size=70, opacity=0.8, color=INK).encode(
                position
            )
        )


def _where(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, name: str, wanted: str | bool
) -> alt.Chart | None:
    """The rows with that value; None for no row: an empty layer has no name to be read out."""
    if not _shown(values, name, wanted):
        return None
    kept: alt.Chart = base.transform_filter(f"datum.{name} === {json.dumps(wanted)}")
    return kept


def _counts_and_rate(mark: _Mark) -> str:
    if mark.is_too_small or mark.shown.startswith("0 "):
        return mark.counts
    return f"{mark.counts} · {mark.shown}"


def _is_drawn(mark: _Mark) -> bool:
    return mark.estimate.value is not None and mark.has_interval


def _drawable(mark: _Mark, top: float) -> dict[str, Any]:
    estimate = mark.estimate
    limits = estimate.interval
    drawn = _is_drawn(mark)
    upper = limits.upper if drawn else None
    sign = "diamond" if mark.is_kaplan_meier else "full"
    return {
        "value": estimate.value,
        "lower": limits.lower if drawn else None,
        "upper": None if upper is None else min(upper, top),
        "sides": None if upper is None else "one" if limits.one_sided else "two",
        "is_cut": upper is not None and upper > top,
        "is_too_small": mark.is_too_small,
        "sign": None
        if estimate.value is None or mark.is_too_small
        else "hollow"
        if estimate.value == 0
        else sign,
    }


def _key(values: Sequence[Mapping[str, Any]]) -> str:
    """What the signs in a picture mean, those that occur in it."""
    signs = (
        (_shown(values, "sign", "hollow"), _("○ none seen; its interval is one-sided.")),
        (
            _shown(values, "sign", "diamond"),
            _("◆ Kaplan-Meier, because more than 5 % were not assessed."),
        ),
        (
            any(value["is_too_small"] and value["sides"] for value in values),
            _("Interval without a point: fewer than ten, too few for a percentage."),
        ),
        (_shown(values, "is_cut", True), _("▸ or ▴: the interval reaches farther.")),
    )
    return " ".join(words for occurs, words in signs if occurs)


def _shown(values: Sequence[Mapping[str, Any]], name: str, wanted: str | bool) -> bool:
    return any(value[name] == wanted for value in values)


def _top(marks: Sequence[_Mark], fewest: int) -> float:
    """End of the axis of rates: the widest interval of groups that are not tiny."""
    seen = [mark for mark in marks if _is_drawn(mark)]
    large = [mark for mark in seen if mark.estimate.denominator >= fewest] or seen
    reach = [mark.estimate.interval.upper or mark.estimate.value or 0.0 for mark in large]
    points = [mark.estimate.value or 0.0 for mark in seen if not mark.is_too_small]
    return min(1.0, 1.05 * max([0.001, *reach, *points]))


def _scale(top: float) -> alt.Scale:
    return alt.Scale(domain=[0, top], nice=False, zero=True, clamp=True)


def _rate_axis() -> alt.Axis:
    return alt.Axis(title=None, format=RATE_FORMAT, tickCount=5, labelFlush=False, labelColor=INK)


def _unbroken(rows: Sequence[RateRow]) -> list[int]:
    """Number of the unbroken run of months that each row belongs to; a tiny month breaks it."""
    numbers = [int(row.code[:4]) * 12 + int(row.code[5:7]) for row in rows]
    small = [not display_rules.shows_percentage(row.mature) for row in rows]
    breaks = [False] + [
        after - before > 1 or is_small
        for (before, after), is_small in zip(itertools.pairwise(numbers), small, strict=False)
    ]
    return list(itertools.accumulate(int(is_break) for is_break in breaks))


def _steps(curve: Curve, last: int) -> list[dict[str, Any]]:
    """The curve from day 0, where nothing has happened yet, to the last day drawn."""
    steps: list[dict[str, Any]] = [
        {"day": day, "recurrence": recurred, "lower": lower, "upper": upper, "retreatment": again}
        for day, recurred, lower, upper, again in zip(
            curve.days, curve.recurrence, curve.lower, curve.upper, curve.retreatment, strict=True
        )
    ]
    if not steps or steps[0]["day"] > 0:
        start = {"day": 0, "recurrence": 0.0, "lower": None, "upper": None, "retreatment": 0.0}
        steps.insert(0, start)
    if steps[-1]["day"] < last:
        steps.append(steps[-1] | {"day": last})
    return steps


def _landmark_labels(row: RecurrenceRow) -> str:
    """For each tick its month and how many sites are still observed."""
    at_risk = [(0, int(row.success.numerator)), *((p.day, p.at_risk) for p in row.landmarks)]
    return json.dumps([[str(round(day * 12 / 365)), wording.count(n)] for day, n in at_risk])


def _apart(ends: list[dict[str, Any]], top: float) -> list[dict[str, Any]]:
    """The names at the ends of two lines, moved apart where they would cover each other."""
    low, high = sorted(ends, key=lambda end: float(end["share"]))
    room = 0.08 * top
    if high["share"] - low["share"] < room:
        high = high | {"share": min(top * 0.95, low["share"] + room)}
    return [low, high]


def _dots_in_words(marks: Sequence[_Mark], about: str) -> str:
    told = [f"{mark.label}: {mark.counts} ({mark.shown})" for mark in marks[:MOST_ROWS_IN_WORDS]]
    more = len(marks) - len(told)
    rest = (
        _say(message("and {count} more groups; the table holds all of them", count=more))
        if more > 0
        else ""
    )
    return f"{about}. " + "; ".join([*told, rest] if rest else told) + "."

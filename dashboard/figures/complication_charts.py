"""What was asked and what was not, when events begin, and how long they last."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import (
    GROUP,
    INK,
    LINE_HEIGHT,
    LONGEST_LINE,
    MOST_ROWS_IN_WORDS,
    Figure,
    chart_of,
    ended,
    rate_axis,
    rate_scale,
    row_labels,
    say,
)
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.event_course import BAR as BAR_CODE
from registry.analysis.event_course import RESOLUTION_DAYS, Duration, Onset
from registry.analysis.results import RateReport, RateRow
from registry.analysis.severity import LEVELS, SeverityReport
from registry.messages import message

BAR: Final = 18
LEGEND_LINE: Final = 24
SHADES: Final = ("#9AD0F0", "#3A93CC", "#004E7C", "transparent")
"""Of severities in their order, from light to dark; what nobody recorded is an open bar."""


def assessment(report: RateReport) -> Figure | None:
    """For each group who had the event, who was not asked, and who was asked and had not.

    In this order the part that was not asked reaches from the best to the worst case of the rate.
    None without a group that is old enough.
    """
    rows = [row for row in (*report.rows, report.total) if row.mature]
    if not rows:
        return None
    unit = say(message(report.unit))
    parts = (_("Had it"), _("Not asked"), _("Asked, and had not"))
    bars, values = [], []
    for i, row in enumerate(rows):
        counts = (row.events, row.mature - row.assessed, row.assessed - row.events)
        start = 0
        for part, count in zip(parts, counts, strict=True):
            bars.append(
                {
                    GROUP: row.code,
                    "row": i,
                    "part": part,
                    "start": start / row.mature,
                    "end": (start + count) / row.mature,
                    _("Group"): say(row.label),
                    _("Number"): f"{wording.count(count)} / {wording.count(row.mature)} {unit}",
                    _("Best to worst case"): wording.bounds(row.best, row.worst, row.mature),
                }
            )
            start += count
        values.append(_range(row))
    labels = [
        [*textwrap.wrap(say(row.label), LONGEST_LINE), value]
        for row, value in zip(rows, values, strict=True)
    ]
    lines = max(len(label) for label in labels)
    y = alt.Y(
        "row:O",
        axis=row_labels(labels),
    )
    names = (_("Group"), _("Number"), _("Best to worst case"))
    base = chart_of(bars).encode(
        x=alt.X("start:Q", scale=rate_scale(1.0), axis=rate_axis()),
        x2="end:Q",
        y=y,
        tooltip=[alt.Tooltip("part:N", title=_("Part")), *(alt.Tooltip(f"{n}:N") for n in names)],
    )
    legend = alt.Legend(
        title=None,
        orient="top",
        direction="vertical",
        columns=1,
        symbolType="square",
        symbolSize=140,
        symbolStrokeWidth=1,
        labelColor=INK,
        labelLimit=320,
    )
    drawn = base.mark_bar(height=BAR, stroke=INK, strokeWidth=1).encode(
        color=alt.Color(
            "part:N",
            sort=list(parts),
            scale=alt.Scale(domain=list(parts), range=["#0072B2", "transparent", "#9AD0F0"]),
            legend=legend,
        ),
        strokeDash=alt.StrokeDash(
            "part:N",
            sort=list(parts),
            scale=alt.Scale(domain=list(parts), range=[[1, 0], [3, 3], [1, 0]]),
            legend=None,
        ),
    )
    told = [
        f"{say(row.label)}: {value}"
        for row, value in zip(rows[:MOST_ROWS_IN_WORDS], values, strict=False)
    ]
    return Figure(
        alt.layer(drawn).properties(height=alt.Step(LINE_HEIGHT * (lines + 0.8))),
        _("Who had it, and who was asked: the open part reaches from the best to the worst case"),
        _("{title}, had it of all old enough, best to worst case. {told}.").format(
            title=say(report.heading.title), told="; ".join(told)
        ),
        is_by_group=True,
    )


def _range(row: RateRow) -> str:
    if row.assessed == row.mature:
        return wording.share(row.estimate)
    return wording.bounds(row.best, row.worst, row.mature)


def severity(report: SeverityReport) -> Figure | None:
    """Events of each kind by severity, as bars of their numbers; None without an event."""
    rows = [row for row in (*report.rows, report.total) if row.events]
    if not rows or len(report.rows) == 1:
        rows = rows[-1:]
    if not rows:
        return None
    parts = severities()
    bars = []
    for i, row in enumerate(rows):
        start = 0
        for level, part in enumerate(parts):
            serious = row.serious[level]
            count = row.not_serious[level] + serious
            if count:
                bars.append(
                    {
                        GROUP: row.code,
                        "row": i,
                        "part": part,
                        "start": start,
                        "end": start + count,
                        _("Event"): say(row.label),
                        _("Events"): wording.count(count),
                        _("Serious"): wording.count(serious),
                    }
                )
            start += count
    told = [
        _("{events}, serious: {serious}").format(
            events=wording.count(row.events), serious=wording.count(sum(row.serious))
        )
        for row in rows
    ]
    labels = [
        [*textwrap.wrap(say(row.label), LONGEST_LINE), said]
        for row, said in zip(rows, told, strict=True)
    ]
    lines = max(len(label) for label in labels)
    y = alt.Y("row:O", axis=row_labels(labels))
    axis = alt.Axis(title=None, tickMinStep=1, format="d", tickCount=5, labelColor=INK)
    names = (_("Event"), _("Events"), _("Serious"))
    shown = [part for part in parts if any(bar["part"] == part for bar in bars)]
    legend = alt.Legend(
        title=None,
        orient="top",
        # On a phone four names do not fit beside each other.
        columns=2,
        symbolType="square",
        symbolSize=140,
        symbolStrokeWidth=1,
        labelColor=INK,
    )
    drawn = (
        chart_of(bars)
        .mark_bar(height=BAR, stroke=INK, strokeWidth=1)
        .encode(
            alt.X("start:Q", scale=alt.Scale(zero=True, nice=False), axis=axis),
            alt.X2("end:Q"),
            y,
            color=alt.Color(
                "part:N",
                sort=shown,
                scale=alt.Scale(
                    domain=shown,
                    range=[s for s, p in zip(SHADES, parts, strict=True) if p in shown],
                ),
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("part:N", title=_("Severity")),
                *(alt.Tooltip(f"{name}:N") for name in names),
            ],
        )
    )
    several = [
        f"{say(row.label)}: {said}"
        for row, said in zip(rows[:MOST_ROWS_IN_WORDS], told, strict=False)
    ]
    return Figure(
        alt.layer(drawn).properties(height=alt.Step(LINE_HEIGHT * (lines + 0.8))),
        _("Number of events by severity"),
        _("{title}, number of events. {told}.").format(
            title=say(report.heading.title), told="; ".join(several)
        ),
        is_by_group=True,
    )


def severities() -> tuple[str, ...]:
    """Severities in the order of :data:`registry.analysis.severity.LEVELS`, as pages call them."""
    names = {
        "mild": _("Mild"),
        "moderate": _("Moderate"),
        "severe": _("Severe"),
        "not_recorded": _("Not recorded"),
    }
    return tuple(names[level] for level in LEVELS)


def onset(course: Onset, *, height: int = 220) -> Figure | None:
    """Events by day or week after the session, the end of the counting window marked; None for
    none."""
    if not course.events + course.later:
        return None
    width = course.bin_days
    inside, later = _("Counted"), _("After the window: not counted")
    values = [
        {
            GROUP: f"{BAR_CODE}{i}",
            "from": i * width,
            "to": (i + 1) * width,
            "none": 0,
            "events": count,
            "part": inside if i * width <= course.window_days else later,
            _("Days"): str(i) if width == 1 else f"{i * width}–{(i + 1) * width - 1}",
        }
        for i, count in enumerate(course.bins)
        if count
    ]
    highest = max([1, *course.bins])
    drawn = max(i for i, count in enumerate((1, *course.bins)) if count)
    reach = 1.05 * max(drawn * width, course.window_days + 1)
    x = alt.X(
        "from:Q",
        scale=alt.Scale(domain=[0, reach], nice=False),
        axis=alt.Axis(
            title=_("Days after the session"),
            tickMinStep=1,
            labelColor=INK,
            titleColor=INK,
            grid=False,
        ),
    )
    count_axis = alt.Axis(
        title=None, tickMinStep=1, format="d", tickCount=min(5, highest), labelColor=INK
    )
    y = alt.Y("events:Q", scale=alt.Scale(domain=[0, 1.1 * highest], nice=False), axis=count_axis)
    bars = (
        chart_of(values)
        .mark_bar(stroke=INK, strokeWidth=0.5)
        .encode(
            x,
            alt.X2("to:Q"),
            y,
            alt.Y2("none:Q"),
            opacity=alt.Opacity(
                "part:N",
                scale=alt.Scale(domain=[inside, later], range=[1.0, 0.25]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip(f"{_('Days')}:N"),
                alt.Tooltip("events:Q", title=_("Events")),
                alt.Tooltip("part:N", title=_("Part")),
            ],
        )
    )
    end = chart_of([{"from": course.window_days + 1, "name": _("end of the window")}])
    layers = [
        bars,
        end.mark_rule(color=INK, strokeDash=[4, 3]).encode(x),
        end.mark_text(align="right", dx=-5, dy=7, baseline="top", color=INK, fontSize=11).encode(
            x, y=alt.value(0), text="name:N"
        ),
    ]
    by = _("day") if width == 1 else _("week")
    beyond = (
        _("Later than drawn: {count}.").format(count=wording.count(course.beyond))
        if course.beyond
        else ""
    )
    return Figure(
        alt.layer(*layers).properties(height=height),
        _("Events by {by} after the session; pale: after the counting window").format(by=by),
        _("{event}: {events} events within {window} days of the session, {later} later.").format(
            event=say(course.label),
            events=wording.count(course.events),
            window=course.window_days,
            later=wording.count(course.later),
        ),
        beyond,
        is_by_group=True,
    )


def resolution(rows: Sequence[Duration], *, height: int = 280) -> Figure | None:
    """Share of events that had ended, by months since their onset; None where no curve is shown."""
    shown = [row for row in rows if any(row.days)]
    if not shown:
        return None
    last = max(max(row.days[-1] for row in shown), RESOLUTION_DAYS[0])
    steps: list[dict[str, Any]] = []
    names = []
    for row in shown:
        name = say(row.label)
        start = {GROUP: row.code, "name": name}
        curve = [
            start | {"day": day, "share": share, "lower": low, "upper": high}
            for day, share, low, high in zip(row.days, row.share, row.lower, row.upper, strict=True)
        ]
        none = start | {"day": 0, "share": 0.0, "lower": None, "upper": None}
        steps += ended([none, *curve], row.days[-1])
        names.append(name)
    ticks = [0, 91, *(day for day in RESOLUTION_DAYS if day <= 1.15 * last)]
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[0, max(last, ticks[-1])], nice=False),
        axis=alt.Axis(
            title=_("Months since onset"),
            values=ticks,
            labelExpr="round(datum.value * 12 / 365)",
            labelColor=INK,
            titleColor=INK,
        ),
    )
    axis, scale = rate_axis(), rate_scale(1.0)
    base = chart_of(steps)
    by_name = alt.Color(
        "name:N",
        sort=names,
        legend=alt.Legend(
            title=None, orient="top", columns=1, labelColor=INK, labelLimit=300, symbolOpacity=1
        )
        if len(shown) > 1
        else None,
    )
    dash = alt.StrokeDash("name:N", sort=names, legend=None)
    layers = [
        base.mark_area(interpolate="step-after", opacity=0.15).encode(
            x, alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q"), color=by_name
        ),
        base.mark_line(interpolate="step-after", strokeWidth=2.5).encode(
            x,
            alt.Y("share:Q", scale=scale, axis=axis),
            color=by_name,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("name:N", title=_("Event")),
                alt.Tooltip("day:Q", title=_("Day")),
                alt.Tooltip("share:Q", title=_("Share"), format=".0%"),
            ],
        ),
    ]
    return Figure(
        # The names above the lines take their room from the height.
        alt.layer(*layers).properties(height=height + LEGEND_LINE * len(shown)),
        _("Share of events that had ended, with 95 % band"),
        _("Share of events that had ended by the day after onset: {names}.").format(
            names=", ".join(names)
        ),
        is_by_group=True,
    )

"""Clocks of treated veins: curves of a few groups, points of many, and what a course takes."""

from __future__ import annotations

import json
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import (
    GROUP,
    INK,
    Figure,
    Mark,
    chart_of,
    dots,
    ended,
    rate_axis,
    rate_scale,
    say,
)
from dashboard.figures.recurrence_charts import ROOM_FOR_NAMES
from dashboard.text import _
from registry.analysis import clock_wording, wording
from registry.analysis.clock_results import ClockResult, ClockRow
from registry.analysis.response import Courses, ResponseReport
from registry.analysis.response_counts import COURSES
from registry.statistics import display_rules

MOST_CURVES: Final = 4
"""With more groups their points on one day are drawn instead."""
LEAST_TOP: Final = 0.05
ROOM_BETWEEN_NAMES: Final = 0.075


def clock_curves(clock: ClockResult, *, height: int = 320) -> Figure | None:
    """Cumulative incidence in up to four groups, or in all together without groups; None for more.

    Steps with their 95 % bands, each named at its end. Below the months stands how many are still
    observed, group by group. A line ends where fewer than ten, or a tenth of its group, are left;
    None where no line is left.
    """
    groups = [row for row in clock.rows or (clock.total,) if _last(row)]
    if not groups or len(clock.rows) > MOST_CURVES:
        return None
    last = max(_last(row) for row in groups)
    steps = [step for row in groups for step in _steps(row)]
    highest = max(float(step["upper"] or step["share"]) for step in steps)
    top = min(1.0, 1.15 * max(LEAST_TOP, highest))
    days = [point.day for point in clock.total.landmarks]
    marks = [0, *(day for day in days if day <= last)]
    if marks == [0]:
        marks += days[:1]
    labels = json.dumps([_below(groups, day) for day in marks])
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[0, max(marks[-1], last)], nice=False),
        axis=alt.Axis(
            title=None,
            values=marks,
            labelExpr=f"{labels}[indexof({json.dumps(marks)}, datum.value)]",
            labelOverlap="greedy",
            labelSeparation=4,
            labelColor=INK,
            grid=True,
        ),
    )
    names = [say(row.label) for row in groups]
    colour = alt.Color("name:N", sort=names, legend=None)
    dash = alt.StrokeDash(
        "name:N",
        sort=names,
        scale=alt.Scale(range=[[1, 0], [6, 4], [2, 3], [9, 3, 2, 3]]),
        legend=None,
    )
    axis, scale = rate_axis(), rate_scale(top)
    base = chart_of(steps)
    layers = [
        base.mark_area(interpolate="step-after", opacity=0.15).encode(
            x, alt.Y("lower:Q", scale=scale, axis=axis), alt.Y2("upper:Q"), color=colour
        ),
        base.mark_line(interpolate="step-after", strokeWidth=2.5).encode(
            x,
            alt.Y("share:Q", scale=scale, axis=axis),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("name:N", title=_("Group")),
                alt.Tooltip("day:Q", title=_("Day")),
                alt.Tooltip("share:Q", title=_("Share"), format=".1%"),
            ],
        ),
        chart_of(_ends(groups, top))
        .mark_text(align="left", dx=6, fontWeight="bold", fontSize=13, color=INK)
        .encode(x, alt.Y("share:Q", scale=scale, axis=axis), text="name:N"),
    ]
    below = (
        _("below the months: how many are still observed")
        if len(groups) == 1
        else _("below the months: how many are still observed of {groups}, in this order").format(
            groups=", ".join(names)
        )
    )
    told = "; ".join(
        _("{group}: {sentence}").format(
            group=say(row.label), sentence=say(clock_wording.clock_sentence(clock, row, 365))
        )
        for row in groups
    )
    return Figure(
        alt.layer(*layers).properties(height=height, padding=ROOM_FOR_NAMES),
        _("{clock}: share with 95 % band by months; {below}").format(
            clock=say(clock.label), below=below
        ),
        f"{say(clock_wording.course_of_clock(clock))} {told}",
    )


def clock_points(clock: ClockResult, day: int) -> Figure | None:
    """Incidence by a day in each group, all together as a line; None where no group is shown."""
    whole = clock_wording.point_at(clock.total, day)
    return dots(
        [_mark(clock, row, day) for row in clock.rows],
        _("{clock}: share by {months} months with 95 % interval").format(
            clock=say(clock.label), months=clock_wording.months(day)
        ),
        say(clock.label),
        whole.event.value if whole.is_shown else None,
    )


def clearance(report: ResponseReport) -> Figure | None:
    """Share that reached success on each scale that has a threshold, visit by visit."""
    rows = [(row, row.reached) for row in report.clearance if row.reached is not None]
    marks = [
        Mark(
            _("{visit}, {scored} of {due} scored").format(
                visit=say(row.visit_label),
                scored=wording.count(row.scores.count),
                due=wording.count(row.due),
            ),
            _("{reached} of {scored}").format(
                reached=wording.count(reached.numerator), scored=wording.count(reached.denominator)
            ),
            wording.share(reached),
            reached,
            not display_rules.shows_percentage(reached.denominator),
            details=(
                (_("Visit"), say(row.visit_label)),
                (_("Success"), wording.share(reached)),
                (_("95 % interval"), wording.interval(reached)),
                (_("Median"), clock_wording.number(row.scores.median)),
            ),
            group=f"{row.visit}:{row.scale}",
        )
        for row, reached in rows
    ]
    scales = ", ".join(dict.fromkeys(say(row.scale_label) for row, _reached in rows))
    title = _("Share that reached success, with 95 % interval: {scales}").format(scales=scales)
    return dots(marks, title, title)


def sessions_per_course(courses: Courses, *, height: int = 200) -> Figure | None:
    """Ended courses by their number of sessions; None without any."""
    if not courses.sessions:
        return None
    values = [
        {GROUP: f"{COURSES}:{n}", "sessions": str(n), "courses": courses.sessions.get(n, 0)}
        for n in range(1, max(courses.sessions) + 1)
    ]
    x = alt.X(
        "sessions:O",
        sort=None,
        axis=alt.Axis(title=_("Sessions"), labelAngle=0, labelColor=INK, titleColor=INK),
    )
    y = alt.Y(
        "courses:Q",
        axis=alt.Axis(title=None, tickMinStep=1, format="d", tickCount=4, labelColor=INK),
    )
    base = chart_of(values)
    bars = base.mark_bar(stroke=INK, strokeWidth=0.5).encode(
        x,
        y,
        tooltip=[
            alt.Tooltip("sessions:O", title=_("Sessions")),
            alt.Tooltip("courses:Q", title=_("Courses")),
        ],
    )
    numbers = base.mark_text(dy=-8, color=INK, fontSize=12).encode(x, y, text="courses:Q")
    return Figure(
        alt.layer(bars, numbers).properties(height=height),
        _("Ended courses by their number of sessions"),
        say(clock_wording.courses_sentence(courses)),
        is_by_group=True,
    )


def _mark(clock: ClockResult, row: ClockRow, day: int) -> Mark:
    point, label = clock_wording.point_at(row, day), say(row.label)
    shown = clock_wording.share_at(point)
    return Mark(
        label,
        _("{at_risk} observed").format(at_risk=wording.count(point.at_risk)),
        shown,
        point.event,
        not point.is_shown,
        has_interval=point.is_shown,
        details=(
            (_("Group"), label),
            (say(clock.label), shown),
            (_("95 % interval"), clock_wording.interval_at(point)),
            (_("Still observed"), wording.count(point.at_risk)),
            (_("Started"), wording.count(row.started)),
        ),
        group=row.code,
    )


def _last(row: ClockRow) -> int:
    """Last day of a group's line; 0 where none can be drawn."""
    observed = [p.day for p in row.landmarks if display_rules.draws_curve(p.at_risk, row.started)]
    return max([*row.steps.days[-1:], *observed], default=0)


def _steps(row: ClockRow) -> list[dict[str, Any]]:
    """The curve from day 0, where nothing has happened yet, to the last day drawn."""
    name, found = say(row.label), row.steps
    start: dict[str, Any] = {"day": 0, "share": 0.0, "lower": None, "upper": None, "name": name}
    steps = [start] if not found.days or found.days[0] > 0 else []
    steps += [
        {"day": day, "share": share, "lower": lower, "upper": upper, "name": name}
        for day, share, lower, upper in zip(
            found.days, found.share, found.lower, found.upper, strict=True
        )
    ]
    return ended(steps, _last(row))


def _ends(groups: list[ClockRow], top: float) -> list[dict[str, Any]]:
    """The name of each line at its end, moved apart where they would cover each other."""
    ends = sorted((_steps(row)[-1] for row in groups), key=lambda end: float(end["share"]))
    placed: list[dict[str, Any]] = []
    for end in ends:
        least = float(placed[-1]["share"]) + ROOM_BETWEEN_NAMES * top if placed else 0.0
        placed.append({**end, "share": max(float(end["share"]), least)})
    return placed


def _below(groups: list[ClockRow], day: int) -> list[str]:
    """A tick's month, and how many of each group are still observed then."""
    observed = [
        row.started if day == 0 else clock_wording.point_at(row, day).at_risk for row in groups
    ]
    return [str(clock_wording.months(day)), *map(wording.count, observed)]

"""Recurrence after success: its curve, and groups side by side on one day."""

from __future__ import annotations

import json
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import (
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
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.results import Curve, CurvePoint, RecurrenceReport, RecurrenceRow
from registry.statistics import display_rules

ROOM_FOR_NAMES: Final = {"left": 5, "top": 5, "right": 95, "bottom": 5}


def recurrence_by_group(report: RecurrenceReport, day: int) -> Figure | None:
    """Recurrence by a day after success in each group, all sites as a line."""
    marks = [_landmark_mark(row, _point(row, day)) for row in report.rows]
    total = _point(report.total, day)
    whole = total.recurrence.value if display_rules.shows_landmark(total.at_risk) else None
    title = _("Share recurred by day {day} with 95 % interval").format(day=day)
    return dots(marks, title, say(report.heading.title), whole)


def recurrence(row: RecurrenceRow, *, height: int = 320) -> Figure | None:
    """Cumulative incidence of recurrence and of retreatment, with bands; None without success.

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
    ends = [
        {"day": last, "share": steps[-1][what]["share"], "name": name}
        for what, name in names.items()
    ]
    reach = [step[what]["upper"] or step[what]["share"] for step in steps for what in names]
    top = min(1.0, 1.15 * max(0.05, *reach))
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
    axis = rate_axis()
    base = chart_of(
        [
            {"day": step["day"], "what": what, "name": name, **step[what]}
            for what, name in names.items()
            for step in steps
        ]
    )
    colour = alt.Color("what:N", sort=list(names), legend=None)
    layers = [
        base.mark_area(interpolate="step-after", opacity=0.18).encode(
            x,
            alt.Y("lower:Q", scale=rate_scale(top), axis=axis),
            alt.Y2("upper:Q"),
            color=colour,
        ),
        base.mark_line(interpolate="step-after", strokeWidth=2.5).encode(
            x,
            alt.Y("share:Q", scale=rate_scale(top), axis=axis),
            color=colour,
            strokeDash=alt.StrokeDash(
                "what:N", sort=list(names), scale=alt.Scale(range=[[1, 0], [6, 4]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("name:N", title=_("What happened")),
                alt.Tooltip("day:Q", title=_("Day")),
                alt.Tooltip("share:Q", title=_("Share"), format=".1%"),
            ],
        ),
        chart_of(_apart(ends, top))
        .mark_text(align="left", dx=6, fontWeight="bold", fontSize=13, color=INK)
        .encode(x, alt.Y("share:Q", scale=rate_scale(top), axis=axis), text="name:N"),
    ]
    twelve = _point(row, 365)
    return Figure(
        alt.layer(*layers).properties(height=height, padding=ROOM_FOR_NAMES),
        _(
            "Share of treated sites with 95 % bands, by months since success; below the months: "
            "how many sites are still observed"
        ),
        _("Cumulative share of treated sites with recurrence after success. {sentence}").format(
            sentence=say(wording.recurrence_sentence(row, twelve))
        ),
    )


def _landmark_mark(row: RecurrenceRow, point: CurvePoint) -> Mark:
    label = say(row.label)
    shown = wording.at_landmark(point.recurrence, point)
    return Mark(
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
        group=row.code,
    )


def _point(row: RecurrenceRow, day: int) -> CurvePoint:
    return next(point for point in row.landmarks if point.day == day)


def _steps(curve: Curve, last: int) -> list[dict[str, Any]]:
    """The curve from day 0, where nothing has happened yet, to the last day drawn."""
    none = {"share": 0.0, "lower": None, "upper": None}
    steps: list[dict[str, Any]] = [
        {
            "day": day,
            "recurrence": {
                "share": curve.recurrence[i],
                "lower": curve.lower[i],
                "upper": curve.upper[i],
            },
            "retreatment": {
                "share": curve.retreatment[i],
                "lower": curve.retreatment_lower[i],
                "upper": curve.retreatment_upper[i],
            },
        }
        for i, day in enumerate(curve.days)
    ]
    if not steps or steps[0]["day"] > 0:
        steps.insert(0, {"day": 0, "recurrence": none, "retreatment": none})
    return ended(steps, last)


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

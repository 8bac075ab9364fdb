"""Clinicians or clinics around their common rate, by how many sessions each has."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from dashboard.figures.marks import (
    GROUP,
    INK,
    Figure,
    chart_of,
    rate_axis,
    rate_scale,
    reference_line,
    say,
)
from dashboard.text import _
from registry.analysis import units_wording, wording
from registry.analysis.units import Standing, UnitRow, UnitsReport

_SMALL: Final = "small"
_OUTSIDE: Final = {
    Standing.HIGH_ALERT: "high",
    Standing.HIGH_ALARM: "high",
    Standing.LOW_ALERT: "low",
    Standing.LOW_ALARM: "low",
    Standing.REVIEW_CASES: "high",
}
"""A flag by so few events that the cases are to be reviewed is always a high one."""
_SHAPES: Final = {
    "within": ("circle", 95),
    "high": ("triangle-up", 130),
    "low": ("triangle-down", 130),
    "own": ("diamond", 190),
}


def funnel(report: UnitsReport, *, height: int = 340) -> Figure | None:
    """Each unit by sessions and rate between exact limits; None where no funnel may be drawn."""
    if not report.is_judged or report.target is None:
        return None
    values = [_point(row) for row in report.rows if row.share is not None]
    highest = max(value["value"] for value in values)
    # Limits of the smallest units run off; the picture ends where the points and the stem do.
    stem = [point.alarm[1] for point in report.lines if point.sessions >= _middle(values)]
    top = min(1.0, 1.12 * max(highest, 2 * report.target, *(line or 0.0 for line in stem)))
    last = report.lines[-1].sessions
    x = alt.X(
        "sessions:Q",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(title=None, grid=False, labelColor=INK, tickCount=6, format=",d"),
    )

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=rate_scale(top), axis=rate_axis())

    layers: list[alt.Chart] = [
        *reference_line(report.target, alt.Y("whole:Q", scale=rate_scale(top), axis=rate_axis()))
    ]
    for name, dash in (("alarm", [1, 0]), ("alert", [6, 4])):
        for side in (0, 1):
            line = [
                {"sessions": point.sessions, "limit": limit}
                for point in report.lines
                if (limit := getattr(point, name)[side]) is not None and limit <= top
            ]
            if len(line) > 1:
                layers.append(
                    chart_of(line)
                    .mark_line(strokeWidth=1.5, strokeDash=dash, color=INK, opacity=0.7)
                    .encode(x, y("limit"))
                )
    tooltip = [
        alt.Tooltip(f"{name}:N") for name in (_("Unit"), _("Events"), _("Rate"), _("Standing"))
    ]
    for sign, (shape, size) in _SHAPES.items():
        if found := [value for value in values if value["sign"] == sign]:
            points = chart_of(found).mark_point(shape=shape, size=size, filled=True, opacity=1)
            layers.append(points.encode(x, y("value"), tooltip=tooltip))
    if small := [value for value in values if value["sign"] == _SMALL]:
        points = chart_of(small).mark_point(shape="circle", size=40, color=INK, opacity=0.5)
        layers.append(points.encode(x, y("value"), tooltip=tooltip))
    for is_left, offset in ((True, 11), (False, -11)):
        named = [v for v in values if v["name"] and (2 * v["sessions"] < last) == is_left]
        if named:
            layers.append(
                chart_of(named)
                .mark_text(align="left" if is_left else "right", dx=offset, fontSize=12, color=INK)
                .encode(x, y("value"), text="name:N")
            )
    return Figure(
        alt.layer(*layers).properties(height=height),
        _("Share of sessions with the event, by number of sessions; dotted line: all together"),
        f"{say(report.heading.title)}. "
        + " ".join(say(sentence) for sentence in units_wording.answer(report)),
        _(
            "● within limits; ▲ ▼ outside them; ◆ you; small and hollow: fewer than ten sessions. "
            "Broken line: exact 95 % limits; full line: 99.8 %. Lines are smoothed between counts; "
            "the flags are not, so a point just outside a line may carry none."
        ),
        is_by_group=True,
    )


def _middle(values: list[dict[str, Any]]) -> float:
    sizes = sorted(value["sessions"] for value in values)
    return float(sizes[len(sizes) // 2])


def _point(row: UnitRow) -> dict[str, Any]:
    rate, label = row.rate, say(row.label)
    is_told = row.is_named or row.is_own
    sign = _SMALL
    if is_told:
        sign = _OUTSIDE.get(row.standing, "own" if row.is_own else "within")
    return {
        # Whoever is not told in the picture is not opened from it either.
        GROUP: rate.code if is_told else "",
        "sessions": rate.mature,
        "value": row.share,
        "sign": sign,
        "name": label if is_told and (row.is_own or row.standing.is_flagged) else "",
        _("Unit"): label if is_told else _("Fewer than ten sessions"),
        _("Events"): _("{events} of {sessions}").format(
            events=wording.count(rate.events), sessions=wording.count(rate.mature)
        ),
        _("Rate"): wording.share(rate.estimate),
        _("Standing"): say(units_wording.STANDINGS[row.standing]),
    }

"""The course of one indicator over the last quarters, small enough to stand in a line of text."""

from __future__ import annotations

import itertools
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import INK, Figure, chart_of
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.indicators import Point
from registry.analysis.judgement import value_shown
from registry.analysis.overview import IndicatorRow

HEIGHT: Final = 44
ROOM: Final = {"left": 4, "right": 6, "top": 5, "bottom": 5}


def sparkline(row: IndicatorRow) -> Figure | None:
    """The quarters from zero up, a gap where one says too little, the target as a dotted line.

    None with fewer than two quarters to draw.
    """
    drawn = [point for point in row.series if point.value is not None]
    if len(drawn) < 2:
        return None
    target = None if row.target is None else float(row.target) / row.indicator.unit.of
    top = 1.1 * max(0.001, target or 0.0, *(point.value or 0.0 for point in drawn))
    parts = itertools.accumulate(int(point.value is None) for point in row.series)
    values = [
        {
            "quarter": point.start.isoformat(),
            "value": point.value,
            "part": part,
            "is_last": point is drawn[-1],
            _("Quarter"): _quarter(point),
            _("Share"): wording.percent(point.value, point.observed),
            _("Of"): wording.count(point.observed),
        }
        for point, part in zip(row.series, parts, strict=True)
        if point.value is not None
    ]
    scale = alt.Scale(domain=[0, top], nice=False, zero=True)
    base = chart_of(values).encode(
        alt.X("quarter:T", scale=alt.Scale(type="utc"), axis=None),
        alt.Y("value:Q", scale=scale, axis=None),
        tooltip=[alt.Tooltip(f"{name}:N") for name in (_("Quarter"), _("Share"), _("Of"))],
    )
    layers: list[alt.Chart] = []
    if target is not None:
        layers.append(_rule(target, scale))
    layers += [
        base.mark_line(strokeWidth=2).encode(detail="part:N"),
        base.mark_point(filled=True, size=14, opacity=1),
        base.transform_filter("datum.is_last").mark_point(filled=True, size=80, opacity=1),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, padding=ROOM)
    return Figure(
        chart.configure_view(stroke=None),
        _(row.indicator.label),
        _("{indicator} by quarter of treatment, {first} to {last}. Now {now}.").format(
            indicator=_(row.indicator.label),
            first=_quarter(drawn[0]),
            last=_quarter(drawn[-1]),
            now=value_shown(row.now.told),
        ),
    )


def _rule(target: float, scale: alt.Scale) -> alt.Chart:
    values: list[dict[str, Any]] = [{"target": target}]
    rule: alt.Chart = (
        chart_of(values)
        .mark_rule(color=INK, opacity=0.6, strokeDash=[2, 3])
        .encode(alt.Y("target:Q", scale=scale, axis=None))
    )
    return rule


def _quarter(point: Point) -> str:
    """A quarter as Q3 2026."""
    return _("Q{number} {year}").format(number=(point.start.month + 2) // 3, year=point.start.year)

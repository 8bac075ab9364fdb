"""The thermometer of data quality: a bar for each side of it, filled to its share."""

from __future__ import annotations

import json
from typing import Any, Final

import altair as alt

from dashboard.figures.marks import INK, Figure, say
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.data_quality import QualityRow
from registry.statistics import display_rules

ROW: Final = 46


def thermometer(rows: tuple[QualityRow, ...], about: str) -> Figure | None:
    """Shares of whole parts, with their clinic where there are several; None without a record."""
    drawn = [row for row in rows if row.estimate.value is not None]
    if not drawn:
        return None
    values = [_value(i, row) for i, row in enumerate(drawn)]
    names_of = [say(row.label) for row in drawn]
    if len({row.clinic for row in drawn}) > 1:
        names_of = [f"{say(row.label)}, {say(row.clinic_label)}" for row in drawn]
    labels = [[name, _in_short(row)] for name, row in zip(names_of, drawn, strict=True)]
    y = alt.Y(
        "row:O",
        axis=alt.Axis(
            title=None,
            labelExpr=f"{json.dumps(labels)}[datum.value]",
            labelColor=INK,
            labelLimit=230,
            labelLineHeight=15,
            labelPadding=10,
            labelOverlap=False,
            labelOffset=-8,
            grid=False,
            ticks=False,
            domain=False,
        ),
    )
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(title=None, format="~%", tickCount=5, labelColor=INK, grid=False)
    names = [_("Part"), _("Share"), _("95 % interval"), _("Asked for")]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        y=y, tooltip=[alt.Tooltip(f"{name}:N") for name in names]
    )
    glass = base.mark_bar(
        size=20, filled=False, stroke=INK, strokeOpacity=0.4, cornerRadius=10
    ).encode(alt.X("zero:Q", scale=scale, axis=axis), alt.X2("whole"))
    filled = base.mark_bar(size=20, cornerRadius=10).encode(
        alt.X("zero:Q", scale=scale, axis=axis),
        alt.X2("value"),
        opacity=alt.condition("datum.is_enough", alt.value(1.0), alt.value(0.45)),
    )
    interval = base.mark_rule(strokeWidth=2, color=INK).encode(
        alt.X("lower:Q", scale=scale, axis=axis), alt.X2("upper")
    )
    needed = base.mark_tick(thickness=3, size=34, color=INK).encode(
        alt.X("needed:Q", scale=scale, axis=axis)
    )
    return Figure(
        alt.layer(glass, filled, interval, needed).properties(height=alt.Step(ROW)),
        _("Share as it should be, with 95 % interval; the stroke is what is asked for"),
        f"{about}: " + "; ".join(f"{name}: {short}" for name, short in labels) + ".",
        key=_("A pale bar has not reached its stroke.")
        if any(row.is_enough is False for row in drawn)
        else "",
    )


def _value(i: int, row: QualityRow) -> dict[str, Any]:
    estimate, limits = row.estimate, row.estimate.interval
    return {
        "row": i,
        "zero": 0,
        "whole": 1,
        "value": estimate.value,
        "lower": limits.lower,
        "upper": limits.upper,
        "needed": row.needed,
        "is_enough": row.is_enough is not False,
        _("Part"): say(row.label),
        _("Share"): wording.share(estimate),
        _("95 % interval"): wording.interval(estimate),
        _("Asked for"): wording.whole_percent(row.needed or 0),
    }


def _in_short(row: QualityRow) -> str:
    """The share with its verdict in words: "98.8 %, enough"."""
    if not display_rules.shows_percentage(row.estimate.denominator):
        return _("{share}, too few").format(share=wording.share(row.estimate))
    verdict = _("enough") if row.is_enough else _("below {needed}")
    needed = wording.whole_percent(row.needed or 0)
    return f"{wording.share(row.estimate)}, {verdict.format(needed=needed)}"

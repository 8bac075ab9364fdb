"""Mean amounts of each group with their intervals, one currency to a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
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
    row_labels,
    say,
)
from dashboard.text import _
from registry.analysis import costs_wording, wording
from registry.analysis.costs import CostReport, CostRow
from registry.messages import N_
from registry.statistics.result import Estimate

SESSION, COURSE, CLEAR = "session", "course", "clear"
TITLES: Final[Mapping[str, str]] = {
    SESSION: N_("Mean cost of a session in {currency}, with 95 % interval"),
    COURSE: N_("Mean cost of a complete course in {currency}, with 95 % interval"),
    CLEAR: N_("Cost in {currency} per patient seen clear, with 95 % interval"),
}


@dataclass(frozen=True, slots=True)
class _Mark:
    """One group to be drawn: its name, what it rests on, and its amount in words."""

    row: CostRow
    label: str
    counts: str
    shown: str
    interval: str
    estimate: Estimate

    @property
    def is_drawn(self) -> bool:
        return self.shown != wording.DASH


def costs(report: CostReport, currency: str, per: str = SESSION) -> Figure | None:
    """The mean of each group, or what it pays per clear patient; None with nothing to draw."""
    total = next(row for row in report.totals if row.currency == currency)
    whole = _mark(total, per)
    marks = [_mark(row, per) for row in report.of(currency)]
    has_groups = any(mark.is_drawn for mark in marks)
    if not has_groups:
        marks = [whole]
    if not any(mark.is_drawn for mark in marks):
        return None
    values = [_drawable(i, mark) for i, mark in enumerate(marks)]
    reach = [value["upper"] or value["value"] for value in values if value["value"] is not None]
    scale = alt.Scale(domain=[0, 1.05 * max(reach) or 1], nice=False)
    axis = alt.Axis(title=None, format=",.2~f", tickCount=5, labelFlush=False, labelColor=INK)
    labels = [
        [*textwrap.wrap(mark.label, LONGEST_LINE), _counts_and_amount(mark)] for mark in marks
    ]
    lines = max(len(label) for label in labels)
    y = alt.Y(
        "row:O",
        scale=alt.Scale(domain=list(range(len(marks)))),
        axis=row_labels(labels),
    )
    names = (_("Group"), _("Counted"), _("Amount"), _("95 % interval"))
    base = chart_of(values).encode(y=y, tooltip=[alt.Tooltip(f"{name}:N") for name in names])
    layers = []
    has_line = has_groups and whole.is_drawn
    if has_line:
        line = chart_of([{"whole": whole.estimate.value}])
        layers.append(
            line.mark_rule(color=INK, opacity=0.5, strokeDash=[2, 3]).encode(
                alt.X("whole:Q", scale=scale, axis=axis)
            )
        )
    if any(value["upper"] is not None for value in values):
        layers.append(
            base.transform_filter("isValid(datum.upper)")
            .mark_rule(strokeWidth=3, opacity=0.5, color=INK)
            .encode(alt.X("lower:Q", scale=scale, axis=axis), alt.X2("upper:Q"))
        )
    layers.append(
        base.transform_filter("isValid(datum.value)")
        .mark_point(shape="circle", filled=True, size=95, strokeWidth=2, opacity=1)
        .encode(alt.X("value:Q", scale=scale, axis=axis))
    )
    title = _(TITLES[per]).format(currency=currency)
    return Figure(
        alt.layer(*layers).properties(height=alt.Step(LINE_HEIGHT * (lines + 0.7))),
        _("{title}; dotted line: all together").format(title=title) if has_line else title,
        _in_words(marks, say(report.heading.title)),
        is_by_group=True,
    )


def _mark(row: CostRow, per: str) -> _Mark:
    if per == CLEAR:
        counts = _("{cleared} clear of {patients}").format(
            cleared=wording.count(row.clear.cleared), patients=wording.count(row.clear.patients)
        )
        shown = costs_wording.per_clear(row.clear, row.currency)
        interval = costs_wording.interval_per_clear(row.clear, row.currency)
        return _Mark(row, say(row.label), counts, shown, interval, row.clear.estimate)
    found = row.session if per == SESSION else row.course
    text = _("sessions: {count}") if per == SESSION else _("courses: {count}")
    return _Mark(
        row,
        say(row.label),
        text.format(count=wording.count(found.denominator)),
        costs_wording.mean(found, row.currency),
        costs_wording.interval(found, row.currency),
        found,
    )


def _drawable(i: int, mark: _Mark) -> dict[str, Any]:
    limits = mark.estimate.interval
    return {
        GROUP: mark.row.code,
        "row": i,
        "value": mark.estimate.value if mark.is_drawn else None,
        "lower": limits.lower if mark.is_drawn else None,
        "upper": limits.upper if mark.is_drawn else None,
        _("Group"): mark.label,
        _("Counted"): mark.counts,
        _("Amount"): mark.shown,
        _("95 % interval"): mark.interval,
    }


def _counts_and_amount(mark: _Mark) -> str:
    return f"{mark.counts} · {mark.shown}" if mark.is_drawn else mark.counts


def _in_words(marks: list[_Mark], about: str) -> str:
    told = [f"{mark.label}: {_counts_and_amount(mark)}" for mark in marks[:MOST_ROWS_IN_WORDS]]
    more = len(marks) - len(told)
    if more > 0:
        told.append(_("and {count} more groups; the table holds all of them").format(count=more))
    return f"{about}. " + "; ".join(told) + "."

"""Rates of groups and months, and how complete follow-up is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import altair as alt

from dashboard.figures.marks import (
    INK,
    Figure,
    Mark,
    chart_of,
    cut_marks,
    dots,
    drawable,
    end_of_axis,
    key_of,
    points,
    rate_axis,
    rate_scale,
    reference_line,
    say,
)
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.results import Basis, FollowUpReport, RateReport, RateRow
from registry.messages import message
from registry.statistics import display_rules


def rates(report: RateReport) -> Figure | None:
    """Point and interval for each group, all sessions as a line; None without a rate to draw."""
    marks = [_rate_mark(row) for row in report.rows]
    whole = None if report.by == "event" else _value(report.total)
    title = _("Share of {unit} with 95 % interval").format(unit=say(message(report.unit)))
    return dots(marks, title, say(report.heading.title), whole)


def two_groups(a: RateRow, b: RateRow, about: str) -> Figure | None:
    """Point and interval of two groups; None without a rate to draw."""
    title = _("Share of sessions with 95 % interval")
    return dots([_rate_mark(a), _rate_mark(b)], title, about)


def months(report: RateReport, *, height: int = 260) -> Figure | None:
    """The rate month by month with its interval; None without a month large enough for a rate.

    The line breaks where a month has no rate, so a gap in the data is a gap in the picture. Where
    too few were assessed for a rate stands what is known: from the best to the worst case.
    """
    drawn = [
        row
        for row in report.rows
        if row.mature and (row.estimate.value is not None or row.basis is Basis.BOUNDS)
    ]
    if not any(display_rules.shows_percentage(row.mature) for row in drawn):
        return None
    marks = [_rate_mark(row) for row in drawn]
    top = end_of_axis(marks, display_rules.MINIMUM_SESSIONS_PER_POINT)
    values = [
        drawable(mark, top)
        | {"month": f"{row.code}-01", "part": part, **dict(mark.details), _("Month"): mark.label}
        for row, mark, part in zip(drawn, marks, _unbroken(drawn), strict=True)
    ]
    tooltip = [alt.Tooltip(f"{name}:N") for name in (_("Month"), *dict(marks[0].details))]
    x = alt.X(
        "month:T",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(title=None, format="%b %Y", grid=False, tickCount="month", labelColor=INK),
    )
    y = alt.Y("value:Q", scale=rate_scale(top), axis=rate_axis())
    base = chart_of(values).encode(x=x, tooltip=tooltip)
    layers: list[alt.Chart] = [
        base.transform_filter("isValid(datum.upper) && datum.sides !== 'extremes'")
        .mark_rule(strokeWidth=6, opacity=0.25, color=INK)
        .encode(alt.Y("lower:Q", scale=rate_scale(top), title=None), alt.Y2("upper:Q")),
        base.transform_filter("datum.sides === 'extremes'")
        .mark_rule(strokeWidth=3, opacity=0.5, strokeDash=[2, 2], color=INK)
        .encode(alt.Y("lower:Q", scale=rate_scale(top), title=None), alt.Y2("upper:Q")),
        base.transform_filter("!datum.is_too_small && isValid(datum.value)")
        .mark_line(strokeWidth=2)
        .encode(y=y, detail="part:N"),
        *points(values, base, y),
        *cut_marks(values, base, "triangle-up", alt.Y("upper:Q", scale=rate_scale(top))),
    ]
    layers += reference_line(_value(report.total), alt.Y("whole:Q", scale=rate_scale(top)))
    return Figure(
        alt.layer(*layers).properties(height=height),
        _month_title(report, drawn).format(unit=say(message(report.unit))),
        _("{title}, by month from {first} to {last}. {all}").format(
            title=say(report.heading.title),
            first=marks[0].label,
            last=marks[-1].label,
            all=_("All together: {rate}.").format(rate=wording.rate(report.total)),
        ),
        key_of(values),
        is_by_group=True,
    )


def _month_title(report: RateReport, drawn: Sequence[RateRow]) -> str:
    if all(row.basis is Basis.BOUNDS for row in drawn):
        return _(
            "Share of {unit} by month of treatment: the range that is known, from the best to the "
            "worst case"
        )
    if _value(report.total) is None:
        return _("Share of {unit} by month of treatment, with 95 % interval")
    return _("Share of {unit} by month of treatment, with 95 % interval; dotted line: all together")


def follow_up(report: FollowUpReport) -> Figure | None:
    """How complete follow-up is, visit by visit."""
    marks = [
        Mark(
            say(row.label),
            _("{seen} of {due}").format(seen=wording.count(row.seen), due=wording.count(row.due)),
            wording.share(row.completeness),
            row.completeness,
            not display_rules.shows_percentage(row.due),
            details=(
                (_("Visit"), say(row.label)),
                (_("Seen"), f"{wording.count(row.seen)} / {wording.count(row.due)}"),
                (_("95 % interval"), wording.interval(row.completeness)),
            ),
            group=row.code,
        )
        for row in report.rows
    ]
    title = _("Share of sessions whose patient was seen, with 95 % interval")
    return dots(marks, title, say(report.heading.title))


def _value(row: RateRow) -> float | None:
    return row.estimate.value if display_rules.shows_percentage(row.mature) else None


def _rate_mark(row: RateRow) -> Mark:
    label = say(row.label)
    counts = _("{events} of {sessions}").format(
        events=wording.count(row.events), sessions=wording.count(row.mature)
    )
    extremes, shown = None, wording.rate(row)
    if row.basis is Basis.BOUNDS and row.best is not None and row.worst is not None:
        extremes, shown = (row.best, row.worst), _("best to worst {range}").format(range=shown)
    return Mark(
        label,
        counts,
        shown,
        row.estimate,
        not display_rules.shows_percentage(row.mature),
        is_kaplan_meier=row.basis is Basis.KAPLAN_MEIER,
        details=(
            (_("Group"), label),
            (_("Rate"), shown),
            (_("95 % interval"), wording.interval(row.estimate)),
            (_("Events"), counts),
            (_("Assessed"), wording.percent(row.completeness, row.mature)),
            (_("Method"), say(wording.method(row.estimate))),
        ),
        group=row.code,
        extremes=extremes,
    )


def _unbroken(rows: Sequence[RateRow]) -> list[int]:
    """Number of the unbroken run of months that each row belongs to; a tiny month breaks it."""
    numbers = [int(row.code[:4]) * 12 + int(row.code[5:7]) for row in rows]
    small = [not display_rules.shows_percentage(row.mature) for row in rows]
    breaks = [False] + [
        after - before > 1 or is_small
        for (before, after), is_small in zip(itertools.pairwise(numbers), small, strict=False)
    ]
    return list(itertools.accumulate(int(is_break) for is_break in breaks))

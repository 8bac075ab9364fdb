"""Clocks, response and claims in words, the same on the page and in the terminal."""

from __future__ import annotations

from typing import Final

from registry.analysis import wording
from registry.analysis.claims import OwnFigure
from registry.analysis.clock_results import (
    ClockPoint,
    ClockResult,
    ClockRow,
    GroupComparison,
    GroupDifference,
)
from registry.analysis.comparison_wording import points, points_interval
from registry.analysis.response import Courses, Spread
from registry.messages import Message, listed, message
from registry.statistics import display_rules

ONE_YEAR: Final = 365


def months(day: int) -> int:
    """The months that a landmark stands for."""
    return round(day * 12 / 365)


def point_at(row: ClockRow, day: int) -> ClockPoint:
    """A row's estimates at one landmark."""
    return next(point for point in row.landmarks if point.day == day)


def share_at(point: ClockPoint) -> str:
    """The incidence by a day; a dash where it cannot be told.

    Where none was seen, of how many still observed: the bound rests on them.
    """
    estimate = point.event
    if not point.is_shown or estimate.value is None:
        return wording.DASH
    if estimate.value == 0:
        return wording.of_all(0, point.at_risk)
    return wording.percent(estimate.value, estimate.denominator)


def interval_at(point: ClockPoint) -> str:
    """Limits of the incidence by a day; a dash where it has one."""
    return wording.interval(point.event) if point.is_shown else wording.DASH


def clock_sentence(clock: ClockResult, row: ClockRow, day: int) -> Message:
    """What a clock says of one group by a day, or why it says nothing."""
    point = point_at(row, day)
    parts = {
        "unit": message(clock.unit),
        "started": wording.count(row.started),
        "at_risk": wording.count(point.at_risk),
        "months": months(day),
        "event": clock.event,
    }
    if not row.started:
        return message("This clock has not started for any of the {unit}.", **parts)
    if not point.is_shown or point.event.value is None:
        return message(
            "Not estimable at {months} months: of {started} {unit} {at_risk} are still observed "
            "then, and fewer than {fewest} say too little.",
            fewest=display_rules.MINIMUM_AT_RISK_FOR_LANDMARK,
            **parts,
        )
    if point.event.numerator == 0:
        return message(
            "None of {started} {unit} by {months} months, {at_risk} still observed. A true share "
            "up to {upper} is compatible with this ({level} confidence).",
            upper=wording.upper_bound(point.event.interval.upper, row.started),
            level=wording.level(point.event),
            **parts,
        )
    return message(
        "{share} of {started} {unit} by {months} months ({level} CI {interval}); {at_risk} are "
        "still observed.",
        share=wording.percent(point.event.value, row.started),
        level=wording.level(point.event),
        interval=wording.interval(point.event),
        **parts,
    )


def course_of_clock(clock: ClockResult) -> Message:
    """From what to what a clock runs, and what ends it otherwise."""
    return message(
        "From {starts}, to {event}. Competing: {competing}. Observed until {ends}.",
        starts=clock.starts,
        event=clock.event,
        competing=listed(clock.competing),
        ends=clock.ends,
    )


def in_full(clock: ClockResult) -> Message:
    """A clock with what it says by 12 months, and from what to what it runs."""
    return message(
        "{clock}: {sentence} {course}",
        clock=clock.label,
        sentence=clock_sentence(clock, clock.total, ONE_YEAR),
        course=course_of_clock(clock),
    )


def difference_sentence(found: GroupDifference, reference: Message) -> Message:
    """One group minus the reference at a landmark, in points."""
    return message(
        "{group} minus {reference} at {months} months: {points} points ({interval}).",
        group=found.label,
        reference=reference,
        months=months(found.day),
        points=points(found.estimate.value),
        interval=message(
            "{level} CI {limits}",
            level=wording.level(found.estimate),
            limits=points_interval(found.estimate),
        )
        if found.estimate.interval.lower is not None
        else message("no interval: one of the two has no event"),
    )


def tested_sentence(comparison: GroupComparison) -> Message:
    """Whether chance alone would set the groups so far apart, or why that is not said."""
    test = comparison.test
    if test is None:
        return comparison.withheld or message("No test.")
    name = {
        "gray": message("Gray's test"),
        "log_rank_cause_specific_by_patient": message("Log-rank test by patient"),
    }[test.method]
    return message(
        "{name}, {groups} groups, not adjusted: χ² {chi_square}, {freedom} df, p {p}.",
        name=name,
        groups=len(test.groups),
        chi_square=wording.decimal(test.chi_square, 1),
        freedom=test.degrees_of_freedom,
        p=p_value(test.p_value),
    )


def p_value(value: float) -> str:
    """Two significant digits, "= 0.062"; "< 0.001" below."""
    if value < 0.001:
        return "< 0.001"
    decimals = 3 if value < 0.1 else 2
    return f"= {value:.{decimals}f}"


def number(value: float | None) -> str:
    """A median or quartile: whole where it is, otherwise one decimal; a dash for none."""
    if value is None:
        return wording.DASH
    return wording.count(value) if float(value).is_integer() else wording.decimal(value, 1)


def quartiles(spread: Spread) -> str:
    """The middle half, "49–61"."""
    if spread.quartiles is None:
        return wording.DASH
    return "–".join(number(value) for value in spread.quartiles)


def courses_sentence(courses: Courses) -> Message:
    """How many sessions a course takes, and how far apart they are."""
    if not courses.spread.count:
        return message("No course has ended yet, so its sessions cannot be counted.")
    return message(
        "Half of the {count} ended courses took {median} sessions or fewer (middle half "
        "{quartiles}). Topped up beyond the plan: {topped_up} of {planned} ({level} CI "
        "{interval}). Days between sessions: median {gap} (middle half {gap_quartiles}, {gaps} "
        "gaps).",
        count=wording.count(courses.spread.count),
        median=number(courses.spread.median),
        quartiles=quartiles(courses.spread),
        topped_up=wording.count(courses.topped_up.numerator),
        planned=wording.count(courses.topped_up.denominator),
        level=wording.level(courses.topped_up),
        interval=wording.interval(courses.topped_up),
        gap=number(courses.gaps.median),
        gap_quartiles=quartiles(courses.gaps),
        gaps=wording.count(courses.gaps.count),
    )


def own_figure(own: OwnFigure) -> Message:
    """An own figure without its name: share with interval, or median with its middle half."""
    if own.share is not None and own.share.value is not None:
        x, n = own.share.numerator, own.share.denominator
        shown, limits = wording.share(own.share), wording.interval(own.share)
        if x == 0 or not display_rules.shows_percentage(n):
            return message("{share} ({limits})", share=shown, limits=limits)
        return message(
            "{share} ({limits}) of {count}", share=shown, limits=limits, count=wording.count(n)
        )
    if own.spread is not None and own.spread.median is not None:
        return message(
            "median {median} {unit} (middle half {quartiles}, n = {count})",
            median=number(own.spread.median),
            unit=message(own.unit),
            quartiles=quartiles(own.spread),
            count=wording.count(own.spread.count),
        )
    return message("too little to tell yet")

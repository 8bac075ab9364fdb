"""Differences and ratios of two groups in words, the same on the page and in the terminal."""

from __future__ import annotations

from registry.analysis import wording
from registry.analysis.comparison import ComparisonReport, Contrast
from registry.analysis.results import RateRow
from registry.messages import Message, _, listed, message
from registry.statistics.result import Estimate

MINUS = "\N{MINUS SIGN}"


def points(value: float | None) -> str:
    """A difference of shares in points of a hundred, with its sign."""
    if value is None:
        return wording.DASH
    rounded = round(100 * abs(value), 1)
    sign = "" if rounded == 0 else MINUS if value < 0 else "+"
    return sign + wording.decimal(rounded, 1)


def points_interval(estimate: Estimate) -> str:
    """Limits of a difference, "+0.9 to +7.0"."""
    limits = estimate.interval
    if limits.lower is None or limits.upper is None:
        return wording.DASH
    return _("{low} to {high}").format(low=points(limits.lower), high=points(limits.upper))


def ratio(estimate: Estimate | None) -> str:
    """A ratio with two decimals; a dash where it is not defined."""
    return (
        wording.DASH
        if estimate is None or estimate.value is None
        else wording.decimal(estimate.value, 2)
    )


def ratio_interval(estimate: Estimate | None) -> str:
    """Limits of a ratio, "1.15–2.76"."""
    if estimate is None or estimate.interval.lower is None or estimate.interval.upper is None:
        return wording.DASH
    return "–".join(
        wording.decimal(end, 2) for end in (estimate.interval.lower, estimate.interval.upper)
    )


def group_sentence(row: RateRow) -> Message:
    """The rate of one group with its counts."""
    return message(
        "{group}: {rate} ({level} CI {interval}), {events} of {sessions} sessions.",
        group=row.label,
        rate=wording.share(row.estimate),
        level=wording.level(row.estimate),
        interval=wording.interval(row.estimate),
        events=wording.count(row.events),
        sessions=wording.count(row.mature),
    )


def group_sentences(report: ComparisonReport) -> tuple[Message, ...]:
    """The rate of each group there is; with fewer than two, that there is nothing to compare."""
    told = tuple(group_sentence(row) for row in report.groups)
    if len(told) == 2:
        return told
    return (*told, message("There are no two groups here, so there is nothing to compare."))


def verdict(contrast: Contrast) -> Message:
    """Whether the difference could be none."""
    limits = contrast.difference.interval
    if limits.lower is None or limits.upper is None:
        return message("How sure this is cannot be said.")
    if limits.lower <= 0 <= limits.upper:
        return message("No difference at all fits these figures too.")
    return message("Chance alone seldom makes so large a difference.")


def contrast_sentence(report: ComparisonReport) -> Message:
    """Crude difference and ratio, and how sure they are."""
    crude = report.crude
    if crude is None:
        return message("There is no difference to be given.")
    parts = {
        "points": points(crude.difference.value),
        "level": wording.level(crude.difference),
        "interval": points_interval(crude.difference),
        "verdict": verdict(crude),
    }
    if crude.ratio is None or crude.ratio.value is None:
        return message(
            "Unadjusted difference {points} points ({level} CI {interval}). {verdict}", **parts
        )
    return message(
        "Unadjusted difference {points} points ({level} CI {interval}); ratio {ratio} "
        "({ratio_interval}). {verdict}",
        ratio=ratio(crude.ratio),
        ratio_interval=ratio_interval(crude.ratio),
        **parts,
    )


def adjusted_sentence(report: ComparisonReport) -> Message | None:
    """The difference at equal case mix; None without one."""
    if report.adjusted is None:
        return None
    found = report.adjusted
    return message(
        "Adjusted for {names}: {points} points ({level} CI {interval}), ratio {ratio} "
        "({ratio_interval}).",
        names=listed(report.levelled),
        points=points(found.difference.value),
        level=wording.level(found.difference),
        interval=points_interval(found.difference),
        ratio=ratio(found.ratio),
        ratio_interval=ratio_interval(found.ratio),
    )

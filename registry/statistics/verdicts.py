"""Whether an estimate differs from what it is compared with, decided by limits alone.

A verdict is given only when an interval leaves the comparison out; everything else is no clear
difference. One comparison in twenty leaves it out by chance.
"""

from __future__ import annotations

from enum import StrEnum
from math import hypot, log

from registry.statistics.result import Estimate, Interval


class Verdict(StrEnum):
    """Where an estimate stands to its comparison."""

    HIGHER = "higher"
    NO_CLEAR_DIFFERENCE = "no_clear_difference"
    LOWER = "lower"


def two_sided(estimate: Estimate) -> Interval | None:
    """The limits with half of the error probability on each side; None where one is not defined.

    A one-sided bound 1 - a^(1/n) after no event becomes 1 - (a/2)^(1/n), so that what is compared
    has one level whether or not an event was seen.
    """
    limits = estimate.interval
    if limits.lower is None or limits.upper is None:
        return None
    if not limits.one_sided:
        return limits
    error = 1.0 - limits.level
    wider = 1.0 - (1.0 - limits.upper) ** (log(error / 2.0) / log(error))
    return Interval(limits.lower, wider, limits.level, f"{limits.method}_two_sided")


def difference_of(first: Estimate, second: Estimate) -> Estimate | None:
    """First minus second with limits from both intervals; None where one has no limits.

    The distances from each estimate to its limits are squared and added, as Newcombe (1998, method
    10) does with Wilson limits; with limits by patient or of a curve it is the same step (Zou &
    Donner 2008). The two are taken as independent; the counts are those of the first.
    """
    one, two = two_sided(first), two_sided(second)
    p, q = first.value, second.value
    if one is None or two is None or p is None or q is None:
        return None
    assert one.lower is not None and one.upper is not None  # noqa: S101, PT018 - of `two_sided`
    assert two.lower is not None and two.upper is not None  # noqa: S101, PT018
    interval = Interval(
        p - q - hypot(p - one.lower, two.upper - q),
        p - q + hypot(one.upper - p, q - two.lower),
        one.level,
        "square_and_add",
    )
    return Estimate(p - q, interval, first.numerator, first.denominator, first.unit)


def verdict(limits: Interval | None, comparison: float = 0.0) -> Verdict | None:
    """Where limits stand to a value; None without limits."""
    if limits is None or limits.lower is None or limits.upper is None:
        return None
    if limits.lower > comparison:
        return Verdict.HIGHER
    return Verdict.LOWER if limits.upper < comparison else Verdict.NO_CLEAR_DIFFERENCE

"""Is a difference called one only when the limits leave nothing else?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.statistics.comparisons import newcombe
from registry.statistics.proportions import ProportionMethod, clopper_pearson, proportion
from registry.statistics.result import Estimate, Interval
from registry.statistics.verdicts import Verdict, difference_of, two_sided, verdict

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def by_wilson(x: int, n: int) -> Estimate:
    return proportion(x, n, method=ProportionMethod.WILSON)


@given(COUNTS, COUNTS)
def test_with_wilson_limits_it_is_the_difference_of_newcombe(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    found = difference_of(by_wilson(*one), by_wilson(*two))
    assert found is not None
    lower, upper = newcombe(*one, *two)
    assert found.interval.lower == pytest.approx(float(lower), abs=1e-12)
    assert found.interval.upper == pytest.approx(float(upper), abs=1e-12)
    assert (found.numerator, found.denominator) == one


@given(st.integers(1, 5000), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_bound_after_no_event_becomes_the_two_sided_one(n: int, level: float) -> None:
    limits = two_sided(proportion(0, n, level=level))
    assert limits is not None
    assert not limits.one_sided
    assert limits.upper == pytest.approx(float(clopper_pearson(0, n, level)[1]), rel=1e-9)


def test_without_limits_there_is_no_verdict() -> None:
    nothing = Estimate(None, Interval(None, None, 0.95, "wilson"), 0, 0, "sessions")
    assert two_sided(nothing) is None
    assert difference_of(by_wilson(3, 10), nothing) is None
    assert verdict(None) is None


@pytest.mark.parametrize(
    ("lower", "upper", "comparison", "found"),
    [
        (0.021, 0.05, 0.02, Verdict.HIGHER),
        (0.02, 0.05, 0.02, Verdict.NO_CLEAR_DIFFERENCE),
        (0.01, 0.02, 0.02, Verdict.NO_CLEAR_DIFFERENCE),
        (0.01, 0.019, 0.02, Verdict.LOWER),
        (-0.01, 0.01, 0.0, Verdict.NO_CLEAR_DIFFERENCE),
    ],
)
def test_a_limit_that_touches_the_comparison_decides_nothing(
    lower: float, upper: float, comparison: float, found: Verdict
) -> None:
    assert verdict(Interval(lower, upper, 0.95, "wilson"), comparison) is found

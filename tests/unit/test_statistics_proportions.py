from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from registry.statistics.proportions import (
    ProportionMethod,
    bounds_for_unassessed,
    clopper_pearson,
    jeffreys,
    proportion,
    rule_of_three,
    wilson,
    zero_event_bound,
)
from registry.statistics.result import Caution
from tests.agreement import agrees

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.998])
COUNTS = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("x", "n", "lower", "upper"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_reproduces_the_table_of_newcombe_1998(x, n, lower, upper):
    agrees("proportions.wilson", "printed table, Newcombe 1998", wilson(x, n), (lower, upper))


@pytest.mark.parametrize(
    ("x", "n", "per_thousand"), [(49, 12_173, (3.05, 5.32)), (27, 1_025, (18.2, 38.1))]
)
def test_wilson_of_published_sclerotherapy_series(x, n, per_thousand):
    digits = 2 if n > 10_000 else 1
    assert tuple(np.round(1000 * np.array(wilson(x, n)), digits).tolist()) == per_thousand


def test_zero_of_344_is_compatible_with_nearly_nine_per_thousand():
    found = proportion(0, 344)
    assert found.value == 0.0
    assert found.interval.one_sided
    assert found.interval.method == "zero_event_bound"
    assert round(1000 * found.interval.upper, 1) == 8.7
    assert found.warnings == (Caution.NO_EVENTS,)
    two_sided = proportion(0, 344, method=ProportionMethod.CLOPPER_PEARSON)
    assert round(1000 * two_sided.interval.upper, 1) == 10.7
    assert not two_sided.interval.one_sided


@pytest.mark.parametrize(("n", "one_in"), [(842, 3 / 1000), (8192, 3 / 10_000)])
def test_rule_of_three_of_eypasch_1995(n, one_in):
    # Eypasch quotes "about": 3/842 = 3.6/1000 and 3/8192 = 3.7/10,000.
    agrees("proportions.rule_of_three", "definition", rule_of_three(n), 3 / n)
    assert one_in < rule_of_three(n) < 1.25 * one_in
    assert zero_event_bound(n) == pytest.approx(3 / n, rel=0.005)


def test_rule_of_three_is_withheld_for_small_n():
    assert np.isnan(rule_of_three(29))
    assert rule_of_three(30) == 0.1
    assert np.isnan(rule_of_three(0))


def test_zero_event_bound_of_twenty():
    assert zero_event_bound(20) == pytest.approx(0.139, abs=5e-4)
    assert clopper_pearson(0, 20)[1] == pytest.approx(0.168, abs=5e-4)


@given(COUNTS, LEVELS)
def test_limits_agree_with_statsmodels_and_scipy(counts, level):
    x, n = counts

    def theirs(method):
        return proportion_confint(x, n, alpha=1 - level, method=method)

    agrees("proportions.wilson", "statsmodels", wilson(x, n, level), theirs("wilson"))
    exact = clopper_pearson(x, n, level)
    agrees("proportions.clopper_pearson", "statsmodels", exact, theirs("beta"))
    interval = binomtest(x, n).proportion_ci(level, "exact")
    agrees("proportions.clopper_pearson", "scipy binomtest", exact, interval)
    if 0 < x < n:
        agrees("proportions.jeffreys", "statsmodels", jeffreys(x, n, level), theirs("jeffreys"))


@given(COUNTS, LEVELS, st.sampled_from([wilson, clopper_pearson, jeffreys]))
def test_interval_contains_the_estimate_stays_in_range_and_mirrors(counts, level, limits):
    x, n = counts
    lower, upper = limits(x, n, level)
    assert 0.0 <= lower <= x / n <= upper <= 1.0
    mirrored = limits(n - x, n, level)
    assert np.allclose((lower, upper), (1 - mirrored[1], 1 - mirrored[0]), rtol=0, atol=1e-12)


@given(COUNTS)
def test_more_confidence_is_a_wider_interval(counts):
    x, n = counts
    for limits in (wilson, clopper_pearson, jeffreys):
        narrow, wide = limits(x, n, 0.9), limits(x, n, 0.99)
        assert wide[0] <= narrow[0]
        assert narrow[1] <= wide[1]


@given(st.integers(1, 10**6), LEVELS)
def test_zero_event_bound_is_the_rate_that_gives_no_event_with_the_error_probability(n, level):
    no_event = n * np.log1p(-zero_event_bound(n, level))
    agrees("proportions.zero_event_bound", "definition", no_event, np.log1p(-level))


def test_arrays_broadcast_and_empty_cells_are_nan():
    x, n = np.array([[0, 3]]), np.array([[0, 10], [20, 40]])
    for limits in (wilson, clopper_pearson, jeffreys):
        lower, upper = limits(np.array([[0, 3]]), n)
        assert lower.shape == upper.shape == (2, 2)
        assert np.isnan([lower[0, 0], upper[0, 0]]).all()
        assert np.isfinite(lower.ravel()[1:]).all()
        assert lower[1, 1] == limits(int(x[0, 1]), int(n[1, 1]))[0]
    assert np.isnan(zero_event_bound([0, 10])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("x", "n", "method"),
    [
        (0, 50, "zero_event_bound"),
        (1, 50, "clopper_pearson"),
        (4, 50, "clopper_pearson"),
        (5, 50, "wilson"),
        (45, 50, "wilson"),
        (46, 50, "clopper_pearson"),
        (50, 50, "clopper_pearson"),
    ],
)
def test_default_method(x, n, method):
    found = proportion(x, n, unit="patients")
    assert found.interval.method == method
    assert (found.numerator, found.denominator, found.unit) == (x, n, "patients")
    assert found.value == x / n


def test_no_sessions_is_not_defined_and_never_zero():
    found = proportion(0, 0)
    assert found.value is None
    assert (found.interval.lower, found.interval.upper) == (None, None)
    assert found.warnings == (Caution.NOT_DEFINED,)


@pytest.mark.parametrize("limits", [wilson, clopper_pearson, jeffreys, proportion])
@pytest.mark.parametrize(
    ("x", "n"), [(3, 2), (-1, 5), (1, -5), (float("nan"), 5), (1, float("nan")), (1, float("inf"))]
)
def test_impossible_counts_are_refused(limits, x, n):
    with pytest.raises(ValueError, match=r"(x|n) must"):
        limits(x, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, float("nan")])
def test_impossible_level_is_refused(level):
    for call in (wilson, clopper_pearson, jeffreys, proportion):
        with pytest.raises(ValueError, match="confidence level"):
            call(1, 2, level=level)
    with pytest.raises(ValueError, match="confidence level"):
        zero_event_bound(5, level)


def test_broken_counts_and_misused_bound_are_refused():
    with pytest.raises(ValueError, match="whole"):
        proportion(1.5, 3)
    with pytest.raises(ValueError, match="x = 0"):
        proportion(1, 3, method=ProportionMethod.ZERO_EVENT_BOUND)


def test_best_and_worst_case_of_what_was_not_assessed() -> None:
    assert bounds_for_unassessed(1, 2, 6) == (1 / 6, 5 / 6)
    assert bounds_for_unassessed(3, 6, 6) == (0.5, 0.5)
    assert bounds_for_unassessed(0, 0, 0) == (None, None)
    with pytest.raises(ValueError, match="assessed"):
        bounds_for_unassessed(3, 2, 6)

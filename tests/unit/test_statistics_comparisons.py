from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from registry.statistics.comparisons import (
    against_estimated_benchmark,
    against_fixed_benchmark,
    binomial_exact_p,
    difference,
    fisher,
    newcombe,
    odds_ratio,
    odds_ratio_limits,
    rate_ratio,
    rate_ratio_limits,
    risk_ratio,
    risk_ratio_limits,
)
from registry.statistics.proportions import clopper_pearson
from registry.statistics.result import Caution
from tests.agreement import agrees

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.sampled_from([0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("table", "lower", "upper"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_differences_of_newcombe_1998(table, lower, upper):
    agrees("comparisons.newcombe", "printed table, Newcombe 1998", newcombe(*table), (lower, upper))


def test_foam_against_liquid_of_guex_2005():
    found = risk_ratio(37, 6_395, 12, 5_434)
    assert round(found.estimate.value, 2) == 2.62
    assert round(found.estimate.interval.lower, 2) == 1.37
    assert round(found.estimate.interval.upper, 2) == 5.02


def test_lady_tasting_tea():
    exact, mid = 34 / 70, 34 / 70 - 0.5 * 32 / 70
    agrees("comparisons.fisher", "the lady tasting tea", fisher(3, 4, 1, 4), (exact, mid))


def test_ratio_of_two_incidence_rates_as_in_the_manual_of_r():
    # Documented example of R's poisson.test: 11 events in 800 and 21 in 3,011 person-years.
    found = rate_ratio(11, 800, 21, 3_011, unit="person-years")
    interval = found.estimate.interval
    agrees(
        "comparisons.rate_ratio_limits",
        "printed example, R manual",
        (found.estimate.value, interval.lower, interval.upper),
        (1.971488, 0.8584264, 4.2772659),
    )


@given(COUNTS, COUNTS, LEVELS)
def test_limits_agree_with_statsmodels_and_scipy(first, second, level):
    table = (*first, *second)
    theirs = confint_proportions_2indep(*table, method="newcomb", compare="diff", alpha=1 - level)
    agrees("comparisons.newcombe", "statsmodels", newcombe(*table, level), theirs)
    exact, _ = fisher(*table)
    (x1, n1), (x2, n2) = first, second
    cells = [[x1, n1 - x1], [x2, n2 - x2]]
    agrees("comparisons.fisher", "scipy fisher_exact", exact, stats.fisher_exact(cells).pvalue)
    if x1 and x2 and (x1 < n1 or x2 < n2):
        relative = stats.contingency.relative_risk(x1, n1, x2, n2)
        interval = relative.confidence_interval(level)
        limits = risk_ratio_limits(*table, level)
        agrees("comparisons.risk_ratio_limits", "scipy relative_risk", limits, interval)
    if x1 and x2 and x1 < n1 and x2 < n2:
        interval = stats.contingency.odds_ratio(cells, kind="sample").confidence_interval(level)
        limits = odds_ratio_limits(*table, level)
        agrees("comparisons.odds_ratio_limits", "scipy odds_ratio", limits, interval)


@given(COUNTS, COUNTS)
def test_exchanging_the_groups_mirrors_every_comparison(first, second):
    table, mirrored = (*first, *second), (*second, *first)
    assert np.allclose(newcombe(*table), -np.array(newcombe(*mirrored))[::-1], atol=1e-12)
    with np.errstate(divide="ignore"):
        for limits in (risk_ratio_limits, odds_ratio_limits, rate_ratio_limits):
            assert np.allclose(
                limits(*table), 1 / np.array(limits(*mirrored))[::-1], rtol=1e-9, equal_nan=True
            )
    assert np.allclose(fisher(*table), fisher(*mirrored), rtol=1e-9)


@given(COUNTS, COUNTS)
def test_estimate_lies_in_its_interval(first, second):
    for compare in (difference, risk_ratio, odds_ratio, rate_ratio):
        found = compare(*first, *second)
        interval = found.estimate.interval
        if found.estimate.value is not None:
            if interval.lower is not None:
                assert interval.lower <= found.estimate.value * (1 + 1e-12) + 1e-12
            if interval.upper is not None:
                assert found.estimate.value <= interval.upper * (1 + 1e-12) + 1e-12
        if found.p_exact is not None:
            assert 0 < found.p_mid <= found.p_exact <= 1
    assert difference(*first, *second).estimate.interval.lower >= -1 - 1e-12


@given(st.integers(0, 300), st.floats(1, 1e4), st.integers(0, 300), st.floats(1, 1e4))
def test_exact_rate_ratio_inverts_the_binomial_test(x1, exposure1, x2, exposure2):
    if x1 + x2 == 0:
        assert np.isnan(rate_ratio_limits(x1, exposure1, x2, exposure2)).all()
        return
    lower, upper = rate_ratio_limits(x1, exposure1, x2, exposure2)
    low, high = clopper_pearson(x1, x1 + x2)
    with np.errstate(divide="ignore"):
        expected = np.array([low / (1 - low), high / (1 - high)]) * exposure2 / exposure1
    assert np.allclose([lower, upper], expected, rtol=1e-6)
    for limit in (lower, upper):
        if 0 < limit < np.inf:
            share = limit * exposure1 / (limit * exposure1 + exposure2)
            p = binomial_exact_p(x1, x1 + x2, share)
            agrees("comparisons.rate_ratio_limits", "the binomial test it inverts", p, 0.05)


@given(COUNTS, st.floats(0.001, 0.999))
def test_exact_p_is_small_exactly_where_the_interval_excludes(counts, benchmark):
    x, n = counts
    lower, upper = clopper_pearson(x, n)
    p = binomial_exact_p(x, n, benchmark)
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (not lower <= benchmark <= upper)
    tails = stats.binom.cdf(x, n, benchmark), stats.binom.sf(x - 1, n, benchmark)
    agrees("comparisons.binomial_exact_p", "scipy binom", p, min(1, 2 * min(tails)))


def test_fixed_benchmark():
    found = against_fixed_benchmark(5, 100, 0.01)
    tail = stats.binom.sf(4, 100, 0.01)
    agrees(
        "comparisons.against_fixed_benchmark",
        "scipy binom",
        (found.p_exact, found.p_mid),
        (2 * tail, 2 * tail - stats.binom.pmf(5, 100, 0.01)),
    )
    assert found.estimate.value == pytest.approx(0.04)
    lower, upper = clopper_pearson(5, 100)
    assert found.estimate.interval.lower == pytest.approx(lower - 0.01)
    assert found.estimate.interval.upper == pytest.approx(upper - 0.01)
    assert found.reference_denominator is None
    nobody = against_fixed_benchmark(0, 0, 0.01)
    assert nobody.estimate.value is None
    assert nobody.p_exact is None
    for impossible in (0.0, 1.0, 4.03, float("nan")):
        with pytest.raises(ValueError, match="benchmark"):
            against_fixed_benchmark(5, 100, impossible)


def test_estimated_benchmark_is_the_difference_of_two_uncertain_rates():
    found = against_estimated_benchmark(3, 400, 49, 12_173)
    assert found == difference(3, 400, 49, 12_173)
    assert found.estimate.interval.method == "newcombe"
    assert (found.reference_numerator, found.reference_denominator) == (49, 12_173)
    own, shifted = clopper_pearson(3, 400), found.estimate.interval
    assert shifted.lower < 0 < shifted.upper
    assert own[0] < 49 / 12_173 < own[1]


def test_empty_groups_are_not_defined():
    for compare in (difference, risk_ratio, odds_ratio):
        found = compare(0, 0, 3, 10)
        assert found.estimate.value is None
        assert found.estimate.warnings == (Caution.NOT_DEFINED,)
        assert found.p_exact is None
    assert np.isnan(fisher(0, 0, 3, 10)).all()
    assert rate_ratio(0, 0, 3, 10).estimate.warnings == (Caution.NOT_DEFINED,)


def test_infinite_ratios_keep_the_bound_that_exists():
    found = rate_ratio(4, 100, 0, 100)
    assert found.estimate.value is None
    assert found.estimate.interval.lower == pytest.approx(0.025**0.25 / (1 - 0.025**0.25))
    assert found.estimate.interval.upper is None
    assert risk_ratio(4, 100, 0, 100).estimate.value is None
    assert odds_ratio(4, 100, 0, 100).estimate.value is None
    assert risk_ratio(0, 100, 4, 100).estimate.value == 0.0
    assert risk_ratio(0, 100, 4, 100).estimate.warnings == (Caution.NOT_ESTIMABLE,)


def test_arrays_broadcast():
    lower, upper = newcombe([3, 0], [10, 0], 2, [20, 20])
    assert lower.shape == upper.shape == (2,)
    assert np.isnan([lower[1], upper[1]]).all()
    exact, mid = fisher([[3], [5]], 10, [1, 2], 12)
    assert exact.shape == mid.shape == (2, 2)
    assert exact[1, 0] == fisher(5, 10, 1, 12)[0]


def test_large_tables_keep_their_digits():
    exact, _ = fisher(4_030, 1_000_000, 4_200, 1_000_000)
    # Normal approximation with continuity correction is right to three digits at this size.
    pooled = 8_230 / 2_000_000
    z = (170 / 1_000_000 - 1e-6) / np.sqrt(2 * pooled * (1 - pooled) / 1_000_000)
    assert exact == pytest.approx(2 * stats.norm.sf(z), rel=0.01)


@pytest.mark.parametrize("compare", [difference, risk_ratio, odds_ratio, fisher, newcombe])
@pytest.mark.parametrize(
    "table", [(3, 2, 1, 5), (1, 5, 3, 2), (-1, 5, 1, 5), (1.5, 5, 1, 5), (1, float("nan"), 1, 5)]
)
def test_impossible_tables_are_refused(compare, table):
    with pytest.raises(ValueError, match=r"exceed|negative|whole|finite"):
        compare(*table)

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.rates import confint_poisson

from registry.statistics.rates import (
    dispersion,
    event_rate,
    poisson_limits,
    rate_limits,
    rate_trend,
)
from registry.statistics.result import Caution
from tests.agreement import agrees

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("x", "lower", "upper"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)],
)
def test_limits_of_garwood_1936(x, lower, upper):
    agrees("rates.poisson_limits", "printed table, Garwood 1936", poisson_limits(x), (lower, upper))


@given(st.integers(0, 100_000), st.floats(0.5, 1e7), LEVELS)
def test_limits_agree_with_statsmodels_and_contain_the_rate(x, exposure, level):
    lower, upper = rate_limits(x, exposure, level)
    theirs = confint_poisson(x, exposure, method="exact-c", alpha=1 - level)
    agrees("rates.rate_limits", "statsmodels", (lower, upper), np.nan_to_num(theirs))
    assert 0 <= lower <= x / exposure <= upper


def test_rate_per_thousand_sessions():
    found = event_rate(49, 12_173)
    assert found.value == pytest.approx(4.025, abs=5e-4)
    assert (found.numerator, found.denominator, found.unit) == (49, 12_173, "sessions")
    assert found.interval.method == "poisson_exact"
    per_leg_year = event_rate(12, 240.5, per=100, unit="leg-years")
    assert per_leg_year.value == pytest.approx(4.9896, abs=5e-5)


def test_no_event_shows_the_one_sided_bound():
    found = event_rate(0, 344)
    assert found.value == 0.0
    assert found.interval.one_sided
    assert found.interval.upper == pytest.approx(1000 * 2.995732 / 344, abs=1e-4)
    assert found.warnings == (Caution.NO_EVENTS,)


def test_no_exposure_is_not_defined():
    assert event_rate(0, 0).value is None
    assert event_rate(0, 0).warnings == (Caution.NOT_DEFINED,)
    lower, upper = rate_limits([0, 2], [0, 10])
    assert np.isnan([lower[0], upper[0]]).all()
    assert np.isfinite([lower[1], upper[1]]).all()


@pytest.mark.parametrize(
    ("x", "exposure"), [(-1, 5), (1, -5), (float("nan"), 5), (1, float("nan")), (1, 0), (0.5, 3)]
)
def test_impossible_rates_are_refused(x, exposure):
    with pytest.raises(ValueError, match=r"negative|finite|without exposure|whole"):
        event_rate(x, exposure)


def test_dispersion_of_poisson_and_of_wilder_counts():
    events, exposures = [4, 6, 5, 5], [10, 10, 10, 10]
    found = dispersion(events, exposures)
    expected = (1 + 1 + 0 + 0) / 5 / 3, stats.chi2.sf(2 / 5, 3)
    agrees("rates.dispersion", "definition", (found.ratio, found.p_value), expected)
    assert not found.excessive
    wild = dispersion([0, 20, 0, 0, 20], [10, 10, 10, 10, 10])
    assert wild.excessive
    assert dispersion([3], [10]).ratio is None
    assert dispersion([0, 0], [10, 10]).ratio is None
    assert dispersion([], []).periods == 0


def test_months_without_sessions_are_left_out_of_the_trend_but_keep_their_place():
    events = np.array([2, 3, 0, 5, 4, 8])
    sessions = np.array([100, 110, 0, 95, 90, 120])
    found = rate_trend(events, sessions)
    used = sessions > 0
    theirs = sm.GLM(
        events[used].astype(float),
        sm.add_constant(np.arange(6.0)[used]),
        sm.families.Poisson(),
        offset=np.log(sessions[used]),
    ).fit(tol=1e-13)
    estimate = found.estimate
    limits = estimate.value, estimate.interval.lower, estimate.interval.upper
    expected = np.exp([theirs.params[1], *theirs.conf_int()[1]])
    agrees("rates.rate_trend", "statsmodels", limits, expected)
    others = found.p_value, found.dispersion.ratio
    agrees("rates.rate_trend", "statsmodels", others, (theirs.pvalues[1], theirs.pearson_chi2 / 3))
    assert found.estimate.interval.method == "poisson_regression"
    assert found.estimate.warnings == ()


def test_overdispersed_counts_get_a_negative_binomial_trend():
    rng = np.random.default_rng(12)
    sessions = rng.integers(80, 150, 36)
    events = rng.negative_binomial(2, 2 / (2 + 0.05 * sessions))
    found = rate_trend(events, sessions)
    assert found.dispersion.excessive
    assert found.estimate.interval.method == "negative_binomial"
    design = sm.add_constant(np.arange(36.0))
    # The same likelihood, given α: the slope of a GLM must be the same maximum.
    family = sm.families.NegativeBinomial(alpha=found.over_dispersion)
    theirs = sm.GLM(events, design, family, offset=np.log(sessions)).fit()
    assert found.estimate.value == pytest.approx(np.exp(theirs.params[1]), abs=1e-5)
    poisson = sm.GLM(events, design, sm.families.Poisson(), offset=np.log(sessions)).fit()
    narrow = np.diff(poisson.conf_int()[1])[0]
    ours = np.log(found.estimate.interval.upper / found.estimate.interval.lower)
    assert ours > narrow


def test_too_few_overdispersed_periods_stay_poisson_and_say_so():
    found = rate_trend([0, 20, 0, 0, 20], [10, 10, 10, 10, 10])
    assert found.estimate.interval.method == "poisson_regression"
    assert found.estimate.warnings == (Caution.OVERDISPERSED,)
    assert found.over_dispersion is None


def test_a_trend_needs_three_periods_and_two_with_events():
    for events, sessions in (([1, 2], [5, 5]), ([0, 3, 0], [5, 5, 5]), ([0, 0, 0], [5, 5, 5])):
        found = rate_trend(events, sessions)
        assert found.estimate.value is None
        assert found.estimate.warnings == (Caution.NOT_ESTIMABLE,)


def test_broken_periods_are_refused():
    with pytest.raises(ValueError, match="without exposure"):
        dispersion([1, 1], [0, 5])
    with pytest.raises(ValueError, match="one value per period"):
        rate_trend([1, 1], [5])

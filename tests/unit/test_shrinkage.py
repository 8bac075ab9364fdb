"""Empirical Bayes against scipy.stats likelihoods, Gelman's rat tumours, and its boundary cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from registry.statistics.proportions import wilson
from registry.statistics.shrinkage import (
    ShrinkageCaution,
    beta_binomial,
    gamma_poisson,
    moment_estimate,
)
from tests.agreement import agrees

# Tumours among control rats of 70 earlier experiments (Tarone 1982; Gelman et al., table 5.1).
RATS = np.array(
    [(0, 20)] * 7
    + [(0, 19)] * 4
    + [(0, 18)] * 2
    + [(0, 17)]
    + [(1, 20)] * 4
    + [(1, 19)] * 2
    + [(1, 18)] * 2
    + [(2, 25), (2, 24), (2, 23)]
    + [(2, 20)] * 6
    + [(1, 10), (5, 49), (2, 19), (5, 46), (3, 27), (2, 17), (7, 49), (7, 47)]
    + [(3, 20)] * 2
    + [(2, 13), (9, 48), (10, 50)]
    + [(4, 20)] * 7
    + [(10, 48)]
    + [(4, 19)] * 3
    + [(5, 22), (11, 46), (12, 49)]
    + [(5, 20)] * 2
    + [(6, 23), (5, 19), (6, 22)]
    + [(6, 20)] * 3
    + [(16, 52), (15, 47), (15, 46), (9, 24)]
).T


def test_the_first_guess_for_the_rat_tumours_is_the_published_one():
    rates = RATS[0] / RATS[1]
    assert rates.size == 70
    assert rates.mean() == pytest.approx(0.136, abs=5e-4)
    assert rates.std(ddof=1) == pytest.approx(0.103, abs=5e-4)
    oracle = "printed example, Gelman et al."
    agrees("shrinkage.moment_estimate", oracle, moment_estimate(*RATS), (1.4, 8.6))


def test_beta_binomial_is_the_maximum_of_scipys_likelihood():
    fit = beta_binomial(range(70), *RATS)

    def minus_log_likelihood(logs):
        return -stats.betabinom.logpmf(*RATS, *np.exp(logs)).sum()

    best = optimize.minimize(minus_log_likelihood, [0.0, 2.0], method="BFGS", tol=1e-10)
    method, oracle = "shrinkage.beta_binomial", "scipy betabinom, maximised"
    agrees(method, oracle, [fit.alpha, fit.beta], np.exp(best.x))
    assert minus_log_likelihood(np.log([fit.alpha, fit.beta])) <= best.fun + 1e-9
    unit = fit.units[-1]
    assert unit.raw == 9 / 24
    posterior = stats.beta(fit.alpha + 9, fit.beta + 15)
    found = unit.smoothed, unit.lower, unit.upper, unit.probability_of_double
    expected = posterior.mean(), *posterior.ppf([0.025, 0.975]), posterior.sf(2 * fit.mean)
    agrees(method, "scipy beta, posterior", found, expected)


def test_gamma_poisson_is_the_maximum_of_scipys_likelihood():
    rng = np.random.default_rng(4)
    expected = rng.uniform(1, 30, 40)
    observed = rng.poisson(expected * rng.gamma(4, 1 / 4, 40))
    fit = gamma_poisson(range(40), observed, expected)

    def minus_log_likelihood(logs):
        alpha, beta = np.exp(logs)
        return -stats.nbinom.logpmf(observed, alpha, beta / (beta + expected)).sum()

    best = optimize.minimize(minus_log_likelihood, [1.0, 1.0], method="BFGS", tol=1e-10)
    method, oracle = "shrinkage.gamma_poisson", "scipy nbinom, maximised"
    agrees(method, oracle, [fit.alpha, fit.beta], np.exp(best.x))
    unit = fit.units[0]
    posterior = stats.gamma(fit.alpha + observed[0], scale=1 / (fit.beta + expected[0]))
    found = unit.smoothed, unit.lower, unit.upper, unit.probability_of_double
    theirs = posterior.mean(), *posterior.ppf([0.025, 0.975]), posterior.sf(2 * fit.mean)
    agrees(method, "scipy gamma, posterior", found, theirs)


def test_units_that_differ_by_chance_alone_are_pooled():
    x, n = [4, 5, 3, 4, 6, 4], [100] * 6
    fit = beta_binomial("abcdef", x, n)
    assert fit.warnings == (ShrinkageCaution.POOLED,)
    assert fit.alpha is None
    assert fit.mean == pytest.approx(26 / 600)
    lower, upper = wilson(26, 600)
    assert {(u.smoothed, u.lower, u.upper) for u in fit.units} == {
        (26 / 600, float(lower), float(upper))
    }
    assert [unit.raw for unit in fit.units] == [0.04, 0.05, 0.03, 0.04, 0.06, 0.04]
    ratios = gamma_poisson("abcdef", x, [4.0] * 6)
    assert ratios.warnings == (ShrinkageCaution.POOLED,)
    assert ratios.units[0].smoothed == pytest.approx(26 / 24)


def test_fewer_than_five_units_are_not_smoothed():
    for fit in (
        beta_binomial("abcde", [1, 20, 3, 0, 0], [50, 50, 50, 50, 0]),
        gamma_poisson("abcde", [1, 20, 3, 0, 0], [5.0, 5.0, 5.0, 5.0, 0.0]),
    ):
        assert fit.warnings == (ShrinkageCaution.TOO_FEW_UNITS,)
        assert fit.units[1].smoothed is None
        assert fit.units[4].raw is None


@pytest.mark.parametrize("events", [0, 50])
def test_no_event_or_only_events_are_pooled(events):
    fit = beta_binomial(range(6), [events] * 6, [50] * 6)
    assert fit.warnings == (ShrinkageCaution.POOLED,)
    assert fit.mean == events / 50


def test_nothing_at_all_has_no_mean():
    fit = beta_binomial([], [], [])
    assert fit.mean is None
    assert gamma_poisson([], [], []).units == ()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=5,
        max_size=20,
    )
)
def test_smoothing_lies_between_the_raw_and_the_common_rate(units):
    x, n = np.array(units).T
    fit = beta_binomial(range(len(units)), x, n)
    for unit in fit.units:
        if unit.raw is None or unit.smoothed is None or fit.alpha is None:
            continue
        low, high = sorted((unit.raw, fit.mean))
        assert low - 1e-9 <= unit.smoothed <= high + 1e-9
        assert 0 <= unit.lower <= unit.upper <= 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: beta_binomial("a", [2], [1]),
        lambda: beta_binomial("ab", [1], [1]),
        lambda: gamma_poisson("a", [1], [0.0]),
        lambda: gamma_poisson("ab", [1], [1.0]),
    ],
    ids=range(4),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()


def test_first_guess_without_spread_is_none():
    assert moment_estimate([1, 1], [10, 10]) is None
    assert moment_estimate([1], [10]) is None
    assert moment_estimate([0, 10], [10, 10]) is None

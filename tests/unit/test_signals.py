"""Signals: Evans' rifabutin, closed forms, and posteriors integrated by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from registry.statistics.result import Caution
from registry.statistics.signals import (
    DUMOUCHEL_START,
    Comparator,
    MixturePrior,
    chi_squared,
    empirical_bayes,
    evans_signal,
    fit_prior,
    information_component,
    prior_log_likelihood,
    proportional_reporting_ratio,
    reporting_odds_ratio,
    review_signals,
    stratified_expected,
)
from tests.agreement import agrees

# Uveitis with rifabutin: 41 of 55 reports; 754 of 592,712 reports of all other drugs (Evans 2001).
RIFABUTIN = (41, 14, 754, 591_958)

TABLES = st.tuples(*[st.integers(1, 5000)] * 4)


def test_rifabutin_is_printed_with_the_whole_database_and_pearsons_chi_squared():
    printed = proportional_reporting_ratio(*RIFABUTIN, comparator=Comparator.WHOLE_DATABASE)
    method, oracle = "signals.proportional_reporting_ratio", "printed rifabutin, Evans 2001"
    agrees(method, oracle, printed.value, 556)
    assert round(proportional_reporting_ratio(*RIFABUTIN).value) == 586
    agrees("signals.chi_squared", oracle, chi_squared(*RIFABUTIN, yates=False), 22_740)
    assert evans_signal(*RIFABUTIN)


@given(TABLES)
def test_chi_squared_is_scipys(table):
    square = np.array(table).reshape(2, 2)
    for yates in (True, False):
        expected = stats.chi2_contingency(square, correction=yates).statistic
        found = chi_squared(*table, yates=yates)
        agrees("signals.chi_squared", "scipy chi2_contingency", found, expected)


@given(TABLES)
def test_reporting_ratios_are_scipys(table):
    a, b, c, d = table
    ratio = reporting_odds_ratio(a, b, c, d)
    theirs = stats.contingency.odds_ratio([[a, b], [c, d]], kind="sample")
    limits = theirs.confidence_interval(0.95)
    found = ratio.value, ratio.interval.lower, ratio.interval.upper
    expected = theirs.statistic, *limits
    agrees("signals.reporting_odds_ratio", "scipy odds_ratio", found, expected)
    prr = proportional_reporting_ratio(a, b, c, d)
    theirs = stats.contingency.relative_risk(a, a + b, c, c + d)
    limits = theirs.confidence_interval(0.95)
    found = prr.value, prr.interval.lower, prr.interval.upper
    expected = theirs.relative_risk, *limits
    agrees("signals.proportional_reporting_ratio", "scipy relative_risk", found, expected)


def test_an_empty_cell_is_not_defined_unless_half_a_report_is_added():
    ratio = reporting_odds_ratio(3, 0, 5, 9)
    assert ratio.value is None
    assert ratio.warnings == (Caution.NOT_DEFINED,)
    assert reporting_odds_ratio(3, 0, 5, 9, haldane=True).value == pytest.approx(
        3.5 * 9.5 / (0.5 * 5.5)
    )
    assert proportional_reporting_ratio(3, 4, 0, 9).value is None
    half = proportional_reporting_ratio(3, 4, 0, 9, haldane=True)
    assert half.value == pytest.approx((3.5 / 8) / (0.5 / 10))
    assert half.interval.method == "log_haldane"
    assert chi_squared(0, 0, 3, 4) is None


@pytest.mark.parametrize(
    ("table", "signal"),
    [
        ((3, 10, 20, 2000), True),
        ((2, 1, 20, 2000), False),
        ((30, 300, 200, 3000), False),
        ((3, 20, 50, 800), False),
        ((4, 0, 0, 1000), True),
        ((0, 5, 5, 100), False),
    ],
)
def test_evans_needs_count_ratio_and_chi_squared(table, signal):
    assert evans_signal(*table) is signal


@given(
    st.integers(0, 60),
    st.floats(0.05, 60),
    st.sampled_from([DUMOUCHEL_START, MixturePrior(3.0, 0.5, 2.0, 2.0, 0.1)]),
)
def test_empirical_bayes_is_the_posterior_of_the_mixture(o, e, prior):
    parts = [
        (prior.share, stats.gamma(prior.alpha1, scale=1 / prior.beta1)),
        (1 - prior.share, stats.gamma(prior.alpha2, scale=1 / prior.beta2)),
    ]
    # Evidence of each part by its negative binomial marginal, posterior by conjugacy in scipy.
    evidence = np.array(
        [
            share * stats.nbinom.pmf(o, alpha, beta / (beta + e))
            for share, alpha, beta in (
                (prior.share, prior.alpha1, prior.beta1),
                (1 - prior.share, prior.alpha2, prior.beta2),
            )
        ]
    )
    weights = evidence / evidence.sum()
    posteriors = [
        stats.gamma(part.args[0] + o, scale=1 / (1 / part.kwds["scale"] + e)) for _, part in parts
    ]
    fit = empirical_bayes([o], [e], prior)
    for level, quantile in ((0.05, fit.eb05[0]), (0.95, fit.eb95[0])):
        reached = sum(w * p.cdf(quantile) for w, p in zip(weights, posteriors, strict=True))
        agrees("signals.empirical_bayes", "scipy mixture, at its quantiles", reached, level)
    assert fit.eb05[0] <= fit.ebgm[0] <= fit.eb95[0]


def test_ebgm_is_the_integrated_geometric_mean():
    o, e = 7, 1.5
    prior = MixturePrior(1.2, 0.8, 2.0, 4.0, 0.3)

    def weight(ratio):
        density = prior.share * stats.gamma.pdf(ratio, prior.alpha1, scale=1 / prior.beta1)
        density += (1 - prior.share) * stats.gamma.pdf(ratio, prior.alpha2, scale=1 / prior.beta2)
        return density * stats.poisson.pmf(o, ratio * e)

    total, _ = integrate.quad(weight, 0, 60, epsabs=1e-13)
    mean_log, _ = integrate.quad(lambda r: np.log(r) * weight(r), 0, 60, epsabs=1e-13)
    ebgm = empirical_bayes([o], [e], prior).ebgm[0]
    agrees("signals.empirical_bayes", "numerical integral", ebgm, np.exp(mean_log / total))


def test_a_fit_never_has_a_lower_likelihood_than_its_start():
    rng = np.random.default_rng(8)
    expected = rng.gamma(1.0, 2.0, 400) + 0.05
    observed = rng.poisson(expected * np.where(rng.random(400) < 0.1, 4.0, 0.9))
    fitted = fit_prior(observed, expected)
    gain = prior_log_likelihood(observed, expected, fitted) - prior_log_likelihood(
        observed, expected, DUMOUCHEL_START
    )
    assert gain > 1.0
    # The truth is in reach: a fit may not be much worse than it.
    truth = MixturePrior(100.0, 25.0, 100.0, 100.0 / 0.9, 0.1)
    assert prior_log_likelihood(observed, expected, fitted) > (
        prior_log_likelihood(observed, expected, truth) - 2.0
    )
    assert fit_prior(observed[:199], expected[:199]) is DUMOUCHEL_START


@given(st.integers(0, 500), st.floats(0, 500))
def test_information_component_has_gamma_limits(o, e):
    ic, lower, upper = information_component(o, e)
    assert ic == pytest.approx(np.log2((o + 0.5) / (e + 0.5)))
    posterior = stats.gamma(o + 0.5, scale=1 / (e + 0.5))
    limits, expected = (2**lower, 2**upper), posterior.ppf([0.025, 0.975])
    agrees("signals.information_component", "scipy gamma", limits, expected)


@pytest.mark.parametrize("observed", [5, 10, 40, 200])
def test_norens_approximation_of_the_lower_limit(observed):
    ic, lower, _ = information_component(observed, 3.0)
    near = ic - 3.3 * (observed + 0.5) ** -0.5 - 2 * (observed + 0.5) ** -1.5
    agrees("signals.information_component", "Norén's approximation", lower, near)


def test_one_or_two_events_are_never_a_signal():
    _, lower, _ = information_component([1, 2, 3], [0.0, 0.0, 0.0])
    assert (lower > 0).tolist() == [False, False, True]


def test_expected_events_come_from_the_rates_of_their_strata():
    expected = stratified_expected([[100, 0], [50, 20]], [10, 30], [1000, 300])
    agrees("signals.stratified_expected", "definition", expected, [1.0, 0.5 + 2.0])


def test_a_lot_is_called_by_its_sessions_and_not_by_one_clinic():
    cells = review_signals(
        ["bad", "local", "small", "usual"],
        [12, 12, 2, 4],
        [2.0, 2.0, 0.1, 4.0],
        [3, 1, 2, 3],
        clinics_compared=4,
    )
    assert [cell.to_review for cell in cells] == [True, False, False, False]
    assert cells[1].one_clinic
    assert cells[1].by_eb05
    assert cells[0].ratio.value == 6.0
    mid_p = stats.poisson.sf(12, 2) + stats.poisson.pmf(12, 2) / 2
    agrees("signals.review_signals", "scipy poisson", cells[0].p_value, mid_p)
    assert all(cell.q_value >= cell.p_value for cell in cells)
    alone = review_signals(["bad"], [12], [2.0], [1], clinics_compared=1)
    assert alone[0].to_review
    assert review_signals([], [], [], [], clinics_compared=1) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: stratified_expected([[1, 1]], [1], [10]),
        lambda: stratified_expected([[1]], [0], [0]),
        lambda: stratified_expected([[1]], [11], [10]),
        lambda: empirical_bayes([1], [0.0]),
        lambda: reporting_odds_ratio(-1, 1, 1, 1),
        lambda: review_signals(["a"], [1, 2], [1.0, 1.0], [1, 1], clinics_compared=1),
    ],
    ids=range(6),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()

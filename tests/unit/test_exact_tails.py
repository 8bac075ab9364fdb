"""Tails and quantiles of counts against scipy.stats, and against the sum of their terms.

scipy.stats may reach the same incomplete beta and gamma functions; the sums do not.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from registry.statistics import exact_tails as tails
from tests.agreement import agrees

binomials = st.integers(0, 3000).flatmap(
    lambda n: st.tuples(
        # scipy overflows for probabilities near the smallest float there is.
        st.integers(0, n),
        st.just(n),
        st.floats(1e-100, 1) | st.sampled_from([0.004, 1e-5, 0.0, 1.0]),
    )
)
means = st.floats(1e-6, 2000)
levels = st.sampled_from([0.001, 0.00135, 0.025, 0.5, 0.975, 0.99865, 0.999])


@given(binomials)
def test_binomial_tails_agree_with_scipy(case):
    x, n, p = case
    upper, lower = tails.binomial_upper_tail(x, n, p), tails.binomial_lower_tail(x, n, p)
    agrees("exact_tails.binomial_upper_tail", "scipy", upper, stats.binom.sf(x - 1, n, p))
    agrees("exact_tails.binomial_lower_tail", "scipy", lower, stats.binom.cdf(x, n, p))


@given(st.integers(0, 3000), means)
def test_poisson_tails_agree_with_scipy(x, mean):
    upper, lower = tails.poisson_upper_tail(x, mean), tails.poisson_lower_tail(x, mean)
    agrees("exact_tails.poisson_upper_tail", "scipy", upper, stats.poisson.sf(x - 1, mean))
    agrees("exact_tails.poisson_lower_tail", "scipy", lower, stats.poisson.cdf(x, mean))


def log_factorial(values):
    return np.array([math.lgamma(value + 1.0) for value in values])


@given(binomials)
def test_binomial_tails_are_the_sums_of_their_terms(case):
    x, n, p = case
    k = np.arange(n + 1)
    if not 0.0 < p < 1.0:
        terms = (k == n * p).astype(float)
    else:
        logs = math.lgamma(n + 1.0) - log_factorial(k) - log_factorial(n - k)
        terms = np.exp(logs + k * math.log(p) + (n - k) * math.log1p(-p))
    upper, lower = tails.binomial_upper_tail(x, n, p), tails.binomial_lower_tail(x, n, p)
    agrees("exact_tails.binomial_upper_tail", "sum of its terms", upper, math.fsum(terms[x:]))
    agrees("exact_tails.binomial_lower_tail", "sum of its terms", lower, math.fsum(terms[: x + 1]))


@given(st.integers(0, 3000), means)
def test_poisson_tails_are_the_sums_of_their_terms(x, mean):
    # Beyond this many the terms are smaller than the rounding of the greatest.
    k = np.arange(int(mean + 40 * math.sqrt(mean)) + x + 100)
    terms = np.exp(k * math.log(mean) - mean - log_factorial(k))
    upper, lower = tails.poisson_upper_tail(x, mean), tails.poisson_lower_tail(x, mean)
    agrees("exact_tails.poisson_upper_tail", "sum of its terms", upper, math.fsum(terms[x:]))
    agrees("exact_tails.poisson_lower_tail", "sum of its terms", lower, math.fsum(terms[: x + 1]))


@given(binomials, levels)
def test_binomial_quantile_is_the_smallest_count_that_reaches_its_level(case, level):
    _, n, p = case
    rank = tails.binomial_quantile(level, n, p)
    assert 0 <= rank <= n
    assert tails.binomial_lower_tail(rank, n, p) >= level
    assert tails.binomial_lower_tail(rank - 1, n, p) < level


@given(means, levels)
def test_poisson_quantile_is_the_smallest_count_that_reaches_its_level(mean, level):
    rank = tails.poisson_quantile(level, mean)
    assert tails.poisson_lower_tail(rank, mean) >= level
    assert tails.poisson_lower_tail(rank - 1, mean) < level


@given(binomials)
def test_mid_p_weighs_the_observed_count_by_half(case):
    x, n, p = case
    point = stats.binom.pmf(x, n, p)
    smaller = min(stats.binom.sf(x, n, p), stats.binom.cdf(x - 1, n, p)) + point / 2
    mid_p = tails.binomial_mid_p(x, n, p)
    agrees("exact_tails.binomial_mid_p", "scipy", mid_p, min(1.0, 2 * smaller))
    assert mid_p == pytest.approx(min(1.0, 2 * smaller), 1e-9, 1e-300)


def test_poisson_mid_p_by_hand():
    # P(X = 0) = e^-2, so 2 * (0 + e^-2 / 2).
    mid_p = tails.poisson_mid_p(0, 2.0)
    agrees("exact_tails.poisson_mid_p", "definition", mid_p, np.exp(-2.0))


def test_arrays_broadcast():
    assert tails.binomial_upper_tail([0, 1, 9], 8, 0.004).shape == (3,)
    assert tails.binomial_upper_tail([0, 9], 8, 0.004).tolist() == [1.0, 0.0]
    # Spiegelhalter's interpolated line would flag 1 of 8 at 0.4 %; its exact tail does not.
    assert tails.binomial_upper_tail(1, 8, 0.004) == pytest.approx(1 - 0.996**8)

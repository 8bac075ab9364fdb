"""Funnel: lines by the printed formula, flags by scipy, over-dispersion by statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from registry.statistics.funnel import (
    Adjustment,
    Flag,
    FunnelCaution,
    adjusted_limits,
    binomial_limits,
    dispersion,
    funnel,
    ratio_funnel,
    ratio_limits,
)
from tests.agreement import agrees

UNITS = st.lists(
    st.integers(0, 600).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=25,
)


def test_one_event_in_eight_lies_above_the_line_but_is_no_flag():
    _, upper = binomial_limits(0.004, 8)
    assert upper < 1 / 8
    assert funnel(["a"], [1], [8], target=0.004).units[0].flag is Flag.NONE
    assert stats.binom.sf(0, 8, 0.004) == pytest.approx(0.032, abs=5e-4)


@pytest.mark.parametrize(
    ("sessions", "no_alarm", "alarm"), [(100, 3, 4), (1000, 11, 12)], ids=["100", "1000"]
)
def test_the_first_count_that_raises_the_alarm_at_four_per_thousand(sessions, no_alarm, alarm):
    units = funnel("ab", [no_alarm, alarm], [sessions] * 2, target=0.004).units
    assert [unit.flag for unit in units] == [Flag.HIGH_ALERT, Flag.HIGH_ALARM]


def test_tails_printed_for_a_hundred_sessions():
    assert stats.binom.sf(3, 100, 0.004) == pytest.approx(0.0007, abs=5e-5)
    assert stats.binom.sf(2, 100, 0.004) == pytest.approx(0.008, abs=5e-4)


def test_no_line_is_drawn_where_next_to_nothing_is_expected():
    lower, upper = binomial_limits(0.004, [1, 6, 8, 100, 2000])
    assert np.isnan(upper).tolist() == [True, True, False, False, False]
    assert np.isnan(lower).tolist() == [True, True, True, True, False]


@given(st.floats(0.001, 0.999), st.integers(1, 3000), st.sampled_from([0.025, 0.001]))
def test_lines_follow_the_printed_formula(target, sessions, tail):
    drawn = binomial_limits(target, sessions, tail)
    for level, line in zip((tail, 1 - tail), drawn, strict=True):
        r = stats.binom.ppf(level, sessions, target)
        alpha = (stats.binom.cdf(r, sessions, target) - level) / stats.binom.pmf(
            r, sessions, target
        )
        limit = (r - alpha) / sessions
        if not np.isnan(line):
            oracle = "printed formula with scipy"
            agrees("funnel.binomial_limits", oracle, line, min(limit, 1.0))
        else:
            assert limit < 1e-9 if level < 0.5 else limit <= target + 1e-9


def test_ratio_lines_follow_the_printed_formula():
    lower, upper = ratio_limits([20.0, 0.01])
    r = stats.poisson.ppf(0.975, 20)
    alpha = (stats.poisson.cdf(r, 20) - 0.975) / stats.poisson.pmf(r, 20)
    agrees("funnel.ratio_limits", "printed formula with scipy", upper[0], (r - alpha) / 20)
    assert np.isnan(upper[1])
    assert 0 < lower[0] < 1


@given(UNITS, st.floats(0.001, 0.999))
def test_flags_are_exact_tails(units, target):
    x, n = np.array(units).T
    result = funnel(range(len(units)), x, n, target=target)
    assert [unit.name for unit in result.units] == np.flatnonzero(n).tolist()
    for unit in result.units:
        high = stats.binom.sf(unit.numerator - 1, unit.denominator, target)
        low = stats.binom.cdf(unit.numerator, unit.denominator, target)
        if min(abs(tail - edge) for tail in (high, low) for edge in (0.025, 0.001)) < 1e-12:
            continue
        flags = Flag.HIGH_ALARM, Flag.HIGH_ALERT, Flag.LOW_ALARM, Flag.LOW_ALERT
        ours = [unit.flag is flag for flag in flags]
        theirs = [high < 0.001, 0.001 <= high < 0.025, low < 0.001, 0.001 <= low < 0.025]
        agrees("funnel.funnel", "scipy binom, who is flagged", ours, theirs)


@given(UNITS)
def test_over_dispersion_only_takes_flags_away(units):
    x, n = np.array(units).T
    for unit in funnel(range(len(units)), x, n).units:
        assert unit.adjusted_flag in (
            unit.flag,
            Flag.NONE,
            Flag.HIGH_ALERT if unit.flag is Flag.HIGH_ALARM else Flag.LOW_ALERT,
        )
        assert unit.flag is not Flag.NONE or unit.adjusted_flag is Flag.NONE


@given(UNITS, st.randoms())
def test_the_order_of_units_does_not_matter(units, random):
    shuffled = list(enumerate(units))
    random.shuffle(shuffled)
    names, counts = zip(*shuffled, strict=True)
    x, n = np.array(units).T
    one = {unit.name: unit for unit in funnel(range(len(units)), x, n).units}
    x, n = np.array(counts).T
    other = {unit.name: unit for unit in funnel(names, x, n).units}
    assert {name: (unit.flag, unit.adjusted_flag) for name, unit in one.items()} == {
        name: (unit.flag, unit.adjusted_flag) for name, unit in other.items()
    }


OVERDISPERSED = (
    [8, 2, 20, 1, 30, 6, 4, 22, 9, 12, 5, 40],
    [100, 90, 150, 80, 200, 110, 100, 160, 120, 140, 90, 210],
)


def test_tau_squared_is_that_of_dersimonian_and_laird_without_winsorising():
    x, n = np.array(OVERDISPERSED, dtype=float)
    p = x.sum() / n.sum()
    variance = p * (1 - p) / n
    ours = dispersion(x / n, p, variance, winsorised_share=0.0)
    theirs = combine_effects(x / n, variance, method_re="dl")
    agrees("funnel.dispersion", "statsmodels, tau squared", ours.tau_squared, theirs.tau2)
    found = ours.phi * 12, ours.p_value
    agrees("funnel.dispersion", "statsmodels, Q", found, (theirs.q, stats.chi2.sf(theirs.q, 12)))


def test_phi_is_winsorised_at_a_tenth_from_each_end():
    z = np.array([-4.0, -1, -0.5, 0, 0, 0.5, 0.6, 0.8, 1, 1.2, 9])
    low, high = -1.0, 1.2
    expected = np.mean(np.clip(z, low, high) ** 2)
    phi = dispersion(z, 0.0, np.ones(11)).phi
    agrees("funnel.dispersion", "definition, winsorised", phi, expected)


def test_over_dispersion_widens_the_limits_and_is_said():
    result = funnel(range(12), *OVERDISPERSED)
    assert FunnelCaution.ADJUSTED in result.warnings
    exact = sum(unit.flag is not Flag.NONE for unit in result.units)
    adjusted = sum(unit.adjusted_flag is not Flag.NONE for unit in result.units)
    assert adjusted < exact
    p = result.target
    variance = p * (1 - p) / 150
    lower, upper = adjusted_limits(p, variance, result.dispersion)
    half = 1.959964 * np.sqrt(variance + result.dispersion.tau_squared)
    agrees("funnel.adjusted_limits", "definition", (lower, upper), (p - half, p + half))
    assert np.isnan(adjusted_limits(p, 10 * variance, result.dispersion)[0])
    wide = funnel(range(12), *OVERDISPERSED, adjustment=Adjustment.MULTIPLICATIVE).dispersion
    half = 1.959964 * np.sqrt(variance * wide.phi)
    agrees("funnel.adjusted_limits", "definition", adjusted_limits(p, variance, wide)[1], p + half)


def test_chance_alone_is_not_adjusted_for():
    result = funnel(range(12), [10, 11, 9, 12, 8, 10, 10, 11, 9, 10, 13, 7], [100] * 12)
    assert result.dispersion.adjustment is None
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("events", "sessions", "caution"),
    [
        ([3] * 4, [100] * 4, FunnelCaution.TOO_FEW_UNITS),
        ([3] * 6, [100] * 3 + [29] * 3, FunnelCaution.TOO_FEW_UNITS),
        ([0] * 12, [100] * 12, FunnelCaution.TARGET_AT_BOUNDARY),
        ([3] * 9, [100] * 9, FunnelCaution.DISPERSION_NOT_ESTIMABLE),
        ([1] * 12, [100] * 12, FunnelCaution.DISPERSION_NOT_ESTIMABLE),
        ([], [], FunnelCaution.TOO_FEW_UNITS),
    ],
)
def test_what_a_funnel_cannot_say_is_said(events, sessions, caution):
    result = funnel(range(len(events)), events, sessions)
    assert caution in result.warnings
    assert result.is_shown == (caution is FunnelCaution.DISPERSION_NOT_ESTIMABLE)


def test_small_units_are_not_named_and_few_events_are_reviewed():
    units = funnel("abc", [1, 5, 0], [9, 100, 10]).units
    assert [unit.is_named for unit in units] == [False, True, True]
    assert [unit.review_cases for unit in units] == [True, False, False]


def test_q_values_are_benjamini_hochberg_of_the_mid_p():
    units = funnel(range(12), *OVERDISPERSED).units
    p = np.array([unit.mid_p for unit in units])
    order = np.argsort(p)
    stepped = np.minimum.accumulate((p[order] * 12 / np.arange(1, 13))[::-1])[::-1]
    q_values = np.array([unit.q_value for unit in units])[order]
    agrees("funnel.funnel", "definition, q-values", q_values, stepped)


def test_ratio_funnel_flags_by_poisson_tails_and_not_below_one_expected():
    result = ratio_funnel("abcd", [20, 3, 4, 0], [10.0, 10.0, 0.5, 0.0])
    assert [unit.name for unit in result.units] == ["a", "b", "c"]
    tails = stats.poisson.sf(19, 10), stats.poisson.cdf(3, 10)
    for unit, tail in zip(result.units[:2], tails, strict=True):
        half = stats.poisson.pmf(unit.numerator, unit.denominator) / 2
        agrees("funnel.ratio_funnel", "scipy poisson, mid-p", unit.mid_p, 2 * (tail - half))
    assert stats.poisson.sf(19, 10) == pytest.approx(0.00345, abs=1e-5)
    assert stats.poisson.cdf(3, 10) == pytest.approx(0.01034, abs=1e-5)
    assert [unit.flag for unit in result.units] == [Flag.HIGH_ALERT, Flag.LOW_ALERT, Flag.NONE]


@pytest.mark.parametrize(
    "call",
    [
        lambda: funnel("a", [2], [1]),
        lambda: funnel("ab", [1], [1]),
        lambda: funnel("a", [1], [1], target=2.0),
        lambda: ratio_funnel("a", [1, 2], [1.0]),
        lambda: binomial_limits(0.0, 10),
        lambda: binomial_limits(0.5, 0),
        lambda: ratio_limits(0.0),
    ],
    ids=range(7),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()

"""O/E by scipy and by hand; the case-mix model by closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logit

from registry.statistics.result import Caution
from registry.statistics.standardisation import (
    FitMethod,
    RatioCaution,
    RatioMethod,
    adjusted_rate,
    area_under_curve,
    brier_score,
    byar_limits,
    calibration,
    fit_risk_model,
    observed_over_expected,
    standardise,
)
from tests.agreement import agrees


@given(st.integers(0, 5000), st.floats(0.01, 5000))
def test_exact_limits_are_chi_squared_quantiles(observed, expected):
    ratio = observed_over_expected(observed, expected)
    lower = stats.chi2.ppf(0.025, 2 * observed) / 2 / expected if observed else 0.0
    upper = stats.chi2.ppf(0.975, 2 * observed + 2) / 2 / expected
    limits, oracle = (ratio.interval.lower, ratio.interval.upper), "scipy chi2"
    agrees("standardisation.observed_over_expected", oracle, limits, (lower, upper))
    assert ratio.interval.lower <= ratio.value <= ratio.interval.upper


@given(st.integers(1, 5000), st.floats(0.01, 5000))
def test_byar_limits_lie_close_to_the_exact_ones(observed, expected):
    exact = observed_over_expected(observed, expected).interval
    byar = observed_over_expected(observed, expected, method=RatioMethod.BYAR).interval
    # Breslow & Day call the approximation accurate; its worst case is the lower limit of 1.
    assert byar.lower == pytest.approx(exact.lower, 0.007 if observed > 3 else 0.5)
    agrees("standardisation.byar_limits", "exact upper limits", byar.upper, exact.upper)
    assert byar.method == "byar"


def test_byar_limits_by_hand():
    lower, upper = byar_limits([0, 10])
    z = 1.959963984540054
    method = "standardisation.byar_limits"
    agrees(method, "definition", lower, [0, 10 * (1 - 1 / 90 - z / (3 * 10**0.5)) ** 3])
    expected = (1 - 1 / 9 + z / 3) ** 3, 11 * (1 - 1 / 99 + z / (3 * 11**0.5)) ** 3
    agrees(method, "definition", upper, expected)


def test_nothing_observed_has_an_upper_limit_of_3_689_over_expected():
    ratio = observed_over_expected(0, 2.0)
    assert ratio.interval.lower == 0
    assert ratio.interval.upper == pytest.approx(3.689 / 2, abs=5e-4)
    assert ratio.warnings == (Caution.NO_EVENTS,)


def test_nothing_expected_is_not_defined_and_little_gets_no_verdict():
    assert observed_over_expected(0, 0.0).value is None
    assert observed_over_expected(1, 0.0).interval.upper is None
    assert RatioCaution.FEW_EXPECTED in observed_over_expected(2, 0.99).warnings
    assert observed_over_expected(2, 1.0).warnings == ()


def test_indirect_standardisation_by_hand():
    ratio = standardise([6, 4], [100, 50], [30, 40], [1000, 400], part_of_reference=True)
    expected = 100 * 0.03 + 50 * 0.1, 10 / 8
    agrees("standardisation.standardise", "definition", (ratio.denominator, ratio.value), expected)
    assert ratio.warnings == (RatioCaution.PART_OF_REFERENCE,)
    rate = adjusted_rate(ratio, 70 / 1400)
    assert rate.value == pytest.approx(10 / 8 * 0.05)
    assert rate.interval.upper == pytest.approx(ratio.interval.upper * 0.05)
    nothing = observed_over_expected(0, 0.0)
    assert adjusted_rate(nothing, 0.05) == nothing


@given(
    st.lists(
        st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=8,
    ).filter(lambda strata: sum(x for x, _ in strata) > 0)
)
def test_the_reference_against_itself_is_one(strata):
    x, n = np.array(strata).T
    assert standardise(x, n, x, n, part_of_reference=True).value == pytest.approx(1.0)


def test_strata_unknown_to_the_reference_leave_both_sides():
    ratio = standardise([6, 9], [100, 50], [30, 0], [1000, 0], part_of_reference=False)
    assert ratio.value == pytest.approx(6 / 3)
    assert ratio.warnings == (RatioCaution.STRATA_WITHOUT_REFERENCE,)
    few = standardise([1], [100], [19], [1000], part_of_reference=False)
    assert few.warnings == (RatioCaution.FEW_REFERENCE_EVENTS,)


def cells(*counts):
    """Covariate and outcome of (events, sessions) at covariate 0, 1, ..."""
    x, y = [], []
    for value, (events, sessions) in enumerate(counts):
        x += [[value]] * sessions
        y += [1] * events + [0] * (sessions - events)
    return x, y


def test_a_model_of_one_binary_term_reproduces_both_rates():
    x, y = cells((30, 300), (40, 200))
    model = fit_risk_model(x, y, ("foam",))
    assert model.method is FitMethod.MAXIMUM_LIKELIHOOD
    found = (*model.predict([[0], [1]]), model.coefficients[0])
    expected = 0.1, 0.2, logit(0.2) - logit(0.1)
    method = "standardisation.fit_risk_model"
    agrees(method, "closed form of a binary term", found, expected)
    assert (model.events, model.sessions, model.ranges) == (70, 500, ((0.0, 1.0),))
    assert model.calibration.ratio == pytest.approx(1)
    assert model.calibration.intercept == pytest.approx(0, abs=1e-8)
    assert model.calibration.slope == pytest.approx(1)


def test_separated_outcomes_get_firths_answer():
    # No event without foam: maximum likelihood runs to infinity. In a table of two columns Firth's
    # estimate is the log odds ratio after half an event is added to every cell.
    x, y = cells((0, 100), (20, 100))
    model = fit_risk_model(x, y, ("foam",))
    assert model.method is FitMethod.FIRTH
    odds_ratio = (20.5 / 80.5) / (0.5 / 100.5)
    method, oracle = "standardisation.fit_risk_model", "closed form of Firth's estimate"
    agrees(method, oracle, model.coefficients[0], np.log(odds_ratio))
    assert model.predict(x).sum() == pytest.approx(20)


def test_a_frozen_model_expects_the_same_of_new_sessions():
    x, y = cells((30, 300), (40, 200))
    model = fit_risk_model(x, y, ("foam",))
    expected = model.predict([[1]] * 50).sum()
    assert observed_over_expected(20, expected).value == pytest.approx(2.0)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.3, 0.7])), min_size=2).filter(
        lambda pairs: len({y for y, _ in pairs}) == 2
    )
)
def test_area_under_the_curve_counts_pairs(pairs):
    with_event = [p for y, p in pairs if y]
    without = [p for y, p in pairs if not y]
    wins = sum((a > b) + (a == b) / 2 for a in with_event for b in without)
    y, p = zip(*pairs, strict=True)
    area = wins / len(with_event) / len(without)
    agrees("standardisation.area_under_curve", "all pairs", area_under_curve(y, p), area)
    squares = np.mean([(a - b) ** 2 for a, b in pairs])
    agrees("standardisation.brier_score", "definition", brier_score(y, p), squares)


def test_predictions_that_are_too_extreme_have_a_slope_below_one():
    x, y = cells((30, 300), (40, 200))
    p = np.where(np.array(x)[:, 0] == 1, 0.5, 0.02)
    extreme = calibration(y, p)
    slope = (logit(0.2) - logit(0.1)) / (logit(0.5) - logit(0.02))
    found, expected = (extreme.slope, extreme.ratio), (slope, 70 / (100 + 6))
    agrees("standardisation.calibration", "closed form of two risks", found, expected)
    assert sum(sessions for sessions, _, _ in extreme.groups) == 500
    assert sum(observed for _, observed, _ in extreme.groups) == 70
    assert extreme.groups[0][2] == pytest.approx(1.0)


def test_calibration_without_events_or_with_one_risk_is_undefined():
    assert np.isnan(calibration([0, 0], [0.1, 0.2]).intercept)
    assert np.isnan(calibration([0, 1], [0.1, 0.1]).slope)


@pytest.mark.parametrize(
    "call",
    [
        lambda: observed_over_expected(1, -1.0),
        lambda: observed_over_expected(1.5, 1.0),
        lambda: standardise([2], [1], [1], [1], part_of_reference=False),
        lambda: standardise([1], [1, 2], [1], [1], part_of_reference=False),
        lambda: fit_risk_model([[0.0]] * 50, [1] * 9 + [0] * 41, ("foam",)),
        lambda: fit_risk_model([[0.0]] * 50, [1] * 10 + [0] * 40, ("foam",)),
        lambda: fit_risk_model([[np.nan]] * 50, [1] * 10 + [0] * 40, ("foam",)),
        lambda: fit_risk_model([[1.0]] * 50, [2] * 10 + [0] * 40, ("foam",)),
        lambda: area_under_curve([0, 0], [0.1, 0.2]),
        lambda: calibration([0], [0.0]),
    ],
    ids=range(10),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()

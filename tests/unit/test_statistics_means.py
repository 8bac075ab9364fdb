"""Means by patient against statsmodels, amounts per success against scipy's t test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from registry.statistics.means import amount_per_success, clustered_mean
from registry.statistics.result import Caution
from tests.agreement import agrees

RNG = np.random.default_rng(20261123)
PATIENTS = np.repeat(np.arange(40), RNG.integers(1, 6, 40))
AMOUNTS = np.round(RNG.gamma(4.0, 60.0, PATIENTS.size) + 20.0 * (PATIENTS % 5), 2)


def test_limits_are_those_of_a_cluster_robust_regression_on_nothing_but_a_constant() -> None:
    from statsmodels.regression.linear_model import OLS

    fit = OLS(AMOUNTS, np.ones_like(AMOUNTS)).fit(
        cov_type="cluster", cov_kwds={"groups": PATIENTS}, use_t=True
    )
    lower, upper = fit.conf_int()[0]
    found = clustered_mean(AMOUNTS, PATIENTS)
    ours = (found.value, found.interval.lower, found.interval.upper)
    theirs = (fit.params[0], lower, upper)
    agrees("means.clustered_mean", "statsmodels OLS, clustered", ours, theirs)
    assert (found.denominator, found.warnings) == (PATIENTS.size, ())


def test_one_session_each_is_the_interval_of_an_ordinary_mean() -> None:
    # Student 1908, extra sleep under the second drug, shifted so that no value is below 0.
    sleep = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]) + 1
    found = clustered_mean(sleep, np.arange(10))
    lower, upper = stats.t.interval(0.95, 9, sleep.mean(), stats.sem(sleep))
    ours = (found.interval.lower, found.interval.upper)
    agrees("means.clustered_mean", "Student's sleep data, scipy", ours, (lower, upper))
    # Printed in many textbooks: 0.90 to 3.76 hours.
    assert (lower - 1, upper - 1) == pytest.approx((0.90, 3.76), abs=0.005)


@pytest.mark.parametrize(
    ("amounts", "patients", "value", "caution"),
    [
        ([], [], None, Caution.NOT_DEFINED),
        ([100.0, 250.0], [1, 1], 175.0, Caution.NOT_ESTIMABLE),
        ([100.0, 100.0, 100.0], [1, 2, 3], 100.0, Caution.NOT_ESTIMABLE),
    ],
)
def test_a_mean_of_which_nothing_is_known_has_no_limits(amounts, patients, value, caution) -> None:  # type: ignore[no-untyped-def]
    found = clustered_mean(np.array(amounts), np.array(patients))
    assert (found.value, found.warnings) == (value, (caution,))
    assert (found.interval.lower, found.interval.upper) == (None, None)


def test_few_patients_with_several_sessions_are_warned_of() -> None:
    few = clustered_mean([100.0, 120.0, 90.0], [1, 1, 2])
    assert few.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert few.interval.lower == 0.0
    assert clustered_mean([100.0, 120.0, 90.0], [1, 2, 3]).warnings == ()


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.integers(0, 1)), min_size=3, max_size=40),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_at_its_limits_a_ratio_is_just_what_a_t_test_would_reject(
    pairs: list[tuple[int, int]], level: float
) -> None:
    amounts, cleared = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    found = amount_per_success(amounts, cleared, level=level)
    assume(found.interval.upper is not None)
    assert found.value == pytest.approx(amounts.sum() / cleared.sum())
    for limit in (found.interval.lower, found.interval.upper):
        # The lower limit ends at 0 where that is not yet rejected.
        p = stats.ttest_1samp(amounts - limit * cleared, 0.0).pvalue
        if limit:
            agrees("means.amount_per_success", "p of scipy's t test at the limit", p, 1 - level)
        else:
            assert p >= 1 - level - 1e-9


def test_the_limit_is_open_where_nobody_might_have_been_cleared() -> None:
    amounts = np.array([100.0, 200.0, 150.0, 300.0, 120.0])
    few = amount_per_success(amounts, [0, 0, 1, 0, 0])
    assert (few.value, few.interval.upper) == (870.0, None)
    assert few.warnings == (Caution.NOT_ESTIMABLE,)
    none = amount_per_success(amounts, np.zeros(5))
    assert (none.value, none.warnings) == (None, (Caution.NOT_DEFINED,))


@pytest.mark.parametrize(
    ("function", "amounts", "of", "why"),
    [
        (clustered_mean, [1.0, 2.0], [1], "one value per unit"),
        (clustered_mean, [-1.0], [1], "must not be negative"),
        (amount_per_success, [1.0, 2.0], [1], "one value per patient"),
        (amount_per_success, [1.0], [2], "0 or 1"),
    ],
)
def test_what_makes_no_sense_is_refused(function, amounts, of, why) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=why):
        function(amounts, of)

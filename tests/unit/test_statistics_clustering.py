from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from registry.statistics.clustering import (
    RatioMeasure,
    clustered_proportion,
    compare_groups,
    first_session_proportion,
    intraclass_correlation,
    linearised_variance,
    per_patient_counts,
    per_patient_proportion,
)
from registry.statistics.proportions import proportion, zero_event_bound
from registry.statistics.result import Caution
from tests.agreement import agrees


def sessions_of(seed: int, patients: int, rate: float, spread: float = 0.3):
    """Patients with 1 + Poisson(2) sessions whose own rates follow a beta with ICC ``spread``."""
    rng = np.random.default_rng(seed)
    n = 1 + rng.poisson(2, patients)
    shape = (1 - spread) / spread
    own = rng.beta(rate * shape, (1 - rate) * shape, patients)
    return rng.binomial(n, own), n


def rows_of(y, n):
    patients = np.repeat(np.arange(n.size), n)
    events = np.concatenate([np.arange(k) < x for x, k in zip(y, n, strict=True)])
    return patients, events


PATIENTS = st.lists(
    st.integers(0, 5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=60
)


@pytest.mark.parametrize("seed", range(3))
def test_variance_is_the_sandwich_of_a_logistic_regression(seed):
    y, n = sessions_of(seed, 150, 0.1)
    patients, events = rows_of(y, n)
    fit = sm.GLM(events.astype(float), np.ones(events.size), sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": patients}, tol=1e-14
    )
    p = events.mean()
    agrees(
        "clustering.linearised_variance",
        "statsmodels GLM, clustered",
        linearised_variance(y, n) ** 0.5,
        fit.bse[0] * p * (1 - p),
    )


def test_ten_events_use_wilson_at_the_effective_number_of_sessions():
    y, n = sessions_of(1, 400, 0.08)
    found = clustered_proportion(y, n)
    x, total = int(y.sum()), int(n.sum())
    deff = linearised_variance(y, n) / (x / total * (1 - x / total) / total)
    assert deff > 1
    assert found.design_effect == pytest.approx(deff)
    assert found.effective_denominator == pytest.approx(total / deff)
    interval = found.estimate.interval
    agrees(
        "clustering.clustered_proportion",
        "statsmodels at n / deff",
        (interval.lower, interval.upper),
        proportion_confint(x / deff, total / deff, method="wilson"),
    )
    assert found.estimate.interval.method == "wilson_effective_n"
    naive = proportion(x, total).interval
    assert found.estimate.interval.lower < naive.lower
    assert found.estimate.interval.upper > naive.upper


def test_below_ten_events_uses_korn_graubard():
    y = np.zeros(60, dtype=int)
    n = np.full(60, 3)
    y[:3] = 2
    found = clustered_proportion(y, n)
    p = 6 / 180
    variance = 60 / 59 * (3 * (2 - 3 * p) ** 2 + 57 * (3 * p) ** 2) / 180**2
    effective = 180 / (variance / (p * (1 - p) / 180))
    reduced = effective * (stats.t.ppf(0.975, 179) / stats.t.ppf(0.975, 59)) ** 2
    lower = stats.beta.ppf(0.025, p * reduced, reduced - p * reduced + 1)
    upper = stats.beta.ppf(0.975, p * reduced + 1, reduced - p * reduced)
    assert found.estimate.interval.method == "korn_graubard"
    interval = found.estimate.interval
    agrees(
        "clustering.clustered_proportion",
        "definition, Korn-Graubard",
        (interval.lower, interval.upper, found.standard_error),
        (lower, upper, variance**0.5),
    )


def test_design_effect_never_falls_below_one():
    y, n = np.ones(40, dtype=int), np.full(40, 2)
    found = clustered_proportion(y, n)
    assert found.standard_error == 0.0
    assert found.design_effect == 1.0
    assert found.effective_denominator == 80


def test_few_patients_get_the_naive_interval_and_say_so():
    y, n = np.array([1] * 6 + [0] * 13), np.full(19, 2)
    found = clustered_proportion(y, n)
    assert found.estimate.interval == proportion(6, 38).interval
    assert found.estimate.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert found.design_effect is None
    enough = clustered_proportion(np.append(y, 0), np.append(n, 2))
    assert enough.estimate.warnings == ()
    assert enough.design_effect is not None


def test_zero_events_show_the_session_and_the_patient_bound():
    found = clustered_proportion(np.zeros(100, dtype=int), np.full(100, 3))
    assert found.estimate.interval.upper == pytest.approx(float(zero_event_bound(300)))
    assert found.patient_bound is not None
    assert found.patient_bound.upper == pytest.approx(float(zero_event_bound(100)))
    assert found.patient_bound.one_sided
    assert found.estimate.warnings == (Caution.NO_EVENTS,)


def test_nothing_but_events_shows_the_patient_bound_too():
    found = clustered_proportion(np.full(30, 2), np.full(30, 2))
    assert found.estimate.interval == proportion(60, 60).interval
    assert found.patient_bound == proportion(30, 30).interval


def test_one_session_each_is_the_plain_proportion():
    found = clustered_proportion([1, 0, 0, 1, 0], [1, 1, 1, 1, 1])
    assert found.estimate == proportion(2, 5)
    assert found.design_effect is None


def test_nobody_is_not_defined():
    found = clustered_proportion([], [])
    assert found.estimate.value is None
    assert per_patient_proportion([], []).estimate.value is None
    assert per_patient_proportion([], []).mean_sessions is None
    assert first_session_proportion([], [], []).value is None


@given(PATIENTS, st.randoms(use_true_random=False))
def test_rows_sums_and_any_order_of_patients_give_the_same(patients, random):
    y = np.array([x for x, _ in patients], dtype=int)
    n = np.array([k for _, k in patients], dtype=int)
    found = clustered_proportion(y, n)
    codes, events = rows_of(y, n) if n.size else (np.array([], dtype=int), np.array([], dtype=bool))
    rows = list(range(events.size))
    random.shuffle(rows)
    labels = 10**12 + 7 * codes  # labels that must be renumbered
    again = clustered_proportion(*per_patient_counts(labels[rows], events[rows]))
    assert again.estimate.numerator == found.estimate.numerator
    assert again.patients == found.patients == np.count_nonzero(n)
    if found.estimate.value is None:
        assert again.estimate.value is None
        return
    interval, other = found.estimate.interval, again.estimate.interval
    assert 0 <= interval.lower <= found.estimate.value <= interval.upper <= 1
    assert (other.lower, other.upper) == pytest.approx((interval.lower, interval.upper), abs=1e-12)


def test_per_patient_and_first_session():
    y, n = [2, 0, 1, 0], [3, 1, 2, 0]
    found = per_patient_proportion(y, n)
    assert (found.estimate.numerator, found.estimate.denominator) == (2, 3)
    assert found.mean_sessions == 2.0
    patients = np.array([7, 7, 3, 3, 9])
    day = np.array([20, 10, 5, 6, 1])
    events = np.array([True, False, True, False, False])
    first = first_session_proportion(patients, day, events)
    assert (first.numerator, first.denominator, first.unit) == (0 + 1 + 0, 3, "first sessions")


def test_intraclass_correlation_spans_its_range():
    alike = intraclass_correlation([3, 0, 3, 0], [3, 3, 3, 3])
    agrees("clustering.intraclass_correlation", "bounds of its range", alike, 1.0)
    opposite = intraclass_correlation([1, 1, 1, 1], [2, 2, 2, 2])
    agrees("clustering.intraclass_correlation", "bounds of its range", opposite, -1.0)
    assert intraclass_correlation([1, 0], [1, 1]) is None
    assert intraclass_correlation([0, 0], [2, 2]) is None
    y, n = sessions_of(5, 20_000, 0.2, spread=0.3)
    agrees("clustering.intraclass_correlation", "simulation", intraclass_correlation(y, n), 0.3)


@pytest.mark.parametrize("measure", RatioMeasure)
def test_two_groups_give_the_crude_ratio_with_the_linearised_error(measure):
    y0, n0 = sessions_of(2, 200, 0.1)
    y1, n1 = sessions_of(3, 180, 0.2)
    p0, p1 = y0.sum() / n0.sum(), y1.sum() / n1.sum()
    patients, events = rows_of(np.concatenate([y0, y1]), np.concatenate([n0, n1]))
    groups = (patients >= 200).astype(int)
    (found,) = compare_groups(events, groups, patients, measure=measure)
    if measure is RatioMeasure.RISK_RATIO:
        ratio, scales = p1 / p0, (1 / p0, 1 / p1)
    else:
        ratio = p1 / (1 - p1) / (p0 / (1 - p0))
        scales = (1 / (p0 * (1 - p0)), 1 / (p1 * (1 - p1)))
    # Patients of one group only: the two linearised variances add; the factor is the joint one.
    total, m = events.size, 380
    joint = m / (m - 1) * (total - 1) / (total - 2)
    variance = joint * (
        linearised_variance(y0, n0) * 199 / 200 * scales[0] ** 2
        + linearised_variance(y1, n1) * 179 / 180 * scales[1] ** 2
    )
    limits = np.exp(np.log(ratio) + np.array([-1, 1]) * stats.norm.ppf(0.975) * variance**0.5)
    interval = found.estimate.interval
    agrees(
        "clustering.compare_groups",
        "two linearised variances",
        (found.estimate.value, interval.lower, interval.upper, found.p_value),
        (ratio, *limits, 2 * stats.norm.sf(abs(np.log(ratio)) / variance**0.5)),
    )
    assert found.estimate.numerator == y1.sum()


def test_a_covariate_is_adjusted_for():
    rng = np.random.default_rng(8)
    patients = np.repeat(np.arange(300), 2)
    large = rng.random(600) < 0.5
    foam = rng.random(600) < np.where(large, 0.8, 0.2)
    events = rng.random(600) < np.where(large, 0.4, 0.1)
    (crude,) = compare_groups(events, foam.astype(int), patients)
    (adjusted,) = compare_groups(events, foam.astype(int), patients, covariates=large[:, None])
    theirs = sm.GLM(
        events.astype(float),
        np.column_stack([np.ones(600), foam, large]).astype(float),
        sm.families.Poisson(),
    ).fit(cov_type="cluster", cov_kwds={"groups": patients})
    agrees(
        "clustering.compare_groups",
        "statsmodels GLM, covariate",
        adjusted.estimate.value,
        np.exp(theirs.params[1]),
    )
    assert adjusted.estimate.value < crude.estimate.value


def test_few_patients_leave_a_caution_on_the_ratio():
    events, groups = np.array([1, 0, 1, 1, 0, 0] * 6), np.arange(36) // 18
    (few,) = compare_groups(events, groups, np.arange(36) // 2)
    assert few.estimate.warnings == (Caution.TOO_FEW_PATIENTS,)
    (single,) = compare_groups(events, groups, np.arange(36))
    assert single.estimate.warnings == ()


def test_a_group_without_events_has_no_ratio():
    events = np.array([1, 0, 1, 0, 0, 0, 1, 1, 0, 0] * 4)
    groups = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2] * 4)
    patients = np.arange(40)
    empty, other = compare_groups(events, groups, patients)
    assert empty.estimate.value is None
    assert empty.p_value is None
    assert empty.estimate.warnings == (Caution.NOT_ESTIMABLE,)
    assert other.estimate.value == pytest.approx(1.0)
    swapped = compare_groups(events, np.array([1, 0, 2])[groups], patients)
    assert all(each.estimate.value is None for each in swapped)


@pytest.mark.parametrize("measure", RatioMeasure)
def test_covariates_without_a_unique_finite_fit_have_no_ratio(measure):
    events = np.array([1, 0, 1, 0, 0, 1, 0, 1] * 5)
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1] * 5)
    same_as_group = groups[:, None].astype(float)
    (found,) = compare_groups(
        events, groups, np.arange(40), measure=measure, covariates=same_as_group
    )
    assert found.estimate.value is None
    if measure is RatioMeasure.ODDS_RATIO:
        foretells = events[:, None].astype(float)
        (found,) = compare_groups(
            events, groups, np.arange(40), measure=measure, covariates=foretells
        )
        assert found.estimate.value is None


def test_all_events_leave_the_odds_ratio_undefined_but_not_the_risk_ratio():
    events = np.array([1, 0, 1, 0, 1, 1, 1, 1])
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    patients = np.arange(8)
    (odds,) = compare_groups(events, groups, patients, measure=RatioMeasure.ODDS_RATIO)
    assert odds.estimate.value is None
    (risk,) = compare_groups(events, groups, patients)
    assert risk.estimate.value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("events", "sessions"),
    [([2], [1]), ([-1], [1]), ([0.5], [1]), ([float("nan")], [1]), ([1, 0], [1])],
)
def test_impossible_sums_are_refused(events, sessions):
    with pytest.raises(ValueError, match=r"whole|negative|finite|one value|more sessions"):
        clustered_proportion(events, sessions)


def test_broken_rows_are_refused():
    with pytest.raises(ValueError, match="0 or 1"):
        per_patient_counts([1, 2], [0, 2])
    with pytest.raises(ValueError, match="one value"):
        per_patient_counts([1, 2], [0])
    with pytest.raises(ValueError, match="missing"):
        per_patient_counts([1, float("nan")], [0, 1])
    with pytest.raises(ValueError, match="one-dimensional"):
        per_patient_counts([[1, 2]], [[0, 1]])
    with pytest.raises(ValueError, match="order"):
        first_session_proportion([1, 2], [1], [0, 1])
    with pytest.raises(ValueError, match="groups"):
        compare_groups([1, 0], [[0, 1]], [1, 2])
    with pytest.raises(ValueError, match="patients"):
        compare_groups([1, 0], [0, 1], [1])
    with pytest.raises(ValueError, match="at least 2"):
        linearised_variance([1], [2])

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from statsmodels.duration.survfunc import SurvfuncRight

from registry.statistics.result import Caution
from registry.statistics.survival import (
    LANDMARK_DAYS,
    bounds_for_lost,
    count_by_day,
    cumulative_incidence,
    kaplan_meier,
    kaplan_meier_by_patient,
    landmark,
    landmark_difference,
    median_follow_up,
    numbers_at_risk,
    quantile,
)
from tests.agreement import agrees

# Remission in weeks under 6-mercaptopurine and placebo, Freireich et al., Blood 1963;21:699.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]

ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 1), st.integers(0, 25)), min_size=1, max_size=80
)


# As many patients with one leg as the errors by patient ask for.
OTHERS = [(5 + 2 * k, k % 2, 100 + k) for k in range(20)]


def columns(rows):
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def same_variance(first, second) -> bool:
    # The square root blows up the rounding of a variance that is 0.
    return np.allclose(first**2, second**2, rtol=0, atol=1e-12, equal_nan=True)


def test_remissions_of_freireich_as_tabulated_in_textbooks():
    curve = kaplan_meier(count_by_day(SIX_MP, RELAPSED))
    assert curve.days.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [3, 1, 1, 1, 1, 1, 1]
    survival = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    method, median = "survival.kaplan_meier", quantile(curve)
    agrees(method, "printed survival, Freireich 1963", curve.survival, survival)
    agrees(method, "printed errors, Freireich 1963", curve.standard_error, errors)
    found = median.value, median.interval.lower, median.interval.upper
    agrees("survival.quantile", "printed median, Freireich 1963", found, (23, 13, None))


@given(ROWS)
def test_curve_agrees_with_statsmodels_and_lifelines(rows):
    durations, events, _ = columns(rows)
    curve = kaplan_meier(count_by_day(durations, events))
    if not events.any():
        assert curve.days.size == 0
        return
    # statsmodels merges day 0 with the origin; a shift of all days changes nothing else.
    theirs = SurvfuncRight(durations + 1, events)
    at = np.searchsorted(theirs.surv_times, curve.days + 1)
    method, inside = "survival.kaplan_meier", curve.survival > 0
    agrees(method, "statsmodels", curve.survival, theirs.surv_prob[at])
    errors = theirs.surv_prob_se[at]
    agrees(method, "statsmodels", curve.standard_error[inside], errors[inside])
    fitter = KaplanMeierFitter(alpha=0.05).fit(durations, events)
    own = fitter.survival_function_at_times(curve.days).to_numpy()
    agrees(method, "lifelines", curve.survival, own)
    limits = fitter.confidence_interval_survival_function_.loc[curve.days[inside]].to_numpy()
    ours = np.column_stack([curve.lower[inside], curve.upper[inside]])
    agrees(method, "lifelines", ours, limits)


@given(ROWS, st.randoms(use_true_random=False))
def test_properties_of_the_curve(rows, random):
    rows = rows + OTHERS
    durations, events, patients = columns(rows)
    counts = count_by_day(durations, events)
    curve = kaplan_meier_by_patient(durations, events, patients)
    assert curve.by_patient
    assert set(curve.days) == set(durations[events > 0])  # flat at censorings
    assert (np.diff(curve.survival, prepend=1.0) < 0).all()
    inside = curve.survival > 0
    assert (curve.lower[inside] > 0).all()
    assert (curve.lower <= curve.survival)[inside].all()
    assert (curve.survival <= curve.upper)[inside].all()
    assert (curve.upper[inside] < 1).all()
    everyone = [int((durations >= t).sum()) for t in range(counts.last_day + 1)]
    assert counts.at_risk().tolist() == everyone
    shuffled = rows.copy()
    random.shuffle(shuffled)
    again = kaplan_meier_by_patient(*columns(shuffled))
    np.testing.assert_allclose(again.survival, curve.survival, rtol=0, atol=0)
    assert same_variance(again.standard_error, curve.standard_error)


@given(ROWS)
def test_counts_by_day_give_the_same_numbers_as_rows(rows):
    durations, events, _ = columns(rows)
    cells, sizes = np.unique(np.column_stack([durations, events]), axis=0, return_counts=True)
    padded = np.vstack([cells, [[90, 1]]])  # a cell that holds nobody is no observation
    aggregated = count_by_day(padded[:, 0], padded[:, 1], counts=np.append(sizes, 0))
    direct = count_by_day(durations, events)
    assert np.array_equal(aggregated.counts, direct.counts)
    assert aggregated.total == len(rows)


@given(ROWS)
def test_error_by_patient_is_greenwoods_when_each_row_is_a_patient(rows):
    durations, events, _ = columns(rows)
    own = kaplan_meier_by_patient(durations, events, np.arange(len(rows)))
    greenwood = kaplan_meier(count_by_day(durations, events))
    assert same_variance(own.standard_error, greenwood.standard_error)


@given(ROWS)
def test_error_by_patient_is_the_sum_of_influences(rows):
    rows = rows + OTHERS
    durations, events, patients = columns(rows)
    found = kaplan_meier_by_patient(durations, events, patients)
    assert found.by_patient
    days, n, d = found.days, found.at_risk, found.events
    for j, t in enumerate(days):
        if found.survival[j] == 0:
            assert np.isnan(found.standard_error[j])
            continue
        influence = np.zeros(len(rows))
        for k, (own, event) in enumerate(zip(durations, events, strict=True)):
            past = (days <= t) & (days <= own)
            influence[k] = -np.sum(d[past] / (n[past] * (n[past] - d[past])))
            if event and own <= t:
                at = np.searchsorted(days, own)
                influence[k] += 1 / (n[at] - d[at])
        sums = np.bincount(patients, influence)
        expected = found.survival[j] ** 2 * np.sum(sums**2)
        variance = found.standard_error[j] ** 2
        agrees("survival.kaplan_meier_by_patient", "definition", variance, expected)


@given(ROWS)
def test_doubling_every_row_within_its_patient_leaves_the_error_by_patient(rows):
    durations, events, patients = columns(rows + OTHERS)
    once = kaplan_meier_by_patient(durations, events, patients)
    twice = kaplan_meier_by_patient(*(np.tile(each, 2) for each in (durations, events, patients)))
    assert same_variance(twice.standard_error, once.standard_error)


def test_few_patients_with_two_legs_get_the_plain_errors_and_say_so():
    durations, events = np.arange(1, 39), np.arange(38) % 2
    patients = np.repeat(np.arange(19), 2)
    found = kaplan_meier_by_patient(durations, events, patients)
    plain = kaplan_meier(count_by_day(durations, events))
    assert np.array_equal(found.lower, plain.lower, equal_nan=True)
    assert found.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert landmark(found, 20).estimate.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert quantile(found).warnings == (Caution.TOO_FEW_PATIENTS,)
    assert landmark_difference(found, plain, 20).warnings == (Caution.TOO_FEW_PATIENTS,)
    one_leg_each = kaplan_meier_by_patient(durations, events, np.arange(38))
    assert one_leg_each.warnings == ()
    enough = kaplan_meier_by_patient(durations, events, np.minimum(np.arange(38), 19))
    assert enough.warnings == ()


@given(ROWS)
def test_event_curve_times_censoring_curve_is_the_share_observed_beyond(rows):
    durations, events, _ = columns(rows)
    counts = count_by_day(durations, events)
    curve, reverse = kaplan_meier(counts), median_follow_up(counts)
    at = np.searchsorted(curve.days, np.arange(counts.last_day + 1), side="right")
    survival = np.append(1.0, curve.survival)[at]
    beyond = np.append(counts.at_risk()[1:], 0) / counts.total
    with np.errstate(invalid="ignore"):
        censoring = beyond / survival
    reached = np.flatnonzero(censoring <= 0.5 + 1e-12)
    gone = survival == 0
    reached = reached[~gone[reached]]
    expected = reached[0] if reached.size else None
    agrees("survival.median_follow_up", "definition", reverse.value, expected)


def test_median_follow_up_is_not_the_mean_and_not_the_median_of_all_durations():
    durations = np.array([10, 20, 30, 100, 200, 300])
    events = np.array([1, 1, 1, 0, 0, 0])
    assert median_follow_up(count_by_day(durations, events)).value == 200


def test_landmark_before_at_and_after_events():
    curve = kaplan_meier(count_by_day(SIX_MP, RELAPSED))
    early = landmark(curve, 5)
    assert early.estimate.value == 1.0
    assert early.estimate.interval.one_sided
    assert early.estimate.interval.lower == pytest.approx(0.05 ** (1 / 21))
    assert early.estimate.warnings == (Caution.NO_EVENTS,)
    middle = landmark(curve, 15)
    end = landmark(curve, 35).estimate.value
    found = middle.estimate.value, end
    agrees("survival.landmark", "printed example, Freireich 1963", found, (0.6902, 0.4482))
    assert (middle.events, middle.at_risk) == (6, 11)
    assert middle.estimate.interval.method == "log_log"
    late = landmark(curve, 36)
    assert late.estimate.value is None
    assert late.estimate.interval.lower is None
    assert late.estimate.warnings == (Caution.BEYOND_FOLLOW_UP,)
    assert late.at_risk == 0


def test_nobody_had_the_event():
    curve = kaplan_meier(count_by_day([400] * 30, [0] * 30))
    found = landmark(curve, 365).estimate
    assert found.value == 1.0
    assert found.interval.lower == pytest.approx(0.05 ** (1 / 30))
    assert found.interval.upper == 1.0
    median = quantile(curve)
    assert median.value is None
    assert median.warnings == (Caution.NOT_REACHED,)


def test_everybody_had_the_event():
    curve = kaplan_meier(count_by_day([5, 6, 7], [1, 1, 1]))
    found = landmark(curve, 100).estimate
    assert found.value == 0.0
    assert (found.interval.lower, found.interval.upper) == (None, None)
    assert found.warnings == (Caution.NO_ONE_LEFT,)
    assert quantile(curve, 0.9).value == 7
    assert quantile(curve, 0.9).interval.upper is None
    assert quantile(curve, 0.9).interval.lower <= 7


def test_event_on_day_zero_counts_with_everyone_at_risk():
    curve = kaplan_meier(count_by_day([0, 0, 5, 9], [1, 0, 0, 1]))
    assert curve.at_risk.tolist() == [4, 1]
    assert curve.survival.tolist() == [0.75, 0.0]
    assert landmark(curve, 0).estimate.value == 0.75


def test_event_comes_before_censoring_of_the_same_day():
    curve = kaplan_meier(count_by_day([5, 5, 8], [1, 0, 0]))
    assert curve.at_risk.tolist() == [3]
    assert curve.survival[0] == pytest.approx(2 / 3)


def test_one_leg_has_no_interval():
    found = landmark(kaplan_meier(count_by_day([50], [0])), 10).estimate
    assert found.value == 1.0
    assert found.interval.lower is None
    assert found.warnings == (Caution.ONE_AT_RISK,)


def test_no_leg_is_not_defined():
    counts = count_by_day([], [])
    curve = kaplan_meier(counts)
    assert landmark(curve, 91).estimate.value is None
    assert landmark(curve, 91).estimate.warnings == (Caution.NOT_DEFINED,)
    assert quantile(curve).warnings == (Caution.NOT_DEFINED,)
    assert median_follow_up(counts).value is None
    assert numbers_at_risk(counts, [0, 10]).tolist() == [0, 0]
    assert kaplan_meier_by_patient([], [], []).days.size == 0


def test_numbers_at_risk_below_the_curve():
    counts = count_by_day(SIX_MP, RELAPSED)
    assert numbers_at_risk(counts, [0, 6, 7, 35, 36, 900]).tolist() == [21, 21, 17, 1, 0, 0]
    assert tuple(int(30.4375 * months) for months in (3, 6, 12, 24)) == LANDMARK_DAYS


def test_difference_of_two_groups_at_a_landmark():
    first = kaplan_meier(count_by_day(SIX_MP, RELAPSED))
    second = kaplan_meier(count_by_day([1, 4, 8, 12, 15, 20], [1, 1, 0, 1, 0, 1]))
    found = landmark_difference(first, second, 14)
    a, b = landmark(first, 14).estimate.value, landmark(second, 14).estimate.value
    half = 1.959963984540054 * np.hypot(first.standard_error[3], second.standard_error[2])
    agrees(
        "survival.landmark_difference",
        "definition",
        (found.value, found.interval.lower, found.interval.upper),
        (a - b, a - b - half, a - b + half),
    )
    assert found.numerator == 6 + 3
    assert found.denominator == 27
    early = landmark_difference(first, second, 2)
    assert early.interval.lower is None
    assert early.warnings == (Caution.NOT_ESTIMABLE,)
    assert landmark_difference(first, first, 40).value is None
    with pytest.raises(ValueError, match="same level"):
        landmark_difference(first, kaplan_meier(second.counts, level=0.9), 14)


def test_bounds_for_the_lost_enclose_the_curve():
    durations = np.array([30, 60, 90, 100, 400, 400, 400, 400])
    events = np.array([1, 0, 0, 1, 0, 0, 0, 0])
    lost = np.array([0, 1, 1, 0, 0, 0, 0, 0])
    worst, best = bounds_for_lost(durations, events, lost, 182)
    assert worst == pytest.approx(4 / 8)
    assert best == pytest.approx(6 / 8)
    assert (
        worst < landmark(kaplan_meier(count_by_day(durations, events)), 182).estimate.value < best
    )
    with pytest.raises(ValueError, match="not lost"):
        bounds_for_lost(durations, events, [1, 0, 0, 0, 0, 0, 0, 0], 182)


@pytest.mark.parametrize(
    "durations",
    [[-1, 5], [float("nan"), 5], [1.5, 5], [10**6, 5], np.array([1, 2], "m8[D]"), [[1, 2]]],
)
def test_impossible_durations_are_refused(durations):
    with pytest.raises(ValueError, match="duration"):
        count_by_day(durations, [1, 0])


def test_broken_events_and_counts_are_refused():
    with pytest.raises(ValueError, match="one value per row"):
        count_by_day([1, 2], [1])
    with pytest.raises(ValueError, match="number of causes"):
        count_by_day([1, 2], [1, 2], causes=1)
    with pytest.raises(ValueError, match="counts"):
        count_by_day([1, 2], [1, 0], counts=[1, -1])
    with pytest.raises(ValueError, match="counts must have"):
        count_by_day([1, 2], [1, 0], counts=[1])
    with pytest.raises(ValueError, match="no such cause"):
        count_by_day([1, 2], [1, 0]).only(2)
    with pytest.raises(ValueError, match="one value per row"):
        kaplan_meier_by_patient([1, 2], [1, 0], [1])


@pytest.mark.parametrize("events", [[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
def test_cumulative_incidence_is_what_survival_leaves(events: list[int]) -> None:
    at = landmark(kaplan_meier(count_by_day([3, 5, 8, 13], events)), 8)
    turned, free = cumulative_incidence(at), at.estimate
    assert turned.value is not None
    assert free.value is not None
    assert turned.value == 1.0 - free.value
    assert turned.interval.lower == (
        None if free.interval.upper is None else 1.0 - free.interval.upper
    )
    assert turned.interval.upper == (
        None if free.interval.lower is None else 1.0 - free.interval.lower
    )
    assert (turned.numerator, turned.warnings) == (free.numerator, free.warnings)

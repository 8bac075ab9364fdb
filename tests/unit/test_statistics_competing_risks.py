from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from registry.statistics.competing_risks import (
    aalen_johansen,
    aalen_johansen_by_patient,
    gray_test,
    incidence_at,
    incidence_difference,
)
from registry.statistics.log_rank import log_rank
from registry.statistics.result import Caution
from registry.statistics.survival import count_by_day, kaplan_meier, kaplan_meier_by_patient
from tests.agreement import agrees

ROWS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 25), st.integers(0, 2)),
    min_size=1,
    max_size=80,
)


# As many patients with one leg as the errors by patient ask for.
OTHERS = [(5 + 2 * k, k % 4, 100 + k, k % 3) for k in range(20)]


def columns(rows):
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def weighted_incidence(durations, events, weights, days, causes):
    """Aalen-Johansen by its definition, with real weights."""
    free, incidence, path = 1.0, np.zeros(causes), []
    for day in days:
        at_risk = weights[durations >= day].sum()
        hazards = np.array(
            [
                weights[(durations == day) & (events == cause)].sum() / at_risk
                for cause in range(1, causes + 1)
            ]
        )
        incidence = incidence + free * hazards
        free *= 1 - hazards.sum()
        path.append(incidence)
    return np.array(path)


@given(ROWS)
def test_curves_and_errors_agree_with_statsmodels(rows):
    # Someone event-free at the end: statsmodels divides by 0 where everyone left has the event.
    durations, events, _, _ = columns([*rows, (31, 0, 0, 0)])
    found = aalen_johansen(count_by_day(durations, events, causes=3))
    present = [cause for cause in (1, 2, 3) if (events == cause).any()]
    if present != list(range(1, len(present) + 1)) or not present:
        return  # statsmodels wants the causes numbered without a gap
    theirs = CumIncidenceRight(durations + 1, events)
    at = np.searchsorted(theirs.times, found.days + 1)
    for cause in present:
        own = theirs.cinc[cause - 1][at]
        method = "competing_risks.aalen_johansen"
        agrees(method, "statsmodels", found.incidence[cause - 1], own)
        variance = theirs.cinc_se[cause - 1][at] ** 2
        agrees(method, "statsmodels", found.standard_error[cause - 1] ** 2, variance)


@given(ROWS)
def test_all_causes_and_event_free_sum_to_one_and_never_turn_back(rows):
    durations, events, _, _ = columns(rows)
    counts = count_by_day(durations, events, causes=3)
    found = aalen_johansen(counts)
    assert np.allclose(found.incidence.sum(axis=0) + found.event_free, 1.0, rtol=0, atol=1e-12)
    assert (np.diff(found.incidence, axis=1, prepend=0.0) >= 0).all()
    assert np.array_equal(found.event_free, kaplan_meier(counts).survival)
    limited = np.isfinite(found.lower)
    assert (found.lower <= found.incidence)[limited].all()
    assert (found.incidence <= found.upper)[limited].all()


@given(ROWS)
def test_one_cause_is_one_minus_kaplan_meier(rows):
    durations, events, patients, _ = columns(rows + OTHERS)
    flags = np.minimum(events, 1)
    curve = kaplan_meier_by_patient(durations, flags, patients)
    found = aalen_johansen_by_patient(durations, flags, patients)
    plain = aalen_johansen(count_by_day(durations, flags))
    inside = curve.survival > 0
    method, oracle = "competing_risks.aalen_johansen", "1 - Kaplan-Meier, one cause"
    agrees(method, oracle, plain.incidence[0], 1 - curve.survival)
    assert np.array_equal(found.incidence, plain.incidence)
    # Variances, because the square root blows up the rounding of one that is 0.
    variance, expected = found.standard_error[0] ** 2, curve.standard_error**2
    assert np.allclose(variance[inside], expected[inside], rtol=0, atol=1e-12)
    greenwood = kaplan_meier(count_by_day(durations, flags)).standard_error
    variance = plain.standard_error[0] ** 2
    agrees(method, oracle, variance[inside], greenwood[inside] ** 2)


@given(ROWS)
def test_censoring_the_competing_event_never_lowers_the_incidence(rows):
    durations, events, _, _ = columns(rows)
    counts = count_by_day(durations, events, causes=3)
    found, cause_specific = aalen_johansen(counts), kaplan_meier(counts.only(1))
    at = np.searchsorted(cause_specific.days, found.days, side="right")
    naive = 1 - np.append(1.0, cause_specific.survival)[at]
    assert (naive >= found.incidence[0] - 1e-12).all()


@given(ROWS)
def test_error_by_patient_is_the_multinomial_one_when_each_row_is_a_patient(rows):
    durations, events, _, _ = columns(rows)
    own = aalen_johansen_by_patient(durations, events, np.arange(len(rows)), causes=3)
    plain = aalen_johansen(count_by_day(durations, events, causes=3))
    agrees(
        "competing_risks.aalen_johansen_by_patient",
        "multinomial variance, one leg each",
        own.standard_error**2,
        plain.standard_error**2,
    )


def test_error_by_patient_is_the_derivative_with_respect_to_the_patients_weight():
    rng = np.random.default_rng(4)
    durations, events = rng.integers(0, 8, 40), rng.integers(0, 3, 40)
    patients = rng.integers(0, 25, 40)
    found = aalen_johansen_by_patient(durations, events, patients)
    variance = np.zeros((found.days.size, 2))
    step = 1e-5
    for patient in np.unique(patients):
        paths = [
            weighted_incidence(
                durations,
                events,
                np.where(patients == patient, 1 + sign * step, 1.0),
                found.days,
                2,
            )
            for sign in (1, -1)
        ]
        variance += ((paths[0] - paths[1]) / (2 * step)) ** 2
    agrees(
        "competing_risks.aalen_johansen_by_patient",
        "numerical derivative by weight",
        found.standard_error.T,
        np.sqrt(variance),
    )


@given(ROWS)
def test_counts_by_day_give_the_same_numbers_as_rows(rows):
    durations, events, _, groups = columns(rows)
    cells, sizes = np.unique(
        np.column_stack([durations, events, groups]), axis=0, return_counts=True
    )
    direct = aalen_johansen(count_by_day(durations, events))
    counted = aalen_johansen(count_by_day(cells[:, 0], cells[:, 1], counts=sizes))
    assert np.array_equal(direct.incidence, counted.incidence)
    assert np.array_equal(direct.standard_error, counted.standard_error)
    if (events == 1).any():
        assert gray_test(durations, events, groups) == gray_test(*cells.T, counts=sizes)


def test_ties_of_two_causes_and_day_zero_are_exact():
    found = aalen_johansen(count_by_day([0, 3, 3, 3, 5, 6, 8, 8], [1, 1, 2, 0, 0, 2, 1, 2]))
    assert found.days.tolist() == [0, 3, 6, 8]
    assert found.incidence[0].tolist() == pytest.approx([1 / 8, 2 / 8, 2 / 8, 2 / 8 + 5 / 8 / 3])
    second = [0, 1 / 8, 1 / 8 + 5 / 8 / 3, 1 / 8 + 5 / 8 / 3 + 5 / 8 / 3]
    assert found.incidence[1].tolist() == pytest.approx(second)
    assert found.event_free.tolist() == pytest.approx([7 / 8, 5 / 8, 5 / 8 * 2 / 3, 0])


def test_a_difference_of_incidences_has_the_errors_of_both():
    first = aalen_johansen(count_by_day([10, 20, 30, 40, 50, 60], [1, 2, 0, 1, 0, 0]))
    second = aalen_johansen(count_by_day([15, 25, 35, 45, 55, 65], [0, 1, 2, 0, 0, 0]))
    found = incidence_difference(first, second, 1, 50)
    one, two = (incidence_at(curves, 1, 50).estimate for curves in (first, second))
    assert found.value == pytest.approx(one.value - two.value)
    errors = first.standard_error[0, -1], second.standard_error[0, -1]
    half = (found.interval.upper - found.interval.lower) / 2
    assert half == pytest.approx(1.959964 * (errors[0] ** 2 + errors[1] ** 2) ** 0.5)
    assert (found.numerator, found.denominator) == (3, 12)
    # Before the first event of one of them nothing can be said of its error.
    early = incidence_difference(first, second, 1, 12)
    assert early.value == pytest.approx(1 / 6)
    assert early.interval.lower is None
    assert incidence_difference(first, second, 1, 61).value is None


def test_incidence_at_a_landmark():
    curves = aalen_johansen(count_by_day([10, 20, 30, 40, 50, 60], [1, 2, 0, 1, 0, 0], causes=3))
    early = incidence_at(curves, 1, 5)
    assert (early.estimate.value, early.at_risk, early.events) == (0.0, 6, 0)
    assert early.estimate.warnings == (Caution.NO_EVENTS,)
    # Six at risk without a single one: (1 - 0.393)^6 is 5 %.
    bound = early.estimate.interval
    assert (bound.lower, bound.one_sided) == (0.0, True)
    assert (1 - bound.upper) ** 6 == pytest.approx(0.05)
    middle = incidence_at(curves, 1, 45)
    assert middle.estimate.value == pytest.approx(1 / 6 + 4 / 6 / 3)
    assert middle.events == 2
    assert middle.estimate.interval.lower < middle.estimate.value < middle.estimate.interval.upper
    assert incidence_at(curves, 3, 60).estimate.warnings == (Caution.NO_EVENTS,)
    late = incidence_at(curves, 1, 61)
    assert late.estimate.value is None
    assert late.estimate.warnings == (Caution.BEYOND_FOLLOW_UP,)
    with pytest.raises(ValueError, match="no such cause"):
        incidence_at(curves, 4, 45)


def test_incidence_when_nobody_is_left_event_free():
    curves = aalen_johansen(count_by_day([3, 5, 7], [1, 2, 1]))
    assert incidence_at(curves, 1, 100).estimate.value == pytest.approx(2 / 3)
    assert incidence_at(curves, 1, 100).estimate.interval.upper is not None
    single = aalen_johansen(count_by_day([3, 5, 7], [1, 1, 1]))
    found = incidence_at(single, 1, 100).estimate
    assert found.value == 1.0
    assert found.warnings == (Caution.NO_ONE_LEFT,)


def test_nobody_and_one_leg():
    nobody = aalen_johansen(count_by_day([], []))
    assert incidence_at(nobody, 1, 91).estimate.warnings == (Caution.NOT_DEFINED,)
    assert incidence_at(nobody, 1, 91).estimate.value is None
    few = aalen_johansen_by_patient([5, 6, 7, 8], [1, 2, 0, 0], [1, 1, 2, 2])
    assert not few.by_patient
    assert incidence_at(few, 1, 6).estimate.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert aalen_johansen_by_patient([], [], []).days.size == 0
    one = incidence_at(aalen_johansen(count_by_day([40], [1])), 1, 40).estimate
    assert one.warnings == (Caution.ONE_AT_RISK,)
    assert one.interval.lower is None


def test_gray_is_the_log_rank_score_without_competing_events():
    rng = np.random.default_rng(6)
    durations, events = rng.integers(0, 50, 120), rng.integers(0, 2, 120)
    groups = rng.integers(0, 3, 120)
    gray, rank = gray_test(durations, events, groups), log_rank(durations, events, groups)
    method, oracle = "competing_risks.gray_test", "log-rank, no competing event"
    agrees(method, oracle, gray.expected, rank.expected)
    assert gray.observed == rank.observed
    assert gray.degrees_of_freedom == 2


def test_gray_without_the_event_or_a_second_group_is_not_estimable():
    assert gray_test([1, 2, 3], [1, 0, 2], [0, 0, 0]).p_value is None
    found = gray_test([1, 2, 3, 4], [2, 0, 2, 0], [0, 1, 0, 1])
    assert found.p_value is None
    assert found.warnings == (Caution.NOT_ESTIMABLE,)
    with pytest.raises(ValueError, match="no such cause"):
        gray_test([1, 2], [1, 1], [0, 1], cause=2)


@given(ROWS)
def test_gray_does_not_depend_on_the_names_of_the_groups(rows):
    durations, events, _, groups = columns(rows)
    if not (events == 1).any():
        return
    found = gray_test(durations, events, groups)
    renamed = gray_test(durations, events, np.array([2, 0, 1])[groups])
    assert renamed.degrees_of_freedom == found.degrees_of_freedom
    if found.chi_square is not None:
        assert renamed.chi_square == pytest.approx(found.chi_square, rel=1e-6, abs=1e-9)
        assert 0 <= found.p_value <= 1

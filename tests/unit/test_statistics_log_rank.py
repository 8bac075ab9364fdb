from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, logrank
from statsmodels.duration.survfunc import survdiff

from registry.statistics.log_rank import log_rank
from registry.statistics.result import Caution
from tests.agreement import agrees

# Freireich et al., Blood 1963;21:699: weeks in remission.
SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

ROWS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 1),
        st.integers(0, 25),
    ),
    min_size=1,
    max_size=80,
)


# As many patients with one leg as the variance by patient asks for.
OTHERS = [(5 + 2 * k, k % 3, k % 4, k % 2, 100 + k) for k in range(20)]


def columns(rows):
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def test_remissions_of_freireich_as_tabulated_in_textbooks():
    found = log_rank(SIX_MP + PLACEBO, RELAPSED + [1] * 21, [0] * 21 + [1] * 21)
    assert found.observed == (9, 21)
    numbers = (*found.expected, found.chi_square)
    printed = 19.25, 10.75, 16.79
    agrees("log_rank.log_rank", "printed chi squared, Freireich 1963", numbers, printed)
    assert found.degrees_of_freedom == 1
    assert found.p_value == pytest.approx(4.17e-5, abs=5e-8)


@given(ROWS)
def test_agrees_with_statsmodels_for_k_groups_and_strata(rows):
    durations, events, groups, strata, _ = columns(rows)
    flags = np.minimum(events, 1)
    for layer in (None, strata):
        found = log_rank(durations, flags, groups, strata=layer)
        if found.chi_square is None or found.degrees_of_freedom + 1 < np.unique(groups).size:
            continue  # statsmodels inverts a singular matrix there
        theirs = survdiff(durations, flags, groups, strata=layer)
        agrees("log_rank.log_rank", "statsmodels", (found.chi_square, found.p_value), theirs)


@given(ROWS)
def test_agrees_with_scipy_for_two_groups(rows):
    durations, events, groups, _, _ = columns(rows)
    flags, side = events > 0, groups % 2
    found = log_rank(durations, flags, side)
    if found.chi_square is None:
        return
    samples = [
        CensoredData(
            uncensored=durations[(side == each) & flags], right=durations[(side == each) & ~flags]
        )
        for each in (0, 1)
    ]
    agrees("log_rank.log_rank", "scipy logrank", found.p_value, logrank(*samples).pvalue)


@given(ROWS)
def test_cause_specific_test_censors_the_other_causes(rows):
    durations, events, groups, strata, patients = columns(rows + OTHERS)
    for extra in ({}, {"patients": patients}):
        found = log_rank(durations, events, groups, strata=strata, cause=1, **extra)
        direct = log_rank(durations, events == 1, groups, strata=strata, **extra)
        assert found.chi_square == direct.chi_square
        assert found.observed == direct.observed
        assert found.method.startswith("log_rank_cause_specific")


@given(ROWS)
def test_counts_by_day_give_the_same_numbers_as_rows(rows):
    table = np.column_stack(columns(rows))[:, :4]
    cells, sizes = np.unique(table, axis=0, return_counts=True)
    direct = log_rank(*table.T[:3], strata=table[:, 3])
    counted = log_rank(*cells.T[:3], strata=cells[:, 3], counts=sizes)
    assert counted == direct


@given(ROWS, st.randoms(use_true_random=False))
def test_observed_equals_expected_in_all_and_order_does_not_matter(rows, random):
    rows = rows + OTHERS
    durations, events, groups, strata, patients = columns(rows)
    found = log_rank(durations, events, groups, strata=strata, patients=patients)
    assert sum(found.observed) == np.count_nonzero(events)
    assert sum(found.expected) == pytest.approx(sum(found.observed), abs=1e-9)
    shuffled = rows.copy()
    random.shuffle(shuffled)
    durations, events, groups, strata, patients = columns(shuffled)
    again = log_rank(durations, events, groups, strata=strata, patients=patients)
    assert again.observed == found.observed
    assert again.degrees_of_freedom == found.degrees_of_freedom
    if found.chi_square is not None:
        assert again.chi_square == pytest.approx(found.chi_square, rel=1e-6, abs=1e-9)


def test_variance_by_patient_is_the_sum_of_influences():
    rng = np.random.default_rng(3)
    durations, events = rng.integers(0, 12, 90), rng.integers(0, 2, 90)
    groups, strata, patients = (
        rng.integers(0, 2, 90),
        rng.integers(0, 2, 90),
        rng.integers(0, 40, 90),
    )
    influence = np.zeros(90)
    for k in range(90):
        same = strata == strata[k]
        for day in range(int(durations[k]) + 1):
            at_risk = same & (durations >= day)
            share = groups[at_risk].mean()
            failing = np.count_nonzero(at_risk & (durations == day) & (events == 1))
            mine = events[k] == 1 and durations[k] == day
            influence[k] += (groups[k] - share) * (mine - failing / at_risk.sum())
    expected = influence.sum() ** 2 / np.sum(np.bincount(patients, influence) ** 2)
    found = log_rank(durations, events, groups, strata=strata, patients=patients)
    agrees("log_rank.log_rank", "definition, by patient", found.chi_square, expected)
    assert found.method == "log_rank_by_patient"


def test_few_patients_with_two_legs_get_the_plain_test_and_a_caution():
    durations, events, groups = np.arange(20), np.arange(20) % 2, np.arange(20) // 2 % 2
    found = log_rank(durations, events, groups, patients=np.arange(20) // 2)
    plain = log_rank(durations, events, groups)
    assert (found.chi_square, found.method) == (plain.chi_square, "log_rank")
    assert found.warnings == (Caution.TOO_FEW_PATIENTS,)
    assert log_rank(durations, events, groups, patients=np.arange(20)).warnings == ()


def test_copies_of_a_patients_rows_do_not_make_a_difference_more_certain():
    rng = np.random.default_rng(9)
    durations, events, groups = rng.integers(0, 400, 80), rng.integers(0, 2, 80), np.arange(80) % 2
    once = log_rank(durations, events, groups, patients=np.arange(80))
    rows = np.tile(np.arange(80), 3)
    thrice = log_rank(durations[rows], events[rows], groups[rows], patients=rows)
    assert thrice.chi_square == pytest.approx(once.chi_square, abs=1e-9)
    naive = log_rank(durations[rows], events[rows], groups[rows])
    assert naive.chi_square > 2 * once.chi_square


def test_large_tied_data_do_not_overflow():
    # 2,000,000 tied rows: products of the numbers at risk exceed 64-bit integers.
    days, codes, groups = np.meshgrid(np.arange(5), [0, 1], [0, 1], indexing="ij")
    sizes = np.where(codes == 1, 1000 + 10 * groups * days, 99_000)
    found = log_rank(days.ravel(), codes.ravel(), groups.ravel(), counts=sizes.ravel())
    at_risk = sizes.sum(axis=1)[::-1].cumsum(axis=0)[::-1].astype(float)
    failing = sizes[:, 1].sum(axis=1).astype(float)
    n = at_risk.sum(axis=1)
    expected = np.sum(failing * at_risk[:, 0] / n)
    variance = np.sum(failing * (n - failing) / (n - 1) * at_risk[:, 0] * at_risk[:, 1] / n**2)
    score = sizes[:, 1, 0].sum() - expected
    assert found.chi_square == pytest.approx(score**2 / variance, rel=1e-9)


def test_groups_never_at_risk_do_not_count():
    found = log_rank([1, 2, 3, 4, 0], [1, 1, 1, 1, 0], [0, 1, 0, 1, 4])
    assert found.degrees_of_freedom == 1
    assert found.observed == (2, 2, 0, 0, 0)
    assert found.expected[2:] == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("durations", "events", "groups"),
    [([], [], []), ([5, 6], [0, 0], [0, 1]), ([5, 6], [1, 1], [0, 0])],
)
def test_nothing_to_compare_is_not_estimable(durations, events, groups):
    for patients in (None, np.arange(len(durations))):
        found = log_rank(durations, events, groups, patients=patients)
        assert found.chi_square is None
        assert found.p_value is None
        assert found.warnings == (Caution.NOT_ESTIMABLE,)


def test_broken_rows_are_refused():
    with pytest.raises(ValueError, match="groups"):
        log_rank([1, 2], [1, 0], [0])
    with pytest.raises(ValueError, match="groups"):
        log_rank([1, 2], [1, 0], [0, -1])
    with pytest.raises(ValueError, match="strata"):
        log_rank([1, 2], [1, 0], [0, 1], strata=[1])
    with pytest.raises(ValueError, match="counts"):
        log_rank([1, 2], [1, 0], [0, 1], counts=[1])
    with pytest.raises(ValueError, match="patients"):
        log_rank([1, 2], [1, 0], [0, 1], patients=[1])
    with pytest.raises(ValueError, match="not counts"):
        log_rank([1, 2], [1, 0], [0, 1], patients=[1, 2], counts=[1, 1])
    with pytest.raises(ValueError, match="no such cause"):
        log_rank([1, 2], [1, 0], [0, 1], cause=3)

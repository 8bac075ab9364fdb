"""Is the difference of two groups right where another way of computing it is known?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.genmod.families import Gaussian
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.proportion import confint_proportions_2indep

from registry.statistics.clustering import linearised_variance
from registry.statistics.group_difference import (
    clustered_difference,
    modelled_difference,
    pseudo_values,
)
from registry.statistics.result import Caution
from registry.statistics.survival import count_by_day, kaplan_meier, landmark
from tests.agreement import agrees


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40), st.integers(0, 40))
def test_one_session_for_every_patient_is_newcombes_difference(
    n1: int, n2: int, x1: int, x2: int
) -> None:
    x1, x2 = min(x1, n1), min(x2, n2)
    events = [i < x1 for i in range(n1)] + [i < x2 for i in range(n2)]
    found = clustered_difference(events, [True] * n1 + [False] * n2, range(n1 + n2))
    limits = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
    agrees(
        "group_difference.clustered_difference",
        "statsmodels, one session each",
        [found.value, found.interval.lower, found.interval.upper],
        [x1 / n1 - x2 / n2, max(limits[0], -1), min(limits[1], 1)],
    )


def test_sessions_of_one_patient_that_agree_say_as_much_as_one() -> None:
    patients = np.repeat(np.arange(80), 3)
    events = np.isin(patients, [*range(12), *range(40, 46)])
    first = patients < 40
    single = clustered_difference(events[::3], first[::3], patients[::3])
    repeated = clustered_difference(events, first, patients)
    naive = clustered_difference(events, first, np.arange(240))
    width = [e.interval.upper - e.interval.lower for e in (single, repeated, naive)]  # type: ignore[operator]
    assert repeated.value == single.value == naive.value
    assert width[1] == pytest.approx(width[0], rel=0.02)
    assert width[2] < 0.65 * width[1]


def test_patients_treated_in_both_groups_alike_make_the_difference_surer() -> None:
    rng = np.random.default_rng(7)
    frail = rng.random(200) < 0.4
    events = np.concatenate([frail, frail ^ (rng.random(200) < 0.05)])
    first = np.arange(400) < 200
    shared = clustered_difference(events, first, np.tile(np.arange(200), 2))
    apart = clustered_difference(events, first, np.arange(400))
    model = modelled_difference(events, first, np.tile(np.arange(200), 2))
    widths = [e.interval.upper - e.interval.lower for e in (shared, apart, model)]  # type: ignore[operator]
    assert widths[0] < 0.5 * widths[1]
    assert widths[0] == pytest.approx(widths[2], rel=0.15)


def test_an_empty_group_has_no_difference() -> None:
    found = clustered_difference([True, False], [True, True], [1, 2])
    assert found.value is None
    assert found.warnings == (Caution.NOT_DEFINED,)


def test_few_patients_with_repeats_are_named() -> None:
    found = clustered_difference([1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 2, 2])
    assert found.warnings == (Caution.TOO_FEW_PATIENTS,)


HISTORIES = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=2, max_size=40)


@given(HISTORIES, st.integers(0, 30))
def test_pseudo_values_average_to_kaplan_meier(rows: list[tuple[int, bool]], day: int) -> None:
    durations, events = [r[0] for r in rows], [r[1] for r in rows]
    at = landmark(kaplan_meier(count_by_day(durations, events)), day).estimate.value
    found = pseudo_values(durations, events, day)
    if found is None:
        assert at in (None, 0.0) or max(durations) < day
    else:
        assert at is not None
        method = "group_difference.pseudo_values", "1 - Kaplan-Meier, their mean"
        agrees(*method, [found.mean()], [1 - at])


def test_without_censoring_pseudo_values_are_the_events() -> None:
    found = pseudo_values([3, 30, 30, 7, 30], [1, 0, 0, 1, 0], 30)
    assert found is not None
    assert found == pytest.approx([1, 0, 0, 1, 0], abs=1e-12)


def test_pseudo_values_are_those_of_leaving_one_out() -> None:
    rng = np.random.default_rng(3)
    durations = rng.integers(1, 60, 400)
    events = rng.random(400) < 0.4

    def incidence(keep: np.ndarray) -> float:  # type: ignore[type-arg]
        curve = kaplan_meier(count_by_day(durations[keep], events[keep]))
        return 1 - float(landmark(curve, 30).estimate.value or 0.0)

    everyone = np.ones(400, dtype=bool)
    whole = incidence(everyone)
    left_out = []
    for i in range(400):
        others = everyone.copy()
        others[i] = False
        left_out.append(400 * whole - 399 * incidence(others))
    found = pseudo_values(durations, events, 30)
    assert found is not None
    agrees("group_difference.pseudo_values", "leaving one out", found, left_out)


def test_a_linear_model_without_covariates_is_the_crude_difference_with_its_sandwich() -> None:
    rng = np.random.default_rng(5)
    patients = rng.integers(0, 90, 300)
    first = patients < 45
    events = rng.random(300) < np.where(first, 0.3, 0.15)
    found = modelled_difference(events, first, patients)
    shares, variance = [], 0.0
    for chosen in (first, ~first):
        y = np.bincount(patients[chosen & events], minlength=90)
        n = np.bincount(patients[chosen], minlength=90)
        shares.append(y.sum() / n.sum())
        variance += linearised_variance(y, n)
    assert found.value == pytest.approx(shares[0] - shares[1], abs=1e-12)
    half = (found.interval.upper - found.interval.lower) / 2  # type: ignore[operator]
    assert half == pytest.approx(1.96 * variance**0.5, rel=0.02)


def test_the_linear_model_is_the_gaussian_one_with_its_sandwich() -> None:
    rng = np.random.default_rng(9)
    patients = rng.integers(0, 80, 300)
    first, size = rng.random(300) < 0.5, rng.integers(0, 3, 300)
    events = rng.random(300) < 0.1 + 0.1 * size
    covariates = np.stack([size == 1, size == 2], axis=1).astype(float)
    found = modelled_difference(events, first, patients, covariates)
    design = np.column_stack([np.ones(300), first, covariates])
    fit = GLM(events.astype(float), design, family=Gaussian()).fit(
        cov_type="cluster", cov_kwds={"groups": patients}
    )
    half = 1.959963984540054 * fit.bse[1]
    agrees(
        "group_difference.modelled_difference",
        "statsmodels GLM, identity link",
        [found.value, found.interval.lower, found.interval.upper],
        [fit.params[1], fit.params[1] - half, fit.params[1] + half],
    )


def test_adjusting_takes_away_what_the_covariate_explains() -> None:
    large = np.array([0] * 300 + [1] * 100 + [0] * 100 + [1] * 300)
    first = np.arange(800) >= 400
    # The chance depends on the size of the vein alone: 10 % of small, 30 % of large ones.
    events = np.zeros(800, dtype=bool)
    for group in (first, ~first):
        for size, share in ((0, 0.10), (1, 0.30)):
            rows = np.flatnonzero(group & (large == size))
            events[rows[: round(share * len(rows))]] = True
    crude = modelled_difference(events, first, np.arange(800))
    adjusted = modelled_difference(events, first, np.arange(800), large[:, None])
    assert crude.value == pytest.approx(0.10, abs=1e-9)
    assert adjusted.value == pytest.approx(0.0, abs=1e-9)


def test_a_covariate_that_is_the_group_leaves_nothing_to_compare() -> None:
    first = np.arange(40) < 20
    found = modelled_difference(first, first, np.arange(40), first[:, None])
    assert found.value is None
    assert found.warnings == (Caution.NOT_ESTIMABLE,)


def test_intervals_cover_a_true_difference_of_repeated_sessions() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(300):
        patients = np.repeat(np.arange(120), rng.integers(1, 5, 120))
        first = patients < 60
        chance = np.where(np.arange(120) < 60, 0.20, 0.10)
        own = rng.beta(chance * 2.3, (1 - chance) * 2.3)
        events = rng.random(patients.size) < own[patients]
        limits = clustered_difference(events, first, patients).interval
        covered += limits.lower <= 0.10 <= limits.upper  # type: ignore[operator]
    assert 0.91 <= covered / 300 <= 0.995

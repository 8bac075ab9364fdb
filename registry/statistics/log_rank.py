"""Log-rank test of k groups over time in whole days, by stratum, by cause, robust by patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from registry.statistics.clustering import Integers, dense_codes, too_few_patients
from registry.statistics.proportions import Floats, checked_counts
from registry.statistics.result import Caution
from registry.statistics.survival import checked_causes, checked_durations, checked_patients

_SINGULAR = 1e-10
"""Share of the largest eigenvalue below which a direction of the variance is taken as empty."""


@dataclass(frozen=True, slots=True)
class GroupTest:
    """Test that k groups have the same curve, not adjusted for anything but the strata.

    ``observed`` and ``expected`` events by group code. ``chi_square`` has ``degrees_of_freedom``
    (groups with anyone at risk at an event, less one); it and ``p_value`` are ``None`` when there
    are fewer than two such groups or nothing to compare. ``method`` names the test.
    """

    observed: tuple[int, ...]
    expected: tuple[float, ...]
    chi_square: float | None
    degrees_of_freedom: int
    p_value: float | None
    method: str
    warnings: tuple[str, ...] = ()


def tested(observed: Integers, expected: Floats, variance: Floats, method: str) -> GroupTest:
    """Test of ``observed`` - ``expected`` with its ``variance``, of rank k - 1 or less."""
    counts = tuple(int(each) for each in observed), tuple(float(each) for each in expected)
    if np.isfinite(variance).all():
        values, vectors = np.linalg.eigh(variance)
        least = _SINGULAR * values.max(initial=0.0)
        kept = values > least
        freedom = int(np.count_nonzero(kept))
        if freedom and values.min() >= -least:
            along = vectors[:, kept].T @ (observed - expected)
            chi_square = float(np.sum(along**2 / values[kept]))
            p_value = float(chdtrc(freedom, chi_square))
            return GroupTest(*counts, chi_square, freedom, p_value, method)
    return GroupTest(*counts, None, 0, None, method, (Caution.NOT_ESTIMABLE,))


def counts_by_stratum(
    durations: ArrayLike,
    events: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike | None,
    counts: ArrayLike | None,
) -> tuple[Integers, Integers]:
    """Units by (stratum, group, event code, day), and each row's stratum code."""
    days = checked_durations(durations)
    codes = checked_causes(events, days.size)
    members = checked_counts(groups, "groups")
    if members.shape != days.shape:
        raise ValueError("groups must have one value per row")
    if strata is None:
        layers, layer_count = np.zeros(days.size, dtype=np.int64), 1
    else:
        layers, layer_count = dense_codes(strata, "strata")
        if layers.shape != days.shape:
            raise ValueError("strata must have one value per row")
    weights = None
    if counts is not None:
        weights = checked_counts(counts, "counts")
        if weights.shape != days.shape:
            raise ValueError("counts must have one value per row")
    sizes = [int(each.max(initial=-1)) + 1 for each in (members, codes, days)]
    shape = (layer_count, sizes[0], max(sizes[1], 2), sizes[2])
    index = ((layers * shape[1] + members) * shape[2] + codes) * shape[3] + days
    flat = np.bincount(index, weights, minlength=int(np.prod(shape)))
    return flat.astype(np.int64, copy=False).reshape(shape), layers


def log_rank(
    durations: ArrayLike,
    events: ArrayLike,
    groups: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    cause: int | None = None,
    counts: ArrayLike | None = None,
    patients: ArrayLike | None = None,
) -> GroupTest:
    """Log-rank test (Mantel 1966) of integer codes ``groups`` from 0, within ``strata`` if given.

    ``cause`` None: any event; a cause: cause-specific, the other causes are censored, so the test
    compares cause-specific hazards. ``counts``: units per row, where rows are aggregated.
    ``patients``: robust variance, the influences of a patient's rows on the score summed (Lin & Wei
    1989), for legs of one patient; the hypergeometric variance takes rows as independent, and is
    used with `Caution.TOO_FEW_PATIENTS` for fewer than 20 patients with repeated legs.
    """
    cells, layers = counts_by_stratum(durations, events, groups, strata, counts)
    leaving = cells.sum(axis=2)
    at_risk = leaving[..., ::-1].cumsum(axis=-1)[..., ::-1]
    failing = cells[:, :, 1:].sum(axis=2) if cause is None else of_cause(cells, cause)
    happened = np.flatnonzero(failing.sum(axis=(0, 1)))
    n_group, d_group = at_risk[..., happened], failing[..., happened]
    n, d = n_group.sum(axis=1), d_group.sum(axis=1)
    share = n_group / np.maximum(n, 1)[:, None, :]
    observed = d_group.sum(axis=(0, 2))
    expected = np.einsum("sgt,st->g", share, d)
    method = "log_rank" if cause is None else "log_rank_cause_specific"
    warned: tuple[str, ...] = ()
    if patients is not None:
        if counts is not None:
            raise ValueError("a variance by patient needs one row per unit, not counts")
        owners = checked_patients(patients, layers.size)
        if not too_few_patients(owners):
            codes = np.asarray(events, dtype=np.int64)
            failed = codes > 0 if cause is None else codes == cause
            at = np.searchsorted(happened, np.asarray(durations, dtype=np.int64), side="right")
            members = np.asarray(groups, dtype=np.int64)
            hazard = d / np.maximum(n, 1)
            influence = _influence(share, hazard, layers, members, failed, at)
            sums = np.zeros((observed.size, int(owners.max(initial=-1)) + 1))
            for group, each in enumerate(influence):
                sums[group] = np.bincount(owners, each)
            return tested(observed, expected, sums @ sums.T, f"{method}_by_patient")
        warned = (Caution.TOO_FEW_PATIENTS,)
    weight = d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag(np.einsum("sgt,st->g", share, weight)) - np.einsum(
        "sgt,sht,st->gh", share, share, weight, optimize=True
    )
    found = tested(observed, expected, variance, method)
    return replace(found, warnings=(*warned, *found.warnings))


def _influence(
    share: Floats,
    hazard: Floats,
    layers: Integers,
    members: Integers,
    failed: NDArray[np.bool_],
    at: Integers,
) -> list[Floats]:
    """Influence of each row on the score of each group.

    ``share`` of the groups at risk by (stratum, group, event day), ``hazard`` by (stratum, event
    day); per row its stratum, group, event and how many event days it saw, its own included.
    """
    # A leading zero stands for "no event day so far".
    spent = np.concatenate([np.zeros((hazard.shape[0], 1)), hazard.cumsum(axis=1)], axis=1)
    expectation = (share * hazard[:, None, :]).cumsum(axis=2)
    own = failed - spent[layers, at]
    seen = at > 0
    found = []
    for group in range(share.shape[1]):
        influence = np.where(members == group, own, 0.0)
        rows = (layers[seen], group, at[seen] - 1)
        influence[seen] += expectation[rows] - np.where(failed[seen], share[rows], 0.0)
        found.append(influence)
    return found


def of_cause(cells: Integers, cause: int) -> Integers:
    """Events of ``cause`` by (stratum, group, day) out of `counts_by_stratum`."""
    if not 1 <= cause < cells.shape[2]:
        raise ValueError("no such cause")
    return cells[:, :, cause]

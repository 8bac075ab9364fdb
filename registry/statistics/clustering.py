"""Rates of sessions when patients have several: sessions of one patient are not independent.

The cluster is the patient; legs and sessions are nested in it. A session counts once, with or
without an event. `per_patient_counts` turns rows into the two sums per patient that the rest takes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from registry.statistics import display_rules
from registry.statistics.proportions import (
    checked_counts,
    checked_level,
    clopper_pearson,
    normal_quantile,
    proportion,
    wilson,
)
from registry.statistics.result import Caution, Estimate, Interval

Integers = NDArray[np.int64]

FEWEST_EVENTS_FOR_WILSON = 10
"""Below this many events, or non-events, Korn-Graubard limits replace Wilson's."""
_MOST_CODES = 2**62
"""Combinations of levels that still have codes as whole numbers."""


@dataclass(frozen=True, slots=True)
class ClusteredProportion:
    """Sessions with an event out of all sessions, with limits that allow for repeated sessions.

    ``standard_error`` is the linearised one, by patient. ``design_effect`` is its square over the
    binomial variance, floored at 1; ``effective_denominator`` is n / design effect. All three are
    ``None`` where not estimable (fewer than 20 patients, no event or nothing but events) or not
    needed (one session for every patient).
    ``patient_bound`` stands beside the interval of 0 (or n) of n sessions: the interval as if each
    patient were a single observation, the worst case of complete dependence.
    """

    estimate: Estimate
    patients: int
    standard_error: float | None = None
    design_effect: float | None = None
    effective_denominator: float | None = None
    patient_bound: Interval | None = None


@dataclass(frozen=True, slots=True)
class PerPatientProportion:
    """Patients with at least one event, and the mean sessions per patient that it grows with."""

    estimate: Estimate
    mean_sessions: float | None


class RatioMeasure(StrEnum):
    """What `compare_groups` estimates."""

    RISK_RATIO = "risk_ratio"
    ODDS_RATIO = "odds_ratio"


@dataclass(frozen=True, slots=True)
class GroupRatio:
    """Ratio of one group to group 0; ``estimate`` counts this group's events and sessions."""

    group: int
    estimate: Estimate
    p_value: float | None


def dense_codes(codes: ArrayLike, name: str = "patients") -> tuple[Integers, int]:
    """Return ``codes`` as integers fit for ``bincount``, and an upper bound of how many there are.

    Codes that are already small non-negative integers are kept; any other labels are renumbered.
    """
    labels = np.asarray(codes)
    if labels.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(f"{name} must not be missing")
    if labels.size == 0:
        return labels.astype(np.int64), 0
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < 4 * labels.size + 1024:
        return labels.astype(np.int64, copy=False), int(labels.max()) + 1
    distinct, inverse = np.unique(labels, return_inverse=True)
    return inverse.astype(np.int64, copy=False), len(distinct)


def count_distinct(labels: ArrayLike) -> int:
    """How many different labels there are, quickly for codes that are small whole numbers."""
    codes, size = dense_codes(labels)
    return int(np.count_nonzero(np.bincount(codes, minlength=size)))


def too_few_patients(codes: Integers) -> bool:
    """Whether rows are repeated in patients who are too few to estimate what that does."""
    patients = count_distinct(codes)
    return patients < min(display_rules.MINIMUM_PATIENTS_FOR_CLUSTERING, codes.size)


def checked_flags(values: ArrayLike, name: str, size: int) -> NDArray[np.bool_]:
    """Return ``values`` as flags of length ``size``; ``ValueError`` for anything but 0 and 1."""
    flags = np.asarray(values)
    if flags.shape != (size,):
        raise ValueError(f"{name} must have one value per row")
    if flags.dtype.kind == "b":
        return flags.astype(np.bool_, copy=False)
    if not ((flags == 0) | (flags == 1)).all():
        raise ValueError(f"{name} must be 0 or 1")
    return flags.astype(np.bool_)


def per_patient_counts(patients: ArrayLike, events: ArrayLike) -> tuple[Integers, Integers]:
    """Sessions with an event, and sessions, of each patient.

    ``patients`` and ``events`` (0 or 1) have one value per session. Patients without a session do
    not appear among the sums unless their code does; `clustered_proportion` leaves them out.
    """
    codes, size = dense_codes(patients)
    flags = checked_flags(events, "events", codes.size)
    return np.bincount(codes[flags], minlength=size), np.bincount(codes, minlength=size)


def _checked_sums(events: ArrayLike, sessions: ArrayLike) -> tuple[Integers, Integers]:
    y = checked_counts(events, "events_per_patient")
    n = checked_counts(sessions, "sessions_per_patient")
    if y.ndim != 1 or y.shape != n.shape:
        raise ValueError("events and sessions must have one value per patient")
    if (y > n).any():
        raise ValueError("a patient cannot have more sessions with an event than sessions")
    seen = n > 0
    return (y, n) if seen.all() else (y[seen], n[seen])


def linearised_variance(events_per_patient: ArrayLike, sessions_per_patient: ArrayLike) -> float:
    """Variance of the rate per session by patient: m/(m-1) Σ(y_i - n_i p)² / n².

    m patients, at least 2, else ``ValueError``. This is the sandwich variance of the crude rate
    (Liang & Zeger 1986) with the small-sample factor m/(m-1).
    """
    y, n = _checked_sums(events_per_patient, sessions_per_patient)
    m = y.size
    if m < 2:
        raise ValueError("a variance by patient needs at least 2 patients")
    total = int(n.sum())
    residuals = y - n * (int(y.sum()) / total)
    return float(m / (m - 1) * np.sum(residuals**2) / total**2)


def intraclass_correlation(
    events_per_patient: ArrayLike, sessions_per_patient: ArrayLike
) -> float | None:
    """Intraclass correlation of sessions in patients by analysis of variance.

    ``None`` when not estimable: one patient, nobody with two sessions, or no variation.
    """
    y, n = _checked_sums(events_per_patient, sessions_per_patient)
    m, total = y.size, int(n.sum())
    if m < 2 or total == m:
        return None
    rate = int(y.sum()) / total
    own = y / n
    between = float(np.sum(n * (own - rate) ** 2)) / (m - 1)
    within = float(np.sum(n * own * (1.0 - own))) / (total - m)
    typical = (total - float(np.sum(n**2)) / total) / (m - 1)
    spread = between + (typical - 1.0) * within
    return (between - within) / spread if spread > 0.0 else None


def clustered_proportion(
    events_per_patient: ArrayLike,
    sessions_per_patient: ArrayLike,
    *,
    unit: str = "sessions",
    level: float = 0.95,
) -> ClusteredProportion:
    """Rate per session with limits that allow for several sessions per patient.

    With x events in n sessions of m patients: Wilson at n/deff when x and n - x are at least 10,
    else Korn & Graubard (1998), Clopper-Pearson at n/deff · (t_{n-1}/t_{m-1})². Fewer than 20
    patients: limits for independent sessions with `Caution.TOO_FEW_PATIENTS`. No event, or nothing
    but events: limits for independent sessions beside ``patient_bound``. One session for every
    patient: `proportion`, as nothing is repeated.
    """
    y, n = _checked_sums(events_per_patient, sessions_per_patient)
    x, total, m = int(y.sum()), int(n.sum()), y.size
    naive = proportion(x, total, unit=unit, level=level)
    if total == m:
        return ClusteredProportion(naive, m)
    if x in (0, total):
        worst = proportion(0 if x == 0 else m, m, level=level).interval
        return ClusteredProportion(naive, m, patient_bound=worst)
    if not display_rules.estimates_clustering(m, x):
        warned = Estimate(naive.value, naive.interval, x, total, unit, (Caution.TOO_FEW_PATIENTS,))
        return ClusteredProportion(warned, m)
    rate = x / total
    variance = linearised_variance(y, n)
    deff = max(1.0, variance / (rate * (1.0 - rate) / total))
    effective = total / deff
    if min(x, total - x) >= FEWEST_EVENTS_FOR_WILSON:
        limits, method = wilson(rate * effective, effective, level), "wilson_effective_n"
    else:
        tail = 0.5 + checked_level(level) / 2.0
        ratio = float(stdtrit(total - 1, tail) / stdtrit(m - 1, tail))
        reduced = effective * ratio**2
        limits, method = clopper_pearson(rate * reduced, reduced, level), "korn_graubard"
    interval = Interval(float(limits[0]), float(limits[1]), level, method)
    return ClusteredProportion(
        Estimate(rate, interval, x, total, unit), m, variance**0.5, deff, effective
    )


def per_patient_proportion(
    events_per_patient: ArrayLike, sessions_per_patient: ArrayLike, *, level: float = 0.95
) -> PerPatientProportion:
    """Patients with at least one event out of patients with at least one session."""
    y, n = _checked_sums(events_per_patient, sessions_per_patient)
    estimate = proportion(int(np.count_nonzero(y)), y.size, unit="patients", level=level)
    return PerPatientProportion(estimate, float(n.mean()) if n.size else None)


def first_session_proportion(
    patients: ArrayLike, order: ArrayLike, events: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Rate among each patient's first session only: independent, and comparable with papers.

    ``order`` sorts the sessions of a patient (day, or day and number in one key); equal keys keep
    the order of the rows.
    """
    codes, _ = dense_codes(patients)
    flags = checked_flags(events, "events", codes.size)
    key = np.asarray(order)
    if key.shape != codes.shape:
        raise ValueError("order must have one value per row")
    rows = np.lexsort((key, codes))
    first = rows[np.diff(codes[rows], prepend=-1) > 0]
    return proportion(
        int(np.count_nonzero(flags[first])), first.size, unit="first sessions", level=level
    )


def compare_groups(
    events: ArrayLike,
    groups: ArrayLike,
    patients: ArrayLike,
    *,
    measure: RatioMeasure = RatioMeasure.RISK_RATIO,
    covariates: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[GroupRatio, ...]:
    """Ratio of each group to group 0 with a sandwich variance by patient.

    One row per session: ``events`` 0 or 1, ``groups`` integer codes from 0, ``covariates`` an
    optional matrix with one row per session. Risk ratio: Poisson regression with log link
    ("modified Poisson", Zou 2004); odds ratio: logistic regression. The variance carries the factor
    m/(m-1)·(n-1)/(n-k) for m patients, n sessions, k coefficients. A group in which the ratio is 0
    or infinite, and every group if group 0 is such a one or the covariates leave no unique finite
    fit, gives `Caution.NOT_ESTIMABLE`. Fewer than 20 patients with repeated sessions: the sandwich
    is too small, `Caution.TOO_FEW_PATIENTS`.
    """
    codes = checked_counts(groups, "groups")
    if codes.ndim != 1:
        raise ValueError("groups must be one-dimensional")
    flags = checked_flags(events, "events", codes.size)
    clusters, _ = dense_codes(patients)
    if clusters.size != codes.size:
        raise ValueError("patients must have one value per row")
    n = np.bincount(codes)
    x = np.bincount(codes[flags], minlength=n.size)
    estimable = x > 0
    if measure is RatioMeasure.ODDS_RATIO:
        estimable &= x < n
    used = estimable[codes]
    fitted = [int(code) for code in np.flatnonzero(estimable) if code > 0]
    found: dict[int, tuple[float, float]] = {}
    if n.size and estimable[0] and fitted and np.unique(clusters[used]).size > 1:
        columns = [np.ones(codes.size), *(codes == code for code in fitted)]
        design = np.column_stack(columns)
        if covariates is not None:
            design = np.column_stack([design, np.asarray(covariates, dtype=np.float64)])
        found = _fitted_logs(flags[used], design[used], clusters[used], measure, fitted)
    z = normal_quantile(level)
    warned = (Caution.TOO_FEW_PATIENTS,) if too_few_patients(clusters) else ()
    ratios = []
    for code in range(1, n.size):
        method, counts = f"cluster_robust_{measure}", (int(x[code]), int(n[code]), "sessions")
        if code not in found:
            nothing = Interval(None, None, level, method)
            estimate = Estimate(None, nothing, *counts, (Caution.NOT_ESTIMABLE,))
            ratios.append(GroupRatio(code, estimate, None))
            continue
        log_ratio, error = found[code]
        limits = np.exp([log_ratio - z * error, log_ratio + z * error])
        interval = Interval(float(limits[0]), float(limits[1]), level, method)
        estimate = Estimate(float(np.exp(log_ratio)), interval, *counts, warned)
        ratios.append(GroupRatio(code, estimate, float(2.0 * ndtr(-abs(log_ratio / error)))))
    return tuple(ratios)


def _fitted_logs(
    events: NDArray[np.bool_],
    design: NDArray[np.float64],
    patients: Integers,
    measure: RatioMeasure,
    groups: list[int],
) -> dict[int, tuple[float, float]]:
    """Log ratio and its standard error by group; empty if the model has no unique finite fit."""
    from statsmodels.genmod.families import Binomial, Poisson
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    # Sessions alike in everything are one row of the fit, with their number as its weight.
    one_of, kind, number = _alike(np.column_stack([design, events]))
    kinds, outcomes = design[one_of], events[one_of].astype(np.float64)
    if np.linalg.matrix_rank(kinds) < design.shape[1]:
        return {}
    is_poisson = measure is RatioMeasure.RISK_RATIO
    family = Poisson() if is_poisson else Binomial()
    model = GLM(outcomes, kinds, family=family, freq_weights=number)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            # The default tolerance on the deviance leaves coefficients right to 1e-6 only.
            fit = model.fit(tol=1e-13)
        except PerfectSeparationWarning:
            return {}
    if not fit.converged:
        return {}
    # Both links are canonical: a session's score is its residual times its row of the design.
    means = np.asarray(fit.fittedvalues)
    spread = number * (means if is_poisson else means * (1.0 - means))
    bread = np.linalg.inv(kinds.T @ (kinds * spread[:, None]))
    residuals = (outcomes - means)[kind]
    scores = np.stack([np.bincount(patients, residuals * column) for column in design.T])
    (n, k), m = design.shape, count_distinct(patients)
    robust = bread @ (scores @ scores.T) @ bread * (m / (m - 1) * (n - 1) / (n - k))
    # Scores that cancel out leave a variance of zero, by rounding a negative one: no limits then.
    errors = np.sqrt(np.maximum(np.diagonal(robust), 0.0))
    columns = slice(1, 1 + len(groups))
    pairs = zip(fit.params[columns], errors[columns], strict=True)
    return {
        group: (float(log_ratio), float(error))
        for group, (log_ratio, error) in zip(groups, pairs, strict=True)
        if np.isfinite(error) and error > 0.0
    }


def _alike(table: NDArray[np.float64]) -> tuple[Integers, Integers, Integers]:
    """The first row of each kind, the kind of each row, and how many rows are of each kind."""
    codes, room = np.zeros(len(table), dtype=np.int64), 1
    for column in table.T:
        if ((column == 0.0) | (column == 1.0)).all():
            place, size = column.astype(np.int64), 2
        else:
            levels, place = np.unique(column, return_inverse=True)
            size = len(levels)
        if room * size > _MOST_CODES:
            found, codes = np.unique(codes, return_inverse=True)
            room = len(found)
        codes, room = codes * size + place, room * size
    _, first, kind, number = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    return first, kind, number

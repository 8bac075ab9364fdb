"""Difference of two groups of sessions when patients have several, perhaps in both groups.

A difference is the share with the event in the first group minus that in the second. With
covariates it is the difference at equal covariates under a linear model of the share; that levels
what was recorded, and nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from registry.statistics import display_rules
from registry.statistics.clustering import (
    Integers,
    checked_flags,
    dense_codes,
    linearised_variance,
    too_few_patients,
)
from registry.statistics.proportions import Floats, normal_quantile, wilson
from registry.statistics.result import Caution, Estimate, Interval
from registry.statistics.survival import count_by_day, product_limit


def clustered_difference(
    events: ArrayLike, in_first: ArrayLike, patients: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """p1 - p2 with Newcombe limits that allow for repeated sessions and for shared patients.

    One row a session. Newcombe (1998, method 10) joins the two Wilson intervals; here each is taken
    at n / design effect, and the correlation of the two shares that patients of both groups bring
    about enters as in his method for paired data. A design effect is estimated from 20 patients on.
    The counts are those of the first group. An empty group: `Caution.NOT_DEFINED`.
    """
    codes, size = dense_codes(patients)
    had = checked_flags(events, "events", codes.size)
    first = checked_flags(in_first, "in_first", codes.size)
    groups = [_Group(codes[chosen], had[chosen], size, level) for chosen in (first, ~first)]
    one, two = groups
    counts = (one.events, one.sessions, "sessions")
    if not (one.sessions and two.sessions):
        nothing = Interval(None, None, level, "newcombe_by_patient")
        return Estimate(None, nothing, *counts, (Caution.NOT_DEFINED,))
    correlation = _correlation(one, two)
    value = one.share - two.share
    low = _joined(one.share - one.lower, two.upper - two.share, correlation)
    high = _joined(one.upper - one.share, two.share - two.lower, correlation)
    warned = (Caution.TOO_FEW_PATIENTS,) if too_few_patients(codes) else ()
    interval = Interval(
        max(value - low, -1.0), min(value + high, 1.0), level, "newcombe_by_patient"
    )
    return Estimate(value, interval, *counts, warned)


class _Group:
    """Share, limits and the sums per patient of one group."""

    def __init__(self, patients: Integers, had: NDArray[np.bool_], size: int, level: float) -> None:
        self.sessions, self.events = int(patients.size), int(had.sum())
        if not self.sessions:
            return
        self.share = self.events / self.sessions
        self.per_patient = np.bincount(patients, minlength=size)
        self.residuals = (
            np.bincount(patients[had], minlength=size) - self.per_patient * self.share
        ) / self.sessions
        binomial = self.share * (1.0 - self.share) / self.sessions
        present = int(np.count_nonzero(self.per_patient))
        effect = 1.0
        repeated = present < self.sessions
        if binomial and repeated and display_rules.estimates_clustering(present, self.events):
            sums = np.bincount(patients[had], minlength=size)
            effect = max(1.0, linearised_variance(sums, self.per_patient) / binomial)
        self.error = float(np.sqrt(effect * binomial))
        lower, upper = wilson(self.events / effect, self.sessions / effect, level)
        self.lower, self.upper = float(lower), float(upper)


def _correlation(one: _Group, two: _Group) -> float:
    shared = (one.per_patient > 0) & (two.per_patient > 0)
    patients = int(np.count_nonzero((one.per_patient > 0) | (two.per_patient > 0)))
    if not shared.any() or patients < 2 or not (one.error and two.error):
        return 0.0
    covariance = patients / (patients - 1) * float(one.residuals @ two.residuals)
    return float(np.clip(covariance / (one.error * two.error), -1.0, 1.0))


def _joined(own: float, other: float, correlation: float) -> float:
    return float(np.sqrt(max(own**2 - 2.0 * correlation * own * other + other**2, 0.0)))


def pseudo_values(durations: ArrayLike, events: ArrayLike, day: int) -> Floats | None:
    """What each row contributes to 1 - Kaplan-Meier at ``day``: their mean is that incidence.

    Infinitesimal jackknife F(t) + n·influence (Andersen, Klein & Rosthøj 2003 by leaving one out).
    Without censoring before ``day`` they are the events themselves, 0 or 1; otherwise they may lie
    outside. None where the curve at ``day`` is 0 or nobody is observed so long.
    """
    counts = count_by_day(durations, events)
    days, codes = np.asarray(durations, dtype=np.int64), np.asarray(events).astype(np.int64)
    if counts.last_day is None or counts.last_day < day:
        return None
    at_risk, failing = counts.at_risk()[: day + 1], counts.events[: day + 1]
    steps = np.flatnonzero(failing)
    curve, _ = product_limit(at_risk[steps], failing[steps])
    survival = float(curve[-1]) if steps.size else 1.0
    if survival <= 0.0:
        return None
    remaining = np.maximum(at_risk - failing, 1)
    hazard = np.cumsum(failing / (np.maximum(at_risk, 1) * remaining))
    until = np.minimum(days, day)
    event = (codes > 0) & (days <= day)
    influence = survival * (np.where(event, 1.0 / remaining[until], 0.0) - hazard[until])
    values: Floats = 1.0 - survival + days.size * influence
    return values


def modelled_difference(
    values: ArrayLike,
    in_first: ArrayLike,
    patients: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    """Difference of the groups in a linear model of ``values``, with a sandwich by patient.

    ``values``: 0 or 1 for each session, or `pseudo_values`; ``covariates``: a matrix with one row
    a session, None for none. "Modified least squares" (Cheung 2007): the coefficient is a
    difference of shares, and the sandwich is right although the spread depends on the share. The
    counts are the rows of the first group. A group that the covariates determine, or a single
    patient: `Caution.NOT_ESTIMABLE`.
    """
    from statsmodels.regression.linear_model import OLS

    codes, _ = dense_codes(patients)
    outcome = np.asarray(values, dtype=np.float64)
    first = checked_flags(in_first, "in_first", codes.size)
    design = np.column_stack([np.ones(codes.size), first])
    if covariates is not None:
        design = np.column_stack([design, np.asarray(covariates, dtype=np.float64)])
    method = "linear_model_by_patient"
    counts = (float(outcome[first].sum()), int(first.sum()), "sessions")
    if (
        np.linalg.matrix_rank(design) < design.shape[1]
        or np.unique(codes).size < 2
        or codes.size <= design.shape[1]
    ):
        nothing = Interval(None, None, level, method)
        return Estimate(None, nothing, *counts, (Caution.NOT_ESTIMABLE,))
    fit = OLS(outcome, design).fit(cov_type="cluster", cov_kwds={"groups": codes})
    value, half = float(fit.params[1]), normal_quantile(level) * float(fit.bse[1])
    warned = (Caution.TOO_FEW_PATIENTS,) if too_few_patients(codes) else ()
    interval = Interval(max(value - half, -1.0), min(value + half, 1.0), level, method)
    return Estimate(value, interval, *counts, warned)

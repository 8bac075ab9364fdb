"""Means of amounts, and amounts per success, when the patient is what was sampled.

Amounts of one patient resemble each other, so the sums of each patient are the observations. Few
patients and skewed amounts make both intervals approximate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from registry.statistics import display_rules
from registry.statistics.clustering import dense_codes
from registry.statistics.proportions import Floats, checked_amounts, checked_counts, checked_level
from registry.statistics.result import Caution, Estimate, Interval

MEAN_METHOD = "linearised_mean_by_patient"
RATIO_METHOD = "fieller_by_patient"


def clustered_mean(
    amounts: ArrayLike, patients: ArrayLike, *, unit: str = "sessions", level: float = 0.95
) -> Estimate:
    """Mean of ``amounts``, one for each of n units, with limits that allow for repeated patients.

    ``patients`` holds the patient of each unit. The variance is that of a ratio of two sums by
    patient, m/(m-1) Σ(y_i - n_i ȳ)² / n² for m patients; limits take Student's t with m - 1 degrees
    of freedom and end at 0. One unit for every patient: Student's interval of a mean.
    No unit: `Caution.NOT_DEFINED`. Fewer than 2 patients, or amounts that do not differ:
    `Caution.NOT_ESTIMABLE`, as nothing is known of how they vary. Fewer than 20 patients with
    several units each: `Caution.TOO_FEW_PATIENTS`.
    """
    values = checked_amounts(amounts, "amounts")
    codes, size = dense_codes(patients)
    if values.shape != codes.shape:
        raise ValueError("amounts and patients must have one value per unit")
    n = values.size
    total = float(values.sum())
    nothing = Interval(None, None, checked_level(level), MEAN_METHOD)
    if n == 0:
        return Estimate(None, nothing, 0.0, 0, unit, (Caution.NOT_DEFINED,))
    units = np.bincount(codes, minlength=size)
    sums = np.bincount(codes, weights=values, minlength=size)[units > 0]
    units = units[units > 0]
    m, mean = units.size, total / n
    if m < 2 or np.ptp(values) == 0.0:
        return Estimate(mean, nothing, total, n, unit, (Caution.NOT_ESTIMABLE,))
    variance = m / (m - 1) * float(np.sum((sums - units * mean) ** 2)) / n**2
    reach = _student(m, level) * variance**0.5
    interval = Interval(max(0.0, mean - reach), mean + reach, level, MEAN_METHOD)
    is_repeated = m < min(display_rules.MINIMUM_PATIENTS_FOR_CLUSTERING, n)
    warned = (Caution.TOO_FEW_PATIENTS,) if is_repeated else ()
    return Estimate(mean, interval, total, n, unit, warned)


def amount_per_success(
    amounts: ArrayLike, successes: ArrayLike, *, unit: str = "patients", level: float = 0.95
) -> Estimate:
    """Sum of ``amounts`` over the number of ``successes`` (0 or 1), one of each for a patient.

    Limits by Fieller (1954): all ratios R for which the mean of amount - R·success does not differ
    from 0 by Student's t with m - 1 degrees of freedom, m patients. They lie unevenly around the
    ratio, as they should: few successes make it uncertain upwards. Where the share of successes
    itself could be 0 the ratio has no upper limit: the interval is left open and
    `Caution.NOT_ESTIMABLE` is set. No success: `Caution.NOT_DEFINED`.
    """
    values = checked_amounts(amounts, "amounts")
    flags = checked_counts(successes, "successes")
    if values.ndim != 1 or values.shape != flags.shape:
        raise ValueError("amounts and successes must have one value per patient")
    if (flags > 1).any():
        raise ValueError("successes must be 0 or 1")
    m, total, count = values.size, float(values.sum()), int(flags.sum())
    nothing = Interval(None, None, checked_level(level), RATIO_METHOD)
    if count == 0:
        return Estimate(None, nothing, total, 0, unit, (Caution.NOT_DEFINED,))
    value = total / count
    limits = _fieller(values, flags.astype(np.float64), level) if m > 1 else None
    if limits is None:
        return Estimate(value, nothing, total, count, unit, (Caution.NOT_ESTIMABLE,))
    interval = Interval(max(0.0, limits[0]), limits[1], level, RATIO_METHOD)
    return Estimate(value, interval, total, count, unit)


def _fieller(y: Floats, x: Floats, level: float) -> tuple[float, float] | None:
    """Roots of (ȳ - R x̄)² = t² (s_yy - 2 R s_xy + R² s_xx) / m; None where they bound nothing."""
    m = y.size
    cover = _student(m, level) ** 2 / m
    spread = np.cov(y, x)
    a = float(x.mean() ** 2 - cover * spread[1, 1])
    b = float(y.mean() * x.mean() - cover * spread[0, 1])
    c = float(y.mean() ** 2 - cover * spread[0, 0])
    inside = b**2 - a * c
    if a <= 0.0 or inside <= 0.0:
        return None
    return (b - inside**0.5) / a, (b + inside**0.5) / a


def _student(patients: int, level: float) -> float:
    return float(stdtrit(patients - 1, 0.5 + level / 2.0))

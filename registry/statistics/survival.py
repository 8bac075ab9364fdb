"""Time to one event in whole days: Kaplan-Meier with log-log limits.

`count_by_day` turns rows, or counts that were aggregated by day before, into `DayCounts`, from
which all curves are computed: both ways give the same numbers. Day 0 counts, with everyone at risk.
At a tie the event comes before the censoring. Censoring must be independent of the event;
recurrences are found at visits, so curves step at visit days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from registry.statistics.clustering import (
    Integers,
    checked_flags,
    dense_codes,
    too_few_patients,
)
from registry.statistics.proportions import (
    Floats,
    checked_counts,
    checked_level,
    normal_quantile,
    zero_event_bound,
)
from registry.statistics.result import Caution, Estimate, Interval

LANDMARK_DAYS = (91, 182, 365, 730)
"""3, 6, 12 and 24 months: the whole days in 30.4375 times the months."""

LONGEST_DAYS = 55_000
"""About 150 years: a longer duration is a wrong date, and would cost memory by the day."""

_ROUNDING = 1e-12
"""A curve this close to a quantile has reached it: products of ratios are inexact in binary."""


@dataclass(frozen=True, slots=True, eq=False)
class DayCounts:
    """How many were last seen on each day, and how that ended.

    ``counts`` has shape (1 + causes, days): row 0 the censored, row k the events of cause k; the
    column is the day since the origin. The last column holds someone, unless there are no rows.
    """

    counts: Integers

    @property
    def total(self) -> int:
        """Number of units observed."""
        return int(self.counts.sum())

    @property
    def causes(self) -> int:
        """Number of kinds of event."""
        return int(self.counts.shape[0]) - 1

    @property
    def last_day(self) -> int | None:
        """Last day on which anyone was observed; ``None`` without rows."""
        width = int(self.counts.shape[1])
        return width - 1 if width else None

    @property
    def events(self) -> Integers:
        """Events of any cause by day."""
        return np.asarray(self.counts[1:].sum(axis=0))

    def at_risk(self) -> Integers:
        """Units still observed at the start of each day, so that day 0 has all of them."""
        leaving = self.counts.sum(axis=0)
        return np.asarray(leaving[::-1].cumsum()[::-1])

    def only(self, cause: int) -> DayCounts:
        """Counts with events of ``cause`` alone; other causes become censorings."""
        if not 1 <= cause <= self.causes:
            raise ValueError("no such cause")
        others = self.counts.sum(axis=0) - self.counts[cause]
        return DayCounts(np.stack([others, self.counts[cause]]))


def checked_durations(durations: ArrayLike) -> Integers:
    """Return ``durations`` as whole days; ``ValueError`` if missing, negative, broken or absurd."""
    days = checked_counts(durations, "durations")
    if days.ndim != 1:
        raise ValueError("durations must be one-dimensional")
    if days.size and days.max() > LONGEST_DAYS:
        raise ValueError(f"a duration exceeds {LONGEST_DAYS} days: check its dates")
    return days


def checked_causes(events: ArrayLike, size: int) -> Integers:
    """Return ``events`` as codes, 0 censored and 1, 2, ... causes, one per row of ``size``."""
    codes = checked_counts(events, "events")
    if codes.shape != (size,):
        raise ValueError("events must have one value per row")
    return codes


def checked_patients(patients: ArrayLike, size: int) -> Integers:
    """Return ``patients`` as `dense_codes`, one per row of ``size``."""
    codes, _ = dense_codes(patients)
    if codes.size != size:
        raise ValueError("patients must have one value per row")
    return codes


def count_by_day(
    durations: ArrayLike,
    events: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    causes: int | None = None,
) -> DayCounts:
    """Sufficient counts of every time-to-event estimate here.

    ``durations``: whole days from origin to event or last contact. ``events``: 0 or False censored,
    1 or True event, 2, 3, ... further causes. ``counts``: units that each row stands for, where
    rows are aggregated. ``causes``: number of causes, to keep those that did not occur.
    """
    days = checked_durations(durations)
    codes = checked_causes(events, days.size)
    highest = int(codes.max()) if codes.size else 0
    kinds = 1 + (max(1, highest) if causes is None else causes)
    if highest >= kinds:
        raise ValueError("an event code exceeds the number of causes")
    weights = None
    if counts is not None:
        weights = checked_counts(counts, "counts")
        if weights.shape != days.shape:
            raise ValueError("counts must have one value per row")
        present = weights > 0
        days, codes, weights = days[present], codes[present], weights[present]
    width = int(days.max()) + 1 if days.size else 0
    flat = np.bincount(codes * width + days, weights, minlength=kinds * width)
    return DayCounts(flat.astype(np.int64, copy=False).reshape(kinds, width))


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """Event-free probability; one entry of each array per day with an event.

    ``survival`` holds from its day on, 1 before the first. ``standard_error`` is Greenwood's or,
    with ``by_patient``, the infinitesimal jackknife summed by patient. ``lower`` and ``upper`` are
    log-log limits. Where the curve is 0, error and limits are undefined (NaN).
    """

    days: Integers
    at_risk: Integers
    events: Integers
    survival: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float
    by_patient: bool
    counts: DayCounts
    warnings: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """Name of the limits."""
        return "log_log_by_patient" if self.by_patient else "log_log"


@dataclass(frozen=True, slots=True)
class Landmark:
    """State of a curve at one day.

    ``estimate`` counts the events up to and including the day, and all units; its value is a
    probability, not their ratio. ``at_risk`` are the units observed at the start of the day.
    """

    day: int
    estimate: Estimate
    at_risk: int
    events: int


def log_log_limits(
    probability: Floats, standard_error: Floats, level: float
) -> tuple[Floats, Floats]:
    """Limits p^exp(±z·SE/(p·|log p|)), which stay in (0, 1); NaN where p is 0 or 1."""
    z = normal_quantile(level)
    inside = (probability > 0.0) & (probability < 1.0)
    p = np.where(inside, probability, np.nan)
    spread = z * standard_error / (p * -np.log(p))
    return p ** np.exp(spread), p ** np.exp(-spread)


def product_limit(at_risk: Integers, events: Integers) -> tuple[Floats, Floats]:
    """Curve Π(1 - d/n) and Greenwood's Σ d/(n(n - d)), both after each entry.

    The sum stays what it was where everyone at risk had the event.
    """
    remaining = at_risk - events
    survival: Floats = np.cumprod(remaining / at_risk, dtype=np.float64)
    steps = np.where(remaining > 0, events / (at_risk * np.maximum(remaining, 1.0)), 0.0)
    return survival, np.cumsum(steps)


def kaplan_meier(counts: DayCounts, *, level: float = 0.95) -> KaplanMeier:
    """Kaplan & Meier (1958) with Greenwood's error; events of any cause count.

    Units are taken as independent; for several legs per patient see `kaplan_meier_by_patient`.
    """
    survival, hazard = _curve(counts)
    return _limited(counts, survival * np.sqrt(hazard), level, by_patient=False)


def kaplan_meier_by_patient(
    durations: ArrayLike, events: ArrayLike, patients: ArrayLike, *, level: float = 0.95
) -> KaplanMeier:
    """Same curve with standard errors that allow for several legs of one patient.

    Infinitesimal jackknife: the influences of a patient's rows on S(t) are summed, squared and
    summed over patients (Ying & Wei 1994). ``patients``: one label per row. Fewer than 20 patients
    with repeated legs: `kaplan_meier` with `Caution.TOO_FEW_PATIENTS`.
    """
    days = checked_durations(durations)
    codes = checked_causes(events, days.size)
    owners = checked_patients(patients, days.size)
    counts = count_by_day(days, codes)
    if too_few_patients(owners):
        return replace(kaplan_meier(counts, level=level), warnings=(Caution.TOO_FEW_PATIENTS,))
    at_risk, failing = counts.at_risk(), counts.events
    remaining = np.maximum(at_risk - failing, 1)
    hazard = np.cumsum(np.where(at_risk > failing, failing / (at_risk * remaining), 0.0))
    score = np.where((codes > 0) & (at_risk > failing)[days], 1.0 / remaining[days], 0.0)
    products = patient_products(days, owners, [score - hazard[days]])
    weights = np.stack([np.ones(hazard.size), -hazard])
    variance = np.einsum("it,jt,ijt->t", weights, weights, products)
    steps = np.flatnonzero(failing)
    survival, _ = _curve(counts)
    error = survival * np.sqrt(np.maximum(variance[steps], 0.0))
    return _limited(counts, error, level, by_patient=True)


def _curve(counts: DayCounts) -> tuple[Floats, Floats]:
    steps = np.flatnonzero(counts.events)
    return product_limit(counts.at_risk()[steps], counts.events[steps])


def _limited(
    counts: DayCounts, standard_error: Floats, level: float, *, by_patient: bool
) -> KaplanMeier:
    steps = np.flatnonzero(counts.events)
    at_risk, events = counts.at_risk()[steps], counts.events[steps]
    survival, _ = product_limit(at_risk, events)
    error = np.where(survival > 0.0, standard_error, np.nan)
    lower, upper = log_log_limits(survival, error, level)
    return KaplanMeier(
        steps, at_risk, events, survival, error, lower, upper, level, by_patient, counts
    )


def patient_products(
    durations: Integers, patients: Integers, contributions: Sequence[Floats]
) -> Floats:
    """Sums over patients of the products of what their rows have contributed by each day.

    The influence of a row on a curve at day t is, for every estimator here, linear in what the row
    contributed when it ended (if that was by day t) and in whether it is still observed. So with
    the vector v_p(t) = (Σ contributions of rows that ended by t, ..., rows not ended by t) per
    patient p, a variance is a quadratic form in Σ_p v_p v_p'. Returned with shape (q + 1, q + 1,
    days) for q contributions; ``patients`` are `dense_codes`. Computed in one sort,
    without a table of patients by days.
    """
    width = int(durations.max()) + 1 if durations.size else 0
    rows = np.argsort(patients * width + durations, kind="stable")
    ends, owners = durations[rows], patients[rows]
    first = np.diff(owners, prepend=-1) > 0
    starts = np.flatnonzero(first)
    sizes = np.diff(starts, append=rows.size)
    position = np.arange(rows.size) - np.repeat(starts, sizes)
    observed = (np.repeat(sizes, sizes) - position).astype(np.float64)
    before, after = [], []
    for contribution in contributions:
        ended = contribution[rows]
        running = np.cumsum(ended)
        running -= np.repeat(running[starts] - ended[starts], sizes)
        before.append(running - ended)
        after.append(running)
    before.append(observed)
    after.append(observed - 1.0)
    size = len(before)
    products = np.zeros((size, size, width))
    for i in range(size):
        for j in range(i + 1):
            change = after[i] * after[j] - before[i] * before[j]
            path = np.cumsum(np.bincount(ends, change, minlength=width))
            products[i, j] = products[j, i] = path
    products[-1, -1] += float(np.dot(sizes, sizes))
    return products


def numbers_at_risk(counts: DayCounts, days: ArrayLike) -> Integers:
    """Units observed at the start of each of ``days``, for the table below a curve."""
    wanted = checked_counts(days, "days")
    at_risk = np.append(counts.at_risk(), 0)
    return np.asarray(at_risk[np.minimum(wanted, at_risk.size - 1)])


def landmark(curve: KaplanMeier, day: int, *, unit: str = "legs") -> Landmark:
    """Event-free probability at ``day``, events of that day included.

    No event by then: value 1 with the one-sided exact lower bound (1 - level)^(1/n), n units at
    risk at ``day``, taken as independent. After the last follow-up of a curve above 0: value
    ``None``, not estimable. Curve at 0: no limits. A single unit: no limits. Nobody: not defined.
    """
    counts, total = curve.counts, curve.counts.total
    at_risk = int(numbers_at_risk(counts, day))
    last = counts.last_day
    index = int(np.searchsorted(curve.days, day, side="right")) - 1
    events = int(curve.events[: index + 1].sum())
    value: float | None = float(curve.survival[index]) if index >= 0 else 1.0
    lower = upper = None
    method, one_sided = curve.method, False
    warnings = curve.warnings
    if last is None:
        value, warnings = None, (Caution.NOT_DEFINED,)
    elif value == 0.0:
        warnings = (*warnings, Caution.NO_ONE_LEFT)
    elif day > last:
        value, warnings = None, (*warnings, Caution.BEYOND_FOLLOW_UP)
    elif total == 1:
        warnings = (Caution.ONE_AT_RISK,)
    elif index < 0:
        lower, upper = 1.0 - float(zero_event_bound(at_risk, curve.level)), 1.0
        method, one_sided, warnings = "zero_event_bound", True, (*warnings, Caution.NO_EVENTS)
    else:
        lower, upper = float(curve.lower[index]), float(curve.upper[index])
    interval = Interval(lower, upper, curve.level, method, one_sided)
    return Landmark(day, Estimate(value, interval, events, total, unit, warnings), at_risk, events)


def cumulative_incidence(at: Landmark) -> Estimate:
    """1 minus the event-free probability at a landmark, its limits turned over.

    Of a single cause only: with competing causes it overstates each (see `competing_risks`).
    """
    free, limits = at.estimate, at.estimate.interval
    turned = Interval(
        None if limits.upper is None else 1.0 - limits.upper,
        None if limits.lower is None else 1.0 - limits.lower,
        limits.level,
        f"kaplan_meier_{limits.method}",
        limits.one_sided,
    )
    value = None if free.value is None else 1.0 - free.value
    return Estimate(value, turned, free.numerator, free.denominator, free.unit, free.warnings)


def landmark_difference(
    first: KaplanMeier, second: KaplanMeier, day: int, *, unit: str = "legs"
) -> Estimate:
    """Event-free probability of ``first`` minus ``second`` at ``day``.

    The groups must not share patients. Limits: difference ± z·sqrt(SE₁² + SE₂²), cut at ±1. Counts
    are the events by then and the units of both. Where a curve is 0 or 1 its error is no measure of
    doubt: `Caution.NOT_ESTIMABLE`.
    """
    if first.level != second.level:
        raise ValueError("both curves must have the same level")
    at = [landmark(curve, day, unit=unit) for curve in (first, second)]
    values = [each.estimate.value for each in at]
    events = sum(each.events for each in at)
    total = first.counts.total + second.counts.total
    method = f"difference_{first.method}"
    nothing = Interval(None, None, first.level, method)
    if values[0] is None or values[1] is None:
        return Estimate(None, nothing, events, total, unit, (Caution.NOT_ESTIMABLE,))
    value = values[0] - values[1]
    if {0.0, 1.0} & {values[0], values[1]}:
        return Estimate(value, nothing, events, total, unit, (Caution.NOT_ESTIMABLE,))
    errors = [
        curve.standard_error[np.searchsorted(curve.days, day, side="right") - 1]
        for curve in (first, second)
    ]
    half = normal_quantile(first.level) * float(np.hypot(*errors))
    interval = Interval(max(value - half, -1.0), min(value + half, 1.0), first.level, method)
    warnings = tuple(dict.fromkeys(first.warnings + second.warnings))
    return Estimate(value, interval, events, total, unit, warnings)


def _first_day(days: Integers, curve: Floats, threshold: float) -> float | None:
    reached = np.flatnonzero(curve <= threshold + _ROUNDING)
    return float(days[reached[0]]) if reached.size else None


def quantile(curve: KaplanMeier, probability: float = 0.5) -> Estimate:
    """First day by which a share ``probability`` had the event; the median by default.

    The value is in days, ``None`` with `Caution.NOT_REACHED` if the curve stays above. Limits are
    the first days on which the log-log limits of the curve reach the same level (Brookmeyer &
    Crowley 1982 on the log-log scale); a limit never reached is ``None``. Where the curve lies flat
    exactly at that level, the first day is taken, not the middle of the flat part.
    """
    threshold = 1.0 - checked_level(probability)
    value = _first_day(curve.days, curve.survival, threshold)
    # A curve at 0 lies below every threshold, and so does its lower limit.
    below = np.where(curve.survival > 0.0, curve.lower, 0.0)
    lower = _first_day(curve.days, below, threshold)
    above = np.where(curve.survival > 0.0, curve.upper, np.inf)
    upper = _first_day(curve.days, above, threshold)
    if curve.counts.total == 1:
        lower = upper = None
    interval = Interval(lower, upper, curve.level, f"inverted_{curve.method}")
    total = curve.counts.total
    warnings = curve.warnings if value is not None else (*curve.warnings, Caution.NOT_REACHED)
    if total == 0:
        warnings = (Caution.NOT_DEFINED,)
    return Estimate(value, interval, int(curve.events.sum()), total, "days", warnings)


def median_follow_up(counts: DayCounts, *, level: float = 0.95) -> Estimate:
    """Median follow-up by reverse Kaplan-Meier (Schemper & Smith 1996): censoring is the event.

    As events come before censorings of the same day, those with an event on a day are no longer at
    risk of being censored on it; so S(t)·G(t) is the share observed beyond t.
    """
    censored = counts.counts[0] if counts.counts.size else np.zeros(0, dtype=np.int64)
    steps = np.flatnonzero(censored)
    at_risk = (counts.at_risk() - counts.events)[steps]
    survival, hazard = product_limit(at_risk, censored[steps])
    error = np.where(survival > 0.0, survival * np.sqrt(hazard), np.nan)
    lower, upper = log_log_limits(survival, error, level)
    reverse = KaplanMeier(
        steps, at_risk, censored[steps], survival, error, lower, upper, level, False, counts
    )
    return quantile(reverse)


def bounds_for_lost(
    durations: ArrayLike, events: ArrayLike, lost: ArrayLike, day: int
) -> tuple[float | None, float | None]:
    """Event-free probability at ``day`` if everyone lost had the event, and if nobody had.

    ``lost`` flags rows that ended because the patient stopped coming, not because the data end. The
    worst case gives each of them the event on the day after, the best case observes them free of it
    up to ``day``. ``None`` where the landmark is not estimable.
    """
    days = checked_durations(durations)
    codes = checked_causes(events, days.size)
    gone = checked_flags(lost, "lost", days.size)
    if (gone & (codes > 0)).any():
        raise ValueError("a row with an event is not lost")
    worst = count_by_day(days + gone, np.where(gone, 1, codes))
    best = count_by_day(np.where(gone, np.maximum(days, day), days), codes)
    low, high = (landmark(kaplan_meier(counts), day).estimate.value for counts in (worst, best))
    return low, high

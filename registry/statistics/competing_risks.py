"""Time to the first of several kinds of event, in whole days: Aalen-Johansen and Gray's test.

A competing event (retreatment, death) makes the event of interest unobservable; loss to follow-up
is censoring. Ties of different causes are exact, and day 0 counts with everyone at risk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from registry.statistics.clustering import Integers, too_few_patients
from registry.statistics.log_rank import GroupTest, counts_by_stratum, of_cause, tested
from registry.statistics.proportions import Floats, normal_quantile, zero_event_bound
from registry.statistics.result import Caution, Estimate, Interval
from registry.statistics.survival import (
    DayCounts,
    Landmark,
    checked_causes,
    checked_durations,
    checked_patients,
    count_by_day,
    log_log_limits,
    numbers_at_risk,
    patient_products,
    product_limit,
)

_ROUNDING = 1e-12
"""An incidence this close to 1 is 1: sums of ratios are inexact in binary."""


@dataclass(frozen=True, slots=True, eq=False)
class AalenJohansen:
    """Cumulative incidence of each cause; one column per day with an event of any cause.

    ``incidence[k - 1]`` is the probability of an event of cause k by each of ``days``;
    ``event_free`` is the all-cause Kaplan-Meier curve, so that both sum to 1. Standard errors are
    the multinomial Greenwood ones or, with ``by_patient``, the infinitesimal jackknife summed by
    patient. ``lower`` and ``upper`` are log-log limits of the incidence, NaN where it is 0 or 1.
    """

    days: Integers
    at_risk: Integers
    events: Integers
    incidence: Floats
    event_free: Floats
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


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Curves at the days with an event, and what their errors are made of."""

    days: Integers
    at_risk: Integers
    events: Integers
    event_free: Floats
    before: Floats
    incidence: Floats


def _steps(counts: DayCounts) -> _Steps:
    failing = counts.events
    days = np.flatnonzero(failing)
    at_risk, events = counts.at_risk()[days], counts.counts[1:, days]
    event_free, _ = product_limit(at_risk, failing[days])
    before = np.append(1.0, event_free[:-1])[: days.size]
    incidence = np.cumsum(before * events / at_risk, axis=1)
    incidence[incidence > 1.0 - _ROUNDING] = 1.0
    return _Steps(days, at_risk, events, event_free, before, incidence)


def aalen_johansen(counts: DayCounts, *, level: float = 0.95) -> AalenJohansen:
    """Aalen & Johansen (1978) with the multinomial Greenwood variance.

    The variance is the one of R's ``survfit``, ``prodlim`` and ``etm``; that of ``cmprsk`` is a
    little larger. Units are taken as independent.
    """
    steps = _steps(counts)
    share = steps.events / steps.at_risk
    _, greenwood = product_limit(steps.at_risk, steps.events.sum(axis=0))
    greenwood_before = np.append(0.0, greenwood[:-1])[: steps.days.size]
    # With S the event-free curve: Var S(t-) / S(t-), and Cov(F, S) / S by its own recursion; both
    # stay of the order 1/n as S falls, so nothing cancels.
    ratio = steps.before * greenwood_before
    covariance = np.cumsum(share * (ratio - steps.before / steps.at_risk), axis=1)
    covariance_before = np.concatenate([np.zeros((share.shape[0], 1)), covariance[:, :-1]], axis=1)[
        :, : steps.days.size
    ]
    increments = (
        2.0 * share * covariance_before * steps.before
        + share**2 * ratio * steps.before
        + steps.before**2 * share * (1.0 - share) / steps.at_risk
    )
    variance = np.cumsum(increments, axis=1)
    return _limited(counts, steps, variance, level, by_patient=False)


def aalen_johansen_by_patient(
    durations: ArrayLike,
    events: ArrayLike,
    patients: ArrayLike,
    *,
    causes: int | None = None,
    level: float = 0.95,
) -> AalenJohansen:
    """Same curves with standard errors that allow for several legs of one patient.

    Infinitesimal jackknife: the influences of a patient's rows on the incidence are summed, squared
    and summed over patients. Fewer than 20 patients with repeated legs: `aalen_johansen` with
    `Caution.TOO_FEW_PATIENTS`.
    """
    days = checked_durations(durations)
    codes = checked_causes(events, days.size)
    owners = checked_patients(patients, days.size)
    counts = count_by_day(days, codes, causes=causes)
    if too_few_patients(owners):
        return replace(aalen_johansen(counts, level=level), warnings=(Caution.TOO_FEW_PATIENTS,))
    steps = _steps(counts)
    hazard = steps.events.sum(axis=0) / steps.at_risk
    # Nothing happens after a day on which everyone left had an event: its factor is never used.
    factor = np.where(hazard < 1.0, 1.0 / np.where(hazard < 1.0, 1.0 - hazard, 1.0), 0.0)
    at = np.searchsorted(steps.days, days, side="right")
    failed = codes > 0
    index = at[failed] - 1
    spent = np.append(0.0, np.cumsum(hazard * factor / steps.at_risk))
    own = np.zeros(days.size)
    own[failed] = factor[index] / steps.at_risk[index]
    # The influence of a unit on F(t) is a - F(t)·b once it has ended and -(A(t) - F(t)·B(t)) while
    # it is observed, with a and b fixed when it ends; only a and A depend on the cause.
    lost, gained = [], []
    for cause in range(1, counts.causes + 1):
        incidence = steps.incidence[cause - 1]
        share = steps.events[cause - 1] / steps.at_risk
        step = (steps.before * share + hazard * factor * incidence) / steps.at_risk
        lost.append(np.append(0.0, np.cumsum(step)))
        gain = np.zeros(days.size)
        gain[failed] = own[failed] * incidence[index] + np.where(
            codes[failed] == cause, steps.before[index] / steps.at_risk[index], 0.0
        )
        gained.append(gain - lost[-1][at])
    products = patient_products(days, owners, [*gained, own - spent[at]])[:, :, steps.days]
    variance = np.empty_like(steps.incidence)
    for row, incidence in enumerate(steps.incidence):
        observed = incidence * spent[1:] - lost[row][1:]
        weights = np.stack([np.ones(steps.days.size), -incidence, observed])
        picked = [row, counts.causes, counts.causes + 1]
        variance[row] = np.einsum(
            "it,jt,ijt->t", weights, weights, products[np.ix_(picked, picked)]
        )
    return _limited(counts, steps, variance, level, by_patient=True)


def _limited(
    counts: DayCounts, steps: _Steps, variance: Floats, level: float, *, by_patient: bool
) -> AalenJohansen:
    error = np.sqrt(np.maximum(variance, 0.0))
    lower, upper = log_log_limits(steps.incidence, error, level)
    return AalenJohansen(
        steps.days,
        steps.at_risk,
        steps.events,
        steps.incidence,
        steps.event_free,
        error,
        lower,
        upper,
        level,
        by_patient,
        counts,
    )


def incidence_at(curves: AalenJohansen, cause: int, day: int, *, unit: str = "legs") -> Landmark:
    """Probability of an event of ``cause`` by ``day``, events of that day included.

    None of the cause by then: value 0 with `Caution.NO_EVENTS` and the one-sided exact upper bound
    1 - (1 - level)^(1/n), n units at risk at ``day``, taken as independent; it holds for the cause
    if nothing competed, and so all the more when something does. Nobody at risk then: no limits.
    After the last follow-up while someone was still event-free: value ``None``, not estimable.
    Probability 1, or a single unit: no limits. Nobody: not defined.
    """
    counts, total = curves.counts, curves.counts.total
    if not 1 <= cause <= counts.causes:
        raise ValueError("no such cause")
    at_risk = int(numbers_at_risk(counts, day))
    last = counts.last_day
    index = int(np.searchsorted(curves.days, day, side="right")) - 1
    events = int(curves.events[cause - 1, : index + 1].sum())
    value: float | None = float(curves.incidence[cause - 1, index]) if index >= 0 else 0.0
    event_free = curves.event_free[index] if index >= 0 else 1.0
    lower = upper = None
    method, one_sided = curves.method, False
    warnings = curves.warnings
    if last is None:
        value, warnings = None, (Caution.NOT_DEFINED,)
    elif day > last and event_free > 0.0:
        value, warnings = None, (*warnings, Caution.BEYOND_FOLLOW_UP)
    elif total == 1:
        warnings = (Caution.ONE_AT_RISK,)
    elif value == 0.0:
        warnings = (*warnings, Caution.NO_EVENTS)
        if at_risk:
            lower, upper = 0.0, float(zero_event_bound(at_risk, curves.level))
            method, one_sided = "zero_event_bound", True
    elif value == 1.0:
        warnings = (*warnings, Caution.NO_ONE_LEFT)
    else:
        lower = float(curves.lower[cause - 1, index])
        upper = float(curves.upper[cause - 1, index])
    interval = Interval(lower, upper, curves.level, method, one_sided)
    estimate = Estimate(value, interval, events, total, unit, warnings)
    return Landmark(day, estimate, at_risk, events)


def incidence_difference(
    first: AalenJohansen, second: AalenJohansen, cause: int, day: int, *, unit: str = "legs"
) -> Estimate:
    """Incidence of ``cause`` by ``day`` in ``first`` minus that in ``second``.

    Limits: difference ± z·sqrt(SE₁² + SE₂²), cut at ±1, as for independent groups; patients with
    legs in both make them wider than need be. Counts are the events by then and the units of both.
    Where an incidence is 0 or 1 its error is no measure of doubt: `Caution.NOT_ESTIMABLE`.
    """
    if first.level != second.level:
        raise ValueError("both curves must have the same level")
    at = [incidence_at(curves, cause, day, unit=unit) for curves in (first, second)]
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
        curves.standard_error[cause - 1, np.searchsorted(curves.days, day, side="right") - 1]
        for curves in (first, second)
    ]
    half = normal_quantile(first.level) * float(np.hypot(*errors))
    interval = Interval(max(value - half, -1.0), min(value + half, 1.0), first.level, method)
    warnings = tuple(dict.fromkeys(first.warnings + second.warnings))
    return Estimate(value, interval, events, total, unit, warnings)


def gray_test(
    durations: ArrayLike,
    events: ArrayLike,
    groups: ArrayLike,
    *,
    cause: int = 1,
    strata: ArrayLike | None = None,
    counts: ArrayLike | None = None,
) -> GroupTest:
    """Gray's test (1988, rho = 0) that k groups have the same cumulative incidence of ``cause``.

    ``groups``: integer codes from 0. ``counts``: units per row, where rows are aggregated.
    Units are taken as independent. Expected events are those observed less the score. Ties as in
    ``cmprsk``.
    """
    cells, _ = counts_by_stratum(durations, events, groups, strata, counts)
    wanted = of_cause(cells, cause)
    failing = cells[:, :, 1:].sum(axis=2)
    leaving = cells.sum(axis=2)
    at_risk = leaving[..., ::-1].cumsum(axis=-1)[..., ::-1]
    size = cells.shape[1]
    score, variance = np.zeros(size), np.zeros((size, size))
    for layer in range(cells.shape[0]):
        days = np.flatnonzero(failing[layer].sum(axis=0))
        part = _gray_stratum(
            at_risk[layer][:, days], wanted[layer][:, days], failing[layer][:, days]
        )
        score += part[0]
        variance += part[1]
    observed = wanted.sum(axis=(0, 2))
    return tested(observed, observed - score, variance, "gray")


def _gray_stratum(n: Integers, wanted: Integers, failing: Integers) -> tuple[Floats, Floats]:
    """Score and variance of one stratum; arrays of shape (groups, event days)."""
    present = n > 0
    size = np.maximum(n, 1)
    after = np.cumprod(1.0 - failing / size, axis=1)
    before = np.concatenate([np.ones((n.shape[0], 1)), after[:, :-1]], axis=1)[:, : n.shape[1]]
    steps = before * wanted / size
    incidence_before = np.cumsum(steps, axis=1) - steps
    scale = np.where(present, n / np.where(present, before, 1.0), 0.0)
    # Scale is the number at risk had nobody left through a competing event or censoring; times
    # the share without the event of interest it is Gray's weighted risk set.
    risk_set = scale * (1.0 - incidence_before)
    total = wanted.sum(axis=0)
    score = np.sum(wanted - risk_set * total / np.maximum(risk_set.sum(axis=0), _ROUNDING), axis=1)
    pooled_scale = scale.sum(axis=0)
    pooled_step = total / pooled_scale
    pooled = np.cumsum(pooled_step)
    identity = np.eye(n.shape[0])
    # Part of an event of group k (second axis) in the score of group i (first axis): at once, and
    # through what the event changes in the pooled incidence later on.
    identity = np.eye(n.shape[0])
    own = scale[:, None, :] * (identity[:, :, None] - (scale / pooled_scale)[None, :, :])
    # With a single group left its part is exactly 0, whatever is left of the pooled incidence.
    left = np.where(own != 0.0, 1.0 - pooled + pooled_step, 1.0)
    drift = np.cumsum(own * pooled_step / left, axis=2)
    later = drift[:, :, -1:] - drift
    surviving = after > 0.0
    decline = np.where(surviving, (1.0 - pooled) / np.where(surviving, after, 1.0), 0.0)
    influence = own + (1.0 - decline)[None, :, :] * later
    weight = np.where(
        present,
        _tie_factor(total, pooled_scale * before) * before * pooled_step / size,
        0.0,
    )
    variance = np.einsum("ikt,jkt,kt->ij", influence, influence, weight, optimize=True)
    competing = failing - wanted
    influence = decline[None, :, :] * later
    weight = _tie_factor(competing, n) * before**2 * competing / size**2
    variance += np.einsum("ikt,jkt,kt->ij", influence, influence, weight, optimize=True)
    return score, variance


def _tie_factor(events: Integers, at_risk: Floats | Integers) -> Floats:
    """Finite-population factor 1 - (d - 1)/(n - 1) of d tied events; 1 where there is no tie."""
    tied = (events > 1) & (at_risk != 1.0)
    return np.where(tied, 1.0 - (events - 1.0) / np.where(tied, at_risk - 1.0, 1.0), 1.0)

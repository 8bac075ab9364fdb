"""Observed over expected events (O/E), from reference rates by stratum or a frozen case-mix model.

Expected events are the sum of the probabilities that the reference gives to the unit's own
sessions: indirect standardisation. Case-mix variables are known before treatment (CEAP class, agent
intended, vein, diameter, earlier DVT, migraine); what happened during or after it is not case mix.
Where the unit is part of its own reference, O is part of E and the ratio of a large unit is drawn
to 1: that is stated with the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from registry.messages import N_
from registry.statistics import display_rules
from registry.statistics.proportions import (
    Floats,
    checked_amounts,
    checked_counts,
    normal_quantile,
)
from registry.statistics.rates import poisson_limits
from registry.statistics.result import Caution, Estimate, Interval

CALIBRATION_GROUPS = 10
_SEPARATED_LOG_ODDS = 10.0
"""A covariate that moves the odds 22,000-fold over its range has no finite maximum likelihood."""


class RatioMethod(StrEnum):
    """How limits of O/E are found."""

    EXACT = "poisson_exact"
    BYAR = "byar"


class RatioCaution(StrEnum):
    """What an O/E does not say."""

    FEW_EXPECTED = "ratio.few_expected"
    """Less than one expected event: show O and E, no verdict."""
    FEW_REFERENCE_EVENTS = "ratio.few_reference_events"
    STRATA_WITHOUT_REFERENCE = "ratio.strata_without_reference"
    """Sessions of strata that the reference does not know are in neither O nor E."""
    PART_OF_REFERENCE = "ratio.part_of_reference"


TEXT: Mapping[RatioCaution, str] = MappingProxyType(
    {
        RatioCaution.FEW_EXPECTED: N_("Less than one event is expected: no verdict."),
        RatioCaution.FEW_REFERENCE_EVENTS: N_(
            "The reference has few events: what it expects is uncertain, which the limits do not "
            "show."
        ),
        RatioCaution.STRATA_WITHOUT_REFERENCE: N_(
            "Sessions of kinds that the reference does not have are in neither number."
        ),
        RatioCaution.PART_OF_REFERENCE: N_(
            "The unit is part of its own reference: if it is a large part, the ratio is drawn to 1."
        ),
    }
)
"""The English sentence of each caution."""


class FitMethod(StrEnum):
    """How a case-mix model was fitted."""

    MAXIMUM_LIKELIHOOD = "maximum_likelihood"
    FIRTH = "firth"
    """Penalised (Firth 1993) because events and non-events are separated; the intercept is then
    refitted so that expected events equal observed ones (Puhr 2017)."""


def byar_limits(observed: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Byar's approximate limits of a Poisson mean as in Breslow & Day (1987), eq. 2.13.

    O (1 - 1/(9 O) - z/(3 sqrt O))³ and (O+1) (1 - 1/(9 (O+1)) + z/(3 sqrt(O+1)))³; the lower limit
    of no event is 0. A variant with O + ½ on both sides exists under the same name.
    """
    z = normal_quantile(level)
    events = checked_amounts(observed, "observed events")
    some = np.where(events > 0.0, events, 1.0)
    lower = some * np.maximum(1.0 - 1.0 / (9.0 * some) - z / (3.0 * np.sqrt(some)), 0.0) ** 3
    more = events + 1.0
    upper = more * (1.0 - 1.0 / (9.0 * more) + z / (3.0 * np.sqrt(more))) ** 3
    return np.where(events > 0.0, lower, 0.0), upper


def observed_over_expected(
    observed: int,
    expected: float,
    *,
    level: float = 0.95,
    method: RatioMethod = RatioMethod.EXACT,
) -> Estimate:
    """O/E with two-sided limits; ``numerator`` is O and ``denominator`` E.

    The limits treat E as known. E = 0: not defined; E below 1: `RatioCaution.FEW_EXPECTED`.
    ``ValueError`` for counts that are not whole, negative or infinite.
    """
    o = int(checked_counts(observed, "observed events"))
    e = float(checked_amounts(expected, "expected events"))
    method = RatioMethod(method)
    limits = byar_limits if method is RatioMethod.BYAR else poisson_limits
    lower, upper = limits(o, level)
    unit = "expected events"
    if e == 0.0:
        nothing = Interval(None, None, level, method.value)
        return Estimate(None, nothing, o, e, unit, (Caution.NOT_DEFINED,))
    cautions: tuple[str, ...] = (Caution.NO_EVENTS,) if o == 0 else ()
    if not display_rules.judges_ratio(e):
        cautions += (RatioCaution.FEW_EXPECTED,)
    interval = Interval(float(lower) / e, float(upper) / e, level, method.value)
    return Estimate(o / e, interval, o, e, unit, cautions)


def adjusted_rate(ratio: Estimate, overall_rate: float) -> Estimate:
    """Standardised rate O/E x overall rate, with the limits of ``ratio`` scaled alike."""
    overall = float(checked_amounts(overall_rate, "overall rate"))
    if ratio.value is None or ratio.interval.lower is None or ratio.interval.upper is None:
        return ratio
    return replace(
        ratio,
        value=ratio.value * overall,
        interval=replace(
            ratio.interval,
            lower=ratio.interval.lower * overall,
            upper=ratio.interval.upper * overall,
        ),
    )


def standardise(
    events: ArrayLike,
    sessions: ArrayLike,
    reference_events: ArrayLike,
    reference_sessions: ArrayLike,
    *,
    part_of_reference: bool,
    level: float = 0.95,
    method: RatioMethod = RatioMethod.EXACT,
) -> Estimate:
    """O/E of a unit by indirect standardisation: one value per stratum in each argument.

    Strata without a session in the reference give no rate: their sessions leave O and E, and the
    result says so. ``part_of_reference``: the reference includes the unit itself. ``ValueError``
    for impossible counts.
    """
    x, n, reference_x, reference_n = (
        checked_counts(values, name).astype(np.float64)
        for values, name in (
            (events, "events"),
            (sessions, "sessions"),
            (reference_events, "reference events"),
            (reference_sessions, "reference sessions"),
        )
    )
    if not x.shape == n.shape == reference_x.shape == reference_n.shape:
        raise ValueError("every stratum needs its counts in the unit and in the reference")
    if (x > n).any() or (reference_x > reference_n).any():
        raise ValueError("events must not exceed sessions")
    known = reference_n > 0.0
    rate = np.divide(reference_x, reference_n, out=np.zeros_like(reference_n), where=known)
    ratio = observed_over_expected(
        int(x[known].sum()), float((n * rate).sum()), level=level, method=method
    )
    cautions: tuple[str, ...] = ()
    if not display_rules.standardises(float(reference_x.sum())):
        cautions += (RatioCaution.FEW_REFERENCE_EVENTS,)
    if (n[~known] > 0.0).any():
        cautions += (RatioCaution.STRATA_WITHOUT_REFERENCE,)
    if part_of_reference:
        cautions += (RatioCaution.PART_OF_REFERENCE,)
    return replace(ratio, warnings=ratio.warnings + cautions)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How expected probabilities compare with what happened.

    ``ratio`` is O/E over all sessions, ``intercept`` the calibration in the large (0 is perfect)
    and ``slope`` that of the outcome's log odds on the expected ones (1 is perfect, below 1 too
    extreme). ``groups`` holds (sessions, observed, expected) of equal groups by rising risk.
    """

    ratio: float
    intercept: float
    slope: float
    groups: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, slots=True)
class RiskModel:
    """A logistic case-mix model, frozen: what it expects never changes with new data.

    ``auc``, ``brier`` and ``calibration`` describe it on the sessions it was fitted on. ``ranges``
    are lowest and highest value of each covariate there: beyond them it extrapolates.
    """

    terms: tuple[str, ...]
    intercept: float
    coefficients: tuple[float, ...]
    ranges: tuple[tuple[float, float], ...]
    method: FitMethod
    events: int
    sessions: int
    auc: float
    brier: float
    calibration: Calibration

    def predict(self, covariates: ArrayLike) -> Floats:
        """Expected probability of each session; ``covariates`` has one column per term."""
        design = _checked_covariates(covariates, len(self.terms))
        return np.asarray(expit(self.intercept + design @ np.array(self.coefficients)))


def fit_risk_model(covariates: ArrayLike, outcomes: ArrayLike, terms: tuple[str, ...]) -> RiskModel:
    """Fit a logistic model of ``outcomes`` (0 or 1 per session) on numeric ``covariates``.

    Maximum likelihood, or Firth's penalty where that has no finite answer. ``ValueError`` for more
    than one term per ten events (or non-events), missing values, or columns that repeat others.
    """
    design = _checked_covariates(covariates, len(terms))
    y = _checked_outcomes(outcomes, len(design))
    rarer = int(min(y.sum(), y.size - y.sum()))
    if rarer == 0 or not display_rules.fits_model(rarer, len(terms)):
        raise ValueError(
            f"{rarer} events allow {rarer // display_rules.EVENTS_PER_PARAMETER} case-mix terms, "
            f"not {len(terms)}"
        )
    full = np.column_stack([np.ones(y.size), design])
    if np.linalg.matrix_rank(full) < full.shape[1]:
        raise ValueError("a case-mix term is constant or repeats another")
    span = np.ptp(design, axis=0)
    beta = _maximum_likelihood(full, y)
    method = FitMethod.MAXIMUM_LIKELIHOOD
    if beta is None or (np.abs(beta[1:]) * span > _SEPARATED_LOG_ODDS).any():
        beta, method = _firth(full, y), FitMethod.FIRTH
    risk = np.asarray(expit(full @ beta))
    return RiskModel(
        terms=tuple(terms),
        intercept=float(beta[0]),
        coefficients=tuple(beta[1:].tolist()),
        ranges=tuple(zip(design.min(axis=0).tolist(), design.max(axis=0).tolist(), strict=True)),
        method=method,
        events=int(y.sum()),
        sessions=y.size,
        auc=area_under_curve(y, risk),
        brier=brier_score(y, risk),
        calibration=calibration(y, risk),
    )


def _checked_covariates(covariates: ArrayLike, terms: int) -> Floats:
    design = np.asarray(covariates, dtype=np.float64)
    if design.ndim != 2 or design.shape[1] != terms or not np.isfinite(design).all():
        raise ValueError("covariates are finite numbers, one column per term")
    return design


def _checked_outcomes(outcomes: ArrayLike, sessions: int) -> Floats:
    y = checked_counts(outcomes, "outcomes").astype(np.float64)
    if y.shape != (sessions,) or (y > 1.0).any():
        raise ValueError("outcomes are 0 or 1, one per session")
    return y


def _maximum_likelihood(
    design: Floats, y: Floats, offset: Floats | None = None
) -> NDArray[np.float64] | None:
    """Coefficients of a logistic model, or None if it did not converge."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Separation is recognised by its coefficients; the caller answers it.
        warnings.simplefilter("ignore")
        fit = GLM(y, design, family=Binomial(), offset=offset).fit(tol=1e-13)
    coefficients = np.asarray(fit.params, dtype=np.float64)
    return coefficients if fit.converged and np.isfinite(coefficients).all() else None


def _firth(design: Floats, y: Floats) -> NDArray[np.float64]:
    """Logistic coefficients under the Jeffreys penalty, intercept refitted to sum p = sum y."""
    beta = np.zeros(design.shape[1])
    for _ in range(500):
        risk = expit(design @ beta)
        weight = risk * (1.0 - risk)
        information = design.T @ (design * weight[:, None])
        leverage = weight * np.einsum("ij,ij->i", design @ np.linalg.inv(information), design)
        step = np.linalg.solve(information, design.T @ (y - risk + leverage * (0.5 - risk)))
        beta += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise ValueError("the case-mix model has no stable answer: use fewer terms")
    shift = _maximum_likelihood(np.ones((y.size, 1)), y, offset=design @ beta)
    if shift is None:
        raise ValueError("the case-mix model has no stable answer: use fewer terms")
    beta[0] += shift[0]
    return beta


def area_under_curve(outcomes: ArrayLike, risk: ArrayLike) -> float:
    """Probability that a session with an event had the higher risk; ties count by half.

    ``ValueError`` unless both outcomes occur.
    """
    p = np.asarray(risk, dtype=np.float64)
    y = _checked_outcomes(outcomes, p.size)
    events, others = y.sum(), y.size - y.sum()
    if events == 0.0 or others == 0.0:
        raise ValueError("the area under the curve needs sessions with and without an event")
    _, position, counts = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2.0)[position]
    return float((rank[y == 1.0].sum() - events * (events + 1.0) / 2.0) / (events * others))


def brier_score(outcomes: ArrayLike, risk: ArrayLike) -> float:
    """Mean squared distance of outcome and expected probability; 0 is perfect."""
    p = np.asarray(risk, dtype=np.float64)
    return float(np.mean((_checked_outcomes(outcomes, p.size) - p) ** 2))


def calibration(outcomes: ArrayLike, risk: ArrayLike) -> Calibration:
    """Calibration of expected probabilities in (0, 1), ten groups by rising risk.

    Sessions of equal risk stay in their order, so groups differ in size by one at most. Intercept
    and slope are NaN where outcomes leave them undefined (no event, one risk for all).
    """
    p = np.asarray(risk, dtype=np.float64)
    y = _checked_outcomes(outcomes, p.size)
    if not ((p > 0.0) & (p < 1.0)).all():
        raise ValueError("expected probabilities lie between 0 and 1, both excluded")
    log_odds = np.asarray(logit(p))
    intercept = slope = float("nan")
    if 0.0 < y.sum() < y.size:
        ones = np.ones((y.size, 1))
        large = _maximum_likelihood(ones, y, offset=log_odds)
        intercept = float("nan") if large is None else float(large[0])
        if np.ptp(log_odds) > 0.0:
            line = _maximum_likelihood(np.column_stack([ones, log_odds]), y)
            slope = float("nan") if line is None else float(line[1])
    order = np.array_split(np.argsort(p, kind="stable"), CALIBRATION_GROUPS)
    groups = tuple(
        (part.size, int(y[part].sum()), float(p[part].sum())) for part in order if part.size
    )
    return Calibration(float(y.sum() / p.sum()), intercept, slope, groups)

"""Smoothed rates of clinics or clinicians: empirical Bayes with the between-unit spread estimated.

The rate of each unit is drawn towards the common one, the more so the fewer its sessions.
Hyperparameters are the maximum of the marginal likelihood and are then taken as known, so intervals
are slightly short: say "smoothed". The raw rate stands beside the smoothed one, and neither ranks.

Where units differ no more than chance explains, the likelihood rises towards no spread at all. Such
a fit is *pooled*: every unit gets the common rate and its limits, and is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, betaln, expit, gammaincc, gammaincinv, gammaln, logit

from registry.messages import N_
from registry.statistics import display_rules
from registry.statistics.proportions import Floats, checked_amounts, checked_counts, wilson
from registry.statistics.rates import poisson_limits

LARGEST_PRECISION = 1e6
"""alpha + beta (or the gamma shape) at which spread between units counts as none."""
_SMALLEST_GAIN = 1e-6
"""Log-likelihood that a fit with spread must gain over none, above rounding error."""


class ShrinkageCaution(StrEnum):
    """Why rates are not smoothed, or all alike."""

    TOO_FEW_UNITS = "shrinkage.too_few_units"
    POOLED = "shrinkage.pooled"


TEXT: Mapping[ShrinkageCaution, str] = MappingProxyType(
    {
        ShrinkageCaution.TOO_FEW_UNITS: N_("Too few units to smooth their rates."),
        ShrinkageCaution.POOLED: N_(
            "Units differ no more than chance explains: each has the common rate."
        ),
    }
)
"""The English sentence of each caution."""


@dataclass(frozen=True, slots=True)
class SmoothedUnit:
    """One unit. ``raw`` is its rate, or O/E; ``smoothed`` the posterior mean with limits.

    ``probability_of_double`` is the posterior probability of more than twice the common mean. The
    smoothed values are None where nothing is smoothed.
    """

    name: Hashable
    numerator: float
    denominator: float
    raw: float | None
    smoothed: float | None
    lower: float | None
    upper: float | None
    probability_of_double: float | None


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Fit and units. ``alpha`` and ``beta`` are the prior's, None where pooled or not fitted.

    ``mean`` is the common rate: alpha / (alpha + beta), the gamma's alpha / beta, or the pooled
    rate; None without any session.
    """

    model: Literal["beta_binomial", "gamma_poisson"]
    alpha: float | None
    beta: float | None
    mean: float | None
    level: float
    units: tuple[SmoothedUnit, ...]
    warnings: tuple[ShrinkageCaution, ...]


def moment_estimate(events: ArrayLike, sessions: ArrayLike) -> tuple[float, float] | None:
    """alpha and beta from mean m and variance s² of raw rates, alpha + beta = m (1 - m) / s² - 1.

    The first guess of Gelman et al. (Bayesian Data Analysis, section 5.1); it counts units of any
    size alike. None where it is negative or undefined.
    """
    x, n = _checked_units(events, sessions)
    rates = x[n > 0.0] / n[n > 0.0]
    if rates.size < 2 or rates.var(ddof=1) == 0.0:
        return None
    mean = float(rates.mean())
    precision = mean * (1.0 - mean) / float(rates.var(ddof=1)) - 1.0
    return (mean * precision, (1.0 - mean) * precision) if precision > 0.0 else None


def _checked_units(events: ArrayLike, sessions: ArrayLike) -> tuple[Floats, Floats]:
    x = checked_counts(events, "events").astype(np.float64)
    n = checked_counts(sessions, "sessions").astype(np.float64)
    if x.shape != n.shape or (x > n).any():
        raise ValueError("each unit needs its events and at least as many sessions")
    return x, n


def _maximum(log_likelihood: Callable[[float, float], float], start: float) -> tuple[float, float]:
    """Location and log precision of the highest likelihood found from three starting points."""
    from scipy.optimize import minimize

    top = float(np.log(LARGEST_PRECISION))

    def surface(at: Floats, /, *_: object) -> float:
        return -log_likelihood(float(at[0]), min(float(at[1]), top))

    fits = [
        minimize(surface, [start, log_precision], method="Nelder-Mead", tol=1e-10)
        for log_precision in (1.0, 4.0, 8.0)
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return float(best.x[0]), min(float(best.x[1]), top)


def beta_binomial(
    names: Sequence[Hashable], events: ArrayLike, sessions: ArrayLike, *, level: float = 0.95
) -> Shrinkage:
    """Smoothed share of sessions with an event (Griffiths 1973).

    ``events`` and ``sessions`` are whole numbers per unit; units without sessions keep their place
    and get the prior's mean. Posterior Beta(x + alpha, n - x + beta), equal-tailed limits.
    """
    x, n = _checked_units(events, sessions)
    if len(names) != x.size:
        raise ValueError("each unit needs a name")
    pooled = float(x.sum() / n.sum()) if n.sum() else None

    def log_likelihood(location: float, log_precision: float) -> float:
        alpha, beta = np.exp(log_precision) * np.array([expit(location), expit(-location)])
        if min(alpha, beta) <= 0.0:
            return -np.inf
        return float((betaln(x + alpha, n - x + beta) - betaln(alpha, beta)).sum())

    alpha = beta = None
    if pooled is not None and 0.0 < pooled < 1.0 and display_rules.shrinks(int((n > 0).sum())):
        location, log_precision = _maximum(log_likelihood, float(logit(pooled)))
        alone = x.sum() * np.log(pooled) + (n - x).sum() * np.log1p(-pooled)
        gains = log_likelihood(location, log_precision) - float(alone) > _SMALLEST_GAIN
        if gains and np.exp(log_precision) < 0.99 * LARGEST_PRECISION:
            alpha, beta = (
                float(np.exp(log_precision) * share)
                for share in (expit(location), expit(-location))
            )
    tail = (1.0 - level) / 2.0
    mean = pooled
    posterior = None
    if alpha is not None and beta is not None:
        mean = alpha / (alpha + beta)
        a, b = x + alpha, n - x + beta
        above = 1.0 - betainc(a, b, min(1.0, 2.0 * mean))
        posterior = (a / (a + b), betaincinv(a, b, tail), betaincinv(a, b, 1.0 - tail), above)
    common = tuple(float(limit) for limit in wilson(x.sum(), n.sum(), level))
    return _shrinkage("beta_binomial", names, x, n, (alpha, beta), mean, posterior, common, level)


def gamma_poisson(
    names: Sequence[Hashable], observed: ArrayLike, expected: ArrayLike, *, level: float = 0.95
) -> Shrinkage:
    """Smoothed O/E: ratios between units are Gamma(alpha, rate beta), O is Poisson.

    Posterior Gamma(alpha + O, beta + E), equal-tailed limits.
    """
    o = checked_counts(observed, "observed events").astype(np.float64)
    e = checked_amounts(expected, "expected events")
    if not len(names) == o.size == e.size or (o[e == 0.0] > 0.0).any():
        raise ValueError("each unit needs a name, observed and, if any was seen, expected events")
    pooled = float(o.sum() / e.sum()) if e.sum() else None

    def log_likelihood(location: float, log_precision: float) -> float:
        alpha, beta = np.exp(log_precision), np.exp(log_precision - location)
        counts = gammaln(alpha + o) - gammaln(alpha)
        return float((counts - alpha * np.log1p(e / beta) - o * np.log(beta + e)).sum())

    alpha = beta = None
    if pooled is not None and pooled > 0.0 and display_rules.shrinks(int((e > 0).sum())):
        location, log_precision = _maximum(log_likelihood, float(np.log(pooled)))
        alone = float(o.sum() * np.log(pooled) - pooled * e.sum())
        gains = log_likelihood(location, log_precision) - alone > _SMALLEST_GAIN
        if gains and np.exp(log_precision) < 0.99 * LARGEST_PRECISION:
            alpha, beta = float(np.exp(log_precision)), float(np.exp(log_precision - location))
    tail = (1.0 - level) / 2.0
    mean = pooled
    posterior = None
    if alpha is not None and beta is not None:
        mean = alpha / beta
        shape, rate = o + alpha, e + beta
        posterior = (
            shape / rate,
            gammaincinv(shape, tail) / rate,
            gammaincinv(shape, 1.0 - tail) / rate,
            gammaincc(shape, rate * 2.0 * mean),
        )
    total = e.sum() or np.nan
    common = tuple(float(limit / total) for limit in poisson_limits(o.sum(), level))
    return _shrinkage("gamma_poisson", names, o, e, (alpha, beta), mean, posterior, common, level)


def _shrinkage(
    model: Literal["beta_binomial", "gamma_poisson"],
    names: Sequence[Hashable],
    numerators: Floats,
    denominators: Floats,
    prior: tuple[float | None, float | None],
    mean: float | None,
    posterior: tuple[NDArray[np.floating], ...] | None,
    common_limits: tuple[float, ...],
    level: float,
) -> Shrinkage:
    enough = display_rules.shrinks(int((denominators > 0.0).sum()))
    warnings: tuple[ShrinkageCaution, ...] = ()
    if not enough:
        warnings = (ShrinkageCaution.TOO_FEW_UNITS,)
    elif posterior is None:
        warnings = (ShrinkageCaution.POOLED,)
    units = []
    for i, name in enumerate(names):
        smoothed: tuple[float | None, ...] = (None, None, None, None)
        if posterior is not None:
            smoothed = tuple(float(values[i]) for values in posterior)
        elif enough:
            smoothed = (mean, *common_limits, 0.0)
        size = float(denominators[i])
        raw = float(numerators[i]) / size if size else None
        units.append(SmoothedUnit(name, float(numerators[i]), size, raw, *smoothed))
    return Shrinkage(model, *prior, mean, level, tuple(units), warnings)

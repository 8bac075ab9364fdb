"""Events per amount of exposure: per 1,000 sessions, or per person-time.

A session may give several events, so these are Poisson counts and may exceed one per session; for
sessions with at least one event see `registry.statistics.proportions`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, gammaincinv, ndtr

from registry.statistics import display_rules
from registry.statistics.proportions import (
    Floats,
    checked_amounts,
    checked_counts,
    checked_level,
    normal_quantile,
)
from registry.statistics.result import Caution, Estimate, Interval

DISPERSION_RATIO = 1.2
DISPERSION_P = 0.05
"""Counts are over-dispersed when Pearson's χ²/df exceeds the ratio and its p is below this."""

LEAST_OVER_DISPERSION = 1e-6
"""An α at or below this is the Poisson model at the edge of the parameter space."""


def poisson_limits(x: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of a Poisson mean (Garwood 1936): χ²(α/2; 2x)/2 and χ²(1 - α/2; 2x + 2)/2.

    ``x``: events seen, any shape, may be real. Two-sided at x = 0 as well.
    """
    tail = (1.0 - checked_level(level)) / 2.0
    events = checked_amounts(x, "x")
    some = events > 0.0
    lower = np.where(some, gammaincinv(np.where(some, events, 1.0), tail), 0.0)
    return lower, np.asarray(gammaincinv(events + 1.0, 1.0 - tail))


def rate_limits(x: ArrayLike, exposure: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of events per unit of exposure, broadcast; NaN where exposure is 0.

    ``ValueError`` for events without exposure.
    """
    events, amount = np.broadcast_arrays(
        checked_amounts(x, "x"), checked_amounts(exposure, "exposure")
    )
    if ((amount == 0.0) & (events > 0.0)).any():
        raise ValueError("there are events without exposure")
    lower, upper = poisson_limits(events, level)
    divisor = np.where(amount > 0.0, amount, np.nan)
    return lower / divisor, upper / divisor


def event_rate(
    x: int,
    exposure: float,
    *,
    per: float = 1000.0,
    unit: str = "sessions",
    level: float = 0.95,
) -> Estimate:
    """Events per ``per`` units of ``exposure``, with exact limits.

    1,000 for sessions, 100 for leg-years (which assumes a constant hazard). x = 0: one-sided upper
    bound -log(1 - level)/exposure. Exposure 0: value ``None``.
    """
    events = int(checked_counts(x, "x"))
    lower, upper = rate_limits(events, exposure, level)
    amount = float(exposure)
    if amount == 0.0:
        nothing = Interval(None, None, level, "poisson_exact")
        return Estimate(None, nothing, 0, 0, unit, (Caution.NOT_DEFINED,))
    if events == 0:
        bound = -float(np.log1p(-level)) / amount * per
        interval = Interval(0.0, bound, level, "poisson_zero_event_bound", True)
        return Estimate(0.0, interval, 0, exposure, unit, (Caution.NO_EVENTS,))
    interval = Interval(float(lower) * per, float(upper) * per, level, "poisson_exact")
    return Estimate(events / amount * per, interval, events, exposure, unit)


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Pearson χ²/df of counts around their common rate, and the p-value of so large a χ²."""

    ratio: float | None
    p_value: float | None
    periods: int

    @property
    def excessive(self) -> bool:
        """Whether the counts vary more than a Poisson rate allows."""
        return (
            self.ratio is not None
            and self.p_value is not None
            and self.ratio > DISPERSION_RATIO
            and self.p_value < DISPERSION_P
        )


def _checked_periods(events: ArrayLike, exposures: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Events, exposure and position of the periods that have exposure."""
    x = checked_counts(events, "events").astype(np.float64)
    amount = checked_amounts(exposures, "exposures")
    if x.ndim != 1 or x.shape != amount.shape:
        raise ValueError("events and exposures must have one value per period")
    used = amount > 0.0
    if x[~used].any():
        raise ValueError("there are events without exposure")
    return x[used], amount[used], np.flatnonzero(used).astype(np.float64)


def _pearson(x: Floats, mean: Floats, parameters: int) -> Dispersion:
    freedom = x.size - parameters
    if freedom < 1 or not x.any():
        return Dispersion(None, None, x.size)
    chi_square = float(np.sum((x - mean) ** 2 / mean))
    return Dispersion(chi_square / freedom, float(chdtrc(freedom, chi_square)), x.size)


def dispersion(events: ArrayLike, exposures: ArrayLike) -> Dispersion:
    """Whether ``events`` per period vary around one rate as Poisson counts do.

    Periods without exposure are left out; ``None`` with fewer than 2 periods or no event.
    """
    x, amount, _ = _checked_periods(events, exposures)
    total = amount.sum()
    return _pearson(x, amount * (x.sum() / total) if total else amount, 1)


@dataclass(frozen=True, slots=True)
class RateTrend:
    """Rate ratio from one period to the next, with the dispersion around the fitted Poisson line.

    ``estimate`` counts the events and the exposure; ``over_dispersion`` is α of the NB2 variance
    μ + αμ², ``None`` for the Poisson model. ``interval.method`` names the model.
    """

    estimate: Estimate
    p_value: float | None
    dispersion: Dispersion
    over_dispersion: float | None


def rate_trend(
    events: ArrayLike, exposures: ArrayLike, *, unit: str = "sessions", level: float = 0.95
) -> RateTrend:
    """Log-linear trend of the rate over equally spaced periods, exposure as offset.

    Poisson regression; if it is over-dispersed and there are at least 10 periods and 20 events,
    NB2. Where NB2 may not be fitted or does not converge, the Poisson result carries
    `Caution.OVERDISPERSED`. Fewer than 3 periods with exposure, or events in fewer than 2: not
    estimable.
    """
    x, amount, position = _checked_periods(events, exposures)
    total, exposure = int(x.sum()), float(amount.sum())
    z = normal_quantile(level)
    if x.size < 3 or np.count_nonzero(x) < 2:
        nothing = Interval(None, None, level, "poisson_regression")
        estimate = Estimate(None, nothing, total, exposure, unit, (Caution.NOT_ESTIMABLE,))
        return RateTrend(estimate, None, Dispersion(None, None, x.size), None)

    from statsmodels.discrete.discrete_model import NegativeBinomial
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    design = np.column_stack([np.ones(x.size), position - position.mean()])
    offset = np.log(amount)
    fit = GLM(x, design, family=Poisson(), offset=offset).fit(tol=1e-13)
    spread = _pearson(x, np.asarray(fit.mu), 2)
    model, alpha = "poisson_regression", None
    warnings: tuple[str, ...] = ()
    slope, error = float(fit.params[1]), float(fit.bse[1])
    if spread.excessive:
        warnings = (Caution.OVERDISPERSED,)
        if display_rules.fits_negative_binomial(x.size, total):
            with np.errstate(all="ignore"):
                wide = NegativeBinomial(x, design, offset=offset).fit(
                    start_params=[*fit.params, 0.1],
                    method="bfgs",
                    maxiter=500,
                    gtol=1e-6,
                    disp=False,
                    warn_convergence=False,
                )
            usable = wide.mle_retvals["converged"] and np.isfinite(wide.bse).all()
            if usable and float(wide.params[2]) > LEAST_OVER_DISPERSION:
                model, alpha, warnings = "negative_binomial", float(wide.params[2]), ()
                slope, error = float(wide.params[1]), float(wide.bse[1])
    limits = np.exp([slope - z * error, slope + z * error])
    interval = Interval(float(limits[0]), float(limits[1]), level, model)
    estimate = Estimate(float(np.exp(slope)), interval, total, exposure, unit, warnings)
    return RateTrend(estimate, float(2.0 * ndtr(-abs(slope / error))), spread, alpha)

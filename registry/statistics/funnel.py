"""Funnel plots: clinics or clinicians against one target, by the size of their denominator.

Lines are for drawing, flags for deciding. Lines are the exact limits of Spiegelhalter (2005,
A.1.1), interpolated between counts to be smooth; they are more liberal than the tails they
interpolate. Flags therefore come from exact tails: *alert* below 0.025, *alarm* below 0.001, each
side by itself. Over-dispersion (more variation between units than chance explains) can only take
flags away: it is shown beside the exact flags and never instead of them. A funnel is no league
table: units are not ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtri

from registry.messages import N_
from registry.statistics import display_rules
from registry.statistics.exact_tails import (
    binomial_lower_tail,
    binomial_mid_p,
    binomial_quantile,
    binomial_upper_tail,
    poisson_lower_tail,
    poisson_mid_p,
    poisson_quantile,
    poisson_upper_tail,
)
from registry.statistics.proportions import Floats, checked_amounts, checked_counts

ALERT_TAIL = 0.025
"""Each tail of the 95 % limits."""
ALARM_TAIL = 0.001
"""Each tail of the 99.8 % limits."""
WINSORISED_SHARE = 0.10
"""Share of units at each end whose z is pulled in before over-dispersion is estimated."""
DISPERSION_LEVEL = 0.05
"""Over-dispersion is adjusted for when its test has a smaller p."""


class Flag(StrEnum):
    """Where a unit stands outside chance."""

    NONE = "none"
    HIGH_ALERT = "high_alert"
    HIGH_ALARM = "high_alarm"
    LOW_ALERT = "low_alert"
    LOW_ALARM = "low_alarm"


class Adjustment(StrEnum):
    """How over-dispersion widens limits."""

    ADDITIVE = "additive"
    """A variance tau squared between units is added (random effects)."""
    MULTIPLICATIVE = "multiplicative"
    """Limits are sqrt(phi) times as wide."""


class FunnelCaution(StrEnum):
    """What the funnel cannot say."""

    TOO_FEW_UNITS = "funnel.too_few_units"
    TARGET_AT_BOUNDARY = "funnel.target_at_boundary"
    DISPERSION_NOT_ESTIMABLE = "funnel.dispersion_not_estimable"
    ADJUSTED = "funnel.adjusted"


TEXT: Mapping[FunnelCaution, str] = MappingProxyType(
    {
        FunnelCaution.TOO_FEW_UNITS: N_("Too few units, or too few of some size, for a funnel."),
        FunnelCaution.TARGET_AT_BOUNDARY: N_(
            "The target is 0 or 1: nothing can be drawn around it."
        ),
        FunnelCaution.DISPERSION_NOT_ESTIMABLE: N_(
            "Too little to tell whether units differ by more than chance: no adjustment for that."
        ),
        FunnelCaution.ADJUSTED: N_(
            "Units differ by more than chance explains. Flags that allow for it stand beside the "
            "exact ones, and may hide a real difference."
        ),
    }
)
"""The English sentence of each caution."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variation between units beyond chance.

    ``phi`` is the mean squared winsorised z (1 if all variation is chance), ``p_value`` that of
    units x phi against chi squared, ``tau_squared`` the variance between units on the scale of the
    plot. ``adjustment`` is None where limits are left alone.
    """

    phi: float
    p_value: float
    tau_squared: float
    adjustment: Adjustment | None


@dataclass(frozen=True, slots=True)
class FunnelUnit:
    """One unit. ``denominator`` is sessions or, in an O/E funnel, expected events.

    ``flag`` is by exact tails, ``adjusted_flag`` what over-dispersion leaves of it. ``mid_p`` is
    the two-sided exact mid-p and ``q_value`` its Benjamini-Hochberg false discovery rate among the
    units. ``is_named`` is False for a unit too small to carry its name; ``review_cases`` says that
    it has so few events that a flag says less than the cases.
    """

    name: Hashable
    numerator: float
    denominator: float
    value: float
    flag: Flag
    adjusted_flag: Flag
    mid_p: float
    q_value: float
    is_named: bool
    review_cases: bool


@dataclass(frozen=True, slots=True)
class Funnel:
    """A funnel; ``is_shown`` is False where the rule book does not allow the plot."""

    target: float
    units: tuple[FunnelUnit, ...]
    dispersion: Dispersion | None
    is_shown: bool
    warnings: tuple[FunnelCaution, ...]


def _drawable(lower: Floats, upper: Floats, target: float) -> tuple[Floats, Floats]:
    # Interpolation runs below zero, and even puts the upper line below the target, where next to
    # no event is expected: there is no limit to draw there.
    return np.where(lower >= 0.0, lower, np.nan), np.where(upper > target, upper, np.nan)


def _interpolated(
    level: float,
    quantile: Callable[[float], Floats],
    lower_tail: Callable[[Floats], Floats],
) -> Floats:
    rank = quantile(level)
    cumulative = lower_tail(rank)
    return rank - (cumulative - level) / (cumulative - lower_tail(rank - 1.0))


def binomial_limits(
    target: float, sessions: ArrayLike, tail: float = ALERT_TAIL
) -> tuple[Floats, Floats]:
    """Lower and upper line around a target proportion at each number of sessions, for drawing.

    ``target`` in (0, 1), ``sessions`` positive, ``tail`` the probability on each side. With r the
    smallest count of P(R <= r) >= p, the limit is (r - (P(R <= r) - p) / P(R = r)) / n. NaN where
    nothing is to be drawn: a lower line below 0, an upper line not above the target.
    """
    n = checked_amounts(sessions, "sessions")
    if not 0.0 < target < 1.0 or (n <= 0.0).any():
        raise ValueError("a funnel needs a target between 0 and 1 and at least one session")
    lower, upper = (
        _interpolated(
            level,
            partial(binomial_quantile, n=n, p=target),
            partial(binomial_lower_tail, n=n, p=target),
        )
        / n
        for level in (tail, 1.0 - tail)
    )
    return _drawable(lower, np.minimum(upper, 1.0), target)


def ratio_limits(expected: ArrayLike, tail: float = ALERT_TAIL) -> tuple[Floats, Floats]:
    """Lower and upper line around O/E = 1 at each expected count, as `binomial_limits`."""
    mean = checked_amounts(expected, "expected events")
    if (mean <= 0.0).any():
        raise ValueError("an O/E funnel needs expected events above 0")
    lower, upper = (
        _interpolated(
            level, partial(poisson_quantile, mean=mean), partial(poisson_lower_tail, mean=mean)
        )
        / mean
        for level in (tail, 1.0 - tail)
    )
    return _drawable(lower, upper, 1.0)


def adjusted_limits(
    target: float, variance: ArrayLike, dispersion: Dispersion, tail: float = ALERT_TAIL
) -> tuple[Floats, Floats]:
    """Lines widened for over-dispersion: target ± z sqrt(s² + tau²), or ± z sqrt(phi s²).

    ``variance`` is s² = target (1 - target) / sessions, or 1 / expected in an O/E funnel. Without
    adjustment the plain normal limits. NaN below 0.
    """
    half = -ndtri(tail) * _adjusted_error(np.asarray(variance, dtype=np.float64), dispersion)
    return np.where(target >= half, target - half, np.nan), target + half


def _adjusted_error(variance: Floats, dispersion: Dispersion) -> Floats:
    if dispersion.adjustment is Adjustment.ADDITIVE:
        return np.sqrt(variance + dispersion.tau_squared)
    scale = dispersion.phi if dispersion.adjustment is Adjustment.MULTIPLICATIVE else 1.0
    return np.sqrt(scale * variance)


def dispersion(
    values: ArrayLike,
    target: float,
    variance: ArrayLike,
    *,
    adjustment: Adjustment = Adjustment.ADDITIVE,
    winsorised_share: float = WINSORISED_SHARE,
) -> Dispersion:
    """Over-dispersion of unit ``values`` with sampling ``variance`` s² around ``target``.

    z = (value - target) / s is pulled in to its 10 % and 90 % quantiles (type 7), phi is the mean
    of z², and tau² = max(0, (I phi - (I - 1)) / (sum w - sum w² / sum w)) with w = 1 / s², the
    moment estimate of DerSimonian & Laird (Spiegelhalter 2005). Adjusts if phi > 1 and p < 0.05.
    """
    s2 = np.asarray(variance, dtype=np.float64)
    z = (np.asarray(values, dtype=np.float64) - target) / np.sqrt(s2)
    z = np.clip(z, *np.quantile(z, [winsorised_share, 1.0 - winsorised_share]))
    units, phi = z.size, float(np.mean(z * z))
    weight = 1.0 / s2
    spread = weight.sum() - (weight * weight).sum() / weight.sum()
    tau_squared = float(max(0.0, (units * phi - (units - 1)) / spread)) if units > 1 else 0.0
    p_value = float(chdtrc(units, units * phi))
    adjusts = phi > 1.0 and p_value < DISPERSION_LEVEL
    return Dispersion(phi, p_value, tau_squared, adjustment if adjusts else None)


def funnel(
    names: Sequence[Hashable],
    events: ArrayLike,
    sessions: ArrayLike,
    *,
    target: float | None = None,
    adjustment: Adjustment = Adjustment.ADDITIVE,
) -> Funnel:
    """Funnel of the share of sessions with an event.

    One value per unit; ``target`` is the pooled rate unless an external one is given. Units without
    sessions are left out. ``ValueError`` for impossible counts or a target outside [0, 1].
    """
    x = checked_counts(events, "events").astype(np.float64)
    n = checked_counts(sessions, "sessions").astype(np.float64)
    if not len(names) == x.size == n.size or (x > n).any():
        raise ValueError("each unit needs a name, its events and at least as many sessions")
    if target is not None and not 0.0 <= target <= 1.0:
        raise ValueError("a target is a proportion")
    kept = n > 0.0
    names = [name for name, keep in zip(names, kept, strict=True) if keep]
    x, n = x[kept], n[kept]
    if target is None:
        target = float(x.sum() / n.sum()) if n.size else 0.0
    return _funnel(
        names,
        x,
        n,
        target,
        upper=binomial_upper_tail(x, n, target),
        lower=binomial_lower_tail(x, n, target),
        mid_p=binomial_mid_p(x, n, target),
        variance=target * (1.0 - target) / n,
        large_enough=n >= display_rules.MINIMUM_SESSIONS_IN_FUNNEL,
        judged=np.ones(n.size, dtype=bool),
        named=n >= display_rules.MINIMUM_SESSIONS_TO_NAME,
        usable=0.0 < target < 1.0,
        adjustment=adjustment,
    )


def ratio_funnel(
    names: Sequence[Hashable],
    observed: ArrayLike,
    expected: ArrayLike,
    *,
    adjustment: Adjustment = Adjustment.ADDITIVE,
) -> Funnel:
    """Funnel of observed over expected events against expected events; target 1, Poisson limits.

    Units with nothing expected are left out; below one expected event there is no flag.
    """
    o = checked_counts(observed, "observed events").astype(np.float64)
    e = checked_amounts(expected, "expected events")
    if not len(names) == o.size == e.size:
        raise ValueError("each unit needs a name, its observed and its expected events")
    kept = e > 0.0
    names = [name for name, keep in zip(names, kept, strict=True) if keep]
    o, e = o[kept], e[kept]
    judged = e >= display_rules.MINIMUM_EXPECTED_FOR_RATIO
    return _funnel(
        names,
        o,
        e,
        1.0,
        upper=poisson_upper_tail(o, e),
        lower=poisson_lower_tail(o, e),
        mid_p=poisson_mid_p(o, e),
        variance=1.0 / e,
        large_enough=judged,
        judged=judged,
        named=judged,
        usable=True,
        adjustment=adjustment,
    )


def _funnel(
    names: Sequence[Hashable],
    observed: Floats,
    denominators: Floats,
    target: float,
    *,
    upper: Floats,
    lower: Floats,
    mid_p: Floats,
    variance: Floats,
    large_enough: np.ndarray[tuple[int], np.dtype[np.bool_]],
    judged: np.ndarray[tuple[int], np.dtype[np.bool_]],
    named: np.ndarray[tuple[int], np.dtype[np.bool_]],
    usable: bool,
    adjustment: Adjustment,
) -> Funnel:
    from scipy.stats import false_discovery_control

    units, events = len(names), float(observed.sum())
    values = observed / denominators
    warnings: list[FunnelCaution] = []
    enough_units = display_rules.shows_funnel(units, int(large_enough.sum()))
    if not enough_units:
        warnings.append(FunnelCaution.TOO_FEW_UNITS)
    if not usable:
        warnings.append(FunnelCaution.TARGET_AT_BOUNDARY)
    between = None
    if usable and display_rules.adjusts_for_overdispersion(units, events):
        between = dispersion(values, target, variance, adjustment=adjustment)
        if between.adjustment is not None:
            warnings.append(FunnelCaution.ADJUSTED)
    else:
        warnings.append(FunnelCaution.DISPERSION_NOT_ESTIMABLE)
    q_values = false_discovery_control(mid_p) if units else mid_p
    # Distance in adjusted standard errors; infinite where nothing is adjusted: the flag stands.
    z = np.full(units, np.inf)
    if between is not None and between.adjustment is not None:
        z = np.abs(values - target) / _adjusted_error(variance, between)
    members = []
    for i, name in enumerate(names):
        flag, adjusted = Flag.NONE, Flag.NONE
        if usable and judged[i]:
            flag = _flag(float(upper[i]), float(lower[i]))
            limit = ndtri(ALERT_TAIL), ndtri(ALARM_TAIL)
            adjusted = _weakened(flag, alert=z[i] > -limit[0], alarm=z[i] > -limit[1])
        members.append(
            FunnelUnit(
                name=name,
                numerator=float(observed[i]),
                denominator=float(denominators[i]),
                value=float(values[i]),
                flag=flag,
                adjusted_flag=adjusted,
                mid_p=float(mid_p[i]),
                q_value=float(q_values[i]),
                is_named=bool(named[i]),
                review_cases=0 < observed[i] < display_rules.MINIMUM_EVENTS_FOR_TREND,
            )
        )
    return Funnel(target, tuple(members), between, enough_units and usable, tuple(warnings))


def _flag(upper: float, lower: float) -> Flag:
    if upper < ALERT_TAIL:
        return Flag.HIGH_ALARM if upper < ALARM_TAIL else Flag.HIGH_ALERT
    if lower < ALERT_TAIL:
        return Flag.LOW_ALARM if lower < ALARM_TAIL else Flag.LOW_ALERT
    return Flag.NONE


def _weakened(flag: Flag, *, alert: bool, alarm: bool) -> Flag:
    """What is left of an exact flag that the adjusted limits support to this degree."""
    if flag is Flag.NONE or not alert:
        return Flag.NONE
    if alarm:
        return flag
    return Flag.HIGH_ALERT if flag in (Flag.HIGH_ALERT, Flag.HIGH_ALARM) else Flag.LOW_ALERT

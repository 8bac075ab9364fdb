"""One binomial proportion: x of n independent units.

Array functions (`wilson`, `clopper_pearson`, `jeffreys`, `zero_event_bound`) broadcast ``x`` and
``n`` and return ``(lower, upper)`` or a bound, NaN where n is 0. `proportion` is the scalar face:
it chooses the method and returns an `Estimate`. All refuse, with ``ValueError``, NaN, infinite and
negative counts, x > n, and a level outside (0, 1).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri

from registry.statistics import display_rules
from registry.statistics.result import Caution, Estimate, Interval

Floats = NDArray[np.float64]


class ProportionMethod(StrEnum):
    """How the limits of a proportion are found."""

    WILSON = "wilson"
    CLOPPER_PEARSON = "clopper_pearson"
    JEFFREYS = "jeffreys"
    ZERO_EVENT_BOUND = "zero_event_bound"


def checked_level(level: float) -> float:
    """Return ``level`` if it is a confidence level, a number in (0, 1); else ``ValueError``."""
    if not 0.0 < level < 1.0:
        raise ValueError("a confidence level lies between 0 and 1, both excluded")
    return float(level)


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile: 1.96 for ``level`` 0.95."""
    return float(ndtri(0.5 + checked_level(level) / 2.0))


def checked_amounts(values: ArrayLike, name: str) -> Floats:
    """Return ``values`` as floats; ``ValueError`` naming ``name`` if NaN, infinite or negative."""
    if np.asarray(values).dtype.kind in "mM":
        raise ValueError(f"{name} must be plain numbers, not times")
    amounts = np.asarray(values, dtype=np.float64)
    if not np.isfinite(amounts).all():
        raise ValueError(f"{name} must be finite numbers")
    if (amounts < 0.0).any():
        raise ValueError(f"{name} must not be negative")
    return amounts


def checked_counts(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Return ``values`` as whole non-negative numbers; ``ValueError`` naming ``name`` otherwise."""
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        amounts = checked_amounts(array, name)
        if (amounts != np.floor(amounts)).any():
            raise ValueError(f"{name} must be whole numbers")
        return amounts.astype(np.int64)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative")
    return array.astype(np.int64, copy=False)


def _checked_pair(x: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    events, units = np.broadcast_arrays(checked_amounts(x, "x"), checked_amounts(n, "n"))
    if (events > units).any():
        raise ValueError("x must not exceed n")
    return events, units


def wilson(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Score interval of Wilson (1927), without continuity correction.

    ``x`` and ``n`` may be real: an effective sample size is a valid n.
    """
    z = normal_quantile(level)
    events, units = _checked_pair(x, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (events + z * z / 2.0) / (units + z * z)
        half = z / (units + z * z) * np.sqrt(events * (1.0 - events / units) + z * z / 4.0)
    # The ends are 0 and 1 by algebra; rounding must not push them inside.
    lower = np.where(events == 0.0, 0.0, np.maximum(centre - half, 0.0))
    upper = np.where(events == units, 1.0, np.minimum(centre + half, 1.0))
    empty = units == 0.0
    return np.where(empty, np.nan, lower), np.where(empty, np.nan, upper)


def clopper_pearson(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of Clopper & Pearson (1934): beta quantiles, never below nominal coverage.

    Two-sided at every x: for x = 0 the upper limit is 1 - (α/2)^(1/n), about 3.7/n, and not the
    one-sided `zero_event_bound`. ``x`` and ``n`` may be real.
    """
    tail = (1.0 - checked_level(level)) / 2.0
    events, units = _checked_pair(x, n)
    empty = units == 0.0
    inner_lower = ~empty & (events > 0.0)
    inner_upper = ~empty & (events < units)
    # The inverse is costly and undefined at the ends: feed it harmless arguments there.
    lower = betaincinv(
        np.where(inner_lower, events, 1.0), np.where(inner_lower, units - events + 1.0, 1.0), tail
    )
    upper = betaincinv(
        np.where(inner_upper, events + 1.0, 1.0),
        np.where(inner_upper, units - events, 1.0),
        1.0 - tail,
    )
    return (
        np.where(empty, np.nan, np.where(inner_lower, lower, 0.0)),
        np.where(empty, np.nan, np.where(inner_upper, upper, 1.0)),
    )


def jeffreys(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Equal-tailed limits of Beta(x + ½, n - x + ½), the posterior under the Jeffreys prior.

    Boundary convention of Brown, Cai & DasGupta (2001): lower = 0 at x = 0 and upper = 1 at x = n,
    the other limit stays the raw two-sided quantile.
    """
    tail = (1.0 - checked_level(level)) / 2.0
    events, units = _checked_pair(x, n)
    lower = betaincinv(events + 0.5, units - events + 0.5, tail)
    upper = betaincinv(events + 0.5, units - events + 0.5, 1.0 - tail)
    empty = units == 0.0
    return (
        np.where(empty, np.nan, np.where(events == 0.0, 0.0, lower)),
        np.where(empty, np.nan, np.where(events == units, 1.0, upper)),
    )


def zero_event_bound(n: ArrayLike, level: float = 0.95) -> Floats:
    """One-sided exact upper bound 1 - (1 - level)^(1/n) of a proportion with 0 of n events."""
    units = checked_amounts(n, "n")
    with np.errstate(divide="ignore"):
        bound = -np.expm1(np.log1p(-checked_level(level)) / units)
    return np.where(units == 0.0, np.nan, bound)


def rule_of_three(n: ArrayLike) -> Floats:
    """3/n (Hanley & Lippman-Hand 1983), the mental arithmetic for `zero_event_bound` at 95 %.

    NaN where the rule book does not quote it: below n = 30.
    """
    units = checked_amounts(n, "n")
    quoted = units >= display_rules.MINIMUM_DENOMINATOR_FOR_RULE_OF_THREE
    with np.errstate(divide="ignore"):
        return np.where(quoted, 3.0 / units, np.nan)


def default_method(x: int, n: int) -> ProportionMethod:
    """Method of `proportion` for x of n: the exact ones where Wilson's coverage can dip.

    Non-events are as good as events here, so that a rate and its complement agree.
    """
    if x == 0:
        return ProportionMethod.ZERO_EVENT_BOUND
    if min(x, n - x) < display_rules.MINIMUM_EVENTS_FOR_TREND:
        return ProportionMethod.CLOPPER_PEARSON
    return ProportionMethod.WILSON


def proportion(
    x: int,
    n: int,
    *,
    unit: str = "sessions",
    level: float = 0.95,
    method: ProportionMethod | None = None,
) -> Estimate:
    """x of n independent units with its interval.

    Without ``method``: one-sided exact bound for x = 0, Clopper-Pearson below 5 events or 5
    non-events, Wilson otherwise. n = 0 gives value ``None`` and `Caution.NOT_DEFINED`.
    ``ValueError`` for counts that are not whole, and for the bound of x > 0.
    """
    events, units = int(checked_counts(x, "x")), int(checked_counts(n, "n"))
    checked_level(level)
    if events > units:
        raise ValueError("x must not exceed n")
    method = default_method(events, units) if method is None else ProportionMethod(method)
    if units == 0:
        nothing = Interval(None, None, level, method.value)
        return Estimate(None, nothing, 0, 0, unit, (Caution.NOT_DEFINED,))
    if method is ProportionMethod.ZERO_EVENT_BOUND:
        if events:
            raise ValueError("the zero-event bound is for x = 0")
        bound = Interval(0.0, float(zero_event_bound(units, level)), level, method.value, True)
        return Estimate(0.0, bound, 0, units, unit, (Caution.NO_EVENTS,))
    limits = {
        ProportionMethod.WILSON: wilson,
        ProportionMethod.CLOPPER_PEARSON: clopper_pearson,
        ProportionMethod.JEFFREYS: jeffreys,
    }[method]
    lower, upper = limits(events, units, level)
    interval = Interval(float(lower), float(upper), level, method.value)
    warnings = () if events else (Caution.NO_EVENTS,)
    return Estimate(events / units, interval, events, units, unit, warnings)


def bounds_for_unassessed(x: int, assessed: int, n: int) -> tuple[float | None, float | None]:
    """Best and worst case of x / n: none, or all, of the n - assessed others had the event too.

    x counts events among the assessed, so x <= assessed <= n, else ``ValueError``. ``None`` for
    n = 0.
    """
    events, seen, units = (
        int(checked_counts(v, name)) for v, name in ((x, "x"), (assessed, "assessed"), (n, "n"))
    )
    if not events <= seen <= units:
        raise ValueError("x must not exceed assessed, nor assessed n")
    if units == 0:
        return None, None
    return events / units, (events + units - seen) / units

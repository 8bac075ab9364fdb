"""Exact tails and quantiles of binomial and Poisson counts, on arrays.

They decide who is flagged and where limits lie, so they use the incomplete beta and gamma functions
and no approximation. All arguments broadcast; counts are whole numbers as floats.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtrik, betainc, gammainc, gammaincc, pdtrik

from registry.statistics.proportions import Floats


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def binomial_upper_tail(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """P(X >= x) for X binomial with ``n`` units of probability ``p``; 0 for x > n."""
    count, units = _floats(x), _floats(n)
    inside = (count >= 1.0) & (count <= units)
    tail = betainc(
        np.where(inside, count, 1.0), np.where(inside, units - count + 1.0, 1.0), _floats(p)
    )
    return np.where(inside, tail, np.where(count < 1.0, 1.0, 0.0))


def binomial_lower_tail(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """P(X <= x) for X binomial with ``n`` units of probability ``p``; 0 for x < 0."""
    count, units = _floats(x), _floats(n)
    inside = (count >= 0.0) & (count < units)
    tail = betainc(
        np.where(inside, units - count, 1.0), np.where(inside, count + 1.0, 1.0), 1.0 - _floats(p)
    )
    return np.where(inside, tail, np.where(count < 0.0, 0.0, 1.0))


def poisson_upper_tail(x: ArrayLike, mean: ArrayLike) -> Floats:
    """P(X >= x) for X Poisson with ``mean``."""
    count = _floats(x)
    return np.where(count < 1.0, 1.0, gammainc(np.maximum(count, 1.0), _floats(mean)))


def poisson_lower_tail(x: ArrayLike, mean: ArrayLike) -> Floats:
    """P(X <= x) for X Poisson with ``mean``; 0 for x < 0."""
    count = _floats(x)
    return np.where(count < 0.0, 0.0, gammaincc(np.maximum(count, 0.0) + 1.0, _floats(mean)))


def _mid_p(upper: Floats, above: Floats, lower: Floats, below: Floats) -> Floats:
    return np.minimum(1.0, np.minimum(upper + above, lower + below))


def binomial_mid_p(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Two-sided mid-p: twice the smaller tail, the observed count entering by half; at most 1."""
    count = _floats(x)
    return _mid_p(
        binomial_upper_tail(count, n, p),
        binomial_upper_tail(count + 1.0, n, p),
        binomial_lower_tail(count, n, p),
        binomial_lower_tail(count - 1.0, n, p),
    )


def poisson_mid_p(x: ArrayLike, mean: ArrayLike) -> Floats:
    """Two-sided mid-p of a Poisson count, as `binomial_mid_p`."""
    count = _floats(x)
    return _mid_p(
        poisson_upper_tail(count, mean),
        poisson_upper_tail(count + 1.0, mean),
        poisson_lower_tail(count, mean),
        poisson_lower_tail(count - 1.0, mean),
    )


def _settle(guess: Floats, level: float, lower_tail: Callable[[Floats], Floats]) -> Floats:
    """Smallest whole r with lower_tail(r) >= level, from a guess that is off by one at most."""
    rank = np.maximum(np.ceil(np.nan_to_num(guess)), 0.0)
    rank = np.where(lower_tail(rank - 1.0) >= level, rank - 1.0, rank)
    return np.where(lower_tail(rank) < level, rank + 1.0, rank)


def binomial_quantile(level: float, n: ArrayLike, p: ArrayLike) -> Floats:
    """Smallest r with P(X <= r) >= ``level``; X binomial, ``n`` units of probability ``p``."""
    units, probability = np.broadcast_arrays(_floats(n), _floats(p))
    # The continuous inverse is not defined where r = 0 or r = n already answers.
    inner = (binomial_lower_tail(0.0, units, probability) < level) & (probability < 1.0)
    guess = bdtrik(level, np.where(inner, units, 1.0), np.where(inner, probability, 0.5))
    rank = _settle(
        np.where(inner, np.minimum(guess, units), np.where(probability < 1.0, 0.0, units)),
        level,
        lambda r: binomial_lower_tail(r, units, probability),
    )
    return _floats(rank)


def poisson_quantile(level: float, mean: ArrayLike) -> Floats:
    """Smallest r with P(X <= r) >= ``level`` for X Poisson with ``mean``."""
    expected = _floats(mean)
    inner = np.exp(-expected) < level
    guess = np.where(inner, pdtrik(level, np.where(inner, expected, 1.0)), 0.0)
    return _settle(guess, level, lambda r: poisson_lower_tail(r, expected))

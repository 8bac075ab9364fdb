"""Two independent groups, and one group against a published benchmark.

All differences and ratios are crude: groups that were not assigned by chance differ in more than
their name. Array functions broadcast the four counts and return limits, NaN where undefined; the
scalar faces return a `Comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from registry.statistics.exact_tails import (
    binomial_lower_tail,
    binomial_mid_p,
    binomial_upper_tail,
)
from registry.statistics.proportions import (
    Floats,
    checked_amounts,
    checked_counts,
    checked_level,
    clopper_pearson,
    normal_quantile,
    wilson,
)
from registry.statistics.result import Caution, Estimate, Interval

_TIE = 1e-7
"""Tables whose probabilities differ by less than this share count as equally likely."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """First group against second.

    ``estimate`` is the difference (first minus second) or ratio (first over second); it counts the
    events and units of the first group, ``reference_numerator`` and ``reference_denominator`` those
    of the second, or the counts (``None`` if unknown) of a benchmark. ``p_exact`` and ``p_mid`` are
    two-sided.
    """

    estimate: Estimate
    reference_numerator: int | None
    reference_denominator: float | None
    p_exact: float | None
    p_mid: float | None


def _checked_tables(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    names = ("x1", "n1", "x2", "n2")
    counts = [
        checked_counts(each, name).astype(np.float64)
        for each, name in zip((x1, n1, x2, n2), names, strict=True)
    ]
    a, m1, b, m2 = np.broadcast_arrays(*counts)
    if (a > m1).any() or (b > m2).any():
        raise ValueError("x must not exceed n")
    return a, m1, b, m2


def newcombe(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Limits of p1 - p2 from the two Wilson intervals (Newcombe 1998, method 10)."""
    a, m1, b, m2 = _checked_tables(x1, n1, x2, n2)
    (l1, u1), (l2, u2) = wilson(a, m1, level), wilson(b, m2, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        p1, p2 = a / m1, b / m2
    difference = p1 - p2
    return (
        difference - np.hypot(p1 - l1, u2 - p2),
        difference + np.hypot(u1 - p1, p2 - l2),
    )


def _log_limits(ratio: Floats, variance: Floats, level: float) -> tuple[Floats, Floats]:
    usable = np.isfinite(ratio) & (ratio > 0.0) & (variance > 0.0)
    spread = normal_quantile(level) * np.sqrt(np.where(usable, variance, np.nan))
    return ratio * np.exp(-spread), ratio * np.exp(spread)


def risk_ratio_limits(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Limits of p1 / p2 on the log scale, variance 1/x1 - 1/n1 + 1/x2 - 1/n2 (Katz 1978).

    NaN without events in either group, or with nothing but events in both.
    """
    a, m1, b, m2 = _checked_tables(x1, n1, x2, n2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _log_limits((a / m1) / (b / m2), 1 / a - 1 / m1 + 1 / b - 1 / m2, level)


def odds_ratio_limits(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Limits of the odds ratio on the log scale, variance Σ 1/cell (Woolf 1955).

    NaN where any cell is 0: no half is added.
    """
    a, m1, b, m2 = _checked_tables(x1, n1, x2, n2)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (a / (m1 - a)) / (b / (m2 - b))
        return _log_limits(ratio, 1 / a + 1 / (m1 - a) + 1 / b + 1 / (m2 - b), level)


def rate_ratio_limits(
    x1: ArrayLike, exposure1: ArrayLike, x2: ArrayLike, exposure2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Exact limits of a ratio of Poisson rates, given the sum of events.

    x1 of x1 + x2 events is binomial; its Clopper-Pearson limits are transformed. The upper limit is
    infinite for x2 = 0, both are NaN without any event or exposure.
    """
    tail = (1.0 - checked_level(level)) / 2.0
    a, b = (checked_counts(x, "x").astype(np.float64) for x in (x1, x2))
    e1, e2 = (checked_amounts(each, "exposure") for each in (exposure1, exposure2))
    a, e1, b, e2 = np.broadcast_arrays(a, e1, b, e2)
    defined = (a + b > 0.0) & (e1 > 0.0) & (e2 > 0.0)
    # Odds p/(1 - p) of beta quantiles, taken from whichever side keeps them exact.
    low = betaincinv(np.where(a > 0, a, 1.0), b + 1.0, tail)
    high = betaincinv(np.where(b > 0, b, 1.0), a + 1.0, tail)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(defined, e2 / e1, np.nan)
        lower = np.where(a > 0, low / (1.0 - low), 0.0) * scale
        upper = np.where(b > 0, (1.0 - high) / high, np.inf) * scale
    return lower, upper


def _fisher(a: float, m1: float, b: float, m2: float) -> tuple[float, float]:
    events = int(a + b)
    least, most = max(0, events - int(m2)), min(events, int(m1))
    support = np.arange(least, most + 1, dtype=np.float64)
    # Ratios of neighbouring tables: no factorial, so no digits are lost for large counts.
    steps = np.log((m1 - support[:-1]) * (events - support[:-1])) - np.log(
        (support[:-1] + 1.0) * (m2 - events + support[:-1] + 1.0)
    )
    logs = np.append(0.0, np.cumsum(steps))
    weights = np.exp(logs - logs.max())
    own = weights[int(a) - least]
    as_likely = weights <= own * (1.0 + _TIE)
    tied = as_likely & (weights >= own * (1.0 - _TIE))
    total = weights.sum()
    exact = float(weights[as_likely].sum() / total)
    return min(exact, 1.0), min(exact - 0.5 * float(weights[tied].sum() / total), 1.0)


def fisher(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> tuple[Floats, Floats]:
    """Two-sided p-values of Fisher's exact test: exact, and mid-p.

    Exact: tables with the same margins that are at most as likely as the one seen. Mid-p: the
    tables exactly as likely enter by half. NaN where a group is empty.
    """
    tables = _checked_tables(x1, n1, x2, n2)
    exact, mid = np.full(tables[0].shape, np.nan), np.full(tables[0].shape, np.nan)
    for index in np.ndindex(exact.shape):
        a, m1, b, m2 = (float(each[index]) for each in tables)
        if m1 > 0.0 and m2 > 0.0:
            exact[index], mid[index] = _fisher(a, m1, b, m2)
    return exact, mid


def binomial_exact_p(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Floats:
    """Two-sided exact p: twice the smaller tail, at most 1.

    It is below 1 - level exactly where the Clopper-Pearson interval leaves ``p`` out.
    """
    smaller = np.minimum(binomial_upper_tail(x, n, p), binomial_lower_tail(x, n, p))
    return np.minimum(1.0, 2.0 * smaller)


def _comparison(
    value: float | None,
    limits: tuple[Floats, Floats],
    method: str,
    level: float,
    table: tuple[int, float, int, float],
    unit: str,
    p_values: tuple[float | None, float | None],
) -> Comparison:
    lower, upper = (float(each) if np.isfinite(each) else None for each in limits)
    warnings: tuple[str, ...] = ()
    if value is None or (lower is None and upper is None):
        warnings = (Caution.NOT_ESTIMABLE,)
    if not (table[1] and table[3]):
        warnings = (Caution.NOT_DEFINED,)
    interval = Interval(lower, upper, level, method)
    estimate = Estimate(value, interval, table[0], table[1], unit, warnings)
    return Comparison(estimate, table[2], table[3], *p_values)


def _fisher_of(table: tuple[int, int, int, int]) -> tuple[float | None, float | None]:
    if not (table[1] and table[3]):
        return None, None
    exact, mid = fisher(*table)
    return float(exact), float(mid)


def difference(
    x1: int, n1: int, x2: int, n2: int, *, unit: str = "sessions", level: float = 0.95
) -> Comparison:
    """p1 - p2 with Newcombe limits and Fisher's test."""
    limits = newcombe(x1, n1, x2, n2, level)
    value = x1 / n1 - x2 / n2 if n1 and n2 else None
    table = (x1, n1, x2, n2)
    return _comparison(value, limits, "newcombe", level, table, unit, _fisher_of(table))


def risk_ratio(
    x1: int, n1: int, x2: int, n2: int, *, unit: str = "sessions", level: float = 0.95
) -> Comparison:
    """p1 / p2 with log limits and Fisher's test; ``None`` when infinite (x2 = 0)."""
    limits = risk_ratio_limits(x1, n1, x2, n2, level)
    value = (x1 / n1) / (x2 / n2) if n1 and x2 else None
    table = (x1, n1, x2, n2)
    return _comparison(value, limits, "log_risk_ratio", level, table, unit, _fisher_of(table))


def odds_ratio(
    x1: int, n1: int, x2: int, n2: int, *, unit: str = "sessions", level: float = 0.95
) -> Comparison:
    """Sample odds ratio with Woolf limits and Fisher's test; ``None`` when infinite or 0/0."""
    limits = odds_ratio_limits(x1, n1, x2, n2, level)
    denominator = (n1 - x1) * x2
    value = x1 * (n2 - x2) / denominator if denominator else None
    table = (x1, n1, x2, n2)
    return _comparison(value, limits, "log_odds_ratio", level, table, unit, _fisher_of(table))


def rate_ratio(
    x1: int,
    exposure1: float,
    x2: int,
    exposure2: float,
    *,
    unit: str = "sessions",
    level: float = 0.95,
) -> Comparison:
    """Ratio of two Poisson rates with exact conditional limits; ``None`` when infinite (x2 = 0).

    The p-values are those of x1 of x1 + x2 under the shares of exposure.
    """
    limits = rate_ratio_limits(x1, exposure1, x2, exposure2, level)
    value = (x1 / exposure1) / (x2 / exposure2) if exposure1 and exposure2 and x2 else None
    p_values: tuple[float | None, float | None] = (None, None)
    if exposure1 and exposure2 and x1 + x2:
        share = exposure1 / (exposure1 + exposure2)
        p_values = (
            float(binomial_exact_p(x1, x1 + x2, share)),
            float(binomial_mid_p(x1, x1 + x2, share)),
        )
    table = (x1, exposure1, x2, exposure2)
    return _comparison(value, limits, "conditional_exact", level, table, unit, p_values)


def against_fixed_benchmark(
    x: int, n: int, benchmark: float, *, unit: str = "sessions", level: float = 0.95
) -> Comparison:
    """p - ``benchmark`` for a benchmark taken as known without error, a proportion in (0, 1).

    Limits: Clopper-Pearson, shifted. p-values: exact binomial, twice the smaller tail, and mid-p.
    Compare only when unit of analysis, window and definition agree with the benchmark's.
    """
    if not 0.0 < benchmark < 1.0:
        raise ValueError("a fixed benchmark lies between 0 and 1, both excluded")
    lower, upper = clopper_pearson(checked_counts(x, "x"), checked_counts(n, "n"), level)
    method = "clopper_pearson_shifted"
    if n == 0:
        nothing = Interval(None, None, level, method)
        estimate = Estimate(None, nothing, 0, 0, unit, (Caution.NOT_DEFINED,))
        return Comparison(estimate, None, None, None, None)
    interval = Interval(float(lower) - benchmark, float(upper) - benchmark, level, method)
    return Comparison(
        Estimate(x / n - benchmark, interval, x, n, unit),
        None,
        None,
        float(binomial_exact_p(x, n, benchmark)),
        float(binomial_mid_p(x, n, benchmark)),
    )


def against_estimated_benchmark(
    x: int,
    n: int,
    published_x: int,
    published_n: int,
    *,
    unit: str = "sessions",
    level: float = 0.95,
) -> Comparison:
    """p minus a published proportion known by its counts: both are uncertain, as in `difference`.

    Compare only when unit of analysis, window and definition agree.
    """
    return difference(x, n, published_x, published_n, unit=unit, level=level)

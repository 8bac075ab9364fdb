"""How often a control chart signals although nothing changed.

Whoever watches many charts is called by chance as often as all of their false signals together, so
the number is told beside them. A run that goes on is one signal, counted where it is complete.
"""

from __future__ import annotations

import numpy as np

from registry.statistics.control_charts import (
    GAP_TAIL,
    RUN_LENGTH,
    ChartKind,
    ChartPoint,
    ControlChart,
    LimitMethod,
    Phase,
)
from registry.statistics.exact_tails import (
    binomial_lower_tail,
    binomial_upper_tail,
    poisson_lower_tail,
    poisson_upper_tail,
)
from registry.statistics.proportions import Floats

NORMAL_TAIL = 0.00135
"""Share of a normal distribution beyond three standard deviations, on each side."""
_ROUNDING = 1e-9
"""Limits are counts divided by sessions; back as counts they may miss a whole number by this."""


def false_signals_per_point(chart: ControlChart) -> float | None:
    """Mean probability that a point of the last phase begins a signal if nothing changed.

    Counts are taken as binomial (p), Poisson (u) or geometric (g) at the baseline of the phase;
    where limits follow the moving range (Laney, t, X) points are taken as normal. The rule of a run
    adds the probability that a run reaches its eighth point here: 1 in 256 where both sides are
    equally likely. None for a phase without limits.
    """
    phase = chart.phases[-1]
    points = [point for point in chart.points[phase.start : phase.stop] if point.value is not None]
    if phase.method is None:
        return None
    if chart.kind is ChartKind.MOVING_RANGE:
        return NORMAL_TAIL
    outside, above, below = _tails(chart.kind, phase, points)
    sided = above + below
    if sided <= 0.0:
        return outside
    up, down = above / sided, below / sided
    return outside + sided * (up**RUN_LENGTH * down + down**RUN_LENGTH * up)


def _tails(kind: ChartKind, phase: Phase, points: list[ChartPoint]) -> tuple[float, float, float]:
    """Mean probabilities to lie outside the limits, above the centre line, and below it."""
    if phase.method in (LimitMethod.LANEY, LimitMethod.MOVING_RANGE):
        return 2.0 * NORMAL_TAIL, 0.5, 0.5
    if kind is ChartKind.T:
        return 2.0 * GAP_TAIL, 0.5, 0.5
    lower = np.array([point.lower_limit or 0.0 for point in points])
    centre = np.array([point.centre_line or 0.0 for point in points])
    upper = np.array([point.upper_limit or 0.0 for point in points])
    if kind is ChartKind.G:
        stays = 1.0 - 1.0 / (phase.baseline.centre + 1.0)

        def beyond(line: Floats) -> Floats:
            return np.asarray(stays ** (np.floor(line + _ROUNDING) + 1.0))

        def short_of(line: Floats) -> Floats:
            return np.asarray(1.0 - stays ** np.ceil(line - _ROUNDING))

    else:
        units = np.array([point.denominator or 0.0 for point in points])
        mean = phase.baseline.centre
        is_binomial = kind is ChartKind.P

        def beyond(line: Floats) -> Floats:
            count = np.floor(line * units + _ROUNDING) + 1.0
            if is_binomial:
                return binomial_upper_tail(count, units, mean)
            return poisson_upper_tail(count, units * mean)

        def short_of(line: Floats) -> Floats:
            count = np.ceil(line * units - _ROUNDING) - 1.0
            if is_binomial:
                return binomial_lower_tail(count, units, mean)
            return poisson_lower_tail(count, units * mean)

    return (
        float(np.mean(beyond(upper) + short_of(lower))),
        float(np.mean(beyond(centre))),
        float(np.mean(short_of(centre))),
    )

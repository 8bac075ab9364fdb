"""Does a chart of what never changes signal as often as was foretold?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np
import pytest

from registry.statistics.control_charts import (
    Baseline,
    ControlChart,
    LimitMethod,
    Plan,
    Signal,
    g_chart,
    laney_p_chart,
    p_chart,
    t_chart,
    u_chart,
)
from registry.statistics.false_signals import false_signals_per_point

POINTS = 20_000
RUNS = {Signal.RUN_ABOVE, Signal.RUN_BELOW}


def frozen(centre: float) -> Plan:
    return Plan(baseline=Baseline(centre, 1.0, 50))


def hundred() -> np.ndarray:
    return np.full(POINTS, 100)


CHARTS: dict[str, Callable[[np.random.Generator], ControlChart]] = {
    "p": lambda rng: p_chart(rng.binomial(100, 0.05, POINTS), hundred(), plan=frozen(0.05)),
    "3 sigma": lambda rng: p_chart(rng.binomial(100, 0.4, POINTS), hundred(), plan=frozen(0.4)),
    "u": lambda rng: u_chart(rng.poisson(7.0, POINTS), hundred(), plan=frozen(0.07)),
    "g": lambda rng: g_chart(rng.geometric(0.02, POINTS) - 1, plan=frozen(49.0)),
    "t": lambda rng: t_chart(
        rng.exponential(30.0, POINTS), method=LimitMethod.EXACT, plan=frozen(30.0)
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_signals_come_as_often_as_foretold(name: str) -> None:
    chart = CHARTS[name](np.random.default_rng(20_261_123))
    outside = sum(bool(set(point.signals) - RUNS) for point in chart.points)
    decided = [p for p in chart.points if p.value != p.centre_line]
    runs = sum(has for has, _ in groupby(bool(RUNS & set(p.signals)) for p in decided))
    foretold = false_signals_per_point(chart)
    assert foretold is not None
    # Six standard errors of the count, which is nearly Poisson.
    room = 6 * np.sqrt(foretold / POINTS)
    assert (outside + runs) / POINTS == pytest.approx(foretold, abs=room)


def test_a_chart_without_limits_promises_nothing() -> None:
    assert false_signals_per_point(p_chart([1, 2, 1], [30, 30, 30])) is None


def test_moving_range_limits_are_taken_as_normal() -> None:
    chart = laney_p_chart([60, 80, 70, 90] * 5, [1000] * 20)
    assert false_signals_per_point(chart) == pytest.approx(0.0027 + 1 / 256, abs=1e-5)


def test_a_baseline_without_events_makes_no_false_signal() -> None:
    chart = p_chart([0] * 20, [100] * 20)
    assert false_signals_per_point(chart) == 0.0

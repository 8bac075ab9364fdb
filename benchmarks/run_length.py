"""How long charts stay quiet, and how soon they see a doubling: computed against simulated.

Run ``python -m benchmarks.run_length [runs]``. First the mean run lengths of the CUSUM by its
Markov chain and by simulation with a fixed seed; leaves with an error where they differ by more
than 3 %. Then, for the other charts, the share of charts with at least one false alarm although
nothing changed, and of those that see a doubling of the odds, by rule.
"""

from __future__ import annotations

import sys

import numpy as np

from registry.statistics.control_charts import ControlChart, Plan, Signal, g_chart, p_chart
from registry.statistics.cusum import average_run_length, scores

TOLERANCE = 0.03
SEED = 20261123
CHARTS = 400


def doubled(p: float) -> float:
    odds = 2.0 * p / (1.0 - p)
    return odds / (1.0 + odds)


def simulated(rng: np.random.Generator, p: float, true_p: float, limit: float, runs: int) -> float:
    """Mean run length, jumping from event to event by geometric gaps."""
    no_event, event = scores([0, 1], p)
    s, length, total = np.zeros(runs), np.zeros(runs), 0.0
    while s.size:
        gap = rng.geometric(true_p, s.size)
        s = np.maximum(0.0, s + (gap - 1) * no_event) + event
        length += gap
        signalled = s >= limit
        total += float(length[signalled].sum())
        s, length = s[~signalled], length[~signalled]
    return total / runs


def share_with(charts: list[ControlChart], first: int, *signals: Signal) -> float:
    """Share of charts in which a point from ``first`` on gives one of the signals."""
    return float(
        np.mean(
            [any(set(signals) & set(p.signals) for p in chart.points[first:]) for chart in charts]
        )
    )


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = np.random.default_rng(SEED)
    worst = 0.0
    print("CUSUM for a doubling: mean sessions to a signal, computed (simulated)")
    for p in (0.004, 0.02, 0.05):
        for limit in (2.0, 3.0, 4.5):
            line = []
            for name, odds_ratio, true_p in (
                ("in control", 1.0, p),
                ("doubled", 2.0, doubled(p)),
            ):
                computed = average_run_length(p, limit, true_odds_ratio=odds_ratio)
                seen = simulated(rng, p, true_p, limit, runs)
                worst = max(worst, abs(computed / seen - 1.0))
                line.append(f"{name} {computed:,.0f} ({seen:,.0f})")
            print(f"  p = {p:.1%}, h = {limit}: {'; '.join(line)}")
    print(f"largest difference {worst:.1%}: {'met' if worst <= TOLERANCE else 'MISSED'}")

    print(f"p-chart, limits from 24 months, 12 more watched: share of {CHARTS} charts that signal")
    for p, sessions in ((0.004, 250), (0.02, 100), (0.1, 100)):
        for name, later in (("unchanged", p), ("doubled", doubled(p))):
            charts = []
            for _ in range(CHARTS):
                rates = np.repeat([p, later], [24, 12])
                charts.append(
                    p_chart(rng.binomial(sessions, rates), [sessions] * 36, plan=Plan(baseline=24))
                )
            above = share_with(charts, 24, Signal.ABOVE_LIMIT)
            run = share_with(charts, 24, Signal.RUN_ABOVE)
            below = share_with(charts, 24, Signal.BELOW_LIMIT, Signal.RUN_BELOW)
            print(
                f"  p = {p:.1%}, {sessions} a month, {name}: above the limit {above:.1%}, "
                f"run above {run:.1%}, below {below:.1%}"
            )
    print(f"g-chart, limits from 20 gaps, 12 more watched: share of {CHARTS} charts that signal")
    for p in (0.004, 0.02):
        for name, later in (("unchanged", p), ("doubled", doubled(p))):
            charts = [
                g_chart(rng.geometric(np.repeat([p, later], [20, 12])) - 1, plan=Plan(baseline=20))
                for _ in range(CHARTS)
            ]
            point = share_with(charts, 20, Signal.BELOW_LIMIT)
            run = share_with(charts, 20, Signal.RUN_BELOW)
            better = share_with(charts, 20, Signal.ABOVE_LIMIT, Signal.RUN_ABOVE)
            print(
                f"  p = {p:.1%}, {name}: short gap {point:.1%}, run of short gaps {run:.1%}, "
                f"long gaps {better:.1%}"
            )
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())

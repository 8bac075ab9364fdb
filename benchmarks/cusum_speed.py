"""CUSUM, VLAD and its limits on a million sessions, beside the recursion written as a loop.

Run ``python -m benchmarks.cusum_speed [sessions]``. No library computes a risk-adjusted CUSUM, so
the peer is the printed recursion, session by session; both must give the same signals. Leaves with
an error when both arms together take a tenth of a second or longer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from registry.statistics.cusum import AfterSignal, cusum, design, scores, vlad

RUNS = 5
TARGET = 0.1
LIMIT = 4.5


def best_time(call: Callable[[], Any], runs: int = RUNS) -> tuple[float, Any]:
    best, result = np.inf, None
    for _ in range(runs):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


def recursion(weights: list[float]) -> list[int]:
    signals, s = [], 0.0
    for i, weight in enumerate(weights):
        s = max(0.0, s + weight)
        if s >= LIMIT:
            signals.append(i)
            s = 0.0
    return signals


def main() -> int:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(20261123)
    risk = rng.beta(1, 40, sessions)
    outcomes = rng.random(sessions) < risk
    limits = {"upper_limit": LIMIT, "lower_limit": LIMIT}
    loop, upper = best_time(lambda: recursion(scores(outcomes, risk).tolist()), 1)
    lower = recursion(scores(outcomes, risk, 0.5).tolist())
    slowest = 0.0
    for name, call in {
        "risk-adjusted, both arms": lambda: cusum(outcomes, risk, **limits),
        "one baseline, both arms": lambda: cusum(outcomes, 0.025, **limits),
        "never reset, both arms": lambda: cusum(
            outcomes, risk, after_signal=AfterSignal.CONTINUE, **limits
        ),
    }.items():
        taken, chart = best_time(call)
        slowest = max(slowest, taken)
        print(f"{name}: {taken * 1e3:.1f} ms; loop over sessions x {2 * loop / taken:.0f}")
        if name.startswith("risk") and (
            chart.upper_signals.tolist() != upper or chart.lower_signals.tolist() != lower
        ):
            print("signals differ from those of the recursion")
            return 1
    print(f"vlad: {best_time(lambda: vlad(outcomes, risk))[0] * 1e3:.1f} ms")
    taken, plan = best_time(lambda: design(risk[:5000], 1000))
    print(f"limit for 5,000 sessions' own risks: {taken * 1e3:.0f} ms, h = {plan.limit:.2f}")
    print(f"{'met' if slowest < TARGET else 'MISSED'}: {sessions:,} sessions under {TARGET} s")
    return 0 if slowest < TARGET or sessions > 1_000_000 else 1


if __name__ == "__main__":
    sys.exit(main())

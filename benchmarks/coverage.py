"""Coverage of the default intervals by simulation.

Run ``python -m benchmarks.coverage [replicates]``. Patients have 1 + Poisson(2) sessions and a rate
of their own from a beta distribution with the stated intraclass correlation. Printed per setting:
how often the true rate lies in the default interval of `clustered_proportion`, in the plain one
that takes sessions as independent, and, for one session per patient, in `proportion`. Without an
event the patient bound counts, as it is shown beside the session bound. Leaves with an error when a
default falls below the target.
"""

from __future__ import annotations

import sys

import numpy as np

from registry.statistics.clustering import clustered_proportion
from registry.statistics.proportions import proportion
from registry.statistics.result import Interval

TARGET = 0.93
LEVEL = 0.95


def holds(interval: Interval, truth: float) -> bool:
    if interval.lower is None or interval.upper is None:
        return False
    return interval.lower <= truth <= interval.upper


def clustered(
    rng: np.random.Generator, patients: int, rate: float, correlation: float, replicates: int
) -> tuple[float, float, float]:
    """Share covered by the default and by the plain interval, and mean number of events."""
    default = plain = events = 0
    shape = (1.0 - correlation) / correlation if correlation else 0.0
    for _ in range(replicates):
        sessions = 1 + rng.poisson(2, patients)
        own = rng.beta(rate * shape, (1.0 - rate) * shape, patients) if correlation else rate
        hit = rng.binomial(sessions, own)
        found = clustered_proportion(hit, sessions, level=LEVEL)
        interval = found.patient_bound or found.estimate.interval
        default += holds(interval, rate)
        plain += holds(proportion(int(hit.sum()), int(sessions.sum())).interval, rate)
        events += int(hit.sum())
    return default / replicates, plain / replicates, events / replicates


def independent(rng: np.random.Generator, n: int, rate: float, replicates: int) -> float:
    seen, times = np.unique(rng.binomial(n, rate, replicates), return_counts=True)
    covered = sum(
        count
        for x, count in zip(seen, times, strict=True)
        if holds(proportion(x, n).interval, rate)
    )
    return float(covered) / replicates


def main(replicates: int = 4_000) -> int:
    rng = np.random.default_rng(20_261_123)
    lowest = 1.0
    print(f"nominal {LEVEL}, {replicates:,} replicates, target {TARGET}")
    print("ICC   patients  rate    events  default  plain")
    for correlation in (0.0, 0.1, 0.3):
        for patients in (50, 100, 400, 1_000):
            for rate in (0.004, 0.02, 0.08, 0.2):
                default, plain, events = clustered(rng, patients, rate, correlation, replicates)
                lowest = min(lowest, default)
                print(
                    f"{correlation:<5} {patients:>8}  {rate:<6} {events:>7.1f}  {default:>7.3f}  "
                    f"{plain:.3f}"
                )
    print("one session per patient")
    for n in (20, 100, 1_000, 10_000):
        for rate in (0.001, 0.004, 0.02, 0.08, 0.2):
            share = independent(rng, n, rate, 50 * replicates)
            lowest = min(lowest, share)
            print(f"n {n:>6}  rate {rate:<6}  {share:.3f}")
    print(f"lowest coverage of a default: {lowest:.3f}")
    return 0 if lowest >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main(*(int(argument) for argument in sys.argv[1:2])))

from __future__ import annotations

import subprocess
import sys

MODULES = ["result", "proportions", "clustering", "rates", "comparisons"]
MODULES += ["survival", "competing_risks", "log_rank"]


def test_importing_loads_nothing_heavier_than_numpy_and_scipy_special():
    names = [f"registry.statistics.{module}" for module in MODULES]
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    assert set(names) <= set(loaded)
    assert not {"pandas", "scipy.stats", "scipy.optimize", "statsmodels"} & set(loaded)

"""What importing the statistics costs, module by module, each in an interpreter of its own.

Run ``python -m benchmarks.statistics_import``. Printed: the best processor time of several starts,
less that of an interpreter which imports numpy only. Processor time, because the elapsed time of a
fifth of a second is mostly that of the machine's other work. Leaves with an error when the package
takes 0.3 s or more, or a module takes that beyond numpy.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from benchmarks.validation import modules

STARTS = 5
TARGET = 0.3


def spent() -> float:
    """Processor seconds of all interpreters started so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cost(statement: str) -> float:
    """Least processor seconds of an interpreter that runs ``statement``."""
    best = float("inf")
    for _ in range(STARTS):
        before = spent()
        subprocess.run([sys.executable, "-c", statement], check=True)
        best = min(best, spent() - before)
    return best


def main() -> int:
    package, floor = cost("import registry.statistics"), cost("import numpy")
    print(f"registry.statistics: {package * 1e3:.0f} ms; numpy: {floor * 1e3:.0f} ms")
    special = cost("import scipy.special") - floor
    print(f"scipy.special, beyond numpy: {special * 1e3:.0f} ms")
    slowest = package
    for module in modules():
        # Modules without numpy come out below 0.
        extra = cost(f"import registry.statistics.{module}") - floor
        slowest = max(slowest, extra)
        print(f"  {module}, beyond numpy: {extra * 1e3:.0f} ms")
    print("met" if slowest < TARGET else "MISSED")
    return 0 if slowest < TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

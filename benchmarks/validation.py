"""Write ``docs/validation-statistics.md`` from what the tests of the statistics measure.

Run ``python -m benchmarks.validation``. It runs every test file that compares a method with an
oracle (``tests/agreement.py``) and writes the largest difference of each comparison beside its
tolerance. Leaves with an error, and the page as it was, when a test fails or a claim was not
measured.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

import registry.statistics
from tests import agreement
from tests.agreement import CLAIMS, SOURCES, WITHOUT_ORACLE

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "validation-statistics.md"
LIBRARIES = ("numpy", "scipy", "statsmodels", "lifelines")

INTRODUCTION = """# Validation of the statistics

Every public function of `registry/statistics` stands below: what defines it, an independent answer
that it was compared with, the largest difference that the tests saw, the tolerance they allow, and
why that one. Tests are in `tests/unit`, the comparisons of this page in `tests/agreement.py`.

The page is written by `python -m benchmarks.validation`, which runs those tests first. A test fails
when a function or a comparison is missing here. The differences vary in their last digits from
machine to machine; these are from {made}.

- *statsmodels*, *scipy* and *lifelines* are asked in the same test, but not where they are wrong:
  scipy's log-rank beyond half a million rows, lifelines' Aalen-Johansen.
- *R* (survival, cmprsk, Epi, MASS) computed `tests/oracles/r/output` from the data beside it by
  `Rscript tests/oracles/r/statistics.R DATA OUTPUT`; the test marked `r` runs it again.
- *printed* is a published table or example: the tolerance is half a unit of its last digit.
- *definition* is the formula written out in the test, slowly, independent of the code it checks.
- A tolerance marked *rel.* is relative to the oracle's value, or to {floor} where that is smaller.

Besides, whatever the numbers: intervals contain their estimate and stay in range; rows, counts by
day and any order of rows give the same; curves are flat at censorings; impossible counts raise.
"""
HEADER = (
    "| Method | Source | Compared with | Largest difference | Tolerance | Why |",
    "| --- | --- | --- | --- | --- | --- |",
)
DECISIONS = {
    "result": "No method: the shape of every result, and the sentence of each caution.",
    "display_rules": (
        "Decisions of this registry with their reasons; `tests/unit/test_display_rules.py` holds "
        "each threshold on both sides, and that no sentence names a cause."
    ),
}


def modules() -> dict[str, str]:
    """The modules of the package and what each is for, from its map."""
    return dict(re.findall(r"^``(\w+)``\s+(.+)$", registry.statistics.__doc__ or "", re.MULTILINE))


def functions(module: str) -> set[str]:
    """Public functions of a module as module.function, without those that only check input."""
    found = importlib.import_module(f"registry.statistics.{module}")
    return {
        f"{module}.{name}"
        for name, value in inspect.getmembers(found, inspect.isfunction)
        if value.__module__ == found.__name__
        and not name.startswith(("_", "checked_"))
        and f"{module}.{name}" not in agreement.INPUT
    }


def page(largest: Mapping[tuple[str, str], float]) -> str:
    """The whole page; a comparison without a difference shows a dash."""
    made = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    parts = [INTRODUCTION.format(made=made, floor=agreement.FLOOR)]
    for module, purpose in modules().items():
        parts.append(f"## `{module}`: {purpose}\n")
        if module in DECISIONS:
            parts.append(f"{DECISIONS[module]}\n")
            continue
        rows = [
            row(claim, largest.get((claim.method, claim.oracle)))
            for claim in CLAIMS.values()
            if claim.method.startswith(f"{module}.")
        ]
        if rows:
            parts.append("\n".join([*HEADER, *rows]) + "\n")
        others = [
            f"- `{name.split('.')[1]}`: {proof}"
            for name, proof in WITHOUT_ORACLE.items()
            if name.startswith(f"{module}.")
        ]
        if others:
            parts.append("\n".join(["Tested by example and property:\n", *others]) + "\n")
    return "\n".join(parts)


def row(claim: agreement.Claim, difference: float | None) -> str:
    """One line of a table."""
    tolerance = "none" if claim.tolerance == 0.0 else f"{claim.tolerance:.2g}"
    seen = "–" if difference is None else "0" if difference == 0.0 else f"{difference:.0e}"
    cells = (
        f"`{claim.method.split('.')[1]}`",
        SOURCES[claim.method],
        claim.oracle,
        seen,
        f"{tolerance} rel." if claim.relative else tolerance,
        claim.why,
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    files = [
        str(path)
        for path in sorted((ROOT / "tests" / "unit").glob("test_*.py"))
        if "from tests.agreement import agrees" in path.read_text(encoding="utf-8")
    ]
    code = pytest.main(["-q", "-n0", "-m", "not r", *files])
    if code:
        return int(code)
    unmeasured = CLAIMS.keys() - agreement.largest.keys()
    if unmeasured:
        print(f"not measured: {sorted(unmeasured)}")
        return 1
    PAGE.write_text(page(agreement.largest), encoding="utf-8")
    print(f"{len(CLAIMS)} comparisons written to {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

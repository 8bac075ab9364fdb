"""The validation page holds every method and every comparison that the tests make."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import validation
from tests import agreement
from tests.agreement import CLAIMS, SOURCES, WITHOUT_ORACLE, agrees

SEEN = re.compile(r"^(\| `[^|]*\|[^|]*\|[^|]*\|)([^|]*)(\|.*)$", re.MULTILINE)


def without_differences(page: str) -> list[str]:
    """Sections and rows of a page, the digits that vary from machine to machine left out."""
    plain = SEEN.sub(r"\1\3", page)
    return [line for line in plain.splitlines() if line.startswith(("## ", "| ", "- `"))]


def test_every_public_function_is_on_the_page():
    public = {name for module in validation.modules() for name in validation.functions(module)}
    decided = {name for name in public if name.split(".")[0] in validation.DECISIONS}
    assert public - decided == SOURCES.keys() | WITHOUT_ORACLE.keys()
    assert SOURCES.keys().isdisjoint(WITHOUT_ORACLE)
    assert {claim.method for claim in CLAIMS.values()} == SOURCES.keys()


def test_every_module_is_on_the_map():
    package = Path(validation.registry.statistics.__file__).parent
    found = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert found == validation.modules().keys()


def test_the_page_is_written_from_the_comparisons_of_today():
    stored = validation.PAGE.read_text(encoding="utf-8")
    expected = validation.page(dict.fromkeys(CLAIMS, 0.0))
    assert without_differences(stored) == without_differences(expected), (
        "run python -m benchmarks.validation"
    )
    seen = [difference.strip() for _, difference, _ in SEEN.findall(stored)]
    claims = [
        claim
        for module in validation.modules()
        for claim in CLAIMS.values()
        if claim.method.startswith(f"{module}.")
    ]
    assert len(claims) == len(CLAIMS)
    for difference, claim in zip(seen, claims, strict=True):
        # One digit is printed, rounded.
        assert float(difference) <= 1.5 * claim.tolerance


def test_every_comparison_is_made_by_a_test():
    constants = [
        {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        for path in Path(__file__).parent.glob("test_*.py")
        for tree in [ast.parse(path.read_text(encoding="utf-8"))]
    ]
    idle = [pair for pair in CLAIMS if not any(set(pair) <= each for each in constants)]
    assert idle == []


def test_a_difference_beyond_the_tolerance_fails(monkeypatch):
    monkeypatch.setattr(agreement, "largest", {})
    method = "cusum.vlad", "definition"
    agrees(*method, [0.1, np.nan, np.inf], [0.1 + 1e-13, None, np.inf])
    assert agreement.largest[method] == pytest.approx(1e-13, rel=0.1)
    for ours in ([0.2, np.nan, np.inf], [0.1, 0.0, np.inf], [0.1, np.nan, 5.0], [0.1]):
        with pytest.raises(AssertionError):
            agrees(*method, ours, [0.1, np.nan, np.inf])

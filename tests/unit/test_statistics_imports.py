from __future__ import annotations

import pkgutil
import subprocess
import sys

import registry.statistics

MODULES = [
    f"registry.statistics.{found.name}"
    for found in pkgutil.iter_modules(registry.statistics.__path__)
]


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_loads_nothing_heavier_than_numpy_and_scipy_special():
    loaded = loaded_by(f"import {', '.join(MODULES)}")
    assert set(MODULES) <= loaded
    assert not {"pandas", "scipy.stats", "scipy.optimize", "statsmodels"} & loaded


def test_the_rule_book_and_the_package_itself_load_no_library():
    loaded = loaded_by("import registry.statistics.display_rules")
    assert not {"numpy", "scipy"} & loaded
    assert len(MODULES) > 10

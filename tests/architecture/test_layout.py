"""Is everything where the tools look for it?"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; (.*?))?(?: \\)?$", re.MULTILINE)


def pins(lock: str) -> dict[tuple[str, str], str]:
    """Version of each package and platform marker in a lock."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {(name, marker): version for name, version, marker in PIN.findall(text)}


def test_every_package_folder_is_a_package() -> None:
    """Without ``__init__.py`` the import rules pass over a folder in silence."""
    folders = {
        path.parent for name in ("registry", "dashboard") for path in (ROOT / name).rglob("*.py")
    }
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_folder_is_named_so_that_streamlit_serves_it_without_the_gate() -> None:
    assert not (ROOT / "dashboard" / "pages").exists()


def test_every_view_stands_in_the_navigation() -> None:
    tree = ast.parse((ROOT / "dashboard" / "app.py").read_text(encoding="utf-8"))
    listed = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(".py")
    }
    views = {path.name for path in (ROOT / "dashboard" / "views").glob("*.py")}
    assert views - {"__init__.py"} == listed


def test_tests_have_names_of_their_own() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_test_command_runs_every_folder_of_tests() -> None:
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert {folder for folder in folders if f'"{folder}"' not in source} == set()


def test_locks_hold_no_address_and_a_checksum_for_everything() -> None:
    for lock in sorted(ROOT.glob("requirements*.lock")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert text.count("--hash=sha256:") >= len(pins(lock.name)), lock.name


def test_everything_that_the_project_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lock, needed in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", project["optional-dependencies"]["test"]),
    ):
        names = {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in needed}  # type: ignore[index]
        assert names - {name for name, _ in pins(lock)} == set(), lock


def test_tests_run_on_the_versions_that_users_get() -> None:
    runtime, development = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {key: development.get(key) for key in runtime} == runtime

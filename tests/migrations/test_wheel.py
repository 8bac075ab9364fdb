"""Does the built package hold everything it needs, outside this folder?"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("registry", "dashboard", "migrations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from a copy of the sources with the tools of the development lock."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--no-index", "-w", folder, source], check=True, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_data_file(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    kept = {".py", ".csv", ".txt", ".toml", ".mako", ".html", ".css", ".svg", ".woff2", ".typed"}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in SOURCES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and (path.suffix in kept or path.name == "py.typed")
    }
    assert wanted - held == set()
    assert {name.split("/")[0] for name in held if "dist-info" not in name} == set(SOURCES)


def test_the_demonstration_works_from_the_wheel_in_another_folder(
    wheel: Path, tmp_path: Path
) -> None:
    home, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    venv.create(home)
    python = home / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    # The libraries are those of this run; the registry itself comes from the wheel alone.
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    subprocess.run([*install, "--no-index", wheel], check=True, cwd=elsewhere)

    def run(*command: str | Path) -> str:
        return subprocess.run(
            command, check=True, cwd=elsewhere, env={}, capture_output=True, text=True
        ).stdout

    place = run(python, "-c", "import registry; print(registry.__file__)")
    assert Path(place.strip()).is_relative_to(packages)
    assert "sclero 0." in run(home / "bin" / "sclero", "--version")
    run(home / "bin" / "sclero", "demo", "--check")
    run(python, "-c", "import dashboard.server")
    assert list(elsewhere.iterdir()) == [], "a check leaves nothing behind"

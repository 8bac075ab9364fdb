"""Does the one command install exactly what is pinned, once, and say what is missing?"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Workshop:
    """``run.py`` in a folder of its own, with every program replaced by a note of its call."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run = loaded()
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.home = folder / ".venv"
        programs = self.home / "bin"
        for name, value in {
            "ROOT": folder,
            "HOME": self.home,
            "PROGRAMS": programs,
            "PYTHON": programs / "python",
        }.items():
            monkeypatch.setattr(self.run, name, value)
        for lock in LOCKS:
            (folder / lock).write_text(f"{lock}==1\n", encoding="utf-8")
        monkeypatch.setattr(self.run, "call", self.call)
        monkeypatch.setattr(self.run, "replace_by", self.call)
        monkeypatch.setattr(self.run.venv, "create", self.create)
        monkeypatch.setattr(self.run, "missing_tools", dict)
        monkeypatch.delenv("REGISTRY_REQUIRE", raising=False)

    def call(self, command: Sequence[str | Path], **_options: object) -> int:
        words = " ".join(str(word).replace(str(self.home), ".venv") for word in command)
        self.calls.append(words)
        return int(any(word in words for word in self.failing))

    def create(self, home: Path, **_options: object) -> None:
        self.calls.append("venv")
        (home / "bin").mkdir(parents=True, exist_ok=True)
        (home / "bin" / "python").touch()
        (home / "pyvenv.cfg").write_text(
            f"version = {sys.version_info[0]}.{sys.version_info[1]}.0\n", encoding="utf-8"
        )


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def test_an_old_python_is_told_what_is_needed() -> None:
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    head = source[: source.index("ROOT =")]
    old = SimpleNamespace(version_info=(3, 9, 0), exit=sys.exit)
    code = compile(head.replace("import sys\n", ""), "run.py", "exec")
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is Python 3\.9"):
        exec(code, {"sys": old})  # noqa: S102 - the very lines that an old Python runs first


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))
    imported = {
        (node.module or "").split(".")[0]
        if isinstance(node, ast.ImportFrom)
        else node.names[0].name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= sys.stdlib_module_names


def test_without_arguments_it_installs_and_opens_the_demonstration(workshop: Workshop) -> None:
    assert workshop.run.main([]) == 0
    made, pip, uv, demo = workshop.calls
    assert made == "venv"
    assert "--require-hashes" in pip
    assert "requirements-uv.lock" in pip
    assert "--require-hashes" in uv
    assert uv.endswith("requirements.lock")
    assert demo == ".venv/bin/python -m registry demo --serve --open"


def test_the_second_run_installs_nothing(workshop: Workshop) -> None:
    workshop.run.main([])
    workshop.calls.clear()
    workshop.run.main(["sclero", "report", "complications"])
    assert workshop.calls == [".venv/bin/python -m registry report complications"]


def test_what_serves_the_tests_serves_the_demonstration_too(workshop: Workshop) -> None:
    workshop.run.install("requirements-dev.lock")
    workshop.calls.clear()
    workshop.run.install("requirements.lock")
    assert workshop.calls == []


def test_a_changed_lock_is_installed_into_the_same_environment(workshop: Workshop) -> None:
    workshop.run.install("requirements-dev.lock")
    (workshop.run.ROOT / "requirements.lock").write_text("other==2\n", encoding="utf-8")
    workshop.calls.clear()
    workshop.run.install("requirements.lock")
    assert len(workshop.calls) == 2, "no new environment"
    workshop.calls.clear()
    workshop.run.install("requirements-dev.lock")
    assert len(workshop.calls) == 2, "the older lock may not have the new versions"


def test_an_environment_of_another_python_is_made_anew(workshop: Workshop) -> None:
    workshop.run.install("requirements.lock")
    (workshop.home / "pyvenv.cfg").write_text("version = 3.1.0\n", encoding="utf-8")
    (workshop.home / "installed-requirements.lock").write_text("older", encoding="utf-8")
    workshop.calls.clear()
    workshop.run.install("requirements.lock")
    assert workshop.calls[0] == "venv"


def test_pip_steps_in_where_uv_fails(workshop: Workshop) -> None:
    workshop.failing = {"/uv "}
    workshop.run.install("requirements.lock")
    assert "-m pip" in workshop.calls[-1]
    assert workshop.calls[-1].endswith("requirements.lock")
    assert (workshop.home / "installed-requirements.lock").exists()


def test_a_failed_installation_is_tried_again(workshop: Workshop) -> None:
    workshop.failing = {"install"}
    with pytest.raises(SystemExit, match="run the same command again"):
        workshop.run.install("requirements.lock")
    workshop.failing = set()
    workshop.calls.clear()
    workshop.run.install("requirements.lock")
    assert len(workshop.calls) == 2


def test_a_python_without_venv_is_told_what_to_install(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(home: Path, **_options: object) -> None:
        workshop.create(home)
        raise subprocess.CalledProcessError(1, "ensurepip")

    monkeypatch.setattr(workshop.run.venv, "create", fail)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        workshop.run.install("requirements.lock")
    assert not workshop.home.exists(), "half an environment would be taken for a whole one"


def test_every_check_runs_fastest_first_and_pytest_last(workshop: Workshop) -> None:
    assert workshop.run.main(["test"]) == 0
    programs = [re.split(r"[ /]", call.removeprefix(".venv/bin/"))[0] for call in workshop.calls]
    assert programs[-5:] == ["ruff", "ruff", "mypy", "lint-imports", "python"]
    assert "-m pytest" in workshop.calls[-1]


def test_a_failing_check_ends_the_run(workshop: Workshop) -> None:
    workshop.failing = {"mypy"}
    assert workshop.run.main(["test"]) == 1
    assert workshop.calls[-1].endswith("mypy")


def test_named_tests_run_alone(workshop: Workshop) -> None:
    assert workshop.run.main(["test", "-k", "wilson"]) == 0
    assert workshop.calls[-1].endswith("-m pytest -k wilson")
    assert not any("ruff" in call for call in workshop.calls)


def test_a_missing_tool_is_named_and_its_tests_left_out(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        workshop.run, "missing_tools", lambda: {"postgres": "Get it.", "r": "Get R."}
    )
    assert workshop.run.main(["test"]) == 0
    assert "-m not postgres and not r" in workshop.calls[-1]
    assert capsys.readouterr().out.count("Left out:") == 2
    monkeypatch.setenv("REGISTRY_REQUIRE", "r")
    assert workshop.run.main(["test"]) == 1
    monkeypatch.setenv("REGISTRY_REQUIRE", "browser")
    assert workshop.run.main(["test"]) == 0
    monkeypatch.setenv("REGISTRY_REQUIRE", "shoes")
    assert workshop.run.main(["test"]) == 2


def test_the_tools_of_this_machine_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run = loaded()
    monkeypatch.setattr(run.shutil, "which", lambda _name: None)
    monkeypatch.setattr(run.Path, "glob", lambda _folder, _pattern: iter(()))
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    assert set(run.missing_tools()) == {"postgres", "browser", "r"}
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://db")
    assert set(run.missing_tools()) == {"browser", "r"}


@pytest.mark.parametrize(("word", "code"), [("--help", 0), ("shoes", 2)])
def test_other_words_print_the_usage(
    word: str, code: int, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workshop.run.main([word]) == code
    assert "python run.py test" in capsys.readouterr().out


def test_programs_see_the_checkout_and_no_foreign_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = loaded().environment()
    assert "PYTHONHOME" not in environment
    assert environment["PYTHONPATH"] == str(ROOT)


def test_the_machine_script_is_whole_and_asks_for_every_suite() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "REGISTRY_REQUIRE=postgres,browser,r" in text
    assert text.rstrip().endswith("python3 run.py test")

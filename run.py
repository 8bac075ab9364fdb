"""Install and run the registry, with nothing but Python.

    python run.py                     install once, then open the demonstration
    python run.py sclero ARGS ...     any command of the registry, for example: sclero --help
    python run.py test                install the development tools, then run every check
    python run.py test ARGS ...       only the tests named to pytest, for example: test -k wilson

Everything is installed into the folder .venv beside this file, in exactly the versions and with the
checksums of requirements.lock. Delete that folder to start afresh.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the file is also read by the Python found first
    sys.exit(
        "The registry needs Python 3.11 or newer; this is Python {}.{}. Install a newer Python and "
        "start this file with it, for example: python3.11 run.py".format(*sys.version_info[:2])
    )

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
PROGRAMS = HOME / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
RUNTIME, DEVELOPMENT, UV = "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"

FAST_FIRST = ("architecture", "unit", "spec", "database", "migrations", "faults", "dashboard")
# By file, so that what a file prepares is made once, and in the order of the folders.
IN_TWO = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    if arguments[:1] == ["test"]:
        install(DEVELOPMENT)
        return test(arguments[1:])
    if arguments[:1] == ["sclero"]:
        install(RUNTIME)
        return replace_by([PYTHON, "-m", "registry", *arguments[1:]])
    if not arguments:
        install(RUNTIME)
        return replace_by([PYTHON, "-m", "registry", "demo", "--serve", "--open"])
    print(__doc__)
    return 0 if arguments[0] in ("-h", "--help", "help") else 2


def install(lock: str) -> None:
    """Make .venv hold what ``lock`` pins, unless it does already."""
    stamp = HOME / f"installed-{lock}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == digest(lock):
        return
    started = time.monotonic()
    print(f"Installing {lock} into .venv (once; about 30 seconds) ...", flush=True)
    make_environment()
    for old in HOME.glob("installed-*"):
        old.unlink()
    exact = ["--no-deps", "--require-hashes", "-r"]
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
        *exact,
    ]
    uv: list[str | Path] = [
        PROGRAMS / "uv",
        "pip",
        "install",
        "--python",
        PYTHON,
        "--compile-bytecode",
        *exact,
    ]
    # uv knows nothing of pip's settings, so behind a mirror that only pip knows it fails.
    if call([*pip, ROOT / UV], quiet=True) != 0 or call([*uv, ROOT / lock]) != 0:
        print("uv could not install; going on with pip (about a minute) ...", flush=True)
        if call([*pip, ROOT / lock]) != 0:
            sys.exit(
                "The packages could not be installed; the reason stands above. Check the network "
                "or pip's settings, and run the same command again."
            )
    # The development lock holds everything of the other one in the same versions.
    for name in {lock, RUNTIME}:
        (HOME / f"installed-{name}").write_text(digest(name))
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def digest(lock: str) -> str:
    """Tell apart what is installed by the pins and the Python they were installed for."""
    return hashlib.sha256((ROOT / lock).read_bytes() + sys.version.encode()).hexdigest()


def make_environment() -> None:
    """Make an empty .venv for this Python, unless there is one."""
    settings = HOME / "pyvenv.cfg"
    version = "version = {}.{}.".format(*sys.version_info[:2])
    if PYTHON.exists() and settings.exists() and version in settings.read_text():
        return
    try:
        venv.create(HOME, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(HOME, ignore_errors=True)
        sys.exit("Python lacks its module venv. On Debian and Ubuntu: apt install python3-venv")


def test(arguments: list[str]) -> int:
    """Run the checks, fastest first, or only pytest when ``arguments`` name tests."""
    left_out = missing_tools()
    required = {name for name in os.environ.get("REGISTRY_REQUIRE", "").split(",") if name}
    unknown = required - {"postgres", "browser", "r"}
    if unknown:
        print(f"REGISTRY_REQUIRE knows postgres, browser and r, not {', '.join(sorted(unknown))}.")
        return 2
    for name, remedy in left_out.items():
        print(f"Left out: the tests marked {name}. {remedy}", flush=True)
    if required & set(left_out):
        print("REGISTRY_REQUIRE asks for them, so nothing was run.")
        return 1
    pytest: list[str | Path] = [PYTHON, "-m", "pytest"]
    if left_out:
        pytest += ["-m", " and ".join(f"not {name}" for name in left_out)]
    if arguments:
        return replace_by([*pytest, *arguments])
    for program, *rest in CHECKS:
        started = time.monotonic()
        print(f"== {' '.join([program, *rest])}", flush=True)
        code = call([PROGRAMS / program, *rest])
        if code != 0:
            return code
        print(f"   {time.monotonic() - started:.0f} s", flush=True)
    folders = [f"tests/{name}" for name in (*FAST_FIRST, "browser")]
    print(f"== pytest {' '.join(folders)}", flush=True)
    return replace_by([*pytest, *IN_TWO, "--durations", "15", *folders])


def missing_tools() -> dict[str, str]:
    """Marker and remedy of each suite whose program is not on this machine."""
    missing = {}
    postgres = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    if not any(postgres) and not os.environ.get("TEST_POSTGRES_URL"):
        missing["postgres"] = "Install PostgreSQL 15 or newer (Debian: apt install postgresql)."
    if not shutil.which("chromium"):
        missing["browser"] = "Install Chromium (Debian: apt install chromium)."
    packages = "for (p in c('survival', 'cmprsk', 'Epi')) library(p, character.only = TRUE)"
    if not shutil.which("Rscript") or call(["Rscript", "-e", packages], quiet=True) != 0:
        missing["r"] = (
            "Install R with survival, cmprsk and Epi "
            "(Debian: apt install r-base-core r-cran-survival r-cran-cmprsk r-cran-epi)."
        )
    return missing


def environment() -> dict[str, str]:
    """This process's environment, with the registry's own modules first on the path."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def call(command: Sequence[str | Path], *, quiet: bool = False) -> int:
    """Run a program in the project's folder and return its exit code."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.call(command, cwd=ROOT, env=environment(), stdout=output, stderr=output)


def replace_by(command: Sequence[str | Path]) -> int:
    """Become ``command``, so that signals and the exit code are its own."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], [*map(str, command)], environment())  # noqa: S606
    process = subprocess.Popen(command, env=environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the program got it too and ends in its own time
            continue


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

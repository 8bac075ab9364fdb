"""Databases for the suites: a migrated SQLite file and a PostgreSQL server for the whole run."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.database import make_engine
from registry.operations import migration

hypothesis.settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None)
hypothesis.settings.register_profile("nightly", max_examples=5000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def postgres_programs() -> Path | None:
    """Folder of initdb and pg_ctl, or None."""
    for folder in (*map(Path, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)),):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite registry at the newest revision, to be copied, never written."""
    path = tmp_path_factory.mktemp("migrated") / "registry.sqlite"
    engine = make_engine(f"sqlite:///{path}")
    migration.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server of our own, without a database name."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/")
        return
    programs = postgres_programs()
    assert programs is not None, "no PostgreSQL programs found: install postgresql"
    # Directly under /tmp and owned by an ordinary account: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="registry-pg-", dir="/tmp"))
    account: dict[str, object] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
    run = {"cwd": "/", "check": True, "stdout": subprocess.DEVNULL, **account}
    data = folder / "data"
    settings = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"]
    subprocess.run([programs / "initdb", "-D", data, *settings], **run)  # type: ignore[call-overload]
    options = (
        f"-c fsync=off -c listen_addresses= -c unix_socket_directories={folder} "
        "-c log_error_verbosity=terse -c max_connections=200"
    )
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)  # type: ignore[call-overload]
    try:
        yield f"postgresql+psycopg://postgres@/{{name}}?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]
        shutil.rmtree(folder, ignore_errors=True)


def _administer(server: str, statement: str) -> None:
    engine = sa.create_engine(server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """Name of a PostgreSQL registry at the newest revision, used as a template."""
    name = f"registry_template_{os.getpid()}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    engine = make_engine(postgres_server.format(name=name))
    migration.upgrade(engine)
    engine.dispose()
    return name


_serial = iter(range(sys.maxsize))


@pytest.fixture
def sqlite_engine(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    """A fresh migrated registry in a SQLite file."""
    path = tmp_path / "registry.sqlite"
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(path)
    source.backup(copy)
    source.close()
    copy.close()
    engine = make_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_server: str, migrated_postgres: str) -> Iterator[Engine]:
    """A fresh migrated registry in PostgreSQL."""
    name = f"registry_{os.getpid()}_{next(_serial)}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated_postgres}")
    engine = make_engine(postgres_server.format(name=name))
    yield engine
    engine.dispose()
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A fresh migrated registry, once on each database."""
    return request.getfixturevalue(f"{request.param}_engine")  # type: ignore[no-any-return]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without any table, once on each database."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield engine
        engine.dispose()
        return
    server = request.getfixturevalue("postgres_server")
    name = f"empty_{os.getpid()}_{next(_serial)}"
    _administer(server, f"CREATE DATABASE {name}")
    engine = make_engine(server.format(name=name))
    yield engine
    engine.dispose()
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")

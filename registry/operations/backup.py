"""Copies of the database that are proved to be whole, each with a manifest beside it.

The manifest holds the copy's digest, so that damage shows, and the last seal, which is an anchor:
kept on another machine, it proves later that nothing was cut off or rewritten. A copy holds
everything the registry holds, names included, and is not encrypted: it belongs on an encrypted
disk, where only those may read it who may read the registry.
"""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection, Engine

from registry import __version__, audit
from registry.database import make_engine, sqlite_path, unavailable
from registry.errors import DatabaseUnavailable, UnreadableFile
from registry.operations.baseline import audited_tables

R = TypeVar("R")

MANIFEST_FORMAT: Final = 1
SUFFIXES: Final = {"sqlite": ".sqlite", "postgresql": ".dump"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy is: its digest, and the state of the registry that it holds."""

    database: str
    size: int
    sha256: str
    at: dt.datetime
    revision: str
    program_version: str
    seal: audit.Anchor | None
    rows: dict[str, int]

    def write(self, path: Path) -> None:
        """Store beside the copy."""
        content = {
            "format": MANIFEST_FORMAT,
            "database": self.database,
            "size": self.size,
            "sha256": self.sha256,
            "at": self.at.isoformat(),
            "revision": self.revision,
            "program_version": self.program_version,
            "seal": str(self.seal) if self.seal else None,
            "rows": self.rows,
        }
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest; raises :class:`UnreadableFile` when it is missing or something else."""
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] != MANIFEST_FORMAT:
                raise ValueError
            return cls(
                database=str(content["database"]),
                size=int(content["size"]),
                sha256=str(content["sha256"]),
                at=dt.datetime.fromisoformat(content["at"]),
                revision=str(content["revision"]),
                program_version=str(content["program_version"]),
                seal=audit.Anchor.parse(content["seal"]) if content["seal"] else None,
                rows={str(table): int(count) for table, count in content["rows"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UnreadableFile(
                f"{path.name}, the manifest of the copy, is missing or is not one that this "
                "program wrote. Nothing was changed. Put it beside the copy."
            ) from None


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Where the copy and its manifest are, and what the manifest says."""

    path: Path
    manifest_path: Path
    manifest: Manifest


def manifest_of(copy: Path) -> Path:
    """Where the manifest of a copy stands."""
    return copy.with_name(f"{copy.name}.json")


def backup(engine: Engine, target: Path, *, now: dt.datetime) -> BackupReport:
    """Copy the database while it is in use, check the copy, and write its manifest.

    ``target`` is a folder, in which the copy gets a name with the instant, or a file that does not
    exist yet. SQLite is copied with its online backup API, PostgreSQL with ``pg_dump -Fc``. Raises
    :class:`DatabaseUnavailable` when no whole copy can be made; then no file is left.
    """
    kind = engine.dialect.name
    if target.is_dir() or not target.suffix:
        stamp = now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        target = target / f"registry-{stamp}{SUFFIXES[kind]}"
    if target.exists() or manifest_of(target).exists():
        raise DatabaseUnavailable(
            f"{target} exists already, and a copy is never overwritten. Choose another name."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "sqlite":
            state = _copy_of_sqlite(engine, target)
        else:
            state = _dump_of_postgres(engine, target)
        manifest = Manifest(
            database=kind,
            size=target.stat().st_size,
            sha256=file_digest(target),
            at=now,
            program_version=__version__,
            **state,
        )
        manifest.write(manifest_of(target))
    except BaseException as error:
        with suppress(OSError):
            target.unlink(missing_ok=True)
            manifest_of(target).unlink(missing_ok=True)
        if isinstance(error, sa.exc.DBAPIError):
            raise unavailable(error) or error from None
        if isinstance(error, OSError):
            raise DatabaseUnavailable(
                f"The copy could not be written ({error.strerror}): check free space and rights "
                f"of {target.parent}. The database itself was not touched."
            ) from None
        raise
    return BackupReport(target, manifest_of(target), manifest)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_of(connection: Connection) -> dict[str, Any]:
    """Revision, last seal and row counts, as a manifest holds them."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        raise DatabaseUnavailable("The database holds no registry, so there is nothing to copy.")
    tables = [*audited_tables(connection), "change_set", "audit_row", "seal", "access_log"]
    return {
        "revision": revision,
        "seal": audit.last_seal(connection),
        "rows": {
            table: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table)))
            for table in sorted(tables)
        },
    }


# --- SQLite --------------------------------------------------------------------------------------


def copy_sqlite(engine: Engine, target: Path) -> None:
    """Copy a SQLite database with the online backup API and check the copy.

    Copying the file instead loses acknowledged rows while somebody writes. Raises
    :class:`DatabaseUnavailable` when the copy cannot be made or is not whole; no half copy is left.
    """
    source_path = sqlite_path(engine.url)
    if source_path is None:
        raise DatabaseUnavailable("Only a SQLite file can be copied; use pg_dump for PostgreSQL.")
    part = target.with_name(f"{target.name}.part")
    needed, free = source_path.stat().st_size, shutil.disk_usage(target.parent).free
    if free < needed:
        raise DatabaseUnavailable(
            f"The copy needs {needed >> 20} MiB and only {free >> 20} MiB are free in "
            f"{target.parent}. Nothing was changed. Free some space or choose another folder."
        )
    try:
        part.touch(mode=0o600)
        source = sqlite3.connect(f"{source_path.absolute().as_uri()}?mode=rw", uri=True)
        copy = sqlite3.connect(part)
        try:
            source.backup(copy, sleep=0.02)
            faults = damage(copy)
        finally:
            copy.close()
            source.close()
    except (sqlite3.Error, OSError) as error:
        for left in (part, part.with_name(f"{part.name}-journal")):
            left.unlink(missing_ok=True)
        raise DatabaseUnavailable(
            f"The copy could not be made ({type(error).__name__}): check free space and rights of "
            f"{target.parent}. The database itself was not touched."
        ) from None
    if faults:
        part.unlink()
        raise DatabaseUnavailable(
            f"The copy is not whole ({faults[0]}), so the database itself may be damaged. Run "
            "`sclero doctor`."
        )
    part.replace(target)


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's own checks find; empty when the file is sound."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    tables = sorted({str(row[0]) for row in broken})
    return [text for text in found if text != "ok"] + [
        f"broken references in {table}" for table in tables
    ]


def _copy_of_sqlite(engine: Engine, target: Path) -> dict[str, Any]:
    before = _read(engine.url, audit.last_seal)
    copy_sqlite(engine, target)
    state = _read(sa.make_url(f"sqlite:///{target}"), state_of)
    if before is not None and (state["seal"] is None or state["seal"].seq < before.seq):
        raise DatabaseUnavailable(
            "The copy ends before what was stored when it began. It was removed; copy again."
        )
    return state


def _read(url: sa.URL, question: Callable[[Connection], R]) -> R:
    """Ask a SQLite file without taking the lock of writers."""
    reader = make_engine(url, read_only=True)
    try:
        with reader.connect() as connection:
            answer = question(connection)
            connection.rollback()
            return answer
    finally:
        reader.dispose()


# --- PostgreSQL ----------------------------------------------------------------------------------


def _dump_of_postgres(engine: Engine, target: Path) -> dict[str, Any]:
    part = target.with_name(f"{target.name}.part")
    part.touch(mode=0o600)
    try:
        with engine.connect() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # The dump sees exactly the state that the manifest describes.
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            state = state_of(connection)
            run_postgres_program(
                engine,
                "pg_dump",
                ["--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={part}"],
            )
            connection.rollback()
        run_postgres_program(engine, "pg_restore", ["--list", str(part)], connected=False)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return state


def run_postgres_program(
    engine: Engine, name: str, arguments: Sequence[str], *, connected: bool = True
) -> None:
    """Run pg_dump or pg_restore against the database of ``engine``.

    The password travels in the environment, where other accounts of the machine cannot read it.
    Raises :class:`DatabaseUnavailable` when the program is absent or fails.
    """
    program = shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None
    )
    if program is None:
        raise DatabaseUnavailable(
            f"{name} is not installed, and PostgreSQL is copied with it. Install PostgreSQL's "
            "client programs (Debian: apt install postgresql-client). Nothing was changed."
        )
    environment = dict(os.environ)
    command = [program, *arguments]
    if connected:
        url = engine.url
        options = url.translate_connect_args(username="user", database="dbname") | dict(url.query)
        if password := options.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        conninfo = " ".join(f"{key}='{_quoted(value)}'" for key, value in options.items())
        command.append(f"--dbname={conninfo}")
    done = subprocess.run(  # noqa: S603 - a program found on this machine, no shell
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise DatabaseUnavailable(
            f"{name} failed: {said[:300]}. The registry itself was not touched."
        )


def _quoted(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace("'", "\\'")

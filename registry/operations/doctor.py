"""Is this installation fit to hold patients' records? Each answer says what to do."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from registry import audit
from registry.database import WAL_IS_SAFE_FROM, sqlite_path, unavailable
from registry.entry.photograph_content import digest_of
from registry.errors import UnreadableFile
from registry.operations.backup import Manifest
from registry.operations.migration import current_revision, head_revision
from registry.schema import ChangeSet, Photograph, PhotographContent

BACKUP_IS_OLD_AFTER: Final = dt.timedelta(days=2)
BACKUP_IS_TOO_OLD_AFTER: Final = dt.timedelta(days=14)
LITTLE_SPACE: Final = 1 << 30
TOO_LITTLE_SPACE: Final = 100 << 20
OLDEST_POSTGRES: Final = 15
PICTURES_AT_ONCE: Final = 20


class Level(StrEnum):
    """How much it matters."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at, what was found, and what to do about it."""

    level: Level
    subject: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.subject}: {self.found}. {self.advice}".rstrip()


def doctor(engine: Engine, *, now: dt.datetime, backups: Path | None = None) -> list[Diagnosis]:
    """Look at everything an installation depends on; never writes.

    ``backups`` is the folder of the copies, by default ``backups`` beside a SQLite file.
    """
    path = sqlite_path(engine.url)
    if path is not None:
        if not path.is_file():
            return [_no_file(path)]
        backups = backups or path.parent / "backups"
    try:
        with engine.connect() as connection:
            found = [Diagnosis(Level.OK, "database", "can be opened")]
            found += _schema(connection)
            if connection.dialect.name == "sqlite":
                found += _sqlite(connection)
            else:
                found += _postgres(connection)
            if found[1].level is not Level.FAIL:
                found += _trail(connection, now)
                found.append(_pictures(connection))
                found += _backups(connection, backups, now)
            connection.rollback()
    except sa.exc.DBAPIError as error:
        reason = unavailable(error)
        return [
            Diagnosis(
                Level.FAIL,
                "database",
                "cannot be read",
                str(reason) if reason else "Restore the last backup into another place.",
            )
        ]
    if path is not None:
        found.append(_space(path))
    return found


def _no_file(path: Path) -> Diagnosis:
    return Diagnosis(
        Level.FAIL,
        "database",
        f"there is no file {path}",
        "Run `sclero migrate` to make an empty registry, or `sclero restore` to put a copy back.",
    )


def _schema(connection: Connection) -> Iterator[Diagnosis]:
    revision, head = current_revision(connection), head_revision()
    if revision == head:
        yield Diagnosis(Level.OK, "schema", f"revision {revision}, as this program needs")
    elif revision is None:
        yield Diagnosis(Level.FAIL, "schema", "no registry is in it", "Run `sclero migrate`.")
    else:
        yield Diagnosis(
            Level.FAIL,
            "schema",
            f"revision {revision}, but this program needs {head}",
            "Run `sclero migrate`; it makes a backup first. If the revision is newer, install the "
            "newer program.",
        )


# --- SQLite --------------------------------------------------------------------------------------


def _sqlite(connection: Connection) -> Iterator[Diagnosis]:
    def pragma(name: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    version = sqlite3.sqlite_version
    journal = str(pragma("journal_mode"))
    safe = sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM
    if journal in ("memory", "off") or (journal == "wal" and not safe):
        yield Diagnosis(
            Level.FAIL,
            "journal",
            f"mode {journal} with SQLite {version} can lose or damage records",
            "Stop whatever set it, then open the registry with this program once.",
        )
    else:
        yield Diagnosis(Level.OK, "journal", f"mode {journal} with SQLite {version}")
    for name, wanted, meaning in (
        ("synchronous", (2, 3), "a saved record is on the disk"),
        ("foreign_keys", (1,), "references are kept"),
    ):
        if pragma(name) in wanted:
            yield Diagnosis(Level.OK, name, meaning)
        else:
            yield Diagnosis(
                Level.FAIL, name, f"off, so it is not sure that {meaning}", "Reinstall the program."
            )
    faults = [
        str(row[0])
        for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")
        if row[0] != "ok"
    ]
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    advice = "Stop the registry, keep the file, and restore the last backup (`sclero restore`)."
    if faults:
        yield Diagnosis(Level.FAIL, "file", f"damaged: {len(faults)} faults found", advice)
    else:
        yield Diagnosis(Level.OK, "file", "sound (integrity_check)")
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        yield Diagnosis(Level.FAIL, "references", f"{len(broken)} are broken, in {tables}", advice)
    else:
        yield Diagnosis(Level.OK, "references", "all are whole (foreign_key_check)")


def _space(path: Path) -> Diagnosis:
    free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    found = f"{free / (1 << 30):.1f} GiB free, database {size / (1 << 20):.1f} MiB"
    if free < TOO_LITTLE_SPACE + size:
        return Diagnosis(Level.FAIL, "disk", found, "Free some space now: saving will soon fail.")
    if free < LITTLE_SPACE + 2 * size:
        return Diagnosis(Level.WARN, "disk", found, "Free some space, or backups will fail.")
    return Diagnosis(Level.OK, "disk", found)


# --- PostgreSQL ----------------------------------------------------------------------------------


def _postgres(connection: Connection) -> Iterator[Diagnosis]:
    version = connection.dialect.server_version_info or (0,)
    shown = ".".join(map(str, version))
    if int(version[0]) < OLDEST_POSTGRES:
        yield Diagnosis(
            Level.FAIL, "server", f"PostgreSQL {shown}", f"Use {OLDEST_POSTGRES} or newer."
        )
    else:
        yield Diagnosis(Level.OK, "server", f"PostgreSQL {shown}")
    settings: dict[str, str] = dict(
        connection.exec_driver_sql(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', "
            "'full_page_writes', 'data_checksums', 'log_error_verbosity')"
        ).all()
    )
    for name, bad, level, meaning in (
        ("fsync", "off", Level.FAIL, "a crash can destroy the database"),
        ("synchronous_commit", "off", Level.FAIL, "a crash can lose records already confirmed"),
        ("full_page_writes", "off", Level.FAIL, "a crash can destroy the database"),
        ("data_checksums", "off", Level.WARN, "a decaying disk goes unnoticed"),
    ):
        if settings.get(name) == bad:
            yield Diagnosis(level, name, f"off: {meaning}", f"Turn {name} on in the server.")
        else:
            yield Diagnosis(Level.OK, name, str(settings.get(name)))
    if settings.get("log_error_verbosity") != "terse":
        yield Diagnosis(
            Level.WARN,
            "log_error_verbosity",
            "the server's log may hold values of patients' records",
            "Set it to terse in the server.",
        )
    if connection.exec_driver_sql(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).scalar():
        yield Diagnosis(
            Level.WARN,
            "role",
            "the registry connects as a superuser, who can switch the audit trail off",
            "Connect as a role that is not a superuser.",
        )


# --- trail and backups ---------------------------------------------------------------------------


def _trail(connection: Connection, now: dt.datetime) -> Iterator[Diagnosis]:
    faults = audit.trigger_faults(connection)
    if faults:
        names = ", ".join(f"{name} {fault}" for name, fault in list(faults.items())[:3])
        yield Diagnosis(
            Level.FAIL,
            "triggers",
            f"{len(faults)} are not as they should be ({names})",
            "Run `sclero audit verify`, then `sclero migrate`.",
        )
    else:
        yield Diagnosis(Level.OK, "triggers", "every table of records writes its audit trail")
    head = audit.last_seal(connection)
    last = connection.execute(sa.select(sa.func.max(ChangeSet.at))).scalar()
    if head is None or last is None:
        yield Diagnosis(Level.FAIL, "audit trail", "empty", "Run `sclero audit verify`.")
    elif last > now + dt.timedelta(minutes=5):
        yield Diagnosis(
            Level.WARN,
            "clock",
            f"the last change is dated {last:%Y-%m-%d %H:%M} UTC, which is still to come",
            "Set the clock of this machine.",
        )
    else:
        yield Diagnosis(Level.OK, "audit trail", f"last seal {head}, {last:%Y-%m-%d %H:%M} UTC")


def _pictures(connection: Connection) -> Diagnosis:
    """Pictures stand outside the trail; their digests, by which they are proved, stand in it."""
    in_use = {
        (row.clinic_id, row.content_digest)
        for row in connection.execute(
            sa.select(Photograph.clinic_id, Photograph.content_digest).where(
                Photograph.voided_at.is_(None)
            )
        )
    }
    kept, bad = 0, []
    with connection.execute(
        sa.select(PhotographContent.clinic_id, PhotographContent.digest, PhotographContent.content),
        execution_options={"yield_per": PICTURES_AT_ONCE},
    ) as rows:
        for clinic_id, digest, content in rows:
            if content is not None:
                kept += 1
                if digest_of(content) != digest:
                    bad.append(f"{digest[:12]} was changed")
            elif (clinic_id, digest) in in_use:
                bad.append(f"{digest[:12]} is missing")
    if not bad:
        return Diagnosis(Level.OK, "photographs", f"{kept} stored as their digests say")
    return Diagnosis(
        Level.FAIL,
        "photographs",
        f"{len(bad)} are not what was stored (digest {', '.join(bad[:3])})",
        "Take the picture from a backup made before, or withdraw the photograph.",
    )


def _backups(connection: Connection, folder: Path | None, now: dt.datetime) -> Iterator[Diagnosis]:
    advice = "Run `sclero backup`, every night if you can, and keep copies on another machine."
    if folder is None:
        yield Diagnosis(Level.WARN, "backup", "no folder was named to look in", advice)
        return
    manifests: list[Manifest] = []
    for path in sorted(folder.glob("*.json")):
        try:
            manifests.append(Manifest.read(path))
        except UnreadableFile:
            yield Diagnosis(Level.WARN, "backup", f"{path.name} is no manifest", "Look at it.")
    if not manifests:
        yield Diagnosis(Level.WARN, "backup", f"none in {folder}", advice)
        return
    newest = max(manifests, key=lambda manifest: manifest.at)
    age = now - newest.at
    level = (
        Level.OK
        if age <= BACKUP_IS_OLD_AFTER
        else Level.WARN
        if age <= BACKUP_IS_TOO_OLD_AFTER
        else Level.FAIL
    )
    hours = age.total_seconds() / 3600
    yield Diagnosis(
        level,
        "backup",
        f"the last of {len(manifests)} is {hours:.0f} hours old",
        "" if level is Level.OK else advice,
    )
    yield _anchors(connection, [manifest.seal for manifest in manifests if manifest.seal])


def _anchors(connection: Connection, anchors: list[audit.Anchor]) -> Diagnosis:
    stored = audit.SEAL
    missing = [
        anchor
        for anchor in anchors
        if connection.scalar(sa.select(stored.c.hash).where(stored.c.seq == anchor.seq))
        != anchor.hash
    ]
    if missing:
        return Diagnosis(
            Level.FAIL,
            "anchors",
            f"{len(missing)} of {len(anchors)} seals noted in backups are no longer in the trail, "
            f"first {missing[0]}",
            "Somebody cut or rewrote the trail, or an older copy was put back. Run "
            "`sclero audit verify --anchor` with that seal and keep the backups.",
        )
    return Diagnosis(Level.OK, "anchors", f"{len(anchors)} seals noted in backups are in the trail")


def is_fit(found: list[Diagnosis]) -> bool:
    """Whether nothing failed."""
    return all(diagnosis.level is not Level.FAIL for diagnosis in found)

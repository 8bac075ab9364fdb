"""Put a copy back, into a place that holds nothing yet, and prove what came back."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from registry import audit
from registry.database import make_engine, sqlite_path, unavailable
from registry.errors import DatabaseUnavailable, UnreadableFile
from registry.operations.audit_verification import Verification, verify
from registry.operations.backup import (
    Manifest,
    damage,
    file_digest,
    manifest_of,
    run_postgres_program,
    state_of,
)
from registry.operations.migration import command_line_actor, head_revision


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back and what was proved of it.

    The file had the digest of its manifest, and every table has as many rows as the manifest says;
    otherwise there is no report. ``verification`` says whether the audit trail is whole and holds
    the manifest's seal. ``is_current`` is false when the copy was made by an older version; then
    `sclero migrate` comes next.
    """

    manifest: Manifest
    verification: Verification
    is_current: bool

    def proved(self) -> list[str]:
        """Sentences about what was checked, for people."""
        rows = sum(self.manifest.rows.values())
        sentences = [
            f"The copy of {self.manifest.at:%Y-%m-%d %H:%M} UTC is unchanged: its SHA-256 is the "
            "one in its manifest.",
            f"All {rows:,} rows of {len(self.manifest.rows)} tables are back.",
        ]
        if self.verification.is_whole:
            sentences.append(
                f"The audit trail is whole, up to seal {self.manifest.seal}, and the tables are "
                "what it says."
            )
        else:
            sentences += [
                "The audit trail is NOT whole; it was not whole when the copy was made either:",
                *map(str, self.verification.findings),
            ]
        if not self.is_current:
            sentences.append("The copy is of an older version. Run `sclero migrate` next.")
        return sentences


def restore(copy: Path, target: str | URL) -> RestoreReport:
    """Put ``copy`` back at ``target``: a file that does not exist, or an empty PostgreSQL database.

    The restoring is written into the audit trail of what was restored. Raises
    :class:`UnreadableFile` when the copy or its manifest is not what was made, and
    :class:`DatabaseUnavailable` when the target holds anything; then nothing was changed.
    """
    manifest = Manifest.read(manifest_of(copy))
    if not copy.is_file():
        raise UnreadableFile(f"There is no copy at {copy}. Nothing was changed.")
    if copy.stat().st_size != manifest.size or file_digest(copy) != manifest.sha256:
        raise UnreadableFile(
            f"{copy.name} is not the file its manifest describes: it was damaged or altered. "
            "Nothing was restored. Use another copy."
        )
    engine = make_engine(target)
    try:
        if engine.dialect.name != manifest.database:
            raise DatabaseUnavailable(
                f"This is a copy of {manifest.database} and goes back into {manifest.database} "
                "only. To change the kind of database, export and import."
            )
        if manifest.database == "sqlite":
            _put_back_file(copy, engine)
        else:
            _put_back_dump(copy, engine)
        return _proved(engine, manifest)
    finally:
        engine.dispose()


def _put_back_file(copy: Path, engine: Engine) -> None:
    path = sqlite_path(engine.url)
    if path is None:
        raise DatabaseUnavailable("Name a file to restore into, for example data/registry.sqlite.")
    leftovers = [path.with_name(f"{path.name}{end}") for end in ("", "-journal", "-wal")]
    if any(file.exists() for file in leftovers):
        raise DatabaseUnavailable(
            f"{path} exists, and a registry is never overwritten. Nothing was changed. Move it "
            "away first (with its -journal or -wal file), or restore under another name."
        )
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch(mode=0o600)
        shutil.copyfile(copy, part)
        connection = sqlite3.connect(part)
        try:
            faults = damage(connection)
        finally:
            connection.close()
        if faults:
            raise UnreadableFile(
                f"The copy is damaged inside ({faults[0]}). Nothing was restored. Use another copy."
            )
        part.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseUnavailable(
            f"The copy could not be put back ({type(error).__name__}): check free space and rights "
            f"of {path.parent}. The copy itself is unchanged."
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _put_back_dump(copy: Path, engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            connection.rollback()
    except sa.exc.DBAPIError as error:
        raise unavailable(error) or error from None
    if tables:
        raise DatabaseUnavailable(
            "The database holds tables already, and a registry is never overwritten. Nothing was "
            "changed. Make an empty one (createdb NAME) and restore into it."
        )
    run_postgres_program(
        engine, "pg_restore", ["--no-owner", "--exit-on-error", "--single-transaction", str(copy)]
    )


def _proved(engine: Engine, manifest: Manifest) -> RestoreReport:
    with engine.connect() as connection:
        state = state_of(connection)
        connection.rollback()
    differing = sorted(
        table
        for table in state["rows"].keys() | manifest.rows.keys()
        if state["rows"].get(table) != manifest.rows.get(table)
    )
    if differing or (state["revision"], state["seal"]) != (manifest.revision, manifest.seal):
        raise DatabaseUnavailable(
            "What came back is not what the manifest says "
            f"({', '.join(differing) or 'revision or last seal'}). Do not use it; restore another "
            "copy into another place."
        )
    verification = verify(engine, manifest.seal)
    is_current = manifest.revision == head_revision()
    if is_current and verification.is_whole:
        cause = audit.Cause("restore_backup", reason_text=f"Copy of {manifest.at.isoformat()}")
        with audit.transaction(engine, command_line_actor(engine), cause):
            pass
    return RestoreReport(manifest, verification, is_current)

"""Bring a database to this program's version, and refuse to run on any other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from registry import access, audit
from registry.catalogue import catalogue
from registry.database import DbSession, sqlite_path
from registry.errors import DatabaseUnavailable
from registry.operations.backup import copy_sqlite
from registry.schema import (
    Anatomy,
    Base,
    Checklist,
    Clinic,
    Condition,
    EventTerm,
    InstrumentItem,
    Product,
    Scale,
    Sclerosant,
    UserAccount,
)

SYSTEM_USER_NAME = "system"


@dataclass(frozen=True, slots=True)
class Migration:
    """What :func:`upgrade` did: revision before and after, and the backup made first."""

    before: str | None
    after: str
    backup: Path | None


def configuration() -> Config:
    """Alembic's configuration, built from where the package is installed."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def current_revision(connection: Connection) -> str | None:
    """Revision of the database; None when it holds no registry."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Revision that this program needs."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert head is not None  # noqa: S101 - the package always ships revisions
    return head


def upgrade(engine: Engine, revision: str = "head", *, backup: bool = True) -> Migration:
    """Migrate, with a copy of a SQLite database made first; then bring the catalogue up to date.

    Raises :class:`DatabaseUnavailable` when the database is newer than the program, cannot be
    written, or does not keep its references after the change; then nothing was changed.
    """
    path = sqlite_path(engine.url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    copy = None
    with _connected(engine) as connection:
        before = current_revision(connection)
        _refuse_newer(before)
        connection.rollback()
        target = head_revision() if revision == "head" else revision
        if before != target:
            if backup and before is not None and path is not None:
                stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
                copy = path.with_name(f"{path.stem}-before-{target}-{stamp}{path.suffix}")
                copy_sqlite(engine, copy)
            _run(connection, command.upgrade, revision)
    if revision == "head":
        _restore_triggers(engine)
        store_catalogue(engine)
    return Migration(before, target, copy)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to an earlier revision."""
    with _connected(engine) as connection:
        _run(connection, command.downgrade, revision)


def require_current(engine: Engine) -> None:
    """Raise unless the database is there, at this program's revision, with its triggers whole."""
    path = sqlite_path(engine.url)
    if path is not None and not path.exists():
        raise DatabaseUnavailable(
            f"There is no registry at {path}. Run `sclero migrate` to make an empty one, or check "
            "REGISTRY_DATABASE_URL."
        )
    with _connected(engine) as connection:
        found = current_revision(connection)
        _refuse_newer(found)
        if found != head_revision():
            raise DatabaseUnavailable(
                "The database was made by an older version. Run `sclero migrate`; it makes a "
                "backup first."
                if found
                else "The database holds no registry. Run `sclero migrate` to make one."
            )
        audit.check_triggers(connection)


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        raise DatabaseUnavailable(
            f"The database cannot be opened ({type(error.orig).__name__}). Check that the folder "
            "exists and may be written, or that the server is running."
        ) from None


def _refuse_newer(found: str | None) -> None:
    known = {
        script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()
    }
    if found is not None and found not in known:
        raise DatabaseUnavailable(
            f"The database is at revision {found}, which this program does not know: it was made "
            "by a newer version. Install that version; nothing was changed."
        )


def _run(connection: Connection, step: Any, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # Off outside the transaction, or batch mode deletes the children of a rebuilt table.
        _pragma(connection, "foreign_keys=OFF")
    try:
        step(config, revision)
        if is_sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise DatabaseUnavailable(
                    f"{len(broken)} references are broken after the migration. Restore the backup "
                    "that was made before it."
                )
        connection.commit()
    finally:
        connection.rollback()
        if is_sqlite:
            _pragma(connection, "foreign_keys=ON")


def _pragma(connection: Connection, setting: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - a checked-out connection has a driver connection
    driver.execute(f"PRAGMA {setting}")


def _restore_triggers(engine: Engine) -> None:
    with engine.begin() as connection:
        audit.install_triggers(connection)


def store_catalogue(engine: Engine) -> None:
    """Bring the codes that records refer to, and the account "system", up to date."""
    with DbSession(engine) as db:
        system_id = db.scalar(
            sa.select(UserAccount.id).where(UserAccount.user_name == SYSTEM_USER_NAME)
        )
        wanted = _catalogue_rows()
        changed = [row for row in wanted if _differs(db, row)]
        db.rollback()
    if system_id is not None and not changed:
        return
    by = None if system_id is None else access.operator(system_id, ())
    with audit.transaction(engine, by, audit.Cause("store_catalogue")) as db:
        if system_id is None:
            db.add(
                UserAccount(
                    user_name=SYSTEM_USER_NAME,
                    display_name="Command line",
                    password_hash=None,
                    is_disabled=True,
                    created_at=dt.datetime.now(dt.UTC),
                )
            )
        for row in changed:
            db.merge(row)


def _differs(db: DbSession, row: Base) -> bool:
    mapper = sa.inspect(type(row))
    stored = db.get(type(row), mapper.primary_key_from_instance(row))
    return stored is None or any(
        getattr(stored, column.key) != getattr(row, column.key) for column in mapper.columns
    )


def _catalogue_rows() -> list[Base]:
    rows = catalogue()
    return [
        *(Sclerosant(code=row.code, label=row.label) for row in rows.sclerosants.values()),
        *(
            Product(code=row.code, label=row.label, sclerosant_code=row.sclerosant_code)
            for row in rows.products.values()
        ),
        *(EventTerm(code=row.code, label=row.label) for row in rows.event_terms.values()),
        *(Anatomy(code=row.code, label=row.label) for row in rows.anatomy.values()),
        *(Scale(code=row.code, label=row.label) for row in rows.scales.values()),
        *(
            Checklist(code=row.code, version=row.version, label=row.label)
            for row in rows.checklist_versions.values()
        ),
        *(Condition(code=row.code, label=row.label) for row in rows.conditions.values()),
        *(InstrumentItem(code=row.code, label=row.label) for row in rows.instrument_items.values()),
    ]


def command_line_actor(engine: Engine) -> access.Actor:
    """The actor of the command line, with every right in every clinic."""
    with DbSession(engine) as db:
        user_id = db.scalar(
            sa.select(UserAccount.id).where(UserAccount.user_name == SYSTEM_USER_NAME)
        )
        clinics = list(db.scalars(sa.select(Clinic.id)))
        db.rollback()
    if user_id is None:
        raise DatabaseUnavailable("The database holds no registry. Run `sclero migrate`.")
    return access.operator(user_id, clinics)

"""The audit trail: no change without a change set, every changed row written down by a trigger.

A writing transaction opens a change set (who, why, on whose request), the triggers write one
``audit_row`` for each row that really changed, and a seal chains the whole before the commit.
``audit_triggers`` makes the triggers; a migration alters tables inside :func:`altering_tables`.

Values of ``patient_identity`` enter the trail as salted digests: the trail proves that a name
changed, when and by whom, and erasing the row erases the name everywhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from registry import __version__
from registry.access import Actor
from registry.audit_triggers import (
    DIGESTED,
    UNAUDITED,
    WITHHELD,
    altering_tables,
    check_triggers,
    install_triggers,
    remove_triggers,
    trigger_faults,
)
from registry.database import Base, DbSession, unavailable
from registry.errors import Conflict, RegistryError
from registry.messages import message
from registry.schema.audit import AuditRow, ChangeSet, Seal

__all__ = [
    "ACTOR_KEY",
    "AUDIT_ROW",
    "CHANGE_SET",
    "DIGESTED",
    "GENESIS",
    "SEAL",
    "UNAUDITED",
    "WITHHELD",
    "AlreadyRecorded",
    "Anchor",
    "Cause",
    "altering_tables",
    "check_triggers",
    "head",
    "install_triggers",
    "last_seal",
    "link",
    "open_change_set",
    "remove_triggers",
    "request_key",
    "seal",
    "seal_hash",
    "transaction",
    "trigger_faults",
]

ACTOR_KEY: Final = "change_set_id"
GENESIS: Final = "0" * 64


def _untyped(model: type[Base]) -> sa.TableClause:
    names = [column.name for column in model.__table__.columns]
    return sa.table(model.__tablename__, *map(sa.column, names))


# Without types: a value that a tamperer left unreadable must fail its seal, not the reading.
CHANGE_SET: Final = _untyped(ChangeSet)
AUDIT_ROW: Final = _untyped(AuditRow)
SEAL: Final = _untyped(Seal)
_SEAL_LOCK: Final = 7_230_501
_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class AlreadyRecorded(RegistryError):
    """The same request was carried out before; ``at`` says when."""

    def __init__(self, at: dt.datetime) -> None:
        """Say when the request was first carried out."""
        self.at = at
        super().__init__(message("This was already saved; nothing was stored twice."))


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a transaction writes: the use case, the request and, for changes, the reason."""

    action: str
    clinic_id: int | None = None
    request_key: UUID | None = None
    reason: str | None = None
    reason_text: str | None = None


@contextmanager
def transaction(
    engine: Engine, by: Actor | None, cause: Cause, *, now: dt.datetime | None = None
) -> Iterator[DbSession]:
    """One use case, one transaction, one change set, one seal; all of it or nothing.

    ``by`` is None only while the account "system" does not exist yet. Raises
    :class:`AlreadyRecorded` when ``cause.request_key`` was used before and
    :class:`DatabaseUnavailable` when the database cannot take the change.
    """
    try:
        with DbSession(engine) as db, db.begin():
            connection = db.connection()
            # Held here: a connection that was lost no longer gives its info away.
            info = connection.info
            try:
                open_change_set(connection, by, cause, now=now)
                yield db
                db.flush()
                seal(connection)
            finally:
                info.pop(ACTOR_KEY, None)
    except sa.exc.DBAPIError as error:
        reason = unavailable(error)
        if reason is None:
            raise
        raise reason from None


def open_change_set(
    connection: Connection, by: Actor | None, cause: Cause, *, now: dt.datetime | None = None
) -> int:
    """Insert the change set and let the triggers of this transaction know it."""
    is_postgres = connection.dialect.name == "postgresql"
    # One statement, so that of two requests with the same key the second waits for the first.
    inserted = connection.execute(
        (postgresql.insert(ChangeSet) if is_postgres else sqlite.insert(ChangeSet))
        .values(
            at=now or dt.datetime.now(dt.UTC),
            actor_id=by.user_id if by else None,
            clinic_id=cause.clinic_id,
            origin=by.origin if by else "migration",
            action=cause.action,
            reason=cause.reason,
            reason_text=cause.reason_text,
            request_key=cause.request_key,
            program_version=__version__,
        )
        .on_conflict_do_nothing(index_elements=[ChangeSet.request_key])
        .returning(ChangeSet.id)
    ).scalar()
    if inserted is None:
        earlier = connection.execute(
            sa.select(ChangeSet.at, ChangeSet.action, ChangeSet.clinic_id).where(
                ChangeSet.request_key == cause.request_key
            )
        ).one()
        if (earlier.action, earlier.clinic_id) != (cause.action, cause.clinic_id):
            raise Conflict(
                message(
                    "This form was used for something else before. Nothing was stored: open a new "
                    "one."
                )
            )
        raise AlreadyRecorded(earlier.at)
    change_set_id = int(inserted)
    connection.info[ACTOR_KEY] = change_set_id
    if is_postgres:
        # Local to the transaction: a value set for the session would leak through the pool.
        connection.execute(
            sa.select(sa.func.set_config("registry.change_set", str(change_set_id), True))
        )
    return change_set_id


def seal(connection: Connection, *, baseline: str | None = None) -> int:
    """Chain the open change set to the last seal; returns the new seal's number.

    On PostgreSQL a lock is held from here to the commit, so seals are in the order of commits and
    have no gaps; on SQLite the write lock does the same.
    """
    change_set_id = connection.info[ACTOR_KEY]
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SEAL_LOCK)))
    last = last_seal(connection)
    seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
    connection.execute(
        sa.insert(Seal).values(
            seq=seq,
            change_set_id=change_set_id,
            previous_hash=previous,
            hash=seal_hash(connection, change_set_id, previous, baseline),
            baseline=baseline,
        )
    )
    return seq


def seal_hash(
    connection: Connection, change_set_id: int, previous: str, baseline: str | None
) -> str:
    """Hash that seals a stored change set after the seal with the hash ``previous``."""
    change_set = connection.execute(
        sa.select(CHANGE_SET).where(CHANGE_SET.c.id == change_set_id)
    ).one()
    with connection.execute(
        sa.select(AUDIT_ROW)
        .where(AUDIT_ROW.c.change_set_id == change_set_id)
        .order_by(AUDIT_ROW.c.id),
        execution_options={"yield_per": 5_000},
    ) as rows:
        return link(previous, change_set, rows, baseline)


def link(
    previous: str,
    change_set: Iterable[Any],
    audit_rows: Iterable[Iterable[Any]],
    baseline: str | None,
) -> str:
    """SHA-256 over the previous hash, the change set, its audit rows in order and the baseline.

    Rows hold the values as the driver gives them, in the order of the model's columns.
    """
    digest = hashlib.sha256(str(previous).encode())
    digest.update(_canonical(change_set))
    for row in audit_rows:
        digest.update(_canonical(row))
    digest.update(str(baseline or "").encode())
    return digest.hexdigest()


def _canonical(row: Iterable[Any]) -> bytes:
    values = [
        value.astimezone(dt.UTC).isoformat()
        if isinstance(value, dt.datetime)
        else value
        if value is None
        else str(value)
        for value in row
    ]
    return _to_json(values).encode() + b"\n"


def head(connection: Connection | DbSession) -> int:
    """Number of the last seal: the version of the data. 0 when nothing was ever stored."""
    return int(connection.execute(sa.select(sa.func.max(Seal.seq))).scalar() or 0)


class Anchor(NamedTuple):
    """A seal as it was noted outside the database: whoever cuts or rewrites the trail breaks it."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Read ``NUMBER:HASH``; raises :class:`RegistryError` when it is something else."""
        found = re.fullmatch(r"\s*([0-9]{1,18}):([0-9a-f]{64})\s*", text)
        if found is None:
            raise RegistryError(
                message(
                    "This is no anchor. Write the number of a seal, a colon and its 64 characters, "
                    "as the manifest of a backup has them."
                )
            )
        return cls(int(found[1]), found[2])


def last_seal(connection: Connection | DbSession) -> Anchor | None:
    """The newest seal, to be noted outside the database; None when there is none."""
    row = connection.execute(
        sa.select(Seal.seq, Seal.hash).order_by(Seal.seq.desc()).limit(1)
    ).first()
    return Anchor(row.seq, row.hash) if row else None


def request_key() -> UUID:
    """A new key for one request, made when a form is opened."""
    return UUID(bytes=secrets.token_bytes(16), version=4)

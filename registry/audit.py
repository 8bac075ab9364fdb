"""The audit trail: no change without a change set, every changed row written down by a trigger.

A writing transaction opens a change set (who, why, on whose request), the triggers write one
``audit_row`` for each row that really changed, and a seal chains the whole before the commit. The
triggers are made from the tables as they are in the database, so no table can be forgotten; a
migration alters tables inside :func:`altering_tables`.

Values of ``patient_identity`` enter the trail as salted digests: the trail proves that a name
changed, when and by whom, and erasing the row erases the name everywhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from registry import __version__
from registry.access import Actor
from registry.database import DbSession
from registry.errors import RegistryError, Unfit
from registry.schema.audit import AuditRow, ChangeSet, Seal

ACTOR_KEY: Final = "change_set_id"
UNAUDITED: Final = frozenset(
    # The trail itself, sign-ins (technical) and the log of accesses, which are append-only.
    {"alembic_version", "change_set", "audit_row", "seal", "sign_in", "access_log"}
)
APPEND_ONLY: Final = ("change_set", "audit_row", "seal", "access_log")
WITHHELD: Final = {"user_account": ("password_hash",), "patient_identity": ("salt",)}
DIGESTED: Final = {
    "patient_identity": ("family_name", "given_name", "birth_date", "hospital_number")
}
GENESIS: Final = "0" * 64
_SEAL_LOCK: Final = 7_230_501


class AlreadyRecorded(RegistryError):
    """The same request was carried out before; ``at`` says when."""

    def __init__(self, at: dt.datetime) -> None:
        """Say when the request was first carried out."""
        self.at = at
        super().__init__("This was already saved; nothing was stored twice.")


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
    :class:`AlreadyRecorded` when ``cause.request_key`` was used before.
    """
    with DbSession(engine) as db, db.begin():
        connection = db.connection()
        try:
            open_change_set(connection, by, cause, now=now)
            yield db
            db.flush()
            seal(connection)
        finally:
            connection.info.pop(ACTOR_KEY, None)


def open_change_set(
    connection: Connection, by: Actor | None, cause: Cause, *, now: dt.datetime | None = None
) -> int:
    """Insert the change set and let the triggers of this transaction know it."""
    if cause.request_key is not None:
        earlier = connection.execute(
            sa.select(ChangeSet.at).where(ChangeSet.request_key == cause.request_key)
        ).scalar()
        if earlier is not None:
            raise AlreadyRecorded(earlier)
    inserted = connection.execute(
        sa.insert(ChangeSet)
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
        .returning(ChangeSet.id)
    )
    change_set_id = int(inserted.scalar_one())
    connection.info[ACTOR_KEY] = change_set_id
    if connection.dialect.name == "postgresql":
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
    last = connection.execute(
        sa.select(Seal.seq, Seal.hash).order_by(Seal.seq.desc()).limit(1)
    ).first()
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
    """SHA-256 over the previous hash, the change set, its audit rows in order and the baseline."""
    change_set = connection.execute(
        sa.select(ChangeSet.__table__).where(ChangeSet.id == change_set_id)
    ).one()
    rows = connection.execute(
        sa.select(AuditRow.__table__)
        .where(AuditRow.change_set_id == change_set_id)
        .order_by(AuditRow.id)
    )
    digest = hashlib.sha256(previous.encode())
    digest.update(_canonical(change_set))
    for row in rows:
        digest.update(_canonical(row))
    digest.update((baseline or "").encode())
    return digest.hexdigest()


def _canonical(row: sa.Row[Any]) -> bytes:
    values = [
        value.isoformat()
        if isinstance(value, dt.datetime)
        else value
        if value is None
        else str(value)
        for value in row
    ]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def head(connection: Connection | DbSession) -> int:
    """Number of the last seal: the version of the data. 0 when nothing was ever stored."""
    return int(connection.execute(sa.select(sa.func.max(Seal.seq))).scalar() or 0)


def request_key() -> UUID:
    """A new key for one request, made when a form is opened."""
    return UUID(bytes=secrets.token_bytes(16), version=4)


# --- triggers ------------------------------------------------------------------------------------


def install_triggers(connection: Connection) -> None:
    """(Re)make every trigger from the tables as they are now."""
    remove_triggers(connection)
    if connection.dialect.name == "postgresql":
        for name, body in _POSTGRES_FUNCTIONS.items():
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                f"SECURITY INVOKER AS $registry${body}$registry$"
            )
    for statement in _wanted(connection).values():
        connection.exec_driver_sql(statement)


def remove_triggers(connection: Connection) -> None:
    """Drop every trigger of the audit trail; only inside :func:`altering_tables`."""
    for name, table in _existing(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f'DROP TRIGGER "{name}" ON "{table}"')
        else:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


@contextmanager
def altering_tables(connection: Connection) -> Iterator[None]:
    """Alter tables with the triggers away, and put them back made from the new tables.

    SQLite's batch mode drops triggers in silence, DROP COLUMN fails under them and RENAME leaves
    them writing old names; so no revision alters a table outside this.
    """
    remove_triggers(connection)
    yield
    install_triggers(connection)


def check_triggers(connection: Connection) -> None:
    """Raise :class:`Unfit` unless every audited table carries exactly the trigger it should."""
    wanted = _wanted(connection)
    if connection.dialect.name == "postgresql":
        sources = dict(
            connection.exec_driver_sql(
                "SELECT proname, prosrc FROM pg_proc "
                "WHERE pronamespace = current_schema()::regnamespace"
            ).all()
        )
        functions_are_ours = all(
            sources.get(name) == body for name, body in _POSTGRES_FUNCTIONS.items()
        )
        enabled = _existing(connection, enabled_only=True) if functions_are_ours else []
        present = {name: wanted.get(name) for name, _ in enabled}
    else:
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        )
        present = {str(name): str(statement) for name, statement in rows}
    faulty = sorted(name for name, text in wanted.items() if present.get(name) != text)
    if faulty:
        raise Unfit(
            f"The audit trail is not whole: {len(faulty)} of {len(wanted)} triggers are missing or "
            f"altered ({', '.join(faulty[:3])}{', ...' if len(faulty) > 3 else ''}). Nothing is "
            "written in this state. Restore the last backup, or run `sclero audit verify` to see "
            "what was changed meanwhile and `sclero migrate` to put the triggers back."
        )


def _existing(connection: Connection, *, enabled_only: bool = False) -> list[tuple[str, str]]:
    if connection.dialect.name == "postgresql":
        statement = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE NOT t.tgisinternal AND n.nspname = current_schema() "
            "AND (t.tgname LIKE 'audit\\_%%' OR t.tgname LIKE 'keep\\_%%')"
        )
        if enabled_only:
            statement += " AND t.tgenabled = 'O'"
    else:
        statement = (
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' "
            "AND (name LIKE 'audit\\_%' ESCAPE '\\' OR name LIKE 'keep\\_%' ESCAPE '\\')"
        )
    return [(str(name), str(table)) for name, table in connection.exec_driver_sql(statement)]


def _wanted(connection: Connection) -> dict[str, str]:
    inspector = sa.inspect(connection)
    tables = sorted(inspector.get_table_names())
    wanted: dict[str, str] = {}
    for table in tables:
        if table in UNAUDITED:
            continue
        columns = [str(column["name"]) for column in inspector.get_columns(table)]
        keys = [str(key) for key in inspector.get_pk_constraint(table)["constrained_columns"]]
        if connection.dialect.name == "postgresql":
            wanted |= _postgres_trigger(table, keys)
        else:
            wanted |= _sqlite_triggers(table, columns, keys)
    for table in APPEND_ONLY:
        if table in tables:
            wanted |= _append_only(connection.dialect.name, table)
    return wanted


def _append_only(dialect: str, table: str) -> dict[str, str]:
    if dialect == "postgresql":
        return {
            f"keep_{table}": f'CREATE TRIGGER "keep_{table}" BEFORE UPDATE OR DELETE ON "{table}" '
            "FOR EACH ROW EXECUTE FUNCTION registry_keep()",
            f"keep_{table}_whole": f'CREATE TRIGGER "keep_{table}_whole" BEFORE TRUNCATE ON '
            f'"{table}" FOR EACH STATEMENT EXECUTE FUNCTION registry_keep()',
        }
    return {
        f"keep_{table}_{operation}": f'CREATE TRIGGER "keep_{table}_{operation}" BEFORE '
        f'{operation.upper()} ON "{table}" BEGIN '
        "SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
        for operation in ("update", "delete")
    }


def _sqlite_triggers(table: str, columns: list[str], keys: list[str]) -> dict[str, str]:
    def row(side: str) -> str:
        parts = ", ".join(f"'{name}', {_sqlite_value(table, name, side)}" for name in columns)
        return f"json_object({parts})"

    changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in columns)
    triggers: dict[str, str] = {}
    for operation, old, new in (
        ("insert", "NULL", row("NEW")),
        ("update", row("OLD"), row("NEW")),
        ("delete", row("OLD"), "NULL"),
    ):
        side = "OLD" if operation == "delete" else "NEW"
        key = ", ".join(f'{side}."{name}"' for name in keys)
        condition = f"WHEN {changed} " if operation == "update" else ""
        triggers[f"audit_{table}_{operation}"] = (
            f'CREATE TRIGGER "audit_{table}_{operation}" AFTER {operation.upper()} ON "{table}" '
            f"{condition}BEGIN "
            "SELECT RAISE(ABORT, 'no change set: use the registry to write') "
            "WHERE registry_change_set() IS NULL; "
            "INSERT INTO audit_row "
            "(change_set_id, table_name, row_key, operation, old_values, new_values) "
            f"VALUES (registry_change_set(), '{table}', json_array({key}), '{operation}', "
            f"{old}, {new}); END"
        )
    return triggers


def _sqlite_value(table: str, column: str, side: str) -> str:
    value = f'{side}."{column}"'
    if column in WITHHELD.get(table, ()):
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE 'withheld' END"
    if column in DIGESTED.get(table, ()):
        return f'registry_digest({side}."salt", {value})'
    return value


def _postgres_trigger(table: str, keys: list[str]) -> dict[str, str]:
    arguments = ", ".join(
        f"'{','.join(names)}'" for names in (keys, WITHHELD.get(table, ()), DIGESTED.get(table, ()))
    )
    return {
        f"audit_{table}": f'CREATE TRIGGER "audit_{table}" AFTER INSERT OR UPDATE OR DELETE ON '
        f'"{table}" FOR EACH ROW EXECUTE FUNCTION registry_audit({arguments})'
    }


_POSTGRES_AUDIT: Final = """
DECLARE
  change_set text := current_setting('registry.change_set', true);
  before_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
  after_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
  key_row jsonb := coalesce(after_row, before_row);
  row_key jsonb := '[]'::jsonb;
  name text;
BEGIN
  IF coalesce(change_set, '') = '' THEN
    RAISE EXCEPTION 'no change set: use the registry to write';
  END IF;
  IF TG_OP = 'UPDATE' AND before_row IS NOT DISTINCT FROM after_row THEN
    RETURN NULL;
  END IF;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[0], ',') LOOP
    row_key := row_key || jsonb_build_array(key_row -> name);
  END LOOP;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[2], ',') LOOP
    IF before_row ->> name IS NOT NULL THEN
      before_row := jsonb_set(before_row, ARRAY[name], to_jsonb(encode(sha256(convert_to(
        (before_row ->> 'salt') || (before_row ->> name), 'UTF8')), 'hex')));
    END IF;
    IF after_row ->> name IS NOT NULL THEN
      after_row := jsonb_set(after_row, ARRAY[name], to_jsonb(encode(sha256(convert_to(
        (after_row ->> 'salt') || (after_row ->> name), 'UTF8')), 'hex')));
    END IF;
  END LOOP;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[1], ',') LOOP
    IF before_row ->> name IS NOT NULL THEN
      before_row := jsonb_set(before_row, ARRAY[name], '"withheld"');
    END IF;
    IF after_row ->> name IS NOT NULL THEN
      after_row := jsonb_set(after_row, ARRAY[name], '"withheld"');
    END IF;
  END LOOP;
  INSERT INTO audit_row (change_set_id, table_name, row_key, operation, old_values, new_values)
  VALUES (change_set::bigint, TG_TABLE_NAME, row_key::text, lower(TG_OP),
          before_row::text, after_row::text);
  RETURN NULL;
END
"""

_POSTGRES_FUNCTIONS: Final = {
    "registry_audit": _POSTGRES_AUDIT,
    "registry_keep": "BEGIN RAISE EXCEPTION 'the audit trail is only added to'; END",
}

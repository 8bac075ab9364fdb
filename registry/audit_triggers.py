"""The triggers that write the audit trail and keep it from being changed.

They are made from the tables as they are in the database, so no table can be forgotten. On SQLite
each table has its own ``json_object``; on PostgreSQL one function serves all through ``to_jsonb``.
A row's key never changes and no table is truncated, so the trail of a row can be followed by its
key from the first value to the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from registry.errors import Unfit

UNAUDITED: Final = frozenset(
    # The trail itself, sign-ins (technical) and the log of accesses, which are append-only; working
    # copies that are not records yet; and pictures, whose digest stands in an audited row.
    {
        "alembic_version",
        "change_set",
        "audit_row",
        "seal",
        "sign_in",
        "access_log",
        "draft",
        "photograph_content",
    }
)
APPEND_ONLY: Final = ("change_set", "audit_row", "seal", "access_log")
WITHHELD: Final = {"patient_identity": ("salt",)}
# Digests are salted with the row's own salt; a password hash carries one already.
DIGESTED: Final = {
    "patient_identity": ("family_name", "given_name", "birth_date", "hospital_number"),
    "user_account": ("password_hash",),
}


def install_triggers(connection: Connection) -> None:
    """(Re)make every trigger from the tables as they are now."""
    remove_triggers(connection)
    if connection.dialect.name == "postgresql":
        schema = connection.dialect.identifier_preparer.quote(_schema(connection))
        for name, body in _POSTGRES_FUNCTIONS.items():
            # Instants are written in UTC whatever the client's zone, and a temporary table of the
            # same name cannot catch the audit rows.
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                f"SECURITY INVOKER SET search_path TO {schema}, pg_temp SET timezone TO 'UTC' "
                f"AS $registry${body}$registry$"
            )
    for statement in _wanted(connection).values():
        connection.exec_driver_sql(statement)


def remove_triggers(connection: Connection) -> None:
    """Drop every trigger of the audit trail; only inside :func:`altering_tables`."""
    for name, (table, _) in _existing(connection).items():
        if not name.startswith(("audit_", "keep_")):
            continue
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f'DROP TRIGGER "{name}" ON "{table}"')
        else:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


@contextmanager
def altering_tables(connection: Connection) -> Iterator[None]:
    """Alter tables with the triggers away, and put them back made from the new tables.

    SQLite's batch mode drops triggers in silence, DROP COLUMN fails under them and RENAME leaves
    them writing old names; so no revision alters a table outside this. Raises :class:`Unfit`, and
    with it undoes the revision, when a table that holds records of a clinic is gone afterwards.
    """
    filled = [table for table in _clinic_tables(connection) if _has_rows(connection, table)]
    remove_triggers(connection)
    yield
    lost = sorted(set(filled) - set(sa.inspect(connection).get_table_names()))
    if lost:
        raise Unfit(
            f"This step would destroy stored records ({', '.join(lost)}), so it was not taken and "
            "nothing was changed. To go back to an older version, restore a backup made with it."
        )
    install_triggers(connection)


def _clinic_tables(connection: Connection) -> list[str]:
    inspector = sa.inspect(connection)
    return [
        table
        for table in inspector.get_table_names()
        if table not in ("change_set", "access_log")
        and any(column["name"] == "clinic_id" for column in inspector.get_columns(table))
    ]


def _has_rows(connection: Connection, table: str) -> bool:
    return connection.exec_driver_sql(f'SELECT 1 FROM "{table}" LIMIT 1').first() is not None  # noqa: S608


def check_triggers(connection: Connection) -> None:
    """Raise :class:`Unfit` unless the tables carry exactly the triggers they should."""
    faults = trigger_faults(connection)
    if faults:
        names = ", ".join(f"{name}: {fault}" for name, fault in list(faults.items())[:3])
        raise Unfit(
            f"The audit trail is not whole: {len(faults)} triggers are not as they should be "
            f"({names}{', ...' if len(faults) > 3 else ''}). Nothing is written in this state. "
            "Run `sclero audit verify` to see whether anything was changed meanwhile, then "
            "`sclero migrate` to put the triggers back, or restore the last backup."
        )


def trigger_faults(connection: Connection) -> dict[str, str]:
    """Triggers that are not as they should be, by name: missing, altered or unknown."""
    wanted, existing = _wanted(connection), _existing(connection)
    functions_are_ours = connection.dialect.name != "postgresql" or _functions_are_ours(connection)
    faults: dict[str, str] = {}
    for name, statement in sorted(wanted.items()):
        if name not in existing:
            faults[name] = "missing"
        elif existing[name][1] != statement or not functions_are_ours:
            faults[name] = "altered"
    return faults | dict.fromkeys(sorted(existing.keys() - wanted.keys()), "unknown")


def _schema(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())


def _functions_are_ours(connection: Connection) -> bool:
    settings = {f"search_path={_schema(connection)}, pg_temp", "TimeZone=UTC"}
    found = connection.exec_driver_sql(
        "SELECT proname, prosrc, coalesce(proconfig, '{}') FROM pg_proc "
        "WHERE pronamespace = current_schema()::regnamespace AND pronargs = 0"
    )
    ours = {
        name: source
        for name, source, options in found
        if {option.replace('"', "") for option in options} == settings
    }
    return all(ours.get(name) == body for name, body in _POSTGRES_FUNCTIONS.items())


def _existing(connection: Connection) -> dict[str, tuple[str, str]]:
    """Table and definition of each trigger; a disabled one has no definition."""
    if connection.dialect.name == "postgresql":
        statement = (
            "SELECT t.tgname, c.relname, "
            "CASE WHEN t.tgenabled = 'O' THEN pg_get_triggerdef(t.oid, true) ELSE '' END "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        )
    else:
        statement = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
    return {
        str(name): (str(table), str(definition))
        for name, table, definition in connection.exec_driver_sql(statement)
    }


def _wanted(connection: Connection) -> dict[str, str]:
    inspector = sa.inspect(connection)
    columns = {
        table: [str(column["name"]) for column in found]
        for (_, table), found in inspector.get_multi_columns().items()
    }
    keys = {
        table: [str(name) for name in found["constrained_columns"]]
        for (_, table), found in inspector.get_multi_pk_constraint().items()
    }
    is_postgres = connection.dialect.name == "postgresql"
    wanted: dict[str, str] = {}
    for table in sorted(columns):
        if table not in UNAUDITED:
            wanted |= (
                _postgres_triggers(table, keys[table])
                if is_postgres
                else _sqlite_triggers(table, columns[table], keys[table])
            )
        if table in APPEND_ONLY:
            wanted |= _append_only(table, is_postgres=is_postgres)
    return wanted


def _append_only(table: str, *, is_postgres: bool) -> dict[str, str]:
    if is_postgres:
        return {
            f"keep_{table}": f"CREATE TRIGGER keep_{table} BEFORE DELETE OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION registry_keep()",
            **_never_truncated(table),
        }
    return {
        f"keep_{table}_{operation}": f'CREATE TRIGGER "keep_{table}_{operation}" BEFORE '
        f'{operation.upper()} ON "{table}" BEGIN '
        "SELECT RAISE(ABORT, 'the audit trail is only added to'); END"
        for operation in ("update", "delete")
    }


def _never_truncated(table: str) -> dict[str, str]:
    return {
        f"keep_{table}_whole": f"CREATE TRIGGER keep_{table}_whole BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION registry_keep()"
    }


def _sqlite_triggers(table: str, columns: list[str], keys: list[str]) -> dict[str, str]:
    def row(side: str) -> str:
        salt = f'{side}."salt"' if "salt" in columns else "''"
        parts = ", ".join(f"'{name}', {_sqlite_value(table, name, side, salt)}" for name in columns)
        return f"json_object({parts})"

    def differs(names: list[str]) -> str:
        return " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in names)

    triggers: dict[str, str] = {}
    for operation, old, new in (
        ("insert", "NULL", row("NEW")),
        ("update", row("OLD"), row("NEW")),
        ("delete", row("OLD"), "NULL"),
    ):
        side = "OLD" if operation == "delete" else "NEW"
        key = ", ".join(f'{side}."{name}"' for name in keys)
        condition = key_stays = ""
        if operation == "update":
            condition = f"WHEN {differs(columns)} "
            key_stays = (
                "SELECT RAISE(ABORT, 'the key of a stored row never changes') "
                f"WHERE {differs(keys)}; "
            )
        name = f"audit_{table}_{operation}"
        triggers[name] = (
            f'CREATE TRIGGER "{name}" AFTER {operation.upper()} ON "{table}" '  # noqa: S608
            f"{condition}BEGIN "
            "SELECT RAISE(ABORT, 'no change set: use the registry to write') "
            f"WHERE registry_change_set() IS NULL; {key_stays}"
            "INSERT INTO audit_row "
            "(change_set_id, table_name, row_key, operation, old_values, new_values) "
            f"VALUES (registry_change_set(), '{table}', json_array({key}), '{operation}', "
            f"{old}, {new}); END"
        )
    return triggers


def _sqlite_value(table: str, column: str, side: str, salt: str) -> str:
    value = f'{side}."{column}"'
    if column in WITHHELD.get(table, ()):
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE 'withheld' END"
    if column in DIGESTED.get(table, ()):
        return f"registry_digest({salt}, {value})"
    return value


def _postgres_triggers(table: str, keys: list[str]) -> dict[str, str]:
    # Word for word what pg_get_triggerdef gives back, so that the two can be compared.
    arguments = ", ".join(
        f"'{','.join(names)}'" for names in (keys, WITHHELD.get(table, ()), DIGESTED.get(table, ()))
    )
    return {
        f"audit_{table}": f"CREATE TRIGGER audit_{table} AFTER INSERT OR DELETE OR UPDATE ON "
        f"{table} FOR EACH ROW EXECUTE FUNCTION registry_audit({arguments})",
        **_never_truncated(table),
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
    IF TG_OP = 'UPDATE' AND before_row -> name IS DISTINCT FROM after_row -> name THEN
      RAISE EXCEPTION 'the key of a stored row never changes';
    END IF;
    row_key := row_key || jsonb_build_array(key_row -> name);
  END LOOP;
  FOREACH name IN ARRAY string_to_array(TG_ARGV[2], ',') LOOP
    IF before_row ->> name IS NOT NULL THEN
      before_row := jsonb_set(before_row, ARRAY[name], to_jsonb(encode(sha256(convert_to(
        coalesce(before_row ->> 'salt', '') || (before_row ->> name), 'UTF8')), 'hex')));
    END IF;
    IF after_row ->> name IS NOT NULL THEN
      after_row := jsonb_set(after_row, ARRAY[name], to_jsonb(encode(sha256(convert_to(
        coalesce(after_row ->> 'salt', '') || (after_row ->> name), 'UTF8')), 'hex')));
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
    "registry_keep": "BEGIN RAISE EXCEPTION 'stored rows and their trail are kept'; END",
}

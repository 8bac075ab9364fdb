"""What the tables hold at one moment, in a form that can be compared later.

A row is its key and its values as JSON, both made by the database and with identifying values
replaced as the audit trail replaces them; rows stand in the order of their keys' code points. So
the state before a change can be put together from today's rows and the audit trail, and its digest
compared with the one that a migration sealed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from registry import audit
from registry.database import digest

ROWS_AT_ONCE: Final = 5_000
_to_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class TableDigest:
    """Row count and SHA-256 of a table whose rows are added one by one, in the order of keys."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, row_key: str, values: dict[str, Any]) -> None:
        """Add the next row; ``values`` as :func:`values_of` gives them."""
        self.rows += 1
        self._hash.update(_to_json([row_key, values]).encode() + b"\n")

    def to_dict(self) -> dict[str, Any]:
        """Count and digest as a seal's baseline holds them."""
        return {"rows": self.rows, "digest": self._hash.hexdigest()}


def audited_tables(connection: Connection) -> dict[str, tuple[list[str], list[str]]]:
    """Columns and key columns of every table of the database that has an audit trail."""
    inspector = sa.inspect(connection)
    keys = inspector.get_multi_pk_constraint()
    return {
        table: (
            [str(column["name"]) for column in columns],
            [str(name) for name in keys[schema, table]["constrained_columns"]],
        )
        for (schema, table), columns in sorted(inspector.get_multi_columns().items())
        if table not in audit.UNAUDITED
    }


def stored_rows(
    connection: Connection, table: str, columns: list[str], keys: list[str]
) -> Iterator[tuple[str, str]]:
    """Key and values of every row as JSON text, in the order of the keys' code points."""
    if connection.dialect.name == "postgresql":
        key = f"jsonb_build_array({', '.join(f't.{name}' for name in keys)})::text"
        statement = f'SELECT {key}, to_jsonb(t)::text FROM "{table}" t ORDER BY {key} COLLATE "C"'  # noqa: S608
        connection.exec_driver_sql("SET LOCAL timezone TO 'UTC'")
    else:
        # A BLOB has no place in JSON; one that got in past the checks must show, not stop us.
        values = ", ".join(
            f"'{name}', CASE typeof(\"{name}\") WHEN 'blob' THEN json_array(hex(\"{name}\")) "
            f'ELSE "{name}" END'
            for name in columns
        )
        key = ", ".join(f'"{name}"' for name in keys)
        statement = (
            f'SELECT json_array({key}) AS row_key, json_object({values}) FROM "{table}" '  # noqa: S608
            "ORDER BY row_key"
        )
    streaming = {"yield_per": ROWS_AT_ONCE}
    with connection.exec_driver_sql(statement, execution_options=streaming) as rows:
        for row_key, values_text in rows:
            yield str(row_key), str(values_text)


def values_of(table: str, text: str) -> dict[str, Any]:
    """Values of a stored row, with identifying ones as the audit trail has them."""
    values: dict[str, Any] = json.loads(text)
    for column in audit.DIGESTED.get(table, ()):
        if column in values:
            values[column] = digest(values.get("salt") or "", values[column])
    for column in audit.WITHHELD.get(table, ()):
        if values.get(column) is not None:
            values[column] = "withheld"
    return values


def table_digests(connection: Connection) -> dict[str, dict[str, Any]]:
    """Row count and SHA-256 of every audited table."""
    digests: dict[str, dict[str, Any]] = {}
    for table, (columns, keys) in audited_tables(connection).items():
        state = TableDigest()
        for row_key, text in stored_rows(connection, table, columns, keys):
            state.add(row_key, values_of(table, text))
        digests[table] = state.to_dict()
    return digests


def seal_revision(connection: Connection) -> None:
    """End a revision with a seal that holds the digest of every table, where replay can start."""
    if not sa.inspect(connection).has_table("seal"):
        return
    if audit.ACTOR_KEY not in connection.info:
        audit.open_change_set(connection, None, audit.Cause("migrate"))
    try:
        audit.seal(connection, baseline=json.dumps(table_digests(connection), sort_keys=True))
    finally:
        connection.info.pop(audit.ACTOR_KEY, None)

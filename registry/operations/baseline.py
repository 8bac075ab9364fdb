"""What a table holds at one moment, in a form that can be compared later."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from registry import audit


def table_digests(connection: Connection) -> dict[str, dict[str, Any]]:
    """Row count and SHA-256 of every audited table, rows in key order, as the database holds them."""
    inspector = sa.inspect(connection)
    digests: dict[str, dict[str, Any]] = {}
    for name in sorted(set(inspector.get_table_names()) - audit.UNAUDITED):
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        digest, count = hashlib.sha256(), 0
        for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns)):
            digest.update(json.dumps([_text(value) for value in row]).encode() + b"\n")
            count += 1
        digests[name] = {"rows": count, "digest": digest.hexdigest()}
    return digests


def _text(value: object) -> str | None:
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return None if value is None else str(value)


def seal_revision(connection: Connection) -> None:
    """End a revision with a seal that holds the digest of every table, from which replay may start."""
    if not sa.inspect(connection).has_table("seal"):
        return
    if audit.ACTOR_KEY not in connection.info:
        audit.open_change_set(connection, None, audit.Cause("migrate"))
    try:
        audit.seal(connection, baseline=json.dumps(table_digests(connection), sort_keys=True))
    finally:
        connection.info.pop(audit.ACTOR_KEY, None)

"""Copies of the database that are proved to be whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.engine import Engine

from registry.database import sqlite_path
from registry.errors import DatabaseUnavailable


def copy_sqlite(engine: Engine, target: Path) -> None:
    """Copy a SQLite database with the online backup API and check the copy.

    Copying the file instead loses acknowledged rows while somebody writes. Raises
    :class:`DatabaseUnavailable` when the copy cannot be made or is not whole; no half copy is left.
    """
    source_path = sqlite_path(engine.url)
    if source_path is None:
        raise DatabaseUnavailable("Only a SQLite file can be copied; use pg_dump for PostgreSQL.")
    try:
        source = sqlite3.connect(source_path)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            copy.close()
            source.close()
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise DatabaseUnavailable(
            f"The copy could not be made ({type(error).__name__}): check free space and rights of "
            f"{target.parent}. The database itself was not touched."
        ) from None
    if verdict != "ok":
        target.unlink(missing_ok=True)
        raise DatabaseUnavailable(
            "The copy is not whole, so the database itself may be damaged. Run `sclero doctor`."
        )

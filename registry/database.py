"""The database: base class, column declarations, engine and the two ways to use a session.

Both databases behave alike because every difference is settled here: pysqlite's implicit
transactions are off and each writing transaction starts with ``BEGIN IMMEDIATE`` (deferred ones
lose updates and fail with "database is locked"), foreign keys are on, a commit is on disk before it
is answered, and WAL is used only where SQLite is free of the WAL-reset fault (3.51.3 on).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from enum import Enum as PythonEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.types import TypeDecorator, TypeEngine

from registry.errors import DatabaseUnavailable
from registry.messages import message

__all__ = [
    "Base",
    "DbSession",
    "Quantity",
    "UtcDateTime",
    "add_range_checks",
    "field",
    "folded",
    "folded_column",
    "make_engine",
    "reading",
    "sqlite_path",
    "unavailable",
]

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

FIRST_DAY: Final = dt.date(1900, 1, 1)
LAST_DAY: Final = dt.date(2199, 12, 31)
WAL_IS_SAFE_FROM: Final = (3, 51, 3)

_LETTERS: Final = {
    "ß": "ss", "ẞ": "ss", "Æ": "ae", "æ": "ae", "Œ": "oe", "œ": "oe", "Ø": "o", "ø": "o",
    "Ł": "l", "ł": "l", "Đ": "d", "đ": "d", "Ð": "d", "ð": "d", "Þ": "th", "þ": "th",
}  # fmt: skip
"""Latin letters that Unicode takes for letters of their own, as people type them without."""
_SPELLED: Final = str.maketrans(_LETTERS)
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_MARKS: Final = str.maketrans("-", " ", "'’.")

_CONNECTION_LOST: Final = message(
    "The connection to the database was lost while saving, so whether it was stored is not known. "
    "Save again, or look at the list of last saves: the same request is never stored twice."
)
_FAILURES: Final = (
    # Beginnings of SQLite's error names and of PostgreSQL's SQLSTATE codes.
    (
        ("SQLITE_FULL", "53100"),
        message(
            "The disk is full. Nothing of this was stored; everything saved before is kept and can "
            "be read. Free some space, then save again."
        ),
    ),
    (
        ("SQLITE_READONLY", "25006"),
        message(
            "The database may not be written (a read-only folder, file or server). Nothing of this "
            "was stored. Give the account that runs the registry the right to write, then save "
            "again."
        ),
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "40P01", "40001"),
        message(
            "Somebody else is saving and it took too long. Nothing of this was stored; save again."
        ),
    ),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"),
        message(
            "The database is damaged. Nothing of this was stored. Stop the registry, keep the "
            "damaged database, and restore the last backup (`sclero restore`)."
        ),
    ),
    (
        ("SQLITE_IOERR", "58030", "53"),
        message(
            "The disk or the server could not store this (an input/output error or a limit). "
            "Nothing of it was stored. Check the disk and its free space, then save again."
        ),
    ),
    (
        ("SQLITE_CANTOPEN",),
        message(
            "The database file cannot be opened. Nothing was stored. Check that the folder exists "
            "and may be written."
        ),
    ),
    (("08", "57P"), _CONNECTION_LOST),
)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant. Naive values are refused; SQLite keeps UTC and gives it back aware."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """Turn an aware instant into UTC; refuse a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, _dialect: Dialect) -> dt.datetime | None:
        """Give back an aware instant in UTC."""
        if value is None:
            return None
        instant: dt.datetime = value
        return instant.astimezone(dt.UTC) if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


class Quantity(TypeDecorator[Decimal]):
    """A measured quantity with fixed decimals: NUMERIC on PostgreSQL, REAL on SQLite.

    SQLite has no decimal type; values come back rounded to ``scale``, so 0.1 is 0.1 on both.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        """Hold at most ``precision`` digits, ``scale`` of them after the point."""
        self.precision = precision
        self.scale = scale
        super().__init__(precision, scale)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use a plain float on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Float())
        return dialect.type_descriptor(sa.Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse digits that would be rounded away in silence."""
        if value is None:
            return None
        exact = value.quantize(Decimal(1).scaleb(-self.scale))
        if exact != value:
            raise ValueError(f"more than {self.scale} decimals")
        return float(exact) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        """Give back a decimal with ``scale`` places."""
        if value is None:
            return None
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-self.scale))


class Base(DeclarativeBase):
    """Every table of the registry."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        dt.datetime: UtcDateTime(),
        dt.date: sa.Date(),
        UUID: sa.Uuid(),
        str: sa.Text(),
        PythonEnum: sa.Enum(
            PythonEnum,
            native_enum=False,
            create_constraint=False,
            validate_strings=True,
            length=32,
            values_callable=lambda members: [member.value for member in members],
        ),
    }


def field(
    label: str,
    comment: str,
    *args: Any,
    unit: str | None = None,
    between: tuple[float, float] | None = None,
    **options: Any,
) -> MappedColumn[Any]:
    """Declare a column that describes itself.

    ``label`` heads the column on pages and in exports, ``comment`` explains it in the database and
    in the column dictionary, ``unit`` names the unit of a number, and ``between`` is the closed
    range that the database itself enforces.
    """
    info = {"label": label, "unit": unit, "between": between}
    return mapped_column(*args, comment=comment, info=info, **options)


def add_range_checks(metadata: sa.MetaData) -> None:
    """Give every column a named CHECK so that both databases refuse the same nonsense.

    Members of a closed set, the declared range of a number, the length of a text and a plausible
    range of days. SQLite compares text as greater than any number and would store ``'abc'`` in a
    numeric column; the upper bound of the range refuses that too.
    """
    for table in metadata.tables.values():
        for column in table.columns:
            condition = _range_condition(column)
            if condition is not None:
                table.append_constraint(sa.CheckConstraint(condition, name=f"{column.name}_range"))


def _range_condition(column: sa.Column[Any]) -> str | None:
    name = column.name
    between = column.info.get("between")
    if isinstance(column.type, sa.Enum):
        members = ", ".join(f"'{member}'" for member in column.type.enums)
        return f"{name} IN ({members})"
    if isinstance(column.type, sa.Date):
        return f"{name} BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}'"
    if isinstance(column.type, sa.Boolean):
        return f"{name} IN (false, true)"
    if between is not None:
        return f"{name} BETWEEN {between[0]} AND {between[1]}"
    if isinstance(column.type, sa.String) and column.type.length:
        return f"length({name}) BETWEEN 1 AND {column.type.length}"
    return None


def sqlite_path(url: str | URL) -> Path | None:
    """The file behind a SQLite URL; None for another database or one in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def make_engine(url: str | URL, *, read_only: bool = False) -> Engine:
    """An engine set up so that acknowledged means stored.

    ``read_only`` serves the read side: on SQLite its transactions take no write lock and may not
    write, on PostgreSQL they are ``READ ONLY``. Raises :class:`DatabaseUnavailable` for an address
    that names no supported database.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        backend = parsed.get_backend_name()
    except sa.exc.ArgumentError:
        raise DatabaseUnavailable(
            message(
                "The database address cannot be read. Write sqlite:///registry.sqlite or "
                "postgresql://user@host/name."
            )
        ) from None
    if backend == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": 10}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine, "begin", begin_transaction)
        if read_only:
            event.listen(engine, "connect", _forbid_writing)
        return engine
    if backend == "postgresql":
        engine = sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        return engine.execution_options(postgresql_readonly=True) if read_only else engine
    raise DatabaseUnavailable(
        message(
            "{backend} is not supported. Use SQLite (sqlite:///registry.sqlite) or PostgreSQL 15 "
            "or newer (postgresql://user@host/name).",
            backend=backend,
        )
    )


def refresh_statistics(engine: Engine) -> None:
    """Tell SQLite how many rows its indexes tell apart; it guesses, and badly, until then.

    PostgreSQL keeps these numbers by itself. A database that is busy or full keeps its old ones.
    """
    if engine.dialect.name == "sqlite":
        with suppress(sa.exc.OperationalError), engine.begin() as connection:
            # A sample of each index will do, however many rows there are.
            connection.exec_driver_sql("PRAGMA analysis_limit=1000")
            connection.exec_driver_sql("ANALYZE")


def digest(salt: str, value: object) -> str | None:
    """Salted SHA-256 of an identifying value; what the audit trail keeps in its place."""
    if value is None:
        return None
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()


def folded(text: str | None) -> str | None:
    """A name as it is searched: small letters without accents, words one space apart.

    Hyphens part words; apostrophes and dots vanish.
    """
    if text is None:
        return None
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.translate(_SPELLED)))
    return " ".join(text.lower().translate(_MARKS).split())


def folded_column(column: Any, db: DbSession) -> Any:
    """A text column as :func:`folded` makes it; PostgreSQL may keep capitals outside Latin."""
    if db.get_bind().dialect.name == "sqlite":
        return sa.func.registry_folded(column)
    for letter, plain in _LETTERS.items():
        column = sa.func.replace(column, letter, plain)
    column = sa.func.normalize(column, sa.literal_column("NFKD"))
    column = sa.func.regexp_replace(column, "[\u0300-\u036f]", "", "g")
    column = sa.func.translate(sa.func.lower(column), "-'’.", " ")
    return sa.func.btrim(sa.func.regexp_replace(column, r"\s+", " ", "g"))


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None
    wal_is_safe = sqlite3.sqlite_version_info >= WAL_IS_SAFE_FROM
    for pragma in (
        # Triggers that call our own functions are refused unless the schema is trusted.
        "trusted_schema=ON",
        f"journal_mode={'WAL' if wal_is_safe else 'DELETE'}",
        "synchronous=FULL",
        "foreign_keys=ON",
        # A transaction larger than the cache would lock readers out before it commits.
        "cache_spill=OFF",
        # Without this, INSERT OR REPLACE removes the old row past the delete trigger.
        "recursive_triggers=ON",
        # An erased name or picture is overwritten in the file, not only forgotten.
        "secure_delete=ON",
    ):
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError:
            if not pragma.startswith("journal_mode"):
                raise
    connection.create_function("registry_change_set", 0, lambda: record.info.get("change_set_id"))
    connection.create_function("registry_folded", 1, folded, deterministic=True)
    connection.create_function("registry_digest", 2, digest, deterministic=True)


def _forbid_writing(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")


def unavailable(error: sa.exc.DBAPIError) -> DatabaseUnavailable | None:
    """What to tell a person when the database itself fails; None for any other error."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    for codes, text in _FAILURES:
        if str(code or "").startswith(codes):
            return DatabaseUnavailable(text)
    is_postgres = type(error.orig).__module__.startswith("psycopg")
    if error.connection_invalidated or (
        is_postgres and code is None and isinstance(error, sa.exc.OperationalError)
    ):
        return DatabaseUnavailable(_CONNECTION_LOST)
    return None


@contextmanager
def reading(engine: Engine) -> Iterator[DbSession]:
    """A session for reading one consistent state; whatever it changes is rolled back.

    Raises :class:`DatabaseUnavailable` when the database itself fails.
    """
    try:
        with DbSession(engine) as db:
            if engine.dialect.name == "postgresql":
                # By default every statement would see the commits made since the one before.
                db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield db
            db.rollback()
    except sa.exc.DBAPIError as error:
        raise unavailable(error) or error from None

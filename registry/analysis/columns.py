"""The result of a SELECT as columns, and the codes that stand for its texts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from registry.database import DbSession

Column = NDArray[Any]
Codes = NDArray[np.int64]

EPOCH: Final = dt.date(1970, 1, 1)


def day_number(day: dt.date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def as_text(column: Any, db: DbSession) -> Any:
    """A key as text, without making a UUID object of every row."""
    if db.get_bind().dialect.name == "sqlite":
        return sa.type_coerce(column, sa.String)
    return sa.cast(column, sa.String)


def key_text(key: UUID, db: DbSession) -> str:
    """A key as :func:`as_text` gives it."""
    return key.hex if db.get_bind().dialect.name == "sqlite" else str(key)


def columns_of(
    db: DbSession, *columns: Any, source: Any = None, where: Any = ()
) -> dict[str, Column]:
    """The result of one SELECT as one object array a column."""
    statement = sa.select(*columns).where(*where)
    if source is not None:
        statement = statement.select_from(source)
    result = db.connection().execute(statement)
    names = list(result.keys())
    rows = result.fetchall()
    found = {}
    for name, values in zip(
        names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True
    ):
        found[name] = np.empty(len(values), dtype=object)
        found[name][:] = values
    return found


def filled(column: Column, blank: Column) -> Column:
    """The column with ``blank`` where nothing was recorded."""
    missing = np.array([value is None for value in column], dtype=np.bool_)
    return np.where(missing, blank, column)


def whole(column: Column) -> Codes:
    """Whole numbers, -1 for blank."""
    return np.array([-1 if value is None else value for value in column], dtype=np.int64)


def coded(column: Column, levels: Sequence[str]) -> Codes:
    """Place of each value among ``levels``, -1 for blank."""
    return np.asarray(pd.Index(list(levels)).get_indexer(pd.Index(column)), dtype=np.int64)


def places(column: Sequence[Column], among: Sequence[Column]) -> Codes:
    """Row of ``among`` with the same values as each row of ``column``; -1 where there is none.

    The first column holds clinics, the others texts; blank texts match nothing.
    """
    split = len(column[0])
    key = np.concatenate([whole(column[0]), whole(among[0])])
    for ours, theirs in zip(column[1:], among[1:], strict=True):
        codes = pd.factorize(np.concatenate([ours, theirs]))[0].astype(np.int64)
        key = np.where((codes < 0) | (key < 0), -1, key * (int(codes.max(initial=0)) + 1) + codes)
    wanted, present = key[:split], key[split:]
    order = np.argsort(present, kind="stable")
    place = np.searchsorted(present[order], wanted)
    place[place == len(present)] = 0
    if not len(present):
        return np.full(split, -1, dtype=np.int64)
    rows = order[place]
    return np.where((present[rows] == wanted) & (wanted >= 0), rows, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Joining:
    """Rows of one table that stay, rows of another that are added, and where each goes.

    ``order`` holds the rows of the new table, those of the other counted on from the ``first`` rows
    of the one; ``place`` the new row of each, -1 for one that does not stay.
    """

    first: int
    order: Codes
    place: Codes

    @classmethod
    def of(cls, stays: NDArray[np.bool_], added: int, at: Codes | None = None) -> Joining:
        """The rows that stay, and each that is added before the ``at``-th of them, or last."""
        kept, new = np.flatnonzero(stays), len(stays) + np.arange(added)
        order = np.insert(kept, len(kept) if at is None else at, new)
        # One more, so that a row of -1 stays one.
        place = np.full(len(stays) + added + 1, -1, dtype=np.int64)
        place[order] = np.arange(len(order))
        return cls(len(stays), order, place)

    def column(self, ours: Column, theirs: Column) -> Column:
        """A column of the new table."""
        return np.concatenate([ours, theirs])[self.order]

    def rows(self, ours: Codes, theirs: Codes) -> Codes:
        """References to rows of the two tables, as references to the new one."""
        both = np.concatenate([ours, np.where(theirs < 0, -1, theirs + self.first)])
        return np.asarray(self.place[both])

    def table(
        self, ours: pd.DataFrame, theirs: pd.DataFrame, **references: Joining
    ) -> pd.DataFrame:
        """The new table; ``references`` says for a column to which joined table it refers."""
        columns = {}
        for name in ours.columns:
            one, other = ours[name].to_numpy(), theirs[name].to_numpy()
            columns[name] = (
                references[name].rows(one, other)[self.order]
                if name in references
                else self.column(one, other)
            )
        return pd.DataFrame(columns)


def as_days(column: Any, db: DbSession) -> Any:
    """A day as days since 1970."""
    if db.get_bind().dialect.name == "sqlite":
        return sa.cast(sa.func.julianday(column) - sa.func.julianday("1970-01-01"), sa.Integer)
    return column - sa.literal(EPOCH, sa.Date)


def one_or(several: str, column: Any, *, blank_is_a_level: bool = True) -> Any:
    """The only value of a group, or the word for several; blank when a part of it is blank."""
    text = sa.cast(column, sa.String)
    found: list[tuple[Any, Any]] = [(sa.func.count(sa.distinct(text)) > 1, sa.literal(several))]
    if blank_is_a_level:
        found.append((sa.func.count() > sa.func.count(text), sa.null()))
    return sa.case(*found, else_=sa.func.min(text))

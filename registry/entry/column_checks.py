"""What the columns of the database say of a value: its range, its decimals and its length."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from registry.database import FIRST_DAY, LAST_DAY, Base, Quantity
from registry.entry.problems import Problem, in_digits
from registry.messages import N_, Message, message

_SHARED: dict[tuple[type[Base], type], tuple[tuple[str, sa.Column[Any]], ...]] = {}


def _shared_columns(model: type[Base], entry: Any) -> tuple[tuple[str, sa.Column[Any]], ...]:
    """The columns that have the name of a field of the entry."""
    key = (model, type(entry))
    if key not in _SHARED:
        columns = sa.inspect(model).columns
        names = [field_.name for field_ in fields(entry)]
        _SHARED[key] = tuple((name, columns[name]) for name in names if name in columns)
    return _SHARED[key]


def column_problems(model: type[Base], entry: Any, path: str = "") -> Iterator[Problem]:
    """Range and length of each field of ``entry`` that is a column, at ``path`` of the whole."""
    return _column_problems(
        ((name, column, getattr(entry, name)) for name, column in _shared_columns(model, entry)),
        path,
    )


def row_problems(model: type[Base], row: Mapping[str, Any]) -> Iterator[Problem]:
    """Range and length of each value, as declared for the column of that name."""
    columns = sa.inspect(model).columns
    return _column_problems(((name, columns[name], value) for name, value in row.items()), "")


_BIDI_CONTROLS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Signs that turn the direction of what follows and are not seen (Unicode Annex 9)."""


def unseen_signs(where: str, text: str | None) -> Iterator[Problem]:
    """Control characters in a number or version, of which two that look alike must be alike."""
    if any(unicodedata.category(c) == "Cc" or c in _BIDI_CONTROLS for c in text or ""):
        sentence = message(
            "It holds a sign that cannot be seen, as texts copied from elsewhere do. Type it by "
            "hand."
        )
        yield Problem(where, "unseen", sentence)


_UNITS: Final = ("%", "mm", "mL", "kg", N_("days"))
"""Units that stand behind a number; others, such as "year", only explain the column."""


def _out_of_range(between: tuple[object, object], unit: str | None) -> Message:
    least, most = (in_digits(Decimal(str(bound))) for bound in between)
    if unit not in _UNITS:
        return message("Must lie from {least} to {most}.", least=least, most=most)
    return message(
        "Must lie from {least} to {most} {unit}.", least=least, most=most, unit=message(unit)
    )


def _column_problems(
    values: Iterable[tuple[str, sa.Column[Any], Any]], path: str
) -> Iterator[Problem]:
    for name, column, value in values:
        if value is None:
            continue
        where = f"{path}.{name}" if path else name
        between = column.info.get("between")
        if between is not None and isinstance(value, int | Decimal):
            if not Decimal(str(between[0])) <= value <= Decimal(str(between[1])):
                yield Problem(where, "in_range", _out_of_range(between, column.info.get("unit")))
            elif isinstance(column.type, Quantity) and isinstance(value, Decimal):
                exponent = value.normalize().as_tuple().exponent
                if isinstance(exponent, int) and -exponent > column.type.scale:
                    text = message("At most {count} decimals are kept.", count=column.type.scale)
                    yield Problem(where, "decimals", text)
        elif isinstance(value, dt.date) and not FIRST_DAY <= value <= LAST_DAY:
            yield Problem(where, "plausible_day", message("The day is not plausible."))
        elif isinstance(column.type, sa.String) and type(value) is str:
            if not value.strip():
                yield Problem(where, "not_blank", message("Leave it out or write something."))
            elif column.type.length and len(value) > column.type.length:
                text = message("At most {count} characters.", count=column.type.length)
                yield Problem(where, "length", text)
            elif "\x00" in value:
                yield Problem(where, "no_nul", message("A NUL character cannot be stored."))

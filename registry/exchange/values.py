"""From a cell to a value and back, strictly: what is not written as agreed is refused, not guessed.

A blank cell is "not said". Days are written 2026-11-23, decimals with a point and without exponent
or unit, truth values ``yes`` and ``no``. Text is kept to the letter, leading zeros included. A text
that a spreadsheet would take for a formula is written with an apostrophe in front, which reading
takes away again.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final

import sqlalchemy as sa

from registry.exchange.columns import Column, Kind
from registry.exchange.format import LONGEST_KEY
from registry.messages import N_, Message, message

MEMO_SIZE: Final = 50_000

_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_ESCAPED: Final = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_CLASSES: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (N_("day"), r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        (N_("day with time"), r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T].+"),
        (N_("day in another order"), r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}\.?"),
        (N_("number with leading zeros"), r"[+-]?0[0-9]+([.,][0-9]+)?"),
        (N_("whole number"), r"[+-]?[0-9]+"),
        (N_("decimal number"), r"[+-]?[0-9]*\.[0-9]+"),
        (N_("decimal comma"), r"[+-]?[0-9]*,[0-9]+"),
        (N_("exponent"), r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+"),
        (N_("number with unit or separators"), r"[+-]?[0-9].*"),
    )
)
_HINTS: Final = {
    "day in another order": message(
        "3/4 may be 3 April or 4 March: write year-month-day, as 2026-11-23."
    ),
    "day with time": message("Leave out the time: write 2026-11-23."),
    "decimal comma": message("Write a decimal point, as 0.5."),
    "exponent": message(
        "Write all digits; spreadsheets shorten long numbers unless the column is text."
    ),
    "number with leading zeros": message("Write the number without leading zeros."),
    "number with unit or separators": message(
        "Write the number alone, without unit or separators."
    ),
}


class CellFault(Exception):
    """A cell that cannot be read: the class of what was found, the rule and what to do."""

    def __init__(
        self,
        found: str,
        rule: str,
        message: Message,
        *,
        text: str = "",
        allowed: tuple[str, ...] = (),
    ) -> None:
        self.found = found
        self.rule = rule
        self.message = message
        self._text = text
        self._allowed = allowed
        super().__init__(message)

    def advice(self) -> Message:
        """What to do, with the allowed word that was probably meant; slower than ``message``."""
        return nearest(self._text, self._allowed) or self.message


def value_class(text: str) -> str:
    """What kind of thing stands in a cell, without saying what."""
    if not text.strip():
        return N_("blank")
    for name, pattern in _CLASSES:
        if pattern.fullmatch(text.strip()):
            return name
    return N_("text")


def reader(column: Column) -> Callable[[str], Any]:
    """A function that turns the text of a cell that is not blank into a value.

    It raises :class:`CellFault`, and remembers what it has read, because columns repeat themselves.
    """
    read = _READERS[column.kind]
    memo: dict[str, Any] = {}

    def read_cell(text: str) -> Any:
        try:
            return memo[text]
        except KeyError:
            value = read(column, text)
            if len(memo) < MEMO_SIZE:
                memo[text] = value
            return value

    return read_cell


def write_cell(value: Any) -> str:
    """The text of a cell; reading it gives the value back."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case Decimal():
            return f"{value.normalize():f}" if value else "0"
        case dt.date():
            return value.isoformat()
        case str():
            return f"'{value}" if is_formula(value) else value
        case _:
            return str(value)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula."""
    return _FORMULA.match(text) is not None


def _text(_column: Column, text: str) -> str:
    if "\x00" in text:
        raise CellFault(N_("NUL character"), "no_nul", message("A NUL character cannot be stored."))
    return text[1:] if _ESCAPED.match(text) else text


def _key(column: Column, text: str) -> str:
    key = _text(column, text)
    length = getattr(column.source.type, "length", None) or LONGEST_KEY
    if key != key.strip():
        raise CellFault(
            N_("text with spaces at an end"), "no_spaces", message("Remove the spaces at the ends.")
        )
    if len(key) > length:
        raise CellFault(
            N_("long text"), "length", message("At most {count} characters.", count=length)
        )
    if not key.isprintable():
        raise CellFault(
            N_("text with control characters"), "printable", message("Write it on one line.")
        )
    return key


def _choice(column: Column, text: str) -> Any:
    type_ = column.source.type
    enum_class = type_.enum_class if isinstance(type_, sa.Enum) else None
    try:
        return enum_class(text) if enum_class else text
    except ValueError:
        allowed = column.allowed()
        raise CellFault(
            value_class(text),
            "one_of",
            message("Write one of: {words}.", words=", ".join(allowed)),
            text=text,
            allowed=allowed,
        ) from None


def _code(column: Column, text: str) -> str:
    allowed = column.allowed()
    if text not in allowed:
        raise CellFault(
            value_class(text),
            "in_catalogue",
            message("No such code; the column dictionary lists them."),
            text=text,
            allowed=allowed,
        )
    return text


def nearest(text: str, allowed: tuple[str, ...]) -> Message | None:
    """A question after the allowed word that looks most like ``text``; None when none does."""
    found = get_close_matches(text[:LONGEST_KEY].strip().lower(), allowed, n=1)
    return message("Did you mean {word}?", word=found[0]) if found else None


def _whole(_column: Column, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _wrong(text, "whole_number", message("Write a whole number, as 12."))
    return int(text)


def _decimal(_column: Column, text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise _wrong(
            text, "decimal_number", message("Write a number with a decimal point, as 0.5.")
        )
    return Decimal(text)


def _day(_column: Column, text: str) -> dt.date:
    if not _DAY.fullmatch(text):
        found = value_class(text)
        if found == "whole number" and len(text) == 5:
            raise CellFault(
                N_("day number of a spreadsheet"),
                "day",
                message("Format the column as text or as year-month-day before saving."),
            )
        raise _wrong(text, "day", message("Write the day as year-month-day, as 2026-11-23."))
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CellFault(
            N_("day"), "day", message("There is no such day in the calendar.")
        ) from None


def _yes_no(_column: Column, text: str) -> bool:
    if text not in ("yes", "no"):
        raise _wrong(text, "yes_or_no", message("Write yes or no, or leave the cell blank."))
    return text == "yes"


def _wrong(text: str, rule: str, advice: Message) -> CellFault:
    found = value_class(text)
    if text != text.strip():
        return CellFault(
            N_("value with spaces at an end"),
            "no_spaces",
            message("Remove the spaces at the ends."),
        )
    return CellFault(found, rule, _HINTS.get(found, advice))


_READERS: Final[dict[Kind, Callable[[Column, str], Any]]] = {
    Kind.KEY: _key,
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.CHOICE: _choice,
    Kind.WHOLE: _whole,
    Kind.DECIMAL: _decimal,
    Kind.DAY: _day,
    Kind.YES_NO: _yes_no,
}

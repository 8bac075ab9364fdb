"""Reading one catalogue file: a CSV with a header, one row a line, every cell of a declared type.

An empty cell is "not given". Several values in one cell are separated by semicolons. ``yes`` and
``no`` are the two truth values, a day is written 2026-11-23, a decimal has a point.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources.abc import Traversable
from typing import Any, Generic, TypeVar

from registry.catalogue.rows import Row, Source
from registry.errors import CatalogueError

R = TypeVar("R", bound=Row | Source)
R_co = TypeVar("R_co", bound=Row | Source, covariant=True)

LONGEST_CODE = 64
LONGEST_LABEL = 200
CODE = re.compile(r"([a-z0-9_]+:)?[a-z0-9]+(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that one line of a catalogue file breaks."""

    file: str
    line: int
    code: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line} ({self.code or 'no code'}): {self.rule}"


@dataclass(frozen=True, slots=True)
class Table(Generic[R_co]):
    """The rows of one file with the lines they stand on."""

    file: str
    lines: tuple[tuple[int, R_co], ...]

    def __iter__(self) -> Iterator[R_co]:
        return (row for _, row in self.lines)

    def codes(self) -> frozenset[str]:
        """Return the codes of all rows."""
        return frozenset(row.code for row in self)

    def by_code(self) -> Mapping[str, R_co]:
        """Return the rows by code, in file order; of several versions of a row, the last."""
        return types.MappingProxyType({row.code: row for row in self})


def read_cells(folder: Traversable, file: str) -> list[tuple[int, dict[str, str]]]:
    """Return line number and cells of each row of ``file``.

    Raises:
        CatalogueError: the file is missing, is not UTF-8, or a line has too few or too many cells.
    """
    try:
        text = folder.joinpath(file).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise CatalogueError(
            f"The catalogue cannot be used: {file} is missing or is not UTF-8 text. "
            "Nothing was loaded. Restore the file."
        ) from error
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, [])
        lines = []
        for cells in reader:
            if len(cells) != len(header):
                raise CatalogueError(
                    f"The catalogue cannot be used: {file}, line {reader.line_num} has "
                    f"{len(cells)} cells and the header {len(header)}. Nothing was loaded. "
                    "Put text that contains a comma between double quotes."
                )
            lines.append((reader.line_num, dict(zip(header, map(str.strip, cells), strict=True))))
    except csv.Error as error:
        raise CatalogueError(
            f"The catalogue cannot be used: {file}, line {reader.line_num} is not CSV ({error}). "
            "Nothing was loaded. Correct the quotes of that line."
        ) from error
    return lines


def read_table(
    file: str,
    row_class: type[R],
    cells: list[tuple[int, dict[str, str]]],
    problems: list[Problem],
) -> Table[R]:
    """Turn the cells of ``file`` into rows; what cannot be turned is added to ``problems``."""
    hints = typing.get_type_hints(row_class)
    fields = {field.name: field for field in dataclasses.fields(row_class)}
    rows: list[tuple[int, R]] = []
    for line, given in cells:
        code = given.get("code", "")
        faults: list[str] = []
        values: dict[str, Any] = {}
        faults += [f"column {name!r} is not known" for name in given if name not in fields]
        for name, field in fields.items():
            text = given.get(name, "")
            if text:
                try:
                    values[name] = _value(text, hints[name])
                except ValueError as error:
                    faults.append(f"{name} {error}")
            elif field.default is dataclasses.MISSING:
                faults.append(f"{name} is missing")
        if code and not CODE.fullmatch(code):
            faults.append("code may hold small letters, digits and single underscores only")
        if len(code) > LONGEST_CODE:
            faults.append(f"code is longer than {LONGEST_CODE} characters")
        if len(given.get("label", "")) > LONGEST_LABEL:
            faults.append(f"label is longer than {LONGEST_LABEL} characters")
        if faults:
            problems.extend(Problem(file, line, code, fault) for fault in faults)
        else:
            rows.append((line, row_class(**values)))
    return Table(file, tuple(rows))


def _value(text: str, kind: Any) -> object:
    """Return ``text`` as a value of the annotation ``kind``; ValueError says what it must be."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
    if typing.get_origin(kind) is tuple:
        return tuple(_value(part.strip(), typing.get_args(kind)[0]) for part in text.split(";"))
    if kind is str:
        return text
    if kind is bool:
        if text not in ("yes", "no"):
            raise ValueError("must be yes or no")
        return text == "yes"
    if kind is int:
        if not text.isascii() or not text.isdigit():
            raise ValueError("must be a whole number; percentages are derived, never typed")
        return int(text)
    if kind is Decimal:
        return _decimal(text)
    if kind is date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("must be a day written like 2026-11-23") from None
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"must be one of: {', '.join(kind)}") from None


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("must be a number with a decimal point and no unit")
    return number

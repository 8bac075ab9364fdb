"""Tables of results as files: CSV for programs, a workbook with its definitions for people.

Numbers stay numbers. Text stays text: a name that a spreadsheet would take for a formula is written
as the text it is, so that opening a file never computes anything.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from registry.exchange.values import is_formula, write_cell

Row = Mapping[str, Any]

WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"
LONGEST_CELL: Final = 32_767
WIDEST_COLUMN: Final = 48
WIDTH_OF_DEFINITIONS: Final = (28, 110)
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0, and so a workbook, cannot hold."""


def csv_bytes(rows: Sequence[Row], about: Row) -> bytes:
    """The rows under a header; each ends with ``about``, which says where it comes from."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, [*rows[0], *about])
        writer.writeheader()
        for row in rows:
            writer.writerow({name: write_cell(value) for name, value in {**row, **about}.items()})
    return text.getvalue().encode()


def workbook_bytes(
    title: str,
    rows: Sequence[Row],
    definitions: Iterable[tuple[str, str]],
    *,
    made_by: str,
    made_at: dt.datetime,
    sheets: tuple[str, str] = ("Table", "Definitions"),
) -> bytes:
    """A workbook: the rows with their types, and on a second sheet what they mean."""
    book = Workbook()
    book.properties.title, book.properties.creator = _text(title), _text(made_by)
    book.properties.created = book.properties.modified = made_at.astimezone(dt.UTC).replace(
        tzinfo=None
    )
    table = book.worksheets[0]
    table.title = sheets[0]
    if rows:
        _write_row(table, 1, list(rows[0]), bold=True)
        for number, row in enumerate(rows, 2):
            _write_row(table, number, list(row.values()))
        table.freeze_panes = "A2"
        table.auto_filter.ref = table.dimensions
        for i, name in enumerate(rows[0], 1):
            widest = max(len(str(value)) for value in (name, *(row[name] for row in rows)))
            table.column_dimensions[get_column_letter(i)].width = min(widest + 2, WIDEST_COLUMN)
    about = book.create_sheet(sheets[1])
    for number, (name, said) in enumerate(definitions, 1):
        _write_row(about, number, [name, said])
        about.cell(number, 1).font = Font(bold=True)
        for cell in about[number]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("AB", WIDTH_OF_DEFINITIONS, strict=True):
        about.column_dimensions[letter].width = width
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _write_row(sheet: Worksheet, number: int, values: Sequence[Any], *, bold: bool = False) -> None:
    for i, value in enumerate(values, 1):
        cell = sheet.cell(number, i)
        assert isinstance(cell, Cell)  # noqa: S101 - no cell of ours is merged
        if isinstance(value, bool | int | float | dt.date) and not isinstance(value, dt.datetime):
            cell.value = value
        elif value is not None:
            text = _text(value)
            cell.value = text
            # Otherwise a text that begins with "=" would be stored as a formula.
            cell.data_type = "s"
            if is_formula(text):
                cell.quotePrefix = True
        if bold:
            cell.font = Font(bold=True)


def _text(value: object) -> str:
    """The value as text that a workbook can hold."""
    return _NOT_XML.sub("", str(value))[:LONGEST_CELL]

"""The column dictionary and the template: what a clinic needs to fill the files by hand."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from registry.catalogue import catalogue
from registry.database import Quantity
from registry.errors import UnreadableFile
from registry.exchange.columns import Column, File, Kind
from registry.exchange.format import FILES, LONGEST_KEY
from registry.exchange.writing import FileSet
from registry.messages import _, message

GUIDE_WIDTH: Final = 92
"""Characters on a line of the guide."""


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """One column of one file, explained from the database column and the catalogue."""

    file: str
    column: str
    required: str
    meaning: str
    type: str
    unit: str
    allowed: str


def column_dictionary() -> tuple[ColumnDescription, ...]:
    """Every column of every file, in the order of the template."""
    return tuple(
        ColumnDescription(
            file=file.name,
            column=column.name,
            required=_required(column),
            meaning=str(column.meaning),
            type=_type(column),
            unit=_(column.source.info.get("unit") or ""),
            allowed="; ".join(column.allowed()),
        )
        for file in FILES.values()
        for column in file.columns.values()
    )


def column_page() -> str:
    """The column dictionary as a page in Markdown, with the codes of the catalogue."""
    lines = [
        "# Columns of the import and export files",
        "",
        "Made from the data model and the catalogue by `python -m registry.exchange "
        "docs/columns.md`; how to import is told in [import.md](import.md).",
        "",
    ]
    described = column_dictionary()
    for file in FILES.values():
        lines += [f"## {file.name}", "", _about(file), ""]
        lines += ["| Column | Needed | Meaning | Written as | Unit |", "|---|---|---|---|---|"]
        for row in described:
            if row.file == file.name:
                column = file.columns[row.column]
                written = row.type
                if column.codes:
                    written += f" of the [list below](#{column.codes.replace('_', '-')})"
                elif row.allowed and column.kind is Kind.CHOICE:
                    written = f"one of {row.allowed.replace('; ', ', ')}"
                lines.append(
                    f"| `{row.column}` | {row.required} | {row.meaning} | {written} | {row.unit} |"
                )
        lines.append("")
    lines += ["# Codes", ""]
    for name in dict.fromkeys(c.codes for f in FILES.values() for c in f.columns.values()):
        if name is not None:
            lines += [f"## {name.replace('_', ' ')}", "", "| Code | Meaning |", "|---|---|"]
            lines += [
                f"| `{code}` | {row.label} |" for code, row in getattr(catalogue(), name).items()
            ]
            lines.append("")
    return "\n".join(lines)


def write_template(folder: Path) -> None:
    """Write empty files with their headers, the column dictionary and a guide into ``folder``.

    Raises :class:`UnreadableFile` when the folder holds anything already or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UnreadableFile(
                message(
                    "{folder} is not empty and was not touched. Name a new folder.",
                    folder=folder.name,
                )
            )
        with FileSet(folder, archive=False) as files:
            for file in _to_fill():
                files.table(file.name, file.columns, ())
            files.text("columns.csv", _dictionary_csv())
            files.text("README.txt", _guide())
    except OSError as error:
        raise UnreadableFile(
            message(
                "The template could not be written ({reason}). Check the folder and your rights.",
                reason=error.strerror or type(error).__name__,
            )
        ) from None


def _required(column: Column) -> str:
    if column.required:
        return _("yes")
    if column.withheld is None:
        return _("no")
    return _("no ({left_out})").format(left_out=_(column.withheld.value))


def _type(column: Column) -> str:
    type_, between = column.source.type, column.source.info.get("between")
    match column.kind:
        case Kind.KEY:
            length = getattr(type_, "length", None) or LONGEST_KEY
            return _("key, up to {count} characters").format(count=length)
        case Kind.TEXT:
            if isinstance(type_, sa.String) and type_.length:
                return _("text, up to {count} characters").format(count=type_.length)
            return _("text")
        case Kind.CODE:
            return _("code")
        case Kind.DAY:
            return _("day as 2026-11-23")
        case Kind.WHOLE | Kind.DECIMAL:
            words = _(column.kind.value)
            if isinstance(type_, Quantity):
                words = _("{number} with up to {count} decimals").format(
                    number=words, count=type_.scale
                )
            if between is None:
                return words
            least, most = between
            return _("{number}, {least} to {most}").format(number=words, least=least, most=most)
        case _:
            return _(column.kind.value)


def _about(file: File) -> str:
    if not file.imported:
        return f"{file.meaning} {_('Written by an export only.')}"
    return f"{file.meaning} {_('Must be there.') if file.required else _('May be left out.')}"


def _to_fill() -> Iterable[File]:
    return (file for file in FILES.values() if file.imported)


def _dictionary_csv() -> str:
    text = io.StringIO(newline="")
    rows = [asdict(row) for row in column_dictionary()]
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _guide() -> str:
    needed = ", ".join(file.name for file in FILES.values() if file.required)
    paragraphs = (
        _("How to fill these files"),
        _(
            "Needed are {files}; a file you do not use may be deleted. columns.csv explains every "
            "column and lists the values that may stand in it."
        ).format(files=needed),
        _(
            "Keys are your own texts: patient P-0001, session S1. The same key means the same "
            "patient or session in every file. Never use a name or a birth date as a key. Keep all "
            "columns and their names. A cell without an answer stays blank; blank never means no. "
            "Write days as 2026-11-23 and numbers with a point, as 0.5. In a spreadsheet, format "
            "all cells as text before you type, and save as CSV UTF-8."
        ),
        _("Then look at what would be stored, and store it:"),
    )
    lines = [line for text in paragraphs for line in (*textwrap.wrap(text, GUIDE_WIDTH), "")]
    lines += ["    sclero import FOLDER --dry-run", "    sclero import FOLDER", ""]
    lines += [_("Importing the same files twice stores nothing twice."), ""]
    lines += [f"{file.name:<22} {file.meaning}" for file in _to_fill()]
    return "\r\n".join(lines) + "\r\n"

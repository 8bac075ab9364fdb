"""Read a folder or an archive of the canonical format, strictly and row by row.

Nothing is guessed: one encoding, one delimiter, every row as long as its header, only columns of
the format. Every problem is noted with its place; what remains readable is read, so that one
attempt shows all faults. Uploads are limited before anything is unpacked; files named on the
command line are streamed without those limits.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from registry import language
from registry.entry.problems import Level
from registry.errors import UnreadableFile
from registry.exchange.columns import Column, File, Kind
from registry.exchange.format import FILES
from registry.exchange.opening import DAMAGED, Limits, Member, members_of
from registry.exchange.problems import FileProblem, Problems
from registry.exchange.values import CellFault, nearest, reader
from registry.messages import N_, Message, message

Progress = Callable[[int, int, str], None]
"""Called with work done, work in all, and the name of the phase."""

_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row whose cells could all be read; ``values`` holds those that are not blank."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """What was read of one file.

    ``left_out`` names columns that the file does not have. ``broken`` holds, for each key column,
    keys of rows that could not be read, so that references to them are not reported as well.
    """

    file: File
    rows: tuple[Row, ...]
    left_out: frozenset[str]
    broken: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """What a set of files says; ``content_digest`` is SHA-256 over their names and contents."""

    tables: Mapping[str, Table]
    problems: Problems
    content_digest: str
    row_count: int


def read_files(
    source: Path | bytes | Mapping[str, bytes],
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Parsed:
    """Read the files of ``source``: a folder, a zip archive (path or content), or uploads by name.

    Problems of rows and columns are in ``Parsed.problems``. Raises :class:`UnreadableFile` when
    the source as a whole cannot be read: not there, not an archive, damaged, or beyond ``limits``.
    """
    with ExitStack() as stack:
        try:
            members = members_of(source, limits, stack)
            return _read_members(members, limits, progress)
        except DAMAGED:
            raise UnreadableFile(
                message(
                    "The archive is damaged or encrypted, and nothing of it was used. Make it "
                    "again, or give the folder with the files."
                )
            ) from None
        except OSError as error:
            raise UnreadableFile(
                message(
                    "The files cannot be read ({reason}). Check that they exist and that you may "
                    "read them.",
                    reason=error.strerror or type(error).__name__,
                )
            ) from None


def content_digest(digests: Mapping[str, str]) -> str:
    """SHA-256 over names and contents of files, from the SHA-256 of each."""
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(f"{name} {digests[name]}\n".encode())
    return whole.hexdigest()


class _Digesting(io.RawIOBase):
    """A binary file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        self.digest.update(content)
        self.done += len(content)
        buffer[: len(content)] = content
        return len(content)


def _read_members(
    members: list[Member], limits: Limits | None, progress: Progress | None
) -> Parsed:
    problems = Problems()
    tables: dict[str, Table] = {}
    digests: dict[str, str] = {}
    total = sum(member.size for member in members)
    before = rows = 0
    for member in members:
        with member.open() as content:
            raw = _Digesting(content)

            def report(
                done: int, raw: _Digesting = raw, before: int = before, rows: int = rows
            ) -> None:
                if limits is not None and rows + done > limits.rows:
                    raise UnreadableFile(
                        message(
                            "The files hold more than {count} rows, the most that can be "
                            "uploaded. Nothing was stored. Import them with `sclero import`.",
                            count=language.count(limits.rows),
                        )
                    )
                if progress is not None:
                    progress(before + raw.done, total, "reading")

            table = _read_table(FILES[member.name], raw, limits, problems, report)
            while raw.read(2**20):  # whatever a fault left unread counts for the digest too
                pass
            tables[member.name] = table
            digests[member.name] = raw.digest.hexdigest()
            rows += len(table.rows)
            before += raw.done
    for name, file in FILES.items():
        if name not in tables:
            tables[name] = Table(file, (), frozenset(file.columns), {})
    if not any(table.rows for table in tables.values()) and not problems.count(Level.REFUSE):
        raise UnreadableFile(
            message("The files hold headers and no rows: there is nothing to import.")
        )
    return Parsed(tables, problems, content_digest(digests), rows)


def _read_table(
    file: File,
    raw: _Digesting,
    limits: Limits | None,
    problems: Problems,
    report: Callable[[int], None],
) -> Table:
    rows: list[Row] = []
    keys = [name for name, column in file.columns.items() if column.kind is Kind.KEY]
    broken: dict[str, set[str]] = {name: set() for name in keys}
    number = 0
    left_out: frozenset[str] = frozenset()
    text = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8-sig", newline="")
    records = csv.reader(_lines(text), strict=True)

    def refuse(found: str, rule: str, said: Message | CellFault, column: str = "") -> None:
        if isinstance(said, CellFault):
            said = said.advice() if problems.keeps_more(Level.REFUSE) else said.message
        problems.add(FileProblem(file.name, number, column, found, rule, said))

    try:
        number = 1
        header = next(records, [])
        columns = _header(file, header, refuse)
        left_out = frozenset(file.columns) - set(header)
        if columns is not None:
            for cells in records:
                number += 1
                if not cells:
                    continue
                if len(cells) != len(header):
                    refuse(
                        N_("fewer cells") if len(cells) < len(header) else N_("more cells"),
                        "as_long_as_header",
                        message(
                            "The header has {wanted} cells, this row {found}. Text that holds a "
                            "comma stands between double quotes.",
                            wanted=len(header),
                            found=len(cells),
                        ),
                    )
                    continue
                values = _row(columns, cells, limits, refuse, broken)
                if values is not None:
                    rows.append(Row(number, values))
                if number % _CHUNK == 0:
                    report(number)
        report(number - 1)
    except UnicodeDecodeError:
        refuse(
            N_("other encoding"),
            "utf_8",
            message("The file is not UTF-8 from here on. Save it as CSV UTF-8."),
        )
    except csv.Error as error:
        number += 1
        refuse(
            N_("not CSV"),
            "csv",
            message(
                "Not readable as CSV ({reason}). Check the double quotes of this row; a quote "
                "inside a text is written twice.",
                reason=error,
            ),
        )
    except _NulFound:
        number += 1
        refuse(
            N_("NUL character"),
            "no_nul",
            message("NUL characters: this is not a text file in UTF-8."),
        )
    finally:
        text.detach().detach()
    return Table(file, tuple(rows), left_out, {name: frozenset(broken[name]) for name in keys})


class _NulFound(Exception):
    """A NUL character, which no text file holds."""


def _lines(text: Iterable[str]) -> Iterator[str]:
    for line in text:
        if "\x00" in line:
            raise _NulFound
        yield line


def _header(
    file: File, header: list[str], refuse: Callable[..., None]
) -> list[tuple[str, Column, Callable[[str], Any]]] | None:
    """The columns in the order of the file; None when the header cannot be used."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        refuse(
            N_("another delimiter"),
            "comma",
            message(
                "The cells are not separated by commas. Save the file as CSV UTF-8 with commas."
            ),
        )
        return None
    if len(header) > 2 * len(file.columns):
        refuse(
            N_("more cells"),
            "known_column",
            message(
                "The file has {count} columns; the first row must hold their names.",
                count=len(file.columns),
            ),
        )
        return None
    faults = 0
    for place, name in enumerate(header, 1):
        if name not in file.columns:
            faults += 1
            # The text is not repeated: without a header it would be a patient's data.
            hint = nearest(name, tuple(file.columns))
            said = message(
                "Column {place} is not one of this file. {hint}",
                place=place,
                hint=hint or message("The first row must hold the column names."),
            )
            refuse(N_("unknown column"), "known_column", said)
        elif header.index(name) < place - 1:
            faults += 1
            refuse(N_("column twice"), "column_once", message("The column stands twice."), name)
    for name, column in file.columns.items():
        if name not in header and column.withheld is None:
            faults += 1
            refuse(
                N_("missing column"),
                "column_there",
                message(
                    "The column is missing. Keep all columns of the template; cells may be blank."
                ),
                name,
            )
    if faults:
        return None
    return [(name, file.columns[name], reader(file.columns[name])) for name in header]


def _row(
    columns: list[tuple[str, Column, Callable[[str], Any]]],
    cells: list[str],
    limits: Limits | None,
    refuse: Callable[..., None],
    broken: dict[str, set[str]],
) -> dict[str, Any] | None:
    """Values of a row by column; None when a cell cannot be read."""
    values: dict[str, Any] = {}
    sound = True
    for (name, column, read), cell in zip(columns, cells, strict=True):
        if cell:
            try:
                if limits is not None and len(cell) > limits.cell:
                    most = message("At most {count} characters.", count=language.count(limits.cell))
                    raise CellFault(N_("long text"), "length", most)
                values[name] = read(cell)
            except CellFault as fault:
                sound = False
                refuse(fault.found, fault.rule, fault, name)
        elif column.required:
            sound = False
            refuse(N_("blank"), "required", message("This cell must be filled."), name)
    if sound:
        return values
    for name, keys in broken.items():
        if name in values:
            keys.add(values[name])
    return None

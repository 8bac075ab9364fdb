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
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from registry import language
from registry.entry.problems import Level
from registry.errors import UnreadableFile
from registry.exchange.columns import Column, File, Kind
from registry.exchange.format import FILES
from registry.exchange.problems import FileProblem, Problems
from registry.exchange.values import CellFault, nearest, reader
from registry.messages import N_, Message, message

Progress = Callable[[int, int, str], None]
"""Called with work done, work in all, and the name of the phase."""

BESIDE: Final = frozenset({"manifest.json", "README.txt", "columns.csv"})
"""Files that a template or an export holds beside the data; reading passes over them."""
_OF_THE_SYSTEM: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
_END_RECORD: Final = 22
_COUNTED_ELSEWHERE: Final = 0xFFFF
_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may hold at most; bytes, characters, counts and the ratio of unpacking."""

    size: int
    unpacked: int
    ratio: int
    entries: int
    rows: int
    cell: int


UPLOAD_LIMITS: Final = Limits(
    size=20 * 2**20,
    unpacked=100 * 2**20,
    ratio=100,
    entries=30,
    rows=200_000,
    cell=10_000,
)


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


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes]]


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
            members = _members(source, limits, stack)
            return _read_members(members, limits, progress)
        except _DAMAGED:
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


# --- opening -------------------------------------------------------------------------------------


def _members(
    source: Path | bytes | Mapping[str, bytes], limits: Limits | None, stack: ExitStack
) -> list[_Member]:
    if isinstance(source, Path):
        if source.is_dir():
            return _known_only(
                _Member(path.name, path.stat().st_size, _opener(path))
                for path in sorted(source.iterdir())
                if path.is_file() and path.name not in _OF_THE_SYSTEM
            )
        if limits is not None:
            _refuse_above(source.stat().st_size, limits.size)
        return _archive(stack.enter_context(source.open("rb")), limits, stack)
    if isinstance(source, bytes):
        source = {"": source}
    if limits is not None:
        _refuse_above(sum(map(len, source.values())), limits.size)
    if len(source) == 1:
        (name, content), *_ = source.items()
        if name not in FILES:
            return _archive(io.BytesIO(content), limits, stack)
    return _known_only(
        _Member(name, len(content), _content_opener(content)) for name, content in source.items()
    )


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _content_opener(content: bytes) -> Callable[[], IO[bytes]]:
    return lambda: io.BytesIO(content)


def _archive(content: IO[bytes], limits: Limits | None, stack: ExitStack) -> list[_Member]:
    if not zipfile.is_zipfile(content):
        raise UnreadableFile(
            message(
                "This is neither a folder nor a zip archive of the files of the format. A single "
                "CSV file does not tell what belongs together: put all of them into one folder or "
                "archive."
            )
        )
    try:
        archive = stack.enter_context(zipfile.ZipFile(content))
        _refuse_lost_entries(content, archive)
    except (ValueError, LookupError, OverflowError, struct.error) as error:
        raise zipfile.BadZipFile from error
    entries = [
        entry for entry in archive.infolist() if entry.file_size or not entry.filename.endswith("/")
    ]
    if any(entry.filename in ("[Content_Types].xml", "mimetype") for entry in entries):
        raise UnreadableFile(
            message(
                "This is a workbook, not an archive of CSV files. Save each sheet as CSV UTF-8 "
                "under the name of its file (patients.csv, sessions.csv, ...) and give the folder."
            )
        )
    entries = [
        entry
        for entry in entries
        if not entry.filename.startswith("__MACOSX/")
        and PurePosixPath(entry.filename).name not in _OF_THE_SYSTEM
    ]
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableFile(
            message("The archive is encrypted. Unpack it first and give the folder.")
        )
    if limits is not None:
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        if len(entries) > limits.entries:
            raise UnreadableFile(
                message(
                    "The archive holds {count} files, more than the {most} allowed. Nothing of it "
                    "was opened.",
                    count=language.count(len(entries)),
                    most=limits.entries,
                )
            )
        _refuse_above(unpacked, limits.unpacked)
        if unpacked > limits.ratio * max(packed, 1):
            raise UnreadableFile(
                message(
                    "The archive unpacks to more than {ratio} times its size, as only a harmful "
                    "one does. Nothing of it was opened. Give the files without packing them.",
                    ratio=limits.ratio,
                )
            )
    if len({PurePosixPath(entry.filename).parent for entry in entries}) > 1:
        raise UnreadableFile(
            message(
                "The archive holds files in several folders, so it is not clear which are meant. "
                "Put the files of one clinic into one archive."
            )
        )
    return _known_only(
        _Member(PurePosixPath(entry.filename).name, entry.file_size, _entry_opener(archive, entry))
        for entry in entries
    )


def _entry_opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def open_entry() -> IO[bytes]:
        try:
            return archive.open(entry)
        except (ValueError, LookupError, OverflowError, struct.error) as error:
            # What zipfile lets through when offsets or names in a damaged archive make no sense.
            raise zipfile.BadZipFile from error

    return open_entry


def _refuse_lost_entries(content: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Compare with the number of entries at the archive's end, which zipfile does not do.

    One wrong length in the directory hides every entry after it: files would be missing unseen.
    """
    content.seek(0, io.SEEK_END)
    content.seek(-min(content.tell(), _END_RECORD + 2**16), io.SEEK_END)
    tail = content.read()
    (promised,) = struct.unpack_from("<H", tail, tail.rindex(b"PK\x05\x06") + 10)
    if promised not in (len(archive.infolist()), _COUNTED_ELSEWHERE):
        raise zipfile.BadZipFile


def _refuse_above(size: int, limit: int) -> None:
    if size > limit:
        raise UnreadableFile(
            message(
                "The files are larger ({size} MiB) than the {most} MiB that can be uploaded. "
                "Nothing was read. Import them with `sclero import` on the server.",
                size=language.count(size / 2**20),
                most=language.count(limit // 2**20),
            )
        )


def _known_only(found: Iterable[_Member]) -> list[_Member]:
    members: dict[str, _Member] = {}
    for member in found:
        if member.name in BESIDE:
            continue
        if member.name in members:
            raise UnreadableFile(
                message("The archive holds {file} twice. Leave one of them.", file=member.name)
            )
        members[member.name] = member
    unknown = [name for name in members if name not in FILES]
    if unknown:
        shown = ascii(unknown[0][:60])
        hint = nearest(unknown[0], tuple(FILES))
        raise UnreadableFile(
            message(
                "Not part of the format: {count}, the first is {file}. {hint} The files of the "
                "format are: {files}.",
                count=language.count(len(unknown)),
                file=shown,
                hint=hint or message("Take out what does not belong there."),
                files=", ".join(FILES),
            )
        )
    missing = [name for name, file in FILES.items() if file.required and name not in members]
    if missing:
        raise UnreadableFile(
            message(
                "{missing} not found. Needed are at least {needed}; get empty ones from the "
                "template.",
                missing=", ".join(missing),
                needed=", ".join(name for name, file in FILES.items() if file.required),
            )
        )
    return [members[name] for name in FILES if name in members]


# --- reading -------------------------------------------------------------------------------------


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
    members: list[_Member], limits: Limits | None, progress: Progress | None
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

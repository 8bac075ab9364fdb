"""Open what holds the files of the format: a folder, a zip archive or uploads.

Nothing of an archive is unpacked before its directory was looked at; uploads are limited in size,
number and ratio of unpacking.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from registry import language
from registry.errors import UnreadableFile
from registry.exchange.format import FILES
from registry.exchange.values import nearest
from registry.messages import message

BESIDE: Final = frozenset({"manifest.json", "README.txt", "columns.csv"})
"""Files that a template or an export holds beside the data; reading passes over them."""
_OF_THE_SYSTEM: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
"""What an archive that is damaged or encrypted raises."""
_END_RECORD: Final = 22
_COUNTED_ELSEWHERE: Final = 0xFFFF


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
class Member:
    """One file of a source: its name, its size in bytes, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def members_of(
    source: Path | bytes | Mapping[str, bytes], limits: Limits | None, stack: ExitStack
) -> list[Member]:
    """The files of the format in ``source``, in reading order.

    Raises :class:`UnreadableFile` for what is no such set of files or beyond ``limits``, and one of
    :data:`DAMAGED` for a damaged archive. ``stack`` closes what was opened.
    """
    if isinstance(source, Path):
        if source.is_dir():
            return _known_only(
                Member(path.name, path.stat().st_size, _opener(path))
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
        Member(name, len(content), _content_opener(content)) for name, content in source.items()
    )


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _content_opener(content: bytes) -> Callable[[], IO[bytes]]:
    return lambda: io.BytesIO(content)


def _archive(content: IO[bytes], limits: Limits | None, stack: ExitStack) -> list[Member]:
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
        Member(PurePosixPath(entry.filename).name, entry.file_size, _entry_opener(archive, entry))
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


def _known_only(found: Iterable[Member]) -> list[Member]:
    members: dict[str, Member] = {}
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

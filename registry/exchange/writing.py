"""Write files of the canonical format, so that the same rows always give the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from registry.exchange.reading import content_digest
from registry.exchange.values import write_cell

_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ORDINARY_FILE: Final = 0o100644 << 16
_UNIX: Final = 3


class FileSet:
    """Files being written into a folder or a zip archive.

    An archive carries no time and no owner. ``rows`` and ``digests`` tell the number of rows and
    the SHA-256 of each table written.
    """

    def __init__(self, target: Path | IO[bytes], *, archive: bool) -> None:
        """Write into the folder ``target``, or into an archive there."""
        self.rows: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self._folder = target if isinstance(target, Path) and not archive else None
        self._zip = None if self._folder else zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    @property
    def content_digest(self) -> str:
        """SHA-256 over names and contents of the tables, as an import computes it."""
        return content_digest(self.digests)

    def table(self, name: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a table; a row may lack columns, which stay blank."""
        header = list(columns)
        digest = hashlib.sha256()
        with self._open(name) as file:
            text = io.TextIOWrapper(
                io.BufferedWriter(_Hashed(file, digest)), encoding="utf-8", newline=""
            )
            writer = csv.writer(text)
            writer.writerow(header)
            count = 0
            for row in rows:
                writer.writerow([write_cell(row.get(column)) for column in header])
                count += 1
            text.flush()
            text.detach().detach()
        self.rows[name] = count
        self.digests[name] = digest.hexdigest()

    def text(self, name: str, content: str) -> None:
        """Write a file beside the tables."""
        with self._open(name) as file:
            file.write(content.encode())

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        if self._folder is not None:
            with (self._folder / name).open("wb") as file:
                yield file
        elif self._zip is not None:
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _ORDINARY_FILE
            entry.create_system = _UNIX
            with self._zip.open(entry, "w") as file:
                yield file


class _Hashed(io.RawIOBase):
    """A binary file that is hashed while it is written."""

    def __init__(self, file: IO[bytes], digest: Any) -> None:
        self._file = file
        self._digest = digest

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._digest.update(content)
        self._file.write(content)
        return len(content)

"""What the page of files asks of the registry, and the files that it offers.

No element is drawn in here. Whatever takes long is handed back as work under way.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from dashboard import downloads, state
from dashboard.background import Work
from dashboard.text import _
from registry import access_log
from registry.entry.problems import Level
from registry.errors import UnreadableFile
from registry.exchange import (
    UPLOAD_LIMITS,
    ExportReport,
    ImportPlan,
    ImportReport,
    Progress,
    carry_out,
    column_dictionary,
    export,
    plan_import,
    read_files,
    write_template,
)
from registry.exchange.values import write_cell

CSV: Final = "text/csv; charset=utf-8"
ZIP: Final = "application/zip"


class Upload(Protocol):
    """A file as the browser sent it."""

    name: str

    def getvalue(self) -> bytes:
        """The content."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An export that waits to be fetched once, under ``path``."""

    name: str
    path: str
    report: ExportReport
    at: dt.datetime


@dataclass(slots=True)
class Check:
    """The check of one set of uploaded files."""

    of: tuple[object, ...]
    work: Work[ImportPlan]
    refused_since: ImportPlan | None = None


def stages() -> dict[str, str]:
    """What long work is doing, in words."""
    return {
        "reading": _("Reading the files"),
        "checking": _("Comparing with what is stored"),
        "storing": _("Storing"),
        "writing": _("Writing the files"),
    }


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a file that no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: write_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def offer_template() -> str:
    """Path of the empty files with their guide, in one archive."""
    return downloads.offer(state.actor().user_id, "template.zip", ZIP, _template, now=state.now())


def offer_dictionary() -> str:
    """Path of the column dictionary."""
    return downloads.offer(
        state.actor().user_id,
        "columns.csv",
        CSV,
        lambda: as_csv([asdict(row) for row in column_dictionary()]),
        now=state.now(),
    )


def offer_problems(plan: ImportPlan) -> str:
    """Path of the list of problems of an import: every kind with its count, and the places kept."""
    rows = list(_problem_rows(plan))
    return downloads.offer(
        state.actor().user_id, "problems.csv", CSV, lambda: as_csv(rows), now=state.now()
    )


def begin_table(
    name: str, make: Callable[[], Sequence[Mapping[str, Any]]], action: str, detail: str
) -> Work[str]:
    """Begin to make a table; gives its path. Fetching it is written to the log as ``action``.

    ``make`` runs in another thread, so it must ask nothing of the page.
    """
    by, clinic_id, engine = state.actor(), state.clinic(), state.engine()

    def task(_progress: Progress) -> str:
        rows = make()
        content, row_count = as_csv(rows), len(rows)

        def hand_over() -> bytes:
            access_log.log_access(
                engine,
                by,
                action,
                now=state.now(),
                clinic_id=clinic_id,
                row_count=row_count,
                detail=detail,
            )
            return content

        return downloads.offer(by.user_id, name, CSV, hand_over, now=state.now())

    return Work(task)


def check(uploads: Iterable[Upload]) -> Work[ImportPlan]:
    """Begin to read uploaded files and to say what an import of them would do."""
    engine, by, clinic_id, now = state.reading_engine(), state.actor(), state.clinic(), state.now()
    contents: dict[str, bytes] = {}
    twice = []
    for upload in uploads:
        if upload.name in contents:
            twice.append(upload.name)
        contents[upload.name] = upload.getvalue()

    def task(progress: Progress) -> ImportPlan:
        if twice:
            raise UnreadableFile(
                _(
                    "Two of the files have the same name, so it is not clear which is meant. Take "
                    "one away. Nothing was stored."
                )
            )
        parsed = read_files(contents, limits=UPLOAD_LIMITS, progress=progress)
        return plan_import(engine, by, clinic_id, parsed, now=now, progress=progress)

    return Work(task)


def begin_import(plan: ImportPlan, accepted: Collection[str]) -> Work[ImportReport]:
    """Begin to store what is new, all of it or nothing."""
    engine, by, clinic_id, now = state.engine(), state.actor(), state.clinic(), state.now()
    confirmed = replace(plan, accepted=frozenset(accepted))
    return Work(
        lambda progress: carry_out(engine, by, clinic_id, confirmed, now=now, progress=progress)
    )


def begin_export(*, free_text: bool, identity: bool, reason: str | None) -> Work[Prepared]:
    """Begin to write an archive of the clinic's records; making it is logged."""
    engine, by, clinic, now = state.engine(), state.actor(), state.clinic_summary(), state.now()
    suffix = "_with_names" if identity else "_with_notes" if free_text else ""
    name = f"{clinic.code}_{state.today().isoformat()}{suffix}.zip"

    def task(progress: Progress) -> Prepared:
        archive = io.BytesIO()
        report = export(
            engine,
            by,
            clinic.id,
            archive,
            now=now,
            include_free_text=free_text,
            identity=identity,
            reason=reason,
            progress=progress,
        )
        path = downloads.offer(by.user_id, name, ZIP, archive.getvalue(), now=state.now())
        return Prepared(name, path, report, now)

    return Work(task)


def _template() -> bytes:
    archive = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        write_template(Path(folder))
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(Path(folder).iterdir()):
                packed.write(path, path.name)
    return archive.getvalue()


def _problem_rows(plan: ImportPlan) -> Iterable[dict[str, Any]]:
    for level in Level:
        for entry in plan.problems.by_rule(level):
            yield _problem_row(level, entry.count, entry.first, is_summary=True)
    for level in Level:
        for problem in plan.problems.kept(level):
            yield _problem_row(level, 1, problem, is_summary=False)


def _problem_row(level: Level, count: int, problem: Any, *, is_summary: bool) -> dict[str, Any]:
    return {
        "line": "kind" if is_summary else "place",
        "level": level.value,
        "count": count,
        "file": problem.file,
        "row": problem.row,
        "column": problem.column,
        "message": str(problem.message),
        "found": _(problem.found),
        "rule": problem.rule,
    }

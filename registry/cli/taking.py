"""A report as a file, as a picture, in print, and the records behind one of its counts."""

from __future__ import annotations

import datetime as dt
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from registry.cli.console import now, say, show_table
from registry.errors import NotFound, RegistryError
from registry.messages import _

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from registry.access import Actor
    from registry.analysis.cohort import CohortFilter
    from registry.analysis.colophon import Colophon
    from registry.analysis.frozen import PeriodKept
    from registry.analysis.openable_counts import Behind
    from registry.analysis.results import Report


EVERY_RECORD: Final = 1_000_000_000


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


class NotWritten(RegistryError):
    """A picture cannot be written where it should be."""


def write(engine: Engine, by: Actor, answer: Report, format_: Format) -> None:
    """Write the unrounded rows, or the whole result as JSON, and log it."""
    from registry.analysis.results import result_for_programs, rows_for_programs
    from registry.exchange.tables import csv_bytes, workbook_bytes

    taken = _taken(engine, by, answer, format_.value)
    if format_ is Format.JSON:
        said = {name: str(value) for name, value in taken.columns.items()}
        typer.echo(
            json.dumps(result_for_programs(answer) | {"taken": said}, indent=2, ensure_ascii=False)
        )
        return
    if format_ is Format.PDF:
        from dashboard.take_away import printed_file

        content = printed_file(answer, taken)
    elif format_ is Format.CSV:
        content = csv_bytes(rows_for_programs(answer), taken.columns)
    else:
        content = workbook_bytes(
            str(taken.heading.title),
            answer.to_rows(),
            [(str(name), str(said)) for name, said in taken.definitions()],
            made_by=taken.taken_by,
            made_at=taken.taken_at,
            sheets=(_("Table"), _("Definitions")),
        )
    typer.get_binary_stream("stdout").write(content)


def write_whole(engine: Engine, by: Actor, cohort: CohortFilter, today: dt.date) -> None:
    """Write the reports of the standard set as one PDF, and log it."""
    from dashboard.take_away import whole_file
    from registry.analysis.colophon import log_taken

    content, taken = whole_file(_standard_set(engine, by, cohort, today))
    log_taken(engine, by, taken, Format.PDF.value)
    typer.get_binary_stream("stdout").write(content)


def content_to_keep(
    engine: Engine, by: Actor, cohort: CohortFilter, today: dt.date
) -> tuple[int, dict[str, Any]]:
    """Version of the data, and what is kept of the reports of the standard set."""
    from dashboard import take_away

    found = _standard_set(engine, by, cohort, today)
    return found[0][0].heading.seal, take_away.content_to_keep(found)


def write_kept(
    engine: Engine, by: Actor, clinic_id: int, period: PeriodKept, content: dict[str, Any]
) -> None:
    """Write the reports of a kept period as they were, as PDF, and log it."""
    from dashboard.take_away import kept_file
    from registry.analysis.frozen import log_kept_taken

    at = now()
    made = kept_file(period, content, taken_by=by.display_name, taken_at=at)
    log_kept_taken(engine, by, clinic_id, period, Format.PDF.value, now=at)
    typer.get_binary_stream("stdout").write(made)


def _standard_set(
    engine: Engine, by: Actor, cohort: CohortFilter, today: dt.date
) -> list[tuple[Report, Colophon]]:
    from registry.analysis.colophon import colophon
    from registry.analysis.frozen import standard_set

    at = now()
    found = standard_set(engine, by, cohort, today=today)
    return [(report, colophon(engine, by, report, now=at)) for report in found]


def draw(engine: Engine, by: Actor, answer: Report, path: Path, picture: str | None = None) -> None:
    """Write a picture of the report's page, the main one without a name, to ``path``; log it."""
    from dashboard.report_figures import picture_of
    from dashboard.take_away import PICTURES, File, picture_file

    ending = path.suffix.removeprefix(".").lower()
    if ending not in {kind.value for kind in PICTURES}:
        raise typer.BadParameter("Name a file that ends in .png or .svg.")
    drawn = picture_of(answer, picture)
    if drawn is None:
        raise NotFound(f"{answer.heading.name} has nothing to draw for these sessions.")
    content = picture_file(File(ending), drawn, _taken(engine, by, answer, ending))
    try:
        path.write_bytes(content)
    except OSError as error:
        raise NotWritten(
            f"The picture could not be written ({error.strerror or type(error).__name__}). Check "
            "the folder, your rights and the free space."
        ) from None
    say(f"The picture is in {path}.")


def list_behind(engine: Engine, by: Actor, asked: Behind, format_: Format) -> None:
    """Print the records behind one count: how many, and each of them."""
    from registry.analysis.behind import records_behind
    from registry.exchange.tables import csv_bytes

    if format_ in (Format.XLSX, Format.PDF):
        raise typer.BadParameter("Records are printed as table, csv or json.")
    found = records_behind(engine, by, asked, now=now(), log=engine, length=EVERY_RECORD)
    lines = [
        {
            "pseudonym": line.pseudonym,
            "treated_on": line.treated_on and line.treated_on.isoformat(),
            "given": line.given and str(line.given),
            "clinician": line.clinician and str(line.clinician),
            "found": line.found and str(line.found),
        }
        for line in found.lines
    ]
    if format_ is Format.JSON:
        said = {"count": found.count, "unit": str(found.unit), "records": lines}
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
    elif format_ is Format.CSV:
        typer.get_binary_stream("stdout").write(csv_bytes(lines, {}))
    else:
        typer.echo(f"{found.count} {found.unit}")
        names = ("Pseudonym", "Treated", "Given", "Clinician", "Found")
        show_table(
            [(name, "left") for name in names],
            [[value or "" for value in line.values()] for line in lines],
        )


def _taken(engine: Engine, by: Actor, answer: Report, ending: str) -> Colophon:
    from registry.analysis.colophon import colophon, log_taken

    taken = colophon(engine, by, answer, now=now())
    log_taken(engine, by, taken, ending)
    return taken

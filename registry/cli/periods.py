"""Reporting periods that are kept as they are: freeze, list, show, withdraw."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.console import LIVE, Database, now, opened, operator, say, show_table, today
from registry.cli.taking import Format, content_to_keep, write_kept

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from registry.access import Actor
    from registry.analysis.frozen import ChangedSince, PeriodKept

periods = typer.Typer(
    no_args_is_help=True, help="Periods kept as they were: freeze, list, show, void."
)

ClinicCode = Annotated[
    str | None, typer.Option("--clinic", help="Code of the clinic; needed when there are several.")
]
PeriodName = Annotated[str, typer.Argument(help="What the clinic calls the period.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.add_typer(periods, name="period")


@periods.command("freeze")
def freeze(
    name: PeriodName,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First treatment day."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last treatment day."),
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="Instead of days, for example last_quarter, last_year.")
    ] = None,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Keep the reports of a period as they are today; they are never changed again.

    \b
      sclero period freeze "2026 Q3" --from 2026-07-01 --to 2026-09-30
      sclero period freeze "2026 Q3" --period last_quarter
    """
    from registry import audit
    from registry.analysis.frozen import cohort_of
    from registry.analysis.periods import span_of
    from registry.entry.problems import Problem
    from registry.entry.reporting_periods import PeriodToKeep, freeze_period, refuse_unfit
    from registry.errors import InvalidEntry
    from registry.messages import message
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    by, clinic_id = operator(engine), clinic_of(engine, clinic).id
    if (start or end) if period is not None else not (start and end):
        raise typer.BadParameter("Give --period, or both --from and --to.")
    first, last = (
        span_of(period, today())
        if period is not None
        else (start and start.date(), end and end.date())
    )
    if first is None or last is None:
        raise InvalidEntry([Problem("period", "has_end", message("The period has no last day."))])
    refuse_unfit(name, first, last, today())
    seal, content = content_to_keep(engine, by, cohort_of(clinic_id, first, last), today())
    freeze_period(
        engine,
        by,
        clinic_id,
        PeriodToKeep(name, first, last, today(), seal, content),
        request_key=audit.request_key(),
        now=now(),
    )
    say(f"“{name.strip()}” is kept as it is today. See it: sclero period show {name.strip()!r}")


@periods.command("list")
def list_periods(clinic: ClinicCode = None, database: Database = LIVE) -> None:
    """List the periods that are kept, the withdrawn ones too."""
    from registry.analysis.frozen import kept_periods
    from registry.analysis.wording import day
    from registry.operations.clinics import clinic_of

    engine = opened(database, read_only=True)
    show_table(
        [
            ("Period", "left"),
            ("From", "left"),
            ("To", "left"),
            ("Kept", "left"),
            ("Withdrawn", "left"),
            ("SHA-256", "left"),
        ],
        [
            (
                kept.name,
                day(kept.first_day),
                day(kept.last_day),
                day(kept.data_as_of),
                day(kept.voided_at.date()) if kept.voided_at else "",
                kept.digest,
            )
            for kept in kept_periods(engine, operator(engine), clinic_of(engine, clinic).id)
        ],
    )


@periods.command("show")
def show(
    name: PeriodName,
    format_: Annotated[
        Format, typer.Option("--format", help="table, or the kept reports as json or pdf.")
    ] = Format.TABLE,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Show the reports of a period as they were kept, and what has changed since.

    \b
      sclero period show "2026 Q3"
      sclero period show "2026 Q3" --format pdf > 2026-Q3.pdf
    """
    from registry.analysis.frozen import changed_since, kept_period, log_kept_taken
    from registry.operations.clinics import clinic_of

    if format_ in (Format.CSV, Format.XLSX):
        raise typer.BadParameter("A kept period is shown as table, json or pdf.")
    engine = opened(database, read_only=format_ is Format.TABLE)
    by, clinic_id = operator(engine), clinic_of(engine, clinic).id
    kept = _named(engine, by, clinic_id, name)
    _period, content = kept_period(engine, by, clinic_id, kept.id)
    if format_ is Format.PDF:
        write_kept(engine, by, clinic_id, kept, content)
    elif format_ is Format.JSON:
        log_kept_taken(engine, by, clinic_id, kept, format_.value, now=now())
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        for section in content["document"]["sections"]:
            typer.echo("\n".join([section["title"], *section["answer"]]) + "\n")
        _print_changes(changed_since(engine, by, clinic_id, kept.id, today=today()), kept)


@periods.command("void")
def void(
    name: PeriodName,
    reason: Annotated[str, typer.Option(help="Why it is withdrawn, in words.")],
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Withdraw a kept period; it stays readable, marked as withdrawn."""
    from registry import audit
    from registry.entry.reporting_periods import void_period
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    by, clinic_id = operator(engine), clinic_of(engine, clinic).id
    kept = _named(engine, by, clinic_id, name)
    void_period(engine, by, clinic_id, kept.id, reason, request_key=audit.request_key(), now=now())
    say(f"“{kept.name}” is withdrawn. It stays readable.")


def _named(engine: Engine, by: Actor, clinic_id: int, name: str) -> PeriodKept:
    from registry.analysis.frozen import kept_periods
    from registry.errors import NotFound

    kept = {period.name: period for period in kept_periods(engine, by, clinic_id)}
    if name.strip() not in kept:
        known = ", ".join(kept) or "none"
        raise NotFound(f"No period is kept under {name[:80]!r}. Kept here: {known}.")
    return kept[name.strip()]


def _print_changes(found: ChangedSince, kept: PeriodKept) -> None:
    from registry.analysis.wording import count, day

    if not found.figures and not found.records:
        typer.echo(f"Nothing has changed since {day(kept.data_as_of)}.")
        return
    typer.echo(f"Changed since {day(kept.data_as_of)} (version {kept.seal} to {found.seal}):")
    show_table(
        [("Report", "left"), ("", "left"), ("", "left"), ("Then", "right"), ("Now", "right")],
        [(line.report, line.row, str(line.figure), line.then, line.now) for line in found.figures],
    )
    show_table(
        [("Records", "left"), ("Added", "right"), ("Amended", "right"), ("Withdrawn", "right")],
        [
            (line.kind.replace("_", " "), *map(count, (line.added, line.amended, line.withdrawn)))
            for line in found.records
        ],
    )

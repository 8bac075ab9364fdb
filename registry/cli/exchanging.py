"""Records in and out: the template, import and export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from registry.cli.console import LIVE, Database, now, opened, operator, progress, say, show_table

if TYPE_CHECKING:
    from registry.exchange import ImportPlan, ImportReport

PLACES_SHOWN: Final = 20

ClinicCode = Annotated[
    str | None, typer.Option("--clinic", help="Code of the clinic; needed when there are several.")
]


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command("template")(template)
    app.command("import")(import_)
    app.command("export")(export)


def template(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Write empty files to fill in, with a guide and the meaning of each column.

    \b
      sclero template my-sessions
    """
    from registry.exchange import write_template

    write_template(folder)
    say(f"Begin with {folder / 'README.txt'}. Then: sclero import {folder} --dry-run")


def import_(
    source: Annotated[Path, typer.Argument(help="A folder of files, or a zip archive of it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; store nothing.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="A rule that you confirm; may be given several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Import records: all of the files, or nothing. Importing them again stores nothing twice.

    \b
      sclero import my-sessions --dry-run
      sclero import my-sessions --accept lot_not_expired
      sclero import examples/guex_2005.zip
    """
    from registry.exchange import carry_out, plan_import, read_files
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    place = clinic_of(engine, clinic)
    by = operator(engine)
    with progress("Reading") as advance:
        parsed = read_files(source, progress=advance)
        plan = plan_import(
            engine, by, place.id, parsed, now=now(), accepted=accept or (), progress=advance
        )
    report = None
    if not dry_run and plan.ready:
        with progress("Storing") as advance:
            report = carry_out(engine, by, place.id, plan, now=now(), progress=advance)
    if as_json:
        stored = dict(report.stored) if report is not None else {}
        typer.echo(json.dumps({**plan.to_dict(), "stored": stored}, indent=2, ensure_ascii=False))
    else:
        _print_plan(plan)
        _print_outcome(plan, report)
    if not plan.ready:
        raise typer.Exit(1)


def export(
    target: Annotated[Path, typer.Argument(help="A new folder, or a name that ends in .zip.")],
    free_text: Annotated[
        bool, typer.Option("--free-text", help="With notes and narratives, which may name people.")
    ] = False,
    identity: Annotated[
        bool, typer.Option("--identity", help="With names, birth dates and hospital numbers.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; needed with --identity or --free-text, and logged.")
    ] = None,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Export a clinic's records as the files that import reads: pseudonymous, and logged.

    \b
      sclero export leg-clinic.zip
      sclero export move.zip --identity --reason "Move to the new server"
    """
    from registry.exchange import export as write
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    place = clinic_of(engine, clinic)
    with progress("Exporting") as advance:
        report = write(
            engine,
            operator(engine),
            place.id,
            target,
            now=now(),
            include_free_text=free_text,
            identity=identity,
            reason=reason,
            progress=advance,
        )
    names = "with" if identity else "without"
    say(f"Wrote {report.row_count:,} rows of {place.code} to {target}, {names} names.")


def _print_plan(plan: ImportPlan) -> None:
    from registry.entry.problems import Level
    from registry.exchange import State

    if plan.counts:
        show_table(
            [("File", "left"), *((state.value.capitalize(), "right") for state in State)],
            [
                (file, *(f"{states.get(state, 0):,}" for state in State))
                for file, states in plan.counts.items()
            ],
        )
    for level in Level:
        for entry in plan.problems.by_rule(level)[:PLACES_SHOWN]:
            rule = f" [{entry.first.rule}]" if level in (Level.STOP, Level.CONFIRM) else ""
            typer.echo(f"{level.value}: {entry.count:,} x {entry.first}{rule}")


def _print_outcome(plan: ImportPlan, report: ImportReport | None) -> None:
    from registry.entry.problems import Level

    refused = plan.problems.count(Level.REFUSE)
    if refused:
        say(f"Nothing was stored: {refused:,} problems must be put right; see “refuse” above.")
    elif plan.to_confirm:
        rules = " ".join(f"--accept {rule}" for rule in _rules_to_confirm(plan))
        say(f"Nothing was stored. Correct the files, or if it is true, add: {rules}")
    elif report is None:
        say(f"{plan.new_rows:,} rows would be stored.")
    elif report.already:
        say(f"Nothing new: all of this was stored on {report.at:%Y-%m-%d %H:%M} UTC or before.")
    else:
        say(f"Stored {sum(report.stored.values()):,} rows.")


def _rules_to_confirm(plan: ImportPlan) -> list[str]:
    return sorted({entry.first.rule for entry in plan.to_confirm})

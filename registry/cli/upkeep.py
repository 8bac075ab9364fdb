"""What keeps an installation healthy: migrations, verification, copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from registry.cli.console import LIVE, Database, existing, now, progress, say

audit_commands = typer.Typer(no_args_is_help=True, help="The audit trail: verify.")


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command("migrate")(migrate)
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("doctor")(doctor)
    app.add_typer(audit_commands, name="audit")


def migrate(
    backup: Annotated[
        bool, typer.Option(help="Copy a SQLite database before it is changed.")
    ] = True,
    database: Database = LIVE,
) -> None:
    """Make an empty registry, or bring an older one up to date.

    \b
      sclero migrate
      sclero migrate --database postgresql://registry@server/registry
    """
    from registry.database import make_engine
    from registry.operations.migration import upgrade

    with progress("Migrating"):
        done = upgrade(make_engine(database), backup=backup)
    if done.backup is not None:
        say(f"The state before is kept in {done.backup}.")
    if done.before is None:
        say("Made an empty registry. Next: sclero clinic add --help")
    elif done.before == done.after:
        say("The registry is up to date.")
    else:
        say(f"Brought the registry from revision {done.before} to {done.after}.")


def backup(
    target: Annotated[
        Path | None, typer.Argument(help="A folder or file; the folder backups otherwise.")
    ] = None,
    database: Database = LIVE,
) -> None:
    """Copy the database while it is in use, check the copy, and write its manifest.

    The copy is not encrypted: keep it where the patients' names may lie. Note the seal that is
    printed somewhere else; "sclero audit verify --anchor" proves with it that nothing was cut off.

    \b
      sclero backup
      sclero backup /media/usb/registry
    """
    from registry.database import sqlite_path
    from registry.operations import backup as copying

    engine = existing(database)
    if target is None:
        path = sqlite_path(database)
        target = (path.parent if path is not None else Path()) / "backups"
    with progress("Copying"):
        report = copying.backup(engine, target, now=now())
    say(f"Copied {sum(report.manifest.rows.values()):,} rows to {report.path}.")
    say(f"Manifest: {report.manifest_path}. Last seal: {report.manifest.seal}")


def restore(
    copy: Annotated[Path, typer.Argument(help="A copy made by sclero backup.")],
    database: Database = LIVE,
) -> None:
    """Put a copy back where nothing is yet, and prove what came back.

    \b
      sclero restore data/backups/registry-20261123T081500Z.sqlite --database data/again.sqlite
    """
    from registry.operations import restore as restoring

    with progress("Restoring"):
        report = restoring.restore(copy, database)
    for sentence in report.proved():
        typer.echo(sentence)
    if not report.verification.is_whole:
        raise typer.Exit(1)


def doctor(
    backups: Annotated[
        Path | None, typer.Option(help="Folder of the copies; backups beside the file otherwise.")
    ] = None,
    database: Database = LIVE,
) -> None:
    """Look whether the installation is fit to hold patients' records, and say what to do.

    \b
      sclero doctor
    """
    from registry.database import make_engine
    from registry.operations import doctor as examining

    found = examining.doctor(make_engine(database), now=now(), backups=backups)
    for diagnosis in found:
        typer.echo(str(diagnosis))
    if not examining.is_fit(found):
        raise typer.Exit(1)


@audit_commands.command("verify")
def verify(
    anchor: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="A seal noted earlier, outside the database."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    database: Database = LIVE,
) -> None:
    """Prove that nothing was changed behind the registry's back.

    Recomputes the chain of seals, replays every change since the last migration against the tables,
    and looks for missing triggers. Note the printed seal on paper: later, --anchor proves that
    nothing was cut off the end.

    \b
      sclero audit verify
      sclero audit verify --anchor 812:4f0c...
    """
    from registry.audit import Anchor
    from registry.operations import audit_verification

    noted = Anchor.parse(anchor) if anchor is not None else None
    with progress("Verifying the audit trail"):
        verification = audit_verification.verify(existing(database), noted)
    if as_json:
        typer.echo(json.dumps(verification.to_dict(), indent=2, ensure_ascii=False))
    else:
        for finding in verification.findings:
            typer.echo(str(finding))
        if verification.unlisted:
            typer.echo(f"... and {verification.unlisted} more.")
        typer.echo(
            f"{verification.seals:,} seals, {verification.audit_rows:,} audit rows and "
            f"{verification.rows:,} rows checked. Last seal: {verification.head}"
        )
        typer.echo("Whole." if verification.is_whole else "NOT whole: see above. Change nothing.")
    if not verification.is_whole:
        raise typer.Exit(1)

"""What keeps an installation healthy: migrations, verification, copies."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from registry.cli.console import LIVE, Database, existing, progress, say

audit_commands = typer.Typer(no_args_is_help=True, help="The audit trail: verify.")


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command("migrate")(migrate)
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

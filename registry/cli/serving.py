"""Starting the pages: the demonstration and the real registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from registry.cli.console import (
    LIVE,
    Database,
    database_url,
    existing,
    now,
    opened,
    operator,
    progress,
    say,
    show_table,
    today,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

DEMO: Final = "data/demo.sqlite"
PORT: Final = 8501

Host = Annotated[str, typer.Option(help="Address to listen on; others need --https.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command("demo")(demo)
    app.command("serve")(serve)


def demo(
    serve_: Annotated[bool, typer.Option("--serve", help="Start the pages too.")] = False,
    open_: Open = False,
    check: Annotated[
        bool, typer.Option("--check", help="Prove that everything works, and leave nothing.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw the old one away first.")] = False,
    port: Port = PORT,
    database: Annotated[
        str,
        typer.Option(
            callback=database_url, metavar="FILE|ADDRESS", help="Where to keep the demonstration."
        ),
    ] = DEMO,
) -> None:
    """Make a demonstration: two made-up clinics, about 1,300 sessions, one account for each role.

    \b
      sclero demo --serve
      sclero demo --check
    """
    if check:
        with tempfile.TemporaryDirectory(prefix="sclero-demo-") as folder:
            _check(f"sqlite:///{Path(folder) / 'demo.sqlite'}")
        return
    engine = _made(database, fresh=fresh)
    _print_accounts(engine)
    if serve_:
        from registry.operations.demo import sign_in_code

        code = sign_in_code(engine, now=now())
        engine.dispose()
        _start(database, "127.0.0.1", port, None, open_browser=open_, demo=code)
    else:
        say("To start the pages: sclero demo --serve")


def serve(
    host: Host = "127.0.0.1",
    port: Port = PORT,
    https: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="CERT KEY", help="Certificate and key, for phones and colleagues."),
    ] = None,
    open_: Open = False,
    database: Database = LIVE,
) -> None:
    """Start the pages of the registry.

    \b
      sclero serve
      sclero serve --https clinic.pem clinic.key --host 0.0.0.0 --port 443
    """
    _start(database, host, port, https, open_browser=open_)


def _start(
    url: str,
    host: str,
    port: int,
    https: tuple[Path, Path] | None,
    *,
    open_browser: bool,
    demo: str | None = None,
) -> None:
    from dashboard import server

    server.serve(url, host, port, https=https, open_browser=open_browser, demo=demo)


def _made(url: str, *, fresh: bool) -> Engine:
    """The demonstration at ``url``, made now unless it is there."""
    from registry.database import make_engine, sqlite_path
    from registry.errors import Conflict
    from registry.operations import demo as demonstration
    from registry.operations import migration

    path = sqlite_path(url)
    if path is not None and path.exists():
        engine = opened(url)
        if not demonstration.is_demo(engine):
            raise Conflict(
                f"{path} holds no demonstration and was left alone. Name another file with "
                "--database."
            )
        if not fresh:
            return engine
        engine.dispose()
        path.unlink()
    elif path is None and fresh:
        raise Conflict("Only a SQLite file can be made afresh. Drop the database and make it anew.")
    engine = make_engine(url)
    with progress("Making the demonstration") as advance:
        migration.upgrade(engine)
        if not demonstration.is_demo(engine):
            demonstration.make_demo(engine, now=now(), progress=lambda phase: advance(0, 0, phase))
    return engine


def _print_accounts(engine: Engine) -> None:
    from registry.operations.demo import open_accounts

    say("Synthetic data only. Sign in as one of these; older passwords no longer work.")
    show_table(
        [("Role", "left"), ("User name", "left"), ("Password", "left")],
        [
            (account.role.value.replace("_", " "), account.user_name, account.password)
            for account in open_accounts(engine, now=now())
        ],
    )


def _check(url: str) -> None:
    from registry.analysis import reports
    from registry.analysis.cohort import CohortFilter
    from registry.errors import Unfit
    from registry.operations.audit_verification import verify

    engine = _made(url, fresh=False)
    by = operator(engine)
    for name in reports.QUESTIONS:
        answer = reports.report(engine, by, name, CohortFilter(), today=today())
        say(f"ok  report {name}: {len(answer.to_rows())} rows")
    verification = verify(existing(url))
    if not verification.is_whole:
        raise Unfit(f"The audit trail is not whole: {verification.findings[0]}")
    say(f"ok  audit trail: {verification.audit_rows:,} rows in {verification.seals} seals")
    engine.dispose()

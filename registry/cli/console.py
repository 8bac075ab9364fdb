"""What the commands share: naming a database, opening it, showing tables and progress."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from registry.language import speaking
from registry.vocabulary import Language

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from registry.access import Actor

DATABASES: Final = ("sqlite", "postgresql", "postgresql+psycopg", "postgres")
LIVE: Final = "data/registry.sqlite"
Progress = Callable[[int, int, str], None]


def database_url(given: str) -> str:
    """Turn what was typed into the address of a database; a bare name is a SQLite file."""
    text = given.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        if not text:
            raise typer.BadParameter("Name a file, for example data/registry.sqlite.")
        if Path(text).is_dir():
            raise typer.BadParameter(f"{text} is a folder. Name a file in it.")
        return f"sqlite:///{text}"
    if scheme not in DATABASES or not rest.strip("/"):
        raise typer.BadParameter(
            "Write a file name, sqlite:///data/registry.sqlite or postgresql://user@host/name."
        )
    return text


Database = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="REGISTRY_DATABASE_URL",
        callback=database_url,
        metavar="FILE|ADDRESS",
        help="A SQLite file, or postgresql://user@host/name.",
    ),
]


def _speak(context: typer.Context, language: Language) -> Language:
    context.with_resource(speaking(language))
    return language


Spoken = Annotated[
    Language,
    typer.Option(
        "--language",
        envvar="SCLERO_LANGUAGE",
        callback=_speak,
        help="Language of the report; files keep 2026-11-23 and 0.5.",
    ),
]


def now() -> dt.datetime:
    """This instant: the command line is where the clock is read."""
    return dt.datetime.now(dt.UTC)


def today() -> dt.date:
    """The calendar day where the command is typed."""
    return now().astimezone().date()


def opened(url: str, *, read_only: bool = False) -> Engine:
    """The registry at ``url``, refused unless it is there, current and whole."""
    from registry.database import make_engine
    from registry.operations.migration import require_current

    engine = make_engine(url, read_only=read_only)
    require_current(engine)
    return engine


def existing(url: str) -> Engine:
    """The database at ``url`` in whatever state it is, but not one that SQLite would make now."""
    from registry.database import make_engine, sqlite_path
    from registry.errors import DatabaseUnavailable

    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise DatabaseUnavailable(f"There is no registry at {path}. Check --database.")
    return make_engine(url)


def operator(engine: Engine) -> Actor:
    """Whoever typed the command: all rights, and audited as the command line."""
    from registry.operations.migration import command_line_actor

    return command_line_actor(engine)


def say(words: str) -> None:
    """Tell the person something; not part of the result."""
    typer.echo(words, err=True)


def show_table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; each column is (heading, "left" or "right")."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in columns:
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    # Into a file or pipe nothing is cut; on a terminal long cells wrap.
    Console(width=None if sys.stdout.isatty() else 240, highlight=False).print(table)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere; call it with done, total and what is being done."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _phase: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    words = TextColumn("{task.description}", markup=False)
    with Bar(words, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int, phase: str) -> None:
            bar.update(task, completed=done, total=total or None, description=phase or title)

        yield advance

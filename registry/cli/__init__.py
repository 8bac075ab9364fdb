"""The command line, ``sclero``: what the pages cannot or should not do.

Modules that take long to import are imported inside the commands, so that help answers at once.
Exit codes: 0 done, 1 refused or a problem was found, 2 the command was not understood.
"""

from __future__ import annotations

import sys

import typer

from registry import __version__
from registry.cli import catalogue, exchanging, people, periods, reporting, serving, upkeep
from registry.errors import RegistryError

app = typer.Typer(
    name="sclero",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # A traceback would print the values of variables, and those may be a patient's.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for part in (serving, reporting, catalogue, periods, exchanging, people, upkeep):
    part.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sclero {__version__}")
        raise typer.Exit


@app.callback()
def sclero(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """A registry of sclerotherapy complications and recurrences.

    \b
    See it first, in a database of its own with made-up patients:
      sclero demo --serve

    \b
    Then for real: an empty registry, a clinic, its first administrator:
      sclero migrate
      sclero clinic add LEG --name "Leg Clinic" --jurisdiction EU --time-zone Europe/Berlin
      sclero user add ada --name "Ada Doe" --role administrator
      sclero serve

    Every command explains itself: sclero COMMAND --help. The database is data/registry.sqlite
    unless --database or REGISTRY_DATABASE_URL names another file or PostgreSQL.
    """


def main() -> None:
    """Run the command line; errors a person can put right are told in one plain sentence."""
    try:
        app(prog_name="sclero")
    except RegistryError as error:
        _refuse(str(error))
    except BrokenPipeError:  # the reader, such as head, has had enough
        sys.stderr.close()
        raise SystemExit(0) from None
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _refuse(f"{error.strerror or type(error).__name__}{place}. Nothing more was done.")
    except Exception as error:
        if not _is_of_the_database(error):
            raise
        _refuse(
            f"The database refused ({type(getattr(error, 'orig', error)).__name__}). What was not "
            "confirmed was not stored. Check free space, rights and the server: sclero doctor"
        )


def _refuse(words: str) -> None:
    typer.echo(f"sclero: {words}", err=True)
    raise SystemExit(1)


def _is_of_the_database(error: Exception) -> bool:
    loaded = sys.modules.get("sqlalchemy.exc")
    return loaded is not None and isinstance(error, loaded.DBAPIError)

"""The catalogue of reference data in the terminal: what may be chosen, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.cli.console import say, show_table

commands = typer.Typer(
    no_args_is_help=True, help="Reference data: list what may be chosen, check the files."
)


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.add_typer(commands, name="catalogue")


@commands.command("list")
def list_catalogue(
    kind: Annotated[
        str | None, typer.Argument(help="For example event_terms or products; none lists them.")
    ] = None,
) -> None:
    """List codes, labels and sources.

    \b
      sclero catalogue list
      sclero catalogue list event_terms
    """
    from registry.catalogue import catalogue
    from registry.errors import NotFound

    rows = catalogue()
    kinds: dict[str, Mapping[str, Any]] = {
        field: value
        for field in rows.__dataclass_fields__
        if isinstance(value := getattr(rows, field), Mapping)
        and all(isinstance(code, str) for code in value)
    }
    if kind is None:
        show_table(
            [("Kind", "left"), ("Rows", "right")],
            [(name, str(len(found))) for name, found in kinds.items()],
        )
        return
    if kind not in kinds:
        raise NotFound(f"There is no {kind!r} in the catalogue. There are: {', '.join(kinds)}.")
    show_table(
        [("Code", "left"), ("Label", "left"), ("Provenance", "left"), ("Source", "left")],
        [
            (
                row.code,
                row.label,
                getattr(row, "provenance", "").replace("_", " "),
                getattr(row, "source", None) or "",
            )
            for row in kinds[kind].values()
        ],
    )


@commands.command("check")
def check_catalogue(
    folder: Annotated[
        Path | None, typer.Argument(help="Catalogue files; those of the program otherwise.")
    ] = None,
) -> None:
    """Check every catalogue row: its source, its references, its figures."""
    from registry.catalogue import catalogue, load_catalogue

    rows = load_catalogue(folder) if folder is not None else catalogue()
    flagged = [row for row in rows.benchmarks.values() if row.contradicts_printed]
    for row in flagged:
        typer.echo(
            f"{row.code}: {row.x}/{row.n} is {100 * row.proportion:.2f} %, the paper prints "
            f"{row.printed_percent} %; the counts are used."
        )
    say(
        f"The catalogue holds together; {len(flagged)} printed percentages contradict their counts."
    )

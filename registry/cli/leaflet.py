"""The patients' leaflet in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from registry.analysis.leaflet import LeafletReport


def print_leaflet(answer: LeafletReport) -> None:
    """Print each outcome in the words of the leaflet, published numbers under their own heading."""
    from registry.analysis import leaflet_wording as words

    typer.echo(f"{words.title()}\n{' '.join(map(str, words.introduction(answer)))}")
    for heading, items in (
        (words.own_heading(), words.own_items(answer)),
        (words.published_heading(), words.other_items(answer)),
    ):
        if items:
            typer.echo(f"\n{heading}")
        for item in items:
            said = (
                words.number(answer, item),
                *words.published_details(answer, item),
                *words.own_details(answer, item),
            )
            typer.echo(f"- {item.label}: {' '.join(map(str, said))}")
    typer.echo("")

"""Clinicians and clinics in the terminal, and what may leave the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.console import show_table
from registry.messages import _

if TYPE_CHECKING:
    from registry.analysis.sharing import SharedReport
    from registry.analysis.units import UnitsReport


def print_units(answer: UnitsReport) -> None:
    """Every clinician or clinic in the order of codes."""
    from registry.analysis import units_wording, wording

    for sentence in units_wording.answer(answer):
        typer.echo(str(sentence))
    show_table(
        [
            ("", "left"),
            (_("Events"), "right"),
            (_("Sessions"), "right"),
            (_("Rate"), "right"),
            (_("95 % CI"), "right"),
            (_("O/E"), "right"),
            (_("Standing"), "left"),
        ],
        [
            (
                str(row.label),
                wording.count(row.rate.events),
                wording.count(row.rate.mature),
                wording.rate(row.rate),
                wording.interval(row.rate.estimate),
                units_wording.ratio(row.ratio),
                str(units_wording.STANDINGS[row.standing]),
            )
            for row in answer.rows
        ],
    )
    found = [units_wording.spread(answer), answer.others_withheld]
    found += [units_wording.others(answer.others)] if answer.others else []
    for said in found:
        if said is not None:
            typer.echo(str(said))


def print_shared(answer: SharedReport) -> None:
    """What may leave the registry, hidden counts by name."""
    from registry.analysis import units_wording

    show_table(
        [
            (_("Clinic"), "left"),
            (_("Year"), "left"),
            ("", "left"),
            (_("Events"), "right"),
            (_("Sessions"), "right"),
            (_("Rate"), "right"),
        ],
        [
            (
                str(row.clinic or ""),
                str(row.year or ""),
                str(row.label),
                units_wording.shared_count(row.numerator),
                units_wording.shared_count(row.denominator),
                units_wording.shared_rate(row),
            )
            for row in (*answer.rows, answer.total)
        ],
    )

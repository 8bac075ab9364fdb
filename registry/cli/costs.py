"""Costs as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.console import show_table

if TYPE_CHECKING:
    from registry.analysis.costs import CostReport


def print_costs(answer: CostReport) -> None:
    """Each currency by itself: its sentences, then its groups."""
    from registry.analysis import costs_wording, wording

    typer.echo(str(costs_wording.known_sentence(answer)))
    for total in answer.totals:
        currency = total.currency
        typer.echo(f"\n{currency}")
        for said in costs_wording.sentences(total, answer.visit_label):
            typer.echo(str(said))
        show_table(
            [
                ("", "left"),
                ("Sessions", "right"),
                ("A session", "right"),
                ("95 % CI", "right"),
                ("Median", "right"),
                ("Courses", "right"),
                ("A course", "right"),
                ("Clear", "right"),
                ("Per clear patient", "right"),
                ("95 % CI", "right"),
            ],
            [
                (
                    str(row.label),
                    wording.count(row.session.denominator),
                    costs_wording.mean(row.session, currency),
                    costs_wording.interval(row.session, currency),
                    costs_wording.median(row.median_session, row.session, currency),
                    wording.count(row.course.denominator),
                    costs_wording.mean(row.course, currency),
                    f"{wording.count(row.clear.cleared)} of {wording.count(row.clear.patients)}",
                    costs_wording.per_clear(row.clear, currency),
                    costs_wording.interval_per_clear(row.clear, currency),
                )
                for row in (*answer.of(currency), total)
            ],
        )

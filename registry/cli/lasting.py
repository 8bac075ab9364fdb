"""Clocks of treated veins, response and claims as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.console import show_table
from registry.messages import _

if TYPE_CHECKING:
    from registry.analysis.claims import ClaimsReport
    from registry.analysis.clock_results import ClocksReport
    from registry.analysis.response import ResponseReport


def print_clocks(answer: ClocksReport) -> None:
    """Each clock with its groups at each landmark."""
    from registry.analysis import clock_wording, wording

    for clock in answer.clocks:
        typer.echo(f"\n{clock.label}\n{clock_wording.course_of_clock(clock)}")
        show_table(
            [
                ("", "left"),
                (_("Started"), "right"),
                (_("Months"), "right"),
                (_("Still observed"), "right"),
                (_("Share"), "right"),
                (_("95 % CI"), "right"),
            ],
            [
                (
                    str(row.label),
                    wording.count(row.started),
                    str(clock_wording.months(point.day)),
                    wording.count(point.at_risk),
                    clock_wording.share_at(point),
                    clock_wording.interval_at(point),
                )
                for row in (*clock.rows, clock.total)
                for point in row.landmarks
            ],
        )
        if clock.comparison is not None:
            typer.echo(clock_wording.tested_sentence(clock.comparison))
            for found in clock.comparison.differences:
                if clock.comparison.reference is not None:
                    reference = clock.comparison.reference[1]
                    typer.echo(clock_wording.difference_sentence(found, reference))


def print_response(answer: ResponseReport) -> None:
    """Clearance by scale and visit, occlusion, and the sessions of courses."""
    from registry.analysis import clock_wording, wording

    show_table(
        [
            (_("Scale"), "left"),
            (_("Visit"), "left"),
            (_("Scored of due"), "right"),
            (_("Median"), "right"),
            (_("Middle half"), "right"),
            (_("Success"), "right"),
            (_("95 % CI"), "right"),
        ],
        [
            (
                str(row.scale_label),
                str(row.visit_label),
                wording.of_all(row.scores.count, row.due),
                clock_wording.number(row.scores.median),
                clock_wording.quartiles(row.scores),
                wording.share(row.reached) if row.reached else wording.DASH,
                wording.interval(row.reached) if row.reached else wording.DASH,
            )
            for row in answer.clearance
        ],
    )
    show_table(
        [
            (_("Duplex"), "left"),
            (_("Complete"), "right"),
            (_("Partial"), "right"),
            (_("None"), "right"),
            (_("Completely occluded"), "right"),
            (_("95 % CI"), "right"),
        ],
        [
            (
                str(row.visit_label),
                *(wording.count(count) for count in row.counts.values()),
                wording.share(row.complete),
                wording.interval(row.complete),
            )
            for row in answer.occlusion
        ],
    )
    never = _("Never cleared or occluded: {count} of {sites} sites ({share}, 95 % CI {interval}).")
    typer.echo(
        never.format(
            count=wording.count(answer.never.numerator),
            sites=wording.count(answer.never.denominator),
            share=wording.share(answer.never),
            interval=wording.interval(answer.never),
        )
    )
    typer.echo(clock_wording.courses_sentence(answer.courses))


def print_claims(answer: ClaimsReport) -> None:
    """Each claim beside what is seen here."""
    from registry.analysis import clock_wording

    show_table(
        [(_("Said to patients, no source found"), "left"), (_("Seen here"), "left")],
        [
            (
                f"{_(row.claim.text)} [{row.claim.standing.value}]",
                "\n".join(
                    [
                        *(f"{own.label}: {clock_wording.own_figure(own)}" for own in row.own),
                        *([str(row.remark)] if row.remark else []),
                    ]
                ),
            )
            for row in answer.rows
        ],
    )

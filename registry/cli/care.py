"""Who is due for follow-up, and how good the data are, as tables of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.console import show_table
from registry.messages import _

if TYPE_CHECKING:
    from registry.analysis.data_quality import DataQualityReport
    from registry.analysis.worklist import WorklistReport


def print_worklist(answer: WorklistReport) -> None:
    """The visits that are due, in counts."""
    from registry.analysis.wording import count

    show_table(
        [
            (_("Visit"), "left"),
            (_("Due"), "right"),
            (_("Overdue"), "right"),
            (_("Unreachable"), "right"),
            (_("Tried"), "right"),
        ],
        [
            (str(row.label), *map(count, (row.due, row.overdue, row.unreachable, row.attempted)))
            for row in answer.rows
        ],
    )
    typer.echo(
        _("Patients treated without a visit planned: {count}").format(
            count=count(answer.not_planned)
        )
    )


def print_quality(answer: DataQualityReport) -> None:
    """Each share of each clinic, the details below their part."""
    from registry.analysis import wording

    verdicts = {True: _("enough"), False: _("too little"), None: ""}
    show_table(
        [
            (_("Clinic"), "left"),
            ("", "left"),
            (_("Share"), "right"),
            (_("95 % CI"), "right"),
            (_("Lacking"), "right"),
            (_("Of"), "right"),
            ("", "left"),
        ],
        [
            (
                str(row.clinic_label) if row.is_part else "",
                str(row.label) if row.is_part else f"  {row.label}",
                wording.share(row.estimate),
                wording.interval(row.estimate),
                wording.count(row.lacking),
                f"{wording.count(row.estimate.denominator)} {_(row.estimate.unit)}",
                verdicts[row.is_enough],
            )
            for row in answer.rows
        ],
    )

"""Who is due for follow-up, and how good the data are, as tables of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.console import show_table

if TYPE_CHECKING:
    from registry.analysis.data_quality import DataQualityReport
    from registry.analysis.worklist import WorklistReport


def print_worklist(answer: WorklistReport) -> None:
    """The visits that are due, in counts."""
    from registry.analysis.wording import count

    show_table(
        [
            ("Visit", "left"),
            ("Due", "right"),
            ("Overdue", "right"),
            ("Unreachable", "right"),
            ("Tried", "right"),
        ],
        [
            (str(row.label), *map(count, (row.due, row.overdue, row.unreachable, row.attempted)))
            for row in answer.rows
        ],
    )
    typer.echo(f"Patients treated without a visit planned: {count(answer.not_planned)}")


def print_quality(answer: DataQualityReport) -> None:
    """Each share of each clinic, the details below their part."""
    from registry.analysis import wording

    verdicts = {True: "enough", False: "too little", None: ""}
    show_table(
        [
            ("Clinic", "left"),
            ("", "left"),
            ("Share", "right"),
            ("95 % CI", "right"),
            ("Lacking", "right"),
            ("Of", "right"),
            ("", "left"),
        ],
        [
            (
                str(row.clinic_label) if row.is_part else "",
                str(row.label) if row.is_part else f"  {row.label}",
                wording.share(row.estimate),
                wording.interval(row.estimate),
                wording.count(row.lacking),
                f"{wording.count(row.estimate.denominator)} {row.estimate.unit}",
                verdicts[row.is_enough],
            )
            for row in answer.rows
        ],
    )

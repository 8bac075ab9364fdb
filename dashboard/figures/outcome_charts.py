"""What patients say before and after treatment, as pictures."""

from __future__ import annotations

from dashboard.figures.marks import Figure, Mark, dots, say
from dashboard.text import _
from registry.analysis import outcome_wording, wording
from registry.analysis.reported_outcomes import OutcomeRow, ReportedOutcomesReport
from registry.statistics import display_rules


def improved(report: ReportedOutcomesReport) -> Figure | None:
    """For each question the share that improved, with its interval; None without one to draw."""
    marks = [_mark(row) for row in report.rows if row.improved.denominator]
    title = _("Share with a better answer after treatment, of those who could improve")
    return dots(marks, title, say(report.heading.title))


def _mark(row: OutcomeRow) -> Mark:
    label = say(row.label)
    counts = _("{improved} of {all} better").format(
        improved=wording.count(row.improved.numerator), all=wording.count(row.improved.denominator)
    )
    return Mark(
        label,
        counts,
        wording.share(row.improved),
        row.improved,
        not display_rules.shows_percentage(row.improved.denominator),
        details=(
            (_("Question"), label),
            (_("Better"), counts),
            (_("95 % interval"), wording.interval(row.improved)),
            (_("Median"), outcome_wording.medians(row)),
            (_("Worse"), wording.count(row.worse)),
        ),
        group=row.code,
    )

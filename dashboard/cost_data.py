"""What the page of costs asks of the registry, and its tables as text."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard import state
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.analysis import costs, costs_wording, wording
from registry.analysis.cohort import DIMENSION_LABELS, CohortFilter
from registry.analysis.costs import CostReport
from registry.analysis.costs_counted import ALL
from registry.catalogue import catalogue


def groupings() -> dict[str, str]:
    """Groupings as the page calls them."""
    return {
        name: _("All together") if name == ALL else _(DIMENSION_LABELS[name])
        for name in costs.GROUPINGS
    }


def visits() -> dict[str, str]:
    """Visits at which a patient can be seen clear."""
    return {code: _(visit.label) for code, visit in catalogue().visits.items()}


def costs_of(
    cohort: CohortFilter, *, group_by: str = costs.DEFAULT_GROUPING, visit: str
) -> CostReport:
    """What the sessions of a cohort cost."""
    return costs.costs(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        group_by=group_by,
        visit=visit,
    )


def row_names(cohort: CohortFilter, by: str) -> Mapping[str, str]:
    """The rows of the report whose records can be opened."""
    found = costs_of(cohort, group_by=by, visit=costs.DEFAULT_VISIT)
    return {code: say(label) for code, label in found.groups().items()}


def cost_table(report: CostReport, currency: str) -> Table:
    """Sessions and courses of each group in one currency, all together last."""
    total = [row for row in report.totals if row.currency == currency]
    return [
        {
            _("Group"): say(row.label),
            _("Sessions"): wording.count(row.session.denominator),
            _("In all"): costs_wording.money(row.session.numerator, currency),
            _("Mean of a session"): costs_wording.mean(row.session, currency),
            _("95 % interval"): costs_wording.interval(row.session, currency),
            _("Median"): costs_wording.median(row.median_session, row.session, currency),
            _("Courses"): wording.count(row.course.denominator),
            _("Mean of a course"): costs_wording.mean(row.course, currency),
            _("95 % interval, course"): costs_wording.interval(row.course, currency),
        }
        for row in (*report.of(currency), *total)
    ]


def clear_table(report: CostReport, currency: str) -> Table:
    """Cost per patient seen clear of each group in one currency, all together last."""
    total = [row for row in report.totals if row.currency == currency]
    return [
        {
            _("Group"): say(row.label),
            _("Patients"): wording.count(row.clear.patients),
            _("Seen clear"): wording.count(row.clear.cleared),
            _("Not looked at"): wording.count(row.clear.not_assessed),
            _("Per patient seen clear"): costs_wording.per_clear(row.clear, currency),
            _("95 % interval"): costs_wording.interval_per_clear(row.clear, currency),
            _("If all others were clear"): costs_wording.money(row.clear.best, currency)
            if row.clear.is_shown
            else wording.DASH,
        }
        for row in (*report.of(currency), *total)
    ]


def known_table(report: CostReport) -> Table:
    """Of how many sessions of each group an amount is known."""
    return [
        {
            _("Group"): say(part.label),
            _("Sessions"): wording.count(part.sessions),
            _("With an amount"): wording.count(part.priced),
            _("Share"): wording.percent(part.priced / part.sessions, part.sessions)
            if part.sessions
            else wording.DASH,
        }
        for part in (*report.known[1:], report.known[0])
    ]

"""The clinic on Monday: what got worse, what is overdue, and how sure that is."""

from __future__ import annotations

import streamlit as st

from dashboard import (
    figures,
    filters,
    overview_data,
    overview_parts,
    report_data,
    report_parts,
    target_form,
)
from dashboard.report_data import say
from dashboard.text import _
from registry.analysis.reports import QUESTIONS

PAGE = "overview"


def main() -> None:
    """Draw the page."""
    st.title(_("Overview"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE)
    filters.close_view(view)
    size = report_data.size_of(view.cohort)
    if report_parts.nothing_to_show(size):
        return
    report = overview_data.overview_of(view.cohort)
    if view.cohort.start is None and view.cohort.end is None:
        st.text(
            _(
                "Without dates: the newest 12 months of each line; serious events and follow-up by "
                "visit of all days."
            )
        )
    report_parts.incomplete(report)
    overview_parts.answer(report, size)
    overview_parts.indicators(report)
    overview_parts.whole_table(report)
    overview_parts.today(report)
    report_parts.serious_events(report)
    if overview_data.may_set_targets():
        target_form.show()
    visits = report_data.follow_up_completeness(view.cohort)
    st.header(_("Follow-up, visit by visit"))
    report_parts.figure(
        figures.follow_up(visits),
        _("No session is old enough for a visit yet."),
        "overview_visits",
        visits,
    )
    report_parts.table_with_file(visits, report_data.visit_table(visits))
    report_parts.definition(report, view)
    report_parts.cautions(report.warnings)


main()

"""What patients say: symptoms, looks and severity before and after treatment, and satisfaction."""

from __future__ import annotations

import streamlit as st

from dashboard import filters, outcome_data, report_data, report_parts
from dashboard.figures.outcome_charts import improved
from dashboard.report_data import say
from dashboard.text import _
from registry.analysis import outcome_wording, wording
from registry.analysis.reported_outcomes import Satisfaction
from registry.analysis.reports import QUESTIONS

PAGE = "reported_outcomes"


def satisfaction(found: Satisfaction) -> None:
    """The share that is satisfied, and each answer one click away."""
    with st.container(border=True, key="answer"):
        report_parts.headline(
            _("Satisfied with the result"),
            wording.share(found.estimate),
            say(outcome_wording.satisfaction_sentence(found)),
        )
    if found.estimate.denominator:
        with st.expander(_("Every answer on satisfaction"), icon=":material/table:"):
            report_parts.table(outcome_data.answer_table(found), _("Every answer on satisfaction"))


def main() -> None:
    """Draw the page."""
    st.title(_("What patients say"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE)
    filters.close_view(view)
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    report = outcome_data.report(view.cohort)
    satisfaction(report.satisfaction)
    st.header(_("Before and after treatment"))
    if report.rows:
        report_parts.figure(
            improved(report),
            _("Nobody was asked both before and after treatment yet; there is nothing to draw."),
            "reported_outcomes_picture",
            report,
        )
        report_parts.cautions(report.warnings)
        report_parts.table(outcome_data.change_table(report), say(report.heading.title))
        st.text(
            _(
                "Better, same and worse are by any difference. How large a difference must be to "
                "matter to patients is not established for these questions."
            )
        )
    else:
        st.info(
            _(
                "No patient was asked about symptoms and no leg was assessed yet. The questions "
                "stand on the follow-up form and under “Symptoms and severity”."
            ),
            icon=":material/hourglass_empty:",
        )
    report_parts.take_away(report, "reported_outcomes_files")
    report_parts.behind_links(report)
    report_parts.definition(report, view)


main()

"""What treatment costs: a session, a course and a clear patient, in each currency by itself."""

from __future__ import annotations

import streamlit as st

from dashboard import cost_data, filters, report_data, report_parts, state
from dashboard.figures import cost_charts
from dashboard.figures.cost_charts import CLEAR, COURSE, SESSION
from dashboard.filters import View
from dashboard.report_data import say
from dashboard.text import _, plain
from registry.access import Permission
from registry.analysis import costs_wording
from registry.analysis.costs import DEFAULT_GROUPING, DEFAULT_VISIT, CostReport, CostRow
from registry.analysis.reports import QUESTIONS

PAGE = "costs"


def measures() -> dict[str, str]:
    """What the picture can show."""
    return {
        SESSION: _("Cost of a session"),
        COURSE: _("Cost of a course"),
        CLEAR: _("Cost per patient seen clear"),
    }


def no_amounts(report: CostReport) -> None:
    """No session has an amount: say where one is written."""
    st.info(
        _(
            "None of these sessions has an amount yet. It is written on the session form below "
            "“Afterwards”, or comes with an import; one that is missing is never counted as 0."
        ),
        icon=":material/payments:",
    )
    st.text(say(costs_wording.known_sentence(report)))
    if state.allowed(Permission.RECORD):
        st.page_link("views/record_session.py", label=_("Record a session"))


def answer(report: CostReport, total: CostRow) -> None:
    """The three figures of a currency, each with its sentence."""
    with st.container(border=True, key=f"answer_{total.currency}"):
        for column, (label, shown, sentence) in zip(
            st.columns(3),
            (
                (
                    _("A session"),
                    costs_wording.mean(total.session, total.currency),
                    costs_wording.session_sentence(total),
                ),
                (
                    _("A complete course"),
                    costs_wording.mean(total.course, total.currency),
                    costs_wording.course_sentence(total),
                ),
                (
                    _("Per patient seen clear"),
                    costs_wording.per_clear(total.clear, total.currency),
                    costs_wording.clear_sentence(total, report.visit_label),
                ),
            ),
            strict=True,
        ):
            with column:
                report_parts.headline(label, shown, say(sentence))


def tables(report: CostReport, currency: str) -> None:
    """The amounts of each group, one click away."""
    label = _("Table, {currency}").format(currency=currency)
    with st.expander(label, icon=":material/table:", key=f"costs_table_{currency}"):
        report_parts.table(cost_data.cost_table(report, currency), label)
        title = _("Per patient seen clear at “{visit}”").format(visit=say(report.visit_label))
        st.markdown(f"**{plain(title)}**")
        report_parts.table(cost_data.clear_table(report, currency), title)


def show(view: View, report: CostReport, per: str) -> None:
    """Each currency by itself, then what the amounts rest on."""
    report_parts.incomplete(report)
    st.text(say(costs_wording.known_sentence(report)))
    for total in report.totals:
        currency = total.currency
        if len(report.totals) > 1:
            st.header(currency)
        answer(report, total)
        report_parts.figure(
            cost_charts.costs(report, currency, per),
            _(
                "Too few for a picture: a mean is told from ten amounts on, the cost per clear "
                "patient from ten patients of whom five are clear."
            ),
            f"costs_picture_{currency}",
            report,
        )
        tables(report, currency)
    report_parts.cautions(report.warnings)
    st.text(
        _(
            "Groups differ in what was treated and why, so a difference between them is not a "
            "saving. Amounts are those charged, whoever pays; other costs are not recorded."
        )
    )
    title = _("Of which sessions an amount is known")
    with st.expander(title, icon=":material/fact_check:", key="costs_known"):
        report_parts.table(cost_data.known_table(report), title)
        report_parts.take_away(report, "costs_files")
        report_parts.behind_links(report)
    report_parts.definition(report, view)


def main() -> None:
    """Draw the page."""
    st.title(_("Costs"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE, "by", "visit", "per")
    with st.container(horizontal=True, key="costs_choices"):
        by = filters.choice(view, "by", _("Compare by"), cost_data.groupings(), DEFAULT_GROUPING)
        visit = filters.choice(view, "visit", _("Clear at"), cost_data.visits(), DEFAULT_VISIT)
        per = filters.choice(view, "per", _("Picture of"), measures(), SESSION)
    filters.close_view(
        view, by=(by, DEFAULT_GROUPING), visit=(visit, DEFAULT_VISIT), per=(per, SESSION)
    )
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    report = cost_data.costs_of(view.cohort, group_by=by, visit=visit)
    if report.totals:
        show(view, report, per)
    else:
        no_amounts(report)
        report_parts.definition(report, view)


main()

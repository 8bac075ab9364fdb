"""Whether an outcome is changing: a control chart, what changed in the clinic, CUSUM and VLAD."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import change_form, control_data, figures, filters, report_data, report_parts
from dashboard.report_data import say
from dashboard.text import _, ngettext, plain
from registry.analysis import control_wording, wording
from registry.analysis.chart_points import MONTHS_IN, Span
from registry.analysis.control import EVENTS, SESSIONS, ControlReport
from registry.analysis.openable_counts import Behind
from registry.analysis.reports import QUESTIONS
from registry.messages import Message

PAGE: Final = "control"


def spans() -> dict[str, str]:
    """What one point covers, as the page calls it."""
    return {
        Span.MONTH: _("Months"),
        Span.QUARTER: _("Quarters"),
        Span.SESSIONS: _("Sessions between events"),
        Span.DAYS: _("Days between events"),
    }


def units() -> dict[str, str]:
    """What is counted in a month, as the page calls it."""
    return {SESSIONS: _("Sessions with an event"), EVENTS: _("Events")}


def answer(report: ControlReport) -> None:
    """The chart and its signals in words, below the rate of all together."""
    with st.container(border=True, key="answer"):
        report_parts.headline(
            say(report.event_label), wording.rate(report.total), wording.rate_sentence(report.total)
        )
        for said in (
            control_wording.chart_sentence(report),
            control_wording.state_sentence(report),
            control_wording.open_run_sentence(report),
        ):
            if said is not None:
                st.text(say(said))
        cases(report)


def cases(report: ControlReport) -> None:
    """The way to the list of what happened, one by one."""
    count = report.total.events
    if not count:
        return
    asked = Behind(
        "complications",
        report.heading.cohort,
        report.heading.as_of,
        "events",
        report_data.BY_EVENT,
        event=report.event,
    )
    st.page_link(
        report_parts.SESSIONS_VIEW,
        label=ngettext("Review the case", "Review the {count} cases", count).format(
            count=wording.count(count)
        ),
        icon=":material/list_alt:",
        query_params=st.session_state.get(filters.COHORT, {}) | asked.to_query(),
    )


def changes(report: ControlReport) -> None:
    """The rate before and after each change of the period."""
    if not report.changes:
        return
    st.header(_("Before and after"))
    for row in reversed(report.changes):
        st.markdown(f"**{plain(row.change.what)}**, {plain(wording.day(row.change.changed_on))}")
        st.text(say(control_wording.change_sentence(row)))
    with st.expander(_("Before and after as a table"), icon=":material/table:"):
        report_parts.table(
            control_data.change_table(report),
            _("Rates before and after each change"),
            words={_("Since"), _("Limits")},
        )
    st.text(
        _(
            "A difference after a change is not its effect: season, patients and reporting change "
            "too."
        )
    )


def sequential(report: ControlReport) -> None:
    """CUSUM and VLAD against the own baseline, or why there are none."""
    st.header(_("Session by session"))
    found = report.sequential
    if isinstance(found, Message):
        st.info(report_parts.exact(say(found)), icon=":material/hourglass_empty:")
        return
    for said in (
        control_wording.detection_sentence(found),
        control_wording.baseline_sentence(found),
        control_wording.cusum_sentence(found),
    ):
        st.text(say(said))
    report_parts.figure(figures.cusum(found), "", "control_cusum")
    st.text(say(control_wording.vlad_sentence(found)))
    report_parts.figure(figures.vlad(found), "", "control_vlad")


def show(report: ControlReport) -> None:
    """Everything there is to say about an outcome with sessions old enough."""
    report_parts.incomplete(report)
    answer(report)
    drawn = figures.control(report)
    if drawn is not None:
        report_parts.figure(drawn, "", "control_picture", report)
    report_parts.cautions(report.warnings)
    if report.drawing.points:
        report_parts.table_with_file(report, control_data.point_table(report), words={_("Signal")})
    changes(report)
    sequential(report)
    st.header(_("How many signals are chance"))
    st.text(say(control_wording.false_signal_sentence(report)))


def main() -> None:
    """Draw the page."""
    st.title(_("Control charts"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE, "event", "by", "unit")
    unit = SESSIONS
    with st.container(horizontal=True, key="control_choices"):
        event = filters.choice(
            view, "event", _("Count"), report_data.events(), report_data.ANY_COMPLICATION
        )
        by = filters.choice(view, "by", _("One point for"), spans(), Span.MONTH)
        if by in MONTHS_IN:
            unit = filters.choice(view, "unit", _("Counted are"), units(), SESSIONS)
    filters.close_view(
        view,
        event=(event, report_data.ANY_COMPLICATION),
        by=(by, str(Span.MONTH)),
        unit=(unit, SESSIONS),
    )
    if not report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        report = control_data.chart_of(view.cohort, event=event, by=by, unit=unit)
        if report.total.mature:
            show(report)
        else:
            st.info(
                _("No session is old enough yet to be counted (sessions: {sessions}).").format(
                    sessions=wording.count(report.total.sessions)
                ),
                icon=":material/hourglass_empty:",
            )
        report_parts.definition(report, view)
    change_form.show()


main()

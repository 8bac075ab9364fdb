"""The clinic at a glance: how much, how safe, how lasting, how complete, and what to do today."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard import figures, filters, report_data, report_parts
from dashboard.report_data import Size, say
from dashboard.text import _, plain
from registry.analysis import wording
from registry.analysis.results import FollowUpReport, RateReport, RecurrenceReport

PAGE = "overview"
RECURRENCE_DAY = 365
COMPLICATIONS_VIEW = "views/complications.py"
RECURRENCE_VIEW = "views/recurrence.py"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure of the overview: what it is, its value, its sentence, and its page."""

    label: str
    shown: str
    sentence: str
    page: str
    link: str


def cards(size: Size, rates: RateReport, course: RecurrenceReport) -> list[Card]:
    """The four figures of the first row."""
    row = course.total
    point = next(p for p in row.landmarks if p.day == RECURRENCE_DAY)
    return [
        Card(
            _("Sessions"),
            wording.count(size.sessions),
            _("{patients} patients; {recent} sessions too recent to be counted below.").format(
                patients=wording.count(size.patients),
                recent=wording.count(rates.total.sessions - rates.total.mature),
            ),
            COMPLICATIONS_VIEW,
            _("Every kind of event"),
        ),
        Card(
            say(rates.event_label),
            wording.share(rates.total.estimate),
            wording.rate_sentence(rates.total, _),
            COMPLICATIONS_VIEW,
            _("Complications"),
        ),
        Card(
            _("Recurred 12 months after success"),
            wording.at_landmark(point.recurrence, point),
            say(wording.recurrence_sentence(row, point)),
            RECURRENCE_VIEW,
            _("Recurrence"),
        ),
        Card(
            _("Clear and not retreated at 12 months"),
            wording.clear_share(row),
            say(wording.clear_sentence(row)),
            RECURRENCE_VIEW,
            _("Recurrence"),
        ),
    ]


def show_cards(shown: list[Card], query: dict[str, str]) -> None:
    """The cards side by side, or below each other on a phone."""
    with st.grid(2, min_column_width=300, border=True):
        for i, card in enumerate(shown):
            with st.container(key=f"card_{i}"):
                report_parts.headline(card.label, card.shown, card.sentence)
                st.page_link(
                    card.page, label=card.link, icon=":material/arrow_forward:", query_params=query
                )


def attention(rates: RateReport, visits: FollowUpReport) -> None:
    """What somebody should do something about."""
    st.header(_("Needs attention"))
    lines = []
    overdue = [row for row in visits.rows if row.overdue]
    if overdue:
        lines.append(
            _("Overdue")
            + ": "
            + ", ".join(f"{wording.count(row.overdue)} × {say(row.label)}" for row in overdue)
        )
    total = rates.total
    if total.mature > total.assessed:
        lines.append(
            _(
                "{missing} of {sessions} sessions were not assessed for complications ({share} "
                "were)."
            ).format(
                missing=wording.count(total.mature - total.assessed),
                sessions=wording.count(total.mature),
                share=wording.percent(total.completeness, total.mature),
            )
        )
    if lines:
        st.markdown("\n".join(f"- {plain(line)}" for line in lines))
    else:
        st.text(_("Nothing is overdue, and every session old enough was assessed."))


def main() -> None:
    """Draw the page."""
    st.title(_("Overview"))
    st.text(_("How safe and how lasting is treatment here, and what needs doing?"))
    view = filters.open_view(PAGE)
    filters.close_view(view)
    size = report_data.size_of(view.cohort)
    if report_parts.nothing_to_show(size):
        return
    query = view.query
    by_month = report_data.complication_rates(view.cohort, group_by="month")
    course = report_data.recurrence_after_success(view.cohort)
    visits = report_data.follow_up_completeness(view.cohort)
    show_cards(cards(size, by_month, course), query)
    left, right = st.columns(2, gap="large")
    with left:
        attention(by_month, visits)
    with right:
        report_parts.serious_events(by_month)
    st.header(_("Any complication, month by month"))
    report_parts.figure(
        figures.months(by_month, height=220),
        _("No month has ten sessions that are old enough: too few for a rate by month."),
        "overview_months",
    )
    report_parts.table_with_file(by_month, report_data.rate_table(by_month))
    st.header(_("Follow-up, visit by visit"))
    report_parts.figure(
        figures.follow_up(visits),
        _("No session is old enough for a visit yet."),
        "overview_visits",
    )
    report_parts.table_with_file(visits, report_data.visit_table(visits))
    report_parts.definition(by_month, view)


main()

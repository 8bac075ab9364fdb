"""The records behind a figure, as many as the figure says, for those who may see records."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import components, cost_data, filters, report_data, report_parts, state, words
from dashboard.filters import View
from dashboard.report_data import say
from dashboard.text import _
from registry.analysis import overview, reported_outcomes, response_counts, wording
from registry.analysis.behind import PAGE_LENGTH, Line, Order, RecordsBehind
from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.counting import outcome_of
from registry.analysis.event_course import BAR, bars_of
from registry.analysis.openable_counts import ANY, SESSIONS, Behind, measures_of
from registry.analysis.rate_rows import Unit
from registry.analysis.report_counts import OVERDUE, TOTAL
from registry.analysis.reports import QUESTIONS
from registry.analysis.site_facts import OF_SITES
from registry.catalogue import catalogue
from registry.messages import message

PAGE: Final = "sessions"
COMPLICATIONS: Final = "complications"
OF_EVENTS: Final = (COMPLICATIONS, "event_course", "severity")
# What is listed when no figure was asked for: all sessions of the filter.
EVERYTHING: Final = "sessions"
# What the address says of the figure.
WORDS: Final = ("report", "event", "unit", "by", "group", "measure")
# Keys in ``st.session_state``: that a patient of the list was just opened; how the list is sorted;
# the list that is turned over, its order, and where it stands; the choices that stand in place of
# an address that names no figure.
OPENED: Final = "sessions_opened"
ORDER: Final = "sessions_order"
SHOWN: Final = "sessions_shown"
REFUSED: Final = "sessions_refused"


def figures() -> dict[str, str]:
    """The reports whose figures can be opened, as the page calls them."""
    return {
        COMPLICATIONS: _("Complications"),
        "recurrence": _("Recurrence"),
        "clocks": _("Clocks of treated veins"),
        "follow_up": _("Follow-up"),
        "event_course": _("Onset and duration"),
        "severity": _("Severity"),
        "overview": _("Indicators of the overview"),
        "reported_outcomes": _("What patients say"),
        "costs": _("Costs"),
        "response": _("Response to treatment"),
    }


def orders() -> dict[str, str]:
    """Orders of the list, as the page calls them."""
    return {
        Order.NEWEST: _("Latest first"),
        Order.OLDEST: _("Earliest first"),
        Order.CLINICIAN: _("By clinician"),
        Order.SCLEROSANT: _("By sclerosant"),
    }


def groupings(report: str) -> dict[str, str]:
    """Groupings of a report as the page calls them."""
    labels = {
        report_data.BY_EVENT: _("Kind of event"),
        report_data.ALL_TOGETHER: _("All together"),
        "visit": _("Visit"),
        overview.BY_INDICATOR: _("Indicator"),
        reported_outcomes.BY_QUESTION: _("Question"),
    }
    return {
        name: labels.get(name) or _(DIMENSION_LABELS[name]) for name in QUESTIONS[report].groupings
    }


def units() -> dict[str, str]:
    """What complications are counted in, as the page calls it."""
    return {unit: say(message(unit)) for unit in Unit}


def groups(view: View, report: str, by: str, event: str) -> dict[str, str]:
    """Rows of a report in a grouping, as the page calls them."""
    rows = catalogue()
    if report == "costs":
        return dict(cost_data.row_names(view.cohort, by))
    if report == "response":
        return {code: say(label) for code, label in response_counts.rows_of().items()}
    if by == "visit":
        return {code: words.visit(code) for code in rows.visits}
    if by == overview.BY_INDICATOR:
        return {code: _(row.label) for code, row in rows.indicators.items()}
    if by == reported_outcomes.BY_QUESTION:
        questions = {code: _(row.label) for code, row in rows.instrument_items.items()}
        return questions | {reported_outcomes.SEVERITY: say(reported_outcomes.SEVERITY_LABEL)}
    if by == report_data.BY_EVENT:
        found = {TOTAL: _("As counted"), **report_data.events()}
        if report == "event_course":
            found |= {code: say(name) for code, name in bars_of(outcome_of(event)).items()}
        return found
    if report in {"recurrence", "clocks"} and by in OF_SITES:
        return {TOTAL: _("All together"), **report_data.levels_of_sites(by)}
    return {TOTAL: _("All together"), **view.offered.get(by, {})}


def choose(view: View) -> tuple[Behind, Mapping[str, str]]:
    """Which figure is opened: by its address, or chosen here; and what it is called."""
    # Beside the choices nobody would see a warning: they are folded away.
    choice = partial(filters.choice, view, warn_in=st.container())
    with st.expander(_("Choose a figure"), icon=":material/tune:"):
        report = choice("report", _("Figures of"), figures(), COMPLICATIONS)
        event, unit = ANY, str(SESSIONS)
        if report in OF_EVENTS:
            event = choice("event", _("Count"), report_data.events(), ANY)
        if report == COMPLICATIONS:
            unit = choice("unit", _("Share of"), units(), unit)
        by = default_by = QUESTIONS[report].default_grouping
        if len(groupings(report)) > 1:
            by = choice("by", _("Compare by"), groupings(report), default_by)
        rows = groups(view, report, by, event)
        group = choice("group", _("Row"), rows, next(iter(rows)))
        measures = {code: say(label) for code, label in measures_of(report, group).items()}
        default = EVERYTHING if report == COMPLICATIONS else next(iter(measures))
        measure = choice("measure", _("Which of them"), measures, default)
    filters.close_view(
        view,
        report=(report, COMPLICATIONS),
        event=(event, ANY),
        unit=(unit, str(SESSIONS)),
        by=(by, default_by),
        group=(group, next(iter(rows))),
        measure=(measure, default),
    )
    called = {} if report == COMPLICATIONS else {_("Figures of"): figures()[report]}
    called |= {_("Count"): report_data.events()[event]} if report in OF_EVENTS else {}
    row = _("Days to onset") if group.startswith(BAR) else groupings(report)[by]
    called |= {row: rows[group], _("Which of them"): measures[measure]}
    if by == report_data.ALL_TOGETHER and group == TOTAL:
        del called[groupings(report)[by]]
    return Behind(report, view.cohort, state.today(), measure, by, group, event, unit), called


def is_refused(view: View, asked: Behind) -> bool:
    """Whether the address named another figure than the one chosen in its place.

    It stays refused until something else is chosen, so that no list opens that nobody asked for.
    """
    chosen = asked.to_query()
    if view.told is not None:
        usual = {"event": ANY, "unit": str(SESSIONS)} | chosen
        wrong = [name for name in WORDS if view.told.get(name, usual[name]) != usual[name]]
        st.session_state[REFUSED] = chosen if wrong else None
    return bool(st.session_state.get(REFUSED) == chosen)


def open_record(clinic_id: int, patient_id: UUID) -> None:
    """Callback: open the patient of a line, in the clinic of the line."""
    st.session_state[state.CLINIC] = clinic_id
    components.open_patient(patient_id)
    st.session_state[OPENED] = True


def in_words(line: Line) -> str:
    """A line after its pseudonym."""
    parts = (
        None if line.treated_on is None else wording.day(line.treated_on),
        line.given and say(line.given),
        line.clinician and say(line.clinician),
        line.found and say(line.found),
    )
    return " · ".join(part for part in parts if part)


def show(found: RecordsBehind) -> None:
    """The lines, each with the way to its patient."""
    with st.container(key="records", gap="xxsmall"):
        for number, line in enumerate(found.lines):
            with st.container(horizontal=True, key=f"record_{number}"):
                st.button(
                    report_parts.exact(line.pseudonym),
                    key=f"open_{number}",
                    on_click=open_record,
                    args=(line.clinic_id, line.patient_id),
                    type="tertiary",
                    width=95,
                )
                st.text(in_words(line), width="stretch")


def turn(found: RecordsBehind, order: Order) -> None:
    """Which part of the list is shown, and the way to the others."""
    last = found.first + len(found.lines)

    def go(first: int) -> None:
        st.session_state[SHOWN] = ((found.asked, order), first)

    with st.container(horizontal=True, vertical_alignment="center", key="sessions_pages"):
        st.text(
            _("{first} to {last} of {count}").format(
                first=wording.count(found.first + 1),
                last=wording.count(last),
                count=wording.count(found.shown),
            )
        )
        for label, first, is_there in (
            (_("Back"), found.first - PAGE_LENGTH, found.first > 0),
            (_("Further"), last, last < found.shown),
        ):
            st.button(label, on_click=go, args=(first,), disabled=not is_there, key=f"to_{label}")


def withheld(found: RecordsBehind) -> None:
    """Say who may open what is not shown."""
    roles = ", ".join(words.inline(role) for role in found.openers)
    text = (
        _(
            "You see how many there are, not which. The list can be opened by these roles of the "
            "clinic: {roles}; and by whoever an administrator gave the right to see records."
        )
        if not found.shown
        else _(
            "{withheld} of them are of clinics whose records you may not see. There the list can "
            "be opened by these roles: {roles}; and by whoever an administrator gave the right to "
            "see records."
        )
    )
    st.info(
        report_parts.exact(text.format(roles=roles, withheld=wording.count(found.withheld))),
        icon=":material/lock:",
    )


def main() -> None:
    """Draw the page."""
    if st.session_state.pop(OPENED, False):
        st.switch_page(components.PATIENT_VIEW)
    st.title(_("Sessions"))
    st.text(_("Which records stand behind a figure?"))
    came_from = st.session_state.get(filters.ADDRESS)
    if came_from is None or came_from[0] != PAGE:
        st.session_state.pop(REFUSED, None)
    view = filters.open_view(PAGE, *WORDS)
    asked, called = choose(view)
    if is_refused(view, asked):
        st.info(
            _(
                "The link names no figure that can be opened here, so no list is shown. Choose a "
                "figure above, or go back and open it again."
            ),
            icon=":material/link_off:",
        )
        return
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    order = Order(st.session_state.get(ORDER, Order.NEWEST))
    turned, first = st.session_state.get(SHOWN, (None, 0))
    found = report_data.records_behind(asked, order, first if turned == (asked, order) else 0)
    st.header(f"{wording.count(found.count)} {say(found.unit)}")
    st.text("; ".join(f"{name}: {said}" for name, said in called.items()))
    if found.withheld:
        withheld(found)
    if found.shown > 1 and asked.measure != OVERDUE:
        names = orders()
        st.selectbox(_("Order"), list(names), format_func=names.__getitem__, key=ORDER, width=200)
    if found.lines:
        show(found)
        turn(found, order)
    elif not found.count:
        st.text(_("No record stands behind this count."))


main()

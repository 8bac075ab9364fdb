"""Follow-up: whom to call, how complete follow-up is, and how good the data are."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import (
    call_sheet,
    data,
    figures,
    filters,
    quality_parts,
    report_data,
    report_parts,
    words,
    worklist_data,
    worklist_parts,
    worklist_words,
)
from dashboard.report_data import say
from dashboard.report_parts import exact
from dashboard.text import _, ngettext, within
from registry.analysis import wording
from registry.analysis.call_lines import Risk, Show
from registry.analysis.worklist import WorklistReport

PAGE: Final = "worklist"
SECTION: Final = "section"
LIST, COMPLETENESS, QUALITY = "worklist", "completeness", "quality"
TOLD: Final = "worklist:told"
SHEET: Final = "worklist:sheet"
FIRST: Final = "worklist:first"


def sections() -> dict[str, str]:
    """Sections of the page by the word of the address."""
    return {
        LIST: _("Worklist"),
        COMPLETENESS: _("Completeness"),
        QUALITY: _("Data quality"),
    }


def choose_section() -> str:
    """The section of the address, or the one that was clicked."""
    names = sections()
    told = st.query_params.get(SECTION, LIST)
    if st.session_state.get(TOLD) != told:
        st.session_state[TOLD] = told
        st.session_state[SECTION] = told if told in names else LIST
    elif st.session_state.get(SECTION) not in names:
        st.session_state[SECTION] = told if told in names else LIST
    chosen = st.segmented_control(
        _("Section"),
        list(names),
        format_func=names.__getitem__,
        required=True,
        key=SECTION,
        label_visibility="collapsed",
    )
    section = str(chosen or LIST)
    if section != told:
        st.session_state[TOLD] = section
        st.query_params[SECTION] = section
    return section


def answer(report: WorklistReport) -> None:
    """How many wait, in words."""
    overdue, unreachable = report.total(Show.OVERDUE), report.total(Show.UNREACHABLE)
    due, none = report.total(Show.DUE), report.total(Show.NOT_PLANNED)
    if not overdue + due + none:
        st.success(_("Nobody is due or overdue for follow-up."), icon=":material/task_alt:")
        return
    with st.container(border=True, gap="xsmall", key="answer"):
        said = ngettext("{count} visit is overdue", "{count} visits are overdue", overdue)
        late = said.format(count=wording.count(overdue))
        soon = _("{count} due within two weeks").format(count=wording.count(due))
        st.markdown(f"**{exact(late)}**, {exact(soon)}.")
        if unreachable:
            text = ngettext(
                "{count} of all these cannot be reached, or is lost to follow-up.",
                "{count} of all these cannot be reached, or are lost to follow-up.",
                unreachable,
            )
            st.text(text.format(count=wording.count(unreachable)))
        if none:
            text = ngettext(
                "For {count} patient treated in the last months no visit was planned.",
                "For {count} patients treated in the last months no visit was planned.",
                none,
            )
            st.text(text.format(count=wording.count(none)))


def table(report: WorklistReport) -> None:
    """The counts by visit; unreachable ones are due or overdue as well."""
    if report.rows:
        report_parts.table(worklist_data.counts_table(report), _("Who is due, by visit"))
    report_parts.take_away(report, "worklist_files")
    st.text(say(report.heading.definition))


def withheld() -> None:
    """Say who may open the list."""
    roles = ", ".join(words.inline(role) for role in worklist_data.openers())
    text = _(
        "You see how many there are, not who. The list can be opened by these roles of the "
        "clinic: {roles}; and by whoever an administrator gave the right to see records."
    )
    st.info(exact(text.format(roles=roles)), icon=":material/lock:")


def the_list() -> None:
    """The lines of one part of the list, or the sheet to call from."""
    names = worklist_words.parts()
    part = Show(st.session_state.get("worklist:part") or Show.TO_CALL)
    if st.session_state.get(SHEET) and data.may_see_identity():
        st.button(
            _("Back to the list"), icon=":material/arrow_back:", on_click=_sheet, args=(None,)
        )
        st.header(_("Call sheet: {part}").format(part=within(names[part])))
        call_sheet.show(part)
        return
    worklist_parts.announce()
    st.segmented_control(
        _("Part of the list"),
        list(names),
        format_func=names.__getitem__,
        default=Show.TO_CALL,
        required=True,
        key="worklist:part",
        label_visibility="collapsed",
        on_change=_turn,
        args=(0,),
    )
    found = worklist_data.lines(part, st.session_state.get(FIRST, 0))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{exact(names[part])}: **{wording.count(found.counts[part])}**")
        if found.lines and data.may_see_identity():
            st.button(_("Call sheet"), icon=":material/call:", on_click=_sheet, args=(part,))
        with st.popover(_("In which order?"), type="tertiary"):
            st.text(_("By risk, and within it the longest overdue first:"))
            st.markdown("\n".join(f"1. {exact(worklist_words.risks()[risk])}" for risk in Risk))
    for line in found.lines:
        worklist_parts.line(line)
    last = found.first + len(found.lines)
    if found.first or last < found.counts[part]:
        with st.container(horizontal=True, vertical_alignment="center"):
            for label, first, is_there in (
                (_("Back"), found.first - worklist_data.PAGE_LENGTH, found.first > 0),
                (_("Further"), last, last < found.counts[part]),
            ):
                st.button(label, on_click=_turn, args=(max(first, 0),), disabled=not is_there)
            st.text(
                _("{first} to {last} of {count}").format(
                    first=found.first + 1, last=last, count=wording.count(found.counts[part])
                )
            )


def _sheet(part: Show | None) -> None:
    st.session_state[SHEET] = part


def _turn(first: int) -> None:
    st.session_state[FIRST] = first


def completeness(section: str) -> None:
    """How many came to each visit of the schedule."""
    view = filters.open_view(PAGE, SECTION)
    filters.close_view(view, section=(section, LIST))
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    visits = report_data.follow_up_completeness(view.cohort)
    report_parts.figure(
        figures.follow_up(visits),
        _("No session is old enough for a visit yet."),
        "worklist_visits",
        visits,
    )
    report_parts.table_with_file(visits, report_data.visit_table(visits))
    report_parts.definition(visits, view)


def quality(section: str) -> None:
    """How good the data are."""
    view = filters.open_view(PAGE, SECTION)
    filters.close_view(view, section=(section, LIST))
    if not report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        quality_parts.show(view)


def main() -> None:
    """Draw the page."""
    st.title(_("Follow-up"))
    st.text(_("Who is due, how complete is follow-up, and how good are the data?"))
    section = choose_section()
    if section == COMPLETENESS:
        completeness(section)
    elif section == QUALITY:
        quality(section)
    else:
        report = worklist_data.counts()
        if worklist_data.may_see_records():
            if not st.session_state.get(SHEET):
                answer(report)
            the_list()
        else:
            answer(report)
            withheld()
            table(report)
            return
        if not st.session_state.get(SHEET):
            with st.expander(_("Counts by visit"), icon=":material/table:"):
                table(report)


main()

"""The lines of the worklist: who, which visit, why first, and a call logged in two clicks."""

from __future__ import annotations

from typing import Final, Literal, NoReturn
from uuid import UUID

import streamlit as st

from dashboard import components, data, state, words, worklist_data, worklist_words
from dashboard.form import open_form
from dashboard.text import _, plain, within
from registry.analysis.call_lines import CallLine, Risk, Timing
from registry.entry.contact import ContactEntry
from registry.errors import InvalidEntry
from registry.vocabulary import ContactMethod, ContactOutcome, FollowUpStatus

SAID: Final = "worklist:said"
SIGNS: Final[dict[Risk, tuple[str, Literal["red", "orange", "gray"]]]] = {
    Risk.OPEN_SERIOUS: (":material/emergency_home:", "red"),
    Risk.OPEN_EVENT: (":material/healing:", "orange"),
    Risk.SERIOUS_BEFORE: (":material/history:", "orange"),
    Risk.TRUNCAL_FOAM: (":material/bubble_chart:", "gray"),
    Risk.COMPLICATION_BEFORE: (":material/history:", "gray"),
}


def announce() -> None:
    """Say once what the last click did."""
    said = st.session_state.pop(SAID, None)
    if said is not None:
        st.success(plain(said), icon=":material/check_circle:")


def line(shown: CallLine) -> None:
    """One visit, or one session without any."""
    key = str(shown.visit_id or shown.patient_id)
    with st.container(border=True, gap="xxsmall", key=f"call_{key}"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            label = f"**{plain(shown.pseudonym)}**"
            if st.button(label, key=f"worklist:open:{key}", type="tertiary"):
                components.open_patient(shown.patient_id)
                st.switch_page(components.PATIENT_VIEW)
            if shown.risk in SIGNS:
                icon, colour = SIGNS[shown.risk]
                st.badge(plain(worklist_words.risks()[shown.risk]), icon=icon, color=colour)
            if shown.silence is not None:
                why = worklist_words.silence(shown.silence)
                st.badge(plain(why), icon=":material/phone_disabled:", color="gray")
            elif shown.timing is Timing.OVERDUE:
                st.badge(plain(_("Overdue")), icon=":material/event_busy:", color="orange")
        st.text(worklist_words.visit(shown))
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            if shown.visit_id is not None:
                st.text(worklist_words.attempts(shown), width="stretch")
            _ways_on(shown, key)


def _ways_on(shown: CallLine, key: str) -> None:
    """What the person may do about a line."""
    if shown.visit_id is None:
        if data.may_record() and st.button(
            _("Book the visit"), key=f"worklist:book:{key}", icon=":material/event:"
        ):
            _book(shown)
        return
    if worklist_data.may_contact():
        _log(shown, shown.visit_id)
    if data.may_record() and st.button(
        _("Record the visit"), key=f"worklist:visit:{key}", icon=":material/event_available:"
    ):
        components.open_patient(shown.patient_id)
        open_form("follow_up", components.FOLLOW_UP_VIEW, shown.visit_id)
    if worklist_data.may_close_visits():
        _close(shown, shown.visit_id)


def _book(shown: CallLine) -> None:
    """Plan the next visit of the schedule; where none is left, open the record."""
    code = worklist_data.book(shown)
    if code is None:
        components.open_patient(shown.patient_id)
        st.switch_page(components.FOLLOW_UP_VIEW)
    _done(_("{patient}: planned {visit}.").format(patient=shown.pseudonym, visit=words.visit(code)))


def _log(shown: CallLine, visit_id: UUID) -> None:
    """Method and outcome in a menu: opened with one click, done with the next."""
    # One more attempt makes another menu of it, so that it is closed again.
    key = f"{visit_id}:{len(shown.attempts)}"
    menu = st.popover(
        _("Log a call"), icon=":material/call:", key=f"worklist:log:{key}", on_change="rerun"
    )
    if not menu.open:
        return
    methods, outcomes = worklist_words.methods(), worklist_words.outcomes()
    request = st.session_state.setdefault(f"worklist:request:{key}", data.new_id())
    with menu, st.container(gap="xsmall"):
        method = st.segmented_control(
            _("How"),
            list(methods),
            format_func=methods.__getitem__,
            default=ContactMethod.PHONE,
            required=True,
            key=f"worklist:method:{key}",
        )
        note = st.text_input(_("Note, if need be"), key=f"worklist:note:{key}")
        st.text(_("What came of it? A click stores it as of today."))
        with st.container(horizontal=True, gap="xsmall"):
            for outcome, label in outcomes.items():
                if st.button(label, key=f"worklist:outcome:{outcome.value}:{key}"):
                    call = ContactEntry(
                        id=request,
                        follow_up_id=visit_id,
                        attempted_on=state.today(),
                        method=method or ContactMethod.PHONE,
                        outcome=outcome,
                        note=note or None,
                    )
                    try:
                        worklist_data.log_call(call)
                    except InvalidEntry as error:
                        st.error(plain(" ".join(str(found.message) for found in error.problems)))
                        return
                    _done(
                        _("{patient}: {outcome}.").format(
                            patient=shown.pseudonym, outcome=within(label)
                        )
                    )
        for attempt in shown.attempts:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(worklist_words.attempt(attempt))
                if data.may_amend() and st.button(
                    _("Logged by mistake"), key=f"worklist:undo:{attempt.id}", type="tertiary"
                ):
                    worklist_data.withdraw_call(attempt, data.new_id())
                    _done(_("{patient}: call withdrawn.").format(patient=shown.pseudonym))


def _close(shown: CallLine, visit_id: UUID) -> None:
    """Offer to end a visit that will not take place, where the calls say so."""
    last = shown.attempts[0].outcome if shown.attempts else None
    if last is ContactOutcome.DECLINED:
        offered = {FollowUpStatus.DECLINED: _("Mark as declined")}
    elif shown.silence is not None:
        offered = {
            FollowUpStatus.LOST: _("Mark as lost to follow-up"),
            FollowUpStatus.MISSED: _("Mark as missed"),
        }
    else:
        return
    for status, label in offered.items():
        if st.button(label, key=f"worklist:{status.value}:{visit_id}", type="tertiary"):
            worklist_data.close_visit(visit_id, status, data.new_id())
            _done(
                _("{patient}: visit marked as {status}.").format(
                    patient=shown.pseudonym, status=words.inline(status)
                )
            )


def _done(said: str) -> NoReturn:
    """Show the list as it is now, and say what was done."""
    st.session_state[SAID] = said
    st.rerun()

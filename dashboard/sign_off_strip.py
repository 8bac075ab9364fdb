"""The five things that make a session complete, side by side; what is open is one click away."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

import streamlit as st

from dashboard import components, data, patient_data, photograph_form, words
from dashboard.form import open_form
from dashboard.text import _, plain
from registry.analysis.sign_off import SignOff, Standing, Step, StepState
from registry.errors import RegistryError

Colour = Literal["green", "red", "gray"]

SIGNS: Final[dict[StepState, tuple[str, Colour]]] = {
    StepState.DONE: (":material/check:", "green"),
    StepState.OPEN: (":material/error:", "red"),
    StepState.NOT_DUE: (":material/schedule:", "gray"),
    StepState.NOT_NEEDED: (":material/remove:", "gray"),
}
SAID: Final = "sign_off:said"


def show(session: SignOff, place: str) -> None:
    """Draw the strip; ``place`` keeps its buttons apart from those of another strip on the page."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for step, standing in session.steps.items():
            text = in_words(step, standing)
            icon, colour = SIGNS[standing.state]
            if standing.state is StepState.OPEN and data.may_record() and data.may_amend():
                if st.button(
                    f":red[{plain(text)}]",
                    icon=icon,
                    key=f"{place}:{session.session_id}:{step.value}",
                ):
                    mend(session, step, standing)
            else:
                st.badge(plain(text), icon=icon, color=colour)


def show_saved(session_id: UUID) -> None:
    """The strip of a session of the open patient that was just saved."""
    patient = components.patient()
    session = patient_data.sign_offs(patient.id).get(session_id) if patient else None
    announce()
    if session is not None:
        show(session, "saved")


def announce() -> None:
    """Say once what the last click on a strip did."""
    said = st.session_state.pop(SAID, None)
    if said is not None:
        st.success(plain(said), icon=":material/check_circle:")


def in_words(step: Step, standing: Standing) -> str:
    """A step and where it stands."""
    said = {
        Step.CONSENT: {
            StepState.DONE: _("Consent"),
            StepState.OPEN: _("Consent missing"),
        },
        Step.LOT: {
            StepState.DONE: _("Lot"),
            StepState.OPEN: _("Lot missing"),
            StepState.NOT_NEEDED: _("No lot needed"),
        },
        Step.FOLLOW_UP: {
            StepState.DONE: _("Follow-up booked"),
            StepState.OPEN: _("Book follow-up"),
            StepState.NOT_NEEDED: _("No follow-up: does not come back"),
        },
        Step.COMPLICATIONS: {
            StepState.DONE: _("Complications asked"),
            StepState.OPEN: _("Ask about complications"),
            StepState.NOT_DUE: _("Complications: due {day}"),
            StepState.NOT_NEEDED: _("Complications: cannot be asked"),
        },
        Step.PHOTOGRAPH: {
            StepState.DONE: _("Photograph"),
            StepState.OPEN: _("Photograph missing"),
            StepState.NOT_NEEDED: _("No photographs here"),
        },
    }
    text = said[step][standing.state]
    return text.format(day=words.day(standing.due_on)) if standing.due_on is not None else text


def mend(session: SignOff, step: Step, standing: Standing) -> None:
    """Open what puts an open step right; a follow-up is booked at once."""
    if step is Step.FOLLOW_UP and _plan(session):
        st.rerun()
    components.open_patient(session.patient_id)
    if step in (Step.CONSENT, Step.LOT):
        open_form("session", components.SESSION_VIEW, session.session_id)
    if step is Step.COMPLICATIONS and standing.planned_id is not None:
        open_form("follow_up", components.FOLLOW_UP_VIEW, standing.planned_id)
    if step is Step.PHOTOGRAPH:
        photograph_form.open_for(session.patient_id, session.session_id)
    st.switch_page(
        components.PATIENT_VIEW if step is Step.PHOTOGRAPH else components.FOLLOW_UP_VIEW
    )


def _plan(session: SignOff) -> bool:
    """Plan the visit that fits the session; False when none does or it cannot be stored."""
    code = patient_data.visit_to_plan(session.treated_on)
    if code is None:
        return False
    try:
        recorded = patient_data.plan_visit(session, code)
    except RegistryError as error:
        st.error(plain(error))
        st.stop()
    if recorded.already:
        return False
    st.session_state[SAID] = _("{patient}: planned {visit}, {day}.").format(
        patient=session.pseudonym,
        visit=words.visit(code),
        day=words.day(data.due_on(code, session.treated_on)),
    )
    return True

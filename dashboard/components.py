"""Parts that several entry pages share: the patient whose record is open, and how to find one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import data, state, words
from dashboard.text import _, plain
from registry.analysis.patient_search import PatientFound
from registry.analysis.timeline import Alert, AlertKind, PatientHeader

PATIENT: Final = "patient"
"""Key in ``st.session_state``: clinic and header of the patient whose record is open."""

PATIENT_VIEW: Final = "views/patient.py"
SESSION_VIEW: Final = "views/record_session.py"
EVENT_VIEW: Final = "views/report_event.py"
FOLLOW_UP_VIEW: Final = "views/record_follow_up.py"
ENROL_VIEW: Final = "views/enrol.py"


def patient() -> PatientHeader | None:
    """The patient whose record is open, as far as the person may see."""
    found = st.session_state.get(PATIENT)
    if found is None or found[0] != state.clinic():
        return None
    header: PatientHeader = found[1]
    if not data.may_see_identity():
        return replace(
            header, family_name=None, given_name=None, birth_date=None, hospital_number=None
        )
    return header


def open_patient(patient_id: UUID) -> None:
    """Open a patient's record for all entry pages."""
    st.session_state[PATIENT] = (state.clinic(), data.open_patient(patient_id))
    forget_searches()


def close_patient() -> None:
    """Close the record that is open."""
    st.session_state.pop(PATIENT, None)
    forget_searches()


def forget_searches() -> None:
    """Search again next time: something was stored meanwhile."""
    for key in ("picker:found", "picker:text"):
        st.session_state.pop(key, None)


def choose_patient() -> PatientHeader | None:
    """The open patient with a way to another one; otherwise a search."""
    header = patient()
    if header is not None:
        return header
    text = st.text_input(
        _("Patient"),
        key="picker:text",
        placeholder=_("Pseudonym, name, hospital number or birth date")
        if data.may_see_identity()
        else _("Pseudonym"),
        live="400ms",
        max_chars=120,
        icon=":material/search:",
    )
    asked = (state.clinic(), " ".join((text or "").split()), data.may_see_identity())
    kept = st.session_state.get("picker:found")
    if kept is None or kept[0] != asked:
        # Each search is logged once, not at every run of the page.
        kept = (asked, data.find_patients(asked[1]))
        st.session_state["picker:found"] = kept
    found: list[PatientFound] = kept[1]
    if len(found) == 1 and asked[1].casefold() == found[0].pseudonym.casefold():
        open_patient(found[0].id)
        st.rerun()
    if not found:
        st.text(_("No patient of this clinic is found under that."))
    elif not asked[1]:
        st.text(_("Treated last:"))
    with st.container(gap="xxsmall"):
        for line in found:
            st.button(
                _found_in_words(line),
                key=f"picker:{line.id}",
                on_click=open_patient,
                args=(line.id,),
                type="tertiary",
            )
    if data.may_record() and st.button(
        _("Enrol a new patient"), key="picker:enrol", type="tertiary", icon=":material/person_add:"
    ):
        st.switch_page(ENROL_VIEW)
    return None


def banner(header: PatientHeader, alerts: Sequence[Alert] = (), *, may_change: bool = True) -> None:
    """Who the record is about, and what matters before the next needle."""
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        with left:
            st.markdown(f"**{plain(name(header))}**  \n{plain(_particulars(header))}")
        if may_change:
            right.button(
                _("Other patient"), key="banner:change", on_click=close_patient, width="stretch"
            )
        if alerts:
            st.warning(
                "  \n".join(plain(alert_in_words(alert)) for alert in alerts),
                icon=":material/warning:",
            )


def name(header: PatientHeader) -> str:
    """Pseudonym, and the name for those who may see it."""
    person = ", ".join(part for part in (header.family_name, header.given_name) if part)
    return f"{header.pseudonym} · {person}" if person else header.pseudonym


def alert_in_words(alert: Alert) -> str:
    """One thing to know before the next needle."""
    if alert.kind is AlertKind.OVERDUE_FOLLOW_UP:
        return _("Overdue: {visit}, due {day}").format(
            visit=words.visit(alert.visit_code), day=words.day(alert.day)
        )
    term = words.event_term(alert.event_term_code or "")
    if alert.kind is AlertKind.OPEN_EVENT:
        return _("Still open: {event}, since {day}").format(event=term, day=words.day(alert.day))
    given = ", ".join(f"{words.product(code)} {words.inline(form)}"
                      for code, form in alert.given)  # fmt: skip
    sentence = _("Earlier reaction: {event} on {day} after {given}") if given else _(
        "Earlier reaction: {event} on {day}"
    )  # fmt: skip
    return sentence.format(event=term, day=words.day(alert.day), given=given)


def _particulars(header: PatientHeader) -> str:
    born = None
    if header.birth_date is not None:
        born = _("born {day}").format(day=words.day(header.birth_date))
    elif header.birth_year is not None:
        born = _("born {year}").format(year=header.birth_year)
    parts = (
        born,
        words.label(header.sex),
        _("skin type {type}").format(type=header.skin_type.value) if header.skin_type else None,
        _("no. {number}").format(number=header.hospital_number) if header.hospital_number else None,
        _("died {day}").format(day=words.day(header.died_on)) if header.died_on else None,
    )
    return " · ".join(part for part in parts if part)


def _found_in_words(line: PatientFound) -> str:
    person = ", ".join(part for part in (line.family_name, line.given_name) if part)
    born = words.day(line.birth_date) if line.birth_date else line.birth_year
    parts = (
        person,
        born and _("born {year}").format(year=born),
        line.last_treated_on
        and _("last treated {day}").format(day=words.day(line.last_treated_on)),
    )
    further = " · ".join(plain(part) for part in parts if part)
    return f"**{plain(line.pseudonym)}** · {further}" if further else f"**{plain(line.pseudonym)}**"

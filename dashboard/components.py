"""Parts that several entry pages share: the patient whose record is open, and how to find one."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import data, sentences, state, words
from dashboard.text import _, plain
from registry.analysis.patient_search import SHOWN_AT_ONCE, PatientFound
from registry.analysis.timeline import Alert, PatientHeader

PATIENT: Final = "patient"
"""Key in ``st.session_state``: clinic and header of the patient whose record is open."""

PATIENT_VIEW: Final = "views/patient.py"
SESSION_VIEW: Final = "views/record_session.py"
EVENT_VIEW: Final = "views/report_event.py"
FOLLOW_UP_VIEW: Final = "views/record_follow_up.py"
OUTCOMES_VIEW: Final = "views/patient_outcomes.py"
ENROL_VIEW: Final = "views/enrol.py"
TO_DO_VIEW: Final = "views/to_do.py"


def patient() -> PatientHeader | None:
    """The patient whose record is open, as far as the person may see."""
    found = st.session_state.get(PATIENT)
    if found is None or found[0] != state.clinic():
        return None
    header: PatientHeader = found[1]
    return header if data.may_see_identity() else _without_identity(header)


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
    """The open patient with a way to another one; otherwise a search.

    Both stand in one container that stays: where the search was, the next Tab goes on. Without it
    a browser that loses the focused field goes on somewhere else on the page.
    """
    header = patient()
    with st.container(key="picker"):
        if header is None:
            _search()
        else:
            said = _("{patient} is open.").format(patient=name(header))
            st.html(f'<p class="registry-said" role="status">{html.escape(said)}</p>')
    return header


def _search() -> None:
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
    identified = data.may_see_identity()
    both = sentences.read_both_ways(asked[1]) if identified else None
    if both is not None:
        st.info(plain(both), icon=":material/event:")
    if not found and asked[1]:
        st.text(sentences.nobody_found(asked[1], by_identity=identified))
    elif not found:
        st.text(_("Nobody has been treated here yet. Type a pseudonym, or enrol somebody."))
    elif not asked[1]:
        st.text(_("Treated last:"))
    elif len(found) == SHOWN_AT_ONCE:
        st.text(_("The first {count}; type more to find fewer.").format(count=len(found)))
    with st.container(gap="xxsmall"):
        for line in found:
            st.button(
                in_words(line),
                key=f"picker:{line.id}",
                on_click=open_patient,
                args=(line.id,),
                type="tertiary",
            )
    if data.may_record() and st.button(
        _("Enrol a new patient"), key="picker:enrol", type="tertiary", icon=":material/person_add:"
    ):
        st.switch_page(ENROL_VIEW)


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
        for duplicate in header.duplicates:
            st.markdown(
                _("Also recorded as **{patient}**: {particulars}").format(
                    patient=plain(name(duplicate)), particulars=plain(_particulars(duplicate))
                )
            )
        if header.asked_for is not None:
            st.info(
                plain(
                    _(
                        "{asked} is the same person as {kept}. Everything recorded under either is "
                        "shown here, and what is entered now goes to {kept}."
                    ).format(asked=header.asked_for, kept=header.pseudonym)
                ),
                icon=":material/link:",
            )
        if alerts:
            st.warning(
                "  \n".join(plain(sentences.alert(alert)) for alert in alerts),
                icon=":material/warning:",
            )


def name(header: PatientHeader) -> str:
    """Pseudonym, and the name for those who may see it."""
    person = sentences.person(header.family_name, header.given_name)
    return f"{header.pseudonym} · {person}" if person else header.pseudonym


def _without_identity(header: PatientHeader) -> PatientHeader:
    return replace(
        header,
        family_name=None,
        given_name=None,
        birth_date=None,
        hospital_number=None,
        duplicates=tuple(map(_without_identity, header.duplicates)),
    )


def _particulars(header: PatientHeader) -> str:
    parts = (
        sentences.born(header.birth_date, header.birth_year),
        words.label(header.sex),
        _("skin type {type}").format(type=header.skin_type.value) if header.skin_type else None,
        _("no. {number}").format(number=header.hospital_number) if header.hospital_number else None,
        _("died {day}").format(day=words.day(header.died_on)) if header.died_on else None,
    )
    return " · ".join(part for part in parts if part)


def in_words(line: PatientFound) -> str:
    """A patient of a search, as the label of a button."""
    return " · ".join([f"**{plain(line.pseudonym)}**", *map(plain, sentences.found(line))])

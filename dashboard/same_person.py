"""Two records of one person: told of in time, linked for a stated reason, and parted again."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import components, data, patient_data, sentences
from dashboard.text import _, plain
from registry.analysis.patient_search import Likeness, PatientFound
from registry.analysis.timeline import PatientHeader
from registry.errors import InvalidEntry, RegistryError

OTHER: Final = "link:other"
"""Key in ``st.session_state``: the patient chosen as the same person as the open one."""
REQUEST: Final = "link:request"
OF: Final = "link:of"
"""Key in ``st.session_state``: the patient for whom the other one was looked for."""
_FIELDS: Final = ("link:text", "link:kept", "link:reason", OTHER, REQUEST)


def likely(
    family_name: str | None,
    birth_date: dt.date | None,
    hospital_number: str | None,
    other_than: UUID | None = None,
) -> list[Likeness]:
    """Who may be the same person; blank for those who may not see identity.

    Asked and logged once for what was typed, not at every run of the page.
    """
    if not data.may_see_identity():
        return []
    asked = (family_name, birth_date, hospital_number, other_than)
    kept = st.session_state.get("likely")
    if kept is None or kept[0] != asked:
        kept = (asked, patient_data.likely_duplicates(*asked))
        st.session_state["likely"] = kept
    found: list[Likeness] = kept[1]
    return found


def warn(found: list[Likeness], *, may_link: bool = False) -> None:
    """Name those who may be the same person, with a way to each; nothing is kept from going on."""
    if not found:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":material/group: **{_('Perhaps the same person')}**")
        for like in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                known = [*sentences.found(like.patient), sentences.likeness(like)]
                st.markdown(
                    f"**{plain(like.patient.pseudonym)}** · {plain(' · '.join(known))}",
                    width="stretch",
                )
                if st.button(_("Open"), key=f"likely:{like.patient.id}"):
                    components.open_patient(like.patient.id)
                    st.switch_page(components.PATIENT_VIEW)
                if may_link:
                    st.button(
                        _("Link"),
                        key=f"likely:link:{like.patient.id}",
                        icon=":material/link:",
                        on_click=_choose,
                        args=(like.patient,),
                    )


def panel(patient: PatientHeader) -> None:
    """Link the open patient with another record of the same person, and undo such links."""
    if st.session_state.get(OF) != patient.id:
        _forget()
        st.session_state[OF] = patient.id
    found = likely(patient.family_name, patient.birth_date, patient.hospital_number, patient.id)
    warn(found, may_link=True)
    other: PatientFound | None = st.session_state.get(OTHER)
    with st.expander(
        _("The same person under another pseudonym"),
        icon=":material/link:",
        expanded=other is not None,
    ):
        for duplicate in patient.duplicates:
            _linked(patient, duplicate)
        if other is not None and other.id not in patient.ids:
            _link(patient, other)
        else:
            _search(patient)


def _search(patient: PatientHeader) -> None:
    typed = st.text_input(
        _("Find the other record"),
        key="link:text",
        placeholder=_("Pseudonym, name, hospital number or birth date"),
        live="400ms",
        max_chars=120,
    )
    asked = " ".join((typed or "").split())
    if not asked:
        return
    kept = st.session_state.get("link:found")
    if kept is None or kept[0] != asked:
        kept = (asked, data.find_patients(asked))
        st.session_state["link:found"] = kept
    found = [line for line in kept[1] if line.id not in patient.ids]
    if not found:
        st.text(sentences.nobody_found(asked, by_identity=True))
    for line in found:
        st.button(
            components.in_words(line),
            key=f"link:{line.id}",
            type="tertiary",
            on_click=_choose,
            args=(line,),
        )


def _choose(other: PatientFound) -> None:
    _forget()
    st.session_state[OTHER] = other
    st.session_state[REQUEST] = data.new_id()


def _forget() -> None:
    for key in _FIELDS:
        st.session_state.pop(key, None)


def _link(patient: PatientHeader, other: PatientFound) -> None:
    names = {
        patient.id: components.name(patient),
        other.id: " · ".join([other.pseudonym, *sentences.found(other)]),
    }
    st.text(
        _(
            "Both keep their pseudonym, identity and records. What was recorded under either is "
            "shown under both, figures count one patient, and new entries go to the one that is "
            "kept. The link can be undone."
        )
    )
    days = (patient.birth_date, other.birth_date)
    if None not in days and days[0] != days[1]:
        st.warning(_("The birth dates differ: look twice."), icon=":material/warning:")
    if "link:kept" not in st.session_state:
        st.session_state["link:kept"] = patient.id
    kept = st.radio(
        _("Keep"), list(names), format_func=lambda key: plain(names[key]), key="link:kept"
    )
    reason = _reason("link:reason", _("How is it known that they are one person?"))
    with st.container(horizontal=True):
        if (
            st.button(_("Link the two"), key="link:go", type="primary", disabled=not reason)
            and reason
        ):
            duplicate = other.id if kept == patient.id else patient.id
            try:
                patient_data.link(duplicate, kept, reason, st.session_state[REQUEST])
            except RegistryError as error:
                _explain(error)
                return
            _done(kept)
        st.button(_("Leave them apart"), key="link:leave", on_click=_forget)


def _linked(patient: PatientHeader, duplicate: PatientHeader) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            _("Linked with **{patient}**").format(patient=plain(components.name(duplicate))),
            width="stretch",
        )
        if st.button(_("Undo the link"), key=f"unlink:{duplicate.id}", icon=":material/link_off:"):
            st.session_state["unlink"] = (duplicate.id, data.new_id())
    chosen = st.session_state.get("unlink")
    if chosen is None or chosen[0] != duplicate.id:
        return
    st.text(
        _(
            "Both stand for themselves again, each with what was recorded under it. What was "
            "entered while they were linked stays with {kept}."
        ).format(kept=patient.pseudonym)
    )
    reason = _reason("unlink:reason", _("Why are they two people?"))
    if st.button(_("Part them"), key="unlink:go", type="primary", disabled=not reason) and reason:
        try:
            patient_data.unlink(duplicate.id, reason, chosen[1])
        except RegistryError as error:
            _explain(error)
            return
        _done(patient.id)


def _explain(error: RegistryError) -> None:
    """Say why nothing was stored."""
    problems = error.problems if isinstance(error, InvalidEntry) else ()
    st.error(plain(" ".join(str(problem.message) for problem in problems) or error))


def _reason(key: str, label: str) -> str:
    return " ".join((st.text_input(label, key=key) or "").split())


def _done(patient_id: UUID) -> None:
    _forget()
    for key in ("unlink", "unlink:reason", "link:found", "likely"):
        st.session_state.pop(key, None)
    components.open_patient(patient_id)
    st.rerun()

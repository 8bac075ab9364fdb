"""What was typed and not saved, offered again at the head of its page."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import components, data, open_forms, state, words
from dashboard.text import N_, _, ngettext, plain
from registry.entry.drafts import KeptDraft
from registry.errors import NotFound

if TYPE_CHECKING:
    from dashboard.form import Form

SHOWN: Final = 3
"""Drafts that are offered at once; the others are behind a click."""

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "session": (N_("Session"), N_("Correction of a session")),
    "event": (N_("Event"), N_("Change of an event")),
    "follow_up": (N_("Follow-up"), N_("Change of a follow-up")),
    "enrol": (N_("Enrolment"), N_("Correction of a patient")),
    "outcomes": (N_("Symptoms and severity"), N_("Correction of symptoms and severity")),
}
"""What a form makes, and what it does to a stored record."""


def show(form: Form) -> None:
    """Offer the person's drafts of this form, those that fit first, until something is typed."""
    opened = form.opened
    if opened.resumed_from is not None:
        _resumed(form)
    patient = components.patient()
    # A form begun for another patient than the one that is open gives way to a blank one.
    is_shown = opened.patient_id is None or (
        patient is not None and patient.id == opened.patient_id
    )
    if is_shown and opened.is_drawn and open_forms.is_touched(form.name, opened):
        return
    found = data.drafts_of(form.name)
    if is_shown:
        found = [d for d in found if d.id not in (opened.request_key, opened.replaces)]
    if opened.base is not None:
        found = [draft for draft in found if draft.record_id == opened.id]
    if patient is not None:
        found.sort(key=lambda draft: draft.patient_id != patient.id)
    if not found:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown("**{heading}**".format(heading=_("Not saved yet")))
        for draft in found[:SHOWN]:
            _offer(form, draft)
        if found[SHOWN:]:
            more = ngettext("{count} more", "{count} more", len(found) - SHOWN)
            with st.expander(more.format(count=len(found) - SHOWN)):
                for draft in found[SHOWN:]:
                    _offer(form, draft)


def _offer(form: Form, draft: KeptDraft) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(title(draft), width="stretch")
        if st.button(_("Continue"), key=f"draft:{draft.id}:continue", type="primary"):
            # Saved or discarded in another tab meanwhile: then there is nothing to go on with.
            with contextlib.suppress(NotFound):
                form.resume(draft.id)
            st.rerun()
        with st.popover(_("Discard")):
            st.text(_("What was typed in this draft will be gone."))
            if st.button(_("Discard it"), key=f"draft:{draft.id}:discard"):
                data.discard_draft(draft.id)
                st.rerun()


def title(draft: KeptDraft) -> str:
    """Which form for whom, and when it was last typed in: "Session for P-0007, 14:32 today"."""
    new, correction = KINDS[draft.form]
    kind = _(new if draft.base_version is None else correction)
    when = _moment(draft.updated_at)
    if draft.pseudonym is None:
        return _("{kind}, {time}").format(kind=kind, time=when)
    return _("{kind} for {patient}, {time}").format(kind=kind, patient=draft.pseudonym, time=when)


def _moment(at: dt.datetime) -> str:
    zone = state.clinic_summary().time_zone
    days = (state.today() - at.astimezone(ZoneInfo(zone)).date()).days
    near = {0: _("{time} today"), 1: _("{time} yesterday")}.get(days)
    if near is None:
        return words.moment(at, zone)
    return near.format(time=words.clock(at, zone))


def _resumed(form: Form) -> None:
    opened = form.opened
    assert opened.resumed_from is not None  # noqa: S101 - asked by the caller
    said = _("Continued from your draft of {time}. Look it over before you save.").format(
        time=_moment(opened.resumed_from)
    )
    if opened.lost:
        said += " " + ngettext(
            "{count} answer could not be taken over and has to be given again.",
            "{count} answers could not be taken over and have to be given again.",
            len(opened.lost),
        ).format(count=len(opened.lost))
    st.info(plain(said), icon=":material/edit_note:")

"""Two versions of one record side by side, when it changed after a form of it was opened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import streamlit as st

from dashboard import data, open_forms, sentences, state, words
from dashboard.text import N_, _, plain
from registry.entry.forms import (
    FindingEntry,
    InjectionEntry,
    OverrideEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.stale import Difference, Place, Stale, differences
from registry.vocabulary import Laterality, SeriousnessCriterion

if TYPE_CHECKING:
    from dashboard.form import Form

MINE: Final = "mine"
THEIRS: Final = "theirs"

LABELS: Final[Mapping[str, str]] = {
    "birth_date": N_("Birth date"),
    "birth_year": N_("Birth year"),
    "causality": N_("Relationship to the treatment"),
    "checklist_code": N_("List that was asked"),
    "checklist_version": N_("Version of the list"),
    "clinician_id": N_("Clinician"),
    "compression_class": N_("Compression"),
    "compression_days": N_("Days of compression"),
    "consent_version": N_("Consent version"),
    "cost_amount": N_("Cost of the session"),
    "cost_currency": N_("Currency"),
    "course_id": N_("Course of treatment"),
    "days_to_normal": N_("Days to normal activities"),
    "detection": N_("How it came to light"),
    "died_on": N_("Died on"),
    "due_on": N_("Due on"),
    "enrolled_on": N_("Enrolled on"),
    "event_outcome": N_("Outcome so far"),
    "event_term_code": N_("What happened"),
    "expectedness": N_("Named in the product information"),
    "family_name": N_("Family name"),
    "given_name": N_("Given name"),
    "guidance": N_("Guidance"),
    "hospital_number": N_("Hospital number"),
    "injections": N_("Injected, place not stated"),
    "intent": N_("Why this session"),
    "method": N_("How"),
    "modality": N_("Treatment"),
    "narrative": N_("What happened, in words"),
    "note": N_("Note"),
    "onset_on": N_("Began on"),
    "overrides": N_("Why a warning was passed over"),
    "pain": N_("Worst pain at injection"),
    "pseudonym": N_("Pseudonym"),
    "reported_on": N_("Reported on"),
    "resolved_on": N_("Resolved on"),
    "seen_on": N_("Seen on"),
    "seriousness_criteria": N_("Serious"),
    "severity": N_("Severity"),
    "sex": N_("Sex"),
    "skin_type": N_("Fitzpatrick skin type"),
    "status": N_("What became of it"),
    "treated_on": N_("Day"),
    "treated_site_id": N_("At which site"),
    "treatment_given": N_("Treatment given"),
    "treatment_session_id": N_("After which session"),
    "visit_code": N_("Which visit"),
    "weight_kg": N_("Weight, kg"),
}
"""Fields of the entries as the forms call them."""


def asks(form: Form) -> bool:
    """Show what both sides changed and ask what is to be kept; False when nothing is to be asked.

    Whoever goes on typing instead has not answered: the form is saved, and compared, anew.
    """
    opened = form.opened
    stale = opened.stale
    if stale is None:
        return False
    if open_forms.typed(form.name, opened) != opened.refused:
        opened.stale = None
        return False
    _explain(stale)
    found = differences(stale.base, stale.mine, stale.theirs)
    named = _Names(stale)
    conflicts = [each for each in found if each.is_conflict]
    _merged_by_itself([each for each in found if not each.is_conflict], named)
    answers = {each.place: _choose(form, each, named) for each in conflicts}
    open_questions = sum(answer is None for answer in answers.values())
    if st.button(
        _("Put both together"),
        key=f"{form.name}:merge",
        type="primary",
        disabled=bool(open_questions),
    ):
        form.take_over(stale, [place for place, answer in answers.items() if answer == MINE])
        st.rerun()
    if open_questions:
        st.text(_("Choose for each of these, then the form is filled with the result."))
    return True


def _explain(stale: Stale) -> None:
    st.header(_("Compare before saving"))
    if stale.saved_at is None:
        said = _(
            "Somebody changed this record after you opened it. Nothing of yours was stored yet, "
            "and nothing you typed is lost."
        )
    else:
        said = _(
            "This form was already saved at {time}, from another page and with other values. What "
            "was saved then stands; what you typed here is not stored yet, and not lost."
        ).format(time=words.clock(stale.saved_at, state.clinic_summary().time_zone))
    st.warning(plain(said), icon=":material/compare_arrows:")


def _merged_by_itself(found: list[Difference], named: _Names) -> None:
    """What only one side changed, or both alike: taken over, and shown."""
    if not found:
        return
    st.text(_("Taken over, because only one of you changed it:"))
    st.table(
        [
            {
                _("Field"): plain(named.label(each.place)),
                _("Before"): plain(named.value(each.place, each.base)),
                _("Now"): plain(named.value(each.place, each.merged)),
                _("Changed"): _("by you") if each.is_mine else _("meanwhile"),
            }
            for each in found
        ],
        border="horizontal",
        hide_index=True,
    )


def _choose(form: Form, each: Difference, named: _Names) -> str | None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{plain(named.label(each.place))}**")
        if form.opened.stale is not None and form.opened.stale.base is not None:
            before = named.value(each.place, each.base)
            st.text(_("When you opened it: {value}").format(value=before))
        sides = {
            THEIRS: _("Stored now: {value}").format(value=named.value(each.place, each.theirs)),
            MINE: _("Yours: {value}").format(value=named.value(each.place, each.mine)),
        }
        chosen: str | None = st.radio(
            named.label(each.place),
            list(sides),
            index=None,
            format_func=lambda side: plain(sides[side]),
            key=f"{form.name}:{form.opened.number}-merge:{each.place}",
            label_visibility="collapsed",
        )
    return chosen


class _Names:
    """Fields and values in words, with what the patient's other records are called."""

    def __init__(self, stale: Stale) -> None:
        self._records: dict[UUID, str] = {}
        self._clinicians: Mapping[int, str] = {}
        patient_id = getattr(stale.theirs, "patient_id", None)
        if patient_id is None:
            return
        shown = data.patient_timeline(patient_id)
        self._clinicians = shown.clinicians
        for session in shown.sessions:
            self._records[session.entry.id] = words.day(session.entry.treated_on)
            for site_id, site in zip(session.site_ids, session.entry.sites, strict=True):
                self._records[site_id] = words.site(site.side, site.anatomy_code)
        for course in shown.courses:
            self._records[course.id] = sentences.course(course)

    def label(self, place: Place) -> str:
        """What the form calls the place."""
        match place.field, place.member:
            case "sites" | "site_outcomes", (Laterality() as side, str(anatomy_code), *_further):
                return words.site(side, anatomy_code)
            case "findings", (str(code), *_further):
                return words.event_term(code)
        return _(LABELS.get(place.field, place.field))

    def value(self, place: Place, value: Any) -> str:
        """A value as people write it."""
        match value:
            case None | "" | ():
                return _("not recorded")
            case frozenset():
                criteria = [words.label(c) for c in SeriousnessCriterion if c in value]
                return ", ".join(criteria) or _("no")
            case bool():
                return _("yes") if value else _("no")
            case StrEnum():
                return words.label(value)
            case dt.date():
                return words.day(value)
            case Decimal():
                return words.number(value)
            case UUID():
                return self._records.get(value, _("another record"))
            case SiteEntry():
                return sentences.site_in_words(value)
            case FindingEntry():
                return words.label(value.state)
            case OverrideEntry():
                return words.label(value.reason)
            case SiteOutcomeEntry():
                return sentences.outcome_in_words(value)
            case tuple():
                return "; ".join(self.value(place, part) for part in value)
            case InjectionEntry():
                return sentences.given_in_words([value])
        if place.field == "clinician_id":
            return self._clinicians.get(value, str(value))
        if place.field == "event_term_code":
            return words.event_term(value)
        if place.field == "visit_code":
            return words.visit(value)
        return str(value)

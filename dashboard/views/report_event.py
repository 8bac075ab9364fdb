"""Report an adverse event, or say what became of one that was reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import streamlit as st

from dashboard import components, data, event_fields, sentences, state, words
from dashboard.form import PAUSE, REQUIRED, Form
from dashboard.text import _
from registry.analysis.timeline import PatientHeader, Timeline, is_open, propose_attribution
from registry.catalogue import EventFamily, RowStatus, catalogue
from registry.entry.forms import EventEntry
from registry.entry.problems import Problem
from registry.entry.recording import Recorded
from registry.messages import message
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    Expectedness,
    ReasonForChange,
    SeriousnessCriterion,
    Severity,
)

NO_SESSION: Final = "none"


def main() -> None:
    """The page."""
    form = Form("event", EventEntry)
    base = form.opened.base
    stored = base if isinstance(base, EventEntry) else None
    st.title(_("Follow up or correct an event") if stored else _("Report an event"))
    if form.saved is not None:
        _after_saving(form)
        return
    form.offer_drafts()
    patient = components.choose_patient()
    if patient is None:
        return
    shown = data.patient_timeline(patient.id)
    components.banner(patient, may_change=stored is None)
    if stored and st.button(_("Leave it as it was"), icon=":material/undo:"):
        form.give_up()
        st.switch_page(components.PATIENT_VIEW)
    _fill(form, patient)
    _ask(form, patient, shown)


def _fill(form: Form, patient: PatientHeader) -> None:
    if not form.begins_for(patient):
        return
    base = form.opened.base
    if not isinstance(base, EventEntry):
        form.set("onset_on", state.today())
        form.set("reported_on", state.today())
        form.set("event_outcome", EventOutcome.UNKNOWN)
        return
    for field in (
        "event_term_code",
        "onset_on",
        "reported_on",
        "resolved_on",
        "severity",
        "causality",
        "expectedness",
        "detection",
        "event_outcome",
        "treated_site_id",
    ):
        form.set(field, getattr(base, field))
    form.set("treatment_given", base.treatment_given or "")
    form.set("narrative", base.narrative or "")
    event_fields.fill_seriousness(form, "", base.seriousness_criteria)
    form.set("treatment_session_id", base.treatment_session_id or NO_SESSION)
    form.set("session_chosen", True)
    if is_open(base):
        form.set("reason", ReasonForChange.NEW_INFORMATION)


def _ask(form: Form, patient: PatientHeader, shown: Timeline) -> None:
    base = form.opened.base
    died = SeriousnessCriterion.DEATH in (form.get("seriousness_criteria") or ())
    # What an open event is opened for stands first; a death decides the outcome further down.
    follows_up = isinstance(base, EventEntry) and is_open(base) and not died
    so_far = _so_far(form) if follows_up else None
    columns = st.columns([2.2, 1, 1])
    with columns[0]:
        term_code = _term(form)
    with columns[1]:
        onset_on = form.day(_("Began on"), "onset_on", required=True) or state.today()
    with columns[2]:
        reported_on = form.day(_("Reported on"), "reported_on", required=True)
    session_id = _session(form, term_code, onset_on, shown)
    severity = form.choice(_("Severity: how intense"), "severity", Severity)
    criteria, found = event_fields.seriousness(form, "", term_code)
    causality = form.choice(_("Relationship to the treatment"), "causality", Causality)
    detection = form.choice(_("How it came to light"), "detection", Detection)
    if SeriousnessCriterion.DEATH in criteria:
        form.set("event_outcome", EventOutcome.FATAL)
    outcome, resolved_on = so_far or _so_far(form)
    entry = EventEntry(
        id=form.opened.id,
        patient_id=base.patient_id if isinstance(base, EventEntry) else patient.id,
        event_term_code=term_code or "",
        onset_on=onset_on,
        reported_on=reported_on or state.today(),
        treatment_session_id=session_id,
        treated_site_id=_site(form, session_id, shown),
        resolved_on=resolved_on,
        severity=severity,
        seriousness_criteria=criteria,
        causality=causality,
        detection=detection,
        event_outcome=outcome or EventOutcome.UNKNOWN,
        **_further(form),
    )
    if term_code is None:
        found.append(Problem("event_term_code", REQUIRED, message("What happened?")))
    else:
        found += data.problems(entry)
    change: data.Change | None = None
    if base is not None:
        st.header(_("Why"))
        change = form.change()
        if change is None:
            found.append(Problem("reason", REQUIRED, message("Why is it changed?")))

    def store(accepted: frozenset[str]) -> Recorded:
        if change is not None:
            return data.amend(entry, change, accepted)
        return data.save_event(entry, accepted)

    days = {stored.entry.id: stored.entry.treated_on for stored in shown.sessions}
    form.save(
        _("Save the change") if base is not None else _("Report event"),
        found,
        store,
        lambda: (
            components.name(patient),
            sentences.event(entry, days.get(entry.treatment_session_id))
            if entry.treatment_session_id
            else sentences.event(entry, None),
        ),
    )


def _so_far(form: Form) -> tuple[EventOutcome | None, dt.date | None]:
    """How the event went on, and when it was over."""
    outcome = form.choice(_("Outcome so far"), "event_outcome", EventOutcome)
    if outcome not in (EventOutcome.RECOVERED, EventOutcome.SEQUELAE):
        return outcome, None
    return outcome, form.day(_("Resolved on"), "resolved_on")


def _term(form: Form) -> str | None:
    """What happened: every current term, grouped by family and found by typing either."""
    terms = catalogue().event_terms
    families = list(EventFamily)
    chosen = form.get("event_term_code")
    offered = sorted(
        (c for c, term in terms.items() if term.status is RowStatus.CURRENT or c == chosen),
        key=lambda code: (
            terms[code].family is EventFamily.OTHER,
            families.index(terms[code].family),
        ),
    )
    return form.pick(
        _("What happened"),
        "event_term_code",
        offered,
        lambda code: f"{words.label(terms[code].family)}: {words.event_term(code)}",
        placeholder=_("Type, for example DVT or matting"),
    )


def _session(form: Form, term_code: str | None, onset_on: dt.date, shown: Timeline) -> UUID | None:
    """The session it is attributed to: proposed by the counting window, decided by the person."""
    sessions = {stored.entry.id: stored.entry for stored in reversed(shown.sessions)}
    proposal = None
    if term_code is not None:
        proposal = propose_attribution(
            [(entry.id, entry.treated_on) for entry in sessions.values()], term_code, onset_on
        )
        if not form.get("session_chosen"):
            form.set("treatment_session_id", proposal.session_id or NO_SESSION)

    def in_words(choice: UUID | str) -> str:
        entry = sessions.get(choice) if isinstance(choice, UUID) else None
        if entry is None:
            return _("No session")
        return _("{day}: {session}").format(
            day=words.day(entry.treated_on), session=sentences.session_in_short(entry)
        )

    chosen = form.pick(
        _("After which session"),
        "treatment_session_id",
        [*sessions, NO_SESSION],
        in_words,
        placeholder=_("Proposed as soon as it is said what happened"),
        on_change=form.set,
        args=("session_chosen", True),
    )
    entry = sessions.get(chosen) if isinstance(chosen, UUID) else None
    if entry is not None:
        st.text(_("Day {days} after that session.").format(days=(onset_on - entry.treated_on).days))
    if proposal is not None and proposal.ambiguous and not form.get("session_chosen"):
        st.info(
            _(
                "More than one session could have caused it. The latest is proposed; choose "
                "another if you know better."
            ),
            icon=":material/help:",
        )
    return chosen if isinstance(chosen, UUID) else None


def _site(form: Form, session_id: UUID | None, shown: Timeline) -> UUID | None:
    """The treated site it is attributed to, if that is known."""
    sites: Mapping[UUID, str] = {}
    for stored in shown.sessions:
        if stored.entry.id == session_id:
            sites = {
                site_id: words.site(site.side, site.anatomy_code)
                for site_id, site in zip(stored.site_ids, stored.entry.sites, strict=True)
            }
    if not sites:
        return None
    if form.get("treated_site_id") not in sites:
        form.set("treated_site_id", None)
    return form.pick(
        _("At which site, if known"),
        "treated_site_id",
        list(sites),
        lambda site_id: sites[site_id],
        placeholder=_("Not one site"),
    )


def _further(form: Form) -> dict[str, Any]:
    with st.expander(_("Treatment, and what happened in words")):
        expectedness = form.choice(
            _("Named in the product information"), "expectedness", Expectedness
        )
        treatment = form.text(_("Treatment given"), "treatment_given", live=PAUSE)
        narrative = form.paragraph(_("What happened, without names"), "narrative", height=100)
    return {
        "expectedness": expectedness,
        "treatment_given": treatment.strip() or None,
        "narrative": narrative.strip() or None,
    }


def _after_saving(form: Form) -> None:
    assert form.saved is not None  # noqa: S101 - asked by the caller
    form.show_saved(form.saved)
    with st.container(horizontal=True):
        if st.button(_("Open the record"), type="primary", key=form.key("open")):
            form.reset()
            st.switch_page(components.PATIENT_VIEW)
        if st.button(_("Report another event"), key=form.key("next")):
            form.reset()
            st.rerun()


main()

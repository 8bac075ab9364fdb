"""What the entry pages ask of the registry: each question with the person, clinic and hour at hand.

Plain values come back. Nothing is kept between runs, because rights may change with any click, and
no element is drawn in here: drawing may end a run, and a run must never end within a transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

from dashboard import state
from registry.access import Permission, may
from registry.analysis import patient_search, records, stored_entries, timeline
from registry.analysis.patient_search import PatientFound
from registry.analysis.records import DueVisit, Save, ShelfLot, Treater
from registry.analysis.stored_entries import Stored
from registry.analysis.timeline import PatientHeader, Timeline
from registry.catalogue import catalogue
from registry.entry import drafts, recording
from registry.entry.draft_content import Content
from registry.entry.drafts import DraftHead, KeptDraft
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FollowUpEntry,
    OverrideEntry,
    PatientEntry,
    SessionEntry,
)
from registry.entry.problems import Problem, in_the_way
from registry.entry.recording import Recorded
from registry.entry.rows import derived_id
from registry.entry.stale import Stale, differences
from registry.errors import Conflict, InvalidEntry
from registry.vocabulary import FollowUpStatus, ReasonForChange

FOLLOW_UPS_OFFERED: Final = ("safety_2w", "check_6_8w", "review_26w", "review_12m")
"""Visits of the schedule that a session offers to plan."""


@dataclass(frozen=True, slots=True)
class Change:
    """Why a stored record is changed, and the version of it that the form was opened with."""

    version: int
    reason: ReasonForChange
    reason_text: str | None
    request_key: UUID
    opened_with: Entry | None = None


def new_id() -> UUID:
    """Identifier of a form that is being opened; sending the form twice stores it once."""
    return uuid4()


def may_record() -> bool:
    """Whether the person may record in the clinic at hand."""
    return may(state.actor(), Permission.RECORD, state.clinic())


def may_amend() -> bool:
    """Whether the person may correct and void records of the clinic at hand."""
    return may(state.actor(), Permission.AMEND, state.clinic())


def may_see_identity() -> bool:
    """Whether the person may see names and birth dates in the clinic at hand."""
    return may(state.actor(), Permission.SEE_IDENTITY, state.clinic())


def find_patients(text: str) -> list[PatientFound]:
    """Patients that ``text`` names; without text, those treated last."""
    return patient_search.find_patients(
        state.engine(), state.actor(), state.clinic(), text, now=state.now()
    )


def open_patient(patient_id: UUID) -> PatientHeader:
    """Who a patient is; written to the log of accesses, so ask once per opening."""
    return timeline.open_patient(
        state.engine(), state.actor(), state.clinic(), patient_id, now=state.now()
    )


def patient_timeline(patient_id: UUID) -> Timeline:
    """Everything recorded about a patient."""
    return timeline.patient_timeline(
        state.reading_engine(), state.actor(), state.clinic(), patient_id, today=state.today()
    )


def next_pseudonym() -> str:
    """The next free pseudonym of the clinic."""
    return records.next_pseudonym(state.reading_engine(), state.actor(), state.clinic())


def due_follow_ups() -> list[DueVisit]:
    """Planned visits of the clinic that are due by now."""
    return records.due_follow_ups(
        state.reading_engine(), state.actor(), state.clinic(), until=state.today(), limit=30
    )


def lots_on_the_shelf(on: dt.date) -> list[ShelfLot]:
    """Lots that had not expired on a day, the last used first."""
    return records.lots_on_the_shelf(state.reading_engine(), state.actor(), state.clinic(), on=on)


def treaters() -> list[Treater]:
    """Those who treat in the clinic."""
    return records.treaters(state.reading_engine(), state.actor(), state.clinic())


def last_session(patient_id: UUID, clinician_id: int | None) -> Stored[SessionEntry] | None:
    """The patient's latest session, or else the clinician's: where a new one begins."""
    at = (state.reading_engine(), state.actor(), state.clinic())
    of_patient = records.last_session_of_patient(*at, patient_id)
    if of_patient is not None or clinician_id is None:
        return of_patient
    return records.last_session_of_clinician(*at, clinician_id)


def usual_currency() -> str | None:
    """The currency that the clinic used last."""
    return records.usual_currency(state.reading_engine(), state.actor(), state.clinic())


def payers() -> list[str]:
    """Who pays for the courses of the clinic."""
    return records.payers_of(state.reading_engine(), state.actor(), state.clinic())


def recent_saves() -> list[Save]:
    """What the person stored last here."""
    return records.recent_saves(state.reading_engine(), state.actor(), state.clinic())


def stored(kind: type[Entry], record_id: UUID) -> tuple[Entry, int]:
    """A stored record as an entry, and its version."""
    at = (state.reading_engine(), state.actor(), state.clinic())
    if kind is PatientEntry:
        return stored_entries.patient_entry(*at, record_id)
    if kind is CourseEntry:
        return stored_entries.course_entry(*at, record_id)
    if kind is SessionEntry:
        return stored_entries.session_entry(*at, record_id)
    if kind is EventEntry:
        return stored_entries.event_entry(*at, record_id)
    if kind is FollowUpEntry:
        return stored_entries.follow_up_entry(*at, record_id)
    raise TypeError(f"{kind.__name__} is not corrected on a page")


def problems(entry: Entry, coming: Collection[UUID] = ()) -> list[Problem]:
    """What stands against storing the entry; only what may be said before saving.

    ``coming`` names the course or events that are stored just before the entry.
    """
    if not (may_record() or may_amend()):
        return []
    return recording.problems_of(
        state.reading_engine(),
        state.actor(),
        state.clinic(),
        _without(entry, coming),
        now=state.now(),
    )


def _without(entry: Entry, coming: Collection[UUID]) -> Entry:
    """The entry without its references to what is not stored yet."""
    if isinstance(entry, SessionEntry) and entry.course_id in coming:
        return replace(entry, course_id=None)
    if isinstance(entry, FollowUpEntry):
        findings = tuple(
            replace(finding, adverse_event_id=None)
            if finding.adverse_event_id in coming
            else finding
            for finding in entry.findings
        )
        return replace(entry, findings=findings)
    return entry


def keep_draft(clinic_id: int, head: DraftHead, content: Content) -> dt.datetime:
    """Store what a form holds, and say when."""
    now = state.now()
    drafts.keep_draft(state.engine(), state.actor(), clinic_id, head, content, now=now)
    return now


def drafts_of(form: str) -> list[KeptDraft]:
    """The person's own drafts of a form in the clinic at hand."""
    return drafts.drafts_of(
        state.reading_engine(), state.actor(), state.clinic(), form, now=state.now()
    )


def open_draft(draft_id: UUID) -> tuple[KeptDraft, Content]:
    """One of the person's own drafts with what it holds."""
    return drafts.open_draft(
        state.reading_engine(), state.actor(), state.clinic(), draft_id, now=state.now()
    )


def discard_draft(draft_id: UUID) -> None:
    """Remove one of the person's own drafts."""
    drafts.discard_draft(state.engine(), state.actor(), state.clinic(), draft_id)


def enrol(entry: PatientEntry) -> Recorded:
    """Enrol a patient."""
    return _once(
        entry,
        recording.enrol_patient(
            state.engine(), state.actor(), state.clinic(), entry, now=state.now()
        ),
    )


def _once(entry: Entry, recorded: Recorded) -> Recorded:
    """What was recorded; raises :class:`Stale` if the form had been saved with other values.

    So it is when the same draft was continued in two tabs: what the second one says must neither
    be stored as another record nor be taken for what is stored.
    """
    if recorded.already:
        theirs, version = stored(type(entry), entry.id)
        if differences(None, entry, theirs):
            raise Stale(None, entry, theirs, version, recorded.at)
    return recorded


def planned_follow_ups(session: SessionEntry, visit_codes: Collection[str]) -> list[FollowUpEntry]:
    """Visits to be planned after a session; always the same ones for the same session."""
    return [
        FollowUpEntry(
            id=derived_id(session.id, "follow_up", code),
            patient_id=session.patient_id,
            treatment_session_id=session.id,
            visit_code=code,
            due_on=due_on(code, session.treated_on),
            status=FollowUpStatus.PLANNED,
        )
        for code in FOLLOW_UPS_OFFERED
        if code in visit_codes
    ]


def due_on(visit_code: str, treated_on: dt.date) -> dt.date:
    """Day on which a visit of the schedule is due."""
    return treated_on + dt.timedelta(days=catalogue().visits[visit_code].due_day)


def save_session(
    entry: SessionEntry,
    *,
    course: CourseEntry | None,
    visit_codes: Collection[str],
    accepted: Collection[str],
) -> Recorded:
    """Store a session, the course it opens and the visits it plans.

    Everything is checked before anything is stored. Each part has an identifier of its own, so
    that saving again after a failure completes what is missing and doubles nothing.
    """
    engine, by, clinic, now = state.engine(), state.actor(), state.clinic(), state.now()
    found = problems(entry, [course.id] if course is not None else [])
    if course is not None:
        found += problems(course)
    _refuse(found, accepted, entry.overrides)
    if course is not None:
        recording.plan_course(engine, by, clinic, course, now=now)
    saved = recording.record_session(engine, by, clinic, entry, now=now, accepted=accepted)
    for visit in planned_follow_ups(entry, visit_codes):
        recording.record_follow_up(engine, by, clinic, visit, now=now)
    return _once(entry, saved)


def save_event(entry: EventEntry, accepted: Collection[str]) -> Recorded:
    """Store an adverse event."""
    return _once(
        entry,
        recording.report_event(
            state.engine(), state.actor(), state.clinic(), entry, now=state.now(), accepted=accepted
        ),
    )


def save_follow_up(
    entry: FollowUpEntry,
    events: Sequence[EventEntry],
    *,
    planned: Change | None,
    accepted: Collection[str],
    went_on: Sequence[Stored[EventEntry]] = (),
) -> Recorded:
    """Store a follow-up with the events it brought to light, and what became of earlier ones.

    ``planned`` is given when the visit had been planned: what became of it amends the plan.
    ``went_on`` are open events as they are now, with the version they had.
    """
    engine, by, clinic, now = state.engine(), state.actor(), state.clinic(), state.now()
    found = problems(entry, [event.id for event in events])
    for event in (*events, *(known.entry for known in went_on)):
        found += problems(event)
    _refuse(found, accepted)
    if planned is not None:
        theirs, version = stored(FollowUpEntry, entry.id)
        if version != planned.version and differences(None, entry, theirs):
            raise Stale(planned.opened_with, entry, theirs, version)
    for known in went_on:
        recording.amend(
            engine,
            by,
            clinic,
            known.entry,
            version=known.version,
            reason=ReasonForChange.NEW_INFORMATION,
            request_key=derived_id(entry.id, "went_on", known.entry.id, known.version),
            now=now,
            accepted=accepted,
        )
    for event in events:
        recording.report_event(engine, by, clinic, event, now=now, accepted=accepted)
    if planned is None:
        return _once(
            entry,
            recording.record_follow_up(engine, by, clinic, entry, now=now, accepted=accepted),
        )
    return amend(entry, planned, accepted)


def amend(entry: Entry, change: Change, accepted: Collection[str]) -> Recorded:
    """Correct a stored record; raises :class:`Stale` when it changed after the form was opened."""
    try:
        recorded = recording.amend(
            state.engine(),
            state.actor(),
            state.clinic(),
            entry,
            version=change.version,
            reason=change.reason,
            reason_text=change.reason_text,
            request_key=change.request_key,
            now=state.now(),
            accepted=accepted,
        )
    except Conflict:
        theirs, version = stored(type(entry), entry.id)
        if version == change.version:
            raise
        raise Stale(change.opened_with, entry, theirs, version) from None
    return _once(entry, recorded)


def void(kind: type[Entry], record_id: UUID, change: Change) -> Recorded:
    """Withdraw a stored record."""
    return recording.void(
        state.engine(),
        state.actor(),
        state.clinic(),
        kind,
        record_id,
        version=change.version,
        reason=change.reason,
        reason_text=change.reason_text,
        request_key=change.request_key,
        now=state.now(),
    )


def _refuse(
    found: Sequence[Problem],
    accepted: Collection[str],
    overrides: Sequence[OverrideEntry] = (),
) -> None:
    standing = in_the_way(found, accepted, overrides)
    if standing:
        raise InvalidEntry(standing)

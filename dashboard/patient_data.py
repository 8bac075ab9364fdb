"""What the pages about one patient, and the to-do list, ask of the registry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from dashboard import data, state
from registry.analysis import patient_search, sign_off
from registry.analysis import to_do as to_do_list
from registry.analysis.patient_search import Likeness
from registry.analysis.sign_off import SignOff
from registry.catalogue import catalogue
from registry.entry import patient_links, recording
from registry.entry.forms import FollowUpEntry
from registry.entry.recording import Recorded
from registry.entry.rows import derived_id
from registry.vocabulary import FollowUpStatus


def may_link() -> bool:
    """Whether the person may say that two patients are one."""
    return data.may_amend() and data.may_see_identity()


def likely_duplicates(
    family_name: str | None,
    birth_date: dt.date | None,
    hospital_number: str | None,
    other_than: UUID | None = None,
) -> list[Likeness]:
    """Who may be the same person; written to the log of accesses, so ask once per change."""
    return patient_search.likely_duplicates(
        state.engine(),
        state.actor(),
        state.clinic(),
        family_name=family_name,
        birth_date=birth_date,
        hospital_number=hospital_number,
        other_than=other_than,
        now=state.now(),
    )


def link(duplicate_id: UUID, kept_id: UUID, reason: str, request_key: UUID) -> Recorded:
    """Say that two patients are one person."""
    return patient_links.link_patients(
        state.engine(),
        state.actor(),
        state.clinic(),
        duplicate_id=duplicate_id,
        kept_id=kept_id,
        reason=reason,
        request_key=request_key,
        now=state.now(),
    )


def unlink(duplicate_id: UUID, reason: str, request_key: UUID) -> Recorded:
    """Undo the link of a duplicate."""
    return patient_links.unlink_patients(
        state.engine(),
        state.actor(),
        state.clinic(),
        duplicate_id=duplicate_id,
        reason=reason,
        request_key=request_key,
        now=state.now(),
    )


def sign_offs(patient_id: UUID) -> Mapping[UUID, SignOff]:
    """Where each session of a person stands."""
    return sign_off.sign_off(
        state.reading_engine(), state.actor(), state.clinic(), patient_id, today=state.today()
    )


def to_do(*, own_only: bool) -> to_do_list.ToDo:
    """What is open, in the sessions of the person or of the whole clinic."""
    return to_do_list.to_do(
        state.reading_engine(),
        state.actor(),
        state.clinic(),
        today=state.today(),
        own_only=own_only,
    )


def visit_to_plan(treated_on: dt.date) -> str | None:
    """The visit to book for a session without one: the check of its events, or else the next."""
    visits = catalogue().visits
    still_open = [
        code
        for code in data.FOLLOW_UPS_OFFERED
        if treated_on + dt.timedelta(days=visits[code].to_day) >= state.today()
    ]
    if sign_off.ASKED_AT in still_open:
        return sign_off.ASKED_AT
    return still_open[0] if still_open else None


def plan_visit(session: SignOff, visit_code: str) -> Recorded:
    """Plan a visit of the schedule after a session; the same one is planned once."""
    return recording.record_follow_up(
        state.engine(),
        state.actor(),
        state.clinic(),
        FollowUpEntry(
            id=derived_id(session.session_id, "follow_up", visit_code),
            patient_id=session.patient_id,
            treatment_session_id=session.session_id,
            visit_code=visit_code,
            due_on=data.due_on(visit_code, session.treated_on),
            status=FollowUpStatus.PLANNED,
        ),
        now=state.now(),
    )

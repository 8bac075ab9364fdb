"""Adverse events that are still open although nobody has looked at them for long."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from registry.analysis.timeline import OPEN_OUTCOMES
from registry.database import DbSession
from registry.entry.same_person import kept_under
from registry.schema import (
    AdverseEvent,
    AuditRow,
    ChangeSet,
    FollowUp,
    Patient,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus

LOOK_AGAIN_DAYS: Final = 30
"""Days without a look after which an open event is on the to-do list."""


@dataclass(frozen=True, slots=True)
class UnwatchedEvent:
    """An event that is still open although nobody has looked at it lately."""

    event_id: UUID
    patient_id: UUID
    pseudonym: str
    event_term_code: str
    onset_on: dt.date
    looked_on: dt.date


def unwatched_events(
    db: DbSession, clinic_id: int, own: Sequence[sa.ColumnElement[bool]], today: dt.date, limit: int
) -> list[UnwatchedEvent]:
    """Open events on which nobody has looked for a month, the longest ago first.

    A look is a follow-up of the patient, or a change of the event. ``own`` says whose sessions the
    events belong to: by attribution, or else by the patient.
    """
    before = today - dt.timedelta(days=LOOK_AGAIN_DAYS)
    sessions = sa.select(TreatmentSession.id).where(
        TreatmentSession.clinic_id == clinic_id, TreatmentSession.voided_at.is_(None), *own
    )
    patients = sessions.with_only_columns(TreatmentSession.patient_id)
    mine = [
        sa.case(
            (
                AdverseEvent.treatment_session_id.is_(None),
                AdverseEvent.patient_id.in_(patients),
            ),
            else_=AdverseEvent.treatment_session_id.in_(sessions),
        )
    ]
    rows = db.execute(
        sa.select(
            AdverseEvent.id,
            AdverseEvent.patient_id,
            AdverseEvent.event_term_code,
            AdverseEvent.onset_on,
            AdverseEvent.reported_on,
            Patient.pseudonym,
        )
        .join(
            Patient,
            sa.and_(
                Patient.clinic_id == AdverseEvent.clinic_id, Patient.id == AdverseEvent.patient_id
            ),
        )
        .where(
            AdverseEvent.clinic_id == clinic_id,
            AdverseEvent.voided_at.is_(None),
            AdverseEvent.resolved_on.is_(None),
            AdverseEvent.event_outcome.in_(OPEN_OUTCOMES),
            AdverseEvent.reported_on < before,
            Patient.voided_at.is_(None),
            Patient.died_on.is_(None),
            *(mine if own else ()),
        )
        .order_by(AdverseEvent.reported_on, AdverseEvent.id)
        .limit(20 * limit)
    ).all()
    seen = _last_seen(db, clinic_id, {row.patient_id for row in rows}, today)
    changed = _last_changed(db, clinic_id, [row.id for row in rows])
    found = []
    for row in rows:
        looked: dt.date = row.reported_on
        for day in (seen.get(row.patient_id), changed.get(row.id)):
            looked = max(looked, day or looked)
        if looked < before:
            found.append(
                UnwatchedEvent(
                    row.id, row.patient_id, row.pseudonym, row.event_term_code, row.onset_on, looked
                )
            )
    return sorted(found, key=lambda event: (event.looked_on, event.onset_on))[:limit]


def _last_seen(
    db: DbSession, clinic_id: int, patients: Collection[UUID], today: dt.date
) -> dict[UUID, dt.date]:
    """Day of the last follow-up of each person, under whichever pseudonym, by patient."""
    kept = kept_under(db, clinic_id)
    person = {patient: kept.get(patient, patient) for patient in patients}
    others = {duplicate: same for duplicate, same in kept.items() if same in person.values()}
    rows = db.execute(
        sa.select(FollowUp.patient_id, sa.func.max(FollowUp.seen_on))
        .where(
            FollowUp.clinic_id == clinic_id,
            FollowUp.voided_at.is_(None),
            FollowUp.status == FollowUpStatus.SEEN,
            FollowUp.seen_on <= today,
            FollowUp.patient_id.in_({*person, *person.values(), *others}),
        )
        .group_by(FollowUp.patient_id)
    )
    last: dict[UUID, dt.date] = {}
    for patient, day in rows:
        whose = kept.get(patient, patient)
        if day is not None and day >= last.get(whose, day):
            last[whose] = day
    return {patient: last[whose] for patient, whose in person.items() if whose in last}


def _last_changed(db: DbSession, clinic_id: int, event_ids: Sequence[UUID]) -> dict[UUID, dt.date]:
    """Day (UTC) on which each event was last reported or followed up, from the audit trail."""
    # The trail writes a key as each database spells a UUID within JSON.
    keys = {
        spelling: event_id
        for event_id in event_ids
        for spelling in (
            json.dumps([clinic_id, event_id.hex], separators=(",", ":")),
            json.dumps([clinic_id, str(event_id)]),
        )
    }
    rows = db.execute(
        sa.select(AuditRow.row_key, sa.func.max(ChangeSet.at))
        .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
        .where(
            AuditRow.table_name == AdverseEvent.__tablename__,
            AuditRow.row_key.in_(keys),
            AuditRow.operation == "update",
        )
        .group_by(AuditRow.row_key)
    )
    return {keys[key]: at.date() for key, at in rows}

"""Sessions after which no visit was planned or held."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.analysis.columns import as_days
from registry.analysis.sign_off import VISIT_DAYS, Step, StepState, sign_offs_of
from registry.analysis.valid_sessions import newest_first, valid_sessions
from registry.database import DbSession
from registry.entry.same_person import kept_under
from registry.schema import FollowUp, Patient, TreatmentSession
from registry.vocabulary import FollowUpStatus


class Unvisited(NamedTuple):
    """A session that no visit follows.

    ``patient_id`` is the patient who is kept, ``pseudonym`` the one the session was entered under.
    """

    session_id: UUID
    patient_id: UUID
    pseudonym: str
    treated_on: dt.date


def sessions_without_visit(db: DbSession, clinic_id: int, today: dt.date) -> list[Unvisited]:
    """Sessions before today, newest first, in whose time no visit was planned or held.

    Left out are those of ``VISIT_DAYS`` ago and longer, and patients who died or do not come back.
    """
    visit_day = as_days(sa.func.coalesce(FollowUp.seen_on, FollowUp.due_on), db)
    after = visit_day - as_days(TreatmentSession.treated_on, db)
    visit = (
        FollowUp.clinic_id == clinic_id,
        FollowUp.patient_id == TreatmentSession.patient_id,
        FollowUp.voided_at.is_(None),
        FollowUp.status != FollowUpStatus.MISSED,
    )
    # Asked one after the other: nearly every session has a visit of its own, found by key.
    own_visit = sa.exists().where(*visit, FollowUp.treatment_session_id == TreatmentSession.id)
    visit_in_time = sa.exists().where(*visit, after.between(*VISIT_DAYS))
    sessions = db.execute(
        valid_sessions(
            clinic_id,
            TreatmentSession.id,
            TreatmentSession.patient_id,
            TreatmentSession.treated_on,
            Patient.pseudonym,
        )
        .where(
            TreatmentSession.treated_on < today,
            TreatmentSession.treated_on >= today - dt.timedelta(days=VISIT_DAYS[1]),
            Patient.died_on.is_(None),
            ~own_visit,
            ~visit_in_time,
        )
        .order_by(*newest_first(db))
    ).all()
    kept = kept_under(db, clinic_id)
    linked = {*kept, *kept.values()}
    # The person may have come under another pseudonym: that is looked at session by session.
    asked = [session.id for session in sessions if session.patient_id in linked]
    also_open = {
        one.session_id
        for one in sign_offs_of(db, clinic_id, asked, today)
        if one.steps[Step.FOLLOW_UP].state is StepState.OPEN
    }
    return [
        Unvisited(id_, kept.get(patient, patient), pseudonym, treated_on)
        for id_, patient, treated_on, pseudonym in sessions
        if patient not in linked or id_ in also_open
    ]

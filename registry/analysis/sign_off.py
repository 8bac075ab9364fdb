"""What is still missing from a session before it is complete.

Five things make a session complete. Each is done, open, not due yet, or not needed:

- *consent*: the version of the form that was signed;
- *lot*: every injection names its lot;
- *follow-up*: a visit after the session is planned or was held;
- *complications*: at such a visit a list of events was looked for;
- *photograph*: one was taken, in clinics that take any.

A visit or photograph belongs to the session that it names and to every session in whose time it
falls (``VISIT_DAYS`` and ``PHOTOGRAPH_DAYS``).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.analysis.timeline import last_day
from registry.analysis.valid_sessions import newest_first, valid_sessions
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.entry.same_person import kept_under, linked_ids
from registry.schema import (
    FollowUp,
    Injection,
    Patient,
    Photograph,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus, Modality

ASKED_AT: Final = "check_6_8w"
"""The visit by the end of whose window the events of a session must have been asked about."""
VISIT_DAYS: Final = (1, 228)
"""Days after a session in which a visit is a follow-up of it: to the end of the
26-week visit, the last at which complications are counted. Our decision."""
PHOTOGRAPH_DAYS: Final = (-30, 105)
"""Days around a session in which a photograph shows its before or after: from a month before, when
treatment is planned, to the end of the 12-week visit. Our decision."""
NOT_COMING: Final = frozenset(
    {FollowUpStatus.DECLINED, FollowUpStatus.LOST, FollowUpStatus.MOVED, FollowUpStatus.DEAD}
)
"""What a visit says of a patient who does not come back."""


class Step(StrEnum):
    """One of the things that make a session complete."""

    CONSENT = "consent"
    LOT = "lot"
    FOLLOW_UP = "follow_up"
    COMPLICATIONS = "complications"
    PHOTOGRAPH = "photograph"


class StepState(StrEnum):
    """How far a step has come."""

    DONE = "done"
    OPEN = "open"
    NOT_DUE = "not_due"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a step stands. Of what is asked at a visit: by when, and at which planned one."""

    state: StepState
    due_on: dt.date | None = None
    planned_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SignOff:
    """A session and where its five steps stand.

    ``patient_id`` is the patient who is kept, ``pseudonym`` the one the session was entered under.
    """

    session_id: UUID
    patient_id: UUID
    pseudonym: str
    treated_on: dt.date
    steps: Mapping[Step, Standing]

    @property
    def missing(self) -> tuple[Step, ...]:
        """The steps that are open."""
        return tuple(step for step, at in self.steps.items() if at.state is StepState.OPEN)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is open or still to come."""
        return all(at.state in (StepState.DONE, StepState.NOT_NEEDED) for at in self.steps.values())


def sign_off(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID, *, today: dt.date
) -> dict[UUID, SignOff]:
    """Where each session of a person stands, by session."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        person = linked_ids(db, clinic_id, patient_id)
        found = sign_offs_where(db, clinic_id, [TreatmentSession.patient_id.in_(person)], today)
    return {sign_off.session_id: sign_off for sign_off in found}


def sign_offs_of(
    db: DbSession, clinic_id: int, session_ids: Collection[UUID], today: dt.date
) -> list[SignOff]:
    """Where some sessions of a clinic stand, newest first."""
    return sign_offs_where(db, clinic_id, [TreatmentSession.id.in_(session_ids)], today)


def sign_offs_where(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]], today: dt.date
) -> list[SignOff]:
    """The sessions that meet ``where``, newest first, with a fixed number of queries."""
    sessions = db.execute(
        valid_sessions(
            clinic_id,
            TreatmentSession.id,
            TreatmentSession.patient_id,
            TreatmentSession.treated_on,
            TreatmentSession.modality,
            TreatmentSession.consent_version,
            Patient.pseudonym,
            Patient.died_on,
        )
        .where(*where)
        .order_by(*newest_first(db))
    ).all()
    kept = kept_under(db, clinic_id)
    people = {row.patient_id for row in sessions}
    people |= {kept[patient] for patient in people if patient in kept}
    people |= {duplicate for duplicate, same_as in kept.items() if same_as in people}
    lots = _lots(db, clinic_id, where)
    visits = _by_person(
        db.execute(
            sa.select(
                FollowUp.id,
                FollowUp.patient_id,
                FollowUp.treatment_session_id,
                FollowUp.status,
                FollowUp.visit_code,
                FollowUp.due_on,
                FollowUp.seen_on,
                FollowUp.checklist_code,
            ).where(
                FollowUp.clinic_id == clinic_id,
                FollowUp.voided_at.is_(None),
                FollowUp.patient_id.in_(people),
            )
        ),
        kept,
    )
    photographs = _by_person(
        db.execute(
            sa.select(
                Photograph.patient_id, Photograph.treatment_session_id, Photograph.taken_on
            ).where(
                Photograph.clinic_id == clinic_id,
                Photograph.voided_at.is_(None),
                Photograph.patient_id.in_(people),
            )
        ),
        kept,
    )
    has_photographs = db.scalar(takes_photographs(clinic_id))
    found = []
    for session in sessions:
        person = kept.get(session.patient_id, session.patient_id)
        own = [visit for visit in visits[person] if _follows(visit, session)]
        steps = {
            Step.CONSENT: _done(session.consent_version is not None),
            Step.LOT: _lot(session, lots.get(session.id)),
            Step.FOLLOW_UP: _follow_up(session, own),
            Step.COMPLICATIONS: _complications(session, own, today),
            Step.PHOTOGRAPH: _done(any(_shows(photo, session) for photo in photographs[person]))
            if has_photographs
            else Standing(StepState.NOT_NEEDED),
        }
        found.append(SignOff(session.id, person, session.pseudonym, session.treated_on, steps))
    return found


def takes_photographs(clinic_id: int) -> sa.Select[bool]:
    """Whether the clinic has taken any photograph."""
    return sa.select(
        sa.exists().where(Photograph.clinic_id == clinic_id, Photograph.voided_at.is_(None))
    )


def _by_person(rows: Iterable[Any], kept: Mapping[UUID, UUID]) -> defaultdict[UUID, list[Any]]:
    grouped: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[kept.get(row.patient_id, row.patient_id)].append(row)
    return grouped


def _lots(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]]
) -> dict[UUID, bool]:
    """Whether every injection of a session names its lot, by session."""
    rows = db.execute(
        sa.select(Injection.treatment_session_id, sa.func.count(), sa.func.count(Injection.lot_id))
        .join(
            TreatmentSession,
            sa.and_(
                TreatmentSession.clinic_id == Injection.clinic_id,
                TreatmentSession.id == Injection.treatment_session_id,
            ),
        )
        .where(Injection.clinic_id == clinic_id, Injection.voided_at.is_(None), *where)
        .group_by(Injection.treatment_session_id)
    )
    return {session_id: given == named for session_id, given, named in rows}


def _done(is_done: bool) -> Standing:
    return Standing(StepState.DONE if is_done else StepState.OPEN)


def _lot(session: Any, all_named: bool | None) -> Standing:
    if all_named is None and session.modality is not Modality.SCLEROTHERAPY:
        return Standing(StepState.NOT_NEEDED)
    return _done(bool(all_named))


def _follows(visit: Any, session: Any) -> bool:
    """Whether a visit is a follow-up of the session."""
    after = ((visit.seen_on or visit.due_on) - session.treated_on).days
    return bool(visit.treatment_session_id == session.id) or (
        VISIT_DAYS[0] <= after <= VISIT_DAYS[1]
    )


def _shows(photograph: Any, session: Any) -> bool:
    """Whether a photograph shows the session's before or after."""
    around = (photograph.taken_on - session.treated_on).days
    return bool(photograph.treatment_session_id == session.id) or (
        PHOTOGRAPH_DAYS[0] <= around <= PHOTOGRAPH_DAYS[1]
    )


def _follow_up(session: Any, visits: Sequence[Any]) -> Standing:
    states = {visit.status for visit in visits}
    if states & {FollowUpStatus.PLANNED, FollowUpStatus.SEEN}:
        return Standing(StepState.DONE)
    return _not_coming(session, visits) or Standing(StepState.OPEN)


def _complications(session: Any, visits: Sequence[Any], today: dt.date) -> Standing:
    if any(visit.checklist_code is not None for visit in visits):
        return Standing(StepState.DONE)
    planned = [visit for visit in visits if visit.status is FollowUpStatus.PLANNED]
    if planned:
        # Of several due on one day the first to close.
        first = min(planned, key=lambda v: (v.due_on, last_day(v.visit_code, v.due_on)))
        is_late = last_day(first.visit_code, first.due_on) < today
        return Standing(StepState.OPEN if is_late else StepState.NOT_DUE, first.due_on, first.id)
    asked_by = session.treated_on + dt.timedelta(days=catalogue().visits[ASKED_AT].to_day)
    return _not_coming(session, visits) or Standing(
        StepState.OPEN if asked_by < today else StepState.NOT_DUE, asked_by
    )


def _not_coming(session: Any, visits: Sequence[Any]) -> Standing | None:
    """Nothing can be booked or asked any more when the patient died or does not come back."""
    gone = session.died_on is not None or any(visit.status in NOT_COMING for visit in visits)
    return Standing(StepState.NOT_NEEDED) if gone else None

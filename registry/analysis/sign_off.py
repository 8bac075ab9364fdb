"""What is still missing from a session before it is complete, and from a clinician's day.

Five things make a session complete. Each is done, open, not due yet, or not needed:

- *consent*: the version of the form that was signed;
- *lot*: every injection names its lot;
- *follow-up*: a visit after the session is planned or was held;
- *complications*: at such a visit a list of events was looked for;
- *photograph*: one was taken, in clinics that take any.

A visit or photograph belongs to the session that it names and to every session in whose time it
falls (``VISIT_DAYS`` and ``PHOTOGRAPH_DAYS``). What is open is the clinician's to-do list.
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
from registry.analysis.columns import as_days, as_text, day_number
from registry.analysis.follow_up import is_past_window
from registry.analysis.timeline import last_day
from registry.analysis.unwatched_events import UnwatchedEvent, unwatched_events
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.entry.same_person import kept_under, linked_ids
from registry.schema import (
    Clinician,
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
LOOKED_BACK_DAYS: Final = 180
"""How far back the to-do list goes: what is older is for the data-quality report. Our decision."""

_NOT_COMING: Final = frozenset(
    {FollowUpStatus.DECLINED, FollowUpStatus.LOST, FollowUpStatus.MOVED, FollowUpStatus.DEAD}
)


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


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is open: sessions with something missing, newest first, and events to look at again.

    ``sessions`` counts those looked at, ``complete`` those of them that are; the list may hold
    fewer open ones than there are (``open_sessions``).
    """

    sign_offs: tuple[SignOff, ...]
    events: tuple[UnwatchedEvent, ...]
    sessions: int
    complete: int
    open_sessions: int


def sign_off(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID, *, today: dt.date
) -> dict[UUID, SignOff]:
    """Where each session of a person stands, by session."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        person = linked_ids(db, clinic_id, patient_id)
        found = _sign_offs(db, clinic_id, [TreatmentSession.patient_id.in_(person)], today)
    return {sign_off.session_id: sign_off for sign_off in found}


def to_do(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    today: dt.date,
    own_only: bool = True,
    limit: int = 50,
) -> ToDo:
    """What is open in the sessions of the last half year, and events open too long without a look.

    ``own_only`` leaves out what other clinicians treated; somebody who treats nobody has nothing
    of their own.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    since = today - dt.timedelta(days=LOOKED_BACK_DAYS)
    with reading(engine) as db:
        where: list[sa.ColumnElement[bool]] = [
            TreatmentSession.treated_on >= since,
            TreatmentSession.treated_on <= today,
        ]
        own: list[sa.ColumnElement[bool]] = []
        if own_only:
            own = [TreatmentSession.clinician_id.in_(_own_numbers(by, clinic_id))]
        linked = {patient for pair in kept_under(db, clinic_id).items() for patient in pair}
        # Visits under another pseudonym count too: those sessions are looked at one by one.
        is_linked = TreatmentSession.patient_id.in_(linked)
        single = _sign_offs(db, clinic_id, [*where, *own, is_linked], today) if linked else []
        tally = _tally(db, clinic_id, [*where, *own, ~is_linked], today)
        open_ids = [UUID(id_) for id_, is_open, _ in tally if is_open]
        also_open = [one.session_id for one in single if one.missing]
        sign_offs = sign_offs_of(db, clinic_id, [*open_ids[:limit], *also_open], today)
        events = unwatched_events(db, clinic_id, own, today, limit)
    return ToDo(
        sign_offs=tuple(sign_offs[:limit]),
        events=tuple(events),
        sessions=len(tally) + len(single),
        complete=sum(is_complete for *_, is_complete in tally)
        + sum(one.is_complete for one in single),
        open_sessions=len(open_ids) + len(also_open),
    )


def sign_offs_of(
    db: DbSession, clinic_id: int, session_ids: Collection[UUID], today: dt.date
) -> list[SignOff]:
    """Where some sessions of a clinic stand, newest first."""
    return _sign_offs(db, clinic_id, [TreatmentSession.id.in_(session_ids)], today)


def _own_numbers(by: Actor, clinic_id: int) -> sa.Select[int]:
    return sa.select(Clinician.id).where(
        Clinician.clinic_id == clinic_id, Clinician.user_id == by.user_id
    )


def _sign_offs(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]], today: dt.date
) -> list[SignOff]:
    """The sessions that meet ``where``, newest first, with a fixed number of queries."""
    sessions = db.execute(
        sa.select(
            TreatmentSession.id,
            TreatmentSession.patient_id,
            TreatmentSession.treated_on,
            TreatmentSession.modality,
            TreatmentSession.consent_version,
            Patient.pseudonym,
            Patient.died_on,
        )
        .join(
            Patient,
            sa.and_(
                Patient.clinic_id == TreatmentSession.clinic_id,
                Patient.id == TreatmentSession.patient_id,
            ),
        )
        .where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.voided_at.is_(None),
            Patient.voided_at.is_(None),
            *where,
        )
        # By a computed day: SQLite would walk all sessions in the order of its index.
        .order_by(
            as_days(TreatmentSession.treated_on, db).desc(),
            TreatmentSession.recorded_at.desc(),
            TreatmentSession.id,
        )
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
    takes_photographs = db.scalar(_takes_photographs(clinic_id))
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
            if takes_photographs
            else Standing(StepState.NOT_NEEDED),
        }
        found.append(SignOff(session.id, person, session.pseudonym, session.treated_on, steps))
    return found


def _tally(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]], today: dt.date
) -> Sequence[tuple[str, bool, bool]]:
    """Of each session, newest first: its key, whether a step is open, whether it is complete.

    Says what :func:`_sign_offs` says, of patients who are linked with nobody, without fetching
    their visits.
    """
    session = (
        sa.select(
            as_text(TreatmentSession.id, db).label("key"),
            TreatmentSession.clinic_id,
            TreatmentSession.id,
            TreatmentSession.patient_id,
            as_days(TreatmentSession.treated_on, db).label("day"),
            TreatmentSession.recorded_at,
            (TreatmentSession.modality == Modality.SCLEROTHERAPY).label("injects"),
            TreatmentSession.consent_version.is_(None).label("no_consent"),
            Patient.died_on.is_not(None).label("died"),
        )
        .join(
            Patient,
            sa.and_(
                Patient.clinic_id == TreatmentSession.clinic_id,
                Patient.id == TreatmentSession.patient_id,
            ),
        )
        .where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.voided_at.is_(None),
            Patient.voided_at.is_(None),
            *where,
        )
        # Chosen first: SQLite would otherwise begin with all visits there are.
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    lots = {
        key: given == named
        for key, given, named in db.execute(
            sa.select(session.c.key, sa.func.count(), sa.func.count(Injection.lot_id))
            .join(Injection, _within(session, Injection, "treatment_session_id", "id"))
            .group_by(session.c.key)
        )
    }
    after = as_days(sa.func.coalesce(FollowUp.seen_on, FollowUp.due_on), db) - session.c.day
    is_planned = FollowUp.status == FollowUpStatus.PLANNED
    due = 2 * as_days(FollowUp.due_on, db)
    visits = {
        key: flags
        for key, *flags in db.execute(
            sa.select(
                session.c.key,
                _any(FollowUp.status.in_([FollowUpStatus.PLANNED, FollowUpStatus.SEEN])),
                _any(FollowUp.checklist_code.is_not(None)),
                _any(FollowUp.status.in_(_NOT_COMING)),
                # Even when the window of the visit that is due first has closed.
                sa.func.min(
                    sa.case((is_planned & is_past_window(today), due), (is_planned, due + 1))
                ),
            )
            .join(FollowUp, _within(session, FollowUp, "patient_id", "patient_id"))
            .where(
                sa.or_(FollowUp.treatment_session_id == session.c.id, after.between(*VISIT_DAYS))
            )
            .group_by(session.c.key)
        )
    }
    photographed = _photographed(db, clinic_id, session)
    asked_by = day_number(today) - catalogue().visits[ASKED_AT].to_day
    found = []
    for one in db.execute(
        sa.select(
            session.c.key,
            session.c.day,
            session.c.injects,
            session.c.no_consent,
            session.c.died,
        ).order_by(session.c.day.desc(), session.c.recorded_at.desc(), session.c.id)
    ):
        booked, asked, left, first_planned = visits.get(one.key, (0, 0, 0, None))
        gone = one.died or left
        if first_planned is not None:
            is_late, is_waiting = first_planned % 2 == 0, True
        else:
            is_late, is_waiting = not gone and one.day < asked_by, not gone
        is_open = (
            one.no_consent
            or not lots.get(one.key, not one.injects)
            or not (booked or gone)
            or (not asked and is_late)
            or (photographed is not None and one.key not in photographed)
        )
        found.append((one.key, bool(is_open), not is_open and bool(asked or not is_waiting)))
    return found


def _within(
    session: sa.FromClause, model: type[Any], column: str, of_session: str
) -> sa.ColumnElement[bool]:
    """Joins what was not withdrawn to the sessions, inside their clinic."""
    return sa.and_(
        model.clinic_id == session.c.clinic_id,
        getattr(model, column) == session.c[of_session],
        model.voided_at.is_(None),
    )


def _any(condition: sa.ColumnElement[bool]) -> sa.Function[int]:
    """1 when a row of the group meets the condition, else 0."""
    return sa.func.max(sa.case((condition, 1), else_=0))


def _photographed(db: DbSession, clinic_id: int, session: sa.FromClause) -> set[str] | None:
    """Sessions of which a photograph shows the before or after; None where none are taken."""
    if not db.scalar(_takes_photographs(clinic_id)):
        return None
    around = as_days(Photograph.taken_on, db) - session.c.day
    return set(
        db.scalars(
            sa.select(session.c.key)
            .join(Photograph, _within(session, Photograph, "patient_id", "patient_id"))
            .where(
                sa.or_(
                    Photograph.treatment_session_id == session.c.id,
                    around.between(*PHOTOGRAPH_DAYS),
                )
            )
        )
    )


def _takes_photographs(clinic_id: int) -> sa.Select[bool]:
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
    gone = session.died_on is not None or any(visit.status in _NOT_COMING for visit in visits)
    return Standing(StepState.NOT_NEEDED) if gone else None

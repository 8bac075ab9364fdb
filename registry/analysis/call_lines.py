"""Whom to call: visits that are due, overdue or out of reach, and sessions without a visit.

A planned visit is *due* from ``DUE_SOON_DAYS`` before its day until its window closes, then
*overdue*. It is *unreachable* when three attempts in a row failed, when a number or address was
wrong, or when the window closed 90 days ago and nothing was heard from the patient for as long:
lost to follow-up, derived and never only typed. A session is *never planned* when no visit follows
it (:mod:`registry.analysis.sign_off`). Whoever died is on no list.

The order is that of :class:`Risk`, and within it the longest overdue first.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from registry.analysis.follow_up import is_past_window, planned_visits
from registry.analysis.sign_off import ASKED_AT, VISIT_DAYS, SignOff, sessions_without_visit
from registry.analysis.timeline import OPEN_OUTCOMES, last_day
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.same_person import kept_under
from registry.schema import (
    AdverseEvent,
    ContactAttempt,
    FollowUp,
    Injection,
    Patient,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import (
    Causality,
    ContactMethod,
    ContactOutcome,
    FollowUpStatus,
    SclerosantForm,
    SeriousnessCriterion,
    VesselClass,
)

DUE_SOON_DAYS: Final = 14
"""Days before its day from which a visit is on the list."""
FAILED_ATTEMPTS: Final = 3
"""Attempts in a row without reaching the patient after which a visit is unreachable."""
SILENT_DAYS: Final = 90
"""Days after the window, and without any contact, after which a patient is lost to follow-up."""

_NOT_REACHED: Final = frozenset(
    {ContactOutcome.MESSAGE_LEFT, ContactOutcome.NO_ANSWER, ContactOutcome.WRONG_CONTACT}
)


class Risk(StrEnum):
    """Why somebody is called first, in this order: hurt now, hurt before, treated with most risk.

    Our decision, version 1: an order that anybody can check against the record, and no score.
    """

    OPEN_SERIOUS = "open_serious"
    OPEN_EVENT = "open_event"
    SERIOUS_BEFORE = "serious_before"
    TRUNCAL_FOAM = "truncal_foam"
    COMPLICATION_BEFORE = "complication_before"
    NONE = "none"


class Timing(StrEnum):
    """Where a visit stands."""

    DUE = "due"
    OVERDUE = "overdue"
    NOT_PLANNED = "not_planned"


class Silence(StrEnum):
    """Why a patient counts as unreachable."""

    WRONG_CONTACT = "wrong_contact"
    NOT_REACHED = "not_reached"
    NOT_HEARD = "not_heard"


class Show(StrEnum):
    """Parts of the list. Who is unreachable is due or overdue as well, but not to be called."""

    TO_CALL = "to_call"
    OVERDUE = "overdue"
    DUE = "due"
    UNREACHABLE = "unreachable"
    NOT_PLANNED = "not_planned"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to reach a patient."""

    id: UUID
    version: int
    attempted_on: dt.date
    method: ContactMethod
    outcome: ContactOutcome
    note: str | None


@dataclass(frozen=True, slots=True)
class CallLine:
    """A visit to see to, or a session (``session``) after which none was planned.

    ``due_on`` of the latter is the day of the check that should follow it. ``days_overdue`` counts
    from that day, below 0 for a day to come. ``attempts`` are those about this visit, newest first.
    Name and hospital number are blank unless they were asked for.
    """

    patient_id: UUID
    pseudonym: str
    visit_id: UUID | None
    visit_code: str | None
    due_on: dt.date
    days_overdue: int
    timing: Timing
    silence: Silence | None
    risk: Risk
    treated_on: dt.date | None
    attempts: tuple[Attempt, ...] = ()
    session: SignOff | None = None
    family_name: str | None = None
    given_name: str | None = None
    hospital_number: str | None = None

    def belongs_to(self, show: Show) -> bool:
        """Whether the line is in that part of the list."""
        if show is Show.UNREACHABLE:
            return self.silence is not None
        if show is Show.TO_CALL:
            return self.silence is None and self.timing is not Timing.NOT_PLANNED
        return self.timing.value == show.value


def call_lines(db: DbSession, clinic_id: int, today: dt.date) -> list[CallLine]:
    """Every line of a clinic in the order in which to call."""
    wanted = planned_visits([clinic_id]).where(
        FollowUp.due_on <= today + dt.timedelta(days=DUE_SOON_DAYS)
    )
    rows = db.execute(
        wanted.outerjoin(
            TreatmentSession,
            sa.and_(
                TreatmentSession.clinic_id == FollowUp.clinic_id,
                TreatmentSession.id == FollowUp.treatment_session_id,
            ),
        ).with_only_columns(
            FollowUp.id,
            FollowUp.patient_id,
            FollowUp.treatment_session_id,
            FollowUp.visit_code,
            FollowUp.due_on,
            is_past_window(today).label("is_late"),
            Patient.pseudonym,
            TreatmentSession.treated_on,
        )
    ).all()
    person = kept_under(db, clinic_id)
    attempts = _attempts(db, clinic_id, wanted)
    heard = _heard_from(db, clinic_id, today, person)
    risks = _Risks(db, clinic_id, person)
    lines = []
    for row in rows:
        closed = last_day(row.visit_code, row.due_on)
        own = attempts.get(row.id, ())
        whose = person.get(row.patient_id, row.patient_id)
        lines.append(
            CallLine(
                patient_id=row.patient_id,
                pseudonym=row.pseudonym,
                visit_id=row.id,
                visit_code=row.visit_code,
                due_on=row.due_on,
                days_overdue=(today - row.due_on).days,
                timing=Timing.OVERDUE if row.is_late else Timing.DUE,
                silence=_silence(own, closed, today, is_heard=whose in heard),
                risk=risks.of(whose, row.treatment_session_id, row.due_on),
                treated_on=row.treated_on,
                attempts=tuple(own),
            )
        )
    lines += _never_planned(db, clinic_id, today, risks)
    order = list(Risk)
    return sorted(
        lines,
        key=lambda line: (order.index(line.risk), line.due_on, line.pseudonym, str(line.visit_id)),
    )


def _never_planned(
    db: DbSession, clinic_id: int, today: dt.date, risks: _Risks
) -> Iterable[CallLine]:
    """The newest session of each patient after which no visit was planned or held."""
    due_after = catalogue().visits[ASKED_AT].due_day
    seen: set[UUID] = set()
    for session in sessions_without_visit(db, clinic_id, today):
        if session.patient_id in seen:
            continue
        seen.add(session.patient_id)
        due_on = session.treated_on + dt.timedelta(days=due_after)
        yield CallLine(
            patient_id=session.patient_id,
            pseudonym=session.pseudonym,
            visit_id=None,
            visit_code=None,
            due_on=due_on,
            days_overdue=(today - due_on).days,
            timing=Timing.NOT_PLANNED,
            silence=None,
            risk=risks.of(session.patient_id, session.session_id, due_on),
            treated_on=session.treated_on,
            session=session,
        )


def _attempts(
    db: DbSession, clinic_id: int, visits: sa.Select[FollowUp]
) -> Mapping[UUID, list[Attempt]]:
    """Attempts about each visit, the newest first."""
    found: defaultdict[UUID, list[Attempt]] = defaultdict(list)
    rows = db.scalars(
        sa.select(ContactAttempt)
        .where(
            ContactAttempt.clinic_id == clinic_id,
            ContactAttempt.voided_at.is_(None),
            ContactAttempt.follow_up_id.in_(visits.with_only_columns(FollowUp.id)),
        )
        .order_by(ContactAttempt.attempted_on.desc(), ContactAttempt.recorded_at.desc())
    )
    for row in rows:
        found[row.follow_up_id].append(
            Attempt(row.id, row.version, row.attempted_on, row.method, row.outcome, row.note)
        )
    return found


def _silence(
    attempts: Sequence[Attempt], closed: dt.date, today: dt.date, *, is_heard: bool
) -> Silence | None:
    """Why the patient counts as unreachable; None when there is no reason to."""
    failed = list(takewhile(lambda attempt: attempt.outcome in _NOT_REACHED, attempts))
    if any(attempt.outcome is ContactOutcome.WRONG_CONTACT for attempt in failed):
        return Silence.WRONG_CONTACT
    if len(failed) >= FAILED_ATTEMPTS:
        return Silence.NOT_REACHED
    is_long_ago = closed + dt.timedelta(days=SILENT_DAYS) < today
    return Silence.NOT_HEARD if is_long_ago and not is_heard else None


def _heard_from(
    db: DbSession, clinic_id: int, today: dt.date, person: Mapping[UUID, UUID]
) -> frozenset[UUID]:
    """Who was seen, treated or reached within the last 90 days, under the patient that is kept."""
    since = today - dt.timedelta(days=SILENT_DAYS)
    seen = sa.select(FollowUp.patient_id).where(
        FollowUp.clinic_id == clinic_id,
        FollowUp.voided_at.is_(None),
        FollowUp.status == FollowUpStatus.SEEN,
        FollowUp.seen_on >= since,
    )
    treated = sa.select(TreatmentSession.patient_id).where(
        TreatmentSession.clinic_id == clinic_id,
        TreatmentSession.voided_at.is_(None),
        TreatmentSession.treated_on >= since,
    )
    reached = sa.select(ContactAttempt.patient_id).where(
        ContactAttempt.clinic_id == clinic_id,
        ContactAttempt.voided_at.is_(None),
        ContactAttempt.outcome.not_in(_NOT_REACHED),
        ContactAttempt.attempted_on >= since,
    )
    found = db.scalars(sa.union(seen, treated, reached))
    return frozenset(person.get(patient, patient) for patient in found)


class _Risks:
    """What is known of the patients of a clinic that says whom to call first."""

    def __init__(self, db: DbSession, clinic_id: int, person: Mapping[UUID, UUID]) -> None:
        self._worst: dict[UUID, Risk] = {}
        self._foam_sessions: set[UUID] = set()
        self._foam_days: defaultdict[UUID, list[dt.date]] = defaultdict(list)
        order = list(Risk)
        for row in _events(db, clinic_id):
            risk = _risk_of_event(row)
            whose = person.get(row.patient_id, row.patient_id)
            earlier = self._worst.get(whose, Risk.NONE)
            self._worst[whose] = min(risk, earlier, key=order.index)
        for row in _truncal_foam(db, clinic_id):
            self._foam_sessions.add(row.id)
            whose = person.get(row.patient_id, row.patient_id)
            self._foam_days[whose].append(row.treated_on)

    def of(self, person: UUID, session_id: UUID | None, due_on: dt.date) -> Risk:
        """The first of the risks that holds for a visit of a person."""
        worst = self._worst.get(person, Risk.NONE)
        has_foam = session_id in self._foam_sessions or any(
            0 <= (due_on - day).days <= VISIT_DAYS[1] for day in self._foam_days.get(person, ())
        )
        if has_foam and worst in (Risk.NONE, Risk.COMPLICATION_BEFORE):
            return Risk.TRUNCAL_FOAM
        return worst


def _events(db: DbSession, clinic_id: int) -> Sequence[Any]:
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    by_nature = [term.code for term in catalogue().event_terms.values() if term.serious_by_nature]
    return db.execute(
        sa.select(
            AdverseEvent.patient_id,
            sa.and_(
                AdverseEvent.resolved_on.is_(None), AdverseEvent.event_outcome.in_(OPEN_OUTCOMES)
            ).label("is_open"),
            sa.or_(*criteria, AdverseEvent.event_term_code.in_(by_nature)).label("is_serious"),
            AdverseEvent.treatment_session_id,
            AdverseEvent.causality,
        ).where(AdverseEvent.clinic_id == clinic_id, AdverseEvent.voided_at.is_(None))
    ).all()


def _risk_of_event(event: Any) -> Risk:
    if event.is_open:
        return Risk.OPEN_SERIOUS if event.is_serious else Risk.OPEN_EVENT
    if event.is_serious:
        return Risk.SERIOUS_BEFORE
    unrelated = event.causality in (Causality.UNLIKELY, Causality.UNRELATED)
    is_complication = event.treatment_session_id is not None and not unrelated
    return Risk.COMPLICATION_BEFORE if is_complication else Risk.NONE


def _truncal_foam(db: DbSession, clinic_id: int) -> Sequence[Any]:
    """Sessions in which foam was injected into a truncal vein."""
    return db.execute(
        sa.select(
            TreatmentSession.id, TreatmentSession.patient_id, TreatmentSession.treated_on
        ).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.voided_at.is_(None),
            sa.exists().where(
                Injection.clinic_id == clinic_id,
                Injection.treatment_session_id == TreatmentSession.id,
                Injection.voided_at.is_(None),
                Injection.form == SclerosantForm.FOAM,
                TreatedSite.clinic_id == clinic_id,
                TreatedSite.id == Injection.treated_site_id,
                TreatedSite.vessel_class == VesselClass.TRUNCAL,
            ),
        )
    ).all()

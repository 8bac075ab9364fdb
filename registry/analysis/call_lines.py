"""Whom to call: visits that are due, overdue or out of reach, and sessions without a visit.

A planned visit is *due* from ``DUE_SOON_DAYS`` before its day until its window closes, then
*overdue*. It is *unreachable* when three attempts in a row failed, when a number or address was
wrong, or when the window closed 90 days ago and nothing was heard from the patient for as long:
lost to follow-up, derived and never only typed. A session is *never planned* when no visit follows
it (:mod:`registry.analysis.unvisited_sessions`). Whoever died is on no list.

The order is that of :class:`Risk`, and within it the longest overdue first.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from registry.analysis.follow_up import is_past_window, planned_visits
from registry.analysis.sign_off import ASKED_AT, VISIT_DAYS, SignOff, sign_offs_of
from registry.analysis.timeline import OPEN_OUTCOMES, last_day
from registry.analysis.unvisited_sessions import sessions_without_visit
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.same_person import kept_under
from registry.schema import (
    AdverseEvent,
    ContactAttempt,
    FollowUp,
    Injection,
    Patient,
    PatientLink,
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


_PLACE: Final = {risk: place for place, risk in enumerate(Risk)}


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


class Listed(NamedTuple):
    """A line of the list before it is shown: what it is sorted by, in that order, and counted by.

    ``id`` is that of the visit, or of the session after which none was planned. ``risk`` is a place
    among :class:`Risk`.
    """

    risk: int
    due_on: dt.date
    pseudonym: str
    id: UUID
    patient_id: UUID
    visit_code: str | None
    timing: Timing
    silence: Silence | None
    treated_on: dt.date | None
    was_tried: bool

    def belongs_to(self, show: Show) -> bool:
        """Whether the line is in that part of the list."""
        if show is Show.UNREACHABLE:
            return self.silence is not None
        if show is Show.TO_CALL:
            return self.silence is None and self.timing is not Timing.NOT_PLANNED
        return self.timing.value == show.value


def call_list(db: DbSession, clinic_id: int, today: dt.date) -> tuple[Listed, ...]:
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
    outcomes = _outcomes(db, clinic_id, wanted)
    heard = _heard_from(db, clinic_id, wanted, today, person)
    risks = _Risks(db, clinic_id, person)
    lines = []
    for row in rows:
        whose = person.get(row.patient_id, row.patient_id)
        tried = outcomes.get(row.id, ())
        closed = last_day(row.visit_code, row.due_on)
        lines.append(
            Listed(
                risk=risks.of(whose, row.treatment_session_id, row.due_on),
                due_on=row.due_on,
                pseudonym=row.pseudonym,
                id=row.id,
                patient_id=row.patient_id,
                visit_code=row.visit_code,
                timing=Timing.OVERDUE if row.is_late else Timing.DUE,
                silence=_silence(tried, closed, today, is_heard=whose in heard),
                treated_on=row.treated_on,
                was_tried=bool(tried),
            )
        )
    return tuple(sorted([*lines, *_never_planned(db, clinic_id, today, risks)]))


def shown_lines(
    db: DbSession, clinic_id: int, listed: Sequence[Listed], today: dt.date
) -> tuple[CallLine, ...]:
    """Some lines of :func:`call_list` with all that is shown of them."""
    attempts = _attempts(db, clinic_id, [line.id for line in listed if line.was_tried])
    unplanned = [line.id for line in listed if line.timing is Timing.NOT_PLANNED]
    sessions = {one.session_id: one for one in sign_offs_of(db, clinic_id, unplanned, today)}
    risks = list(Risk)
    return tuple(
        CallLine(
            patient_id=line.patient_id,
            pseudonym=line.pseudonym,
            visit_id=None if line.timing is Timing.NOT_PLANNED else line.id,
            visit_code=line.visit_code,
            due_on=line.due_on,
            days_overdue=(today - line.due_on).days,
            timing=line.timing,
            silence=line.silence,
            risk=risks[line.risk],
            treated_on=line.treated_on,
            attempts=tuple(attempts[line.id]),
            session=sessions.get(line.id),
        )
        for line in listed
    )


def _never_planned(
    db: DbSession, clinic_id: int, today: dt.date, risks: _Risks
) -> Iterable[Listed]:
    """The newest session of each patient after which no visit was planned or held."""
    due_after = dt.timedelta(days=catalogue().visits[ASKED_AT].due_day)
    seen: set[UUID] = set()
    for session in sessions_without_visit(db, clinic_id, today):
        if session.patient_id in seen:
            continue
        seen.add(session.patient_id)
        due_on = session.treated_on + due_after
        yield Listed(
            risk=risks.of(session.patient_id, session.session_id, due_on),
            due_on=due_on,
            pseudonym=session.pseudonym,
            id=session.session_id,
            patient_id=session.patient_id,
            visit_code=None,
            timing=Timing.NOT_PLANNED,
            silence=None,
            treated_on=session.treated_on,
            was_tried=False,
        )


def _outcomes(
    db: DbSession, clinic_id: int, visits: sa.Select[FollowUp]
) -> Mapping[UUID, list[ContactOutcome]]:
    """What came of the attempts about each visit, the newest first."""
    found: defaultdict[UUID, list[ContactOutcome]] = defaultdict(list)
    rows = db.execute(
        _standing_attempts(clinic_id)
        .where(ContactAttempt.follow_up_id.in_(visits.with_only_columns(FollowUp.id)))
        .with_only_columns(ContactAttempt.follow_up_id, ContactAttempt.outcome)
    )
    for visit, outcome in rows:
        found[visit].append(outcome)
    return found


def _attempts(
    db: DbSession, clinic_id: int, visits: Collection[UUID]
) -> defaultdict[UUID, list[Attempt]]:
    """Attempts about each visit, the newest first."""
    found: defaultdict[UUID, list[Attempt]] = defaultdict(list)
    rows = db.scalars(_standing_attempts(clinic_id).where(ContactAttempt.follow_up_id.in_(visits)))
    for row in rows:
        found[row.follow_up_id].append(
            Attempt(row.id, row.version, row.attempted_on, row.method, row.outcome, row.note)
        )
    return found


def _standing_attempts(clinic_id: int) -> sa.Select[ContactAttempt]:
    return (
        sa.select(ContactAttempt)
        .where(ContactAttempt.clinic_id == clinic_id, ContactAttempt.voided_at.is_(None))
        .order_by(ContactAttempt.attempted_on.desc(), ContactAttempt.recorded_at.desc())
    )


def _silence(
    outcomes: Sequence[ContactOutcome], closed: dt.date, today: dt.date, *, is_heard: bool
) -> Silence | None:
    """Why the patient counts as unreachable; None when there is no reason to."""
    failed = list(takewhile(_NOT_REACHED.__contains__, outcomes))
    if ContactOutcome.WRONG_CONTACT in failed:
        return Silence.WRONG_CONTACT
    if len(failed) >= FAILED_ATTEMPTS:
        return Silence.NOT_REACHED
    is_long_ago = closed + dt.timedelta(days=SILENT_DAYS) < today
    return Silence.NOT_HEARD if is_long_ago and not is_heard else None


def _heard_from(
    db: DbSession,
    clinic_id: int,
    visits: sa.Select[FollowUp],
    today: dt.date,
    person: Mapping[UUID, UUID],
) -> frozenset[UUID]:
    """Who was seen, treated or reached within the last 90 days, under the patient that is kept.

    Asked of those whose visit was due before that, and of whoever is linked with somebody.
    """
    since = today - dt.timedelta(days=SILENT_DAYS)
    late = visits.where(FollowUp.due_on < since).with_only_columns(FollowUp.patient_id)
    links = (PatientLink.clinic_id == clinic_id, PatientLink.voided_at.is_(None))
    asked = sa.union(
        late,
        sa.select(PatientLink.patient_id).where(*links),
        sa.select(PatientLink.same_as_id).where(*links),
    )
    seen = sa.select(FollowUp.patient_id).where(
        FollowUp.clinic_id == clinic_id,
        FollowUp.patient_id.in_(asked),
        FollowUp.voided_at.is_(None),
        FollowUp.status == FollowUpStatus.SEEN,
        FollowUp.seen_on >= since,
    )
    treated = sa.select(TreatmentSession.patient_id).where(
        TreatmentSession.clinic_id == clinic_id,
        TreatmentSession.patient_id.in_(asked),
        TreatmentSession.voided_at.is_(None),
        TreatmentSession.treated_on >= since,
    )
    reached = sa.select(ContactAttempt.patient_id).where(
        ContactAttempt.clinic_id == clinic_id,
        ContactAttempt.patient_id.in_(asked),
        ContactAttempt.voided_at.is_(None),
        ContactAttempt.outcome.not_in(_NOT_REACHED),
        ContactAttempt.attempted_on >= since,
    )
    found = db.scalars(sa.union(seen, treated, reached))
    return frozenset(person.get(patient, patient) for patient in found)


class _Risks:
    """What is known of the patients of a clinic that says whom to call first."""

    def __init__(self, db: DbSession, clinic_id: int, person: Mapping[UUID, UUID]) -> None:
        self._worst: dict[UUID, int] = {}
        self._foam_sessions: set[UUID] = set()
        self._foam_days: defaultdict[UUID, list[dt.date]] = defaultdict(list)
        for patient_id, risk in _worst_events(db, clinic_id):
            whose = person.get(patient_id, patient_id)
            self._worst[whose] = min(risk, self._worst.get(whose, risk))
        for session_id, patient_id, treated_on in _truncal_foam(db, clinic_id):
            self._foam_sessions.add(session_id)
            self._foam_days[person.get(patient_id, patient_id)].append(treated_on)

    def of(self, person: UUID, session_id: UUID | None, due_on: dt.date) -> int:
        """Place of the first of the risks that holds for a visit of a person."""
        worst = self._worst.get(person, _PLACE[Risk.NONE])
        has_foam = session_id in self._foam_sessions or any(
            0 <= (due_on - day).days <= VISIT_DAYS[1] for day in self._foam_days.get(person, ())
        )
        return min(worst, _PLACE[Risk.TRUNCAL_FOAM]) if has_foam else worst


def _worst_events(db: DbSession, clinic_id: int) -> Sequence[Any]:
    """Place of the first of the risks that an event of each patient is."""
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    by_nature = [term.code for term in catalogue().event_terms.values() if term.serious_by_nature]
    is_open = sa.and_(
        AdverseEvent.resolved_on.is_(None), AdverseEvent.event_outcome.in_(OPEN_OUTCOMES)
    )
    is_serious = sa.or_(*criteria, AdverseEvent.event_term_code.in_(by_nature))
    is_complication = sa.and_(
        AdverseEvent.treatment_session_id.is_not(None),
        sa.or_(
            AdverseEvent.causality.is_(None),
            AdverseEvent.causality.not_in([Causality.UNLIKELY, Causality.UNRELATED]),
        ),
    )
    risk = sa.case(
        (sa.and_(is_open, is_serious), _PLACE[Risk.OPEN_SERIOUS]),
        (is_open, _PLACE[Risk.OPEN_EVENT]),
        (is_serious, _PLACE[Risk.SERIOUS_BEFORE]),
        (is_complication, _PLACE[Risk.COMPLICATION_BEFORE]),
        else_=_PLACE[Risk.NONE],
    )
    return db.execute(
        sa.select(AdverseEvent.patient_id, sa.func.min(risk))
        .where(AdverseEvent.clinic_id == clinic_id, AdverseEvent.voided_at.is_(None))
        .group_by(AdverseEvent.patient_id)
    ).all()


def _truncal_foam(db: DbSession, clinic_id: int) -> Sequence[Any]:
    """Sessions in which foam was injected into a truncal vein."""
    has_foam = sa.exists().where(
        Injection.clinic_id == TreatedSite.clinic_id,
        # Its site's session too: there is an index of that.
        Injection.treatment_session_id == TreatedSite.treatment_session_id,
        Injection.treated_site_id == TreatedSite.id,
        Injection.voided_at.is_(None),
        Injection.form == SclerosantForm.FOAM,
    )
    # Chosen by key: SQLite would otherwise look for such an injection session by session.
    injected = sa.select(TreatedSite.treatment_session_id).where(
        TreatedSite.clinic_id == clinic_id,
        TreatedSite.vessel_class == VesselClass.TRUNCAL,
        has_foam,
    )
    return db.execute(
        sa.select(
            TreatmentSession.id, TreatmentSession.patient_id, TreatmentSession.treated_on
        ).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.voided_at.is_(None),
            TreatmentSession.id.in_(injected),
        )
    ).all()

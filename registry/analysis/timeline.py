"""One patient: everything recorded, in order, and what matters before the next needle."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, may, require
from registry.access_log import log_access
from registry.analysis.stored_entries import (
    Stored,
    current,
    stored_events,
    stored_follow_ups,
    stored_sessions,
)
from registry.catalogue import EventFamily, catalogue
from registry.database import DbSession, reading
from registry.entry.dose import is_ready_made, milligrams
from registry.entry.forms import EventEntry, FollowUpEntry, InjectionEntry, SessionEntry
from registry.entry.known import answers_of
from registry.entry.problems import Question
from registry.entry.safety import Answer, questions_about, standing_answer
from registry.entry.same_person import linked_ids
from registry.schema import (
    AdverseEvent,
    Clinician,
    Course,
    FollowUp,
    Patient,
    PatientIdentity,
    TreatmentSession,
)
from registry.vocabulary import (
    Causality,
    EventOutcome,
    FactAnswer,
    FoamGas,
    FollowUpStatus,
    Indication,
    SclerosantForm,
    Sex,
    SkinType,
)

ASK_BEFORE_NEXT: Final = frozenset(
    {
        EventFamily.ALLERGY,
        EventFamily.NEUROLOGICAL,
        EventFamily.CARDIORESPIRATORY,
        EventFamily.DEEP_THROMBOSIS,
        EventFamily.NECROSIS,
        EventFamily.VASOVAGAL,
    }
)
"""Families of earlier reactions that change what is done at the next injection, serious or not."""

OPEN_OUTCOMES: Final = frozenset(
    {EventOutcome.RECOVERING, EventOutcome.NOT_RECOVERED, EventOutcome.UNKNOWN}
)
"""Outcomes of an event that is not over."""


@dataclass(frozen=True, slots=True)
class PatientHeader:
    """Who a record is about. The identity is blank for those who may not see it.

    ``duplicates`` are the other records of the same person; ``asked_for`` is the pseudonym of the
    one that was asked for, where that led here.
    """

    id: UUID
    pseudonym: str
    birth_year: int | None
    sex: Sex
    skin_type: SkinType | None
    enrolled_on: dt.date
    died_on: dt.date | None
    family_name: str | None = None
    given_name: str | None = None
    birth_date: dt.date | None = None
    hospital_number: str | None = None
    duplicates: tuple[PatientHeader, ...] = ()
    asked_for: str | None = None

    @property
    def ids(self) -> frozenset[UUID]:
        """Identifiers under which the person has records."""
        return frozenset({self.id, *(duplicate.id for duplicate in self.duplicates)})


@dataclass(frozen=True, slots=True)
class CourseSummary:
    """A planned course and how many of its sessions took place."""

    id: UUID
    opened_on: dt.date
    indication: Indication | None
    planned_sessions: int | None
    sessions_held: int


@dataclass(frozen=True, slots=True)
class AgentTotal:
    """What one sclerosant adds up to: mL of liquid, and mg unless a volume or strength is blank."""

    sclerosant_code: str
    liquid_ml: Decimal
    mg: Decimal | None
    complete: bool


@dataclass(frozen=True, slots=True)
class FoamTotal:
    """What all foams add up to, in mL; at least that when a volume was left blank.

    ``gas`` is None where it is not recorded or not the same. ``ready_made`` says that some of it
    came as foam, whose solution and gas nobody measured.
    """

    liquid_ml: Decimal
    gas_ml: Decimal
    foam_ml: Decimal
    gas: FoamGas | None
    ready_made: bool
    complete: bool


class AlertKind(StrEnum):
    """Why something is said before the next needle."""

    DECEASED = "deceased"
    EARLIER_REACTION = "earlier_reaction"
    RISK_FACT = "risk_fact"
    TREATED_LATELY = "treated_lately"
    OPEN_EVENT = "open_event"
    OVERDUE_FOLLOW_UP = "overdue_follow_up"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to know before the next needle.

    ``record_id`` is the record that says so, unless it is an answer; ``given`` is what was injected
    in the session that an earlier reaction is attributed to, or that took place lately;
    ``sclerosant_code`` is the agent that an answer is about, blank for any. The same reaction to
    the same stands once, with its last day and how many ``times`` it happened.
    """

    kind: AlertKind
    record_id: UUID | None
    day: dt.date
    event_term_code: str | None = None
    visit_code: str | None = None
    given: tuple[tuple[str, SclerosantForm], ...] = ()
    condition_code: str | None = None
    sclerosant_code: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything recorded about one person, oldest first.

    ``pseudonyms`` names the patient that each record was entered under. ``not_asked`` counts the
    questions to be asked before what was injected last is injected again.
    """

    sessions: tuple[Stored[SessionEntry], ...]
    events: tuple[Stored[EventEntry], ...]
    follow_ups: tuple[Stored[FollowUpEntry], ...]
    courses: tuple[CourseSummary, ...]
    clinicians: Mapping[int, str]
    alerts: tuple[Alert, ...]
    not_asked: int
    pseudonyms: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The session an event is proposed to belong to; ``ambiguous`` when two windows cover it."""

    session_id: UUID | None
    days: int | None = None
    ambiguous: bool = False


def open_patient(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID, *, now: dt.datetime
) -> PatientHeader:
    """Open a patient's record: who it is, as far as the actor may see. Logged as an access.

    A duplicate opens the patient under whom it is kept.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    identified = may(by, Permission.SEE_IDENTITY, clinic_id)
    with reading(engine) as db:
        asked = current(db, Patient, clinic_id, patient_id)
        kept, *others = linked_ids(db, clinic_id, patient_id)
        header = replace(
            _header(db, clinic_id, kept, identified),
            duplicates=tuple(_header(db, clinic_id, other, identified) for other in others),
            asked_for=asked.pseudonym if kept != patient_id else None,
        )
    action = "open_identified_patient" if identified else "open_patient"
    log_access(engine, by, action, now=now, clinic_id=clinic_id, row_count=1 + len(others))
    return header


def patient_timeline(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID, *, today: dt.date
) -> Timeline:
    """Sessions, events, follow-ups and courses of a person, and the alerts as of ``today``.

    Holds what was recorded under any of the person's pseudonyms.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, Patient, clinic_id, patient_id)
        person = linked_ids(db, clinic_id, patient_id)
        patients = db.scalars(
            sa.select(Patient).where(Patient.clinic_id == clinic_id, Patient.id.in_(person))
        ).all()
        sessions = stored_sessions(db, clinic_id, TreatmentSession.patient_id.in_(person))
        events = stored_events(db, clinic_id, AdverseEvent.patient_id.in_(person))
        follow_ups = stored_follow_ups(db, clinic_id, FollowUp.patient_id.in_(person))
        courses = _courses(db, clinic_id, person, sessions)
        answers = answers_of(db, clinic_id, person)
        alerts = (
            *_deaths(patients),
            *_reactions(sessions, events),
            *_risk_facts(answers, today),
            *_treated_lately(sessions, today),
            *_open_events(events),
            *_overdue(follow_ups, today),
        )
        not_asked = _not_asked(sessions, answers, patients[0].sex, today)
        pseudonyms = {patient.id: patient.pseudonym for patient in patients}
        clinicians = {
            row.id: row.display_name
            for row in db.execute(
                sa.select(Clinician.id, Clinician.display_name).where(
                    Clinician.clinic_id == clinic_id
                )
            )
        }
    return Timeline(
        sessions=tuple(sessions),
        events=tuple(events),
        follow_ups=tuple(follow_ups),
        courses=courses,
        clinicians=clinicians,
        alerts=alerts,
        not_asked=not_asked,
        pseudonyms=pseudonyms,
    )


def agent_totals(injections: Iterable[InjectionEntry]) -> tuple[AgentTotal, ...]:
    """Totals per sclerosant, over all its products; blanks make a total incomplete, never zero."""
    by_agent: defaultdict[str, list[InjectionEntry]] = defaultdict(list)
    products = catalogue().products
    for injection in injections:
        if injection.product_code in products:
            by_agent[products[injection.product_code].sclerosant_code].append(injection)
    totals = []
    for agent, given in by_agent.items():
        volumes = [injection.liquid_ml for injection in given]
        masses = [mass for mass in map(milligrams, given) if mass is not None]
        totals.append(
            AgentTotal(
                sclerosant_code=agent,
                liquid_ml=sum((v for v in volumes if v is not None), Decimal(0)),
                mg=sum(masses, Decimal(0)) if len(masses) == len(given) else None,
                complete=None not in volumes,
            )
        )
    return tuple(totals)


def foam_total(injections: Iterable[InjectionEntry]) -> FoamTotal | None:
    """How much foam was injected, over all agents; None where none was."""
    foams = [injection for injection in injections if injection.form is SclerosantForm.FOAM]
    if not foams:
        return None
    volumes = [(foam.liquid_ml, foam.gas_ml) for foam in foams]
    liquid_ml = sum((liquid or Decimal(0) for liquid, _gas in volumes), Decimal(0))
    gas_ml = sum((gas or Decimal(0) for _liquid, gas in volumes), Decimal(0))
    kinds = {foam.gas for foam in foams}
    return FoamTotal(
        liquid_ml=liquid_ml,
        gas_ml=gas_ml,
        foam_ml=liquid_ml + gas_ml,
        gas=kinds.pop() if len(kinds) == 1 else None,
        ready_made=any(is_ready_made(foam.product_code, foam.form) for foam in foams),
        complete=not any(None in pair for pair in volumes),
    )


def propose_attribution(
    sessions: Sequence[tuple[UUID, dt.date]], event_term_code: str, onset_on: dt.date
) -> Attribution:
    """The latest session whose counting window for the term covers the onset.

    The window runs from the session's day, both ends included. When it is open after two sessions,
    the latest is proposed and the proposal is ambiguous; an event belongs to one session only.
    """
    window = catalogue().event_terms[event_term_code].counting_window_days
    covering = [
        (day, session_id) for session_id, day in sessions if 0 <= (onset_on - day).days <= window
    ]
    if not covering:
        return Attribution(None)
    day, session_id = max(covering, key=lambda pair: pair[0])
    return Attribution(session_id, (onset_on - day).days, ambiguous=len(covering) > 1)


def is_open(event: EventEntry) -> bool:
    """Whether an event still needs following up: not resolved, and no final outcome."""
    return event.resolved_on is None and event.event_outcome in OPEN_OUTCOMES


def is_overdue(visit: FollowUpEntry, today: dt.date) -> bool:
    """Whether a planned visit's window has closed without it."""
    return (
        visit.status is FollowUpStatus.PLANNED
        and visit.due_on is not None
        and last_day(visit.visit_code, visit.due_on) < today
    )


def last_day(visit_code: str | None, due_on: dt.date) -> dt.date:
    """Last day on which a visit due on a day still counts as that visit."""
    planned = catalogue().visits.get(visit_code or "")
    tolerance = planned.to_day - planned.due_day if planned else 0
    return due_on + dt.timedelta(days=tolerance)


def _courses(
    db: DbSession,
    clinic_id: int,
    person: Sequence[UUID],
    sessions: Sequence[Stored[SessionEntry]],
) -> tuple[CourseSummary, ...]:
    rows = db.scalars(
        sa.select(Course)
        .where(
            Course.clinic_id == clinic_id,
            Course.patient_id.in_(person),
            Course.voided_at.is_(None),
        )
        .order_by(Course.opened_on, Course.recorded_at)
    )
    return tuple(
        CourseSummary(
            id=row.id,
            opened_on=row.opened_on,
            indication=row.indication,
            planned_sessions=row.planned_sessions,
            sessions_held=sum(stored.entry.course_id == row.id for stored in sessions),
        )
        for row in rows
    )


def _header(db: DbSession, clinic_id: int, patient_id: UUID, identified: bool) -> PatientHeader:
    patient = current(db, Patient, clinic_id, patient_id)
    identity = db.get(PatientIdentity, (clinic_id, patient_id)) if identified else None
    return PatientHeader(
        id=patient.id,
        pseudonym=patient.pseudonym,
        birth_year=patient.birth_year,
        sex=patient.sex,
        skin_type=patient.skin_type,
        enrolled_on=patient.enrolled_on,
        died_on=patient.died_on,
        family_name=identity.family_name if identity else None,
        given_name=identity.given_name if identity else None,
        birth_date=identity.birth_date if identity else None,
        hospital_number=identity.hospital_number if identity else None,
    )


def _deaths(patients: Iterable[Patient]) -> Iterable[Alert]:
    for patient in patients:
        if patient.died_on is not None:
            yield Alert(AlertKind.DECEASED, patient.id, patient.died_on)


def _reactions(
    sessions: Iterable[Stored[SessionEntry]], events: Sequence[Stored[EventEntry]]
) -> Iterable[Alert]:
    given = {stored.entry.id: _given(stored.entry) for stored in sessions}
    times: Counter[tuple[object, ...]] = Counter()
    latest: dict[tuple[object, ...], Alert] = {}
    for event in (stored.entry for stored in events):
        if _is_weighty(event):
            session_id = event.treatment_session_id
            what = given.get(session_id, ()) if session_id else ()
            key = (event.event_term_code, what)
            times[key] += 1
            latest.pop(key, None)
            latest[key] = Alert(
                AlertKind.EARLIER_REACTION,
                event.id,
                event.onset_on,
                event_term_code=event.event_term_code,
                given=what,
                times=times[key],
            )
    yield from reversed(latest.values())


def _is_weighty(event: EventEntry) -> bool:
    """Whether an earlier event changes what is done at the next injection."""
    term = catalogue().event_terms.get(event.event_term_code)
    related = event.causality not in (Causality.UNLIKELY, Causality.UNRELATED)
    return related and (
        bool(event.seriousness_criteria)
        or (term is not None and (term.serious_by_nature or term.family in ASK_BEFORE_NEXT))
    )


def _given(session: SessionEntry) -> tuple[tuple[str, SclerosantForm], ...]:
    return tuple(dict.fromkeys((i.product_code, i.form) for i in session.all_injections()))


def _risk_facts(answers: Sequence[Answer], today: dt.date) -> Iterable[Alert]:
    """Conditions to which the answer that stands today is yes."""
    asked = dict.fromkeys(Question(a.condition_code, a.sclerosant_code) for a in answers)
    for question in asked:
        answer = standing_answer(answers, question, today)
        if answer is not None and answer.answer is FactAnswer.YES:
            yield Alert(
                AlertKind.RISK_FACT,
                None,
                answer.answered_on,
                condition_code=question.condition_code,
                sclerosant_code=answer.sclerosant_code,
            )


def _not_asked(
    sessions: Sequence[Stored[SessionEntry]], answers: Sequence[Answer], sex: Sex, today: dt.date
) -> int:
    """Questions without an answer today that bear on what was injected last."""
    if not sessions:
        return 0
    again = replace(sessions[-1].entry, treated_on=today)
    return sum(
        standing_answer(answers, question, today) is None
        for question in questions_about(again, sex)
    )


def _treated_lately(sessions: Iterable[Stored[SessionEntry]], today: dt.date) -> Iterable[Alert]:
    """What was injected today and the day before: limits per day count it too."""
    by_day: dict[dt.date, Alert] = {}
    for session in (stored.entry for stored in sessions):
        if today - dt.timedelta(days=1) <= session.treated_on <= today:
            earlier = by_day.get(session.treated_on)
            given = (*(earlier.given if earlier else ()), *_given(session))
            by_day[session.treated_on] = Alert(
                AlertKind.TREATED_LATELY,
                session.id,
                session.treated_on,
                given=tuple(dict.fromkeys(given)),
            )
    yield from reversed(by_day.values())


def _open_events(events: Sequence[Stored[EventEntry]]) -> Iterable[Alert]:
    for event in (stored.entry for stored in reversed(events)):
        if is_open(event) and not _is_weighty(event):
            yield Alert(
                AlertKind.OPEN_EVENT,
                event.id,
                event.onset_on,
                event_term_code=event.event_term_code,
            )


def _overdue(follow_ups: Iterable[Stored[FollowUpEntry]], today: dt.date) -> Iterable[Alert]:
    for visit in (stored.entry for stored in follow_ups):
        if is_overdue(visit, today) and visit.due_on is not None:
            yield Alert(
                AlertKind.OVERDUE_FOLLOW_UP, visit.id, visit.due_on, visit_code=visit.visit_code
            )

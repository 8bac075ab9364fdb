"""Lists of records for those who work with them: patients, due visits, lots and last saves."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, may, require
from registry.access_log import log_access
from registry.analysis.stored_entries import Stored, stored_sessions
from registry.database import DbSession, reading
from registry.entry.forms import SessionEntry
from registry.entry.rows import IDENTITY_FIELDS
from registry.schema import (
    AdverseEvent,
    AuditRow,
    ChangeSet,
    Clinician,
    Course,
    FollowUp,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus, Sex

PSEUDONYM: Final = re.compile(r"^P-[0-9]{1,9}$")
_ROOTS: Final[dict[str, Any]] = {
    model.__tablename__: model
    for model in (Patient, Course, TreatmentSession, AdverseEvent, FollowUp)
}
_DAYS: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %b %Y", "%d %B %Y")


@dataclass(frozen=True, slots=True)
class PatientFound:
    """One line of a search. The identity is blank for those who may not see it."""

    id: UUID
    pseudonym: str
    birth_year: int | None
    sex: Sex
    last_treated_on: dt.date | None
    family_name: str | None = None
    given_name: str | None = None
    birth_date: dt.date | None = None
    hospital_number: str | None = None


@dataclass(frozen=True, slots=True)
class DueVisit:
    """A planned follow-up that is due."""

    id: UUID
    patient_id: UUID
    pseudonym: str
    visit_code: str | None
    due_on: dt.date


@dataclass(frozen=True, slots=True)
class ShelfLot:
    """A lot of one product, a strength at which it was injected, and when that was last.

    A lot injected at several strengths stands once for each.
    """

    product_code: str
    lot_number: str
    expires_on: dt.date | None
    is_compounded: bool
    concentration_percent: Decimal | None
    last_used_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Treater:
    """Somebody who treats in the clinic; ``is_self`` marks the reader."""

    id: int
    display_name: str
    is_self: bool


@dataclass(frozen=True, slots=True)
class Save:
    """Something the actor stored: when, which use case, which record of which patient."""

    at: dt.datetime
    action: str
    record_id: UUID
    patient_id: UUID
    pseudonym: str


def find_patients(
    engine: Engine, by: Actor, clinic_id: int, text: str, *, now: dt.datetime, limit: int = 8
) -> list[PatientFound]:
    """Patients whose pseudonym begins with ``text``; without text, those treated last.

    Who may see identity also searches family and given name, hospital number and birth date, and
    each such search is logged with the number of patients shown, never with what was typed.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    identified = may(by, Permission.SEE_IDENTITY, clinic_id)
    typed = " ".join(text.split())[:120]
    last_day = (
        sa.select(sa.func.max(TreatmentSession.treated_on))
        .where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id == Patient.id,
            TreatmentSession.voided_at.is_(None),
        )
        .scalar_subquery()
    )
    statement = (
        sa.select(Patient, PatientIdentity, last_day)
        .outerjoin(
            PatientIdentity,
            sa.and_(
                PatientIdentity.clinic_id == Patient.clinic_id,
                PatientIdentity.patient_id == Patient.id,
            ),
        )
        .where(Patient.clinic_id == clinic_id, Patient.voided_at.is_(None))
        .limit(limit)
    )
    with reading(engine) as db:
        if typed:
            matches = Patient.pseudonym.istartswith(typed, autoescape=True)
            if identified:
                matches = sa.or_(matches, *_identity_matches(typed))
            exact = sa.func.lower(Patient.pseudonym) == typed.lower()
            statement = statement.where(matches).order_by(exact.desc(), Patient.pseudonym)
        else:
            recent = _last_treated(db, clinic_id, limit)
            statement = statement.where(Patient.id.in_(recent)).order_by(
                last_day.desc(), Patient.pseudonym
            )
        found = [
            PatientFound(
                id=patient.id,
                pseudonym=patient.pseudonym,
                birth_year=patient.birth_year,
                sex=patient.sex,
                last_treated_on=treated_on,
                **_identity(identity if identified else None),
            )
            for patient, identity, treated_on in db.execute(statement)
        ]
    if identified and found:
        log_access(
            engine, by, "list_identified", now=now, clinic_id=clinic_id, row_count=len(found)
        )
    return found


def next_pseudonym(engine: Engine, by: Actor, clinic_id: int) -> str:
    """The next free pseudonym of the form P-0001; any other unique one may be used instead."""
    require(by, Permission.RECORD, clinic_id)
    number = sa.cast(sa.func.substr(Patient.pseudonym, 3), sa.Integer)
    with reading(engine) as db:
        last = db.scalar(
            sa.select(sa.func.max(number)).where(
                Patient.clinic_id == clinic_id,
                Patient.pseudonym.regexp_match(PSEUDONYM.pattern),
            )
        )
    return f"P-{(last or 0) + 1:04d}"


def due_follow_ups(
    engine: Engine, by: Actor, clinic_id: int, *, until: dt.date, limit: int = 200
) -> list[DueVisit]:
    """Planned visits of the clinic due by ``until``, the longest overdue first."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(
                FollowUp.id,
                FollowUp.patient_id,
                Patient.pseudonym,
                FollowUp.visit_code,
                FollowUp.due_on,
            )
            .join(
                Patient,
                sa.and_(Patient.clinic_id == FollowUp.clinic_id, Patient.id == FollowUp.patient_id),
            )
            .where(
                FollowUp.clinic_id == clinic_id,
                FollowUp.status == FollowUpStatus.PLANNED,
                FollowUp.due_on <= until,
                FollowUp.voided_at.is_(None),
                Patient.voided_at.is_(None),
                Patient.died_on.is_(None),
            )
            .order_by(FollowUp.due_on, Patient.pseudonym)
            .limit(limit)
        )
        return [DueVisit(*row[:4], due_on=row.due_on) for row in rows if row.due_on is not None]


def lots_on_the_shelf(
    engine: Engine, by: Actor, clinic_id: int, *, on: dt.date, limit: int = 50
) -> list[ShelfLot]:
    """Lots of the clinic that had not expired on the day ``on``, the last used first."""
    require(by, Permission.RECORD, clinic_id)
    last_used = sa.func.max(TreatmentSession.treated_on)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(
                Lot.product_code,
                Lot.lot_number,
                Lot.expires_on,
                Lot.is_compounded,
                Injection.concentration_percent,
                last_used,
            )
            .outerjoin(
                Injection,
                sa.and_(
                    Injection.clinic_id == Lot.clinic_id,
                    Injection.lot_id == Lot.id,
                    Injection.voided_at.is_(None),
                ),
            )
            .outerjoin(
                TreatmentSession,
                sa.and_(
                    TreatmentSession.clinic_id == Injection.clinic_id,
                    TreatmentSession.id == Injection.treatment_session_id,
                ),
            )
            .where(
                Lot.clinic_id == clinic_id,
                Lot.voided_at.is_(None),
                sa.or_(Lot.expires_on.is_(None), Lot.expires_on >= on),
            )
            .group_by(
                Lot.id,
                Lot.product_code,
                Lot.lot_number,
                Lot.expires_on,
                Lot.is_compounded,
                Injection.concentration_percent,
            )
            .order_by(last_used.desc().nulls_last(), Lot.lot_number)
            .limit(limit)
        )
        return [ShelfLot(*row) for row in rows]


def treaters(engine: Engine, by: Actor, clinic_id: int) -> list[Treater]:
    """Those who treat in the clinic, by name."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(Clinician.id, Clinician.display_name, Clinician.user_id)
            .where(Clinician.clinic_id == clinic_id)
            .order_by(Clinician.display_name)
        )
        return [
            Treater(row.id, row.display_name, is_self=row.user_id == by.user_id) for row in rows
        ]


def last_session_of_patient(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID
) -> Stored[SessionEntry] | None:
    """The patient's latest session, for pre-filling the next."""
    require(by, Permission.RECORD, clinic_id)
    return _last_session(engine, clinic_id, TreatmentSession.patient_id == patient_id)


def last_session_of_clinician(
    engine: Engine, by: Actor, clinic_id: int, clinician_id: int
) -> Stored[SessionEntry] | None:
    """The clinician's latest session with any patient, for pre-filling what is on the table."""
    require(by, Permission.RECORD, clinic_id)
    return _last_session(engine, clinic_id, TreatmentSession.clinician_id == clinician_id)


def recent_saves(engine: Engine, by: Actor, clinic_id: int, *, limit: int = 10) -> list[Save]:
    """What the actor stored last in this clinic, newest first: the answer to "was it saved?"."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        latest = (
            sa.select(ChangeSet.id, ChangeSet.at, ChangeSet.action)
            .where(
                ChangeSet.actor_id == by.user_id,
                ChangeSet.clinic_id == clinic_id,
                ChangeSet.request_key.is_not(None),
            )
            .order_by(ChangeSet.id.desc())
            .limit(limit)
            .subquery()
        )
        rows = db.execute(
            sa.select(latest.c.at, latest.c.action, AuditRow.table_name, AuditRow.row_key)
            .join(AuditRow, AuditRow.change_set_id == latest.c.id)
            .where(AuditRow.table_name.in_(_ROOTS))
            .order_by(latest.c.id.desc(), AuditRow.id)
        ).all()
        touched = [(row.at, row.action, row.table_name, _key(row.row_key)) for row in rows]
        patients = _patients_of(db, clinic_id, [(table, key) for *_, table, key in touched])
        return [
            Save(at, action, key, *patients[key])
            for at, action, _table, key in touched
            if key in patients
        ]


def _identity(identity: PatientIdentity | None) -> dict[str, Any]:
    if identity is None:
        return {}
    return {name: getattr(identity, name) for name in IDENTITY_FIELDS}


def _identity_matches(typed: str) -> list[sa.ColumnElement[bool]]:
    family, given = PatientIdentity.family_name, PatientIdentity.given_name

    def begins(column: Any, text: str) -> sa.ColumnElement[bool]:
        # SQLite folds ASCII letters only, so a name typed in lower case is tried with a capital.
        spellings = dict.fromkeys((text, text.capitalize(), text.upper()))
        return sa.or_(*(column.istartswith(word, autoescape=True) for word in spellings))

    matches = [
        begins(family, typed),
        begins(given, typed),
        PatientIdentity.hospital_number.istartswith(typed, autoescape=True),
    ]
    first, _, rest = typed.replace(",", " ").partition(" ")
    if rest.strip():
        one, other = first, rest.strip()
        matches += [
            sa.and_(begins(family, one), begins(given, other)),
            sa.and_(begins(given, one), begins(family, other)),
        ]
    day = _as_day(typed)
    if day is not None:
        matches.append(PatientIdentity.birth_date == day)
    return matches


def _as_day(typed: str) -> dt.date | None:
    for written in _DAYS:
        try:
            return dt.datetime.strptime(typed, written).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
    return None


def _last_treated(db: DbSession, clinic_id: int, limit: int) -> list[UUID]:
    """Patients of the clinic's latest sessions, read from the newest end of an index."""
    rows = db.scalars(
        sa.select(TreatmentSession.patient_id)
        .where(TreatmentSession.clinic_id == clinic_id, TreatmentSession.voided_at.is_(None))
        .order_by(TreatmentSession.treated_on.desc())
        .limit(10 * limit)
    )
    return list(dict.fromkeys(rows))[:limit]


def _last_session(
    engine: Engine, clinic_id: int, of: sa.ColumnElement[bool]
) -> Stored[SessionEntry] | None:
    with reading(engine) as db:
        found = stored_sessions(db, clinic_id, of, newest_first=True, limit=1)
    return found[0] if found else None


def _key(row_key: str) -> UUID:
    return UUID(json.loads(row_key)[-1])


def _patients_of(
    db: DbSession, clinic_id: int, keys: list[tuple[str, UUID]]
) -> dict[UUID, tuple[UUID, str]]:
    """Patient and pseudonym of each record."""
    by_table: defaultdict[str, list[UUID]] = defaultdict(list)
    for table, key in keys:
        by_table[table].append(key)
    patient_of: dict[UUID, UUID] = {}
    for table, ids in by_table.items():
        model = _ROOTS[table]
        patient = model.id if model is Patient else model.patient_id
        rows = db.execute(
            sa.select(model.id, patient).where(model.clinic_id == clinic_id, model.id.in_(ids))
        )
        patient_of |= {record: owner for record, owner in rows}  # noqa: C416 - rows are no pairs
    pseudonyms = dict(
        db.execute(
            sa.select(Patient.id, Patient.pseudonym).where(
                Patient.clinic_id == clinic_id, Patient.id.in_(set(patient_of.values()))
            )
        ).all()
    )
    return {record: (owner, pseudonyms[owner]) for record, owner in patient_of.items()}

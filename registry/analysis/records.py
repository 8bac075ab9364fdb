"""Lists of records for those who work with them: due visits, lots, last sessions and saves."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.analysis.stored_entries import Stored, stored_sessions
from registry.database import DbSession, reading
from registry.entry.forms import SessionEntry
from registry.entry.same_person import linked_ids
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
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus

PSEUDONYM: Final = re.compile(r"^P-[0-9]{1,9}$")
_ROOTS: Final[dict[str, Any]] = {
    model.__tablename__: model
    for model in (Patient, Course, TreatmentSession, AdverseEvent, FollowUp)
}

_LATEST: Final = 500
"""Sessions that are looked through for the currency in use."""
_ROWS_OF_A_SAVE: Final = 20
"""Records listed of one save at most, on average: a file that was imported is one save too."""


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
    """Lots neither expired nor recalled on the day ``on``, the last used first."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        seal = audit.head(db)
        known = _lots_known.setdefault(engine, {})
        if clinic_id not in known or known[clinic_id][0] != seal:
            # Every injection of the clinic is looked at, and a form asks at each change.
            known[clinic_id] = (seal, _lots_of(db, clinic_id))
    return [
        lot
        for lot, recalled_on in known[clinic_id][1]
        if (lot.expires_on is None or lot.expires_on >= on)
        and (recalled_on is None or recalled_on > on)
    ][:limit]


_LotsKnown = dict[int, tuple[int, list[tuple[ShelfLot, dt.date | None]]]]
_lots_known: WeakKeyDictionary[Engine, _LotsKnown] = WeakKeyDictionary()
"""The lots of each clinic at a seal, each with the day of its recall."""


def _lots_of(db: DbSession, clinic_id: int) -> list[tuple[ShelfLot, dt.date | None]]:
    last_used = sa.func.max(TreatmentSession.treated_on)
    rows = db.execute(
        sa.select(
            Lot.product_code,
            Lot.lot_number,
            Lot.expires_on,
            Lot.is_compounded,
            Injection.concentration_percent,
            last_used,
            Lot.recalled_on,
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
        .where(Lot.clinic_id == clinic_id, Lot.voided_at.is_(None))
        .group_by(
            Lot.id,
            Lot.product_code,
            Lot.lot_number,
            Lot.expires_on,
            Lot.is_compounded,
            Lot.recalled_on,
            Injection.concentration_percent,
        )
        .order_by(last_used.desc().nulls_last(), Lot.lot_number)
    )
    return [(ShelfLot(*row[:-1]), row.recalled_on) for row in rows]


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
    """The patient's latest session, for pre-filling the next; also one under another pseudonym."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        person = linked_ids(db, clinic_id, patient_id)
        found = stored_sessions(
            db, clinic_id, TreatmentSession.patient_id.in_(person), newest_first=True, limit=1
        )
    return found[0] if found else None


def last_session_of_clinician(
    engine: Engine, by: Actor, clinic_id: int, clinician_id: int
) -> Stored[SessionEntry] | None:
    """The clinician's latest session with any patient, for pre-filling what is on the table."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        found = stored_sessions(
            db,
            clinic_id,
            TreatmentSession.clinician_id == clinician_id,
            newest_first=True,
            limit=1,
        )
    return found[0] if found else None


def usual_currency(engine: Engine, by: Actor, clinic_id: int) -> str | None:
    """The currency of the clinic's latest session with an amount; None where none has lately."""
    require(by, Permission.RECORD, clinic_id)
    latest = (
        sa.select(TreatmentSession.cost_currency, TreatmentSession.treated_on)
        .where(TreatmentSession.clinic_id == clinic_id, TreatmentSession.voided_at.is_(None))
        .order_by(TreatmentSession.treated_on.desc())
        .limit(_LATEST)
        .subquery()
    )
    with reading(engine) as db:
        return db.scalar(
            sa.select(latest.c.cost_currency)
            .where(latest.c.cost_currency.is_not(None))
            .order_by(latest.c.treated_on.desc())
            .limit(1)
        )


def payers_of(engine: Engine, by: Actor, clinic_id: int) -> list[str]:
    """Who pays for the courses of the clinic, as it wrote them, in the order of the alphabet."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        named = db.scalars(
            sa.select(Course.payer)
            .where(
                Course.clinic_id == clinic_id,
                Course.voided_at.is_(None),
                Course.payer.is_not(None),
            )
            .distinct()
        )
        return sorted({name.strip() for name in named if name}, key=str.casefold)


def recent_saves(engine: Engine, by: Actor, clinic_id: int, *, limit: int = 10) -> list[Save]:
    """What the actor stored last in this clinic, newest first: the answer to "was it saved?"."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        latest = {
            row.id: row
            for row in db.execute(
                sa.select(ChangeSet.id, ChangeSet.at, ChangeSet.action)
                .where(
                    ChangeSet.actor_id == by.user_id,
                    ChangeSet.clinic_id == clinic_id,
                    ChangeSet.request_key.is_not(None),
                )
                .order_by(ChangeSet.id.desc())
                .limit(limit)
            )
        }
        rows = db.execute(
            sa.select(AuditRow.change_set_id, AuditRow.table_name, AuditRow.row_key)
            # Without the index on the table: SQLite would read the trail of all those tables.
            .where(AuditRow.change_set_id.in_(latest), AuditRow.table_name.concat("").in_(_ROOTS))
            .order_by(AuditRow.change_set_id.desc(), AuditRow.id)
            .limit(_ROWS_OF_A_SAVE * limit)
        ).all()
        touched = [
            (set_.at, set_.action, row.table_name, _key(row.row_key))
            for row in rows
            for set_ in [latest[row.change_set_id]]
        ]
        patients = _patients_of(db, clinic_id, [(table, key) for *_, table, key in touched])
        return [
            Save(at, action, key, *patients[key])
            for at, action, _table, key in touched
            if key in patients
        ]


def stored_by_self(
    engine: Engine, by: Actor, clinic_id: int, record_id: UUID
) -> dt.datetime | None:
    """When the actor stored the record for the first time; None when somebody else did."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        return db.scalar(
            sa.select(ChangeSet.at).where(
                ChangeSet.request_key == record_id,
                ChangeSet.actor_id == by.user_id,
                ChangeSet.clinic_id == clinic_id,
            )
        )


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

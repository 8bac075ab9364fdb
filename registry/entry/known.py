"""What the registry knows when an entry arrives: read once, then checked without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from registry.database import DbSession
from registry.entry.checks import Known
from registry.entry.forms import Entry, InjectionEntry, PatientEntry, SessionEntry
from registry.entry.same_person import linked_ids
from registry.errors import NotFound
from registry.schema import (
    AdverseEvent,
    Clinic,
    Clinician,
    Course,
    FollowUp,
    Injection,
    Lot,
    Patient,
    TreatedSite,
    TreatmentSession,
)


def known_about(db: DbSession, clinic_id: int, entry: Entry, now: dt.datetime) -> Known:
    """What the registry knows that the entry must agree with.

    Raises :class:`NotFound` when the patient is not one of this clinic.
    """
    clinic = db.get_one(Clinic, clinic_id)
    today = clinic_day(clinic, now)
    if isinstance(entry, PatientEntry):
        own = sa.select(TreatmentSession.id, TreatmentSession.treated_on).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id == entry.id,
            TreatmentSession.voided_at.is_(None),
        )
        return Known(
            today=today,
            jurisdiction=clinic.jurisdiction,
            sessions={row.id: row.treated_on for row in db.execute(own)},
        )
    patient = db.get(Patient, (clinic_id, entry.patient_id))
    if patient is None or patient.voided_at is not None:
        raise NotFound("There is no such patient in this clinic. Nothing was stored.")
    # A record of the person under another pseudonym counts like one under this.
    person = linked_ids(db, clinic_id, entry.patient_id)
    sessions = db.execute(
        sa.select(TreatmentSession.id, TreatmentSession.treated_on).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id.in_(person),
            TreatmentSession.voided_at.is_(None),
        )
    )
    sites = db.execute(
        sa.select(TreatedSite.id, TreatedSite.treatment_session_id).where(
            TreatedSite.clinic_id == clinic_id,
            TreatedSite.patient_id.in_(person),
            TreatedSite.voided_at.is_(None),
        )
    )
    courses, events = (
        frozenset(
            db.scalars(
                sa.select(model.id).where(
                    model.clinic_id == clinic_id,
                    model.patient_id.in_(person),
                )
            )
        )
        for model in (Course, AdverseEvent)
    )
    lots: dict[tuple[str, str], dt.date | None] = {}
    if isinstance(entry, SessionEntry):
        numbers = {i.lot_number for i in entry.all_injections() if i.lot_number}
        stored = db.scalars(
            sa.select(Lot).where(Lot.clinic_id == clinic_id, Lot.lot_number.in_(numbers))
        )
        lots = {(lot.product_code, lot.lot_number): lot.expires_on for lot in stored}
    same_day: tuple[InjectionEntry, ...] = ()
    if isinstance(entry, SessionEntry):
        same_day = _injected_that_day(db, clinic_id, entry, person)
    followed_on = None
    if isinstance(entry, SessionEntry):
        followed_on = _followed_on(db, clinic_id, entry)
    clinicians = db.scalars(sa.select(Clinician.id).where(Clinician.clinic_id == clinic_id))
    return Known(
        today=today,
        jurisdiction=clinic.jurisdiction,
        birth_year=patient.birth_year,
        died_on=patient.died_on,
        sessions={row.id: row.treated_on for row in sessions},
        sites={row.id: row.treatment_session_id for row in sites},
        lots=lots,
        clinician_ids=frozenset(clinicians),
        same_day=same_day,
        courses=courses,
        events=events,
        followed_on=followed_on,
    )


def _followed_on(db: DbSession, clinic_id: int, entry: SessionEntry) -> dt.date | None:
    """First day of an event or follow-up that belongs to the session."""
    days = [
        db.scalar(
            sa.select(sa.func.min(day)).where(
                model.clinic_id == clinic_id,
                model.treatment_session_id == entry.id,
                model.voided_at.is_(None),
            )
        )
        for model, day in ((AdverseEvent, AdverseEvent.onset_on), (FollowUp, FollowUp.seen_on))
    ]
    return min((day for day in days if day is not None), default=None)


def _injected_that_day(
    db: DbSession, clinic_id: int, entry: SessionEntry, person: Collection[UUID]
) -> tuple[InjectionEntry, ...]:
    """What the patient got in other sessions of the day, for limits per day."""
    stored = db.scalars(
        sa.select(Injection)
        .join(
            TreatmentSession,
            sa.and_(
                TreatmentSession.clinic_id == Injection.clinic_id,
                TreatmentSession.id == Injection.treatment_session_id,
            ),
        )
        .where(
            Injection.clinic_id == clinic_id,
            Injection.voided_at.is_(None),
            TreatmentSession.patient_id.in_(person),
            TreatmentSession.treated_on == entry.treated_on,
            TreatmentSession.voided_at.is_(None),
            TreatmentSession.id != entry.id,
        )
    )
    return tuple(
        InjectionEntry(
            product_code=row.product_code,
            form=row.form,
            concentration_percent=row.concentration_percent,
            liquid_ml=row.liquid_ml,
            gas=row.gas,
            gas_ml=row.gas_ml,
        )
        for row in stored
    )


def clinic_day(clinic: Clinic, now: dt.datetime) -> dt.date:
    """The calendar day in the clinic at an instant."""
    return now.astimezone(ZoneInfo(clinic.time_zone)).date()

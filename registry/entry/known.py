"""What the registry knows when an entry arrives: read once, then checked without a database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.checks import Known
from registry.entry.clinic_settings import SHORTEST_INTERVAL, settings_on
from registry.entry.forms import (
    Entry,
    InjectionEntry,
    OverrideEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
)
from registry.entry.safety import Answer, History, Reaction
from registry.entry.same_person import linked_ids
from registry.errors import NotFound
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    Clinic,
    Clinician,
    Course,
    FollowUp,
    Injection,
    Lot,
    Patient,
    RiskFact,
    SafetyOverride,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import Causality, Modality


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
        raise NotFound(message("There is no such patient in this clinic. Nothing was stored."))
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
    clinicians = db.scalars(sa.select(Clinician.id).where(Clinician.clinic_id == clinic_id))
    known = Known(
        today=today,
        jurisdiction=clinic.jurisdiction,
        birth_year=patient.birth_year,
        died_on=patient.died_on,
        sessions={row.id: row.treated_on for row in sessions},
        sites={row.id: row.treatment_session_id for row in sites},
        clinician_ids=frozenset(clinicians),
        courses=courses,
        events=events,
    )
    return (
        _for_session(db, clinic_id, entry, patient, person, known)
        if isinstance(entry, SessionEntry)
        else known
    )


def _for_session(
    db: DbSession,
    clinic_id: int,
    entry: SessionEntry,
    patient: Patient,
    person: Collection[UUID],
    known: Known,
) -> Known:
    """What only a session must agree with, added to what is known."""
    numbers = {i.lot_number for i in entry.all_injections() if i.lot_number}
    lots = db.scalars(
        sa.select(Lot).where(Lot.clinic_id == clinic_id, Lot.lot_number.in_(numbers))
    ).all()
    injected_on = db.scalar(
        sa.select(sa.func.max(TreatmentSession.treated_on)).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id.in_(person),
            TreatmentSession.modality == Modality.SCLEROTHERAPY,
            TreatmentSession.treated_on < entry.treated_on,
            TreatmentSession.id != entry.id,
            TreatmentSession.voided_at.is_(None),
        )
    )
    history = History(
        answers=answers_of(db, clinic_id, person),
        reactions=_reactions(db, clinic_id, person, entry.id),
        injected_on=injected_on,
        shortest_interval_days=settings_on(db, clinic_id, entry.treated_on)[SHORTEST_INTERVAL],
        sex=patient.sex,
    )
    return replace(
        known,
        lots={(lot.product_code, lot.lot_number): lot.expires_on for lot in lots},
        recalled={
            (lot.product_code, lot.lot_number): lot.recalled_on
            for lot in lots
            if lot.recalled_on is not None
        },
        same_day=_injected_that_day(db, clinic_id, entry, person),
        followed_on=_followed_on(db, clinic_id, entry),
        history=history,
        stored=_stored(db, clinic_id, entry.id),
    )


def answers_of(db: DbSession, clinic_id: int, person: Collection[UUID]) -> tuple[Answer, ...]:
    """All answers of one person, under whichever pseudonym, in the order they were given."""
    rows = db.execute(
        sa.select(
            RiskFact.condition_code,
            RiskFact.answer,
            RiskFact.answered_on,
            RiskFact.sclerosant_code,
        )
        .where(
            RiskFact.clinic_id == clinic_id,
            RiskFact.patient_id.in_(person),
            RiskFact.voided_at.is_(None),
        )
        .order_by(RiskFact.answered_on, RiskFact.recorded_at, RiskFact.id)
    )
    return tuple(Answer(*row) for row in rows)


def _reactions(
    db: DbSession, clinic_id: int, person: Collection[UUID], session_id: UUID
) -> tuple[Reaction, ...]:
    """Events that may come from what was injected, other than those of the session itself."""
    events = db.scalars(
        sa.select(AdverseEvent).where(
            AdverseEvent.clinic_id == clinic_id,
            AdverseEvent.patient_id.in_(person),
            AdverseEvent.voided_at.is_(None),
            sa.or_(
                AdverseEvent.causality.is_(None),
                AdverseEvent.causality.not_in([Causality.UNLIKELY, Causality.UNRELATED]),
            ),
            sa.or_(
                AdverseEvent.treatment_session_id.is_(None),
                AdverseEvent.treatment_session_id != session_id,
            ),
        )
    ).all()
    if not events:
        return ()
    given = db.execute(
        sa.select(Injection.treatment_session_id, Injection.product_code, Injection.form).where(
            Injection.clinic_id == clinic_id,
            Injection.treatment_session_id.in_({event.treatment_session_id for event in events}),
            Injection.voided_at.is_(None),
        )
    ).all()
    products = catalogue().products
    return tuple(
        Reaction(event.event_term_code, event.onset_on)
        if event.treatment_session_id is None
        else Reaction(
            event.event_term_code,
            event.onset_on,
            frozenset(
                products[row.product_code].sclerosant_code
                for row in given
                if row.treatment_session_id == event.treatment_session_id
            ),
            frozenset(
                row.form for row in given if row.treatment_session_id == event.treatment_session_id
            ),
        )
        for event in events
    )


def _stored(db: DbSession, clinic_id: int, session_id: UUID) -> SessionEntry | None:
    """What the rules look at in the session as it stands; None when there is none yet."""
    session = db.get(TreatmentSession, (clinic_id, session_id))
    if session is None:
        return None

    def parts(model: Any) -> list[Any]:
        return list(
            db.scalars(
                sa.select(model).where(
                    model.clinic_id == clinic_id,
                    model.treatment_session_id == session_id,
                    model.voided_at.is_(None),
                )
            )
        )

    injections = parts(Injection)
    lots = {
        lot.id: lot
        for lot in db.scalars(
            sa.select(Lot).where(
                Lot.clinic_id == clinic_id, Lot.id.in_({row.lot_id for row in injections})
            )
        )
    }

    def injected(site_id: UUID | None) -> tuple[InjectionEntry, ...]:
        return tuple(
            _injection(row, lots.get(row.lot_id))
            for row in injections
            if row.treated_site_id == site_id
        )

    return SessionEntry(
        id=session.id,
        patient_id=session.patient_id,
        treated_on=session.treated_on,
        modality=session.modality,
        weight_kg=session.weight_kg,
        sites=tuple(
            SiteEntry(
                side=site.side,
                anatomy_code=site.anatomy_code,
                vessel_class=site.vessel_class,
                diameter_mm=site.diameter_mm,
                injections=injected(site.id),
            )
            for site in parts(TreatedSite)
        ),
        injections=injected(None),
        overrides=tuple(
            OverrideEntry(
                rule=row.rule,
                reason=row.reason,
                reason_text=row.reason_text,
                catalogue_version=row.catalogue_version,
            )
            for row in parts(SafetyOverride)
        ),
    )


def _injection(row: Injection, lot: Lot | None = None) -> InjectionEntry:
    return InjectionEntry(
        product_code=row.product_code,
        form=row.form,
        concentration_percent=row.concentration_percent,
        liquid_ml=row.liquid_ml,
        lot_number=lot.lot_number if lot else None,
        expires_on=lot.expires_on if lot else None,
        gas=row.gas,
        gas_ml=row.gas_ml,
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
    return tuple(_injection(row) for row in stored)


def clinic_day(clinic: Clinic, now: dt.datetime) -> dt.date:
    """The calendar day in the clinic at an instant."""
    return now.astimezone(ZoneInfo(clinic.time_zone)).date()

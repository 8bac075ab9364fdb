"""Which patients are one person."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from registry.database import DbSession
from registry.schema import PatientLink


def linked_ids(db: DbSession, clinic_id: int, patient_id: UUID) -> tuple[UUID, ...]:
    """All patients that are one person with this one: the kept one first, then its duplicates.

    A patient who is linked with nobody stands alone.
    """
    standing = (PatientLink.clinic_id == clinic_id, PatientLink.voided_at.is_(None))
    kept = (
        db.scalar(
            sa.select(PatientLink.same_as_id).where(*standing, PatientLink.patient_id == patient_id)
        )
        or patient_id
    )
    duplicates = db.scalars(
        sa.select(PatientLink.patient_id)
        .where(*standing, PatientLink.same_as_id == kept)
        .order_by(PatientLink.recorded_at, PatientLink.id)
    )
    return (kept, *duplicates)


def kept_under(db: DbSession, clinic_id: int) -> dict[UUID, UUID]:
    """The patient under whom each duplicate of a clinic is kept."""
    rows = db.execute(
        sa.select(PatientLink.patient_id, PatientLink.same_as_id).where(
            PatientLink.clinic_id == clinic_id, PatientLink.voided_at.is_(None)
        )
    )
    return {row.patient_id: row.same_as_id for row in rows}

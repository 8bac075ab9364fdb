"""The sessions of a clinic that stand: neither they nor their patients were withdrawn."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from registry.analysis.columns import as_days
from registry.database import DbSession
from registry.schema import Patient, TreatmentSession


def valid_sessions(
    clinic_id: int, *columns: sa.SQLColumnExpression[Any]
) -> sa.Select[tuple[Any, ...]]:
    """``columns`` of each valid session of the clinic and of its patient."""
    return (
        sa.select(*columns)
        .select_from(TreatmentSession)
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
        )
    )


def newest_first(db: DbSession) -> tuple[sa.ColumnElement[Any], ...]:
    """How sessions are listed; by a computed day, as SQLite would walk all in its index's order."""
    return (
        as_days(TreatmentSession.treated_on, db).desc(),
        TreatmentSession.recorded_at.desc(),
        TreatmentSession.id.asc(),
    )

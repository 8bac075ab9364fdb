"""How a leg is judged as a whole, and what the patient reports."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, Quantity, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import CeapClass, Laterality


def _item(label: str) -> Mapped[int | None]:
    return field(
        label, f"rVCSS item: {label.lower()}; blank is not assessed.", between=(0, 3), unit="0-3"
    )


class LimbAssessment(Record, Base):
    """Clinical class and revised Venous Clinical Severity Score of one leg on one day."""

    __tablename__ = "limb_assessment"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        sa.Index(
            "uq_limb_assessment_day",
            "clinic_id",
            "patient_id",
            "side",
            "assessed_on",
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        ),
    )

    patient_id: Mapped[UUID] = field("Patient", "Whose leg it is.")
    side: Mapped[Laterality] = field("Side", "Which leg.")
    assessed_on: Mapped[dt.date] = field("Assessed on", "Day of the assessment.")
    ceap: Mapped[CeapClass | None] = field(
        "CEAP class", "Clinical class (CEAP 2020); blank is not assessed."
    )
    pain: Mapped[int | None] = _item("Pain")
    varicose_veins: Mapped[int | None] = _item("Varicose veins")
    oedema: Mapped[int | None] = _item("Venous oedema")
    pigmentation: Mapped[int | None] = _item("Skin pigmentation")
    inflammation: Mapped[int | None] = _item("Inflammation")
    induration: Mapped[int | None] = _item("Induration")
    ulcer_count: Mapped[int | None] = _item("Active ulcers, number")
    ulcer_duration: Mapped[int | None] = _item("Active ulcers, duration")
    ulcer_size: Mapped[int | None] = _item("Active ulcers, size")
    compression_use: Mapped[int | None] = _item("Use of compression therapy")


class PatientReportedOutcome(Record, Base):
    """One answer of the patient on one item of an instrument on one day."""

    __tablename__ = "patient_reported_outcome"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("follow_up_id", "follow_up"),
        sa.Index(
            "uq_patient_reported_outcome_day",
            "clinic_id",
            "patient_id",
            "answered_on",
            "item_code",
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        ),
    )

    patient_id: Mapped[UUID] = field("Patient", "Who answered.")
    follow_up_id: Mapped[UUID | None] = field(
        "Follow-up", "Visit of the answer; blank is before treatment or between visits."
    )
    answered_on: Mapped[dt.date] = field("Answered on", "Day of the answer.")
    item_code: Mapped[str] = field(
        "Item",
        "What was asked, in which scale.",
        sa.String(64),
        sa.ForeignKey("instrument_item.code"),
    )
    score: Mapped[Decimal] = field(
        "Score", "Answer on the scale of the item.", Quantity(6, 2), between=(-1000, 1000)
    )

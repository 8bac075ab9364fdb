"""What makes a needle riskier for one patient, and the warnings that were overridden."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import FactAnswer, OverrideReason


class RiskFact(Record, Base):
    """A dated answer about one condition of one patient; the latest answer stands.

    Without a row the question was not asked, which is never "no".
    """

    __tablename__ = "risk_fact"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        sa.Index("ix_risk_fact_patient", "clinic_id", "patient_id", "condition_code"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Whose answer it is.")
    condition_code: Mapped[str] = field(
        "Condition", "What was asked about.", sa.String(64), sa.ForeignKey("condition.code")
    )
    sclerosant_code: Mapped[str | None] = field(
        "Sclerosant",
        "Agent the answer is about, for allergies; blank is any.",
        sa.String(64),
        sa.ForeignKey("sclerosant.code"),
    )
    answer: Mapped[FactAnswer] = field("Answer", "Yes or no.")
    answered_on: Mapped[dt.date] = field("Answered on", "Day of the answer.")
    note: Mapped[str | None] = field(
        "Note", "Free text; never exported by default.", sa.String(500)
    )


class SafetyOverride(Record, Base):
    """A warning that was shown before a session was stored, and why it was overridden."""

    __tablename__ = "safety_override"
    __table_args__ = (
        within_clinic("treatment_session_id", "treatment_session"),
        sa.UniqueConstraint("clinic_id", "treatment_session_id", "rule"),
    )

    treatment_session_id: Mapped[UUID] = field(
        "Treatment session", "Session that the warning was about."
    )
    rule: Mapped[str] = field("Rule", "Rule that warned, as a code.", sa.String(160))
    catalogue_version: Mapped[str] = field(
        "Catalogue version", "Version of the catalogue that held the rule.", sa.String(40)
    )
    reason: Mapped[OverrideReason] = field("Reason", "Why it was overridden.")
    reason_text: Mapped[str | None] = field(
        "Reason in words", "Free text; never exported by default.", sa.String(500)
    )

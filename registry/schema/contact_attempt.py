"""Attempts to reach a patient who is due for follow-up."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import ContactMethod, ContactOutcome


class ContactAttempt(Record, Base):
    """One call, message or letter about one planned visit, and what came of it."""

    __tablename__ = "contact_attempt"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("follow_up_id", "follow_up"),
        sa.Index("ix_contact_attempt_follow_up", "clinic_id", "follow_up_id"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Whom the clinic tried to reach.")
    follow_up_id: Mapped[UUID] = field("Follow-up", "Visit it was about.")
    attempted_on: Mapped[dt.date] = field("Attempted on", "Day of the attempt.")
    method: Mapped[ContactMethod] = field("Method", "How.")
    outcome: Mapped[ContactOutcome] = field("Outcome", "What came of it.")
    note: Mapped[str | None] = field(
        "Note", "Free text; never exported by default.", sa.String(500)
    )

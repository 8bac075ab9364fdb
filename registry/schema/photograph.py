"""Photographs of legs, stored without what a camera writes into its files."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import Laterality, PhotoView


class Photograph(Record, Base):
    """One photograph: whose leg, from where, on which day and with which consent."""

    __tablename__ = "photograph"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("treatment_session_id", "treatment_session"),
        within_clinic("follow_up_id", "follow_up"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "content_digest"],
            ["photograph_content.clinic_id", "photograph_content.digest"],
        ),
        sa.Index("ix_photograph_patient", "clinic_id", "patient_id", "taken_on"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Whose leg it shows.")
    treatment_session_id: Mapped[UUID | None] = field(
        "Treatment session", "Session at which it was taken."
    )
    follow_up_id: Mapped[UUID | None] = field("Follow-up", "Visit at which it was taken.")
    taken_on: Mapped[dt.date] = field("Taken on", "Day on which it was taken.")
    side: Mapped[Laterality] = field("Side", "Which leg.")
    view: Mapped[PhotoView] = field("View", "From where.")
    anatomy_code: Mapped[str | None] = field(
        "Site", "Region or vein, for a close view.", sa.String(64), sa.ForeignKey("anatomy.code")
    )
    consent_version: Mapped[str] = field(
        "Consent version", "Consent under which it was taken.", sa.String(40)
    )
    content_digest: Mapped[str] = field(
        "Content digest", "SHA-256 of the stored picture.", sa.String(64)
    )


class PhotographContent(Base):
    """The picture itself. Its digest stands in the audited row that refers to it."""

    __tablename__ = "photograph_content"

    clinic_id: Mapped[int] = field(
        "Clinic",
        "Clinic of the picture.",
        sa.Integer,
        sa.ForeignKey("clinic.id"),
        primary_key=True,
        autoincrement=False,
    )
    digest: Mapped[str] = field(
        "Digest", "SHA-256 of the content.", sa.String(64), primary_key=True
    )
    content: Mapped[bytes | None] = field(
        "Content", "JPEG without metadata; blank once it was erased.", sa.LargeBinary
    )

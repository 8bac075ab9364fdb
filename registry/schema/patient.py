"""Patients; who they are is kept apart from what happened to them."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import Sex, SkinType


class Patient(Record, Base):
    """A person treated in the clinic, known by a pseudonym."""

    __tablename__ = "patient"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "pseudonym"),)

    pseudonym: Mapped[str] = field(
        "Patient", "The registry's name for the patient; no part of the real name.", sa.String(32)
    )
    birth_year: Mapped[int | None] = field(
        "Birth year", "Year of birth.", between=(1880, 2199), unit="year"
    )
    sex: Mapped[Sex] = field("Sex", "Sex as recorded by the clinic.", default=Sex.UNKNOWN)
    skin_type: Mapped[SkinType | None] = field(
        "Skin type", "Fitzpatrick skin type; blank is unknown."
    )
    enrolled_on: Mapped[dt.date] = field("Enrolled on", "Day the patient entered the registry.")
    died_on: Mapped[dt.date | None] = field("Died on", "Day of death, if known.")


class PatientLink(Record, Base):
    """Two patients found to be one person. Both keep their records and identity; voiding undoes it.

    Everything that counts patients counts the linked ones once, under the one that is kept.
    """

    __tablename__ = "patient_link"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("same_as_id", "patient"),
        sa.CheckConstraint("patient_id <> same_as_id", name="two_patients"),
        sa.Index(
            "uq_patient_link_patient",
            "clinic_id",
            "patient_id",
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        ),
    )

    patient_id: Mapped[UUID] = field("Patient", "The duplicate.")
    same_as_id: Mapped[UUID] = field("Same as", "The patient under whom both are counted.")


class PatientIdentity(Base):
    """Name, birth date and hospital number. Destroying the row leaves the records anonymous."""

    __tablename__ = "patient_identity"
    __table_args__ = (within_clinic("patient_id", "patient"),)

    clinic_id: Mapped[int] = field(
        "Clinic", "Clinic of the patient.", sa.Integer, primary_key=True, autoincrement=False
    )
    patient_id: Mapped[UUID] = field("Patient", "Whose identity this is.", primary_key=True)
    salt: Mapped[str] = field(
        "Salt", "Random text mixed into the digests that the audit trail keeps.", sa.String(64)
    )
    family_name: Mapped[str | None] = field("Family name", "Family name.", sa.String(120))
    given_name: Mapped[str | None] = field("Given name", "Given name.", sa.String(120))
    birth_date: Mapped[dt.date | None] = field("Birth date", "Day of birth.")
    hospital_number: Mapped[str | None] = field(
        "Hospital number", "Number in the clinic's own system.", sa.String(64)
    )

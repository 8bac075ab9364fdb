"""What was typed and not saved yet, and what a clinician uses again and again."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, Quantity, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import FoamGas, SclerosantForm


class Draft(Base):
    """A form in the middle of being filled in, for the person who fills it in and nobody else.

    A working copy, hence neither audited nor kept once the form is saved or given up.
    """

    __tablename__ = "draft"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        sa.Index("ix_draft_user", "clinic_id", "user_id", "updated_at"),
    )

    clinic_id: Mapped[int] = field(
        "Clinic",
        "Clinic of the form.",
        sa.Integer,
        sa.ForeignKey("clinic.id"),
        primary_key=True,
        autoincrement=False,
    )
    id: Mapped[UUID] = field(
        "Draft id", "Key of the request that saves the form.", primary_key=True
    )
    record_id: Mapped[UUID] = field("Record", "Record that is being made or corrected.")
    user_id: Mapped[int] = field("User", "Whose draft it is.", sa.ForeignKey("user_account.id"))
    patient_id: Mapped[UUID | None] = field("Patient", "Whom the form is about, if chosen.")
    form: Mapped[str] = field("Form", "Which form, as a code.", sa.String(40))
    content: Mapped[str] = field("Content", "Values of the fields as JSON.", sa.String(60_000))
    base_version: Mapped[int | None] = field(
        "Base version", "Version of the stored record that is being corrected.", sa.Integer
    )
    updated_at: Mapped[dt.datetime] = field("Updated at", "Instant of the last change (UTC).")


class Favourite(Record, Base):
    """A preparation that one person draws up again and again, offered on the session form."""

    __tablename__ = "favourite"
    __table_args__ = (sa.Index("ix_favourite_user", "clinic_id", "user_id"),)

    user_id: Mapped[int] = field("User", "Whose favourite it is.", sa.ForeignKey("user_account.id"))
    label: Mapped[str] = field("Name", "What the person calls it.", sa.String(60))
    product_code: Mapped[str] = field(
        "Product", "What is drawn up.", sa.String(64), sa.ForeignKey("product.code")
    )
    form: Mapped[SclerosantForm] = field("Form", "Liquid or foam.")
    concentration_percent: Mapped[Decimal | None] = field(
        "Concentration", "Strength.", Quantity(5, 2), between=(0.01, 100), unit="%"
    )
    gas: Mapped[FoamGas | None] = field("Gas", "Gas of the foam.")
    gas_parts: Mapped[Decimal | None] = field(
        "Gas per liquid",
        "Parts of gas to one part of liquid.",
        Quantity(4, 1),
        between=(0.1, 20),
    )

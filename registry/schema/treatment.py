"""Courses, treatment sessions, treated sites and injections."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, Quantity, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import (
    CompressionClass,
    FoamGas,
    Guidance,
    Indication,
    Laterality,
    Modality,
    SclerosantForm,
    SessionIntent,
    VesselClass,
)


class Course(Record, Base):
    """A plan of one or more sessions for one problem."""

    __tablename__ = "course"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        sa.Index("ix_course_patient", "clinic_id", "patient_id"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Whose course it is.")
    opened_on: Mapped[dt.date] = field("Opened on", "Day the course was planned.")
    indication: Mapped[Indication | None] = field(
        "Indication", "Cosmetic, symptomatic or both; blank is not recorded."
    )
    planned_sessions: Mapped[int | None] = field(
        "Planned sessions", "Number of sessions planned.", between=(1, 50)
    )
    payer: Mapped[str | None] = field("Payer", "Who pays, in the clinic's words.", sa.String(80))


class TreatmentSession(Record, Base):
    """One visit at which veins were treated: the denominator "per session"."""

    __tablename__ = "treatment_session"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("course_id", "course"),
        within_clinic("clinician_id", "clinician"),
        sa.CheckConstraint(
            "(cost_amount IS NULL) = (cost_currency IS NULL)", name="cost_has_currency"
        ),
        sa.CheckConstraint(
            "compression_days IS NULL OR compression_class IS NOT NULL", name="days_need_class"
        ),
        sa.Index("ix_treatment_session_patient", "clinic_id", "patient_id", "treated_on"),
        sa.Index("ix_treatment_session_day", "clinic_id", "treated_on"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Who was treated.")
    course_id: Mapped[UUID | None] = field("Course", "Course the session belongs to.")
    clinician_id: Mapped[int | None] = field("Clinician", "Who treated.", sa.Integer)
    treated_on: Mapped[dt.date] = field("Treated on", "Day of the visit in the clinic's calendar.")
    modality: Mapped[Modality] = field(
        "Modality", "How the veins were treated.", default=Modality.SCLEROTHERAPY
    )
    intent: Mapped[SessionIntent | None] = field(
        "Intent", "Why the session took place; blank is not recorded."
    )
    weight_kg: Mapped[Decimal | None] = field(
        "Body weight",
        "Weight on the day, for limits by weight; blank is not recorded.",
        Quantity(5, 1),
        between=(2, 400),
        unit="kg",
    )
    guidance: Mapped[Guidance | None] = field(
        "Guidance", "How the needle was guided; blank is not recorded."
    )
    pain: Mapped[int | None] = field(
        "Pain", "Worst pain at injection as the patient rated it.", between=(0, 10), unit="0-10"
    )
    compression_class: Mapped[CompressionClass | None] = field(
        "Compression", "Compression advised; blank is not recorded."
    )
    compression_days: Mapped[int | None] = field(
        "Compression days", "Days of compression advised.", between=(0, 365), unit="days"
    )
    consent_version: Mapped[str | None] = field(
        "Consent version", "Version of the consent form signed for this session.", sa.String(40)
    )
    cost_amount: Mapped[Decimal | None] = field(
        "Cost", "Amount charged for the session.", Quantity(12, 2), between=(0, 9_999_999)
    )
    cost_currency: Mapped[str | None] = field("Currency", "ISO 4217 code.", sa.String(3))
    note: Mapped[str | None] = field(
        "Note", "Free text; never exported by default.", sa.String(2000)
    )


class TreatedSite(Record, Base):
    """One region or named vein of one leg, treated in one session.

    The site keeps its identity across sessions: patient, side and anatomy code.
    """

    __tablename__ = "treated_site"
    __table_args__ = (
        within_clinic("treatment_session_id", "treatment_session"),
        within_clinic("patient_id", "patient"),
        sa.Index("ix_treated_site_session", "clinic_id", "treatment_session_id"),
        sa.Index("ix_treated_site_key", "clinic_id", "patient_id", "side", "anatomy_code"),
    )

    treatment_session_id: Mapped[UUID] = field("Treatment session", "Session of the treatment.")
    patient_id: Mapped[UUID] = field("Patient", "Who was treated.")
    side: Mapped[Laterality] = field("Side", "Which leg.")
    anatomy_code: Mapped[str] = field(
        "Site", "Region or vein.", sa.String(64), sa.ForeignKey("anatomy.code")
    )
    vessel_class: Mapped[VesselClass | None] = field(
        "Vessel class", "Class of the vein; blank is not recorded."
    )
    diameter_mm: Mapped[Decimal | None] = field(
        "Diameter", "Diameter of the vein.", Quantity(4, 1), between=(0.1, 50), unit="mm"
    )
    feeder_treated: Mapped[bool | None] = field(
        "Feeder treated", "Whether the feeding vein was treated; blank is not recorded."
    )


class Lot(Record, Base):
    """A lot of one product as it stands on the clinic's shelf."""

    __tablename__ = "lot"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "product_code", "lot_number"),)

    product_code: Mapped[str] = field(
        "Product", "Product of the lot.", sa.String(64), sa.ForeignKey("product.code")
    )
    lot_number: Mapped[str] = field("Lot", "Lot number as printed.", sa.String(40))
    expires_on: Mapped[dt.date | None] = field("Expires on", "Last day of use.")
    is_compounded: Mapped[bool] = field(
        "Compounded", "Made or diluted by a pharmacy or the clinic.", default=False
    )
    recalled_on: Mapped[dt.date | None] = field(
        "Recalled on", "Day from which the maker or the clinic withdrew it; blank is not recalled."
    )


class ProductGtin(Record, Base):
    """Which product and strength the code on a pack stands for, as the clinic has said it."""

    __tablename__ = "product_gtin"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "gtin"),)

    gtin: Mapped[str] = field("GTIN", "Global trade item number, 14 digits.", sa.String(14))
    product_code: Mapped[str] = field(
        "Product", "What is in the pack.", sa.String(64), sa.ForeignKey("product.code")
    )
    concentration_percent: Mapped[Decimal | None] = field(
        "Concentration",
        "Strength in the pack; blank is not recorded.",
        Quantity(5, 2),
        between=(0.01, 100),
        unit="%",
    )


class Injection(Record, Base):
    """What was injected: product, lot, strength, form and volume, on a site or in the session."""

    __tablename__ = "injection"
    __table_args__ = (
        within_clinic("treatment_session_id", "treatment_session"),
        within_clinic("treated_site_id", "treated_site"),
        within_clinic("lot_id", "lot"),
        sa.CheckConstraint("gas IS NULL OR form = 'foam'", name="gas_needs_foam"),
        sa.CheckConstraint("gas_ml IS NULL OR form = 'foam'", name="gas_volume_needs_foam"),
        sa.Index("ix_injection_session", "clinic_id", "treatment_session_id"),
        sa.Index("ix_injection_lot", "clinic_id", "lot_id"),
    )

    treatment_session_id: Mapped[UUID] = field("Treatment session", "Session of the injection.")
    treated_site_id: Mapped[UUID | None] = field(
        "Treated site", "Where; blank when only the session is known."
    )
    product_code: Mapped[str] = field(
        "Product", "What was injected.", sa.String(64), sa.ForeignKey("product.code")
    )
    lot_id: Mapped[UUID | None] = field("Lot", "Lot injected; blank is not recorded.")
    form: Mapped[SclerosantForm] = field("Form", "Liquid or foam.")
    concentration_percent: Mapped[Decimal | None] = field(
        "Concentration",
        "Strength injected; blank is not recorded.",
        Quantity(5, 2),
        between=(0.01, 100),
        unit="%",
    )
    liquid_ml: Mapped[Decimal | None] = field(
        "Liquid volume",
        "Volume of drug solution, before any gas; blank is not recorded.",
        Quantity(6, 2),
        between=(0.01, 100),
        unit="mL",
    )
    gas: Mapped[FoamGas | None] = field("Gas", "Gas of the foam; blank is not recorded.")
    gas_ml: Mapped[Decimal | None] = field(
        "Gas volume", "Volume of gas mixed in.", Quantity(6, 2), between=(0.01, 400), unit="mL"
    )

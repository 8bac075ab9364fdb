"""Adverse events: any untoward occurrence after treatment, related to it or not (ICH E2A)."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import Causality, Detection, EventOutcome, Expectedness, Severity


def _criterion(label: str) -> Mapped[bool]:
    return field(label, f"Seriousness criterion (ICH E2A): {label.lower()}.", default=False)


class AdverseEvent(Record, Base):
    """One event of one patient, attributed to at most one session.

    Severity is intensity; seriousness is one of six criteria. The recorded attribution stands; what
    the program computes is only proposed.
    """

    __tablename__ = "adverse_event"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("treatment_session_id", "treatment_session"),
        within_clinic("treated_site_id", "treated_site"),
        sa.CheckConstraint(
            "resolved_on IS NULL OR resolved_on >= onset_on", name="resolved_after_onset"
        ),
        sa.CheckConstraint(
            "treated_site_id IS NULL OR treatment_session_id IS NOT NULL", name="site_needs_session"
        ),
        sa.CheckConstraint("NOT criterion_death OR event_outcome = 'fatal'", name="death_is_fatal"),
        sa.Index("ix_adverse_event_session", "clinic_id", "treatment_session_id"),
        sa.Index("ix_adverse_event_patient", "clinic_id", "patient_id"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Who had the event.")
    treatment_session_id: Mapped[UUID | None] = field(
        "Treatment session", "Session the event is attributed to; blank is none."
    )
    treated_site_id: Mapped[UUID | None] = field("Treated site", "Site the event is attributed to.")
    event_term_code: Mapped[str] = field(
        "Event", "What happened.", sa.String(64), sa.ForeignKey("event_term.code")
    )
    onset_on: Mapped[dt.date] = field("Onset on", "Day the event began.")
    reported_on: Mapped[dt.date] = field("Reported on", "Day the clinic became aware.")
    resolved_on: Mapped[dt.date | None] = field(
        "Resolved on", "Day the event ended; blank is ongoing."
    )
    severity: Mapped[Severity | None] = field("Severity", "Intensity; blank is not recorded.")
    causality: Mapped[Causality | None] = field(
        "Relationship to treatment", "Judged causality; blank is not judged and counts."
    )
    expectedness: Mapped[Expectedness | None] = field(
        "Expectedness", "Whether the product information lists it; blank is not judged."
    )
    detection: Mapped[Detection | None] = field(
        "Detected by", "How it came to light; blank is not recorded."
    )
    event_outcome: Mapped[EventOutcome] = field(
        "Outcome", "How the event ended.", default=EventOutcome.UNKNOWN
    )
    criterion_death: Mapped[bool] = _criterion("Death")
    criterion_life_threatening: Mapped[bool] = _criterion("Life-threatening at the time")
    criterion_hospitalisation: Mapped[bool] = _criterion("Hospitalisation, begun or prolonged")
    criterion_disability: Mapped[bool] = _criterion("Persistent or significant disability")
    criterion_congenital_anomaly: Mapped[bool] = _criterion("Congenital anomaly")
    criterion_medically_important: Mapped[bool] = _criterion("Medically important")
    treatment_given: Mapped[str | None] = field(
        "Treatment given", "What was done about it; never exported by default.", sa.String(500)
    )
    narrative: Mapped[str | None] = field(
        "Narrative", "What happened, in words; never exported by default.", sa.String(4000)
    )

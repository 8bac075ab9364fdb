"""Follow-up: what was looked for, what was found, and how the treated sites did."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, Quantity, field
from registry.schema.record import Record, within_clinic
from registry.vocabulary import (
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    Occlusion,
    SiteFinding,
)


class FollowUp(Record, Base):
    """A visit or call after treatment, planned or held.

    The checklist says what was looked for: an item without a finding was looked for and absent. A
    visit without a checklist looked for nothing.
    """

    __tablename__ = "follow_up"
    __table_args__ = (
        within_clinic("patient_id", "patient"),
        within_clinic("treatment_session_id", "treatment_session"),
        sa.ForeignKeyConstraint(
            ["checklist_code", "checklist_version"], ["checklist.code", "checklist.version"]
        ),
        sa.CheckConstraint("(status = 'seen') = (seen_on IS NOT NULL)", name="seen_has_day"),
        sa.CheckConstraint("due_on IS NOT NULL OR seen_on IS NOT NULL", name="due_or_seen"),
        sa.CheckConstraint(
            "(checklist_code IS NULL) = (checklist_version IS NULL)", name="checklist_has_version"
        ),
        sa.CheckConstraint(
            "checklist_code IS NULL OR status = 'seen'", name="checklist_needs_visit"
        ),
        sa.Index("ix_follow_up_patient", "clinic_id", "patient_id", "seen_on"),
        sa.Index("ix_follow_up_due", "clinic_id", "status", "due_on"),
        sa.Index("ix_follow_up_session", "clinic_id", "treatment_session_id"),
    )

    patient_id: Mapped[UUID] = field("Patient", "Who was followed up.")
    treatment_session_id: Mapped[UUID | None] = field(
        "Treatment session", "Session that the visit follows."
    )
    visit_code: Mapped[str | None] = field(
        "Visit", "Place in the follow-up schedule; blank is unscheduled.", sa.String(64)
    )
    due_on: Mapped[dt.date | None] = field("Due on", "Day the visit is due.")
    status: Mapped[FollowUpStatus] = field("Status", "What became of the visit.")
    seen_on: Mapped[dt.date | None] = field("Seen on", "Day of the visit or call.")
    method: Mapped[FollowUpMethod | None] = field("Method", "How; blank is not recorded.")
    checklist_code: Mapped[str | None] = field(
        "Checklist", "Which events were looked for.", sa.String(64)
    )
    checklist_version: Mapped[int | None] = field(
        "Checklist version", "Version of that list.", sa.Integer
    )
    days_to_normal: Mapped[int | None] = field(
        "Days to normal activities", "Days until normal activities.", between=(0, 365), unit="days"
    )
    note: Mapped[str | None] = field(
        "Note", "Free text; never exported by default.", sa.String(2000)
    )


class FollowUpFinding(Record, Base):
    """An item of the checklist that was present, or that could not be assessed."""

    __tablename__ = "follow_up_finding"
    __table_args__ = (
        within_clinic("follow_up_id", "follow_up"),
        within_clinic("adverse_event_id", "adverse_event"),
        sa.UniqueConstraint("clinic_id", "follow_up_id", "event_term_code"),
        sa.CheckConstraint(
            "adverse_event_id IS NULL OR state = 'present'", name="event_needs_presence"
        ),
    )

    follow_up_id: Mapped[UUID] = field("Follow-up", "Visit of the finding.")
    event_term_code: Mapped[str] = field(
        "Event", "Item of the checklist.", sa.String(64), sa.ForeignKey("event_term.code")
    )
    state: Mapped[FindingState] = field("State", "Present or not assessed.")
    adverse_event_id: Mapped[UUID | None] = field(
        "Adverse event", "The event that the finding belongs to."
    )


class SiteOutcome(Record, Base):
    """How one treated site looked at one follow-up."""

    __tablename__ = "site_outcome"
    __table_args__ = (
        within_clinic("follow_up_id", "follow_up"),
        within_clinic("patient_id", "patient"),
        sa.UniqueConstraint("clinic_id", "follow_up_id", "side", "anatomy_code"),
        sa.CheckConstraint("(score IS NULL) = (scale_code IS NULL)", name="score_has_scale"),
        sa.Index("ix_site_outcome_key", "clinic_id", "patient_id", "side", "anatomy_code"),
    )

    follow_up_id: Mapped[UUID] = field("Follow-up", "Visit of the outcome.")
    patient_id: Mapped[UUID] = field("Patient", "Whose site it is.")
    side: Mapped[Laterality] = field("Side", "Which leg.")
    anatomy_code: Mapped[str] = field(
        "Site", "Region or vein.", sa.String(64), sa.ForeignKey("anatomy.code")
    )
    finding: Mapped[SiteFinding] = field("Finding", "What the site showed.")
    scale_code: Mapped[str | None] = field(
        "Scale", "Scale of the score.", sa.String(64), sa.ForeignKey("scale.code")
    )
    score: Mapped[Decimal | None] = field(
        "Score", "Score on that scale.", Quantity(6, 2), between=(-1000, 1000)
    )
    occlusion: Mapped[Occlusion | None] = field(
        "Occlusion", "Duplex finding; blank is not recorded."
    )

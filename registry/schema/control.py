"""What changed in a clinic, told on its charts, and reports that are kept as they were."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field
from registry.schema.record import Record


class ChangePoint(Record, Base):
    """A change in how the clinic works, from a day on; charts begin new limits there if told to."""

    __tablename__ = "change_point"
    __table_args__ = (sa.Index("ix_change_point_day", "clinic_id", "changed_on"),)

    changed_on: Mapped[dt.date] = field("Changed on", "First day of the new way.")
    what: Mapped[str] = field(
        "What changed", "In a few words, for example a new foam gas.", sa.String(200)
    )
    begins_limits: Mapped[bool] = field(
        "Begins new limits", "Whether control limits are computed anew from that day.", default=True
    )


class ReportingPeriod(Record, Base):
    """The reports of a period as they stood on the day they were frozen."""

    __tablename__ = "reporting_period"
    __table_args__ = (
        sa.UniqueConstraint("clinic_id", "name"),
        sa.CheckConstraint("first_day <= last_day", name="days_in_order"),
    )

    name: Mapped[str] = field("Period", "What the clinic calls it.", sa.String(80))
    first_day: Mapped[dt.date] = field("First day", "First treatment day of the period.")
    last_day: Mapped[dt.date] = field("Last day", "Last treatment day of the period.")
    data_as_of: Mapped[dt.date] = field("Data as of", "Day on which it was frozen.")
    seal_seq: Mapped[int] = field(
        "Data version", "Seal of the data it was computed from.", sa.Integer
    )
    content: Mapped[str] = field("Content", "The results as JSON.", sa.Text)
    content_digest: Mapped[str] = field("Content digest", "SHA-256 of the content.", sa.String(64))

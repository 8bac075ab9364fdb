"""What a clinic decides for itself where the catalogue leaves a choice."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, Quantity, field
from registry.schema.record import Record


class ClinicSetting(Record, Base):
    """A number the clinic has set, from a day on; the latest one valid on a day holds that day."""

    __tablename__ = "clinic_setting"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "code", "valid_from"),)

    code: Mapped[str] = field("Setting", "What is set, as a code.", sa.String(80))
    value: Mapped[Decimal | None] = field(
        "Value",
        "The number; blank returns to the catalogue's default.",
        Quantity(14, 4),
        between=(-1_000_000_000, 1_000_000_000),
    )
    valid_from: Mapped[dt.date] = field("Valid from", "First day on which it holds.")

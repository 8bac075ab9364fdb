"""What every clinical record has in common."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr

from registry.database import field


class Record:
    """A clinical record: keyed within its clinic, versioned, voided but never deleted."""

    @declared_attr
    def clinic_id(cls) -> Mapped[int]:  # noqa: N805
        """Clinic that owns the record."""
        return field(
            "Clinic",
            "Clinic that owns the record; part of every key.",
            sa.Integer,
            sa.ForeignKey("clinic.id"),
            primary_key=True,
            autoincrement=False,
        )

    @declared_attr
    def id(cls) -> Mapped[UUID]:  # noqa: N805
        """Client-made identifier, unique within the clinic."""
        return field(
            "Record id",
            "Made by the form or derived from the file, so that a repeated request stores nothing.",
            primary_key=True,
        )

    @declared_attr
    def version(cls) -> Mapped[int]:  # noqa: N805
        """Version, one more at each amendment."""
        return field(
            "Version",
            "Starts at 1 and grows by one with each amendment.",
            sa.Integer,
            between=(1, 1_000_000),
            default=1,
        )

    @declared_attr
    def recorded_at(cls) -> Mapped[dt.datetime]:  # noqa: N805
        """When the record was first stored."""
        return field("Recorded at", "Instant at which the record was first stored (UTC).")

    @declared_attr
    def voided_at(cls) -> Mapped[dt.datetime | None]:  # noqa: N805
        """When the record was withdrawn."""
        return field(
            "Voided at",
            "Instant at which the record was withdrawn (UTC); its change set holds the reason.",
        )


def within_clinic(column: str, table: str) -> sa.ForeignKeyConstraint:
    """A reference from ``column`` to a record of ``table`` in the same clinic."""
    return sa.ForeignKeyConstraint(["clinic_id", column], [f"{table}.clinic_id", f"{table}.id"])

"""The audit trail: change sets, the rows they changed, and the seals that chain them."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class ChangeSet(Base):
    """One transaction: who, when, why, and the request that asked for it."""

    __tablename__ = "change_set"
    __table_args__ = (sa.UniqueConstraint("request_key"),)

    id: Mapped[int] = field("Change set", "Running number.", BigId, primary_key=True)
    at: Mapped[dt.datetime] = field("At", "Instant at which the change began (UTC).")
    actor_id: Mapped[int | None] = field(
        "Actor", "Account that made the change; blank only for the first migration.", sa.Integer
    )
    clinic_id: Mapped[int | None] = field("Clinic", "Clinic concerned.", sa.Integer)
    origin: Mapped[str] = field("Origin", "Page, command line, import or migration.", sa.String(40))
    action: Mapped[str] = field("Action", "The use case, as a code.", sa.String(60))
    reason: Mapped[str | None] = field("Reason", "Why a stored record was changed.", sa.String(40))
    reason_text: Mapped[str | None] = field(
        "Reason in words", "The reason, in words.", sa.String(500)
    )
    request_key: Mapped[UUID | None] = field(
        "Request", "Client-made key of the request; a second use answers with the first result."
    )
    program_version: Mapped[str] = field("Program", "Version of the program.", sa.String(40))


class AuditRow(Base):
    """One changed row, written by a trigger."""

    __tablename__ = "audit_row"
    __table_args__ = (sa.Index("ix_audit_row_record", "table_name", "row_key"),)

    id: Mapped[int] = field("Audit row", "Running number.", BigId, primary_key=True)
    change_set_id: Mapped[int] = field(
        "Change set",
        "Transaction of the change.",
        BigId,
        sa.ForeignKey("change_set.id"),
        index=True,
    )
    table_name: Mapped[str] = field("Table", "Changed table.", sa.String(63))
    row_key: Mapped[str] = field("Row", "Primary key of the row as a JSON array.")
    operation: Mapped[str] = field("Operation", "insert, update or delete.", sa.String(6))
    old_values: Mapped[str | None] = field("Old values", "Row before the change, as JSON.")
    new_values: Mapped[str | None] = field("New values", "Row after the change, as JSON.")


class Seal(Base):
    """A link of the chain over all change sets; its number is the version of the data."""

    __tablename__ = "seal"

    seq: Mapped[int] = field(
        "Seal", "Place in the chain, without gaps.", BigId, primary_key=True, autoincrement=False
    )
    change_set_id: Mapped[int] = field(
        "Change set",
        "Transaction that is sealed.",
        BigId,
        sa.ForeignKey("change_set.id"),
        unique=True,
    )
    previous_hash: Mapped[str] = field("Previous", "Hash of the seal before.", sa.String(64))
    hash: Mapped[str] = field("Hash", "SHA-256 over the change set and its rows.", sa.String(64))
    baseline: Mapped[str | None] = field(
        "Baseline", "Row count and digest of each table after a migration, as JSON."
    )

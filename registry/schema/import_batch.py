"""Files that were imported."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field


class ImportBatch(Base):
    """One imported set of files; importing the same content again stores nothing."""

    __tablename__ = "import_batch"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "content_digest"),)

    id: Mapped[int] = field("Batch id", "Running number.", primary_key=True)
    clinic_id: Mapped[int] = field("Clinic", "Clinic of the records.", sa.ForeignKey("clinic.id"))
    content_digest: Mapped[str] = field(
        "Content digest", "SHA-256 over names and content of the files.", sa.String(64)
    )
    imported_at: Mapped[dt.datetime] = field("Imported at", "Instant of the import (UTC).")
    row_count: Mapped[int] = field("Rows", "Rows read.", between=(0, 1_000_000_000))

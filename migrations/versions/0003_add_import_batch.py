"""Add the list of imported files.

Follows 0002.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "import_batch",
            sa.Column("id", sa.Integer(), nullable=False, comment="Running number."),
            sa.Column("clinic_id", sa.Integer(), nullable=False, comment="Clinic of the records."),
            sa.Column(
                "content_digest",
                sa.String(length=64),
                nullable=False,
                comment="SHA-256 over names and content of the files.",
            ),
            sa.Column(
                "imported_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant of the import (UTC).",
            ),
            sa.Column("row_count", sa.Integer(), nullable=False, comment="Rows read."),
            sa.CheckConstraint(
                "length(content_digest) BETWEEN 1 AND 64",
                name=op.f("ck_import_batch_content_digest_range"),
            ),
            sa.CheckConstraint(
                "row_count BETWEEN 0 AND 1000000000", name=op.f("ck_import_batch_row_count_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_import_batch_clinic_id")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
            sa.UniqueConstraint(
                "clinic_id", "content_digest", name=op.f("uq_import_batch_clinic_id_content_digest")
            ),
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_table("import_batch")

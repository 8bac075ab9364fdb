"""Add change points and frozen reporting periods.

Follows 0006.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "change_point",
            sa.Column("changed_on", sa.Date(), nullable=False, comment="First day of the new way."),
            sa.Column(
                "what",
                sa.String(length=200),
                nullable=False,
                comment="In a few words, for example a new foam gas.",
            ),
            sa.Column(
                "begins_limits",
                sa.Boolean(),
                nullable=False,
                comment="Whether control limits are computed anew from that day.",
            ),
            sa.Column(
                "clinic_id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Clinic that owns the record; part of every key.",
            ),
            sa.Column(
                "id",
                sa.Uuid(),
                nullable=False,
                comment="Made by the form or derived from the file, so that a repeated request stores nothing.",
            ),
            sa.Column(
                "version",
                sa.Integer(),
                nullable=False,
                comment="Starts at 1 and grows by one with each amendment.",
            ),
            sa.Column(
                "recorded_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant at which the record was first stored (UTC).",
            ),
            sa.Column(
                "voided_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="Instant at which the record was withdrawn (UTC); its change set holds the reason.",
            ),
            sa.CheckConstraint(
                "changed_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_change_point_changed_on_range"),
            ),
            sa.CheckConstraint(
                "begins_limits IN (false, true)", name=op.f("ck_change_point_begins_limits_range")
            ),
            sa.CheckConstraint(
                "length(what) BETWEEN 1 AND 200", name=op.f("ck_change_point_what_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_change_point_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_change_point_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_change_point")),
        )
        op.create_index(
            "ix_change_point_day", "change_point", ["clinic_id", "changed_on"], unique=False
        )
        op.create_table(
            "reporting_period",
            sa.Column(
                "name", sa.String(length=80), nullable=False, comment="What the clinic calls it."
            ),
            sa.Column(
                "first_day", sa.Date(), nullable=False, comment="First treatment day of the period."
            ),
            sa.Column(
                "last_day", sa.Date(), nullable=False, comment="Last treatment day of the period."
            ),
            sa.Column(
                "data_as_of", sa.Date(), nullable=False, comment="Day on which it was frozen."
            ),
            sa.Column(
                "seal_seq",
                sa.Integer(),
                nullable=False,
                comment="Seal of the data it was computed from.",
            ),
            sa.Column("content", sa.Text(), nullable=False, comment="The results as JSON."),
            sa.Column(
                "content_digest",
                sa.String(length=64),
                nullable=False,
                comment="SHA-256 of the content.",
            ),
            sa.Column(
                "clinic_id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Clinic that owns the record; part of every key.",
            ),
            sa.Column(
                "id",
                sa.Uuid(),
                nullable=False,
                comment="Made by the form or derived from the file, so that a repeated request stores nothing.",
            ),
            sa.Column(
                "version",
                sa.Integer(),
                nullable=False,
                comment="Starts at 1 and grows by one with each amendment.",
            ),
            sa.Column(
                "recorded_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant at which the record was first stored (UTC).",
            ),
            sa.Column(
                "voided_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="Instant at which the record was withdrawn (UTC); its change set holds the reason.",
            ),
            sa.CheckConstraint(
                "data_as_of BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_reporting_period_data_as_of_range"),
            ),
            sa.CheckConstraint(
                "first_day BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_reporting_period_first_day_range"),
            ),
            sa.CheckConstraint(
                "last_day BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_reporting_period_last_day_range"),
            ),
            sa.CheckConstraint(
                "first_day <= last_day", name=op.f("ck_reporting_period_days_in_order")
            ),
            sa.CheckConstraint(
                "length(content_digest) BETWEEN 1 AND 64",
                name=op.f("ck_reporting_period_content_digest_range"),
            ),
            sa.CheckConstraint(
                "length(name) BETWEEN 1 AND 80", name=op.f("ck_reporting_period_name_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_reporting_period_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_reporting_period_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_reporting_period")),
            sa.UniqueConstraint(
                "clinic_id", "name", name=op.f("uq_reporting_period_clinic_id_name")
            ),
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_table("reporting_period")
        op.drop_index("ix_change_point_day", table_name="change_point")
        op.drop_table("change_point")

"""Add drafts of forms, favourite preparations and the codes on packs.

Follows 0004.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def quantity(precision: int, scale: int) -> sa.types.TypeEngine:
    return sa.Numeric(precision, scale).with_variant(sa.Float(), "sqlite")


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "draft",
            sa.Column(
                "clinic_id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Clinic of the form.",
            ),
            sa.Column(
                "id",
                sa.Uuid(),
                nullable=False,
                comment="Key of the request that saves the form.",
            ),
            sa.Column(
                "record_id",
                sa.Uuid(),
                nullable=False,
                comment="Record that is being made or corrected.",
            ),
            sa.Column("user_id", sa.Integer(), nullable=False, comment="Whose draft it is."),
            sa.Column(
                "patient_id", sa.Uuid(), nullable=True, comment="Whom the form is about, if chosen."
            ),
            sa.Column(
                "form", sa.String(length=40), nullable=False, comment="Which form, as a code."
            ),
            sa.Column(
                "content",
                sa.String(length=60000),
                nullable=False,
                comment="Values of the fields as JSON.",
            ),
            sa.Column(
                "base_version",
                sa.Integer(),
                nullable=True,
                comment="Version of the stored record that is being corrected.",
            ),
            sa.Column(
                "updated_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant of the last change (UTC).",
            ),
            sa.CheckConstraint(
                "length(content) BETWEEN 1 AND 60000", name=op.f("ck_draft_content_range")
            ),
            sa.CheckConstraint("length(form) BETWEEN 1 AND 40", name=op.f("ck_draft_form_range")),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_draft_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_draft_clinic_id")),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_draft_user_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_draft")),
        )
        op.create_index(
            "ix_draft_user", "draft", ["clinic_id", "user_id", "updated_at"], unique=False
        )
        op.create_table(
            "favourite",
            sa.Column("user_id", sa.Integer(), nullable=False, comment="Whose favourite it is."),
            sa.Column(
                "label", sa.String(length=60), nullable=False, comment="What the person calls it."
            ),
            sa.Column(
                "product_code", sa.String(length=64), nullable=False, comment="What is drawn up."
            ),
            sa.Column("form", sa.String(32), nullable=False, comment="Liquid or foam."),
            sa.Column("concentration_percent", quantity(5, 2), nullable=True, comment="Strength."),
            sa.Column("gas", sa.String(32), nullable=True, comment="Gas of the foam."),
            sa.Column(
                "gas_parts",
                quantity(4, 1),
                nullable=True,
                comment="Parts of gas to one part of liquid.",
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
            sa.CheckConstraint("form IN ('liquid', 'foam')", name=op.f("ck_favourite_form_range")),
            sa.CheckConstraint(
                "gas IN ('air', 'co2', 'o2_co2', 'proprietary')",
                name=op.f("ck_favourite_gas_range"),
            ),
            sa.CheckConstraint(
                "concentration_percent BETWEEN 0.01 AND 100",
                name=op.f("ck_favourite_concentration_percent_range"),
            ),
            sa.CheckConstraint(
                "gas_parts BETWEEN 0.1 AND 20", name=op.f("ck_favourite_gas_parts_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 60", name=op.f("ck_favourite_label_range")
            ),
            sa.CheckConstraint(
                "length(product_code) BETWEEN 1 AND 64",
                name=op.f("ck_favourite_product_code_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_favourite_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_favourite_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["product_code"], ["product.code"], name=op.f("fk_favourite_product_code")
            ),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_favourite_user_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_favourite")),
        )
        op.create_index("ix_favourite_user", "favourite", ["clinic_id", "user_id"], unique=False)
        op.create_table(
            "product_gtin",
            sa.Column(
                "gtin",
                sa.String(length=14),
                nullable=False,
                comment="Global trade item number, 14 digits.",
            ),
            sa.Column(
                "product_code",
                sa.String(length=64),
                nullable=False,
                comment="What is in the pack.",
            ),
            sa.Column(
                "concentration_percent",
                quantity(5, 2),
                nullable=True,
                comment="Strength in the pack; blank is not recorded.",
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
                "concentration_percent BETWEEN 0.01 AND 100",
                name=op.f("ck_product_gtin_concentration_percent_range"),
            ),
            sa.CheckConstraint(
                "length(gtin) BETWEEN 1 AND 14", name=op.f("ck_product_gtin_gtin_range")
            ),
            sa.CheckConstraint(
                "length(product_code) BETWEEN 1 AND 64",
                name=op.f("ck_product_gtin_product_code_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_product_gtin_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_product_gtin_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["product_code"], ["product.code"], name=op.f("fk_product_gtin_product_code")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_product_gtin")),
            sa.UniqueConstraint("clinic_id", "gtin", name=op.f("uq_product_gtin_clinic_id_gtin")),
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_table("product_gtin")
        op.drop_index("ix_favourite_user", table_name="favourite")
        op.drop_table("favourite")
        op.drop_index("ix_draft_user", table_name="draft")
        op.drop_table("draft")

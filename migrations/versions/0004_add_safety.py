"""Add risk facts, overridden warnings, clinic settings and lot recalls.

Follows 0003.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables
from registry.errors import Unfit

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def quantity(precision: int, scale: int) -> sa.types.TypeEngine:
    return sa.Numeric(precision, scale).with_variant(sa.Float(), "sqlite")


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "condition",
            sa.Column(
                "code",
                sa.String(length=64),
                nullable=False,
                comment="Catalogue code of the condition.",
            ),
            sa.Column(
                "label",
                sa.String(length=200),
                nullable=False,
                comment="English name of the condition.",
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 64", name=op.f("ck_condition_code_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_condition_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_condition")),
        )
        op.create_table(
            "clinic_setting",
            sa.Column(
                "code", sa.String(length=80), nullable=False, comment="What is set, as a code."
            ),
            sa.Column(
                "value",
                quantity(14, 4),
                nullable=True,
                comment="The number; blank returns to the catalogue's default.",
            ),
            sa.Column(
                "valid_from", sa.Date(), nullable=False, comment="First day on which it holds."
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
                "valid_from BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_clinic_setting_valid_from_range"),
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 80", name=op.f("ck_clinic_setting_code_range")
            ),
            sa.CheckConstraint(
                "value BETWEEN -1000000000 AND 1000000000",
                name=op.f("ck_clinic_setting_value_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_clinic_setting_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_clinic_setting_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_clinic_setting")),
            sa.UniqueConstraint(
                "clinic_id",
                "code",
                "valid_from",
                name=op.f("uq_clinic_setting_clinic_id_code_valid_from"),
            ),
        )
        op.create_table(
            "risk_fact",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose answer it is."),
            sa.Column(
                "condition_code",
                sa.String(length=64),
                nullable=False,
                comment="What was asked about.",
            ),
            sa.Column(
                "sclerosant_code",
                sa.String(length=64),
                nullable=True,
                comment="Agent the answer is about, for allergies; blank is any.",
            ),
            sa.Column("answer", sa.String(32), nullable=False, comment="Yes or no."),
            sa.Column("answered_on", sa.Date(), nullable=False, comment="Day of the answer."),
            sa.Column(
                "note",
                sa.String(length=500),
                nullable=True,
                comment="Free text; never exported by default.",
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
            sa.CheckConstraint("answer IN ('yes', 'no')", name=op.f("ck_risk_fact_answer_range")),
            sa.CheckConstraint(
                "answered_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_risk_fact_answered_on_range"),
            ),
            sa.CheckConstraint(
                "length(condition_code) BETWEEN 1 AND 64",
                name=op.f("ck_risk_fact_condition_code_range"),
            ),
            sa.CheckConstraint(
                "length(note) BETWEEN 1 AND 500", name=op.f("ck_risk_fact_note_range")
            ),
            sa.CheckConstraint(
                "length(sclerosant_code) BETWEEN 1 AND 64",
                name=op.f("ck_risk_fact_sclerosant_code_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_risk_fact_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_risk_fact_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_risk_fact_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["condition_code"], ["condition.code"], name=op.f("fk_risk_fact_condition_code")
            ),
            sa.ForeignKeyConstraint(
                ["sclerosant_code"], ["sclerosant.code"], name=op.f("fk_risk_fact_sclerosant_code")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_risk_fact")),
        )
        op.create_index(
            "ix_risk_fact_patient",
            "risk_fact",
            ["clinic_id", "patient_id", "condition_code"],
            unique=False,
        )
        op.create_table(
            "safety_override",
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=False,
                comment="Session that the warning was about.",
            ),
            sa.Column(
                "rule",
                sa.String(length=160),
                nullable=False,
                comment="Rule that warned, as a code.",
            ),
            sa.Column(
                "catalogue_version",
                sa.String(length=40),
                nullable=False,
                comment="Version of the catalogue that held the rule.",
            ),
            sa.Column("reason", sa.String(32), nullable=False, comment="Why it was overridden."),
            sa.Column(
                "reason_text",
                sa.String(length=500),
                nullable=True,
                comment="Free text; never exported by default.",
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
                "reason IN ('benefit_outweighs_risk', 'no_alternative', 'patient_informed', 'recorded_afterwards', 'other')",
                name=op.f("ck_safety_override_reason_range"),
            ),
            sa.CheckConstraint(
                "length(catalogue_version) BETWEEN 1 AND 40",
                name=op.f("ck_safety_override_catalogue_version_range"),
            ),
            sa.CheckConstraint(
                "length(reason_text) BETWEEN 1 AND 500",
                name=op.f("ck_safety_override_reason_text_range"),
            ),
            sa.CheckConstraint(
                "length(rule) BETWEEN 1 AND 160", name=op.f("ck_safety_override_rule_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_safety_override_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_safety_override_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_safety_override_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_safety_override")),
            sa.UniqueConstraint(
                "clinic_id",
                "treatment_session_id",
                "rule",
                name=op.f("uq_safety_override_clinic_id_treatment_session_id_rule"),
            ),
        )
        with op.batch_alter_table("lot") as lot:
            lot.add_column(
                sa.Column(
                    "recalled_on",
                    sa.Date(),
                    nullable=True,
                    comment="Day from which the maker or the clinic withdrew it; blank is not recalled.",
                )
            )
            lot.create_check_constraint(
                op.f("ck_lot_recalled_on_range"),
                "recalled_on BETWEEN '1900-01-01' AND '2199-12-31'",
            )
        op.create_index("ix_course_patient", "course", ["clinic_id", "patient_id"], unique=False)
        op.create_index(
            "ix_follow_up_session",
            "follow_up",
            ["clinic_id", "treatment_session_id"],
            unique=False,
        )


def downgrade() -> None:
    recalled = sa.text("SELECT 1 FROM lot WHERE recalled_on IS NOT NULL LIMIT 1")
    if op.get_bind().execute(recalled).first() is not None:
        raise Unfit(
            "This step would destroy stored records (recalls of lots), so it was not taken and "
            "nothing was changed. To go back to an older version, restore a backup made with it."
        )
    with altering_tables(op.get_bind()):
        op.drop_index("ix_follow_up_session", table_name="follow_up")
        op.drop_index("ix_course_patient", table_name="course")
        with op.batch_alter_table("lot") as lot:
            lot.drop_constraint(op.f("ck_lot_recalled_on_range"), type_="check")
            lot.drop_column("recalled_on")
        op.drop_table("safety_override")
        op.drop_index("ix_risk_fact_patient", table_name="risk_fact")
        op.drop_table("risk_fact")
        op.drop_table("clinic_setting")
        op.drop_table("condition")

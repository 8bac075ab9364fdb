"""Add contact attempts, answers of patients, limb assessments, photographs and linked patients.

Follows 0005.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def quantity(precision: int, scale: int) -> sa.types.TypeEngine:
    return sa.Numeric(precision, scale).with_variant(sa.Float(), "sqlite")


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "instrument_item",
            sa.Column(
                "code", sa.String(length=64), nullable=False, comment="Catalogue code of the item."
            ),
            sa.Column(
                "label", sa.String(length=200), nullable=False, comment="English name of the item."
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 64", name=op.f("ck_instrument_item_code_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_instrument_item_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_instrument_item")),
        )
        op.create_table(
            "photograph_content",
            sa.Column(
                "clinic_id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Clinic of the picture.",
            ),
            sa.Column(
                "digest", sa.String(length=64), nullable=False, comment="SHA-256 of the content."
            ),
            sa.Column(
                "content",
                sa.LargeBinary(),
                nullable=True,
                comment="JPEG without metadata; blank once it was erased.",
            ),
            sa.CheckConstraint(
                "length(digest) BETWEEN 1 AND 64", name=op.f("ck_photograph_content_digest_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_photograph_content_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "digest", name=op.f("pk_photograph_content")),
        )
        op.create_table(
            "limb_assessment",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose leg it is."),
            sa.Column("side", sa.String(32), nullable=False, comment="Which leg."),
            sa.Column("assessed_on", sa.Date(), nullable=False, comment="Day of the assessment."),
            sa.Column(
                "ceap",
                sa.String(32),
                nullable=True,
                comment="Clinical class (CEAP 2020); blank is not assessed.",
            ),
            sa.Column(
                "pain",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: pain; blank is not assessed.",
            ),
            sa.Column(
                "varicose_veins",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: varicose veins; blank is not assessed.",
            ),
            sa.Column(
                "oedema",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: venous oedema; blank is not assessed.",
            ),
            sa.Column(
                "pigmentation",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: skin pigmentation; blank is not assessed.",
            ),
            sa.Column(
                "inflammation",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: inflammation; blank is not assessed.",
            ),
            sa.Column(
                "induration",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: induration; blank is not assessed.",
            ),
            sa.Column(
                "ulcer_count",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: active ulcers, number; blank is not assessed.",
            ),
            sa.Column(
                "ulcer_duration",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: active ulcers, duration; blank is not assessed.",
            ),
            sa.Column(
                "ulcer_size",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: active ulcers, size; blank is not assessed.",
            ),
            sa.Column(
                "compression_use",
                sa.Integer(),
                nullable=True,
                comment="rVCSS item: use of compression therapy; blank is not assessed.",
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
                "assessed_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_limb_assessment_assessed_on_range"),
            ),
            sa.CheckConstraint(
                "ceap IN ('C0', 'C1', 'C2', 'C2r', 'C3', 'C4a', 'C4b', 'C4c', 'C5', 'C6', 'C6r')",
                name=op.f("ck_limb_assessment_ceap_range"),
            ),
            sa.CheckConstraint(
                "side IN ('left', 'right')", name=op.f("ck_limb_assessment_side_range")
            ),
            sa.CheckConstraint(
                "compression_use BETWEEN 0 AND 3",
                name=op.f("ck_limb_assessment_compression_use_range"),
            ),
            sa.CheckConstraint(
                "induration BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_induration_range")
            ),
            sa.CheckConstraint(
                "inflammation BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_inflammation_range")
            ),
            sa.CheckConstraint(
                "oedema BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_oedema_range")
            ),
            sa.CheckConstraint("pain BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_pain_range")),
            sa.CheckConstraint(
                "pigmentation BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_pigmentation_range")
            ),
            sa.CheckConstraint(
                "ulcer_count BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_ulcer_count_range")
            ),
            sa.CheckConstraint(
                "ulcer_duration BETWEEN 0 AND 3",
                name=op.f("ck_limb_assessment_ulcer_duration_range"),
            ),
            sa.CheckConstraint(
                "ulcer_size BETWEEN 0 AND 3", name=op.f("ck_limb_assessment_ulcer_size_range")
            ),
            sa.CheckConstraint(
                "varicose_veins BETWEEN 0 AND 3",
                name=op.f("ck_limb_assessment_varicose_veins_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_limb_assessment_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_limb_assessment_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_limb_assessment_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_limb_assessment")),
        )
        op.create_index(
            "uq_limb_assessment_day",
            "limb_assessment",
            ["clinic_id", "patient_id", "side", "assessed_on"],
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.create_table(
            "patient_link",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="The duplicate."),
            sa.Column(
                "same_as_id",
                sa.Uuid(),
                nullable=False,
                comment="The patient under whom both are counted.",
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
                "patient_id <> same_as_id", name=op.f("ck_patient_link_two_patients")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_patient_link_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_patient_link_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "same_as_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_patient_link_clinic_id_same_as_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_patient_link_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_patient_link")),
        )
        op.create_index(
            "uq_patient_link_patient",
            "patient_link",
            ["clinic_id", "patient_id"],
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.create_table(
            "contact_attempt",
            sa.Column(
                "patient_id", sa.Uuid(), nullable=False, comment="Whom the clinic tried to reach."
            ),
            sa.Column("follow_up_id", sa.Uuid(), nullable=False, comment="Visit it was about."),
            sa.Column("attempted_on", sa.Date(), nullable=False, comment="Day of the attempt."),
            sa.Column("method", sa.String(32), nullable=False, comment="How."),
            sa.Column("outcome", sa.String(32), nullable=False, comment="What came of it."),
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
            sa.CheckConstraint(
                "attempted_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_contact_attempt_attempted_on_range"),
            ),
            sa.CheckConstraint(
                "method IN ('phone', 'text_message', 'email', 'letter', 'in_person')",
                name=op.f("ck_contact_attempt_method_range"),
            ),
            sa.CheckConstraint(
                "outcome IN ('appointment_made', 'reached', 'message_left', 'no_answer', 'wrong_contact', 'declined')",
                name=op.f("ck_contact_attempt_outcome_range"),
            ),
            sa.CheckConstraint(
                "length(note) BETWEEN 1 AND 500", name=op.f("ck_contact_attempt_note_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_contact_attempt_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "follow_up_id"],
                ["follow_up.clinic_id", "follow_up.id"],
                name=op.f("fk_contact_attempt_clinic_id_follow_up_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_contact_attempt_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_contact_attempt_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_contact_attempt")),
        )
        op.create_index(
            "ix_contact_attempt_follow_up",
            "contact_attempt",
            ["clinic_id", "follow_up_id"],
            unique=False,
        )
        op.create_table(
            "patient_reported_outcome",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Who answered."),
            sa.Column(
                "follow_up_id",
                sa.Uuid(),
                nullable=True,
                comment="Visit of the answer; blank is before treatment or between visits.",
            ),
            sa.Column("answered_on", sa.Date(), nullable=False, comment="Day of the answer."),
            sa.Column(
                "item_code",
                sa.String(length=64),
                nullable=False,
                comment="What was asked, in which scale.",
            ),
            sa.Column(
                "score", quantity(6, 2), nullable=False, comment="Answer on the scale of the item."
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
                "answered_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_patient_reported_outcome_answered_on_range"),
            ),
            sa.CheckConstraint(
                "length(item_code) BETWEEN 1 AND 64",
                name=op.f("ck_patient_reported_outcome_item_code_range"),
            ),
            sa.CheckConstraint(
                "score BETWEEN -1000 AND 1000", name=op.f("ck_patient_reported_outcome_score_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000",
                name=op.f("ck_patient_reported_outcome_version_range"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "follow_up_id"],
                ["follow_up.clinic_id", "follow_up.id"],
                name=op.f("fk_patient_reported_outcome_clinic_id_follow_up_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_patient_reported_outcome_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_patient_reported_outcome_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["item_code"],
                ["instrument_item.code"],
                name=op.f("fk_patient_reported_outcome_item_code"),
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_patient_reported_outcome")),
        )
        op.create_index(
            "uq_patient_reported_outcome_day",
            "patient_reported_outcome",
            ["clinic_id", "patient_id", "answered_on", "item_code"],
            unique=True,
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.create_table(
            "photograph",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose leg it shows."),
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=True,
                comment="Session at which it was taken.",
            ),
            sa.Column(
                "follow_up_id", sa.Uuid(), nullable=True, comment="Visit at which it was taken."
            ),
            sa.Column("taken_on", sa.Date(), nullable=False, comment="Day on which it was taken."),
            sa.Column("side", sa.String(32), nullable=False, comment="Which leg."),
            sa.Column("view", sa.String(32), nullable=False, comment="From where."),
            sa.Column(
                "anatomy_code",
                sa.String(length=64),
                nullable=True,
                comment="Region or vein, for a close view.",
            ),
            sa.Column(
                "consent_version",
                sa.String(length=40),
                nullable=False,
                comment="Consent under which it was taken.",
            ),
            sa.Column(
                "content_digest",
                sa.String(length=64),
                nullable=False,
                comment="SHA-256 of the stored picture.",
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
            sa.CheckConstraint("side IN ('left', 'right')", name=op.f("ck_photograph_side_range")),
            sa.CheckConstraint(
                "taken_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_photograph_taken_on_range"),
            ),
            sa.CheckConstraint(
                "view IN ('anterior', 'posterior', 'medial', 'lateral', 'close_up')",
                name=op.f("ck_photograph_view_range"),
            ),
            sa.CheckConstraint(
                "length(anatomy_code) BETWEEN 1 AND 64",
                name=op.f("ck_photograph_anatomy_code_range"),
            ),
            sa.CheckConstraint(
                "length(consent_version) BETWEEN 1 AND 40",
                name=op.f("ck_photograph_consent_version_range"),
            ),
            sa.CheckConstraint(
                "length(content_digest) BETWEEN 1 AND 64",
                name=op.f("ck_photograph_content_digest_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_photograph_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["anatomy_code"], ["anatomy.code"], name=op.f("fk_photograph_anatomy_code")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "content_digest"],
                ["photograph_content.clinic_id", "photograph_content.digest"],
                name=op.f("fk_photograph_clinic_id_content_digest"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "follow_up_id"],
                ["follow_up.clinic_id", "follow_up.id"],
                name=op.f("fk_photograph_clinic_id_follow_up_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_photograph_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_photograph_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_photograph_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_photograph")),
        )
        op.create_index(
            "ix_photograph_patient",
            "photograph",
            ["clinic_id", "patient_id", "taken_on"],
            unique=False,
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_index("ix_photograph_patient", table_name="photograph")
        op.drop_table("photograph")
        op.drop_index(
            "uq_patient_reported_outcome_day",
            table_name="patient_reported_outcome",
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.drop_table("patient_reported_outcome")
        op.drop_index("ix_contact_attempt_follow_up", table_name="contact_attempt")
        op.drop_table("contact_attempt")
        op.drop_index(
            "uq_patient_link_patient",
            table_name="patient_link",
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.drop_table("patient_link")
        op.drop_index(
            "uq_limb_assessment_day",
            table_name="limb_assessment",
            sqlite_where=sa.text("voided_at IS NULL"),
            postgresql_where=sa.text("voided_at IS NULL"),
        )
        op.drop_table("limb_assessment")
        op.drop_table("photograph_content")
        op.drop_table("instrument_item")

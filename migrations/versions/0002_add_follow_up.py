"""Add follow-up visits, their findings and the outcome of treated sites.

Follows 0001.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def quantity(precision: int, scale: int) -> sa.types.TypeEngine:
    return sa.Numeric(precision, scale).with_variant(sa.Float(), "sqlite")


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "checklist",
            sa.Column(
                "code",
                sa.String(length=64),
                nullable=False,
                comment="Catalogue code of the checklist.",
            ),
            sa.Column(
                "version",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Version of the list.",
            ),
            sa.Column(
                "label",
                sa.String(length=200),
                nullable=False,
                comment="English name of the checklist.",
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 64", name=op.f("ck_checklist_code_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_checklist_label_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 10000", name=op.f("ck_checklist_version_range")
            ),
            sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_checklist")),
        )
        op.create_table(
            "scale",
            sa.Column(
                "code", sa.String(length=64), nullable=False, comment="Catalogue code of the scale."
            ),
            sa.Column(
                "label", sa.String(length=200), nullable=False, comment="English name of the scale."
            ),
            sa.CheckConstraint("length(code) BETWEEN 1 AND 64", name=op.f("ck_scale_code_range")),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_scale_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_scale")),
        )
        op.create_table(
            "follow_up",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Who was followed up."),
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=True,
                comment="Session that the visit follows.",
            ),
            sa.Column(
                "visit_code",
                sa.String(length=64),
                nullable=True,
                comment="Place in the follow-up schedule; blank is unscheduled.",
            ),
            sa.Column("due_on", sa.Date(), nullable=True, comment="Day the visit is due."),
            sa.Column("status", sa.String(32), nullable=False, comment="What became of the visit."),
            sa.Column("seen_on", sa.Date(), nullable=True, comment="Day of the visit or call."),
            sa.Column(
                "method", sa.String(32), nullable=True, comment="How; blank is not recorded."
            ),
            sa.Column(
                "checklist_code",
                sa.String(length=64),
                nullable=True,
                comment="Which events were looked for.",
            ),
            sa.Column(
                "checklist_version", sa.Integer(), nullable=True, comment="Version of that list."
            ),
            sa.Column(
                "days_to_normal",
                sa.Integer(),
                nullable=True,
                comment="Days until normal activities.",
            ),
            sa.Column(
                "note",
                sa.String(length=2000),
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
                "(status = 'seen') = (seen_on IS NOT NULL)", name=op.f("ck_follow_up_seen_has_day")
            ),
            sa.CheckConstraint(
                "checklist_code IS NULL OR status = 'seen'",
                name=op.f("ck_follow_up_checklist_needs_visit"),
            ),
            sa.CheckConstraint(
                "due_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_follow_up_due_on_range"),
            ),
            sa.CheckConstraint(
                "method IN ('clinic', 'duplex', 'phone', 'photograph')",
                name=op.f("ck_follow_up_method_range"),
            ),
            sa.CheckConstraint(
                "seen_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_follow_up_seen_on_range"),
            ),
            sa.CheckConstraint(
                "status IN ('planned', 'seen', 'missed', 'declined', 'lost', 'moved', 'dead')",
                name=op.f("ck_follow_up_status_range"),
            ),
            sa.CheckConstraint(
                "(checklist_code IS NULL) = (checklist_version IS NULL)",
                name=op.f("ck_follow_up_checklist_has_version"),
            ),
            sa.CheckConstraint(
                "days_to_normal BETWEEN 0 AND 365", name=op.f("ck_follow_up_days_to_normal_range")
            ),
            sa.CheckConstraint(
                "due_on IS NOT NULL OR seen_on IS NOT NULL", name=op.f("ck_follow_up_due_or_seen")
            ),
            sa.CheckConstraint(
                "length(checklist_code) BETWEEN 1 AND 64",
                name=op.f("ck_follow_up_checklist_code_range"),
            ),
            sa.CheckConstraint(
                "length(note) BETWEEN 1 AND 2000", name=op.f("ck_follow_up_note_range")
            ),
            sa.CheckConstraint(
                "length(visit_code) BETWEEN 1 AND 64", name=op.f("ck_follow_up_visit_code_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_follow_up_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["checklist_code", "checklist_version"],
                ["checklist.code", "checklist.version"],
                name=op.f("fk_follow_up_checklist_code_checklist_version"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_follow_up_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_follow_up_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_follow_up_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_follow_up")),
        )
        op.create_index(
            "ix_follow_up_due", "follow_up", ["clinic_id", "status", "due_on"], unique=False
        )
        op.create_index(
            "ix_follow_up_patient",
            "follow_up",
            ["clinic_id", "patient_id", "seen_on"],
            unique=False,
        )
        op.create_table(
            "site_outcome",
            sa.Column("follow_up_id", sa.Uuid(), nullable=False, comment="Visit of the outcome."),
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose site it is."),
            sa.Column("side", sa.String(32), nullable=False, comment="Which leg."),
            sa.Column(
                "anatomy_code", sa.String(length=64), nullable=False, comment="Region or vein."
            ),
            sa.Column("finding", sa.String(32), nullable=False, comment="What the site showed."),
            sa.Column(
                "scale_code", sa.String(length=64), nullable=True, comment="Scale of the score."
            ),
            sa.Column("score", quantity(6, 2), nullable=True, comment="Score on that scale."),
            sa.Column(
                "occlusion",
                sa.String(32),
                nullable=True,
                comment="Duplex finding; blank is not recorded.",
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
                "finding IN ('cleared', 'improved', 'unchanged', 'visible_again', 'reflux_again', 'not_assessed')",
                name=op.f("ck_site_outcome_finding_range"),
            ),
            sa.CheckConstraint(
                "occlusion IN ('complete', 'partial', 'none', 'not_examined')",
                name=op.f("ck_site_outcome_occlusion_range"),
            ),
            sa.CheckConstraint(
                "side IN ('left', 'right')", name=op.f("ck_site_outcome_side_range")
            ),
            sa.CheckConstraint(
                "(score IS NULL) = (scale_code IS NULL)",
                name=op.f("ck_site_outcome_score_has_scale"),
            ),
            sa.CheckConstraint(
                "length(anatomy_code) BETWEEN 1 AND 64",
                name=op.f("ck_site_outcome_anatomy_code_range"),
            ),
            sa.CheckConstraint(
                "length(scale_code) BETWEEN 1 AND 64", name=op.f("ck_site_outcome_scale_code_range")
            ),
            sa.CheckConstraint(
                "score BETWEEN -1000 AND 1000", name=op.f("ck_site_outcome_score_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_site_outcome_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["anatomy_code"], ["anatomy.code"], name=op.f("fk_site_outcome_anatomy_code")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "follow_up_id"],
                ["follow_up.clinic_id", "follow_up.id"],
                name=op.f("fk_site_outcome_clinic_id_follow_up_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_site_outcome_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_site_outcome_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["scale_code"], ["scale.code"], name=op.f("fk_site_outcome_scale_code")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_site_outcome")),
            sa.UniqueConstraint(
                "clinic_id",
                "follow_up_id",
                "side",
                "anatomy_code",
                name=op.f("uq_site_outcome_clinic_id_follow_up_id_side_anatomy_code"),
            ),
        )
        op.create_index(
            "ix_site_outcome_key",
            "site_outcome",
            ["clinic_id", "patient_id", "side", "anatomy_code"],
            unique=False,
        )
        op.create_table(
            "follow_up_finding",
            sa.Column("follow_up_id", sa.Uuid(), nullable=False, comment="Visit of the finding."),
            sa.Column(
                "event_term_code",
                sa.String(length=64),
                nullable=False,
                comment="Item of the checklist.",
            ),
            sa.Column("state", sa.String(32), nullable=False, comment="Present or not assessed."),
            sa.Column(
                "adverse_event_id",
                sa.Uuid(),
                nullable=True,
                comment="The event that the finding belongs to.",
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
                "adverse_event_id IS NULL OR state = 'present'",
                name=op.f("ck_follow_up_finding_event_needs_presence"),
            ),
            sa.CheckConstraint(
                "state IN ('present', 'not_assessed')",
                name=op.f("ck_follow_up_finding_state_range"),
            ),
            sa.CheckConstraint(
                "length(event_term_code) BETWEEN 1 AND 64",
                name=op.f("ck_follow_up_finding_event_term_code_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_follow_up_finding_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "adverse_event_id"],
                ["adverse_event.clinic_id", "adverse_event.id"],
                name=op.f("fk_follow_up_finding_clinic_id_adverse_event_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "follow_up_id"],
                ["follow_up.clinic_id", "follow_up.id"],
                name=op.f("fk_follow_up_finding_clinic_id_follow_up_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_follow_up_finding_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["event_term_code"],
                ["event_term.code"],
                name=op.f("fk_follow_up_finding_event_term_code"),
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_follow_up_finding")),
            sa.UniqueConstraint(
                "clinic_id",
                "follow_up_id",
                "event_term_code",
                name=op.f("uq_follow_up_finding_clinic_id_follow_up_id_event_term_code"),
            ),
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_table("follow_up_finding")
        op.drop_index("ix_site_outcome_key", table_name="site_outcome")
        op.drop_table("site_outcome")
        op.drop_index("ix_follow_up_patient", table_name="follow_up")
        op.drop_index("ix_follow_up_due", table_name="follow_up")
        op.drop_table("follow_up")
        op.drop_table("scale")
        op.drop_table("checklist")

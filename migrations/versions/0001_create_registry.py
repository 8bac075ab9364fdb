"""Create clinics, patients, treatments, adverse events and the audit trail.

Follows nothing.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def quantity(precision: int, scale: int) -> sa.types.TypeEngine:
    return sa.Numeric(precision, scale).with_variant(sa.Float(), "sqlite")


def upgrade() -> None:
    with altering_tables(op.get_bind()):
        op.create_table(
            "anatomy",
            sa.Column(
                "code", sa.String(length=64), nullable=False, comment="Catalogue code of the site."
            ),
            sa.Column(
                "label", sa.String(length=200), nullable=False, comment="English name of the site."
            ),
            sa.CheckConstraint("length(code) BETWEEN 1 AND 64", name=op.f("ck_anatomy_code_range")),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_anatomy_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_anatomy")),
        )
        op.create_table(
            "change_set",
            sa.Column(
                "id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                comment="Running number.",
            ),
            sa.Column(
                "at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant at which the change began (UTC).",
            ),
            sa.Column(
                "actor_id",
                sa.Integer(),
                nullable=True,
                comment="Account that made the change; blank only for the first migration.",
            ),
            sa.Column("clinic_id", sa.Integer(), nullable=True, comment="Clinic concerned."),
            sa.Column(
                "origin",
                sa.String(length=40),
                nullable=False,
                comment="Page, command line, import or migration.",
            ),
            sa.Column(
                "action", sa.String(length=60), nullable=False, comment="The use case, as a code."
            ),
            sa.Column(
                "reason",
                sa.String(length=40),
                nullable=True,
                comment="Why a stored record was changed.",
            ),
            sa.Column(
                "reason_text", sa.String(length=500), nullable=True, comment="The reason, in words."
            ),
            sa.Column(
                "request_key",
                sa.Uuid(),
                nullable=True,
                comment="Client-made key of the request; a second use answers with the first result.",
            ),
            sa.Column(
                "program_version",
                sa.String(length=40),
                nullable=False,
                comment="Version of the program.",
            ),
            sa.CheckConstraint(
                "length(action) BETWEEN 1 AND 60", name=op.f("ck_change_set_action_range")
            ),
            sa.CheckConstraint(
                "length(origin) BETWEEN 1 AND 40", name=op.f("ck_change_set_origin_range")
            ),
            sa.CheckConstraint(
                "length(program_version) BETWEEN 1 AND 40",
                name=op.f("ck_change_set_program_version_range"),
            ),
            sa.CheckConstraint(
                "length(reason) BETWEEN 1 AND 40", name=op.f("ck_change_set_reason_range")
            ),
            sa.CheckConstraint(
                "length(reason_text) BETWEEN 1 AND 500",
                name=op.f("ck_change_set_reason_text_range"),
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_change_set")),
            sa.UniqueConstraint("request_key", name=op.f("uq_change_set_request_key")),
        )
        op.create_table(
            "clinic",
            sa.Column("id", sa.Integer(), nullable=False, comment="Number of the clinic."),
            sa.Column(
                "code", sa.String(length=32), nullable=False, comment="Short code used in files."
            ),
            sa.Column(
                "name",
                sa.String(length=120),
                nullable=False,
                comment="Name shown on pages and reports.",
            ),
            sa.Column(
                "jurisdiction",
                sa.String(length=8),
                nullable=False,
                comment="Whose product labels apply, for example EU, UK or US.",
            ),
            sa.Column(
                "time_zone",
                sa.String(length=64),
                nullable=False,
                comment="IANA time zone in which the clinic's days begin.",
            ),
            sa.Column(
                "is_demo",
                sa.Boolean(),
                nullable=False,
                comment="Synthetic data only; real imports are refused.",
            ),
            sa.CheckConstraint("is_demo IN (false, true)", name=op.f("ck_clinic_is_demo_range")),
            sa.CheckConstraint("length(code) BETWEEN 1 AND 32", name=op.f("ck_clinic_code_range")),
            sa.CheckConstraint(
                "length(jurisdiction) BETWEEN 1 AND 8", name=op.f("ck_clinic_jurisdiction_range")
            ),
            sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("ck_clinic_name_range")),
            sa.CheckConstraint(
                "length(time_zone) BETWEEN 1 AND 64", name=op.f("ck_clinic_time_zone_range")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
            sa.UniqueConstraint("code", name=op.f("uq_clinic_code")),
        )
        op.create_table(
            "event_term",
            sa.Column(
                "code", sa.String(length=64), nullable=False, comment="Catalogue code of the event."
            ),
            sa.Column(
                "label", sa.String(length=200), nullable=False, comment="English name of the event."
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 64", name=op.f("ck_event_term_code_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_event_term_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_event_term")),
        )
        op.create_table(
            "sclerosant",
            sa.Column(
                "code",
                sa.String(length=64),
                nullable=False,
                comment="Catalogue code of the sclerosant.",
            ),
            sa.Column(
                "label",
                sa.String(length=200),
                nullable=False,
                comment="English name of the sclerosant.",
            ),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 64", name=op.f("ck_sclerosant_code_range")
            ),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_sclerosant_label_range")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_sclerosant")),
        )
        op.create_table(
            "user_account",
            sa.Column(
                "id",
                sa.Integer(),
                nullable=False,
                comment="Number of the account; never used again.",
            ),
            sa.Column(
                "user_name",
                sa.String(length=64),
                nullable=False,
                comment="Name typed at sign-in; lower case, never used again.",
            ),
            sa.Column(
                "display_name",
                sa.String(length=120),
                nullable=False,
                comment="Name shown to colleagues.",
            ),
            sa.Column(
                "password_hash",
                sa.String(length=200),
                nullable=True,
                comment="argon2id; empty means that nobody can sign in.",
            ),
            sa.Column(
                "is_disabled",
                sa.Boolean(),
                nullable=False,
                comment="A disabled account cannot sign in and its open pages close.",
            ),
            sa.Column(
                "created_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant of creation (UTC).",
            ),
            sa.CheckConstraint(
                "is_disabled IN (false, true)", name=op.f("ck_user_account_is_disabled_range")
            ),
            sa.CheckConstraint(
                "length(display_name) BETWEEN 1 AND 120",
                name=op.f("ck_user_account_display_name_range"),
            ),
            sa.CheckConstraint(
                "length(password_hash) BETWEEN 1 AND 200",
                name=op.f("ck_user_account_password_hash_range"),
            ),
            sa.CheckConstraint(
                "length(user_name) BETWEEN 1 AND 64", name=op.f("ck_user_account_user_name_range")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
            sa.UniqueConstraint("user_name", name=op.f("uq_user_account_user_name")),
        )
        op.create_table(
            "access_log",
            sa.Column("id", sa.Integer(), nullable=False, comment="Running number."),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="Instant (UTC)."),
            sa.Column("user_id", sa.Integer(), nullable=True, comment="Who, if known."),
            sa.Column(
                "user_name",
                sa.String(length=64),
                nullable=False,
                comment="Account name as typed, shortened.",
            ),
            sa.Column("clinic_id", sa.Integer(), nullable=True, comment="Where."),
            sa.Column(
                "action", sa.String(length=40), nullable=False, comment="What was done, as a code."
            ),
            sa.Column(
                "address",
                sa.String(length=64),
                nullable=True,
                comment="Network address of the browser.",
            ),
            sa.Column(
                "row_count",
                sa.Integer(),
                nullable=True,
                comment="How many records were shown or exported.",
            ),
            sa.Column(
                "detail",
                sa.String(length=2000),
                nullable=True,
                comment="Filter or file digest; never patient data.",
            ),
            sa.CheckConstraint(
                "length(action) BETWEEN 1 AND 40", name=op.f("ck_access_log_action_range")
            ),
            sa.CheckConstraint(
                "length(address) BETWEEN 1 AND 64", name=op.f("ck_access_log_address_range")
            ),
            sa.CheckConstraint(
                "length(detail) BETWEEN 1 AND 2000", name=op.f("ck_access_log_detail_range")
            ),
            sa.CheckConstraint(
                "length(user_name) BETWEEN 1 AND 64", name=op.f("ck_access_log_user_name_range")
            ),
            sa.CheckConstraint(
                "row_count BETWEEN 0 AND 1000000000", name=op.f("ck_access_log_row_count_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_access_log_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_access_log_user_id")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        )
        op.create_index(
            "ix_access_log_user_name_at", "access_log", ["user_name", "at"], unique=False
        )
        op.create_table(
            "audit_row",
            sa.Column(
                "id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                comment="Running number.",
            ),
            sa.Column(
                "change_set_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                comment="Transaction of the change.",
            ),
            sa.Column("table_name", sa.String(length=63), nullable=False, comment="Changed table."),
            sa.Column(
                "row_key",
                sa.Text(),
                nullable=False,
                comment="Primary key of the row as a JSON array.",
            ),
            sa.Column(
                "operation",
                sa.String(length=6),
                nullable=False,
                comment="insert, update or delete.",
            ),
            sa.Column(
                "old_values", sa.Text(), nullable=True, comment="Row before the change, as JSON."
            ),
            sa.Column(
                "new_values", sa.Text(), nullable=True, comment="Row after the change, as JSON."
            ),
            sa.CheckConstraint(
                "length(operation) BETWEEN 1 AND 6", name=op.f("ck_audit_row_operation_range")
            ),
            sa.CheckConstraint(
                "length(table_name) BETWEEN 1 AND 63", name=op.f("ck_audit_row_table_name_range")
            ),
            sa.ForeignKeyConstraint(
                ["change_set_id"], ["change_set.id"], name=op.f("fk_audit_row_change_set_id")
            ),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_row")),
        )
        op.create_index(
            op.f("ix_audit_row_change_set_id"), "audit_row", ["change_set_id"], unique=False
        )
        op.create_index("ix_audit_row_record", "audit_row", ["table_name", "row_key"], unique=False)
        op.create_table(
            "clinician",
            sa.Column(
                "clinic_id", sa.Integer(), nullable=False, comment="Clinic of the clinician."
            ),
            sa.Column(
                "id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Number within the clinic.",
            ),
            sa.Column(
                "code", sa.String(length=32), nullable=False, comment="Short code used in files."
            ),
            sa.Column(
                "display_name",
                sa.String(length=120),
                nullable=False,
                comment="Name shown to colleagues.",
            ),
            sa.Column(
                "user_id",
                sa.Integer(),
                nullable=True,
                comment="The clinician's own account, if there is one.",
            ),
            sa.CheckConstraint("id BETWEEN 1 AND 1000000", name=op.f("ck_clinician_id_range")),
            sa.CheckConstraint(
                "length(code) BETWEEN 1 AND 32", name=op.f("ck_clinician_code_range")
            ),
            sa.CheckConstraint(
                "length(display_name) BETWEEN 1 AND 120",
                name=op.f("ck_clinician_display_name_range"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_clinician_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_clinician_user_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_clinician")),
            sa.UniqueConstraint("clinic_id", "code", name=op.f("uq_clinician_clinic_id_code")),
        )
        op.create_table(
            "patient",
            sa.Column(
                "pseudonym",
                sa.String(length=32),
                nullable=False,
                comment="The registry's name for the patient; no part of the real name.",
            ),
            sa.Column("birth_year", sa.Integer(), nullable=True, comment="Year of birth."),
            sa.Column(
                "sex", sa.String(32), nullable=False, comment="Sex as recorded by the clinic."
            ),
            sa.Column(
                "skin_type",
                sa.String(32),
                nullable=True,
                comment="Fitzpatrick skin type; blank is unknown.",
            ),
            sa.Column(
                "enrolled_on",
                sa.Date(),
                nullable=False,
                comment="Day the patient entered the registry.",
            ),
            sa.Column("died_on", sa.Date(), nullable=True, comment="Day of death, if known."),
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
                "died_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_patient_died_on_range"),
            ),
            sa.CheckConstraint(
                "enrolled_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_patient_enrolled_on_range"),
            ),
            sa.CheckConstraint(
                "sex IN ('female', 'male', 'other', 'unknown')", name=op.f("ck_patient_sex_range")
            ),
            sa.CheckConstraint(
                "skin_type IN ('I', 'II', 'III', 'IV', 'V', 'VI')",
                name=op.f("ck_patient_skin_type_range"),
            ),
            sa.CheckConstraint(
                "birth_year BETWEEN 1880 AND 2199", name=op.f("ck_patient_birth_year_range")
            ),
            sa.CheckConstraint(
                "length(pseudonym) BETWEEN 1 AND 32", name=op.f("ck_patient_pseudonym_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_patient_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_patient_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_patient")),
            sa.UniqueConstraint(
                "clinic_id", "pseudonym", name=op.f("uq_patient_clinic_id_pseudonym")
            ),
        )
        op.create_table(
            "product",
            sa.Column(
                "code",
                sa.String(length=64),
                nullable=False,
                comment="Catalogue code of the product.",
            ),
            sa.Column(
                "label",
                sa.String(length=200),
                nullable=False,
                comment="English name of the product.",
            ),
            sa.Column(
                "sclerosant_code",
                sa.String(length=64),
                nullable=False,
                comment="Agent of the product.",
            ),
            sa.CheckConstraint("length(code) BETWEEN 1 AND 64", name=op.f("ck_product_code_range")),
            sa.CheckConstraint(
                "length(label) BETWEEN 1 AND 200", name=op.f("ck_product_label_range")
            ),
            sa.CheckConstraint(
                "length(sclerosant_code) BETWEEN 1 AND 64",
                name=op.f("ck_product_sclerosant_code_range"),
            ),
            sa.ForeignKeyConstraint(
                ["sclerosant_code"], ["sclerosant.code"], name=op.f("fk_product_sclerosant_code")
            ),
            sa.PrimaryKeyConstraint("code", name=op.f("pk_product")),
        )
        op.create_table(
            "role_grant",
            sa.Column("user_id", sa.Integer(), nullable=False, comment="Who holds the role."),
            sa.Column("clinic_id", sa.Integer(), nullable=False, comment="Where the role holds."),
            sa.Column(
                "role", sa.String(32), nullable=False, comment="What the person may do there."
            ),
            sa.Column(
                "see_records",
                sa.Boolean(),
                nullable=False,
                comment="May open pseudonymous records although the role alone may not.",
            ),
            sa.Column(
                "see_identity",
                sa.Boolean(),
                nullable=False,
                comment="May see names and birth dates although the role alone may not.",
            ),
            sa.CheckConstraint(
                "role IN ('clinician', 'practice_manager', 'data_manager', 'administrator', 'auditor')",
                name=op.f("ck_role_grant_role_range"),
            ),
            sa.CheckConstraint(
                "see_identity IN (false, true)", name=op.f("ck_role_grant_see_identity_range")
            ),
            sa.CheckConstraint(
                "see_records IN (false, true)", name=op.f("ck_role_grant_see_records_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_role_grant_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_role_grant_user_id")
            ),
            sa.PrimaryKeyConstraint("user_id", "clinic_id", "role", name=op.f("pk_role_grant")),
        )
        op.create_table(
            "seal",
            sa.Column(
                "seq",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                autoincrement=False,
                nullable=False,
                comment="Place in the chain, without gaps.",
            ),
            sa.Column(
                "change_set_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=False,
                comment="Transaction that is sealed.",
            ),
            sa.Column(
                "previous_hash",
                sa.String(length=64),
                nullable=False,
                comment="Hash of the seal before.",
            ),
            sa.Column(
                "hash",
                sa.String(length=64),
                nullable=False,
                comment="SHA-256 over the change set and its rows.",
            ),
            sa.Column(
                "baseline",
                sa.Text(),
                nullable=True,
                comment="Row count and digest of each table after a migration, as JSON.",
            ),
            sa.CheckConstraint("length(hash) BETWEEN 1 AND 64", name=op.f("ck_seal_hash_range")),
            sa.CheckConstraint(
                "length(previous_hash) BETWEEN 1 AND 64", name=op.f("ck_seal_previous_hash_range")
            ),
            sa.ForeignKeyConstraint(
                ["change_set_id"], ["change_set.id"], name=op.f("fk_seal_change_set_id")
            ),
            sa.PrimaryKeyConstraint("seq", name=op.f("pk_seal")),
            sa.UniqueConstraint("change_set_id", name=op.f("uq_seal_change_set_id")),
        )
        op.create_table(
            "sign_in",
            sa.Column(
                "token_hash",
                sa.String(length=64),
                nullable=False,
                comment="SHA-256 of the cookie's token; the token itself is stored nowhere.",
            ),
            sa.Column("user_id", sa.Integer(), nullable=False, comment="Who signed in."),
            sa.Column(
                "created_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Instant of sign-in (UTC).",
            ),
            sa.Column(
                "seen_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="Last use, to the minute (UTC).",
            ),
            sa.Column(
                "verified_at",
                sa.DateTime(timezone=True),
                nullable=False,
                comment="When the password was last typed (UTC).",
            ),
            sa.Column(
                "ended_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="Sign-out or revocation (UTC).",
            ),
            sa.CheckConstraint(
                "length(token_hash) BETWEEN 1 AND 64", name=op.f("ck_sign_in_token_hash_range")
            ),
            sa.ForeignKeyConstraint(
                ["user_id"], ["user_account.id"], name=op.f("fk_sign_in_user_id")
            ),
            sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
        )
        op.create_table(
            "course",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose course it is."),
            sa.Column(
                "opened_on", sa.Date(), nullable=False, comment="Day the course was planned."
            ),
            sa.Column(
                "indication",
                sa.String(32),
                nullable=True,
                comment="Cosmetic, symptomatic or both; blank is not recorded.",
            ),
            sa.Column(
                "planned_sessions",
                sa.Integer(),
                nullable=True,
                comment="Number of sessions planned.",
            ),
            sa.Column(
                "payer",
                sa.String(length=80),
                nullable=True,
                comment="Who pays, in the clinic's words.",
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
                "indication IN ('cosmetic', 'symptomatic', 'both')",
                name=op.f("ck_course_indication_range"),
            ),
            sa.CheckConstraint(
                "opened_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_course_opened_on_range"),
            ),
            sa.CheckConstraint(
                "length(payer) BETWEEN 1 AND 80", name=op.f("ck_course_payer_range")
            ),
            sa.CheckConstraint(
                "planned_sessions BETWEEN 1 AND 50", name=op.f("ck_course_planned_sessions_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_course_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_course_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_course_clinic_id")),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_course")),
        )
        op.create_table(
            "lot",
            sa.Column(
                "product_code", sa.String(length=64), nullable=False, comment="Product of the lot."
            ),
            sa.Column(
                "lot_number", sa.String(length=40), nullable=False, comment="Lot number as printed."
            ),
            sa.Column("expires_on", sa.Date(), nullable=True, comment="Last day of use."),
            sa.Column(
                "is_compounded",
                sa.Boolean(),
                nullable=False,
                comment="Made or diluted by a pharmacy or the clinic.",
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
                "expires_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_lot_expires_on_range"),
            ),
            sa.CheckConstraint(
                "is_compounded IN (false, true)", name=op.f("ck_lot_is_compounded_range")
            ),
            sa.CheckConstraint(
                "length(lot_number) BETWEEN 1 AND 40", name=op.f("ck_lot_lot_number_range")
            ),
            sa.CheckConstraint(
                "length(product_code) BETWEEN 1 AND 64", name=op.f("ck_lot_product_code_range")
            ),
            sa.CheckConstraint("version BETWEEN 1 AND 1000000", name=op.f("ck_lot_version_range")),
            sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_lot_clinic_id")),
            sa.ForeignKeyConstraint(
                ["product_code"], ["product.code"], name=op.f("fk_lot_product_code")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_lot")),
            sa.UniqueConstraint(
                "clinic_id",
                "product_code",
                "lot_number",
                name=op.f("uq_lot_clinic_id_product_code_lot_number"),
            ),
        )
        op.create_table(
            "patient_identity",
            sa.Column(
                "clinic_id",
                sa.Integer(),
                autoincrement=False,
                nullable=False,
                comment="Clinic of the patient.",
            ),
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Whose identity this is."),
            sa.Column(
                "salt",
                sa.String(length=64),
                nullable=False,
                comment="Random text mixed into the digests that the audit trail keeps.",
            ),
            sa.Column("family_name", sa.String(length=120), nullable=True, comment="Family name."),
            sa.Column("given_name", sa.String(length=120), nullable=True, comment="Given name."),
            sa.Column("birth_date", sa.Date(), nullable=True, comment="Day of birth."),
            sa.Column(
                "hospital_number",
                sa.String(length=64),
                nullable=True,
                comment="Number in the clinic's own system.",
            ),
            sa.CheckConstraint(
                "birth_date BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_patient_identity_birth_date_range"),
            ),
            sa.CheckConstraint(
                "length(family_name) BETWEEN 1 AND 120",
                name=op.f("ck_patient_identity_family_name_range"),
            ),
            sa.CheckConstraint(
                "length(given_name) BETWEEN 1 AND 120",
                name=op.f("ck_patient_identity_given_name_range"),
            ),
            sa.CheckConstraint(
                "length(hospital_number) BETWEEN 1 AND 64",
                name=op.f("ck_patient_identity_hospital_number_range"),
            ),
            sa.CheckConstraint(
                "length(salt) BETWEEN 1 AND 64", name=op.f("ck_patient_identity_salt_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_patient_identity_clinic_id_patient_id"),
            ),
            sa.PrimaryKeyConstraint("clinic_id", "patient_id", name=op.f("pk_patient_identity")),
        )
        op.create_table(
            "treatment_session",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Who was treated."),
            sa.Column(
                "course_id", sa.Uuid(), nullable=True, comment="Course the session belongs to."
            ),
            sa.Column("clinician_id", sa.Integer(), nullable=True, comment="Who treated."),
            sa.Column(
                "treated_on",
                sa.Date(),
                nullable=False,
                comment="Day of the visit in the clinic's calendar.",
            ),
            sa.Column(
                "modality", sa.String(32), nullable=False, comment="How the veins were treated."
            ),
            sa.Column(
                "intent",
                sa.String(32),
                nullable=True,
                comment="Why the session took place; blank is not recorded.",
            ),
            sa.Column(
                "weight_kg",
                quantity(5, 1),
                nullable=True,
                comment="Weight on the day, for limits by weight; blank is not recorded.",
            ),
            sa.Column(
                "guidance",
                sa.String(32),
                nullable=True,
                comment="How the needle was guided; blank is not recorded.",
            ),
            sa.Column(
                "pain",
                sa.Integer(),
                nullable=True,
                comment="Worst pain at injection as the patient rated it.",
            ),
            sa.Column(
                "compression_class",
                sa.String(32),
                nullable=True,
                comment="Compression advised; blank is not recorded.",
            ),
            sa.Column(
                "compression_days",
                sa.Integer(),
                nullable=True,
                comment="Days of compression advised.",
            ),
            sa.Column(
                "consent_version",
                sa.String(length=40),
                nullable=True,
                comment="Version of the consent form signed for this session.",
            ),
            sa.Column(
                "cost_amount",
                quantity(12, 2),
                nullable=True,
                comment="Amount charged for the session.",
            ),
            sa.Column(
                "cost_currency", sa.String(length=3), nullable=True, comment="ISO 4217 code."
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
                "compression_class IN ('none', 'bandage', 'below_18_mmhg', '18_22_mmhg', '23_32_mmhg', 'above_32_mmhg')",
                name=op.f("ck_treatment_session_compression_class_range"),
            ),
            sa.CheckConstraint(
                "guidance IN ('none', 'transillumination', 'ultrasound')",
                name=op.f("ck_treatment_session_guidance_range"),
            ),
            sa.CheckConstraint(
                "intent IN ('planned_stage', 'residual', 'recurrence', 'recanalisation', 'new_vein')",
                name=op.f("ck_treatment_session_intent_range"),
            ),
            sa.CheckConstraint(
                "modality IN ('sclerotherapy', 'needle_thermocoagulation', 'nd_yag_laser', 'intense_pulsed_light')",
                name=op.f("ck_treatment_session_modality_range"),
            ),
            sa.CheckConstraint(
                "treated_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_treatment_session_treated_on_range"),
            ),
            sa.CheckConstraint(
                "(cost_amount IS NULL) = (cost_currency IS NULL)",
                name=op.f("ck_treatment_session_cost_has_currency"),
            ),
            sa.CheckConstraint(
                "compression_days BETWEEN 0 AND 365",
                name=op.f("ck_treatment_session_compression_days_range"),
            ),
            sa.CheckConstraint(
                "compression_days IS NULL OR compression_class IS NOT NULL",
                name=op.f("ck_treatment_session_days_need_class"),
            ),
            sa.CheckConstraint(
                "cost_amount BETWEEN 0 AND 9999999",
                name=op.f("ck_treatment_session_cost_amount_range"),
            ),
            sa.CheckConstraint(
                "length(consent_version) BETWEEN 1 AND 40",
                name=op.f("ck_treatment_session_consent_version_range"),
            ),
            sa.CheckConstraint(
                "length(cost_currency) BETWEEN 1 AND 3",
                name=op.f("ck_treatment_session_cost_currency_range"),
            ),
            sa.CheckConstraint(
                "length(note) BETWEEN 1 AND 2000", name=op.f("ck_treatment_session_note_range")
            ),
            sa.CheckConstraint(
                "pain BETWEEN 0 AND 10", name=op.f("ck_treatment_session_pain_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_treatment_session_version_range")
            ),
            sa.CheckConstraint(
                "weight_kg BETWEEN 2 AND 400", name=op.f("ck_treatment_session_weight_kg_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "clinician_id"],
                ["clinician.clinic_id", "clinician.id"],
                name=op.f("fk_treatment_session_clinic_id_clinician_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "course_id"],
                ["course.clinic_id", "course.id"],
                name=op.f("fk_treatment_session_clinic_id_course_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_treatment_session_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_treatment_session_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_treatment_session")),
        )
        op.create_index(
            "ix_treatment_session_day",
            "treatment_session",
            ["clinic_id", "treated_on"],
            unique=False,
        )
        op.create_index(
            "ix_treatment_session_patient",
            "treatment_session",
            ["clinic_id", "patient_id", "treated_on"],
            unique=False,
        )
        op.create_table(
            "treated_site",
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=False,
                comment="Session of the treatment.",
            ),
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Who was treated."),
            sa.Column("side", sa.String(32), nullable=False, comment="Which leg."),
            sa.Column(
                "anatomy_code", sa.String(length=64), nullable=False, comment="Region or vein."
            ),
            sa.Column(
                "vessel_class",
                sa.String(32),
                nullable=True,
                comment="Class of the vein; blank is not recorded.",
            ),
            sa.Column(
                "diameter_mm", quantity(4, 1), nullable=True, comment="Diameter of the vein."
            ),
            sa.Column(
                "feeder_treated",
                sa.Boolean(),
                nullable=True,
                comment="Whether the feeding vein was treated; blank is not recorded.",
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
                "side IN ('left', 'right')", name=op.f("ck_treated_site_side_range")
            ),
            sa.CheckConstraint(
                "vessel_class IN ('telangiectasia', 'reticular', 'varicose', 'truncal', 'perforator')",
                name=op.f("ck_treated_site_vessel_class_range"),
            ),
            sa.CheckConstraint(
                "diameter_mm BETWEEN 0.1 AND 50", name=op.f("ck_treated_site_diameter_mm_range")
            ),
            sa.CheckConstraint(
                "feeder_treated IN (false, true)", name=op.f("ck_treated_site_feeder_treated_range")
            ),
            sa.CheckConstraint(
                "length(anatomy_code) BETWEEN 1 AND 64",
                name=op.f("ck_treated_site_anatomy_code_range"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_treated_site_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["anatomy_code"], ["anatomy.code"], name=op.f("fk_treated_site_anatomy_code")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_treated_site_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_treated_site_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_treated_site_clinic_id")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_treated_site")),
        )
        op.create_index(
            "ix_treated_site_key",
            "treated_site",
            ["clinic_id", "patient_id", "side", "anatomy_code"],
            unique=False,
        )
        op.create_index(
            "ix_treated_site_session",
            "treated_site",
            ["clinic_id", "treatment_session_id"],
            unique=False,
        )
        op.create_table(
            "adverse_event",
            sa.Column("patient_id", sa.Uuid(), nullable=False, comment="Who had the event."),
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=True,
                comment="Session the event is attributed to; blank is none.",
            ),
            sa.Column(
                "treated_site_id",
                sa.Uuid(),
                nullable=True,
                comment="Site the event is attributed to.",
            ),
            sa.Column(
                "event_term_code", sa.String(length=64), nullable=False, comment="What happened."
            ),
            sa.Column("onset_on", sa.Date(), nullable=False, comment="Day the event began."),
            sa.Column(
                "reported_on", sa.Date(), nullable=False, comment="Day the clinic became aware."
            ),
            sa.Column(
                "resolved_on",
                sa.Date(),
                nullable=True,
                comment="Day the event ended; blank is ongoing.",
            ),
            sa.Column(
                "severity",
                sa.String(32),
                nullable=True,
                comment="Intensity; blank is not recorded.",
            ),
            sa.Column(
                "causality",
                sa.String(32),
                nullable=True,
                comment="Judged causality; blank is not judged and counts.",
            ),
            sa.Column(
                "expectedness",
                sa.String(32),
                nullable=True,
                comment="Whether the product information lists it; blank is not judged.",
            ),
            sa.Column(
                "detection",
                sa.String(32),
                nullable=True,
                comment="How it came to light; blank is not recorded.",
            ),
            sa.Column(
                "event_outcome", sa.String(32), nullable=False, comment="How the event ended."
            ),
            sa.Column(
                "criterion_death",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): death.",
            ),
            sa.Column(
                "criterion_life_threatening",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): life-threatening at the time.",
            ),
            sa.Column(
                "criterion_hospitalisation",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): hospitalisation, begun or prolonged.",
            ),
            sa.Column(
                "criterion_disability",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): persistent or significant disability.",
            ),
            sa.Column(
                "criterion_congenital_anomaly",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): congenital anomaly.",
            ),
            sa.Column(
                "criterion_medically_important",
                sa.Boolean(),
                nullable=False,
                comment="Seriousness criterion (ICH E2A): medically important.",
            ),
            sa.Column(
                "treatment_given",
                sa.String(length=500),
                nullable=True,
                comment="What was done about it; never exported by default.",
            ),
            sa.Column(
                "narrative",
                sa.String(length=4000),
                nullable=True,
                comment="What happened, in words; never exported by default.",
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
                "NOT criterion_death OR event_outcome = 'fatal'",
                name=op.f("ck_adverse_event_death_is_fatal"),
            ),
            sa.CheckConstraint(
                "causality IN ('certain', 'probable', 'possible', 'unlikely', 'unrelated')",
                name=op.f("ck_adverse_event_causality_range"),
            ),
            sa.CheckConstraint(
                "detection IN ('symptom', 'examination', 'planned_duplex', 'photograph')",
                name=op.f("ck_adverse_event_detection_range"),
            ),
            sa.CheckConstraint(
                "event_outcome IN ('recovered', 'recovering', 'not_recovered', 'sequelae', 'fatal', 'unknown')",
                name=op.f("ck_adverse_event_event_outcome_range"),
            ),
            sa.CheckConstraint(
                "expectedness IN ('listed', 'not_listed')",
                name=op.f("ck_adverse_event_expectedness_range"),
            ),
            sa.CheckConstraint(
                "onset_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_adverse_event_onset_on_range"),
            ),
            sa.CheckConstraint(
                "reported_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_adverse_event_reported_on_range"),
            ),
            sa.CheckConstraint(
                "resolved_on BETWEEN '1900-01-01' AND '2199-12-31'",
                name=op.f("ck_adverse_event_resolved_on_range"),
            ),
            sa.CheckConstraint(
                "severity IN ('mild', 'moderate', 'severe')",
                name=op.f("ck_adverse_event_severity_range"),
            ),
            sa.CheckConstraint(
                "criterion_congenital_anomaly IN (false, true)",
                name=op.f("ck_adverse_event_criterion_congenital_anomaly_range"),
            ),
            sa.CheckConstraint(
                "criterion_death IN (false, true)",
                name=op.f("ck_adverse_event_criterion_death_range"),
            ),
            sa.CheckConstraint(
                "criterion_disability IN (false, true)",
                name=op.f("ck_adverse_event_criterion_disability_range"),
            ),
            sa.CheckConstraint(
                "criterion_hospitalisation IN (false, true)",
                name=op.f("ck_adverse_event_criterion_hospitalisation_range"),
            ),
            sa.CheckConstraint(
                "criterion_life_threatening IN (false, true)",
                name=op.f("ck_adverse_event_criterion_life_threatening_range"),
            ),
            sa.CheckConstraint(
                "criterion_medically_important IN (false, true)",
                name=op.f("ck_adverse_event_criterion_medically_important_range"),
            ),
            sa.CheckConstraint(
                "length(event_term_code) BETWEEN 1 AND 64",
                name=op.f("ck_adverse_event_event_term_code_range"),
            ),
            sa.CheckConstraint(
                "length(narrative) BETWEEN 1 AND 4000",
                name=op.f("ck_adverse_event_narrative_range"),
            ),
            sa.CheckConstraint(
                "length(treatment_given) BETWEEN 1 AND 500",
                name=op.f("ck_adverse_event_treatment_given_range"),
            ),
            sa.CheckConstraint(
                "resolved_on IS NULL OR resolved_on >= onset_on",
                name=op.f("ck_adverse_event_resolved_after_onset"),
            ),
            sa.CheckConstraint(
                "treated_site_id IS NULL OR treatment_session_id IS NOT NULL",
                name=op.f("ck_adverse_event_site_needs_session"),
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_adverse_event_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "patient_id"],
                ["patient.clinic_id", "patient.id"],
                name=op.f("fk_adverse_event_clinic_id_patient_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treated_site_id"],
                ["treated_site.clinic_id", "treated_site.id"],
                name=op.f("fk_adverse_event_clinic_id_treated_site_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_adverse_event_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_adverse_event_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["event_term_code"],
                ["event_term.code"],
                name=op.f("fk_adverse_event_event_term_code"),
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_adverse_event")),
        )
        op.create_index(
            "ix_adverse_event_patient", "adverse_event", ["clinic_id", "patient_id"], unique=False
        )
        op.create_index(
            "ix_adverse_event_session",
            "adverse_event",
            ["clinic_id", "treatment_session_id"],
            unique=False,
        )
        op.create_table(
            "injection",
            sa.Column(
                "treatment_session_id",
                sa.Uuid(),
                nullable=False,
                comment="Session of the injection.",
            ),
            sa.Column(
                "treated_site_id",
                sa.Uuid(),
                nullable=True,
                comment="Where; blank when only the session is known.",
            ),
            sa.Column(
                "product_code", sa.String(length=64), nullable=False, comment="What was injected."
            ),
            sa.Column(
                "lot_id", sa.Uuid(), nullable=True, comment="Lot injected; blank is not recorded."
            ),
            sa.Column("form", sa.String(32), nullable=False, comment="Liquid or foam."),
            sa.Column(
                "concentration_percent",
                quantity(5, 2),
                nullable=True,
                comment="Strength injected; blank is not recorded.",
            ),
            sa.Column(
                "liquid_ml",
                quantity(6, 2),
                nullable=True,
                comment="Volume of drug solution, before any gas; blank is not recorded.",
            ),
            sa.Column(
                "gas",
                sa.String(32),
                nullable=True,
                comment="Gas of the foam; blank is not recorded.",
            ),
            sa.Column("gas_ml", quantity(6, 2), nullable=True, comment="Volume of gas mixed in."),
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
            sa.CheckConstraint("form IN ('liquid', 'foam')", name=op.f("ck_injection_form_range")),
            sa.CheckConstraint(
                "gas IN ('air', 'co2', 'o2_co2', 'proprietary')",
                name=op.f("ck_injection_gas_range"),
            ),
            sa.CheckConstraint(
                "gas IS NULL OR form = 'foam'", name=op.f("ck_injection_gas_needs_foam")
            ),
            sa.CheckConstraint(
                "gas_ml IS NULL OR form = 'foam'", name=op.f("ck_injection_gas_volume_needs_foam")
            ),
            sa.CheckConstraint(
                "concentration_percent BETWEEN 0.01 AND 100",
                name=op.f("ck_injection_concentration_percent_range"),
            ),
            sa.CheckConstraint(
                "gas_ml BETWEEN 0.01 AND 400", name=op.f("ck_injection_gas_ml_range")
            ),
            sa.CheckConstraint(
                "length(product_code) BETWEEN 1 AND 64",
                name=op.f("ck_injection_product_code_range"),
            ),
            sa.CheckConstraint(
                "liquid_ml BETWEEN 0.01 AND 100", name=op.f("ck_injection_liquid_ml_range")
            ),
            sa.CheckConstraint(
                "version BETWEEN 1 AND 1000000", name=op.f("ck_injection_version_range")
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "lot_id"],
                ["lot.clinic_id", "lot.id"],
                name=op.f("fk_injection_clinic_id_lot_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treated_site_id"],
                ["treated_site.clinic_id", "treated_site.id"],
                name=op.f("fk_injection_clinic_id_treated_site_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id", "treatment_session_id"],
                ["treatment_session.clinic_id", "treatment_session.id"],
                name=op.f("fk_injection_clinic_id_treatment_session_id"),
            ),
            sa.ForeignKeyConstraint(
                ["clinic_id"], ["clinic.id"], name=op.f("fk_injection_clinic_id")
            ),
            sa.ForeignKeyConstraint(
                ["product_code"], ["product.code"], name=op.f("fk_injection_product_code")
            ),
            sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_injection")),
        )
        op.create_index("ix_injection_lot", "injection", ["clinic_id", "lot_id"], unique=False)
        op.create_index(
            "ix_injection_session", "injection", ["clinic_id", "treatment_session_id"], unique=False
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()):
        op.drop_index("ix_injection_session", table_name="injection")
        op.drop_index("ix_injection_lot", table_name="injection")
        op.drop_table("injection")
        op.drop_index("ix_adverse_event_session", table_name="adverse_event")
        op.drop_index("ix_adverse_event_patient", table_name="adverse_event")
        op.drop_table("adverse_event")
        op.drop_index("ix_treated_site_session", table_name="treated_site")
        op.drop_index("ix_treated_site_key", table_name="treated_site")
        op.drop_table("treated_site")
        op.drop_index("ix_treatment_session_patient", table_name="treatment_session")
        op.drop_index("ix_treatment_session_day", table_name="treatment_session")
        op.drop_table("treatment_session")
        op.drop_table("patient_identity")
        op.drop_table("lot")
        op.drop_table("course")
        op.drop_table("sign_in")
        op.drop_table("seal")
        op.drop_table("role_grant")
        op.drop_table("product")
        op.drop_table("patient")
        op.drop_table("clinician")
        op.drop_index("ix_audit_row_record", table_name="audit_row")
        op.drop_index(op.f("ix_audit_row_change_set_id"), table_name="audit_row")
        op.drop_table("audit_row")
        op.drop_index("ix_access_log_user_name_at", table_name="access_log")
        op.drop_table("access_log")
        op.drop_table("user_account")
        op.drop_table("sclerosant")
        op.drop_table("event_term")
        op.drop_table("clinic")
        op.drop_table("change_set")
        op.drop_table("anatomy")

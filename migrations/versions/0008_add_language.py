"""Add the language that a person reads.

Follows 0007.
"""

import sqlalchemy as sa
from alembic import op

from registry.audit import altering_tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with altering_tables(op.get_bind()), op.batch_alter_table("user_account") as account:
        account.add_column(
            sa.Column(
                "language",
                sa.String(length=32),
                nullable=True,
                comment="Language of the pages; blank is the one that the browser asks for.",
            )
        )
        account.create_check_constraint(
            op.f("ck_user_account_language_range"), "language IN ('en', 'de')"
        )


def downgrade() -> None:
    with altering_tables(op.get_bind()), op.batch_alter_table("user_account") as account:
        account.drop_constraint(op.f("ck_user_account_language_range"), type_="check")
        account.drop_column("language")

"""Run revisions in one transaction each and end it with a seal of every table."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy.engine import Connection

from registry.database import make_engine
from registry.operations.baseline import seal_revision
from registry.schema import Base


def run(connection: Connection) -> None:
    """Bring the connected database to the wanted revision."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_server_default=True,
        transaction_per_migration=True,
        on_version_apply=lambda **_: seal_revision(connection),
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    address = os.environ.get("REGISTRY_DATABASE_URL", "sqlite:///data/registry.sqlite")
    with make_engine(address).connect() as opened:
        run(opened)

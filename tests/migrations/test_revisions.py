"""Do the revisions build exactly the model, go back, and keep data and trail whole?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection, Engine

from registry import audit
from registry.errors import DatabaseUnavailable, Unfit
from registry.operations import migration
from registry.schema import Base

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def described(connection: Connection) -> dict[str, object]:
    """Columns, keys, checks and indexes of every table as the database reports them."""
    inspector = sa.inspect(connection)
    tables: dict[str, object] = {}
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        tables[name] = {
            "columns": sorted(
                (c["name"], str(c["type"]), c["nullable"], c.get("comment"))
                for c in inspector.get_columns(name)
            ),
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "checks": sorted(
                (str(c["name"]), re.sub(r"\s+", " ", c["sqltext"]))
                for c in inspector.get_check_constraints(name)
            ),
            "references": sorted(
                (str(c["name"]), c["constrained_columns"], c["referred_table"])
                for c in inspector.get_foreign_keys(name)
            ),
            "indexes": sorted(
                (str(c["name"]), c["column_names"]) for c in inspector.get_indexes(name)
            ),
            "unique": sorted(
                (str(c["name"]), c["column_names"]) for c in inspector.get_unique_constraints(name)
            ),
        }
    return tables


def test_revisions_are_numbered_without_gaps_and_named_after_their_file() -> None:
    names = sorted(path.name for path in VERSIONS.glob("*.py"))
    assert [name[:4] for name in names] == [f"{i:04d}" for i in range(1, len(names) + 1)]
    scripts = list(ScriptDirectory.from_config(migration.configuration()).walk_revisions())
    assert sorted(Path(s.path).name[:4] for s in scripts) == sorted(s.revision for s in scripts)


def test_migrated_database_equals_the_model(engine: Engine, empty_engine: Engine) -> None:
    if engine.dialect.name != empty_engine.dialect.name:
        return
    with empty_engine.begin() as connection:
        Base.metadata.create_all(connection)
    with engine.connect() as migrated, empty_engine.connect() as modelled:
        assert described(migrated) == described(modelled)


def test_alembic_sees_nothing_to_do(engine: Engine) -> None:
    config = migration.configuration()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.check(config)
        except CommandError as error:
            pytest.fail(str(error))


def test_constraint_names_are_unique_within_each_table() -> None:
    for table in Base.metadata.tables.values():
        names = [c.name for c in table.constraints if c.name]
        assert len(names) == len(set(names)), table.name


def test_down_and_up_again(empty_engine: Engine) -> None:
    migration.upgrade(empty_engine)
    with empty_engine.connect() as connection:
        before = described(connection)
    migration.downgrade(empty_engine, "base")
    with empty_engine.connect() as connection:
        assert described(connection) == {}
    migration.upgrade(empty_engine)
    with empty_engine.connect() as connection:
        assert described(connection) == before
        audit.check_triggers(connection)


def test_every_revision_ends_with_a_baseline_in_the_seal(engine: Engine) -> None:
    with engine.connect() as connection:
        baselines = connection.execute(
            sa.text("SELECT count(*) FROM seal WHERE baseline IS NOT NULL")
        ).scalar()
    assert baselines == len(list(VERSIONS.glob("*.py")))


def test_database_of_a_newer_program_is_refused_unchanged(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (migration.require_current, migration.upgrade):
        with pytest.raises(DatabaseUnavailable, match="newer version"):
            use(engine)


def test_empty_database_is_refused_with_the_command_that_helps(empty_engine: Engine) -> None:
    with empty_engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE other (id INTEGER)"))
    with pytest.raises(DatabaseUnavailable, match="sclero migrate"):
        migration.require_current(empty_engine)


def test_one_missing_trigger_stops_the_start(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER audit_patient_update")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_patient ON patient")
    with pytest.raises(Unfit, match="audit_patient"):
        migration.require_current(engine)

"""Do records survive going back and forth between versions, and is their trail whole after it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.audit import check_triggers
from registry.errors import Unfit
from registry.operations import migration
from registry.operations.audit_verification import verify
from registry.operations.baseline import audited_tables, stored_rows, values_of
from tests.factories import (
    TODAY,
    a_clinic,
    a_clinician,
    a_course,
    a_grant,
    a_lot,
    a_patient,
    a_session,
    a_site,
    a_user,
    an_event,
    an_identity,
    an_injection,
    one_of_each,
    saving,
)


def records_of_the_first_version(engine: Engine) -> None:
    with saving(engine) as db:
        clinic_id = a_clinic(db)
        a_grant(db, clinic_id, a_user(db))
        clinician_id = a_clinician(db, clinic_id)
        lot_id = a_lot(db, clinic_id)
        for _ in range(25):
            patient_id = a_patient(db, clinic_id)
            an_identity(db, clinic_id, patient_id)
            session_id = a_session(
                db,
                clinic_id,
                patient_id,
                course_id=a_course(db, clinic_id, patient_id),
                clinician_id=clinician_id,
            )
            site_id = a_site(db, clinic_id, patient_id, session_id)
            an_injection(db, clinic_id, session_id, treated_site_id=site_id, lot_id=lot_id)
            an_event(db, clinic_id, patient_id, treatment_session_id=session_id)


# Audited tables and columns by the revision that brought them: below it they are gone, no others.
TABLES_SINCE = {
    "0002": {"checklist", "follow_up", "follow_up_finding", "scale", "site_outcome"},
    "0003": {"import_batch"},
    "0004": {"clinic_setting", "condition", "risk_fact", "safety_override"},
    "0005": {"favourite", "product_gtin"},
    "0006": {
        "contact_attempt",
        "instrument_item",
        "limb_assessment",
        "patient_link",
        "patient_reported_outcome",
        "photograph",
    },
    "0007": {"change_point", "reporting_period"},
}
COLUMNS_SINCE = {"0004": {("lot", "recalled_on")}, "0008": {("user_account", "language")}}


def gone(since: Mapping[str, set[Any]], revision: str) -> set[Any]:
    """What a database at ``revision`` does not have yet."""
    return {name for later, names in since.items() if later > revision for name in names}


def state(engine: Engine) -> dict[str, dict[str, dict[str, Any]]]:
    """Values of every row, by table and key."""
    with engine.connect() as connection:
        check_triggers(connection)
        found = {
            table: {
                key: values_of(table, text)
                for key, text in stored_rows(connection, table, columns, keys)
            }
            for table, (columns, keys) in audited_tables(connection).items()
        }
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        connection.rollback()
    return found


def test_records_survive_going_down_and_up(engine: Engine) -> None:
    records_of_the_first_version(engine)
    before = state(engine)
    for revision in ("0007", "0006", "0005", "0004", "0003", "0002", "0001"):
        migration.downgrade(engine, revision)
        left = state(engine)
        assert set(before) - set(left) == gone(TABLES_SINCE, revision)
        columns = gone(COLUMNS_SINCE, revision)
        assert left == {
            table: {
                key: {c: v for c, v in values.items() if (table, c) not in columns}
                for key, values in before[table].items()
            }
            for table in left
        }
        assert verify(engine).is_whole
    migration.upgrade(engine)
    assert state(engine) == before
    assert verify(engine).is_whole
    with saving(engine) as db:
        a_clinic(db, code="NEW")
    assert verify(engine).is_whole


@pytest.mark.parametrize("revision", ["0006", "0005", "0003", "0002", "0001"])
def test_going_back_past_stored_records_is_refused(engine: Engine, revision: str) -> None:
    with saving(engine) as db:
        one_of_each(db)
    before = state(engine)
    with pytest.raises(Unfit, match="destroy stored records"):
        migration.downgrade(engine, revision)
    # The steps on the way that destroy nothing were taken; coming back finds every record.
    migration.upgrade(engine)
    assert state(engine) == before
    migration.require_current(engine)
    assert verify(engine).is_whole


def test_going_back_past_a_recall_is_refused(engine: Engine) -> None:
    with saving(engine) as db:
        a_lot(db, a_clinic(db), recalled_on=TODAY)
    migration.downgrade(engine, "0004")
    before = state(engine)
    with pytest.raises(Unfit, match="destroy stored records"):
        migration.downgrade(engine, "0003")
    assert state(engine) == before
    migration.upgrade(engine)
    migration.require_current(engine)
    assert verify(engine).is_whole


def test_upgrade_of_a_file_keeps_the_state_before_beside_it(sqlite_engine: Engine) -> None:
    records_of_the_first_version(sqlite_engine)
    migration.downgrade(sqlite_engine, "0001")
    with sqlite_engine.connect() as connection:
        patients = connection.scalar(sa.text("SELECT count(*) FROM patient"))
        connection.rollback()
    done = migration.upgrade(sqlite_engine)
    assert done.before == "0001"
    assert done.backup is not None
    kept = sa.create_engine(f"sqlite:///{done.backup}")
    with kept.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM patient")) == patients == 25
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "0001"
    kept.dispose()

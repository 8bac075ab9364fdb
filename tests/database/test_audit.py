"""Is every change of every audited table written down once, or refused?"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.engine import Connection, Engine

from registry import audit
from registry.audit import altering_tables, check_triggers
from registry.database import Base, DbSession
from registry.errors import Unfit
from registry.operations import migration
from registry.operations.audit_verification import verify
from registry.schema import (
    AuditRow,
    ChangeSet,
    Draft,
    Patient,
    PatientIdentity,
    PhotographContent,
    Seal,
    UserAccount,
)
from registry.vocabulary import Role, Sex
from tests.factories import (
    NOW,
    a_clinic,
    a_patient,
    a_patient_link,
    an_identity,
    one_of_each,
    saving,
)

MODELS: dict[str, type[Base]] = {
    mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers
}
AUDITED = sorted(set(MODELS) - audit.UNAUDITED)

# What must differ from the row made before for a second row to be allowed beside it.
OTHER: dict[str, dict[str, Any]] = {
    "anatomy": {"code": "another"},
    "checklist": {"version": 99},
    "clinic": {"id": 77, "code": "another"},
    "clinic_setting": {"code": "another"},
    "clinician": {"id": 77, "code": "another"},
    "condition": {"code": "another"},
    "event_term": {"code": "another"},
    "import_batch": {"id": 77, "content_digest": "1" * 64},
    "instrument_item": {"code": "another"},
    "limb_assessment": {"side": "right"},
    "lot": {"lot_number": "another"},
    "patient": {"pseudonym": "another"},
    "patient_reported_outcome": {"item_code": "symptom_aching"},
    "product": {"code": "another"},
    "product_gtin": {"gtin": "09501101530010"},
    "reporting_period": {"name": "another"},
    "role_grant": {"role": Role.AUDITOR},
    "safety_override": {"rule": "another"},
    "scale": {"code": "another"},
    "sclerosant": {"code": "another"},
    "site_outcome": {"side": "right"},
    "user_account": {"id": 77, "user_name": "another"},
}
# A column that may change, and its next value.
CHANGE: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(AUDITED, ("version", 2)),
    **dict.fromkeys(
        (
            "anatomy",
            "checklist",
            "condition",
            "event_term",
            "instrument_item",
            "product",
            "scale",
            "sclerosant",
        ),
        ("label", "New"),
    ),
    "clinic": ("name", "New"),
    "clinician": ("display_name", "New"),
    "import_batch": ("row_count", 2),
    "patient_identity": ("given_name", "New"),
    "role_grant": ("see_records", True),
    "user_account": ("display_name", "New"),
}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with saving(engine) as db:
        ids = one_of_each(db)
        a_patient_link(db, ids["clinic"], a_patient(db, ids["clinic"]), ids["patient"])
    return engine


def rows_written(engine: Engine) -> int:
    with DbSession(engine) as db:
        return db.scalars(sa.select(sa.func.count()).select_from(AuditRow)).one()


def last_rows(source: Engine | DbSession, count: int) -> list[AuditRow]:
    if isinstance(source, Engine):
        with DbSession(source) as db:
            return last_rows(db, count)
    source.flush()
    found = source.scalars(sa.select(AuditRow).order_by(AuditRow.id.desc()).limit(count))
    return list(found)[::-1]


def rows_since(db: DbSession, mark: int) -> list[AuditRow]:
    """Audit rows written after the one with number ``mark``."""
    db.flush()
    return list(db.scalars(sa.select(AuditRow).where(AuditRow.id > mark).order_by(AuditRow.id)))


def mark(db: DbSession) -> int:
    db.flush()
    return db.scalars(sa.select(sa.func.max(AuditRow.id))).one() or 0


def a_row(db: DbSession, model: type[Base]) -> dict[str, Any]:
    """Any stored row as column values."""
    row = db.execute(sa.select(model.__table__).limit(1)).mappings().one()  # type: ignore[arg-type]
    return dict(row)


def key_of(model: type[Base], values: dict[str, Any]) -> sa.ColumnElement[bool]:
    table = model.__table__
    return sa.and_(*(column == values[column.name] for column in table.primary_key))


def a_second_row(db: DbSession, table: str) -> dict[str, Any]:
    values = a_row(db, MODELS[table]) | OTHER.get(table, {})
    if "version" in values and "id" in values:
        values["id"] = uuid4()
    if table == "follow_up_finding":
        values["event_term_code"] = "visual_disturbance"
    if table in ("patient_identity", "patient_link"):
        values["patient_id"] = a_patient(db, values["clinic_id"])
    return values


def raw(db: DbSession, values: dict[str, Any]) -> dict[str, Any]:
    """Values as a driver takes them without SQLAlchemy's types."""
    if db.get_bind().dialect.name == "postgresql":
        return {k: str(v) if isinstance(v, UUID) else v for k, v in values.items()}
    kinds: dict[type, Callable[[Any], Any]] = {
        UUID: lambda v: v.hex,
        dt.datetime: lambda v: v.replace(tzinfo=None).isoformat(" ", "microseconds"),
        dt.date: dt.date.isoformat,
        Decimal: float,
    }
    return {k: kinds.get(type(v), lambda v: v)(v) for k, v in values.items()}


def names(values: dict[str, Any]) -> tuple[str, str]:
    return ", ".join(values), ", ".join(f":{name}" for name in values)


# --- write paths ---------------------------------------------------------------------------------


def insert_by_unit_of_work(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    db.add(model(**values))


def insert_by_orm_statement(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    db.execute(sa.insert(model), [values])


def insert_by_core(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    db.connection().execute(sa.insert(model.__table__).values(**values))  # type: ignore[arg-type]


def insert_by_text(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    columns, places = names(values)
    statement = f"INSERT INTO {model.__tablename__} ({columns}) VALUES ({places})"  # noqa: S608
    db.execute(sa.text(statement), raw(db, values))


def insert_by_pandas(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    types = {column.name: column.type for column in model.__table__.columns}
    frame = pd.DataFrame([values], dtype=object)
    frame.to_sql(model.__tablename__, db.connection(), if_exists="append", index=False, dtype=types)


def insert_by_driver(db: DbSession, model: type[Base], values: dict[str, Any]) -> None:
    mark = "%s" if db.get_bind().dialect.name == "postgresql" else "?"
    columns, marks = ", ".join(values), ", ".join([mark] * len(values))
    cursor = db.connection().connection.cursor()
    cursor.execute(
        f"INSERT INTO {model.__tablename__} ({columns}) VALUES ({marks})",  # noqa: S608
        list(raw(db, values).values()),
    )
    cursor.close()


INSERTS = [
    insert_by_unit_of_work,
    insert_by_orm_statement,
    insert_by_core,
    insert_by_text,
    insert_by_pandas,
    insert_by_driver,
]


def update_by_unit_of_work(
    db: DbSession, model: type[Base], row: dict[str, Any], change: dict[str, Any]
) -> None:
    stored = db.scalars(sa.select(model).where(key_of(model, row))).one()
    for name, value in change.items():
        setattr(stored, name, value)


def update_by_criteria(
    db: DbSession, model: type[Base], row: dict[str, Any], change: dict[str, Any]
) -> None:
    db.execute(sa.update(model).where(key_of(model, row)).values(**change))


def update_by_key(
    db: DbSession, model: type[Base], row: dict[str, Any], change: dict[str, Any]
) -> None:
    keys = {column.name: row[column.name] for column in model.__table__.primary_key}
    db.execute(sa.update(model), [keys | change])


def update_by_core(
    db: DbSession, model: type[Base], row: dict[str, Any], change: dict[str, Any]
) -> None:
    table = model.__table__
    db.connection().execute(sa.update(table).where(key_of(model, row)).values(**change))  # type: ignore[arg-type]


def update_by_text(
    db: DbSession, model: type[Base], row: dict[str, Any], change: dict[str, Any]
) -> None:
    keys = {f"k_{column.name}": row[column.name] for column in model.__table__.primary_key}
    wanted = ", ".join(f"{name} = :{name}" for name in change)
    where = " AND ".join(f"{name[2:]} = :{name}" for name in keys)
    statement = f"UPDATE {model.__tablename__} SET {wanted} WHERE {where}"  # noqa: S608
    db.execute(sa.text(statement), raw(db, change | keys))


UPDATES = [
    update_by_unit_of_work,
    update_by_criteria,
    update_by_key,
    update_by_core,
    update_by_text,
]


def delete_by_unit_of_work(db: DbSession, model: type[Base], row: dict[str, Any]) -> None:
    db.delete(db.scalars(sa.select(model).where(key_of(model, row))).one())


def delete_by_core(db: DbSession, model: type[Base], row: dict[str, Any]) -> None:
    db.connection().execute(sa.delete(model.__table__).where(key_of(model, row)))  # type: ignore[arg-type]


def test_every_table_has_a_case() -> None:
    assert set(CHANGE) == set(AUDITED)
    for table, (column, _) in CHANGE.items():
        assert column in MODELS[table].__table__.columns, table


@pytest.mark.parametrize("path", INSERTS)
def test_each_insert_makes_one_audit_row(
    filled: Engine, path: Callable[[DbSession, type[Base], dict[str, Any]], None]
) -> None:
    with saving(filled) as db:
        for table in AUDITED:
            values = a_second_row(db, table)
            before = mark(db)
            path(db, MODELS[table], values)
            (row,) = rows_since(db, before)
            assert (row.table_name, row.operation, row.old_values) == (table, "insert", None)
            assert set(json.loads(row.new_values or "")) == set(
                MODELS[table].__table__.columns.keys()
            )
            delete_by_core(db, MODELS[table], values)
    assert verify(filled).is_whole


@pytest.mark.parametrize("path", UPDATES)
def test_each_update_makes_one_audit_row_with_both_states(
    filled: Engine,
    path: Callable[[DbSession, type[Base], dict[str, Any], dict[str, Any]], None],
) -> None:
    with saving(filled) as db:
        for table in AUDITED:
            column, value = CHANGE[table]
            before = mark(db)
            path(db, MODELS[table], a_row(db, MODELS[table]), {column: value})
            (row,) = rows_since(db, before)
            old, new = json.loads(row.old_values or ""), json.loads(row.new_values or "")
            assert (row.table_name, row.operation) == (table, "update")
            assert {name for name in new if new[name] != old[name]} == {column}
    assert verify(filled).is_whole


@pytest.mark.parametrize("path", [delete_by_unit_of_work, delete_by_core])
def test_each_delete_makes_one_audit_row(
    filled: Engine, path: Callable[[DbSession, type[Base], dict[str, Any]], None]
) -> None:
    with saving(filled) as db:
        for table in AUDITED:
            values = a_second_row(db, table)
            insert_by_core(db, MODELS[table], values)
            before = mark(db)
            path(db, MODELS[table], values)
            (row,) = rows_since(db, before)
            assert (row.table_name, row.operation, row.new_values) == (table, "delete", None)
    assert verify(filled).is_whole


def test_nothing_is_written_without_a_change_set(filled: Engine) -> None:
    def refused(write: Callable[..., None], *arguments: Any) -> None:
        with DbSession(filled) as db:
            write(db, *arguments)
            db.commit()

    for table in AUDITED:
        model, (column, value) = MODELS[table], CHANGE[table]
        with saving(filled) as db:
            new, stored = a_second_row(db, table), a_row(db, model)
        before = rows_written(filled)
        for inserting in INSERTS:
            with pytest.raises(Exception, match="no change set"):
                refused(inserting, model, new)
        for updating in UPDATES:
            with pytest.raises(sa.exc.DBAPIError, match="no change set"):
                refused(updating, model, stored, {column: value})
        for deleting in (delete_by_unit_of_work, delete_by_core):
            with pytest.raises(sa.exc.DBAPIError, match=r"no change set|(?i:foreign key)"):
                refused(deleting, model, stored)
        assert rows_written(filled) == before, table


def test_sqlite_shell_cannot_write(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        one_of_each(db)
    shell = sqlite3.connect(sqlite_engine.url.database or "")
    with pytest.raises(sqlite3.OperationalError, match="no such function"):
        shell.execute("UPDATE patient SET sex = 'male'")
    shell.close()


# --- what a change set and its rows say ----------------------------------------------------------


def test_change_set_names_actor_reason_and_request(filled: Engine) -> None:
    key = audit.request_key()
    other = migration.command_line_actor(filled)
    with saving(
        filled, "amend", by=other, reason="typing_error", reason_text="wrong sex", request_key=key
    ) as db:
        db.execute(sa.update(Patient).values(sex=Sex.MALE))
    with DbSession(filled) as db:
        stored = db.scalars(sa.select(ChangeSet).where(ChangeSet.request_key == key)).one()
    assert (stored.actor_id, stored.origin, stored.at) == (other.user_id, "command line", NOW)
    assert (stored.action, stored.reason, stored.reason_text) == (
        "amend",
        "typing_error",
        "wrong sex",
    )


def test_change_that_changes_nothing_makes_no_row(filled: Engine) -> None:
    before = rows_written(filled)
    with saving(filled) as db:
        for table in AUDITED:
            model = MODELS[table]
            row = a_row(db, model)
            update_by_core(db, model, row, {CHANGE[table][0]: row[CHANGE[table][0]]})
    assert rows_written(filled) == before


@pytest.mark.parametrize(
    ("column", "states"),
    [
        ("note", ["x", None, "y", "Y", " y"]),
        ("pain", [3, None, 0, 10]),
        ("cost_amount", [None, Decimal("0.10"), Decimal("0.20"), None]),
        ("treated_on", [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]),
        ("voided_at", [NOW, None, NOW + dt.timedelta(microseconds=1)]),
        ("intent", ["residual", None, "new_vein"]),
        ("clinician_id", [None, 1, None]),
    ],
)
def test_each_transition_is_recorded(filled: Engine, column: str, states: list[Any]) -> None:
    session = MODELS["treatment_session"]
    for value in states:
        change = {column: value}
        if column == "cost_amount":
            change["cost_currency"] = None if value is None else "EUR"
        before = rows_written(filled)
        with DbSession(filled) as db:
            differs = a_row(db, session)[column] != value
        for _ in range(2):
            with saving(filled) as db:
                update_by_core(db, session, a_row(db, session), change)
        assert rows_written(filled) - before == differs, value
    assert verify(filled).is_whole


def test_names_and_password_hashes_never_enter_the_trail(filled: Engine) -> None:
    with saving(filled) as db:
        db.execute(sa.update(PatientIdentity).values(family_name="Zzcanarytwo"))
        db.execute(sa.update(UserAccount).values({"password_hash": "$argon2id$zzcanary"}))
        salt = db.scalars(sa.select(PatientIdentity.salt)).one()
    with DbSession(filled) as db:
        text = " ".join(
            f"{row.old_values} {row.new_values}" for row in db.scalars(sa.select(AuditRow))
        )
    assert "canary" not in text.lower()
    assert salt not in text
    assert "H-4711" not in text
    assert "1970-05-17" not in text
    assert text.count('"family_name"') >= 3
    assert verify(filled).is_whole


def test_erased_identity_leaves_the_trail_whole(filled: Engine) -> None:
    with saving(filled, "erase_identity") as db:
        db.execute(sa.delete(PatientIdentity))
    assert verify(filled).is_whole


def test_same_request_is_stored_once(filled: Engine) -> None:
    key = audit.request_key()
    with saving(filled, request_key=key) as db:
        db.execute(sa.update(Patient).values(sex=Sex.OTHER))
    with (
        pytest.raises(audit.AlreadyRecorded) as earlier,
        saving(filled, request_key=key) as db,
    ):
        db.execute(sa.update(Patient).values(sex=Sex.MALE))
    assert earlier.value.at == NOW
    with DbSession(filled) as db:
        assert set(db.scalars(sa.select(Patient.sex))) == {Sex.OTHER}


def test_draft_comes_changes_and_goes_without_a_trail(filled: Engine) -> None:
    before = rows_written(filled)
    with DbSession(filled) as db:
        draft = a_row(db, Draft)
        db.execute(sa.insert(Draft).values(**draft | {"id": uuid4()}))
        db.execute(sa.update(Draft).values(content='{"pain": 3}'))
        db.execute(sa.delete(Draft).where(key_of(Draft, draft)))
        db.commit()
    with DbSession(filled) as db:
        assert db.scalars(sa.select(Draft.content)).all() == ['{"pain": 3}']
    assert rows_written(filled) == before
    assert verify(filled).is_whole


def test_picture_stays_while_a_photograph_refers_to_it(filled: Engine) -> None:
    with DbSession(filled) as db, pytest.raises(sa.exc.IntegrityError):
        db.execute(sa.delete(PhotographContent))


def test_failed_use_case_leaves_no_trace(filled: Engine) -> None:
    with DbSession(filled) as db:
        before = audit.last_seal(db)
    with pytest.raises(sa.exc.IntegrityError), saving(filled) as db:
        db.execute(sa.update(Patient).values(sex=Sex.MALE, version=0))
    with DbSession(filled) as db:
        assert audit.last_seal(db) == before
    assert verify(filled).is_whole


# --- what may never happen -----------------------------------------------------------------------


@pytest.mark.parametrize("table", ["change_set", "audit_row", "seal", "access_log"])
def test_trail_is_only_added_to(filled: Engine, table: str) -> None:
    statements = [f"UPDATE {table} SET {MODELS[table].__table__.columns.keys()[1]} = NULL"]  # noqa: S608
    statements.append(f"DELETE FROM {table}")  # noqa: S608
    if filled.dialect.name == "postgresql":
        statements.append(f"TRUNCATE {table} CASCADE")
    elif table == "seal":
        statements.append("INSERT OR REPLACE INTO seal SELECT * FROM seal WHERE seq = 1")
    with saving(filled) as db:
        db.execute(
            sa.text("INSERT INTO access_log (at, user_name, action) VALUES (:at, 'ada', 'x')"),
            raw(db, {"at": NOW}),
        )
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match=r"only added to|kept"), saving(filled) as db:
            db.execute(sa.text(statement))


def test_key_of_a_stored_row_never_changes(filled: Engine) -> None:
    with (
        pytest.raises(sa.exc.DBAPIError, match="the key of a stored row never changes"),
        saving(filled) as db,
    ):
        db.execute(sa.text("UPDATE import_batch SET id = 78"))


def test_audited_tables_are_not_truncated(postgres_engine: Engine) -> None:
    for table in AUDITED:
        with (
            pytest.raises(sa.exc.DBAPIError, match="kept"),
            saving(postgres_engine) as db,
        ):
            db.execute(sa.text(f"TRUNCATE {table} CASCADE"))


def test_replacing_a_row_records_the_one_that_goes(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        a_clinic(db)
    with saving(sqlite_engine) as db:
        db.execute(
            sa.text(
                "INSERT OR REPLACE INTO clinic (id, code, name, jurisdiction, time_zone, is_demo) "
                "SELECT 2, code, 'Other', jurisdiction, time_zone, is_demo FROM clinic"
            )
        )
    written = [(row.operation, row.row_key) for row in last_rows(sqlite_engine, 2)]
    assert written == [("delete", "[1]"), ("insert", "[2]")]
    assert verify(sqlite_engine).is_whole


def test_temporary_table_does_not_catch_the_audit_rows(postgres_engine: Engine) -> None:
    before = rows_written(postgres_engine)
    with saving(postgres_engine) as db:
        db.execute(sa.text("CREATE TEMP TABLE audit_row (LIKE audit_row INCLUDING DEFAULTS)"))
        a_clinic(db)
        db.execute(sa.text("DROP TABLE pg_temp.audit_row"))
    assert rows_written(postgres_engine) - before == 1


def test_trail_does_not_depend_on_the_zone_of_the_client(postgres_engine: Engine) -> None:
    with saving(postgres_engine) as db:
        db.execute(sa.text("SET LOCAL timezone TO 'Asia/Kathmandu'"))
        a_patient(db, a_clinic(db))
    (row,) = last_rows(postgres_engine, 1)
    assert json.loads(row.new_values or "")["recorded_at"] == NOW.isoformat()
    assert verify(postgres_engine).is_whole


# --- triggers ------------------------------------------------------------------------------------

SQLITE_FAULTS = [
    ("missing", ["DROP TRIGGER audit_lot_delete"]),
    (
        "altered",
        [
            "DROP TRIGGER audit_lot_delete",
            "CREATE TRIGGER audit_lot_delete AFTER DELETE ON lot BEGIN SELECT 1; END",
        ],
    ),
    ("unknown", ["CREATE TRIGGER helpful AFTER INSERT ON lot BEGIN SELECT 1; END"]),
]
POSTGRES_FAULTS = [
    ("missing", ["DROP TRIGGER audit_lot ON lot"]),
    ("altered", ["ALTER TABLE lot DISABLE TRIGGER audit_lot"]),
    (
        "altered",
        [
            "DROP TRIGGER audit_lot ON lot",
            "CREATE TRIGGER audit_lot AFTER INSERT OR DELETE OR UPDATE ON lot FOR EACH ROW "
            "WHEN (false) EXECUTE FUNCTION registry_audit('clinic_id,id', '', '')",
        ],
    ),
    (
        "altered",
        [
            "CREATE OR REPLACE FUNCTION registry_audit() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'"
        ],
    ),
    ("altered", ["ALTER FUNCTION registry_audit() RESET search_path"]),
    (
        "unknown",
        [
            "CREATE TRIGGER helpful AFTER INSERT ON lot FOR EACH ROW "
            "EXECUTE FUNCTION registry_audit('id', '', '')"
        ],
    ),
]


def stops_the_start(engine: Engine, fault: str, statements: list[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    with pytest.raises(Unfit, match=fault):
        migration.require_current(engine)
    assert fault in {found.fault for found in verify(engine).findings if found.check == "triggers"}


@pytest.mark.parametrize(("fault", "statements"), SQLITE_FAULTS)
def test_fault_of_a_sqlite_trigger_stops_the_start(
    sqlite_engine: Engine, fault: str, statements: list[str]
) -> None:
    stops_the_start(sqlite_engine, fault, statements)


@pytest.mark.parametrize(("fault", "statements"), POSTGRES_FAULTS)
def test_fault_of_a_postgres_trigger_stops_the_start(
    postgres_engine: Engine, fault: str, statements: list[str]
) -> None:
    stops_the_start(postgres_engine, fault, statements)


def alter_patient(connection: Connection) -> None:
    operations = Operations(MigrationContext.configure(connection))
    always = "always" if connection.dialect.name == "sqlite" else "auto"
    with operations.batch_alter_table("patient", recreate=always) as batch:
        batch.add_column(sa.Column("shoe_size", sa.Integer()))
    operations.execute("ALTER TABLE lot RENAME COLUMN lot_number TO lot_code")


def test_altered_tables_keep_triggers_made_from_the_new_columns(filled: Engine) -> None:
    with filled.connect() as connection:
        if filled.dialect.name == "sqlite":
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin(), altering_tables(connection):
            alter_patient(connection)
        with connection.begin():
            check_triggers(connection)
    with saving(filled) as db:
        db.execute(sa.text("UPDATE patient SET shoe_size = 41"))
        db.execute(sa.text("UPDATE lot SET lot_code = 'L-2'"))
    patient, lot = last_rows(filled, 2)
    assert json.loads(patient.new_values or "")["shoe_size"] == 41
    assert json.loads(lot.new_values or "")["lot_code"] == "L-2"
    assert "lot_number" not in json.loads(lot.new_values or "")


def test_step_that_destroys_records_is_refused(filled: Engine) -> None:
    with (
        pytest.raises(Unfit, match="site_outcome"),
        filled.begin() as connection,
        altering_tables(connection),
    ):
        connection.exec_driver_sql("DROP TABLE site_outcome")
    migration.require_current(filled)
    assert verify(filled).is_whole


# --- order of seals ------------------------------------------------------------------------------


def test_sixteen_writers_make_one_chain(postgres_engine: Engine) -> None:
    writers, each = 16, 25
    engine = sa.create_engine(postgres_engine.url, pool_size=writers, max_overflow=0)
    with saving(engine) as db:
        clinic_id = a_clinic(db)
    actor = migration.command_line_actor(engine)

    def write(writer: int) -> None:
        for number in range(each):
            with saving(engine, by=actor) as db:
                a_patient(db, clinic_id, pseudonym=f"{writer}-{number}")

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    engine.dispose()
    with DbSession(postgres_engine) as db:
        previous = db.scalars(sa.select(Seal.previous_hash)).all()
        patients = db.scalars(sa.select(sa.func.count()).select_from(Patient)).one()
    assert len(previous) == len(set(previous))
    assert patients == writers * each
    assert verify(postgres_engine).is_whole


def test_one_request_sent_by_eight_at_once_is_stored_once(postgres_engine: Engine) -> None:
    with saving(postgres_engine) as db:
        clinic_id = a_clinic(db)
    actor, key = migration.command_line_actor(postgres_engine), audit.request_key()

    def write(number: int) -> bool:
        try:
            with saving(postgres_engine, by=actor, request_key=key) as db:
                a_patient(db, clinic_id, pseudonym=str(number))
        except audit.AlreadyRecorded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(write, range(8)))
    assert stored.count(True) == 1
    with DbSession(postgres_engine) as db:
        assert db.scalars(sa.select(sa.func.count()).select_from(Patient)).one() == 1


def test_identity_is_digested_with_the_salt_of_its_row(filled: Engine) -> None:
    with saving(filled) as db:
        clinic_id = db.scalars(sa.select(Patient.clinic_id)).first()
        assert clinic_id is not None
        for _ in range(2):
            an_identity(db, clinic_id, a_patient(db, clinic_id), family_name="Same")
    rows = [r for r in last_rows(filled, 4) if r.table_name == "patient_identity"]
    first, second = (json.loads(row.new_values or "")["family_name"] for row in rows)
    assert first != second
    assert len(first) == len(second) == 64

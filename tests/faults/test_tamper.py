"""Does verification find, and name, every change made by somebody who owns the database file?"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from registry import audit
from registry.database import make_engine
from registry.operations.audit_verification import Check, Finding, verify
from registry.operations.baseline import seal_revision
from registry.schema import AuditRow, ChangeSet, Patient, PatientIdentity, Seal, UserAccount
from registry.vocabulary import Sex
from tests.factories import a_patient, a_session, one_of_each, saving

TRAIL_COLUMNS = {
    model.__tablename__: [c.name for c in model.__table__.columns if c.name != "id"]
    for model in (ChangeSet, AuditRow, Seal)
}


def history(engine: Engine) -> None:
    """A few dozen change sets with inserts, amendments and an erased identity."""
    with saving(engine) as db:
        ids = one_of_each(db)
    for number in range(8):
        with saving(engine, "enrol", request_key=audit.request_key()) as db:
            patient_id = a_patient(db, ids["clinic"], pseudonym=f"T-{number}")
            a_session(db, ids["clinic"], patient_id)
        with saving(engine, "amend", reason="typing_error", reason_text="sex") as db:
            db.execute(sa.update(Patient).where(Patient.id == patient_id).values(sex=Sex.MALE))


def last_seal_number(engine: Engine) -> int:
    """Number of the newest seal; a history ends with an enrolment and its amendment."""
    with engine.connect() as connection:
        anchor = audit.last_seal(connection)
        connection.rollback()
    assert anchor is not None
    return anchor.seq


@pytest.fixture
def tampered(sqlite_engine: Engine) -> Engine:
    """A registry with a history whose triggers somebody has dropped."""
    history(sqlite_engine)
    assert verify(sqlite_engine).is_whole
    with sqlite_engine.begin() as connection:
        audit.remove_triggers(connection)
    return sqlite_engine


def undone(engine: Engine, change: Callable[[Connection], None], check: Check) -> list[Finding]:
    """Findings of a check after a change, which is then taken back."""
    path = Path(engine.url.database or "")
    copy = path.with_name("tampered.sqlite")
    copy.write_bytes(path.read_bytes())
    other = make_engine(f"sqlite:///{copy}")
    with other.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("PRAGMA ignore_check_constraints=ON")
        with connection.begin():
            change(connection)
    found = [finding for finding in verify(other).findings if finding.check is check]
    other.dispose()
    return found


def random_mutation(rng: random.Random) -> Callable[[Connection], str]:
    """One field of one row of the trail altered, or one row removed, copied or moved."""
    table = rng.choice(list(TRAIL_COLUMNS))
    column = rng.choice(TRAIL_COLUMNS[table])
    kind = rng.choice(["alter", "alter", "alter", "null", "spoil", "remove", "copy", "swap"])

    def mutate(connection: Connection) -> str:
        def run(statement: str, **values: object) -> int:
            return connection.execute(sa.text(statement), values).rowcount

        rowid = rng.choice(
            connection.execute(sa.text(f"SELECT rowid FROM {table}")).scalars().all()  # noqa: S608
        )
        where = f"WHERE rowid = {rowid}"
        value = connection.scalar(sa.text(f"SELECT {column} FROM {table} {where}"))  # noqa: S608
        if kind == "remove":
            run(f"DELETE FROM {table} {where}")  # noqa: S608
        elif kind == "copy" and table == "audit_row":
            columns = ", ".join(TRAIL_COLUMNS[table])
            run(f"INSERT INTO audit_row ({columns}) SELECT {columns} FROM audit_row {where}")  # noqa: S608
        elif kind == "swap" and table == "audit_row":
            highest = connection.execute(sa.text("SELECT max(id) FROM audit_row")).scalar()
            run(f"UPDATE audit_row SET id = :new {where}", new=int(highest or 0) + 1)  # noqa: S608
        elif kind == "null" and value is not None and column not in ("previous_hash", "hash"):
            nullable = {"reason", "reason_text", "request_key", "old_values", "new_values"}
            if column not in nullable | {"actor_id", "clinic_id", "baseline"}:
                run(f"DELETE FROM {table} {where}")  # noqa: S608
            else:
                run(f"UPDATE {table} SET {column} = NULL {where}")  # noqa: S608
        elif kind == "spoil" and column not in ("seq",):
            run(f"UPDATE {table} SET {column} = x'ff00' {where}")  # noqa: S608
        elif isinstance(value, int):
            run(f"UPDATE {table} SET {column} = :new {where}", new=value + 1_000)  # noqa: S608
        else:
            text = str(value or "")
            place = rng.randrange(len(text) + 1)
            changed = text[:place] + rng.choice("zZ9 ") + text[place + rng.choice([0, 1]) :]
            run(
                f"UPDATE {table} SET {column} = :new {where}",  # noqa: S608
                new=changed if changed != text else f"{text}x",
            )
        return f"{kind} {table}.{column}"

    return mutate


def test_every_single_mutation_of_the_trail_is_found(tampered: Engine) -> None:
    rng = random.Random(20261123)  # noqa: S311
    missed = []
    for _ in range(200):
        mutation = random_mutation(rng)
        label: list[str] = []
        found = undone(tampered, lambda c, m=mutation, to=label: to.append(m(c)), Check.CHAIN)  # type: ignore[misc]
        if not found:
            missed.append(label)
    assert missed == []


def test_mutation_is_named_by_its_seal_and_tables(tampered: Engine) -> None:
    amendment = last_seal_number(tampered) - 2

    def change(connection: Connection) -> None:
        connection.execute(
            sa.text(
                "UPDATE audit_row SET new_values = replace(new_values, '\"male\"', '\"other\"') "
                "WHERE table_name = 'patient' AND operation = 'update' AND change_set_id = "
                "(SELECT change_set_id FROM seal WHERE seq = :seq)"
            ),
            {"seq": amendment},
        )

    (found,) = undone(tampered, change, Check.CHAIN)
    assert found.place == f"seal {amendment}"
    assert "patient" in found.fault


@pytest.mark.parametrize("cut", range(1, 11))
def test_cut_tail_is_found_by_the_anchor_alone(tampered: Engine, cut: int) -> None:
    with tampered.connect() as connection:
        anchor = audit.last_seal(connection)
        connection.rollback()
    assert anchor is not None
    with tampered.begin() as connection:
        last = anchor.seq - cut
        kept = f"(SELECT change_set_id FROM seal WHERE seq <= {last})"  # noqa: S608
        connection.exec_driver_sql(f"DELETE FROM audit_row WHERE change_set_id NOT IN {kept}")  # noqa: S608
        connection.exec_driver_sql(f"DELETE FROM seal WHERE seq > {last}")  # noqa: S608
        connection.exec_driver_sql(
            "DELETE FROM change_set WHERE id NOT IN (SELECT change_set_id FROM seal)"
        )
    checks = {finding.check for finding in verify(tampered, anchor).findings}
    assert Check.ANCHOR in checks
    assert Check.CHAIN not in checks
    (found,) = [f for f in verify(tampered, anchor).findings if f.check is Check.ANCHOR]
    assert f"ends at seal {last}" in found.fault


def test_trail_rewritten_with_fresh_seals_is_found_by_the_anchor_alone(tampered: Engine) -> None:
    with tampered.connect() as connection:
        anchor = audit.last_seal(connection)
        connection.rollback()
    assert anchor is not None
    with tampered.begin() as connection:
        connection.exec_driver_sql("UPDATE change_set SET reason_text = 'forged' WHERE id = 6")
        previous = audit.GENESIS
        links = connection.exec_driver_sql(
            "SELECT seq, change_set_id, baseline FROM seal ORDER BY seq"
        ).all()
        for seq, change_set_id, baseline in links:
            current = audit.seal_hash(connection, change_set_id, previous, baseline)
            connection.exec_driver_sql(
                "UPDATE seal SET previous_hash = ?, hash = ? WHERE seq = ?",
                (previous, current, seq),
            )
            previous = current
        audit.install_triggers(connection)
    assert verify(tampered).is_whole
    (found,) = verify(tampered, anchor).findings
    assert found.check is Check.ANCHOR
    assert "rewritten" in found.fault


def test_trail_altered_on_postgres_is_named(postgres_engine: Engine) -> None:
    history(postgres_engine)
    last = last_seal_number(postgres_engine)
    with postgres_engine.begin() as connection:
        audit.remove_triggers(connection)
        for statement, seq in (
            (
                "UPDATE change_set SET actor_id = NULL WHERE id = "
                "(SELECT change_set_id FROM seal WHERE seq = :seq)",
                last - 5,
            ),
            ("DELETE FROM seal WHERE seq = :seq", last - 3),
            (
                "DELETE FROM audit_row WHERE table_name = 'treatment_session' AND change_set_id = "
                "(SELECT change_set_id FROM seal WHERE seq = :seq)",
                last - 1,
            ),
        ):
            connection.execute(sa.text(statement), {"seq": seq})
        audit.install_triggers(connection)
    found = [f for f in verify(postgres_engine).findings if f.check is Check.CHAIN]
    places = [finding.place for finding in found]
    assert places[:3] == [f"seal {last - 5}", f"seal {last - 2}", f"seal {last - 1}"]
    assert f"seal {last - 3} should stand here" in found[1].fault
    assert any(place.startswith("change set") for place in places[3:])
    assert any(place.startswith("audit row") for place in places[3:])


def test_change_set_that_was_never_sealed_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        number = audit.open_change_set(connection, None, audit.Cause("forgotten"))
        connection.exec_driver_sql(
            "INSERT INTO event_term (code, label) VALUES ('unsealed', 'Unsealed')"
        )
        connection.info.pop(audit.ACTOR_KEY)
    found = verify(engine).findings
    assert found[0].place == f"change set {number}"
    assert found[0].fault == "has no seal"
    # Replay counts only what a seal vouches for.
    assert ("event_term", '["unsealed"]') in {(f.table, f.row_key) for f in found}


def test_noted_anchor_of_an_earlier_seal_stays_good(sqlite_engine: Engine) -> None:
    with sqlite_engine.connect() as connection:
        anchor = audit.last_seal(connection)
        connection.rollback()
    assert anchor is not None
    history(sqlite_engine)
    assert verify(sqlite_engine, anchor).is_whole
    assert audit.Anchor.parse(f" {anchor}\n") == anchor


# --- data changed past the trail -----------------------------------------------------------------


def any_cell(connection: Connection, rng: random.Random) -> tuple[str, str, str]:
    """Table, rowid and column of a stored cell."""
    inspector = sa.inspect(connection)
    tables = [t for t in inspector.get_table_names() if t not in audit.UNAUDITED]
    while True:
        table = rng.choice(tables)
        keys = inspector.get_pk_constraint(table)["constrained_columns"]
        columns = [c["name"] for c in inspector.get_columns(table) if c["name"] not in keys]
        rows = connection.exec_driver_sql(f"SELECT rowid FROM {table}").scalars().all()  # noqa: S608
        if rows and columns:
            return table, str(rng.choice(rows)), rng.choice(columns)


@pytest.mark.parametrize("after_a_migration", [False, True])
def test_every_cell_changed_past_the_trail_is_named(
    sqlite_engine: Engine, after_a_migration: bool
) -> None:
    history(sqlite_engine)
    with sqlite_engine.begin() as connection:
        if after_a_migration:
            seal_revision(connection)
        audit.remove_triggers(connection)
    rng = random.Random(47)  # noqa: S311
    for _ in range(50):
        with sqlite_engine.connect() as connection:
            table, rowid, column = any_cell(connection, rng)
            connection.rollback()

        def change(c: Connection, t: str = table, r: str = rowid, k: str = column) -> None:
            c.exec_driver_sql(
                f"UPDATE {t} SET {k} = CASE typeof({k}) WHEN 'integer' THEN {k} + 1 "  # noqa: S608
                f"WHEN 'real' THEN {k} + 0.5 WHEN 'null' THEN 'zz' ELSE {k} || 'z' END "
                f"WHERE rowid = {r}"
            )

        found = undone(sqlite_engine, change, Check.REPLAY)
        assert len(found) == 1, (table, column)
        assert found[0].table == table
        assert found[0].row_key is not None
        assert column == "salt" or column in found[0].columns
        assert "canary" not in str(found[0]).lower()


def test_rows_removed_and_added_past_the_trail_are_named(tampered: Engine) -> None:
    def remove(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM patient WHERE pseudonym = 'T-3'")

    def add(connection: Connection) -> None:
        connection.exec_driver_sql(
            "INSERT INTO event_term (code, label) VALUES ('invented', 'Invented')"
        )

    (removed,) = undone(tampered, remove, Check.REPLAY)
    assert (removed.table, removed.columns) == ("patient", ())
    assert "missing" in removed.fault
    (added,) = undone(tampered, add, Check.REPLAY)
    assert (added.table, added.row_key) == ("event_term", '["invented"]')


def test_change_taken_back_before_the_next_amendment_is_still_found(
    sqlite_engine: Engine,
) -> None:
    history(sqlite_engine)
    with sqlite_engine.begin() as connection:
        audit.remove_triggers(connection)
        connection.exec_driver_sql("UPDATE patient SET birth_year = 1901")
        audit.install_triggers(connection)
    with saving(sqlite_engine) as db:
        db.execute(sa.update(Patient).values(birth_year=1970))
    found = verify(sqlite_engine).findings
    assert len(found) == 9
    assert {finding.columns for finding in found} == {("birth_year",)}
    assert all("between audit rows" in finding.fault for finding in found)


def test_data_changed_on_postgres_is_named(postgres_engine: Engine) -> None:
    history(postgres_engine)
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE patient_identity DISABLE TRIGGER ALL")
        connection.exec_driver_sql("ALTER TABLE injection DISABLE TRIGGER ALL")
        connection.execute(sa.update(PatientIdentity).values(family_name="Zzcanarynew"))
        connection.exec_driver_sql("DELETE FROM injection")
        connection.exec_driver_sql("ALTER TABLE patient_identity ENABLE TRIGGER ALL")
        connection.exec_driver_sql("ALTER TABLE injection ENABLE TRIGGER ALL")
    found = verify(postgres_engine).findings
    assert [(f.check, f.table, f.columns) for f in found] == [
        (Check.REPLAY, "injection", ()),
        (Check.REPLAY, "patient_identity", ("family_name",)),
    ]
    assert "canary" not in " ".join(map(str, found)).lower()


def test_untouched_rows_are_covered_by_the_baseline_on_postgres(postgres_engine: Engine) -> None:
    history(postgres_engine)
    with postgres_engine.begin() as connection:
        seal_revision(connection)
    with saving(postgres_engine) as db:
        db.execute(sa.update(Patient).where(Patient.pseudonym == "T-1").values(sex=Sex.OTHER))
    assert verify(postgres_engine).is_whole
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE patient DISABLE TRIGGER ALL")
        connection.exec_driver_sql("UPDATE patient SET sex = 'other' WHERE pseudonym = 'T-2'")
        connection.exec_driver_sql("ALTER TABLE patient ENABLE TRIGGER ALL")
    (found,) = verify(postgres_engine).findings
    assert (found.table, found.columns) == ("patient", ("sex",))


def test_exchanged_password_is_found(sqlite_engine: Engine) -> None:
    def exchange(connection: Connection) -> None:
        audit.remove_triggers(connection)
        connection.exec_driver_sql("UPDATE user_account SET password_hash = '$argon2id$other'")
        audit.install_triggers(connection)

    with saving(sqlite_engine) as db:
        db.execute(sa.update(UserAccount).values({"password_hash": "$argon2id$own"}))
    (found,) = undone(sqlite_engine, exchange, Check.REPLAY)
    assert (found.table, found.columns) == ("user_account", ("password_hash",))


def test_unreadable_cell_is_a_finding_and_not_a_crash(tampered: Engine) -> None:
    def spoil(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE clinic SET name = CAST(x'ff' AS TEXT)")

    (found,) = undone(tampered, spoil, Check.REPLAY)
    assert found.table == "clinic"


def test_long_lists_of_findings_are_counted_not_printed(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = one_of_each(db)["clinic"]
        for number in range(250):
            a_patient(db, clinic_id, pseudonym=str(number))
    with sqlite_engine.begin() as connection:
        audit.remove_triggers(connection)
        connection.exec_driver_sql("UPDATE patient SET birth_year = 1950")
        audit.install_triggers(connection)
    result = verify(sqlite_engine)
    assert (len(result.findings), result.unlisted) == (200, 51)
    assert result.to_dict()["whole"] is False

"""Does the doctor see what is wrong, and say what to do?"""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry import audit
from registry.database import make_engine
from registry.operations import doctor as doctors
from registry.operations import migration
from registry.operations.backup import backup
from registry.operations.doctor import Diagnosis, Level, doctor, is_fit
from tests.factories import NOW, a_clinic, one_of_each, saving

# The account "system" and the catalogue are stored with the real clock of the migration.
LATER = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


def by_subject(found: list[Diagnosis]) -> dict[str, Diagnosis]:
    return {diagnosis.subject: diagnosis for diagnosis in found}


def test_healthy_registry_is_fit(engine: Engine, tmp_path: Path) -> None:
    with saving(engine) as db:
        one_of_each(db)
    backup(engine, tmp_path / "backups", now=LATER - dt.timedelta(hours=3))
    found = by_subject(doctor(engine, now=LATER, backups=tmp_path / "backups"))
    wanted = {"database", "schema", "triggers", "audit trail", "backup", "anchors"}
    if engine.dialect.name == "sqlite":
        wanted |= {"journal", "synchronous", "foreign_keys", "file", "references", "disk"}
    else:
        wanted |= {"server", "synchronous_commit", "full_page_writes"}
        # The server of the tests trades durability for speed, and the doctor sees it.
        assert found.pop("fsync").level is Level.FAIL
        assert found.pop("role").level is Level.WARN
    assert {subject for subject in wanted if found[subject].level is Level.OK} == wanted
    assert is_fit(list(found.values()))


def test_every_complaint_says_what_to_do(tmp_path: Path) -> None:
    missing = doctor(make_engine(f"sqlite:///{tmp_path / 'none.sqlite'}"), now=NOW)
    assert [diagnosis.level for diagnosis in missing] == [Level.FAIL]
    assert "sclero migrate" in str(missing[0])
    assert not (tmp_path / "none.sqlite").exists()
    unreachable = doctor(make_engine("postgresql://ada@127.0.0.1:1/none"), now=NOW)
    assert [(d.level, d.subject) for d in unreachable] == [(Level.FAIL, "database")]
    assert unreachable[0].advice


def test_settings_that_lose_records_are_read_back(sqlite_engine: Engine) -> None:
    def weaken(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA journal_mode=MEMORY")

    weak = make_engine(sqlite_engine.url)
    event.listen(weak, "connect", weaken)
    found = by_subject(doctor(weak, now=LATER))
    weak.dispose()
    for subject in ("synchronous", "foreign_keys", "journal"):
        assert found[subject].level is Level.FAIL
        assert found[subject].advice


@pytest.mark.parametrize(
    ("version", "journal", "level"),
    [
        ((3, 40, 1), "delete", Level.OK),
        ((3, 40, 1), "wal", Level.FAIL),
        ((3, 51, 3), "wal", Level.OK),
    ],
)
def test_wal_is_trusted_from_the_version_that_mended_it(
    sqlite_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    journal: str,
    level: Level,
) -> None:
    engine = make_engine(sqlite_engine.url)
    event.listen(engine, "connect", lambda c, _: c.execute(f"PRAGMA journal_mode={journal}"))
    monkeypatch.setattr(doctors.sqlite3, "sqlite_version_info", version)
    assert by_subject(doctor(engine, now=LATER))["journal"].level is level
    engine.dispose()


def test_missing_trigger_old_schema_and_broken_reference_fail(engine: Engine) -> None:
    with saving(engine) as db:
        one_of_each(db)
    with engine.begin() as connection:
        audit.remove_triggers(connection)
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    found = by_subject(doctor(engine, now=LATER))
    assert found["triggers"].level is Level.FAIL
    assert "sclero audit verify" in found["triggers"].advice
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    found = by_subject(doctor(engine, now=LATER))
    assert found["schema"].level is Level.FAIL
    assert migration.head_revision() in found["schema"].found


def test_broken_references_and_damaged_pages_are_found(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        one_of_each(db)
    sqlite_engine.dispose()
    shell = sqlite3.connect(sqlite_engine.url.database or "")
    for (name,) in shell.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        shell.execute(f"DROP TRIGGER {name}")
    shell.execute("DELETE FROM clinic")
    shell.execute("PRAGMA writable_schema=ON")
    shell.execute("DELETE FROM sqlite_master WHERE name = 'ix_treatment_session_day'")
    shell.commit()
    shell.close()
    found = by_subject(doctor(sqlite_engine, now=LATER))
    assert found["references"].level is Level.FAIL
    assert "patient" in found["references"].found
    assert found["file"].level is Level.FAIL
    assert "sclero restore" in found["file"].advice


def test_something_else_in_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_text("these are not the records you are looking for" * 100)
    found = doctor(make_engine(f"sqlite:///{path}"), now=NOW)
    assert [d.level for d in found] == [Level.FAIL]
    assert "restore" in found[0].advice


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (dt.timedelta(days=1), Level.OK),
        (dt.timedelta(days=3), Level.WARN),
        (dt.timedelta(days=30), Level.FAIL),
    ],
)
def test_age_of_the_last_backup(
    sqlite_engine: Engine, tmp_path: Path, age: dt.timedelta, level: Level
) -> None:
    assert by_subject(doctor(sqlite_engine, now=LATER))["backup"].level is Level.WARN
    backup(sqlite_engine, tmp_path / "backups", now=LATER - age)
    assert by_subject(doctor(sqlite_engine, now=LATER))["backup"].level is level


def test_older_copy_put_back_is_noticed_by_the_seal_of_a_newer_backup(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    path = Path(sqlite_engine.url.database or "")
    old = path.read_bytes()
    with saving(sqlite_engine) as db:
        a_clinic(db)
    backup(sqlite_engine, tmp_path / "backups", now=LATER)
    sqlite_engine.dispose()
    path.write_bytes(old)
    found = by_subject(doctor(sqlite_engine, now=LATER))
    assert found["anchors"].level is Level.FAIL
    assert "no longer in the trail" in found["anchors"].found


def test_clock_that_went_back_is_noticed(sqlite_engine: Engine) -> None:
    early = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    assert by_subject(doctor(sqlite_engine, now=early))["clock"].level is Level.WARN


def test_little_space_is_a_warning_and_none_a_failure(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(doctors.shutil.disk_usage("."))
    for free, level in ((1 << 40, Level.OK), (500 << 20, Level.WARN), (1 << 20, Level.FAIL)):
        monkeypatch.setattr(doctors.shutil, "disk_usage", lambda _, f=free: usage(1 << 40, 0, f))
        assert by_subject(doctor(sqlite_engine, now=LATER))["disk"].level is level

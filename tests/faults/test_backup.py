"""Is a copy whole although somebody writes, and does it come back as it was?"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.database import DbSession, make_engine
from registry.errors import DatabaseUnavailable, UnreadableFile
from registry.operations import backup as backups
from registry.operations import migration
from registry.operations.audit_verification import verify
from registry.operations.backup import Manifest, backup, manifest_of
from registry.operations.restore import restore
from registry.schema import ChangeSet, Patient
from tests.factories import NOW, a_clinic, a_patient, one_of_each, saving


def pseudonyms(engine: Engine) -> set[str]:
    with DbSession(engine) as db:
        return set(db.scalars(sa.select(Patient.pseudonym)))


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with saving(engine) as db:
        one_of_each(db)
    return engine


@pytest.fixture
def elsewhere(engine: Engine, tmp_path: Path) -> sa.URL:
    """Where a copy of ``engine`` can be put back: a new file, or a new empty database."""
    if engine.dialect.name == "sqlite":
        return sa.make_url(f"sqlite:///{tmp_path / 'restored' / 'registry.sqlite'}")
    name = f"{engine.url.database}_restored"
    admin = sa.create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    return engine.url.set(database=name)


def test_copy_comes_back_as_it_was(filled: Engine, elsewhere: sa.URL, tmp_path: Path) -> None:
    made = backup(filled, tmp_path / "copies", now=NOW)
    assert made.path.name == f"registry-20260302T093000Z{made.path.suffix}"
    report = restore(made.path, elsewhere)
    restored = make_engine(elsewhere)
    assert report.verification.is_whole
    assert report.is_current
    assert report.manifest == made.manifest
    assert pseudonyms(restored) == pseudonyms(filled)
    migration.require_current(restored)
    with DbSession(restored) as db:
        last = db.scalars(sa.select(ChangeSet).order_by(ChangeSet.id.desc())).first()
        assert last is not None
        assert (last.action, last.origin) == ("restore_backup", "command line")
    # The restored registry is alive: it takes new records and its trail goes on.
    with saving(restored) as db:
        a_clinic(db, code="NEW")
    assert verify(restored, made.manifest.seal).is_whole
    restored.dispose()
    assert any("SHA-256" in sentence for sentence in report.proved())


def test_manifest_describes_exactly_the_copy(filled: Engine, tmp_path: Path) -> None:
    with filled.connect() as connection:
        head = audit.last_seal(connection)
        connection.rollback()
    made = backup(filled, tmp_path / "copy.bin", now=NOW)
    manifest = Manifest.read(made.manifest_path)
    assert manifest == made.manifest
    assert manifest.seal == head
    assert manifest.rows["patient"] == 1
    assert manifest.revision == migration.head_revision()
    assert manifest.sha256 == backups.file_digest(made.path)
    assert made.path.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in made.path.parent.glob("copy*")) == [
        "copy.bin",
        "copy.bin.json",
    ]


def test_thirty_copies_under_load_miss_nothing_acknowledged(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = a_clinic(db)
    actor = migration.command_line_actor(sqlite_engine)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            name = str(len(acknowledged))
            with saving(sqlite_engine, by=actor) as db:
                a_patient(db, clinic_id, pseudonym=name)
            acknowledged.append(name)
            time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(30):
            before = set(acknowledged)
            made = backup(sqlite_engine, tmp_path / f"{number}.sqlite", now=NOW)
            copy = make_engine(f"sqlite:///{made.path}", read_only=True)
            assert before <= pseudonyms(copy)
            copy.dispose()
            if number % 10 == 9:
                copy = make_engine(f"sqlite:///{made.path}")
                assert verify(copy, made.manifest.seal).is_whole
                copy.dispose()
    finally:
        stop.set()
        writer.join()
    assert len(acknowledged) > 30


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9])
def test_one_flipped_byte_is_refused(filled: Engine, tmp_path: Path, place: float) -> None:
    made = backup(filled, tmp_path / "copy.bin", now=NOW)
    content = bytearray(made.path.read_bytes())
    content[int(place * len(content))] ^= 0x01
    made.path.write_bytes(content)
    target = tmp_path / "restored.sqlite"
    with pytest.raises(UnreadableFile, match="not the file its manifest describes"):
        restore(made.path, f"sqlite:///{target}")
    assert not target.exists()


def test_nothing_is_ever_overwritten(filled: Engine, tmp_path: Path) -> None:
    made = backup(filled, tmp_path / "copy.bin", now=NOW)
    content = made.path.read_bytes()
    with pytest.raises(DatabaseUnavailable, match="never overwritten"):
        backup(filled, made.path, now=NOW)
    assert made.path.read_bytes() == content
    before = pseudonyms(filled)
    with pytest.raises(DatabaseUnavailable, match="never overwritten"):
        restore(made.path, filled.url)
    assert pseudonyms(filled) == before


def test_journal_left_by_a_crash_is_not_played_into_a_restored_file(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    made = backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    (tmp_path / "new.sqlite-journal").write_bytes(b"left over")
    with pytest.raises(DatabaseUnavailable, match="journal"):
        restore(made.path, f"sqlite:///{tmp_path / 'new.sqlite'}")


def test_copy_without_or_with_a_strange_manifest_is_refused(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    made = backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    for content in ("", "[]", json.dumps({"format": 99}), "\xff"):
        made.manifest_path.write_bytes(content.encode("latin-1"))
        with pytest.raises(UnreadableFile, match=r"copy\.sqlite\.json"):
            restore(made.path, f"sqlite:///{tmp_path / 'new.sqlite'}")
    made.manifest_path.unlink()
    with pytest.raises(UnreadableFile, match=r"copy\.sqlite\.json"):
        restore(made.path, f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert not (tmp_path / "new.sqlite").exists()


def test_copy_of_one_database_does_not_go_into_another(
    sqlite_engine: Engine, postgres_engine: Engine, tmp_path: Path
) -> None:
    made = backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    with pytest.raises(DatabaseUnavailable, match="copy of sqlite"):
        restore(made.path, postgres_engine.url)


def test_copy_of_a_tampered_registry_comes_back_and_says_so(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    with saving(sqlite_engine) as db:
        one_of_each(db)
    with sqlite_engine.begin() as connection:
        audit.remove_triggers(connection)
        connection.exec_driver_sql("UPDATE patient SET birth_year = 1901")
        audit.install_triggers(connection)
    made = backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    report = restore(made.path, f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert not report.verification.is_whole
    assert any("NOT whole" in sentence for sentence in report.proved())


def test_missing_pg_dump_is_said_plainly(
    postgres_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups.shutil, "which", lambda _name: None)
    monkeypatch.setattr(backups.glob, "glob", lambda _pattern: [])
    with pytest.raises(DatabaseUnavailable, match="pg_dump is not installed"):
        backup(postgres_engine, tmp_path / "copy.dump", now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_password_does_not_stand_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\necho "$PGPASSWORD" >> {seen}\n')
    program.chmod(0o755)
    monkeypatch.setattr(backups.shutil, "which", lambda _name: str(program))
    engine = make_engine("postgresql://ada:geheim%27x@db.example/reg'istry?sslmode=require")
    backups.run_postgres_program(engine, "pg_dump", ["--version"])
    arguments, environment = seen.read_text().splitlines()
    assert "geheim" not in arguments
    assert "sslmode='require'" in arguments
    assert r"dbname='reg\'istry'" in arguments
    assert environment == "geheim'x"


def test_folder_that_may_not_be_written_is_said_plainly(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(DatabaseUnavailable, match="not touched"):
        backup(sqlite_engine, blocked / "copy.sqlite", now=NOW)


def test_copy_is_not_begun_where_it_has_no_room(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(backups.shutil.disk_usage(tmp_path))(100, 99, 1)
    monkeypatch.setattr(backups.shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(DatabaseUnavailable, match="0 MiB are free"):
        backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("copy")] == []


def test_registry_that_is_damaged_is_not_copied(sqlite_engine: Engine, tmp_path: Path) -> None:
    path = Path(sqlite_engine.url.database or "")
    sqlite_engine.dispose()
    shell = sqlite3.connect(path)
    shell.execute("PRAGMA writable_schema=ON")
    shell.execute("DELETE FROM sqlite_master WHERE name = 'ix_treatment_session_day'")
    shell.commit()
    shell.close()
    with pytest.raises(DatabaseUnavailable, match="damaged"):
        backup(sqlite_engine, tmp_path / "copy.sqlite", now=NOW)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("copy")] == []


def test_manifest_keeps_the_instant_in_utc(sqlite_engine: Engine, tmp_path: Path) -> None:
    local = NOW.astimezone(dt.timezone(dt.timedelta(hours=9)))
    made = backup(sqlite_engine, tmp_path, now=local)
    assert made.path.name == "registry-20260302T093000Z.sqlite"
    assert manifest_of(made.path) == made.manifest_path
    assert Manifest.read(made.manifest_path).at == NOW

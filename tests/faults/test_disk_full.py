"""What happens when the disk is full or the file may not be written?"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry.database import DbSession, make_engine
from registry.errors import DatabaseUnavailable
from registry.operations.audit_verification import verify
from registry.operations.migration import command_line_actor
from registry.schema import AuditRow, Patient
from tests.factories import a_clinic, a_patient, a_session, saving


def count(engine: Engine, model: type[Patient] | type[AuditRow]) -> int:
    with DbSession(engine) as db:
        return db.scalars(sa.select(sa.func.count()).select_from(model)).one()


def test_full_database_refuses_plainly_keeps_everything_and_recovers(
    sqlite_engine: Engine,
) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = a_clinic(db)
    pages = 20_000

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    url = sqlite_engine.url
    with sqlite_engine.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one()) + 60
        connection.rollback()
    full = make_engine(url)
    event.listen(full, "connect", limit)
    saved = 0

    def save_until_refused() -> None:
        nonlocal saved
        while saved < 5_000:
            with saving(full) as db:
                for _ in range(5):
                    a_session(db, clinic_id, a_patient(db, clinic_id), note="x" * 1000)
            saved += 5

    with pytest.raises(DatabaseUnavailable, match="disk is full"):
        save_until_refused()
    assert saved > 0
    assert count(full, Patient) == saved
    full.dispose()
    assert verify(sqlite_engine).is_whole
    with saving(sqlite_engine) as db:
        a_patient(db, clinic_id)
    assert count(sqlite_engine, Patient) == saved + 1
    assert verify(sqlite_engine).is_whole


if sys.platform != "win32":

    def test_disk_that_refuses_to_write_leaves_nothing_half_stored(
        sqlite_engine: Engine,
    ) -> None:
        from tests.faults.writer import write_until_full

        with saving(sqlite_engine) as db:
            clinic_id = a_clinic(db)
        path = Path(sqlite_engine.url.database or "")
        processes = multiprocessing.get_context("forkserver")
        here, there = processes.Pipe(duplex=False)
        writer = processes.Process(
            target=write_until_full,
            args=(str(sqlite_engine.url), clinic_id, path.stat().st_size + 200_000, there),
        )
        writer.start()
        there.close()
        saved, readable, message = here.recv()
        writer.join()
        assert "Nothing of it was stored" in message
        assert saved == readable > 0
        assert count(sqlite_engine, Patient) == saved + 1
        assert verify(sqlite_engine).is_whole


def test_locked_database_says_who_is_in_the_way(sqlite_engine: Engine) -> None:
    actor = command_line_actor(sqlite_engine)
    other = sqlite3.connect(sqlite_engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = sa.create_engine(sqlite_engine.url, connect_args={"timeout": 0.05})
    event.listen(impatient, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    with (
        pytest.raises(DatabaseUnavailable, match="Somebody else is saving"),
        saving(impatient, by=actor) as db,
    ):
        a_clinic(db)
    other.execute("ROLLBACK")
    other.close()
    impatient.dispose()


def test_file_that_may_not_be_written_says_so(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        a_clinic(db)
    actor = command_line_actor(sqlite_engine)
    sqlite_engine.dispose()

    def read_only(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(sqlite_engine, "connect", read_only)
    with (
        pytest.raises(DatabaseUnavailable, match="may not be written"),
        saving(sqlite_engine, by=actor) as db,
    ):
        a_clinic(db, code="NEW")


def test_damaged_file_points_to_the_backup(sqlite_engine: Engine) -> None:
    sqlite_engine.dispose()
    path = Path(sqlite_engine.url.database or "")
    with path.open("r+b") as file:
        file.write(os.urandom(4096))
    with pytest.raises(DatabaseUnavailable, match="restore the last backup"):
        verify(sqlite_engine)

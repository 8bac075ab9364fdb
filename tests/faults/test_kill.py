"""Is everything acknowledged still there after the process or the server was killed?"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.database import DbSession
from registry.operations.audit_verification import verify
from registry.schema import AdverseEvent, AuditRow, ChangeSet, Patient, TreatmentSession
from tests.factories import a_clinic, saving
from tests.faults.writer import write_until_killed

METHOD = "spawn" if sys.platform == "win32" else "forkserver"


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload(["tests.faults.writer"])
    return context


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with saving(engine) as db:
        return a_clinic(db)


def killed(
    processes: multiprocessing.context.BaseContext, engine: Engine, clinic_id: int, after: float
) -> tuple[set[UUID], set[UUID]]:
    """Requests sent and acknowledged by a writer killed ``after`` seconds from its first save."""
    here, there = processes.Pipe(duplex=False)
    url = engine.url.render_as_string(hide_password=False)
    writer = processes.Process(target=write_until_killed, args=(url, clinic_id, there))
    writer.start()
    there.close()
    messages = [here.recv(), here.recv()]
    time.sleep(after)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    try:
        while True:
            messages.append(here.recv())
    except EOFError:
        writer.join()
    here.close()
    return kinds(messages)


def kinds(messages: list[tuple[str, UUID]]) -> tuple[set[UUID], set[UUID]]:
    """Requests sent and requests acknowledged."""
    return {key for kind, key in messages if kind == "sent"}, {
        key for kind, key in messages if kind == "saved"
    }


def stored(engine: Engine) -> set[UUID]:
    with DbSession(engine) as db:
        keys = db.scalars(sa.select(ChangeSet.request_key))
        return {key for key in keys if key is not None}


def assert_all_or_nothing(engine: Engine, requests: int) -> None:
    """Every stored request has its three rows, its three audit rows and its seal."""
    with DbSession(engine) as db:
        for model in (Patient, TreatmentSession, AdverseEvent):
            assert db.scalars(sa.select(sa.func.count()).select_from(model)).one() == requests
        per_request = db.execute(
            sa.select(sa.func.count(AuditRow.id))
            .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
            .where(ChangeSet.request_key.is_not(None))
            .group_by(ChangeSet.id)
        )
        assert {count for (count,) in per_request} <= {3}


def kill_repeatedly(
    processes: multiprocessing.context.BaseContext, engine: Engine, clinic_id: int, kills: int
) -> Iterator[int]:
    rng, acknowledged, sent = random.Random(9), set[UUID](), set[UUID]()  # noqa: S311
    for number in range(kills):
        asked, saved = killed(processes, engine, clinic_id, rng.uniform(0, 0.08))
        sent |= asked
        acknowledged |= saved
        kept = stored(engine)
        assert acknowledged <= kept, "an acknowledged record is lost"
        assert kept <= sent
        assert_all_or_nothing(engine, len(kept))
        yield number
    assert len(acknowledged) >= kills
    assert verify(engine).is_whole


def test_fifty_kills_of_a_sqlite_writer_lose_nothing(
    processes: multiprocessing.context.BaseContext, sqlite_engine: Engine
) -> None:
    with saving(sqlite_engine) as db:
        number = a_clinic(db)
    for round_ in kill_repeatedly(processes, sqlite_engine, number, 50):
        with sqlite_engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            connection.rollback()
        if round_ % 10 == 0:
            assert verify(sqlite_engine).is_whole


def test_kills_of_a_postgres_client_lose_nothing(
    processes: multiprocessing.context.BaseContext, postgres_engine: Engine
) -> None:
    with saving(postgres_engine) as db:
        number = a_clinic(db)
    for _ in kill_repeatedly(processes, postgres_engine, number, 8):
        pass


if "TEST_POSTGRES_URL" not in os.environ:  # a server of our own may be made to crash

    def test_crashes_of_the_postgres_server_lose_nothing(
        processes: multiprocessing.context.BaseContext, postgres_engine: Engine
    ) -> None:
        with saving(postgres_engine) as db:
            clinic_id = a_clinic(db)
        # Sequences of a database copied from a template go back in a crash before a checkpoint:
        # their pages claim values that only the template's write-ahead log holds.
        with postgres_engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("CHECKPOINT")
        url = postgres_engine.url.render_as_string(hide_password=False)
        acknowledged: set[UUID] = set()
        for _ in range(3):
            here, there = processes.Pipe(duplex=False)
            writer = processes.Process(target=write_until_killed, args=(url, clinic_id, there))
            writer.start()
            there.close()
            messages = [here.recv(), here.recv()]
            time.sleep(0.05)
            with postgres_engine.connect() as connection:
                server_process = connection.exec_driver_sql(
                    "SELECT pid FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).scalar_one()
                connection.rollback()
            os.kill(server_process, signal.SIGKILL)
            try:
                while True:
                    messages.append(here.recv())
            except EOFError:
                writer.join()
            here.close()
            assert writer.exitcode == 0
            assert messages[-1][0] == "unknown"
            acknowledged |= kinds(messages)[1]
            wait_for(postgres_engine)
            kept = stored(postgres_engine)
            assert acknowledged <= kept, "an acknowledged record is lost"
            assert_all_or_nothing(postgres_engine, len(kept))
        assert len(acknowledged) >= 3
        assert verify(postgres_engine).is_whole

    def wait_for(engine: Engine) -> None:
        engine.dispose()
        for _ in range(100):
            try:
                with engine.connect() as connection:
                    connection.rollback()
                return
            except sa.exc.OperationalError:
                time.sleep(0.1)
        raise AssertionError("the server did not come back")

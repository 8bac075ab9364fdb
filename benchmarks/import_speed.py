"""How long the import of 12,173 sessions takes, beside the floor that the database sets.

    python -m benchmarks.import_speed [--postgres postgresql://user@host/empty_database]

The floor writes the very same rows with executemany of sqlite3 and nothing else: no reading of
files, no checks, no conversion of values, no audit triggers. Target: the whole import within 20
seconds on two cores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.database import make_engine
from registry.entry.rows import STORING_ORDER
from registry.exchange import ImportPlan, carry_out, export, plan_import, read_files
from registry.operations import migration
from registry.schema import Base, Clinic

ARCHIVE = Path(__file__).resolve().parents[1] / "examples" / "guex_2005.zip"
NOW = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
TARGET_SECONDS = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Seconds:
    """Wall-clock and processor seconds; on a busy machine only the second says much."""

    wall: float
    processor: float

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.processor + other.processor)

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s  ({self.processor:5.2f} s of processor)"


def timed(work: Callable[[], T]) -> tuple[Seconds, T]:
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor), result


def prepared(url: str) -> tuple[Engine, int]:
    """A migrated registry with one clinic."""
    engine = make_engine(url)
    migration.upgrade(engine)
    by = migration.command_line_actor(engine)
    with audit.transaction(engine, by, audit.Cause("prepare_benchmark"), now=NOW) as db:
        clinic = Clinic(code="GUEX", name="Guex", jurisdiction="EU", time_zone="Europe/Paris")
        db.add(clinic)
        db.flush()
        clinic_id = clinic.id
    return engine, clinic_id


def floor(path: Path, plan: ImportPlan) -> Seconds:
    """Seconds to insert the rows of the plan with sqlite3 alone: values ready, no triggers."""
    connection = sqlite3.connect(path)
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")
    batches = []
    dialect = sa.create_engine("sqlite://").dialect
    for model in STORING_ORDER:
        rows = plan.rows.get(model, [])
        if rows:
            table = Base.metadata.tables[model.__tablename__]
            statement = sa.insert(table).compile(dialect=dialect, column_keys=list(rows[0]))
            names = statement.positiontup or []
            binds = [
                table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names
            ]
            values = [
                tuple(
                    bind(row[name]) if bind else row[name]
                    for name, bind in zip(names, binds, strict=True)
                )
                for row in rows
            ]
            batches.append((str(statement), values))

    def write() -> None:
        with connection:
            for statement, values in batches:
                connection.executemany(statement, values)

    seconds, _ = timed(write)
    connection.close()
    return seconds


def measure(engine: Engine, clinic_id: int) -> ImportPlan:
    by = migration.command_line_actor(engine)
    read, parsed = timed(lambda: read_files(ARCHIVE))
    check, plan = timed(lambda: plan_import(engine, by, clinic_id, parsed, now=NOW))
    store, report = timed(lambda: carry_out(engine, by, clinic_id, plan, now=NOW))
    again, _ = timed(lambda: carry_out(engine, by, clinic_id, read_files(ARCHIVE), now=NOW))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.zip"
        out, _ = timed(lambda: export(engine, by, clinic_id, target, now=NOW))
        back, _ = timed(lambda: carry_out(engine, by, clinic_id, read_files(target), now=NOW))
    stored = sum(report.stored.values())
    print(f"{engine.dialect.name}: {stored:,} rows of {report.stored['sessions.csv']:,} sessions")
    print(f"  read the files        {read}")
    print(f"  link and check        {check}")
    print(f"  store, audit and seal {store}")
    whole = read + check + store
    print(f"  the import            {whole}   target {TARGET_SECONDS} s")
    print(f"  the same files again  {again}")
    print(f"  export                {out}")
    print(f"  import that export    {back}   (nothing new)")
    return plan


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--postgres", help="address of an empty PostgreSQL database")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.sqlite"
        engine, clinic_id = prepared(f"sqlite:///{path}")
        empty = Path(folder) / "empty.sqlite"
        engine.dispose()
        shutil.copy(path, empty)
        plan = measure(engine, clinic_id)
        engine.dispose()
        print(f"  floor: the rows alone {floor(empty, plan)}   sqlite3, no triggers")
    if arguments.postgres:
        engine, clinic_id = prepared(arguments.postgres)
        measure(engine, clinic_id)
        engine.dispose()


if __name__ == "__main__":
    main()

"""What the audit trail costs: the same rows stored with triggers and seals, and without.

    python -m benchmarks.audit_cost                      SQLite in a temporary folder
    python -m benchmarks.audit_cost postgresql://...     an empty PostgreSQL database

The floor is the same tables without triggers, committed in the same way. Printed: median time of
one saved session (one transaction each), best time of three bulk inserts in one transaction each,
the ratios to the floor, and the time to verify the trail that was written.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.database import DbSession, make_engine
from registry.operations import migration
from registry.operations.audit_verification import verify
from registry.schema import TreatmentSession
from tests.factories import NOW, TODAY, a_clinic, a_patient, saving

SAVES, BULK = 300, 20_000


def sessions(clinic_id: int, patient_id: object, count: int) -> list[dict[str, Any]]:
    return [
        {
            "clinic_id": clinic_id,
            "patient_id": patient_id,
            "id": uuid4(),
            "recorded_at": NOW,
            "treated_on": TODAY,
            "pain": 2,
            "consent_version": "2026-1",
        }
        for _ in range(count)
    ]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(engine: Engine) -> None:
    migration.upgrade(engine)
    actor = migration.command_line_actor(engine)
    with saving(engine, by=actor) as db:
        clinic_id = a_clinic(db)
        patient_id = a_patient(db, clinic_id)

    def audited(rows: list[dict[str, Any]]) -> None:
        with audit.transaction(engine, actor, audit.Cause("benchmark")) as db:
            db.execute(sa.insert(TreatmentSession), rows)

    def floor(rows: list[dict[str, Any]]) -> None:
        with DbSession(engine) as db, db.begin():
            db.execute(sa.insert(TreatmentSession), rows)

    def of(store: Callable[[list[dict[str, Any]]], None]) -> tuple[float, float]:
        store(sessions(clinic_id, patient_id, 1))
        singles = [sessions(clinic_id, patient_id, 1) for _ in range(SAVES)]
        one = [seconds(partial(store, rows)) for rows in singles]
        bulks = [sessions(clinic_id, patient_id, BULK) for _ in range(3)]
        return statistics.median(one), min(seconds(partial(store, rows)) for rows in bulks)

    with_trail = of(audited)
    verifying = seconds(partial(verify, engine))
    whole = verify(engine)
    with engine.begin() as connection:
        audit.remove_triggers(connection)
    without = of(floor)
    print(f"{engine.dialect.name}: {SAVES} single saves, {BULK:,} rows in bulk")
    for name, trail, bare in zip(("one save", "bulk insert"), with_trail, without, strict=True):
        print(
            f"  {name:<12} {trail * 1e3:10.2f} ms  floor {bare * 1e3:10.2f} ms  "
            f"ratio {trail / bare:5.2f}"
        )
    print(
        f"  verification of {whole.audit_rows:,} audit rows in {whole.seals:,} seals: "
        f"{verifying:.2f} s, whole: {whole.is_whole}"
    )


def main() -> None:
    if len(sys.argv) > 1:
        measure(make_engine(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(make_engine(f"sqlite:///{Path(folder) / 'benchmark.sqlite'}"))


if __name__ == "__main__":
    main()

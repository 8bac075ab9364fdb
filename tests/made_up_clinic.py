"""A clinic with the patients of the demonstration, as many as a test needs."""

from __future__ import annotations

import datetime as dt
import random
from itertools import islice
from uuid import UUID

from sqlalchemy.engine import Engine

from registry import audit
from registry.entry.forms import SessionEntry
from registry.entry.rows import rows_of, store_rows
from registry.operations.clinics import add_clinician
from registry.operations.demo.stories import demo_entries
from registry.operations.migration import command_line_actor
from registry.schema import Lot

CLINICIANS = 4
PATIENTS_AT_ONCE = 20_000
"""In one transaction; their rows take about a gigabyte of memory."""


def fill(engine: Engine, clinic_id: int, patients: int, *, seed: int = 1) -> int:
    """Treat that many made-up patients over the last 30 months; returns the number of sessions."""
    now = dt.datetime.now(dt.UTC)
    by = command_line_actor(engine)
    numbers = [
        add_clinician(engine, by, clinic_id, f"C{i}", f"Dr Made-up {i}", now=now)
        for i in range(1, CLINICIANS + 1)
    ]
    rng = random.Random(seed)  # noqa: S311 - the same patients each time
    stories = demo_entries(rng, now.date(), patients, numbers, f"M{clinic_id}")
    sessions = 0
    lots: set[UUID] = set()
    while entries := [entry for _, story in islice(stories, PATIENTS_AT_ONCE) for entry in story]:
        rows = rows_of(entries, clinic_id, now)
        rows[Lot] = [lot for lot in rows[Lot] if lot["id"] not in lots]
        lots |= {lot["id"] for lot in rows[Lot]}
        with audit.transaction(engine, by, audit.Cause("prepare_test"), now=now) as db:
            store_rows(db, rows)
        sessions += sum(isinstance(entry, SessionEntry) for entry in entries)
    return sessions

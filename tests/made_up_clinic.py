"""A clinic with the patients of the demonstration, as many as a test needs."""

from __future__ import annotations

import datetime as dt
import random

from sqlalchemy.engine import Engine

from registry import audit
from registry.entry.forms import SessionEntry
from registry.entry.rows import rows_of, store_rows
from registry.operations.clinics import add_clinician
from registry.operations.demo.stories import demo_entries
from registry.operations.migration import command_line_actor

CLINICIANS = 4


def fill(engine: Engine, clinic_id: int, patients: int, *, seed: int = 1) -> int:
    """Treat that many made-up patients over the last 30 months; returns the number of sessions."""
    now = dt.datetime.now(dt.UTC)
    by = command_line_actor(engine)
    numbers = [
        add_clinician(engine, by, clinic_id, f"C{i}", f"Dr Made-up {i}", now=now)
        for i in range(1, CLINICIANS + 1)
    ]
    rng = random.Random(seed)  # noqa: S311 - the same patients each time
    entries = [
        entry
        for _, story in demo_entries(rng, now.date(), patients, numbers, f"M{clinic_id}")
        for entry in story
    ]
    with audit.transaction(engine, by, audit.Cause("prepare_test"), now=now) as db:
        store_rows(db, rows_of(entries, clinic_id, now))
    return sum(isinstance(entry, SessionEntry) for entry in entries)

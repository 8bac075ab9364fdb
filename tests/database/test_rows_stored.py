"""Rows of many entries reach the database in one statement a table, whatever they leave blank."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry.database import reading
from registry.entry.rows import STORING_ORDER
from registry.schema import FollowUp
from tests.factories import a_clinic, saving
from tests.made_up_clinic import fill


def test_blanks_split_no_table(engine: Engine) -> None:
    with saving(engine) as db:
        clinic_id = a_clinic(db)
    statements: Counter[str] = Counter()

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO"):
            statements[statement.split()[2]] += 1

    event.listen(engine, "before_cursor_execute", count)
    fill(engine, clinic_id, 10)
    event.remove(engine, "before_cursor_execute", count)
    stored = {model.__tablename__ for model in STORING_ORDER} & statements.keys()
    assert {"patient", "treatment_session", "follow_up"} <= stored
    assert {statements[table] for table in stored} == {1}
    with reading(engine) as db:
        seen_on = db.scalars(sa.select(FollowUp.seen_on)).all()
    assert None in seen_on
    assert any(seen_on)

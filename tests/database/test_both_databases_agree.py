"""Does every report say the same on SQLite and on PostgreSQL?"""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.analysis import reports
from registry.analysis.cohort import CohortFilter
from registry.operations.migration import command_line_actor
from tests.factories import a_clinic, saving
from tests.made_up_clinic import fill


@pytest.mark.postgres
def test_every_report_holds_the_same_rows(sqlite_engine: Engine, postgres_engine: Engine) -> None:
    today = dt.datetime.now(dt.UTC).date()
    said: list[dict[str, object]] = []
    for engine in (sqlite_engine, postgres_engine):
        with saving(engine) as db:
            clinic_id = a_clinic(db, id=1, code="leg")
        fill(engine, clinic_id, 40)
        by = command_line_actor(engine)
        said.append(
            {
                f"{name} by {grouping}": reports.report(
                    engine, by, name, CohortFilter(), today=today, group_by=grouping
                ).to_rows()
                for name, question in reports.QUESTIONS.items()
                for grouping in question.groupings or (None,)
            }
        )
    assert said[0].keys() == said[1].keys()
    assert [name for name, rows in said[0].items() if rows != said[1][name]] == []
    assert sum(map(bool, said[0].values())) > len(reports.QUESTIONS)

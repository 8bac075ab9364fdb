"""Do the clocks, the recurrence report and a count by hand say the same of a whole clinic?"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.analysis.clock_report import clocks
from registry.analysis.cohort import CohortFilter
from registry.analysis.recurrence import recurrence
from registry.analysis.response import response
from registry.database import reading
from registry.operations.migration import command_line_actor
from registry.schema import TreatmentSession
from tests.factories import a_clinic, saving
from tests.made_up_clinic import fill

TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def clinic(sqlite_engine: Engine) -> Engine:
    with saving(sqlite_engine) as db:
        number = a_clinic(db, code="whole", name="Whole clinic")
    fill(sqlite_engine, number, 90, seed=7)
    return sqlite_engine


@pytest.mark.parametrize("group_by", ["none", "form", "site", "calibre", "clinician"])
def test_the_recurrence_clock_is_that_of_the_recurrence_report(
    clinic: Engine, group_by: str
) -> None:
    by = command_line_actor(clinic)
    report = recurrence(clinic, by, CohortFilter(), today=TODAY, group_by=group_by)
    clock = clocks(
        clinic, by, CohortFilter(), today=TODAY, group_by=group_by, only=("recurrence",)
    ).clocks[0]
    told = {row.code: row for row in (clock.total, *clock.rows)}
    assert report.total.recurrences > 0
    for row in (report.total, *report.rows):
        if not row.success.numerator:
            assert row.code not in told or not told[row.code].started
            continue
        mine = told[row.code]
        assert (mine.started, mine.events) == (row.success.numerator, row.recurrences)
        assert mine.competing == (row.retreatments, row.deaths)
        for point, other in zip(mine.landmarks, row.landmarks, strict=True):
            assert (point.day, point.at_risk) == (other.day, other.at_risk)
            assert point.event == other.recurrence
            assert point.competing == (other.retreatment, other.death)


def test_groups_hold_everything_once(clinic: Engine) -> None:
    by = command_line_actor(clinic)
    for group_by in ("sclerosant", "vessel_class", "skin_type", "quarter", "modality"):
        for clock in clocks(clinic, by, CohortFilter(), today=TODAY, group_by=group_by).clocks:
            assert sum(row.events for row in clock.rows) == clock.total.events
            assert sum(row.started for row in clock.rows) == clock.total.started


def test_courses_are_those_of_the_table_of_sessions(clinic: Engine) -> None:
    days: defaultdict[object, set[dt.date]] = defaultdict(set)
    with reading(clinic) as db:
        for course, day in db.execute(
            sa.select(TreatmentSession.course_id, TreatmentSession.treated_on)
        ):
            days[course].add(day)
    sizes = [
        len(held)
        for course, held in days.items()
        if course is not None and (TODAY - max(held)).days > 105
    ]
    gaps = sorted(
        (later - earlier).days
        for course, held in days.items()
        if course is not None
        for earlier, later in zip(sorted(held), sorted(held)[1:], strict=False)
    )
    found = response(clinic, command_line_actor(clinic), CohortFilter(), today=TODAY).courses
    assert found.sessions == {n: sizes.count(n) for n in sorted(set(sizes))}
    assert found.gaps.count == len(gaps)
    middle = (gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2
    assert found.gaps.median == middle

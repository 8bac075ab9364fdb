"""Clearance by visit, non-response, top-up and intervals, on registries of a few rows."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.response import ResponseReport, Spread, response
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2028, 1, 1)
GSV = "left/gsv_above_knee"


def answer(engine: Engine, given: Given, table: str) -> ResponseReport:
    return response(engine, given(table.replace("GSV", GSV)), CohortFilter(), today=LONG_AFTER)


def test_a_score_belongs_to_the_visit_it_is_nearest_to(engine: Engine, given: Given) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 50:improved!60 65:improved!70 90:cleared!90
        B       | 0   | GSV  | 56:cleared!80 120:cleared!100
        C       | 0   | GSV  | 56:cleared
        D       | 0   | GSV  |
        """,
    )
    # Day 65 is in the time of both visits and nearer to day 56; of two scores the later one counts.
    # Day 120 is in the time of no visit.
    rows = {row.visit: row for row in report.clearance}
    assert list(rows) == ["check_6_8w", "photo_12w"]
    first = rows["check_6_8w"]
    assert (first.due, first.scores) == (4, Spread(2, 75, (72.5, 77.5)))
    assert first.reached is not None
    assert (first.reached.numerator, first.reached.denominator) == (1, 2)
    assert rows["photo_12w"].scores == Spread(1, 90, (90, 90))


def test_what_was_treated_again_is_due_no_more(engine: Engine, given: Given) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | site | intent   | looked
        A       | 0   | GSV  |          | 56:cleared!90
        A       | 100 | GSV  | residual | 182:cleared!100
        B       | 0   | GSV  |          | 182:improved!50
        """,
    )
    (review,) = [row for row in report.clearance if row.visit == "review_26w"]
    assert (review.due, review.scores.count, review.scores.median) == (1, 1, 50)


def test_a_visit_counts_when_its_time_is_over(engine: Engine, given: Given) -> None:
    by = given(f"patient | day | site | looked\nA | 0 | {GSV} | 56:cleared!90")
    on_time = dt.date(2025, 1, 1) + dt.timedelta(days=70)
    early = response(engine, by, CohortFilter(), today=on_time - dt.timedelta(days=1))
    assert early.clearance == ()
    report = response(engine, by, CohortFilter(), today=on_time)
    assert [(row.visit, row.due) for row in report.clearance] == [("check_6_8w", 1)]


def test_occlusion_is_a_share_of_what_duplex_examined(engine: Engine, given: Given) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 56:cleared!complete
        B       | 0   | GSV  | 56:improved!partial
        C       | 0   | GSV  | 56:unchanged!none
        D       | 0   | GSV  | 56:cleared!not_examined
        E       | 0   | GSV  | 56:cleared
        """,
    )
    (found,) = report.occlusion
    assert (found.visit, found.due) == ("check_6_8w", 5)
    assert found.counts == {"complete": 1, "partial": 1, "none": 1}
    assert (found.complete.numerator, found.complete.denominator) == (1, 3)


def test_never_successful_is_a_share_of_the_sites_looked_at(engine: Engine, given: Given) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 56:cleared
        B       | 0   | GSV  | 56:improved 182:unchanged
        C       | 0   | GSV  |
        """,
    )
    assert (report.never.numerator, report.never.denominator) == (1, 2)
    left_out = {str(item.reason): item.count for item in report.excluded}
    assert left_out["sites never looked at after the last planned session"] == 1


def test_sessions_top_up_and_gaps_are_those_of_ended_courses(engine: Engine, given: Given) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | site | course
        A       | 0   | GSV  | one/2
        A       | 42  | GSV  | one/2
        A       | 92  | GSV  | one/2
        B       | 0   | GSV  | two/2
        B       | 0   | GSV  | two/2
        B       | 60  | GSV  | two/2
        C       | 0   | GSV  | three
        D       | 0   | GSV  |
        """,
    )
    courses = report.courses
    # Two sessions of one day count once; the plan of course three is not recorded.
    assert courses.sessions == {1: 1, 2: 1, 3: 1}
    assert courses.spread == Spread(3, 2, (1.5, 2.5))
    assert (courses.topped_up.numerator, courses.topped_up.denominator) == (1, 2)
    assert courses.gaps == Spread(3, 50, (46, 55))
    left_out = {str(item.reason): item.count for item in report.excluded}
    assert left_out["sessions that belong to no course"] == 1


def test_a_course_treated_lately_may_not_have_ended(engine: Engine, given: Given) -> None:
    by = given(f"patient | day | site | course\nA | 0 | {GSV} | one/2")
    # The 12-week visit is over on day 105.
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=day) for day in (105, 106)]
    early, late = (response(engine, by, CohortFilter(), today=day) for day in days)
    assert early.courses.sessions == {}
    assert early.courses.spread == Spread(0, None, None)
    assert early.courses.topped_up.value is None
    assert late.courses.sessions == {1: 1}


def test_an_empty_registry_answers_with_blanks(engine: Engine, given: Given) -> None:
    report = answer(engine, given, "patient | day | site\nA | 0 | ")
    assert (report.clearance, report.occlusion, report.never.value) == ((), (), None)
    assert report.to_rows()[-1]["value_count"] == 0

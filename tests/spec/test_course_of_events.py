"""When events begin, how long they last and how severe they are, as tables checked by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.cohort import CohortFilter
from registry.analysis.event_course import event_course
from registry.analysis.severity import LEVELS, severity
from registry.errors import PermissionDenied
from registry.vocabulary import Role
from tests.spec.conftest import Given, day

LONG_AFTER = dt.date(2027, 6, 1)
EVERYTHING = CohortFilter()


def test_onset_counts_days_from_the_session_in_sessions_old_enough(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events
        A       | 0   | skin_necrosis@2 infection@2
        B       | 0   | skin_necrosis@4
        C       | 0   | skin_necrosis@6
        D       | 0   | skin_necrosis@10
        E       | 0   | skin_necrosis@30
        F       | 0   | skin_necrosis@31
        G       | 0   | skin_necrosis@99
        H       | 0   | skin_necrosis@3!unrelated
        I       | 30  | skin_necrosis@1
    """)
    onset = event_course(engine, by, EVERYTHING, today=day(99), event="skin_necrosis").onset
    assert (onset.events, onset.later) == (5, 2)
    assert (onset.first_quartile, onset.median, onset.third_quartile) == (4, 6, 10)
    drawn = {i: n for i, n in enumerate(onset.bins) if n}
    assert drawn == {2: 1, 4: 1, 6: 1, 10: 1, 30: 1, 31: 1}
    assert (onset.bin_days, onset.beyond) == (1, 1)


def test_four_events_have_no_typical_day(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events
        A       | 0   | skin_necrosis@2
        B       | 0   | skin_necrosis@4
        C       | 0   | skin_necrosis@6
        D       | 0   | skin_necrosis@9
    """)
    onset = event_course(engine, by, EVERYTHING, today=LONG_AFTER, event="skin_necrosis").onset
    assert (onset.events, onset.median) == (4, None)


def test_each_kind_of_a_composite_has_its_own_window(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events
        A       | 0   | visual_disturbance@1 skin_necrosis@2
        B       | 0   | visual_disturbance@2 skin_necrosis@40
    """)
    report = event_course(engine, by, EVERYTHING, today=LONG_AFTER)
    assert {row.code: (row.events, row.later) for row in report.onsets} == {
        "skin_necrosis": (1, 1),
        "visual_disturbance": (1, 1),
    }
    assert (report.onset.events, report.onset.later) == (2, 2)


def test_duration_runs_from_onset_and_ends_at_the_last_look(engine: Engine, given: Given) -> None:
    # Twelve cases: six end after 100 days and three after 300; of the others two were last asked
    # 200 days after onset and one 400. Kaplan-Meier: 6 of 12, then 3 of the 4 still followed.
    rows = ["patient | day | events | asked"]
    rows += [f"A{i} | 0 | hyperpigmentation@50!ended=100 |" for i in range(6)]
    rows += [f"B{i} | 0 | hyperpigmentation@50!ended=300 |" for i in range(3)]
    rows += [f"C{i} | 0 | hyperpigmentation@50 | 250:standard_26w" for i in range(2)]
    rows += ["D | 0 | hyperpigmentation@50 | 450:standard_26w 900:early_14d"]
    by = given("\n".join(rows))
    report = event_course(engine, by, EVERYTHING, today=LONG_AFTER, event="hyperpigmentation")
    [row] = report.durations
    assert (row.events, row.resolved) == (12, 9)
    half, year, two = row.landmarks
    assert (half.day, half.at_risk, half.estimate.value) == (182, 6, pytest.approx(0.5))
    assert (year.at_risk, year.estimate.value) == (1, pytest.approx(1 - 0.5 * 1 / 4))
    assert two.estimate.value is None
    assert [point.is_shown for point in row.landmarks] == [True, False, False]
    assert row.median_days.value == 100
    assert row.is_lasting


def test_an_event_that_ended_on_no_known_day_is_left_out_and_said(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events
        A       | 0   | hyperpigmentation@50!ended=100
        B       | 0   | hyperpigmentation@50!recovered
    """)
    report = event_course(engine, by, EVERYTHING, today=LONG_AFTER)
    [row] = report.durations
    assert (row.events, row.resolved) == (1, 1)
    assert {str(item.reason): item.count for item in report.excluded} == {
        "events that ended on a day that nobody recorded": 1
    }
    assert not row.landmarks[0].is_shown


def test_other_kinds_are_followed_from_ten_events_on(engine: Engine, given: Given) -> None:
    rows = ["patient | day | events"]
    rows += [f"P{i} | 0 | infection@3!ended=7 oedema@3!ended=7" for i in range(9)]
    rows += ["Q | 0 | infection@3!ended=14"]
    by = given("\n".join(rows))
    report = event_course(engine, by, EVERYTHING, today=LONG_AFTER)
    assert [row.code for row in report.durations] == ["infection"]
    [row] = report.durations
    assert [point.is_shown for point in row.landmarks] == [True, True, True]
    assert (row.days, row.share) == ((7, 14), (pytest.approx(0.9), pytest.approx(1.0))) or (
        row.days == (7,)
    )


def test_severity_is_not_seriousness(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events
        A       | 0   | infection@3!severe infection@4!serious
        B       | 0   | oedema@3!moderate
        C       | 0   | infection@3!severe!serious
        D       | 0   | infection@3!unrelated infection@40
    """)
    report = severity(engine, by, EVERYTHING, today=LONG_AFTER)
    assert LEVELS == ("mild", "moderate", "severe", "not_recorded")
    assert report.total.not_serious == (0, 1, 1, 0)
    assert report.total.serious == (1, 0, 1, 0)
    assert {row.code: row.events for row in report.rows} == {"oedema": 1, "infection": 3}
    assert [count for _, count in report.serious] == [2]


def test_an_empty_registry_has_no_course_and_no_severity(engine: Engine, given: Given) -> None:
    by = given("patient | day\nA | 0")
    course = event_course(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (course.onset.events, course.onset.median, course.durations) == (0, None, ())
    assert severity(engine, by, EVERYTHING, today=LONG_AFTER).total.events == 0
    assert course.to_rows() == []


def test_without_the_right_to_rates_there_is_no_answer(engine: Engine, given: Given) -> None:
    given("patient | day\nA | 0")
    nobody = Actor(99, "eve", "Eve", (Grant(1, Role.ADMINISTRATOR),))
    for ask in (event_course, severity):
        with pytest.raises(PermissionDenied):
            ask(engine, nobody, EVERYTHING, today=LONG_AFTER)

"""When a vein counts as cleared, as back, as retreated, and when it can no longer be known."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.recurrence import recurrence
from registry.analysis.results import CurvePoint, RecurrenceRow
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2028, 1, 1)
EVERYTHING = CohortFilter()
GSV = "left/gsv_above_knee"


def total(engine: Engine, given: Given, table: str) -> RecurrenceRow:
    by = given(table.replace("GSV", GSV))
    return recurrence(engine, by, EVERYTHING, today=LONG_AFTER).total


def at(row: RecurrenceRow, day: int) -> CurvePoint:
    return next(point for point in row.landmarks if point.day == day)


def test_the_clock_runs_from_success_to_the_first_look_that_shows_it_again(
    engine: Engine, given: Given
) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 40:cleared 140:visible_again 300:visible_again
        B       | 0   | GSV  | 40:cleared 300:cleared
        C       | 0   | GSV  | 40:improved 100:cleared 300:reflux_again
        D       | 0   | GSV  | 40:cleared 140:improved 300:cleared
        """,
    )
    assert (row.sites, row.assessed, row.recurrences) == (4, 4, 2)
    # A after 100 days, C after 200; B and D were still clear at their last look, after 260.
    assert at(row, 91).recurrence.value == 0
    assert at(row, 182).recurrence.value == pytest.approx(1 / 4)
    assert at(row, 182).at_risk == 3
    assert row.methods == {"duplex": 2}


def test_a_vein_that_never_cleared_is_residual_not_recurrent(engine: Engine, given: Given) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 40:unchanged 140:visible_again
        B       | 0   | GSV  | 40:cleared
        C       | 0   | GSV  |
        D       | 0   | GSV  | 40:not_assessed
        """,
    )
    assert (row.success.numerator, row.success.denominator) == (1, 2)
    assert (row.sites, row.assessed, row.recurrences) == (4, 2, 0)


def test_planned_stages_are_neither_retreatment_nor_recurrence(
    engine: Engine, given: Given
) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent        | looked
        A       | 0   | GSV  | planned_stage | 30:cleared
        A       | 42  | GSV  | planned_stage | 90:cleared 200:cleared
        """,
    )
    # Success before the last planned session does not start the clock.
    assert (row.sites, row.success.numerator, row.retreatments) == (1, 1, 0)
    assert at(row, 91).at_risk == 1
    assert row.median_follow_up_days.value == 200 - 90


def test_retreatment_and_death_compete_with_recurrence(engine: Engine, given: Given) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent     | looked
        A       | 0   | GSV  |            | 40:cleared 300:cleared
        A       | 100 | GSV  | residual   | 200:visible_again
        B       | 0   | GSV  |            | 40:cleared 140:visible_again
        B       | 150 | GSV  | recurrence |
        """,
    )
    assert (row.recurrences, row.retreatments) == (1, 1)
    point = at(row, 182)
    assert (point.retreatment.value, point.recurrence.value) == (0.5, 0.5)
    assert point.event_free.value == 0


def test_the_same_site_is_a_leg_and_a_vein(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | site              | looked
        A       | 0   | left/gsv_above_knee  | 40:cleared 140:visible_again
        A       | 0   | right/gsv_above_knee | 40:cleared 300:cleared
        A       | 0   | left/ssv          | 40:cleared 300:cleared
    """)
    row = recurrence(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert (row.sites, row.patients, row.recurrences) == (3, 1, 1)


def test_clear_and_not_retreated_at_twelve_months_counts_every_site_old_enough(
    engine: Engine, given: Given
) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent     | looked
        clear   | 0   | GSV  |            | 365:cleared
        back    | 0   | GSV  |            | 40:cleared 365:visible_again
        never   | 0   | GSV  |            | 365:improved
        again   | 0   | GSV  |            | 40:cleared 365:cleared
        again   | 100 | GSV  | recurrence | 365:cleared
        gone    | 0   | GSV  |            | 40:cleared
        early   | 0   | GSV  |            | 200:cleared
        """,
    )
    assert (row.clear_at_12_months.numerator, row.clear_at_12_months.denominator) == (1, 6)
    # Two of six were not looked at: too many for a single figure.
    assert row.clear_at_12_months.value is None
    assert (row.mature_at_12_months, row.assessed_at_12_months) == (6, 4)
    assert (row.clear_worst, row.clear_best) == (1 / 6, 3 / 6)


def test_after_the_last_look_nothing_is_claimed(engine: Engine, given: Given) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | looked
        A       | 0   | GSV  | 40:cleared 140:cleared
        B       | 0   | GSV  | 40:cleared 200:cleared
        """,
    )
    assert at(row, 91).event_free.value == 1
    assert at(row, 365).event_free.value is None
    assert at(row, 365).recurrence.value is None


def test_an_empty_registry_answers_with_dashes(engine: Engine, given: Given) -> None:
    row = total(engine, given, "patient | day | site | looked\nA | 0 | |")
    assert (row.sites, row.success.value) == (0, None)
    assert all(point.event_free.value is None for point in row.landmarks)


def test_groups_are_those_of_the_last_planned_session(engine: Engine, given: Given) -> None:
    by = given(
        """
        patient | day | site | form   | looked
        A       | 0   | GSV  | liquid |
        A       | 40  | GSV  | foam   | 90:cleared 200:cleared
        B       | 0   | GSV  | liquid | 90:cleared 200:visible_again
        """.replace("GSV", GSV)
    )
    report = recurrence(engine, by, EVERYTHING, today=LONG_AFTER, group_by="form")
    assert {row.code: (row.sites, row.recurrences) for row in report.rows} == {
        "foam": (1, 0),
        "liquid": (1, 1),
    }


@pytest.mark.parametrize("intent", ["recurrence", "new_vein", ""])
def test_a_session_after_recurrence_never_hides_it(
    engine: Engine, given: Given, intent: str
) -> None:
    row = total(
        engine,
        given,
        f"""
        patient | day | site | intent   | looked
        A       | 0   | GSV  |          | 90:cleared 300:visible_again
        A       | 310 | GSV  | {intent} |
        """,
    )
    assert (row.success.numerator, row.recurrences, row.retreatments) == (1, 1, 0)


def test_a_session_after_success_that_was_no_planned_stage_is_retreatment(
    engine: Engine, given: Given
) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent | looked
        A       | 0   | GSV  |        | 90:cleared
        A       | 200 | GSV  |        |
        """,
    )
    assert (row.success.numerator, row.recurrences, row.retreatments) == (1, 0, 1)


def test_two_sessions_of_one_day_belong_together(engine: Engine, given: Given) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent        | looked
        A       | 0   | GSV  | planned_stage | 90:cleared
        A       | 0   | GSV  | residual      |
        """,
    )
    assert (row.success.numerator, row.retreatments) == (1, 0)


def test_clear_at_twelve_months_and_retreated_afterwards_was_clear(
    engine: Engine, given: Given
) -> None:
    row = total(
        engine,
        given,
        """
        patient | day | site | intent   | looked
        A       | 0   | GSV  |          | 365:cleared
        A       | 440 | GSV  | residual |
        """,
    )
    assert row.clear_at_12_months.numerator == 1

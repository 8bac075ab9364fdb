"""Which sessions each visit counts, and what becomes of those that it does not."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.follow_up import follow_up
from tests.spec.conftest import Given, day


@pytest.mark.parametrize(
    ("today", "due", "left_out"),
    [
        (0, None, {"sessions of today or later": 3}),
        (
            1,
            None,
            {"sessions not yet old enough for any visit": 2, "sessions of today or later": 1},
        ),
        (18, 2, {"sessions not yet old enough for any visit": 1}),
        (19, 3, {}),
    ],
)
def test_due_and_left_out_add_up_at_the_first_visit(
    engine: Engine, given: Given, today: int, due: int | None, left_out: dict[str, int]
) -> None:
    by = given("""
        patient | day
        A       | 0
        B       | 0
        C       | 1
    """)
    report = follow_up(engine, by, CohortFilter(), today=day(today))
    assert [row.due for row in report.rows] == ([] if due is None else [due])
    assert {str(item.reason): item.count for item in report.excluded} == left_out
    assert (due or 0) + sum(left_out.values()) == 3

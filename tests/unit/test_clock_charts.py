"""Are the lines of a clock drawn as far as they carry, each with its name?"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from dashboard import lasting_data
from dashboard.figures import clock_charts
from registry.analysis import clock_wording
from registry.analysis.clock_results import (
    ClockPoint,
    ClockResult,
    ClockRow,
    ClocksReport,
    ClockSteps,
    GroupComparison,
    GroupTest,
)
from registry.analysis.cohort import CohortFilter
from registry.analysis.indicators import Measured
from registry.analysis.response import Courses, Spread
from registry.analysis.results import Heading
from registry.messages import message
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate, Interval

TODAY = dt.date(2026, 11, 23)
NOTHING = Estimate(None, Interval(None, None, 0.95, "log_log"), 0, 0, "sites")


def a_row(
    name: str, *, at_risk: tuple[int, ...] = (80, 60, 40, 3), height: float = 1.0
) -> ClockRow:
    points = tuple(
        ClockPoint(
            day,
            left,
            Estimate(
                0.02 * (i + 1),
                Interval(0.01, 0.1, 0.95, "log_log"),
                2 * (i + 1),
                100,
                "sites",
            ),
            (NOTHING,),
        )
        for i, (day, left) in enumerate(zip((91, 182, 365, 730), at_risk, strict=True))
    )
    share = tuple(height * value for value in (0.02, 0.04, 0.06))
    steps = ClockSteps((60, 150, 300), share, (0.01, 0.02, 0.03), (0.1, 0.1, 0.1))
    return ClockRow(name, message(name.capitalize()), 100, 60, 6, (1,), points, steps, NOTHING)


def a_clock(*rows: ClockRow, total: ClockRow | None = None) -> ClockResult:
    return ClockResult(
        code="visible_again",
        label=message("Seen again"),
        starts=message("success"),
        event=message("visible again"),
        competing=(message("death"),),
        ends=message("the last look"),
        unit="sites",
        total=total or a_row("all"),
        rows=rows,
        comparison=None,
    )


def spec_of(clock: ClockResult) -> dict[str, Any]:
    drawn = clock_charts.clock_curves(clock)
    assert drawn is not None
    spec: dict[str, Any] = drawn.chart.to_dict()
    return spec


def names_at_the_end(spec: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        spec["datasets"][spec["layer"][2]["data"]["name"]]
        if ("datasets" in spec)
        else spec["layer"][2]["data"]["values"]
    )
    return rows


def test_a_line_ends_where_too_few_are_left() -> None:
    ends = names_at_the_end(spec_of(a_clock()))
    assert [(end["name"], end["day"]) for end in ends] == [("All", 365)]


def test_each_line_has_its_name_and_names_do_not_cover_each_other() -> None:
    ends = names_at_the_end(spec_of(a_clock(a_row("foam"), a_row("liquid", height=1.01))))
    assert {end["name"] for end in ends} == {"Foam", "Liquid"}
    low, high = (float(end["share"]) for end in ends)
    top = 1.15 * 0.1
    assert high - low >= clock_charts.ROOM_BETWEEN_NAMES * top * 0.999


def test_below_the_months_stands_how_many_are_observed_of_each_group() -> None:
    spec = spec_of(a_clock(a_row("foam"), a_row("liquid", at_risk=(70, 50, 30, 2))))
    text = json.dumps(spec)
    assert '[\\"12\\", \\"40\\", \\"30\\"]' in text
    drawn = clock_charts.clock_curves(a_clock(a_row("foam"), a_row("liquid")))
    assert drawn is not None
    assert "of Foam, Liquid, in this order" in drawn.title


def test_more_than_four_groups_are_points_on_one_day() -> None:
    clock = a_clock(*(a_row(name) for name in "abcde"))
    assert clock_charts.clock_curves(clock) is None
    assert clock_charts.clock_points(clock, 365) is not None
    assert clock_charts.clock_points(clock, 730) is None


def test_nobody_observed_is_no_line() -> None:
    empty = ClockRow(
        "all",
        message("All"),
        0,
        0,
        0,
        (0,),
        tuple(ClockPoint(day, 0, NOTHING, (NOTHING,)) for day in (91, 182, 365, 730)),
        ClockSteps((), (), (), ()),
        NOTHING,
    )
    assert clock_charts.clock_curves(a_clock(total=empty)) is None


def test_courses_without_a_gap_between_their_numbers() -> None:
    courses = Courses({1: 3, 3: 2}, Spread(5, 1, (1, 3)), proportion(1, 5), Spread(0, None, None))
    drawn = clock_charts.sessions_per_course(courses)
    assert drawn is not None
    values = json.dumps(drawn.chart.to_dict())
    assert '"sessions": "2", "courses": 0' in values


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0004, "< 0.001"), (0.0014, "= 0.001"), (0.062, "= 0.062"), (0.44, "= 0.44")],
)
def test_p_is_told_with_two_digits(value: float, shown: str) -> None:
    assert clock_wording.p_value(value) == shown


def test_a_test_is_named_with_what_it_rests_on() -> None:
    test = GroupTest("gray", (("a", 5, 3.0), ("b", 3, 5.0)), 3.84, 1, 0.05)
    told = clock_wording.tested_sentence(GroupComparison(None, (), test, None))
    assert str(told) == "Gray's test, 2 groups, not adjusted: χ² 3.8, 1 df, p = 0.050."
    withheld = GroupComparison(None, (), None, message("Too little."))
    assert str(clock_wording.tested_sentence(withheld)) == "Too little."


def test_none_seen_is_told_of_those_still_observed_like_its_bound() -> None:
    none = Estimate(0.0, Interval(0.0, 0.058, 0.95, "zero_event_bound", True), 0, 100, "sites")
    point = ClockPoint(365, 50, none, (NOTHING,))
    assert clock_wording.share_at(point) == "0 of 50"
    indicator = Measured(CohortFilter(), none, 50)
    assert indicator.told.denominator == 50


def test_all_clocks_carry_interval_and_how_many_are_left() -> None:
    clock = a_clock()
    report = ClocksReport(
        heading=Heading(
            "clocks",
            message("Clocks"),
            message("Days"),
            "sites",
            CohortFilter(),
            dt.date(2026, 11, 23),
            7,
        ),
        by="",
        clocks=(clock,),
        excluded=(),
    )
    (line,) = lasting_data.glance_table(report)
    assert line["12 months"].replace("\u202f", " ") == "6.0 % (1.0–10.0 %), 40 observed"
    assert line["24 months"] == "–"

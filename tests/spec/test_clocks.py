"""What starts, ends and stops each clock of treated veins, on registries of a few rows."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.analysis import clock_wording
from registry.analysis.clock_report import clocks
from registry.analysis.clock_results import ClockPoint, ClockResult, ClockRow
from registry.analysis.cohort import CohortFilter
from registry.analysis.treated_sites import ALL
from registry.errors import NotFound
from registry.statistics.result import Caution
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2028, 1, 1)
EVERYTHING = CohortFilter()
GSV = "left/gsv_above_knee"


def clock(engine: Engine, given: Given, name: str, table: str, group_by: str = ALL) -> ClockResult:
    by = given(table.replace("GSV", GSV).replace("SSV", "left/ssv"))
    report = clocks(engine, by, EVERYTHING, today=LONG_AFTER, group_by=group_by, only=(name,))
    (found,) = report.clocks
    return found


def at(row: ClockRow, day: int) -> ClockPoint:
    return clock_wording.point_at(row, day)


def counts(found: ClockResult) -> tuple[int, int, tuple[int, ...]]:
    return found.total.started, found.total.events, found.total.competing


def test_seen_again_runs_from_cleared_to_the_eye_and_leaves_duplex_alone(
    engine: Engine, given: Given
) -> None:
    found = clock(
        engine,
        given,
        "visible_again",
        """
        patient | day | site | looked
        A       | 0   | GSV  | 40:cleared 140:visible_again
        B       | 0   | GSV  | 40:cleared 140:reflux_again 300:cleared
        C       | 0   | GSV  | 40:improved!complete 140:visible_again
        D       | 0   | GSV  | 40:improved!80 300:improved!80
        """,
    )
    # C was never cleared to the eye; D was by its score; B was refluxing, not visible.
    assert counts(found) == (3, 1, (0, 0))
    assert at(found.total, 91).event.value == 0
    assert at(found.total, 182).event.value == pytest.approx(1 / 3)
    assert at(found.total, 182).at_risk == 2


def test_open_again_is_for_those_whom_duplex_found_occluded(engine: Engine, given: Given) -> None:
    found = clock(
        engine,
        given,
        "recanalisation",
        """
        patient | day | site | looked
        A       | 0   | GSV  | 40:improved!complete 100:cleared!complete 240:cleared!partial
        B       | 0   | GSV  | 40:cleared!complete 240:reflux_again
        C       | 0   | GSV  | 40:cleared!complete 240:visible_again
        D       | 0   | GSV  | 40:cleared 240:reflux_again
        E       | 0   | GSV  | 40:cleared!partial 100:cleared!complete 140:cleared!complete
        """,
    )
    # D was not examined when it cleared. C was examined on day 40 only, so nothing is known after.
    assert counts(found) == (4, 2, (0, 0))
    assert at(found.total, 91).at_risk == 2
    assert at(found.total, 365).event.value == 1


def test_retreatment_runs_from_the_last_planned_session_whatever_its_result(
    engine: Engine, given: Given
) -> None:
    found = clock(
        engine,
        given,
        "retreatment",
        """
        patient | day | site | intent        | looked
        A       | 0   | GSV  | planned_stage |
        A       | 42  | GSV  | planned_stage | 100:improved
        A       | 142 | GSV  | residual      |
        B       | 0   | GSV  |               | 60:cleared 400:cleared
        C       | 0   | GSV  |               |
        """,
    )
    # A after 100 days; C is never heard of again.
    assert counts(found) == (3, 1, (0,))
    assert at(found.total, 91).at_risk == 2
    assert at(found.total, 182).event.value == pytest.approx(1 / 2)


def test_a_new_vein_is_elsewhere_and_counts_once_for_a_patient(
    engine: Engine, given: Given
) -> None:
    found = clock(
        engine,
        given,
        "new_vein",
        """
        patient | day | site | intent     | looked
        A       | 0   | GSV  |            | 50:cleared
        A       | 0   | SSV  |            | 90:cleared
        A       | 150 | left/thigh_medial | new_vein   |
        A       | 250 | left/thigh_lateral | new_vein  |
        B       | 0   | GSV  |            | 50:cleared
        B       | 150 | GSV  | new_vein   |
        C       | 0   | GSV  |            | 50:improved
        C       | 150 | SSV  | new_vein   |
        """,
    )
    # A 100 days after the first success; at B's site it is no new vein; C had no success.
    assert (found.unit, counts(found)) == ("patients", (2, 1, (0,)))
    assert at(found.total, 91).event.value == 0
    assert at(found.total, 182).event.numerator == 1


def test_retreatment_and_death_compete_and_are_counted_apart(engine: Engine, given: Given) -> None:
    found = clock(
        engine,
        given,
        "visible_again",
        """
        patient | day | site | intent   | looked
        A       | 0   | GSV  |          | 40:cleared 90:cleared
        A       | 100 | GSV  | residual | 200:visible_again
        B       | 0   | GSV  |          | 40:cleared 140:visible_again
        """,
    )
    assert counts(found) == (2, 1, (1, 0))
    point = at(found.total, 182)
    # Censoring the retreatment would claim that everybody comes back.
    assert (point.event.value, point.competing[0].value) == (0.5, 0.5)


def test_none_seen_has_an_upper_bound_and_nothing_is_claimed_after_the_last_look(
    engine: Engine, given: Given
) -> None:
    rows = "\n".join(f"P{i} | 0 | GSV | 40:cleared 240:cleared" for i in range(12))
    found = clock(engine, given, "visible_again", f"patient | day | site | looked\n{rows}")
    early, late = at(found.total, 182), at(found.total, 365)
    assert (early.event.value, early.event.interval.one_sided) == (0, True)
    assert early.event.interval.upper == pytest.approx(1 - 0.05 ** (1 / 12))
    assert late.event.value is None
    assert Caution.BEYOND_FOLLOW_UP in late.event.warnings
    told = str(clock_wording.clock_sentence(found, found.total, 182))
    assert told.startswith(
        "None of 12 sites by 6 months, 12 still observed. A true share up to 22.1"
    )
    assert str(clock_wording.clock_sentence(found, found.total, 365)).startswith("Not estimable")


def test_each_site_is_in_the_group_of_its_own_vein_and_class(engine: Engine, given: Given) -> None:
    table = """
        patient | day | site                          | mm      | looked
        A       | 0   | left/gsv_above_knee           | 7       | 40:cleared 140:visible_again
        B       | 0   | left/ssv                      | 0.5     | 40:cleared 140:cleared
        C       | 0   | right/gsv_above_knee+left/ssv | 7+0.5   |
    """
    by = given(table)
    for name, expected in (
        ("site", {"gsv_above_knee": 2, "ssv": 2}),
        ("calibre", {"below_1_mm": 2, "above_6_mm": 2}),
    ):
        report = clocks(
            engine, by, EVERYTHING, today=LONG_AFTER, group_by=name, only=("retreatment",)
        )
        assert {row.code: row.started for row in report.clocks[0].rows} == expected


def a_group(form: str, size: int, again: int) -> str:
    return "\n".join(
        f"{form}{i} | 0 | GSV | {form} | 40:cleared "
        + ("140:visible_again" if i < again else "400:cleared")
        for i in range(size)
    )


def test_groups_are_compared_with_the_largest_and_tested_by_gray(
    engine: Engine, given: Given
) -> None:
    found = clock(
        engine,
        given,
        "visible_again",
        "patient | day | site | form | looked\n"
        + a_group("foam", 20, 8)
        + "\n"
        + a_group("liquid", 30, 3),
        "form",
    )
    assert found.comparison is not None
    assert found.comparison.reference is not None
    assert found.comparison.reference[0] == "liquid"
    by_day = {item.day: item for item in found.comparison.differences}
    assert by_day[182].estimate.value == pytest.approx(8 / 20 - 3 / 30)
    # Independent groups without censoring: Wald, sqrt(p(1-p)/n) of each.
    half = 1.959964 * (0.4 * 0.6 / 20 + 0.1 * 0.9 / 30) ** 0.5
    assert by_day[182].estimate.interval.lower == pytest.approx(0.3 - half, abs=1e-6)
    test = found.comparison.test
    assert test is not None
    assert (test.method, test.degrees_of_freedom) == ("gray", 1)
    assert test.groups[0][:2] == ("foam", 8)
    assert test.p_value < 0.05


def test_too_little_is_not_tested_and_shared_patients_forbid_it(
    engine: Engine, given: Given
) -> None:
    few = clock(
        engine,
        given,
        "visible_again",
        "patient | day | site | form | looked\n"
        + a_group("foam", 12, 2)
        + "\n"
        + a_group("liquid", 12, 2),
        "form",
    )
    assert few.comparison is not None
    assert few.comparison.test is None
    assert "Groups of at least 10 sites: 2, events in all: 4;" in str(few.comparison.withheld)


def test_patients_in_several_groups_are_not_tested(engine: Engine, given: Given) -> None:
    rows = "\n".join(
        f"P{i} | 0 | {site} | 40:cleared 140:visible_again"
        for i in range(12)
        for site in ("GSV", "SSV")
    )
    found = clock(engine, given, "visible_again", f"patient | day | site | looked\n{rows}", "site")
    assert found.comparison is not None
    assert str(found.comparison.withheld).startswith(
        "No test: the groups are not independent. Patients in several of them: 12 of 12."
    )


def test_unknown_clocks_and_groupings_are_named(engine: Engine, given: Given) -> None:
    by = given("patient | day | site\nA | 0 | " + GSV)
    with pytest.raises(NotFound, match="There is no clock “sand”"):
        clocks(engine, by, EVERYTHING, today=LONG_AFTER, only=("sand",))
    with pytest.raises(NotFound, match="not by “shoe”"):
        clocks(engine, by, EVERYTHING, today=LONG_AFTER, group_by="shoe")


def test_an_empty_registry_has_clocks_that_never_started(engine: Engine, given: Given) -> None:
    by = given("patient | day | site\nA | 0 | ")
    report = clocks(engine, by, EVERYTHING, today=LONG_AFTER, group_by="form")
    assert [(c.total.started, c.rows) for c in report.clocks] == [(0, ())] * 5
    for found in report.clocks:
        said = str(clock_wording.clock_sentence(found, found.total, 365))
        assert said.startswith("This clock has not started for any of the")

"""Do the pictures show what the result says, and nothing more?"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import vl_convert

from dashboard import figures
from registry.analysis.cohort import CohortFilter
from registry.analysis.event_course import Duration
from registry.analysis.results import (
    Basis,
    Curve,
    CurvePoint,
    FollowUpReport,
    Heading,
    RateReport,
    RateRow,
    RecurrenceReport,
    RecurrenceRow,
    VisitRow,
)
from registry.messages import message
from registry.statistics.proportions import proportion
from registry.statistics.result import Caution, Estimate, Interval

HEADING = Heading(
    "complications",
    message("Complications: {event}", event=message("Necrosis")),
    message("Sessions followed by necrosis."),
    "sessions",
    CohortFilter(),
    dt.date(2026, 11, 23),
    7,
)


def a_rate(code: str, x: int, n: int, *, basis: Basis = Basis.PROPORTION) -> RateRow:
    return RateRow(
        code=code,
        label=message("{name}", name=code.capitalize()),
        window_days=30,
        sessions=n,
        mature=n,
        events=x,
        assessed=n,
        patients=n,
        screened=0,
        basis=basis,
        estimate=proportion(x, n),
        best=None,
        worst=None,
    )


def a_report(*rows: RateRow, by: str = "form") -> RateReport:
    total = a_rate("total", sum(row.events for row in rows), sum(row.mature for row in rows))
    return RateReport(
        heading=HEADING,
        event="skin_necrosis",
        event_label=message("Necrosis"),
        by=by,
        total=total,
        rows=rows,
        per_patient=total,
        first_session=total,
        serious=(),
        excluded=(),
    )


def an_incidence(value: float | None, x: int, n: int) -> Estimate:
    limits = (value / 2, value * 1.5) if value else (None, None)
    warnings = () if value else (Caution.NO_EVENTS,)
    return Estimate(value, Interval(*limits, 0.95, "log_log"), x, n, "sites", warnings)


def a_course(
    name: str = "all", *, won: int = 100, at_risk: tuple[int, ...] = (80, 60, 40, 12)
) -> RecurrenceRow:
    points = tuple(
        CurvePoint(
            day=day,
            at_risk=left,
            recurrence=an_incidence(0.02 * (i + 1), 2 * (i + 1), won),
            retreatment=an_incidence(0.01 * (i + 1), i + 1, won),
            death=an_incidence(0.0, 0, won),
            event_free=an_incidence(1 - 0.03 * (i + 1), 3 * (i + 1), won),
        )
        for i, (day, left) in enumerate(zip((91, 182, 365, 730), at_risk, strict=True))
    )
    curve = Curve(
        (60, 150, 300),
        (0.02, 0.04, 0.06),
        (0.01, 0.02, 0.03),
        (0.03, 0.06, 0.09),
        (0.0, 0.01, 0.02),
        (None, 0.005, 0.01),
        (None, 0.02, 0.04),
        (0.98, 0.95, 0.92),
    )
    empty = Curve((), (), (), (), (), (), (), ())
    return RecurrenceRow(
        code=name,
        label=message("{name}", name=name.capitalize()),
        sites=won + 20,
        patients=won,
        assessed=won + 10,
        success=proportion(won, won + 10, unit="sites"),
        recurrences=8,
        retreatments=4,
        deaths=0,
        landmarks=points,
        curve=curve if won else empty,
        median_follow_up_days=an_incidence(None, 0, won),
        clear_at_12_months=proportion(50, 80, unit="sites"),
        clear_best=0.7,
        clear_worst=0.5,
        mature_at_12_months=100,
        assessed_at_12_months=80,
        methods={"clinic": 8},
    )


def recurrence_report(total: RecurrenceRow, *rows: RecurrenceRow) -> RecurrenceReport:
    heading = dataclasses.replace(HEADING, title=message("Recurrence after success"))
    return RecurrenceReport(heading, "form", total, rows, ())


def spec(drawn: figures.Figure | None) -> dict[str, Any]:
    assert drawn is not None
    return drawn.chart.to_dict()


def values(drawn: figures.Figure | None) -> list[dict[str, Any]]:
    """The rows with an estimate, as the chart holds them."""
    return max(spec(drawn)["datasets"].values(), key=lambda rows: len(rows[0]))


def every(node: Any, key: str) -> Iterator[Any]:
    """Each value under ``key``, however deep."""
    if isinstance(node, dict):
        for name, inside in node.items():
            if name == key:
                yield inside
            yield from every(inside, key)
    elif isinstance(node, list):
        for inside in node:
            yield from every(inside, key)


def svg(drawn: figures.Figure | None) -> str:
    return vl_convert.vegalite_to_svg(json.dumps(spec(drawn)))


def test_the_axis_of_rates_begins_at_zero_and_holds_every_large_interval() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 37, 400), a_rate("liquid", 12, 500)))
    domains = [domain for domain in every(spec(drawn), "domain") if isinstance(domain, list)]
    assert {domain[0] for domain in domains} == {0}
    upper = proportion(37, 400).interval.upper
    assert upper is not None
    assert min(domain[1] for domain in domains) >= upper


def test_no_event_is_a_hollow_point_with_a_one_sided_interval_and_no_percentage() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 3, 400), a_rate("both", 0, 344)))
    foam, both = values(drawn)
    assert (foam["sign"], foam["sides"]) == ("full", "two")
    assert (both["sign"], both["sides"], both["lower"]) == ("hollow", "one", 0.0)
    assert both["upper"] == pytest.approx(1 - 0.05 ** (1 / 344))
    assert drawn is not None
    assert "Both: 0 of 344 (0 of 344)" in drawn.description
    assert "○" in drawn.key
    assert "0 of 344" in svg(drawn)


def test_below_ten_sessions_there_is_an_interval_without_a_point_and_no_percentage() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 30, 300), a_rate("both", 1, 8)))
    small = values(drawn)[1]
    assert (small["sign"], small["sides"]) == (None, "two")
    labels = next(every(spec(drawn), "labelExpr"))
    assert '["Both", "1 of 8"]' in labels
    assert '["Foam", "30 of 300' in labels


def test_a_tiny_group_does_not_squeeze_the_others_and_its_interval_is_marked_as_cut() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 10, 1000), a_rate("both", 1, 3)))
    large, tiny = values(drawn)
    assert (large["is_cut"], tiny["is_cut"]) == (False, True)
    assert tiny["upper"] < 0.1
    assert drawn is not None
    assert "reaches farther" in drawn.key


def test_a_kaplan_meier_estimate_has_a_sign_of_its_own() -> None:
    drawn = figures.rates(
        a_report(a_rate("foam", 20, 300, basis=Basis.KAPLAN_MEIER), a_rate("liquid", 9, 300))
    )
    assert [row["sign"] for row in values(drawn)] == ["diamond", "full"]
    assert "diamond" in set(every(spec(drawn), "shape"))
    assert drawn is not None
    assert "◆" in drawn.key


def test_a_group_with_only_a_best_and_a_worst_case_has_its_row_and_its_range() -> None:
    whole = a_rate("liquid", 0, 40)
    unknown = Estimate(None, Interval(None, None, 0.95, "bounds"), 18, 100, "patients")
    part = dataclasses.replace(
        a_rate("foam", 18, 100, basis=Basis.BOUNDS), estimate=unknown, best=0.18, worst=0.257
    )
    drawn = figures.rates(a_report(whole, part))
    found = values(drawn)[1]
    assert (found["value"], found["lower"], found["upper"]) == (None, 0.18, 0.257)
    labels = next(every(spec(drawn), "labelExpr")).encode().decode("unicode_escape")
    assert "18 of 100 · best to worst 18.0" in labels
    assert [0, 1] in [scale.get("domain") for scale in every(spec(drawn), "scale")]
    assert drawn is not None
    assert "best to the worst case" in drawn.key
    assert figures.rates(a_report(part)) is not None


def test_groups_without_a_rate_are_named_and_not_drawn_and_nothing_at_all_is_no_picture() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 20, 300), a_rate("both", 0, 0)))
    empty = values(drawn)[1]
    assert (empty["value"], empty["lower"], empty["upper"]) == (None, None, None)
    assert "0 of 0" in next(every(spec(drawn), "labelExpr"))
    assert figures.rates(a_report(a_rate("foam", 0, 0))) is None
    assert figures.rates(a_report()) is None
    assert figures.months(a_report(by="month")) is None


def test_all_sessions_with_an_event_stay_inside_the_picture() -> None:
    drawn = figures.rates(a_report(a_rate("foam", 40, 40)))
    assert values(drawn)[0]["upper"] == 1.0
    assert values(drawn)[0]["is_cut"] is False


def test_a_name_that_is_written_like_a_program_is_drawn_as_it_is() -> None:
    name = "\"];alert(1)//'\u2028\\"
    row = dataclasses.replace(a_rate("x", 20, 300), label=message("{name}", name=name))
    drawn = figures.rates(a_report(row))
    assert "alert(1)" in svg(drawn)


def test_the_line_of_months_breaks_where_a_month_is_missing_or_tiny() -> None:
    rows = [
        a_rate(code, 2, n)
        for code, n in (
            ("2025-11", 40),
            ("2025-12", 40),
            ("2026-01", 40),
            ("2026-03", 40),
            ("2026-04", 5),
            ("2026-05", 40),
        )
    ]
    drawn = figures.months(a_report(*rows, by="month"))
    parts = [row["part"] for row in values(drawn)]
    assert parts[0] == parts[1] == parts[2] != parts[3]
    assert parts[3] != parts[5]
    assert [row["month"] for row in values(drawn)][:2] == ["2025-11-01", "2025-12-01"]
    assert "<svg" in svg(drawn)


def test_months_that_are_all_tiny_make_no_picture() -> None:
    assert figures.months(a_report(a_rate("2026-01", 1, 9), by="month")) is None


def test_follow_up_shows_each_visit_with_its_counts() -> None:
    rows = (
        VisitRow("check", message("Check at 6 to 8 weeks"), 90, 81, 9, 2, proportion(81, 90)),
        VisitRow("year", message("Review at 12 months"), 4, 1, 3, 0, proportion(1, 4)),
    )
    drawn = figures.follow_up(FollowUpReport(HEADING, rows, ()))
    assert [row["is_too_small"] for row in values(drawn)] == [False, True]
    assert drawn is not None
    assert "Check at 6 to 8 weeks: 81 of 90" in drawn.description


def test_the_curve_begins_at_zero_on_day_0_and_carries_its_band() -> None:
    drawn = figures.recurrence(a_course())
    for what, upper, last in (
        ("recurrence", [0.03, 0.06, 0.09], 0.06),
        ("retreatment", [None, 0.02, 0.04], 0.02),
    ):
        steps = [step for step in values(drawn) if step["what"] == what]
        assert (steps[0]["day"], steps[0]["share"]) == (0, 0.0)
        assert [step["upper"] for step in steps[1:4]] == upper
        assert (steps[-1]["day"], steps[-1]["share"]) == (730, last)


def test_the_curve_stops_where_too_few_are_observed_and_says_how_many_are() -> None:
    drawn = figures.recurrence(a_course(at_risk=(80, 60, 40, 3)))
    assert max(step["day"] for step in values(drawn)) == 365
    labels = next(every(spec(drawn), "labelExpr"))
    assert labels.startswith('[["0", "100"], ["3", "80"], ["6", "60"], ["12", "40"]')
    assert "Recurrence" in svg(drawn)
    assert "Retreatment" in svg(drawn)


def test_the_curve_does_not_end_on_a_rise_beside_which_no_band_stands() -> None:
    drawn = figures.recurrence(a_course(at_risk=(80, 60, 9, 3)))
    for what, share, upper in (("recurrence", 0.04, 0.06), ("retreatment", 0.01, 0.02)):
        before, last = [step for step in values(drawn) if step["what"] == what][-2:]
        assert (before["day"], last["day"]) == (150, 300)
        assert (last["share"], last["upper"]) == (before["share"], before["upper"])
        assert (last["share"], last["upper"]) == (share, upper)


def test_a_curve_of_durations_ends_level_too() -> None:
    none = Estimate(None, Interval(None, None, 0.95, "none"), 0, 12, "events")
    row = Duration(
        "vasovagal",
        message("Vasovagal"),
        False,
        12,
        12,
        6,
        none,
        (),
        (1, 4),
        (0.2, 0.5),
        (0.1, 0.3),
        (0.4, 0.8),
    )
    drawn = figures.resolution([row])
    assert [(step["day"], step["share"]) for step in values(drawn)] == [
        (0, 0.0),
        (1, 0.2),
        (4, 0.2),
    ]
    ended_at_once = dataclasses.replace(row, days=(0,), share=(0.2,), lower=(0.1,), upper=(0.4,))
    assert figures.resolution([ended_at_once]) is None


def test_there_is_no_curve_without_success() -> None:
    assert figures.recurrence(a_course(won=0, at_risk=(0, 0, 0, 0))) is None


def test_groups_with_too_few_observed_at_the_landmark_show_neither_point_nor_interval() -> None:
    report = recurrence_report(
        a_course(), a_course("foam"), a_course("liquid", at_risk=(30, 20, 9, 1))
    )
    drawn = figures.recurrence_by_group(report, 365)
    foam, liquid = values(drawn)
    assert foam["value"] == pytest.approx(0.06)
    assert (liquid["lower"], liquid["upper"], liquid["is_too_small"]) == (None, None, True)
    assert drawn is not None
    assert "Liquid: 9 observed (–)" in drawn.description
    assert figures.recurrence_by_group(report, 730) is not None
    small = recurrence_report(a_course(), a_course("liquid", at_risk=(9, 5, 2, 1)))
    assert figures.recurrence_by_group(small, 91) is None


def test_many_groups_are_told_in_a_sentence_that_ends() -> None:
    rows = [a_rate(f"level {i}", i, 100) for i in range(1, 15)]
    drawn = figures.rates(a_report(*rows))
    assert drawn is not None
    assert drawn.description.endswith("more groups, all in the table: 6.")

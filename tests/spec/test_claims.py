"""What stands beside a claim: figures of known size on registries of a few rows."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.analysis.claims import FIGURES, NO_FIGURE, ClaimsReport, claims
from registry.analysis.cohort import CohortFilter
from registry.analysis.response import Spread
from registry.catalogue import catalogue
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2028, 1, 1)
GSV = "left/gsv_above_knee"

REGISTRY = """
    patient | day | site  | mm  | course | intent        | pain | looked
    A       | 0   | GSV   | 0.5 | a/1    | planned_stage | 2    |
    A       | 42  | GSV   | 0.5 | a/1    | planned_stage | 4    | 72:cleared!80 400:visible_again
    B       | 0   | GSV   | 5   | b/1    |               |      | 56:improved!70 182:cleared!90
    C       | 0   | GSV   | 0.5 | c      |               |      | 56:unchanged!0
    D       | 0   | GSV   | 0.5 | d/2    |               |      |
"""


@pytest.fixture
def report(engine: Engine, given: Given) -> ClaimsReport:
    by = given(REGISTRY.replace("GSV", GSV))
    return claims(engine, by, CohortFilter(), today=LONG_AFTER)


def shares(report: ClaimsReport, code: str) -> list[tuple[float, float]]:
    (row,) = [row for row in report.rows if row.claim.code == code]
    return [(own.share.numerator, own.share.denominator) for own in row.own if own.share]


def spreads(report: ClaimsReport, code: str) -> list[Spread]:
    (row,) = [row for row in report.rows if row.claim.code == code]
    return [own.spread for own in row.own if own.spread]


def test_reduction_is_read_off_the_first_score_after_the_plan(report: ClaimsReport) -> None:
    # 80, 70 and 0: the later 90 of B does not count.
    assert shares(report, "reduction_70") == [(2, 3)]
    assert spreads(report, "reduction_70") == [Spread(3, 70, (35, 75))]


def test_no_result_is_told_by_patient_and_by_site(report: ClaimsReport) -> None:
    # Only C was not seen to improve; D was not looked at.
    assert shares(report, "no_result_10") == [(1, 3), (1, 3)]


def test_effective_is_a_patient_with_any_site_cleared(report: ClaimsReport) -> None:
    assert shares(report, "effective_50") == [(2, 3)]


def test_repeated_treatment_is_two_days_of_the_plan(report: ClaimsReport) -> None:
    assert shares(report, "success_85") == [(1, 1)]


def test_sessions_gaps_and_top_up_are_those_of_courses(report: ClaimsReport) -> None:
    assert spreads(report, "two_sessions") == [Spread(4, 1, (1, 1.25))]
    assert spreads(report, "wait_6_weeks") == [Spread(1, 42, (42, 42))]
    assert shares(report, "temporary_recurrence") == [(1, 3)]


def test_small_and_large_veins_are_told_apart_by_their_diameter(report: ClaimsReport) -> None:
    assert spreads(report, "small_3_6_weeks") == [Spread(1, 30, (30, 30))]
    assert spreads(report, "large_3_4_months") == [Spread(1, 182, (182, 182))]


def test_pain_counts_where_it_was_rated(report: ClaimsReport) -> None:
    assert spreads(report, "not_painful") == [Spread(2, 3, (2.5, 3.5))]


def test_recurrence_is_not_told_while_too_few_are_observed(report: ClaimsReport) -> None:
    assert shares(report, "permanent") == []


def test_every_claim_has_a_figure_or_a_reason_for_none(report: ClaimsReport) -> None:
    codes = set(catalogue().claims)
    assert set(FIGURES) | set(NO_FIGURE) == codes
    assert set(FIGURES) & set(NO_FIGURE) == set()
    assert [row.claim.code for row in report.rows] == list(catalogue().claims)
    assert all(row.own or row.remark for row in report.rows)


def test_no_claim_is_given_a_denominator_of_its_own(report: ClaimsReport) -> None:
    rows = {row["claim"]: row for row in report.to_rows()}
    assert set(rows) == set(catalogue().claims)
    assert rows["insurance"]["denominator"] is None
    assert rows["effective_50"]["unit"] == "patients"


def test_an_empty_registry_has_nothing_to_set_beside(engine: Engine, given: Given) -> None:
    by = given("patient | day | site\nA | 0 | ")
    report = claims(engine, by, CohortFilter(), today=LONG_AFTER)
    for row in report.rows:
        for own in row.own:
            assert own.share is None or own.share.value is None or own.share.denominator == 1

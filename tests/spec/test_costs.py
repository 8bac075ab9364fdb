"""What sessions, courses and clear patients cost, on registries of a few rows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sqlalchemy.engine import Engine

from registry.analysis import costs_wording, openable_counts, reports
from registry.analysis.cohort import CohortFilter
from registry.analysis.completeness import why_incomplete
from registry.analysis.costs import ALL, GROUPINGS, CostReport, CostRow, costs
from registry.analysis.costs_counted import sessions_behind, states_at
from registry.analysis.facts import facts_of
from registry.analysis.session_facts import currency_code, currency_of
from registry.analysis.sharing import NotShareable, for_sharing
from registry.analysis.treated_sites import histories_of
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.statistics.result import Caution
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2028, 1, 1)
GSV = "left/gsv_above_knee"


def answer(engine: Engine, given: Given, table: str, **asked: Any) -> CostReport:
    by = given(table.replace("GSV", GSV))
    return costs(engine, by, CohortFilter(), today=LONG_AFTER, **asked)


def row_of(report: CostReport, currency: str, group: str = "All sessions") -> CostRow:
    rows = (*report.totals, *report.rows)
    (found,) = [r for r in rows if (r.currency, str(r.label)) == (currency, group)]
    return found


def test_currencies_stand_apart_and_what_is_missing_is_counted_not_zero(
    engine: Engine, given: Given
) -> None:
    report = answer(
        engine,
        given,
        """
        patient | day | cost       | course | payer
        A       | 0   | 100.10 EUR | one    | Insurer
        A       | 60  | 200.20 EUR | one    | Insurer
        B       | 0   | 300 EUR    | two    | Patient
        C       | 0   | 90 CHF     | three  | insurer
        D       | 0   |            | four   | Patient
        """,
    )
    assert [row.currency for row in report.totals] == ["EUR", "CHF"]
    euros, francs = report.totals
    assert (euros.session.numerator, euros.session.denominator) == (600.30, 2 + 1)
    assert euros.session.value == pytest.approx(600.30 / 3)
    assert (euros.median_session, euros.patients) == (200.20, 2)
    assert (francs.session.numerator, francs.session.denominator) == (90, 1)
    # The two spellings of a payer are one; nothing is added up across currencies.
    by_payer = {(row.currency, str(row.label)): row.session for row in report.rows}
    assert {key: (e.numerator, e.denominator) for key, e in by_payer.items()} == {
        ("EUR", "Insurer"): (300.30, 2),
        ("EUR", "Patient"): (300, 1),
        ("CHF", "Insurer"): (90, 1),
    }
    known = {str(part.label): (part.sessions, part.priced) for part in report.known}
    assert known == {"All sessions": (5, 4), "Insurer": (3, 3), "Patient": (2, 1)}
    assert "converting them would need a rate of exchange" in str(report.warnings[-1])


def test_the_interval_goes_by_patients_not_by_sessions(engine: Engine, given: Given) -> None:
    amounts = [120, 180, 150, 90, 200, 130, 170, 140, 160, 110]
    lines = [f"P{i} | 0 | {cost} EUR" for i, cost in enumerate(amounts)]
    table = "\n".join(["patient | day | cost", *lines, *(f"P{i} | 50 | 150 EUR" for i in range(3))])
    found = answer(engine, given, table, group_by=ALL).totals[0].session
    # Worked by hand: the sums y and numbers n of each patient, m/(m-1) Σ(y - n mean)² / n².
    sums = np.array(amounts, float) + np.array([150.0] * 3 + [0.0] * 7)
    number = np.array([2] * 3 + [1] * 7)
    mean = sums.sum() / 13
    error = (10 / 9 * ((sums - number * mean) ** 2).sum()) ** 0.5 / 13
    reach = stats.t.ppf(0.975, 9) * error
    assert found.value == pytest.approx(mean)
    assert (found.interval.lower, found.interval.upper) == pytest.approx(
        (mean - reach, mean + reach)
    )
    assert found.warnings == (Caution.TOO_FEW_PATIENTS,)


def test_a_course_counts_when_it_ended_with_an_amount_for_every_session(
    engine: Engine, given: Given
) -> None:
    by = given(
        """
        patient | day  | cost    | course
        A       | 0    | 100 EUR | one/2
        A       | 42   | 150 EUR | one/2
        A       | 90   | 50 EUR  | one/2
        B       | 0    | 100 EUR | two/2
        B       | 60   |         | two/2
        C       | 0    | 100 EUR | three
        C       | 50   | 100 CHF | three
        D       | 0    | 80 EUR  | four/3
        E       | 1000 | 70 EUR  | five/1
        F       | 0    | 10 EUR  |
        """
    )
    # Day 1105: the time of the 12-week visit after the session of course five is not over yet.
    today = dt.date(2025, 1, 1) + dt.timedelta(days=1105)
    report = costs(engine, by, CohortFilter(), today=today)
    euros = row_of(report, "EUR")
    assert (euros.course.numerator, euros.course.denominator) == ((100 + 150 + 50) + 80, 2)
    assert euros.median_course == (300 + 80) / 2
    assert row_of(report, "CHF").course.denominator == 0
    left_out = {str(item.reason): item.count for item in report.excluded}
    assert left_out["courses with a session lately, perhaps not ended"] == 1
    assert (
        left_out["ended courses with a session without an amount, or several currencies"] == 1 + 1
    )
    assert left_out["sessions without an amount"] == 1
    later = costs(engine, by, CohortFilter(), today=today + dt.timedelta(days=1))
    assert row_of(later, "EUR").course.denominator == 3


CLEAR = """
    patient | day | cost    | site         | intent   | looked
    A       | 0   | 100 EUR | GSV          |          |
    A       | 60  | 50 EUR  | GSV          |          | 365:cleared
    B       | 0   | 200 EUR | GSV          |          | 100:cleared 365:visible_again
    C       | 0   | 300 EUR | GSV          |          | 60:cleared
    D       | 0   | 400 EUR | GSV          |          | 60:improved
    D       | 200 | 70 EUR  | GSV          | residual | 400:cleared
    E       | 0   |         | GSV          |          | 365:cleared
    F       | 0   | 500 EUR | GSV          |          | 365:cleared
    F       | 10  | 20 EUR  | right/calf_medial |     |
    G       | 0   | 600 EUR | GSV          |          | 365:cleared!30
"""


def test_all_who_are_old_enough_pay_for_those_seen_clear(engine: Engine, given: Given) -> None:
    found = row_of(answer(engine, given, CLEAR), "EUR").clear
    # A is clear; B came back; C was not looked at in time; D was treated again before the visit,
    # which is paid for too; of E no amount is known; F has a second site that nobody looked at; the
    # score of G is below the threshold.
    assert (found.patients, found.cleared, found.not_assessed) == (6, 1, 2)
    total = (100 + 50) + 200 + 300 + (400 + 70) + (500 + 20) + 600
    assert (found.estimate.numerator, found.estimate.denominator) == (total, 1)
    assert found.estimate.value == total
    assert found.best == pytest.approx(total / (1 + 2))
    assert not found.is_shown


def test_the_visit_decides_who_is_clear_and_who_is_old_enough(engine: Engine, given: Given) -> None:
    by = given(CLEAR.replace("GSV", GSV))
    early = row_of(
        costs(engine, by, CohortFilter(), today=LONG_AFTER, visit="check_6_8w"), "EUR"
    ).clear
    # At 6 to 8 weeks only C is clear and D is not; the retreatment of D comes too late to be paid.
    assert (early.patients, early.cleared, early.not_assessed) == (6, 1, 4)
    young = costs(engine, by, CohortFilter(), today=dt.date(2025, 1, 1) + dt.timedelta(days=456))
    assert row_of(young, "EUR").clear.patients == 0
    left_out = {str(item.reason): item.count for item in young.excluded}
    assert left_out["patients not old enough for “Review at 12 months”"] == 7


def test_clear_at_12_months_is_what_the_page_of_recurrence_counts(
    engine: Engine, given: Given
) -> None:
    given(CLEAR.replace("GSV", GSV))
    facts = facts_of(engine)
    states = states_at(facts, catalogue().visits["review_12m"])
    assert states.tolist() == histories_of(facts).clear_12.tolist()


def test_the_ratio_is_told_from_ten_patients_and_five_clear_ones(
    engine: Engine, given: Given
) -> None:
    lines = ["patient | day | cost | site | looked"]
    lines += [f"P{i} | 0 | {100 + 10 * i} EUR | GSV | 365:cleared" for i in range(8)]
    lines += [f"Q{i} | 0 | 150 EUR | GSV | 365:unchanged" for i in range(3)]
    lines += ["R | 0 | 150 EUR | GSV |"]
    report = answer(engine, given, "\n".join(lines))
    row = row_of(report, "EUR")
    total = sum(100 + 10 * i for i in range(8)) + 3 * 150 + 150
    assert row.clear.is_shown
    assert row.clear.estimate.value == total / 8
    amounts = [100 + 10 * i for i in range(8)] + [150.0] * 4
    for limit in (row.clear.estimate.interval.lower, row.clear.estimate.interval.upper):
        rest = np.array(amounts) - (limit or 0) * np.array([1] * 8 + [0] * 4)
        assert stats.ttest_1samp(rest, 0).pvalue == pytest.approx(0.05)
    said = str(costs_wording.clear_sentence(row, report.visit_label)).replace("\xa0", " ")
    assert said.startswith("EUR 210.00 per patient seen clear (95")
    assert "EUR 1,680.00 for 12 patients, of whom 8 were clear at “Review at 12 months”" in said
    assert said.endswith("Not looked at: 1; if all of those were clear, it would be EUR 186.67.")


@pytest.mark.parametrize(("priced", "looked", "said"), [(8, 7, 0), (7, 7, 1), (8, 6, 1)])
def test_too_few_amounts_or_looks_are_said(
    engine: Engine, given: Given, priced: int, looked: int, said: int
) -> None:
    # The clinic asks for 80 %: amounts for 8 of 10 are enough; of their 8 patients 6 are too few.
    lines = ["patient | day | cost | site | looked"]
    for i in range(10):
        cost, look = "100 EUR" if i < priced else "", "365:cleared" if i < looked else ""
        lines.append(f"P{i} | 0 | {cost} | GSV | {look}")
    report = answer(engine, given, "\n".join(lines))
    assert len(report.warnings) == said
    assert (why_incomplete(report) is not None) == (priced == 7)


def test_behind_each_count_stand_as_many_records(engine: Engine, given: Given) -> None:
    by = given(CLEAR.replace("GSV", GSV))
    facts = facts_of(engine)
    chosen = np.ones(len(facts.sessions), np.bool_)
    for group_by in ("indication", "year", ALL):
        report = costs(engine, by, CohortFilter(), today=LONG_AFTER, group_by=group_by)
        for (row, measure), figure in openable_counts.figures_of(report).items():
            rows = sessions_behind(
                facts, chosen, facts.clinics, measure,
                row=row, group_by=group_by, today=LONG_AFTER,
            )["row"]  # fmt: skip
            assert len(rows) == len(set(rows)) == figure, (row, measure)


def test_an_empty_registry_has_no_currency_and_says_nothing_wrong(
    engine: Engine, given: Given
) -> None:
    by = given("patient | day\n")
    report = costs(engine, by, CohortFilter(), today=LONG_AFTER)
    assert (report.totals, report.rows, report.warnings, report.to_rows()) == ((), (), (), [])
    assert str(costs_wording.known_sentence(report)) == (
        "An amount is recorded for 0 of 0 sessions (–)."
    )


def test_the_report_can_be_asked_for_by_name_and_is_not_for_sharing(
    engine: Engine, given: Given
) -> None:
    by = given("patient | day | cost\nA | 0 | 100 EUR")
    cohort = CohortFilter()
    for group_by in GROUPINGS:
        assert reports.report(
            engine, by, "costs", cohort, today=LONG_AFTER, group_by=group_by
        ).to_rows()[0]["total"] == 100  # fmt: skip
    with pytest.raises(NotShareable):
        for_sharing(engine, by, costs(engine, by, cohort, today=LONG_AFTER))
    with pytest.raises(NotFound, match="cannot be grouped by “clinician”"):
        costs(engine, by, cohort, today=LONG_AFTER, group_by="clinician")
    with pytest.raises(NotFound, match="There is no visit “never”"):
        costs(engine, by, cohort, today=LONG_AFTER, visit="never")


@pytest.mark.parametrize("text", ["EUR", "¤", "日本円"])
def test_a_currency_comes_back_from_its_number(text: str) -> None:
    assert currency_of(currency_code(text.lower())) == text
    assert (currency_code(None), currency_code("  ")) == (-1, -1)

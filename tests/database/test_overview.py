"""Do the figures of the overview equal those of their own pages, and who says worse or better?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.engine import Engine

from registry.access import Grant, operator
from registry.analysis import wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.facts import facts_of
from registry.analysis.follow_up import follow_up
from registry.analysis.indicators import Measured, Measuring, current_period, previous_period
from registry.analysis.judgement import Against, Status, interval_shown, judge, value_shown
from registry.analysis.overview import IndicatorRow, OverviewReport, overview
from registry.analysis.recurrence import recurrence
from registry.analysis.wording import NARROW_SPACE
from registry.catalogue import IndicatorMeasure, catalogue
from registry.entry.clinic_settings import set_clinic_setting
from registry.errors import PermissionDenied
from registry.operations.migration import command_line_actor
from registry.statistics.proportions import proportion
from registry.vocabulary import Role
from tests import factories as make
from tests.made_up_clinic import fill

TODAY = make.TODAY
NOW = make.NOW
ANY = catalogue().indicators["any_complication"]
YEAR = CohortFilter(TODAY - dt.timedelta(days=364), TODAY)


def row_of(report: OverviewReport, code: str) -> IndicatorRow:
    return next(row for row in report.rows if row.indicator.code == code)


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with make.saving(engine) as db:
        return make.a_clinic(db)


def test_every_figure_equals_that_of_its_own_page(sqlite_engine: Engine) -> None:
    today = dt.datetime.now(dt.UTC).date()
    with make.saving(sqlite_engine) as db:
        clinic_id = make.a_clinic(db)
    fill(sqlite_engine, clinic_id, 150)
    by = command_line_actor(sqlite_engine)
    report = overview(sqlite_engine, by, CohortFilter(), today=today)
    for row in report.rows:
        cohort, estimate = row.now.cohort, row.now.estimate
        measure = row.indicator.measure
        if measure is IndicatorMeasure.OUTCOME:
            own = complications(
                sqlite_engine, by, cohort, today=today, event=str(row.indicator.outcome)
            ).total
            assert estimate == own.estimate, row.indicator.code
            assert row.now.completeness == own.completeness
        elif measure is IndicatorMeasure.FOLLOW_UP:
            visits = follow_up(sqlite_engine, by, cohort, today=today).rows
            visit = next(visit for visit in visits if visit.code == row.indicator.visit_code)
            assert estimate == visit.completeness
        elif measure in {IndicatorMeasure.RECURRENCE, IndicatorMeasure.RETREATMENT}:
            total = recurrence(sqlite_engine, by, cohort, today=today).total
            point = next(point for point in total.landmarks if point.day == 365)
            assert estimate == getattr(point, measure.value)
    whole = follow_up(sqlite_engine, by, CohortFilter(), today=today)
    overdue = sum(visit.overdue for visit in whole.rows)
    assert {action.code: action.count for action in report.actions}.get("overdue", 0) == overdue


def test_the_course_is_what_each_quarter_gives_alone(sqlite_engine: Engine) -> None:
    today = dt.datetime.now(dt.UTC).date()
    with make.saving(sqlite_engine) as db:
        clinic_id = make.a_clinic(db)
    fill(sqlite_engine, clinic_id, 150)
    facts = facts_of(sqlite_engine)
    by = command_line_actor(sqlite_engine)
    levels = CohortFilter()
    measuring = Measuring(sqlite_engine, by, facts, levels, frozenset({clinic_id}), today)
    spans = [
        (today - dt.timedelta(days=91 * (i + 1)), today - dt.timedelta(days=91 * i + 1))
        for i in range(10)
    ]
    told = 0
    for indicator in catalogue().indicators.values():
        for point, (start, end) in zip(measuring.course(indicator, spans), spans, strict=True):
            alone = measuring.measure(indicator, CohortFilter(start, end))
            assert point.observed == alone.observed, (indicator.code, start)
            if point.value is not None:
                assert point.value == pytest.approx(alone.estimate.value), (indicator.code, start)
                told += 1
    assert told > 50


def test_an_imported_session_has_no_delay_and_a_typed_one_the_days_of_the_clinics_calendar(
    engine: Engine, clinic_id: int
) -> None:
    late_evening = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
    with make.saving(engine) as db:
        patient = make.a_patient(db, clinic_id)
        make.an_import_batch(db, clinic_id, imported_at=NOW)
        make.a_session(db, clinic_id, patient, treated_on=dt.date(2025, 9, 1), recorded_at=NOW)
        typed = dt.date(2026, 3, 1)
        make.a_session(db, clinic_id, patient, treated_on=typed, recorded_at=late_evening)
    delay = facts_of(engine).sessions["delay"].tolist()
    # 23:30 in London is half past midnight of the next day in Berlin.
    assert delay == [-1_000_000, 1]


def test_an_answer_belongs_to_the_latest_session_before_it(engine: Engine, clinic_id: int) -> None:
    with make.saving(engine) as db:
        patient = make.a_patient(db, clinic_id)
        for day in (dt.date(2025, 1, 1), dt.date(2025, 6, 1)):
            make.a_session(db, clinic_id, patient, treated_on=day)
        for day, score in (
            (dt.date(2024, 12, 1), 0),
            (dt.date(2025, 3, 1), 1),
            (dt.date(2025, 6, 1), 4),
        ):
            make.a_reported_outcome(
                db,
                clinic_id,
                patient,
                item_code="satisfaction",
                answered_on=day,
                score=Decimal(score),
            )
    answers = facts_of(engine).answers
    assert list(zip(answers["session"], answers["score"], strict=True)) == [(0, 1.0), (1, 4.0)]


def test_an_overridden_warning_counts_its_session_once(engine: Engine, clinic_id: int) -> None:
    with make.saving(engine) as db:
        patient = make.a_patient(db, clinic_id)
        session = make.a_session(db, clinic_id, patient)
        make.a_session(db, clinic_id, patient, treated_on=TODAY - dt.timedelta(days=9))
        for rule in ("one", "two"):
            make.an_override(db, clinic_id, session, rule=rule)
    by = command_line_actor(engine)
    estimate = row_of(overview(engine, by, CohortFilter(), today=TODAY), "overrides").now.estimate
    assert (estimate.numerator, estimate.denominator) == (1, 2)


def test_a_target_holds_from_its_day_and_only_where_all_clinics_have_it(
    engine: Engine, clinic_id: int
) -> None:
    with make.saving(engine) as db:
        second = make.a_clinic(db, code="TWO")
    by = operator(command_line_actor(engine).user_id, (clinic_id, second))

    def set_target(where: int, value: str, day: dt.date) -> None:
        set_clinic_setting(
            engine,
            by,
            where,
            "target:necrosis",
            Decimal(value),
            valid_from=day,
            request_key=uuid4(),
            now=NOW,
        )

    def target(cohort: CohortFilter) -> Decimal | None:
        return row_of(overview(engine, by, cohort, today=TODAY), "necrosis").target

    own = CohortFilter(levels={"clinic": (str(clinic_id),)})
    set_target(clinic_id, "3", TODAY)
    set_target(clinic_id, "9", TODAY + dt.timedelta(days=1))
    assert target(own) == 3
    assert target(CohortFilter()) is None
    set_target(second, "3", TODAY)
    assert target(CohortFilter()) == 3


def test_who_may_not_read_rates_gets_no_overview(engine: Engine, clinic_id: int) -> None:
    grant = Grant(clinic_id, Role.ADMINISTRATOR)
    by = command_line_actor(engine)
    nobody = type(by)(by.user_id, "x", "X", (grant,))
    with pytest.raises(PermissionDenied):
        overview(engine, nobody, CohortFilter(), today=TODAY)


def test_an_empty_registry_is_told_as_such(engine: Engine, clinic_id: int) -> None:
    report = overview(engine, command_line_actor(engine), CohortFilter(), today=TODAY)
    assert {row.status for row in report.rows} == {Status.TOO_FEW}
    assert [row.now.estimate.value for row in report.rows] == [None] * 16
    assert not report.actions
    assert not report.warnings
    assert len(report.to_rows()) == len(report.to_dict()["rows"]) == 16


def of(x: int, n: int, **more: Any) -> Measured:
    return Measured(YEAR, proportion(x, n), n, **more)


@pytest.mark.parametrize(
    ("now", "before", "target", "status", "against"),
    [
        (of(40, 400), of(10, 400), None, Status.WORSE, Against.BEFORE),
        (of(10, 400), of(40, 400), None, Status.BETTER, Against.BEFORE),
        (of(12, 400), of(10, 400), None, Status.AS_EXPECTED, Against.BEFORE),
        (of(2, 400), of(2, 400), None, Status.TOO_FEW, Against.NOTHING),
        (of(5, 9), of(40, 400), None, Status.TOO_FEW, Against.NOTHING),
        (of(40, 400), of(5, 9), None, Status.TOO_FEW, Against.NOTHING),
        (of(40, 400), None, None, Status.TOO_FEW, Against.NOTHING),
        (of(40, 400), of(40, 400), Decimal(5), Status.WORSE, Against.TARGET),
        (of(40, 400), of(10, 400), Decimal(10), Status.AS_EXPECTED, Against.TARGET),
        (of(40, 400), of(10, 400), Decimal(20), Status.BETTER, Against.TARGET),
        (of(0, 400), of(10, 400), Decimal(2), Status.BETTER, Against.TARGET),
        (of(3, 20), of(10, 400), Decimal(1), Status.TOO_FEW, Against.TARGET),
    ],
)
def test_an_indicator_is_worse_or_better_only_when_its_interval_says_so(
    now: Measured, before: Measured | None, target: Decimal | None, status: Status, against: Against
) -> None:
    found = judge(ANY, now, before, target, None, needed=0.8)
    assert (found.status, found.against) == (status, against)
    assert str(found.reason)


@pytest.mark.parametrize(
    ("now", "before", "target", "status", "reason"),
    [
        (0.64, 0.66, None, Status.NOT_FOLLOWED_UP, "Incomplete, not to be quoted: 64 % were"),
        (
            0.79,
            0.79,
            Decimal(20),
            Status.NOT_FOLLOWED_UP,
            "Incomplete, not to be quoted: 79 %",
        ),
        (0.90, 0.84, None, Status.NOT_FOLLOWED_UP, "Not compared: 90 % were assessed, in the 12"),
        (0.81, 0.79, None, Status.NOT_FOLLOWED_UP, "Not compared: 81 % were assessed, in the 12"),
        (0.80, 0.85, None, Status.BETTER, "Lower than in the 12 months before"),
        (0.90, 0.60, Decimal(20), Status.BETTER, "Below your target of 20 %"),
    ],
)
def test_nothing_is_better_or_worse_where_too_few_were_followed_up(
    now: float, before: float, target: Decimal | None, status: Status, reason: str
) -> None:
    current, earlier = of(10, 400, completeness=now), of(40, 400, completeness=before)
    found = judge(ANY, current, earlier, target, None, needed=0.8)
    assert found.status is status
    assert found.is_incomplete == (now < 0.8)
    assert str(found.reason).replace(NARROW_SPACE, " ").startswith(reason)


@pytest.mark.parametrize(
    ("code", "now", "before", "told"),
    [
        ("any_complication", of(2, 400), of(2, 400), "Cases ({}, and the 12 months before): 4; 5"),
        ("any_complication", of(0, 400), of(0, 400), "Cases ({}, and the 12 months before): none;"),
        ("follow_up", of(398, 400), of(398, 400), "Not seen ({}, and the 12 months before): 4; 5"),
    ],
)
def test_what_is_too_little_names_its_days_and_what_is_counted(
    code: str, now: Measured, before: Measured, told: str
) -> None:
    found = judge(catalogue().indicators[code], now, before, None, None, needed=0.8)
    assert YEAR.start is not None
    days = f"{wording.day(YEAR.start)} to {wording.day(TODAY)}"
    assert str(found.reason).startswith(told.format(days))


@pytest.mark.parametrize(
    ("x", "n", "value", "limits"),
    [
        (0, 58, "0 of 58", "up to 5.0 % (one-sided)"),
        (0, 4000, "0 of 4,000", "up to 0.7 per 1,000 (one-sided)"),
        (3, 400, "0.8 %", "0.2 to 2.2 %"),
        (3, 4000, "0.8 per 1,000", "0.2 to 2.2 per 1,000"),
        (60, 400, "15.0 %", "11.8 to 18.8 %"),
        (2, 5, "2 of 5", "5.3 to 85.3 %"),
    ],
)
def test_what_is_rare_is_told_per_thousand_with_all_its_limits(
    x: int, n: int, value: str, limits: str
) -> None:
    estimate = proportion(x, n)
    assert value_shown(estimate).replace(NARROW_SPACE, " ") == value
    assert interval_shown(estimate).replace(NARROW_SPACE, " ") == limits


def test_more_is_better_where_more_is_better() -> None:
    seen = catalogue().indicators["follow_up"]
    found = judge(seen, of(300, 400), of(390, 400), None, None, needed=0.8)
    assert found.status is Status.WORSE


def test_without_dates_a_line_counts_the_newest_year_that_is_old_enough() -> None:
    indicator = catalogue().indicators["any_complication"]
    period = current_period(indicator, CohortFilter(), TODAY)
    assert period.end == TODAY - dt.timedelta(days=70)
    assert period.start == TODAY - dt.timedelta(days=70 + 364)
    earlier = previous_period(period)
    assert earlier is not None
    assert (earlier.start, earlier.end) == (
        period.start - dt.timedelta(days=365),
        period.start - dt.timedelta(days=1),
    )
    asked = CohortFilter(TODAY, None)
    assert current_period(indicator, asked, TODAY) == asked
    assert previous_period(CohortFilter(None, TODAY)) is None

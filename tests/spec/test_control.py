"""Does a control chart speak of the right sessions, clinics and changes, and in which words?"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis import control_wording, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.control import GROUPINGS, ControlReport, control
from registry.analysis.counting import ANY
from registry.analysis.overview import overview
from registry.analysis.recent_signals import RecentSignal
from registry.analysis.sequential import Sequential
from registry.errors import NotFound
from registry.messages import Message
from registry.operations.migration import command_line_actor
from tests import factories as make
from tests.spec.conftest import day

EVERYTHING = CohortFilter()
LATER = day(1000)
CHANGED = 400
LAST = 800


def told(said: Message | None) -> str:
    return str(said).replace(wording.NARROW_SPACE, " ")


@pytest.fixture
def changed(sqlite_engine: Engine) -> Actor:
    """A session a day, an event in every fifth before the change and in every fifteenth after."""
    rng = random.Random(1)  # noqa: S311 - the same days each time
    with make.saving(sqlite_engine) as db:
        clinic = make.a_clinic(db)
        other = make.a_clinic(db, code="OTHER")
        make.a_session(db, other, make.a_patient(db, other), treated_on=day(210))
        patients = [make.a_patient(db, clinic) for _ in range(100)]
        for number in range(LAST):
            patient = patients[number % 100]
            session = make.a_session(db, clinic, patient, treated_on=day(number))
            if rng.random() < (0.2 if number < CHANGED else 0.06):
                make.an_event(
                    db,
                    clinic,
                    patient,
                    treatment_session_id=session,
                    onset_on=day(number + 5),
                    reported_on=day(number + 5),
                )
        for patient in patients:
            make.a_follow_up(db, clinic, patient, seen_on=day(LAST + 60))
        make.a_change_point(db, clinic, changed_on=day(CHANGED), what="CO2 foam")
        note = {"what": "New nurse", "begins_limits": False}
        make.a_change_point(db, clinic, changed_on=day(500), **note)
    return command_line_actor(sqlite_engine)


def of_first_clinic(by: Actor) -> CohortFilter:
    return CohortFilter(levels={"clinic": (str(by.grants[0].clinic_id),)})


def test_a_change_begins_limits_and_has_a_difference_and_a_note_does_not(
    sqlite_engine: Engine, changed: Actor
) -> None:
    report = control(sqlite_engine, changed, of_first_clinic(changed), today=LATER)
    assert report.drawing.begins == (day(0), day(CHANGED))
    foam, nurse = report.changes
    assert (foam.begins_limits, nurse.begins_limits) == (True, False)
    assert (foam.before.sessions, foam.after.sessions) == (CHANGED, LAST - CHANGED)
    # A note compares with what came since the last new limits.
    assert (nurse.before.sessions, nurse.after.sessions) == (100, 300)
    assert foam.difference is not None
    lower, upper = foam.difference.interval.lower, foam.difference.interval.upper
    assert lower is not None
    assert upper is not None
    assert lower < -0.13 < upper < 0
    assert "points (95 % CI" in told(control_wording.change_sentence(foam))
    found = report.sequential
    assert isinstance(found, Sequential)
    assert found.sessions + found.baseline.denominator <= report.total.mature == LAST
    said = " ".join(map(told, control_wording.sentences(report)))
    assert "p-chart" in said
    assert "a doubling of the odds" in said
    assert report.watched >= 1
    assert f"about {report.watched_signals:.1f} false signals" in told(
        control_wording.false_signal_sentence(report)
    )


def test_what_changed_in_one_clinic_moves_no_limits_of_several(
    sqlite_engine: Engine, changed: Actor
) -> None:
    report = control(sqlite_engine, changed, EVERYTHING, today=LATER)
    assert report.drawing.begins == (day(0),)
    assert [row.begins_limits for row in report.changes] == [False, False]
    assert report.changes[0].before.sessions == CHANGED
    assert "several clinics" in " ".join(map(told, report.warnings))


def signalling(engine: Engine, today: dt.date) -> Actor:
    """Two sessions a day, an event in every twentieth for 400 days and then in every seventh."""
    with make.saving(engine) as db:
        clinic = make.a_clinic(db)
        patients = [make.a_patient(db, clinic) for _ in range(40)]
        for number in range(1200):
            treated_on = today - dt.timedelta(days=670 - number // 2)
            patient = patients[number % 40]
            session = make.a_session(db, clinic, patient, treated_on=treated_on)
            if number % (20 if number < 800 else 7) == 0:
                onset_on = treated_on + dt.timedelta(days=3)
                make.an_event(
                    db,
                    clinic,
                    patient,
                    treatment_session_id=session,
                    onset_on=onset_on,
                    reported_on=onset_on,
                )
        for patient in patients:
            make.a_follow_up(db, clinic, patient, seen_on=today)
    return command_line_actor(engine)


def test_a_recent_signal_stands_in_the_headline_and_on_the_overview(sqlite_engine: Engine) -> None:
    today = day(LAST)
    by = signalling(sqlite_engine, today)
    report = control(sqlite_engine, by, EVERYTHING, today=today)
    assert isinstance(report.sequential, Sequential)
    latest = report.sequential.signals[-1]
    headline = told(control_wording.state_sentence(report))
    month = wording.month(latest.month)
    assert latest.is_upward
    assert headline.startswith("In the last 12 months the CUSUM signalled a change: ")
    assert f"{month} (more events)" in headline
    assert "as chance alone would have them" not in headline
    seen = {
        found.event: found for found in overview(sqlite_engine, by, EVERYTHING, today=today).signals
    }
    assert f"{month} (CUSUM, more events)" in told(control_wording.recent(seen[ANY]))
    assert seen[ANY].cohort == EVERYTHING
    more, fewer = (RecentSignal(latest.month, is_more=m, is_cusum=True) for m in (True, False))
    assert replace(seen[ANY], signals=(more, fewer)).of_more().signals == (more,)
    # What was signalled more than twelve months before is no news.
    later = today + dt.timedelta(days=800)
    assert overview(sqlite_engine, by, EVERYTHING, today=later).signals == ()
    old = told(control_wording.state_sentence(control(sqlite_engine, by, EVERYTHING, today=later)))
    assert "In the last 12 months" not in old


def test_sessions_too_recent_are_told_and_not_drawn(sqlite_engine: Engine, changed: Actor) -> None:
    cohort = of_first_clinic(changed)
    report = control(sqlite_engine, changed, cohort, today=day(LAST))
    not_yet, waiting = (item.count for item in report.excluded)
    assert not_yet == 69  # Sessions enter on day 70.
    assert not_yet + waiting + sum(point.sessions for point in report.drawing.points) == LAST
    # A filter that ends in a month makes that month whole.
    until = CohortFilter(end=day(510), levels=cohort.levels)
    ended = control(sqlite_engine, changed, until, today=LATER)
    assert ended.excluded == ()
    assert sum(point.sessions for point in ended.drawing.points) == 511


def test_too_few_data_lead_to_the_cases_and_nothing_to_nothing(
    sqlite_engine: Engine, changed: Actor
) -> None:
    def ask(**options: str) -> ControlReport:
        return control(sqlite_engine, changed, EVERYTHING, today=LATER, **options)

    none = ask(event="infection")
    assert told(control_wording.chart_sentence(none)).startswith(
        "No event; sessions old enough: 801."
    )
    assert isinstance(none.sequential, Message)
    short = CohortFilter(start=day(40), end=day(58))
    few = control(sqlite_engine, changed, short, today=LATER)
    assert told(control_wording.chart_sentence(few)).endswith("review the cases.")
    empty = control(sqlite_engine, changed, CohortFilter(start=LATER), today=LATER)
    assert empty.to_rows() == []
    assert told(control_wording.chart_sentence(empty)) == "No sessions: there is nothing to chart."
    for options in ({"group_by": "shoe"}, {"unit": "legs"}, {"event": "shoe"}):
        with pytest.raises(NotFound):
            ask(**options)


def test_the_rows_of_a_file_are_the_points_of_the_chart(
    sqlite_engine: Engine, changed: Actor
) -> None:
    cohort = of_first_clinic(changed)
    for by in GROUPINGS:
        report = control(sqlite_engine, changed, cohort, today=LATER, group_by=by)
        rows = report.to_rows()
        assert len(rows) == len(report.drawing.points) > 5, by
        assert report.to_dict()["rows"] == rows
        assert len(report.to_dict()["phases"]) == len(report.drawing.begins)
        assert sum(row["events"] for row in rows) <= report.total.events

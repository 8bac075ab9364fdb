"""Is the list behind a figure always as long as the figure says, and shown only to whom it may?"""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis import control, event_course, reports
from registry.analysis.behind import OPENERS, Order, RecordsBehind, records_behind
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import ANY
from registry.analysis.counting import outcome_of
from registry.analysis.facts import facts_of
from registry.analysis.openable_counts import (
    MEASURES,
    SAME_COUNTS,
    Behind,
    asked_of,
    figures_of,
)
from registry.analysis.report_counts import BEGAN, TOTAL, groups_of
from registry.database import make_engine, reading
from registry.errors import NotFound, PermissionDenied
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog, TreatmentSession
from registry.vocabulary import Causality, Role, SclerosantForm, Severity
from tests import factories as make
from tests.made_up_clinic import fill

NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
EVENTS = (ANY, "hyperpigmentation", "dvt_distal")
RECENT = {"too_recent", "sessions"}
DIMENSIONS = ("form", "vessel_class", "clinician", "clinic", "month")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Engine]:
    """Two clinics with records of every kind; read by every example, written by none."""
    path = tmp_path_factory.mktemp("behind") / "registry.sqlite"
    shutil.copy(migrated_sqlite, path)
    engine = make_engine(f"sqlite:///{path}")
    with make.saving(engine) as db:
        clinics = [make.a_clinic(db, code=code, name=code) for code in ("one", "two")]
    fill(engine, clinics[0], 60)
    fill(engine, clinics[1], 25, seed=2)
    ask_before_and_after(engine, clinics[0])
    yield engine
    engine.dispose()


def ask_before_and_after(engine: Engine, clinic_id: int) -> None:
    """Some patients feel better after treatment, some as before or worse, some were asked once."""
    day = dt.timedelta(days=1)
    with make.saving(engine) as db:
        sessions = db.execute(
            sa.select(
                TreatmentSession.patient_id,
                sa.func.min(TreatmentSession.treated_on),
                sa.func.max(TreatmentSession.treated_on),
            )
            .where(TreatmentSession.clinic_id == clinic_id)
            .group_by(TreatmentSession.patient_id)
        ).all()
        for number, (patient, first, last) in enumerate(sessions):
            scores = (number % 5, (3 * number) % 5)
            for score, answered_on in zip(scores, (first - day, last + 60 * day), strict=True):
                if answered_on < TODAY:
                    make.a_reported_outcome(
                        db, clinic_id, patient, answered_on=answered_on, score=Decimal(score)
                    )


def opened(engine: Engine, by: Actor, asked: Behind, **options: object) -> RecordsBehind:
    return records_behind(engine, by, asked, now=NOW, log=engine, **options)  # type: ignore[arg-type]


def accesses(engine: Engine) -> list[tuple[int | None, str | None]]:
    with reading(engine) as db:
        rows = db.execute(
            sa.select(AccessLog.row_count, AccessLog.detail)
            .where(AccessLog.action == "list_records")
            .order_by(AccessLog.id)
        )
        return [(row.row_count, row.detail) for row in rows]


@st.composite
def questions(draw: st.DrawFn, engine: Engine) -> tuple[str, CohortFilter, str, str]:
    name = draw(st.sampled_from(sorted({*MEASURES, *SAME_COUNTS})))
    question = reports.QUESTIONS[name]
    grouping = draw(
        st.sampled_from(sorted({*DIMENSIONS, question.default_grouping} & {*question.groupings}))
    )
    levels = facts_of(engine).levels
    chosen = draw(st.dictionaries(st.sampled_from(DIMENSIONS), st.integers(0, 30), max_size=2))
    kept = {
        dimension: (levels[dimension][place % len(levels[dimension])],)
        for dimension, place in chosen.items()
    }
    days = sorted(draw(st.lists(st.integers(0, 900), min_size=2, max_size=2)), reverse=True)
    start, end = (TODAY - dt.timedelta(days=days_ago) for days_ago in days)
    cohort = CohortFilter(
        start if draw(st.booleans()) else None, end if draw(st.booleans()) else None, kept
    )
    return name, cohort, grouping, draw(st.sampled_from(EVENTS))


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_every_list_is_as_long_as_its_figure(filled: Engine, data: st.DataObject) -> None:
    name, cohort, grouping, event = data.draw(questions(filled))
    by = command_line_actor(filled)
    report = reports.report(filled, by, name, cohort, today=TODAY, group_by=grouping, event=event)
    figures = figures_of(report)
    assert {group for group, _ in figures} == {*groups_of(report)}
    for group, measure in random.Random(1).sample(sorted(figures), min(12, len(figures))):  # noqa: S311
        behind = opened(filled, by, asked_of(report, group, measure), length=10_000)
        assert behind.count == figures[group, measure], (group, measure)
        assert len(behind.lines) == behind.count
        assert behind.withheld == 0


@pytest.mark.parametrize("unit", ["patients", "legs"])
def test_patients_and_legs_are_listed_once_each(filled: Engine, unit: str) -> None:
    by = command_line_actor(filled)
    for grouping in ("form", "event"):
        report = reports.report(
            filled, by, "complications", CohortFilter(), today=TODAY, group_by=grouping, unit=unit
        )
        for (group, measure), figure in figures_of(report).items():
            asked = Behind(
                "complications", CohortFilter(), TODAY, measure, grouping, group, unit=unit
            )
            behind = opened(filled, by, asked, length=10_000)
            assert behind.count == len(behind.lines) == figure, (group, measure)
            assert str(behind.unit) == (unit if measure not in RECENT else "sessions")
            if unit == "patients" and measure not in RECENT:
                assert len({line.patient_id for line in behind.lines}) == figure
            if measure == "events":
                assert all(line.found for line in behind.lines)


def test_every_count_of_every_report_can_be_opened(filled: Engine) -> None:
    by = command_line_actor(filled)
    for name, measures in MEASURES.items():
        report = reports.report(filled, by, name, CohortFilter(), today=TODAY)
        figures = figures_of(report)
        counted = {measure for _, measure in figures}
        # Of what treatment costs only the visits that are over are counted.
        assert counted <= set(measures) if name == "costs" else counted == set(measures)
        for (group, measure), figure in figures.items():
            asked = asked_of(report, group, measure)
            behind = opened(filled, by, asked)
            assert behind.count == figure, (name, group, measure)
            assert len(behind.lines) == min(50, figure)


@pytest.mark.parametrize("name", SAME_COUNTS)
@pytest.mark.parametrize("event", [ANY, "injection_pain"])
def test_counts_shown_in_another_order_are_those_of_the_same_sessions(
    filled: Engine, name: str, event: str
) -> None:
    by = command_line_actor(filled)
    report = reports.report(filled, by, name, CohortFilter(), today=TODAY, event=event)
    figures = figures_of(report)
    assert figures
    for (group, measure), figure in figures.items():
        behind = opened(filled, by, asked_of(report, group, measure), length=10_000)
        assert behind.count == len(behind.lines) == figure, (group, measure)


def test_events_of_a_month_are_listed_one_by_one(filled: Engine) -> None:
    by = command_line_actor(filled)
    report = control.control(filled, by, CohortFilter(), today=TODAY, unit=control.EVENTS)
    figures = figures_of(report)
    assert {measure for _, measure in figures} == {"in_window", "mature", "assessed"}
    for (group, measure), figure in figures.items():
        behind = opened(filled, by, asked_of(report, group, measure), length=10_000)
        assert behind.count == len(behind.lines) == figure
        assert str(behind.unit) == ("events" if measure == "in_window" else "sessions")


@pytest.mark.parametrize("event", [ANY, "hyperpigmentation", "serious_30d"])
def test_every_bar_of_the_days_to_onset_can_be_opened(filled: Engine, event: str) -> None:
    by = command_line_actor(filled)
    report = event_course.event_course(filled, by, CohortFilter(), today=TODAY, event=event)
    onset = report.onset
    assert sum(count for _, count in onset.bars) == onset.events + onset.later
    names = event_course.bars_of(outcome_of(event))
    for bar, count in onset.bars:
        assert str(names[bar]) == str(onset.name_of(bar))
        behind = opened(filled, by, asked_of(report, bar, BEGAN))
        assert behind.count == count
        assert str(behind.unit) == "events"


def test_a_bar_lists_the_events_of_its_days(engine: Engine) -> None:
    with make.saving(engine) as db:
        clinic_id = make.a_clinic(db)
        patient = make.a_patient(db, clinic_id)
        treated_on = TODAY - dt.timedelta(days=200)
        session = make.a_session(db, clinic_id, patient, treated_on=treated_on)
        for days in (3, 3, 45):
            make.an_event(
                db,
                clinic_id,
                patient,
                treatment_session_id=session,
                onset_on=treated_on + dt.timedelta(days=days),
                severity=Severity.MILD,
            )
    by = command_line_actor(engine)
    report = event_course.event_course(engine, by, CohortFilter(), today=TODAY)
    assert [(str(report.onset.name_of(bar)), n) for bar, n in report.onset.bars] == [
        ("day 3", 2),
        ("day 45", 1),
    ]
    [one, other] = opened(engine, by, asked_of(report, "bar_3", BEGAN)).lines
    assert str(one.found) == str(other.found) == "Skin necrosis, minimal, day 3, mild"
    [late] = opened(engine, by, asked_of(report, TOTAL, "later")).lines
    assert str(late.found) == "Skin necrosis, minimal, day 45, mild"


def test_pages_together_hold_every_line_once_in_every_order(filled: Engine) -> None:
    by = command_line_actor(filled)
    asked = Behind("complications", CohortFilter(), TODAY, "sessions", "form")
    whole = opened(filled, by, asked, length=10_000).lines
    assert len(whole) == len(facts_of(filled).sessions)
    days = [line.treated_on for line in whole if line.treated_on is not None]
    assert days == sorted(days, reverse=True)
    for order in Order:
        parts = [
            opened(filled, by, asked, first=first, order=order).lines
            for first in range(0, len(whole), 50)
        ]
        assert sorted(map(repr, (line for part in parts for line in part))) == sorted(
            map(repr, whole)
        )


def test_a_line_tells_the_session_and_its_event(engine: Engine) -> None:
    with make.saving(engine) as db:
        clinic_id = make.a_clinic(db)
        make.a_clinician(db, clinic_id, 1)
        patient = make.a_patient(db, clinic_id, pseudonym="P-0007")
        session = make.a_session(
            db, clinic_id, patient, treated_on=TODAY - dt.timedelta(days=200), clinician_id=1
        )
        make.an_injection(db, clinic_id, session, form=SclerosantForm.FOAM)
        for days, causality in ((3, None), (4, Causality.UNRELATED)):
            make.an_event(
                db,
                clinic_id,
                patient,
                treatment_session_id=session,
                onset_on=TODAY - dt.timedelta(days=200 - days),
                causality=causality,
            )
    by = command_line_actor(engine)
    asked = Behind("complications", CohortFilter(), TODAY, "events", "form", "foam")
    [line] = opened(engine, by, asked).lines
    assert (line.clinic_id, line.patient_id, line.pseudonym) == (clinic_id, patient, "P-0007")
    assert line.treated_on == TODAY - dt.timedelta(days=200)
    assert str(line.clinician) == "Clinician 1"
    assert str(line.given).endswith("Foam")
    assert str(line.found) == "Skin necrosis, minimal, day 3"
    assert accesses(engine) == [(1, "complications, any_complication_30d, by form, foam: events; ")]


def test_who_may_not_see_records_learns_the_count_and_who_may(filled: Engine) -> None:
    manager = Actor(1, "ada", "Ada", (Grant(1, Role.PRACTICE_MANAGER),))
    before = accesses(filled)
    asked = Behind("complications", CohortFilter(), TODAY, "sessions", "form")
    behind = opened(filled, manager, asked)
    assert behind.count == int((facts_of(filled).sessions["clinic_id"] == 1).sum()) > 0
    assert (behind.withheld, behind.lines) == (behind.count, ())
    assert behind.openers == OPENERS == (Role.CLINICIAN, Role.DATA_MANAGER, Role.AUDITOR)
    for group in ("missed", "overdue"):
        asked = Behind("follow_up", CohortFilter(), TODAY, group, "visit", "check_6_8w")
        assert opened(filled, manager, asked).lines == ()
    assert accesses(filled) == before


def test_rights_count_clinic_by_clinic(filled: Engine) -> None:
    grants = (Grant(1, Role.PRACTICE_MANAGER), Grant(2, Role.PRACTICE_MANAGER, see_records=True))
    mixed = Actor(1, "ada", "Ada", grants)
    clinics = facts_of(filled).sessions["clinic_id"]
    asked = Behind("complications", CohortFilter(), TODAY, "sessions", "form")
    behind = opened(filled, mixed, asked, length=10_000)
    assert behind.count == len(clinics)
    assert behind.withheld == int((clinics == 1).sum())
    assert {line.clinic_id for line in behind.lines} == {2}
    assert len(behind.lines) == behind.shown == int((clinics == 2).sum())


def test_another_clinic_is_neither_counted_nor_shown(filled: Engine) -> None:
    own = Actor(1, "ada", "Ada", (Grant(2, Role.CLINICIAN),))
    everything = Behind("complications", CohortFilter(), TODAY, "sessions", "clinic")
    elsewhere = Behind("complications", CohortFilter(), TODAY, "sessions", "clinic", "1")
    assert {line.clinic_id for line in opened(filled, own, everything).lines} == {2}
    assert opened(filled, own, elsewhere).count == 0
    with pytest.raises(PermissionDenied):
        opened(filled, Actor(1, "ada", "Ada", (Grant(2, Role.ADMINISTRATOR),)), everything)


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": "patients"},
        {"measure": "names"},
        {"group_by": "pseudonym"},
        {"event": "{0.__class__}"},
        {"unit": "names"},
        {"report": "follow_up", "measure": "seen", "group_by": "visit", "group": "ever"},
        {"report": "overview", "measure": "of", "group_by": "indicator", "group": "luck"},
        {"report": "reported_outcomes", "measure": "pairs", "group_by": "question", "group": "?"},
        {"report": "severity", "group_by": "event", "measure": "grave"},
    ],
)
def test_what_does_not_exist_is_refused(filled: Engine, wrong: dict[str, str]) -> None:
    asked = {
        "report": "complications",
        "cohort": CohortFilter(),
        "today": TODAY,
        "measure": "events",
        "group_by": "form",
        "group": TOTAL,
    }
    with pytest.raises(NotFound):
        opened(filled, command_line_actor(filled), Behind(**(asked | wrong)))  # type: ignore[arg-type]


def test_a_level_that_does_not_occur_has_no_records(filled: Engine) -> None:
    asked = Behind("complications", CohortFilter(), TODAY, "events", "form", "<script>")
    behind = opened(filled, command_line_actor(filled), asked)
    assert (behind.count, behind.lines) == (0, ())

"""Does each question of the page of recurrence answer everybody, whatever there is to answer?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis import wording
from registry.vocabulary import Role, SclerosantForm
from tests.factories import (
    a_clinic,
    a_course,
    a_follow_up,
    a_patient,
    a_session,
    a_site,
    an_injection,
    an_outcome,
    saving,
)
from tests.made_up_clinic import fill

PAGE = "views/recurrence.py"
PARTS = ("after", "clocks", "response", "claims")
READERS = (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR)
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with saving(sqlite_engine) as db:
        return a_clinic(db, code="leg", name="Leg clinic")


def treat(engine: Engine, clinic_id: int, form: SclerosantForm, count: int, again: int = 0) -> None:
    """Treat ``count`` patients once; cleared after 8 weeks, ``again`` of them visible later."""
    day = TODAY - dt.timedelta(days=700)
    with saving(engine) as db:
        for i in range(count):
            patient = a_patient(db, clinic_id)
            course = a_course(db, clinic_id, patient, planned_sessions=1)
            session = a_session(db, clinic_id, patient, treated_on=day, course_id=course)
            a_site(db, clinic_id, patient, session)
            an_injection(db, clinic_id, session, form=form)
            for after, finding, score in (
                (56, "cleared", "90"),
                (156, "visible_again" if i < again else "cleared", "30" if i < again else "90"),
                (456, "cleared", "90"),
            ):
                visit = a_follow_up(db, clinic_id, patient, seen_on=day + dt.timedelta(days=after))
                an_outcome(db, clinic_id, patient, visit, finding=finding, score=Decimal(score))


def words(app: AppTest) -> str:
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    told = " | ".join(str(element.value) for element in [*elements, *app.metric])
    return told.replace("\\", "").replace(wording.NARROW_SPACE, " ")


def rows(app: AppTest, index: int) -> list[list[str]]:
    frame = app.table[index].value
    return [
        [str(cell).replace("\\", "").replace(wording.NARROW_SPACE, " ") for cell in row]
        for row in frame.itertuples(index=False)
    ]


def opened(app_as: Any, role: Role, engine: Engine, clinic_id: int, **query: str) -> AppTest:
    app: AppTest = app_as(role, engine, clinic_id=clinic_id)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(PAGE).run()
    assert [title.value for title in app.title] == ["Recurrence"]
    assert not app.exception
    return app


def ask(app: AppTest, part: str, **more: str) -> AppTest:
    """The same page with another question."""
    app.query_params.clear()
    for name, value in {"part": part, **more}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, part
    return app


@pytest.mark.parametrize("role", READERS)
def test_every_reader_gets_every_answer(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, role: Role
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 5)
    treat(sqlite_engine, clinic_id, SclerosantForm.LIQUID, 14, 2)
    app = opened(app_as, role, sqlite_engine, clinic_id)
    told = {
        "after": "26 of 26 sites looked at were cleared or occluded",
        "clocks": "From cleared to the eye after the last planned session, to visible again",
        "response": "0 of 26",
        "claims": "“Two sessions are typical.”",
    }
    for part, sentence in told.items():
        assert sentence in words(ask(app, part))
        assert dict(app.query_params) == ({} if part == "after" else {"part": part})


def test_an_empty_registry_and_a_single_site_are_told_apart(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id)
    for part in PARTS:
        assert "No treatment session is registered here yet" in words(ask(app, part))
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 1, 1)
    for part in PARTS:
        said = words(ask(app, part))
        assert "No treatment session" not in said
        assert "100" not in "".join(str(metric.value) for metric in app.metric)


def test_a_clock_tells_its_groups_and_whether_chance_sets_them_apart(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 20, 8)
    treat(sqlite_engine, clinic_id, SclerosantForm.LIQUID, 30, 3)
    app = opened(
        app_as,
        Role.PRACTICE_MANAGER,
        sqlite_engine,
        clinic_id,
        part="clocks",
        by="form",
        day="182",
    )
    said = words(app)
    assert "22.0 % of 50 sites by 6 months (95 % CI" in said
    assert "Gray's test, 2 groups, not adjusted" in said
    assert "a difference is not the effect of what the groups are named after" in said
    assert rows(app, 0)[0][:2] == ["Foam minus Liquid", "+30.0"]
    # The table of the clock, Foam at 6 months; it has as many lines as groups and landmarks.
    assert rows(app, 1)[1] == ["Foam", "6", "12", "40.0 %", rows(app, 1)[1][4], "8", "20"]
    assert len(rows(app, 1)) == 12
    assert [row[0] for row in rows(app, 2)] == [
        "Recurrence, however seen",
        "Seen again",
        "Open again on duplex",
        "Treated again",
        "New vein elsewhere",
    ]
    # The other clock is one choice away, and the address follows.
    app.selectbox(key="recurrence_clock").set_value("retreatment").run()
    assert "None of 50 sites by 6 months" in words(app)
    assert app.query_params["clock"] == "retreatment"


def test_a_clock_that_never_started_says_so(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12)
    app = opened(
        app_as,
        Role.PRACTICE_MANAGER,
        sqlite_engine,
        clinic_id,
        part="clocks",
        clock="recanalisation",
    )
    assert "This clock has not started for any of the sites." in words(app)


def test_response_tells_clearance_by_visit_and_the_sessions_of_courses(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 3)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="response")
    assert [metric.value.replace("\\", "") for metric in app.metric] == ["0 of 12", "1", "0 of 12"]
    found = {row[1]: row[2:8] for row in rows(app, 0)}
    assert found["Check at 6 to 8 weeks"] == ["12", "12", "90", "90–90", "12", "100.0 %"]
    assert found["Review at 26 weeks"] == ["12", "12", "90", "75–90", "9", "75.0 %"]


def test_claims_stand_beside_what_is_seen_and_never_against_it(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 3)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="claims")
    said = words(app)
    assert "an article that names no source" in said
    assert "Sessions of a course: **median 1 sessions (middle half 1–1, n = 12)**" in said
    assert "Patients with a site cleared or occluded: **100.0 %" in said
    assert "Advice, not an outcome: there is nothing to count." in said


def test_a_whole_clinic_is_told_by_every_clock(app_as: Any, sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        number = a_clinic(db, code="whole", name="Whole clinic")
    fill(sqlite_engine, number, 120)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, number)
    for by in ("site", "calibre", "clinician", "quarter"):
        said = words(ask(app, "clocks", by=by, clock="retreatment"))
        assert "to a later session at the site that is no stage of the plan" in said
    assert "Groups against each other" in said
    for part in ("response", "claims"):
        ask(app, part)

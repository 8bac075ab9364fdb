"""Does each question of the page of complications answer everybody, whatever there is to answer?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis import wording
from registry.vocabulary import Role, SclerosantForm
from tests.factories import (
    a_clinic,
    a_follow_up,
    a_patient,
    a_session,
    a_site,
    an_event,
    an_injection,
    saving,
)
from tests.made_up_clinic import fill

PAGE = "views/complications.py"
PARTS = ("rates", "course", "severity", "compare")
READERS = (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR)
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with saving(sqlite_engine) as db:
        return a_clinic(db, code="leg", name="Leg clinic")


def treat(
    engine: Engine, clinic_id: int, form: SclerosantForm, count: int, events: int, **event: Any
) -> None:
    """Treat ``count`` patients 300 days ago, all asked after eight weeks."""
    day = TODAY - dt.timedelta(days=300)
    with saving(engine) as db:
        for i in range(count):
            patient = a_patient(db, clinic_id)
            session = a_session(db, clinic_id, patient, treated_on=day)
            a_site(db, clinic_id, patient, session)
            an_injection(db, clinic_id, session, form=form)
            a_follow_up(db, clinic_id, patient, seen_on=day + dt.timedelta(days=56))
            if i < events:
                onset = day + dt.timedelta(days=3 + i)
                dates = {"onset_on": onset, "reported_on": onset}
                an_event(db, clinic_id, patient, treatment_session_id=session, **(dates | event))


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
    assert [title.value for title in app.title] == ["Complications"]
    assert not app.exception
    return app


def ask(app: AppTest, part: str) -> AppTest:
    """The same page with another question."""
    app.query_params.clear()
    app.query_params["part"] = part
    app.run()
    assert not app.exception, part
    return app


@pytest.mark.parametrize("role", READERS)
def test_every_reader_gets_every_answer(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, role: Role
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 5)
    treat(sqlite_engine, clinic_id, SclerosantForm.LIQUID, 12, 2)
    app = opened(app_as, role, sqlite_engine, clinic_id)
    headers = {
        "rates": "Who was asked",
        "course": "How long they last",
        "severity": "Severity and seriousness",
        "compare": "What is counted",
    }
    for part, header in headers.items():
        assert header in [element.value for element in ask(app, part).header]
        assert dict(app.query_params) == ({} if part == "rates" else {"part": part})


def test_an_empty_registry_and_a_single_session_are_told_apart(
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
    assert "All of these sessions are of one group" in said


def test_the_course_tells_when_events_begin(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 5)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="course")
    assert "Half of the 5 events within 30 days had begun by day 5" in words(app)
    assert "the middle half of them began on days 4–6. After the window: 0." in words(app)
    assert rows(app, 0) == [["Skin necrosis, minimal", "30", "5", "5", "4–6", "0"]]


def test_how_long_pigmentation_lasts_is_told_in_words(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    onset = TODAY - dt.timedelta(days=270)
    treat(
        sqlite_engine,
        clinic_id,
        SclerosantForm.FOAM,
        12,
        12,
        event_term_code="hyperpigmentation",
        onset_on=onset,
        reported_on=onset,
        resolved_on=onset + dt.timedelta(days=150),
    )
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="course")
    said = words(app)
    assert "Hyperpigmentation: of 12 followed 12 had ended, half of them by day 150" in said
    assert "by 6 months 12 of 12 (≥ 77.9 %), by 12 months 12 of 12 (≥" in said


def test_severity_is_counted_against_seriousness(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 3, 2, severity="severe")
    treat(sqlite_engine, clinic_id, SclerosantForm.LIQUID, 3, 1, criterion_hospitalisation=True)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="severity")
    assert rows(app, 0) == [
        ["Mild", "0", "1", "1"],
        ["Moderate", "0", "0", "0"],
        ["Severe", "2", "0", "2"],
        ["Not recorded", "0", "0", "0"],
        ["All", "2", "1", "3"],
    ]
    assert "3 events, 1 of them serious." in words(app)
    assert "1 × Skin necrosis, minimal" in words(app)


def test_two_groups_are_compared_with_the_warning_and_a_link_repeats_it(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 40, 8)
    treat(sqlite_engine, clinic_id, SclerosantForm.LIQUID, 40, 2)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="compare")
    said = words(app)
    assert "Unadjusted difference +15.0 points" in said
    assert "Confounding by indication" in said
    assert "Not adjusted: nothing else that is levelled differs" in said
    app.selectbox(key="complications_a").select("Liquid").run()
    assert "Unadjusted difference −15.0 points" in words(app)
    assert dict(app.query_params) == {"part": "compare", "a": "liquid"}
    again = opened(
        app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, part="compare", a="liquid"
    )
    assert "Unadjusted difference −15.0 points" in words(again)
    assert again.selectbox(key="complications_b").value == "foam"


def test_patients_without_complete_follow_up_have_a_range(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, SclerosantForm.FOAM, 12, 2)
    with saving(sqlite_engine) as db:
        for _ in range(4):
            patient = a_patient(db, clinic_id)
            a_session(db, clinic_id, patient, treated_on=TODAY - dt.timedelta(days=300))
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, unit="patients")
    assert app.metric[0].value.replace(wording.NARROW_SPACE, " ").replace("\\", "") == (
        "12.5–37.5 %"
    )
    assert "2 of 16 patients had it and 12 were assessed" in words(app)


def test_screened_thrombosis_stands_apart(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(
        sqlite_engine,
        clinic_id,
        SclerosantForm.FOAM,
        20,
        2,
        event_term_code="dvt_distal",
        detection="planned_duplex",
    )
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, event="dvt_distal")
    told = [
        metric.value.replace("\\", "").replace(wording.NARROW_SPACE, " ") for metric in app.metric
    ]
    assert told == ["10.0 %", "0 of 20", "10.0 %"]
    assert "0 sessions were followed by a duplex scan" in words(app)


def test_a_whole_clinic_answers_every_question_in_every_unit(
    app_as: Any, sqlite_engine: Engine
) -> None:
    with saving(sqlite_engine) as db:
        number = a_clinic(db, code="whole", name="Whole clinic")
    fill(sqlite_engine, number, 80)
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, number)
    for unit in app.selectbox(key="complications_unit").options:
        app.selectbox(key="complications_unit").select(unit).run()
        assert not app.exception, unit
    for part in PARTS[1:]:
        assert ask(app, part).get("vega_lite_chart") or part == "severity"

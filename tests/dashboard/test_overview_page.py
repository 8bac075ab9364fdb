"""Does the overview say within ten seconds what got worse, what waits, and how sure that is?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis import wording
from registry.catalogue import catalogue
from registry.entry.clinic_settings import settings_of
from registry.operations.migration import command_line_actor
from registry.vocabulary import FollowUpStatus, Role
from tests import factories as make
from tests.made_up_clinic import fill

PAGE = "views/overview.py"
READERS = (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR)
TARGET_OF_ANY = "target:any_complication"
TODAY = dt.datetime.now(dt.UTC).date()


def words(app: AppTest) -> str:
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    elements += [*app.caption, *app.error]
    text = " | ".join(str(element.value) for element in elements)
    return text.replace("\\", "").replace(wording.NARROW_SPACE, " ")


def links(app: AppTest) -> dict[str, str]:
    """Label and query of each link."""
    return {
        link.proto.label.replace("\\", "").replace("*", ""): link.proto.query_string
        for link in app.get("page_link")
    }


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with make.saving(sqlite_engine) as db:
        return make.a_clinic(db, code="leg", name="Leg clinic")


def treat(
    engine: Engine, clinic_id: int, count: int, *, days_ago: int, events: int = 0, **event: Any
) -> None:
    """Treat patients once each, all seen after 56 days, ``events`` of them with an event."""
    day = TODAY - dt.timedelta(days=days_ago)
    with make.saving(engine) as db:
        for i in range(count):
            patient = make.a_patient(db, clinic_id)
            session = make.a_session(db, clinic_id, patient, treated_on=day)
            make.a_follow_up(
                db,
                clinic_id,
                patient,
                treatment_session_id=session,
                seen_on=day + dt.timedelta(days=56),
            )
            if i < events:
                make.an_event(
                    db,
                    clinic_id,
                    patient,
                    treatment_session_id=session,
                    onset_on=day + dt.timedelta(days=3),
                    reported_on=day + dt.timedelta(days=14),
                    **event,
                )


def test_sessions_too_young_for_any_visit_are_said_to_be(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with make.saving(sqlite_engine) as db:
        patient = make.a_patient(db, clinic_id)
        yesterday = TODAY - dt.timedelta(days=1)
        make.a_session(db, clinic_id, patient, treated_on=yesterday)
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert not app.exception
    assert "No session is old enough for a visit yet." in words(app)


@pytest.mark.parametrize("role", READERS)
def test_every_reader_sees_every_indicator_and_a_way_to_its_page(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, role: Role
) -> None:
    fill(sqlite_engine, clinic_id, 40)
    app = app_as(role, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert not app.exception
    assert app.title[0].value == "Overview"
    assert [header.value for header in app.header[:3]] == ["Safety", "Lasting", "Care and data"]
    shown = words(app) + " ".join(links(app))
    for indicator in catalogue().indicators.values():
        assert indicator.label in shown
        assert indicator.definition in shown
    assert "event=hyperpigmentation" in links(app)["Hyperpigmentation"]
    assert "from=" in links(app)["Recurrence at 12 months"]
    assert {indicator.label for indicator in catalogue().indicators.values()} <= links(app).keys()
    assert "section=completeness" in links(app)["Seen at 6 to 8 weeks"]
    assert "section=quality" in links(app)["Recorded within a week"]
    assert "group=overrides" in links(app)["Overridden warnings"]
    assert "without dates: the newest 12 months of each line" in words(app)
    assert "No target set. No comparable published figure." in words(app)
    assert ("Set it" in [button.label for button in app.button]) == (
        role in {Role.PRACTICE_MANAGER, Role.DATA_MANAGER}
    )


def test_what_got_worse_is_said_first_with_its_figures(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 60, days_ago=500, events=1)
    treat(sqlite_engine, clinic_id, 60, days_ago=200, events=15)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    shown = words(app)
    assert "Worse**: any complication 25.0 % (before 1.7 %)" in shown
    assert "Higher than in the 12 months before (1.7 %), by 11.6 to 35.7 points." in shown
    assert "can be judged" in shown


def test_a_link_leads_to_the_sessions_that_the_line_counts(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    fill(sqlite_engine, clinic_id, 120)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    counted = "".join(
        text.value for text in app.text if " sessions; interval: " in text.value
    ).replace(wording.NARROW_SPACE, " ")
    query = dict(part.split("=") for part in links(app)["Any complication"].split("&"))
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("views/complications.py").run()
    total = app.table[0].value.iloc[-1].tolist()
    events, sessions = (str(cell).replace("\\", "") for cell in total[1:3])
    assert f"{events} of {sessions} sessions; interval" in counted


def test_one_patient_is_told_as_too_few_and_not_as_a_percentage(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 1, days_ago=200, events=1)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    shown = words(app)
    assert not app.exception
    assert "0 of 16 indicators can be judged; 16 have too few data, 0 too few" in shown
    assert "Only 1 of the 10 sessions that a rate needs." in shown
    assert "**1 of 1**" in shown
    assert "100.0 %**" not in shown


def test_what_waits_is_counted_and_leads_to_where_it_is_done(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, days_ago=90, events=1, criterion_hospitalisation=True)
    with make.saving(sqlite_engine) as db:
        patient = make.a_patient(db, clinic_id)
        for days_ago in (100, 20):
            make.a_follow_up(
                db,
                clinic_id,
                patient,
                status=FollowUpStatus.PLANNED,
                visit_code="check_6_8w",
                due_on=TODAY - dt.timedelta(days=days_ago),
                seen_on=None,
                checklist_code=None,
                checklist_version=None,
            )
    manager = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "Today:** Overdue visits: 2, Open serious events: 1" in words(manager)
    assert "Open serious events: 1" in links(manager)
    clinician = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "Overdue visits: 2" in links(clinician)


def test_a_target_is_set_judged_by_and_kept_with_its_day(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 80, days_ago=200, events=16)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    app.selectbox(key="target_code").set_value(TARGET_OF_ANY).run()
    app.number_input(key=f"target_value_{TARGET_OF_ANY}").set_value(5.0)
    next(button for button in app.button if button.label == "Set it").click().run()
    shown = words(app)
    assert "Worse**: any complication 20.0 % (target 5 %)" in shown
    assert "Above your target of 5 %; interval" in shown
    assert f"From {wording.day(TODAY)}: 5 %" in shown
    app.number_input(key=f"target_value_{TARGET_OF_ANY}").set_value(None)
    next(button for button in app.button if button.label == "Set it").click().run()
    assert "Above your target" not in words(app)
    assert f"From {wording.day(TODAY)}: no target" in words(app)


def test_a_limit_of_the_clinic_is_set_beside_its_targets(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, days_ago=200)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    app.selectbox(key="target_code").set_value("follow_up_completeness_percent").run()
    field = app.number_input(key="target_value_follow_up_completeness_percent")
    assert field.label == "50 to 100 percent; blank for the usual 80 percent"
    assert "are marked as incomplete" in words(app)
    field.set_value(60.0)
    next(button for button in app.button if button.label == "Set it").click().run()
    assert f"From {wording.day(TODAY)}: 60 percent" in words(app)
    held = settings_of(sqlite_engine, command_line_actor(sqlite_engine), clinic_id, TODAY)
    assert held["follow_up_completeness_percent"] == 60


def test_an_indicator_leads_to_the_records_behind_it(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 80, days_ago=200, events=16)
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert {"16 cases", "80 in all"} <= set(links(app))
    assert "How good the data are, clinic by clinic" in links(app)


def test_who_may_not_set_targets_is_not_asked_to(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, days_ago=200)
    app = app_as(Role.AUDITOR, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert not [box for box in app.selectbox if box.key == "target_code"]

"""Does the page of control charts answer everybody, and let those who may record what changed?"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard.figures.control_charts import LONGEST_LABEL
from registry.analysis import wording
from registry.vocabulary import Role
from tests.factories import a_change_point, a_clinic, a_patient, a_session, saving
from tests.made_up_clinic import fill

PAGE = "views/control.py"
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with saving(sqlite_engine) as db:
        return a_clinic(db, code="leg", name="Leg clinic")


def words(app: AppTest) -> str:
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    elements += [*app.metric, *app.error, *app.success]
    told = " | ".join(str(element.value) for element in elements)
    return told.replace("\\", "").replace(wording.NARROW_SPACE, " ")


def opened(app_as: Any, role: Role, engine: Engine, clinic_id: int) -> AppTest:
    app: AppTest = app_as(role, engine, PAGE, clinic_id=clinic_id, timeout=60)
    assert [title.value for title in app.title] == ["Control charts"]
    assert not app.exception
    return app


def test_an_empty_registry_says_so_and_draws_nothing(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    app = opened(app_as, Role.CLINICIAN, sqlite_engine, clinic_id)
    assert "No treatment session is registered here yet" in words(app)
    assert not app.get("vega_lite_chart")
    assert not app.get("form")
    with saving(sqlite_engine) as db:
        a_session(db, clinic_id, a_patient(db, clinic_id), treated_on=TODAY)
    app.run()
    assert "No session is old enough yet to be counted (sessions: 1)." in words(app)


def test_a_full_clinic_has_charts_and_what_changed_in_it(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    fill(sqlite_engine, clinic_id, 150)
    with saving(sqlite_engine) as db:
        on = TODAY - dt.timedelta(days=500)
        a_change_point(db, clinic_id, changed_on=on, what="*CO2* foam")
    app = opened(app_as, Role.AUDITOR, sqlite_engine, clinic_id)
    said = words(app)
    for part in ("Before and after", "Session by session", "How many signals are chance"):
        assert part in said
    assert "points (95 % CI" in said
    assert re.search(r"\d+ of [\d,]+ sessions \([\d.]+ %, 95 % CI ", said)
    assert "*CO2* foam" in said
    assert not app.get("form"), "an auditor records no change"
    charts = [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]
    assert charts
    assert "A" in json.dumps(charts[0])
    below = re.search(r'"labelExpr": "(\[\[.*?\]\])\[indexof', json.dumps(charts[0]))
    assert below is not None
    names = json.loads(below[1].replace('\\"', '"').replace("\\\\", "\\"))
    assert max(len(line) for lines in names for line in lines) <= LONGEST_LABEL
    assert any(len(lines) > 1 for lines in names), "several months do not fit a line"
    app.selectbox(key="control_by").select("sessions").run()
    assert not app.exception
    assert "g-chart" in words(app) or "too few" in words(app)
    assert dict(app.query_params)["by"] == "sessions"


def test_a_manager_records_a_change_and_withdraws_it(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id)
    assert "Changes in Leg clinic" in words(app)
    record = next(button for button in app.button if button.label == "Record the change")
    record.click().run()
    assert "Say on one line of up to 200 characters what changed." in words(app)
    app.text_input(key="change_what").input("CO₂ foam")
    app.date_input(key="change_day").set_value(dt.date(2026, 3, 1))
    record = next(button for button in app.button if button.label == "Record the change")
    record.click().run()
    assert not app.exception
    assert "The change is recorded." in words(app)
    assert "1 Mar 2026: CO₂ foam · limits begin anew" in words(app)
    app.text_input(key="withdraw_reason").input("It was April")
    withdraw = next(button for button in app.button if button.label == "Withdraw the change")
    withdraw.click().run()
    assert not app.exception
    assert "None is recorded." in words(app)

"""Do the reading pages say what the registry knows, to whom they may, and nothing when it knows
nothing?"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import report_data
from registry.access import Actor, Grant
from registry.analysis import wording
from registry.vocabulary import Causality, Guidance, Role, SclerosantForm, Severity
from tests.dashboard.conftest import a_token
from tests.factories import (
    a_clinic,
    a_clinician,
    a_follow_up,
    a_patient,
    a_session,
    a_site,
    an_event,
    an_injection,
    an_outcome,
    saving,
)
from tests.made_up_clinic import fill

VIEWS = ("overview", "complications", "recurrence")
TODAY = dt.datetime.now(dt.UTC).date()


def page(view: str) -> str:
    return f"views/{view}.py"


def everything(app: AppTest) -> str:
    """All words of a page, as Streamlit was given them, without the signs that escape Markdown."""
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    elements += [*app.metric, *app.error, *app.caption]
    words = " | ".join(str(element.value) for element in elements)
    return words.replace("\\", "").replace(wording.NARROW_SPACE, " ")


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def shown(app: AppTest, index: int = 0) -> list[list[str]]:
    """Rows of a table as they are read."""
    frame = app.table[index].value
    return [
        [str(cell).replace("\\", "").replace(wording.NARROW_SPACE, " ") for cell in row]
        for row in frame.itertuples(index=False)
    ]


def treat(
    engine: Engine,
    clinic_id: int,
    count: int,
    *,
    events: int = 0,
    days_ago: int = 300,
    form: SclerosantForm = SclerosantForm.LIQUID,
    guidance: Guidance | None = None,
    clinician_id: int | None = None,
    is_seen: bool = True,
    asked: str = "standard_6_8w",
    **event: Any,
) -> None:
    """Treat ``count`` patients once each, all seen after eight weeks, ``events`` with necrosis."""
    day = TODAY - dt.timedelta(days=days_ago)
    with saving(engine) as db:
        for i in range(count):
            patient = a_patient(db, clinic_id)
            session = a_session(
                db,
                clinic_id,
                patient,
                treated_on=day,
                guidance=guidance,
                clinician_id=clinician_id,
            )
            a_site(db, clinic_id, patient, session)
            an_injection(db, clinic_id, session, form=form)
            if is_seen and days_ago >= 56:
                a_follow_up(
                    db,
                    clinic_id,
                    patient,
                    treatment_session_id=session,
                    seen_on=day + dt.timedelta(days=56),
                    checklist_code=asked,
                )
            if i < events:
                an_event(
                    db,
                    clinic_id,
                    patient,
                    treatment_session_id=session,
                    onset_on=day + dt.timedelta(days=3),
                    reported_on=day + dt.timedelta(days=14),
                    **event,
                )


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with saving(sqlite_engine) as db:
        return a_clinic(db, code="leg", name="Leg clinic")


@pytest.mark.parametrize("view", VIEWS)
def test_one_patient_is_counted_and_not_turned_into_a_percentage(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, view: str
) -> None:
    treat(sqlite_engine, clinic_id, 1, events=1)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page(view), clinic_id=clinic_id)
    assert not app.exception
    assert "100" not in "".join(str(metric.value) for metric in app.metric)
    if view == "complications":
        assert app.metric[0].value == "1 of 1"
        assert "Too few for a percentage" in everything(app)


def test_no_event_is_told_as_an_upper_bound(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 40)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    assert app.metric[0].value == "0 of 40"
    assert "0 of 40 sessions. A true rate up to 7.2 % is compatible with this" in everything(app)
    assert "No event of any kind was recorded" in everything(app)
    app.selectbox(key="complications_by").set_value("form").run()
    assert len(charts(app)) == 2
    assert shown(app)[0][:5] == ["Liquid", "0", "40", "0 of 40", "up to 7.2 %"]


def test_every_session_with_an_event_is_a_rate_of_one_with_a_lower_limit(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 20, events=20, severity=Severity.SEVERE)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    assert "20 of 20 sessions (100.0 %" in everything(app)
    assert len(charts(app)) == 2


def test_sessions_that_are_too_recent_are_named_and_not_counted(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 5, events=5, days_ago=20)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    words = everything(app)
    assert "No session is old enough yet to be counted (sessions: 5)" in words
    assert "70 days after treatment" in words
    assert not app.metric
    overview = app.switch_page(page("overview")).run()
    assert "No session is old enough yet." in everything(overview)
    assert "**–**" in everything(overview)


def test_a_serious_event_is_listed_even_when_it_is_not_in_the_rate(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(
        sqlite_engine,
        clinic_id,
        15,
        events=1,
        criterion_hospitalisation=True,
        causality=Causality.UNRELATED,
    )
    for view in ("overview", "complications"):
        app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page(view), clinic_id=clinic_id)
        assert "1 × Skin necrosis, minimal" in everything(app)
        assert "0 of 15" in everything(app)


def test_a_filter_that_keeps_nothing_offers_to_be_cleared(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, clinic_id=clinic_id)
    app.query_params["to"] = "2001-01-01"
    app.switch_page(page("complications")).run()
    assert "No session fits this filter; 12 are registered" in everything(app)
    assert not app.metric
    next(button for button in app.button if button.label == "Clear").click().run()
    assert app.metric[0].value == "0 of 12"
    assert "to" not in app.query_params


def test_a_filter_that_is_out_of_sight_is_said(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, guidance=Guidance.ULTRASOUND)
    treat(sqlite_engine, clinic_id, 15, guidance=Guidance.NONE)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("overview"), clinic_id=clinic_id)
    app.multiselect(key="filter_guidance").set_value(["ultrasound"]).run()
    assert "Sessions: 12, patients: 12." in everything(app)
    assert "Guidance: Ultrasound" in [text.value for text in app.text]
    assert "guidance: Ultrasound" in everything(app)


def test_reversed_days_are_named_in_the_bar_and_not_used(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="filter_period").set_value("custom").run()
    app.date_input(key="filter_from").set_value(TODAY).run()
    app.date_input(key="filter_to").set_value(TODAY - dt.timedelta(days=200)).run()
    assert "The first day is after the last" in everything(app)
    assert app.metric[0].value == "0 of 12"
    assert app.query_params == {}


def test_the_filter_goes_with_the_reader_from_page_to_page(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, events=1)
    treat(sqlite_engine, clinic_id, 15, form=SclerosantForm.FOAM)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("overview"), clinic_id=clinic_id)
    assert "Sessions: 27, patients: 27." in everything(app)
    app.multiselect(key="filter_form").set_value(["foam"]).run()
    assert "Sessions: 15, patients: 15." in everything(app)
    assert app.query_params == {"form": "foam"}
    app.query_params.clear()
    app.switch_page(page("complications")).run()
    assert app.metric[0].value == "0 of 15"
    assert app.query_params == {"form": "foam"}
    app.multiselect(key="filter_form").set_value([]).run()
    assert "1 of 27 sessions (3.7 %" in everything(app)
    assert app.query_params == {}


def test_a_link_reproduces_filter_event_and_grouping(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 30, events=3)
    treat(sqlite_engine, clinic_id, 30, form=SclerosantForm.FOAM)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="complications_event").set_value("skin_necrosis")
    app.selectbox(key="complications_by").set_value("form").run()
    app.selectbox(key="filter_period").set_value("last_year").run()
    link, before = dict(app.query_params), everything(app)
    assert set(link) == {"event", "by", "period"}
    again = app_as(Role.PRACTICE_MANAGER, sqlite_engine, clinic_id=clinic_id)
    for name, value in link.items():
        again.query_params[name] = value
    again.switch_page(page("complications")).run()
    assert everything(again) == before
    assert again.selectbox(key="filter_period").value == "last_year"


def test_the_way_back_undoes_filter_and_grouping(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12)
    treat(sqlite_engine, clinic_id, 15, form=SclerosantForm.FOAM)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="complications_by").set_value("form").run()
    app.multiselect(key="filter_form").set_value(["foam"]).run()
    assert app.query_params == {"by": "form", "form": "foam"}
    del app.query_params["form"]
    app.run()
    assert app.metric[0].value == "0 of 27"
    assert app.selectbox(key="complications_by").value == "form"
    app.query_params.clear()
    app.run()
    assert app.selectbox(key="complications_by").value == "event"
    assert app.query_params == {}


def test_a_click_that_overtakes_the_address_is_not_lost(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12)
    treat(sqlite_engine, clinic_id, 15, form=SclerosantForm.FOAM)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="complications_by").set_value("form").run()
    app.query_params.clear()
    app.multiselect(key="filter_form").set_value(["foam"]).run()
    assert app.metric[0].value == "0 of 15"
    assert app.query_params == {"by": "form", "form": "foam"}


def test_somebody_of_two_clinics_sees_the_one_of_the_sidebar_until_they_choose_both(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with saving(sqlite_engine) as db:
        second = a_clinic(db, code="two", name="[Second](http://example.org)")
    treat(sqlite_engine, clinic_id, 12)
    treat(sqlite_engine, second, 30)
    grants = [Grant(number, Role.PRACTICE_MANAGER) for number in (clinic_id, second)]
    a_token(sqlite_engine, f"{Role.PRACTICE_MANAGER.value}{clinic_id}", *grants)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("overview"), clinic_id=clinic_id)
    sidebar = app.sidebar.selectbox[0]
    sidebar.set_value(clinic_id).run()
    assert "Sessions: 12, patients: 12." in everything(app)
    assert app.query_params == {}
    app.sidebar.selectbox[0].set_value(second).run()
    assert "Sessions: 30, patients: 30." in everything(app)
    app.multiselect(key="filter_clinic").set_value([]).run()
    assert "Sessions: 42, patients: 42." in everything(app)
    assert app.query_params["clinic"] == f"{clinic_id},{second}"
    assert "Clinic: Leg clinic, [Second](http://example.org)" in everything(app)
    assert "http" not in "".join(str(element.value) for element in app.markdown)


def test_a_clinic_without_sessions_does_not_show_those_of_another(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with saving(sqlite_engine) as db:
        empty = a_clinic(db, code="new", name="New clinic")
    treat(sqlite_engine, clinic_id, 12)
    grants = [Grant(number, Role.PRACTICE_MANAGER) for number in (clinic_id, empty)]
    a_token(sqlite_engine, f"{Role.PRACTICE_MANAGER.value}{clinic_id}", *grants)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("overview"), clinic_id=clinic_id)
    app.sidebar.selectbox[0].set_value(empty).run()
    assert "No treatment session is registered here yet" in everything(app)
    assert not app.metric


def test_other_clinics_never_enter_a_figure_or_a_choice(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with saving(sqlite_engine) as db:
        other = a_clinic(db, code="other", name="Elsewhere")
    treat(sqlite_engine, clinic_id, 12)
    treat(sqlite_engine, other, 500, form=SclerosantForm.FOAM, events=400)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, clinic_id=clinic_id)
    app.query_params["clinic"] = str(other)
    app.switch_page(page("complications")).run()
    assert app.metric[0].value == "0 of 12"
    assert "Elsewhere" not in everything(app)
    assert "filter_form" not in [box.key for box in app.multiselect]


def test_a_clinician_is_named_to_themselves_and_others_are_numbers(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with saving(sqlite_engine) as db:
        for number in (1, 2):
            a_clinician(db, clinic_id, number, display_name=f"Dr Secret {number}")
            for _ in range(12):
                patient = a_patient(db, clinic_id)
                a_session(
                    db,
                    clinic_id,
                    patient,
                    clinician_id=number,
                    treated_on=TODAY - dt.timedelta(days=200),
                )
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="complications_by").set_value("clinician").run()
    assert [row[0] for row in shown(app)] == ["Clinician 1", "Clinician 2", "All sessions"]
    assert "Secret" not in everything(app) + json.dumps(charts(app))
    assert "say nothing about causes" in everything(app)


def test_recurrence_is_followed_from_success(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    day = TODAY - dt.timedelta(days=800)
    with saving(sqlite_engine) as db:
        for i in range(30):
            patient = a_patient(db, clinic_id)
            session = a_session(db, clinic_id, patient, treated_on=day)
            a_site(db, clinic_id, patient, session)
            for after, score, finding in ((56, "90", "cleared"), (365, "90", "cleared")):
                came_back = i < 6 and after == 365
                visit = a_follow_up(
                    db,
                    clinic_id,
                    patient,
                    seen_on=day + dt.timedelta(days=after),
                    treatment_session_id=session,
                )
                an_outcome(
                    db,
                    clinic_id,
                    patient,
                    visit,
                    finding="visible_again" if came_back else finding,
                    score=Decimal("20" if came_back else score),
                )
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("recurrence"), clinic_id=clinic_id)
    words = everything(app)
    assert "30 of 30 sites looked at were cleared or occluded" in words
    assert "How recurrences were seen (6): 6 by eye in the clinic" in words
    assert len(charts(app)) == 1
    assert [row[1] for row in shown(app)] == ["91", "182", "365", "730"]
    assert [row[2] for row in shown(app)] == ["30", "30", "0", "0"]
    app.selectbox(key="recurrence_by").set_value("vessel_class").run()
    app.selectbox(key="recurrence_day").set_value("182").run()
    assert app.query_params == {"by": "vessel_class", "day": "182"}
    # The groups on that day and over time, and all together.
    assert len(charts(app)) == 3


def test_sites_that_were_never_looked_at_are_not_called_clear(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, 12, days_ago=700)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("recurrence"), clinic_id=clinic_id)
    words = everything(app)
    assert "None of the 12 treated sites was looked at" in words
    assert "sites never looked at after the last planned session: 12" in words
    assert charts(app) == []


def test_a_whole_clinic_is_shown_with_every_grouping(app_as: Any, sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        number = a_clinic(db, code="whole", name="Whole clinic")
    sessions = fill(sqlite_engine, number, 120)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("overview"), clinic_id=number)
    assert f"Sessions: {wording.count(sessions)}, patients:" in everything(app)
    assert len(charts(app)) > 12
    assert "Overdue visits: " in everything(app)
    for view, least in (("complications", 1), ("recurrence", 1)):
        app.switch_page(page(view)).run()
        for grouping in app.selectbox(key=f"{view}_by").options:
            app.selectbox(key=f"{view}_by").select(grouping).run()
            assert not app.exception, grouping
            assert len(charts(app)) >= least, grouping
            assert app.title[0].value == view.capitalize()


def test_published_figures_stand_beside_only_what_counts_the_same(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    noted = {"asked": "any_incident_open"}
    treat(sqlite_engine, clinic_id, 300, events=2, **noted)
    treat(sqlite_engine, clinic_id, 300, events=30, form=SclerosantForm.FOAM, **noted)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, page("complications"), clinic_id=clinic_id)
    app.selectbox(key="complications_by").set_value("form").run()
    beside = {row[0]: row[3] for row in shown(app, 2)}
    assert beside["Guex 2005: Any incident"] == "Higher than the published rate."
    assert beside["Guex 2005: Any incident, liquid"] == "Compatible with the published rate."
    assert beside["Guex 2005: Any incident, foam"] == "Higher than the published rate."
    app.selectbox(key="complications_event").set_value("visual_disturbance").run()
    words = everything(app)
    assert "the window differs" in words
    assert "the unit of analysis differs" in words


def test_an_actor_without_rights_gets_nothing_from_the_bridge(
    sqlite_engine: Engine, clinic_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import state
    from registry.analysis.cohort import CohortFilter
    from registry.errors import PermissionDenied

    nobody = Actor(1, "nobody", "Nobody", (Grant(clinic_id, Role.ADMINISTRATOR),))
    monkeypatch.setattr(state, "actor", lambda: nobody)
    monkeypatch.setattr(state, "reading_engine", lambda: sqlite_engine)
    monkeypatch.setattr(state, "today", lambda: TODAY)
    for question in (
        report_data.levels,
        lambda: report_data.size_of(CohortFilter()),
        lambda: report_data.complication_rates(CohortFilter()),
        lambda: report_data.recurrence_after_success(CohortFilter()),
        lambda: report_data.follow_up_completeness(CohortFilter()),
    ):
        with pytest.raises(PermissionDenied):
            question()

"""Does the list behind a figure hold what the figure counts, and open for whom it may?"""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.database import reading
from registry.schema import AccessLog
from registry.vocabulary import Role, SclerosantForm
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import everything, treat

PAGE = "views/sessions_behind.py"


@pytest.fixture
def treated(sqlite_engine: Engine) -> tuple[Engine, int]:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 60, events=3)
    treat(sqlite_engine, clinic_id, 15, form=SclerosantForm.FOAM)
    return sqlite_engine, clinic_id


def listed(app: AppTest) -> list[str]:
    """Pseudonyms in the list."""
    return [b.label.replace("\\", "") for b in app.button if str(b.key).startswith("open_")]


def link_to(app: AppTest, label: str) -> dict[str, str]:
    """The address of a link, as a link would be opened."""
    [link] = [link for link in app.get("page_link") if link.proto.label.startswith(label)]
    query = link.proto.query_string
    return dict(pair.split("=", 1) for pair in query.split("&"))


def opened(app: AppTest, query: dict[str, str]) -> AppTest:
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(PAGE).run()


def accesses(engine: Engine) -> list[int | None]:
    with reading(engine) as db:
        return list(
            db.scalars(
                sa.select(AccessLog.row_count)
                .where(AccessLog.action == "list_records")
                .order_by(AccessLog.id)
            )
        )


def test_from_a_figure_to_its_sessions_with_the_filter_kept(
    app_as: Any, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    app = app_as(Role.CLINICIAN, engine, "views/complications.py", clinic_id=clinic_id)
    app.multiselect(key="filter_form").set_value(["liquid"]).run()
    app.selectbox(key="complications_by").set_value("form").run()
    app.selectbox(key="complications_row").set_value("liquid").run()
    query = link_to(app, "Show 3 sessions")
    assert query == {
        "form": "liquid",
        "report": "complications",
        "by": "form",
        "group": "liquid",
        "measure": "events",
    }
    app = opened(app, query)
    assert not app.exception
    assert [header.value for header in app.header] == ["3 sessions"]
    assert "Form: Liquid; Which of them: With the event" in everything(app)
    assert len(listed(app)) == 3
    assert everything(app).count("Skin necrosis, minimal, day 3") == 3
    assert app.multiselect(key="filter_form").value == ["liquid"]
    assert accesses(engine) == [3]


def test_a_manager_sees_the_count_and_who_may_open_it(
    app_as: Any, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    app = app_as(Role.PRACTICE_MANAGER, engine, PAGE, clinic_id=clinic_id)
    assert app.header[0].value == "75 sessions"
    words = everything(app)
    assert "roles of the clinic: clinician, data manager, auditor" in words
    assert listed(app) == []
    assert not re.search(r"P-\w{12}", words)
    assert accesses(engine) == []
    app = app_as(Role.DATA_MANAGER, engine, PAGE, clinic_id=clinic_id)
    assert len(listed(app)) == 50


def test_a_long_list_is_turned_over_and_sorted(app_as: Any, treated: tuple[Engine, int]) -> None:
    engine, clinic_id = treated
    app = app_as(Role.CLINICIAN, engine, PAGE, clinic_id=clinic_id)
    first = listed(app)
    assert len(first) == 50
    assert "1 to 50 of 75" in everything(app)
    app.button(key="to_Further").click().run()
    second = listed(app)
    assert "51 to 75 of 75" in everything(app)
    assert app.button(key="to_Further").disabled
    assert len({*first, *second}) == 75
    app.button(key="to_Back").click().run()
    assert listed(app) == first
    app.button(key="to_Further").click().run()
    app.selectbox(key="sessions_order").set_value("sclerosant").run()
    assert "1 to 50 of 75" in everything(app)


def test_a_line_leads_to_its_patient_and_the_address_does_not_name_it(
    app_as: Any, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    app = app_as(Role.CLINICIAN, engine, PAGE, clinic_id=clinic_id)
    pseudonym = listed(app)[0]
    app.button(key="open_0").click().run()
    assert pseudonym in everything(app)
    assert app.title[0].value == "Patient"
    assert pseudonym not in str(app.query_params)
    assert accesses(engine) == [50]


HOSTILE = {
    "report": "patients",
    "by": "pseudonym",
    "group": "<img src=x onerror=alert(1)>",
    "measure": "'; DROP TABLE patient; --",
    "event": "{0.__class__}",
    "unit": "names",
    "period": "since_ever",
    "from": "2026-13-01",
}


def test_an_address_that_nobody_wrote_is_named_and_ignored(
    app_as: Any, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    app = opened(app_as(Role.CLINICIAN, engine, clinic_id=clinic_id), HOSTILE)
    assert not app.exception
    words = everything(app)
    for name in ("Figures of", "Compare by", "Row", "Which of them", "Count", "Share of"):
        assert f"unknown “{name}”" in words
    assert "period that is not known" in words
    assert "“from” is not a day" in words
    for strange in ("onerror", "DROP", "__class__", "since_ever"):
        assert strange not in words
    assert app.query_params == {}


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        (HOSTILE, "Figures of"),
        ({"by": "form", "group": "foamy", "measure": "events"}, "Row"),
        ({"report": "overview", "group": "recurrence_12m"}, "Row"),
        ({"measure": "1 or 1"}, "Which of them"),
        ({"report": "overview", "by": "form"}, None),
    ],
)
def test_a_link_to_no_figure_is_refused_in_sight_and_opens_no_list(
    app_as: Any, treated: tuple[Engine, int], query: dict[str, str], unknown: str | None
) -> None:
    engine, clinic_id = treated
    app = opened(app_as(Role.CLINICIAN, engine, clinic_id=clinic_id), query)
    if unknown is not None:
        [folded] = [e for e in app.expander if e.label == "Choose a figure"]
        assert not folded.warning
        assert any(f"unknown “{unknown}”" in warning.value for warning in app.warning)
    for _ in range(2):
        assert "no list is shown" in everything(app)
        assert not app.header
        assert listed(app) == []
        app.run()
    assert accesses(engine) == []
    app.selectbox(key="sessions_report").set_value("severity").run()
    assert app.header[0].value == "3 events"


def test_a_filter_that_keeps_nothing_and_an_empty_registry_say_so(
    app_as: Any, sqlite_engine: Engine
) -> None:
    clinic_id = a_clinic(sqlite_engine, "leg")
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "No treatment session is registered here yet" in everything(app)
    treat(sqlite_engine, clinic_id, 12)
    app = opened(app, {"to": "2001-01-01"})
    assert "No session fits this filter; 12 are registered" in everything(app)
    app = opened(app, {"measure": "events"})
    assert app.header[0].value == "0 sessions"
    assert "No record stands behind this count" in everything(app)


def test_patients_are_listed_once(app_as: Any, treated: tuple[Engine, int]) -> None:
    engine, clinic_id = treated
    app = app_as(Role.CLINICIAN, engine, "views/complications.py", clinic_id=clinic_id)
    app.selectbox(key="complications_unit").set_value("patients").run()
    app = opened(app, link_to(app, "Show 3 patients"))
    assert app.header[0].value == "3 patients"
    assert len(set(listed(app))) == 3


@pytest.mark.parametrize(
    ("report", "measure", "group", "head"),
    [
        ("recurrence", "sites", "total", "75 treated sites"),
        ("recurrence", "never_looked_at", "total", "75 treated sites"),
        ("follow_up", "seen", "check_6_8w", "75 sessions"),
        ("follow_up", "missed", "review_26w", "75 sessions"),
        ("follow_up", "overdue", "review_26w", "0 visits"),
        ("event_course", "in_window", "total", "3 events"),
        ("severity", "mild", "total", "3 events"),
        ("severity", "serious", "total", "0 events"),
        ("overview", "of", "any_complication", "75 sessions"),
        ("overview", "cases", "recurrence", "0 treated sites"),
        ("overview", "of", "satisfaction", "0 patients"),
        ("reported_outcomes", "eligible", "rvcss", "75 legs"),
        ("reported_outcomes", "treated", "satisfaction", "75 patients"),
    ],
)
def test_every_report_has_its_lists(
    app_as: Any, treated: tuple[Engine, int], report: str, measure: str, group: str, head: str
) -> None:
    engine, clinic_id = treated
    app = app_as(Role.AUDITOR, engine, clinic_id=clinic_id)
    app = opened(app, {"report": report, "measure": measure, "group": group})
    assert not app.exception
    assert app.header[0].value == head
    assert len(listed(app)) == min(50, int(head.split()[0]))


def test_a_bar_of_the_days_to_onset_has_its_list(app_as: Any, treated: tuple[Engine, int]) -> None:
    engine, clinic_id = treated
    app = app_as(Role.CLINICIAN, engine, clinic_id=clinic_id)
    app.query_params["part"] = "course"
    app.switch_page("views/complications.py").run()
    rows = next(box for box in app.selectbox if box.key == "event_course_row")
    bar = next(option for option in rows.options if option.startswith("day "))
    rows.select(bar).run()
    query = link_to(app, "Show 3 events")
    assert query["measure"] == "began"
    app = opened(app, query)
    assert app.header[0].value == "3 events"
    assert bar in everything(app)
    assert len(listed(app)) == 3


def test_every_role_that_reads_rates_reads_the_page(
    app_as: Any, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    for role in (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR):
        app = app_as(role, engine, PAGE, clinic_id=clinic_id)
        assert [title.value for title in app.title] == ["Sessions"]
        assert app.header[0].value == "75 sessions"
    app = app_as(Role.ADMINISTRATOR, engine, clinic_id=clinic_id)
    with pytest.raises(ValueError, match="navigation page"):
        app.switch_page(PAGE)

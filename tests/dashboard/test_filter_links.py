"""Does a link keep the name of its period, or its days, as the reader wants?"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.engine import Engine

from registry.analysis.periods import span_of
from registry.vocabulary import Role
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import TODAY, everything, treat
from tests.factories import a_change_point, saving

PAGE = "views/complications.py"


def links(app: Any) -> list[str]:
    return [code.value for code in app.code]


def test_a_link_names_the_period_and_another_keeps_its_days(
    app_as: Any, sqlite_engine: Engine
) -> None:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 12)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert len(links(app)) == 1
    app.selectbox(key="filter_period").set_value("last_12_months").run()
    app.selectbox(key="complications_by").set_value("form").run()
    named, dated = links(app)
    start, end = span_of("last_12_months", TODAY)
    assert named.endswith("?period=last_12_months&by=form")
    assert dated.endswith(f"?from={start}&to={end}&by=form")
    assert app.query_params == {"period": "last_12_months", "by": "form"}
    app.switch_page("views/recurrence.py").run()
    assert app.selectbox(key="filter_period").value == "last_12_months"


def test_a_period_begins_with_a_change_in_the_clinic(app_as: Any, sqlite_engine: Engine) -> None:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 12, days_ago=400)
    treat(sqlite_engine, clinic_id, 15, days_ago=200)
    day = TODAY - dt.timedelta(days=300)
    with saving(sqlite_engine) as db:
        a_change_point(db, clinic_id, changed_on=day, what="![CO₂](http://example.org) foam")
    name = f"since_{day.isoformat()}"
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, clinic_id=clinic_id)
    app.query_params["period"] = name
    app.switch_page(PAGE).run()
    assert app.selectbox(key="filter_period").value == name
    assert app.metric[0].value == "0 of 15"
    assert app.query_params == {"period": name}
    app.query_params["period"] = "since_2001-01-01"
    app.run()
    assert "period that is not known" in everything(app)
    assert app.metric[0].value == "0 of 27"
    assert app.query_params == {}

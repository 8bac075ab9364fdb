"""Does the page tell own numbers only where there are enough, and is each leaflet logged?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import downloads
from registry.access import ALLOWED, Permission
from registry.database import reading
from registry.schema import AccessLog
from registry.vocabulary import Role
from tests.dashboard.conftest import AppAs, a_clinic
from tests.dashboard.test_report_pages import charts, everything, shown, treat

PAGE = "views/leaflet.py"
WITHIN = 450
"""Days ago that always lie in the eight quarters of the leaflet."""


OWN = "Counted in our clinic"


def headings(app: AppTest) -> list[str]:
    return [element.value for element in app.subheader]


def links(app: AppTest) -> dict[str, str]:
    return {link.proto.label: link.proto.url for link in app.get("link_button")}


@pytest.mark.parametrize("role", Role)
def test_whoever_may_read_rates_may_open_it(
    app_as: AppAs, sqlite_engine: Engine, role: Role
) -> None:
    if Permission.READ_RATES in ALLOWED[role]:
        app = app_as(role, sqlite_engine, PAGE)
        assert not app.exception
        assert app.title[0].value == "Patients' leaflet"
        # Without a patient all is published: six arrays, and one outcome without a number.
        assert len(charts(app)) == 6
        said = everything(app)
        assert "None of these numbers is from our clinic." in said
        assert headings(app) == ["Published elsewhere, not from our clinic"]
        assert "fewer than 100 patients were injected" in said
    else:
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app_as(role, sqlite_engine, PAGE)


def test_own_numbers_stand_apart_and_leave_with_a_line_in_the_log(
    app_as: Any, sqlite_engine: Engine
) -> None:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 99, events=6, days_ago=WITHIN)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "None of these numbers is from our clinic." in everything(app)
    assert "Patients: 99." in everything(app)

    treat(sqlite_engine, clinic_id, 1, days_ago=WITHIN)
    app.run()
    said = everything(app)
    assert headings(app) == [OWN, "Published elsewhere, not from our clinic"]
    assert "About 60 of every 1,000 of our patients." in said
    assert "We followed up 100 % of our last 100 patients for this." in said
    assert "In our clinic we know of none among our last 100 patients." in said
    assert ["A place where skin dies", "30", "100 %", "Own number."] in shown(app)

    app.session_state["leaflet_files_open_sore"] = True
    app.run()
    assert links(app).keys() == {"Leaflet (PDF)", "Picture (PNG)", "Drawing (SVG)"}
    for path in links(app).values():
        key = path.removeprefix(downloads.PATH)
        person = downloads._offers[key].user_id
        offer = downloads.take(key, person, now=dt.datetime.now(dt.UTC))
        assert offer is not None
        assert offer.content()[:4] in (b"%PDF", b"\x89PNG", b"<svg")
    with reading(sqlite_engine) as db:
        rows = db.execute(
            sa.select(AccessLog.action, AccessLog.clinic_id, AccessLog.detail).where(
                AccessLog.action.like("download%")
            )
        ).all()
    assert sorted(row.action for row in rows) == [
        "download_figure",
        "download_figure",
        "download_report",
    ]
    assert all(row.clinic_id == clinic_id and row.detail.startswith("leaflet.") for row in rows)


def test_the_leaflet_has_a_language_of_its_own(app_as: AppAs, sqlite_engine: Engine) -> None:
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE)
    assert "Fewer than 1 of every 1,000 patients elsewhere." in everything(app)
    app.segmented_control(key="leaflet_language").set_value("de").run()
    assert not app.exception
    assert app.title[0].value == "Patients' leaflet"
    assert "1.000" in everything(app)
    assert "1,000" not in everything(app)
    assert "What is counted" in everything(app)

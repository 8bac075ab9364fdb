"""Does the page of clinics and clinicians name only the reader, rank nobody, and hide others?"""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import downloads
from registry.database import reading
from registry.schema import AccessLog, UserAccount
from registry.vocabulary import Role
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import charts, everything, shown
from tests.factories import a_clinician, a_patient, a_session, an_event, an_injection, saving

PAGE = "views/clinics.py"
LAST_YEAR = dt.datetime.now(dt.UTC).year - 2


def treat(
    engine: Engine, clinic_id: int, sessions: int, events: int, clinician: int | None = None
) -> None:
    """Treat so many patients in a year that is over for long; the first have an event."""
    day = dt.date(LAST_YEAR, 4, 4)
    with saving(engine) as db:
        for i in range(sessions):
            patient = a_patient(db, clinic_id)
            session = a_session(db, clinic_id, patient, treated_on=day, clinician_id=clinician)
            an_injection(db, clinic_id, session)
            if i < events:
                onset = day + dt.timedelta(days=3)
                an_event(
                    db,
                    clinic_id,
                    patient,
                    treatment_session_id=session,
                    event_term_code="infection",
                    onset_on=onset,
                    reported_on=onset,
                )


def staff(engine: Engine, clinic_id: int, numbers: range, own: str | None = None) -> None:
    with saving(engine) as db:
        user = db.scalar(sa.select(UserAccount.id).where(UserAccount.user_name == own))
        for number in numbers:
            a_clinician(
                db,
                clinic_id,
                number,
                display_name=f"Dr Geheim {number}",
                user_id=user if number == 2 else None,
            )


def test_clinicians_see_their_own_name_and_managers_none(
    app_as: Any, sqlite_engine: Engine
) -> None:
    clinic_id = a_clinic(sqlite_engine)
    app_as(Role.CLINICIAN, sqlite_engine, clinic_id=clinic_id)
    staff(sqlite_engine, clinic_id, range(1, 7), own=f"clinician{clinic_id}")
    for number, (sessions, events) in enumerate(
        ((30, 2), (32, 3), (31, 12), (30, 1), (33, 2), (9, 0)), 1
    ):
        treat(sqlite_engine, clinic_id, sessions, events, number)
    for role, own in (
        (Role.CLINICIAN, "Dr Geheim 2 (you)"),
        (Role.PRACTICE_MANAGER, "Clinician 2"),
    ):
        app: AppTest = app_as(role, sqlite_engine, PAGE, clinic_id=clinic_id)
        assert not app.exception
        assert [title.value for title in app.title] == ["Clinics and clinicians"]
        assert [row[0] for row in shown(app)] == [
            "Clinician 1",
            own,
            *(f"Clinician {number}" for number in range(3, 7)),
            "All together",
        ]
        assert shown(app)[2][1] == "High: outside 99.8 %"
        words = everything(app)
        assert "1 of 6 outside the limits" in words
        assert "Events: 20; assessed: 20 of 165 sessions." in words
        assert words.count("Geheim") == words.count("Dr Geheim 2 (you)")
        assert ("Geheim" in words) == (role is Role.CLINICIAN)
        assert "What to check first" in {block.label for block in app.expander}
        assert len(charts(app)) == 1
        assert "Clinics" not in app.selectbox(key="units_by").options
    assert "q" in app.table[1].value.columns


@pytest.mark.parametrize(
    ("clinicians", "said"),
    [
        (0, "No clinician is recorded"),
        (1, "There is only one here"),
        (2, "Nobody is held against limits here"),
    ],
)
def test_few_or_no_clinicians_are_not_judged(
    app_as: Any, sqlite_engine: Engine, clinicians: int, said: str
) -> None:
    clinic_id = a_clinic(sqlite_engine)
    staff(sqlite_engine, clinic_id, range(1, clinicians + 1))
    treat(sqlite_engine, clinic_id, 12, 2, clinicians or None)
    if clinicians == 2:
        treat(sqlite_engine, clinic_id, 12, 2, 1)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert not app.exception
    assert said in everything(app)
    assert charts(app) == []


def test_an_empty_registry_says_so(app_as: Any, sqlite_engine: Engine) -> None:
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE)
    assert app.title
    assert "No treatment session is registered here yet" in everything(app)


def test_of_other_clinics_there_is_one_sentence(app_as: Any, sqlite_engine: Engine) -> None:
    mine = a_clinic(sqlite_engine)
    treat(sqlite_engine, mine, 12, 2)
    for code, events in (("east", 6), ("south", 7), ("west", 8)):
        treat(sqlite_engine, a_clinic(sqlite_engine, code), 20, events)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=mine)
    app.selectbox(key="units_by").set_value("clinic").run()
    words = everything(app)
    assert f"All other clinics of this registry (3 or more), {LAST_YEAR}" in words
    assert "21 of 60 sessions" in words
    assert [row[0] for row in shown(app)] == ["Northgate Veins", "All together"]
    assert not any(name in words for name in ("Eastgate", "Southgate", "Westgate"))
    app.selectbox(key="units_event").set_value("skin_necrosis").run()
    assert "for “any complication” only" in everything(app)


def test_a_table_for_sharing_hides_and_is_logged(app_as: Any, sqlite_engine: Engine) -> None:
    clinic_id = a_clinic(sqlite_engine)
    treat(sqlite_engine, clinic_id, 40, 3)
    app = app_as(
        Role.PRACTICE_MANAGER, sqlite_engine, "views/complications.py", clinic_id=clinic_id
    )
    app.session_state["complications_files"] = True
    app.run()
    assert "grouped by form, vessel class or quarter" in everything(app)
    app.selectbox(key="complications_by").set_value("form").run()
    app.session_state["complications_files"] = True
    app.run()
    link = next(link for link in app.get("link_button") if "sharing" in link.proto.label)
    key = link.proto.url.removeprefix(downloads.PATH)
    taken = downloads.take(key, downloads._offers[key].user_id, now=dt.datetime.now(dt.UTC))
    assert taken is not None
    assert taken.name.startswith("complications_for_sharing_")
    rows = list(csv.DictReader(io.StringIO(taken.content().decode())))
    assert {(row["numerator"], row["numerator_hidden"]) for row in rows} == {("", "yes")}
    assert {row["denominator"] for row in rows} == {"40"}
    with reading(sqlite_engine) as db:
        details = db.scalars(sa.select(AccessLog.detail)).all()
    assert any("complications_for_sharing.csv" in str(detail) for detail in details)

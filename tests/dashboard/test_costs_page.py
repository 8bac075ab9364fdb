"""Does the page of costs answer everybody, and keep each currency by itself?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis import wording
from registry.vocabulary import Role
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

PAGE = "views/costs.py"
READERS = (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR)
DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=700)


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with saving(sqlite_engine) as db:
        return a_clinic(db, code="leg", name="Leg clinic")


def treat(engine: Engine, clinic_id: int, *costs: str, payer: str, clear: bool = True) -> None:
    """One patient, course and session for each cost ("120 EUR", blank for none)."""
    with saving(engine) as db:
        for cost in costs:
            amount, _, currency = cost.partition(" ")
            patient = a_patient(db, clinic_id)
            course = a_course(db, clinic_id, patient, planned_sessions=1, payer=payer)
            session = a_session(
                db, clinic_id, patient, treated_on=DAY, course_id=course,
                cost_amount=Decimal(amount) if amount else None, cost_currency=currency or None,
            )  # fmt: skip
            a_site(db, clinic_id, patient, session)
            an_injection(db, clinic_id, session)
            seen = a_follow_up(db, clinic_id, patient, seen_on=DAY + dt.timedelta(days=365))
            finding = "cleared" if clear else "unchanged"
            an_outcome(db, clinic_id, patient, seen, finding=finding, scale_code=None, score=None)


def words(app: AppTest) -> str:
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    told = " | ".join(str(element.value) for element in [*elements, *app.metric])
    return told.replace("\\", "").replace(wording.NARROW_SPACE, " ").replace("\xa0", " ")


def headlines(app: AppTest) -> list[str]:
    return [str(metric.value).replace("\\", "").replace("\xa0", " ") for metric in app.metric]


def rows(app: AppTest, index: int) -> list[list[str]]:
    return [
        [str(cell).replace("\\", "").replace("\xa0", " ") for cell in row]
        for row in app.table[index].value.itertuples(index=False)
    ]


def opened(app_as: Any, role: Role, engine: Engine, clinic_id: int, **query: str) -> AppTest:
    app: AppTest = app_as(role, engine, clinic_id=clinic_id)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(PAGE).run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Costs"]
    return app


def test_every_reader_is_told_what_treatment_costs(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, *["100 EUR"] * 6, *["200 EUR"] * 6, payer="Insurer")
    treat(sqlite_engine, clinic_id, *["60 EUR", "90 EUR"] * 6, payer="Patient", clear=False)
    for role in READERS:
        app = opened(app_as, role, sqlite_engine, clinic_id)
        assert headlines(app) == ["EUR 112.50", "EUR 112.50", "EUR 225.00"]
    said = words(app)
    assert "Sessions: 24, patients: 24, EUR 2,700.00 in all." in said
    assert "EUR 2,700.00 for 24 patients, of whom 12 were clear at “Review at 12 months”." in said
    assert "Incomplete" not in said
    assert rows(app, 0)[0][:4] == ["Insurer", "12", "EUR 1,800.00", "EUR 150.00"]
    assert rows(app, 0)[2][:4] == ["All sessions", "24", "EUR 2,700.00", "EUR 112.50"]
    # Of the group of which nobody was clear no cost per clear patient is told.
    assert [row[2:5] for row in rows(app, 1)] == [
        ["12", "0", "EUR 150.00"], ["0", "0", "–"], ["12", "0", "EUR 225.00"]
    ]  # fmt: skip
    (chart,) = app.get("vega_lite_chart")
    assert "Insurer: sessions: 12 · EUR 150.00" in chart.proto.alt.replace("\xa0", " ")


def test_nothing_little_and_one_payer_have_answers_of_their_own(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id)
    assert "No treatment session is registered here yet" in words(app)
    treat(sqlite_engine, clinic_id, "", payer="Insurer")
    said = words(app.run())
    assert "None of these sessions has an amount yet" in said
    assert "An amount is recorded for 0 of 1 sessions" in said
    treat(sqlite_engine, clinic_id, "80 EUR", payer="Insurer")
    said = words(app.run())
    assert "Incomplete, not to be quoted. An amount is recorded for 1 of 2 sessions" in said
    assert "Sessions: 1, EUR 80.00 in all. Too few for a mean." in said
    assert "Too few for a picture" in said
    assert {metric.value for metric in app.metric} == {wording.DASH}
    treat(sqlite_engine, clinic_id, *["80 EUR"] * 11, payer="Insurer")
    said = words(app.run())
    assert "EUR 80.00 per session. Sessions: 12, patients: 12, EUR 960.00 in all. Without" in said


def test_two_currencies_are_two_answers_and_the_address_keeps_the_choices(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, *["100 EUR", "150 EUR"] * 6, payer="Insurer")
    treat(sqlite_engine, clinic_id, *["90 CHF", "70 CHF"] * 5, payer="Insurer")
    asked = {"by": "indication", "visit": "review_26w", "per": "clear"}
    app = opened(app_as, Role.PRACTICE_MANAGER, sqlite_engine, clinic_id, **asked)
    assert [header.value for header in app.header][:2] == ["EUR", "CHF"]
    assert headlines(app) == [
        "EUR 125.00", "EUR 125.00", "–", "CHF 80.00", "CHF 80.00", "–"
    ]  # fmt: skip
    said = words(app)
    assert "converting them would need a rate of exchange with its day" in said
    assert "of 22 patients were looked at at “Review at 26 weeks”" in said
    assert asked.items() <= dict(app.query_params).items()


def test_the_list_behind_a_count_is_as_long_as_the_count(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treat(sqlite_engine, clinic_id, *["100 EUR", "150 EUR"] * 6, "", payer="Insurer")
    app: AppTest = app_as(Role.CLINICIAN, sqlite_engine, clinic_id=clinic_id)
    for group, measure, heading in (
        ("EUR:total", "cleared_review_12m", "12 patients"),
        ("EUR:total", "courses", "12 courses"),
        ("total", "without_amount", "1 sessions"),
    ):
        app.query_params.clear()
        for name, word in {"report": "costs", "group": group, "measure": measure}.items():
            app.query_params[name] = word
        app.switch_page("views/sessions_behind.py").run()
        assert not app.exception
        assert app.header[0].value == heading
        assert len([b for b in app.button if str(b.key).startswith("open_")]) == int(
            heading.split()[0]
        )

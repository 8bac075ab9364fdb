"""Are cost, currency and payer stored as typed, refused beside their field, and never required?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.database import reading
from registry.schema import Course, TreatmentSession
from registry.vocabulary import Indication, Laterality, Modality, Role
from tests.dashboard.conftest import AppAs
from tests.factories import a_clinic, a_course, a_patient, a_session, saving

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


class Page:
    """The session form for a patient, driven by the names of its fields."""

    def __init__(self, app_as: AppAs, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.patient = a_patient(
                db, self.clinic, pseudonym="P-0001", enrolled_on=TODAY - dt.timedelta(days=400)
            )
            a_session(db, self.clinic, self.patient, treated_on=TODAY - dt.timedelta(days=300))
            other = a_patient(db, self.clinic, enrolled_on=TODAY - dt.timedelta(days=400))
            course = a_course(db, self.clinic, other, payer="Insurer")
            for days, currency in ((90, "EUR"), (60, "CHF")):
                a_session(
                    db, self.clinic, other, course_id=course,
                    treated_on=TODAY - dt.timedelta(days=days),
                    cost_amount=Decimal(80), cost_currency=currency,
                )  # fmt: skip
        self.app: AppTest = app_as(
            Role.CLINICIAN, engine, "views/record_session.py", clinic_id=self.clinic
        )
        self.press(f"picker:{self.patient}")

    def key(self, field: str) -> str:
        return f"session:{self.app.session_state['session:opened'].number}:{field}"

    def press(self, key: str) -> None:
        self.app.button(key=key).click().run()
        assert not self.app.exception
        assert [title.value for title in self.app.title] == ["Record a session"]

    def type(self, **values: Any) -> None:
        kinds = ("text_input", "selectbox", "segmented_control", "date_input")
        widgets = {widget.key: widget for kind in kinds for widget in getattr(self.app, kind)}
        for field, value in values.items():
            widgets[self.key(field.replace("__", "."))].set_value(value)
        self.app.run()
        assert not self.app.exception

    def said(self) -> str:
        kinds = ("text", "markdown", "error", "success")
        said = "\n".join(str(e.value) for kind in kinds for e in getattr(self.app, kind))
        return said.replace("\\", "")

    def stored(self) -> list[tuple[UUID, Decimal | None, str | None, str | None]]:
        with reading(self.engine) as db:
            return [
                tuple(row)
                for row in db.execute(
                    sa.select(
                        TreatmentSession.id,
                        TreatmentSession.cost_amount,
                        TreatmentSession.cost_currency,
                        Course.payer,
                    )
                    .outerjoin(Course, Course.id == TreatmentSession.course_id)
                    .where(TreatmentSession.treated_on == TODAY)
                )
            ]


@pytest.fixture
def page(app_as: AppAs, sqlite_engine: Engine) -> Page:
    found = Page(app_as, sqlite_engine)
    found.type(treated_on=TODAY, modality=Modality.ND_YAG_LASER)
    found.type(row__0__side=Laterality.LEFT, row__0__place="calf_medial")
    return found


def test_amount_and_payer_are_stored_with_the_currency_used_last(page: Page) -> None:
    assert page.app.text_input(key=page.key("cost_currency")).value == "CHF"
    assert page.app.selectbox(key=page.key("payer")).options == ["Insurer"]
    page.type(cost_amount="120,50", payer="Insurer")
    page.press(page.key("save"))
    assert [row[1:] for row in page.stored()] == [(Decimal("120.50"), "CHF", "Insurer")]
    assert "Cost 120.5 CHF" in page.said()


def test_nothing_is_asked_of_whoever_leaves_them_blank(page: Page) -> None:
    page.press(page.key("save"))
    assert [row[1:] for row in page.stored()] == [(None, None, None)]


def test_what_cannot_be_stored_is_said_and_stays_typed(page: Page) -> None:
    for amount, currency, sentence in (
        ("a lot", "CHF", "Not a number"),
        ("120", "", "Give amount and currency together"),
        ("120", "XYQ", "Write the three letters of a currency"),
        ("99999999", "CHF", "Must lie from 0 to"),
        ("12.3456", "CHF", "decimals are kept"),
    ):
        page.type(cost_amount=amount, cost_currency=currency)
        page.press(page.key("save"))
        assert page.stored() == []
        assert sentence in page.said()
        assert page.app.text_input(key=page.key("cost_amount")).value == amount


def test_the_payer_of_a_stored_course_is_added_later(page: Page) -> None:
    with saving(page.engine) as db:
        course = a_course(db, page.clinic, page.patient, payer=None)
    page.app.run()
    page.app.session_state[page.key("course")] = course
    page.app.session_state[f"course_change:{course}"] = True
    page.app.run()
    assert not page.app.exception
    place = f"course:{course}:1"
    page.app.selectbox(key=f"{place}:payer").set_value("Insurer")
    page.app.segmented_control(key=f"{place}:indication").set_value(Indication.SYMPTOMATIC)
    page.app.run()
    page.press(f"{place}:save")
    with reading(page.engine) as db:
        stored = db.get_one(Course, (page.clinic, course))
        assert (stored.payer, stored.indication, stored.planned_sessions, stored.version) == (
            "Insurer", Indication.SYMPTOMATIC, 3, 2
        )  # fmt: skip

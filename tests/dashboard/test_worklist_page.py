"""Does the follow-up page say who is due to those who may know, and how many to the others?"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis import wording
from registry.database import reading
from registry.schema import AccessLog, ContactAttempt, FollowUp
from registry.vocabulary import ContactMethod, ContactOutcome, FollowUpStatus, Role
from tests import factories as make
from tests.made_up_clinic import fill

PAGE = "views/worklist.py"
READERS = (Role.CLINICIAN, Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR)
TODAY = dt.datetime.now(dt.UTC).date()
DAY = dt.timedelta(days=1)
PLANNED: dict[str, Any] = {
    "status": FollowUpStatus.PLANNED, "seen_on": None, "method": None, "checklist_code": None,
    "checklist_version": None, "visit_code": "check_6_8w",
}  # fmt: skip


def words(app: AppTest) -> str:
    elements = [*app.title, *app.header, *app.text, *app.markdown, *app.info, *app.warning]
    elements += [*app.caption, *app.error, *app.success]
    text = " | ".join(str(element.value) for element in elements)
    return text.replace("\\", "").replace(wording.NARROW_SPACE, " ")


def labels(app: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in app.button]


@pytest.fixture
def clinic_id(sqlite_engine: Engine) -> int:
    with make.saving(sqlite_engine) as db:
        return make.a_clinic(db, code="leg", name="Leg clinic")


@pytest.fixture
def visit(sqlite_engine: Engine, clinic_id: int) -> UUID:
    """A visit that is 30 days overdue, of a patient with a name."""
    with make.saving(sqlite_engine) as db:
        patient = make.a_patient(db, clinic_id, pseudonym="P-0001")
        make.an_identity(db, clinic_id, patient)
        session = make.a_session(db, clinic_id, patient, treated_on=TODAY - 86 * DAY)
        return make.a_follow_up(
            db, clinic_id, patient, treatment_session_id=session, due_on=TODAY - 30 * DAY, **PLANNED
        )


@pytest.mark.parametrize("role", READERS)
def test_every_reader_opens_every_section_of_an_empty_registry(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, role: Role
) -> None:
    app = app_as(role, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert app.title[0].value == "Follow-up"
    assert "Nobody is due or overdue" in words(app)
    for section in ("completeness", "quality"):
        app.query_params["section"] = section
        app.run()
        assert not app.exception
        assert "No treatment session is registered" in words(app)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.PRACTICE_MANAGER])
def test_a_filled_registry_fills_every_section(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, role: Role
) -> None:
    fill(sqlite_engine, clinic_id, 60)
    app = app_as(role, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "overdue" in words(app)
    app.query_params["section"] = "completeness"
    app.run()
    assert not app.exception
    assert "window" in words(app)
    app.query_params["section"] = "quality"
    app.run()
    assert not app.exception
    shown = words(app)
    for part in ("Completeness: ", "Consistency: ", "Entry delay: ", "Linkage: "):
        assert part in shown
    assert "These four sides reach" in shown or "Below what is asked for" in shown


def test_a_visit_that_too_few_came_to_is_named_beside_shares_that_are_enough(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    treated_on = TODAY - 500 * DAY
    with make.saving(sqlite_engine) as db:
        for i in range(20):
            patient = make.a_patient(db, clinic_id)
            make.a_session(db, clinic_id, patient, treated_on=treated_on)
            for days in (14, 56, 84, 182) if i else (14, 56, 84, 182, 365):
                make.a_follow_up(db, clinic_id, patient, seen_on=treated_on + days * DAY)
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    app.query_params["section"] = "quality"
    app.run()
    assert "Visits that fewer than 80 % came to: Review at 12 months 5 %." in words(app)


def test_whoever_may_not_see_records_learns_how_many_and_who_may(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, visit: UUID
) -> None:
    app = app_as(Role.PRACTICE_MANAGER, sqlite_engine, PAGE, clinic_id=clinic_id)
    shown = words(app)
    assert "1 visit is overdue" in shown
    assert "You see how many there are, not who." in shown
    assert "P-0001" not in shown + " ".join(labels(app))
    assert app.table[0].value.iloc[0].tolist()[1:] == ["0", "1", "0", "0"]


def test_a_pseudonym_is_shown_without_the_name_and_the_name_on_the_sheet_only(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, visit: UUID
) -> None:
    app = app_as(Role.AUDITOR, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "**P-0001**" in labels(app)
    assert "Call sheet" not in labels(app)
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "Zzcanary" not in words(app)
    next(button for button in app.button if button.label == "Call sheet").click().run()
    shown = words(app)
    assert not app.exception
    assert "Zzcanary, Ida" in shown
    assert "no. H-4711" in shown
    assert "☐\N{NO-BREAK SPACE}A sore, a blister or black skin where you were injected?" in shown
    with reading(sqlite_engine) as db:
        [logged] = db.execute(
            sa.select(AccessLog.row_count, AccessLog.detail).where(
                AccessLog.action == "list_identified"
            )
        )
    assert tuple(logged) == (1, "call sheet: to_call")
    next(button for button in app.button if button.label == "Back to the list").click().run()
    assert "Zzcanary" not in words(app)


def test_a_visit_whose_patient_declined_can_be_closed_where_the_call_stands(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, visit: UUID
) -> None:
    with make.saving(sqlite_engine) as db:
        patient = db.get_one(FollowUp, (clinic_id, visit)).patient_id
        make.a_contact_attempt(
            db, clinic_id, patient, visit, outcome=ContactOutcome.DECLINED,
            attempted_on=TODAY, method=ContactMethod.PHONE,
        )  # fmt: skip
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "call: does not want to come" in words(app)
    next(button for button in app.button if button.label == "Mark as declined").click().run()
    assert not app.exception
    assert "P-0001: visit marked as declined." in words(app)
    with reading(sqlite_engine) as db:
        stored = db.get_one(FollowUp, (clinic_id, visit))
        assert (stored.status, stored.version) == (FollowUpStatus.DECLINED, 2)


def test_three_failures_offer_to_give_up_to_those_who_may_amend(
    app_as: Any, sqlite_engine: Engine, clinic_id: int, visit: UUID
) -> None:
    with make.saving(sqlite_engine) as db:
        patient = db.get_one(FollowUp, (clinic_id, visit)).patient_id
        for days in (1, 2, 3):
            make.a_contact_attempt(db, clinic_id, patient, visit, attempted_on=TODAY - days * DAY)
    for role, may in ((Role.CLINICIAN, True), (Role.AUDITOR, False)):
        app = app_as(role, sqlite_engine, PAGE, clinic_id=clinic_id)
        assert "1 of all these cannot be reached" in words(app)
        app.session_state["worklist:part"] = "unreachable"
        app.run()
        assert "Unreachable: 3 attempts" in words(app)
        assert ("Mark as lost to follow-up" in labels(app)) is may


def test_a_session_without_a_visit_is_booked_from_the_list(
    app_as: Any, sqlite_engine: Engine, clinic_id: int
) -> None:
    with make.saving(sqlite_engine) as db:
        patient = make.a_patient(db, clinic_id, pseudonym="P-0002")
        make.a_session(db, clinic_id, patient, treated_on=TODAY - 20 * DAY)
    app = app_as(Role.CLINICIAN, sqlite_engine, PAGE, clinic_id=clinic_id)
    assert "For 1 patient treated in the last months no visit was planned." in words(app)
    app.session_state["worklist:part"] = "not_planned"
    app.run()
    next(button for button in app.button if button.label == "Book the visit").click().run()
    assert not app.exception
    assert "P-0002: planned Check at 6 to 8 weeks." in words(app)
    with reading(sqlite_engine) as db:
        assert db.scalar(sa.select(FollowUp.status)) is FollowUpStatus.PLANNED
        assert db.scalar(sa.select(sa.func.count()).select_from(ContactAttempt)) == 0

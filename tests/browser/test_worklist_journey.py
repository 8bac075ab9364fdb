"""A call is logged from the worklist in two clicks, and is counted for whoever sees only counts."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from registry.vocabulary import FollowUpStatus
from tests.browser.conftest import PageAs, barriers, settled
from tests.factories import a_follow_up, a_patient, a_session, an_identity, saving
from tests.serving import Served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def overdue(served: Served) -> None:
    """Two visits that are overdue."""
    clinic = served.clinics[0]
    today = dt.datetime.now(dt.UTC).date()
    with saving(served.engine) as db:
        for number, days in (("W-1", 90), ("W-2", 80)):
            patient = a_patient(db, clinic, pseudonym=number, enrolled_on=dt.date(2020, 1, 1))
            an_identity(db, clinic, patient, family_name="Waits", hospital_number=number)
            session = a_session(db, clinic, patient, treated_on=today - dt.timedelta(days=days))
            a_follow_up(
                db, clinic, patient, treatment_session_id=session, visit_code="check_6_8w",
                due_on=today - dt.timedelta(days=days - 56), status=FollowUpStatus.PLANNED,
                seen_on=None, method=None, checklist_code=None, checklist_version=None,
            )  # fmt: skip


@pytest.mark.usefixtures("overdue")
def test_a_call_is_logged_in_two_clicks_and_counted(page_as: PageAs) -> None:
    page = page_as("clinician", "/worklist", width=390)
    expect(page.get_by_text("2 visits are overdue")).to_be_visible()
    expect(page.get_by_role("button", name="W-1")).to_be_visible()
    assert barriers(page) == []
    settled(page)
    page.get_by_role("button", name="Log a call").first.click()
    answer = page.get_by_role("button", name="No answer")
    expect(answer).to_be_visible()
    settled(page)
    answer.click()
    expect(page.get_by_text("W-1: no answer.")).to_be_visible()
    expect(page.get_by_text("call: no answer").first).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Call sheet").click()
    expect(page.get_by_text("Waits, Ida").first).to_be_visible()
    assert barriers(page) == []
    manager = page_as("practice_manager", "/worklist")
    expect(manager.get_by_text("You see how many there are, not who.")).to_be_visible()
    row = manager.get_by_role("row", name="Check at 6 to 8 weeks")
    expect(row.get_by_role("cell").last).to_have_text("1")
    expect(manager.get_by_text("W-1")).to_have_count(0)
    assert barriers(manager) == []

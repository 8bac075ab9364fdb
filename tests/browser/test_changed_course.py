"""Does a session keep its course in a browser that was shown another label of it?"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from registry.schema import TreatmentSession
from tests.browser.test_entry_journeys import Treated, choose, find, mark, settled, visit, write
from tests.factories import a_course, a_session, saving
from tests.serving import Served

pytestmark = pytest.mark.browser

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


def test_a_session_keeps_the_course_that_was_changed_beside_it(
    page_as: Callable[..., Page], served: Served
) -> None:
    treated = Treated(served, "P-0008")
    with saving(treated.engine) as db:
        course = a_course(db, treated.clinic, treated.patient, planned_sessions=3)
    page = page_as("clinician", height=1400)
    visit(page, "Record a session")
    find(page, "P-0008")
    page.keyboard.press("Alt+l")
    expect(page.get_by_text("all are checked")).to_be_visible()
    listed = page.get_by_role("combobox", name="Course of treatment")
    expect(listed).to_have_value(re.compile("0 of 3 sessions"))
    page.get_by_role("button", name="Change the course").click()
    planned = page.get_by_role("spinbutton", name="Sessions planned")
    planned.fill("4")
    planned.press("Tab")
    settled(page)
    page.get_by_role("button", name="Save the course").click()
    expect(listed).to_have_value(re.compile("0 of 4 sessions"))
    page.keyboard.press("Escape")
    with saving(treated.engine) as db:
        a_session(
            db, treated.clinic, treated.patient, treated_on=TODAY - dt.timedelta(days=9),
            course_id=course,
        )  # fmt: skip
    mark(page, "Leg", "Left")
    expect(listed).to_have_value(re.compile("1 of 4 sessions"))
    choose(page, "Region or vein", "small saph")
    write(page, "mL liquid", "1")
    page.get_by_role("button", name="Save session").click()
    expect(page.get_by_text("2 of 4 sessions")).to_be_visible()
    stored = treated.one(TreatmentSession, TreatmentSession.treated_on > TODAY)
    assert stored["course_id"] == course

"""A follow-up in a real browser at which the patient says how it is, and an old event is gone."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from registry.schema import AdverseEvent, FollowUp, LimbAssessment, PatientReportedOutcome
from registry.vocabulary import EventOutcome
from tests.browser.conftest import barriers
from tests.browser.test_entry_journeys import (
    DAY,
    KNOWN_OF_FIELDS,
    TODAY,
    Treated,
    fits,
    mark,
    settled,
    visit,
)
from tests.factories import a_reported_outcome, an_event, saving
from tests.serving import Served

pytestmark = pytest.mark.browser


def test_on_a_phone_the_patient_is_asked_and_an_open_event_is_closed(
    page_as: Callable[..., Page], served: Served
) -> None:
    treated = Treated(served, "P-0004")
    with saving(treated.engine) as db:
        an_event(
            db, treated.clinic, treated.patient, event_term_code="haematoma",
            treatment_session_id=treated.session, onset_on=TODAY - 12 * DAY,
            reported_on=TODAY - 11 * DAY,
        )  # fmt: skip
        a_reported_outcome(
            db, treated.clinic, treated.patient, answered_on=TODAY - 14 * DAY, score=Decimal(6)
        )
    page = page_as("clinician", width=390, height=844)
    visit(page, "Record a follow-up")
    page.get_by_role("button", name=re.compile("P-0004 .* Safety check")).click()
    expect(page.get_by_role("button", name="Other patient")).to_be_visible()
    settled(page)
    mark(page, "Bruise or haematoma, since", "Gone")
    expect(page.get_by_text("Gone on", exact=True)).to_be_visible()
    page.get_by_text("What the patient says, severity of the legs").click()
    mark(page, "Heaviness (last: 6 of 10", "2")
    page.get_by_role("button", name="Left", exact=True).click()
    expect(page.get_by_text("Left leg", exact=True)).to_be_visible()
    settled(page)
    mark(page, "Varicose veins, 3 mm or more", "1")
    expect(page.get_by_text("1 of 10 items assessed, so no score")).to_be_visible()
    assert fits(page)
    assert barriers(page, KNOWN_OF_FIELDS) == []
    settled(page)
    page.get_by_role("button", name="Save follow-up").click()
    expect(page.get_by_text(re.compile(r"Saved at \d\d:\d\d"))).to_be_visible()
    expect(page.get_by_text("Heaviness: 2 of 10")).to_be_visible()
    event = treated.one(AdverseEvent)
    assert event["event_outcome"] is EventOutcome.RECOVERED
    assert event["resolved_on"] is not None
    answer = treated.one(PatientReportedOutcome, PatientReportedOutcome.score == Decimal(2))
    assert answer["follow_up_id"] == treated.plan
    assert treated.one(LimbAssessment)["varicose_veins"] == 1
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_text(re.compile("Less heaviness: 6 to 2 of 10"))).to_be_visible()
    assert treated.one(FollowUp, FollowUp.id == treated.plan)["status"] == "seen"

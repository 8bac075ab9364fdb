"""A clinician's evening: the to-do list, a patient at a glance, and a person recorded twice."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PageAs, barriers, settled
from tests.factories import a_patient, a_session, a_site, an_identity, an_injection, saving
from tests.serving import Served

pytestmark = pytest.mark.browser

BORN = dt.date(1961, 2, 3)


@pytest.fixture(scope="module")
def recorded_twice(served: Served) -> None:
    """One person under two pseudonyms, each treated lately without a consent or a follow-up."""
    clinic = served.clinics[0]
    with saving(served.engine) as db:
        for number, name in (("T-1", "Twice"), ("T-2", "Twise")):
            patient = a_patient(db, clinic, pseudonym=number, enrolled_on=dt.date(2020, 1, 1))
            an_identity(
                db, clinic, patient, family_name=name, given_name="Tess", birth_date=BORN,
                hospital_number=number,
            )  # fmt: skip
            day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=20)
            session = a_session(db, clinic, patient, treated_on=day)
            site = a_site(db, clinic, patient, session)
            an_injection(db, clinic, session, treated_site_id=site)


@pytest.mark.usefixtures("recorded_twice")
def test_a_person_recorded_twice_is_linked_and_parted_again(page_as: PageAs) -> None:
    page = page_as("clinician", "/patient")
    search = page.get_by_role("textbox", name="Patient")
    expect(search).to_be_visible()
    search.fill("twic")
    search.press("Enter")
    settled(page)
    page.get_by_role("button", name="T-1").click()
    expect(page.get_by_text("Perhaps the same person")).to_be_visible()
    page.get_by_role("button", name="Link", exact=True).click()
    reason = page.get_by_label("How is it known that they are one person?")
    expect(reason).to_be_visible()
    settled(page)
    reason.fill("Same passport")
    reason.press("Enter")
    settled(page)
    link = page.get_by_role("button", name="Link the two")
    expect(link).to_be_enabled()
    settled(page)
    link.click()
    expect(page.get_by_text("Also recorded as")).to_be_visible()
    expect(page.get_by_text("Session · T-2")).to_be_visible()
    assert barriers(page) == []
    page.get_by_text("The same person under another pseudonym").click()
    page.get_by_role("button", name="Undo the link").click()
    why = page.get_by_label("Why are they two people?")
    expect(why).to_be_visible()
    settled(page)
    why.fill("A sister")
    why.press("Enter")
    settled(page)
    part = page.get_by_role("button", name="Part them")
    expect(part).to_be_enabled()
    settled(page)
    part.click()
    expect(page.get_by_text("Also recorded as")).to_have_count(0)


@pytest.mark.usefixtures("recorded_twice")
def test_a_follow_up_is_booked_from_the_to_do_list_on_a_phone(page_as: PageAs) -> None:
    page = page_as("clinician", "/to-do", width=390, height=844)
    whole = page.get_by_role("button", name="The whole clinic")
    book = page.get_by_role("button", name="Book follow-up")
    expect(page.get_by_role("heading", name="To do")).to_be_visible()
    if whole.is_visible():
        whole.click()
    expect(book).to_have_count(2)
    settled(page)
    book.first.click()
    expect(page.get_by_text("planned Check at 6 to 8 weeks")).to_be_visible()
    expect(book).to_have_count(1)
    assert barriers(page) == []

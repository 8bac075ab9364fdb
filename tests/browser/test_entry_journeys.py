"""A clinician's three journeys in a real browser: a session, a serious event, a follow-up."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from registry.database import reading
from registry.entry.rows import lot_id
from registry.schema import AdverseEvent, FollowUp, Injection, TreatedSite, TreatmentSession
from registry.vocabulary import FollowUpStatus
from tests.browser import conftest
from tests.browser.conftest import KNOWN_OF_STREAMLIT, barriers
from tests.factories import (
    PRODUCT,
    a_clinician,
    a_follow_up,
    a_lot,
    a_patient,
    a_session,
    a_site,
    an_injection,
    saving,
)
from tests.serving import Served

pytestmark = pytest.mark.browser

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
DAY = dt.timedelta(days=1)
KNOWN_OF_FIELDS = KNOWN_OF_STREAMLIT | {
    # Streamlit's own markup: its field for a day names an error message on a group.
    "aria-allowed-attr",
}


class Treated:
    """A patient treated two weeks ago, whose first check is due."""

    def __init__(self, served: Served, pseudonym: str) -> None:
        self.engine, self.clinic = served.engine, served.clinics[0]
        self.pseudonym = pseudonym
        number = int(pseudonym[-1])
        with saving(self.engine) as db:
            a_clinician(
                db, self.clinic, number, user_id=served.people["clinician"],
                display_name=f"Ada Doe {number}",
            )  # fmt: skip
            self.patient = a_patient(
                db, self.clinic, pseudonym=pseudonym, enrolled_on=TODAY - 90 * DAY
            )
            self.session = a_session(
                db, self.clinic, self.patient, treated_on=TODAY - 14 * DAY, clinician_id=number
            )
            site = a_site(db, self.clinic, self.patient, self.session)
            number_of_lot = f"L-{number}"
            lot = a_lot(
                db, self.clinic, id=lot_id(self.clinic, PRODUCT, number_of_lot),
                lot_number=number_of_lot, expires_on=TODAY + 400 * DAY,
            )  # fmt: skip
            an_injection(db, self.clinic, self.session, treated_site_id=site, lot_id=lot)
            self.plan = a_follow_up(
                db, self.clinic, self.patient, visit_code="safety_2w", due_on=TODAY,
                status=FollowUpStatus.PLANNED, seen_on=None, method=None, checklist_code=None,
                checklist_version=None, treatment_session_id=self.session,
            )  # fmt: skip

    def one(self, model: type, *where: object) -> dict[str, object]:
        with reading(self.engine) as db:
            statement = sa.select(model.__table__).where(model.patient_id == self.patient, *where)  # type: ignore[attr-defined]
            return dict(db.execute(statement).mappings().one())

    def count(self, model: type) -> int:
        with reading(self.engine) as db:
            return (
                db.scalar(
                    sa.select(sa.func.count())
                    .select_from(model)
                    .where(model.patient_id == self.patient)  # type: ignore[attr-defined]
                )
                or 0
            )


def settled(page: Page) -> None:
    """Wait until what was typed has been sent and its run has ended.

    Numbers and live texts are sent a moment after the last key.
    """
    page.wait_for_timeout(150)
    conftest.settled(page)


def choose(page: Page, label: str, typed: str, nth: int = 0) -> None:
    page.get_by_role("combobox", name=label).nth(nth).click()
    page.keyboard.type(typed)
    page.get_by_role("option").first.click()
    settled(page)


def mark(page: Page, group: str, answer: str, nth: int = 0) -> None:
    radio = (
        page.get_by_role("radiogroup", name=group)
        .nth(nth)
        .get_by_role("radio", name=answer, exact=True)
    )
    radio.click()
    expect(radio).to_be_checked()
    settled(page)


def write(page: Page, label: str, typed: str, nth: int = 0) -> None:
    field = page.get_by_role("textbox", name=label).nth(nth)
    field.fill(typed)
    field.press("Tab")
    settled(page)


def find(page: Page, pseudonym: str) -> None:
    """Type a pseudonym; the record opens when it is the only one."""
    page.get_by_role("textbox", name="Patient").press_sequentially(pseudonym.lower())
    expect(page.get_by_text(re.compile(f"^{pseudonym}")).first).to_be_visible()
    expect(page.get_by_role("button", name="Other patient")).to_be_visible()
    settled(page)


def visit(page: Page, title: str) -> None:
    sidebar = page.get_by_test_id("stSidebar")
    is_narrow = not sidebar.is_visible()
    if is_narrow:
        page.get_by_test_id("stExpandSidebarButton").click()
    sidebar.get_by_role("link", name=title, exact=True).click()
    if is_narrow:  # a phone does this by itself, a narrow window does not
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    settled(page)


def test_a_session_is_stored_once_by_a_double_click(
    page_as: Callable[..., Page], served: Served
) -> None:
    treated = Treated(served, "P-0001")
    page = page_as("clinician", height=1400)
    visit(page, "Record a session")
    find(page, "P-0001")
    page.keyboard.press("Alt+l")
    expect(page.get_by_text("all are checked")).to_be_visible()
    mark(page, "Why this session", "Planned stage")
    mark(page, "Leg", "Left")
    choose(page, "Vessel", "retic")
    choose(page, "Region or vein", "small saph")
    write(page, "mL liquid", "1,5")
    expect(page.get_by_text("Polidocanol in this session: 1.5 mL")).to_be_visible()
    assert barriers(page, KNOWN_OF_FIELDS) == []
    settled(page)
    page.get_by_role("button", name="Save session").dblclick()
    expect(page.get_by_text(re.compile(r"[Ss]aved at \d\d:\d\d"))).to_be_visible()
    assert treated.count(TreatmentSession) == 2
    assert treated.count(TreatedSite) == 1 + 1
    assert treated.count(FollowUp) == 1 + 4
    stored = treated.one(TreatmentSession, TreatmentSession.id != treated.session)
    assert str(stored["intent"]) == "planned_stage"
    with reading(treated.engine) as db:
        volumes = db.scalars(
            sa.select(Injection.liquid_ml).where(Injection.treatment_session_id == stored["id"])
        )
        assert [float(volume) for volume in volumes] == [1.5]
    assert UUID(str(stored["id"])).hex not in page.url
    assert "?" not in page.url


def test_a_serious_event_is_reported_by_keyboard_and_survives_an_error(
    page_as: Callable[..., Page], served: Served
) -> None:
    treated = Treated(served, "P-0002")
    page = page_as("clinician", height=1400)
    visit(page, "Patient")
    find(page, "P-0002")
    page.get_by_role("button", name="Report an event").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Report an event")).to_be_visible()
    settled(page)
    term = page.get_by_role("combobox", name="What happened")
    term.focus()
    page.keyboard.type("DVT dist")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_text(re.compile(r"Day 1[45] after that session"))).to_be_visible()
    mark(page, "Serious:", "Serious")
    page.get_by_role("button", name=re.compile("^Report event")).press("Enter")
    expect(page.get_by_text("Choose at least one.")).to_be_visible()
    expect(page.get_by_text("Not saved yet: 1 point above needs your answer.")).to_be_visible()
    assert barriers(page, KNOWN_OF_FIELDS) == []
    settled(page)
    page.get_by_role("button", name=re.compile("Hospital stay")).click()
    settled(page)
    mark(page, "Severity", "Moderate")
    page.get_by_text("Treatment, and what happened in words").click()
    narrative = page.get_by_role("textbox", name="What happened, without names")
    narrative.fill("Swollen calf on day 14.")
    narrative.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"Saved at \d\d:\d\d"))).to_be_visible()
    event = treated.one(AdverseEvent)
    assert event["event_term_code"] == "dvt_distal"
    assert event["treatment_session_id"] == treated.session
    assert event["criterion_hospitalisation"] is True
    assert event["criterion_death"] is False
    assert event["narrative"] == "Swollen calf on day 14."


def test_a_follow_up_on_a_phone_asks_item_by_item(
    page_as: Callable[..., Page], served: Served
) -> None:
    treated = Treated(served, "P-0003")
    page = page_as("clinician", width=390, height=844)
    visit(page, "Record a follow-up")
    page.get_by_role("button", name=re.compile("P-0003 .* Safety check")).click()
    expect(page.get_by_role("button", name="Other patient")).to_be_visible()
    settled(page)
    migraine = page.get_by_role("radiogroup", name="Migraine")
    expect(migraine.get_by_role("radio", name="Not assessed")).to_be_checked()
    page.get_by_text("I asked about all of these").click()
    expect(migraine.get_by_role("radio", name="Absent")).to_be_checked()
    settled(page)
    mark(page, "Stroke", "Not assessed")
    choose(page, "Left: Thigh, lateral", "improved")
    write(page, "Score", "40")
    assert fits(page)
    assert barriers(page, KNOWN_OF_FIELDS) == []
    settled(page)
    page.get_by_role("button", name="Save follow-up").click()
    expect(page.get_by_text(re.compile(r"Saved at \d\d:\d\d"))).to_be_visible()
    expect(page.get_by_text("1 item not assessed")).to_be_visible()
    visit_row = treated.one(FollowUp, FollowUp.id == treated.plan)
    assert str(visit_row["status"]) == "seen"
    assert visit_row["checklist_code"] == "early_14d"


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    main: Locator = page.get_by_test_id("stMain")
    return bool(main.evaluate("element => element.scrollWidth <= element.clientWidth"))

"""Does a clinician whose browser asks for German work in German, with decimal commas?"""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from registry.database import reading
from registry.schema import Injection, TreatmentSession
from tests.browser.conftest import PageAs
from tests.browser.test_entry_journeys import Treated, choose, mark, settled, visit, write
from tests.dashboard.test_report_pages import treat
from tests.serving import PASSWORD, Served

pytestmark = pytest.mark.browser


def test_a_session_is_recorded_and_a_rate_read_in_german(open_page: PageAs, served: Served) -> None:
    treat(served.engine, served.clinics[0], 20, events=3)
    treated = Treated(served, "P-0009")
    page = open_page(locale="de-DE", height=1400)
    page.goto("/record")
    expect(page.get_by_label("Benutzername")).to_be_focused()
    page.get_by_label("Benutzername").fill("clinician")
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", level=1, name="Behandlung erfassen")).to_be_visible()
    settled(page)
    page.get_by_role("textbox", name="Patient").press_sequentially("p-0009")
    expect(page.get_by_role("button", name="Anderer Patient")).to_be_visible()
    settled(page)
    page.keyboard.press("Alt+l")
    expect(page.get_by_text("alle sind geprüft")).to_be_visible()
    mark(page, "Warum diese Behandlung", "Geplanter Schritt")
    mark(page, "Bein", "Links")
    choose(page, "Gefäß", "retik")
    choose(page, "Region oder Vene", "Wade, innen")
    write(page, "mL flüssig", "0,5")
    expect(page.get_by_text("Polidocanol in dieser Behandlung: 0,5 mL")).to_be_visible()
    page.get_by_role("button", name="Behandlung speichern").click()
    expect(page.get_by_text(re.compile(r"Gespeichert um \d\d:\d\d"))).to_be_visible()
    stored = treated.one(TreatmentSession, TreatmentSession.id != treated.session)
    with reading(treated.engine) as db:
        volume = db.scalar(
            sa.select(Injection.liquid_ml).where(Injection.treatment_session_id == stored["id"])
        )
    assert float(volume or 0) == 0.5
    visit(page, "Komplikationen")
    expect(page.get_by_role("heading", name="Was gezählt wird")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^3 von 20 Behandlungen \(15,0\s%"))).to_be_visible()

"""Does what was typed outlast a reload, a sign-out, another device and a killed server?"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from registry.database import reading
from registry.schema import Draft, TreatmentSession
from tests.browser.test_entry_journeys import Treated, choose, find, mark, settled, write
from tests.serving import PASSWORD, Served, free_port, people, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A registry of its own, whose server may be killed."""
    path = tmp_path / "registry.sqlite"
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(path)
    source.backup(copy)
    source.close()
    copy.close()
    return path


def a_device(chromium: Browser, address: str, width: int = 1280) -> Page:
    context = chromium.new_context(
        base_url=address, viewport={"width": width, "height": 1200}, locale="en-GB"
    )
    context.set_default_timeout(20_000)
    return context.new_page()


def sign_in(page: Page) -> Page:
    page.goto("/record")
    page.get_by_label("User name").fill("clinician")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Record a session")).to_be_visible()
    settled(page)
    return page


def kept(page: Page, served: Served, text: str) -> None:
    """Wait until the draft holds a text."""
    for _attempt in range(800):
        with reading(served.engine) as db:
            if any(text in content for content in db.scalars(sa.select(Draft.content))):
                return
        page.wait_for_timeout(25)
    raise AssertionError("what was typed is in no draft")


def continue_(page: Page) -> None:
    expect(page.get_by_text("Session for P-0007")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Continued from your draft")).to_be_visible()
    expect(page.get_by_role("textbox", name="Note")).to_be_visible()
    settled(page)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save session").click()
    expect(page.get_by_text("Saved at")).to_be_visible()


@pytest.fixture
def devices(chromium: Browser) -> Iterator[list[Page]]:
    """Pages that were opened; closed with everything of theirs at the end."""
    opened: list[Page] = []
    yield opened
    for page in opened:
        page.context.close()


def test_half_a_session_outlasts_reload_sign_out_and_device_and_is_saved_once(
    chromium: Browser, database: Path, tmp_path: Path, devices: list[Page]
) -> None:
    with serving(database, tmp_path / "log") as served:
        served.people, served.clinics = people(served.engine)
        treated = Treated(served, "P-0007")
        page = sign_in(a_device(chromium, served.address))
        devices.append(page)
        find(page, "P-0007")
        page.keyboard.press("Alt+l")
        expect(page.get_by_text("all are checked")).to_be_visible()
        mark(page, "Leg", "Left")
        choose(page, "Region or vein", "calf, med")
        write(page, "mL liquid", "1,5")
        write(page, "Note", "half a sen")
        kept(page, served, "half a sen")

        page.reload()
        settled(page)
        continue_(page)
        expect(page.get_by_role("textbox", name="Note")).to_have_value("half a sen")

        write(page, "Note", "half a sentence")
        kept(page, served, "half a sentence")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("User name")).to_be_visible()
        sign_in(page)
        expect(page.get_by_text("Session for P-0007")).to_be_visible()

        phone = sign_in(a_device(chromium, served.address, width=390))
        devices.append(phone)
        continue_(phone)
        expect(phone.get_by_role("textbox", name="mL liquid")).to_have_value("1,5")
        save(phone)

        # The page that offered it before does not store it again.
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("Session for P-0007")).not_to_be_visible()
        assert treated.count(TreatmentSession) == 2


def test_a_killed_server_loses_neither_the_draft_nor_the_words_being_typed(
    chromium: Browser, database: Path, tmp_path: Path, devices: list[Page]
) -> None:
    port = free_port()
    with serving(database, tmp_path / "first", port=port) as served:
        served.people, served.clinics = people(served.engine)
        treated = Treated(served, "P-0007")
        page = sign_in(a_device(chromium, served.address))
        devices.append(page)
        find(page, "P-0007")
        page.keyboard.press("Alt+l")
        expect(page.get_by_text("all are checked")).to_be_visible()
        write(page, "mL liquid", "1,5")
        kept(page, served, "1,5")
        note = page.get_by_role("textbox", name="Note")
        note.click()
        expect(note).to_be_focused()
        note.press_sequentially("being typed")
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(timeout=20)
        expect(note).to_be_disabled()
    with serving(database, tmp_path / "second", port=port) as served:
        expect(note).to_be_enabled(timeout=60_000)
        mark(page, "Leg", "Left")
        expect(page.get_by_text("The server was started anew")).to_be_visible()
        note.click()
        expect(note).to_be_focused()
        note.press("End")
        note.press_sequentially(", and on")
        note.press("Tab")
        kept(page, served, "being typed, and on")
        choose(page, "Region or vein", "calf, med")
        save(page)
        with reading(served.engine) as db:
            stored = db.scalars(
                sa.select(TreatmentSession).where(
                    TreatmentSession.patient_id == treated.patient,
                    TreatmentSession.id != treated.session,
                )
            ).all()
            assert [session.note for session in stored] == ["being typed, and on"]

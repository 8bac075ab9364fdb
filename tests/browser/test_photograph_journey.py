"""A photograph in a real browser: chosen, refused or shown, beside the one before, and gone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import KNOWN_OF_STREAMLIT, PageAs, barriers, settled
from tests.factories import a_patient, a_session, a_site, an_injection, saving
from tests.serving import Served

pytestmark = pytest.mark.browser

# Streamlit's own file field: its drop zone has a label and says that it is decoration.
KNOWN = KNOWN_OF_STREAMLIT | {"presentation-role-conflict"}
IS_LOADED = "image => image.complete && image.naturalWidth > 0"


@pytest.fixture(scope="module")
def treated(served: Served) -> None:
    """A patient whose left leg was treated 60 days ago."""
    clinic = served.clinics[0]
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=60)
    with saving(served.engine) as db:
        patient = a_patient(db, clinic, pseudonym="F-1", enrolled_on=day)
        session = a_session(db, clinic, patient, treated_on=day, consent_version="2026-1")
        site = a_site(db, clinic, patient, session)
        an_injection(db, clinic, session, treated_site_id=site)


def open_patient(page: Page, pseudonym: str) -> None:
    page.get_by_role("button", name=pseudonym).click()
    expect(page.get_by_role("button", name="Add a photograph")).to_be_visible()
    settled(page)


def a_picture(folder: Path, name: str, colour: str) -> Path:
    """A photograph taken with the camera on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder / name
    Image.new("RGB", (400, 300), colour).save(path, exif=exif)
    return path


def choose(page: Page, file: Path) -> Locator:
    """Open the form if need be, and choose a file in it."""
    form = page.get_by_role("dialog")
    if not form.is_visible():
        page.get_by_role("button", name="Add a photograph").click()
        expect(form.get_by_text("Consent version")).to_be_visible()
        settled(page)
    form.locator("input[type=file]").set_input_files(file)
    expect(form.get_by_text(file.name)).to_be_visible()
    settled(page)
    return form


def store(page: Page, form: Locator, occasion: str) -> None:
    form.get_by_text("Left", exact=True).click()
    settled(page)
    form.get_by_text("Inner side", exact=True).click()
    settled(page)
    form.get_by_role("combobox", name="Taken at").click()
    page.get_by_role("option", name=occasion).click()
    settled(page)
    form.get_by_role("button", name="Store the photograph").click()
    expect(page.get_by_text("Stored: the photograph of")).to_be_visible()
    expect(form).to_have_count(0)
    settled(page)


@pytest.mark.usefixtures("treated")
def test_before_and_after_are_added_and_compared(page_as: PageAs, tmp_path: Path) -> None:
    page = page_as("clinician", "/patient")
    open_patient(page, "F-1")
    no_picture = tmp_path / "leg.jpg"
    no_picture.write_text("a text under another name")
    form = choose(page, no_picture)
    expect(form.get_by_text("This is not a photograph that can be read")).to_be_visible()
    assert barriers(page, KNOWN) == []
    form.get_by_role("button", name="Remove leg.jpg").click()
    expect(form.get_by_text("leg.jpg")).to_have_count(0)
    settled(page)
    form = choose(page, a_picture(tmp_path, "before.jpg", "tan"))
    store(page, form, "Session of")
    first = page.get_by_role("img", name="Left leg, inner side")
    expect(first).to_have_count(1)
    expect(page.get_by_text("No photograph from this side after treatment yet.")).to_be_visible()

    store(page, choose(page, a_picture(tmp_path, "after.png", "white")), "Another day")
    pictures = page.get_by_role("img", name="Left leg, inner side")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function(IS_LOADED, arg=picture.element_handle())
        # Turned upright by what the camera said.
        assert picture.evaluate("image => image.naturalWidth < image.naturalHeight")
    expect(page.get_by_text("60 days between them.")).to_be_visible()
    assert barriers(page, KNOWN) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    expect(pictures).to_have_count(2)
    assert barriers(page, KNOWN) == []

    address = str(pictures.first.get_attribute("src"))
    assert page.request.get(address).headers["content-type"] == "image/jpeg"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert page.request.get(address).status == 401

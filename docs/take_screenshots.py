"""Take every picture of the documentation anew, from a demonstration made for the purpose.

    python -m docs.take_screenshots

The demonstration is the same for the same day. A patient under treatment gets a session, with one
warning too many; another one, whose reaction is still open, a follow-up.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from registry.database import make_engine, reading
from registry.entry.barcode import GTIN_NAMESPACE
from registry.entry.rows import derived_id
from registry.operations import demo, migration
from registry.vocabulary import Role
from tests.factories import a_product_gtin, saving
from tests.serving import serving

FOLDER: Final = Path(__file__).parent / "screenshots"
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DESK, PHONE = 1280, 390
COLOURS: Final = 256
"""Kept of each picture: enough for flat pages, and a third of the bytes."""
GTIN: Final = "09501101530003"
UNDER_TREATMENT: Final = sa.text(
    "SELECT p.pseudonym, max(i.concentration_percent) FROM patient p"
    " JOIN photograph f ON f.patient_id = p.id"
    " JOIN treatment_session s ON s.patient_id = p.id"
    " JOIN injection i ON i.treatment_session_id = s.id"
    " WHERE s.treated_on < :today"
    " AND p.id NOT IN (SELECT patient_id FROM adverse_event)"
    " GROUP BY p.pseudonym"
    " HAVING count(DISTINCT f.id) >= 2 AND min(f.taken_on) = min(s.treated_on)"
    " AND min(i.product_code) = 'aethoxysklerol' AND max(i.product_code) = 'aethoxysklerol'"
    " AND min(i.form) = 'liquid' AND max(i.concentration_percent) >= 0.5"
    " AND min(i.concentration_percent) = max(i.concentration_percent)"
    " ORDER BY count(DISTINCT s.id) DESC, p.pseudonym LIMIT 1"
)
"""Treated more than once with one strength of one liquid, photographed before, and no reaction."""
STILL_OPEN: Final = sa.text(
    "SELECT p.pseudonym FROM patient p"
    " JOIN adverse_event e ON e.patient_id = p.id AND e.event_outcome = 'recovering'"
    " JOIN follow_up v ON v.patient_id = p.id AND v.status = 'planned' AND v.due_on <= :soon"
    " JOIN photograph f ON f.patient_id = p.id"
    " ORDER BY e.onset_on DESC, p.pseudonym LIMIT 1"
)


@dataclass
class Camera:
    """A page of one person, and what is needed to take pictures of it."""

    page: Page
    has_variants: bool = False

    def rest(self) -> None:
        """Wait until nothing on the page is being worked out."""
        for _ in range(2):  # one run may ask for another
            self.page.wait_for_timeout(300)
            expect(self.page.get_by_test_id("stApp")).to_have_attribute(
                "data-test-script-state", "notRunning"
            )

    def take(self, name: str, height: int, top: Locator | None = None) -> None:
        """Take pictures of this height, from ``top`` downwards or from the head of the page.

        Light, and of a step of the entry in the dark and at a phone's width as well.
        """
        self._take(name, DESK, height, top)
        if self.has_variants:
            self.page.emulate_media(color_scheme="dark")
            self._take(f"{name}-dark", DESK, height, top)
            self.page.emulate_media(color_scheme="light")
            self._take(f"{name}-phone", PHONE, max(height, 780), top)
            self.page.set_viewport_size({"width": DESK, "height": height})
            self.rest()

    def _take(self, name: str, width: int, height: int, top: Locator | None) -> None:
        self.rest()
        self.page.set_viewport_size({"width": width, "height": height})
        self.rest()
        main = self.page.get_by_test_id("stMain")
        main.evaluate("element => element.scrollTo(0, 0)")
        if top is not None:
            # Below the bar that stands over the page on a phone.
            top.first.evaluate(
                "(element, y) => element.closest('[data-testid=stMain]')"
                ".scrollBy(0, element.getBoundingClientRect().top - y)",
                84 if width == PHONE else 28,
            )
        self.page.evaluate("document.activeElement.blur()")
        self.page.mouse.move(2, height - 2)
        self.rest()
        with Image.open(BytesIO(self.page.screenshot())) as image:
            small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(FOLDER / f"{name}.png", optimize=True)

    def press(self, name: str) -> None:
        """Press the first button of this name."""
        self.rest()
        self.page.get_by_role("button", name=name).first.click()
        self.rest()

    def choose(self, label: str, typed: str, nth: int = 0) -> None:
        """Type into a list and take what it finds first."""
        self.rest()
        self.page.get_by_role("combobox", name=label).nth(nth).click()
        self.page.keyboard.type(typed)
        self.page.get_by_role("option").first.click()

    def mark(self, group: str, answer: str) -> None:
        """Press one of a row of buttons."""
        self.rest()
        row = self.page.get_by_role("radiogroup", name=group).first
        row.get_by_role("radio", name=answer, exact=True).click()

    def write(self, label: str, typed: str, nth: int = 0) -> None:
        """Type into a field and leave it."""
        self.rest()
        field = self.page.get_by_role("textbox", name=label).nth(nth)
        field.fill(typed)
        field.press("Tab")
        self.rest()
        if field.input_value() != typed:
            raise LookupError(f"{label} does not hold {typed}")

    def point_at(self, place: str) -> None:
        """Click a place on the legs."""
        self.rest()
        mark = self.page.get_by_test_id("stVegaLiteChart").locator(f"path[aria-label*='{place}']")
        mark.last.evaluate("element => element.scrollIntoView({block: 'center'})")
        box = mark.last.bounding_box()
        if box is None:
            raise LookupError(place)
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def open(self, path: str) -> None:
        """Open a page of the registry."""
        self.page.goto(path)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def find(self, pseudonym: str) -> None:
        """Open the record of a patient."""
        self.page.get_by_role("textbox", name="Patient").press_sequentially(pseudonym)
        expect(self.page.get_by_role("button", name="Other patient")).to_be_visible()
        self.rest()

    def heading(self, name: str) -> Locator:
        """A heading of the page."""
        return self.page.get_by_role("heading", name=name)


def enter(camera: Camera, under_treatment: str, strength: Decimal, still_open: str) -> None:
    """Every step of the entry, in the order of a day."""
    camera.open("/record")
    camera.rest()
    camera.page.get_by_role("textbox", name="Patient").press_sequentially(under_treatment[:-1])
    expect(camera.page.get_by_role("button", name=under_treatment)).to_be_visible()
    camera.take("search", 560)
    camera.page.get_by_role("button", name=under_treatment).click()
    fill_session(camera)
    camera.take("scan", 560, camera.heading("Drawn up"))
    camera.take("session", 900, camera.heading("Sites"))
    # Polidocanol holds 10 mg/mL per percent; the limit at 60 kg is 120 mg.
    camera.write("mL liquid", f"{13 / strength:f}", 1)
    camera.write("Weight", "60")
    camera.mark("It was done all the same", "Patient was told and agreed")
    camera.take("warning", 620, camera.page.get_by_text("Polidocanol in this session"))
    camera.page.keyboard.press("Alt+l")
    expect(camera.page.get_by_text("all are checked")).to_be_visible()
    camera.press("Save session")
    expect(camera.page.get_by_text("Saved at")).to_be_visible()
    camera.take("saved", 900)
    fill_event(camera, under_treatment)
    camera.take("event", 900)
    camera.press("Report event")
    camera.open("/follow-up")
    camera.find(still_open)
    camera.take("follow-up", 900, camera.page.get_by_text("Which visit"))
    camera.open("/patient")
    camera.find(under_treatment)
    camera.take("photographs", 800, camera.page.get_by_text("Photographs", exact=True))
    camera.take("patient", 700)
    camera.take("timeline", 420, camera.page.get_by_test_id("stVegaLiteChart"))
    camera.take("record", 620, camera.heading("So far"))
    camera.open("/to-do")
    camera.take("to-do", 800)


def fill_session(camera: Camera) -> None:
    """A scanned pack and two sites, chosen on the picture of the legs."""
    camera.rest()
    scan = camera.page.get_by_role("textbox", name="Scan a pack")
    scan.fill(f"(01){GTIN}(17)281231(10)A-4711")
    scan.press("Enter")
    expect(camera.page.get_by_text("filled in as preparation")).to_be_visible()
    camera.point_at("Left: Calf, medial")
    camera.choose("Vessel", "Reticular")
    camera.write("mL liquid", "1.5")
    camera.point_at("Left: Thigh, lateral")
    camera.write("mL liquid", "1", 1)


def fill_event(camera: Camera, pseudonym: str) -> None:
    """A mild event after the last session."""
    camera.open("/event")
    camera.find(pseudonym)
    camera.choose("What happened", "matting")
    camera.mark("Severity", "Mild")
    camera.mark("Serious", "Not serious")
    camera.mark("Relationship", "Probable")


def read(camera: Camera) -> None:
    """What a practice manager reads of the larger clinic."""
    for name, height in (("complications", 1240), ("overview", 1500), ("recurrence", 1400)):
        camera.open(f"/{name}")
        camera.choose("Clinic", "Demo Vein")
        if name == "complications":
            camera.choose("Compare by", "Sclerosant")
        camera.take(name, height)


@contextmanager
def camera_of(
    browser: Browser,
    address: str,
    account: demo.DemoAccount,
    *,
    has_variants: bool = False,
) -> Iterator[Camera]:
    """A camera of somebody who is signed in."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": DESK, "height": 900},
        color_scheme="light",
        locale="en-GB",
    )
    context.set_default_timeout(40_000)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("User name").fill(account.user_name)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    yield Camera(page, has_variants)
    context.close()


def main() -> None:
    """Make a demonstration, serve it, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=40_000)
    now = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "demo.sqlite"
        engine = make_engine(f"sqlite:///{database}")
        migration.upgrade(engine)
        demo.make_demo(engine, now=now)
        accounts = {account.role: account for account in demo.open_accounts(engine, now=now)}
        with reading(engine) as db:
            today = now.date()
            soon = today + dt.timedelta(days=14)
            under_treatment, strength = db.execute(UNDER_TREATMENT, {"today": today}).one()
            still_open = db.execute(STILL_OPEN, {"soon": soon}).scalar_one()
            clinic = db.execute(sa.text("SELECT min(id) FROM clinic")).scalar_one()
        strength = Decimal(str(strength)).normalize()
        with saving(engine) as db:
            a_product_gtin(
                db, clinic, id=derived_id(GTIN_NAMESPACE, clinic, GTIN), gtin=GTIN,
                product_code="aethoxysklerol", concentration_percent=strength,
            )  # fmt: skip
        engine.dispose()
        chromium = shutil.which("chromium")
        with serving(database, Path(folder) / "log") as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            clinician = accounts[Role.CLINICIAN]
            with camera_of(browser, served.address, clinician, has_variants=True) as camera:
                enter(camera, under_treatment, strength, still_open)
            manager = accounts[Role.PRACTICE_MANAGER]
            with camera_of(browser, served.address, manager) as camera:
                read(camera)
            browser.close()


if __name__ == "__main__":
    main()

"""Does a manager get from the overview to a figure, its link and its file?"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PageAs, barriers, settled
from tests.made_up_clinic import fill
from tests.serving import Served, people, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server over two clinics, the first with 150 patients."""
    folder = tmp_path_factory.mktemp("treated")
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(folder / "registry.sqlite")
    source.backup(copy)
    source.close()
    copy.close()
    with serving(folder / "registry.sqlite", folder / "log") as server:
        server.people, server.clinics = people(server.engine)
        fill(server.engine, server.clinics[0], 150)
        yield server


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def drawn(page: Page) -> None:
    """Wait until the report is drawn to its last heading."""
    settled(page)
    expect(page.get_by_role("heading", name="What is counted")).to_be_visible()


def cells(table: Locator) -> list[list[str]]:
    rows = table.locator("tbody tr").all()
    return [[cell.inner_text().strip() for cell in row.locator("td").all()] for row in rows]


def test_from_the_overview_to_a_filtered_figure_its_link_and_its_file(page_as: PageAs) -> None:
    page = page_as("practice_manager")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    drawn(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Complications").click()
    expect(page.get_by_role("heading", name="Complications", exact=True)).to_be_visible()
    choose(page, "Compare by", "Vessel class")
    choose(page, "Form", "Liquid")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("form=liquid"))
    expect(page).to_have_url(re.compile("by=vessel_class"))
    drawn(page)
    picture = page.get_by_test_id("stVegaLiteChart").first
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("aria-label", re.compile("Telangiectasia: "))
    described = picture.get_attribute("aria-label") or ""
    sentence = page.get_by_text(re.compile(r"sessions \(|Kaplan-Meier\. Events")).first.inner_text()
    link = page.url

    page.goto(link)
    drawn(page)
    assert page.url == link
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(picture).to_have_attribute("aria-label", described)

    page.get_by_text("Table", exact=True).click()
    table = page.get_by_role("table", name=re.compile("^Complications: "))
    expect(table).to_be_visible()
    shown = cells(table)
    menu = page.get_by_role("button", name="Take away").last
    menu.click()
    download = page.get_by_role("link", name="Table (CSV)")
    for _ in range(2):
        once = download.get_attribute("href") or ""
        with page.expect_download() as loading:
            download.click()
        expect(download).not_to_have_attribute("href", once)
    assert re.fullmatch(r"complications_\d{4}-\d\d-\d\d\.csv", loading.value.suggested_filename)
    with open(loading.value.path(), encoding="utf-8", newline="") as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert {row[0] for row in shown} == set(rows)
    for label, events, sessions, rate, *_ in shown:
        row = rows[label]
        assert (row["numerator"], row["denominator"]) == (events, sessions.replace(",", ""))
        if "%" in rate:
            assert float(rate.rstrip("%\u202f ")) == pytest.approx(
                100 * float(row["rate"]), abs=0.05
            )
    assert {row["filter"] for row in rows.values()} == {"form=liquid; clinic=1"}


def test_from_a_point_to_its_sessions_and_the_picture(page_as: PageAs) -> None:
    page = page_as("clinician", path="/complications?by=form&period=last_12_months")
    drawn(page)
    picture = page.get_by_test_id("stVegaLiteChart").first
    expect(picture).to_have_attribute("aria-label", re.compile("Liquid: "))
    points = picture.locator("g.mark-symbol path")
    expect(points.first).to_be_visible()
    points.first.click()
    link = page.get_by_role("link", name=re.compile("^[0-9]+ with the event"))
    expect(link).to_be_visible()
    events = int((link.inner_text().strip().split()[-4:])[0])
    described = picture.get_attribute("aria-label") or ""
    assert f": {events} of " in described

    menu = page.get_by_role("button", name="Take away").first
    menu.click()
    files = {}
    for name in ("Picture (PNG)", "Workbook (XLSX)"):
        file = page.get_by_role("link", name=name)
        with page.expect_download() as loading:
            file.click()
        files[name] = Path(loading.value.path()).read_bytes()
    assert files["Picture (PNG)"].startswith(b"\x89PNG\r\n")
    sheet = load_workbook(io.BytesIO(files["Workbook (XLSX)"]))["Table"]
    header, *rows = sheet.iter_rows(values_only=True)
    counts = {
        row[header.index("label")]: (
            row[header.index("numerator")],
            row[header.index("denominator")],
        )
        for row in rows
    }
    for label, (numerator, denominator) in counts.items():
        if label != "All sessions":
            assert f"{label}: {numerator} of {denominator} " in described
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Picture (PNG)")).to_have_count(0)

    link.click()
    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    unit = "session" if events == 1 else "sessions"
    expect(page.get_by_role("heading", name=re.compile(f"^{events} {unit}"))).to_be_visible()
    expect(page).to_have_url(re.compile("period=last_12_months"))
    expect(page).to_have_url(re.compile("measure=events"))
    records = page.locator(".st-key-records button")
    expect(records).to_have_count(events)
    address = page.url
    pseudonym = records.first.inner_text().strip()
    records.first.click()
    expect(page.get_by_role("heading", name="Patient", exact=True)).to_be_visible()
    expect(page.get_by_text(pseudonym).first).to_be_visible()
    assert pseudonym not in page.url

    page.goto(address)
    expect(page.get_by_role("heading", name=re.compile(f"^{events} {unit}"))).to_be_visible()
    expect(page.locator(".st-key-records button")).to_have_count(events)
    assert page.url == address


def test_the_filter_goes_along_and_the_way_back_leads_back(page_as: PageAs) -> None:
    page = page_as("clinician", path="/complications?form=foam")
    drawn(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Recurrence").click()
    expect(page.get_by_role("heading", name="Recurrence", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/recurrence\?form=foam"))
    drawn(page)
    page.go_back()
    if "/recurrence" in page.url:
        # Streamlit may note the page and its filter as two steps.
        expect(page.get_by_role("button", name="Clear", exact=True)).to_have_count(0)
        page.go_back()
    expect(page.get_by_role("heading", name="Complications", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/complications\?form=foam$"))
    drawn(page)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page).not_to_have_url(re.compile("form="))


@pytest.mark.parametrize(
    "path",
    ["/", "/complications?by=event", "/complications?by=form", "/recurrence?by=vessel_class"],
)
def test_every_reading_page_is_accessible_and_fits_a_phone(page_as: PageAs, path: str) -> None:
    page = page_as("practice_manager", path=path)
    drawn(page)
    picture = page.get_by_test_id("stVegaLiteChart").first
    expect(picture).to_be_visible()
    assert barriers(page) == []
    page.set_viewport_size({"width": 390, "height": 900})
    page.reload()
    drawn(page)
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("who", ["clinician", "auditor"])
def test_the_records_behind_a_figure_are_accessible_on_a_phone_too(
    page_as: PageAs, who: str
) -> None:
    page = page_as(who, path="/sessions-behind?measure=events", width=390)
    expect(page.get_by_role("heading", name=re.compile("^[0-9]+ sessions"))).to_be_visible()
    expect(page.locator(".st-key-records button").first).to_be_visible()
    settled(page)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

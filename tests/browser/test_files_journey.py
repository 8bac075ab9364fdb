"""Files in and out as a data manager takes them, in a real browser."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from registry import audit
from registry.exchange import read_files
from registry.operations.migration import command_line_actor
from registry.schema import Clinic
from tests.browser.conftest import KNOWN_OF_STREAMLIT, PageAs, barriers
from tests.serving import Served

pytestmark = pytest.mark.browser

PATIENTS = 12
KNOWN = KNOWN_OF_STREAMLIT | {
    # Streamlit's own file field: its drop zone has a label and says that it is decoration.
    "presentation-role-conflict",
    # A wide table scrolls in a box of its own, which Chromium lets the keyboard reach and axe does
    # not know of.
    "scrollable-region-focusable",
}


@pytest.fixture
def real_clinic(served: Served) -> None:
    """The clinics of the server are no demonstration: they take files."""
    by = command_line_actor(served.engine)
    with audit.transaction(served.engine, by, audit.Cause("add_clinic")) as db:
        db.execute(sa.update(Clinic).values(is_demo=False))


def fetch(page: Page, link: Locator, folder: Path) -> Path:
    with page.expect_download() as loading:
        link.click()
    path = folder / loading.value.suggested_filename
    loading.value.save_as(path)
    return path


def filled(template: Path, folder: Path, *, treated_on: str) -> list[Path]:
    """The template's files with patients, a session and an injection each, and one event."""
    keys = [f"P-{number:04d}" for number in range(1, PATIENTS + 1)]
    content = {
        "patients.csv": [
            {"patient_key": key, "enrolled_on": "2026-01-05", "birth_year": "1970"} for key in keys
        ],
        "sessions.csv": [
            {"session_key": f"S-{key}", "patient_key": key, "treated_on": "2026-01-10"}
            for key in keys
        ],
        "injections.csv": [
            {
                "session_key": f"S-{key}",
                "product_code": "aethoxysklerol",
                "form": "foam",
                "concentration_percent": "0.5",
                "liquid_ml": "1",
                "gas": "air",
                "gas_ml": "4",
            }
            for key in keys
        ],
        "events.csv": [
            {
                "event_key": "E1",
                "patient_key": keys[0],
                "event_term_code": "skin_necrosis",
                "onset_on": "2026-01-15",
                "reported_on": "2026-01-20",
                "session_key": f"S-{keys[0]}",
            }
        ],
    }
    content["sessions.csv"][7]["treated_on"] = treated_on
    folder.mkdir(exist_ok=True)
    paths = []
    with zipfile.ZipFile(template) as archive:
        for name, rows in content.items():
            header = next(csv.reader(io.StringIO(archive.read(name).decode())))
            path = folder / name
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, header)
                writer.writeheader()
                writer.writerows(rows)
            paths.append(path)
    return paths


@pytest.mark.usefixtures("real_clinic")
def test_template_error_correction_import_rates_export(page_as: PageAs, tmp_path: Path) -> None:
    page = page_as("data_manager", "/overview")
    expect(page.get_by_text("No treatment session is registered")).to_be_visible()
    page.get_by_role("link", name="Files").click()
    expect(page.get_by_role("heading", name="Files", exact=True)).to_be_visible()
    expect(page.get_by_text("Up to 20 MiB and 200,000 rows.")).to_be_visible()
    template = fetch(page, page.get_by_role("link", name="Template"), tmp_path)

    chooser = page.locator("input[type=file]")
    chooser.set_input_files(filled(template, tmp_path / "wrong", treated_on="10.01.2026"))
    expect(page.get_by_text("1 problem must be put right before")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="treated_on")
    expect(row).to_contain_text("sessions.csv")
    expect(row).to_contain_text("9")
    expect(page.get_by_role("button", name="Import", exact=True)).to_have_count(0)
    assert barriers(page, KNOWN) == []

    page.reload()
    expect(page.get_by_role("heading", name="Files", exact=True)).to_be_visible()
    paths = filled(template, tmp_path / "right", treated_on="2026-01-10")
    packed = tmp_path / "right.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    chooser.set_input_files(packed)
    expect(page.get_by_text("37 rows are new and can be imported.")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).dblclick()
    expect(page.get_by_text("Stored all 37 rows on")).to_be_visible()
    page.get_by_role("link", name="See the overview").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Files")
    expect(page.get_by_text("No treatment session is registered")).to_have_count(0)
    expect(page.get_by_text("Sessions: 12, patients:").first).to_be_visible()
    page.get_by_role("link", name="Complications").first.click()
    expect(page.get_by_text(re.compile(r"\b1 of 12\b")).first).to_be_visible()

    page.get_by_role("link", name="Files").click()
    chooser.set_input_files(packed)
    expect(page.get_by_text("These very files were imported on")).to_be_visible()

    page.get_by_role("tab", name="Export").click()
    page.get_by_role("button", name="Prepare the archive").click()
    archive_path = fetch(page, page.get_by_role("link", name="Fetch the archive"), tmp_path)
    content = read_files(archive_path)
    assert len(content.tables["sessions.csv"].rows) == PATIENTS
    assert len(content.tables["events.csv"].rows) == 1
    expect(page.get_by_role("link", name="Fetch the archive")).to_have_count(0)


@pytest.mark.usefixtures("real_clinic")
def test_an_auditor_verifies_on_a_phone_what_was_imported(page_as: PageAs) -> None:
    page = page_as("auditor", "/audit", width=390, height=844)
    expect(page.get_by_role("heading", name="Audit", exact=True)).to_be_visible()
    page.get_by_role("button", name="Verify the trail").click()
    expect(page.get_by_text("The trail is whole.")).to_be_visible()
    page.get_by_role("tab", name="Changes").click()
    page.get_by_text("Clinic added").first.click()
    expect(page.get_by_role("cell", name="Demonstration", exact=False).first).to_be_visible()
    page.get_by_role("tab", name="Accesses").click()
    expect(page.get_by_role("cell", name="Verified the audit trail").first).to_be_visible()
    assert barriers(page, KNOWN) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

"""Do figures and tables leave as files that say the same, and is each leaving written down?"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from typing import Any

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import downloads
from registry.analysis import reports
from registry.analysis.cohort import CohortFilter
from registry.database import reading
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog
from registry.vocabulary import Role, SclerosantForm
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import TODAY, shown, treat

PAGE = "views/complications.py"


@pytest.fixture
def treated(sqlite_engine: Engine) -> tuple[Engine, int]:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 30, events=3)
    treat(sqlite_engine, clinic_id, 40, form=SclerosantForm.FOAM)
    return sqlite_engine, clinic_id


@pytest.fixture
def app(app_as: Any, treated: tuple[Engine, int]) -> AppTest:
    engine, clinic_id = treated
    app: AppTest = app_as(Role.PRACTICE_MANAGER, engine, PAGE, clinic_id=clinic_id)
    app.selectbox(key="complications_by").set_value("form").run()
    return app


def fetched(app: AppTest, menu: str) -> dict[str, bytes]:
    """Open a menu and fetch each of its files, by ending."""
    app.session_state[menu] = True
    app.run()
    assert not app.exception
    files = {}
    for link in app.get("link_button"):
        key = link.proto.url.removeprefix(downloads.PATH)
        person = downloads._offers[key].user_id
        taken = downloads.take(key, person, now=dt.datetime.now(dt.UTC))
        assert taken is not None
        # Whether there is one for sharing depends on how long last year is over.
        if "for_sharing" not in taken.name:
            files[taken.name.rpartition(".")[2]] = taken.content()
    app.session_state[menu] = False
    app.run()
    return files


def taken(engine: Engine) -> list[tuple[str, int | None, str | None]]:
    with reading(engine) as db:
        rows = db.execute(
            sa.select(AccessLog.action, AccessLog.row_count, AccessLog.detail)
            .where(AccessLog.action.like("download%"))
            .order_by(AccessLog.id)
        )
        return [(row.action, row.row_count, row.detail) for row in rows]


def test_nothing_is_logged_before_somebody_asks(app: AppTest, treated: tuple[Engine, int]) -> None:
    assert [link.proto.label for link in app.get("link_button")] == ["PDF"]
    assert taken(treated[0]) == []


def test_files_hold_what_the_table_shows(app: AppTest) -> None:
    files = fetched(app, "complications_files")
    assert set(files) == {"csv", "pdf", "xlsx"}
    rows = {row["label"]: row for row in csv.DictReader(io.StringIO(files["csv"].decode()))}
    sheet = load_workbook(io.BytesIO(files["xlsx"]))["Table"]
    header, *lines = [[cell.value for cell in line] for line in sheet.iter_rows()]
    typed = {row["label"]: row for row in (dict(zip(header, line, strict=True)) for line in lines)}
    assert len(shown(app)) == len(rows) == len(typed)
    for label, events, sessions, rate, *_ in shown(app):
        row = rows[label]
        assert (row["numerator"], row["denominator"]) == (events, sessions)
        assert (typed[label]["numerator"], typed[label]["denominator"]) == (
            int(events),
            int(sessions),
        )
        assert typed[label]["rate"] == pytest.approx(float(row["rate"]))
        if events != "0":
            assert rate == f"{100 * float(row['rate']):.1f} %"
    assert {row["data_as_of"] for row in rows.values()} == {TODAY.isoformat()}
    assert {row["taken_by"] for row in rows.values()} == {"Practice_Manager1 Example"}


def test_the_second_sheet_says_everything_and_the_digest_can_be_checked(
    app: AppTest, treated: tuple[Engine, int]
) -> None:
    engine, _ = treated
    sheet = load_workbook(io.BytesIO(fetched(app, "complications_files")["xlsx"]))["Definitions"]
    said = {name.value: text.value for name, text in sheet.iter_rows()}
    report = reports.report(
        engine,
        command_line_actor(engine),
        "complications",
        CohortFilter(),
        today=TODAY,
        group_by="form",
    )
    canonical = json.dumps(
        report.to_rows(), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    assert said["SHA-256 of the rows"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert said["Title"] == "Complications: Any complication within 30 days"
    assert said["Unit of analysis"] == "sessions"
    assert "at least 70 days old" in said["Definition"]
    assert said["Sessions"] == "all days"
    assert "3 of 70 sessions" in said["Result"]
    assert said["Intervals"] == "95 %; Clopper-Pearson; exact, one-sided"
    assert said["Data as of"] == TODAY.isoformat()
    assert said["Taken by"] == "Practice_Manager1 Example"


def test_a_figure_leaves_as_picture_and_as_table(app: AppTest, treated: tuple[Engine, int]) -> None:
    app.multiselect(key="filter_form").set_value(["liquid"]).run()
    files = fetched(app, "complications_picture_files")
    assert set(files) == {"pdf", "png", "svg", "csv", "xlsx"}
    assert files["png"].startswith(b"\x89PNG")
    drawing = files["svg"].decode()
    assert "3 of 30 sessions" in drawing
    assert "Form: Liquid" in drawing
    assert "Practice_Manager1 Example" in drawing
    printed, in_menu, *log = taken(treated[0])
    assert printed == in_menu
    assert printed[0] == "download_report"
    assert [action for action, *_ in log] == ["download_figure"] * 2 + ["download_table"] * 2
    for ending, (_, count, detail) in zip(("png", "svg", "csv", "xlsx"), log, strict=True):
        assert count == 2
        assert detail is not None
        assert detail.startswith(f"complications.{ending}; form=liquid; rows ")
        assert len(detail.split("rows ")[1]) == 64


@pytest.mark.parametrize(
    ("page", "menus"),
    [
        ("views/recurrence.py", ["recurrence_files"]),
        ("views/overview.py", ["overview_visits_files", "follow_up_files"]),
    ],
)
def test_other_pages_have_the_same_menu(app: AppTest, page: str, menus: list[str]) -> None:
    app.switch_page(page).run()
    for menu in menus:
        assert {"csv", "xlsx"} <= set(fetched(app, menu))

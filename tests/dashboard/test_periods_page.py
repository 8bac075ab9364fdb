"""Does the page print the clinic, keep a period, and show it again as it was?"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
import sqlalchemy as sa
from pypdf import PdfReader
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import downloads
from registry.database import reading
from registry.schema import AccessLog, ReportingPeriod
from registry.vocabulary import Role
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import TODAY, charts, everything, treat
from tests.factories import saving

PAGE = "views/periods.py"
FIRST, LAST = TODAY - dt.timedelta(days=330), TODAY - dt.timedelta(days=241)


@pytest.fixture
def treated(sqlite_engine: Engine) -> tuple[Engine, int]:
    clinic_id = a_clinic(sqlite_engine, "leg")
    treat(sqlite_engine, clinic_id, 20, events=3)
    return sqlite_engine, clinic_id


@pytest.fixture
def app(app_as: Any, treated: tuple[Engine, int]) -> AppTest:
    engine, clinic_id = treated
    app: AppTest = app_as(Role.PRACTICE_MANAGER, engine, PAGE, clinic_id=clinic_id)
    return app


def fetched(app: AppTest, label: str) -> str:
    """All words of the PDF behind a link, on one line."""
    [link] = [link for link in app.get("link_button") if link.proto.label == label]
    key = link.proto.url.removeprefix(downloads.PATH)
    taken = downloads.take(key, downloads._offers[key].user_id, now=dt.datetime.now(dt.UTC))
    assert taken is not None
    assert taken.name.endswith(".pdf")
    return text_of(taken.content())


def text_of(pdf: bytes) -> str:
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def freeze(app: AppTest, name: str, last: dt.date = LAST) -> None:
    app.text_input(key="freeze_name").set_value(name)
    app.date_input(key="freeze_first").set_value(FIRST)
    app.date_input(key="freeze_last").set_value(last)
    next(b for b in app.button if b.label == "Freeze the period").click().run()
    assert not app.exception


def open_period(app: AppTest, engine: Engine) -> None:
    with reading(engine) as db:
        period = db.scalar(sa.select(ReportingPeriod.id))
    app.session_state[f"period:{period}"] = True
    app.run()
    assert not app.exception


def test_the_clinic_in_print_says_the_counts_of_its_pages(
    app: AppTest, treated: tuple[Engine, int]
) -> None:
    assert [title.value for title in app.title] == ["Reports"]
    assert "No period is kept yet" in everything(app)
    said = fetched(app, "Report of the clinic (PDF)")
    for part in ("Leggate Veins", "3 of 20 sessions", "Check at 6 to 8 weeks: 20 of 20 seen"):
        assert part in said
    with reading(treated[0]) as db:
        action, detail, count = db.execute(
            sa.select(AccessLog.action, AccessLog.detail, AccessLog.row_count).where(
                AccessLog.action.like("download%")
            )
        ).one()
    assert action == "download_report"
    assert detail.startswith("clinic_report.pdf; ")
    assert count > 4


def test_a_kept_period_shows_its_numbers_and_what_changed_since(
    app: AppTest, treated: tuple[Engine, int]
) -> None:
    engine, clinic_id = treated
    freeze(app, "2026 Q1 <b>*x*</b>")
    assert "“2026 Q1 <b>*x*</b>” is kept as it is today." in (
        app.success[0].value.replace("\\", "")
    )
    open_period(app, engine)
    assert "Nothing of it has changed since." in everything(app)
    assert "3 of 20 sessions" in everything(app)
    assert len(charts(app)) >= 2
    before = fetched(app, "PDF")
    treat(engine, clinic_id, 5, events=1)
    app.run()
    assert "3 of 20 sessions" in everything(app)
    assert "Records of the period since then: 26 added, 0 amended, 0 withdrawn." in (
        everything(app)
    )
    after = fetched(app, "PDF")
    assert "3 of 20 sessions" in after
    assert "Report of the clinic: 2026 Q1 <b>*x*</b>" in after
    assert len(before.split()) == len(after.split())
    assert "4 of 25 sessions" in fetched(app, "Report of the clinic (PDF)")


def test_what_cannot_be_frozen_is_told_beside_its_field(
    app: AppTest, treated: tuple[Engine, int]
) -> None:
    freeze(app, " ", last=TODAY)
    assert [error.value.replace("\\", "") for error in app.error] == [
        "Give the period a name of 1 to 80 characters on one line.",
        "The period is not over yet. Freeze it from the day after.",
    ]
    with reading(treated[0]) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(ReportingPeriod)) == 0
    freeze(app, "Over")
    assert not app.error


def test_a_withdrawn_period_says_so_and_stays(app: AppTest, treated: tuple[Engine, int]) -> None:
    engine, _clinic_id = treated
    freeze(app, "Wrong")
    open_period(app, engine)
    next(b for b in app.button if b.label == "Withdraw the period").click().run()
    assert "why it is withdrawn" in app.error[0].value
    app.text_area[0].set_value("The wrong quarter")
    next(b for b in app.button if b.label == "Withdraw the period").click().run()
    assert app.success[0].value == "“Wrong” is withdrawn\\. It stays readable\\."
    open_period(app, engine)
    assert "Withdrawn" in everything(app)
    assert "3 of 20 sessions" in everything(app)
    assert not app.text_area
    assert "WITHDRAWN on" in fetched(app, "PDF")


def test_a_period_that_was_tampered_with_is_not_shown(
    app: AppTest, treated: tuple[Engine, int]
) -> None:
    engine, _clinic_id = treated
    freeze(app, "Kept")
    with saving(engine) as db:
        stored = db.scalars(sa.select(ReportingPeriod)).one()
        stored.content = stored.content.replace("3 of 20", "0 of 20")
    open_period(app, engine)
    assert "are not those that were kept" in everything(app)
    assert "0 of 20" not in everything(app)


def test_who_only_reads_is_offered_no_freezing(app_as: Any, treated: tuple[Engine, int]) -> None:
    engine, clinic_id = treated
    app = app_as(Role.AUDITOR, engine, PAGE, clinic_id=clinic_id)
    assert [title.value for title in app.title] == ["Reports"]
    assert not app.text_input
    assert "3 of 20 sessions" in fetched(app, "Report of the clinic (PDF)")

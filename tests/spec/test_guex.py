"""The published registry of Guex 2005, imported, gives the figures that its counts give."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis.benchmarks import published_beside
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.results import Basis, RateRow
from registry.database import make_engine
from registry.exchange import UPLOAD_LIMITS, carry_out, read_files
from registry.operations.migration import command_line_actor
from tests.factories import NOW, a_clinic, saving

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ARCHIVE = EXAMPLES / "guex_2005.zip"
TODAY = NOW.date()
EVERYTHING = CohortFilter()


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", EXAMPLES / "guex_2005" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def imported(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Actor]]:
    path = tmp_path_factory.mktemp("guex") / "registry.sqlite"
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(path)
    source.backup(copy)
    source.close()
    copy.close()
    engine = make_engine(f"sqlite:///{path}")
    with saving(engine) as db:
        clinic_id = a_clinic(db, code="GUEX", name="Guex 2005, synthetic", jurisdiction="EU")
    by = command_line_actor(engine)
    report = carry_out(engine, by, clinic_id, read_files(ARCHIVE), now=NOW)
    assert report.stored["sessions.csv"] == 12_173
    yield engine, by
    engine.dispose()


def test_the_archive_is_what_the_generator_makes(generator: ModuleType, tmp_path: Path) -> None:
    made = generator.build(tmp_path / "guex.zip")
    assert read_files(made).content_digest == read_files(ARCHIVE).content_digest
    assert ARCHIVE.stat().st_size < 2**20


def test_the_archive_may_be_uploaded() -> None:
    parsed = read_files(ARCHIVE.read_bytes(), limits=UPLOAD_LIMITS)
    assert {name: len(table.rows) for name, table in parsed.tables.items() if table.rows} == {
        "patients.csv": 12_173,
        "sessions.csv": 5_434 + 6_395 + 344,
        "injections.csv": 5_434 + 6_395 + 2 * 344,
        "events.csv": 12 + 37,
        "follow_ups.csv": 12_173,
        "findings.csv": 12 + 37,
    }


def test_published_counts_are_met_in_the_files() -> None:
    tables = read_files(ARCHIVE).tables
    sessions = [row.values for row in tables["sessions.csv"].rows]
    events = [row.values for row in tables["events.csv"].rows]
    assert sum(row["guidance"] == "ultrasound" for row in sessions) == 4_088
    assert Counter(row["event_term_code"] for row in events) == {
        "visual_disturbance": 20,
        "dvt_proximal": 1,
        "any_incident": 28,
    }
    assert len({row["session_key"] for row in events}) == 49
    assert {(row["treated_on"].year, row["treated_on"].weekday() < 5) for row in sessions} == {
        (2003, True)
    }


def of(rows: tuple[RateRow, ...], code: str) -> RateRow:
    return next(row for row in rows if row.code == code)


def limits(row: RateRow) -> tuple[float, float]:
    """The interval in percent, to three decimals."""
    interval = row.estimate.interval
    assert interval.lower is not None
    assert interval.upper is not None
    return round(100 * interval.lower, 3), round(100 * interval.upper, 3)


def test_every_session_is_mature_and_assessed(imported: tuple[Engine, Actor]) -> None:
    report = complications(*imported, EVERYTHING, today=TODAY)
    assert (report.total.sessions, report.total.mature, report.total.assessed) == (12_173,) * 3
    assert report.total.basis is Basis.PROPORTION


@pytest.mark.parametrize(
    ("form", "events", "sessions", "percent", "interval"),
    [
        ("total", 49, 12_173, 0.40, (0.305, 0.532)),
        ("liquid", 12, 5_434, 0.22, (0.126, 0.386)),
        ("foam", 37, 6_395, 0.58, (0.420, 0.796)),
    ],
)
def test_incidents_by_form(
    imported: tuple[Engine, Actor],
    form: str,
    events: int,
    sessions: int,
    percent: float,
    interval: tuple[float, float],
) -> None:
    report = complications(*imported, EVERYTHING, today=TODAY, group_by="form")
    row = report.total if form == "total" else of(report.rows, form)
    assert (row.events, row.mature) == (events, sessions)
    assert row.estimate.value is not None
    assert round(100 * row.estimate.value, 2) == percent
    assert limits(row) == interval


def test_sessions_with_both_forms_have_no_incident_and_an_upper_bound(
    imported: tuple[Engine, Actor],
) -> None:
    report = complications(*imported, EVERYTHING, today=TODAY, group_by="form")
    mixed = of(report.rows, "mixed")
    assert (mixed.events, mixed.mature) == (0, 344)
    upper = mixed.estimate.interval.upper
    assert upper is not None
    assert 3 / 344 * 0.9 < upper < 3 / 344 * 1.3


def test_visual_disturbances_and_the_one_thrombosis(imported: tuple[Engine, Actor]) -> None:
    report = complications(*imported, EVERYTHING, today=TODAY)
    counted = {row.code: row.events for row in report.rows}
    assert counted == {"any_incident": 28, "dvt_proximal": 1, "visual_disturbance": 20}
    assert limits(of(report.rows, "visual_disturbance")) == (0.106, 0.254)
    by_form = complications(
        *imported, EVERYTHING, today=TODAY, event="visual_disturbance", group_by="form"
    )
    assert {row.code: row.events for row in by_form.rows} == {"liquid": 1, "foam": 19, "mixed": 0}
    assert [count for _, count in report.serious] == [1]


def test_the_published_rate_is_compared_where_nobody_asked_item_by_item(
    imported: tuple[Engine, Actor],
) -> None:
    engine, by = imported
    report = complications(engine, by, EVERYTHING, today=TODAY)
    beside = {item.benchmark.code: item for item in published_beside(engine, by, report)}
    assert str(beside["guex_any"].verdict) == "Compatible with the published rate."


def test_guidance_shows_what_the_counts_give_not_what_is_printed(
    imported: tuple[Engine, Actor],
) -> None:
    report = complications(*imported, EVERYTHING, today=TODAY, group_by="guidance")
    guided = of(report.rows, "ultrasound").sessions
    assert (guided, report.total.sessions) == (4_088, 12_173)
    assert round(100 * guided / report.total.sessions, 1) == 33.6


def test_the_example_speaks_of_its_assumptions() -> None:
    page = (EXAMPLES / "guex_2005" / "README.md").read_text(encoding="utf-8")
    for words in ("synthetic", "37/6,739", "33.6", "19 of the 20", "Assumed"):
        assert words in page
    assert dt.date(2003, 1, 1).isoformat() in page

"""Do the page, the command line, its files and the lists behind count alike under any filter?"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboard.take_away import File, printed_file, table_file
from registry import cli
from registry.analysis import reports
from registry.analysis.behind import records_behind
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import colophon
from registry.analysis.complications import GROUPINGS
from registry.analysis.openable_counts import Behind
from registry.analysis.report_counts import groups_of
from registry.database import make_engine
from registry.operations.migration import command_line_actor
from registry.vocabulary import Role, SclerosantForm
from tests.dashboard.conftest import a_clinic
from tests.dashboard.test_report_pages import TODAY, everything, shown
from tests.made_up_clinic import fill

KINDS = ("csv", "xlsx", "pdf")
Counts = dict[str, tuple[int, int]]
"""Events and sessions by the label of a row."""

COHORTS = st.builds(
    CohortFilter,
    st.none() | st.dates(TODAY - dt.timedelta(days=900), TODAY - dt.timedelta(days=400)),
    st.none() | st.dates(TODAY - dt.timedelta(days=399), TODAY),
    st.fixed_dictionaries(
        {}, optional={"form": st.sets(st.sampled_from([*SclerosantForm]), min_size=1).map(tuple)}
    ),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("counted") / "registry.sqlite"
    shutil.copy(migrated_sqlite, path)
    engine = make_engine(f"sqlite:///{path}")
    fill(engine, a_clinic(engine, "leg"), 60)
    yield engine
    engine.dispose()


@pytest.fixture
def app(app_as: Any, filled: Engine) -> AppTest:
    app: AppTest = app_as(Role.CLINICIAN, filled, clinic_id=a_clinic(filled, "leg"))
    return app


def digits(text: object) -> int:
    return int(re.sub(r"\D", "", str(text)))


def on_the_page(app: AppTest, query: dict[str, str]) -> list[list[str]]:
    """Rows of the page's table; none where the page says that there is nothing to count."""
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("views/complications.py").run()
    assert not app.exception
    if app.metric:
        return shown(app)
    assert re.search("No session fits this filter|is old enough yet", everything(app))
    return []


def in_rows(rows: list[dict[str, Any]]) -> Counts:
    return {
        str(row["label"]): (digits(row["numerator"]), digits(row["denominator"])) for row in rows
    }


def in_a_workbook(content: bytes) -> Counts:
    names, *rows = load_workbook(io.BytesIO(content))["Table"].iter_rows(values_only=True)
    return in_rows([dict(zip(map(str, names), row, strict=True)) for row in rows])


def in_a_csv(content: bytes) -> Counts:
    return in_rows(list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))))


def in_print(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    words = " ".join(" ".join(page.extract_text() for page in pages).split())
    return words.replace("\u00a0", " ")


def by_command(engine: Engine, cohort: CohortFilter, by: str, format_: str) -> bytes:
    days = [
        f"--{name}={value}" for name, value in cohort.to_query().items() if name in {"from", "to"}
    ]
    arguments = ["report", "complications", "--by", by, *days, "--format", format_]
    done = CliRunner().invoke(cli.app, [*arguments, "--database", str(engine.url)])
    assert done.exit_code == 0, done.output
    return done.stdout_bytes


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cohort=COHORTS, by=st.sampled_from(GROUPINGS))
def test_every_face_of_a_report_shows_the_same_counts(
    app: AppTest, filled: Engine, cohort: CohortFilter, by: str
) -> None:
    rows = on_the_page(app, cohort.to_query() | {"by": by})
    counts = {row[0]: (digits(row[1]), digits(row[2])) for row in rows}
    actor, now = command_line_actor(filled), dt.datetime.now(dt.UTC)
    report = reports.report(filled, actor, "complications", cohort, today=TODAY, group_by=by)
    assert bool(counts) == bool(report.to_rows())
    if not counts:
        return
    taken = colophon(filled, actor, report, now=now)
    taken_away = [[table_file(kind, report, taken) for kind in (File.CSV, File.XLSX)]]
    taken_away[0].append(printed_file(report, taken))
    if not cohort.levels:  # the command filters by day and clinic
        taken_away.append([by_command(filled, cohort, by, kind) for kind in KINDS])
    for table, workbook, printed in taken_away:
        words = in_print(printed)
        assert in_a_csv(table) == in_a_workbook(workbook) == counts
        assert [row for row in rows if " ".join(row[1:4]) not in words] == []
        assert taken.data_hash in words
        assert [day for day in cohort.to_query().values() if str(day) not in words] == []
    for group, label in random.Random(1).sample(sorted(groups_of(report).items()), 2):  # noqa: S311
        listed = tuple(
            records_behind(
                filled,
                actor,
                Behind("complications", cohort, TODAY, measure, by, group),
                now=now,
                log=filled,
            ).count
            for measure in ("events", "mature")
        )
        assert listed == counts[str(label)], group

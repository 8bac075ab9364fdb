"""Do rows, digests and kept periods say the same whatever language their maker reads?"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import Engine

from dashboard.take_away import File, content_to_keep, table_file
from registry.access import Actor
from registry.analysis import reports
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import colophon
from registry.analysis.frozen import (
    changed_since,
    cohort_of,
    figures_changed,
    kept_period,
    standard_set,
)
from registry.analysis.results import result_for_programs, rows_for_programs
from registry.database import make_engine
from registry.entry.reporting_periods import PeriodToKeep, freeze_period
from registry.language import speaking
from registry.operations.migration import command_line_actor
from registry.vocabulary import Language
from tests.dashboard.conftest import a_clinic
from tests.factories import NOW, TODAY
from tests.made_up_clinic import fill

LAST = TODAY - dt.timedelta(days=200)
FIRST = LAST - dt.timedelta(days=365)
WITH_NUMBERS_AND_DAYS = {"complications": ("concentration", "month"), "comparison": ("month",)}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("spoken") / "registry.sqlite"
    shutil.copy(migrated_sqlite, path)
    engine = make_engine(f"sqlite:///{path}")
    fill(engine, a_clinic(engine, "leg"), 40)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", reports.QUESTIONS)
def test_rows_and_their_digest_are_those_of_an_english_reader(clinic: Engine, name: str) -> None:
    by = command_line_actor(clinic)
    question = reports.QUESTIONS[name]
    for grouping in (question.default_grouping, *WITH_NUMBERS_AND_DAYS.get(name, ())):
        made = {}
        for language in Language:
            with speaking(language):
                report = reports.report(
                    clinic, by, name, CohortFilter(), today=TODAY, group_by=grouping
                )
                taken = colophon(clinic, by, report, now=NOW)
                made[language] = (
                    taken.data_hash,
                    rows_for_programs(report),
                    json.dumps(result_for_programs(report)["title"]),
                    table_file(File.CSV, report, taken),
                )
        assert made[Language.GERMAN] == made[Language.ENGLISH]


def keep(engine: Engine, by: Actor, clinic_id: int, name: str) -> PeriodToKeep:
    found = standard_set(engine, by, cohort_of(clinic_id, FIRST, LAST), today=TODAY)
    with_origin = [(report, colophon(engine, by, report, now=NOW)) for report in found]
    seal = found[0].heading.seal
    return PeriodToKeep(name, FIRST, LAST, TODAY, seal, content_to_keep(with_origin))


def test_a_period_kept_by_a_german_reader_reads_the_same_to_an_english_one(clinic: Engine) -> None:
    by, clinic_id = command_line_actor(clinic), a_clinic(clinic, "leg")
    english = keep(clinic, by, clinic_id, "Year")
    with speaking(Language.GERMAN):
        german = keep(clinic, by, clinic_id, "Year")
        kept = freeze_period(clinic, by, clinic_id, german, request_key=uuid4(), now=NOW)
    _period, content = kept_period(clinic, by, clinic_id, kept)
    assert content["document"]["language"] == "de"
    assert content["results"] == json.loads(json.dumps(english.content["results"]))
    for language in Language:
        with speaking(language):
            assert changed_since(clinic, by, clinic_id, kept, today=TODAY).figures == ()


def test_what_changed_since_is_told_in_the_language_of_the_reader() -> None:
    row = {"code": "dvt", "numerator": 1, "denominator": 40, "rate": 0.025, "assessed": 40}
    row |= {"completeness": 1.0}
    then = [row | {"label": "Deep vein thrombosis"}, row | {"code": "x", "label": "Skin necrosis"}]
    now = [row | {"label": "Tiefe Venenthrombose", "numerator": 2, "rate": 0.05}]
    with speaking(Language.GERMAN):
        changed = list(figures_changed("complications", then, now))
    assert [(line.row, line.then, line.now) for line in changed] == [
        ("Tiefe Venenthrombose", "1 von 40 (2,5\u202f%)", "2 von 40 (5,0\u202f%)"),
        ("Hautnekrose", "1 von 40 (2,5\u202f%)", "–"),
        ("Hautnekrose", "40 von 40 (100,0\u202f%)", "–"),
    ]

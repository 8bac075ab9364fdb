"""Damaged files and killed imports: never a traceback, never half a set stored."""

from __future__ import annotations

import csv
import io
import random
import sqlite3
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.audit import check_triggers
from registry.database import make_engine, reading
from registry.errors import UnreadableFile
from registry.exchange import (
    UPLOAD_LIMITS,
    ImportRefused,
    carry_out,
    plan_import,
    read_files,
)
from registry.exchange.format import FILES
from registry.operations.migration import command_line_actor
from registry.schema import Base
from tests.factories import NOW, a_clinic, saving

MUTANTS = 2_000
KILLS = 5
STEPS = 12  # tables that the small set fills
SEED = 20_261_123
FILLED = {
    "patient": "patients.csv",
    "patient_link": "patient_links.csv",
    "risk_fact": "risk_facts.csv",
    "treatment_session": "sessions.csv",
    "injection": "injections.csv",
    "follow_up": "follow_ups.csv",
    "patient_reported_outcome": "reported_outcomes.csv",
    "contact_attempt": "contact_attempts.csv",
}
MEAN = ("", ",", '"', "\x00", "\ufeff", "=1+1", "1E5", "0,5", "03/04/2026", "-1", "9" * 40, "NaN",
        "\r", "\n", "\x85", "\u2028", "é", "x" * 5_000, "yes", "S1", " ", "2026-02-30")  # fmt: skip


def small_set(patients: int = 4) -> dict[str, bytes]:
    """A sound set of files with two sessions for each patient but one, who was enrolled twice."""
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in FILES}
    for number in range(patients):
        key = f"P-{number:04}"
        rows["patients.csv"].append({"patient_key": key, "enrolled_on": "2026-01-05"})
        for visit, day in enumerate(("2026-01-10", "2026-01-20")):
            session = f"S{number}-{visit}"
            rows["sessions.csv"].append(
                {"session_key": session, "patient_key": key, "treated_on": day}
            )
            rows["sites.csv"].append(
                {
                    "session_key": session,
                    "site_key": "1",
                    "side": "left",
                    "anatomy_code": "calf_medial",
                }
            )
            rows["injections.csv"].append(
                {
                    "session_key": session,
                    "site_key": "1",
                    "product_code": "aethoxysklerol",
                    "form": "liquid",
                    "concentration_percent": "0.5",
                    "liquid_ml": "1.5",
                    "lot_number": "007",
                    "expires_on": "2027-01-31",
                }
            )
        rows["events.csv"].append(
            {
                "event_key": f"E{number}",
                "patient_key": key,
                "event_term_code": "skin_necrosis",
                "onset_on": "2026-01-25",
                "reported_on": "2026-01-26",
                "session_key": f"S{number}-1",
                "site_key": "1",
            }
        )
        rows["follow_ups.csv"].append(
            {
                "follow_up_key": f"F{number}",
                "patient_key": key,
                "status": "seen",
                "seen_on": "2026-02-25",
                "checklist_code": "standard_6_8w",
                "checklist_version": "1",
            }
        )
        rows["findings.csv"].append(
            {
                "follow_up_key": f"F{number}",
                "event_term_code": "skin_necrosis",
                "state": "present",
                "event_key": f"E{number}",
            }
        )
        rows["risk_facts.csv"].append(
            {
                "risk_fact_key": f"R{number}",
                "patient_key": key,
                "condition_code": "pregnancy",
                "answer": "no",
                "answered_on": "2026-01-10",
            }
        )
        rows["reported_outcomes.csv"].append(
            {
                "answer_key": f"Q{number}",
                "patient_key": key,
                "follow_up_key": f"F{number}",
                "answered_on": "2026-02-25",
                "item_code": "symptom_heaviness",
                "score": "4",
            }
        )
        rows["contact_attempts.csv"].append(
            {
                "contact_attempt_key": f"A{number}",
                "patient_key": key,
                "follow_up_key": f"F{number}",
                "attempted_on": "2026-02-20",
                "method": "phone",
                "outcome": "reached",
            }
        )
    rows["patients.csv"].append({"patient_key": "P-TWICE", "enrolled_on": "2026-01-05"})
    rows["patient_links.csv"].append(
        {"link_key": "K1", "patient_key": "P-TWICE", "same_as_key": "P-0000"}
    )
    content = {}
    for name, made in rows.items():
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(FILES[name].columns))
        writer.writeheader()
        writer.writerows(made)
        content[name] = text.getvalue().encode()
    return content


def damaged(chance: random.Random, sound: dict[str, bytes]) -> dict[str, bytes]:
    """One to three things wrong, in bytes, cells, rows, columns or files."""
    content = dict(sound)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        name = chance.choice([name for name in content if content[name].count(b"\n") > 1])
        data = bytearray(content[name])
        match chance.randrange(8):
            case 0:
                data[chance.randrange(len(data))] = chance.randrange(256)
            case 1:
                del data[chance.randrange(len(data)) :]
            case 2:
                place = chance.randrange(len(data))
                data[place:place] = chance.randbytes(chance.randrange(1, 4))
            case 3:
                lines = data.split(b"\r\n")
                lines.insert(chance.randrange(len(lines)), chance.choice(lines))
                data = bytearray(b"\r\n".join(lines))
            case 4:
                lines = data.split(b"\r\n")
                del lines[chance.randrange(len(lines))]
                data = bytearray(b"\r\n".join(lines))
            case 5:
                rows = list(csv.reader(io.StringIO(data.decode(errors="replace"), newline="")))
                row = chance.choice(rows)
                if row:
                    row[chance.randrange(len(row))] = chance.choice(MEAN)
                text = io.StringIO(newline="")
                csv.writer(text).writerows(rows)
                data = bytearray(text.getvalue().encode())
            case 6:
                other = chance.choice(sorted(content))
                content[other], data = bytes(data), bytearray(content[other])
            case _:
                del content[name]
                continue
        content[name] = bytes(data)
    return content


def stored(engine: Engine) -> dict[str, int]:
    with reading(engine) as db:
        return {
            name: db.scalar(sa.select(sa.func.count()).select_from(Base.metadata.tables[name])) or 0
            for name in (*FILLED, "import_batch", "audit_row", "seal")
        }


@pytest.fixture
def clinic(sqlite_engine: Engine) -> tuple[Engine, Actor, int]:
    with saving(sqlite_engine) as db:
        clinic_id = a_clinic(db)
    return sqlite_engine, command_line_actor(sqlite_engine), clinic_id


def test_damaged_files_are_refused_or_wholly_stored(clinic: tuple[Engine, Actor, int]) -> None:
    engine, by, clinic_id = clinic
    chance = random.Random(SEED)  # noqa: S311 - repeatable damage, not a secret
    sound = small_set()
    before = stored(engine)
    outcomes: Counter[str] = Counter()
    for _ in range(MUTANTS):
        try:
            parsed = read_files(damaged(chance, sound), limits=UPLOAD_LIMITS)
        except UnreadableFile:
            outcomes["unreadable"] += 1
            continue
        if parsed.problems.to_dict()["refuse"]["count"] and chance.random() < 0.9:
            outcomes["faulty"] += 1
            continue
        plan = plan_import(engine, by, clinic_id, parsed, now=NOW)
        try:
            report = carry_out(engine, by, clinic_id, plan, now=NOW)
        except ImportRefused:
            outcomes["refused"] += 1
            assert not plan.ready
            assert stored(engine) == before
            continue
        after = stored(engine)
        outcomes["stored"] += 1
        assert plan.ready
        for table, file in FILLED.items():
            assert after[table] - before[table] == report.stored[file]
        assert after["import_batch"] == before["import_batch"] + 1
        assert after["seal"] == before["seal"] + 1
        # What is stored would contradict most of the sets to come.
        with saving(engine) as db:
            clinic_id = a_clinic(db, code=f"C{outcomes['stored']}")
        by = command_line_actor(engine)
        before = stored(engine)
    assert sum(outcomes.values()) == MUTANTS
    kinds = ("unreadable", "faulty", "refused", "stored")
    assert min(outcomes[kind] for kind in kinds) > 20, outcomes


def test_damaged_archives_are_refused_or_read_whole() -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable damage, not a secret
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in small_set().items():
            archive.writestr(name, data)
    sound = target.getvalue()
    digest = read_files(sound).content_digest
    outcomes: Counter[bool] = Counter()
    for _ in range(MUTANTS):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 2, 8))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.1:
            del content[chance.randrange(len(content)) :]
        try:
            parsed = read_files(bytes(content), limits=UPLOAD_LIMITS)
        except UnreadableFile:
            outcomes[False] += 1
            continue
        outcomes[True] += 1
        assert parsed.content_digest == digest
    assert outcomes[False] > MUTANTS / 2


IMPORT_IN_A_PROCESS = """
import datetime as dt, sys
from pathlib import Path
from registry.database import make_engine
from registry.exchange import carry_out, read_files
from registry.operations.migration import command_line_actor

url, folder = sys.argv[1], Path(sys.argv[2])
clinic_id, steps = int(sys.argv[3]), int(sys.argv[4])
engine = make_engine(url)
by = command_line_actor(engine)
parsed = read_files(folder)
now = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)

seen = 0

def wait_for_the_kill(done, total, phase):
    global seen
    if phase == "storing":
        if seen == steps:
            print("in the middle", flush=True)
            sys.stdin.readline()
        seen += 1

carry_out(engine, by, clinic_id, parsed, now=now, progress=wait_for_the_kill)
"""


def test_a_killed_import_stores_nothing_and_can_be_repeated(
    clinic: tuple[Engine, Actor, int], tmp_path: Path
) -> None:
    engine, by, clinic_id = clinic
    folder = tmp_path / "files"
    folder.mkdir()
    sound = small_set(300)
    for name, data in sound.items():
        (folder / name).write_bytes(data)
    before = stored(engine)
    engine.dispose()
    for kill in range(KILLS):
        steps = str(kill * STEPS // KILLS)
        arguments = [str(engine.url), str(folder), str(clinic_id), steps]
        process = subprocess.Popen(
            [sys.executable, "-c", IMPORT_IN_A_PROCESS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.kill()
        process.communicate()
        assert process.returncode != 0
        assert stored(engine) == before
        engine.dispose()
    path = engine.url.database
    assert path is not None
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    reopened = make_engine(engine.url)
    with reopened.connect() as open_connection:
        check_triggers(open_connection)
    report = carry_out(reopened, by, clinic_id, read_files(folder), now=NOW)
    assert report.stored["sessions.csv"] == 600
    assert stored(reopened)["import_batch"] == before["import_batch"] + 1
    reopened.dispose()

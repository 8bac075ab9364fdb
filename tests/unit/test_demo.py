"""Is the demonstration plausible, the same each time, and nothing that could pass for real?"""

from __future__ import annotations

import datetime as dt
import io
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Engine

from registry import sign_in
from registry.analysis import reports
from registry.analysis.cohort import CohortFilter
from registry.analysis.units import units
from registry.database import make_engine, reading
from registry.entry.forms import Entry, EventEntry, FollowUpEntry, PatientEntry, SessionEntry
from registry.errors import Conflict, PermissionDenied
from registry.exchange import plan_import, read_files
from registry.operations import demo
from registry.operations.audit_verification import verify
from registry.operations.clinics import add_clinic, list_clinics
from registry.operations.demo.stories import HISTORY, demo_entries
from registry.operations.migration import command_line_actor
from registry.schema import (
    ChangeSet,
    PatientIdentity,
    Photograph,
    PhotographContent,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus, Role, SclerosantForm

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
ROOT = Path(__file__).parents[2]
NEUROLOGICAL = ("headache", "migraine", "visual_disturbance")


def told(seed: int, patients: int = 375) -> list[Entry]:
    """Everything that happens to that many patients."""
    rng = random.Random(seed)  # noqa: S311 - made-up data
    return [
        entry
        for _, entries in demo_entries(rng, TODAY, patients, (1, 2, 3, 4), "DEMO")
        for entry in entries
    ]


@pytest.fixture(scope="module")
def stored(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demonstration in a database, made once and not changed."""
    path = tmp_path_factory.mktemp("demo") / "demo.sqlite"
    shutil.copy(migrated_sqlite, path)
    engine = make_engine(f"sqlite:///{path}")
    demo.make_demo(engine, now=NOW)
    yield engine
    engine.dispose()


def test_the_same_seed_tells_the_same_stories() -> None:
    assert told(7, patients=20) == told(7, patients=20)
    assert told(7, patients=20) != told(8, patients=20)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_stories_are_plausible(seed: int) -> None:
    entries = told(seed)
    sessions = [entry for entry in entries if isinstance(entry, SessionEntry)]
    events = Counter(e.event_term_code for e in entries if isinstance(e, EventEntry))
    visits = [entry for entry in entries if isinstance(entry, FollowUpEntry)]
    assert 1_000 < len(sessions) < 1_400
    assert min(session.treated_on for session in sessions) >= TODAY - HISTORY
    assert max(session.treated_on for session in sessions) <= TODAY
    foam = sum(
        any(i.form is SclerosantForm.FOAM for i in session.all_injections()) for session in sessions
    )
    assert 0.2 < foam / len(sessions) < 0.5
    assert 0.01 < events["hyperpigmentation"] / len(sessions) < 0.08
    assert events["anaphylaxis"] <= 1
    assert {visit.status for visit in visits} == set(FollowUpStatus) - {FollowUpStatus.DEAD}
    late = [v for v in visits if v.visit_code == "check_6_8w" and v.due_on and v.due_on < TODAY]
    assert sum(visit.status is FollowUpStatus.SEEN for visit in late) / len(late) > 0.9


def test_nobody_could_be_taken_for_a_real_patient() -> None:
    patients = [entry for entry in told(1, patients=30) if isinstance(entry, PatientEntry)]
    for patient in patients:
        assert patient.pseudonym.startswith("DEMO-")
        assert (patient.family_name or "").startswith("Demo-")
        assert (patient.given_name or "").startswith("Test ")
    assert len({patient.pseudonym for patient in patients}) == 30


def test_every_clinic_is_marked_and_every_change_audited(stored: Engine) -> None:
    clinics = list_clinics(stored)
    assert [(clinic.code, clinic.is_demo) for clinic in clinics] == [
        ("DEMO", True),
        ("DEMO2", True),
    ]
    assert demo.is_demo(stored)
    assert verify(stored).is_whole
    with reading(stored) as db:
        changes = db.scalar(sa.select(sa.func.count()).select_from(ChangeSet))
        by_clinic = db.execute(
            sa.select(TreatmentSession.clinic_id, sa.func.count()).group_by(
                TreatmentSession.clinic_id
            )
        ).all()
        names = db.scalars(sa.select(PatientIdentity.family_name)).all()
    assert changes is not None
    assert changes < 30
    assert len(by_clinic) == 2
    assert all(name and name.startswith("Demo-") for name in names)


def test_pictures_are_drawings_taken_with_consent_and_changed_by_treatment(stored: Engine) -> None:
    with reading(stored) as db:
        shots = db.execute(
            sa.select(
                Photograph.patient_id,
                Photograph.consent_version,
                Photograph.taken_on,
                PhotographContent.content,
            ).join(
                PhotographContent,
                sa.and_(
                    PhotographContent.clinic_id == Photograph.clinic_id,
                    PhotographContent.digest == Photograph.content_digest,
                ),
            )
        ).all()
    assert len({shot.content for shot in shots}) == len(shots) > 100
    assert max(Counter(shot.patient_id for shot in shots).values()) > 2
    assert {shot.consent_version for shot in shots} == {"2024-1"}
    assert max(shot.taken_on for shot in shots) <= TODAY
    assert max(len(shot.content) for shot in shots) < 20_000
    for shot in shots[:3]:
        with Image.open(io.BytesIO(shot.content)) as image:
            # The strip that says so is dark from edge to edge, but for its letters.
            assert max(image.convert("L").crop((0, 0, 8, 28)).getextrema()) < 90
            assert image.info.get("exif") is None


def test_every_report_has_something_to_show(stored: Engine) -> None:
    by = command_line_actor(stored)
    for name in reports.QUESTIONS:
        answer = reports.report(stored, by, name, CohortFilter(), today=TODAY).to_dict()
        assert answer["report"] == name
    rates = reports.report(
        stored, by, "complications", CohortFilter(), today=TODAY, group_by="form"
    ).to_dict()
    assert 0.02 < rates["total"]["rate"]["value"] < 0.12
    assert rates["total"]["completeness"] > 0.9
    recurrence = reports.report(stored, by, "recurrence", CohortFilter(), today=TODAY).to_dict()
    assert 0.7 < recurrence["total"]["success"]["value"] < 0.95
    assert recurrence["total"]["recurrences"] > 20


def test_the_faulty_lots_stand_out(stored: Engine) -> None:
    by = command_line_actor(stored)
    start, end = TODAY - dt.timedelta(days=300), TODAY - dt.timedelta(days=180)
    rates = {
        row["code"]: row["rate"]["value"]
        for row in reports.report(
            stored,
            by,
            "complications",
            CohortFilter(start, end),
            today=TODAY,
            group_by="product",
            event="superficial_thrombophlebitis",
        ).to_dict()["rows"]
    }
    assert rates["fibrovein"] > 2 * rates["aethoxysklerol"]


def test_clinicians_are_enough_for_a_funnel_and_one_stands_out(stored: Engine) -> None:
    clinic = str(list_clinics(stored)[0].id)
    found = units(
        stored, command_line_actor(stored), CohortFilter(levels={"clinic": (clinic,)}), today=TODAY
    )
    assert found.is_judged
    assert [row.standing.is_flagged for row in found.rows].count(True) == 1


def test_events_last_as_long_as_their_kind_does() -> None:
    lasted: defaultdict[str, list[int]] = defaultdict(list)
    for entry in told(1):
        if isinstance(entry, EventEntry) and entry.resolved_on:
            days = (entry.resolved_on - entry.onset_on).days
            lasted[entry.event_term_code].append(days)
    assert max(lasted["vasovagal"]) <= 1
    assert max(days for code in NEUROLOGICAL for days in lasted[code]) <= 3
    assert min(lasted["hyperpigmentation"] + lasted["telangiectatic_matting"]) >= 60


def test_one_account_for_each_role_signs_in_with_the_printed_password(
    stored: Engine, tmp_path: Path
) -> None:
    shutil.copy(str(stored.url.database), tmp_path / "copy.sqlite")
    engine = make_engine(f"sqlite:///{tmp_path / 'copy.sqlite'}")
    first = demo.open_accounts(engine, now=NOW)
    assert [account.role for account in first] == list(demo.PEOPLE)
    for account in first:
        token = sign_in.sign_in(engine, account.user_name, account.password, None, NOW)
        actor = sign_in.actor_of(engine, token, NOW)
        assert actor is not None
        assert {grant.role for grant in actor.grants} == {account.role}
        expected = 1 if account.role is Role.CLINICIAN else 2
        assert len({grant.clinic_id for grant in actor.grants}) == expected
    second = demo.open_accounts(engine, now=NOW)
    assert {a.password for a in first}.isdisjoint(a.password for a in second)
    with pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in(engine, first[0].user_name, first[0].password, None, NOW)
    code = demo.sign_in_code(engine, now=NOW)
    assert sign_in.sign_in_with_code(engine, code, None, NOW)
    with pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in_with_code(engine, code, None, NOW)
    engine.dispose()


def test_the_demonstration_takes_no_real_data(stored: Engine) -> None:
    clinic_id = list_clinics(stored)[0].id
    parsed = read_files(ROOT / "examples" / "guex_2005.zip")
    with pytest.raises(PermissionDenied):
        plan_import(stored, command_line_actor(stored), clinic_id, parsed, now=NOW)


def test_demonstration_and_real_clinics_never_share_a_database(
    stored: Engine, sqlite_engine: Engine
) -> None:
    real = {"jurisdiction": "EU", "time_zone": "Europe/Berlin", "now": NOW}
    with pytest.raises(Conflict):
        add_clinic(stored, command_line_actor(stored), "LEG", "Leg Clinic", **real)  # type: ignore[arg-type]
    add_clinic(sqlite_engine, command_line_actor(sqlite_engine), "LEG", "Leg", **real)  # type: ignore[arg-type]
    for refused in (demo.make_demo, demo.open_accounts):
        with pytest.raises(Conflict):
            refused(sqlite_engine, now=NOW)

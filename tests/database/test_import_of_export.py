"""Is an export the registry, no more and no less, and does importing it give the same records?"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Grant
from registry.database import make_engine, reading
from registry.entry import recording
from registry.entry.checks import Known, check
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.problems import Level
from registry.entry.rows import IDENTITY_FIELDS, STORING_ORDER, rows_of, site_id, store_rows
from registry.errors import InvalidEntry, PermissionDenied, UnreadableFile
from registry.exchange import carry_out, export, plan_import, read_files
from registry.exchange.format import FILES
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog, Base, Lot, Patient, PatientIdentity
from registry.vocabulary import (
    Causality,
    CompressionClass,
    EventOutcome,
    FindingState,
    FoamGas,
    FollowUpStatus,
    Guidance,
    Laterality,
    Modality,
    ReasonForChange,
    Role,
    SclerosantForm,
    SeriousnessCriterion,
    Severity,
    Sex,
    SiteFinding,
    SkinType,
    VesselClass,
)
from tests.factories import NOW, TODAY, a_clinic, a_clinician, a_patient, one_of_each, saving

NEVER_EXPORTED = {"clinic_id", "version", "recorded_at", "voided_at", "salt", "lot_id"}


def who(engine: Engine, clinic_id: int) -> Actor:
    """A data manager who may export names."""
    grant = Grant(clinic_id, Role.DATA_MANAGER, see_identity=True)
    return Actor(command_line_actor(engine).user_id, "dana", "Dana", (grant,))


def everything(engine: Engine, clinic_id: int) -> bytes:
    target = io.BytesIO()
    export(
        engine,
        who(engine, clinic_id),
        clinic_id,
        target,
        now=NOW,
        include_free_text=True,
        identity=True,
        reason="move to a new server",
    )
    return target.getvalue()


def tables_of(content: bytes) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist() if name in FILES}


def rows_in(content: bytes, name: str) -> list[dict[str, str]]:
    text = tables_of(content)[name].decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def living_content(engine: Engine) -> dict[str, list[Any]]:
    """Content of every living record, lots by what is printed on them."""
    found: dict[str, list[Any]] = {}
    with reading(engine) as db:
        lots = {
            lot.id: (lot.product_code, lot.lot_number, lot.expires_on, lot.is_compounded)
            for lot in db.scalars(sa.select(Lot))
        }
        for model in STORING_ORDER:
            if model is Lot:
                continue
            table = Base.metadata.tables[model.__tablename__]
            rows = []
            for row in db.execute(sa.select(table)).mappings():
                if row.get("voided_at") is None:
                    content = {k: v for k, v in row.items() if k not in NEVER_EXPORTED}
                    content["lot"] = lots.get(row.get("lot_id"))
                    rows.append(content)
            found[table.name] = sorted(rows, key=lambda row: str(row.get("id")))
    return found


@contextmanager
def empty_registry(migrated: Path) -> Iterator[tuple[Engine, int]]:
    """A registry of its own with one clinic and two clinicians, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.sqlite"
        source, copy = sqlite3.connect(migrated), sqlite3.connect(path)
        source.backup(copy)
        source.close()
        copy.close()
        engine = make_engine(f"sqlite:///{path}")
        with saving(engine) as db:
            clinic_id = a_clinic(db)
        yield engine, clinic_id
        engine.dispose()


# --- records as they may come ---

DAYS = st.dates(dt.date(2025, 1, 1), dt.date(2025, 6, 30))
WORDS = (
    st.none()
    | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12
    ).filter(lambda text: bool(text.strip()))
    | st.sampled_from(["=cmd|'/c'!A1", "'=x", "-1", "@a\r\nb"])
)
TENTHS = st.integers(1, 30).map(lambda n: Decimal(n) / 10)


def maybe(values: Any) -> Any:
    return st.none() | (st.sampled_from(values) if isinstance(values, type) else values)


@st.composite
def injections(draw: st.DrawFn) -> InjectionEntry:
    form = draw(st.sampled_from(SclerosantForm))
    foam = form is SclerosantForm.FOAM
    lot = draw(st.none() | st.sampled_from(["007", "L-1", "=L"]))
    product = draw(st.sampled_from(["aethoxysklerol", "polidocanol_generic"]))
    return InjectionEntry(
        product_code=product,
        form=form,
        concentration_percent=draw(st.sampled_from([None, Decimal("0.5"), Decimal(1)])),
        liquid_ml=draw(st.none() | TENTHS),
        lot_number=lot,
        expires_on=dt.date(2025, 5, 31) if lot == "007" else None,
        is_compounded=lot == "=L",
        gas=draw(maybe(FoamGas)) if foam else None,
        gas_ml=draw(st.none() | TENTHS) if foam else None,
    )


@st.composite
def sessions(draw: st.DrawFn, id_: UUID, patient: UUID, course: UUID | None) -> SessionEntry:
    given_at = st.lists(injections(), max_size=3).map(tuple)
    modality = draw(st.sampled_from(Modality))
    injected = modality is Modality.SCLEROTHERAPY
    anatomy = draw(
        st.lists(
            st.tuples(
                st.sampled_from(Laterality), st.sampled_from(["ssv", "calf_medial", "groin"])
            ),
            max_size=3,
            unique=True,
        )
    )
    cost = draw(st.none() | st.integers(0, 99_999).map(lambda n: Decimal(n) / 100))
    compression = draw(maybe(CompressionClass))
    return SessionEntry(
        id=id_,
        patient_id=patient,
        course_id=course,
        clinician_id=draw(st.sampled_from([None, 1, 2])),
        treated_on=draw(DAYS),
        modality=modality,
        weight_kg=draw(st.none() | st.integers(400, 1200).map(lambda n: Decimal(n) / 10)),
        guidance=draw(maybe(Guidance)),
        pain=draw(st.none() | st.integers(0, 10)),
        compression_class=compression,
        compression_days=draw(st.none() | st.integers(0, 30)) if compression else None,
        consent_version=draw(st.sampled_from([None, "0012", "1E5"])),
        cost_amount=cost,
        cost_currency=None if cost is None else "EUR",
        note=draw(WORDS),
        sites=tuple(
            SiteEntry(
                side=side,
                anatomy_code=code,
                vessel_class=draw(maybe(VesselClass)),
                diameter_mm=draw(st.none() | TENTHS),
                feeder_treated=draw(st.none() | st.booleans()),
                injections=draw(given_at) if injected else (),
            )
            for side, code in anatomy
        ),
        injections=(draw(injections()), *draw(given_at)) if injected else (),
    )


@st.composite
def events(draw: st.DrawFn, id_: UUID, session: SessionEntry) -> EventEntry:
    site = draw(st.sampled_from([None, *range(len(session.sites))]))
    onset = session.treated_on + dt.timedelta(days=draw(st.integers(0, 40)))
    fatal = draw(st.booleans())
    criteria = draw(st.frozensets(st.sampled_from(SeriousnessCriterion)))
    return EventEntry(
        id=id_,
        patient_id=session.patient_id,
        event_term_code=draw(st.sampled_from(["skin_necrosis", "migraine"])),
        onset_on=onset,
        reported_on=onset + dt.timedelta(days=draw(st.integers(0, 9))),
        treatment_session_id=session.id,
        treated_site_id=None if site is None else site_id(session.id, site),
        resolved_on=draw(st.sampled_from([None, onset])),
        severity=draw(maybe(Severity)),
        causality=draw(maybe(Causality)),
        seriousness_criteria=(criteria | {SeriousnessCriterion.DEATH})
        if fatal
        else criteria - {SeriousnessCriterion.DEATH},
        event_outcome=EventOutcome.FATAL if fatal else EventOutcome.RECOVERED,
        treatment_given=draw(WORDS),
        narrative=draw(WORDS),
    )


@st.composite
def follow_ups(
    draw: st.DrawFn, id_: UUID, session: SessionEntry, event: EventEntry
) -> FollowUpEntry:
    day = session.treated_on + dt.timedelta(days=draw(st.integers(0, 100)))
    seen = draw(st.booleans())
    return FollowUpEntry(
        id=id_,
        patient_id=session.patient_id,
        status=FollowUpStatus.SEEN if seen else FollowUpStatus.MISSED,
        treatment_session_id=draw(st.sampled_from([None, session.id])),
        visit_code=draw(st.sampled_from([None, "check_6_8w"])),
        due_on=None if seen else day,
        seen_on=day if seen else None,
        checklist_code="standard_6_8w" if seen else None,
        checklist_version=1 if seen else None,
        note=draw(WORDS),
        findings=tuple(
            draw(
                st.sampled_from(
                    [
                        (),
                        (
                            FindingEntry(
                                event_term_code="skin_necrosis",
                                state=FindingState.PRESENT,
                                adverse_event_id=event.id,
                            ),
                            FindingEntry(
                                event_term_code="infection", state=FindingState.NOT_ASSESSED
                            ),
                        ),
                    ]
                )
            )
        )
        if seen
        else (),
        site_outcomes=(
            SiteOutcomeEntry(
                side=Laterality.LEFT,
                anatomy_code="ssv",
                finding=draw(st.sampled_from(SiteFinding)),
                scale_code="clearance_percent",
                score=Decimal("62.5"),
            ),
        )
        if seen
        else (),
    )


@st.composite
def registries(draw: st.DrawFn) -> list[Entry]:
    """Entries of one or two patients, parents before children."""
    made: list[Entry] = []
    for number in range(1, draw(st.integers(1, 2)) + 1):
        patient = UUID(int=number)
        course = UUID(int=100 + number)
        made.append(
            PatientEntry(
                id=patient,
                pseudonym=f"{draw(st.sampled_from(['P-', '=', '00']))}{number}",
                enrolled_on=dt.date(2024, 12, 1),
                birth_year=draw(st.none() | st.integers(1930, 2000)),
                sex=draw(st.sampled_from(Sex)),
                skin_type=draw(maybe(SkinType)),
                family_name=draw(WORDS),
                hospital_number=draw(st.sampled_from([None, "0042"])),
            )
        )
        made.append(
            CourseEntry(
                id=course,
                patient_id=patient,
                opened_on=dt.date(2024, 12, 1),
                planned_sessions=draw(st.none() | st.integers(1, 50)),
                payer=draw(WORDS),
            )
        )
        for k in range(draw(st.integers(0, 2))):
            key = 10 * number + k
            used = draw(st.sampled_from([None, course]))
            session = draw(sessions(UUID(int=1_000 + key), patient, used))
            event = draw(events(UUID(int=2_000 + key), session))
            made += [session, event, draw(follow_ups(UUID(int=3_000 + key), session, event))]
    return made


def store(engine: Engine, clinic_id: int, entries: list[Entry]) -> None:
    cause = audit.Cause("prepare_test", clinic_id=clinic_id)
    with audit.transaction(engine, command_line_actor(engine), cause, now=NOW) as db:
        a_clinician(db, clinic_id, 1)
        a_clinician(db, clinic_id, 2, code="=2")
        store_rows(db, rows_of(entries, clinic_id, NOW))


@settings(max_examples=25)
@given(entries=registries())
def test_importing_an_export_gives_the_same_records(
    migrated_sqlite: Path, entries: list[Entry]
) -> None:
    with (
        empty_registry(migrated_sqlite) as (old, old_clinic),
        empty_registry(migrated_sqlite) as (new, new_clinic),
    ):
        store(old, old_clinic, entries)
        content = everything(old, old_clinic)
        parsed = read_files(content)
        plan = plan_import(new, who(new, new_clinic), new_clinic, parsed, now=NOW)
        assert plan.problems.kept(Level.REFUSE) == ()
        confirmed = plan.problems.rules(Level.CONFIRM)
        carry_out(new, who(new, new_clinic), new_clinic, parsed, now=NOW, accepted=confirmed)
        assert living_content(new) == living_content(old)
        assert tables_of(everything(new, new_clinic)) == tables_of(content)
        again = carry_out(old, who(old, old_clinic), old_clinic, parsed, now=NOW)
        assert again.already
        assert sum(again.stored.values()) == 0


def test_the_examples_of_that_proof_are_such_as_a_page_would_take() -> None:
    known = Known(
        today=TODAY,
        jurisdiction="EU",
        clinician_ids=frozenset({1, 2}),
        lots={("aethoxysklerol", "007"): dt.date(2025, 5, 31)},
    )

    @settings(max_examples=30)
    @given(entries=registries())
    def refused(entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, PatientEntry | CourseEntry | SessionEntry):
                found = [p for p in check(entry, known) if p.level is Level.REFUSE]
                assert found == []

    refused()


# --- what leaves ---


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with saving(engine) as db:
        return int(one_of_each(db)["clinic"])


def test_an_export_is_pseudonymous_and_without_free_text(engine: Engine, clinic_id: int) -> None:
    with saving(engine) as db:
        db.execute(
            sa.update(Base.metadata.tables["treatment_session"]).values(note="Zzcanary note")
        )
    target = io.BytesIO()
    by = who(engine, clinic_id)
    report = export(engine, by, clinic_id, target, now=NOW)
    whole = b"".join(
        zipfile.ZipFile(target).read(name) for name in zipfile.ZipFile(target).namelist()
    )
    for canary in (b"Zzcanary", b"Ida", b"1970-05-17", b"H-4711", b"Clinician 1"):
        assert canary not in whole
    assert report.rows == dict.fromkeys(FILES, 1)
    parsed = read_files(target.getvalue())
    assert parsed.tables["patients.csv"].left_out == set(IDENTITY_FIELDS)
    assert report.content_digest == parsed.content_digest


def test_free_text_and_identity_come_only_when_asked_for(engine: Engine, clinic_id: int) -> None:
    with saving(engine) as db:
        db.execute(sa.update(Base.metadata.tables["treatment_session"]).values(note="calm"))
    (patient,) = rows_in(everything(engine, clinic_id), "patients.csv")
    assert (patient["family_name"], patient["birth_date"]) == ("Zzcanary", "1970-05-17")
    target = io.BytesIO()
    by = who(engine, clinic_id)
    export(engine, by, clinic_id, target, now=NOW, include_free_text=True, reason="a study")
    (session,) = rows_in(target.getvalue(), "sessions.csv")
    assert session["note"] == "calm"
    assert "family_name" not in rows_in(target.getvalue(), "patients.csv")[0]


def test_the_same_state_gives_the_same_bytes(engine: Engine, clinic_id: int) -> None:
    first = everything(engine, clinic_id)
    assert everything(engine, clinic_id) == first
    with saving(engine) as db:
        a_patient(db, clinic_id)
    assert everything(engine, clinic_id) != first


@pytest.mark.postgres
def test_both_databases_give_the_same_files(sqlite_engine: Engine, postgres_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = int(one_of_each(db)["clinic"])
        for _ in range(5):
            a_patient(db, clinic_id)
    content = everything(sqlite_engine, clinic_id)
    with saving(postgres_engine) as db:
        other = a_clinic(db)
    by = who(postgres_engine, other)
    parsed = read_files(content)
    later = NOW + dt.timedelta(days=60)
    plan = plan_import(postgres_engine, by, other, parsed, now=later)
    carry_out(
        postgres_engine,
        by,
        other,
        parsed,
        now=later,
        accepted=plan.problems.rules(Level.CONFIRM),
    )
    assert tables_of(everything(postgres_engine, other)) == tables_of(content)


def test_the_manifest_says_what_the_files_are(engine: Engine, clinic_id: int) -> None:
    content = everything(engine, clinic_id)
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("manifest.json"))
    with reading(engine) as db:
        assert manifest["seal"]["number"] == audit.head(db)
    assert manifest["left_out"] == []
    assert manifest["content_digest"] == read_files(content).content_digest
    assert manifest["files"]["patients.csv"]["rows"] == 1


def test_an_export_is_logged_with_rows_digest_and_reason(engine: Engine, clinic_id: int) -> None:
    content = everything(engine, clinic_id)
    with reading(engine) as db:
        (entry,) = db.scalars(sa.select(AccessLog).where(AccessLog.action == "export_identity"))
        assert (entry.user_name, entry.clinic_id, entry.row_count) == ("dana", clinic_id, 10)
        assert read_files(content).content_digest in str(entry.detail)
        assert "move to a new server" in str(entry.detail)


def test_only_who_may_export_exports(engine: Engine, clinic_id: int) -> None:
    def attempt(grant: Grant, **options: Any) -> None:
        actor = Actor(1, "ada", "Ada", (grant,))
        export(engine, actor, clinic_id, io.BytesIO(), now=NOW, **options)

    for role in Role:
        if role is not Role.DATA_MANAGER:
            with pytest.raises(PermissionDenied):
                attempt(Grant(clinic_id, role))
    with pytest.raises(PermissionDenied):
        attempt(Grant(clinic_id + 1, Role.DATA_MANAGER))
    with pytest.raises(PermissionDenied):
        attempt(Grant(clinic_id, Role.DATA_MANAGER), identity=True, reason="curious")
    with pytest.raises(PermissionDenied):
        attempt(Grant(clinic_id, Role.DATA_MANAGER), include_free_text=True, reason="curious")
    for what in ("identity", "include_free_text"):
        named = Grant(clinic_id, Role.DATA_MANAGER, see_identity=True)
        with pytest.raises(InvalidEntry):
            attempt(named, reason=" . ", **{what: True})
    attempt(Grant(clinic_id, Role.DATA_MANAGER))
    with reading(engine) as db:
        assert list(db.scalars(sa.select(AccessLog.action))) == ["export"]


def test_voided_records_and_references_to_them_are_left_out(engine: Engine, clinic_id: int) -> None:
    by = command_line_actor(engine)
    with reading(engine) as db:
        event_id = db.scalar(sa.select(Base.metadata.tables["adverse_event"].c.id))
    assert event_id is not None
    recording.void(
        engine,
        by,
        clinic_id,
        EventEntry,
        event_id,
        version=1,
        reason=ReasonForChange.DUPLICATE,
        request_key=audit.request_key(),
        now=NOW,
    )
    content = everything(engine, clinic_id)
    assert rows_in(content, "events.csv") == []
    (finding,) = rows_in(content, "findings.csv")
    assert finding["event_key"] == ""


def test_another_clinic_is_not_exported(engine: Engine, clinic_id: int) -> None:
    with saving(engine) as db:
        other = a_clinic(db, code="ARM")
        a_patient(db, other, pseudonym="Zzcanary")
    assert b"Zzcanary" not in tables_of(everything(engine, clinic_id))["patients.csv"].replace(
        b",Zzcanary,Ida", b""
    )
    assert len(rows_in(everything(engine, clinic_id), "patients.csv")) == 1


def test_a_folder_and_an_archive_on_disk_hold_the_same(
    engine: Engine, clinic_id: int, tmp_path: Path
) -> None:
    by = who(engine, clinic_id)
    for name in ("out", "out.zip"):
        export(engine, by, clinic_id, tmp_path / name, now=NOW)
    assert read_files(tmp_path / "out").content_digest == (
        read_files(tmp_path / "out.zip").content_digest
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", "out.zip"]
    for name in ("out", "out.zip"):
        # Windows knows no such bits; there the folder's own rights hold.
        assert os.name != "posix" or (tmp_path / name).stat().st_mode & 0o077 == 0
        with pytest.raises(UnreadableFile, match="exists already"):
            export(engine, by, clinic_id, tmp_path / name, now=NOW)


def test_a_failed_export_leaves_no_half_file(
    engine: Engine, clinic_id: int, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, _total: int, _phase: str) -> None:
        if done == 5:
            raise Stopped

    for name in ("out", "out.zip"):
        with pytest.raises(Stopped):
            export(
                engine, who(engine, clinic_id), clinic_id, tmp_path / name, now=NOW, progress=stop
            )
    assert list(tmp_path.glob("out*")) == []
    with pytest.raises(UnreadableFile, match="could not be written"):
        export(engine, who(engine, clinic_id), clinic_id, tmp_path / "no" / "out.zip", now=NOW)
    with reading(engine) as db:
        assert list(db.scalars(sa.select(AccessLog))) == []


@pytest.mark.postgres
def test_an_export_is_one_state_while_others_write(postgres_engine: Engine) -> None:
    with saving(postgres_engine) as db:
        clinic_id = int(one_of_each(db)["clinic"])

    def write_meanwhile(done: int, _total: int, _phase: str) -> None:
        if done == 0:
            with saving(postgres_engine) as db:
                a_patient(db, clinic_id)

    target = io.BytesIO()
    by = who(postgres_engine, clinic_id)
    report = export(postgres_engine, by, clinic_id, target, now=NOW, progress=write_meanwhile)
    assert report.rows["patients.csv"] == 1
    with reading(postgres_engine) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Patient)) == 2
        assert db.scalar(sa.select(sa.func.count()).select_from(PatientIdentity)) == 1
        assert report.seal == audit.head(db) - 1

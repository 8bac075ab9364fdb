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
from dataclasses import replace
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
from registry.entry.assessments import RVCSS_ITEMS
from registry.entry.barcode import pack_id
from registry.entry.checks import Known, check
from registry.entry.clinic_settings import setting_id
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    OverrideEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.known import answers_of
from registry.entry.problems import Level
from registry.entry.rows import (
    IDENTITY_FIELDS,
    derived_id,
    lot_id,
    rows_of,
    site_id,
    store_rows,
)
from registry.errors import InvalidEntry, PermissionDenied, UnreadableFile
from registry.exchange import carry_out, export, plan_import, read_files
from registry.exchange.format import FILES
from registry.exchange.single_rows import INSERT_ORDER
from registry.operations.migration import command_line_actor
from registry.schema import (
    AccessLog,
    Base,
    ChangePoint,
    Clinician,
    ClinicSetting,
    ContactAttempt,
    Favourite,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    ProductGtin,
    ReportingPeriod,
    RiskFact,
)
from registry.vocabulary import (
    Causality,
    CeapClass,
    CompressionClass,
    ContactMethod,
    ContactOutcome,
    EventOutcome,
    FactAnswer,
    FindingState,
    FoamGas,
    FollowUpStatus,
    Guidance,
    Laterality,
    Modality,
    OverrideReason,
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
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_clinician,
    a_lot,
    a_patient,
    a_patient_link,
    a_risk_fact,
    one_of_each,
    saving,
)

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
    """Content of every living record that an import stores, lots by what is printed on them."""
    found: dict[str, list[Any]] = {}
    with reading(engine) as db:
        lots = {lot.id: (lot.product_code, lot.lot_number) for lot in db.scalars(sa.select(Lot))}
        for model in INSERT_ORDER:
            if model is Clinician:
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
        overrides=tuple(
            OverrideEntry(
                rule=rule,
                catalogue_version="2026-11-23",
                reason=draw(st.sampled_from(OverrideReason)),
                reason_text=draw(WORDS),
            )
            for rule in draw(st.sets(st.sampled_from(["lot_recalled", "=x", "dose:a"])))
        ),
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


SingleRow = tuple[type[Base], dict[str, Any]]


@st.composite
def single_rows(draw: st.DrawFn, entries: list[Entry]) -> list[SingleRow]:
    """Records of one row about these patients and their visits, and about the clinic."""
    made: list[SingleRow] = []
    visits = [entry for entry in entries if isinstance(entry, FollowUpEntry)]
    patients = [entry.id for entry in entries if isinstance(entry, PatientEntry)]

    def add(model: type[Base], id_: UUID | None = None, **values: Any) -> None:
        key = id_ or derived_id(UUID(int=draw(st.integers(0, 9))), model.__tablename__, len(made))
        # Each was said a minute after the one before it.
        at = NOW + dt.timedelta(minutes=len(made))
        made.append((model, {"id": key, "recorded_at": at, **values}))

    for patient in patients:
        for _ in range(draw(st.integers(0, 4))):
            allergy = draw(st.booleans())
            add(
                RiskFact,
                patient_id=patient,
                condition_code="allergy_to_agent" if allergy else "pregnancy",
                sclerosant_code=draw(st.sampled_from([None, "polidocanol"])) if allergy else None,
                answer=draw(st.sampled_from(FactAnswer)),
                answered_on=draw(st.sampled_from([TODAY, TODAY - dt.timedelta(days=1)])),
                note=draw(WORDS),
            )
        for side in draw(st.sets(st.sampled_from(Laterality))):
            add(
                LimbAssessment,
                patient_id=patient,
                side=side,
                assessed_on=draw(DAYS),
                ceap=draw(st.sampled_from(CeapClass)),
                **{name: draw(st.none() | st.integers(0, 3)) for name in RVCSS_ITEMS},
            )
        seen = [v.id for v in visits if v.patient_id == patient and v.seen_on is not None]
        for item in draw(st.sets(st.sampled_from(["symptom_heaviness", "satisfaction"]))):
            add(
                PatientReportedOutcome,
                patient_id=patient,
                follow_up_id=draw(st.sampled_from([None, *seen])),
                answered_on=draw(DAYS),
                item_code=item,
                score=Decimal(draw(st.integers(0, 4))),
            )
    if len(patients) > 1 and draw(st.booleans()):
        add(PatientLink, patient_id=patients[1], same_as_id=patients[0])
    for visit in visits:
        if draw(st.booleans()):
            add(
                ContactAttempt,
                patient_id=visit.patient_id,
                follow_up_id=visit.id,
                attempted_on=draw(DAYS),
                method=draw(st.sampled_from(ContactMethod)),
                outcome=draw(st.sampled_from(ContactOutcome)),
                note=draw(WORDS),
            )
    for code in draw(st.sets(st.sampled_from(["target:necrosis", "shortest_interval_days"]))):
        day = draw(DAYS)
        add(
            ClinicSetting,
            setting_id(1, code, day),
            code=code,
            value=draw(st.none() | st.just(Decimal("2.5"))),
            valid_from=day,
        )
    for what in draw(st.sets(st.sampled_from(["=CO2 foam", "New laser"]))):
        add(ChangePoint, changed_on=draw(DAYS), what=what, begins_limits=draw(st.booleans()))
    if draw(st.booleans()):
        gtin = "09501101530003"
        add(ProductGtin, pack_id(1, gtin), gtin=gtin, product_code="aethoxysklerol")
    for number in draw(st.sets(st.sampled_from(["_unused", "Unused", "unused"]))):
        add(
            Lot,
            lot_id(1, "aethoxysklerol", number),
            product_code="aethoxysklerol",
            lot_number=number,
            expires_on=draw(st.sampled_from([None, TODAY])),
            recalled_on=draw(st.sampled_from([None, TODAY])),
        )
    return made


def store(
    engine: Engine, clinic_id: int, entries: list[Entry], single: list[SingleRow] | None = None
) -> None:
    cause = audit.Cause("prepare_test", clinic_id=clinic_id)
    with audit.transaction(engine, command_line_actor(engine), cause, now=NOW) as db:
        a_clinician(db, clinic_id, 1)
        a_clinician(db, clinic_id, 2, code="=2")
        store_rows(db, rows_of(entries, clinic_id, NOW))
        for model, values in single or ():
            db.execute(sa.insert(model).values(clinic_id=clinic_id, **values))
        db.execute(sa.update(Lot).where(Lot.lot_number == "L-1").values(recalled_on=TODAY))


def standing_answers(engine: Engine, clinic_id: int) -> list[Any]:
    """The answers of each patient in the order in which they count."""
    with reading(engine) as db:
        patients = sorted(db.scalars(sa.select(Patient.id)))
        answers = [answers_of(db, clinic_id, [patient]) for patient in patients]
    # Different questions of one day may change places; answers to the same one may not.
    return [sorted(a, key=lambda x: (x.condition_code, x.sclerosant_code or "")) for a in answers]


@settings(max_examples=15)
@given(data=st.data())
def test_importing_an_export_gives_the_same_records(
    migrated_sqlite: Path, data: st.DataObject
) -> None:
    entries = data.draw(registries())
    single = data.draw(single_rows(entries))
    with (
        empty_registry(migrated_sqlite) as (old, old_clinic),
        empty_registry(migrated_sqlite) as (new, new_clinic),
    ):
        store(old, old_clinic, entries, single)
        content = everything(old, old_clinic)
        parsed = read_files(content)
        plan = plan_import(new, who(new, new_clinic), new_clinic, parsed, now=NOW)
        assert plan.problems.kept(Level.REFUSE) == ()
        confirmed = {entry.first.rule for entry in plan.to_confirm}
        carry_out(new, who(new, new_clinic), new_clinic, parsed, now=NOW, accepted=confirmed)
        assert living_content(new) == living_content(old)
        assert standing_answers(new, new_clinic) == standing_answers(old, old_clinic)
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


def test_an_export_of_amended_records_comes_back_without_a_conflict(engine: Engine) -> None:
    with saving(engine) as db:
        clinic_id = a_clinic(db)
    by = command_line_actor(engine)
    patient = PatientEntry(id=UUID(int=1), pseudonym="P-1", enrolled_on=TODAY)
    injected = InjectionEntry(product_code="aethoxysklerol", form=SclerosantForm.LIQUID)
    first, second = (
        SiteEntry(side=Laterality.LEFT, anatomy_code=code, injections=(injected,))
        for code in ("ssv", "groin")
    )
    session = SessionEntry(
        id=UUID(int=2), patient_id=patient.id, treated_on=TODAY, sites=(first, second)
    )
    recording.enrol_patient(engine, by, clinic_id, patient, now=NOW)
    recording.record_session(engine, by, clinic_id, session, now=NOW)
    third = SiteEntry(side=Laterality.RIGHT, anatomy_code="ssv")
    recording.amend(
        engine,
        by,
        clinic_id,
        replace(session, sites=(second, third)),
        version=1,
        reason=ReasonForChange.TYPING_ERROR,
        request_key=audit.request_key(),
        now=NOW,
    )
    with reading(engine) as db:
        table = Base.metadata.tables["treated_site"]
        (groin,) = db.scalars(
            sa.select(table.c.id).where(
                table.c.anatomy_code == "groin", table.c.voided_at.is_(None)
            )
        )
    event = EventEntry(
        id=UUID(int=3),
        patient_id=patient.id,
        event_term_code="skin_necrosis",
        onset_on=TODAY,
        reported_on=TODAY,
        treatment_session_id=session.id,
        treated_site_id=groin,
    )
    recording.report_event(engine, by, clinic_id, event, now=NOW)
    content = everything(engine, clinic_id)
    plan = plan_import(engine, by, clinic_id, read_files(content), now=NOW)
    assert plan.problems.kept(Level.REFUSE) == ()
    assert plan.new_rows == 0
    with_an_event_more = dict(tables_of(content))
    row = with_an_event_more["events.csv"].splitlines()[1].replace(str(event.id).encode(), b"E2")
    with_an_event_more["events.csv"] += row + b"\r\n"
    carry_out(engine, by, clinic_id, read_files(with_an_event_more), now=NOW)
    with reading(engine) as db:
        table = Base.metadata.tables["adverse_event"]
        assert list(db.scalars(sa.select(table.c.treated_site_id))) == [groin, groin]
    changed = dict(tables_of(content))
    changed["sites.csv"] = changed["sites.csv"].replace(b"right", b"left")
    plan = plan_import(engine, by, clinic_id, read_files(changed), now=NOW)
    assert [problem.rule for problem in plan.problems.kept(Level.REFUSE)] == ["stored_otherwise"]


# --- what leaves ---


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with saving(engine) as db:
        return int(one_of_each(db)["clinic"])


def test_an_export_is_pseudonymous_and_without_free_text(engine: Engine, clinic_id: int) -> None:
    written = {
        "treatment_session": "note",
        "risk_fact": "note",
        "contact_attempt": "note",
        "safety_override": "reason_text",
        "change_point": "what",
    }
    with saving(engine) as db:
        for table, column in written.items():
            db.execute(sa.update(Base.metadata.tables[table]).values({column: "Zzcanary note"}))
    target = io.BytesIO()
    by = who(engine, clinic_id)
    report = export(engine, by, clinic_id, target, now=NOW)
    whole = b"".join(
        zipfile.ZipFile(target).read(name) for name in zipfile.ZipFile(target).namelist()
    )
    for canary in (b"Zzcanary", b"Ida", b"1970-05-17", b"H-4711", b"Clinician 1"):
        assert canary not in whole
    exported = [name for name, file in FILES.items() if file.withheld is None]
    assert report.rows == dict.fromkeys(exported, 1) | {"patient_links.csv": 0}
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
        made = one_of_each(db)
        clinic_id = int(made["clinic"])
        for _ in range(5):
            patient = a_patient(db, clinic_id)
        a_patient_link(db, clinic_id, patient, made["patient"])
        # Alphabets of databases differ in where they put these.
        for number in ("l-1", "L_1", "L-1", "l 1", "É1"):
            a_lot(db, clinic_id, lot_number=number, recalled_on=TODAY)
        for answer in (FactAnswer.NO, FactAnswer.YES, FactAnswer.NO):
            at = NOW + dt.timedelta(seconds=len(answer))
            a_risk_fact(db, clinic_id, patient, answer=answer, recorded_at=at)
    content = everything(sqlite_engine, clinic_id)
    assert all(len(rows_in(content, name)) for name in FILES)
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
    again, before = tables_of(everything(postgres_engine, other)), tables_of(content)
    assert again.pop("photographs.csv").count(b"\n") == 1
    assert before.pop("photographs.csv").count(b"\n") == 2
    assert again == before


def test_every_table_of_records_is_in_the_files_or_named_as_left_out() -> None:
    records = {mapper.class_ for mapper in Base.registry.mappers if "recorded_at" in mapper.columns}
    assert records - set(INSERT_ORDER) == {Photograph, ReportingPeriod, Favourite}
    page = (Path(__file__).resolve().parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
    for name in ("pictures", "frozen periods", "drafts", "favourites"):
        assert name in page


def test_the_manifest_says_what_the_files_are(engine: Engine, clinic_id: int) -> None:
    content = everything(engine, clinic_id)
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("manifest.json"))
    with reading(engine) as db:
        assert manifest["seal"]["number"] == audit.head(db)
    assert manifest["left_out"] == []
    assert manifest["content_digest"] == read_files(content).content_digest
    assert manifest["files"]["patients.csv"]["rows"] == 1
    assert manifest["files_left_out"] == []
    assert manifest["not_in_files"] == {"pictures": 1, "frozen_periods": 1}
    target = io.BytesIO()
    export(engine, who(engine, clinic_id), clinic_id, target, now=NOW)
    manifest = json.loads(zipfile.ZipFile(target).read("manifest.json"))
    assert manifest["files_left_out"] == ["change_points.csv"]
    assert "change_points.csv" not in manifest["files"]


def test_an_export_is_logged_with_rows_digest_and_reason(engine: Engine, clinic_id: int) -> None:
    content = everything(engine, clinic_id)
    with reading(engine) as db:
        (entry,) = db.scalars(sa.select(AccessLog).where(AccessLog.action == "export_identity"))
        assert (entry.user_name, entry.clinic_id, entry.row_count) == ("dana", clinic_id, 20)
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

"""Does an import store all of what is new, nothing twice, nothing wrong, and say why?"""

from __future__ import annotations

import csv
import datetime as dt
import io
import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Grant
from registry.database import reading
from registry.entry import recording
from registry.entry.forms import EventEntry, PatientEntry
from registry.entry.problems import Level
from registry.entry.rows import lot_id
from registry.errors import Conflict, PermissionDenied
from registry.exchange import (
    ImportPlan,
    ImportRefused,
    Parsed,
    State,
    carry_out,
    plan_import,
    read_files,
)
from registry.exchange.format import FILES, record_id
from registry.operations.migration import command_line_actor
from registry.schema import (
    AdverseEvent,
    AuditRow,
    Base,
    ChangeSet,
    Clinician,
    FollowUp,
    FollowUpFinding,
    ImportBatch,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import ReasonForChange, Role
from tests.factories import NOW, a_clinic, a_lot, a_patient, saving

RECORDS = (Patient, TreatmentSession, TreatedSite, Injection, AdverseEvent, FollowUp)
PATIENT = {"patient_key": "P-0001", "enrolled_on": "2026-01-05", "birth_year": "1970"}
SESSION = {
    "session_key": "S1",
    "patient_key": "P-0001",
    "treated_on": "2026-01-10",
    "course_key": "C1",
    "clinician_code": "DOC",
}
SITE = {"session_key": "S1", "site_key": "A", "side": "left", "anatomy_code": "calf_medial"}
INJECTION = {
    "session_key": "S1",
    "site_key": "A",
    "product_code": "aethoxysklerol",
    "form": "liquid",
    "concentration_percent": "0.5",
    "liquid_ml": "2",
    "lot_number": "L-1",
    "expires_on": "2027-01-31",
}
EVENT = {
    "event_key": "E1",
    "patient_key": "P-0001",
    "event_term_code": "skin_necrosis",
    "onset_on": "2026-01-15",
    "reported_on": "2026-01-20",
    "session_key": "S1",
    "site_key": "A",
    "criterion_medically_important": "yes",
    "narrative": "=1+1 small\nulcer",
}
FOLLOW_UP = {
    "follow_up_key": "F1",
    "patient_key": "P-0001",
    "status": "seen",
    "session_key": "S1",
    "seen_on": "2026-02-25",
    "checklist_code": "standard_6_8w",
    "checklist_version": "1",
}
FINDING = {
    "follow_up_key": "F1",
    "event_term_code": "skin_necrosis",
    "state": "present",
    "event_key": "E1",
}
OUTCOME = {
    "follow_up_key": "F1",
    "side": "left",
    "anatomy_code": "calf_medial",
    "finding": "improved",
    "scale_code": "clearance_percent",
    "score": "60",
}
COMPLETE: dict[str, list[dict[str, str]]] = {
    "clinicians": [{"clinician_code": "DOC", "display_name": "Dr Doc"}],
    "patients": [PATIENT],
    "courses": [{"course_key": "C1", "patient_key": "P-0001", "opened_on": "2026-01-05"}],
    "sessions": [SESSION],
    "sites": [SITE],
    "injections": [INJECTION],
    "events": [EVENT],
    "follow_ups": [FOLLOW_UP],
    "findings": [FINDING],
    "site_outcomes": [OUTCOME],
}


def parsed(_without: Iterable[str] = (), **changed: list[dict[str, str]]) -> Parsed:
    content = {}
    for stem, rows in (COMPLETE | changed).items():
        text = io.StringIO(newline="")
        columns = [c for c in FILES[f"{stem}.csv"].columns if c not in set(_without)]
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        content[f"{stem}.csv"] = text.getvalue().encode()
    return read_files(content)


@pytest.fixture
def clinic_id(engine: Engine) -> int:
    with saving(engine) as db:
        return a_clinic(db)


@pytest.fixture
def by(engine: Engine, clinic_id: int) -> Actor:
    return command_line_actor(engine)


def stored_rows(engine: Engine) -> dict[str, int]:
    """Number of rows in every table that users fill."""
    with reading(engine) as db:
        return {
            name: db.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def rows_of(engine: Engine, model: Any) -> list[Any]:
    with reading(engine) as db:
        found = list(db.scalars(sa.select(model)))
        db.expunge_all()
        return found


def refusals(plan: ImportPlan) -> list[tuple[str, int, str, str]]:
    return [(p.file, p.row, p.column, p.rule) for p in plan.problems.kept(Level.REFUSE)]


def test_a_complete_set_is_stored_record_by_record(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    assert refusals(plan) == []
    assert {file: dict(states) for file, states in plan.counts.items()} == {
        f"{stem}.csv": {State.NEW: 1} for stem in COMPLETE
    }
    report = carry_out(engine, by, clinic_id, plan, now=NOW)
    assert {file: n for file, n in report.stored.items() if n} == {
        f"{stem}.csv": 1 for stem in COMPLETE
    }
    assert not report.already
    (patient,) = rows_of(engine, Patient)
    assert (patient.pseudonym, patient.birth_year, patient.version) == ("P-0001", 1970, 1)
    assert patient.id == record_id("LEG", "patients.csv", "P-0001")
    (session,) = rows_of(engine, TreatmentSession)
    (clinician,) = rows_of(engine, Clinician)
    assert (clinician.code, clinician.display_name) == ("DOC", "Dr Doc")
    assert (session.patient_id, session.clinician_id) == (patient.id, clinician.id)
    assert session.course_id == record_id("LEG", "courses.csv", "C1")
    (site,) = rows_of(engine, TreatedSite)
    (injection,) = rows_of(engine, Injection)
    (lot,) = rows_of(engine, Lot)
    assert injection.treated_site_id == site.id
    assert (injection.lot_id, lot.expires_on) == (lot.id, dt.date(2027, 1, 31))
    (event,) = rows_of(engine, AdverseEvent)
    assert (event.treatment_session_id, event.treated_site_id) == (session.id, site.id)
    assert (event.criterion_medically_important, event.criterion_death) == (True, False)
    assert event.narrative == "=1+1 small\nulcer"
    (finding,) = rows_of(engine, FollowUpFinding)
    assert finding.adverse_event_id == event.id
    assert len(rows_of(engine, SiteOutcome)) == 1
    assert rows_of(engine, PatientIdentity) == []
    (batch,) = rows_of(engine, ImportBatch)
    assert (batch.content_digest, batch.row_count) == (report.content_digest, 10)


def test_an_import_is_one_audited_change_set(engine: Engine, clinic_id: int, by: Actor) -> None:
    before = stored_rows(engine)
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    after = stored_rows(engine)
    assert after["change_set"] == before["change_set"] + 1
    assert after["seal"] == before["seal"] + 1
    (change_set,) = (c for c in rows_of(engine, ChangeSet) if c.action == "import_files")
    assert (change_set.actor_id, change_set.clinic_id) == (by.user_id, clinic_id)
    changed = sum(after[name] - before[name] for name in after if name not in audit.UNAUDITED)
    trail = [row for row in rows_of(engine, AuditRow) if row.change_set_id == change_set.id]
    assert len(trail) == changed == 12


def test_the_same_files_again_store_nothing_and_say_so(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    before = stored_rows(engine)
    later = NOW + dt.timedelta(days=1)
    plan = plan_import(engine, by, clinic_id, parsed(), now=later)
    assert plan.already == NOW
    assert {state for counts in plan.counts.values() for state in counts} == {State.IDENTICAL}
    report = carry_out(engine, by, clinic_id, plan, now=later)
    assert (report.already, report.at) == (True, NOW)
    assert sum(report.stored.values()) == 0
    assert stored_rows(engine) == before


def test_the_same_files_again_do_not_contradict_what_was_amended_since(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    patient = PatientEntry(
        id=record_id("LEG", "patients.csv", "P-0001"),
        pseudonym="P-0001",
        enrolled_on=dt.date(2026, 1, 5),
        birth_year=1971,
    )
    recording.amend(
        engine,
        by,
        clinic_id,
        patient,
        version=1,
        reason=ReasonForChange.TYPING_ERROR,
        request_key=audit.request_key(),
        now=NOW,
    )
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    assert plan.ready
    assert carry_out(engine, by, clinic_id, plan, now=NOW).already
    (stored,) = rows_of(engine, Patient)
    assert (stored.birth_year, stored.version) == (1971, 2)


def test_the_same_records_in_other_files_store_nothing(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    before = stored_rows(engine)
    report = carry_out(engine, by, clinic_id, parsed(_without=["note"]), now=NOW)
    assert report.already
    assert sum(report.stored.values()) == 0
    assert stored_rows(engine) == before


def test_only_what_is_new_is_added(engine: Engine, clinic_id: int, by: Actor) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    second = SESSION | {"session_key": "S2", "treated_on": "2026-02-10"}
    report = carry_out(
        engine,
        by,
        clinic_id,
        parsed(
            sessions=[SESSION, second],
            sites=[SITE, SITE | {"session_key": "S2"}],
            injections=[INJECTION, INJECTION | {"session_key": "S2"}],
        ),
        now=NOW,
    )
    assert {file for file, count in report.stored.items() if count} == {
        "sessions.csv",
        "sites.csv",
        "injections.csv",
    }
    assert report.identical["patients.csv"] == 1
    assert len(rows_of(engine, TreatmentSession)) == 2
    assert len(rows_of(engine, Lot)) == 1


@pytest.mark.parametrize(
    ("changed", "place", "column"),
    [
        ({"patients": [PATIENT | {"birth_year": "1971"}]}, ("patients.csv", 2), "birth_year"),
        ({"patients": [PATIENT | {"family_name": "Doe"}]}, ("patients.csv", 2), "family_name"),
        ({"sessions": [SESSION | {"pain": "4"}]}, ("sessions.csv", 2), "pain"),
        ({"injections": [INJECTION | {"liquid_ml": "3"}]}, ("sessions.csv", 2), "liquid_ml"),
        (
            {"injections": [INJECTION | {"expires_on": "2027-02-01"}]},
            ("sessions.csv", 2),
            "expires_on",
        ),
        ({"injections": [INJECTION, INJECTION]}, ("sessions.csv", 2), "number of injection rows"),
        ({"events": [EVENT | {"severity": "mild"}]}, ("events.csv", 2), "severity"),
        ({"findings": []}, ("follow_ups.csv", 2), "number of follow up finding rows"),
        (
            {"clinicians": [COMPLETE["clinicians"][0] | {"display_name": "Dr Who"}]},
            ("clinicians.csv", 2),
            "under another name",
        ),
    ],
)
def test_stored_with_other_content_is_refused_with_its_place_and_column(
    engine: Engine,
    clinic_id: int,
    by: Actor,
    changed: dict[str, list[dict[str, str]]],
    place: tuple[str, int],
    column: str,
) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    before = stored_rows(engine)
    plan = plan_import(engine, by, clinic_id, parsed(**changed), now=NOW)
    (problem,) = plan.problems.kept(Level.REFUSE)
    assert (problem.rule, (problem.file, problem.row)) == ("stored_otherwise", place)
    assert column in str(problem.message)
    assert plan.counts[place[0]][State.CONFLICTING] >= 1
    with pytest.raises(ImportRefused, match="Nothing was stored"):
        carry_out(engine, by, clinic_id, plan, now=NOW)
    assert stored_rows(engine) == before


def test_columns_left_out_do_not_contradict_what_is_stored(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(
        engine,
        by,
        clinic_id,
        parsed(
            patients=[PATIENT | {"family_name": "Doe", "birth_date": "1970-05-17"}],
            sessions=[SESSION | {"note": "calm"}],
        ),
        now=NOW,
    )
    withheld = [c for f in FILES.values() for c, column in f.columns.items() if column.withheld]
    report = carry_out(engine, by, clinic_id, parsed(_without=withheld), now=NOW)
    assert report.already


def test_a_voided_record_does_not_come_back(engine: Engine, clinic_id: int, by: Actor) -> None:
    carry_out(engine, by, clinic_id, parsed(findings=[]), now=NOW)
    recording.void(
        engine,
        by,
        clinic_id,
        EventEntry,
        record_id("LEG", "events.csv", "E1"),
        version=1,
        reason=ReasonForChange.DUPLICATE,
        request_key=audit.request_key(),
        now=NOW,
    )
    again = parsed(_without=["note"], findings=[])
    plan = plan_import(engine, by, clinic_id, again, now=NOW)
    assert refusals(plan) == [("events.csv", 2, "", "voided")]


NOTHING_AFTER: dict[str, list[dict[str, str]]] = {
    "events": [],
    "follow_ups": [],
    "findings": [],
    "site_outcomes": [],
}
WRONG: list[tuple[dict[str, list[dict[str, str]]], tuple[str, int, str, str]]] = [
    (
        {"sessions": [SESSION | {"treated_on": "1969-01-10"}]},
        ("sessions.csv", 2, "treated_on", "not_before_birth"),
    ),
    (
        {"sessions": [SESSION | {"treated_on": "2026-03-03"}], **NOTHING_AFTER},
        ("sessions.csv", 2, "treated_on", "not_in_future"),
    ),
    (
        {"sessions": [SESSION | {"patient_key": "P-0002"}], **NOTHING_AFTER},
        ("sessions.csv", 2, "patient_key", "known_patient"),
    ),
    (
        {"sessions": [SESSION | {"clinician_code": "X"}]},
        ("sessions.csv", 2, "clinician_code", "known_clinician"),
    ),
    (
        {"sessions": [SESSION | {"course_key": "C2"}]},
        ("sessions.csv", 2, "course_key", "of_same_patient"),
    ),
    ({"sessions": [SESSION, SESSION]}, ("sessions.csv", 3, "session_key", "key_once")),
    ({"patients": [PATIENT, PATIENT]}, ("patients.csv", 3, "patient_key", "key_once")),
    (
        {"patients": [PATIENT, PATIENT | {"patient_key": "P-2", "pseudonym": "P-0001"}]},
        ("patients.csv", 3, "pseudonym", "unique"),
    ),
    (
        {"patients": [PATIENT, PATIENT | {"patient_key": "x" * 40}]},
        ("patients.csv", 3, "pseudonym", "length"),
    ),
    ({"injections": []}, ("sessions.csv", 2, "", "required")),
    (
        {"injections": [INJECTION, INJECTION | {"session_key": "S9"}]},
        ("injections.csv", 3, "session_key", "in_same_files"),
    ),
    (
        {"injections": [INJECTION, INJECTION | {"site_key": "B"}]},
        ("injections.csv", 3, "site_key", "known_site_key"),
    ),
    (
        {"injections": [INJECTION, INJECTION | {"concentration_percent": "0.7"}]},
        ("injections.csv", 3, "concentration_percent", "strength_of_product"),
    ),
    (
        {"injections": [INJECTION | {"liquid_ml": "400"}]},
        ("injections.csv", 2, "liquid_ml", "in_range"),
    ),
    (
        {"injections": [INJECTION, INJECTION | {"expires_on": "2027-02-01"}]},
        ("injections.csv", 3, "expires_on", "expiry_of_lot"),
    ),
    (
        {"injections": [INJECTION, INJECTION | {"is_compounded": "yes"}]},
        ("injections.csv", 3, "is_compounded", "lot_agrees"),
    ),
    (
        {"injections": [INJECTION | {"lot_number": "", "expires_on": "", "is_compounded": "yes"}]},
        ("injections.csv", 2, "lot_number", "compounded_needs_lot"),
    ),
    (
        {"sites": [SITE, SITE | {"side": "right"}]},
        ("sites.csv", 3, "site_key", "key_once"),
    ),
    (
        {"events": [EVENT | {"onset_on": "2026-01-09"}]},
        ("events.csv", 2, "onset_on", "not_before_session"),
    ),
    (
        {"events": [EVENT | {"session_key": "S2", "site_key": ""}]},
        ("events.csv", 2, "session_key", "known_session"),
    ),
    (
        {"events": [EVENT | {"site_key": "B"}]},
        ("events.csv", 2, "site_key", "known_site_key"),
    ),
    (
        {"events": [EVENT | {"site_key": str(UUID(int=7))}]},
        ("events.csv", 2, "site_key", "site_of_session"),
    ),
    (
        {"follow_ups": [FOLLOW_UP | {"seen_on": "2026-01-09"}]},
        ("follow_ups.csv", 2, "seen_on", "not_before_session"),
    ),
    (
        {"findings": [FINDING | {"event_key": "E2"}]},
        ("findings.csv", 2, "event_key", "of_same_patient"),
    ),
    (
        {"findings": [FINDING | {"state": "not_assessed"}]},
        ("findings.csv", 2, "state", "event_needs_presence"),
    ),
    (
        {"findings": [FINDING, FINDING | {"follow_up_key": "F2"}]},
        ("findings.csv", 3, "follow_up_key", "in_same_files"),
    ),
    (
        {"site_outcomes": [OUTCOME | {"score": "101"}]},
        ("site_outcomes.csv", 2, "score", "score_on_scale"),
    ),
]


@pytest.mark.parametrize(
    ("changed", "expected"), WRONG, ids=["-".join(map(str, e)) for _, e in WRONG]
)
def test_one_wrong_row_refuses_the_whole_set(
    sqlite_engine: Engine,
    changed: dict[str, list[dict[str, str]]],
    expected: tuple[str, int, str, str],
) -> None:
    engine = sqlite_engine
    with saving(engine) as db:
        clinic_id = a_clinic(db)
    before = stored_rows(engine)
    with pytest.raises(ImportRefused) as refused:
        carry_out(engine, command_line_actor(engine), clinic_id, parsed(**changed), now=NOW)
    assert refusals(refused.value.plan) == [expected]
    assert stored_rows(engine) == before


def test_an_unreadable_row_is_not_reported_again_by_what_refers_to_it(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    plan = plan_import(
        engine,
        by,
        clinic_id,
        parsed(
            patients=[PATIENT, PATIENT | {"patient_key": "P-2", "birth_year": "?"}],
            sessions=[
                SESSION | {"pain": "?"},
                SESSION | {"session_key": "S2", "patient_key": "P-2", "course_key": ""},
                SESSION | {"session_key": "S3", "treated_on": "2026-01-20"},
            ],
            injections=[
                INJECTION,
                INJECTION | {"session_key": "S2", "site_key": ""},
                INJECTION | {"session_key": "S3", "site_key": "", "liquid_ml": "?"},
            ],
        ),
        now=NOW,
    )
    assert refusals(plan) == [
        ("patients.csv", 3, "birth_year", "whole_number"),
        ("sessions.csv", 2, "pain", "whole_number"),
        ("injections.csv", 4, "liquid_ml", "decimal_number"),
    ]


def test_what_may_be_true_is_stored_only_when_confirmed(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    expired = parsed(injections=[INJECTION | {"expires_on": "2025-12-31"}])
    plan = plan_import(engine, by, clinic_id, expired, now=NOW)
    assert [(e.count, e.first.rule, e.first.file) for e in plan.to_confirm] == [
        (1, "lot_not_expired", "injections.csv")
    ]
    with pytest.raises(ImportRefused, match="lot_not_expired"):
        carry_out(engine, by, clinic_id, plan, now=NOW)
    assert rows_of(engine, Patient) == []
    accepted = plan_import(engine, by, clinic_id, expired, now=NOW, accepted=["lot_not_expired"])
    carry_out(engine, by, clinic_id, accepted, now=NOW)
    assert len(rows_of(engine, Patient)) == 1


def test_limits_per_day_count_the_other_session_of_the_day(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    heavy = INJECTION | {"concentration_percent": "2", "liquid_ml": "4", "lot_number": "L-2"}
    session = SESSION | {"weight_kg": "50"}
    carry_out(
        engine,
        by,
        clinic_id,
        parsed(sessions=[session], injections=[heavy], events=[], findings=[]),
        now=NOW,
    )
    second = session | {"session_key": "S2"}
    more = parsed(
        sessions=[second],
        sites=[],
        injections=[heavy | {"session_key": "S2", "site_key": ""}],
        events=[],
        follow_ups=[],
        findings=[],
        site_outcomes=[],
    )
    plan = plan_import(engine, by, clinic_id, more, now=NOW)
    rules = {entry.first.rule.partition(":")[0] for entry in plan.to_confirm}
    assert rules == {"second_session_that_day", "dose"}


def test_notes_are_counted_and_do_not_stop(engine: Engine, clinic_id: int, by: Actor) -> None:
    unknown = {"session_key": "S1", "product_code": "unspecified_sclerosant", "form": "foam"}
    report = carry_out(
        engine,
        by,
        clinic_id,
        parsed(sites=[], injections=[unknown] * 2, events=[EVENT | {"site_key": ""}]),
        now=NOW,
    )
    assert [(n.count, n.first.rule) for n in report.notes] == [(1, "no_limit_known")]


def test_a_patient_enrolled_on_the_page_is_found_by_pseudonym(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    entry = PatientEntry(id=UUID(int=5), pseudonym="P-0001", enrolled_on=dt.date(2026, 1, 5))
    recording.enrol_patient(engine, by, clinic_id, entry, now=NOW)
    carry_out(engine, by, clinic_id, parsed(patients=[]), now=NOW)
    (session,) = rows_of(engine, TreatmentSession)
    assert session.patient_id == UUID(int=5)
    assert len(rows_of(engine, Patient)) == 1


def test_a_pseudonym_taken_by_another_patient_is_refused(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    with saving(engine) as db:
        a_patient(db, clinic_id, pseudonym="P-0001")
    taken = parsed(patients=[PATIENT | {"patient_key": "K1", "pseudonym": "P-0001"}])
    plan = plan_import(engine, by, clinic_id, taken, now=NOW)
    assert ("patients.csv", 2, "pseudonym", "unique") in refusals(plan)


def test_a_lot_on_the_shelf_gets_its_missing_expiry(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    with saving(engine) as db:
        a_lot(
            db,
            clinic_id,
            id=lot_id(clinic_id, "aethoxysklerol", "L-1"),
            product_code="aethoxysklerol",
            lot_number="L-1",
            expires_on=None,
        )
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    (lot,) = rows_of(engine, Lot)
    assert (lot.expires_on, lot.version) == (dt.date(2027, 1, 31), 2)


def test_keys_of_one_clinic_mean_nothing_in_another(engine: Engine, clinic_id: int) -> None:
    with saving(engine) as db:
        other = a_clinic(db, code="ARM", name="Arm clinic")
    everywhere = command_line_actor(engine)
    for clinic in (clinic_id, other):
        carry_out(engine, everywhere, clinic, parsed(), now=NOW)
    patients = rows_of(engine, Patient)
    assert {p.clinic_id for p in patients} == {clinic_id, other}
    assert len({p.id for p in patients}) == 2


def test_only_who_may_import_imports(engine: Engine, clinic_id: int, by: Actor) -> None:
    content = parsed()
    plan = plan_import(engine, by, clinic_id, content, now=NOW)
    for role in Role:
        actor = Actor(by.user_id, "ada", "Ada", (Grant(clinic_id, role, see_identity=True),))
        if role is Role.DATA_MANAGER:
            continue
        with pytest.raises(PermissionDenied):
            plan_import(engine, actor, clinic_id, content, now=NOW)
        with pytest.raises(PermissionDenied):
            carry_out(engine, actor, clinic_id, plan, now=NOW)
    elsewhere = Actor(by.user_id, "ada", "Ada", (Grant(clinic_id + 1, Role.DATA_MANAGER),))
    with pytest.raises(PermissionDenied):
        carry_out(engine, elsewhere, clinic_id, plan, now=NOW)
    with pytest.raises(PermissionDenied, match="another clinic"):
        carry_out(engine, elsewhere, clinic_id + 1, plan, now=NOW)
    assert rows_of(engine, Patient) == []


def test_a_demonstration_clinic_takes_no_real_files(engine: Engine) -> None:
    with saving(engine) as db:
        clinic_id = a_clinic(db, is_demo=True)
    by = command_line_actor(engine)
    with pytest.raises(PermissionDenied, match="demonstration"):
        carry_out(engine, by, clinic_id, parsed(), now=NOW)
    assert rows_of(engine, Patient) == []
    carry_out(engine, by, clinic_id, parsed(), now=NOW, allow_demo=True)
    assert len(rows_of(engine, Patient)) == 1


def test_a_plan_is_made_again_when_somebody_stored_meanwhile(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    carry_out(engine, by, clinic_id, parsed(events=[], findings=[]), now=NOW)
    assert plan.new_rows == 10
    before = stored_rows(engine)
    with pytest.raises(ImportRefused) as refused:
        carry_out(engine, by, clinic_id, plan, now=NOW)
    assert [rule for *_, rule in refusals(refused.value.plan)] == ["stored_otherwise"]
    assert stored_rows(engine) == before
    first = plan_import(
        engine, by, clinic_id, parsed(follow_ups=[], findings=[], site_outcomes=[]), now=NOW
    )
    with saving(engine) as db:
        a_patient(db, clinic_id)
    report = carry_out(engine, by, clinic_id, first, now=NOW)
    assert {file for file, count in report.stored.items() if count} == {"events.csv"}


def test_records_carry_the_instant_of_storing_not_of_planning(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    later = NOW + dt.timedelta(hours=1)
    carry_out(engine, by, clinic_id, plan, now=later)
    assert {record.recorded_at for model in RECORDS for record in rows_of(engine, model)} == {later}


def test_two_people_importing_the_same_files_store_them_once(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    barrier = threading.Barrier(2)
    outcomes: list[object] = []

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(carry_out(engine, by, clinic_id, plan, now=NOW).already)
        except Conflict as conflict:
            outcomes.append(conflict)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["False", "True"]
    assert len(rows_of(engine, Patient)) == 1
    assert len(rows_of(engine, ImportBatch)) == 1


def test_progress_runs_through_checking_and_storing(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    seen: list[tuple[int, int, str]] = []
    carry_out(engine, by, clinic_id, parsed(), now=NOW, progress=lambda *step: seen.append(step))
    assert list(dict.fromkeys(phase for *_, phase in seen)) == ["checking", "storing"]
    assert seen[-1][0] == seen[-1][1]

"""Are answers, links, lots, scores, attempts and settings imported by the rules of their pages?"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Grant
from registry.database import reading
from registry.entry.clinic_settings import recall_lot, set_clinic_setting
from registry.entry.known import answers_of
from registry.entry.patient_links import unlink_patients
from registry.entry.problems import Level
from registry.errors import PermissionDenied
from registry.exchange import ImportPlan, Parsed, State, carry_out, plan_import, read_files
from registry.exchange.format import FILES, record_id
from registry.exchange.single_rows import SINGLE
from registry.operations.migration import command_line_actor
from registry.schema import (
    AdverseEvent,
    Base,
    ClinicSetting,
    LimbAssessment,
    Lot,
    PatientLink,
    ProductGtin,
    RiskFact,
    SafetyOverride,
)
from registry.vocabulary import Role
from tests.factories import NOW, a_clinic, a_product_gtin, saving

Rows = list[dict[str, str]]

PATIENTS: Rows = [
    {"patient_key": key, "enrolled_on": "2025-01-05", "birth_year": "1970"}
    for key in ("P-1", "P-2", "P-3")
]
SESSION = {"session_key": "S1", "patient_key": "P-1", "treated_on": "2026-01-10"}
INJECTION = {
    "session_key": "S1",
    "product_code": "aethoxysklerol",
    "form": "liquid",
    "lot_number": "L-1",
}
VISIT = {"follow_up_key": "F1", "patient_key": "P-1", "status": "seen", "seen_on": "2026-02-25"}
LINK = {"link_key": "K1", "patient_key": "P-2", "same_as_key": "P-1"}
FACT = {
    "risk_fact_key": "R1",
    "patient_key": "P-1",
    "condition_code": "pregnancy",
    "answer": "no",
    "answered_on": "2026-01-10",
}
LOT = {"product_code": "aethoxysklerol", "lot_number": "L-1", "expires_on": "2027-01-31"}
OVERRIDE = {
    "session_key": "S1",
    "rule": "lot_recalled",
    "catalogue_version": "2026-11-23",
    "reason": "recorded_afterwards",
}
ATTEMPT = {
    "contact_attempt_key": "A1",
    "patient_key": "P-1",
    "follow_up_key": "F1",
    "attempted_on": "2026-02-20",
    "method": "phone",
    "outcome": "no_answer",
}
LEG = {
    "assessment_key": "L1",
    "patient_key": "P-1",
    "side": "left",
    "assessed_on": "2026-01-10",
    "ceap": "C2r",
    "pain": "3",
}
ANSWER = {
    "answer_key": "Q1",
    "patient_key": "P-1",
    "follow_up_key": "F1",
    "answered_on": "2026-02-25",
    "item_code": "symptom_heaviness",
    "score": "4",
}
PACK = {"gtin": "09501101530003", "product_code": "aethoxysklerol", "concentration_percent": "0.5"}
SETTING = {"code": "shortest_interval_days", "value": "42", "valid_from": "2026-01-01"}
CHANGE = {"change_point_key": "C1", "changed_on": "2026-03-01", "what": "CO2 foam"}
COMPLETE: dict[str, Rows] = {
    "patients": PATIENTS,
    "patient_links": [LINK],
    "risk_facts": [FACT],
    "sessions": [SESSION],
    "lots": [LOT],
    "injections": [INJECTION],
    "safety_overrides": [OVERRIDE],
    "follow_ups": [VISIT],
    "contact_attempts": [ATTEMPT],
    "limb_assessments": [LEG],
    "reported_outcomes": [ANSWER],
    "packs": [PACK],
    "clinic_settings": [SETTING],
    "change_points": [CHANGE],
}


def parsed(*, leaving_out: tuple[str, ...] = (), **changed: Rows) -> Parsed:
    content = {}
    for stem, rows in (COMPLETE | changed).items():
        if stem not in leaving_out:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, list(FILES[f"{stem}.csv"].columns))
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


def rows_of(engine: Engine, model: Any) -> list[Any]:
    with reading(engine) as db:
        found = list(db.scalars(sa.select(model)))
        db.expunge_all()
        return found


def refusals(plan: ImportPlan) -> list[tuple[str, int, str, str]]:
    return [(p.file, p.row, p.column, p.rule) for p in plan.problems.kept(Level.REFUSE)]


def test_each_row_is_stored_and_found_again(engine: Engine, clinic_id: int, by: Actor) -> None:
    report = carry_out(engine, by, clinic_id, parsed(), now=NOW)
    assert {name: n for name, n in report.stored.items() if n} == {
        f"{stem}.csv": len(rows) for stem, rows in COMPLETE.items()
    }
    for model in SINGLE.values():
        assert len(rows_of(engine, model)) == 1, model
    (leg,) = rows_of(engine, LimbAssessment)
    assert (leg.id, leg.pain, leg.oedema) == (
        record_id("LEG", "limb_assessments.csv", "L1"),
        3,
        None,
    )
    assert leg.recorded_at == NOW
    (link,) = rows_of(engine, PatientLink)
    assert link.same_as_id == record_id("LEG", "patients.csv", "P-1")
    (override,) = rows_of(engine, SafetyOverride)
    assert (override.reason, override.reason_text) == ("recorded_afterwards", None)
    (lot,) = rows_of(engine, Lot)
    assert (lot.expires_on, lot.recalled_on) == (dt.date(2027, 1, 31), None)
    again = plan_import(engine, by, clinic_id, parsed(packs=[]), now=NOW)
    assert again.ready
    assert again.new_rows == 0


def test_only_who_may_link_on_a_page_links_by_a_file(sqlite_engine: Engine) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = a_clinic(db)
    operator = command_line_actor(sqlite_engine)
    manager = replace(operator, grants=(Grant(clinic_id, Role.DATA_MANAGER),))
    with pytest.raises(PermissionDenied, match=r"patient_links\.csv"):
        plan_import(sqlite_engine, manager, clinic_id, parsed(), now=NOW)
    plan = plan_import(sqlite_engine, operator, clinic_id, parsed(), now=NOW)
    with pytest.raises(PermissionDenied, match=r"patient_links\.csv"):
        carry_out(sqlite_engine, manager, clinic_id, plan, now=NOW)
    assert rows_of(sqlite_engine, PatientLink) == []
    seeing = replace(operator, grants=(Grant(clinic_id, Role.DATA_MANAGER, see_identity=True),))
    carry_out(sqlite_engine, seeing, clinic_id, parsed(), now=NOW)
    assert len(rows_of(sqlite_engine, PatientLink)) == 1
    # What is linked already may stand in a file that somebody else imports.
    again = plan_import(sqlite_engine, manager, clinic_id, parsed(packs=[]), now=NOW)
    assert again.new_rows == 0


@pytest.mark.parametrize(
    ("changed", "place", "column"),
    [
        ({"risk_facts": [FACT | {"answer": "yes"}]}, "risk_facts.csv", "answer"),
        ({"limb_assessments": [LEG | {"pain": "2"}]}, "limb_assessments.csv", "pain"),
        ({"reported_outcomes": [ANSWER | {"score": "5"}]}, "reported_outcomes.csv", "score"),
        ({"contact_attempts": [ATTEMPT | {"method": "email"}]}, "contact_attempts.csv", "method"),
        ({"patient_links": [LINK | {"same_as_key": "P-3"}]}, "patient_links.csv", "same_as_key"),
        ({"lots": [LOT | {"recalled_on": "2026-02-01"}]}, "lots.csv", "recalled_on"),
        ({"packs": [PACK | {"concentration_percent": "1"}]}, "packs.csv", "concentration_percent"),
        ({"clinic_settings": [SETTING | {"value": "7"}]}, "clinic_settings.csv", "value"),
        ({"change_points": [CHANGE | {"begins_limits": "no"}]}, "change_points.csv", "begins_"),
        (
            {"safety_overrides": [OVERRIDE | {"reason": "other"}]},
            "sessions.csv",
            "reason",
        ),
        ({"safety_overrides": []}, "sessions.csv", "number of safety override rows"),
    ],
)
def test_stored_with_other_content_is_refused(
    sqlite_engine: Engine, changed: dict[str, Rows], place: str, column: str
) -> None:
    engine = sqlite_engine
    with saving(engine) as db:
        clinic_id = a_clinic(db)
    by = command_line_actor(engine)
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    plan = plan_import(engine, by, clinic_id, parsed(**changed), now=NOW)
    (problem,) = plan.problems.kept(Level.REFUSE)
    assert (problem.file, problem.row, problem.rule) == (place, 2, "stored_otherwise")
    assert column in str(problem.message)
    assert plan.counts[place][State.CONFLICTING] >= 1


LATER = {"risk_fact_key": "R2", "answered_on": "2026-03-03"}
WRONG: list[tuple[dict[str, Rows], tuple[str, int, str, str]]] = [
    ({"risk_facts": [FACT, FACT]}, ("risk_facts.csv", 3, "risk_fact_key", "key_once")),
    ({"risk_facts": [FACT | LATER]}, ("risk_facts.csv", 2, "answered_on", "not_in_future")),
    (
        {"risk_facts": [FACT | {"sclerosant_code": "polidocanol"}]},
        ("risk_facts.csv", 2, "sclerosant_code", "known_agent"),
    ),
    (
        {"risk_facts": [FACT | {"patient_key": "P-9"}]},
        ("risk_facts.csv", 2, "patient_key", "known_patient"),
    ),
    (
        {"limb_assessments": [LEG | {"pain": "4"}]},
        ("limb_assessments.csv", 2, "pain", "in_range"),
    ),
    (
        {"limb_assessments": [LEG | {"pain": "", "ceap": ""}]},
        ("limb_assessments.csv", 2, "ceap", "required"),
    ),
    (
        {"limb_assessments": [LEG, LEG | {"assessment_key": "L2"}]},
        ("limb_assessments.csv", 3, "side", "once_a_day"),
    ),
    (
        {"limb_assessments": [LEG | {"assessed_on": "1969-12-31"}]},
        ("limb_assessments.csv", 2, "assessed_on", "not_before_birth"),
    ),
    (
        {"reported_outcomes": [ANSWER | {"score": "11"}]},
        ("reported_outcomes.csv", 2, "score", "in_range"),
    ),
    (
        {"reported_outcomes": [ANSWER, ANSWER | {"answer_key": "Q2"}]},
        ("reported_outcomes.csv", 3, "item_code", "once_a_day"),
    ),
    (
        {"reported_outcomes": [ANSWER | {"patient_key": "P-3"}]},
        ("reported_outcomes.csv", 2, "follow_up_key", "known_follow_up"),
    ),
    (
        {"contact_attempts": [ATTEMPT | {"patient_key": "P-3"}]},
        ("contact_attempts.csv", 2, "follow_up_key", "of_same_patient"),
    ),
    (
        {"contact_attempts": [ATTEMPT | {"attempted_on": "2026-03-03"}]},
        ("contact_attempts.csv", 2, "attempted_on", "not_in_future"),
    ),
    (
        {"patient_links": [LINK | {"same_as_key": "P-2"}]},
        ("patient_links.csv", 2, "same_as_key", "two_patients"),
    ),
    (
        {"patient_links": [LINK | {"same_as_key": "P-9"}]},
        ("patient_links.csv", 2, "same_as_key", "known_patient"),
    ),
    (
        {"patient_links": [LINK, LINK | {"link_key": "K2"}]},
        ("patient_links.csv", 3, "patient_key", "one_link"),
    ),
    (
        {"patient_links": [LINK, LINK | {"link_key": "K2", "same_as_key": "P-3"}]},
        ("patient_links.csv", 3, "patient_key", "one_link"),
    ),
    (
        {"patient_links": [LINK, {"link_key": "K2", "patient_key": "P-1", "same_as_key": "P-3"}]},
        ("patient_links.csv", 3, "patient_key", "one_link"),
    ),
    ({"lots": [LOT, LOT]}, ("lots.csv", 3, "product_code", "key_once")),
    (
        {"injections": [INJECTION | {"expires_on": "2027-02-28"}]},
        ("injections.csv", 2, "expires_on", "expiry_of_lot"),
    ),
    ({"packs": [PACK | {"gtin": "09501101530004"}]}, ("packs.csv", 2, "gtin", "check_digit")),
    ({"packs": [PACK | {"gtin": "a number"}]}, ("packs.csv", 2, "gtin", "check_digit")),
    (
        {"packs": [PACK | {"concentration_percent": "0.7"}]},
        ("packs.csv", 2, "concentration_percent", "strength_of_product"),
    ),
    (
        {"clinic_settings": [SETTING | {"value": "0"}]},
        ("clinic_settings.csv", 2, "value", "in_range"),
    ),
    ({"change_points": [CHANGE | {"what": "x" * 201}]}, ("change_points.csv", 2, "what", "length")),
    (
        {"change_points": [CHANGE | {"what": "two\nlines"}]},
        ("change_points.csv", 2, "what", "length"),
    ),
    (
        {"change_points": [CHANGE, CHANGE | {"change_point_key": "C2", "what": "CO2 FOAM"}]},
        ("change_points.csv", 3, "what", "known"),
    ),
    (
        {"safety_overrides": [OVERRIDE, OVERRIDE]},
        ("safety_overrides.csv", 3, "rule", "key_once"),
    ),
    (
        {"safety_overrides": [OVERRIDE | {"session_key": "S9"}]},
        ("safety_overrides.csv", 2, "session_key", "in_same_files"),
    ),
    (
        {"safety_overrides": [OVERRIDE | {"rule": "x" * 161}]},
        ("safety_overrides.csv", 2, "rule", "length"),
    ),
]


@pytest.mark.parametrize(
    ("changed", "expected"),
    WRONG,
    ids=[f"{i}-{e[0]}-{e[2]}-{e[3]}" for i, (_, e) in enumerate(WRONG)],
)
def test_one_wrong_row_refuses_the_whole_set(
    sqlite_engine: Engine, changed: dict[str, Rows], expected: tuple[str, int, str, str]
) -> None:
    with saving(sqlite_engine) as db:
        clinic_id = a_clinic(db)
    plan = plan_import(
        sqlite_engine, command_line_actor(sqlite_engine), clinic_id, parsed(**changed), now=NOW
    )
    assert refusals(plan) == [expected]


def test_what_the_registry_said_already_counts(engine: Engine, clinic_id: int, by: Actor) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    more = parsed(
        limb_assessments=[LEG | {"assessment_key": "L2"}],
        reported_outcomes=[ANSWER | {"answer_key": "Q2"}],
        change_points=[CHANGE | {"change_point_key": "C2"}],
        patient_links=[{"link_key": "K2", "patient_key": "P-1", "same_as_key": "P-3"}],
    )
    plan = plan_import(engine, by, clinic_id, more, now=NOW)
    assert refusals(plan) == [
        ("patient_links.csv", 2, "patient_key", "one_link"),
        ("limb_assessments.csv", 2, "side", "once_a_day"),
        ("reported_outcomes.csv", 2, "item_code", "once_a_day"),
        ("change_points.csv", 2, "what", "known"),
    ]


def test_an_unreadable_row_is_not_reported_again_by_what_refers_to_it(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    broken = parsed(
        follow_ups=[VISIT | {"seen_on": "soon"}],
        patients=[PATIENTS[0], PATIENTS[1] | {"birth_year": "?"}, PATIENTS[2]],
    )
    plan = plan_import(engine, by, clinic_id, broken, now=NOW)
    assert refusals(plan) == [
        ("patients.csv", 3, "birth_year", "whole_number"),
        ("follow_ups.csv", 2, "seen_on", "day"),
    ]


def test_records_of_one_person_belong_together_under_either_patient(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    event = {
        "event_key": "E1",
        "patient_key": "P-2",
        "event_term_code": "skin_necrosis",
        "onset_on": "2026-01-15",
        "reported_on": "2026-01-20",
        "session_key": "S1",
    }
    other = {"contact_attempts": [ATTEMPT | {"patient_key": "P-2"}], "events": [event]}
    report = carry_out(engine, by, clinic_id, parsed(**other), now=NOW)
    assert report.stored["events.csv"] == 1
    unlink_patients(
        engine,
        by,
        clinic_id,
        duplicate_id=record_id("LEG", "patients.csv", "P-2"),
        reason="two people after all",
        request_key=audit.request_key(),
        now=NOW,
    )
    later = parsed(**other | {"patient_links": [], "events": [event | {"event_key": "E2"}]})
    plan = plan_import(engine, by, clinic_id, later, now=NOW)
    assert refusals(plan) == [("events.csv", 2, "session_key", "known_session")]
    assert len(rows_of(engine, AdverseEvent)) == 1


def test_of_answers_on_one_day_the_last_row_stands(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    said = ["no", "yes", "no", "no", "yes"]
    facts = [FACT | {"risk_fact_key": f"R{i}", "answer": word} for i, word in enumerate(said)]
    plan = plan_import(engine, by, clinic_id, parsed(risk_facts=facts), now=NOW)
    later = NOW + dt.timedelta(hours=1)
    carry_out(engine, by, clinic_id, plan, now=later)
    with reading(engine) as db:
        answers = answers_of(db, clinic_id, [record_id("LEG", "patients.csv", "P-1")])
    assert [answer.answer for answer in answers] == said
    recorded = {fact.recorded_at for fact in rows_of(engine, RiskFact)}
    assert min(recorded) == later
    assert max(recorded) - later < dt.timedelta(milliseconds=1)


def test_a_recalled_lot_must_be_confirmed_unless_a_reason_is_in_the_files(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    recalled = [LOT | {"recalled_on": "2026-01-01"}]
    bare = plan_import(engine, by, clinic_id, parsed(lots=recalled, safety_overrides=[]), now=NOW)
    assert [(e.first.rule, e.first.level) for e in bare.to_confirm] == [
        ("lot_recalled", Level.STOP)
    ]
    given = plan_import(engine, by, clinic_id, parsed(lots=recalled), now=NOW)
    assert given.ready
    assert "lot_recalled" in given.problems.rules(Level.NOTE)
    carry_out(engine, by, clinic_id, given, now=NOW)
    (lot,) = rows_of(engine, Lot)
    assert lot.recalled_on == dt.date(2026, 1, 1)


def test_a_recall_in_the_registry_is_known_to_an_import(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    recall_lot(
        engine,
        by,
        clinic_id,
        "aethoxysklerol",
        "L-1",
        dt.date(2026, 1, 1),
        request_key=audit.request_key(),
        now=NOW,
    )
    files = parsed(lots=[], safety_overrides=[])
    plan = plan_import(engine, by, clinic_id, files, now=NOW)
    assert {e.first.rule for e in plan.to_confirm} == {"lot_recalled"}


def test_a_lot_gets_its_missing_expiry_from_the_list_of_lots(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(engine, by, clinic_id, parsed(lots=[]), now=NOW)
    report = carry_out(engine, by, clinic_id, parsed(), now=NOW)
    assert {name: n for name, n in report.stored.items() if n} == {"lots.csv": 1}
    (lot,) = rows_of(engine, Lot)
    assert (lot.expires_on, lot.version) == (dt.date(2027, 1, 31), 2)
    assert carry_out(engine, by, clinic_id, parsed(packs=[]), now=NOW).already


def test_settings_and_packs_are_known_by_what_they_are(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    with saving(engine) as db:
        a_product_gtin(db, clinic_id, gtin=PACK["gtin"], concentration_percent=Decimal("0.5"))
    set_clinic_setting(
        engine,
        by,
        clinic_id,
        SETTING["code"],
        Decimal(42),
        valid_from=dt.date(2026, 1, 1),
        request_key=audit.request_key(),
        now=NOW,
    )
    plan = plan_import(engine, by, clinic_id, parsed(), now=NOW)
    assert plan.counts["packs.csv"] == plan.counts["clinic_settings.csv"] == {State.IDENTICAL: 1}
    carry_out(engine, by, clinic_id, plan, now=NOW)
    assert [len(rows_of(engine, model)) for model in (ClinicSetting, ProductGtin)] == [1, 1]


def test_files_without_reasons_do_not_contradict_the_reasons_stored(
    engine: Engine, clinic_id: int, by: Actor
) -> None:
    carry_out(engine, by, clinic_id, parsed(), now=NOW)
    plan = plan_import(engine, by, clinic_id, parsed(leaving_out=("safety_overrides",)), now=NOW)
    assert refusals(plan) == []
    assert plan.counts["sessions.csv"] == {State.IDENTICAL: 1}


def test_photographs_are_listed_and_not_stored(engine: Engine, clinic_id: int, by: Actor) -> None:
    photograph = {
        "photograph_key": "X1",
        "patient_key": "P-1",
        "taken_on": "2026-01-10",
        "side": "left",
        "view": "medial",
        "consent_version": "1",
        "content_digest": "0" * 64,
    }
    report = carry_out(engine, by, clinic_id, parsed(photographs=[photograph] * 2), now=NOW)
    assert [(n.count, n.first.file) for n in report.notes if "content" in n.first.rule] == [
        (2, "photographs.csv")
    ]
    assert report.stored["photographs.csv"] == 0
    with reading(engine) as db:
        table = Base.metadata.tables["photograph"]
        assert db.scalar(sa.select(sa.func.count()).select_from(table)) == 0

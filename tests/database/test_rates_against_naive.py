"""Do the columns give the counts that reading the records one by one gives?"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import ANY, complications
from registry.catalogue import catalogue
from registry.operations.migration import command_line_actor
from registry.vocabulary import Causality, FindingState, Laterality, SclerosantForm
from tests import factories as make

TODAY = dt.date(2026, 6, 1)
TERMS = ["skin_necrosis", "visual_disturbance", "hyperpigmentation", "dvt_distal", "haematoma"]
CHECKLISTS = ["early_14d", "standard_6_8w", "standard_26w", "any_incident_open"]


def random_registry(engine: Engine, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Store a random registry and return what was stored as plain rows."""
    rnd = random.Random(seed)  # noqa: S311 - test data
    stored: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with make.saving(engine) as db:
        clinic_id = make.a_clinic(db)
        for number in range(1, 4):
            make.a_clinician(db, clinic_id, number)
        for _ in range(60):
            patient = make.a_patient(db, clinic_id)
            for _ in range(rnd.randint(1, 3)):
                day = TODAY - dt.timedelta(days=rnd.randint(0, 400))
                clinician = rnd.choice([None, 1, 2, 3])
                voided = rnd.random() < 0.1
                session = make.a_session(
                    db,
                    clinic_id,
                    patient,
                    treated_on=day,
                    clinician_id=clinician,
                    voided_at=make.NOW if voided else None,
                )
                legs = rnd.sample(list(Laterality), rnd.randint(0, 2))
                sites = {
                    leg: make.a_site(db, clinic_id, patient, session, side=leg) for leg in legs
                }
                forms = rnd.sample(list(SclerosantForm), rnd.randint(0, 2))
                for form in forms:
                    make.an_injection(db, clinic_id, session, form=form)
                stored["sessions"].append(
                    {
                        "id": session,
                        "patient": patient,
                        "day": day,
                        "legs": legs,
                        "clinician": clinician,
                        "form": "mixed"
                        if len(forms) == 2
                        else str(forms[0])
                        if forms
                        else "not_recorded",
                        "voided": voided,
                    }
                )
                for _ in range(rnd.choice([0, 0, 1, 2])):
                    event = {
                        "session": session if rnd.random() < 0.9 else None,
                        "term": rnd.choice(TERMS),
                        "onset": day
                        + dt.timedelta(days=rnd.choice([0, 1, 2, 29, 30, 31, 180, 181])),
                        "causality": rnd.choice([None, Causality.UNRELATED, Causality.POSSIBLE]),
                        "voided": rnd.random() < 0.1,
                        "leg": rnd.choice([None, *legs]),
                    }
                    if event["session"] is None:
                        event["leg"] = None
                    stored["events"].append(event)
                    make.an_event(
                        db,
                        clinic_id,
                        patient,
                        treatment_session_id=event["session"],
                        treated_site_id=sites.get(event["leg"]),
                        event_term_code=event["term"],
                        onset_on=event["onset"],
                        reported_on=event["onset"],
                        causality=event["causality"],
                        voided_at=make.NOW if event["voided"] else None,
                    )
                if rnd.random() < 0.7:
                    seen = {
                        "patient": patient,
                        "day": day + dt.timedelta(days=rnd.choice([14, 29, 30, 56, 180, 200])),
                        "checklist": rnd.choice(CHECKLISTS),
                        "gaps": rnd.sample(TERMS, rnd.choice([0, 0, 0, 1])),
                    }
                    stored["visits"].append(seen)
                    visit = make.a_follow_up(
                        db,
                        clinic_id,
                        patient,
                        seen_on=seen["day"],
                        checklist_code=seen["checklist"],
                        checklist_version=1,
                    )
                    for term in seen["gaps"]:
                        make.a_finding(
                            db,
                            clinic_id,
                            visit,
                            event_term_code=term,
                            state=FindingState.NOT_ASSESSED,
                        )
    return stored


def naive_counts(
    stored: dict[str, list[dict[str, Any]]], event: str, group: str
) -> dict[str, tuple[int, int, int]]:
    """Events, mature and assessed sessions by group, by plain reading."""
    rows = catalogue()
    terms = (
        [t.code for t in rows.event_terms.values() if t.in_composite] if event == ANY else [event]
    )
    window = max(rows.event_terms[term].counting_window_days for term in terms)
    age = max(rows.visits[rows.event_terms[term].assessed_at_visit].to_day for term in terms)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for session in stored["sessions"]:
        if session["voided"] or session["day"] + dt.timedelta(days=age) > TODAY:
            continue
        had = any(_counts(row, session, terms) for row in stored["events"])
        asked = any(
            visit["patient"] == session["patient"]
            and (visit["day"] - session["day"]).days >= window
            and set(terms) <= set(rows.checklist_versions[visit["checklist"], 1].term_codes)
            and not set(terms) & set(visit["gaps"])
            for visit in stored["visits"]
        )
        counts[str(session[group] or "not_recorded")].update(
            events=int(had), mature=1, assessed=int(had or asked)
        )
    return {key: (c["events"], c["mature"], c["assessed"]) for key, c in counts.items()}


def _counts(row: dict[str, Any], session: dict[str, UUID | dt.date], terms: list[str]) -> bool:
    days = (row["onset"] - session["day"]).days
    return (
        row["session"] == session["id"]
        and not row["voided"]
        and row["term"] in terms
        and row["causality"] is not Causality.UNRELATED
        and 0 <= days <= catalogue().event_terms[row["term"]].counting_window_days
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_count_what_reading_every_record_counts(engine: Engine, seed: int) -> None:
    stored = random_registry(engine, seed)
    by = command_line_actor(engine)
    for event in (ANY, *TERMS):
        for group in ("form", "clinician"):
            report = complications(
                engine, by, CohortFilter(), today=TODAY, event=event, group_by=group
            )
            expected = naive_counts(stored, event, group)
            got = {
                row.code.removeprefix("1-"): (row.events, row.mature, row.assessed)
                for row in report.rows
                if row.mature
            }
            assert got == expected, (event, group)
            totals = tuple(sum(column) for column in zip(*expected.values(), strict=True))
            assert (report.total.events, report.total.mature, report.total.assessed) == totals


def naive_units(
    stored: dict[str, list[dict[str, Any]]], event: str, unit: str
) -> tuple[int, int, int]:
    """Events, mature and assessed patients or legs, by plain reading."""
    rows = catalogue()
    terms = (
        [t.code for t in rows.event_terms.values() if t.in_composite] if event == ANY else [event]
    )
    window = max(rows.event_terms[term].counting_window_days for term in terms)
    age = max(rows.visits[rows.event_terms[term].assessed_at_visit].to_day for term in terms)
    had: dict[Any, bool] = defaultdict(bool)
    known: dict[Any, bool] = defaultdict(lambda: True)
    for session in stored["sessions"]:
        if session["voided"] or session["day"] + dt.timedelta(days=age) > TODAY:
            continue
        asked = any(
            visit["patient"] == session["patient"]
            and (visit["day"] - session["day"]).days >= window
            and set(terms) <= set(rows.checklist_versions[visit["checklist"], 1].term_codes)
            and not set(terms) & set(visit["gaps"])
            for visit in stored["visits"]
        )
        events = [row for row in stored["events"] if _counts(row, session, terms)]
        if unit == "patients":
            had[session["patient"]] |= bool(events)
            known[session["patient"]] &= bool(events) or asked
            continue
        legs = session["legs"]
        placed = [row["leg"] or (legs[0] if len(legs) == 1 else None) for row in events]
        for leg in legs:
            had[session["patient"], leg] |= leg in placed
            known[session["patient"], leg] &= leg in placed or (asked and None not in placed)
    return sum(had.values()), len(had), sum(had[key] or known[key] for key in had)


@pytest.mark.parametrize("seed", [4, 5])
def test_patients_and_legs_are_counted_as_reading_every_record_counts_them(
    engine: Engine, seed: int
) -> None:
    stored = random_registry(engine, seed)
    by = command_line_actor(engine)
    for unit in ("patients", "legs"):
        for event in (ANY, *TERMS):
            total = complications(
                engine, by, CohortFilter(), today=TODAY, event=event, unit=unit
            ).total
            counted = (total.events, total.mature, total.assessed)
            assert counted == naive_units(stored, event, unit), (unit, event)

"""Does every rule of an entry answer as a clinician would expect?"""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from registry.entry.checks import Known, check
from registry.entry.forms import (
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
from registry.vocabulary import (
    EventOutcome,
    FindingState,
    FoamGas,
    FollowUpStatus,
    Laterality,
    Modality,
    SclerosantForm,
    SeriousnessCriterion,
    SiteFinding,
)

TODAY = dt.date(2026, 3, 1)
SESSION_DAY = dt.date(2026, 1, 10)
PATIENT, SESSION, OTHER = (UUID(int=n) for n in (1, 2, 3))
KNOWN = Known(
    today=TODAY,
    jurisdiction="US",
    birth_year=1970,
    sessions={SESSION: SESSION_DAY},
    lots={("asclera", "A1"): dt.date(2027, 1, 1)},
    clinician_ids=frozenset({1}),
)
INJECTION = InjectionEntry(
    product_code="asclera",
    form=SclerosantForm.LIQUID,
    concentration_percent=Decimal("0.5"),
    liquid_ml=Decimal(2),
)
A_SESSION = SessionEntry(
    id=OTHER,
    patient_id=PATIENT,
    treated_on=dt.date(2026, 2, 1),
    clinician_id=1,
    sites=(
        SiteEntry(side=Laterality.LEFT, anatomy_code="leg_unspecified", injections=(INJECTION,)),
    ),
)
AN_EVENT = EventEntry(
    id=OTHER,
    patient_id=PATIENT,
    event_term_code="superficial_thrombophlebitis",
    onset_on=SESSION_DAY + dt.timedelta(days=5),
    reported_on=SESSION_DAY + dt.timedelta(days=6),
    treatment_session_id=SESSION,
)
A_FOLLOW_UP = FollowUpEntry(
    id=OTHER,
    patient_id=PATIENT,
    status=FollowUpStatus.SEEN,
    seen_on=SESSION_DAY + dt.timedelta(days=42),
    checklist_code="standard_6_8w",
    checklist_version=1,
)
A_PATIENT = PatientEntry(id=OTHER, pseudonym="P-1", enrolled_on=SESSION_DAY, birth_year=1970)


def rules(entry: object, known: Known = KNOWN) -> dict[str, Level]:
    return {problem.rule: problem.level for problem in check(entry, known)}  # type: ignore[arg-type]


def with_injection(**changes: object) -> SessionEntry:
    site = dataclasses.replace(
        A_SESSION.sites[0], injections=(dataclasses.replace(INJECTION, **changes),)
    )
    return dataclasses.replace(A_SESSION, sites=(site,))


@pytest.mark.parametrize("entry", [A_SESSION, AN_EVENT, A_FOLLOW_UP, A_PATIENT])
def test_sound_entries_pass(entry: object) -> None:
    assert {rule for rule, level in rules(entry).items() if level is not Level.NOTE} == set()


@pytest.mark.parametrize(
    ("entry", "rule", "level"),
    [
        (with_injection(liquid_ml=Decimal(400)), "in_range", Level.REFUSE),
        (with_injection(liquid_ml=Decimal("0.001")), "in_range", Level.REFUSE),
        (with_injection(liquid_ml=Decimal("1.234")), "decimals", Level.REFUSE),
        (with_injection(product_code="snake_oil"), "known_product", Level.REFUSE),
        (with_injection(concentration_percent=Decimal(3)), "strength_of_product", Level.REFUSE),
        (with_injection(gas=FoamGas.AIR), "gas_needs_foam", Level.REFUSE),
        (with_injection(expires_on=dt.date(2027, 1, 1)), "expiry_needs_lot", Level.REFUSE),
        (
            with_injection(lot_number="B", expires_on=dt.date(2026, 1, 31)),
            "lot_not_expired",
            Level.CONFIRM,
        ),
        (
            with_injection(lot_number="A1", expires_on=dt.date(2028, 1, 1)),
            "expiry_of_lot",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(A_SESSION, treated_on=TODAY + dt.timedelta(days=1)),
            "not_in_future",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(A_SESSION, treated_on=dt.date(1969, 1, 1)),
            "not_before_birth",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(A_SESSION, treated_on=SESSION_DAY),
            "second_session_that_day",
            Level.CONFIRM,
        ),
        (dataclasses.replace(A_SESSION, sites=()), "required", Level.REFUSE),
        (dataclasses.replace(A_SESSION, clinician_id=9), "known_clinician", Level.REFUSE),
        (
            dataclasses.replace(A_SESSION, modality=Modality.ND_YAG_LASER),
            "no_agent",
            Level.REFUSE,
        ),
        (dataclasses.replace(A_SESSION, pain=11), "in_range", Level.REFUSE),
        (dataclasses.replace(A_SESSION, note=" "), "not_blank", Level.REFUSE),
        (dataclasses.replace(A_SESSION, note="x" * 2001), "length", Level.REFUSE),
        (dataclasses.replace(A_SESSION, cost_amount=Decimal(5)), "cost_has_currency", Level.REFUSE),
        (
            dataclasses.replace(A_SESSION, cost_amount=Decimal(5), cost_currency="EUX"),
            "known_currency",
            Level.REFUSE,
        ),
        (dataclasses.replace(A_SESSION, sites=A_SESSION.sites * 2), "site_once", Level.REFUSE),
        (
            dataclasses.replace(AN_EVENT, onset_on=SESSION_DAY - dt.timedelta(days=1)),
            "not_before_session",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(
                AN_EVENT, onset_on=dt.date(2026, 2, 20), reported_on=dt.date(2026, 2, 21)
            ),
            "outside_window",
            Level.NOTE,
        ),
        (dataclasses.replace(AN_EVENT, reported_on=SESSION_DAY), "after_onset", Level.REFUSE),
        (dataclasses.replace(AN_EVENT, resolved_on=SESSION_DAY), "after_onset", Level.REFUSE),
        (dataclasses.replace(AN_EVENT, treatment_session_id=OTHER), "known_session", Level.REFUSE),
        (dataclasses.replace(AN_EVENT, treated_site_id=OTHER), "site_of_session", Level.REFUSE),
        (
            dataclasses.replace(
                AN_EVENT, seriousness_criteria=frozenset({SeriousnessCriterion.DEATH})
            ),
            "death_is_fatal",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(AN_EVENT, event_outcome=EventOutcome.FATAL),
            "death_is_fatal",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(A_FOLLOW_UP, status=FollowUpStatus.MISSED),
            "seen_has_day",
            Level.REFUSE,
        ),
        (dataclasses.replace(A_FOLLOW_UP, checklist_version=99), "known_checklist", Level.REFUSE),
        (
            dataclasses.replace(
                A_FOLLOW_UP, treatment_session_id=SESSION, seen_on=dt.date(2026, 1, 9)
            ),
            "not_before_session",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(
                A_FOLLOW_UP,
                findings=(
                    FindingEntry(
                        event_term_code="hyperpigmentation", state=FindingState.NOT_ASSESSED
                    ),
                ),
                checklist_code="any_incident_open",
            ),
            "on_checklist",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(
                A_FOLLOW_UP,
                site_outcomes=(
                    SiteOutcomeEntry(
                        side=Laterality.LEFT,
                        anatomy_code="leg_unspecified",
                        finding=SiteFinding.CLEARED,
                        scale_code="clearance_percent",
                        score=Decimal(101),
                    ),
                ),
            ),
            "score_on_scale",
            Level.REFUSE,
        ),
        (
            dataclasses.replace(A_PATIENT, birth_date=dt.date(1971, 1, 1)),
            "agrees_with_birth_date",
            Level.REFUSE,
        ),
        (dataclasses.replace(A_PATIENT, birth_year=2027), "not_in_future", Level.REFUSE),
    ],
)
def test_one_broken_rule_is_named(entry: object, rule: str, level: Level) -> None:
    assert rules(entry).get(rule) is level


def test_volume_above_the_label_needs_confirmation_and_names_the_limit() -> None:
    found = check(with_injection(liquid_ml=Decimal(11)), KNOWN)
    (problem,) = [problem for problem in found if problem.level is Level.CONFIRM]
    assert problem.rule.startswith("dose:")
    assert str(problem.message).startswith("This session: 11 mL; ")
    assert "10 mL per session (US)" in str(problem.message)


def test_daily_limit_by_weight_counts_other_sessions_of_the_day() -> None:
    two_percent = dataclasses.replace(
        INJECTION, product_code="aethoxysklerol", concentration_percent=Decimal(2)
    )
    site = dataclasses.replace(A_SESSION.sites[0], injections=(two_percent,))
    entry = dataclasses.replace(A_SESSION, sites=(site,), weight_kg=Decimal(35))
    assert not [rule for rule in rules(entry) if rule.startswith("dose:")]
    again = dataclasses.replace(KNOWN, same_day=(two_percent,))
    (problem,) = [found for found in check(entry, again) if found.rule.startswith("dose:")]
    assert problem.level is Level.CONFIRM
    assert str(problem.message).startswith("This session with others of that day: ")


def test_unknown_limit_and_unknown_weight_are_said_not_passed_over() -> None:
    saline = with_injection(
        product_code="hypertonic_saline_generic", concentration_percent=Decimal("23.4")
    )
    assert rules(saline)["no_limit_known"] is Level.NOTE
    heavy = with_injection(product_code="aethoxysklerol", concentration_percent=Decimal(2))
    assert rules(heavy)["weight_for_limit"] is Level.NOTE

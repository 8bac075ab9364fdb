"""Do the sentences about a record say what is in it, and nothing that is not?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from dashboard import sentences, words
from registry.entry.forms import (
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    OverrideEntry,
    SessionEntry,
    SiteEntry,
)
from registry.vocabulary import (
    Causality,
    CompressionClass,
    FindingState,
    FoamGas,
    FollowUpStatus,
    Laterality,
    Modality,
    OverrideReason,
    SclerosantForm,
    SeriousnessCriterion,
)

DAY = dt.date(2026, 3, 2)
INJECTION = InjectionEntry(
    product_code="asclera",
    form=SclerosantForm.LIQUID,
    concentration_percent=Decimal("0.50"),
    liquid_ml=Decimal("2.00"),
    lot_number="A1",
)
SESSION = SessionEntry(
    id=UUID(int=1),
    patient_id=UUID(int=2),
    treated_on=DAY,
    clinician_id=1,
    pain=0,
    compression_class=CompressionClass.FROM_18_TO_22_MMHG,
    compression_days=1,
    sites=(SiteEntry(side=Laterality.LEFT, anatomy_code="ssv", injections=(INJECTION,)),),
)
EVENT = EventEntry(
    id=UUID(int=3),
    patient_id=UUID(int=2),
    event_term_code="dvt_distal",
    onset_on=DAY + dt.timedelta(days=6),
    reported_on=DAY + dt.timedelta(days=6),
)
VISIT = FollowUpEntry(
    id=UUID(int=4), patient_id=UUID(int=2), status=FollowUpStatus.SEEN, seen_on=DAY
)


def test_a_session_in_words_keeps_units_and_a_pain_of_zero() -> None:
    assert sentences.session(SESSION, {1: "Ada Doe"}) == [
        "Sclerotherapy · Ada Doe",
        "Left: Small saphenous vein · 2 mL Asclera 0.5 % liquid, lot A1",
        "Polidocanol in this session: 2 mL liquid, 10 mg",
        "Pain 0 of 10, compression 18 to 22 mmHg for 1 day",
    ]


def test_a_blank_volume_is_said_and_never_summed_as_nothing() -> None:
    blank = replace(INJECTION, liquid_ml=None)
    entry = replace(SESSION, injections=(blank,))
    assert sentences.totals(entry) == [
        "Polidocanol in this session: 2 mL liquid, not counting volumes left blank"
    ]


FOAM = InjectionEntry(
    product_code="aethoxysklerol",
    form=SclerosantForm.FOAM,
    concentration_percent=Decimal(1),
    liquid_ml=Decimal(60),
    gas=FoamGas.AIR,
    gas_ml=Decimal(240),
)
CANISTER = replace(
    FOAM,
    product_code="varithena",
    gas=FoamGas.PROPRIETARY,
    liquid_ml=Decimal("0.65"),
    gas_ml=Decimal("4.35"),
)


@pytest.mark.parametrize(
    ("injections", "given", "total"),
    [
        (
            [FOAM],
            "60 mL liquid + 240 mL room air = 300 mL Aethoxysklerol 1 % foam",
            "60 mL liquid + 240 mL room air = 300 mL foam",
        ),
        (
            [replace(FOAM, gas_ml=None)],
            "at least 60 mL Aethoxysklerol 1 % foam (a volume of liquid or gas is blank)",
            "at least 60 mL foam (a volume of liquid or gas is blank)",
        ),
        ([CANISTER], "5 mL Varithena 1 % foam", "5 mL foam"),
        (
            [FOAM, replace(FOAM, gas=FoamGas.CO2)],
            "120 mL liquid + 480 mL gas = 600 mL Aethoxysklerol 1 % foam",
            "120 mL liquid + 480 mL gas = 600 mL foam",
        ),
        ([replace(FOAM, liquid_ml=None, gas_ml=None)], "Aethoxysklerol 1 % foam", None),
        ([INJECTION], "2 mL Asclera 0.5 % liquid, lot A1", None),
    ],
)
def test_foam_is_told_with_its_gas(
    injections: list[InjectionEntry], given: str, total: str | None
) -> None:
    assert sentences.given_in_words(injections) == given
    entry = replace(SESSION, sites=(), injections=tuple(injections))
    assert given in sentences.session_in_short(entry)
    foams = [line for line in sentences.totals(entry) if line.startswith("Foam")]
    assert foams == ([f"Foam in this session: {total}"] if total else [])


def test_liquid_and_every_foam_of_a_session_add_up() -> None:
    entry = replace(SESSION, injections=(FOAM, CANISTER))
    assert sentences.totals(entry) == [
        "Polidocanol in this session: 62.65 mL liquid, 616.5 mg",
        "Foam in this session: 305 mL foam",
    ]


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        ("dose:asclera_session", "limit exceeded (Asclera: 10 mL per session)"),
        ("contraindication:any_pregnancy", "Pregnancy (relative contraindication)"),
        (
            "contraindication:aethoxysklerol_allergy_to_agent",
            "Known allergy to the sclerosant or an ingredient (absolute contraindication)",
        ),
        ("lot_not_expired", "Lot expired"),
        ("dose:gone", "a rule that is no longer in the catalogue (dose:gone)"),
    ],
)
def test_a_session_says_which_warning_was_overridden_and_why(rule: str, warning: str) -> None:
    reason = OverrideReason.BENEFIT_OUTWEIGHS_RISK
    given = OverrideEntry(rule=rule, catalogue_version="1", reason=reason)
    said = sentences.session(replace(SESSION, overrides=(given,)), {})[-1]
    assert said == (
        f"Warned, recorded all the same: {warning}. Reason: benefit outweighs the risk."
    )
    told = replace(given, reason_text="Talked over {twice}")
    said = sentences.session(replace(SESSION, overrides=(told,)), {})[-1]
    assert said.endswith("Reason: benefit outweighs the risk (“Talked over {twice}”).")


def test_a_comparator_is_named_without_an_agent() -> None:
    laser = replace(
        SESSION, modality=Modality.ND_YAG_LASER, sites=(replace(SESSION.sites[0], injections=()),)
    )
    assert sentences.session_in_short(laser) == "Nd:YAG laser, 1 site"
    assert sentences.totals(laser) == []


def test_severity_and_seriousness_stay_apart_and_an_unjudged_cause_is_said() -> None:
    serious = replace(EVENT, seriousness_criteria=frozenset({SeriousnessCriterion.HOSPITALISATION}))
    assert sentences.event(serious, DAY) == [
        "Deep vein thrombosis, distal · serious: hospital stay, begun or prolonged",
        "Began on 8 Mar 2026, day 6 after the session of 2 Mar 2026",
        "Relationship not judged, outcome not known yet",
    ]
    judged = sentences.event(replace(EVENT, causality=Causality.POSSIBLE), None)
    assert judged[1:] == [
        "Began on 8 Mar 2026; attributed to no session",
        "Relationship possible, outcome not known yet",
    ]


def test_a_follow_up_tells_looked_for_and_absent_from_not_asked() -> None:
    asked = replace(VISIT, checklist_code="early_14d", checklist_version=1)
    not_assessed = FindingEntry(event_term_code="migraine", state=FindingState.NOT_ASSESSED)
    present = FindingEntry(event_term_code="headache", state=FindingState.PRESENT)
    assert sentences.follow_up(VISIT)[1] == "No list of events was asked"
    assert sentences.follow_up(asked)[1] == "Nothing found of what was looked for"
    assert (
        sentences.follow_up(replace(asked, findings=(present, not_assessed)))[1]
        == "Found: Headache; 1 item not assessed"
    )


def test_a_moment_is_told_in_the_clinics_own_time() -> None:
    late = dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC)
    assert words.moment(late, "Europe/Berlin") == "23 Nov 2026, 00:30"
    assert words.clock(late, "America/New_York") == "18:30"

"""Is the clinician warned before harm, by the rules of the day, and never more than is needed?"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.catalogue import DoseLimit, LimitKind, LimitPeriod, RuleLevel, catalogue
from registry.entry import checks, dose, safety
from registry.entry.checks import Known, check
from registry.entry.forms import InjectionEntry, OverrideEntry, SessionEntry, SiteEntry
from registry.entry.problems import Level, Problem, Question, in_the_way
from registry.entry.safety import Answer, History, Reaction, questions_about, standing_answer
from registry.vocabulary import (
    FactAnswer,
    Laterality,
    Modality,
    OverrideReason,
    SclerosantForm,
    Sex,
    VesselClass,
)

DAY = dt.date(2026, 2, 1)
LIQUID, FOAM = SclerosantForm.LIQUID, SclerosantForm.FOAM
YES, NO = FactAnswer.YES, FactAnswer.NO
PATIENT, SESSION, OTHER = (UUID(int=n) for n in (1, 2, 3))


def injection(product: str = "aethoxysklerol", **values: Any) -> InjectionEntry:
    product_code = catalogue().products[product]
    defaults = {
        "product_code": product,
        "form": product_code.forms[0],
        "concentration_percent": next(iter(product_code.strengths_percent), Decimal(1)),
        "liquid_ml": Decimal(1),
    }
    return InjectionEntry(**(defaults | values))


def session(*injections: InjectionEntry, **values: Any) -> SessionEntry:
    defaults: dict[str, Any] = {
        "id": SESSION, "patient_id": PATIENT, "treated_on": DAY, "injections": injections
    }  # fmt: skip
    return SessionEntry(**(defaults | values))


def known(history: History | None = None, **values: Any) -> Known:
    return Known(today=DAY, jurisdiction="EU", history=history, **values)


def answered(
    *facts: tuple[str, FactAnswer], on: dt.date = DAY, agent: str | None = None
) -> History:
    return History(answers=tuple(Answer(code, answer, on, agent) for code, answer in facts))


def found(entry: SessionEntry, about: Known) -> dict[str, Problem]:
    return {problem.rule: problem for problem in check(entry, about)}


def interrupting(entry: SessionEntry, about: Known) -> dict[str, Level]:
    return {p.rule: p.level for p in check(entry, about) if p.interrupts}


# --- doses: each row at, below and above its limit, over both legs and all products ---

LIMITS = [limit for limit in catalogue().dose_limits.values() if limit.level is not RuleLevel.NOTE]


def dosed(limit: DoseLimit, amount: Decimal) -> tuple[SessionEntry, tuple[InjectionEntry, ...]]:
    """A session that uses ``amount`` of a limit on two legs, and what was given before that day."""
    product = catalogue().products[limit.product_code]
    form = limit.form or product.forms[0]
    strength = limit.strength_percent or product.strengths_percent[0]
    weight = None
    if limit.kind is LimitKind.MG_PER_KG:
        weight = Decimal(50)
        amount = amount * weight / product.mg_per_ml(strength)
    shares = [amount / 4, amount / 4, amount / 2]
    given = [
        injection(
            limit.product_code,
            form=form,
            concentration_percent=strength,
            liquid_ml=share / 5 if form is FOAM and limit.form is FOAM else share,
            gas_ml=share * 4 / 5 if form is FOAM and limit.form is FOAM else None,
        )
        for share in shares
    ]
    last = given.pop() if limit.per is LimitPeriod.DAY else None
    legs = list(Laterality)
    sites = tuple(
        SiteEntry(side=legs[n % 2], anatomy_code="leg_unspecified", injections=(each,))
        for n, each in enumerate(given)
    )
    return session(sites=sites, weight_kg=weight), (last,) if last else ()


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.code)
@pytest.mark.parametrize(("share", "warns"), [("0.99", False), ("1", False), ("1.01", True)])
def test_each_limit_warns_above_it_and_not_at_it(
    limit: DoseLimit, share: str, *, warns: bool
) -> None:
    entry, before = dosed(limit, limit.limit * Decimal(share))
    rules = [p for p in dose.dose_problems(entry, before) if p.rule == f"dose:{limit.code}"]
    assert [p.level for p in rules] == ([Level.CONFIRM] if warns else [])
    for problem in rules:
        assert problem.origin is not None
        assert problem.origin.jurisdiction == limit.jurisdiction
        assert problem.origin.source is not None


def doses(*injections: InjectionEntry, **values: Any) -> set[str]:
    problems = dose.dose_problems(session(*injections, **values), ())
    return {p.rule.removeprefix("dose:") for p in problems if p.interrupts}


def test_limits_count_the_agent_in_every_product_and_every_foam() -> None:
    foam = {"form": FOAM, "liquid_ml": Decimal("1.2"), "gas_ml": Decimal("4.8")}
    one = injection("aethoxysklerol", concentration_percent=Decimal(1), **foam)
    other = injection("fibrovein", concentration_percent=Decimal(1), **foam)
    assert "aethoxysklerol_foam_day" not in doses(one)
    assert "aethoxysklerol_foam_day" in doses(one, other)
    asclera = injection("asclera", liquid_ml=Decimal(6))
    generic = injection("polidocanol_generic", liquid_ml=Decimal("4.1"))
    assert doses(asclera) == set()
    assert doses(asclera, generic) == {"asclera_session"}
    saline = injection("hypertonic_saline_generic", liquid_ml=Decimal(9))
    assert doses(asclera, saline) == set()


BLANK = {"concentration_percent": None}


def ml(liquid: str | None, gas: str | None = None) -> dict[str, Any]:
    volumes = {"liquid_ml": liquid, "gas_ml": gas}
    return {name: None if ml is None else Decimal(ml) for name, ml in volumes.items()}


@pytest.mark.parametrize(
    ("product", "volumes", "rules"),
    [
        ("aethoxysklerol", ml("9.9"), {"dose_unchecked:aethoxysklerol_foam_day"}),
        ("aethoxysklerol", ml("10"), {"dose_unchecked:aethoxysklerol_foam_day"}),
        ("aethoxysklerol", ml("10.1"), {"dose:aethoxysklerol_foam_day"}),
        ("aethoxysklerol", ml(None, "10.1"), {"dose:aethoxysklerol_foam_day"}),
        ("aethoxysklerol", ml("2", "8"), set()),
        ("varithena", ml("15"), {"dose_unchecked:varithena_session"}),
        ("varithena", ml("15.1"), {"dose:varithena_session"}),
        ("varithena", ml("1.95", "13.05"), set()),
        ("varithena", ml("1.96", "13.05"), {"dose:varithena_session"}),
    ],
)
def test_foam_is_at_least_what_is_known_of_it(
    product: str, volumes: dict[str, Any], rules: set[str]
) -> None:
    foam = injection(product, form=FOAM, concentration_percent=Decimal(1), **volumes)
    entry = session(foam, weight_kg=Decimal(400))
    problems = {p.rule: p for p in dose.dose_problems(entry, ())}
    volume = {rule for rule in problems if not rule.endswith("mg_per_kg")}
    assert volume == rules
    for rule, problem in problems.items():
        assert problem.interrupts == rule.startswith("dose:")
        if rule.startswith("dose:") and None in volumes.values():
            assert ": at least " in str(problem.message)


def in_foam(product: str, foam_ml: str) -> InjectionEntry:
    return injection(
        product,
        form=FOAM,
        concentration_percent=Decimal(1),
        liquid_ml=Decimal(foam_ml) / 5,
        gas_ml=Decimal(foam_ml) * 4 / 5,
    )


@pytest.mark.parametrize(
    ("first", "then", "weight", "rule"),
    [
        (in_foam("fibrovein", "5"), in_foam("aethoxysklerol", "5"), "70", None),
        (in_foam("fibrovein", "5.1"), in_foam("aethoxysklerol", "5"), "70", "foam_day"),
        (
            injection("aethoxysklerol", concentration_percent=Decimal(3), **ml("4")),
            injection("polidocanol_generic", concentration_percent=Decimal(3), **ml("6")),
            "150",
            None,
        ),
        (
            injection("aethoxysklerol", concentration_percent=Decimal(3), **ml("4")),
            injection("polidocanol_generic", concentration_percent=Decimal(3), **ml("6.01")),
            "150",
            "mg_per_kg",
        ),
    ],
)
def test_the_order_of_the_sessions_of_a_day_changes_no_limit(
    first: InjectionEntry, then: InjectionEntry, weight: str, rule: str | None
) -> None:
    for earlier, now in ((first, then), (then, first)):
        problems = list(dose.dose_problems(session(now, weight_kg=Decimal(weight)), (earlier,)))
        fired = [p.rule for p in problems if p.interrupts]
        assert fired == ([f"dose:aethoxysklerol_{rule}"] if rule else [])
        assert "no_limit_known" not in {p.rule for p in problems}


def test_what_an_earlier_session_exceeded_by_itself_is_not_said_again() -> None:
    earlier = in_foam("aethoxysklerol", "20")
    other = injection("ethamolin")
    assert list(dose.dose_problems(session(other), (earlier,))) == []
    session_limit = injection("asclera", **ml("9"))
    generic = injection("polidocanol_generic", **ml("9"))
    assert [p.rule for p in dose.dose_problems(session(generic), (session_limit,))] == [
        "no_limit_known"
    ]


@pytest.mark.parametrize(
    ("liquid_ml", "weight", "rule"),
    [
        ("26.6", None, "weight_for_limit"),  # 798 mg; at 400 kg the limit is 800 mg
        ("26.7", None, "dose:aethoxysklerol_mg_per_kg"),
        ("100", None, "dose:aethoxysklerol_mg_per_kg"),
        ("26.6", "400", None),
        ("26.7", "400", "dose:aethoxysklerol_mg_per_kg"),
    ],
)
def test_without_a_weight_only_what_nobody_may_have_interrupts(
    liquid_ml: str, weight: str | None, rule: str | None
) -> None:
    strong = injection(concentration_percent=Decimal(3), **ml(liquid_ml))
    entry = session(strong, weight_kg=None if weight is None else Decimal(weight))
    problems = list(dose.dose_problems(entry, ()))
    assert [p.rule for p in problems] == ([rule] if rule else [])
    for problem in problems:
        assert problem.interrupts == problem.rule.startswith("dose:")
        assert ("Enter the weight" in str(problem.message)) == (weight is None)


@pytest.mark.parametrize(
    ("given", "weight", "rule"),
    [
        (injection("fibrovein", **BLANK, **ml("4")), None, None),
        (injection("fibrovein", **BLANK, **ml("4.1")), None, "dose:fibrovein_3_session"),
        (injection("fibrovein", **BLANK, **ml("50")), None, "dose:fibrovein_3_session"),
        (
            injection("aethoxysklerol", **BLANK, **ml("56")),
            "70",
            "dose_unchecked:aethoxysklerol_mg_per_kg",
        ),
        (
            injection("aethoxysklerol", **BLANK, **ml("56.1")),
            "70",
            "dose:aethoxysklerol_mg_per_kg",
        ),
        (
            injection("aethoxysklerol", **BLANK, is_compounded=True, **ml("99")),
            "70",
            "dose_unchecked:aethoxysklerol_mg_per_kg",
        ),
    ],
)
def test_a_blank_strength_is_judged_by_what_holds_for_every_strength(
    given: InjectionEntry, weight: str | None, rule: str | None
) -> None:
    entry = session(given, weight_kg=None if weight is None else Decimal(weight))
    problems = list(dose.dose_problems(entry, ()))
    assert [p.rule for p in problems] == ([rule] if rule else [])
    for problem in problems:
        said = str(problem.message)
        assert ("the strictest limit was taken" in said) == (given.product_code == "fibrovein")


@pytest.mark.parametrize("foam_ml", ["0.1", "5", "7.35", "15"])
def test_ready_made_foam_is_kept_as_solution_and_gas_that_hold_its_mass(foam_ml: str) -> None:
    liquid, gas = dose.parts_of_ready_made("varithena", Decimal(foam_ml))
    assert liquid + gas == Decimal(foam_ml)
    foam = injection("varithena", liquid_ml=liquid, gas_ml=gas)
    mass = dose.milligrams(foam)
    assert mass == Decimal(foam_ml) * Decimal("1.3")
    assert abs(liquid * 10 - mass) <= Decimal("0.05")  # 1 %, rounded to 0.01 mL
    assert dose.ready_made_ml(foam) == Decimal(foam_ml)


def test_a_volume_limit_counts_stronger_solutions_too() -> None:
    strong = injection("fibrovein", concentration_percent=Decimal(3), liquid_ml=Decimal(3))
    weak = injection("fibrovein", concentration_percent=Decimal(1), liquid_ml=Decimal("7.1"))
    assert doses(strong) == doses(weak) == set()
    assert doses(strong, weak) == {"fibrovein_1_session"}


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.lists(st.sampled_from(Laterality), min_size=6, max_size=6),
)
def test_how_a_volume_is_spread_over_legs_changes_nothing(
    tenths: list[int], legs: list[Laterality]
) -> None:
    parts = [injection("asclera", liquid_ml=Decimal(n) / 10) for n in tenths]
    sites = tuple(
        SiteEntry(side=side, anatomy_code="leg_unspecified", injections=(part,))
        for side, part in zip(legs, parts, strict=False)
    )
    assert doses(sites=sites) == doses(*parts)
    assert bool(doses(*parts)) == (sum(tenths) > 100)


# --- contraindications ---

TRI_STATE = """
# product         form    condition                   yes      unanswered
asclera           liquid  acute_thromboembolism       stop     asked
asclera           liquid  hormone_therapy             note     asked
aethoxysklerol    liquid  high_thrombosis_risk        confirm  asked
aethoxysklerol    liquid  pregnancy                   confirm  asked
aethoxysklerol    liquid  breast_feeding              confirm  asked
aethoxysklerol    liquid  known_shunt                 note     asked
aethoxysklerol    foam    known_shunt                 confirm  asked
aethoxysklerol    liquid  symptomatic_foramen_ovale   none     silent
aethoxysklerol    foam    symptomatic_foramen_ovale   stop     asked
aethoxysklerol    liquid  migraine                    note     asked
aethoxysklerol    foam    migraine                    note     asked
aethoxysklerol    liquid  migraine_with_aura          none     silent
aethoxysklerol    foam    migraine_with_aura          confirm  asked
glycerin_generic  liquid  critical_limb_ischaemia     confirm  asked
glycerin_generic  liquid  allergic_condition          none     silent
sotradecol        liquid  asthma                      confirm  asked
fibrovein         liquid  allergic_condition          confirm  asked
aethoxysklerol    liquid  asthma                      note     asked
"""


@pytest.mark.parametrize("line", TRI_STATE.strip().splitlines()[1:])
def test_a_yes_warns_a_no_is_silent_and_a_blank_is_asked(line: str) -> None:
    product, form, condition, level, unanswered = line.split()
    entry = session(injection(product, form=SclerosantForm(form)))

    def warned(history: History) -> list[str]:
        return [
            p.level.value
            for p in check(entry, known(history))
            if p.rule.startswith("contraindication:")
        ]

    def asked(history: History) -> bool:
        problem = found(entry, known(history)).get("not_asked")
        return problem is not None and Question(condition) in problem.questions

    assert warned(answered((condition, YES))) == ([] if level == "none" else [level])
    assert warned(answered((condition, NO))) == warned(History()) == []
    assert asked(History()) is (unanswered == "asked")
    assert not asked(answered((condition, NO)))


def test_an_allergy_is_of_one_agent_and_stops_only_that() -> None:
    allergic = answered(("allergy_to_agent", YES), agent="polidocanol")
    stopped = interrupting(session(injection("asclera")), known(allergic))
    assert stopped == {"contraindication:asclera_allergy_to_agent": Level.STOP}
    assert interrupting(session(injection("fibrovein")), known(allergic)) == {}
    generic = session(injection("polidocanol_generic"))
    assert Level.STOP in interrupting(generic, known(allergic)).values()
    whichever = answered(("allergy_to_agent", YES))
    assert Level.STOP in interrupting(session(injection("fibrovein")), known(whichever)).values()


def test_one_condition_warns_once_and_as_firmly_as_its_firmest_product() -> None:
    both = session(injection("aethoxysklerol"), injection("fibrovein"))
    warned = interrupting(both, known(answered(("allergic_condition", YES), ("asthma", YES))))
    assert warned == {"contraindication:fibrovein_allergic_condition": Level.CONFIRM}
    immobile = interrupting(both, known(answered(("immobility", YES))))
    assert len(immobile) == 1


def test_what_was_not_asked_makes_one_line_with_the_weightiest_first() -> None:
    lines = [p for p in check(session(injection()), known(History())) if p.rule == "not_asked"]
    assert len(lines) == 1
    assert lines[0].level is Level.NOTE
    assert lines[0].questions[:2] == (
        Question("allergy_to_agent", "polidocanol"),
        Question("acute_thromboembolism"),
    )
    assert f"{len(lines[0].questions)}" in str(lines[0].message)


def test_men_are_not_asked_about_pregnancy() -> None:
    asked = {q.condition_code for q in questions_about(session(injection()), Sex.MALE)}
    assert asked.isdisjoint({"pregnancy", "breast_feeding"})
    asked = {q.condition_code for q in questions_about(session(injection()), Sex.UNKNOWN)}
    assert {"pregnancy", "breast_feeding"} <= asked


@pytest.mark.parametrize(
    ("condition", "answer", "days", "stands"),
    [
        ("acute_thromboembolism", NO, 1, True),
        ("acute_thromboembolism", NO, 2, False),
        ("acute_thromboembolism", YES, 2, False),
        ("pregnancy", NO, 28, True),
        ("pregnancy", NO, 29, False),
        ("pregnancy", YES, 29, False),
        ("allergy_to_agent", NO, 365, True),
        ("allergy_to_agent", NO, 366, False),
        ("allergy_to_agent", YES, 4000, True),
        ("known_shunt", YES, 4000, True),
        ("anticoagulation", YES, 91, False),
    ],
)
def test_an_answer_grows_old_unless_it_lasts(
    condition: str, answer: FactAnswer, days: int, *, stands: bool
) -> None:
    given = [Answer(condition, answer, DAY - dt.timedelta(days=days))]
    assert (standing_answer(given, Question(condition), DAY) is not None) is stands


def test_the_latest_answer_of_the_day_stands_and_later_ones_do_not_count_yet() -> None:
    given = [
        Answer("known_shunt", YES, DAY - dt.timedelta(days=9)),
        Answer("known_shunt", YES, DAY),
        Answer("known_shunt", NO, DAY),
        Answer("known_shunt", YES, DAY + dt.timedelta(days=1)),
    ]
    standing = standing_answer(given, Question("known_shunt"), DAY)
    assert standing is not None
    assert standing.answer is NO


@given(
    st.lists(st.tuples(st.integers(-400, 400), st.sampled_from(FactAnswer)), min_size=1, max_size=8)
)
def test_no_answer_from_after_the_day_or_too_old_ever_counts(
    given_answers: list[tuple[int, FactAnswer]],
) -> None:
    answers = [
        Answer("pregnancy", answer, DAY + dt.timedelta(days=n))
        for n, answer in sorted(given_answers, key=lambda pair: pair[0])
    ]
    standing = standing_answer(answers, Question("pregnancy"), DAY)
    recent = [a for a in answers if 0 <= (DAY - a.answered_on).days <= 28]
    past = [a for a in answers if a.answered_on <= DAY]
    assert standing == (recent[-1] if recent and past[-1] is recent[-1] else None)


# --- interval, reactions, strengths, lots, what is not stated ---


@pytest.mark.parametrize(
    ("product", "days", "setting", "rule"),
    [
        ("asclera", 6, None, "interval_asclera"),
        ("asclera", 7, None, None),
        ("varithena", 4, None, "interval_varithena"),
        ("varithena", 5, None, None),
        ("scleromate", 4, None, "interval_scleromate"),
        ("aethoxysklerol", 1, None, None),
        ("aethoxysklerol", 41, 42, "interval_of_clinic"),
        ("aethoxysklerol", 42, 42, None),
        ("asclera", 6, 42, "interval_asclera"),
    ],
)
def test_a_session_too_soon_after_the_last_asks_once(
    product: str, days: int, setting: int | None, rule: str | None
) -> None:
    history = History(
        injected_on=DAY - dt.timedelta(days=days),
        shortest_interval_days=None if setting is None else Decimal(setting),
    )
    rules = interrupting(session(injection(product)), known(history))
    assert rules == ({} if rule is None else {rule: Level.CONFIRM})


REACTIONS = """
# event                   then            now                     rule                  level
anaphylaxis               asclera/liquid  aethoxysklerol/foam     reaction_anaphylaxis  stop
anaphylaxis               asclera/liquid  fibrovein/liquid        -                     -
anaphylaxis               -               fibrovein/liquid        reaction_anaphylaxis  stop
allergic_skin_reaction    asclera/liquid  asclera/liquid          reaction_allergy      confirm
allergic_skin_reaction    asclera/liquid  glycerin_generic/liquid -                     -
visual_disturbance        asclera/foam    fibrovein/foam          reaction_to_form      confirm
visual_disturbance        asclera/foam    asclera/liquid          -                     -
stroke                    asclera/foam    fibrovein/liquid        reaction_severe       stop
pulmonary_embolism        asclera/liquid  fibrovein/liquid        reaction_thrombosis   confirm
skin_necrosis             asclera/liquid  asclera/liquid          reaction_necrosis     note
hyperpigmentation         asclera/liquid  asclera/liquid          -                     -
headache                  asclera/foam    asclera/foam            -                     -
"""


def said_of(text: str) -> InjectionEntry:
    product, form = text.split("/")
    return injection(product, form=SclerosantForm(form))


@pytest.mark.parametrize("line", REACTIONS.strip().splitlines()[1:])
def test_a_reaction_warns_where_it_may_come_again(line: str) -> None:
    event, then, now, rule, level = line.split()
    reaction = Reaction(event, DAY - dt.timedelta(days=60))
    if then != "-":
        before = said_of(then)
        agent = catalogue().products[before.product_code].sclerosant_code
        reaction = dataclasses.replace(
            reaction, agents=frozenset({agent}), forms=frozenset({before.form})
        )
    entry = session(said_of(now))
    problems = {
        p.rule: p.level.value
        for p in check(entry, known(History(reactions=(reaction,))))
        if p.rule.startswith("reaction")
    }
    assert problems == ({} if rule == "-" else {rule: level})
    later = dataclasses.replace(reaction, onset_on=DAY + dt.timedelta(days=1))
    rules = found(entry, known(History(reactions=(later,))))
    assert not [rule for rule in rules if rule.startswith("reaction")]


STRENGTHS = """
# product        strength  vessel or mm    rule
asclera          0.5       telangiectasia  -
asclera          1         telangiectasia  strength_above_guide
asclera          1         reticular       -
asclera          0.5       reticular       strength_below_guide
asclera          1         varicose        strength_without_guide
asclera          1         1.0             strength_above_guide
asclera          1         1.1             -
asclera          1         3.0             -
asclera          1         3.1             strength_without_guide
fibrovein        0.2       telangiectasia  -
fibrovein        0.5       0.9             strength_above_guide
fibrovein        3         3.5             strength_above_guide
fibrovein        3         5.1             -
aethoxysklerol   3         telangiectasia  -
asclera          1         -               -
"""


@pytest.mark.parametrize("line", STRENGTHS.strip().splitlines()[1:])
def test_the_strength_is_compared_with_what_is_recommended_for_the_calibre(line: str) -> None:
    product, strength, calibre, rule = line.split()
    given = injection(product, form=LIQUID, concentration_percent=Decimal(strength))
    vessel = VesselClass(calibre) if calibre in {v.value for v in VesselClass} else None
    site = SiteEntry(
        side=Laterality.LEFT,
        anatomy_code="leg_unspecified",
        vessel_class=vessel,
        diameter_mm=None if vessel or calibre == "-" else Decimal(calibre),
        injections=(given,),
    )
    problems = check(session(sites=(site,)), known(History()))
    rules = {p.rule: p.level for p in problems if p.rule.startswith("strength")}
    expected = {} if rule == "-" else {rule}
    assert set(rules) == set(expected)
    assert rules.get("strength_above_guide", Level.CONFIRM) is Level.CONFIRM


@pytest.mark.parametrize(
    ("expires", "recalled", "rules"),
    [
        (0, None, {}),
        (-1, None, {"lot_not_expired": Level.CONFIRM}),
        (9, 1, {}),
        (9, 0, {"lot_recalled": Level.STOP}),
        (9, -30, {"lot_recalled": Level.STOP}),
    ],
)
def test_a_lot_is_judged_on_the_day_of_the_session(
    expires: int, recalled: int | None, rules: dict[str, Level]
) -> None:
    lot = ("aethoxysklerol", "L-1")
    about = known(
        lots={lot: DAY + dt.timedelta(days=expires)},
        recalled={} if recalled is None else {lot: DAY + dt.timedelta(days=recalled)},
    )
    assert interrupting(session(injection(lot_number="L-1")), about) == rules


def test_sentences_name_days_as_colleagues_write_them() -> None:
    lot = ("aethoxysklerol", "L-1")
    about = known(lots={lot: dt.date(2025, 11, 3)}, recalled={lot: dt.date(2025, 11, 23)})
    said = " ".join(str(p.message) for p in check(session(injection(lot_number="L-1")), about))
    assert "The lot expired on 3 Nov 2025, before" in said
    assert "The lot was recalled on 23 Nov 2025." in said


def test_what_is_not_known_never_passes_silently() -> None:
    unstated = session(injection("unspecified_sclerosant"))
    assert interrupting(unstated, known(History())) == {"unstated_product": Level.CONFIRM}
    assert "no_limit_known" in found(session(injection("polidocanol_generic")), known(History()))
    missing = session(dataclasses.replace(injection(), product_code="snake_oil"))
    assert found(missing, known(History()))["known_product"].level is Level.REFUSE


def test_a_comparator_without_agent_asks_nothing() -> None:
    laser = session(modality=Modality.ND_YAG_LASER)
    history = History(
        answers=(Answer("pregnancy", YES, DAY),),
        reactions=(Reaction("anaphylaxis", DAY),),
        injected_on=DAY - dt.timedelta(days=1),
        shortest_interval_days=Decimal(42),
    )
    assert check(laser, known(history)) == []


def test_imported_history_is_judged_by_dose_and_lot_only() -> None:
    entry = session(injection("unspecified_sclerosant"))
    assert {rule for rule in found(entry, known()) if rule != "no_limit_known"} == set()


# --- the version of the day ---


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterable[None]:
    """The catalogue with every safety rule and contraindication ended, or begun, around the day."""
    whole = catalogue()

    def ended(rows: Any) -> dict[str, Any]:
        return {
            code: dataclasses.replace(row, valid_from=DAY, valid_until=DAY)
            for code, row in rows.items()
        }

    other = dataclasses.replace(
        whole,
        safety_rules=ended(whole.safety_rules),
        contraindications=ended(whole.contraindications),
        dose_limits=ended(whole.dose_limits),
    )
    for module in (safety, dose, checks):
        monkeypatch.setattr(module, "catalogue", lambda: other)
    return ()


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(("shift", "judged"), [(-1, False), (0, True), (1, False)])
def test_a_session_is_judged_by_the_rules_of_its_day(shift: int, *, judged: bool) -> None:
    day = DAY + dt.timedelta(days=shift)
    entry = session(
        injection("asclera", liquid_ml=Decimal(11), lot_number="L", expires_on=dt.date(2020, 1, 1)),
        treated_on=day,
    )
    history = dataclasses.replace(
        answered(("pregnancy", YES), on=day), injected_on=day - dt.timedelta(days=1)
    )
    about = dataclasses.replace(known(history), today=DAY + dt.timedelta(days=9))
    assert set(interrupting(entry, about)) == (
        {
            "dose:asclera_session", "lot_not_expired", "interval_asclera",
            "contraindication:any_pregnancy",
        }
        if judged
        else set()
    )  # fmt: skip


# --- overrides and amendments ---


def override(rule: str, reason: OverrideReason, words: str | None = None) -> OverrideEntry:
    return OverrideEntry(
        rule=rule, catalogue_version=catalogue().version, reason=reason, reason_text=words
    )


def test_a_warning_is_answered_by_a_reason_and_a_stop_by_words() -> None:
    allergic = answered(("allergy_to_agent", YES), agent="polidocanol")
    allergy = "contraindication:asclera_allergy_to_agent"
    many = session(injection("asclera", liquid_ml=Decimal(11)))
    problems = check(many, known(allergic))

    def left(*given: OverrideEntry, accepted: Iterable[str] = ()) -> set[str]:
        return {p.rule for p in in_the_way(problems, set(accepted), given)}

    told, other = OverrideReason.PATIENT_INFORMED, OverrideReason.OTHER
    rule = "dose:asclera_session"
    assert left() == left(accepted=[allergy, rule]) == {allergy, rule}
    assert left(override(rule, told)) == {allergy}
    assert left(override(rule, told), override(allergy, told)) == {allergy}
    assert left(override(rule, told), override(allergy, told, " . ")) == {allergy}
    assert left(override(rule, told), override(allergy, told, "test dose")) == set()
    assert left(override(rule, other), override(allergy, told, "test dose")) == {rule}


def test_an_amendment_that_does_not_touch_a_warning_is_not_interrupted() -> None:
    stored = session(injection("asclera", liquid_ml=Decimal(11)))
    history = answered(("pregnancy", YES))
    about = known(history, stored=stored)
    later = dataclasses.replace(stored, pain=4)
    assert interrupting(later, about) == {}
    assert found(later, about)["dose:asclera_session"].level is Level.NOTE
    more = session(injection("asclera", liquid_ml=Decimal(12)))
    assert set(interrupting(more, about)) == {"dose:asclera_session"}
    told = override("dose:asclera_session", OverrideReason.PATIENT_INFORMED)
    before = known(history, stored=dataclasses.replace(stored, overrides=(told,)))
    assert interrupting(later, before) == {}
    # Whoever accepted 11 mL has not accepted 12.
    assert set(interrupting(more, before)) == {"dose:asclera_session"}


def test_an_added_product_is_judged_although_the_rest_stays() -> None:
    stored = session(injection("aethoxysklerol"))
    about = known(answered(("allergic_condition", YES)), stored=stored)
    more = session(injection("aethoxysklerol"), injection("fibrovein"))
    assert set(interrupting(more, about)) == {"contraindication:fibrovein_allergic_condition"}

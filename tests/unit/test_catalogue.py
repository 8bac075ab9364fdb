"""The catalogue as shipped: what a clinic may choose, is warned of and is compared with."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.catalogue import (
    Asking,
    Benchmark,
    BenchmarkTopic,
    BenchmarkUse,
    ContraindicationLevel,
    EventFamily,
    Frequency,
    RuleLevel,
    UnitOfAnalysis,
    catalogue,
)
from registry.vocabulary import Modality, Provenance, SclerosantForm

LIQUID, FOAM = SclerosantForm.LIQUID, SclerosantForm.FOAM
DAY = date(2026, 11, 23)

LABEL_MAXIMA = """
asclera           liquid 0.5   10 volume_ml session
asclera           liquid 1     10 volume_ml session
asclera           foam   1     10 volume_ml session
varithena         foam   1     15 volume_ml session
aethoxysklerol    liquid 2     2  mg_per_kg day
aethoxysklerol    foam   2     2  mg_per_kg day, 10 volume_ml day
sotradecol        liquid 3     10 volume_ml session
fibrovein         liquid 0.2   none
fibrovein         liquid 0.5   10 volume_ml session
fibrovein         liquid 1     10 volume_ml session
fibrovein         liquid 3     4  volume_ml session
ethamolin         liquid 5     20 volume_ml session
scleromate        liquid 5     none
glycerin_generic  liquid 72    none
hypertonic_saline_generic liquid 23.4 none
unspecified_sclerosant    foam   1    none
""".strip().splitlines()


@pytest.mark.parametrize("line", LABEL_MAXIMA)
def test_maxima_are_those_of_the_labels(line: str) -> None:
    product, form, strength, stated = line.split(maxsplit=3)
    limits = catalogue().limits_for(product, SclerosantForm(form), Decimal(strength), DAY)
    found = [f"{x.limit} {x.kind} {x.per}" for x in limits if x.level is not RuleLevel.NOTE]
    expected = [] if stated == "none" else [" ".join(part.split()) for part in stated.split(",")]
    assert found == expected


def test_a_limit_holds_from_its_first_day_only() -> None:
    first = catalogue().dose_limits["sotradecol_session"].valid_from
    before = date.fromordinal(first.toordinal() - 1)
    strength = Decimal(1)
    assert catalogue().limits_for("sotradecol", LIQUID, strength, first)
    assert catalogue().limits_for("sotradecol", LIQUID, strength, before) == ()


def test_products_without_a_known_maximum_say_so() -> None:
    known = {code for code in catalogue().products if catalogue().established_limit(code)}
    assert known == {
        "asclera", "varithena", "aethoxysklerol", "sotradecol", "fibrovein", "ethamolin",
    }  # fmt: skip


def test_an_unknown_product_is_not_taken_for_one_without_limit() -> None:
    with pytest.raises(KeyError):
        catalogue().limits_for("asclra", LIQUID, Decimal(1), DAY)
    with pytest.raises(KeyError):
        catalogue().established_limit("asclra")
    with pytest.raises(KeyError):
        catalogue().contraindications_for("asclra", LIQUID, DAY)


def test_one_percent_is_ten_milligrams_per_millilitre() -> None:
    asclera = catalogue().products["asclera"]
    assert asclera.mg_per_ml(Decimal(1)) == 10
    assert asclera.mg_per_ml(Decimal("0.5")) * 10 == 50


def test_every_agent_has_a_product() -> None:
    offered = {product.sclerosant_code for product in catalogue().products.values()}
    assert offered == set(catalogue().sclerosants)


def test_products_without_label_accept_any_strength() -> None:
    for product in catalogue().products.values():
        assert product.has_label == bool(product.strengths_percent), product.code


def test_contraindications_of_a_product_include_those_of_every_sclerosant() -> None:
    rows = catalogue().contraindications_for("asclera", LIQUID, DAY)
    absolute = {row.condition for row in rows if row.level is ContraindicationLevel.ABSOLUTE}
    assert {"allergy_to_agent", "acute_thromboembolism", "critical_limb_ischaemia"} <= absolute
    assert all(row.product_code in (None, "asclera") for row in rows)


def test_a_shunt_excludes_foam_but_not_liquid() -> None:
    def conditions(form: SclerosantForm) -> set[str]:
        rows = catalogue().contraindications_for("aethoxysklerol", form, DAY)
        return {row.condition for row in rows}

    assert conditions(FOAM) - conditions(LIQUID) == {
        "symptomatic_foramen_ovale", "migraine_with_aura",
    }  # fmt: skip


def test_every_labelled_product_for_leg_veins_excludes_allergy() -> None:
    rows = catalogue().contraindications.values()
    stated = {row.product_code for row in rows if row.condition == "allergy_to_agent"}
    labelled = {code for code, product in catalogue().products.items() if product.has_label}
    assert labelled <= stated


VISITS = """
safety_2w   14   10   18
check_6_8w  56   42   70
photo_12w   84   63   105
review_26w  182  136  228
review_12m  365  273  457
review_2y   730  547  913
review_3y   1095 821  1369
review_4y   1460 1095 1825
review_5y   1825 1368 2282
""".strip().splitlines()


@pytest.mark.parametrize("line", VISITS)
def test_visits_are_due_with_a_quarter_of_tolerance(line: str) -> None:
    code, *days = line.split()
    visit = catalogue().visits[code]
    assert [visit.due_day, visit.from_day, visit.to_day] == [int(day) for day in days]


def test_windows_mature_at_days_18_70_and_228() -> None:
    mature = {
        (term.counting_window_days, catalogue().visits[term.assessed_at_visit].to_day)
        for term in catalogue().event_terms.values()
    }
    assert mature == {(1, 18), (30, 70), (180, 228)}


def test_the_composite_leaves_out_what_nearly_every_patient_has() -> None:
    terms = catalogue().event_terms.values()
    short = {term.code for term in terms if term.counting_window_days <= 30}
    composite = {term.code for term in terms if term.in_composite}
    assert short - composite == {
        "haematoma", "injection_pain", "limb_pain", "pruritus", "injection_site_irritation",
        "injection_site_warmth", "medication_error",
    }  # fmt: skip
    assert composite <= short
    assert "any_incident" in composite


def test_serious_events_are_listed_one_by_one() -> None:
    serious = {t.code for t in catalogue().event_terms.values() if t.serious_by_nature}
    assert {
        "anaphylaxis", "pulmonary_embolism", "dvt_proximal", "stroke", "extensive_necrosis",
        "septicaemia", "motor_nerve_injury",
    } <= serious  # fmt: skip
    assert "skin_necrosis" not in serious


@pytest.mark.parametrize(
    ("code", "liquid", "foam"),
    [
        ("hyperpigmentation", Frequency.FREQUENT, Frequency.FREQUENT),
        ("skin_necrosis", Frequency.RARE, Frequency.VERY_RARE),
        ("dvt_distal", Frequency.RARE, Frequency.OCCASIONAL),
        ("sensory_nerve_injury", None, Frequency.RARE),
        ("visual_disturbance", Frequency.VERY_RARE, Frequency.OCCASIONAL),
        ("haematoma", None, None),
    ],
)
def test_frequencies_are_those_of_the_guideline(
    code: str, liquid: Frequency | None, foam: Frequency | None
) -> None:
    term = catalogue().event_terms[code]
    assert (term.frequency_liquid, term.frequency_foam) == (liquid, foam)


def test_necrosis_may_begin_after_three_days() -> None:
    term = catalogue().event_terms["skin_necrosis"]
    assert (term.typical_onset_from_days, term.typical_onset_to_days) == (2, 14)


def test_the_six_week_list_alone_completes_the_month() -> None:
    asked = set(catalogue().checklists["standard_6_8w"].term_codes)
    terms = catalogue().event_terms.values()
    assert {term.code for term in terms if term.counting_window_days <= 30} <= asked


def test_the_open_question_covers_the_composite_and_nothing_else() -> None:
    checklist = catalogue().checklists["any_incident_open"]
    composite = {t.code for t in catalogue().event_terms.values() if t.in_composite}
    assert checklist.asks is Asking.OPEN
    assert set(checklist.term_codes) == composite
    assert catalogue().checklist_versions["any_incident_open", 1] is checklist


def test_veins_carry_the_abbreviations_of_ceap_2020() -> None:
    named = {row.ceap for row in catalogue().anatomy.values() if row.ceap}
    assert named == {"GSVa", "GSVb", "SSV", "AASV", "NSV", "TPV", "CPV"}


def test_clearance_of_three_quarters_is_success() -> None:
    scale = catalogue().scales["clearance_percent"]
    assert scale.success_at == 75
    assert scale.higher_is_better
    assert scale.provenance is Provenance.OUR_DECISION


def test_guex_counts_add_up() -> None:
    rows = catalogue().benchmarks
    liquid, foam, both = rows["guex_any_liquid"], rows["guex_any_foam"], 344
    assert liquid.n + foam.n + both == rows["guex_any"].n == 12_173
    assert liquid.x + foam.x == rows["guex_any"].x == 49
    assert rows["guex_any"].unit is UnitOfAnalysis.TREATMENT_SESSION
    assert rows["guex_any"].window_days == 30


def test_printed_percentages_that_their_counts_do_not_give_are_flagged() -> None:
    flagged = {
        row.code: row.printed_percent
        for row in catalogue().benchmarks.values()
        if row.contradicts_printed
    }
    assert flagged == {
        "guex_ultrasound": Decimal("33.9"),
        "three_one_1_percent": Decimal(88),
        "frosinone_other_area": Decimal(67),
    }


def test_what_contradicts_itself_or_is_another_treatment_is_not_a_rate() -> None:
    for row in catalogue().benchmarks.values():
        if row.contradicts_printed or row.modality is not Modality.SCLEROTHERAPY:
            assert row.use is BenchmarkUse.DISPLAY_ONLY, row.code


def a_benchmark(x: int, n: int, printed: Decimal | None) -> Benchmark:
    return Benchmark(
        code="a_paper", label="A paper", provenance=Provenance.PAPER, source="a_paper",
        paper="A paper", topic=BenchmarkTopic.COMPLICATION, population="patients",
        unit=UnitOfAnalysis.PATIENT, definition="event", x=x, n=n, printed_percent=printed,
        use=BenchmarkUse.DISPLAY_ONLY,
    )  # fmt: skip


@given(
    counts=st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    digits=st.integers(0, 2),
    wrong_by=st.integers(-3, 3),
)
def test_rounding_agrees_and_any_other_last_digit_contradicts(
    counts: tuple[int, int], digits: int, wrong_by: int
) -> None:
    x, n = counts
    unit = Fraction(1, 10**digits)
    rounded = round(Fraction(100 * x, n) / unit)
    printed = (Decimal(rounded) + wrong_by).scaleb(-digits)
    if abs(Fraction(100 * x, n) / unit - rounded) == Fraction(1, 2) and abs(wrong_by) == 1:
        return
    assert a_benchmark(x, n, printed).contradicts_printed == (wrong_by != 0)


def test_without_a_printed_percentage_nothing_is_contradicted() -> None:
    assert not a_benchmark(1, 3, None).contradicts_printed
    assert a_benchmark(1, 4, None).proportion == 0.25


def test_claims_are_not_established() -> None:
    for claim in catalogue().claims.values():
        assert claim.provenance is Provenance.NOT_ESTABLISHED, claim.code
        assert claim.source == "patient_article", claim.code


def test_every_comparator_modality_is_described() -> None:
    described = {row.modality for row in catalogue().comparators.values()}
    assert described == set(Modality) - {Modality.SCLEROTHERAPY}


def test_every_source_is_cited() -> None:
    whole = catalogue()
    tables = [
        getattr(whole, name) for name in whole.__slots__ if name not in ("version", "sources")
    ]
    cited = {
        code
        for table in tables
        for row in table.values()
        for code in (row.source, *row.further_sources)
    }
    assert set(whole.sources) == cited - {None}


def test_every_event_family_has_a_term() -> None:
    assert {term.family for term in catalogue().event_terms.values()} == set(EventFamily)


def test_the_catalogue_is_read_once_and_cannot_be_changed() -> None:
    assert catalogue() is catalogue()
    with pytest.raises(TypeError):
        catalogue().products["asclera"] = None  # type: ignore[index]

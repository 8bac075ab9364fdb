"""The rule book answers alike on both sides of every threshold."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.statistics import chart_choice, funnel, result, shrinkage, standardisation
from registry.statistics import display_rules as rules
from registry.statistics.display_rules import TEXT, Wording


@pytest.mark.parametrize(
    ("predicate", "too_few", "enough"),
    [
        (rules.shows_percentage, (9,), (10,)),
        (rules.shows_comparison, (4, 10), (5, 10)),
        (rules.shows_comparison, (5, 9), (5, 10)),
        (rules.shows_landmark, (9,), (10,)),
        (rules.releases_landmark, (9, 0), (10, 0)),
        (rules.releases_landmark, (40, 4), (40, 5)),
        (rules.draws_curve, (99, 1000), (100, 1000)),
        (rules.draws_curve, (9, 20), (10, 20)),
        (rules.headline_is_proportion, (94, 100), (95, 100)),
        (rules.headline_is_proportion, (0, 0), (1, 1)),
        (rules.needs_loss_bounds, (20, 100), (21, 100)),
        (rules.shows_funnel, (4, 4), (5, 3)),
        (rules.shows_funnel, (6, 3), (6, 4)),
        (rules.names_unit, (9,), (10,)),
        (rules.adjusts_for_overdispersion, (9, 20), (10, 20)),
        (rules.adjusts_for_overdispersion, (10, 19), (10, 20)),
        (rules.shows_limits, (11,), (12,)),
        (rules.limits_are_provisional, (20,), (19,)),
        (rules.shows_gap_limits, (9,), (10,)),
        (rules.shrinks, (4,), (5,)),
        (rules.fits_negative_binomial, (9, 20), (10, 20)),
        (rules.fits_negative_binomial, (10, 19), (10, 20)),
        (rules.standardises, (19,), (20,)),
        (rules.fits_model, (29, 3), (30, 3)),
        (rules.adjusts, (49, 100), (50, 100)),
        (rules.adjusts, (0, 0), (1, 2)),
        (rules.judges_ratio, (0.99,), (1.0,)),
        (rules.estimates_clustering, (19, 3), (20, 3)),
        (rules.estimates_clustering, (20, 0), (20, 1)),
        (rules.quotes_rule_of_three, (29,), (30,)),
        (rules.is_written_per_thousand, (0.01,), (0.0099,)),
        (rules.counts_for_leaflet, (99,), (100,)),
        (rules.draws_in_leaflet, (4, 100), (5, 100)),
        (rules.draws_in_leaflet, (96, 100), (95, 100)),
    ],
)
def test_each_threshold_divides_where_it_says(predicate, too_few, enough):
    assert not predicate(*too_few)
    assert predicate(*enough)


@pytest.mark.parametrize(
    ("numerator", "denominator", "wording"),
    [
        (0, 0, Wording.NOT_DEFINED),
        (0, 344, Wording.ZERO_EVENTS),
        (0, 5, Wording.ZERO_EVENTS),
        (3, 9, Wording.COUNT_ONLY),
        (4, 400, Wording.FEW_EVENTS),
        (5, 400, Wording.RATE),
    ],
)
def test_a_rate_is_told_by_what_it_rests_on(numerator, denominator, wording):
    assert rules.rate_wording(numerator, denominator) is wording


@pytest.mark.parametrize(
    ("lower", "upper", "comparable", "wording"),
    [
        (0.001, 0.02, True, Wording.HIGHER),
        (-0.02, -0.001, True, Wording.LOWER),
        (-0.001, 0.001, True, Wording.COMPATIBLE),
        (0.0, 0.01, True, Wording.COMPATIBLE),
        (0.001, 0.02, False, Wording.NOT_COMPARABLE),
        (None, None, True, Wording.NOT_COMPARABLE),
    ],
)
def test_a_benchmark_is_told_by_the_limits_of_the_difference(lower, upper, comparable, wording):
    assert rules.benchmark_wording(lower, upper, comparable=comparable) is wording


def test_reversed_limits_are_an_error():
    with pytest.raises(ValueError, match="cannot exceed"):
        rules.benchmark_wording(0.1, -0.1, comparable=True)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_swapping_clinic_and_paper_swaps_higher_and_lower(one, other):
    lower, upper = sorted((one, other))
    swapped = {Wording.HIGHER: Wording.LOWER, Wording.LOWER: Wording.HIGHER}
    verdict = rules.benchmark_wording(lower, upper, comparable=True)
    assert rules.benchmark_wording(-upper, -lower, comparable=True) is swapped.get(verdict, verdict)


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (Wording, rules.TEXT),
        (result.Caution, result.TEXT),
        (chart_choice.Reason, chart_choice.TEXT),
        (funnel.FunnelCaution, funnel.TEXT),
        (standardisation.RatioCaution, standardisation.TEXT),
        (shrinkage.ShrinkageCaution, shrinkage.TEXT),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_every_id_has_its_sentence_and_none_names_a_cause(ids, texts):
    causal = re.compile(
        r"\b(cause|because|due to|leads? to|effect|safer|dangerous|risk factor|prevent)", re.I
    )
    assert set(texts) == set(ids)
    assert not [text for text in texts.values() if causal.search(text)]
    assert not any(text[0].islower() for text in texts.values())
    assert all(text.endswith(".") for text in texts.values())
    assert "%" not in "".join(texts.values())


def test_no_two_cautions_share_an_id():
    cautions = (*result.Caution, *funnel.FunnelCaution, *standardisation.RatioCaution)
    cautions += (*shrinkage.ShrinkageCaution, *chart_choice.Reason, *Wording)
    assert len({each.value for each in cautions}) == len(cautions)


def test_a_lower_rate_always_states_how_many_were_followed():
    fields = {name for _, name, _, _ in Formatter().parse(TEXT[Wording.LOWER])}
    assert "assessed" in fields


def test_percentages_gain_a_decimal_from_a_thousand_on():
    assert [rules.percentage_decimals(n) for n in (999, 1000)] == [1, 2]

"""Two groups side by side: what is compared, what is refused, and what is always said."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.comparison import ComparisonReport, comparable, comparison
from registry.analysis.comparison_wording import contrast_sentence, group_sentences, points
from registry.analysis.results import Basis
from registry.errors import NotFound
from registry.statistics.comparisons import newcombe, risk_ratio_limits
from tests.spec.conftest import Given

LONG_AFTER = dt.date(2026, 6, 1)
EVERYTHING = CohortFilter()
ASKED = "60:standard_6_8w"


def groups(*given: tuple[str, str, int, int], asked: str = ASKED) -> str:
    """Form, further columns, sessions and how many of them had the event."""
    rows = ["patient | day | form | site | class | events | asked"]
    for form, vessel, sessions, events in given:
        for i in range(sessions):
            harm = "infection@3" if i < events else ""
            seen = asked if i >= events else ""
            rows.append(f"{form}{vessel}{i} | 0 | {form} | left/ssv | {vessel} | {harm} | {seen}")
    return "\n".join(rows)


def said(report: ComparisonReport) -> str:
    return " ".join(map(str, report.warnings))


def test_the_difference_is_newcombes_and_the_ratio_katzs_when_nobody_comes_twice(
    engine: Engine, given: Given
) -> None:
    by = given(groups(("foam", "reticular", 60, 9), ("liquid", "reticular", 80, 4)))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER, a="foam", b="liquid")
    assert report.crude is not None
    difference, ratio = report.crude.difference, report.crude.ratio
    lower, upper = newcombe(9, 60, 4, 80)
    assert difference.value == pytest.approx(9 / 60 - 4 / 80, abs=1e-12)
    assert (difference.interval.lower, difference.interval.upper) == pytest.approx(
        (float(lower), float(upper)), abs=1e-9
    )
    assert ratio is not None
    assert ratio.value == pytest.approx(3.0, abs=1e-9)
    low, high = risk_ratio_limits(9, 60, 4, 80)
    assert ratio.interval.lower == pytest.approx(float(low), rel=0.02)
    assert ratio.interval.upper == pytest.approx(float(high), rel=0.02)
    assert "Unadjusted difference +10.0 points" in str(contrast_sentence(report))


def test_confounding_by_indication_is_said_whatever_comes_out(engine: Engine, given: Given) -> None:
    by = given(groups(("foam", "reticular", 12, 0), ("liquid", "reticular", 12, 0)))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert "Confounding by indication" in said(report)
    assert report.crude is None
    assert "Too few to compare. Events in all: 0," in said(report)


@pytest.mark.parametrize(
    ("foam", "liquid", "is_compared"),
    [((10, 3), (10, 2), True), ((10, 2), (10, 2), False), ((9, 4), (10, 4), False)],
)
def test_five_events_and_ten_sessions_are_the_least(
    engine: Engine,
    given: Given,
    foam: tuple[int, int],
    liquid: tuple[int, int],
    is_compared: bool,
) -> None:
    by = given(groups(("foam", "reticular", *foam), ("liquid", "reticular", *liquid)))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.crude is not None) == is_compared


def test_adjusting_for_vessel_class_takes_its_difference_away(engine: Engine, given: Given) -> None:
    # One in ten small veins and one in two large ones, whatever was injected.
    by = given(
        groups(
            ("foam", "telangiectasia", 40, 4),
            ("foam", "truncal", 60, 30),
            ("liquid", "telangiectasia", 160, 16),
            ("liquid", "truncal", 20, 10),
        )
    )
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER, a="foam", b="liquid")
    assert report.crude is not None
    assert report.adjusted is not None
    assert [str(name) for name in report.levelled] == ["vessel class"]
    assert report.crude.difference.value == pytest.approx(34 / 100 - 26 / 180, abs=1e-9)
    assert report.adjusted.difference.value == pytest.approx(0.0, abs=1e-6)
    assert report.adjusted.ratio is not None
    assert report.adjusted.ratio.value == pytest.approx(1.0, abs=1e-6)


def test_too_few_events_are_not_adjusted(engine: Engine, given: Given) -> None:
    by = given(
        groups(
            ("foam", "telangiectasia", 20, 5),
            ("foam", "truncal", 20, 5),
            ("liquid", "telangiectasia", 40, 5),
            ("liquid", "truncal", 20, 4),
        )
    )
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert report.crude is not None
    assert report.adjusted is None
    assert [str(name) for name in report.too_few_for] == ["vessel class"]
    assert report.inseparable == ()
    wanted = "Not adjusted for vessel class: too few events for it (19 in the two groups)."
    assert wanted in said(report)
    assert "Not adjusted for anything." in str(report.heading.definition)


@pytest.mark.parametrize(("reticular", "is_adjusted"), [(60, True), (59, False)])
def test_the_adjusted_figure_rests_on_half_of_the_smaller_group_and_says_on_which(
    engine: Engine, given: Given, reticular: int, is_adjusted: bool
) -> None:
    by = given(
        groups(
            ("foam", "reticular", reticular, 10),
            ("foam", "truncal", 120 - reticular, 10),
            ("liquid", "reticular", 80, 10),
            ("liquid", "telangiectasia", 100, 10),
        )
    )
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER, a="foam", b="liquid")
    assert (report.adjusted is not None) == is_adjusted
    assert [str(name) for name in report.levelled] == (["vessel class"] if is_adjusted else [])
    assert [kept.comparable for kept in report.counterparts] == [reticular, 80]
    assert [row["a_with_counterpart"] for row in report.to_rows()] == [reticular] * 2
    if is_adjusted:
        for words in ("60 of 120 sessions of Foam", "100 of 180 sessions of Liquid"):
            assert (
                f"{words} have nothing comparable: the other group has none at equal vessel class. "
                "The adjusted figure is of the others, mainly Reticular."
            ) in said(report)
    else:
        assert (
            "Not adjusted for vessel class: only 59 of 120 sessions of Foam have one of the other "
            "group at equal levels; half of the smaller group is the least."
        ) in said(report)
        assert "nothing comparable" not in said(report)


def test_what_goes_with_the_groups_cannot_be_levelled(engine: Engine, given: Given) -> None:
    by = given(groups(("foam", "truncal", 60, 30), ("liquid", "telangiectasia", 60, 20)))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert report.adjusted is None
    assert [str(name) for name in report.inseparable] == ["vessel class"]
    assert report.too_few_for == ()
    assert "vessel class: here it goes with the groups" in said(report)
    assert "too few" not in said(report)


def test_where_nothing_else_differs_that_is_the_reason(engine: Engine, given: Given) -> None:
    by = given(groups(("foam", "reticular", 60, 30), ("liquid", "reticular", 60, 20)))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert report.crude is not None
    assert report.adjusted is None
    assert "Not adjusted: nothing else that is levelled differs" in said(report)


def test_follow_up_that_differs_is_named_and_kaplan_meier_has_no_ratio(
    engine: Engine, given: Given
) -> None:
    table = groups(("foam", "reticular", 40, 6), ("liquid", "reticular", 40, 4))
    lost = "\n".join(f"lost{i} | 0 | liquid | left/ssv | reticular | |" for i in range(20))
    by = given(f"{table}\n{lost}")
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER, a="foam", b="liquid")
    assert report.b.basis is Basis.KAPLAN_MEIER
    assert "Follow-up differs: of Foam 100 % were assessed, of Liquid 67 %" in said(report)
    assert report.crude is not None
    assert report.crude.ratio is None
    # The lost were followed for no day, so they say nothing: 4 of the other 40.
    assert report.crude.difference.value == pytest.approx(6 / 40 - 4 / 40, abs=1e-9)
    assert report.crude.difference.value == pytest.approx(
        (report.a.estimate.value or 0) - (report.b.estimate.value or 0), abs=1e-12
    )


def test_patients_of_both_groups_are_counted(engine: Engine, given: Given) -> None:
    rows = ["patient | day | form | events | asked"]
    for i in range(30):
        harm = "infection@3" if i < 6 else ""
        rows.append(f"P{i} | 0 | foam | {harm} | 60:standard_6_8w")
        rows.append(f"P{i} | 100 | liquid | | 160:standard_6_8w")
    by = given("\n".join(rows))
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert "Patients with sessions in both groups: 30;" in said(report)


def test_the_two_largest_groups_are_compared_unless_others_are_named(
    engine: Engine, given: Given
) -> None:
    by = given(
        groups(
            ("liquid+foam", "reticular", 11, 3),
            ("foam", "reticular", 12, 3),
            ("liquid", "reticular", 10, 3),
        )
    )
    offered = comparable(engine, by, EVERYTHING)
    assert [code for code, _ in offered.groups] == ["foam", "liquid", "mixed"]
    assert (offered.a, offered.b) == ("foam", "mixed")
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.a.code, report.b.code) == ("foam", "mixed")
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER, b="liquid")
    assert (report.a.code, report.b.code) == ("foam", "liquid")
    assert {str(item.reason): item.count for item in report.excluded} == {
        "sessions of other groups": 11
    }


@pytest.mark.parametrize(
    ("forms", "asked", "words"),
    [
        ("liquid liquid", {"a": "foam", "b": "liquid"}, "no session of group “foam”"),
        ("liquid liquid", {"a": "liquid"}, "only one group"),
        ("liquid foam", {"group_by": "patient"}, "not by “patient”"),
        ("liquid foam", {"a": "foam", "b": "foam"}, "with itself"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(
    engine: Engine, given: Given, forms: str, asked: dict[str, str], words: str
) -> None:
    rows = [f"P{i} | 0 | {form}" for i, form in enumerate(forms.split())]
    by = given("\n".join(["patient | day | form", *rows]))
    with pytest.raises(NotFound, match=words):
        comparison(engine, by, EVERYTHING, today=LONG_AFTER, **asked)  # type: ignore[arg-type]


def test_without_two_groups_nothing_is_compared(engine: Engine, given: Given) -> None:
    by = given("patient | day | form\nA | 0 | liquid")
    report = comparison(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.a.sessions, report.b.sessions, report.crude) == (1, 0, None)
    assert str(report.b.label) == "No other group"
    assert "Too few to compare" in said(report)
    sentences = [str(each) for each in group_sentences(report)]
    assert [each.split(":")[0] for each in sentences] == [
        "Liquid",
        "There are no two groups here, so there is nothing to compare.",
    ]
    assert "No other group" not in str(report.heading.title)


def test_the_definition_claims_no_adjustment_that_was_not_made(
    engine: Engine, given: Given
) -> None:
    by = given("patient | day | form\nA | 0 | liquid\nB | 0 | foam")
    told = str(comparison(engine, by, EVERYTHING, today=LONG_AFTER).heading.definition)
    assert "Not adjusted for anything" in told
    assert "at equal" not in told


def test_points_carry_their_sign() -> None:
    assert [points(value) for value in (0.0394, -0.0394, 0.0, -0.0001, None)] == [
        "+3.9",
        "\N{MINUS SIGN}3.9",
        "0.0",
        "0.0",
        "–",
    ]

"""Does the session form say exactly what was typed, and point at what it cannot read?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from dashboard import session_form, words
from dashboard.session_form import Preparation, Row
from registry.entry.column_checks import column_problems
from registry.entry.dose import milligrams
from registry.entry.forms import InjectionEntry, SessionEntry, SiteEntry
from registry.schema import Injection
from registry.vocabulary import FoamGas, Laterality, Modality, SclerosantForm, VesselClass

BASE = SessionEntry(id=UUID(int=1), patient_id=UUID(int=2), treated_on=dt.date(2026, 3, 2))
LIQUID = Preparation(
    product_code="aethoxysklerol",
    strength="0.5",
    form=SclerosantForm.LIQUID,
    lot_number="L-1",
    expires="12/2027",
)
FOAM = Preparation(
    product_code="fibrovein",
    strength="1",
    form=SclerosantForm.FOAM,
    gas=FoamGas.AIR,
    gas_parts="4",
)
CALF = Row(side=Laterality.LEFT, anatomy_code="calf_medial", ml="1,5")


def test_volumes_go_to_their_sites_and_what_was_drawn_up_goes_with_them() -> None:
    said = session_form.read(BASE, [LIQUID], [CALF, replace(CALF, anatomy_code="ssv", ml="2")])
    assert said.problems == []
    calf, ssv = said.entry.sites
    assert calf.injections == (
        InjectionEntry(
            product_code="aethoxysklerol",
            form=SclerosantForm.LIQUID,
            concentration_percent=Decimal("0.5"),
            liquid_ml=Decimal("1.5"),
            lot_number="L-1",
            expires_on=dt.date(2027, 12, 31),
        ),
    )
    assert [injection.liquid_ml for injection in ssv.injections] == [Decimal(2)]


def test_two_preparations_at_one_site_are_two_injections_of_that_site() -> None:
    said = session_form.read(BASE, [LIQUID, FOAM], [CALF, replace(CALF, preparation=1, ml="2")])
    (site,) = said.entry.sites
    assert [(i.form, i.liquid_ml, i.gas_ml) for i in site.injections] == [
        (SclerosantForm.LIQUID, Decimal("1.5"), None),
        (SclerosantForm.FOAM, Decimal(2), Decimal(8)),
    ]


def test_the_same_place_with_another_vessel_class_is_another_site() -> None:
    rows = [CALF, replace(CALF, vessel_class=VesselClass.RETICULAR)]
    assert len(session_form.read(BASE, [LIQUID], rows).entry.sites) == 2


def test_a_volume_without_a_place_is_kept_with_the_session() -> None:
    said = session_form.read(BASE, [LIQUID], [Row(ml="3")])
    assert said.entry.sites == ()
    assert [injection.liquid_ml for injection in said.entry.injections] == [Decimal(3)]
    assert said.place("injections[0].liquid_ml") == "row.0.ml"


def test_a_blank_row_says_nothing_and_a_blank_volume_is_not_zero() -> None:
    said = session_form.read(BASE, [LIQUID], [replace(CALF, ml=" "), Row(side=Laterality.LEFT)])
    (site,) = said.entry.sites
    assert site.injections[0].liquid_ml is None


@pytest.mark.parametrize(
    ("preparation", "row", "field"),
    [
        (replace(LIQUID, product_code=None), CALF, "preparation.0.product"),
        (replace(LIQUID, form=None), CALF, "preparation.0.form"),
        (replace(LIQUID, strength="half"), CALF, "preparation.0.strength"),
        (replace(LIQUID, expires="soon"), CALF, "preparation.0.expires"),
        (replace(FOAM, gas_parts="much"), CALF, "preparation.0.gas_parts"),
        (LIQUID, replace(CALF, ml="1.5 or 2"), "row.0.ml"),
        (LIQUID, replace(CALF, ml="1,234.5"), "row.0.ml"),
        (LIQUID, replace(CALF, side=None), "row.0.side"),
        (LIQUID, replace(CALF, preparation=None), "row.0.preparation"),
        (LIQUID, Row(preparation=1, ml="1"), "row.0.preparation"),
        (LIQUID, Row(), "row.0.place"),
    ],
)
def test_what_cannot_be_read_is_shown_where_it_was_typed(
    preparation: Preparation, row: Row, field: str
) -> None:
    said = session_form.read(BASE, [preparation], [row])
    assert [problem.field for problem in said.problems] == [field]


def test_a_problem_of_the_entry_finds_the_row_and_the_preparation_it_was_typed_in() -> None:
    rows = [CALF, Row(), replace(CALF, anatomy_code="ssv", preparation=1)]
    said = session_form.read(BASE, [LIQUID, FOAM], rows)
    assert said.place("sites[1].injections[0].liquid_ml") == "row.2.ml"
    assert said.place("sites[1].injections[0].concentration_percent") == "preparation.1.strength"
    assert said.place("sites[0].injections[0].expires_on") == "preparation.0.expires"
    assert said.place("sites[1].anatomy_code") == "row.2.place"
    assert said.place("treated_on") == "treated_on"


def test_without_an_agent_only_the_sites_are_said() -> None:
    laser = replace(BASE, modality=Modality.ND_YAG_LASER)
    said = session_form.read(laser, [], [replace(CALF, ml="")])
    assert said.problems == []
    assert [site.injections for site in said.entry.sites] == [()]


def test_a_stored_session_opens_as_the_form_that_says_it() -> None:
    liquid = InjectionEntry(
        product_code="aethoxysklerol",
        form=SclerosantForm.LIQUID,
        concentration_percent=Decimal("0.5"),
        liquid_ml=Decimal("1.25"),
        lot_number="L-1",
        expires_on=dt.date(2027, 12, 31),
        is_compounded=True,
    )
    foam = replace(
        liquid,
        form=SclerosantForm.FOAM,
        gas=FoamGas.CO2,
        gas_ml=Decimal("5.00"),
        lot_number=None,
        expires_on=None,
        is_compounded=False,
    )
    entry = replace(
        BASE,
        sites=(
            SiteEntry(
                side=Laterality.RIGHT,
                anatomy_code="ssv",
                diameter_mm=Decimal("2.5"),
                feeder_treated=True,
                injections=(liquid, foam, replace(liquid, liquid_ml=None)),
            ),
            SiteEntry(side=Laterality.LEFT, anatomy_code="ssv"),
        ),
        injections=(foam,),
    )
    said = session_form.read(BASE, *session_form.typed(entry))
    assert said.problems == []
    assert said.entry == entry


def test_ready_made_foam_is_asked_and_read_as_foam() -> None:
    canister = session_form.begun("varithena")
    assert (canister.strength, canister.form) == ("1", SclerosantForm.FOAM)
    said = session_form.read(BASE, [replace(canister, gas_parts="4")], [replace(CALF, ml="5")])
    assert said.problems == []
    (injection,) = said.entry.all_injections()
    assert (injection.liquid_ml, injection.gas_ml) == (Decimal("0.65"), Decimal("4.35"))
    assert injection.gas is FoamGas.PROPRIETARY
    assert milligrams(injection) == Decimal("6.5")
    preparations, rows = session_form.typed(said.entry)
    assert (preparations[0].gas_parts, rows[0].ml) == ("", "5")
    assert session_form.read(BASE, preparations, rows).entry == said.entry


@pytest.mark.parametrize(
    ("liquid_ml", "gas_ml", "shown"), [("0.65", None, "5"), ("2", "3", "5"), (None, "4", "")]
)
def test_ready_made_foam_stored_in_another_way_opens_as_foam(
    liquid_ml: str | None, gas_ml: str | None, shown: str
) -> None:
    injection = InjectionEntry(
        product_code="varithena",
        form=SclerosantForm.FOAM,
        liquid_ml=None if liquid_ml is None else Decimal(liquid_ml),
        gas_ml=None if gas_ml is None else Decimal(gas_ml),
    )
    _, (row,) = session_form.typed(replace(BASE, injections=(injection,)))
    assert row.ml == shown


def test_the_same_sites_again_come_without_volumes() -> None:
    again = list(session_form.sites_only([CALF, Row(ml="2")]))
    assert again == [replace(CALF, ml="")]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("12/2027", dt.date(2027, 12, 31)),
        ("2/28", dt.date(2028, 2, 29)),
        ("2027-02", dt.date(2027, 2, 28)),
        ("2027-02-03", dt.date(2027, 2, 3)),
        ("3.2.2027", dt.date(2027, 2, 3)),
        ("02.2027", dt.date(2027, 2, 28)),
        ("", None),
    ],
)
def test_an_expiry_is_read_as_it_stands_on_boxes(typed: str, expected: dt.date | None) -> None:
    assert words.read_expiry(typed) == expected


@pytest.mark.parametrize("typed", ["13/2027", "2027", "31/02/2027", "12-2", "٣/2027", "2027-02-30"])
def test_an_expiry_that_reads_two_ways_or_no_way_is_refused(typed: str) -> None:
    with pytest.raises(words.Unreadable):
        words.read_expiry(typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("1.5", "1.5"), ("1,5", "1.5"), (" 2 mL", "2"), ("0,25 %", "0.25"), (None, None), ("", None)],
)
def test_a_number_is_read_with_point_or_comma(typed: str | None, expected: str | None) -> None:
    assert words.read_number(typed) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("typed", ["1,000", "12.345", "999,000"])
def test_what_may_be_thousands_or_decimals_is_refused_in_a_clear_sentence(typed: str) -> None:
    with pytest.raises(words.Unreadable, match="three decimals"):
        words.read_number(typed)
    assert words.read_number("0.125") == Decimal("0.125")
    assert words.read_number("1.0000") == 1


@pytest.mark.parametrize("typed", ["1.234,5", "1e3", "NaN", "½", "٣", "- 1", "1,5,5"])
def test_what_is_no_plain_number_is_refused(typed: str) -> None:
    with pytest.raises(words.Unreadable):
        words.read_number(typed)


@pytest.mark.parametrize("typed", ["-1", "0", "9" * 40])
@pytest.mark.parametrize("preparation", [LIQUID, FOAM, session_form.begun("varithena")])
def test_a_number_that_no_volume_has_is_left_to_the_range_of_its_field(
    typed: str, preparation: Preparation
) -> None:
    said = session_form.read(BASE, [preparation], [replace(CALF, ml=typed)])
    assert said.problems == []
    wrong = {p.field for p in column_problems(Injection, said.entry.all_injections()[0])}
    assert "liquid_ml" in wrong


def test_every_member_of_a_closed_set_has_words_of_its_own_within_it() -> None:
    for members, labels in words.LABELS.items():
        assert set(labels) == {member.value for member in members}
        assert len(set(labels.values())) == len(labels)
        for member in members:
            assert words.label(member)

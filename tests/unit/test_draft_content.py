"""Does a draft give back exactly what was typed, and never more than it knows?"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.entry import draft_content
from registry.entry.draft_content import Content
from registry.entry.forms import InjectionEntry, SessionEntry, SiteEntry
from registry.vocabulary import Laterality, SclerosantForm, SeriousnessCriterion, VesselClass

SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.dates(),
    st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from(list(Laterality)),
    st.sampled_from(list(VesselClass)),
)
VALUES = st.one_of(
    SIMPLE,
    st.lists(SIMPLE, max_size=4),
    st.lists(SIMPLE, max_size=3).map(tuple),
    st.frozensets(st.sampled_from(list(SeriousnessCriterion))),
)
BASE = SessionEntry(
    id=UUID(int=1),
    patient_id=UUID(int=2),
    treated_on=dt.date(2026, 3, 2),
    weight_kg=Decimal("61.5"),
    sites=(
        SiteEntry(
            side=Laterality.LEFT,
            anatomy_code="ssv",
            injections=(
                InjectionEntry(
                    product_code="aethoxysklerol",
                    form=SclerosantForm.FOAM,
                    liquid_ml=Decimal("1.50"),
                ),
            ),
        ),
    ),
)


def types(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value), [types(part) for part in value]
    return type(value)


@given(st.dictionaries(st.text(max_size=20), VALUES, max_size=8))
def test_every_value_comes_back_with_its_type(values: dict[str, Any]) -> None:
    found = draft_content.read(draft_content.written(Content(values)))
    assert found == Content(values)
    assert {name: types(value) for name, value in found.values.items()} == {
        name: types(value) for name, value in values.items()
    }


def test_the_record_that_is_corrected_comes_back_whole() -> None:
    assert draft_content.read(draft_content.written(Content({}, BASE))).base == BASE


@pytest.mark.parametrize(
    "value", [object(), {"selection": {}}, dt.datetime(2026, 3, 2, tzinfo=dt.UTC), [object()]]
)
def test_what_nobody_types_cannot_be_held(value: Any) -> None:
    assert not draft_content.can_hold(value)
    assert draft_content.can_hold(Laterality.LEFT)
    with pytest.raises(draft_content.Unreadable):
        draft_content.written(Content({"field": value}))


@pytest.mark.parametrize(
    "value",
    [
        {"set": "Laterality", "is": "middle"},
        {"set": "Colour", "is": "red"},
        {"day": "2026-02-30"},
        {"day": 5},
        {"number": "a few"},
        {"id": "none"},
        {"entry": "SessionEntry", "says": {"pain": 3}},
        {"row": 1},
        [{"what": "is this"}],
        {},
    ],
)
def test_a_value_no_longer_known_is_named_and_the_others_stay(value: Any) -> None:
    written = {"version": 1, "values": {"side": value, "note": "kept"}, "base": value}
    found = draft_content.read(json.dumps(written))
    assert (found.values, found.unreadable, found.base) == ({"note": "kept"}, {"side"}, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"values": 1}', "{}"])
def test_a_damaged_draft_is_empty(text: str) -> None:
    assert draft_content.read(text) == Content({})


def test_a_draft_of_another_version_names_all_its_fields() -> None:
    found = draft_content.read('{"version": 2, "values": {"note": "x", "pain": 3}}')
    assert (found.values, found.unreadable) == ({}, {"note", "pain"})


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["set", "is", "day", "id", "row", "any", "entry", "says"]), inner
            )
        ),
    )
)
@example({"any": [[]]})
def test_no_json_is_an_error(value: Any) -> None:
    found = draft_content.read(json.dumps({"version": 1, "values": {"x": value}}))
    assert found.values.keys() | found.unreadable == {"x"}

"""Are two people's changes to one record put together without losing either?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.entry.forms import (
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    SessionEntry,
    SiteEntry,
)
from registry.entry.stale import Place, differences, merged
from registry.errors import Conflict
from registry.vocabulary import (
    FindingState,
    FollowUpStatus,
    Guidance,
    Laterality,
    SclerosantForm,
    VesselClass,
)

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "treated_on": st.dates(dt.date(2020, 1, 1), dt.date(2026, 1, 1)),
    "guidance": st.sampled_from([None, *Guidance]),
    "pain": st.none() | st.integers(0, 10),
    "compression_days": st.none() | st.integers(0, 30),
    "note": st.none() | st.text(max_size=8),
}
KEYS = [(side, code) for side in Laterality for code in ("ssv", "gsv_thigh", "calf_medial")]
VOLUMES = st.integers(1, 9).map(Decimal)


def a_site(key: tuple[Laterality, str], ml: Decimal) -> SiteEntry:
    injected = InjectionEntry(
        product_code="aethoxysklerol", form=SclerosantForm.LIQUID, liquid_ml=ml
    )
    return SiteEntry(side=key[0], anatomy_code=key[1], injections=(injected,))


def an_entry(values: dict[str, Any], sites: dict[tuple[Laterality, str], Decimal]) -> SessionEntry:
    return SessionEntry(
        id=UUID(int=1),
        patient_id=UUID(int=2),
        sites=tuple(a_site(key, ml) for key, ml in sites.items()),
        **values,
    )


SITES = st.dictionaries(st.sampled_from(KEYS), VOLUMES)
ENTRIES = st.builds(an_entry, st.fixed_dictionaries(SCALARS), SITES)


@st.composite
def apart(draw: st.DrawFn) -> tuple[SessionEntry, SessionEntry, SessionEntry, SessionEntry]:
    """A record, two people's changes to different places of it, and both at once."""
    values, sites = draw(st.fixed_dictionaries(SCALARS)), draw(SITES)
    sides: list[tuple[dict[str, Any], dict[Any, Any]]] = []
    owners = draw(st.fixed_dictionaries({p: st.booleans() for p in [*SCALARS, *KEYS]}))
    for owner in (False, True):
        said = dict(values)
        for name, kind in SCALARS.items():
            if owners[name] is owner:
                said[name] = draw(kind)
        placed: dict[Any, Any] = {}
        for key in KEYS:
            ml = sites.get(key) if owners[key] is not owner else draw(st.none() | VOLUMES)
            if ml is not None:
                placed[key] = ml
        sides.append((said, placed))
    (my_values, my_sites), (their_values, their_sites) = sides
    both = {name: (their_values if owners[name] else my_values)[name] for name in SCALARS}
    placed = {key: (their_sites if owners[key] else my_sites).get(key) for key in KEYS}
    return (
        an_entry(values, sites),
        an_entry(my_values, my_sites),
        an_entry(their_values, their_sites),
        an_entry(both, {key: ml for key, ml in placed.items() if ml is not None}),
    )


def in_any_order(entry: SessionEntry) -> SessionEntry:
    return replace(entry, sites=tuple(sorted(entry.sites, key=repr)))


@given(apart())
def test_changes_that_do_not_meet_are_both_taken_over(
    versions: tuple[SessionEntry, SessionEntry, SessionEntry, SessionEntry],
) -> None:
    base, mine, theirs, both = versions
    assert not [each for each in differences(base, mine, theirs) if each.is_conflict]
    assert in_any_order(merged(base, mine, theirs)) == in_any_order(both)


@given(ENTRIES, ENTRIES, ENTRIES)
def test_every_conflict_is_decided_as_the_person_says(
    base: SessionEntry, mine: SessionEntry, theirs: SessionEntry
) -> None:
    conflicts = [each for each in differences(base, mine, theirs) if each.is_conflict]
    theirs_kept = merged(base, mine, theirs)
    mine_kept = merged(base, mine, theirs, {each.place for each in conflicts})
    for kept, side in ((theirs_kept, theirs), (mine_kept, mine)):
        left = {each.place for each in differences(side, kept, side)}
        assert left.isdisjoint(each.place for each in conflicts)
    # Both sides keep what only they changed, whatever is chosen where they meet.
    alone = {each.place: each for each in differences(base, mine, theirs) if not each.is_conflict}
    for kept in (theirs_kept, mine_kept):
        for each in differences(base, kept, base):
            if each.place in alone:
                assert each.mine == alone[each.place].merged


@given(ENTRIES, ENTRIES)
def test_one_who_changed_nothing_gets_the_record_as_it_is(
    base: SessionEntry, theirs: SessionEntry
) -> None:
    assert merged(base, base, theirs) == theirs
    assert in_any_order(merged(base, theirs, base)) == in_any_order(theirs)
    assert not any(each.is_conflict for each in differences(base, theirs, theirs))


def test_two_sites_at_one_place_are_two_members() -> None:
    site = SiteEntry(side=Laterality.LEFT, anatomy_code="ssv", vessel_class=VesselClass.RETICULAR)
    base = replace(an_entry({"treated_on": dt.date(2026, 3, 2)}, {}), sites=(site, site))
    changed = replace(site, diameter_mm=Decimal(2))
    mine, theirs = replace(base, sites=(site, changed)), replace(base, sites=(changed, site))
    assert merged(base, mine, theirs).sites == (changed, changed)


def test_findings_are_compared_one_by_one() -> None:
    base = FollowUpEntry(id=UUID(int=1), patient_id=UUID(int=2), status=FollowUpStatus.SEEN)

    def with_findings(**states: FindingState) -> FollowUpEntry:
        found = tuple(FindingEntry(event_term_code=c, state=s) for c, s in states.items())
        return replace(base, findings=found)

    mine = with_findings(matting=FindingState.PRESENT)
    theirs = with_findings(dvt=FindingState.NOT_ASSESSED)
    together = merged(base, mine, theirs)
    assert {f.event_term_code: f.state for f in together.findings} == {
        "matting": FindingState.PRESENT,
        "dvt": FindingState.NOT_ASSESSED,
    }
    found = {each.place: each.is_mine for each in differences(base, mine, theirs)}
    assert found == {Place("findings", ("matting", 0)): True, Place("findings", ("dvt", 0)): False}


def test_without_what_the_form_was_opened_with_every_difference_is_asked() -> None:
    mine = an_entry({"treated_on": dt.date(2026, 3, 2), "pain": 3}, {KEYS[0]: Decimal(1)})
    theirs = replace(mine, pain=None, note="theirs")
    found = differences(None, mine, theirs)
    assert {(each.place.field, each.is_conflict) for each in found} == {
        ("pain", True), ("note", True),
    }  # fmt: skip
    assert merged(None, mine, theirs) == theirs
    assert merged(None, mine, theirs, {Place("pain")}) == replace(theirs, pain=3)


def test_what_a_known_lot_says_by_itself_is_no_change() -> None:
    injected = InjectionEntry(
        product_code="aethoxysklerol", form=SclerosantForm.LIQUID, lot_number="L-1",
        expires_on=dt.date(2027, 12, 31), is_compounded=True,
    )  # fmt: skip
    bare = replace(injected, expires_on=None, is_compounded=False)
    base = an_entry({"treated_on": dt.date(2026, 3, 2)}, {KEYS[0]: Decimal(1)})

    def given_as(injection: InjectionEntry) -> SessionEntry:
        return replace(base, sites=(replace(base.sites[0], injections=(injection,)),))

    assert differences(given_as(injected), given_as(bare), given_as(injected)) == ()
    more = replace(injected, liquid_ml=Decimal(3))
    (found,) = differences(given_as(injected), given_as(bare), given_as(more))
    assert (found.is_conflict, found.is_mine) == (False, False)
    new_lot = replace(bare, lot_number="L-2")
    (found,) = differences(given_as(injected), given_as(new_lot), given_as(injected))
    assert found.is_mine
    later = replace(injected, expires_on=dt.date(2028, 1, 31))
    (found,) = differences(given_as(injected), given_as(later), given_as(injected))
    assert found.is_mine


def test_versions_of_different_records_are_refused() -> None:
    one = an_entry({"treated_on": dt.date(2026, 3, 2)}, {})
    with pytest.raises(Conflict):
        differences(one, one, replace(one, patient_id=UUID(int=3)))

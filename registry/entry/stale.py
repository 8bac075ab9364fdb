"""A form that is older than the record: what either side changed, and both changes put together.

An entry is compared field by field; of its lists each member stands for itself, known by what it is
about (a site by leg, place and vessel, a finding by its event). What only one side changed is taken
over as it is; where both sides changed the same place differently, the person chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple, TypeVar

from registry.entry.forms import Entry
from registry.errors import Conflict

E = TypeVar("E", bound=Entry)

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "sites": ("side", "anatomy_code", "vessel_class"),
    "findings": ("event_term_code",),
    "site_outcomes": ("side", "anatomy_code"),
}
"""Lists whose members are compared one by one, and the fields by which a member is known."""


class Place(NamedTuple):
    """A field of an entry; ``member`` is the key of one member of a list, else None."""

    field: str
    member: Hashable = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a side differs from what the form was opened with; None where it has none."""

    place: Place
    base: Any
    mine: Any
    theirs: Any

    @property
    def is_conflict(self) -> bool:
        """Whether both sides changed it, and not to the same."""
        return self.mine != self.base and self.theirs != self.base and self.mine != self.theirs

    @property
    def merged(self) -> Any:
        """What the side that changed it says; theirs in a conflict."""
        return self.mine if self.theirs == self.base else self.theirs


class Stale(Conflict):
    """The record changed after the form was opened; nothing of the form was stored.

    ``theirs`` is the record as it stands at ``version``, ``mine`` the entry that was refused.
    """

    def __init__(self, mine: Entry, theirs: Entry, version: int) -> None:
        """Keep both sides."""
        self.mine, self.theirs, self.version = mine, theirs, version
        super().__init__(
            "Somebody changed this record after you opened it. Nothing of yours was stored yet, "
            "and nothing you typed is lost: compare below, and choose."
        )


def differences(base: E, mine: E, theirs: E) -> tuple[Difference, ...]:
    """Every place that either side changed, in the order of the entry's fields.

    Raises :class:`Conflict` unless all three are the same record of the same patient.
    """
    whose = {
        (type(entry), entry.id, getattr(entry, "patient_id", None))
        for entry in (base, mine, theirs)
    }
    if len(whose) > 1:
        raise Conflict("These are not versions of one record. Nothing was stored.")
    parts = [_places(entry) for entry in (base, mine, theirs)]
    places = dict.fromkeys(place for side in parts for place in side)
    order = [field.name for field in fields(base)]
    found = [Difference(place, *(side.get(place) for side in parts)) for place in places]
    return tuple(
        sorted(
            (each for each in found if not each.base == each.mine == each.theirs),
            key=lambda each: order.index(each.place.field),
        )
    )


def merged(base: E, mine: E, theirs: E, keep_mine: Collection[Place] = ()) -> E:
    """``theirs`` with what only ``mine`` changed, and mine at the places of ``keep_mine``."""
    changed = {
        each.place: each.mine if each.is_conflict and each.place in keep_mine else each.merged
        for each in differences(base, mine, theirs)
    }
    parts = {place: changed.get(place, value) for place, value in _places(theirs).items()}
    parts |= {place: value for place, value in changed.items() if place not in parts}
    said: dict[str, Any] = {}
    for place, value in parts.items():
        if place.member is None:
            said[place.field] = value
        elif value is not None:
            said.setdefault(place.field, []).append(value)
    lists = {name: tuple(said.get(name, ())) for name in MEMBERS if hasattr(theirs, name)}
    return replace(theirs, **(said | lists))


def _places(entry: Entry) -> dict[Place, Any]:
    """Each value of the entry by its place, lists taken apart into members."""
    found: dict[Place, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name not in MEMBERS:
            found[Place(field.name)] = value
            continue
        seen: Counter[Hashable] = Counter()
        for member in value:
            key = tuple(getattr(member, name) for name in MEMBERS[field.name])
            found[Place(field.name, (*key, seen[key]))] = member
            seen[key] += 1
    return found

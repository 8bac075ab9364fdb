"""A form that is older than the record: what either side changed, and both changes put together.

An entry is compared field by field; of its lists each member stands for itself, known by what it is
about (a site by leg, place and vessel, a finding by its event). What only one side changed is taken
over as it is; where both sides changed the same place differently, the person chooses.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple, TypeVar

from registry.entry.forms import Entry, InjectionEntry, SiteEntry
from registry.errors import Conflict
from registry.messages import message

E = TypeVar("E", bound=Entry)

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "sites": ("side", "anatomy_code", "vessel_class"),
    "findings": ("event_term_code",),
    "site_outcomes": ("side", "anatomy_code"),
    "overrides": ("rule",),
}
"""Lists whose members are compared one by one, and the fields by which a member is known."""


class Place(NamedTuple):
    """A field of an entry; ``member`` is the key of one member of a list, else None."""

    field: str
    member: Hashable = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the two sides differ, or both differ from what the form was opened with.

    A side is None where it has no such member. In a conflict only the person can say who is right.
    """

    place: Place
    base: Any
    mine: Any
    theirs: Any
    is_conflict: bool

    @property
    def is_mine(self) -> bool:
        """Whether only the form changed it."""
        return not self.is_conflict and _same(self.theirs, self.base)

    @property
    def merged(self) -> Any:
        """What the side that changed it says; theirs in a conflict."""
        return self.mine if self.is_mine else self.theirs


class Stale(Conflict):
    """What is stored is not what the form was opened with; nothing of the form was stored.

    ``theirs`` is the record as it stands at ``version``, ``mine`` the entry that was refused and
    ``base``, if known, what the form was opened with. ``saved_at`` is given when it was this very
    form that was saved then, with other values.
    """

    def __init__(
        self,
        base: Entry | None,
        mine: Entry,
        theirs: Entry,
        version: int,
        saved_at: dt.datetime | None = None,
    ) -> None:
        """Keep all sides."""
        self.base, self.mine, self.theirs = base, mine, theirs
        self.version, self.saved_at = version, saved_at
        super().__init__(
            message(
                "This record was changed after the form was opened. Nothing of the form was "
                "stored, and nothing typed is lost: compare both, and choose."
            )
        )


def differences(base: E | None, mine: E, theirs: E) -> tuple[Difference, ...]:
    """Every place that either side changed, in the order of the entry's fields.

    Without ``base`` nobody can tell who changed what, so whatever differs is a conflict. Raises
    :class:`Conflict` unless all are the same record of the same patient.
    """
    opened_with = theirs if base is None else base
    sides = (opened_with, mine, theirs)
    if len({(type(each), each.id, getattr(each, "patient_id", None)) for each in sides}) > 1:
        raise Conflict(message("These are not versions of one record. Nothing was stored."))
    parts = [_places(entry) for entry in sides]
    found = []
    for place in dict.fromkeys(place for side in parts for place in side):
        was, my, their = (side.get(place) for side in parts)
        if base is None:
            is_changed = is_conflict = not _same(my, their)
        else:
            is_changed = not (_same(my, was) and _same(their, was))
            is_conflict = is_changed and not (
                _same(my, was) or _same(their, was) or _same(my, their)
            )
        if is_changed:
            found.append(Difference(place, None if base is None else was, my, their, is_conflict))
    order = [field.name for field in fields(theirs)]
    return tuple(sorted(found, key=lambda each: order.index(each.place.field)))


def merged(base: E | None, mine: E, theirs: E, keep_mine: Collection[Place] = ()) -> E:
    """``theirs`` with what only ``mine`` changed, and mine at the places of ``keep_mine``."""
    changed = {
        each.place: each.mine if each.is_conflict and each.place in keep_mine else each.merged
        for each in differences(base, mine, theirs)
    }
    said: dict[str, Any] = {name: () for name in MEMBERS if hasattr(theirs, name)}
    for place, value in (_places(theirs) | changed).items():
        if place.member is None:
            said[place.field] = value
        elif value is not None:
            said[place.field] += (value,)
    return replace(theirs, **said)


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


def _same(one: Any, other: Any) -> bool:
    """Whether both say the same of the treatment.

    A form does not ask again for what a known lot already says: its expiry, and that it was
    compounded. Blank there is no change.
    """
    match one, other:
        case InjectionEntry(), InjectionEntry() if one.lot_number == other.lot_number is not None:
            if None in (one.expires_on, other.expires_on):
                other = replace(other, expires_on=one.expires_on)
            return bool(replace(other, is_compounded=one.is_compounded) == one)
        case SiteEntry(), SiteEntry():
            return replace(one, injections=()) == replace(other, injections=()) and _same(
                one.injections, other.injections
            )
        case tuple(), tuple():
            return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)

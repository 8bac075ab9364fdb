"""One made-up patient while the story is told: what was chosen, and what happened so far."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from registry.entry.forms import Entry, EventEntry, PatientEntry
from registry.vocabulary import Laterality, VesselClass


@dataclass(slots=True)
class Site:
    """A place on a leg, and how it does."""

    side: Laterality
    anatomy_code: str
    vessel_class: VesselClass
    diameter_mm: Decimal
    treated: bool = False
    recurs_on: dt.date | None = None

    def is_clear(self, on: dt.date) -> bool:
        """Whether the site is free of veins on that day."""
        return self.recurs_on is not None and on < self.recurs_on

    def has_recurred(self, on: dt.date) -> bool:
        """Whether veins or reflux are back after having been gone."""
        return self.recurs_on is not None and on >= self.recurs_on


@dataclass(slots=True)
class Case:
    """A patient, and all that is known of them."""

    rng: random.Random
    today: dt.date
    clinician_ids: Sequence[int]
    entries: list[Entry] = field(default_factory=list)
    events: list[EventEntry] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    is_lost: bool = False

    patient: PatientEntry = field(init=False)
    vessel_class: VesselClass = field(init=False)
    weight_kg: Decimal = field(init=False)
    proneness: float = field(init=False)
    clinician_id: int = field(init=False)

    def new_id(self) -> UUID:
        """An identifier from the generator, so that the same seed gives the same records."""
        return UUID(int=self.rng.getrandbits(128), version=4)


def workday(day: dt.date) -> dt.date:
    """The day itself, or the Monday after a weekend."""
    return day + dt.timedelta(days=(0, 0, 0, 0, 0, 2, 1)[day.weekday()])

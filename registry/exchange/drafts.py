"""Entries read from files, each with the place of its rows, and what they are linked with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from registry.database import Base
from registry.entry.forms import Entry
from registry.entry.problems import Problem
from registry.exchange.problems import FileProblem
from registry.exchange.single_rows import RowEntry

COLUMN_OF: Final = {
    "treatment_session_id": "session_key",
    "treated_site_id": "site_key",
    "adverse_event_id": "event_key",
    "clinician_id": "clinician_code",
    "course_id": "course_key",
    "patient_id": "patient_key",
    "same_as_id": "same_as_key",
    "follow_up_id": "follow_up_key",
}
"""Column of the files for a reference field of an entry."""
_PARTS: Final = frozenset({"sites", "injections", "overrides", "findings", "site_outcomes"})
"""Fields that are rows of another file."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the registry already knows by name.

    Patients by pseudonym; number and name of clinicians by code.
    """

    clinic_id: int
    clinic_code: str
    patient_ids: frozenset[UUID] = frozenset()
    pseudonyms: Mapping[str, UUID] = field(default_factory=dict)
    clinicians: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """An entry with the place of each of its rows.

    ``parts`` names file and row for each part, such as ``sites[0].injections[1]``. ``doubtful``
    entries lack a part that could not be read.
    """

    entry: Entry | RowEntry
    file: str
    row: int
    parts: tuple[tuple[str, str, int], ...] = ()
    doubtful: bool = False

    def place(self, problem: Problem) -> FileProblem:
        """Where in the files the entry breaks a rule."""
        prefix, _, name = problem.field.rpartition(".")
        file, row = self.file, self.row
        for part, part_file, part_row in self.parts:
            if part == prefix:
                file, row = part_file, part_row
        column = "" if name in _PARTS else COLUMN_OF.get(name, name)
        return FileProblem(file, row, column, "", problem.rule, problem.message, problem.level)


@dataclass(slots=True)
class Drafts:
    """All entries of a set of files, by file in the order of storing."""

    patients: list[Draft] = field(default_factory=list)
    courses: list[Draft] = field(default_factory=list)
    sessions: list[Draft] = field(default_factory=list)
    events: list[Draft] = field(default_factory=list)
    follow_ups: list[Draft] = field(default_factory=list)
    single: list[Draft] = field(default_factory=list)
    """Records that are one row."""
    clinicians: dict[str, tuple[int, str | None, int]] = field(default_factory=dict)
    """Number, name and row of the clinicians in the files, by code."""
    unreadable: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    """Identifiers, by file, of records whose row could not be read."""

    def all(self) -> list[Draft]:
        """Every draft, what is referred to first."""
        return [
            *self.patients,
            *self.courses,
            *self.sessions,
            *self.events,
            *self.follow_ups,
            *self.single,
        ]

    def rows_of(self, model: type[Base]) -> Iterator[RowEntry]:
        """Records of one table that are one row, in the order of the file."""
        for draft in self.single:
            if isinstance(draft.entry, RowEntry) and draft.entry.model is model:
                yield draft.entry

"""What the registry holds of the records that a set of files speaks of, read in a few queries."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa

from registry.database import Base, DbSession
from registry.entry.forms import FollowUpEntry, InjectionEntry, SessionEntry
from registry.entry.recording import PARTS
from registry.exchange.drafts import Drafts, Shelf
from registry.exchange.single_rows import NAMED_BY, RowEntry, table_of
from registry.schema import (
    AdverseEvent,
    ChangePoint,
    Clinician,
    Course,
    FollowUp,
    Injection,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    TreatedSite,
    TreatmentSession,
)

_IN_ONE_QUERY: Final = 500

Row = Mapping[str, Any]
LotKey = tuple[str, str]


class Persons:
    """Which patients are one person."""

    def __init__(self, links: Mapping[UUID, UUID]) -> None:
        """Take the kept patient of each duplicate."""
        self._kept = links
        self._duplicates: dict[UUID, list[UUID]] = defaultdict(list)
        for duplicate, kept in links.items():
            self._duplicates[kept].append(duplicate)

    def of(self, patient_id: UUID) -> tuple[UUID, ...]:
        """All patients that are one person with this one."""
        kept = self._kept.get(patient_id, patient_id)
        return (kept, *self._duplicates.get(kept, ()))


@dataclass(slots=True)
class Stored:
    """Rows by table and identifier; ``parts`` by table, parent and identifier, without voided ones.

    ``sessions`` and ``sites`` hold what is known of each patient, ``injected`` what was given in
    stored sessions on the same day as a session of the files. ``links`` are stored, ``persons``
    counts those of the files too. ``said`` holds patient, day and what was said: a leg or an item;
    ``told`` the day and the words of changes of the clinic.
    """

    roots: dict[type[Base], dict[UUID, Row]] = field(default_factory=lambda: defaultdict(dict))
    parts: dict[type[Base], dict[UUID, dict[UUID, Row]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    identities: dict[UUID, Row] = field(default_factory=dict)
    sessions: dict[UUID, dict[UUID, dt.date]] = field(default_factory=dict)
    sites: dict[UUID, dict[UUID, UUID]] = field(default_factory=dict)
    injected: dict[UUID, list[InjectionEntry]] = field(default_factory=dict)
    lots: dict[LotKey, Row] = field(default_factory=dict)
    links: dict[UUID, UUID] = field(default_factory=dict)
    persons: Persons = field(default_factory=lambda: Persons({}))
    said: set[tuple[UUID, dt.date, str]] = field(default_factory=set)
    told: set[tuple[dt.date, str]] = field(default_factory=set)

    def living(self, model: type[Base], id_: UUID | None) -> Row | None:
        """The stored row unless it was voided."""
        row = self.roots[model].get(id_) if id_ else None
        return row if row is not None and row["voided_at"] is None else None


def read_shelf(
    db: DbSession, clinic_id: int, clinic_code: str, keys: Collection[str], ids: Collection[UUID]
) -> Shelf:
    """Patients with one of these keys as pseudonym or one of these identifiers, and clinicians."""
    pseudonyms: dict[str, UUID] = {}
    found: set[UUID] = set()
    if _holds_any(db, Patient, clinic_id):
        for column, wanted in ((Patient.pseudonym, keys), (Patient.id, ids)):
            for row in _select(db, Patient, clinic_id, column, wanted):
                pseudonyms[row["pseudonym"]] = row["id"]
                found.add(row["id"])
    clinicians = db.execute(
        sa.select(Clinician.code, Clinician.id, Clinician.display_name).where(
            Clinician.clinic_id == clinic_id
        )
    ).all()
    return Shelf(
        clinic_id,
        clinic_code,
        frozenset(found),
        pseudonyms,
        {code: (number, name) for code, number, name in clinicians},
    )


def read_stored(db: DbSession, clinic_id: int, drafts: Drafts) -> Stored:
    """Everything stored that the drafts must be compared with or agree with."""
    stored = Stored()
    stored.links = {
        row["patient_id"]: row["same_as_id"] for row in _all_living(db, PatientLink, clinic_id)
    }
    in_files = {
        link.values["patient_id"]: link.values["same_as_id"] for link in drafts.rows_of(PatientLink)
    }
    stored.persons = Persons(in_files | stored.links)
    wanted = _wanted(drafts)
    wanted[Patient].update(
        [other for patient in wanted[Patient] for other in stored.persons.of(patient)]
    )
    for model, ids in wanted.items():
        if _holds_any(db, model, clinic_id):
            key = sa.inspect(model).columns["id"]
            stored.roots[model] = {
                row["id"]: row for row in _select(db, model, clinic_id, key, ids)
            }
        for part, parent in PARTS.get(model, ()):
            for row in _living(db, part, clinic_id, parent, stored.roots[model]):
                stored.parts[part].setdefault(row[parent], {})[row["id"]] = row
    _read_named(db, clinic_id, drafts, stored)
    _read_said(db, clinic_id, drafts, stored)
    patients = stored.roots[Patient]
    stored.identities = {
        row["patient_id"]: row
        for row in _select(db, PatientIdentity, clinic_id, PatientIdentity.patient_id, patients)
    }
    for row in _living(db, TreatmentSession, clinic_id, "patient_id", patients):
        stored.sessions.setdefault(row["patient_id"], {})[row["id"]] = row["treated_on"]
    for row in _living(db, TreatedSite, clinic_id, "patient_id", patients):
        session = row["treatment_session_id"]
        stored.sites.setdefault(row["patient_id"], {})[row["id"]] = session
    for row in _living(
        db, Injection, clinic_id, "treatment_session_id", _same_day_sessions(stored, drafts)
    ):
        stored.injected.setdefault(row["treatment_session_id"], []).append(
            InjectionEntry(
                product_code=row["product_code"],
                form=row["form"],
                concentration_percent=row["concentration_percent"],
                liquid_ml=row["liquid_ml"],
                gas=row["gas"],
                gas_ml=row["gas_ml"],
            )
        )
    numbers = {
        injection.lot_number
        for draft in drafts.sessions
        if isinstance(draft.entry, SessionEntry)
        for injection in draft.entry.all_injections()
        if injection.lot_number is not None
    } | {lot.values["lot_number"] for lot in drafts.rows_of(Lot)}
    stored.lots = {
        (row["product_code"], row["lot_number"]): row
        for row in _select(db, Lot, clinic_id, Lot.lot_number, numbers)
    }
    return stored


def _wanted(drafts: Drafts) -> dict[type[Base], set[UUID]]:
    """Identifiers, by table, of the drafts and of what they refer to."""
    wanted: dict[type[Base], set[UUID]] = defaultdict(set)
    for draft in drafts.all():
        entry = draft.entry
        wanted[table_of(entry)].add(entry.id)
        patient_id = getattr(entry, "patient_id", None)
        if patient_id is not None:
            wanted[Patient].add(patient_id)
        if isinstance(entry, RowEntry):
            if entry.values.get("same_as_id") is not None:
                wanted[Patient].add(entry.values["same_as_id"])
            if entry.values.get("follow_up_id") is not None:
                wanted[FollowUp].add(entry.values["follow_up_id"])
        if isinstance(entry, SessionEntry) and entry.course_id is not None:
            wanted[Course].add(entry.course_id)
        if isinstance(entry, FollowUpEntry):
            wanted[AdverseEvent].update(
                finding.adverse_event_id
                for finding in entry.findings
                if finding.adverse_event_id is not None
            )
    return wanted


def _read_named(db: DbSession, clinic_id: int, drafts: Drafts, stored: Stored) -> None:
    """Records without a key of their own, whatever identifier they were stored under."""
    for model, names in NAMED_BY.items():
        ids = {entry.name: entry.id for entry in drafts.rows_of(model)}
        if ids:
            for row in _all_living(db, model, clinic_id):
                named = ids.get(tuple(row[name] for name in names))
                if named is not None:
                    stored.roots[model][named] = row


def _read_said(db: DbSession, clinic_id: int, drafts: Drafts, stored: Stored) -> None:
    """Legs assessed, items answered and changes told, which are said once a day."""
    once: tuple[tuple[type[Base], str, str], ...] = (
        (LimbAssessment, "assessed_on", "side"),
        (PatientReportedOutcome, "answered_on", "item_code"),
    )
    for model, day, what in once:
        patients = {entry.values["patient_id"] for entry in drafts.rows_of(model)}
        for row in _living(db, model, clinic_id, "patient_id", patients):
            stored.said.add((row["patient_id"], row[day], str(row[what])))
    if next(drafts.rows_of(ChangePoint), None) is not None:
        for row in _all_living(db, ChangePoint, clinic_id):
            stored.told.add((row["changed_on"], row["what"].casefold()))


def _same_day_sessions(stored: Stored, drafts: Drafts) -> list[UUID]:
    """Stored sessions on the day of a session in the files, of the same patient."""
    own = {draft.entry.id for draft in drafts.sessions}
    found = []
    for draft in drafts.sessions:
        entry = draft.entry
        if isinstance(entry, SessionEntry):
            found += [
                id_
                for patient in stored.persons.of(entry.patient_id)
                for id_, day in stored.sessions.get(patient, {}).items()
                if day == entry.treated_on and id_ not in own
            ]
    return found


def _holds_any(db: DbSession, model: type[Base], clinic_id: int) -> bool:
    table: Any = model.__table__
    statement = sa.select(sa.literal(1)).select_from(table).where(table.c.clinic_id == clinic_id)
    return db.execute(statement.limit(1)).first() is not None


def _all_living(db: DbSession, model: type[Base], clinic_id: int) -> Iterator[Row]:
    table: Any = model.__table__
    statement = sa.select(table).where(table.c.clinic_id == clinic_id, table.c.voided_at.is_(None))
    for row in db.execute(statement).mappings():
        yield cast(Row, row)


def _living(
    db: DbSession, model: type[Base], clinic_id: int, column: str, values: Collection[UUID]
) -> Iterator[Row]:
    for row in _select(db, model, clinic_id, sa.inspect(model).columns[column], values):
        if row["voided_at"] is None:
            yield row


def _select(
    db: DbSession, model: type[Base], clinic_id: int, column: Any, values: Collection[Any]
) -> Iterator[Row]:
    """Rows of the clinic whose ``column`` is one of ``values``, asked in portions."""
    table: Any = model.__table__
    statement = sa.select(table).where(table.c.clinic_id == clinic_id)
    wanted: Sequence[Any] = sorted(values)
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        portion = wanted[start : start + _IN_ONE_QUERY]
        for row in db.execute(statement.where(column.in_(portion))).mappings():
            yield cast(Row, row)

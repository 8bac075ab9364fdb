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
from registry.entry.recording import PARTS, ROOT
from registry.exchange.linking import Drafts, Shelf
from registry.schema import (
    AdverseEvent,
    Clinician,
    Course,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    TreatedSite,
    TreatmentSession,
)

_IN_ONE_QUERY: Final = 500

Row = Mapping[str, Any]
LotKey = tuple[str, str]


@dataclass(slots=True)
class Stored:
    """Rows by table and identifier; ``parts`` by table, parent and identifier, without voided ones.

    ``sessions`` and ``sites`` hold what is known of each patient, ``injected`` what was given in
    stored sessions on the same day as a session of the files.
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
        clinic_code,
        frozenset(found),
        pseudonyms,
        {code: (number, name) for code, number, name in clinicians},
    )


def read_stored(db: DbSession, clinic_id: int, drafts: Drafts) -> Stored:
    """Everything stored that the drafts must be compared with or agree with."""
    stored = Stored()
    wanted: dict[type[Base], set[UUID]] = defaultdict(set)
    for draft in drafts.all():
        entry = draft.entry
        wanted[ROOT[type(entry)]].add(entry.id)
        patient_id = getattr(entry, "patient_id", None)
        if patient_id is not None:
            wanted[Patient].add(patient_id)
        if isinstance(entry, SessionEntry) and entry.course_id is not None:
            wanted[Course].add(entry.course_id)
        if isinstance(entry, FollowUpEntry):
            wanted[AdverseEvent].update(
                finding.adverse_event_id
                for finding in entry.findings
                if finding.adverse_event_id is not None
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
    }
    stored.lots = {
        (row["product_code"], row["lot_number"]): row
        for row in _select(db, Lot, clinic_id, Lot.lot_number, numbers)
    }
    return stored


def _same_day_sessions(stored: Stored, drafts: Drafts) -> list[UUID]:
    """Stored sessions on the day of a session in the files, of the same patient."""
    own = {draft.entry.id for draft in drafts.sessions}
    found = []
    for draft in drafts.sessions:
        entry = draft.entry
        if isinstance(entry, SessionEntry):
            days = stored.sessions.get(entry.patient_id, {})
            found += [
                id_ for id_, day in days.items() if day == entry.treated_on and id_ not in own
            ]
    return found


def _holds_any(db: DbSession, model: type[Base], clinic_id: int) -> bool:
    table: Any = model.__table__
    statement = sa.select(sa.literal(1)).select_from(table).where(table.c.clinic_id == clinic_id)
    return db.execute(statement.limit(1)).first() is not None


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

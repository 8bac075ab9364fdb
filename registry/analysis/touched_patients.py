"""Which patients were written about since a seal: whose facts have to be read again.

The audit trail names every row that changed. Records of one patient refer to those of another only
where the two are, or once were, linked as one person; so such groups are read again together.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from registry.audit import Anchor
from registry.database import DbSession
from registry.schema import AuditRow, FollowUp, PatientLink, Seal, TreatmentSession

MOST_ROWS: Final = 5_000
MOST_PATIENTS: Final = 500
"""Changed rows, and patients, from which on reading everything is no slower."""

_OF_PATIENT: Final[Mapping[str, tuple[str, ...]]] = {
    "patient": ("id",),
    "patient_link": ("patient_id", "same_as_id"),
    **dict.fromkeys(
        (
            "course",
            "treatment_session",
            "treated_site",
            "adverse_event",
            "follow_up",
            "site_outcome",
            "limb_assessment",
            "patient_reported_outcome",
        ),
        ("patient_id",),
    ),
}
"""Columns that name the patient of a row."""
_OF_PARENT: Final[Mapping[str, tuple[str, Any]]] = {
    "injection": ("treatment_session_id", TreatmentSession),
    "safety_override": ("treatment_session_id", TreatmentSession),
    "follow_up_finding": ("follow_up_id", FollowUp),
}
"""Column that names the record whose part a row is."""
_NO_FACTS: Final = (
    "change_point",
    "clinic_setting",
    "contact_attempt",
    "favourite",
    "lot",
    "patient_identity",
    "photograph",
    "product_gtin",
    "reporting_period",
    "risk_fact",
    "role_grant",
    "user_account",
)
"""Tables that no fact is read from."""


@dataclass(frozen=True, slots=True)
class Patients:
    """Some patients of some clinics."""

    ids: Mapping[int, frozenset[UUID]]

    def keys(self) -> list[tuple[int, UUID]]:
        """Clinic and identifier of each."""
        return [(clinic_id, id_) for clinic_id, ids in self.ids.items() for id_ in ids]


def of_patients(only: Patients | None, model: Any, column: str = "patient_id") -> list[Any]:
    """The condition that a row belongs to one of the patients; none where all are meant."""
    return [] if only is None else [_among(only.ids, model, column)]


def of_parts(only: Patients | None, model: Any, column: str, parent: Any) -> list[Any]:
    """The condition that a row is part of a record, named by ``column``, of those patients."""
    if only is None:
        return []
    return [
        sa.or_(
            *(
                sa.and_(
                    model.clinic_id == clinic_id,
                    getattr(model, column).in_(
                        sa.select(parent.id).where(
                            parent.clinic_id == clinic_id, parent.patient_id.in_(ids)
                        )
                    ),
                )
                for clinic_id, ids in only.ids.items()
            )
        )
    ]


def touched_patients(db: DbSession, since: Anchor, until: Anchor) -> Patients | None:
    """The patients whose facts may differ between two seals; None when everybody's may.

    That is so after an import, a migration or a change of a clinic or clinician, and in a database
    that was put in the place of another.
    """
    sealed = db.scalar(sa.select(Seal.hash).where(Seal.seq == since.seq))
    between = (Seal.seq > since.seq, Seal.seq <= until.seq)
    if sealed != since.hash or db.scalar(
        sa.select(sa.exists().where(*between, Seal.baseline.is_not(None)))
    ):
        return None
    rows = db.execute(
        sa.select(AuditRow.table_name, AuditRow.old_values, AuditRow.new_values)
        .join(Seal, Seal.change_set_id == AuditRow.change_set_id)
        .where(*between, AuditRow.table_name.not_in(_NO_FACTS))
        .limit(MOST_ROWS + 1)
    ).all()
    if len(rows) > MOST_ROWS:
        return None
    found: defaultdict[int, set[UUID]] = defaultdict(set)
    parents: defaultdict[tuple[Any, int], set[UUID]] = defaultdict(set)
    for table, *states in rows:
        if table not in _OF_PATIENT and table not in _OF_PARENT:
            return None
        for values in (json.loads(state) for state in states if state is not None):
            clinic_id = int(values["clinic_id"])
            found[clinic_id].update(UUID(values[name]) for name in _OF_PATIENT.get(table, ()))
            if table in _OF_PARENT:
                column, model = _OF_PARENT[table]
                parents[model, clinic_id].add(UUID(values[column]))
    for (model, clinic_id), ids in parents.items():
        if len(ids) > MOST_ROWS:
            return None
        found[clinic_id].update(
            db.scalars(
                sa.select(model.patient_id).where(model.clinic_id == clinic_id, model.id.in_(ids))
            )
        )
    groups = {clinic_id: _ever_linked(db, clinic_id, ids) for clinic_id, ids in found.items()}
    if sum(map(len, groups.values())) > MOST_PATIENTS:
        return None
    return Patients({clinic_id: ids for clinic_id, ids in groups.items() if ids})


def _ever_linked(db: DbSession, clinic_id: int, ids: Iterable[UUID]) -> frozenset[UUID]:
    """The patients and all that stand, or once stood, as one person with them."""
    neighbours: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for one, other in db.execute(
        sa.select(PatientLink.patient_id, PatientLink.same_as_id).where(
            PatientLink.clinic_id == clinic_id
        )
    ):
        neighbours[one].add(other)
        neighbours[other].add(one)
    found, new = set(ids), set(ids)
    while new:
        new = {other for one in new for other in neighbours[one]} - found
        found |= new
    return frozenset(found)


def _among(ids: Mapping[int, frozenset[UUID]], model: Any, column: str) -> Any:
    return sa.or_(
        *(
            sa.and_(model.clinic_id == clinic_id, getattr(model, column).in_(chosen))
            for clinic_id, chosen in ids.items()
        )
    )

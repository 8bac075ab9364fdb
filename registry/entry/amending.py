"""Changing a stored record in place: only what differs, and its parts with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from registry.database import Base, DbSession
from registry.entry.forms import SessionEntry
from registry.entry.rows import Rows, derived_id, site_id, store_rows
from registry.errors import Conflict
from registry.messages import Message, message
from registry.schema import (
    AdverseEvent,
    Course,
    FollowUp,
    LimbAssessment,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    TreatedSite,
    TreatmentSession,
)

_KEPT: Final = frozenset({"clinic_id", "id", "version", "recorded_at", "voided_at"})
_DEPENDANTS: Final[Mapping[type[Base], Message]] = {
    TreatmentSession: message("sessions"),
    AdverseEvent: message("adverse events"),
    FollowUp: message("follow-ups"),
    LimbAssessment: message("assessments of a leg"),
    Photograph: message("photographs"),
    PatientReportedOutcome: message("answers of the patient"),
    PatientLink: message("links with another patient"),
}
"""What may belong to a record that is to be voided."""


def update(db: DbSession, model: type[Base], stored: Any, wanted: dict[str, Any]) -> None:
    """Change what differs in a row from what is wanted."""
    changes = {
        name: value
        for name, value in wanted.items()
        if name not in _KEPT and getattr(stored, name) != value
    }
    write(db, model, stored, changes)


def write(db: DbSession, model: type[Base], stored: Any, changes: dict[str, Any]) -> None:
    """Change a row only while it still has the version that was read."""
    table: Any = model.__table__
    changed: Any = db.execute(
        sa.update(table)
        .where(
            table.c.clinic_id == stored.clinic_id,
            table.c.id == stored.id,
            table.c.version == stored.version,
        )
        .values(**changes, version=stored.version + 1)
    )
    if changed.rowcount != 1:
        raise Conflict(
            message("Somebody changed this record at the same moment. Nothing was stored.")
        )


def update_identity(db: DbSession, clinic_id: int, patient_id: UUID, rows: Rows) -> None:
    """Store who a patient is, in place of what was known."""
    stored = db.get(PatientIdentity, (clinic_id, patient_id))
    wanted = rows.get(PatientIdentity, [])
    if stored is None:
        store_rows(db, {PatientIdentity: wanted})
        return
    given = wanted[0] if wanted else {}
    for name in ("family_name", "given_name", "birth_date", "hospital_number"):
        setattr(stored, name, given.get(name))
    db.flush()


def same_sites(
    db: DbSession, clinic_id: int, entry: SessionEntry, request_key: UUID
) -> dict[int, UUID]:
    """Which stored site each site of an amended session is, by place in the entry.

    First the same side, place and vessel class, then the same side and place, then the same
    position with something corrected; whatever is left is new. Events attributed to a site thus
    stay with it when another is added or taken away. Raises :class:`Conflict` when a site that is
    taken away has events.
    """
    stored = {
        row.id: row
        for row in db.scalars(
            sa.select(TreatedSite).where(
                TreatedSite.clinic_id == clinic_id,
                TreatedSite.treatment_session_id == entry.id,
                TreatedSite.voided_at.is_(None),
            )
        )
    }
    same: dict[int, UUID] = {}
    for names in (("side", "anatomy_code", "vessel_class"), ("side", "anatomy_code")):
        for i, site in enumerate(entry.sites):
            for row in list(stored.values()):
                if i not in same and all(getattr(row, n) == getattr(site, n) for n in names):
                    same[i] = stored.pop(row.id).id
    for i in range(len(entry.sites)):
        if i not in same and site_id(entry.id, i) in stored:
            same[i] = stored.pop(site_id(entry.id, i)).id
    events = db.scalar(
        sa.select(sa.func.count())
        .select_from(AdverseEvent)
        .where(
            AdverseEvent.clinic_id == clinic_id,
            AdverseEvent.treated_site_id.in_(stored),
            AdverseEvent.voided_at.is_(None),
        )
    )
    if events:
        raise Conflict(
            message(
                "Adverse events belong to a site that would be taken away ({count}). Reassign "
                "those first; nothing was changed.",
                count=events,
            )
        )
    return {i: same.get(i) or derived_id(request_key, "site", i) for i in range(len(entry.sites))}


def replace_parts(
    db: DbSession,
    model: type[Base],
    parent: str,
    clinic_id: int,
    parent_id: UUID,
    wanted: list[dict[str, Any]],
    now: dt.datetime,
) -> None:
    """Make the parts of a record those that are wanted; what is not among them is voided."""
    mapped: Any = model
    stored = {
        row.id: row
        for row in db.scalars(
            sa.select(mapped).where(
                mapped.clinic_id == clinic_id, getattr(mapped, parent) == parent_id
            )
        )
    }
    for row in wanted:
        existing = stored.pop(row["id"], None)
        if existing is None:
            db.execute(sa.insert(model), [row])
            continue
        changes = {
            name: value
            for name, value in row.items()
            if name not in _KEPT and getattr(existing, name) != value
        }
        if existing.voided_at is not None:
            changes["voided_at"] = None
        if changes:
            write(db, model, existing, changes)
    for row in stored.values():
        if row.voided_at is None:
            write(db, model, row, {"voided_at": now})


def refuse_orphans(db: DbSession, root: type[Base], clinic_id: int, id_: UUID) -> None:
    """A session with events, or a patient with records, is not voided away from under them."""
    dependants: list[tuple[Any, str]] = []
    if root is TreatmentSession:
        dependants = [(AdverseEvent, "treatment_session_id"), (FollowUp, "treatment_session_id")]
    elif root is Course:
        dependants = [(TreatmentSession, "course_id")]
    elif root is Patient:
        dependants = [
            (TreatmentSession, "patient_id"),
            (AdverseEvent, "patient_id"),
            (FollowUp, "patient_id"),
            (LimbAssessment, "patient_id"),
            (Photograph, "patient_id"),
            (PatientReportedOutcome, "patient_id"),
            (PatientLink, "patient_id"),
            (PatientLink, "same_as_id"),
        ]
    for model, column in dependants:
        count = db.scalar(
            sa.select(sa.func.count())
            .select_from(model)
            .where(
                model.clinic_id == clinic_id,
                getattr(model, column) == id_,
                model.voided_at.is_(None),
            )
        )
        if count:
            raise Conflict(
                message(
                    "Other records belong to it ({records}: {count}). Void or reassign those "
                    "first; nothing was changed.",
                    records=_DEPENDANTS[model],
                    count=count,
                )
            )

"""Two records of one person: linked under the patient that is kept, and unlinked again.

Both keep their pseudonym, identity and records. Everything that belongs to the person is then found
under either, patients are counted once, and new entries go to the kept one. A kept patient may have
several duplicates; a duplicate never has one of its own, so there is nothing to follow twice.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.database import DbSession
from registry.entry.recording import Recorded, reason_in_words
from registry.errors import Conflict, NotFound
from registry.messages import message
from registry.schema import Patient, PatientLink


def link_patients(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    duplicate_id: UUID,
    kept_id: UUID,
    reason: str,
    request_key: UUID,
    now: dt.datetime,
) -> Recorded:
    """Say that two patients are one person; ``reason`` says how that is known.

    The request's key becomes the link's identifier, and sending it again stores nothing. Raises
    :class:`Conflict` where either is linked already in a way that would make a chain.
    """
    require(by, Permission.AMEND, clinic_id)
    require(by, Permission.SEE_IDENTITY, clinic_id)
    cause = _cause("link_patients", clinic_id, reason, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            if duplicate_id == kept_id:
                raise Conflict(
                    message("A patient cannot be linked with itself. Nothing was changed.")
                )
            # Locked in one order, so that two links at once cannot make a chain of two.
            names = {
                row.id: row.pseudonym
                for row in db.scalars(
                    sa.select(Patient)
                    .where(
                        Patient.clinic_id == clinic_id,
                        Patient.id.in_([duplicate_id, kept_id]),
                        Patient.voided_at.is_(None),
                    )
                    .order_by(Patient.id)
                    .with_for_update()
                )
            }
            if len(names) < 2:
                raise NotFound(
                    message("There is no such patient in this clinic. Nothing was changed.")
                )
            _refuse_chain(db, clinic_id, names, duplicate_id, kept_id)
            db.add(
                PatientLink(
                    clinic_id=clinic_id,
                    id=request_key,
                    version=1,
                    recorded_at=now,
                    patient_id=duplicate_id,
                    same_as_id=kept_id,
                )
            )
    except audit.AlreadyRecorded as earlier:
        return Recorded(request_key, 1, earlier.at, already=True)
    return Recorded(request_key, 1, now)


def unlink_patients(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    duplicate_id: UUID,
    reason: str,
    request_key: UUID,
    now: dt.datetime,
) -> Recorded:
    """Undo the link of a duplicate: both stand for themselves again, with what each had.

    What was entered under the kept patient in the meantime stays there.
    """
    require(by, Permission.AMEND, clinic_id)
    require(by, Permission.SEE_IDENTITY, clinic_id)
    cause = _cause("unlink_patients", clinic_id, reason, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            link = db.scalar(
                sa.select(PatientLink)
                .where(
                    PatientLink.clinic_id == clinic_id,
                    PatientLink.patient_id == duplicate_id,
                    PatientLink.voided_at.is_(None),
                )
                .with_for_update()
            )
            if link is None:
                raise NotFound(
                    message("This patient is linked with nobody any more. Nothing was changed.")
                )
            link.voided_at = now
            link.version += 1
            return Recorded(link.id, link.version, now)
    except audit.AlreadyRecorded as earlier:
        return Recorded(request_key, 2, earlier.at, already=True)


def _cause(action: str, clinic_id: int, reason: str, request_key: UUID) -> audit.Cause:
    words = reason_in_words(" ".join(reason.split()), is_required=True)
    return audit.Cause(action, clinic_id=clinic_id, request_key=request_key, reason_text=words)


def _refuse_chain(
    db: DbSession, clinic_id: int, names: dict[UUID, str], duplicate_id: UUID, kept_id: UUID
) -> None:
    links = db.execute(
        sa.select(PatientLink.patient_id, PatientLink.same_as_id).where(
            PatientLink.clinic_id == clinic_id,
            PatientLink.voided_at.is_(None),
            sa.or_(
                PatientLink.patient_id.in_(names),
                PatientLink.same_as_id == duplicate_id,
            ),
        )
    )
    for duplicate, kept in links:
        if {duplicate, kept} == {duplicate_id, kept_id}:
            raise Conflict(message("These two are linked already. Nothing was changed."))
        if duplicate in names:
            raise Conflict(
                message(
                    "{patient} is already linked, as a duplicate of another patient. Undo that "
                    "link first, or link with the patient that is kept; nothing was changed.",
                    patient=names[duplicate],
                )
            )
        raise Conflict(
            message(
                "{patient} is kept for another patient already. Link the other way round, so that "
                "it stays the one that is kept; nothing was changed.",
                patient=names[duplicate_id],
            )
        )

"""Photographs of legs: add one, withdraw it, erase its picture when a consent is withdrawn.

A picture is stored once, however many rows have referred to it. A withdrawn photograph is shown to
nobody but its picture stays; erasing takes the picture too and leaves the row that says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit, language
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.amending import write
from registry.entry.assessments import PatientDays, day_problems, patient_days
from registry.entry.photograph_content import Picture, prepared
from registry.entry.problems import Problem
from registry.entry.recording import Recorded, cause_of_change
from registry.entry.same_person import linked_ids
from registry.errors import Conflict, InvalidEntry, NotFound
from registry.messages import message
from registry.schema import (
    FollowUp,
    Photograph,
    PhotographContent,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus, Laterality, PhotoView, ReasonForChange

LONGEST_CONSENT_VERSION: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotographEntry:
    """What is said about a photograph: whose leg, from where, when, and with which consent.

    ``anatomy_code`` names the region or vein of a close view. A photograph taken at a session or a
    visit has the day of that.
    """

    id: UUID
    patient_id: UUID
    side: Laterality
    view: PhotoView
    taken_on: dt.date
    consent_version: str
    anatomy_code: str | None = None
    treatment_session_id: UUID | None = None
    follow_up_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What a photograph must agree with: days of the patient, and those of sessions and visits."""

    days: PatientDays
    sessions: Mapping[UUID, dt.date]
    visits: Mapping[UUID, dt.date | None]


def add_photograph(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: PhotographEntry,
    content: bytes,
    *,
    now: dt.datetime,
) -> Recorded:
    """Store a photograph; ``content`` is the file as it was chosen.

    Sending the same entry again stores nothing. Raises :class:`UnreadableFile` for what is no still
    picture of a decent size, and :class:`InvalidEntry` without a consent, for a day that cannot be,
    for a session or visit of somebody else, and for a picture that is stored already.
    """
    require(by, Permission.RECORD, clinic_id)
    picture = prepared(content)
    cause = audit.Cause("add_photograph", clinic_id=clinic_id, request_key=entry.id)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            found = _problems(entry, _known(db, clinic_id, entry, now))
            found += _stored_already(db, clinic_id, entry.patient_id, picture.digest)
            if found:
                raise InvalidEntry(found)
            _store_content(db, clinic_id, picture)
            db.execute(
                sa.insert(Photograph), [photograph_row(clinic_id, entry, picture.digest, now)]
            )
    except audit.AlreadyRecorded as earlier:
        return Recorded(entry.id, 1, earlier.at, already=True)
    except sa.exc.IntegrityError:
        raise Conflict(
            message(
                "Somebody stored the same picture at the same moment. Nothing of yours was stored: "
                "look at the photographs of the patient again."
            )
        ) from None
    return Recorded(entry.id, 1, now)


def void_photograph(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    photograph_id: UUID,
    *,
    version: int,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
) -> Recorded:
    """Withdraw a photograph. The picture stays stored, and the same file can be added again.

    Raises :class:`Conflict` when somebody changed it meanwhile, and :class:`NotFound` when it was
    withdrawn.
    """
    require(by, Permission.AMEND, clinic_id)
    cause = cause_of_change("void", Photograph, clinic_id, reason, reason_text, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = _current(db, clinic_id, photograph_id, version)
            if stored.voided_at is not None:
                raise NotFound(
                    message("This photograph was withdrawn already. Nothing was changed.")
                )
            write(db, Photograph, stored, {"voided_at": now})
    except audit.AlreadyRecorded as earlier:
        return Recorded(photograph_id, version + 1, earlier.at, already=True)
    return Recorded(photograph_id, version + 1, now)


def erase_photograph(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    photograph_id: UUID,
    *,
    version: int,
    reason_text: str,
    request_key: UUID,
    now: dt.datetime,
) -> Recorded:
    """Erase the picture of a photograph for good and withdraw it, as after a withdrawn consent.

    A photograph that was withdrawn before can be erased too. ``reason_text`` is kept with it; what
    it showed is not. Copies in backups made before live as long as those, and PostgreSQL keeps its
    own until the table is vacuumed. Raises :class:`Conflict` when another photograph in use has the
    same picture.
    """
    require(by, Permission.AMEND, clinic_id)
    cause = cause_of_change(
        "erase", Photograph, clinic_id, ReasonForChange.OTHER, reason_text, request_key
    )
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = _current(db, clinic_id, photograph_id, version)
            in_use = db.scalar(
                sa.select(sa.func.count())
                .select_from(Photograph)
                .where(
                    Photograph.clinic_id == clinic_id,
                    Photograph.content_digest == stored.content_digest,
                    Photograph.id != photograph_id,
                    Photograph.voided_at.is_(None),
                )
            )
            if in_use:
                raise Conflict(
                    message(
                        "Another photograph has the same picture and is in use. Erase that one; "
                        "nothing was changed."
                    )
                )
            write(db, Photograph, stored, {"voided_at": stored.voided_at or now})
            db.execute(
                sa.update(PhotographContent)
                .where(
                    PhotographContent.clinic_id == clinic_id,
                    PhotographContent.digest == stored.content_digest,
                )
                .values(content=None)
            )
    except audit.AlreadyRecorded as earlier:
        return Recorded(photograph_id, version + 1, earlier.at, already=True)
    return Recorded(photograph_id, version + 1, now)


def _problems(entry: PhotographEntry, known: _Known) -> list[Problem]:
    found = list(day_problems("taken_on", entry.taken_on, known.days))
    if not entry.consent_version.strip():
        found.append(
            Problem(
                "consent_version", "required", message("Name the consent under which it was taken.")
            )
        )
    elif len(entry.consent_version) > LONGEST_CONSENT_VERSION:
        found.append(
            Problem(
                "consent_version",
                "too_long",
                message("At most {count} characters.", count=LONGEST_CONSENT_VERSION),
            )
        )
    if entry.anatomy_code is not None and entry.anatomy_code not in catalogue().anatomy:
        found.append(
            Problem("anatomy_code", "known_place", message("No such place in the catalogue."))
        )
    for name, taken_at, days in (
        ("treatment_session_id", entry.treatment_session_id, known.sessions),
        ("follow_up_id", entry.follow_up_id, known.visits),
    ):
        if taken_at is None:
            continue
        if taken_at not in days:
            found.append(
                Problem(name, "known_visit", message("No such visit of this patient took place."))
            )
        elif days[taken_at] != entry.taken_on:
            found.append(
                Problem("taken_on", "day_of_visit", message("That visit was on another day."))
            )
    return found


def _known(db: DbSession, clinic_id: int, entry: PhotographEntry, now: dt.datetime) -> _Known:
    person = linked_ids(db, clinic_id, entry.patient_id)
    sessions = db.execute(
        sa.select(TreatmentSession.id, TreatmentSession.treated_on).where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id.in_(person),
            TreatmentSession.voided_at.is_(None),
        )
    )
    visits = db.execute(
        sa.select(FollowUp.id, FollowUp.seen_on).where(
            FollowUp.clinic_id == clinic_id,
            FollowUp.patient_id.in_(person),
            FollowUp.status == FollowUpStatus.SEEN,
            FollowUp.voided_at.is_(None),
        )
    )
    return _Known(
        patient_days(db, clinic_id, entry.patient_id, person, (), now),
        {row.id: row.treated_on for row in sessions},
        {row.id: row.seen_on for row in visits},
    )


def _stored_already(db: DbSession, clinic_id: int, patient_id: UUID, digest: str) -> list[Problem]:
    """The same picture again is a slip; of somebody else, it is the wrong patient."""
    same = db.execute(
        sa.select(Photograph.patient_id, Photograph.side, Photograph.taken_on).where(
            Photograph.clinic_id == clinic_id,
            Photograph.content_digest == digest,
            Photograph.voided_at.is_(None),
        )
    ).first()
    if same is None:
        return []
    if same.patient_id not in linked_ids(db, clinic_id, patient_id):
        text = message("This very picture is stored for another patient. Is it the right file?")
        return [Problem("content", "of_another_patient", text)]
    text = message(
        "This very picture is stored already: right leg, taken on {day}.",
        day=language.day(same.taken_on),
    )
    if same.side is Laterality.LEFT:
        text = message(
            "This very picture is stored already: left leg, taken on {day}.",
            day=language.day(same.taken_on),
        )
    return [Problem("content", "stored_once", text)]


def _store_content(db: DbSession, clinic_id: int, picture: Picture) -> None:
    stored = db.get(PhotographContent, (clinic_id, picture.digest))
    if stored is None:
        db.add(
            PhotographContent(clinic_id=clinic_id, digest=picture.digest, content=picture.content)
        )
    elif stored.content is None:
        stored.content = picture.content
    db.flush()


def photograph_row(
    clinic_id: int, entry: PhotographEntry, digest: str, now: dt.datetime
) -> dict[str, Any]:
    """The row of a photograph whose picture is stored under ``digest``."""
    return {
        "clinic_id": clinic_id,
        "id": entry.id,
        "version": 1,
        "recorded_at": now,
        "voided_at": None,
        "patient_id": entry.patient_id,
        "treatment_session_id": entry.treatment_session_id,
        "follow_up_id": entry.follow_up_id,
        "taken_on": entry.taken_on,
        "side": entry.side,
        "view": entry.view,
        "anatomy_code": entry.anatomy_code,
        "consent_version": entry.consent_version.strip(),
        "content_digest": digest,
    }


def _current(db: DbSession, clinic_id: int, photograph_id: UUID, version: int) -> Photograph:
    stored = db.get(Photograph, (clinic_id, photograph_id))
    if stored is None:
        raise NotFound(message("There is no such photograph in this clinic. Nothing was changed."))
    if stored.version != version:
        raise Conflict(
            message(
                "Somebody changed this photograph after you opened it. Nothing was changed: look "
                "at it again."
            )
        )
    return stored

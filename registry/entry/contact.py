"""Attempts to reach a patient about a planned visit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.database import FIRST_DAY, DbSession
from registry.entry.amending import write
from registry.entry.known import clinic_day
from registry.entry.problems import Problem
from registry.entry.recording import Recorded, cause_of_change
from registry.errors import Conflict, InvalidEntry, NotFound
from registry.messages import message
from registry.schema import Clinic, ContactAttempt, FollowUp
from registry.vocabulary import ContactMethod, ContactOutcome, ReasonForChange

LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEntry:
    """One call, message or letter about one visit; ``id`` is made when it is begun to be logged."""

    id: UUID
    follow_up_id: UUID
    attempted_on: dt.date
    method: ContactMethod
    outcome: ContactOutcome
    note: str | None = None


def record_contact(
    engine: Engine, by: Actor, clinic_id: int, entry: ContactEntry, *, now: dt.datetime
) -> Recorded:
    """Store an attempt to reach the patient of a visit.

    Sending the same entry again stores nothing. An attempt is kept whatever has become of the visit
    meanwhile: the call was made. Raises :class:`NotFound` for a visit that is not there or was
    withdrawn, :class:`InvalidEntry` for a day to come or a note that is too long.
    """
    require(by, Permission.CONTACT, clinic_id)
    cause = audit.Cause("record_contact", clinic_id=clinic_id, request_key=entry.id)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            visit = db.get(FollowUp, (clinic_id, entry.follow_up_id))
            if visit is None or visit.voided_at is not None:
                raise NotFound(
                    message(
                        "There is no such visit in this clinic, or it was withdrawn. The attempt "
                        "was not stored."
                    )
                )
            _refuse(contact_problems(entry, clinic_day(db.get_one(Clinic, clinic_id), now)))
            db.add(
                ContactAttempt(
                    clinic_id=clinic_id,
                    id=entry.id,
                    version=1,
                    recorded_at=now,
                    patient_id=visit.patient_id,
                    follow_up_id=visit.id,
                    attempted_on=entry.attempted_on,
                    method=entry.method,
                    outcome=entry.outcome,
                    note=(entry.note or "").strip() or None,
                )
            )
    except audit.AlreadyRecorded as earlier:
        return Recorded(entry.id, 1, earlier.at, already=True)
    return Recorded(entry.id, 1, now)


def void_contact(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    attempt_id: UUID,
    *,
    version: int,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
) -> Recorded:
    """Withdraw an attempt that was logged by mistake; the trail keeps it."""
    require(by, Permission.AMEND, clinic_id)
    cause = cause_of_change("void", ContactAttempt, clinic_id, reason, reason_text, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            _withdraw(db, clinic_id, attempt_id, version, now)
    except audit.AlreadyRecorded as earlier:
        return Recorded(attempt_id, version + 1, earlier.at, already=True)
    return Recorded(attempt_id, version + 1, now)


def _withdraw(
    db: DbSession, clinic_id: int, attempt_id: UUID, version: int, now: dt.datetime
) -> None:
    stored = db.get(ContactAttempt, (clinic_id, attempt_id))
    if stored is None or stored.voided_at is not None:
        raise NotFound(
            message("There is no such attempt in this clinic, or it was withdrawn already.")
        )
    if stored.version != version:
        raise Conflict(
            message(
                "Somebody changed this attempt after you opened it. Nothing was changed: look at "
                "it again, and withdraw it if that is still right."
            )
        )
    write(db, ContactAttempt, stored, {"voided_at": now})


def contact_problems(entry: ContactEntry, today: dt.date) -> list[Problem]:
    """All that keeps an attempt from being stored, but for its visit."""
    found = []
    if entry.attempted_on > today:
        found.append(
            Problem("attempted_on", "not_in_future", message("The day lies in the future."))
        )
    elif entry.attempted_on < FIRST_DAY:
        found.append(Problem("attempted_on", "plausible_day", message("The day is not plausible.")))
    if len((entry.note or "").strip()) > LONGEST_NOTE:
        text = message("The note may have at most {count} characters.", count=LONGEST_NOTE)
        found.append(Problem("note", "length", text))
    return found


def _refuse(found: list[Problem]) -> None:
    if found:
        raise InvalidEntry(found)

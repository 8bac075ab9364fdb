"""What changed in how a clinic works, from a day on: written down so that its charts can say it.

A change is recorded and, if it was a mistake, withdrawn for a reason; it is never reworded, because
figures that were taken away have named it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.database import FIRST_DAY, LAST_DAY
from registry.entry.problems import Problem
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry, NotFound
from registry.messages import message
from registry.schema import ChangePoint

LONGEST_CHANGE: Final = 200
LONGEST_REASON: Final = 500
_NAMESPACE: Final = UUID("b0f7c0a2-6a83-4c1e-9a55-3c2f0d6e8b47")


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """A change, the first day of the new way, and whether charts begin new limits there."""

    changed_on: dt.date
    what: str
    begins_limits: bool = True


def problems_of_change(change: ChangeEntry) -> list[Problem]:
    """All that keeps a change from being stored."""
    words, found = change.what.strip(), []
    is_told = words.isprintable() and any(map(str.isalnum, words))
    if not is_told or len(words) > LONGEST_CHANGE:
        found.append(
            Problem(
                "what", "length", message("Say on one line of up to 200 characters what changed.")
            )
        )
    if not FIRST_DAY <= change.changed_on <= LAST_DAY:
        found.append(Problem("changed_on", "plausible_day", message("The day is not plausible.")))
    return found


def record_change(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    change: ChangeEntry,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> UUID:
    """Write down a change; returns its identifier. The same request writes it once.

    Raises :class:`InvalidEntry` without words or a plausible day, and for a change that is recorded
    for that day already.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    found = problems_of_change(change)
    if found:
        raise InvalidEntry(found)
    words = change.what.strip()
    key = derived_id(_NAMESPACE, clinic_id, str(request_key))
    cause = audit.Cause("record_change", clinic_id=clinic_id, request_key=request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            known = db.scalars(
                sa.select(ChangePoint.what).where(
                    ChangePoint.clinic_id == clinic_id,
                    ChangePoint.changed_on == change.changed_on,
                    ChangePoint.voided_at.is_(None),
                )
            )
            if words.casefold() in {what.casefold() for what in known}:
                raise InvalidEntry(
                    [
                        Problem(
                            "what",
                            "known",
                            message("This change is recorded for that day already."),
                        )
                    ]
                )
            db.add(
                ChangePoint(
                    clinic_id=clinic_id,
                    id=key,
                    version=1,
                    recorded_at=now,
                    changed_on=change.changed_on,
                    what=words,
                    begins_limits=change.begins_limits,
                )
            )
    except audit.AlreadyRecorded:
        return key
    return key


def void_change(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    change_id: UUID,
    reason: str,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> None:
    """Withdraw a change for a reason in words: no chart shows it or begins limits there any more.

    Raises :class:`InvalidEntry` without a reason and :class:`NotFound` for a change that is not
    there or was withdrawn before.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    words = reason.strip()
    if len(words) > LONGEST_REASON or not any(map(str.isalnum, words)):
        raise InvalidEntry(
            [
                Problem(
                    "reason", "length", message("Say in up to 500 characters why it is withdrawn.")
                )
            ]
        )
    cause = audit.Cause(
        "void_change", clinic_id=clinic_id, request_key=request_key, reason_text=words
    )
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = db.get(ChangePoint, (clinic_id, change_id), with_for_update=True)
            if stored is None or stored.voided_at is not None:
                raise NotFound(message("There is no such change, or it was withdrawn before."))
            stored.voided_at = now
            stored.version += 1
    except audit.AlreadyRecorded:
        return

"""Reports of a period that a clinic keeps as they are: stored once, never changed, only withdrawn.

Their content is worked out by the questions and handed in whole; here it is written down as
canonical JSON with its digest, so that whoever reads it later can tell that it is what was kept.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.database import FIRST_DAY, DbSession
from registry.entry.problems import Problem
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry, NotFound
from registry.messages import message
from registry.schema import ReportingPeriod

LONGEST_NAME: Final = 80
LONGEST_REASON: Final = 500
_PERIOD_NAMESPACE: Final = UUID("5b1c4f0a-8e57-4d0e-9a3e-0d6b0f3a7c21")


@dataclass(frozen=True, slots=True)
class PeriodToKeep:
    """A period by its name and days, and its reports as of a day and seal.

    ``content`` holds plain values only: what :func:`canonical` can write.
    """

    name: str
    first_day: dt.date
    last_day: dt.date
    data_as_of: dt.date
    seal: int
    content: Mapping[str, Any]


def canonical(content: Mapping[str, Any]) -> str:
    """The one way to write ``content`` as JSON: keys sorted, no spaces, no number but finite ones.

    Raises :class:`ValueError` for a number that is not finite, :class:`TypeError` for an object.
    """
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def content_digest(text: str) -> str:
    """SHA-256 of a content as it is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_unfit(name: str, first: dt.date, last: dt.date, today: dt.date) -> None:
    """Raise :class:`InvalidEntry` for a name or days under which nothing can be kept.

    A period must be over.
    """
    found = []
    if not 1 <= len(name.strip()) <= LONGEST_NAME or not name.strip().isprintable():
        found.append(
            Problem(
                "name",
                "length",
                message("Give the period a name of 1 to 80 characters on one line."),
            )
        )
    if first < FIRST_DAY:
        found.append(Problem("first_day", "plausible_day", message("The day is not plausible.")))
    if first > last:
        found.append(Problem("last_day", "order", message("The last day lies before the first.")))
    if last >= today:
        found.append(
            Problem(
                "last_day",
                "over",
                message("The period is not over yet. Freeze it from the day after."),
            )
        )
    if found:
        raise InvalidEntry(found)


def freeze_period(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    period: PeriodToKeep,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> UUID:
    """Keep the reports of a period; returns its identifier. The same request keeps it once.

    A name is given once in a clinic, to a withdrawn period too. Raises :class:`InvalidEntry` for a
    name that is taken or not fit, and for days that are not over on the day of the data.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    name = period.name.strip()
    refuse_unfit(name, period.first_day, period.last_day, period.data_as_of)
    text = canonical(period.content)
    key = derived_id(_PERIOD_NAMESPACE, clinic_id, str(request_key))
    cause = audit.Cause("freeze_period", clinic_id=clinic_id, request_key=request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            if _is_taken(db, clinic_id, name):
                raise InvalidEntry(
                    [
                        Problem(
                            "name",
                            "taken",
                            message(
                                "A period of this name is kept already, and is never overwritten. "
                                "Choose another name."
                            ),
                        )
                    ]
                )
            db.add(
                ReportingPeriod(
                    clinic_id=clinic_id,
                    id=key,
                    version=1,
                    recorded_at=now,
                    name=name,
                    first_day=period.first_day,
                    last_day=period.last_day,
                    data_as_of=period.data_as_of,
                    seal_seq=period.seal,
                    content=text,
                    content_digest=content_digest(text),
                )
            )
    except audit.AlreadyRecorded:
        return key
    return key


def void_period(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    period_id: UUID,
    reason: str,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> None:
    """Withdraw a kept period for a reason in words; its content stays readable as withdrawn.

    Raises :class:`InvalidEntry` without a reason and :class:`NotFound` for a period that is not
    there or was withdrawn before.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    words = reason.strip()
    if not 1 <= len(words) <= LONGEST_REASON or not any(map(str.isalnum, words)):
        raise InvalidEntry(
            [
                Problem(
                    "reason", "length", message("Say in up to 500 characters why it is withdrawn.")
                )
            ]
        )
    cause = audit.Cause(
        "void_period", clinic_id=clinic_id, request_key=request_key, reason_text=words
    )
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = db.get(ReportingPeriod, (clinic_id, period_id), with_for_update=True)
            if stored is None or stored.voided_at is not None:
                raise NotFound(message("There is no such period, or it was withdrawn before."))
            stored.voided_at = now
            stored.version += 1
    except audit.AlreadyRecorded:
        return


def _is_taken(db: DbSession, clinic_id: int, name: str) -> bool:
    return (
        db.scalar(
            sa.select(ReportingPeriod.id).where(
                ReportingPeriod.clinic_id == clinic_id, ReportingPeriod.name == name
            )
        )
        is not None
    )

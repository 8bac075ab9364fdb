"""The log of accesses: who signed in, looked at records, exported or was refused.

It is only ever added to, and holds no patient data: a filter, a file's digest or a count, never a
name, pseudonym or date of a patient.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Final

from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.database import DbSession
from registry.schema import AccessLog

LONGEST_USER_NAME: Final = 64
LONGEST_ADDRESS: Final = 64
LONGEST_DETAIL: Final = 2000


def as_typed(user_name: str) -> str:
    """A user name as it is compared and logged: lower case, printable, at most 64 characters."""
    folded = unicodedata.normalize("NFKC", user_name).strip().casefold()
    printable = "".join(character for character in folded if character.isprintable())
    return printable[:LONGEST_USER_NAME] or "(blank)"


def entry(
    action: str,
    *,
    at: dt.datetime,
    user_name: str,
    user_id: int | None = None,
    clinic_id: int | None = None,
    address: str | None = None,
    row_count: int | None = None,
    detail: str | None = None,
) -> AccessLog:
    """An entry of the log, cut to the lengths the database takes."""
    return AccessLog(
        at=at,
        user_id=user_id,
        user_name=as_typed(user_name),
        clinic_id=clinic_id,
        action=action,
        address=(address or None) and str(address)[:LONGEST_ADDRESS],
        row_count=row_count,
        detail=(detail or None) and str(detail)[:LONGEST_DETAIL],
    )


def log_access(
    engine: Engine,
    actor: Actor,
    action: str,
    *,
    now: dt.datetime,
    clinic_id: int | None = None,
    row_count: int | None = None,
    detail: str | None = None,
) -> None:
    """Write down that ``actor`` did ``action``, with the number of records shown or exported."""
    with DbSession(engine) as db, db.begin():
        db.add(
            entry(
                action,
                at=now,
                user_name=actor.user_name,
                user_id=actor.user_id,
                clinic_id=clinic_id,
                row_count=row_count,
                detail=detail,
            )
        )

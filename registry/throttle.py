"""Slowing down the guessing of passwords and codes.

Waiting times grow with each failure, counted from the log of accesses: per account and address, per
account, and per address. They run out by themselves, and attempts made while waiting count for
nothing, so nobody can lock a colleague out for good; and an address from which that colleague
signed in before is not held to the failures of strangers.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access_log import as_typed
from registry.database import DbSession, reading
from registry.errors import RegistryError
from registry.messages import message
from registry.schema import AccessLog

FREE_FAILURES: Final = 5
ACCOUNT_FAILURES: Final = 20
ADDRESS_FAILURES: Final = 40
LONGEST_WAIT: Final = dt.timedelta(minutes=5)
COUNTED_FOR: Final = dt.timedelta(hours=1)
KNOWN_ADDRESS_FOR: Final = dt.timedelta(days=30)
RECENT_ENTRIES: Final = 5_000
"""How far back the log is read for an address, which has no index: failures are its newest rows."""

SIGNED_IN: Final = "sign_in"
FAILED: Final = "sign_in_failed"
PASSWORD_CONFIRMED: Final = "password_confirmed"  # noqa: S105 - the name of an action
_VOUCHED: Final = (SIGNED_IN, PASSWORD_CONFIRMED)


class SignInRefused(RegistryError):
    """User name, password or code is not right; which of them is not said."""


class TooManyAttempts(SignInRefused):
    """Guessing is being slowed down; ``wait`` says how long."""

    def __init__(self, wait: dt.timedelta) -> None:
        """Say how long to wait."""
        self.wait = wait
        seconds = max(1, round(wait.total_seconds()))
        text = message(
            "Too many attempts. Seconds to wait: {count}. Then try again.", count=seconds
        )
        if seconds >= 120:
            text = message(
                "Too many attempts. Minutes to wait: {count}. Then try again.",
                count=round(seconds / 60),
            )
        super().__init__(text)


def hold_back(engine: Engine, user_name: str | None, address: str | None, now: dt.datetime) -> None:
    """Raise :class:`TooManyAttempts` while this account or address has to wait.

    ``user_name`` is None for a one-time code, which belongs to no account until it is found.
    """
    with reading(engine) as db:
        waits = [_wait(_failures_from(db, address, now), ADDRESS_FAILURES, now)]
        if user_name is not None:
            waits += _waits_of_account(db, as_typed(user_name), address, now)
    if max(waits) > dt.timedelta(0):
        raise TooManyAttempts(max(waits))


def _failures_from(db: DbSession, address: str | None, now: dt.datetime) -> list[dt.datetime]:
    newest = db.scalar(sa.select(sa.func.max(AccessLog.id))) or 0
    return list(
        db.scalars(
            sa.select(AccessLog.at)
            .where(
                AccessLog.id > newest - RECENT_ENTRIES,
                AccessLog.at > now - COUNTED_FOR,
                AccessLog.action == FAILED,
                AccessLog.address == address,
            )
            .order_by(AccessLog.at.desc(), AccessLog.id.desc())
            .limit(500)
        )
    )


def _waits_of_account(
    db: DbSession, name: str, address: str | None, now: dt.datetime
) -> list[dt.timedelta]:
    recent = db.execute(
        sa.select(AccessLog.at, AccessLog.action, AccessLog.address)
        .where(
            AccessLog.user_name == name,
            AccessLog.at > now - COUNTED_FOR,
            AccessLog.action.in_((FAILED, *_VOUCHED)),
        )
        .order_by(AccessLog.at.desc(), AccessLog.id.desc())
        .limit(500)
    ).all()
    here: list[dt.datetime] = []
    for row in recent:
        if row.address == address:
            if row.action in _VOUCHED:
                break
            here.append(row.at)
    waits = [_wait(here, FREE_FAILURES, now)]
    signed_in_from_here = (
        sa.select(AccessLog.id)
        .where(
            AccessLog.user_name == name,
            AccessLog.action == SIGNED_IN,
            AccessLog.address == address,
            AccessLog.at > now - KNOWN_ADDRESS_FOR,
        )
        .limit(1)
    )
    if db.scalar(signed_in_from_here) is None:
        everywhere = [row.at for row in recent if row.action == FAILED]
        waits.append(_wait(everywhere, ACCOUNT_FAILURES, now))
    return waits


def _wait(failures: list[dt.datetime], free: int, now: dt.datetime) -> dt.timedelta:
    """Time to wait after ``failures`` (newest first): none for the first few, then doubling."""
    if len(failures) < free:
        return dt.timedelta(0)
    step = min(2 ** min(len(failures) - free + 1, 20), LONGEST_WAIT.total_seconds())
    return failures[0] + dt.timedelta(seconds=step) - now

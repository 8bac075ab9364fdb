"""Favourite preparations: what a person draws up again and again, under a name of their own."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import reading
from registry.entry.problems import Problem
from registry.errors import InvalidEntry, NotFound
from registry.messages import Message, message
from registry.schema import Favourite
from registry.vocabulary import FoamGas, SclerosantForm

LONGEST_LABEL: Final = 60
MOST_FAVOURITES: Final = 12
"""More than fit beside each other are not found at a glance; our decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FavouriteEntry:
    """A preparation and its name; ``gas_parts`` is mL of gas to 1 mL of liquid."""

    id: UUID
    label: str
    product_code: str
    form: SclerosantForm
    concentration_percent: Decimal | None = None
    gas: FoamGas | None = None
    gas_parts: Decimal | None = None


def favourites_of(engine: Engine, by: Actor, clinic_id: int) -> list[FavouriteEntry]:
    """The person's own favourites in the clinic, by name."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        rows = db.scalars(_own(by, clinic_id).order_by(sa.func.lower(Favourite.label)))
        return [
            FavouriteEntry(**{name: getattr(row, name) for name in FavouriteEntry.__slots__})
            for row in rows
        ]


def keep_favourite(
    engine: Engine, by: Actor, clinic_id: int, entry: FavouriteEntry, *, now: dt.datetime
) -> None:
    """Keep a preparation as a favourite of the person; sending it again keeps it once.

    Raises :class:`~registry.errors.InvalidEntry` for a name that is missing, too long or taken by
    another favourite of the person, for an unknown product, and when there are too many.
    """
    require(by, Permission.RECORD, clinic_id)
    label = " ".join(entry.label.split())
    if not label or len(label) > LONGEST_LABEL:
        raise _refused(
            message("Give it a name of at most {count} characters.", count=LONGEST_LABEL)
        )
    if entry.product_code not in catalogue().products:
        raise _refused(message("Choose the product first."))
    cause = audit.Cause("keep_favourite", clinic_id=clinic_id, request_key=entry.id)
    with (
        contextlib.suppress(audit.AlreadyRecorded),
        audit.transaction(engine, by, cause, now=now) as db,
    ):
        kept = db.scalars(_own(by, clinic_id)).all()
        if any(favourite.label.casefold() == label.casefold() for favourite in kept):
            raise _refused(message("Another favourite of yours has this name."))
        if len(kept) >= MOST_FAVOURITES:
            raise _refused(
                message("There are {count} already. Remove one first.", count=MOST_FAVOURITES)
            )
        values = asdict(entry) | {"label": label}
        db.add(Favourite(clinic_id=clinic_id, user_id=by.user_id, recorded_at=now, **values))


def remove_favourite(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    favourite_id: UUID,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> None:
    """Remove a favourite of the person's own. Sessions that were begun with it stay as they are.

    Raises :class:`~registry.errors.NotFound` when the person has no such favourite.
    """
    require(by, Permission.RECORD, clinic_id)
    cause = audit.Cause("remove_favourite", clinic_id=clinic_id, request_key=request_key)
    with (
        contextlib.suppress(audit.AlreadyRecorded),
        audit.transaction(engine, by, cause, now=now) as db,
    ):
        stored = db.scalar(_own(by, clinic_id).where(Favourite.id == favourite_id))
        if stored is None:
            raise NotFound(message("You have no such favourite any more."))
        stored.voided_at = now
        stored.version += 1


def _own(by: Actor, clinic_id: int) -> sa.Select[Favourite]:
    return sa.select(Favourite).where(
        Favourite.clinic_id == clinic_id,
        Favourite.user_id == by.user_id,
        Favourite.voided_at.is_(None),
    )


def _refused(text: Message) -> InvalidEntry:
    return InvalidEntry([Problem("label", "favourite", text)])

"""Clinics and the people who treat in them, as the command line sets them up."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import reading
from registry.errors import Conflict, NotFound, PermissionDenied, RegistryError
from registry.schema import Clinic, Clinician, UserAccount

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
COMMAND_LINE = "command line"


class InvalidClinic(RegistryError):
    """A clinic or clinician that cannot be set up like this; nothing was changed."""


def list_clinics(engine: Engine) -> tuple[Clinic, ...]:
    """Every clinic of the registry, by code."""
    with reading(engine) as db:
        clinics = tuple(db.scalars(sa.select(Clinic).order_by(Clinic.code)))
        db.expunge_all()
        return clinics


def clinic_of(engine: Engine, code: str | None) -> Clinic:
    """The clinic with this code; without a code the only one there is.

    Raises :class:`NotFound` when there is none, or several and no code.
    """
    clinics = list_clinics(engine)
    codes = ", ".join(clinic.code for clinic in clinics)
    if not clinics:
        raise NotFound(
            "There is no clinic yet. Add one: sclero clinic add LEG --name 'Leg Clinic' "
            "--jurisdiction EU --time-zone Europe/Berlin"
        )
    if code is None and len(clinics) > 1:
        raise NotFound(f"There are several clinics. Say which with --clinic: {codes}.")
    for clinic in clinics:
        if code is None or clinic.code == code:
            return clinic
    raise NotFound(f"There is no clinic {code!r}. There are: {codes}.")


def add_clinic(
    engine: Engine,
    by: Actor,
    code: str,
    name: str,
    *,
    jurisdiction: str,
    time_zone: str,
    now: dt.datetime,
    is_demo: bool = False,
) -> int:
    """Add a clinic and return its number; only the command line may.

    ``jurisdiction`` says whose product labels apply, ``time_zone`` (IANA) when its days begin.
    Raises :class:`InvalidClinic`, or :class:`Conflict` when the code is taken or a demonstration
    would be mixed with real data.
    """
    if by.origin != COMMAND_LINE:
        raise PermissionDenied("Clinics are added on the command line: sclero clinic add.")
    shown = " ".join(name.split())
    if not CODE.fullmatch(code) or not 1 <= len(shown) <= 120:
        raise InvalidClinic(
            "A clinic needs a name of 1 to 120 characters and a code of 1 to 32 letters, digits, "
            "hyphens or underscores. Nothing was changed."
        )
    known = sorted({product.jurisdiction for product in catalogue().products.values()})
    if jurisdiction not in known:
        raise InvalidClinic(
            f"No product labels are known for {jurisdiction!r}. Choose one of {', '.join(known)} "
            "(INT applies no label). Nothing was changed."
        )
    try:
        ZoneInfo(time_zone)
    except (OSError, ValueError, KeyError):
        raise InvalidClinic(
            f"{time_zone!r} is no time zone. Write it like Europe/Berlin. Nothing was changed."
        ) from None
    with audit.transaction(engine, by, audit.Cause("add_clinic"), now=now) as db:
        others = db.scalars(sa.select(Clinic)).all()
        if any(other.code == code for other in others):
            raise Conflict(f"There is a clinic {code} already. Nothing was changed.")
        if any(other.is_demo is not is_demo for other in others):
            raise Conflict(
                "This database holds "
                + ("real clinics; the demonstration" if is_demo else "a demonstration; a clinic")
                + " needs a database of its own. Nothing was changed."
            )
        clinic = Clinic(
            code=code,
            name=shown,
            jurisdiction=jurisdiction,
            time_zone=time_zone,
            is_demo=is_demo,
        )
        db.add(clinic)
        db.flush()
        return clinic.id


def add_clinician(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    code: str,
    name: str,
    *,
    now: dt.datetime,
    user_name: str | None = None,
) -> int:
    """Add someone who treats in the clinic; ``user_name`` links their own account, if any."""
    require(by, Permission.MANAGE_USERS, clinic_id)
    shown = " ".join(name.split())
    if not CODE.fullmatch(code) or not 1 <= len(shown) <= 120:
        raise InvalidClinic(
            "A clinician needs a name of 1 to 120 characters and a code of 1 to 32 letters, "
            "digits, hyphens or underscores. Nothing was changed."
        )
    cause = audit.Cause("add_clinician", clinic_id=clinic_id)
    with audit.transaction(engine, by, cause, now=now) as db:
        known = db.execute(
            sa.select(Clinician.code, Clinician.id).where(Clinician.clinic_id == clinic_id)
        )
        numbers = {row.code: row.id for row in known}
        if code in numbers:
            raise Conflict(f"This clinic has a clinician {code} already. Nothing was changed.")
        user_id = None
        if user_name is not None:
            user_id = db.scalar(
                sa.select(UserAccount.id).where(UserAccount.user_name == user_name.strip().lower())
            )
            if user_id is None:
                raise NotFound("There is no such account. Add it first: sclero user add.")
        number = max(numbers.values(), default=0) + 1
        db.add(
            Clinician(
                clinic_id=clinic_id, id=number, code=code, display_name=shown, user_id=user_id
            )
        )
        return number

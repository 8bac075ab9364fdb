"""Accounts: who exists, in which role, in which clinic.

An administrator manages the people of their own clinics and reads no records. Nobody raises their
own rights, a clinic keeps its last administrator, and a name that was given once is never given to
somebody else. Nobody chooses a password for somebody else: a one-time code lets the person do it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit, passwords, sign_in
from registry.access import Actor, Grant, Permission, may, require, scope
from registry.access_log import as_typed, entry
from registry.database import DbSession, reading
from registry.errors import Conflict, NotFound, PermissionDenied, RegistryError
from registry.messages import message
from registry.schema import Clinic, RoleGrant, UserAccount
from registry.vocabulary import Role

USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
COMMAND_LINE: Final = "command line"
_SYSTEM: Final = "system"
_UNKNOWN: Final = message("There is no such account in your clinics.")


class InvalidAccount(RegistryError):
    """A user name or display name that cannot be used; nothing was changed."""


@dataclass(frozen=True, slots=True)
class ClinicSummary:
    """What a page needs to know of a clinic."""

    id: int
    code: str
    name: str
    jurisdiction: str
    time_zone: str
    is_demo: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An account as an administrator sees it, with its grants in the administrator's clinics."""

    id: int
    user_name: str
    display_name: str
    is_disabled: bool
    has_password: bool
    created_at: dt.datetime
    grants: tuple[Grant, ...]
    belongs_elsewhere: bool


def clinics_of(engine: Engine, actor: Actor) -> tuple[ClinicSummary, ...]:
    """The clinics in which ``actor`` holds any role, by name."""
    with reading(engine) as db:
        rows = db.scalars(
            sa.select(Clinic)
            .where(Clinic.id.in_({grant.clinic_id for grant in actor.grants}))
            .order_by(Clinic.name)
        )
        return tuple(
            ClinicSummary(row.id, row.code, row.name, row.jurisdiction, row.time_zone, row.is_demo)
            for row in rows
        )


def list_accounts(engine: Engine, by: Actor) -> tuple[Account, ...]:
    """The accounts of ``by``'s clinics and those without any role yet, by user name."""
    managed = scope(by, Permission.MANAGE_USERS)
    with reading(engine) as db:
        accounts = db.scalars(
            sa.select(UserAccount)
            .where(UserAccount.user_name != _SYSTEM)
            .order_by(UserAccount.user_name)
        ).all()
        grants: dict[int, list[RoleGrant]] = {}
        for grant in db.scalars(sa.select(RoleGrant).order_by(RoleGrant.clinic_id, RoleGrant.role)):
            grants.setdefault(grant.user_id, []).append(grant)
        found = []
        for account in accounts:
            of_account = grants.get(account.id, [])
            here = [grant for grant in of_account if grant.clinic_id in managed]
            if of_account and not here:
                continue
            found.append(
                Account(
                    id=account.id,
                    user_name=account.user_name,
                    display_name=account.display_name,
                    is_disabled=account.is_disabled,
                    has_password=account.password_hash is not None,
                    created_at=account.created_at,
                    grants=tuple(
                        Grant(grant.clinic_id, grant.role, grant.see_records, grant.see_identity)
                        for grant in here
                    ),
                    belongs_elsewhere=len(here) < len(of_account),
                )
            )
        return tuple(found)


def add_user(
    engine: Engine,
    by: Actor,
    user_name: str,
    display_name: str,
    *,
    now: dt.datetime,
    password: str | None = None,
    grants: Iterable[Grant] = (),
    request_key: UUID | None = None,
) -> int:
    """Add an account, with its first roles, and return its number.

    Only the command line may give a ``password``, for whoever sits in front of it; otherwise the
    person chooses one with the code of :func:`issue_password_code`. Raises :class:`InvalidAccount`,
    :class:`Conflict` when the name was ever used, or :class:`registry.passwords.WeakPassword`.
    """
    scope(by, Permission.MANAGE_USERS)
    grants = tuple(grants)
    name = as_typed(user_name)
    shown = " ".join(display_name.split())
    if not USER_NAME.fullmatch(name):
        raise InvalidAccount(
            message(
                "A user name has 2 to 64 letters, digits, dots, hyphens, underscores or @, and "
                "begins with a letter or digit. Nothing was changed."
            )
        )
    if not 1 <= len(shown) <= 120:
        raise InvalidAccount(message("A name has 1 to 120 characters. Nothing was changed."))
    for grant in grants:
        require(by, Permission.MANAGE_USERS, grant.clinic_id)
    password_hash = None
    if password is not None:
        if by.origin != COMMAND_LINE:
            raise PermissionDenied(
                message("Nobody chooses a password for somebody else. Issue a code.")
            )
        passwords.check_password(password, about=(name, shown))
        password_hash = passwords.hashed(password)
    try:
        cause = audit.Cause("add_user", request_key=request_key)
        with audit.transaction(engine, by, cause, now=now) as db:
            account = UserAccount(
                user_name=name,
                display_name=shown,
                password_hash=password_hash,
                is_disabled=False,
                created_at=now,
            )
            db.add(account)
            db.flush()
            for grant in grants:
                db.add(_row(account.id, grant))
            return account.id
    except sa.exc.IntegrityError:
        raise Conflict(
            message(
                "This user name is taken, or belonged to somebody before; names are never given "
                "twice. Nothing was changed. Choose another one."
            )
        ) from None


def grant_role(
    engine: Engine, by: Actor, user_id: int, clinic_id: int, role: Role, *, now: dt.datetime
) -> None:
    """Give ``user_id`` a role in a clinic; a role already held stays as it is."""
    require(by, Permission.MANAGE_USERS, clinic_id)
    _refuse_self(by, user_id)
    with audit.transaction(engine, by, audit.Cause("grant_role", clinic_id), now=now) as db:
        _existing(db, by, user_id)
        if db.get(RoleGrant, (user_id, clinic_id, role)) is None:
            db.add(_row(user_id, Grant(clinic_id, role)))


def revoke_role(
    engine: Engine, by: Actor, user_id: int, clinic_id: int, role: Role, *, now: dt.datetime
) -> None:
    """Take a role away; it is gone at the person's next action."""
    require(by, Permission.MANAGE_USERS, clinic_id)
    with audit.transaction(engine, by, audit.Cause("revoke_role", clinic_id), now=now) as db:
        held = db.get(RoleGrant, (user_id, clinic_id, role))
        if held is None:
            raise NotFound(_UNKNOWN)
        if role is Role.ADMINISTRATOR:
            _keep_an_administrator(db, user_id, clinic_id)
        db.delete(held)


def set_rights(
    engine: Engine,
    by: Actor,
    user_id: int,
    clinic_id: int,
    *,
    see_records: bool,
    see_identity: bool,
    now: dt.datetime,
) -> None:
    """Set the two rights given person by person, for every role the person holds in the clinic."""
    require(by, Permission.MANAGE_USERS, clinic_id)
    _refuse_self(by, user_id)
    with audit.transaction(engine, by, audit.Cause("set_rights", clinic_id), now=now) as db:
        held = db.scalars(
            sa.select(RoleGrant).where(
                RoleGrant.user_id == user_id, RoleGrant.clinic_id == clinic_id
            )
        ).all()
        if not held:
            raise NotFound(_UNKNOWN)
        for grant in held:
            grant.see_records = see_records
            grant.see_identity = see_identity


def disable_user(engine: Engine, by: Actor, user_id: int, *, now: dt.datetime) -> None:
    """Disable an account: it cannot sign in, and its open pages close at the next action."""
    scope(by, Permission.MANAGE_USERS)
    with audit.transaction(engine, by, audit.Cause("disable_user"), now=now) as db:
        account = _whole(db, by, user_id)
        for grant in account.grants:
            if grant.role is Role.ADMINISTRATOR:
                _keep_an_administrator(db, user_id, grant.clinic_id)
        account.is_disabled = True
        sign_in.end_all(db, user_id, now)


def enable_user(engine: Engine, by: Actor, user_id: int, *, now: dt.datetime) -> None:
    """Let a disabled account sign in again, with the password and roles it had."""
    scope(by, Permission.MANAGE_USERS)
    with audit.transaction(engine, by, audit.Cause("enable_user"), now=now) as db:
        _whole(db, by, user_id).is_disabled = False


def issue_password_code(engine: Engine, by: Actor, user_id: int, *, now: dt.datetime) -> str:
    """A one-time code with which the person chooses a first or new password within 24 hours.

    The old password works until the code is used.
    """
    scope(by, Permission.MANAGE_USERS)
    return _issue(engine, by, user_id, "password", now)


def issue_sign_in_code(engine: Engine, by: Actor, user_id: int, *, now: dt.datetime) -> str:
    """A one-time code that signs in without a password; only where all data are synthetic."""
    scope(by, Permission.MANAGE_USERS)
    with reading(engine) as db:
        is_real = db.scalar(sa.select(sa.func.count()).where(Clinic.is_demo.is_(False)))
    if is_real:
        raise PermissionDenied(
            message("Sign-in links exist in a demonstration only. Use a password code instead.")
        )
    return _issue(engine, by, user_id, "sign-in", now)


def _issue(engine: Engine, by: Actor, user_id: int, purpose: str, now: dt.datetime) -> str:
    with audit.transaction(engine, by, audit.Cause("issue_code"), now=now) as db:
        account = _whole(db, by, user_id)
        if account.is_disabled:
            raise Conflict(message("The account is disabled. Enable it first; no code was made."))
        code = sign_in.new_code(db, purpose, user_id, now)
        db.add(
            entry(
                sign_in.CODE_ISSUED,
                at=now,
                user_name=account.user_name,
                user_id=user_id,
                detail=f"{purpose}, by {by.user_name}",
            )
        )
        return code


def _row(user_id: int, grant: Grant) -> RoleGrant:
    return RoleGrant(
        user_id=user_id,
        clinic_id=grant.clinic_id,
        role=grant.role,
        see_records=grant.see_records,
        see_identity=grant.see_identity,
    )


def _existing(db: DbSession, by: Actor, user_id: int) -> UserAccount:
    """An account that ``by`` may know of: of their clinics, or without any role yet."""
    account = db.get(UserAccount, user_id)
    if account is None or account.user_name == _SYSTEM:
        raise NotFound(_UNKNOWN)
    if account.grants and not any(
        may(by, Permission.MANAGE_USERS, grant.clinic_id) for grant in account.grants
    ):
        raise NotFound(_UNKNOWN)
    return account


def _whole(db: DbSession, by: Actor, user_id: int) -> UserAccount:
    """An account all of whose clinics ``by`` manages: what is done concerns every one of them."""
    account = _existing(db, by, user_id)
    if not all(may(by, Permission.MANAGE_USERS, grant.clinic_id) for grant in account.grants):
        raise PermissionDenied(
            message(
                "This person also works in a clinic that you do not manage. Nothing was changed. "
                "Ask the administrator of that clinic, or take away the roles in yours."
            )
        )
    return account


def _refuse_self(by: Actor, user_id: int) -> None:
    if by.user_id == user_id:
        raise PermissionDenied(
            message(
                "Nobody changes their own rights. Nothing was changed. Ask another administrator."
            )
        )


def _keep_an_administrator(db: DbSession, leaving: int, clinic_id: int) -> None:
    others = db.scalar(
        sa.select(sa.func.count())
        .select_from(RoleGrant)
        .join(UserAccount, UserAccount.id == RoleGrant.user_id)
        .where(
            RoleGrant.clinic_id == clinic_id,
            RoleGrant.role == Role.ADMINISTRATOR,
            RoleGrant.user_id != leaving,
            UserAccount.is_disabled.is_(False),
        )
    )
    if not others:
        raise Conflict(
            message(
                "This is the clinic's last administrator. Nothing was changed. Make somebody else "
                "an administrator first."
            )
        )

"""Signing in, staying signed in, and being signed out.

A sign-in is a row; the browser holds a random token of which only a digest is stored, so whoever
reads the database can sign in as nobody. It ends by sign-out, by time (idle or absolute), when the
account is disabled and when its password changes: at the next action, whatever the page shows.

Wrong guesses are slowed down by :mod:`registry.throttle`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit, passwords
from registry.access import Actor, Grant
from registry.access_log import as_typed, entry
from registry.database import DbSession, reading
from registry.errors import DatabaseUnavailable
from registry.messages import message
from registry.schema import Clinic, RoleGrant, SignIn, UserAccount
from registry.throttle import (
    FAILED,
    PASSWORD_CONFIRMED,
    SIGNED_IN,
    SignInRefused,
    hold_back,
)
from registry.vocabulary import Language

RECENT_PASSWORD: Final = dt.timedelta(minutes=5)
"""How long a typed password vouches for the person in front of the screen (ASVS 7.5)."""
USE_NOTED_EVERY: Final = dt.timedelta(minutes=1)
CODE_LASTS: Final = dt.timedelta(hours=24)

SIGNED_OUT: Final = "sign_out"
CODE_ISSUED: Final = "code_issued"
CODE_USED: Final = "code_used"
PASSWORD_CHANGED: Final = "password_changed"  # noqa: S105 - the name of an action

_ONE_AT_A_TIME: Final = threading.Lock()
# Guesses sent at once would otherwise all be looked at before the first failure is counted.
_CODE_REFUSED: Final = message(
    "This code is not right, was used already or is too old. Ask your administrator for a new one."
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sign-in ends by itself."""

    idle: dt.timedelta = dt.timedelta(minutes=15)
    absolute: dt.timedelta = dt.timedelta(hours=12)


def sign_in(
    engine: Engine, user_name: str, password: str, address: str | None, now: dt.datetime
) -> str:
    """Check the password and return the token of a new sign-in.

    Raises :class:`SignInRefused` with the same words, after the same time, for a wrong password, an
    unknown, a disabled and a passwordless account; :class:`TooManyAttempts` without looking at the
    password while guessing is slowed down.
    """
    with _ONE_AT_A_TIME, _busy_is_said():
        hold_back(engine, user_name, address, now)
        account = _account(engine, user_name)
        usable = account is not None and not account.is_disabled
        stored = account.password_hash if account is not None and usable else None
        if not passwords.matches(stored, password) or account is None:
            _log(engine, FAILED, user_name, account, address, now)
            raise SignInRefused(
                message("User name or password is not right. Nobody was signed in.")
            )
        if stored is not None and passwords.is_outdated(stored):
            with audit.transaction(engine, _self(account), audit.Cause("rehash"), now=now) as db:
                db.get_one(UserAccount, account.id).password_hash = passwords.hashed(password)
        return _open(engine, account, address, now)


def sign_in_with_code(engine: Engine, code: str, address: str | None, now: dt.datetime) -> str:
    """Use up a one-time sign-in code of the demonstration and return the token of a new sign-in."""
    with _ONE_AT_A_TIME, _busy_is_said():
        account = _account_of_code(engine, "sign-in", code, address, now)
        with DbSession(engine) as db, db.begin():
            _use_up(db, "sign-in", code, account, address, now)
        return _open(engine, account, address, now)


def choose_password(
    engine: Engine, code: str, password: str, address: str | None, now: dt.datetime
) -> str:
    """Use up a one-time code for a first or new password; returns the token of a new sign-in.

    Everything signed in before ends. A password that may not be used leaves the code usable.
    """
    with _ONE_AT_A_TIME, _busy_is_said():
        account = _account_of_code(engine, "password", code, address, now)
        passwords.check_password(password, about=known_about(engine, account.id))
        password_hash = passwords.hashed(password)
        cause = audit.Cause("set_password")
        with audit.transaction(engine, _self(account), cause, now=now) as db:
            _use_up(db, "password", code, account, address, now)
            _replace_password(db, account.id, password_hash, now)
        return _open(engine, account, address, now)


def change_password(
    engine: Engine, by: Actor, current: str, new: str, address: str | None, now: dt.datetime
) -> None:
    """Replace one's own password; every sign-in of the account ends, this one too."""
    with _ONE_AT_A_TIME, _busy_is_said():
        account = _confirmed(engine, by, current, address, now)
        passwords.check_password(new, about=known_about(engine, account.id))
        password_hash = passwords.hashed(new)
        with audit.transaction(engine, by, audit.Cause("set_password"), now=now) as db:
            _replace_password(db, account.id, password_hash, now)


def confirm_password(
    engine: Engine, token: str, password: str, address: str | None, now: dt.datetime
) -> None:
    """Note that the person signed in typed the password again, for actions that ask for it."""
    with _ONE_AT_A_TIME, _busy_is_said():
        with reading(engine) as db:
            row = db.get(SignIn, digest("sign-in token", token))
            account = db.get(UserAccount, row.user_id) if row is not None else None
            if row is None or account is None:
                raise SignInRefused(message("You are no longer signed in. Sign in again."))
            db.expunge_all()
        _confirmed(engine, _self(account), password, address, now)
        with DbSession(engine) as db, db.begin():
            db.execute(
                sa.update(SignIn).where(SignIn.token_hash == row.token_hash).values(verified_at=now)
            )


def language_of(engine: Engine, who: Actor) -> Language | None:
    """The language that the person chose for the pages; None for the browser's."""
    with reading(engine) as db:
        return db.get_one(UserAccount, who.user_id).language


def choose_language(
    engine: Engine, by: Actor, language: Language | None, *, now: dt.datetime
) -> None:
    """Choose the language of one's own pages; None goes with the browser."""
    with audit.transaction(engine, by, audit.Cause("choose_language"), now=now) as db:
        db.get_one(UserAccount, by.user_id).language = language


def password_is_recent(engine: Engine, token: str, now: dt.datetime) -> bool:
    """Whether the password was typed within the last five minutes of this sign-in."""
    with reading(engine) as db:
        row = db.get(SignIn, digest("sign-in token", token))
        return row is not None and now - row.verified_at <= RECENT_PASSWORD


def actor_of(
    engine: Engine, token: str, now: dt.datetime, limits: Limits = Limits()
) -> Actor | None:
    """Who is signed in with ``token``, with the rights of this moment; None when nobody is.

    One indexed read and never a write, so that it can be asked at every action.
    """
    with reading(engine) as db:
        row = db.execute(
            sa.select(SignIn, UserAccount)
            .join(UserAccount, UserAccount.id == SignIn.user_id)
            .where(SignIn.token_hash == digest("sign-in token", token))
        ).first()
        if row is None or time_left(row.SignIn, now, limits) <= dt.timedelta(0):
            return None
        account: UserAccount = row.UserAccount
        if account.is_disabled:
            return None
        grants = db.scalars(
            sa.select(RoleGrant)
            .where(RoleGrant.user_id == account.id)
            .order_by(RoleGrant.clinic_id, RoleGrant.role)
        )
        return Actor(
            user_id=account.id,
            user_name=account.user_name,
            display_name=account.display_name,
            grants=tuple(
                Grant(grant.clinic_id, grant.role, grant.see_records, grant.see_identity)
                for grant in grants
            ),
        )


def time_left(row: SignIn, now: dt.datetime, limits: Limits) -> dt.timedelta:
    """How long a sign-in still lasts if nothing more is done; zero or less when it has ended."""
    if row.ended_at is not None:
        return dt.timedelta(0)
    return min(row.seen_at + limits.idle, row.created_at + limits.absolute) - now


def seconds_left(engine: Engine, token: str, now: dt.datetime, limits: Limits = Limits()) -> int:
    """Seconds until the sign-in ends if nothing more is done; 0 when it has ended."""
    with reading(engine) as db:
        row = db.get(SignIn, digest("sign-in token", token))
        return 0 if row is None else max(0, int(time_left(row, now, limits).total_seconds()))


def note_use(engine: Engine, token: str, now: dt.datetime, limits: Limits = Limits()) -> None:
    """Note that the sign-in is in use, at most once a minute; never revives one that has ended."""
    with DbSession(engine) as db, db.begin():
        db.execute(
            sa.update(SignIn)
            .where(
                SignIn.token_hash == digest("sign-in token", token),
                SignIn.ended_at.is_(None),
                SignIn.seen_at <= now - USE_NOTED_EVERY,
                SignIn.seen_at > now - limits.idle,
                SignIn.created_at > now - limits.absolute,
            )
            .values(seen_at=now)
        )


def sign_out(engine: Engine, token: str, address: str | None, now: dt.datetime) -> None:
    """End this sign-in; using its token again gives nothing."""
    with DbSession(engine) as db, db.begin():
        row = db.get(SignIn, digest("sign-in token", token))
        if row is None or row.ended_at is not None:
            return
        row.ended_at = now
        account = db.get_one(UserAccount, row.user_id)
        db.add(
            entry(
                SIGNED_OUT,
                at=now,
                user_name=account.user_name,
                user_id=account.id,
                address=address,
            )
        )


def sign_out_everywhere(engine: Engine, by: Actor, now: dt.datetime) -> None:
    """End every sign-in of one's own account, in every browser."""
    with DbSession(engine) as db, db.begin():
        end_all(db, by.user_id, now)
        db.add(entry(SIGNED_OUT, at=now, user_name=by.user_name, user_id=by.user_id, detail="all"))


def end_all(db: DbSession, user_id: int, now: dt.datetime) -> None:
    """End the sign-ins and unused codes of an account, inside the caller's transaction."""
    db.execute(
        sa.update(SignIn)
        .where(SignIn.user_id == user_id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def new_code(db: DbSession, purpose: str, user_id: int, now: dt.datetime) -> str:
    """Make a one-time code, inside the caller's transaction; 80 random bits, easy to read out.

    ``purpose`` is "password" or "sign-in". It is part of the digest that is stored, so a code is
    never a token and a code of one purpose never serves the other.
    """
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
    code = "-".join(groups)
    db.add(
        SignIn(
            token_hash=digest(f"{purpose} code", _code_as_typed(code)),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            verified_at=now,
        )
    )
    return code


def _replace_password(db: DbSession, user_id: int, password_hash: str, now: dt.datetime) -> None:
    account = db.get_one(UserAccount, user_id)
    account.password_hash = password_hash
    end_all(db, user_id, now)
    db.add(entry(PASSWORD_CHANGED, at=now, user_name=account.user_name, user_id=account.id))


def known_about(engine: Engine, user_id: int) -> list[str]:
    """What everybody knows about an account, hence what its password may not consist of."""
    with reading(engine) as db:
        account = db.get_one(UserAccount, user_id)
        clinics = db.execute(
            sa.select(Clinic.code, Clinic.name)
            .join(RoleGrant, RoleGrant.clinic_id == Clinic.id)
            .where(RoleGrant.user_id == user_id)
        ).all()
        return [account.user_name, account.display_name, *(part for row in clinics for part in row)]


def digest(purpose: str, secret: str) -> str:
    """What is stored in place of a token or code."""
    return hashlib.sha256(f"{purpose}:{secret}".encode("utf-8", "surrogatepass")).hexdigest()


def _open(engine: Engine, account: UserAccount, address: str | None, now: dt.datetime) -> str:
    token = secrets.token_urlsafe(32)
    with DbSession(engine) as db, db.begin():
        # The log keeps what happened; of the rows themselves only the usable ones are needed.
        db.execute(sa.delete(SignIn).where(SignIn.created_at < now - 2 * CODE_LASTS))
        db.add(
            SignIn(
                token_hash=digest("sign-in token", token),
                user_id=account.id,
                created_at=now,
                seen_at=now,
                verified_at=now,
            )
        )
        db.add(
            entry(
                SIGNED_IN,
                at=now,
                user_name=account.user_name,
                user_id=account.id,
                address=address,
            )
        )
    return token


def _confirmed(
    engine: Engine, by: Actor, password: str, address: str | None, now: dt.datetime
) -> UserAccount:
    hold_back(engine, by.user_name, address, now)
    account = _account(engine, by.user_name)
    if account is None or not passwords.matches(account.password_hash, password):
        _log(engine, FAILED, by.user_name, account, address, now)
        raise SignInRefused(message("The password is not right. Nothing was changed."))
    _log(engine, PASSWORD_CONFIRMED, by.user_name, account, address, now)
    return account


def _account_of_code(
    engine: Engine, purpose: str, code: str, address: str | None, now: dt.datetime
) -> UserAccount:
    hold_back(engine, None, address, now)
    with reading(engine) as db:
        row = db.get(SignIn, digest(f"{purpose} code", _code_as_typed(code)))
        account = db.get(UserAccount, row.user_id) if row is not None else None
        db.expunge_all()
    if (
        row is None
        or account is None
        or row.ended_at is not None
        or row.created_at + CODE_LASTS <= now
        or account.is_disabled
    ):
        _log(engine, FAILED, "(code)", account, address, now)
        raise SignInRefused(_CODE_REFUSED)
    return account


def _use_up(
    db: DbSession,
    purpose: str,
    code: str,
    account: UserAccount,
    address: str | None,
    now: dt.datetime,
) -> None:
    used = db.scalar(
        sa.update(SignIn)
        .where(
            SignIn.token_hash == digest(f"{purpose} code", _code_as_typed(code)),
            SignIn.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(SignIn.user_id)
    )
    if used is None:
        raise SignInRefused(_CODE_REFUSED)
    db.add(
        entry(
            CODE_USED,
            at=now,
            user_name=account.user_name,
            user_id=account.id,
            address=address,
            detail=purpose,
        )
    )


def _code_as_typed(code: str) -> str:
    return "".join(character for character in code.upper() if character.isalnum())


def _account(engine: Engine, user_name: str) -> UserAccount | None:
    with reading(engine) as db:
        account = db.scalar(
            sa.select(UserAccount).where(UserAccount.user_name == as_typed(user_name))
        )
        db.expunge_all()
        return account


def _self(account: UserAccount) -> Actor:
    return Actor(account.id, account.user_name, account.display_name, ())


def _log(
    engine: Engine,
    action: str,
    user_name: str,
    account: UserAccount | None,
    address: str | None,
    now: dt.datetime,
) -> None:
    with DbSession(engine) as db, db.begin():
        db.add(
            entry(
                action,
                at=now,
                user_name=user_name,
                user_id=account.id if account is not None else None,
                address=address,
            )
        )


@contextmanager
def _busy_is_said() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise DatabaseUnavailable(
            message(
                "The database does not answer at the moment; a long import may be running. Nothing "
                "was changed. Try again in a minute."
            )
        ) from error

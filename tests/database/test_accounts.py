"""Accounts, sign-in and the slowing down of guesses, on both databases."""

from __future__ import annotations

import datetime as dt
import itertools
import statistics
import threading
import time

import argon2
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import accounts, audit, passwords, sign_in, throttle
from registry.access import Actor, Grant, Permission, may
from registry.database import make_engine, reading
from registry.errors import Conflict, NotFound, PermissionDenied
from registry.operations.migration import command_line_actor
from registry.passwords import WeakPassword
from registry.schema import AccessLog, AuditRow, ChangeSet, Clinic, RoleGrant, SignIn, UserAccount
from registry.throttle import SignInRefused, TooManyAttempts
from registry.vocabulary import Role

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
GOOD = "umbrella-quartz-fjord-71"
OTHER = "lantern-oboe-gravel-38"
HOME = "192.0.2.10"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def clinics(engine: Engine) -> tuple[int, int]:
    """Two clinics."""
    with audit.transaction(engine, command_line_actor(engine), audit.Cause("add_clinic")) as db:
        rows = [
            Clinic(code=code, name=name, jurisdiction="EU", time_zone="Europe/Vienna", is_demo=True)
            for code, name in (("north", "Northgate Veins"), ("south", "Southgate Veins"))
        ]
        db.add_all(rows)
        db.flush()
        return rows[0].id, rows[1].id


def a_user(engine: Engine, name: str, *grants: Grant, password: str = GOOD) -> int:
    return accounts.add_user(
        engine,
        command_line_actor(engine),
        name,
        f"{name.title()} Example",
        now=NOW,
        password=password,
        grants=grants,
    )


def as_actor(engine: Engine, name: str, password: str = GOOD) -> Actor:
    token = sign_in.sign_in(engine, name, password, HOME, NOW)
    actor = sign_in.actor_of(engine, token, NOW)
    assert actor is not None
    return actor


def actions(engine: Engine) -> list[str]:
    with reading(engine) as db:
        return list(db.scalars(sa.select(AccessLog.action).order_by(AccessLog.id)))


# --- sign-in --------------------------------------------------------------------------------------


def test_sign_in_gives_the_actor_and_his_rights(engine: Engine, clinics: tuple[int, int]) -> None:
    user = a_user(engine, "ada", Grant(clinics[0], Role.PRACTICE_MANAGER, see_records=True))
    token = sign_in.sign_in(engine, "  ADA ", GOOD, HOME, NOW)
    actor = sign_in.actor_of(engine, token, NOW + MINUTE)
    assert actor is not None
    assert (actor.user_id, actor.user_name, actor.origin) == (user, "ada", "page")
    assert may(actor, Permission.SEE_RECORDS, clinics[0])
    assert not may(actor, Permission.SEE_RECORDS, clinics[1])
    assert actions(engine) == ["sign_in"]


def test_looking_up_a_sign_in_needs_no_right_to_write(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    reader = make_engine(engine.url, read_only=True)
    with engine.begin() as writer:
        # A long import holds the database meanwhile.
        writer.execute(sa.update(SignIn).values(verified_at=NOW))
        started = time.perf_counter()
        assert sign_in.actor_of(reader, token, NOW) is not None
        assert time.perf_counter() - started < 2
    reader.dispose()


def test_the_database_holds_no_usable_token(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    with reading(engine) as db:
        stored = db.scalars(sa.select(SignIn.token_hash)).one()
        password_hash = db.scalars(
            sa.select(UserAccount.password_hash).where(UserAccount.user_name == "ada")
        ).one()
    assert token != stored
    assert sign_in.actor_of(engine, stored, NOW) is None
    assert sign_in.sign_in(engine, "ada", GOOD, HOME, NOW) != token
    settings = argon2.extract_parameters(str(password_hash))
    assert settings.type is argon2.Type.ID
    assert (settings.memory_cost, settings.time_cost, settings.parallelism) == (19 * 1024, 2, 1)


@pytest.mark.parametrize("later", [15 * MINUTE, dt.timedelta(hours=13)])
def test_an_idle_sign_in_ends(
    engine: Engine, clinics: tuple[int, int], later: dt.timedelta
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    assert sign_in.actor_of(engine, token, NOW + 14 * MINUTE) is not None
    assert sign_in.actor_of(engine, token, NOW + later) is None
    sign_in.note_use(engine, token, NOW + later)
    assert sign_in.actor_of(engine, token, NOW + later) is None, "use revived it"


def test_use_extends_a_sign_in_up_to_twelve_hours(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    for step in range(1, 72):
        sign_in.note_use(engine, token, NOW + step * 10 * MINUTE)
        assert sign_in.actor_of(engine, token, NOW + step * 10 * MINUTE) is not None
    assert sign_in.seconds_left(engine, token, NOW + 71 * 10 * MINUTE) == 10 * 60
    assert sign_in.actor_of(engine, token, NOW + dt.timedelta(hours=12)) is None


def test_use_is_written_at_most_once_a_minute(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    for second in (10, 59, 61, 90):
        sign_in.note_use(engine, token, NOW + dt.timedelta(seconds=second))
    with reading(engine) as db:
        assert db.scalars(sa.select(SignIn.seen_at)).one() == NOW + dt.timedelta(seconds=61)


def test_signing_out_ends_one_sign_in_or_all(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    first, second, third = (sign_in.sign_in(engine, "ada", GOOD, HOME, NOW) for _ in range(3))
    sign_in.sign_out(engine, first, HOME, NOW)
    assert sign_in.actor_of(engine, first, NOW) is None
    actor = sign_in.actor_of(engine, second, NOW)
    assert actor is not None
    sign_in.sign_out_everywhere(engine, actor, NOW)
    assert sign_in.actor_of(engine, second, NOW) is None
    assert sign_in.actor_of(engine, third, NOW) is None


def test_nobody_signs_in_as_the_command_line(engine: Engine, clinics: tuple[int, int]) -> None:
    for password in ("", GOOD, "a password that nobody has"):
        with pytest.raises(SignInRefused):
            sign_in.sign_in(engine, "system", password, HOME, NOW)


def test_every_refusal_reads_and_lasts_the_same(engine: Engine, clinics: tuple[int, int]) -> None:
    user = a_user(engine, "off", Grant(clinics[0], Role.CLINICIAN))
    accounts.disable_user(engine, command_line_actor(engine), user, now=NOW)
    for number in range(12):
        a_user(engine, f"known{number}", Grant(clinics[0], Role.CLINICIAN))
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    words = set()
    for number in range(12):
        for kind in seconds:
            started = time.perf_counter()
            with pytest.raises(SignInRefused) as refused:
                sign_in.sign_in(engine, f"{kind}{number}", OTHER, f"192.0.2.{number}", NOW)
            seconds[kind].append(time.perf_counter() - started)
            words.add(str(refused.value))
    with pytest.raises(SignInRefused) as refused:
        sign_in.sign_in(engine, "off", GOOD, HOME, NOW)
    assert words == {str(refused.value)}
    known, unknown = (statistics.median(seconds[kind]) for kind in ("known", "unknown"))
    # A factor of two is far from the twentyfold that leaving out the hash would make.
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize("name", ["", " ", "\x00ada", "a" * 5000, "\udcff", "ada'; --", "Ａｄａ"])
def test_any_typed_name_is_answered(engine: Engine, clinics: tuple[int, int], name: str) -> None:
    with pytest.raises(SignInRefused):
        sign_in.sign_in(engine, name, "\udcff" * 20, HOME, NOW)


# --- guessing -------------------------------------------------------------------------------------


def guess(engine: Engine, name: str, address: str, at: dt.datetime) -> bool:
    """Guess wrongly; whether the password was looked at."""
    try:
        sign_in.sign_in(engine, name, "not the password at all", address, at)
    except TooManyAttempts:
        return False
    except SignInRefused:
        return True
    raise AssertionError("signed in with a wrong password")


def test_a_thousand_guesses_are_few_and_the_owner_gets_in(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    looked_at = sum(
        guess(engine, "ada", "198.51.100.7", NOW + dt.timedelta(seconds=second))
        for second in range(1000)
    )
    assert looked_at <= 15
    later = NOW + dt.timedelta(seconds=1000)
    assert sign_in.sign_in(engine, "ada", GOOD, HOME, later), "another address must not wait"
    soon = later + throttle.LONGEST_WAIT
    assert sign_in.sign_in(engine, "ada", GOOD, "198.51.100.7", soon), "waiting must run out"


def test_guesses_from_many_addresses_are_held_back_but_not_the_owner(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    looked_at = sum(
        guess(engine, "ada", f"198.51.100.{number}", NOW + dt.timedelta(milliseconds=number))
        for number in range(250)
    )
    assert looked_at == throttle.ACCOUNT_FAILURES
    assert sign_in.sign_in(engine, "ada", GOOD, HOME, NOW + dt.timedelta(seconds=1))


def test_one_address_trying_many_names_is_held_back(engine: Engine) -> None:
    looked_at = sum(guess(engine, f"name{number}", HOME, NOW) for number in range(100))
    assert looked_at == throttle.ADDRESS_FAILURES
    with pytest.raises(TooManyAttempts):
        sign_in.choose_password(engine, "AAAA-BBBB-CCCC-DDDD", GOOD, HOME, NOW)


def test_guesses_sent_at_once_are_counted_one_by_one(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    looked_at: list[bool] = []
    threads = [
        threading.Thread(target=lambda: looked_at.append(guess(engine, "ada", HOME, NOW)))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(looked_at), sum(looked_at)) == (30, throttle.FREE_FAILURES)


# --- passwords and codes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "short-umbrella",
        "password1234567",
        "Passw0rd!Passw0rd!",
        "123456789012345",
        "qwertyuiopasdfgh",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "1qaz2wsx3edc4rfv",
        "correcthorsebatterystaple",
        "correct horse battery staple",
        "AdaExample2026!!",
        "Northgate Veins 2026",
        "Sclerotherapy2026!",
        "iloveyou iloveyou 1987",
        "x" * 257,
    ],
)
def test_guessable_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.check_password(password, about=("ada", "Ada Example", "Northgate Veins"))


@pytest.mark.parametrize(
    "password",
    [
        "fjord lantern oboe",
        "x7Kq-pV2m-Lw9z-T",
        "übermorgen Kieselstein 7",
        "ю" * 2 + "мор крыша вол",
    ],
)
def test_long_uncommon_passwords_are_taken(password: str) -> None:
    passwords.check_password(password, about=("ada", "Ada Example"))


def test_every_character_of_a_password_counts() -> None:
    long = "fjord lantern oboe gravel umbrella quartz meadow copper saddle violin hat"
    assert len(long) == 73
    stored = passwords.hashed(long)
    assert passwords.matches(stored, long)
    assert not passwords.matches(stored, long[:72] + "x")
    assert not passwords.matches(stored, long[:72])
    assert passwords.matches(passwords.hashed("ﬁne lantern oboe"), "fine lantern oboe")


def test_a_hash_made_with_weaker_settings_is_made_anew(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    user = a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    by = command_line_actor(engine)
    with audit.transaction(engine, by, audit.Cause("weaken")) as db:
        db.get_one(UserAccount, user).password_hash = weak
    sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    with reading(engine) as db:
        stored = str(db.get_one(UserAccount, user).password_hash)
        trail = "".join(str(row.new_values) for row in db.scalars(sa.select(AuditRow)))
    assert argon2.extract_parameters(stored).memory_cost == 19 * 1024
    assert "argon2" not in trail


def test_changing_the_password_ends_every_sign_in(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    actor = sign_in.actor_of(engine, token, NOW)
    assert actor is not None
    with pytest.raises(SignInRefused):
        sign_in.change_password(engine, actor, OTHER, OTHER, HOME, NOW)
    with pytest.raises(WeakPassword):
        sign_in.change_password(engine, actor, GOOD, "password1234567", HOME, NOW)
    assert sign_in.actor_of(engine, token, NOW) is not None
    sign_in.change_password(engine, actor, GOOD, OTHER, HOME, NOW)
    assert sign_in.actor_of(engine, token, NOW) is None
    with pytest.raises(SignInRefused):
        sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    sign_in.sign_in(engine, "ada", OTHER, HOME, NOW)


def test_a_typed_password_vouches_for_five_minutes(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.ADMINISTRATOR))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    assert sign_in.password_is_recent(engine, token, NOW + 5 * MINUTE)
    later = NOW + 6 * MINUTE
    assert not sign_in.password_is_recent(engine, token, later)
    with pytest.raises(SignInRefused):
        sign_in.confirm_password(engine, token, OTHER, HOME, later)
    assert not sign_in.password_is_recent(engine, token, later)
    sign_in.confirm_password(engine, token, GOOD, HOME, later)
    assert sign_in.password_is_recent(engine, token, later)
    assert not sign_in.password_is_recent(engine, "no such token", later)


def test_wrong_confirmations_are_held_back_too(engine: Engine, clinics: tuple[int, int]) -> None:
    a_user(engine, "ada", Grant(clinics[0], Role.ADMINISTRATOR))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    for _ in range(throttle.FREE_FAILURES):
        with pytest.raises(SignInRefused):
            sign_in.confirm_password(engine, token, OTHER, HOME, NOW)
    with pytest.raises(TooManyAttempts):
        sign_in.confirm_password(engine, token, GOOD, HOME, NOW)


def test_a_password_code_works_once_and_for_a_day(engine: Engine, clinics: tuple[int, int]) -> None:
    by = command_line_actor(engine)
    user = a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    open_before = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    code = accounts.issue_password_code(engine, by, user, now=NOW)
    with pytest.raises(WeakPassword):
        sign_in.choose_password(engine, code, "password1234567", HOME, NOW)
    with pytest.raises(SignInRefused):
        sign_in.choose_password(engine, code, OTHER, HOME, NOW + sign_in.CODE_LASTS)
    with pytest.raises(SignInRefused):
        sign_in.sign_in_with_code(engine, code, HOME, NOW)
    assert sign_in.actor_of(engine, code, NOW) is None, "a code is not a token"
    token = sign_in.choose_password(engine, code.lower().replace("-", " "), OTHER, HOME, NOW)
    assert sign_in.actor_of(engine, token, NOW) is not None
    assert sign_in.actor_of(engine, open_before, NOW) is None
    with pytest.raises(SignInRefused):
        sign_in.choose_password(engine, code, GOOD, HOME, NOW)
    sign_in.sign_in(engine, "ada", OTHER, HOME, NOW)


def test_sign_in_links_are_for_demonstrations_only(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    by = command_line_actor(engine)
    user = a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    code = accounts.issue_sign_in_code(engine, by, user, now=NOW)
    assert sign_in.actor_of(engine, sign_in.sign_in_with_code(engine, code, HOME, NOW), NOW)
    with pytest.raises(SignInRefused):
        sign_in.sign_in_with_code(engine, code, HOME, NOW)
    with audit.transaction(engine, by, audit.Cause("add_clinic")) as db:
        db.add(Clinic(code="real", name="Real", jurisdiction="EU", time_zone="UTC", is_demo=False))
    with pytest.raises(PermissionDenied):
        accounts.issue_sign_in_code(engine, by, user, now=NOW)


def test_a_disabled_account_loses_sign_ins_and_codes(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    by = command_line_actor(engine)
    user = a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)
    code = accounts.issue_password_code(engine, by, user, now=NOW)
    accounts.disable_user(engine, by, user, now=NOW)
    assert sign_in.actor_of(engine, token, NOW) is None
    with pytest.raises(SignInRefused):
        sign_in.choose_password(engine, code, OTHER, HOME, NOW)
    accounts.enable_user(engine, by, user, now=NOW)
    assert sign_in.actor_of(engine, token, NOW) is None, "enabling must not revive a sign-in"
    sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)


# --- administration -------------------------------------------------------------------------------


def test_a_fresh_registry_has_nobody_who_can_sign_in(engine: Engine) -> None:
    with reading(engine) as db:
        people = db.scalars(sa.select(UserAccount)).all()
        assert [(row.user_name, row.password_hash) for row in people] == [("system", None)]


def test_names_are_never_given_twice(engine: Engine, clinics: tuple[int, int]) -> None:
    user = a_user(engine, "ada", Grant(clinics[0], Role.CLINICIAN))
    accounts.disable_user(engine, command_line_actor(engine), user, now=NOW)
    for name in ("ada", " Ada ", "ＡＤＡ", "system"):
        with pytest.raises(Conflict):
            a_user(engine, name, Grant(clinics[0], Role.CLINICIAN))


@pytest.mark.parametrize("name", ["", "a", ".ada", "ada lovelace", "ada/../x", "<b>", "ädä"])
def test_unsuitable_user_names_are_refused(
    engine: Engine, clinics: tuple[int, int], name: str
) -> None:
    with pytest.raises(accounts.InvalidAccount):
        a_user(engine, name)


def test_only_an_administrator_of_the_clinic_manages_its_people(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    north, south = clinics
    for role in Role:
        a_user(engine, f"north-{role.value}", Grant(north, role, see_identity=True))
    target = a_user(engine, "target", Grant(south, Role.CLINICIAN))
    fresh = a_user(engine, "fresh")
    for role in Role:
        by = as_actor(engine, f"north-{role.value}")
        attempts = [
            lambda by=by: accounts.list_accounts(engine, by),
            lambda by=by: accounts.add_user(engine, by, f"new-{by.user_name}", "New", now=NOW),
            lambda by=by: accounts.grant_role(engine, by, fresh, north, Role.AUDITOR, now=NOW),
            lambda by=by: accounts.set_rights(
                engine, by, fresh, north, see_records=True, see_identity=False, now=NOW
            ),
            lambda by=by: accounts.issue_password_code(engine, by, fresh, now=NOW),
            lambda by=by: accounts.disable_user(engine, by, fresh, now=NOW),
            lambda by=by: accounts.enable_user(engine, by, fresh, now=NOW),
            lambda by=by: accounts.revoke_role(engine, by, fresh, north, Role.AUDITOR, now=NOW),
        ]
        for attempt in attempts:
            if role is Role.ADMINISTRATOR:
                attempt()
            else:
                with pytest.raises(PermissionDenied):
                    attempt()
        elsewhere = [
            lambda by=by: accounts.grant_role(engine, by, target, south, Role.AUDITOR, now=NOW),
            lambda by=by: accounts.grant_role(engine, by, target, north, Role.AUDITOR, now=NOW),
            lambda by=by: accounts.issue_password_code(engine, by, target, now=NOW),
            lambda by=by: accounts.disable_user(engine, by, target, now=NOW),
        ]
        for attempt in elsewhere:
            with pytest.raises((PermissionDenied, NotFound)):
                attempt()
    seen = accounts.list_accounts(engine, as_actor(engine, "north-administrator"))
    assert "target" not in {account.user_name for account in seen}


def test_a_person_of_two_clinics_is_reset_by_neither_alone(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    north, south = clinics
    a_user(engine, "root", Grant(north, Role.ADMINISTRATOR))
    both = a_user(engine, "both", Grant(north, Role.CLINICIAN), Grant(south, Role.CLINICIAN))
    by = as_actor(engine, "root")
    with pytest.raises(PermissionDenied):
        accounts.issue_password_code(engine, by, both, now=NOW)
    with pytest.raises(PermissionDenied):
        accounts.disable_user(engine, by, both, now=NOW)
    accounts.revoke_role(engine, by, both, north, Role.CLINICIAN, now=NOW)
    with reading(engine) as db:
        left = db.scalars(sa.select(RoleGrant.clinic_id).where(RoleGrant.user_id == both)).all()
    assert left == [south]


def test_nobody_raises_their_own_rights(engine: Engine, clinics: tuple[int, int]) -> None:
    user = a_user(engine, "root", Grant(clinics[0], Role.ADMINISTRATOR))
    by = as_actor(engine, "root")
    with pytest.raises(PermissionDenied):
        accounts.grant_role(engine, by, user, clinics[0], Role.CLINICIAN, now=NOW)
    with pytest.raises(PermissionDenied):
        accounts.set_rights(
            engine, by, user, clinics[0], see_records=True, see_identity=True, now=NOW
        )
    assert as_actor(engine, "root").grants == by.grants


def test_the_last_administrator_stays(engine: Engine, clinics: tuple[int, int]) -> None:
    first = a_user(engine, "first", Grant(clinics[0], Role.ADMINISTRATOR))
    by = as_actor(engine, "first")
    for attempt in (
        lambda: accounts.revoke_role(engine, by, first, clinics[0], Role.ADMINISTRATOR, now=NOW),
        lambda: accounts.disable_user(engine, by, first, now=NOW),
        lambda: accounts.disable_user(engine, command_line_actor(engine), first, now=NOW),
    ):
        with pytest.raises(Conflict):
            attempt()
    second = a_user(engine, "second", Grant(clinics[0], Role.ADMINISTRATOR))
    accounts.disable_user(engine, by, second, now=NOW)
    with pytest.raises(Conflict):
        accounts.disable_user(engine, by, first, now=NOW)
    accounts.enable_user(engine, by, second, now=NOW)
    accounts.revoke_role(engine, by, first, clinics[0], Role.ADMINISTRATOR, now=NOW)


def test_rights_change_at_the_next_action(engine: Engine, clinics: tuple[int, int]) -> None:
    north, _ = clinics
    by = command_line_actor(engine)
    user = a_user(engine, "ada", Grant(north, Role.PRACTICE_MANAGER))
    token = sign_in.sign_in(engine, "ada", GOOD, HOME, NOW)

    def holds(permission: Permission) -> bool:
        actor = sign_in.actor_of(engine, token, NOW)
        return actor is not None and may(actor, permission, north)

    assert [holds(Permission.SEE_RECORDS), holds(Permission.SEE_IDENTITY)] == [False, False]
    for records, identity in itertools.product((True, False), repeat=2):
        accounts.set_rights(
            engine, by, user, north, see_records=records, see_identity=identity, now=NOW
        )
        assert holds(Permission.SEE_RECORDS) == (records or identity)
        assert holds(Permission.SEE_IDENTITY) == identity
    accounts.grant_role(engine, by, user, north, Role.CLINICIAN, now=NOW)
    assert holds(Permission.RECORD)
    accounts.revoke_role(engine, by, user, north, Role.CLINICIAN, now=NOW)
    assert not holds(Permission.RECORD)


def test_nobody_but_the_command_line_chooses_a_password_for_another(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    a_user(engine, "root", Grant(clinics[0], Role.ADMINISTRATOR))
    with pytest.raises(PermissionDenied):
        accounts.add_user(engine, as_actor(engine, "root"), "bob", "Bob", now=NOW, password=OTHER)


def test_changes_to_accounts_are_in_the_audit_trail(
    engine: Engine, clinics: tuple[int, int]
) -> None:
    administrator = a_user(engine, "root", Grant(clinics[0], Role.ADMINISTRATOR))
    by = as_actor(engine, "root")
    user = accounts.add_user(engine, by, "bob", "Bob", now=NOW)
    accounts.grant_role(engine, by, user, clinics[0], Role.AUDITOR, now=NOW)
    accounts.disable_user(engine, by, user, now=NOW)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(ChangeSet.action, AuditRow.table_name, AuditRow.operation)
            .join(AuditRow, AuditRow.change_set_id == ChangeSet.id)
            .where(ChangeSet.actor_id == administrator)
            .order_by(AuditRow.id)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("add_user", "user_account", "insert"),
        ("grant_role", "role_grant", "insert"),
        ("disable_user", "user_account", "update"),
    ]

"""Clinics and what they decide for themselves, clinicians and accounts."""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.console import LIVE, Database, now, opened, operator, say, show_table, today
from registry.vocabulary import Role

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from registry.access import Actor

clinics = typer.Typer(no_args_is_help=True, help="Clinics: add, list, set, recall-lot.")
clinicians = typer.Typer(no_args_is_help=True, help="People who treat: add.")
users = typer.Typer(no_args_is_help=True, help="Accounts: add, list, grant, disable, reset.")

ClinicCode = Annotated[
    str | None, typer.Option("--clinic", help="Code of the clinic; needed when there are several.")
]
FROM_DAY = typer.Option(
    "--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day on which it holds."
)
UserName = Annotated[str, typer.Argument(help="Name typed at sign-in.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.add_typer(clinics, name="clinic")
    app.add_typer(clinicians, name="clinician")
    app.add_typer(users, name="user")


@clinics.command("add")
def add_clinic(
    code: Annotated[str, typer.Argument(help="Short code used in files, for example LEG.")],
    name: Annotated[str, typer.Option(help="Name shown on pages and reports.")],
    jurisdiction: Annotated[
        str, typer.Option(help="Whose product labels apply: EU, UK, US, or INT for none.")
    ],
    time_zone: Annotated[str, typer.Option(help="Where the clinic's days begin.")],
    database: Database = LIVE,
) -> None:
    """Add a clinic.

    \b
      sclero clinic add LEG --name "Leg Clinic" --jurisdiction EU --time-zone Europe/Berlin
    """
    from registry.operations import clinics as setting_up

    engine = opened(database)
    setting_up.add_clinic(
        engine,
        operator(engine),
        code,
        name,
        jurisdiction=jurisdiction,
        time_zone=time_zone,
        now=now(),
    )
    say(f"Added the clinic {code}. Next, its first administrator: sclero user add --help")


@clinics.command("list")
def list_clinics(database: Database = LIVE) -> None:
    """List the clinics."""
    from registry.operations import clinics as setting_up

    show_table(
        [("Code", "left"), ("Clinic", "left"), ("Labels", "left"), ("Time zone", "left")],
        [
            (
                clinic.code,
                clinic.name + (" (demonstration)" if clinic.is_demo else ""),
                clinic.jurisdiction,
                clinic.time_zone,
            )
            for clinic in setting_up.list_clinics(opened(database, read_only=True))
        ],
    )


@clinics.command("set")
def set_clinic_setting(
    code: Annotated[str, typer.Argument(help="What is set; `sclero clinic settings` lists all.")],
    value: Annotated[str, typer.Argument(help="A number, or `default` to take the clinic's back.")],
    valid_from: Annotated[datetime, FROM_DAY],
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Set what the clinic decides for itself, from a day on.

    \b
      sclero clinic set shortest_interval_days 42 --from 2026-01-01
    """
    from registry import audit
    from registry.entry import clinic_settings
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    place = clinic_of(engine, clinic)
    try:
        number = None if value == "default" else Decimal(value)
    except InvalidOperation:
        raise typer.BadParameter("Write a number with a decimal point, or default.") from None
    clinic_settings.set_clinic_setting(
        engine,
        operator(engine),
        place.id,
        code,
        number,
        valid_from=valid_from.date(),
        request_key=audit.request_key(),
        now=now(),
    )
    say(f"Set {code} to {value} in {place.code} from {valid_from:%Y-%m-%d} on.")


@clinics.command("settings")
def list_clinic_settings(clinic: ClinicCode = None, database: Database = LIVE) -> None:
    """List what the clinic may decide for itself, as it holds today."""
    from registry.catalogue import catalogue
    from registry.entry import clinic_settings
    from registry.operations.clinics import clinic_of

    engine = opened(database, read_only=True)
    place = clinic_of(engine, clinic)
    holding = clinic_settings.settings_of(engine, operator(engine), place.id, today())
    show_table(
        [("Setting", "left"), ("Today", "right"), ("Range", "left"), ("Meaning", "left")],
        [
            (
                code,
                "not set" if (number := holding[code]) is None else f"{number.normalize():f}",
                f"{row.minimum.normalize():f} to {row.maximum.normalize():f} {row.unit}",
                row.meaning,
            )
            for code, row in catalogue().clinic_settings.items()
        ],
    )


@clinics.command("recall-lot")
def recall_lot(
    product: Annotated[str, typer.Argument(help="Code of the product, for example fibrovein.")],
    lot: Annotated[str, typer.Argument(help="Lot number as printed.")],
    recalled_on: Annotated[datetime | None, FROM_DAY] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the recall back.")] = False,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Withdraw a lot: forms warn from that day on. Prints how many sessions used it.

    \b
      sclero clinic recall-lot fibrovein 12345 --from 2026-03-01
    """
    from registry import audit
    from registry.entry import clinic_settings
    from registry.operations.clinics import clinic_of

    if (recalled_on is None) is not undo:
        raise typer.BadParameter("Give --from DAY, or --undo.")
    engine = opened(database)
    place = clinic_of(engine, clinic)
    exposed = clinic_settings.recall_lot(
        engine,
        operator(engine),
        place.id,
        product,
        lot,
        recalled_on.date() if recalled_on else None,
        request_key=audit.request_key(),
        now=now(),
    )
    say(f"{'Took the recall back' if undo else 'Recalled'}: lot {lot} of {product}.")
    say(f"{exposed.sessions} sessions of {exposed.patients} patients used it.")


@clinicians.command("add")
def add_clinician(
    code: Annotated[str, typer.Argument(help="Short code used in files, for example AD.")],
    name: Annotated[str, typer.Option(help="Name shown to colleagues.")],
    user: Annotated[str | None, typer.Option(help="Their own account, if they have one.")] = None,
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Add someone who treats. With --user, their own row is named in lists by clinician.

    \b
      sclero clinician add AD --name "Dr Ada Doe" --user ada
    """
    from registry.operations import clinics as setting_up

    engine = opened(database)
    place = setting_up.clinic_of(engine, clinic)
    setting_up.add_clinician(
        engine, operator(engine), place.id, code, name, now=now(), user_name=user
    )
    say(f"Added the clinician {code} to {place.code}.")


@users.command("add")
def add_user(
    user_name: UserName,
    name: Annotated[str, typer.Option(help="Name shown to colleagues.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    clinic: ClinicCode = None,
    see_records: Annotated[
        bool, typer.Option("--see-records", help="May open pseudonymous records.")
    ] = False,
    see_identity: Annotated[
        bool, typer.Option("--see-identity", help="May see names and birth dates.")
    ] = False,
    code: Annotated[
        bool, typer.Option("--code", help="Print a one-time code instead of asking for a password.")
    ] = False,
    database: Database = LIVE,
) -> None:
    """Add an account.

    On a terminal the password is asked for. With --code, or without a terminal, a one-time code is
    printed with which the person chooses a password within 24 hours.

    \b
      sclero user add ada --name "Ada Doe" --role administrator
      sclero user add tom --name "Tom Roe" --role practice_manager --see-records --code
    """
    from registry import accounts
    from registry.access import Grant
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    place = clinic_of(engine, clinic)
    by = operator(engine)
    password = None
    if not code and sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    user_id = accounts.add_user(
        engine,
        by,
        user_name,
        name,
        now=now(),
        password=password,
        grants=[Grant(place.id, each, see_records, see_identity) for each in role],
    )
    say(f"Added {user_name} to {place.code}.")
    if password is None:
        _print_code(engine, by, user_id)


@users.command("list")
def list_users(database: Database = LIVE) -> None:
    """List accounts with their roles."""
    from registry import accounts
    from registry.operations.clinics import list_clinics as all_clinics

    engine = opened(database)
    by = _manager(engine)
    codes = {clinic.id: clinic.code for clinic in all_clinics(engine)}
    show_table(
        [("User", "left"), ("Name", "left"), ("Roles", "left"), ("State", "left")],
        [
            (
                account.user_name,
                account.display_name,
                ", ".join(
                    f"{grant.role.value} in {codes[grant.clinic_id]}"
                    + (" +records" if grant.see_records else "")
                    + (" +identity" if grant.see_identity else "")
                    for grant in account.grants
                ),
                "disabled"
                if account.is_disabled
                else "active"
                if account.has_password
                else "no password yet",
            )
            for account in accounts.list_accounts(engine, by)
        ],
    )


@users.command("grant")
def grant_role(
    user_name: UserName,
    role: Annotated[Role, typer.Option(help="The role to add.")],
    clinic: ClinicCode = None,
    database: Database = LIVE,
) -> None:
    """Give an account one more role; an administrator cannot do that for themselves on the page.

    \b
      sclero user grant ada --role clinician
    """
    from registry import accounts
    from registry.operations.clinics import clinic_of

    engine = opened(database)
    by = _manager(engine)
    place = clinic_of(engine, clinic)
    accounts.grant_role(engine, by, _user_id(engine, by, user_name), place.id, role, now=now())
    say(f"{user_name} is now {role.value.replace('_', ' ')} in {place.code}.")


@users.command("disable")
def disable_user(user_name: UserName, database: Database = LIVE) -> None:
    """Disable an account: its open pages close, and its name is never given to somebody else."""
    from registry import accounts

    engine = opened(database)
    by = _manager(engine)
    accounts.disable_user(engine, by, _user_id(engine, by, user_name), now=now())
    say(f"Disabled {user_name}. To undo this: sclero user enable {user_name}")


@users.command("enable")
def enable_user(user_name: UserName, database: Database = LIVE) -> None:
    """Let a disabled account sign in again."""
    from registry import accounts

    engine = opened(database)
    by = _manager(engine)
    accounts.enable_user(engine, by, _user_id(engine, by, user_name), now=now())
    say(f"Enabled {user_name}.")


@users.command("reset")
def reset_user(user_name: UserName, database: Database = LIVE) -> None:
    """Print a one-time code with which the person chooses a new password within 24 hours."""
    engine = opened(database)
    by = _manager(engine)
    _print_code(engine, by, _user_id(engine, by, user_name))


def _manager(engine: Engine) -> Actor:
    """The operator; raises while there is no clinic whose people could be managed."""
    from registry.operations.clinics import clinic_of

    by = operator(engine)
    if not by.grants:
        clinic_of(engine, None)
    return by


def _print_code(engine: Engine, by: Actor, user_id: int) -> None:
    from registry import accounts

    code = accounts.issue_password_code(engine, by, user_id, now=now())
    say("One-time code, good for 24 hours; the sign-in page says where to type it:")
    typer.echo(code)


def _user_id(engine: Engine, by: Actor, user_name: str) -> int:
    from registry import accounts
    from registry.errors import NotFound

    for account in accounts.list_accounts(engine, by):
        if account.user_name == user_name.strip().lower():
            return account.id
    raise NotFound("There is no such account. See: sclero user list")

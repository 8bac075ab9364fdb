"""The pages as a given person sees them, without a server or a browser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy.engine import Engine
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, local_script_runner

import dashboard
from dashboard import state
from registry import accounts, audit, passwords, sign_in
from registry.access import Grant
from registry.database import make_engine, reading
from registry.operations.migration import command_line_actor
from registry.schema import Clinic, UserAccount
from registry.vocabulary import Role

APP = Path(dashboard.__file__).parent / "app.py"
PASSWORD = "umbrella-quartz-fjord-71"  # noqa: S105 - of made-up people

AppAs = Callable[..., AppTest]


def a_clinic(engine: Engine, code: str = "north", *, is_demo: bool = False) -> int:
    """Number of the clinic with this code, made if need be."""
    with reading(engine) as db:
        found = db.scalar(sa.select(Clinic.id).where(Clinic.code == code))
    if found is not None:
        return found
    by = command_line_actor(engine)
    with audit.transaction(engine, by, audit.Cause("add_clinic")) as db:
        clinic = Clinic(
            code=code,
            name=f"{code.title()}gate Veins",
            jurisdiction="EU",
            time_zone="Europe/Vienna",
            is_demo=is_demo,
        )
        db.add(clinic)
        db.flush()
        return clinic.id


def a_token(engine: Engine, user_name: str, *grants: Grant) -> str:
    """Token of a new sign-in of this person, made with these grants if need be."""
    now = dt.datetime.now(dt.UTC)
    with reading(engine) as db:
        exists = db.scalar(sa.select(UserAccount.id).where(UserAccount.user_name == user_name))
    if exists is None:
        accounts.add_user(
            engine,
            command_line_actor(engine),
            user_name,
            f"{user_name.title()} Example",
            now=now,
            password=PASSWORD,
            grants=grants,
        )
    return sign_in.sign_in(engine, user_name, PASSWORD, "127.0.0.1", now)


@pytest.fixture(scope="session", autouse=True)
def _quick_start() -> Iterator[None]:
    """Do once what each page in a test would do again, and sign in without a costly password.

    Streamlit looks through every installed package for components whenever an app starts, and in a
    test compiles every script anew for every run, which its server does once.
    """
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    found = manifest_scanner.scan_component_manifests()
    compiled = ScriptCache()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: found)
        patch.setattr(local_script_runner, "ScriptCache", lambda: compiled)
        patch.setattr(passwords, "_HASHER", hasher)
        yield


@pytest.fixture
def app_as(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppAs]:
    """``app_as(role, engine, page="views/users.py")``: the app, run once, as a person of that role.

    The person's sign-in and rights are real rows of ``engine``; only the browser's handshake with
    the gate is replaced. ``clinic_id`` defaults to a clinic of its own; ``see_records`` and
    ``see_identity`` are the rights given person by person. Assert a title: a script that shows
    nothing raises nothing either.
    """

    def run(
        role: Role,
        engine: Engine,
        page: str | None = None,
        *,
        clinic_id: int | None = None,
        see_records: bool = False,
        see_identity: bool = False,
        timeout: float = 20,
    ) -> AppTest:
        where = a_clinic(engine) if clinic_id is None else clinic_id
        grant = Grant(where, role, see_records, see_identity)
        token = a_token(engine, f"{role.value}{where}", grant)
        state.install(state.Installation(engine, make_engine(engine.url, read_only=True)))
        monkeypatch.setattr(state, "signed_in_token", lambda: token)
        app = AppTest.from_file(str(APP), default_timeout=timeout)
        if page is None:
            return app.run()
        # Pages are known once any has run; the one of the account asks little of the database.
        return app.switch_page("views/account.py").run().switch_page(page).run()

    yield run
    if state.is_installed():
        state.reading_engine().dispose()
    state.install(None)

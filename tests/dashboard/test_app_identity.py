"""The script shows nothing to whoever did not come through the gate, to others what they may."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

import dashboard.app
from dashboard import identity, state
from dashboard.logs import JsonFormatter
from registry import accounts, sign_in
from registry.access import Grant, may
from registry.database import reading
from registry.errors import PermissionDenied
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog
from registry.vocabulary import Role
from tests.dashboard.conftest import APP, PASSWORD, AppAs, a_clinic, a_token


def titles(app: AppTest) -> list[str]:
    assert not app.exception
    return [title.value for title in app.title]


def page_names(app: AppTest) -> set[str]:
    return {page["page_name"] for page in app._registered_pages.values()}


def test_alone_the_script_only_explains_how_to_start() -> None:
    app = AppTest.from_file(str(APP)).run()
    assert titles(app) == ["Sclerotherapy Registry"]
    assert "sclero serve" in app.text[0].value
    assert not app.sidebar.children
    assert not app.button


def test_outside_the_package_it_explains_too(tmp_path: Path) -> None:
    script = (
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(APP)!r}, default_timeout=30).run()\n"
        "print([title.value for title in app.title], list(app.exception))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "['Sclerotherapy Registry'] []"


@pytest.mark.parametrize("secret", ["", "guessed", "0" * 64, "é"])
def test_headers_without_the_secret_of_this_process_are_nobody(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    token = a_token(sqlite_engine, "ada", Grant(a_clinic(sqlite_engine), Role.CLINICIAN))

    class Context:
        headers = {identity.SECRET_HEADER: secret, identity.TOKEN_HEADER: token}  # noqa: RUF012

    monkeypatch.setattr(st, "context", Context())
    assert state.signed_in_token() is None
    Context.headers[identity.SECRET_HEADER] = identity.SECRET
    assert state.signed_in_token() == token


def test_the_script_stops_when_the_sign_in_has_ended(app_as: AppAs, sqlite_engine: Engine) -> None:
    app = app_as(Role.ADMINISTRATOR, sqlite_engine)
    assert titles(app) == ["People"]
    token = state.signed_in_token()
    assert token is not None
    sign_in.sign_out(sqlite_engine, token, None, dt.datetime.now(dt.UTC))
    app.run()
    assert titles(app) == []
    assert "signed out" in app.error[0].value
    assert not app.dataframe


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_offered_the_pages_its_rights_open(
    app_as: AppAs, sqlite_engine: Engine, role: Role
) -> None:
    app = app_as(role, sqlite_engine)
    assert len(titles(app)) == 1
    actor = state.actor()
    where = actor.grants[0].clinic_id
    expected = {
        page.title
        for group in dashboard.app.pages().values()
        for page in group
        if not page.any_of or any(may(actor, right, where) for right in page.any_of)
    }
    assert page_names(app) == expected
    assert ("People" in expected) == (role is Role.ADMINISTRATOR)


def test_a_right_taken_away_closes_the_page_at_the_next_click(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    app = app_as(Role.ADMINISTRATOR, sqlite_engine)
    actor = state.actor()
    where = actor.grants[0].clinic_id
    a_token(sqlite_engine, "second", Grant(where, Role.ADMINISTRATOR))
    accounts.revoke_role(
        sqlite_engine,
        command_line_actor(sqlite_engine),
        actor.user_id,
        where,
        Role.ADMINISTRATOR,
        now=state.now(),
    )
    app.run()
    assert titles(app) != ["People"]
    assert not app.dataframe


def test_somebody_without_a_role_is_told_so(
    app_as: AppAs, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app_as(Role.ADMINISTRATOR, sqlite_engine)
    token = a_token(sqlite_engine, "nobody")
    monkeypatch.setattr(state, "signed_in_token", lambda: token)
    app = AppTest.from_file(str(APP)).run()
    assert titles(app) == ["Your account"]
    assert page_names(app) == {"Your account"}


def test_the_chosen_clinic_decides_which_pages_there_are(
    app_as: AppAs, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app_as(Role.AUDITOR, sqlite_engine)
    north, south = a_clinic(sqlite_engine, "north"), a_clinic(sqlite_engine, "south", is_demo=True)
    token = a_token(
        sqlite_engine, "both", Grant(north, Role.ADMINISTRATOR), Grant(south, Role.AUDITOR)
    )
    monkeypatch.setattr(state, "signed_in_token", lambda: token)
    app = AppTest.from_file(str(APP)).run()
    assert titles(app) == ["People"]
    assert not any("Demonstration" in element.value for element in app.get("html"))
    app.sidebar.selectbox(key=state.CLINIC).select(south).run()
    assert "People" not in page_names(app)
    assert any("Demonstration" in element.value for element in app.get("html"))
    reloaded = AppTest.from_file(str(APP)).run()
    assert reloaded.sidebar.selectbox(key=state.CLINIC).value == south


def test_a_clinic_of_somebody_else_cannot_be_chosen(app_as: AppAs, sqlite_engine: Engine) -> None:
    app = app_as(Role.AUDITOR, sqlite_engine)
    foreign = a_clinic(sqlite_engine, "south")
    app.session_state[state.CLINIC] = foreign
    app.run()
    assert state.clinic_summary().id != foreign


def test_names_are_shown_as_they_are(app_as: AppAs, sqlite_engine: Engine) -> None:
    app = app_as(Role.ADMINISTRATOR, sqlite_engine)
    evil = "<img src=//evil.example/x> ![x](//evil.example)"
    actor = state.actor()
    now = state.now()
    user = accounts.add_user(sqlite_engine, actor, "evil", evil, now=now)
    accounts.grant_role(
        sqlite_engine, actor, user, actor.grants[0].clinic_id, Role.ADMINISTRATOR, now=now
    )
    code = accounts.issue_password_code(sqlite_engine, actor, user, now=now)
    token = sign_in.choose_password(sqlite_engine, code, PASSWORD, None, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "signed_in_token", lambda: token)
        app = AppTest.from_file(str(APP)).run()
    html = " ".join(element.value for element in app.get("html"))
    assert "&lt;img src=" in html
    assert "<img" not in html
    assert not any("evil.example" in element.value for element in app.markdown)


def test_a_refusal_is_told_in_its_own_words_and_logged(
    app_as: AppAs, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionDenied("Not *here*.")

    monkeypatch.setattr(accounts, "list_accounts", refuse)
    app = app_as(Role.ADMINISTRATOR, sqlite_engine)
    assert titles(app) == ["People"]
    assert app.error[0].value == r"Not \*here\*\."
    with reading(sqlite_engine) as db:
        actions = [entry.action for entry in db.query(AccessLog)]
    assert "refused" in actions


def test_a_fault_is_a_number_on_the_page_and_a_kind_in_the_log(
    app_as: AppAs, sqlite_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    app_as(Role.AUDITOR, sqlite_engine)

    def script() -> None:
        from dashboard import incidents

        try:
            raise ValueError("Key (family_name)=(ZZPHI) already exists")
        except ValueError as error:
            incidents.on_script_error(error)

    app = AppTest.from_function(script).run()
    number = re.findall(r"number ([0-9a-f]{8})", app.error[0].value)[0]
    assert "ZZPHI" not in app.error[0].value
    record = next(record for record in caplog.records if number in record.getMessage())
    assert "ZZPHI" not in JsonFormatter().format(record)


def test_a_fragment_asks_who_is_there(app_as: AppAs, sqlite_engine: Engine) -> None:
    app_as(Role.AUDITOR, sqlite_engine)

    def script() -> None:
        import streamlit as st

        from dashboard import state

        @state.fragment
        def inner() -> None:
            st.text("inside")
            st.button("again")

        inner()

    app = AppTest.from_function(script).run()
    assert [text.value for text in app.text] == ["inside"]
    token = state.signed_in_token()
    assert token is not None
    sign_in.sign_out(sqlite_engine, token, None, state.now())
    app.button[0].click().run()
    assert not app.text
    assert "signed out" in app.error[0].value

"""Is the database asked once a run who is looking, and anew at every click?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import state
from registry import accounts, sign_in
from registry.operations.migration import command_line_actor
from registry.vocabulary import Role
from tests.dashboard.conftest import AppAs, a_clinic


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the questions put to the database about who is looking, as they are put."""
    found: list[str] = []

    def listen(module: Any, name: str) -> None:
        answer = getattr(module, name)

        def ask(*arguments: Any) -> Any:
            found.append(name)
            return answer(*arguments)

        monkeypatch.setattr(module, name, ask)

    listen(sign_in, "actor_of")
    listen(accounts, "clinics_of")
    return found


def a_page_that_asks() -> None:
    import streamlit as st

    from dashboard import state

    def clicked() -> None:
        st.session_state["in_callback"] = [grant.role for grant in state.actor().grants]

    st.session_state["in_script"] = [grant.role for grant in state.actor().grants]
    st.session_state["again"] = state.actor() is state.actor()
    st.button("Click", on_click=clicked, key="click")
    st.title("Asked")


def test_a_run_asks_once_however_often_the_page_does(
    app_as: AppAs, sqlite_engine: Engine, asked: list[str]
) -> None:
    app = app_as(Role.CLINICIAN, sqlite_engine, "views/enrol.py")
    assert app.title
    asked.clear()
    app.run()
    assert asked == ["actor_of", "clinics_of"]
    app.run()
    assert asked == ["actor_of", "clinics_of"] * 2


def test_outside_a_run_nothing_is_remembered(
    app_as: AppAs, sqlite_engine: Engine, asked: list[str]
) -> None:
    app_as(Role.CLINICIAN, sqlite_engine)
    asked.clear()
    state.actor()
    state.actor()
    assert asked == ["actor_of"] * 2


def test_a_callback_is_told_the_rights_of_its_own_run(app_as: AppAs, sqlite_engine: Engine) -> None:
    app_as(Role.CLINICIAN, sqlite_engine)
    who, where = state.actor(), a_clinic(sqlite_engine)
    app = AppTest.from_function(a_page_that_asks, default_timeout=20).run()
    assert app.session_state["in_script"] == [Role.CLINICIAN]
    assert app.session_state["again"]
    now = dt.datetime.now(dt.UTC)
    by = command_line_actor(sqlite_engine)
    accounts.revoke_role(sqlite_engine, by, who.user_id, where, Role.CLINICIAN, now=now)
    app.button(key="click").click().run()
    assert app.session_state["in_callback"] == []
    assert app.session_state["in_script"] == []


def test_a_sign_in_that_ended_is_refused_at_the_next_click(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    app_as(Role.CLINICIAN, sqlite_engine)
    app = AppTest.from_function(a_page_that_asks, default_timeout=20).run()
    assert [title.value for title in app.title] == ["Asked"]
    token = state.signed_in_token()
    assert token is not None
    sign_in.sign_out(sqlite_engine, token, None, dt.datetime.now(dt.UTC))
    app.button(key="click").click().run()
    assert "in_callback" not in app.session_state
    assert not app.title
    assert "signed out" in app.error[0].value

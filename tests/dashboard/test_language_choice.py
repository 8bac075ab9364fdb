"""Do signing in, pages, callbacks, fragments and downloads speak each person's language?"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy.engine import Engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from streamlit.testing.v1 import AppTest

from dashboard import background, downloads, state
from dashboard.gate import Doorkeeper, Front, Gate
from dashboard.routes import Routes
from dashboard.text import _
from registry import sign_in
from registry.access import Grant
from registry.database import make_engine
from registry.exchange import Progress
from registry.language import speaking
from registry.vocabulary import Language, Role
from tests.dashboard.conftest import AppAs, a_clinic, a_token

GERMAN = {"accept-language": "de-CH,de;q=0.9,en;q=0.5"}


@pytest.fixture
def doorkeeper(sqlite_engine: Engine) -> Iterator[Doorkeeper]:
    reading_engine = make_engine(sqlite_engine.url, read_only=True)
    yield Doorkeeper(sqlite_engine, reading_engine, sign_in.Limits())
    reading_engine.dispose()


def ask(doorkeeper: Doorkeeper, *asked: tuple[str, str, dict[str, str]]) -> list[httpx.Response]:
    """Answers of the gate and the routes behind it to (method, path, headers)."""
    front = Front(names=frozenset({"registry.test"}))

    async def answers() -> list[httpx.Response]:
        gate = Middleware(Gate, front=front, doorkeeper=doorkeeper, ready=asyncio.Event().wait)
        app = Starlette(routes=Routes(front, doorkeeper).all(), middleware=[gate])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://registry.test:8080"
        ) as client:
            return [
                await client.request(
                    method,
                    path,
                    headers=headers,
                    content=b"language=de" if method == "POST" else None,
                )
                for method, path, headers in asked
            ]

    return asyncio.run(answers())


def test_the_sign_in_page_and_its_errors_speak_as_the_browser_asks(doorkeeper: Doorkeeper) -> None:
    page, refused, english = ask(
        doorkeeper, ("GET", "/login", GERMAN), ("POST", "/login", GERMAN), ("GET", "/login", {})
    )
    assert '<html lang="de">' in page.text
    assert "Anmelden" in page.text
    assert refused.status_code == 403
    assert "Nichts wurde geändert" in refused.text
    assert '<html lang="en">' in english.text
    assert "Sign in" in english.text


def test_a_choice_goes_before_the_browser_and_is_kept(doorkeeper: Doorkeeper) -> None:
    clinic = a_clinic(doorkeeper.engine)
    token = a_token(doorkeeper.engine, "ada", Grant(clinic, Role.AUDITOR))
    signed_in = {"cookie": f"sid={token}", "accept-language": "en"}
    before, chosen, after = ask(
        doorkeeper,
        ("GET", "/account", signed_in),
        ("POST", "/language", signed_in),
        ("GET", "/account", signed_in),
    )
    assert '<html lang="en">' in before.text
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/account")
    assert '<html lang="de">' in after.text
    who = sign_in.actor_of(doorkeeper.engine, token, dt.datetime.now(dt.UTC))
    assert who is not None
    assert sign_in.language_of(doorkeeper.engine, who) is Language.GERMAN
    sign_in.choose_language(doorkeeper.engine, who, None, now=dt.datetime.now(dt.UTC))
    assert sign_in.language_of(doorkeeper.engine, who) is None


def test_nobody_chooses_without_being_signed_in_or_from_another_site(
    doorkeeper: Doorkeeper,
) -> None:
    clinic = a_clinic(doorkeeper.engine)
    token = a_token(doorkeeper.engine, "ada", Grant(clinic, Role.AUDITOR))
    stranger, foreign = ask(
        doorkeeper,
        ("POST", "/language", {}),
        ("POST", "/language", {"cookie": f"sid={token}", "origin": "http://elsewhere.test"}),
    )
    assert (stranger.status_code, foreign.status_code) == (401, 403)


def test_a_page_speaks_the_language_the_gate_told(
    app_as: AppAs, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "language_asked", lambda: "de")
    app = app_as(Role.CLINICIAN, sqlite_engine, "views/account.py")
    assert not app.exception
    assert [title.value for title in app.title] == ["Ihr Konto"]
    app.text_input[1].input("one of these")
    app.text_input[2].input("is not the other")
    app.button[0].click().run()
    assert "unterscheiden sich" in app.error[0].value
    monkeypatch.setattr(state, "language_asked", lambda: "xx")
    assert [title.value for title in app.run().title] == ["Your account"]


def test_callbacks_and_fragments_speak_it_too(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script() -> None:
        import streamlit as st

        from dashboard.text import _

        def clicked() -> None:
            st.session_state["said"] = _("Sign out")

        @st.fragment
        def part() -> None:
            st.button("go", on_click=clicked)
            st.text(_("Sign in"))

        st.title(_("Your account"))
        part()

    state.install(state.Installation(sqlite_engine, sqlite_engine))
    monkeypatch.setattr(state, "language_asked", lambda: "de")
    try:
        app = AppTest.from_function(script).run()
        assert (app.title[0].value, app.text[0].value) == ("Ihr Konto", "Anmelden")
        app.button[0].click().run()
        assert app.session_state["said"] == "Abmelden"
    finally:
        state.install(None)


def test_long_work_and_downloads_are_made_in_the_language_they_were_asked_in() -> None:
    def task(_report: Progress) -> str:
        return _("Sign in")

    now = dt.datetime.now(dt.UTC)
    with speaking(Language.GERMAN):
        work = background.Work(task)
        path = downloads.offer(7, "a.txt", "text/plain", lambda: _("Sign in").encode(), now=now)
    assert work.result() == "Anmelden"
    offer = downloads.take(path.removeprefix(downloads.PATH), 7, now=now)
    assert offer is not None
    assert offer.content() == b"Anmelden"

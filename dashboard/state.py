"""Who is looking, at which clinic, with which database: what every page asks first.

Nothing here outlives a run of the script except what ``st.session_state`` holds: the rights of a
person are read once in each run, so taking a right away works at the next click.
"""

from __future__ import annotations

import datetime as dt
import functools
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar, overload
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import identity
from dashboard.text import _
from registry import accounts, language, sign_in
from registry.access import Actor, Permission, may
from registry.accounts import ClinicSummary
from registry.errors import Unfit
from registry.vocabulary import Language

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

P = ParamSpec("P")
R = TypeVar("R")

CLINIC: Final = "clinic_id"
"""Key in ``st.session_state``: number of the clinic chosen in the sidebar."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What this process serves."""

    engine: Engine
    reading_engine: Engine
    limits: sign_in.Limits = field(default_factory=sign_in.Limits)


@dataclass(slots=True)
class _Asked:
    """What a run of the script has been told so far; ``run`` is an object of that run alone."""

    run: object
    token: str
    who: Actor
    clinics: tuple[ClinicSummary, ...] | None = None


_this_thread = threading.local()
_serving: Installation | None = None
_last_chosen: dict[int, int] = {}
"""Clinic chosen last by each account: a reload must not move a half-made entry to another one."""


def install(installation: Installation | None) -> None:
    """Say what this process serves; done once by the server, before the first page."""
    global _serving
    _serving = installation
    language.listen_to(_language_of_page)


def is_installed() -> bool:
    """Whether a server has said what this process serves."""
    return _serving is not None


def _installation() -> Installation:
    if _serving is None:
        raise Unfit("The pages run only behind the registry's own server. Run `sclero serve`.")
    return _serving


def engine() -> Engine:
    """The database for use cases that write."""
    return _installation().engine


def reading_engine() -> Engine:
    """The database for everything that only reads; waits for no writer."""
    return _installation().reading_engine


def now() -> dt.datetime:
    """This instant (UTC)."""
    return dt.datetime.now(dt.UTC)


def today() -> dt.date:
    """This day in the chosen clinic."""
    return now().astimezone(ZoneInfo(clinic_summary().time_zone)).date()


def signed_in_token() -> str | None:
    """The token that the gate found valid when it let this browser in; None without a gate.

    Headers that a browser sends under the gate's names never get here, and the secret shows that
    these came from the gate of this very process.
    """
    headers: Mapping[str, str] = st.context.headers
    shown = headers.get(identity.SECRET_HEADER, "")
    if not hmac.compare_digest(shown.encode(), identity.SECRET.encode()):
        return None
    return headers.get(identity.TOKEN_HEADER)


def address() -> str | None:
    """Network address of the browser, as the gate saw it."""
    return st.context.headers.get(identity.ADDRESS_HEADER)


def language_asked() -> str | None:
    """The language of the page, as the gate told it when this browser connected."""
    return st.context.headers.get(identity.LANGUAGE_HEADER)


def _language_of_page() -> Language | None:
    """The language of this run of the script, its callbacks and fragments; None outside of any."""
    run = _run()
    if run is None:
        return None
    told: tuple[object, Language] | None = getattr(_this_thread, "language", None)
    if told is None or told[0] is not run:
        asked = language_asked()
        told = (run, Language(asked) if asked in list(Language) else Language.ENGLISH)
        _this_thread.language = told
    return told[1]


def chosen_language() -> Language | None:
    """What the person chose; None for the language of the browser."""
    return sign_in.language_of(reading_engine(), actor())


def actor() -> Actor:
    """Who is looking, with the rights of this moment; stops the page when nobody is signed in.

    Ask again in every callback and fragment: neither runs the script that asked before. Within a
    run the database is asked once.
    """
    token = signed_in_token()
    asked = _asked()
    if asked is not None and asked.token == token:
        return asked.who
    who = (
        sign_in.actor_of(reading_engine(), token, now(), _installation().limits) if token else None
    )
    if token is None or who is None:
        st.error(_("You are signed out. What you had saved is kept."))
        st.link_button(_("Sign in"), identity.SIGN_IN_PATH)
        st.stop()
    _this_thread.asked = _Asked(_run(), token, who)
    return who


def ask_anew() -> None:
    """Forget who is looking: what ran before, such as a callback, may have changed the rights."""
    _this_thread.asked = None


def _asked() -> _Asked | None:
    """What this run has been told; None in another run, or outside of any."""
    asked: _Asked | None = getattr(_this_thread, "asked", None)
    run = _run()
    return asked if asked is not None and run is not None and asked.run is run else None


def _run() -> object | None:
    """An object that Streamlit makes anew for each run, before its callbacks."""
    context = get_script_run_ctx(suppress_warning=True)
    return None if context is None else context.cursors


def clinics() -> tuple[ClinicSummary, ...]:
    """The clinics in which the person has any role, by name."""
    who, asked = actor(), _asked()
    if asked is None:
        return accounts.clinics_of(reading_engine(), who)
    if asked.clinics is None:
        asked.clinics = accounts.clinics_of(reading_engine(), who)
    return asked.clinics


def clinic_summary() -> ClinicSummary:
    """The clinic being looked at; stops the page for somebody without any role."""
    choices = clinics()
    if not choices:
        st.info(
            _(
                "Your account has no role in any clinic yet. An administrator can give you one; "
                "it works at once."
            )
        )
        st.stop()
    chosen = st.session_state.get(CLINIC)
    return next((choice for choice in choices if choice.id == chosen), choices[0])


def choose_clinic(names: Mapping[int, str]) -> None:
    """Let the person choose among several clinics; a reload keeps the choice."""
    who = actor().user_id
    if CLINIC not in st.session_state and _last_chosen.get(who) in names:
        st.session_state[CLINIC] = _last_chosen[who]
    chosen = st.selectbox(_("Clinic"), list(names), format_func=names.__getitem__, key=CLINIC)
    _last_chosen[who] = chosen


def clinic() -> int:
    """Number of the clinic being looked at."""
    return clinic_summary().id


def allowed(*permissions: Permission) -> bool:
    """Whether the person holds any of ``permissions`` in the clinic being looked at."""
    who, where = actor(), clinic()
    return any(may(who, permission, where) for permission in permissions)


def password_is_recent() -> bool:
    """Whether the password was typed within the last five minutes."""
    token = signed_in_token()
    return token is not None and sign_in.password_is_recent(reading_engine(), token, now())


@overload
def fragment(function: Callable[P, R]) -> Callable[P, R]: ...


@overload
def fragment(*, run_every: float | None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def fragment(
    function: Callable[P, R] | None = None, *, run_every: float | None = None
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """``st.fragment`` that asks first whether the person is still signed in.

    A fragment runs without the script around it, hence without the script's own check.
    """

    def guarded(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            ask_anew()
            actor()
            return function(*args, **kwargs)

        return st.fragment(checked, run_every=run_every)

    return guarded if function is None else guarded(function)

"""The registry's own addresses: signing in and out, its state, downloads, pictures, health."""

from __future__ import annotations

import functools
import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Route

from dashboard import documents, downloads, identity, photograph_links
from dashboard.gate import SESSION, Doorkeeper, Front, utc_now
from dashboard.text import _
from registry import sign_in
from registry.access import Actor
from registry.analysis import photographs
from registry.errors import DatabaseUnavailable, RegistryError
from registry.throttle import SignInRefused, TooManyAttempts
from registry.vocabulary import Language

T = TypeVar("T")

LARGEST_FORM: Final = 8 * 1024
FORM_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
NEXT: Final = re.compile(r"/(?![/\\])[A-Za-z0-9_\-.~/?&=%,:+]*")


class TooLong(RegistryError):
    """A form with more in it than any of ours can hold."""


class Stale(RegistryError):
    """A form whose hidden field does not agree with the browser's cookie."""


class Routes:
    """The handlers; ``front`` says how browsers reach us, ``doorkeeper`` who is signed in."""

    def __init__(self, front: Front, doorkeeper: Doorkeeper) -> None:
        """Keep what the handlers need."""
        self.front = front
        self.doorkeeper = doorkeeper
        # Few at a time: the threads that serve everybody else's pages are not theirs to fill.
        self._hashing = CapacityLimiter(4)
        self._making = CapacityLimiter(4)
        self._showing = CapacityLimiter(4)

    def all(self) -> list[BaseRoute]:
        """The routes, for ``st.App``."""
        return [
            Route("/healthz", self.health),
            Route("/assets/{name}", self.asset),
            Route(identity.SIGN_IN_PATH, self.sign_in_page, methods=["GET"]),
            Route(identity.SIGN_IN_PATH, self.sign_in, methods=["POST"]),
            Route("/login/code", self.code_page, methods=["GET"]),
            Route("/login/code", self.choose_password, methods=["POST"]),
            Route("/login/link", self.link_page, methods=["GET"]),
            Route("/login/link", self.follow_link, methods=["POST"]),
            Route(identity.SIGN_OUT_PATH, self.sign_out, methods=["POST"]),
            Route(identity.LANGUAGE_PATH, self.choose_language, methods=["POST"]),
            Route(SESSION, self.session, methods=["GET", "POST"]),
            Route(downloads.PATH + "{key}", self.download, methods=["GET"]),
            Route(photograph_links.PATH + "{key}", self.photograph, methods=["GET"]),
        ]

    async def health(self, _request: Request) -> Response:
        """Say that the process answers; nothing else."""
        return JSONResponse({"status": "up"})

    async def asset(self, request: Request) -> Response:
        """Serve a file of the sign-in page."""
        name = request.path_params["name"]
        if name not in documents.ASSETS:
            return PlainTextResponse(_("There is nothing here."), 404)
        return Response(
            documents.asset(name),
            media_type=documents.ASSETS[name],
            headers={"cache-control": "no-cache"},
        )

    # --- signing in ------------------------------------------------------------------------------

    async def sign_in_page(self, request: Request) -> Response:
        """Show the form; whoever is signed in already goes on."""
        wanted = _next(request.query_params.get("next", "/"))
        if _actor(request) is not None:
            return RedirectResponse(wanted, 303)
        message = ""
        if "ended" in request.query_params:
            message = _("Your sign-in has ended. What you had saved is kept. Sign in to go on.")
        elif "out" in request.query_params:
            message = _("You are signed out.")
        return self._form(
            request,
            functools.partial(documents.sign_in_page, next_path=wanted, message=message),
        )

    async def sign_in(self, request: Request) -> Response:
        """Check user name and password."""
        form: dict[str, str] = {}
        try:
            form = await self._read_form(request)
            token = await self._in_thread(
                sign_in.sign_in, form.get("user_name", ""), form.get("password", ""), request
            )
        except RegistryError as error:
            page = functools.partial(
                documents.sign_in_page,
                next_path=_next(form.get("next", "/")),
                message=str(error),
                user_name=form.get("user_name", "")[:64],
            )
            return self._form(request, page, error)
        return await self._signed_in(request, token, _next(form.get("next", "/")))

    async def code_page(self, request: Request) -> Response:
        """Show the form for a one-time code."""
        return self._form(request, documents.code_page)

    async def choose_password(self, request: Request) -> Response:
        """Use a one-time code to set a password."""
        try:
            form = await self._read_form(request)
            if form.get("password", "") != form.get("again", ""):
                raise SignInRefused(_("The two new passwords differ. Nothing was changed."))
            token = await self._in_thread(
                sign_in.choose_password, form.get("code", ""), form.get("password", ""), request
            )
        except RegistryError as error:
            page = functools.partial(documents.code_page, message=str(error))
            return self._form(request, page, error)
        return await self._signed_in(request, token, "/")

    async def link_page(self, request: Request) -> Response:
        """Ask for a click before a one-time link of the demonstration signs in."""
        code = request.query_params.get("code", "")[:40]
        return self._form(request, functools.partial(documents.link_page, code=code))

    async def follow_link(self, request: Request) -> Response:
        """Sign in by a one-time link of the demonstration."""
        try:
            form = await self._read_form(request)
            token = await self._in_thread(sign_in.sign_in_with_code, form.get("code", ""), request)
        except RegistryError as error:
            page = functools.partial(documents.sign_in_page, next_path="/", message=str(error))
            return self._form(request, page, error)
        return await self._signed_in(request, token, "/")

    async def sign_out(self, request: Request) -> Response:
        """End the sign-in and forget the cookie."""
        token = request.scope["registry"]["token"]
        if token is not None:
            end = functools.partial(
                sign_in.sign_out, self.doorkeeper.engine, token, _address(request), utc_now()
            )
            await to_thread.run_sync(end, limiter=self._hashing)
        response = RedirectResponse(f"{identity.SIGN_IN_PATH}?out=1", 303)
        self._set_cookie(response, self.front.cookie, "")
        return response

    # --- signed in -------------------------------------------------------------------------------

    async def session(self, request: Request) -> Response:
        """Tell the page how long its sign-in lasts; POST says that somebody is using it."""
        token = request.scope["registry"]["token"]
        if request.method == "POST":
            self.doorkeeper.note_use(token)
            return JSONResponse({"seconds_left": int(self.doorkeeper.limits.idle.total_seconds())})
        return JSONResponse({"seconds_left": await self.doorkeeper.seconds_left(token)})

    async def choose_language(self, request: Request) -> Response:
        """Keep the language chosen on the account's page, which is then shown anew in it."""
        actor = _actor(request)
        if actor is None:
            return PlainTextResponse(_("There is nothing here."), 404)
        chosen = (await self._read_fields(request)).get("language")
        choose = functools.partial(
            sign_in.choose_language,
            self.doorkeeper.engine,
            actor,
            Language(chosen) if chosen in list(Language) else None,
            now=utc_now(),
        )
        await to_thread.run_sync(choose, limiter=self._hashing)
        return RedirectResponse(identity.ACCOUNT_PATH, 303)

    async def download(self, request: Request) -> Response:
        """Serve a file offered to this person, once."""
        actor = _actor(request)
        offer = None
        if actor is not None and request.method == "GET":
            offer = downloads.take(request.path_params["key"], actor.user_id, now=utc_now())
        if offer is None:
            page = documents.message_page(
                _("No such download"),
                _(
                    "A download works once, within ten minutes, for the person who asked for it. "
                    "Go back to the page and prepare it again."
                ),
                link_text=_("To the registry"),
            )
            return HTMLResponse(page, 404)
        content = await to_thread.run_sync(offer.content, limiter=self._making)
        return Response(
            content,
            media_type=offer.media_type,
            headers={
                "content-disposition": f"attachment; filename*=UTF-8''{quote(offer.name, safe='')}"
            },
        )

    async def photograph(self, request: Request) -> Response:
        """Serve a picture to the sign-in whose page shows it, while its owner may see it."""
        actor, token = _actor(request), request.scope["registry"]["token"]
        found = None
        if actor is not None and token is not None:
            found = photograph_links.find(request.path_params["key"], token, now=utc_now())
        if actor is None or found is None:
            return PlainTextResponse(_("There is nothing here."), 404)
        read = functools.partial(
            photographs.picture,
            self.doorkeeper.reading_engine,
            actor,
            found.clinic_id,
            found.photograph_id,
        )
        try:
            content = await to_thread.run_sync(read, limiter=self._showing)
        except RegistryError:
            return PlainTextResponse(_("There is nothing here."), 404)
        return Response(content, media_type="image/jpeg")

    # --- forms -----------------------------------------------------------------------------------

    async def _read_fields(self, request: Request) -> dict[str, str]:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                raise TooLong(_("This is more than the form can hold. Nothing was changed."))
        try:
            return dict(
                parse_qsl(
                    body.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict"
                )
            )
        except ValueError:
            raise TooLong(_("The form could not be read. Nothing was changed.")) from None

    async def _read_form(self, request: Request) -> dict[str, str]:
        form = await self._read_fields(request)
        expected = request.cookies.get(self.front.form_cookie, "")
        given = form.get("csrf", "")
        if not FORM_TOKEN.fullmatch(expected) or not hmac.compare_digest(
            given.encode(), expected.encode()
        ):
            raise Stale(_("This page was open for too long. Nothing was changed; try again."))
        return form

    def _form(
        self, request: Request, page: Callable[..., str], error: RegistryError | None = None
    ) -> Response:
        """A page with a form; its token is kept when there is one, so a second tab works too."""
        token = request.cookies.get(self.front.form_cookie, "")
        is_new = not FORM_TOKEN.fullmatch(token)
        if is_new:
            token = secrets.token_urlsafe(32)
        response = HTMLResponse(page(csrf=token), _status(error))
        if isinstance(error, TooManyAttempts):
            response.headers["retry-after"] = str(max(1, round(error.wait.total_seconds())))
        if is_new:
            self._set_cookie(response, self.front.form_cookie, token)
        return response

    async def _in_thread(self, use_case: Callable[..., T], *given: object) -> T:
        *values, request = given
        assert isinstance(request, Request)  # noqa: S101 - every caller hands its own request on
        run = functools.partial(
            use_case, self.doorkeeper.engine, *values, _address(request), utc_now()
        )
        return await to_thread.run_sync(run, limiter=self._hashing)

    async def _signed_in(self, request: Request, token: str, wanted: str) -> Response:
        before = request.scope["registry"]["token"]
        if before is not None:
            await self._in_thread(sign_in.sign_out, before, request)
        response = RedirectResponse(wanted, 303)
        self._set_cookie(response, self.front.cookie, token)
        return response

    def _set_cookie(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name,
            value,
            max_age=None if value else 0,
            path="/",
            secure=self.front.is_secure,
            httponly=True,
            samesite="lax",
        )


def _actor(request: Request) -> Actor | None:
    found = request.scope["registry"]["actor"]
    return found if isinstance(found, Actor) else None


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _next(wanted: str) -> str:
    """Where to go after signing in: a path of ours, never an address elsewhere."""
    return wanted if NEXT.fullmatch(wanted) and len(wanted) < 2000 else "/"


def _status(error: RegistryError | None) -> int:
    match error:
        case None:
            return 200
        case TooManyAttempts():
            return 429
        case SignInRefused():
            return 401
        case Stale():
            return 403
        case DatabaseUnavailable():
            return 503
        case _:
            return 400

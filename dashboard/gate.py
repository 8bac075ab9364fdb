"""The gate: nothing behind it answers to anybody who is not signed in.

It stands in front of every HTTP request and every WebSocket. Streamlit itself would let a stranger
resume a running session by its id, fetch generated files, upload into memory and run a button's
callback before the page asks who is there; here a request without a valid sign-in gets the sign-in
page or 401, and a WebSocket is closed before the frame that came too late reaches anything.

A sign-in is looked up at every request and every frame (one indexed read), and while a page is
silent every few seconds, so signing out or disabling an account works at once everywhere.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import http
import ipaddress
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from dashboard import documents, downloads, identity, incidents, photograph_links
from dashboard.text import _
from registry import language, sign_in
from registry.access import Actor, Permission
from registry.vocabulary import Language

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")
log = logging.getLogger(__name__)

PUBLIC: Final = frozenset({"/login", "/login/code", "/login/link", "/sign-out", "/healthz"})
SESSION: Final = "/session"
PAGE: Final = re.compile(r"/[A-Za-z0-9_-]*")
"""A page of the navigation: one segment, no file."""
ALLOWED_OF_STREAMLIT: Final = ("/_stcore/health", "/_stcore/host-config", "/static/")
"""Not /media/: whoever has the address of a generated file there gets it, signed in as anybody."""
STREAM: Final = "/_stcore/stream"
LARGEST_BODY: Final = 21 * 1024 * 1024
SILENT_FOR: Final = 10.0
"""Seconds without a frame after which a WebSocket's sign-in is looked at again."""

POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with that, browsers send "Origin: null" from our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class Front:
    """How browsers reach this server."""

    https: bool = False
    public_origin: str | None = None
    names: frozenset[str] = frozenset({"localhost"})

    @property
    def is_secure(self) -> bool:
        """Whether browsers speak https to us, directly or by a proxy."""
        return self.https or (self.public_origin or "").startswith("https://")

    @property
    def cookie(self) -> str:
        """Name of the cookie with the token; the prefix makes browsers hold it to https."""
        return "__Host-sid" if self.is_secure else "sid"

    @property
    def form_cookie(self) -> str:
        """Name of the cookie that a form's hidden field must agree with."""
        return "__Host-form" if self.is_secure else "form"

    def origin_of(self, scope: Scope) -> str | None:
        """Our own origin as this request names it; None when its Host header is not ours.

        An address as host must be the one the connection was accepted on: a stranger's page can
        make its own name resolve to us, but cannot put our address into the Host header.
        """
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1:
            return None
        host = hosts[0].lower()
        if self.public_origin is not None and host == urlsplit(self.public_origin).netloc.lower():
            return self.public_origin
        scheme = "https" if self.https else "http"
        try:
            parsed = urlsplit(f"{scheme}://{host}")
            port = parsed.port or (443 if self.https else 80)
        except ValueError:
            return None
        address, own_port = scope.get("server") or (None, None)
        if parsed.netloc != host or parsed.username is not None or port != own_port:
            return None
        if parsed.hostname in self.names or _same_address(parsed.hostname, address):
            return f"{scheme}://{host}"
        return None


@dataclass(slots=True)
class Doorkeeper:
    """Looks up sign-ins without blocking the loop, and notes their use now and then."""

    engine: Engine
    reading_engine: Engine
    limits: sign_in.Limits
    _noted: dict[str, dt.datetime] = field(default_factory=dict)
    _looking: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(8))
    _noting: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def actor(self, token: str | None) -> Actor | None:
        """Who is signed in with this token."""
        if not token:
            return None
        look = functools.partial(
            sign_in.actor_of, self.reading_engine, token, utc_now(), self.limits
        )
        return await to_thread.run_sync(look, limiter=self._looking)

    async def language(self, actor: Actor | None, accepted: str | None) -> Language:
        """The language that the person chose, else the one their browser asks for."""
        if actor is not None:
            look = functools.partial(sign_in.language_of, self.reading_engine, actor)
            chosen = await to_thread.run_sync(look, limiter=self._looking)
            if chosen is not None:
                return chosen
        return language.preferred(accepted)

    async def seconds_left(self, token: str) -> int:
        """How long the sign-in lasts if nothing more is done."""
        look = functools.partial(
            sign_in.seconds_left, self.reading_engine, token, utc_now(), self.limits
        )
        return await to_thread.run_sync(look, limiter=self._looking)

    def note_use(self, token: str) -> None:
        """Note the use behind the answer's back: a busy database must hold up nobody."""
        now = utc_now()
        if now - self._noted.get(token, now - dt.timedelta(days=1)) < sign_in.USE_NOTED_EVERY:
            return
        for old in [key for key, at in self._noted.items() if now - at > dt.timedelta(hours=1)]:
            del self._noted[old]
        self._noted[token] = now
        task = asyncio.create_task(self._note(token, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _note(self, token: str, now: dt.datetime) -> None:
        write = functools.partial(sign_in.note_use, self.engine, token, now, self.limits)
        try:
            await to_thread.run_sync(write, limiter=self._noting)
        except Exception:
            self._noted.pop(token, None)
            log.warning("use of a sign-in could not be noted", exc_info=True)


class Gate:
    """ASGI middleware in front of Streamlit and of the registry's own routes."""

    def __init__(
        self, app: ASGIApp, *, front: Front, doorkeeper: Doorkeeper, ready: Callable[[], Any]
    ) -> None:
        """``ready`` gives an awaitable that ends when the pages can be shown."""
        self.app = app
        self.front = front
        self.doorkeeper = doorkeeper
        self.ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, send to the sign-in page, or refuse."""
        if scope["type"] == "http":
            await self._http(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    # --- HTTP ------------------------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        accepted = Headers(scope=scope).get("accept-language")
        with language.speaking(language.preferred(accepted)):
            try:
                answer = await self._answer(scope)
                if answer is None and _speaks(scope["path"]):
                    actor = scope["registry"]["actor"]
                    with language.speaking(await self.doorkeeper.language(actor, accepted)):
                        await self.app(scope, receive, watched)
                else:
                    await (answer or self.app)(scope, receive, watched)
            except Exception:
                number = incidents.new_number()
                log.exception("incident %s in %s", number, scope["path"].split("/")[1][:40])
                if started:
                    raise
                page = incidents.page(number)
                await Response(page, 500, media_type="text/html")(scope, receive, send)

    async def _answer(self, scope: Scope) -> ASGIApp | None:
        """The gate's own answer, or None when the request may go on."""
        origin = self.front.origin_of(scope)
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if origin is None:
            log.warning("refused a foreign host")
            return PlainTextResponse("This address is not served here.", 421)
        if headers.get("origin", origin) != origin:
            log.warning("refused a foreign origin")
            return PlainTextResponse("Refused: the request comes from another site.", 403)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdecimal():
            return PlainTextResponse("The length of the request must be stated.", 411)
        if int(length) > LARGEST_BODY:
            return PlainTextResponse(_("Too large: a file may have 20 MiB."), 413)
        _strip(scope)
        token = HTTPConnection(scope).cookies.get(self.front.cookie)
        actor = await self.doorkeeper.actor(token)
        scope["registry"] = {"token": token if actor else None, "actor": actor}
        if path in PUBLIC or path.startswith("/assets/"):
            return None
        if actor is None or token is None:
            return self._to_sign_in(scope, headers)
        if not _may_pass(path, actor):
            return PlainTextResponse(_("There is nothing here."), 404)
        if _is_page(path):
            if scope["method"] not in ("GET", "HEAD"):
                return PlainTextResponse("A page can only be read.", 405)
            self.doorkeeper.note_use(token)
            spoken = await self.doorkeeper.language(actor, headers.get("accept-language"))
            return Response(documents.frame(spoken), media_type="text/html")
        return None

    def _to_sign_in(self, scope: Scope, headers: Headers) -> ASGIApp:
        wants_page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        path = scope["path"]
        if not (wants_page and (_is_page(path) or path.startswith(downloads.PATH))):
            return JSONResponse({"error": "Sign in first."}, http.HTTPStatus.UNAUTHORIZED)
        if path == "/" and not scope["query_string"]:
            return RedirectResponse(identity.SIGN_IN_PATH, 303)
        query = scope["query_string"].decode("latin-1")
        wanted = quote(path + (f"?{query}" if query else ""), safe="")
        return RedirectResponse(f"{identity.SIGN_IN_PATH}?next={wanted}", 303)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if self.front.is_secure:
                    _make_cookies_secure(headers)
                if self.front.public_origin is not None:
                    # Not for a bare machine: it would bind every other service of that name too.
                    headers["strict-transport-security"] = "max-age=31536000"
                if scope["path"].startswith("/static/") and message["status"] == 200:
                    kept = headers.get("cache-control", "no-cache")
                    headers["cache-control"] = kept.replace("public", "private")
                elif not scope["path"].startswith("/assets/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        return with_headers

    # --- WebSocket -------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = self.front.origin_of(scope)
        headers = Headers(scope=scope)
        token = HTTPConnection(scope).cookies.get(self.front.cookie)
        actor = None
        if origin is None or headers.get("origin", origin) != origin:
            log.warning("refused a foreign websocket")
        elif scope["path"] == STREAM:
            actor = await self.doorkeeper.actor(token)
        if actor is None or token is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.ready()
        spoken = await self.doorkeeper.language(actor, headers.get("accept-language"))
        _strip(scope)
        client = scope.get("client")
        scope["headers"] += [
            (identity.SECRET_HEADER.encode(), identity.SECRET.encode()),
            (identity.TOKEN_HEADER.encode(), token.encode("latin-1")),
            # Streamlit gives a stored session back only to the account that began it.
            (identity.ACCOUNT_HEADER.encode(), str(actor.user_id).encode()),
            (identity.ADDRESS_HEADER.encode(), (client[0] if client else "").encode()),
            (identity.LANGUAGE_HEADER.encode(), spoken.value.encode()),
        ]
        await self.app(scope, self._checked(token, receive, send), send)

    def _checked(self, token: str, receive: Receive, send: Send) -> Receive:
        """``receive`` that hands on a frame only while its sender is signed in."""
        closed = False

        async def checked() -> Message:
            nonlocal closed
            code = 1008  # policy: nobody is signed in
            waiting = asyncio.ensure_future(receive())
            try:
                while not closed:
                    done, _pending = await asyncio.wait({waiting}, timeout=SILENT_FOR)
                    if done and waiting.result()["type"] != "websocket.receive":
                        return waiting.result()
                    if await self.doorkeeper.actor(token) is None:
                        break
                    if done and waiting.result().get("bytes") is None:
                        code = 1003  # unsupported: Streamlit sends bytes and trips over text
                        break
                    if done:
                        self.doorkeeper.note_use(token)
                        return waiting.result()
            finally:
                waiting.cancel()
            if not closed:
                closed = True
                await send({"type": "websocket.close", "code": code})
            return {"type": "websocket.disconnect", "code": code}

        return checked


def utc_now() -> dt.datetime:
    """This instant (UTC)."""
    return dt.datetime.now(dt.UTC)


def _same_address(host: str | None, address: str | None) -> bool:
    try:
        named, accepted = ipaddress.ip_address(host or ""), ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return named == accepted


def _strip(scope: Scope) -> None:
    """Drop the headers that only the gate may set, in either spelling of a separator."""
    prefix = identity.PREFIX.encode()
    scope["headers"] = [
        (name, value)
        for name, value in scope["headers"]
        if not name.lower().replace(b"_", b"-").startswith(prefix)
    ]


def _is_page(path: str) -> bool:
    own = {*PUBLIC, SESSION, identity.LANGUAGE_PATH}
    return PAGE.fullmatch(path) is not None and path not in own


def _speaks(path: str) -> bool:
    """Whether the registry itself answers there in words: signing in, a refused download."""
    return path.startswith(("/login", downloads.PATH))


def _may_pass(path: str, actor: Actor) -> bool:
    """Our own routes and pages; of what Streamlit serves, only what our pages use."""
    if path.startswith("/_stcore/upload_file/"):
        # Files of records, or photographs.
        return any(
            grant.permissions & {Permission.IMPORT, Permission.RECORD} for grant in actor.grants
        )
    return (
        path.startswith((*ALLOWED_OF_STREAMLIT, downloads.PATH, photograph_links.PATH))
        or path in (SESSION, identity.LANGUAGE_PATH)
        or _is_page(path)
    )


def _make_cookies_secure(headers: MutableHeaders) -> None:
    cookies = headers.getlist("set-cookie")
    if cookies:
        del headers["set-cookie"]
        for cookie in cookies:
            missing = "secure" not in cookie.lower().replace(" ", "").split(";")
            headers.append("set-cookie", f"{cookie}; Secure" if missing else cookie)

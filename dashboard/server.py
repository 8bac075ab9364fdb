"""Start the registry's pages: check the database, take the port, build the app, serve it.

Configuration comes from the environment:

``REGISTRY_IDLE_MINUTES``
    Minutes without use after which a sign-in ends: 1 to 60, 15 unless given.
``REGISTRY_PUBLIC_ORIGIN``
    What stands in the browser's address bar when a proxy of your own does the https, for example
    ``https://registry.example.org``. The proxy then also tells the browser's address by
    ``X-Forwarded-For``.

The sign-in page answers at once; the libraries that the pages need are loaded behind it, and the
first page waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import gc
import importlib
import ipaddress
import json
import logging
import pkgutil
import socket
import ssl
import sys
import threading
import tomllib
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit import config
from streamlit.web import bootstrap

from dashboard import documents, identity, incidents, logs, state
from dashboard.gate import Doorkeeper, Front, Gate, utc_now
from dashboard.routes import Routes
from registry import sign_in
from registry.database import make_engine, refresh_statistics
from registry.entry import drafts
from registry.errors import DatabaseUnavailable, RegistryError, Unfit
from registry.operations import migration
from registry.vocabulary import Language

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent
SCRIPT: Final = HERE / "app.py"
PRELOADED: Final = ("pandas", "pyarrow", "altair", "streamlit.elements.vega_charts")
LOADED_WITH_ALL_MODULES: Final = (
    "registry.analysis",
    "registry.catalogue",
    "registry.entry",
    "registry.exchange",
    "registry.statistics",
)


class CannotServe(RegistryError):
    """The server cannot start as asked; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says."""

    idle: dt.timedelta = dt.timedelta(minutes=15)
    public_origin: str | None = None

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> Settings:
        """Read and check; raises :class:`CannotServe` naming the variable and what it may hold."""
        minutes = values.get("REGISTRY_IDLE_MINUTES", "15")
        if not minutes.isdecimal() or not 1 <= int(minutes) <= 60:
            raise CannotServe(
                "REGISTRY_IDLE_MINUTES must be a whole number from 1 to 60: the minutes without "
                "use after which a sign-in ends."
            )
        origin = values.get("REGISTRY_PUBLIC_ORIGIN") or None
        if origin is not None:
            parsed = urlsplit(origin)
            if parsed.scheme != "https" or not parsed.netloc or parsed.path or parsed.query:
                raise CannotServe(
                    "REGISTRY_PUBLIC_ORIGIN must be https:// and a host name, nothing after it, "
                    "for example https://registry.example.org."
                )
        return cls(dt.timedelta(minutes=int(minutes)), origin)


def serve(
    database_url: str,
    host: str = "127.0.0.1",
    port: int = 8501,
    *,
    https: tuple[Path, Path] | None = None,
    open_browser: bool = False,
    demo: str | None = None,
    announce: Callable[[str], object] | None = None,
) -> None:
    """Serve the registry until interrupted.

    ``https`` is the certificate and its key; without it only this machine is served. ``demo`` is a
    one-time sign-in code, which makes the announced address a link that signs in. ``announce``
    takes each line for the person who started this; standard output unless given.

    Raises :class:`CannotServe` (port taken, foreign address without https, unreadable certificate),
    :class:`registry.errors.DatabaseUnavailable` or :class:`registry.errors.Unfit` before anything
    is served.
    """
    settings = Settings.from_environment(environ)
    if not _is_loopback(host) and https is None:
        raise CannotServe(
            f"{host} can be reached from other machines, and without https passwords and records "
            "would cross the network in the clear. Add --https CERTIFICATE KEY, or leave --host "
            "away and let a proxy on this machine do the https."
        )
    if https is not None:
        _check_certificate(*https)
    engine = make_engine(database_url)
    migration.require_current(engine)
    with contextlib.suppress(DatabaseUnavailable):  # somebody else is writing: at the next start
        drafts.discard_old_drafts(engine, now=utc_now())
    refresh_statistics(engine)
    listening = take_port(host, port)
    port = listening.getsockname()[1]
    scheme = "https" if https else "http"
    shown_host = "127.0.0.1" if _is_wildcard(host) else host
    address = settings.public_origin or f"{scheme}://{shown_host}:{port}"
    link = f"{address}/login/link?code={quote(demo)}" if demo else address

    def started() -> None:
        say = announce or (lambda line: sys.stdout.write(f"{line}\n"))
        say(f"The registry is at {link}  (Ctrl+C stops it)")
        sys.stdout.flush()
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()

    front = Front(
        https=https is not None,
        public_origin=settings.public_origin,
        names=frozenset({"localhost", socket.gethostname().lower(), host.lower()}),
    )
    limits = sign_in.Limits(idle=settings.idle)
    app = build(
        state.Installation(engine, make_engine(database_url, read_only=True), limits), front
    )
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=26 * 1024 * 1024,
            proxy_headers=settings.public_origin is not None,
            forwarded_allow_ips="127.0.0.1,::1",
            ssl_certfile=str(https[0]) if https else None,
            ssl_keyfile=str(https[1]) if https else None,
            timeout_graceful_shutdown=3,
        ),
        started,
    )
    with listening:
        server.run(sockets=[listening])


def build(installation: state.Installation, front: Front) -> st.App:
    """The app: Streamlit, the gate in front of it, our own routes, and the preloading."""
    logs.set_up()
    configure()
    for language in Language:
        documents.frame(language)
    state.install(installation)
    doorkeeper = Doorkeeper(installation.engine, installation.reading_engine, installation.limits)
    ready = asyncio.Event()
    return st.App(
        SCRIPT,
        middleware=[Middleware(Gate, front=front, doorkeeper=doorkeeper, ready=ready.wait)],
        routes=Routes(front, doorkeeper).all(),
        lifespan=_preloading(ready),
        on_script_error=incidents.on_script_error,
    )


def configure() -> None:
    """Set every Streamlit option we rely on, over any file or variable, and read it back.

    Raises :class:`Unfit` if one does not hold: a stray configuration file in somebody's home must
    not switch the usage statistics or the agent interface back on.
    """
    text = (HERE / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    options = dict(_flattened(tomllib.loads(text)))
    options["server.trustedUserHeaders"] = json.dumps({identity.ACCOUNT_HEADER: "account"})
    config._main_script_path = str(SCRIPT)
    bootstrap.load_config_options(options)
    wanted = {**options, "server.trustedUserHeaders": {identity.ACCOUNT_HEADER: "account"}}
    astray = sorted(name for name, value in wanted.items() if config.get_option(name) != value)
    if astray:
        raise Unfit(
            f"Streamlit does not take these settings: {', '.join(astray)}. The registry does not "
            "start without them. Install the versions of requirements.lock."
        )


def _flattened(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        found += _flattened(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return found


def take_port(host: str, port: int) -> socket.socket:
    """A listening socket; raises :class:`CannotServe` in plain words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small answers at once only over a socket that says
    # it is TCP; else each answer waits 40 ms for the browser's acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # Elsewhere this lets a restart take the port at once; Windows would share it.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
    except (OSError, OverflowError) as error:
        listening.close()
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            raise CannotServe(
                f"Port {port} is taken, perhaps by a registry that is already running. Open "
                f"http://localhost:{port} to see, or choose another one with --port."
            ) from None
        if code == errno.EACCES:
            raise CannotServe(
                f"Port {port} may not be used by this account. Choose one above 1023 with --port."
            ) from None
        raise CannotServe(
            f"{host} port {port} cannot be listened on. Check --host and --port."
        ) from None
    return listening


def _check_certificate(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotServe(
            f"The certificate or its key cannot be used ({type(error).__name__}). Both must be "
            "PEM files that belong together and that this account may read."
        ) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class _Server(uvicorn.Server):
    """uvicorn that says when it answers."""

    def __init__(self, settings: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(settings)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()


def _preloading(
    ready: asyncio.Event,
) -> Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]:
    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def load() -> None:
            try:
                preload()
            finally:
                # A library that does not load is reported by the page that needs it.
                loop.call_soon_threadsafe(ready.set)

        threading.Thread(target=load, name="preload", daemon=True).start()
        yield

    return lifespan


def preload() -> None:
    """Import what the pages need, once and by one thread, and keep it out of collection.

    Ten people opening the first page at once would otherwise import pandas ten times over each
    other; and Streamlit collects garbage after every run, which is most of the work of a click
    unless these libraries are frozen out of it.
    """
    for name in PRELOADED:
        importlib.import_module(name)
    for name in LOADED_WITH_ALL_MODULES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()

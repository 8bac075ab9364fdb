"""The shipped server in a process of its own, and clients that speak to it as browsers do."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import websocket
from sqlalchemy.engine import Engine
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from registry import accounts, audit
from registry.access import Grant
from registry.database import make_engine
from registry.operations.migration import command_line_actor
from registry.schema import Clinic
from registry.vocabulary import Role

ROOT = Path(__file__).parent.parent
PASSWORD = "umbrella-quartz-fjord-71"  # noqa: S105 - of made-up people
START = "import sys; from dashboard.server import serve; serve(sys.argv[1], port=int(sys.argv[2]))"


class Browser(httpx.Client):
    """A client that may have been used before it is entered."""

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Served:
    """A running server, its database, and the numbers of the people in it (named as their role)."""

    address: str
    engine: Engine
    process: subprocess.Popen[str]
    log: Path
    people: dict[str, int] = field(default_factory=dict)
    clinics: tuple[int, ...] = ()
    opened: list[Browser | Tab] = field(default_factory=list)
    """Everything that speaks to the server; closed with it if not before."""

    @property
    def host(self) -> str:
        """Host and port."""
        return self.address.removeprefix("http://")

    def browser(self, *, source: str = "127.0.0.1") -> Browser:
        """A client with cookies of its own, calling from ``source``."""
        transport = httpx.HTTPTransport(local_address=source)
        client = Browser(base_url=self.address, transport=transport, timeout=20)
        self.opened.append(client)
        return client

    def sign_in(self, who: str, *, source: str = "127.0.0.1") -> Browser:
        """A client in which ``who`` is signed in."""
        client = self.browser(source=source)
        answer = post_form(client, "/login", user_name=who, password=PASSWORD)
        assert answer.status_code == 303, answer.text
        return client

    def resident_mib(self) -> float:
        """Memory of the server (MiB)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def log_lines(self) -> list[str]:
        """What the server has logged."""
        return self.log.read_text().splitlines()


def people(engine: Engine) -> tuple[dict[str, int], tuple[int, ...]]:
    """Two clinics with one person per role; the clinician works in the first one only."""
    by = command_line_actor(engine)
    with audit.transaction(engine, by, audit.Cause("add_clinic")) as db:
        rows = [
            Clinic(code=code, name=name, jurisdiction="EU", time_zone="Europe/Vienna", is_demo=True)
            for code, name in (("north", "Northgate Veins"), ("south", "Southgate Veins"))
        ]
        db.add_all(rows)
        db.flush()
        clinics = tuple(row.id for row in rows)
    by = command_line_actor(engine)
    now = dt.datetime.now(dt.UTC)
    numbers = {
        role.value: accounts.add_user(
            engine,
            by,
            role.value,
            f"{role.value.replace('_', ' ').title()} Example",
            now=now,
            password=PASSWORD,
            grants=[
                Grant(clinic, role)
                for clinic in (clinics[:1] if role is Role.CLINICIAN else clinics)
            ],
        )
        for role in Role
    }
    return numbers, clinics


@contextlib.contextmanager
def serving(
    database: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    port: int | None = None,
) -> Iterator[Served]:
    """Serve the registry in ``database`` until the block ends, at a free port unless given."""
    url, port = f"sqlite:///{database}", port or free_port()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", START, url, str(port)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )
    assert process.stdout is not None
    # A full pipe would stop the server in the middle of a request.
    drain = threading.Thread(target=process.stdout.read)
    engine = make_engine(url)
    try:
        assert "The registry is at" in process.stdout.readline(), log.read_text()
        drain.start()
        served = Served(f"http://127.0.0.1:{port}", engine, process, log)
        try:
            yield served
        finally:
            for client in served.opened:
                client.close()
    finally:
        engine.dispose()
        process.terminate()
        process.wait(timeout=20)
        if drain.is_alive():
            drain.join()
        process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def form_token(page: str) -> str:
    """The hidden field of a form."""
    return re.findall(r'name="csrf" value="([^"]+)"', page)[0]


def post_form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Open a form and send it, as a browser does."""
    token = form_token(client.get(path).text)
    return client.post(path, data={"csrf": token, **fields})


class Refused(Exception):
    """The handshake was refused; the argument is the HTTP status."""


class Tab:
    """A page open in a browser: Streamlit's own protocol over a WebSocket."""

    def __init__(
        self,
        served: Served,
        client: httpx.Client | None,
        *,
        session: str = "",
        headers: Mapping[str, str] | None = None,
        origin: str | None = "",
        host: str | None = None,
    ) -> None:
        cookies = (
            "; ".join(f"{name}={value}" for name, value in client.cookies.items()) if client else ""
        )
        protocols = ["streamlit", "token", session] if session else ["streamlit", "token"]
        try:
            self.socket = websocket.create_connection(
                f"ws://{served.host}/_stcore/stream",
                header=[f"{name}: {value}" for name, value in (headers or {}).items()],
                cookie=cookies or None,
                subprotocols=protocols,
                origin=origin or served.address,
                suppress_origin=origin is None,
                host=host or served.host,
                timeout=20,
            )
        except websocket.WebSocketBadStatusException as refused:
            raise Refused(refused.status_code) from None
        served.opened.append(self)
        self.session = ""
        self.texts: list[str] = []
        self.buttons: dict[str, str] = {}
        self.logo = ""
        self.pages: dict[str, str] = {}
        self.page = ""

    def run(
        self, *, press: str | None = None, page: str | None = None, query: str = ""
    ) -> list[str]:
        """Run the page last shown, or ``page``, pressing a button by its label; all its texts."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = self.page if page is None else page
        if press is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id = self.buttons[press]
            state.trigger_value = True
        self.socket.send_binary(message.SerializeToString())
        self.texts, self.buttons = [], {}
        while not self._take(self._receive()):
            pass
        return self.texts

    def send(self, data: bytes | str) -> None:
        """Send a raw frame."""
        if isinstance(data, str):
            self.socket.send(data)
        else:
            self.socket.send_binary(data)

    def closing_code(self) -> int:
        """Wait until the server closes; the code it gives."""
        while True:
            opcode, data = self.socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")

    def close(self) -> None:
        """Leave without a word, as a closed laptop does."""
        if self.socket.sock is not None:
            with contextlib.suppress(OSError):
                self.socket.sock.shutdown(socket.SHUT_RDWR)
            self.socket.shutdown()

    def _receive(self) -> ForwardMsg:
        opcode, data = self.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise Refused(int.from_bytes(data[:2], "big"))
        message = ForwardMsg()
        message.ParseFromString(data)
        return message

    def _take(self, message: ForwardMsg) -> bool:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
            self.page = message.new_session.page_script_hash
            self.texts, self.buttons = [], {}
        elif kind == "navigation":
            self.pages = {
                page.page_name: page.page_script_hash for page in message.navigation.app_pages
            }
        elif kind == "logo":
            self.logo = message.logo.image
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            kind = element.WhichOneof("type")
            if kind == "button":
                self.buttons[element.button.label] = element.button.id
            self.texts += [
                getattr(getattr(element, str(kind)), name)
                for name in ("body", "label")
                if isinstance(getattr(getattr(element, str(kind)), name, None), str)
            ]
        # A page that leads on to another is followed by the run of that one.
        return kind == "script_finished" and (
            message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        )

"""Starting the server, its settings, its log and its one-time downloads."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import Engine
from starlette.applications import Starlette
from starlette.middleware import Middleware

from dashboard import documents, downloads, server
from dashboard.gate import Doorkeeper, Front, Gate
from dashboard.logs import JsonFormatter
from dashboard.routes import Routes
from dashboard.server import CannotServe, Settings
from dashboard.text import plain
from registry import sign_in
from registry.access import Grant
from registry.database import make_engine
from registry.errors import DatabaseUnavailable, Unfit
from registry.vocabulary import Language, Role
from tests.dashboard.conftest import a_clinic, a_token
from tests.serving import ROOT, free_port

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


# --- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"REGISTRY_IDLE_MINUTES": "0"}, "REGISTRY_IDLE_MINUTES"),
        ({"REGISTRY_IDLE_MINUTES": "61"}, "REGISTRY_IDLE_MINUTES"),
        ({"REGISTRY_IDLE_MINUTES": "ten"}, "REGISTRY_IDLE_MINUTES"),
        ({"REGISTRY_IDLE_MINUTES": "-5"}, "REGISTRY_IDLE_MINUTES"),
        ({"REGISTRY_PUBLIC_ORIGIN": "http://registry.example"}, "REGISTRY_PUBLIC_ORIGIN"),
        ({"REGISTRY_PUBLIC_ORIGIN": "https://registry.example/x"}, "REGISTRY_PUBLIC_ORIGIN"),
        ({"REGISTRY_PUBLIC_ORIGIN": "registry.example"}, "REGISTRY_PUBLIC_ORIGIN"),
    ],
)
def test_a_bad_setting_is_named(values: dict[str, str], names: str) -> None:
    with pytest.raises(CannotServe, match=names):
        Settings.from_environment(values)


def test_settings_have_safe_defaults() -> None:
    assert Settings.from_environment({}) == Settings(dt.timedelta(minutes=15), None)
    given = {
        "REGISTRY_IDLE_MINUTES": "60",
        "REGISTRY_PUBLIC_ORIGIN": "https://registry.example:8443",
    }
    assert Settings.from_environment(given) == Settings(
        dt.timedelta(hours=1), "https://registry.example:8443"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "registry.example"])  # noqa: S104
def test_other_machines_are_served_by_https_only(sqlite_engine: Engine, host: str) -> None:
    with pytest.raises(CannotServe, match="--https"):
        server.serve(str(sqlite_engine.url), host)


def test_a_taken_port_is_said(sqlite_engine: Engine) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotServe, match=f"Port {port} is taken"):
            server.serve(str(sqlite_engine.url), port=port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_said(port: int) -> None:
    with pytest.raises(CannotServe, match="--port"):
        server.take_port("127.0.0.1", port)


def test_a_missing_or_foreign_database_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="sclero migrate"):
        server.serve(f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert not (tmp_path / "none.sqlite").exists()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(DatabaseUnavailable, match="sclero migrate"):
        server.serve(f"sqlite:///{tmp_path / 'empty.sqlite'}")


def test_an_unusable_certificate_is_said(sqlite_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("not a certificate")
    files = (tmp_path / "cert.pem", tmp_path / "key.pem")
    with pytest.raises(CannotServe, match="certificate"):
        server.serve(str(sqlite_engine.url), https=files)


def test_only_this_machine_is_listened_to_by_default() -> None:
    with server.take_port("127.0.0.1", free_port()) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.proto == socket.IPPROTO_TCP


def test_no_file_or_variable_loosens_the_settings(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        '[client]\nshowErrorDetails = "full"\n[browser]\ngatherUsageStats = true\n'
        "[server]\nenableAgentApi = true\n"
    )
    script = (
        "from dashboard import server\nserver.configure()\n"
        "from streamlit import config\n"
        "print([config.get_option(n) for n in ('client.showErrorDetails',"
        "'browser.gatherUsageStats', 'server.enableAgentApi', 'server.enableXsrfProtection')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "['none', False, False, True]"


def test_a_changed_frame_of_streamlit_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = documents.frame(Language.ENGLISH).decode()
    assert "/assets/gate.js" in text
    assert '<html lang="en">' in text
    assert '<html lang="de">' in documents.frame(Language.GERMAN).decode()
    assert "<script>" not in text
    assert "_stcore/agent" not in text
    (tmp_path / "index.html").write_text("<html><title>Other</title></html>")
    monkeypatch.setattr(documents.streamlit.file_util, "get_static_dir", lambda: str(tmp_path))
    documents.frame.cache_clear()
    with pytest.raises(Unfit, match=r"requirements\.lock"):
        documents.frame(Language.ENGLISH)
    documents.frame.cache_clear()


# --- the log --------------------------------------------------------------------------------------


def test_the_log_keeps_the_kind_of_an_error_and_not_its_words() -> None:
    record = None
    try:
        try:
            raise KeyError("ZZPHI")
        except KeyError as error:
            raise ValueError("Key (family_name)=(ZZPHI) already exists") from error
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "line\n\x1b[31mnext", (), sys.exc_info()
        )
    line = JsonFormatter().format(record)
    assert "ZZPHI" not in line
    assert "\n" not in line
    assert "\x1b" not in line
    told = json.loads(line)
    assert told["error"] == ["builtins.ValueError", "builtins.KeyError"]
    assert told["passed"][0].startswith("test_server.py:")


def test_text_of_people_is_no_markup() -> None:
    assert plain("a *b* [c](d) <e> $f$ :g:") == (r"a \*b\* \[c\]\(d\) \<e\> \$f\$ \:g\:")


# --- downloads ------------------------------------------------------------------------------------


def test_an_offer_is_for_one_person_once_and_for_ten_minutes() -> None:
    made = []

    def content() -> bytes:
        made.append(1)
        return b"x"

    path = downloads.offer(1, "a.csv", "text/csv", content, now=NOW)
    key = path.removeprefix(downloads.PATH)
    assert downloads.take(key, 2, now=NOW) is None, "somebody else's attempt must not use it up"
    assert not made
    offer = downloads.take(key, 1, now=NOW)
    assert offer is not None
    assert offer.content() == b"x"
    assert downloads.take(key, 1, now=NOW) is None
    late = downloads.offer(1, "a.csv", "text/csv", b"x", now=NOW).removeprefix(downloads.PATH)
    assert downloads.take(late, 1, now=NOW + downloads.LASTS) is None


def test_offers_of_one_person_are_limited_and_leave_others_alone() -> None:
    other = downloads.offer(7, "b", "text/csv", b"x", now=NOW).removeprefix(downloads.PATH)
    keys = [
        downloads.offer(8, "a", "text/csv", b"x", now=NOW).removeprefix(downloads.PATH)
        for _ in range(downloads.MOST_PER_PERSON + 1)
    ]
    assert downloads.take(keys[0], 8, now=NOW) is None
    assert downloads.take(keys[1], 8, now=NOW) is not None
    assert downloads.take(other, 7, now=NOW) is not None


def test_a_download_is_served_to_its_owner_only(sqlite_engine: Engine) -> None:
    clinic = a_clinic(sqlite_engine)
    reading_engine = make_engine(sqlite_engine.url, read_only=True)
    doorkeeper = Doorkeeper(sqlite_engine, reading_engine, sign_in.Limits())
    front = Front(names=frozenset({"registry.test"}))
    tokens = {
        name: a_token(sqlite_engine, name, Grant(clinic, Role.AUDITOR)) for name in ("ada", "bob")
    }
    ada = sign_in.actor_of(sqlite_engine, tokens["ada"], dt.datetime.now(dt.UTC))
    assert ada is not None
    path = downloads.offer(
        ada.user_id, "Größe & Co.csv", "text/csv", b"a;b", now=dt.datetime.now(dt.UTC)
    )

    async def ask() -> list[httpx.Response]:
        app = Starlette(
            routes=Routes(front, doorkeeper).all(),
            middleware=[
                Middleware(Gate, front=front, doorkeeper=doorkeeper, ready=asyncio.Event().wait)
            ],
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://registry.test:8080"
        ) as client:
            answers = [await client.get(path)]
            for name, method in (("bob", "GET"), ("ada", "HEAD"), ("ada", "GET"), ("ada", "GET")):
                client.cookies.set("sid", tokens[name])
                answers.append(await client.request(method, path))
            return answers

    answers = asyncio.run(ask())
    reading_engine.dispose()
    assert [answer.status_code for answer in answers] == [401, 404, 404, 200, 404]
    served = answers[3]
    assert served.content == b"a;b"
    assert served.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20Co.csv"
    )
    assert served.headers["cache-control"] == "no-store"
    assert served.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_a_number_and_no_words(sqlite_engine: Engine) -> None:
    """The gate itself answers, with its headers, when what is behind it breaks."""

    async def broken(*_: object) -> None:
        raise ValueError("Key (family_name)=(ZZPHI) already exists")

    reading_engine = make_engine(sqlite_engine.url, read_only=True)
    doorkeeper = Doorkeeper(sqlite_engine, reading_engine, sign_in.Limits())
    gate = Gate(
        broken,
        front=Front(names=frozenset({"registry.test"})),
        doorkeeper=doorkeeper,
        ready=asyncio.Event().wait,
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(gate), base_url="http://registry.test:8080"
        ) as client:
            return await client.get("/healthz")

    answer = asyncio.run(ask())
    reading_engine.dispose()
    assert answer.status_code == 500
    assert "ZZPHI" not in answer.text
    assert "number" in answer.text
    assert answer.headers["content-security-policy"]

"""Every attack on a Streamlit server that we know of, against the server as it ships."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import websocket

from registry import accounts
from registry.database import reading
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog, SignIn, UserAccount
from tests.serving import (
    PASSWORD,
    ROOT,
    Refused,
    Served,
    Tab,
    form_token,
    people,
    post_form,
    serving,
)

CANARY = "ZZPHI4711"


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server over a registry of two clinics with one person per role."""
    folder = tmp_path_factory.mktemp("attacks")
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(folder / "registry.sqlite")
    source.backup(copy)
    source.close()
    copy.close()
    with serving(folder / "registry.sqlite", folder / "log") as server:
        server.people, server.clinics = people(server.engine)
        yield server


def signed_in_as(texts: list[str]) -> str:
    """Whose name stands in the sidebar."""
    return re.findall(r"<strong>([^<]+)</strong>", " ".join(texts))[0]


def set_back(served: Served, who: str, **columns: dt.timedelta) -> None:
    """Move instants of this person's sign-ins into the past."""
    now = dt.datetime.now(dt.UTC)
    with served.engine.begin() as connection:
        connection.execute(
            sa.update(SignIn)
            .where(SignIn.user_id == served.people[who])
            .values({name: now - ago for name, ago in columns.items()})
        )


def is_disabled(served: Served, who: str) -> bool:
    with reading(served.engine) as db:
        return db.get_one(UserAccount, served.people[who]).is_disabled


# --- without a sign-in ----------------------------------------------------------------------------


def test_without_a_sign_in_only_the_door_answers(served: Served) -> None:
    listing = (
        "import json\n"
        "from dashboard import server, state\n"
        "from dashboard.gate import Front\n"
        "app = server.build(state.Installation(None, None), Front())._build_starlette_app()\n"
        "print(json.dumps(sorted({(r.path, m) for r in app.routes"
        " for m in (getattr(r, 'methods', None) or ['GET'])})))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", listing],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    routes = [tuple(route) for route in json.loads(answer.stdout)]
    assert ("/_stcore/metrics", "GET") in routes
    assert any(path.startswith("/media") for path, _ in routes)
    extra = [
        ("/people", "GET"),
        ("/static/js/x.js", "GET"),
        ("/favicon.png", "GET"),
        ("/index.html", "GET"),
        ("/_stcore/agent/mcp", "POST"),
        ("//example.org", "GET"),
        ("/%2e%2e/%2e%2e/etc/passwd", "GET"),
        ("/session", "POST"),
    ]
    open_paths = set()
    with served.browser() as client:
        for path, method in [*routes, *extra]:
            concrete = re.sub(r"\{[^}]*\}", "x", path) or "/"
            if client.request(method, concrete).status_code != 401:
                open_paths.add(concrete)
        for name in ("icon.svg", "gate.css"):
            assert client.get(f"/assets/{name}").status_code == 200
        assert client.get("/healthz").json() == {"status": "up"}
    assert open_paths == {
        "/login",
        "/login/code",
        "/login/link",
        "/sign-out",
        "/healthz",
        "/assets/x",
    }


def test_a_page_asked_for_leads_to_the_sign_in_page_and_back(served: Served) -> None:
    with served.browser() as client:
        answer = client.get("/people?clinic=2", headers={"accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fpeople%3Fclinic%3D2"
        page = client.get(answer.headers["location"]).text
        form = {"csrf": form_token(page), "user_name": "administrator"}
        form |= {"password": PASSWORD, "next": "/people?clinic=2"}
        assert client.post("/login", data=form).headers["location"] == "/people?clinic=2"


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
def test_signing_in_leads_nowhere_else(served: Served, wanted: str) -> None:
    with served.browser() as client:
        token = form_token(client.get("/login").text)
        form = {"csrf": token, "user_name": "auditor", "password": PASSWORD}
        answer = client.post("/login", data={**form, "next": wanted})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_files_that_streamlit_keeps_are_served_to_nobody(served: Served) -> None:
    with served.sign_in("auditor") as client, served.browser() as stranger:
        for name in ("0123456789abcdef.csv", "0123456789abcdef.png"):
            assert client.get(f"/media/{name}").status_code == 404
            assert stranger.get(f"/media/{name}").status_code == 401


def test_strangers_cannot_upload_into_memory(served: Served) -> None:
    with served.sign_in("auditor") as client:
        tab = Tab(served, client)
        tab.run()
    before = served.resident_mib()
    headers = {"x-xsrftoken": "made-up", "cookie": "_streamlit_xsrf=made-up"}
    for number in range(8):
        with served.browser() as stranger:
            files = {"file": ("x.csv", b"x" * 20_000_000)}
            try:
                answer = stranger.put(
                    f"/_stcore/upload_file/{tab.session}/{number}", files=files, headers=headers
                )
            except httpx.WriteError:
                continue  # Closed in our face before all of it was sent.
            assert answer.status_code == 401
    assert served.resident_mib() - before < 30
    tab.close()


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("clinician", 204),
        ("data_manager", 204),
        ("auditor", 404),
        ("practice_manager", 404),
        ("administrator", 404),
    ],
)
def test_only_who_may_import_or_record_uploads(served: Served, who: str, expected: int) -> None:
    with served.sign_in(who) as client:
        tab = Tab(served, client)
        tab.run()
        client.get("/_stcore/health")
        answer = client.put(
            f"/_stcore/upload_file/{tab.session}/1",
            files={"file": b"x"},
            headers={"x-xsrftoken": client.cookies["_streamlit_xsrf"]},
        )
        assert answer.status_code == expected
        forged = client.put(f"/_stcore/upload_file/{tab.session}/2", files={"file": b"x"})
        assert forged.status_code in (403, 404), "a page of another site can send this"
        tab.close()


def test_a_request_too_large_or_of_unknown_length_is_refused(served: Served) -> None:
    with served.sign_in("data_manager") as client:
        large = client.put("/_stcore/upload_file/x/1", content=b"x" * (21 * 1024 * 1024 + 1))
        assert large.status_code == 413
        chunked = client.post("/login", content=iter([b"x" * 10]))
        assert chunked.status_code == 411
        form = {"csrf": form_token(served.browser().get("/login").text), "user_name": "x" * 9000}
        assert client.post("/login", data=form).status_code == 400


def test_metrics_and_interfaces_are_closed_to_everybody(served: Served) -> None:
    with served.sign_in("administrator") as client:
        for path in (
            "/_stcore/metrics",
            "/_stcore/agent/openapi.json",
            "/_stcore/agent/mcp",
            "/_stcore/script-health-check",
            "/component/x/index.html",
            "/auth/login",
            "/favicon.png",
            "/manifest.json",
            "/index.html",
        ):
            assert client.get(path).status_code == 404, path


# --- sessions -------------------------------------------------------------------------------------


def test_a_session_id_gives_nothing(served: Served) -> None:
    with served.sign_in("clinician") as victim, served.sign_in("auditor") as other:
        tab = Tab(served, victim)
        assert signed_in_as(tab.run()) == "Clinician Example"
        for connected in (True, False):
            if not connected:
                tab.close()
                time.sleep(0.5)
            with pytest.raises(Refused, match="403"):
                Tab(served, None, session=tab.session)
            taker = Tab(served, other, session=tab.session)
            assert signed_in_as(taker.run()) == "Auditor Example"
            assert taker.session != tab.session
            taker.close()
        again = Tab(served, victim, session=tab.session)
        again.run()
        assert again.session == tab.session, "the person's own session must survive a lost line"
        again.close()


def test_a_made_up_session_id_is_not_taken(served: Served) -> None:
    with served.sign_in("clinician") as client:
        tab = Tab(served, client, session="fixed-by-an-attacker")
        tab.run()
        assert tab.session != "fixed-by-an-attacker"
        tab.close()


@pytest.mark.parametrize(
    "ending",
    ["sign out", "idle", "absolute", "disabled"],
)
def test_a_click_after_the_sign_in_has_ended_does_nothing(served: Served, ending: str) -> None:
    accounts.add_user(
        served.engine,
        command_line_actor(served.engine),
        f"target-{ending.replace(' ', '-')}",
        "Aaron Target",
        now=dt.datetime.now(dt.UTC),
    )
    with served.sign_in("administrator") as client:
        tab = Tab(served, client)
        tab.run()
        assert "Disable the account" in tab.buttons
        if ending == "sign out":
            assert client.post("/sign-out").status_code == 303
        elif ending == "idle":
            set_back(served, "administrator", seen_at=dt.timedelta(minutes=15))
        elif ending == "absolute":
            set_back(served, "administrator", created_at=dt.timedelta(hours=12))
        else:
            with served.engine.begin() as connection:
                connection.execute(
                    sa.update(SignIn)
                    .where(SignIn.user_id == served.people["administrator"])
                    .values(ended_at=dt.datetime.now(dt.UTC))
                )
        with reading(served.engine) as db:
            before = db.scalars(sa.select(UserAccount.id).where(UserAccount.is_disabled)).all()
        with pytest.raises(Refused, match="1008"):
            tab.run(press="Disable the account")
        with reading(served.engine) as db:
            after = db.scalars(sa.select(UserAccount.id).where(UserAccount.is_disabled)).all()
        assert before == after, "the callback of a signed-out person ran"
        assert client.get("/session").status_code == 401
        with pytest.raises(Refused, match="403"):
            Tab(served, client)


def test_a_silent_page_is_closed_when_its_account_is_disabled(served: Served) -> None:
    with served.sign_in("data_manager") as client:
        tab = Tab(served, client)
        tab.run()
        by = command_line_actor(served.engine)
        user, now = served.people["data_manager"], dt.datetime.now(dt.UTC)
        accounts.disable_user(served.engine, by, user, now=now)
        assert tab.closing_code() == 1008
        accounts.enable_user(served.engine, by, user, now=now)
        assert client.get("/session").status_code == 401


def test_a_cookie_is_worth_nothing_after_signing_out(served: Served) -> None:
    with served.sign_in("auditor") as client:
        stolen = client.cookies["sid"]
        answer = client.post("/sign-out")
        assert answer.status_code == 303
        assert 'sid=""' in answer.headers["set-cookie"]
        assert "sid" not in client.cookies
    with served.browser() as thief:
        thief.cookies.set("sid", stolen)
        assert thief.get("/session").status_code == 401
        with pytest.raises(Refused, match="403"):
            Tab(served, thief)


def test_each_sign_in_has_a_new_token_and_ends_the_one_before(served: Served) -> None:
    with served.sign_in("auditor") as client:
        first = client.cookies["sid"]
        with served.browser() as second_tab:
            second_tab.cookies.set("sid", first)
            token = form_token(client.get("/login/code").text)
            form = {"csrf": token, "user_name": "clinician"}
            form["password"] = PASSWORD
            assert client.post("/login", data=form).status_code == 303
            assert client.cookies["sid"] != first
            assert second_tab.get("/session").status_code == 401


def test_use_is_noted_and_looking_is_not_use(served: Served) -> None:
    with served.sign_in("auditor") as client:
        set_back(served, "auditor", seen_at=dt.timedelta(minutes=10))
        assert client.get("/session").json()["seconds_left"] <= 300
        assert client.get("/session").json()["seconds_left"] <= 300
        assert client.post("/session").json()["seconds_left"] == 900
        deadline = time.monotonic() + 5
        while client.get("/session").json()["seconds_left"] < 890:
            assert time.monotonic() < deadline, "use was not noted"
            time.sleep(0.1)


def test_what_a_role_may_not_open_does_not_open(served: Served) -> None:
    with served.sign_in("administrator") as client:
        tab = Tab(served, client)
        tab.run()
        people_page = tab.pages["People"]
        tab.close()
    with served.sign_in("clinician") as client:
        tab = Tab(served, client)
        tab.run()
        assert "People" not in tab.pages
        texts = tab.run(page=people_page)
        assert not any("Who can sign in" in text for text in texts)
        tab.close()


# --- forged headers, origins, frames --------------------------------------------------------------


def test_forged_identity_headers_are_dropped(served: Served) -> None:
    with served.sign_in("administrator") as admin, served.sign_in("auditor") as client:
        token = admin.cookies["sid"]
        user = str(served.people["administrator"])
        for separator in ("-", "_"):
            headers = {
                f"X{separator}Registry{separator}Token": token,
                f"X{separator}Registry{separator}Account": user,
                f"X{separator}Registry{separator}Gate": "x",
                "X-Forwarded-For": "192.0.2.99",
                "X-Streamlit-User": "administrator",
            }
            tab = Tab(served, client, headers=headers)
            assert signed_in_as(tab.run()) == "Auditor Example"
            tab.close()
            with pytest.raises(Refused, match="403"):
                Tab(served, None, headers=headers)
            with served.browser() as stranger:
                assert stranger.get("/session", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("origin", "host", "accepted"),
    [
        ("", None, True),
        (None, None, True),
        ("http://evil.example", None, False),
        ("null", None, False),
        ("https://{host}", None, False),
        ("http://127.0.0.1:1", None, False),
        ("http://localhost:{port}", "localhost:{port}", True),
        ("http://evil.example:{port}", "evil.example:{port}", False),
        (None, "evil.example:{port}", False),
        (None, "127.0.0.1", False),
        (None, "127.0.0.1:1", False),
        (None, "10.0.0.1:{port}", False),
        (None, "user@127.0.0.1:{port}", False),
        (None, "127.0.0.1:{port}/x", False),
    ],
)
def test_foreign_origins_and_hosts_are_refused(
    served: Served, origin: str | None, host: str | None, *, accepted: bool
) -> None:
    port = served.host.rpartition(":")[2]
    fill = {"host": served.host, "port": port}
    origin = origin.format(**fill) if origin else origin
    host = host.format(**fill) if host else None
    with served.sign_in("auditor") as client:
        headers = {"host": host or served.host}
        if origin is not None:
            headers["origin"] = origin or served.address
        status = client.get("/session", headers=headers).status_code
        if accepted:
            Tab(served, client, origin=origin, host=host).close()
            assert status == 200
        else:
            with pytest.raises(Refused, match="403"):
                Tab(served, client, origin=origin, host=host)
            assert status in (403, 421)


def test_a_form_of_another_site_signs_nobody_in(served: Served) -> None:
    right = {"user_name": "auditor", "password": PASSWORD}
    with served.browser() as client:
        assert client.post("/login", data=right).status_code == 403
        token = form_token(client.get("/login").text)
        assert client.post("/login", data={**right, "csrf": "x" * 43}).status_code == 403
        evil = {"origin": "http://evil.example"}
        form = {**right, "csrf": token}
        assert client.post("/login", data=form, headers=evil).status_code == 403
        assert client.post("/sign-out", headers=evil).status_code == 403
        assert "sid" not in client.cookies
        client.get("/login")
        client.get("/login/code")
        assert client.post("/login", data=form).status_code == 303, "a second tab broke the first"


def test_a_one_time_link_needs_a_click_and_works_once(served: Served) -> None:
    code = accounts.issue_sign_in_code(
        served.engine,
        command_line_actor(served.engine),
        served.people["auditor"],
        now=dt.datetime.now(dt.UTC),
    )
    with served.browser() as client:
        for _ in range(3):
            page = client.get(f"/login/link?code={code}")
            assert page.status_code == 200
            assert "sid" not in client.cookies
        form = {"csrf": form_token(page.text), "code": code}
        assert client.post("/login/link", data=form).status_code == 303
        assert client.get("/session").status_code == 200
    with served.browser() as client:
        form["csrf"] = form_token(client.get("/login/link").text)
        assert client.post("/login/link", data=form).status_code == 401


@pytest.mark.parametrize(
    ("frame", "code"),
    [(b"\xff" * 100, 1002), (b"\x0a\xff\xff\xff\xff\x0f", 1002), ("text", 1003)],
)
def test_a_garbage_frame_closes_without_a_traceback(
    served: Served, frame: bytes | str, code: int
) -> None:
    with served.sign_in("auditor") as client:
        tab = Tab(served, client)
        tab.run()
        tab.send(frame)
        assert tab.closing_code() == code
        tab.close()
        assert client.get("/session").status_code == 200


def test_a_frame_too_large_is_refused(served: Served) -> None:
    with served.sign_in("auditor") as client:
        tab = Tab(served, client)
        tab.run()
        before = served.resident_mib()
        # The line is cut while most of the frame is still on its way, or closed after it.
        with contextlib.suppress(OSError):
            tab.send(b"x" * 60_000_000)
        with pytest.raises((websocket.WebSocketConnectionClosedException, Refused, OSError)):
            tab.run()
        assert served.resident_mib() - before < 60
        assert client.get("/session").status_code == 200


def test_header_and_cookie_floods_are_answered(served: Served) -> None:
    with served.browser() as client:
        cookies = "; ".join(f"sid={number}" for number in range(500))
        assert client.get("/session", headers={"cookie": cookies}).status_code == 401
        assert client.get("/session", headers={"cookie": b"sid=\xe9\xff"}).status_code == 401


# --- guessing -------------------------------------------------------------------------------------


def test_a_thousand_guesses_are_few_and_the_owner_gets_in(served: Served) -> None:
    with served.browser(source="127.0.0.9") as client:
        token = form_token(client.get("/login").text)
        form = {"csrf": token, "user_name": "practice_manager", "password": "wrong"}
        statuses = [client.post("/login", data=form).status_code for _ in range(1000)]
        held_back = client.post("/login", data=form)
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 100
    assert int(held_back.headers["retry-after"]) >= 1
    assert "Too many attempts" in held_back.text
    with reading(served.engine) as db:
        logged = db.scalar(
            sa.select(sa.func.count())
            .select_from(AccessLog)
            .where(AccessLog.action == "sign_in_failed", AccessLog.address == "127.0.0.9")
        )
    assert logged == statuses.count(401), "attempts that were held back must not fill the log"
    served.sign_in("practice_manager", source="127.0.0.10").close()


def test_many_sign_ins_at_once_keep_the_memory_and_the_health(served: Served) -> None:
    before = served.resident_mib()

    def one(_: int) -> int:
        with served.browser() as client:
            form = {"user_name": "auditor", "password": PASSWORD}
            return post_form(client, "/login", **form).status_code

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        running = [pool.submit(one, number) for number in range(50)]
        started = time.monotonic()
        assert served.browser().get("/healthz").status_code == 200
        assert time.monotonic() - started < 5
        assert {future.result() for future in running} == {303}
    assert served.resident_mib() - before < 100


# --- what is told ---------------------------------------------------------------------------------


def test_every_answer_carries_the_security_headers(served: Served) -> None:
    with served.sign_in("auditor") as client:
        stranger = served.browser()
        answers = [
            client.get("/"),
            client.get("/account"),
            client.get("/session"),
            client.get("/nothing/here"),
            stranger.get("/"),
            stranger.get("/login"),
            stranger.get("/healthz"),
            stranger.get("/assets/gate.css"),
            stranger.get("/login", headers={"host": "evil.example"}),
            stranger.post("/login", data={"user_name": "x"}),
        ]
        script = re.findall(r'src="\.(/static/js/[^"]+)"', answers[0].text)[0]
        answers.append(client.get(script))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
        if answer.url.path.startswith("/static/"):
            assert answer.status_code == 200
            assert "private" in answer.headers["cache-control"]
        elif not answer.url.path.startswith("/assets/"):
            assert answer.headers["cache-control"] == "no-store"


def test_the_cookie_cannot_be_read_or_sent_from_elsewhere(served: Served) -> None:
    with served.browser() as client:
        form = {"user_name": "auditor", "password": PASSWORD}
        answer = post_form(client, "/login", **form)
        cookie = answer.headers["set-cookie"]
    name, *attributes = (part.strip() for part in cookie.split(";"))
    assert len(name.removeprefix("sid=")) >= 43
    assert {part.lower() for part in attributes} == {"httponly", "path=/", "samesite=lax"}


def test_behind_https_the_cookies_are_held_to_it(migrated_sqlite: Path, tmp_path: Path) -> None:
    database = tmp_path / "registry.sqlite"
    database.write_bytes(migrated_sqlite.read_bytes())
    public = "https://registry.example.org"
    with serving(database, tmp_path / "log", {"REGISTRY_PUBLIC_ORIGIN": public}) as served:
        people(served.engine)
        as_proxy = {"host": "registry.example.org", "x-forwarded-for": "198.51.100.4"}
        with served.browser() as proxy:
            page = proxy.get("/login", headers=as_proxy)
            token = form_token(page.text)
            cookie = f"__Host-form={token}"
            form = {"csrf": token, "user_name": "auditor", "password": PASSWORD}
            headers = {**as_proxy, "origin": public, "cookie": cookie}
            answer = proxy.post("/login", data=form, headers=headers)
            plain = proxy.post("/login", data=form, headers={**headers, "origin": served.address})
        assert page.headers["strict-transport-security"]
        for sent in (page, answer):
            parts = sent.headers["set-cookie"].lower().split("; ")
            assert parts[0].startswith("__host-")
            assert {"secure", "httponly", "path=/"} <= set(parts)
        assert (answer.status_code, plain.status_code) == (303, 403)
        with reading(served.engine) as db:
            entry = db.scalars(sa.select(AccessLog).where(AccessLog.action == "sign_in")).one()
            assert entry.address == "198.51.100.4"


def test_the_log_is_json_and_tells_no_secret(served: Served) -> None:
    with served.browser() as client:
        for name in (CANARY, f'{CANARY}\n{{"forged": 1}}', f"\x1b[31m{CANARY}"):
            answer = post_form(client, "/login", user_name=name, password=f"{CANARY}-password")
            assert answer.status_code == 401
        client.get(f"/{CANARY}?{CANARY}=1", headers={"host": CANARY})
        client.get("/", headers={"origin": CANARY})
    lines = [json.loads(line) for line in served.log_lines()]
    assert {"refused a foreign host", "refused a foreign origin"} <= {
        line["message"] for line in lines
    }
    assert all({"at", "level", "logger", "message"} <= set(line) for line in lines)
    text = served.log.read_text()
    assert CANARY not in text
    with reading(served.engine) as db:
        assert not any(row in text for row in db.scalars(sa.select(SignIn.token_hash)))
    assert not any(line["level"] == "critical" for line in lines)

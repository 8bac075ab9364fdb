"""A real Chromium in front of the real server."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Set
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from registry import sign_in
from tests.serving import PASSWORD, Served, people, serving

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
KNOWN_OF_STREAMLIT = frozenset(
    # Streamlit's own markup, not reachable from a script: navigation with headings puts a div
    # between the list and its items.
    {"list", "listitem"}
)

PageAs = Callable[..., Page]


def settled(page: Page) -> None:
    """Wait until no run of the script is asked for or under way.

    The page itself says so from the moment a click asks for a run, before the server knows of it.
    """
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


IS_DARK = """wanted => {
    const shown = document.querySelector(".stApp") ?? document.body;
    const [red, green, blue] = getComputedStyle(shown).backgroundColor.match(/\\d+/g).map(Number);
    return (red + green + blue < 384) === wanted;
}"""


def barriers(
    page: Page,
    known: Set[str] = KNOWN_OF_STREAMLIT,
    *,
    schemes: tuple[str, ...] = ("dark", "light"),
) -> list[tuple[str, str, str]]:
    """What axe finds wrong in either colour scheme, unless known: scheme, rule and element.

    The page is left in the last scheme.
    """
    found = []
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function(IS_DARK, arg=scheme == "dark")
        if page.get_by_test_id("stApp").count():
            settled(page)
            # What a run has not drawn yet is faint.
            expect(page.locator("[data-stale=true]")).to_have_count(0)
        found += [
            (scheme, rule["id"], node["html"][:160])
            for rule in Axe().run(page).response["violations"]
            for node in rule["nodes"]
            if not known & {rule["id"], node["target"][-1]}
        ]
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=40_000)
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server over a registry of two clinics with one person per role."""
    folder = tmp_path_factory.mktemp("served")
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(folder / "registry.sqlite")
    source.backup(copy)
    source.close()
    copy.close()
    with serving(folder / "registry.sqlite", folder / "log") as server:
        server.people, server.clinics = people(server.engine)
        yield server


class Visit:
    """What a browser context did besides what was asked of it."""

    def __init__(self, context: BrowserContext, served: Served) -> None:
        self.elsewhere: set[str] = set()
        self.complaints: list[str] = []
        context.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((served.address, "data:", "blob:"))
                else self.elsewhere.add(request.url)
            ),
        )
        context.on("console", self._listen)

    def _listen(self, message: ConsoleMessage) -> None:
        # Chromium reports every answer that is no success: a refused form and an ended sign-in are
        # such answers, and what is asked of Streamlit after it has ended.
        address = str(message.location.get("url"))
        expected = "status of 40" in message.text and (
            "/login" in address or "status of 401" in message.text
        )
        if message.type == "error" and not expected:
            self.complaints.append(f"{message.text} ({address})")


@pytest.fixture
def open_page(chromium: Browser, served: Served) -> Iterator[PageAs]:
    """``open_page(scheme="light", width=1280, locale="en-GB")``: a page of a fresh browser profile.

    At the end of the test nothing may have been fetched from elsewhere.
    """
    opened: list[tuple[BrowserContext, Visit]] = []

    def open_one(
        *, scheme: str = "light", width: int = 1280, height: int = 900, locale: str = "en-GB"
    ) -> Page:
        context = chromium.new_context(
            base_url=served.address,
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            locale=locale,
        )
        context.set_default_timeout(20_000)
        opened.append((context, Visit(context, served)))
        return context.new_page()

    yield open_one
    for context, visit in opened:
        context.close()
        assert visit.elsewhere == set()
        assert visit.complaints == []


@pytest.fixture
def page_as(open_page: PageAs, served: Served) -> PageAs:
    """``page_as("clinician", path="/", scheme="dark", width=390)``: a page, signed in.

    The sign-in is a row as the form makes it, and its cookie is given to the browser.
    """

    def sign_in_as(who: str, path: str = "/", **options: object) -> Page:
        page = open_page(**options)
        now = dt.datetime.now(dt.UTC)
        token = sign_in.sign_in(served.engine, who, PASSWORD, "127.0.0.1", now)
        cookie = {"name": "sid", "value": token, "url": served.address, "httpOnly": True}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    return sign_in_as

"""Signing in and out as a person does it, in a real browser."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from registry import accounts
from registry.operations.migration import command_line_actor
from registry.schema import SignIn
from tests.browser.conftest import PageAs, barriers
from tests.serving import PASSWORD, Served

pytestmark = pytest.mark.browser


def looked_at_again(page: Page) -> None:
    """Have the page ask for its sign-in now, as it does when its tab comes to the front."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")


def set_back(served: Served, who: str, ago: dt.timedelta) -> None:
    with served.engine.begin() as connection:
        connection.execute(
            sa.update(SignIn)
            .where(SignIn.user_id == served.people[who])
            .values(seen_at=dt.datetime.now(dt.UTC) - ago)
        )


def test_the_pages_before_signing_in_are_accessible(open_page: PageAs) -> None:
    page = open_page(width=390, height=844)
    for path in ("/login", "/login/code", "/login/link?code=x"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_signing_in_by_keyboard_alone(open_page: PageAs) -> None:
    page = open_page()
    page.goto("/")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("administrator")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(
        "User name or password is not right. Nobody was signed in."
    )
    expect(page.get_by_label("User name")).to_have_value("administrator")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    signed_in = page.get_by_test_id("stSidebarUserContent")
    expect(signed_in.get_by_text("Administrator Example", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_administrators_pages_are_accessible(page_as: PageAs, width: int) -> None:
    page = page_as("administrator", width=width)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("tab", name="Add a person").click()
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_visible()
    assert barriers(page) == []
    page.goto("/account")
    expect(page.get_by_role("button", name="Change password")).to_be_visible()
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_address_opens_after_signing_in(open_page: PageAs) -> None:
    page = open_page()
    page.goto("/account")
    page.get_by_label("User name").fill("administrator")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    assert page.url.endswith("/account")
    page.reload()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_signing_out_leads_every_tab_to_the_door(page_as: PageAs) -> None:
    first = page_as("administrator")
    second = first.context.new_page()
    second.goto("/account")
    expect(second.get_by_role("heading", name="Your account")).to_be_visible()
    second.get_by_role("button", name="Sign out", exact=True).click()
    expect(second.get_by_text("You are signed out.")).to_be_visible()
    looked_at_again(first)
    expect(first.get_by_text("Your sign-in has ended.")).to_be_visible()
    expect(first.get_by_text("administrator", exact=True)).to_have_count(0)
    first.go_back()
    expect(first.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_unattended_page_warns_stays_by_a_key_and_ends(page_as: PageAs, served: Served) -> None:
    page = page_as("administrator", "/account")
    expect(page.get_by_role("button", name="Change password")).to_be_visible()
    set_back(served, "administrator", dt.timedelta(minutes=14, seconds=30))
    looked_at_again(page)
    warning = page.get_by_text("Nobody has used this page for a while.")
    expect(warning).to_be_visible()
    page.keyboard.press("Shift")
    expect(warning).to_have_count(0)
    set_back(served, "administrator", dt.timedelta(minutes=15))
    looked_at_again(page)
    expect(page.get_by_text("Your sign-in has ended.")).to_be_visible()
    page.get_by_label("User name").fill("administrator")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_a_new_colleague_comes_in_by_a_code(page_as: PageAs, open_page: PageAs) -> None:
    page = page_as("administrator")
    page.get_by_role("tab", name="Add a person").click()
    page.get_by_label("Name, as colleagues know it").fill("Carla Example")
    page.get_by_role("textbox", name="User name, for signing in").fill("carla")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Carla Example was added.")).to_be_visible()
    code = page.get_by_text(re.compile(r"^(\w{4}-){3}\w{4}$")).inner_text()

    hers = open_page()
    hers.goto("/login")
    hers.get_by_role("link", name="I have a code").click()
    hers.get_by_label("One-time code").fill(code.lower())
    hers.get_by_label("New password", exact=True).fill("password1234567")
    hers.get_by_label("New password again").fill("password1234567")
    hers.get_by_role("button", name="Set password").click()
    expect(hers.get_by_role("alert")).to_contain_text("among the first that would be guessed")
    hers.get_by_label("One-time code").fill(code)
    hers.get_by_label("New password", exact=True).fill("lantern-oboe-gravel-38")
    hers.get_by_label("New password again").fill("lantern-oboe-gravel-38")
    hers.get_by_role("button", name="Set password").click()
    expect(hers.get_by_text("Carla Example", exact=True)).to_be_visible()


def test_the_link_of_the_demonstration_opens_it(open_page: PageAs, served: Served) -> None:
    code = accounts.issue_sign_in_code(
        served.engine,
        command_line_actor(served.engine),
        served.people["auditor"],
        now=dt.datetime.now(dt.UTC),
    )
    page = open_page()
    page.goto(f"/login/link?code={code}")
    page.get_by_role("button", name="Open the demonstration").click()
    expect(page.get_by_text("Auditor Example", exact=True)).to_be_visible()
    expect(page.get_by_text("Demonstration: every patient and figure here is")).to_be_visible()

"""The HTML that is not Streamlit's: signing in, plain messages, and the frame around the pages."""

from __future__ import annotations

import html
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

import streamlit.file_util

from dashboard.text import _
from registry import language
from registry.errors import Unfit
from registry.passwords import LONGEST, SHORTEST
from registry.vocabulary import Language

ASSETS: Final = {
    "icon.svg": "image/svg+xml",
    "gate.css": "text/css; charset=utf-8",
    "gate.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}


@cache
def asset(name: str) -> bytes:
    """One of the few files that the sign-in page needs."""
    return files("dashboard").joinpath("assets", name).read_bytes()


@cache
def _template(name: str) -> Template:
    return Template(files("dashboard").joinpath("templates", name).read_text(encoding="utf-8"))


def sign_in_page(*, csrf: str, next_path: str, message: str = "", user_name: str = "") -> str:
    """Ask for user name and password."""
    body = _fill(
        "sign_in.html",
        user_name_label=_("User name"),
        password_label=_("Password"),
        button=_("Sign in"),
        have_code=_("I have a code"),
        csrf=csrf,
        next_path=next_path,
        user_name=user_name,
        focus_name="" if user_name else " autofocus",
        focus_password=" autofocus" if user_name else "",
    )
    return _page(_("Sign in"), body, message)


def code_page(*, csrf: str, message: str = "") -> str:
    """Let somebody with a one-time code choose a password."""
    body = _fill(
        "code.html",
        code_label=_("One-time code from your administrator"),
        password_label=_("New password"),
        again_label=_("New password again"),
        hint=_(
            "At least {shortest} characters. A few words that do not belong together are easy to "
            "remember and hard to guess."
        ).format(shortest=SHORTEST),
        button=_("Set password and sign in"),
        back=_("Back to sign in"),
        longest=str(LONGEST),
        csrf=csrf,
    )
    return _page(_("Choose a password"), body, message)


def link_page(*, csrf: str, code: str, message: str = "") -> str:
    """Ask for one click before a one-time link of the demonstration signs in.

    A link alone must not: mail programs and previews follow links, and a stranger's link would
    sign somebody in under a name that is not theirs.
    """
    body = _fill(
        "link.html",
        text=_("This link opens the demonstration, with synthetic patients only. It works once."),
        button=_("Open the demonstration"),
        csrf=csrf,
        code=code,
    )
    return _page(_("Demonstration"), body, message)


def message_page(title: str, message: str, *, link: str = "/", link_text: str = "") -> str:
    """Say one thing, with one way on."""
    body = _fill("message.html", message=message, link=link, link_text=link_text or _("Go on"))
    return _page(title, body)


def _fill(name: str, **values: str) -> str:
    return _template(name).substitute({key: html.escape(value) for key, value in values.items()})


def _page(title: str, body: str, message: str = "") -> str:
    notice = f'<p class="notice" role="alert">{html.escape(message)}</p>' if message else ""
    return _template("page.html").substitute(
        language=language.current().value,
        title=html.escape(title),
        product=html.escape(_("Sclerotherapy Registry")),
        notice=notice,
        body=body,
    )


_IN_FRAME: Final = (
    # What stands in Streamlit's own index.html, and what stands there instead: our name and icon,
    # our script that leads an ended sign-in back to the sign-in page, no inline script (the
    # content security policy would refuse it), no pointer to interfaces that are switched off.
    ('<html lang="en">', '<html lang="$language">'),
    ('<link rel="shortcut icon" href="./favicon.png" />', "$icon"),
    ("<title>Streamlit</title>", "<title>$product</title>"),
    ('<link rel="service-desc" href="./_stcore/agent/openapi.json" />', ""),
)


@cache
def frame(spoken: Language) -> bytes:
    """The page in which Streamlit draws, in the language of its reader.

    Raises :class:`Unfit` if Streamlit's own has changed.
    """
    with language.speaking(spoken):
        return _framed()


def _framed() -> bytes:
    text = Path(streamlit.file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    warning = _(
        "Nobody has used this page for a while. It signs you out in less than a minute; press any "
        "key to stay."
    )
    values = {
        "language": language.current().value,
        "icon": '<link rel="icon" type="image/svg+xml" href="/assets/icon.svg" />\n'
        '    <link rel="stylesheet" href="/assets/page.css" />\n'
        f'    <script defer src="/assets/gate.js" data-warning="{html.escape(warning)}"></script>',
        "product": html.escape(_("Sclerotherapy Registry")),
    }
    for old, new in _IN_FRAME:
        text = _replaced(text, old, Template(new).substitute(values))
    text = _cut(text, "<script>", "</script>")
    text = _cut(text, "<noscript>", "</noscript>")
    needs_script = html.escape(_("The registry needs JavaScript."))
    text = _replaced(
        text, '<div id="root">', f'<noscript>{needs_script}</noscript>\n    <div id="root">'
    )
    return text.encode()


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise Unfit(
            "This version of Streamlit is not the one the registry was tested with. Install the "
            "versions of requirements.lock."
        )
    return text.replace(old, new)


def _cut(text: str, start: str, end: str) -> str:
    before, found, rest = text.partition(start)
    _inside, closed, after = rest.partition(end)
    if not found or not closed:
        return _replaced(text, start, "")
    return before + after

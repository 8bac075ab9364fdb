"""What a person is told when something goes wrong, and what the log keeps of it.

A :class:`RegistryError` is shown in its own words. Anything else is a fault of the program: the
person gets a number to quote, the log gets the number, the kind of error and where it happened.
The error's own words stay out of both: a database puts the values of a row into them.
"""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from dashboard import documents, state
from dashboard.text import _, plain
from registry import access_log
from registry.errors import PermissionDenied, RegistryError

log = logging.getLogger(__name__)


def say(error: RegistryError) -> None:
    """Show the words of ``error``; a refusal is also written to the log of accesses."""
    st.error(plain(error))
    if isinstance(error, PermissionDenied):
        access_log.log_access(state.engine(), state.actor(), "refused", now=state.now())


def new_number() -> str:
    """A short number under which an incident is found in the log."""
    return secrets.token_hex(4)


def words(number: str) -> str:
    """What a person is told about incident ``number``."""
    return _(
        "Something went wrong on our side, number {number}. What was saved before is kept; what "
        "you were just doing may not be. Reload the page and look; if it happens again, tell your "
        "administrator the number."
    ).format(number=number)


def page(number: str) -> str:
    """The same as a page of its own."""
    return documents.message_page(_("Something went wrong"), words(number))


def on_script_error(error: Exception) -> bool:
    """Answer an error that no page caught; always True: nothing more is to be shown."""
    if isinstance(error, RegistryError):
        say(error)
        return True
    number = new_number()
    log.error("incident %s on a page", number, exc_info=error)
    st.error(words(number))
    return True

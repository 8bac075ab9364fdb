"""Addresses of pictures: each for one sign-in, for a while, and of no use to anybody else.

The address of a picture stays the same while a sign-in lasts, so that a page that is drawn again
does not fetch it again. It is made with a secret of this process: nobody can guess one, and it says
nothing about whose picture it is.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PATH: Final = "/photograph/"
LASTS: Final = dt.timedelta(hours=1)
"""Since a page showed the picture last; ending the sign-in ends it at once."""
_SECRET: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Link:
    """What an address leads to, and for which sign-in."""

    sign_in: bytes
    clinic_id: int
    photograph_id: UUID
    until: dt.datetime


_links: dict[str, Link] = {}
_lock = threading.Lock()


def link(token: str, clinic_id: int, photograph_id: UUID, *, now: dt.datetime) -> tuple[str, bool]:
    """The path of a picture for the sign-in with ``token``, and whether it is a new one."""
    sign_in = _mac(token)
    key = (
        base64.urlsafe_b64encode(_mac(f"{token} {clinic_id} {photograph_id}")).decode().rstrip("=")
    )
    with _lock:
        for old in [key for key, link in _links.items() if link.until <= now]:
            del _links[old]
        is_new = key not in _links
        _links[key] = Link(sign_in, clinic_id, photograph_id, now + LASTS)
    return PATH + key, is_new


def find(key: str, token: str, *, now: dt.datetime) -> Link | None:
    """What an address leads to; None when it is made up, too old, or of another sign-in."""
    with _lock:
        found = _links.get(key)
    if found is None or not hmac.compare_digest(found.sign_in, _mac(token)):
        return None
    return found if now < found.until else None


def _mac(text: str) -> bytes:
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).digest()

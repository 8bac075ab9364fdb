"""Files offered for download: each once, for a short time, to the person they were made for.

Streamlit keeps files for download under an address that serves everybody who has it. Here a file
belongs to one account, is made only when it is fetched, and is gone afterwards.
"""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.language import kept

LASTS: Final = dt.timedelta(minutes=10)
MOST_PER_PERSON: Final = 50
PATH: Final = "/download/"


@dataclass(frozen=True, slots=True)
class Offer:
    """A file for one person; ``content`` makes its bytes at the moment it is fetched."""

    user_id: int
    name: str
    media_type: str
    content: Callable[[], bytes]
    until: dt.datetime


_offers: dict[str, Offer] = {}
_lock = threading.Lock()


def offer(
    user_id: int,
    name: str,
    media_type: str,
    content: bytes | Callable[[], bytes],
    *,
    now: dt.datetime,
) -> str:
    """Offer a file and return the path under which it can be fetched once within ten minutes.

    It is made in the language in which it was offered.
    """
    key = secrets.token_urlsafe(32)
    make = kept(content) if callable(content) else lambda: content
    with _lock:
        for old in [key for key, offer in _offers.items() if offer.until <= now]:
            del _offers[old]
        own = [key for key, offer in _offers.items() if offer.user_id == user_id]
        for old in own[: max(0, len(own) + 1 - MOST_PER_PERSON)]:
            del _offers[old]
        _offers[key] = Offer(user_id, name, media_type, make, now + LASTS)
    return PATH + key


def take(key: str, user_id: int, *, now: dt.datetime) -> Offer | None:
    """Take an offer, which ends it; None when used, too old, or made for somebody else."""
    with _lock:
        found = _offers.get(key)
        if found is None or found.user_id != user_id:
            return None
        del _offers[key]
    return found if now < found.until else None

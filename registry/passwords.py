"""Passwords: what is accepted, and how it is kept.

Length is what counts (NIST SP 800-63B-4: at least 15 characters where a password is the only
factor, no rules of composition, no forced change). Refused is what a guesser tries first: words and
phrases of ``common_passwords.txt``, keyboard walks, sequences, repetitions, years, and what
everybody knows about the account. A password made of such pieces and little else is as weak as one
of them, so the pieces are taken out and what is left must still be long enough.

Kept is argon2id with 19 MiB, two passes and one lane (OWASP's smallest recommended setting); at
most two are computed at once, so a flood of sign-ins cannot take the memory or both processors.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from registry.errors import RegistryError
from registry.messages import message

SHORTEST: Final = 15
LONGEST: Final = 256
LEFT_OVER: Final = 6
"""Characters that must remain when every predictable piece is taken out. Our decision: six random
characters beside a common phrase still cost a guesser over 10^9 tries at 20 an hour."""

COMPUTING: Final = threading.BoundedSemaphore(2)

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS_HASH: Final = _HASHER.hash("a password that nobody has")
_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
)
_LOOKALIKES: Final = str.maketrans("0134578@$!|", "oleastbasil")
_OWN_WORDS: Final = ("sclerotherapy", "sclero", "registry", "clinic", "varicose", "phlebology")


class WeakPassword(RegistryError):
    """A password that is too short or too easy to guess; the old one stays."""


def normalised(password: str) -> str:
    """The one form in which a password is compared (NFKC), so every keyboard gives the same."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, about: Iterable[str] = ()) -> None:
    """Raise :class:`WeakPassword` unless the password may be used.

    ``about`` is what everybody knows about the account: user name, own name, names of its clinics.
    """
    password = normalised(password)
    if len(password) < SHORTEST:
        raise WeakPassword(
            message(
                "The password has {count} characters; it needs at least {least}. A few words that "
                "do not belong together are easy to remember. Nothing was changed.",
                count=len(password),
                least=SHORTEST,
            )
        )
    if len(password) > LONGEST:
        raise WeakPassword(
            message(
                "The password is longer than {most} characters. Nothing was changed.",
                most=LONGEST,
            )
        )
    known = [
        word
        for phrase in (*about, *_OWN_WORDS)
        for word in re.split(r"[\W_]+", phrase.casefold())
        if len(word) >= 3
    ]
    if len(unpredictable(password, known)) < LEFT_OVER:
        raise WeakPassword(
            message(
                "This password is among the first that would be guessed: it is made of common "
                "words, your own or the clinic's name, keyboard rows, repetitions or years. Add "
                "words that nobody would expect. Nothing was changed."
            )
        )


def unpredictable(password: str, known: Iterable[str] = ()) -> str:
    """What is left of ``password`` when common and ``known`` words, walks and years are taken out.

    Characters repeated count once; of a piece that comes twice, the second is no surprise either.
    """
    text = "".join(password.casefold().split())
    plain = text.translate(_LOOKALIKES)
    predictable = [False] * len(text)
    for word in (*common_passwords(), *known):
        for form in (text, plain):
            start = form.find(word)
            while start >= 0:
                predictable[start : start + len(word)] = [True] * len(word)
                start = form.find(word, start + 1)
    for match in re.finditer(r"(19|20)\d\d", text):
        predictable[match.start() : match.end()] = [True] * 4
    for start in range(len(text) - 2):
        piece = text[start : start + 3]
        if any(piece in run or piece[::-1] in run for run in _RUNS):
            predictable[start : start + 3] = [True] * 3
        if piece in text[:start] or plain[start : start + 3] in plain[:start]:
            predictable[start : start + 3] = [True] * 3
    for place in range(1, len(text)):
        predictable[place] |= text[place] == text[place - 1]
    return "".join(character for character, skip in zip(text, predictable, strict=True) if not skip)


@cache
def common_passwords() -> frozenset[str]:
    """Words and phrases that guessers try first, lower case and without blanks."""
    text = files("registry").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def hashed(password: str) -> str:
    """The argon2id hash to be stored, with its own salt and settings."""
    with COMPUTING:
        return _HASHER.hash(_bytes(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether ``password`` belongs to the hash; takes as long when there is no hash at all."""
    with COMPUTING:
        try:
            _HASHER.verify(stored or _NOBODYS_HASH, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker settings and should be made anew."""
    return _HASHER.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    # A browser may send what is no character at all; that must fail to match, not to be compared.
    return normalised(password).encode("utf-8", "surrogatepass")

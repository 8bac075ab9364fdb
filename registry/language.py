"""The language in which words are shown, and how it writes numbers and days.

The language is asked for at each call and never kept in a constant: one process speaks to many
people. It is, in this order, what :func:`speaking` set around the call, what the session of the
person says (:func:`listen_to`), and English. English texts are the keys of the catalogue of each
other language, ``registry/locale/LANGUAGE/LC_MESSAGES/registry.po``.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import GNUTranslations
from importlib.resources import files
from typing import Final, ParamSpec, TypeVar

from registry.vocabulary import Language

P = ParamSpec("P")
R = TypeVar("R")

NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"
OWN_NAMES: Final = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}
"""Each language by its own name: whoever looks for it may read no other."""

_spoken: ContextVar[Language | None] = ContextVar("spoken", default=None)
_of_session: Callable[[], Language | None] = lambda: None  # noqa: E731 - replaced by listen_to


def listen_to(of_session: Callable[[], Language | None]) -> None:
    """Let ``of_session`` say which language the person at hand reads; None where nobody is."""
    global _of_session
    _of_session = of_session


def current() -> Language:
    """The language of this call."""
    return _spoken.get() or _of_session() or Language.ENGLISH


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Everything within, in this thread or task, is said in ``language``."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def kept(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` in the language of now, whenever and in whichever thread it is called."""
    language = current()

    @functools.wraps(function)
    def said(*args: P.args, **kwargs: P.kwargs) -> R:
        with speaking(language):
            return function(*args, **kwargs)

    return said


def preferred(accepted: str | None) -> Language:
    """The language of ours that a browser likes best by its ``Accept-Language``; else English."""
    ranked: list[tuple[float, int, Language]] = []
    for place, given in enumerate((accepted or "").split(",")[:20]):
        tag, _, quality = given.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        known = tag.strip().lower().partition("-")[0]
        if known in list(Language) and 0 < weight <= 1:
            ranked.append((-weight, place, Language(known)))
    return min(ranked)[2] if ranked else Language.ENGLISH


@functools.cache
def catalogue_of(language: Language) -> GNUTranslations:
    """The translations into ``language``, read at the first use and kept."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    place = files("registry") / "locale" / language.value / "LC_MESSAGES" / "registry.po"
    compiled = io.BytesIO()
    with place.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language.value))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translated(text: str) -> str:
    """``text`` in the language of now; as it is where the catalogue lacks it."""
    language = current()
    # The empty text is the key of the catalogue's own heading.
    if language is Language.ENGLISH or not text:
        return text
    return catalogue_of(language).gettext(text)


def translated_count(one: str, several: str, n: int) -> str:
    """The one of two texts that goes with ``n``, in the language of now."""
    language = current()
    if language is Language.ENGLISH:
        return one if n == 1 else several
    return catalogue_of(language).ngettext(one, several, n)


def small(text: str) -> str:
    """``text`` with a small first letter, unless it begins with an abbreviation or a class."""
    return text if text[1:2].isupper() or text[1:2].isdigit() else text[:1].lower() + text[1:]


def inline(label: str) -> str:
    """An English label as it stands within a sentence of the language.

    English begins it small. German writes nouns large anywhere; a label that is none has a
    translation of its small spelling too.
    """
    if current() is Language.ENGLISH:
        return small(label)
    found = translated(small(label))
    return translated(label) if found == small(label) else found


def within(text: str) -> str:
    """Words of this language that may begin small within a sentence: in English they do."""
    return small(text) if current() is Language.ENGLISH else text


# --- numbers and days ----------------------------------------------------------------------------


@functools.cache
def _marks(language: Language) -> dict[int, str]:
    """What stands for the comma between thousands and for the point before decimals."""
    from babel import Locale

    symbols = Locale(language.value).number_symbols["latn"]
    return str.maketrans({",": symbols["group"], ".": symbols["decimal"]})


@functools.cache
def months(language: Language) -> tuple[str, ...]:
    """The short names of the twelve months, as they stand within a day."""
    from babel import Locale

    names = Locale(language.value).months["format"]["abbreviated"]
    return tuple(names[month] for month in range(1, 13))


def decimal(value: float, decimals: int) -> str:
    """A number with so many decimals and its thousands set apart: 12,173.5."""
    return f"{value:,.{decimals}f}".translate(_marks(current()))


def as_typed(digits: str) -> str:
    """Digits with a decimal point, such as ``0.5``, with the mark of the language."""
    return digits.translate(_marks(current()))


def count(value: float) -> str:
    """A whole number with its thousands set apart: 12,173."""
    return decimal(value, 0)


def percent(share: float, decimals: int = 0) -> str:
    """A share in per cent: 0.40 % for 0.004 and two decimals; "–" for none."""
    if math.isnan(share):
        return "–"
    return f"{decimal(100 * share, decimals)}{NARROW_SPACE}%"


def day(value: dt.date) -> str:
    """A day: 23 Nov 2026."""
    language = current()
    dot = "." if language is Language.GERMAN else ""
    return f"{value.day}{dot} {months(language)[value.month - 1]} {value.year}"


def month(value: dt.date) -> str:
    """A month: Nov 2026."""
    return f"{months(current())[value.month - 1]} {value.year}"


def month_name(value: dt.date) -> str:
    """A month without its year: Nov."""
    return months(current())[value.month - 1]

"""Sentences that are translated when they are shown, not when they are made.

A result carries the English text with its named parts; pages, the command line and printed reports
turn it into words with :func:`render`.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """An English text with named gaps, and what fills them."""

    text: str
    parts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """The message in the language of the process."""
        return render(self)


def message(text: str, **parts: object) -> Message:
    """Make a message; ``text`` is the key that translators work from."""
    return Message(text, parts)


def listed(given: Sequence[Message], between: str = ", ") -> Message:
    """Several messages as one, with commas or something else between them."""
    names = [f"part{i}" for i in range(len(given))]
    text = between.join(f"{{{name}}}" for name in names)
    return Message(text, dict(zip(names, given, strict=True)))


def render(given: Message | str, translate: Callable[[str], str] = gettext.gettext) -> str:
    """The message in words. Parts that are messages are rendered too."""
    if isinstance(given, str):
        return translate(given)
    parts = {
        name: render(part, translate) if isinstance(part, Message) else part
        for name, part in given.parts.items()
    }
    return translate(given.text).format_map(parts)

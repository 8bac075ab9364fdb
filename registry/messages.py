"""Sentences that are translated when they are shown, not when they are made.

A result carries the English text with its named parts; pages, the command line and printed reports
turn it into words with :func:`render`. What is said at once, such as an error, goes through ``_``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from registry.language import inline as _inline
from registry.language import translated as _
from registry.language import translated_count as ngettext

__all__ = [
    "N_",
    "Message",
    "Written",
    "_",
    "inline",
    "listed",
    "message",
    "ngettext",
    "render",
    "written",
]


def N_(text: str) -> str:  # noqa: N802 - the name that extraction knows
    """Mark a text for translation that is shown, and translated, elsewhere."""
    return text


@dataclass(frozen=True, slots=True)
class Message:
    """An English text with named gaps, and what fills them.

    ``is_inline`` says that it stands within a sentence, where a label may begin small.
    """

    text: str
    parts: Mapping[str, object] = field(default_factory=dict)
    is_inline: bool = False

    def __str__(self) -> str:
        """The message in the language of now."""
        return render(self)


@dataclass(frozen=True, slots=True)
class Written:
    """A number or day that fills a gap, written in the language of whoever reads it."""

    write: Callable[..., str]
    values: tuple[object, ...]
    options: Mapping[str, object]

    def __str__(self) -> str:
        """The value in the language of now."""
        return self.write(*self.values, **self.options)


def written(write: Callable[..., str], *values: object, **options: object) -> Written:
    """What ``write`` makes of the values, when it is shown: in labels and sentences of rows."""
    return Written(write, values, options)


def message(text: str, **parts: object) -> Message:
    """Make a message; ``text`` is the key that translators work from."""
    return Message(text, parts)


def inline(label: str) -> Message:
    """A label as it stands within a sentence."""
    return Message(label, is_inline=True)


def listed(given: Sequence[Message], between: str = ", ") -> Message:
    """Several messages as one, with commas or something else between them."""
    names = [f"part{i}" for i in range(len(given))]
    text = between.join(f"{{{name}}}" for name in names)
    return Message(text, dict(zip(names, given, strict=True)))


def render(given: Message | str) -> str:
    """The message in words, in the language of now. Parts that are messages are rendered too."""
    if isinstance(given, str):
        return _(given)
    parts = {
        name: render(part) if isinstance(part, Message) else part
        for name, part in given.parts.items()
    }
    return (_inline(given.text) if given.is_inline else _(given.text)).format_map(parts)

"""Values of a form's fields as JSON and back, for drafts.

Strict: a value comes back with the type it had or not at all, so a draft of an older or newer
program fills the fields that it still fits and names the others.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from registry import vocabulary
from registry.entry import forms
from registry.entry.forms import Entry

VERSION: Final = 1

_SETS: Final[Mapping[str, type[StrEnum]]] = {
    name: kind
    for name, kind in vars(vocabulary).items()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
}
_ENTRIES: Final[Mapping[str, type[Any]]] = {
    name: kind for name, kind in vars(forms).items() if hasattr(kind, "__dataclass_fields__")
}
_READERS: Final[Mapping[str, Any]] = {"day": dt.date.fromisoformat, "id": UUID, "number": Decimal}


class Unreadable(ValueError):
    """A value that this program cannot hold in a draft, or no longer knows."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a form holds: values by field, and the stored record that it corrects.

    ``unreadable`` names the fields whose value this program does not know; ``base`` is None when
    the form makes a new record or when the record as it was can no longer be read.
    """

    values: Mapping[str, Any]
    base: Entry | None = None
    unreadable: frozenset[str] = frozenset()


def can_hold(value: object) -> bool:
    """Whether a draft can hold the value: what people type and choose, not what a page computes."""
    try:
        _plain(value)
    except Unreadable:
        return False
    return True


def written(content: Content) -> str:
    """The content as JSON; raises :class:`Unreadable` for a value that a draft cannot hold."""
    whole = {
        "version": VERSION,
        "values": {field: _plain(value) for field, value in content.values.items()},
        "base": None if content.base is None else _plain(content.base),
    }
    return json.dumps(whole, separators=(",", ":"), sort_keys=True)


def read(text: str) -> Content:
    """The content that ``text`` holds, as far as this program knows it."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if not isinstance(whole, dict) or not isinstance(whole.get("values"), dict):
        return Content(MappingProxyType({}))
    if whole.get("version") != VERSION:
        return Content(MappingProxyType({}), unreadable=frozenset(whole["values"]))
    values, unreadable = {}, set()
    for field, value in whole["values"].items():
        try:
            values[field] = _value(value)
        except Unreadable:
            unreadable.add(field)
    try:
        base = _value(whole.get("base"))
    except Unreadable:
        base = None
    return Content(values, base if isinstance(base, Entry) else None, frozenset(unreadable))


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            if type(value).__name__ not in _SETS:
                raise Unreadable(type(value).__name__)
            return {"set": type(value).__name__, "is": value.value}
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return {"number": str(value)}
        case UUID():
            return {"id": str(value)}
        case dt.date() if not isinstance(value, dt.datetime):
            return {"day": value.isoformat()}
        case list():
            return [_plain(part) for part in value]
        case tuple():
            return {"row": [_plain(part) for part in value]}
        case frozenset():
            return {"any": sorted((_plain(part) for part in value), key=json.dumps)}
    kind = type(value).__name__
    if kind in _ENTRIES:
        said = {field.name: _plain(getattr(value, field.name)) for field in fields(_ENTRIES[kind])}
        return {"entry": kind, "says": said}
    raise Unreadable(kind)


def _value(plain: Any) -> Any:
    match plain:
        case None | bool() | int() | float() | str():
            return plain
        case list():
            return [_value(part) for part in plain]
        case {"set": str(name), "is": str(member)} if name in _SETS:
            return _read(_SETS[name], member)
        case {"row": list(parts)}:
            return tuple(_value(part) for part in parts)
        case {"any": list(parts)}:
            try:
                return frozenset(_value(part) for part in parts)
            except TypeError:
                raise Unreadable("a set of what cannot be in a set") from None
        case {"entry": str(name), "says": dict(said)} if name in _ENTRIES:
            known = {field.name for field in fields(_ENTRIES[name])}
            if said.keys() != known:
                raise Unreadable(name)
            return _ENTRIES[name](**{field: _value(part) for field, part in said.items()})
        case dict() if len(plain) == 1:
            ((kind, text),) = plain.items()
            if kind in _READERS and isinstance(text, str):
                return _read(_READERS[kind], text)
    raise Unreadable("unknown kind of value")


def _read(reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except (ValueError, InvalidOperation):
        raise Unreadable(text) from None

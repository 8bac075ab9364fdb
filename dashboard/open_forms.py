"""The forms that a person has open, and their drafts: what was typed outlasts page and server.

A draft is stored before the page is drawn, so that a field which was left is in it whatever happens
afterwards. What the page fills in by itself is no draft.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import data
from registry.entry import draft_content
from registry.entry.draft_content import Content
from registry.entry.drafts import DraftHead
from registry.entry.forms import Entry
from registry.entry.stale import Stale
from registry.errors import RegistryError

ASKED_ANEW: Final = "accept:"
"""Fields of a confirmation begin so: it holds for what is on the page, not for a draft of it."""


@dataclass(slots=True)
class Opened:
    """A form being filled in: its identifier, and the stored record that it corrects, if any.

    The fields begin with what ``base`` says; ``stored`` is the record at ``version``, from which
    changes are told. ``begun`` holds each field's first value; ``restored`` names the fields that a
    draft filled, and ``lost`` those that it could not fill. ``refused`` is what was typed when it
    was refused as ``stale``, ``left`` what a page from before a restart still shows, in words, and
    ``replaces`` the draft that this form's draft takes the place of. ``shown`` holds by field what
    each label stood for that was ever drawn, ``judged`` by rule the warning as it was last said.
    """

    id: UUID
    clinic_id: int
    request_key: UUID
    base: Entry | None = None
    stored: Entry | None = None
    version: int = 0
    attempted: bool = False
    patient_id: UUID | None = None
    begun: dict[str, Any] = field(default_factory=dict)
    is_drawn: bool = False
    restored: frozenset[str] = frozenset()
    lost: set[str] = field(default_factory=set)
    resumed_from: dt.datetime | None = None
    kept: Mapping[str, Any] | None = None
    kept_at: dt.datetime | None = None
    unkept: str | None = None
    stale: Stale | None = None
    refused: Mapping[str, Any] | None = None
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replaces: UUID | None = None
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    judged: dict[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """What tells the widgets of this form from those of every other."""
        return number_of(self.request_key)


def number_of(request_key: UUID) -> int:
    """Number in the keys of the widgets of the form whose draft this is, after a restart too."""
    return int.from_bytes(request_key.bytes[:5])


def keys(name: str, opened: Opened) -> Iterator[str]:
    """Keys of the form's values in ``st.session_state``."""
    prefix = f"{name}:{opened.number}:"
    return (str(key) for key in st.session_state if str(key).startswith(prefix))


def left_in_browser(name: str) -> dict[int, dict[str, tuple[str, ...]]]:
    """What a page from before the server was started anew shows, by form and field, in words.

    Such a page sends the state of its widgets with the next click, and nobody here knows them yet.
    """
    context = get_script_run_ctx(suppress_warning=True)
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for widget in context.session_state.get_widget_states() if context is not None else ():
        key = re.fullmatch(rf"\$\$ID-[^-]+-{name}:([0-9]+):(.+)", widget.id)
        if key is not None:
            texts = found.setdefault(int(key[1]), {})
            match widget.WhichOneof("value"):
                case "string_value":
                    texts[key[2]] = (widget.string_value,)
                case "string_array_value":
                    texts[key[2]] = tuple(widget.string_array_value.data)
    return found


def keep_all() -> None:
    """Store a draft of every open form in which something was typed since the last time."""
    for key in [key for key in st.session_state if str(key).endswith(":opened")]:
        opened = st.session_state[key]
        if isinstance(opened, Opened) and opened.is_drawn:
            keep(str(key).removesuffix(":opened"), opened)


def keep(name: str, opened: Opened) -> None:
    """Store a draft of a form, if something was typed in it that the draft does not hold yet.

    A database that does not take it stops nobody from going on: ``opened.unkept`` says why.
    """
    if f"{name}:saved" in st.session_state:
        return
    values = typed(name, opened)
    is_wanted = opened.kept is not None or opened.replaces is not None or is_touched(name, opened)
    if values == opened.kept or not is_wanted:
        return
    head = DraftHead(
        id=opened.request_key,
        record_id=opened.id,
        form=name,
        patient_id=opened.patient_id,
        base_version=opened.version if opened.base is not None else None,
    )
    try:
        opened.kept_at = data.keep_draft(opened.clinic_id, head, Content(values, opened.stored))
        if opened.replaces is not None:
            data.discard_draft(opened.replaces)
            opened.replaces = None
    except RegistryError as error:
        opened.unkept = str(error)
        return
    opened.kept, opened.unkept = values, None


def typed(name: str, opened: Opened) -> dict[str, Any]:
    """Values of the form's fields by name.

    A switch whose first value nobody gave is a button, and holds nothing.
    """
    start = len(f"{name}:{opened.number}:")
    held = {key[start:]: st.session_state[key] for key in keys(name, opened)}
    return {
        field: value
        for field, value in held.items()
        if not field.startswith(ASKED_ANEW)
        and draft_content.can_hold(value)
        and (field in opened.begun or field in opened.restored or not isinstance(value, bool))
    }


def is_touched(name: str, opened: Opened) -> bool:
    """Whether the form holds anything but what the page itself put there."""
    if opened.restored or opened.base != opened.stored:
        return True
    return any(
        value != begun and not (_is_blank(value) and _is_blank(begun))
        for value, begun in (
            (value, opened.begun.get(field)) for field, value in typed(name, opened).items()
        )
    )


def _is_blank(value: object) -> bool:
    return value is None or value == "" or value == []

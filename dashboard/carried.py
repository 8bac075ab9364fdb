"""Values that a form takes over from the last session: marked until touched or confirmed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.form import Form
from dashboard.text import _, plain
from registry.entry.problems import Level, Problem
from registry.messages import message

KEY = "carried"


def over(form: Form, day: dt.date, fields: Iterable[str]) -> None:
    """Remember that these fields hold what they held on ``day``."""
    values = {field: form.get(field) for field in fields}
    form.set("carried_from", day)
    _hold(form, {field: value for field, value in values.items() if value})


def open_fields(form: Form) -> list[str]:
    """Fields that still hold what was carried over, and that nobody has confirmed."""
    return [field for field, value in _held(form).items() if form.get(field) == value]


def _held(form: Form) -> dict[str, Any]:
    return dict(form.get(KEY) or ())


def _hold(form: Form, values: Mapping[str, Any]) -> None:
    """As rows, which a draft can hold: what was checked before stays checked in it."""
    form.set(KEY, list(values.items()))


def propose(form: Form, field: str) -> None:
    """Remember that the value of a field, if it has one, is a proposal nobody has confirmed."""
    value = form.get(field)
    if value:
        _hold(form, _held(form) | {field: value})
    else:
        confirm(form, [field])


def unchecked(form: Form, labels: Mapping[str, str]) -> list[Problem]:
    """Ask once whether those of these values that nobody looked at are right."""
    still = open_fields(form)
    named = ", ".join(label for field, label in labels.items() if field in still)
    if not named:
        return []
    return [
        Problem(
            KEY,
            "carried_unchecked",
            message(
                "Proposed, and nobody has looked: {fields}. Right as they stand? Correct them "
                "above, press All as last time (Alt+L), or say yes here.",
                fields=named,
            ),
            Level.CONFIRM,
        )
    ]


def confirm(form: Form, fields: Iterable[str] | None = None) -> None:
    """Take fields, or all of them, as confirmed."""
    left = {} if fields is None else _held(form)
    for field in fields or ():
        left.pop(field, None)
    _hold(form, left)


def heading(form: Form) -> None:
    """Where the first values come from, and one key that confirms them all."""
    still = open_fields(form)
    if len(still) < len(_held(form)):
        # Touched is checked, also when the old value is typed back.
        _hold(form, {field: form.get(field) for field in still})
    day = form.get("carried_from")
    if day is None:
        return
    if not still:
        st.text(_("Begun with the values of {day}; all are checked.").format(day=words.day(day)))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(_("Begun with the values of {day}; those to check are named.").format(
            day=words.day(day)
        ))  # fmt: skip
        st.button(
            _("All as last time"),
            key=form.key("confirm_carried"),
            icon=":material/done_all:",
            shortcut="Alt+L",
            on_click=confirm,
            args=(form,),
        )


def mark(form: Form, labels: Mapping[str, str]) -> None:
    """Name those of these fields that are still as carried over; nothing when none is."""
    place = st.empty()
    still = set(open_fields(form))
    named = ", ".join(label for field, label in labels.items() if field in still)
    day = form.get("carried_from")
    if not named:
        return
    sentence = _("Proposed: check {fields}.").format(fields=named)
    if day is not None:
        sentence = _("From {day}: check {fields}.").format(day=words.day(day), fields=named)
    place.markdown(f":small[{plain(sentence)}]")

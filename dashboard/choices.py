"""Choices whose labels are made of stored data, and may change while a form is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from dashboard.form import Form


def offered(
    form: Form, field: str, options: Iterable[Any], in_words: Callable[[Any], str]
) -> Callable[[Any], str]:
    """Labels of a field's options; its value, one or a list, is brought to what they are now.

    A browser names a choice by the label that it was shown: a course is "1 of 3 sessions" there
    until the page tells it otherwise. Options that read alike are told apart by a number.
    """
    labels: dict[Any, str] = {}
    for option in options:
        label, count = in_words(option), 1
        while label in labels.values():
            count += 1
            label = f"{in_words(option)} ({count})"
        labels[option] = label
    shown = form.opened.shown.setdefault(field, {})
    value = form.get(field)
    held = value if isinstance(value, list) else [] if value is None else [value]
    meant = [one if one in labels else shown.get(one, one) for one in held]
    was_renamed = shown and any(one in labels and labels[one] not in shown for one in meant)
    if was_renamed or meant != held:
        st.session_state[form.key(field)] = meant if isinstance(value, list) else meant[0]
    shown.update({label: option for option, label in labels.items()})
    return lambda option: labels[option]

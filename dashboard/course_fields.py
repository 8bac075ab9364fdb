"""Correct what is known of a stored course: what it is for, how it was planned, who pays."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import streamlit as st

from dashboard import data, words
from dashboard.text import _, plain
from registry.entry.forms import CourseEntry
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry, RegistryError
from registry.vocabulary import Indication, ReasonForChange


def offer_change(course_id: UUID) -> None:
    """Fields of the course behind a button, for those who may correct records."""
    if not data.may_amend():
        return
    menu = st.popover(
        _("Change the course"),
        icon=":material/edit:",
        type="tertiary",
        key=f"course_change:{course_id}",
        on_change="rerun",
    )
    if not menu.open:
        return
    entry, version = data.stored(CourseEntry, course_id)
    assert isinstance(entry, CourseEntry)  # noqa: S101 - what was asked for
    with menu:
        _change(entry, version)


def _change(entry: CourseEntry, version: int) -> None:
    # A course that was changed meanwhile begins with its new values.
    at = f"course:{entry.id}:{version}"
    indication = st.segmented_control(
        _("For"),
        list(Indication),
        default=entry.indication,
        format_func=words.label,
        key=f"{at}:indication",
    )
    planned: int | None = st.number_input(
        _("Sessions planned"),
        min_value=1,
        max_value=50,
        value=entry.planned_sessions,
        step=1,
        key=f"{at}:planned",
    )
    known = data.payers()
    offered = known if entry.payer in (None, *known) else [*known, entry.payer]
    payer: str | None = st.selectbox(
        _("Paid by"),
        offered,
        index=None if entry.payer is None else offered.index(entry.payer),
        accept_new_options=True,
        placeholder=_("Not recorded"),
        key=f"{at}:payer",
    )
    reason = st.selectbox(
        _("Reason for the change"),
        [ReasonForChange.NEW_INFORMATION, ReasonForChange.TYPING_ERROR],
        format_func=words.label,
        key=f"{at}:reason",
    )
    changed = replace(
        entry,
        indication=indication,
        planned_sessions=planned,
        payer=(payer or "").strip() or None,
    )
    if not st.button(_("Save the course"), key=f"{at}:save", disabled=changed == entry):
        return
    said = (changed.indication, changed.planned_sessions, changed.payer)
    change = data.Change(version, reason, None, derived_id(entry.id, "change", version, *said))
    try:
        data.amend(changed, change, ())
    except InvalidEntry as error:
        for problem in error.problems:
            st.error(plain(problem.message))
        return
    except RegistryError as error:
        st.error(plain(error))
        return
    st.rerun()

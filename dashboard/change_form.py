"""What changed in the clinic, from a day on: the list, and its form for those who may record it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import control_data, data, state
from dashboard.filters import DAY_FORMAT
from dashboard.text import _, plain
from registry.entry.change_points import ChangeEntry
from registry.errors import InvalidEntry, RegistryError

REQUEST: Final = "change_request"
"""Key in ``st.session_state``: identifier of what is being typed; sent twice, it is one."""
DONE: Final = "change_done"
"""Key in ``st.session_state``: what was just done, to be said once."""


def show() -> None:
    """The changes of the clinic at hand, and the forms to add one or to withdraw one."""
    st.header(_("Changes in {clinic}").format(clinic=plain(state.clinic_summary().name)))
    done = st.session_state.pop(DONE, None)
    if done:
        st.success(plain(done))
    changes = control_data.changes_here()
    if not changes:
        st.text(_("None is recorded. A new foam gas or a new duplex machine would be one."))
    for change in changes:
        st.text(control_data.name_of(change, state.today()))
    if not control_data.may_record_changes():
        return
    with st.expander(_("Record a change"), icon=":material/flag:", key="change_new"):
        _record()
    if changes:
        with st.expander(_("Withdraw a change"), icon=":material/undo:", key="change_withdraw"):
            _withdraw(
                {change.id: control_data.name_of(change, state.today()) for change in changes}
            )


def _record() -> None:
    with st.form("change", border=False):
        what = st.text_input(
            _("What changed"),
            placeholder=_("CO₂ foam"),
            help=_("Everybody who reads charts reads this: name no patient."),
            key="change_what",
        )
        changed_on = st.date_input(
            _("First day of the new way"),
            value=state.today(),
            format=DAY_FORMAT,
            key="change_day",
            width=220,
        )
        begins_limits = st.checkbox(
            _("Control limits begin anew from that day"),
            value=True,
            help=_(
                "Leave it on for what was meant to change results. The limits before stay as they "
                "were. Off, the change is only noted on the charts."
            ),
            key="change_limits",
        )
        sent = st.form_submit_button(_("Record the change"), type="primary")
    if sent:
        entry = ChangeEntry(changed_on, what, begins_limits)
        _do(lambda key: control_data.record(entry, key), _("The change is recorded."))


def _withdraw(names: dict[UUID, str]) -> None:
    with st.form("withdraw_change", border=False):
        chosen = st.selectbox(
            _("Change"),
            list(names),
            format_func=lambda key: plain(names[key]),
            key="withdraw_which",
        )
        reason = st.text_input(_("Why is it withdrawn?"), key="withdraw_reason")
        sent = st.form_submit_button(_("Withdraw the change"))
    if sent:
        _do(
            lambda key: control_data.withdraw(chosen, reason, key),
            _("The change is withdrawn. The trail keeps it, with your reason."),
        )


def _do(change: Callable[[UUID], None], said: str) -> None:
    """Carry out what was typed once, and show the page anew with it."""
    request = st.session_state.setdefault(REQUEST, data.new_id())
    try:
        change(request)
    except InvalidEntry as error:
        st.error("  \n".join(plain(problem.message) for problem in error.problems))
        return
    except RegistryError as error:
        st.error(plain(error))
        return
    del st.session_state[REQUEST]
    st.session_state[DONE] = said
    st.rerun()

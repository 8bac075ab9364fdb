"""The targets that a clinic sets for its indicators, from a day on."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

import streamlit as st

from dashboard import data, overview_data, state, words
from dashboard.filters import DAY_FORMAT
from dashboard.text import _, plain
from registry.analysis.judgement import target_shown
from registry.catalogue import IndicatorUnit
from registry.errors import RegistryError

REQUEST: Final = "target_request"
"""Key in ``st.session_state``: identifier of the change being typed; sent twice, it is one."""


def show() -> None:
    """Set the target of one indicator; what was set before stays readable."""
    with st.expander(_("Targets of this clinic"), icon=":material/flag:", key="targets"):
        st.text(
            _(
                "An indicator with a target is judged by it, instead of by its own past. Whoever "
                "looks later sees which target held when."
            )
        )
        rows = overview_data.indicators()
        code = st.selectbox(
            _("Indicator"),
            list(rows),
            format_func=lambda code: _(rows[code].label),
            key="target_code",
        )
        row = rows[code]
        units = {
            IndicatorUnit.PERCENT: _("Target in per cent; blank for none"),
            IndicatorUnit.PER_THOUSAND: _("Target per 1,000; blank for none"),
        }
        with st.form("target", border=False):
            value = st.number_input(
                units[row.unit],
                min_value=0.0,
                max_value=float(row.unit.of),
                value=None,
                step=0.1,
                format="%.1f",
                key="target_value",
            )
            valid_from = st.date_input(
                _("Valid from"), value=state.today(), format=DAY_FORMAT, key="target_from"
            )
            sent = st.form_submit_button(_("Set the target"))
        if sent:
            _set(code, None if value is None else Decimal(str(value)), valid_from)
        for earlier in overview_data.targets_set(code):
            shown = _("no target") if earlier.value is None else target_shown(row, earlier.value)
            st.text(
                _("From {day}: {target}").format(day=words.day(earlier.valid_from), target=shown)
            )


def _set(code: str, value: Decimal | None, valid_from: dt.date) -> None:
    """Store what was typed, and show the page anew with it."""
    request = st.session_state.setdefault(REQUEST, data.new_id())
    try:
        overview_data.set_target(code, value, valid_from, request)
    except RegistryError as error:
        st.error(plain(error))
        return
    del st.session_state[REQUEST]
    st.rerun()

"""What a clinic sets for itself from a day on: the targets of its indicators, and other limits."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

import streamlit as st

from dashboard import data, overview_data, state, words
from dashboard.filters import DAY_FORMAT
from dashboard.text import _, plain
from registry.analysis import wording
from registry.analysis.judgement import target_shown
from registry.catalogue import ClinicSetting, IndicatorUnit
from registry.errors import RegistryError

REQUEST: Final = "target_request"
"""Key in ``st.session_state``: identifier of the change being typed; sent twice, it is one."""


def show() -> None:
    """Set one target or limit; what was set before stays readable."""
    with st.expander(
        _("Targets and settings of this clinic"), icon=":material/flag:", key="targets"
    ):
        st.text(
            _(
                "An indicator with a target is judged by it, instead of by its own past. Whoever "
                "looks later sees what held when."
            )
        )
        rows = overview_data.settings()
        code = st.selectbox(
            _("What is set"),
            list(rows),
            format_func=lambda code: _name(code, rows[code]),
            key="target_code",
        )
        row = rows[code]
        if overview_data.indicator_of(code) is None:
            st.text(_(row.meaning))
        with st.form("target", border=False):
            value = st.number_input(
                _label(code, row),
                min_value=float(row.minimum),
                max_value=float(row.maximum),
                value=None,
                step=0.1 if overview_data.indicator_of(code) else 1.0,
                format="%.1f" if overview_data.indicator_of(code) else "%.0f",
                key=f"target_value_{code}",
            )
            valid_from = st.date_input(
                _("Valid from"), value=state.today(), format=DAY_FORMAT, key="target_from"
            )
            sent = st.form_submit_button(_("Set it"))
        if sent:
            _set(code, None if value is None else Decimal(str(value)), valid_from)
        for earlier in overview_data.settings_set(code):
            st.text(
                _("From {day}: {target}").format(
                    day=words.day(earlier.valid_from), target=_shown(code, row, earlier.value)
                )
            )


def _name(code: str, row: ClinicSetting) -> str:
    indicator = overview_data.indicator_of(code)
    if indicator is None:
        return _(row.label)
    return _("Target: {indicator}").format(indicator=_(indicator.label))


def _label(code: str, row: ClinicSetting) -> str:
    """What is typed, with its unit and range, and what blank means."""
    indicator = overview_data.indicator_of(code)
    if indicator is not None:
        return {
            IndicatorUnit.PERCENT: _("Target in per cent; blank for none"),
            IndicatorUnit.PER_THOUSAND: _("Target per 1,000; blank for none"),
        }[indicator.unit]
    return _("{least} to {most} {unit}; blank for {default}").format(
        least=wording.count(float(row.minimum)),
        most=wording.count(float(row.maximum)),
        unit=_(row.unit),
        default=_shown(code, row, None),
    )


def _shown(code: str, row: ClinicSetting, value: Decimal | None) -> str:
    """A value as it holds; without one the default."""
    indicator = overview_data.indicator_of(code)
    if indicator is not None:
        return _("no target") if value is None else target_shown(indicator, value)
    if value is not None:
        return _("{number} {unit}").format(number=wording.count(float(value)), unit=_(row.unit))
    if row.default is None:
        return _("no limit")
    return _("the usual {number} {unit}").format(
        number=wording.count(float(row.default)), unit=_(row.unit)
    )


def _set(code: str, value: Decimal | None, valid_from: dt.date) -> None:
    """Store what was typed, and show the page anew with it."""
    request = st.session_state.setdefault(REQUEST, data.new_id())
    try:
        overview_data.set_setting(code, value, valid_from, request)
    except RegistryError as error:
        st.error(plain(error))
        return
    del st.session_state[REQUEST]
    st.rerun()

"""What a session costs and who pays for the course: fields that may stay blank."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from dashboard import data, words
from dashboard.form import Form
from dashboard.text import _
from dashboard.words import Unreadable
from registry.entry.forms import SessionEntry
from registry.entry.problems import Problem


def fill(form: Form, entry: SessionEntry) -> None:
    """Give the fields their first values; the currency is the one the clinic used last."""
    amount = entry.cost_amount
    form.set("cost_amount", "" if amount is None else words.number(amount))
    form.set("cost_currency", entry.cost_currency or data.usual_currency() or "")


def ask(form: Form) -> tuple[Decimal | None, str | None, list[Problem]]:
    """Amount and currency, and what cannot be read; without an amount there is no currency."""
    columns = st.columns([1, 0.7, 2.9])
    with columns[0]:
        typed = form.text(_("Cost of the session"), "cost_amount")
    with columns[1]:
        currency = form.text(_("Currency"), "cost_currency", placeholder="EUR").strip().upper()
    try:
        amount = words.read_number(typed)
    except Unreadable as error:
        return None, None, [Problem("cost_amount", "readable", error.text)]
    if amount is None:
        return None, None, []
    return amount, currency or None, []


def payer(form: Form) -> str | None:
    """Who pays for a new course: one of those the clinic has named, or another in its words."""
    known, typed = data.payers(), form.get("payer")
    chosen = form.pick(
        _("Paid by"),
        "payer",
        known if typed in (None, *known) else [*known, typed],
        str,
        accept_new_options=True,
        placeholder=_("Not recorded"),
    )
    return (chosen or "").strip() or None

"""What changed since before treatment, as a panel of its own."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from dashboard import outcome_words
from dashboard.text import _, plain
from registry.analysis.outcome_history import OutcomeHistory
from registry.analysis.timeline import Timeline


def changed(past: OutcomeHistory, shown: Timeline) -> None:
    """Each symptom and severity score before and now; nothing while there is none to compare."""
    lines = outcome_words.changes(past, first_treated_on(shown))
    if not lines:
        return
    with st.container(border=True, gap="xxsmall"):
        st.markdown(f"**{plain(_('What the patient says, before treatment and now'))}**")
        for line in lines:
            st.text(line)


def first_treated_on(shown: Timeline) -> dt.date | None:
    """Day of the patient's first session."""
    return min((stored.entry.treated_on for stored in shown.sessions), default=None)

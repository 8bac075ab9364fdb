"""What every report of an adverse event asks, on its own page or within a follow-up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import streamlit as st

from dashboard import words
from dashboard.form import REQUIRED, Form
from dashboard.text import _
from registry.catalogue import catalogue
from registry.entry.problems import Level, Problem
from registry.messages import message
from registry.vocabulary import SeriousnessCriterion

YES: Final = "yes"
NO: Final = "no"


def fill_seriousness(form: Form, at: str, criteria: Collection[SeriousnessCriterion]) -> None:
    """Give the fields the criteria of a stored event."""
    form.set(f"{at}serious", YES if criteria else NO)
    chosen = [criterion for criterion in SeriousnessCriterion if criterion in criteria]
    form.set(f"{at}seriousness_criteria", chosen)


def seriousness(
    form: Form, at: str, term_code: str | None
) -> tuple[frozenset[SeriousnessCriterion], list[Problem]]:
    """Ask whether it was serious and by which criterion; severe is not the same.

    ``at`` begins the names of the fields. Not saying so is a problem: silence is not "not serious".
    """
    term = catalogue().event_terms.get(term_code or "")
    form.begin(f"{at}serious", None)
    serious = st.segmented_control(
        _("Serious: death, danger to life, hospital, lasting harm or medically important"),
        [NO, YES],
        format_func=lambda answer: _("Serious") if answer == YES else _("Not serious"),
        key=form.key(f"{at}serious"),
        persist_state="session",
    )
    form.slot(f"{at}serious")
    if serious != YES:
        found = []
        if serious is None:
            found.append(Problem(f"{at}serious", REQUIRED, message("Say whether it was serious.")))
        elif term is not None and term.serious_by_nature:
            found.append(
                Problem(
                    f"{at}serious",
                    "serious_by_nature",
                    message(
                        "{event} is as a rule serious; this time it was not.",
                        event=words.event_term(term.code),
                    ),
                    Level.CONFIRM,
                )
            )
        return frozenset(), found
    form.begin(f"{at}seriousness_criteria", [])
    chosen: list[SeriousnessCriterion] = st.pills(
        _("By which criterion"),
        list(SeriousnessCriterion),
        selection_mode="multi",
        format_func=words.label,
        key=form.key(f"{at}seriousness_criteria"),
        persist_state="session",
    )
    form.slot(f"{at}seriousness_criteria")
    if chosen:
        return frozenset(chosen), []
    return frozenset(), [
        Problem(f"{at}seriousness_criteria", REQUIRED, message("Choose at least one."))
    ]

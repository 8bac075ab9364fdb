"""A sheet to call from, on paper or on a telephone: whom, about which visit, and what to ask."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import sentences, worklist_data, worklist_words
from dashboard.text import _, plain, within
from registry.analysis.call_lines import CallLine, Risk, Show
from registry.analysis.worklist import LONGEST_SHEET
from registry.vocabulary import ContactOutcome

BOX: Final = "\N{BALLOT BOX}"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def show(part: Show) -> None:
    """Draw the sheet of a part of the list."""
    found = worklist_data.call_sheet(part)
    st.text(
        _(
            "Names are shown, and that you opened them is logged. Print with Ctrl+P; keep the "
            "paper as you keep a record."
        )
    )
    if not found.lines:
        st.info(_("Nobody is on this part of the list."), icon=":material/task_alt:")
    for line in found.lines:
        _patient(line)
    more = found.counts[part] - len(found.lines)
    if more > 0:
        st.text(
            _("The sheet holds the first {longest}; {more} more are on the list.").format(
                longest=LONGEST_SHEET, more=more
            )
        )


def _patient(line: CallLine) -> None:
    name = sentences.person(line.family_name, line.given_name) or _("No name recorded")
    number = _("no. {number}").format(number=line.hospital_number) if line.hospital_number else None
    about = [worklist_words.visit(line)]
    if line.risk is not Risk.NONE:
        about.append(within(worklist_words.risks()[line.risk]))
    with st.container(border=True, gap="xxsmall", key=f"sheet_{line.visit_id or line.patient_id}"):
        st.markdown(
            f"**{plain(name)}** · "
            f"{plain(' · '.join(part for part in (number, line.pseudonym) if part))}"
        )
        st.text("; ".join(about))
        if line.attempts:
            st.text(worklist_words.attempts(line))
        outcomes = worklist_words.outcomes()
        st.text(_boxes([outcomes[outcome] for outcome in ContactOutcome]))
        questions = worklist_words.questions()
        asked = worklist_data.to_ask(line.visit_code)
        boxes = _boxes([said for family, said in questions.items() if family in asked])
        st.text(_("Ask: {questions}").format(questions=boxes))


def _boxes(labels: list[str]) -> str:
    return "   ".join(f"{BOX}{NO_BREAK}{label}" for label in labels)

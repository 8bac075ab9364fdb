"""Before the needle: what is known to matter, and one line for all that was not asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import data, safety_data, words
from dashboard.form import REQUIRED, Form
from dashboard.session_form import Preparation
from dashboard.text import _, ngettext, plain
from registry.analysis.timeline import PatientHeader
from registry.catalogue import catalogue
from registry.entry.forms import InjectionEntry, SessionEntry
from registry.entry.problems import Level, Problem, Question
from registry.entry.rows import derived_id
from registry.errors import RegistryError
from registry.messages import message
from registry.vocabulary import FactAnswer

NOT_ASKED: Final = "not_asked"
COLUMNS: Final = 2


def panel(
    form: Form,
    patient: PatientHeader,
    entry: SessionEntry,
    preparations: Sequence[Preparation],
    found: Sequence[Problem],
) -> list[Problem]:
    """Draw the panel; gives back the problems that it has not said.

    Warnings stand here as soon as something is drawn up, before any volume is typed.
    """
    drawn_up, warnings = entry, found
    if not entry.all_injections():
        drawn_up = replace(entry, sites=(), injections=tuple(_as_injections(preparations)))
        warnings = data.problems(drawn_up)
    noted = [p for p in warnings if _is_fact(p) and p.level is Level.NOTE]
    firm = [p for p in warnings if p.asks_reason and not p.rule.startswith("dose:")]
    if firm:
        st.warning(_lines(firm), icon=":material/warning:")
    if noted:
        st.info(_lines(noted), icon=":material/info:")
    questions = safety_data.questions_about(drawn_up, patient.sex) if data.may_record() else ()
    left = [p for p in found if p not in noted and p.rule != NOT_ASKED]
    if questions and _questions(form, patient.id, entry.treated_on, questions):
        sentence = message(
            "Answers before the needle are not saved yet: save them, or close their list."
        )
        left.append(Problem("risk_facts", REQUIRED, sentence))
    return left


def _as_injections(preparations: Sequence[Preparation]) -> Iterator[InjectionEntry]:
    for preparation in preparations:
        if preparation.product_code is not None and preparation.form is not None:
            yield InjectionEntry(
                product_code=preparation.product_code,
                form=preparation.form,
                lot_number=preparation.lot_number.strip() or None,
            )


def _is_fact(problem: Problem) -> bool:
    return problem.rule.startswith("contraindication:")


def _lines(problems: Sequence[Problem]) -> str:
    return "  \n".join(
        plain(message) for message in dict.fromkeys(str(p.message) for p in problems)
    )


def _questions(form: Form, patient_id: UUID, on: dt.date, questions: Sequence[Question]) -> int:
    """What is not asked, and the list to answer it; gives back how many answers are not saved."""
    holding = _standing(patient_id, on)
    unasked = sum(question not in holding for question in questions)
    unsaved = len(_new(form, questions, holding)) if form.get("asking") else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if unasked:
            st.text(
                ngettext(
                    "Before the needle: {count} question not asked.",
                    "Before the needle: {count} questions not asked.",
                    unasked,
                ).format(count=unasked),
                width="content",
            )
        else:
            st.text(_("Before the needle: all asked."), width="content")
        if unsaved:
            st.text(_("Answered below and not saved: {count}.").format(count=unsaved))
        st.button(
            _("Close") if form.get("asking") else _("Ask now") if unasked else _("Answers"),
            key=form.key("asking.toggle"),
            icon=":material/checklist:",
            type="tertiary",
            shortcut="Alt+A",
            on_click=_toggle,
            args=(form, questions, holding),
        )
    trouble = form.get("asking.trouble")
    if trouble:
        st.error(plain(trouble))
    if form.get("asking"):
        _list(form, patient_id, on, questions, holding)
    return unsaved


def _list(
    form: Form,
    patient_id: UUID,
    on: dt.date,
    questions: Sequence[Question],
    holding: Mapping[Question, FactAnswer],
) -> None:
    answered = [question for question in questions if question in holding]
    unasked = [question for question in questions if question not in holding]
    with st.container(border=True):
        _ask(form, unasked or answered)
        if unasked and answered:
            label = _("Answered before, and still valid: {count}").format(count=len(answered))
            with st.expander(label):
                _ask(form, answered)
        st.caption(_("Left open is not asked; it never counts as no."))
        with st.container(horizontal=True):
            for key, label, shortcut, rest in (
                ("asking.save", _("Save the answers"), None, None),
                ("asking.no", _("All the rest asked: no"), "Alt+N", FactAnswer.NO),
            ):
                st.button(
                    label,
                    key=form.key(key),
                    shortcut=shortcut,
                    on_click=_save,
                    args=(form, patient_id, on, tuple(questions), rest),
                )


def _ask(form: Form, questions: Sequence[Question]) -> None:
    columns = st.columns(COLUMNS)
    half = (len(questions) + 1) // COLUMNS
    for place, question in enumerate(questions):
        with columns[place // half]:
            st.segmented_control(
                words.condition(question),
                list(FactAnswer),
                format_func=words.label,
                key=form.key(_field(question)),
                persist_state="session",
            )


def _toggle(
    form: Form, questions: Sequence[Question], holding: Mapping[Question, FactAnswer]
) -> None:
    """Open the list with the answers that hold, or close it."""
    form.set("asking", not form.get("asking"))
    form.set("asking.trouble", None)
    for question in questions:
        form.set(_field(question), holding.get(question) if form.get("asking") else None)


def _save(
    form: Form,
    patient_id: UUID,
    on: dt.date,
    questions: Sequence[Question],
    rest: FactAnswer | None,
) -> None:
    """Store what was answered anew as one act of the session's day; ``rest`` goes to the others."""
    new = _new(form, questions, _standing(patient_id, on), rest)
    if new:
        marks = [f"{q.condition_code}/{q.sclerosant_code}={answer}" for q, answer in new]
        try:
            safety_data.save_risk_facts(
                patient_id,
                new,
                answered_on=on,
                request_key=derived_id(form.opened.id, "asked", on, form.get("asked", 0), *marks),
            )
        except RegistryError as error:
            form.set("asking.trouble", str(error))
            return
        form.set("asked", form.get("asked", 0) + 1)
    form.set("asking", False)
    form.set("asking.trouble", None)
    for question in questions:
        form.set(_field(question), None)


def _new(
    form: Form,
    questions: Sequence[Question],
    holding: Mapping[Question, FactAnswer],
    rest: FactAnswer | None = None,
) -> list[tuple[Question, FactAnswer]]:
    """What is answered in the list otherwise than it stands; ``rest`` is the others' answer."""
    given = [(question, form.get(_field(question)) or rest) for question in questions]
    return [
        (question, answer)
        for question, answer in given
        if answer is not None and holding.get(question) is not answer
    ]


def _standing(patient_id: UUID, on: dt.date) -> Mapping[Question, FactAnswer]:
    """Answers that hold, also of each agent where one was given for all of them."""
    facts = [fact for fact in safety_data.risk_facts(patient_id, on) if not fact.is_stale]
    of_all = {
        Question(fact.question.condition_code, agent): fact.answer
        for fact in facts
        if catalogue().conditions[fact.question.condition_code].by_agent
        and fact.question.sclerosant_code is None
        for agent in catalogue().sclerosants
    }
    return of_all | {fact.question: fact.answer for fact in facts}


def _field(question: Question) -> str:
    return f"risk.{question.condition_code}.{question.sclerosant_code or 'any'}"

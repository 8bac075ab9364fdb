"""Ask a patient about symptoms and assess the legs: before treatment, or between two visits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from dashboard import (
    components,
    data,
    outcome_data,
    outcome_fields,
    outcome_parts,
    outcome_words,
    state,
    words,
)
from dashboard.form import REQUIRED, Form
from dashboard.text import _
from registry.analysis.care_facts import SATISFACTION
from registry.analysis.outcome_history import OutcomeHistory
from registry.analysis.timeline import PatientHeader, Timeline
from registry.entry.assessments import LegAssessment, ReportedAnswers
from registry.entry.forms import PatientEntry
from registry.entry.problems import Problem
from registry.entry.recording import Recorded
from registry.messages import message

NEW: Final = "new"


@dataclass(frozen=True, slots=True)
class Day:
    """What is stored for one day: answers, and assessments with their versions."""

    answers: ReportedAnswers | None
    legs: tuple[tuple[LegAssessment, int], ...]


def main() -> None:
    """The page."""
    # The form corrects no single record: which day it is about is chosen on the page.
    form = Form("outcomes", PatientEntry)
    st.title(_("Symptoms and severity"))
    if form.saved is not None:
        _after_saving(form)
        return
    form.offer_drafts()
    patient = components.choose_patient()
    if patient is None:
        return
    shown = data.patient_timeline(patient.id)
    past = outcome_data.history(patient.id)
    components.banner(patient)
    _fill(form, patient)
    outcome_parts.changed(past, shown)
    days = _days(past)
    chosen = _which(form, days) if days and data.may_amend() else NEW
    if isinstance(chosen, dt.date) and chosen in days:
        _correct(form, patient, days[chosen], past, shown)
    else:
        _record(form, patient, past, shown)


def _fill(form: Form, patient: PatientHeader) -> None:
    if form.begins_for(patient):
        form.set("on", state.today())
        form.set("which", NEW)


def _days(past: OutcomeHistory) -> dict[dt.date, Day]:
    """What is stored by day, the newest first."""
    answers = {day.answered_on: day for day in past.answers}
    found = sorted({*answers, *(leg.assessed_on for leg in past.legs)}, reverse=True)
    stored = list(zip(past.legs, past.versions, strict=True))
    return {
        day: Day(answers.get(day), tuple(pair for pair in stored if pair[0].assessed_on == day))
        for day in found
    }


def _which(form: Form, days: dict[dt.date, Day]) -> dt.date | str:
    offered: list[dt.date | str] = [NEW, *days]
    chosen = form.pick(
        _("New, or correct what is stored"),
        "which",
        offered,
        lambda day: _("New") if day == NEW else _("Correct {day}").format(day=words.day(day)),
        required=True,
        on_change=_open_day,
        args=(form, days),
    )
    return chosen or NEW


def _open_day(form: Form, days: dict[dt.date, Day]) -> None:
    """Begin with what is stored for the chosen day, or with blank fields."""
    chosen = form.get("which")
    patient_id = form.opened.patient_id
    form.give_up()
    form.opened.patient_id = patient_id
    form.set("which", chosen)
    form.set("on", state.today() if chosen == NEW else chosen)
    if chosen in days:
        day = days[chosen]
        outcome_fields.fill(form, day.answers, [leg for leg, _version in day.legs])


def _record(form: Form, patient: PatientHeader, past: OutcomeHistory, shown: Timeline) -> None:
    on = _ask_day(form)
    answers, legs, found = outcome_fields.ask(
        form, patient.id, on, past, is_treated=_is_treated(shown, on), day_field="on"
    )
    if answers is None and not legs:
        found.append(
            Problem("scores", REQUIRED, message("Answer a question or assess a leg first."))
        )

    def store(_accepted: frozenset[str]) -> Recorded:
        return outcome_data.save(answers, legs)[0]

    _save(form, patient, _("Save"), found, store, answers, legs)


def _correct(
    form: Form, patient: PatientHeader, day: Day, past: OutcomeHistory, shown: Timeline
) -> None:
    on = _ask_day(form)
    before = OutcomeHistory(
        tuple(each for each in past.answers if each is not day.answers),
        tuple(leg for leg in past.legs if all(leg is not stored for stored, _v in day.legs)),
    )
    was_asked = day.answers is not None and SATISFACTION in day.answers.scores
    said, legs, _found = outcome_fields.ask(
        form, patient.id, on, before, is_treated=was_asked or _is_treated(shown, on), day_field="on"
    )
    scores = said.scores if said is not None else {}
    answers = replace(day.answers, answered_on=on, scores=scores) if day.answers else said
    stored = {leg.side: (leg, version) for leg, version in day.legs}
    now = {leg.side: leg for leg in legs}
    st.header(_("Why"))
    change = form.change()
    found = [] if change else [Problem("reason", REQUIRED, message("Why is it changed?"))]

    def store(_accepted: frozenset[str]) -> Recorded:
        assert change is not None  # noqa: S101 - a missing reason is a problem
        done: list[Recorded] = []
        if day.answers is not None and answers is not None and answers != day.answers:
            done.append(outcome_data.correct_answers(answers, day.answers, change))
        for side, (leg, version) in stored.items():
            entry = replace(
                leg,
                assessed_on=on,
                ceap=now[side].ceap if side in now else None,
                items=now[side].items if side in now else {},
            )
            if entry != leg:
                done.append(outcome_data.correct_leg(entry, version, change))
        new = [leg for side, leg in now.items() if side not in stored]
        done += outcome_data.save(answers if day.answers is None else None, new)
        return done[0] if done else Recorded(form.opened.id, 1, state.now())

    _save(form, patient, _("Save the correction"), found, store, answers, legs)


def _ask_day(form: Form) -> dt.date:
    with st.columns(3)[0]:
        return form.day(_("Asked on"), "on", required=True) or state.today()


def _is_treated(shown: Timeline, on: dt.date) -> bool:
    """Whether there is a result to be asked about on that day."""
    first = outcome_parts.first_treated_on(shown)
    return first is not None and first <= on


def _save(
    form: Form,
    patient: PatientHeader,
    label: str,
    found: list[Problem],
    store: Callable[[frozenset[str]], Recorded],
    answers: ReportedAnswers | None,
    legs: list[LegAssessment],
) -> None:
    form.save(
        label,
        found,
        store,
        lambda: (
            components.name(patient),
            [*(outcome_words.answers(answers) if answers else []), *map(outcome_words.leg, legs)],
        ),
        lambda path: "on" if path in {"answered_on", "assessed_on"} else path,
    )


def _after_saving(form: Form) -> None:
    assert form.saved is not None  # noqa: S101 - asked by the caller
    form.show_saved(form.saved)
    with st.container(horizontal=True):
        if st.button(_("Record a session"), type="primary", key=form.key("session")):
            form.reset()
            st.switch_page(components.SESSION_VIEW)
        if st.button(_("Open the record"), key=form.key("open")):
            form.reset()
            st.switch_page(components.PATIENT_VIEW)


main()

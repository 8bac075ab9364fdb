"""What patients are asked about symptoms, looks and satisfaction, and how a leg is assessed.

All of it is optional: what is left blank was not asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import streamlit as st

from dashboard import outcome_data, outcome_words, words
from dashboard.form import Form
from dashboard.outcome_words import SATISFACTION_WORDS, SEVERITY_LABELS
from dashboard.text import _, plain
from registry.analysis.outcome_history import OutcomeHistory
from registry.catalogue import InstrumentItem, catalogue
from registry.entry.assessments import (
    RVCSS_ITEMS,
    RVCSS_WORST,
    LegAssessment,
    ReportedAnswers,
)
from registry.entry.problems import Problem
from registry.entry.rows import derived_id
from registry.vocabulary import CeapClass, Laterality

Outcomes = tuple[ReportedAnswers | None, list[LegAssessment], list[Problem]]


def fill(form: Form, answers: ReportedAnswers | None, legs: Sequence[LegAssessment]) -> None:
    """Give the fields what is stored."""
    for code, answer in answers.scores.items() if answers is not None else ():
        form.set(_of_item(code), int(answer))
    form.set("legs", [leg.side for leg in legs])
    for leg in legs:
        form.set(_of_leg(leg.side, "ceap"), leg.ceap)
        for name, score in leg.items.items():
            form.set(_of_leg(leg.side, name), score)


def ask(
    form: Form,
    patient_id: UUID,
    on: dt.date,
    past: OutcomeHistory,
    *,
    is_treated: bool,
    day_field: str,
    follow_up_id: UUID | None = None,
) -> Outcomes:
    """Ask the patient, assess the legs; what was said, and what keeps it from being stored.

    The result of a treatment is asked about only once there was one. ``day_field`` is where the
    page asks for the day.
    """
    scores = _questions(form, past, is_treated=is_treated)
    answers = None
    found: list[Problem] = []
    key = form.opened.request_key
    if scores:
        answers = ReportedAnswers(
            id=derived_id(key, "answers"),
            patient_id=patient_id,
            answered_on=on,
            scores=scores,
            follow_up_id=follow_up_id,
        )
        found += placed_answers(outcome_data.answer_problems(answers), day_field)
    legs = _legs(form, patient_id, on, past)
    for leg in legs:
        found += placed_leg(leg, outcome_data.leg_problems(leg), day_field)
    return answers, legs, found


def placed_answers(found: Sequence[Problem], day_field: str) -> list[Problem]:
    """Problems of answers, each at the field where it is put right."""
    names = {"answered_on": day_field}
    items = catalogue().instrument_items
    return [
        replace(
            problem,
            field=_of_item(problem.field)
            if problem.field in items
            else names.get(problem.field, problem.field),
        )
        for problem in found
    ]


def placed_leg(leg: LegAssessment, found: Sequence[Problem], day_field: str) -> list[Problem]:
    """Problems of the assessment of a leg, each at the field where it is put right."""
    names = {"assessed_on": day_field, "side": _of_leg(leg.side, "ceap")}
    return [
        replace(problem, field=names.get(problem.field, _of_leg(leg.side, problem.field)))
        for problem in found
    ]


def _questions(form: Form, past: OutcomeHistory, *, is_treated: bool) -> dict[str, Decimal]:
    scores: dict[str, Decimal] = {}
    groups: dict[str, list[InstrumentItem]] = {}
    for item in catalogue().instrument_items.values():
        if is_treated or item.instrument != "satisfaction":
            groups.setdefault(item.instrument, []).append(item)
    st.markdown("**{heading}**".format(heading=_("What the patient says")))
    st.text(_("Symptoms of the last week, from 0 (not at all) to 10 (as bad as it could be)."))
    for items in groups.values():
        for item in items:
            chosen = _scale(
                form,
                _of_item(item.code),
                _(item.label),
                list(range(int(item.minimum), int(item.maximum) + 1)),
                format_func=_in_words if item.instrument == "satisfaction" else str,
                before=outcome_words.lately(past, item.code),
                help_text=_(item.question),
            )
            if chosen is not None:
                scores[item.code] = Decimal(chosen)
    return scores


def _legs(form: Form, patient_id: UUID, on: dt.date, past: OutcomeHistory) -> list[LegAssessment]:
    st.markdown("**{heading}**".format(heading=_("Class and severity of a leg")))
    form.begin("legs", [])
    sides: list[Laterality] = st.pills(
        _("Which leg is assessed"),
        list(Laterality),
        selection_mode="multi",
        format_func=words.label,
        key=form.key("legs"),
        persist_state="session",
    )
    if not sides:
        return []
    st.text(_("Severity: each item 0 to 3, in the words of the revised score (Vasquez 2010)."))
    legs = [_leg(form, side, patient_id, on, past) for side in Laterality if side in sides]
    return [leg for leg in legs if not leg.is_empty]


def _leg(
    form: Form, side: Laterality, patient_id: UUID, on: dt.date, past: OutcomeHistory
) -> LegAssessment:
    with st.container(border=True):
        earlier = [leg for leg in past.legs if leg.side is side]
        st.markdown(f"**{plain(_('{side} leg').format(side=words.label(side)))}**")
        if earlier:
            last = outcome_words.last_assessment(earlier)
            st.text(_("Last time: {what}").format(what=last))
        ceap = form.choice(
            _("Clinical class (CEAP)"), _of_leg(side, "ceap"), CeapClass, as_list=True
        )
        columns = st.columns(2)
        items: dict[str, int] = {}
        for i, name in enumerate(RVCSS_ITEMS):
            with columns[i >= len(RVCSS_ITEMS) // 2]:
                score = _scale(
                    form, _of_leg(side, name), _(SEVERITY_LABELS[name]),
                    list(range(RVCSS_WORST + 1)),
                )  # fmt: skip
            if score is not None:
                items[name] = score
        leg = LegAssessment(
            id=derived_id(form.opened.request_key, "leg", side),
            patient_id=patient_id,
            side=side,
            assessed_on=on,
            ceap=ceap,
            items=items,
        )
        if items:
            st.text(outcome_words.leg(replace(leg, ceap=None)))
    return leg


def _scale(
    form: Form,
    field: str,
    label: str,
    scores: Sequence[int],
    *,
    format_func: Callable[[int], str] = str,
    before: str = "",
    help_text: str | None = None,
) -> int | None:
    """One number by one tap; tapping it again takes it back."""
    form.begin(field, None)
    if before:
        label = _("{question} (last: {answer})").format(question=label, answer=before)
    chosen: int | None = st.pills(
        label,
        scores,
        format_func=format_func,
        key=form.key(field),
        persist_state="session",
        help=help_text,
    )
    form.slot(field)
    return chosen


def _in_words(score: int) -> str:
    return _(SATISFACTION_WORDS[score])


def _of_item(code: str) -> str:
    return f"said.{code}"


def _of_leg(side: Laterality, name: str) -> str:
    return f"leg.{side.value}.{name}"

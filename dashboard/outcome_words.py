"""Answers of patients and assessments of legs as sentences: what was said, and what changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from dashboard import words
from dashboard.text import N_, _, within
from registry.analysis.outcome_history import OutcomeHistory, Step, steps
from registry.analysis.reported_outcomes import SEVERITY
from registry.catalogue import InstrumentItem, catalogue
from registry.entry.assessments import RVCSS_ITEMS, RVCSS_WORST, LegAssessment, ReportedAnswers

SATISFACTION_WORDS: Final = (
    N_("Very dissatisfied"),
    N_("Dissatisfied"),
    N_("Neither"),
    N_("Satisfied"),
    N_("Very satisfied"),
)
"""The five answers on satisfaction, from 0 to 4."""

SEVERITY_LABELS: Final[Mapping[str, str]] = {
    "pain": N_("Pain"),
    "varicose_veins": N_("Varicose veins, 3 mm or more"),
    "oedema": N_("Venous oedema"),
    "pigmentation": N_("Skin pigmentation"),
    "inflammation": N_("Inflammation"),
    "induration": N_("Induration"),
    "ulcer_count": N_("Active ulcers: number"),
    "ulcer_duration": N_("Active ulcers: duration"),
    "ulcer_size": N_("Active ulcers: size"),
    "compression_use": N_("Use of compression"),
}
"""The ten items of the severity score."""


def answer(item: InstrumentItem, score: Decimal | int) -> str:
    """One answer: in words where the question has words, else as a number on its scale."""
    if item.instrument == "satisfaction":
        return _(SATISFACTION_WORDS[int(score)])
    return _("{score} of {highest}").format(
        score=words.number(score), highest=words.number(item.maximum)
    )


def answers(entry: ReportedAnswers) -> list[str]:
    """The answers of a day in one line each."""
    items = catalogue().instrument_items
    return [
        _("{question}: {answer}").format(
            question=_(item.label), answer=answer(item, entry.scores[code])
        )
        for code, item in items.items()
        if code in entry.scores
    ]


def leg(entry: LegAssessment) -> str:
    """Class and score of one leg in one line."""
    parts = []
    if entry.ceap is not None:
        parts.append(words.label(entry.ceap))
    if entry.total is not None:
        parts.append(
            _("severity score {total} of {highest}").format(
                total=entry.total, highest=len(RVCSS_ITEMS) * RVCSS_WORST
            )
        )
    elif entry.items:
        parts.append(
            _("{count} of {all} items assessed, so no score").format(
                count=len(entry.items), all=len(RVCSS_ITEMS)
            )
        )
    return _("{side} leg: {what}").format(side=words.label(entry.side), what="; ".join(parts))


def changes(history: OutcomeHistory, first_treated_on: dt.date | None) -> list[str]:
    """What is better, worse or the same now than before treatment, with both days."""
    return [
        _("{change} ({before} to {after})").format(
            change=change(step), before=words.day(step.before_on), after=words.day(step.after_on)
        )
        for step in steps(history, first_treated_on)
    ]


def change(step: Step) -> str:
    """A score before and after with its meaning: "Less heaviness: 6 to 2 of 10"."""
    parts = {
        "before": words.number(step.before),
        "after": words.number(step.after),
        "highest": words.number(step.highest),
    }
    if step.code == SEVERITY and step.side is not None:
        parts["side"] = words.label(step.side)
        sentence = {
            True: _("{side} leg less severe: score {before} to {after} of {highest}"),
            False: _("{side} leg more severe: score {before} to {after} of {highest}"),
            None: _("{side} leg as severe as before: score {after} of {highest}"),
        }[step.is_better]
        return sentence.format(**parts)
    label = _(catalogue().instrument_items[step.code].label)
    if step.is_better is None:
        return _("{what} unchanged: {after} of {highest}").format(what=label, **parts)
    sentence = (
        _("More {what}: {before} to {after} of {highest}")
        if step.after > step.before
        else _("Less {what}: {before} to {after} of {highest}")
    )
    return sentence.format(what=within(label), **parts)


def lately(history: OutcomeHistory, code: str) -> str:
    """The newest answer to a question: "6 of 10 on 3 Mar 2026"; blank when never asked."""
    given = [day for day in history.answers if code in day.scores]
    if not given:
        return ""
    item = catalogue().instrument_items[code]
    return _("{answer} on {day}").format(
        answer=answer(item, given[-1].scores[code]), day=words.day(given[-1].answered_on)
    )


def last_assessment(legs: Iterable[LegAssessment]) -> str:
    """The newest class and score among assessments of one leg, with its day; blank for none."""
    newest = max(legs, key=lambda each: each.assessed_on, default=None)
    if newest is None:
        return ""
    return _("{day}: {what}").format(day=words.day(newest.assessed_on), what=leg(newest))

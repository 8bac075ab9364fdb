"""What the made-up patients answer before the needle, and why a warning was overridden."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from registry.catalogue import catalogue
from registry.entry.checks import Known, check
from registry.entry.forms import Entry, EventEntry, OverrideEntry, PatientEntry, SessionEntry
from registry.entry.problems import Question, needs_words
from registry.entry.safety import Answer, History, Reaction, questions_about, standing_answer
from registry.vocabulary import Causality, FactAnswer, OverrideReason

ASKED: Final = 0.85
"""Share of sessions before which everything was asked."""
YES: Final = {
    # Shares of patients; for what passes, of sessions.
    "allergic_condition": 0.06,
    "asthma": 0.06,
    "hormone_therapy": 0.15,
    "migraine": 0.14,
    "migraine_with_aura": 0.03,
    "anticoagulation": 0.04,
    "thrombophilia": 0.03,
    "high_thrombosis_risk": 0.03,
    "deep_vein_incompetence": 0.03,
    "known_shunt": 0.01,
    "uncontrolled_systemic_disease": 0.01,
    "cancer": 0.01,
    "recent_surgery": 0.004,
    "breast_feeding": 0.004,
    "acute_infection": 0.003,
    "allergy_to_agent": 0.002,
}
REASONS: Final = (
    OverrideReason.BENEFIT_OUTWEIGHS_RISK,
    OverrideReason.PATIENT_INFORMED,
    OverrideReason.NO_ALTERNATIVE,
    OverrideReason.RECORDED_AFTERWARDS,
)
WORDS: Final = "Talked over with the patient and a colleague"


def answered(
    patient: PatientEntry, sessions: Sequence[SessionEntry]
) -> Iterator[tuple[SessionEntry, list[tuple[Question, FactAnswer]]]]:
    """What the patient was asked at each session and answered; always the same for a patient."""
    rng = random.Random(patient.id.int)  # noqa: S311 - made-up data must be the same each time
    given: list[Answer] = []
    for session in sessions:
        if rng.random() > ASKED:
            continue
        new = []
        for question in questions_about(session, patient.sex):
            if standing_answer(given, question, session.treated_on) is None:
                yes = rng.random() < YES.get(question.condition_code, 0)
                new.append((question, FactAnswer.YES if yes else FactAnswer.NO))
        given += as_answers(new, session.treated_on)
        if new:
            yield session, new


def as_answers(given: Sequence[tuple[Question, FactAnswer]], on: dt.date) -> list[Answer]:
    """The answers of one day as the rules read them."""
    return [Answer(q.condition_code, answer, on, q.sclerosant_code) for q, answer in given]


def overridden(
    session: SessionEntry,
    patient: PatientEntry,
    entries: Sequence[Entry],
    answers: Sequence[Answer],
    known: Known,
) -> SessionEntry:
    """The session with a reason for each warning that it met."""
    rng = random.Random(session.id.int)  # noqa: S311 - made-up data must be the same each time
    history = History(
        answers=tuple(answers),
        reactions=tuple(_reactions(session, entries)),
        injected_on=max(
            (
                entry.treated_on
                for entry in entries
                if isinstance(entry, SessionEntry)
                and entry.all_injections()
                and entry.treated_on < session.treated_on
            ),
            default=None,
        ),
        sex=patient.sex,
    )
    warned = {p.rule: p for p in check(session, replace(known, history=history)) if p.asks_reason}
    reasons = {rule: rng.choice(REASONS) for rule in sorted(warned)}
    return session.with_overrides(
        OverrideEntry(
            rule=rule,
            catalogue_version=catalogue().version,
            reason=reason,
            reason_text=WORDS if needs_words(reason, level=warned[rule].level) else None,
        )
        for rule, reason in reasons.items()
    )


def _reactions(session: SessionEntry, entries: Sequence[Entry]) -> Iterator[Reaction]:
    products = catalogue().products
    sessions = {entry.id: entry for entry in entries if isinstance(entry, SessionEntry)}
    for event in entries:
        if (
            isinstance(event, EventEntry)
            and event.treatment_session_id not in (None, session.id)
            and event.causality not in (Causality.UNLIKELY, Causality.UNRELATED)
        ):
            given = sessions[event.treatment_session_id].all_injections()
            yield Reaction(
                event.event_term_code,
                event.onset_on,
                frozenset(products[i.product_code].sclerosant_code for i in given),
                frozenset(i.form for i in given),
            )

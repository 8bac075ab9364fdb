"""What was answered before the needle about one patient, and whether it still holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.analysis.stored_entries import current
from registry.database import reading
from registry.entry.known import answers_of
from registry.entry.problems import Question
from registry.entry.safety import standing_answer
from registry.entry.same_person import linked_ids
from registry.schema import Patient
from registry.vocabulary import FactAnswer


@dataclass(frozen=True, slots=True)
class RiskFactState:
    """The latest answer to one question by a day; stale when it must be asked again."""

    question: Question
    answer: FactAnswer
    answered_on: dt.date
    is_stale: bool


def risk_facts_of(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID, on: dt.date
) -> tuple[RiskFactState, ...]:
    """The latest answers of the person by the day ``on``; what is missing was never asked."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, Patient, clinic_id, patient_id)
        answers = answers_of(db, clinic_id, linked_ids(db, clinic_id, patient_id))
    latest = {
        Question(answer.condition_code, answer.sclerosant_code): answer
        for answer in answers
        if answer.answered_on <= on
    }
    return tuple(
        RiskFactState(
            question,
            answer.answer,
            answer.answered_on,
            is_stale=standing_answer(answers, question, on) is None,
        )
        for question, answer in latest.items()
    )

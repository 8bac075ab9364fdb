"""Dated answers to the questions asked before the needle: many at once, stored as one act.

An answer is never changed: the latest one stands. Without one the question was not asked, which is
not "no".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import FIRST_DAY
from registry.entry.known import clinic_day
from registry.entry.problems import Problem, Question
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry, NotFound
from registry.messages import message
from registry.schema import Clinic, Patient, RiskFact
from registry.vocabulary import FactAnswer


def record_risk_facts(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    patient_id: UUID,
    answers: Sequence[tuple[Question, FactAnswer]],
    *,
    answered_on: dt.date,
    request_key: UUID,
    now: dt.datetime,
) -> dt.datetime:
    """Store what the patient answered on one day; gives back when it was first stored.

    Sending the same ``request_key`` again stores nothing. Raises :class:`InvalidEntry` for a day to
    come, an unknown or repeated question, or no answer at all.
    """
    require(by, Permission.RECORD, clinic_id)
    cause = audit.Cause("record_risk_facts", clinic_id=clinic_id, request_key=request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            patient = db.get(Patient, (clinic_id, patient_id))
            if patient is None or patient.voided_at is not None:
                raise NotFound(
                    message("There is no such patient in this clinic. Nothing was stored.")
                )
            today = clinic_day(db.get_one(Clinic, clinic_id), now)
            problems = fact_problems([question for question, _ in answers], answered_on, today)
            if problems:
                raise InvalidEntry(problems)
            rows = fact_rows(clinic_id, patient_id, answers, answered_on, request_key, now)
            db.execute(sa.insert(RiskFact), rows)
    except audit.AlreadyRecorded as earlier:
        return earlier.at
    return now


def fact_rows(
    clinic_id: int,
    patient_id: UUID,
    answers: Sequence[tuple[Question, FactAnswer]],
    answered_on: dt.date,
    request_key: UUID,
    now: dt.datetime,
) -> list[dict[str, Any]]:
    """Rows that hold the answers of one act."""
    return [
        {
            "clinic_id": clinic_id,
            "id": derived_id(request_key, question.condition_code, question.sclerosant_code or ""),
            "version": 1,
            "recorded_at": now,
            "patient_id": patient_id,
            "condition_code": question.condition_code,
            "sclerosant_code": question.sclerosant_code,
            "answer": answer,
            "answered_on": answered_on,
        }
        for question, answer in answers
    ]


def fact_problems(
    questions: Sequence[Question], answered_on: dt.date, today: dt.date
) -> list[Problem]:
    """All that keeps the answers to these questions from being stored."""
    found = []
    if not questions:
        found.append(Problem("answers", "required", message("Answer at least one question.")))
    if answered_on > today:
        found.append(
            Problem("answered_on", "not_in_future", message("The day lies in the future."))
        )
    if answered_on < FIRST_DAY:
        found.append(Problem("answered_on", "plausible_day", message("The day is not plausible.")))
    rows = catalogue()
    for question in questions:
        condition = rows.conditions.get(question.condition_code)
        agent = question.sclerosant_code
        if condition is None:
            found.append(Problem("answers", "known_condition", message("No such condition.")))
        elif agent is not None and (not condition.by_agent or agent not in rows.sclerosants):
            found.append(
                Problem(
                    "answers", "known_agent", message("This is not asked of that agent by itself.")
                )
            )
    if len(set(questions)) < len(questions):
        found.append(Problem("answers", "answer_once", message("A question is answered twice.")))
    return found

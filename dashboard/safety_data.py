"""What the session form asks of the registry before the needle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from dashboard import state
from registry.analysis import records
from registry.analysis.risk_facts import RiskFactState, risk_facts_of
from registry.entry import safety
from registry.entry.forms import SessionEntry
from registry.entry.problems import Question
from registry.entry.risk_facts import record_risk_facts
from registry.vocabulary import FactAnswer, Sex


def questions_about(entry: SessionEntry, sex: Sex) -> tuple[Question, ...]:
    """What is to be asked before these products are injected, what weighs most first."""
    return safety.questions_about(entry, sex)


def risk_facts(patient_id: UUID, on: dt.date) -> tuple[RiskFactState, ...]:
    """What was answered about the patient by a day, and what of it must be asked again."""
    return risk_facts_of(state.reading_engine(), state.actor(), state.clinic(), patient_id, on)


def save_risk_facts(
    patient_id: UUID,
    answers: Sequence[tuple[Question, FactAnswer]],
    *,
    answered_on: dt.date,
    request_key: UUID,
) -> None:
    """Store answers as one act."""
    record_risk_facts(
        state.engine(),
        state.actor(),
        state.clinic(),
        patient_id,
        answers,
        answered_on=answered_on,
        request_key=request_key,
        now=state.now(),
    )


def is_own_of_today(record_id: UUID) -> bool:
    """Whether the person stored this record today."""
    at = records.stored_by_self(state.reading_engine(), state.actor(), state.clinic(), record_id)
    zone = ZoneInfo(state.clinic_summary().time_zone)
    return at is not None and at.astimezone(zone).date() == state.today()

"""What the pages ask of the registry about answers of patients and assessments of their legs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from dashboard import data, state
from dashboard.outcome_words import SATISFACTION_WORDS
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.analysis import outcome_history, outcome_wording, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.outcome_history import OutcomeHistory
from registry.analysis.reported_outcomes import (
    ReportedOutcomesReport,
    Satisfaction,
    reported_outcomes,
)
from registry.entry import assessments
from registry.entry.assessments import LegAssessment, ReportedAnswers
from registry.entry.problems import Problem
from registry.entry.recording import Recorded
from registry.entry.rows import derived_id
from registry.statistics import display_rules

REMEMBERED: Final = dt.timedelta(days=30)
"""Whoever asked within this time is shown the questions without a click; our decision."""


def history(patient_id: UUID) -> OutcomeHistory:
    """Everything answered and assessed for a patient so far."""
    return outcome_history.outcome_history(
        state.reading_engine(), state.actor(), state.clinic(), patient_id
    )


def asks_patients() -> bool:
    """Whether the person asked patients about symptoms, or assessed legs, lately."""
    return outcome_history.asked_lately(
        state.reading_engine(), state.actor(), state.clinic(), since=state.now() - REMEMBERED
    )


def answer_problems(entry: ReportedAnswers) -> list[Problem]:
    """What stands against storing the answers; the visit they belong to may be stored with them."""
    return assessments.problems_of_answers(
        state.reading_engine(),
        state.actor(),
        state.clinic(),
        replace(entry, follow_up_id=None),
        now=state.now(),
    )


def leg_problems(entry: LegAssessment) -> list[Problem]:
    """What stands against storing the assessment of a leg."""
    return assessments.problems_of_leg(
        state.reading_engine(), state.actor(), state.clinic(), entry, now=state.now()
    )


def save(answers: ReportedAnswers | None, legs: Sequence[LegAssessment]) -> list[Recorded]:
    """Store answers and assessments; each is stored once, however often it is sent."""
    engine, by, clinic, now = state.engine(), state.actor(), state.clinic(), state.now()
    saved = []
    if answers is not None:
        saved.append(assessments.record_reported_outcomes(engine, by, clinic, answers, now=now))
    saved += [assessments.record_limb_assessment(engine, by, clinic, leg, now=now) for leg in legs]
    return saved


def correct_answers(
    entry: ReportedAnswers, opened: ReportedAnswers, change: data.Change
) -> Recorded:
    """Correct the answers of a day; an entry without any withdraws them."""
    return assessments.amend_reported_outcomes(
        state.engine(),
        state.actor(),
        state.clinic(),
        entry,
        opened=opened,
        reason=change.reason,
        reason_text=change.reason_text,
        request_key=derived_id(change.request_key, "answers"),
        now=state.now(),
    )


def correct_leg(entry: LegAssessment, version: int, change: data.Change) -> Recorded:
    """Correct the assessment of a leg; an entry in which nothing is assessed withdraws it."""
    return assessments.amend_limb_assessment(
        state.engine(),
        state.actor(),
        state.clinic(),
        entry,
        version=version,
        reason=change.reason,
        reason_text=change.reason_text,
        request_key=derived_id(change.request_key, "leg", entry.side),
        now=state.now(),
    )


def report(cohort: CohortFilter) -> ReportedOutcomesReport:
    """What the patients of a cohort say before and after treatment."""
    return reported_outcomes(state.reading_engine(), state.actor(), cohort, today=state.today())


def change_table(report: ReportedOutcomesReport) -> Table:
    """Each question as it is shown."""
    return [
        {
            _("Question"): f"{say(row.label)}, {say(outcome_wording.scale(row))}",
            _("Asked twice"): outcome_wording.asked_twice(row),
            _("Median"): outcome_wording.medians(row),
            _("Change (quartiles)"): outcome_wording.median_change(row),
            _("Better"): wording.share(row.improved),
            _("95 % interval"): wording.interval(row.improved),
            _("Same"): wording.count(row.unchanged),
            _("Worse"): wording.count(row.worse),
        }
        for row in report.rows
    ]


def answer_table(found: Satisfaction) -> Table:
    """How many patients gave each answer on satisfaction, the best first."""
    answered = found.estimate.denominator
    return [
        {
            _("Answer"): _(SATISFACTION_WORDS[score]),
            _("Patients"): wording.count(count),
            _("Share"): wording.percent(count / answered, answered)
            if display_rules.shows_percentage(answered)
            else wording.DASH,
        }
        for score, count in sorted(found.answers.items(), reverse=True)
    ]

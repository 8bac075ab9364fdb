"""What one patient answered and how their legs were assessed, day by day, and what changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.analysis.reported_outcomes import SEVERITY
from registry.analysis.stored_entries import current
from registry.catalogue import catalogue
from registry.database import reading
from registry.entry.assessments import RVCSS_ITEMS, RVCSS_WORST, LegAssessment, ReportedAnswers
from registry.entry.same_person import linked_ids
from registry.schema import ChangeSet, LimbAssessment, Patient, PatientReportedOutcome
from registry.vocabulary import Laterality

OUTCOME_ACTIONS: Final = ("record_reported_outcomes", "record_limb_assessment")


@dataclass(frozen=True, slots=True)
class OutcomeHistory:
    """All of one person, oldest first; ``versions`` are those of the assessments."""

    answers: tuple[ReportedAnswers, ...] = ()
    legs: tuple[LegAssessment, ...] = ()
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A score before and after; ``side`` is that of a severity score.

    ``is_better`` is None when nothing changed. No step is called important: no smallest important
    difference is established for these scores.
    """

    code: str
    side: Laterality | None
    before: Decimal
    before_on: dt.date
    after: Decimal
    after_on: dt.date
    highest: Decimal
    higher_is_better: bool

    @property
    def is_better(self) -> bool | None:
        """Whether the later score is the better one, in the direction of its scale."""
        if self.after == self.before:
            return None
        return (self.after > self.before) is self.higher_is_better


def outcome_history(engine: Engine, by: Actor, clinic_id: int, patient_id: UUID) -> OutcomeHistory:
    """Answers by day and assessments of legs, under whichever pseudonym of the person."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, Patient, clinic_id, patient_id)
        person = linked_ids(db, clinic_id, patient_id)
        answers = db.scalars(
            sa.select(PatientReportedOutcome)
            .where(
                PatientReportedOutcome.clinic_id == clinic_id,
                PatientReportedOutcome.patient_id.in_(person),
                PatientReportedOutcome.voided_at.is_(None),
            )
            .order_by(
                PatientReportedOutcome.answered_on,
                PatientReportedOutcome.patient_id,
                PatientReportedOutcome.item_code,
            )
        )
        days = groupby(answers, key=lambda row: (row.answered_on, row.patient_id))
        legs = db.scalars(
            sa.select(LimbAssessment)
            .where(
                LimbAssessment.clinic_id == clinic_id,
                LimbAssessment.patient_id.in_(person),
                LimbAssessment.voided_at.is_(None),
            )
            .order_by(LimbAssessment.assessed_on, LimbAssessment.side, LimbAssessment.recorded_at)
        ).all()
        return OutcomeHistory(
            answers=tuple(_answers(list(rows)) for _, rows in days),
            legs=tuple(map(_leg, legs)),
            versions=tuple(row.version for row in legs),
        )


def asked_lately(engine: Engine, by: Actor, clinic_id: int, *, since: dt.datetime) -> bool:
    """Whether the actor recorded answers or assessments here since an instant."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        found = sa.select(ChangeSet.id).where(
            ChangeSet.actor_id == by.user_id,
            ChangeSet.clinic_id == clinic_id,
            ChangeSet.action.in_(OUTCOME_ACTIONS),
            ChangeSet.at >= since,
        )
        return db.execute(found.limit(1)).first() is not None


def steps(history: OutcomeHistory, first_treated_on: dt.date | None) -> tuple[Step, ...]:
    """From the last score up to the first session to the newest, for each question and leg.

    A question that was first asked after treatment began starts with its first answer. One that was
    asked once makes no step, nor does satisfaction, which has no before.
    """
    items = catalogue().instrument_items
    found = []
    for code, item in items.items():
        if item.instrument == "satisfaction":
            continue
        scores = [(day.answered_on, day.scores[code]) for day in history.answers
                  if code in day.scores]  # fmt: skip
        for before, after in _ends(scores, first_treated_on):
            found.append(
                Step(
                    code, None, before[1], before[0], after[1], after[0],
                    item.maximum, item.higher_is_better,
                )
            )  # fmt: skip
    for side in Laterality:
        totals = [
            (leg.assessed_on, Decimal(leg.total))
            for leg in history.legs
            if leg.side is side and leg.total is not None
        ]
        for before, after in _ends(totals, first_treated_on):
            found.append(
                Step(
                    SEVERITY, side, before[1], before[0], after[1], after[0],
                    Decimal(len(RVCSS_ITEMS) * RVCSS_WORST), higher_is_better=False,
                )
            )  # fmt: skip
    return tuple(found)


Score = tuple[dt.date, Decimal]


def _ends(scores: list[Score], first_treated_on: dt.date | None) -> Iterator[tuple[Score, Score]]:
    """The score before and the newest one, if they are of two days."""
    if not scores:
        return
    earlier = [score for score in scores if first_treated_on and score[0] <= first_treated_on]
    before, after = (earlier or scores[:1])[-1], scores[-1]
    if before[0] < after[0]:
        yield before, after


def _answers(rows: list[PatientReportedOutcome]) -> ReportedAnswers:
    return ReportedAnswers(
        id=rows[0].id,
        patient_id=rows[0].patient_id,
        answered_on=rows[0].answered_on,
        scores={row.item_code: row.score for row in rows},
        follow_up_id=_first(row.follow_up_id for row in rows),
    )


def _first(ids: Iterable[UUID | None]) -> UUID | None:
    return next((id_ for id_ in ids if id_ is not None), None)


def _leg(row: LimbAssessment) -> LegAssessment:
    scores = {name: getattr(row, name) for name in RVCSS_ITEMS}
    return LegAssessment(
        id=row.id,
        patient_id=row.patient_id,
        side=row.side,
        assessed_on=row.assessed_on,
        ceap=row.ceap,
        items={name: score for name, score in scores.items() if score is not None},
    )

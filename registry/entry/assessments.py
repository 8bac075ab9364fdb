"""What patients report, and how severe the disease of a leg is, on one day.

The answers of a day are stored as one act and so is the assessment of a leg. There is one answer to
an item and one assessment of a leg a day: what was already said is corrected, with a reason, not
said again. An item without an answer was not asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit, language
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import FIRST_DAY, DbSession, reading
from registry.entry.amending import write
from registry.entry.known import clinic_day
from registry.entry.problems import Problem, in_digits
from registry.entry.recording import Recorded, cause_of_change
from registry.entry.rows import derived_id
from registry.entry.same_person import linked_ids
from registry.errors import Conflict, InvalidEntry, NotFound
from registry.messages import message
from registry.schema import Clinic, FollowUp, LimbAssessment, Patient, PatientReportedOutcome
from registry.vocabulary import CeapClass, FollowUpStatus, Laterality, ReasonForChange

RVCSS_ITEMS: Final = (
    "pain",
    "varicose_veins",
    "oedema",
    "pigmentation",
    "inflammation",
    "induration",
    "ulcer_count",
    "ulcer_duration",
    "ulcer_size",
    "compression_use",
)
"""Columns of the ten items of the revised Venous Clinical Severity Score (Vasquez 2010)."""
RVCSS_WORST: Final = 3
"""Each item runs from 0 (absent) to this."""

_STALE: Final = message(
    "Somebody changed this after you opened it. Nothing of yours was stored: open it again, "
    "compare, and repeat your change if it is still right."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedAnswers:
    """The answers of a patient on one day: score by item of the catalogue, in its range."""

    id: UUID
    patient_id: UUID
    answered_on: dt.date
    scores: Mapping[str, Decimal]
    follow_up_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAssessment:
    """Clinical class and severity items of one leg on one day; an item left out was not assessed.

    ``items`` holds 0 to 3 by name of :data:`RVCSS_ITEMS`.
    """

    id: UUID
    patient_id: UUID
    side: Laterality
    assessed_on: dt.date
    ceap: CeapClass | None = None
    items: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int | None:
        """The severity score, 0 to 30; None unless all ten items were assessed."""
        return sum(self.items.values()) if len(self.items) == len(RVCSS_ITEMS) else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was assessed."""
        return self.ceap is None and not self.items


@dataclass(frozen=True, slots=True)
class PatientDays:
    """What an entry must agree with: the patient's days and visits, and what the day has already.

    ``visits`` are the follow-ups of the person that took place; ``said`` names the items, or the
    legs, that were said on the day.
    """

    today: dt.date
    birth_year: int | None = None
    died_on: dt.date | None = None
    visits: Collection[UUID] = frozenset()
    said: Collection[str] = field(default_factory=frozenset)


def answer_problems(entry: ReportedAnswers, known: PatientDays) -> list[Problem]:
    """All that keeps the answers from being stored; fields are the codes of the items."""
    found = list(day_problems("answered_on", entry.answered_on, known))
    if not entry.scores:
        found.append(Problem("scores", "required", message("Answer at least one question.")))
    if entry.follow_up_id is not None and entry.follow_up_id not in known.visits:
        found.append(
            Problem(
                "follow_up_id",
                "known_follow_up",
                message("No such visit of this patient took place."),
            )
        )
    for code, score in entry.scores.items():
        item = catalogue().instrument_items.get(code)
        if item is None:
            found.append(Problem(code, "known_item", message("No such question in the catalogue.")))
        elif not score.is_finite() or not item.minimum <= score <= item.maximum:
            text = message(
                "Must lie from {least} to {most}.",
                least=in_digits(item.minimum),
                most=in_digits(item.maximum),
            )
            found.append(Problem(code, "in_range", text))
        elif score != score.to_integral_value():
            found.append(Problem(code, "whole", message("Write a whole number.")))
        if code in known.said:
            found.append(
                Problem(
                    code,
                    "once_a_day",
                    message("Already answered on that day: correct that answer."),
                )
            )
    return found


def leg_problems(entry: LegAssessment, known: PatientDays) -> list[Problem]:
    """All that keeps the assessment from being stored; fields are the names of the items."""
    found = list(day_problems("assessed_on", entry.assessed_on, known))
    if entry.is_empty:
        found.append(
            Problem("items", "required", message("Assess the class or at least one item."))
        )
    for name, score in entry.items.items():
        if name not in RVCSS_ITEMS:
            found.append(Problem(name, "known_item", message("No such item of the score.")))
        elif not 0 <= score <= RVCSS_WORST:
            found.append(
                Problem(
                    name,
                    "in_range",
                    message("Must lie from {least} to {most}.", least=0, most=RVCSS_WORST),
                )
            )
    if entry.side.value in known.said:
        found.append(
            Problem(
                "side", "once_a_day", message("This leg was assessed on that day: correct that.")
            )
        )
    return found


def problems_of_answers(
    engine: Engine, by: Actor, clinic_id: int, entry: ReportedAnswers, *, now: dt.datetime
) -> list[Problem]:
    """All problems that storing the answers now would meet; for a form that checks while typing."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        return answer_problems(entry, _days_of_answers(db, clinic_id, entry, now))


def problems_of_leg(
    engine: Engine, by: Actor, clinic_id: int, entry: LegAssessment, *, now: dt.datetime
) -> list[Problem]:
    """All problems that storing the assessment now would meet."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        return leg_problems(entry, _days_of_leg(db, clinic_id, entry, now))


def record_reported_outcomes(
    engine: Engine, by: Actor, clinic_id: int, entry: ReportedAnswers, *, now: dt.datetime
) -> Recorded:
    """Store what a patient answered on one day, all of it or nothing.

    Sending the same entry again stores nothing. Raises :class:`InvalidEntry` for an answer out of
    its range, an item that was answered on that day, a day to come, or a visit of somebody else.
    """
    require(by, Permission.RECORD, clinic_id)
    cause = audit.Cause("record_reported_outcomes", clinic_id=clinic_id, request_key=entry.id)

    def store(db: DbSession) -> None:
        _refuse(answer_problems(entry, _days_of_answers(db, clinic_id, entry, now)))
        db.execute(sa.insert(PatientReportedOutcome), answer_rows(clinic_id, entry, now))

    return _carried_out(engine, by, cause, store, Recorded(entry.id, 1, now))


def record_limb_assessment(
    engine: Engine, by: Actor, clinic_id: int, entry: LegAssessment, *, now: dt.datetime
) -> Recorded:
    """Store clinical class and severity items of one leg on one day.

    Sending the same entry again stores nothing. Raises :class:`InvalidEntry` for an item out of its
    range, a leg that was assessed on that day, a day to come, or nothing at all.
    """
    require(by, Permission.RECORD, clinic_id)
    cause = audit.Cause("record_limb_assessment", clinic_id=clinic_id, request_key=entry.id)

    def store(db: DbSession) -> None:
        _refuse(leg_problems(entry, _days_of_leg(db, clinic_id, entry, now)))
        db.execute(sa.insert(LimbAssessment), [leg_row(clinic_id, entry, now)])

    return _carried_out(engine, by, cause, store, Recorded(entry.id, 1, now))


def amend_reported_outcomes(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: ReportedAnswers,
    *,
    opened: ReportedAnswers,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
) -> Recorded:
    """Correct the answers of a day; ``opened`` is the day as the form was opened with it.

    Answers that are no longer in the entry are withdrawn, an entry without any withdraws them all.
    Raises :class:`Conflict` when somebody changed the day meanwhile.
    """
    require(by, Permission.AMEND, clinic_id)
    cause = cause_of_change(
        "amend", PatientReportedOutcome, clinic_id, reason, reason_text, request_key
    )

    def store(db: DbSession) -> None:
        rows = {
            row.item_code: row
            for row in db.scalars(
                _living(PatientReportedOutcome, clinic_id, [opened.patient_id]).where(
                    PatientReportedOutcome.answered_on == opened.answered_on
                )
            )
        }
        is_same_patient = entry.patient_id == opened.patient_id
        if not is_same_patient or {code: row.score for code, row in rows.items()} != opened.scores:
            raise Conflict(_STALE)
        if entry.scores:
            known = _days_of_answers(db, clinic_id, entry, now, but={r.id for r in rows.values()})
            _refuse(answer_problems(entry, known))
        for code, row in rows.items():
            if code not in entry.scores:
                write(db, PatientReportedOutcome, row, {"voided_at": now})
            elif (row.score, row.answered_on) != (entry.scores[code], entry.answered_on):
                changed = {"score": entry.scores[code], "answered_on": entry.answered_on}
                write(db, PatientReportedOutcome, row, changed)
        new = [
            row | {"id": derived_id(request_key, row["item_code"])}
            for row in answer_rows(clinic_id, entry, now)
            if row["item_code"] not in rows
        ]
        if new:
            db.execute(sa.insert(PatientReportedOutcome), new)

    return _carried_out(engine, by, cause, store, Recorded(entry.id, 1, now))


def amend_limb_assessment(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: LegAssessment,
    *,
    version: int,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
) -> Recorded:
    """Correct the assessment of a leg; an entry in which nothing is assessed withdraws it.

    Raises :class:`Conflict` when somebody changed it meanwhile, and :class:`NotFound` when it was
    withdrawn.
    """
    require(by, Permission.AMEND, clinic_id)
    cause = cause_of_change("amend", LimbAssessment, clinic_id, reason, reason_text, request_key)

    def store(db: DbSession) -> None:
        stored = db.get(LimbAssessment, (clinic_id, entry.id))
        if stored is None or stored.voided_at is not None:
            raise NotFound(
                message("There is no such assessment in this clinic, or it was withdrawn.")
            )
        if stored.version != version or stored.patient_id != entry.patient_id:
            raise Conflict(_STALE)
        if entry.is_empty:
            write(db, LimbAssessment, stored, {"voided_at": now})
            return
        _refuse(leg_problems(entry, _days_of_leg(db, clinic_id, entry, now, but={entry.id})))
        wanted = leg_row(clinic_id, entry, now)
        names = ("side", "assessed_on", "ceap", *RVCSS_ITEMS)
        write(db, LimbAssessment, stored, {name: wanted[name] for name in names})

    return _carried_out(engine, by, cause, store, Recorded(entry.id, version + 1, now))


def answer_rows(clinic_id: int, entry: ReportedAnswers, now: dt.datetime) -> list[dict[str, Any]]:
    """Rows that hold the answers of a day."""
    return [
        {
            "clinic_id": clinic_id,
            "id": derived_id(entry.id, code),
            "version": 1,
            "recorded_at": now,
            "voided_at": None,
            "patient_id": entry.patient_id,
            "follow_up_id": entry.follow_up_id,
            "answered_on": entry.answered_on,
            "item_code": code,
            "score": score,
        }
        for code, score in entry.scores.items()
    ]


def leg_row(clinic_id: int, entry: LegAssessment, now: dt.datetime) -> dict[str, Any]:
    """The row that holds the assessment of a leg."""
    return {
        "clinic_id": clinic_id,
        "id": entry.id,
        "version": 1,
        "recorded_at": now,
        "voided_at": None,
        "patient_id": entry.patient_id,
        "side": entry.side,
        "assessed_on": entry.assessed_on,
        "ceap": entry.ceap,
        **{name: entry.items.get(name) for name in RVCSS_ITEMS},
    }


def _carried_out(
    engine: Engine,
    by: Actor,
    cause: audit.Cause,
    store: Callable[[DbSession], None],
    done: Recorded,
) -> Recorded:
    try:
        with audit.transaction(engine, by, cause, now=done.at) as db:
            store(db)
    except audit.AlreadyRecorded as earlier:
        return Recorded(done.id, done.version, earlier.at, already=True)
    except sa.exc.IntegrityError:
        raise Conflict(
            message(
                "Somebody stored the same for this day at the same moment. Nothing of yours was "
                "stored."
            )
        ) from None
    return done


def _refuse(found: list[Problem]) -> None:
    if found:
        raise InvalidEntry(found)


def day_problems(name: str, day: dt.date, known: PatientDays) -> Iterator[Problem]:
    """What keeps something from having happened to the patient on this day."""
    if day > known.today:
        yield Problem(name, "not_in_future", message("The day lies in the future."))
    elif day < FIRST_DAY:
        yield Problem(name, "plausible_day", message("The day is not plausible."))
    elif known.birth_year is not None and day.year < known.birth_year:
        yield Problem(
            name,
            "not_before_birth",
            message("The day lies before the birth year {year}.", year=known.birth_year),
        )
    if known.died_on is not None and day > known.died_on:
        yield Problem(
            name,
            "not_after_death",
            message("The patient died on {day}.", day=language.day(known.died_on)),
        )


def _days_of_answers(
    db: DbSession,
    clinic_id: int,
    entry: ReportedAnswers,
    now: dt.datetime,
    *,
    but: Collection[UUID] = (),
) -> PatientDays:
    person = linked_ids(db, clinic_id, entry.patient_id)
    said = db.scalars(
        _living(PatientReportedOutcome, clinic_id, person).where(
            PatientReportedOutcome.answered_on == entry.answered_on,
            PatientReportedOutcome.id.not_in(but),
        )
    )
    return patient_days(
        db, clinic_id, entry.patient_id, person, {row.item_code for row in said}, now
    )


def _days_of_leg(
    db: DbSession,
    clinic_id: int,
    entry: LegAssessment,
    now: dt.datetime,
    *,
    but: Collection[UUID] = (),
) -> PatientDays:
    person = linked_ids(db, clinic_id, entry.patient_id)
    said = db.scalars(
        _living(LimbAssessment, clinic_id, person).where(
            LimbAssessment.assessed_on == entry.assessed_on, LimbAssessment.id.not_in(but)
        )
    )
    return patient_days(
        db, clinic_id, entry.patient_id, person, {row.side.value for row in said}, now
    )


def patient_days(
    db: DbSession,
    clinic_id: int,
    patient_id: UUID,
    person: Iterable[UUID],
    said: Collection[str],
    now: dt.datetime,
) -> PatientDays:
    """Days and visits of a person; raises :class:`NotFound` for a patient of no such clinic."""
    patient = db.get(Patient, (clinic_id, patient_id))
    if patient is None or patient.voided_at is not None:
        raise NotFound(message("There is no such patient in this clinic. Nothing was stored."))
    visits = db.scalars(
        sa.select(FollowUp.id).where(
            FollowUp.clinic_id == clinic_id,
            FollowUp.patient_id.in_(person),
            FollowUp.status == FollowUpStatus.SEEN,
            FollowUp.voided_at.is_(None),
        )
    )
    return PatientDays(
        today=clinic_day(db.get_one(Clinic, clinic_id), now),
        birth_year=patient.birth_year,
        died_on=patient.died_on,
        visits=frozenset(visits),
        said=frozenset(said),
    )


def _living(model: Any, clinic_id: int, person: Iterable[UUID]) -> Any:
    return sa.select(model).where(
        model.clinic_id == clinic_id, model.patient_id.in_(person), model.voided_at.is_(None)
    )

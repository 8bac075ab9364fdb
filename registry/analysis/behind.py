"""The records behind a figure: the very sets that were counted, one by one.

A list holds as many lines as the figure says, because both are made of the same set: each question
names the sets behind its counts, and a figure is the size of one. Lines are shown to those who may
see records, clinic by clinic; others learn how many there are and who may open them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import ALLOWED, Actor, Permission, may, scope
from registry.access_log import log_access
from registry.analysis import follow_up
from registry.analysis.cohort import level_label
from registry.analysis.columns import EPOCH
from registry.analysis.dimensions import NOT_APPLICABLE
from registry.analysis.facts import Facts, facts_of
from registry.analysis.openable_counts import Behind, check, unit_of
from registry.analysis.report_counts import OVERDUE
from registry.analysis.sets_behind import Rows, counted
from registry.database import DbSession, reading
from registry.messages import Message, listed, message
from registry.schema import FollowUp, Patient, TreatmentSession
from registry.vocabulary import Role

PAGE_LENGTH: Final = 50
_AT_ONCE: Final = 5_000
"""Records asked for in one statement; a database takes only so many values."""


class Order(StrEnum):
    """How a list is sorted."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CLINICIAN = "clinician"
    SCLEROSANT = "sclerosant"


@dataclass(frozen=True, slots=True)
class Line:
    """One session, treated site or visit behind a figure.

    ``treated_on``, ``clinician`` and ``given`` are those of the session; blank for a visit that
    belongs to none. ``found`` says what makes the line count.
    """

    clinic_id: int
    patient_id: UUID
    pseudonym: str
    treated_on: dt.date | None
    clinician: Message | None
    given: Message | None
    found: Message | None


@dataclass(frozen=True, slots=True)
class RecordsBehind:
    """Some lines of a list, and how long it is.

    ``count`` is the figure; ``withheld`` of them are of clinics whose records the reader may not
    see. ``lines`` begin at place ``first`` of the others. ``openers`` are the roles that may see
    records without a right of their own.
    """

    asked: Behind
    unit: Message
    count: int
    withheld: int
    first: int
    lines: tuple[Line, ...]
    openers: tuple[Role, ...]

    @property
    def shown(self) -> int:
        """Length of the list that the reader may open."""
        return self.count - self.withheld


OPENERS: Final = tuple(role for role in Role if Permission.SEE_RECORDS in ALLOWED[role])


def records_behind(
    engine: Engine,
    by: Actor,
    asked: Behind,
    *,
    now: dt.datetime,
    log: Engine,
    order: Order = Order.NEWEST,
    first: int = 0,
    length: int = PAGE_LENGTH,
) -> RecordsBehind:
    """The records behind one figure, and that they were read is written to ``log``.

    Raises :class:`NotFound` for a report, measure, grouping or event that does not exist; a group
    that does not occur has no records.
    """
    clinics = scope(by, Permission.READ_RATES)
    check(asked)
    seen = frozenset(clinic for clinic in clinics if may(by, Permission.SEE_RECORDS, clinic))
    if asked.measure == OVERDUE:
        count, shown, lines = _overdue(engine, asked, clinics, seen, first, length)
    else:
        facts = facts_of(engine)
        rows, found = counted(engine, by, facts, asked, clinics)
        count = len(rows)
        place = np.flatnonzero(np.isin(facts.sessions["clinic_id"].to_numpy()[rows], list(seen)))
        shown = len(place)
        place = place[_sorted(facts, rows[place], order)][first : first + length]
        lines = _lines(engine, by, facts, rows[place], [found.get(int(i)) for i in place])
    if lines:
        query = ", ".join(f"{name}={words}" for name, words in asked.cohort.to_query().items())
        log_access(
            engine=log,
            actor=by,
            action="list_records",
            now=now,
            row_count=len(lines),
            detail=f"{asked.report}, {asked.event}, by {asked.group_by}, {asked.group}: "
            f"{asked.measure}; {query}",
        )
    return RecordsBehind(asked, unit_of(asked), count, count - shown, first, tuple(lines), OPENERS)


def _sorted(facts: Facts, rows: Rows, order: Order) -> Rows:
    """Places of ``rows`` in their order; within a level the newest first."""
    newest = -facts.sessions["day"].to_numpy()[rows]
    if order is Order.OLDEST:
        return np.argsort(-newest, kind="stable")
    if order is Order.NEWEST:
        return np.argsort(newest, kind="stable")
    return np.lexsort((newest, facts.sessions[order.value].to_numpy()[rows]))


def _lines(
    engine: Engine, by: Actor, facts: Facts, rows: Rows, found: Collection[Message | None]
) -> list[Line]:
    clinics, days = (facts.sessions[name].to_numpy() for name in ("clinic_id", "day"))
    ids = [UUID(text.decode()) for text in facts.session_ids[rows].tolist()]
    with reading(engine) as db:
        patients = _patients(db, set(clinics[rows].tolist()), ids)
    lines = []
    for row, session_id, said in zip(rows.tolist(), ids, found, strict=True):
        clinic_id = int(clinics[row])
        patient_id, pseudonym = patients[clinic_id, session_id]
        lines.append(
            Line(
                clinic_id,
                patient_id,
                pseudonym,
                EPOCH + dt.timedelta(days=int(days[row])),
                _level(facts, row, "clinician", by),
                _given(facts, row, by),
                said,
            )
        )
    return lines


def _patients(
    db: DbSession, clinics: Collection[int], ids: Sequence[UUID]
) -> dict[tuple[int, UUID], tuple[UUID, str]]:
    """Patient and pseudonym of each session, by clinic and session."""
    statement = (
        sa.select(
            TreatmentSession.clinic_id,
            TreatmentSession.id,
            TreatmentSession.patient_id,
            Patient.pseudonym,
        )
        .join(
            Patient,
            sa.and_(
                Patient.clinic_id == TreatmentSession.clinic_id,
                Patient.id == TreatmentSession.patient_id,
            ),
        )
        .where(TreatmentSession.clinic_id.in_(clinics))
    )
    return {
        (row.clinic_id, row.id): (row.patient_id, row.pseudonym)
        for first in range(0, len(ids), _AT_ONCE)
        for row in db.execute(
            statement.where(TreatmentSession.id.in_(ids[first : first + _AT_ONCE]))
        )
    }


def _level(facts: Facts, row: int, dimension: str, by: Actor) -> Message:
    return level_label(facts, dimension, _code(facts, row, dimension), by)


def _code(facts: Facts, row: int, dimension: str) -> str:
    return facts.levels[dimension][int(facts.sessions[dimension].to_numpy()[row])]


def _given(facts: Facts, row: int, by: Actor) -> Message:
    """What was injected, or the modality of a session without a sclerosant."""
    if _code(facts, row, "sclerosant") == NOT_APPLICABLE:
        return _level(facts, row, "modality", by)
    names = ("sclerosant", "concentration", "form")
    return listed([_level(facts, row, name, by) for name in names])


def _overdue(
    engine: Engine,
    asked: Behind,
    clinics: Collection[int],
    seen: frozenset[int],
    first: int,
    length: int,
) -> tuple[int, int, list[Line]]:
    """Number of overdue visits, how many of them the reader may open, and some of those."""
    kept = asked.cohort.within(clinics)
    every = follow_up.overdue_visits(kept, asked.group, asked.today)
    opened = follow_up.overdue_visits(kept & seen, asked.group, asked.today)
    with reading(engine) as db:
        count, shown = (
            int(db.scalar(sa.select(sa.func.count()).select_from(visits.subquery())) or 0)
            for visits in (every, opened)
        )
        rows = db.execute(
            opened.outerjoin(
                TreatmentSession,
                sa.and_(
                    TreatmentSession.clinic_id == FollowUp.clinic_id,
                    TreatmentSession.id == FollowUp.treatment_session_id,
                ),
            )
            .with_only_columns(
                FollowUp.clinic_id,
                FollowUp.patient_id,
                Patient.pseudonym,
                TreatmentSession.treated_on,
                FollowUp.due_on,
            )
            .order_by(FollowUp.due_on, Patient.pseudonym, FollowUp.id)
            .offset(first)
            .limit(length)
        )
        lines = [
            Line(
                row.clinic_id,
                row.patient_id,
                row.pseudonym,
                row.treated_on,
                None,
                None,
                message("due {day}", day=row.due_on.isoformat()),
            )
            for row in rows
        ]
    return count, shown, lines

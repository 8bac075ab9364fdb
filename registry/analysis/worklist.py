"""The worklist of follow-up: as records, as a call sheet with names, and as counts for the others.

Which lines there are, and in which order, is said in :mod:`registry.analysis.call_lines`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require, scope
from registry.access_log import log_access
from registry.analysis.call_lines import (
    DUE_SOON_DAYS,
    FAILED_ATTEMPTS,
    SILENT_DAYS,
    CallLine,
    Listed,
    Show,
    Timing,
    call_list,
    shown_lines,
)
from registry.analysis.cohort import CohortFilter
from registry.analysis.facts import facts_of
from registry.analysis.results import Excluded, Heading, heading_dict
from registry.analysis.sign_off import VISIT_DAYS
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.messages import Message, message
from registry.schema import PatientIdentity

LONGEST_SHEET: Final = 100
"""Patients on one call sheet."""


@dataclass(frozen=True, slots=True)
class Worklist:
    """Some lines of one part of the list, and the length of each part."""

    show: Show
    lines: tuple[CallLine, ...]
    first: int
    counts: Mapping[Show, int]


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """Planned visits of one kind; ``unreachable`` ones are due or overdue as well."""

    code: str
    label: Message
    due: int
    overdue: int
    unreachable: int
    attempted: int


@dataclass(frozen=True, slots=True)
class WorklistReport:
    """The list in counts, for those who may not see records; ``not_planned`` counts patients."""

    heading: Heading
    rows: tuple[WorklistRow, ...]
    not_planned: int
    excluded: tuple[Excluded, ...] = ()
    warnings: tuple[Message, ...] = ()

    def total(self, show: Show) -> int:
        """Length of a part of the list."""
        if show is Show.NOT_PLANNED:
            return self.not_planned
        if show is Show.TO_CALL:
            return sum(row.due + row.overdue - row.unreachable for row in self.rows)
        return sum(int(getattr(row, show.value)) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values."""
        return {
            **heading_dict(self.heading),
            "rows": self.to_rows(),
            "excluded": [],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a visit, sessions without one last."""
        rows = [
            {
                "code": row.code,
                "label": str(row.label),
                "due": row.due,
                "overdue": row.overdue,
                "unreachable": row.unreachable,
                "attempted": row.attempted,
                "never_planned": 0,
            }
            for row in self.rows
        ]
        none = dict.fromkeys(("due", "overdue", "unreachable", "attempted"), 0)
        label = str(message("No visit planned"))
        last = {"code": "not_planned", "label": label, **none, "never_planned": self.not_planned}
        return [*rows, last]


def worklist_counts(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date
) -> WorklistReport:
    """How many visits of the cohort's clinics are due, overdue and unreachable; no record leaves.

    The list is about today: of the filter only the clinics matter.
    """
    clinics = cohort.within(scope(by, Permission.READ_RATES))
    facts = facts_of(engine)
    lines = [line for clinic_id in clinics for line in _listed(engine, clinic_id, today)]
    planned = [line for line in lines if line.timing is not Timing.NOT_PLANNED]
    visits = catalogue().visits
    labels = {code: message(visit.label) for code, visit in visits.items()}
    labels["unscheduled"] = message("Unscheduled")
    by_visit: defaultdict[str, list[Listed]] = defaultdict(list)
    for line in planned:
        known = line.visit_code in visits
        by_visit[line.visit_code or "" if known else "unscheduled"].append(line)
    rows = tuple(
        WorklistRow(
            code,
            label,
            sum(line.timing is Timing.DUE for line in by_visit[code]),
            sum(line.timing is Timing.OVERDUE for line in by_visit[code]),
            sum(line.silence is not None for line in by_visit[code]),
            sum(line.was_tried for line in by_visit[code]),
        )
        for code, label in labels.items()
        if by_visit[code]
    )
    return WorklistReport(
        heading=Heading(
            "worklist",
            message("Who is due for follow-up"),
            message(
                "Planned visits due within {soon} days, or overdue because their window has "
                "closed. Unreachable, of both: {failed} attempts in a row failed, a wrong number "
                "or address, or nothing heard for {silent} days after the window (lost to "
                "follow-up). Never planned: patients treated in the last {back} days whom no visit "
                "follows. Patients who died are left out.",
                soon=DUE_SOON_DAYS,
                failed=FAILED_ATTEMPTS,
                silent=SILENT_DAYS,
                back=VISIT_DAYS[1],
            ),
            "visits",
            cohort,
            today,
            facts.seal,
        ),
        rows=rows,
        not_planned=len(lines) - len(planned),
    )


def worklist(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    today: dt.date,
    now: dt.datetime,
    log: Engine,
    show: Show = Show.TO_CALL,
    first: int = 0,
    length: int = 25,
) -> Worklist:
    """Lines of one part of the list under their pseudonyms, and the reading is logged."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    found = _part(engine, clinic_id, today, show, first, length)
    if found.lines:
        log_access(
            log,
            by,
            "list_records",
            now=now,
            clinic_id=clinic_id,
            row_count=len(found.lines),
            detail=f"worklist: {show.value}",
        )
    return found


def call_sheet(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    today: dt.date,
    now: dt.datetime,
    log: Engine,
    show: Show = Show.TO_CALL,
    first: int = 0,
    length: int = LONGEST_SHEET,
) -> Worklist:
    """The same lines with names and hospital numbers; each opening is logged with their number."""
    require(by, Permission.SEE_IDENTITY, clinic_id)
    found = _part(engine, clinic_id, today, show, first, length)
    with reading(engine) as db:
        found = replace(found, lines=_named(db, clinic_id, found.lines))
    if found.lines:
        log_access(
            log,
            by,
            "list_identified",
            now=now,
            clinic_id=clinic_id,
            row_count=len(found.lines),
            detail=f"call sheet: {show.value}",
        )
    return found


def _listed(engine: Engine, clinic_id: int, today: dt.date) -> tuple[Listed, ...]:
    """The lines of a clinic in their order, read once for each seal of the data."""

    def read() -> tuple[Listed, ...]:
        with reading(engine) as db:
            return call_list(db, clinic_id, today)

    return facts_of(engine).once(("call list", clinic_id, today), read)


def _part(
    engine: Engine, clinic_id: int, today: dt.date, show: Show, first: int, length: int
) -> Worklist:
    lines = _listed(engine, clinic_id, today)
    kept = [line for line in lines if line.belongs_to(show)]
    with reading(engine) as db:
        shown = shown_lines(db, clinic_id, kept[first : first + length], today)
    counts = {part: sum(line.belongs_to(part) for line in lines) for part in Show}
    return Worklist(show, shown, first, counts)


def _named(db: DbSession, clinic_id: int, lines: Sequence[CallLine]) -> tuple[CallLine, ...]:
    rows = db.execute(
        sa.select(
            PatientIdentity.patient_id,
            PatientIdentity.family_name,
            PatientIdentity.given_name,
            PatientIdentity.hospital_number,
        ).where(
            PatientIdentity.clinic_id == clinic_id,
            PatientIdentity.patient_id.in_([line.patient_id for line in lines]),
        )
    )
    known = {row.patient_id: row for row in rows}
    return tuple(
        replace(
            line,
            family_name=known[line.patient_id].family_name,
            given_name=known[line.patient_id].given_name,
            hospital_number=known[line.patient_id].hospital_number,
        )
        if line.patient_id in known
        else line
        for line in lines
    )

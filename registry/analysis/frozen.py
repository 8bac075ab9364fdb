"""Periods whose reports were kept as they were, and what has changed in them since.

A kept period is shown from what was stored, never worked out again. Beside it stands what the same
questions answer today, figure by figure, and how many records of the period the audit trail has
seen added, amended or withdrawn after the seal that the period was worked out from.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require, scope
from registry.access_log import log_access
from registry.analysis import reports, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.results import Report, result_for_programs, rows_for_programs
from registry.database import DbSession, reading
from registry.entry.reporting_periods import content_digest
from registry.errors import Conflict, NotFound, RegistryError
from registry.messages import N_, Message, _, message
from registry.schema import AuditRow, FollowUp, ReportingPeriod, Seal, TreatmentSession
from registry.statistics import display_rules

STANDARD_SET: Final = ("overview", "complications", "recurrence", "follow_up")
"""The reports of a whole clinic, printed together and kept with a period."""
ATTEMPTS: Final = 3


class DamagedPeriod(RegistryError):
    """The stored reports of a period are not those that were kept."""


@dataclass(frozen=True, slots=True)
class PeriodKept:
    """A kept period without its reports; ``voided_at`` is set once it was withdrawn."""

    id: UUID
    name: str
    first_day: dt.date
    last_day: dt.date
    data_as_of: dt.date
    seal: int
    kept_at: dt.datetime
    voided_at: dt.datetime | None
    digest: str

    def cohort(self, clinic_id: int) -> CohortFilter:
        """The sessions of the period."""
        return cohort_of(clinic_id, self.first_day, self.last_day)


@dataclass(frozen=True, slots=True)
class FigureChanged:
    """A figure of a kept period that is another today; texts as they are shown."""

    report: str
    row: str
    figure: Message
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class RecordsChanged:
    """Records of one kind that belong to a period and were changed since it was kept.

    ``kind`` is the name of their table. A record that was added and withdrawn since counts nowhere.
    """

    kind: str
    added: int
    amended: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """Everything that differs between a kept period and the same period today."""

    seal: int
    as_of: dt.date
    figures: tuple[FigureChanged, ...]
    records: tuple[RecordsChanged, ...]


class _Compared(NamedTuple):
    """A figure of a report: its name, its text, and the column that tells rows of a code apart."""

    label: str
    shown: Callable[[Mapping[str, Any]], str]
    apart_by: str | None = None


def _share(count: str, of: str, share: str) -> Callable[[Mapping[str, Any]], str]:
    """A count of a denominator, with its share where that is told: "3 of 12 (25.0 %)"."""

    def shown(row: Mapping[str, Any]) -> str:
        counts = wording.of_all(row[count], row[of])
        if not row[count] or row[share] is None or not display_rules.shows_percentage(row[of]):
            return counts
        return f"{counts} ({wording.percent(row[share], row[of])})"

    return shown


def _landmark(row: Mapping[str, Any]) -> str:
    """Recurrence on a day, with the sites still observed then."""
    value = row["recurrence"] if row["shown"] else None
    share = wording.percent(value, row["with_success"])
    return str(
        message("{share}; {count} observed", share=share, count=wording.count(row["at_risk"]))
    )


_COMPARED: Final[Mapping[str, tuple[_Compared, ...]]] = {
    "overview": (_Compared(N_("Cases"), _share("numerator", "denominator", "value")),),
    "complications": (
        _Compared(N_("Events"), _share("numerator", "denominator", "rate")),
        _Compared(N_("Assessed"), _share("assessed", "denominator", "completeness")),
    ),
    "recurrence": (
        _Compared(N_("Sites treated"), lambda row: wording.count(row["sites"])),
        _Compared(N_("Sites with success"), lambda row: wording.count(row["with_success"])),
        _Compared(N_("Recurred by day"), _landmark, "day"),
    ),
    "follow_up": (_Compared(N_("Seen"), _share("seen", "due", "completeness")),),
}


def cohort_of(clinic_id: int, first: dt.date, last: dt.date) -> CohortFilter:
    """The sessions of one clinic from day ``first`` to day ``last``."""
    return CohortFilter(first, last, {"clinic": (str(clinic_id),)})


def standard_set(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date
) -> tuple[Report, ...]:
    """The reports of the standard set, all of the same seal.

    Raises :class:`Conflict` when somebody saved during each of three attempts.
    """
    scope(by, Permission.READ_RATES)
    for _attempt in range(ATTEMPTS):
        found = tuple(
            reports.report(engine, by, name, cohort, today=today) for name in STANDARD_SET
        )
        if len({report.heading.seal for report in found}) == 1:
            return found
    raise Conflict(
        message("The data changed while the reports were worked out. Nothing was kept; try again.")
    )


def results_of(found: Sequence[Report]) -> list[dict[str, Any]]:
    """The unrounded results of reports in plain values, as they are kept: in English."""
    return [
        {
            "name": report.heading.name,
            "rows": rows_for_programs(report),
            "result": result_for_programs(report),
        }
        for report in found
    ]


def kept_periods(engine: Engine, by: Actor, clinic_id: int) -> tuple[PeriodKept, ...]:
    """The kept periods of a clinic, the latest first."""
    require(by, Permission.READ_RATES, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(*_HEAD)
            .where(ReportingPeriod.clinic_id == clinic_id)
            .order_by(ReportingPeriod.last_day.desc(), ReportingPeriod.recorded_at.desc())
        )
        return tuple(PeriodKept(*row) for row in rows)


def kept_period(
    engine: Engine, by: Actor, clinic_id: int, period_id: UUID
) -> tuple[PeriodKept, dict[str, Any]]:
    """A kept period and its reports as they were stored.

    Raises :class:`NotFound`, and :class:`DamagedPeriod` when they do not fit their digest.
    """
    require(by, Permission.READ_RATES, clinic_id)
    with reading(engine) as db:
        row = db.execute(
            sa.select(*_HEAD, ReportingPeriod.content).where(
                ReportingPeriod.clinic_id == clinic_id, ReportingPeriod.id == period_id
            )
        ).first()
    if row is None:
        raise NotFound(message("There is no such period in this clinic."))
    *head, text = row
    period = PeriodKept(*head)
    if content_digest(text) != period.digest:
        raise DamagedPeriod(
            message(
                "The stored reports of “{period}” are not those that were kept: their digest "
                "differs, so they are not shown. The audit trail holds the originals; verify it "
                "with `sclero audit verify`, and look for the last backup.",
                period=period.name,
            )
        )
    content: dict[str, Any] = json.loads(text)
    return period, content


def log_kept_taken(
    engine: Engine, by: Actor, clinic_id: int, period: PeriodKept, ending: str, *, now: dt.datetime
) -> None:
    """Write down that the reports of a kept period were taken away, with their digest."""
    require(by, Permission.READ_RATES, clinic_id)
    query = "; ".join(f"{k}={v}" for k, v in period.cohort(clinic_id).to_query().items())
    log_access(
        engine,
        by,
        "download_report",
        now=now,
        clinic_id=clinic_id,
        detail=f"period_kept.{ending}; {query}; content {period.digest}",
    )


def changed_since(
    engine: Engine, by: Actor, clinic_id: int, period_id: UUID, *, today: dt.date
) -> ChangedSince:
    """What differs between a kept period and what the same questions answer today."""
    require(by, Permission.READ_RATES, clinic_id)
    period, content = kept_period(engine, by, clinic_id, period_id)
    live = standard_set(engine, by, period.cohort(clinic_id), today=today)
    then = {result["name"]: result["rows"] for result in content["results"]}
    figures = tuple(
        changed
        for report in live
        for changed in figures_changed(
            report.heading.name, then.get(report.heading.name, []), report.to_rows()
        )
    )
    with reading(engine) as db:
        records = _records_changed(db, clinic_id, period)
    return ChangedSince(live[0].heading.seal, today, figures, records)


def figures_changed(
    name: str, then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[FigureChanged]:
    """The figures of a report that read otherwise today; a row that is missing shows a dash."""
    before, after = _figures(name, then), _figures(name, now)
    for place in dict.fromkeys([*before, *after]):
        row, figure = (after.get(place) or before[place])[:2]
        old, new = (side[place][2] if place in side else wording.DASH for side in (before, after))
        if old != new:
            yield FigureChanged(name, row, figure, old, new)


def _figures(
    name: str, rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[object, ...], tuple[str, Message, str]]:
    """Row, figure and text of every figure that is compared, by its place in the report.

    Labels of kept rows are English, and are translated here.
    """
    found: dict[tuple[object, ...], tuple[str, Message, str]] = {}
    for row in rows:
        for figure in _COMPARED[name]:
            part = None if figure.apart_by is None else row[figure.apart_by]
            label = message(figure.label)
            if part is not None:
                label = message("{figure} {part}", figure=label, part=part)
            found[row["code"], figure.label, part] = _(row["label"]), label, figure.shown(row)
    return found


_HEAD: Final = (
    ReportingPeriod.id,
    ReportingPeriod.name,
    ReportingPeriod.first_day,
    ReportingPeriod.last_day,
    ReportingPeriod.data_as_of,
    ReportingPeriod.seal_seq,
    ReportingPeriod.recorded_at,
    ReportingPeriod.voided_at,
    ReportingPeriod.content_digest,
)

# --- records of a period -----------------------------------------------------------------------

_OF_SESSION: Final = ("treated_site", "injection")
_OF_PATIENT: Final = ("follow_up", "site_outcome", "patient_reported_outcome", "patient_link")
"""A visit counts for every session of its patient whose window it falls into."""
_KINDS: Final = (
    "treatment_session",
    *_OF_SESSION,
    "adverse_event",
    *_OF_PATIENT,
    "follow_up_finding",
    "patient",
)


@dataclass(frozen=True, slots=True)
class _Members:
    """Sessions of a period, their patients, and the visits of those."""

    first: str
    last: str
    sessions: Collection[UUID]
    patients: Collection[UUID]
    visits: Collection[UUID]

    def hold(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Whether a row with these values belongs to the period."""
        if kind == "treatment_session":
            return self.first <= str(values["treated_on"]) <= self.last
        if kind == "follow_up_finding":
            return UUID(values["follow_up_id"]) in self.visits
        if kind in _OF_SESSION or (kind == "adverse_event" and values["treatment_session_id"]):
            return UUID(values["treatment_session_id"]) in self.sessions
        return UUID(values["id" if kind == "patient" else "patient_id"]) in self.patients


def _records_changed(
    db: DbSession, clinic_id: int, period: PeriodKept
) -> tuple[RecordsChanged, ...]:
    members = _members(db, clinic_id, period)
    added: set[tuple[str, str]] = set()
    withdrawn: dict[tuple[str, str], bool] = {}
    for kind, key, operation, old, new in db.execute(
        sa.select(
            AuditRow.table_name,
            AuditRow.row_key,
            AuditRow.operation,
            AuditRow.old_values,
            AuditRow.new_values,
        )
        .join(Seal, Seal.change_set_id == AuditRow.change_set_id)
        .where(
            Seal.seq > period.seal,
            AuditRow.table_name.in_(_KINDS),
            AuditRow.row_key.startswith(f"[{clinic_id},"),
        )
        .order_by(AuditRow.id),
        execution_options={"yield_per": 5_000},
    ):
        states = [json.loads(state) for state in (old, new) if state is not None]
        if any(members.hold(kind, state) for state in states) or (kind, key) in withdrawn:
            if operation == "insert":
                added.add((kind, key))
            withdrawn[kind, key] = new is None or states[-1]["voided_at"] is not None
    rows = []
    for kind in _KINDS:
        keys = [place for place in withdrawn if place[0] == kind]
        counts = (
            sum(key in added and not withdrawn[key] for key in keys),
            sum(key not in added and not withdrawn[key] for key in keys),
            sum(key not in added and withdrawn[key] for key in keys),
        )
        if any(counts):
            rows.append(RecordsChanged(kind, *counts))
    return tuple(rows)


def _members(db: DbSession, clinic_id: int, period: PeriodKept) -> _Members:
    in_period = (
        TreatmentSession.clinic_id == clinic_id,
        TreatmentSession.treated_on.between(period.first_day, period.last_day),
    )
    sessions = db.execute(
        sa.select(TreatmentSession.id, TreatmentSession.patient_id).where(*in_period)
    ).all()
    visits = db.scalars(
        sa.select(FollowUp.id).where(
            FollowUp.clinic_id == clinic_id,
            FollowUp.patient_id.in_(sa.select(TreatmentSession.patient_id).where(*in_period)),
        )
    )
    return _Members(
        period.first_day.isoformat(),
        period.last_day.isoformat(),
        frozenset(session.id for session in sessions),
        frozenset(session.patient_id for session in sessions),
        frozenset(visits),
    )

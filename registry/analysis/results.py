"""What every question answers with: numbers that carry their definition and all their parts.

One object serves the page, the command line and every file, so no two of them can disagree. Texts
are messages, translated where they are shown; rounding happens in :mod:`registry.analysis.wording`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from registry.analysis.cohort import CohortFilter
from registry.language import speaking
from registry.messages import Message
from registry.statistics import display_rules
from registry.statistics.result import Estimate
from registry.vocabulary import Language


class Basis(StrEnum):
    """How a headline rate was made."""

    PROPORTION = "proportion"
    """Events of mature sessions: at least 95 % of them were assessed."""
    KAPLAN_MEIER = "kaplan_meier"
    """1 - Kaplan-Meier at the window's end: more than 5 % were not assessed."""
    BOUNDS = "bounds"
    """No rate but its best and worst case: more than 5 % of the patients or legs were not assessed,
    and one that was treated several times has no single clock for Kaplan-Meier."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """What was left out, why, and how many."""

    reason: Message
    count: int


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate in one group.

    ``sessions`` are all of the group. Those old enough for the window and its visit enter:
    ``mature`` counts them, or their patients or legs, as ``unit`` says. ``events`` of these had the
    event and ``assessed`` of them had it or were asked at or after the window's end. ``best`` and
    ``worst`` are the rates if none, or all, of the others had it. ``screened`` of the events were
    found by nothing but a planned duplex scan. ``mature_sessions`` are the sessions that entered.
    """

    code: str
    label: Message
    window_days: int
    sessions: int
    mature: int
    events: int
    assessed: int
    patients: int
    screened: int
    basis: Basis
    estimate: Estimate
    best: float | None
    worst: float | None
    design_effect: float | None = None
    patient_bound: float | None = None
    unit: str = "sessions"
    mature_sessions: int | None = None

    @property
    def completeness(self) -> float | None:
        """Share of mature units that were assessed; None without mature units."""
        return self.assessed / self.mature if self.mature else None

    @property
    def too_recent(self) -> int:
        """Sessions that are not old enough yet."""
        entered = self.mature if self.mature_sessions is None else self.mature_sessions
        return self.sessions - entered

    @property
    def sessions_each(self) -> float | None:
        """Mean of the sessions that entered for each patient or leg; None without any."""
        if not self.mature or self.mature_sessions is None:
            return None
        return self.mature_sessions / self.mature


@dataclass(frozen=True, slots=True)
class Heading:
    """What a result is about: printed on every face of it."""

    name: str
    title: Message
    definition: Message
    unit: str
    cohort: CohortFilter
    as_of: dt.date
    seal: int


@dataclass(frozen=True, slots=True)
class RateReport:
    """Complication rates of a cohort, by one grouping or by event.

    ``by_detection`` holds, for thrombosis, the rate of what came to light otherwise and the rate of
    what only a planned duplex scan found; ``scanned`` of the mature sessions were followed by a
    duplex scan within the window. ``per_patient`` and ``first_session`` are the rate of all
    sessions in other units.
    """

    heading: Heading
    event: str
    event_label: Message
    by: str
    total: RateRow
    rows: tuple[RateRow, ...]
    per_patient: RateRow
    first_session: RateRow
    serious: tuple[tuple[Message, int], ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()
    by_detection: tuple[RateRow, ...] = ()
    scanned: int = 0

    @property
    def unit(self) -> str:
        """What the rates are shares of."""
        return self.heading.unit

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "by": self.by,
            "total": rate_dict(self.total),
            "rows": [rate_dict(row) for row in self.rows],
            "by_detection": [rate_dict(row) for row in self.by_detection],
            "scanned": self.scanned,
            "per_patient": rate_dict(self.per_patient),
            "first_session": rate_dict(self.first_session),
            "serious": [{"event": str(label), "count": count} for label, count in self.serious],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a group, the total first, for tables and files."""
        return [rate_dict(row, flat=True) for row in (self.total, *self.rows)]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Cumulative incidences on a day, with the number still observed."""

    day: int
    at_risk: int
    recurrence: Estimate
    retreatment: Estimate
    death: Estimate
    event_free: Estimate

    @property
    def is_shown(self) -> bool:
        """Whether enough sites are still observed for the day to be told."""
        return display_rules.shows_landmark(self.at_risk)


@dataclass(frozen=True, slots=True)
class Curve:
    """Steps of the cumulative incidences for drawing, cut where too few are at risk.

    ``lower`` and ``upper`` are the limits of ``recurrence``.
    """

    days: tuple[int, ...]
    recurrence: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    retreatment: tuple[float, ...]
    retreatment_lower: tuple[float | None, ...]
    retreatment_upper: tuple[float | None, ...]
    event_free: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RecurrenceRow:
    """Treated sites of one group: success, and what became of those with success.

    ``clear_at_12_months`` is a share of all sites old enough. It has a value only when at least
    95 % of them were looked at; otherwise ``clear_worst`` and ``clear_best`` are what is known, the
    shares if none or all of the others were clear.
    """

    code: str
    label: Message
    sites: int
    patients: int
    assessed: int
    success: Estimate
    recurrences: int
    retreatments: int
    deaths: int
    landmarks: tuple[CurvePoint, ...]
    curve: Curve
    median_follow_up_days: Estimate
    clear_at_12_months: Estimate
    clear_best: float | None
    clear_worst: float | None
    mature_at_12_months: int
    assessed_at_12_months: int
    methods: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecurrenceReport:
    """Time from success to recurrence of treated sites, retreatment and death competing."""

    heading: Heading
    by: str
    total: RecurrenceRow
    rows: tuple[RecurrenceRow, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "by": self.by,
            "total": _recurrence_dict(self.total),
            "rows": [_recurrence_dict(row) for row in self.rows],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each group and landmark, the total first."""
        flat: list[dict[str, Any]] = []
        for row in (self.total, *self.rows):
            for point in row.landmarks:
                flat.append(  # noqa: PERF401 - a nested comprehension would hide the row
                    {
                        "code": row.code,
                        "label": str(row.label),
                        "sites": row.sites,
                        "with_success": row.success.numerator,
                        "day": point.day,
                        "at_risk": point.at_risk,
                        "shown": point.is_shown,
                        **prefixed("recurrence", point.recurrence),
                        **prefixed("retreatment", point.retreatment),
                        **prefixed("event_free", point.event_free),
                    }
                )
        return flat


@dataclass(frozen=True, slots=True)
class VisitRow:
    """How many patients came to one visit of the schedule."""

    code: str
    label: Message
    due: int
    seen: int
    missed: int
    overdue: int
    completeness: Estimate


@dataclass(frozen=True, slots=True)
class FollowUpReport:
    """Completeness of follow-up by visit."""

    heading: Heading
    rows: tuple[VisitRow, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def below(self, needed: float) -> tuple[VisitRow, ...]:
        """The visits to which a smaller share than ``needed`` came, of those due often enough."""
        return tuple(
            row
            for row in self.rows
            if display_rules.shows_percentage(row.due) and row.seen < needed * row.due
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "rows": self.to_rows(),
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a visit."""
        return [
            {
                "code": row.code,
                "label": str(row.label),
                "due": row.due,
                "seen": row.seen,
                "missed": row.missed,
                "overdue": row.overdue,
                **prefixed("completeness", row.completeness),
            }
            for row in self.rows
        ]


class Report(Protocol):
    """What every answer has, whatever it is about."""

    @property
    def heading(self) -> Heading:
        """What the answer is about."""

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """What was left out."""

    @property
    def warnings(self) -> tuple[Message, ...]:
        """What a reader must know before comparing."""

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""

    def to_rows(self) -> list[dict[str, Any]]:
        """The result as flat rows for tables and files."""


def rows_for_programs(report: Report) -> list[dict[str, Any]]:
    """The flat rows of a report for a file or a digest: in English, whoever asks."""
    with speaking(Language.ENGLISH):
        return report.to_rows()


def result_for_programs(report: Report) -> dict[str, Any]:
    """The whole result of a report in plain values: in English, whoever asks."""
    with speaking(Language.ENGLISH):
        return report.to_dict()


def heading_dict(heading: Heading) -> dict[str, Any]:
    """Title, definition, unit, filter and state of the data."""
    return {
        "report": heading.name,
        "title": str(heading.title),
        "definition": str(heading.definition),
        "unit": heading.unit,
        "filter": heading.cohort.to_query(),
        "data_as_of": heading.as_of.isoformat(),
        "data_version": heading.seal,
    }


def estimate_dict(estimate: Estimate) -> dict[str, Any]:
    """An estimate with everything that belongs to it."""
    return {
        "value": estimate.value,
        "lower": estimate.interval.lower,
        "upper": estimate.interval.upper,
        "level": estimate.interval.level,
        "method": estimate.interval.method,
        "one_sided": estimate.interval.one_sided,
        "numerator": estimate.numerator,
        "denominator": estimate.denominator,
        "unit": estimate.unit,
        "warnings": list(estimate.warnings),
    }


def prefixed(name: str, estimate: Estimate) -> dict[str, Any]:
    """An estimate as columns of a flat row."""
    return {
        name: estimate.value,
        f"{name}_lower": estimate.interval.lower,
        f"{name}_upper": estimate.interval.upper,
        f"{name}_method": estimate.interval.method,
    }


def rate_dict(row: RateRow, *, flat: bool = False) -> dict[str, Any]:
    """A rate with all its parts; ``flat`` puts the interval into columns of the same row."""
    values: dict[str, Any] = {
        "code": row.code,
        "label": str(row.label),
        "window_days": row.window_days,
        "numerator": row.events,
        "denominator": row.mature,
        "unit": row.unit,
        "sessions": row.sessions,
        "mature_sessions": row.mature_sessions,
        "assessed": row.assessed,
        "completeness": row.completeness,
        "patients": row.patients,
        "screened": row.screened,
        "basis": row.basis.value,
        "best_case": row.best,
        "worst_case": row.worst,
        "design_effect": row.design_effect,
        "patient_bound": row.patient_bound,
    }
    if flat:
        return values | prefixed("rate", row.estimate)
    return values | {"rate": estimate_dict(row.estimate)}


def _recurrence_dict(row: RecurrenceRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "label": str(row.label),
        "sites": row.sites,
        "patients": row.patients,
        "assessed": row.assessed,
        "success": estimate_dict(row.success),
        "recurrences": row.recurrences,
        "retreatments": row.retreatments,
        "deaths": row.deaths,
        "landmarks": [
            {
                "day": point.day,
                "at_risk": point.at_risk,
                "shown": point.is_shown,
                "recurrence": estimate_dict(point.recurrence),
                "retreatment": estimate_dict(point.retreatment),
                "death": estimate_dict(point.death),
                "event_free": estimate_dict(point.event_free),
            }
            for point in row.landmarks
        ],
        "median_follow_up_days": estimate_dict(row.median_follow_up_days),
        "clear_at_12_months": {
            **estimate_dict(row.clear_at_12_months),
            "best_case": row.clear_best,
            "worst_case": row.clear_worst,
            "mature": row.mature_at_12_months,
            "assessed": row.assessed_at_12_months,
        },
        "recurrence_seen_by": dict(row.methods),
    }

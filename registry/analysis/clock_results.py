"""What the clocks of treated veins answer with: curves, landmarks, and groups compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from registry.analysis.results import Excluded, Heading, estimate_dict, heading_dict, prefixed
from registry.messages import Message, listed
from registry.statistics import display_rules
from registry.statistics.result import Estimate


@dataclass(frozen=True, slots=True)
class ClockPoint:
    """Cumulative incidence by a day, of the event and of each competing one."""

    day: int
    at_risk: int
    event: Estimate
    competing: tuple[Estimate, ...]

    @property
    def is_shown(self) -> bool:
        """Whether enough units are still observed for the day to be told."""
        return display_rules.shows_landmark(self.at_risk)


@dataclass(frozen=True, slots=True)
class ClockSteps:
    """Steps of the cumulative incidence for drawing, cut where too few are at risk."""

    days: tuple[int, ...]
    share: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock in one group: how many it runs for, and what happened to them.

    ``competing`` are the units whose observation ended by each competing event.
    """

    code: str
    label: Message
    started: int
    patients: int
    events: int
    competing: tuple[int, ...]
    landmarks: tuple[ClockPoint, ...]
    steps: ClockSteps
    median_follow_up_days: Estimate


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """Incidence by a day in one group minus that in the reference group."""

    code: str
    label: Message
    day: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class GroupTest:
    """Test that the groups do alike, unadjusted: observed and expected events of each group."""

    method: str
    groups: tuple[tuple[str, int, float], ...]
    chi_square: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """Groups of one clock side by side.

    ``reference`` is the code and label of the largest group. ``test`` is None where ``withheld``
    says why none is shown.
    """

    reference: tuple[str, Message] | None
    differences: tuple[GroupDifference, ...]
    test: GroupTest | None
    withheld: Message | None

    def to_dict(self) -> dict[str, Any]:
        """The comparison in plain values, unrounded."""
        return {
            "reference": self.reference[0] if self.reference else None,
            "differences": [
                {"code": item.code, "day": item.day, **estimate_dict(item.estimate)}
                for item in self.differences
            ],
            "test": asdict(self.test) if self.test else None,
            "withheld": str(self.withheld) if self.withheld else None,
        }


@dataclass(frozen=True, slots=True)
class ClockResult:
    """One clock in a cohort and its groups, with what it runs from, to and against."""

    code: str
    label: Message
    starts: Message
    event: Message
    competing: tuple[Message, ...]
    ends: Message
    unit: str
    total: ClockRow
    rows: tuple[ClockRow, ...]
    comparison: GroupComparison | None

    def to_dict(self) -> dict[str, Any]:
        """The clock in plain values, unrounded."""
        return {
            "clock": self.code,
            "label": str(self.label),
            "starts": str(self.starts),
            "event": str(self.event),
            "competing": [str(name) for name in self.competing],
            "ends": str(self.ends),
            "unit": self.unit,
            "total": _row_dict(self.total),
            "rows": [_row_dict(row) for row in self.rows],
            "comparison": self.comparison.to_dict() if self.comparison else None,
        }


@dataclass(frozen=True, slots=True)
class ClocksReport:
    """Every clock asked for, each with its groups."""

    heading: Heading
    by: str
    clocks: tuple[ClockResult, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "by": self.by,
            "clocks": [clock.to_dict() for clock in self.clocks],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each clock, group and landmark, the total first."""
        return [
            {
                "clock": clock.code,
                "clock_label": str(clock.label),
                "unit": clock.unit,
                "starts": str(clock.starts),
                "event": str(clock.event),
                "competing": str(listed(clock.competing)),
                "code": row.code,
                "label": str(row.label),
                "started": row.started,
                "patients": row.patients,
                "day": point.day,
                "at_risk": point.at_risk,
                "shown": point.is_shown,
                "events": point.event.numerator,
                **prefixed("incidence", point.event),
            }
            for clock in self.clocks
            for row in (clock.total, *clock.rows)
            for point in row.landmarks
        ]


def _row_dict(row: ClockRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "label": str(row.label),
        "started": row.started,
        "patients": row.patients,
        "events": row.events,
        "competing": list(row.competing),
        "landmarks": [
            {
                "day": point.day,
                "at_risk": point.at_risk,
                "shown": point.is_shown,
                "incidence": estimate_dict(point.event),
                "competing": [estimate_dict(other) for other in point.competing],
            }
            for point in row.landmarks
        ],
        "median_follow_up_days": estimate_dict(row.median_follow_up_days),
    }

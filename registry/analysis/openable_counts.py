"""Which counts of a report can be opened, what they are called, and how an address names one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from registry.analysis import complications, counting, treated_sites
from registry.analysis.clock_results import ClocksReport
from registry.analysis.clocks import CLOCKS
from registry.analysis.cohort import CohortFilter
from registry.analysis.rate_rows import Unit
from registry.analysis.results import FollowUpReport, RateReport, RecurrenceReport, Report
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import Message, message
from registry.statistics.survival import LANDMARK_DAYS

ANY: Final = counting.ANY
SESSIONS: Final = Unit.SESSIONS
TOTAL: Final = "total"
"""The row of all groups together."""
OVERDUE: Final = "overdue"

MEASURES: Final[Mapping[str, Mapping[str, Message]]] = {
    "complications": {
        "events": message("With the event"),
        "mature": message("Old enough to be counted"),
        "assessed": message("Assessed"),
        "not_assessed": message("Not assessed"),
        "screened": message("Found only by a planned duplex scan"),
        "too_recent": message("Too recent"),
        "sessions": message("All sessions"),
    },
    "recurrence": {
        "recurrences": message("Recurred"),
        "success": message("With success"),
        "never_successful": message("Never cleared or occluded"),
        "assessed": message("Looked at after the last planned session"),
        "never_looked_at": message("Never looked at after the last planned session"),
        "sites": message("All treated sites"),
        "retreatments": message("Retreated before a recurrence"),
        "deaths": message("Died before a recurrence"),
        "mature_at_12_months": message("Old enough for the 12-month visit"),
        "assessed_at_12_months": message("Looked at at 12 months"),
        "clear_at_12_months": message("Clear and not retreated at 12 months"),
        **{f"recurred_{day}": message("Recurred by day {day}", day=day) for day in LANDMARK_DAYS},
        **{
            f"at_risk_{day}": message("Still observed on day {day}", day=day)
            for day in LANDMARK_DAYS
        },
    },
    "clocks": {
        f"{clock.code}_{what}": message(text, clock=clock.label)
        for clock in CLOCKS.values()
        for what, text in (("events", "{clock}: happened"), ("started", "{clock}: started"))
    },
    "follow_up": {
        "missed": message("Not seen"),
        "seen": message("Seen"),
        "due": message("Due"),
        OVERDUE: message("Overdue"),
    },
}
"""What can be opened of each report, the most asked for first."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One count of one row of a report, for the same cohort and day as the figure.

    ``unit`` is what the rates are shares of; it matters for complications only.
    """

    report: str
    cohort: CohortFilter
    today: dt.date
    measure: str
    group_by: str
    group: str = TOTAL
    event: str = ANY
    unit: str = Unit.SESSIONS

    def to_query(self) -> dict[str, str]:
        """The figure, without its cohort, as the words of an address."""
        words = {"report": self.report, "by": self.group_by, "group": self.group}
        words |= {"event": self.event, "unit": self.unit, "measure": self.measure}
        usual = {"event": ANY, "unit": str(Unit.SESSIONS)}
        return {name: word for name, word in words.items() if usual.get(name) != word}


def figures_of(report: Report) -> dict[tuple[str, str], int]:
    """The counts of a report that can be opened, by group and measure."""
    found: dict[tuple[str, str], int] = {}
    if isinstance(report, RateReport):
        for row in (report.total, *report.rows):
            counts = {
                "events": row.events,
                "mature": row.mature,
                "assessed": row.assessed,
                "not_assessed": row.mature - row.assessed,
                "screened": row.screened,
                "too_recent": row.too_recent,
                "sessions": row.sessions,
            }
            found |= {(row.code, measure): figure for measure, figure in counts.items()}
    elif isinstance(report, RecurrenceReport):
        for line in (report.total, *report.rows):
            counts = {
                "recurrences": line.recurrences,
                "success": int(line.success.numerator),
                "never_successful": line.assessed - int(line.success.numerator),
                "assessed": line.assessed,
                "never_looked_at": line.sites - line.assessed,
                "sites": line.sites,
                "retreatments": line.retreatments,
                "deaths": line.deaths,
                "mature_at_12_months": line.mature_at_12_months,
                "assessed_at_12_months": line.assessed_at_12_months,
                "clear_at_12_months": int(line.clear_at_12_months.numerator),
            }
            for point in line.landmarks:
                counts[f"recurred_{point.day}"] = int(point.recurrence.numerator)
                counts[f"at_risk_{point.day}"] = point.at_risk
            found |= {(line.code, measure): figure for measure, figure in counts.items()}
    elif isinstance(report, ClocksReport):
        for clock in report.clocks:
            for entry in (clock.total, *clock.rows):
                found[entry.code, f"{clock.code}_events"] = entry.events
                found[entry.code, f"{clock.code}_started"] = entry.started
    elif isinstance(report, FollowUpReport):
        for visit in report.rows:
            counts = {
                "missed": visit.missed,
                "seen": visit.seen,
                "due": visit.due,
                OVERDUE: visit.overdue,
            }
            found |= {(visit.code, measure): figure for measure, figure in counts.items()}
    return found


def groups_of(report: Report) -> dict[str, Message]:
    """The rows of a report that can be opened, each by its name."""
    if isinstance(report, RateReport | RecurrenceReport):
        return {row.code: row.label for row in (report.total, *report.rows)}
    if isinstance(report, FollowUpReport):
        return {row.code: row.label for row in report.rows}
    if isinstance(report, ClocksReport):
        return {
            row.code: row.label for clock in report.clocks for row in (clock.total, *clock.rows)
        }
    return {}


def unit_of(asked: Behind) -> Message:
    """What the lines of a list are."""
    if asked.measure == OVERDUE:
        return message("visits")
    if asked.report == "recurrence":
        return message("treated sites")
    if asked.report == "clocks":
        unit = CLOCKS[asked.measure.rpartition("_")[0]].unit
        return message("treated sites" if unit == "sites" else unit)
    is_of_sessions = asked.report != "complications" or asked.measure in {"sessions", "too_recent"}
    return message(Unit.SESSIONS if is_of_sessions else asked.unit)


def check(asked: Behind) -> None:
    """Raise :class:`NotFound` for a report, count, grouping, unit or event that is not there."""
    groupings = {
        "complications": complications.GROUPINGS,
        "recurrence": treated_sites.GROUPINGS,
        "clocks": treated_sites.GROUPINGS,
        "follow_up": ("visit",),
    }
    if asked.report not in MEASURES:
        raise NotFound(
            f"Nothing can be opened behind “{asked.report[:40]}”, only behind "
            f"{', '.join(MEASURES)}."
        )
    if asked.measure not in MEASURES[asked.report]:
        raise NotFound(
            f"{asked.report} has no count “{asked.measure[:40]}”. It has: "
            f"{', '.join(MEASURES[asked.report])}."
        )
    if asked.group_by not in groupings[asked.report]:
        raise NotFound(
            f"{asked.report} cannot be grouped by “{asked.group_by[:40]}”. It can by: "
            f"{', '.join(groupings[asked.report])}."
        )
    if asked.unit not in {*Unit}:
        raise NotFound(f"Nothing is counted in “{asked.unit[:40]}”, only in {', '.join(Unit)}.")
    counting.outcome_of(asked.event)
    if asked.report == "follow_up" and asked.group not in catalogue().visits:
        raise NotFound(
            f"There is no visit “{asked.group[:40]}”. There are: {', '.join(catalogue().visits)}."
        )

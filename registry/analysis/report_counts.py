"""The counts of each row of each report, and what the rows are called."""

from __future__ import annotations

from typing import Final

from registry.analysis import response_counts
from registry.analysis.care_facts import SATISFACTION
from registry.analysis.chart_points import Point
from registry.analysis.clock_results import ClocksReport
from registry.analysis.comparison import ComparisonReport
from registry.analysis.control import EVENTS, ControlReport
from registry.analysis.costs import CostReport
from registry.analysis.event_course import EventCourseReport
from registry.analysis.overview import OverviewReport
from registry.analysis.reported_outcomes import ReportedOutcomesReport
from registry.analysis.response import ResponseReport
from registry.analysis.results import (
    FollowUpReport,
    RateReport,
    RateRow,
    RecurrenceReport,
    RecurrenceRow,
    Report,
)
from registry.analysis.severity import LEVELS, SeverityReport
from registry.analysis.units import UnitsReport
from registry.catalogue import catalogue
from registry.messages import Message, message

TOTAL: Final = "total"
"""The row of all groups together."""
OVERDUE: Final = "overdue"
BEGAN: Final = "began"
"""Events that began on the days of one bar."""


def groups_of(report: Report) -> dict[str, Message]:
    """The rows of a report that can be opened, each by its name."""
    if isinstance(report, RateReport | RecurrenceReport | SeverityReport):
        return {row.code: row.label for row in (report.total, *report.rows)}
    if isinstance(report, FollowUpReport):
        return {row.code: row.label for row in report.rows}
    if isinstance(report, ClocksReport):
        return {
            row.code: row.label for clock in report.clocks for row in (clock.total, *clock.rows)
        }
    if isinstance(report, ComparisonReport):
        return {row.code: row.label for row in report.groups}
    if isinstance(report, UnitsReport):
        return {row.code: row.label for row in (report.total, *(u.rate for u in report.rows))}
    if isinstance(report, ControlReport):
        return {point.first_day.isoformat(): point.label for point in _periods(report)}
    if isinstance(report, OverviewReport):
        return {row.indicator.code: message(row.indicator.label) for row in report.rows}
    if isinstance(report, ResponseReport):
        names = response_counts.rows_of()
        return {code: names[code] for code in response_counts.counts_of(report)}
    if isinstance(report, ReportedOutcomesReport):
        satisfaction = catalogue().instrument_items[SATISFACTION].label
        return {row.code: row.label for row in report.rows} | {SATISFACTION: message(satisfaction)}
    if isinstance(report, CostReport):
        return report.groups()
    if isinstance(report, EventCourseReport):
        named = {TOTAL: report.event_label}
        named |= {onset.code: onset.label for onset in report.onsets}
        named |= {lasting.code: lasting.label for lasting in report.durations}
        return named | {code: report.onset.name_of(code) for code, _ in report.onset.bars}
    return {}


def counts_of(report: Report) -> dict[str, dict[str, int]]:
    """The counts of each row of a report, by the code of the row."""
    if isinstance(report, RateReport):
        return {row.code: _of_rate(row) for row in (report.total, *report.rows)}
    if isinstance(report, ComparisonReport):
        return {row.code: _of_rate(row) for row in report.groups}
    if isinstance(report, UnitsReport):
        rows = (report.total, *(unit.rate for unit in report.rows))
        return {row.code: _of_rate(row) for row in rows}
    if isinstance(report, ControlReport):
        events = "in_window" if report.unit == EVENTS else "events"
        return {
            point.first_day.isoformat(): {
                events: point.events,
                "mature": point.sessions,
                "assessed": point.assessed,
            }
            for point in _periods(report)
        }
    if isinstance(report, RecurrenceReport):
        return {row.code: _of_sites(row) for row in (report.total, *report.rows)}
    if isinstance(report, ClocksReport):
        found: dict[str, dict[str, int]] = {}
        for clock in report.clocks:
            for entry in (clock.total, *clock.rows):
                found.setdefault(entry.code, {}).update(
                    {
                        f"{clock.code}_events": entry.events,
                        f"{clock.code}_started": entry.started,
                    }
                )
        return found
    if isinstance(report, FollowUpReport):
        return {
            visit.code: {
                "missed": visit.missed,
                "seen": visit.seen,
                "due": visit.due,
                OVERDUE: visit.overdue,
            }
            for visit in report.rows
        }
    if isinstance(report, EventCourseReport):
        return _of_course(report)
    if isinstance(report, SeverityReport):
        return {
            row.code: {
                "events": row.events,
                "serious": sum(row.serious),
                "not_serious": sum(row.not_serious),
            }
            | {level: row.serious[i] + row.not_serious[i] for i, level in enumerate(LEVELS)}
            | {f"{level}_serious": row.serious[i] for i, level in enumerate(LEVELS)}
            | {f"{level}_not_serious": row.not_serious[i] for i, level in enumerate(LEVELS)}
            for row in (report.total, *report.rows)
        }
    if isinstance(report, OverviewReport):
        return {
            row.indicator.code: {
                "cases": int(row.now.estimate.numerator),
                "of": int(row.now.estimate.denominator),
            }
            for row in report.rows
        }
    if isinstance(report, CostReport):
        return report.counts()
    if isinstance(report, ResponseReport):
        return response_counts.counts_of(report)
    return _of_answers(report) if isinstance(report, ReportedOutcomesReport) else {}


def _periods(report: ControlReport) -> tuple[Point, ...]:
    """The points that stand for a period; the gap between two events is no set of sessions."""
    return report.drawing.points if report.drawing.has_periods else ()


def _of_rate(row: RateRow) -> dict[str, int]:
    return {
        "events": row.events,
        "mature": row.mature,
        "assessed": row.assessed,
        "not_assessed": row.mature - row.assessed,
        "screened": row.screened,
        "too_recent": row.too_recent,
        "sessions": row.sessions,
    }


def _of_sites(row: RecurrenceRow) -> dict[str, int]:
    counts = {
        "recurrences": row.recurrences,
        "success": int(row.success.numerator),
        "never_successful": row.assessed - int(row.success.numerator),
        "assessed": row.assessed,
        "never_looked_at": row.sites - row.assessed,
        "sites": row.sites,
        "retreatments": row.retreatments,
        "deaths": row.deaths,
        "mature_at_12_months": row.mature_at_12_months,
        "assessed_at_12_months": row.assessed_at_12_months,
        "clear_at_12_months": int(row.clear_at_12_months.numerator),
    }
    for point in row.landmarks:
        counts[f"recurred_{point.day}"] = int(point.recurrence.numerator)
        counts[f"retreated_{point.day}"] = int(point.retreatment.numerator)
        counts[f"at_risk_{point.day}"] = point.at_risk
    return counts


def _of_course(report: EventCourseReport) -> dict[str, dict[str, int]]:
    found = {
        code: {"in_window": row.events, "later": row.later}
        for code, row in ((TOTAL, report.onset), *((row.code, row) for row in report.onsets))
    }
    for lasting in report.durations:
        counts = found.setdefault(lasting.code, {})
        counts |= {"ended": lasting.resolved, "followed": lasting.events}
        for point in lasting.landmarks:
            counts[f"ended_{point.day}"] = int(point.estimate.numerator)
            counts[f"followed_{point.day}"] = point.at_risk
    return found | {code: {BEGAN: count} for code, count in report.onset.bars}


def _of_answers(report: ReportedOutcomesReport) -> dict[str, dict[str, int]]:
    satisfaction = report.satisfaction
    return {
        row.code: {
            "improved": int(row.improved.numerator),
            "could_improve": int(row.improved.denominator),
            "unchanged": row.unchanged,
            "worse": row.worse,
            "pairs": row.pairs,
            "before": row.before,
            "after": row.after,
            "eligible": row.eligible,
        }
        for row in report.rows
    } | {
        SATISFACTION: {
            "satisfied": int(satisfaction.estimate.numerator),
            "answered": int(satisfaction.estimate.denominator),
            "treated": satisfaction.treated,
        }
        | {f"answer_{score}": count for score, count in satisfaction.answers.items()}
    }

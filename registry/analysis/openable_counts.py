"""Which counts of a report can be opened, what they are called, and how an address names one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from registry.analysis import complications, costs, counting, response_counts, treated_sites
from registry.analysis.care_facts import SATISFACTION
from registry.analysis.clocks import CLOCKS
from registry.analysis.cohort import CohortFilter
from registry.analysis.control import ControlReport
from registry.analysis.event_course import BAR, RESOLUTION_DAYS, EventCourseReport
from registry.analysis.outcome_facts import ITEMS
from registry.analysis.overview import BY_INDICATOR, OverviewReport
from registry.analysis.rate_rows import Unit
from registry.analysis.report_counts import BEGAN, OVERDUE, TOTAL, counts_of
from registry.analysis.reported_outcomes import (
    ANSWERS,
    BY_QUESTION,
    SEVERITY,
    UNITS,
    ReportedOutcomesReport,
)
from registry.analysis.results import (
    RateReport,
    Report,
)
from registry.analysis.severity import LEVELS, SeverityReport
from registry.catalogue import IndicatorMeasure, catalogue
from registry.errors import NotFound
from registry.messages import N_, Message, message
from registry.statistics.survival import LANDMARK_DAYS

ANY: Final = counting.ANY
SESSIONS: Final = Unit.SESSIONS
_SEVERITIES: Final = {
    "mild": N_("Mild"),
    "moderate": N_("Moderate"),
    "severe": N_("Severe"),
    "not_recorded": N_("Severity not recorded"),
}

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
            f"retreated_{day}": message("Retreated first, by day {day}", day=day)
            for day in LANDMARK_DAYS
        },
        **{
            f"at_risk_{day}": message("Still observed on day {day}", day=day)
            for day in LANDMARK_DAYS
        },
    },
    "clocks": {
        f"{clock.code}_{what}": message(text, clock=clock.label)
        for clock in CLOCKS.values()
        for what, text in (
            ("events", N_("{clock}: happened")),
            ("started", N_("{clock}: started")),
        )
    },
    "follow_up": {
        "missed": message("Not seen"),
        "seen": message("Seen"),
        "due": message("Due"),
        OVERDUE: message("Overdue"),
    },
    "event_course": {
        "in_window": message("Began within the window"),
        "later": message("Began after the window"),
        BEGAN: message("Began then"),
        "ended": message("Had ended"),
        "followed": message("Followed until they ended"),
        **{f"ended_{day}": message("Had ended by day {day}", day=day) for day in RESOLUTION_DAYS},
        **{
            f"followed_{day}": message("Still followed on day {day}", day=day)
            for day in RESOLUTION_DAYS
        },
    },
    "severity": {
        "events": message("Events"),
        "serious": message("Serious"),
        "not_serious": message("Not serious"),
        **{level: message(_SEVERITIES[level]) for level in LEVELS},
        **{
            f"{level}_serious": message("{severity}, serious", severity=message(_SEVERITIES[level]))
            for level in LEVELS
        },
        **{
            f"{level}_not_serious": message(
                "{severity}, not serious", severity=message(_SEVERITIES[level])
            )
            for level in LEVELS
        },
    },
    "overview": {
        "cases": message("Cases"),
        "of": message("In all"),
    },
    "reported_outcomes": {
        "improved": message("Better than before"),
        "could_improve": message("Could get better"),
        "unchanged": message("As before"),
        "worse": message("Worse than before"),
        "pairs": message("Asked before and after"),
        "before": message("Asked before treatment"),
        "after": message("Asked after treatment"),
        "eligible": message("Treated long enough ago"),
        "satisfied": message("Satisfied when last asked"),
        "answered": message("Asked whether they are satisfied"),
        "treated": message("All patients treated"),
        **{
            f"answer_{score}": message("Answered {score} when last asked", score=score)
            for score in ANSWERS
        },
    },
    "costs": costs.MEASURES,
    "response": response_counts.MEASURES,
}
"""What can be opened of each report, the most asked for first."""

SAME_COUNTS: Final[Mapping[str, str]] = dict.fromkeys(
    ("comparison", "units", "control"), "complications"
)
"""Reports whose counts are those of another in the same sessions."""
_COUNTED_IN: Final[Mapping[IndicatorMeasure, str]] = {
    IndicatorMeasure.RECURRENCE: N_("treated sites"),
    IndicatorMeasure.RETREATMENT: N_("treated sites"),
    IndicatorMeasure.NON_RESPONSE: N_("treated sites"),
    IndicatorMeasure.SATISFACTION: N_("patients"),
}


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
    return {
        (code, measure): figure
        for code, counts in counts_of(report).items()
        for measure, figure in counts.items()
    }


def measures_of(report: str, group: str) -> Mapping[str, Message]:
    """The counts that a row of a report can have, by code."""
    measures = MEASURES[report]
    if report == "event_course":
        is_of_onset = {"in_window", "later"}
        if group.startswith(BAR):
            return {BEGAN: measures[BEGAN]}
        if group == TOTAL:
            return {code: measures[code] for code in measures if code in is_of_onset}
        return {code: label for code, label in measures.items() if code != BEGAN}
    if report == "costs":
        return costs.measures_of(group)
    if report == "response":
        return response_counts.measures_of(group)
    if report == "reported_outcomes":
        of_satisfaction = {"satisfied", "answered", "treated", *(f"answer_{n}" for n in ANSWERS)}
        return {
            code: label
            for code, label in measures.items()
            if (code in of_satisfaction) == (group == SATISFACTION)
        }
    return measures


def asked_of(report: Report, group: str, measure: str) -> Behind:
    """How the records behind one count of a report are asked for."""
    name, cohort = report.heading.name, report.heading.cohort
    event = str(getattr(report, "event", ANY))
    asked = Behind(
        SAME_COUNTS.get(name, name),
        cohort,
        report.heading.as_of,
        measure,
        _grouping(report),
        group,
        event,
        report.unit if isinstance(report, RateReport) else SESSIONS,
    )
    if isinstance(report, ControlReport):
        point = next(p for p in report.drawing.points if p.first_day.isoformat() == group)
        days = replace(
            cohort,
            start=max(cohort.start or point.first_day, point.first_day),
            end=min(cohort.end or point.last_day, point.last_day),
        )
        asked = replace(asked, cohort=days, group=TOTAL)
        if measure == "in_window":
            return replace(asked, report="event_course")
    return asked


def _grouping(report: Report) -> str:
    if isinstance(report, OverviewReport):
        return BY_INDICATOR
    if isinstance(report, ReportedOutcomesReport):
        return BY_QUESTION
    if isinstance(report, EventCourseReport | SeverityReport | ControlReport):
        return complications.BY_EVENT
    return str(getattr(report, "by", "visit"))


def unit_of(asked: Behind) -> Message:
    """What the lines of a list are."""
    if asked.measure == OVERDUE:
        return message("visits")
    if asked.report == "recurrence":
        return message("treated sites")
    if asked.report == "clocks":
        unit = CLOCKS[asked.measure.rpartition("_")[0]].unit
        return message("treated sites") if unit == "sites" else message(unit)
    if asked.report in {"event_course", "severity"}:
        return message("events")
    if asked.report == "reported_outcomes":
        return message(UNITS.get(asked.group, "patients"))
    if asked.report == "costs":
        return costs.unit_of(asked.measure)
    if asked.report == "response":
        is_of_courses = asked.group.startswith(response_counts.COURSES)
        return message("courses" if is_of_courses else "treated sites")
    if asked.report == "overview":
        return message(_COUNTED_IN.get(catalogue().indicators[asked.group].measure, SESSIONS))
    is_of_sessions = asked.report != "complications" or asked.measure in {"sessions", "too_recent"}
    return message(Unit.SESSIONS if is_of_sessions else asked.unit)


def check(asked: Behind) -> None:
    """Raise :class:`NotFound` for a report, count, grouping, unit or event that is not there."""
    groupings = {
        "complications": complications.GROUPINGS,
        "recurrence": treated_sites.GROUPINGS,
        "clocks": treated_sites.GROUPINGS,
        "follow_up": ("visit",),
        "event_course": (complications.BY_EVENT,),
        "severity": (complications.BY_EVENT,),
        "overview": (BY_INDICATOR,),
        "reported_outcomes": (BY_QUESTION,),
        "costs": costs.GROUPINGS,
        "response": ("visit",),
    }
    if asked.report not in MEASURES:
        raise NotFound(
            message(
                "Nothing can be opened behind “{asked}”, only behind {known}.",
                asked=asked.report[:40],
                known=", ".join(MEASURES),
            )
        )
    if asked.measure not in MEASURES[asked.report]:
        raise NotFound(
            message(
                "{report} has no count “{asked}”. It has: {known}.",
                report=asked.report,
                asked=asked.measure[:40],
                known=", ".join(MEASURES[asked.report]),
            )
        )
    if asked.group_by not in groupings[asked.report]:
        raise NotFound(
            message(
                "{report} cannot be grouped by “{asked}”. It can by: {known}.",
                report=asked.report,
                asked=asked.group_by[:40],
                known=", ".join(groupings[asked.report]),
            )
        )
    if asked.unit not in {*Unit}:
        raise NotFound(
            message(
                "Nothing is counted in “{asked}”, only in {known}.",
                asked=asked.unit[:40],
                known=", ".join(Unit),
            )
        )
    counting.outcome_of(asked.event)
    if asked.report == "follow_up" and asked.group not in catalogue().visits:
        raise NotFound(
            message(
                "There is no visit “{asked}”. There are: {known}.",
                asked=asked.group[:40],
                known=", ".join(catalogue().visits),
            )
        )
    if asked.report == "response" and asked.group not in response_counts.rows_of():
        raise NotFound(message("There is no row “{asked}”.", asked=asked.group[:40]))
    indicators = catalogue().indicators
    if asked.report == "overview" and asked.group not in indicators:
        raise NotFound(
            message(
                "There is no indicator “{asked}”. There are: {known}.",
                asked=asked.group[:40],
                known=", ".join(indicators),
            )
        )
    questions = {*ITEMS, SEVERITY}
    if asked.report == "reported_outcomes" and asked.group not in questions:
        raise NotFound(
            message(
                "There is no question “{asked}”. There are: {known}.",
                asked=asked.group[:40],
                known=", ".join(sorted(questions)),
            )
        )

"""Which counts of how well veins respond can be opened: of sites, of visits, and of courses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.analysis.response import EXAMINED, OCCLUSION, ResponseReport
from registry.catalogue import catalogue
from registry.messages import Message, message

COURSES: Final = "courses"
SITES: Final = "sites"
LONGEST_COURSE: Final = 30
"""Sessions of the longest course whose bar can be opened."""
MEASURES: Final[Mapping[str, Message]] = {
    "reached": message("Reached success"),
    "scored": message("Scored"),
    "due": message("Due"),
    "complete": message("Completely occluded"),
    "partial": message("Partially occluded"),
    "none": message("Open"),
    "examined": message("Examined"),
    "never_successful": message("Never cleared or occluded"),
    "assessed": message("Looked at after the last planned session"),
    "topped_up": message("Topped up beyond the plan"),
    "planned": message("Ended courses with a plan"),
    "ended": message("Ended courses"),
}
"""What can be opened of the report."""


def rows_of() -> dict[str, Message]:
    """Every row that can be opened, by its code: sites, each visit and scale, and courses."""
    rows = catalogue()
    whats = {code: message(scale.label) for code, scale in rows.scales.items()}
    whats[OCCLUSION] = message("Occlusion on duplex")
    found = {SITES: message("All treated sites"), COURSES: message("All courses")}
    for visit in rows.visits.values():
        for what, label in whats.items():
            name = message("{visit}: {what}", visit=message(visit.label), what=label)
            found[f"{visit.code}:{what}"] = name
    for number in range(1, LONGEST_COURSE + 1):
        found[f"{COURSES}:{number}"] = message("courses by sessions: {number}", number=number)
    return found


def measures_of(row: str) -> Mapping[str, Message]:
    """The counts of a row by code."""
    kind, _, what = row.partition(":")
    names: tuple[str, ...] = ("due", "scored", "reached")
    if kind == SITES:
        names = ("never_successful", "assessed")
    elif kind == COURSES:
        names = ("ended",) if what else ("ended", "planned", "topped_up")
    elif what == OCCLUSION:
        names = ("due", "examined", *(state.value for state in EXAMINED))
    return {code: label for code, label in MEASURES.items() if code in names}


def counts_of(report: ResponseReport) -> dict[str, dict[str, int]]:
    """The counts of each row that can be opened."""
    courses, never = report.courses, report.never
    found = {
        SITES: {
            "never_successful": int(never.numerator),
            "assessed": int(never.denominator),
        },
        COURSES: {
            "ended": courses.spread.count,
            "planned": int(courses.topped_up.denominator),
            "topped_up": int(courses.topped_up.numerator),
        },
    }
    for row in report.clearance:
        found[f"{row.visit}:{row.scale}"] = {"due": row.due, "scored": row.scores.count} | (
            {"reached": int(row.reached.numerator)} if row.reached else {}
        )
    for seen in report.occlusion:
        examined = {"due": seen.due, "examined": int(seen.complete.denominator)}
        found[f"{seen.visit}:{OCCLUSION}"] = examined | dict(seen.counts)
    for number, count in courses.sessions.items():
        if number <= LONGEST_COURSE:
            found[f"{COURSES}:{number}"] = {"ended": count}
    return found

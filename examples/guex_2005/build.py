"""Rebuild the registry of Guex et al. 2005 at session level from its published counts.

    python examples/guex_2005/build.py

writes ``examples/guex_2005.zip``. Every record is synthetic. The published counts are the constants
below; everything else is an assumption, listed in the README beside this file.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from registry.exchange.format import FILES
from registry.exchange.writing import FileSet
from registry.vocabulary import (
    EventOutcome,
    FindingState,
    FollowUpStatus,
    Guidance,
    SclerosantForm,
    SeriousnessCriterion,
    Severity,
)

LIQUID, FOAM, BOTH = 5_434, 6_395, 344
INCIDENTS_LIQUID, INCIDENTS_FOAM = 12, 37
VISUAL, VISUAL_WITH_FOAM_OR_AIR_BLOCK = 20, 19
ULTRASOUND_GUIDED = 4_088

FIRST_DAY, LAST_DAY = dt.date(2003, 1, 1), dt.date(2003, 12, 31)
FOLLOW_UP_DAY = 31
THROMBOSIS_DAY, OTHER_INCIDENT_DAY = 7, 1
SEED = 2005

TARGET = Path(__file__).resolve().parent.parent / "guex_2005.zip"
NOTICE: Final = (
    "Synthetic reconstruction of a published registry: 12,173 sclerotherapy sessions.\n\n"
    "Guex J-J et al. Immediate and midterm complications of\n"
    "sclerotherapy: report of a prospective multicenter registry of 12,173 sclerotherapy\n"
    "sessions. Dermatol Surg 2005;31:123-128.\n\n"
    "Only the counts are published. No record here describes a real person; the assumptions are\n"
    "listed in examples/guex_2005/README.md.\n"
)

Row = dict[str, Any]


def tables() -> dict[str, list[Row]]:
    """The rows of every file."""
    chance = random.Random(SEED)  # noqa: S311 - a reproducible order, not a secret
    forms = [("liquid",)] * LIQUID + [("foam",)] * FOAM + [("liquid", "foam")] * BOTH
    chance.shuffle(forms)
    guided = [True] * ULTRASOUND_GUIDED + [False] * (len(forms) - ULTRASOUND_GUIDED)
    chance.shuffle(guided)
    days = _days(len(forms))
    incidents = _incidents(forms, chance)
    made: dict[str, list[Row]] = {name: [] for name in FILES}
    for i, (arm, is_guided, day) in enumerate(zip(forms, guided, days, strict=True)):
        patient, session, visit = f"G{i + 1:05}", f"S{i + 1:05}", f"F{i + 1:05}"
        made["patients.csv"].append({"patient_key": patient, "enrolled_on": day})
        made["sessions.csv"].append(
            {
                "session_key": session,
                "patient_key": patient,
                "treated_on": day,
                "guidance": Guidance.ULTRASOUND if is_guided else Guidance.NONE,
            }
        )
        made["injections.csv"] += [
            {
                "session_key": session,
                "product_code": "unspecified_sclerosant",
                "form": SclerosantForm(form),
            }
            for form in arm
        ]
        made["follow_ups.csv"].append(
            {
                "follow_up_key": visit,
                "patient_key": patient,
                "status": FollowUpStatus.SEEN,
                "session_key": session,
                "seen_on": day + dt.timedelta(days=FOLLOW_UP_DAY),
                "checklist_code": "any_incident_open",
                "checklist_version": 1,
            }
        )
        if i in incidents:
            event = f"E{len(made['events.csv']) + 1:02}"
            made["events.csv"].append(
                {"event_key": event, "patient_key": patient, "session_key": session}
                | _event(incidents[i], day)
            )
            made["findings.csv"].append(
                {
                    "follow_up_key": visit,
                    "event_term_code": incidents[i],
                    "state": FindingState.PRESENT,
                    "event_key": event,
                }
            )
    return made


def _days(count: int) -> list[dt.date]:
    """``count`` working days, spread evenly from the first to the last."""
    span = (LAST_DAY - FIRST_DAY).days + 1
    working = [
        day for day in (FIRST_DAY + dt.timedelta(days=n) for n in range(span)) if day.weekday() < 5
    ]
    return [working[i * len(working) // count] for i in range(count)]


def _incidents(forms: list[tuple[str, ...]], chance: random.Random) -> dict[int, str]:
    """The event term of each session that had an incident, by place of the session."""
    in_liquid = _terms(INCIDENTS_LIQUID, VISUAL - VISUAL_WITH_FOAM_OR_AIR_BLOCK, 0)
    in_foam = _terms(INCIDENTS_FOAM, VISUAL_WITH_FOAM_OR_AIR_BLOCK, 1)
    found: dict[int, str] = {}
    for arm, terms in ((("liquid",), in_liquid), (("foam",), in_foam)):
        sessions = [i for i, form in enumerate(forms) if form == arm]
        found |= dict(zip(chance.sample(sessions, len(terms)), terms, strict=True))
    return found


def _terms(incidents: int, visual: int, thromboses: int) -> list[str]:
    others = incidents - visual - thromboses
    return (
        ["visual_disturbance"] * visual + ["dvt_proximal"] * thromboses + ["any_incident"] * others
    )


def _event(term: str, day: dt.date) -> Row:
    after = {"visual_disturbance": 0, "dvt_proximal": THROMBOSIS_DAY}.get(term, OTHER_INCIDENT_DAY)
    onset = day + dt.timedelta(days=after)
    row: Row = {"event_term_code": term, "onset_on": onset, "reported_on": onset}
    if term == "visual_disturbance":
        row |= {"resolved_on": onset, "event_outcome": EventOutcome.RECOVERED}
    if term == "dvt_proximal":
        row |= {
            "severity": Severity.SEVERE,
            f"criterion_{SeriousnessCriterion.MEDICALLY_IMPORTANT.value}": True,
        }
    return row


def build(target: Path = TARGET) -> Path:
    """Write the archive."""
    with FileSet(target, archive=True) as files:
        files.text("README.txt", NOTICE)
        for name, rows in _written():
            columns = [c.name for c in FILES[name].columns.values() if c.withheld is None]
            files.table(name, columns, rows)
    return target


def _written() -> Iterator[tuple[str, list[Row]]]:
    return ((name, rows) for name, rows in tables().items() if rows)


if __name__ == "__main__":
    build()

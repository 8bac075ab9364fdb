"""How severe complications are, and how many of them are serious: two different questions.

Events are counted here, not sessions: those that count as complications, whatever the age of their
session.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import serious_events
from registry.analysis.counting import (
    ANY,
    Days,
    Flags,
    Outcome,
    counted_events,
    defined,
    outcome_of,
)
from registry.analysis.dimensions import NOT_RECORDED
from registry.analysis.event_facts import EVENT_LEVELS, EVENT_TERMS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import Excluded, Heading, heading_dict
from registry.catalogue import catalogue
from registry.messages import Message, message

LEVELS: Final = (*EVENT_LEVELS["severity"], NOT_RECORDED)
"""Mild, moderate, severe, and not recorded."""


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """Events of one kind by severity: not serious and serious ones, each in order of ``LEVELS``."""

    code: str
    label: Message
    not_serious: tuple[int, ...]
    serious: tuple[int, ...]

    @property
    def events(self) -> int:
        """All events of the kind."""
        return sum(self.not_serious) + sum(self.serious)


@dataclass(frozen=True, slots=True)
class SeverityReport:
    """Severity and seriousness of the events of an outcome, together and kind by kind.

    ``serious`` lists every serious event of the cohort by kind, whatever its window and the
    judgement of cause.
    """

    heading: Heading
    event: str
    event_label: Message
    total: SeverityRow
    rows: tuple[SeverityRow, ...]
    serious: tuple[tuple[Message, int], ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values."""
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "rows": self.to_rows(),
            "serious": [{"event": str(label), "count": count} for label, count in self.serious],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a kind of event, all together first."""
        return [
            {"code": row.code, "label": str(row.label), "events": row.events}
            | {f"{level}_not_serious": row.not_serious[i] for i, level in enumerate(LEVELS)}
            | {f"{level}_serious": row.serious[i] for i, level in enumerate(LEVELS)}
            for row in (self.total, *self.rows)
        ]


def severity(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date, event: str = ANY
) -> SeverityReport:
    """Events of an outcome in a cohort by severity and seriousness."""
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    events = _counted(facts, outcome, chosen)
    place, serious, term = _places(events), _serious(events), events["term"].to_numpy()

    def row(code: str, label: Message, kept: Any) -> SeverityRow:
        counts = [
            tuple(int(n) for n in np.bincount(place[kept & side], minlength=len(LEVELS)))
            for side in (~serious, serious)
        ]
        return SeverityRow(code, label, *counts)

    terms = catalogue().event_terms
    definition = message(
        "Events, not sessions: all that count as complications, within the window of their "
        "kind, whatever the age of the session. Severity is how intense an event was; "
        "serious is one that met a criterion of ICH E2A (death, life-threatening, "
        "hospitalisation, disability, congenital anomaly, medically important)."
    )
    return SeverityReport(
        heading=Heading(
            "severity",
            message("Severity: {event}", event=outcome.label),
            defined(definition, outcome),
            "events",
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        total=row("total", message("All events"), np.full(len(events), True)),
        rows=tuple(
            row(EVENT_TERMS[i], message(terms[EVENT_TERMS[i]].label), term == i)
            for i in np.unique(term)
        ),
        serious=serious_events(facts, chosen, cohort.within(clinics)),
        excluded=(),
    )


def events_of(facts: Facts, outcome: Outcome, chosen: Flags) -> dict[str, pd.DataFrame]:
    """The events behind each count of all kinds together."""
    events = _counted(facts, outcome, chosen)
    place, serious = _places(events), _serious(events)
    found = {"events": events, "serious": events[serious], "not_serious": events[~serious]}
    for i, level in enumerate(LEVELS):
        found[level] = events[place == i]
        found[f"{level}_serious"] = events[(place == i) & serious]
        found[f"{level}_not_serious"] = events[(place == i) & ~serious]
    return found


def _counted(facts: Facts, outcome: Outcome, chosen: Flags) -> pd.DataFrame:
    events = counted_events(facts, outcome)
    found: pd.DataFrame = events[chosen[events["session"].to_numpy()]]
    return found


def _places(events: pd.DataFrame) -> Days:
    """Place of each event in ``LEVELS``."""
    # -1, not recorded, is the last place.
    return np.asarray(events["severity"].to_numpy(np.int64) % len(LEVELS))


def _serious(events: pd.DataFrame) -> Flags:
    return events["serious"].to_numpy(np.bool_)

"""How often treatment is followed by a complication, in sessions, patients or treated legs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.completeness import (
    completeness_warning,
    looks_of,
    report_is_incomplete,
)
from registry.analysis.counting import (
    ANY,
    Flags,
    Outcome,
    counted_events,
    is_mature,
    left_out,
    outcome_of,
    sessions_counted,
    windows_of,
)
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.event_facts import EVENT_TERMS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import Unit, legs_of, row_maker, unplaced_events
from registry.analysis.results import Excluded, Heading, RateReport, RateRow
from registry.catalogue import EventFamily, catalogue
from registry.errors import NotFound
from registry.messages import N_, Message, listed, message

__all__ = [
    "ANY",
    "BY_EVENT",
    "GROUPINGS",
    "complications",
    "counted_events",
    "outcome_of",
    "row_maker",
    "sessions_counted",
]

BY_EVENT: Final = "event"
GROUPINGS: Final = (BY_EVENT, *DIMENSIONS)
THROMBOSIS: Final = frozenset({EventFamily.DEEP_THROMBOSIS, EventFamily.SUPERFICIAL_THROMBOSIS})

CRUDE: Final = message(
    "These are crude rates: the groups differ in more than this, so they say nothing about causes."
)
_OF_UNIT: Final = {
    Unit.PATIENTS: message(
        "Patients are counted: those with at least one such session, and of them those in whom any "
        "of these sessions was followed by it."
    ),
    Unit.LEGS: message(
        "Legs are counted: those treated in such a session, and of them those it happened to. An "
        "event of a session of both legs that names neither makes both of them not assessed."
    ),
}
_ALL: Final = {
    Unit.SESSIONS: message("All sessions"),
    Unit.PATIENTS: message("All patients"),
    Unit.LEGS: message("All legs"),
}


def complications(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    event: str = ANY,
    group_by: str = BY_EVENT,
    unit: str = Unit.SESSIONS,
) -> RateReport:
    """Rates of one outcome in each group of a cohort, or of every event side by side.

    A patient or leg treated in several groups counts in each of them.
    """
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "Rates can be grouped by {known}; not by “{asked}”.",
                known=", ".join(GROUPINGS),
                asked=group_by[:40],
            )
        )
    if unit not in set(Unit):
        raise NotFound(
            message(
                "Rates are of {known}; not of “{asked}”.", known=", ".join(Unit), asked=unit[:40]
            )
        )
    facts, counted = facts_of(engine), Unit(unit)
    chosen = cohort.mask(facts, clinics)
    measure = row_maker(facts, today, counted)
    total = measure(outcome, chosen, "total", _ALL[counted])
    warnings: list[Message] = []
    if group_by == BY_EVENT:
        rows = tuple(
            row
            for term in _reported(facts, chosen)
            if (row := measure(outcome_of(term), chosen, term, outcome_of(term).label)).events
        )
    else:
        rows = tuple(
            measure(outcome, flags, level, label)
            for level, label, flags in groups_of(facts, group_by, chosen, by)
        )
        differing = completeness_warning(rows)
        warnings += [CRUDE] if differing is None else [differing, CRUDE]
        if counted is not Unit.SESSIONS:
            warnings.append(
                message(
                    "Whoever was treated in several groups counts in each of them, so the groups "
                    "do not add up."
                )
            )
    incomplete = report_is_incomplete(
        engine, facts, chosen, cohort.within(clinics), [looks_of(total)], today=today
    )
    mature = chosen & is_mature(facts, outcome, today)
    by_session = row_maker(facts, today)
    return RateReport(
        heading=Heading(
            "complications",
            message("Complications: {event}", event=outcome.label),
            _definition(outcome, counted),
            counted.value,
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        by=group_by,
        total=total,
        rows=rows,
        per_patient=row_maker(facts, today, Unit.PATIENTS)(
            outcome, chosen, "per_patient", message("Patients with at least one such session")
        ),
        first_session=by_session(
            outcome,
            chosen & _first_of_patient(facts, chosen),
            "first_session",
            message("First session of each patient"),
        ),
        serious=serious_events(facts, chosen, cohort.within(clinics)),
        excluded=(
            *_excluded(facts, outcome, chosen, mature, cohort.within(clinics)),
            *(_without_leg(facts, outcome, mature) if counted is Unit.LEGS else ()),
        ),
        warnings=(*incomplete, *warnings),
        by_detection=_by_detection(facts, outcome, chosen, today, counted),
        scanned=int((mature & _scanned(facts, outcome)).sum()),
    )


def groups_of(
    facts: Facts, dimension: str, chosen: Flags, by: Actor
) -> list[tuple[str, Message, Flags]]:
    """Code, label and sessions of each level that occurs in ``chosen``, in natural order."""
    scope(by, Permission.READ_RATES)
    codes, levels = facts.sessions[dimension].to_numpy(), facts.levels[dimension]
    present = [levels[i] for i in np.unique(codes[chosen])]
    return [
        (level, level_label(facts, dimension, level, by), chosen & (codes == levels.index(level)))
        for level in sorted(present, key=lambda level: level_order(dimension, level))
    ]


def _first_of_patient(facts: Facts, chosen: Flags) -> Flags:
    """The first of the chosen sessions of each patient; sessions stand in the order of days."""
    rows = np.flatnonzero(chosen)
    _, first = np.unique(facts.sessions["patient"].to_numpy()[rows], return_index=True)
    found = np.zeros(len(chosen), dtype=np.bool_)
    found[rows[first]] = True
    return found


def _by_detection(
    facts: Facts, outcome: Outcome, chosen: Flags, today: dt.date, unit: Unit
) -> tuple[RateRow, ...]:
    """For thrombosis: what came to light otherwise, and what only a planned duplex scan found.

    Scans find many times more thrombosis than symptoms do, so one rate of both would measure how
    often a clinic scans.
    """
    terms = catalogue().event_terms
    if outcome.only_serious or not {terms[code].family for code in outcome.terms} <= THROMBOSIS:
        return ()
    measure = row_maker(facts, today, unit)
    return (
        measure(
            replace(outcome, screened=False),
            chosen,
            "otherwise",
            message("By symptom, examination or not recorded how"),
        ),
        measure(
            replace(outcome, screened=True),
            chosen,
            "screened",
            message("Only by a planned duplex scan"),
        ),
    )


def _scanned(facts: Facts, outcome: Outcome) -> Flags:
    """Sessions followed by a duplex scan of the patient within the window."""
    visits = facts.visits[facts.visits["is_duplex"] & (facts.visits["patient"] >= 0)]
    width = 1_000_000
    keys = np.sort(visits["patient"].to_numpy() * width + visits["day"].to_numpy())
    sessions = facts.sessions["patient"].to_numpy() * width + facts.sessions["day"].to_numpy()
    after = np.searchsorted(keys, sessions, side="left")
    until = np.searchsorted(keys, sessions + outcome.window_days, side="right")
    return np.asarray(until > after)


def _reported(facts: Facts, chosen: Flags) -> list[str]:
    """Terms of events in the cohort, in the order of the catalogue."""
    events = facts.events[facts.events["session"] >= 0]
    inside = chosen[events["session"].to_numpy()]
    return [EVENT_TERMS[i] for i in np.unique(events["term"].to_numpy()[inside])]


def _definition(outcome: Outcome, unit: Unit) -> Message:
    window, age = outcome.window_days, outcome.mature_after_days
    if outcome.only_serious:
        counted = message(
            "Sessions followed within {window} days by an event of any kind that met a criterion "
            "of seriousness (ICH E2A), of all sessions at least {age} days old.",
            window=window,
            age=age,
        )
    elif outcome.code == ANY:
        counted = message(
            "Sessions with at least one complication, each kind within its own window of at most "
            "{window} days, of all sessions at least {age} days old. {left_out}",
            window=window,
            age=age,
            left_out=left_out(outcome),
        )
    elif len(outcome.terms) > 1:
        terms = catalogue().event_terms
        counted = message(
            "Sessions followed by one of these, each within its own window of at most {window} "
            "days: {events}; of all sessions at least {age} days old.",
            window=window,
            age=age,
            events=listed([message(terms[code].label) for code in outcome.terms]),
        )
    else:
        counted = message(
            "Sessions followed by “{event}” within {window} days, of all sessions at least {age} "
            "days old.",
            event=outcome.label,
            window=window,
            age=age,
        )
    judged = message(
        "An event counts unless it was judged unlikely to be or not related to the treatment; one "
        "that was not judged counts."
    )
    return listed([counted, judged, *([_OF_UNIT[unit]] if unit in _OF_UNIT else [])], " ")


def serious_events(
    facts: Facts, chosen: Flags, clinics: Collection[int]
) -> tuple[tuple[Message, int], ...]:
    """Every serious event of the cohort, mature or not, related or not: one by one.

    Those attributed to no session are listed for the clinics of the cohort.
    """
    rows = catalogue().event_terms
    events = facts.events
    by_nature = [i for i, code in enumerate(EVENT_TERMS) if rows[code].serious_by_nature]
    events = events[events["serious"] | events["term"].isin(by_nature)]
    inside = events[events["session"] >= 0]
    inside = inside[chosen[inside["session"].to_numpy()]]
    loose = events[(events["session"] < 0) & events["clinic_id"].isin(list(clinics))]
    unattributed = N_("{event}, attributed to no session")
    return tuple(
        (Message(text, {"event": message(rows[EVENT_TERMS[int(term)]].label)}), int(count))
        for text, found in (("{event}", inside), (unattributed, loose))
        for term, count in zip(
            *np.unique(found["term"].to_numpy(), return_counts=True), strict=True
        )
    )


def _excluded(
    facts: Facts, outcome: Outcome, chosen: Flags, mature: Flags, clinics: Collection[int]
) -> tuple[Excluded, ...]:
    events = facts.events[windows_of(facts.events, outcome) >= 0]
    if outcome.only_serious:
        events = events[events["serious"]]
    inside = events[events["session"] >= 0]
    inside = inside[chosen[inside["session"].to_numpy()]]
    loose = events[(events["session"] < 0) & events["clinic_id"].isin(list(clinics))]
    found = (
        Excluded(
            message("sessions not yet old enough to be assessed"), int((chosen & ~mature).sum())
        ),
        Excluded(
            message("events judged unlikely to be or not related to the treatment"),
            int((~inside["related"]).sum()),
        ),
        Excluded(
            message("events outside their counting window: listed, not counted"),
            int((inside["related"] & (inside["offset"] > windows_of(inside, outcome))).sum()),
        ),
        Excluded(message("events dated before their session"), int((inside["offset"] < 0).sum())),
        Excluded(message("events of these clinics that belong to no session"), len(loose)),
    )
    return tuple(item for item in found if item.count)


def _without_leg(facts: Facts, outcome: Outcome, mature: Flags) -> tuple[Excluded, ...]:
    """What cannot be laid to a leg."""
    treated = np.zeros(len(mature), dtype=np.bool_)
    treated[legs_of(facts)[0]] = True
    found = (
        Excluded(message("sessions in which no leg is recorded"), int((mature & ~treated).sum())),
        Excluded(
            message("events of sessions without one leg that they could belong to"),
            int(mature[unplaced_events(facts, outcome)].sum()),
        ),
    )
    return tuple(item for item in found if item.count)

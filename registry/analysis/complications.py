"""How often treatment is followed by a complication.

A session enters when it is *mature*: old enough for the event's counting window and for the visit
that asks about it. It is *assessed* when the event happened or was looked for at or after the
window's end. With at least 95 % assessed the rate is events / mature sessions; below that it is
1 - Kaplan-Meier at the window's end, with the best and the worst case. Events / assessed sessions
is never used: it leaves out the well who did not come back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.columns import day_number
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.event_facts import CHECKLISTS, EVENT_TERMS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import Basis, Excluded, Heading, RateReport, RateRow
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import Message, listed, message
from registry.statistics import display_rules
from registry.statistics.clustering import (
    clustered_proportion,
    first_session_proportion,
    per_patient_counts,
    per_patient_proportion,
)
from registry.statistics.proportions import bounds_for_unassessed
from registry.statistics.result import Estimate
from registry.statistics.survival import (
    count_by_day,
    cumulative_incidence,
    kaplan_meier,
    kaplan_meier_by_patient,
    landmark,
)

ANY: Final = "any_complication_30d"
BY_EVENT: Final = "event"
GROUPINGS: Final = (BY_EVENT, *DIMENSIONS)

Flags = NDArray[np.bool_]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What is counted: one event term, or the composite of several with one window for asking.

    ``asked`` are the terms that must have been looked for; they are ``terms`` unless only serious
    events count, which have ``window_days`` as their window whatever their term.
    """

    code: str
    label: Message
    terms: tuple[str, ...]
    window_days: int
    mature_after_days: int
    asked: tuple[str, ...]
    only_serious: bool = False


@cache
def outcome_of(code: str) -> Outcome:
    """The outcome of a catalogue code; raises :class:`NotFound` for an unknown one."""
    rows = catalogue()
    if code in rows.composites:
        composite = rows.composites[code]
        members = [term for term in rows.event_terms.values() if composite.holds(term)]
        asked = [term for term in members if term.in_composite or not composite.only_serious]
        return Outcome(
            code,
            message(composite.label),
            tuple(term.code for term in members),
            composite.window_days,
            max(rows.visits[term.assessed_at_visit].to_day for term in asked),
            tuple(term.code for term in asked),
            composite.only_serious,
        )
    if code in rows.event_terms:
        term = rows.event_terms[code]
        return Outcome(
            code,
            message(term.label),
            (code,),
            term.counting_window_days,
            rows.visits[term.assessed_at_visit].to_day,
            (code,),
        )
    raise NotFound(
        f"There is no event called “{code[:40]}”. `sclero catalogue list event_terms` lists them; "
        f"“{ANY}” counts any complication."
    )


def complications(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    event: str = ANY,
    group_by: str = BY_EVENT,
) -> RateReport:
    """Rates of one outcome in each group of a cohort, or of every event side by side."""
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    if group_by not in GROUPINGS:
        raise NotFound(f"Rates can be grouped by {', '.join(GROUPINGS)}; not by “{group_by[:40]}”.")
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    measure = row_maker(facts, today)
    total = measure(outcome, chosen, "total", message("All sessions"))
    warnings: list[Message] = []
    if group_by == BY_EVENT:
        rows = tuple(
            row
            for term in _reported(facts, chosen)
            if (row := measure(outcome_of(term), chosen, term, outcome_of(term).label)).events
        )
    else:
        codes = facts.sessions[group_by].to_numpy()
        levels = facts.levels[group_by]
        present = [levels[i] for i in np.unique(codes[chosen])]
        rows = tuple(
            measure(
                outcome,
                chosen & (codes == levels.index(level)),
                level,
                level_label(facts, group_by, level, by),
            )
            for level in sorted(present, key=lambda level: level_order(group_by, level))
        )
        warnings.append(
            message(
                "These are crude rates: the groups differ in more than this, so they say nothing "
                "about causes."
            )
        )
    mature = chosen & _mature(facts, outcome, today)
    had = _had_event(facts, outcome)[0]
    patients = facts.sessions["patient"].to_numpy()
    per_patient = per_patient_proportion(*per_patient_counts(patients[mature], had[mature]))
    return RateReport(
        heading=Heading(
            "complications",
            message("Complications: {event}", event=outcome.label),
            _definition(outcome),
            "sessions",
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        by=group_by,
        total=total,
        rows=rows,
        per_patient=per_patient.estimate,
        mean_sessions=per_patient.mean_sessions,
        first_session=first_session_proportion(
            patients[mature], facts.sessions["day"].to_numpy()[mature], had[mature]
        ),
        serious=_serious(facts, chosen, cohort.within(clinics)),
        excluded=_excluded(facts, outcome, chosen, mature, cohort.within(clinics)),
        warnings=tuple(warnings),
    )


def _reported(facts: Facts, chosen: Flags) -> list[str]:
    """Terms of events in the cohort, in the order of the catalogue."""
    events = facts.events[facts.events["session"] >= 0]
    inside = chosen[events["session"].to_numpy()]
    return [EVENT_TERMS[i] for i in np.unique(events["term"].to_numpy()[inside])]


def _definition(outcome: Outcome) -> Message:
    if outcome.only_serious:
        text = (
            "Sessions followed within {window} days by an event of any kind that met a criterion "
            "of seriousness (ICH E2A), of all sessions at least {age} days old. "
        )
    elif outcome.code == ANY:
        text = (
            "Sessions with at least one complication, each kind within its own window of at most "
            "{window} days, of all sessions at least {age} days old. "
        )
    elif len(outcome.terms) > 1:
        text = (
            "Sessions followed by one of these, each within its own window of at most {window} "
            "days: {events}; of all sessions at least {age} days old. "
        )
    else:
        text = (
            "Sessions followed by “{event}” within {window} days, of all sessions at least {age} "
            "days old. "
        )
    terms = catalogue().event_terms
    return message(
        text + "An event counts unless it was judged unlikely to be or not related to the "
        "treatment; one that was not judged counts.",
        event=outcome.label,
        events=listed([message(terms[code].label) for code in outcome.terms]),
        window=outcome.window_days,
        age=outcome.mature_after_days,
    )


def _mature(facts: Facts, outcome: Outcome, today: dt.date) -> Flags:
    days = facts.sessions["day"].to_numpy()
    return np.asarray(days + outcome.mature_after_days <= day_number(today))


def counted_events(facts: Facts, outcome: Outcome) -> pd.DataFrame:
    """The events that count, as rows of ``facts.events``."""
    events = facts.events
    counted = events[
        events["related"]
        & (events["session"] >= 0)
        & (events["offset"] >= 0)
        & (events["offset"] <= _windows(events, outcome))
    ]
    return counted[counted["serious"]] if outcome.only_serious else counted


def _had_event(facts: Facts, outcome: Outcome) -> tuple[Flags, Days, Flags]:
    """Whether each session had a counted event, on which day first, and only by screening."""
    size = len(facts.sessions)
    counted = counted_events(facts, outcome)
    first = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(first, counted["session"].to_numpy(), counted["offset"].to_numpy())
    had = np.zeros(size, dtype=np.bool_)
    had[counted["session"].to_numpy()] = True
    otherwise = np.zeros(size, dtype=np.bool_)
    otherwise[counted.loc[~counted["screened"], "session"].to_numpy()] = True
    return had, first, had & ~otherwise


def _windows(events: pd.DataFrame, outcome: Outcome) -> NDArray[np.int64]:
    """Counting window of each event's own term; -1 for a term that is no part of the outcome."""
    terms = catalogue().event_terms
    days = [
        -1
        if code not in outcome.terms
        else outcome.window_days
        if outcome.only_serious
        else terms[code].counting_window_days
        for code in EVENT_TERMS
    ]
    return np.take(np.array(days, dtype=np.int64), events["term"].to_numpy())


def _last_asked(facts: Facts, outcome: Outcome) -> Days:
    """Last day on which each patient was asked about every term of the outcome; -1 for never."""
    last = np.full(facts.patients, -1, dtype=np.int64)
    checklists = catalogue().checklist_versions
    covers = [set(outcome.asked) <= set(checklists[key].term_codes) for key in CHECKLISTS]
    # The last place answers for visits without a checklist, whose code is -1.
    asked = np.array([*covers, False])[facts.visits["checklist"].to_numpy()]
    gaps = facts.not_assessed
    members = [EVENT_TERMS.index(code) for code in outcome.asked]
    asked[gaps.loc[gaps["term"].isin(members), "visit"].to_numpy()] = False
    patients = facts.visits["patient"].to_numpy()
    asked &= patients >= 0
    np.maximum.at(last, patients[asked], facts.visits["day"].to_numpy()[asked])
    return last


def sessions_counted(
    facts: Facts, outcome: Outcome, chosen: Flags, today: dt.date
) -> dict[str, Flags]:
    """The sessions behind each count of a row: every count is the size of one of these sets."""
    had, _, screened = facts.once(("had", outcome.code), lambda: _had_event(facts, outcome))
    mature = chosen & _mature(facts, outcome, today)
    asked = had | (_observed(facts, outcome) >= outcome.window_days)
    return {
        "events": mature & had,
        "mature": mature,
        "assessed": mature & asked,
        "not_assessed": mature & ~asked,
        "screened": mature & screened,
        "too_recent": chosen & ~mature,
        "sessions": chosen,
    }


def _observed(facts: Facts, outcome: Outcome) -> Days:
    """Days from each session to the last visit that asked about the outcome; negative for none."""
    last = facts.once(("asked", outcome.code), lambda: _last_asked(facts, outcome))
    sessions = facts.sessions
    return np.asarray(last[sessions["patient"].to_numpy()] - sessions["day"].to_numpy())


def row_maker(facts: Facts, today: dt.date) -> Callable[[Outcome, Flags, str, Message], RateRow]:
    """A function that makes one row of a report: of an outcome in the sessions flagged."""
    patients = facts.sessions["patient"].to_numpy()

    def measure(outcome: Outcome, chosen: Flags, code: str, label: Message) -> RateRow:
        had, first, _ = facts.once(("had", outcome.code), lambda: _had_event(facts, outcome))
        counted = sessions_counted(facts, outcome, chosen, today)
        counts = {name: int(flags.sum()) for name, flags in counted.items()}
        mature, n, x, assessed = (
            counted["mature"],
            counts["mature"],
            counts["events"],
            counts["assessed"],
        )
        sums = per_patient_counts(patients[mature], had[mature])
        clustered = clustered_proportion(*sums)
        estimate, basis = clustered.estimate, Basis.PROPORTION
        if n and not display_rules.headline_is_proportion(assessed, n):
            basis = Basis.KAPLAN_MEIER
            observed = np.clip(_observed(facts, outcome), 0, outcome.window_days)
            durations = np.where(had, first, observed)[mature]
            estimate = _until(durations, had[mature], patients[mature], outcome.window_days)
        bound, plain = clustered.patient_bound, basis is Basis.PROPORTION
        best, worst = bounds_for_unassessed(x, assessed, n)
        return RateRow(
            code=code,
            label=label,
            window_days=outcome.window_days,
            sessions=counts["sessions"],
            mature=n,
            events=x,
            assessed=assessed,
            patients=len(np.unique(patients[mature])),
            screened=counts["screened"],
            basis=basis,
            estimate=estimate,
            best=best,
            worst=worst,
            design_effect=clustered.design_effect if plain else None,
            patient_bound=bound.upper if bound and plain else None,
        )

    return measure


def _until(durations: Days, had: Flags, patients: Days, window: int) -> Estimate:
    """1 - Kaplan-Meier at the end of the window, patients with several sessions allowed for."""
    if len(np.unique(patients)) == len(patients):
        curve = kaplan_meier(count_by_day(durations, had))
    else:
        curve = kaplan_meier_by_patient(durations, had, patients)
    return cumulative_incidence(landmark(curve, window, unit="sessions"))


def _serious(
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
    return tuple(
        (message(text, event=message(rows[EVENT_TERMS[int(term)]].label)), int(count))
        for text, found in (("{event}", inside), ("{event}, attributed to no session", loose))
        for term, count in zip(
            *np.unique(found["term"].to_numpy(), return_counts=True), strict=True
        )
    )


def _excluded(
    facts: Facts, outcome: Outcome, chosen: Flags, mature: Flags, clinics: Collection[int]
) -> tuple[Excluded, ...]:
    events = facts.events[_windows(facts.events, outcome) >= 0]
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
            int((inside["related"] & (inside["offset"] > _windows(inside, outcome))).sum()),
        ),
        Excluded(message("events dated before their session"), int((inside["offset"] < 0).sum())),
        Excluded(message("events of these clinics that belong to no session"), len(loose)),
    )
    return tuple(item for item in found if item.count)

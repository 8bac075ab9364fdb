"""One rate of one group: of its sessions, its patients or the legs treated in it.

With at least 95 % assessed the rate is events / mature units. Below that it is, for sessions,
1 - Kaplan-Meier at the window's end with the best and the worst case; patients and legs have as
many clocks as sessions, so for them the two cases stand alone. Events / assessed is never used: it
leaves out the well who did not come back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from registry.analysis.counting import (
    Days,
    Flags,
    History,
    Outcome,
    counted_events,
    history_of,
    is_mature,
)
from registry.analysis.facts import Facts
from registry.analysis.results import Basis, RateRow
from registry.messages import Message
from registry.statistics import display_rules
from registry.statistics.clustering import (
    clustered_proportion,
    count_distinct,
    per_patient_counts,
)
from registry.statistics.proportions import bounds_for_unassessed
from registry.statistics.result import Estimate, Interval
from registry.statistics.survival import (
    count_by_day,
    cumulative_incidence,
    kaplan_meier,
    kaplan_meier_by_patient,
    landmark,
)


class Unit(StrEnum):
    """What a rate is a share of."""

    SESSIONS = "sessions"
    PATIENTS = "patients"
    """Patients with a mature session; with the event if any of those sessions had it."""
    LEGS = "legs"
    """Legs treated in a mature session; with the event if it belongs to that leg."""


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Each unit in each of its sessions, in the order of sessions.

    A patient has one entry a session, and so has each leg treated in it. ``had``: the event
    happened to this unit in this session; ``screened``: and was found by screening only; ``known``:
    it happened or was looked for at the window's end.
    """

    session: Days
    unit: Days
    patient: Days
    had: Flags
    screened: Flags
    known: Flags


def legs_of(facts: Facts) -> tuple[Days, Days]:
    """Session and leg (twice the patient's code, and one for the right) of each treated leg."""

    def make() -> tuple[Days, Days]:
        sites = facts.sites
        legs = 2 * sites["patient"].to_numpy() + sites["side"].to_numpy()
        pairs = np.unique(np.stack([sites["session"].to_numpy(), legs]), axis=1)
        return pairs[0], pairs[1]

    return facts.once("legs", make)


def unplaced_events(facts: Facts, outcome: Outcome) -> Days:
    """Sessions (rows, one for each event) whose counted event cannot be laid to one leg.

    An event belongs to the leg of the site it was attributed to, otherwise to the only leg that was
    treated. In a session of both legs it belongs to neither: both are then not known.
    """
    return facts.once(
        ("unplaced", outcome.code, outcome.screened), lambda: _placed(facts, outcome)[2]
    )


def exposures_of(facts: Facts, outcome: Outcome, unit: Unit) -> Exposures:
    """What happened to each unit in each session, worked out once for each state of the data."""

    def make() -> Exposures:
        history = history_of(facts, outcome)
        patients = facts.sessions["patient"].to_numpy()
        rows = np.arange(len(patients))
        if unit is not Unit.LEGS:
            units = rows if unit is Unit.SESSIONS else patients
            return Exposures(rows, units, patients, history.had, history.screened, history.known)
        return _legs(facts, outcome, history)

    return facts.once(("exposures", outcome.code, outcome.screened, unit), make)


def row_maker(
    facts: Facts, today: dt.date, unit: Unit = Unit.SESSIONS
) -> Callable[[Outcome, Flags, str, Message], RateRow]:
    """A function that makes one row of a report: of an outcome in the sessions flagged."""

    def measure(outcome: Outcome, chosen: Flags, code: str, label: Message) -> RateRow:
        mature = chosen & is_mature(facts, outcome, today)
        counted = units_counted(facts, outcome, mature, unit)
        owners, had = counted.patient, counted.had
        n, x, assessed = len(owners), int(had.sum()), int(counted.known.sum())
        clustered = clustered_proportion(*per_patient_counts(owners, had), unit=unit.value)
        estimate, basis = clustered.estimate, Basis.PROPORTION
        if n and not display_rules.headline_is_proportion(assessed, n):
            if unit is Unit.SESSIONS:
                basis = Basis.KAPLAN_MEIER
                estimate = _until(history_of(facts, outcome), mature, owners, outcome.window_days)
            else:
                basis = Basis.BOUNDS
                estimate = Estimate(
                    None, Interval(None, None, estimate.interval.level, "bounds"), x, n, unit.value
                )
        bound, plain = clustered.patient_bound, basis is Basis.PROPORTION
        best, worst = bounds_for_unassessed(x, assessed, n)
        return RateRow(
            code=code,
            label=label,
            window_days=outcome.window_days,
            sessions=int(chosen.sum()),
            mature=n,
            events=x,
            assessed=assessed,
            patients=count_distinct(owners),
            screened=int(counted.screened.sum()),
            basis=basis,
            estimate=estimate,
            best=best,
            worst=worst,
            design_effect=clustered.design_effect if plain else None,
            patient_bound=bound.upper if bound and plain else None,
            unit=unit.value,
            mature_sessions=int(mature.sum()),
        )

    return measure


@dataclass(frozen=True, slots=True, eq=False)
class UnitsCounted:
    """The units that entered a row, each once: every count of the row is a count of these.

    ``session`` is the first session in which the unit had the event, or else its first of all.
    """

    session: Days
    patient: Days
    had: Flags
    known: Flags
    screened: Flags


def units_counted(facts: Facts, outcome: Outcome, mature: Flags, unit: Unit) -> UnitsCounted:
    """What happened to each unit with a session that is flagged as mature."""
    seen = exposures_of(facts, outcome, unit)
    kept = np.flatnonzero(mature[seen.session])
    kept = kept if unit is Unit.SESSIONS else kept[np.lexsort((kept, ~seen.had[kept]))]
    session, patient = seen.session[kept], seen.patient[kept]
    had, screened, known = seen.had[kept], seen.screened[kept], seen.known[kept]
    if unit is Unit.SESSIONS:
        return UnitsCounted(session, patient, had, known, had & screened)
    units, first, place = np.unique(seen.unit[kept], return_index=True, return_inverse=True)
    n = len(units)
    with_event = np.bincount(place, had, n) > 0
    all_known = with_event | (np.bincount(place, ~known, n) == 0)
    only_screened = with_event & (np.bincount(place, had & ~screened, n) == 0)
    return UnitsCounted(session[first], patient[first], with_event, all_known, only_screened)


def _until(history: History, mature: Flags, patients: Days, window: int) -> Estimate:
    """1 - Kaplan-Meier at the end of the window, patients with several sessions allowed for."""
    had = history.had[mature]
    durations = np.where(had, history.first[mature], np.clip(history.observed[mature], 0, window))
    if count_distinct(patients) == len(patients):
        curve = kaplan_meier(count_by_day(durations, had))
    else:
        curve = kaplan_meier_by_patient(durations, had, patients)
    return cumulative_incidence(landmark(curve, window, unit="sessions"))


def _placed(facts: Facts, outcome: Outcome) -> tuple[Days, Flags, Days]:
    """Treated leg (row of ``legs_of``) of each event, whether screened; sessions of the others."""
    session, leg = legs_of(facts)
    events = counted_events(facts, outcome)
    rows, side = events["session"].to_numpy(), events["side"].to_numpy()
    patients = facts.sessions["patient"].to_numpy()
    width = 2 * facts.patients + 2
    place = np.searchsorted(session * width + leg, rows * width + 2 * patients[rows] + side)
    place = np.minimum(place, max(len(session) - 1, 0))
    fits = np.zeros(len(rows), dtype=np.bool_)
    if len(session):
        fits = (side >= 0) & (session[place] == rows) & (leg[place] == 2 * patients[rows] + side)
        legs_treated = np.bincount(session, minlength=len(patients))[rows]
        first = np.searchsorted(session, rows)
        place = np.where(fits, place, np.minimum(first, len(session) - 1))
        fits |= legs_treated == 1
    return place[fits], events["screened"].to_numpy(np.bool_)[fits], rows[~fits]


def _legs(facts: Facts, outcome: Outcome, history: History) -> Exposures:
    session, leg = legs_of(facts)
    place, screened, elsewhere = _placed(facts, outcome)
    had, otherwise = np.zeros(len(session), dtype=np.bool_), np.zeros(len(session), dtype=np.bool_)
    had[place] = True
    otherwise[place[~screened]] = True
    if outcome.screened is not None:
        had = otherwise if outcome.screened is False else had & ~otherwise
    unclear = np.zeros(len(facts.sessions), dtype=np.bool_)
    unclear[elsewhere] = True
    asked = (history.observed >= outcome.window_days) & ~unclear
    return Exposures(session, leg, leg // 2, had, had & ~otherwise, had | asked[session])

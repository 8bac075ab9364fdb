"""When complications begin, and how long they last.

Onset is counted in mature sessions only: young ones hold nothing but early onsets. Duration runs
from the onset to the day the event ended; an event without such a day is censored at the last look:
the last visit that asked about it, or the day the clinic knew of it.
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
from registry.analysis.counting import (
    ANY,
    Days,
    Flags,
    Outcome,
    counted_events,
    defined,
    is_mature,
    last_asked,
    outcome_of,
    windows_of,
)
from registry.analysis.event_facts import EVENT_TERMS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import (
    Excluded,
    Heading,
    estimate_dict,
    heading_dict,
    prefixed,
)
from registry.catalogue import EventFamily, catalogue
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.proportions import zero_event_bound
from registry.statistics.result import Estimate
from registry.statistics.survival import (
    Landmark,
    count_by_day,
    cumulative_incidence,
    kaplan_meier,
    kaplan_meier_by_patient,
    landmark,
    quantile,
)

RESOLUTION_DAYS: Final = (182, 365, 730)
"""6, 12 and 24 months after onset: the whole days in 30.4375 times the months."""
LASTING: Final = frozenset({EventFamily.PIGMENTATION, EventFamily.MATTING})
"""Families whose duration is told however few events there are."""
FEWEST_FOR_DURATION: Final = 10
"""Other terms are followed from ten events on, the fewest at risk that a curve is told for."""
FEWEST_FOLLOWED: Final = 5
"""With fewer still followed the end of a curve rests on next to nobody."""
BAR: Final = "bar_"
"""What the code of a bar begins with; its number follows."""
_SHORTEST_AXIS: Final = 14
_DAYS_BY_DAY: Final = 60
"""Longer windows are drawn week by week."""


@dataclass(frozen=True, slots=True)
class Onset:
    """Days from the session to the onset of the events of one kind, in mature sessions.

    ``events`` began within the counting window and ``later`` after it. ``median`` and the quartiles
    are of those within it, None below five. ``bins`` counts all by ``bin_days`` days from day 0;
    ``beyond`` of them lie after the last bin.
    """

    code: str
    label: Message
    window_days: int
    events: int
    later: int
    first_quartile: float | None
    median: float | None
    third_quartile: float | None
    bin_days: int
    bins: tuple[int, ...]
    beyond: int

    @property
    def bars(self) -> tuple[tuple[str, int], ...]:
        """Code and events of each bar that is not empty; the last may hold all that lie beyond."""
        counts = (*self.bins, self.beyond)
        return tuple((f"{BAR}{i}", count) for i, count in enumerate(counts) if count)

    def name_of(self, bar: str) -> Message:
        """The days of a bar in words."""
        return bar_name(bar, self.bin_days, len(self.bins))


@dataclass(frozen=True, slots=True)
class Resolved:
    """Share of events that had ended by a day after their onset, and how many were still followed
    without having ended.

    ``least`` is the one-sided exact lower bound, at the estimate's level, where all have ended and
    the curve has no limits: of as many independent units as there are patients.
    """

    day: int
    at_risk: int
    estimate: Estimate
    least: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether enough are followed, or all have ended.

        Ten are needed while all are followed, as for any curve, and five once half have ended.
        """
        value, total = self.estimate.value, self.estimate.denominator
        if value is None or total < display_rules.MINIMUM_AT_RISK_FOR_LANDMARK:
            return False
        has_all_ended = self.estimate.numerator == total
        return has_all_ended or is_steady(value, self.at_risk)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the events of one kind last: Kaplan-Meier of the time from onset to the end.

    ``median_days`` is the day by which half of them had ended. ``days``, ``share``, ``lower`` and
    ``upper`` are the steps of the share that had ended, cut where too few are followed.
    ``is_lasting``: pigmentation and matting, which are followed for years.
    """

    code: str
    label: Message
    is_lasting: bool
    events: int
    patients: int
    resolved: int
    median_days: Estimate
    landmarks: tuple[Resolved, ...]
    days: tuple[int, ...]
    share: tuple[float, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class EventCourseReport:
    """Onset of the events of an outcome, kind by kind, and how long events last."""

    heading: Heading
    event: str
    event_label: Message
    onset: Onset
    onsets: tuple[Onset, ...]
    durations: tuple[Duration, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "onset": _onset_dict(self.onset),
            "onsets": [_onset_dict(onset) for onset in self.onsets],
            "durations": [
                {
                    "code": row.code,
                    "label": str(row.label),
                    "events": row.events,
                    "patients": row.patients,
                    "resolved": row.resolved,
                    "median_days": estimate_dict(row.median_days),
                    "landmarks": [
                        {
                            "day": point.day,
                            "at_risk": point.at_risk,
                            "shown": point.is_shown,
                            "resolved": estimate_dict(point.estimate),
                            "resolved_at_least": point.least,
                        }
                        for point in row.landmarks
                    ],
                }
                for row in self.durations
            ],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a kind of event: its onset, and its duration where that is followed."""
        lasting = {row.code: row for row in self.durations}
        labels = {onset.code: onset.label for onset in self.onsets}
        labels |= {row.code: row.label for row in self.durations}
        onsets = {row.code: row for row in self.onsets}
        rows = []
        for code, label in labels.items():
            row: dict[str, Any] = {"code": code, "label": str(label)}
            onset, duration = onsets.get(code), lasting.get(code)
            row |= {
                "window_days": onset.window_days if onset else None,
                "events_in_window": onset.events if onset else None,
                "events_later": onset.later if onset else None,
                "onset_first_quartile": onset.first_quartile if onset else None,
                "onset_median": onset.median if onset else None,
                "onset_third_quartile": onset.third_quartile if onset else None,
                "events_followed": duration.events if duration else None,
                "resolved": duration.resolved if duration else None,
                "median_days": duration.median_days.value if duration else None,
            }
            for i, day in enumerate(RESOLUTION_DAYS):
                point = duration.landmarks[i] if duration else None
                row[f"at_risk_{day}"] = point.at_risk if point else None
                values = prefixed(f"resolved_{day}", point.estimate) if point else {}
                row |= {
                    f"resolved_{day}{part}": values.get(f"resolved_{day}{part}")
                    for part in ("", "_lower", "_upper")
                }
                row[f"resolved_{day}_at_least"] = point.least if point else None
            rows.append(row)
        return rows


def is_steady(share: float, at_risk: int) -> bool:
    """Whether five are still followed, and one more that ends moves the share by ten points at
    most."""
    least = display_rules.MINIMUM_AT_RISK_FOR_LANDMARK * (1.0 - share)
    return at_risk >= max(FEWEST_FOLLOWED, least)


def event_course(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date, event: str = ANY
) -> EventCourseReport:
    """Onset of the events of an outcome in a cohort, and how long its events last."""
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    begun = _begun(facts, outcome, chosen & is_mature(facts, outcome, today))
    terms = begun["term"].to_numpy(np.int64)
    onsets = [
        _onset(begun[terms == term], outcome_of(EVENT_TERMS[term])) for term in np.unique(terms)
    ]
    durations, undated = _durations(facts, outcome, chosen)
    late = sum(onset.later for onset in onsets)
    excluded = (
        Excluded(message("events that ended on a day that nobody recorded"), undated),
        Excluded(message("events outside their counting window: listed, not counted"), late),
    )
    definition = message(
        "Onset: days from the session to the event, in sessions at least {age} days old. "
        "Duration: days from the onset until the event had ended; whoever was not seen "
        "until then counts as long as the event was asked about (Kaplan-Meier). Events "
        "judged unlikely to be or not related to the treatment are left out.",
        age=outcome.mature_after_days,
    )
    return EventCourseReport(
        heading=Heading(
            "event_course",
            message("Onset and duration: {event}", event=outcome.label),
            defined(definition, outcome),
            "events",
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        onset=_onset(begun, outcome),
        onsets=tuple(onsets),
        durations=durations,
        excluded=tuple(item for item in excluded if item.count),
    )


def _begun(facts: Facts, outcome: Outcome, mature: Flags) -> pd.DataFrame:
    """Complications of the mature sessions, those after their window too."""
    events = facts.events
    kept = events["related"] & (events["session"] >= 0) & (events["offset"] >= 0)
    kept &= windows_of(events, outcome) >= 0
    if outcome.only_serious:
        kept &= events["serious"]
    found: pd.DataFrame = events[kept]
    inside: pd.DataFrame = found[mature[found["session"].to_numpy()]]
    return inside


def events_begun(
    facts: Facts, outcome: Outcome, chosen: Flags, today: dt.date, code: str | None = None
) -> dict[str, pd.DataFrame]:
    """The events behind each count of the days to onset, of one kind if ``code`` names it.

    ``in_window`` and ``later``; of all kinds together also each bar of the picture.
    """
    begun = _begun(facts, outcome, chosen & is_mature(facts, outcome, today))
    if code is not None:
        begun, outcome = _of_kind(begun, code), outcome_of(code)
    inside = begun["offset"].to_numpy(np.int64) <= windows_of(begun, outcome)
    found = {"in_window": begun[inside], "later": begun[~inside]}
    if code is None:
        places, last, _ = _bars(begun, outcome)
        found |= {f"{BAR}{i}": begun[places == i] for i in range(last + 1)}
    return found


def bars_of(outcome: Outcome) -> dict[str, Message]:
    """Every bar that the picture of an outcome can have, by its code."""
    width, last = _axis(outcome)
    codes = [f"{BAR}{i}" for i in range(last + 1)]
    return {code: bar_name(code, width, last) for code in codes}


def bar_name(bar: str, width: int, last: int) -> Message:
    """The days of a bar ``width`` days wide; that after the ``last`` holds all that lie beyond."""
    number = int(bar.removeprefix(BAR))
    first = number * width
    if number == last:
        return message("from day {first} on", first=first)
    if width == 1:
        return message("day {first}", first=first)
    return message("days {first} to {last}", first=first, last=first + width - 1)


def _of_kind(events: pd.DataFrame, code: str) -> pd.DataFrame:
    found: pd.DataFrame = events[events["term"].to_numpy() == EVENT_TERMS.index(code)]
    return found


def _axis(outcome: Outcome) -> tuple[int, int]:
    """Days of a bar, and number of bars before the one that holds all that lie beyond."""
    width = 1 if outcome.window_days <= _DAYS_BY_DAY else 7
    return width, max(2 * outcome.window_days, _SHORTEST_AXIS) // width + 1


def _bars(events: pd.DataFrame, outcome: Outcome) -> tuple[Days, int, int]:
    """The bar of each event, the number of the last bar, and the days of one."""
    width, last = _axis(outcome)
    return np.minimum(events["offset"].to_numpy(np.int64) // width, last), last, width


def _onset(events: pd.DataFrame, outcome: Outcome) -> Onset:
    offsets = events["offset"].to_numpy(np.int64)
    inside = offsets <= windows_of(events, outcome)
    within = offsets[inside]
    places, last, width = _bars(events, outcome)
    bins = np.bincount(places, minlength=last + 1)
    first, median, third = (
        (float(value) for value in np.quantile(within, [0.25, 0.5, 0.75]))
        if len(within) >= display_rules.MINIMUM_EVENTS_FOR_TREND
        else (None, None, None)
    )
    return Onset(
        code=outcome.code,
        label=outcome.label,
        window_days=outcome.window_days,
        events=len(within),
        later=int((~inside).sum()),
        first_quartile=first,
        median=median,
        third_quartile=third,
        bin_days=width,
        bins=tuple(int(count) for count in bins[:last]),
        beyond=int(bins[last]),
    )


def events_followed(facts: Facts, chosen: Flags, code: str) -> dict[str, pd.DataFrame]:
    """The events behind each count of how long those of one kind last."""
    outcome = outcome_of(code)
    events = _followed(facts, outcome, chosen)[0]
    durations, resolved = _durations_of(facts, outcome, events)
    found = {"followed": events, "ended": events[resolved]}
    for day in RESOLUTION_DAYS:
        found[f"ended_{day}"] = events[resolved & (durations <= day)]
        found[f"followed_{day}"] = events[durations >= day]
    return found


def _durations(facts: Facts, outcome: Outcome, chosen: Flags) -> tuple[tuple[Duration, ...], int]:
    """Each kind that is followed, and how many of its events ended on no known day."""
    terms = catalogue().event_terms
    rows, undated = [], 0
    for code, term in terms.items():
        lasting = term.family in LASTING
        if not lasting and code not in outcome.terms:
            continue
        single = outcome_of(code)
        followed, lost = _followed(facts, single, chosen)
        if len(followed) < FEWEST_FOR_DURATION and not (lasting and len(followed)):
            continue
        undated += lost
        rows.append(_duration(facts, single, followed))
    return tuple(rows), undated


def _followed(facts: Facts, outcome: Outcome, chosen: Flags) -> tuple[pd.DataFrame, int]:
    """Events whose end can be told or awaited, and how many ended on a day nobody recorded."""
    events = counted_events(facts, outcome)
    events = events[chosen[events["session"].to_numpy()]]
    lost = events["recovered"].to_numpy() & (events["resolved"].to_numpy() < 0)
    return events[~lost], int(lost.sum())


def _durations_of(facts: Facts, outcome: Outcome, events: pd.DataFrame) -> tuple[Days, Flags]:
    """Days from onset to the end, or to the last look at those that had not ended; and whether."""
    ended = events["resolved"].to_numpy(np.int64)
    patients = events["patient"].to_numpy(np.int64)
    asked = last_asked(facts, outcome)[patients] - events["onset"].to_numpy()
    looked = np.maximum(np.maximum(asked, events["reported"].to_numpy()), 0)
    resolved = ended >= 0
    return np.where(resolved, ended, looked).astype(np.int64), resolved


def _duration(facts: Facts, outcome: Outcome, events: pd.DataFrame) -> Duration:
    patients = events["patient"].to_numpy(np.int64)
    durations, resolved = _durations_of(facts, outcome, events)
    if len(np.unique(patients)) == len(patients):
        curve = kaplan_meier(count_by_day(durations, resolved))
    else:
        curve = kaplan_meier_by_patient(durations, resolved, patients)
    points = [landmark(curve, day, unit="events") for day in RESOLUTION_DAYS]
    before = np.concatenate([[1.0], curve.survival])
    steady = [is_steady(1.0 - before[i], int(left)) for i, left in enumerate(curve.at_risk)]
    drawn = range(steady.index(False) if False in steady else len(steady))
    limits = [(1.0 - curve.upper[i], 1.0 - curve.lower[i]) for i in drawn]
    return Duration(
        outcome.code,
        outcome.label,
        catalogue().event_terms[outcome.code].family in LASTING,
        len(events),
        len(np.unique(patients)),
        int(resolved.sum()),
        quantile(curve),
        tuple(_resolved_by(point, len(np.unique(patients))) for point in points),
        tuple(int(curve.days[i]) for i in drawn),
        tuple(float(1.0 - curve.survival[i]) for i in drawn),
        tuple(float(low) if np.isfinite(low) else None for low, _ in limits),
        tuple(float(high) if np.isfinite(high) else None for _, high in limits),
    )


def _resolved_by(point: Landmark, patients: int) -> Resolved:
    share = cumulative_incidence(point)
    has_all_ended = share.value == 1.0 and share.numerator == share.denominator
    least = 1.0 - float(zero_event_bound(patients, share.interval.level)) if has_all_ended else None
    return Resolved(point.day, point.at_risk, share, least)


def _onset_dict(onset: Onset) -> dict[str, Any]:
    return {
        "code": onset.code,
        "label": str(onset.label),
        "window_days": onset.window_days,
        "events_in_window": onset.events,
        "events_later": onset.later,
        "first_quartile": onset.first_quartile,
        "median": onset.median,
        "third_quartile": onset.third_quartile,
        "bin_days": onset.bin_days,
        "bins": list(onset.bins),
        "beyond": onset.beyond,
    }

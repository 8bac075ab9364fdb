"""Each indicator of the overview in one cohort, by the computation of its own page.

A cohort without days is judged over the newest twelve months of sessions that are old enough: of
those whose window and visit are over. A figure of half-observed sessions would be low on every
Monday, and better than the year before for no other reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis.care_facts import UNKNOWN_DELAY
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.completeness import looks_of
from registry.analysis.counting import history_of, is_mature, outcome_of
from registry.analysis.facts import Facts
from registry.analysis.follow_up import sessions_counted
from registry.analysis.rate_rows import row_maker
from registry.analysis.recurrence import recurrence
from registry.analysis.reported_outcomes import satisfaction
from registry.analysis.results import RateRow, RecurrenceRow
from registry.analysis.treated_sites import RECURRENCE, RETREATMENT, histories_of
from registry.catalogue import Indicator, IndicatorMeasure, catalogue
from registry.language import as_typed
from registry.messages import Message, message, written
from registry.statistics import display_rules
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.competing_risks import aalen_johansen, incidence_at
from registry.statistics.proportions import zero_event_bound
from registry.statistics.result import Estimate, Interval
from registry.statistics.survival import (
    count_by_day,
    cumulative_incidence,
    kaplan_meier,
    landmark,
)

YEAR: Final = dt.timedelta(days=365)
LANDMARK: Final = 365
"""Day after success at which recurrence and retreatment are read."""
SOON_ENOUGH_DAYS: Final = 7
"""Days within which a session is recorded in time; a younger one is not judged yet."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """An indicator in one cohort.

    ``observed`` is what the rules on small numbers look at: the denominator, or the sites still
    observed on the day of a curve. ``completeness`` is the share that was assessed, None where
    nothing needs to be asked. ``row`` is the row of the rate's own page; ``note`` what else belongs
    to the figure. ``is_told`` is false for a day of a curve on which too few are still observed.
    """

    cohort: CohortFilter
    estimate: Estimate
    observed: int
    completeness: float | None = None
    row: RateRow | None = None
    note: Message | None = None
    is_told: bool = True

    @property
    def told(self) -> Estimate:
        """The estimate as it may be told: without value and limits where too few are observed.

        Where none was seen, of how many still observed: the bound rests on them.
        """
        if self.is_told:
            estimate = self.estimate
            return replace(estimate, denominator=self.observed) if estimate.value == 0 else estimate
        unknown = replace(self.estimate.interval, lower=None, upper=None)
        return replace(self.estimate, value=None, interval=unknown)

    @property
    def to_judge(self) -> Estimate:
        """The estimate, with a bound where a curve without any event has no limits."""
        estimate = self.estimate
        if estimate.value != 0 or estimate.interval.upper is not None or not self.observed:
            return estimate
        level = estimate.interval.level
        bound = float(zero_event_bound(self.observed, level))
        return replace(estimate, interval=Interval(0.0, bound, level, "zero_event_bound", True))


@dataclass(frozen=True, slots=True)
class Point:
    """The value of an indicator in a span of days, without limits; None where it says too little.

    ``observed`` is that of :class:`Measured`.
    """

    start: dt.date
    value: float | None
    observed: int


@dataclass(frozen=True, slots=True, eq=False)
class _Shares:
    """The sessions that an indicator counts, and those that have what it asks for."""

    counted: Flags
    having: Flags


@dataclass(slots=True)
class Measuring:
    """Measures indicators in cohorts that differ in their days only.

    ``levels`` is the filter without its days, ``clinics`` those the actor may read.
    """

    engine: Engine
    by: Actor
    facts: Facts
    levels: CohortFilter
    clinics: frozenset[int]
    today: dt.date
    _days: NDArray[np.int64] = field(init=False)
    _patients: NDArray[np.int64] = field(init=False)
    _kept: Flags = field(init=False)
    _recurrence: dict[object, RecurrenceRow] = field(default_factory=dict)
    _known_shares: dict[str, _Shares] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take up the columns that every indicator needs."""
        self._days = self.facts.sessions["day"].to_numpy()
        self._patients = self.facts.sessions["patient"].to_numpy()
        self._kept = self.levels.mask(self.facts, self.clinics)

    def measure(self, indicator: Indicator, cohort: CohortFilter) -> Measured:
        """The indicator in the sessions of a cohort."""
        if indicator.measure is IndicatorMeasure.OUTCOME:
            return self._outcome(indicator, cohort)
        if indicator.measure in _OF_SITES:
            return _OF_SITES[indicator.measure](self._sites(cohort), cohort)
        if indicator.measure is IndicatorMeasure.SATISFACTION:
            return self._satisfaction(cohort)
        shares, chosen = self._shares(indicator), self.sessions(cohort)
        counted = shares.counted & chosen
        sums = per_patient_counts(self._patients[counted], shares.having[counted])
        found = Measured(cohort, clustered_proportion(*sums).estimate, int(counted.sum()))
        if indicator.measure is not IndicatorMeasure.ENTRY_DELAY or not counted.any():
            return found
        median = f"{float(np.median(self.facts.sessions['delay'].to_numpy()[counted])):g}"
        return replace(
            found, note=message("median delay: {days} days", days=written(as_typed, median))
        )

    def sessions_behind(self, indicator: Indicator, cohort: CohortFilter) -> dict[str, Flags]:
        """The sessions that an indicator of sessions counts: ``cases``, and ``of`` all."""
        shares, chosen = self._shares(indicator), self.sessions(cohort)
        return {
            "cases": shares.counted & shares.having & chosen,
            "of": shares.counted & chosen,
        }

    def course(
        self, indicator: Indicator, spans: Sequence[tuple[dt.date, dt.date]]
    ) -> tuple[Point, ...]:
        """What :meth:`measure` finds in each span of days, first and last included."""
        if indicator.measure is IndicatorMeasure.SATISFACTION:
            return tuple(
                self._told(start, found.estimate.value, found.observed)
                for start, end in spans
                for found in [self._satisfaction(replace(self.levels, start=start, end=end))]
            )
        if indicator.measure in _OF_SITES:
            return tuple(self._sites_in(indicator.measure, start, end) for start, end in spans)
        shares = self._shares(indicator)
        points = []
        for start, end in spans:
            within = self._within(start, end)
            counted = shares.counted[within]
            n = int(counted.sum())
            x = int((counted & shares.having[within]).sum())
            value = x / n if n else None
            if indicator.outcome is not None:
                value = self._outcome_in(indicator.outcome, within, x, n)
            points.append(self._told(start, value, n))
        return tuple(points)

    def sessions(self, cohort: CohortFilter) -> Flags:
        """The sessions of a cohort of these clinics and levels."""
        chosen = np.zeros_like(self._kept)
        within = self._within(cohort.start, cohort.end)
        chosen[within] = self._kept[within]
        return chosen

    def _within(self, start: dt.date | None, end: dt.date | None) -> slice:
        """Rows of the sessions from one day to another; they are kept in the order of their day."""
        first, last = 0, len(self._days)
        if start is not None:
            first = int(np.searchsorted(self._days, day_number(start), side="left"))
        if end is not None:
            last = int(np.searchsorted(self._days, day_number(end), side="right"))
        return slice(first, last)

    @staticmethod
    def _told(start: dt.date, value: float | None, observed: int) -> Point:
        return Point(start, value if display_rules.shows_percentage(observed) else None, observed)

    def _shares(self, indicator: Indicator) -> _Shares:
        """What the indicator counts in all sessions of these clinics and levels."""
        if indicator.code not in self._known_shares:
            self._known_shares[indicator.code] = self._make_shares(indicator)
        return self._known_shares[indicator.code]

    def _make_shares(self, indicator: Indicator) -> _Shares:
        sessions = self.facts.sessions
        if indicator.outcome is not None:
            outcome = outcome_of(indicator.outcome)
            mature = self._kept & is_mature(self.facts, outcome, self.today)
            return _Shares(mature, history_of(self.facts, outcome).had)
        if indicator.visit_code is not None:
            visit = catalogue().visits[indicator.visit_code]
            counted = sessions_counted(self.facts, self._kept, visit, self.today)
            return _Shares(counted["due"], counted["seen"])
        if indicator.measure is IndicatorMeasure.OVERRIDES:
            return _Shares(self._kept, sessions["overridden"].to_numpy() == 1)
        delay = sessions["delay"].to_numpy()
        known = self._kept & (delay != UNKNOWN_DELAY)
        known &= self._days <= day_number(self.today) - SOON_ENOUGH_DAYS
        return _Shares(known, delay <= SOON_ENOUGH_DAYS)

    def _outcome(self, indicator: Indicator, cohort: CohortFilter) -> Measured:
        outcome = outcome_of(indicator.outcome or "")
        row = row_maker(self.facts, self.today)(
            outcome, self.sessions(cohort), outcome.code, outcome.label
        )
        return Measured(cohort, row.estimate, row.mature, row.completeness, row)

    def _outcome_in(self, code: str, within: slice, x: int, n: int) -> float | None:
        """The rate as the complications page makes it: a proportion, or 1 - Kaplan-Meier."""
        outcome = outcome_of(code)
        history = history_of(self.facts, outcome)
        mature = self._kept[within] & is_mature(self.facts, outcome, self.today)[within]
        if display_rules.headline_is_proportion(int(history.known[within][mature].sum()), n):
            return x / n
        if not n:
            return None
        had = history.had[within][mature]
        observed = np.clip(history.observed[within][mature], 0, outcome.window_days)
        durations = np.where(had, history.first[within][mature], observed)
        curve = kaplan_meier(count_by_day(durations, had))
        return cumulative_incidence(landmark(curve, outcome.window_days)).value

    def _sites(self, cohort: CohortFilter) -> RecurrenceRow:
        key = (cohort.start, cohort.end)
        if key not in self._recurrence:
            report = recurrence(self.engine, self.by, cohort, today=self.today)
            self._recurrence[key] = report.total
        return self._recurrence[key]

    def _sites_in(self, measure: IndicatorMeasure, start: dt.date, end: dt.date) -> Point:
        """The value that the recurrence page gives for the sites last planned in a span of days."""
        histories = histories_of(self.facts)
        within = self._within(start, end)
        kept = (histories.session >= within.start) & (histories.session < within.stop)
        kept &= self._kept[histories.session] if len(histories.session) else kept
        won = kept & (histories.success_day >= 0)
        if measure is IndicatorMeasure.NON_RESPONSE:
            looked = int((kept & histories.looked_at).sum())
            never = looked - int(won.sum())
            return self._told(start, never / looked if looked else None, looked)
        counts = count_by_day(histories.duration[won], histories.ending[won], causes=3)
        cause = RECURRENCE if measure is IndicatorMeasure.RECURRENCE else RETREATMENT
        at = incidence_at(aalen_johansen(counts), cause, LANDMARK)
        return self._told(start, at.estimate.value, at.at_risk)

    def _satisfaction(self, cohort: CohortFilter) -> Measured:
        found = satisfaction(self.facts, self.sessions(cohort))
        answered = int(found.estimate.denominator)
        asked = answered / found.treated if found.treated else None
        return Measured(cohort, found.estimate, answered, asked)


def _recurred(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    point = next(point for point in row.landmarks if point.day == LANDMARK)
    return Measured(
        cohort, point.recurrence, point.at_risk, _followed_up(row), is_told=point.is_shown
    )


def _retreated(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    point = next(point for point in row.landmarks if point.day == LANDMARK)
    return Measured(
        cohort, point.retreatment, point.at_risk, _followed_up(row), is_told=point.is_shown
    )


def _never_cleared(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    return Measured(cohort, complement(row.success), row.assessed, _looked_at(row))


def _looked_at(row: RecurrenceRow) -> float | None:
    return row.assessed / row.sites if row.sites else None


def _followed_up(row: RecurrenceRow) -> float | None:
    """The share looked at at 12 months, by which the page of recurrence is marked as incomplete."""
    looks = looks_of(row)
    return looks.assessed / looks.mature if looks.mature else None


OF_SITES: Final[Mapping[IndicatorMeasure, tuple[str, str]]] = {
    IndicatorMeasure.RECURRENCE: (f"recurred_{LANDMARK}", "success"),
    IndicatorMeasure.RETREATMENT: (f"retreated_{LANDMARK}", "success"),
    IndicatorMeasure.NON_RESPONSE: ("never_successful", "assessed"),
}
"""Of indicators of treated sites the counts of the recurrence page: cases, and all of them."""
_OF_SITES: Final[Mapping[IndicatorMeasure, Callable[[RecurrenceRow, CohortFilter], Measured]]] = {
    IndicatorMeasure.RECURRENCE: _recurred,
    IndicatorMeasure.RETREATMENT: _retreated,
    IndicatorMeasure.NON_RESPONSE: _never_cleared,
}


def complement(estimate: Estimate) -> Estimate:
    """The share without what ``estimate`` counts, its limits turned over."""
    limits = estimate.interval
    return replace(
        estimate,
        value=None if estimate.value is None else 1.0 - estimate.value,
        numerator=estimate.denominator - estimate.numerator,
        interval=replace(
            limits,
            lower=None if limits.upper is None else 1.0 - limits.upper,
            upper=None if limits.lower is None else 1.0 - limits.lower,
        ),
    )


def old_enough_days(indicator: Indicator) -> int:
    """Age from which a session can be judged by the indicator."""
    if indicator.outcome is not None:
        return outcome_of(indicator.outcome).mature_after_days
    if indicator.visit_code is not None:
        return catalogue().visits[indicator.visit_code].to_day
    return indicator.old_enough_days or 0


def current_period(indicator: Indicator, cohort: CohortFilter, today: dt.date) -> CohortFilter:
    """The cohort with its days, or with the newest twelve months that are old enough."""
    if cohort.start is not None or cohort.end is not None:
        return cohort
    end = today - dt.timedelta(days=old_enough_days(indicator))
    return replace(cohort, start=end - YEAR + dt.timedelta(days=1), end=end)


def previous_period(current: CohortFilter) -> CohortFilter | None:
    """The twelve months before a cohort; None when it has no first day."""
    if current.start is None:
        return None
    end = current.start - dt.timedelta(days=1)
    return replace(current, start=current.start - YEAR, end=end)

"""Each indicator of the overview in one cohort, by the computation of its own page.

A cohort without days is judged over the newest twelve months of sessions that are old enough: of
those whose window and visit are over. A figure of half-observed sessions would be low on every
Monday, and better than the year before for no other reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis.care_facts import UNKNOWN_DELAY
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.counting import outcome_of
from registry.analysis.facts import Facts
from registry.analysis.follow_up import sessions_counted
from registry.analysis.rate_rows import row_maker
from registry.analysis.recurrence import recurrence
from registry.analysis.results import RateRow, RecurrenceRow
from registry.catalogue import Indicator, IndicatorMeasure, catalogue
from registry.messages import Message, message
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.proportions import proportion, zero_event_bound
from registry.statistics.result import Estimate, Interval

YEAR: Final = dt.timedelta(days=365)
LANDMARK: Final = 365
"""Day after success at which recurrence and retreatment are read."""
SOON_ENOUGH_DAYS: Final = 7
"""Days within which a session is recorded in time; a younger one is not judged yet."""
SATISFIED_FROM: Final = 3
"""Answer from which a patient counts as satisfied (catalogue row ``satisfaction``)."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measured:
    """An indicator in one cohort.

    ``observed`` is what the rules on small numbers look at: the denominator, or the sites still
    observed on the day of a curve. ``completeness`` is the share that was assessed, None where
    nothing needs to be asked. ``row`` is the row of the rate's own page; ``note`` what else belongs
    to the figure.
    """

    cohort: CohortFilter
    estimate: Estimate
    observed: int
    completeness: float | None = None
    row: RateRow | None = None
    note: Message | None = None

    @property
    def to_judge(self) -> Estimate:
        """The estimate, with a bound where a curve without any event has no limits."""
        estimate = self.estimate
        if estimate.value != 0 or estimate.interval.upper is not None or not self.observed:
            return estimate
        level = estimate.interval.level
        bound = float(zero_event_bound(self.observed, level))
        return replace(estimate, interval=Interval(0.0, bound, level, "zero_event_bound", True))


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
        return {
            IndicatorMeasure.SATISFACTION: self._satisfaction,
            IndicatorMeasure.FOLLOW_UP: self._follow_up,
            IndicatorMeasure.ENTRY_DELAY: self._entry_delay,
            IndicatorMeasure.OVERRIDES: self._overrides,
        }[indicator.measure](indicator, cohort)

    def sessions(self, cohort: CohortFilter) -> Flags:
        """The sessions of a cohort of these clinics and levels."""
        first, last = 0, len(self._days)
        if cohort.start is not None:
            first = int(np.searchsorted(self._days, day_number(cohort.start), side="left"))
        if cohort.end is not None:
            last = int(np.searchsorted(self._days, day_number(cohort.end), side="right"))
        chosen = np.zeros_like(self._kept)
        # Sessions are kept in the order of their day.
        chosen[first:last] = self._kept[first:last]
        return chosen

    def _outcome(self, indicator: Indicator, cohort: CohortFilter) -> Measured:
        outcome = outcome_of(indicator.outcome or "")
        row = row_maker(self.facts, self.today)(
            outcome, self.sessions(cohort), outcome.code, outcome.label
        )
        return Measured(cohort, row.estimate, row.mature, row.completeness, row)

    def _sites(self, cohort: CohortFilter) -> RecurrenceRow:
        key = (cohort.start, cohort.end)
        if key not in self._recurrence:
            report = recurrence(self.engine, self.by, cohort, today=self.today)
            self._recurrence[key] = report.total
        return self._recurrence[key]

    def _satisfaction(self, _indicator: Indicator, cohort: CohortFilter) -> Measured:
        chosen = self.sessions(cohort)
        answers = self.facts.answers
        own = answers[chosen[answers["session"].to_numpy()]]
        last = own.drop_duplicates("patient", keep="last")
        satisfied = int((last["score"] >= SATISFIED_FROM).sum())
        treated = len(np.unique(self._patients[chosen]))
        return Measured(
            cohort,
            proportion(satisfied, len(last), unit="patients"),
            len(last),
            len(last) / treated if treated else None,
        )

    def _follow_up(self, indicator: Indicator, cohort: CohortFilter) -> Measured:
        visit = catalogue().visits[indicator.visit_code or ""]
        counted = sessions_counted(self.facts, self.sessions(cohort), visit, self.today)
        return self._share(cohort, counted["due"], counted["seen"])

    def _entry_delay(self, _indicator: Indicator, cohort: CohortFilter) -> Measured:
        delay = self.facts.sessions["delay"].to_numpy()
        known = self.sessions(cohort) & (delay != UNKNOWN_DELAY)
        known &= self._days <= day_number(self.today) - SOON_ENOUGH_DAYS
        found = self._share(cohort, known, delay <= SOON_ENOUGH_DAYS)
        if not known.any():
            return found
        median = f"{float(np.median(delay[known])):g}"
        return replace(found, note=message("median delay: {days} days", days=median))

    def _overrides(self, _indicator: Indicator, cohort: CohortFilter) -> Measured:
        overridden = self.facts.sessions["overridden"].to_numpy() == 1
        return self._share(cohort, self.sessions(cohort), overridden)

    def _share(self, cohort: CohortFilter, counted: Flags, having: Flags) -> Measured:
        """Share of the sessions counted, patients with several of them allowed for."""
        sums = per_patient_counts(self._patients[counted], having[counted])
        return Measured(cohort, clustered_proportion(*sums).estimate, int(counted.sum()))


def _recurred(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    point = next(point for point in row.landmarks if point.day == LANDMARK)
    return Measured(cohort, point.recurrence, point.at_risk, _looked_at(row))


def _retreated(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    point = next(point for point in row.landmarks if point.day == LANDMARK)
    return Measured(cohort, point.retreatment, point.at_risk, _looked_at(row))


def _never_cleared(row: RecurrenceRow, cohort: CohortFilter) -> Measured:
    return Measured(cohort, complement(row.success), row.assessed, _looked_at(row))


def _looked_at(row: RecurrenceRow) -> float | None:
    return row.assessed / row.sites if row.sites else None


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

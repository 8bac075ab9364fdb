"""Session after session against the clinic's own baseline: CUSUM, and events saved or lost so far.

The baseline is the rate of the first whole years that hold ten events, counted from the start or
from the last change that begins new limits and has left enough data. It is frozen: the sessions
after it are watched, and enter no baseline.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from registry.analysis import wording
from registry.analysis.chart_points import YEAR_DAYS, MatureSessions, as_day, kept_cuts
from registry.analysis.columns import day_number
from registry.analysis.counting import Days
from registry.messages import Message, message
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.cusum import CusumDesign, cusum, design, vlad
from registry.statistics.result import Estimate

BASELINE_EVENTS: Final = 10
"""With fewer events the baseline is too uncertain to watch anything against. Our decision."""
MOST_POINTS: Final = 200
"""Of the path at most so many points are kept for drawing, and every signal."""
_LONGEST_BASELINE_YEARS: Final = 200


@dataclass(frozen=True, slots=True)
class PathPoint:
    """Where the arms stand after so many watched sessions, and the month of the last of them.

    ``saved`` is the number of events expected so far minus those seen.
    """

    sessions: int
    month: dt.date
    upper: float
    lower: float
    saved: float


@dataclass(frozen=True, slots=True)
class SequentialSignal:
    """An arm reached its limit in a month: upward means more events than at the baseline."""

    month: dt.date
    sessions: int
    is_upward: bool


@dataclass(frozen=True, slots=True)
class Sequential:
    """CUSUM with both arms, and the sum of expected minus seen events, since the baseline.

    ``baseline`` is the frozen rate of the sessions from ``baseline_from`` to ``baseline_to``.
    ``up`` and ``down`` are the limits of the arms for a run of five years without a false alarm at
    ``per_year`` sessions a year, the volume of the last year, and say how soon a doubling or
    halving of the odds would show.
    """

    baseline: Estimate
    baseline_from: dt.date
    baseline_to: dt.date
    per_year: float
    up: CusumDesign
    down: CusumDesign
    sessions: int
    events: int
    expected: float
    path: tuple[PathPoint, ...]
    signals: tuple[SequentialSignal, ...]

    @property
    def doubled(self) -> float:
        """The rate whose odds are twice those of the baseline."""
        p = self.baseline.value or 0.0
        return self.up.odds_ratio * p / (1.0 - p + self.up.odds_ratio * p)

    @property
    def false_signals_per_year(self) -> float:
        """Signals of both arms to be expected in a year if nothing changed."""
        return sum(1.0 / arm.years_between_false_alarms for arm in (self.up, self.down))


def sequential(
    given: MatureSessions, patients: Days, changes: Sequence[int]
) -> Sequential | Message:
    """Watch the sessions after the baseline; says why not where there is none yet.

    ``patients`` has the patient of each session; ``changes`` are days from which a new baseline
    may be counted.
    """
    if not given.day.size:
        return message("No session is old enough yet.")
    for begin in [*reversed(kept_cuts(changes, given.day, given.had.astype(np.int64), 1)), None]:
        start = int(given.day[0]) if begin is None else begin
        stop = _baseline_end(given, start)
        if stop is not None and stop <= int(given.day[-1]):
            return _watch(given, patients, start, stop)
    return message(
        "A CUSUM needs a baseline of whole years with at least {least} events, and sessions after "
        "it. So far there are {events} events in {sessions} sessions.",
        least=BASELINE_EVENTS,
        events=wording.count(given.had.sum()),
        sessions=wording.count(len(given.day)),
    )


def _baseline_end(given: MatureSessions, start: int) -> int | None:
    """Day after the first whole years from ``start`` that hold enough events; None without."""
    inside = given.had & (given.day >= start)
    days = given.day[inside]
    if len(days) < BASELINE_EVENTS:
        return None
    first, tenth = as_day(start), int(days[BASELINE_EVENTS - 1])
    ends = (
        day_number(_years_later(first, years)) for years in range(1, _LONGEST_BASELINE_YEARS + 1)
    )
    return next((end for end in ends if end > tenth), None)


def _watch(given: MatureSessions, patients: Days, start: int, stop: int) -> Sequential | Message:
    before = (given.day >= start) & (given.day < stop)
    after = given.day >= stop
    had = given.had[after]
    rate = clustered_proportion(*per_patient_counts(patients[before], given.had[before])).estimate
    p = rate.value
    if p is None or p >= 1.0:
        return message("Every session of the baseline was followed by it: nothing can double.")
    last = int(given.day[-1])
    volume_days = min(int(YEAR_DAYS), last - int(given.day[0]) + 1)
    per_year = int((given.day > last - volume_days).sum()) * YEAR_DAYS / volume_days
    up, down = design(p, per_year), design(p, per_year, odds_ratio=0.5)
    found = cusum(had, p, upper_limit=up.limit, lower_limit=down.limit)
    saved = vlad(had, p)
    n = len(had)
    kept = np.unique(
        np.concatenate(
            [
                np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(np.int64),
                found.upper_signals,
                found.lower_signals,
            ]
        )
    )
    days = given.day[after]

    def month(row: int) -> dt.date:
        return as_day(int(days[row])).replace(day=1)

    signals = [
        SequentialSignal(month(row), row + 1, is_upward)
        for rows, is_upward in ((found.upper_signals, True), (found.lower_signals, False))
        for row in rows.tolist()
    ]
    return Sequential(
        baseline=rate,
        baseline_from=as_day(start),
        baseline_to=as_day(stop - 1),
        per_year=per_year,
        up=up,
        down=down,
        sessions=n,
        events=int(had.sum()),
        expected=n * p,
        path=tuple(
            PathPoint(
                row + 1,
                month(row),
                float(found.upper[row]),
                float(found.lower[row]),
                float(saved[row]),
            )
            for row in kept.tolist()
        ),
        signals=tuple(sorted(signals, key=lambda signal: signal.sessions)),
    )


def _years_later(day: dt.date, years: int) -> dt.date:
    """The same day of a later year; 1 March for 29 February of a year without one."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return dt.date(day.year + years, 3, 1)

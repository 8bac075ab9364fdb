"""What the control charts of outcomes signalled in the last twelve months.

The charts and CUSUMs are those of the control page by month, worked out once for each state of the
data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from registry.analysis.chart_points import Drawing, Span, draw
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.control import mature_sessions, settled_until
from registry.analysis.counting import Flags, is_mature, outcome_of
from registry.analysis.facts import Facts
from registry.analysis.indicators import YEAR
from registry.analysis.periods import Change
from registry.analysis.sequential import Sequential, sequential
from registry.messages import Message
from registry.statistics.control_charts import Signal

_HIGH: Final = (Signal.ABOVE_LIMIT, Signal.RUN_ABOVE)


@dataclass(frozen=True, slots=True)
class RecentSignal:
    """A signal of a chart's point, or of its CUSUM, in a month; ``is_more`` events, or fewer."""

    month: dt.date
    is_more: bool
    is_cusum: bool


@dataclass(frozen=True, slots=True)
class ChartSignals:
    """What the chart of an outcome signalled, the latest first; ``cohort`` is that of the chart."""

    event: str
    label: Message
    cohort: CohortFilter
    signals: tuple[RecentSignal, ...]

    def of_more(self) -> ChartSignals:
        """The signals of more events alone."""
        return replace(self, signals=tuple(signal for signal in self.signals if signal.is_more))

    def to_dict(self) -> dict[str, Any]:
        """The signals in plain values."""
        return {
            "event": self.event,
            "signals": [
                {
                    "month": f"{signal.month:%Y-%m}",
                    "more_events": signal.is_more,
                    "chart": "cusum" if signal.is_cusum else "points",
                }
                for signal in self.signals
            ],
        }


def recent_signals(
    facts: Facts,
    cohort: CohortFilter,
    chosen: Flags,
    events: Iterable[str],
    changes: Sequence[Change],
    clinics: Collection[int],
    *,
    today: dt.date,
) -> tuple[ChartSignals, ...]:
    """The outcomes whose chart signalled in the twelve months up to the end of the cohort.

    Those with more events than before come first, of them the one that signalled last.

    A chart begins with the first session: ``cohort`` has no first day, and ``chosen`` are its
    sessions, of ``clinics``. Of one clinic alone ``changes`` begin new limits.
    """
    new_limits = tuple(
        day_number(change.changed_on)
        for change in changes
        if change.begins_limits and {change.clinic_id} == set(clinics)
    )
    asked = (frozenset(cohort.levels.items()), cohort.end, frozenset(clinics), new_limits, today)

    def of(event: str) -> tuple[RecentSignal, ...]:
        return facts.once(
            ("recent signals", event, *asked),
            lambda: _signals(facts, cohort, chosen, event, new_limits, today),
        )

    found = [
        ChartSignals(event, outcome_of(event).label, cohort, signals)
        for event in events
        if (signals := of(event))
    ]
    return tuple(sorted(found, key=_urgency, reverse=True))


def _urgency(found: ChartSignals) -> tuple[bool, dt.date]:
    latest = max(found.signals, key=lambda signal: (signal.is_more, signal.month))
    return latest.is_more, latest.month


def _signals(
    facts: Facts,
    cohort: CohortFilter,
    chosen: Flags,
    event: str,
    new_limits: Sequence[int],
    today: dt.date,
) -> tuple[RecentSignal, ...]:
    outcome = outcome_of(event)
    mature = chosen & is_mature(facts, outcome, today)
    given = mature_sessions(facts, outcome, mature)
    until = settled_until(outcome, cohort, today)
    drawing = draw(given, Span.MONTH, new_limits, settled_until=until, several=False)
    watch = sequential(given, facts.sessions["patient"].to_numpy()[mature], new_limits)
    return since(drawing, watch, first_recent_day(cohort, today))


def first_recent_day(cohort: CohortFilter, today: dt.date) -> dt.date:
    """The day from which a signal is recent: twelve months before the cohort's last day."""
    return min(cohort.end or today, today) - YEAR


def since(
    drawing: Drawing, watch: Sequential | Message, first: dt.date
) -> tuple[RecentSignal, ...]:
    """The signals of a chart and of its CUSUM from a day on, the latest first."""
    found = {
        RecentSignal(point.last_day.replace(day=1), (signal in _HIGH) != drawing.counts_gaps, False)
        for point in drawing.points
        if point.drawn is not None and point.last_day >= first
        for signal in point.drawn.signals
    }
    if isinstance(watch, Sequential):
        found |= {
            RecentSignal(signal.month, signal.is_upward, True)
            for signal in watch.signals
            if signal.month >= first.replace(day=1)
        }
    return tuple(sorted(found, key=lambda signal: (signal.month, signal.is_cusum), reverse=True))

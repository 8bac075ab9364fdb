"""Which control chart fits the data, and why; or none: too few data, review the cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from registry.messages import N_
from registry.statistics import display_rules
from registry.statistics.control_charts import (
    SMALL_EXPECTED_COUNT,
    ChartKind,
    sigma_z,
)
from registry.statistics.proportions import checked_counts

FREQUENT_PER_POINT = 1.0
"""Expected events per period below which more than a third of periods are empty (e^-1 = 0.37)."""
LARGE_DENOMINATOR = 500.0
"""Median sessions per period above which binomial limits become too narrow to be true."""
EXCESS_SPREAD = 1.2
"""Moving-range sigma of z above which periods differ by more than chance within them explains."""


class Reason(StrEnum):
    """Why this chart, or none."""

    NO_SESSIONS = "chart.no_sessions"
    FEW_EVENTS = "chart.few_events"
    FEW_POINTS = "chart.few_points"
    NO_DENOMINATOR = "chart.no_denominator"
    RARE = "chart.rare"
    FREQUENT = "chart.frequent"
    SEVERAL_PER_SESSION = "chart.several_per_session"
    LARGE_DENOMINATORS = "chart.large_denominators"
    EXCESS_SPREAD = "chart.excess_spread"


TEXT: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_SESSIONS: N_("No sessions: there is nothing to chart."),
        Reason.FEW_EVENTS: N_("{events} events are too few data for a chart: review the cases."),
        Reason.FEW_POINTS: N_(
            "{points} periods and {gaps} gaps between events are too few data for limits: "
            "review the cases."
        ),
        Reason.NO_DENOMINATOR: N_("Sessions were not counted: days between events."),
        Reason.RARE: N_(
            "{expected_per_point} events are expected per period, so most periods are empty: "
            "sessions between events."
        ),
        Reason.FREQUENT: N_(
            "{expected_per_point} events are expected per period: share of sessions."
        ),
        Reason.SEVERAL_PER_SESSION: N_("A session may have several events: events per session."),
        Reason.LARGE_DENOMINATORS: N_(
            "Periods are so large that ordinary limits would be too narrow: limits that allow for "
            "variation between periods."
        ),
        Reason.EXCESS_SPREAD: N_(
            "Periods differ by more than chance within them: limits that allow for variation "
            "between periods."
        ),
    }
)


@dataclass(frozen=True, slots=True)
class ChartChoice:
    """The chart to draw (``kind`` None: none), the reason, and what it was decided from.

    ``points`` counts periods with sessions, ``gaps`` the completed gaps between events,
    ``expected_per_point`` is the mean rate times the median sessions of a period, ``spread`` is
    sigma of z (`control_charts.sigma_z`) where it took part in the decision.
    """

    kind: ChartKind | None
    reason: Reason
    events: int
    points: int
    gaps: int
    expected_per_point: float | None = None
    spread: float | None = None


def join_periods(
    events: ArrayLike, sessions: ArrayLike
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Join neighbouring periods into blocks of at least twenty sessions, each a point of a chart.

    Returns for each block the position after its last period, its events and its sessions. A last
    block that is not full yet is left out: its rate would jump until it is.
    """
    x, n = checked_counts(events, "events"), checked_counts(sessions, "sessions")
    if x.shape != n.shape:
        raise ValueError("events need the sessions they happened in, period by period")
    stops, joined_x, joined_n = [], [], []
    block_x = block_n = 0
    for i, (period_x, period_n) in enumerate(zip(x.tolist(), n.tolist(), strict=True)):
        block_x, block_n = block_x + period_x, block_n + period_n
        if block_n >= display_rules.MINIMUM_SESSIONS_PER_POINT:
            stops.append(i + 1)
            joined_x.append(block_x)
            joined_n.append(block_n)
            block_x = block_n = 0
    return tuple(stops), tuple(joined_x), tuple(joined_n)


def choose_chart(
    events: ArrayLike, sessions: ArrayLike | None = None, *, several_per_session: bool = False
) -> ChartChoice:
    """Choose a chart for counts per period (month, or block of twenty sessions or more).

    Fewer than five events: none. Without ``sessions``: t. A session may have several events
    (``several_per_session``: ``events`` counts events, not sessions with one): u. Fewer than one
    event expected per period: g, since most periods would be empty. Otherwise Laney's p' where five
    or more events and event-free sessions are expected in every period and either the median period
    exceeds 500 sessions or sigma of z exceeds 1.2, else p. A chart whose minimum is not met is not
    chosen: too few data, review the cases. ``ValueError`` for impossible counts.
    """
    x = checked_counts(events, "events").astype(np.float64)
    total = int(x.sum())
    if sessions is None:
        gaps = max(total - 1, 0)
        if total < display_rules.MINIMUM_EVENTS_FOR_TREND:
            return ChartChoice(None, Reason.FEW_EVENTS, total, 0, gaps)
        if display_rules.shows_gap_limits(gaps):
            return ChartChoice(ChartKind.T, Reason.NO_DENOMINATOR, total, 0, gaps)
        return ChartChoice(None, Reason.FEW_POINTS, total, 0, gaps)
    n = checked_counts(sessions, "sessions").astype(np.float64)
    if x.shape != n.shape or (x[n == 0.0] > 0.0).any():
        raise ValueError("events need the sessions they happened in, period by period")
    if not several_per_session and (x > n).any():
        raise ValueError("sessions with an event must not exceed sessions")
    x, n = x[n > 0.0], n[n > 0.0]
    points = n.size
    if points == 0:
        return ChartChoice(None, Reason.NO_SESSIONS, 0, 0, 0)
    expected = float(total / n.sum() * np.median(n))
    if total < display_rules.MINIMUM_EVENTS_FOR_TREND:
        return ChartChoice(None, Reason.FEW_EVENTS, total, points, total, expected)
    if expected < FREQUENT_PER_POINT and not several_per_session:
        if display_rules.shows_gap_limits(total):
            return ChartChoice(ChartKind.G, Reason.RARE, total, points, total, expected)
        return ChartChoice(None, Reason.FEW_POINTS, total, points, total, expected)
    if not display_rules.shows_limits(points):
        return ChartChoice(None, Reason.FEW_POINTS, total, points, total, expected)
    if several_per_session:
        return ChartChoice(ChartKind.U, Reason.SEVERAL_PER_SESSION, total, points, total, expected)
    rate, spread = sigma_z(x, n)
    if n.min() * min(rate, 1.0 - rate) >= SMALL_EXPECTED_COUNT:
        for excessive, reason in (
            (spread > EXCESS_SPREAD, Reason.EXCESS_SPREAD),
            (float(np.median(n)) > LARGE_DENOMINATOR, Reason.LARGE_DENOMINATORS),
        ):
            if excessive:
                return ChartChoice(
                    ChartKind.LANEY_P, reason, total, points, total, expected, spread
                )
    return ChartChoice(ChartKind.P, Reason.FREQUENT, total, points, total, expected, spread)

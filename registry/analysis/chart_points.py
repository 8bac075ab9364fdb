"""Mature sessions as the points of a control chart: months, quarters, or the gaps between events.

A month or quarter becomes a point when all of its sessions are old enough to be judged, and only
then: a rate of half a month would fall as the month goes on. Months with fewer than twenty sessions
are joined with the next. A change that begins new limits cuts the month in which it falls.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.analysis import wording
from registry.analysis.columns import EPOCH, day_number
from registry.analysis.counting import Days, Flags
from registry.messages import Message, message, written
from registry.statistics import display_rules
from registry.statistics.chart_choice import TEXT, ChartChoice, Reason, choose_chart, join_periods
from registry.statistics.control_charts import (
    ChartKind,
    ChartPoint,
    ControlChart,
    LimitMethod,
    Plan,
    days_between_events,
    event_free_gaps,
    g_chart,
    laney_p_chart,
    p_chart,
    t_chart,
    u_chart,
)

BASELINE_POINTS: Final = display_rules.POINTS_FOR_FIRM_LIMITS
"""Limits come from the first so many points of a phase, so that what follows cannot move them."""
MOST_GAPS: Final = 400
"""With more events nobody reads their gaps one by one: months are drawn instead. Our decision."""
MONTHS_IN: Final = {"month": 1, "quarter": 3}
YEAR_DAYS: Final = 365.25


class Span(StrEnum):
    """What one point of a chart covers; the last two are the gap from one event to the next."""

    MONTH = "month"
    QUARTER = "quarter"
    SESSIONS = "sessions"
    DAYS = "days"


@dataclass(frozen=True, slots=True, eq=False)
class MatureSessions:
    """Sessions that are old enough, in the order of days, one element each.

    ``events`` counts events, ``had`` says whether there was one, ``known`` whether it is known.
    """

    day: Days
    had: Flags
    known: Flags
    events: Days


@dataclass(frozen=True, slots=True)
class Point:
    """One point: its days, what was counted in it, and how it is drawn; None where no chart is.

    ``sessions`` of a gap include the one with the event that ends it.
    """

    label: Message
    first_day: dt.date
    last_day: dt.date
    events: int
    sessions: int
    assessed: int
    drawn: ChartPoint | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The chart that fits, why, and its points; ``chart`` is None where there are too few data.

    ``is_run`` says that there are too few points for limits: the line is the median, and nothing
    signals. ``begins`` holds the first day of each phase, ``drawn_sessions`` the sessions that are
    in a point, and ``choice`` what was decided from. ``has_periods`` says that each point holds all
    sessions of its days; a gap between events does not.
    """

    choice: ChartChoice
    why: Message
    chart: ControlChart | None
    points: tuple[Point, ...]
    begins: tuple[dt.date, ...]
    drawn_sessions: int
    is_run: bool = False
    has_periods: bool = True

    @property
    def counts_gaps(self) -> bool:
        """Whether the points are gaps between events."""
        return self.chart is not None and self.chart.kind in (ChartKind.G, ChartKind.T)

    @property
    def points_per_year(self) -> float:
        """Points of the last phase over the time from its first to its last."""
        if self.chart is None:
            return 0.0
        last = self.points[self.chart.phases[-1].start :]
        begin = self.begins[-1] if self.counts_gaps else last[0].first_day
        return len(last) * YEAR_DAYS / max((last[-1].last_day - begin).days + 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Points in columns, and the position at which each phase but the first begins."""

    points: list[Point]
    values: NDArray[np.int64]
    positions: list[int]
    begins: list[int]
    open_run: int = 0
    drawn_sessions: int = 0

    @property
    def events(self) -> list[int]:
        return [point.events for point in self.points]

    @property
    def sessions(self) -> list[int]:
        return [point.sessions for point in self.points]


def draw(
    given: MatureSessions,
    by: Span,
    changes: Sequence[int],
    *,
    settled_until: dt.date,
    several: bool,
) -> Drawing:
    """Choose a chart for the sessions and draw it; limits begin anew on the days ``changes``.

    More events than `MOST_GAPS` are drawn by month, whatever was asked for. ``settled_until`` is
    the last treatment day that is old enough; months and quarters that end later are no points.
    ``several`` counts events instead of sessions with one.
    """
    if by not in MONTHS_IN and (events := int(given.had.sum())) > MOST_GAPS:
        found = draw(given, Span.MONTH, changes, settled_until=settled_until, several=several)
        why = message(
            "{events} events are too many to be drawn one by one, so months are. {why}",
            events=wording.count(events),
            why=found.why,
        )
        return replace(found, why=why)
    if by in MONTHS_IN:
        cut = _periods(given, MONTHS_IN[by], changes, settled_until, several=several)
        choice = choose_chart(cut.events, cut.sessions, several_per_session=several)
        expected = choice.expected_per_point
        why = Message(
            TEXT[choice.reason],
            {
                "events": choice.events,
                "points": choice.points,
                "gaps": choice.gaps,
                "expected_per_point": None
                if expected is None
                else written(wording.decimal, expected, 1),
            },
        )
        is_rare = choice.reason is Reason.FEW_POINTS and (expected or 0.0) < 1.0 and not several
        if choice.kind is not ChartKind.G and not is_rare:
            return _chart(cut, choice, why, choice.kind or ChartKind.P)
        kind = ChartKind.G
    else:
        kind = ChartKind.T if by is Span.DAYS else ChartKind.G
        days = given.day[given.had]
        gaps = len(np.unique(days)) - 1 if kind is ChartKind.T else len(days)
        few = len(days) < display_rules.MINIMUM_EVENTS_FOR_TREND
        reason = Reason.FEW_EVENTS if few else Reason.FEW_POINTS
        shown = display_rules.shows_gap_limits(gaps) and not few
        gaps = max(gaps, 0)
        choice = ChartChoice(kind if shown else None, reason, len(days), 0, gaps)
        why = message(
            "{gaps} gaps between events are too few for limits: review the cases.", gaps=gaps
        )
        if choice.kind is ChartKind.T:
            why = message("As asked for: days between treatments that were followed by an event.")
        elif choice.kind is ChartKind.G:
            why = message("As asked for: event-free sessions between events.")
    return _chart(_gaps(given, changes, kind), choice, why, kind)


def _chart(cut: _Cut, choice: ChartChoice, why: Message, kind: ChartKind) -> Drawing:
    """The chart of ``kind``, or the points alone where there are too few events."""
    has_periods = kind not in (ChartKind.G, ChartKind.T)
    if choice.reason in (Reason.FEW_EVENTS, Reason.NO_SESSIONS) or len(cut.points) < 2:
        points = tuple(cut.points)
        drawn = cut.drawn_sessions
        return Drawing(choice, why, None, points, (), drawn, has_periods=has_periods)
    is_run = choice.kind is None
    plan = Plan(baseline=BASELINE_POINTS, change_points=() if is_run else cut.positions)
    if kind is ChartKind.G:
        chart = g_chart(cut.values, open_run=cut.open_run, plan=plan)
    elif kind is ChartKind.T:
        events = [point.events for point in cut.points]
        chart = t_chart(cut.values, events=events, method=LimitMethod.EXACT, plan=plan)
    else:
        make = {ChartKind.U: u_chart, ChartKind.LANEY_P: laney_p_chart}.get(kind, p_chart)
        chart = make(cut.events, cut.sessions, plan=plan)
    if is_run:
        middle = float(np.median([p.value for p in chart.points if p.value is not None]))
        lined = tuple(replace(point, centre_line=middle) for point in chart.points)
        chart = replace(chart, points=lined, open_run=None)
    return Drawing(
        choice,
        why,
        chart,
        tuple(replace(p, drawn=d) for p, d in zip(cut.points, chart.points, strict=True)),
        tuple(as_day(day) for day in (cut.begins[:1] if is_run else cut.begins)),
        cut.drawn_sessions,
        is_run,
        has_periods,
    )


def _periods(
    given: MatureSessions,
    months: int,
    changes: Sequence[int],
    settled_until: dt.date,
    *,
    several: bool,
) -> _Cut:
    month = given.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    period = month // months
    until = day_number(settled_until)
    last_days = _first_day(months * (period + 1)) - 1
    kept = last_days <= until
    day, period, known = given.day[kept], period[kept], given.known[kept]
    counted = (given.events if several else given.had)[kept]
    if not day.size:
        return _Cut([], np.empty(0, dtype=np.int64), [], [])
    least = display_rules.MINIMUM_SESSIONS_PER_POINT
    cuts = kept_cuts(changes, day, np.ones_like(day), least)
    phase = np.searchsorted(cuts, day, side="right")
    width = int(period[-1] - period[0]) + 1
    keys, place = np.unique(phase * width + period - period[0], return_inverse=True)
    n = np.bincount(place)
    x = np.bincount(place, counted).astype(np.int64)
    assessed = np.bincount(place, known).astype(np.int64)
    starts = _first_day(months * (keys % width + period[0]))
    ends = _first_day(months * (keys % width + period[0] + 1)) - 1
    points: list[Point] = []
    positions: list[int] = []
    edges = [int(day[0]), *cuts, until + 1]
    for number in range(len(cuts) + 1):
        if number:
            positions.append(len(points))
        rows = np.flatnonzero(keys // width == number)
        stops = list(join_periods(x[rows], n[rows])[0])
        if number < len(cuts):
            # What is left of a phase that is over joins its last block.
            stops[-1] = len(rows)
        for begin, stop in zip([0, *stops], stops, strict=False):
            block = rows[begin:stop]
            first = max(int(starts[block[0]]), edges[number] if number else 0)
            last = min(int(ends[block[-1]]), edges[number + 1] - 1)
            points.append(
                Point(
                    _period_label(as_day(first), as_day(last)),
                    as_day(first),
                    as_day(last),
                    int(x[block].sum()),
                    int(n[block].sum()),
                    int(assessed[block].sum()),
                )
            )
    drawn = sum(point.sessions for point in points)
    return _Cut(points, x, positions, [int(day[0]), *cuts], drawn_sessions=drawn)


def _gaps(given: MatureSessions, changes: Sequence[int], kind: ChartKind) -> _Cut:
    """The gaps between events, counted anew from each change on."""
    if not given.day.size:
        return _Cut([], np.empty(0, dtype=np.int64), [], [])
    is_days = kind is ChartKind.T
    weights = given.had.astype(np.int64)
    if is_days:
        # Events of one day end one gap.
        rows = np.flatnonzero(given.had)
        _, first = np.unique(given.day[rows], return_index=True)
        weights = np.zeros_like(weights)
        weights[rows[first]] = 1
    cuts = kept_cuts(changes, given.day, weights, 2 if is_days else 1)
    edges = [0, *np.searchsorted(given.day, cuts).tolist(), len(given.day)]
    known = np.concatenate([[0], np.cumsum(given.known)])
    points: list[Point] = []
    values: list[int] = []
    positions: list[int] = []
    open_run = 0
    for number in range(len(edges) - 1):
        if number:
            positions.append(len(points))
        start, stop = edges[number : number + 2]
        events = start + np.flatnonzero(given.had[start:stop])
        gaps, open_run = event_free_gaps(given.had[start:stop])
        counts: tuple[int, ...] = (1,) * len(gaps)
        befores = np.concatenate([[start], events + 1])[:-1]
        ends = events
        if is_days:
            gaps, counts = days_between_events(given.day[events])
            _, first = np.unique(given.day[events], return_index=True)
            lasts = np.concatenate([events[first[1:] - 1], events[-1:]]) if events.size else events
            befores, ends = lasts[:-1] + 1, lasts[1:]
        for gap, count, before, end in zip(gaps, counts, befores, ends, strict=True):
            day = as_day(int(given.day[end]))
            points.append(
                Point(
                    message("{month}", month=written(wording.month, day)),
                    # The month, and not the day on which somebody came to harm.
                    day.replace(day=1),
                    as_day(int(_first_day(np.int64((day.year - 1970) * 12 + day.month))) - 1),
                    count,
                    int(end - before) + 1,
                    int(known[end + 1] - known[before]),
                )
            )
            values.append(gap)
    begins = [int(given.day[0]), *cuts]
    array = np.array(values, dtype=np.int64)
    return _Cut(points, array, positions, begins, open_run, len(given.day))


def kept_cuts(
    changes: Sequence[int], days: Days, weights: NDArray[np.int64], least: int
) -> list[int]:
    """Days at which a new phase begins, such that each phase weighs ``least`` or more."""
    total = np.concatenate([[0], np.cumsum(weights)])
    cuts: list[int] = []
    begun = 0
    for change in sorted(set(changes)):
        before = int(total[np.searchsorted(days, change)])
        if before - begun >= least and int(total[-1]) - before >= least:
            cuts.append(change)
            begun = before
    return cuts


def as_day(number: int) -> dt.date:
    """The day of a number of days since 1970."""
    return EPOCH + dt.timedelta(days=number)


def _first_day(month: NDArray[np.int64] | np.int64) -> NDArray[np.int64]:
    """First day of a month, both as numbers since 1970."""
    found = np.asarray(month).astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(found.astype(np.int64))


def _period_label(first: dt.date, last: dt.date) -> Message:
    """The months of a point; with its days where a change cuts a month."""
    is_whole = first.day == 1 and (last + dt.timedelta(days=1)).day == 1
    if not is_whole and (first.year, first.month) == (last.year, last.month):
        return message("{first} to {last}", first=first.day, last=written(wording.day, last))
    if not is_whole:
        return message(
            "{first} to {last}", first=written(wording.day, first), last=written(wording.day, last)
        )
    if (first.year, first.month) == (last.year, last.month):
        return message("{month}", month=written(wording.month, first))
    if first.year == last.year:
        begin = written(wording.month_name, first)
        return message("{first} to {last}", first=begin, last=written(wording.month, last))
    return message(
        "{first} to {last}", first=written(wording.month, first), last=written(wording.month, last)
    )

"""Do points hold the sessions that are old enough, begin anew at changes, and fit the data?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.chart_points import MONTHS_IN, Drawing, MatureSessions, Span, draw, kept_cuts
from registry.analysis.columns import day_number
from registry.analysis.sequential import Sequential, sequential
from registry.messages import Message
from registry.statistics.chart_choice import Reason
from registry.statistics.control_charts import ChartKind, Signal

START = dt.date(2024, 1, 1)
DONE = dt.date(2030, 1, 1)


def sessions(day: Sequence[int], had: Sequence[bool], several: int = 1) -> MatureSessions:
    flags = np.asarray(had, dtype=np.bool_)
    return MatureSessions(
        np.asarray(day, dtype=np.int64), flags, np.full(flags.shape, True), several * flags
    )


def months(counts: Sequence[tuple[int, int]], several: int = 1) -> MatureSessions:
    """Calendar months with so many sessions, the first of which were followed by the event."""
    days, had = [], []
    for number, (size, events) in enumerate(counts):
        first = day_number(dt.date(2024 + number // 12, number % 12 + 1, 1))
        days += sorted(first + i % 28 for i in range(size))
        had += [i < events for i in range(size)]
    return sessions(days, had, several)


def drawn(
    found: MatureSessions,
    by: Span = Span.MONTH,
    *changes: dt.date,
    until: dt.date = DONE,
    several: bool = False,
) -> Drawing:
    return draw(found, by, [*map(day_number, changes)], settled_until=until, several=several)


def test_a_month_that_rises_signals_and_the_baseline_stays() -> None:
    found = drawn(months([(30, 2)] * 20 + [(30, 12)] + [(30, 2)] * 3))
    assert found.chart is not None
    assert found.chart.kind is ChartKind.P
    assert found.chart.phases[0].baseline.points == 20
    assert found.chart.phases[0].baseline.centre == pytest.approx(1 / 15)
    [signalling] = [p for p in found.points if p.drawn and p.drawn.signals]
    assert signalling.drawn is not None
    assert (str(signalling.label), signalling.drawn.signals) == ("Sep 2025", (Signal.ABOVE_LIMIT,))
    assert found.points_per_year == pytest.approx(12, rel=0.01)
    assert [str(p.label) for p in drawn(months([(30, 2)] * 40), Span.QUARTER).points[:2]] == [
        "Jan to Mar 2024",
        "Apr to Jun 2024",
    ]


def test_a_month_is_a_point_once_all_of_it_is_old_enough() -> None:
    given = months([(30, 2)] * 14)
    found = drawn(given, until=dt.date(2025, 1, 30))
    assert found.points[-1].last_day == dt.date(2024, 12, 31)
    assert found.drawn_sessions == 12 * 30
    assert drawn(given, until=dt.date(2025, 1, 31)).points[-1].last_day == dt.date(2025, 1, 31)


def test_small_months_are_joined_and_the_last_block_waits() -> None:
    found = drawn(months([(12, 2), (0, 0), (8, 1), (25, 2), (15, 1)] + [(20, 2)] * 3))
    assert [(str(p.label), p.sessions, p.events) for p in found.points] == [
        ("Jan to Mar 2024", 20, 3),
        ("Apr 2024", 25, 2),
        ("May to Jun 2024", 35, 3),
        ("Jul 2024", 20, 2),
        ("Aug 2024", 20, 2),
    ]
    assert drawn(months([(20, 2)] * 2 + [(19, 1)])).drawn_sessions == 40


def test_a_change_cuts_its_month_and_begins_limits() -> None:
    change = dt.date(2025, 1, 15)
    found = drawn(months([(60, 12)] * 12 + [(60, 4)] * 14), Span.MONTH, change)
    assert found.chart is not None
    before, after = found.chart.phases
    assert (before.baseline.centre > 0.19, after.baseline.centre < 0.09) == (True, True)
    assert found.begins == (START, change)
    assert [str(p.label) for p in found.points[12:14]] == ["1 to 14 Jan 2025", "15 to 31 Jan 2025"]
    # What follows the change moves no limit before it.
    alone = drawn(months([(60, 12)] * 12 + [(60, 4)]), until=dt.date(2024, 12, 31)).chart
    assert alone is not None
    both = [[point.upper_limit for point in chart.points[:12]] for chart in (alone, found.chart)]
    assert both[0] == pytest.approx(both[1], abs=0.02)


def test_rare_events_become_gaps_that_tell_no_day() -> None:
    found = drawn(months([(20, 1), (20, 0)] * 12))
    assert found.chart is not None
    assert (found.chart.kind, found.choice.reason) == (ChartKind.G, Reason.RARE)
    assert found.chart.open_run is not None
    assert [p.drawn.value for p in found.points if p.drawn] == [0.0] + [39.0] * 11
    assert sum(p.sessions for p in found.points) + found.chart.open_run.length == 480
    assert {p.first_day.day for p in found.points} == {1}
    assert {(p.last_day + dt.timedelta(days=1)).day for p in found.points} == {1}
    days = drawn(months([(20, 1), (20, 0)] * 12), Span.DAYS)
    assert days.chart is not None
    assert days.chart.kind is ChartKind.T
    assert days.points[0].drawn is not None
    assert days.points[0].drawn.value == 60.0  # From 1 January to 1 March 2024.


def test_too_many_gaps_to_be_read_become_months() -> None:
    found = drawn(months([(60, 30)] * 14), Span.SESSIONS)
    assert found.chart is not None
    assert found.chart.kind is ChartKind.P
    assert str(found.why).startswith("420 events are too many to be drawn one by one")


def test_gaps_are_counted_anew_from_a_change() -> None:
    found = drawn(months([(20, 1)] * 12 + [(20, 2)] * 12), Span.SESSIONS, dt.date(2025, 1, 1))
    assert found.chart is not None
    assert [phase.start for phase in found.chart.phases] == [0, 12]
    assert found.points[12].drawn is not None
    assert found.points[12].drawn.value == 0.0


def test_too_few_points_make_a_run_chart_and_too_few_events_none() -> None:
    run = drawn(months([(30, 2)] * 8))
    assert run.is_run
    assert run.chart is not None
    assert {point.upper_limit for point in run.chart.points} == {None}
    assert [point.centre_line for point in run.chart.points] == pytest.approx([2 / 30] * 8)
    for by in Span:
        assert drawn(months([(30, 1)] * 4), by).chart is None
        assert drawn(months([]), by).chart is None


def test_events_are_counted_where_a_session_has_several() -> None:
    found = drawn(months([(30, 4)] * 14, several=2), several=True)
    assert found.chart is not None
    assert found.chart.kind is ChartKind.U
    assert found.points[0].events == 8


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.integers(19_700, 21_000), min_size=1, max_size=150),
    share=st.integers(1, 40),
    changes=st.lists(st.integers(19_600, 21_100), max_size=4),
    by=st.sampled_from(Span),
    until=st.integers(19_700, 21_100),
)
def test_no_session_or_event_is_drawn_twice(
    days: list[int], share: int, changes: list[int], by: Span, until: int
) -> None:
    given_ = sessions(sorted(days), [i % share == 0 for i in range(len(days))])
    last = dt.date(1970, 1, 1) + dt.timedelta(days=until)
    found = draw(given_, by, changes, settled_until=last, several=False)
    assert sum(point.sessions for point in found.points) <= len(days)
    assert sum(point.events for point in found.points) <= given_.had.sum()
    for earlier, later in zip(found.points, found.points[1:], strict=False):
        assert earlier.first_day <= later.first_day
    if by in MONTHS_IN and not found.counts_gaps:
        assert all(point.last_day <= last for point in found.points)
    if found.chart is not None:
        assert len(found.begins) == len(found.chart.phases)
        assert found.points_per_year > 0


def test_a_change_without_data_on_both_sides_cuts_nothing() -> None:
    day, weight = np.arange(10), np.ones(10, dtype=np.int64)
    assert kept_cuts([0, 3, 5, 8, 30], day, weight, 3) == [3]
    assert kept_cuts([3, 6], day, weight, 3) == [3, 6]


def watched(counts: Sequence[tuple[int, int]], *changes: dt.date) -> Sequential | Message:
    found = months(counts)
    return sequential(found, np.arange(len(found.day)), [*map(day_number, changes)])


def test_a_cusum_watches_what_comes_after_the_years_of_its_baseline() -> None:
    found = watched([(30, 2)] * 12 + [(30, 8)] * 6)
    assert isinstance(found, Sequential)
    assert (found.baseline_from, found.baseline_to) == (START, dt.date(2024, 12, 31))
    assert (found.baseline.numerator, found.baseline.denominator) == (24, 360)
    assert (found.sessions, found.events) == (180, 48)
    assert found.expected == pytest.approx(12)
    assert found.path[-1].saved == pytest.approx(12 - 48)
    assert found.signals
    assert {signal.is_upward for signal in found.signals} == {True}
    assert found.per_year == pytest.approx(360, rel=0.02)
    assert found.up.years_between_false_alarms == pytest.approx(5, rel=0.02)
    assert found.up.years_to_detection < 1
    assert found.false_signals_per_year == pytest.approx(0.4, rel=0.02)
    better = watched([(60, 9)] * 12 + [(60, 1)] * 8)
    assert isinstance(better, Sequential)
    assert {signal.is_upward for signal in better.signals} == {False}


def test_a_baseline_takes_as_many_years_as_ten_events_need() -> None:
    slow = watched([(30, 1), (30, 0)] * 18)
    assert isinstance(slow, Sequential)
    assert slow.baseline_to == dt.date(2025, 12, 31)
    assert isinstance(watched([(30, 1)] * 11), Message)
    assert isinstance(watched([(1, 1)] * 30), Message)
    assert isinstance(watched([]), Message)


def test_a_change_brings_a_baseline_of_its_own_when_it_has_one() -> None:
    change = dt.date(2025, 1, 1)
    late = watched([(30, 2)] * 12 + [(30, 4)] * 14, change)
    assert isinstance(late, Sequential)
    assert late.baseline_from == change
    early = watched([(30, 2)] * 12 + [(30, 4)] * 6, change)
    assert isinstance(early, Sequential)
    assert early.baseline_from == START

"""Control charts: limits by hand and by scipy, the two rules, phases, baselines, the choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from registry.statistics.chart_choice import TEXT, Reason, choose_chart, join_periods
from registry.statistics.control_charts import (
    Baseline,
    ChartKind,
    LimitMethod,
    Plan,
    Signal,
    days_between_events,
    event_free_gaps,
    g_chart,
    laney_p_chart,
    p_chart,
    t_chart,
    u_chart,
    xmr_chart,
)
from tests.agreement import agrees

MONTHS = st.lists(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=12,
    max_size=40,
).map(lambda months: [*months, (0, 0)])


def test_p_chart_has_three_sigma_limits_where_events_are_frequent():
    chart = p_chart([16, 24] * 6 + [44], [100] * 13)
    p = 284 / 1300
    assert chart.phases[0].method is LimitMethod.THREE_SIGMA
    drawn = chart.points[0].centre_line, chart.points[0].upper_limit
    agrees("control_charts.p_chart", "definition", drawn, (p, p + 3 * np.sqrt(p * (1 - p) / 100)))
    assert chart.signals == (12,)
    assert chart.points[12].signals == (Signal.ABOVE_LIMIT,)


@given(MONTHS)
def test_exact_limits_and_exact_tails_never_disagree(months):
    x, n = np.array(months).T
    chart = p_chart(x, n)
    p = chart.phases[0].baseline.centre
    if chart.phases[0].method is not LimitMethod.EXACT:
        assert (n[n > 0] * min(p, 1 - p) >= 5).all()
        return
    for point, events, sessions in zip(chart.points, x, n, strict=True):
        if sessions == 0:
            assert point.value is None
            assert not point.signals
            continue
        # At a probability within rounding of the tail either answer is right.
        high, low = stats.binom.sf(events - 1, sessions, p), stats.binom.cdf(events, sessions, p)
        for signal, tail in ((Signal.ABOVE_LIMIT, high), (Signal.BELOW_LIMIT, low)):
            if abs(tail - 0.001) > 1e-12:
                ours, theirs = signal in point.signals, tail < 0.001
                agrees("control_charts.p_chart", "scipy binom, who signals", ours, theirs)


@given(MONTHS)
def test_limits_hold_the_centre_line_between_them(months):
    x, n = np.array(months).T
    for chart in (p_chart(x, n), u_chart(x, n), laney_p_chart(x, n)):
        for point in chart.points:
            if point.value is not None:
                assert 0 <= point.lower_limit <= point.upper_limit
                if chart.phases[0].method is not LimitMethod.EXACT:
                    slack = 1e-12
                    assert point.lower_limit - slack <= point.centre_line
                    assert point.centre_line <= point.upper_limit + slack


def test_u_chart_limits_are_poisson_where_few_events_are_expected():
    chart = u_chart([1, 0] * 6, [100] * 12)
    assert chart.phases[0].method is LimitMethod.EXACT
    limit = stats.poisson.ppf(0.999, 0.5) / 100
    agrees("control_charts.u_chart", "scipy poisson", chart.points[0].upper_limit, limit)
    frequent, limit = u_chart([9] * 12, [10] * 12), 0.9 + 3 * np.sqrt(0.9 / 10)
    agrees("control_charts.u_chart", "definition", frequent.points[0].upper_limit, limit)


def test_laney_limits_are_those_of_the_p_chart_times_sigma_z():
    x, n = [300, 500] * 8, [5000] * 16
    ordinary, laney = p_chart(x, n), laney_p_chart(x, n)
    z = (np.array(x) / 5000 - 0.08) / np.sqrt(0.08 * 0.92 / 5000)
    sigma_z = np.abs(np.diff(z)).mean() / 1.128
    agrees("control_charts.sigma_z", "definition", laney.phases[0].baseline.spread, sigma_z)
    limit = 0.08 + (ordinary.points[0].upper_limit - 0.08) * sigma_z
    agrees("control_charts.laney_p_chart", "definition", laney.points[0].upper_limit, limit)
    assert ordinary.signals == tuple(range(16))
    assert laney.signals == ()


def test_fewer_than_twelve_periods_have_a_centre_line_only():
    chart = p_chart([20] * 10 + [90], [100] * 11)
    assert chart.phases[0].method is None
    assert {point.upper_limit for point in chart.points} == {None}
    assert chart.points[0].centre_line == pytest.approx(290 / 1100)
    assert chart.signals == ()
    assert p_chart([20] * 19, [100] * 19).phases[0].provisional
    assert not p_chart([20] * 20, [100] * 20).phases[0].provisional


def test_eight_on_one_side_signal_and_seven_do_not():
    low, high = [18], [22]
    chart = p_chart(low * 8 + high * 8, [100] * 16)
    assert [i for i, point in enumerate(chart.points) if Signal.RUN_BELOW in point.signals] == [7]
    assert [i for i, point in enumerate(chart.points) if Signal.RUN_ABOVE in point.signals] == [15]
    assert p_chart((low * 7 + high * 7) * 2, [100] * 28).signals == ()


def test_a_point_on_the_line_and_an_empty_month_do_not_break_a_run():
    events, sessions = [18] * 4 + [20, 0] + [18] * 4 + [22] * 8, [100] * 5 + [0] + [100] * 12
    chart = p_chart(events, sessions)
    assert chart.points[5].value is None
    assert Signal.RUN_BELOW in chart.points[9].signals


def test_no_third_rule():
    # Six rising points, and two of three beyond two sigma: rules of other rule sets.
    events = [20, 14, 16, 19, 21, 24, 27, 20, 29, 20, 29, 11, 20, 12, 20, 20]
    assert p_chart(events, [100] * 16).signals == ()


def test_a_change_point_starts_a_new_centre_and_ends_a_run():
    events = [10] * 12 + [30] * 12
    whole = p_chart(events, [100] * 24)
    split = p_chart(events, [100] * 24, plan=Plan(change_points=[12]))
    assert whole.signals
    assert split.signals == ()
    assert [phase.baseline.centre for phase in split.phases] == pytest.approx([0.1, 0.3])
    assert {point.phase for point in split.points[12:]} == {1}


@pytest.mark.parametrize("change_points", [[0], [24], [12, 12], [14, 12]])
def test_impossible_change_points_are_refused(change_points):
    with pytest.raises(ValueError, match="change points"):
        p_chart([10] * 24, [100] * 24, plan=Plan(change_points=change_points))


def test_a_frozen_baseline_is_not_moved_by_what_follows():
    events = [20] * 12 + [35] * 12
    first = p_chart(events, [100] * 24, plan=Plan(baseline=12))
    assert first.phases[0].baseline == Baseline(0.2, 1.0, 12)
    assert first.signals[0] == 12
    stored = p_chart(events[12:], [100] * 12, plan=Plan(baseline=first.phases[0].baseline))
    assert stored.points[0].upper_limit == first.points[12].upper_limit
    assert stored.signals == tuple(range(12))


def test_notes_stay_with_their_points():
    chart = p_chart([20] * 12, [100] * 12, plan=Plan(notes={3: "new needles"}))
    assert [point.note for point in chart.points].index("new needles") == 3


def test_gaps_count_event_free_sessions_and_leave_the_last_run_open():
    assert event_free_gaps([0, 0, 1, 1, 0, 1, 0, 0]) == ((2, 0, 1), 2)
    assert event_free_gaps([0, 0]) == ((), 2)
    assert event_free_gaps([]) == ((), 0)


@given(st.lists(st.booleans(), max_size=60))
def test_gaps_and_events_make_up_all_sessions(had_event):
    gaps, open_run = event_free_gaps(had_event)
    assert len(gaps) == sum(had_event)
    assert sum(gaps) + len(gaps) + open_run == len(had_event)


@given(st.lists(st.integers(0, 3000), min_size=10, max_size=60))
def test_g_chart_limits_are_geometric_quantiles(gaps):
    chart = g_chart(gaps)
    p = 1 / (np.mean(gaps) + 1)
    point = chart.points[0]
    drawn = (point.lower_limit, point.centre_line, point.upper_limit)
    for level, gap in zip((0.00135, 0.5, 0.99865), drawn, strict=True):
        # The smallest gap whose cumulative probability reaches the level, up to rounding.
        assert 1 - (1 - p) ** (gap + 1) > level - 1e-12
        assert 1 - (1 - p) ** gap < level + 1e-12


def test_a_g_chart_shows_worsening_as_a_run_and_not_as_a_point():
    chart = g_chart([400, 300, 500, 350, 450, 380] * 3 + [40, 30, 50, 20, 45, 35, 25, 10])
    assert chart.points[0].lower_limit == 0
    assert chart.points[-1].signals == (Signal.RUN_BELOW,)
    assert g_chart([739] * 10).points[0].lower_limit == 0
    assert g_chart([742] * 10).points[0].lower_limit == 1


def test_the_open_run_has_the_chance_of_a_gap_at_least_as_long():
    chart = g_chart([99] * 10, open_run=300)
    assert chart.open_run.length == 300
    chance = stats.geom.sf(300, 0.01)
    agrees("control_charts.g_chart", "scipy geom", chart.open_run.probability, chance)
    point, levels = chart.points[0], (0.00135, 0.5, 0.99865)
    drawn = point.lower_limit, point.centre_line, point.upper_limit
    agrees("control_charts.g_chart", "scipy geom", drawn, stats.geom.ppf(levels, 0.01) - 1)
    assert g_chart([0] * 10, open_run=0).open_run.probability == 1.0
    assert g_chart([0] * 10, open_run=1).open_run.probability == 0.0


def test_three_sigma_g_chart_is_benneyans():
    chart = g_chart([20] * 10, method=LimitMethod.THREE_SIGMA)
    limit = 20 + 3 * np.sqrt(20 * 21)
    agrees("control_charts.g_chart", "definition, 3-sigma", chart.points[0].upper_limit, limit)
    assert chart.points[0].lower_limit == 0
    with pytest.raises(ValueError, match="exact or 3-sigma"):
        g_chart([20] * 10, method=LimitMethod.LANEY)


def test_days_between_events_join_events_of_one_day():
    assert days_between_events([5, 0, 0, 5, 5, 40]) == ((5, 35), (3, 1))


def test_t_chart_is_an_individuals_chart_of_the_transformed_days():
    days = np.array([30, 12, 55, 41, 9, 70, 22, 18, 33, 64, 27])
    y = days ** (1 / 3.6)
    half = 3 / 1.128 * np.abs(np.diff(y)).mean()
    chart = t_chart(days, events=[1] * 11)
    point, expected = chart.points[0], y.mean() + np.array([-half, 0.0, half])
    drawn = point.lower_limit, point.centre_line, point.upper_limit
    agrees("control_charts.t_chart", "definition", drawn, np.maximum(expected, 0.0) ** 3.6)
    assert chart.points[0].value == 30
    exact = t_chart(days, method=LimitMethod.EXACT)
    limit = stats.expon.ppf(0.99865, scale=days.mean())
    agrees("control_charts.t_chart", "scipy expon", exact.points[0].upper_limit, limit)
    with pytest.raises(ValueError, match="moving-range"):
        t_chart(days, method=LimitMethod.LANEY)


def test_xmr_limits_by_hand():
    values = [4.0, 5.0] * 6 + [12.0]
    single, ranges = xmr_chart(values, plan=Plan(notes={12: "new form"}))
    mean, mean_range = np.mean(values), np.abs(np.diff(values)).mean()
    drawn = (
        single.points[0].lower_limit,
        single.points[0].upper_limit,
        ranges.points[-1].upper_limit,
    )
    expected = mean - 2.66 * mean_range, mean + 2.66 * mean_range, 3.267 * mean_range
    agrees("control_charts.xmr_chart", "printed factors 2.66 and 3.267", drawn, expected)
    assert len(ranges.points) == 12
    assert ranges.signals == (11,)
    assert ranges.points[-1].note == "new form"


@pytest.mark.parametrize(
    "call",
    [
        lambda: p_chart([3], [2]),
        lambda: p_chart([1, 0], [0, 5]),
        lambda: p_chart([1], [5, 5]),
        lambda: p_chart([-1], [5]),
        lambda: p_chart([0, 0], [0, 0]),
        lambda: p_chart([1, 1], [5, 0], plan=Plan(change_points=[1])),
        lambda: p_chart([1, 0], [5, 0], plan=Plan(change_points=[1])),
        lambda: p_chart([1], [5], plan=Plan(baseline=0)),
        lambda: xmr_chart([1.0]),
        lambda: xmr_chart([1.0, np.nan]),
        lambda: t_chart([-1.0]),
        lambda: choose_chart([3], [2]),
        lambda: choose_chart([1, 1], [5, 0]),
    ],
    ids=range(13),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()


@pytest.mark.parametrize(
    ("events", "sessions", "several", "kind", "reason"),
    [
        ([0] * 12, [0] * 12, False, None, Reason.NO_SESSIONS),
        ([1, 1, 1, 1], [500] * 4, False, None, Reason.FEW_EVENTS),
        ([1, 0, 0] * 8, [100] * 24, False, None, Reason.FEW_POINTS),
        ([1, 0] * 12, [100] * 24, False, ChartKind.G, Reason.RARE),
        ([3] * 11, [100] * 11, False, None, Reason.FEW_POINTS),
        ([3] * 12, [100] * 12, False, ChartKind.P, Reason.FREQUENT),
        ([20, 40] * 8, [200] * 16, False, ChartKind.LANEY_P, Reason.EXCESS_SPREAD),
        ([9, 11, 10] * 4, [100] * 12, False, ChartKind.P, Reason.FREQUENT),
        ([60] * 12, [600] * 12, False, ChartKind.LANEY_P, Reason.LARGE_DENOMINATORS),
        ([3] * 12, [600] * 12, False, ChartKind.P, Reason.FREQUENT),
        ([120] * 12, [100] * 12, True, ChartKind.U, Reason.SEVERAL_PER_SESSION),
        ([4] * 4, None, False, ChartKind.T, Reason.NO_DENOMINATOR),
        ([4], None, False, None, Reason.FEW_EVENTS),
        ([6], None, False, None, Reason.FEW_POINTS),
    ],
)
def test_the_chart_is_chosen_for_a_stated_reason(events, sessions, several, kind, reason):
    choice = choose_chart(events, sessions, several_per_session=several)
    assert (choice.kind, choice.reason) == (kind, reason)


def test_every_reason_has_its_sentence_with_fields_of_the_choice():
    choice = choose_chart([3] * 12, [100] * 12)
    assert set(TEXT) == set(Reason)
    for text in TEXT.values():
        assert text.format(
            **{name: getattr(choice, name) for name in ("events", "points", "gaps")},
            expected_per_point=choice.expected_per_point,
        )


def test_small_months_are_joined_into_blocks_of_twenty_sessions():
    assert join_periods([1, 0, 2, 3, 1], [12, 8, 25, 10, 9]) == ((2, 3), (1, 2), (20, 25))
    assert join_periods([], []) == ((), (), ())
    with pytest.raises(ValueError, match="period by period"):
        join_periods([1], [1, 2])

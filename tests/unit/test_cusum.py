"""CUSUM paths against the textbook recursion; run lengths against a table and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.statistics.cusum import (
    AfterSignal,
    average_run_length,
    cusum,
    design,
    scores,
    vlad,
)
from tests.agreement import agrees

SESSIONS = st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.9)), max_size=300)


def recursion(weights, limit, restart):
    """S = max(0, S + W), one session at a time, as printed by Steiner et al."""
    path, signals, s = [], [], 0.0
    for i, weight in enumerate(weights):
        s = max(0.0, s + weight)
        path.append(s)
        if s >= limit:
            signals.append(i)
            s = s if restart is None else restart
    return path, signals


@pytest.mark.parametrize(
    ("after_signal", "share_kept"),
    [(AfterSignal.RESET, 0.0), (AfterSignal.HALF, 0.5), (AfterSignal.CONTINUE, None)],
    ids=str,
)
@given(SESSIONS)
def test_paths_and_signals_are_those_of_the_recursion(after_signal, share_kept, sessions):
    y, p = np.array(sessions, dtype=float).reshape(-1, 2).T
    # An irrational limit, so that no path meets it up to rounding.
    limit = 1.5 * np.sqrt(1.0000001)
    restart = None if share_kept is None else share_kept * limit
    chart = cusum(y, p, upper_limit=limit, lower_limit=limit, after_signal=after_signal)
    upper, upper_signals = recursion(scores(y, p), limit, restart)
    lower, lower_signals = recursion(scores(y, p, 0.5), limit, restart)
    agrees("cusum.cusum", "recursion, session by session", chart.upper, upper)
    agrees("cusum.cusum", "recursion, session by session", -chart.lower, lower)
    assert chart.upper_signals.tolist() == upper_signals
    assert chart.lower_signals.tolist() == lower_signals


def test_blocks_join_without_a_seam():
    rng = np.random.default_rng(20261123)
    p = rng.beta(1, 30, 200_000)
    y = rng.random(p.size) < 1.3 * p
    chart = cusum(y, p, upper_limit=4.0, lower_limit=4.0)
    path, signals = recursion(scores(y, p), 4.0, 0.0)
    agrees("cusum.cusum", "recursion, session by session", chart.upper, path)
    assert chart.upper_signals.tolist() == signals
    assert len(signals) > 20


def test_score_is_the_log_likelihood_ratio():
    # Odds 1/4 doubled are 1/2: probabilities 0.2 and 1/3.
    ratios = (1 / 3) / 0.2, (2 / 3) / 0.8
    agrees("cusum.scores", "likelihood ratio", scores([1, 0], 0.2), np.log(ratios))


# In-control and out-of-control mean run lengths for a doubling, from 20,000 simulated runs each.
TABLE = [
    (0.004, 2, 5_040, 887),
    (0.004, 3, 17_279, 1_491),
    (0.004, 4.5, 88_032, 2_451),
    (0.02, 2, 1_040, 184),
    (0.02, 3, 3_570, 310),
    (0.02, 4.5, 18_203, 509),
    (0.05, 2, 443, 79),
    (0.05, 3, 1_518, 133),
    (0.05, 4.5, 7_727, 219),
]


@pytest.mark.parametrize(("p", "limit", "in_control", "out_of_control"), TABLE)
def test_run_lengths_agree_with_the_simulated_table(p, limit, in_control, out_of_control):
    lengths = [average_run_length(p, limit, true_odds_ratio=ratio) for ratio in (1.0, 2.0)]
    expected = in_control, out_of_control
    agrees("cusum.average_run_length", "table of 20,000 simulated runs", lengths, expected)


def simulated_run_length(p, true_p, limit, odds_ratio, runs, rng):
    """Mean run length of the Bernoulli CUSUM, jumping from event to event by geometric gaps."""
    no_event, event = scores([0, 1], p, odds_ratio)
    s, length, lengths = np.zeros(runs), np.zeros(runs), []
    while s.size:
        gap = rng.geometric(true_p, s.size)
        s = np.maximum(0.0, s + (gap - 1) * no_event) + event
        length += gap
        lengths.append(length[s >= limit])
        s, length = s[s < limit], length[s < limit]
    return float(np.concatenate(lengths).mean())


@pytest.mark.parametrize(
    ("p", "limit", "odds_ratio", "true_odds_ratio"),
    [(0.004, 1.4, 2.0, 1.0), (0.03, 3.3, 2.0, 2.0), (0.1, 2.6, 3.0, 1.0), (0.01, 2.5, 1.5, 1.5)],
)
def test_run_lengths_agree_with_simulation(p, limit, odds_ratio, true_odds_ratio):
    odds = true_odds_ratio * p / (1 - p)
    simulated = simulated_run_length(
        p, odds / (1 + odds), limit, odds_ratio, 20_000, np.random.default_rng(5)
    )
    computed = average_run_length(p, limit, odds_ratio=odds_ratio, true_odds_ratio=true_odds_ratio)
    agrees("cusum.average_run_length", "simulation", computed, simulated)


@pytest.mark.parametrize(("odds_ratio", "true_odds_ratio"), [(2.0, 1.0), (2.0, 2.0), (0.5, 1.0)])
def test_risk_adjusted_run_lengths_agree_with_simulation(odds_ratio, true_odds_ratio):
    rng = np.random.default_rng(11)
    risk = rng.beta(1, 12, 3000)
    odds = true_odds_ratio * risk / (1 - risk)
    p = rng.choice(np.arange(risk.size), 1_000_000)
    y = rng.random(p.size) < (odds / (1 + odds))[p]
    # A reset chart over 1,000,000 sessions is a renewal process: runs are independent.
    limits = {"upper_limit": 2.5, "lower_limit": 2.5}
    chart = cusum(y, risk[p], **limits)
    signals = chart.upper_signals if odds_ratio > 1 else chart.lower_signals
    simulated = signals[-1] / signals.size
    computed = average_run_length(risk, 2.5, odds_ratio=odds_ratio, true_odds_ratio=true_odds_ratio)
    agrees("cusum.average_run_length", "simulation, own risks", computed, simulated)
    assert computed == pytest.approx(simulated, 4 / np.sqrt(signals.size))


@pytest.mark.parametrize("odds_ratio", [2.0, 0.5])
def test_a_design_keeps_its_run_length_and_no_smaller_limit_does(odds_ratio):
    plan = design(0.02, 1000, odds_ratio=odds_ratio)
    assert plan.years_between_false_alarms >= 5
    assert average_run_length(0.02, 0.99 * plan.limit, odds_ratio=odds_ratio) < 5000
    assert plan.years_to_detection == plan.out_of_control / 1000
    assert plan.out_of_control < plan.in_control
    assert not plan.signals_at_first_event


def test_a_tiny_unit_is_told_that_each_event_signals():
    plan = design(0.004, 40)
    assert plan.signals_at_first_event
    assert plan.limit == scores([1], 0.004)[0]
    # No limit makes a chart signal before an event: 250 sessions on average.
    assert plan.in_control == pytest.approx(250, 0.02)


def test_a_missing_risk_is_replaced_by_the_baseline_and_counted():
    y, p = [1, 0, 1], np.array([0.1, np.nan, 0.3])
    chart = cusum(y, p, upper_limit=3, lower_limit=3, baseline=0.2)
    assert chart.risk_missing == 1
    whole = cusum(y, [0.1, 0.2, 0.3], upper_limit=3, lower_limit=3)
    assert chart.upper == pytest.approx(whole.upper)
    agrees("cusum.vlad", "definition", vlad(y, p, baseline=0.2), [-0.9, -0.7, -1.4])


def test_no_sessions_make_an_empty_chart():
    chart = cusum([], 0.1, upper_limit=3, lower_limit=3)
    assert chart.upper.size == chart.upper_signals.size == 0
    assert vlad([], 0.1).size == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: cusum([2], 0.1, upper_limit=3, lower_limit=3),
        lambda: cusum([1], [0.1, 0.2], upper_limit=3, lower_limit=3),
        lambda: cusum([1], [np.nan], upper_limit=3, lower_limit=3),
        lambda: cusum([1], 0.0, upper_limit=3, lower_limit=3),
        lambda: cusum([1], 0.1, upper_limit=0, lower_limit=3),
        lambda: cusum([1], 0.1, upper_limit=3, lower_limit=3, odds_ratio=0.5),
        lambda: scores([1], 0.1, 1.0),
        lambda: average_run_length(0.1, 0.0),
        lambda: average_run_length(0.1, 1.0, true_odds_ratio=0.0),
        lambda: average_run_length(1.0, 1.0),
        lambda: design(0.1, 0),
    ],
    ids=range(11),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()

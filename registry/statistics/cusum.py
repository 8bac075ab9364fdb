"""Bernoulli and risk-adjusted CUSUM, VLAD, and limits for a stated run length.

The score of a session with outcome y (1 = event) and expected probability p is the log-likelihood
ratio of odds R times those expected, W = y log R - log(1 - p + R p) (Steiner, Cook, Farewell &
Treasure 2000). The upper arm S = max(0, S + W) with R = 2 looks for a doubling of the odds, the
lower arm with R = ½ for a halving; an arm signals where S reaches its limit h. With one p for all
sessions it is the Bernoulli CUSUM.

Expected probabilities must be frozen (from a baseline or a model fitted earlier); else the chart
adapts to the problem it should show. Sessions come in order of day and session number. An outcome
enters when its window has closed, a severe event at once; a late entry changes the path, so a
signal is stored together with the state of the data it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from registry.statistics.proportions import Floats

IN_CONTROL_YEARS = 5.0
"""Mean time between false alarms that limits are set for."""
DOUBLING = 2.0
"""Odds ratio the upper arm looks for; its reciprocal is that of the lower arm."""

_STATES = 600
"""Cells between 0 and the limit. Run lengths come out up to 3 % short (rare events, high limits),
1 % where events are commoner than 0.4 %: limits err towards fewer false alarms."""
_RISK_GROUPS = 200
"""Different risks beyond this many are averaged in groups of equal size."""
_FEW_RISKS = 8
"""Up to so many different risks the equations are solved as sparse: for one 20 times as fast."""
_BLOCK = 65_536
_FIRST_BLOCK = 512


class AfterSignal(StrEnum):
    """Where an arm goes on after it has signalled and was investigated."""

    RESET = "reset"
    """From 0."""
    HALF = "half"
    """From half its limit: a fast start for the search for a persisting problem."""
    CONTINUE = "continue"
    """Not reset: the bare path, every point at or beyond the limit signals."""


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """Both arms, one value per session; the lower arm is drawn downward (values <= 0).

    ``upper_signals`` and ``lower_signals`` are positions of sessions at which an arm reached its
    limit. ``risk_missing`` counts sessions that entered with the baseline instead of a risk of
    their own.
    """

    upper: Floats
    lower: Floats
    upper_signals: NDArray[np.int64]
    lower_signals: NDArray[np.int64]
    upper_limit: float
    lower_limit: float
    odds_ratio: float
    risk_missing: int


@dataclass(frozen=True, slots=True)
class CusumDesign:
    """A limit for one arm and what it can see at this volume.

    Run lengths are mean numbers of sessions to a signal from 0: ``in_control`` if nothing changed,
    ``out_of_control`` if the odds changed by ``odds_ratio``. Years are run lengths over the volume.
    ``signals_at_first_event``: the unit is too small for the wished run length; each event by
    itself reaches the limit, so review each case instead of watching the chart.
    """

    limit: float
    odds_ratio: float
    sessions_per_year: float
    in_control: float
    out_of_control: float
    signals_at_first_event: bool

    @property
    def years_between_false_alarms(self) -> float:
        """Mean years to a signal although nothing changed."""
        return self.in_control / self.sessions_per_year

    @property
    def years_to_detection(self) -> float:
        """Mean years in which the change would be seen."""
        return self.out_of_control / self.sessions_per_year


def _checked_risk(risk: ArrayLike) -> Floats:
    p = np.asarray(risk, dtype=np.float64)
    if p.size and not (p.min() > 0.0 and p.max() < 1.0):
        raise ValueError("expected probabilities lie between 0 and 1, both excluded")
    return p


def _checked_odds_ratio(odds_ratio: float) -> float:
    if not (odds_ratio > 0.0 and np.isfinite(odds_ratio) and odds_ratio != 1.0):
        raise ValueError("the odds ratio to look for is positive and not 1")
    return odds_ratio


def _checked_sessions(
    outcomes: ArrayLike, risk: ArrayLike, baseline: float | None
) -> tuple[NDArray[np.bool_], Floats, int]:
    y = np.asarray(outcomes)
    if y.ndim != 1 or (y.dtype != np.bool_ and not ((y == 0) | (y == 1)).all()):
        raise ValueError("outcomes are 0 or 1, one per session")
    p = np.asarray(risk, dtype=np.float64)
    if p.ndim and p.shape != y.shape:
        raise ValueError("there is one expected probability, or one per session")
    unknown = np.isnan(p)
    missing = int(unknown.sum()) if p.ndim else int(unknown) * y.size
    if missing:
        if baseline is None:
            raise ValueError("a missing expected probability needs a baseline to stand in for it")
        p = np.where(unknown, baseline, p)
    return y.astype(np.bool_), _checked_risk(p), missing


def scores(outcomes: ArrayLike, risk: ArrayLike, odds_ratio: float = DOUBLING) -> Floats:
    """Log-likelihood ratio score W of each session.

    ``outcomes`` are 0 or 1; ``risk`` is one probability or one per session, in (0, 1).
    """
    y, p, _ = _checked_sessions(outcomes, risk, None)
    return _scores(y, p, _checked_odds_ratio(odds_ratio))


def _scores(y: NDArray[np.bool_], p: Floats, odds_ratio: float) -> Floats:
    # log, not log1p: the error of 1e-16 a session does not matter here and log is several times
    # faster on arrays.
    no_event = -np.log((odds_ratio - 1.0) * p + 1.0)
    return np.asarray(no_event + np.log(odds_ratio) * y)


def _path(
    weights: Floats, limit: float, after_signal: AfterSignal
) -> tuple[Floats, NDArray[np.int64]]:
    """S after each session and the positions of signals.

    Within a block S = C - min(0, running minimum of C), C the cumulative sum. Blocks start short
    after a signal, because what was computed beyond the next signal is thrown away, and bound the
    rounding error of C.
    """
    path = np.empty(weights.size)
    signals: list[int] = []
    at, start, block = 0, 0.0, _FIRST_BLOCK
    resets = after_signal is not AfterSignal.CONTINUE
    while at < weights.size:
        total = np.cumsum(weights[at : at + block])
        total -= np.minimum(np.minimum.accumulate(total), -start)
        crossed = np.flatnonzero(total >= limit)
        if crossed.size and resets:
            total = total[: crossed[0] + 1]
            signals.append(at + int(crossed[0]))
            start = limit / 2.0 if after_signal is AfterSignal.HALF else 0.0
            block = _FIRST_BLOCK
        else:
            signals.extend((at + crossed).tolist())
            start = float(total[-1])
            block = min(4 * block, _BLOCK)
        path[at : at + total.size] = total
        at += total.size
    return path, np.asarray(signals, dtype=np.int64)


def cusum(
    outcomes: ArrayLike,
    risk: ArrayLike,
    *,
    upper_limit: float,
    lower_limit: float,
    odds_ratio: float = DOUBLING,
    baseline: float | None = None,
    after_signal: AfterSignal = AfterSignal.RESET,
) -> Cusum:
    """Both arms over sessions in order of day and session number.

    ``outcomes``: 0 or 1 per session. ``risk``: the frozen baseline probability, or one per session;
    NaN means that the risk of a session is not known: ``baseline`` stands in and the session is
    counted. ``upper_limit`` belongs to ``odds_ratio``, ``lower_limit`` (a positive number) to its
    reciprocal; both as from `design`. ``ValueError`` for anything else.
    """
    if not (upper_limit > 0.0 and lower_limit > 0.0):
        raise ValueError("limits are positive numbers")
    if not odds_ratio > 1.0:
        raise ValueError("the upper arm looks for an odds ratio above 1, the lower for its inverse")
    y, p, missing = _checked_sessions(outcomes, risk, baseline)
    upper, upper_signals = _path(_scores(y, p, odds_ratio), upper_limit, after_signal)
    lower, lower_signals = _path(_scores(y, p, 1.0 / odds_ratio), lower_limit, after_signal)
    return Cusum(
        upper,
        -lower,
        upper_signals,
        lower_signals,
        upper_limit,
        lower_limit,
        odds_ratio,
        missing,
    )


def vlad(outcomes: ArrayLike, risk: ArrayLike, *, baseline: float | None = None) -> Floats:
    """Variable life-adjusted display: events avoided so far, cumulative p - y (Lovegrove 1997).

    Readable but without limits: it stands beside a CUSUM and not instead of one.
    """
    y, p, _ = _checked_sessions(outcomes, risk, baseline)
    return np.cumsum(p - y)


def average_run_length(
    risk: ArrayLike,
    limit: float,
    *,
    odds_ratio: float = DOUBLING,
    true_odds_ratio: float = 1.0,
) -> float:
    """Mean number of sessions from 0 to a signal of one arm.

    ``risk`` is the baseline probability or the risks of the unit's own sessions, taken to recur in
    random order. The true odds are ``true_odds_ratio`` times those expected. Markov chain on a grid
    between 0 and ``limit`` (Brook & Evans 1972) in which a move that ends between two cells is
    split between them in proportion: rounding to the nearest cell would stop or speed up the slow
    drift of a rare event, and gave errors of 8 to 60 %.
    """
    from scipy.sparse import coo_array, eye_array
    from scipy.sparse.linalg import spsolve

    if not limit > 0.0:
        raise ValueError("limits are positive numbers")
    if not true_odds_ratio > 0.0:
        raise ValueError("the true odds ratio is positive")
    p = np.sort(_checked_risk(risk).ravel())
    values, counts = np.unique(p, return_counts=True)
    if values.size > _RISK_GROUPS:
        groups = np.array_split(p, _RISK_GROUPS)
        values = np.array([group.mean() for group in groups])
        counts = np.array([group.size for group in groups])
    share = counts / counts.sum()
    odds = true_odds_ratio * values / (1.0 - values)
    event = odds / (1.0 + odds)
    no_event_score = _scores(
        np.zeros(values.size, np.bool_), values, _checked_odds_ratio(odds_ratio)
    )
    moves = np.concatenate([no_event_score, no_event_score + np.log(odds_ratio)])
    chances = np.concatenate([share * (1.0 - event), share * event])

    grid = np.linspace(0.0, limit, _STATES + 1)
    rows = np.arange(grid.size)
    from_, to, weights = [], [], []
    for move, chance in zip(moves, chances, strict=True):
        target = np.maximum(grid + move, 0.0)
        stays = target < limit
        cell = target[stays] / limit * _STATES
        low = np.minimum(cell.astype(np.int64), _STATES - 1)
        above = cell - low
        from_ += [rows[stays], rows[stays]]
        to += [low, low + 1]
        weights += [chance * (1.0 - above), chance * above]
    transition = coo_array(
        (np.concatenate(weights), (np.concatenate(from_), np.concatenate(to))),
        shape=(grid.size, grid.size),
    )
    remaining, once = eye_array(grid.size, format="csc") - transition.tocsc(), np.ones(grid.size)
    # A baseline alone leaves four entries a row; the risks of many sessions leave few zeros.
    if values.size <= _FEW_RISKS:
        return float(spsolve(remaining, once)[0])
    return float(np.linalg.solve(remaining.toarray(), once)[0])


def design(
    risk: ArrayLike,
    sessions_per_year: float,
    *,
    in_control_years: float = IN_CONTROL_YEARS,
    odds_ratio: float = DOUBLING,
) -> CusumDesign:
    """The smallest limit whose in-control run length is ``in_control_years`` of the unit's volume.

    ``risk``: baseline probability, or the frozen risks of the unit's own sessions. ``odds_ratio``
    above 1 designs the upper arm, below 1 the lower.
    """
    if not (sessions_per_year > 0.0 and in_control_years > 0.0):
        raise ValueError("volume and years are positive numbers")
    wished = sessions_per_year * in_control_years
    p = _checked_risk(risk)
    outcome = np.full(p.shape, odds_ratio > 1.0)
    # The smallest score that moves the arm at all: below it a single outcome always signals.
    low = float(np.min(_scores(outcome, p, _checked_odds_ratio(odds_ratio))))
    limit = low
    if average_run_length(p, low, odds_ratio=odds_ratio) < wished:
        limit = 2.0 * low
        while average_run_length(p, limit, odds_ratio=odds_ratio) < wished:
            low, limit = limit, 2.0 * limit
        while limit - low > 1e-3 * limit:
            middle = (low + limit) / 2.0
            if average_run_length(p, middle, odds_ratio=odds_ratio) < wished:
                low = middle
            else:
                limit = middle
    return CusumDesign(
        limit=limit,
        odds_ratio=odds_ratio,
        sessions_per_year=sessions_per_year,
        in_control=average_run_length(p, limit, odds_ratio=odds_ratio),
        out_of_control=average_run_length(
            p, limit, odds_ratio=odds_ratio, true_odds_ratio=odds_ratio
        ),
        signals_at_first_event=odds_ratio > 1.0 and limit == low,
    )

"""Control charts of a rate, of the gaps between events, and of single measurements.

Two rules signal, and no other, because each further rule adds false alarms: a point outside its
limits, and `RUN_LENGTH` points in a row on one side of the centre line. Points on the centre line
and empty periods neither count nor break a run (Provost & Murray 2011); a run ends where a phase
ends. Both rules wait until the phase has enough points for limits (`display_rules`).

A *phase* begins at the start and at every change point, and has a centre and limits of its own. A
*baseline* freezes them: a number takes that many leading points of each phase, a stored `Baseline`
holds the first phase to what was decided earlier, so that a problem cannot move its own limits.

Limits are 3-sigma, or exact 99.8 % limits (tails 0.001) where an expected count, of events or of
event-free sessions, lies below 5 in any period of the phase. Exact limits are drawn at the last
count that is not yet a signal, so the picture and the flag cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from registry.statistics import display_rules
from registry.statistics.exact_tails import binomial_quantile, poisson_quantile
from registry.statistics.proportions import Floats, checked_amounts, checked_counts

RUN_LENGTH = 8
TAIL = 0.001
"""Error probability on each side of exact limits for counts."""
GAP_TAIL = 0.00135
"""The same for gaps: the tail that three standard deviations leave in a normal distribution."""
SMALL_EXPECTED_COUNT = 5.0
"""Below this expected count the normal approximation behind 3-sigma limits fails."""
D2 = 1.128
"""Mean range of two standard normal values: turns a mean moving range into a sigma."""
RANGE_FACTOR = 3.267
"""D4 of two values: the upper 3-sigma limit of a moving range in units of its mean."""
NELSON_POWER = 3.6
"""t^(1/3.6) makes exponential times nearly normal (Nelson 1994)."""


class ChartKind(StrEnum):
    """Which chart."""

    P = "p"
    U = "u"
    LANEY_P = "laney_p"
    G = "g"
    T = "t"
    X = "x"
    MOVING_RANGE = "moving_range"


class LimitMethod(StrEnum):
    """How the limits were found."""

    THREE_SIGMA = "three_sigma"
    EXACT = "exact"
    LANEY = "laney"
    MOVING_RANGE = "moving_range"


class Signal(StrEnum):
    """What is unusual about a point. On g- and t-charts *below* is the bad side."""

    ABOVE_LIMIT = "above_limit"
    BELOW_LIMIT = "below_limit"
    RUN_ABOVE = "run_above"
    RUN_BELOW = "run_below"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What limits are computed from, and worth storing to freeze them.

    ``centre`` is the mean of the charted quantity (of t^(1/3.6) on a t-chart with moving-range
    limits). ``spread`` is sigma of z on a Laney chart and the mean moving range on X and t charts;
    otherwise 1. ``points`` counts the points both were computed from.
    """

    centre: float
    spread: float
    points: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a chart is cut and annotated.

    ``baseline`` is None (every point of a phase enters its limits), a number of leading points per
    phase, or a stored `Baseline` for the first phase. ``change_points`` are increasing positions at
    which a new phase begins; ``notes`` maps positions to what happened there.
    """

    baseline: int | Baseline | None = None
    change_points: Sequence[int] = ()
    notes: Mapping[int, str] = field(default_factory=dict)


PLAIN = Plan()


@dataclass(frozen=True, slots=True)
class Phase:
    """Points ``start`` to ``stop`` (excluded) with one baseline; ``method`` is None: no limits."""

    start: int
    stop: int
    baseline: Baseline
    method: LimitMethod | None
    provisional: bool


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One point. ``value`` is None for a period without sessions: a gap in the line."""

    value: float | None
    numerator: float | None
    denominator: float | None
    centre_line: float | None
    lower_limit: float | None
    upper_limit: float | None
    signals: tuple[Signal, ...]
    phase: int
    note: str | None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """Event-free sessions since the last event, drawn hollow: the gap is not finished.

    ``probability`` is that of a gap at least this long if nothing changed, (1 - p)^length.
    """

    length: int
    probability: float


@dataclass(frozen=True, slots=True)
class ControlChart:
    """A chart ready to be drawn."""

    kind: ChartKind
    points: tuple[ChartPoint, ...]
    phases: tuple[Phase, ...]
    open_run: OpenRun | None = None

    @property
    def signals(self) -> tuple[int, ...]:
        """Positions of the points that signal."""
        return tuple(i for i, point in enumerate(self.points) if point.signals)


_Limits = tuple[Floats, Floats, Floats]  # centre line, lower limit, upper limit


def _bounds(points: int, change_points: Sequence[int]) -> list[tuple[int, int]]:
    edges = [0, *change_points, points]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        raise ValueError("change points must increase and lie between the first and last point")
    return list(pairwise(edges))


def _run_signals(values: Floats, centre: Floats, signals: list[set[Signal]]) -> None:
    side, length = 0, 0
    for i in np.flatnonzero(np.isfinite(values) & (values != centre)):
        here = 1 if values[i] > centre[i] else -1
        side, length = here, (length + 1 if here == side else 1)
        if length >= RUN_LENGTH:
            signals[i].add(Signal.RUN_ABOVE if side > 0 else Signal.RUN_BELOW)


def _chart(
    kind: ChartKind,
    values: Floats,
    plan: Plan,
    *,
    fit: Callable[[slice], tuple[float, float]],
    limits: Callable[[slice, Baseline], tuple[LimitMethod, _Limits]],
    enough: Callable[[int], bool],
    numerators: Floats | None = None,
    denominators: Floats | None = None,
) -> ControlChart:
    """Cut ``values`` into phases, fit each, and apply the two rules."""
    filled = np.isfinite(values)
    if not filled.any():
        raise ValueError("a control chart needs at least one period with sessions")
    if isinstance(plan.baseline, int) and plan.baseline < 1:
        raise ValueError("a baseline has at least one point")
    phases: list[Phase] = []
    points: list[ChartPoint] = []
    for number, (start, stop) in enumerate(_bounds(values.size, plan.change_points)):
        here = slice(start, stop)
        positions = start + np.flatnonzero(filled[here])
        if positions.size == 0:
            raise ValueError("a phase needs at least one period with sessions")
        if isinstance(plan.baseline, Baseline) and number == 0:
            base = plan.baseline
        else:
            leading = positions[: plan.baseline if isinstance(plan.baseline, int) else None]
            base = Baseline(*fit(slice(start, int(leading[-1]) + 1)), points=leading.size)
        method, (centre, lower, upper) = limits(here, base)
        limited = enough(base.points)
        phases.append(
            Phase(
                start,
                stop,
                base,
                method if limited else None,
                display_rules.limits_are_provisional(base.points),
            )
        )
        value = values[here]
        signals: list[set[Signal]] = [set() for _ in value]
        if limited:
            for i in np.flatnonzero(value > upper):
                signals[i].add(Signal.ABOVE_LIMIT)
            for i in np.flatnonzero(value < lower):
                signals[i].add(Signal.BELOW_LIMIT)
            _run_signals(value, centre, signals)
        points.extend(
            ChartPoint(
                value=_number(values, start + i),
                numerator=_number(numerators, start + i),
                denominator=_number(denominators, start + i),
                centre_line=_number(centre, i),
                lower_limit=_number(lower, i) if limited else None,
                upper_limit=_number(upper, i) if limited else None,
                signals=tuple(sorted(found)),
                phase=number,
                note=plan.notes.get(start + i),
            )
            for i, found in enumerate(signals)
        )
    return ControlChart(kind, tuple(points), tuple(phases))


def _number(values: Floats | None, i: int) -> float | None:
    return None if values is None or not np.isfinite(values[i]) else float(values[i])


def _counts(events: ArrayLike, sessions: ArrayLike, *, binary: bool) -> tuple[Floats, Floats]:
    x = checked_counts(events, "events").astype(np.float64)
    n = checked_counts(sessions, "sessions").astype(np.float64)
    if x.ndim != 1 or x.shape != n.shape:
        raise ValueError("events and sessions are two lists of equal length")
    if (x[n == 0.0] > 0.0).any():
        raise ValueError("a period without sessions cannot have events")
    if binary and (x > n).any():
        raise ValueError("sessions with an event must not exceed sessions")
    return x, n


def _ratio(x: Floats, n: Floats) -> Floats:
    return np.divide(x, n, out=np.full_like(x, np.nan), where=n > 0.0)


def _moving_range(values: Floats) -> float:
    """Mean absolute difference of neighbours, empty periods skipped; 0 for a single value."""
    filled = values[np.isfinite(values)]
    return float(np.abs(np.diff(filled)).mean()) if filled.size > 1 else 0.0


def _rate_chart(
    kind: ChartKind,
    x: Floats,
    n: Floats,
    plan: Plan,
    limits: Callable[[slice, Baseline], tuple[LimitMethod, _Limits]],
) -> ControlChart:
    def fit(here: slice) -> tuple[float, float]:
        if kind is ChartKind.LANEY_P:
            return sigma_z(x[here], n[here])
        return float(x[here].sum() / n[here].sum()), 1.0

    return _chart(
        kind,
        _ratio(x, n),
        plan,
        fit=fit,
        limits=limits,
        enough=display_rules.shows_limits,
        numerators=x,
        denominators=n,
    )


def p_chart(
    events: ArrayLike,
    sessions: ArrayLike,
    *,
    plan: Plan = PLAIN,
) -> ControlChart:
    """Share of sessions with an event, per period.

    ``events`` (sessions with at least one event) and ``sessions`` are whole numbers per period; a
    period with 0 sessions is a gap. ``ValueError`` for impossible counts.

    Where few events are expected the mean lies above the median, and chance alone puts eight points
    in a row below the line more often than above it: at one event a month in an eighth of all
    years, by simulation (`benchmarks.run_length`).
    """
    x, n = _counts(events, sessions, binary=True)

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        units, p = n[here], base.centre
        filled = units > 0.0
        if (units[filled] * min(p, 1.0 - p) < SMALL_EXPECTED_COUNT).any():
            low = _ratio(binomial_quantile(TAIL, units, p), units)
            high = _ratio(binomial_quantile(1.0 - TAIL, units, p), units)
            return LimitMethod.EXACT, (np.full_like(units, p), low, high)
        half = 3.0 * np.sqrt(p * (1.0 - p) * _ratio(np.ones_like(units), units))
        return LimitMethod.THREE_SIGMA, _around(p, half, ceiling=1.0)

    return _rate_chart(ChartKind.P, x, n, plan, limits)


def u_chart(
    events: ArrayLike,
    sessions: ArrayLike,
    *,
    plan: Plan = PLAIN,
) -> ControlChart:
    """Events per session, per period; a session may have several. Arguments as `p_chart`."""
    x, n = _counts(events, sessions, binary=False)

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        units, mean = n[here], base.centre
        if (units[units > 0.0] * mean < SMALL_EXPECTED_COUNT).any():
            low = _ratio(poisson_quantile(TAIL, units * mean), units)
            high = _ratio(poisson_quantile(1.0 - TAIL, units * mean), units)
            return LimitMethod.EXACT, (np.full_like(units, mean), low, high)
        half = 3.0 * np.sqrt(mean * _ratio(np.ones_like(units), units))
        return LimitMethod.THREE_SIGMA, _around(mean, half)

    return _rate_chart(ChartKind.U, x, n, plan, limits)


def _around(centre: float, half: Floats, *, ceiling: float = np.inf) -> _Limits:
    line = np.full_like(half, centre)
    return line, np.maximum(line - half, 0.0), np.minimum(line + half, ceiling)


def sigma_z(x: Floats, n: Floats) -> tuple[float, float]:
    """Pooled share and moving-range sigma of the standardised points (Laney 2002)."""
    p = float(x.sum() / n.sum())
    if not 0.0 < p < 1.0:
        return p, 0.0
    z = (_ratio(x, n) - p) / np.sqrt(p * (1.0 - p) * _ratio(np.ones_like(n), n))
    return p, _moving_range(z) / D2


def laney_p_chart(
    events: ArrayLike,
    sessions: ArrayLike,
    *,
    plan: Plan = PLAIN,
) -> ControlChart:
    """p-chart whose limits p ± 3 sigma_p sigma_z allow for variation between periods (Laney 2002).

    Arguments as `p_chart`; sigma_z is the ``spread`` of each phase's baseline.
    """
    x, n = _counts(events, sessions, binary=True)

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        p = base.centre
        sigma = np.sqrt(p * (1.0 - p) * _ratio(np.ones_like(n[here]), n[here]))
        return LimitMethod.LANEY, _around(p, 3.0 * base.spread * sigma, ceiling=1.0)

    return _rate_chart(ChartKind.LANEY_P, x, n, plan, limits)


def event_free_gaps(had_event: ArrayLike) -> tuple[tuple[int, ...], int]:
    """Completed gaps between events, and the open run since the last one, in sessions.

    ``had_event`` is one value per session, in order of day and session number. A gap counts the
    event-free sessions before an event, so neighbouring events give 0. The sessions before the
    first event are a completed gap too: observation began at a session, not at an event.
    """
    events = np.flatnonzero(np.asarray(had_event, dtype=bool))
    gaps = np.diff(events, prepend=-1) - 1
    last = int(events[-1]) if events.size else -1
    return tuple(int(gap) for gap in gaps), int(np.asarray(had_event).size - last - 1)


def g_chart(
    gaps: ArrayLike,
    *,
    open_run: int | None = None,
    method: LimitMethod = LimitMethod.EXACT,
    plan: Plan = PLAIN,
) -> ControlChart:
    """Event-free sessions between events (Benneyan 2001).

    ``gaps`` as from `event_free_gaps`. Exact limits and centre line are the quantiles 0.00135, 0.5
    and 0.99865 of the geometric distribution with p = 1 / (mean gap + 1). The lower one is 0 unless
    the mean exceeds 740 sessions, so worsening shows as a run below the median, never as a point.
    `LimitMethod.THREE_SIGMA` gives mean ± 3 sqrt(mean (mean + 1)) for comparison with other
    software.
    """
    lengths = checked_counts(gaps, "gaps").astype(np.float64)
    if method not in (LimitMethod.EXACT, LimitMethod.THREE_SIGMA):
        raise ValueError("a g-chart has exact or 3-sigma limits")

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        size, mean = lengths[here].size, base.centre
        if method is LimitMethod.THREE_SIGMA:
            return method, _around(mean, np.full(size, 3.0 * np.sqrt(mean * (mean + 1.0))))
        levels = np.array([0.5, GAP_TAIL, 1.0 - GAP_TAIL])
        quantiles = np.zeros(3)
        if mean > 0.0:
            quantiles = np.maximum(
                np.ceil(np.log1p(-levels) / np.log1p(-1.0 / (mean + 1.0))) - 1.0, 0.0
            )
        middle, low, high = (np.full(size, quantile) for quantile in quantiles)
        return method, (middle, low, high)

    chart = _chart(
        ChartKind.G,
        lengths,
        plan,
        fit=lambda here: (float(lengths[here].mean()), 1.0),
        limits=limits,
        enough=display_rules.shows_gap_limits,
    )
    if open_run is None:
        return chart
    length = int(checked_counts(open_run, "open run"))
    event_free = 1.0 - 1.0 / (chart.phases[-1].baseline.centre + 1.0)
    return replace(chart, open_run=OpenRun(length, event_free**length))


def days_between_events(days: ArrayLike) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Days from one event day to the next, and the events on the later day.

    ``days`` are whole day numbers of events in any order; several events on one day are one point
    with their count.
    """
    event_days, counts = np.unique(np.asarray(days, dtype=np.int64), return_counts=True)
    return tuple(map(int, np.diff(event_days))), tuple(map(int, counts[1:]))


def t_chart(
    days: ArrayLike,
    *,
    events: ArrayLike | None = None,
    method: LimitMethod = LimitMethod.MOVING_RANGE,
    plan: Plan = PLAIN,
) -> ControlChart:
    """Days between events, for events without a session denominator (Nelson 1994).

    ``days`` and ``events`` (events on the day that ends each gap) as from `days_between_events`.
    Default: individuals chart of y = t^(1/3.6), limits mean ± 2.66 mean moving range, transformed
    back, lower limit not below 0. `LimitMethod.EXACT`: quantiles 0.00135, 0.5 and 0.99865 of the
    exponential distribution with the mean of ``days``.
    """
    times = checked_amounts(days, "days")
    if method not in (LimitMethod.EXACT, LimitMethod.MOVING_RANGE):
        raise ValueError("a t-chart has exact or moving-range limits")
    exact = method is LimitMethod.EXACT
    scale = times if exact else times ** (1.0 / NELSON_POWER)

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        flat = np.ones(times[here].size)
        if exact:
            middle, low, high = -base.centre * np.log1p(-np.array([0.5, GAP_TAIL, 1 - GAP_TAIL]))
            return method, (middle * flat, low * flat, high * flat)
        centre, low, high = _around(base.centre, 3.0 / D2 * base.spread * flat)
        return method, (centre**NELSON_POWER, low**NELSON_POWER, high**NELSON_POWER)

    return _chart(
        ChartKind.T,
        times,
        plan,
        fit=lambda here: (float(scale[here].mean()), 1.0 if exact else _moving_range(scale[here])),
        limits=limits,
        enough=display_rules.shows_gap_limits,
        numerators=None if events is None else checked_counts(events, "events").astype(np.float64),
    )


def xmr_chart(
    values: ArrayLike,
    *,
    plan: Plan = PLAIN,
) -> tuple[ControlChart, ControlChart]:
    """Single measurements and their moving ranges, as two charts.

    ``values`` are finite, one per point (such as the mean pain score of a month). X limits are
    mean ± 2.66 mean moving range, ranges up to 3.267 times their mean. The second chart begins at
    the second point of each phase and has no run rule.
    """
    measurements = np.asarray(values, dtype=np.float64)
    if measurements.ndim != 1 or measurements.size < 2 or not np.isfinite(measurements).all():
        raise ValueError("an XmR chart needs two or more finite values")

    def limits(here: slice, base: Baseline) -> tuple[LimitMethod, _Limits]:
        centre = np.full(measurements[here].size, base.centre)
        half = 3.0 / D2 * base.spread
        return LimitMethod.MOVING_RANGE, (centre, centre - half, centre + half)

    single = _chart(
        ChartKind.X,
        measurements,
        plan,
        fit=lambda here: (float(measurements[here].mean()), _moving_range(measurements[here])),
        limits=limits,
        enough=display_rules.shows_limits,
    )
    ranges: list[ChartPoint] = []
    for number, phase in enumerate(single.phases):
        ceiling = RANGE_FACTOR * phase.baseline.spread
        for i in range(phase.start + 1, phase.stop):
            value = float(abs(measurements[i] - measurements[i - 1]))
            signals = (Signal.ABOVE_LIMIT,) if phase.method and value > ceiling else ()
            ranges.append(
                ChartPoint(
                    value=value,
                    numerator=None,
                    denominator=None,
                    centre_line=phase.baseline.spread,
                    lower_limit=0.0 if phase.method else None,
                    upper_limit=ceiling if phase.method else None,
                    signals=signals,
                    phase=number,
                    note=plan.notes.get(i),
                )
            )
    return single, ControlChart(ChartKind.MOVING_RANGE, tuple(ranges), single.phases)

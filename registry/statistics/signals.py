"""Signals to review: lots and sclerosants with more events of a kind than their sessions expect.

The registry knows how many sessions each lot was used in, so the primary measure is O/E with
E = sessions of the lot x overall rate, within strata of agent and period; with it EBGM and EB05
(DuMouchel 1999), IC and IC025 (Norén, Hopstadius & Bate 2013). ROR and PRR compare event reports
without denominators and are secondary.

A signal is a reason to look at the cases and at the split by clinic. Lots go with clinic, month and
clinician: a lot used in one clinic only is never called where others are compared with it. All
cells are tested at every look: the Benjamini-Hochberg q stands beside each; for repeated looks a
CUSUM per lot, not a p-value a month.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, expit, gammainc, gammaincinv, gammaln, logit

from registry.statistics.exact_tails import poisson_upper_tail
from registry.statistics.proportions import (
    Floats,
    checked_amounts,
    checked_counts,
    normal_quantile,
)
from registry.statistics.result import Caution, Estimate, Interval
from registry.statistics.standardisation import observed_over_expected

FEWEST_REPORTS = 3
"""Fewer events are reviewed one by one and are no statistical signal (Evans 2001)."""
EVANS_RATIO = 2.0
EVANS_CHI_SQUARED = 4.0
SIGNAL_EB05 = 2.0
CELLS_TO_FIT = 200
"""Below this many lot x term cells the prior is not fitted."""


@dataclass(frozen=True, slots=True)
class MixturePrior:
    """Two gamma distributions of the true O/E; ``share`` belongs to the first."""

    alpha1: float
    beta1: float
    alpha2: float
    beta2: float
    share: float


DUMOUCHEL_START = MixturePrior(0.2, 0.1, 2.0, 4.0, 1.0 / 3.0)
"""DuMouchel's starting values, used as they are where too few cells allow a fit."""


class Comparator(StrEnum):
    """Whom a reporting ratio compares with; definitions differ between papers."""

    OTHERS = "others"
    """Reports of all other products: c of c + d."""
    WHOLE_DATABASE = "whole_database"
    """All reports, the product's own included: a + c of N (Evans' printed example)."""


def stratified_expected(
    sessions: ArrayLike, reference_events: ArrayLike, reference_sessions: ArrayLike
) -> Floats:
    """Expected events of each lot: its sessions per stratum times the overall rate there.

    ``sessions`` has one row per lot and one column per stratum (agent x period); the reference has
    one value per stratum. ``ValueError`` where a lot has sessions that the reference has not.
    """
    n = checked_counts(sessions, "sessions").astype(np.float64)
    x = checked_counts(reference_events, "reference events").astype(np.float64)
    reference_n = checked_counts(reference_sessions, "reference sessions").astype(np.float64)
    if n.ndim != 2 or not n.shape[1:] == x.shape == reference_n.shape or (x > reference_n).any():
        raise ValueError("sessions have one row per lot and one column per reference stratum")
    if (n.sum(axis=0)[reference_n == 0.0] > 0.0).any():
        raise ValueError("the reference must contain every stratum in which a lot was used")
    rate = np.divide(x, reference_n, out=np.zeros_like(x), where=reference_n > 0.0)
    return np.asarray(n @ rate)


def _log_marginal(o: Floats, e: Floats, alpha: float, beta: float) -> Floats:
    """Log probability of O under Poisson(ratio x E), ratio Gamma(alpha, rate beta)."""
    return np.asarray(
        gammaln(alpha + o)
        - gammaln(alpha)
        - gammaln(o + 1.0)
        - alpha * np.log1p(e / beta)
        + o * (np.log(e) - np.log(beta + e))
    )


def _checked_cells(observed: ArrayLike, expected: ArrayLike) -> tuple[Floats, Floats]:
    o = checked_counts(observed, "observed events").astype(np.float64)
    e = checked_amounts(expected, "expected events")
    if o.shape != e.shape or (e <= 0.0).any():
        raise ValueError("each cell has observed events and more than 0 expected ones")
    return o, e


def prior_log_likelihood(observed: ArrayLike, expected: ArrayLike, prior: MixturePrior) -> float:
    """Marginal log-likelihood of all cells; compare fits by this, not by their parameters."""
    o, e = _checked_cells(observed, expected)
    return float(
        np.logaddexp(
            np.log(prior.share) + _log_marginal(o, e, prior.alpha1, prior.beta1),
            np.log1p(-prior.share) + _log_marginal(o, e, prior.alpha2, prior.beta2),
        ).sum()
    )


def fit_prior(observed: ArrayLike, expected: ArrayLike) -> MixturePrior:
    """Maximum-likelihood prior over all lot x term cells; the fixed one below 200 cells.

    The five parameters are weakly identified: different values may fit alike.
    """
    from scipy.optimize import minimize

    o, e = _checked_cells(observed, expected)
    if o.size < CELLS_TO_FIT:
        return DUMOUCHEL_START

    def prior_at(at: Floats) -> MixturePrior:
        # Beyond e^±12 a component is a point or nothing, and its density overflows.
        bounded = np.clip(at, -12.0, 12.0)
        alpha1, beta1, alpha2, beta2 = np.exp(bounded[:4]).tolist()
        return MixturePrior(alpha1, beta1, alpha2, beta2, float(expit(bounded[4])))

    def surface(at: Floats, /, *_: object) -> float:
        return -prior_log_likelihood(o, e, prior_at(at))

    start = DUMOUCHEL_START
    at = np.log([start.alpha1, start.beta1, start.alpha2, start.beta2])
    found = minimize(surface, [*at.tolist(), float(logit(start.share))], method="L-BFGS-B")
    return prior_at(np.asarray(found.x, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalBayes:
    """Geometric posterior mean of the true O/E per cell, with its 5 % and 95 % quantiles."""

    ebgm: Floats
    eb05: Floats
    eb95: Floats


def empirical_bayes(
    observed: ArrayLike, expected: ArrayLike, prior: MixturePrior = DUMOUCHEL_START
) -> EmpiricalBayes:
    """EBGM, EB05 and EB95 of each cell (DuMouchel 1999)."""
    o, e = _checked_cells(observed, expected)
    first = np.log(prior.share) + _log_marginal(o, e, prior.alpha1, prior.beta1)
    second = np.log1p(-prior.share) + _log_marginal(o, e, prior.alpha2, prior.beta2)
    weight = expit(first - second)
    shape1, rate1 = prior.alpha1 + o, prior.beta1 + e
    shape2, rate2 = prior.alpha2 + o, prior.beta2 + e
    log_mean = weight * (digamma(shape1) - np.log(rate1)) + (1.0 - weight) * (
        digamma(shape2) - np.log(rate2)
    )

    def quantile(level: float) -> Floats:
        # The mixture's quantile lies between those of its parts.
        ends = gammaincinv(shape1, level) / rate1, gammaincinv(shape2, level) / rate2
        low, high = np.minimum(*ends), np.maximum(*ends)
        for _ in range(60):
            middle = (low + high) / 2.0
            reached = weight * gammainc(shape1, rate1 * middle) + (1.0 - weight) * gammainc(
                shape2, rate2 * middle
            )
            low = np.where(reached < level, middle, low)
            high = np.where(reached < level, high, middle)
        return np.asarray((low + high) / 2.0, dtype=np.float64)

    return EmpiricalBayes(np.exp(log_mean), quantile(0.05), quantile(0.95))


def information_component(
    observed: ArrayLike, expected: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """IC = log2((O + ½) / (E + ½)) with its 2.5 % and 97.5 % limits (Norén 2013).

    Limits are log2 of the quantiles of Gamma(O + ½, rate E + ½); signal when the lower is above 0,
    which one or two events never reach.
    """
    o = checked_counts(observed, "observed events") + 0.5
    e = checked_amounts(expected, "expected events") + 0.5
    return (
        np.log2(o / e),
        np.log2(gammaincinv(o, 0.025) / e),
        np.log2(gammaincinv(o, 0.975) / e),
    )


def _table(
    a: int, b: int, c: int, d: int, comparator: Comparator, *, haldane: bool
) -> tuple[float, float, float, float]:
    cells = checked_counts([a, b, c, d], "reports").astype(np.float64)
    if comparator is Comparator.WHOLE_DATABASE:
        cells[2:] += cells[:2]
    if haldane and (cells == 0.0).any():
        cells += 0.5
    first, second, third, fourth = cells.tolist()
    return first, second, third, fourth


def _log_ratio(
    ratio: float, error: float, counts: tuple[int, int], level: float, method: str
) -> Estimate:
    z = normal_quantile(level)
    interval = Interval(
        float(ratio * np.exp(-z * error)), float(ratio * np.exp(z * error)), level, method
    )
    return Estimate(ratio, interval, *counts, "reports")


def _undefined(counts: tuple[int, int], level: float, method: str) -> Estimate:
    nothing = Interval(None, None, level, method)
    return Estimate(None, nothing, *counts, "reports", (Caution.NOT_DEFINED,))


def reporting_odds_ratio(
    a: int, b: int, c: int, d: int, *, haldane: bool = False, level: float = 0.95
) -> Estimate:
    """ROR = a d / (b c) with log limits, SE sqrt(1/a + 1/b + 1/c + 1/d) (van Puijenbroek 2002).

    Reports: ``a`` of the event with the product, ``b`` of other events with it, ``c`` of the event
    with other products, ``d`` of neither. A zero cell: not defined, or with ``haldane`` half a
    report is added to all four.
    """
    counts = (int(a), int(a + b))
    method = "log_haldane" if haldane else "log"
    cells = _table(a, b, c, d, Comparator.OTHERS, haldane=haldane)
    if min(cells) == 0.0:
        return _undefined(counts, level, method)
    first, second, third, fourth = cells
    error = float(np.sqrt(sum(1.0 / cell for cell in cells)))
    return _log_ratio(first * fourth / (second * third), error, counts, level, method)


def proportional_reporting_ratio(
    a: int,
    b: int,
    c: int,
    d: int,
    *,
    comparator: Comparator = Comparator.OTHERS,
    haldane: bool = False,
    level: float = 0.95,
) -> Estimate:
    """PRR = [a / (a + b)] / [c / (c + d)] with log limits; cells as `reporting_odds_ratio`.

    SE sqrt(1/a - 1/(a+b) + 1/c - 1/(c+d)). With `Comparator.WHOLE_DATABASE` c and d include the
    product's own reports, as in Evans, Waller & Davis (2001); its limits then ignore the overlap.
    """
    counts = (int(a), int(a + b))
    method = "log_haldane" if haldane else "log"
    first, second, third, fourth = _table(a, b, c, d, comparator, haldane=haldane)
    if first == 0.0 or third == 0.0:
        return _undefined(counts, level, method)
    own, other = first + second, third + fourth
    error = float(np.sqrt(1.0 / first - 1.0 / own + 1.0 / third - 1.0 / other))
    return _log_ratio((first / own) / (third / other), error, counts, level, method)


def chi_squared(a: int, b: int, c: int, d: int, *, yates: bool = True) -> float | None:
    """Chi squared of the reports against other products; Pearson's without ``yates``.

    None where a margin is empty.
    """
    first, second, third, fourth = _table(a, b, c, d, Comparator.OTHERS, haldane=False)
    total = first + second + third + fourth
    margins = (first + second) * (third + fourth) * (first + third) * (second + fourth)
    if margins == 0.0:
        return None
    gap = abs(first * fourth - second * third)
    gap = max(0.0, gap - total / 2.0) if yates else gap
    return total * gap * gap / margins


def evans_signal(a: int, b: int, c: int, d: int) -> bool:
    """Criteria of Evans, Waller & Davis: a >= 3, PRR >= 2 (others), chi squared >= 4 (Yates)."""
    ratio = proportional_reporting_ratio(a, b, c, d).value
    if ratio is None and a > 0 and c == 0:
        # The event was never reported with another product: the ratio is infinite.
        ratio = np.inf
    squared = chi_squared(a, b, c, d)
    return (
        a >= FEWEST_REPORTS
        and ratio is not None
        and ratio >= EVANS_RATIO
        and squared is not None
        and squared >= EVANS_CHI_SQUARED
    )


@dataclass(frozen=True, slots=True)
class SignalCell:
    """One lot (or agent) x event term.

    ``ratio`` is O/E with exact limits. ``p_value`` is the one-sided exact mid-p of as many events
    or more, ``q_value`` its false discovery rate among all cells of the call. ``by_eb05`` and
    ``by_ic`` say which criterion is met; ``one_clinic`` that the cell is confounded with a clinic.
    ``to_review`` is the call: a criterion is met and the cell is not so confounded.
    """

    name: Hashable
    ratio: Estimate
    ebgm: float
    eb05: float
    eb95: float
    ic: float
    ic025: float
    p_value: float
    q_value: float
    by_eb05: bool
    by_ic: bool
    one_clinic: bool

    @property
    def to_review(self) -> bool:
        """Whether the cases behind the cell are to be reviewed; never a statement of cause."""
        return (self.by_eb05 or self.by_ic) and not self.one_clinic


def review_signals(
    names: Sequence[Hashable],
    observed: ArrayLike,
    expected: ArrayLike,
    clinics: ArrayLike,
    *,
    clinics_compared: int,
    prior: MixturePrior | None = None,
) -> tuple[SignalCell, ...]:
    """All lot x term cells of one look, in the order given.

    ``expected`` as from `stratified_expected`, above 0. ``clinics`` counts the clinics that used
    each lot, of ``clinics_compared`` whose sessions make the expectation; within one clinic a lot
    cannot be confounded with clinics. ``prior`` is fitted unless given.
    """
    from scipy.stats import false_discovery_control

    o, e = _checked_cells(observed, expected)
    used_in = checked_counts(clinics, "clinics")
    if not len(names) == o.size == used_in.size:
        raise ValueError("each cell needs a name, its counts and its number of clinics")
    if o.size == 0:
        return ()
    shrunk = empirical_bayes(o, e, fit_prior(o, e) if prior is None else prior)
    ic, ic025, _ = information_component(o, e)
    p_values = (poisson_upper_tail(o, e) + poisson_upper_tail(o + 1.0, e)) / 2.0
    q_values = false_discovery_control(p_values)
    enough = o >= FEWEST_REPORTS
    return tuple(
        SignalCell(
            name=name,
            ratio=observed_over_expected(int(o[i]), float(e[i])),
            ebgm=float(shrunk.ebgm[i]),
            eb05=float(shrunk.eb05[i]),
            eb95=float(shrunk.eb95[i]),
            ic=float(ic[i]),
            ic025=float(ic025[i]),
            p_value=float(p_values[i]),
            q_value=float(q_values[i]),
            by_eb05=bool(enough[i] and shrunk.eb05[i] >= SIGNAL_EB05),
            by_ic=bool(ic025[i] > 0.0),
            one_clinic=clinics_compared > 1 and int(used_in[i]) <= 1,
        )
        for i, name in enumerate(names)
    )

"""What every statistical function returns: an estimate that never travels without its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from registry.messages import N_


class Caution(StrEnum):
    """What the data behind an estimate cannot say; views turn the id into a sentence."""

    NOT_DEFINED = "not_defined"
    """The denominator is 0."""
    NO_EVENTS = "no_events"
    """None was seen; an interval, where there is one, is the one-sided exact bound."""
    TOO_FEW_PATIENTS = "too_few_patients"
    """Too few patients to allow for their repeated sessions or legs: limits may be too close."""
    BEYOND_FOLLOW_UP = "beyond_follow_up"
    """Nobody was observed this long: not estimable."""
    NOT_REACHED = "not_reached"
    """The curve never falls to this quantile."""
    ONE_AT_RISK = "one_at_risk"
    """A single observation: no interval."""
    NO_ONE_LEFT = "no_one_left"
    """Every one had the event; the limits are undefined."""
    OVERDISPERSED = "overdispersed"
    """Counts vary more than their model allows: the interval is too short."""
    NOT_ESTIMABLE = "not_estimable"
    """An empty cell or a degenerate design leaves the quantity or its limits undefined."""


TEXT: Mapping[Caution, str] = MappingProxyType(
    {
        Caution.NOT_DEFINED: N_("The denominator is 0: not defined."),
        Caution.NO_EVENTS: N_(
            "None was seen; a limit, where there is one, is the one-sided bound."
        ),
        Caution.TOO_FEW_PATIENTS: N_(
            "Too few patients to allow for their repeated sessions or legs: the limits may be too "
            "close."
        ),
        Caution.BEYOND_FOLLOW_UP: N_("Nobody was observed this long: not estimable."),
        Caution.NOT_REACHED: N_("So large a share did not have the event during follow-up."),
        Caution.ONE_AT_RISK: N_("A single observation: no interval."),
        Caution.NO_ONE_LEFT: N_("Every one had the event: the limits are not defined."),
        Caution.OVERDISPERSED: N_(
            "Counts vary more than chance explains: the interval is too short."
        ),
        Caution.NOT_ESTIMABLE: N_("These counts leave the quantity or its limits undefined."),
    }
)
"""The English sentence of each caution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Limits of a confidence interval.

    ``lower`` or ``upper`` is ``None`` where the limit is not defined or, for a ratio, infinite.
    ``level`` is the confidence level in (0, 1). ``method`` names the method in snake case
    (``"wilson"``). ``one_sided`` says that the whole error probability sits on one limit: the other
    is the end of the range.
    """

    lower: float | None
    upper: float | None
    level: float
    method: str
    one_sided: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A proportion, rate, ratio or difference with its interval and its counts.

    ``value`` is ``None`` when it is not defined (denominator 0): never 0 %. ``unit`` says what the
    denominator counts (``"sessions"``, ``"patients"``, ``"person-years"``). ``warnings`` holds ids,
    of `Caution` or of the module that made the estimate, never sentences.
    """

    value: float | None
    interval: Interval
    numerator: float | int
    denominator: float | int
    unit: str
    warnings: tuple[str, ...] = ()

"""The rule book: what may be shown, from how many, and in which words.

Every page, printed report and file asks here, so that no two faces of a result disagree on what is
too little to show. Thresholds are decisions of this registry unless a source is named; each states
its reason. The functions are predicates on counts. :data:`TEXT` holds the English sentence of every
:class:`Wording` (the message translators work from); none of them says or suggests a cause, because
crude differences between agents, clinics and clinicians are confounded by indication.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from registry.messages import N_

MINIMUM_DENOMINATOR_FOR_PERCENTAGE = 10
"""Below ten units one event moves a percentage by more than ten points: show x of n, no ranking."""

MINIMUM_EVENTS_FOR_TREND = 5
"""One to four events: counts, exact limits and a list of the cases; no trend, p-value or flag."""

MINIMUM_EVENTS_FOR_COMPARISON = 5
"""Four events that all fall in one of two equal groups still have a two-sided p of 0.125."""

MINIMUM_GROUP_FOR_COMPARISON = 10
"""Smallest group in a log-rank test or a comparison of rates, as for a percentage."""

MINIMUM_AT_RISK_FOR_LANDMARK = 10
"""One recurrence among fewer than ten at risk drops the curve by more than ten points (Pocock,
Clayton & Altman 2002 advise to stop a curve while a fair number is still at risk)."""

MINIMUM_SHARE_AT_RISK_TO_DRAW = 0.10
"""A survival curve also stops where fewer than a tenth of those who began are at risk."""

MINIMUM_ASSESSED_SHARE = 0.95
"""Up to 5 % lost, x / mature sessions is the headline; beyond that 1 - Kaplan-Meier with bounds."""

LARGEST_COMPLETENESS_GAP = 0.05
"""Groups of which one was assessed more than five points less are not compared without saying so:
whoever is asked more often reports more."""

LOST_SHARE_NEEDING_BOUNDS = 0.20
"""Above a fifth lost before a landmark, the best and the worst case stand beside the estimate."""

MINIMUM_UNITS_FOR_FUNNEL = 5
"""With fewer clinics or clinicians the pooled rate is mostly each one's own."""

MINIMUM_SESSIONS_IN_FUNNEL = 30
"""More than half of the units need this many, or the funnel is all mouth and no stem."""

MINIMUM_SESSIONS_TO_NAME = 10
"""A unit with fewer sessions is drawn grey and without its name."""

MINIMUM_UNITS_FOR_OVERDISPERSION = 10
MINIMUM_EVENTS_FOR_OVERDISPERSION = 20
"""Between-unit variance is not estimable from fewer units or fewer events: no adjustment."""

MINIMUM_UNITS_FOR_SHRINKAGE = 5
"""Two parameters of the between-unit distribution cannot be learnt from fewer units."""

MINIMUM_POINTS_FOR_LIMITS = 12
"""Control limits from fewer points are guesses; until then the chart has a centre line only."""

POINTS_FOR_FIRM_LIMITS = 20
"""Limits from 12 to 19 points are called provisional."""

MINIMUM_GAPS_FOR_LIMITS = 10
"""A g- or t-chart needs ten gaps between events before it gets limits."""

MINIMUM_SESSIONS_PER_POINT = 20
"""A month with fewer sessions is better joined with its neighbours into a block."""

MINIMUM_PERIODS_FOR_NEGATIVE_BINOMIAL = 10
MINIMUM_EVENTS_FOR_NEGATIVE_BINOMIAL = 20
"""Extra-Poisson variance cannot be told from chance with less; use Poisson and say so."""

MINIMUM_REFERENCE_EVENTS = 20
"""Reference rates by stratum (indirect standardisation) rest on at least this many events."""

EVENTS_PER_PARAMETER = 10
"""A case-mix model has at most one parameter per ten events (Peduzzi 1996)."""

MINIMUM_SHARE_WITH_COUNTERPART = 0.5
"""Less than half of the smaller group with a session of the other at equal levels: an adjusted
figure would be of the lesser part, or of what the model assumes about the rest."""

MINIMUM_EXPECTED_FOR_RATIO = 1.0
"""Below one expected event O/E jumps between nothing and alarm: show O and E without a verdict."""

MINIMUM_PATIENTS_FOR_CLUSTERING = 20
"""The variance between fewer patients cannot be estimated: say that sessions were taken as
independent."""

MINIMUM_DENOMINATOR_FOR_RULE_OF_THREE = 30
"""3 / n overstates 1 - 0.05^(1/n) by more than 5 % below n = 30 (Eypasch 1995)."""

SMALL_COUNT_THRESHOLD = 5
"""Counts resting on 1 to 4 patients are hidden in what crosses clinics or leaves the registry."""

MINIMUM_PATIENTS_TO_RELEASE = 10
"""A row about fewer patients is hidden whole in what crosses clinics or leaves the registry."""

MINIMUM_PATIENTS_IN_LEAFLET = 100
"""With fewer patients one of them would be more than one of the hundred signs of an icon array."""

RARE_PROPORTION = 0.01
"""Rates below one per cent are written per 1,000."""

DENOMINATOR_FOR_TWO_DECIMALS = 1000
"""From a thousand units on a second decimal of a percentage means something."""


class Wording(StrEnum):
    """Which sentence a result is told in."""

    NOT_DEFINED = "rate.not_defined"
    ZERO_EVENTS = "rate.zero_events"
    COUNT_ONLY = "rate.count_only"
    FEW_EVENTS = "rate.few_events"
    RATE = "rate.rate"
    COMPATIBLE = "benchmark.compatible"
    HIGHER = "benchmark.higher"
    LOWER = "benchmark.lower"
    NOT_COMPARABLE = "benchmark.not_comparable"


TEXT: Mapping[Wording, str] = MappingProxyType(
    {
        Wording.NOT_DEFINED: N_("No {unit}: a rate is not defined."),
        Wording.ZERO_EVENTS: N_(
            "0 of {denominator} {unit}. A true rate up to {upper} is compatible with this "
            "({level} confidence)."
        ),
        Wording.COUNT_ONLY: N_(
            "{numerator} of {denominator} {unit}. Too few for a percentage; a true rate from "
            "{lower} to {upper} is compatible with this ({level} confidence)."
        ),
        Wording.FEW_EVENTS: N_(
            "{numerator} of {denominator} {unit} ({rate}, {level} CI {lower} to {upper}). "
            "Too few events for a trend: review the cases."
        ),
        Wording.RATE: N_(
            "{numerator} of {denominator} {unit} ({rate}, {level} CI {lower} to {upper})."
        ),
        Wording.COMPATIBLE: N_("Compatible with the published rate."),
        Wording.HIGHER: N_("Higher than the published rate."),
        Wording.LOWER: N_(
            "Lower than the published rate. Events that were not reported look the same: "
            "{assessed} of the {unit} were followed to the end of the window."
        ),
        Wording.NOT_COMPARABLE: N_("Not compared with the published rate: the {differs} differs."),
    }
)


def rate_wording(numerator: float, denominator: float) -> Wording:
    """How ``numerator`` of ``denominator`` units may be told.

    No units: not defined, never 0 %. No events: an upper bound, never "0 %, no risk". Fewer than
    :data:`MINIMUM_DENOMINATOR_FOR_PERCENTAGE` units: counts and limits. Fewer than
    :data:`MINIMUM_EVENTS_FOR_TREND` events: the rate, and the advice to review the cases.
    """
    if denominator == 0:
        return Wording.NOT_DEFINED
    if numerator == 0:
        return Wording.ZERO_EVENTS
    if denominator < MINIMUM_DENOMINATOR_FOR_PERCENTAGE:
        return Wording.COUNT_ONLY
    return Wording.FEW_EVENTS if numerator < MINIMUM_EVENTS_FOR_TREND else Wording.RATE


def benchmark_wording(lower: float | None, upper: float | None, *, comparable: bool) -> Wording:
    """How the clinic stands to a published rate.

    ``lower`` and ``upper`` are the limits of the difference clinic minus published (a proportion;
    Newcombe limits when the published counts are known). ``comparable`` says that unit of analysis,
    window and definition agree; if they do not, or no limit exists, no verdict is given.
    """
    if not comparable or lower is None or upper is None:
        return Wording.NOT_COMPARABLE
    if lower > upper:
        raise ValueError("the lower limit of a difference cannot exceed its upper limit")
    if lower > 0:
        return Wording.HIGHER
    return Wording.LOWER if upper < 0 else Wording.COMPATIBLE


def shows_percentage(denominator: float) -> bool:
    """Whether x / n may be written as a percentage and take part in a comparison."""
    return denominator >= MINIMUM_DENOMINATOR_FOR_PERCENTAGE


def shows_comparison(events_in_all: float, smallest_group: float) -> bool:
    """Whether groups may be compared by interval, test or log-rank."""
    return (
        events_in_all >= MINIMUM_EVENTS_FOR_COMPARISON
        and smallest_group >= MINIMUM_GROUP_FOR_COMPARISON
    )


def shows_landmark(at_risk: float) -> bool:
    """Whether a survival estimate may be given at a landmark with ``at_risk`` still observed."""
    return at_risk >= MINIMUM_AT_RISK_FOR_LANDMARK


def releases_landmark(patients: int, patients_since_last_landmark: int) -> bool:
    """Whether a landmark may cross clinics or leave the registry; the curve's steps never do.

    ``patients`` began; ``patients_since_last_landmark`` had the event since the landmark released
    before this one, as the difference of two landmarks tells their number.
    """
    return patients >= MINIMUM_PATIENTS_TO_RELEASE and not (
        0 < patients_since_last_landmark < SMALL_COUNT_THRESHOLD
    )


def draws_curve(at_risk: float, began: float) -> bool:
    """Whether a survival curve is still drawn with ``at_risk`` of ``began`` left."""
    return shows_landmark(at_risk) and at_risk >= MINIMUM_SHARE_AT_RISK_TO_DRAW * began


def headline_is_proportion(assessed: float, mature: float) -> bool:
    """Whether x / mature sessions may be the headline; otherwise 1 - Kaplan-Meier with bounds."""
    return mature > 0 and assessed >= MINIMUM_ASSESSED_SHARE * mature


def completeness_differs(one: float, other: float) -> bool:
    """Whether two shares assessed are too far apart to compare the groups without a word."""
    return abs(one - other) > LARGEST_COMPLETENESS_GAP


def needs_loss_bounds(lost: float, began: float) -> bool:
    """Whether best and worst case must stand beside a survival estimate."""
    return began > 0 and lost > LOST_SHARE_NEEDING_BOUNDS * began


def shows_funnel(units: int, units_large_enough: int) -> bool:
    """Whether a funnel may be drawn for ``units``.

    ``units_large_enough`` of them have :data:`MINIMUM_SESSIONS_IN_FUNNEL` sessions or more; that
    must be the greater part.
    """
    return units >= MINIMUM_UNITS_FOR_FUNNEL and 2 * units_large_enough > units


def names_unit(sessions: float) -> bool:
    """Whether a unit of a funnel may carry its name."""
    return sessions >= MINIMUM_SESSIONS_TO_NAME


def adjusts_for_overdispersion(units: int, events: float) -> bool:
    """Whether the variance between units can be estimated."""
    return units >= MINIMUM_UNITS_FOR_OVERDISPERSION and events >= MINIMUM_EVENTS_FOR_OVERDISPERSION


def shows_limits(points: int) -> bool:
    """Whether a p-, u- or XmR-chart of ``points`` non-empty periods gets control limits."""
    return points >= MINIMUM_POINTS_FOR_LIMITS


def limits_are_provisional(points: int) -> bool:
    """Whether the limits must be called provisional."""
    return points < POINTS_FOR_FIRM_LIMITS


def shows_gap_limits(gaps: int) -> bool:
    """Whether a g- or t-chart of ``gaps`` completed gaps gets limits."""
    return gaps >= MINIMUM_GAPS_FOR_LIMITS


def shrinks(units: int) -> bool:
    """Whether smoothed rates may be shown beside the raw ones."""
    return units >= MINIMUM_UNITS_FOR_SHRINKAGE


def fits_negative_binomial(periods: int, events: float) -> bool:
    """Whether extra-Poisson variance may be modelled."""
    return (
        periods >= MINIMUM_PERIODS_FOR_NEGATIVE_BINOMIAL
        and events >= MINIMUM_EVENTS_FOR_NEGATIVE_BINOMIAL
    )


def standardises(reference_events: float) -> bool:
    """Whether reference rates by stratum rest on enough events."""
    return reference_events >= MINIMUM_REFERENCE_EVENTS


def fits_model(events: float, parameters: int) -> bool:
    """Whether a case-mix model may have ``parameters`` coefficients besides its intercept."""
    return events >= EVENTS_PER_PARAMETER * parameters


def adjusts(comparable: float, sessions: float) -> bool:
    """Whether a difference at equal case mix may be given.

    ``comparable`` of the ``sessions`` of the smaller group have a session of the other group at
    equal levels.
    """
    return comparable > 0 and comparable >= MINIMUM_SHARE_WITH_COUNTERPART * sessions


def judges_ratio(expected: float) -> bool:
    """Whether O/E may be coloured, flagged or called a signal."""
    return expected >= MINIMUM_EXPECTED_FOR_RATIO


def estimates_clustering(patients: int, events: float) -> bool:
    """Whether the design effect of repeated sessions can be estimated."""
    return patients >= MINIMUM_PATIENTS_FOR_CLUSTERING and events > 0


def quotes_rule_of_three(denominator: float) -> bool:
    """Whether 3 / n may stand for the exact upper bound after zero events."""
    return denominator >= MINIMUM_DENOMINATOR_FOR_RULE_OF_THREE


def counts_for_leaflet(patients: int) -> bool:
    """Whether the patients' leaflet may tell numbers of so many patients."""
    return patients >= MINIMUM_PATIENTS_IN_LEAFLET


def draws_in_leaflet(patients_with: int, patients: int) -> bool:
    """Whether the leaflet, which leaves the registry, may draw a count of patients."""
    return SMALL_COUNT_THRESHOLD <= patients_with <= patients - SMALL_COUNT_THRESHOLD


def is_written_per_thousand(proportion: float) -> bool:
    """Whether a proportion is written per 1,000 instead of per cent."""
    return proportion < RARE_PROPORTION


def percentage_decimals(denominator: float) -> int:
    """Decimals of a percentage; rates per 1,000 always have one."""
    return 2 if denominator >= DENOMINATOR_FOR_TWO_DECIMALS else 1

"""Whether an indicator is better, worse or as expected, and why, in words.

An indicator stands against the clinic's target where one is set, else against its own twelve
months before, else against a published rate that counts the same. It is called worse or better only
when the interval leaves the comparison out. Nothing here speaks of causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from registry.analysis.benchmarks import Published
from registry.analysis.indicators import LANDMARK, Measured
from registry.analysis.wording import (
    DASH,
    NARROW_SPACE,
    count,
    decimal,
    of_all,
    whole_percent,
)
from registry.catalogue import Indicator, IndicatorMeasure, IndicatorUnit
from registry.language import as_typed
from registry.messages import N_, Message, _, message, written
from registry.statistics import display_rules
from registry.statistics.display_rules import Wording
from registry.statistics.result import Estimate
from registry.statistics.verdicts import Verdict, difference_of, two_sided, verdict

_OF_A_CURVE: Final = (IndicatorMeasure.RECURRENCE, IndicatorMeasure.RETREATMENT)


class Status(StrEnum):
    """Where an indicator stands."""

    WORSE = "worse"
    AS_EXPECTED = "as_expected"
    BETTER = "better"
    TOO_FEW = "too_few"


class Against(StrEnum):
    """What an indicator was compared with."""

    TARGET = "target"
    BEFORE = "before"
    PUBLISHED = "published"
    NOTHING = "nothing"


STATUS_LABELS: Final = {
    Status.WORSE: N_("Worse"),
    Status.AS_EXPECTED: N_("As expected"),
    Status.BETTER: N_("Better"),
    Status.TOO_FEW: N_("Too few data"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Status, what it rests on, and the reason in words."""

    status: Status
    against: Against
    reason: Message


def judge(
    indicator: Indicator,
    now: Measured,
    before: Measured | None,
    target: Decimal | None,
    published: Published | None,
) -> Judgement:
    """Where the indicator stands. ``target`` is in its unit; ``published`` counts the same."""
    lacking = too_little(indicator, now)
    if lacking is not None:
        return Judgement(Status.TOO_FEW, Against.NOTHING, lacking)
    if target is not None:
        return _against_target(indicator, now, target)
    lacking = _too_little_to_compare(indicator, now, before)
    if lacking is None and before is not None:
        return _against_before(indicator, now, before)
    if published is not None and published.wording is not None:
        return _against_published(indicator, published, published.wording)
    assert lacking is not None  # noqa: S101 - without an earlier figure something is lacking
    return Judgement(Status.TOO_FEW, Against.NOTHING, lacking)


def too_little(indicator: Indicator, measured: Measured) -> Message | None:
    """Why no figure can be judged, with the number needed; None when it can."""
    estimate, needed = measured.estimate, display_rules.MINIMUM_DENOMINATOR_FOR_PERCENTAGE
    if not measured.observed and not estimate.denominator:
        return _NOTHING_YET.get(indicator.measure, message("No session is old enough yet."))
    if indicator.measure in _OF_A_CURVE:
        if not display_rules.shows_landmark(measured.observed):
            return message(
                "Only {count} of the {needed} sites that must still be observed {day} days after "
                "success.",
                count=written(count, measured.observed),
                day=LANDMARK,
                needed=display_rules.MINIMUM_AT_RISK_FOR_LANDMARK,
            )
    elif not display_rules.shows_percentage(measured.observed):
        return message(
            "Only {count} of the {needed} {unit} that a rate needs.",
            count=written(count, measured.observed),
            unit=message(estimate.unit),
            needed=needed,
        )
    if estimate.value is None or two_sided(measured.to_judge) is None:
        return message("Too many were not assessed for a rate.")
    return None


_NOTHING_YET: Final = {
    IndicatorMeasure.RECURRENCE: message("No site with success is old enough yet."),
    IndicatorMeasure.RETREATMENT: message("No site with success is old enough yet."),
    IndicatorMeasure.NON_RESPONSE: message("No site was looked at after its last session yet."),
    IndicatorMeasure.SATISFACTION: message("No patient was asked yet."),
    IndicatorMeasure.ENTRY_DELAY: message("No session was typed in: all were imported."),
}


def unwanted(indicator: Indicator, estimate: Estimate) -> float:
    """Cases that nobody wants: events, or whoever is missing where more is better."""
    if indicator.higher_is_better:
        return estimate.denominator - estimate.numerator
    return estimate.numerator


def _status(indicator: Indicator, found: Verdict) -> Status:
    if found is Verdict.NO_CLEAR_DIFFERENCE:
        return Status.AS_EXPECTED
    good = (found is Verdict.HIGHER) == indicator.higher_is_better
    return Status.BETTER if good else Status.WORSE


def _against_target(indicator: Indicator, now: Measured, target: Decimal) -> Judgement:
    limits = two_sided(now.to_judge)
    found = verdict(limits, float(target) / indicator.unit.of) or Verdict.NO_CLEAR_DIFFERENCE
    status = _status(indicator, found)
    cases = unwanted(indicator, now.estimate)
    if status is not Status.BETTER and cases < display_rules.MINIMUM_EVENTS_FOR_TREND:
        return Judgement(
            Status.TOO_FEW,
            Against.TARGET,
            message(
                "{cases} so far; {needed} are needed to judge against your target of {target}. "
                "Look at each case.",
                cases=written(count, cases),
                needed=display_rules.MINIMUM_EVENTS_FOR_TREND,
                target=written(target_shown, indicator, target),
            ),
        )
    text = {
        Verdict.HIGHER: N_("Above your target of {target}; interval {interval}."),
        Verdict.LOWER: N_("Below your target of {target}; interval {interval}."),
        Verdict.NO_CLEAR_DIFFERENCE: N_("Your target of {target} lies in the interval {interval}."),
    }[found]
    return Judgement(
        status,
        Against.TARGET,
        message(
            text,
            target=written(target_shown, indicator, target),
            interval=written(interval_shown, indicator, now.told),
        ),
    )


def _too_little_to_compare(
    indicator: Indicator, now: Measured, before: Measured | None
) -> Message | None:
    if before is None:
        return message("No target is set, and without a first day there is nothing before.")
    if too_little(indicator, before) is not None:
        return message(
            "Nothing to compare with: no target is set, and the 12 months before hold {count} of "
            "the {needed} {unit} needed.",
            count=written(count, before.observed),
            unit=message(before.estimate.unit),
            needed=display_rules.MINIMUM_GROUP_FOR_COMPARISON,
        )
    cases = sum(unwanted(indicator, one.estimate) for one in (now, before))
    if not display_rules.shows_comparison(cases, min(now.observed, before.observed)):
        text = (
            N_("{cases} in both years together; {needed} are needed to compare. Look at each case.")
            if cases
            else N_("None in either year; {needed} are needed to compare.")
        )
        return message(
            text, cases=written(count, cases), needed=display_rules.MINIMUM_EVENTS_FOR_COMPARISON
        )
    return None


def _against_before(indicator: Indicator, now: Measured, before: Measured) -> Judgement:
    difference = difference_of(now.to_judge, before.to_judge)
    assert difference is not None  # noqa: S101 - both have limits, or one were too little
    found = verdict(difference.interval) or Verdict.NO_CLEAR_DIFFERENCE
    text = {
        Verdict.HIGHER: N_("Higher than in the 12 months before ({before}), by {low} to {high}."),
        Verdict.LOWER: N_("Lower than in the 12 months before ({before}), by {low} to {high}."),
        Verdict.NO_CLEAR_DIFFERENCE: (
            N_("No clear change from the 12 months before ({before}): between {low} and {high}.")
        ),
    }[found]
    lower, upper = difference.interval.lower or 0.0, difference.interval.upper or 0.0
    signed = found is Verdict.NO_CLEAR_DIFFERENCE
    low, high = (-upper, -lower) if found is Verdict.LOWER else (lower, upper)
    reason = message(
        text,
        before=written(value_shown, indicator, before.told),
        low=written(_number, indicator, low, signed=signed),
        high=written(_difference, indicator, high, signed=signed),
    )
    shares = (now.completeness, before.completeness)
    if None not in shares and display_rules.completeness_differs(shares[0] or 0, shares[1] or 0):
        reason = message(
            "{reason} Assessed: {now}, before {before}.",
            reason=reason,
            now=written(whole_percent, shares[0] or 0),
            before=written(whole_percent, shares[1] or 0),
        )
    return Judgement(_status(indicator, found), Against.BEFORE, reason)


def _against_published(indicator: Indicator, published: Published, wording: Wording) -> Judgement:
    found = {Wording.HIGHER: Verdict.HIGHER, Wording.LOWER: Verdict.LOWER}.get(
        wording, Verdict.NO_CLEAR_DIFFERENCE
    )
    return Judgement(
        _status(indicator, found),
        Against.PUBLISHED,
        message(
            "{verdict} {paper}: {rate}.",
            verdict=published.verdict,
            paper=published.benchmark.paper,
            rate=written(value_shown, indicator, published.estimate),
        ),
    )


def value_shown(indicator: Indicator, estimate: Estimate) -> str:
    """A share in the indicator's unit; counts below ten, a dash for none."""
    x, n = estimate.numerator, estimate.denominator
    if estimate.value is None:
        return DASH
    if not display_rules.shows_percentage(n) or estimate.value == 0:
        return of_all(x, n)
    return _amount(indicator, estimate.value, n=n)


def interval_shown(indicator: Indicator, estimate: Estimate) -> str:
    """Limits in the indicator's unit, "up to" for a one-sided bound, a dash for none."""
    limits, n = estimate.interval, estimate.denominator
    if limits.lower is None or limits.upper is None:
        return DASH
    if limits.one_sided:
        return _("up to {bound}").format(bound=_amount(indicator, limits.upper, n=n))
    return _("{low} to {high}").format(
        low=_number(indicator, limits.lower, n=n), high=_amount(indicator, limits.upper, n=n)
    )


def target_shown(indicator: Indicator, target: Decimal) -> str:
    """A target as it was typed."""
    return _with_unit(indicator, as_typed(f"{target.normalize():f}"))


def _number(
    indicator: Indicator, share: float, *, n: float | None = None, signed: bool = False
) -> str:
    """A share in the indicator's unit, without the unit's name."""
    rare = indicator.unit is IndicatorUnit.PER_THOUSAND
    decimals = 1 if rare or n is None else display_rules.percentage_decimals(n)
    value = indicator.unit.of * share
    sign = "−" if value < 0 else "+" if signed else ""
    return sign + decimal(abs(value), decimals)


def _amount(
    indicator: Indicator, share: float, *, n: float | None = None, signed: bool = False
) -> str:
    return _with_unit(indicator, _number(indicator, share, n=n, signed=signed))


def _difference(indicator: Indicator, share: float, *, signed: bool) -> str:
    """A difference, in percentage points where the indicator is in per cent."""
    number = _number(indicator, share, signed=signed)
    if indicator.unit is IndicatorUnit.PERCENT:
        return _("{number} points").format(number=number)
    return _with_unit(indicator, number)


def _with_unit(indicator: Indicator, number: str) -> str:
    if indicator.unit is IndicatorUnit.PER_THOUSAND:
        return _("{number} per 1,000").format(number=number)
    return f"{number}{NARROW_SPACE}%"

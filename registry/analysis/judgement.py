"""Whether an indicator is better, worse or as expected, and why, in words.

An indicator stands against the clinic's target where one is set, else against its own twelve
months before, else against a published rate that counts the same. It is called worse or better only
when the interval leaves the comparison out, and when enough were followed up: as many as the clinic
asks for, and about as many as before. Nothing here speaks of causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from registry.analysis.benchmarks import Published
from registry.analysis.cohort import CohortFilter
from registry.analysis.indicators import LANDMARK, Measured
from registry.analysis.wording import (
    DASH,
    NARROW_SPACE,
    count,
    day,
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
    NOT_FOLLOWED_UP = "too_few_followed_up"

    @property
    def is_judged(self) -> bool:
        """Whether it says how the indicator stands to what it is compared with."""
        return self not in (Status.TOO_FEW, Status.NOT_FOLLOWED_UP)


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
    Status.NOT_FOLLOWED_UP: N_("Too few followed up"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Status, what it rests on, and the reason in words.

    ``is_incomplete`` says that fewer were followed up than the clinic asks for: a figure that is
    not to be quoted.
    """

    status: Status
    against: Against
    reason: Message
    is_incomplete: bool = False


def judge(
    indicator: Indicator,
    now: Measured,
    before: Measured | None,
    target: Decimal | None,
    published: Published | None,
    *,
    needed: float,
) -> Judgement:
    """Where the indicator stands. ``target`` is in its unit; ``published`` counts the same.

    ``needed`` is the share that the clinic asks to be followed up; below it nothing is compared.
    """
    lacking = too_little(indicator, now)
    if lacking is not None:
        return Judgement(Status.TOO_FEW, Against.NOTHING, lacking)
    if _is_below(now, needed):
        return _not_followed_up(now, needed)
    if target is not None:
        return _against_target(indicator, now, target)
    status, lacking = Status.TOO_FEW, _too_little_to_compare(indicator, now, before)
    if lacking is None and before is not None:
        status, lacking = Status.NOT_FOLLOWED_UP, _followed_up_unlike(now, before, needed)
        if lacking is None:
            return _against_before(indicator, now, before)
    if published is not None and published.wording is not None:
        return _against_published(indicator, published, published.wording)
    assert lacking is not None  # noqa: S101 - without an earlier figure something is lacking
    return Judgement(status, Against.NOTHING, lacking)


def _is_below(measured: Measured, needed: float) -> bool:
    return measured.completeness is not None and measured.completeness < needed


def _not_followed_up(now: Measured, needed: float) -> Judgement:
    return Judgement(
        Status.NOT_FOLLOWED_UP,
        Against.NOTHING,
        message(
            "Incomplete, not to be quoted: {share} were assessed, and this registry asks for "
            "{needed}.",
            share=written(whole_percent, now.completeness),
            needed=written(whole_percent, needed),
        ),
        is_incomplete=True,
    )


def _followed_up_unlike(now: Measured, before: Measured, needed: float) -> Message | None:
    """Why two spans are not compared that were not followed up alike; None when they were."""
    if now.completeness is None or before.completeness is None:
        return None
    parts = {
        "now": written(whole_percent, now.completeness),
        "before": written(whole_percent, before.completeness),
    }
    if display_rules.completeness_differs(now.completeness, before.completeness):
        return message(
            "Not compared: {now} were assessed, in the 12 months before {before}. Whoever is asked "
            "more often reports more.",
            **parts,
        )
    if _is_below(before, needed):
        return message(
            "Not compared: {now} were assessed, in the 12 months before {before}, fewer than this "
            "registry asks for.",
            **parts,
        )
    return None


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


_UNWANTED: Final = {
    IndicatorMeasure.SATISFACTION: N_("Not satisfied"),
    IndicatorMeasure.FOLLOW_UP: N_("Not seen"),
    IndicatorMeasure.ENTRY_DELAY: N_("Recorded later"),
}
"""What :func:`unwanted` counts where more is better."""


def _unwanted_name(indicator: Indicator) -> Message:
    return message(_UNWANTED.get(indicator.measure, N_("Cases")))


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
                "{counted} so far: {cases}; {needed} are needed to judge against your target of "
                "{target}. Look at each case.",
                counted=_unwanted_name(indicator),
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
            interval=written(interval_shown, now.told),
        ),
    )


def _too_little_to_compare(
    indicator: Indicator, now: Measured, before: Measured | None
) -> Message | None:
    if before is None:
        return message("Without a first day there is nothing before to compare with.")
    if too_little(indicator, before) is not None:
        return message(
            "Nothing to compare with: the 12 months before hold {count} of the {needed} {unit} "
            "needed.",
            count=written(count, before.observed),
            unit=message(before.estimate.unit),
            needed=display_rules.MINIMUM_GROUP_FOR_COMPARISON,
        )
    cases = sum(unwanted(indicator, one.estimate) for one in (now, before))
    if not display_rules.shows_comparison(cases, min(now.observed, before.observed)):
        text = (
            N_(
                "{counted} ({days}, and the 12 months before): {cases}; {needed} are needed to "
                "compare. Look at each case."
            )
            if cases
            else N_(
                "{counted} ({days}, and the 12 months before): none; {needed} are needed to "
                "compare."
            )
        )
        return message(
            text,
            counted=_unwanted_name(indicator),
            days=_days(now.cohort),
            cases=written(count, cases),
            needed=display_rules.MINIMUM_EVENTS_FOR_COMPARISON,
        )
    return None


def _days(cohort: CohortFilter) -> Message:
    """The days of a cohort that has a first one."""
    assert cohort.start is not None  # noqa: S101 - or there is nothing before to compare with
    if cohort.end is None:
        return message("since {start}", start=written(day, cohort.start))
    return message(
        "{start} to {end}", start=written(day, cohort.start), end=written(day, cohort.end)
    )


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
    is_rare = _is_rare(now.told) and _is_rare(before.told)
    reason = message(
        text,
        before=written(value_shown, before.told),
        low=written(_number, low, is_rare=is_rare, signed=signed),
        high=written(_difference, high, is_rare=is_rare, signed=signed),
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
            rate=written(value_shown, published.estimate),
        ),
    )


def value_shown(estimate: Estimate) -> str:
    """A share in per cent, or per 1,000 where it is rare; counts below ten, a dash for none."""
    x, n = estimate.numerator, estimate.denominator
    if estimate.value is None:
        return DASH
    if not display_rules.shows_percentage(n) or estimate.value == 0:
        return of_all(x, n)
    return _amount(estimate, estimate.value)


def interval_shown(estimate: Estimate) -> str:
    """Limits in the unit of the share, "up to" for a one-sided bound, a dash for none."""
    limits = estimate.interval
    if limits.lower is None or limits.upper is None:
        return DASH
    if limits.one_sided:
        bound = _amount(estimate, limits.upper)
        return _("up to {bound} (one-sided)").format(bound=bound)
    low = _number(limits.lower, is_rare=_is_rare(estimate), n=estimate.denominator)
    return _("{low} to {high}").format(low=low, high=_amount(estimate, limits.upper))


def target_shown(indicator: Indicator, target: Decimal) -> str:
    """A target as it was typed."""
    number = as_typed(f"{target.normalize():f}")
    return _with_unit(number, is_rare=indicator.unit is IndicatorUnit.PER_THOUSAND)


def _is_rare(estimate: Estimate) -> bool:
    """Whether a share and its limits are told per 1,000: where all of them are below 1 %."""
    ends = [end for end in (estimate.value, estimate.interval.upper) if end is not None]
    return bool(ends) and display_rules.is_written_per_thousand(max(ends))


def _number(share: float, *, is_rare: bool, n: float | None = None, signed: bool = False) -> str:
    """A share in per cent or per 1,000, without the unit's name."""
    decimals = 1 if is_rare or n is None else display_rules.percentage_decimals(n)
    value = (1000 if is_rare else 100) * share
    sign = "−" if value < 0 else "+" if signed else ""
    return sign + decimal(abs(value), decimals)


def _amount(estimate: Estimate, share: float) -> str:
    """The share, or one of the limits, of an estimate with its unit."""
    is_rare = _is_rare(estimate)
    return _with_unit(_number(share, is_rare=is_rare, n=estimate.denominator), is_rare=is_rare)


def _difference(share: float, *, is_rare: bool, signed: bool) -> str:
    """A difference, in percentage points where the shares are in per cent."""
    number = _number(share, is_rare=is_rare, signed=signed)
    if is_rare:
        return _with_unit(number, is_rare=True)
    return _("{number} points").format(number=number)


def _with_unit(number: str, *, is_rare: bool) -> str:
    if is_rare:
        return _("{number} per 1,000").format(number=number)
    return f"{number}{NARROW_SPACE}%"

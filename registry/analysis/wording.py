"""Numbers and rates in words, the same on pages, in the terminal and in print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry import language
from registry.analysis.results import Basis, CurvePoint, RateRow, RecurrenceRow
from registry.language import NARROW_SPACE as NARROW_SPACE
from registry.language import count as count
from registry.language import day as day
from registry.language import decimal as decimal
from registry.language import month as month
from registry.language import month_name as month_name
from registry.messages import N_, Message, _, message
from registry.statistics import display_rules
from registry.statistics.result import Estimate

DASH = "–"

METHODS: Final[Mapping[str, str]] = {
    "wilson": N_("Wilson"),
    "wilson_effective_n": N_("Wilson, by patient"),
    "clopper_pearson": N_("Clopper-Pearson"),
    "korn_graubard": N_("Korn-Graubard, by patient"),
    "zero_event_bound": N_("exact, one-sided"),
    "log_log": N_("log-log"),
    "log_log_by_patient": N_("log-log, by patient"),
    "kaplan_meier_log_log": N_("Kaplan-Meier"),
    "kaplan_meier_log_log_by_patient": N_("Kaplan-Meier, by patient"),
    "newcombe_by_patient": N_("Newcombe, by patient"),
    "linear_model_by_patient": N_("linear model, by patient"),
    "poisson_exact": N_("exact Poisson (O/E)"),
    "cluster_robust_risk_ratio": N_("Poisson regression, by patient"),
    "linearised_mean_by_patient": N_("Student's t, by patient"),
    "fieller_by_patient": N_("Fieller, by patient"),
    "kaplan_meier_zero_event_bound": N_("Kaplan-Meier, exact one-sided"),
}
"""How limits were found, by the name that an interval carries; "by patient" allows for several
sessions of one patient."""


def percent(value: float | None, denominator: float) -> str:
    """A share in per cent, with as many decimals as its denominator carries; a dash for none."""
    if value is None:
        return DASH
    return language.percent(value, display_rules.percentage_decimals(denominator))


UNITS: Final = (
    N_("sessions"),
    N_("patients"),
    N_("legs"),
    N_("Legs"),
    N_("sites"),
    N_("treated sites"),
    N_("courses"),
    N_("events"),
    N_("injections"),
    N_("expected events"),
    N_("records"),
    N_("fields"),
    N_("findings"),
    N_("claims"),
    N_("visits"),
    N_("days"),
    N_("of 10"),
    N_("percent"),
)
"""What estimates and reports count, as plain text that is translated where it is shown."""


def whole_percent(value: float) -> str:
    """A share in whole per cent."""
    return language.percent(value)


def per_thousand(value: float) -> str:
    """A small share as "8.7 per 1,000"."""
    return _("{number} per 1,000").format(number=decimal(1000 * value, 1))


def upper_bound(value: float | None, denominator: float) -> str:
    """An upper bound: per 1,000 when it is rare, in per cent otherwise."""
    if value is not None and display_rules.is_written_per_thousand(value):
        return per_thousand(value)
    return percent(value, denominator)


def bounds(lower: float | None, upper: float | None, denominator: float) -> str:
    """Two shares as "0.31–0.53 %"; a dash where one is not known."""
    if lower is None or upper is None:
        return DASH
    decimals = display_rules.percentage_decimals(denominator)
    return f"{decimal(100 * lower, decimals)}–{language.percent(upper, decimals)}"


def interval(estimate: Estimate) -> str:
    """Limits as "0.31–0.53 %", or "up to ..." for a one-sided bound; a dash for none."""
    limits, n = estimate.interval, estimate.denominator
    if limits.one_sided:
        return _("up to {bound}").format(bound=upper_bound(limits.upper, n))
    return bounds(limits.lower, limits.upper, n)


def of_all(part: float, whole: float) -> str:
    """A count of another: "3 of 1,200"."""
    return _("{part} of {whole}").format(part=count(part), whole=count(whole))


def share(estimate: Estimate) -> str:
    """A rate as it is shown alone: a dash without units, counts below ten, a bound for none."""
    x, n = estimate.numerator, estimate.denominator
    if estimate.value is None:
        return DASH
    if not display_rules.shows_percentage(n):
        return of_all(x, n)
    if x == 0 and estimate.interval.one_sided:
        return of_all(0, n)
    return percent(estimate.value, n)


def rate(row: RateRow) -> str:
    """The rate of a row as it is shown alone, or the range it lies in where there is only that."""
    if row.basis is Basis.BOUNDS:
        return bounds(row.best, row.worst, row.mature)
    return share(row.estimate)


def rate_sentence(row: RateRow) -> str:
    """The rate of one row as a sentence with counts, interval and what was not assessed."""
    estimate = row.estimate
    parts: list[Message] = []
    if row.basis is not Basis.PROPORTION:
        parts.append(_not_all_assessed(row))
    else:
        wording = display_rules.rate_wording(row.events, row.mature)
        limits, n = estimate.interval, row.mature
        parts.append(
            Message(
                display_rules.TEXT[wording],
                {
                    "unit": message(row.unit),
                    "numerator": count(row.events),
                    "denominator": count(n),
                    "rate": percent(estimate.value, n),
                    "lower": percent(limits.lower, n),
                    "upper": upper_bound(limits.upper, n)
                    if limits.one_sided
                    else percent(limits.upper, n),
                    "level": level(estimate),
                },
            )
        )
        if row.assessed < row.mature:
            parts.append(
                message(
                    "Not assessed to the end of the {window}-day window: {missing}.",
                    missing=count(row.mature - row.assessed),
                    window=row.window_days,
                )
            )
    return " ".join(str(part) for part in parts)


def _not_all_assessed(row: RateRow) -> Message:
    parts = {
        "best": percent(row.best, row.mature),
        "worst": percent(row.worst, row.mature),
        "assessed": count(row.assessed),
        "mature": count(row.mature),
        "events": count(row.events),
        "unit": message(row.unit),
    }
    if row.basis is Basis.BOUNDS:
        return message(
            "Between {best} and {worst}: {events} of {mature} {unit} had it and {assessed} were "
            "assessed, so the others could be either.",
            **parts,
        )
    if row.estimate.value is None:
        return message(
            "Events: {events}. Of {mature} {unit} {assessed} were assessed, none without an "
            "event to the end of the window: the rate lies between {best} and {worst}.",
            **parts,
        )
    limits = row.estimate.interval
    parts |= {
        "lower": percent(limits.lower, row.mature),
        "upper": upper_bound(limits.upper, row.mature),
        "level": level(row.estimate),
    }
    if row.events == 0:
        return message(
            "0 of {mature} {unit}; assessed: {assessed}. A true rate up to {upper} is compatible "
            "with this ({level} confidence). If all of the others had it: {worst}.",
            **parts,
        )
    if not display_rules.shows_percentage(row.mature):
        return message(
            "{events} of {mature} {unit}; assessed: {assessed}. Too few for a percentage; a true "
            "rate from {lower} to {upper} is compatible with this ({level} confidence).",
            **parts,
        )
    return message(
        "About {rate} ({level} CI {interval}) by Kaplan-Meier. Events: {events}; assessed: "
        "{assessed} of {mature} {unit}. If none or all of the others had it: {best} or {worst}.",
        rate=percent(row.estimate.value, row.mature),
        interval=interval(row.estimate),
        **parts,
    )


def method(estimate: Estimate) -> Message:
    """How the limits were found; a dash where there are none."""
    limits = estimate.interval
    if limits.lower is None or limits.upper is None:
        return Message(DASH)
    return message(METHODS.get(limits.method, limits.method.replace("_", " ")))


def level(estimate: Estimate) -> str:
    """The confidence level, "95 %"."""
    return language.percent(estimate.interval.level)


def at_landmark(estimate: Estimate, point: CurvePoint) -> str:
    """An incidence on a day; a dash where it cannot be estimated or too few are observed.

    Where none was seen, of how many still observed: the bound rests on them.
    """
    if not display_rules.shows_landmark(point.at_risk):
        return DASH
    if estimate.value == 0:
        return of_all(0, point.at_risk)
    return percent(estimate.value, estimate.denominator)


def interval_at_landmark(estimate: Estimate, point: CurvePoint) -> str:
    """Limits of an incidence on a day; a dash where the incidence has one."""
    return interval(estimate) if display_rules.shows_landmark(point.at_risk) else DASH


def recurrence_sentence(row: RecurrenceRow, point: CurvePoint) -> Message:
    """How many treated sites with success had recurred by a day, or why that is not known."""
    estimate, sites = point.recurrence, row.success.numerator
    parts = {"sites": count(sites), "at_risk": count(point.at_risk), "day": point.day}
    if not sites:
        return message("No site with success yet, so no recurrence can be observed.")
    if estimate.value is None or not display_rules.shows_landmark(point.at_risk):
        return message(
            "Not known at day {day}: of {sites} sites with success {at_risk} are still observed "
            "then, and fewer than {fewest} say too little.",
            fewest=display_rules.MINIMUM_AT_RISK_FOR_LANDMARK,
            **parts,
        )
    if estimate.numerator == 0:
        if estimate.interval.upper is None:
            return message(
                "No recurrence by day {day} among {sites} sites with success, {at_risk} of them "
                "still observed.",
                **parts,
            )
        return message(
            "No recurrence by day {day} among {sites} sites with success, {at_risk} of them still "
            "observed. A true share up to {upper} is compatible with this ({level} confidence).",
            upper=upper_bound(estimate.interval.upper, estimate.denominator),
            level=level(estimate),
            **parts,
        )
    return message(
        "{rate} of {sites} sites with success had recurred by day {day} ({level} CI {interval}); "
        "{at_risk} are still observed.",
        rate=percent(estimate.value, sites),
        level=level(estimate),
        interval=interval(estimate),
        **parts,
    )


def clear_sentence(row: RecurrenceRow) -> Message:
    """Clear and not retreated at 12 months, among all treated sites old enough."""
    estimate = row.clear_at_12_months
    mature, assessed = row.mature_at_12_months, row.assessed_at_12_months
    if not mature:
        return message("No treated site is old enough for the 12-month visit yet.")
    if not assessed:
        return message(
            "None of the {mature} sites old enough for it was looked at at 12 months.",
            mature=count(mature),
        )
    parts = {
        "clear": count(estimate.numerator),
        "assessed": count(assessed),
        "mature": count(mature),
        "worst": percent(row.clear_worst, mature),
        "best": percent(row.clear_best, mature),
    }
    if estimate.value is None:
        return message(
            "Between {worst} and {best}: {clear} of {mature} sites old enough were seen clear and "
            "{assessed} were looked at, so the others could be either.",
            **parts,
        )
    return message(
        "{clear} of the {mature} sites old enough ({level} CI {interval}); {assessed} of them were "
        "looked at.",
        level=level(estimate),
        interval=interval(estimate),
        **parts,
    )


def clear_share(row: RecurrenceRow) -> str:
    """The share clear at 12 months, or the range it lies in when too many were not looked at."""
    estimate, mature = row.clear_at_12_months, row.mature_at_12_months
    if estimate.value is None and mature:
        return bounds(row.clear_worst, row.clear_best, mature)
    return share(estimate)


def success_sentence(row: RecurrenceRow) -> Message:
    """How many sites were cleared or occluded, and how many never were."""
    if not row.assessed:
        return message(
            "None of the {sites} treated sites was looked at after its last planned session.",
            sites=count(row.sites),
        )
    text = (
        N_(
            "Sites looked at: {assessed}; cleared or occluded: {success} ({share}, {level} CI "
            "{interval}); sites treated: {sites}."
        )
        if row.assessed == 1
        else N_(
            "{success} of {assessed} sites looked at were cleared or occluded ({share}, {level} "
            "CI {interval}); {never} never were. {sites} sites were treated."
        )
    )
    return message(
        text,
        success=count(row.success.numerator),
        assessed=count(row.assessed),
        share=share(row.success),
        level=level(row.success),
        interval=interval(row.success),
        never=count(row.assessed - row.success.numerator),
        sites=count(row.sites),
    )

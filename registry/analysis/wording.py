"""Numbers and rates in words, the same on pages, in the terminal and in print."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from registry.analysis.results import Basis, RateRow
from registry.messages import Message, message, render
from registry.statistics import display_rules
from registry.statistics.result import Estimate

DASH = "–"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def count(value: float) -> str:
    """A whole number with its thousands set apart."""
    return f"{value:,.0f}"


def day(value: dt.date) -> str:
    """A day as 23 Nov 2026."""
    return f"{value.day} {value:%b %Y}"


def percent(value: float | None, denominator: float) -> str:
    """A share in per cent, with as many decimals as its denominator carries; a dash for none."""
    if value is None:
        return DASH
    decimals = display_rules.percentage_decimals(denominator)
    return f"{100 * value:.{decimals}f}{NARROW_SPACE}%"


def upper_bound(value: float | None, denominator: float) -> str:
    """An upper bound: per 1,000 when it is rare, in per cent otherwise."""
    if value is not None and display_rules.is_written_per_thousand(value):
        return f"{1000 * value:.1f} per 1,000"
    return percent(value, denominator)


def interval(estimate: Estimate) -> str:
    """Limits as "0.31–0.53 %", or "up to ..." for a one-sided bound; a dash for none."""
    limits, n = estimate.interval, estimate.denominator
    if limits.one_sided:
        return f"up to {upper_bound(limits.upper, n)}"
    if limits.lower is None or limits.upper is None:
        return DASH
    decimals = display_rules.percentage_decimals(n)
    return f"{100 * limits.lower:.{decimals}f}–{100 * limits.upper:.{decimals}f}{NARROW_SPACE}%"


def share(estimate: Estimate) -> str:
    """A rate as it is shown alone: a dash without units, counts below ten, a bound for none."""
    x, n = estimate.numerator, estimate.denominator
    if estimate.value is None:
        return DASH
    if not display_rules.shows_percentage(n):
        return f"{count(x)} of {count(n)}"
    if x == 0 and estimate.interval.one_sided:
        return f"0 of {count(n)}"
    return percent(estimate.value, n)


def rate_sentence(row: RateRow, translate: Callable[[str], str] | None = None) -> str:
    """The rate of one row as a sentence with counts, interval and what was not assessed."""
    estimate = row.estimate
    parts: list[Message] = []
    if row.basis is Basis.KAPLAN_MEIER:
        parts.append(_not_all_assessed(row))
    else:
        wording = display_rules.rate_wording(row.events, row.mature)
        limits, n = estimate.interval, row.mature
        parts.append(
            Message(
                display_rules.TEXT[wording],
                {
                    "unit": message("sessions"),
                    "numerator": count(row.events),
                    "denominator": count(n),
                    "rate": percent(estimate.value, n),
                    "lower": percent(limits.lower, n),
                    "upper": upper_bound(limits.upper, n)
                    if limits.one_sided
                    else percent(limits.upper, n),
                    "level": f"{100 * limits.level:.0f}{NARROW_SPACE}%",
                },
            )
        )
        if row.assessed < row.mature:
            parts.append(
                message(
                    "{missing} of them were not assessed to the end of the {window}-day window.",
                    missing=count(row.mature - row.assessed),
                    window=row.window_days,
                )
            )
    if translate is None:
        return " ".join(str(part) for part in parts)
    return " ".join(render(part, translate) for part in parts)


def _not_all_assessed(row: RateRow) -> Message:
    bounds = {
        "best": percent(row.best, row.mature),
        "worst": percent(row.worst, row.mature),
        "assessed": count(row.assessed),
        "mature": count(row.mature),
        "events": count(row.events),
    }
    if row.estimate.value is None:
        return message(
            "{events} events were recorded, but only {assessed} of {mature} sessions were assessed "
            "and nobody to the end of the window: the rate lies between {best} and {worst}.",
            **bounds,
        )
    return message(
        "About {rate} (95 % CI {interval}) by Kaplan-Meier: {events} events, {assessed} of "
        "{mature} sessions assessed. If none or all of the others had it, {best} or {worst}.",
        rate=percent(row.estimate.value, row.mature),
        interval=interval(row.estimate),
        **bounds,
    )

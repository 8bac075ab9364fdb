"""Costs in words, the same on pages, in the terminal and in print."""

from __future__ import annotations

from registry.analysis import wording
from registry.analysis.costs import ClearedCost, CostReport, CostRow
from registry.language import decimal
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.result import Estimate

NO_BREAK: str = "\N{NO-BREAK SPACE}"


def money(value: float | None, currency: str) -> str:
    """An amount after the code of its currency, with as many decimals as that has; or a dash."""
    if value is None:
        return wording.DASH
    return f"{currency}{NO_BREAK}{_digits(value, currency)}"


def mean(estimate: Estimate, currency: str) -> str:
    """A mean amount; a dash below ten, which say too little for one."""
    return money(estimate.value, currency) if _is_shown(estimate) else wording.DASH


def median(value: float | None, estimate: Estimate, currency: str) -> str:
    """The middle amount; a dash where there is no mean either."""
    return money(value, currency) if _is_shown(estimate) else wording.DASH


def interval(estimate: Estimate, currency: str) -> str:
    """Limits of a mean amount; a dash where there are none or too few for it."""
    return _limits(estimate, currency) if _is_shown(estimate) else wording.DASH


def per_clear(clear: ClearedCost, currency: str) -> str:
    """Cost per patient seen clear; a dash where too few stand behind it."""
    return money(clear.estimate.value, currency) if clear.is_shown else wording.DASH


def interval_per_clear(clear: ClearedCost, currency: str) -> str:
    """Its limits; a dash where there are none."""
    return _limits(clear.estimate, currency) if clear.is_shown else wording.DASH


def summary(report: CostReport) -> tuple[Message, ...]:
    """Everything that is said of all sessions, currency by currency."""
    said = [known_sentence(report)]
    for total in report.totals:
        said += sentences(total, report.visit_label)
    return tuple(said)


def sentences(total: CostRow, visit: Message) -> tuple[Message, ...]:
    """What sessions, courses and clear patients cost."""
    return session_sentence(total), course_sentence(total), clear_sentence(total, visit)


def known_sentence(report: CostReport) -> Message:
    """Of how many sessions an amount is known."""
    whole = report.known[0]
    return message(
        "An amount is recorded for {priced} of {sessions} sessions ({share}).",
        priced=wording.count(whole.priced),
        sessions=wording.count(whole.sessions),
        share=wording.percent(whole.priced / whole.sessions, whole.sessions)
        if whole.sessions
        else wording.DASH,
    )


def session_sentence(row: CostRow) -> Message:
    """What sessions cost: mean with its interval, median, number and sum."""
    found = row.session
    parts = {
        "sessions": wording.count(found.denominator),
        "patients": wording.count(row.patients),
        "total": money(found.numerator, row.currency),
        "mean": money(found.value, row.currency),
        "median": money(row.median_session, row.currency),
    }
    if not _is_shown(found):
        return message("Sessions: {sessions}, {total} in all. Too few for a mean.", **parts)
    if found.interval.upper is None:
        return message(
            "{mean} per session. Sessions: {sessions}, patients: {patients}, {total} in all. "
            "Without limits, as all amounts are alike or all of one patient.",
            **parts,
        )
    return message(
        "{mean} per session on average ({level} CI {interval}), median {median}. Sessions: "
        "{sessions}, patients: {patients}, {total} in all.",
        level=wording.level(found),
        interval=_limits(found, row.currency),
        **parts,
    )


def course_sentence(row: CostRow) -> Message:
    """What complete courses cost."""
    found = row.course
    parts = {
        "courses": wording.count(found.denominator),
        "total": money(found.numerator, row.currency),
        "mean": money(found.value, row.currency),
        "median": money(row.median_course, row.currency),
    }
    if not found.denominator:
        return message("No course has ended with an amount for each of its sessions.")
    if not _is_shown(found):
        return message("Courses: {courses}, {total} in all. Too few for a mean.", **parts)
    if found.interval.upper is None:
        return message(
            "{mean} per course. Courses: {courses}. Without limits, as all amounts are alike or "
            "all of one patient.",
            **parts,
        )
    return message(
        "{mean} per course on average ({level} CI {interval}), median {median}. Courses that have "
        "ended: {courses}.",
        level=wording.level(found),
        interval=_limits(found, row.currency),
        **parts,
    )


def clear_sentence(row: CostRow, visit: Message) -> Message:
    """What was paid for each patient seen clear at a visit, or why that is not said."""
    clear, found = row.clear, row.clear.estimate
    parts: dict[str, object] = {
        "visit": visit,
        "patients": wording.count(clear.patients),
        "cleared": wording.count(clear.cleared),
        "unknown": wording.count(clear.not_assessed),
        "total": money(found.numerator, row.currency),
        "value": money(found.value, row.currency),
        "best": money(clear.best, row.currency),
        "fewest": display_rules.MINIMUM_EVENTS_FOR_COMPARISON,
        "fewest_patients": display_rules.MINIMUM_DENOMINATOR_FOR_PERCENTAGE,
    }
    if not clear.patients:
        return message(
            "No patient with an amount for every session is old enough for “{visit}”.", **parts
        )
    if not clear.is_shown:
        return message(
            "Patients old enough for “{visit}”: {patients}, seen clear: {cleared}, not looked at: "
            "{unknown}. Too few: {fewest_patients} patients are needed, {fewest} of them clear.",
            **parts,
        )
    if found.interval.upper is None:
        parts["limits"] = message("no upper limit, as too few were clear")
    else:
        parts["limits"] = message(
            "{level} CI {interval}",
            level=wording.level(found),
            interval=_limits(found, row.currency),
        )
    if not clear.not_assessed:
        return message(
            "{value} per patient seen clear ({limits}): {total} for {patients} patients, of whom "
            "{cleared} were clear at “{visit}”.",
            **parts,
        )
    return message(
        "{value} per patient seen clear ({limits}): {total} for {patients} patients, of whom "
        "{cleared} were clear at “{visit}”. Not looked at: {unknown}; if all of those were clear, "
        "it would be {best}.",
        **parts,
    )


def _is_shown(estimate: Estimate) -> bool:
    return display_rules.shows_percentage(estimate.denominator)


def _limits(estimate: Estimate, currency: str) -> str:
    lower, upper = estimate.interval.lower, estimate.interval.upper
    if lower is None or upper is None:
        return wording.DASH
    return f"{currency}{NO_BREAK}{_digits(lower, currency)}–{_digits(upper, currency)}"


def _digits(value: float, currency: str) -> str:
    from babel.numbers import get_currency_precision

    return decimal(value, get_currency_precision(currency))

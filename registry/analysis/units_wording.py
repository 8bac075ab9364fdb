"""Where clinicians and clinics stand, in words: never who is best, never why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.analysis import wording
from registry.analysis.sharing import HIDDEN, Pool, SharedRow
from registry.analysis.units import Standing, UnitRow, UnitsReport
from registry.language import as_typed
from registry.messages import Message, _, listed, message
from registry.statistics import display_rules
from registry.statistics.result import Estimate

STANDINGS: Final[Mapping[Standing, Message]] = {
    Standing.NOT_JUDGED: message("Not judged"),
    Standing.WITHIN: message("Within limits"),
    Standing.REVIEW_CASES: message("Few events: review the cases"),
    Standing.HIGH_ALERT: message("High: outside 95 %"),
    Standing.HIGH_ALARM: message("High: outside 99.8 %"),
    Standing.LOW_ALERT: message("Low: outside 95 %"),
    Standing.LOW_ALARM: message("Low: outside 99.8 %"),
}
NOT_A_VERDICT: Final = message(
    "A flag is a question, not a verdict: first the data, then case mix, follow-up and chance, "
    "and only then practice."
)
_LIST_OF_NAMES: Final = 6


def answer(report: UnitsReport) -> tuple[Message, ...]:
    """What the report says in one or two sentences, for whoever reads only that."""
    if not report.total.mature:
        return (message("No session is old enough yet to be counted."),)
    if len(report.rows) < 2:
        return (message("There is only one here, so there is nothing to hold it against."),)
    if not report.is_judged:
        return (_why_not_judged(report),)
    flagged = [row for row in report.rows if row.standing.is_flagged]
    parts = {
        "all": wording.count(len(report.rows)),
        "target": wording.percent(report.target, report.total.mature),
    }
    if not flagged:
        return (
            message(
                "None of the {all} stands outside the limits around the common rate of {target}.",
                **parts,
            ),
        )
    named = listed(
        [
            message("{name} ({standing})", name=row.label, standing=STANDINGS[row.standing])
            for row in flagged[:_LIST_OF_NAMES]
        ],
        "; ",
    )
    return (
        message(
            "{count} of {all} outside the limits around the common rate of {target}: {named}.",
            count=wording.count(len(flagged)),
            named=named,
            **parts,
        ),
        by_chance(report),
        NOT_A_VERDICT,
    )


def _why_not_judged(report: UnitsReport) -> Message:
    if not report.total.events:
        return message("No event was recorded, so there is nothing to hold anybody against.")
    return message(
        "Nobody is held against limits here: that takes at least {units} units, most of them with "
        "{sessions} sessions or more. Rates and intervals stand in the table.",
        units=display_rules.MINIMUM_UNITS_FOR_FUNNEL,
        sessions=display_rules.MINIMUM_SESSIONS_IN_FUNNEL,
    )


def by_chance(report: UnitsReport) -> Message:
    """How many flags chance alone would raise."""
    return message(
        "If all had the same rate, chance alone would put up to {count} of {all} outside the 95 % "
        "limits; the false discovery rate q allows for so many looks.",
        count=wording.decimal(0.05 * len(report.rows), 1),
        all=wording.count(len(report.rows)),
    )


def spread(report: UnitsReport) -> Message | None:
    """Variation between units beyond chance, with the flags before and after allowing for it."""
    between = report.dispersion
    if between is None:
        return None
    parts = {
        "phi": wording.decimal(between.phi, 2),
        "p": p_value(between.p_value)
        if between.p_value < 0.001
        else f"= {p_value(between.p_value)}",
        "flags": sum(row.standing.is_flagged for row in report.rows),
    }
    if between.adjustment is None:
        return message(
            "Variation between units: φ = {phi} (p {p}), no more than chance explains; flags "
            "({flags}) are not adjusted for it.",
            **parts,
        )
    return message(
        "Variation between units: φ = {phi} (p {p}), τ = {tau} points; they differ by more than "
        "chance explains. Flags: {flags} exact, {left} if that variation is allowed for.",
        tau=wording.decimal(100 * between.tau_squared**0.5, 1),
        left=sum(row.adjusted is not None and row.adjusted.is_flagged for row in report.rows),
        **parts,
    )


def p_value(value: float | None) -> str:
    """A p-value with two significant digits; a dash for none."""
    if value is None:
        return wording.DASH
    return as_typed("< 0.001" if value < 0.001 else f"{value:.2g}")


def ratio(estimate: Estimate | None) -> str:
    """O/E as "1.14 (0.74–1.67)"; counts alone where too little is expected; a dash for none."""
    if estimate is None or estimate.value is None:
        return wording.DASH
    if not display_rules.judges_ratio(estimate.denominator):
        return f"{wording.count(estimate.numerator)} / {wording.decimal(estimate.denominator, 1)}"
    limits = estimate.interval
    shown = wording.decimal(estimate.value, 2)
    if limits.lower is None or limits.upper is None:
        return shown
    return f"{shown} ({wording.decimal(limits.lower, 2)}–{wording.decimal(limits.upper, 2)})"


def smoothed(row: UnitRow) -> str:
    """The smoothed rate; a dash where nothing is smoothed."""
    found = row.smoothed
    return wording.DASH if found is None else wording.percent(found.smoothed, row.rate.mature)


def shared_count(count: int | None) -> str:
    """A count that crosses clinics or leaves the registry, or that it is hidden; never 0 then."""
    return _("hidden") if count is None else wording.count(count)


def shared_rate(row: SharedRow) -> str:
    """A rate that leaves the registry, or that it is hidden."""
    return _("hidden") if row.estimate is None else wording.share(row.estimate)


def others(pool: Pool) -> Message:
    """All other clinics of the registry in a sentence."""
    years = listed([message("{year}", year=str(year)) for year in pool.years])
    if pool.row is None:
        return message(
            "Other clinics of this registry: too few to be shown together without telling who "
            "they are."
        )
    if pool.row.numerator is None or pool.row.denominator is None or pool.row.estimate is None:
        return message(
            "All other clinics of this registry, {years}: {hidden}.", years=years, hidden=HIDDEN
        )
    return message(
        "All other clinics of this registry ({clinics} or more), {years}: recorded in {events} of "
        "{sessions} sessions ({rate}, 95 % interval {interval}). How many of these were not "
        "assessed does not leave a clinic.",
        clinics=pool.clinics,
        years=years,
        events=wording.count(pool.row.numerator),
        sessions=wording.count(pool.row.denominator),
        rate=wording.share(pool.row.estimate),
        interval=wording.interval(pool.row.estimate),
    )

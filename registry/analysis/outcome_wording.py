"""What patients say in words: satisfaction, who improved, and by how much."""

from __future__ import annotations

from registry.analysis.reported_outcomes import OutcomeRow, Satisfaction
from registry.analysis.wording import DASH, count, interval, level, percent
from registry.language import as_typed
from registry.messages import Message, _, message
from registry.statistics import display_rules


def satisfaction_sentence(found: Satisfaction) -> Message:
    """How many of those who answered were satisfied, and how many were not asked."""
    answered = int(found.estimate.denominator)
    parts = {
        "satisfied": count(found.estimate.numerator),
        "answered": count(answered),
        "treated": count(found.treated),
    }
    if not answered:
        return message("Nobody was asked about it. Patients treated: {treated}.", **parts)
    if not display_rules.shows_percentage(answered):
        return message(
            "{satisfied} of {answered} who were asked were satisfied or very satisfied; too few "
            "for a percentage. Treated: {treated}.",
            **parts,
        )
    return message(
        "{satisfied} of {answered} patients were satisfied or very satisfied when last asked "
        "({level} CI {interval}). Treated: {treated}.",
        level=level(found.estimate),
        interval=interval(found.estimate),
        **parts,
    )


def scale(row: OutcomeRow) -> Message:
    """Range and direction: "0 (best) to 10"."""
    lowest, highest = f"{row.minimum:g}", f"{row.maximum:g}"
    if row.higher_is_better:
        return message("{lowest} to {highest} (best)", lowest=lowest, highest=highest)
    return message("{lowest} (best) to {highest}", lowest=lowest, highest=highest)


def asked_twice(row: OutcomeRow) -> str:
    """Units with a score before and after, of those old enough."""
    shown = percent(row.completeness, row.eligible)
    if not display_rules.shows_percentage(row.eligible):
        return f"{count(row.pairs)} / {count(row.eligible)}"
    return f"{count(row.pairs)} / {count(row.eligible)} ({shown})"


def medians(row: OutcomeRow) -> str:
    """Median before and after, "6 → 2"; a dash without pairs."""
    if row.median_before is None or row.median_after is None:
        return DASH
    return as_typed(f"{row.median_before:g} → {row.median_after:g}")


def median_change(row: OutcomeRow) -> str:
    """Median change with its quartiles, "−3 (−5 to −1)"; a dash without pairs."""
    if row.median_change is None or row.quartiles is None:
        return DASH
    lower, upper = row.quartiles
    return _("{median} ({lower} to {upper})").format(
        median=_signed(row.median_change), lower=_signed(lower), upper=_signed(upper)
    )


def _signed(value: float) -> str:
    rounded = round(value, 1)
    if rounded == 0:
        return "0"
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}"
    return as_typed(f"{sign}{abs(rounded):g}")

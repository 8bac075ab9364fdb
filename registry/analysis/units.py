"""Clinicians of a clinic, or clinics, against their common rate: who stands outside chance.

No league table: rows stand in the order of their codes, nothing is ranked, and among clinicians
only the reader's own row carries a name. A flag asks for a check of the data, of case mix and of
follow-up before anybody asks about practice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import groups_of
from registry.analysis.counting import (
    ANY,
    Flags,
    Outcome,
    defined,
    history_of,
    is_mature,
    outcome_of,
)
from registry.analysis.dimensions import NOT_RECORDED
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import row_maker
from registry.analysis.results import (
    Excluded,
    Heading,
    RateRow,
    estimate_dict,
    heading_dict,
    prefixed,
    rate_dict,
)
from registry.analysis.sharing import NotShareable, Pool, all_other_clinics
from registry.errors import NotFound
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.funnel import (
    ALARM_TAIL,
    ALERT_TAIL,
    TEXT,
    Dispersion,
    Flag,
    Funnel,
    FunnelCaution,
    FunnelUnit,
    binomial_limits,
    funnel,
    ratio_funnel,
)
from registry.statistics.result import Estimate
from registry.statistics.shrinkage import SmoothedUnit, beta_binomial
from registry.statistics.standardisation import standardise

BY_CLINICIAN: Final = "clinician"
BY_CLINIC: Final = "clinic"
GROUPINGS: Final = (BY_CLINICIAN, BY_CLINIC)
STRATA: Final = ("vessel_class", "form")
"""What is alike in O/E: known before treatment, and recorded for nearly every session."""
_POINTS_OF_A_LINE: Final = 120


class Standing(StrEnum):
    """Where a unit stands; what may be said of it."""

    NOT_JUDGED = "not_judged"
    """No funnel: too few units, too few sessions, or no event at all."""
    WITHIN = "within"
    REVIEW_CASES = "review_cases"
    """Flagged as high by one to four events: the cases say more than the flag."""
    HIGH_ALERT = "high_alert"
    HIGH_ALARM = "high_alarm"
    LOW_ALERT = "low_alert"
    LOW_ALARM = "low_alarm"

    @property
    def is_flagged(self) -> bool:
        """Whether the unit is outside the 95 % or 99.8 % limits by exact tails."""
        return self not in {Standing.NOT_JUDGED, Standing.WITHIN}


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A clinician or clinic. ``rate`` holds counts, completeness, rate and interval.

    ``standing`` is by exact binomial tails around the common rate, ``adjusted`` what is left of it
    when variation between units is allowed for (None where it is not), ``standing_at_equal_mix``
    by exact Poisson tails of ``ratio``, O/E at equal vessel class and form (None with too few
    events). ``mid_p`` is two-sided, ``q_value`` its false discovery rate (Benjamini & Hochberg
    1995). ``is_named``: enough sessions to be marked in the picture. ``is_own``: the reader's.
    """

    rate: RateRow
    is_own: bool
    is_named: bool
    standing: Standing
    adjusted: Standing | None
    ratio: Estimate | None
    standing_at_equal_mix: Standing | None
    mid_p: float | None
    q_value: float | None
    smoothed: SmoothedUnit | None

    @property
    def code(self) -> str:
        """Code of the unit."""
        return self.rate.code

    @property
    def share(self) -> float | None:
        """Events of mature sessions, around which the limits are made; None without a session."""
        return self.rate.events / self.rate.mature if self.rate.mature else None

    @property
    def label(self) -> Message:
        """Name of the reader's own row and of clinics, otherwise a number."""
        return self.rate.label


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """Exact limits around the common rate for so many sessions; None where none is drawn."""

    sessions: int
    alert: tuple[float | None, float | None]
    alarm: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class UnitsReport:
    """One outcome by clinician or clinic.

    ``target`` is the rate of all units together, ``lines`` are empty where no funnel may be drawn.
    ``dispersion`` is None where variation between units cannot be estimated. ``others`` are the
    clinics in which the reader has no right; ``others_withheld`` says why they are not shown.
    """

    heading: Heading
    event: str
    event_label: Message
    by: str
    total: RateRow
    rows: tuple[UnitRow, ...]
    target: float | None
    lines: tuple[LimitPoint, ...]
    dispersion: Dispersion | None
    others: Pool | None
    others_withheld: Message | None
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def own(self) -> UnitRow | None:
        """The reader's own row, if there is one."""
        return next((row for row in self.rows if row.is_own), None)

    @property
    def is_judged(self) -> bool:
        """Whether units are held against limits at all."""
        return bool(self.lines)

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        between = self.dispersion
        shown = self.others.row if self.others else None
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "by": self.by,
            "target": self.target,
            "total": rate_dict(self.total),
            "rows": [
                {
                    **rate_dict(row.rate),
                    **_judgement_dict(row),
                    "ratio": estimate_dict(row.ratio) if row.ratio else None,
                }
                for row in self.rows
            ],
            "dispersion": None
            if between is None
            else {
                "phi": between.phi,
                "p_value": between.p_value,
                "tau_squared": between.tau_squared,
                "adjustment": between.adjustment,
            },
            "all_other_clinics": shown.to_dict() if shown else None,
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a unit, all together first."""
        nothing = dict.fromkeys(
            (*_JUDGEMENT, "ratio", "ratio_lower", "ratio_upper", "ratio_method", "expected")
        )
        flat = [rate_dict(self.total, flat=True) | nothing]
        for row in self.rows:
            ratio = prefixed("ratio", row.ratio) if row.ratio else {}
            flat.append(
                rate_dict(row.rate, flat=True)
                | nothing
                | _judgement_dict(row)
                | ratio
                | {"expected": row.ratio.denominator if row.ratio else None}
            )
        return flat


_JUDGEMENT: Final = (
    "standing",
    "standing_adjusted",
    "standing_at_equal_mix",
    "mid_p",
    "q_value",
    "smoothed",
    "smoothed_lower",
    "smoothed_upper",
)


def _judgement_dict(row: UnitRow) -> dict[str, Any]:
    smoothed = row.smoothed
    return dict(
        zip(
            _JUDGEMENT,
            (
                row.standing.value,
                row.adjusted.value if row.adjusted else None,
                row.standing_at_equal_mix.value if row.standing_at_equal_mix else None,
                row.mid_p,
                row.q_value,
                smoothed.smoothed if smoothed else None,
                smoothed.lower if smoothed else None,
                smoothed.upper if smoothed else None,
            ),
            strict=True,
        )
    )


def units(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    event: str = ANY,
    group_by: str = BY_CLINICIAN,
) -> UnitsReport:
    """One outcome in each clinician, or clinic, of the clinics whose rates the actor may read.

    Of all other clinics there is one row together, of closed years and with small counts hidden,
    and only for any complication. Raises :class:`NotFound` for an unknown outcome or grouping.
    """
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "Units are {known}; not “{asked}”.",
                known=", ".join(GROUPINGS),
                asked=group_by[:40],
            )
        )
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    groups = groups_of(facts, group_by, chosen, by)
    named = [group for group in groups if group[0] != NOT_RECORDED]
    of_units = np.any([flags for _, _, flags in named], axis=0) if named else chosen & False
    without = int((chosen & ~of_units).sum())
    measure = row_maker(facts, today)
    rates = [measure(outcome, flags, code, label) for code, label, flags in named]
    total = measure(outcome, of_units, "total", message("All together"))
    mature = is_mature(facts, outcome, today)
    counted = of_units & mature
    events = np.array([rate.events for rate in rates], dtype=np.int64)
    sessions = np.array([rate.mature for rate in rates], dtype=np.int64)
    codes = [rate.code for rate in rates]
    found = funnel(codes, events, sessions)
    ratios = _ratios(facts, outcome, counted, [flags & mature for _, _, flags in named])
    mix = None
    if ratios:
        mix = ratio_funnel(codes, events, [ratio.denominator for ratio in ratios])
    smoothed = beta_binomial(codes, events, sessions)
    own = {code for code, (_, user) in facts.clinicians.items() if user == by.user_id}
    crude = {unit.name: unit for unit in found.units}
    levelled = {unit.name: unit for unit in mix.units} if mix else {}
    is_adjusted = found.dispersion is not None and found.dispersion.adjustment is not None
    rows = tuple(
        _row(
            rate,
            crude.get(rate.code) if found.is_shown else None,
            levelled.get(rate.code) if found.is_shown else None,
            ratios[i] if ratios else None,
            smoothed.units[i] if smoothed.units[i].smoothed is not None else None,
            is_own=group_by == BY_CLINICIAN and rate.code in own,
            is_adjusted=is_adjusted,
        )
        for i, rate in enumerate(rates)
    )
    others, withheld = (
        _others(engine, by, cohort, today, outcome) if group_by == BY_CLINIC else (None, None)
    )
    definition = message(
        "Sessions followed by “{event}” within its window of at most {window} days, of all "
        "sessions at least {age} days old. Limits are exact binomial ones around the rate "
        "of all together (95 % and 99.8 %). O/E: events over the events expected if every "
        "session had the rate that all together have in sessions of its vessel class and "
        "form. Smoothed: drawn to the common rate, the more so the fewer the sessions "
        "(beta-binomial).",
        event=outcome.label,
        window=outcome.window_days,
        age=outcome.mature_after_days,
    )
    return UnitsReport(
        heading=Heading(
            "units",
            message("{event} by {unit}", event=outcome.label, unit=message(group_by)),
            defined(definition, outcome),
            "sessions",
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        by=group_by,
        total=total,
        rows=rows,
        target=found.target if total.mature else None,
        lines=_lines(found.target, sessions) if found.is_shown else (),
        dispersion=found.dispersion if found.is_shown else None,
        others=others,
        others_withheld=withheld,
        excluded=tuple(
            item
            for item in (
                Excluded(
                    message("sessions not yet old enough to be assessed"),
                    int((of_units & ~mature).sum()),
                ),
                Excluded(message("sessions without a clinician"), without),
            )
            if item.count
        ),
        warnings=_warnings(
            rows, found, is_of_several=group_by == BY_CLINICIAN and _clinics(codes) > 1
        ),
    )


def _clinics(codes: Sequence[str]) -> int:
    return len({code.split("-", 1)[0] for code in codes})


def _row(
    rate: RateRow,
    unit: FunnelUnit | None,
    levelled: FunnelUnit | None,
    ratio: Estimate | None,
    smoothed: SmoothedUnit | None,
    *,
    is_own: bool,
    is_adjusted: bool,
) -> UnitRow:
    return UnitRow(
        rate=rate,
        is_own=is_own,
        is_named=display_rules.names_unit(rate.mature),
        standing=_standing(unit, unit.flag) if unit else Standing.NOT_JUDGED,
        adjusted=_standing(unit, unit.adjusted_flag) if unit and is_adjusted else None,
        ratio=ratio,
        standing_at_equal_mix=_standing(levelled, levelled.flag) if levelled else None,
        mid_p=unit.mid_p if unit else None,
        q_value=unit.q_value if unit else None,
        smoothed=smoothed,
    )


def _standing(unit: FunnelUnit, flag: Flag) -> Standing:
    if flag is Flag.NONE:
        return Standing.WITHIN
    is_high = flag in {Flag.HIGH_ALERT, Flag.HIGH_ALARM}
    return Standing.REVIEW_CASES if is_high and unit.review_cases else Standing(flag.value)


def _ratios(
    facts: Facts, outcome: Outcome, counted: Flags, groups: Sequence[Flags]
) -> list[Estimate]:
    """O/E of each group against all that is counted; empty with too few events or groups."""
    had = history_of(facts, outcome).had
    if len(groups) < 2 or not display_rules.standardises(int((counted & had).sum())):
        return []
    strata = _strata(facts)
    _, stratum = np.unique(strata, return_inverse=True)
    size = int(stratum.max(initial=0)) + 1

    def by_stratum(flags: Flags) -> NDArray[np.int64]:
        return np.bincount(stratum[flags], minlength=size)

    reference = by_stratum(counted & had), by_stratum(counted)
    return [
        standardise(by_stratum(flags & had), by_stratum(flags), *reference, part_of_reference=True)
        for flags in groups
    ]


def _strata(facts: Facts) -> NDArray[np.int64]:
    codes = np.zeros(len(facts.sessions), dtype=np.int64)
    for name in STRATA:
        codes = codes * (len(facts.levels[name]) + 1) + facts.sessions[name].to_numpy()
    return codes


def _lines(target: float, sessions: NDArray[np.int64]) -> tuple[LimitPoint, ...]:
    most = max(int(sessions.max(initial=0)), 2)
    # Limits bend where sessions are few, so points stand closer there.
    at = np.unique(np.rint(np.geomspace(2, 1.08 * most, _POINTS_OF_A_LINE)).astype(np.int64))
    alert, alarm = binomial_limits(target, at, ALERT_TAIL), binomial_limits(target, at, ALARM_TAIL)

    def pair(limits: tuple[NDArray[np.float64], ...], i: int) -> tuple[float | None, float | None]:
        low, high = (None if np.isnan(line[i]) else float(line[i]) for line in limits)
        return low, high

    return tuple(
        LimitPoint(int(count), pair(alert, i), pair(alarm, i)) for i, count in enumerate(at)
    )


def _others(
    engine: Engine, by: Actor, cohort: CohortFilter, today: dt.date, outcome: Outcome
) -> tuple[Pool | None, Message | None]:
    """The clinics in which the actor has no right, or why they are not shown."""
    if outcome.code != ANY:
        return None, message("Other clinics are shown for “any complication” only.")
    try:
        pool = all_other_clinics(engine, by, cohort, today=today)
    except NotShareable as reason:
        return None, message("{reason}", reason=reason.args[0])
    return pool, None


def _warnings(
    rows: Sequence[UnitRow], found: Funnel, *, is_of_several: bool
) -> tuple[Message, ...]:
    said = []
    if found.is_shown and FunnelCaution.DISPERSION_NOT_ESTIMABLE in found.warnings:
        said.append(message(TEXT[FunnelCaution.DISPERSION_NOT_ESTIMABLE]))
    incomplete = sum(
        bool(row.rate.mature)
        and not display_rules.headline_is_proportion(row.rate.assessed, row.rate.mature)
        for row in rows
    )
    if found.is_shown and incomplete:
        said.append(
            message(
                "With {count} of them more than 5 % of sessions were not assessed. Flags go by the "
                "events that are known: there a high rate may be higher still, and a low one says "
                "nothing.",
                count=incomplete,
            )
        )
    if is_of_several:
        said.append(
            message(
                "Clinicians of several clinics stand side by side: what differs between the "
                "clinics is in their rates too."
            )
        )
    if found.is_shown:
        said.append(
            message(
                "Flags count sessions as if they were independent. Sessions of one patient are "
                "not, so a few flags more than by chance are to be expected."
            )
        )
    return tuple(said)

"""What treatment costs: a session, a course, and a patient whose veins are seen clear.

Amounts are those charged for sessions, each in its own currency. Nothing is converted and nothing
is added up across currencies: a rate of exchange has a day, and no amount here carries one. An
amount that was not recorded is not 0; how many are missing stands beside every figure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import wording
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.completeness import FOLLOW_UP_NEEDED, mark, share_needed
from registry.analysis.costs_counted import ALL, OF_PATIENTS, TOTAL, Amounts, Flags, visit_of
from registry.analysis.facts import Facts, facts_of
from registry.analysis.response import COURSE_OVER
from registry.analysis.results import Excluded, Heading, estimate_dict, heading_dict, prefixed
from registry.analysis.session_facts import currency_of
from registry.analysis.treated_sites import CLEAR_VISIT
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.language import percent
from registry.messages import N_, Message, message
from registry.statistics import display_rules
from registry.statistics.means import amount_per_success, clustered_mean
from registry.statistics.result import Estimate

GROUPINGS: Final = (
    "payer",
    "indication",
    "modality",
    "sclerosant",
    "product",
    "form",
    "vessel_class",
    "year",
    "quarter",
    ALL,
)
"""What costs can be split by; by clinician they are not, as that would be a ranking of people."""
DEFAULT_GROUPING: Final = "payer"
DEFAULT_VISIT: Final = CLEAR_VISIT
_PARTS: Final = 100
"""Amounts are kept in hundredths."""
_OF_GROUPS: Final = ("with_amount", "without_amount")
MEASURES: Final[Mapping[str, Message]] = {
    "with_amount": message("With an amount"),
    "without_amount": message("Without an amount"),
    "sessions": message("Sessions in this currency"),
    "courses": message("Courses that have ended"),
    **{
        f"{what}_{visit.code}": message(text, visit=message(visit.label))
        for visit in catalogue().visits.values()
        for what, text in (
            ("cleared", N_("Seen clear at “{visit}”")),
            ("not_assessed", N_("Not looked at at “{visit}”")),
            ("patients", N_("Old enough for “{visit}”")),
        )
    },
}
"""What can be opened: the first two of a group, the others of a group and a currency."""


@dataclass(frozen=True, slots=True)
class ClearedCost:
    """What was paid for each patient seen clear.

    ``patients`` are old enough for the visit and have an amount for every session; ``cleared`` of
    them were seen with every treated site cleared or occluded, ``not_assessed`` had a site that
    nobody looked at then and none known not to be clear. ``estimate`` is what all of them cost over
    the ``cleared``, in units of the currency; ``best`` the same if those not assessed were clear.
    """

    patients: int
    cleared: int
    not_assessed: int
    estimate: Estimate
    best: float | None

    @property
    def is_shown(self) -> bool:
        """Whether enough patients, and enough clear ones, stand behind it."""
        return (
            display_rules.shows_percentage(self.patients)
            and self.cleared >= display_rules.MINIMUM_EVENTS_FOR_COMPARISON
        )


@dataclass(frozen=True, slots=True)
class CostRow:
    """Amounts of one currency in one group; medians are None without any.

    The numerator of an estimate is the sum of the amounts, its denominator their number.
    """

    currency: str
    group: str
    label: Message
    patients: int
    session: Estimate
    median_session: float | None
    course: Estimate
    median_course: float | None
    clear: ClearedCost

    @property
    def code(self) -> str:
        """Currency and group: one row of the report."""
        return f"{self.currency}:{self.group}"


@dataclass(frozen=True, slots=True)
class Priced:
    """How many of the sessions of a group have an amount."""

    group: str
    label: Message
    sessions: int
    priced: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """Costs of a cohort: for each currency all together and group by group.

    ``totals`` has a row for each currency, the most used first, ``rows`` its groups in the same
    order. ``known`` says of which sessions an amount is known, all together first.
    """

    heading: Heading
    by: str
    visit: str
    visit_label: Message
    known: tuple[Priced, ...]
    totals: tuple[CostRow, ...]
    rows: tuple[CostRow, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def of(self, currency: str) -> tuple[CostRow, ...]:
        """The groups in which amounts of a currency occur."""
        return tuple(row for row in self.rows if row.currency == currency)

    def groups(self) -> dict[str, Message]:
        """The rows of which records can be opened: groups, and groups in one currency."""
        return {part.group: part.label for part in self.known} | {
            row.code: message("{currency}: {group}", currency=row.currency, group=row.label)
            for row in (*self.totals, *self.rows)
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """The counts of each of :meth:`groups`, by measure."""
        return {
            part.group: dict(
                zip(_OF_GROUPS, (part.priced, part.sessions - part.priced), strict=True)
            )
            for part in self.known
        } | {
            row.code: {
                "sessions": int(row.session.denominator),
                "courses": int(row.course.denominator),
                f"cleared_{self.visit}": row.clear.cleared,
                f"not_assessed_{self.visit}": row.clear.not_assessed,
                f"patients_{self.visit}": row.clear.patients,
            }
            for row in (*self.totals, *self.rows)
        }

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "by": self.by,
            "visit": self.visit,
            "sessions_with_an_amount": [
                {
                    "group": part.group,
                    "label": str(part.label),
                    "sessions": part.sessions,
                    "with_amount": part.priced,
                }
                for part in self.known
            ],
            "totals": [_row_dict(row) for row in self.totals],
            "rows": [_row_dict(row) for row in self.rows],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each currency and group, each currency's total first."""
        return [
            _row_dict(row, flat=True)
            for total in self.totals
            for row in (total, *self.of(total.currency))
        ]


def costs(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    group_by: str = DEFAULT_GROUPING,
    visit: str = DEFAULT_VISIT,
) -> CostReport:
    """Mean and median cost of sessions and courses, and the cost per patient seen clear.

    Raises :class:`NotFound` for an unknown grouping or visit.
    """
    clinics = scope(by, Permission.READ_RATES)
    seen_at = visit_of(visit)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "costs cannot be grouped by “{name}”. It can by: {known}.",
                name=group_by[:40],
                known=", ".join(GROUPINGS),
            )
        )
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    found = Amounts.of(facts, chosen, clinics, seen_at, today)
    groups = [(TOTAL, message("All sessions"), np.ones(len(chosen), np.bool_))]
    if group_by != ALL:
        groups += _groups(facts, group_by, chosen, by)
    priced = chosen & found.is_priced
    codes, counts = np.unique(found.currency[priced], return_counts=True)
    rows = [
        _row(found, currency_of(int(code)), int(code), group, label, kept)
        for code in codes[np.argsort(-counts, kind="stable")]
        for group, label, kept in groups
        if (kept & priced & (found.currency == code)).any()
    ]
    label = message(seen_at.label)
    return CostReport(
        heading=Heading(
            "costs",
            message("Costs of treatment"),
            _definition(label),
            "sessions",
            cohort,
            today,
            facts.seal,
        ),
        by=group_by,
        visit=seen_at.code,
        visit_label=label,
        known=tuple(
            Priced(group, name, int((chosen & kept).sum()), int((priced & kept).sum()))
            for group, name, kept in groups
        ),
        totals=tuple(row for row in rows if row.group == TOTAL),
        rows=tuple(row for row in rows if row.group != TOTAL),
        excluded=_left_out(found, label),
        warnings=_warnings(engine, cohort.within(clinics), found, chosen, label, today),
    )


def measures_of(group: str) -> dict[str, Message]:
    """The counts that a row can have."""
    has_currency = ":" in group
    return {code: label for code, label in MEASURES.items() if (code in _OF_GROUPS) != has_currency}


def unit_of(measure: str) -> Message:
    """What a count counts."""
    if measure.startswith(tuple(f"{what}_" for what in OF_PATIENTS)):
        return message("patients")
    return message("courses") if measure == "courses" else message("sessions")


def _row(
    found: Amounts, currency: str, code: int, group: str, label: Message, kept: Flags
) -> CostRow:
    sessions, courses, patients = found.within(code, kept)
    amounts, of_courses = found.cost[sessions], courses["cost"].to_numpy()
    state = patients["state"].to_numpy()
    cleared, unknown = state == 1, int((state == -1).sum())
    paid = patients["cost"].to_numpy()
    at_best = int(cleared.sum()) + unknown
    return CostRow(
        currency=currency,
        group=group,
        label=label,
        patients=len(np.unique(found.patient[sessions])),
        session=_whole(clustered_mean(amounts, found.patient[sessions])),
        median_session=_median(amounts),
        course=_whole(clustered_mean(of_courses, courses["patient"].to_numpy(), unit="courses")),
        median_course=_median(of_courses),
        clear=ClearedCost(
            len(patients),
            int(cleared.sum()),
            unknown,
            _whole(amount_per_success(paid, cleared)),
            float(paid.sum()) / at_best / _PARTS if at_best else None,
        ),
    )


def _left_out(found: Amounts, visit: Message) -> tuple[Excluded, ...]:
    counted = (
        (message("sessions without an amount"), int((found.chosen & ~found.is_priced).sum())),
        (message("courses with a session lately, perhaps not ended"), found.ongoing),
        (
            message("ended courses with a session without an amount, or several currencies"),
            int((found.courses["currency"] < 0).sum()),
        ),
        (
            message("patients not old enough for “{visit}”", visit=visit),
            found.too_recent,
        ),
        (
            message("patients with a session without an amount, or several currencies"),
            int((found.patients["currency"] < 0).sum()),
        ),
    )
    return tuple(Excluded(reason, count) for reason, count in counted if count)


def _groups(
    facts: Facts, group_by: str, chosen: Flags, by: Actor
) -> list[tuple[str, Message, Flags]]:
    codes, levels = facts.sessions[group_by].to_numpy(), facts.levels[group_by]
    present = {levels[code]: code for code in np.unique(codes[chosen])}
    return [
        (level, level_label(facts, group_by, level, by), codes == present[level])
        for level in sorted(present, key=lambda level: level_order(group_by, level))
    ]


def _definition(visit: Message) -> Message:
    return message(
        "Amounts charged for sessions, each in its own currency: never converted, never added up "
        "across currencies. A session without an amount is left out, not counted as 0. Per course: "
        "courses that began in these sessions, ended (no session in the last {days} days) and have "
        "an amount in one currency for every session, also those with more or fewer sessions than "
        "planned. Per patient seen clear: what all sessions at the sites of these patients cost "
        "until “{visit}”, of all patients old enough for it, divided by those of them with every "
        "treated site cleared or occluded then and not treated again. Limits allow for several "
        "sessions of one patient; for the ratio they are Fieller's.",
        days=catalogue().visits[COURSE_OVER].to_day,
        visit=visit,
    )


def _warnings(
    engine: Engine,
    clinics: Collection[int],
    found: Amounts,
    chosen: Flags,
    visit: Message,
    today: dt.date,
) -> tuple[Message, ...]:
    """The mark of a report with too few amounts, and what the cost per clear patient rests on."""
    needed = share_needed(engine, clinics, today)[FOLLOW_UP_NEEDED]
    share = percent(needed / 100)
    sessions, priced = int(chosen.sum()), int((chosen & found.is_priced).sum())
    reasons = []
    if 100 * priced < needed * sessions:
        reasons.append(
            message(
                "An amount is recorded for {priced} of {sessions} sessions; this registry asks for "
                "{needed}, as what is not recorded may be dearer or cheaper.",
                priced=wording.count(priced),
                sessions=wording.count(sessions),
                needed=share,
            )
        )
    said = list(mark(reasons))
    state = found.patients["state"].to_numpy()[found.patients["currency"].to_numpy() >= 0]
    if 100 * (state >= 0).sum() < needed * len(state):
        said.append(
            message(
                "Per patient seen clear: {assessed} of {patients} patients were looked at at "
                "“{visit}”; this registry asks for {needed}. Whoever was not looked at counts as "
                "not clear, so the true figure may be lower.",
                assessed=wording.count(int((state >= 0).sum())),
                patients=wording.count(len(state)),
                visit=visit,
                needed=share,
            )
        )
    if len(np.unique(found.currency[chosen & found.is_priced])) > 1:
        said.append(
            message(
                "There are several currencies. Their amounts stand apart: converting them would "
                "need a rate of exchange with its day, and none is kept here."
            )
        )
    return tuple(said)


def _median(values: NDArray[np.int64]) -> float | None:
    return float(np.median(values)) / _PARTS if len(values) else None


def _whole(found: Estimate) -> Estimate:
    """An estimate of hundredths in units of the currency; sums of hundredths are exact."""
    limits = found.interval
    lower, value, upper = (
        None if amount is None else amount / _PARTS
        for amount in (limits.lower, found.value, limits.upper)
    )
    return replace(
        found,
        value=value,
        interval=replace(limits, lower=lower, upper=upper),
        numerator=found.numerator / _PARTS,
    )


def _row_dict(row: CostRow, *, flat: bool = False) -> dict[str, Any]:
    values: dict[str, Any] = {
        "currency": row.currency,
        "code": row.code,
        "label": str(row.label),
        "sessions": row.session.denominator,
        "patients": row.patients,
        "total": row.session.numerator,
        "median_per_session": row.median_session,
        "courses": row.course.denominator,
        "total_of_courses": row.course.numerator,
        "median_per_course": row.median_course,
        "patients_old_enough": row.clear.patients,
        "patients_clear": row.clear.cleared,
        "patients_not_assessed": row.clear.not_assessed,
        "total_of_patients": row.clear.estimate.numerator,
        "per_clear_patient_if_all_others_clear": row.clear.best,
    }
    estimates = {
        "mean_per_session": row.session,
        "mean_per_course": row.course,
        "per_clear_patient": row.clear.estimate,
    }
    for name, estimate in estimates.items():
        values |= prefixed(name, estimate) if flat else {name: estimate_dict(estimate)}
    return values

"""Whether treated veins come back.

The recurrence clock of a treated site runs from success to the first follow-up at which it is
visible or refluxing again. Retreatment before that, and death, are competing events: they make
recurrence unobservable. A site that is not seen any more is censored at its last look.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.completeness import (
    completeness_warning,
    looks_of,
    report_is_incomplete,
)
from registry.analysis.dimensions import NOT_RECORDED
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import (
    Curve,
    CurvePoint,
    Excluded,
    Heading,
    RecurrenceReport,
    RecurrenceRow,
)
from registry.analysis.treated_sites import (
    ALL,
    CLEAR_VISIT,
    DEATH,
    GROUPINGS,
    RECURRENCE,
    RETREATMENT,
    SiteHistories,
    groups_of_sites,
    histories_of,
    sites_of,
)
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import N_, Message, message
from registry.statistics import display_rules
from registry.statistics.clustering import (
    clustered_proportion,
    count_distinct,
    per_patient_counts,
)
from registry.statistics.competing_risks import (
    AalenJohansen,
    aalen_johansen_by_patient,
    incidence_at,
)
from registry.statistics.proportions import bounds_for_unassessed
from registry.statistics.result import Caution, Estimate, Interval
from registry.statistics.survival import (
    LANDMARK_DAYS,
    count_by_day,
    kaplan_meier_by_patient,
    landmark,
    median_follow_up,
    numbers_at_risk,
)


def recurrence(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    group_by: str = ALL,
) -> RecurrenceReport:
    """Success, and time from success to recurrence, of the sites treated in a cohort.

    A site belongs to the cohort and to the group of its last planned session; groups by region or
    vein, vessel class and calibre are the site's own.
    """
    clinics = scope(by, Permission.READ_RATES)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "Recurrence can be grouped by {known}; not by “{asked}”.",
                known=", ".join(GROUPINGS),
                asked=group_by[:40],
            )
        )
    facts = facts_of(engine)
    histories = histories_of(facts)
    chosen = cohort.mask(facts, clinics)
    kept = sites_of(histories, chosen)
    warnings: list[Message] = []
    total = _row(histories, kept, "total", message("All treated sites"), today)
    rows: tuple[RecurrenceRow, ...] = ()
    warnings += report_is_incomplete(
        engine, facts, chosen, cohort.within(clinics), [looks_of(total)], today=today
    )
    if group_by != ALL:
        rows = tuple(
            _row(histories, flags, code, label, today)
            for code, label, flags in groups_of_sites(facts, group_by, kept, by)
        )
        differing = completeness_warning(rows)
        if differing is not None:
            warnings.append(differing)
        warnings.append(
            message(
                "These are crude rates: the groups differ in more than this, so they say nothing "
                "about causes."
            )
        )
    never = int((kept & (histories.success_day < 0) & histories.looked_at).sum())
    unseen = int((kept & ~histories.looked_at).sum())
    excluded = (
        Excluded(message("sites never looked at after the last planned session"), unseen),
        Excluded(message("sites looked at but never cleared or occluded: residual"), never),
        Excluded(message("sessions without a recorded site"), _without_site(facts, chosen)),
    )
    return RecurrenceReport(
        heading=Heading(
            "recurrence",
            message("Recurrence after success"),
            message(
                "Treated sites (leg and region or vein) that were cleared (at least {success} % on "
                "the clearance scale) or occluded at a follow-up after the last planned session, "
                "from that day to the first follow-up at which they were visible or refluxing "
                "again. Retreatment before that and death are competing events. Veins seen again "
                "are found at visits, so the curve steps when patients come.",
                success=catalogue().scales["clearance_percent"].success_at,
            ),
            N_("treated sites"),
            cohort,
            today,
            facts.seal,
        ),
        by=group_by,
        total=total,
        rows=rows,
        excluded=tuple(item for item in excluded if item.count),
        warnings=tuple(warnings),
    )


def _without_site(facts: Facts, chosen: NDArray[np.bool_]) -> int:
    has_site = np.zeros(len(facts.sessions), dtype=np.bool_)
    has_site[facts.sites["session"].to_numpy(np.int64)] = True
    return int((chosen & ~has_site).sum())


def sites_counted(
    histories: SiteHistories, kept: NDArray[np.bool_], today: dt.date
) -> dict[str, NDArray[np.bool_]]:
    """The sites behind each count of a row: every count is the size of one of these sets.

    ``at_risk_91`` are the sites still observed on day 91, ``recurred_91`` those with a recurrence
    seen by then, ``retreated_91`` those retreated before one, and so on for each landmark.
    """
    looked = kept & histories.looked_at
    won = kept & (histories.success_day >= 0)
    old_enough = kept & (
        histories.planned_day + catalogue().visits[CLEAR_VISIT].to_day <= day_number(today)
    )
    recurred = won & (histories.ending == RECURRENCE)
    retreated = won & (histories.ending == RETREATMENT)
    counted = {
        "sites": kept,
        "assessed": looked,
        "never_looked_at": kept & ~looked,
        "success": won,
        "never_successful": looked & ~won,
        "recurrences": recurred,
        "retreatments": retreated,
        "deaths": won & (histories.ending == DEATH),
        "mature_at_12_months": old_enough,
        "assessed_at_12_months": old_enough & (histories.clear_12 >= 0),
        "clear_at_12_months": old_enough & (histories.clear_12 == 1),
    }
    for day in LANDMARK_DAYS:
        counted[f"recurred_{day}"] = recurred & (histories.duration <= day)
        counted[f"retreated_{day}"] = retreated & (histories.duration <= day)
        counted[f"at_risk_{day}"] = won & (histories.duration >= day)
    return counted


def _row(
    histories: SiteHistories,
    kept: NDArray[np.bool_],
    code: str,
    label: Message,
    today: dt.date,
) -> RecurrenceRow:
    counted = sites_counted(histories, kept, today)
    looked, won = counted["assessed"], counted["success"]
    patients = histories.patient
    durations, endings = histories.duration[won], histories.ending[won]
    curves = aalen_johansen_by_patient(durations, endings, patients[won], causes=3)
    free = kaplan_meier_by_patient(durations, endings, patients[won])
    points = tuple(
        CurvePoint(
            day=day,
            at_risk=int(numbers_at_risk(curves.counts, day)),
            recurrence=incidence_at(curves, RECURRENCE, day, unit="sites").estimate,
            retreatment=incidence_at(curves, RETREATMENT, day, unit="sites").estimate,
            death=incidence_at(curves, DEATH, day, unit="sites").estimate,
            event_free=landmark(free, day, unit="sites").estimate,
        )
        for day in LANDMARK_DAYS
    )
    old_enough, clear = counted["mature_at_12_months"], counted["clear_at_12_months"]
    mature, assessed = int(old_enough.sum()), int(counted["assessed_at_12_months"].sum())
    least, most = bounds_for_unassessed(int(clear.sum()), assessed, mature)
    methods = Counter(
        histories.seen_by[site] or NOT_RECORDED
        for site in np.flatnonzero(counted["recurrences"]).tolist()
    )
    return RecurrenceRow(
        code=code,
        label=label,
        sites=int(kept.sum()),
        patients=count_distinct(patients[kept]),
        assessed=int(looked.sum()),
        success=_by_patient(won[looked], patients[looked]),
        recurrences=int((endings == RECURRENCE).sum()),
        retreatments=int((endings == RETREATMENT).sum()),
        deaths=int((endings == DEATH).sum()),
        landmarks=points,
        curve=_curve(curves),
        median_follow_up_days=median_follow_up(count_by_day(durations, endings > 0)),
        clear_at_12_months=_clear(clear[old_enough], patients[old_enough], assessed),
        clear_best=most,
        clear_worst=least,
        mature_at_12_months=mature,
        assessed_at_12_months=assessed,
        methods=dict(sorted(methods.items())),
    )


def _by_patient(events: NDArray[np.bool_], patients: NDArray[np.int64]) -> Estimate:
    return clustered_proportion(*per_patient_counts(patients, events), unit="sites").estimate


def _clear(clear: NDArray[np.bool_], patients: NDArray[np.int64], assessed: int) -> Estimate:
    """Clear of all sites old enough; without a value when too many of them were not looked at."""
    known = _by_patient(clear, patients)
    if not len(clear) or display_rules.headline_is_proportion(assessed, len(clear)):
        return known
    limits = Interval(None, None, known.interval.level, "best_and_worst_case")
    warnings = (Caution.NOT_ESTIMABLE,)
    return Estimate(None, limits, known.numerator, known.denominator, known.unit, warnings)


def _curve(curves: AalenJohansen) -> Curve:
    """The steps as far as enough sites are still observed."""
    began = curves.counts.total
    drawn = [
        i for i in range(curves.days.size) if display_rules.draws_curve(curves.at_risk[i], began)
    ]

    def limits(values: NDArray[np.float64]) -> tuple[float | None, ...]:
        return tuple(None if np.isnan(values[i]) else float(values[i]) for i in drawn)

    return Curve(
        days=tuple(int(curves.days[i]) for i in drawn),
        recurrence=tuple(float(curves.incidence[0, i]) for i in drawn),
        lower=limits(curves.lower[0]),
        upper=limits(curves.upper[0]),
        retreatment=tuple(float(curves.incidence[1, i]) for i in drawn),
        retreatment_lower=limits(curves.lower[1]),
        retreatment_upper=limits(curves.upper[1]),
        event_free=tuple(float(curves.event_free[i]) for i in drawn),
    )

"""Whether treated veins come back.

A *site* is a patient's leg and region or vein, the same across sessions. *Success* is the first
follow-up after the last planned session at which it is cleared or occluded; the recurrence clock
runs from that day to the first follow-up at which it is visible or refluxing again. Retreatment
before that, and death, are competing events: they make recurrence unobservable. A site that is not
seen any more is censored at its last look. A session at the site after a success is a retreatment
unless it was a planned stage. Residual veins, planned stages, new veins and
retreatments are separate facts and never count as recurrence.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.columns import day_number
from registry.analysis.dimensions import DIMENSIONS, NOT_RECORDED
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import (
    Curve,
    CurvePoint,
    Excluded,
    Heading,
    RecurrenceReport,
    RecurrenceRow,
)
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.clustering import clustered_proportion, per_patient_counts
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
from registry.vocabulary import Occlusion, SessionIntent, SiteFinding

RECURRENCE, RETREATMENT, DEATH = 1, 2, 3
ALL: Final = "none"
GROUPINGS: Final = (ALL, *DIMENSIONS)
CLEAR_VISIT: Final = "review_12m"

_DEATH_COUNTS_FOR: Final = 92
"""Days after the last look within which a death is an end of observation: the tolerance of the
12-month visit. A later one is censored at that look, like those of whom nothing more is heard;
otherwise the dead would stay under observation longer than the living. Our decision."""

_RETREATING = (
    SessionIntent.RESIDUAL.value,
    SessionIntent.RECURRENCE.value,
    SessionIntent.RECANALISATION.value,
)
_AGAIN = (SiteFinding.VISIBLE_AGAIN, SiteFinding.REFLUX_AGAIN)


@dataclass(frozen=True, slots=True, eq=False)
class SiteHistories:
    """One entry a site: its last planned session, success, and how observation of it ended.

    ``success_day`` is -1 without success; ``duration`` and ``ending`` (0 censored, else the cause)
    count from it. ``clear_12`` is 1 clear, 0 not clear, -1 not assessed at the 12-month visit.
    """

    session: NDArray[np.int64]
    patient: NDArray[np.int64]
    planned_day: NDArray[np.int64]
    looked_at: NDArray[np.bool_]
    success_day: NDArray[np.int64]
    duration: NDArray[np.int64]
    ending: NDArray[np.int64]
    seen_by: tuple[str | None, ...]
    clear_12: NDArray[np.int64]


def recurrence(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    group_by: str = ALL,
) -> RecurrenceReport:
    """Success, and time from success to recurrence, of the sites treated in a cohort.

    A site belongs to the cohort and to the group of its last planned session.
    """
    clinics = scope(by, Permission.READ_RATES)
    if group_by not in GROUPINGS:
        raise NotFound(
            f"Recurrence can be grouped by {', '.join(GROUPINGS)}; not by “{group_by[:40]}”."
        )
    facts = facts_of(engine)
    histories = histories_of(facts)
    chosen = cohort.mask(facts, clinics)
    kept = chosen[histories.session] if len(histories.session) else np.zeros(0, dtype=np.bool_)
    warnings: list[Message] = []
    total = _row(histories, kept, "total", message("All treated sites"), today)
    rows: tuple[RecurrenceRow, ...] = ()
    if group_by != ALL:
        codes = facts.sessions[group_by].to_numpy()[histories.session]
        levels = facts.levels[group_by]
        present = [levels[i] for i in np.unique(codes[kept])]
        rows = tuple(
            _row(
                histories,
                kept & (codes == levels.index(level)),
                level,
                level_label(facts, group_by, level, by),
                today,
            )
            for level in sorted(present, key=lambda level: level_order(group_by, level))
        )
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
            "treated sites",
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


def histories_of(facts: Facts) -> SiteHistories:
    """The history of each site, worked out once for each state of the data."""
    return facts.once("site histories", lambda: site_histories(facts))


def site_histories(facts: Facts) -> SiteHistories:
    """Work out each site's history from its treatments and the findings at follow-ups."""
    intents = np.array(facts.levels["intent"], dtype=object)[facts.sessions["intent"].to_numpy()]
    sites = facts.sites
    count = int(sites["site"].max()) + 1 if len(sites) else 0
    intent = intents[sites["session"].to_numpy()]
    treated = list(
        zip(sites["day"].tolist(), sites["session"].tolist(), intent.tolist(), strict=True)
    )
    treated_from = np.searchsorted(sites["site"].to_numpy(), np.arange(count + 1)).tolist()
    looks = _looks(facts)
    looked_from = np.searchsorted(facts.outcomes["site"].to_numpy(), np.arange(count + 1)).tolist()
    patients = sites["patient"].to_numpy()
    entries = [
        _history(
            int(patients[treated_from[i]]),
            treated[treated_from[i] : treated_from[i + 1]],
            looks[looked_from[i] : looked_from[i + 1]],
            facts,
        )
        for i in range(count)
    ]
    columns = list(zip(*entries, strict=True)) if entries else [()] * 9
    integers = {i: np.array(columns[i], dtype=np.int64) for i in (0, 1, 2, 4, 5, 6, 8)}
    return SiteHistories(
        session=integers[0],
        patient=integers[1],
        planned_day=integers[2],
        looked_at=np.array(columns[3], dtype=np.bool_),
        success_day=integers[4],
        duration=integers[5],
        ending=integers[6],
        seen_by=tuple(columns[7]),
        clear_12=integers[8],
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """One finding at one follow-up."""

    day: int
    assessed: bool
    success: bool
    again: bool
    method: str | None


def _looks(facts: Facts) -> list[_Look]:
    outcomes = facts.outcomes
    level = {name: list(facts.levels[name]) for name in ("finding", "occlusion", "scale")}
    finding = outcomes["finding"].to_numpy()
    score = outcomes["score"].to_numpy()
    success = finding == level["finding"].index(SiteFinding.CLEARED)
    for number, code in enumerate(level["scale"]):
        scale = catalogue().scales[code]
        if scale.success_at is not None:
            at = float(scale.success_at)
            reached = score >= at if scale.higher_is_better else score <= at
            success = np.where(outcomes["scale"].to_numpy() == number, reached, success)
    examined = np.isin(
        outcomes["occlusion"].to_numpy(),
        [i for i, code in enumerate(level["occlusion"]) if code != Occlusion.NOT_EXAMINED],
    )
    success |= outcomes["occlusion"].to_numpy() == level["occlusion"].index(Occlusion.COMPLETE)
    again = np.isin(finding, [level["finding"].index(code) for code in _AGAIN])
    methods = np.array([*facts.levels["method"], None], dtype=object)
    columns = (
        outcomes["day"].tolist(),
        ((finding != level["finding"].index(SiteFinding.NOT_ASSESSED)) | examined).tolist(),
        (success & ~again).tolist(),
        again.tolist(),
        methods[outcomes["method"].to_numpy()].tolist(),
    )
    return [_Look(*values) for values in zip(*columns, strict=True)]


def _history(
    patient: int,
    treated: Sequence[tuple[int, int, str]],
    looks: Sequence[_Look],
    facts: Facts,
) -> tuple[int, int, int, bool, int, int, int, str | None, int]:
    # A site first met as a retreatment starts with it.
    plan = next((i for i in range(1, len(treated)) if _ends_plan(treated, i, looks)), len(treated))
    planned_day, session, _ = treated[plan - 1]
    retreated = treated[plan][0] if plan < len(treated) else None
    after = [look for look in looks if look.assessed and look.day > planned_day]
    success = next(
        (
            look.day
            for look in after
            if look.success and (retreated is None or look.day <= retreated)
        ),
        -1,
    )
    clear = _clear_at_visit(after, planned_day, retreated)
    if success < 0:
        return session, patient, planned_day, bool(after), -1, 0, 0, None, clear
    again = next((look for look in after if look.day > success and look.again), None)
    died = facts.deaths.get(patient)
    # Of the same day, what was seen comes before what was done about it.
    ends = [(again.day, RECURRENCE)] if again is not None else []
    ends += [(retreated, RETREATMENT)] if retreated is not None else []
    last_look = max(look.day for look in after)
    if died is not None and success <= died <= last_look + _DEATH_COUNTS_FOR:
        ends.append((died, DEATH))
    day, cause = min(ends, default=(last_look, 0))
    method = again.method if again is not None and cause == RECURRENCE else None
    return session, patient, planned_day, True, success, day - success, cause, method, clear


def _ends_plan(treated: Sequence[tuple[int, int, str]], i: int, looks: Sequence[_Look]) -> bool:
    """Whether the i-th session at a site is a retreatment, no stage of the plan.

    It is when it says so, when the vein had come back after a success, or, unless it was a planned
    stage, when there had been a success at all. Sessions of the first day belong together.
    """
    day, _, intent = treated[i]
    if day == treated[0][0]:
        return False
    before = [look for look in looks if look.assessed and treated[0][0] < look.day <= day]
    success = next((look.day for look in before if look.success), None)
    again = success is not None and any(look.again and look.day > success for look in before)
    planned = intent == SessionIntent.PLANNED_STAGE
    return intent in _RETREATING or again or (success is not None and not planned)


def _clear_at_visit(looks: Sequence[_Look], planned_day: int, retreated: int | None) -> int:
    """Clear and not retreated at the 12-month visit: 1 yes, 0 no, -1 not assessed."""
    visit = catalogue().visits[CLEAR_VISIT]
    after = None if retreated is None else retreated - planned_day
    if after is not None and after <= visit.due_day:
        return 0
    states = [
        look.success for look in looks if visit.from_day <= look.day - planned_day <= visit.to_day
    ]
    return int(states[-1]) if states else -1


def _without_site(facts: Facts, chosen: NDArray[np.bool_]) -> int:
    has_site = np.zeros(len(facts.sessions), dtype=np.bool_)
    has_site[facts.sites["session"].to_numpy(np.int64)] = True
    return int((chosen & ~has_site).sum())


def sites_counted(
    histories: SiteHistories, kept: NDArray[np.bool_], today: dt.date
) -> dict[str, NDArray[np.bool_]]:
    """The sites behind each count of a row: every count is the size of one of these sets.

    ``at_risk_91`` are the sites still observed on day 91, ``recurred_91`` those with a recurrence
    seen by then, and so on for each landmark.
    """
    looked = kept & histories.looked_at
    won = kept & (histories.success_day >= 0)
    old_enough = kept & (
        histories.planned_day + catalogue().visits[CLEAR_VISIT].to_day <= day_number(today)
    )
    recurred = won & (histories.ending == RECURRENCE)
    counted = {
        "sites": kept,
        "assessed": looked,
        "never_looked_at": kept & ~looked,
        "success": won,
        "never_successful": looked & ~won,
        "recurrences": recurred,
        "retreatments": won & (histories.ending == RETREATMENT),
        "deaths": won & (histories.ending == DEATH),
        "mature_at_12_months": old_enough,
        "assessed_at_12_months": old_enough & (histories.clear_12 >= 0),
        "clear_at_12_months": old_enough & (histories.clear_12 == 1),
    }
    for day in LANDMARK_DAYS:
        counted[f"recurred_{day}"] = recurred & (histories.duration <= day)
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
        method or NOT_RECORDED
        for method, recurred in zip(histories.seen_by, counted["recurrences"], strict=True)
        if recurred
    )
    return RecurrenceRow(
        code=code,
        label=label,
        sites=int(kept.sum()),
        patients=len(np.unique(patients[kept])),
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
        event_free=tuple(float(curves.event_free[i]) for i in drawn),
    )

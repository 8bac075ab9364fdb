"""How often what happens to treated veins, clock by clock, and in one group against another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import numpy as np
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.clock_results import (
    ClockPoint,
    ClockResult,
    ClockRow,
    ClocksReport,
    ClockSteps,
    GroupComparison,
    GroupDifference,
    GroupTest,
)
from registry.analysis.clocks import CLOCKS, EVENT, Clock, Times
from registry.analysis.cohort import CohortFilter
from registry.analysis.dimensions import NOT_RECORDED
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import Excluded, Heading
from registry.analysis.treated_sites import (
    ALL,
    GROUPINGS,
    Flags,
    groups_of_sites,
    histories_of,
    sites_of,
)
from registry.errors import NotFound
from registry.messages import N_, Message, message
from registry.statistics import display_rules
from registry.statistics.competing_risks import (
    AalenJohansen,
    aalen_johansen_by_patient,
    gray_test,
    incidence_at,
    incidence_difference,
)
from registry.statistics.log_rank import log_rank
from registry.statistics.result import Caution
from registry.statistics.survival import (
    LANDMARK_DAYS,
    count_by_day,
    median_follow_up,
    numbers_at_risk,
)

MOST_SHARED = 0.20
"""With more patients in several groups than this, no test of the groups is shown."""


def clocks(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    group_by: str = ALL,
    only: Collection[str] = (),
) -> ClocksReport:
    """Cumulative incidence of each event after its start, competing events allowed for.

    ``only`` names the clocks that are asked for; none means all. A unit belongs to the cohort and
    the group of the last planned session of the site that started its clock.
    """
    clinics = scope(by, Permission.READ_RATES)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "Clocks can be grouped by {known}; not by “{asked}”.",
                known=", ".join(GROUPINGS),
                asked=group_by[:40],
            )
        )
    for name in only:
        if name not in CLOCKS:
            raise NotFound(
                message(
                    "There is no clock “{asked}”. There are: {known}.",
                    asked=name[:40],
                    known=", ".join(CLOCKS),
                )
            )
    facts = facts_of(engine)
    histories = histories_of(facts)
    kept = sites_of(histories, cohort.mask(facts, clinics))
    groups = [] if group_by == ALL else groups_of_sites(facts, group_by, kept, by)
    warnings = [
        message(
            "Recurrences are found at visits, so times depend on when patients come; groups can be "
            "compared as far as they are seen alike."
        )
    ]
    if groups:
        warnings.append(
            message(
                "Confounding by indication: the treatment is chosen for the vein and the patient, "
                "so the groups differ in more than it. Nothing here is adjusted, and a difference "
                "is not the effect of what the groups are named after."
            )
        )
    unseen = int((kept & ~histories.looked_at).sum())
    return ClocksReport(
        heading=Heading(
            "clocks",
            message("What happens to treated veins"),
            message(
                "Share of treated sites, or patients, with the event by each day after its clock "
                "started (Aalen-Johansen, with 95 % log-log limits that allow for several sites "
                "of one patient). A competing event makes the event unobservable. Who is not seen "
                "any more is observed until then. Each clock has a start and an event of its own, "
                "so their figures do not add up."
            ),
            N_("treated sites"),
            cohort,
            today,
            facts.seal,
        ),
        by=group_by,
        clocks=tuple(_measured(facts, CLOCKS[name], kept, groups) for name in only or CLOCKS),
        excluded=(
            Excluded(message("sites never looked at after the last planned session"), unseen),
        )
        if unseen
        else (),
        warnings=tuple(warnings),
    )


def _measured(
    facts: Facts, clock: Clock, kept: Flags, groups: Sequence[tuple[str, Message, Flags]]
) -> ClockResult:
    times = clock.times(facts, kept)
    parts = [(code, label, times.of(flags[times.site])) for code, label, flags in groups]
    curves = {code: _curves(clock, part) for code, _, part in parts}
    label = message("All patients") if clock.unit == "patients" else message("All treated sites")
    return ClockResult(
        code=clock.code,
        label=clock.label,
        starts=clock.starts,
        event=clock.event,
        competing=clock.competing,
        ends=clock.ends,
        unit=clock.unit,
        total=_row(clock, times, _curves(clock, times), "total", label),
        rows=tuple(
            _row(clock, part, curves[code], code, label)
            for code, label, part in parts
            if part.site.size
        ),
        comparison=_compared(clock, parts, curves) if groups else None,
    )


def _curves(clock: Clock, times: Times) -> AalenJohansen:
    return aalen_johansen_by_patient(
        times.duration, times.ending, times.patient, causes=EVENT + len(clock.competing)
    )


def _row(clock: Clock, times: Times, curves: AalenJohansen, code: str, label: Message) -> ClockRow:
    others = range(EVENT + 1, curves.counts.causes + 1)
    began = curves.counts.total
    drawn = [
        i for i in range(curves.days.size) if display_rules.draws_curve(curves.at_risk[i], began)
    ]
    cause = EVENT - 1
    return ClockRow(
        code=code,
        label=label,
        started=began,
        patients=len(np.unique(times.patient)),
        events=int((times.ending == EVENT).sum()),
        competing=tuple(int((times.ending == other).sum()) for other in others),
        landmarks=tuple(
            ClockPoint(
                day,
                int(numbers_at_risk(curves.counts, day)),
                incidence_at(curves, EVENT, day, unit=clock.unit).estimate,
                tuple(
                    incidence_at(curves, other, day, unit=clock.unit).estimate for other in others
                ),
            )
            for day in LANDMARK_DAYS
        ),
        steps=ClockSteps(
            tuple(int(curves.days[i]) for i in drawn),
            tuple(float(curves.incidence[cause, i]) for i in drawn),
            *(
                tuple(None if np.isnan(limit[cause, i]) else float(limit[cause, i]) for i in drawn)
                for limit in (curves.lower, curves.upper)
            ),
        ),
        median_follow_up_days=median_follow_up(count_by_day(times.duration, times.ending > 0)),
    )


def _compared(
    clock: Clock,
    parts: Sequence[tuple[str, Message, Times]],
    curves: dict[str, AalenJohansen],
) -> GroupComparison:
    """Test and differences of the groups that are large enough and say what they are."""
    large = [
        (code, label, times)
        for code, label, times in parts
        if times.site.size >= display_rules.MINIMUM_GROUP_FOR_COMPARISON and code != NOT_RECORDED
    ]
    events = sum(int((times.ending == EVENT).sum()) for _, _, times in large)
    smallest = min((times.site.size for _, _, times in large), default=0)
    if len(large) < 2 or not display_rules.shows_comparison(events, smallest):
        return GroupComparison(
            None,
            (),
            None,
            message(
                "Too little to compare. Groups of at least {size} {unit}: {groups}, events in all: "
                "{events}; two groups and {least} events are the least.",
                groups=len(large),
                size=display_rules.MINIMUM_GROUP_FOR_COMPARISON,
                unit=message(clock.unit),
                events=events,
                least=display_rules.MINIMUM_EVENTS_FOR_COMPARISON,
            ),
        )
    reference = max(large, key=lambda part: part[2].site.size)
    differences = tuple(
        GroupDifference(
            code,
            label,
            day,
            incidence_difference(curves[code], curves[reference[0]], EVENT, day, unit=clock.unit),
        )
        for code, label, _ in large
        if code != reference[0]
        for day in LANDMARK_DAYS
        if all(
            display_rules.shows_landmark(int(numbers_at_risk(curves[name].counts, day)))
            for name in (code, reference[0])
        )
    )
    test, withheld = _tested(large)
    return GroupComparison((reference[0], reference[1]), differences, test, withheld)


def _tested(
    large: Sequence[tuple[str, Message, Times]],
) -> tuple[GroupTest | None, Message | None]:
    """Gray's test if every patient counts once, otherwise the log-rank test by patient."""
    durations, endings, patients = (
        np.concatenate([getattr(times, name) for _, _, times in large])
        for name in ("duration", "ending", "patient")
    )
    groups = np.repeat(np.arange(len(large)), [times.site.size for _, _, times in large])
    pairs = np.unique(np.stack([patients, groups]), axis=1)
    everybody, memberships = np.unique(pairs[0], return_counts=True)
    shared = int(np.count_nonzero(memberships > 1))
    if shared > MOST_SHARED * everybody.size:
        return None, message(
            "No test: the groups are not independent. Patients in several of them: {shared} of "
            "{patients}.",
            shared=shared,
            patients=everybody.size,
        )
    if everybody.size == patients.size:
        found = gray_test(durations, endings, groups, cause=EVENT)
    else:
        found = log_rank(durations, endings, groups, cause=EVENT, patients=patients)
    if Caution.TOO_FEW_PATIENTS in found.warnings:
        return None, message("No test: too few patients to allow for several sites of one patient.")
    if found.chi_square is None or found.p_value is None:
        return None, message("No test: these counts leave it undefined.")
    counts = zip((code for code, _, _ in large), found.observed, found.expected, strict=True)
    return (
        GroupTest(
            found.method, tuple(counts), found.chi_square, found.degrees_of_freedom, found.p_value
        ),
        None,
    )

"""What the reading pages ask of the registry: each question with the person and day at hand.

Result objects come back, and tables of them as text. Nothing is kept between runs, because rights
may change with any click, and no element is drawn in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dashboard import downloads, state
from dashboard.figures import Figure
from dashboard.take_away import (
    MEDIA_TYPES,
    PICTURES,
    File,
    picture_file,
    printed_file,
    table_file,
)
from dashboard.text import _
from registry.access import Permission, scope
from registry.analysis import (
    behind,
    benchmarks,
    colophon,
    complications,
    follow_up,
    periods,
    rate_rows,
    recurrence,
    sharing,
    treated_sites,
    wording,
)
from registry.analysis.behind import Order, RecordsBehind
from registry.analysis.benchmarks import Aside, Published
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.facts import facts_of
from registry.analysis.openable_counts import Behind
from registry.analysis.periods import Change
from registry.analysis.results import (
    CurvePoint,
    FollowUpReport,
    RateReport,
    RecurrenceReport,
    Report,
)
from registry.analysis.sharing import SharedReport
from registry.analysis.site_facts import OF_SITES
from registry.catalogue import BenchmarkTopic, catalogue
from registry.messages import Message, message, render
from registry.statistics import survival
from registry.statistics.result import Estimate

ANY_COMPLICATION: Final = complications.ANY
BY_EVENT: Final = complications.BY_EVENT
ALL_TOGETHER: Final = treated_sites.ALL
CLINIC: Final = "clinic"
LANDMARK_DAYS: Final = survival.LANDMARK_DAYS

Table = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much a cohort holds; ``registered`` are all sessions of its clinics."""

    sessions: int
    patients: int
    registered: int


def say(given: Message | str) -> str:
    """A message in words."""
    return render(given)


def events() -> dict[str, str]:
    """Outcomes that can be counted by code: the composites first, then every event term."""
    rows = catalogue()
    return {
        row.code: _(row.label) for row in (*rows.composites.values(), *rows.event_terms.values())
    }


def levels() -> dict[str, dict[str, str]]:
    """For each dimension the levels that occur where the person may read, in natural order.

    Of clinics all that the person may read, with sessions or without.
    """
    by = state.actor()
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(state.reading_engine())
    own = CohortFilter().mask(facts, clinics)
    found: dict[str, dict[str, str]] = {}
    for dimension in DIMENSIONS:
        names = facts.levels[dimension]
        present = [names[i] for i in np.unique(facts.sessions[dimension].to_numpy()[own])]
        if dimension == CLINIC:
            present = [str(clinic_id) for clinic_id in clinics]
        found[dimension] = {
            code: say(level_label(facts, dimension, code, by))
            for code in sorted(present, key=lambda code: level_order(dimension, code))
        }
    return found


def levels_of_sites(dimension: str) -> dict[str, str]:
    """The levels that a treated site can have of its own, by code."""
    by, facts = state.actor(), facts_of(state.reading_engine())
    return {code: say(level_label(facts, dimension, code, by)) for code in OF_SITES[dimension]}


def changes() -> tuple[Change, ...]:
    """The changes in the clinics from which a period can begin."""
    return periods.changes(state.reading_engine(), state.actor())


def cohort_of(
    query: Mapping[str, str],
    offered: Mapping[str, Mapping[str, str]],
    known_changes: Sequence[Change],
) -> tuple[CohortFilter, str | None, tuple[str, ...]]:
    """Filter and name of the period of an address, and what of it was ignored.

    Levels that are not ``offered`` to the person are unknown.
    """
    days, period, ignored = periods.with_days(query, state.today(), known_changes)
    known = {dimension: tuple(codes) for dimension, codes in offered.items()}
    facts = replace(facts_of(state.reading_engine()), levels=known)
    cohort, also_ignored = CohortFilter.from_query(days, facts)
    return cohort, period, tuple(say(line) for line in (*ignored, *also_ignored))


def size_of(cohort: CohortFilter) -> Size:
    """Sessions and patients of a cohort."""
    clinics = scope(state.actor(), Permission.READ_RATES)
    facts = facts_of(state.reading_engine())
    chosen = cohort.mask(facts, clinics)
    of_clinics = {name: codes for name, codes in cohort.levels.items() if name == CLINIC}
    return Size(
        int(chosen.sum()),
        len(np.unique(facts.sessions["patient"].to_numpy()[chosen])),
        int(CohortFilter(levels=of_clinics).mask(facts, clinics).sum()),
    )


def complication_rates(
    cohort: CohortFilter,
    *,
    event: str = ANY_COMPLICATION,
    group_by: str = BY_EVENT,
    unit: str = rate_rows.Unit.SESSIONS,
) -> RateReport:
    """Complication rates of a cohort, in sessions, patients or legs."""
    return complications.complications(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        event=event,
        group_by=group_by,
        unit=unit,
    )


def recurrence_after_success(
    cohort: CohortFilter, *, group_by: str = ALL_TOGETHER
) -> RecurrenceReport:
    """Recurrence of the sites treated in a cohort."""
    return recurrence.recurrence(
        state.reading_engine(), state.actor(), cohort, today=state.today(), group_by=group_by
    )


def follow_up_completeness(cohort: CohortFilter) -> FollowUpReport:
    """Completeness of follow-up in a cohort, visit by visit."""
    return follow_up.follow_up(state.reading_engine(), state.actor(), cohort, today=state.today())


def published_beside(report: RateReport) -> tuple[Published, ...]:
    """Published rates beside those of a report."""
    return benchmarks.published_beside(state.reading_engine(), state.actor(), report)


def published_on_lasting() -> tuple[Aside, ...]:
    """Published figures on success and recurrence, which count otherwise than the registry."""
    return benchmarks.published_aside(
        state.actor(), BenchmarkTopic.EFFICACY, BenchmarkTopic.RECURRENCE
    )


def rate_table(report: RateReport) -> Table:
    """The rates of a report as they are shown, all sessions last."""
    return [
        {
            _("Group"): say(row.label),
            _("Events"): wording.count(row.events),
            say(message(report.unit.capitalize())): wording.count(row.mature),
            _("Rate"): wording.rate(row),
            _("95 % interval"): wording.interval(row.estimate),
            _("Assessed"): wording.percent(row.completeness, row.mature),
            _("Best to worst"): wording.DASH
            if row.assessed == row.mature
            else wording.bounds(row.best, row.worst, row.mature),
            _("Too recent"): wording.count(row.too_recent),
            _("Days"): wording.count(row.window_days),
            _("Method"): say(wording.method(row.estimate)),
        }
        for row in (*report.rows, report.total)
    ]


def landmark_table(report: RecurrenceReport) -> Table:
    """Each group at each landmark as it is shown, all sites last."""
    return [
        {
            _("Group"): say(row.label),
            _("Day"): wording.count(point.day),
            _("Still observed"): wording.count(point.at_risk),
            _("Recurred"): wording.at_landmark(point.recurrence, point),
            _("95 % interval"): wording.interval_at_landmark(point.recurrence, point),
            _("Retreated first"): _with_interval(point.retreatment, point),
            _("Neither"): _with_interval(point.event_free, point),
            _("Sites with success"): wording.count(row.success.numerator),
            _("Sites treated"): wording.count(row.sites),
        }
        for row in (*report.rows, report.total)
        for point in row.landmarks
    ]


def _with_interval(estimate: Estimate, point: CurvePoint) -> str:
    share = wording.at_landmark(estimate, point)
    if share == wording.DASH:
        return share
    return f"{share} ({wording.interval_at_landmark(estimate, point)})"


def outcome_table(report: RecurrenceReport) -> Table:
    """Success, and clear at 12 months, of each group as it is shown, all sites last."""
    return [
        {
            _("Group"): say(row.label),
            _("Treated"): wording.count(row.sites),
            _("Looked at"): wording.count(row.assessed),
            _("Success"): wording.share(row.success),
            _("95 % interval"): wording.interval(row.success),
            _("Never"): wording.count(row.assessed - row.success.numerator),
            _("12 months old"): wording.count(row.mature_at_12_months),
            _("Looked at then"): wording.count(row.assessed_at_12_months),
            _("Seen clear"): wording.count(row.clear_at_12_months.numerator),
            _("Worst to best"): wording.bounds(
                row.clear_worst, row.clear_best, row.mature_at_12_months
            ),
        }
        for row in (*report.rows, report.total)
    ]


def visit_table(report: FollowUpReport) -> Table:
    """Each visit as it is shown."""
    return [
        {
            _("Visit"): say(row.label),
            _("Due"): wording.count(row.due),
            _("Seen"): wording.count(row.seen),
            _("Not seen"): wording.count(row.missed),
            _("Overdue"): wording.count(row.overdue),
            _("Seen of due"): wording.share(row.completeness),
            _("95 % interval"): wording.interval(row.completeness),
        }
        for row in report.rows
    ]


def offer_file(kind: File, report: Report, drawn: Figure | None = None) -> str:
    """Path under which the person can fetch ``report`` once: in print, as table or picture.

    The file is made, and written to the log of accesses, when it is fetched.
    """
    by, clinic_id, heading = state.actor(), state.clinic(), report.heading
    engine, log = state.reading_engine(), state.engine()

    def content() -> bytes:
        taken = colophon.colophon(engine, by, report, now=state.now())
        if kind is File.PDF:
            made = printed_file(report, taken, drawn)
        elif drawn is not None and kind in PICTURES:
            made = picture_file(kind, drawn, taken)
        else:
            made = table_file(kind, report, taken)
        colophon.log_taken(log, by, taken, kind.value, clinic_id)
        return made

    name = f"{heading.name}_{heading.as_of.isoformat()}.{kind.value}"
    return downloads.offer(by.user_id, name, MEDIA_TYPES[kind], content, now=state.now())


def for_sharing(report: RateReport) -> SharedReport:
    """What of a report may leave the registry; raises :class:`NotShareable`."""
    return sharing.for_sharing(state.reading_engine(), state.actor(), report)


def records_behind(asked: Behind, order: Order, first: int) -> RecordsBehind:
    """The records behind a figure, as far as the person may see them; each reading is logged."""
    return behind.records_behind(
        state.reading_engine(),
        state.actor(),
        asked,
        now=state.now(),
        log=state.engine(),
        order=order,
        first=first,
    )

"""What the page of recurrence asks beside recurrence itself, and its tables as text."""

from __future__ import annotations

from collections.abc import Collection

from dashboard import state
from dashboard.report_data import ALL_TOGETHER, Table, say
from dashboard.text import _
from registry.analysis import claims, clock_report, clock_wording, response, wording
from registry.analysis.claims import ClaimsReport
from registry.analysis.clock_results import ClockPoint, ClockResult, ClocksReport
from registry.analysis.clocks import CLOCKS
from registry.analysis.cohort import CohortFilter
from registry.analysis.comparison_wording import points, points_interval
from registry.analysis.response import ResponseReport


def clock_names() -> dict[str, str]:
    """The clocks as the page calls them."""
    return {code: say(clock.label) for code, clock in CLOCKS.items()}


def clocks_of(
    cohort: CohortFilter, *, group_by: str = ALL_TOGETHER, only: Collection[str] = ()
) -> ClocksReport:
    """What happens to the sites treated in a cohort, clock by clock."""
    return clock_report.clocks(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        group_by=group_by,
        only=only,
    )


def response_of(cohort: CohortFilter) -> ResponseReport:
    """How well the sites treated in a cohort respond."""
    return response.response(state.reading_engine(), state.actor(), cohort, today=state.today())


def claims_beside(cohort: CohortFilter) -> ClaimsReport:
    """What patients are told, beside the figures of a cohort."""
    return claims.claims(state.reading_engine(), state.actor(), cohort, today=state.today())


def glance_table(report: ClocksReport) -> Table:
    """Every clock at every landmark with its interval and how many are still observed."""
    return [
        {_("Clock"): say(clock.label), _("Started"): wording.count(clock.total.started)}
        | {
            _("{months} months").format(months=clock_wording.months(point.day)): _with_interval(
                point
            )
            for point in clock.total.landmarks
        }
        | {_("Unit"): _(clock.unit)}
        for clock in report.clocks
    ]


def _with_interval(point: ClockPoint) -> str:
    share = clock_wording.share_at(point)
    if share == wording.DASH:
        return share
    return _("{share} ({interval}), {at_risk} observed").format(
        share=share,
        interval=clock_wording.interval_at(point),
        at_risk=wording.count(point.at_risk),
    )


def clock_table(clock: ClockResult) -> Table:
    """Each group of a clock at each landmark, all together last."""
    return [
        {
            _("Group"): say(row.label),
            _("Months"): str(clock_wording.months(point.day)),
            _("Still observed"): wording.count(point.at_risk),
            _("Share"): clock_wording.share_at(point),
            _("95 % interval"): clock_wording.interval_at(point),
            _("Events so far"): wording.count(point.event.numerator),
            _("Started"): wording.count(row.started),
        }
        for row in (*clock.rows, clock.total)
        for point in row.landmarks
    ]


def difference_table(clock: ClockResult, day: int) -> Table:
    """Each group against the largest on one day."""
    found = clock.comparison
    if found is None or found.reference is None:
        return []
    reference = say(found.reference[1])
    return [
        {
            _("Group"): _("{group} minus {reference}").format(
                group=say(item.label), reference=reference
            ),
            _("Points at {months} months").format(months=clock_wording.months(day)): points(
                item.estimate.value
            ),
            _("95 % interval"): points_interval(item.estimate),
        }
        for item in found.differences
        if item.day == day
    ]


def clearance_table(report: ResponseReport) -> Table:
    """Each scale at each visit as it is shown."""
    return [
        {
            _("Scale"): say(row.scale_label),
            _("Visit"): say(row.visit_label),
            _("Due"): wording.count(row.due),
            _("Scored"): wording.count(row.scores.count),
            _("Median"): clock_wording.number(row.scores.median),
            _("Middle half"): clock_wording.quartiles(row.scores),
            _("Reached success"): wording.count(row.reached.numerator)
            if row.reached
            else wording.DASH,
            _("Success"): wording.share(row.reached) if row.reached else wording.DASH,
            _("95 % interval"): wording.interval(row.reached) if row.reached else wording.DASH,
        }
        for row in report.clearance
    ]


def occlusion_table(report: ResponseReport) -> Table:
    """Duplex findings at each visit as they are shown."""
    return [
        {
            _("Visit"): say(row.visit_label),
            _("Examined"): wording.count(row.complete.denominator),
            _("Complete"): wording.count(row.counts["complete"]),
            _("Partial"): wording.count(row.counts["partial"]),
            _("Open"): wording.count(row.counts["none"]),
            _("Completely occluded"): wording.share(row.complete),
            _("95 % interval"): wording.interval(row.complete),
        }
        for row in report.occlusion
    ]


def claim_table(report: ClaimsReport) -> Table:
    """Each claim, and each figure that stands beside it."""
    return [
        {
            _("Said to patients, no source named"): _(row.claim.text),
            _("Seen here"): say(own.label) if own else wording.DASH,
            _("Figure"): say(clock_wording.own_figure(own)) if own else wording.DASH,
            _("Note"): "" if row.remark is None else say(row.remark),
        }
        for row in report.rows
        for own in row.own or (None,)
    ]

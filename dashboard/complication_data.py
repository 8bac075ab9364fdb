"""What the page of complications asks beside rates, and its tables as text."""

from __future__ import annotations

from dashboard import state
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.analysis import comparison, event_course, severity, wording
from registry.analysis import comparison_wording as words
from registry.analysis.cohort import CohortFilter
from registry.analysis.comparison import Comparable, ComparisonReport
from registry.analysis.event_course import Duration, EventCourseReport, Onset, Resolved
from registry.analysis.results import RateReport
from registry.analysis.severity import LEVELS, SeverityReport, SeverityRow

SEVERITIES = (*LEVELS,)


def course_of_events(cohort: CohortFilter, *, event: str) -> EventCourseReport:
    """When events begin and how long they last."""
    return event_course.event_course(
        state.reading_engine(), state.actor(), cohort, today=state.today(), event=event
    )


def severity_of_events(cohort: CohortFilter, *, event: str) -> SeverityReport:
    """Events by severity and seriousness."""
    return severity.severity(
        state.reading_engine(), state.actor(), cohort, today=state.today(), event=event
    )


def groups_to_compare(cohort: CohortFilter, *, group_by: str) -> Comparable:
    """The groups that occur, and the two largest."""
    return comparison.comparable(state.reading_engine(), state.actor(), cohort, group_by=group_by)


def compared(
    cohort: CohortFilter, *, event: str, group_by: str, a: str, b: str
) -> ComparisonReport:
    """Two groups side by side."""
    return comparison.comparison(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        event=event,
        group_by=group_by,
        a=a,
        b=b,
    )


def detection_table(report: RateReport) -> Table:
    """What was found by screening, and what otherwise."""
    return [
        {
            _("Found"): say(row.label),
            _("Events"): wording.count(row.events),
            _("Of"): wording.count(row.mature),
            _("Rate"): wording.rate(row),
            _("95 % interval"): wording.interval(row.estimate),
            _("Method"): say(wording.method(row.estimate)),
        }
        for row in report.by_detection
    ]


def onset_sentence(onset: Onset) -> str:
    """When the events of the outcome began."""
    if not onset.events:
        return _("No event within the window in the sessions that are old enough.")
    if onset.median is None:
        return _("{events} within {window} days: too few for a typical day.").format(
            events=wording.count(onset.events), window=onset.window_days
        )
    return _(
        "Half of the {events} events within {window} days had begun by day {median}; the middle "
        "half of them began on days {middle}. After the window: {later}."
    ).format(
        events=wording.count(onset.events),
        window=onset.window_days,
        median=wording.decimal(onset.median, 0),
        middle=middle_half(onset),
        later=wording.count(onset.later),
    )


def onset_table(report: EventCourseReport) -> Table:
    """Days to onset of each kind of event."""
    return [
        {
            _("Event"): say(row.label),
            _("Window (days)"): wording.count(row.window_days),
            _("Events"): wording.count(row.events),
            _("Median day"): _days(row.median),
            _("Middle half"): middle_half(row),
            _("Later"): wording.count(row.later),
        }
        for row in report.onsets
    ]


def middle_half(row: Onset) -> str:
    """The days between which the middle half of the events began."""
    if row.first_quartile is None or row.third_quartile is None:
        return wording.DASH
    return f"{_days(row.first_quartile)}–{_days(row.third_quartile)}"


def duration_table(report: EventCourseReport) -> Table:
    """How many events of each kind had ended by 6, 12 and 24 months after their onset."""
    table = []
    for row in report.durations:
        shown = {
            _("Event"): say(row.label),
            _("Events"): wording.count(row.events),
            _("Ended"): wording.count(row.resolved),
            _("Half ended by day"): _days(row.median_days.value),
        }
        for point in row.landmarks:
            months = round(point.day * 12 / 365)
            shown[_("By {months} months").format(months=months)] = ended_by(point)
        table.append(shown)
    return table


def duration_sentence(row: Duration) -> str:
    """How many events of one kind had ended, and when."""
    told = [
        _("{event}: of {events} followed {ended} had ended").format(
            event=say(row.label),
            events=wording.count(row.events),
            ended=wording.count(row.resolved),
        )
    ]
    if row.median_days.value is not None:
        told.append(_("half of them by day {day}").format(day=_days(row.median_days.value)))
    told += [
        _("by {months} months {share}").format(
            months=round(point.day * 12 / 365), share=ended_by(point)
        )
        for point in row.landmarks
        if point.is_shown
    ]
    return ", ".join(told) + "."


def ended_by(point: Resolved) -> str:
    """Share that had ended by a day with its interval; a dash where too few are followed.

    Counts and a one-sided bound where all have ended.
    """
    if not point.is_shown:
        return wording.DASH
    estimate = point.estimate
    if point.least is not None:
        return _("{ended} of {events} (≥ {least})").format(
            ended=wording.count(estimate.numerator),
            events=wording.count(estimate.denominator),
            least=wording.percent(point.least, estimate.denominator),
        )
    share = wording.percent(estimate.value, estimate.denominator)
    return f"{share} ({wording.interval(estimate)})"


def seriousness_table(row: SeverityRow) -> Table:
    """Severity against seriousness."""
    names = severity_names()
    lines = [
        (names[level], not_serious, serious)
        for level, not_serious, serious in zip(LEVELS, row.not_serious, row.serious, strict=True)
    ]
    lines.append((_("All"), sum(row.not_serious), sum(row.serious)))
    return [
        {
            _("Severity"): name,
            _("Not serious"): wording.count(not_serious),
            _("Serious"): wording.count(serious),
            _("All"): wording.count(not_serious + serious),
        }
        for name, not_serious, serious in lines
    ]


def severity_table(report: SeverityReport) -> Table:
    """Each kind of event by severity, and how many of them were serious."""
    names = severity_names()
    return [
        {_("Event"): say(row.label)}
        | {
            names[level]: wording.count(row.not_serious[i] + row.serious[i])
            for i, level in enumerate(LEVELS)
        }
        | {_("Serious"): wording.count(sum(row.serious)), _("All"): wording.count(row.events)}
        for row in (*report.rows, report.total)
    ]


def severity_names() -> dict[str, str]:
    """Severities as the page calls them."""
    return dict(
        zip(SEVERITIES, (_("Mild"), _("Moderate"), _("Severe"), _("Not recorded")), strict=True)
    )


def group_table(report: ComparisonReport) -> Table:
    """The two groups as they are shown."""
    return [
        {
            _("Group"): say(row.label),
            _("Events"): wording.count(row.events),
            _("Sessions"): wording.count(row.mature),
            _("Patients"): wording.count(row.patients),
            _("Rate"): wording.rate(row),
            _("95 % interval"): wording.interval(row.estimate),
            _("Assessed"): wording.percent(row.completeness, row.mature),
        }
        for row in (report.a, report.b)
    ]


def contrast_table(report: ComparisonReport) -> Table:
    """Crude and adjusted difference and ratio; what is not there is a dash."""
    names = ", ".join(say(name) for name in report.levelled)
    lines = (
        (_("Unadjusted"), report.crude),
        (_("Adjusted for {names}").format(names=names), report.adjusted),
    )
    return [
        {
            _("Comparison"): name,
            _("Difference (points)"): words.points(found.difference.value),
            _("95 % interval"): words.points_interval(found.difference),
            _("Ratio"): words.ratio(found.ratio),
            _("95 % interval of the ratio"): words.ratio_interval(found.ratio),
            _("Method"): say(wording.method(found.difference)),
        }
        for name, found in lines
        if found is not None
    ]


def _days(value: float | None) -> str:
    return wording.DASH if value is None else wording.decimal(value, 0)

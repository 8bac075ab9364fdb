"""The pictures of each report by name: those of its page, for print and for the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dashboard import figures
from dashboard.figures import Figure, clock_charts
from dashboard.figures.cost_charts import TITLES, costs
from dashboard.figures.outcome_charts import improved
from registry.analysis.clock_results import ClocksReport
from registry.analysis.colophon import ONE_YEAR
from registry.analysis.comparison import ComparisonReport
from registry.analysis.control import ControlReport
from registry.analysis.costs import CostReport
from registry.analysis.data_quality import DataQualityReport
from registry.analysis.event_course import Duration, EventCourseReport
from registry.analysis.overview import OverviewReport
from registry.analysis.reported_outcomes import ReportedOutcomesReport
from registry.analysis.response import ResponseReport
from registry.analysis.results import FollowUpReport, RateReport, RecurrenceReport, Report
from registry.analysis.severity import SeverityReport
from registry.analysis.units import UnitsReport
from registry.errors import NotFound
from registry.messages import Message, message, render

Pictures = Mapping[str, Callable[[], Figure | None]]


def pictures_of(report: Report) -> Pictures:
    """How to draw each picture of a report's page, the main one first; none for some reports."""
    if isinstance(report, RateReport):
        main = figures.months if report.by == "month" else figures.rates
        return {"rates": lambda: main(report), "asked": lambda: figures.assessment(report)}
    if isinstance(report, RecurrenceReport):
        curve = {"curve": lambda: figures.recurrence(report.total)}
        if not report.rows:
            return curve
        return {"groups": lambda: figures.recurrence_by_group(report, ONE_YEAR), **curve}
    if isinstance(report, EventCourseReport):
        return {
            "onset": lambda: figures.onset(report.onset),
            "duration": lambda: figures.resolution(told_durations(report)),
        }
    if isinstance(report, SeverityReport):
        return {"severity": lambda: figures.severity(report)}
    if isinstance(report, ComparisonReport):
        title = render(report.heading.title)
        return {"groups": lambda: figures.two_groups(report.a, report.b, title)}
    if isinstance(report, ControlReport):
        chart: dict[str, Callable[[], Figure | None]] = {"chart": lambda: figures.control(report)}
        watched = report.sequential
        if isinstance(watched, Message):
            return chart
        more = {"cusum": lambda: figures.cusum(watched), "vlad": lambda: figures.vlad(watched)}
        return {**chart, **more}
    if isinstance(report, UnitsReport):
        return {"funnel": lambda: figures.funnel(report)}
    if isinstance(report, ClocksReport):
        return _clocks(report)
    if isinstance(report, ResponseReport):
        return {
            "clearance": lambda: clock_charts.clearance(report),
            "courses": lambda: clock_charts.sessions_per_course(report.courses),
        }
    if isinstance(report, OverviewReport):
        return {
            row.indicator.code: lambda row=row: figures.sparkline(row)  # type: ignore[misc]
            for row in report.rows
        }
    return _of_care(report)


def picture_of(report: Report, name: str | None = None) -> Figure | None:
    """A picture of a report, the main one without a name; None where there is nothing to draw.

    Raises :class:`NotFound` for a name that the report's page does not show.
    """
    pictures = pictures_of(report)
    if name is None:
        return next(iter(pictures.values()))() if pictures else None
    if name not in pictures:
        raise NotFound(
            message(
                "{report} has no picture “{asked}”. It has: {known}.",
                report=report.heading.name,
                asked=name[:40],
                known=", ".join(pictures) or message("none"),
            )
        )
    return pictures[name]()


def told_durations(report: EventCourseReport) -> Sequence[Duration]:
    """The kinds of event whose duration is told in words: its own, or those that last."""
    own = [row for row in report.durations if row.code == report.event]
    return own or [row for row in report.durations if row.is_lasting]


def _clocks(report: ClocksReport) -> Pictures:
    """A picture a clock: lines while its groups are few, else their points at 12 months."""

    def draw(code: str) -> Figure | None:
        clock = next(clock for clock in report.clocks if clock.code == code)
        if len(clock.rows) > clock_charts.MOST_CURVES:
            return clock_charts.clock_points(clock, ONE_YEAR)
        return clock_charts.clock_curves(clock)

    return {clock.code: lambda code=clock.code: draw(code) for clock in report.clocks}  # type: ignore[misc]


def _of_care(report: Report) -> Pictures:
    if isinstance(report, ReportedOutcomesReport):
        return {"improved": lambda: improved(report) if report.rows else None}
    if isinstance(report, DataQualityReport):
        title = render(report.heading.title)
        return {"thermometer": lambda: figures.thermometer(report.parts(), title)}
    if isinstance(report, CostReport):
        return {
            f"{row.currency}_{per}": lambda row=row, per=per: costs(report, row.currency, per)  # type: ignore[misc]
            for row in report.totals
            for per in TITLES
        }
    if isinstance(report, FollowUpReport):
        return {"visits": lambda: figures.follow_up(report)}
    return {}

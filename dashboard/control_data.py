"""What the page of control charts asks of the registry, its tables, and the changes it records."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from dashboard import state
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.access import Permission, may
from registry.analysis import control, control_wording, periods, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.comparison_wording import points, points_interval
from registry.analysis.control import EVENTS, ControlReport
from registry.analysis.periods import Change
from registry.entry.change_points import ChangeEntry, record_change, void_change


def chart_of(cohort: CohortFilter, *, event: str, by: str, unit: str) -> ControlReport:
    """One outcome in the order of time."""
    return control.control(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        event=event,
        group_by=by,
        unit=unit,
    )


def may_record_changes() -> bool:
    """Whether the person may record changes in the clinic at hand."""
    return may(state.actor(), Permission.CONFIGURE, state.clinic())


def changes_here() -> tuple[Change, ...]:
    """The changes recorded in the clinic at hand, the latest first."""
    found = periods.changes(state.reading_engine(), state.actor())
    return tuple(change for change in found if change.clinic_id == state.clinic())


def record(change: ChangeEntry, request_key: UUID) -> None:
    """Write down a change in the clinic at hand."""
    record_change(
        state.engine(),
        state.actor(),
        state.clinic(),
        change,
        request_key=request_key,
        now=state.now(),
    )


def withdraw(change_id: UUID, reason: str, request_key: UUID) -> None:
    """Withdraw a change of the clinic at hand."""
    void_change(
        state.engine(),
        state.actor(),
        state.clinic(),
        change_id,
        reason,
        request_key=request_key,
        now=state.now(),
    )


def point_table(report: ControlReport) -> Table:
    """The points of a chart as they are shown, the latest first."""
    is_gap, per_session = report.drawing.counts_gaps, report.unit == EVENTS
    value = _("Gap") if is_gap else _("Per 100 sessions") if per_session else _("Rate")
    rows = []
    for point in reversed(report.drawing.points):
        signal = control_wording.signals(point, is_gap=is_gap)
        rows.append(
            {
                (_("Until") if is_gap else _("Treated")): say(point.label),
                _("Events"): wording.count(point.events),
                _("Sessions"): wording.count(point.sessions),
                _("Assessed"): wording.count(point.assessed),
                value: control_wording.value(point, is_gap=is_gap, per_session=per_session),
                _("Line"): control_wording.centre(point, is_gap=is_gap, per_session=per_session),
                _("Limits"): control_wording.limits(point, is_gap=is_gap, per_session=per_session),
                _("Signal"): wording.DASH if signal is None else say(signal),
            }
        )
    return rows


def change_table(report: ControlReport) -> Table:
    """The rate before and after each change, the latest first."""
    is_of_several = len({row.change.clinic_id for row in report.changes}) > 1
    return [
        {
            _("Change"): f"{row.change.what} ({row.change.clinic})"
            if is_of_several
            else row.change.what,
            _("Since"): wording.day(row.change.changed_on),
            _("Before"): wording.rate(row.before),
            _("Events before"): f"{wording.count(row.before.events)} / "
            f"{wording.count(row.before.mature)}",
            _("After"): wording.rate(row.after),
            _("Events after"): f"{wording.count(row.after.events)} / "
            f"{wording.count(row.after.mature)}",
            _("Difference (points)"): wording.DASH
            if row.difference is None
            else points(row.difference.value),
            _("95 % interval"): wording.DASH
            if row.difference is None
            else points_interval(row.difference),
            _("Limits"): _("begin anew") if row.begins_limits else _("stay"),
        }
        for row in reversed(report.changes)
    ]


def name_of(change: Change, today: dt.date) -> str:
    """A change in a list: its day, what it was, and what charts make of it."""
    parts = [f"{wording.day(change.changed_on)}: {change.what}"]
    if change.begins_limits:
        parts.append(_("limits begin anew"))
    if change.changed_on > today:
        parts.append(_("still to come"))
    return " · ".join(parts)

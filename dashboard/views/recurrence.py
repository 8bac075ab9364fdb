"""Whether treated veins come back: success, time to recurrence, clear at 12 months."""

from __future__ import annotations

import streamlit as st

from dashboard import figures, filters, report_data, report_parts
from dashboard.report_data import say
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.reports import QUESTIONS
from registry.analysis.results import CurvePoint, RecurrenceReport, RecurrenceRow
from registry.analysis.treated_sites import GROUPINGS
from registry.vocabulary import FollowUpMethod

PAGE = "recurrence"
HEADLINE_DAY = 365


def groupings() -> dict[str, str]:
    """Groupings as the page calls them."""
    labels = {report_data.ALL_TOGETHER: _("All sites together")}
    return {name: labels.get(name) or _(DIMENSION_LABELS[name]) for name in GROUPINGS}


def landmarks() -> dict[str, str]:
    """Days at which groups can be compared."""
    return {
        str(day): _("{months} months (day {day})").format(months=round(day * 12 / 365), day=day)
        for day in report_data.LANDMARK_DAYS
    }


def seen_by() -> dict[str, str]:
    """How a recurrence was seen, as the page calls it."""
    return {
        FollowUpMethod.CLINIC: _("by eye in the clinic"),
        FollowUpMethod.DUPLEX: _("by duplex"),
        FollowUpMethod.PHOTOGRAPH: _("on a photograph"),
        FollowUpMethod.PHONE: _("by phone"),
        "not_recorded": _("not recorded how"),
    }


def point_at(row: RecurrenceRow, day: int) -> CurvePoint:
    """A row's estimates at one landmark."""
    return next(point for point in row.landmarks if point.day == day)


def answer(row: RecurrenceRow) -> None:
    """Recurrence at 12 months, success, and clear at 12 months, each in words."""
    point = point_at(row, HEADLINE_DAY)
    cells = (
        (
            _("Recurred 12 months after success"),
            wording.at_landmark(point.recurrence, point),
            wording.recurrence_sentence(row, point),
        ),
        (
            _("Success after the last planned session"),
            wording.share(row.success),
            wording.success_sentence(row),
        ),
        (
            _("Clear and not retreated at 12 months"),
            wording.clear_share(row),
            wording.clear_sentence(row),
        ),
    )
    columns = st.columns(3, border=True)
    for column, (label, shown, sentence) in zip(columns, cells, strict=True):
        with column:
            report_parts.headline(label, shown, say(sentence))


def how_seen(row: RecurrenceRow) -> None:
    """By what recurrences came to light; the ways find different things."""
    if row.methods:
        names = seen_by()
        st.text(
            _("How the {count} recurrences were seen: {ways}.").format(
                count=wording.count(row.recurrences),
                ways=", ".join(
                    f"{wording.count(count)} {names.get(way, way)}"
                    for way, count in row.methods.items()
                ),
            )
        )
    st.text(
        _(
            "Before a recurrence was seen, observation ended by retreatment in {retreated} sites "
            "and by death in {died}; both compete with recurrence."
        ).format(retreated=wording.count(row.retreatments), died=wording.count(row.deaths))
    )


def groups(report: RecurrenceReport, day: int) -> None:
    """Groups side by side at one landmark."""
    report_parts.figure(
        figures.recurrence_by_group(report, day),
        _("No group has enough sites observed to day {day}; there is nothing to draw.").format(
            day=day
        ),
        "recurrence_groups",
        report,
    )
    report_parts.cautions(report.warnings)


def main() -> None:
    """Draw the page."""
    st.title(_("Recurrence"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE, "by", "day")
    with st.container(horizontal=True, key="recurrence_choices"):
        by = filters.choice(view, "by", _("Compare by"), groupings(), report_data.ALL_TOGETHER)
        day = str(HEADLINE_DAY)
        if by != report_data.ALL_TOGETHER:
            day = filters.choice(view, "day", _("Compare at"), landmarks(), day)
    filters.close_view(view, by=(by, report_data.ALL_TOGETHER), day=(day, str(HEADLINE_DAY)))
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    report = report_data.recurrence_after_success(view.cohort, group_by=by)
    if report.total.sites == 0:
        st.info(
            _("No treated site is recorded in these sessions, so recurrence cannot be followed."),
            icon=":material/hourglass_empty:",
        )
        report_parts.definition(report, view)
        return
    answer(report.total)
    if report.rows:
        groups(report, int(day))
    report_parts.figure(
        figures.recurrence(report.total),
        _("No treated site has been seen clear yet, so there is no time to recurrence to draw."),
        "recurrence_curve",
        report,
    )
    how_seen(report.total)
    report_parts.table_with_file(report, report_data.landmark_table(report))
    with st.expander(_("Success and clear at 12 months"), icon=":material/table:"):
        report_parts.table(report_data.outcome_table(report), _("Success and clear at 12 months"))
    report_parts.definition(report, view)


main()

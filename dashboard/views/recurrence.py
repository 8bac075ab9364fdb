"""Whether it lasts: recurrence after success, separate clocks, response, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from dashboard import figures, filters, lasting_data, published_parts, report_data, report_parts
from dashboard.figures import clock_charts
from dashboard.filters import View
from dashboard.report_data import say
from dashboard.report_parts import exact
from dashboard.text import _, plain
from registry.analysis import clock_wording, wording
from registry.analysis.claims import ClaimRow, ClaimsReport
from registry.analysis.clock_results import ClockResult, ClocksReport
from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.reports import QUESTIONS
from registry.analysis.response import ResponseReport
from registry.analysis.results import CurvePoint, RecurrenceReport, RecurrenceRow
from registry.analysis.treated_sites import GROUPINGS
from registry.catalogue import ClaimStanding
from registry.vocabulary import FollowUpMethod

PAGE: Final = "recurrence"
HEADLINE_DAY: Final = 365
AFTER, CLOCKS, RESPONSE, CLAIMS = "after", "clocks", "response", "claims"
# The report that answers each question of the page.
ANSWERED_BY: Final = {
    AFTER: "recurrence",
    CLOCKS: "clocks",
    RESPONSE: "response",
    CLAIMS: "claims",
}
FIRST_CLOCK: Final = "visible_again"
AFTER_SUCCESS: Final = "recurrence"


def parts() -> dict[str, str]:
    """The questions of the page."""
    return {
        AFTER: _("After success"),
        CLOCKS: _("Each on its clock"),
        RESPONSE: _("Response, sessions"),
        CLAIMS: _("What patients are told"),
    }


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
            _("How recurrences were seen ({count}): {ways}.").format(
                count=wording.count(row.recurrences),
                ways=", ".join(
                    f"{wording.count(count)} {names.get(way, way)}"
                    for way, count in row.methods.items()
                ),
            )
        )
    st.text(
        _(
            "Sites whose observation ended before a recurrence was seen: by retreatment "
            "{retreated}, by death {died}; both compete with recurrence."
        ).format(retreated=wording.count(row.retreatments), died=wording.count(row.deaths))
    )


def groups(report: RecurrenceReport, day: int) -> None:
    """Groups side by side: at one landmark, over time while they are few, and against another."""
    report_parts.figure(
        figures.recurrence_by_group(report, day),
        _("No group has enough sites observed to day {day}; there is nothing to draw.").format(
            day=day
        ),
        "recurrence_groups",
        report,
    )
    beside = lasting_data.clocks_of(
        report.heading.cohort, group_by=report.by, only=(AFTER_SUCCESS,)
    )
    clock = beside.clocks[0]
    if len(clock.rows) <= clock_charts.MOST_CURVES:
        curves(clock, beside, "recurrence_group_curves")
    compared(clock, day)
    report_parts.cautions(beside.warnings)


def curves(clock: ClockResult, report: ClocksReport, key: str) -> None:
    """The lines of a clock."""
    report_parts.figure(
        clock_charts.clock_curves(clock),
        _("No clock runs for ten or more at once, so there is no line to draw."),
        key,
        report,
    )


def compared(clock: ClockResult, day: int) -> None:
    """Each group against the largest, and whether chance alone would set them so far apart."""
    if clock.comparison is None:
        return
    st.header(_("Groups against each other"))
    st.text(say(clock_wording.tested_sentence(clock.comparison)))
    rows = lasting_data.difference_table(clock, day)
    if rows:
        report_parts.table(rows, _("Difference of the groups"))


def after_success(view: View, by: str, day: str) -> None:
    """Recurrence after success, the headline of the page."""
    report = report_data.recurrence_after_success(view.cohort, group_by=by)
    if report.total.sites == 0:
        no_site()
        report_parts.definition(report, view)
        return
    report_parts.incomplete(report)
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
    published_parts.on_lasting()
    report_parts.definition(report, view)


def no_site() -> None:
    """Without a treated site there is nothing to follow."""
    st.info(
        _("No treated site is recorded in these sessions, so recurrence cannot be followed."),
        icon=":material/hourglass_empty:",
    )


def on_its_clock(view: View, name: str, by: str, day: str) -> None:
    """One clock in words and lines, and all of them at a glance."""
    report = lasting_data.clocks_of(view.cohort, group_by=by, only=(name,))
    clock = report.clocks[0]
    with st.container(border=True, key="answer"):
        shown = clock_wording.share_at(clock_wording.point_at(clock.total, int(day)))
        report_parts.headline(
            say(clock.label),
            shown,
            say(clock_wording.clock_sentence(clock, clock.total, int(day))),
        )
    st.text(say(clock_wording.course_of_clock(clock)))
    if clock.total.started:
        if len(clock.rows) > clock_charts.MOST_CURVES:
            report_parts.figure(
                clock_charts.clock_points(clock, int(day)),
                _("No group has enough observed to day {day}; nothing to draw.").format(day=day),
                "recurrence_clock_points",
                report,
            )
        else:
            curves(clock, report, "recurrence_clock_curves")
        compared(clock, int(day))
        report_parts.cautions(report.warnings)
        report_parts.table_with_file(report, lasting_data.clock_table(clock))
    every = lasting_data.clocks_of(view.cohort)
    st.header(_("All clocks"))
    rows = lasting_data.glance_table(every)
    # A share with its interval and number may take two lines, or the last months would be cut.
    parted = [name for name in rows[0] if name not in {_("Clock"), _("Started"), _("Unit")}]
    title = _("All clocks at each landmark")
    report_parts.table(rows, title, words=(_("Unit"),), wrapped=parted)
    report_parts.take_away(every, "recurrence_clocks_files")
    report_parts.definition(report, view)


def respond(view: View, report: ResponseReport) -> None:
    """Clearance, occlusion and sessions of the courses."""
    courses, never = report.courses, report.never
    cells = (
        (
            _("Never cleared or occluded"),
            wording.share(never),
            _("{never} of {count} sites looked at (95 % CI {interval}).").format(
                never=wording.count(never.numerator),
                count=wording.count(never.denominator),
                interval=wording.interval(never),
            )
            if never.denominator
            else _("No site was looked at after its last planned session yet."),
        ),
        (
            _("Sessions of a course, median"),
            clock_wording.number(courses.spread.median),
            _("Middle half {quartiles}, {count} ended courses.").format(
                quartiles=clock_wording.quartiles(courses.spread),
                count=wording.count(courses.spread.count),
            ),
        ),
        (
            _("Topped up beyond the plan"),
            wording.share(courses.topped_up),
            _("{topped_up} of {count} ended courses with a plan (95 % CI {interval}).").format(
                topped_up=wording.count(courses.topped_up.numerator),
                count=wording.count(courses.topped_up.denominator),
                interval=wording.interval(courses.topped_up),
            ),
        ),
    )
    columns = st.columns(3, border=True)
    for column, (label, shown, sentence) in zip(columns, cells, strict=True):
        with column:
            report_parts.headline(label, shown, sentence)
    st.header(_("Clearance by visit"))
    report_parts.figure(
        clock_charts.clearance(report),
        _("No site was scored at a visit after its last planned session yet."),
        "recurrence_clearance",
        report,
    )
    if report.clearance:
        report_parts.table(
            lasting_data.clearance_table(report),
            _("Clearance by scale and visit"),
            words=("Visit",),
        )
    if report.occlusion:
        st.header(_("Occlusion on duplex"))
        report_parts.table(lasting_data.occlusion_table(report), _("Occlusion by visit"))
    st.header(_("Sessions of a course"))
    report_parts.figure(
        clock_charts.sessions_per_course(courses),
        _("No course has ended yet, so its sessions cannot be counted."),
        "recurrence_courses",
        report,
    )
    if courses.gaps.count:
        st.text(say(clock_wording.courses_sentence(courses)))
    report_parts.behind_links(report)
    report_parts.definition(report, view)


def standings() -> Mapping[ClaimStanding, str]:
    """How sources read elsewhere bear on a claim."""
    return {
        ClaimStanding.SUPPORTED: _("sources read since agree"),
        ClaimStanding.CONTESTED: _("sources read since differ"),
        ClaimStanding.CONTRADICTED: _("sources read since contradict it"),
        ClaimStanding.UNTRACED: _("no source found at all"),
    }


def claim(row: ClaimRow) -> None:
    """One claim, and what stands beside it."""
    said = _("“{quoted}”").format(quoted=_(row.claim.text))
    st.markdown(f"**{plain(said)}**  \n:gray[{plain(standings()[row.claim.standing])}]")
    if row.own:
        st.markdown(
            "\n".join(
                f"- {exact(say(own.label))}: **{exact(say(clock_wording.own_figure(own)))}**"
                for own in row.own
            )
        )
    if row.remark is not None:
        st.markdown(f":gray[{exact(say(row.remark))}]")


def told(view: View, report: ClaimsReport) -> None:
    """Claim by claim, those with an own figure first."""
    st.text(
        _(
            "Said to patients by an article that names no source. What is seen here stands beside "
            "it, not against it: a claim has no denominator and no definition."
        )
    )
    with_figure = [row for row in report.rows if row.own]
    without = [row for row in report.rows if not row.own]
    for row in with_figure:
        claim(row)
    label = _("Claims with nothing here to set beside them: {count}").format(count=len(without))
    with st.expander(label, icon=":material/block:"):
        for row in without:
            claim(row)
    report_parts.take_away(report, "recurrence_claims_files")
    report_parts.definition(report, view)


def main() -> None:
    """Draw the page: each question asks for no more than it shows."""
    st.title(_("Recurrence"))
    asks = st.empty()
    view = filters.open_view(PAGE, "part", "clock", "by", "day")
    part = filters.choice(view, "part", _("Question"), parts(), AFTER, is_row=True)
    asks.text(say(QUESTIONS[ANSWERED_BY[part]].answers))
    by, day, clock = report_data.ALL_TOGETHER, str(HEADLINE_DAY), FIRST_CLOCK
    if part in {AFTER, CLOCKS}:
        with st.container(horizontal=True, key="recurrence_choices"):
            if part == CLOCKS:
                names = lasting_data.clock_names()
                clock = filters.choice(view, "clock", _("Clock"), names, FIRST_CLOCK)
            by = filters.choice(view, "by", _("Compare by"), groupings(), by)
            if by != report_data.ALL_TOGETHER or part == CLOCKS:
                day = filters.choice(view, "day", _("At"), landmarks(), day)
    filters.close_view(
        view,
        part=(part, AFTER),
        clock=(clock, FIRST_CLOCK),
        by=(by, report_data.ALL_TOGETHER),
        day=(day, str(HEADLINE_DAY)),
    )
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    if part == CLOCKS:
        on_its_clock(view, clock, by, day)
    elif part == RESPONSE:
        respond(view, lasting_data.response_of(view.cohort))
    elif part == CLAIMS:
        told(view, lasting_data.claims_beside(view.cohort))
    else:
        after_success(view, by, day)


main()

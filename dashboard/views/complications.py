"""How often treatment is followed by a complication, for any outcome and grouping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboard import complication_data, figures, filters, report_data, report_parts
from dashboard.filters import View
from dashboard.report_data import say
from dashboard.report_figures import told_durations
from dashboard.text import _, ngettext, plain
from registry.analysis import comparison_wording, wording
from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.comparison import DEFAULT_GROUPING
from registry.analysis.complications import GROUPINGS
from registry.analysis.counting import outcome_of
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.event_course import RESOLUTION_DAYS, EventCourseReport
from registry.analysis.rate_rows import Unit
from registry.analysis.reports import QUESTIONS
from registry.analysis.results import RateReport
from registry.analysis.severity import SeverityReport

PAGE = "complications"
MONTH = "month"
RATES, COURSE, SEVERITY, COMPARE = "rates", "course", "severity", "compare"
# The report that answers each question of the page.
ANSWERED_BY: Final = {
    RATES: "complications",
    COURSE: "event_course",
    SEVERITY: "severity",
    COMPARE: "comparison",
}
# With more groups the bars of who was asked are one click away.
MOST_BARS: Final = 20


def parts() -> dict[str, str]:
    """The questions of the page."""
    return {
        RATES: _("How often"),
        COURSE: _("When and how long"),
        SEVERITY: _("How severe"),
        COMPARE: _("Compare two groups"),
    }


def groupings() -> dict[str, str]:
    """Groupings as the page calls them."""
    labels = {report_data.BY_EVENT: _("Kind of event")}
    return {name: labels.get(name) or _(DIMENSION_LABELS[name]) for name in GROUPINGS}


def units() -> dict[str, str]:
    """Units as the page calls them."""
    return {
        Unit.SESSIONS: _("Sessions"),
        Unit.PATIENTS: _("Patients"),
        Unit.LEGS: _("Treated legs"),
    }


def answer(report: RateReport) -> None:
    """The rate of the whole cohort in words."""
    total = report.total
    with st.container(border=True, key="answer"):
        report_parts.headline(
            say(report.event_label),
            wording.rate(total),
            wording.rate_sentence(total),
        )
        if total.screened and not report.by_detection:
            st.text(
                _("Found only by a planned duplex scan: {screened}.").format(
                    screened=wording.count(total.screened)
                )
            )
        if total.sessions_each is not None and report.unit != Unit.SESSIONS:
            st.text(
                _("Treated {mean} times each on average: more sessions, more of a chance.").format(
                    mean=wording.decimal(total.sessions_each, 1)
                )
            )


def detection(report: RateReport) -> None:
    """Thrombosis that came to light beside thrombosis that was screened for."""
    if not report.by_detection:
        return
    st.header(_("How it was found"))
    for place, row in zip(st.columns(2), report.by_detection, strict=True):
        with place.container(border=True):
            report_parts.headline(say(row.label), wording.rate(row), wording.rate_sentence(row))
    st.text(
        ngettext(
            "{scanned} session was followed by a duplex scan within the window; where nobody "
            "scans, nothing is found by screening.",
            "{scanned} sessions were followed by a duplex scan within the window; where nobody "
            "scans, nothing is found by screening.",
            report.scanned,
        ).format(scanned=wording.count(report.scanned))
    )


def picture(report: RateReport) -> None:
    """Each group with its interval, or month by month."""
    drawn = figures.months(report) if report.by == MONTH else figures.rates(report)
    if report.by == report_data.BY_EVENT and not report.rows:
        instead = _("No event of any kind was recorded after the sessions that are old enough.")
    else:
        instead = _("No group has a session that is old enough; there is nothing to draw.")
    report_parts.figure(drawn, instead, "complications_picture", report)


def who_was_asked(report: RateReport) -> None:
    """Events, not asked, and asked without it, group by group."""
    key, instead = "complications_asked", _("No session is old enough yet.")
    if len(report.rows) > MOST_BARS:
        with st.expander(_("Who was asked"), icon=":material/fact_check:"):
            report_parts.figure(figures.assessment(report), instead, key, report)
        return
    st.header(_("Who was asked"))
    report_parts.figure(figures.assessment(report), instead, key, report)


def other_units(report: RateReport) -> None:
    """The same outcome per patient and for first sessions only."""
    with st.expander(_("Other units: per patient, first sessions"), icon=":material/person:"):
        rows = [
            {
                _("Unit"): say(row.label),
                _("With event"): wording.count(row.events),
                _("Of"): wording.count(row.mature),
                _("Rate"): wording.rate(row),
                _("95 % interval"): wording.interval(row.estimate),
                _("Assessed"): wording.percent(row.completeness, row.mature),
                _("Method"): say(wording.method(row.estimate)),
            }
            for row in (report.per_patient, report.first_session)
        ]
        report_parts.table(rows, _("The same outcome in other units"))
        mean = report.per_patient.sessions_each
        st.text(
            _(
                "A rate per patient grows with the number of sessions: here {mean} on average. It "
                "is not comparable with a rate per session."
            ).format(mean=wording.DASH if mean is None else wording.decimal(mean, 1))
        )


def published(report: RateReport) -> None:
    """Published figures beside the own ones, and those that cannot be compared with the reason."""
    found = report_data.published_beside(report)
    if not found:
        return
    st.header(_("Published figures"))
    comparable = [
        {
            _("Published"): f"{item.benchmark.paper}: {_(item.benchmark.label)}",
            _("There"): (
                f"{wording.count(item.benchmark.x)} / {wording.count(item.benchmark.n)} · "
                f"{wording.percent(item.estimate.value, item.benchmark.n)} "
                f"({wording.interval(item.estimate)})"
            ),
            _("Here"): (
                f"{say(item.row.label)}: {wording.count(item.row.events)} / "
                f"{wording.count(item.row.mature)} · {wording.share(item.row.estimate)} "
                f"({wording.interval(item.row.estimate)})"
            ),
            _("Reading"): say(item.verdict),
        }
        for item in found
        if item.is_comparable
    ]
    if comparable:
        report_parts.table(
            comparable, _("Published figures that can be compared"), words=comparable[0]
        )
    others = [item for item in found if not item.is_comparable]
    if others:
        label = _("Not comparable: {count}").format(count=len(others))
        with st.expander(label, icon=":material/block:"):
            for item in others:
                benchmark = item.benchmark
                st.markdown(
                    f":gray[{plain(benchmark.paper)}: {plain(_(benchmark.label))}, "
                    f"{plain(wording.count(benchmark.x))} / {plain(wording.count(benchmark.n))} "
                    f"({plain(_(benchmark.population))})]  \n{plain(say(item.verdict))}"
                )
    with st.expander(_("Sources"), icon=":material/menu_book:"):
        for citation in dict.fromkeys(item.citation for item in found):
            st.text(citation)


def rates(view: View, report: RateReport) -> None:
    """How often: the answer in words, each group, and who was asked."""
    if report.total.mature == 0:
        st.info(
            _(
                "No session is old enough yet to be counted (sessions: {sessions}): one enters "
                "{age} days after treatment, when the visit that asks about this is over."
            ).format(
                sessions=wording.count(report.total.sessions),
                age=outcome_of(report.event).mature_after_days,
            ),
            icon=":material/hourglass_empty:",
        )
    else:
        report_parts.incomplete(report)
        answer(report)
        detection(report)
        picture(report)
        report_parts.cautions(report.warnings)
        report_parts.table_with_file(report, report_data.rate_table(report))
        who_was_asked(report)
        if report.unit == Unit.SESSIONS:
            other_units(report)
    report_parts.serious_events(report)
    published(report)
    report_parts.definition(report, view)


def course(view: View, report: EventCourseReport) -> None:
    """When: days to onset; how long: time until the event had ended."""
    st.header(_("When they begin"))
    with st.container(border=True, key="answer"):
        st.text(complication_data.onset_sentence(report.onset))
    report_parts.figure(
        figures.onset(report.onset),
        _("No event was recorded after the sessions that are old enough."),
        "complications_onset",
        report,
    )
    if report.onsets:
        with st.expander(_("Days to onset by kind of event"), icon=":material/table:"):
            report_parts.table(
                complication_data.onset_table(report), _("Days to onset by kind of event")
            )
    st.header(_("How long they last"))
    told = told_durations(report)
    if told:
        with st.container(border=True, key="duration_answer"):
            for row in told:
                st.text(complication_data.duration_sentence(row))
    report_parts.figure(
        figures.resolution(told),
        _("Too few events were followed for a curve: ten of one kind are needed."),
        "complications_duration",
        report,
    )
    if report.durations:
        rows = complication_data.duration_table(report)
        title = _("Events that had ended, by kind")
        report_parts.table(rows, title, wrapped=[*rows[0]][-len(RESOLUTION_DAYS) :])
        report_parts.take_away(report, "event_course_files")
    report_parts.behind_links(report)
    report_parts.definition(report, view)


def severity(view: View, report: SeverityReport) -> None:
    """Severity against seriousness, and each kind of event by severity."""
    if not report.total.events:
        st.info(_("No such event is recorded for these sessions."), icon=":material/check:")
    else:
        with st.container(border=True, key="answer"):
            serious = sum(report.total.serious)
            report_parts.headline(
                say(report.event_label),
                wording.count(report.total.events),
                ngettext(
                    "{events} event, {serious} of them serious.",
                    "{events} events, {serious} of them serious.",
                    report.total.events,
                ).format(events=wording.count(report.total.events), serious=wording.count(serious)),
            )
        report_parts.figure(figures.severity(report), "", "complications_severity", report)
        st.header(_("Severity and seriousness"))
        report_parts.table(
            complication_data.seriousness_table(report.total), _("Severity against seriousness")
        )
        st.header(_("By kind of event"))
        report_parts.table(complication_data.severity_table(report), _("Events by severity"))
        report_parts.take_away(report, "severity_files")
        report_parts.behind_links(report)
    report_parts.serious_events(report)
    report_parts.definition(report, view)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two groups to be compared, and what the address says of them."""

    between: str
    a: str
    b: str
    said: Mapping[str, tuple[str, str]]


def choose_pair(view: View) -> Pair:
    """Choose a grouping and two of its groups, both empty where it has fewer than two."""
    names = {name: _(DIMENSION_LABELS[name]) for name in DIMENSIONS}
    with st.container(horizontal=True, key="complications_pair"):
        between = filters.choice(view, "between", _("Groups by"), names, DEFAULT_GROUPING)
        said = {"between": (between, DEFAULT_GROUPING)}
        offered = complication_data.groups_to_compare(view.cohort, group_by=between)
        if offered.a is None or offered.b is None:
            return Pair(between, "", "", said)
        groups = {code: say(label) for code, label in offered.groups}
        a = filters.choice(view, "a", _("First group"), groups, offered.a)
        others = {code: name for code, name in groups.items() if code != a}
        default = offered.b if a != offered.b else offered.a
        b = filters.choice(view, "b", _("Second group"), others, default)
    return Pair(between, a, b, said | {"a": (a, offered.a), "b": (b, default)})


def compare(view: View, pair: Pair, event: str) -> None:
    """Two groups side by side, crude and adjusted."""
    if not pair.a:
        st.info(
            _("All of these sessions are of one group; there is nothing to compare."),
            icon=":material/compare_arrows:",
        )
        return
    report = complication_data.compared(
        view.cohort, event=event, group_by=pair.between, a=pair.a, b=pair.b
    )
    with st.container(border=True, key="answer"):
        for row in (report.a, report.b):
            st.text(say(comparison_wording.group_sentence(row)))
        if report.crude is not None:
            st.text(say(comparison_wording.contrast_sentence(report)))
        adjusted = comparison_wording.adjusted_sentence(report)
        if adjusted is not None:
            st.text(say(adjusted))
    report_parts.cautions(report.warnings)
    report_parts.figure(
        figures.two_groups(report.a, report.b, say(report.heading.title)),
        _("Neither group has a session that is old enough."),
        "complications_pair_picture",
        report,
    )
    if report.crude is not None:
        report_parts.table(complication_data.contrast_table(report), _("Unadjusted and adjusted"))
    report_parts.table(complication_data.group_table(report), _("The two groups"))
    report_parts.take_away(report, "comparison_files")
    report_parts.behind_links(report)
    report_parts.definition(report, view)


def main() -> None:
    """Draw the page: each question asks for no more than it shows."""
    st.title(_("Complications"))
    asks = st.empty()
    view = filters.open_view(PAGE, "event", "by", "unit", "part", "between", "a", "b")
    part = filters.choice(view, "part", _("Question"), parts(), RATES, is_row=True)
    asks.text(say(QUESTIONS[ANSWERED_BY[part]].answers))
    by, unit = report_data.BY_EVENT, str(Unit.SESSIONS)
    with st.container(horizontal=True, key="complications_choices"):
        event = filters.choice(
            view, "event", _("Count"), report_data.events(), report_data.ANY_COMPLICATION
        )
        if part == RATES:
            by = filters.choice(view, "by", _("Compare by"), groupings(), by)
            unit = filters.choice(view, "unit", _("Share of"), units(), unit)
    said = {
        "part": (part, RATES),
        "event": (event, report_data.ANY_COMPLICATION),
        "by": (by, report_data.BY_EVENT),
        "unit": (unit, str(Unit.SESSIONS)),
    }
    size = report_data.size_of(view.cohort)
    if not size.sessions:
        filters.close_view(view, **said)
        report_parts.nothing_to_show(size)
    elif part == COMPARE:
        pair = choose_pair(view)
        filters.close_view(view, **said, **pair.said)
        compare(view, pair, event)
    else:
        filters.close_view(view, **said)
        if part == COURSE:
            course(view, complication_data.course_of_events(view.cohort, event=event))
        elif part == SEVERITY:
            severity(view, complication_data.severity_of_events(view.cohort, event=event))
        else:
            rates(
                view,
                report_data.complication_rates(view.cohort, event=event, group_by=by, unit=unit),
            )


main()

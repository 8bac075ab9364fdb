"""How often treatment is followed by a complication, for any outcome and grouping."""

from __future__ import annotations

import streamlit as st

from dashboard import figures, filters, report_data, report_parts
from dashboard.report_data import say
from dashboard.text import _, plain
from registry.analysis import wording
from registry.analysis.cohort import DIMENSION_LABELS
from registry.analysis.complications import GROUPINGS, outcome_of
from registry.analysis.reports import QUESTIONS
from registry.analysis.results import RateReport

PAGE = "complications"
MONTH = "month"


def groupings() -> dict[str, str]:
    """Groupings as the page calls them."""
    labels = {report_data.BY_EVENT: _("Kind of event")}
    return {name: labels.get(name) or _(DIMENSION_LABELS[name]) for name in GROUPINGS}


def answer(report: RateReport) -> None:
    """The rate of the whole cohort in words."""
    total = report.total
    with st.container(border=True, key="answer"):
        report_parts.headline(
            say(report.event_label),
            wording.share(total.estimate),
            wording.rate_sentence(total, _),
        )
        if total.screened:
            st.text(
                _("Found only by a planned duplex scan: {screened}.").format(
                    screened=wording.count(total.screened)
                )
            )


def picture(report: RateReport) -> None:
    """Each group with its interval, or month by month."""
    drawn = figures.months(report) if report.by == MONTH else figures.rates(report)
    if report.by == report_data.BY_EVENT and not report.rows:
        instead = _("No event of any kind was recorded after the sessions that are old enough.")
    else:
        instead = _("No group has a session that is old enough; there is nothing to draw.")
    report_parts.figure(drawn, instead, "complications_picture", report)


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
            ).format(mean=wording.DASH if mean is None else f"{mean:.1f}")
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


def main() -> None:
    """Draw the page."""
    st.title(_("Complications"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE, "event", "by")
    with st.container(horizontal=True, key="complications_choices"):
        event = filters.choice(
            view, "event", _("Count"), report_data.events(), report_data.ANY_COMPLICATION
        )
        by = filters.choice(view, "by", _("Compare by"), groupings(), report_data.BY_EVENT)
    filters.close_view(
        view, event=(event, report_data.ANY_COMPLICATION), by=(by, report_data.BY_EVENT)
    )
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    report = report_data.complication_rates(view.cohort, event=event, group_by=by)
    if report.total.mature == 0:
        st.info(
            _(
                "None of the {sessions} sessions is old enough yet to be counted: a session enters "
                "{age} days after treatment, when the visit that asks about this is over."
            ).format(
                sessions=wording.count(report.total.sessions),
                age=outcome_of(event).mature_after_days,
            ),
            icon=":material/hourglass_empty:",
        )
    else:
        answer(report)
        picture(report)
        report_parts.cautions(report.warnings)
        report_parts.table_with_file(report, report_data.rate_table(report))
        other_units(report)
    report_parts.serious_events(report)
    published(report)
    report_parts.definition(report, view)


main()

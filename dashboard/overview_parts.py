"""The parts of the overview: the answer in words, a line for each indicator, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from dashboard import figures, overview_data, patient_data, report_parts, state
from dashboard.components import SESSION_VIEW, TO_DO_VIEW
from dashboard.figures.marks import drawing_of
from dashboard.filters import COHORT
from dashboard.report_data import Size, say
from dashboard.report_parts import exact
from dashboard.text import N_, _, inline
from registry.access import Permission
from registry.analysis import control_wording, openable_counts, wording
from registry.analysis.judgement import (
    Against,
    Status,
    interval_shown,
    target_shown,
    value_shown,
)
from registry.analysis.overview import Action, IndicatorRow, OverviewReport
from registry.catalogue import IndicatorGroup, IndicatorMeasure

COMPLICATIONS_VIEW: Final = "views/complications.py"
CONTROL_VIEW: Final = "views/control.py"
REPORTED_VIEW: Final = "views/reported_outcomes.py"
RECURRENCE_VIEW: Final = "views/recurrence.py"
WORKLIST_VIEW: Final = "views/worklist.py"
PAGES: Final[Mapping[IndicatorMeasure, str]] = {
    IndicatorMeasure.OUTCOME: COMPLICATIONS_VIEW,
    IndicatorMeasure.RECURRENCE: RECURRENCE_VIEW,
    IndicatorMeasure.RETREATMENT: RECURRENCE_VIEW,
    IndicatorMeasure.NON_RESPONSE: RECURRENCE_VIEW,
    IndicatorMeasure.SATISFACTION: REPORTED_VIEW,
    IndicatorMeasure.FOLLOW_UP: WORKLIST_VIEW,
    IndicatorMeasure.ENTRY_DELAY: WORKLIST_VIEW,
    IndicatorMeasure.OVERRIDES: report_parts.SESSIONS_VIEW,
}
"""The page of an indicator."""
SECTIONS: Final[Mapping[IndicatorMeasure, str]] = {
    IndicatorMeasure.FOLLOW_UP: "completeness",
    IndicatorMeasure.ENTRY_DELAY: "quality",
}
"""The part of the follow-up page that an indicator is told in."""
ACTION_PAGES: Final[Mapping[str, tuple[tuple[Permission, str], ...]]] = {
    "overdue": ((Permission.READ_RATES, WORKLIST_VIEW),),
    "open_serious": (
        (Permission.SEE_RECORDS, TO_DO_VIEW),
        (Permission.READ_RATES, COMPLICATIONS_VIEW),
    ),
    "drafts": ((Permission.RECORD, SESSION_VIEW),),
}
"""Where what waits is done, for whom: the first that the person may open."""
MOST_CHARTS: Final = 4
"""So many charts are named in the answer; more would not be read in ten seconds."""
SIGNED: Final[Mapping[Status, str]] = {
    Status.WORSE: N_(":orange[:material/warning:] **Worse**"),
    Status.AS_EXPECTED: N_(":material/drag_handle: **As expected**"),
    Status.BETTER: N_(":blue[:material/thumb_up:] **Better**"),
    Status.TOO_FEW: N_(":gray[:material/hourglass_empty:] **Too few data**"),
    Status.NOT_FOLLOWED_UP: N_(":orange[:material/report:] **Too few followed up**"),
}
"""Each status with its sign, in Markdown; the word says the same as sign and colour."""


def group_names() -> dict[IndicatorGroup, str]:
    """Groups of indicators as the page calls them."""
    return {
        IndicatorGroup.SAFETY: _("Safety"),
        IndicatorGroup.LASTING: _("Lasting"),
        IndicatorGroup.CARE: _("Care and data"),
    }


def answer(report: OverviewReport, size: Size) -> None:
    """What got worse, what charts signal, what is overdue and how sure that is, in a few lines."""
    with st.container(border=True, key="answer", gap="xsmall"):
        worse, better = (report.with_status(each) for each in (Status.WORSE, Status.BETTER))
        if worse:
            st.markdown(f"{_(SIGNED[Status.WORSE])}: {exact(_named(worse))}")
        is_alarming = any(signal.is_more for each in report.signals for signal in each.signals)
        if is_alarming:
            _signals(report)
        if not worse:
            calm = _("No indicator is worse than what it is compared with.")
            if is_alarming:
                st.markdown(f":material/drag_handle: {exact(calm)}")
            else:
                st.markdown(f":material/drag_handle: **{exact(calm)}**")
        if better:
            st.markdown(f"{_(SIGNED[Status.BETTER])}: {exact(_named(better))}")
        if not is_alarming:
            _signals(report)
        waiting = ", ".join(_waits(action) for action in report.actions)
        st.markdown(
            f":material/event_busy: **{exact(_('Today'))}:** "
            f"{exact(waiting or _('nothing is waiting'))}"
        )
        sure = _(
            "{judged} of {all} indicators can be judged; {few} have too few data, {lost} too few "
            "followed up. Sessions: {sessions}, patients: {patients}."
        ).format(
            judged=report.judged,
            all=len(report.rows),
            few=len(report.with_status(Status.TOO_FEW)),
            lost=len(report.with_status(Status.NOT_FOLLOWED_UP)),
            sessions=wording.count(size.sessions),
            patients=wording.count(size.patients),
        )
        st.markdown(f":material/balance: {exact(sure)}")


def _signals(report: OverviewReport) -> None:
    """The charts that signalled in the last twelve months, each with the way to it."""
    if not report.signals:
        return
    said = _("Control charts signalled in the last 12 months. One signal may be chance; look:")
    st.markdown(f":material/query_stats: **{exact(said)}**")
    for found in report.signals[:MOST_CHARTS]:
        st.page_link(
            CONTROL_VIEW,
            label=exact(
                _("{point}: {signal}").format(
                    point=say(found.label), signal=say(control_wording.recent(found))
                )
            ),
            icon=":material/arrow_forward:",
            query_params=found.cohort.to_query() | {"event": found.event},
        )
    further = len(report.signals) - MOST_CHARTS
    if further > 0:
        st.caption(_("Further charts that signalled: {count}.").format(count=further))


def _named(rows: tuple[IndicatorRow, ...]) -> str:
    """Indicators by name with their figure and what they are compared with."""
    names = {
        Against.TARGET: _("{name} {value} (target {comparison})"),
        Against.BEFORE: _("{name} {value} (before {comparison})"),
        Against.PUBLISHED: _("{name} {value} (published {comparison})"),
    }
    return ", ".join(
        names[row.judgement.against].format(
            name=inline(row.indicator.label),
            value=value_shown(row.now.told),
            comparison=_comparison(row),
        )
        for row in rows
    )


def _comparison(row: IndicatorRow) -> str:
    """The figure that the row was compared with."""
    if row.judgement.against is Against.TARGET and row.target is not None:
        return target_shown(row.indicator, row.target)
    if row.judgement.against is Against.PUBLISHED and row.published is not None:
        return value_shown(row.published.estimate)
    before = row.before
    return wording.DASH if before is None else value_shown(before.told)


def indicators(report: OverviewReport) -> None:
    """A line for each indicator, by group."""
    for group, name in group_names().items():
        st.header(name)
        for row in report.rows:
            if row.indicator.group is group:
                _line(report, row)


def _line(report: OverviewReport, row: IndicatorRow) -> None:
    code = row.indicator.code
    with st.container(border=True, gap=None, key=f"indicator_line_{code}"):
        # Two columns of it fit side by side on a phone, all four on a desk.
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width=208, gap=None, key=f"indicator_name_{code}"):
                _name(report, row)
            with st.container(width=100, gap=None):
                drawn = figures.sparkline(row)
                if drawn is None:
                    st.space("small")  # keeps the figures of all lines below each other
                else:
                    st.vega_lite_chart(
                        spec=drawing_of(drawn.chart),
                        width="stretch",
                        alt=drawn.description,
                        key=f"spark_{code}",
                    )
            with st.container(width=184, gap=None, key=f"indicator_value_{code}"):
                st.markdown(f"**{exact(value_shown(row.now.told))}**")
                st.caption(exact(_beside(row)))
            with st.container(width=145, gap=None):
                st.markdown(_(SIGNED[row.status]))
            _definition(report, row)
        said = [say(row.judgement.reason), *overview_data.comparisons(row)]
        st.caption(exact(" ".join(said)))


def _name(report: OverviewReport, row: IndicatorRow) -> None:
    """The name, which leads to the same sessions on the indicator's own page."""
    measure, query = row.indicator.measure, row.now.cohort.to_query()
    if row.indicator.outcome is not None:
        query["event"] = row.indicator.outcome
    if measure in SECTIONS:
        query["section"] = SECTIONS[measure]
    if measure is IndicatorMeasure.OVERRIDES:
        query |= openable_counts.asked_of(report, row.indicator.code, "cases").to_query()
    st.page_link(
        PAGES[measure],
        label=f"**{exact(_(row.indicator.label))}**",
        icon=":material/chevron_right:",
        icon_position="right",
        query_params=query,
    )


def _beside(row: IndicatorRow) -> str:
    """Interval and counts below a figure."""
    estimate = row.now.told
    if not estimate.denominator:
        return _("no {unit}").format(unit=_(estimate.unit))
    parts = [interval_shown(estimate)]
    if value_shown(estimate) != wording.of_all(estimate.numerator, estimate.denominator):
        parts.append(_("n\u202f=\u202f{count}").format(count=wording.count(estimate.denominator)))
    return ", ".join(parts)


def _definition(report: OverviewReport, row: IndicatorRow) -> None:
    """What is counted, from whom, by which method, and the way to the records; on demand."""
    estimate, cohort = row.now.estimate, row.now.cohort
    with st.popover(_("Definition"), type="tertiary", key=f"definition_{row.indicator.code}"):
        st.text(_(row.indicator.definition))
        if cohort.start is not None and cohort.end is not None:
            st.text(
                _("Treated {start} to {end}.").format(
                    start=wording.day(cohort.start), end=wording.day(cohort.end)
                )
            )
        st.text(
            _("{cases} of {all} {unit}; interval: {method}.").format(
                cases=wording.count(estimate.numerator),
                all=wording.count(estimate.denominator),
                unit=_(estimate.unit),
                method=say(wording.method(estimate)),
            )
        )
        if row.now.note is not None:
            st.text(_("{note}.").format(note=say(row.now.note).capitalize()))
        if row.now.completeness is not None:
            st.text(
                _("Assessed: {share}.").format(share=wording.whole_percent(row.now.completeness))
            )
        if row.before is not None:
            st.text(
                _("12 months before: {value} ({interval}, n = {count}).").format(
                    value=value_shown(row.before.told),
                    interval=interval_shown(row.before.told),
                    count=wording.count(row.before.estimate.denominator),
                )
            )
        if row.target is not None:
            st.text(_("Target: {target}.").format(target=target_shown(row.indicator, row.target)))
        if row.published is not None:
            st.text(
                _("Published: {rate} ({paper}). {verdict}").format(
                    rate=value_shown(row.published.estimate),
                    paper=row.published.benchmark.paper,
                    verdict=say(row.published.verdict),
                )
            )
        measures = openable_counts.measures_of(report.heading.name, row.indicator.code)
        for measure, label in measures.items():
            report_parts.link_to_records(report, row.indicator.code, measure, label)


def today(report: OverviewReport) -> None:
    """What waits to be done, each with a way to it for whoever may go there."""
    st.header(_("Needs action today"))
    waiting = [(_waits(action), _page_of(action)) for action in report.actions]
    if state.allowed(Permission.RECORD):
        own = patient_data.to_do(own_only=True).open_sessions
        if own:
            text = _("Your sessions not signed off: {count}").format(count=wording.count(own))
            waiting.append((text, TO_DO_VIEW))
    if not waiting:
        st.text(_("Nothing is overdue or open."))
    for text, page in waiting:
        if page is None:
            st.markdown(f":material/radio_button_unchecked: {exact(text)}")
        else:
            st.page_link(page, label=exact(text), icon=":material/arrow_forward:")
    st.page_link(
        WORKLIST_VIEW,
        label=exact(_("How good the data are, clinic by clinic")),
        icon=":material/arrow_forward:",
        query_params=st.session_state.get(COHORT, {}) | {"section": "quality"},
    )


def _waits(action: Action) -> str:
    return f"{say(action.label)}: {wording.count(action.count)}"


def _page_of(action: Action) -> str | None:
    """The page on which the person can do something about it."""
    for right, page in ACTION_PAGES[action.code]:
        if state.allowed(right):
            return page
    return None


def whole_table(report: OverviewReport) -> None:
    """All lines as one table, and as a file."""
    report_parts.table_with_file(report, overview_data.indicator_table(report))

"""Parts that the reading pages share: pictures with their words, tables, definitions, no data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import report_data, state
from dashboard.figures import Figure
from dashboard.figures.marks import GROUP, drawing_of
from dashboard.filters import COHORT, View, in_words
from dashboard.report_data import Size, Table, say
from dashboard.take_away import PICTURES, File
from dashboard.text import _, plain, within
from registry.access import Permission
from registry.analysis import openable_counts, report_counts, wording
from registry.analysis.completeness import is_mark, why_incomplete
from registry.analysis.overview import OverviewReport
from registry.analysis.results import Excluded, Heading, RateReport, Report
from registry.analysis.severity import SeverityReport
from registry.analysis.sharing import WHY_HIDDEN, NotShareable
from registry.messages import Message

if TYPE_CHECKING:
    from pandas.io.formats.style_render import CSSDict

SESSIONS_VIEW: Final = "views/sessions_behind.py"
CLICKED: Final = "clicked"
"""Name of the selection that a click on a point of a picture makes."""
MOST_LINKS: Final = 3


def nothing_to_show(size: Size) -> bool:
    """Say so when the registry is empty or the filter keeps nothing."""
    if size.registered == 0:
        st.info(
            _(
                "No treatment session is registered here yet. The figures appear as soon as the "
                "first one is saved or imported."
            ),
            icon=":material/hourglass_empty:",
        )
        if state.allowed(Permission.RECORD):
            st.page_link("views/record_session.py", label=_("Record a session"))
        return True
    if size.sessions == 0:
        st.info(
            _(
                "No session fits this filter; {registered} are registered. Take something out of "
                "the filter or clear it."
            ).format(registered=wording.count(size.registered)),
            icon=":material/filter_alt_off:",
        )
        return True
    return False


def figure(drawn: Figure | None, instead: str, key: str, report: Report | None = None) -> None:
    """A picture with its words for those who do not see it, or what stands in its place.

    With its ``report`` it can be taken away, and a click on a point leads to the records behind it.
    """
    if drawn is None:
        st.info(exact(instead), icon=":material/bar_chart_off:")
        return
    st.markdown(f"**{exact(drawn.title)}**")
    chart, group = drawn.chart, None
    if report is not None and drawn.is_by_group and report_counts.groups_of(report):
        click = alt.selection_point(name=CLICKED, fields=[GROUP])
        clicked = st.vega_lite_chart(
            spec=drawing_of(chart.add_params(click)),
            width="stretch",
            alt=drawn.description,
            key=key,
            on_select="rerun",
        )
        group = next((point.get(GROUP) for point in clicked.selection.get(CLICKED, ())), None)
    else:
        st.vega_lite_chart(spec=drawing_of(chart), width="stretch", alt=drawn.description, key=key)
    if drawn.key:
        st.text(drawn.key)
    if report is not None:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_further"):
            take_away(report, f"{key}_files", drawn)
            if isinstance(group, str):
                _links_of_group(report, group)


def headline(label: str, shown: str, sentence: str) -> None:
    """One figure, large, under its name and above its sentence."""
    st.markdown(f"**{exact(label)}**")
    st.metric(exact(label), exact(shown), label_visibility="collapsed")
    st.text(sentence)


def exact(text: str) -> str:
    """Text as it is, figures unbroken from their per cent sign."""
    space = wording.NARROW_SPACE
    return space.join(plain(part) for part in text.split(space))


def table(
    rows: Table, alt: str, *, words: Collection[str] = (), wrapped: Collection[str] = ()
) -> None:
    """A table whose cells are text as it is; figures stand to the right.

    The first column holds words, and so do the columns named in ``words``. Figures of the columns
    named in ``wrapped`` may take several lines.
    """
    figures = [i for i, name in enumerate(rows[0]) if i and name not in {*words, _("Method")}]
    frame = pd.DataFrame(
        [
            {exact(k): _unparted(exact(v)) if k in wrapped else exact(v) for k, v in row.items()}
            for row in rows
        ]
    )
    rules: list[CSSDict] = []
    for i in figures:
        # Streamlit sets every text to the left with a style of the cell's own.
        rules.append({"selector": f".col{i}", "props": "text-align: right !important"})
        if [*rows[0]][i] not in wrapped:
            rules.append({"selector": f"td.col{i} *", "props": "white-space: nowrap !important"})
    styled = frame.style.set_table_styles(rules)
    st.table(styled, border="horizontal", hide_index=True, alt=alt)


def _unparted(text: str) -> str:
    """Figures that lines part only before a bracket and after a comma."""
    joiner = "\N{WORD JOINER}"
    ranges = text.replace("–", f"{joiner}–{joiner}")
    return re.sub(r"(?<!,) (?!\\?\()", "\N{NO-BREAK SPACE}", ranges)


def table_with_file(report: Report, rows: Table, *, words: Collection[str] = ()) -> None:
    """The table behind a picture, one click away, and the same as a file; ``words`` as `table`.

    Nothing without rows: what stands in the place of the picture says why there are none.
    """
    if not rows:
        return
    title = say(report.heading.title)
    with st.expander(_("Table"), icon=":material/table:", key=f"{report.heading.name}_table"):
        table(rows, title, words=words)
        take_away(report, f"{report.heading.name}_files")
        behind_links(report)


def take_away(report: Report, key: str, drawn: Figure | None = None) -> None:
    """A menu of files: the report in print, its table, and the picture as it was ``drawn``.

    The links are made when the menu is opened; each click makes the next file ready.
    """
    names = {
        File.PDF: _("Report (PDF)"),
        File.PNG: _("Picture (PNG)"),
        File.SVG: _("Drawing (SVG)"),
        File.CSV: _("Table (CSV)"),
        File.XLSX: _("Workbook (XLSX)"),
    }
    icons = dict.fromkeys(PICTURES, ":material/image:") | {File.PDF: ":material/picture_as_pdf:"}
    menu = st.popover(
        _("Take away"),
        icon=":material/download:",
        type="tertiary",
        key=key,
        on_change="rerun",
    )
    if not menu.open:
        return
    with menu, st.container(gap="xxsmall"):
        for kind, name in names.items():
            if drawn is not None or kind not in PICTURES:
                st.link_button(
                    name,
                    report_data.offer_file(kind, report, drawn),
                    icon=icons.get(kind, ":material/table:"),
                    type="tertiary",
                    on_click="rerun",
                    key=f"{key}_{kind.value}",
                )
        if isinstance(report, RateReport):
            _offer_for_sharing(report, key)
        st.text(_("With definition, filter, date and your name on it. Each download is logged."))


def _offer_for_sharing(report: RateReport, key: str) -> None:
    """The table that may leave the registry, or what to change so that there is one."""
    try:
        shared = report_data.for_sharing(report)
    except NotShareable as refused:
        st.text(_("No table for sharing outside the clinic. {reason}").format(reason=refused))
        return
    st.link_button(
        _("Table for sharing (CSV)"),
        report_data.offer_file(File.CSV, shared),
        icon=":material/share:",
        type="tertiary",
        on_click="rerun",
        key=f"{key}_shared",
        help=exact(say(WHY_HIDDEN)),
    )


def behind_links(report: Report) -> None:
    """Choose a row and a count of ``report``, and go to the records behind it."""
    figures, groups = openable_counts.figures_of(report), report_counts.groups_of(report)
    if not figures:
        return
    name = report.heading.name
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{name}_behind"):
        group = _one_of(_("Records behind"), {c: say(m) for c, m in groups.items()}, f"{name}_row")
        measures = {code: say(label) for code, label in _measures(report, group).items()}
        measure = _one_of(_("Which of them"), measures, f"{name}_count")
        link_to_records(report, group, measure)


def _measures(report: Report, group: str) -> dict[str, Message]:
    """The counts of a row that can be opened, the most asked for first."""
    name = report.heading.name
    labels = openable_counts.MEASURES[openable_counts.SAME_COUNTS.get(name, name)]
    labels = {**labels, "in_window": openable_counts.MEASURES["event_course"]["in_window"]}
    figures = openable_counts.figures_of(report)
    return {code: label for code, label in labels.items() if (group, code) in figures}


def _one_of(label: str, options: Mapping[str, str], key: str) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = next(iter(options))
    chosen: str = st.selectbox(
        label, list(options), format_func=options.__getitem__, key=key, width=300
    )
    return chosen


def _links_of_group(report: Report, group: str) -> None:
    """The first few counts of a row that was clicked in a picture."""
    groups = report_counts.groups_of(report)
    if group not in groups:
        return
    st.text(f"{say(groups[group])}:")
    for measure, label in [*_measures(report, group).items()][:MOST_LINKS]:
        link_to_records(report, group, measure, label)


def link_to_records(report: Report, group: str, measure: str, label: Message | None = None) -> None:
    """The way to the records behind one count of ``report``; ``label`` is what is counted."""
    count = openable_counts.figures_of(report)[group, measure]
    asked = openable_counts.asked_of(report, group, measure)
    shown = (
        _("Show {count} {unit}").format(
            count=wording.count(count), unit=say(openable_counts.unit_of(asked))
        )
        if label is None
        else _("{count} {measure}").format(count=wording.count(count), measure=within(say(label)))
    )
    if not count:
        st.text(_("None to show") if label is None else shown)
        return
    cohort = st.session_state.get(COHORT, {})
    if asked.cohort != report.heading.cohort:
        # A point has days of its own.
        cohort = asked.cohort.to_query()
    st.page_link(
        SESSIONS_VIEW,
        label=exact(shown),
        icon=":material/list_alt:",
        query_params=cohort | asked.to_query(),
    )


def definition(report: Report, view: View) -> None:
    """What was counted, in which sessions, what was left out, and as of when.

    Beside the link of the page stands the same in print.
    """
    heading: Heading = report.heading
    view.link_place.link_button(
        _("PDF"),
        report_data.offer_file(File.PDF, report),
        icon=":material/picture_as_pdf:",
        on_click="rerun",
        help=_("This page in print. The download is logged."),
        key=f"{heading.name}_printed",
    )
    st.header(_("What is counted"))
    st.text(say(heading.definition))
    st.text(
        _("Sessions: {filter}. Data as of {day}, version {version}.").format(
            filter=in_words(view), day=wording.day(heading.as_of), version=heading.seal
        )
    )
    left_out(report.excluded)


def left_out(excluded: tuple[Excluded, ...]) -> None:
    """What is not in the figures, with how many."""
    if excluded:
        st.text(_("Not in these figures:"))
        st.markdown(
            "\n".join(
                f"- {exact(say(item.reason))}: {wording.count(item.count)}" for item in excluded
            )
        )


def serious_events(report: RateReport | SeverityReport | OverviewReport) -> None:
    """Every serious event of the cohort by kind: what is rare and grave is never only a rate."""
    st.header(_("Serious events"))
    if not report.serious:
        st.text(_("None is recorded for these sessions."))
        return
    st.markdown(
        "\n".join(
            f"- {plain(wording.count(count))} × {plain(say(label))}"
            for label, count in report.serious
        )
    )
    st.text(_("All of them, whatever the window and the judgement of cause."))


def incomplete(report: Report) -> None:
    """Mark a report of which too little is known to be quoted."""
    why = why_incomplete(report)
    if why is not None:
        text = _("Incomplete, not to be quoted. {why}").format(why=say(why))
        st.warning(exact(text), icon=":material/report:")


def cautions(warnings: tuple[Message, ...]) -> None:
    """What a reader must know before comparing; the mark of an incomplete report stands above."""
    for warning in warnings:
        if is_mark(warning):
            continue
        st.markdown(f":material/balance: {exact(say(warning))}")

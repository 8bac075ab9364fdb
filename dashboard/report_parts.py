"""Parts that the reading pages share: pictures with their words, tables, definitions, no data."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard import report_data, state
from dashboard.figures import Figure
from dashboard.filters import View, in_words
from dashboard.report_data import Size, Table, say
from dashboard.text import _, plain
from registry.access import Permission
from registry.analysis import wording
from registry.analysis.results import Excluded, Heading, RateReport, Report
from registry.messages import Message

if TYPE_CHECKING:
    from pandas.io.formats.style_render import CSSDict


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


def figure(drawn: Figure | None, instead: str, key: str) -> None:
    """A picture with its words for those who do not see it, or what stands in its place."""
    if drawn is None:
        st.info(exact(instead), icon=":material/bar_chart_off:")
        return
    st.markdown(f"**{exact(drawn.title)}**")
    st.altair_chart(drawn.chart, width="stretch", alt=drawn.description, key=key)
    if drawn.key:
        st.text(drawn.key)


def headline(label: str, shown: str, sentence: str) -> None:
    """One figure, large, under its name and above its sentence."""
    st.markdown(f"**{exact(label)}**")
    st.metric(exact(label), exact(shown), label_visibility="collapsed")
    st.text(sentence)


def exact(text: str) -> str:
    """Text as it is, figures unbroken from their per cent sign."""
    space = wording.NARROW_SPACE
    return space.join(plain(part) for part in text.split(space))


def table(rows: Table, alt: str, *, words: Collection[str] = ()) -> None:
    """A table whose cells are text as it is; figures stand to the right.

    The first column holds words, and so do the columns named in ``words``.
    """
    figures = [i for i, name in enumerate(rows[0]) if i and name not in {*words, _("Method")}]
    frame = pd.DataFrame([{exact(k): exact(v) for k, v in row.items()} for row in rows])
    rules: list[CSSDict] = []
    for i in figures:
        # Streamlit sets every text to the left with a style of the cell's own.
        rules += [
            {"selector": f".col{i}", "props": "text-align: right !important"},
            {"selector": f"td.col{i} *", "props": "white-space: nowrap !important"},
        ]
    styled = frame.style.set_table_styles(rules)
    st.table(styled, border="horizontal", hide_index=True, alt=alt)


def table_with_file(report: Report, rows: Table) -> None:
    """The table behind a picture, one click away, and the same as a file."""
    title = say(report.heading.title)
    with st.expander(_("Table"), icon=":material/table:", key=f"{report.heading.name}_table"):
        table(rows, title)
        download(report, _("Download as CSV"))


def download(report: Report, label: str) -> None:
    """A link to the unrounded table; each click makes the next file ready."""
    st.link_button(
        label,
        report_data.offer_csv(report),
        icon=":material/download:",
        on_click="rerun",
        key=f"{report.heading.name}_file",
    )


def definition(report: Report, view: View) -> None:
    """What was counted, in which sessions, what was left out, and as of when."""
    heading: Heading = report.heading
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
                f"- {wording.count(item.count)} {exact(say(item.reason))}" for item in excluded
            )
        )


def serious_events(report: RateReport) -> None:
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


def cautions(warnings: tuple[Message, ...]) -> None:
    """What a reader must know before comparing."""
    for warning in warnings:
        st.markdown(f":material/balance: {exact(say(warning))}")

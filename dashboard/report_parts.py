"""Parts that the reading pages share: pictures with their words, tables, definitions, no data."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import report_data, state
from dashboard.figures import Figure
from dashboard.filters import View, in_words
from dashboard.report_data import Size, Table, say
from dashboard.text import _, plain
from registry.access import Permission
from registry.analysis import wording
from registry.analysis.results import Excluded, Heading, Report
from registry.messages import Message

WORDS = 1
"""Columns at the left of a table that hold words; the others hold figures."""


def nothing_to_show(size: Size) -> bool:
    """Say so when the registry is empty or the filter keeps nothing."""
    if size.registered == 0:
        st.info(
            _(
                "No treatment session is registered yet. The figures appear as soon as the first "
                "one is saved or imported."
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
        st.info(instead, icon=":material/bar_chart_off:")
        return
    st.altair_chart(drawn.chart, width="stretch", alt=drawn.description, key=key)


def table(rows: Table, alt: str, *, words: int = WORDS) -> None:
    """A table whose cells are text as it is; figures stand to the right."""
    frame = pd.DataFrame([{plain(k): plain(v) for k, v in row.items()} for row in rows])
    styled = frame.style.set_properties(subset=frame.columns[words:], **{"text-align": "right"})
    st.table(styled, border="horizontal", hide_index=True, alt=alt)


def table_with_file(report: Report, rows: Table, *, words: int = WORDS) -> None:
    """The table behind a picture, one click away, and the same as a file."""
    title = say(report.heading.title)
    with st.expander(_("Table"), icon=":material/table:", key=f"{report.heading.name}_table"):
        table(rows, title, words=words)
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
    st.subheader(_("What is counted"))
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
                f"- {plain(wording.count(item.count))} {plain(say(item.reason))}"
                for item in excluded
            )
        )


def cautions(warnings: tuple[Message, ...]) -> None:
    """What a reader must know before comparing."""
    for warning in warnings:
        st.info(plain(say(warning)), icon=":material/balance:")

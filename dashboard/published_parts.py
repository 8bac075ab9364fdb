"""Published figures that stand beside none of the registry's own, each with the reason."""

from __future__ import annotations

import streamlit as st

from dashboard import report_data
from dashboard.report_data import say
from dashboard.text import _, plain
from registry.analysis import wording


def on_lasting() -> None:
    """What papers say about success and recurrence, in grey, with its own interval."""
    found = report_data.published_on_lasting()
    label = _("Published figures, not comparable: {count}").format(count=len(found))
    with st.expander(label, icon=":material/block:", key="published_aside"):
        for item in found:
            benchmark = item.benchmark
            line = _("{paper}: {label}, {x} / {n}, {share} ({interval})").format(
                paper=benchmark.paper,
                label=_(benchmark.label),
                x=wording.count(benchmark.x),
                n=wording.count(benchmark.n),
                share=wording.share(item.estimate),
                interval=wording.interval(item.estimate),
            )
            st.markdown(f":gray[{plain(line)}]  \n{plain(say(item.reason))}")
        for citation in dict.fromkeys(item.citation for item in found):
            st.text(citation)

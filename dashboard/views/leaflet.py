"""The patients' leaflet: the clinic's own numbers where it has them, published ones apart."""

from __future__ import annotations

import streamlit as st

from dashboard import leaflet_data, report_parts
from dashboard.leaflet_data import LANGUAGES, LeafletText, Part
from dashboard.report_data import say
from dashboard.report_parts import exact
from dashboard.take_away import PICTURES, File
from dashboard.text import _
from registry.analysis import wording
from registry.analysis.leaflet import LeafletReport
from registry.analysis.reports import QUESTIONS
from registry.language import current
from registry.vocabulary import Language

PAGE = "leaflet"


def choose_language() -> Language:
    """The language of the leaflet, at first that of the page."""
    chosen = st.segmented_control(
        _("Language of the leaflet"),
        list(LANGUAGES),
        default=current().value,
        format_func=LANGUAGES.__getitem__,
        required=True,
        key="leaflet_language",
    )
    return Language(chosen)


def preview(report: LeafletReport, text: LeafletText) -> None:
    """The leaflet as it will be printed, in its own language."""
    with st.container(border=True, key="leaflet_preview"):
        st.header(exact(text.title))
        st.text(text.subtitle)
        st.text(" ".join(text.introduction))
        for heading, parts in (
            (text.own_heading, text.own),
            (text.published_heading, text.published),
        ):
            if parts:
                st.subheader(exact(heading))
                for part in parts:
                    show(report, text.language, part)
        st.text(text.closing)
        if text.sources:
            with st.expander(exact(text.sources_heading)):
                for source in text.sources:
                    st.text(source)


def show(report: LeafletReport, language: Language, part: Part) -> None:
    """One outcome: its words, and its array with what it means."""
    st.markdown(f"**{exact(part.label)}**")
    with st.container(horizontal=True, key=f"leaflet_{part.code}"):
        if part.figure is not None:
            with st.container(width=340, gap="xsmall"):
                st.altair_chart(
                    part.figure.chart,
                    width="content",
                    alt=part.figure.description,
                    key=f"leaflet_array_{part.code}",
                )
                st.text(part.figure.key)
                pictures(report, language, part)
        with st.container(width=340, gap="xsmall"):
            st.text(part.explanation)
            st.markdown(f"**{exact(part.number)}**")
            for said in part.about:
                st.text(said)


def pictures(report: LeafletReport, language: Language, part: Part) -> None:
    """An array as a picture by itself; the link is made when the menu is opened."""
    menu = st.popover(
        _("Picture"),
        icon=":material/download:",
        type="tertiary",
        key=f"leaflet_files_{part.code}",
        on_change="rerun",
    )
    if not menu.open:
        return
    names = {File.PNG: _("Picture (PNG)"), File.SVG: _("Drawing (SVG)")}
    with menu:
        for kind in PICTURES:
            st.link_button(
                names[kind],
                leaflet_data.offer(report, language, kind, part.standing_alone),
                icon=":material/image:",
                on_click="rerun",
                key=f"leaflet_{kind.value}_{part.code}",
            )


def for_staff(report: LeafletReport) -> None:
    """What the leaflet tells of each outcome and why, for whoever hands it out."""
    st.header(_("Why these numbers"))
    report_parts.cautions(report.warnings)
    report_parts.table(
        leaflet_data.table(report), _("Why these numbers"), words={_("On the leaflet")}
    )
    st.text(
        _("This clinic asks for a follow-up of {needed} before it quotes a figure.").format(
            needed=wording.whole_percent(report.needed / 100)
        )
    )
    report_parts.take_away(report, "leaflet_files")
    st.header(_("What is counted"))
    st.text(say(report.heading.definition))
    st.text(
        _(
            "Sessions: {start} to {end}, {clinic}. Patients: {patients}. Data as of {day}, version "
            "{version}."
        ).format(
            start=wording.day(report.start),
            end=wording.day(report.end),
            clinic=report.clinic,
            patients=wording.DASH if report.patients is None else wording.count(report.patients),
            day=wording.day(report.heading.as_of),
            version=report.heading.seal,
        )
    )


def main() -> None:
    """Draw the page."""
    st.title(_("Patients' leaflet"))
    st.text(say(QUESTIONS[PAGE].answers))
    report = leaflet_data.report()
    with st.container(horizontal=True, vertical_alignment="bottom", key="leaflet_choices"):
        language = choose_language()
        st.link_button(
            _("Leaflet (PDF)"),
            leaflet_data.offer(report, language, File.PDF, None),
            icon=":material/picture_as_pdf:",
            type="primary",
            on_click="rerun",
            help=_("Two pages for patients. The download is logged."),
            key="leaflet_printed",
        )
    preview(report, leaflet_data.text_of(report, language))
    for_staff(report)


main()

"""How good the data are: four shares of each clinic in words and as a picture, with details."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import streamlit as st

from dashboard import figures, report_data, report_parts, worklist_data
from dashboard.filters import View
from dashboard.report_data import CLINIC, say
from dashboard.report_parts import exact
from dashboard.text import _, within
from registry.analysis import wording
from registry.analysis.data_quality import PARTS, DataQualityReport, Part, QualityRow
from registry.language import as_typed


def show(view: View) -> None:
    """Draw the thermometer of each clinic, the details of each part, and what is counted."""
    report = worklist_data.quality(view.cohort)
    for clinic, parts in groupby(report.parts(), key=lambda row: row.clinic):
        _clinic(clinic, tuple(parts), report, view)
    for part, name in PARTS.items():
        rows = worklist_data.detail_table(report, part)
        if rows:
            st.header(say(name))
            st.text(_meaning(part))
            report_parts.table(rows, say(name), words=(_("What"),))
    if not _is_of_one(report):
        report_parts.take_away(report, "data_quality_files")
    report_parts.definition(report, view)


def _clinic(
    clinic: str, parts: tuple[QualityRow, ...], report: DataQualityReport, view: View
) -> None:
    name = say(parts[0].clinic_label)
    st.header(name)
    with st.container(border=True, gap="xsmall", key=f"quality_answer_{clinic}"):
        short = [row for row in parts if row.is_enough is False]
        if short:
            named = ", ".join(within(say(row.label)) for row in short)
            said = _("Below what is asked for: {parts}.").format(parts=named)
            st.markdown(f":orange[:material/warning:] **{exact(said)}**")
        elif any(row.is_enough is None for row in parts):
            said = _("Too few records yet to judge every side.")
            st.markdown(f":material/hourglass_empty: **{exact(said)}**")
        else:
            said = _("These four sides reach what is asked for.")
            st.markdown(f":material/task_alt: {exact(said)}")
        _visits(clinic, parts, view)
        for row in parts:
            st.text(_sentence(row))
    report_parts.figure(
        figures.thermometer(parts, name),
        _("No record could be looked at."),
        f"thermometer_{clinic}",
        report if _is_of_one(report) else None,
    )


def _visits(clinic: str, parts: tuple[QualityRow, ...], view: View) -> None:
    """Which visits too few came to: follow-up by visit is no part of the four shares."""
    cohort = replace(view.cohort, levels={**view.cohort.levels, CLINIC: (clinic,)})
    needed = next(row.needed or 0.0 for row in parts if row.part is Part.LINKAGE)
    below = report_data.follow_up_completeness(cohort).below(needed)
    if not below:
        return
    named = ", ".join(
        _("{visit} {share}").format(
            visit=say(row.label), share=wording.whole_percent(row.completeness.value or 0.0)
        )
        for row in below
    )
    said = _("Visits that fewer than {needed} came to: {visits}.").format(
        needed=wording.whole_percent(needed), visits=named
    )
    st.markdown(f":orange[:material/warning:] **{exact(said)}**")


def _is_of_one(report: DataQualityReport) -> bool:
    """Whether the report is about one clinic, whose picture then is that of the whole report."""
    return len({row.clinic for row in report.rows}) == 1


def _sentence(row: QualityRow) -> str:
    """One share with its counts and interval."""
    estimate = row.estimate
    if not estimate.denominator:
        return _("{part}: nothing to look at yet.").format(part=say(row.label))
    said = _("{part}: {share} ({good} of {all} {unit}; 95 % interval {interval}).").format(
        part=say(row.label),
        share=wording.share(estimate),
        good=wording.count(estimate.numerator),
        all=wording.count(estimate.denominator),
        unit=_(estimate.unit),
        interval=wording.interval(estimate),
    )
    if row.median_delay is None or row.ninth_decile_delay is None:
        return said
    return said + _(" Median delay {median} days; nine of ten within {ninth}.").format(
        median=as_typed(f"{row.median_delay:g}"),
        ninth=as_typed(f"{row.ninth_decile_delay:g}"),
    )


def _meaning(part: Part) -> str:
    return {
        Part.COMPLETENESS: _("Fields that figures are counted, grouped or adjusted by."),
        Part.CONSISTENCY: _("What is lacking here is a question, not an error: look again."),
        Part.ENTRY_DELAY: _("What is typed from memory is less complete."),
        Part.LINKAGE: _("What hangs together: session and follow-up, event and session, lot."),
    }[part]

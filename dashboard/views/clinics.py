"""Clinicians of a clinic, and clinics, around their common rate; and what to do about a flag."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard import figures, filters, report_data, report_parts, unit_data
from dashboard.filters import COHORT
from dashboard.report_data import say
from dashboard.text import _
from registry.analysis import units_wording, wording
from registry.analysis.reports import QUESTIONS
from registry.analysis.sharing import WHY_HIDDEN
from registry.analysis.units import BY_CLINIC, BY_CLINICIAN, UnitsReport

PAGE = "units"


def kinds() -> dict[str, str]:
    """Units as the page calls them; clinics only where there are several."""
    found = {BY_CLINICIAN: _("Clinicians")}
    return found | {BY_CLINIC: _("Clinics")} if unit_data.has_several_clinics() else found


def answer(report: UnitsReport) -> None:
    """Whether anybody stands outside the limits, in words."""
    with st.container(border=True, key="answer"):
        report_parts.headline(
            say(report.event_label), wording.rate(report.total), wording.rate_sentence(report.total)
        )
        st.text(" ".join(say(sentence) for sentence in units_wording.answer(report)))


def own(report: UnitsReport) -> None:
    """The reader's own row by name."""
    row = report.own
    if row is None or not row.rate.mature:
        return
    with st.container(border=True, key="own_row"):
        sentence = wording.rate_sentence(row.rate)
        if report.is_judged:
            sentence += f" {say(units_wording.STANDINGS[row.standing])}."
        report_parts.headline(say(row.label), wording.rate(row.rate), sentence)


def picture(report: UnitsReport) -> None:
    """The funnel and how much the units vary; nothing where nobody is held against limits."""
    drawn = figures.funnel(report)
    if drawn is not None:
        report_parts.figure(drawn, "", "units_picture", report)
    spread = units_wording.spread(report)
    if spread is not None:
        st.text(say(spread))
    report_parts.cautions(report.warnings)


def tables(report: UnitsReport) -> None:
    """Every unit, in the order of codes."""
    st.header(_("Everybody") if report.by == BY_CLINICIAN else _("Every clinic"))
    st.text(
        _("In the order of their numbers, which say nothing; only your own row carries a name.")
        if report.by == BY_CLINICIAN
        else _("The clinics whose rates you may read, in no order of rates.")
    )
    title, words = say(report.heading.title), {_("Standing")}
    report_parts.table(unit_data.unit_table(report), title, words=words)
    report_parts.take_away(report, "units_files")
    report_parts.behind_links(report)
    if any(row.ratio is not None for row in report.rows):
        st.header(_("At equal case mix"))
        st.text(
            _(
                "O/E: events over those expected if everybody had the common rate in each vessel "
                "class and form. Whoever is a large part of all is drawn to 1."
            )
        )
        words = {_("At equal case mix"), _("Variation allowed for")}
        report_parts.table(unit_data.levelled_table(report), _("At equal case mix"), words=words)


def others(report: UnitsReport) -> None:
    """The clinics in which the reader has no right, together."""
    if report.others is None and report.others_withheld is None:
        return
    st.header(_("Other clinics"))
    if report.others_withheld is not None:
        st.text(say(report.others_withheld))
    if report.others is not None:
        st.text(say(units_wording.others(report.others)))
        st.text(say(WHY_HIDDEN))


def policy(report: UnitsReport) -> None:
    """What flags, who is told, and what to check first."""
    st.header(_("What a flag means, and what to do"))
    with st.expander(_("What flags"), icon=":material/flag:"):
        st.markdown(
            _(
                "- **Outside 95 %**: a rate this far from the common one, on this side, would come "
                "by chance in fewer than 1 of 40 looks at somebody who is like all others.\n"
                "- **Outside 99.8 %**: in fewer than 1 of 1,000 looks.\n"
                "- One to four events never make a high flag: the cases are reviewed instead.\n"
                "- Nobody is held against limits where there are fewer than five units or most of "
                "them have fewer than 30 sessions."
            )
        )
    with st.expander(_("Who is told"), icon=":material/visibility:"):
        st.markdown(
            _(
                "- Each clinician sees their own row by name, and all others by number. Managers "
                "see numbers. Clinicians of one clinic are never shown to another clinic.\n"
                "- The registry tells nobody by itself. Whoever the clinic has named for quality "
                "opens this page once a quarter.\n"
                "- Outside 95 %: that person tells the clinician concerned, and nobody else.\n"
                "- Outside 99.8 %, or outside 95 % in two quarters running: that person and the "
                "clinician check the list below together within two weeks, and write down what "
                "they found.\n"
                "- A number is no disguise in a clinic of three. It keeps names out of printed "
                "pages, not out of conversations."
            )
        )
    with st.expander(_("What to check first"), icon=":material/checklist:", expanded=True):
        st.markdown(
            _(
                "1. **Data.** Are the events and sessions right: twice entered, laid to the wrong "
                "session, judged related by one person and not by another?\n"
                "2. **Case mix.** Large veins and foam have other risks. Is O/E flagged as well?\n"
                "3. **Follow-up.** Who asks more finds more. Is the share assessed alike? A low "
                "rate with few assessed is no good news.\n"
                "4. **Chance.** How many were looked at, and how large is q? Is it still so next "
                "quarter?\n"
                "5. **Practice**, only then: dose, strength, form, guidance, compression, lots."
            )
        )
        st.page_link(
            "views/complications.py",
            label=_("Open the records behind these counts"),
            icon=":material/list_alt:",
            query_params=st.session_state.get(COHORT, {})
            | {"by": report.by, "event": report.event},
        )


def main() -> None:
    """Draw the page."""
    st.title(_("Clinics and clinicians"))
    st.text(say(QUESTIONS[PAGE].answers))
    view = filters.open_view(PAGE, "by", "event")
    with st.container(horizontal=True, key="units_choices"):
        by = filters.choice(view, "by", _("Side by side"), kinds(), BY_CLINICIAN)
        event = filters.choice(
            view, "event", _("Count"), report_data.events(), report_data.ANY_COMPLICATION
        )
    filters.close_view(view, by=(by, BY_CLINICIAN), event=(event, report_data.ANY_COMPLICATION))
    if by == BY_CLINIC:
        view = replace(view, cohort=unit_data.in_all_clinics(view.cohort))
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    report = unit_data.by_unit(view.cohort, event=event, group_by=by)
    if not report.rows:
        st.info(_("No clinician is recorded for these sessions."), icon=":material/person_off:")
        report_parts.definition(report, view)
        return
    answer(report)
    own(report)
    picture(report)
    tables(report)
    others(report)
    policy(report)
    report_parts.definition(report, view)


main()

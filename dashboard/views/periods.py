"""Reports: the whole clinic in print, and periods whose numbers are kept as they were."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Final

import streamlit as st

from dashboard import (
    data,
    filters,
    period_data,
    report_data,
    report_parts,
    state,
    trail_words,
    words,
)
from dashboard.filters import DAY_FORMAT
from dashboard.printed import Document, Grid, Section
from dashboard.report_data import say
from dashboard.report_parts import exact
from dashboard.text import _, ngettext, plain
from registry.analysis.frozen import ChangedSince, PeriodKept
from registry.analysis.wording import count
from registry.entry.problems import Problem
from registry.errors import InvalidEntry, RegistryError

PAGE: Final = "periods"
# Keys in ``st.session_state``: the identifier of what is being typed, which is stored once however
# often it is sent, and what the click before this run has done, in words.
REQUEST: Final = "period_request"
DONE: Final = "period_done"


def in_print() -> None:
    """The report of the clinic for the sessions of the filter, one click away."""
    view = filters.open_view(PAGE)
    filters.close_view(view)
    if report_parts.nothing_to_show(report_data.size_of(view.cohort)):
        return
    st.text(
        _(
            "Overview, complications, recurrence and follow-up of these sessions, with their "
            "definitions, and the date of the data and your name on every page. Each download "
            "is logged."
        )
    )
    st.link_button(
        _("Report of the clinic (PDF)"),
        period_data.offer_whole(view.cohort),
        icon=":material/picture_as_pdf:",
        type="primary",
        on_click="rerun",
        key="clinic_report",
    )


def freeze() -> None:
    """Keep the reports of a period as they are today."""
    first, last = period_data.last_quarter()
    with st.expander(_("Freeze a period"), icon=":material/ac_unit:", key="freeze"):
        st.text(
            _(
                "Its reports are stored as they are today. Whoever opens them next year sees the "
                "same numbers, and beside them what has changed since. They are never overwritten."
            )
        )
        with st.form("freeze_form", border=False):
            name = st.text_input(
                _("Name"), key="freeze_name",
                placeholder=_("For example {year} Q{quarter}").format(
                    year=first.year, quarter=(first.month + 2) // 3
                ),
            )  # fmt: skip
            wrong = {"name": st.container()}
            left, right = st.columns(2)
            with left:
                start = st.date_input(
                    _("First day"), value=first, format=DAY_FORMAT, key="freeze_first"
                )
                wrong["first_day"] = st.container()
            with right:
                end = st.date_input(_("Last day"), value=last, format=DAY_FORMAT, key="freeze_last")
                wrong["last_day"] = st.container()
            sent = st.form_submit_button(_("Freeze the period"))
        if not sent:
            return
        request = st.session_state.setdefault(REQUEST, data.new_id())
        try:
            with st.spinner(_("Working out the reports …")):
                period_data.freeze(name, start, end, request)
        except InvalidEntry as error:
            for problem in error.problems:
                wrong[problem.field].error(plain(problem.message))
            return
        del st.session_state[REQUEST]
        st.session_state[DONE] = _("“{name}” is kept as it is today.").format(name=name.strip())
        st.rerun()


def kept_periods() -> None:
    """Every period that is kept; one opens to its reports."""
    st.header(_("Periods kept as they were"))
    done = st.session_state.pop(DONE, None)
    if done is not None:
        st.success(plain(done))
    kept = period_data.kept_periods()
    if not kept:
        st.info(
            _(
                "No period is kept yet. A clinic freezes a quarter or a year when it is reported, "
                "so that the figures of that report can be found again."
            ),
            icon=":material/ac_unit:",
        )
    for period in kept:
        _period(period)


def _period(period: PeriodKept) -> None:
    label = _("**{name}** · treated {first} to {last} · frozen {day}").format(
        name=plain(period.name),
        first=plain(words.day(period.first_day)),
        last=plain(words.day(period.last_day)),
        day=plain(words.day(period.data_as_of)),
    )
    opened = st.expander(
        _("{period} · withdrawn").format(period=label) if period.voided_at else label,
        key=f"period:{period.id}",
        on_change="rerun",
        icon=":material/block:" if period.voided_at else ":material/ac_unit:",
    )
    if not opened.open:
        return
    with opened:
        try:
            document = period_data.kept_document(period)
        except RegistryError as error:
            st.error(plain(error), icon=":material/gpp_bad:")
            return
        _origin(period, document)
        changed = period_data.changed_since(period)
        _in_short(changed)
        titles = {section.name: section.title for section in document.sections}
        short = [title.partition(":")[0] for title in titles.values()]
        *tabs, since = st.tabs([*map(exact, short), _("Changed since")])
        for tab, section in zip(tabs, document.sections, strict=True):
            with tab:
                _section(section, f"{period.id}:{section.name}")
        with since:
            _changes(changed, titles)
        if period.voided_at is None and period_data.may_freeze():
            _withdrawing(period)


def _origin(period: PeriodKept, document: Document) -> None:
    """Who kept it when, and the file."""
    zone = state.clinic_summary().time_zone
    if period.voided_at is not None:
        st.warning(
            _("Withdrawn {moment}. The audit trail says by whom and why.").format(
                moment=plain(words.moment(period.voided_at, zone))
            ),
            icon=":material/block:",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(
            _("Frozen {moment} by {name}, data version {version}; SHA-256 {digest}…").format(
                moment=words.moment(period.kept_at, zone),
                name=document.taken_by,
                version=period.seal,
                digest=period.digest[:16],
            ),
            width="stretch",
        )
        st.link_button(
            _("PDF"),
            period_data.offer_kept(period),
            icon=":material/picture_as_pdf:",
            on_click="rerun",
            key=f"period:{period.id}:pdf",
            help=_("With the numbers of that day. The download is logged."),
        )


def _in_short(changed: ChangedSince) -> None:
    """How much is different today."""
    if not changed.figures and not changed.records:
        st.text(_("Nothing of it has changed since."))
        return
    figures = ngettext(
        "{count} figure reads otherwise today.",
        "{count} figures read otherwise today.",
        len(changed.figures),
    ).format(count=count(len(changed.figures)))
    records = _(
        "Records of the period since then: {added} added, {amended} amended, {withdrawn} withdrawn."
    ).format(
        added=count(sum(line.added for line in changed.records)),
        amended=count(sum(line.amended for line in changed.records)),
        withdrawn=count(sum(line.withdrawn for line in changed.records)),
    )
    st.markdown(f":material/difference: **{plain(figures)}** {plain(records)}")


def _section(section: Section, key: str) -> None:
    """One report as it was, without anything worked out again."""
    if section.incomplete:
        st.warning(
            _("Incomplete, not to be quoted. {why}").format(why=exact(section.incomplete)),
            icon=":material/warning:",
        )
    with st.container(border=True, key=f"{key}:answer"):
        for said in section.answer:
            st.text(said)
    for number, picture in enumerate(section.pictures):
        st.markdown(f"**{exact(picture.title)}**")
        st.vega_lite_chart(
            spec=dict(picture.spec),
            width="stretch",
            alt=picture.description,
            key=f"{key}:{number}",
        )
        if picture.key:
            st.text(picture.key)
    for table in section.tables:
        st.markdown(f"**{exact(table.title)}**")
        _grid(table)
    if section.serious:
        st.markdown(f"**{_('Serious events')}**")
        for line in section.serious:
            st.text(line)
    for warning in section.warnings:
        st.markdown(f":material/balance: {exact(warning)}")
    st.markdown("  \n".join(f":gray[{exact(name)}:] {exact(said)}" for name, said in section.about))


def _grid(table: Grid) -> None:
    left = {name for i, name in enumerate(table.columns) if table.holds_words(i)}
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    report_parts.table(rows, table.title, words=left)


def _changes(changed: ChangedSince, titles: Mapping[str, str]) -> None:
    """Figure by figure then and now, and the records behind it by kind."""
    for name, lines in groupby(changed.figures, key=lambda line: line.report):
        st.markdown(f"**{exact(titles[name])}**")
        report_parts.table(
            [
                {
                    _("Line"): line.row,
                    _("Figure"): say(line.figure),
                    _("Then"): line.then,
                    _("Now"): line.now,
                }
                for line in lines
            ],
            titles[name],
            words={_("Figure")},
        )
    if changed.records:
        st.text(_("Records of the period that were changed since, by the audit trail:"))
        report_parts.table(
            [
                {
                    _("Record"): trail_words.kind(line.kind),
                    _("Added"): count(line.added),
                    _("Amended"): count(line.amended),
                    _("Withdrawn"): count(line.withdrawn),
                }
                for line in changed.records
            ],
            _("Records changed since"),
        )
    if not changed.figures and not changed.records:
        st.text(_("Nothing of it has changed since."))
    elif not changed.figures:
        st.text(_("No figure reads otherwise today."))
    elif not changed.records:
        st.text(_("No record was changed: more time has passed, so more is old enough to count."))


def _withdrawing(period: PeriodKept) -> None:
    with st.popover(_("Withdraw"), icon=":material/block:", type="tertiary"):
        st.text(_("It stays readable, marked as withdrawn. Its name cannot be used again."))
        with st.form(f"period:{period.id}:withdraw", border=False):
            reason = st.text_area(_("Why"), key=f"period:{period.id}:why")
            wrong = st.container()
            sent = st.form_submit_button(_("Withdraw the period"))
        if sent:
            try:
                period_data.withdraw(period, reason, data.new_id())
            except InvalidEntry as error:
                found: tuple[Problem, ...] = error.problems
                wrong.error(plain(" ".join(str(problem.message) for problem in found)))
            else:
                st.session_state[DONE] = _("“{name}” is withdrawn. It stays readable.").format(
                    name=period.name
                )
                st.rerun()


def main() -> None:
    """Draw the page."""
    st.title(_("Reports"))
    st.text(_("The whole clinic in print, and the numbers of past reports as they were."))
    in_print()
    if period_data.may_freeze():
        freeze()
    kept_periods()


main()

"""What the follow-up page asks of the registry: whom to call, and how good the data are."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from dashboard import data, patient_data, state
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.access import ALLOWED, Permission, may
from registry.analysis import data_quality, stored_entries, wording, worklist
from registry.analysis.call_lines import Attempt, CallLine, Show
from registry.analysis.cohort import CohortFilter
from registry.analysis.data_quality import DataQualityReport, Part, QualityRow
from registry.analysis.worklist import Worklist, WorklistReport
from registry.catalogue import EventFamily, catalogue
from registry.entry import contact, recording
from registry.entry.contact import ContactEntry
from registry.vocabulary import (
    FollowUpStatus,
    ReasonForChange,
    Role,
)

PAGE_LENGTH: Final = 20


def may_see_records() -> bool:
    """Whether the person may see pseudonymous rows of the clinic at hand."""
    return may(state.actor(), Permission.SEE_RECORDS, state.clinic())


def may_contact() -> bool:
    """Whether the person may log calls in the clinic at hand."""
    return may(state.actor(), Permission.CONTACT, state.clinic())


def openers() -> tuple[Role, ...]:
    """Roles that may see the list without a right of their own."""
    return tuple(role for role in Role if Permission.SEE_RECORDS in ALLOWED[role])


def counts() -> WorklistReport:
    """The list of the clinic at hand in counts."""
    cohort = CohortFilter(levels={"clinic": (str(state.clinic()),)})
    return worklist.worklist_counts(
        state.reading_engine(), state.actor(), cohort, today=state.today()
    )


def lines(show: Show, first: int) -> Worklist:
    """Lines of a part of the list; each reading is logged."""
    return worklist.worklist(
        state.reading_engine(),
        state.actor(),
        state.clinic(),
        today=state.today(),
        now=state.now(),
        log=state.engine(),
        show=show,
        first=first,
        length=PAGE_LENGTH,
    )


def call_sheet(show: Show) -> Worklist:
    """The same lines with names; each opening is logged."""
    return worklist.call_sheet(
        state.reading_engine(),
        state.actor(),
        state.clinic(),
        today=state.today(),
        now=state.now(),
        log=state.engine(),
        show=show,
    )


def log_call(call: ContactEntry) -> None:
    """Store an attempt to reach a patient."""
    contact.record_contact(state.engine(), state.actor(), state.clinic(), call, now=state.now())


def withdraw_call(attempt: Attempt, request_key: UUID) -> None:
    """Withdraw an attempt that was logged by mistake."""
    contact.void_contact(
        state.engine(),
        state.actor(),
        state.clinic(),
        attempt.id,
        version=attempt.version,
        reason=ReasonForChange.TYPING_ERROR,
        request_key=request_key,
        now=state.now(),
    )


def close_visit(visit_id: UUID, status: FollowUpStatus, request_key: UUID) -> None:
    """Say that a planned visit will not take place; a correction like any other."""
    by, clinic = state.actor(), state.clinic()
    entry, version = stored_entries.follow_up_entry(state.reading_engine(), by, clinic, visit_id)
    recording.amend(
        state.engine(),
        by,
        clinic,
        replace(entry, status=status),
        version=version,
        reason=ReasonForChange.NEW_INFORMATION,
        request_key=request_key,
        now=state.now(),
    )


def may_close_visits() -> bool:
    """Whether the person may say what became of a visit."""
    return data.may_amend() and may_see_records()


def book(line: CallLine) -> str | None:
    """Plan the next visit of the schedule after the session of a line; its code, if one is left."""
    if line.session is None:
        return None
    code = patient_data.visit_to_plan(line.session.treated_on)
    if code is not None:
        patient_data.plan_visit(line.session, code)
    return code


def to_ask(visit_code: str | None) -> frozenset[EventFamily]:
    """Kinds of event to be asked about at a visit: those of its checklist, or all."""
    rows = catalogue()
    lists = [row for row in rows.checklists.values() if row.visit_code == visit_code]
    terms = [code for row in lists for code in row.term_codes] or list(rows.event_terms)
    return frozenset(rows.event_terms[code].family for code in terms)


def counts_table(report: WorklistReport) -> Table:
    """The list in counts as it is shown."""
    return [
        {
            _("Visit"): say(row.label),
            _("Due"): wording.count(row.due),
            _("Overdue"): wording.count(row.overdue),
            _("Unreachable"): wording.count(row.unreachable),
            _("Tried"): wording.count(row.attempted),
        }
        for row in report.rows
    ]


def quality(cohort: CohortFilter) -> DataQualityReport:
    """How good the data of a cohort are, clinic by clinic."""
    return data_quality.data_quality(
        state.reading_engine(), state.actor(), cohort, today=state.today()
    )


def detail_table(report: DataQualityReport, part: Part) -> Table:
    """The details of a part as they are shown, with their clinic where there are several."""
    is_of_several = len({row.clinic for row in report.rows}) > 1
    return [
        {
            **({_("Clinic"): say(row.clinic_label)} if is_of_several else {}),
            _("What"): say(row.label),
            _("Share"): wording.share(row.estimate),
            _("95 % interval"): wording.interval(row.estimate),
            _("Lacking"): _lacking(row),
        }
        for row in report.details(part)
        if row.estimate.denominator
    ]


def part_table(report: DataQualityReport) -> Table:
    """The shares of whole parts as they are shown."""
    return [
        {
            _("Clinic"): say(row.clinic_label),
            _("Part"): say(row.label),
            _("Share"): wording.share(row.estimate),
            _("95 % interval"): wording.interval(row.estimate),
            _("Lacking"): _lacking(row),
            _("Asked for"): wording.percent(row.needed, 1),
        }
        for row in report.parts()
    ]


def _lacking(row: QualityRow) -> str:
    return _("{lacking} of {all} {unit}").format(
        lacking=wording.count(row.lacking),
        all=wording.count(row.estimate.denominator),
        unit=_(row.estimate.unit),
    )

"""Record a follow-up: what became of the visit, what was looked for, and how the sites did."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import (
    components,
    data,
    follow_up_fields,
    outcome_data,
    outcome_fields,
    outcome_words,
    sentences,
    state,
    words,
)
from dashboard.form import REQUIRED, Form
from dashboard.text import _, plain
from dashboard.words import Unreadable
from registry.analysis.stored_entries import Stored
from registry.analysis.timeline import (
    PatientHeader,
    Timeline,
    is_overdue,
)
from registry.catalogue import catalogue
from registry.entry.assessments import LegAssessment, ReportedAnswers
from registry.entry.forms import EventEntry, FollowUpEntry
from registry.entry.problems import Level, Problem
from registry.entry.recording import Recorded
from registry.messages import message
from registry.vocabulary import (
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    ReasonForChange,
)

UNSCHEDULED: Final = "unscheduled"


def main() -> None:
    """The page."""
    form = Form("follow_up", FollowUpEntry)
    st.title(_("Correct a follow-up") if _corrects(form) else _("Record a follow-up"))
    if form.saved is not None:
        _after_saving(form)
        return
    form.offer_drafts()
    patient = components.patient()
    if patient is None:
        _due_in_clinic()
        patient = components.choose_patient()
    if patient is None:
        return
    shown = data.patient_timeline(patient.id)
    components.banner(patient, may_change=not _corrects(form))
    if _corrects(form) and st.button(_("Leave it as it was"), icon=":material/undo:"):
        form.give_up()
        st.switch_page(components.PATIENT_VIEW)
    _fill(form, patient, shown)
    _ask(form, patient, shown)


def _corrects(form: Form) -> bool:
    """Whether a follow-up that already took place is being corrected."""
    base = form.opened.base
    return isinstance(base, FollowUpEntry) and base.status is not FollowUpStatus.PLANNED


def _due_in_clinic() -> None:
    due = data.due_follow_ups()
    if not due:
        return
    with st.expander(_("Due in this clinic: {count}").format(count=len(due)), expanded=True):
        for visit in due:
            st.button(
                plain(
                    _("{patient} · {visit}, due {day}").format(
                        patient=visit.pseudonym,
                        visit=words.visit(visit.visit_code),
                        day=words.day(visit.due_on),
                    )
                ),
                key=f"due:{visit.id}",
                on_click=components.open_patient,
                args=(visit.patient_id,),
                type="tertiary",
            )


def _fill(form: Form, patient: PatientHeader, shown: Timeline) -> None:
    if not form.begins_for(patient):
        return
    base = form.opened.base
    form.set("seen_on", state.today())
    form.set("status", FollowUpStatus.SEEN)
    # Kept as they are now: a plan that somebody else records meanwhile is then noticed.
    planned = _planned(shown)
    form.set("planned", planned)
    form.set("visit", base.id if base else next(iter(planned), UNSCHEDULED))
    if not isinstance(base, FollowUpEntry) or base.status is FollowUpStatus.PLANNED:
        _list_for_visit(form)
        return
    form.set("status", base.status)
    form.set("seen_on", base.seen_on)
    form.set("method", base.method)
    form.set("days_to_normal", "" if base.days_to_normal is None else str(base.days_to_normal))
    form.set("note", base.note or "")
    form.set("checklist", follow_up_fields.NO_LIST)
    if base.checklist_code is not None:
        form.set("checklist", (base.checklist_code, base.checklist_version))
        asked = catalogue().checklist_versions[base.checklist_code, base.checklist_version or 0]
        found = {finding.event_term_code: finding for finding in base.findings}
        for code in asked.term_codes:
            finding = found.get(code)
            form.set(f"item.{code}", finding.state.value if finding else follow_up_fields.ABSENT)
            if finding is not None and finding.state is FindingState.PRESENT:
                form.set(f"{code}.which", finding.adverse_event_id)
    for outcome in base.site_outcomes:
        at = f"site.{outcome.side.value}.{outcome.anatomy_code}"
        form.set(f"{at}.finding", outcome.finding)
        form.set(f"{at}.score", "" if outcome.score is None else words.number(outcome.score))
        form.set(f"{at}.occlusion", outcome.occlusion)
        if outcome.scale_code is not None:
            form.set("scale", outcome.scale_code)


def _planned(shown: Timeline) -> dict[UUID, Stored[FollowUpEntry]]:
    """Planned visits that nobody has recorded yet, the one due first at the front."""
    return {
        stored.entry.id: stored
        for stored in shown.follow_ups
        if stored.entry.status is FollowUpStatus.PLANNED
    }


def _ask(form: Form, patient: PatientHeader, shown: Timeline) -> None:
    plan, entry = _visit(form, patient, shown)
    status = form.choice(
        _("What became of it"),
        "status",
        [member for member in FollowUpStatus if member is not FollowUpStatus.PLANNED],
        required=True,
    )
    entry = replace(entry, status=status or FollowUpStatus.SEEN)
    found: list[Problem] = []
    events: list[EventEntry] = []
    went_on: list[Stored[EventEntry]] = []
    answers: ReportedAnswers | None = None
    legs: list[LegAssessment] = []
    if entry.status is not FollowUpStatus.SEEN:
        if entry.visit_code is None:
            entry = replace(entry, due_on=form.day(_("Agreed for"), "due_on"))
        entry = replace(entry, seen_on=None)
        if entry.status is FollowUpStatus.DEAD:
            st.info(
                _(
                    "Also note the day of death under “Correct the patient's data”, and report the "
                    "event if it may have to do with the treatment."
                ),
                icon=":material/info:",
            )
    else:
        entry, unreadable = _seen(form, entry)
        found += unreadable
        if not _corrects(form):
            went_on, contradicted = follow_up_fields.open_events(form, entry, shown)
            found += contradicted
        entry, events, missing = follow_up_fields.looked_for(form, entry, shown)
        found += missing
        entry, unreadable = follow_up_fields.site_outcomes(form, entry, shown)
        found += unreadable
        if not _corrects(form):
            answers, legs, unreadable = _outcomes(form, entry, shown)
            found += unreadable
    note = form.paragraph(_("Note"), "note", height=80)
    entry = replace(entry, note=note.strip() or None)
    found += data.problems(entry, [event.id for event in events])
    for event in events:
        found += [
            replace(problem, field=f"{event.event_term_code}.{problem.field}")
            for problem in data.problems(event)
        ]
    for known in went_on:
        found += [
            replace(problem, field=f"open.{known.entry.id}.{problem.field}")
            for problem in data.problems(known.entry)
            if problem.level is Level.REFUSE
        ]
    change: data.Change | None = None
    if _corrects(form):
        st.header(_("Why"))
        change = form.change()
        if change is None:
            found.append(Problem("reason", REQUIRED, message("Why is it changed?")))
    elif plan is not None:
        key = form.opened.request_key
        change = data.Change(plan.version, ReasonForChange.NEW_INFORMATION, None, key, plan.entry)

    def store(accepted: frozenset[str]) -> Recorded:
        recorded = data.save_follow_up(
            entry, events, planned=change, accepted=accepted, went_on=went_on
        )
        outcome_data.save(answers, legs)
        return recorded

    form.save(
        _("Save the correction") if _corrects(form) else _("Save follow-up"),
        found,
        store,
        lambda: (
            components.name(patient),
            [
                *sentences.follow_up(entry),
                *(line for event in events for line in _reported(event, shown)),
                *(line for known in went_on for line in _reported(known.entry, shown)),
                *(outcome_words.answers(answers) if answers is not None else ()),
                *map(outcome_words.leg, legs),
            ],
        ),
        lambda path: follow_up_fields.place(entry, path),
    )


def _visit(
    form: Form, patient: PatientHeader, shown: Timeline
) -> tuple[Stored[FollowUpEntry] | None, FollowUpEntry]:
    """The planned visit this is, with what was planned; or an unscheduled one."""
    base = form.opened.base
    if isinstance(base, FollowUpEntry) and _corrects(form):
        return None, replace(base, findings=(), site_outcomes=())
    planned: dict[UUID, Stored[FollowUpEntry]] = form.get("planned", {})

    def in_words(choice: UUID | str) -> str:
        stored = planned.get(choice) if isinstance(choice, UUID) else None
        if stored is None or stored.entry.due_on is None:
            return _("Unscheduled visit")
        sentence = _("{visit}, due {day}")
        if is_overdue(stored.entry, state.today()):
            sentence = _("{visit}, was due {day}")
        return sentence.format(
            visit=words.visit(stored.entry.visit_code), day=words.day(stored.entry.due_on)
        )

    chosen = form.pick(
        _("Which visit"),
        "visit",
        [*planned, UNSCHEDULED],
        in_words,
        required=True,
        on_change=_list_for_visit,
        args=(form,),
    )
    if isinstance(chosen, UUID) and chosen in planned:
        return planned[chosen], planned[chosen].entry
    last = shown.sessions[-1].entry if shown.sessions else None
    return None, FollowUpEntry(
        id=form.opened.id,
        patient_id=patient.id,
        status=FollowUpStatus.SEEN,
        treatment_session_id=last.id if last else None,
    )


def _list_for_visit(form: Form) -> None:
    """Propose the checklist that belongs to the chosen visit."""
    plan = form.get("planned", {}).get(form.get("visit"))
    visit_code = plan.entry.visit_code if plan else None
    proposed = next(
        (
            key
            for key, row in follow_up_fields.lists().items()
            if visit_code and row.visit_code == visit_code
        ),
        follow_up_fields.NO_LIST,
    )
    form.set("checklist", proposed)


def _seen(form: Form, entry: FollowUpEntry) -> tuple[FollowUpEntry, list[Problem]]:
    left, right = st.columns(2)
    with left:
        seen_on = form.day(_("Seen on"), "seen_on", required=True)
    with right:
        typed = form.text(_("Days to normal activities"), "days_to_normal")
    method = form.choice(_("How"), "method", FollowUpMethod)
    found = []
    days: Decimal | None = None
    try:
        days = words.read_number(typed)
        if days is not None and days != days.to_integral_value():
            raise Unreadable(message("Write whole days."))
    except Unreadable as error:
        found.append(Problem("days_to_normal", "readable", error.text))
    return replace(
        entry,
        seen_on=seen_on or state.today(),
        method=method,
        days_to_normal=None if days is None else int(days),
    ), found


def _outcomes(form: Form, entry: FollowUpEntry, shown: Timeline) -> outcome_fields.Outcomes:
    """What the patient says and how the legs are; open for those who asked about it lately."""
    if form.get("outcomes_open") is None:
        form.set("outcomes_open", outcome_data.asks_patients())
    label = _("What the patient says, severity of the legs")
    with st.expander(label, expanded=form.get("outcomes_open"), icon=":material/forum:"):
        return outcome_fields.ask(
            form,
            entry.patient_id,
            entry.seen_on or state.today(),
            outcome_data.history(entry.patient_id),
            is_treated=bool(shown.sessions),
            day_field="seen_on",
            follow_up_id=entry.id,
        )


def _reported(event: EventEntry, shown: Timeline) -> list[str]:
    days = {stored.entry.id: stored.entry.treated_on for stored in shown.sessions}
    session = event.treatment_session_id
    return sentences.event(event, days.get(session) if session else None)


def _after_saving(form: Form) -> None:
    assert form.saved is not None  # noqa: S101 - asked by the caller
    form.show_saved(form.saved)
    with st.container(horizontal=True):
        if st.button(_("Open the record"), type="primary", key=form.key("open")):
            form.reset()
            st.switch_page(components.PATIENT_VIEW)
        if st.button(_("Next patient"), key=form.key("next")):
            form.reset()
            components.close_patient()
            st.rerun()


main()

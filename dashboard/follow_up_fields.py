"""What a follow-up asks: which events were looked for, and how each treated site did."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import event_fields, photographs, state, words
from dashboard.form import REQUIRED, Form
from dashboard.text import _
from dashboard.words import Unreadable
from registry.analysis.stored_entries import Stored
from registry.analysis.timeline import Timeline, is_open, propose_attribution
from registry.catalogue import Checklist, RowStatus, catalogue
from registry.entry.forms import EventEntry, FindingEntry, FollowUpEntry, SiteOutcomeEntry
from registry.entry.problems import Problem
from registry.entry.rows import derived_id
from registry.messages import message
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    FindingState,
    FollowUpMethod,
    Laterality,
    Occlusion,
    SeriousnessCriterion,
    Severity,
    SiteFinding,
)

NO_LIST: Final = "none"
ABSENT: Final = "absent"
NEW_EVENT: Final = "new"
STILL: Final = "still"
GONE: Final = "gone"
NOT_ASKED: Final = "not_asked"
USUAL_SCALE: Final = "clearance_percent"


def lists() -> dict[tuple[str, int], Checklist]:
    """The newest version of each checklist that may still be asked."""
    return {
        (row.code, row.version): row
        for row in catalogue().checklists.values()
        if row.status is RowStatus.CURRENT
    }


def place(entry: FollowUpEntry, path: str) -> str:
    """Name of the field in which the value at ``path`` of the entry is typed."""
    found = re.fullmatch(r"site_outcomes\[(\d+)\]\.(\w+)", path)
    if found is None:
        return path
    outcome = entry.site_outcomes[int(found[1])]
    return f"site.{outcome.side.value}.{outcome.anatomy_code}.{found[2]}"


def open_events(
    form: Form, entry: FollowUpEntry, shown: Timeline
) -> tuple[list[Stored[EventEntry]], list[Problem]]:
    """What became of every event that is still open: those that changed, as they are now.

    An event that nobody asked about stays as it was.
    """
    on = entry.seen_on or state.today()
    waiting = [stored for stored in shown.events
               if is_open(stored.entry) and stored.entry.onset_on <= on]  # fmt: skip
    if not waiting:
        return [], []
    st.header(_("Still open from before"))
    changed: list[Stored[EventEntry]] = []
    problems: list[Problem] = []
    labels = {STILL: _("Still there"), GONE: _("Gone"), NOT_ASKED: _("Not asked")}
    for stored in waiting:
        event = stored.entry
        at = f"open.{event.id}"
        form.begin(at, NOT_ASKED)
        left, right = st.columns([1.3, 1], vertical_alignment="center")
        name = _("{event}, since {day} (day {number})").format(
            event=words.event_term(event.event_term_code),
            day=words.day(event.onset_on),
            number=(on - event.onset_on).days,
        )
        left.text(name)
        with right:
            said = st.segmented_control(
                name,
                list(labels),
                format_func=labels.__getitem__,
                key=form.key(at),
                label_visibility="collapsed",
                required=True,
                persist_state="session",
                on_change=_link,
                args=(form, event),
            )
            form.slot(at)
        resolved_on = None
        if said == GONE:
            form.begin(f"{at}.resolved_on", on)
            with right:
                resolved_on = form.day(_("Gone on"), f"{at}.resolved_on", required=True)
        elif said == STILL and form.get(f"item.{event.event_term_code}") == ABSENT:
            sentence = message("Still there, but marked as absent in the list below.")
            problems.append(Problem(at, "still_there", sentence))
        now = _as_said(event, said or NOT_ASKED, resolved_on)
        if now != event:
            changed.append(replace(stored, entry=now))
    return changed, problems


def _as_said(event: EventEntry, said: str, resolved_on: dt.date | None) -> EventEntry:
    """The event with what the patient said of it at this visit."""
    if said == GONE:
        return replace(event, event_outcome=EventOutcome.RECOVERED, resolved_on=resolved_on)
    if said == STILL and event.event_outcome is EventOutcome.UNKNOWN:
        return replace(event, event_outcome=EventOutcome.NOT_RECOVERED)
    return event


def _link(form: Form, event: EventEntry) -> None:
    """An event that is still there is present in the list, as that event."""
    item, which = f"item.{event.event_term_code}", f"{event.event_term_code}.which"
    if form.get(f"open.{event.id}") == STILL:
        form.set(item, FindingState.PRESENT.value)
        form.set(which, event.id)
    elif form.get(which) == event.id and form.get(item) == FindingState.PRESENT.value:
        form.set(item, FindingState.NOT_ASSESSED.value)


def looked_for(
    form: Form, entry: FollowUpEntry, shown: Timeline
) -> tuple[FollowUpEntry, list[EventEntry], list[Problem]]:
    """What was asked item by item. Nothing counts as absent that nobody says was asked."""
    st.header(_("Looked for"))
    versions = catalogue().checklist_versions
    stored = (entry.checklist_code, entry.checklist_version)
    offered: list[object] = [*lists(), NO_LIST]
    if entry.checklist_code is not None and stored not in offered:
        offered.insert(0, stored)
    chosen = form.pick(
        _("Which list was asked"),
        "checklist",
        offered,
        lambda key: _("None") if key == NO_LIST else _(versions[key].label),
        required=True,
    )
    entry = replace(entry, checklist_code=None, checklist_version=None, findings=())
    if not isinstance(chosen, tuple):
        return entry, [], []
    asked = versions[chosen]
    form.begin(f"asked.{asked.code}", False)
    st.checkbox(
        _("I asked about all of these: what is not marked below was absent"),
        key=form.key(f"asked.{asked.code}"),
        persist_state="session",
        on_change=_all_asked,
        args=(form, asked),
    )
    findings: list[FindingEntry] = []
    events: list[EventEntry] = []
    problems: list[Problem] = []
    for code in asked.term_codes:
        state_of_item = _item(form, code)
        if state_of_item == FindingState.NOT_ASSESSED.value:
            findings.append(FindingEntry(event_term_code=code, state=FindingState.NOT_ASSESSED))
        elif state_of_item == FindingState.PRESENT.value:
            with st.container(border=True):
                event_id, event, missing = _present(form, code, entry, shown)
            problems += missing
            if event is not None:
                events.append(event)
            findings.append(
                FindingEntry(
                    event_term_code=code, state=FindingState.PRESENT, adverse_event_id=event_id
                )
            )
    if all(finding.state is FindingState.NOT_ASSESSED for finding in findings) and len(
        findings
    ) == len(asked.term_codes):
        return entry, events, problems  # nothing of the list was asked, so it was not asked
    return (
        replace(
            entry,
            checklist_code=asked.code,
            checklist_version=asked.version,
            findings=tuple(findings),
        ),
        events,
        problems,
    )


def _item(form: Form, code: str) -> str:
    form.begin(f"item.{code}", FindingState.NOT_ASSESSED.value)
    left, right = st.columns([1.3, 1], vertical_alignment="center")
    left.text(words.event_term(code))
    labels = {
        ABSENT: _("Absent"),
        FindingState.PRESENT.value: _("Present"),
        FindingState.NOT_ASSESSED.value: _("Not assessed"),
    }
    with right:
        chosen: str | None = st.segmented_control(
            words.event_term(code),
            list(labels),
            format_func=labels.__getitem__,
            key=form.key(f"item.{code}"),
            label_visibility="collapsed",
            required=True,
            persist_state="session",
        )
    return chosen or FindingState.NOT_ASSESSED.value


def _all_asked(form: Form, asked: Checklist) -> None:
    """The statement covers every item but those found present; taking it back covers none."""
    ticked = bool(form.get(f"asked.{asked.code}"))
    given, taken = ABSENT, FindingState.NOT_ASSESSED.value
    for code in asked.term_codes:
        value = form.get(f"item.{code}", taken)
        if value != FindingState.PRESENT.value:
            form.set(f"item.{code}", given if ticked else taken)


def _present(
    form: Form, code: str, entry: FollowUpEntry, shown: Timeline
) -> tuple[UUID | None, EventEntry | None, list[Problem]]:
    """The event behind a finding: one already reported, or one reported now."""
    known = {
        stored.entry.id: stored.entry
        for stored in reversed(shown.events)
        if stored.entry.event_term_code == code
    }
    if known:
        newest = next(iter(known.values()))
        form.begin(f"{code}.which", newest.id if is_open(newest) else NEW_EVENT)
        which = form.pick(
            _("{event}: which event").format(event=words.event_term(code)),
            f"{code}.which",
            [*known, NEW_EVENT],
            lambda choice: (
                _("A new event, reported here")
                if choice == NEW_EVENT
                else _("The one of {day}").format(day=words.day(known[choice].onset_on))
            ),
            required=True,
        )
        if isinstance(which, UUID):
            return which, None, []
    st.text(_("Reported with this follow-up: {event}").format(event=words.event_term(code)))
    left, right = st.columns(2)
    with left:
        form.begin(f"{code}.onset_on", None)
        onset_on = form.day(_("Began on"), f"{code}.onset_on")
    with right:
        severity = form.choice(_("Severity: how intense"), f"{code}.severity", Severity)
    criteria, problems = event_fields.seriousness(form, f"{code}.", code)
    causality = form.choice(_("Relationship to the treatment"), f"{code}.causality", Causality)
    detection = form.choice(_("How it came to light"), f"{code}.detection", Detection)
    if onset_on is None:
        problems.append(
            Problem(f"{code}.onset_on", REQUIRED, message("On which day did it begin?"))
        )
        return None, None, problems
    sessions = [(s.entry.id, s.entry.treated_on) for s in shown.sessions]
    proposal = propose_attribution(sessions, code, onset_on)
    event = EventEntry(
        id=derived_id(form.opened.id, "event", code),
        patient_id=entry.patient_id,
        event_term_code=code,
        onset_on=onset_on,
        reported_on=entry.seen_on or state.today(),
        treatment_session_id=proposal.session_id,
        severity=severity,
        seriousness_criteria=criteria,
        causality=causality,
        detection=detection,
        event_outcome=EventOutcome.FATAL
        if SeriousnessCriterion.DEATH in criteria
        else EventOutcome.UNKNOWN,
    )
    return event.id, event, problems


def site_outcomes(
    form: Form, entry: FollowUpEntry, shown: Timeline
) -> tuple[FollowUpEntry, list[Problem]]:
    """How each treated site did; a site that is left blank was not looked at."""
    sites = _treated_sites(entry, shown)
    if not sites:
        return entry, []
    st.header(_("How the sites did"))
    scales = catalogue().scales
    form.begin("scale", USUAL_SCALE)
    scale_code = form.pick(
        _("Scale of the scores"), "scale", list(scales), words.scale, required=True
    )
    with_duplex = entry.method is FollowUpMethod.DUPLEX
    found: list[Problem] = []
    outcomes: list[SiteOutcomeEntry] = []
    for shot, alike in photographs.by_last_photograph(entry.patient_id, sites).items():
        with photographs.beside(shot):
            for side, anatomy_code in alike:
                outcome, problems = _site_outcome(form, side, anatomy_code, scale_code, with_duplex)
                found += problems
                if outcome is not None:
                    outcomes.append(outcome)
    return replace(entry, site_outcomes=tuple(outcomes)), found


def _site_outcome(
    form: Form,
    side: Laterality,
    anatomy_code: str,
    scale_code: str | None,
    with_duplex: bool,
) -> tuple[SiteOutcomeEntry | None, list[Problem]]:
    """How one site did; None when it was not looked at."""
    at = f"site.{side.value}.{anatomy_code}"
    columns = iter(st.columns([2.4, 1, *([1.6] if with_duplex else [])]))
    with next(columns):
        finding = form.choice(
            words.site(side, anatomy_code),
            f"{at}.finding",
            SiteFinding,
            as_list=True,
            placeholder=_("Not looked at"),
        )
    with next(columns):
        typed = form.text(_("Score"), f"{at}.score")
    occlusion: Occlusion | None = None
    if with_duplex:
        with next(columns):
            occlusion = form.choice(_("Duplex"), f"{at}.occlusion", Occlusion, as_list=True)
    score: Decimal | None = None
    found: list[Problem] = []
    try:
        score = words.read_number(typed)
    except Unreadable as error:
        found.append(Problem(f"{at}.score", "readable", error.text))
    if finding is None:
        if score is not None or occlusion is not None:
            found.append(Problem(f"{at}.finding", "readable", message("What did it show?")))
        return None, found
    return SiteOutcomeEntry(
        side=side,
        anatomy_code=anatomy_code,
        finding=finding,
        scale_code=scale_code if score is not None else None,
        score=score,
        occlusion=occlusion,
    ), found


def _treated_sites(entry: FollowUpEntry, shown: Timeline) -> list[tuple[Laterality, str]]:
    """Sites treated before the visit, those of the visit's own session first."""
    before = [
        s.entry
        for s in shown.sessions
        if entry.seen_on is None or s.entry.treated_on <= entry.seen_on
    ]
    before.sort(key=lambda session: session.id != entry.treatment_session_id)
    return list(
        dict.fromkeys(
            (site.side, site.anatomy_code) for session in before for site in session.sites
        )
    )

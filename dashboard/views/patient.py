"""One patient: what matters before the next needle, what is open, and everything in order."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import (
    components,
    data,
    outcome_data,
    outcome_parts,
    patient_data,
    photographs,
    same_person,
    sentences,
    sign_off_strip,
    state,
    words,
)
from dashboard.figures import patient_chart
from dashboard.form import Form, open_form, reason_for_change
from dashboard.text import _, ngettext, plain
from registry.analysis.records import Save
from registry.analysis.sign_off import SignOff
from registry.analysis.site_history import Site, SiteLook, latest_looks, site_looks
from registry.analysis.stored_entries import Stored
from registry.analysis.timeline import PatientHeader, Timeline, is_open, is_overdue
from registry.entry.forms import Entry, EventEntry, FollowUpEntry, SessionEntry
from registry.errors import InvalidEntry, RegistryError
from registry.vocabulary import FollowUpStatus

# Comments, because Streamlit would print a text that stands by itself in a page.
# Records of the past that are shown before somebody asks for older ones.
OPEN_AT_FIRST: Final = 10
# Key in st.session_state: patient, and how many records of the past are shown.
SHOWN: Final = "timeline:shown"


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the timeline."""

    kind: type[Entry]
    id: UUID
    version: int
    day: dt.date
    heading: str
    lines: tuple[str, ...]
    correct: str
    recorded_at: dt.datetime
    is_planned: bool = False
    sign_off: SignOff | None = None


def main() -> None:
    """The page."""
    st.title(_("Patient"))
    patient = components.choose_patient()
    if patient is None:
        _recent_saves()
        return
    shown = data.patient_timeline(patient.id)
    components.banner(patient, shown.alerts)
    _not_asked(shown)
    _actions(patient)
    if patient_data.may_link():
        same_person.panel(patient)
    sign_off_strip.announce()
    _open_events(shown)
    outcome_parts.changed(outcome_data.history(patient.id), shown)
    photographs.panel(patient, shown)
    _records(patient, shown)


def _not_asked(shown: Timeline) -> None:
    """What nobody has asked is no "no": it is said in one quiet line."""
    if shown.not_asked:
        text = ngettext(
            "{count} question before the needle not asked.",
            "{count} questions before the needle not asked.",
            shown.not_asked,
        ).format(count=shown.not_asked)
    elif shown.sessions:
        text = _("Everything was asked that bears on what was injected last.")
    else:
        return
    if not shown.alerts:
        text = _("Nothing known that speaks against a needle. {asked}").format(asked=text)
    st.text(text)


def _actions(patient: PatientHeader) -> None:
    with st.container(horizontal=True):
        if data.may_record():
            if st.button(_("Record a session"), type="primary", icon=":material/vaccines:"):
                st.switch_page(components.SESSION_VIEW)
            if st.button(_("Report an event"), icon=":material/report:"):
                st.switch_page(components.EVENT_VIEW)
            if st.button(_("Record a follow-up"), icon=":material/event_available:"):
                st.switch_page(components.FOLLOW_UP_VIEW)
            if st.button(_("Symptoms and severity"), icon=":material/accessibility_new:"):
                st.switch_page(components.OUTCOMES_VIEW)
        if data.may_amend() and data.may_see_identity():
            for one in (patient, *patient.duplicates):
                label = _("Correct the patient's data")
                if patient.duplicates:
                    label = _("Correct the data of {patient}").format(patient=one.pseudonym)
                if st.button(
                    plain(label), key=f"enrol:{one.id}", type="tertiary", icon=":material/edit:"
                ):
                    open_form("enrol", components.ENROL_VIEW, one.id)


def _open_events(shown: Timeline) -> None:
    """Events to be followed until they are resolved."""
    still = [stored.entry for stored in reversed(shown.events) if is_open(stored.entry)]
    if not still:
        return
    st.header(_("Still open"))
    with st.container(border=True, gap="xsmall"):
        for event in still:
            _open_event(event)


def _open_event(event: EventEntry) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        since = _("{event}, since {day}").format(
            event=words.event_term(event.event_term_code), day=words.day(event.onset_on)
        )
        st.markdown(f"**{plain(since)}**", width="stretch")
        if (
            data.may_record()
            and data.may_amend()
            and st.button(
                _("Follow up this event"), key=f"follow_up:{event.id}", icon=":material/healing:"
            )
        ):
            open_form("event", components.EVENT_VIEW, event.id)


def _records(patient: PatientHeader, shown: Timeline) -> None:
    looks = site_looks(stored.entry for stored in shown.follow_ups)
    lines = _lines(patient, shown, looks)
    if not lines:
        st.text(_("Nothing is recorded for this patient yet."))
        return
    strip = patient_chart.strip(shown, looks, state.today())
    if len({line.day for line in lines}) > 1:
        st.altair_chart(strip.chart, width="stretch")
        st.text(patient_chart.key(looks))
    st.text(strip.sentence)
    for course in shown.courses:
        st.text(_("Course: {course}").format(course=sentences.course(course)))
    coming = [line for line in lines if line.is_planned]
    if coming:
        st.header(_("Planned"))
        for line in reversed(coming):
            _show(line)
    past = [line for line in lines if not line.is_planned]
    if not past:
        return
    st.header(_("So far"))
    of, count = st.session_state.get(SHOWN, (None, 0))
    count = count if of == patient.id else OPEN_AT_FIRST
    for line in past[:count]:
        _show(line)
    older = len(past) - count
    if older > 0:
        st.button(
            ngettext("Show {count} older record", "Show {count} older records", older).format(
                count=older
            ),
            key="timeline:more",
            icon=":material/history:",
            on_click=_show_all,
            args=(patient.id, len(past)),
        )


def _show_all(patient_id: UUID, count: int) -> None:
    st.session_state[SHOWN] = (patient_id, count)


def _lines(
    patient: PatientHeader, shown: Timeline, looks: Mapping[Site, Sequence[SiteLook]]
) -> list[Line]:
    """Every record, the newest first."""
    lines = [*_sessions(patient, shown, looks), *_events(shown), *_follow_ups(shown, looks)]
    return sorted(lines, key=lambda line: (line.day, line.recorded_at), reverse=True)


def _heading(text: str, patient_id: UUID, shown: Timeline) -> str:
    """A heading that says under which pseudonym, where there are several."""
    if len(shown.pseudonyms) < 2:
        return text
    return _("{what} · {pseudonym}").format(what=text, pseudonym=shown.pseudonyms[patient_id])


def _sessions(
    patient: PatientHeader, shown: Timeline, looks: Mapping[Site, Sequence[SiteLook]]
) -> Iterable[Line]:
    sign_offs = patient_data.sign_offs(patient.id)
    events: defaultdict[UUID | None, list[EventEntry]] = defaultdict(list)
    for event in (stored.entry for stored in shown.events):
        events[event.treatment_session_id].append(event)
    entries = [stored.entry for stored in shown.sessions]
    for stored in shown.sessions:
        entry = stored.entry
        described = sentences.session(entry, shown.clinicians)
        described += [sentences.reaction(event, entry.treated_on) for event in events[entry.id]]
        described += [
            sentences.look(look, entry.treated_on) for look in latest_looks(entry, entries, looks)
        ]
        yield Line(
            SessionEntry, entry.id, stored.version, entry.treated_on,
            _heading(_("Session"), entry.patient_id, shown), tuple(described), _("Correct"),
            stored.recorded_at, sign_off=sign_offs.get(entry.id),
        )  # fmt: skip


def _events(shown: Timeline) -> Iterable[Line]:
    days = {stored.entry.id: stored.entry.treated_on for stored in shown.sessions}
    for stored in shown.events:
        entry = stored.entry
        session_id = entry.treatment_session_id
        heading = _("Event, still open") if is_open(entry) else _("Event")
        yield Line(
            EventEntry, entry.id, stored.version, entry.onset_on,
            _heading(heading, entry.patient_id, shown),
            tuple(sentences.event(entry, days.get(session_id) if session_id else None)),
            _("Follow up") if is_open(entry) else _("Correct"), stored.recorded_at,
        )  # fmt: skip


def _follow_ups(shown: Timeline, looks: Mapping[Site, Sequence[SiteLook]]) -> Iterable[Line]:
    today = state.today()
    for stored in shown.follow_ups:
        entry = stored.entry
        day = entry.seen_on or entry.due_on
        if day is None:
            continue
        is_planned = entry.status is FollowUpStatus.PLANNED
        heading = _("Follow-up")
        if is_overdue(entry, today):
            heading = _("Overdue")
        elif is_planned:
            heading = _("Planned")
        described = sentences.follow_up(entry) + _recurrences(stored, looks)
        yield Line(
            FollowUpEntry, entry.id, stored.version, day,
            _heading(heading, entry.patient_id, shown), tuple(described),
            _("Record it") if is_planned else _("Correct"), stored.recorded_at, is_planned,
        )  # fmt: skip


def _recurrences(
    stored: Stored[FollowUpEntry], looks: Mapping[Site, Sequence[SiteLook]]
) -> list[str]:
    """The sites that had come back at a visit after they were cleared or occluded."""
    back = [
        words.site(outcome.side, outcome.anatomy_code)
        for outcome in stored.entry.site_outcomes
        for look in looks.get((outcome.side, outcome.anatomy_code), ())
        if look.came_back and look.outcome is outcome
    ]
    return [_("Came back after success: {sites}").format(sites="; ".join(back))] if back else []


def _show(line: Line) -> None:
    views = {
        SessionEntry: ("session", components.SESSION_VIEW),
        EventEntry: ("event", components.EVENT_VIEW),
        FollowUpEntry: ("follow_up", components.FOLLOW_UP_VIEW),
    }
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(words.day(line.day))} · {plain(line.heading)}**", width="stretch"
            )
            if data.may_amend():
                name, view = views[line.kind]
                if data.may_record() and st.button(line.correct, key=f"correct:{line.id}"):
                    open_form(name, view, line.id)
                if st.button(_("Withdraw"), key=f"withdraw:{line.id}", type="tertiary"):
                    st.session_state["withdraw"] = (line.id, line.version, data.new_id())
        for text in line.lines:
            st.text(text)
        if line.sign_off is not None:
            sign_off_strip.show(line.sign_off, "timeline")
        target = st.session_state.get("withdraw")
        if target is not None and target[0] == line.id:
            _withdraw(line, target[1], target[2])


def _withdraw(line: Line, version: int, request_key: UUID) -> None:
    """Ask why, then withdraw. The record stays in the audit trail and counts nowhere any more."""
    form = Form("withdraw", line.kind)
    st.text(
        _("A withdrawn record no longer counts anywhere. It stays in the audit trail with reason.")
    )
    change = reason_for_change(form, version, request_key)
    with st.container(horizontal=True):
        if st.button(
            _("Withdraw this record"),
            key=form.key("confirm"),
            type="primary",
            disabled=change is None,
        ) and change is not None:  # fmt: skip
            form.opened.attempted = True
            try:
                data.void(line.kind, line.id, change)
            except InvalidEntry as error:
                form.problems(error.problems)
                return
            except RegistryError as error:
                st.error(plain(error))
                return
            _close_withdrawal(form)
        if st.button(_("Keep it"), key=form.key("keep")):
            _close_withdrawal(form)


def _close_withdrawal(form: Form) -> None:
    form.reset()
    st.session_state.pop("withdraw", None)
    st.rerun()


def _recent_saves() -> None:
    """What the person stored last: the answer to "was it saved?"."""
    saves: dict[tuple[dt.datetime, UUID], list[Save]] = {}
    for save in data.recent_saves():
        saves.setdefault((save.at, save.patient_id), []).append(save)
    if not saves:
        return
    st.header(_("What you saved last"))
    zone = state.clinic_summary().time_zone
    for (at, patient_id), together in saves.items():
        done = dict.fromkeys(words.action(save.action) for save in reversed(together))
        st.button(
            plain(
                _("{time} · {patient} · {what}").format(
                    time=words.moment(at, zone),
                    patient=together[0].pseudonym,
                    what=", ".join(done),
                )
            ),
            key=f"saved:{patient_id}:{at.isoformat()}",
            on_click=components.open_patient,
            args=(patient_id,),
            type="tertiary",
        )


main()

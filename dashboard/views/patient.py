"""One patient: what matters before the next needle, and everything recorded, in order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import altair as alt
import streamlit as st

from dashboard import components, data, sentences, state, words
from dashboard.form import Form, open_form, reason_for_change
from dashboard.text import _, plain
from registry.analysis.records import Save
from registry.analysis.timeline import PatientHeader, Timeline, is_open, is_overdue
from registry.entry.forms import Entry, EventEntry, FollowUpEntry, SessionEntry
from registry.errors import RegistryError
from registry.vocabulary import FollowUpStatus


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the timeline."""

    kind: type[Entry]
    id: UUID
    version: int
    day: dt.date
    lane: str
    heading: str
    lines: tuple[str, ...]
    correct: str
    recorded_at: dt.datetime
    is_planned: bool = False


def main() -> None:
    """The page."""
    st.title(_("Patient"))
    patient = components.choose_patient()
    if patient is None:
        _recent_saves()
        return
    shown = data.patient_timeline(patient.id)
    components.banner(patient, shown.alerts)
    _actions(patient)
    lines = _lines(shown)
    if not lines:
        st.text(_("Nothing is recorded for this patient yet."))
        return
    if len({line.day for line in lines}) > 1:
        st.altair_chart(_picture(lines), width="stretch")
    for course in shown.courses:
        st.text(_("Course: {course}").format(course=sentences.course(course)))
    coming = [line for line in lines if line.is_planned]
    if coming:
        st.header(_("Planned"))
        for line in reversed(coming):
            _show(line)
    st.header(_("So far"))
    for line in lines:
        if not line.is_planned:
            _show(line)


def _actions(patient: PatientHeader) -> None:
    with st.container(horizontal=True):
        if data.may_record():
            if st.button(_("Record a session"), type="primary", icon=":material/vaccines:"):
                st.switch_page(components.SESSION_VIEW)
            if st.button(_("Report an event"), icon=":material/report:"):
                st.switch_page(components.EVENT_VIEW)
            if st.button(_("Record a follow-up"), icon=":material/event_available:"):
                st.switch_page(components.FOLLOW_UP_VIEW)
        if (
            data.may_amend()
            and data.may_see_identity()
            and st.button(_("Correct the patient's data"), type="tertiary", icon=":material/edit:")
        ):
            open_form("enrol", components.ENROL_VIEW, patient.id)


def _lines(shown: Timeline) -> list[Line]:
    """Every record, the newest first."""
    lines: list[Line] = []
    days = {stored.entry.id: stored.entry.treated_on for stored in shown.sessions}
    for session in shown.sessions:
        described = sentences.session(session.entry, shown.clinicians)
        lines.append(
            Line(
                SessionEntry, session.entry.id, session.version, session.entry.treated_on,
                _("Sessions"), _("Session"), tuple(described), _("Correct"), session.recorded_at,
            )
        )  # fmt: skip
    for event in shown.events:
        session_id = event.entry.treatment_session_id
        described = sentences.event(event.entry, days.get(session_id) if session_id else None)
        lines.append(
            Line(
                EventEntry, event.entry.id, event.version, event.entry.onset_on, _("Events"),
                _("Event, still open") if is_open(event.entry) else _("Event"), tuple(described),
                _("Follow up") if is_open(event.entry) else _("Correct"), event.recorded_at,
            )
        )  # fmt: skip
    today = state.today()
    for visit in shown.follow_ups:
        day = visit.entry.seen_on or visit.entry.due_on
        if day is None:
            continue
        is_planned = visit.entry.status is FollowUpStatus.PLANNED
        heading = _("Follow-up")
        if is_overdue(visit.entry, today):
            heading = _("Overdue")
        elif is_planned:
            heading = _("Planned")
        lines.append(
            Line(
                FollowUpEntry, visit.entry.id, visit.version, day, _("Follow-ups"), heading,
                tuple(sentences.follow_up(visit.entry)),
                _("Record it") if is_planned else _("Correct"), visit.recorded_at, is_planned,
            )
        )  # fmt: skip
    return sorted(lines, key=lambda line: (line.day, line.recorded_at), reverse=True)


def _picture(lines: list[Line]) -> alt.Chart:
    """The records over time, a lane for each kind; the list below says the same in words."""
    lanes = [_("Sessions"), _("Events"), _("Follow-ups")]
    points = [
        {
            "day": line.day.isoformat(),
            "lane": line.lane,
            "what": line.heading,
            "said": line.lines[0],
            "when": words.day(line.day),
        }
        for line in lines
    ]
    span = max(line.day for line in lines) - min(line.day for line in lines)
    day_format = "%-d %b %Y" if span < dt.timedelta(days=180) else "%b %Y"
    lane = alt.Y("lane:N", sort=lanes, title=None, scale=alt.Scale(domain=lanes))
    chart: alt.Chart = (
        alt.Chart(alt.Data(values=points))  # type: ignore[no-untyped-call]
        .mark_point(filled=True, size=110, opacity=0.85)
        .encode(
            x=alt.X("day:T", title=None, axis=alt.Axis(format=day_format, labelOverlap=True)),
            y=lane,
            shape=alt.Shape(
                "lane:N",
                legend=None,
                scale=alt.Scale(domain=lanes, range=["circle", "triangle-up", "square"]),
            ),
            color=alt.Color("lane:N", legend=None, scale=alt.Scale(domain=lanes)),
            tooltip=[
                alt.Tooltip("when:N", title=_("Day")),
                alt.Tooltip("what:N", title=_("Record")),
                alt.Tooltip("said:N", title=_("In short")),
            ],
        )
        .properties(height=140)
    )
    return chart


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
            try:
                data.void(line.kind, line.id, change)
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

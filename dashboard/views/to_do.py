"""To do: what the sessions of the last half year still lack, and events to look at again."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from dashboard import components, data, patient_data, sign_off_strip, state, words
from dashboard.form import open_form
from dashboard.text import _, ngettext, plain
from registry.analysis.sign_off import SignOff
from registry.analysis.to_do import LOOKED_BACK_DAYS, ToDo
from registry.analysis.unwatched_events import LOOK_AGAIN_DAYS, UnwatchedEvent


def main() -> None:
    """The page."""
    st.title(_("To do"))
    st.text(
        _(
            "A session is complete with consent, lot, a booked follow-up, complications asked and "
            "a photograph. What is open is one click away."
        )
    )
    scopes = {True: _("My sessions"), False: _("The whole clinic")}
    own = _treats()
    if own:
        chosen = st.segmented_control(
            _("Whose"),
            list(scopes),
            format_func=scopes.__getitem__,
            default=True,
            required=True,
            key="to_do:own",
            label_visibility="collapsed",
        )
        own = bool(chosen)
    found = patient_data.to_do(own_only=own)
    sign_off_strip.announce()
    _in_short(found)
    _sessions(found)
    _events(found)


def _treats() -> bool:
    """Whether the person treats here; somebody who does not looks at the whole clinic."""
    return data.may_record() and any(treater.is_self for treater in data.treaters())


def _in_short(found: ToDo) -> None:
    if not found.sessions:
        st.info(
            _("No session was recorded in the last {days} days.").format(days=LOOKED_BACK_DAYS),
            icon=":material/event_busy:",
        )
        return
    if not found.open_sessions and not found.events:
        st.success(
            ngettext(
                "Nothing is open in the {count} session of the last {days} days.",
                "Nothing is open in the {count} sessions of the last {days} days.",
                found.sessions,
            ).format(count=found.sessions, days=LOOKED_BACK_DAYS),
            icon=":material/task_alt:",
        )
        return
    parts = [
        ngettext(
            "{open} of {count} session has something open",
            "{open} of {count} sessions have something open",
            found.sessions,
        ).format(open=found.open_sessions, count=found.sessions)
    ]
    if found.events:
        parts.append(
            ngettext(
                "{count} event awaits a look", "{count} events await a look", len(found.events)
            ).format(count=len(found.events))
        )
    st.markdown(f"**{plain('; '.join(parts))}.**")


def _sessions(found: ToDo) -> None:
    today = state.today()
    for is_today, group in groupby(found.sign_offs, key=lambda s: s.treated_on == today):
        st.header(_("Today") if is_today else _("Earlier"))
        for session in group:
            _session(session)
    more = found.open_sessions - len(found.sign_offs)
    if more > 0:
        st.text(
            ngettext(
                "{count} older session with something open is not listed yet.",
                "{count} older sessions with something open are not listed yet.",
                more,
            ).format(count=more)
        )


def _session(session: SignOff) -> None:
    with st.container(border=True, gap="xsmall"):
        label = _("**{patient}** · session of {day}").format(
            patient=plain(session.pseudonym), day=plain(words.day(session.treated_on))
        )
        if st.button(label, key=f"to_do:{session.session_id}", type="tertiary"):
            components.open_patient(session.patient_id)
            st.switch_page(components.PATIENT_VIEW)
        sign_off_strip.show(session, "to_do")


def _events(found: ToDo) -> None:
    if not found.events:
        return
    st.header(_("Events to look at again"))
    st.text(
        _("Still open, and nobody has looked for more than {days} days.").format(
            days=LOOK_AGAIN_DAYS
        )
    )
    with st.container(border=True, gap="xsmall"):
        for event in found.events:
            _event(event)


def _event(event: UnwatchedEvent) -> None:
    text, way = st.columns([3.2, 1], vertical_alignment="center")
    with text:
        st.markdown(
            _("**{patient}** · {event}, began {onset}, last looked at {looked}").format(
                patient=plain(event.pseudonym),
                event=plain(words.event_term(event.event_term_code)),
                onset=plain(words.day(event.onset_on)),
                looked=plain(words.day(event.looked_on)),
            )
        )
    with way:
        if data.may_record() and data.may_amend():
            if st.button(_("Follow up this event"), key=f"to_do:{event.event_id}"):
                components.open_patient(event.patient_id)
                open_form("event", components.EVENT_VIEW, event.event_id)
        elif st.button(_("Open the record"), key=f"to_do:open:{event.event_id}"):
            components.open_patient(event.patient_id)
            st.switch_page(components.PATIENT_VIEW)


main()

"""The form that takes records out: an archive of the clinic, without names unless asked for."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import file_data, incidents, state, words
from dashboard.background import Work, follow
from dashboard.file_data import Prepared
from dashboard.text import _, plain
from registry import sign_in
from registry.access import Permission
from registry.analysis.wording import count
from registry.errors import RegistryError

EXPORTING: Final = "files:exporting"
PREPARED: Final = "files:prepared"


def show() -> None:
    """Make an archive of the clinic's records and offer it once."""
    clinic = state.clinic_summary()
    st.header(_("Take records out"))
    st.text(
        _(
            "Everything recorded at {clinic}, as the same files that an import reads. Patients "
            "have their pseudonyms only; names, birth dates, notes and pictures stay here. Every "
            "export is written to the log of accesses."
        ).format(clinic=clinic.name)
    )
    may_name = state.allowed(Permission.EXPORT_IDENTITY)
    free_text = may_name and st.toggle(
        _("With notes and narratives"),
        key="files:free_text",
        help=_("Free text may name people."),
    )
    identity = may_name and st.toggle(
        _("With names, birth dates and hospital numbers"), key="files:identity"
    )
    if not may_name:
        st.text(
            _(
                "Notes and names leave only with the right to see names, which an administrator "
                "gives person by person."
            )
        )
    reason = None
    ready = True
    if free_text or identity:
        reason = st.text_input(
            _("Why is this needed? It is written to the log."),
            max_chars=200,
            key="files:reason",
            width=640,
        ).strip()
        ready = any(character.isalnum() for character in reason)
        if not state.password_is_recent():
            ask_for_password()
            ready = False
    if st.button(
        _("Prepare the archive"),
        type="primary",
        icon=":material/archive:",
        disabled=not ready,
        key="files:prepare",
    ):
        # The form was drawn before; five minutes may have passed by the click.
        if reason is not None and not state.password_is_recent():
            st.error(_("Five minutes have passed. Type your password again; nothing was made."))
            return
        st.session_state[EXPORTING] = file_data.begin_export(
            free_text=bool(free_text), identity=bool(identity), reason=reason
        )
    if (exporting := st.session_state.get(EXPORTING)) is not None:
        finish_export(exporting)
    if (prepared := st.session_state.get(PREPARED)) is not None:
        show_prepared(prepared)


def finish_export(exporting: Work[Prepared]) -> None:
    """Wait for the archive and keep where it can be fetched."""
    st.session_state.pop(PREPARED, None)
    try:
        prepared = follow(exporting, _("Preparing the archive"), file_data.stages())
    except RegistryError as error:
        del st.session_state[EXPORTING]
        incidents.say(error)
        return
    except Exception:
        del st.session_state[EXPORTING]
        raise
    del st.session_state[EXPORTING]
    st.session_state[PREPARED] = (state.clinic(), prepared)


def show_prepared(kept: tuple[int, Prepared]) -> None:
    """Where the archive can be fetched, once."""
    clinic_id, prepared = kept
    if clinic_id != state.clinic():
        return
    with st.container(border=True):
        st.markdown(f":material/folder_zip: **{plain(prepared.name)}**")
        st.text(
            _("{rows} rows, as of {moment}, version {seal}.").format(
                rows=count(prepared.report.row_count),
                moment=words.moment(prepared.at, state.clinic_summary().time_zone),
                seal=prepared.report.seal,
            )
        )
        st.text(
            _(
                "It can be fetched once, by you, within ten minutes. Fingerprint of its content, "
                "as in the log:"
            )
        )
        st.code(prepared.report.content_digest, language=None, wrap_lines=True)
        st.link_button(
            _("Fetch the archive"),
            prepared.path,
            icon=":material/download:",
            type="primary",
            on_click=lambda: st.session_state.pop(PREPARED, None),
            key="files:fetch",
        )


def ask_for_password() -> None:
    """Let the person type the password again, which holds for five minutes."""
    with st.form("files:confirm", clear_on_submit=True, width=480):
        st.text(_("Type your password again to take out more than pseudonyms."))
        typed = st.text_input(
            _("Your password"), type="password", autocomplete="current-password", max_chars=256
        )
        if st.form_submit_button(_("Continue")):
            token = state.signed_in_token() or ""
            try:
                sign_in.confirm_password(state.engine(), token, typed, state.address(), state.now())
            except RegistryError as error:
                incidents.say(error)
            else:
                st.rerun()

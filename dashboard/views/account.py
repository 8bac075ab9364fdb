"""One's own account: password and sign-ins."""

from __future__ import annotations

import html

import streamlit as st

from dashboard import identity, state
from dashboard.text import _
from registry import sign_in
from registry.language import OWN_NAMES
from registry.passwords import SHORTEST
from registry.vocabulary import Language

st.title(_("Your account"))
who = state.actor()
st.text(
    _("You are signed in as {name} ({user_name}).").format(
        name=who.display_name, user_name=who.user_name
    )
)

st.header(_("Language"))
st.text(_("Language of the pages and reports; files keep their English column names."))
chosen = state.chosen_language()
choices: list[tuple[Language | None, str]] = [(None, _("As the browser")), *OWN_NAMES.items()]
# A form of its own, not a widget: the whole page comes anew, and says which language it is in.
st.html(
    '<form method="post" action="{path}" class="registry-language">{buttons}</form>'.format(
        path=identity.LANGUAGE_PATH,
        buttons="".join(
            f'<button name="language" value="{html.escape(code or "")}" '
            f'aria-pressed="{html.escape(str(code is chosen).lower())}">'
            f"{html.escape(name)}</button>"
            for code, name in choices
        ),
    )
)

st.header(_("Change your password"))
st.text(
    _(
        "At least {shortest} characters. A few words that do not belong together are easy to "
        "remember and hard to guess. You sign in again afterwards, in every browser."
    ).format(shortest=SHORTEST)
)
with st.form("password", clear_on_submit=True, width=480):
    current = st.text_input(
        _("Current password"), type="password", autocomplete="current-password", max_chars=256
    )
    new = st.text_input(
        _("New password"), type="password", autocomplete="new-password", max_chars=256
    )
    again = st.text_input(
        _("New password again"), type="password", autocomplete="new-password", max_chars=256
    )
    if st.form_submit_button(_("Change password"), type="primary"):
        if new != again:
            st.error(_("The two new passwords differ. Nothing was changed."))
        else:
            sign_in.change_password(
                state.engine(), state.actor(), current, new, state.address(), state.now()
            )
            st.success(_("Your password was changed. Sign in with the new one."))

st.header(_("Sign out everywhere"))
st.text(_("Ends your sign-ins in every browser, this one too."))
if st.button(_("Sign out everywhere")):
    sign_in.sign_out_everywhere(state.engine(), state.actor(), state.now())
    st.success(_("You are signed out everywhere."))

"""The administrator's page: who works here, in which roles, and with which rights."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

import streamlit as st

from dashboard import state
from dashboard.text import _, plain
from registry import accounts, audit, sign_in
from registry.access import Grant
from registry.accounts import Account
from registry.vocabulary import Role

NOTICE = "people_notice"
CODE = "people_code"
FORM_OPENED = "people_form_opened"
PERSON = "people_person"


def role_names() -> dict[Role, str]:
    """Roles as pages call them."""
    return {
        Role.CLINICIAN: _("Clinician"),
        Role.PRACTICE_MANAGER: _("Practice manager"),
        Role.DATA_MANAGER: _("Data manager"),
        Role.ADMINISTRATOR: _("Administrator"),
        Role.AUDITOR: _("Auditor"),
    }


def role_meanings() -> dict[Role, str]:
    """What each role may do, in one line."""
    return {
        Role.CLINICIAN: _("records and reads everything of the clinic's patients"),
        Role.PRACTICE_MANAGER: _("reads rates and counts, no records unless allowed below"),
        Role.DATA_MANAGER: _("imports, exports and corrects records, without names"),
        Role.ADMINISTRATOR: _("manages people, reads no records"),
        Role.AUDITOR: _("reads records without names, and the audit trail"),
    }


def standing(account: Account) -> str:
    """Whether the person can sign in."""
    if account.is_disabled:
        return _("Disabled")
    return _("Active") if account.has_password else _("Waiting for a first password")


def ask_for_password() -> None:
    """Let the administrator type the password again before anything can be changed."""
    with st.form("confirm", clear_on_submit=True, width=480):
        st.text(_("To change accounts, type your own password again. It holds for five minutes."))
        typed = st.text_input(
            _("Your password"), type="password", autocomplete="current-password", max_chars=256
        )
        if st.form_submit_button(_("Continue"), type="primary"):
            token = state.signed_in_token() or ""
            sign_in.confirm_password(state.engine(), token, typed, state.address(), state.now())
            st.rerun()


def may_change() -> bool:
    """Whether the password is recent at the moment of the click, too."""
    if state.password_is_recent():
        return True
    st.error(_("Five minutes have passed. Type your password again; nothing was changed."))
    return False


def show_table(people: tuple[Account, ...], clinic: int) -> None:
    """Everybody at a glance."""
    names = role_names()
    yes, no = _("yes"), "–"
    st.dataframe(
        {
            _("Name"): [person.display_name for person in people],
            _("User name"): [person.user_name for person in people],
            _("Roles here"): [
                ", ".join(names[grant.role] for grant in here(person, clinic)) or "–"
                for person in people
            ],
            _("May see records"): [
                yes if any(grant.see_records for grant in here(person, clinic)) else no
                for person in people
            ],
            _("May see names"): [
                yes if any(grant.see_identity for grant in here(person, clinic)) else no
                for person in people
            ],
            _("State"): [standing(person) for person in people],
        },
        hide_index=True,
    )


def here(person: Account, clinic: int) -> list[Grant]:
    """The person's roles in this clinic."""
    return [grant for grant in person.grants if grant.clinic_id == clinic]


def add_person(clinic: int) -> None:
    """A form for a new colleague; ends with a code that lets them choose a password."""
    names, meanings = role_names(), role_meanings()
    opened: UUID = st.session_state.setdefault(FORM_OPENED, audit.request_key())
    with st.form("add", width=640):
        shown = st.text_input(_("Name, as colleagues know it"), max_chars=120)
        name = st.text_input(
            _("User name, for signing in"),
            max_chars=64,
            help=_("Letters, digits, dots and hyphens. It is never given to anybody else later."),
        )
        role = st.selectbox(
            _("Role"), tuple(names), format_func=lambda role: f"{names[role]}: {meanings[role]}"
        )
        if not st.form_submit_button(_("Add"), type="primary") or not may_change():
            return
        now = state.now()
        try:
            user_id = accounts.add_user(
                state.engine(),
                state.actor(),
                name,
                shown,
                now=now,
                grants=(Grant(clinic, role),),
                request_key=uuid5(NAMESPACE_URL, f"{opened}/{name}"),
            )
        except audit.AlreadyRecorded:
            # The second half of a double click; the first has left its notice and code.
            st.rerun()
        st.session_state[CODE] = accounts.issue_password_code(
            state.engine(), state.actor(), user_id, now=now
        )
        st.session_state[NOTICE] = _("{name} was added.").format(name=plain(shown))
        st.rerun()


def change_person(people: tuple[Account, ...], clinic: int) -> None:
    """Roles, rights, code and standing of one person."""
    names, meanings = role_names(), role_meanings()
    me = state.actor().user_id
    # Others first: this is where one's own account cannot be changed.
    by_number = {person.id: person for person in sorted(people, key=lambda person: person.id == me)}
    person = by_number[
        st.selectbox(
            _("Person"),
            list(by_number),
            format_func=lambda number: (
                f"{by_number[number].display_name} ({by_number[number].user_name})"
            ),
            key=PERSON,
            width=640,
        )
    ]
    if person.id == me:
        st.info(_("This is you. Nobody changes their own rights; ask another administrator."))
        return
    held = here(person, clinic)
    with st.form(f"rights-{person.id}", width=640):
        roles = st.pills(
            _("Roles in this clinic"),
            list(Role),
            selection_mode="multi",
            default=[grant.role for grant in held],
            format_func=names.__getitem__,
            help="  \n".join(f"{names[role]}: {meanings[role]}" for role in Role),
        )
        see_records = st.toggle(
            _("May open single records, without names"),
            value=any(grant.see_records for grant in held),
        )
        see_identity = st.toggle(
            _("May see names and birth dates"),
            value=any(grant.see_identity for grant in held),
            help=_("Each look is written down."),
        )
        if st.form_submit_button(_("Save"), type="primary") and may_change():
            save_rights(person, clinic, set(roles), see_records, see_identity)
            st.session_state[NOTICE] = _("Saved. It works at the person's next click.")
            st.rerun()
    with st.container(horizontal=True):
        if st.button(_("New password code")) and may_change():
            st.session_state[CODE] = accounts.issue_password_code(
                state.engine(), state.actor(), person.id, now=state.now()
            )
            st.session_state[NOTICE] = _("A code for {name} was made.").format(
                name=plain(person.display_name)
            )
            st.rerun()
        if person.is_disabled:
            if st.button(_("Enable the account")) and may_change():
                accounts.enable_user(state.engine(), state.actor(), person.id, now=state.now())
                st.session_state[NOTICE] = _("The account is enabled.")
                st.rerun()
        elif st.button(_("Disable the account")) and may_change():
            accounts.disable_user(state.engine(), state.actor(), person.id, now=state.now())
            st.session_state[NOTICE] = _("The account is disabled; its open pages are closing.")
            st.rerun()


def save_rights(
    person: Account, clinic: int, roles: set[Role], see_records: bool, see_identity: bool
) -> None:
    """Bring roles and rights to what was chosen; the step that can be refused comes first."""
    engine, by, now = state.engine(), state.actor(), state.now()
    held = {grant.role for grant in here(person, clinic)}
    for role in sorted(held - roles, key=lambda role: role is not Role.ADMINISTRATOR):
        accounts.revoke_role(engine, by, person.id, clinic, role, now=now)
    for role in sorted(roles - held):
        accounts.grant_role(engine, by, person.id, clinic, role, now=now)
    if roles:
        accounts.set_rights(
            engine,
            by,
            person.id,
            clinic,
            see_records=see_records,
            see_identity=see_identity,
            now=now,
        )


def show_outcome() -> None:
    """What the last action did, and the code it made; shown once."""
    notice, code = st.session_state.pop(NOTICE, None), st.session_state.pop(CODE, None)
    if notice:
        st.success(notice)
    if code:
        st.text(
            _(
                "Give this code to the person by word of mouth. Under “I have a code” on the "
                "sign-in page it lets them choose a password: once, within 24 hours. It is not "
                "shown again."
            )
        )
        st.code(code, language=None)


def main() -> None:
    """Show the page."""
    clinic = state.clinic_summary()
    st.title(_("People"))
    st.text(_("Who can sign in at {clinic}, and what they may do.").format(clinic=clinic.name))
    show_outcome()
    people = accounts.list_accounts(state.reading_engine(), state.actor())
    show_table(people, clinic.id)
    if not state.password_is_recent():
        ask_for_password()
        return
    change, add = st.tabs([_("Change a person"), _("Add a person")])
    with change:
        change_person(people, clinic.id)
    with add:
        add_person(clinic.id)


main()

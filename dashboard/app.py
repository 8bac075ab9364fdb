"""The script that Streamlit runs for each person and click: who is there, and which page."""

from __future__ import annotations

import html
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

if importlib.util.find_spec("dashboard") is None:
    # `streamlit run` knows only this folder; without the package it could not even explain itself.
    sys.path.append(str(Path(__file__).parents[1]))

from dashboard import identity, incidents, open_forms, state
from dashboard.text import _
from registry.access import Permission
from registry.accounts import ClinicSummary
from registry.errors import RegistryError

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """A page, where it stands in the navigation, and the rights of which any one opens it."""

    view: str
    title: str
    url_path: str
    icon: str
    any_of: frozenset[Permission] = frozenset()


def pages() -> dict[str, tuple[Page, ...]]:
    """Every page by section, in the order of the navigation; the first allowed one opens first."""
    reads_rates = frozenset({Permission.READ_RATES})
    records = frozenset({Permission.RECORD})
    return {
        _("Patients"): (
            Page(
                "record_session.py",
                _("Record a session"),
                "record",
                ":material/vaccines:",
                records,
            ),
            Page("report_event.py", _("Report an event"), "event", ":material/report:", records),
            Page(
                "record_follow_up.py",
                _("Record a follow-up"),
                "follow-up",
                ":material/event_available:",
                records,
            ),
            Page(
                "to_do.py",
                _("To do"),
                "to-do",
                ":material/checklist:",
                frozenset({Permission.SEE_RECORDS}),
            ),
            Page(
                "patient.py",
                _("Patient"),
                "patient",
                ":material/clinical_notes:",
                frozenset({Permission.SEE_RECORDS}),
            ),
            Page(
                "patient_outcomes.py",
                _("Symptoms and severity"),
                "outcomes",
                ":material/accessibility_new:",
                records,
            ),
            Page("enrol.py", _("Enrol a patient"), "enrol", ":material/person_add:", records),
        ),
        _("Figures"): (
            Page("overview.py", _("Overview"), "overview", ":material/monitoring:", reads_rates),
            Page(
                "complications.py",
                _("Complications"),
                "complications",
                ":material/healing:",
                reads_rates,
            ),
            Page(
                "control.py",
                _("Control charts"),
                "control",
                ":material/ssid_chart:",
                reads_rates,
            ),
            Page("recurrence.py", _("Recurrence"), "recurrence", ":material/replay:", reads_rates),
            Page(
                "reported_outcomes.py",
                _("What patients say"),
                "reported-outcomes",
                ":material/forum:",
                reads_rates,
            ),
            Page(
                "leaflet.py",
                _("Patients' leaflet"),
                "leaflet",
                ":material/patient_list:",
                reads_rates,
            ),
            Page("costs.py", _("Costs"), "costs", ":material/payments:", reads_rates),
            Page("periods.py", _("Reports"), "periods", ":material/print:", reads_rates),
            Page(
                "clinics.py",
                _("Clinics and clinicians"),
                "clinics",
                ":material/groups:",
                reads_rates,
            ),
            Page(
                "worklist.py",
                _("Follow-up"),
                "worklist",
                ":material/phone_in_talk:",
                reads_rates,
            ),
            Page(
                "sessions_behind.py",
                _("Sessions"),
                "sessions-behind",
                ":material/list_alt:",
                reads_rates,
            ),
        ),
        _("Manage"): (
            Page(
                "files.py",
                _("Files"),
                "files",
                ":material/folder_open:",
                frozenset({Permission.IMPORT, Permission.EXPORT}),
            ),
            Page(
                "audit.py",
                _("Audit"),
                "audit",
                ":material/verified_user:",
                frozenset({Permission.READ_AUDIT}),
            ),
            Page(
                "users.py",
                _("People"),
                "people",
                ":material/group:",
                frozenset({Permission.MANAGE_USERS}),
            ),
        ),
        _("You"): (Page("account.py", _("Your account"), "account", ":material/person:"),),
    }


def main() -> None:
    """Show the page asked for to whoever came through the gate."""
    st.set_page_config(page_title=_("Sclerotherapy Registry"), layout="wide")
    if not state.is_installed() or state.signed_in_token() is None:
        st.title(_("Sclerotherapy Registry"))
        st.text(
            _(
                "The pages run behind the registry's own server, which asks who you are. Start it "
                "with\n\n    sclero demo --serve      a synthetic clinic to look around\n"
                "    sclero serve             your own registry\n\nand open the address it prints."
            )
        )
        st.stop()
    st.logo(HERE / "assets" / "icon.svg", size="large")
    state.ask_anew()
    who = state.actor()
    open_forms.keep_all()
    clinics = state.clinics()
    with st.sidebar:
        _choose_clinic(clinics)
    chosen = state.clinic_summary() if clinics else None
    shown = {
        section: [
            st.Page(
                HERE / "views" / page.view,
                title=page.title,
                url_path=page.url_path,
                icon=page.icon,
            )
            for page in group
            if not page.any_of or (chosen is not None and state.allowed(*page.any_of))
        ]
        for section, group in pages().items()
    }
    groups = {section: group for section, group in shown.items() if group}
    first = next(iter(groups.values()))
    # Every page keeps its own address: one that opens at "/" for some would be lost for others.
    first.insert(0, _home(first[0]))
    page = st.navigation(groups, expanded=True)
    with st.sidebar:
        _show_person(who.display_name)
    if chosen is not None and chosen.is_demo:
        notice = _("Demonstration: every patient and figure here is synthetic.")
        st.html(f'<p class="registry-demo" role="note">{html.escape(notice)}</p>')
    try:
        page.run()
    except RegistryError as error:
        incidents.say(error)


def _home(first: st.Page) -> st.Page:
    """The root address, which leads to the first page that the person may open."""

    def lead_on() -> None:
        st.switch_page(first)

    return st.Page(lead_on, title=first.title, url_path="home", default=True, visibility="hidden")


def _show_person(name: str) -> None:
    signed_in_as = html.escape(_("Signed in as"))
    st.html(
        f'<p class="registry-person">{signed_in_as}<strong>{html.escape(name)}</strong></p>'
        f'<form method="post" action="{identity.SIGN_OUT_PATH}">'
        f'<button type="submit" class="registry-sign-out">{html.escape(_("Sign out"))}</button>'
        "</form>"
    )


def _choose_clinic(clinics: tuple[ClinicSummary, ...]) -> None:
    names = {clinic.id: clinic.name for clinic in clinics}
    if len(names) > 1:
        state.choose_clinic(names)
    elif names:
        st.text(next(iter(names.values())))


if __name__ == "__main__":
    main()

"""Enrol a patient: a pseudonym, what matters for the figures, and apart from it who it is."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from dashboard import components, data, same_person, state, words
from dashboard.form import REQUIRED, Form
from dashboard.text import _
from dashboard.words import Unreadable
from registry.entry.forms import PatientEntry
from registry.entry.problems import Problem
from registry.messages import message
from registry.vocabulary import Sex, SkinType


def main() -> None:
    """The page."""
    form = Form("enrol", PatientEntry)
    base = form.opened.base
    stored = base if isinstance(base, PatientEntry) else None
    st.title(_("Correct a patient") if stored else _("Enrol a patient"))
    if form.saved is not None:
        _after_saving(form)
        return
    form.offer_drafts()
    if stored and st.button(_("Leave it as it was"), icon=":material/undo:"):
        form.give_up()
        st.switch_page(components.PATIENT_VIEW)
    _fill(form, stored)
    entry, found = _ask(form, stored)
    same_person.warn(
        same_person.likely(
            entry.family_name,
            entry.birth_date,
            entry.hospital_number,
            stored.id if stored else None,
        )
    )
    found += data.problems(entry)
    change: data.Change | None = None
    if stored:
        st.header(_("Why"))
        change = form.change()
        if change is None:
            found.append(Problem("reason", REQUIRED, message("Why is it changed?")))
    form.save(
        _("Save the correction") if stored else _("Enrol"),
        found,
        lambda accepted: data.amend(entry, change, accepted) if change else data.enrol(entry),
        lambda: (entry.pseudonym, _in_words(entry)),
    )


def _fill(form: Form, stored: PatientEntry | None) -> None:
    if form.get("pseudonym") is not None:
        return
    if stored is None:
        form.set("pseudonym", data.next_pseudonym())
        form.set("enrolled_on", state.today())
        return
    for field in (
        "enrolled_on",
        "sex",
        "skin_type",
        "died_on",
        "birth_date",
    ):
        form.set(field, getattr(stored, field))
    for field in ("pseudonym", "family_name", "given_name", "hospital_number"):
        form.set(field, getattr(stored, field) or "")
    form.set("birth_year", "" if stored.birth_year is None else str(stored.birth_year))


def _ask(form: Form, stored: PatientEntry | None) -> tuple[PatientEntry, list[Problem]]:
    found: list[Problem] = []
    columns = st.columns([1, 1, 1])
    with columns[0]:
        pseudonym = form.text(
            _("Pseudonym"),
            "pseudonym",
            help=_("The registry's name for the patient: no part of the real name or number."),
        )
    with columns[1]:
        year = form.text(_("Birth year"), "birth_year")
    with columns[2]:
        enrolled_on = form.day(_("Enrolled on"), "enrolled_on", required=True)
    sex = form.choice(_("Sex"), "sex", Sex)
    skin_type = form.choice(_("Fitzpatrick skin type"), "skin_type", SkinType)
    died_on: dt.date | None = None
    if stored:
        died_on = form.day(_("Died on"), "died_on")
    identity: dict[str, str | None] = {}
    birth_date: dt.date | None = None
    st.header(_("Who it is"))
    st.text(
        _(
            "Optional, and kept apart from the records: only those with the right to see identity "
            "see it, and it is never part of a figure."
        )
    )
    left, right = st.columns(2)
    for place, (field, label) in zip(
        (left, right, left),
        (
            ("family_name", _("Family name")),
            ("given_name", _("Given name")),
            ("hospital_number", _("Hospital number")),
        ),
        strict=True,
    ):
        with place:
            identity[field] = form.text(label, field).strip() or None
    with right:
        birth_date = form.day(_("Birth date"), "birth_date")
    birth_year: int | None = birth_date.year if birth_date and not year.strip() else None
    if year.strip():
        try:
            number = words.read_number(year)
            birth_year = int(number) if number is not None else None
            if number != birth_year:
                raise Unreadable(message("Write the year in four digits."))
        except Unreadable as error:
            found.append(Problem("birth_year", "readable", error.text))
    return PatientEntry(
        id=form.opened.id,
        pseudonym=pseudonym.strip(),
        enrolled_on=enrolled_on or state.today(),
        birth_year=birth_year,
        sex=sex or Sex.UNKNOWN,
        skin_type=skin_type,
        died_on=died_on,
        birth_date=birth_date,
        family_name=identity["family_name"],
        given_name=identity["given_name"],
        hospital_number=identity["hospital_number"],
    ), found


def _in_words(entry: PatientEntry) -> list[str]:
    lines = [
        _("Enrolled on {day}").format(day=words.day(entry.enrolled_on)),
        " · ".join(
            part
            for part in (
                _("born {year}").format(year=entry.birth_year) if entry.birth_year else None,
                words.label(entry.sex),
                _("skin type {type}").format(type=entry.skin_type.value)
                if entry.skin_type
                else None,
            )
            if part
        ),
    ]
    person = ", ".join(part for part in (entry.family_name, entry.given_name) if part)
    if person or entry.hospital_number or entry.birth_date:
        lines.append(_("Identity stored apart"))
    return lines


def _after_saving(form: Form) -> None:
    assert form.saved is not None  # noqa: S101 - asked by the caller
    form.show_saved(form.saved)
    enrolled = form.saved.recorded.id
    with st.container(horizontal=True):
        if st.button(_("Record a session"), type="primary", key=form.key("session")):
            components.open_patient(enrolled)
            form.reset()
            st.switch_page(components.SESSION_VIEW)
        if st.button(_("Open the record"), key=form.key("open")):
            components.open_patient(enrolled)
            form.reset()
            st.switch_page(components.PATIENT_VIEW)
        if st.button(_("Enrol another"), key=form.key("next")):
            form.reset()
            st.rerun()


main()

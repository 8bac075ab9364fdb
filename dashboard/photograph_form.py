"""Adding a photograph, and taking one away again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import streamlit as st

from dashboard import data, photograph_data, photograph_words, state, words
from dashboard.form import DAY_FORMAT, Form, reason_for_change
from dashboard.text import _, plain
from registry.analysis.photographs import PatientPhotographs, Shot
from registry.analysis.timeline import PatientHeader, Timeline
from registry.catalogue import catalogue
from registry.entry.forms import PatientEntry
from registry.entry.photograph_content import LARGEST_FILE
from registry.entry.photographs import PhotographEntry
from registry.errors import InvalidEntry, RegistryError
from registry.vocabulary import FollowUpStatus, Laterality, PhotoView

ADDING: Final = "photographs:adding"
"""Key in ``st.session_state``: the photograph that is being added."""
SAID: Final = "photographs:said"
NAMES: Final = ("jpg", "jpeg", "png", "webp")
ELSEWHEN: Final = "another day"


@dataclass(slots=True)
class Adding:
    """A photograph to be added; ``fault`` is what is wrong with the file of this number."""

    id: UUID
    clinic_id: int
    patient_id: UUID
    session_id: UUID | None
    checked: str = ""
    fault: str = ""
    attempted: bool = False

    def key(self, field: str) -> str:
        """Key of a field's widget."""
        return f"photograph:{self.id}:{field}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """A session or visit at which a photograph may have been taken."""

    day: dt.date
    name: str
    session_id: UUID | None = None
    follow_up_id: UUID | None = None


def open_for(patient_id: UUID, session_id: UUID | None = None) -> None:
    """Ask for a photograph of this patient, of a session if there is one in mind."""
    st.session_state[ADDING] = Adding(data.new_id(), state.clinic(), patient_id, session_id)


def announce() -> None:
    """Say once what was stored or taken away."""
    said = st.session_state.pop(SAID, None)
    if said is not None:
        st.success(plain(said), icon=":material/check_circle:")


def ask(patient: PatientHeader, shown: Timeline, past: PatientPhotographs) -> None:
    """The form, in front of the page, while one is being added to this patient."""
    adding: Adding | None = st.session_state.get(ADDING)
    if adding is None or not data.may_record():
        return
    if adding.clinic_id != state.clinic() or adding.patient_id not in patient.ids:
        _close()
        return
    ask = st.dialog(_("Add a photograph"), on_dismiss=_close)(_ask)
    ask(adding, patient, shown, past)


def _close() -> None:
    st.session_state.pop(ADDING, None)


def _ask(adding: Adding, patient: PatientHeader, shown: Timeline, past: PatientPhotographs) -> None:
    # What runs in a dialog runs without the script that asked who is looking.
    state.ask_anew()
    state.actor()
    faults: dict[str, str] = {}
    upload = st.file_uploader(
        _("Picture"),
        type=list(NAMES),
        max_upload_size=LARGEST_FILE // 2**20,
        key=adding.key("file"),
    )
    slots = {"content": st.empty()}
    st.caption(
        _(
            "On a phone the field also offers the camera. Place, hour and device, which cameras "
            "write into their files, are not stored."
        )
    )
    if upload is None:
        faults["content"] = _("Choose a picture.") if adding.attempted else ""
    else:
        if adding.checked != upload.file_id:
            with st.spinner(_("Checking the picture")):
                adding.fault = photograph_data.fault_of(upload.getvalue())
            adding.checked = upload.file_id
        faults["content"] = adding.fault
    side = _choose(adding, _("Leg"), "side", list(Laterality), _side_of(adding, shown))
    slots["side"] = st.empty()
    view = _choose(adding, _("View"), "view", list(PhotoView), None)
    slots["view"] = st.empty()
    anatomy_code = None
    if view is PhotoView.CLOSE_UP:
        anatomy_code = st.selectbox(
            _("Place"),
            _places(shown),
            index=None,
            format_func=words.place,
            placeholder=_("The whole leg"),
            key=adding.key("place"),
        )
    slots["anatomy_code"] = st.empty()
    occasion, day = _when(adding, shown)
    slots["taken_on"] = st.empty()
    consent = st.text_input(
        _("Consent version"),
        value=_last_consent(shown, past),
        key=adding.key("consent"),
    )
    slots["consent_version"] = st.empty()
    pressed = st.button(
        _("Store the photograph"), type="primary", key=adding.key("save"), icon=":material/check:"
    )
    adding.attempted = adding.attempted or pressed
    if adding.attempted:
        if upload is None:
            faults["content"] = _("Choose a picture.")
        if side is None:
            faults["side"] = _("Which leg?")
        if view is None:
            faults["view"] = _("From where?")
        if not consent.strip():
            faults["consent_version"] = _("Which consent was it taken under?")
    if pressed and upload and side and view and not any(faults.values()):
        entry = PhotographEntry(
            id=adding.id,
            patient_id=patient.id,
            side=side,
            view=view,
            taken_on=day,
            consent_version=consent,
            anatomy_code=anatomy_code,
            treatment_session_id=occasion.session_id if occasion else None,
            follow_up_id=occasion.follow_up_id if occasion else None,
        )
        faults = _store(entry, upload.getvalue())
        if not faults:
            _close()
            st.rerun()
    for field, fault in faults.items():
        if fault:
            slots.get(field, slots["content"]).markdown(f":red[:material/error: {plain(fault)}]")


def _store(entry: PhotographEntry, content: bytes) -> dict[str, str]:
    """Store, and say so on the page; otherwise what stands against it, by field."""
    try:
        with st.spinner(_("Storing the picture")):
            photograph_data.add(entry, content)
    except InvalidEntry as error:
        return {problem.field: str(problem.message) for problem in error.problems}
    except RegistryError as error:
        return {"content": str(error)}
    st.session_state[SAID] = _("Stored: the photograph of {day}.").format(
        day=words.day(entry.taken_on)
    )
    return {}


def _choose(adding: Adding, label: str, field: str, members: Sequence[Any], proposed: Any) -> Any:
    return st.segmented_control(
        label, members, default=proposed, format_func=words.label, key=adding.key(field)
    )


def _side_of(adding: Adding, shown: Timeline) -> Laterality | None:
    """The leg that was treated in the session in mind, when it was one."""
    sides = {
        site.side
        for stored in shown.sessions
        if stored.entry.id == adding.session_id
        for site in stored.entry.sites
    }
    return sides.pop() if len(sides) == 1 else None


def _places(shown: Timeline) -> list[str]:
    """Treated places first, then every other one."""
    treated = [site.anatomy_code for stored in shown.sessions for site in stored.entry.sites]
    return list(dict.fromkeys([*treated, *catalogue().anatomy]))


def _when(adding: Adding, shown: Timeline) -> tuple[Occasion | None, dt.date]:
    """The session or visit at which it was taken, or none, and the day."""
    offered = _occasions(shown)
    proposed = next(
        (
            key
            for key, occasion in offered.items()
            if (
                occasion.session_id == adding.session_id
                if adding.session_id is not None
                else occasion.day == state.today()
            )
        ),
        ELSEWHEN,
    )
    keys = [*offered, ELSEWHEN]
    chosen = st.selectbox(
        _("Taken at"),
        keys,
        index=keys.index(proposed),
        format_func=lambda key: _("Another day") if key == ELSEWHEN else offered[key].name,
        key=adding.key("occasion"),
    )
    if chosen in offered:
        return offered[chosen], offered[chosen].day
    day = st.date_input(
        _("Taken on"),
        value=state.today(),
        max_value=state.today(),
        format=DAY_FORMAT,
        key=adding.key("day"),
    )
    return None, day


def _occasions(shown: Timeline) -> dict[str, Occasion]:
    """Sessions and visits that took place, the newest first."""
    found = [
        Occasion(
            stored.entry.treated_on,
            _("Session of {day}").format(day=words.day(stored.entry.treated_on)),
            session_id=stored.entry.id,
        )
        for stored in shown.sessions
    ]
    found += [
        Occasion(
            stored.entry.seen_on,
            _("Follow-up of {day}").format(day=words.day(stored.entry.seen_on)),
            follow_up_id=stored.entry.id,
        )
        for stored in shown.follow_ups
        if stored.entry.status is FollowUpStatus.SEEN and stored.entry.seen_on is not None
    ]
    found.sort(key=lambda occasion: occasion.day, reverse=True)
    return {str(occasion.session_id or occasion.follow_up_id): occasion for occasion in found}


def _last_consent(shown: Timeline, past: PatientPhotographs) -> str:
    """The consent that stands in the newest photograph or session."""
    said = [
        (shot.taken_on, shot.consent_version) for aspect in past.aspects for shot in aspect.shots
    ]
    said += [
        (stored.entry.treated_on, stored.entry.consent_version)
        for stored in shown.sessions
        if stored.entry.consent_version is not None
    ]
    return max(said, default=(None, ""))[1]


def take_away(past: PatientPhotographs) -> None:
    """Withdraw a photograph that is wrong, or erase one whose consent was withdrawn."""
    in_use = {shot.id: shot for aspect in past.aspects for shot in aspect.shots}
    withdrawn = {shot.id: shot for shot in past.withdrawn}

    def in_words(key: UUID) -> str:
        if key in in_use:
            return photograph_words.described(in_use[key])
        return _("{photograph}, withdrawn, picture still stored").format(
            photograph=photograph_words.described(withdrawn[key])
        )

    form = Form("photograph", PatientEntry)
    with st.expander(_("Withdraw or erase a photograph"), icon=":material/delete:"):
        chosen = form.pick(_("Photograph"), "which", [*in_use, *withdrawn], in_words)
        if chosen is None:
            return
        if chosen in in_use:
            labels = {False: _("Withdraw: it is wrong"), True: _("Erase: the consent is withdrawn")}
            erases = st.segmented_control(
                _("What is to be done"),
                list(labels),
                format_func=labels.__getitem__,
                key=form.key("erases"),
            )
            if erases is None:
                return
            if not erases:
                _withdraw(form, in_use[chosen])
                return
        _erase(form, (in_use | withdrawn)[chosen])


def _withdraw(form: Form, shot: Shot) -> None:
    st.text(
        _(
            "It is shown no more and counts nowhere. Its picture stays stored; the same file can "
            "be added again as what it is."
        )
    )
    change = reason_for_change(form, shot.version, form.opened.request_key)
    if st.button(
        _("Withdraw the photograph"), key=form.key("withdraw"), type="primary",
        disabled=change is None,
    ) and change is not None:  # fmt: skip
        form.opened.attempted = True
        try:
            photograph_data.withdraw(shot, change)
        except InvalidEntry as error:
            form.problems(error.problems)
            return
        except RegistryError as error:
            st.error(plain(error))
            return
        _done(form, _("The photograph was withdrawn."))


def _erase(form: Form, shot: Shot) -> None:
    st.warning(
        _(
            "The picture is removed for good; that there was one, and why it is gone, stays in the "
            "audit trail. Backups made before hold it until they are discarded."
        ),
        icon=":material/warning:",
    )
    form.begin("why", _("The patient withdrew the consent."))
    why = form.text(_("Why"), "why")
    if st.button(
        _("Erase the picture"), key=form.key("erase"), type="primary", disabled=not why.strip()
    ):
        form.opened.attempted = True
        try:
            photograph_data.erase(shot, why, form.opened.request_key)
        except InvalidEntry as error:
            form.problems(error.problems, lambda _path: "why")
            return
        except RegistryError as error:
            st.error(plain(error))
            return
        _done(form, _("The picture was erased."))


def _done(form: Form, said: str) -> None:
    form.reset()
    st.session_state[SAID] = said
    st.rerun()

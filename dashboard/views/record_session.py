"""Record a treatment session: what was drawn up, where it went, and when the patient comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import streamlit as st

from dashboard import (
    carried,
    choices,
    components,
    cost_fields,
    course_fields,
    data,
    pack_fields,
    risk_fields,
    sentences,
    session_fields,
    session_form,
    sign_off_strip,
    site_fields,
    state,
    words,
)
from dashboard.form import REQUIRED, Form
from dashboard.session_form import Preparation, Reading, Row
from dashboard.text import _
from dashboard.words import Unreadable
from registry.analysis.site_past import past_of_sites
from registry.analysis.timeline import CourseSummary, PatientHeader, Timeline
from registry.catalogue import catalogue
from registry.entry.forms import CourseEntry, SessionEntry
from registry.entry.problems import Problem
from registry.entry.recording import Recorded
from registry.entry.rows import derived_id
from registry.messages import message
from registry.vocabulary import (
    CompressionClass,
    FollowUpStatus,
    Guidance,
    Indication,
    Modality,
    SessionIntent,
)

NEW_COURSE: Final = "new"
NO_COURSE: Final = "none"
# Fields below the sites that a new form takes over from the last session.
AFTERWARDS: Final = ("compression_class", "compression_days", "consent_version")


def main() -> None:
    """The page."""
    form = Form("session", SessionEntry)
    correcting = form.opened.base is not None
    st.title(_("Correct a session") if correcting else _("Record a session"))
    if form.saved is not None:
        _after_saving(form)
        return
    form.offer_drafts()
    patient = components.choose_patient()
    if patient is None:
        return
    shown = data.patient_timeline(patient.id)
    components.banner(patient, shown.alerts, may_change=not correcting)
    if correcting and st.button(_("Leave it as it was"), icon=":material/undo:"):
        form.give_up()
        st.switch_page(components.PATIENT_VIEW)
    _fill(form, patient, shown)
    _ask(form, patient, shown)


def _ask(form: Form, patient: PatientHeader, shown: Timeline) -> None:
    carried.heading(form)
    entry = _session(form, patient)
    before_the_needle = st.container()
    course = _course(form, patient, shown.courses)
    if isinstance(course, CourseEntry):
        entry = replace(entry, course_id=course.id)
    else:
        entry = replace(entry, course_id=course)
    preparations: list[Preparation] = []
    if entry.modality is Modality.SCLEROTHERAPY:
        st.header(_("Drawn up"))
        with st.container():
            pack_fields.scan(form)
        with st.container():
            pack_fields.favourites(form)
        preparations = session_fields.drawn_up(form, entry.treated_on)
    correcting = form.opened.base is not None
    earlier = shown.sessions[-1].entry if shown.sessions and not correcting else None
    past = past_of_sites(
        (stored.entry for stored in shown.sessions if stored.entry.id != form.opened.id),
        (stored.entry for stored in shown.follow_ups),
    )
    rows = site_fields.sites(form, preparations, earlier, past)
    entry, unreadable = _afterwards(form, entry)
    said = session_form.read(entry, preparations, rows)
    said.problems += unreadable
    said.problems += carried.unchecked(form, _to_confirm(form))
    if not any(problem.field.endswith(".ml") for problem in said.problems):
        said.problems += site_fields.without_volume(form, said.entry)
    for line in sentences.totals(said.entry):
        st.text(line)
    visits = () if correcting else _follow_ups(form, said.entry, shown)
    coming = [course.id] if isinstance(course, CourseEntry) else []
    found = [*said.problems, *_not_said_twice(data.problems(said.entry, coming), said)]
    with before_the_needle:
        found = risk_fields.panel(form, patient, said.entry, preparations, found)
    change: data.Change | None = None
    if correcting:
        st.header(_("Why"))
        change = form.change()
        if change is None:
            found.append(Problem("reason", REQUIRED, message("Why is it changed?")))

    def store(accepted: frozenset[str]) -> Recorded:
        overridden = said.entry.with_overrides(form.overrides)
        if change is not None:
            return data.amend(overridden, change, accepted)
        return data.save_session(
            overridden,
            course=course if isinstance(course, CourseEntry) else None,
            visit_codes=visits,
            accepted=accepted,
        )

    form.save(
        _("Save the correction") if correcting else _("Save session"),
        found,
        store,
        lambda: (
            _("{patient}, session of {day}").format(
                patient=components.name(patient), day=words.day(said.entry.treated_on)
            ),
            [
                *sentences.session(said.entry.with_overrides(form.overrides), shown.clinicians),
                _course_in_words(form, course, shown.courses),
                *sentences.planned(data.planned_follow_ups(said.entry, visits)),
            ],
        ),
        lambda path: _place(form, said, path),
    )


def _to_confirm(form: Form) -> dict[str, str]:
    """Proposed values that are not stored before somebody looked at them, in words."""
    lots = {
        f"preparation.{p}.lot": _("lot {number}").format(number=form.get(f"preparation.{p}.lot"))
        for p in form.get("preparations", [])
        if form.get("modality") is Modality.SCLEROTHERAPY
    }
    return lots | _afterwards_in_words()


def _afterwards_in_words() -> dict[str, str]:
    names = (_("compression"), _("its days"), _("consent version"))
    return dict(zip(AFTERWARDS, names, strict=True))


def _course_in_words(
    form: Form, course: CourseEntry | UUID | None, courses: Sequence[CourseSummary]
) -> str:
    """The course that the session is stored with, this session counted."""
    if course is None:
        return _("No course of treatment")
    if isinstance(course, CourseEntry):
        summary = CourseSummary(
            course.id, course.opened_on, course.indication, course.planned_sessions, 1
        )
    else:
        summary = next(one for one in courses if one.id == course)
        if getattr(form.opened.base, "course_id", None) != course:
            summary = replace(summary, sessions_held=summary.sessions_held + 1)
    return _("Course of treatment: {course}").format(course=sentences.course(summary))


def _fill(form: Form, patient: PatientHeader, shown: Timeline) -> None:
    """Give the fields of a newly opened form their first values."""
    if not form.begins_for(patient):
        return
    base = form.opened.base
    if isinstance(base, SessionEntry):
        _fill_session(form, base)
        form.set("course", base.course_id or NO_COURSE)
        preparations, rows = session_form.typed(base)
        session_fields.fill(form, preparations or [Preparation()])
        site_fields.fill(form, rows or [Row()])
        return
    own = next((treater.id for treater in data.treaters() if treater.is_self), None)
    last = data.last_session(patient.id, own)
    begun = SessionEntry(
        id=form.opened.id, patient_id=patient.id, treated_on=state.today(), clinician_id=own
    )
    preparations = []
    if last is not None:
        begun = replace(
            begun,
            modality=last.entry.modality,
            guidance=last.entry.guidance,
            compression_class=last.entry.compression_class,
            compression_days=last.entry.compression_days,
            consent_version=last.entry.consent_version,
        )
        preparations = session_fields.carried_over(
            last.entry, data.lots_on_the_shelf(state.today())
        )
    under_way = [course for course in shown.courses if _under_way(course)]
    if under_way and under_way[-1].sessions_held:
        begun = replace(begun, intent=SessionIntent.PLANNED_STAGE)
    _fill_session(form, begun)
    form.set("course", under_way[-1].id if under_way else NEW_COURSE)
    session_fields.fill(form, preparations or [Preparation()])
    site_fields.fill(form, [Row()])
    if last is not None:
        carried.over(form, last.entry.treated_on, _carried_over(form))


def _carried_over(form: Form) -> list[str]:
    """Fields that a new form takes over from the last session."""
    drawn_up = [
        f"preparation.{p}.{name}"
        for p in form.get("preparations", [])
        for name in session_fields.to_check()
    ]
    return ["guidance", *AFTERWARDS, *drawn_up]


def _under_way(course: CourseSummary) -> bool:
    return course.planned_sessions is None or course.sessions_held < course.planned_sessions


def _fill_session(form: Form, entry: SessionEntry) -> None:
    days = entry.compression_days
    for field, value in (
        ("treated_on", entry.treated_on),
        ("clinician_id", entry.clinician_id),
        ("modality", entry.modality),
        ("intent", entry.intent),
        ("guidance", entry.guidance),
        ("pain", entry.pain),
        ("compression_class", entry.compression_class),
        ("compression_days", "" if days is None else str(days)),
        ("weight_kg", "" if entry.weight_kg is None else words.number(entry.weight_kg)),
        ("consent_version", entry.consent_version or ""),
        ("note", entry.note or ""),
    ):
        form.set(field, value)
    cost_fields.fill(form, entry)


def _session(form: Form, patient: PatientHeader) -> SessionEntry:
    treaters = {treater.id: treater for treater in data.treaters()}
    columns = st.columns([1, 1.4, 1.6])
    with columns[0]:
        treated_on = form.day(_("Day"), "treated_on", required=True)
    with columns[1]:
        clinician_id = form.pick(
            _("Clinician"),
            "clinician_id",
            list(treaters),
            lambda number: treaters[number].display_name,
            placeholder=_("Not recorded"),
        )
    with columns[2]:
        modality = form.choice(_("Treatment"), "modality", Modality, as_list=True, required=True)
    intent = form.choice(_("Why this session"), "intent", SessionIntent)
    guidance = form.choice(_("Guidance"), "guidance", Guidance)
    carried.mark(form, {"guidance": _("guidance")})
    base = form.opened.base
    begun = SessionEntry(id=form.opened.id, patient_id=patient.id, treated_on=state.today())
    return replace(
        base if isinstance(base, SessionEntry) else begun,
        treated_on=treated_on or state.today(),
        clinician_id=clinician_id,
        modality=modality or Modality.SCLEROTHERAPY,
        intent=intent,
        guidance=guidance,
    )


def _course(
    form: Form, patient: PatientHeader, courses: Sequence[CourseSummary]
) -> CourseEntry | UUID | None:
    """The course the session belongs to: a stored one, one to be stored with it, or none."""
    by_id = {course.id: course for course in courses}
    new = [] if form.opened.base is not None else [NEW_COURSE]

    def in_words(choice: UUID | str) -> str:
        if choice == NEW_COURSE:
            return _("A new course")
        if choice == NO_COURSE:
            return _("No course")
        return sentences.course(by_id[UUID(str(choice))])

    columns = st.columns([1.7, 2.2, 1.1])
    with columns[0]:
        chosen = form.pick(
            _("Course of treatment"), "course", [*by_id, *new, NO_COURSE], in_words, required=True
        )
    if isinstance(chosen, UUID):
        with columns[1]:
            course_fields.offer_change(chosen)
        return chosen
    if chosen != NEW_COURSE:
        return None
    with columns[1]:
        indication = form.choice(_("For"), "indication", Indication)
        payer = cost_fields.payer(form)
    with columns[2]:
        planned: int | None = st.number_input(
            _("Sessions planned"),
            min_value=1,
            max_value=50,
            value=None,
            step=1,
            key=form.key("planned_sessions"),
            persist_state="session",
        )
    if indication is None and planned is None and payer is None:
        return None
    return CourseEntry(
        id=derived_id(form.opened.id, "course"),
        patient_id=patient.id,
        opened_on=form.get("treated_on") or state.today(),
        indication=indication,
        planned_sessions=planned,
        payer=payer,
    )


def _afterwards(form: Form, entry: SessionEntry) -> tuple[SessionEntry, list[Problem]]:
    st.header(_("Afterwards"))
    pain = st.pills(
        _("Worst pain at injection, 0 none to 10 worst"),
        list(range(11)),
        key=form.key("pain"),
        persist_state="session",
    )
    columns = st.columns([1.4, 1, 1, 1.2])
    with columns[0]:
        compression = form.choice(
            _("Compression"), "compression_class", CompressionClass, as_list=True
        )
    with columns[1]:
        days = form.text(_("Days of compression"), "compression_days")
    with columns[2]:
        weight = form.text(_("Weight, kg"), "weight_kg")
    with columns[3]:
        consent = form.text(_("Consent version"), "consent_version")
    carried.mark(form, _afterwards_in_words())
    amount, currency, unreadable = cost_fields.ask(form)
    note = form.paragraph(_("Note"), "note", height=80)
    read = {}
    for field, typed in (("compression_days", days), ("weight_kg", weight)):
        try:
            read[field] = words.read_number(typed)
        except Unreadable as error:
            sentence = message("kg only, as a number.") if field == "weight_kg" else error.text
            unreadable.append(Problem(field, "readable", sentence))
    whole = read.get("compression_days")
    if whole is not None and whole != whole.to_integral_value():
        unreadable.append(Problem("compression_days", "readable", message("Write whole days.")))
    return replace(
        entry,
        pain=pain,
        compression_class=compression,
        compression_days=None if whole is None else int(whole),
        weight_kg=read.get("weight_kg"),
        consent_version=consent.strip() or None,
        cost_amount=amount,
        cost_currency=currency,
        note=note.strip() or None,
    ), unreadable


def _follow_ups(form: Form, entry: SessionEntry, shown: Timeline) -> Collection[str]:
    """Visits to be planned with the session: those not planned yet whose window is still open."""
    visits = catalogue().visits
    today = state.today()

    def due(code: str) -> dt.date:
        return data.due_on(code, entry.treated_on)

    def is_planned(code: str) -> bool:
        tolerance = visits[code].to_day - visits[code].due_day
        return any(
            stored.entry.status is FollowUpStatus.PLANNED
            # Its own may stand when an earlier attempt to save it was cut off.
            and stored.entry.treatment_session_id != entry.id
            and stored.entry.due_on is not None
            and abs((stored.entry.due_on - due(code)).days) <= tolerance
            for stored in shown.follow_ups
        )

    offered = [
        code
        for code in data.FOLLOW_UPS_OFFERED
        if entry.treated_on + dt.timedelta(days=visits[code].to_day) >= today
    ]

    def in_words(code: str) -> str:
        return _("{visit}: {day}").format(visit=words.visit(code), day=words.day(due(code)))

    if not offered:
        return ()
    # Asked of the record at each run, so also while saving: a colleague may have planned one.
    planned = [code for code in offered if is_planned(code)]
    form.begin("visits", [code for code in offered if code not in planned])
    chosen: list[str] = st.pills(
        _("Plan follow-up"),
        offered,
        selection_mode="multi",
        format_func=choices.offered(form, "visits", offered, in_words),
        key=form.key("visits"),
        persist_state="session",
    )
    if planned:
        st.text(
            _("Planned already, and not planned twice: {visits}.").format(
                visits="; ".join(in_words(code) for code in planned)
            )
        )
    return [code for code in chosen if code in offered and code not in planned]


def _not_said_twice(found: Sequence[Problem], said: Reading) -> list[Problem]:
    """Leave out what follows from something else that is said.

    Injections are missing while the form asks for a part of one; a volume of gas that nobody typed
    is wrong with the volume of liquid it was computed from.
    """
    asked = any(problem.rule == REQUIRED for problem in said.problems)
    wrong = {problem.field for problem in found if problem.rule == "in_range"}
    return [
        problem
        for problem in found
        if not (asked and (problem.field, problem.rule) == ("injections", REQUIRED))
        and not (
            problem.field.endswith(".gas_ml")
            and problem.field.replace(".gas_ml", ".liquid_ml") in wrong
        )
    ]


def _place(form: Form, said: Reading, path: str) -> str:
    """The field in which the value at ``path`` is typed; list rows keep numbers of their own."""
    overrides = said.entry.with_overrides(form.overrides).overrides
    reasons = {
        f"overrides[{i}].reason_text": f"override_text:{override.rule}"
        for i, override in enumerate(overrides)
    }
    place = reasons.get(path) or said.place(path)
    kind, _dot, rest = place.partition(".")
    index, _dot, field = rest.partition(".")
    numbers: dict[str, list[int]] = {
        "preparation": form.get("preparations", []),
        "row": form.get("rows", []),
    }
    if kind not in numbers or not index.isdigit() or int(index) >= len(numbers[kind]):
        return place
    return f"{kind}.{numbers[kind][int(index)]}.{field}"


def _after_saving(form: Form) -> None:
    assert form.saved is not None  # noqa: S101 - asked by the caller
    form.show_saved(form.saved)
    sign_off_strip.show_saved(form.saved.recorded.id)
    with st.container(horizontal=True):
        if st.button(_("Next patient"), type="primary", key=form.key("next")):
            form.reset()
            components.close_patient()
            st.rerun()
        if st.button(_("Open the record"), key=form.key("open")):
            form.reset()
            st.switch_page(components.PATIENT_VIEW)
        if st.button(_("Report an event"), key=form.key("event")):
            form.reset()
            st.switch_page(components.EVENT_VIEW)


main()

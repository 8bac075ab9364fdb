"""Do the entry pages store what was typed, once, and lose nothing on an error?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import data
from dashboard.follow_up_fields import ABSENT
from registry.analysis.stored_entries import stored_events, stored_follow_ups, stored_sessions
from registry.database import reading
from registry.entry import recording
from registry.entry.forms import EventEntry, FollowUpEntry, SessionEntry
from registry.entry.rows import lot_id
from registry.errors import DatabaseUnavailable
from registry.schema import (
    AccessLog,
    Course,
    FollowUp,
    Patient,
    PatientIdentity,
    TreatmentSession,
)
from registry.vocabulary import (
    EventOutcome,
    FindingState,
    FollowUpStatus,
    Laterality,
    Modality,
    ReasonForChange,
    Role,
    SclerosantForm,
    SeriousnessCriterion,
    SessionIntent,
    Severity,
    SiteFinding,
    VesselClass,
)
from tests.dashboard.conftest import AppAs
from tests.factories import (
    PRODUCT,
    a_clinic,
    a_clinician,
    a_follow_up,
    a_lot,
    a_patient,
    a_session,
    a_site,
    an_event,
    an_identity,
    an_injection,
    saving,
)

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # over everywhere in the world
DAY = dt.timedelta(days=1)
HOSTILE = "![look](https://elsewhere.example/x.png) <b>Zz</b> $x$ :red[y]"
VIEWS = ("record_session", "report_event", "record_follow_up", "patient", "enrol")


class Clinic:
    """A clinic with two patients, one of them treated a month ago, and a page of it."""

    def __init__(self, app_as: AppAs, engine: Engine) -> None:
        self.app_as, self.engine = app_as, engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            a_clinician(db, self.clinic, 1, display_name="Ada Doe")
            self.patient = a_patient(
                db, self.clinic, pseudonym="P-0001", enrolled_on=TODAY - 400 * DAY
            )
            an_identity(db, self.clinic, self.patient, family_name=HOSTILE)
            self.other = a_patient(
                db, self.clinic, pseudonym="P-0002", enrolled_on=TODAY - 400 * DAY
            )
            self.last = a_session(
                db, self.clinic, self.patient, treated_on=TODAY - 28 * DAY, clinician_id=1,
                consent_version="2024-1",
            )  # fmt: skip
            self.site = a_site(db, self.clinic, self.patient, self.last)
            lot = a_lot(
                db, self.clinic, id=lot_id(self.clinic, PRODUCT, "L-100"),
                expires_on=TODAY + 400 * DAY,
            )  # fmt: skip
            an_injection(db, self.clinic, self.last, treated_site_id=self.site, lot_id=lot)
            a_session(db, self.clinic, self.other, treated_on=TODAY - 500 * DAY)

    def open(
        self, view: str, role: Role = Role.CLINICIAN, patient: UUID | None = None, **rights: Any
    ) -> Page:
        app = self.app_as(role, self.engine, f"views/{view}.py", clinic_id=self.clinic, **rights)
        page = Page(app)
        if view != "enrol":
            page.press(f"picker:{patient or self.patient}")
        return page

    def stored(self) -> tuple[list[SessionEntry], list[EventEntry], list[FollowUpEntry]]:
        with reading(self.engine) as db:
            return (
                [s.entry for s in stored_sessions(db, self.clinic) if s.entry.id != self.last],
                [s.entry for s in stored_events(db, self.clinic)],
                [s.entry for s in stored_follow_ups(db, self.clinic)],
            )

    def count(self, model: type[Any]) -> int:
        with reading(self.engine) as db:
            return db.scalar(sa.select(sa.func.count()).select_from(model)) or 0

    def actions(self) -> list[str]:
        with reading(self.engine) as db:
            return [row.action for row in db.scalars(sa.select(AccessLog).order_by(AccessLog.id))]


class Page:
    """A page under test, driven by the names of a form's fields."""

    def __init__(self, app: AppTest) -> None:
        self.app = app
        self.check()

    def check(self) -> None:
        assert not self.app.exception, self.app.exception[0].stack_trace
        assert self.app.title

    def key(self, form: str, field: str) -> str:
        return f"{form}:{self.app.session_state[f'{form}:opened'].number}:{field}"

    def fill(self, form: str, **values: Any) -> Page:
        """Type into fields that are all on the page, and leave the last of them."""
        kinds = ("text_input", "text_area", "selectbox", "segmented_control", "pills",
                 "date_input", "number_input", "checkbox")  # fmt: skip
        widgets = {widget.key: widget for kind in kinds for widget in getattr(self.app, kind)}
        for field, value in values.items():
            widgets[self.key(form, field.replace("__", "."))].set_value(value)
        self.app.run()
        self.check()
        return self

    def press(self, key: str, leads_to: str | None = None) -> Page:
        self.app.button(key=key).click().run()
        self.check()
        if leads_to is not None:  # the tester does not follow to the page by itself
            self.app.switch_page(f"views/{leads_to}.py").run()
            self.check()
        return self

    def save(self, form: str) -> Page:
        return self.press(self.key(form, "save"))

    def labelled(self, label: str) -> Any:
        return next(button for button in self.app.button if button.label == label)

    def value(self, form: str, field: str) -> Any:
        return self.app.session_state[self.key(form, field)]

    def said(self) -> str:
        """Everything the page says, without the marks that keep it from being markup."""
        kinds = ("title", "text", "markdown", "error", "warning", "info", "success")
        said = "\n".join(str(e.value) for kind in kinds for e in getattr(self.app, kind))
        return said.replace("\\", "")

    def said_small(self) -> str:
        """What the page says in small letters."""
        return "\n".join(line for line in self.said().splitlines() if line.startswith(":small"))


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def a_filled_session(page: Page) -> Page:
    page.press(page.key("session", "confirm_carried"))
    return page.fill(
        "session",
        treated_on=TODAY,
        intent=SessionIntent.RESIDUAL,
        course="new",
        planned_sessions=3,
        row__0__side=Laterality.LEFT,
        row__0__place="calf_medial",
        row__0__vessel=VesselClass.RETICULAR,
        row__0__ml="1,5",
        pain=2,
        note="  calm  ",
    )


def test_a_session_is_stored_as_typed_with_course_and_visits_and_shown_back(
    clinic: Clinic,
) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.press(page.key("session", "row.add"))
    assert page.value("session", "row.1.side") is Laterality.LEFT
    page.fill("session", row__1__place="ssv", row__1__ml="2").save("session")
    (entry,), _, visits = clinic.stored()[0][-1:], *clinic.stored()[1:]
    assert (entry.treated_on, entry.intent, entry.pain, entry.note, entry.consent_version) == (
        TODAY, SessionIntent.RESIDUAL, 2, "calm", "2024-1"
    )  # fmt: skip
    assert [(s.side, s.anatomy_code, s.vessel_class) for s in entry.sites] == [
        (Laterality.LEFT, "calf_medial", VesselClass.RETICULAR),
        (Laterality.LEFT, "ssv", VesselClass.RETICULAR),
    ]
    assert [
        (i.product_code, i.form, i.concentration_percent, i.liquid_ml, i.lot_number)
        for i in entry.all_injections()
    ] == [
        ("aethoxysklerol", SclerosantForm.LIQUID, Decimal("0.50"), Decimal("1.50"), "L-100"),
        ("aethoxysklerol", SclerosantForm.LIQUID, Decimal("0.50"), Decimal("2.00"), "L-100"),
    ]
    assert {(v.visit_code, v.status) for v in visits} == {
        (code, FollowUpStatus.PLANNED) for code in data.FOLLOW_UPS_OFFERED
    }
    with reading(clinic.engine) as db:
        course = db.scalars(sa.select(Course)).one()
        assert (course.id, course.planned_sessions) == (entry.course_id, 3)
    said = page.said()
    assert "Saved at" in said
    assert "Left: Small saphenous vein · reticular · 2 mL Aethoxysklerol 0.5 % liquid" in said
    assert "Polidocanol in this session: 3.5 mL liquid, 17.5 mg" in said


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    before = clinic.count(TreatmentSession)
    page.fill("session", row__0__ml="a lot", weight_kg="7000").save("session")
    assert "Not a number" in page.said()
    assert "Must lie from 2 to 400 kg" in page.said()
    assert "2 points above need your answer. Look at: mL liquid; Weight, kg." in page.said()
    assert clinic.count(TreatmentSession) == before
    assert page.value("session", "row.0.ml") == "a lot"
    assert page.value("session", "row.0.place") == "calf_medial"
    page.fill("session", row__0__ml="2", weight_kg="70").save("session")
    assert clinic.count(TreatmentSession) == before + 1


def test_a_blank_form_is_not_scolded_before_the_first_attempt(clinic: Clinic) -> None:
    page = clinic.open("record_session", patient=clinic.other)
    assert not page.app.error
    assert "Which product?" not in page.said()
    page.save("session")
    assert "Which product?" in page.said()
    assert "Not saved yet" in page.said()


def test_what_is_unusual_is_stored_only_when_confirmed(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.fill("session", treated_on=TODAY - 28 * DAY)
    before = clinic.count(TreatmentSession)
    page.save("session")
    said = "This patient already has a session on that day; this is a second one."
    assert said in page.said()
    assert clinic.count(TreatmentSession) == before
    page.fill("session", **{"accept:second_session_that_day": True}).save("session")
    assert clinic.count(TreatmentSession) == before + 1
    assert f"Confirmed: {said}" in page.said()


def test_saving_again_after_a_lost_answer_says_it_was_already_saved(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = a_filled_session(clinic.open("record_session"))
    store = recording.record_session

    def lose_the_answer(*arguments: Any, **options: Any) -> recording.Recorded:
        store(*arguments, **options)
        raise DatabaseUnavailable("The connection was lost while saving.")

    before = clinic.count(TreatmentSession)
    monkeypatch.setattr(recording, "record_session", lose_the_answer)
    page.save("session")
    assert "connection was lost" in page.said()
    assert page.value("session", "row.0.ml") == "1,5"
    monkeypatch.setattr(recording, "record_session", store)
    page.save("session")
    assert "This was already saved at" in page.said()
    assert clinic.count(TreatmentSession) == before + 1
    assert clinic.count(FollowUp) == len(data.FOLLOW_UPS_OFFERED)


def test_a_look_at_another_page_loses_nothing(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.app.switch_page("views/patient.py").run()
    page.app.switch_page("views/record_session.py").run()
    page.check()
    assert page.value("session", "row.0.ml") == "1,5"
    page.save("session")
    assert "Saved at" in page.said()


def test_another_patient_begins_a_blank_form(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.press("banner:change").press(f"picker:{clinic.other}")
    assert page.value("session", "row.0.ml") == ""
    assert page.value("session", "note") == ""
    assert page.app.session_state["session:opened"].patient_id == clinic.other


def test_a_comparator_asks_for_no_agent(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    assert "Drawn up" in [heading.value for heading in page.app.header]
    page.press(page.key("session", "confirm_carried"))
    page.fill("session", modality=Modality.ND_YAG_LASER)
    assert "Drawn up" not in [heading.value for heading in page.app.header]
    page.fill(
        "session", treated_on=TODAY, row__0__side=Laterality.RIGHT, row__0__place="thigh_lateral"
    ).save("session")
    (entry,) = [e for e in clinic.stored()[0] if e.modality is Modality.ND_YAG_LASER]
    assert entry.all_injections() == ()
    assert [site.anatomy_code for site in entry.sites] == ["thigh_lateral"]


def test_foam_asks_for_gas_and_computes_it_from_the_ratio(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.fill("session", preparation__0__strength="1", preparation__0__form=SclerosantForm.FOAM)
    page.fill("session", row__0__ml="0.5").save("session")
    (injection,) = clinic.stored()[0][-1].all_injections()
    assert (injection.form, injection.liquid_ml, injection.gas_ml) == (
        SclerosantForm.FOAM, Decimal("0.50"), Decimal("2.00")
    )  # fmt: skip


def test_a_session_is_corrected_with_a_reason(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    assert page.app.title[0].value == "Correct a session"
    page.fill("session", pain=7).save("session")
    assert "Why is it changed?" in page.said()
    page.fill("session", reason=ReasonForChange.NEW_INFORMATION).save("session")
    assert "Saved at" in page.said()
    with reading(clinic.engine) as db:
        stored = db.get_one(TreatmentSession, (clinic.clinic, clinic.last))
        assert (stored.pain, stored.version) == (7, 2)


def test_a_stale_form_stores_nothing_and_keeps_what_was_typed(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7, reason=ReasonForChange.NEW_INFORMATION)
    with saving(clinic.engine) as db:
        colleague = db.get_one(TreatmentSession, (clinic.clinic, clinic.last))
        colleague.pain, colleague.version = 1, 2
    page.save("session")
    assert "Somebody changed this record" in page.said()
    assert page.value("session", "pain") == 7
    with reading(clinic.engine) as db:
        assert db.get_one(TreatmentSession, (clinic.clinic, clinic.last)).pain == 1


def test_a_record_is_withdrawn_with_a_reason_and_stays_in_the_trail(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"withdraw:{clinic.last}")
    assert page.app.button(key=page.key("withdraw", "confirm")).disabled
    page.fill("withdraw", reason=ReasonForChange.WRONG_PATIENT)
    page.press(page.key("withdraw", "confirm"))
    with reading(clinic.engine) as db:
        assert db.get_one(TreatmentSession, (clinic.clinic, clinic.last)).voided_at is not None
    assert "Nothing is recorded for this patient yet." in page.said()


def test_a_serious_event_is_stored_with_its_criterion_and_its_session(clinic: Clinic) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="dvt_distal", onset_on=TODAY - 20 * DAY)
    assert page.value("event", "treatment_session_id") == clinic.last
    assert "Day 8 after that session." in page.said()
    page.fill("event", severity=Severity.MODERATE, serious="yes").save("event")
    assert "Choose at least one." in page.said()
    page.fill("event", seriousness_criteria=[SeriousnessCriterion.HOSPITALISATION])
    page.fill("event", narrative=HOSTILE).save("event")
    (event,) = clinic.stored()[1]
    assert (event.treatment_session_id, event.seriousness_criteria, event.severity) == (
        clinic.last, frozenset({SeriousnessCriterion.HOSPITALISATION}), Severity.MODERATE
    )  # fmt: skip
    assert event.narrative == HOSTILE


def test_silence_is_not_taken_for_not_serious(clinic: Clinic) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="haematoma", onset_on=TODAY).save("event")
    assert "Say whether it was serious." in page.said()
    assert clinic.stored()[1] == []


def test_outside_every_window_no_session_is_proposed_and_the_person_may_choose_one(
    clinic: Clinic,
) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="anaphylaxis", onset_on=TODAY)
    assert page.value("event", "treatment_session_id") == "none"
    page.fill("event", treatment_session_id=clinic.last)
    page.fill("event", onset_on=TODAY - 2 * DAY)
    assert page.value("event", "treatment_session_id") == clinic.last


def test_two_possible_sessions_are_said(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        a_session(db, clinic.clinic, clinic.patient, treated_on=TODAY - 20 * DAY)
    page = clinic.open("report_event")
    page.fill("event", event_term_code="dvt_distal", onset_on=TODAY - 10 * DAY)
    assert "More than one session could have caused it." in page.said()


def test_death_and_fatal_go_together(clinic: Clinic) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="pulmonary_embolism", onset_on=TODAY - 20 * DAY)
    page.fill("event", serious="yes")
    page.fill("event", seriousness_criteria=[SeriousnessCriterion.DEATH])
    page.save("event")
    (event,) = clinic.stored()[1]
    assert event.event_outcome is EventOutcome.FATAL


def test_an_open_event_is_followed_up_until_resolved(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        event_id = an_event(
            db, clinic.clinic, clinic.patient, treatment_session_id=clinic.last,
            onset_on=TODAY - 20 * DAY, reported_on=TODAY - 20 * DAY,
        )  # fmt: skip
    page = clinic.open("patient")
    assert "Earlier reaction" in page.said()
    assert page.app.button(key=f"correct:{event_id}").label == "Follow up"
    page.press(f"correct:{event_id}", "report_event")
    page.fill("event", event_outcome=EventOutcome.RECOVERED)
    page.fill("event", resolved_on=TODAY, reason=ReasonForChange.NEW_INFORMATION).save("event")
    (event,) = clinic.stored()[1]
    assert (event.event_outcome, event.resolved_on) == (EventOutcome.RECOVERED, TODAY)


def a_planned_visit(clinic: Clinic, visit_code: str = "safety_2w") -> UUID:
    with saving(clinic.engine) as db:
        return a_follow_up(
            db, clinic.clinic, clinic.patient, visit_code=visit_code, due_on=TODAY - 14 * DAY,
            status=FollowUpStatus.PLANNED, seen_on=None, method=None, checklist_code=None,
            checklist_version=None, treatment_session_id=clinic.last,
        )  # fmt: skip


def test_what_nobody_says_was_asked_does_not_count_as_absent(clinic: Clinic) -> None:
    a_planned_visit(clinic)
    page = clinic.open("record_follow_up")
    page.fill("follow_up", seen_on=TODAY).save("follow_up")
    (visit,) = clinic.stored()[2]
    assert visit.status is FollowUpStatus.SEEN
    assert (visit.checklist_code, visit.findings) == (None, ())
    assert "No list of events was asked" in page.said()


def test_the_statement_makes_the_rest_absent_and_what_was_found_becomes_an_event(
    clinic: Clinic,
) -> None:
    plan = a_planned_visit(clinic)
    page = clinic.open("record_follow_up")
    page.fill("follow_up", seen_on=TODAY)
    page.fill("follow_up", **{"asked.early_14d": True})
    assert page.value("follow_up", "item.migraine") == ABSENT
    page.fill("follow_up", item__stroke="not_assessed", item__haematoma="present")
    page.save("follow_up")
    assert "On which day did it begin?" in page.said()
    page.fill("follow_up", haematoma__onset_on=TODAY - 27 * DAY, haematoma__serious="no")
    page.fill("follow_up", **{"site.left.thigh_lateral.finding": SiteFinding.IMPROVED})
    page.fill("follow_up", **{"site.left.thigh_lateral.score": "140"}).save("follow_up")
    assert "runs from 0 to 100" in page.said()
    page.fill("follow_up", **{"site.left.thigh_lateral.score": "40"}).save("follow_up")
    _, (event,), (visit,) = clinic.stored()
    assert (event.event_term_code, event.treatment_session_id) == ("haematoma", clinic.last)
    assert (visit.id, visit.checklist_code) == (plan, "early_14d")
    assert {(f.event_term_code, f.state, f.adverse_event_id) for f in visit.findings} == {
        ("stroke", FindingState.NOT_ASSESSED, None),
        ("haematoma", FindingState.PRESENT, event.id),
    }
    assert [(o.finding, o.score, o.scale_code) for o in visit.site_outcomes] == [
        (SiteFinding.IMPROVED, Decimal("40.00"), "clearance_percent")
    ]


def test_taking_the_statement_back_takes_back_every_no(clinic: Clinic) -> None:
    a_planned_visit(clinic)
    page = clinic.open("record_follow_up")
    page.fill("follow_up", **{"asked.early_14d": True})
    page.fill("follow_up", **{"asked.early_14d": False})
    assert page.value("follow_up", "item.migraine") == FindingState.NOT_ASSESSED.value


def test_a_missed_visit_is_recorded_without_findings(clinic: Clinic) -> None:
    plan = a_planned_visit(clinic)
    page = clinic.open("record_follow_up")
    page.fill("follow_up", status=FollowUpStatus.MISSED).save("follow_up")
    (visit,) = clinic.stored()[2]
    assert (visit.id, visit.status, visit.seen_on) == (plan, FollowUpStatus.MISSED, None)


def test_a_visit_that_a_colleague_recorded_meanwhile_is_not_overwritten(clinic: Clinic) -> None:
    plan = a_planned_visit(clinic)
    page = clinic.open("record_follow_up")
    with saving(clinic.engine) as db:
        colleague = db.get_one(FollowUp, (clinic.clinic, plan))
        colleague.status, colleague.version = FollowUpStatus.DECLINED, 2
    page.fill("follow_up", seen_on=TODAY).save("follow_up")
    assert "Somebody changed this record" in page.said()
    (visit,) = clinic.stored()[2]
    assert visit.status is FollowUpStatus.DECLINED


def test_a_known_event_is_linked_and_not_reported_twice(clinic: Clinic) -> None:
    a_planned_visit(clinic)
    with saving(clinic.engine) as db:
        known = an_event(
            db, clinic.clinic, clinic.patient, event_term_code="haematoma",
            onset_on=TODAY - 27 * DAY, reported_on=TODAY - 27 * DAY,
        )  # fmt: skip
    page = clinic.open("record_follow_up")
    page.fill("follow_up", seen_on=TODAY, item__haematoma="present").save("follow_up")
    _, events, (visit,) = clinic.stored()
    assert [event.id for event in events] == [known]
    assert known in [finding.adverse_event_id for finding in visit.findings]


def test_a_recorded_follow_up_is_corrected_from_the_record(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        visit_id = a_follow_up(db, clinic.clinic, clinic.patient, seen_on=TODAY - DAY)
    page = clinic.open("patient")
    page.press(f"correct:{visit_id}", "record_follow_up")
    assert page.app.title[0].value == "Correct a follow-up"
    assert page.value("follow_up", "item.haematoma") == ABSENT
    page.fill("follow_up", days_to_normal="3", reason=ReasonForChange.TYPING_ERROR)
    page.save("follow_up")
    (visit,) = clinic.stored()[2]
    assert (visit.days_to_normal, visit.checklist_code, visit.findings) == (
        3, "standard_6_8w", ()
    )  # fmt: skip


def test_a_patient_is_enrolled_under_the_proposed_pseudonym_and_goes_on_to_a_session(
    clinic: Clinic,
) -> None:
    page = clinic.open("enrol")
    assert page.value("enrol", "pseudonym") == "P-0003"
    page.fill("enrol", birth_year="19x0").save("enrol")
    assert "Not a number" in page.said()
    page.fill("enrol", birth_year="1970", family_name="Zznew").save("enrol")
    assert "Zznew" not in page.said()
    with reading(clinic.engine) as db:
        patient = db.scalars(sa.select(Patient).where(Patient.pseudonym == "P-0003")).one()
        identity = db.get_one(PatientIdentity, (clinic.clinic, patient.id))
        assert (patient.birth_year, identity.family_name) == (1970, "Zznew")
    page.press(page.key("enrol", "session"), "record_session")
    assert page.app.title[0].value == "Record a session"
    assert "Zznew" in page.said()


def test_a_taken_pseudonym_is_refused_beside_its_field(clinic: Clinic) -> None:
    page = clinic.open("enrol")
    page.fill("enrol", pseudonym="P-0001").save("enrol")
    assert "Another patient of this clinic has this pseudonym" in page.said()
    assert page.value("enrol", "pseudonym") == "P-0001"


def test_text_that_people_typed_is_never_drawn_as_markup(clinic: Clinic) -> None:
    page = clinic.open("patient")
    shown = "\n".join(element.value for element in page.app.markdown)
    assert "elsewhere" in shown
    assert "![look](" not in shown
    assert "<b>" not in shown
    assert ":red[" not in shown


def test_nothing_about_a_patient_stands_in_the_address(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.save("session")
    assert dict(page.app.query_params) == {}


def test_each_opening_and_each_search_is_logged_once(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    page.fill("session", pain=1, note="x")
    assert clinic.actions() == ["sign_in", "list_identified", "open_identified_patient"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_practice_manager_has_none_of_these_pages(clinic: Clinic, view: str) -> None:
    with pytest.raises(ValueError, match="navigation page"):
        clinic.open(view, Role.PRACTICE_MANAGER)


def test_an_auditor_reads_without_names_and_changes_nothing(clinic: Clinic) -> None:
    page = clinic.open("patient", Role.AUDITOR)
    assert "P-0001" in page.said()
    assert "elsewhere" not in page.said()
    assert [button.label for button in page.app.button] == ["Other patient"]


def test_a_name_on_the_screen_goes_when_the_right_goes(clinic: Clinic) -> None:
    page = clinic.open("patient", Role.PRACTICE_MANAGER, see_identity=True)
    assert "elsewhere" in page.said()
    with saving(clinic.engine) as db:
        db.execute(sa.text("UPDATE role_grant SET see_identity = false, see_records = true"))
    page.app.run()
    page.check()
    assert "elsewhere" not in page.said()
    assert "P-0001" in page.said()

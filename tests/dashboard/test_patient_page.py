"""Does the patient page show a person at a glance, and lead in one click to what is open?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from registry.analysis.stored_entries import stored_events, stored_follow_ups, stored_sessions
from registry.database import DbSession, reading
from registry.entry.same_person import linked_ids
from registry.schema import Patient
from registry.vocabulary import (
    EventOutcome,
    FactAnswer,
    FollowUpStatus,
    Role,
    SiteFinding,
)
from tests.dashboard.conftest import AppAs
from tests.factories import (
    a_clinic,
    a_clinician,
    a_follow_up,
    a_patient,
    a_patient_link,
    a_photograph,
    a_risk_fact,
    a_session,
    a_site,
    an_event,
    an_identity,
    an_injection,
    an_outcome,
    saving,
)

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # over everywhere in the world
DAY = dt.timedelta(days=1)
BORN = dt.date(1961, 2, 3)
HOSTILE = "![look](https://elsewhere.example/x.png) <b>Zz</b> $x$ :red[y]"


class Clinic:
    """A clinic with a patient who was treated 60 days ago and lacks consent, lot and follow-up."""

    def __init__(self, app_as: AppAs, engine: Engine) -> None:
        self.app_as, self.engine = app_as, engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            a_clinician(db, self.clinic, 1, display_name="Ada Doe")
            self.patient = self.enrol(db, "P-0001", family_name="Berg", given_name="Ida")
            self.session = self.treat(db, self.patient, 60)

    def enrol(self, db: DbSession, pseudonym: str, **identity: Any) -> UUID:
        patient = a_patient(db, self.clinic, pseudonym=pseudonym, enrolled_on=TODAY - 3000 * DAY)
        blank = {"birth_date": BORN, "hospital_number": None}
        an_identity(db, self.clinic, patient, **blank | identity)
        return patient

    def treat(self, db: DbSession, patient: UUID, days_ago: int, **values: Any) -> UUID:
        session = a_session(
            db, self.clinic, patient, treated_on=TODAY - days_ago * DAY, clinician_id=1, **values
        )
        site = a_site(db, self.clinic, patient, session)
        an_injection(db, self.clinic, session, treated_site_id=site, liquid_ml=Decimal("1.5"))
        return session

    def see(self, db: DbSession, days_ago: int, finding: SiteFinding, score: int) -> None:
        visit = a_follow_up(db, self.clinic, self.patient, seen_on=TODAY - days_ago * DAY)
        an_outcome(db, self.clinic, self.patient, visit, finding=finding, score=Decimal(score))

    def open(self, role: Role = Role.CLINICIAN, view: str = "patient", **rights: Any) -> Page:
        return Page(
            self.app_as(role, self.engine, f"views/{view}.py", clinic_id=self.clinic, **rights)
        )

    def linked(self, patient: UUID) -> tuple[UUID, ...]:
        with reading(self.engine) as db:
            return linked_ids(db, self.clinic, patient)


class Page:
    """A page under test."""

    def __init__(self, app: AppTest) -> None:
        self.app = app
        self.check()

    def check(self) -> None:
        assert not self.app.exception, self.app.exception[0].stack_trace
        assert self.app.title

    def press(self, key: str, leads_to: str | None = None) -> Page:
        self.app.button(key=key).click().run()
        self.check()
        if leads_to is not None:  # the tester does not follow to the page by itself
            self.app.switch_page(f"views/{leads_to}.py").run()
            self.check()
        return self

    def type(self, key: str, text: str) -> Page:
        self.app.text_input(key=key).set_value(text).run()
        self.check()
        return self

    def button_keys(self) -> set[str]:
        return {button.key for button in self.app.button if button.key}

    def labels(self) -> set[str]:
        return {button.label.replace("\\", "") for button in self.app.button}

    def said(self) -> str:
        kinds = ("title", "header", "text", "markdown", "caption", "error", "warning", "info",
                 "success")  # fmt: skip
        said = "\n".join(str(e.value) for kind in kinds for e in getattr(self.app, kind))
        return said.replace("\\", "")


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def test_a_person_is_shown_at_a_glance(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        an_event(
            db, clinic.clinic, clinic.patient, treatment_session_id=clinic.session,
            onset_on=TODAY - 55 * DAY, reported_on=TODAY - 50 * DAY,
            event_outcome=EventOutcome.RECOVERING,
        )  # fmt: skip
        clinic.see(db, 40, SiteFinding.CLEARED, 90)
        clinic.see(db, 10, SiteFinding.VISIBLE_AGAIN, 10)
        clinic.treat(db, clinic.patient, 0)
        a_risk_fact(
            db, clinic.clinic, clinic.patient, condition_code="known_shunt",
            answer=FactAnswer.YES, answered_on=TODAY - 60 * DAY,
        )  # fmt: skip
    said = clinic.open().press(f"picker:{clinic.patient}").said()
    assert "Earlier reaction: Skin necrosis" in said
    assert "Known right-to-left shunt" in said
    assert "Already treated on" in said
    assert "2 sessions since" in said
    assert "3 mL liquid in all; 1 reaction (1 still open); 2 of 2 visits held" in said
    assert "1 site came back." in said
    assert "Reaction: Skin necrosis, minimal, day 5, mild, still open" in said
    assert "Came back. Left: Thigh, lateral" in said
    assert "day 50" in said
    assert "Came back after success: Left: Thigh, lateral" in said


def test_what_nobody_asked_is_one_quiet_line(clinic: Clinic) -> None:
    said = clinic.open().press(f"picker:{clinic.patient}").said()
    assert "Nothing known that speaks against a needle." in said
    assert "questions before the needle not asked." in said


def test_an_open_step_leads_to_the_form_that_mends_it(clinic: Clinic) -> None:
    page = clinic.open().press(f"picker:{clinic.patient}")
    at = f"timeline:{clinic.session}"
    assert {f"{at}:consent", f"{at}:lot", f"{at}:follow_up"} <= page.button_keys()
    assert f"{at}:complications" not in page.button_keys()
    assert not any(key.startswith(f"{at}:photograph") for key in page.button_keys())
    page.press(f"{at}:consent", "record_session")
    assert page.app.title[0].value == "Correct a session"


def test_a_missing_follow_up_is_booked_in_one_click(clinic: Clinic) -> None:
    page = clinic.open().press(f"picker:{clinic.patient}")
    page.press(f"timeline:{clinic.session}:follow_up")
    assert "P-0001: planned Check at 6 to 8 weeks" in page.said()
    assert f"timeline:{clinic.session}:follow_up" not in page.button_keys()
    with reading(clinic.engine) as db:
        (planned,) = stored_follow_ups(db, clinic.clinic)
    assert planned.entry.status is FollowUpStatus.PLANNED
    assert planned.entry.due_on == TODAY - 4 * DAY


def test_photographs_are_asked_for_where_any_are_taken(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        other = clinic.enrol(db, "P-0002", family_name="Ek")
        a_photograph(db, clinic.clinic, other, taken_on=TODAY)
    page = clinic.open().press(f"picker:{clinic.patient}")
    assert f"timeline:{clinic.session}:photograph" in page.button_keys()


def test_an_open_event_is_followed_up_in_one_click_and_resolved(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        event = an_event(
            db, clinic.clinic, clinic.patient, treatment_session_id=clinic.session,
            onset_on=TODAY - 55 * DAY, reported_on=TODAY - 50 * DAY,
            event_outcome=EventOutcome.RECOVERING,
        )  # fmt: skip
    page = (
        clinic.open().press(f"picker:{clinic.patient}").press(f"follow_up:{event}", "report_event")
    )
    form = f"event:{page.app.session_state['event:opened'].number}"
    controls = [control.key for control in page.app.segmented_control]
    assert controls[0] == f"{form}:event_outcome"
    page.app.segmented_control(key=f"{form}:event_outcome").set_value(EventOutcome.RECOVERED)
    page.app.run()
    page.app.date_input(key=f"{form}:resolved_on").set_value(TODAY).run()
    page.press(f"{form}:save")
    with reading(clinic.engine) as db:
        (stored,) = stored_events(db, clinic.clinic)
    assert (stored.entry.event_outcome, stored.entry.resolved_on) == (
        EventOutcome.RECOVERED, TODAY
    )  # fmt: skip


def test_an_event_is_reported_from_the_patient_page_in_two_clicks(clinic: Clinic) -> None:
    page = clinic.open().press(f"picker:{clinic.patient}")
    button = next(button for button in page.app.button if button.label == "Report an event")
    button.click().run()
    page.app.switch_page("views/report_event.py").run()
    page.check()
    assert page.app.title[0].value == "Report an event"
    assert "P-0001" in page.said()


def test_a_long_history_opens_with_its_latest_ten(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        for days in range(100, 400, 20):
            clinic.treat(db, clinic.patient, days)
    page = clinic.open().press(f"picker:{clinic.patient}")
    strips = [badge for badge in page.button_keys() if badge.endswith(":consent")]
    assert len(strips) == 10
    page.press("timeline:more")
    assert len([key for key in page.button_keys() if key.endswith(":consent")]) == 16
    assert "timeline:more" not in page.button_keys()


def test_a_duplicate_is_told_of_but_never_blocks(clinic: Clinic) -> None:
    page = clinic.open(view="enrol")
    form = f"enrol:{page.app.session_state['enrol:opened'].number}"
    page.app.text_input(key=f"{form}:family_name").set_value("Bergh")
    page.app.date_input(key=f"{form}:birth_date").set_value(BORN)
    page.app.run()
    page.check()
    assert "Perhaps the same person" in page.said()
    assert "P-0001 · Berg, Ida" in page.said().replace("*", "")
    assert f"likely:{clinic.patient}" in page.button_keys()
    page.press(f"{form}:save")
    with reading(clinic.engine) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Patient)) == 2


def test_patients_are_linked_from_the_page_and_parted_again(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        other = clinic.enrol(db, "P-0002", family_name="Bergh", given_name=HOSTILE)
        clinic.treat(db, other, 30)
    page = clinic.open().press(f"picker:{clinic.patient}")
    assert "Perhaps the same person" in page.said()
    page.press(f"likely:link:{other}")
    assert page.app.button(key="link:go").disabled
    page.type("link:reason", "Same passport").press("link:go")
    assert clinic.linked(other) == (clinic.patient, other)
    said = page.said()
    assert "Also recorded as **P-0002" in said
    assert "2 sessions since" in said
    assert "Session · P-0002" in said
    assert "Perhaps the same person" not in said
    page.press("banner:change").press(f"picker:{other}")
    assert "P-0002 is the same person as P-0001." in page.said()
    page.press(f"unlink:{other}").type("unlink:reason", "A sister").press("unlink:go")
    assert clinic.linked(other) == (other,)
    assert "Also recorded as" not in page.said()


def test_a_record_of_the_duplicate_is_corrected_as_its_own(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        kept = clinic.enrol(db, "P-0002", family_name="Ek")
        a_patient_link(db, clinic.clinic, clinic.patient, kept)
        event = an_event(
            db, clinic.clinic, clinic.patient, treatment_session_id=clinic.session,
            onset_on=TODAY - 55 * DAY, reported_on=TODAY - 50 * DAY,
            event_outcome=EventOutcome.RECOVERING,
        )  # fmt: skip
    page = (
        clinic.open().press(f"picker:{clinic.patient}").press(f"follow_up:{event}", "report_event")
    )
    assert page.app.title[0].value == "Follow up or correct an event"
    page.press(f"event:{page.app.session_state['event:opened'].number}:save")
    assert "Saved at" in page.said()
    with reading(clinic.engine) as db:
        (stored,) = stored_events(db, clinic.clinic)
    assert (stored.version, stored.entry.patient_id) == (2, clinic.patient)


@pytest.mark.parametrize("role", [Role.DATA_MANAGER, Role.AUDITOR])
def test_who_may_not_see_identity_learns_nothing_of_it(clinic: Clinic, role: Role) -> None:
    with saving(clinic.engine) as db:
        clinic.enrol(db, "P-0002", family_name="Bergh")
    page = clinic.open(role)
    assert "Berg" not in " ".join(page.labels())
    page.type("picker:text", "Berg")
    assert "searched only for those who may see them" in page.said()
    page.type("picker:text", "").press(f"picker:{clinic.patient}")
    said = page.said()
    assert "Perhaps the same person" not in said
    assert "Berg" not in said
    assert "1961" not in said
    assert not any(key.startswith(("link", "likely", "timeline:")) for key in page.button_keys())


def test_a_search_says_why_nobody_was_found_and_reads_a_date_both_ways(clinic: Clinic) -> None:
    page = clinic.open()
    page.type("picker:text", "03/02/1961")
    assert "can mean 3 Feb 1961 or 2 Mar 1961" in page.said()
    assert f"picker:{clinic.patient}" in page.button_keys()
    page.type("picker:text", "4.2.1961")
    assert "Nobody here is known to be born on 4 Feb 1961." in page.said()
    page.type("picker:text", "Quist")
    assert "No name here has words that begin like that." in page.said()
    page.type("picker:text", "H-99")
    assert "No pseudonym or hospital number here begins like that" in page.said()


def test_hostile_names_are_shown_as_they_are(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        other = clinic.enrol(db, "P-0002", family_name=HOSTILE)
        clinic.treat(db, other, 5)
        twin = clinic.enrol(db, "P-0003", family_name=HOSTILE)
        a_patient_link(db, clinic.clinic, twin, other)
    page = clinic.open().press(f"picker:{other}")
    for element in [*page.app.markdown, *page.app.info, *page.app.warning]:
        assert HOSTILE not in element.value
    assert HOSTILE in page.said()


def test_the_to_do_list_opens_what_is_missing_and_says_when_nothing_is(clinic: Clinic) -> None:
    page = clinic.open(view="to_do")
    assert "1 of 1 session has something open." in page.said()
    page.press(f"to_do:{clinic.session}:follow_up")
    assert "P-0001: planned Check at 6 to 8 weeks" in page.said()
    page.press(f"to_do:{clinic.session}:lot", "record_session")
    assert page.app.title[0].value == "Correct a session"
    with reading(clinic.engine) as db:
        (stored,) = stored_sessions(db, clinic.clinic)
    assert page.app.session_state["session:opened"].id == stored.entry.id


def test_an_event_open_for_long_is_on_the_to_do_list(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        event = an_event(
            db, clinic.clinic, clinic.patient, treatment_session_id=clinic.session,
            onset_on=TODAY - 55 * DAY, reported_on=TODAY - 50 * DAY,
            event_outcome=EventOutcome.RECOVERING,
        )  # fmt: skip
    page = clinic.open(view="to_do")
    assert "1 event awaits a look" in page.said()
    page.press(f"to_do:{event}", "report_event")
    assert page.app.title[0].value == "Follow up or correct an event"


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.DATA_MANAGER, Role.AUDITOR])
def test_an_empty_clinic_has_nothing_to_do(
    app_as: AppAs, sqlite_engine: Engine, role: Role
) -> None:
    page = Page(app_as(role, sqlite_engine, "views/to_do.py"))
    assert page.app.title[0].value == "To do"
    assert "No session was recorded in the last 180 days." in page.said()

"""Is what the session form shows what it stores, also when something changed around it?"""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from dashboard import choices
from registry.database import FIRST_DAY
from registry.schema import FollowUp, TreatmentSession
from registry.vocabulary import FollowUpStatus, Laterality, OverrideReason, SclerosantForm
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import DAY, TODAY, Clinic, Page, a_filled_session
from tests.factories import a_course, a_follow_up, a_session, saving


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def saved(page: Page) -> Page:
    page.save("session")
    assert "Saved at" in page.said()
    return page


def test_a_course_whose_label_changed_meanwhile_keeps_the_session(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        course = a_course(db, clinic.clinic, clinic.patient, planned_sessions=3)
    page = clinic.open("record_session")
    assert page.value("session", "course") == course
    page.press(page.key("session", "confirm_carried")).fill(
        "session", treated_on=TODAY, row__0__side=Laterality.LEFT, row__0__place="ssv",
        row__0__ml="1",
    )  # fmt: skip
    with saving(clinic.engine) as db:
        a_session(db, clinic.clinic, clinic.patient, treated_on=TODAY - 14 * DAY, course_id=course)
    saved(page)
    assert "Course of treatment: Since" in page.said()
    assert "2 of 3 sessions" in page.said()
    assert [s.course_id for s in clinic.stored()[0] if s.treated_on == TODAY] == [course]


def test_a_label_that_the_browser_was_shown_once_still_means_its_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: dict[str, object] = {"course": "a"}
    monkeypatch.setattr(choices.st, "session_state", held)
    form: Any = SimpleNamespace(opened=SimpleNamespace(shown={}), get=held.get, key=str)
    assert choices.offered(form, "course", ["a", "b"], str.upper)("a") == "A"
    held["course"] = "A"
    in_words = choices.offered(form, "course", ["a", "b"], lambda _code: "alike")
    assert [in_words(code) for code in ("a", "b")] == ["alike", "alike (2)"]
    assert held["course"] == "a"
    held["course"] = ["B", "alike"]
    choices.offered(form, "course", ["a", "b"], str.upper)
    assert held["course"] == ["b", "a"]


def test_a_required_list_that_is_blank_is_refused_and_named(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    before = clinic.count(TreatmentSession)
    page.fill("session", course=None).save("session")
    assert "Look at: Course of treatment." in page.said()
    assert ":red[:material/error: Needs an answer.]" in page.said()
    assert clinic.count(TreatmentSession) == before
    page.fill("session", course="none")
    assert "No course of treatment" in saved(page).said()


@pytest.mark.parametrize(
    ("day", "says"),
    [(dt.date(2050, 1, 1), "The day lies in the future."), (FIRST_DAY, "before the birth year")],
)
def test_a_day_that_cannot_be_is_typed_and_refused_beside_its_field(
    clinic: Clinic, day: dt.date, says: str
) -> None:
    page = a_filled_session(clinic.open("record_session"))
    before = clinic.count(TreatmentSession)
    page.fill("session", treated_on=day).save("session")
    assert says in page.said()
    assert page.value("session", "treated_on") == day
    assert clinic.count(TreatmentSession) == before


def test_a_reason_given_for_one_amount_is_asked_again_for_another(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.fill("session", preparation__0__form=SclerosantForm.FOAM, row__0__ml="3", weight_kg="70")
    (rule,) = [
        str(c.key).partition(":override:")[2]
        for c in page.app.segmented_control
        if ":override:" in str(c.key)
    ]
    page.fill("session", **{f"override:{rule}": OverrideReason.PATIENT_INFORMED})
    page.fill("session", row__0__ml="20")
    assert page.value("session", f"override:{rule}") is None
    page.save("session")
    assert "Not saved yet" in page.said()
    page.fill("session", **{f"override:{rule}": OverrideReason.PATIENT_INFORMED})
    saved(page)


def test_what_nobody_looked_at_is_asked_once_before_it_is_stored(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    page.fill(
        "session", treated_on=TODAY, row__0__side=Laterality.LEFT, row__0__place="ssv",
        row__0__ml="1",
    )  # fmt: skip
    page.save("session")
    assert "nobody has looked: lot L-100, consent version." in page.said()
    assert "Look at: what stands right above the button." in page.said()
    page.fill("session", **{"accept:carried_unchecked": True})
    saved(page)


def test_a_value_typed_back_stays_checked(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    page.fill("session", consent_version="2026-1").fill("session", consent_version="2024-1")
    assert "consent version" not in page.said_small()
    assert "nobody has looked: lot L-100." in page.said()


def test_no_lot_is_proposed_where_none_fits(clinic: Clinic) -> None:
    page = clinic.open("record_session").fill("session", preparation__0__product="fibrovein")
    page.fill("session", preparation__0__strength="1")
    assert page.value("session", "preparation.0.lot") is None
    assert "None" not in page.said()
    assert "nobody has looked: consent version." in page.said()


def test_a_visit_that_a_colleague_planned_meanwhile_is_not_planned_twice(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    assert "safety_2w" in page.value("session", "visits")
    with saving(clinic.engine) as db:
        a_follow_up(
            db, clinic.clinic, clinic.patient, visit_code="safety_2w", due_on=TODAY + 14 * DAY,
            status=FollowUpStatus.PLANNED, seen_on=None, method=None, checklist_code=None,
            checklist_version=None, treatment_session_id=clinic.last,
        )  # fmt: skip
    before = clinic.count(FollowUp)
    wanted = len(page.value("session", "visits"))
    saved(page)
    assert clinic.count(FollowUp) == before + wanted - 1
    assert len([v for v in clinic.stored()[2] if v.visit_code == "safety_2w"]) == 1


def test_a_blank_volume_is_asked_once(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session")).fill("session", row__0__ml="")
    page.save("session")
    assert "Injections without a volume: 1 of 1." in page.said()
    page.fill("session", **{"accept:volume_blank": True})
    saved(page)


@pytest.mark.parametrize("typed", ["-3", "0", "9999999999", "9" * 40])
def test_a_volume_that_cannot_be_is_told_its_range_once(clinic: Clinic, typed: str) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.fill("session", preparation__0__form=SclerosantForm.FOAM, row__0__ml=typed)
    assert page.said().count("Must lie from 0.01 to 100 mL.") == 1
    assert "400 mL" not in page.said()
    assert "Not a number" not in page.said()


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\x07"])
def test_an_unseen_sign_in_a_version_is_told_beside_it(clinic: Clinic, sign: str) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.fill("session", consent_version=f"2026{sign}-1")
    assert "holds a sign that cannot be seen" in page.said()
    page.fill("session", consent_version="2026-1 \U0001f469\u200d\u2695")
    assert "holds a sign that cannot be seen" not in page.said()

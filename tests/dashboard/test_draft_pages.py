"""Is what was typed offered again, saved once, and never put over what a colleague stored?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from dashboard import data
from registry.access import Actor, Grant
from registry.analysis.stored_entries import session_entry
from registry.database import reading
from registry.entry import drafts, recording
from registry.errors import DatabaseUnavailable
from registry.schema import Draft, FollowUp, Patient, TreatmentSession, UserAccount
from registry.vocabulary import (
    FollowUpStatus,
    Guidance,
    ReasonForChange,
    Role,
    Severity,
    Sex,
    SkinType,
)
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import DAY, TODAY, Clinic, Page, a_filled_session
from tests.factories import a_follow_up, saving

MERGE = "session:merge"


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def anew(clinic: Clinic, view: str = "record_session") -> Page:
    """The page in another tab, after a reload, or after signing out and in again."""
    return Page(
        clinic.app_as(Role.CLINICIAN, clinic.engine, f"views/{view}.py", clinic_id=clinic.clinic)
    )


def continue_(page: Page, nth: int = 0) -> Page:
    offers = [b.key for b in page.app.button if str(b.key).endswith(":continue")]
    return page.press(offers[nth])


def a_colleague(clinic: Clinic) -> Actor:
    with reading(clinic.engine) as db:
        user = db.scalar(sa.select(UserAccount.id).where(UserAccount.user_name != "system"))
    return Actor(user or 0, "bob", "Bob", (Grant(clinic.clinic, Role.CLINICIAN),))


def amend_meanwhile(clinic: Clinic, **values: Any) -> None:
    """A colleague corrects the last session."""
    by = a_colleague(clinic)
    entry, version = session_entry(clinic.engine, by, clinic.clinic, clinic.last)
    recording.amend(
        clinic.engine, by, clinic.clinic, replace(entry, **values), version=version,
        reason=ReasonForChange.TYPING_ERROR, request_key=data.new_id(),
        now=dt.datetime.now(dt.UTC),
    )  # fmt: skip


def stored_session(clinic: Clinic) -> tuple[Any, int]:
    return session_entry(clinic.engine, a_colleague(clinic), clinic.clinic, clinic.last)


def choose(page: Page, field: str, side: str) -> Page:
    (radio,) = [r for r in page.app.radio if f"field='{field}'" in str(r.key)]
    radio.set_value(side).run()
    page.check()
    return page


def test_a_form_that_nobody_touched_leaves_no_draft(clinic: Clinic) -> None:
    for view in ("record_session", "report_event", "record_follow_up"):
        page = clinic.open(view)
        page.app.run()
        page.check()
        assert "Draft kept" not in page.said()
    assert clinic.count(Draft) == 0


def test_half_a_form_is_offered_after_a_reload_and_saved_once(clinic: Clinic) -> None:
    before = clinic.count(TreatmentSession)
    a_filled_session(clinic.open("record_session"))
    assert clinic.count(Draft) == 1
    page = anew(clinic)
    assert "Session for P-0001" in page.said()
    assert "today" in page.said()
    continue_(page)
    assert "Continued from your draft" in page.said()
    assert "could not be taken over" not in page.said()
    assert [page.value("session", f) for f in ("row.0.ml", "pain", "treated_on")] == [
        "1,5",
        2,
        TODAY,
    ]
    page.fill("session", weight_kg="70").save("session")
    assert "Saved at" in page.said()
    assert (clinic.count(TreatmentSession), clinic.count(Draft)) == (before + 1, 0)
    assert "Not saved yet" not in anew(clinic).said()


def test_two_tabs_with_one_draft_make_one_record_and_lose_neither(clinic: Clinic) -> None:
    before = clinic.count(TreatmentSession)
    first = a_filled_session(clinic.open("record_session"))
    second, third = continue_(anew(clinic)), continue_(anew(clinic))
    second.save("session")
    assert "Saved at" in second.said()
    # The same answers again are the same record.
    third.save("session")
    assert "This was already saved at" in third.said()
    # Other answers are neither a second record nor taken for what is stored.
    first.fill("session", pain=9).save("session")
    assert "with other values" in first.said()
    assert clinic.count(TreatmentSession) == before + 1
    choose(first, "pain", "mine").press(MERGE)
    assert first.app.title[0].value == "Correct a session"
    assert first.value("session", "pain") == 9
    first.fill("session", reason=ReasonForChange.NEW_INFORMATION).save("session")
    assert "Saved at" in first.said()
    assert clinic.count(TreatmentSession) == before + 1
    assert "Not saved yet" not in anew(clinic).said()


def test_a_retry_after_a_lost_answer_keeps_no_draft(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = a_filled_session(clinic.open("record_session"))
    store = recording.record_session

    def lose_the_answer(*arguments: Any, **options: Any) -> recording.Recorded:
        store(*arguments, **options)
        raise DatabaseUnavailable("The connection was lost while saving.")

    monkeypatch.setattr(recording, "record_session", lose_the_answer)
    page.save("session")
    assert clinic.count(Draft) == 1
    # It was saved, so nobody is asked to save it again.
    assert "Not saved yet" not in anew(clinic).said()


def test_drafts_of_several_patients_are_listed_and_can_be_discarded(clinic: Clinic) -> None:
    page = a_filled_session(clinic.open("record_session"))
    page.press("banner:change").press(f"picker:{clinic.other}")
    assert "Session for P-0001" in page.said()
    page.fill("session", note="second")
    assert "Not saved yet" not in page.said()
    page = anew(clinic)
    assert "Session for P-0001" in page.said()
    assert "Session for P-0002" in page.said()
    page.press(f"picker:{clinic.patient}")
    offered = [t.value for t in page.app.text if "Session for" in t.value]
    assert offered[0].startswith("Session for P-0001")
    discards = [b.key for b in page.app.button if str(b.key).endswith(":discard")]
    page.press(discards[0])
    assert "Session for P-0001" not in page.said()
    assert clinic.count(Draft) == 1


def test_what_is_no_longer_offered_is_said_beside_its_field(clinic: Clinic) -> None:
    page = clinic.open("report_event")
    page.fill(
        "event", event_term_code="telangiectatic_matting", severity=Severity.MILD, narrative="typed"
    )
    with saving(clinic.engine) as db:
        (draft,) = db.scalars(sa.select(Draft))
        draft.content = draft.content.replace('"telangiectatic_matting"', '"gone"').replace(
            '"mild"', '"faint"'
        )
    page = continue_(anew(clinic, "report_event"))
    assert "could not be taken over" in page.said()
    assert page.said().count("no longer offered") == 2
    assert (page.value("event", "event_term_code"), page.value("event", "severity")) == (None, None)
    assert page.value("event", "narrative") == "typed"
    page.fill("event", event_term_code="telangiectatic_matting", severity=Severity.MILD)
    assert "no longer offered" not in page.said()


def test_a_database_that_takes_no_draft_stops_nobody(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = drafts.keep_draft

    def full(*_arguments: Any, **_options: Any) -> None:
        raise DatabaseUnavailable("The disk is full.")

    page = clinic.open("record_session")
    monkeypatch.setattr(drafts, "keep_draft", full)
    a_filled_session(page)
    assert "Not kept as a draft: The disk is full." in page.said()
    monkeypatch.setattr(drafts, "keep_draft", keep)
    page.fill("session", pain=3)
    assert "Not kept as a draft" not in page.said()
    assert "Draft kept at" in page.said()
    assert clinic.count(Draft) == 1


def test_changes_that_do_not_meet_are_merged_and_shown(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7, reason=ReasonForChange.NEW_INFORMATION)
    amend_meanwhile(clinic, note="theirs", guidance=Guidance.ULTRASOUND)
    page.save("session")
    assert "Somebody changed this record" in page.said()
    (table,) = page.app.table
    rows = {
        row["Field"]: (row["Before"], row["Now"], row["Changed"])
        for _, row in table.value.iterrows()
    }
    assert rows["Worst pain at injection"] == ("not recorded", "7", "by you")
    assert rows["Guidance"][1:] == ("Ultrasound", "meanwhile")
    assert rows["Note"][1:] == ("theirs", "meanwhile")
    assert not page.app.radio
    page.press(MERGE)
    assert (page.value("session", "pain"), page.value("session", "note")) == (7, "theirs")
    assert page.value("session", "reason") is ReasonForChange.NEW_INFORMATION
    page.save("session")
    assert "Saved at" in page.said()
    entry, version = stored_session(clinic)
    assert (entry.pain, entry.note, entry.guidance, version) == (
        7,
        "theirs",
        Guidance.ULTRASOUND,
        3,
    )
    assert clinic.count(Draft) == 0


def test_where_both_changed_the_same_the_person_chooses(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7, reason=ReasonForChange.NEW_INFORMATION)
    amend_meanwhile(clinic, pain=1, note="theirs")
    page.save("session")
    assert page.app.radio
    # Going on typing is no answer: the next attempt asks again, also about what was typed since.
    page.fill("session", note="mine")
    assert not page.app.radio
    page.save("session")
    choose(page, "pain", "mine")
    assert page.app.button(key=MERGE).disabled
    choose(page, "note", "theirs").press(MERGE)
    assert "holds both changes" in page.said()
    page.save("session")
    entry, _version = stored_session(clinic)
    assert (entry.pain, entry.note) == (7, "theirs")


def test_an_older_draft_of_a_correction_is_compared_when_it_is_saved(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7, reason=ReasonForChange.NEW_INFORMATION)
    amend_meanwhile(clinic, note="theirs")
    page = anew(clinic)
    assert "Correction of a session for P-0001" in page.said()
    continue_(page).save("session")
    page.press(MERGE).save("session")
    entry, version = stored_session(clinic)
    assert (entry.pain, entry.note, version) == (7, "theirs", 3)
    assert clinic.count(Draft) == 0


def test_a_visit_recorded_by_two_is_compared_field_by_field(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        plan = a_follow_up(
            db, clinic.clinic, clinic.patient, visit_code="safety_2w", due_on=TODAY,
            status=FollowUpStatus.PLANNED, seen_on=None, method=None, checklist_code=None,
            checklist_version=None, treatment_session_id=clinic.last,
        )  # fmt: skip
    page = clinic.open("record_follow_up")
    page.fill("follow_up", note="mine", seen_on=TODAY)
    with saving(clinic.engine) as db:
        theirs = db.get_one(FollowUp, (clinic.clinic, plan))
        theirs.status, theirs.seen_on, theirs.version = FollowUpStatus.SEEN, TODAY - DAY, 2
    page.save("follow_up")
    assert "Somebody changed this record" in page.said()
    choose(page, "seen_on", "theirs").press("follow_up:merge")
    assert page.app.title[0].value == "Correct a follow-up"
    assert page.value("follow_up", "note") == "mine"
    page.fill("follow_up", reason=ReasonForChange.NEW_INFORMATION).save("follow_up")
    (visit,) = [visit for visit in clinic.stored()[2] if visit.id == plan]
    assert (visit.note, visit.seen_on) == ("mine", TODAY - DAY)


def test_a_patient_is_compared_too(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.labelled("Correct the patient's data").click().run()
    page.app.switch_page("views/enrol.py").run()
    page.fill("enrol", sex=Sex.OTHER, reason=ReasonForChange.NEW_INFORMATION)
    with saving(clinic.engine) as db:
        theirs = db.get_one(Patient, (clinic.clinic, clinic.patient))
        theirs.skin_type, theirs.version = SkinType.IV, 2
    page.save("enrol").press("enrol:merge").save("enrol")
    with reading(clinic.engine) as db:
        stored = db.get_one(Patient, (clinic.clinic, clinic.patient))
        assert (stored.sex, stored.skin_type, stored.version) == (Sex.OTHER, SkinType.IV, 3)


def test_leaving_a_correction_as_it_was_discards_its_draft(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7)
    assert clinic.count(Draft) == 1
    page.labelled("Leave it as it was").click().run()
    assert clinic.count(Draft) == 0


def test_an_enrolment_is_kept_and_continued(clinic: Clinic) -> None:
    page = anew(clinic, "enrol")
    page.fill("enrol", family_name="Zz Example", birth_year="1961")
    page = anew(clinic, "enrol")
    assert "Enrolment, " in page.said()
    assert "Zz Example" not in page.said()
    continue_(page)
    assert page.value("enrol", "family_name") == "Zz Example"
    page.save("enrol")
    assert "Saved at" in page.said()
    assert clinic.count(Draft) == 0


def test_a_draft_is_not_offered_to_a_colleague(clinic: Clinic) -> None:
    a_filled_session(clinic.open("record_session"))
    with saving(clinic.engine) as db:
        (draft,) = db.scalars(sa.select(Draft))
        draft.user_id = next(
            id_ for id_ in db.scalars(sa.select(UserAccount.id)) if id_ != draft.user_id
        )
    assert "Not saved yet" not in anew(clinic).said()

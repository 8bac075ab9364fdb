"""Do the pages store what patients say, follow open events, and show what changed?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis.outcome_history import OutcomeHistory, outcome_history
from registry.analysis.stored_entries import Stored, stored_events
from registry.database import reading
from registry.entry.assessments import RVCSS_ITEMS
from registry.entry.forms import EventEntry, FindingEntry
from registry.operations.migration import command_line_actor
from registry.schema import ChangeSet
from registry.vocabulary import (
    CeapClass,
    EventOutcome,
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    ReasonForChange,
    Role,
)
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import DAY, HOSTILE, TODAY, Clinic, Page
from tests.factories import a_limb_assessment, a_reported_outcome, an_event, saving

LEFT, RIGHT = Laterality


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def history(clinic: Clinic) -> OutcomeHistory:
    by: Actor = command_line_actor(clinic.engine)
    return outcome_history(clinic.engine, by, clinic.clinic, clinic.patient)


def given(clinic: Clinic, day: dt.date, **scores: int) -> None:
    with saving(clinic.engine) as db:
        for code, score in scores.items():
            a_reported_outcome(
                db, clinic.clinic, clinic.patient, answered_on=day, item_code=code,
                score=Decimal(score),
            )  # fmt: skip


def an_open_event(clinic: Clinic, **values: Any) -> UUID:
    with saving(clinic.engine) as db:
        event = {
            "treatment_session_id": clinic.last,
            "event_term_code": "superficial_thrombophlebitis",
            "onset_on": TODAY - 20 * DAY,
            "reported_on": TODAY - 19 * DAY,
        }
        return an_event(db, clinic.clinic, clinic.patient, **(event | values))


def stored_event(clinic: Clinic) -> Stored[EventEntry]:
    with reading(clinic.engine) as db:
        (stored,) = stored_events(db, clinic.clinic)
        return stored


def whole_leg(side: Laterality, score: int) -> dict[str, int]:
    return {f"leg__{side.value}__{name}": score for name in RVCSS_ITEMS}


# --- symptoms and severity, on their own page ---------------------------------------------------


def test_answers_and_legs_are_stored_and_said_back(clinic: Clinic) -> None:
    page = clinic.open("patient_outcomes")
    page.fill("outcomes", said__symptom_heaviness=6, said__satisfaction=3, legs=[LEFT])
    page.fill("outcomes", leg__left__ceap=CeapClass.C2R, **whole_leg(LEFT, 1)).save("outcomes")
    (answers,), (leg,) = history(clinic).answers, history(clinic).legs
    assert answers.scores == {"symptom_heaviness": 6, "satisfaction": 3}
    assert (leg.side, leg.ceap, leg.total) == (LEFT, CeapClass.C2R, 10)
    said = page.said()
    assert "Heaviness: 6 of 10" in said
    assert "Satisfaction with the result: Satisfied" in said
    assert "Left leg: C2r: recurrent varicose veins; severity score 10 of 30" in said


def test_blank_is_not_asked_and_nothing_is_not_saved(clinic: Clinic) -> None:
    page = clinic.open("patient_outcomes").save("outcomes")
    assert "Answer a question or assess a leg first." in page.said()
    page.fill("outcomes", said__symptom_itching=0).save("outcomes")
    assert history(clinic).answers[0].scores == {"symptom_itching": 0}


def test_a_leg_that_is_not_fully_assessed_has_no_score(clinic: Clinic) -> None:
    page = clinic.open("patient_outcomes").fill("outcomes", legs=[RIGHT])
    page.fill("outcomes", leg__right__pain=2)
    assert "1 of 10 items assessed, so no score" in page.said()
    page.save("outcomes")
    assert history(clinic).legs[0].items == {"pain": 2}


def test_before_treatment_nobody_is_asked_about_the_result(clinic: Clinic) -> None:
    page = clinic.open("patient_outcomes")
    pills = {widget.key for widget in page.app.pills}
    assert page.key("outcomes", "said.satisfaction") in pills
    page.fill("outcomes", on=TODAY - 29 * DAY)
    pills = {widget.key for widget in page.app.pills}
    assert page.key("outcomes", "said.satisfaction") not in pills
    assert page.key("outcomes", "said.symptom_aching") in pills


def test_what_changed_is_said_with_its_meaning(clinic: Clinic) -> None:
    given(clinic, TODAY - 40 * DAY, symptom_heaviness=6, symptom_aching=2, symptom_itching=1)
    given(clinic, TODAY, symptom_heaviness=2, symptom_aching=5, symptom_itching=1)
    with saving(clinic.engine) as db:
        for day, score in ((TODAY - 30 * DAY, 2), (TODAY, 1)):
            a_limb_assessment(
                db, clinic.clinic, clinic.patient, assessed_on=day,
                **dict.fromkeys(RVCSS_ITEMS, score),
            )  # fmt: skip
    said = clinic.open("patient_outcomes").said()
    assert "Less heaviness: 6 to 2 of 10" in said
    assert "More aching: 2 to 5 of 10" in said
    assert "Itching unchanged: 1 of 10" in said
    assert "Left leg less severe: score 20 to 10 of 30" in said


def test_a_day_is_corrected_with_a_reason(clinic: Clinic) -> None:
    given(clinic, TODAY - DAY, symptom_heaviness=6, symptom_aching=2)
    with saving(clinic.engine) as db:
        a_limb_assessment(db, clinic.clinic, clinic.patient, assessed_on=TODAY - DAY, pain=1)
    page = clinic.open("patient_outcomes").fill("outcomes", which=TODAY - DAY)
    assert page.value("outcomes", "said.symptom_heaviness") == 6
    assert page.value("outcomes", "leg.left.pain") == 1
    page.fill("outcomes", said__symptom_heaviness=5, said__symptom_aching=None, leg__left__pain=3)
    page.save("outcomes")
    assert "Why is it changed?" in page.said()
    page.fill("outcomes", reason=ReasonForChange.TYPING_ERROR).save("outcomes")
    (answers,), (leg,) = history(clinic).answers, history(clinic).legs
    assert answers.scores == {"symptom_heaviness": 5}
    assert (leg.items, leg.ceap) == ({"pain": 3}, CeapClass.C1)
    assert "Saved at" in page.said()


def test_the_same_question_twice_on_a_day_is_said_beside_it(clinic: Clinic) -> None:
    given(clinic, TODAY, symptom_heaviness=6)
    page = clinic.open("patient_outcomes").fill("outcomes", on=TODAY, said__symptom_heaviness=4)
    assert "Already answered on that day" in page.said()
    page.save("outcomes")
    assert history(clinic).answers[0].scores == {"symptom_heaviness": 6}
    assert page.value("outcomes", "said.symptom_heaviness") == 4


# --- within a follow-up -------------------------------------------------------------------------


def test_a_follow_up_stores_what_the_patient_says_with_the_visit(clinic: Clinic) -> None:
    page = clinic.open("record_follow_up")
    page.fill("follow_up", said__symptom_heaviness=1, legs=[RIGHT])
    page.fill("follow_up", **whole_leg(RIGHT, 0)).save("follow_up")
    (visit,) = clinic.stored()[2]
    (answers,), (leg,) = history(clinic).answers, history(clinic).legs
    assert (answers.follow_up_id, answers.scores) == (visit.id, {"symptom_heaviness": 1})
    assert (leg.assessed_on, leg.total) == (visit.seen_on, 0)


def test_the_standard_follow_up_asks_nothing_more(clinic: Clinic) -> None:
    clinic.open("record_follow_up").save("follow_up")
    assert len(clinic.stored()[2]) == 1
    assert history(clinic) == OutcomeHistory()


def test_the_questions_are_folded_until_the_clinician_has_used_them(clinic: Clinic) -> None:
    def is_open(page: Page) -> bool:
        (found,) = [e for e in page.app.expander if e.label.startswith("What the patient says")]
        return bool(found.proto.expanded)

    assert not is_open(clinic.open("record_follow_up"))
    clinic.open("patient_outcomes").fill("outcomes", said__symptom_aching=1).save("outcomes")
    assert is_open(clinic.open("record_follow_up"))


def test_nobody_is_asked_at_a_visit_that_did_not_take_place(clinic: Clinic) -> None:
    page = clinic.open("record_follow_up").fill("follow_up", said__symptom_heaviness=1)
    page.fill("follow_up", status=FollowUpStatus.MISSED)
    page.fill("follow_up", due_on=TODAY).save("follow_up")
    assert clinic.stored()[2][0].status is FollowUpStatus.MISSED
    assert history(clinic) == OutcomeHistory()


def test_an_open_event_is_resolved_in_the_same_save(clinic: Clinic) -> None:
    event = an_open_event(clinic)
    page = clinic.open("record_follow_up")
    assert "Superficial vein thrombosis or phlebitis, since" in page.said()
    page.fill("follow_up", **{f"open.{event}": "gone"})
    page.fill("follow_up", **{f"open.{event}.resolved_on": TODAY - 3 * DAY}).save("follow_up")
    now = stored_event(clinic)
    assert (now.entry.event_outcome, now.entry.resolved_on, now.version) == (
        EventOutcome.RECOVERED, TODAY - 3 * DAY, 2
    )  # fmt: skip
    assert len(clinic.stored()[2]) == 1
    with reading(clinic.engine) as db:
        (change,) = db.query(ChangeSet).filter_by(action="amend_adverse_event")
        assert change.reason == ReasonForChange.NEW_INFORMATION
    assert (
        "Superficial vein thrombosis or phlebitis, since"
        not in clinic.open("record_follow_up").said()
    )


def test_an_event_that_is_still_there_is_present_in_the_list(clinic: Clinic) -> None:
    event = an_open_event(clinic)
    page = clinic.open("record_follow_up").fill("follow_up", checklist=("early_14d", 1))
    page.fill("follow_up", **{f"open.{event}": "still"})
    page.fill("follow_up", item__superficial_thrombophlebitis="absent").save("follow_up")
    assert "marked as absent in the list below" in page.said()
    assert (clinic.stored()[2], stored_event(clinic).version) == ([], 1)
    page.fill("follow_up", item__superficial_thrombophlebitis="present").save("follow_up")
    (visit,), now = clinic.stored()[2], stored_event(clinic).entry
    assert (now.event_outcome, now.resolved_on) == (EventOutcome.NOT_RECOVERED, None)
    assert [f for f in visit.findings if f.state is FindingState.PRESENT] == [
        FindingEntry(
            event_term_code="superficial_thrombophlebitis",
            state=FindingState.PRESENT,
            adverse_event_id=event,
        )
    ]


def test_an_event_nobody_asked_about_stays_as_it_was(clinic: Clinic) -> None:
    an_open_event(clinic)
    clinic.open("record_follow_up").save("follow_up")
    assert stored_event(clinic).version == 1
    assert len(clinic.stored()[2]) == 1


def test_gone_before_it_began_is_said_beside_the_day(clinic: Clinic) -> None:
    event = an_open_event(clinic)
    page = clinic.open("record_follow_up").fill("follow_up", **{f"open.{event}": "gone"})
    page.fill("follow_up", **{f"open.{event}.resolved_on": TODAY - 25 * DAY}).save("follow_up")
    assert "Resolved before it began." in page.said()
    assert not clinic.stored()[2]
    assert stored_event(clinic).version == 1


# --- bad input ----------------------------------------------------------------------------------

LONG = "x" * 10_000
RTL = "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
EMOJI = "\N{GRINNING FACE} \N{FAMILY}"


BAD_FOLLOW_UP: Final = [
    ("days_to_normal", "three", "Not a number."),
    ("days_to_normal", EMOJI, "Not a number."),
    ("days_to_normal", RTL, "Not a number."),
    ("days_to_normal", "3,5", "Write whole days."),
    ("days_to_normal", "2 weeks", "Not a number."),
    ("days_to_normal", "-1", "Must lie from 0 to 365 days."),
    ("days_to_normal", "366", "Must lie from 0 to 365 days."),
    ("days_to_normal", "1.234,5", "Not a number."),
    ("seen_on", TODAY + 30 * DAY, "The day lies in the future."),
    ("seen_on", TODAY - 40 * DAY, "The follow-up lies before the session"),
    ("site.left.thigh_lateral.score", "75 mL", "What did it show?"),
    ("site.left.thigh_lateral.score", "1e2", "Not a number."),
    ("site.left.thigh_lateral.score", EMOJI, "Not a number."),
    ("site.left.thigh_lateral.score", LONG, "Not a number."),
]
BAD_EVENT: Final = [
    ("onset_on", TODAY + 30 * DAY, "The day lies in the future."),
    ("onset_on", TODAY - 40 * DAY, "before the session"),
    ("reported_on", TODAY - 9 * DAY, "Reported before it began."),
    ("reported_on", TODAY + 30 * DAY, "The day lies in the future."),
]


def test_each_follow_up_field_refuses_in_words_and_keeps_the_rest(clinic: Clinic) -> None:
    page = clinic.open("record_follow_up")
    page.fill("follow_up", method=FollowUpMethod.CLINIC, note=HOSTILE, said__symptom_aching=2)
    for field, typed, said in BAD_FOLLOW_UP:
        usual = page.value("follow_up", field)
        page.fill("follow_up", **{field: typed}).save("follow_up")
        assert said in page.said(), (field, typed)
        assert "Not saved yet" in page.said()
        page.fill("follow_up", **{field: usual})
    assert not clinic.stored()[2]
    assert page.value("follow_up", "note") == HOSTILE
    assert page.value("follow_up", "said.symptom_aching") == 2
    page.save("follow_up")
    assert len(clinic.stored()[2]) == 1


def test_each_event_field_refuses_in_words_and_keeps_the_rest(clinic: Clinic) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="skin_necrosis", onset_on=TODAY - 8 * DAY, serious="no",
              treatment_session_id=clinic.last, narrative=HOSTILE)  # fmt: skip
    for field, typed, said in BAD_EVENT:
        usual = page.value("event", field)
        page.fill("event", **{field: typed}).save("event")
        assert said in page.said(), (field, typed)
        page.fill("event", **{field: usual})
    assert not clinic.stored()[1]
    assert page.value("event", "narrative") == HOSTILE


@pytest.mark.parametrize("text", [EMOJI + RTL + HOSTILE, "  \t "])
def test_free_text_is_stored_as_typed(clinic: Clinic, text: str) -> None:
    page = clinic.open("report_event")
    page.fill("event", event_term_code="haematoma", onset_on=TODAY, serious="no",
              narrative=text, treatment_given=text).save("event")  # fmt: skip
    (event,) = clinic.stored()[1]
    assert isinstance(event, EventEntry)
    assert event.narrative == event.treatment_given == (text.strip() or None)


def test_a_day_to_come_is_refused_beside_the_day(clinic: Clinic) -> None:
    page = clinic.open("patient_outcomes").fill("outcomes", said__symptom_heaviness=4)
    page.fill("outcomes", on=TODAY + 30 * DAY).save("outcomes")
    assert "The day lies in the future." in page.said()
    assert page.value("outcomes", "said.symptom_heaviness") == 4
    assert history(clinic) == OutcomeHistory()


# --- figures ------------------------------------------------------------------------------------


def figures(clinic: Clinic, role: Role = Role.PRACTICE_MANAGER) -> Page:
    return Page(
        clinic.app_as(role, clinic.engine, "views/reported_outcomes.py", clinic_id=clinic.clinic)
    )


def test_nothing_asked_is_said_to_all_who_read_rates(clinic: Clinic) -> None:
    said = figures(clinic, Role.AUDITOR).said()
    assert "Nobody was asked about it. Patients treated: 2." in said
    assert "No patient was asked about symptoms" in said


def test_the_figures_show_change_with_its_meaning(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        for days, heaviness in ((501, 6), (400, 2)):
            a_reported_outcome(
                db, clinic.clinic, clinic.other, answered_on=TODAY - days * DAY,
                score=Decimal(heaviness),
            )  # fmt: skip
        a_reported_outcome(
            db, clinic.clinic, clinic.other, answered_on=TODAY - 400 * DAY,
            item_code="satisfaction", score=Decimal(4),
        )  # fmt: skip
    page = figures(clinic)
    assert "1 of 1 who were asked were satisfied" in page.said()
    assert "not established for these questions" in page.said()
    cells = [str(cell) for table in page.app.table for cell in table.value.to_numpy().ravel()]
    assert {"Heaviness, 0 \\(best\\) to 10", "6 → 2"} <= set(cells)


def test_the_patients_page_shows_what_changed_and_leads_to_the_questions(clinic: Clinic) -> None:
    given(clinic, TODAY - 40 * DAY, symptom_heaviness=6)
    page = clinic.open("patient")
    assert "before treatment and now" not in page.said()
    given(clinic, TODAY, symptom_heaviness=2)
    page = clinic.open("patient")
    assert "Less heaviness: 6 to 2 of 10" in page.said()
    assert page.labelled("Symptoms and severity")

"""Are a patient's answers and the severity of a leg stored once a day, checked and corrected?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.database import reading
from registry.entry import assessments, recording
from registry.entry.assessments import RVCSS_ITEMS, LegAssessment, ReportedAnswers
from registry.entry.forms import FollowUpEntry, PatientEntry
from registry.entry.recording import Recorded
from registry.errors import Conflict, InvalidEntry, NotFound, PermissionDenied
from registry.schema import AuditRow, ChangeSet, LimbAssessment, PatientReportedOutcome
from registry.vocabulary import CeapClass, FollowUpStatus, Laterality, ReasonForChange, Role
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_follow_up,
    a_limb_assessment,
    a_patient,
    a_patient_link,
    a_reported_outcome,
    a_user,
    saving,
)

DAY = dt.timedelta(days=1)
SIX = {"symptom_heaviness": Decimal(6), "symptom_itching": Decimal(0)}
ALL_ONE = dict.fromkeys(RVCSS_ITEMS, 1)


class World:
    """A clinic with a clinician and a patient who was seen today."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.user = a_user(db)
            self.patient = a_patient(db, self.clinic, birth_year=1970)
            self.other = a_patient(db, self.clinic, pseudonym="P-0002")
            seen = {"status": FollowUpStatus.SEEN, "seen_on": TODAY}
            self.visit = a_follow_up(db, self.clinic, self.patient, **seen)
            self.visit_of_other = a_follow_up(db, self.clinic, self.other, **seen)
        self.by = self.actor(Role.CLINICIAN)

    def actor(self, role: Role) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, role),))

    def answers(self, **values: Any) -> ReportedAnswers:
        given = {"id": uuid4(), "patient_id": self.patient, "answered_on": TODAY, "scores": SIX}
        return ReportedAnswers(**(given | values))

    def leg(self, **values: Any) -> LegAssessment:
        given = {
            "id": uuid4(), "patient_id": self.patient, "side": Laterality.LEFT,
            "assessed_on": TODAY, "ceap": CeapClass.C2R, "items": ALL_ONE,
        }  # fmt: skip
        return LegAssessment(**(given | values))

    def record(self, entry: ReportedAnswers | LegAssessment, by: Actor | None = None) -> Recorded:
        use_case: Callable[..., Recorded] = (
            assessments.record_reported_outcomes
            if isinstance(entry, ReportedAnswers)
            else assessments.record_limb_assessment
        )
        return use_case(self.engine, by or self.by, self.clinic, entry, now=NOW)

    def amend_answers(
        self, opened: ReportedAnswers, entry: ReportedAnswers, **more: Any
    ) -> Recorded:
        options = {"reason": ReasonForChange.TYPING_ERROR, "request_key": uuid4(), "now": NOW}
        return assessments.amend_reported_outcomes(
            self.engine, self.by, self.clinic, entry, opened=opened, **(options | more)
        )

    def amend_leg(self, entry: LegAssessment, version: int, **more: Any) -> Recorded:
        options = {"reason": ReasonForChange.TYPING_ERROR, "request_key": uuid4(), "now": NOW}
        return assessments.amend_limb_assessment(
            self.engine, self.by, self.clinic, entry, version=version, **(options | more)
        )

    def refused(self, entry: ReportedAnswers | LegAssessment) -> set[tuple[str, str]]:
        with pytest.raises(InvalidEntry) as error:
            self.record(entry)
        return {(problem.field, problem.rule) for problem in error.value.problems}

    def scores(self, day: dt.date = TODAY) -> dict[str, Decimal]:
        with reading(self.engine) as db:
            rows = db.scalars(
                sa.select(PatientReportedOutcome).where(
                    PatientReportedOutcome.voided_at.is_(None),
                    PatientReportedOutcome.answered_on == day,
                )
            )
            return {row.item_code: row.score for row in rows}

    def count(self, model: type[Any]) -> int:
        with reading(self.engine) as db:
            return db.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_answers_of_a_day_are_one_audited_act(world: World) -> None:
    entry = world.answers(follow_up_id=world.visit)
    assert not world.record(entry).already
    assert world.scores() == SIX
    with reading(world.engine) as db:
        (act,) = db.scalars(
            sa.select(ChangeSet).where(ChangeSet.action == "record_reported_outcomes")
        )
        assert (act.actor_id, act.request_key) == (world.user, entry.id)
        written = db.scalar(sa.select(sa.func.count()).where(AuditRow.change_set_id == act.id))
        assert written == len(SIX)


@pytest.mark.parametrize("kind", ["answers", "leg"])
def test_sent_twice_it_is_stored_once(world: World, kind: str) -> None:
    entry = getattr(world, kind)()
    first, second = world.record(entry), world.record(entry)
    assert (second.already, second.at) == (True, first.at)
    stored = {PatientReportedOutcome: len(SIX), LimbAssessment: 0}
    if kind == "leg":
        stored = {PatientReportedOutcome: 0, LimbAssessment: 1}
    assert {model: world.count(model) for model in stored} == stored


def test_a_visit_of_another_patient_is_refused(world: World) -> None:
    entry = world.answers(follow_up_id=world.visit_of_other)
    assert world.refused(entry) == {("follow_up_id", "known_follow_up")}


def test_a_visit_under_the_other_pseudonym_of_the_person_is_theirs(world: World) -> None:
    with saving(world.engine) as db:
        a_patient_link(db, world.clinic, world.other, world.patient)
    assert not world.record(world.answers(follow_up_id=world.visit_of_other)).already
    # What was answered under one pseudonym was answered by the person.
    assert world.refused(world.answers(patient_id=world.other)) == {
        (code, "once_a_day") for code in SIX
    }


def test_nothing_is_said_twice_on_a_day(world: World) -> None:
    world.record(world.answers())
    world.record(world.leg())
    again = world.answers(scores={"symptom_itching": Decimal(1), "symptom_aching": Decimal(2)})
    assert world.refused(again) == {("symptom_itching", "once_a_day")}
    assert world.refused(world.leg()) == {("side", "once_a_day")}
    world.record(world.leg(side=Laterality.RIGHT))
    world.record(world.leg(assessed_on=TODAY - DAY))
    world.record(world.answers(answered_on=TODAY - DAY))
    assert world.count(LimbAssessment) == 3


def test_a_correction_changes_adds_and_withdraws_and_moves_the_day(world: World) -> None:
    opened = world.answers()
    world.record(opened)
    wanted = replace(
        opened,
        answered_on=TODAY - DAY,
        scores={"symptom_heaviness": Decimal(5), "symptom_aching": Decimal(1)},
    )
    key = uuid4()
    world.amend_answers(opened, wanted, request_key=key)
    assert world.scores(TODAY - DAY) == wanted.scores
    assert world.scores() == {}
    assert world.amend_answers(opened, wanted, request_key=key).already
    world.amend_answers(wanted, replace(wanted, scores={}))
    assert world.scores(TODAY - DAY) == {}
    # What was withdrawn can be answered anew.
    world.record(world.answers())
    assert world.scores() == SIX


def test_a_correction_cannot_move_onto_a_day_that_has_the_answer(world: World) -> None:
    opened = world.answers()
    world.record(opened)
    world.record(world.answers(answered_on=TODAY - DAY))
    with pytest.raises(InvalidEntry, match="Already answered"):
        world.amend_answers(opened, replace(opened, answered_on=TODAY - DAY))
    assert world.scores() == SIX


def test_a_correction_of_what_a_colleague_changed_stores_nothing(world: World) -> None:
    opened, leg = world.answers(), world.leg()
    world.record(opened)
    world.record(leg)
    world.amend_answers(opened, replace(opened, scores={"symptom_heaviness": Decimal(1)}))
    world.amend_leg(replace(leg, ceap=CeapClass.C3), 1)
    with pytest.raises(Conflict, match="opened it"):
        world.amend_answers(opened, replace(opened, scores={"symptom_heaviness": Decimal(9)}))
    with pytest.raises(Conflict, match="opened it"):
        world.amend_leg(replace(leg, ceap=CeapClass.C5), 1)
    assert world.scores() == {"symptom_heaviness": Decimal(1)}


def test_an_assessment_is_corrected_withdrawn_and_given_anew(world: World) -> None:
    leg = world.leg()
    world.record(leg)
    corrected = replace(leg, items=ALL_ONE | {"pain": 3}, side=Laterality.RIGHT)
    key = uuid4()
    assert world.amend_leg(corrected, 1, request_key=key).version == 2
    assert world.amend_leg(corrected, 1, request_key=key).already
    with reading(world.engine) as db:
        row = db.get_one(LimbAssessment, (world.clinic, leg.id))
        assert (row.pain, row.oedema, row.side, row.version) == (3, 1, Laterality.RIGHT, 2)
    world.amend_leg(replace(leg, ceap=None, items={}), 2)
    with pytest.raises(NotFound):
        world.amend_leg(corrected, 3)
    world.record(world.leg(side=Laterality.RIGHT))
    assert world.count(LimbAssessment) == 2


def test_a_withdrawn_visit_takes_its_answers_along_and_no_others(world: World) -> None:
    world.record(world.answers(follow_up_id=world.visit))
    world.record(world.answers(answered_on=TODAY - DAY))
    recording.void(
        world.engine, world.by, world.clinic, FollowUpEntry, world.visit, version=1,
        reason=ReasonForChange.WRONG_PATIENT, request_key=uuid4(), now=NOW,
    )  # fmt: skip
    assert (world.scores(), world.scores(TODAY - DAY)) == ({}, SIX)


def test_a_patient_with_answers_is_not_withdrawn(world: World) -> None:
    with saving(world.engine) as db:
        asked = a_patient(db, world.clinic, pseudonym="P-0003")
    world.record(world.answers(patient_id=asked))
    with pytest.raises(Conflict, match="answers of the patient: 2"):
        recording.void(
            world.engine, world.by, world.clinic, PatientEntry, asked, version=1,
            reason=ReasonForChange.DUPLICATE, request_key=uuid4(), now=NOW,
        )  # fmt: skip


def test_another_reason_needs_words(world: World) -> None:
    opened = world.answers()
    world.record(opened)
    with pytest.raises(InvalidEntry, match="few words"):
        world.amend_answers(opened, replace(opened, scores={}), reason=ReasonForChange.OTHER)
    assert world.scores() == SIX


def test_without_the_right_nothing_is_stored(world: World) -> None:
    for role in (Role.PRACTICE_MANAGER, Role.AUDITOR):
        for entry in (world.answers(), world.leg()):
            with pytest.raises(PermissionDenied):
                world.record(entry, world.actor(role))
    with pytest.raises(NotFound):
        world.record(world.answers(patient_id=uuid4()))
    assert not world.scores()


def test_the_database_itself_keeps_one_a_day(world: World) -> None:
    with saving(world.engine) as db:
        a_reported_outcome(db, world.clinic, world.patient)
        a_limb_assessment(db, world.clinic, world.patient)
        with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
            a_reported_outcome(db, world.clinic, world.patient)
        with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
            a_limb_assessment(db, world.clinic, world.patient)

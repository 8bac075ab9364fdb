"""Does the to-do list hold what a session still lacks, and nothing that is done or not due?"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.facts import facts_of
from registry.analysis.sign_off import SignOff, Step, StepState, sign_off
from registry.analysis.stored_entries import event_entry
from registry.analysis.to_do import ToDo, to_do
from registry.database import DbSession
from registry.entry.recording import amend
from registry.errors import PermissionDenied
from registry.vocabulary import EventOutcome, FollowUpStatus, Modality, ReasonForChange, Role
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_clinician,
    a_follow_up,
    a_lot,
    a_patient,
    a_patient_link,
    a_photograph,
    a_session,
    a_user,
    an_event,
    an_injection,
    saving,
)

DAY = dt.timedelta(days=1)
PLANNED: dict[str, Any] = {
    "status": FollowUpStatus.PLANNED, "seen_on": None, "method": None,
    "checklist_code": None, "checklist_version": None,
}  # fmt: skip


class World:
    """A clinic whose first clinician reads; sessions lack everything unless told otherwise."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.other_clinic = a_clinic(db, code="OTHER")
            self.user = a_user(db)
            a_clinician(db, self.clinic, 1, user_id=self.user)
            a_clinician(db, self.clinic, 2)
            self.patient = a_patient(db, self.clinic, pseudonym="P-0001")
        self.by = Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, Role.CLINICIAN),))

    def session(self, db: DbSession, *, days_ago: int = 100, **values: Any) -> UUID:
        patient: UUID = values.pop("patient", self.patient)
        values = {"clinician_id": 1} | values
        return a_session(db, self.clinic, patient, treated_on=TODAY - days_ago * DAY, **values)

    def of(self, session: UUID) -> SignOff:
        return sign_off(self.engine, self.by, self.clinic, self.patient, today=TODAY)[session]

    def state(self, session: UUID, step: Step) -> StepState:
        return self.of(session).steps[step].state

    def to_do(self, **options: Any) -> ToDo:
        return to_do(self.engine, self.by, self.clinic, today=TODAY, **options)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_a_bare_session_lacks_everything_that_was_due(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db)
    assert world.of(session).missing == (
        Step.CONSENT, Step.LOT, Step.FOLLOW_UP, Step.COMPLICATIONS
    )  # fmt: skip
    assert world.state(session, Step.PHOTOGRAPH) is StepState.NOT_NEEDED
    assert not world.of(session).is_complete


def test_a_session_is_complete_when_all_five_are_there(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db, consent_version="2026-1")
        an_injection(db, world.clinic, session, lot_id=a_lot(db, world.clinic))
        a_follow_up(db, world.clinic, world.patient, seen_on=TODAY - 44 * DAY)
        a_photograph(db, world.clinic, world.patient, taken_on=TODAY - 100 * DAY)
    assert world.of(session).is_complete
    assert set(world.of(session).steps) == set(Step)
    done = world.to_do()
    assert (done.sign_offs, done.sessions, done.complete) == ((), 1, 1)


def test_one_injection_without_its_lot_is_enough(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db)
        an_injection(db, world.clinic, session, lot_id=a_lot(db, world.clinic))
        an_injection(db, world.clinic, session, voided_at=NOW)
        laser = world.session(db, modality=Modality.ND_YAG_LASER)
    assert world.state(session, Step.LOT) is StepState.DONE
    assert world.state(laser, Step.LOT) is StepState.NOT_NEEDED
    with saving(world.engine) as db:
        an_injection(db, world.clinic, session)
    assert world.state(session, Step.LOT) is StepState.OPEN


def test_complications_are_due_when_the_planned_visit_was_or_at_the_latest_after_ten_weeks(
    world: World,
) -> None:
    with saving(world.engine) as db:
        recent = world.session(db, days_ago=69)
        other = a_patient(db, world.clinic)
        late = world.session(db, days_ago=71)
    assert world.of(recent).steps[Step.COMPLICATIONS].due_on == TODAY + DAY
    assert world.state(recent, Step.COMPLICATIONS) is StepState.NOT_DUE
    assert world.state(late, Step.COMPLICATIONS) is StepState.OPEN
    assert world.state(late, Step.FOLLOW_UP) is StepState.OPEN
    with saving(world.engine) as db:
        a_follow_up(db, world.clinic, other, due_on=TODAY, **PLANNED)
        plan = a_follow_up(
            db, world.clinic, world.patient, due_on=TODAY - 14 * DAY,
            visit_code="check_6_8w", **PLANNED,
        )  # fmt: skip
    standing = world.of(late).steps[Step.COMPLICATIONS]
    assert (standing.state, standing.due_on, standing.planned_id) == (
        StepState.NOT_DUE, TODAY - 14 * DAY, plan
    )  # fmt: skip
    assert world.state(late, Step.FOLLOW_UP) is StepState.DONE
    tomorrow = sign_off(
        world.engine, world.by, world.clinic, world.patient, today=TODAY + DAY
    )[late].steps[Step.COMPLICATIONS]  # fmt: skip
    assert (tomorrow.state, tomorrow.planned_id) == (StepState.OPEN, plan)


def test_a_visit_without_a_list_asked_nothing(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db)
        a_follow_up(
            db, world.clinic, world.patient, seen_on=TODAY - 50 * DAY,
            checklist_code=None, checklist_version=None,
        )  # fmt: skip
    assert world.state(session, Step.FOLLOW_UP) is StepState.DONE
    assert world.state(session, Step.COMPLICATIONS) is StepState.OPEN


@pytest.mark.parametrize("status", [FollowUpStatus.DECLINED, FollowUpStatus.MOVED])
def test_nothing_is_asked_of_who_does_not_come_back(world: World, status: FollowUpStatus) -> None:
    with saving(world.engine) as db:
        session = world.session(db)
        a_follow_up(
            db, world.clinic, world.patient, **PLANNED | {"status": status}, due_on=TODAY - 44 * DAY
        )
    assert world.state(session, Step.FOLLOW_UP) is StepState.NOT_NEEDED
    assert world.state(session, Step.COMPLICATIONS) is StepState.NOT_NEEDED


def test_a_visit_before_the_session_or_long_after_is_none_of_it(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db, days_ago=300)
        for day in (TODAY - 300 * DAY, TODAY - 71 * DAY):
            a_follow_up(db, world.clinic, world.patient, seen_on=day)
    assert world.state(session, Step.FOLLOW_UP) is StepState.OPEN
    with saving(world.engine) as db:
        a_follow_up(
            db, world.clinic, world.patient, seen_on=TODAY - 2 * DAY, treatment_session_id=session
        )
    assert world.state(session, Step.COMPLICATIONS) is StepState.DONE


def test_photographs_are_missed_only_where_any_are_taken(world: World) -> None:
    with saving(world.engine) as db:
        session = world.session(db)
        a_photograph(db, world.clinic, world.patient, taken_on=TODAY - 200 * DAY)
    assert world.state(session, Step.PHOTOGRAPH) is StepState.OPEN
    with saving(world.engine) as db:
        a_photograph(db, world.clinic, world.patient, taken_on=TODAY - 130 * DAY)
    assert world.state(session, Step.PHOTOGRAPH) is StepState.DONE


def test_what_was_recorded_under_the_other_pseudonym_counts(world: World) -> None:
    with saving(world.engine) as db:
        kept = a_patient(db, world.clinic, pseudonym="P-0002")
        session = world.session(db)
        a_follow_up(db, world.clinic, kept, seen_on=TODAY - 44 * DAY)
        a_patient_link(db, world.clinic, world.patient, kept)
    assert world.state(session, Step.COMPLICATIONS) is StepState.DONE
    assert sign_off(world.engine, world.by, world.clinic, kept, today=TODAY).keys() == {session}
    (listed,) = world.to_do().sign_offs
    assert listed.missing == (Step.CONSENT, Step.LOT)


def test_the_list_is_the_readers_own_of_the_last_half_year_newest_first(world: World) -> None:
    with saving(world.engine) as db:
        older, newer = world.session(db, days_ago=180), world.session(db, days_ago=1)
        foreign = world.session(db, days_ago=3, clinician_id=2)
        world.session(db, days_ago=181)
        world.session(db, days_ago=2, voided_at=NOW)
    assert [listed.session_id for listed in world.to_do().sign_offs] == [newer, older]
    everyone = world.to_do(own_only=False)
    assert [listed.session_id for listed in everyone.sign_offs] == [newer, foreign, older]
    few = world.to_do(own_only=False, limit=1)
    assert (len(few.sign_offs), few.open_sessions, few.sessions) == (1, 3, 3)


def test_an_open_event_is_listed_until_somebody_looks_at_it(world: World) -> None:
    reported = {"onset_on": TODAY - 60 * DAY, "reported_on": TODAY - 50 * DAY}
    with saving(world.engine) as db:
        session = world.session(db)
        foreign = world.session(db, clinician_id=2)
        other = a_patient(db, world.clinic, pseudonym="P-0009")
        a_session(db, world.clinic, other, clinician_id=2)
        open_one = an_event(
            db, world.clinic, world.patient, treatment_session_id=session, **reported
        )
        unattributed = an_event(db, world.clinic, world.patient, **reported)
        an_event(db, world.clinic, world.patient, treatment_session_id=foreign, **reported)
        an_event(db, world.clinic, other, **reported)
        an_event(db, world.clinic, world.patient, resolved_on=TODAY - 40 * DAY, **reported)
        an_event(
            db, world.clinic, world.patient, onset_on=TODAY - 40 * DAY,
            reported_on=TODAY - 30 * DAY,
        )  # fmt: skip
    assert {event.event_id for event in world.to_do().events} == {open_one, unattributed}
    assert len(world.to_do(own_only=False).events) == 4
    entry, version = event_entry(world.engine, world.by, world.clinic, open_one)
    amend(
        world.engine, world.by, world.clinic, entry, version=version,
        reason=ReasonForChange.NEW_INFORMATION, request_key=uuid4(), now=NOW,
    )  # fmt: skip
    assert entry.event_outcome is EventOutcome.UNKNOWN
    assert [event.event_id for event in world.to_do().events] == [unattributed]
    with saving(world.engine) as db:
        a_follow_up(db, world.clinic, world.patient, seen_on=TODAY - 29 * DAY)
    assert world.to_do().events == ()


def test_the_number_of_queries_does_not_grow_with_the_sessions(world: World) -> None:
    counts = []
    for _ in range(2):
        with saving(world.engine) as db:
            for days in range(10, 20):
                session = world.session(db, days_ago=days, patient=a_patient(db, world.clinic))
                an_injection(db, world.clinic, session)
        sent: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any, sent: list[str] = sent) -> None:
            sent.append(statement)

        facts_of(world.engine)
        sa_event.listen(world.engine, "before_cursor_execute", note)
        world.to_do()
        sa_event.remove(world.engine, "before_cursor_execute", note)
        counts.append(len([statement for statement in sent if "SELECT" in statement]))
    assert counts[0] == counts[1] <= 16


def test_only_who_may_see_records_reads_the_list(world: World) -> None:
    manager = Actor(world.user, "bo", "Bo", (Grant(world.clinic, Role.PRACTICE_MANAGER),))
    for clinic, by in ((world.clinic, manager), (world.other_clinic, world.by)):
        with pytest.raises(PermissionDenied):
            to_do(world.engine, by, clinic, today=TODAY)
        with pytest.raises(PermissionDenied):
            sign_off(world.engine, by, clinic, world.patient, today=TODAY)


def test_what_is_counted_for_many_is_what_each_session_shows(engine: Engine) -> None:
    """Random visits, lots, photographs and links; the counts are those of the sessions alone."""
    world, rng = World(engine), random.Random(7)  # noqa: S311 - the same clinic each time
    not_asked = {"checklist_code": None, "checklist_version": None}
    with saving(engine) as db:
        lot = a_lot(db, world.clinic)
        people = [a_patient(db, world.clinic) for _ in range(30)]
        a_patient(db, world.clinic, died_on=TODAY - 20 * DAY)
        for duplicate, kept in zip(people[:4], people[4:8], strict=True):
            a_patient_link(db, world.clinic, duplicate, kept)
        for patient in people:
            for _ in range(rng.randint(1, 3)):
                ago = rng.randint(0, 150)
                modality = rng.choice([*[Modality.SCLEROTHERAPY] * 3, Modality.ND_YAG_LASER])
                consent = rng.choice(["2026-1", "2026-1", None])
                session = world.session(
                    db, patient=patient, days_ago=ago, modality=modality, consent_version=consent
                )
                for named in rng.choices([lot, lot, lot, None], k=rng.randint(0, 2)):
                    an_injection(db, world.clinic, session, lot_id=named)
                for _ in range(rng.randint(0, 3)):
                    due = TODAY - (ago - rng.choice([14, 49, 80])) * DAY
                    seen = dict(rng.choice([{}, not_asked])) | {"seen_on": min(due, TODAY)}
                    status = rng.choice([*FollowUpStatus])
                    held = seen if status is FollowUpStatus.SEEN else PLANNED
                    a_follow_up(
                        db, world.clinic, patient,
                        **held | {"status": status, "due_on": due},
                        visit_code=rng.choice(["safety_2w", "check_6_8w", None]),
                        treatment_session_id=rng.choice([session, None]),
                    )  # fmt: skip
                if rng.random() < 0.6:
                    taken = TODAY - (ago - rng.randint(-60, 120)) * DAY
                    a_photograph(db, world.clinic, patient, taken_on=min(taken, TODAY))
    alone: dict[UUID, SignOff] = {}
    for patient in people:
        alone |= sign_off(engine, world.by, world.clinic, patient, today=TODAY)
    found = world.to_do(limit=500)
    assert found.sessions == len(alone)
    assert found.complete == sum(one.is_complete for one in alone.values()) > 0
    assert {one.session_id: one for one in found.sign_offs} == {
        key: one for key, one in alone.items() if one.missing
    }
    assert found.open_sessions == len(found.sign_offs) > found.complete
    assert world.to_do(limit=3).sign_offs == found.sign_offs[:3]

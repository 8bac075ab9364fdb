"""Are two records of one person read and counted as one, and apart again when that is undone?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.facts import facts_of
from registry.analysis.treated_sites import site_histories
from registry.database import reading
from registry.entry.forms import EventEntry, PatientEntry, SessionEntry
from registry.entry.known import known_about
from registry.entry.patient_links import link_patients, unlink_patients
from registry.entry.recording import Recorded, problems_of, void
from registry.entry.same_person import linked_ids
from registry.errors import Conflict, InvalidEntry, NotFound, PermissionDenied
from registry.schema import ChangeSet, PatientIdentity, PatientLink
from registry.vocabulary import ReasonForChange, Role
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_follow_up,
    a_patient,
    a_patient_link,
    a_session,
    a_site,
    a_user,
    an_event,
    an_identity,
    an_injection,
    an_outcome,
    saving,
)

DAY = dt.timedelta(days=1)


class World:
    """A clinic with three patients; the actor may link them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.other_clinic = a_clinic(db, code="OTHER")
            self.user = a_user(db)
            self.a, self.b, self.c = (
                a_patient(db, self.clinic, pseudonym=f"P-000{number}") for number in (1, 2, 3)
            )
            self.foreigner = a_patient(db, self.other_clinic)
            an_identity(db, self.clinic, self.a, family_name="Berg")
            an_identity(db, self.clinic, self.b, family_name="Berk")
        self.by = Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, Role.CLINICIAN),))

    def link(
        self, duplicate: UUID, kept: UUID, key: UUID | None = None, by: Actor | None = None,
        reason: str = "Same passport",
    ) -> Recorded:  # fmt: skip
        return link_patients(
            self.engine, by or self.by, self.clinic, duplicate_id=duplicate, kept_id=kept,
            reason=reason, request_key=key or uuid4(), now=NOW,
        )  # fmt: skip

    def unlink(self, duplicate: UUID, key: UUID | None = None) -> Recorded:
        return unlink_patients(
            self.engine, self.by, self.clinic, duplicate_id=duplicate, reason="A twin sister",
            request_key=key or uuid4(), now=NOW,
        )  # fmt: skip

    def linked(self, patient: UUID) -> tuple[UUID, ...]:
        with reading(self.engine) as db:
            return linked_ids(db, self.clinic, patient)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_linked_patients_are_found_from_either_and_stand_apart_again_when_undone(
    world: World,
) -> None:
    assert world.linked(world.a) == (world.a,)
    world.link(world.b, world.a)
    world.link(world.c, world.a)
    assert {world.linked(patient) for patient in (world.a, world.b, world.c)} == {
        world.linked(world.a)
    }
    assert world.linked(world.b)[0] == world.a
    assert set(world.linked(world.b)) == {world.a, world.b, world.c}
    world.unlink(world.b)
    assert world.linked(world.b) == (world.b,)
    assert world.linked(world.c) == (world.a, world.c)
    world.link(world.b, world.a)
    assert world.b in world.linked(world.a)


def test_both_identities_are_kept(world: World) -> None:
    world.link(world.b, world.a)
    with reading(world.engine) as db:
        assert set(db.scalars(sa.select(PatientIdentity.family_name))) == {"Berg", "Berk"}


def test_sending_a_request_again_stores_nothing(world: World) -> None:
    key, undo = uuid4(), uuid4()
    assert not world.link(world.b, world.a, key).already
    assert world.link(world.b, world.a, key).already
    assert not world.unlink(world.b, undo).already
    assert world.unlink(world.b, undo).already
    with reading(world.engine) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(PatientLink)) == 1


def test_links_make_no_chain_and_no_circle(world: World) -> None:
    world.link(world.b, world.a)
    with pytest.raises(Conflict, match="linked already"):
        world.link(world.b, world.a)
    with pytest.raises(Conflict, match="linked already"):
        world.link(world.a, world.b)
    with pytest.raises(Conflict, match="P-0002 is already linked"):
        world.link(world.c, world.b)
    with pytest.raises(Conflict, match="P-0002 is already linked"):
        world.link(world.b, world.c)
    with pytest.raises(Conflict, match="P-0001 is kept for another"):
        world.link(world.a, world.c)
    with pytest.raises(Conflict, match="itself"):
        world.link(world.c, world.c)
    assert world.linked(world.c) == (world.c,)


def test_the_reason_is_asked_and_stands_in_the_audit_trail(world: World) -> None:
    with pytest.raises(InvalidEntry):
        world.link(world.b, world.a, reason=" - ")
    world.link(world.b, world.a, reason="Same passport,\nsame address")
    with reading(world.engine) as db:
        cause = db.scalars(sa.select(ChangeSet).where(ChangeSet.action == "link_patients")).one()
        assert cause.reason_text == "Same passport, same address"
        assert cause.actor_id == world.user


def test_a_patient_of_another_clinic_or_a_voided_one_is_no_patient_here(world: World) -> None:
    with saving(world.engine) as db:
        voided = a_patient(db, world.clinic, voided_at=NOW)
    for stranger in (world.foreigner, voided, uuid4()):
        with pytest.raises(NotFound):
            world.link(stranger, world.a)
        with pytest.raises(NotFound):
            world.link(world.a, stranger)
    with pytest.raises(NotFound):
        world.unlink(world.a)


@pytest.mark.parametrize("role", [Role.DATA_MANAGER, Role.PRACTICE_MANAGER, Role.AUDITOR])
def test_linking_needs_the_right_to_amend_and_to_see_identity(world: World, role: Role) -> None:
    by = Actor(world.user, "bo", "Bo", (Grant(world.clinic, role),))
    with pytest.raises(PermissionDenied):
        world.link(world.b, world.a, by=by)
    both = Actor(
        world.user, "bo", "Bo", (Grant(world.clinic, Role.DATA_MANAGER, see_identity=True),)
    )
    world.link(world.b, world.a, by=both)


def patients_counted(world: World) -> int | None:
    report = complications(
        world.engine, world.by, CohortFilter(), event="skin_necrosis", today=TODAY + 400 * DAY
    )
    return report.total.patients


def test_figures_count_linked_patients_once_and_twice_again_when_undone(world: World) -> None:
    with saving(world.engine) as db:
        for patient in (world.a, world.b, world.c):
            session = a_session(db, world.clinic, patient)
            an_event(db, world.clinic, patient, treatment_session_id=session)
            a_follow_up(db, world.clinic, patient)
    assert patients_counted(world) == 3
    world.link(world.b, world.a)
    assert patients_counted(world) == 2
    world.unlink(world.b)
    assert patients_counted(world) == 3


def test_a_site_keeps_its_identity_across_linked_patients(world: World) -> None:
    with saving(world.engine) as db:
        first = a_session(db, world.clinic, world.b, treated_on=TODAY - 400 * DAY)
        a_site(db, world.clinic, world.b, first)
        seen = a_follow_up(db, world.clinic, world.a, seen_on=TODAY - 300 * DAY)
        an_outcome(db, world.clinic, world.a, seen)
    facts = facts_of(world.engine)
    assert site_histories(facts).success_day.tolist() == [-1]
    world.link(world.b, world.a)
    facts = facts_of(world.engine)
    assert (site_histories(facts).success_day >= 0).tolist() == [True]


def test_a_death_noted_for_either_is_the_death_of_the_person(world: World) -> None:
    with saving(world.engine) as db:
        dead = a_patient(db, world.clinic, died_on=TODAY)
        a_session(db, world.clinic, world.a, treated_on=TODAY - DAY)
        a_patient_link(db, world.clinic, dead, world.a)
    facts = facts_of(world.engine)
    (code,) = facts.sessions["patient"].tolist()
    assert list(facts.deaths) == [code]


def test_the_checks_see_what_was_recorded_under_either(world: World) -> None:
    world.link(world.b, world.a)
    with saving(world.engine) as db:
        session = a_session(db, world.clinic, world.b, treated_on=TODAY)
        an_injection(db, world.clinic, session)
    event = EventEntry(
        id=uuid4(),
        patient_id=world.a,
        event_term_code="skin_necrosis",
        onset_on=TODAY,
        reported_on=TODAY,
        treatment_session_id=session,
    )
    assert problems_of(world.engine, world.by, world.clinic, event, now=NOW) == []
    entry = SessionEntry(id=uuid4(), patient_id=world.a, treated_on=TODAY)
    with reading(world.engine) as db:
        known = known_about(db, world.clinic, entry, NOW)
    assert [injection.liquid_ml for injection in known.same_day] == [Decimal(2)]


def test_a_linked_patient_is_not_voided_away_from_under_the_other(world: World) -> None:
    world.link(world.b, world.a)
    for patient in (world.a, world.b):
        with pytest.raises(Conflict, match="links with another patient: 1"):
            void(
                world.engine, world.by, world.clinic, PatientEntry, patient, version=1,
                reason=ReasonForChange.DUPLICATE, request_key=uuid4(), now=NOW,
            )  # fmt: skip

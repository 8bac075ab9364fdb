"""Are drafts kept, for their owner alone, and gone once the form was saved?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.database import reading
from registry.entry import drafts, recording
from registry.entry.draft_content import Content
from registry.entry.drafts import KEPT_FOR, LARGEST, DraftHead, DraftTooLarge
from registry.entry.forms import SessionEntry
from registry.errors import NotFound, PermissionDenied
from registry.schema import AuditRow, ChangeSet, Draft
from registry.vocabulary import Modality, ReasonForChange, Role
from tests.factories import NOW, TODAY, a_clinic, a_patient, a_user, saving

MINUTE = dt.timedelta(minutes=1)
TYPED = Content({"note": "half a sentence", "rows": [0]})


class World:
    """Two clinicians of one clinic, a patient, and drafts of the session form."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.elsewhere = a_clinic(db, code="OTHER")
            self.patient = a_patient(db, self.clinic, pseudonym="P-0007")
            self.ada, self.bob = (
                Actor(a_user(db, user_name=name), name, name, (Grant(self.clinic, Role.CLINICIAN),))
                for name in ("ada", "bob")
            )

    def head(self, **values: Any) -> DraftHead:
        given = {"id": uuid4(), "record_id": uuid4(), "form": "session", "patient_id": self.patient}
        return DraftHead(**(given | values))

    def keep(self, head: DraftHead, content: Content = TYPED, **more: Any) -> None:
        given = {"by": self.ada, "clinic_id": self.clinic, "now": NOW} | more
        drafts.keep_draft(self.engine, head=head, content=content, **given)

    def offered(self, by: Actor | None = None, now: dt.datetime = NOW) -> list[UUID]:
        found = drafts.drafts_of(self.engine, by or self.ada, self.clinic, "session", now=now)
        return [draft.id for draft in found]

    def count(self, model: type[Any]) -> int:
        with reading(self.engine) as db:
            return db.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_what_was_typed_last_is_what_comes_back(world: World) -> None:
    head = world.head(base_version=3)
    trail = world.count(ChangeSet), world.count(AuditRow)
    world.keep(head)
    world.keep(head, Content({"note": "a whole sentence"}), now=NOW + MINUTE)
    kept, content = drafts.open_draft(world.engine, world.ada, world.clinic, head.id, now=NOW)
    assert content.values == {"note": "a whole sentence"}
    assert (kept.pseudonym, kept.updated_at) == ("P-0007", NOW + MINUTE)
    assert (kept.record_id, kept.base_version) == (head.record_id, 3)
    assert world.count(Draft) == 1
    assert (world.count(ChangeSet), world.count(AuditRow)) == trail


def test_the_newest_draft_comes_first_and_only_those_of_the_form(world: World) -> None:
    older, newer, other = world.head(), world.head(patient_id=None), world.head(form="event")
    world.keep(older)
    world.keep(newer, now=NOW + MINUTE)
    world.keep(other)
    assert world.offered() == [newer.id, older.id]


def test_a_draft_is_nobody_elses(world: World) -> None:
    head = world.head()
    world.keep(head)
    assert world.offered(world.bob) == []
    with pytest.raises(NotFound):
        drafts.open_draft(world.engine, world.bob, world.clinic, head.id, now=NOW)
    world.keep(head, Content({"note": "not mine"}), by=world.bob)
    drafts.discard_draft(world.engine, world.bob, world.clinic, head.id)
    _, content = drafts.open_draft(world.engine, world.ada, world.clinic, head.id, now=NOW)
    assert content.values == TYPED.values


def test_drafts_need_the_right_that_saving_needs(world: World) -> None:
    corrector = replace(world.ada, grants=(Grant(world.clinic, Role.DATA_MANAGER),))
    reader = replace(world.ada, grants=(Grant(world.clinic, Role.PRACTICE_MANAGER),))
    head = world.head()
    with pytest.raises(PermissionDenied):
        world.keep(head, by=corrector)
    with pytest.raises(PermissionDenied):
        world.keep(head, clinic_id=world.elsewhere)
    world.keep(head)
    world.keep(correction := world.head(base_version=1), by=corrector)
    with pytest.raises(PermissionDenied):
        drafts.open_draft(world.engine, corrector, world.clinic, head.id, now=NOW)
    assert drafts.open_draft(world.engine, corrector, world.clinic, correction.id, now=NOW)
    for attempt in (
        lambda: drafts.drafts_of(world.engine, reader, world.clinic, "session", now=NOW),
        lambda: drafts.discard_draft(world.engine, reader, world.clinic, head.id),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


def test_a_draft_whose_record_was_saved_is_never_offered(world: World) -> None:
    new = world.head()
    world.keep(new)
    entry = SessionEntry(
        id=new.record_id, patient_id=world.patient, treated_on=TODAY, modality=Modality.ND_YAG_LASER
    )
    recording.record_session(world.engine, world.ada, world.clinic, entry, now=NOW)
    assert world.offered() == []
    with pytest.raises(NotFound):
        drafts.open_draft(world.engine, world.ada, world.clinic, new.id, now=NOW)

    correction = world.head(record_id=entry.id, base_version=1)
    world.keep(correction)
    assert world.offered() == [correction.id]
    recording.amend(
        world.engine, world.ada, world.clinic, replace(entry, pain=3), version=1, now=NOW,
        reason=ReasonForChange.TYPING_ERROR, request_key=correction.id,
    )  # fmt: skip
    world.keep(correction)  # another tab that does not know yet
    assert world.offered() == []
    assert drafts.discard_old_drafts(world.engine, now=NOW) == 2
    assert world.count(Draft) == 0


def test_a_draft_goes_when_it_is_given_up_or_forgotten(world: World) -> None:
    given_up, forgotten, fresh = world.head(), world.head(), world.head()
    late = NOW + KEPT_FOR
    world.keep(given_up)
    world.keep(forgotten)
    world.keep(fresh, now=late)
    drafts.discard_draft(world.engine, world.ada, world.clinic, given_up.id)
    assert world.offered() == [fresh.id, forgotten.id]
    assert world.offered(now=late) == [fresh.id]
    assert drafts.discard_old_drafts(world.engine, now=late) == 1
    assert world.count(Draft) == 1


def test_too_much_text_is_refused_and_the_draft_before_it_stays(world: World) -> None:
    head = world.head()
    world.keep(head)
    with pytest.raises(DraftTooLarge):
        world.keep(head, Content({"note": "x" * LARGEST}))
    _, content = drafts.open_draft(world.engine, world.ada, world.clinic, head.id, now=NOW)
    assert content.values == TYPED.values


def test_keeping_a_draft_is_one_statement(world: World) -> None:
    sent: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    head = world.head()
    sa.event.listen(world.engine, "before_cursor_execute", listen)
    world.keep(head)
    world.keep(head)
    sa.event.remove(world.engine, "before_cursor_execute", listen)
    written = [statement for statement in sent if not statement.startswith("BEGIN")]
    assert len(written) == 2
    assert all(statement.startswith("INSERT INTO draft") for statement in written)

"""Whatever statement fails, is a use case stored as a whole or not at all?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry import audit
from registry.database import DbSession
from registry.operations import migration
from registry.operations.audit_verification import verify
from registry.operations.baseline import table_digests
from tests.factories import a_clinic, one_of_each, saving


class Failure(Exception):
    """Raised in place of a statement."""


@contextmanager
def failing(engine: Engine, at: int) -> Iterator[list[int]]:
    """Let statement number ``at`` and no other fail; the list counts those that were begun."""
    begun = [0]

    def count(*_: object) -> None:
        begun[0] += 1
        if begun[0] == at:
            raise Failure

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield begun
    finally:
        event.remove(engine, "before_cursor_execute", count)


def state(engine: Engine) -> tuple[object, ...]:
    with DbSession(engine) as db:
        counts = [
            db.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (audit.CHANGE_SET, audit.AUDIT_ROW, audit.SEAL)
        ]
        return (*counts, table_digests(db.connection()))


def test_each_statement_may_fail_and_nothing_is_half_stored(engine: Engine) -> None:
    actor = migration.command_line_actor(engine)
    key = audit.request_key()
    before = state(engine)
    for at in range(1, 200):
        try:
            with failing(engine, at) as begun, saving(engine, by=actor, request_key=key) as db:
                one_of_each(db)
        except Failure:
            assert state(engine) == before, at
        else:
            break
    assert begun[0] == at - 1
    assert at > 20
    assert verify(engine).is_whole
    with pytest.raises(audit.AlreadyRecorded), saving(engine, by=actor, request_key=key):
        pass


def test_failing_commit_stores_nothing_and_the_same_request_may_be_sent_again(
    engine: Engine,
) -> None:
    before = state(engine)
    key = audit.request_key()

    def refuse(_connection: object) -> None:
        raise Failure

    event.listen(engine, "commit", refuse)
    with pytest.raises(Failure), saving(engine, request_key=key) as db:
        a_clinic(db)
    event.remove(engine, "commit", refuse)
    assert state(engine) == before
    with saving(engine, request_key=key) as db:
        a_clinic(db)
    assert verify(engine).is_whole

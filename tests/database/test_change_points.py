"""Is a change of a clinic's ways written down once, by whoever may, and withdrawn for a reason?"""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.periods import changes
from registry.database import reading
from registry.entry.change_points import ChangeEntry, record_change, void_change
from registry.errors import InvalidEntry, NotFound, PermissionDenied
from registry.schema import ChangeSet
from registry.vocabulary import Role
from tests.factories import NOW, a_clinic, a_user, saving

MARCH = dt.date(2026, 3, 1)
FOAM = ChangeEntry(MARCH, "CO₂ foam")


class Clinic:
    """A clinic with people of every role."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.id, self.user = a_clinic(db), a_user(db)

    def by(self, role: Role) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.id, role),))

    def record(
        self,
        change: ChangeEntry = FOAM,
        role: Role = Role.PRACTICE_MANAGER,
        request_key: UUID | None = None,
    ) -> UUID:
        key = request_key or uuid4()
        return record_change(self.engine, self.by(role), self.id, change, request_key=key, now=NOW)

    def void(self, change: UUID, reason: str, role: Role = Role.PRACTICE_MANAGER) -> None:
        void_change(
            self.engine, self.by(role), self.id, change, reason, request_key=uuid4(), now=NOW
        )

    def known(self) -> list[tuple[dt.date, str, bool]]:
        found = changes(self.engine, self.by(Role.CLINICIAN))
        return [(change.changed_on, change.what, change.begins_limits) for change in found]


@pytest.fixture
def clinic(engine: Engine) -> Clinic:
    return Clinic(engine)


def test_a_change_is_recorded_once_and_withdrawn_for_a_reason(clinic: Clinic) -> None:
    request = uuid4()
    change = clinic.record(request_key=request)
    assert clinic.record(request_key=request) == change
    note = ChangeEntry(dt.date(2026, 5, 1), "  New nurse ", begins_limits=False)
    clinic.record(note, role=Role.DATA_MANAGER)
    assert clinic.known() == [(note.changed_on, "New nurse", False), (MARCH, "CO₂ foam", True)]
    clinic.void(change, "It was April")
    assert [what for _, what, _ in clinic.known()] == ["New nurse"]
    with pytest.raises(NotFound):
        clinic.void(change, "Again")
    with reading(clinic.engine) as db:
        reasons = db.scalars(
            sa.select(ChangeSet.reason_text).where(ChangeSet.action == "void_change")
        ).all()
    assert reasons == ["It was April"]
    clinic.record()  # What was withdrawn can be recorded anew.


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.ADMINISTRATOR, Role.AUDITOR])
def test_others_may_not(clinic: Clinic, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        clinic.record(role=role)
    change = clinic.record()
    with pytest.raises(PermissionDenied):
        clinic.void(change, "No", role=role)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (ChangeEntry(MARCH, " - "), "what"),
        (ChangeEntry(MARCH, "a\nb"), "what"),
        (ChangeEntry(MARCH, "x" * 201), "what"),
        (ChangeEntry(dt.date(26, 3, 1), "CO₂ foam"), "changed_on"),
        (ChangeEntry(MARCH, "co₂ FOAM"), "what"),
    ],
)
def test_what_cannot_be_meant_is_refused(clinic: Clinic, change: ChangeEntry, field: str) -> None:
    first = clinic.record()
    with pytest.raises(InvalidEntry) as refused:
        clinic.record(change)
    assert [problem.field for problem in refused.value.problems] == [field]
    with pytest.raises(InvalidEntry):
        clinic.void(first, " ")
    assert len(clinic.known()) == 1

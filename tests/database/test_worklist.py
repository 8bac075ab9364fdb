"""Who is to be called, in which order, and who learns what of it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.call_lines import CallLine, Risk, Show, Silence, Timing
from registry.analysis.cohort import CohortFilter
from registry.analysis.overview import overview
from registry.analysis.worklist import Worklist, call_sheet, worklist, worklist_counts
from registry.database import DbSession, reading
from registry.entry.contact import ContactEntry, record_contact, void_contact
from registry.errors import Conflict, InvalidEntry, NotFound, PermissionDenied
from registry.schema import AccessLog, AuditRow, ChangeSet, ContactAttempt
from registry.vocabulary import (
    Causality,
    ContactMethod,
    ContactOutcome,
    EventOutcome,
    FollowUpStatus,
    ReasonForChange,
    Role,
    SclerosantForm,
    VesselClass,
)
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_contact_attempt,
    a_follow_up,
    a_patient,
    a_patient_link,
    a_session,
    a_site,
    a_user,
    an_event,
    an_identity,
    an_injection,
    saving,
)

DAY = dt.timedelta(days=1)
PLANNED: dict[str, Any] = {
    "status": FollowUpStatus.PLANNED, "seen_on": None, "method": None,
    "checklist_code": None, "checklist_version": None, "visit_code": "check_6_8w",
}  # fmt: skip
PHONE = ContactMethod.PHONE


class World:
    """A clinic with people of several roles; patients come with a planned visit."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.other_clinic = a_clinic(db, code="OTHER")
            self.user = a_user(db)
        self.by = self.as_role(Role.CLINICIAN)

    def as_role(self, role: Role, *, clinic: int | None = None, **rights: bool) -> Actor:
        grant = Grant(clinic or self.clinic, role, **rights)
        return Actor(self.user, "ada", "Ada Doe", (grant,))

    def planned(
        self, db: DbSession, pseudonym: str, *, due: int = -20, **values: Any
    ) -> tuple[UUID, UUID]:
        """Patient and visit due ``due`` days from today."""
        patient = a_patient(db, self.clinic, pseudonym=pseudonym)
        return patient, self.visit(db, patient, due=due, **values)

    def visit(self, db: DbSession, patient: UUID, *, due: int = -20, **values: Any) -> UUID:
        values = PLANNED | {"due_on": TODAY + due * DAY} | values
        return a_follow_up(db, self.clinic, patient, **values)

    def shown(self, show: Show = Show.TO_CALL, **options: Any) -> Worklist:
        return worklist(
            self.engine, self.by, self.clinic, today=TODAY, now=NOW, log=self.engine, show=show,
            **options,
        )  # fmt: skip

    def names(self, show: Show = Show.TO_CALL) -> list[str]:
        return [line.pseudonym for line in self.shown(show).lines]

    def line(self, show: Show = Show.TO_CALL) -> CallLine:
        [line] = self.shown(show).lines
        return line

    def log(self, visit: UUID, outcome: ContactOutcome, **values: Any) -> ContactEntry:
        entry = ContactEntry(
            **{
                "id": uuid4(), "follow_up_id": visit, "attempted_on": TODAY, "method": PHONE,
                "outcome": outcome,
            } | values
        )  # fmt: skip
        record_contact(self.engine, self.by, self.clinic, entry, now=NOW)
        return entry


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_a_visit_is_due_two_weeks_before_its_day_and_overdue_after_its_window(
    world: World,
) -> None:
    with saving(world.engine) as db:
        world.planned(db, "P-15", due=15)
        world.planned(db, "P-14", due=14)
        world.planned(db, "P-open", due=-14)
        world.planned(db, "P-late", due=-15)
        world.planned(db, "P-seen", status=FollowUpStatus.SEEN, seen_on=TODAY)
        world.planned(db, "P-void", voided_at=NOW)
        world.planned(db, "P-loose", due=-1, visit_code=None)
    assert world.names(Show.DUE) == ["P-open", "P-14"]
    assert world.names(Show.OVERDUE) == ["P-late", "P-loose"]
    assert [line.days_overdue for line in world.shown(Show.DUE).lines] == [14, -14]
    assert world.names(Show.TO_CALL) == ["P-late", "P-open", "P-loose", "P-14"]


def test_nobody_calls_the_dead(world: World) -> None:
    with saving(world.engine) as db:
        patient = a_patient(db, world.clinic, died_on=TODAY - DAY)
        world.visit(db, patient)
        a_session(db, world.clinic, patient, treated_on=TODAY - 30 * DAY)
    assert set(world.shown().counts.values()) == {0}
    seen = overview(world.engine, world.by, CohortFilter(), today=TODAY)
    assert [action.count for action in seen.actions if action.code == "overdue"] == []


def test_the_overview_counts_as_overdue_what_the_worklist_does(world: World) -> None:
    with saving(world.engine) as db:
        world.planned(db, "P-1")
        world.planned(db, "P-2", due=-200)
        world.planned(db, "P-3", due=-1, visit_code=None)
        world.planned(db, "P-4", due=3)
    [overdue] = [
        action.count
        for action in overview(world.engine, world.by, CohortFilter(), today=TODAY).actions
        if action.code == "overdue"
    ]
    report = worklist_counts(world.engine, world.by, CohortFilter(), today=TODAY)
    assert overdue == report.total(Show.OVERDUE) == world.shown().counts[Show.OVERDUE] == 3


def test_who_is_hurt_comes_first_and_then_who_has_waited_longest(world: World) -> None:
    with saving(world.engine) as db:
        world.planned(db, "none-longer", due=-40)
        world.planned(db, "none", due=-20)
        patient, _visit = world.planned(db, "complication")
        session = a_session(db, world.clinic, patient, treated_on=TODAY - 76 * DAY)
        over = {
            "event_outcome": EventOutcome.RECOVERED,
            "event_term_code": "telangiectatic_matting",
        }
        an_event(db, world.clinic, patient, treatment_session_id=session, **over)
        patient, _visit = world.planned(db, "unrelated", due=-30)
        session = a_session(db, world.clinic, patient, treated_on=TODAY - 76 * DAY)
        an_event(
            db, world.clinic, patient, treatment_session_id=session,
            causality=Causality.UNRELATED, **over,
        )  # fmt: skip
        patient = a_patient(db, world.clinic, pseudonym="foam")
        session = a_session(db, world.clinic, patient, treated_on=TODAY - 76 * DAY)
        site = a_site(db, world.clinic, patient, session, vessel_class=VesselClass.TRUNCAL)
        an_injection(db, world.clinic, session, treated_site_id=site, form=SclerosantForm.FOAM)
        world.visit(db, patient, treatment_session_id=session)
        patient, _visit = world.planned(db, "serious")
        an_event(
            db, world.clinic, patient, criterion_hospitalisation=True,
            resolved_on=TODAY + 30 * DAY, **over,
        )  # fmt: skip
        patient, _visit = world.planned(db, "open")
        an_event(db, world.clinic, patient, event_term_code="telangiectatic_matting")
        patient, _visit = world.planned(db, "open-serious", due=5)
        an_event(db, world.clinic, patient, criterion_hospitalisation=True)
    shown = [(line.pseudonym, line.risk) for line in world.shown().lines]
    assert shown == [
        ("open-serious", Risk.OPEN_SERIOUS),
        ("open", Risk.OPEN_EVENT),
        ("serious", Risk.SERIOUS_BEFORE),
        ("foam", Risk.TRUNCAL_FOAM),
        ("complication", Risk.COMPLICATION_BEFORE),
        ("none-longer", Risk.NONE),
        ("unrelated", Risk.NONE),
        ("none", Risk.NONE),
    ]


def test_three_attempts_in_a_row_make_a_patient_unreachable_until_one_succeeds(
    world: World,
) -> None:
    with saving(world.engine) as db:
        _patient, visit = world.planned(db, "P-1")
    for outcome in (ContactOutcome.NO_ANSWER, ContactOutcome.MESSAGE_LEFT):
        world.log(visit, outcome, attempted_on=TODAY - 2 * DAY)
    assert world.line().silence is None
    world.log(visit, ContactOutcome.NO_ANSWER, attempted_on=TODAY - DAY)
    assert world.names() == []
    assert world.line(Show.UNREACHABLE).silence is Silence.NOT_REACHED
    assert world.names(Show.OVERDUE) == ["P-1"]
    world.log(visit, ContactOutcome.REACHED)
    line = world.line()
    assert (line.silence, len(line.attempts)) == (None, 4)
    assert line.attempts[0].outcome is ContactOutcome.REACHED


def test_a_wrong_number_is_enough_until_another_way_is_found(world: World) -> None:
    with saving(world.engine) as db:
        _patient, visit = world.planned(db, "P-1", due=10)
    world.log(visit, ContactOutcome.WRONG_CONTACT, attempted_on=TODAY - DAY)
    assert world.line(Show.UNREACHABLE).silence is Silence.WRONG_CONTACT
    world.log(visit, ContactOutcome.APPOINTMENT_MADE, method=ContactMethod.EMAIL)
    assert world.line().silence is None


@pytest.mark.parametrize(("due", "is_lost"), [(-104, False), (-105, True)])
def test_who_is_not_heard_of_for_90_days_after_the_window_is_lost(
    world: World, due: int, is_lost: bool
) -> None:
    with saving(world.engine) as db:
        world.planned(db, "P-1", due=due)
    assert world.names(Show.UNREACHABLE) == ["P-1"] * is_lost


def test_whoever_was_seen_meanwhile_under_any_pseudonym_is_not_lost(world: World) -> None:
    with saving(world.engine) as db:
        patient, _visit = world.planned(db, "P-1", due=-300)
        other = a_patient(db, world.clinic, pseudonym="P-2")
        a_patient_link(db, world.clinic, other, patient)
        a_follow_up(db, world.clinic, other, seen_on=TODAY - 90 * DAY)
        world.planned(db, "P-3", due=-300)
    assert world.names(Show.UNREACHABLE) == ["P-3"]
    assert world.names(Show.TO_CALL) == ["P-1"]


def test_a_session_whose_visit_was_never_planned_is_listed_once_for_a_patient(
    world: World,
) -> None:
    with saving(world.engine) as db:
        patient = a_patient(db, world.clinic, pseudonym="P-1")
        a_session(db, world.clinic, patient, treated_on=TODAY - 90 * DAY)
        newest = a_session(db, world.clinic, patient, treated_on=TODAY - 60 * DAY)
        for pseudonym, days in (("P-old", 229), ("P-today", 0)):
            other = a_patient(db, world.clinic, pseudonym=pseudonym)
            a_session(db, world.clinic, other, treated_on=TODAY - days * DAY)
        booked, _visit = world.planned(db, "P-booked", due=30)
        a_session(db, world.clinic, booked, treated_on=TODAY - 20 * DAY)
        gone, _visit = world.planned(db, "P-gone", due=-10, status=FollowUpStatus.DECLINED)
        a_session(db, world.clinic, gone, treated_on=TODAY - 66 * DAY)
    line = world.line(Show.NOT_PLANNED)
    assert (line.pseudonym, line.timing, line.days_overdue) == ("P-1", Timing.NOT_PLANNED, 4)
    assert line.session is not None
    assert line.session.session_id == newest
    assert world.names(Show.TO_CALL) == []


def test_a_page_of_the_list_follows_on_the_one_before(world: World) -> None:
    with saving(world.engine) as db:
        for i in range(5):
            world.planned(db, f"P-{i}", due=-30 + i)
    first, second = world.shown(length=3), world.shown(first=3, length=3)
    assert [line.pseudonym for line in (*first.lines, *second.lines)] == [
        f"P-{i}" for i in range(5)
    ]
    assert first.counts[Show.TO_CALL] == 5


def test_counts_are_for_everybody_and_records_are_not(world: World) -> None:
    with saving(world.engine) as db:
        world.planned(db, "P-1")
        world.planned(db, "P-2", due=3, visit_code="safety_2w")
        patient = a_patient(db, world.other_clinic)
        a_session(db, world.other_clinic, patient, treated_on=TODAY - 60 * DAY)
    manager = world.as_role(Role.PRACTICE_MANAGER)
    report = worklist_counts(world.engine, manager, CohortFilter(), today=TODAY)
    counted = [(row.code, row.due, row.overdue, row.unreachable) for row in report.rows]
    assert counted == [("safety_2w", 1, 0, 0), ("check_6_8w", 0, 1, 0)]
    assert report.not_planned == 0
    assert [report.total(show) for show in Show] == [2, 1, 1, 0, 0]
    assert [row["code"] for row in report.to_rows()] == ["safety_2w", "check_6_8w", "not_planned"]
    assert "P-1" not in str(report.to_dict())
    asked = {"today": TODAY, "now": NOW, "log": world.engine}
    with pytest.raises(PermissionDenied):
        worklist(world.engine, manager, world.clinic, **asked)
    seeing = world.as_role(Role.AUDITOR)
    with pytest.raises(PermissionDenied):
        call_sheet(world.engine, seeing, world.clinic, **asked)
    with pytest.raises(PermissionDenied):
        worklist(world.engine, world.by, world.other_clinic, **asked)


def logged(engine: Engine) -> list[tuple[str, int | None, str | None]]:
    with reading(engine) as db:
        rows = db.execute(
            sa.select(AccessLog.action, AccessLog.row_count, AccessLog.detail).order_by(
                AccessLog.id
            )
        )
        return [tuple(row) for row in rows]


def test_names_are_on_the_call_sheet_only_and_each_reading_is_logged(world: World) -> None:
    with saving(world.engine) as db:
        patient, _visit = world.planned(db, "P-1")
        an_identity(db, world.clinic, patient)
        world.planned(db, "P-2", due=1)
    assert "Zzcanary" not in repr(world.shown())
    named = world.as_role(Role.PRACTICE_MANAGER, see_identity=True)
    sheet = call_sheet(world.engine, named, world.clinic, today=TODAY, now=NOW, log=world.engine)
    assert [(line.family_name, line.hospital_number) for line in sheet.lines] == [
        ("Zzcanary", "H-4711"), (None, None),
    ]  # fmt: skip
    assert logged(world.engine) == [
        ("list_records", 2, "worklist: to_call"),
        ("list_identified", 2, "call sheet: to_call"),
    ]


def test_an_attempt_is_stored_once_and_audited(world: World) -> None:
    with saving(world.engine) as db:
        patient, visit = world.planned(db, "P-1")
    entry = world.log(visit, ContactOutcome.NO_ANSWER, note=" rang long ")
    again = record_contact(world.engine, world.by, world.clinic, entry, now=NOW + DAY)
    assert (again.already, again.id) == (True, entry.id)
    with reading(world.engine) as db:
        [stored] = db.execute(sa.select(ContactAttempt.patient_id, ContactAttempt.note)).all()
        actions = db.scalars(
            sa.select(ChangeSet.action)
            .join(AuditRow, AuditRow.change_set_id == ChangeSet.id)
            .where(AuditRow.table_name == "contact_attempt")
        ).all()
    assert tuple(stored) == (patient, "rang long")
    assert actions == ["record_contact"]


def test_a_practice_manager_may_log_a_call_but_not_withdraw_it(world: World) -> None:
    with saving(world.engine) as db:
        patient, visit = world.planned(db, "P-1")
        attempt = a_contact_attempt(db, world.clinic, patient, visit)
    manager = world.as_role(Role.PRACTICE_MANAGER)
    entry = ContactEntry(
        id=uuid4(), follow_up_id=visit, attempted_on=TODAY, method=PHONE,
        outcome=ContactOutcome.REACHED,
    )  # fmt: skip
    assert not record_contact(world.engine, manager, world.clinic, entry, now=NOW).already
    cause = {"reason": ReasonForChange.TYPING_ERROR, "request_key": uuid4(), "now": NOW}
    with pytest.raises(PermissionDenied):
        void_contact(world.engine, manager, world.clinic, attempt, version=1, **cause)
    with pytest.raises(PermissionDenied):
        record_contact(world.engine, world.as_role(Role.DATA_MANAGER), world.clinic, entry, now=NOW)
    with pytest.raises(Conflict):
        void_contact(world.engine, world.by, world.clinic, attempt, version=2, **cause)
    assert len(world.line().attempts) == 2
    done = void_contact(world.engine, world.by, world.clinic, attempt, version=1, **cause)
    repeated = void_contact(world.engine, world.by, world.clinic, attempt, version=1, **cause)
    assert (done.version, repeated.already) == (2, True)
    assert len(world.line().attempts) == 1
    with pytest.raises(NotFound):
        void_contact(
            world.engine, world.by, world.clinic, attempt, version=2,
            **cause | {"request_key": uuid4()},
        )  # fmt: skip


def test_a_call_to_come_about_no_visit_or_with_a_novel_is_refused(world: World) -> None:
    with saving(world.engine) as db:
        _patient, visit = world.planned(db, "P-1")
    for wrong in ({"attempted_on": TODAY + DAY}, {"note": "x" * 501}):
        with pytest.raises(InvalidEntry):
            world.log(visit, ContactOutcome.REACHED, **wrong)
    with pytest.raises(NotFound):
        world.log(uuid4(), ContactOutcome.REACHED)
    assert world.line().attempts == ()

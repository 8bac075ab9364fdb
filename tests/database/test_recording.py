"""Do the use cases store once, only for those who may, and change nothing without a trace?"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.stored_entries import (
    event_entry,
    follow_up_entry,
    patient_entry,
    session_entry,
)
from registry.database import reading
from registry.entry import recording
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.rows import site_id
from registry.errors import Conflict, InvalidEntry, NotFound, PermissionDenied
from registry.schema import (
    AdverseEvent,
    AuditRow,
    ChangeSet,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import (
    FindingState,
    FollowUpStatus,
    Laterality,
    ReasonForChange,
    Role,
    SclerosantForm,
    SiteFinding,
    SkinType,
)
from tests.factories import NOW, TODAY, a_clinic, a_patient, a_user, saving

DAY = dt.timedelta(days=1)
LATER = NOW + dt.timedelta(minutes=7)
LIQUID = InjectionEntry(
    product_code="aethoxysklerol",
    form=SclerosantForm.LIQUID,
    concentration_percent=Decimal("0.5"),
    liquid_ml=Decimal("2"),
    lot_number="L-1",
    expires_on=dt.date(2027, 12, 31),
)


class World:
    """A clinic with a clinician and a patient, and another clinic with a patient of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.elsewhere = a_clinic(db, code="OTHER")
            self.user = a_user(db)
            self.patient = a_patient(db, self.clinic)
            self.foreigner = a_patient(db, self.elsewhere)
        self.by = self.actor(Role.CLINICIAN)

    def actor(self, role: Role) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, role),))

    def session(self, **values: Any) -> SessionEntry:
        site = SiteEntry(side=Laterality.LEFT, anatomy_code="ssv", injections=(LIQUID,))
        defaults = {
            "id": uuid4(), "patient_id": self.patient, "treated_on": TODAY - DAY, "sites": (site,)
        }  # fmt: skip
        return SessionEntry(**(defaults | values))

    def event(self, **values: Any) -> EventEntry:
        defaults = {
            "id": uuid4(), "patient_id": self.patient, "event_term_code": "skin_necrosis",
            "onset_on": TODAY, "reported_on": TODAY,
        }  # fmt: skip
        return EventEntry(**(defaults | values))

    def follow_up(self, **values: Any) -> FollowUpEntry:
        defaults = {
            "id": uuid4(), "patient_id": self.patient, "status": FollowUpStatus.SEEN,
            "seen_on": TODAY,
        }  # fmt: skip
        return FollowUpEntry(**(defaults | values))

    def enrolment(self, **values: Any) -> PatientEntry:
        defaults = {"id": uuid4(), "pseudonym": "P-0100", "enrolled_on": TODAY}
        return PatientEntry(**(defaults | values))

    def record(self, entry: SessionEntry, **more: Any) -> recording.Recorded:
        return recording.record_session(
            self.engine, self.by, self.clinic, entry, **({"now": NOW} | more)
        )

    def amend(self, entry: Entry, version: int, **more: Any) -> recording.Recorded:
        options = {
            "reason": ReasonForChange.NEW_INFORMATION, "request_key": uuid4(), "now": LATER
        }  # fmt: skip
        return recording.amend(
            self.engine, self.by, self.clinic, entry, version=version, **(options | more)
        )

    def void(self, entry: Entry, version: int, **more: Any) -> recording.Recorded:
        options = {
            "reason": ReasonForChange.WRONG_PATIENT, "request_key": uuid4(), "now": LATER
        }  # fmt: skip
        return recording.void(
            self.engine, self.by, self.clinic, type(entry), entry.id, version=version,
            **(options | more),
        )  # fmt: skip

    def count(self, model: type[Any], *where: Any) -> int:
        with reading(self.engine) as db:
            return db.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0

    def last_change(self) -> ChangeSet:
        with reading(self.engine) as db:
            found = db.scalars(sa.select(ChangeSet).order_by(ChangeSet.id.desc()).limit(1)).one()
            db.expunge(found)
            return found

    def changed_rows(self) -> list[tuple[str, str]]:
        with reading(self.engine) as db:
            return [
                (row.table_name, row.operation)
                for row in db.scalars(
                    sa.select(AuditRow)
                    .where(AuditRow.change_set_id == self.last_change().id)
                    .order_by(AuditRow.id)
                )
            ]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


WRITES: dict[str, Callable[[World, Actor, int], Any]] = {
    "enrol": lambda w, by, c: recording.enrol_patient(w.engine, by, c, w.enrolment(), now=NOW),
    "plan": lambda w, by, c: recording.plan_course(
        w.engine, by, c, CourseEntry(id=uuid4(), patient_id=w.patient, opened_on=TODAY), now=NOW
    ),
    "session": lambda w, by, c: recording.record_session(w.engine, by, c, w.session(), now=NOW),
    "event": lambda w, by, c: recording.report_event(w.engine, by, c, w.event(), now=NOW),
    "follow_up": lambda w, by, c: recording.record_follow_up(
        w.engine, by, c, w.follow_up(), now=NOW
    ),
    "problems": lambda w, by, c: recording.problems_of(w.engine, by, c, w.session(), now=NOW),
    "amend": lambda w, by, c: recording.amend(
        w.engine, by, c, w.session(), version=1, reason=ReasonForChange.TYPING_ERROR,
        request_key=uuid4(), now=NOW,
    ),
    "void": lambda w, by, c: recording.void(
        w.engine, by, c, SessionEntry, uuid4(), version=1, reason=ReasonForChange.TYPING_ERROR,
        request_key=uuid4(), now=NOW,
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_without_the_right_nothing_is_stored(
    world: World, write: Callable[[World, Actor, int], Any]
) -> None:
    before = world.count(ChangeSet)
    with pytest.raises(PermissionDenied):
        write(world, world.actor(Role.PRACTICE_MANAGER), world.clinic)
    with pytest.raises(PermissionDenied):
        write(world, world.by, world.elsewhere)
    assert world.count(ChangeSet) == before


@pytest.mark.parametrize("entry", ["session", "event", "follow_up"])
def test_a_patient_of_another_clinic_does_not_exist_here(world: World, entry: str) -> None:
    store = {
        "session": recording.record_session,
        "event": recording.report_event,
        "follow_up": recording.record_follow_up,
    }[entry]
    before = world.count(ChangeSet)
    with pytest.raises(NotFound):
        store(
            world.engine, world.by, world.clinic,
            getattr(world, entry)(patient_id=world.foreigner), now=NOW,
        )  # fmt: skip
    assert world.count(ChangeSet) == before


def test_an_event_cannot_be_attributed_to_a_session_of_another_patient(world: World) -> None:
    with saving(world.engine) as db:
        other = a_patient(db, world.clinic)
    session = world.session(patient_id=other)
    world.record(session)
    with pytest.raises(InvalidEntry) as refused:
        recording.report_event(
            world.engine, world.by, world.clinic,
            world.event(treatment_session_id=session.id), now=NOW,
        )  # fmt: skip
    assert [p.rule for p in refused.value.problems] == ["known_session"]


def test_courses_and_events_of_other_patients_cannot_be_referred_to(world: World) -> None:
    with pytest.raises(InvalidEntry) as refused:
        world.record(world.session(course_id=uuid4()))
    assert [p.rule for p in refused.value.problems] == ["known_course"]
    finding = FindingEntry(
        event_term_code="infection", state=FindingState.PRESENT, adverse_event_id=uuid4()
    )
    follow_up = world.follow_up(
        checklist_code="standard_6_8w", checklist_version=1, findings=(finding,)
    )
    with pytest.raises(InvalidEntry) as refused:
        recording.record_follow_up(world.engine, world.by, world.clinic, follow_up, now=NOW)
    assert [p.rule for p in refused.value.problems] == ["known_event"]


def test_a_session_cannot_move_past_its_event_or_to_another_patient(world: World) -> None:
    session = world.session(treated_on=TODAY - 9 * DAY)
    world.record(session)
    event = world.event(treatment_session_id=session.id, onset_on=TODAY - 5 * DAY)
    recording.report_event(world.engine, world.by, world.clinic, event, now=NOW)
    with pytest.raises(InvalidEntry) as refused:
        world.amend(replace(session, treated_on=TODAY), 1)
    assert [p.rule for p in refused.value.problems] == ["not_after_its_events"]
    with saving(world.engine) as db:
        other = a_patient(db, world.clinic)
    with pytest.raises(Conflict, match="another patient"):
        world.amend(replace(session, patient_id=other), 1)


def test_a_key_used_for_something_else_is_refused_not_answered(world: World) -> None:
    session = world.session()
    world.record(session)
    with pytest.raises(Conflict, match="something else"):
        recording.report_event(
            world.engine, world.by, world.clinic, world.event(id=session.id), now=NOW
        )
    assert world.count(AdverseEvent) == 0


def test_a_patient_cannot_die_before_a_session(world: World) -> None:
    patient = world.enrolment(enrolled_on=TODAY - 30 * DAY)
    recording.enrol_patient(world.engine, world.by, world.clinic, patient, now=NOW)
    world.record(world.session(patient_id=patient.id))
    with pytest.raises(InvalidEntry) as refused:
        world.amend(replace(patient, died_on=TODAY - 20 * DAY), 1)
    assert [p.rule for p in refused.value.problems] == ["after_sessions"]


def test_a_course_is_not_voided_from_under_its_sessions(world: World) -> None:
    course = CourseEntry(id=uuid4(), patient_id=world.patient, opened_on=TODAY)
    recording.plan_course(world.engine, world.by, world.clinic, course, now=NOW)
    session = world.session(course_id=course.id)
    world.record(session)
    with pytest.raises(Conflict, match="sessions: 1"):
        world.void(course, 1)
    world.void(session, 1)
    world.void(course, 1)


def test_sending_the_same_form_again_stores_it_once_and_says_when(world: World) -> None:
    entry = world.session()
    first = world.record(entry)
    again = world.record(replace(entry, pain=9), now=LATER)
    assert (first.already, first.at) == (False, NOW)
    assert (again.already, again.at, again.id) == (True, NOW, entry.id)
    assert world.count(TreatmentSession) == 1
    assert session_entry(world.engine, world.by, world.clinic, entry.id) == (entry, 1)


def test_a_lot_is_stored_once_and_its_missing_expiry_is_added(world: World) -> None:
    world.record(
        world.session(injections=(replace(LIQUID, expires_on=None),), sites=()),
    )
    world.record(world.session(treated_on=TODAY))
    with reading(world.engine) as db:
        (lot,) = db.scalars(sa.select(Lot))
        assert (lot.lot_number, lot.expires_on, lot.version) == ("L-1", LIQUID.expires_on, 2)


def test_a_refused_entry_names_every_field_and_stores_nothing(world: World) -> None:
    bad = replace(LIQUID, liquid_ml=Decimal("400"), product_code="nothing_known")
    before = world.count(ChangeSet)
    with pytest.raises(InvalidEntry) as refused:
        world.record(world.session(treated_on=TODAY + DAY, pain=11, injections=(bad,)))
    assert {p.field for p in refused.value.problems} >= {
        "treated_on", "pain", "injections[0].liquid_ml", "injections[0].product_code"
    }  # fmt: skip
    assert world.count(ChangeSet) == before
    assert world.count(Injection) == 0


def test_a_plain_rule_is_stored_only_when_it_is_accepted_by_name(world: World) -> None:
    world.record(world.session())
    again = world.session()
    with pytest.raises(InvalidEntry):
        world.record(again, accepted={"another_rule"})
    assert not world.record(again, accepted={"second_session_that_day"}).already
    assert world.count(TreatmentSession) == 2


def test_identity_is_kept_apart_and_enters_the_trail_as_digests_only(world: World) -> None:
    entry = world.enrolment(
        family_name="Zzcanary", given_name="Ida", hospital_number="H-4711",
        birth_date=dt.date(1970, 5, 17), birth_year=1970,
    )  # fmt: skip
    recording.enrol_patient(world.engine, world.by, world.clinic, entry, now=NOW)
    assert "family_name" not in sa.inspect(Patient).columns
    with reading(world.engine) as db:
        identity = db.get_one(PatientIdentity, (world.clinic, entry.id))
        assert (identity.family_name, identity.hospital_number) == ("Zzcanary", "H-4711")
        trail = "".join(str(row.new_values) for row in db.scalars(sa.select(AuditRow)))
    assert "P-0100" in trail
    for secret in ("Zzcanary", "H-4711", "1970-05-17"):
        assert secret not in trail


def test_a_patient_without_identity_has_no_row_of_it(world: World) -> None:
    entry = world.enrolment(birth_year=1970)
    recording.enrol_patient(world.engine, world.by, world.clinic, entry, now=NOW)
    assert world.count(PatientIdentity) == 0


def test_a_pseudonym_is_given_once_in_a_clinic(world: World) -> None:
    recording.enrol_patient(world.engine, world.by, world.clinic, world.enrolment(), now=NOW)
    with pytest.raises(InvalidEntry) as refused:
        recording.enrol_patient(world.engine, world.by, world.clinic, world.enrolment(), now=NOW)
    assert [(p.field, p.rule) for p in refused.value.problems] == [("pseudonym", "unique")]


def test_amending_a_patient_changes_record_and_identity_in_one_change(world: World) -> None:
    entry = world.enrolment(family_name="Zzcanary", birth_year=1970)
    recording.enrol_patient(world.engine, world.by, world.clinic, entry, now=NOW)
    changed = replace(entry, skin_type=SkinType.III, family_name="Zzother")
    world.amend(changed, 1)
    assert patient_entry(world.engine, world.by, world.clinic, entry.id) == (changed, 2)
    assert set(world.changed_rows()) == {("patient", "update"), ("patient_identity", "update")}


def test_an_amendment_writes_down_only_what_changed_with_reason_and_person(world: World) -> None:
    entry = world.session()
    world.record(entry)
    amended = world.amend(
        replace(entry, pain=4), 1, reason=ReasonForChange.OTHER, reason_text="asked again"
    )
    assert (amended.version, amended.at) == (2, LATER)
    cause = world.last_change()
    assert (cause.reason, cause.reason_text, cause.actor_id, cause.clinic_id) == (
        "other", "asked again", world.user, world.clinic
    )  # fmt: skip
    assert world.changed_rows() == [("treatment_session", "update")]
    with reading(world.engine) as db:
        row = db.scalars(sa.select(AuditRow).where(AuditRow.change_set_id == cause.id)).one()
        old, new = json.loads(row.old_values or ""), json.loads(row.new_values or "")
    assert {name for name in new if old[name] != new[name]} == {"pain", "version"}


def test_an_amendment_voids_lost_parts_adds_new_ones_and_changes_the_rest_in_place(
    world: World,
) -> None:
    second = SiteEntry(side=Laterality.RIGHT, anatomy_code="ssv", injections=(LIQUID,))
    entry = world.session()
    entry = replace(entry, sites=(*entry.sites, second))
    world.record(entry)
    more = replace(entry.sites[0], injections=(replace(LIQUID, liquid_ml=Decimal(1)), LIQUID))
    changed = replace(entry, sites=(more,))
    world.amend(changed, 1)
    assert session_entry(world.engine, world.by, world.clinic, entry.id) == (changed, 2)
    assert sorted(world.changed_rows()) == [
        ("injection", "insert"),
        ("injection", "update"),
        ("injection", "update"),
        ("treated_site", "update"),
        ("treatment_session", "update"),
    ]
    assert world.count(TreatedSite, TreatedSite.voided_at.is_not(None)) == 1
    assert world.count(Injection, Injection.voided_at.is_not(None)) == 1
    # Put back, it is a new site: what was withdrawn stays withdrawn.
    world.amend(replace(changed, sites=(more, second)), 2)
    assert world.count(TreatedSite, TreatedSite.voided_at.is_(None)) == 2


def test_events_stay_with_their_site_when_another_is_taken_away(world: World) -> None:
    left, right = (
        SiteEntry(side=side, anatomy_code="ssv", injections=(LIQUID,)) for side in Laterality
    )
    session = world.session(sites=(left, right))
    world.record(session)
    event = world.event(treatment_session_id=session.id, treated_site_id=site_id(session.id, 1))
    recording.report_event(world.engine, world.by, world.clinic, event, now=NOW)
    world.amend(replace(session, sites=(right,)), 1)
    with reading(world.engine) as db:
        (site,) = db.execute(
            sa.select(TreatedSite.id, TreatedSite.side).where(TreatedSite.voided_at.is_(None))
        )
    assert tuple(site) == (site_id(session.id, 1), right.side)
    with pytest.raises(Conflict, match="belong to a site"):
        world.amend(replace(session, sites=(replace(left, anatomy_code="aasv"),)), 2)
    assert world.count(TreatedSite, TreatedSite.voided_at.is_(None)) == 1


def test_identity_survives_an_amendment_by_somebody_who_cannot_see_it(world: World) -> None:
    patient = world.enrolment(family_name="Zzcanary", birth_year=1970)
    recording.enrol_patient(world.engine, world.by, world.clinic, patient, now=NOW)
    world.by = world.actor(Role.DATA_MANAGER)
    world.amend(replace(patient, family_name=None, birth_year=1971), 1)
    assert world.count(PatientIdentity, PatientIdentity.family_name == "Zzcanary") == 1
    assert world.count(Patient, Patient.birth_year == 1971) == 1


def test_an_amended_follow_up_keeps_its_other_findings_and_outcomes(world: World) -> None:
    entry = world.follow_up(
        checklist_code="standard_6_8w",
        checklist_version=1,
        findings=(
            FindingEntry(event_term_code="haematoma", state=FindingState.PRESENT),
            FindingEntry(event_term_code="oedema", state=FindingState.NOT_ASSESSED),
        ),
        site_outcomes=(
            SiteOutcomeEntry(
                side=Laterality.LEFT, anatomy_code="ssv", finding=SiteFinding.IMPROVED
            ),
        ),
    )
    recording.record_follow_up(world.engine, world.by, world.clinic, entry, now=NOW)
    changed = replace(entry, findings=entry.findings[:1])
    world.amend(changed, 1)
    assert follow_up_entry(world.engine, world.by, world.clinic, entry.id) == (changed, 2)
    assert sorted(world.changed_rows()) == [
        ("follow_up", "update"),
        ("follow_up_finding", "update"),
    ]


def test_a_planned_visit_becomes_what_it_turned_out_to_be(world: World) -> None:
    plan = world.follow_up(status=FollowUpStatus.PLANNED, seen_on=None, due_on=TODAY + 14 * DAY)
    recording.record_follow_up(world.engine, world.by, world.clinic, plan, now=NOW)
    seen = replace(plan, status=FollowUpStatus.SEEN, seen_on=TODAY, days_to_normal=2)
    world.amend(seen, 1)
    assert follow_up_entry(world.engine, world.by, world.clinic, plan.id) == (seen, 2)


def test_a_form_opened_before_a_colleagues_change_stores_nothing(world: World) -> None:
    entry = world.session()
    world.record(entry)
    world.amend(replace(entry, pain=4), 1)
    before = world.count(ChangeSet)
    with pytest.raises(Conflict):
        world.amend(replace(entry, pain=7), 1)
    with pytest.raises(Conflict):
        world.void(entry, 1)
    assert world.count(ChangeSet) == before
    assert session_entry(world.engine, world.by, world.clinic, entry.id)[0].pain == 4


def test_amending_twice_with_the_same_request_changes_once(world: World) -> None:
    entry = world.session()
    world.record(entry)
    key = uuid4()
    world.amend(replace(entry, pain=4), 1, request_key=key)
    again = world.amend(replace(entry, pain=4), 1, request_key=key, now=LATER + DAY)
    assert (again.already, again.at, again.version) == (True, LATER, 2)
    assert session_entry(world.engine, world.by, world.clinic, entry.id)[1] == 2


def test_a_late_repetition_answers_with_the_version_it_had_stored(world: World) -> None:
    entry, other = world.session(), world.session(treated_on=TODAY - 9 * DAY)
    world.record(entry)
    world.record(other)
    key = uuid4()
    world.amend(replace(entry, pain=4), 1, request_key=key)
    world.amend(replace(entry, pain=5), 2)
    # The form has meanwhile learned of version 3; its request still made version 2.
    again = world.amend(replace(entry, pain=4), 3, request_key=key)
    assert (again.already, again.version) == (True, 2)
    with pytest.raises(Conflict, match="another record"):
        world.amend(replace(other, pain=4), 1, request_key=key)
    gone = uuid4()
    world.void(entry, 3, request_key=gone)
    assert world.void(entry, 9, request_key=gone).version == 4


@pytest.mark.parametrize("text", [None, "", "   ", "..."])
def test_another_reason_needs_words(world: World, text: str | None) -> None:
    entry = world.session()
    world.record(entry)
    for change in (world.amend, world.void):
        with pytest.raises(InvalidEntry) as refused:
            change(entry, 1, reason=ReasonForChange.OTHER, reason_text=text)
        assert [p.field for p in refused.value.problems] == ["reason_text"]


def test_a_voided_session_keeps_its_rows_and_its_reason(world: World) -> None:
    entry = world.session()
    world.record(entry)
    world.void(entry, 1)
    assert world.last_change().reason == "wrong_patient"
    for model in (TreatmentSession, TreatedSite, Injection):
        assert world.count(model) == world.count(model, model.voided_at == LATER) == 1
    with pytest.raises(NotFound):
        world.amend(entry, 2)
    with pytest.raises(NotFound):
        world.void(entry, 2)


def test_a_session_is_not_voided_from_under_its_event(world: World) -> None:
    session = world.session()
    world.record(session)
    event = world.event(treatment_session_id=session.id)
    recording.report_event(world.engine, world.by, world.clinic, event, now=NOW)
    with pytest.raises(Conflict):
        world.void(session, 1)
    assert world.count(TreatmentSession, TreatmentSession.voided_at.is_(None)) == 1
    world.void(event, 1)
    world.void(session, 1)
    assert world.count(AdverseEvent, AdverseEvent.voided_at.is_(None)) == 0


def test_an_event_is_followed_up_until_it_is_resolved(world: World) -> None:
    event = world.event(onset_on=TODAY - 9 * DAY)
    recording.report_event(world.engine, world.by, world.clinic, event, now=NOW)
    resolved = replace(event, resolved_on=TODAY)
    world.amend(resolved, 1)
    assert event_entry(world.engine, world.by, world.clinic, event.id) == (resolved, 2)


@pytest.mark.parametrize("change", ["amend", "void"])
def test_a_record_of_another_clinic_cannot_be_changed(world: World, change: str) -> None:
    session = world.session(patient_id=world.foreigner)
    stranger = Actor(world.user, "ada", "Ada Doe", (Grant(world.elsewhere, Role.CLINICIAN),))
    recording.record_session(world.engine, stranger, world.elsewhere, session, now=NOW)
    with pytest.raises(NotFound):
        getattr(world, change)(session, 1)
    assert world.count(TreatmentSession, TreatmentSession.version == 1) == 1

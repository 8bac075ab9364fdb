"""Are records found, shown and read back only for those who may, and as they were typed?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis import records, stored_entries, timeline
from registry.analysis.patient_search import PatientFound, find_patients
from registry.database import reading
from registry.entry import recording
from registry.entry.forms import (
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.errors import NotFound, PermissionDenied
from registry.schema import AccessLog
from registry.vocabulary import (
    Causality,
    EventOutcome,
    FindingState,
    FoamGas,
    FollowUpStatus,
    Laterality,
    ReasonForChange,
    Role,
    SclerosantForm,
    SeriousnessCriterion,
    SiteFinding,
    VesselClass,
)
from tests.factories import (
    ANATOMY,
    NOW,
    TODAY,
    a_clinic,
    a_clinician,
    a_course,
    a_follow_up,
    a_lot,
    a_patient,
    a_session,
    a_site,
    a_user,
    an_event,
    an_identity,
    an_injection,
    saving,
)

DAY = dt.timedelta(days=1)
LIQUID = InjectionEntry(
    product_code="aethoxysklerol",
    form=SclerosantForm.LIQUID,
    concentration_percent=Decimal("0.5"),
    liquid_ml=Decimal("2"),
    lot_number="L-1",
    expires_on=dt.date(2027, 12, 31),
)
FOAM = replace(
    LIQUID,
    form=SclerosantForm.FOAM,
    concentration_percent=Decimal("1"),
    liquid_ml=Decimal("1"),
    gas=FoamGas.AIR,
    gas_ml=Decimal("2.5"),
    lot_number="L-2",
    is_compounded=True,
)


class World:
    """Two clinics; the actors work in the first."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.other_clinic = a_clinic(db, code="OTHER")
            self.user = a_user(db)
            self.patient = a_patient(db, self.clinic, pseudonym="P-0007")
            an_identity(
                db, self.clinic, self.patient, family_name="Österberg", given_name="Ida Maria"
            )
            self.foreigner = a_patient(db, self.other_clinic, pseudonym="P-0900")
            a_clinician(db, self.clinic, 1, user_id=self.user, display_name="Ada Doe")
        self.clinician = self.actor(Role.CLINICIAN)
        self.data_manager = self.actor(Role.DATA_MANAGER)
        self.manager = self.actor(Role.PRACTICE_MANAGER)

    def actor(self, role: Role) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, role),))

    def find(self, text: str, by: Actor | None = None) -> list[PatientFound]:
        return find_patients(self.engine, by or self.clinician, self.clinic, text, now=NOW)

    def accesses(self) -> list[tuple[str, int | None]]:
        with reading(self.engine) as db:
            return [(row.action, row.row_count) for row in db.scalars(sa.select(AccessLog))]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def a_full_session(patient: UUID, **values: Any) -> SessionEntry:
    defaults: dict[str, Any] = {
        "id": uuid4(),
        "patient_id": patient,
        "treated_on": TODAY - DAY,
        "clinician_id": 1,
        "pain": 3,
        "weight_kg": Decimal("70.5"),
        "note": "calm",
        "sites": (
            SiteEntry(
                side=Laterality.RIGHT,
                anatomy_code="ssv",
                vessel_class=VesselClass.TRUNCAL,
                injections=(FOAM, LIQUID),
            ),
            SiteEntry(
                side=Laterality.LEFT,
                anatomy_code="ankle_medial",
                diameter_mm=Decimal("2.5"),
                feeder_treated=False,
                injections=(replace(LIQUID, lot_number=None, expires_on=None, liquid_ml=None),),
            ),
            SiteEntry(side=Laterality.LEFT, anatomy_code="ssv"),
        ),
        "injections": (FOAM,),
    }
    return SessionEntry(**(defaults | values))


@pytest.mark.parametrize(
    "typed",
    ["P-0007", "p-00", "Österberg", "österb", "Ida", "ida m", "Österberg Ida", "Ida, Österberg",
     "h-47", "1970-05-17", "17.05.1970", "17 May 1970"],
)  # fmt: skip
def test_a_patient_is_found_by_pseudonym_name_number_and_birth_date(
    world: World, typed: str
) -> None:
    (found,) = world.find(typed)
    assert (found.id, found.family_name) == (world.patient, "Österberg")
    assert world.accesses() == [("list_identified", 1)]


def test_without_the_right_to_see_identity_only_the_pseudonym_is_searched_and_shown(
    world: World,
) -> None:
    assert world.find("Österberg", world.data_manager) == []
    (found,) = world.find("P-0007", world.data_manager)
    assert found.family_name is None
    assert found.birth_date is None
    assert found.hospital_number is None


@pytest.mark.parametrize("typed", ["%", "_", "P-%7", "' OR 1=1 --", "\\", "P-0900", "zz" * 4000])
def test_what_is_typed_is_text_and_never_a_pattern(world: World, typed: str) -> None:
    assert world.find(typed) == []


def test_without_text_the_patients_treated_last_come_first(world: World) -> None:
    with saving(world.engine) as db:
        later = a_patient(db, world.clinic)
        never = a_patient(db, world.clinic)
        a_session(db, world.clinic, world.patient, treated_on=TODAY - 9 * DAY)
        a_session(db, world.clinic, later, treated_on=TODAY - DAY)
    found = [(patient.id, patient.last_treated_on) for patient in world.find("")]
    assert found == [(later, TODAY - DAY), (world.patient, TODAY - 9 * DAY)]
    assert never not in [patient_id for patient_id, _ in found]


def test_the_next_pseudonym_follows_the_highest_even_a_voided_one(world: World) -> None:
    with saving(world.engine) as db:
        a_patient(db, world.clinic, pseudonym="P-0041", voided_at=NOW)
        a_patient(db, world.clinic, pseudonym="P-99x")
        a_patient(db, world.clinic, pseudonym="Q-5000")
    assert records.next_pseudonym(world.engine, world.clinician, world.clinic) == "P-0042"


READS: dict[str, Callable[[World, Actor, int], Any]] = {
    "find_patients": lambda w, by, c: find_patients(w.engine, by, c, "", now=NOW),
    "next_pseudonym": lambda w, by, c: records.next_pseudonym(w.engine, by, c),
    "due_follow_ups": lambda w, by, c: records.due_follow_ups(w.engine, by, c, until=TODAY),
    "lots_on_the_shelf": lambda w, by, c: records.lots_on_the_shelf(w.engine, by, c, on=TODAY),
    "treaters": lambda w, by, c: records.treaters(w.engine, by, c),
    "last_session_of_patient": lambda w, by, c: records.last_session_of_patient(
        w.engine, by, c, w.patient
    ),
    "last_session_of_clinician": lambda w, by, c: records.last_session_of_clinician(
        w.engine, by, c, 1
    ),
    "recent_saves": lambda w, by, c: records.recent_saves(w.engine, by, c),
    "open_patient": lambda w, by, c: timeline.open_patient(w.engine, by, c, w.patient, now=NOW),
    "patient_timeline": lambda w, by, c: timeline.patient_timeline(
        w.engine, by, c, w.patient, today=TODAY
    ),
    "patient_entry": lambda w, by, c: stored_entries.patient_entry(w.engine, by, c, w.patient),
    "session_entry": lambda w, by, c: stored_entries.session_entry(w.engine, by, c, w.patient),
    "event_entry": lambda w, by, c: stored_entries.event_entry(w.engine, by, c, w.patient),
    "follow_up_entry": lambda w, by, c: stored_entries.follow_up_entry(w.engine, by, c, w.patient),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_every_read_is_refused_without_its_right_and_in_another_clinic(
    world: World, read: Callable[[World, Actor, int], Any]
) -> None:
    with pytest.raises(PermissionDenied):
        read(world, world.manager, world.clinic)
    with pytest.raises(PermissionDenied):
        read(world, world.clinician, world.other_clinic)


def test_a_patient_of_another_clinic_does_not_exist_here(world: World) -> None:
    with pytest.raises(NotFound):
        timeline.open_patient(world.engine, world.clinician, world.clinic, world.foreigner, now=NOW)
    with pytest.raises(NotFound):
        timeline.patient_timeline(
            world.engine, world.clinician, world.clinic, world.foreigner, today=TODAY
        )


def test_opening_a_patient_is_logged_and_shows_identity_only_to_those_who_may_see_it(
    world: World,
) -> None:
    shown = timeline.open_patient(
        world.engine, world.clinician, world.clinic, world.patient, now=NOW
    )
    hidden = timeline.open_patient(
        world.engine, world.data_manager, world.clinic, world.patient, now=NOW
    )
    assert shown.family_name == "Österberg"
    assert (hidden.family_name, hidden.hospital_number, hidden.birth_date) == (None, None, None)
    assert world.accesses() == [("open_identified_patient", 1), ("open_patient", 1)]


def test_identity_for_an_amendment_needs_the_right_to_see_it(world: World) -> None:
    entry, version = stored_entries.patient_entry(
        world.engine, world.clinician, world.clinic, world.patient
    )
    assert (entry.family_name, entry.pseudonym, version) == ("Österberg", "P-0007", 1)
    with pytest.raises(PermissionDenied):
        stored_entries.patient_entry(world.engine, world.data_manager, world.clinic, world.patient)


def test_a_stored_session_reads_back_as_it_was_typed(world: World) -> None:
    entry = a_full_session(world.patient)
    recording.record_session(world.engine, world.clinician, world.clinic, entry, now=NOW)
    read, version = stored_entries.session_entry(
        world.engine, world.clinician, world.clinic, entry.id
    )
    assert (read, version) == (entry, 1)
    last = records.last_session_of_patient(
        world.engine, world.clinician, world.clinic, world.patient
    )
    assert last is not None
    assert last.entry == entry


def test_an_amended_session_reads_back_without_what_was_taken_out(world: World) -> None:
    entry = a_full_session(world.patient)
    recording.record_session(world.engine, world.clinician, world.clinic, entry, now=NOW)
    shorter = replace(entry, sites=entry.sites[:1], injections=(), pain=None)
    recording.amend(
        world.engine, world.clinician, world.clinic, shorter, version=1,
        reason=ReasonForChange.TYPING_ERROR, request_key=uuid4(), now=NOW,
    )  # fmt: skip
    read = stored_entries.session_entry(world.engine, world.clinician, world.clinic, entry.id)
    assert read == (shorter, 2)


def test_a_stored_event_reads_back_as_it_was_typed(world: World) -> None:
    entry = EventEntry(
        id=uuid4(),
        patient_id=world.patient,
        event_term_code="anaphylaxis",
        onset_on=TODAY - DAY,
        reported_on=TODAY,
        seriousness_criteria=frozenset(
            {SeriousnessCriterion.LIFE_THREATENING, SeriousnessCriterion.HOSPITALISATION}
        ),
        causality=Causality.CERTAIN,
        narrative="After the second injection.",
    )
    recording.report_event(world.engine, world.clinician, world.clinic, entry, now=NOW)
    read = stored_entries.event_entry(world.engine, world.clinician, world.clinic, entry.id)
    assert read == (entry, 1)


def test_a_stored_follow_up_reads_back_as_it_was_typed(world: World) -> None:
    entry = FollowUpEntry(
        id=uuid4(),
        patient_id=world.patient,
        status=FollowUpStatus.SEEN,
        seen_on=TODAY,
        visit_code="check_6_8w",
        checklist_code="standard_6_8w",
        checklist_version=1,
        days_to_normal=2,
        findings=(
            FindingEntry(event_term_code="haematoma", state=FindingState.NOT_ASSESSED),
            FindingEntry(event_term_code="skin_necrosis", state=FindingState.PRESENT),
        ),
        site_outcomes=(
            SiteOutcomeEntry(
                side=Laterality.LEFT,
                anatomy_code=ANATOMY,
                finding=SiteFinding.CLEARED,
                scale_code="clearance_percent",
                score=Decimal("80.00"),
            ),
        ),
    )
    recording.record_follow_up(world.engine, world.clinician, world.clinic, entry, now=NOW)
    read = stored_entries.follow_up_entry(world.engine, world.clinician, world.clinic, entry.id)
    assert read == (entry, 1)


def test_a_voided_record_is_no_longer_there(world: World) -> None:
    entry = a_full_session(world.patient)
    recording.record_session(world.engine, world.clinician, world.clinic, entry, now=NOW)
    recording.void(
        world.engine, world.clinician, world.clinic, SessionEntry, entry.id, version=1,
        reason=ReasonForChange.WRONG_PATIENT, request_key=uuid4(), now=NOW,
    )  # fmt: skip
    shown = timeline.patient_timeline(
        world.engine, world.clinician, world.clinic, world.patient, today=TODAY
    )
    assert shown.sessions == ()
    with pytest.raises(NotFound):
        stored_entries.session_entry(world.engine, world.clinician, world.clinic, entry.id)


def test_the_timeline_is_in_order_and_names_what_matters_before_the_next_needle(
    world: World,
) -> None:
    with saving(world.engine) as db:
        course = a_course(db, world.clinic, world.patient)
        second = a_session(
            db, world.clinic, world.patient, treated_on=TODAY - 40 * DAY, course_id=course
        )
        first = a_session(
            db, world.clinic, world.patient, treated_on=TODAY - 400 * DAY, course_id=course
        )
        an_injection(db, world.clinic, first)
        site = a_site(db, world.clinic, world.patient, second)
        values = {"treatment_session_id": first, "onset_on": TODAY - 400 * DAY}
        allergy = an_event(
            db, world.clinic, world.patient, event_term_code="allergic_skin_reaction",
            resolved_on=TODAY - 399 * DAY, reported_on=TODAY - 399 * DAY,
            event_outcome=EventOutcome.RECOVERED, **values,
        )  # fmt: skip
        an_event(
            db, world.clinic, world.patient, event_term_code="anaphylaxis",
            causality=Causality.UNRELATED, event_outcome=EventOutcome.RECOVERED,
            reported_on=TODAY - 399 * DAY, **values,
        )  # fmt: skip
        bruise = an_event(
            db, world.clinic, world.patient, event_term_code="haematoma",
            onset_on=TODAY - 39 * DAY, reported_on=TODAY - 38 * DAY,
            treatment_session_id=second, treated_site_id=site,
        )  # fmt: skip
        planned = {"status": FollowUpStatus.PLANNED, "seen_on": None, "method": None,
                   "checklist_code": None, "checklist_version": None}  # fmt: skip
        missed = a_follow_up(
            db, world.clinic, world.patient, visit_code="safety_2w",
            due_on=TODAY - 26 * DAY, **planned,
        )  # fmt: skip
        a_follow_up(
            db, world.clinic, world.patient, visit_code="check_6_8w",
            due_on=TODAY - 14 * DAY, **planned,
        )  # fmt: skip
    shown = timeline.patient_timeline(
        world.engine, world.clinician, world.clinic, world.patient, today=TODAY
    )
    assert [stored.entry.id for stored in shown.sessions] == [first, second]
    assert shown.sessions[1].site_ids == (site,)
    assert [(c.id, c.planned_sessions, c.sessions_held) for c in shown.courses] == [(course, 3, 2)]
    assert {(alert.kind, alert.record_id) for alert in shown.alerts} == {
        (timeline.AlertKind.EARLIER_REACTION, allergy),
        (timeline.AlertKind.OPEN_EVENT, bruise),
        (timeline.AlertKind.OVERDUE_FOLLOW_UP, missed),
    }
    (reaction,) = [a for a in shown.alerts if a.kind is timeline.AlertKind.EARLIER_REACTION]
    assert reaction.given == (("aethoxysklerol", SclerosantForm.LIQUID),)


def test_due_visits_are_the_planned_ones_of_the_living_oldest_first(world: World) -> None:
    planned: dict[str, Any] = {"status": FollowUpStatus.PLANNED, "seen_on": None, "method": None,
                               "checklist_code": None, "checklist_version": None}  # fmt: skip
    with saving(world.engine) as db:
        dead = a_patient(db, world.clinic, died_on=TODAY)
        late = a_follow_up(db, world.clinic, world.patient, due_on=TODAY - DAY, **planned)
        later = a_follow_up(db, world.clinic, world.patient, due_on=TODAY - 9 * DAY, **planned)
        a_follow_up(db, world.clinic, world.patient, due_on=TODAY + DAY, **planned)
        a_follow_up(db, world.clinic, dead, due_on=TODAY - DAY, **planned)
        a_follow_up(db, world.clinic, world.patient, due_on=TODAY - DAY, seen_on=TODAY)
        a_follow_up(db, world.other_clinic, world.foreigner, due_on=TODAY - DAY, **planned)
    due = records.due_follow_ups(world.engine, world.clinician, world.clinic, until=TODAY)
    assert [visit.id for visit in due] == [later, late]


def test_lots_on_the_shelf_have_not_expired_and_the_last_used_comes_first(world: World) -> None:
    with saving(world.engine) as db:
        a_lot(db, world.clinic, lot_number="EXPIRED", expires_on=TODAY - DAY)
        a_lot(db, world.clinic, lot_number="NEVER", expires_on=None)
        a_lot(db, world.other_clinic, lot_number="FOREIGN")
        used = a_lot(db, world.clinic, lot_number="USED", expires_on=TODAY)
        session = a_session(db, world.clinic, world.patient)
        an_injection(db, world.clinic, session, lot_id=used)
        an_injection(db, world.clinic, session, lot_id=used, liquid_ml=Decimal(1))
    shelf = records.lots_on_the_shelf(world.engine, world.clinician, world.clinic, on=TODAY)
    assert [(lot.lot_number, lot.concentration_percent, lot.last_used_on) for lot in shelf] == [
        ("USED", Decimal("0.5"), TODAY),
        ("NEVER", None, None),
    ]


def test_treaters_know_who_is_reading(world: World) -> None:
    with saving(world.engine) as db:
        a_clinician(db, world.clinic, 2, display_name="Bo Ek")
    found = records.treaters(world.engine, world.clinician, world.clinic)
    assert found == [records.Treater(1, "Ada Doe", True), records.Treater(2, "Bo Ek", False)]


def test_the_last_saves_are_the_actors_own_newest_first(world: World) -> None:
    entry = a_full_session(world.patient)
    recording.record_session(world.engine, world.clinician, world.clinic, entry, now=NOW)
    later = NOW + dt.timedelta(minutes=5)
    recording.amend(
        world.engine, world.clinician, world.clinic, replace(entry, pain=4), version=1,
        reason=ReasonForChange.TYPING_ERROR, request_key=uuid4(), now=later,
    )  # fmt: skip
    saves = records.recent_saves(world.engine, world.clinician, world.clinic)
    assert [(s.at, s.action, s.record_id, s.patient_id, s.pseudonym) for s in saves] == [
        (later, "amend_treatment_session", entry.id, world.patient, "P-0007"),
        (NOW, "record_session", entry.id, world.patient, "P-0007"),
    ]
    with saving(world.engine) as db:
        stranger = a_user(db, user_name="bo")
    other = Actor(stranger, "bo", "Bo Ek", (Grant(world.clinic, Role.CLINICIAN),))
    assert records.recent_saves(world.engine, other, world.clinic) == []


@pytest.mark.parametrize(
    ("days_after", "expected"),
    [
        (-1, (None, None, False)),
        (0, ("first", 0, False)),
        (29, ("first", 29, False)),
        (30, ("second", 0, True)),
        (31, ("second", 1, False)),
        (60, ("second", 30, False)),
        (61, (None, None, False)),
    ],
)
def test_an_event_is_proposed_to_the_latest_session_whose_window_covers_it(
    days_after: int, expected: tuple[str | None, int | None, bool]
) -> None:
    ids = {"first": UUID(int=1), "second": UUID(int=2)}
    sessions = [(ids["second"], TODAY + 30 * DAY), (ids["first"], TODAY)]
    name, days, ambiguous = expected
    assert timeline.propose_attribution(
        sessions, "skin_necrosis", TODAY + days_after * DAY
    ) == timeline.Attribution(ids[name] if name else None, days, ambiguous)


def test_totals_add_up_each_agent_and_say_when_a_blank_leaves_them_open() -> None:
    (total,) = timeline.agent_totals([LIQUID, FOAM])
    assert (total.sclerosant_code, total.liquid_ml, total.mg, total.complete) == (
        "polidocanol",
        Decimal(3),
        Decimal(20),
        True,
    )
    (open_total,) = timeline.agent_totals([LIQUID, replace(FOAM, liquid_ml=None)])
    assert (open_total.liquid_ml, open_total.mg, open_total.complete) == (Decimal(2), None, False)

"""Are answers, overrides, settings and recalls stored once, read back, and heeded by the rules?"""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.records import lots_on_the_shelf, stored_by_self
from registry.analysis.risk_facts import RiskFactState, risk_facts_of
from registry.analysis.stored_entries import session_entry
from registry.catalogue import catalogue
from registry.database import reading
from registry.entry import recording
from registry.entry.clinic_settings import recall_lot, set_clinic_setting, settings_of
from registry.entry.forms import InjectionEntry, OverrideEntry, SessionEntry
from registry.entry.known import known_about
from registry.entry.problems import Level, Question
from registry.entry.risk_facts import record_risk_facts
from registry.errors import InvalidEntry, NotFound, PermissionDenied
from registry.schema import (
    AuditRow,
    ChangeSet,
    ClinicSetting,
    Lot,
    RiskFact,
    SafetyOverride,
    TreatmentSession,
)
from registry.vocabulary import (
    Causality,
    FactAnswer,
    OverrideReason,
    ReasonForChange,
    Role,
    SclerosantForm,
)
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_patient,
    a_patient_link,
    a_risk_fact,
    a_session,
    a_user,
    an_event,
    an_injection,
    saving,
)

DAY = dt.timedelta(days=1)
YES, NO = FactAnswer.YES, FactAnswer.NO
ALLERGY = Question("allergy_to_agent", "polidocanol")
PREGNANCY = Question("pregnancy")
EXPIRED = "lot_not_expired"
LIQUID = InjectionEntry(
    product_code="aethoxysklerol",
    form=SclerosantForm.LIQUID,
    concentration_percent=Decimal("0.5"),
    liquid_ml=Decimal(2),
    lot_number="L-1",
    expires_on=dt.date(2027, 12, 31),
)


class World:
    """A clinic with a patient, another clinic, and people of every role."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.elsewhere = a_clinic(db, code="OTHER")
            self.user = a_user(db)
            self.patient = a_patient(db, self.clinic)
        self.by = self.actor(Role.CLINICIAN)

    def actor(self, role: Role, user: int | None = None) -> Actor:
        return Actor(user or self.user, "ada", "Ada Doe", (Grant(self.clinic, role),))

    def session(self, *injections: InjectionEntry, **values: Any) -> SessionEntry:
        defaults: dict[str, Any] = {
            "id": uuid4(), "patient_id": self.patient, "treated_on": TODAY,
            "injections": injections or (LIQUID,),
        }  # fmt: skip
        return SessionEntry(**(defaults | values))

    def record(self, entry: SessionEntry, **more: Any) -> recording.Recorded:
        return recording.record_session(
            self.engine, self.by, self.clinic, entry, **({"now": NOW} | more)
        )

    def amend(self, entry: SessionEntry, version: int) -> recording.Recorded:
        return recording.amend(
            self.engine, self.by, self.clinic, entry, version=version,
            reason=ReasonForChange.TYPING_ERROR, request_key=uuid4(), now=NOW,
        )  # fmt: skip

    def ask(self, *answers: tuple[Question, FactAnswer], **more: Any) -> dt.datetime:
        options = {"answered_on": TODAY, "request_key": uuid4(), "now": NOW} | more
        return record_risk_facts(
            self.engine, self.by, self.clinic, self.patient, answers, **options
        )

    def warned(self, entry: SessionEntry) -> dict[str, Level]:
        found = recording.problems_of(self.engine, self.by, self.clinic, entry, now=NOW)
        return {problem.rule: problem.level for problem in found if problem.interrupts}

    def configure(self, value: int | None, from_day: dt.date, **more: Any) -> None:
        set_clinic_setting(
            self.engine, more.pop("by", self.actor(Role.PRACTICE_MANAGER)), self.clinic,
            more.pop("code", "shortest_interval_days"),
            None if value is None else Decimal(value),
            valid_from=from_day, request_key=more.pop("key", uuid4()), now=NOW,
        )  # fmt: skip

    def count(self, model: type[Any]) -> int:
        with reading(self.engine) as db:
            return db.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def told(rule: str, words: str | None = None) -> OverrideEntry:
    return OverrideEntry(
        rule=rule,
        catalogue_version=catalogue().version,
        reason=OverrideReason.PATIENT_INFORMED,
        reason_text=words,
    )


# --- answers ---


def test_answers_of_one_act_are_one_change_and_stored_once(world: World) -> None:
    key = uuid4()
    before = world.count(ChangeSet)
    first = world.ask((ALLERGY, YES), (PREGNANCY, NO), request_key=key)
    again = world.ask((ALLERGY, NO), request_key=key, now=NOW + DAY)
    assert (first, again) == (NOW, NOW)
    assert world.count(ChangeSet) == before + 1
    with reading(world.engine) as db:
        facts = {
            (f.condition_code, f.sclerosant_code, f.answer) for f in db.scalars(sa.select(RiskFact))
        }
        written = db.scalars(sa.select(AuditRow).where(AuditRow.table_name == "risk_fact")).all()
    assert facts == {("allergy_to_agent", "polidocanol", YES), ("pregnancy", None, NO)}
    assert len(written) == 2


@pytest.mark.parametrize(
    ("answers", "options", "rule"),
    [
        ((), {}, "required"),
        (((Question("flu"), YES),), {}, "known_condition"),
        (((Question("pregnancy", "polidocanol"), YES),), {}, "known_agent"),
        (((Question("allergy_to_agent", "flour"), YES),), {}, "known_agent"),
        (((PREGNANCY, YES), (PREGNANCY, NO)), {}, "answer_once"),
        (((PREGNANCY, YES),), {"answered_on": TODAY + DAY}, "not_in_future"),
        (((PREGNANCY, YES),), {"answered_on": dt.date(1899, 12, 31)}, "plausible_day"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    world: World, answers: tuple[Any, ...], options: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InvalidEntry) as refused:
        world.ask(*answers, **options)
    assert [problem.rule for problem in refused.value.problems] == [rule]
    assert world.count(RiskFact) == 0


def test_answers_are_kept_by_those_who_record_here(world: World) -> None:
    for role in (Role.PRACTICE_MANAGER, Role.DATA_MANAGER, Role.AUDITOR):
        world.by = world.actor(role)
        with pytest.raises(PermissionDenied):
            world.ask((PREGNANCY, NO))
    world.by = world.actor(Role.CLINICIAN)
    with saving(world.engine) as db:
        world.patient = a_patient(db, world.elsewhere)
    with pytest.raises(NotFound):
        world.ask((PREGNANCY, NO))


def test_the_latest_answers_are_read_with_what_grew_old(world: World) -> None:
    world.ask((ALLERGY, NO), (PREGNANCY, NO), answered_on=TODAY - 30 * DAY)
    world.ask((ALLERGY, YES), answered_on=TODAY - 20 * DAY)

    def states(on: dt.date) -> dict[Question, tuple[FactAnswer, dt.date, bool]]:
        found = risk_facts_of(world.engine, world.by, world.clinic, world.patient, on)
        return {
            state.question: (state.answer, state.answered_on, state.is_stale)
            for state in found
            if isinstance(state, RiskFactState)
        }

    assert states(TODAY) == {
        ALLERGY: (YES, TODAY - 20 * DAY, False),
        PREGNANCY: (NO, TODAY - 30 * DAY, True),
    }
    assert states(TODAY - 25 * DAY)[ALLERGY] == (NO, TODAY - 30 * DAY, False)
    assert states(TODAY - 40 * DAY) == {}
    with pytest.raises(PermissionDenied):
        risk_facts_of(
            world.engine, world.actor(Role.PRACTICE_MANAGER), world.clinic, world.patient, TODAY
        )


def test_a_known_fact_warns_from_its_day_on_and_for_the_person_under_any_pseudonym(
    world: World,
) -> None:
    entry = world.session()
    assert world.warned(entry) == {}
    world.ask((ALLERGY, YES), answered_on=TODAY - DAY)
    stop = {"contraindication:aethoxysklerol_allergy_to_agent": Level.STOP}
    assert world.warned(entry) == stop
    assert world.warned(dataclasses.replace(entry, treated_on=TODAY - 2 * DAY)) == {}
    with saving(world.engine) as db:
        duplicate = a_patient(db, world.clinic)
        a_patient_link(db, world.clinic, duplicate, world.patient)
    assert world.warned(dataclasses.replace(entry, patient_id=duplicate)) == stop


def test_a_withdrawn_answer_was_never_given(world: World) -> None:
    with saving(world.engine) as db:
        a_risk_fact(db, world.clinic, world.patient, answer=YES, voided_at=NOW)
    assert world.warned(world.session()) == {}


# --- what happened before ---


def test_an_earlier_reaction_is_known_by_what_had_been_injected(world: World) -> None:
    with saving(world.engine) as db:
        earlier = a_session(db, world.clinic, world.patient, treated_on=TODAY - 60 * DAY)
        an_injection(db, world.clinic, earlier, product_code="polidocanol_generic")
        an_event(
            db, world.clinic, world.patient, treatment_session_id=earlier,
            event_term_code="allergic_skin_reaction", onset_on=TODAY - 60 * DAY,
        )  # fmt: skip
        an_event(
            db, world.clinic, world.patient, treatment_session_id=earlier,
            event_term_code="stroke", onset_on=TODAY - 60 * DAY, causality=Causality.UNRELATED,
        )  # fmt: skip
    assert world.warned(world.session()) == {"reaction_allergy": Level.CONFIRM}
    fibrovein = dataclasses.replace(LIQUID, product_code="fibrovein")
    assert world.warned(world.session(fibrovein)) == {}
    # Seen from before the reaction there is nothing to warn of.
    assert world.warned(world.session(treated_on=TODAY - 70 * DAY)) == {}


def test_a_clinic_may_wait_longer_than_the_labels_from_a_day_on(world: World) -> None:
    world.record(world.session(treated_on=TODAY - 20 * DAY))
    entry = world.session()
    assert world.warned(entry) == {}
    world.configure(42, TODAY + DAY)
    assert world.warned(entry) == {}
    world.configure(42, TODAY)
    assert world.warned(entry) == {"interval_of_clinic": Level.CONFIRM}
    world.configure(None, TODAY)
    assert world.warned(entry) == {}


# --- overrides ---


def test_an_override_is_stored_with_the_session_and_read_back(world: World) -> None:
    expired = dataclasses.replace(LIQUID, expires_on=TODAY - 9 * DAY)
    entry = world.session(expired)
    with pytest.raises(InvalidEntry):
        world.record(entry, accepted={EXPIRED})
    assert world.count(TreatmentSession) == 0
    entry = entry.with_overrides([told(EXPIRED), told("dose:asclera_session")])
    world.record(entry)
    kept = dataclasses.replace(entry, overrides=(told(EXPIRED),))
    assert session_entry(world.engine, world.by, world.clinic, entry.id) == (kept, 1)
    with reading(world.engine) as db:
        row = db.execute(sa.select(SafetyOverride.rule, SafetyOverride.catalogue_version)).one()
    assert tuple(row) == (EXPIRED, catalogue().version)


def test_a_stop_is_stored_only_with_words(world: World) -> None:
    world.ask((ALLERGY, YES))
    rule = "contraindication:aethoxysklerol_allergy_to_agent"
    entry = world.session()
    for override in (told(rule), told(rule, "...")):
        with pytest.raises(InvalidEntry) as refused:
            world.record(entry.with_overrides([override]))
        assert [problem.rule for problem in refused.value.problems] == [rule]
    world.record(entry.with_overrides([told(rule, "Intradermal test was negative")]))
    assert world.count(SafetyOverride) == 1


def test_an_amendment_keeps_the_overrides_and_does_not_ask_again(world: World) -> None:
    expired = dataclasses.replace(LIQUID, expires_on=TODAY - 9 * DAY)
    entry = world.session(expired).with_overrides([told(EXPIRED)])
    world.record(entry)
    without = dataclasses.replace(entry, pain=4, overrides=())
    assert world.warned(without) == {}
    world.amend(without, 1)
    assert session_entry(world.engine, world.by, world.clinic, entry.id) == (
        dataclasses.replace(entry, pain=4), 2,
    )  # fmt: skip


def test_history_is_not_judged_again_when_something_is_learned_later(world: World) -> None:
    entry = world.session(treated_on=TODAY - DAY)
    world.record(entry)
    world.ask((ALLERGY, YES), (Question("asthma"), YES), answered_on=TODAY - 2 * DAY)
    with saving(world.engine) as db:
        db.execute(sa.update(Lot).values(recalled_on=TODAY - 3 * DAY))
    assert world.warned(dataclasses.replace(entry, note="calm")) == {}
    world.amend(dataclasses.replace(entry, note="calm"), 1)
    assert world.count(SafetyOverride) == 0
    other = dataclasses.replace(LIQUID, product_code="sotradecol", concentration_percent=Decimal(1))
    assert set(world.warned(dataclasses.replace(entry, injections=(LIQUID, other)))) == {
        "contraindication:sotradecol_asthma"
    }


def test_what_is_known_of_a_stored_session_is_what_the_form_said(world: World) -> None:
    entry = world.session(LIQUID, dataclasses.replace(LIQUID, liquid_ml=Decimal("0.5")))
    world.record(entry)
    with reading(world.engine) as db:
        stored = known_about(db, world.clinic, entry, NOW).stored
    assert stored is not None
    assert {i.liquid_ml for i in stored.all_injections()} == {Decimal(2), Decimal("0.5")}
    assert {i.lot_number for i in stored.all_injections()} == {"L-1"}


def test_overrides_go_when_their_session_is_voided(world: World) -> None:
    expired = dataclasses.replace(LIQUID, expires_on=TODAY - 9 * DAY)
    entry = world.session(expired).with_overrides([told(EXPIRED)])
    world.record(entry)
    recording.void(
        world.engine, world.by, world.clinic, SessionEntry, entry.id, version=1,
        reason=ReasonForChange.DUPLICATE, request_key=uuid4(), now=NOW,
    )  # fmt: skip
    with reading(world.engine) as db:
        assert db.scalars(sa.select(SafetyOverride)).one().voided_at == NOW


def test_only_who_stored_a_record_first_is_told_so(world: World) -> None:
    entry = world.session()
    world.record(entry)
    with saving(world.engine) as db:
        colleague = a_user(db, user_name="bo")
    assert stored_by_self(world.engine, world.by, world.clinic, entry.id) == NOW
    other = world.actor(Role.CLINICIAN, colleague)
    assert stored_by_self(world.engine, other, world.clinic, entry.id) is None


# --- settings and recalls ---


def test_a_setting_holds_from_its_day_and_can_be_taken_back(world: World) -> None:
    def on(day: dt.date) -> Decimal | None:
        return settings_of(world.engine, world.by, world.clinic, day)["shortest_interval_days"]

    assert on(TODAY) is None
    world.configure(42, TODAY)
    world.configure(28, TODAY + 9 * DAY)
    world.configure(None, TODAY + 20 * DAY)
    days = [TODAY - DAY, TODAY, TODAY + 8 * DAY, TODAY + 9 * DAY, TODAY + 20 * DAY]
    assert [on(day) for day in days] == [None, 42, 42, 28, None]
    world.configure(35, TODAY)
    assert on(TODAY) == 35
    assert world.count(ClinicSetting) == 3


def test_a_setting_is_stored_once_and_by_those_who_may(world: World) -> None:
    key = uuid4()
    world.configure(42, TODAY, key=key)
    world.configure(28, TODAY, key=key)
    assert settings_of(world.engine, world.by, world.clinic, TODAY)["shortest_interval_days"] == 42
    for role in (Role.CLINICIAN, Role.AUDITOR, Role.ADMINISTRATOR):
        with pytest.raises(PermissionDenied):
            world.configure(28, TODAY, by=world.actor(role))


@pytest.mark.parametrize(
    ("code", "value", "day", "rule"),
    [
        ("longest_interval", 1, TODAY, "known_setting"),
        ("shortest_interval_days", 0, TODAY, "in_range"),
        ("shortest_interval_days", 366, TODAY, "in_range"),
        ("shortest_interval_days", 42, dt.date(2300, 1, 1), "plausible_day"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    world: World, code: str, value: int, day: dt.date, rule: str
) -> None:
    with pytest.raises(InvalidEntry) as refused:
        world.configure(value, day, code=code)
    assert [problem.rule for problem in refused.value.problems] == [rule]


def recalled(world: World, lot: str, on: dt.date | None, **more: Any) -> tuple[int, int]:
    by = more.pop("by", world.actor(Role.PRACTICE_MANAGER))
    options = {"request_key": uuid4(), "now": NOW} | more
    found = recall_lot(world.engine, by, world.clinic, "aethoxysklerol", lot, on, **options)
    return found.sessions, found.patients


def test_a_recalled_lot_says_who_had_it_and_stops_its_next_use(world: World) -> None:
    world.record(world.session(LIQUID, LIQUID, treated_on=TODAY - 9 * DAY))
    world.record(world.session(treated_on=TODAY - 2 * DAY))
    key = uuid4()
    assert recalled(world, "L-1", TODAY - DAY, request_key=key) == (2, 1)
    assert recalled(world, "L-1", TODAY, request_key=key) == (2, 1)
    assert world.warned(world.session()) == {"lot_recalled": Level.STOP}
    assert world.warned(world.session(treated_on=TODAY - 3 * DAY)) == {}
    assert lots_on_the_shelf(world.engine, world.by, world.clinic, on=TODAY) == []
    assert recalled(world, "L-1", None) == (2, 1)
    assert world.warned(world.session()) == {}


def test_a_lot_nobody_used_yet_is_remembered_as_recalled(world: World) -> None:
    assert recalled(world, " L-9 ", TODAY) == (0, 0)
    used = dataclasses.replace(LIQUID, lot_number="L-9")
    assert world.warned(world.session(used)) == {"lot_recalled": Level.STOP}
    with pytest.raises(NotFound):
        recalled(world, "L-8", None)
    with pytest.raises(InvalidEntry):
        recalled(world, " ", TODAY)
    with pytest.raises(PermissionDenied):
        recalled(world, "L-9", TODAY, by=world.by)

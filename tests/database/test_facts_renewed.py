"""Are facts that were renewed patient by patient the ones that reading everything gives?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis import facts as facts_module
from registry.analysis import touched_patients
from registry.analysis.clocks import last_contact
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.complications import complications
from registry.analysis.data_quality import data_quality
from registry.analysis.facts import facts_of
from registry.analysis.follow_up import follow_up
from registry.analysis.recurrence import recurrence
from registry.analysis.reported_outcomes import reported_outcomes
from registry.analysis.response import response
from registry.audit import Anchor
from registry.database import DbSession, make_engine
from registry.schema import (
    AdverseEvent,
    Clinician,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    LimbAssessment,
    Patient,
    PatientLink,
    PatientReportedOutcome,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import (
    Causality,
    Laterality,
    Role,
    SclerosantForm,
    SessionIntent,
    Sex,
    VesselClass,
)
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_clinician,
    a_contact_attempt,
    a_course,
    a_finding,
    a_follow_up,
    a_limb_assessment,
    a_lot,
    a_patient,
    a_patient_link,
    a_reported_outcome,
    a_session,
    a_site,
    a_user,
    an_event,
    an_import_batch,
    an_injection,
    an_outcome,
    an_override,
    saving,
)

LATER: Final = TODAY + dt.timedelta(days=500)
DAYS: Final = tuple(TODAY - dt.timedelta(days=days) for days in range(0, 700, 35))

AMENDED: Final[tuple[tuple[Any, str, Sequence[Any]], ...]] = (
    (Patient, "sex", tuple(Sex)),
    (Patient, "died_on", (None, TODAY)),
    (Course, "payer", ("Own means", "own  means", "Fund", None)),
    (TreatmentSession, "treated_on", DAYS),
    (TreatmentSession, "intent", tuple(SessionIntent)),
    (TreatmentSession, "clinician_id", (1, None)),
    (TreatedSite, "vessel_class", tuple(VesselClass)),
    (Injection, "form", tuple(SclerosantForm)),
    (AdverseEvent, "causality", tuple(Causality)),
    (FollowUp, "seen_on", DAYS),
    (FollowUpFinding, "adverse_event_id", (None,)),
    (SiteOutcome, "score", tuple(map(Decimal, range(0, 100, 10)))),
)
VOIDED: Final = (
    Course, TreatmentSession, TreatedSite, Injection, AdverseEvent, FollowUp, FollowUpFinding,
    SiteOutcome, SafetyOverride, PatientReportedOutcome, LimbAssessment, Patient, PatientLink,
)  # fmt: skip


def story(
    db: DbSession,
    clinic: int,
    patient: UUID,
    day: dt.date = TODAY,
    intent: SessionIntent = SessionIntent.PLANNED_STAGE,
    side: Laterality = Laterality.LEFT,
    form: SclerosantForm = SclerosantForm.LIQUID,
    is_followed: bool = True,
) -> None:
    """A session of a patient, and some of all that can follow it."""
    course = a_course(db, clinic, patient, payer="Fund")
    session = a_session(db, clinic, patient, treated_on=day, course_id=course, intent=intent)
    site = a_site(db, clinic, patient, session, side=side)
    an_injection(db, clinic, session, treated_site_id=site, form=form)
    an_override(db, clinic, session)
    if is_followed:
        event = an_event(
            db, clinic, patient, treatment_session_id=session, treated_site_id=site,
            onset_on=day + dt.timedelta(days=5),
        )  # fmt: skip
        seen = a_follow_up(
            db, clinic, patient, treatment_session_id=session, seen_on=day + dt.timedelta(days=60)
        )
        a_finding(db, clinic, seen, adverse_event_id=event)
        an_outcome(db, clinic, patient, seen, side=side)


KINDS: Final = ("new", "story", "asked", "amend", "amend", "void", "link", "unlink", "aside")


def any_story(rng: Random) -> dict[str, Any]:
    """What a story is about."""
    return {
        "day": rng.choice(DAYS),
        "intent": rng.choice(tuple(SessionIntent)),
        "side": rng.choice(tuple(Laterality)),
        "form": rng.choice(tuple(SclerosantForm)),
        "is_followed": rng.random() < 0.7,
    }


def taken(db: DbSession, model: Any, rng: Random) -> Any:
    """One of the stored rows of a table that stand, or None."""
    rows = db.scalars(
        sa.select(model).where(model.voided_at.is_(None)).order_by(model.recorded_at, model.id)
    ).all()
    return rng.choice(rows) if rows else None


def change(db: DbSession, rng: Random) -> None:
    """Store, correct, withdraw or link something."""
    kind, patient = rng.choice(KINDS), taken(db, Patient, rng)
    if kind == "new" or patient is None:
        clinic = rng.choice((1, 2))
        story(db, clinic, a_patient(db, clinic), **any_story(rng))
    elif kind == "story":
        story(db, patient.clinic_id, patient.id, **any_story(rng))
    elif kind == "asked":
        answers = db.scalar(sa.select(sa.func.count()).select_from(PatientReportedOutcome))
        day = LATER + dt.timedelta(days=answers or 0)
        a_reported_outcome(db, patient.clinic_id, patient.id, answered_on=day)
        a_limb_assessment(db, patient.clinic_id, patient.id, assessed_on=day)
    elif kind == "amend":
        model, name, values = rng.choice(AMENDED)
        if (row := taken(db, model, rng)) is not None:
            setattr(row, name, rng.choice(values))
    elif kind == "void":
        if (row := taken(db, rng.choice(VOIDED), rng)) is not None:
            row.voided_at = NOW
    elif kind == "unlink":
        if (row := taken(db, PatientLink, rng)) is not None:
            row.voided_at = NOW
    elif kind == "link":
        link(db, patient, taken(db, Patient, rng))
    elif (visit := taken(db, FollowUp, rng)) is not None:
        a_contact_attempt(db, visit.clinic_id, visit.patient_id, visit.id)
    db.flush()


def link(db: DbSession, duplicate: Patient, kept: Patient) -> None:
    """Link two patients who are not linked, and enter under the one what followed the other's."""
    standing = db.scalars(sa.select(PatientLink).where(PatientLink.voided_at.is_(None)))
    linked = {id_ for row in standing for id_ in (row.patient_id, row.same_as_id)}
    if (
        duplicate is kept
        or duplicate.clinic_id != kept.clinic_id
        or {duplicate.id, kept.id} & linked
    ):
        return
    a_patient_link(db, duplicate.clinic_id, duplicate.id, kept.id)
    session = db.scalar(
        sa.select(TreatmentSession).where(
            TreatmentSession.patient_id == kept.id, TreatmentSession.voided_at.is_(None)
        )
    )
    if session is not None:
        an_event(
            db, duplicate.clinic_id, duplicate.id, treatment_session_id=session.id,
            onset_on=session.treated_on + dt.timedelta(days=3),
        )  # fmt: skip


class Canonical:
    """Facts without what may differ: the codes of patients, courses and sites, and some orders."""

    def __init__(self, engine: Engine) -> None:
        self.facts = facts_of(engine)
        codes = facts_module._cache[engine].patients
        self.person: dict[int, str] = {-1: ""}
        for code, id_ in zip(codes.person.tolist(), codes.keys[1], strict=True):
            self.person[code] = min(id_, self.person.get(code, id_)) if code >= 0 else ""
        self.ids = [id_.decode() for id_ in self.facts.session_ids.tolist()] + [""]
        self.sites = dict(
            zip(self.facts.sites["site"].tolist(), self.rows("sites", "site_of"), strict=True)
        )

    def rows(self, name: str, *columns: str) -> list[Any]:
        table: pd.DataFrame = getattr(self.facts, name)
        if columns == ("site_of",):
            names = [self.person[code] for code in table["patient"]]
            return list(zip(names, table["side"], table["anatomy_code"], strict=True))
        plain = {}
        for column in table:
            values = table[column].tolist()
            if column == "patient":
                values = [self.person[code] for code in values]
            elif column == "session":
                values = [self.ids[row] for row in values]
            elif column == "site" and name != "sessions":
                values = [self.sites[code] for code in values]
            elif column == "course":
                values = pd.factorize(table[column])[0].tolist()
            elif column in self.facts.levels and name == "sessions":
                values = [self.facts.levels[column][code] for code in values]
            plain[column] = [None if value != value else value for value in values]
        return list(zip(*plain.values(), strict=True))

    def visits(self) -> list[Any]:
        missing: dict[int, list[int]] = {}
        for visit, term in self.facts.not_assessed.itertuples(index=False):
            missing.setdefault(visit, []).append(term)
        rows = self.rows("visits")
        return sorted((row, sorted(missing.get(i, []))) for i, row in enumerate(rows))

    def all(self) -> dict[str, Any]:
        facts = self.facts
        unordered = ("events", "sites", "outcomes", "answers", "reported", "legs")
        return {
            "sessions": self.rows("sessions"),
            "visits": self.visits(),
            **{name: sorted(self.rows(name), key=repr) for name in unordered},
            "deaths": {self.person[code]: day for code, day in facts.deaths.items()},
            **{
                name: getattr(facts, name)
                for name in ("seal", "levels", "clinicians", "clinics", "payers")
            },
        }


def rounded(told: Any) -> Any:
    """A result without the last digits, in which sums over patients in another order differ."""
    if isinstance(told, dict):
        return {key: rounded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [rounded(value) for value in told]
    return float(f"{told:.9g}") if isinstance(told, float) else told


def agree(engine: Engine) -> None:
    """The facts of an engine that has read before, and those of one that has not."""
    again = make_engine(engine.url)
    ours, fresh = Canonical(engine), Canonical(again)
    assert ours.all() == fresh.all()
    assert ours.ids == fresh.ids
    for name in ("site", "day"), ("patient", "day"):
        for table in ("sites", "outcomes") if "site" in name else ("answers", "reported", "legs"):
            keys = getattr(ours.facts, table)[list(name)].to_numpy().tolist()
            assert keys == sorted(keys)
    codes = ours.facts.sites["site"].unique()
    assert codes.tolist() == list(range(len(codes)))
    assert len(set(ours.sites.values())) == len(codes)
    by = Actor(1, "ada", "Ada Doe", tuple(Grant(c, Role.PRACTICE_MANAGER) for c in (1, 2)))
    for report in (complications, data_quality, follow_up, recurrence, reported_outcomes, response):
        told = [report(e, by, CohortFilter(), today=LATER).to_dict() for e in (engine, again)]
        assert rounded(told[0]) == rounded(told[1])
    again.dispose()


@pytest.fixture
def clinics(engine: Engine) -> Engine:
    """Two clinics with a clinician each, whose facts were read."""
    with saving(engine) as db:
        a_user(db)
        for number, code in enumerate(("LEG", "ARM"), 1):
            assert a_clinic(db, code=code) == number
            a_clinician(db, number)
    facts_of(engine)
    return engine


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_renewed_facts_are_those_read_afresh(clinics: Engine, seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - the same changes each time
    for _ in range(12):
        for _ in range(rng.randint(1, 3)):
            with saving(clinics) as db:
                for _ in range(rng.randint(1, 4)):
                    change(db, rng)
        facts_of(clinics)
        if rng.random() < 0.4:
            agree(clinics)


@pytest.fixture
def readings(clinics: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clinic that was read, and the seal of each time that everything is read from here on."""
    with saving(clinics) as db:
        for day in range(3):
            story(db, 1, a_patient(db, 1), TODAY - dt.timedelta(days=day))
    facts_of(clinics)
    seals: list[int] = []
    whole = facts_module._whole

    def counted(db: DbSession, newest: Anchor) -> Any:
        seals.append(newest.seq)
        return whole(db, newest)

    monkeypatch.setattr(facts_module, "_whole", counted)
    return seals


def test_a_save_reads_the_facts_of_its_patient_only(clinics: Engine, readings: list[int]) -> None:
    before = facts_of(clinics)
    with saving(clinics) as db:
        story(db, 1, a_patient(db, 1))
    after = facts_of(clinics)
    assert (len(before.sessions), len(after.sessions)) == (3, 4)
    assert after.seal == before.seal + 1
    assert readings == []


def test_what_holds_no_facts_gives_them_the_new_seal(clinics: Engine, readings: list[int]) -> None:
    before = facts_of(clinics)
    assert before.once("kept", lambda: "old") == "old"
    with saving(clinics) as db:
        a_lot(db, 1)
    after = facts_of(clinics)
    assert after.seal == before.seal + 1
    assert after.sessions is before.sessions
    assert after.once("kept", lambda: "new") == "new"
    assert readings == []


@pytest.mark.parametrize("what", ["clinic", "import", "many rows", "many patients"])
def test_everything_is_read_when_more_than_some_patients_changed(
    clinics: Engine, readings: list[int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(touched_patients, "MOST_ROWS", 20)
    monkeypatch.setattr(touched_patients, "MOST_PATIENTS", 3)
    with saving(clinics) as db:
        if what == "clinic":
            db.execute(sa.update(Clinician).values(display_name="Dr Renamed"))
        elif what == "import":
            an_import_batch(db, 1)
        elif what == "many patients":
            for _ in range(4):
                a_patient(db, 2)
        else:
            patient = a_patient(db, 2)
            for day in range(21):
                a_session(db, 2, patient, treated_on=TODAY - dt.timedelta(days=day))
    agree(clinics)
    assert readings[0] == facts_of(clinics).seal


def test_another_database_in_its_place_is_read_whole(clinics: Engine, readings: list[int]) -> None:
    kept = facts_module._cache[clinics]
    other = Anchor(kept.facts.seal - 1, "0" * 64)
    facts_module._cache[clinics] = replace(kept, anchor=other)
    agree(clinics)
    assert readings[0] == kept.facts.seal


def test_a_death_that_was_a_mistake_is_forgotten(clinics: Engine, readings: list[int]) -> None:
    with saving(clinics) as db:
        patient = a_patient(db, 1, died_on=TODAY)
    assert len(facts_of(clinics).deaths) == 1
    with saving(clinics) as db:
        db.execute(sa.update(Patient).where(Patient.id == patient).values(died_on=None))
    assert len(facts_of(clinics).deaths) == 0
    assert readings == []


def test_a_call_of_a_patient_who_was_withdrawn_is_nobodys(clinics: Engine) -> None:
    with saving(clinics) as db:
        first, last = a_patient(db, 1), a_patient(db, 1)
        a_session(db, 1, last)
        a_follow_up(db, 1, first, seen_on=LATER)
    with saving(clinics) as db:
        db.execute(sa.update(Patient).where(Patient.id == first).values(voided_at=NOW))
    agree(clinics)
    contact = last_contact(facts_of(clinics))
    assert contact.max() == day_number(TODAY)

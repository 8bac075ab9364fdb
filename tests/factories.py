"""Records for tests: plausible unless a keyword says otherwise, stored as one audited change.

    with saving(engine) as db:
        clinic_id = a_clinic(db)
        patient_id = a_patient(db, clinic_id, sex=Sex.MALE)
        session_id = a_session(db, clinic_id, patient_id, treated_on=dt.date(2026, 3, 2))
        an_event(db, clinic_id, patient_id, treatment_session_id=session_id)

Every keyword is a column of the table. Codes are those of the shipped catalogue.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor
from registry.database import Base, DbSession
from registry.operations.migration import command_line_actor
from registry.schema import (
    AdverseEvent,
    ChangePoint,
    Clinic,
    Clinician,
    ClinicSetting,
    ContactAttempt,
    Course,
    Draft,
    Favourite,
    FollowUp,
    FollowUpFinding,
    ImportBatch,
    Injection,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    PhotographContent,
    ProductGtin,
    ReportingPeriod,
    RiskFact,
    RoleGrant,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
    UserAccount,
)
from registry.vocabulary import (
    Causality,
    CeapClass,
    ContactMethod,
    ContactOutcome,
    FactAnswer,
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    OverrideReason,
    PhotoView,
    Role,
    SclerosantForm,
    Severity,
    Sex,
    SiteFinding,
    VesselClass,
)

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
TODAY = NOW.date()
PRODUCT, EVENT_TERM, ANATOMY = "aethoxysklerol", "skin_necrosis", "thigh_lateral"
SCALE, CHECKLIST = "clearance_percent", ("standard_6_8w", 1)


@contextmanager
def saving(
    engine: Engine, action: str = "prepare_test", *, by: Actor | None = None, **cause: Any
) -> Iterator[DbSession]:
    """One audited transaction, by the account "system" unless ``by`` says otherwise."""
    actor = by or command_line_actor(engine)
    with audit.transaction(engine, actor, audit.Cause(action, **cause), now=NOW) as db:
        yield db


def _insert(db: DbSession, model: type[Base], values: dict[str, Any]) -> Any:
    key = db.execute(sa.insert(model).values(**values)).inserted_primary_key
    assert key is not None
    return key[-1]


def _record(db: DbSession, model: type[Base], values: dict[str, Any]) -> UUID:
    values = {"id": uuid4(), "recorded_at": NOW} | values
    _insert(db, model, values)
    return UUID(str(values["id"]))


def a_clinic(db: DbSession, **values: Any) -> int:
    """Insert a clinic; a second one in the same registry needs its own ``code``."""
    defaults = {
        "code": "LEG",
        "name": "Leg clinic",
        "jurisdiction": "EU",
        "time_zone": "Europe/Berlin",
    }
    return int(_insert(db, Clinic, defaults | values))


def a_user(db: DbSession, **values: Any) -> int:
    """Insert an account that cannot sign in."""
    defaults = {"user_name": "ada", "display_name": "Ada Doe", "created_at": NOW}
    return int(_insert(db, UserAccount, defaults | values))


def a_grant(
    db: DbSession, clinic_id: int, user_id: int, role: Role = Role.CLINICIAN, **values: Any
) -> None:
    """Insert a role in a clinic."""
    _insert(db, RoleGrant, {"clinic_id": clinic_id, "user_id": user_id, "role": role} | values)


def a_clinician(db: DbSession, clinic_id: int, number: int = 1, **values: Any) -> int:
    """Insert someone who treats."""
    defaults = {
        "clinic_id": clinic_id,
        "id": number,
        "code": f"C{number}",
        "display_name": f"Clinician {number}",
    }
    return int(_insert(db, Clinician, defaults | values))


def a_patient(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert a patient with a pseudonym of its own."""
    defaults = {
        "clinic_id": clinic_id,
        "pseudonym": f"P-{uuid4().hex[:12]}",
        "birth_year": 1970,
        "sex": Sex.FEMALE,
        "enrolled_on": TODAY,
    }
    return _record(db, Patient, defaults | values)


def an_identity(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> None:
    """Insert who a patient is."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "salt": uuid4().hex,
        "family_name": "Zzcanary",
        "given_name": "Ida",
        "birth_date": dt.date(1970, 5, 17),
        "hospital_number": "H-4711",
    }
    _insert(db, PatientIdentity, defaults | values)


def a_course(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert a plan of sessions."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "opened_on": TODAY,
        "planned_sessions": 3,
    }
    return _record(db, Course, defaults | values)


def a_session(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert a treatment session without sites or injections."""
    defaults = {"clinic_id": clinic_id, "patient_id": patient_id, "treated_on": TODAY}
    return _record(db, TreatmentSession, defaults | values)


def a_site(
    db: DbSession, clinic_id: int, patient_id: UUID, treatment_session_id: UUID, **values: Any
) -> UUID:
    """Insert a site treated in a session."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "treatment_session_id": treatment_session_id,
        "side": Laterality.LEFT,
        "anatomy_code": ANATOMY,
        "vessel_class": VesselClass.RETICULAR,
        "diameter_mm": Decimal("1.5"),
    }
    return _record(db, TreatedSite, defaults | values)


def a_lot(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert a lot on the shelf."""
    defaults = {
        "clinic_id": clinic_id,
        "product_code": PRODUCT,
        "lot_number": "L-100",
        "expires_on": dt.date(2027, 12, 31),
    }
    return _record(db, Lot, defaults | values)


def an_injection(db: DbSession, clinic_id: int, treatment_session_id: UUID, **values: Any) -> UUID:
    """Insert an injection of liquid polidocanol 0.5 %, 2 mL."""
    defaults = {
        "clinic_id": clinic_id,
        "treatment_session_id": treatment_session_id,
        "product_code": PRODUCT,
        "form": SclerosantForm.LIQUID,
        "concentration_percent": Decimal("0.5"),
        "liquid_ml": Decimal("2"),
    }
    return _record(db, Injection, defaults | values)


def an_event(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert a mild skin necrosis; attribute it with ``treatment_session_id``."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "event_term_code": EVENT_TERM,
        "onset_on": TODAY + dt.timedelta(days=5),
        "reported_on": TODAY + dt.timedelta(days=14),
        "severity": Severity.MILD,
        "causality": Causality.PROBABLE,
    }
    return _record(db, AdverseEvent, defaults | values)


def a_follow_up(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert a visit held eight weeks after, at which the standard list was looked for."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "status": FollowUpStatus.SEEN,
        "seen_on": TODAY + dt.timedelta(days=56),
        "method": FollowUpMethod.CLINIC,
        "checklist_code": CHECKLIST[0],
        "checklist_version": CHECKLIST[1],
    }
    return _record(db, FollowUp, defaults | values)


def a_finding(db: DbSession, clinic_id: int, follow_up_id: UUID, **values: Any) -> UUID:
    """Insert an item of the checklist that was present."""
    defaults = {
        "clinic_id": clinic_id,
        "follow_up_id": follow_up_id,
        "event_term_code": EVENT_TERM,
        "state": FindingState.PRESENT,
    }
    return _record(db, FollowUpFinding, defaults | values)


def an_outcome(
    db: DbSession, clinic_id: int, patient_id: UUID, follow_up_id: UUID, **values: Any
) -> UUID:
    """Insert how a site looked: cleared by 80 %."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "follow_up_id": follow_up_id,
        "side": Laterality.LEFT,
        "anatomy_code": ANATOMY,
        "finding": SiteFinding.CLEARED,
        "scale_code": SCALE,
        "score": Decimal("80"),
    }
    return _record(db, SiteOutcome, defaults | values)


def an_import_batch(db: DbSession, clinic_id: int, **values: Any) -> int:
    """Insert the note of an imported file."""
    defaults = {
        "clinic_id": clinic_id,
        "content_digest": "0" * 64,
        "imported_at": NOW,
        "row_count": 1,
    }
    return int(_insert(db, ImportBatch, defaults | values))


def a_risk_fact(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert an answer about a condition."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "condition_code": "pregnancy",
        "answer": FactAnswer.NO,
        "answered_on": TODAY,
    }
    return _record(db, RiskFact, defaults | values)


def an_override(db: DbSession, clinic_id: int, treatment_session_id: UUID, **values: Any) -> UUID:
    """Insert a warning that was overridden."""
    defaults = {
        "clinic_id": clinic_id,
        "treatment_session_id": treatment_session_id,
        "rule": "lot_not_expired",
        "catalogue_version": "2026-11-23",
        "reason": OverrideReason.NO_ALTERNATIVE,
    }
    return _record(db, SafetyOverride, defaults | values)


def a_setting(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert a number that the clinic has set."""
    defaults = {
        "clinic_id": clinic_id,
        "code": "shortest_interval_days",
        "value": Decimal(42),
        "valid_from": TODAY,
    }
    return _record(db, ClinicSetting, defaults | values)


def a_draft(db: DbSession, clinic_id: int, user_id: int, **values: Any) -> UUID:
    """Insert a form that is being filled in."""
    row = {
        "clinic_id": clinic_id,
        "id": uuid4(),
        "user_id": user_id,
        "record_id": uuid4(),
        "form": "session",
        "content": "{}",
        "updated_at": NOW,
    } | values
    _insert(db, Draft, row)
    return UUID(str(row["id"]))


def a_favourite(db: DbSession, clinic_id: int, user_id: int, **values: Any) -> UUID:
    """Insert a preparation that somebody draws up again and again."""
    defaults = {
        "clinic_id": clinic_id,
        "user_id": user_id,
        "label": "My liquid",
        "product_code": PRODUCT,
        "form": SclerosantForm.LIQUID,
    }
    return _record(db, Favourite, defaults | values)


def a_product_gtin(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert what the code on a pack stands for."""
    defaults = {"clinic_id": clinic_id, "gtin": "09501101530003", "product_code": PRODUCT}
    return _record(db, ProductGtin, defaults | values)


def a_contact_attempt(
    db: DbSession, clinic_id: int, patient_id: UUID, follow_up_id: UUID, **values: Any
) -> UUID:
    """Insert a call that nobody answered."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "follow_up_id": follow_up_id,
        "attempted_on": TODAY,
        "method": ContactMethod.PHONE,
        "outcome": ContactOutcome.NO_ANSWER,
    }
    return _record(db, ContactAttempt, defaults | values)


def a_limb_assessment(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert the clinical class of a leg."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "side": Laterality.LEFT,
        "assessed_on": TODAY,
        "ceap": CeapClass.C1,
    }
    return _record(db, LimbAssessment, defaults | values)


def a_reported_outcome(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert an answer of a patient."""
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "answered_on": TODAY,
        "item_code": "symptom_heaviness",
        "score": Decimal(4),
    }
    return _record(db, PatientReportedOutcome, defaults | values)


def a_photograph(db: DbSession, clinic_id: int, patient_id: UUID, **values: Any) -> UUID:
    """Insert a photograph with a content of its own."""
    content = uuid4().bytes
    digest = hashlib.sha256(content).hexdigest()
    _insert(db, PhotographContent, {"clinic_id": clinic_id, "digest": digest, "content": content})
    defaults = {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "taken_on": TODAY,
        "side": Laterality.LEFT,
        "view": PhotoView.ANTERIOR,
        "consent_version": "2026-1",
        "content_digest": digest,
    }
    return _record(db, Photograph, defaults | values)


def a_patient_link(
    db: DbSession, clinic_id: int, patient_id: UUID, same_as_id: UUID, **values: Any
) -> UUID:
    """Insert that two patients are one person."""
    defaults = {"clinic_id": clinic_id, "patient_id": patient_id, "same_as_id": same_as_id}
    return _record(db, PatientLink, defaults | values)


def a_change_point(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert a change in how the clinic works."""
    defaults = {"clinic_id": clinic_id, "changed_on": TODAY, "what": "CO2 foam"}
    return _record(db, ChangePoint, defaults | values)


def a_reporting_period(db: DbSession, clinic_id: int, **values: Any) -> UUID:
    """Insert a frozen period without results."""
    defaults = {
        "clinic_id": clinic_id,
        "name": "2026 Q1",
        "first_day": dt.date(2026, 1, 1),
        "last_day": dt.date(2026, 3, 31),
        "data_as_of": dt.date(2026, 4, 1),
        "seal_seq": 1,
        "content": "{}",
        "content_digest": hashlib.sha256(b"{}").hexdigest(),
    }
    return _record(db, ReportingPeriod, defaults | values)


def one_of_each(db: DbSession) -> dict[str, Any]:
    """Insert one row into every table that users fill; returns the ids by table name.

    All but ``patient_link``, which takes a second patient.
    """
    clinic_id = a_clinic(db)
    user_id = a_user(db)
    a_grant(db, clinic_id, user_id)
    clinician_id = a_clinician(db, clinic_id)
    patient_id = a_patient(db, clinic_id)
    an_identity(db, clinic_id, patient_id)
    course_id = a_course(db, clinic_id, patient_id)
    session_id = a_session(
        db, clinic_id, patient_id, course_id=course_id, clinician_id=clinician_id
    )
    site_id = a_site(db, clinic_id, patient_id, session_id)
    lot_id = a_lot(db, clinic_id)
    injection_id = an_injection(db, clinic_id, session_id, treated_site_id=site_id, lot_id=lot_id)
    event_id = an_event(
        db, clinic_id, patient_id, treatment_session_id=session_id, treated_site_id=site_id
    )
    follow_up_id = a_follow_up(db, clinic_id, patient_id, treatment_session_id=session_id)
    return {
        "clinic": clinic_id,
        "user_account": user_id,
        "clinician": clinician_id,
        "patient": patient_id,
        "course": course_id,
        "treatment_session": session_id,
        "treated_site": site_id,
        "lot": lot_id,
        "injection": injection_id,
        "adverse_event": event_id,
        "follow_up": follow_up_id,
        "follow_up_finding": a_finding(db, clinic_id, follow_up_id, adverse_event_id=event_id),
        "site_outcome": an_outcome(db, clinic_id, patient_id, follow_up_id),
        "import_batch": an_import_batch(db, clinic_id),
        "risk_fact": a_risk_fact(db, clinic_id, patient_id),
        "safety_override": an_override(db, clinic_id, session_id),
        "clinic_setting": a_setting(db, clinic_id),
        "draft": a_draft(db, clinic_id, user_id, patient_id=patient_id),
        "favourite": a_favourite(db, clinic_id, user_id),
        "product_gtin": a_product_gtin(db, clinic_id),
        "contact_attempt": a_contact_attempt(db, clinic_id, patient_id, follow_up_id),
        "limb_assessment": a_limb_assessment(db, clinic_id, patient_id),
        "patient_reported_outcome": a_reported_outcome(db, clinic_id, patient_id),
        "photograph": a_photograph(db, clinic_id, patient_id),
        "change_point": a_change_point(db, clinic_id),
        "reporting_period": a_reporting_period(db, clinic_id),
    }

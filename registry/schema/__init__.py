"""The data model, one module per clinical concept.

Every clinical row carries ``clinic_id`` in its key, so a row can never point into another clinic,
and a client-made ``id``, so that sending the same thing twice stores it once.
"""

from registry.database import Base, add_range_checks
from registry.schema.adverse_event import AdverseEvent
from registry.schema.assessment import LimbAssessment, PatientReportedOutcome
from registry.schema.audit import AuditRow, ChangeSet, Seal
from registry.schema.clinic import (
    AccessLog,
    Clinic,
    Clinician,
    RoleGrant,
    SignIn,
    UserAccount,
)
from registry.schema.clinic_setting import ClinicSetting
from registry.schema.contact_attempt import ContactAttempt
from registry.schema.control import ChangePoint, ReportingPeriod
from registry.schema.draft import Draft, Favourite
from registry.schema.follow_up import FollowUp, FollowUpFinding, SiteOutcome
from registry.schema.import_batch import ImportBatch
from registry.schema.patient import Patient, PatientIdentity, PatientLink
from registry.schema.photograph import Photograph, PhotographContent
from registry.schema.reference import (
    Anatomy,
    Checklist,
    Condition,
    EventTerm,
    InstrumentItem,
    Product,
    Scale,
    Sclerosant,
)
from registry.schema.safety import RiskFact, SafetyOverride
from registry.schema.treatment import (
    Course,
    Injection,
    Lot,
    ProductGtin,
    TreatedSite,
    TreatmentSession,
)

add_range_checks(Base.metadata)

__all__ = [
    "AccessLog",
    "AdverseEvent",
    "Anatomy",
    "AuditRow",
    "Base",
    "ChangePoint",
    "ChangeSet",
    "Checklist",
    "Clinic",
    "ClinicSetting",
    "Clinician",
    "Condition",
    "ContactAttempt",
    "Course",
    "Draft",
    "EventTerm",
    "Favourite",
    "FollowUp",
    "FollowUpFinding",
    "ImportBatch",
    "Injection",
    "InstrumentItem",
    "LimbAssessment",
    "Lot",
    "Patient",
    "PatientIdentity",
    "PatientLink",
    "PatientReportedOutcome",
    "Photograph",
    "PhotographContent",
    "Product",
    "ProductGtin",
    "ReportingPeriod",
    "RiskFact",
    "RoleGrant",
    "SafetyOverride",
    "Scale",
    "Sclerosant",
    "Seal",
    "SignIn",
    "SiteOutcome",
    "TreatedSite",
    "TreatmentSession",
    "UserAccount",
]

"""The data model, one module per clinical concept.

Every clinical row carries ``clinic_id`` in its key, so a row can never point into another clinic,
and a client-made ``id``, so that sending the same thing twice stores it once.
"""

from registry.database import Base, add_range_checks
from registry.schema.adverse_event import AdverseEvent
from registry.schema.audit import AuditRow, ChangeSet, Seal
from registry.schema.clinic import (
    AccessLog,
    Clinic,
    Clinician,
    RoleGrant,
    SignIn,
    UserAccount,
)
from registry.schema.follow_up import FollowUp, FollowUpFinding, SiteOutcome
from registry.schema.import_batch import ImportBatch
from registry.schema.patient import Patient, PatientIdentity
from registry.schema.reference import Anatomy, Checklist, EventTerm, Product, Scale, Sclerosant
from registry.schema.treatment import Course, Injection, Lot, TreatedSite, TreatmentSession

add_range_checks(Base.metadata)

__all__ = [
    "AccessLog",
    "AdverseEvent",
    "Anatomy",
    "AuditRow",
    "Base",
    "ChangeSet",
    "Checklist",
    "Clinic",
    "Clinician",
    "Course",
    "EventTerm",
    "FollowUp",
    "FollowUpFinding",
    "ImportBatch",
    "Injection",
    "Lot",
    "Patient",
    "PatientIdentity",
    "Product",
    "RoleGrant",
    "Scale",
    "Sclerosant",
    "Seal",
    "SignIn",
    "SiteOutcome",
    "TreatedSite",
    "TreatmentSession",
    "UserAccount",
]

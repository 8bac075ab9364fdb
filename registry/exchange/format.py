"""The canonical format: which files there are, which columns they hold and how they are linked.

Keys are the clinic's own texts. A patient key is unique in the clinic, a site key within its
session, any other key of a record in its file. A key that is a UUID is the identifier of the record
itself; any other key gives a derived one, so the same key always means the same record and an
exported file finds its records again. Lots, packs and settings are known by what they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid5

from registry.entry.assessments import RVCSS_ITEMS
from registry.exchange.columns import File, Withheld, file, key, patient_key, plain
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    ChangePoint,
    Clinician,
    ClinicSetting,
    ContactAttempt,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    ProductGtin,
    RiskFact,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)

FORMAT_VERSION: Final = 1
LONGEST_KEY: Final = 64
KEY_NAMESPACE: Final = UUID("d7a2a3f2-6b0e-4b51-9c0a-5f3b9f6d1e08")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def record_id(clinic_code: str, file: str, key: str) -> UUID:
    """Identifier of the record with ``key``: the key itself when it is a UUID, else derived."""
    if is_uuid(key):
        return UUID(key)
    return uuid5(_namespace(clinic_code), f"{file}/{key}")


@cache
def _namespace(clinic_code: str) -> UUID:
    return uuid5(KEY_NAMESPACE, clinic_code)


def is_uuid(key: str) -> bool:
    """Whether a key is a UUID written the usual way."""
    return _UUID.fullmatch(key) is not None


_CRITERIA: Final = (
    "criterion_death",
    "criterion_life_threatening",
    "criterion_hospitalisation",
    "criterion_disability",
    "criterion_congenital_anomaly",
    "criterion_medically_important",
)

_FILES: Final = (
    file(
        "clinicians.csv",
        message(
            "Who treats; needed only when sessions name clinicians that the registry does not know."
        ),
        key(
            "clinician_code",
            Clinician,
            "code",
            message("Short code of the clinician in the files."),
        ),
        plain(Clinician, "display_name", optional=True),
    ),
    file(
        "patients.csv",
        message("Patients, under a pseudonym."),
        key(
            "patient_key",
            Patient,
            "id",
            message(
                "The clinic's own key of the patient, never a name; also the pseudonym when that "
                "column is blank."
            ),
        ),
        plain(Patient, "pseudonym", optional=True),
        plain(Patient, "enrolled_on", "birth_year", "sex", "skin_type", "died_on"),
        plain(PatientIdentity, "family_name", "given_name", "birth_date", "hospital_number"),
        required=True,
    ),
    file(
        "patient_links.csv",
        message("Patients who are one person: one row for each duplicate."),
        key("link_key", PatientLink, "id", message("The clinic's own key of the link.")),
        key("patient_key", PatientLink, "patient_id", message("Key of the duplicate.")),
        key(
            "same_as_key",
            PatientLink,
            "same_as_id",
            message("Key of the patient under whom both are counted."),
        ),
    ),
    file(
        "risk_facts.csv",
        message(
            "Answers to the questions asked before a needle: one row an answer. Of several answers "
            "to one question on one day the last row stands."
        ),
        key("risk_fact_key", RiskFact, "id", message("The clinic's own key of the answer.")),
        patient_key(RiskFact),
        plain(RiskFact, "condition_code", "sclerosant_code", "answer", "answered_on", "note"),
    ),
    file(
        "courses.csv",
        message("Plans of one or more sessions."),
        key("course_key", Course, "id", message("The clinic's own key of the course.")),
        patient_key(Course),
        plain(Course, "opened_on", "indication", "planned_sessions", "payer"),
    ),
    file(
        "sessions.csv",
        message("Treatment sessions: one row a visit."),
        key("session_key", TreatmentSession, "id", message("The clinic's own key of the session.")),
        patient_key(TreatmentSession),
        plain(TreatmentSession, "treated_on"),
        key(
            "course_key",
            TreatmentSession,
            "course_id",
            message("Key of the course the session belongs to."),
            required=False,
        ),
        key("clinician_code", Clinician, "code", message("Code of who treated."), required=False),
        plain(
            TreatmentSession,
            "modality",
            "intent",
            "weight_kg",
            "guidance",
            "pain",
            "compression_class",
            "compression_days",
            "consent_version",
            "cost_amount",
            "cost_currency",
            "note",
        ),
        required=True,
    ),
    file(
        "sites.csv",
        message(
            "Regions or veins treated in a session: one row a site, in the order of treatment."
        ),
        key("session_key", TreatedSite, "treatment_session_id", message("Key of the session.")),
        key(
            "site_key",
            TreatedSite,
            "id",
            message("Key of the site within its session, such as 1 or A."),
        ),
        plain(TreatedSite, "side", "anatomy_code", "vessel_class", "diameter_mm", "feeder_treated"),
    ),
    file(
        "lots.csv",
        message("Lots on the shelf; needed only for lots that were recalled, or not used yet."),
        plain(Lot, "product_code", "lot_number", "expires_on", "is_compounded", "recalled_on"),
    ),
    file(
        "injections.csv",
        message("What was injected: one row for each product, strength and form at each site."),
        key("session_key", Injection, "treatment_session_id", message("Key of the session.")),
        key(
            "site_key",
            Injection,
            "treated_site_id",
            message("Key of the site in sites.csv; blank when only the session is known."),
            required=False,
        ),
        plain(Injection, "product_code", "form", "concentration_percent", "liquid_ml"),
        plain(Lot, "lot_number", "expires_on", "is_compounded", optional=True),
        plain(Injection, "gas", "gas_ml"),
        required=True,
    ),
    file(
        "safety_overrides.csv",
        message("Warnings before a session that were overridden: one row a warning."),
        key("session_key", SafetyOverride, "treatment_session_id", message("Key of the session.")),
        plain(SafetyOverride, "rule", "catalogue_version", "reason", "reason_text"),
    ),
    file(
        "events.csv",
        message("Adverse events: one row an event."),
        key("event_key", AdverseEvent, "id", message("The clinic's own key of the event.")),
        patient_key(AdverseEvent),
        plain(AdverseEvent, "event_term_code", "onset_on", "reported_on"),
        key(
            "session_key",
            AdverseEvent,
            "treatment_session_id",
            message("Key of the session the event is attributed to; blank is none."),
            required=False,
        ),
        key(
            "site_key",
            AdverseEvent,
            "treated_site_id",
            message("Key of the site within that session; blank is not attributed to a site."),
            required=False,
        ),
        plain(
            AdverseEvent,
            "resolved_on",
            "severity",
            *_CRITERIA,
            "causality",
            "expectedness",
            "detection",
            "event_outcome",
            "treatment_given",
            "narrative",
        ),
    ),
    file(
        "follow_ups.csv",
        message(
            "Follow-up visits and calls, planned or held: what was looked for stands in the "
            "checklist."
        ),
        key("follow_up_key", FollowUp, "id", message("The clinic's own key of the follow-up.")),
        patient_key(FollowUp),
        plain(FollowUp, "status"),
        key(
            "session_key",
            FollowUp,
            "treatment_session_id",
            message("Key of the session that the visit follows."),
            required=False,
        ),
        plain(
            FollowUp,
            "visit_code",
            "due_on",
            "seen_on",
            "method",
            "checklist_code",
            "checklist_version",
            "days_to_normal",
            "note",
        ),
    ),
    file(
        "findings.csv",
        message(
            "Checklist items that were present or could not be assessed; an item without a row was "
            "looked for and absent."
        ),
        key("follow_up_key", FollowUpFinding, "follow_up_id", message("Key of the follow-up.")),
        plain(FollowUpFinding, "event_term_code", "state"),
        key(
            "event_key",
            FollowUpFinding,
            "adverse_event_id",
            message("Key of the event that the finding belongs to."),
            required=False,
        ),
    ),
    file(
        "site_outcomes.csv",
        message("How treated sites looked at a follow-up: one row a site."),
        key("follow_up_key", SiteOutcome, "follow_up_id", message("Key of the follow-up.")),
        plain(SiteOutcome, "side", "anatomy_code", "finding", "scale_code", "score", "occlusion"),
    ),
    file(
        "contact_attempts.csv",
        message("Attempts to reach patients who are due: one row a call, message or letter."),
        key(
            "contact_attempt_key",
            ContactAttempt,
            "id",
            message("The clinic's own key of the attempt."),
        ),
        patient_key(ContactAttempt),
        key(
            "follow_up_key",
            ContactAttempt,
            "follow_up_id",
            message("Key of the follow-up it was about."),
        ),
        plain(ContactAttempt, "attempted_on", "method", "outcome", "note"),
    ),
    file(
        "limb_assessments.csv",
        message("Clinical class and severity score of a leg: one row a leg and day."),
        key(
            "assessment_key",
            LimbAssessment,
            "id",
            message("The clinic's own key of the assessment."),
        ),
        patient_key(LimbAssessment),
        plain(LimbAssessment, "side", "assessed_on", "ceap", *RVCSS_ITEMS),
    ),
    file(
        "reported_outcomes.csv",
        message("What patients answered: one row an item and day."),
        key(
            "answer_key",
            PatientReportedOutcome,
            "id",
            message("The clinic's own key of the answer."),
        ),
        patient_key(PatientReportedOutcome),
        key(
            "follow_up_key",
            PatientReportedOutcome,
            "follow_up_id",
            message("Key of the visit of the answer; blank is before treatment or between visits."),
            required=False,
        ),
        plain(PatientReportedOutcome, "answered_on", "item_code", "score"),
    ),
    file(
        "photographs.csv",
        message(
            "Which photographs there are. The pictures are not in the files, so an import stores "
            "none of them."
        ),
        key("photograph_key", Photograph, "id", message("Identifier of the photograph.")),
        patient_key(Photograph),
        key(
            "session_key",
            Photograph,
            "treatment_session_id",
            message("Key of the session at which it was taken."),
            required=False,
        ),
        key(
            "follow_up_key",
            Photograph,
            "follow_up_id",
            message("Key of the visit at which it was taken."),
            required=False,
        ),
        plain(
            Photograph,
            "taken_on",
            "side",
            "view",
            "anatomy_code",
            "consent_version",
            "content_digest",
        ),
        imported=False,
    ),
    file(
        "packs.csv",
        message("What the code on a pack stands for: one row a code."),
        plain(ProductGtin, "gtin", "product_code", "concentration_percent"),
    ),
    file(
        "clinic_settings.csv",
        message("Numbers the clinic has set: one row a setting and day."),
        plain(ClinicSetting, "code", "value", "valid_from"),
    ),
    file(
        "change_points.csv",
        message(
            "Changes in how the clinic works, as told on its charts. All of it is free text, so "
            "the file is exported only with free text."
        ),
        key("change_point_key", ChangePoint, "id", message("The clinic's own key of the change.")),
        plain(ChangePoint, "changed_on", "what", "begins_limits"),
        withheld=Withheld.FREE_TEXT,
    ),
)

FILES: Final[Mapping[str, File]] = MappingProxyType({made.name: made for made in _FILES})
"""The files in reading order: what is referred to comes first."""

"""Closed sets of the field, spelled the same in class, column, file and page.

A set belongs here when a new member would change what the program does. Sets that merely grow
(products, event terms, veins, checklists) are rows of the catalogue.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do in one clinic; nothing unless granted."""

    CLINICIAN = "clinician"
    PRACTICE_MANAGER = "practice_manager"
    DATA_MANAGER = "data_manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Sex(StrEnum):
    """Sex as recorded by the clinic."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class SkinType(StrEnum):
    """Fitzpatrick skin type."""

    I = "I"  # noqa: E741 - the scale's own name
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"
    VI = "VI"


class Laterality(StrEnum):
    """Which leg."""

    LEFT = "left"
    RIGHT = "right"


class Indication(StrEnum):
    """Why the course of treatment was begun."""

    COSMETIC = "cosmetic"
    SYMPTOMATIC = "symptomatic"
    BOTH = "both"


class Modality(StrEnum):
    """How the vein was treated; all but sclerotherapy are comparators without an agent."""

    SCLEROTHERAPY = "sclerotherapy"
    NEEDLE_THERMOCOAGULATION = "needle_thermocoagulation"
    ND_YAG_LASER = "nd_yag_laser"
    INTENSE_PULSED_LIGHT = "intense_pulsed_light"


class SessionIntent(StrEnum):
    """Why this session took place: six different facts must not be mixed up as recurrence."""

    PLANNED_STAGE = "planned_stage"
    RESIDUAL = "residual"
    RECURRENCE = "recurrence"
    RECANALISATION = "recanalisation"
    NEW_VEIN = "new_vein"


class Guidance(StrEnum):
    """How the needle was guided."""

    NONE = "none"
    TRANSILLUMINATION = "transillumination"
    ULTRASOUND = "ultrasound"


class SclerosantForm(StrEnum):
    """Physical form of what was injected."""

    LIQUID = "liquid"
    FOAM = "foam"


class FoamGas(StrEnum):
    """Gas of a foam."""

    AIR = "air"
    CO2 = "co2"
    O2_CO2 = "o2_co2"
    PROPRIETARY = "proprietary"


class VesselClass(StrEnum):
    """Class of the treated vein by calibre (domain: telangiectasia < 1, reticular 1-3 mm)."""

    TELANGIECTASIA = "telangiectasia"
    RETICULAR = "reticular"
    VARICOSE = "varicose"
    TRUNCAL = "truncal"
    PERFORATOR = "perforator"


class CompressionClass(StrEnum):
    """Compression advised after the session."""

    NONE = "none"
    BANDAGE = "bandage"
    BELOW_18_MMHG = "below_18_mmhg"
    FROM_18_TO_22_MMHG = "18_22_mmhg"
    FROM_23_TO_32_MMHG = "23_32_mmhg"
    ABOVE_32_MMHG = "above_32_mmhg"


class Severity(StrEnum):
    """Intensity of an event; not its seriousness."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class SeriousnessCriterion(StrEnum):
    """ICH E2A: any one of these makes an event serious."""

    DEATH = "death"
    LIFE_THREATENING = "life_threatening"
    HOSPITALISATION = "hospitalisation"
    DISABILITY = "disability"
    CONGENITAL_ANOMALY = "congenital_anomaly"
    MEDICALLY_IMPORTANT = "medically_important"


class Causality(StrEnum):
    """Judged relationship of the event to the treatment."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"
    UNRELATED = "unrelated"


class Expectedness(StrEnum):
    """Whether the product information lists the event."""

    LISTED = "listed"
    NOT_LISTED = "not_listed"


class Detection(StrEnum):
    """How the event came to light; screened and symptomatic events are never pooled unseen."""

    SYMPTOM = "symptom"
    EXAMINATION = "examination"
    PLANNED_DUPLEX = "planned_duplex"
    PHOTOGRAPH = "photograph"


class EventOutcome(StrEnum):
    """How the event ended."""

    RECOVERED = "recovered"
    RECOVERING = "recovering"
    NOT_RECOVERED = "not_recovered"
    SEQUELAE = "sequelae"
    FATAL = "fatal"
    UNKNOWN = "unknown"


class FollowUpStatus(StrEnum):
    """What became of a follow-up visit. Lost to follow-up is also derived, never only typed."""

    PLANNED = "planned"
    SEEN = "seen"
    MISSED = "missed"
    DECLINED = "declined"
    LOST = "lost"
    MOVED = "moved"
    DEAD = "dead"


class FollowUpMethod(StrEnum):
    """How the patient was followed up."""

    CLINIC = "clinic"
    DUPLEX = "duplex"
    PHONE = "phone"
    PHOTOGRAPH = "photograph"


class FindingState(StrEnum):
    """State of one checklist item; an item without a row was looked for and absent."""

    PRESENT = "present"
    NOT_ASSESSED = "not_assessed"


class Occlusion(StrEnum):
    """Duplex state of a treated segment."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NONE = "none"
    NOT_EXAMINED = "not_examined"


class SiteFinding(StrEnum):
    """What a treated site showed at a follow-up; success and recurrence are derived from these."""

    CLEARED = "cleared"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    VISIBLE_AGAIN = "visible_again"
    REFLUX_AGAIN = "reflux_again"
    NOT_ASSESSED = "not_assessed"


class FactAnswer(StrEnum):
    """Answer to a question about risk; without an answer the question was not asked."""

    YES = "yes"
    NO = "no"


class OverrideReason(StrEnum):
    """Why a warning did not keep the session from being done, or recorded, as it was."""

    BENEFIT_OUTWEIGHS_RISK = "benefit_outweighs_risk"
    NO_ALTERNATIVE = "no_alternative"
    PATIENT_INFORMED = "patient_informed"
    RECORDED_AFTERWARDS = "recorded_afterwards"
    OTHER = "other"


class ContactMethod(StrEnum):
    """How the clinic tried to reach a patient."""

    PHONE = "phone"
    TEXT_MESSAGE = "text_message"
    EMAIL = "email"
    LETTER = "letter"
    IN_PERSON = "in_person"


class ContactOutcome(StrEnum):
    """What came of an attempt to reach a patient."""

    APPOINTMENT_MADE = "appointment_made"
    REACHED = "reached"
    MESSAGE_LEFT = "message_left"
    NO_ANSWER = "no_answer"
    WRONG_CONTACT = "wrong_contact"
    DECLINED = "declined"


class PhotoView(StrEnum):
    """From where a leg was photographed."""

    ANTERIOR = "anterior"
    POSTERIOR = "posterior"
    MEDIAL = "medial"
    LATERAL = "lateral"
    CLOSE_UP = "close_up"


class CeapClass(StrEnum):
    """Clinical class of CEAP 2020."""

    C0 = "C0"
    C1 = "C1"
    C2 = "C2"
    C2R = "C2r"
    C3 = "C3"
    C4A = "C4a"
    C4B = "C4b"
    C4C = "C4c"
    C5 = "C5"
    C6 = "C6"
    C6R = "C6r"


class ReasonForChange(StrEnum):
    """Why a stored record was amended or voided."""

    TYPING_ERROR = "typing_error"
    NEW_INFORMATION = "new_information"
    WRONG_PATIENT = "wrong_patient"
    DUPLICATE = "duplicate"
    OTHER = "other"


class Provenance(StrEnum):
    """Where a catalogue row comes from."""

    LABEL = "label"
    PAPER = "paper"
    OUR_DECISION = "our_decision"
    NOT_ESTABLISHED = "not_established"


class Language(StrEnum):
    """Languages that pages, sentences and reports can be in."""

    ENGLISH = "en"
    GERMAN = "de"

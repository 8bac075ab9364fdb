"""Words and figures as pages write them: every closed set, catalogue names, days and numbers."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from dashboard.text import _
from registry.catalogue import EventFamily, catalogue
from registry.entry.forms import InjectionEntry
from registry.entry.problems import Question
from registry.vocabulary import (
    Causality,
    CeapClass,
    CompressionClass,
    Detection,
    EventOutcome,
    Expectedness,
    FactAnswer,
    FindingState,
    FoamGas,
    FollowUpMethod,
    FollowUpStatus,
    Guidance,
    Indication,
    Laterality,
    Modality,
    Occlusion,
    OverrideReason,
    PhotoView,
    Provenance,
    ReasonForChange,
    Role,
    SclerosantForm,
    SeriousnessCriterion,
    SessionIntent,
    Severity,
    Sex,
    SiteFinding,
    SkinType,
    VesselClass,
)

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# By set, because members of two sets may be spelled alike ("photograph", "none", "unknown").
LABELS: Final[Mapping[type[StrEnum], Mapping[str, str]]] = {
    Role: {
        Role.CLINICIAN: "Clinician",
        Role.PRACTICE_MANAGER: "Practice manager",
        Role.DATA_MANAGER: "Data manager",
        Role.ADMINISTRATOR: "Administrator",
        Role.AUDITOR: "Auditor",
    },
    Sex: {
        Sex.FEMALE: "Female",
        Sex.MALE: "Male",
        Sex.OTHER: "Other",
        Sex.UNKNOWN: "Not known",
    },
    SkinType: {member: member.value for member in SkinType},
    Laterality: {Laterality.LEFT: "Left", Laterality.RIGHT: "Right"},
    Indication: {
        Indication.COSMETIC: "Cosmetic",
        Indication.SYMPTOMATIC: "Symptoms",
        Indication.BOTH: "Both",
    },
    Modality: {
        Modality.SCLEROTHERAPY: "Sclerotherapy",
        Modality.NEEDLE_THERMOCOAGULATION: "Needle thermocoagulation",
        Modality.ND_YAG_LASER: "Nd:YAG laser",
        Modality.INTENSE_PULSED_LIGHT: "Intense pulsed light",
    },
    SessionIntent: {
        SessionIntent.PLANNED_STAGE: "Planned stage",
        SessionIntent.RESIDUAL: "Residual vein",
        SessionIntent.RECURRENCE: "Recurrence",
        SessionIntent.RECANALISATION: "Recanalised vein",
        SessionIntent.NEW_VEIN: "New vein",
    },
    Guidance: {
        Guidance.NONE: "By eye",
        Guidance.TRANSILLUMINATION: "Transillumination",
        Guidance.ULTRASOUND: "Ultrasound",
    },
    SclerosantForm: {SclerosantForm.LIQUID: "Liquid", SclerosantForm.FOAM: "Foam"},
    FoamGas: {
        FoamGas.AIR: "Room air",
        FoamGas.CO2: "CO₂",
        FoamGas.O2_CO2: "O₂/CO₂",
        FoamGas.PROPRIETARY: "Proprietary",
    },
    VesselClass: {
        VesselClass.TELANGIECTASIA: "Telangiectasia",
        VesselClass.RETICULAR: "Reticular",
        VesselClass.VARICOSE: "Varicose",
        VesselClass.TRUNCAL: "Truncal",
        VesselClass.PERFORATOR: "Perforator",
    },
    CompressionClass: {
        CompressionClass.NONE: "None",
        CompressionClass.BANDAGE: "Bandage",
        CompressionClass.BELOW_18_MMHG: "Below 18 mmHg",
        CompressionClass.FROM_18_TO_22_MMHG: "18 to 22 mmHg",
        CompressionClass.FROM_23_TO_32_MMHG: "23 to 32 mmHg",
        CompressionClass.ABOVE_32_MMHG: "Above 32 mmHg",
    },
    Severity: {
        Severity.MILD: "Mild",
        Severity.MODERATE: "Moderate",
        Severity.SEVERE: "Severe",
    },
    SeriousnessCriterion: {
        SeriousnessCriterion.DEATH: "Death",
        SeriousnessCriterion.LIFE_THREATENING: "Life-threatening",
        SeriousnessCriterion.HOSPITALISATION: "Hospital stay, begun or prolonged",
        SeriousnessCriterion.DISABILITY: "Lasting disability",
        SeriousnessCriterion.CONGENITAL_ANOMALY: "Congenital anomaly",
        SeriousnessCriterion.MEDICALLY_IMPORTANT: "Otherwise medically important",
    },
    Causality: {
        Causality.CERTAIN: "Certain",
        Causality.PROBABLE: "Probable",
        Causality.POSSIBLE: "Possible",
        Causality.UNLIKELY: "Unlikely",
        Causality.UNRELATED: "Unrelated",
    },
    Expectedness: {
        Expectedness.LISTED: "Listed",
        Expectedness.NOT_LISTED: "Not listed",
    },
    Detection: {
        Detection.SYMPTOM: "Symptom",
        Detection.EXAMINATION: "Examination",
        Detection.PLANNED_DUPLEX: "Planned duplex",
        Detection.PHOTOGRAPH: "Photograph",
    },
    EventOutcome: {
        EventOutcome.RECOVERED: "Recovered",
        EventOutcome.RECOVERING: "Recovering",
        EventOutcome.NOT_RECOVERED: "Not recovered",
        EventOutcome.SEQUELAE: "Recovered with sequelae",
        EventOutcome.FATAL: "Fatal",
        EventOutcome.UNKNOWN: "Not known yet",
    },
    FollowUpStatus: {
        FollowUpStatus.PLANNED: "Planned",
        FollowUpStatus.SEEN: "Seen",
        FollowUpStatus.MISSED: "Missed",
        FollowUpStatus.DECLINED: "Declined",
        FollowUpStatus.LOST: "Lost to follow-up",
        FollowUpStatus.MOVED: "Moved away",
        FollowUpStatus.DEAD: "Died",
    },
    FollowUpMethod: {
        FollowUpMethod.CLINIC: "In the clinic",
        FollowUpMethod.DUPLEX: "With duplex",
        FollowUpMethod.PHONE: "By phone",
        FollowUpMethod.PHOTOGRAPH: "By photograph",
    },
    PhotoView: {
        PhotoView.ANTERIOR: "From the front",
        PhotoView.POSTERIOR: "From behind",
        PhotoView.MEDIAL: "Inner side",
        PhotoView.LATERAL: "Outer side",
        PhotoView.CLOSE_UP: "Close-up",
    },
    FindingState: {
        FindingState.PRESENT: "Present",
        FindingState.NOT_ASSESSED: "Not assessed",
    },
    Occlusion: {
        Occlusion.COMPLETE: "Occluded",
        Occlusion.PARTIAL: "Partly occluded",
        Occlusion.NONE: "Open",
        Occlusion.NOT_EXAMINED: "Not examined",
    },
    SiteFinding: {
        SiteFinding.CLEARED: "Cleared",
        SiteFinding.IMPROVED: "Improved",
        SiteFinding.UNCHANGED: "Unchanged",
        SiteFinding.VISIBLE_AGAIN: "Visible again",
        SiteFinding.REFLUX_AGAIN: "Reflux again",
        SiteFinding.NOT_ASSESSED: "Not assessed",
    },
    CeapClass: {
        CeapClass.C0: "C0: no visible or palpable signs",
        CeapClass.C1: "C1: telangiectasias or reticular veins",
        CeapClass.C2: "C2: varicose veins",
        CeapClass.C2R: "C2r: recurrent varicose veins",
        CeapClass.C3: "C3: oedema",
        CeapClass.C4A: "C4a: pigmentation or eczema",
        CeapClass.C4B: "C4b: lipodermatosclerosis or atrophie blanche",
        CeapClass.C4C: "C4c: corona phlebectatica",
        CeapClass.C5: "C5: healed ulcer",
        CeapClass.C6: "C6: active ulcer",
        CeapClass.C6R: "C6r: recurrent active ulcer",
    },
    ReasonForChange: {
        ReasonForChange.TYPING_ERROR: "Typing error",
        ReasonForChange.NEW_INFORMATION: "New information",
        ReasonForChange.WRONG_PATIENT: "Wrong patient",
        ReasonForChange.DUPLICATE: "Entered twice",
        ReasonForChange.OTHER: "Other",
    },
    FactAnswer: {FactAnswer.YES: "Yes", FactAnswer.NO: "No"},
    OverrideReason: {
        OverrideReason.BENEFIT_OUTWEIGHS_RISK: "Benefit outweighs the risk",
        OverrideReason.NO_ALTERNATIVE: "No alternative",
        OverrideReason.PATIENT_INFORMED: "Patient was told and agreed",
        OverrideReason.RECORDED_AFTERWARDS: "Recorded afterwards",
        OverrideReason.OTHER: "Other",
    },
    Provenance: {
        Provenance.LABEL: "Product label",
        Provenance.PAPER: "Publication",
        Provenance.OUR_DECISION: "The registry's decision",
        Provenance.NOT_ESTABLISHED: "Not established",
    },
    EventFamily: {
        EventFamily.OTHER: "Other",
        EventFamily.PIGMENTATION: "Pigmentation",
        EventFamily.MATTING: "Matting",
        EventFamily.NECROSIS: "Skin and tissue necrosis",
        EventFamily.SUPERFICIAL_THROMBOSIS: "Superficial thrombosis",
        EventFamily.DEEP_THROMBOSIS: "Deep thrombosis",
        EventFamily.ALLERGY: "Allergy",
        EventFamily.NEUROLOGICAL: "Neurological",
        EventFamily.CARDIORESPIRATORY: "Heart and lungs",
        EventFamily.VASOVAGAL: "Vasovagal",
        EventFamily.NERVE_INJURY: "Nerve injury",
        EventFamily.OEDEMA: "Oedema",
        EventFamily.INJECTION_SITE: "Injection site",
        EventFamily.INFECTION: "Infection",
        EventFamily.HAEMOLYSIS: "Blood and kidneys",
        EventFamily.OTHER_SKIN: "Other skin",
        EventFamily.COMPRESSION: "Compression",
        EventFamily.ERROR: "Medication error",
    },
}


ACTIONS: Final[Mapping[str, str]] = {
    "enrol_patient": "Patient enrolled",
    "plan_course": "Course planned",
    "record_session": "Session recorded",
    "report_event": "Event reported",
    "record_follow_up": "Follow-up recorded or planned",
    "record_risk_facts": "Risk facts asked",
    "set_clinic_setting": "Setting of the clinic changed",
    "recall_lot": "Lot recalled",
    "record_reported_outcomes": "Answers of the patient recorded",
    "record_limb_assessment": "Leg assessed",
    "amend_patient_reported_outcome": "Answers of the patient corrected",
    "amend_limb_assessment": "Assessment of a leg corrected",
    "amend_patient": "Patient corrected",
    "amend_treatment_session": "Session corrected",
    "amend_adverse_event": "Event followed up or corrected",
    "amend_follow_up": "Follow-up recorded or corrected",
    "link_patients": "Two records of one person linked",
    "unlink_patients": "Link of two records undone",
    "void_patient": "Patient withdrawn",
    "void_course": "Course withdrawn",
    "void_treatment_session": "Session withdrawn",
    "void_adverse_event": "Event withdrawn",
    "void_follow_up": "Follow-up withdrawn",
    "add_photograph": "Photograph added",
    "void_photograph": "Photograph withdrawn",
    "erase_photograph": "Picture erased",
}
"""Use cases as people speak of them; their codes stand in the audit trail."""


class Unreadable(ValueError):
    """What was typed is no number or day."""


def label(member: StrEnum) -> str:
    """A member of a closed set in words."""
    return _(LABELS[type(member)][member.value])


def inline(member: StrEnum) -> str:
    """A member of a closed set within a sentence: its first letter small, units as they are."""
    text = label(member)
    return text[:1].lower() + text[1:]


def product(code: str) -> str:
    """Name of a product."""
    return _(catalogue().products[code].label)


def sclerosant(code: str) -> str:
    """Name of an agent."""
    return _(catalogue().sclerosants[code].label)


def event_term(code: str) -> str:
    """Name of an event."""
    return _(catalogue().event_terms[code].label)


def visit(code: str | None) -> str:
    """Name of a planned follow-up."""
    return _("Unscheduled visit") if code is None else _(catalogue().visits[code].label)


def place(anatomy_code: str) -> str:
    """Name of a region or vein."""
    return _(catalogue().anatomy[anatomy_code].label)


def condition(question: Question) -> str:
    """What a question before the needle is about: the condition, with the agent if it is of one."""
    label = _(catalogue().conditions[question.condition_code].label)
    if question.sclerosant_code is None:
        return label
    return _("{condition}: {agent}").format(
        condition=label, agent=sclerosant(question.sclerosant_code)
    )


def scale(code: str) -> str:
    """Name of a scale."""
    return _(catalogue().scales[code].label)


def site(side: Laterality, anatomy_code: str) -> str:
    """A place on one leg."""
    return _("{side}: {place}").format(side=label(side), place=place(anatomy_code))


def injection(entry: InjectionEntry) -> str:
    """What was injected, without where and how much: "Asclera 0.5 % liquid"."""
    strength = entry.concentration_percent
    parts = [
        product(entry.product_code),
        "" if strength is None else _("{number} %").format(number=number(strength)),
        inline(entry.form),
    ]
    return " ".join(part for part in parts if part)


def day(date: dt.date) -> str:
    """A day as colleagues write it: 23 Nov 2026."""
    return f"{date.day} {_(MONTHS[date.month - 1])} {date.year}"


def clock(instant: dt.datetime, time_zone: str) -> str:
    """The time of day in a clinic: 14:02."""
    return f"{instant.astimezone(ZoneInfo(time_zone)):%H:%M}"


def moment(instant: dt.datetime, time_zone: str) -> str:
    """A day and the time of day in a clinic."""
    local = instant.astimezone(ZoneInfo(time_zone))
    return _("{day}, {time}").format(day=day(local.date()), time=clock(instant, time_zone))


def action(code: str) -> str:
    """A use case in words."""
    return _(ACTIONS.get(code, code))


def number(value: Decimal | int) -> str:
    """A number without trailing zeros."""
    return f"{Decimal(value).normalize():f}"


def read_number(typed: object) -> Decimal | None:
    """A number as typed, with decimal point or comma; None when nothing was typed.

    Raises :class:`Unreadable` for anything else, also for 1.234,5 and 1,234.5: guessing which
    mark separates thousands could be wrong by a factor of a thousand.
    """
    text = str(typed or "").strip().removesuffix("%").removesuffix("mL").strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}([.,][0-9]{1,6})?", text, flags=re.ASCII) is None:
        raise Unreadable(_("Not a number."))
    return Decimal(text.replace(",", "."))


def read_expiry(typed: object) -> dt.date | None:
    """The last day of use as printed on a box: 12/2027, 2027-12, 12/27 or a full day.

    A month alone means its last day. Raises :class:`Unreadable` for anything else.
    """
    text = str(typed or "").strip()
    if not text:
        return None
    patterns = (
        r"(?P<y>\d{4})-(?P<m>\d{1,2})(-(?P<d>\d{1,2}))?",
        r"((?P<d>\d{1,2})\.)?(?P<m>\d{1,2})\.(?P<y>\d{4})",
        r"(?P<m>\d{1,2})[/-](?P<y>\d{4}|\d{2})",
    )
    for pattern in patterns:
        found = re.fullmatch(pattern, text, flags=re.ASCII)
        if found is None:
            continue
        parts = found.groupdict()
        year, month = int(parts["y"]), int(parts["m"])
        year += 2000 if year < 100 else 0
        try:
            last = calendar.monthrange(year, month)[1]
            return dt.date(year, month, int(parts.get("d") or last))
        except ValueError:
            break
    raise Unreadable(_("Write the expiry as on the box, such as 12/2027 or 2027-12-31."))

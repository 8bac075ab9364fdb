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

from dashboard.text import N_, _
from registry import language
from registry.catalogue import EventFamily, catalogue
from registry.entry.forms import InjectionEntry
from registry.entry.problems import Question
from registry.language import day as day
from registry.messages import Message, message
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

# By set, because members of two sets may be spelled alike ("photograph", "none", "unknown").
LABELS: Final[Mapping[type[StrEnum], Mapping[str, str]]] = {
    Role: {
        Role.CLINICIAN: N_("Clinician"),
        Role.PRACTICE_MANAGER: N_("Practice manager"),
        Role.DATA_MANAGER: N_("Data manager"),
        Role.ADMINISTRATOR: N_("Administrator"),
        Role.AUDITOR: N_("Auditor"),
    },
    Sex: {
        Sex.FEMALE: N_("Female"),
        Sex.MALE: N_("Male"),
        Sex.OTHER: N_("Other"),
        Sex.UNKNOWN: N_("Not known"),
    },
    SkinType: {member: member.value for member in SkinType},
    Laterality: {Laterality.LEFT: N_("Left"), Laterality.RIGHT: N_("Right")},
    Indication: {
        Indication.COSMETIC: N_("Cosmetic"),
        Indication.SYMPTOMATIC: N_("Symptoms"),
        Indication.BOTH: N_("Both"),
    },
    Modality: {
        Modality.SCLEROTHERAPY: N_("Sclerotherapy"),
        Modality.NEEDLE_THERMOCOAGULATION: N_("Needle thermocoagulation"),
        Modality.ND_YAG_LASER: N_("Nd:YAG laser"),
        Modality.INTENSE_PULSED_LIGHT: N_("Intense pulsed light"),
    },
    SessionIntent: {
        SessionIntent.PLANNED_STAGE: N_("Planned stage"),
        SessionIntent.RESIDUAL: N_("Residual vein"),
        SessionIntent.RECURRENCE: N_("Recurrence"),
        SessionIntent.RECANALISATION: N_("Recanalised vein"),
        SessionIntent.NEW_VEIN: N_("New vein"),
    },
    Guidance: {
        Guidance.NONE: N_("By eye"),
        Guidance.TRANSILLUMINATION: N_("Transillumination"),
        Guidance.ULTRASOUND: N_("Ultrasound"),
    },
    SclerosantForm: {SclerosantForm.LIQUID: N_("Liquid"), SclerosantForm.FOAM: N_("Foam")},
    FoamGas: {
        FoamGas.AIR: N_("Room air"),
        FoamGas.CO2: N_("CO₂"),
        FoamGas.O2_CO2: N_("O₂/CO₂"),
        FoamGas.PROPRIETARY: N_("Proprietary"),
    },
    VesselClass: {
        VesselClass.TELANGIECTASIA: N_("Telangiectasia"),
        VesselClass.RETICULAR: N_("Reticular"),
        VesselClass.VARICOSE: N_("Varicose"),
        VesselClass.TRUNCAL: N_("Truncal"),
        VesselClass.PERFORATOR: N_("Perforator"),
    },
    CompressionClass: {
        CompressionClass.NONE: N_("None"),
        CompressionClass.BANDAGE: N_("Bandage"),
        CompressionClass.BELOW_18_MMHG: N_("Below 18 mmHg"),
        CompressionClass.FROM_18_TO_22_MMHG: N_("18 to 22 mmHg"),
        CompressionClass.FROM_23_TO_32_MMHG: N_("23 to 32 mmHg"),
        CompressionClass.ABOVE_32_MMHG: N_("Above 32 mmHg"),
    },
    Severity: {
        Severity.MILD: N_("Mild"),
        Severity.MODERATE: N_("Moderate"),
        Severity.SEVERE: N_("Severe"),
    },
    SeriousnessCriterion: {
        SeriousnessCriterion.DEATH: N_("Death"),
        SeriousnessCriterion.LIFE_THREATENING: N_("Life-threatening"),
        SeriousnessCriterion.HOSPITALISATION: N_("Hospital stay, begun or prolonged"),
        SeriousnessCriterion.DISABILITY: N_("Lasting disability"),
        SeriousnessCriterion.CONGENITAL_ANOMALY: N_("Congenital anomaly"),
        SeriousnessCriterion.MEDICALLY_IMPORTANT: N_("Otherwise medically important"),
    },
    Causality: {
        Causality.CERTAIN: N_("Certain"),
        Causality.PROBABLE: N_("Probable"),
        Causality.POSSIBLE: N_("Possible"),
        Causality.UNLIKELY: N_("Unlikely"),
        Causality.UNRELATED: N_("Unrelated"),
    },
    Expectedness: {
        Expectedness.LISTED: N_("Listed"),
        Expectedness.NOT_LISTED: N_("Not listed"),
    },
    Detection: {
        Detection.SYMPTOM: N_("Symptom"),
        Detection.EXAMINATION: N_("Examination"),
        Detection.PLANNED_DUPLEX: N_("Planned duplex"),
        Detection.PHOTOGRAPH: N_("Photograph"),
    },
    EventOutcome: {
        EventOutcome.RECOVERED: N_("Recovered"),
        EventOutcome.RECOVERING: N_("Recovering"),
        EventOutcome.NOT_RECOVERED: N_("Not recovered"),
        EventOutcome.SEQUELAE: N_("Recovered with sequelae"),
        EventOutcome.FATAL: N_("Fatal"),
        EventOutcome.UNKNOWN: N_("Not known yet"),
    },
    FollowUpStatus: {
        FollowUpStatus.PLANNED: N_("Planned"),
        FollowUpStatus.SEEN: N_("Seen"),
        FollowUpStatus.MISSED: N_("Missed"),
        FollowUpStatus.DECLINED: N_("Declined"),
        FollowUpStatus.LOST: N_("Lost to follow-up"),
        FollowUpStatus.MOVED: N_("Moved away"),
        FollowUpStatus.DEAD: N_("Died"),
    },
    FollowUpMethod: {
        FollowUpMethod.CLINIC: N_("In the clinic"),
        FollowUpMethod.DUPLEX: N_("With duplex"),
        FollowUpMethod.PHONE: N_("By phone"),
        FollowUpMethod.PHOTOGRAPH: N_("By photograph"),
    },
    PhotoView: {
        PhotoView.ANTERIOR: N_("From the front"),
        PhotoView.POSTERIOR: N_("From behind"),
        PhotoView.MEDIAL: N_("Inner side"),
        PhotoView.LATERAL: N_("Outer side"),
        PhotoView.CLOSE_UP: N_("Close-up"),
    },
    FindingState: {
        FindingState.PRESENT: N_("Present"),
        FindingState.NOT_ASSESSED: N_("Not assessed"),
    },
    Occlusion: {
        Occlusion.COMPLETE: N_("Occluded"),
        Occlusion.PARTIAL: N_("Partly occluded"),
        Occlusion.NONE: N_("Open"),
        Occlusion.NOT_EXAMINED: N_("Not examined"),
    },
    SiteFinding: {
        SiteFinding.CLEARED: N_("Cleared"),
        SiteFinding.IMPROVED: N_("Improved"),
        SiteFinding.UNCHANGED: N_("Unchanged"),
        SiteFinding.VISIBLE_AGAIN: N_("Visible again"),
        SiteFinding.REFLUX_AGAIN: N_("Reflux again"),
        SiteFinding.NOT_ASSESSED: N_("Not assessed"),
    },
    CeapClass: {
        CeapClass.C0: N_("C0: no visible or palpable signs"),
        CeapClass.C1: N_("C1: telangiectasias or reticular veins"),
        CeapClass.C2: N_("C2: varicose veins"),
        CeapClass.C2R: N_("C2r: recurrent varicose veins"),
        CeapClass.C3: N_("C3: oedema"),
        CeapClass.C4A: N_("C4a: pigmentation or eczema"),
        CeapClass.C4B: N_("C4b: lipodermatosclerosis or atrophie blanche"),
        CeapClass.C4C: N_("C4c: corona phlebectatica"),
        CeapClass.C5: N_("C5: healed ulcer"),
        CeapClass.C6: N_("C6: active ulcer"),
        CeapClass.C6R: N_("C6r: recurrent active ulcer"),
    },
    ReasonForChange: {
        ReasonForChange.TYPING_ERROR: N_("Typing error"),
        ReasonForChange.NEW_INFORMATION: N_("New information"),
        ReasonForChange.WRONG_PATIENT: N_("Wrong patient"),
        ReasonForChange.DUPLICATE: N_("Entered twice"),
        ReasonForChange.OTHER: N_("Other"),
    },
    FactAnswer: {FactAnswer.YES: N_("Yes"), FactAnswer.NO: N_("No")},
    OverrideReason: {
        OverrideReason.BENEFIT_OUTWEIGHS_RISK: N_("Benefit outweighs the risk"),
        OverrideReason.NO_ALTERNATIVE: N_("No alternative"),
        OverrideReason.PATIENT_INFORMED: N_("Patient was told and agreed"),
        OverrideReason.RECORDED_AFTERWARDS: N_("Recorded afterwards"),
        OverrideReason.OTHER: N_("Other"),
    },
    Provenance: {
        Provenance.LABEL: N_("Product label"),
        Provenance.PAPER: N_("Publication"),
        Provenance.OUR_DECISION: N_("The registry's decision"),
        Provenance.NOT_ESTABLISHED: N_("Not established"),
    },
    EventFamily: {
        EventFamily.OTHER: N_("Other"),
        EventFamily.PIGMENTATION: N_("Pigmentation"),
        EventFamily.MATTING: N_("Matting"),
        EventFamily.NECROSIS: N_("Skin and tissue necrosis"),
        EventFamily.SUPERFICIAL_THROMBOSIS: N_("Superficial thrombosis"),
        EventFamily.DEEP_THROMBOSIS: N_("Deep thrombosis"),
        EventFamily.ALLERGY: N_("Allergy"),
        EventFamily.NEUROLOGICAL: N_("Neurological"),
        EventFamily.CARDIORESPIRATORY: N_("Heart and lungs"),
        EventFamily.VASOVAGAL: N_("Vasovagal"),
        EventFamily.NERVE_INJURY: N_("Nerve injury"),
        EventFamily.OEDEMA: N_("Oedema"),
        EventFamily.INJECTION_SITE: N_("Injection site"),
        EventFamily.INFECTION: N_("Infection"),
        EventFamily.HAEMOLYSIS: N_("Blood and kidneys"),
        EventFamily.OTHER_SKIN: N_("Other skin"),
        EventFamily.COMPRESSION: N_("Compression"),
        EventFamily.ERROR: N_("Medication error"),
    },
}


ACTIONS: Final[Mapping[str, str]] = {
    "enrol_patient": N_("Patient enrolled"),
    "plan_course": N_("Course planned"),
    "record_session": N_("Session recorded"),
    "report_event": N_("Event reported"),
    "record_follow_up": N_("Follow-up recorded or planned"),
    "record_risk_facts": N_("Risk facts asked"),
    "set_clinic_setting": N_("Setting of the clinic changed"),
    "recall_lot": N_("Lot recalled"),
    "record_reported_outcomes": N_("Answers of the patient recorded"),
    "record_limb_assessment": N_("Leg assessed"),
    "amend_patient_reported_outcome": N_("Answers of the patient corrected"),
    "amend_limb_assessment": N_("Assessment of a leg corrected"),
    "amend_patient": N_("Patient corrected"),
    "amend_treatment_session": N_("Session corrected"),
    "amend_adverse_event": N_("Event followed up or corrected"),
    "amend_follow_up": N_("Follow-up recorded or corrected"),
    "link_patients": N_("Two records of one person linked"),
    "unlink_patients": N_("Link of two records undone"),
    "void_patient": N_("Patient withdrawn"),
    "void_course": N_("Course withdrawn"),
    "void_treatment_session": N_("Session withdrawn"),
    "void_adverse_event": N_("Event withdrawn"),
    "void_follow_up": N_("Follow-up withdrawn"),
    "amend_course": N_("Course corrected"),
    "record_contact": N_("Attempt to reach a patient recorded"),
    "void_contact_attempt": N_("Attempt to reach a patient withdrawn"),
    "add_photograph": N_("Photograph added"),
    "void_photograph": N_("Photograph withdrawn"),
    "erase_photograph": N_("Picture erased"),
}
"""Use cases as people speak of them; their codes stand in the audit trail."""


_MAY_BE_THOUSANDS: Final = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}")


class Unreadable(ValueError):
    """What was typed is no number or day; ``text`` says what to write."""

    def __init__(self, text: Message) -> None:
        """Take what to write."""
        super().__init__(text)
        self.text = text


def label(member: StrEnum) -> str:
    """A member of a closed set in words."""
    return _(LABELS[type(member)][member.value])


def inline(member: StrEnum) -> str:
    """A member of a closed set within a sentence."""
    return language.inline(LABELS[type(member)][member.value])


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
    return language.as_typed(f"{Decimal(value).normalize():f}")


def read_number(typed: object) -> Decimal | None:
    """A number as typed, with decimal point or comma; None when nothing was typed.

    Raises :class:`Unreadable` for anything else, also for 1.234,5 and for 1,000: guessing which
    mark separates thousands could be wrong by a factor of a thousand. A number below zero, or far
    too large, is a number: the range of its field says what is possible.
    """
    text = str(typed or "").strip().removesuffix("%").removesuffix("mL").strip()
    if not text:
        return None
    if re.fullmatch(r"-?[0-9]{13,}", text, flags=re.ASCII) is not None:
        text = text[:13]
    if re.fullmatch(r"-?[0-9]{1,13}([.,][0-9]{1,6})?", text, flags=re.ASCII) is None:
        raise Unreadable(message("Not a number."))
    if _MAY_BE_THOUSANDS.fullmatch(text) is not None:
        raise Unreadable(
            message(
                "This could mean thousands or a number with three decimals. Write thousands "
                "without a mark between them, and at most two decimals."
            )
        )
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
    raise Unreadable(message("Write the expiry as on the box, such as 12/2027 or 2027-12-31."))

"""How the demonstration clinic works: what it injects, how often things go wrong, who comes back.

How often an event occurs follows the frequency category that the catalogue takes from the German
guideline, or the figure named beside it here; recurrence follows two published cohorts. One lot is
made to go wrong, so that whoever watches the registry has something to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

from registry.catalogue import EventFamily, Frequency
from registry.vocabulary import (
    CompressionClass,
    FollowUpStatus,
    Guidance,
    SclerosantForm,
    VesselClass,
)

LIQUID, FOAM = SclerosantForm.LIQUID, SclerosantForm.FOAM


@dataclass(frozen=True, slots=True)
class Choice:
    """One usual way of injecting: product, strength, form and mL of liquid on one site."""

    product_code: str
    strength: str
    form: SclerosantForm
    liquid_ml: tuple[float, float]
    weight: int


@dataclass(frozen=True, slots=True)
class Practice:
    """How the demonstration clinic treats veins of one class, and what becomes of them.

    ``cleared`` is the chance that one session clears a site, ``recurring`` the yearly rate at which
    a cleared site shows veins or reflux again.
    """

    share: int
    places: tuple[str, ...]
    diameter_mm: tuple[float, float]
    choices: tuple[Choice, ...]
    guidance: Guidance
    compression: CompressionClass
    cost: int
    cleared: float
    recurring: float


# 29 of 52 patients had new telangiectasias in the treated area within 5 years (Frosinone); after
# foam, 19.1 % had recurrent varices at 3 years (Rasmussen 2013, Kaplan-Meier).
SKIN_RECURRENCE: Final = -log(1 - 29 / 52) / 5
VEIN_RECURRENCE: Final = -log(1 - 0.191) / 3
REGIONS: Final = (
    "thigh_lateral",
    "thigh_medial",
    "thigh_posterior",
    "knee_medial",
    "knee_lateral",
    "popliteal_fossa",
    "calf_lateral",
    "calf_medial",
    "ankle_medial",
)
PRACTICES: Final = {
    VesselClass.TELANGIECTASIA: Practice(
        44,
        REGIONS,
        (0.3, 0.9),
        (
            Choice("aethoxysklerol", "0.25", LIQUID, (0.5, 2), 4),
            Choice("aethoxysklerol", "0.5", LIQUID, (0.5, 2), 3),
            Choice("fibrovein", "0.2", LIQUID, (0.5, 2), 2),
            Choice("glycerin_generic", "72", LIQUID, (0.5, 2), 1),
        ),
        Guidance.NONE,
        CompressionClass.FROM_18_TO_22_MMHG,
        160,
        0.55,
        SKIN_RECURRENCE,
    ),
    VesselClass.RETICULAR: Practice(
        31,
        REGIONS,
        (1.0, 3.0),
        (
            Choice("aethoxysklerol", "0.5", LIQUID, (1, 3), 4),
            Choice("aethoxysklerol", "1", LIQUID, (1, 2.5), 2),
            Choice("aethoxysklerol", "0.5", FOAM, (0.3, 0.5), 3),
            Choice("fibrovein", "0.5", LIQUID, (1, 2.5), 2),
        ),
        Guidance.TRANSILLUMINATION,
        CompressionClass.FROM_23_TO_32_MMHG,
        210,
        0.60,
        SKIN_RECURRENCE,
    ),
    VesselClass.VARICOSE: Practice(
        17,
        ("saphenous_tributary", "nonsaphenous", "giacomini", "popliteal_fossa_vein"),
        (3.5, 7.0),
        (
            Choice("aethoxysklerol", "1", FOAM, (0.4, 0.6), 4),
            Choice("aethoxysklerol", "2", FOAM, (0.4, 0.6), 2),
            Choice("fibrovein", "1", FOAM, (0.4, 0.6), 4),
        ),
        Guidance.ULTRASOUND,
        CompressionClass.FROM_23_TO_32_MMHG,
        320,
        0.70,
        VEIN_RECURRENCE,
    ),
    VesselClass.TRUNCAL: Practice(
        8,
        ("gsv_above_knee", "gsv_below_knee", "ssv", "aasv"),
        (4.0, 8.5),
        (
            Choice("aethoxysklerol", "3", FOAM, (0.5, 0.6), 4),
            Choice("fibrovein", "3", FOAM, (0.5, 0.6), 2),
        ),
        Guidance.ULTRASOUND,
        CompressionClass.FROM_23_TO_32_MMHG,
        450,
        0.75,
        VEIN_RECURRENCE,
    ),
}
DEEP: Final = frozenset({VesselClass.VARICOSE, VesselClass.TRUNCAL})

CHANCE: Final = {
    # About the middle of each range on a logarithmic scale.
    Frequency.VERY_FREQUENT: 0.15,
    Frequency.FREQUENT: 0.032,
    Frequency.OCCASIONAL: 0.0032,
    Frequency.RARE: 0.00032,
    Frequency.VERY_RARE: 0.00003,
    Frequency.INDIVIDUAL_CASES: 0.00001,
}
CHANCE_BY_TERM: Final = {
    # Without a category: after liquid and after foam. Phlebitis after foam: mean of the guideline.
    "superficial_thrombophlebitis": (0.010, 0.047),
    "retained_coagulum": (0.015, 0.025),
    "haematoma": (0.05, 0.04),
    "injection_pain": (0.03, 0.02),
    "pruritus": (0.02, 0.01),
    "vasovagal": (0.008, 0.008),
    "oedema": (0.002, 0.005),
    "compression_injury": (0.004, 0.006),
}
FAULTY_PRODUCT, FAULTY_TERM, FAULTY_FACTOR = "fibrovein", "superficial_thrombophlebitis", 5
ONSET: Final = {EventFamily.PIGMENTATION: (21, 70), EventFamily.MATTING: (21, 70)}
LASTING: Final = {
    # Days from the onset to the end, the least and the most.
    EventFamily.PIGMENTATION: (60, 400),
    EventFamily.MATTING: (60, 300),
    EventFamily.NECROSIS: (28, 90),
    EventFamily.SUPERFICIAL_THROMBOSIS: (10, 60),
    EventFamily.DEEP_THROMBOSIS: (30, 120),
    EventFamily.ALLERGY: (1, 10),
    EventFamily.NEUROLOGICAL: (0, 3),
    EventFamily.CARDIORESPIRATORY: (0, 1),
    EventFamily.VASOVAGAL: (0, 1),
    EventFamily.NERVE_INJURY: (30, 270),
    EventFamily.OEDEMA: (2, 14),
    EventFamily.INJECTION_SITE: (0, 5),
    EventFamily.INFECTION: (5, 14),
    EventFamily.COMPRESSION: (3, 21),
    EventFamily.OTHER_SKIN: (60, 300),
}
LASTING_BY_TERM: Final = {
    "anaphylaxis": (0, 1),
    "visual_disturbance": (0, 1),
    "transient_ischaemic_attack": (0, 1),
    "stroke": (60, 180),
    "haematoma": (7, 21),
    "limb_pain": (1, 10),
}
LASTING_OTHERWISE: Final = (1, 21)
BUSY: Final = (8, 7, 6, 5, 4, 3, 2)
"""How many patients each clinician has, against the others."""
HANDS: Final = (1.0, 0.9, 1.1, 1.0, 2.2, 0.8, 1.0)
"""How often each clinician's sessions are followed by an event: one sees far more than chance."""
SEEN: Final = {
    "safety_2w": 0.92,
    "check_6_8w": 0.93,
    "photo_12w": 0.80,
    "review_26w": 0.86,
    "review_12m": 0.76,
    "review_2y": 0.62,
}
NOT_SEEN: Final = (
    (FollowUpStatus.MISSED, 55),
    (FollowUpStatus.DECLINED, 15),
    (FollowUpStatus.LOST, 15),
    (FollowUpStatus.MOVED, 8),
    (FollowUpStatus.PLANNED, 7),
)
CHECKLIST: Final = {
    "safety_2w": "early_14d",
    "check_6_8w": "standard_6_8w",
    "review_26w": "standard_26w",
    "review_12m": "standard_26w",
    "review_2y": "standard_26w",
}
NEEDS_EYES: Final = ("hyperpigmentation", "telangiectatic_matting")

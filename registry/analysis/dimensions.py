"""What sessions can be filtered and grouped by, and the levels that every dimension knows."""

from __future__ import annotations

from typing import Final

MIXED: Final = "mixed"
"""Level of a session with several agents, forms, strengths, vessel classes, calibres or sites."""
NOT_RECORDED: Final = "not_recorded"
NOT_APPLICABLE: Final = "not_applicable"
"""Level of agent, form and strength in a session of another modality."""

DIMENSIONS: Final = (
    "sclerosant",
    "product",
    "concentration",
    "form",
    "gas",
    "guidance",
    "vessel_class",
    "calibre",
    "site",
    "modality",
    "intent",
    "indication",
    "payer",
    "skin_type",
    "sex",
    "clinician",
    "clinic",
    "month",
    "quarter",
    "year",
)
"""What sessions can be filtered and grouped by."""

PERIODS: Final = ("month", "quarter", "year")
"""Dimensions that are a span of days, in the order of time."""

CALIBRES: Final = ("below_1_mm", "from_1_mm", "from_3_mm", "above_6_mm")
"""Bands of the diameter of a treated vein: below 1, from 1 to below 3, from 3 to 6, above 6 mm.

The first two limits are those between telangiectasia, reticular and varicose veins in CEAP 2020; a
site without a diameter has the band of its class where the class lies within one band. 6 mm, the
diameter from which trunks are usually called large, is our decision.
"""

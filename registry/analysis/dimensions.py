"""What sessions can be filtered and grouped by, and the levels that every dimension knows."""

from __future__ import annotations

from typing import Final

MIXED: Final = "mixed"
"""Level of a session with several agents, forms, strengths or vessel classes."""
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
    "modality",
    "intent",
    "indication",
    "skin_type",
    "sex",
    "clinician",
    "clinic",
    "month",
)
"""What sessions can be filtered and grouped by."""

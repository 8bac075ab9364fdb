"""What a check finds: a field, a rule, a level and a sentence for the person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a problem means for storing the entry.

    *Refuse* cannot be stored; *confirm* is stored only when the person accepts that rule by name,
    because it may be true (an expired lot was used); *note* is shown and stored.
    """

    REFUSE = "refuse"
    CONFIRM = "confirm"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule. ``field`` is a path such as ``sites[0].injections[1].liquid_ml``."""

    field: str
    rule: str
    message: str
    level: Level = Level.REFUSE

    def __str__(self) -> str:
        """Field and message, for a person."""
        return f"{self.field}: {self.message}"

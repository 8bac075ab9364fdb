"""The kinds of row by which a session is judged before the needle: doses, states, intervals, lots.

A session is judged by the rows valid on its day, so a changed rule never speaks of the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from registry.catalogue.rows import Row, RowStatus
from registry.vocabulary import SclerosantForm, Sex


class LimitKind(StrEnum):
    """What a dose limit counts: volume in mL, or mg of the agent per kg of body weight."""

    VOLUME_ML = "volume_ml"
    MG_PER_KG = "mg_per_kg"


class LimitPeriod(StrEnum):
    """Over what a dose limit is summed: one session, or all sessions of one day."""

    SESSION = "session"
    DAY = "day"


class RuleLevel(StrEnum):
    """What a rule that fires asks: a reason in words, a reason chosen from a list, or nothing."""

    STOP = "stop"
    CONFIRM = "confirm"
    NOTE = "note"


class ContraindicationLevel(StrEnum):
    """How strong a contraindication is according to its source."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class RuleKind(StrEnum):
    """What a safety rule looks at."""

    CONTRAINDICATION = "contraindication"
    INTERVAL = "interval"
    CLINIC_INTERVAL = "clinic_interval"
    REACTION = "reaction"
    STRENGTH_ABOVE = "strength_above"
    STRENGTH_BELOW = "strength_below"
    STRENGTH_MISSING = "strength_missing"
    LOT_EXPIRED = "lot_expired"
    LOT_RECALLED = "lot_recalled"
    UNSTATED_PRODUCT = "unstated_product"
    NOT_ASKED = "not_asked"


class Shared(StrEnum):
    """What an earlier session must share with this one for its reaction to matter."""

    AGENT = "agent"
    FORM = "form"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRow(Row):
    """A row by which sessions are judged: only those of the days on which it is valid.

    ``jurisdiction`` is the market whose label it is, ``INT`` for what holds everywhere.
    ``valid_from`` is the first treatment day the registry checks against the row, ``valid_until``
    the last; neither is the date of a label.
    """

    jurisdiction: str
    valid_from: date
    valid_until: date | None = None

    def is_valid(self, on: date) -> bool:
        """Tell whether a session on this day is judged by the row."""
        return (
            self.status is RowStatus.CURRENT
            and self.valid_from <= on
            and (self.valid_until is None or on <= self.valid_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLimit(DatedRow):
    """A maximum stated for a product.

    ``form`` and ``strength_percent`` are None where the limit holds for any. A ``volume_ml`` limit
    of the form foam counts mL of foam of every product, any other counts mL of liquid sclerosant of
    every product of the same agent, of that strength or stronger. A ``mg_per_kg`` limit counts mg
    of the agent in every product. Both legs count together.
    """

    product_code: str
    kind: LimitKind
    per: LimitPeriod
    limit: Decimal
    level: RuleLevel
    form: SclerosantForm | None = None
    strength_percent: Decimal | None = None

    def applies(self, form: SclerosantForm, strength_percent: Decimal, on: date) -> bool:
        """Tell whether an injection of this form and strength on this day falls under the limit."""
        return (
            self.form in (None, form)
            and self.strength_percent in (None, strength_percent)
            and self.is_valid(on)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Row):
    """A state of the patient that a contraindication may name.

    An answer counts for ``asked_again_after_days`` days after the day it was given, and as not
    asked later; a yes counts until somebody answers no where ``yes_stands``. ``by_agent`` marks
    what is asked for each agent by itself. Patients of the sex ``not_asked_of`` are not asked.
    """

    asked_again_after_days: int
    yes_stands: bool
    by_agent: bool
    not_asked_of: Sex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRule(DatedRow):
    """What a clinician is warned of before a session, apart from doses, and how firmly.

    ``contraindication``, ``condition`` and ``form`` choose contraindications: of several rules the
    one that names most decides the level. ``days`` is the shortest interval after a session for
    ``product_code``. ``terms`` are the events of an earlier session that ``shared`` what is said
    with this one.
    """

    kind: RuleKind
    level: RuleLevel
    contraindication: ContraindicationLevel | None = None
    condition: str | None = None
    form: SclerosantForm | None = None
    product_code: str | None = None
    days: int | None = None
    terms: tuple[str, ...] = ()
    shared: Shared | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraindication(DatedRow):
    """A condition in which a source advises against a product.

    ``product_code`` is None where the source speaks of every sclerosant; ``form`` is None where it
    speaks of liquid and foam alike.
    """

    condition: str
    level: ContraindicationLevel
    product_code: str | None = None
    form: SclerosantForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrengthGuide(DatedRow):
    """A strength that a label or manufacturer recommends for a calibre of vein.

    ``from_mm`` is exclusive, ``to_mm`` inclusive, so that a calibre on the border gets the weaker
    strength; None is open. A single recommended strength has equal ends.
    """

    product_code: str
    strength_from_percent: Decimal
    strength_to_percent: Decimal
    from_mm: Decimal | None = None
    to_mm: Decimal | None = None
    form: SclerosantForm | None = None

    def meets(self, above_mm: Decimal, up_to_mm: Decimal | None) -> bool:
        """Tell whether the guide speaks of any calibre above one end and up to the other."""
        return (self.to_mm is None or above_mm < self.to_mm) and (
            self.from_mm is None or up_to_mm is None or self.from_mm < up_to_mm
        )

"""What a check finds: a field, a rule, a level and a sentence for the person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from registry import language
from registry.catalogue import DatedRow, RuleLevel, catalogue
from registry.entry.forms import OverrideEntry
from registry.messages import Message
from registry.vocabulary import OverrideReason


class Level(StrEnum):
    """What a problem means for storing the entry.

    *Refuse* cannot be stored. *Stop* and *confirm* may be true (an expired lot was used) and are
    stored when the person says so: a safety rule asks for a reason, at *stop* in words; any other
    rule is accepted by name. *Note* is shown and stored.
    """

    REFUSE = "refuse"
    STOP = "stop"
    CONFIRM = "confirm"
    NOTE = "note"


LEVELS: Final = {
    RuleLevel.STOP: Level.STOP,
    RuleLevel.CONFIRM: Level.CONFIRM,
    RuleLevel.NOTE: Level.NOTE,
}
"""Level of a problem by the level of the catalogue's rule."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The catalogue row behind a safety rule; ``source`` is blank for the registry's decisions."""

    code: str
    source: str | None
    jurisdiction: str
    version: int


@dataclass(frozen=True, slots=True)
class Question:
    """A condition to be asked about; of one agent where the catalogue says so."""

    condition_code: str
    sclerosant_code: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule. ``field`` is a path such as ``sites[0].injections[1].liquid_ml``.

    ``origin`` is set where a row of the catalogue warns; ``questions`` are what was not asked.
    """

    field: str
    rule: str
    message: Message
    level: Level = Level.REFUSE
    origin: Origin | None = None
    questions: tuple[Question, ...] = ()

    @property
    def interrupts(self) -> bool:
        """Whether the person must say something before the entry is stored."""
        return self.level in (Level.STOP, Level.CONFIRM)

    @property
    def asks_reason(self) -> bool:
        """Whether a reason is asked for and kept, not only a yes."""
        return self.interrupts and self.origin is not None

    def __str__(self) -> str:
        """Field and message, for a person."""
        return f"{self.field}: {self.message}"


def origin_of(row: DatedRow) -> Origin:
    """Where the warning of a catalogue row comes from."""
    source = catalogue().sources[row.source].label if row.source else None
    return Origin(row.code, source, row.jurisdiction, row.version)


def needs_words(reason: OverrideReason, *, level: Level) -> bool:
    """Whether a reason from the list is not enough by itself."""
    return level is Level.STOP or reason is OverrideReason.OTHER


def in_digits(value: Decimal) -> str:
    """A quantity with the decimals it needs: 0.5, 10."""
    return language.as_typed(f"{value.normalize():f}")


def in_the_way(
    found: Iterable[Problem], accepted: Collection[str], overrides: Sequence[OverrideEntry] = ()
) -> list[Problem]:
    """Problems that keep an entry from being stored: refusals, and what was not answered yet."""
    by_rule = {override.rule: override for override in overrides}

    def is_answered(problem: Problem) -> bool:
        if not problem.asks_reason:
            return problem.rule in accepted
        override = by_rule.get(problem.rule)
        return override is not None and (
            not needs_words(override.reason, level=problem.level)
            or any(character.isalnum() for character in override.reason_text or "")
        )

    return [
        problem
        for problem in found
        if problem.level is Level.REFUSE or (problem.interrupts and not is_answered(problem))
    ]

"""A column of the format and a file of columns, made from the columns of the database.

What a column means, its unit and its range come from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from registry.catalogue import catalogue
from registry.database import Base, Quantity
from registry.messages import N_, Message, message


class Kind(StrEnum):
    """How the cells of a column are written."""

    KEY = "key"
    TEXT = "text"
    CODE = "code"
    CHOICE = N_("choice")
    WHOLE = N_("whole number")
    DECIMAL = N_("decimal number")
    DAY = "day"
    YES_NO = N_("yes or no")


class Withheld(StrEnum):
    """What a pseudonymous export leaves out; such a column may be left out of an import too."""

    IDENTITY = N_("identity")
    FREE_TEXT = N_("free text")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of one file; ``source`` is the database column that explains it."""

    name: str
    source: sa.Column[Any]
    kind: Kind
    required: bool
    meaning: Message
    withheld: Withheld | None = None
    codes: str | None = None

    def allowed(self) -> tuple[str, ...]:
        """The values of a closed set or of the catalogue; empty when any may stand."""
        if self.kind is Kind.YES_NO:
            return ("yes", "no")
        if isinstance(self.source.type, sa.Enum):
            return tuple(self.source.type.enums)
        return tuple(getattr(catalogue(), self.codes)) if self.codes else ()


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One file of the format.

    ``withheld`` keeps a whole file out of exports. A file that is not ``imported`` lists what an
    import cannot store.
    """

    name: str
    meaning: Message
    required: bool
    columns: Mapping[str, Column]
    withheld: Withheld | None = None
    imported: bool = True


_CATALOGUE: Final = {
    "anatomy_code": "anatomy",
    "product_code": "products",
    "event_term_code": "event_terms",
    "visit_code": "visits",
    "scale_code": "scales",
    "checklist_code": "checklists",
    "condition_code": "conditions",
    "sclerosant_code": "sclerosants",
    "item_code": "instrument_items",
    "code": "clinic_settings",
}
_FREE_TEXT: Final = frozenset({"payer", "note", "treatment_given", "narrative", "reason_text"})
_IDENTITY: Final = frozenset(
    {"family_name", "given_name", "birth_date", "hospital_number", "display_name"}
)


def _kind(name: str, source: sa.Column[Any]) -> Kind:
    if name in _CATALOGUE:
        return Kind.CODE
    if isinstance(source.type, sa.Enum):
        return Kind.CHOICE
    kinds: tuple[tuple[type[Any], Kind], ...] = (
        (sa.Boolean, Kind.YES_NO),
        (sa.Date, Kind.DAY),
        (Quantity, Kind.DECIMAL),
        (sa.Integer, Kind.WHOLE),
        (sa.String, Kind.TEXT),
    )
    return next(kind for type_, kind in kinds if isinstance(source.type, type_))


def plain(model: type[Base], *names: str, optional: bool = False) -> list[Column]:
    """Columns that mean what the database column of the same name means."""
    columns = sa.inspect(model).columns
    made = []
    for name in names:
        source = columns[name]
        withheld = (
            Withheld.IDENTITY
            if name in _IDENTITY
            else Withheld.FREE_TEXT
            if name in _FREE_TEXT
            else None
        )
        made.append(
            Column(
                name=name,
                source=source,
                kind=_kind(name, source),
                required=not (optional or source.nullable or source.default is not None),
                meaning=_meaning(source),
                withheld=withheld,
                codes=_CATALOGUE.get(name),
            )
        )
    return made


def _meaning(source: sa.Column[Any]) -> Message:
    """The comment of the database column, and what a blank cell is stored as."""
    default = source.default.arg if isinstance(source.default, sa.ColumnDefault) else None
    if default is None:
        return message(str(source.comment))
    word = ("yes" if default else "no") if isinstance(default, bool) else str(default)
    return message(
        "{meaning} Blank is stored as {word}.", meaning=message(str(source.comment)), word=word
    )


def key(
    name: str, model: type[Base], attribute: str, meaning: Message, *, required: bool = True
) -> Column:
    """A column of keys, which become the identifiers in the database column ``attribute``."""
    return Column(
        name=name,
        source=sa.inspect(model).columns[attribute],
        kind=Kind.KEY,
        required=required,
        meaning=meaning,
    )


def file(
    name: str,
    meaning: Message,
    *columns: Column | list[Column],
    required: bool = False,
    withheld: Withheld | None = None,
    imported: bool = True,
) -> File:
    """A file with these columns, in this order."""
    flat = [c for given in columns for c in (given if isinstance(given, list) else [given])]
    by_name = MappingProxyType({c.name: c for c in flat})
    return File(name, meaning, required, by_name, withheld, imported)


def patient_key(model: type[Base]) -> Column:
    """The column that says whose record it is."""
    return key(
        "patient_key",
        model,
        "patient_id",
        message(
            "Key of the patient in patients.csv, or of a patient who is already in the registry."
        ),
    )

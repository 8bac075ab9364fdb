"""Records that are one row of one file, such as an answer, a setting or a link of two patients."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from registry.database import Base
from registry.entry.barcode import pack_id
from registry.entry.clinic_settings import setting_id
from registry.entry.forms import Entry
from registry.entry.recording import ROOT
from registry.entry.rows import STORING_ORDER, Rows, lot_id
from registry.exchange.columns import File, Kind
from registry.schema import (
    ChangePoint,
    Clinician,
    ClinicSetting,
    ContactAttempt,
    LimbAssessment,
    Lot,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    PhotographContent,
    ProductGtin,
    RiskFact,
)

SINGLE: Final[Mapping[str, type[Base]]] = MappingProxyType(
    {
        "patient_links.csv": PatientLink,
        "risk_facts.csv": RiskFact,
        "lots.csv": Lot,
        "contact_attempts.csv": ContactAttempt,
        "limb_assessments.csv": LimbAssessment,
        "reported_outcomes.csv": PatientReportedOutcome,
        "packs.csv": ProductGtin,
        "clinic_settings.csv": ClinicSetting,
        "change_points.csv": ChangePoint,
    }
)
"""The table of each file whose rows are records of their own."""
NAMED_BY: Final[Mapping[type[Base], tuple[str, ...]]] = MappingProxyType(
    {
        Lot: ("product_code", "lot_number"),
        ProductGtin: ("gtin",),
        ClinicSetting: ("code", "valid_from"),
    }
)
"""Columns that name a record which has no key of its own."""
REFERS_TO: Final = {
    "patient_key": "patients.csv",
    "same_as_key": "patients.csv",
    "follow_up_key": "follow_ups.csv",
}
"""File of the record that a key column points to."""
INSERT_ORDER: Final[tuple[type[Base], ...]] = (
    Clinician,
    *(model for model in STORING_ORDER if model not in (Photograph, PhotographContent)),
    *(model for model in SINGLE.values() if model not in STORING_ORDER),
)
"""Every table that an import fills, parents before children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEntry:
    """A record that is one row; ``values`` holds all its columns but the common ones."""

    id: UUID
    model: type[Base]
    values: Mapping[str, Any]

    @property
    def patient_id(self) -> UUID | None:
        """Whose record it is; None where it is nobody's."""
        patient: UUID | None = self.values.get("patient_id")
        return patient

    @property
    def name(self) -> tuple[Any, ...]:
        """What names the record where it has no key; empty elsewhere."""
        return tuple(self.values[column] for column in NAMED_BY.get(self.model, ()))


def table_of(entry: Entry | RowEntry) -> type[Base]:
    """The table of the record itself, without its parts."""
    return entry.model if isinstance(entry, RowEntry) else ROOT[type(entry)]


def own_key(file: File) -> str | None:
    """The column with the key of the record; None where its content names it."""
    keys = (name for name, column in file.columns.items() if column.source.name == "id")
    return next(keys, None)


def values_of(
    file: File, row: Mapping[str, Any], identifier: Callable[[str, str], UUID]
) -> dict[str, Any]:
    """Values of a row by column of the database; ``identifier`` turns file and key into one."""
    values: dict[str, Any] = {}
    for name, column in file.columns.items():
        source = column.source
        if source.name == "id":
            continue
        default = source.default.arg if isinstance(source.default, sa.ColumnDefault) else None
        value = row.get(name, default)
        if column.kind is Kind.KEY and value is not None:
            value = identifier(REFERS_TO[name], value)
        values[source.name] = value
    return values


def named_id(clinic_id: int, model: type[Base], values: Mapping[str, Any]) -> UUID:
    """Identifier of a record that its content names, as the pages derive it too."""
    if model is Lot:
        return lot_id(clinic_id, values["product_code"], values["lot_number"])
    if model is ProductGtin:
        return pack_id(clinic_id, values["gtin"])
    return setting_id(clinic_id, values["code"], values["valid_from"])


def add_rows(rows: Rows, entries: Iterable[RowEntry], clinic_id: int, now: dt.datetime) -> None:
    """Add the rows of these records to those of the others.

    A lot that an injection names too comes once. Of answers to the same question on one day each is
    recorded a microsecond after the one before it, because the last one given stands.
    """
    lots = {row["id"]: row | {"recalled_on": None} for row in rows.get(Lot, [])}
    given: Counter[tuple[Any, ...]] = Counter()
    for entry in entries:
        row = {
            "clinic_id": clinic_id,
            "id": entry.id,
            "version": 1,
            "recorded_at": now,
            "voided_at": None,
            **entry.values,
        }
        if entry.model is Lot:
            expiry = lots[entry.id]["expires_on"] if entry.id in lots else None
            lots[entry.id] = row | {"expires_on": row["expires_on"] or expiry}
            continue
        if entry.model is RiskFact:
            question = tuple(
                row[name] for name in ("condition_code", "sclerosant_code", "answered_on")
            )
            row["recorded_at"] = now + dt.timedelta(microseconds=given[question])
            given[question] += 1
        rows.setdefault(entry.model, []).append(row)
    rows[Lot] = list(lots.values())

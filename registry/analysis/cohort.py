"""Which sessions a question is about, and how they are grouped.

A filter travels in the address of a page, so it holds report words, dates and catalogue codes only:
never a patient, a pseudonym or an event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry import language
from registry.access import Actor
from registry.analysis.columns import day_number
from registry.analysis.dimensions import CALIBRES, DIMENSIONS, MIXED, NOT_APPLICABLE, NOT_RECORDED
from registry.analysis.facts import Facts
from registry.catalogue import catalogue
from registry.messages import N_, Message, message, written
from registry.vocabulary import VesselClass

FROM: Final = "from"
TO: Final = "to"

DIMENSION_LABELS: Final[Mapping[str, str]] = {
    "sclerosant": N_("Sclerosant"),
    "product": N_("Product"),
    "concentration": N_("Concentration"),
    "form": N_("Form"),
    "gas": N_("Gas"),
    "guidance": N_("Guidance"),
    "vessel_class": N_("Vessel class"),
    "calibre": N_("Calibre"),
    "site": N_("Region or vein"),
    "modality": N_("Modality"),
    "intent": N_("Intent"),
    "indication": N_("Indication"),
    "payer": N_("Payer"),
    "skin_type": N_("Skin type"),
    "sex": N_("Sex"),
    "clinician": N_("Clinician"),
    "clinic": N_("Clinic"),
    "month": N_("Month"),
    "quarter": N_("Quarter"),
    "year": N_("Year"),
}

_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("form", MIXED): N_("Liquid and foam"),
    ("sclerosant", MIXED): N_("Several sclerosants"),
    ("product", MIXED): N_("Several products"),
    ("concentration", MIXED): N_("Several concentrations"),
    ("vessel_class", MIXED): N_("Several vessel classes"),
    ("calibre", MIXED): N_("Several calibres"),
    ("calibre", "below_1_mm"): N_("Below 1 mm"),
    ("calibre", "from_1_mm"): N_("1 to below 3 mm"),
    ("calibre", "from_3_mm"): N_("3 to 6 mm"),
    ("calibre", "above_6_mm"): N_("Above 6 mm"),
    ("site", MIXED): N_("Several regions or veins"),
    ("gas", MIXED): N_("Several gases"),
    ("gas", NOT_APPLICABLE): N_("No foam"),
    ("gas", "co2"): N_("CO₂"),
    ("gas", "o2_co2"): N_("O₂/CO₂"),
    ("form", "liquid"): N_("Liquid"),
    ("form", "foam"): N_("Foam"),
    ("gas", "air"): N_("Air"),
    ("gas", "proprietary"): N_("Proprietary"),
    ("guidance", "none"): N_("None"),
    ("guidance", "transillumination"): N_("Transillumination"),
    ("guidance", "ultrasound"): N_("Ultrasound"),
    ("vessel_class", "telangiectasia"): N_("Telangiectasia"),
    ("vessel_class", "reticular"): N_("Reticular"),
    ("vessel_class", "varicose"): N_("Varicose"),
    ("vessel_class", "truncal"): N_("Truncal"),
    ("vessel_class", "perforator"): N_("Perforator"),
    ("modality", "sclerotherapy"): N_("Sclerotherapy"),
    ("modality", "needle_thermocoagulation"): N_("Needle thermocoagulation"),
    ("modality", "intense_pulsed_light"): N_("Intense pulsed light"),
    ("intent", "planned_stage"): N_("Planned stage"),
    ("intent", "residual"): N_("Residual"),
    ("intent", "recurrence"): N_("Recurrence"),
    ("intent", "recanalisation"): N_("Recanalisation"),
    ("intent", "new_vein"): N_("New vein"),
    ("indication", "cosmetic"): N_("Cosmetic"),
    ("indication", "symptomatic"): N_("Symptomatic"),
    ("indication", "both"): N_("Both"),
    ("sex", "female"): N_("Female"),
    ("sex", "male"): N_("Male"),
    ("sex", "other"): N_("Other"),
    ("sex", "unknown"): N_("Unknown"),
    ("modality", "nd_yag_laser"): N_("Nd:YAG laser"),
}
_ORDERED: Final[Mapping[str, Sequence[str]]] = {
    "calibre": CALIBRES,
    "site": tuple(catalogue().anatomy),
    "vessel_class": tuple(VesselClass),
}
"""Dimensions whose levels have an order that is not the one of their codes."""


@dataclass(frozen=True, slots=True)
class CohortFilter:
    """Sessions treated from ``start`` to ``end``, both included, at the chosen levels.

    ``levels`` maps a dimension to the codes that are kept; a dimension that is not named is not
    filtered.
    """

    start: dt.date | None = None
    end: dt.date | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_query(self) -> dict[str, str]:
        """The filter as the words of an address."""
        query: dict[str, str] = {}
        if self.start is not None:
            query[FROM] = self.start.isoformat()
        if self.end is not None:
            query[TO] = self.end.isoformat()
        for dimension in DIMENSIONS:
            chosen = self.levels.get(dimension, ())
            if chosen:
                query[dimension] = ",".join(chosen)
        return query

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], facts: Facts | None = None
    ) -> tuple[CohortFilter, tuple[Message, ...]]:
        """Read the words of an address; what is unknown is named and ignored.

        With ``facts``, levels that do not occur in the data are unknown too.
        """
        ignored: list[Message] = []
        days: dict[str, dt.date | None] = {FROM: None, TO: None}
        for name in days:
            if name in query:
                try:
                    days[name] = dt.date.fromisoformat(query[name])
                except ValueError:
                    ignored.append(message("“{name}” is not a day such as 2026-11-23.", name=name))
        start, end = days[FROM], days[TO]
        if start is not None and end is not None and start > end:
            start = end = None
            ignored.append(message("“from” is after “to”; both were ignored."))
        levels: dict[str, tuple[str, ...]] = {}
        for dimension in DIMENSIONS:
            if not query.get(dimension):
                continue
            asked = dict.fromkeys(query[dimension].split(",")[:100])
            known = [code for code in asked if facts is None or code in facts.levels[dimension]]
            if len(known) < len(asked):
                ignored.append(
                    message(
                        "{count} unknown value(s) of {dimension} were ignored.",
                        count=len(asked) - len(known),
                        dimension=message(DIMENSION_LABELS[dimension]),
                    )
                )
            if known:
                levels[dimension] = tuple(known)
        return cls(start, end, levels), tuple(ignored)

    def within(self, clinics: Collection[int]) -> frozenset[int]:
        """Those of ``clinics`` that the filter keeps."""
        chosen = self.levels.get("clinic")
        return frozenset(id_ for id_ in clinics if chosen is None or str(id_) in chosen)

    def mask(self, facts: Facts, clinics: Collection[int]) -> NDArray[np.bool_]:
        """Sessions of ``clinics`` that the filter keeps."""
        sessions = facts.sessions
        kept = np.isin(sessions["clinic_id"].to_numpy(), list(clinics))
        days = sessions["day"].to_numpy()
        if self.start is not None:
            kept &= days >= day_number(self.start)
        if self.end is not None:
            kept &= days <= day_number(self.end)
        for dimension, chosen in self.levels.items():
            wanted = [i for i, code in enumerate(facts.levels[dimension]) if code in chosen]
            kept &= np.isin(sessions[dimension].to_numpy(), wanted)
        return np.asarray(kept, dtype=np.bool_)


def level_label(facts: Facts, dimension: str, code: str, by: Actor) -> Message:
    """What a level is called for this reader.

    The reader's own row is named; other clinicians carry a number that says nothing about rank.
    """
    if code == NOT_RECORDED:
        return message("Not recorded")
    if (dimension, code) in _WORDS:
        return message(_WORDS[dimension, code])
    if code == NOT_APPLICABLE:
        return message("No sclerosant used")
    if dimension == "clinician":
        name, user_id = facts.clinicians.get(code, ("", None))
        if user_id is not None and user_id == by.user_id:
            return message("{name} (you)", name=name)
        clinic = code.split("-", 1)[0]
        peers = sorted(
            (key for key in facts.clinicians if key.split("-", 1)[0] == clinic),
            key=lambda key: int(key.split("-", 1)[1]),
        )
        number = peers.index(code) + 1 if code in peers else 0
        if len({grant.clinic_id for grant in by.grants}) > 1:
            place = facts.clinics[int(clinic)][1]
            return message("Clinician {number}, {clinic}", number=number, clinic=place)
        return message("Clinician {number}", number=number)
    if dimension == "clinic":
        return message("{name}", name=facts.clinics[int(code)][1])
    if dimension == "sclerosant":
        return message(catalogue().sclerosants[code].label)
    if dimension == "product":
        return message(catalogue().products[code].label)
    if dimension == "concentration":
        return message("{strength} %", strength=written(language.as_typed, code))
    if dimension == "site":
        return message(catalogue().anatomy[code].label)
    if dimension == "payer":
        return message("{name}", name=facts.payers[code])
    if dimension == "quarter":
        year, quarter = code.split("-Q")
        return message("Quarter {quarter} of {year}", quarter=quarter, year=year)
    if dimension == "month":
        first = dt.date.fromisoformat(f"{code}-01")
        return message("{month}", month=written(language.month, first))
    if dimension == "skin_type":
        return message("Fitzpatrick {type}", type=code)
    return message("{year}", year=code)


def level_order(dimension: str, code: str) -> tuple[int, float, str]:
    """Place of a level in a list: its natural order, never its rate; unrecorded last."""
    rank = {MIXED: 1, NOT_APPLICABLE: 2, NOT_RECORDED: 3}.get(code, 0)
    if dimension == "concentration" and rank == 0:
        return (rank, float(code), code)
    if dimension in _ORDERED and code in _ORDERED[dimension]:
        return (rank, float(_ORDERED[dimension].index(code)), code)
    if dimension == "clinician" and rank == 0:
        return (rank, float(code.split("-", 1)[1]), code)
    return (rank, 0.0, code)

"""The session form as typed, and the entry it says: what was drawn up once, and where it went.

A clinician draws up one or two preparations and spreads them over several sites, so the form asks
for product, strength, form and lot once per preparation and for a volume per site: mL of liquid, or
mL of foam where the product comes as foam.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from dashboard.words import Unreadable, number, read_expiry, read_number
from registry.catalogue import catalogue
from registry.entry.dose import is_ready_made, parts_of_ready_made, ready_made_ml
from registry.entry.forms import InjectionEntry, SessionEntry, SiteEntry
from registry.entry.problems import Problem
from registry.messages import message
from registry.vocabulary import FoamGas, Laterality, Modality, SclerosantForm, VesselClass

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """One preparation as typed; ``gas_parts`` is mL of gas to 1 mL of liquid."""

    product_code: str | None = None
    strength: str = ""
    form: SclerosantForm | None = None
    lot_number: str = ""
    expires: str = ""
    is_compounded: bool = False
    gas: FoamGas | None = None
    gas_parts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One site as typed: where, how much of which preparation; None when nothing was injected.

    ``diameter_mm`` and ``feeder_treated`` are not asked here; they are kept from a stored session.
    """

    side: Laterality | None = None
    anatomy_code: str | None = None
    vessel_class: VesselClass | None = None
    preparation: int | None = 0
    ml: str = ""
    diameter_mm: Decimal | None = None
    feeder_treated: bool | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nobody said anything in this row but what it was given to begin with."""
        return self.anatomy_code is None and not self.ml.strip()


@dataclass(slots=True)
class Reading:
    """What the form says: the entry, what could not be read, and where each field is typed."""

    entry: SessionEntry
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    def place(self, path: str) -> str:
        """Name of the form's field in which the value at ``path`` of the entry is typed."""
        return self.places.get(path, path)


def read(base: SessionEntry, preparations: Sequence[Preparation], rows: Sequence[Row]) -> Reading:
    """The entry that ``base`` makes with what was drawn up and where it went."""
    said = Reading(base)
    agents: list[InjectionEntry | None] = []
    parts: list[Decimal | None] = []
    if base.modality is Modality.SCLEROTHERAPY:
        for p, preparation in enumerate(preparations):
            agent, gas_parts = _preparation(p, preparation, said)
            agents.append(agent)
            parts.append(gas_parts)
    sites: dict[tuple[object, ...], SiteEntry] = {}
    loose: list[InjectionEntry] = []
    for r, row in enumerate(rows):
        if row.is_blank:
            continue
        name = f"row.{r}"
        given = _injection(name, row, agents, parts, said)
        if row.anatomy_code is None:
            if given is not None:
                _point(said, f"injections[{len(loose)}]", name, row.preparation)
                loose.append(given)
            continue
        if row.side is None:
            said.problems.append(Problem(f"{name}.side", "required", message("Left or right?")))
            continue
        key = (row.side, row.anatomy_code, row.vessel_class)
        site = sites.get(key) or SiteEntry(
            side=row.side,
            anatomy_code=row.anatomy_code,
            vessel_class=row.vessel_class,
            diameter_mm=row.diameter_mm,
            feeder_treated=row.feeder_treated,
        )
        path = f"sites[{list(sites).index(key) if key in sites else len(sites)}]"
        said.places.setdefault(f"{path}.anatomy_code", f"{name}.place")
        if given is not None:
            _point(said, f"{path}.injections[{len(site.injections)}]", name, row.preparation)
            site = replace(site, injections=(*site.injections, given))
        sites[key] = site
    if agents and all(row.is_blank for row in rows):
        said.problems.append(
            Problem("row.0.place", "required", message("Say where it was injected, and how much."))
        )
    said.entry = replace(base, sites=tuple(sites.values()), injections=tuple(loose))
    return said


def typed(entry: SessionEntry) -> tuple[list[Preparation], list[Row]]:
    """The form that says what ``entry`` says."""
    preparations: list[Preparation] = []
    rows: list[Row] = []

    def drawn_up(injection: InjectionEntry) -> int:
        found = preparation_of(injection)
        if found not in preparations:
            preparations.append(found)
        return preparations.index(found)

    for site in entry.sites:
        row = Row(
            side=site.side,
            anatomy_code=site.anatomy_code,
            vessel_class=site.vessel_class,
            diameter_mm=site.diameter_mm,
            feeder_treated=site.feeder_treated,
        )
        rows.extend(
            replace(row, preparation=drawn_up(injection), ml=_ml(injection))
            for injection in site.injections
        )
        if not site.injections:
            rows.append(replace(row, preparation=None))
    rows.extend(
        Row(preparation=drawn_up(injection), ml=_ml(injection)) for injection in entry.injections
    )
    return preparations, rows


def begun(product_code: str | None, strength: str = "") -> Preparation:
    """A preparation of which only the product is known, with what follows from that."""
    product = catalogue().products.get(product_code or "")
    strengths = product.strengths_percent if product else ()
    forms = product.forms if product else ()
    return Preparation(
        product_code=product_code,
        strength=strength or (number(strengths[0]) if len(strengths) == 1 else ""),
        form=forms[0] if len(forms) == 1 else None,
    )


def preparation_of(injection: InjectionEntry) -> Preparation:
    """The preparation that an injection came from."""
    parts = None
    is_mixed = not is_ready_made(injection.product_code, injection.form)
    if is_mixed and injection.gas_ml is not None and injection.liquid_ml:
        parts = (injection.gas_ml / injection.liquid_ml).quantize(CENT)
    return Preparation(
        product_code=injection.product_code,
        strength=_text(injection.concentration_percent),
        form=injection.form,
        lot_number=injection.lot_number or "",
        expires=injection.expires_on.isoformat() if injection.expires_on else "",
        is_compounded=injection.is_compounded,
        gas=injection.gas,
        gas_parts=_text(parts),
    )


def _ml(injection: InjectionEntry) -> str:
    if is_ready_made(injection.product_code, injection.form):
        return _text(ready_made_ml(injection))
    return _text(injection.liquid_ml)


def _text(value: Decimal | None) -> str:
    return "" if value is None else number(value)


def _preparation(
    p: int, preparation: Preparation, said: Reading
) -> tuple[InjectionEntry | None, Decimal | None]:
    name = f"preparation.{p}"
    strength = _number(f"{name}.strength", preparation.strength, said)
    is_foam = preparation.form is SclerosantForm.FOAM
    gas, gas_parts = preparation.gas, None
    if is_ready_made(preparation.product_code, preparation.form):
        gas = gas or FoamGas.PROPRIETARY
    elif is_foam:
        gas_parts = _number(f"{name}.gas_parts", preparation.gas_parts, said)
    expires_on: dt.date | None = None
    try:
        expires_on = read_expiry(preparation.expires)
    except Unreadable as error:
        said.problems.append(Problem(f"{name}.expires", "readable", error.text))
    if preparation.product_code is None or preparation.form is None:
        missing = "product" if preparation.product_code is None else "form"
        sentence = message("Which product?")
        if missing == "form":
            sentence = message("Liquid or foam?")
        said.problems.append(Problem(f"{name}.{missing}", "required", sentence))
        return None, None
    agent = InjectionEntry(
        product_code=preparation.product_code,
        form=preparation.form,
        concentration_percent=strength,
        lot_number=preparation.lot_number.strip() or None,
        expires_on=expires_on,
        is_compounded=preparation.is_compounded,
        gas=gas if is_foam else None,
    )
    return agent, gas_parts


def _injection(
    name: str,
    row: Row,
    agents: Sequence[InjectionEntry | None],
    parts: Sequence[Decimal | None],
    said: Reading,
) -> InjectionEntry | None:
    ml = _number(f"{name}.ml", row.ml, said)
    if row.preparation is None or row.preparation >= len(agents):
        if agents and row.ml.strip():
            sentence = message("Which preparation was it?")
            said.problems.append(Problem(f"{name}.preparation", "required", sentence))
        return None
    agent, gas_parts = agents[row.preparation], parts[row.preparation]
    if agent is None:
        return None
    if ml is not None and is_ready_made(agent.product_code, agent.form):
        liquid_ml, gas_ml = parts_of_ready_made(agent.product_code, ml)
        return replace(agent, liquid_ml=liquid_ml, gas_ml=gas_ml)
    mixed_ml = None
    if ml is not None and gas_parts is not None:
        mixed_ml = (ml * gas_parts).quantize(CENT)
    return replace(agent, liquid_ml=ml, gas_ml=mixed_ml)


def _number(place: str, text: str, said: Reading) -> Decimal | None:
    try:
        return read_number(text)
    except Unreadable as error:
        said.problems.append(Problem(place, "readable", error.text))
        return None


def _point(said: Reading, path: str, row: str, preparation: int | None) -> None:
    said.places |= {
        f"{path}.{column}": f"preparation.{preparation}.{typed_in}"
        for column, typed_in in _TYPED_IN.items()
    }
    said.places |= {f"{path}.{column}": f"{row}.ml" for column in ("liquid_ml", "gas_ml")}


_TYPED_IN: Final = {
    "product_code": "product",
    "concentration_percent": "strength",
    "form": "form",
    "lot_number": "lot",
    "expires_on": "expires",
    "gas": "gas",
}


def sites_only(rows: Sequence[Row]) -> Iterator[Row]:
    """The same places again, without volumes: where a next session often begins."""
    for row in rows:
        if row.anatomy_code is not None:
            yield replace(row, preparation=0, ml="", diameter_mm=None, feeder_treated=None)

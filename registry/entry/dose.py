"""Dose and volume against the limits of the labels, which are catalogue rows and never code.

A limit per session counts the session; a limit per day counts every session of the patient on that
day. Both legs count together, and so do all products: a limit on foam counts every foam, any other
counts the agent in whatever product, of the limit's strength or stronger. What cannot be checked is
said, never passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from registry.catalogue import (
    DoseLimit,
    LimitKind,
    LimitPeriod,
    Product,
    RuleLevel,
    catalogue,
)
from registry.entry.forms import InjectionEntry, SessionEntry
from registry.entry.problems import LEVELS, Level, Problem, in_digits, origin_of
from registry.messages import N_, Message, message
from registry.vocabulary import SclerosantForm

_PERIODS: Final[Mapping[LimitPeriod, Message]] = {
    LimitPeriod.SESSION: message("session"),
    LimitPeriod.DAY: message("day"),
}


def dose_problems(entry: SessionEntry, same_day: Sequence[InjectionEntry]) -> Iterator[Problem]:
    """Limits that the session exceeds, and those that could not be checked.

    ``same_day`` holds what the patient got in other sessions of that day. Unknown products are
    left to the checks of the single injection.
    """
    rows = catalogue()
    known = [i for i in entry.all_injections() if i.product_code in rows.products]
    limits: dict[str, DoseLimit] = {}
    unlimited: dict[str, Product] = {}
    for injection in known:
        found = rows.limits_for(
            injection.product_code, injection.form, _strength(injection), entry.treated_on
        )
        limits |= {limit.code: limit for limit in found}
        if all(limit.level is RuleLevel.NOTE for limit in found):
            unlimited[injection.product_code] = rows.products[injection.product_code]
    earlier = [i for i in same_day if i.product_code in rows.products]
    for limit in limits.values():
        here = [i for i in known if _falls_under(limit, i)]
        before = [i for i in earlier if limit.per is LimitPeriod.DAY and _falls_under(limit, i)]
        counted = message("This session")
        if before:
            counted = message("This session with others of that day")
        yield from _one_limit(limit, here + before, entry, counted)
    for product in unlimited.values():
        yield Problem(
            "injections",
            "no_limit_known",
            message(
                "No limit is known for {product} in this strength and form: the volume was not "
                "checked.",
                product=product.label,
            ),
            Level.NOTE,
        )


def milligrams(injection: InjectionEntry) -> Decimal | None:
    """Mass of agent injected; None when a volume or the strength is blank.

    Liquid: volume times 10 mg/mL per percent. Ready-made foam: mL of foam times what its label says
    one mL holds.
    """
    product = catalogue().products[injection.product_code]
    if product.foam_mg_per_ml is not None and injection.form is SclerosantForm.FOAM:
        foam = _foam_ml(injection)
        return None if foam is None else foam * product.foam_mg_per_ml
    if injection.concentration_percent is None or injection.liquid_ml is None:
        return None
    return product.mg_per_ml(injection.concentration_percent) * injection.liquid_ml


def _strength(injection: InjectionEntry) -> Decimal:
    return injection.concentration_percent or Decimal(0)


def _foam_ml(injection: InjectionEntry) -> Decimal | None:
    if injection.liquid_ml is None or injection.gas_ml is None:
        return None
    return injection.liquid_ml + injection.gas_ml


def _falls_under(limit: DoseLimit, injection: InjectionEntry) -> bool:
    if limit.kind is LimitKind.VOLUME_ML and limit.form is SclerosantForm.FOAM:
        return injection.form is SclerosantForm.FOAM
    products = catalogue().products
    agent = products[limit.product_code].sclerosant_code
    return (
        products[injection.product_code].sclerosant_code == agent
        and limit.form in (None, injection.form)
        and _strength(injection) >= (limit.strength_percent or 0)
    )


def _one_limit(
    limit: DoseLimit, given: Sequence[InjectionEntry], entry: SessionEntry, counted: Message
) -> Iterator[Problem]:
    by_weight = limit.kind is LimitKind.MG_PER_KG
    if by_weight:
        amounts = [milligrams(injection) for injection in given]
    elif limit.form is SclerosantForm.FOAM:
        amounts = [_foam_ml(injection) for injection in given]
    else:
        amounts = [injection.liquid_ml for injection in given]
    total = sum((amount for amount in amounts if amount is not None), Decimal(0))
    label = catalogue().products[limit.product_code].label
    period = _PERIODS[limit.per]
    blank = None in amounts
    if by_weight and entry.weight_kg is None:
        if total:
            yield Problem(
                "weight_kg",
                "weight_for_limit",
                message(
                    "{counted}: {total} mg; the limit of {limit} mg/kg per {period} was not "
                    "checked because the weight is blank.",
                    counted=counted,
                    total=in_digits(total),
                    limit=in_digits(limit.limit),
                    period=period,
                ),
                Level.NOTE,
            )
        return
    allowed = limit.limit * entry.weight_kg if by_weight and entry.weight_kg else limit.limit
    unit = "mg" if by_weight else "mL"
    if total > allowed:
        said = N_(
            "{counted}: {total} {unit}; the limit for {product} is {allowed} {unit} per {period} "
            "({jurisdiction})."
        )
        if by_weight:
            said = N_(
                "{counted}: {total} {unit}; the limit for {product} at {weight} kg is {allowed} "
                "{unit} per {period} ({jurisdiction})."
            )
        parts = {
            "counted": counted,
            "total": in_digits(total),
            "unit": unit,
            "product": label,
            "weight": in_digits(entry.weight_kg or Decimal(0)),
            "allowed": in_digits(allowed),
            "period": period,
            "jurisdiction": limit.jurisdiction,
        }
        yield Problem(
            "injections",
            f"dose:{limit.code}",
            Message(said, parts),
            LEVELS[limit.level],
            origin_of(limit),
        )
    elif blank:
        yield Problem(
            "injections",
            f"dose_unchecked:{limit.code}",
            message(
                "The limit for {product} per {period} was not fully checked: a volume or strength "
                "is blank.",
                product=label,
                period=period,
            ),
            Level.NOTE,
        )

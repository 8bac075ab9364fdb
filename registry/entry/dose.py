"""Dose and volume against the limits of the labels, which are catalogue rows and never code.

A limit per session counts the session; a limit per day counts every session of the patient on that
day, whichever of them brought the limit in. Both legs count together, and so do all products: a
limit on foam counts every foam, any other counts the agent in whatever product, of the limit's
strength or stronger. What is blank counts with the least that it can be, and is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from registry.catalogue import (
    DoseLimit,
    LimitKind,
    LimitPeriod,
    RuleLevel,
    catalogue,
)
from registry.entry.forms import InjectionEntry, SessionEntry
from registry.entry.problems import LEVELS, Level, Problem, in_digits, origin_of
from registry.messages import N_, Message, message
from registry.schema import TreatmentSession
from registry.vocabulary import SclerosantForm

CENT: Final = Decimal("0.01")
GREATEST_WEIGHT_KG: Final = Decimal(str(TreatmentSession.__table__.c.weight_kg.info["between"][1]))
"""Nobody recorded is heavier: what exceeds the limit at this weight exceeds it at any."""

_PERIODS: Final[Mapping[LimitPeriod, Message]] = {
    LimitPeriod.SESSION: message("session"),
    LimitPeriod.DAY: message("day"),
}


class _Amount(NamedTuple):
    """How much counts against a limit; the least it can be where something is blank."""

    least: Decimal
    is_whole: bool


def dose_problems(entry: SessionEntry, same_day: Sequence[InjectionEntry]) -> Iterator[Problem]:
    """Limits that the session exceeds, and those that could not be checked.

    ``same_day`` holds what the patient got in other sessions of that day. Unknown products are
    left to the checks of the single injection.
    """
    products = catalogue().products
    given = [i for i in entry.all_injections() if i.product_code in products]
    earlier = [i for i in same_day if i.product_code in products]
    limits = [limit for i in given for limit in _limits_of(i, entry)]
    limits += [
        limit for i in earlier for limit in _limits_of(i, entry) if limit.per is LimitPeriod.DAY
    ]
    for limit in {limit.code: limit for limit in limits}.values():
        here = [i for i in given if _falls_under(limit, i)]
        before = [i for i in earlier if limit.per is LimitPeriod.DAY and _falls_under(limit, i)]
        counted = message("This session")
        if before:
            counted = message("This session with others of that day")
        if here:
            yield from _one_limit(limit, here + before, entry, counted)
    firm = [limit for limit in limits if limit.level is not RuleLevel.NOTE]
    unlimited = [i for i in given if not any(_falls_under(limit, i) for limit in firm)]
    for code in dict.fromkeys(injection.product_code for injection in unlimited):
        yield Problem(
            "injections",
            "no_limit_known",
            message(
                "No limit is known for {product} in this strength and form: the volume was not "
                "checked.",
                product=products[code].label,
            ),
            Level.NOTE,
        )


def milligrams(injection: InjectionEntry) -> Decimal | None:
    """Mass of agent injected; None when a volume or the strength is blank.

    Liquid: volume times 10 mg/mL per percent. Ready-made foam: mL of foam times what its label says
    one mL holds.
    """
    mass = _mass(injection)
    return mass.least if mass.is_whole else None


def is_ready_made(product_code: str | None, form: SclerosantForm | None) -> bool:
    """Whether the product comes as foam, so that mL of foam are measured, not liquid and gas."""
    product = catalogue().products.get(product_code or "")
    return (
        product is not None and product.foam_mg_per_ml is not None and form is SclerosantForm.FOAM
    )


def parts_of_ready_made(product_code: str, foam_ml: Decimal) -> tuple[Decimal, Decimal]:
    """Drug solution and gas in a volume of ready-made foam, all in mL; together they are the foam.

    The solution is what holds the mass that the label gives for the foam.
    """
    liquid_ml = (foam_ml * _solution_share(product_code)).quantize(CENT)
    return liquid_ml, foam_ml - liquid_ml


def ready_made_ml(injection: InjectionEntry) -> Decimal | None:
    """How much ready-made foam was injected, in mL; worked out where only its solution is known."""
    if injection.liquid_ml is None:
        return None
    if injection.gas_ml is not None:
        return injection.liquid_ml + injection.gas_ml
    return (injection.liquid_ml / _solution_share(injection.product_code)).quantize(CENT)


def _solution_share(product_code: str) -> Decimal:
    product = catalogue().products[product_code]
    if product.foam_mg_per_ml is None:
        raise ValueError(f"{product_code} does not come as foam")
    return product.foam_mg_per_ml / product.mg_per_ml(product.strengths_percent[0])


def _limits_of(injection: InjectionEntry, entry: SessionEntry) -> list[DoseLimit]:
    """Limits for an injection; for one whose strength is blank, the strictest of each kind."""
    rows = catalogue()
    if injection.concentration_percent is not None:
        strengths = [injection.concentration_percent]
    else:
        strengths = sorted(
            {row.strength_percent or Decimal(0) for row in rows.dose_limits.values()}
        )
    strictest: dict[tuple[object, ...], DoseLimit] = {}
    for strength in strengths:
        for limit in rows.limits_for(
            injection.product_code, injection.form, strength, entry.treated_on
        ):
            blank = injection.concentration_percent is None
            key = (limit.kind, limit.per, limit.form, limit.level) if blank else (limit.code,)
            if key not in strictest or limit.limit < strictest[key].limit:
                strictest[key] = limit
    return list(strictest.values())


def _falls_under(limit: DoseLimit, injection: InjectionEntry) -> bool:
    if _counts_foam(limit):
        return injection.form is SclerosantForm.FOAM
    products = catalogue().products
    strength = injection.concentration_percent
    return (
        products[injection.product_code].sclerosant_code
        == products[limit.product_code].sclerosant_code
        and limit.form in (None, injection.form)
        and (strength is None or strength >= (limit.strength_percent or 0))
    )


def _counts_foam(limit: DoseLimit) -> bool:
    return limit.kind is LimitKind.VOLUME_ML and limit.form is SclerosantForm.FOAM


def _amount(limit: DoseLimit, injection: InjectionEntry) -> _Amount:
    if limit.kind is LimitKind.MG_PER_KG:
        return _mass(injection)
    if _counts_foam(limit):
        return _sum_of(injection.liquid_ml, injection.gas_ml)
    return _sum_of(injection.liquid_ml)


def _mass(injection: InjectionEntry) -> _Amount:
    product = catalogue().products[injection.product_code]
    if product.foam_mg_per_ml is not None and injection.form is SclerosantForm.FOAM:
        foam = _sum_of(injection.liquid_ml, injection.gas_ml)
        return foam._replace(least=foam.least * product.foam_mg_per_ml)
    liquid, strength = _sum_of(injection.liquid_ml), injection.concentration_percent
    if strength is None:
        sold = () if injection.is_compounded else product.strengths_percent
        weakest = min(sold, default=Decimal(0))
        return _Amount(liquid.least * product.mg_per_ml(weakest), is_whole=False)
    return liquid._replace(least=liquid.least * product.mg_per_ml(strength))


def _sum_of(*volumes: Decimal | None) -> _Amount:
    known = [volume for volume in volumes if volume is not None]
    return _Amount(sum(known, Decimal(0)), len(known) == len(volumes))


def _one_limit(
    limit: DoseLimit, given: Sequence[InjectionEntry], entry: SessionEntry, counted: Message
) -> Iterator[Problem]:
    by_weight = limit.kind is LimitKind.MG_PER_KG
    amounts = [_amount(limit, injection) for injection in given]
    total = sum((amount.least for amount in amounts), Decimal(0))
    is_whole = all(amount.is_whole for amount in amounts)
    weight = (entry.weight_kg or GREATEST_WEIGHT_KG) if by_weight else Decimal(1)
    allowed = limit.limit * weight
    parts = {
        "counted": counted,
        "total": in_digits(total) if is_whole else message("at least {ml}", ml=in_digits(total)),
        "unit": "mg" if by_weight else "mL",
        "product": catalogue().products[limit.product_code].label,
        "weight": in_digits(weight),
        "allowed": in_digits(allowed),
        "limit": in_digits(limit.limit),
        "period": _PERIODS[limit.per],
        "jurisdiction": limit.jurisdiction,
    }
    if total > allowed:
        text = Message(_exceeded(by_weight=by_weight, entry=entry), parts)
        if limit.strength_percent and any(i.concentration_percent is None for i in given):
            text = message(
                "{warning} A strength is blank, so the strictest limit was taken.", warning=text
            )
        yield Problem(
            "injections", f"dose:{limit.code}", text, LEVELS[limit.level], origin_of(limit)
        )
    elif by_weight and entry.weight_kg is None and total:
        said = N_(
            "{counted}: {total} mg. Enter the weight: without it, the limit of {limit} mg/kg per "
            "{period} cannot be checked."
        )
        yield Problem("weight_kg", "weight_for_limit", Message(said, parts), Level.NOTE)
    elif not is_whole:
        said = N_(
            "The limit for {product} per {period} was not fully checked: a volume or strength is "
            "blank."
        )
        rule = f"dose_unchecked:{limit.code}"
        yield Problem("injections", rule, Message(said, parts), Level.NOTE)


def _exceeded(*, by_weight: bool, entry: SessionEntry) -> str:
    if not by_weight:
        return N_(
            "{counted}: {total} {unit}; the limit for {product} is {allowed} {unit} per {period} "
            "({jurisdiction})."
        )
    if entry.weight_kg is None:
        return N_(
            "{counted}: {total} mg; even at {weight} kg, the limit for {product} is {allowed} mg "
            "per {period} ({jurisdiction}). Enter the weight."
        )
    return N_(
        "{counted}: {total} {unit}; the limit for {product} at {weight} kg is {allowed} "
        "{unit} per {period} ({jurisdiction})."
    )

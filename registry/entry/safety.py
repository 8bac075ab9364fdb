"""Warnings before the needle, other than doses: each is a row of the catalogue, valid on a day.

What the registry knows of the patient comes in as a :class:`History`. Facts that nobody asked about
make one line together, never a warning each.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from registry import language
from registry.catalogue import (
    Contraindication,
    ContraindicationLevel,
    DatedRow,
    RuleKind,
    RuleLevel,
    SafetyRule,
    Shared,
    StrengthGuide,
    catalogue,
)
from registry.entry.forms import SessionEntry, SiteEntry
from registry.entry.problems import LEVELS, Problem, Question, in_digits, origin_of
from registry.messages import N_, Message, message
from registry.vocabulary import FactAnswer, SclerosantForm, Sex, VesselClass

if TYPE_CHECKING:
    from registry.entry.checks import Known

CALIBRE_MM: Final[dict[VesselClass, tuple[Decimal, Decimal | None]]] = {
    VesselClass.TELANGIECTASIA: (Decimal(0), Decimal(1)),
    VesselClass.RETICULAR: (Decimal(1), Decimal(3)),
    VesselClass.VARICOSE: (Decimal(3), None),
    VesselClass.TRUNCAL: (Decimal(3), None),
    VesselClass.PERFORATOR: (Decimal(3), None),
}
"""Calibres of a class, above and up to, in mm (CEAP 2020), where no diameter was measured."""
HALF_A_TENTH_MM: Final = Decimal("0.05")
FIRMEST_FIRST: Final = (RuleLevel.STOP, RuleLevel.CONFIRM, RuleLevel.NOTE)

_CONTRAINDICATED: Final[Mapping[ContraindicationLevel, str]] = {
    ContraindicationLevel.ABSOLUTE: N_(
        "{condition}: yes, on {day}. It is an absolute contraindication to {treatment}."
    ),
    ContraindicationLevel.RELATIVE: N_(
        "{condition}: yes, on {day}. It is a relative contraindication to {treatment}."
    ),
}
_STRENGTHS: Final[Mapping[RuleKind, str]] = {
    RuleKind.STRENGTH_MISSING: N_(
        "{product}: no strength is recommended for a vein of this calibre."
    ),
    RuleKind.STRENGTH_ABOVE: N_(
        "{product}: {strength} % is stronger than the {recommended} % recommended for a vein of "
        "this calibre."
    ),
    RuleKind.STRENGTH_BELOW: N_(
        "{product}: {strength} % is weaker than the {recommended} % recommended for a vein of this "
        "calibre."
    ),
}
_FORMS: Final[Mapping[SclerosantForm, Message]] = {
    SclerosantForm.LIQUID: message("liquid"),
    SclerosantForm.FOAM: message("foam"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered about a condition; of one agent, or of any where that is None."""

    condition_code: str
    answer: FactAnswer
    answered_on: dt.date
    sclerosant_code: str | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """An earlier event with what had been injected; None where it belongs to no session."""

    event_term_code: str
    onset_on: dt.date
    agents: frozenset[str] | None = None
    forms: frozenset[SclerosantForm] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the patient before a session.

    ``answers`` stand in the order in which they were given. ``injected_on`` is the last day before
    the session's on which something was injected. ``shortest_interval_days`` is the clinic's.
    """

    answers: tuple[Answer, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    injected_on: dt.date | None = None
    shortest_interval_days: Decimal | None = None
    sex: Sex = Sex.UNKNOWN


def safety_problems(entry: SessionEntry, known: Known) -> Iterator[Problem]:
    """What the clinician is warned of, by the rules valid on the day of the session.

    Without a history (imported files, whose sessions took place already) only lots are judged.
    """
    if entry.treated_on > known.today:
        return
    yield from _lots(entry, known)
    if known.history is None:
        return
    for _, _, injection in entry.placed_injections():
        for rule in catalogue().rules(RuleKind.UNSTATED_PRODUCT, entry.treated_on):
            if injection.product_code == rule.product_code:
                yield _problem(
                    "injections",
                    rule,
                    message(
                        "Nobody said which product it was: neither its dose nor its "
                        "contraindications were checked."
                    ),
                )
    yield from _contraindications(entry, known.history)
    yield from _interval(entry, known.history)
    yield from _reactions(entry, known.history)
    yield from _strengths(entry)


def questions_about(entry: SessionEntry, sex: Sex) -> tuple[Question, ...]:
    """What is to be asked before these products are injected, what weighs most first."""
    return tuple(question for question, _ in _questions(entry, sex))


def standing_answer(answers: Sequence[Answer], about: Question, on: dt.date) -> Answer | None:
    """The answer that holds on a day: the latest given by then, unless it is too old."""
    condition = catalogue().conditions[about.condition_code]
    last = None
    for answer in answers:
        if (
            answer.condition_code == about.condition_code
            and answer.sclerosant_code in (None, about.sclerosant_code)
            and answer.answered_on <= on
            and (last is None or answer.answered_on >= last.answered_on)
        ):
            last = answer
    if last is None or (condition.yes_stands and last.answer is FactAnswer.YES):
        return last
    age = (on - last.answered_on).days
    return last if age <= condition.asked_again_after_days else None


def _problem(field: str, rule: SafetyRule, text: Message, of: DatedRow | None = None) -> Problem:
    return Problem(field, rule.code, text, LEVELS[rule.level], origin_of(of or rule))


def _lots(entry: SessionEntry, known: Known) -> Iterator[Problem]:
    rows, day = catalogue(), entry.treated_on
    for path, _, injection in entry.placed_injections():
        if injection.lot_number is None:
            continue
        lot = (injection.product_code, injection.lot_number)
        expires_on = injection.expires_on or known.lots.get(lot)
        if expires_on is not None and expires_on < day:
            for rule in rows.rules(RuleKind.LOT_EXPIRED, day):
                yield _problem(
                    f"{path}.expires_on",
                    rule,
                    message(
                        "The lot expired on {day}, before the session. Correct the lot, or confirm "
                        "that it was used.",
                        day=language.day(expires_on),
                    ),
                )
        recalled_on = known.recalled.get(lot)
        if recalled_on is not None and recalled_on <= day:
            for rule in rows.rules(RuleKind.LOT_RECALLED, day):
                yield _problem(
                    f"{path}.lot_number",
                    rule,
                    message(
                        "The lot was recalled on {day}. Take another one.",
                        day=language.day(recalled_on),
                    ),
                )


@dataclass(frozen=True, slots=True)
class _Warning:
    """A contraindication that a product of the session has, and the rule that says how firm."""

    rule: SafetyRule
    row: Contraindication

    @property
    def order(self) -> tuple[int, bool]:
        """The firmest first, and of equals what the label says."""
        return FIRMEST_FIRST.index(self.rule.level), self.row.product_code is None


def _contraindications(entry: SessionEntry, history: History) -> Iterator[Problem]:
    rows = catalogue()
    unasked = []
    for question, warnings in _questions(entry, history.sex):
        answer = standing_answer(history.answers, question, entry.treated_on)
        if answer is None:
            unasked.append(question)
        elif answer.answer is FactAnswer.YES:
            first = warnings[0]
            text = Message(
                _CONTRAINDICATED[first.row.level],
                {
                    "condition": _asked_about(question),
                    "day": language.day(answer.answered_on),
                    "treatment": _advised_against(first.row),
                },
            )
            yield Problem(
                "injections",
                f"contraindication:{first.row.code}",
                text,
                LEVELS[first.rule.level],
                origin_of(first.row),
            )
    for rule in rows.rules(RuleKind.NOT_ASKED, entry.treated_on):
        if unasked:
            yield Problem(
                "risk_facts",
                rule.code,
                message("Questions before the needle not asked: {count}.", count=len(unasked)),
                LEVELS[rule.level],
                origin_of(rule),
                tuple(unasked),
            )


def _asked_about(question: Question) -> Message:
    condition = message(catalogue().conditions[question.condition_code].label)
    if question.sclerosant_code is None:
        return condition
    agent = message(catalogue().sclerosants[question.sclerosant_code].label)
    return message("{condition} ({agent})", condition=condition, agent=agent)


def _advised_against(row: Contraindication) -> Message | str:
    if row.product_code is not None:
        return catalogue().products[row.product_code].label
    return message("sclerotherapy") if row.form is None else _FORMS[row.form]


def _questions(entry: SessionEntry, sex: Sex) -> list[tuple[Question, list[_Warning]]]:
    """What bears on the products drawn up, the firmest first, with the warnings of a yes."""
    rows, day = catalogue(), entry.treated_on
    rules = rows.rules(RuleKind.CONTRAINDICATION, day)
    found: dict[Question, list[_Warning]] = defaultdict(list)
    given = dict.fromkeys((i.product_code, i.form) for i in entry.all_injections())
    for product_code, form in given:
        product = rows.products.get(product_code)
        if product is None:
            continue
        for row in rows.contraindications_for(product_code, form, day):
            condition = rows.conditions[row.condition]
            rule = _deciding(rules, row, form)
            if rule is None or condition.not_asked_of is sex:
                continue
            agent = product.sclerosant_code if condition.by_agent else None
            found[Question(row.condition, agent)].append(_Warning(rule, row))
    for warnings in found.values():
        warnings.sort(key=lambda warning: warning.order)
    return sorted(found.items(), key=lambda item: item[1][0].order[0])


def _deciding(
    rules: Sequence[SafetyRule], row: Contraindication, form: SclerosantForm
) -> SafetyRule | None:
    """The rule that names most of what the contraindication is about."""
    fitting = [
        rule
        for rule in rules
        if rule.contraindication is row.level
        and rule.condition in (None, row.condition)
        and rule.form in (None, form)
    ]
    return max(
        fitting,
        key=lambda rule: (rule.condition is not None) + (rule.form is not None),
        default=None,
    )


def _interval(entry: SessionEntry, history: History) -> Iterator[Problem]:
    if history.injected_on is None or not entry.all_injections():
        return
    days = (entry.treated_on - history.injected_on).days
    if days <= 0:
        return
    last = language.day(history.injected_on)
    rows = catalogue()
    given = {injection.product_code for injection in entry.all_injections()}
    too_soon = [
        rule
        for rule in rows.rules(RuleKind.INTERVAL, entry.treated_on)
        if rule.product_code in given and rule.days is not None and days < rule.days
    ]
    for rule in too_soon:
        text = message(
            "Day {days} after the session of {day}; the label says {least} days at least.",
            days=days,
            day=last,
            least=rule.days,
        )
        yield _problem("treated_on", rule, text)
    shortest = history.shortest_interval_days
    if too_soon or shortest is None or days >= shortest:
        return
    for rule in rows.rules(RuleKind.CLINIC_INTERVAL, entry.treated_on):
        text = message(
            "Day {days} after the session of {day}; this clinic waits {least} days.",
            days=days,
            day=last,
            least=in_digits(shortest),
        )
        yield _problem("treated_on", rule, text)


def _reactions(entry: SessionEntry, history: History) -> Iterator[Problem]:
    rows = catalogue()
    injections = [i for i in entry.all_injections() if i.product_code in rows.products]
    if not injections:
        return
    agents = {rows.products[i.product_code].sclerosant_code for i in injections}
    forms = {i.form for i in injections}

    def comes_again(shared: Shared | None, reaction: Reaction) -> bool:
        if shared is Shared.AGENT and reaction.agents is not None:
            return bool(agents & reaction.agents)
        if shared is Shared.FORM and reaction.forms is not None:
            return bool(forms & reaction.forms)
        return True

    for rule in rows.rules(RuleKind.REACTION, entry.treated_on):
        found = [
            reaction
            for reaction in history.reactions
            if reaction.event_term_code in rule.terms
            and reaction.onset_on <= entry.treated_on
            and comes_again(rule.shared, reaction)
        ]
        if found:
            last = max(found, key=lambda reaction: reaction.onset_on)
            yield _problem(
                "injections",
                rule,
                message(
                    "{rule}: “{event}” on {day}.",
                    rule=message(rule.label),
                    event=message(rows.event_terms[last.event_term_code].label),
                    day=language.day(last.onset_on),
                ),
            )


def _strengths(entry: SessionEntry) -> Iterator[Problem]:
    rows = catalogue()
    for path, site, injection in entry.placed_injections():
        guides = [
            guide
            for guide in rows.strength_guides.values()
            if guide.product_code == injection.product_code
            and guide.form in (None, injection.form)
            and guide.is_valid(entry.treated_on)
        ]
        calibre = _calibre(site)
        if not guides or calibre is None or injection.concentration_percent is None:
            continue
        fitting = [guide for guide in guides if guide.meets(*calibre)]
        kind, guide, recommended = _compared(injection.concentration_percent, guides, fitting)
        if kind is None:
            continue
        text = Message(
            _STRENGTHS[kind],
            {
                "product": rows.products[injection.product_code].label,
                "strength": in_digits(injection.concentration_percent),
                "recommended": in_digits(recommended),
            },
        )
        for rule in rows.rules(kind, entry.treated_on):
            yield _problem(f"{path}.concentration_percent", rule, text, guide)


def _compared(
    strength: Decimal, guides: Sequence[StrengthGuide], fitting: Sequence[StrengthGuide]
) -> tuple[RuleKind | None, StrengthGuide, Decimal]:
    """How a strength stands to what is recommended, the row that recommends, and its limit."""
    if not fitting:
        return RuleKind.STRENGTH_MISSING, guides[0], Decimal(0)
    strongest = max(fitting, key=lambda guide: guide.strength_to_percent)
    weakest = min(fitting, key=lambda guide: guide.strength_from_percent)
    if strength > strongest.strength_to_percent:
        return RuleKind.STRENGTH_ABOVE, strongest, strongest.strength_to_percent
    if strength < weakest.strength_from_percent:
        return RuleKind.STRENGTH_BELOW, weakest, weakest.strength_from_percent
    return None, strongest, strength


def _calibre(site: SiteEntry | None) -> tuple[Decimal, Decimal | None] | None:
    """Calibre of the vein as a range above and up to, in mm; None when nobody said."""
    if site is None:
        return None
    if site.diameter_mm is not None:
        return site.diameter_mm - HALF_A_TENTH_MM, site.diameter_mm
    return CALIBRE_MM[site.vessel_class] if site.vessel_class is not None else None

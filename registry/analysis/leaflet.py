"""What patients are told of how often something happens, from the clinic's own patients.

A leaflet leaves the registry, so the report holds nothing but what may leave: numbers as signs of
one array of a hundred or a thousand patients, and a count of 1 to 4 patients only as "fewer than
5". All numbers are of the same patients: those injected in the last eight whole quarters of which
every session is old enough for every outcome. They change once a quarter and by no other filter
than the clinic, so that two leaflets cannot be subtracted from each other to find one patient.

Published numbers stand in arrays of their own, wherever the clinic has none to tell.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.completeness import FOLLOW_UP_NEEDED
from registry.analysis.counting import outcome_of
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import Unit, row_maker
from registry.analysis.results import Basis, Excluded, Heading, RateRow, heading_dict
from registry.analysis.sharing import NotShareable
from registry.catalogue import Benchmark, Frequency, LeafletOutcome, catalogue
from registry.database import reading
from registry.entry.clinic_settings import settings_on
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.proportions import proportion
from registry.vocabulary import Modality

QUARTERS: Final = 8
"""Two years: long enough for some hundred patients, short enough for today's way of treating."""
SIGNS: Final = (100, 1000)
"""Patients that an array may stand for, the most readable first."""

RANGES: Final = {
    Frequency.VERY_FREQUENT: (Fraction(1, 10), Fraction(1)),
    Frequency.FREQUENT: (Fraction(1, 100), Fraction(1, 10)),
    Frequency.OCCASIONAL: (Fraction(1, 1000), Fraction(1, 100)),
    Frequency.RARE: (Fraction(1, 10_000), Fraction(1, 1000)),
    Frequency.VERY_RARE: (Fraction(0), Fraction(1, 10_000)),
    Frequency.INDIVIDUAL_CASES: (Fraction(0), Fraction(1, 10_000)),
}
"""From and up to which share each category of the S2k guideline of 2020 reaches."""


class Seen(StrEnum):
    """What the clinic can say of one outcome in its own patients."""

    COUNTED = "counted"
    """An array of its own."""
    NONE = "none"
    FEWER = "fewer"
    """Too few to be told, 1 to 4."""
    NEARLY_ALL = "nearly_all"
    """Too few without it to be told."""
    NOT_FOLLOWED_UP = "not_followed_up"
    """Fewer were assessed than the clinic asks for of a report."""
    WITHHELD = "withheld"
    """Nothing at all: too few patients, or several clinics at once."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Patients of an array: ``had`` had it, ``unknown`` more may have had it.

    ``least`` to ``most`` of the array are compatible with what was counted; None where nothing was
    counted, because the source gives but a range.
    """

    had: int
    unknown: int
    least: int | None = None
    most: int | None = None

    @property
    def is_below_one(self) -> bool:
        """Whether it is rarer than one of the array."""
        return self.had == 0 and self.unknown == 0


@dataclass(frozen=True, slots=True)
class PublishedElsewhere:
    """What was published: of ``patients`` counted there, or the category of a guideline."""

    signs: Signs
    citation: str
    patients: int | None
    window_days: int | None


@dataclass(frozen=True, slots=True)
class LeafletItem:
    """One outcome in words of patients. ``followed_up`` is in whole per cent, rounded down.

    ``signs`` is the clinic's own number and ``at_most`` the most of the array that is compatible
    with none seen; each is None unless there is one. ``published`` is None beside an own number and
    where no source has a number that can be drawn.
    """

    code: str
    label: Message
    explanation: Message
    window_days: int
    seen: Seen
    followed_up: int | None
    signs: Signs | None
    at_most: int | None
    published: PublishedElsewhere | None


@dataclass(frozen=True, slots=True)
class LeafletReport:
    """The numbers of a leaflet, each as a part of ``of`` patients.

    ``patients`` were injected from ``start`` to ``end``, ``treatments_each`` times on average; both
    are None where they are too few to be told. ``clinic`` is its name, empty for several of them;
    ``needed`` the share, in per cent, that it asks to have been followed up.
    """

    heading: Heading
    clinic: str
    start: dt.date
    end: dt.date
    of: int
    patients: int | None
    treatments_each: int | None
    needed: int
    items: tuple[LeafletItem, ...]
    warnings: tuple[Message, ...] = ()
    excluded: tuple[Excluded, ...] = ()

    @property
    def citations(self) -> tuple[str, ...]:
        """The sources of the published numbers, each once."""
        found = (item.published.citation for item in self.items if item.published)
        return tuple(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values."""
        return {
            **heading_dict(self.heading),
            "clinic": self.clinic,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "of": self.of,
            "patients": self.patients,
            "treatments_each": self.treatments_each,
            "follow_up_needed_percent": self.needed,
            "items": [
                asdict(item)
                | {"label": str(item.label), "explanation": str(item.explanation)}
                | {"seen": item.seen.value}
                for item in self.items
            ],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row an outcome, for tables and files."""
        return [
            {
                "code": item.code,
                "label": str(item.label),
                "window_days": item.window_days,
                "of": self.of,
                "patients": self.patients,
                "seen": item.seen.value,
                "followed_up_percent": item.followed_up,
                **_flat("own", item.signs),
                "own_at_most": item.at_most,
                **_flat("published", item.published.signs if item.published else None),
                "source": item.published.citation if item.published else None,
            }
            for item in self.items
        ]


def _flat(name: str, signs: Signs | None) -> dict[str, int | None]:
    values = asdict(signs) if signs else dict.fromkeys(("had", "unknown", "least", "most"))
    return {f"{name}_{part}": value for part, value in values.items()}


def leaflet(engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date) -> LeafletReport:
    """What the leaflet of one clinic may tell its patients.

    Of several clinics at once only published numbers are told. Raises :class:`NotShareable` for any
    filter but by clinic.
    """
    clinics = scope(by, Permission.READ_RATES)
    if cohort.start or cohort.end or cohort.levels.keys() - {"clinic"}:
        raise NotShareable(
            message(
                "The leaflet is always of the last eight whole quarters and all injections in "
                "them: two filters could be subtracted from each other. Clear the filters, apart "
                "from the clinic."
            )
        )
    facts, asked = facts_of(engine), sorted(cohort.within(clinics))
    rows = catalogue().leaflet_outcomes
    start, end = eight_quarters(today)
    levels = {"clinic": tuple(map(str, asked)), "modality": (Modality.SCLEROTHERAPY.value,)}
    own = CohortFilter(start, end, levels)
    counted = _counted(facts, own, asked, tuple(rows.values()), today)
    patients = counted[0].mature
    with reading(engine) as db:
        settings = [settings_on(db, clinic_id, today) for clinic_id in asked]
    needed = max((math.ceil(found[FOLLOW_UP_NEEDED] or 0) for found in settings), default=0)
    is_told = len(asked) == 1 and display_rules.counts_for_leaflet(patients)
    seen = [_seen(row, needed) if is_told else Seen.WITHHELD for row in counted]
    published = [
        None if how is Seen.COUNTED else _published(row)
        for row, how in zip(rows.values(), seen, strict=True)
    ]
    of = _patients_of_an_array(
        [
            Fraction(row.events, row.mature)
            for row, how in zip(counted, seen, strict=True)
            if how is Seen.COUNTED
        ]
        + [shown.rarest for shown in published if shown is not None]
    )
    is_counted = patients >= display_rules.MINIMUM_PATIENTS_TO_RELEASE and len(asked) == 1
    return LeafletReport(
        heading=Heading(
            "leaflet",
            message("What patients are told about unwanted effects"),
            _DEFINITION,
            Unit.PATIENTS.value,
            own,
            today,
            facts.seal,
        ),
        clinic=facts.clinics[asked[0]][1] if len(asked) == 1 else "",
        start=start,
        end=end,
        of=of,
        patients=patients if is_counted else None,
        treatments_each=round(counted[0].sessions_each or 0) if is_told else None,
        needed=needed,
        items=tuple(
            LeafletItem(
                code=row.code,
                label=message(row.label),
                explanation=message(row.explanation),
                window_days=found.window_days,
                seen=how,
                followed_up=100 * found.assessed // found.mature if is_told else None,
                signs=_own_signs(found, of) if how is Seen.COUNTED else None,
                at_most=_at_most(found, of) if how is Seen.NONE else None,
                published=None if shown is None else shown.as_signs(of),
            )
            for row, found, how, shown in zip(rows.values(), counted, seen, published, strict=True)
        ),
        warnings=_warnings(len(asked), patients),
    )


def eight_quarters(today: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the latest eight whole quarters old enough for every outcome."""
    oldest = max(
        outcome_of(row.outcome).mature_after_days for row in catalogue().leaflet_outcomes.values()
    )
    # The day after the last day that is old enough lies in the quarter that is not yet whole.
    after = today - dt.timedelta(days=oldest - 1)
    quarter = 4 * after.year + (after.month - 1) // 3
    first, next_ = (
        dt.date(number // 4, 3 * (number % 4) + 1, 1) for number in (quarter - QUARTERS, quarter)
    )
    return first, next_ - dt.timedelta(days=1)


def _counted(
    facts: Facts,
    cohort: CohortFilter,
    clinics: Sequence[int],
    rows: Sequence[LeafletOutcome],
    today: dt.date,
) -> list[RateRow]:
    chosen = cohort.mask(facts, clinics)
    measure = row_maker(facts, today, Unit.PATIENTS)
    return [measure(outcome_of(row.outcome), chosen, row.code, message(row.label)) for row in rows]


def _seen(row: RateRow, needed: int) -> Seen:
    if 100 * row.assessed < needed * row.mature:
        return Seen.NOT_FOLLOWED_UP
    if display_rules.draws_in_leaflet(row.events, row.mature):
        return Seen.COUNTED
    if row.events == 0:
        return Seen.NONE
    return Seen.FEWER if 2 * row.events < row.mature else Seen.NEARLY_ALL


@dataclass(frozen=True, slots=True)
class _Published:
    """A published share, or the ends of the range it lies in, before it is cut to an array."""

    least: Fraction
    most: Fraction
    benchmark: Benchmark | None
    source: str

    @property
    def rarest(self) -> Fraction:
        """The share that decides how large an array must be to show it."""
        return self.least or self.most

    def as_signs(self, of: int) -> PublishedElsewhere:
        """The published number as a part of ``of`` patients."""
        had, most = _rounded(self.least, of), _rounded(self.most, of)
        citation, found = catalogue().sources[self.source].citation, self.benchmark
        if found is None:
            return PublishedElsewhere(Signs(had, most - had), citation, None, None)
        signs = Signs(had, most - had, *_limits(found.x, found.x, found.n, of))
        return PublishedElsewhere(signs, citation, found.n, found.window_days)


def _published(row: LeafletOutcome) -> _Published | None:
    if row.benchmark is not None:
        benchmark = catalogue().benchmarks[row.benchmark]
        share = Fraction(benchmark.x, benchmark.n)
        return _Published(share, share, benchmark, benchmark.source or "")
    if row.frequency_of is None:
        return None
    term = catalogue().event_terms[row.frequency_of]
    ranges = [RANGES[found] for found in (term.frequency_liquid, term.frequency_foam) if found]
    least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
    # Rarer than one of the largest array is all that can be drawn, whatever the category.
    if most <= Fraction(1, SIGNS[-1]):
        least = most = Fraction(0)
    return _Published(least, most, None, term.source or "")


def _patients_of_an_array(shares: Sequence[Fraction]) -> int:
    """The smallest array in which each share is one sign or more; the largest if there is none."""
    return next((of for of in SIGNS if all(_rounded(share, of) for share in shares)), SIGNS[-1])


def _rounded(share: Fraction, of: int) -> int:
    """The nearest whole number of signs, a half rounded up."""
    return math.floor(share * of + Fraction(1, 2))


def _limits(low: int, high: int, n: int, of: int) -> tuple[int | None, int | None]:
    """Signs compatible with ``low`` to ``high`` of n: 95 % limits of each end, rounded outwards.

    An interval around bounds for what was not observed (Horowitz & Manski 2000).
    """
    lower, upper = proportion(low, n).interval.lower, proportion(high, n).interval.upper
    if lower is None or upper is None:
        return None, None
    return math.floor(lower * of), math.ceil(upper * of)


def _own_signs(row: RateRow, of: int) -> Signs:
    """Patients with it and, where more than 5 % were not assessed, those who may have had it."""
    missing = 0 if row.basis is Basis.PROPORTION else row.mature - row.assessed
    had, worst = row.events, row.events + missing
    signs = _rounded(Fraction(had, row.mature), of)
    unknown = _rounded(Fraction(worst, row.mature), of) - signs
    return Signs(signs, unknown, *_limits(had, worst, row.mature, of))


def _at_most(row: RateRow, of: int) -> int | None:
    """Signs compatible with none seen; None where more than 5 % were not assessed."""
    upper = row.estimate.interval.upper
    if row.basis is not Basis.PROPORTION or upper is None:
        return None
    return math.ceil(upper * of)


def _warnings(clinics: int, patients: int) -> tuple[Message, ...]:
    if clinics > 1:
        return (
            message(
                "Only published numbers: a leaflet tells the numbers of one clinic, and several "
                "are chosen."
            ),
        )
    if not display_rules.counts_for_leaflet(patients):
        return (
            message(
                "Only published numbers: fewer than {needed} patients were injected in these two "
                "years, so one of them would be more than one sign of a hundred.",
                needed=display_rules.MINIMUM_PATIENTS_IN_LEAFLET,
            ),
        )
    return ()


_DEFINITION: Final = message(
    "Patients in whom any session of sclerotherapy in these eight whole quarters was followed by "
    "the event within its window, of all patients injected in them; every session is old enough "
    "for every event. An event counts unless it was judged unlikely to be or not related to the "
    "treatment. Own numbers stand only where at least {fewest} patients were injected, as many of "
    "them were followed up as the clinic asks for, and neither fewer than {small} had the event "
    "nor fewer than {small} were without it; published ones stand in their place, apart. Limits "
    "are of 95 %, rounded outwards; with more than 5 % not followed up they reach from the lower "
    "limit if none of these had it to the upper limit if all had it.",
    fewest=display_rules.MINIMUM_PATIENTS_IN_LEAFLET,
    small=display_rules.SMALL_COUNT_THRESHOLD,
)

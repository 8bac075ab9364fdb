"""The kinds of row the catalogue holds.

Every row names where it comes from. A row with provenance ``label`` or ``paper`` has a source; a
row that is ``our_decision`` has a reason and the day it was taken; a row that is
``not_established`` says so instead of giving a figure. Percentages of published counts are derived
here and never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from registry.vocabulary import Modality, Provenance, SclerosantForm


class RowStatus(StrEnum):
    """Whether a row may still be chosen; a retired one stays readable for old records."""

    CURRENT = "current"
    RETIRED = "retired"


class SourceKind(StrEnum):
    """What sort of document a source is."""

    LABEL = "label"
    GUIDELINE = "guideline"
    STUDY = "study"
    REVIEW = "review"
    MANUFACTURER = "manufacturer"
    POPULAR_ARTICLE = "popular_article"


class AgentClass(StrEnum):
    """How a sclerosant injures the vein wall."""

    DETERGENT = "detergent"
    OSMOTIC = "osmotic"
    CHEMICAL_IRRITANT = "chemical_irritant"
    UNSPECIFIED = "unspecified"


class EventFamily(StrEnum):
    """Groups of event terms that are counted together."""

    OTHER = "other"
    PIGMENTATION = "pigmentation"
    MATTING = "matting"
    NECROSIS = "necrosis"
    SUPERFICIAL_THROMBOSIS = "superficial_thrombosis"
    DEEP_THROMBOSIS = "deep_thrombosis"
    ALLERGY = "allergy"
    NEUROLOGICAL = "neurological"
    CARDIORESPIRATORY = "cardiorespiratory"
    VASOVAGAL = "vasovagal"
    NERVE_INJURY = "nerve_injury"
    OEDEMA = "oedema"
    INJECTION_SITE = "injection_site"
    INFECTION = "infection"
    HAEMOLYSIS = "haemolysis"
    OTHER_SKIN = "other_skin"
    COMPRESSION = "compression"
    ERROR = "error"


class Frequency(StrEnum):
    """Categories of the German S2k guideline 2020.

    At least 10 %; 1 to below 10 %; 0.1 to below 1 %; 0.01 to below 0.1 %; below 0.01 %. The
    guideline prints the last as "very rare" or as "individual cases"; both words are kept.
    """

    VERY_FREQUENT = "very_frequent"
    FREQUENT = "frequent"
    OCCASIONAL = "occasional"
    RARE = "rare"
    VERY_RARE = "very_rare"
    INDIVIDUAL_CASES = "individual_cases"


class AnatomyKind(StrEnum):
    """A place on the leg is described as a skin region or as a named vein."""

    REGION = "region"
    VEIN = "vein"


class Asking(StrEnum):
    """How a checklist was asked: each item by name, or one open question for all of them."""

    EACH = "each"
    OPEN = "open"


class UnitOfAnalysis(StrEnum):
    """What a published denominator counts."""

    TREATMENT_SESSION = "treatment_session"
    PROCEDURE = "procedure"
    LIMB = "limb"
    PATIENT = "patient"


class BenchmarkTopic(StrEnum):
    """What a published count is about."""

    COMPLICATION = "complication"
    EFFICACY = "efficacy"
    RECURRENCE = "recurrence"
    FOLLOW_UP = "follow_up"
    PRACTICE = "practice"


class Ascertainment(StrEnum):
    """How the events of a published count came to light."""

    NOTED = "noted"
    """What doctors noted and patients told of themselves: no list of events was asked for."""
    REPORTED = "reported"
    """By symptom or at an ordinary examination; how it was asked about is not stated."""
    SCREENED = "screened"
    """By a duplex scan of everybody."""


class BenchmarkUse(StrEnum):
    """Whether a published count may be compared with the registry's own rate, or only shown."""

    RATE = "rate"
    DISPLAY_ONLY = "display_only"


class ClaimStanding(StrEnum):
    """How the sources read so far bear on a claim made to patients."""

    SUPPORTED = "supported"
    CONTESTED = "contested"
    CONTRADICTED = "contradicted"
    UNTRACED = "untraced"


class IndicatorGroup(StrEnum):
    """What an indicator of the overview is about."""

    SAFETY = "safety"
    LASTING = "lasting"
    CARE = "care"


class IndicatorMeasure(StrEnum):
    """How an indicator is computed."""

    OUTCOME = "outcome"
    RECURRENCE = "recurrence"
    RETREATMENT = "retreatment"
    NON_RESPONSE = "non_response"
    SATISFACTION = "satisfaction"
    FOLLOW_UP = "follow_up"
    ENTRY_DELAY = "entry_delay"
    OVERRIDES = "overrides"


class IndicatorUnit(StrEnum):
    """How an indicator and its target are written."""

    PERCENT = "percent"
    PER_THOUSAND = "per_thousand"

    @property
    def of(self) -> int:
        """How many a figure of 1 is one of: 100 or 1,000."""
        return 100 if self is IndicatorUnit.PERCENT else 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that rows cite, with its full citation."""

    code: str
    label: str
    kind: SourceKind
    citation: str
    doi: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row but a source carries.

    ``source`` is the code of the document that supports the row, ``further_sources`` of others that
    agree. ``version`` rises when the meaning of a row changes.
    """

    code: str
    label: str
    provenance: Provenance
    source: str | None = None
    further_sources: tuple[str, ...] = ()
    reason: str | None = None
    decided_on: date | None = None
    version: int = 1
    status: RowStatus = RowStatus.CURRENT
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sclerosant(Row):
    """An agent that is injected to close a vein."""

    agent_class: AgentClass
    synonyms: tuple[str, ...] = ()
    atc_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Row):
    """A sclerosant as a clinic buys or prepares it.

    ``strengths_percent`` is empty where any strength may be typed. ``forms`` are the forms in which
    the product can be injected, ``labelled_forms`` those its label provides for: physician-made
    foam of a product labelled as a liquid is off label, and is recorded. ``jurisdiction`` is the
    market of the label, ``INT`` for what has none. ``foam_mg_per_ml`` is the mass of agent in 1 mL
    of a ready-made foam, as labelled.
    """

    sclerosant_code: str
    jurisdiction: str
    has_label: bool
    forms: tuple[SclerosantForm, ...]
    labelled_forms: tuple[SclerosantForm, ...] = ()
    strengths_percent: tuple[Decimal, ...] = ()
    maker: str | None = None
    foam_mg_per_ml: Decimal | None = None

    MG_PER_ML_AND_PERCENT: ClassVar[Decimal] = Decimal(10)

    def mg_per_ml(self, strength_percent: Decimal) -> Decimal:
        """Return mg of agent in 1 mL of liquid: 1 % weight in volume is 1 g in 100 mL."""
        return strength_percent * self.MG_PER_ML_AND_PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicSetting(Row):
    """A number that a clinic may set for itself, within a range.

    ``default`` is None where nothing holds until the clinic says so. A code may have a prefix and a
    colon, such as ``target:``, for settings of one kind.
    """

    unit: str
    minimum: Decimal
    maximum: Decimal
    meaning: str
    default: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingWindow(Row):
    """How long after a session an event counts, and the visit at which it is asked for."""

    days: int
    assessed_at_visit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite(Row):
    """An outcome made of several event terms, each counted within its own window.

    With ``families`` it holds their terms, as far as their windows close with its own; without, the
    terms marked ``in_composite``. ``only_serious`` counts events of every term that met a criterion
    of seriousness, within ``window_days`` whatever the window of the term.
    """

    window_days: int
    families: tuple[EventFamily, ...] = ()
    only_serious: bool = False

    def holds(self, term: EventTerm) -> bool:
        """Tell whether an event of this term may count towards the outcome."""
        if self.families:
            return term.family in self.families and term.counting_window_days <= self.window_days
        return self.only_serious or term.in_composite


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTerm(Row):
    """Something that may go wrong after sclerotherapy.

    ``typical_onset_*`` (days after the session, from the row's sources) serves plausibility checks
    only; None is unknown. ``counting_window_days`` and ``assessed_at_visit`` serve statistics and
    are a decision of the registry, stated with its reason in the catalogue's counting windows.
    ``in_composite`` marks the parts of "any complication within 30 days". ``serious_by_nature``
    marks terms that are listed one by one whatever their number; it does not replace the
    seriousness criteria of the single event. ``published_term`` is the wording of a product label.
    """

    family: EventFamily
    counting_window_days: int
    assessed_at_visit: str
    in_composite: bool
    serious_by_nature: bool
    typical_onset_from_days: int | None = None
    typical_onset_to_days: int | None = None
    frequency_liquid: Frequency | None = None
    frequency_foam: Frequency | None = None
    published_term: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy(Row):
    """A region or a named vein of the leg; ``ceap`` is its abbreviation in CEAP 2020."""

    kind: AnatomyKind
    ceap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Row):
    """A planned follow-up: due day and the days within which it counts as this visit.

    Days are counted from the session (day 0). The last day of the window is also the day from
    which a session is mature for what the visit assesses.
    """

    due_day: int
    from_day: int
    to_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist(Row):
    """The events looked for at a follow-up; what is listed and not recorded was absent.

    Several versions of one checklist may exist: a follow-up keeps the version it was asked with.
    """

    asks: Asking
    term_codes: tuple[str, ...]
    visit_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Row):
    """A rating scale with its range and direction; scores of two scales are never averaged.

    ``success_at`` is the score from which a site counts as cleared, in the scale's direction.
    """

    minimum: Decimal
    maximum: Decimal
    higher_is_better: bool
    success_at: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentItem(Row):
    """One question that patients answer, with the range and direction of its answers.

    ``instrument`` groups items that are asked together; ``question`` is what the patient is asked.
    """

    instrument: str
    question: str
    minimum: Decimal
    maximum: Decimal
    higher_is_better: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator(Row):
    """A line of the overview: a share, and which way is better.

    ``outcome`` is the code of a composite or an event term, for the measure of that name;
    ``visit_code`` the visit of the measure ``follow_up``. ``old_enough_days`` is the age at which a
    session can be judged; None where outcome or visit say so. ``default_target`` is in ``unit``;
    clinics set their own.
    """

    group: IndicatorGroup
    measure: IndicatorMeasure
    definition: str
    higher_is_better: bool
    unit: IndicatorUnit
    outcome: str | None = None
    visit_code: str | None = None
    old_enough_days: int | None = None
    default_target: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark(Row):
    """A published count: ``x`` of ``n`` units with the outcome.

    Comparable with a rate of the registry only if unit, window, ascertainment and definition are
    the same; ``ascertainment`` is None where the paper does not say.
    ``event_term`` or ``composite`` names the registry's outcome of the same definition;
    ``sclerosant_code``, ``form`` and ``modality`` are None where the paper pools or does not say.
    ``printed_percent`` is what the paper prints; it is kept to show a contradiction, never used.
    """

    paper: str
    topic: BenchmarkTopic
    population: str
    unit: UnitOfAnalysis
    definition: str
    x: int
    n: int
    use: BenchmarkUse
    ascertainment: Ascertainment | None = None
    window_days: int | None = None
    event_term: str | None = None
    composite: str | None = None
    sclerosant_code: str | None = None
    form: SclerosantForm | None = None
    modality: Modality | None = None
    printed_percent: Decimal | None = None

    @property
    def proportion(self) -> float:
        """Share x / n."""
        return self.x / self.n

    @property
    def contradicts_printed(self) -> bool:
        """Tell whether rounding x / n cannot give the percentage that the paper prints.

        Half a unit of the last printed digit is allowed, so that either way of rounding agrees.
        """
        if self.printed_percent is None:
            return False
        exponent = self.printed_percent.as_tuple().exponent
        assert isinstance(exponent, int)  # noqa: S101 - a loaded percentage is finite
        half_unit = Decimal((0, (5,), exponent - 1))
        return abs(Decimal(100 * self.x) - self.printed_percent * self.n) > half_unit * self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedFigure(Row):
    """A published figure without a count behind it: shown in words, never as a rate."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Row):
    """Something patients are told. A claim has no denominator and is never plotted as measured."""

    text: str
    standing: ClaimStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafletOutcome(Row):
    """Something the patients' leaflet tells the frequency of, in the words of patients.

    ``outcome`` is the code of a composite or an event term. The published number beside it is that
    of ``benchmark``, a count of patients, or the category that the guideline gives the event term
    ``frequency_of``; a row with neither says in its note why there is none.
    """

    explanation: str
    outcome: str
    benchmark: str | None = None
    frequency_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator(Row):
    """Another way of treating the same veins; the note says what has been published on it."""

    modality: Modality

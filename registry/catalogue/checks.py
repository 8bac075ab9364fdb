"""What must hold across the rows of the catalogue before any of it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from registry.catalogue.reading import Problem, Table
from registry.catalogue.rows import (
    Asking,
    Benchmark,
    BenchmarkTopic,
    BenchmarkUse,
    Checklist,
    ClinicSetting,
    Composite,
    CountingWindow,
    EventTerm,
    Indicator,
    IndicatorMeasure,
    InstrumentItem,
    LeafletOutcome,
    Product,
    Row,
    RowStatus,
    Scale,
    Source,
    SourceKind,
    UnitOfAnalysis,
    Visit,
)
from registry.catalogue.safety_rows import (
    DoseLimit,
    RuleKind,
    SafetyRule,
    StrengthGuide,
)
from registry.vocabulary import Provenance

ANY_INCIDENT = "any_incident"


def check_unique(table: Table[Row] | Table[Source]) -> Iterator[Problem]:
    """A code names one row; a checklist code names one row per version."""
    seen: set[tuple[str, int]] = set()
    for line, row in table.lines:
        key = (row.code, row.version if isinstance(row, Checklist) else 0)
        if key in seen:
            yield Problem(table.file, line, row.code, "the code stands on an earlier line")
        seen.add(key)


def check_provenance(
    table: Table[Row], sources: Table[Source], catalogue_version: date
) -> Iterator[Problem]:
    """A row cites a document of the right kind, or a dated reason, or says it is not known."""
    kinds = {source.code: source.kind for source in sources}
    for line, row in table.lines:
        for fault in _provenance_faults(row, kinds, catalogue_version):
            yield Problem(table.file, line, row.code, fault)


def _provenance_faults(
    row: Row, kinds: dict[str, SourceKind], catalogue_version: date
) -> Iterator[str]:
    for code in (row.source, *row.further_sources):
        if code is not None and code not in kinds:
            yield f"source {code!r} is not in sources.csv"
    kind = kinds.get(row.source or "")
    if row.provenance in (Provenance.LABEL, Provenance.PAPER):
        if row.source is None:
            yield f"provenance {row.provenance} needs a source"
        elif kind is not None and (kind is SourceKind.LABEL) != (
            row.provenance is Provenance.LABEL
        ):
            yield f"provenance {row.provenance} does not fit a source of kind {kind}"
        elif kind is SourceKind.POPULAR_ARTICLE:
            yield "a popular article supports no row"
    elif row.provenance is Provenance.OUR_DECISION:
        if row.reason is None or row.decided_on is None:
            yield "our decision needs a reason and the day it was taken"
        elif row.decided_on > catalogue_version:
            yield "decided after the date in version.txt: raise that date"
    elif row.note is None:
        yield "what is not established needs a note that says what was looked for"


def check_references(
    table: Table[Row], field: str, target: Table[Row] | Table[Source]
) -> Iterator[Problem]:
    """Codes in the column ``field`` exist in the target file; an empty cell names nothing."""
    known = target.codes()
    for line, row in table.lines:
        named = getattr(row, field)
        for code in named if isinstance(named, tuple) else (named,):
            if code is not None and code not in known:
                rule = f"{field} {code!r} is not in {target.file}"
                yield Problem(table.file, line, row.code, rule)


def check_products(table: Table[Product]) -> Iterator[Problem]:
    """Labelled forms are forms of the product, and only a labelled product has them."""
    for line, product in table.lines:
        if not set(product.labelled_forms) <= set(product.forms):
            yield Problem(table.file, line, product.code, "labelled_forms must be among forms")
        if product.has_label != bool(product.labelled_forms):
            rule = "a product has labelled_forms exactly if it has a label"
            yield Problem(table.file, line, product.code, rule)
        if product.has_label != (product.provenance is Provenance.LABEL):
            rule = "a product has provenance label exactly if it has a label"
            yield Problem(table.file, line, product.code, rule)
        if product.foam_mg_per_ml is not None and len(product.strengths_percent) != 1:
            yield Problem(table.file, line, product.code, "ready-made foam has one strength")


def check_dose_limits(table: Table[DoseLimit], products: Table[Product]) -> Iterator[Problem]:
    """A limit is a published one, positive, for a strength that exists, and once at a time."""
    by_code = products.by_code()
    earlier: list[DoseLimit] = []
    for line, limit in table.lines:
        product = by_code.get(limit.product_code)
        if limit.provenance not in (Provenance.LABEL, Provenance.PAPER):
            rule = "a limit comes from a label or a paper"
            yield Problem(table.file, line, limit.code, rule)
        if limit.limit <= 0:
            yield Problem(table.file, line, limit.code, "limit must be above 0")
        if limit.valid_until is not None and limit.valid_until < limit.valid_from:
            yield Problem(table.file, line, limit.code, "valid_until is before valid_from")
        strengths = product.strengths_percent if product is not None else ()
        if strengths and limit.strength_percent not in (None, *strengths):
            rule = "strength_percent is not a strength of the product"
            yield Problem(table.file, line, limit.code, rule)
        if limit.status is RowStatus.CURRENT:
            if any(_same_scope(limit, other) for other in earlier):
                rule = "an earlier line limits the same thing on the same days"
                yield Problem(table.file, line, limit.code, rule)
            earlier.append(limit)


def _same_scope(one: DoseLimit, other: DoseLimit) -> bool:
    def scope(limit: DoseLimit) -> tuple[object, ...]:
        return (
            limit.product_code,
            limit.jurisdiction,
            limit.form,
            limit.strength_percent,
            limit.kind,
            limit.per,
            limit.level,
        )

    return (
        scope(one) == scope(other)
        and one.valid_from <= (other.valid_until or date.max)
        and other.valid_from <= (one.valid_until or date.max)
    )


def check_visits(table: Table[Visit]) -> Iterator[Problem]:
    """A visit is due within its own window."""
    for line, visit in table.lines:
        if not 0 < visit.from_day <= visit.due_day <= visit.to_day:
            rule = "days must be in the order from_day, due_day, to_day"
            yield Problem(table.file, line, visit.code, rule)


def check_windows(table: Table[CountingWindow], visits: Table[Visit]) -> Iterator[Problem]:
    """The visit that assesses a window is due at or after the window's end."""
    by_code = visits.by_code()
    for line, window in table.lines:
        visit = by_code.get(window.assessed_at_visit)
        if visit is not None and visit.due_day < window.days:
            rule = f"visit {visit.code} is due before the window ends"
            yield Problem(table.file, line, window.code, rule)


def check_event_terms(
    table: Table[EventTerm], windows: Table[CountingWindow], composites: Table[Composite]
) -> Iterator[Problem]:
    """Windows are the declared ones, and the composite holds only terms that close with it."""
    declared = {(window.days, window.assessed_at_visit) for window in windows}
    longest = max((composite.window_days for composite in composites), default=0)
    for line, term in table.lines:
        onset = (term.typical_onset_from_days, term.typical_onset_to_days)
        if (term.counting_window_days, term.assessed_at_visit) not in declared:
            rule = f"counting_window_days and assessed_at_visit are no row of {windows.file}"
            yield Problem(table.file, line, term.code, rule)
        if term.in_composite and term.counting_window_days > longest:
            rule = "a term of the composite cannot have a longer window than the composite"
            yield Problem(table.file, line, term.code, rule)
        if onset[0] is not None and onset[1] is not None and onset[0] > onset[1]:
            yield Problem(table.file, line, term.code, "typical onset ends before it begins")
    if ANY_INCIDENT not in table.codes():
        yield Problem(table.file, 1, ANY_INCIDENT, "the row is missing")
    for line, composite in composites.lines:
        if not any(composite.holds(term) for term in table):
            rule = "no event term with a window as short as its own belongs to it"
            yield Problem(composites.file, line, composite.code, rule)
        if composite.only_serious and composite.families:
            rule = "an outcome is made of families or of serious events, not of both"
            yield Problem(composites.file, line, composite.code, rule)


def check_checklists(table: Table[Checklist], terms: Table[EventTerm]) -> Iterator[Problem]:
    """A list asks each thing once, always for any incident, and covers what it must assess."""
    current = [term for term in terms if term.status is RowStatus.CURRENT]
    latest = table.by_code()
    for line, checklist in table.lines:
        repeated = [code for code, times in Counter(checklist.term_codes).items() if times > 1]
        if repeated:
            rule = f"asks twice for {', '.join(repeated)}"
            yield Problem(table.file, line, checklist.code, rule)
        if ANY_INCIDENT not in checklist.term_codes:
            yield Problem(table.file, line, checklist.code, f"does not ask for {ANY_INCIDENT}")
        if latest[checklist.code] is not checklist:
            continue
        due = [
            term.code
            for term in current
            if (checklist.asks is Asking.OPEN and term.in_composite)
            or (checklist.asks is Asking.EACH and term.assessed_at_visit == checklist.visit_code)
        ]
        left_out = [code for code in due if code not in checklist.term_codes]
        if left_out:
            rule = f"does not ask for {', '.join(left_out)}"
            yield Problem(table.file, line, checklist.code, rule)


def check_scales(table: Table[Scale]) -> Iterator[Problem]:
    """A scale has a range, and its threshold of success lies in it."""
    for line, scale in table.lines:
        if scale.minimum >= scale.maximum:
            yield Problem(table.file, line, scale.code, "minimum must be below maximum")
        if scale.success_at is not None and not scale.minimum <= scale.success_at <= scale.maximum:
            yield Problem(table.file, line, scale.code, "success_at lies outside the scale")


def check_instrument_items(table: Table[InstrumentItem]) -> Iterator[Problem]:
    """An item has a range in which it is answered."""
    for line, item in table.lines:
        if item.minimum >= item.maximum:
            yield Problem(table.file, line, item.code, "minimum must be below maximum")


def check_indicators(
    table: Table[Indicator], terms: Table[EventTerm], composites: Table[Composite]
) -> Iterator[Problem]:
    """An indicator names what it counts, and says from which age on a session is judged."""
    outcomes = terms.codes() | composites.codes()
    for line, indicator in table.lines:
        needs = {
            IndicatorMeasure.OUTCOME: "outcome",
            IndicatorMeasure.FOLLOW_UP: "visit_code",
        }.get(indicator.measure, "old_enough_days")
        for field in ("outcome", "visit_code", "old_enough_days"):
            if (getattr(indicator, field) is not None) != (field == needs):
                rule = f"{field} is given exactly if the measure needs it"
                yield Problem(table.file, line, indicator.code, rule)
        if indicator.outcome is not None and indicator.outcome not in outcomes:
            rule = f"outcome {indicator.outcome!r} is in neither {terms.file} nor {composites.file}"
            yield Problem(table.file, line, indicator.code, rule)
        target = indicator.default_target
        if target is not None and not 0 <= target <= indicator.unit.of:
            rule = f"default_target lies between 0 and {indicator.unit.of}"
            yield Problem(table.file, line, indicator.code, rule)


def check_benchmarks(table: Table[Benchmark]) -> Iterator[Problem]:
    """A benchmark is a count of a count; a comparable one states its window, and how it looked."""
    for line, benchmark in table.lines:
        if benchmark.n == 0:
            yield Problem(table.file, line, benchmark.code, "n must be above 0")
        if benchmark.x > benchmark.n:
            yield Problem(table.file, line, benchmark.code, "x is greater than n")
        if benchmark.provenance is not Provenance.PAPER:
            yield Problem(table.file, line, benchmark.code, "a benchmark comes from a paper")
        if benchmark.use is BenchmarkUse.RATE and benchmark.window_days is None:
            rule = "a rate without window_days cannot be compared: use display_only"
            yield Problem(table.file, line, benchmark.code, rule)
        looks_for_events = benchmark.topic is BenchmarkTopic.COMPLICATION
        if looks_for_events and benchmark.use is BenchmarkUse.RATE and not benchmark.ascertainment:
            rule = "a rate of complications without ascertainment cannot be compared"
            yield Problem(table.file, line, benchmark.code, rule)


def check_leaflet_outcomes(
    table: Table[LeafletOutcome],
    terms: Table[EventTerm],
    composites: Table[Composite],
    benchmarks: Table[Benchmark],
) -> Iterator[Problem]:
    """What patients are told is counted in patients, and has one published number or says why."""
    outcomes = terms.codes() | composites.codes()
    by_term, by_benchmark = terms.by_code(), benchmarks.by_code()
    for line, row in table.lines:
        if row.outcome not in outcomes:
            rule = f"outcome {row.outcome!r} is in neither {terms.file} nor {composites.file}"
            yield Problem(table.file, line, row.code, rule)
        if row.benchmark is not None and row.frequency_of is not None:
            yield Problem(table.file, line, row.code, "give benchmark or frequency_of, not both")
        if row.benchmark is None and row.frequency_of is None and row.note is None:
            rule = "a row without a published number needs a note that says why"
            yield Problem(table.file, line, row.code, rule)
        published = by_benchmark.get(row.benchmark or "")
        if published is not None and published.unit is not UnitOfAnalysis.PATIENT:
            yield Problem(table.file, line, row.code, "the benchmark does not count patients")
        term = by_term.get(row.frequency_of or "")
        if term is not None and None in (term.frequency_liquid, term.frequency_foam):
            rule = f"event term {term.code} has no frequency of liquid and foam"
            yield Problem(table.file, line, row.code, rule)


def check_strength_guides(
    table: Table[StrengthGuide], products: Table[Product]
) -> Iterator[Problem]:
    """Calibres and strengths are in order, and the product has a label."""
    by_code = products.by_code()
    for line, guide in table.lines:
        if guide.strength_from_percent > guide.strength_to_percent:
            yield Problem(table.file, line, guide.code, "strengths must be in order")
        if guide.from_mm is not None and guide.to_mm is not None and guide.from_mm >= guide.to_mm:
            yield Problem(table.file, line, guide.code, "from_mm must be below to_mm")
        product = by_code.get(guide.product_code)
        if product is not None and not product.has_label:
            rule = "a strength guide is for a product with a label"
            yield Problem(table.file, line, guide.code, rule)


_NEEDED = {
    RuleKind.CONTRAINDICATION: ("contraindication",),
    RuleKind.INTERVAL: ("product_code", "days"),
    RuleKind.REACTION: ("terms", "shared"),
    RuleKind.UNSTATED_PRODUCT: ("product_code",),
}


def check_safety_rules(table: Table[SafetyRule]) -> Iterator[Problem]:
    """A rule says all that its kind looks at, and every kind has one."""
    for line, rule in table.lines:
        for name in _NEEDED.get(rule.kind, ()):
            if not getattr(rule, name):
                yield Problem(table.file, line, rule.code, f"a rule of this kind needs {name}")
    missing = set(RuleKind) - {rule.kind for rule in table}
    for kind in sorted(missing):
        yield Problem(table.file, 1, kind, "no rule of this kind")


def check_clinic_settings(table: Table[ClinicSetting]) -> Iterator[Problem]:
    """A setting has a range, and its default lies in it."""
    for line, setting in table.lines:
        if setting.minimum >= setting.maximum:
            yield Problem(table.file, line, setting.code, "minimum must be below maximum")
        default = setting.default
        if default is not None and not setting.minimum <= default <= setting.maximum:
            yield Problem(table.file, line, setting.code, "default lies outside the range")


def message(problems: Iterable[Problem]) -> str:
    """Return the text that lists the problems, a line each."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return (
        "The catalogue cannot be used, because rows of it break a rule. Nothing was loaded. "
        f"Correct these lines:\n{listed}"
    )

"""The catalogue as one object, read from its files and checked before it is handed out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from registry.catalogue import checks
from registry.catalogue.reading import Problem, R, Table, read_cells, read_table
from registry.catalogue.rows import (
    Anatomy,
    Benchmark,
    Checklist,
    Claim,
    ClinicSetting,
    Comparator,
    Composite,
    CountingWindow,
    EventTerm,
    Indicator,
    InstrumentItem,
    LeafletOutcome,
    Product,
    QuotedFigure,
    Row,
    RowStatus,
    Scale,
    Sclerosant,
    Source,
    Visit,
)
from registry.catalogue.safety_rows import (
    Condition,
    Contraindication,
    DoseLimit,
    RuleKind,
    RuleLevel,
    SafetyRule,
    StrengthGuide,
)
from registry.errors import CatalogueError
from registry.vocabulary import SclerosantForm

TARGET: Final = "target:"
"""What the code of the setting that holds an indicator's target begins with."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Every reference row of the registry by code; ``version`` is the date of the files."""

    version: str
    sources: Mapping[str, Source]
    sclerosants: Mapping[str, Sclerosant]
    products: Mapping[str, Product]
    dose_limits: Mapping[str, DoseLimit]
    conditions: Mapping[str, Condition]
    contraindications: Mapping[str, Contraindication]
    visits: Mapping[str, Visit]
    counting_windows: Mapping[str, CountingWindow]
    composites: Mapping[str, Composite]
    event_terms: Mapping[str, EventTerm]
    anatomy: Mapping[str, Anatomy]
    checklists: Mapping[str, Checklist]
    checklist_versions: Mapping[tuple[str, int], Checklist]
    scales: Mapping[str, Scale]
    instrument_items: Mapping[str, InstrumentItem]
    indicators: Mapping[str, Indicator]
    benchmarks: Mapping[str, Benchmark]
    quoted_figures: Mapping[str, QuotedFigure]
    claims: Mapping[str, Claim]
    leaflet_outcomes: Mapping[str, LeafletOutcome]
    comparators: Mapping[str, Comparator]
    strength_guides: Mapping[str, StrengthGuide]
    safety_rules: Mapping[str, SafetyRule]
    clinic_settings: Mapping[str, ClinicSetting]

    def limits_for(
        self, product_code: str, form: SclerosantForm, strength_percent: Decimal, on: date
    ) -> tuple[DoseLimit, ...]:
        """Return the limits for such an injection on that day; empty means none is known.

        Raises:
            KeyError: the product is not in the catalogue.
        """
        product = self.products[product_code]
        return tuple(
            limit
            for limit in self.dose_limits.values()
            if limit.product_code == product.code and limit.applies(form, strength_percent, on)
        )

    def established_limit(self, product_code: str) -> bool:
        """Tell whether any maximum is known for the product, be it for one strength only.

        Raises:
            KeyError: the product is not in the catalogue.
        """
        product = self.products[product_code]
        return any(
            limit.product_code == product.code
            and limit.status is RowStatus.CURRENT
            and limit.level is not RuleLevel.NOTE
            for limit in self.dose_limits.values()
        )

    def contraindications_for(
        self, product_code: str, form: SclerosantForm, on: date
    ) -> tuple[Contraindication, ...]:
        """Return what advised that day against the product in this form, or any sclerosant.

        Raises:
            KeyError: the product is not in the catalogue.
        """
        product = self.products[product_code]
        return tuple(
            row
            for row in self.contraindications.values()
            if row.product_code in (None, product.code)
            and row.form in (None, form)
            and row.is_valid(on)
        )

    def rules(self, kind: RuleKind, on: date) -> tuple[SafetyRule, ...]:
        """Return the safety rules of a kind by which a session on that day is judged."""
        return tuple(
            rule for rule in self.safety_rules.values() if rule.kind is kind and rule.is_valid(on)
        )


@cache
def catalogue() -> Catalogue:
    """Return the catalogue of this program.

    Raises:
        CatalogueError: a file is missing or a row breaks a rule; the message names each line.
    """
    return load_catalogue(files("registry.catalogue").joinpath("data"))


def load_catalogue(folder: Traversable) -> Catalogue:
    """Read and check the catalogue files in ``folder``.

    Raises:
        CatalogueError: a file is missing or a row breaks a rule; the message names each line.
    """
    problems: list[Problem] = []

    def read(name: str, row_class: type[R]) -> Table[R]:
        file = f"{name}.csv"
        return read_table(file, row_class, read_cells(folder, file), problems)

    version = _version(folder)
    sources = read("sources", Source)
    sclerosants = read("sclerosants", Sclerosant)
    products = read("products", Product)
    dose_limits = read("dose_limits", DoseLimit)
    conditions = read("conditions", Condition)
    contraindications = read("contraindications", Contraindication)
    visits = read("visits", Visit)
    windows = read("counting_windows", CountingWindow)
    composites = read("composites", Composite)
    event_terms = read("event_terms", EventTerm)
    anatomy = read("anatomy", Anatomy)
    checklists = _checklists(folder, problems)
    scales = read("scales", Scale)
    instrument_items = read("instrument_items", InstrumentItem)
    indicators = read("indicators", Indicator)
    benchmarks = read("benchmarks", Benchmark)
    quoted_figures = read("quoted_figures", QuotedFigure)
    claims = read("claims", Claim)
    leaflet_outcomes = read("leaflet_outcomes", LeafletOutcome)
    comparators = read("comparators", Comparator)
    strength_guides = read("strength_guides", StrengthGuide)
    safety_rules = read("safety_rules", SafetyRule)
    clinic_settings = read("clinic_settings", ClinicSetting)

    if not problems:
        tables: list[Table[Row]] = [
            sclerosants, products, dose_limits, conditions, contraindications, visits, windows,
            composites, event_terms, anatomy, checklists, scales, instrument_items, indicators,
            benchmarks, quoted_figures, claims, comparators, strength_guides, safety_rules,
            clinic_settings, leaflet_outcomes,
        ]  # fmt: skip
        problems.extend(checks.check_unique(sources))
        for table in tables:
            problems.extend(checks.check_unique(table))
            problems.extend(checks.check_provenance(table, sources, version))
        references: list[tuple[Table[Row], str, Table[Row]]] = [
            (products, "sclerosant_code", sclerosants),
            (dose_limits, "product_code", products),
            (contraindications, "product_code", products),
            (contraindications, "condition", conditions),
            (windows, "assessed_at_visit", visits),
            (event_terms, "assessed_at_visit", visits),
            (checklists, "visit_code", visits),
            (checklists, "term_codes", event_terms),
            (indicators, "visit_code", visits),
            (benchmarks, "event_term", event_terms),
            (benchmarks, "composite", composites),
            (benchmarks, "sclerosant_code", sclerosants),
            (leaflet_outcomes, "benchmark", benchmarks),
            (leaflet_outcomes, "frequency_of", event_terms),
            (strength_guides, "product_code", products),
            (safety_rules, "condition", conditions),
            (safety_rules, "product_code", products),
            (safety_rules, "terms", event_terms),
        ]
        for table, field, target in references:
            problems.extend(checks.check_references(table, field, target))
        problems.extend(checks.check_products(products))
        problems.extend(checks.check_dose_limits(dose_limits, products))
        problems.extend(checks.check_visits(visits))
        problems.extend(checks.check_windows(windows, visits))
        problems.extend(checks.check_event_terms(event_terms, windows, composites))
        problems.extend(checks.check_checklists(checklists, event_terms))
        problems.extend(checks.check_scales(scales))
        problems.extend(checks.check_instrument_items(instrument_items))
        problems.extend(checks.check_indicators(indicators, event_terms, composites))
        problems.extend(checks.check_benchmarks(benchmarks))
        problems.extend(
            checks.check_leaflet_outcomes(leaflet_outcomes, event_terms, composites, benchmarks)
        )
        problems.extend(checks.check_strength_guides(strength_guides, products))
        problems.extend(checks.check_safety_rules(safety_rules))
        problems.extend(checks.check_clinic_settings(clinic_settings))
    if problems:
        raise CatalogueError(checks.message(problems))

    return Catalogue(
        version=version.isoformat(),
        sources=sources.by_code(),
        sclerosants=sclerosants.by_code(),
        products=products.by_code(),
        dose_limits=dose_limits.by_code(),
        conditions=conditions.by_code(),
        contraindications=contraindications.by_code(),
        visits=visits.by_code(),
        counting_windows=windows.by_code(),
        composites=composites.by_code(),
        event_terms=event_terms.by_code(),
        anatomy=anatomy.by_code(),
        checklists=checklists.by_code(),
        checklist_versions=MappingProxyType({(row.code, row.version): row for row in checklists}),
        scales=scales.by_code(),
        instrument_items=instrument_items.by_code(),
        indicators=indicators.by_code(),
        benchmarks=benchmarks.by_code(),
        quoted_figures=quoted_figures.by_code(),
        claims=claims.by_code(),
        leaflet_outcomes=leaflet_outcomes.by_code(),
        comparators=comparators.by_code(),
        strength_guides=strength_guides.by_code(),
        safety_rules=safety_rules.by_code(),
        clinic_settings=_with_targets(clinic_settings, indicators),
    )


def _with_targets(
    settings: Table[ClinicSetting], indicators: Table[Indicator]
) -> Mapping[str, ClinicSetting]:
    """The settings of the file, and the target of each indicator, which a clinic sets like them."""
    targets = {
        f"{TARGET}{row.code}": ClinicSetting(
            code=f"{TARGET}{row.code}",
            label=f"Target: {row.label}",
            provenance=row.provenance,
            reason=row.reason,
            decided_on=row.decided_on,
            unit=row.unit.value.replace("_", " "),
            minimum=Decimal(0),
            maximum=Decimal(row.unit.of),
            default=row.default_target,
            meaning="What the indicator is judged by on the overview. Blank: by its own past.",
        )
        for row in indicators
    }
    return MappingProxyType({**settings.by_code(), **targets})


def _version(folder: Traversable) -> date:
    try:
        return date.fromisoformat(folder.joinpath("version.txt").read_text("utf-8").strip())
    except (FileNotFoundError, ValueError) as error:
        raise CatalogueError(
            "The catalogue cannot be used: version.txt is missing or holds no day written like "
            "2026-11-23. Nothing was loaded. Write the day of the last change into it."
        ) from error


def _checklists(folder: Traversable, problems: list[Problem]) -> Table[Checklist]:
    """Read the checklists; their items stand in a file of their own, one a line."""
    file, items_file = "checklists.csv", "checklist_items.csv"
    items: dict[tuple[str, str], list[str]] = {}
    item_lines: dict[tuple[str, str], int] = {}
    for line, item in read_cells(folder, items_file):
        key = (item.get("checklist", ""), item.get("version", ""))
        items.setdefault(key, []).append(item.get("term", ""))
        item_lines.setdefault(key, line)
    cells = read_cells(folder, file)
    for _, row in cells:
        key = (row.get("code", ""), row.get("version", ""))
        row["term_codes"] = "; ".join(items.pop(key, []))
    problems.extend(
        Problem(items_file, item_lines[key], key[0], f"version {key[1]} is not in {file}")
        for key in items
    )
    return read_table(file, Checklist, cells, problems)

"""Published complication rates beside the registry's own, where the two count the same.

Unit of analysis, counting window, definition, what was injected and how events came to light must
agree; otherwise the published figure is handed out with the reason why nothing is concluded from
it. Where the paper scanned nobody, what only a planned duplex scan found here is left out first;
where it noted events without asking for them, so must the sessions here have been.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import wording
from registry.analysis.ascertainment import is_noted
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import BY_EVENT
from registry.analysis.counting import ANY, outcome_of
from registry.analysis.dimensions import PERIODS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import Unit, row_maker
from registry.analysis.results import Basis, RateReport, RateRow
from registry.catalogue import (
    Ascertainment,
    Benchmark,
    BenchmarkTopic,
    BenchmarkUse,
    UnitOfAnalysis,
    catalogue,
)
from registry.messages import N_, Message, message
from registry.statistics import display_rules
from registry.statistics.comparisons import against_estimated_benchmark
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate

INJECTED: Final = ("sclerosant", "form", "modality")
"""Dimensions that a published rate may be restricted to."""
NEUTRAL: Final = frozenset({"clinic", *PERIODS})
"""Dimensions whose choice does not make the sessions another kind of treatment."""
_SCANNED_NOBODY: Final = (Ascertainment.NOTED, Ascertainment.REPORTED)
_COUNTED: Final[Mapping[UnitOfAnalysis, str]] = {
    UnitOfAnalysis.TREATMENT_SESSION: N_("sessions"),
    UnitOfAnalysis.PROCEDURE: N_("procedures"),
    UnitOfAnalysis.LIMB: N_("legs"),
    UnitOfAnalysis.PATIENT: N_("patients"),
}


@dataclass(frozen=True, slots=True)
class Published:
    """One published rate and what it says about one row of the registry's own.

    ``is_comparable`` is False where ``verdict`` gives the reason why nothing can be said, and
    ``wording`` is None then.
    """

    benchmark: Benchmark
    citation: str
    estimate: Estimate
    row: RateRow
    verdict: Message
    wording: display_rules.Wording | None

    @property
    def is_comparable(self) -> bool:
        """Whether anything can be said."""
        return self.wording is not None


@dataclass(frozen=True, slots=True)
class _Own:
    """A row of the report, its outcome, and the sessions behind it."""

    row: RateRow
    event: str
    sessions: NDArray[np.bool_]
    restricted_to: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Aside:
    """A published figure that is only shown, and why it is not compared."""

    benchmark: Benchmark
    citation: str
    estimate: Estimate
    reason: Message


def published_beside(engine: Engine, by: Actor, report: RateReport) -> tuple[Published, ...]:
    """Published rates of the outcomes of ``report``, each beside the row that fits it best.

    Both rates are uncertain: the verdict rests on Newcombe's limits of their difference, with
    sessions taken as independent.
    """
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    own = _rows(facts, report, report.heading.cohort.mask(facts, clinics))
    found = _beside(facts, own, report.heading.as_of)
    if report.event != ANY or report.by != BY_EVENT:
        return found
    return found + tuple(
        _published(benchmark, own[0].row, _not_comparable(message("definition")))
        for benchmark in catalogue().benchmarks.values()
        if benchmark.topic is BenchmarkTopic.COMPLICATION
        and not (benchmark.event_term or benchmark.composite)
    )


def published_aside(by: Actor, *topics: BenchmarkTopic) -> tuple[Aside, ...]:
    """Published figures on how treatment lasts; none counts treated sites, as the registry does."""
    scope(by, Permission.READ_RATES)
    return tuple(
        Aside(
            benchmark,
            catalogue().sources[benchmark.source or ""].citation,
            proportion(benchmark.x, benchmark.n, unit=benchmark.unit.value),
            message(
                "Not compared: it counts {unit}, this page treated sites; and what is counted "
                "there is “{definition}”.",
                unit=message(_COUNTED[benchmark.unit]),
                definition=message(benchmark.definition),
            ),
        )
        for benchmark in catalogue().benchmarks.values()
        if benchmark.topic in topics
    )


def published_for(
    facts: Facts,
    row: RateRow,
    sessions: NDArray[np.bool_],
    cohort: CohortFilter,
    *,
    today: dt.date,
) -> Published | None:
    """The published rate that counts the same as a row of one outcome, the largest of several.

    ``row`` carries the code of its outcome; ``sessions`` are those behind it, of ``cohort``.
    """
    levels = {name: codes for name, codes in cohort.levels.items() if name not in NEUTRAL}
    beside = _beside(facts, [_Own(row, row.code, sessions, levels)], today)
    comparable = [item for item in beside if item.is_comparable]
    return max(comparable, key=lambda item: item.benchmark.n, default=None)


def _beside(facts: Facts, own: list[_Own], today: dt.date) -> tuple[Published, ...]:
    """Each published complication rate beside the row that fits it best."""
    found = []
    for benchmark in catalogue().benchmarks.values():
        outcome = benchmark.event_term or benchmark.composite
        beside = [candidate for candidate in own if candidate.event == outcome]
        if benchmark.topic is not BenchmarkTopic.COMPLICATION or not beside:
            continue
        beside = [_found_alike(facts, benchmark, candidate, today) for candidate in beside]
        reasons = [_reason(facts, benchmark, candidate, today) for candidate in beside]
        fits = next((i for i, reason in enumerate(reasons) if reason is None), 0)
        reason, row = reasons[fits], beside[fits].row
        found.append(_published(benchmark, row, reason))
    return tuple(found)


def _published(benchmark: Benchmark, row: RateRow, reason: Message | None) -> Published:
    return Published(
        benchmark=benchmark,
        citation=catalogue().sources[benchmark.source or ""].citation,
        estimate=proportion(benchmark.x, benchmark.n, unit=benchmark.unit.value),
        row=row,
        verdict=reason or _verdict(benchmark, row),
        wording=None if reason else _wording(benchmark, row),
    )


def _found_alike(facts: Facts, benchmark: Benchmark, own: _Own, today: dt.date) -> _Own:
    """The row as it is if nobody had been scanned, where the paper scanned nobody."""
    if (
        not own.row.screened
        or own.row.unit != Unit.SESSIONS
        or benchmark.ascertainment not in _SCANNED_NOBODY
    ):
        return own
    label = message("{group}, without what only a planned scan found", group=own.row.label)
    outcome = replace(outcome_of(own.event), screened=False)
    row = row_maker(facts, today)(outcome, own.sessions, own.row.code, label)
    return replace(own, row=row)


def _rows(facts: Facts, report: RateReport, chosen: NDArray[np.bool_]) -> list[_Own]:
    cohort = report.heading.cohort
    levels = {name: codes for name, codes in cohort.levels.items() if name not in NEUTRAL}
    own = [_Own(report.total, report.event, chosen, levels)]
    if report.by == BY_EVENT:
        own += [_Own(row, row.code, chosen, levels) for row in report.rows]
    elif report.by in INJECTED:
        codes = facts.sessions[report.by].to_numpy()
        names = facts.levels[report.by]
        own += [
            _Own(
                row,
                report.event,
                chosen & (codes == names.index(row.code)),
                levels | {report.by: (row.code,)},
            )
            for row in report.rows
        ]
    return own


def _reason(facts: Facts, benchmark: Benchmark, own: _Own, today: dt.date) -> Message | None:
    """Why the two are not compared; None when they are."""
    differs = _difference(facts, benchmark, own, today)
    if differs is not None:
        return _not_comparable(differs)
    if benchmark.use is BenchmarkUse.DISPLAY_ONLY:
        return message("Shown only: {note}", note=message(benchmark.note or benchmark.population))
    if own.row.basis is Basis.KAPLAN_MEIER:
        return message(
            "Not compared with the published rate: more than 5 % of the sessions were not assessed."
        )
    if not display_rules.shows_comparison(
        own.row.events + benchmark.x, min(own.row.mature, benchmark.n)
    ):
        return message("Not compared with the published rate: too few sessions or events.")
    return None


def _not_comparable(differs: Message) -> Message:
    return message(display_rules.TEXT[display_rules.Wording.NOT_COMPARABLE], differs=differs)


def _difference(facts: Facts, benchmark: Benchmark, own: _Own, today: dt.date) -> Message | None:
    if benchmark.unit is not UnitOfAnalysis.TREATMENT_SESSION or own.row.unit != Unit.SESSIONS:
        return message("unit of analysis")
    if benchmark.window_days != own.row.window_days:
        return message("window")
    is_screened = benchmark.ascertainment is Ascertainment.SCREENED
    if is_screened or (own.row.screened and benchmark.ascertainment is None):
        return message("way in which events came to light")
    if benchmark.ascertainment is Ascertainment.NOTED and not is_noted(
        facts, own.event, own.sessions, today
    ):
        return message(
            "way in which events came to light (asked item by item here, noted without a list "
            "there)"
        )
    required = {
        N_("sclerosant"): benchmark.sclerosant_code,
        N_("form"): benchmark.form,
        N_("modality"): benchmark.modality,
    }
    for dimension, code in required.items():
        if code is None:
            continue
        codes = facts.sessions[dimension].to_numpy()[own.sessions]
        if {facts.levels[dimension][i] for i in np.unique(codes)} != {str(code)}:
            return message(dimension)
    free = own.restricted_to.keys() - {name for name, code in required.items() if code is not None}
    return message("selection of sessions") if free else None


def _wording(benchmark: Benchmark, row: RateRow) -> display_rules.Wording:
    limits = against_estimated_benchmark(
        row.events, row.mature, benchmark.x, benchmark.n
    ).estimate.interval
    return display_rules.benchmark_wording(limits.lower, limits.upper, comparable=True)


def _verdict(benchmark: Benchmark, row: RateRow) -> Message:
    return Message(
        display_rules.TEXT[_wording(benchmark, row)],
        {
            "unit": message("sessions"),
            "assessed": wording.percent(row.completeness, row.mature),
        },
    )

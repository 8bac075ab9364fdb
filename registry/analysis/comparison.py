"""Two groups of sessions side by side: how they differ, crude and at equal case mix.

No difference is called an effect: who gets which treatment is decided by the vein and the patient
(confounding by indication), and levelling what was recorded does not undo that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.case_mix import (
    CaseMix,
    Counterparts,
    adjustment,
    case_mix,
    names_of,
    not_comparable,
    why_not_adjusted,
)
from registry.analysis.cohort import CohortFilter, level_label
from registry.analysis.completeness import completeness_warning
from registry.analysis.complications import groups_of
from registry.analysis.counting import (
    ANY,
    Flags,
    Outcome,
    history_of,
    is_mature,
    left_out,
    outcome_of,
)
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.facts import Facts, facts_of
from registry.analysis.rate_rows import row_maker
from registry.analysis.results import (
    Basis,
    Excluded,
    Heading,
    RateRow,
    estimate_dict,
    heading_dict,
    prefixed,
    rate_dict,
)
from registry.errors import NotFound
from registry.messages import Message, message
from registry.statistics import display_rules
from registry.statistics.clustering import compare_groups
from registry.statistics.group_difference import (
    clustered_difference,
    modelled_difference,
    pseudo_values,
)
from registry.statistics.result import Estimate

DEFAULT_GROUPING: Final = "form"
_MISSING: Final = "no_group_"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Difference (A minus B) and ratio (A over B) of the two groups; None where neither is shown.

    ``ratio`` is missing where more than 5 % of a group were not assessed: the difference is then
    one of Kaplan-Meier estimates.
    """

    difference: Estimate
    ratio: Estimate | None


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """One outcome in two groups of a grouping.

    ``crude`` is None where there is too little to compare, ``adjusted`` where nothing could be
    levelled or too little is comparable; ``levelled`` names what was, ``too_few_for`` what was not
    for want of events, and ``inseparable`` what goes with the groups so closely that the two cannot
    be told apart. ``counterparts`` counts the sessions of both that are comparable at equal levels,
    where there are such levels.
    """

    heading: Heading
    event: str
    event_label: Message
    by: str
    a: RateRow
    b: RateRow
    crude: Contrast | None
    adjusted: Contrast | None
    levelled: tuple[Message, ...]
    too_few_for: tuple[Message, ...]
    inseparable: tuple[Message, ...]
    counterparts: tuple[Counterparts, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def groups(self) -> tuple[RateRow, ...]:
        """The groups there are: fewer than two leave nothing to compare."""
        return tuple(row for row in (self.a, self.b) if not row.code.startswith(_MISSING))

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "by": self.by,
            "a": rate_dict(self.a),
            "b": rate_dict(self.b),
            "crude": _contrast_dict(self.crude),
            "adjusted": _contrast_dict(self.adjusted),
            "levelled": [str(name) for name in self.levelled],
            "too_few_events_for": [str(name) for name in self.too_few_for],
            "inseparable_from_groups": [str(name) for name in self.inseparable],
            "with_counterpart": [group.comparable for group in self.counterparts],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for the crude and one for the adjusted comparison, as far as there are."""
        counts: dict[str, Any] = {}
        found: list[int | None] = [kept.comparable for kept in self.counterparts]
        for name, group, with_counterpart in zip(
            "ab", (self.a, self.b), found or (None, None), strict=True
        ):
            counts |= {
                name: group.code,
                f"{name}_label": str(group.label),
                f"{name}_events": group.events,
                f"{name}_sessions": group.mature,
                f"{name}_assessed": group.assessed,
                f"{name}_with_counterpart": with_counterpart,
                **prefixed(f"{name}_rate", group.estimate),
            }
        rows = []
        for what, contrast in (("crude", self.crude), ("adjusted", self.adjusted)):
            measures = (
                {"difference": None, "ratio": None}
                if contrast is None
                else {
                    "difference": contrast.difference,
                    "ratio": contrast.ratio,
                }
            )
            row: dict[str, Any] = {"comparison": what, **counts}
            for name, estimate in measures.items():
                empty = dict.fromkeys(f"{name}{end}" for end in ("", "_lower", "_upper", "_method"))
                row |= empty if estimate is None else prefixed(name, estimate)
            row["levelled"] = ", ".join(map(str, self.levelled)) if what == "adjusted" else ""
            rows.append(row)
        return rows


def comparison(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    event: str = ANY,
    group_by: str = DEFAULT_GROUPING,
    a: str | None = None,
    b: str | None = None,
) -> ComparisonReport:
    """Compare two levels of a dimension; without names the two with most sessions.

    Raises :class:`NotFound` for levels that do not occur in the cohort, for one and the same, and
    for a second group where there is only one.
    """
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    if group_by not in DIMENSIONS:
        raise NotFound(
            message(
                "Groups can be compared by {known}; not by “{asked}”.",
                known=", ".join(DIMENSIONS),
                asked=group_by[:40],
            )
        )
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    groups = {code: (label, flags) for code, label, flags in groups_of(facts, group_by, chosen, by)}
    if a is None and b is None and len(groups) < 2:
        # A report always answers: what is missing is an empty group.
        nothing = (message("No other group"), np.zeros_like(chosen))
        groups |= {f"{_MISSING}{i}": nothing for i in range(2 - len(groups))}
    one, two = _named({code: int(flags.sum()) for code, (_, flags) in groups.items()}, a, b)
    measure = row_maker(facts, today)
    rows = [measure(outcome, groups[code][1], code, groups[code][0]) for code in (one, two)]
    mature = is_mature(facts, outcome, today)
    first, second = (groups[code][1] & mature for code in (one, two))
    crude = adjusted = None
    mix = CaseMix()
    warnings = [*_too_few(*rows)]
    if not warnings:
        data = _Compared(facts, outcome, first, second, is_plain=_is_plain(*rows))
        crude = data.contrast(None)
        labels = (rows[0].label, rows[1].label)
        mix = case_mix(facts, data.rows, data.in_first, data.had, labels, group_by)
        if mix.is_carried and crude is not None:
            adjusted = data.contrast(mix.columns)
        is_adjusted = adjusted is not None
        if is_adjusted:
            mainly = mix.smaller.mainly
            said = None if mainly is None else level_label(facts, mix.levelled[0], mainly, by)
            warnings += not_comparable(mix, said)
        warnings += _cautions(facts, first, second, *rows)
        if not is_adjusted or mix.too_few_for or mix.inseparable:
            events = rows[0].events + rows[1].events
            warnings += why_not_adjusted(mix, events, is_adjusted=is_adjusted)
    warnings.append(
        message(
            "Confounding by indication: the treatment is chosen for the vein and the patient, so "
            "the groups differ in more than it. A difference between them, adjusted or not, is not "
            "its effect."
        )
    )
    return ComparisonReport(
        heading=Heading(
            "comparison",
            message("{a} and {b}: {event}", a=rows[0].label, b=rows[1].label, event=outcome.label)
            if not two.startswith(_MISSING)
            else message("Comparison of two groups: {event}", event=outcome.label),
            message(
                "Sessions followed by “{event}” within its window of at most {window} days, in two "
                "groups. Difference: rate of the first minus rate of the second; ratio: rate of "
                "the first over rate of the second; the intervals allow for several sessions of "
                "one patient, also across the groups. {adjusted}{left_out}",
                event=outcome.label,
                window=outcome.window_days,
                adjusted=adjustment(mix.levelled if adjusted is not None else ()),
                left_out=message(" {names}", names=left_out(outcome)) if event == ANY else "",
            ),
            "sessions",
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        by=group_by,
        a=rows[0],
        b=rows[1],
        crude=crude,
        adjusted=adjusted,
        levelled=names_of(mix.levelled if adjusted is not None else ()),
        too_few_for=names_of(mix.too_few_for),
        inseparable=names_of(mix.inseparable),
        counterparts=mix.counterparts,
        excluded=tuple(
            item
            for item in (
                Excluded(
                    message("sessions not yet old enough to be assessed"),
                    rows[0].too_recent + rows[1].too_recent,
                ),
                Excluded(
                    message("sessions of other groups"),
                    int(chosen.sum()) - rows[0].sessions - rows[1].sessions,
                ),
            )
            if item.count
        ),
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True)
class Comparable:
    """The groups of a cohort that can be compared, and the two that are unless others are named."""

    groups: tuple[tuple[str, Message], ...]
    a: str | None
    b: str | None


def comparable(
    engine: Engine, by: Actor, cohort: CohortFilter, *, group_by: str = DEFAULT_GROUPING
) -> Comparable:
    """Levels of a dimension in a cohort, in natural order; with fewer than two there is no pair."""
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    groups = groups_of(facts, group_by, cohort.mask(facts, clinics), by)
    named = tuple((code, label) for code, label, _ in groups)
    if len(groups) < 2:
        return Comparable(named, None, None)
    return Comparable(named, *_named({c: int(flags.sum()) for c, _, flags in groups}, None, None))


def crude_difference(
    facts: Facts, outcome: Outcome, first: Flags, second: Flags, rows: tuple[RateRow, RateRow]
) -> Estimate | None:
    """Unadjusted difference of two sets of mature sessions with these rates, first minus second.

    None with too few events or sessions, and where it cannot be estimated: a set without events,
    not all of it assessed, shows no spread from which its share of the interval could come.
    """
    is_plain = _is_plain(*rows)
    if _too_few(*rows) or (not is_plain and not all(row.events for row in rows)):
        return None
    return _Compared(facts, outcome, first, second, is_plain=is_plain).difference(None)


def _named(sizes: dict[str, int], a: str | None, b: str | None) -> tuple[str, str]:
    """The two groups asked for; the largest, in natural order, where none is."""
    for name in (a, b):
        if name is not None and name not in sizes:
            raise NotFound(
                message(
                    "There is no session of group “{asked}” here. There are: {known}.",
                    asked=name[:40],
                    known=", ".join(sizes),
                )
            )
    if len(sizes) < 2:
        raise NotFound(
            message("There is only one group here, so there is nothing to compare it with.")
        )
    if a is not None and a == b:
        raise NotFound(message("A group cannot be compared with itself. Choose two."))
    if a is not None and b is not None:
        return a, b
    order = list(sizes)
    largest = sorted(sizes, key=lambda code: (-sizes[code], order.index(code)))
    if a is None and b is None:
        one, two = sorted(largest[:2], key=order.index)
        return one, two
    other = next(code for code in largest if code not in (a, b))
    return a or other, b or other


def _is_plain(*rows: RateRow) -> bool:
    return all(row.basis is Basis.PROPORTION for row in rows)


def _too_few(a: RateRow, b: RateRow) -> tuple[Message, ...]:
    if display_rules.shows_comparison(a.events + b.events, min(a.mature, b.mature)):
        return ()
    return (
        message(
            "Too few to compare. Events in all: {events}, sessions in the smaller group: "
            "{sessions}; {least_events} events and {least_sessions} sessions are the least.",
            events=a.events + b.events,
            sessions=min(a.mature, b.mature),
            least_events=display_rules.MINIMUM_EVENTS_FOR_COMPARISON,
            least_sessions=display_rules.MINIMUM_GROUP_FOR_COMPARISON,
        ),
    )


def _cautions(facts: Facts, first: Flags, second: Flags, a: RateRow, b: RateRow) -> list[Message]:
    differing = completeness_warning((a, b))
    found = [differing] if differing is not None else []
    if not _is_plain(a, b):
        found.append(
            message(
                "More than 5 % of a group were not assessed, so the rates are Kaplan-Meier "
                "estimates; their difference is given, a ratio is not."
            )
        )
    patients = facts.sessions["patient"].to_numpy()
    shared = len(np.intersect1d(patients[first], patients[second]))
    if shared:
        found.append(
            message(
                "Patients with sessions in both groups: {count}; this is allowed for.", count=shared
            )
        )
    return found


class _Compared:
    """The mature sessions of two groups, one row each."""

    def __init__(
        self, facts: Facts, outcome: Outcome, first: Flags, second: Flags, *, is_plain: bool
    ) -> None:
        self.facts, self.is_plain = facts, is_plain
        self.rows = np.flatnonzero(first | second)
        self.in_first = first[self.rows]
        self.patients = facts.sessions["patient"].to_numpy()[self.rows]
        history = history_of(facts, outcome)
        self.had = history.had[self.rows]
        self.values: Floats | None = self.had.astype(np.float64)
        if not is_plain:
            observed = np.clip(history.observed[self.rows], 0, outcome.window_days)
            durations = np.where(self.had, history.first[self.rows], observed)
            self.values = self._pseudo(durations, outcome.window_days)

    def _pseudo(self, durations: NDArray[np.int64], day: int) -> Floats | None:
        """Pseudo-values within each group, so that their means are the rates that are shown."""
        values = np.zeros(len(durations))
        for group in (self.in_first, ~self.in_first):
            found = pseudo_values(durations[group], self.had[group], day)
            if found is None:
                return None
            values[group] = found
        return values

    def contrast(self, covariates: Floats | None) -> Contrast | None:
        """Difference and ratio, at equal covariates if there are any."""
        difference = self.difference(covariates)
        if difference is None:
            return None
        ratio = None
        if self.is_plain:
            groups = self.in_first.astype(np.int64)
            found = compare_groups(self.had, groups, self.patients, covariates=covariates)
            ratio = found[0].estimate
        return Contrast(difference, ratio)

    def difference(self, covariates: Floats | None) -> Estimate | None:
        """Difference at equal covariates if there are any; None where it cannot be estimated."""
        if self.values is None:
            return None
        if self.is_plain and covariates is None:
            found = clustered_difference(self.had, self.in_first, self.patients)
        else:
            found = modelled_difference(self.values, self.in_first, self.patients, covariates)
        if found.value is None:
            return None
        return replace(found, numerator=int(self.had[self.in_first].sum()))


def _contrast_dict(contrast: Contrast | None) -> dict[str, Any] | None:
    if contrast is None:
        return None
    return {
        "difference": estimate_dict(contrast.difference),
        "ratio": None if contrast.ratio is None else estimate_dict(contrast.ratio),
    }

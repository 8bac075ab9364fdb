"""What may cross clinics or leave the registry: counts of closed years, the small ones hidden.

Each clinic releases one outcome, any complication within 30 days, of each calendar year that is old
enough throughout: in all sessions, by form, by vessel class and by quarter, protected as one family
(:mod:`registry.statistics.disclosure`). Everything that leaves is one of these counts or a sum of
them, so two outputs cannot be subtracted from each other to find a hidden one. Years do not
overlap, and filters by anything else than clinic and whole years are refused for the same reason.

Whoever has no right in a clinic sees of it nothing but a part of the sum over all such clinics.

Not defended against: several people who put together what each may see, and the same year read
before and after a correction of its records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter, level_label, level_order
from registry.analysis.counting import ANY, Flags, history_of, outcome_of
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import (
    Excluded,
    Heading,
    RateReport,
    Report,
    estimate_dict,
    heading_dict,
    prefixed,
)
from registry.errors import RegistryError
from registry.messages import Message, message
from registry.statistics.disclosure import (
    Family,
    Name,
    ReleasedRow,
    Row,
    declare_family,
    keeps_hidden,
    protect,
)
from registry.statistics.display_rules import MINIMUM_PATIENTS_TO_RELEASE, SMALL_COUNT_THRESHOLD
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate

SHARED_GROUPINGS: Final = ("form", "vessel_class", "quarter")
"""What a released year is split by, each by itself."""
MINIMUM_CLINICS_TO_POOL: Final = 3
"""A sum over fewer clinics would be known to be mostly one of them; our decision."""

HIDDEN: Final = message("hidden to protect patients")
WHY_HIDDEN: Final = message(
    "A hidden count rests on fewer than {threshold} patients with the event, or without it, or on "
    "fewer than {patients} patients in all, or would give such a count away. It is not 0: a count "
    "of 0 is shown.",
    threshold=SMALL_COUNT_THRESHOLD,
    patients=MINIMUM_PATIENTS_TO_RELEASE,
)
_BY_COUNTS_ALONE: Final = message(
    "Rates and intervals come from the counts shown here alone: they do not allow for several "
    "sessions of one patient, nor for sessions that were not assessed."
)

Released = Mapping[Name, ReleasedRow]


class NotShareable(RegistryError):
    """A result that must not leave the registry as it is asked for."""


@dataclass(frozen=True, slots=True)
class SharedRow:
    """Counts of a group that may leave. A hidden count is None, never 0.

    ``estimate`` is made of the two counts and is None where either is hidden. ``clinic`` and
    ``year`` are those of the release, None in a sum of several.
    """

    clinic: Message | None
    year: int | None
    code: str
    label: Message
    numerator: int | None
    denominator: int | None
    estimate: Estimate | None

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:
        """The row in plain values, each count with a flag that says whether it is hidden."""
        values: dict[str, Any] = {
            "clinic": str(self.clinic) if self.clinic else None,
            "year": self.year,
            "code": self.code,
            "label": str(self.label),
            "numerator": self.numerator,
            "numerator_hidden": self.numerator is None,
            "denominator": self.denominator,
            "denominator_hidden": self.denominator is None,
        }
        if flat:
            ends = ("", "_lower", "_upper", "_method")
            nothing = {f"rate{end}": None for end in ends}
            return values | (prefixed("rate", self.estimate) if self.estimate else nothing)
        return values | {"rate": estimate_dict(self.estimate) if self.estimate else None}


@dataclass(frozen=True, slots=True)
class SharedReport:
    """A rate report as it may leave the registry, one group of one year of one clinic a row.

    ``total`` is the sum over years and clinics, hidden as soon as it is hidden in one of them.
    """

    heading: Heading
    event: str
    event_label: Message
    by: str
    total: SharedRow
    rows: tuple[SharedRow, ...]
    warnings: tuple[Message, ...]
    excluded: tuple[Excluded, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "by": self.by,
            "total": self.total.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a group, year and clinic, the total first, for tables and files."""
        return [row.to_dict(flat=True) for row in (self.total, *self.rows)]


def for_sharing(engine: Engine, by: Actor, report: Report) -> SharedReport:
    """What of ``report`` may leave the registry.

    Raises :class:`NotShareable`, with what to change, for anything but rates of any complication in
    sessions, by one of `SHARED_GROUPINGS`, of whole calendar years, filtered by clinic alone.
    """
    clinics = scope(by, Permission.READ_RATES)
    if not isinstance(report, RateReport) or report.event != ANY or report.unit != "sessions":
        raise NotShareable(
            message(
                "Only rates of “any complication” as shares of sessions may leave the registry: "
                "files about several outcomes could be subtracted from each other. Choose that "
                "outcome."
            )
        )
    if report.by not in SHARED_GROUPINGS:
        raise NotShareable(
            message(
                "A file for sharing is grouped by form, vessel class or quarter. Choose one of "
                "them."
            )
        )
    facts, heading = facts_of(engine), report.heading
    counted = heading.cohort.within(clinics)
    years = shared_years(facts, heading.cohort, counted, heading.as_of)
    parts = [
        (clinic, year, release(facts, clinic, year)) for clinic in sorted(counted) for year in years
    ]
    cohort = CohortFilter(
        dt.date(years[0], 1, 1),
        dt.date(years[-1], 12, 31),
        {"clinic": tuple(str(clinic) for clinic in sorted(counted))},
    )
    return SharedReport(
        heading=replace(
            heading, name=f"{heading.name}_for_sharing", cohort=cohort, seal=facts.seal
        ),
        event=report.event,
        event_label=report.event_label,
        by=report.by,
        total=_sum("total", message("All sessions"), [part for _, _, part in parts]),
        rows=tuple(
            row
            for clinic, year, part in parts
            for row in _rows(facts, clinic, year, part, report.by, by)
        ),
        warnings=(WHY_HIDDEN, _BY_COUNTS_ALONE),
    )


def _rows(
    facts: Facts, clinic_id: int, year: int, part: Released, dimension: str, reader: Actor
) -> list[SharedRow]:
    """All sessions of a release, then each level of a dimension in its natural order."""
    clinic = level_label(facts, "clinic", str(clinic_id), reader)
    levels = sorted(
        (str(name[0][1]) for name in part if name and name[0][0] == dimension),
        key=lambda level: level_order(dimension, level),
    )
    found = [(part[()], "all", message("All sessions"))] if part else []
    found += [
        (part[((dimension, level),)], level, level_label(facts, dimension, level, reader))
        for level in levels
    ]
    return [
        _row(code, label, row.numerator, row.denominator, clinic, year)
        for row, code, label in found
    ]


def shared_years(
    facts: Facts, cohort: CohortFilter, clinics: Collection[int], today: dt.date
) -> tuple[int, ...]:
    """The calendar years of a filter, each old enough throughout to be released.

    An open end of the filter means as far as there are such years. Raises :class:`NotShareable` for
    parts of a year, for other filters than by clinic, and where no year is old enough.
    """
    if cohort.levels.keys() - {"clinic"}:
        raise NotShareable(
            message(
                "Figures that cross clinics or leave the registry are filtered by clinic and whole "
                "years alone: two filters could be subtracted from each other. Clear the other "
                "filters."
            )
        )
    start, end = cohort.start, cohort.end
    if (start and (start.month, start.day) != (1, 1)) or (end and (end.month, end.day) != (12, 31)):
        raise NotShareable(
            message(
                "Figures that cross clinics or leave the registry are of whole calendar years. "
                "Choose all time, or days from 1 January to 31 December."
            )
        )
    age = dt.timedelta(days=outcome_of(ANY).mature_after_days)
    kept = np.isin(facts.sessions["clinic_id"].to_numpy(), list(clinics))
    levels = facts.levels["year"]
    present = sorted({int(levels[i]) for i in np.unique(facts.sessions["year"].to_numpy()[kept])})
    years = tuple(
        year
        for year in present
        if dt.date(year, 12, 31) + age <= today
        and (start is None or start.year <= year)
        and (end is None or year <= end.year)
    )
    if not years:
        raise NotShareable(
            message(
                "No calendar year of this filter is over for long enough: figures that cross "
                "clinics or leave the registry are of years that ended at least {days} days ago.",
                days=age.days,
            )
        )
    return years


def release(facts: Facts, clinic_id: int, year: int) -> Released:
    """What a clinic releases of a year, by name of the row; empty without a session."""

    def make() -> Released:
        return {row.name: row for row in protect(_family(facts, (clinic_id,), year))}

    return facts.once(("release", clinic_id, year), make)


def _family(facts: Facts, clinics: Collection[int], year: int) -> Family:
    flags = _of_year(facts, clinics, year)
    return declare_family(
        {name: _names(facts, name, flags) for name in SHARED_GROUPINGS},
        history_of(facts, outcome_of(ANY)).had[flags],
        facts.sessions["patient"].to_numpy()[flags],
        depth=1,
    )


def _of_year(facts: Facts, clinics: Collection[int], year: int) -> Flags:
    whole = CohortFilter(dt.date(year, 1, 1), dt.date(year, 12, 31))
    return whole.mask(facts, clinics)


def _names(facts: Facts, dimension: str, flags: Flags) -> list[str]:
    levels = facts.levels[dimension]
    return [levels[code] for code in facts.sessions[dimension].to_numpy()[flags]]


def _row(
    code: str,
    label: Message,
    numerator: int | None,
    denominator: int | None,
    clinic: Message | None = None,
    year: int | None = None,
) -> SharedRow:
    estimate = None
    if numerator is not None and denominator is not None:
        estimate = proportion(numerator, denominator, unit="sessions")
    return SharedRow(clinic, year, code, label, numerator, denominator, estimate)


def _sum(code: str, label: Message, parts: Collection[Released]) -> SharedRow:
    """All sessions of several releases: hidden as soon as they are hidden in one."""
    rows = [part[()] for part in parts if () in part]
    return _row(
        code,
        label,
        _total([row.numerator for row in rows]),
        _total([row.denominator for row in rows]),
    )


def _total(counts: Collection[int | None]) -> int | None:
    shown = [count for count in counts if count is not None]
    return sum(shown) if len(shown) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Pool:
    """All clinics of the registry in which a reader has no right, taken together.

    ``years`` are those in which enough of them had sessions to be shown together, ``clinics`` the
    least number in one of these; ``row`` is None where there is no such year.
    """

    clinics: int
    years: tuple[int, ...]
    row: SharedRow | None


def all_other_clinics(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date
) -> Pool | None:
    """The clinics in which the actor may not read rates, as one row; None if there are none.

    Any complication within 30 days, in the whole years of ``cohort``. The sum is hidden where it
    would give away a count that one of the clinics does not release. Raises :class:`NotShareable`.
    """
    own = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    others = frozenset(facts.clinics) - own
    if not others:
        return None
    without = CohortFilter(
        cohort.start, cohort.end, {k: v for k, v in cohort.levels.items() if k != "clinic"}
    )
    present = {
        year: len(_present(facts, others, year))
        for year in shared_years(facts, without, others, today)
    }
    years = tuple(year for year, count in present.items() if count >= MINIMUM_CLINICS_TO_POOL)
    if not years:
        return Pool(0, (), None)
    row = _sum(
        "others",
        message("All other clinics of this registry"),
        [_pooled(facts, others, year) for year in years],
    )
    return Pool(min(present[year] for year in years), years, row)


def _present(facts: Facts, clinics: Collection[int], year: int) -> frozenset[int]:
    found = facts.sessions["clinic_id"].to_numpy()[_of_year(facts, clinics, year)]
    return frozenset(np.unique(found).tolist())


def _pooled(facts: Facts, clinics: frozenset[int], year: int) -> Released:
    """The sum over clinics, by the empty name; hidden if it undoes what one of them releases.

    Clinics that release their own sum add nothing that is not known; of the others the sum is.
    """

    def make() -> Released:
        whole = [release(facts, clinic, year).get(()) for clinic in sorted(clinics)]
        withheld = [
            clinic
            for clinic, total in zip(sorted(clinics), whole, strict=True)
            if total is not None and None in (total.numerator, total.denominator)
        ]
        flags = _of_year(facts, clinics, year)
        had = history_of(facts, outcome_of(ANY)).had
        total = ReleasedRow((), int(had[flags].sum()), int(flags.sum()))
        if withheld and not _is_kept(facts, withheld, year):
            total = ReleasedRow((), None, None)
        return {(): total}

    return facts.once(("pooled", clinics, year), make)


def _is_kept(facts: Facts, clinics: Sequence[int], year: int) -> bool:
    """Whether the sum over clinics, added to what each of them releases, tells nothing hidden."""
    events: list[int] = []
    sessions: list[int] = []
    rows: list[Row] = []
    released: list[ReleasedRow] = []
    for clinic in clinics:
        family, first = _family(facts, (clinic,), year), len(events)
        events += family.events.tolist()
        sessions += family.sessions.tolist()
        rows += [
            replace(row, atoms=frozenset(first + atom for atom in row.atoms)) for row in family.rows
        ]
        released += release(facts, clinic, year).values()
    flags = _of_year(facts, clinics, year)
    patients = facts.sessions["patient"].to_numpy()
    had = flags & history_of(facts, outcome_of(ANY)).had
    whole = Row(
        (),
        frozenset(range(len(events))),
        np.unique(patients[had]).size,
        np.unique(patients[flags]).size,
    )
    return keeps_hidden(
        Family(np.array(events), np.array(sessions), (*rows, whole)),
        (*released, ReleasedRow((), sum(events), sum(sessions))),
    )

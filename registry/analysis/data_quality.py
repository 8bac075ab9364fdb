"""How good the data of each clinic are, in four shares: complete, consistent, in time, linked.

- *completeness*: filled-in fields of those that figures rest on
  (:mod:`registry.analysis.completeness`);
- *consistency*: records that break no soft rule, of those that a rule can be asked of
  (:mod:`registry.analysis.consistency`);
- *entry delay*: sessions typed in within a week;
- *linkage*: sessions with a follow-up, events attributed to a session, injections that name a lot.

Each share is that of all its parts together, with limits that allow for patients with several
records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.care_facts import UNKNOWN_DELAY
from registry.analysis.cohort import CohortFilter, level_label
from registry.analysis.columns import day_number
from registry.analysis.completeness import (
    FIELDS,
    FIELDS_NEEDED,
    FOLLOW_UP_NEEDED,
    Checked,
    fields_of,
)
from registry.analysis.consistency import RULES, rules_of
from registry.analysis.facts import Facts, facts_of
from registry.analysis.follow_up import seen_between
from registry.analysis.indicators import SOON_ENOUGH_DAYS
from registry.analysis.results import Excluded, Heading, estimate_dict, heading_dict, prefixed
from registry.analysis.sign_off import ASKED_AT, VISIT_DAYS
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.entry.clinic_settings import settings_on
from registry.messages import N_, Message, message
from registry.statistics import display_rules
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.result import Estimate

CONSISTENT_NEEDED: Final = 0.95
"""Share of records without a broken soft rule: such a rule may be broken by what is true."""
IN_TIME_NEEDED: Final = 0.80
"""Share of sessions typed in within a week. Both are our decision, version 1."""

Flags = NDArray[np.bool_]


class Part(StrEnum):
    """The four sides of data quality."""

    COMPLETENESS = "completeness"
    CONSISTENCY = "consistency"
    ENTRY_DELAY = "entry_delay"
    LINKAGE = "linkage"


PARTS: Final[Mapping[Part, Message]] = {
    Part.COMPLETENESS: message("Completeness"),
    Part.CONSISTENCY: message("Consistency"),
    Part.ENTRY_DELAY: message("Entry delay"),
    Part.LINKAGE: message("Linkage"),
}
LINKS: Final[Mapping[str, Message]] = {
    "followed": message("Sessions with a follow-up"),
    "attributed": message("Events attributed to a session"),
    "lot_named": message("Injections name their lot"),
}


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One share of one clinic: of a part as a whole, or of a detail (``needed`` is None) of it.

    The numerator counts what is as it should be, the denominator what was looked at.
    """

    clinic: str
    clinic_label: Message
    part: Part
    code: str
    label: Message
    estimate: Estimate
    needed: float | None = None
    median_delay: float | None = None
    ninth_decile_delay: float | None = None

    @property
    def is_part(self) -> bool:
        """Whether the row is that of a whole part."""
        return self.needed is not None

    @property
    def lacking(self) -> int:
        """How many are not as they should be."""
        return int(self.estimate.denominator - self.estimate.numerator)

    @property
    def is_enough(self) -> bool | None:
        """Whether a part reaches what is needed; None for a detail, or too few to say."""
        estimate = self.estimate
        if self.needed is None or not display_rules.shows_percentage(estimate.denominator):
            return None
        return estimate.value is not None and estimate.value >= self.needed

    def to_dict(self) -> dict[str, Any]:
        """The row in plain values, unrounded."""
        return {
            "clinic": self.clinic,
            "clinic_name": str(self.clinic_label),
            "part": self.part.value,
            "code": self.code,
            "label": str(self.label),
            "good": self.estimate.numerator,
            "checked": self.estimate.denominator,
            "lacking": self.lacking,
            "unit": self.estimate.unit,
            "needed": self.needed,
            "enough": self.is_enough,
            "median_delay_days": self.median_delay,
            "ninth_decile_delay_days": self.ninth_decile_delay,
        }


@dataclass(frozen=True, slots=True)
class DataQualityReport:
    """The four shares of each clinic, each followed by its details."""

    heading: Heading
    rows: tuple[QualityRow, ...]
    excluded: tuple[Excluded, ...] = ()
    warnings: tuple[Message, ...] = ()

    def parts(self) -> tuple[QualityRow, ...]:
        """The shares of whole parts, clinic by clinic."""
        return tuple(row for row in self.rows if row.is_part)

    def details(self, part: Part) -> tuple[QualityRow, ...]:
        """The details of one part, clinic by clinic."""
        return tuple(row for row in self.rows if row.part is part and not row.is_part)

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "rows": [row.to_dict() | {"share": estimate_dict(row.estimate)} for row in self.rows],
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a share."""
        return [row.to_dict() | prefixed("share", row.estimate) for row in self.rows]


def data_quality(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date
) -> DataQualityReport:
    """The quality of the data on the sessions of a cohort, clinic by clinic."""
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    of_clinic = facts.sessions["clinic_id"].to_numpy()
    rows: list[QualityRow] = []
    with reading(engine) as db:
        for clinic_id in sorted(cohort.within(clinics)):
            own = chosen & (of_clinic == clinic_id)
            if own.any():
                label = level_label(facts, "clinic", str(clinic_id), by)
                rows += _of_clinic(db, facts, clinic_id, label, own, cohort, today)
    delays = facts.sessions["delay"].to_numpy()[chosen]
    return DataQualityReport(
        heading=Heading(
            "data_quality",
            message("Data quality"),
            message(
                "Completeness: filled-in fields of those that figures rest on. Consistency: "
                "records that break no soft rule. Entry delay: sessions typed in at most {soon} "
                "days after the treatment. Linkage: sessions followed up within {last} days once "
                "they are {old} days old, events attributed to a session, and injections that "
                "name their lot.",
                soon=SOON_ENOUGH_DAYS,
                last=VISIT_DAYS[1],
                old=catalogue().visits[ASKED_AT].to_day,
            ),
            N_("records, as each line says"),
            cohort,
            today,
            facts.seal,
        ),
        rows=tuple(rows),
        excluded=tuple(
            item
            for item in (
                Excluded(
                    message("imported sessions, whose delay is not known"),
                    int((delays == UNKNOWN_DELAY).sum()),
                ),
            )
            if item.count
        ),
    )


def _of_clinic(
    db: DbSession,
    facts: Facts,
    clinic_id: int,
    label: Message,
    own: Flags,
    cohort: CohortFilter,
    today: dt.date,
) -> list[QualityRow]:
    settings = settings_on(db, clinic_id, today)
    needed = {
        Part.COMPLETENESS: float(settings[FIELDS_NEEDED] or 0) / 100,
        Part.CONSISTENCY: CONSISTENT_NEEDED,
        Part.ENTRY_DELAY: IN_TIME_NEEDED,
        Part.LINKAGE: float(settings[FOLLOW_UP_NEEDED] or 0) / 100,
    }
    known, delay = _delays(facts, own, today)
    in_time = Checked(
        Part.ENTRY_DELAY.value,
        "sessions",
        facts.sessions["patient"].to_numpy()[known],
        delay <= SOON_ENOUGH_DAYS,
    )
    found: dict[Part, tuple[Mapping[str, Message], list[Checked]]] = {
        Part.COMPLETENESS: (FIELDS, list(fields_of(facts, own))),
        Part.CONSISTENCY: (RULES, list(rules_of(db, facts, clinic_id, own))),
        Part.ENTRY_DELAY: ({}, [in_time]),
        Part.LINKAGE: (LINKS, list(_links(facts, clinic_id, own, cohort, today))),
    }
    rows = []
    for part, (labels, checks) in found.items():
        median = ninth = None
        if part is Part.ENTRY_DELAY and len(delay):
            median, ninth = (float(value) for value in np.quantile(delay, [0.5, 0.9]))
        unit = checks[0].unit if len(checks) == 1 else _UNITS[part]
        rows.append(
            QualityRow(
                str(clinic_id),
                label,
                part,
                part.value,
                PARTS[part],
                _share(checks, unit),
                needed[part],
                median,
                ninth,
            )
        )
        rows += [
            QualityRow(
                str(clinic_id), label, part, check.code, labels[check.code],
                _share([check], check.unit),
            )
            for check in checks
            if check.code in labels
        ]  # fmt: skip
    return rows


_UNITS: Final[Mapping[Part, str]] = {
    Part.COMPLETENESS: "fields",
    Part.CONSISTENCY: "records",
    Part.ENTRY_DELAY: "sessions",
    Part.LINKAGE: "records",
}


def _share(checks: Iterable[Checked], unit: str) -> Estimate:
    """What is as it should be, of all that was looked at, with limits by patient."""
    listed = list(checks)
    patients = np.concatenate([check.patients for check in listed])
    good = np.concatenate([check.is_good for check in listed])
    # A record without a known patient stands for itself.
    alone = patients < 0
    if alone.any():
        first = int(patients.max(initial=0)) + 1
        patients = patients.copy()
        patients[alone] = first + np.arange(int(alone.sum()))
    return clustered_proportion(*per_patient_counts(patients, good), unit=unit).estimate


def _delays(facts: Facts, own: Flags, today: dt.date) -> tuple[NDArray[np.int64], Any]:
    """Sessions old enough to be late whose delay is known, and their delays in days."""
    days, delay = facts.sessions["day"].to_numpy(), facts.sessions["delay"].to_numpy()
    known = own & (delay != UNKNOWN_DELAY) & (days <= day_number(today) - SOON_ENOUGH_DAYS)
    rows = np.flatnonzero(known)
    return rows, delay[rows]


def _links(
    facts: Facts, clinic_id: int, own: Flags, cohort: CohortFilter, today: dt.date
) -> Iterable[Checked]:
    sessions, events = facts.sessions, facts.events
    patients = sessions["patient"].to_numpy()
    old = catalogue().visits[ASKED_AT].to_day
    is_old = own & (sessions["day"].to_numpy() <= day_number(today) - old)
    followed = seen_between(facts, *VISIT_DAYS)
    yield Checked("followed", "sessions", patients[is_old], followed[is_old])
    attributed = events["session"].to_numpy() >= 0
    onset = events["onset"].to_numpy()
    inside = (events["clinic_id"].to_numpy() == clinic_id) & ~attributed
    if cohort.start is not None:
        inside &= onset >= day_number(cohort.start)
    if cohort.end is not None:
        inside &= onset <= day_number(cohort.end)
    inside[attributed] = own[events["session"].to_numpy()[attributed]]
    yield Checked("attributed", "events", events["patient"].to_numpy()[inside], attributed[inside])
    lots = sessions["has_lot"].to_numpy()
    injected = own & (lots >= 0)
    yield Checked("lot_named", "sessions", patients[injected], lots[injected] == 1)

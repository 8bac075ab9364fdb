"""How much of what figures rest on is known, and when too little is for a report to be used.

A report is marked as *incomplete* when fewer of its units were followed up than the clinic asks
for, or when fewer of the fields that figures rest on are filled in (:data:`FIELDS`). Both shares
are settings of the clinic. The mark is the first of the report's warnings, so that every face of it
bears it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.analysis import wording
from registry.analysis.dimensions import NOT_APPLICABLE, NOT_RECORDED
from registry.analysis.facts import Facts
from registry.analysis.results import RateRow, RecurrenceRow, Report
from registry.database import reading
from registry.entry.clinic_settings import settings_on
from registry.messages import N_, Message, listed, message
from registry.statistics import display_rules
from registry.vocabulary import Modality

FOLLOW_UP_NEEDED: Final = "follow_up_completeness_percent"
FIELDS_NEEDED: Final = "record_completeness_percent"
FIELDS: Final[Mapping[str, Message]] = {
    "intent": message("Intent"),
    "indication": message("Indication"),
    "skin_type": message("Skin type"),
    "vessel_class": message("Vessel class"),
    "concentration": message("Concentration"),
    "has_volume": message("Volume"),
    "has_lot": message("Lot"),
    "severity": message("Severity of events"),
    "is_judged": message("Causality of events"),
    "is_detected": message("Detection of events"),
}
"""What every session, and every event attributed to one, should say: what figures are counted,
grouped or adjusted by. Our decision, version 1."""

_OF_INJECTIONS: Final = ("has_volume", "has_lot")
_OF_EVENTS: Final = ("severity", "is_judged", "is_detected")
_INCOMPLETE: Final = N_("Incomplete. {reasons}")

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """One thing that was looked at in every record of a kind: whose record, and whether it is good.

    ``unit`` says what the records are.
    """

    code: str
    unit: str
    patients: NDArray[np.int64]
    is_good: Flags


@dataclass(frozen=True, slots=True)
class Looks:
    """Units that were followed up, of those old enough for it."""

    assessed: int
    mature: int
    unit: Message


def fields_of(facts: Facts, chosen: Flags) -> Iterator[Checked]:
    """Each field in the chosen sessions and in the events attributed to them: filled in or not."""
    sessions = facts.sessions
    patients = sessions["patient"].to_numpy()
    modality = list(facts.levels["modality"])
    injects = chosen.copy()
    if Modality.SCLEROTHERAPY in modality:
        injects &= sessions["modality"].to_numpy() == modality.index(Modality.SCLEROTHERAPY)
    events = facts.events[facts.events["session"] >= 0]
    events = events[chosen[events["session"].to_numpy()]]
    for code in FIELDS:
        if code in _OF_EVENTS:
            values = events[code].to_numpy()
            is_filled = values >= 0 if code == "severity" else values
            yield Checked(code, "events", events["patient"].to_numpy(), is_filled.astype(np.bool_))
        elif code in _OF_INJECTIONS:
            yield Checked(
                code, "sessions", patients[injects], sessions[code].to_numpy()[injects] == 1
            )
        else:
            levels, codes = list(facts.levels[code]), sessions[code].to_numpy()
            asked = chosen
            if NOT_APPLICABLE in levels:
                asked = chosen & (codes != levels.index(NOT_APPLICABLE))
            blank = levels.index(NOT_RECORDED) if NOT_RECORDED in levels else -1
            yield Checked(code, "sessions", patients[asked], codes[asked] != blank)


def report_is_incomplete(
    engine: Engine,
    facts: Facts,
    chosen: Flags,
    clinics: Collection[int],
    looks: Sequence[Looks],
    *,
    today: dt.date,
) -> tuple[Message, ...]:
    """The mark of a report on the ``chosen`` sessions; nothing when enough is known.

    ``looks`` are the follow-ups that its figures rest on. Of several clinics the one that asks for
    most decides. What has no unit old enough yet, and no field to be filled in, is not incomplete.
    """
    needed = share_needed(engine, clinics, today)
    reasons = [
        message(
            "Of {mature} {unit} old enough {assessed} were assessed; this registry asks for "
            "{needed}, as those who did not come may have done better or worse.",
            assessed=wording.count(look.assessed),
            mature=wording.count(look.mature),
            unit=look.unit,
            needed=_percent(needed[FOLLOW_UP_NEEDED]),
        )
        for look in looks
        if 100 * look.assessed < needed[FOLLOW_UP_NEEDED] * look.mature
    ]
    return mark([*reasons, *why_fields_lack(facts, chosen, needed)])


def why_fields_lack(
    facts: Facts, chosen: Flags, needed: Mapping[str, float]
) -> tuple[Message, ...]:
    """The reason for a mark where fewer fields are filled in than are ``needed``."""
    fields = list(fields_of(facts, chosen))
    asked = sum(len(field.is_good) for field in fields)
    filled = sum(int(field.is_good.sum()) for field in fields)
    if 100 * filled >= needed[FIELDS_NEEDED] * asked:
        return ()
    return (
        message(
            "Filled in: {share} of the fields that figures rest on; this registry asks for "
            "{needed}.",
            share=_percent(100 * filled / asked),
            needed=_percent(needed[FIELDS_NEEDED]),
        ),
    )


def share_needed(engine: Engine, clinics: Collection[int], today: dt.date) -> Mapping[str, float]:
    """What the clinics ask of a report in per cent, by setting; the one that asks for most."""
    with reading(engine) as db:
        settings = [settings_on(db, clinic_id, today) for clinic_id in clinics]
    return {
        code: max((float(found[code] or 0) for found in settings), default=0.0)
        for code in (FOLLOW_UP_NEEDED, FIELDS_NEEDED)
    }


def mark(reasons: Sequence[Message]) -> tuple[Message, ...]:
    """The mark of a report that is incomplete for these reasons; nothing without any."""
    return (message(_INCOMPLETE, reasons=listed(reasons, " ")),) if reasons else ()


def is_mark(warning: Message) -> bool:
    """Whether a warning is the mark that its report is incomplete."""
    return warning.text == _INCOMPLETE


def why_incomplete(report: Report) -> Message | None:
    """Why a report is marked as incomplete; None where it bears no mark."""
    for warning in report.warnings:
        reasons = warning.parts.get("reasons")
        if is_mark(warning) and isinstance(reasons, Message):
            return reasons
    return None


def completeness_warning(rows: Sequence[RateRow] | Sequence[RecurrenceRow]) -> Message | None:
    """What to say before groups are compared that were not followed up alike; None if they were.

    Groups too small for a percentage say nothing about it.
    """
    known = []
    for row in rows:
        looks = looks_of(row)
        if display_rules.shows_percentage(looks.mature):
            known.append((looks.assessed / looks.mature, row.label))
    if not known:
        return None
    (low, less), (high, more) = (choose(known, key=lambda pair: pair[0]) for choose in (min, max))
    if not display_rules.completeness_differs(low, high):
        return None
    return message(
        "Follow-up differs: of {more} {high} % were assessed, of {less} {low} %. Whoever is asked "
        "more often reports more, so part of a difference may be that.",
        more=more,
        less=less,
        high=round(100 * high),
        low=round(100 * low),
    )


def looks_of(row: RateRow | RecurrenceRow) -> Looks:
    """The follow-ups that a row rests on; of treated sites those at 12 months."""
    if isinstance(row, RecurrenceRow):
        unit = message("treated sites")
        return Looks(row.assessed_at_12_months, row.mature_at_12_months, unit)
    return Looks(row.assessed, row.mature, message(row.unit))


def _percent(value: float) -> str:
    return wording.whole_percent(value / 100)

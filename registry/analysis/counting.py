"""What is counted as a complication, and which sessions are mature, assessed and had it.

A session enters when it is *mature*: old enough for the event's counting window and for the visit
that asks about it. It is *assessed* when the event happened or was looked for at or after the
window's end.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.analysis.columns import day_number
from registry.analysis.event_facts import CHECKLISTS, EVENT_TERMS
from registry.analysis.facts import Facts
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import Message, listed, message

Flags = NDArray[np.bool_]
Days = NDArray[np.int64]

ANY: Final = "any_complication_30d"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What is counted: one event term, or the composite of several with one window for asking.

    ``asked`` are the terms that must have been looked for; they are ``terms`` unless only serious
    events count, which have ``window_days`` as their window whatever their term. ``screened`` keeps
    the sessions with events found by nothing but a planned duplex scan (True), or those with an
    event that came to light otherwise (False).
    """

    code: str
    label: Message
    terms: tuple[str, ...]
    window_days: int
    mature_after_days: int
    asked: tuple[str, ...]
    only_serious: bool = False
    screened: bool | None = None


@cache
def outcome_of(code: str) -> Outcome:
    """The outcome of a catalogue code; raises :class:`NotFound` for an unknown one."""
    rows = catalogue()
    if code in rows.composites:
        composite = rows.composites[code]
        members = [term for term in rows.event_terms.values() if composite.holds(term)]
        asked = [term for term in members if term.in_composite or not composite.only_serious]
        return Outcome(
            code,
            message(composite.label),
            tuple(term.code for term in members),
            composite.window_days,
            max(rows.visits[term.assessed_at_visit].to_day for term in asked),
            tuple(term.code for term in asked),
            composite.only_serious,
        )
    if code in rows.event_terms:
        term = rows.event_terms[code]
        return Outcome(
            code,
            message(term.label),
            (code,),
            term.counting_window_days,
            rows.visits[term.assessed_at_visit].to_day,
            (code,),
        )
    raise NotFound(
        message(
            "There is no event called “{asked}”. `sclero catalogue list event_terms` lists them; "
            "“{any}” counts any complication.",
            asked=code[:40],
            any=ANY,
        )
    )


def left_out(outcome: Outcome) -> Message:
    """What "any complication" leaves out, and what is counted apart in a longer window."""
    others = [row for row in catalogue().event_terms.values() if row.code not in outcome.terms]
    never = [row for row in others if row.counting_window_days <= outcome.window_days]
    apart = [row for row in others if row.counting_window_days > outcome.window_days]
    return message(
        "Left out: {never}. Counted only by themselves, in windows of their own: {apart}.",
        never=listed([message(row.label) for row in never], "; "),
        apart=listed([message(row.label) for row in apart], "; "),
    )


def defined(definition: Message, outcome: Outcome) -> Message:
    """The definition of a report on an outcome, with what any complication leaves out."""
    if outcome.code != ANY:
        return definition
    return message("{definition} {left_out}", definition=definition, left_out=left_out(outcome))


def is_mature(facts: Facts, outcome: Outcome, today: dt.date) -> Flags:
    """Whether each session is old enough for the outcome and the visit that asks about it."""
    days = facts.sessions["day"].to_numpy()
    return np.asarray(days + outcome.mature_after_days <= day_number(today))


def counted_events(facts: Facts, outcome: Outcome) -> pd.DataFrame:
    """The events that count, as rows of ``facts.events``; looked up once for each state of them."""
    return facts.once(("counted", outcome.code), lambda: _counted_events(facts.events, outcome))


def _counted_events(events: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    counted = events[
        events["related"]
        & (events["session"] >= 0)
        & (events["offset"] >= 0)
        & (events["offset"] <= windows_of(events, outcome))
    ]
    return counted[counted["serious"]] if outcome.only_serious else counted


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Of each session: a counted event, the day of the first, only by screening, how long observed.

    ``first`` has a value only where ``had``. ``observed`` are the days to the last visit that asked
    about the outcome, negative for none, and the window where the outcome is known to be absent
    because the only events were found in the way that does not count.
    """

    had: Flags
    first: Days
    screened: Flags
    observed: Days
    known: Flags


def history_of(facts: Facts, outcome: Outcome) -> History:
    """What happened after each session, worked out once for each state of the data."""
    return facts.once(("history", outcome.code, outcome.screened), lambda: _history(facts, outcome))


def _history(facts: Facts, outcome: Outcome) -> History:
    size = len(facts.sessions)
    counted = counted_events(facts, outcome)
    rows, screened = counted["session"].to_numpy(), counted["screened"].to_numpy(np.bool_)
    any_, otherwise = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    any_[rows] = True
    otherwise[rows[~screened]] = True
    only_screened = any_ & ~otherwise
    had = {None: any_, True: only_screened, False: otherwise}[outcome.screened]
    wanted = screened if outcome.screened else ~screened
    kept = np.full(len(counted), True) if outcome.screened is None else wanted
    first = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(first, rows[kept], counted["offset"].to_numpy()[kept])
    last = facts.once(("asked", outcome.code), lambda: last_asked(facts, outcome))
    observed = last[facts.sessions["patient"].to_numpy()] - facts.sessions["day"].to_numpy()
    observed = np.where(any_ & ~had, outcome.window_days, observed)
    return History(had, first, only_screened, observed, had | (observed >= outcome.window_days))


def windows_of(events: pd.DataFrame, outcome: Outcome) -> NDArray[np.int64]:
    """Counting window of each event's own term; -1 for a term that is no part of the outcome."""
    terms = catalogue().event_terms
    days = [
        -1
        if code not in outcome.terms
        else outcome.window_days
        if outcome.only_serious
        else terms[code].counting_window_days
        for code in EVENT_TERMS
    ]
    return np.take(np.array(days, dtype=np.int64), events["term"].to_numpy())


def last_asked(facts: Facts, outcome: Outcome) -> Days:
    """Last day on which each patient was asked about every term of the outcome; -1 for never."""
    last = np.full(facts.patients, -1, dtype=np.int64)
    checklists = catalogue().checklist_versions
    covers = [set(outcome.asked) <= set(checklists[key].term_codes) for key in CHECKLISTS]
    # The last place answers for visits without a checklist, whose code is -1.
    asked = np.array([*covers, False])[facts.visits["checklist"].to_numpy()]
    gaps = facts.not_assessed
    members = [EVENT_TERMS.index(code) for code in outcome.asked]
    asked[gaps.loc[gaps["term"].isin(members), "visit"].to_numpy()] = False
    patients = facts.visits["patient"].to_numpy()
    asked &= patients >= 0
    np.maximum.at(last, patients[asked], facts.visits["day"].to_numpy()[asked])
    return last


def sessions_counted(
    facts: Facts, outcome: Outcome, chosen: Flags, today: dt.date
) -> dict[str, Flags]:
    """The sessions behind each count of a row: every count is the size of one of these sets."""
    history = history_of(facts, outcome)
    mature = chosen & is_mature(facts, outcome, today)
    return {
        "events": mature & history.had,
        "mature": mature,
        "assessed": mature & history.known,
        "not_assessed": mature & ~history.known,
        "screened": mature & history.had & history.screened,
        "too_recent": chosen & ~mature,
        "sessions": chosen,
    }

"""The sets behind the figures: which records each count is made of, and what was found in each.

Every set comes from the function that its report counts with.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import (
    complications,
    costs_counted,
    costs_wording,
    counting,
    event_course,
    follow_up,
    recurrence,
    reported_outcomes,
    response,
    response_counts,
    severity,
    treated_sites,
)
from registry.analysis.care_facts import SATISFACTION
from registry.analysis.clocks import CLOCKS, EVENT
from registry.analysis.cohort import CohortFilter
from registry.analysis.counting import Outcome
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.event_facts import EVENT_LEVELS, EVENT_TERMS
from registry.analysis.facts import Facts
from registry.analysis.indicators import OF_SITES, Measuring, current_period
from registry.analysis.openable_counts import Behind
from registry.analysis.rate_rows import Unit, units_counted
from registry.analysis.report_counts import BEGAN, TOTAL
from registry.analysis.reported_outcomes import ANSWERS
from registry.analysis.session_facts import currency_of
from registry.analysis.treated_sites import SiteHistories
from registry.catalogue import IndicatorMeasure, catalogue
from registry.language import as_typed
from registry.messages import N_, Message, listed, message

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Counted = tuple[Rows, dict[int, Message]]

_NOBODY: Final[Counted] = (np.empty(0, dtype=np.int64), {})


def counted(
    engine: Engine, by: Actor, facts: Facts, asked: Behind, clinics: frozenset[int]
) -> Counted:
    """The session of each line, and by the line's place what was found there."""
    scope(by, Permission.READ_RATES)
    if asked.report == "overview":
        return _of_indicator(
            Measuring(engine, by, facts, _any_day(asked), clinics, asked.today), asked
        )
    chosen = asked.cohort.mask(facts, clinics)
    if asked.report == "event_course":
        return _events(_event_course(facts, asked, chosen))
    if asked.report == "severity":
        found = severity.events_of(facts, counting.outcome_of(asked.event), chosen)[asked.measure]
        return _events(_of_kind(found, asked.group))
    if asked.report == "reported_outcomes":
        return _answers(facts, asked, chosen)
    if asked.report == "follow_up":
        visit = catalogue().visits[asked.group]
        sessions = follow_up.sessions_counted(facts, chosen, visit, asked.today)
        return np.flatnonzero(sessions[asked.measure]), {}
    if asked.report == "costs":
        return _paid(facts, asked, chosen, clinics)
    if asked.report == "response":
        return _responding(facts, asked, chosen)
    if asked.report == "recurrence":
        histories = treated_sites.histories_of(facts)
        kept = _sites_in_group(facts, asked, treated_sites.sites_of(histories, chosen))
        return _sites(facts, kept, asked.measure, asked.today)
    if asked.report == "clocks":
        return _on_clock(facts, asked, chosen)
    outcome = counting.outcome_of(asked.event)
    if asked.group_by == complications.BY_EVENT:
        if asked.group != TOTAL:
            outcome = counting.outcome_of(asked.group)
    else:
        chosen = _in_group(facts, asked, chosen)
    rows = _units(facts, outcome, asked, chosen)
    return rows, _happened(facts, outcome, rows)


def _happened(facts: Facts, outcome: Outcome, rows: Rows) -> dict[int, Message]:
    """What happened in each session, by the place of its line; nothing where nothing did."""
    events: defaultdict[int, list[Message]] = defaultdict(list)
    happened = counting.counted_events(facts, outcome).sort_values("offset")
    for session, term, day in zip(
        happened["session"].tolist(),
        happened["term"].tolist(),
        happened["offset"].tolist(),
        strict=True,
    ):
        events[session].append(message("{event}, day {day}", event=_label(term), day=day))
    return {i: listed(events[row]) for i, row in enumerate(rows.tolist()) if row in events}


def _paid(facts: Facts, asked: Behind, chosen: Flags, clinics: frozenset[int]) -> Counted:
    """A session for each session, course or patient, and what was paid for it."""
    behind = costs_counted.sessions_behind(
        facts,
        chosen,
        clinics,
        asked.measure,
        row=asked.group,
        group_by=asked.group_by,
        today=asked.today,
    )
    paid = zip(behind["cost"].tolist(), behind["currency"].tolist(), strict=True)
    return behind["row"].to_numpy(np.int64), {
        i: message("{amount}", amount=costs_wording.money(cost / 100, currency_of(currency)))
        for i, (cost, currency) in enumerate(paid)
        if currency >= 0
    }


def _label(term: int) -> Message:
    return message(catalogue().event_terms[EVENT_TERMS[term]].label)


def _events(events: pd.DataFrame) -> Counted:
    """A line for each event: its kind, its day, its severity, and when it had ended."""
    severities = (*EVENT_LEVELS["severity"], None)
    found = {}
    for i, (term, day, place, serious, ended) in enumerate(
        zip(
            events["term"].tolist(),
            events["offset"].tolist(),
            events["severity"].tolist(),
            events["serious"].tolist(),
            events["resolved"].tolist(),
            strict=True,
        )
    ):
        told = [message("{event}, day {day}", event=_label(term), day=day)]
        if severities[place] is not None:
            told.append(message(str(severities[place])))
        if serious:
            told.append(message("serious"))
        if ended >= 0:
            told.append(message("days until it ended: {days}", days=ended))
        found[i] = listed(told)
    return events["session"].to_numpy(np.int64), found


def _of_kind(events: pd.DataFrame, group: str) -> pd.DataFrame:
    if group == TOTAL:
        return events
    code = EVENT_TERMS.index(group) if group in EVENT_TERMS else -1
    found: pd.DataFrame = events[events["term"].to_numpy() == code]
    return found


def _event_course(facts: Facts, asked: Behind, chosen: Flags) -> pd.DataFrame:
    """The events behind a count of when they begin or how long they last."""
    outcome, group = counting.outcome_of(asked.event), asked.group
    is_bar = group in event_course.bars_of(outcome)
    if asked.measure == BEGAN or is_bar or group == TOTAL:
        begun = event_course.events_begun(facts, outcome, chosen, asked.today)
        return begun.get(group if is_bar else asked.measure, facts.events[:0])
    if group not in EVENT_TERMS:
        return facts.events[:0]
    if asked.measure in {"in_window", "later"}:
        return event_course.events_begun(facts, outcome, chosen, asked.today, group)[asked.measure]
    return event_course.events_followed(facts, chosen, group)[asked.measure]


def _answers(facts: Facts, asked: Behind, chosen: Flags) -> Counted:
    """The patients or legs behind a count of what patients say."""
    if asked.group == SATISFACTION:
        kept = reported_outcomes.patients_answering(facts, chosen).get(asked.measure)
        if kept is None:
            return _NOBODY
        return kept["session"].to_numpy(np.int64), {
            i: message("answered {score} of {best}", score=as_typed(f"{score:g}"), best=ANSWERS[-1])
            for i, score in enumerate(kept["score"].tolist())
            if not np.isnan(score)
        }
    scored = reported_outcomes.units_scored(facts, chosen, asked.group, asked.today)
    kept = scored.get(asked.measure)
    if kept is None:
        return _NOBODY
    return kept["session"].to_numpy(np.int64), {
        i: message(
            "before {before}, after {after}",
            **{
                name: message("not asked") if np.isnan(score) else as_typed(f"{score:g}")
                for name, score in (("before", before), ("after", after))
            },
        )
        for i, (before, after) in enumerate(
            zip(kept["before"].tolist(), kept["after"].tolist(), strict=True)
        )
    }


def _any_day(asked: Behind) -> CohortFilter:
    return replace(asked.cohort, start=None, end=None)


def _of_indicator(measuring: Measuring, asked: Behind) -> Counted:
    """The records behind a line of the overview, in the sessions that the line names."""
    indicator = catalogue().indicators[asked.group]
    cohort = current_period(indicator, asked.cohort, asked.today)
    facts, chosen = measuring.facts, measuring.sessions(cohort)
    place = ("cases", "of").index(asked.measure)
    if indicator.measure in OF_SITES:
        kept = treated_sites.sites_of(treated_sites.histories_of(facts), chosen)
        return _sites(facts, kept, OF_SITES[indicator.measure][place], asked.today)
    if indicator.measure is IndicatorMeasure.SATISFACTION:
        measure = ("satisfied", "answered")[place]
        return _answers(facts, replace(asked, group=SATISFACTION, measure=measure), chosen)
    rows = np.flatnonzero(measuring.sessions_behind(indicator, cohort)[asked.measure])
    if indicator.outcome is not None:
        return rows, _happened(facts, counting.outcome_of(indicator.outcome), rows)
    if indicator.measure is not IndicatorMeasure.ENTRY_DELAY:
        return rows, {}
    delays = facts.sessions["delay"].to_numpy()[rows].tolist()
    return rows, {
        i: message("days until it was recorded: {days}", days=d) for i, d in enumerate(delays)
    }


def _sites(facts: Facts, kept: Flags, measure: str, today: dt.date) -> Counted:
    """The treated sites behind a count of the page of recurrence."""
    histories = treated_sites.histories_of(facts)
    counted = recurrence.sites_counted(histories, kept, today)
    return _site_lines(facts, np.flatnonzero(counted[measure]))


def _responding(facts: Facts, asked: Behind, chosen: Flags) -> Counted:
    """The sites or courses behind a count of how well veins respond."""
    kind, _, what = asked.group.partition(":")
    if asked.measure not in response_counts.measures_of(asked.group):
        return _NOBODY
    if kind == response_counts.COURSES:
        courses = response.courses_behind(facts, chosen, asked.today)[asked.measure]
        if what:
            courses = courses[courses["sessions"] == int(what)]
        return courses["row"].to_numpy(np.int64), {
            i: message("sessions of the course: {number}", number=number)
            for i, number in enumerate(courses["sessions"].tolist())
        }
    kept = treated_sites.sites_of(treated_sites.histories_of(facts), chosen)
    if kind == response_counts.SITES:
        return _sites(facts, kept, asked.measure, asked.today)
    return _site_lines(
        facts, response.sites_behind(facts, kept, asked.today, kind, what)[asked.measure]
    )


def _site_lines(facts: Facts, sites: Rows) -> Counted:
    """A line for each site: where it is, and what became of it."""
    histories = treated_sites.histories_of(facts)
    names = _site_names(facts)
    return histories.session[sites], {
        i: message("{site}: {course}", site=names[site], course=_course(histories, site))
        for i, site in enumerate(sites.tolist())
    }


def _on_clock(facts: Facts, asked: Behind, chosen: Flags) -> Counted:
    """The site behind each entry of a clock, or behind each of its events."""
    histories = treated_sites.histories_of(facts)
    name, _, what = asked.measure.rpartition("_")
    clock = CLOCKS[name]
    kept = treated_sites.sites_of(histories, chosen)
    times = clock.times(facts, kept)
    times = times.of(_sites_in_group(facts, asked, kept)[times.site])
    if what == "events":
        times = times.of(times.ending == EVENT)
    endings = (message("observed"), clock.event, *clock.competing)
    names = _site_names(facts)
    return histories.session[times.site], {
        i: message(
            "{site}: {ending}; days after the start of the clock: {days}",
            site=names[site],
            ending=endings[ending],
            days=days,
        )
        for i, (site, ending, days) in enumerate(
            zip(times.site.tolist(), times.ending.tolist(), times.duration.tolist(), strict=True)
        )
    }


def _units(facts: Facts, outcome: Outcome, asked: Behind, chosen: Flags) -> Rows:
    """A session of each unit behind a count of complications."""
    sessions = counting.sessions_counted(facts, outcome, chosen, asked.today)
    if asked.unit == Unit.SESSIONS or asked.measure in {"sessions", "too_recent"}:
        return np.flatnonzero(sessions[asked.measure])
    units = units_counted(facts, outcome, sessions["mature"], Unit(asked.unit))
    kept = {
        "events": units.had,
        "mature": np.ones_like(units.had),
        "assessed": units.known,
        "not_assessed": ~units.known,
        "screened": units.screened,
    }[asked.measure]
    return np.asarray(units.session[kept])


def _in_group(facts: Facts, asked: Behind, chosen: Flags) -> Flags:
    """The sessions of the group; none for a level that does not occur."""
    if asked.group == TOTAL or asked.group_by not in DIMENSIONS:
        return chosen
    levels = facts.levels[asked.group_by]
    code = levels.index(asked.group) if asked.group in levels else -1
    return np.asarray(chosen & (facts.sessions[asked.group_by].to_numpy() == code))


def _sites_in_group(facts: Facts, asked: Behind, kept: Flags) -> Flags:
    """The sites of the group, by their own level where they have one."""
    if asked.group == TOTAL or asked.group_by not in DIMENSIONS:
        return kept
    codes, levels = treated_sites.levels_of_sites(facts, asked.group_by)
    code = levels.index(asked.group) if asked.group in levels else -1
    return np.asarray(kept & (codes == code))


def _site_names(facts: Facts) -> list[Message]:
    """What each treated site is called, by its code."""

    def make() -> list[Message]:
        first = facts.sites.drop_duplicates("site")
        anatomy = catalogue().anatomy
        return [
            message(
                "{anatomy}, {side}",
                anatomy=message(anatomy[facts.levels["anatomy_code"][place]].label),
                side=message(facts.levels["side"][side]),
            )
            for side, place in zip(
                first["side"].tolist(), first["anatomy_code"].tolist(), strict=True
            )
        ]

    return facts.once("site names", make)


def _course(histories: SiteHistories, site: int) -> Message:
    """What became of a site after its last planned session."""
    if not histories.looked_at[site]:
        return message("not looked at since")
    if histories.success_day[site] < 0:
        return message("not cleared or occluded so far")
    text = {
        0: N_("success; days without a recurrence seen: {days}"),
        treated_sites.RECURRENCE: N_("recurred; days after success: {days}"),
        treated_sites.RETREATMENT: N_("retreated; days after success: {days}"),
        treated_sites.DEATH: N_("died; days after success: {days}"),
    }[int(histories.ending[site])]
    return Message(text, {"days": int(histories.duration[site])})

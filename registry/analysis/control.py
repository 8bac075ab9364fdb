"""Is an outcome changing? A control chart chosen for the data, what changed, CUSUM and VLAD.

Only sessions old enough to be judged enter. A chart tells chance variation from more than that; it
says nothing about causes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import periods, wording
from registry.analysis.chart_points import (
    Drawing,
    MatureSessions,
    Point,
    Span,
    draw,
)
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.comparison import crude_difference
from registry.analysis.completeness import completeness_warning, looks_of, report_is_incomplete
from registry.analysis.counting import (
    ANY,
    Days,
    Flags,
    Outcome,
    counted_events,
    defined,
    history_of,
    is_mature,
    outcome_of,
)
from registry.analysis.facts import Facts, facts_of
from registry.analysis.periods import Change
from registry.analysis.rate_rows import row_maker
from registry.analysis.results import (
    Excluded,
    Heading,
    RateRow,
    estimate_dict,
    heading_dict,
    rate_dict,
)
from registry.analysis.sequential import Sequential, sequential
from registry.catalogue import catalogue
from registry.errors import NotFound
from registry.messages import Message, listed, message
from registry.statistics import display_rules
from registry.statistics.control_charts import Phase
from registry.statistics.cusum import IN_CONTROL_YEARS
from registry.statistics.false_signals import false_signals_per_point
from registry.statistics.result import Estimate

SESSIONS: Final = "sessions"
EVENTS: Final = "events"
UNITS: Final = (SESSIONS, EVENTS)
DEFAULT_GROUPING: Final = str(Span.MONTH)
GROUPINGS: Final = tuple(str(span) for span in Span)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change in a clinic, and the rate there before and after it.

    Before and after reach to the next changes of that clinic that begin limits. ``difference`` is
    after minus before; None with too little to compare. ``begins_limits`` says whether limits begin
    there on this chart.
    """

    change: Change
    before: RateRow
    after: RateRow
    difference: Estimate | None
    begins_limits: bool


@dataclass(frozen=True, slots=True)
class ControlReport:
    """One outcome in the order of time.

    ``total`` is the rate of all sessions that are old enough. ``false_signals`` is the number of
    signals of this chart and its CUSUM to be expected in a year if nothing changed;
    ``watched_signals`` the same for all ``watched`` outcomes with enough data for a chart here.
    ``sequential`` says why in words where there is no CUSUM.
    """

    heading: Heading
    event: str
    event_label: Message
    by: str
    total: RateRow
    drawing: Drawing
    changes: tuple[ChangeRow, ...]
    sequential: Sequential | Message
    false_signals: float
    watched: int
    watched_signals: float
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    @property
    def unit(self) -> str:
        """Whether sessions with an event or events are counted."""
        return self.heading.unit

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        drawing, chart = self.drawing, self.drawing.chart
        return {
            **heading_dict(self.heading),
            "event": self.event,
            "by": self.by,
            "total": rate_dict(self.total),
            "chart": None if chart is None else "run" if drawing.is_run else chart.kind.value,
            "why": str(drawing.why),
            "rows": self.to_rows(),
            "phases": [
                _phase_dict(phase, begin)
                for phase, begin in zip(
                    chart.phases if chart is not None else (), drawing.begins, strict=True
                )
            ],
            "open_run": chart.open_run.length if chart is not None and chart.open_run else None,
            "changes": [
                {
                    "clinic_id": row.change.clinic_id,
                    "changed_on": row.change.changed_on.isoformat(),
                    "what": row.change.what,
                    "begins_limits": row.begins_limits,
                    "before": rate_dict(row.before),
                    "after": rate_dict(row.after),
                    "difference": None if row.difference is None else estimate_dict(row.difference),
                }
                for row in self.changes
            ],
            "cusum": _sequential_dict(self.sequential),
            "false_signals_per_year": self.false_signals,
            "watched_charts": self.watched,
            "watched_false_signals_per_year": self.watched_signals,
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a point."""
        return [_point_dict(i, point) for i, point in enumerate(self.drawing.points, 1)]


def control(
    engine: Engine,
    by: Actor,
    cohort: CohortFilter,
    *,
    today: dt.date,
    event: str = ANY,
    group_by: str = DEFAULT_GROUPING,
    unit: str = SESSIONS,
) -> ControlReport:
    """Draw an outcome by month, by quarter, or as sessions or days between events.

    ``unit`` counts sessions with an event or events. Raises :class:`NotFound` for an unknown
    outcome, grouping or unit.
    """
    clinics = scope(by, Permission.READ_RATES)
    outcome = outcome_of(event)
    if group_by not in GROUPINGS:
        raise NotFound(
            message(
                "Charts are by {known}; not by “{asked}”.",
                known=", ".join(GROUPINGS),
                asked=group_by[:40],
            )
        )
    if unit not in UNITS:
        raise NotFound(
            message("Charts count {known}; not “{asked}”.", known=", ".join(UNITS), asked=unit[:40])
        )
    facts, span = facts_of(engine), Span(group_by)
    chosen, within = cohort.mask(facts, clinics), cohort.within(clinics)
    mature = chosen & is_mature(facts, outcome, today)
    known = [change for change in periods.changes(engine, by) if change.clinic_id in within]
    is_of_one = len(within) == 1
    new_limits = [day_number(c.changed_on) for c in known if c.begins_limits and is_of_one]
    given = mature_sessions(facts, outcome, mature)
    drawing = draw(
        given,
        span,
        new_limits,
        settled_until=settled_until(outcome, cohort, today),
        several=unit == EVENTS,
    )
    watch = sequential(given, facts.sessions["patient"].to_numpy()[mature], new_limits)
    measure = row_maker(facts, today)
    total = measure(outcome, chosen, "total", message("All sessions"))
    changes = _change_rows(facts, outcome, chosen, known, drawing, today)
    own = _false_signals(drawing)
    arms = watch.false_signals_per_year if isinstance(watch, Sequential) else 0.0
    watched = [
        rate
        for code in _outcomes()
        if (rate := _watched(facts, cohort, chosen, outcome_of(code), span, new_limits, today))
    ]
    incomplete = report_is_incomplete(engine, facts, chosen, within, [looks_of(total)], today=today)
    return ControlReport(
        heading=Heading(
            "control",
            message("Control chart: {event}", event=outcome.label),
            defined(_definition(outcome, drawing), outcome),
            unit,
            cohort,
            today,
            facts.seal,
        ),
        event=outcome.code,
        event_label=outcome.label,
        by=group_by,
        total=total,
        drawing=drawing,
        changes=changes,
        sequential=watch,
        false_signals=(own or 0.0) + arms,
        watched=len(watched),
        watched_signals=sum(watched),
        excluded=tuple(
            item
            for item in (
                Excluded(message("sessions not yet old enough to be assessed"), total.too_recent),
                Excluded(
                    message(
                        "sessions old enough, in a month or block that is not: in no point yet, "
                        "but in the CUSUM"
                    ),
                    total.mature - drawing.drawn_sessions,
                ),
            )
            if item.count
        ),
        warnings=(
            *incomplete,
            *_cautions(total, drawing, changes, is_of_one=is_of_one, is_marked=bool(incomplete)),
        ),
    )


def _outcomes() -> tuple[str, ...]:
    rows = catalogue()
    return (*rows.composites, *rows.event_terms)


def mature_sessions(facts: Facts, outcome: Outcome, mature: Flags) -> MatureSessions:
    """The ``mature`` sessions as a chart of the outcome takes them."""

    def count() -> Days:
        rows = counted_events(facts, outcome)["session"].to_numpy()
        return np.bincount(rows, minlength=len(mature))

    history = history_of(facts, outcome)
    events = facts.once(("events of sessions", outcome.code), count)
    kept = np.flatnonzero(mature)
    return MatureSessions(
        facts.sessions["day"].to_numpy()[kept],
        history.had[kept],
        history.known[kept],
        events[kept],
    )


def settled_until(outcome: Outcome, cohort: CohortFilter, today: dt.date) -> dt.date:
    """Last treatment day that is old enough; all days once the last of the cohort is."""
    until = today - dt.timedelta(days=outcome.mature_after_days)
    return dt.date.max if cohort.end is not None and cohort.end <= until else until


def _false_signals(drawing: Drawing) -> float | None:
    """Signals of a chart in a year if nothing changed; None for a chart without limits."""
    if drawing.chart is None or drawing.is_run:
        return None
    each = false_signals_per_point(drawing.chart)
    return None if each is None else each * drawing.points_per_year


def _watched(
    facts: Facts,
    cohort: CohortFilter,
    chosen: Flags,
    outcome: Outcome,
    by: Span,
    changes: Sequence[int],
    today: dt.date,
) -> float | None:
    """False signals in a year of an outcome's chart and CUSUM; None without enough for limits."""
    had = history_of(facts, outcome).had
    mature = chosen & is_mature(facts, outcome, today)
    if int((had & mature).sum()) < display_rules.MINIMUM_GAPS_FOR_LIMITS:
        return None
    given, until = mature_sessions(facts, outcome, mature), settled_until(outcome, cohort, today)
    rate = _false_signals(draw(given, by, changes, settled_until=until, several=False))
    return None if rate is None else rate + 2.0 / IN_CONTROL_YEARS


def _change_rows(
    facts: Facts,
    outcome: Outcome,
    chosen: Flags,
    known: Sequence[Change],
    drawing: Drawing,
    today: dt.date,
) -> tuple[ChangeRow, ...]:
    """Each change that lies between sessions of its clinic, the earliest first."""
    measure = row_maker(facts, today)
    mature = is_mature(facts, outcome, today)
    days = facts.sessions["day"].to_numpy()
    clinics = facts.sessions["clinic_id"].to_numpy()
    rows = []
    for change in reversed(known):
        here = chosen & (clinics == change.clinic_id)
        day = day_number(change.changed_on)
        others = {
            day_number(other.changed_on)
            for other in known
            if other.clinic_id == change.clinic_id and other.begins_limits
        }
        since = max((other for other in others if other < day), default=None)
        until = min((other for other in others if other > day), default=None)
        before = here & (days < day) & (since is None or days >= since)
        after = here & (days >= day) & (until is None or days < until)
        if not (before.any() and after.any()):
            continue
        on = wording.day(change.changed_on)
        pair = (
            measure(outcome, after, "after", message("sessions from {day} on", day=on)),
            measure(outcome, before, "before", message("sessions before {day}", day=on)),
        )
        rows.append(
            ChangeRow(
                change,
                pair[1],
                pair[0],
                crude_difference(facts, outcome, after & mature, before & mature, pair),
                change.changed_on in drawing.begins[1:],
            )
        )
    return tuple(rows)


def _definition(outcome: Outcome, drawing: Drawing) -> Message:
    charted = message(
        "Sessions followed by “{event}” within its window of at most {window} days, of all "
        "sessions of a month or quarter, once each of them is at least {age} days old; fewer than "
        "twenty sessions are joined with the next.",
        event=outcome.label,
        window=outcome.window_days,
        age=outcome.mature_after_days,
    )
    if drawing.counts_gaps:
        charted = message(
            "From one session followed by “{event}” within its window of at most {window} days to "
            "the next, in the order of treatment, among sessions at least {age} days old.",
            event=outcome.label,
            window=outcome.window_days,
            age=outcome.mature_after_days,
        )
    judged = message(
        "Limits come from the first twenty points, or from those after a change that begins new "
        "limits, and stay. A point signals outside its limits, and as the eighth or later in a row "
        "on one side of the line. CUSUM: log-likelihood ratio of doubled and of halved odds "
        "against the clinic's own frozen baseline (Steiner 2000), limits for five years between "
        "false alarms of an arm. VLAD: events expected at that baseline minus events seen."
    )
    return listed([charted, judged], " ")


def _cautions(
    total: RateRow,
    drawing: Drawing,
    changes: Collection[ChangeRow],
    *,
    is_of_one: bool,
    is_marked: bool,
) -> list[Message]:
    found: list[Message] = []
    is_known = display_rules.headline_is_proportion(total.assessed, total.mature)
    if total.mature and not is_known and not is_marked:
        found.append(
            message(
                "Of the sessions old enough {missing} were not assessed. The chart holds the "
                "events that are known: where fewer are asked, fewer are known.",
                missing=total.mature - total.assessed,
            )
        )
    if changes and not is_of_one:
        found.append(
            message(
                "Sessions of several clinics: what changed in one of them is told, but begins no "
                "new limits."
            )
        )
    if drawing.chart is not None:
        last = drawing.chart.phases[-1]
        if last.method is None and not drawing.is_run:
            found.append(
                message(
                    "Since {day} there are {points} points: too few for limits of their own yet.",
                    day=wording.day(drawing.begins[-1]),
                    points=last.baseline.points,
                )
            )
        elif last.provisional and not drawing.is_run:
            found.append(
                message(
                    "Limits are provisional: they come from {points} points, and firm ones from "
                    "{firm}.",
                    points=last.baseline.points,
                    firm=display_rules.POINTS_FOR_FIRM_LIMITS,
                )
            )
    compared = [completeness_warning((row.before, row.after)) for row in changes if row.difference]
    found += [differing for differing in compared if differing is not None]
    if drawing.chart is not None and not drawing.is_run:
        found.append(
            message(
                "Limits take sessions as independent of each other; several of one patient make "
                "signals by chance somewhat more frequent."
            )
        )
    return found


def _phase_dict(phase: Phase, begins: dt.date) -> dict[str, Any]:
    return {
        "begins": begins.isoformat(),
        "first_point": phase.start + 1,
        "last_point": phase.stop,
        "baseline": phase.baseline.centre,
        "baseline_points": phase.baseline.points,
        "limits": phase.method.value if phase.method is not None else None,
        "provisional": phase.provisional,
    }


def _point_dict(number: int, point: Point) -> dict[str, Any]:
    drawn = point.drawn
    return {
        "point": number,
        "label": str(point.label),
        "first_day": point.first_day.isoformat(),
        "last_day": point.last_day.isoformat(),
        "events": point.events,
        "sessions": point.sessions,
        "assessed": point.assessed,
        "value": drawn.value if drawn is not None else None,
        "centre": drawn.centre_line if drawn is not None else None,
        "lower_limit": drawn.lower_limit if drawn is not None else None,
        "upper_limit": drawn.upper_limit if drawn is not None else None,
        "signals": ", ".join(drawn.signals) if drawn is not None else "",
        "phase": drawn.phase + 1 if drawn is not None else None,
    }


def _sequential_dict(found: Sequential | Message) -> dict[str, Any] | str:
    if isinstance(found, Message):
        return str(found)
    return {
        "baseline": estimate_dict(found.baseline),
        "baseline_from": found.baseline_from.isoformat(),
        "baseline_to": found.baseline_to.isoformat(),
        "sessions_per_year": found.per_year,
        "upper_limit": found.up.limit,
        "lower_limit": found.down.limit,
        "sessions_to_false_alarm": found.up.in_control,
        "sessions_to_doubling": found.up.out_of_control,
        "sessions_to_halving": found.down.out_of_control,
        "sessions": found.sessions,
        "events": found.events,
        "expected": found.expected,
        "signals": [
            {"sessions": s.sessions, "month": f"{s.month:%Y-%m}", "upward": s.is_upward}
            for s in found.signals
        ],
        "path": [
            {"sessions": p.sessions, "upper": p.upper, "lower": p.lower, "saved": p.saved}
            for p in found.path
        ],
    }

"""The clinic at a glance: every indicator against its comparison, and what needs doing today.

Each figure comes from the computation of its own page, in the sessions that its row names, so that
the link of a row leads to the same number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, may, require, scope
from registry.analysis.benchmarks import Published, published_for
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import EPOCH
from registry.analysis.completeness import (
    FOLLOW_UP_NEEDED,
    mark,
    share_needed,
    why_fields_lack,
)
from registry.analysis.complications import serious_events
from registry.analysis.facts import Facts, facts_of
from registry.analysis.follow_up import overdue_by_visit
from registry.analysis.indicators import (
    Measured,
    Measuring,
    Point,
    current_period,
    previous_period,
)
from registry.analysis.judgement import Judgement, Status, judge
from registry.analysis.periods import changes
from registry.analysis.recent_signals import ChartSignals, recent_signals
from registry.analysis.results import Excluded, Heading, heading_dict
from registry.analysis.wording import whole_percent
from registry.catalogue import TARGET, Indicator, catalogue
from registry.database import DbSession, reading
from registry.entry.clinic_settings import settings_on
from registry.messages import N_, Message, inline, listed, message, written
from registry.schema import AdverseEvent, ClinicSetting, Draft
from registry.vocabulary import EventOutcome, SeriousnessCriterion

BY_INDICATOR: Final = "indicator"
QUARTERS: Final = 12
"""Length of the line beside an indicator: three years of quarters."""

_CLOSED = (EventOutcome.RECOVERED, EventOutcome.SEQUELAE, EventOutcome.FATAL)


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One indicator: now, before, its course, what it is compared with, and where it stands."""

    indicator: Indicator
    now: Measured
    before: Measured | None
    series: tuple[Point, ...]
    target: Decimal | None
    published: Published | None
    judgement: Judgement

    @property
    def status(self) -> Status:
        """Where the indicator stands."""
        return self.judgement.status

    def to_dict(self) -> dict[str, Any]:
        """The row in plain values, unrounded and flat."""
        estimate, limits = self.now.estimate, self.now.estimate.interval
        before = self.before.estimate if self.before is not None else None
        benchmark = self.published.benchmark if self.published is not None else None
        cohort = self.now.cohort
        return {
            "group": self.indicator.group.value,
            "code": self.indicator.code,
            "label": self.indicator.label,
            "treated_from": cohort.start.isoformat() if cohort.start else None,
            "treated_to": cohort.end.isoformat() if cohort.end else None,
            "numerator": estimate.numerator,
            "denominator": estimate.denominator,
            "unit": estimate.unit,
            "value": estimate.value,
            "lower": limits.lower,
            "upper": limits.upper,
            "one_sided": limits.one_sided,
            "method": limits.method,
            "observed": self.now.observed,
            "completeness": self.now.completeness,
            "note": str(self.now.note) if self.now.note is not None else None,
            "value_before": before.value if before is not None else None,
            "numerator_before": before.numerator if before is not None else None,
            "denominator_before": before.denominator if before is not None else None,
            "target": float(self.target) / self.indicator.unit.of
            if self.target is not None
            else None,
            "published": benchmark.proportion if benchmark is not None else None,
            "published_in": benchmark.paper if benchmark is not None else None,
            "status": self.status.value,
            "compared_with": self.judgement.against.value,
            "reason": str(self.judgement.reason),
            "incomplete": self.judgement.is_incomplete,
            "definition": self.indicator.definition,
        }


@dataclass(frozen=True, slots=True)
class SettingSet:
    """What a clinic set for itself from a day on; None took it back."""

    valid_from: dt.date
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done today, and how many of it."""

    code: str
    label: Message
    count: int


@dataclass(frozen=True, slots=True)
class OverviewReport:
    """Every indicator, what needs doing today, and each kind of serious event in the cohort.

    ``signals`` are those of the control charts of its outcomes in the last twelve months.
    """

    heading: Heading
    rows: tuple[IndicatorRow, ...]
    actions: tuple[Action, ...]
    serious: tuple[tuple[Message, int], ...]
    signals: tuple[ChartSignals, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    warnings: tuple[Message, ...] = ()

    def with_status(self, status: Status) -> tuple[IndicatorRow, ...]:
        """The rows that stand there, in their order."""
        return tuple(row for row in self.rows if row.status is status)

    @property
    def judged(self) -> int:
        """How many indicators can be judged."""
        return sum(row.status.is_judged for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "rows": [
                row.to_dict()
                | {
                    "series": [
                        {
                            "quarter_from": point.start.isoformat(),
                            "value": point.value,
                            "observed": point.observed,
                        }
                        for point in row.series
                    ]
                }
                for row in self.rows
            ],
            "actions": [
                {"code": action.code, "label": str(action.label), "count": action.count}
                for action in self.actions
            ],
            "serious": [{"event": str(label), "count": count} for label, count in self.serious],
            "chart_signals": [found.to_dict() for found in self.signals],
            "excluded": [],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row an indicator."""
        return [row.to_dict() for row in self.rows]


def overview(engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date) -> OverviewReport:
    """Every indicator in a cohort and in the twelve months before it.

    A cohort without days is judged, line by line, over the newest twelve months of sessions that
    are old enough.
    """
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    levels = replace(cohort, start=None, end=None)
    measuring = Measuring(engine, by, facts, levels, clinics, today)
    overdue = overdue_by_visit(engine, facts, cohort.within(clinics), today)
    with reading(engine) as db:
        targets = _targets(db, cohort.within(clinics), today)
        actions = _actions(db, by, cohort.within(clinics), sum(overdue.values()))
    needed = share_needed(engine, cohort.within(clinics), today)
    rows = tuple(
        _row(measuring, indicator, cohort, targets.get(indicator.code), needed[FOLLOW_UP_NEEDED])
        for indicator in catalogue().indicators.values()
    )
    chosen = cohort.mask(facts, clinics)
    until_then = replace(cohort, start=None)
    # Where too few were followed up, fewer events are no news.
    unsure = {row.indicator.outcome for row in rows if row.judgement.is_incomplete}
    charts = recent_signals(
        facts,
        until_then,
        until_then.mask(facts, clinics),
        [row.indicator.outcome for row in rows if row.indicator.outcome is not None],
        changes(engine, by),
        cohort.within(clinics),
        today=today,
    )
    signals = [found.of_more() if found.event in unsure else found for found in charts]
    incomplete = mark([*_below(rows, needed), *why_fields_lack(facts, chosen, needed)])
    judged = sum(row.status.is_judged for row in rows)
    warnings = (
        (
            message(
                "Of {judged} comparisons about one in twenty leaves its interval by chance alone.",
                judged=judged,
            ),
        )
        if judged
        else ()
    )
    return OverviewReport(
        heading=Heading(
            "overview",
            message("Overview"),
            message(
                "Each line counts the sessions named beside it: those of the filter or, without "
                "dates, of the newest twelve months that are old enough to be judged. It is "
                "compared with the clinic's target, else with the twelve months before, else with "
                "a published rate that counts the same; it is called better or worse only when the "
                "95 % interval leaves that out and enough were followed up, as many as this "
                "registry asks for and about as many as before. Charts are those of all sessions "
                "until then; what they signalled in the last 12 months is told."
            ),
            N_("sessions, treated sites or patients, as each line says"),
            cohort,
            today,
            facts.seal,
        ),
        rows=rows,
        actions=actions,
        signals=tuple(found for found in signals if found.signals),
        serious=serious_events(facts, chosen, cohort.within(clinics)),
        warnings=(*incomplete, *warnings),
    )


def _below(rows: Sequence[IndicatorRow], needed: Mapping[str, float]) -> Iterator[Message]:
    """Which indicators are not to be quoted, as one reason for the mark of the report."""
    below = [inline(row.indicator.label) for row in rows if row.judgement.is_incomplete]
    if below:
        yield message(
            "Assessed less often than the {needed} that this registry asks for: {indicators}. "
            "Those who did not come may have done better or worse.",
            needed=written(whole_percent, needed[FOLLOW_UP_NEEDED] / 100),
            indicators=listed(below, "; "),
        )


def _row(
    measuring: Measuring,
    indicator: Indicator,
    cohort: CohortFilter,
    target: Decimal | None,
    needed: float,
) -> IndicatorRow:
    current = current_period(indicator, cohort, measuring.today)
    now = measuring.measure(indicator, current)
    earlier = previous_period(current)
    before = measuring.measure(indicator, earlier) if earlier is not None else None
    published = (
        published_for(
            measuring.facts,
            now.row,
            measuring.sessions(current),
            current,
            today=measuring.today,
        )
        if now.row is not None
        else None
    )
    return IndicatorRow(
        indicator=indicator,
        now=now,
        before=before,
        series=_series(measuring, indicator, current),
        target=target,
        published=published,
        judgement=judge(indicator, now, before, target, published, needed=needed / 100),
    )


def _series(measuring: Measuring, indicator: Indicator, current: CohortFilter) -> tuple[Point, ...]:
    """The quarters up to the end of the period, none before the first session."""
    first_session = _first_day(measuring.facts)
    last = min(current.end or measuring.today, measuring.today)
    if first_session is None:
        return ()
    spans = [
        (start, min(_quarter_after(start) - dt.timedelta(days=1), last))
        for start in _quarters_until(last)
    ]
    return measuring.course(indicator, [span for span in spans if span[1] >= first_session])


def _first_day(facts: Facts) -> dt.date | None:
    days = facts.sessions["day"].to_numpy()
    return EPOCH + dt.timedelta(days=int(days[0])) if len(days) else None


def _quarters_until(last: dt.date) -> list[dt.date]:
    """First days of the quarters that end with that of ``last``."""
    newest = last.year * 4 + (last.month - 1) // 3
    return [
        dt.date(number // 4, 3 * (number % 4) + 1, 1)
        for number in range(newest - QUARTERS + 1, newest + 1)
    ]


def _quarter_after(start: dt.date) -> dt.date:
    return dt.date(start.year + (start.month == 10), (start.month + 2) % 12 + 1, 1)


def _targets(
    db: DbSession, clinics: Collection[int], today: dt.date
) -> Mapping[str, Decimal | None]:
    """The target of each indicator as it holds today, where all of the clinics have the same."""
    of_clinic = [settings_on(db, clinic_id, today) for clinic_id in clinics]
    found = {}
    for code in catalogue().indicators:
        values = {settings[f"{TARGET}{code}"] for settings in of_clinic}
        found[code] = values.pop() if len(values) == 1 else None
    return found


def _actions(
    db: DbSession, by: Actor, clinics: Collection[int], overdue: int
) -> tuple[Action, ...]:
    found = (
        Action("overdue", message("Overdue visits"), overdue),
        Action("open_serious", message("Open serious events"), _open_serious(db, clinics)),
        Action("drafts", message("Your forms not saved yet"), _own_drafts(db, by, clinics)),
    )
    return tuple(action for action in found if action.count)


def _open_serious(db: DbSession, clinics: Collection[int]) -> int:
    """Events serious by criterion or by nature, without a last day or an outcome that ends them."""
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    by_nature = [term.code for term in catalogue().event_terms.values() if term.serious_by_nature]
    return _count(
        db,
        AdverseEvent.clinic_id.in_(clinics),
        AdverseEvent.voided_at.is_(None),
        AdverseEvent.resolved_on.is_(None),
        AdverseEvent.event_outcome.not_in(_CLOSED),
        sa.or_(*criteria, AdverseEvent.event_term_code.in_(by_nature)),
    )


def _own_drafts(db: DbSession, by: Actor, clinics: Collection[int]) -> int:
    own = [clinic_id for clinic_id in clinics if may(by, Permission.RECORD, clinic_id)]
    return _count(db, Draft.clinic_id.in_(own), Draft.user_id == by.user_id)


def _count(db: DbSession, *where: sa.ColumnElement[bool]) -> int:
    return int(db.scalar(sa.select(sa.func.count()).where(*where)) or 0)


def settings_set(engine: Engine, by: Actor, clinic_id: int, code: str) -> tuple[SettingSet, ...]:
    """What a clinic has set for itself under one code, the newest first."""
    require(by, Permission.READ_RATES, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(ClinicSetting.valid_from, ClinicSetting.value)
            .where(
                ClinicSetting.clinic_id == clinic_id,
                ClinicSetting.code == code,
                ClinicSetting.voided_at.is_(None),
            )
            .order_by(ClinicSetting.valid_from.desc())
        )
        return tuple(SettingSet(row.valid_from, row.value) for row in rows)

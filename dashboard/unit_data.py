"""What the page of clinics and clinicians asks of the registry, and its table as text."""

from __future__ import annotations

from dataclasses import replace

from dashboard import state
from dashboard.report_data import CLINIC, Table, say
from dashboard.text import _
from registry.access import Permission, scope
from registry.analysis import units, units_wording, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.facts import facts_of
from registry.analysis.units import UnitsReport


def has_several_clinics() -> bool:
    """Whether the registry holds more than one clinic."""
    scope(state.actor(), Permission.READ_RATES)
    return len(facts_of(state.reading_engine()).clinics) > 1


def in_all_clinics(cohort: CohortFilter) -> CohortFilter:
    """The same sessions in every clinic whose rates the person may read."""
    return replace(cohort, levels={k: v for k, v in cohort.levels.items() if k != CLINIC})


def by_unit(cohort: CohortFilter, *, event: str, group_by: str) -> UnitsReport:
    """One outcome by clinician or clinic."""
    return units.units(
        state.reading_engine(),
        state.actor(),
        cohort,
        today=state.today(),
        event=event,
        group_by=group_by,
    )


def unit_table(report: UnitsReport) -> Table:
    """Counts and rate of every unit in the order of its code, all together last; never by rate."""
    standings = [_standing(row.standing) for row in report.rows] + [""]
    names = [say(row.label) for row in report.rows] + [say(report.total.label)]
    rates = [*(row.rate for row in report.rows), report.total]
    return [
        {
            _("Unit"): name,
            **({_("Standing"): standing} if report.is_judged else {}),
            _("Events"): wording.count(rate.events),
            _("Sessions"): wording.count(rate.mature),
            _("Rate"): wording.rate(rate),
            _("95 % interval"): wording.interval(rate.estimate),
            _("Assessed"): wording.percent(rate.completeness, rate.mature),
        }
        for name, standing, rate in zip(names, standings, rates, strict=True)
    ]


def levelled_table(report: UnitsReport) -> Table:
    """Every unit at equal case mix, smoothed, and allowing for so many looks, in the same order."""
    has_adjusted = any(row.adjusted is not None for row in report.rows)
    lines: Table = []
    for row in report.rows:
        line = {_("Unit"): say(row.label), _("O/E"): units_wording.ratio(row.ratio)}
        if report.is_judged:
            line[_("At equal case mix")] = _standing(row.standing_at_equal_mix)
            if has_adjusted:
                line[_("Variation allowed for")] = _standing(row.adjusted)
            line[_("Smoothed rate")] = units_wording.smoothed(row)
            line[_("q")] = units_wording.p_value(row.q_value)
        lines.append(line)
    return lines


def _standing(found: units.Standing | None) -> str:
    return wording.DASH if found is None else say(units_wording.STANDINGS[found])

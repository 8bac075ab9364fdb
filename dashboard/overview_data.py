"""What the overview asks of the registry, and the target that it sets."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

from dashboard import state
from dashboard.report_data import Table, say
from dashboard.text import _
from registry.access import Permission, may
from registry.analysis import overview, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.judgement import (
    STATUS_LABELS,
    Against,
    interval_shown,
    target_shown,
    value_shown,
)
from registry.analysis.overview import IndicatorRow, OverviewReport, SettingSet
from registry.catalogue import TARGET, ClinicSetting, Indicator, catalogue
from registry.entry.clinic_settings import set_clinic_setting


def overview_of(cohort: CohortFilter) -> OverviewReport:
    """Every indicator of a cohort, and what needs doing today."""
    return overview.overview(state.reading_engine(), state.actor(), cohort, today=state.today())


def may_set_targets() -> bool:
    """Whether the person may set targets in the clinic at hand."""
    return may(state.actor(), Permission.CONFIGURE, state.clinic())


def settings() -> dict[str, ClinicSetting]:
    """All that a clinic can set for itself by code: the targets first, then the others."""
    rows = catalogue().clinic_settings
    return dict(sorted(rows.items(), key=lambda item: not item[0].startswith(TARGET)))


def indicator_of(code: str) -> Indicator | None:
    """The indicator whose target the setting is; None for any other setting."""
    return catalogue().indicators.get(code.removeprefix(TARGET)) if TARGET in code else None


def settings_set(code: str) -> tuple[SettingSet, ...]:
    """What the clinic at hand has set for itself under a code, the newest first."""
    return overview.settings_set(state.reading_engine(), state.actor(), state.clinic(), code)


def set_setting(code: str, value: Decimal | None, valid_from: dt.date, request_key: UUID) -> None:
    """Set a number of the clinic at hand from a day on; None takes it back."""
    set_clinic_setting(
        state.engine(),
        state.actor(),
        state.clinic(),
        code,
        value,
        valid_from=valid_from,
        request_key=request_key,
        now=state.now(),
    )


def comparisons(row: IndicatorRow) -> list[str]:
    """Target and published figure of an indicator in words, save the one it is judged against."""
    told = []
    if row.judgement.against is not Against.TARGET:
        told.append(
            _("No target set.")
            if row.target is None
            else _("Target: {target}.").format(target=target_shown(row.indicator, row.target))
        )
    if row.judgement.against is not Against.PUBLISHED:
        told.append(
            _("No comparable published figure.")
            if row.published is None
            else _("Published: {rate} ({paper}).").format(
                rate=value_shown(row.published.estimate), paper=row.published.benchmark.paper
            )
        )
    return told


def indicator_table(report: OverviewReport) -> Table:
    """Every indicator as it is shown."""
    return [
        {
            _("Indicator"): _(row.indicator.label),
            _("Status"): _(STATUS_LABELS[row.status]),
            _("Now"): value_shown(row.now.told),
            _("95 % interval"): interval_shown(row.now.told),
            _("Cases"): wording.count(row.now.estimate.numerator),
            _("Of"): wording.count(row.now.estimate.denominator),
            _("Assessed"): wording.DASH
            if row.now.completeness is None
            else wording.whole_percent(row.now.completeness),
            _("Before"): wording.DASH if row.before is None else value_shown(row.before.told),
            _("Target"): _("none set")
            if row.target is None
            else target_shown(row.indicator, row.target),
            _("Published"): _("none comparable")
            if row.published is None
            else value_shown(row.published.estimate),
            _("Why"): say(row.judgement.reason),
        }
        for row in report.rows
    ]

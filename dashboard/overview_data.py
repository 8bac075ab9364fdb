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
    interval_shown,
    target_shown,
    value_shown,
)
from registry.analysis.overview import OverviewReport, TargetSet
from registry.catalogue import TARGET, Indicator, catalogue
from registry.entry.clinic_settings import set_clinic_setting


def overview_of(cohort: CohortFilter) -> OverviewReport:
    """Every indicator of a cohort, and what needs doing today."""
    return overview.overview(state.reading_engine(), state.actor(), cohort, today=state.today())


def may_set_targets() -> bool:
    """Whether the person may set targets in the clinic at hand."""
    return may(state.actor(), Permission.CONFIGURE, state.clinic())


def indicators() -> dict[str, Indicator]:
    """Every indicator by code."""
    return dict(catalogue().indicators)


def targets_set(code: str) -> tuple[TargetSet, ...]:
    """The targets that the clinic at hand has set for an indicator, the newest first."""
    return overview.targets_set(state.reading_engine(), state.actor(), state.clinic(), code)


def set_target(code: str, value: Decimal | None, valid_from: dt.date, request_key: UUID) -> None:
    """Set the target of an indicator in the clinic at hand; None takes it away."""
    set_clinic_setting(
        state.engine(),
        state.actor(),
        state.clinic(),
        f"{TARGET}{code}",
        value,
        valid_from=valid_from,
        request_key=request_key,
        now=state.now(),
    )


def indicator_table(report: OverviewReport) -> Table:
    """Every indicator as it is shown."""
    return [
        {
            _("Indicator"): _(row.indicator.label),
            _("Status"): _(STATUS_LABELS[row.status]),
            _("Now"): value_shown(row.indicator, row.now.told),
            _("95 % interval"): interval_shown(row.indicator, row.now.told),
            _("Cases"): wording.count(row.now.estimate.numerator),
            _("Of"): wording.count(row.now.estimate.denominator),
            _("Assessed"): wording.DASH
            if row.now.completeness is None
            else wording.whole_percent(row.now.completeness),
            _("Before"): wording.DASH
            if row.before is None
            else value_shown(row.indicator, row.before.told),
            _("Target"): wording.DASH
            if row.target is None
            else target_shown(row.indicator, row.target),
            _("Published"): wording.DASH
            if row.published is None
            else value_shown(row.indicator, row.published.estimate),
            _("Why"): say(row.judgement.reason),
        }
        for row in report.rows
    ]

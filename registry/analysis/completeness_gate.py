"""Which results rest on too few looks to be quoted.

The house asks for 95 % of what is old enough to be assessed (see
:data:`registry.statistics.display_rules.MINIMUM_ASSESSED_SHARE`); a printed result below that bears
a mark on every page.
"""

from __future__ import annotations

from registry.analysis import wording
from registry.analysis.overview import OverviewReport
from registry.analysis.results import RateReport, RecurrenceReport, Report
from registry.catalogue import IndicatorGroup
from registry.messages import Message, listed, message
from registry.statistics.display_rules import MINIMUM_ASSESSED_SHARE


def incomplete(report: Report) -> Message | None:
    """Why a result is incomplete; None when enough was assessed, or none is due."""
    needed = f"{100 * MINIMUM_ASSESSED_SHARE:.0f}{wording.NARROW_SPACE}%"
    if isinstance(report, RateReport):
        row = report.total
        if _is_short(row.completeness):
            return message(
                "{assessed} of {mature} {unit} were assessed to the end of the window; {needed} "
                "are needed.",
                assessed=wording.count(row.assessed),
                mature=wording.count(row.mature),
                unit=message(row.unit),
                needed=needed,
            )
    if isinstance(report, RecurrenceReport):
        assessed, mature = report.total.assessed_at_12_months, report.total.mature_at_12_months
        if mature and _is_short(assessed / mature):
            return message(
                "{assessed} of {mature} sites old enough were looked at at 12 months; {needed} are "
                "needed.",
                assessed=wording.count(assessed),
                mature=wording.count(mature),
                needed=needed,
            )
    if isinstance(report, OverviewReport):
        short = [
            row
            for row in report.rows
            if row.indicator.group is not IndicatorGroup.CARE and _is_short(row.now.completeness)
        ]
        if short:
            return message(
                "Less than {needed} was assessed for: {indicators}.",
                needed=needed,
                indicators=listed([message(row.indicator.label) for row in short]),
            )
    return None


def _is_short(share: float | None) -> bool:
    return share is not None and share < MINIMUM_ASSESSED_SHARE

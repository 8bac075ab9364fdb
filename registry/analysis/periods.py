"""Spans of treatment days that go by a name, so that a link asks the same question next month.

The address of a page carries the name; files and printed reports carry the days it stood for.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import FROM, TO
from registry.database import reading
from registry.errors import NotFound
from registry.messages import N_, Message, message
from registry.schema import ChangePoint, Clinic

PERIOD: Final = "period"
SINCE: Final = "since_"
"""What the name of a period that began with a change in the clinic begins with."""

PERIOD_LABELS: Final[Mapping[str, str]] = {
    "last_12_months": N_("Last 12 full months"),
    "this_month": N_("This month"),
    "last_month": N_("Last month"),
    "this_quarter": N_("This quarter"),
    "last_quarter": N_("Last quarter"),
    "this_year": N_("This year"),
    "last_year": N_("Last year"),
}

Span = tuple[dt.date | None, dt.date | None]


@dataclass(frozen=True, slots=True)
class Change:
    """A change in how a clinic works, from which a period can begin, and limits if it is told."""

    clinic: str
    changed_on: dt.date
    what: str
    clinic_id: int
    id: UUID
    begins_limits: bool

    @property
    def period(self) -> str:
        """Name of the period that begins with the change."""
        return f"{SINCE}{self.changed_on.isoformat()}"


def changes(engine: Engine, by: Actor) -> tuple[Change, ...]:
    """The changes recorded in the clinics whose rates the actor may read, the latest first."""
    clinics = scope(by, Permission.READ_RATES)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(
                Clinic.name,
                ChangePoint.changed_on,
                ChangePoint.what,
                ChangePoint.clinic_id,
                ChangePoint.id,
                ChangePoint.begins_limits,
            )
            .join(Clinic, Clinic.id == ChangePoint.clinic_id)
            .where(ChangePoint.clinic_id.in_(clinics), ChangePoint.voided_at.is_(None))
            .order_by(ChangePoint.changed_on.desc(), Clinic.name, ChangePoint.id)
        )
        return tuple(Change(*row) for row in rows)


def spans(today: dt.date, known: Iterable[Change] = ()) -> dict[str, Span]:
    """First and last day of each period by name; None where it is open."""
    month = today.replace(day=1)
    quarter = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
    year = today.replace(month=1, day=1)
    return {
        "last_12_months": (_months_before(month, 12), _day_before(month)),
        "this_month": (month, _month_end(month)),
        "last_month": (_months_before(month, 1), _day_before(month)),
        "this_quarter": (quarter, _month_end(_months_before(quarter, -2))),
        "last_quarter": (_months_before(quarter, 3), _day_before(quarter)),
        "this_year": (year, year.replace(month=12, day=31)),
        "last_year": (_months_before(year, 12), _day_before(year)),
    } | {change.period: (change.changed_on, None) for change in known}


def span_of(name: str, today: dt.date, known: Iterable[Change] = ()) -> Span:
    """First and last day of the period called ``name``; raises :class:`NotFound`."""
    offered = spans(today, known)
    if name not in offered:
        raise NotFound(
            message(
                "There is no period “{asked}”. There are: {known}, and {since}DAY for the day of a "
                "recorded change.",
                asked=name[:40],
                known=", ".join(offered),
                since=SINCE,
            )
        )
    return offered[name]


def with_days(
    query: Mapping[str, str], today: dt.date, known: Iterable[Change] = ()
) -> tuple[dict[str, str], str | None, tuple[Message, ...]]:
    """An address with the days its period stands for, the period's name, and what was ignored."""
    days = {name: value for name, value in query.items() if name != PERIOD}
    name = query.get(PERIOD)
    if name is None:
        return days, None, ()
    offered = spans(today, known)
    if name not in offered:
        said = message(
            "The address asks for a period that is not known here; all days are shown unless it "
            "also names them."
        )
        return days, None, (said,)
    has_days = bool(days.keys() & {FROM, TO})
    ignored = (message("The address names a period and days; the days were ignored."),)
    kept = {key: value for key, value in days.items() if key not in {FROM, TO}}
    start, end = offered[name]
    kept |= {key: day.isoformat() for key, day in ((FROM, start), (TO, end)) if day is not None}
    return kept, name, ignored if has_days else ()


def _day_before(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=1)


def _months_before(first: dt.date, months: int) -> dt.date:
    """First day of the month so many months before the one that begins on ``first``."""
    number = first.year * 12 + first.month - 1 - months
    return dt.date(number // 12, number % 12 + 1, 1)


def _month_end(first: dt.date) -> dt.date:
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])

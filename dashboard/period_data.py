"""What the page of reports asks of the registry: the clinic in print, and kept periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from dashboard import downloads, state
from dashboard.printed import Document
from dashboard.take_away import MEDIA_TYPES, File, content_to_keep, kept_file, whole_file
from registry.access import Actor, Permission, may
from registry.analysis import colophon, frozen
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import Colophon
from registry.analysis.frozen import ChangedSince, PeriodKept
from registry.analysis.periods import spans
from registry.analysis.results import Report
from registry.entry import reporting_periods
from registry.entry.reporting_periods import PeriodToKeep

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def may_freeze() -> bool:
    """Whether the person may keep and withdraw periods in the clinic at hand."""
    return may(state.actor(), Permission.CONFIGURE, state.clinic())


def last_quarter() -> tuple[dt.date, dt.date]:
    """First and last day of the quarter that is over."""
    first, last = spans(state.today())["last_quarter"]
    assert first is not None and last is not None  # noqa: S101, PT018 - only "since" is open
    return first, last


def kept_periods() -> tuple[PeriodKept, ...]:
    """The periods kept in the clinic at hand, the latest first."""
    return frozen.kept_periods(state.reading_engine(), state.actor(), state.clinic())


def kept_document(period: PeriodKept) -> Document:
    """The reports of a period as they were kept."""
    _period, content = frozen.kept_period(
        state.reading_engine(), state.actor(), state.clinic(), period.id
    )
    return Document.from_plain(content["document"])


def changed_since(period: PeriodKept) -> ChangedSince:
    """What differs between a kept period and today."""
    return frozen.changed_since(
        state.reading_engine(), state.actor(), state.clinic(), period.id, today=state.today()
    )


def freeze(name: str, first: dt.date, last: dt.date, request_key: UUID) -> None:
    """Keep the reports of a period of the clinic at hand as they are today.

    Raises :class:`InvalidEntry` for a name or days that are not fit, before anything is worked out.
    """
    by, clinic, today = state.actor(), state.clinic(), state.today()
    reporting_periods.refuse_unfit(name, first, last, today)
    cohort = frozen.cohort_of(clinic, first, last)
    found = _standard_set(state.reading_engine(), by, cohort, today)
    reporting_periods.freeze_period(
        state.engine(),
        by,
        clinic,
        PeriodToKeep(name, first, last, today, found[0][0].heading.seal, content_to_keep(found)),
        request_key=request_key,
        now=state.now(),
    )


def withdraw(period: PeriodKept, reason: str, request_key: UUID) -> None:
    """Withdraw a kept period; it stays readable."""
    reporting_periods.void_period(
        state.engine(),
        state.actor(),
        state.clinic(),
        period.id,
        reason,
        request_key=request_key,
        now=state.now(),
    )


def offer_whole(cohort: CohortFilter) -> str:
    """Path under which the person can fetch the report of the clinic once, as PDF."""
    by, clinic_id, today = state.actor(), state.clinic(), state.today()
    engine, log = state.reading_engine(), state.engine()

    def content() -> bytes:
        made, taken = whole_file(_standard_set(engine, by, cohort, today))
        colophon.log_taken(log, by, taken, File.PDF.value, clinic_id)
        return made

    return _offer(f"clinic_report_{today.isoformat()}.pdf", content)


def offer_kept(period: PeriodKept) -> str:
    """Path under which the person can fetch the reports of a kept period once, as PDF."""
    by, clinic_id = state.actor(), state.clinic()
    engine, log = state.reading_engine(), state.engine()

    def content() -> bytes:
        at = state.now()
        found, kept = frozen.kept_period(engine, by, clinic_id, period.id)
        made = kept_file(found, kept, taken_by=by.display_name, taken_at=at)
        frozen.log_kept_taken(log, by, clinic_id, found, File.PDF.value, now=at)
        return made

    days = f"{period.first_day.isoformat()}_{period.last_day.isoformat()}"
    return _offer(f"period_{days}.pdf", content)


def _standard_set(
    engine: Engine, by: Actor, cohort: CohortFilter, today: dt.date
) -> list[tuple[Report, Colophon]]:
    at = state.now()
    return [
        (report, colophon.colophon(engine, by, report, now=at))
        for report in frozen.standard_set(engine, by, cohort, today=today)
    ]


def _offer(name: str, content: Callable[[], bytes]) -> str:
    return downloads.offer(
        state.actor().user_id, name, MEDIA_TYPES[File.PDF], content, now=state.now()
    )

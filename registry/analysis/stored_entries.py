"""Stored records read back as the entries they came from: for timelines, amendments and pre-fill.

Nothing that was voided comes back, and nothing of another clinic does.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.database import DbSession, reading
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    OverrideEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.rows import IDENTITY_FIELDS, derived_id, site_id
from registry.errors import NotFound
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import SeriousnessCriterion

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Stored(Generic[E]):
    """An entry as it stands now, its version, and when it was first stored.

    ``site_ids`` holds the identifiers of a session's sites, in the order of ``entry.sites``.
    """

    entry: E
    version: int
    recorded_at: dt.datetime
    site_ids: tuple[UUID, ...] = ()


def patient_entry(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID
) -> tuple[PatientEntry, int]:
    """A patient with the identity, and the version; only for those who may see identity.

    An amendment stores the identity that the entry holds, so an entry without it would erase it.
    """
    require(by, Permission.SEE_IDENTITY, clinic_id)
    with reading(engine) as db:
        patient = current(db, Patient, clinic_id, patient_id)
        identity = db.get(PatientIdentity, (clinic_id, patient_id))
        known: dict[str, Any] = {name: getattr(identity, name, None) for name in IDENTITY_FIELDS}
        return PatientEntry(**_plain(PatientEntry, patient, known), **known), patient.version


def course_entry(
    engine: Engine, by: Actor, clinic_id: int, course_id: UUID
) -> tuple[CourseEntry, int]:
    """A course, and its version."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        course = current(db, Course, clinic_id, course_id)
        return CourseEntry(**_plain(CourseEntry, course, {})), course.version


def session_entry(
    engine: Engine, by: Actor, clinic_id: int, session_id: UUID
) -> tuple[SessionEntry, int]:
    """A treatment session with its sites and injections, and its version."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, TreatmentSession, clinic_id, session_id)
        (stored,) = stored_sessions(db, clinic_id, TreatmentSession.id == session_id)
        return stored.entry, stored.version


def event_entry(
    engine: Engine, by: Actor, clinic_id: int, event_id: UUID
) -> tuple[EventEntry, int]:
    """An adverse event, and its version."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, AdverseEvent, clinic_id, event_id)
        (stored,) = stored_events(db, clinic_id, AdverseEvent.id == event_id)
        return stored.entry, stored.version


def follow_up_entry(
    engine: Engine, by: Actor, clinic_id: int, follow_up_id: UUID
) -> tuple[FollowUpEntry, int]:
    """A follow-up with its findings and site outcomes, and its version."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, FollowUp, clinic_id, follow_up_id)
        (stored,) = stored_follow_ups(db, clinic_id, FollowUp.id == follow_up_id)
        return stored.entry, stored.version


def current(db: DbSession, model: Any, clinic_id: int, record_id: UUID) -> Any:
    """A record of the clinic that was not voided; raises :class:`NotFound` otherwise."""
    stored = db.get(model, (clinic_id, record_id))
    if stored is None or stored.voided_at is not None:
        raise NotFound(message("There is no such record in this clinic, or it was voided."))
    return stored


def stored_sessions(
    db: DbSession,
    clinic_id: int,
    *where: sa.ColumnElement[bool],
    newest_first: bool = False,
    limit: int | None = None,
) -> list[Stored[SessionEntry]]:
    """The clinic's treatment sessions that meet ``where``, by day."""
    order = (TreatmentSession.treated_on, TreatmentSession.recorded_at)
    rows = db.scalars(
        sa.select(TreatmentSession)
        .where(
            TreatmentSession.clinic_id == clinic_id, TreatmentSession.voided_at.is_(None), *where
        )
        .order_by(*(column.desc() for column in order) if newest_first else order)
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    sites = _parts(db, TreatedSite, "treatment_session_id", clinic_id, ids)
    injections = _parts(db, Injection, "treatment_session_id", clinic_id, ids)
    overrides = _parts(db, SafetyOverride, "treatment_session_id", clinic_id, ids)
    lot_ids = {i.lot_id for group in injections.values() for i in group if i.lot_id}
    lots = {
        lot.id: lot
        for lot in db.scalars(sa.select(Lot).where(Lot.clinic_id == clinic_id, Lot.id.in_(lot_ids)))
    }
    return [
        _session(row, sites[row.id], injections[row.id], overrides[row.id], lots) for row in rows
    ]


def stored_events(
    db: DbSession, clinic_id: int, *where: sa.ColumnElement[bool]
) -> list[Stored[EventEntry]]:
    """The clinic's adverse events that meet ``where``, by onset."""
    rows = db.scalars(
        sa.select(AdverseEvent)
        .where(AdverseEvent.clinic_id == clinic_id, AdverseEvent.voided_at.is_(None), *where)
        .order_by(AdverseEvent.onset_on, AdverseEvent.recorded_at)
    )
    stored = []
    for row in rows:
        criteria = frozenset(
            criterion
            for criterion in SeriousnessCriterion
            if getattr(row, f"criterion_{criterion.value}")
        )
        entry = EventEntry(
            **_plain(EventEntry, row, ("seriousness_criteria",)), seriousness_criteria=criteria
        )
        stored.append(Stored(entry, row.version, row.recorded_at))
    return stored


def stored_follow_ups(
    db: DbSession, clinic_id: int, *where: sa.ColumnElement[bool]
) -> list[Stored[FollowUpEntry]]:
    """The clinic's follow-ups that meet ``where``, by the day seen or due."""
    rows = db.scalars(
        sa.select(FollowUp)
        .where(FollowUp.clinic_id == clinic_id, FollowUp.voided_at.is_(None), *where)
        .order_by(sa.func.coalesce(FollowUp.seen_on, FollowUp.due_on), FollowUp.recorded_at)
    ).all()
    ids = [row.id for row in rows]
    findings = _parts(db, FollowUpFinding, "follow_up_id", clinic_id, ids)
    outcomes = _parts(db, SiteOutcome, "follow_up_id", clinic_id, ids)
    stored = []
    for row in rows:
        entry = FollowUpEntry(
            **_plain(FollowUpEntry, row, ("findings", "site_outcomes")),
            findings=tuple(
                FindingEntry(**_plain(FindingEntry, finding))
                for finding in sorted(findings[row.id], key=lambda f: f.event_term_code)
            ),
            site_outcomes=tuple(
                SiteOutcomeEntry(**_plain(SiteOutcomeEntry, outcome))
                for outcome in sorted(outcomes[row.id], key=lambda o: (o.side, o.anatomy_code))
            ),
        )
        stored.append(Stored(entry, row.version, row.recorded_at))
    return stored


def _parts(
    db: DbSession, model: Any, parent: str, clinic_id: int, ids: Sequence[UUID]
) -> defaultdict[UUID, list[Any]]:
    grouped: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in db.scalars(
        sa.select(model).where(
            model.clinic_id == clinic_id,
            model.voided_at.is_(None),
            getattr(model, parent).in_(ids),
        )
    ):
        grouped[getattr(row, parent)].append(row)
    return grouped


def _session(
    row: TreatmentSession,
    sites: Sequence[TreatedSite],
    injections: Sequence[Injection],
    overrides: Sequence[SafetyOverride],
    lots: dict[UUID, Lot],
) -> Stored[SessionEntry]:
    by_site: defaultdict[UUID | None, list[Injection]] = defaultdict(list)
    for injection in injections:
        by_site[injection.treated_site_id].append(injection)

    def injected(parent: UUID, site: UUID | None) -> tuple[InjectionEntry, ...]:
        given = by_site[site]
        places = [derived_id(parent, "injection", i) for i in range(len(given))]
        return tuple(_injection(i, lots) for i in _in_order(given, places))

    ordered = _in_order(sites, [site_id(row.id, i) for i in range(len(sites))])
    entry = SessionEntry(
        **_plain(SessionEntry, row, ("sites", "injections", "overrides")),
        sites=tuple(
            SiteEntry(
                **_plain(SiteEntry, site, ("injections",)), injections=injected(site.id, site.id)
            )
            for site in ordered
        ),
        injections=injected(row.id, None),
        overrides=tuple(
            OverrideEntry(**_plain(OverrideEntry, override))
            for override in sorted(overrides, key=lambda override: override.rule)
        ),
    )
    return Stored(entry, row.version, row.recorded_at, tuple(site.id for site in ordered))


def _injection(row: Injection, lots: dict[UUID, Lot]) -> InjectionEntry:
    lot = lots.get(row.lot_id) if row.lot_id else None
    of_lot = ("lot_number", "expires_on", "is_compounded")
    return InjectionEntry(
        **_plain(InjectionEntry, row, of_lot),
        lot_number=lot.lot_number if lot else None,
        expires_on=lot.expires_on if lot else None,
        is_compounded=bool(lot and lot.is_compounded),
    )


def _in_order(rows: Sequence[Any], places: Sequence[UUID]) -> list[Any]:
    """Rows in the order in which they were typed, which their derived identifiers hold."""
    order = {place: i for i, place in enumerate(places)}
    return sorted(rows, key=lambda row: (order.get(row.id, len(rows)), row.recorded_at, row.id))


def _plain(entry: type[Any], row: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    left_out = set(without)
    return {f.name: getattr(row, f.name) for f in fields(entry) if f.name not in left_out}

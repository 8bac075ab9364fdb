"""Turn an entry into the rows that hold it; the same for one form and for a file of thousands."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from registry.database import Base, DbSession
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
)
from registry.schema import (
    AdverseEvent,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientReportedOutcome,
    Photograph,
    PhotographContent,
    RiskFact,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import SeriousnessCriterion

Rows = dict[type[Base], list[dict[str, Any]]]

LOT_NAMESPACE = UUID("5b0f6f2e-6f0c-4f6e-9d6a-2f6f6d1a7c11")
IDENTITY_FIELDS = ("family_name", "given_name", "birth_date", "hospital_number")
STORING_ORDER: tuple[type[Base], ...] = (
    Patient,
    PatientIdentity,
    RiskFact,
    Course,
    Lot,
    TreatmentSession,
    TreatedSite,
    Injection,
    SafetyOverride,
    AdverseEvent,
    FollowUp,
    FollowUpFinding,
    SiteOutcome,
    PatientReportedOutcome,
    LimbAssessment,
    PhotographContent,
    Photograph,
)
"""Parents before children."""


def derived_id(parent: UUID, *parts: object) -> UUID:
    """Identifier of a child, always the same for the same place in the same parent."""
    return uuid5(parent, "/".join(str(part) for part in parts))


def lot_id(clinic_id: int, product_code: str, lot_number: str) -> UUID:
    """Identifier of a lot: one per clinic, product and number."""
    return derived_id(LOT_NAMESPACE, clinic_id, product_code, lot_number)


def site_id(session_id: UUID, position: int) -> UUID:
    """Identifier of the site at ``position`` in the session's list."""
    return derived_id(session_id, "site", position)


def rows_of(
    entries: Iterable[Entry],
    clinic_id: int,
    now: dt.datetime,
    *,
    site_ids: Mapping[int, UUID] = MappingProxyType({}),
) -> Rows:
    """Rows of all entries by table, ready for one bulk insert a table in ``STORING_ORDER``.

    ``site_ids`` gives the sites of an amended session the identifiers they have, by their place in
    the entry. Lots named by several injections come once. The rows obey the database if the entries
    passed :func:`registry.entry.checks.check`.
    """
    rows: Rows = defaultdict(list)
    lots: dict[UUID, dict[str, Any]] = {}

    def add(model: type[Base], source: Any, id_: UUID, **more: Any) -> None:
        rows[model].append(
            {
                "clinic_id": clinic_id,
                "id": id_,
                "version": 1,
                "recorded_at": now,
                "voided_at": None,
                **_shared(model, source),
                **more,
            }
        )

    def inject(entry: InjectionEntry, session_id: UUID, site: UUID | None, id_: UUID) -> None:
        lot = None
        if entry.lot_number is not None:
            lot = lot_id(clinic_id, entry.product_code, entry.lot_number)
            known = lots.get(lot)
            if known is None:
                lots[lot] = {
                    "clinic_id": clinic_id,
                    "id": lot,
                    "version": 1,
                    "recorded_at": now,
                    "voided_at": None,
                    **_shared(Lot, entry),
                }
            elif known["expires_on"] is None:
                known["expires_on"] = entry.expires_on
        add(
            Injection,
            entry,
            id_,
            treatment_session_id=session_id,
            treated_site_id=site,
            lot_id=lot,
        )

    for entry in entries:
        match entry:
            case PatientEntry():
                add(Patient, entry, entry.id)
                identity = {name: getattr(entry, name) for name in IDENTITY_FIELDS}
                if any(value is not None for value in identity.values()):
                    rows[PatientIdentity].append(
                        {
                            "clinic_id": clinic_id,
                            "patient_id": entry.id,
                            "salt": secrets.token_hex(16),
                            **identity,
                        }
                    )
            case CourseEntry():
                add(Course, entry, entry.id)
            case SessionEntry():
                add(TreatmentSession, entry, entry.id)
                for i, site in enumerate(entry.sites):
                    here = site_ids.get(i) or site_id(entry.id, i)
                    add(
                        TreatedSite,
                        site,
                        here,
                        treatment_session_id=entry.id,
                        patient_id=entry.patient_id,
                    )
                    for j, injection in enumerate(site.injections):
                        inject(injection, entry.id, here, derived_id(here, "injection", j))
                for j, injection in enumerate(entry.injections):
                    inject(injection, entry.id, None, derived_id(entry.id, "injection", j))
                for override in entry.overrides:
                    add(
                        SafetyOverride,
                        override,
                        derived_id(entry.id, "override", override.rule),
                        treatment_session_id=entry.id,
                    )
            case EventEntry():
                criteria = {
                    f"criterion_{criterion.value}": criterion in entry.seriousness_criteria
                    for criterion in SeriousnessCriterion
                }
                add(AdverseEvent, entry, entry.id, **criteria)
            case FollowUpEntry():
                add(FollowUp, entry, entry.id)
                for finding in entry.findings:
                    add(
                        FollowUpFinding,
                        finding,
                        derived_id(entry.id, "finding", finding.event_term_code),
                        follow_up_id=entry.id,
                    )
                for outcome in entry.site_outcomes:
                    add(
                        SiteOutcome,
                        outcome,
                        derived_id(entry.id, "site", outcome.side, outcome.anatomy_code),
                        follow_up_id=entry.id,
                        patient_id=entry.patient_id,
                    )
    rows[Lot].extend(lots.values())
    return dict(rows)


def store_rows(db: DbSession, rows: Rows) -> None:
    """Insert rows by table, parents first.

    A blank is stored as a blank; only a column that no row names gets its default. Left out of the
    statement, blanks would split a table's rows into thousands of statements.
    """
    for model in STORING_ORDER:
        if rows.get(model):
            db.execute(sa.insert(model), rows[model], execution_options={"render_nulls": True})


_SHARED: dict[tuple[type[Base], type], tuple[str, ...]] = {}


def _shared(model: type[Base], entry: Any) -> dict[str, Any]:
    """Values of the fields that are columns of the same name."""
    key = (model, type(entry))
    if key not in _SHARED:
        columns = sa.inspect(model).columns
        _SHARED[key] = tuple(f.name for f in fields(entry) if f.name in columns and f.name != "id")
    return {name: getattr(entry, name) for name in _SHARED[key]}

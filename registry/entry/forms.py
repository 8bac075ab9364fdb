"""What a form, a file or the command line says before anything is stored.

An entry holds plain values as typed. ``None`` means "not said", never "no". Nested entries follow
the visit: a session holds sites, a site holds injections.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from registry.vocabulary import (
    Causality,
    CompressionClass,
    Detection,
    EventOutcome,
    Expectedness,
    FindingState,
    FoamGas,
    FollowUpMethod,
    FollowUpStatus,
    Guidance,
    Indication,
    Laterality,
    Modality,
    Occlusion,
    OverrideReason,
    SclerosantForm,
    SeriousnessCriterion,
    SessionIntent,
    Severity,
    Sex,
    SiteFinding,
    SkinType,
    VesselClass,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientEntry:
    """A patient to be enrolled; the identity fields are stored apart."""

    id: UUID
    pseudonym: str
    enrolled_on: dt.date
    birth_year: int | None = None
    sex: Sex = Sex.UNKNOWN
    skin_type: SkinType | None = None
    died_on: dt.date | None = None
    family_name: str | None = None
    given_name: str | None = None
    birth_date: dt.date | None = None
    hospital_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseEntry:
    """A plan of sessions."""

    id: UUID
    patient_id: UUID
    opened_on: dt.date
    indication: Indication | None = None
    planned_sessions: int | None = None
    payer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionEntry:
    """What was injected; the lot is known by its number and expiry as printed on the box."""

    product_code: str
    form: SclerosantForm
    concentration_percent: Decimal | None = None
    liquid_ml: Decimal | None = None
    lot_number: str | None = None
    expires_on: dt.date | None = None
    is_compounded: bool = False
    gas: FoamGas | None = None
    gas_ml: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEntry:
    """A treated region or vein, with what was injected there."""

    side: Laterality
    anatomy_code: str
    vessel_class: VesselClass | None = None
    diameter_mm: Decimal | None = None
    feeder_treated: bool | None = None
    injections: tuple[InjectionEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideEntry:
    """Why a safety rule that warned did not keep a session from being done as it was.

    ``catalogue_version`` is that of the catalogue which warned.
    """

    rule: str
    catalogue_version: str
    reason: OverrideReason
    reason_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """A treatment session; ``injections`` holds those whose site is not known."""

    id: UUID
    patient_id: UUID
    treated_on: dt.date
    course_id: UUID | None = None
    clinician_id: int | None = None
    modality: Modality = Modality.SCLEROTHERAPY
    intent: SessionIntent | None = None
    weight_kg: Decimal | None = None
    guidance: Guidance | None = None
    pain: int | None = None
    compression_class: CompressionClass | None = None
    compression_days: int | None = None
    consent_version: str | None = None
    cost_amount: Decimal | None = None
    cost_currency: str | None = None
    note: str | None = None
    sites: tuple[SiteEntry, ...] = ()
    injections: tuple[InjectionEntry, ...] = ()
    overrides: tuple[OverrideEntry, ...] = ()

    def all_injections(self) -> tuple[InjectionEntry, ...]:
        """Every injection of the session, those on sites first."""
        return tuple(i for site in self.sites for i in site.injections) + self.injections

    def with_overrides(self, given: Iterable[OverrideEntry]) -> SessionEntry:
        """The session with these reasons added; for the same rule the new one holds."""
        by_rule = {override.rule: override for override in (*self.overrides, *given)}
        return replace(self, overrides=tuple(by_rule[rule] for rule in sorted(by_rule)))

    def placed_injections(self) -> Iterator[tuple[str, SiteEntry | None, InjectionEntry]]:
        """Every injection with its path in the entry and its site, if that is known."""
        for i, site in enumerate(self.sites):
            for j, injection in enumerate(site.injections):
                yield f"sites[{i}].injections[{j}]", site, injection
        for j, injection in enumerate(self.injections):
            yield f"injections[{j}]", None, injection


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEntry:
    """An adverse event."""

    id: UUID
    patient_id: UUID
    event_term_code: str
    onset_on: dt.date
    reported_on: dt.date
    treatment_session_id: UUID | None = None
    treated_site_id: UUID | None = None
    resolved_on: dt.date | None = None
    severity: Severity | None = None
    seriousness_criteria: frozenset[SeriousnessCriterion] = frozenset()
    causality: Causality | None = None
    expectedness: Expectedness | None = None
    detection: Detection | None = None
    event_outcome: EventOutcome = EventOutcome.UNKNOWN
    treatment_given: str | None = None
    narrative: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEntry:
    """A checklist item that was present or could not be assessed."""

    event_term_code: str
    state: FindingState
    adverse_event_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOutcomeEntry:
    """How a treated site looked."""

    side: Laterality
    anatomy_code: str
    finding: SiteFinding
    scale_code: str | None = None
    score: Decimal | None = None
    occlusion: Occlusion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpEntry:
    """A follow-up visit or call, planned or held."""

    id: UUID
    patient_id: UUID
    status: FollowUpStatus
    treatment_session_id: UUID | None = None
    visit_code: str | None = None
    due_on: dt.date | None = None
    seen_on: dt.date | None = None
    method: FollowUpMethod | None = None
    checklist_code: str | None = None
    checklist_version: int | None = None
    days_to_normal: int | None = None
    note: str | None = None
    findings: tuple[FindingEntry, ...] = ()
    site_outcomes: tuple[SiteOutcomeEntry, ...] = ()


Entry = PatientEntry | CourseEntry | SessionEntry | EventEntry | FollowUpEntry

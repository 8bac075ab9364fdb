"""The canonical format: which files there are, which columns they hold and how they are linked.

Keys are the clinic's own texts. A patient key is unique in the clinic, the keys of courses,
sessions, events and follow-ups are unique in their file, a site key within its session. A key that
is a UUID is the identifier of the record itself; any other key gives a derived one, so the same key
always means the same record and an exported file finds its records again.

What a column means, its unit and its range come from the column of the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

import sqlalchemy as sa

from registry.catalogue import catalogue
from registry.database import Base, Quantity
from registry.schema import (
    AdverseEvent,
    Clinician,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    Lot,
    Patient,
    PatientIdentity,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)

FORMAT_VERSION: Final = 1
LONGEST_KEY: Final = 64
KEY_NAMESPACE: Final = UUID("d7a2a3f2-6b0e-4b51-9c0a-5f3b9f6d1e08")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Kind(StrEnum):
    """How the cells of a column are written."""

    KEY = "key"
    TEXT = "text"
    CODE = "code"
    CHOICE = "choice"
    WHOLE = "whole number"
    DECIMAL = "decimal number"
    DAY = "day"
    YES_NO = "yes or no"


class Withheld(StrEnum):
    """What a pseudonymous export leaves out; such a column may be left out of an import too."""

    IDENTITY = "identity"
    FREE_TEXT = "free text"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of one file; ``source`` is the database column that explains it."""

    name: str
    source: sa.Column[Any]
    kind: Kind
    required: bool
    meaning: str
    withheld: Withheld | None = None
    codes: str | None = None

    def allowed(self) -> tuple[str, ...]:
        """The values of a closed set or of the catalogue; empty when any may stand."""
        if self.kind is Kind.YES_NO:
            return ("yes", "no")
        if isinstance(self.source.type, sa.Enum):
            return tuple(self.source.type.enums)
        return tuple(getattr(catalogue(), self.codes)) if self.codes else ()


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One file of the format."""

    name: str
    meaning: str
    required: bool
    columns: Mapping[str, Column]


def record_id(clinic_code: str, file: str, key: str) -> UUID:
    """Identifier of the record with ``key``: the key itself when it is a UUID, else derived."""
    if is_uuid(key):
        return UUID(key)
    return uuid5(_namespace(clinic_code), f"{file}/{key}")


@cache
def _namespace(clinic_code: str) -> UUID:
    return uuid5(KEY_NAMESPACE, clinic_code)


def is_uuid(key: str) -> bool:
    """Whether a key is a UUID written the usual way."""
    return _UUID.fullmatch(key) is not None


_CATALOGUE: Final = {
    "anatomy_code": "anatomy",
    "product_code": "products",
    "event_term_code": "event_terms",
    "visit_code": "visits",
    "scale_code": "scales",
    "checklist_code": "checklists",
}
_FREE_TEXT: Final = frozenset({"payer", "note", "treatment_given", "narrative"})
_IDENTITY: Final = frozenset(
    {"family_name", "given_name", "birth_date", "hospital_number", "display_name"}
)


def _kind(name: str, source: sa.Column[Any]) -> Kind:
    if name in _CATALOGUE:
        return Kind.CODE
    if isinstance(source.type, sa.Enum):
        return Kind.CHOICE
    kinds: tuple[tuple[type[Any], Kind], ...] = (
        (sa.Boolean, Kind.YES_NO),
        (sa.Date, Kind.DAY),
        (Quantity, Kind.DECIMAL),
        (sa.Integer, Kind.WHOLE),
        (sa.String, Kind.TEXT),
    )
    return next(kind for type_, kind in kinds if isinstance(source.type, type_))


def _plain(model: type[Base], *names: str, optional: bool = False) -> list[Column]:
    """Columns that mean what the database column of the same name means."""
    columns = sa.inspect(model).columns
    made = []
    for name in names:
        source = columns[name]
        withheld = (
            Withheld.IDENTITY
            if name in _IDENTITY
            else Withheld.FREE_TEXT
            if name in _FREE_TEXT
            else None
        )
        made.append(
            Column(
                name=name,
                source=source,
                kind=_kind(name, source),
                required=not (optional or source.nullable or source.default is not None),
                meaning=_meaning(source),
                withheld=withheld,
                codes=_CATALOGUE.get(name),
            )
        )
    return made


def _meaning(source: sa.Column[Any]) -> str:
    """The comment of the database column, and what a blank cell is stored as."""
    default = source.default.arg if isinstance(source.default, sa.ColumnDefault) else None
    if default is None:
        return str(source.comment)
    word = ("yes" if default else "no") if isinstance(default, bool) else str(default)
    return f"{source.comment} Blank is stored as {word}."


def _key(
    name: str, model: type[Base], attribute: str, meaning: str, *, required: bool = True
) -> Column:
    return Column(
        name=name,
        source=sa.inspect(model).columns[attribute],
        kind=Kind.KEY,
        required=required,
        meaning=meaning,
    )


def _file(name: str, meaning: str, *columns: Column | list[Column], required: bool = False) -> File:
    flat = [c for given in columns for c in (given if isinstance(given, list) else [given])]
    return File(name, meaning, required, MappingProxyType({c.name: c for c in flat}))


def _patient_key(model: type[Base]) -> Column:
    return _key(
        "patient_key",
        model,
        "patient_id",
        "Key of the patient in patients.csv, or of a patient who is already in the registry.",
    )


_CRITERIA: Final = (
    "criterion_death",
    "criterion_life_threatening",
    "criterion_hospitalisation",
    "criterion_disability",
    "criterion_congenital_anomaly",
    "criterion_medically_important",
)

_FILES: Final = (
    _file(
        "clinicians.csv",
        "Who treats; needed only when sessions name clinicians that the registry does not know.",
        _key("clinician_code", Clinician, "code", "Short code of the clinician in the files."),
        _plain(Clinician, "display_name", optional=True),
    ),
    _file(
        "patients.csv",
        "Patients, under a pseudonym.",
        _key(
            "patient_key",
            Patient,
            "id",
            "The clinic's own key of the patient, never a name; also the pseudonym when that "
            "column is blank.",
        ),
        _plain(Patient, "pseudonym", optional=True),
        _plain(Patient, "enrolled_on", "birth_year", "sex", "skin_type", "died_on"),
        _plain(PatientIdentity, "family_name", "given_name", "birth_date", "hospital_number"),
        required=True,
    ),
    _file(
        "courses.csv",
        "Plans of one or more sessions.",
        _key("course_key", Course, "id", "The clinic's own key of the course."),
        _patient_key(Course),
        _plain(Course, "opened_on", "indication", "planned_sessions", "payer"),
    ),
    _file(
        "sessions.csv",
        "Treatment sessions: one row a visit.",
        _key("session_key", TreatmentSession, "id", "The clinic's own key of the session."),
        _patient_key(TreatmentSession),
        _plain(TreatmentSession, "treated_on"),
        _key(
            "course_key",
            TreatmentSession,
            "course_id",
            "Key of the course the session belongs to.",
            required=False,
        ),
        _key("clinician_code", Clinician, "code", "Code of who treated.", required=False),
        _plain(
            TreatmentSession,
            "modality",
            "intent",
            "weight_kg",
            "guidance",
            "pain",
            "compression_class",
            "compression_days",
            "consent_version",
            "cost_amount",
            "cost_currency",
            "note",
        ),
        required=True,
    ),
    _file(
        "sites.csv",
        "Regions or veins treated in a session: one row a site, in the order of treatment.",
        _key("session_key", TreatedSite, "treatment_session_id", "Key of the session."),
        _key("site_key", TreatedSite, "id", "Key of the site within its session, such as 1 or A."),
        _plain(
            TreatedSite, "side", "anatomy_code", "vessel_class", "diameter_mm", "feeder_treated"
        ),
    ),
    _file(
        "injections.csv",
        "What was injected: one row for each product, strength and form at each site.",
        _key("session_key", Injection, "treatment_session_id", "Key of the session."),
        _key(
            "site_key",
            Injection,
            "treated_site_id",
            "Key of the site in sites.csv; blank when only the session is known.",
            required=False,
        ),
        _plain(Injection, "product_code", "form", "concentration_percent", "liquid_ml"),
        _plain(Lot, "lot_number", "expires_on", "is_compounded", optional=True),
        _plain(Injection, "gas", "gas_ml"),
        required=True,
    ),
    _file(
        "events.csv",
        "Adverse events: one row an event.",
        _key("event_key", AdverseEvent, "id", "The clinic's own key of the event."),
        _patient_key(AdverseEvent),
        _plain(AdverseEvent, "event_term_code", "onset_on", "reported_on"),
        _key(
            "session_key",
            AdverseEvent,
            "treatment_session_id",
            "Key of the session the event is attributed to; blank is none.",
            required=False,
        ),
        _key(
            "site_key",
            AdverseEvent,
            "treated_site_id",
            "Key of the site within that session; blank is not attributed to a site.",
            required=False,
        ),
        _plain(
            AdverseEvent,
            "resolved_on",
            "severity",
            *_CRITERIA,
            "causality",
            "expectedness",
            "detection",
            "event_outcome",
            "treatment_given",
            "narrative",
        ),
    ),
    _file(
        "follow_ups.csv",
        "Follow-up visits and calls, planned or held: what was looked for stands in the checklist.",
        _key("follow_up_key", FollowUp, "id", "The clinic's own key of the follow-up."),
        _patient_key(FollowUp),
        _plain(FollowUp, "status"),
        _key(
            "session_key",
            FollowUp,
            "treatment_session_id",
            "Key of the session that the visit follows.",
            required=False,
        ),
        _plain(
            FollowUp,
            "visit_code",
            "due_on",
            "seen_on",
            "method",
            "checklist_code",
            "checklist_version",
            "days_to_normal",
            "note",
        ),
    ),
    _file(
        "findings.csv",
        "Checklist items that were present or could not be assessed; an item without a row was "
        "looked for and absent.",
        _key("follow_up_key", FollowUpFinding, "follow_up_id", "Key of the follow-up."),
        _plain(FollowUpFinding, "event_term_code", "state"),
        _key(
            "event_key",
            FollowUpFinding,
            "adverse_event_id",
            "Key of the event that the finding belongs to.",
            required=False,
        ),
    ),
    _file(
        "site_outcomes.csv",
        "How treated sites looked at a follow-up: one row a site.",
        _key("follow_up_key", SiteOutcome, "follow_up_id", "Key of the follow-up."),
        _plain(SiteOutcome, "side", "anatomy_code", "finding", "scale_code", "score", "occlusion"),
    ),
)

FILES: Final[Mapping[str, File]] = MappingProxyType({file.name: file for file in _FILES})
"""The files in reading order: what is referred to comes first."""

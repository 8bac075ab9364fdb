"""The facts in columns: one row per session, event, follow-up item and treated site.

Every rate needs session-grain truth (windows, maturity, what was looked for, which patient), so the
read side keeps these columns per database and asks them instead of the tables. They are read again
as soon as the data have a new seal, so a figure never lags a save. The facts know no actor: every
analysis applies the clinics and rights of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry import audit
from registry.analysis.columns import (
    Codes,
    Column,
    as_days,
    as_text,
    coded,
    columns_of,
    filled,
    one_or,
    places,
    whole,
)
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.schema import (
    AdverseEvent,
    Clinic,
    Clinician,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    Patient,
    Product,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import (
    Causality,
    Detection,
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Modality,
    Occlusion,
    SclerosantForm,
    SeriousnessCriterion,
    SiteFinding,
)

T = TypeVar("T")

MIXED: Final = "mixed"
"""Level of a session with several agents, forms, strengths or vessel classes."""
NOT_RECORDED: Final = "not_recorded"
NOT_APPLICABLE: Final = "not_applicable"
"""Level of agent, form and strength in a session of another modality."""


DIMENSIONS: Final = (
    "sclerosant",
    "product",
    "concentration",
    "form",
    "gas",
    "guidance",
    "vessel_class",
    "modality",
    "intent",
    "indication",
    "skin_type",
    "sex",
    "clinician",
    "clinic",
    "month",
)
"""What sessions can be filtered and grouped by."""


_OF_AGENT: Final = frozenset({"sclerosant", "product", "concentration", "form", "gas"})
EVENT_TERMS: Final = tuple(catalogue().event_terms)
CHECKLISTS: Final = tuple(catalogue().checklist_versions)
_FIXED_LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "method": tuple(FollowUpMethod),
    "finding": tuple(SiteFinding),
    "occlusion": tuple(Occlusion),
    "scale": tuple(catalogue().scales),
}


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Columns of one database at one seal; every text is a code into ``levels``, -1 for blank.

    ``sessions``: clinic_id, patient (dense code), day (days since 1970) and each dimension.
    ``events``: session (row of ``sessions``, -1 when attributed to none), clinic_id, term, offset
    (days after the session), serious, related, screened. ``visits``: patient, day and checklist of
    each follow-up that took place; ``not_assessed``: visit (row) and term of what was not assessed,
    or was present without an event. ``sites``: site (dense code), patient, session and day of each
    treatment; ``outcomes``: site, day, method, finding, scale, score and occlusion of each look.
    Both are in the order of site and day. ``deaths``:
    patient code to day. ``clinicians`` and ``clinics`` hold names by code.
    """

    seal: int
    sessions: pd.DataFrame
    events: pd.DataFrame
    visits: pd.DataFrame
    not_assessed: pd.DataFrame
    sites: pd.DataFrame
    outcomes: pd.DataFrame
    deaths: Mapping[int, int]
    patients: int
    levels: Mapping[str, tuple[str, ...]]
    clinicians: Mapping[str, tuple[str, int | None]]
    clinics: Mapping[int, tuple[str, str, str]]
    _derived: dict[object, Any] = field(default_factory=dict)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` works out from these facts alone, kept as long as they are."""
        if key not in self._derived:
            self._derived[key] = make()
        found: T = self._derived[key]
        return found


_cache: WeakKeyDictionary[Engine, Facts] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_guard = threading.Lock()


def facts_of(engine: Engine) -> Facts:
    """The facts at the newest seal; read once for each seal, whoever asks."""
    with _guard:
        lock = _locks.setdefault(engine, threading.Lock())
    with lock, reading(engine) as db:
        newest = audit.head(db)
        known = _cache.get(engine)
        if known is None or known.seal != newest:
            known = _read(db, newest)
            _cache[engine] = known
        return known


def _read(db: DbSession, seal: int) -> Facts:
    patients = columns_of(
        db,
        Patient.clinic_id,
        as_text(Patient.id, db).label("patient_id"),
        as_days(Patient.died_on, db).label("died"),
        where=[Patient.voided_at.is_(None)],
    )
    known = (patients["clinic_id"], patients["patient_id"])
    died = whole(patients["died"])
    sessions, session_keys, levels = _sessions(db, known)
    visits, not_assessed = _visits(db, known)
    sites, outcomes = _sites(db, known, session_keys, sessions["day"].to_numpy())
    clinicians = db.execute(
        sa.select(Clinician.clinic_id, Clinician.id, Clinician.display_name, Clinician.user_id)
    )
    clinics = db.execute(sa.select(Clinic.id, Clinic.code, Clinic.name, Clinic.time_zone))
    return Facts(
        seal=seal,
        sessions=sessions,
        events=_events(db, session_keys, sessions["day"].to_numpy()),
        visits=visits,
        not_assessed=not_assessed,
        sites=sites,
        outcomes=outcomes,
        deaths={int(code): int(died[code]) for code in np.flatnonzero(died >= 0)},
        patients=len(died),
        levels=levels,
        clinicians={
            f"{row.clinic_id}-{row.id}": (row.display_name, row.user_id) for row in clinicians
        },
        clinics={row.id: (row.code, row.name, row.time_zone) for row in clinics},
    )


def _months(days: NDArray[np.int64]) -> NDArray[np.str_]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(str)


def _sessions(
    db: DbSession, patients: Sequence[Column]
) -> tuple[pd.DataFrame, tuple[Column, Column], dict[str, tuple[str, ...]]]:
    agents = (
        sa.select(
            Injection.clinic_id,
            Injection.treatment_session_id,
            one_or(MIXED, Product.sclerosant_code).label("sclerosant"),
            one_or(MIXED, Injection.product_code).label("product"),
            one_or(MIXED, Injection.concentration_percent).label("concentration"),
            one_or(MIXED, Injection.form).label("form"),
            one_or(MIXED, Injection.gas, blank_is_a_level=False).label("gas"),
        )
        .join(Product, Product.code == Injection.product_code)
        .where(Injection.voided_at.is_(None))
        .group_by(Injection.clinic_id, Injection.treatment_session_id)
        .subquery()
    )
    vessels = (
        sa.select(
            TreatedSite.clinic_id,
            TreatedSite.treatment_session_id,
            one_or(MIXED, TreatedSite.vessel_class).label("vessel_class"),
        )
        .where(TreatedSite.voided_at.is_(None))
        .group_by(TreatedSite.clinic_id, TreatedSite.treatment_session_id)
        .subquery()
    )
    source = (
        sa.join(
            TreatmentSession,
            Patient,
            sa.and_(
                Patient.clinic_id == TreatmentSession.clinic_id,
                Patient.id == TreatmentSession.patient_id,
            ),
        )
        .outerjoin(
            Course,
            sa.and_(
                Course.clinic_id == TreatmentSession.clinic_id,
                Course.id == TreatmentSession.course_id,
            ),
        )
        .outerjoin(
            agents,
            sa.and_(
                agents.c.clinic_id == TreatmentSession.clinic_id,
                agents.c.treatment_session_id == TreatmentSession.id,
            ),
        )
        .outerjoin(
            vessels,
            sa.and_(
                vessels.c.clinic_id == TreatmentSession.clinic_id,
                vessels.c.treatment_session_id == TreatmentSession.id,
            ),
        )
    )
    found = columns_of(
        db,
        TreatmentSession.clinic_id,
        as_text(TreatmentSession.id, db).label("session_id"),
        as_text(TreatmentSession.patient_id, db).label("patient_id"),
        as_days(TreatmentSession.treated_on, db).label("day"),
        TreatmentSession.clinician_id,
        sa.type_coerce(TreatmentSession.modality, sa.String).label("modality"),
        sa.type_coerce(TreatmentSession.intent, sa.String).label("intent"),
        sa.type_coerce(TreatmentSession.guidance, sa.String).label("guidance"),
        sa.type_coerce(Course.indication, sa.String).label("indication"),
        sa.type_coerce(Patient.skin_type, sa.String).label("skin_type"),
        sa.type_coerce(Patient.sex, sa.String).label("sex"),
        agents.c.sclerosant,
        agents.c.product,
        agents.c.concentration,
        agents.c.form,
        agents.c.gas,
        vessels.c.vessel_class,
        source=source,
        where=[TreatmentSession.voided_at.is_(None), Patient.voided_at.is_(None)],
    )
    order = np.lexsort((found["session_id"].astype(str), whole(found["day"])))
    found = {name: column[order] for name, column in found.items()}
    days = whole(found["day"])
    texts = found | {
        "clinic": found["clinic_id"].astype(str).astype(object),
        "month": _months(days).astype(object),
        "clinician": np.array(
            [
                None if clinician is None else f"{clinic}-{clinician}"
                for clinic, clinician in zip(found["clinic_id"], found["clinician_id"], strict=True)
            ],
            dtype=object,
        ),
        "concentration": np.array(
            [
                value if value is None or value == MIXED else f"{float(value):g}"
                for value in found["concentration"]
            ],
            dtype=object,
        ),
    }
    no_agent = found["modality"] != Modality.SCLEROTHERAPY.value
    columns: dict[str, Codes] = {
        "clinic_id": whole(found["clinic_id"]),
        "patient": places((found["clinic_id"], found["patient_id"]), patients),
        "day": days,
    }
    levels: dict[str, tuple[str, ...]] = {}
    for name in DIMENSIONS:
        inapplicable = no_agent & (name in _OF_AGENT)
        if name == "gas":
            inapplicable |= found["form"] == SclerosantForm.LIQUID.value
        values = filled(texts[name], np.where(inapplicable, NOT_APPLICABLE, NOT_RECORDED))
        columns[name], level = pd.factorize(values, sort=True)
        levels[name] = tuple(str(value) for value in level)
    keys = (found["clinic_id"], found["session_id"])
    return pd.DataFrame(columns), keys, levels | _FIXED_LEVELS


def _events(
    db: DbSession, session_keys: tuple[Column, Column], session_days: Codes
) -> pd.DataFrame:
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    found = columns_of(
        db,
        AdverseEvent.clinic_id,
        as_text(AdverseEvent.treatment_session_id, db).label("session_id"),
        AdverseEvent.event_term_code.label("term"),
        as_days(AdverseEvent.onset_on, db).label("onset"),
        sa.type_coerce(AdverseEvent.causality, sa.String).label("causality"),
        sa.type_coerce(AdverseEvent.detection, sa.String).label("detection"),
        sa.or_(*criteria).label("serious"),
        source=sa.join(
            AdverseEvent,
            Patient,
            sa.and_(
                Patient.clinic_id == AdverseEvent.clinic_id, Patient.id == AdverseEvent.patient_id
            ),
        ),
        where=[AdverseEvent.voided_at.is_(None), Patient.voided_at.is_(None)],
    )
    rows = places((found["clinic_id"], found["session_id"]), session_keys)
    attributed = rows >= 0
    offset = np.full(len(rows), -1, dtype=np.int64)
    offset[attributed] = (whole(found["onset"])[attributed]) - session_days[rows[attributed]]
    unrelated = [Causality.UNLIKELY.value, Causality.UNRELATED.value]
    return pd.DataFrame(
        {
            "session": rows,
            "clinic_id": whole(found["clinic_id"]),
            "term": coded(found["term"], EVENT_TERMS),
            "offset": offset,
            "serious": found["serious"].astype(np.bool_),
            "related": coded(found["causality"], unrelated) < 0,
            "screened": found["detection"] == Detection.PLANNED_DUPLEX.value,
        }
    )


def _visits(db: DbSession, patients: Sequence[Column]) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = columns_of(
        db,
        FollowUp.clinic_id,
        as_text(FollowUp.patient_id, db).label("patient_id"),
        as_text(FollowUp.id, db).label("follow_up_id"),
        as_days(FollowUp.seen_on, db).label("day"),
        FollowUp.checklist_code,
        FollowUp.checklist_version,
        where=[FollowUp.voided_at.is_(None), FollowUp.status == FollowUpStatus.SEEN],
    )
    place = {key: number for number, key in enumerate(CHECKLISTS)}
    checklist = [
        place.get(key, -1)
        for key in zip(found["checklist_code"], found["checklist_version"], strict=True)
    ]
    visits = pd.DataFrame(
        {
            "patient": places((found["clinic_id"], found["patient_id"]), patients),
            "day": whole(found["day"]),
            "checklist": np.array(checklist, dtype=np.int64),
        }
    )
    missing = columns_of(
        db,
        FollowUpFinding.clinic_id,
        as_text(FollowUpFinding.follow_up_id, db).label("follow_up_id"),
        FollowUpFinding.event_term_code.label("term"),
        source=sa.outerjoin(
            FollowUpFinding,
            AdverseEvent,
            sa.and_(
                AdverseEvent.clinic_id == FollowUpFinding.clinic_id,
                AdverseEvent.id == FollowUpFinding.adverse_event_id,
                AdverseEvent.voided_at.is_(None),
            ),
        ),
        where=[
            FollowUpFinding.voided_at.is_(None),
            # Present without a standing event: something was there, but not what or when.
            sa.or_(FollowUpFinding.state == FindingState.NOT_ASSESSED, AdverseEvent.id.is_(None)),
        ],
    )
    not_assessed = pd.DataFrame(
        {
            "visit": places(
                (missing["clinic_id"], missing["follow_up_id"]),
                (found["clinic_id"], found["follow_up_id"]),
            ),
            "term": coded(missing["term"], EVENT_TERMS),
        }
    )
    return visits, not_assessed[not_assessed["visit"] >= 0]


def _sites(
    db: DbSession,
    patients: Sequence[Column],
    session_keys: tuple[Column, Column],
    session_days: Codes,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    treated = columns_of(
        db,
        TreatedSite.clinic_id,
        as_text(TreatedSite.treatment_session_id, db).label("session_id"),
        as_text(TreatedSite.patient_id, db).label("patient_id"),
        sa.type_coerce(TreatedSite.side, sa.String).label("side"),
        TreatedSite.anatomy_code,
        where=[TreatedSite.voided_at.is_(None)],
    )
    key = ("clinic_id", "patient_id", "side", "anatomy_code")
    keys = [treated[name] for name in key]
    session = places((treated["clinic_id"], treated["session_id"]), session_keys)
    first_of_site = _first_places(keys)
    kept = session >= 0
    # Dense codes over what is kept, in the order of first treatment.
    codes, firsts = pd.factorize(first_of_site[kept])
    sites = pd.DataFrame(
        {
            "site": codes.astype(np.int64),
            "patient": places((treated["clinic_id"], treated["patient_id"]), patients)[kept],
            "session": session[kept],
            "day": session_days[session[kept]],
        }
    ).sort_values(["site", "day"], ignore_index=True)
    looks = columns_of(
        db,
        SiteOutcome.clinic_id,
        as_text(SiteOutcome.patient_id, db).label("patient_id"),
        sa.type_coerce(SiteOutcome.side, sa.String).label("side"),
        SiteOutcome.anatomy_code,
        as_days(FollowUp.seen_on, db).label("day"),
        sa.type_coerce(FollowUp.method, sa.String).label("method"),
        sa.type_coerce(SiteOutcome.finding, sa.String).label("finding"),
        SiteOutcome.scale_code,
        sa.cast(SiteOutcome.score, sa.Float).label("score"),
        sa.type_coerce(SiteOutcome.occlusion, sa.String).label("occlusion"),
        source=sa.join(
            SiteOutcome,
            FollowUp,
            sa.and_(
                FollowUp.clinic_id == SiteOutcome.clinic_id,
                FollowUp.id == SiteOutcome.follow_up_id,
            ),
        ),
        where=[
            SiteOutcome.voided_at.is_(None),
            FollowUp.voided_at.is_(None),
            FollowUp.status == FollowUpStatus.SEEN,
        ],
    )
    row = places([looks[name] for name in key], [column[firsts] for column in keys])
    outcomes = pd.DataFrame(
        {
            "site": row,
            "day": whole(looks["day"]),
            "method": coded(looks["method"], _FIXED_LEVELS["method"]),
            "finding": coded(looks["finding"], _FIXED_LEVELS["finding"]),
            "scale": coded(looks["scale_code"], _FIXED_LEVELS["scale"]),
            "score": looks["score"].astype(np.float64),
            "occlusion": coded(looks["occlusion"], _FIXED_LEVELS["occlusion"]),
        }
    )
    outcomes = outcomes[outcomes["site"] >= 0].sort_values(["site", "day"], ignore_index=True)
    return sites, outcomes


def _first_places(columns: Sequence[Column]) -> Codes:
    """For each row the first row with the same values."""
    return places(columns, columns)

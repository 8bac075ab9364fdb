"""The facts in columns: one row per session, event, follow-up item and treated site.

Every rate needs session-grain truth (windows, maturity, what was looked for, which patient), so the
read side keeps these columns per database and asks them instead of the tables. They are read again
as soon as the data have a new seal, so a figure never lags a save. The facts know no actor: every
analysis applies the clinics and rights of its own.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry import audit
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
from registry.vocabulary import Causality, FindingState, FollowUpStatus, SeriousnessCriterion

MIXED: Final = "mixed"
"""Level of a session with several agents, forms, strengths or vessel classes."""
NOT_RECORDED: Final = "not_recorded"

EPOCH: Final = dt.date(1970, 1, 1)

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


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Columns of one database at one seal.

    ``sessions``: clinic_id, patient (dense code), day (days since 1970), and for each dimension a code
    into ``levels``. ``events``: session (row of ``sessions``, -1 when attributed to none), clinic,
    term, offset (days after the session), serious, related, screened. ``visits``: patient, day,
    checklist, method of each follow-up that took place, with the items not assessed in
    ``not_assessed`` (visit row, term). ``sites`` and ``outcomes``: treatments and findings of a
    site, by a dense site code. ``deaths``: patient code to day.
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
    clinicians: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    clinics: Mapping[int, tuple[str, str, str]] = field(default_factory=dict)


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


def day_number(day: dt.date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def _text(column: Any, db: DbSession) -> Any:
    """A key as text, without making a UUID object of every row."""
    if db.get_bind().dialect.name == "sqlite":
        return sa.type_coerce(column, sa.String)
    return sa.cast(column, sa.String)


def _frame(db: DbSession, *columns: Any, source: Any = None, where: Any = ()) -> pd.DataFrame:
    statement = sa.select(*columns)
    if source is not None:
        statement = statement.select_from(source)
    result = db.execute(statement.where(*where))
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def _days(column: Any, db: DbSession) -> Any:
    if db.get_bind().dialect.name == "sqlite":
        return sa.cast(sa.func.julianday(column) - sa.func.julianday("1970-01-01"), sa.Integer)
    return column - sa.literal(EPOCH, sa.Date)


def _one_or_mixed(column: Any) -> Any:
    """The only value of a group, or "mixed"."""
    text = sa.cast(column, sa.String)
    return sa.case(
        (sa.func.count(sa.distinct(text)) > 1, sa.literal(MIXED)), else_=sa.func.min(text)
    )


def _read(db: DbSession, seal: int) -> Facts:
    sessions = _sessions(db)
    keys = {"clinic_id": sessions["clinic_id"], "patient_id": sessions["patient_id"]}
    patients = _frame(
        db,
        Patient.clinic_id,
        _text(Patient.id, db).label("patient_id"),
        _days(Patient.died_on, db).label("died"),
        where=[Patient.voided_at.is_(None)],
    )
    patient_code = _codes(patients["clinic_id"], patients["patient_id"])
    deaths = {
        patient_code[(clinic, patient)]: int(died)
        for clinic, patient, died in patients.dropna(subset=["died"]).itertuples(index=False)
    }
    session_row = {
        key: row
        for row, key in enumerate(zip(sessions["clinic_id"], sessions["session_id"], strict=True))
    }
    columns: dict[str, Any] = {
        "clinic_id": sessions["clinic_id"].to_numpy(np.int64),
        "patient": _looked_up(patient_code, *keys.values()),
        "day": sessions["day"].to_numpy(np.int64),
    }
    levels: dict[str, tuple[str, ...]] = {}
    sessions["clinic"] = sessions["clinic_id"].astype(str)
    sessions["month"] = _months(columns["day"])
    for name in DIMENSIONS:
        values = sessions[name].astype(object).where(sessions[name].notna(), NOT_RECORDED)
        codes, found = pd.factorize(values.astype(str), sort=True)
        columns[name] = codes.astype(np.int32)
        levels[name] = tuple(str(value) for value in found)
    clinicians = {
        f"{row.clinic_id}-{row.id}": (row.display_name, row.user_id)
        for row in db.execute(
            sa.select(Clinician.clinic_id, Clinician.id, Clinician.display_name, Clinician.user_id)
        )
    }
    clinics = {
        row.id: (row.code, row.name, row.time_zone)
        for row in db.execute(sa.select(Clinic.id, Clinic.code, Clinic.name, Clinic.time_zone))
    }
    session_frame = pd.DataFrame(columns)
    visits, not_assessed = _visits(db, patient_code)
    sites, outcomes = _sites(db, session_frame, session_row, patient_code)
    return Facts(
        seal=seal,
        sessions=session_frame,
        events=_events(db, session_frame, session_row),
        visits=visits,
        not_assessed=not_assessed,
        sites=sites,
        outcomes=outcomes,
        deaths=deaths,
        patients=len(patient_code),
        levels=levels,
        clinicians=clinicians,
        clinics=clinics,
    )


def _codes(*columns: pd.Series[Any]) -> dict[Any, int]:
    return {key: code for code, key in enumerate(dict.fromkeys(zip(*columns, strict=True)))}


def _looked_up(codes: Mapping[Any, int], *columns: pd.Series[Any]) -> NDArray[np.int64]:
    return np.fromiter(
        (codes.get(key, -1) for key in zip(*columns, strict=True)), np.int64, len(columns[0])
    )


def _months(days: NDArray[np.int64]) -> NDArray[np.str_]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(str)


def _sessions(db: DbSession) -> pd.DataFrame:
    agents = (
        sa.select(
            Injection.clinic_id,
            Injection.treatment_session_id,
            _one_or_mixed(Product.sclerosant_code).label("sclerosant"),
            _one_or_mixed(Injection.product_code).label("product"),
            _one_or_mixed(Injection.concentration_percent).label("concentration"),
            _one_or_mixed(Injection.form).label("form"),
            _one_or_mixed(Injection.gas).label("gas"),
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
            _one_or_mixed(TreatedSite.vessel_class).label("vessel_class"),
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
    frame = _frame(
        db,
        TreatmentSession.clinic_id,
        _text(TreatmentSession.id, db).label("session_id"),
        _text(TreatmentSession.patient_id, db).label("patient_id"),
        _days(TreatmentSession.treated_on, db).label("day"),
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
    ).sort_values(["day", "session_id"], ignore_index=True)
    frame["clinician"] = [
        None if pd.isna(clinician) else f"{clinic}-{int(clinician)}"
        for clinic, clinician in zip(frame["clinic_id"], frame["clinician_id"], strict=True)
    ]
    frame["concentration"] = [
        value if value is None or value == MIXED else f"{float(value):g}"
        for value in frame["concentration"]
    ]
    return frame


def _events(db: DbSession, sessions: pd.DataFrame, session_row: Mapping[Any, int]) -> pd.DataFrame:
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    frame = _frame(
        db,
        AdverseEvent.clinic_id.label("clinic"),
        _text(AdverseEvent.treatment_session_id, db).label("session_id"),
        AdverseEvent.event_term_code.label("term"),
        _days(AdverseEvent.onset_on, db).label("onset"),
        _days(AdverseEvent.resolved_on, db).label("resolved"),
        sa.type_coerce(AdverseEvent.causality, sa.String).label("causality"),
        sa.type_coerce(AdverseEvent.severity, sa.String).label("severity"),
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
    rows = _looked_up(session_row, frame["clinic"], frame["session_id"])
    days = sessions["day"].to_numpy()
    onset = frame["onset"].to_numpy(np.int64)
    frame["session"] = rows
    frame["offset"] = np.where(rows >= 0, onset - days[rows], -1) if len(days) else -1
    frame["serious"] = frame["serious"].astype(bool)
    frame["related"] = ~frame["causality"].isin([Causality.UNLIKELY, Causality.UNRELATED])
    return frame.drop(columns=["session_id"])


def _visits(db: DbSession, patient_code: Mapping[Any, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    seen = [FollowUp.voided_at.is_(None), FollowUp.status == FollowUpStatus.SEEN]
    frame = _frame(
        db,
        FollowUp.clinic_id,
        _text(FollowUp.patient_id, db).label("patient_id"),
        _text(FollowUp.id, db).label("follow_up_id"),
        _days(FollowUp.seen_on, db).label("day"),
        FollowUp.checklist_code,
        FollowUp.checklist_version,
        sa.type_coerce(FollowUp.method, sa.String).label("method"),
        where=seen,
    )
    frame["patient"] = _looked_up(patient_code, frame["clinic_id"], frame["patient_id"])
    row_of = {
        key: row
        for row, key in enumerate(zip(frame["clinic_id"], frame["follow_up_id"], strict=True))
    }
    missing = _frame(
        db,
        FollowUpFinding.clinic_id,
        _text(FollowUpFinding.follow_up_id, db).label("follow_up_id"),
        FollowUpFinding.event_term_code.label("term"),
        where=[
            FollowUpFinding.voided_at.is_(None),
            FollowUpFinding.state == FindingState.NOT_ASSESSED,
        ],
    )
    missing["visit"] = _looked_up(row_of, missing["clinic_id"], missing["follow_up_id"])
    visits = frame[["patient", "day", "checklist_code", "checklist_version", "method"]]
    return visits, missing.loc[missing["visit"] >= 0, ["visit", "term"]]


def _sites(
    db: DbSession,
    sessions: pd.DataFrame,
    session_row: Mapping[Any, int],
    patient_code: Mapping[Any, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    treated = _frame(
        db,
        TreatedSite.clinic_id,
        _text(TreatedSite.treatment_session_id, db).label("session_id"),
        _text(TreatedSite.patient_id, db).label("patient_id"),
        sa.type_coerce(TreatedSite.side, sa.String).label("side"),
        TreatedSite.anatomy_code,
        where=[TreatedSite.voided_at.is_(None)],
    )
    treated["session"] = _looked_up(session_row, treated["clinic_id"], treated["session_id"])
    treated = treated[treated["session"] >= 0].reset_index(drop=True)
    key = ["clinic_id", "patient_id", "side", "anatomy_code"]
    site_code = _codes(*(treated[name] for name in key))
    treated["site"] = _looked_up(site_code, *(treated[name] for name in key))
    treated["patient"] = _looked_up(patient_code, treated["clinic_id"], treated["patient_id"])
    treated["day"] = sessions["day"].to_numpy()[treated["session"].to_numpy()]
    outcomes = _frame(
        db,
        SiteOutcome.clinic_id,
        _text(SiteOutcome.patient_id, db).label("patient_id"),
        sa.type_coerce(SiteOutcome.side, sa.String).label("side"),
        SiteOutcome.anatomy_code,
        _days(FollowUp.seen_on, db).label("day"),
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
    outcomes["site"] = _looked_up(site_code, *(outcomes[name] for name in key))
    outcomes = outcomes[outcomes["site"] >= 0].sort_values(["site", "day"], ignore_index=True)
    sites = treated[["site", "patient", "session", "day"]]
    return (
        sites.sort_values(["site", "day"], ignore_index=True),
        outcomes[["site", "day", "method", "finding", "scale_code", "score", "occlusion"]],
    )

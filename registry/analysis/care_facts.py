"""When sessions were typed in, which warnings were overridden, and what patients answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from registry.analysis.columns import (
    Codes,
    Column,
    as_text,
    columns_of,
    places,
    whole,
)
from registry.analysis.outcome_facts import ITEMS
from registry.analysis.touched_patients import Patients, of_parts, of_patients
from registry.database import DbSession
from registry.schema import ImportBatch, SafetyOverride, TreatmentSession

SATISFACTION: Final = "satisfaction"
"""Code of the question whose answers are read."""
UNKNOWN_DELAY: Final = -1_000_000
"""Delay of a session that was imported: when it was written down first is not known."""


def entry_facts(
    db: DbSession,
    session_keys: tuple[Column, Column],
    session_days: Codes,
    time_zones: Mapping[int, str],
    only: Patients | None = None,
) -> dict[str, Codes]:
    """For each session the days from treatment to entry, and whether a warning was overridden.

    The day of entry is that of the clinic's calendar. An import stamps its records and itself with
    one instant, by which its sessions are known.
    """
    found = columns_of(
        db,
        TreatmentSession.clinic_id,
        as_text(TreatmentSession.id, db).label("session_id"),
        _instant(TreatmentSession.recorded_at, db).label("recorded_at"),
        source=TreatmentSession,
        where=[TreatmentSession.voided_at.is_(None), *of_patients(only, TreatmentSession)],
    )
    imports = columns_of(
        db, ImportBatch.clinic_id, _instant(ImportBatch.imported_at, db).label("imported_at")
    )
    delay = np.full(len(session_days), UNKNOWN_DELAY, dtype=np.int64)
    rows = places((found["clinic_id"], found["session_id"]), session_keys)
    recorded = pd.DatetimeIndex(pd.to_datetime(found["recorded_at"], utc=True, format="ISO8601"))
    clinics = whole(found["clinic_id"])
    by_hand = (rows >= 0) & ~_is_among(
        clinics, found["recorded_at"], whole(imports["clinic_id"]), imports["imported_at"]
    )
    for clinic_id in np.unique(clinics[by_hand]):
        own = by_hand & (clinics == clinic_id)
        local = recorded[own].tz_convert(time_zones[int(clinic_id)]).tz_localize(None)
        days = local.to_numpy().astype("datetime64[D]").astype(np.int64)
        delay[rows[own]] = days - session_days[rows[own]]
    overridden = columns_of(
        db,
        SafetyOverride.clinic_id,
        as_text(SafetyOverride.treatment_session_id, db).label("session_id"),
        where=[
            SafetyOverride.voided_at.is_(None),
            *of_parts(only, SafetyOverride, "treatment_session_id", TreatmentSession),
        ],
    )
    flags = np.zeros(len(session_days), dtype=np.int64)
    warned = places((overridden["clinic_id"], overridden["session_id"]), session_keys)
    flags[warned[warned >= 0]] = 1
    return {"delay": delay, "overridden": flags}


def answer_facts(reported: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Each answer on satisfaction with the patient's latest session on or before its day.

    Columns: patient, session (row of ``sessions``), day and score, in the order of patient and day.
    An answer from before the first session is about no session and left out.
    """
    satisfaction = reported["item"].to_numpy() == ITEMS.index(SATISFACTION)
    answers = reported.loc[satisfaction, ["patient", "day", "score"]].sort_values(
        "day", kind="stable"
    )
    treated = sessions[["patient", "day"]].assign(session=np.arange(len(sessions)))
    matched = pd.merge_asof(answers, treated, on="day", by="patient").dropna(subset="session")
    matched["session"] = matched["session"].astype(np.int64)
    return matched.sort_values(["patient", "day"], kind="stable", ignore_index=True)


def _instant(column: Any, db: DbSession) -> Any:
    """An instant as it is stored, which need not be made a Python object a row."""
    if db.get_bind().dialect.name == "sqlite":
        return sa.type_coerce(column, sa.String)
    return sa.type_coerce(column, sa.DateTime(timezone=True))


def _is_among(
    clinics: Codes, instants: Column, other_clinics: Codes, other_instants: Column
) -> NDArray[np.bool_]:
    """Whether clinic and instant stand together among the others."""
    known = set(zip(other_clinics.tolist(), other_instants, strict=True))
    if not known:
        return np.zeros(len(clinics), dtype=np.bool_)
    return np.array(
        [pair in known for pair in zip(clinics.tolist(), instants, strict=True)], dtype=np.bool_
    )

"""Adverse events, and what was looked for at each follow-up."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from registry.analysis.columns import (
    Codes,
    Column,
    Joining,
    as_days,
    as_text,
    coded,
    columns_of,
    places,
    whole,
)
from registry.analysis.patient_codes import PatientCodes
from registry.analysis.touched_patients import Patients, of_parts, of_patients
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.schema import AdverseEvent, FollowUp, FollowUpFinding, Patient, TreatedSite
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    FindingState,
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    SeriousnessCriterion,
    Severity,
)

EVENT_TERMS: Final = tuple(catalogue().event_terms)
CHECKLISTS: Final = tuple(catalogue().checklist_versions)
EVENT_LEVELS: Final[dict[str, tuple[str, ...]]] = {"severity": tuple(Severity)}


def event_facts(
    db: DbSession,
    patients: PatientCodes,
    session_keys: tuple[Column, Column],
    session_days: Codes,
    only: Patients | None = None,
) -> pd.DataFrame:
    """Every standing event, with its session where it is attributed to one."""
    criteria = [getattr(AdverseEvent, f"criterion_{c.value}") for c in SeriousnessCriterion]
    found = columns_of(
        db,
        AdverseEvent.clinic_id,
        as_text(AdverseEvent.patient_id, db).label("patient_id"),
        as_text(AdverseEvent.treatment_session_id, db).label("session_id"),
        AdverseEvent.event_term_code.label("term"),
        as_days(AdverseEvent.onset_on, db).label("onset"),
        as_days(AdverseEvent.reported_on, db).label("reported"),
        as_days(AdverseEvent.resolved_on, db).label("resolved"),
        sa.type_coerce(AdverseEvent.severity, sa.String).label("severity"),
        sa.type_coerce(TreatedSite.side, sa.String).label("side"),
        sa.type_coerce(AdverseEvent.event_outcome, sa.String).label("outcome"),
        sa.type_coerce(AdverseEvent.causality, sa.String).label("causality"),
        sa.type_coerce(AdverseEvent.detection, sa.String).label("detection"),
        sa.or_(*criteria).label("serious"),
        source=sa.join(
            AdverseEvent,
            Patient,
            sa.and_(
                Patient.clinic_id == AdverseEvent.clinic_id, Patient.id == AdverseEvent.patient_id
            ),
        ).outerjoin(
            TreatedSite,
            sa.and_(
                TreatedSite.clinic_id == AdverseEvent.clinic_id,
                TreatedSite.id == AdverseEvent.treated_site_id,
                TreatedSite.voided_at.is_(None),
            ),
        ),
        where=[
            AdverseEvent.voided_at.is_(None),
            Patient.voided_at.is_(None),
            *of_patients(only, AdverseEvent),
        ],
    )
    rows = places((found["clinic_id"], found["session_id"]), session_keys)
    attributed = rows >= 0
    onset, resolved = whole(found["onset"]), whole(found["resolved"])
    offset = np.full(len(rows), -1, dtype=np.int64)
    offset[attributed] = onset[attributed] - session_days[rows[attributed]]
    unrelated = [Causality.UNLIKELY.value, Causality.UNRELATED.value]
    return pd.DataFrame(
        {
            "session": rows,
            "clinic_id": whole(found["clinic_id"]),
            "term": coded(found["term"], EVENT_TERMS),
            "offset": offset,
            "serious": found["serious"].astype(np.bool_),
            "related": coded(found["causality"], unrelated) < 0,
            "is_judged": coded(found["causality"], list(Causality)) >= 0,
            "is_detected": coded(found["detection"], list(Detection)) >= 0,
            "screened": found["detection"] == Detection.PLANNED_DUPLEX.value,
            "patient": patients.of(found["clinic_id"], found["patient_id"]),
            "onset": onset,
            "severity": coded(found["severity"], EVENT_LEVELS["severity"]),
            "resolved": np.where(resolved < 0, -1, resolved - onset),
            "reported": whole(found["reported"]) - onset,
            "recovered": found["outcome"] == EventOutcome.RECOVERED.value,
            "side": coded(found["side"], tuple(Laterality)),
        }
    )


def visit_facts(
    db: DbSession, patients: PatientCodes, only: Patients | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every follow-up that took place, and the terms that each could not assess."""
    found = columns_of(
        db,
        FollowUp.clinic_id,
        as_text(FollowUp.patient_id, db).label("patient_id"),
        as_text(FollowUp.id, db).label("follow_up_id"),
        as_days(FollowUp.seen_on, db).label("day"),
        FollowUp.checklist_code,
        FollowUp.checklist_version,
        sa.type_coerce(FollowUp.method, sa.String).label("method"),
        where=[
            FollowUp.voided_at.is_(None),
            FollowUp.status == FollowUpStatus.SEEN,
            *of_patients(only, FollowUp),
        ],
    )
    place = {key: number for number, key in enumerate(CHECKLISTS)}
    checklist = [
        place.get(key, -1)
        for key in zip(found["checklist_code"], found["checklist_version"], strict=True)
    ]
    visits = pd.DataFrame(
        {
            "patient": patients.of(found["clinic_id"], found["patient_id"]),
            "day": whole(found["day"]),
            "checklist": np.array(checklist, dtype=np.int64),
            "is_duplex": found["method"] == FollowUpMethod.DUPLEX.value,
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
            *of_parts(only, FollowUpFinding, "follow_up_id", FollowUp),
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
    # Of a patient who was voided nothing counts.
    joining = Joining.of(visits["patient"].to_numpy() >= 0, 0)
    not_assessed["visit"] = joining.place[not_assessed["visit"].to_numpy()]
    return (
        visits.iloc[joining.order].reset_index(drop=True),
        not_assessed[not_assessed["visit"] >= 0].reset_index(drop=True),
    )

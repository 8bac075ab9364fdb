"""What patients answered and how severe the disease of each leg was, in columns."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import sqlalchemy as sa

from registry.analysis.columns import as_days, as_text, coded, columns_of, whole
from registry.analysis.patient_codes import PatientCodes
from registry.analysis.touched_patients import Patients, of_patients
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.assessments import RVCSS_ITEMS
from registry.schema import LimbAssessment, PatientReportedOutcome
from registry.vocabulary import Laterality

ITEMS = tuple(catalogue().instrument_items)
"""Codes of the questions that patients are asked, in the order of the catalogue."""


def reported_facts(
    db: DbSession, patients: PatientCodes, only: Patients | None = None
) -> pd.DataFrame:
    """Each answer: patient, item (place in :data:`ITEMS`), day and score, by patient and day."""
    found = columns_of(
        db,
        PatientReportedOutcome.clinic_id,
        as_text(PatientReportedOutcome.patient_id, db).label("patient_id"),
        as_days(PatientReportedOutcome.answered_on, db).label("day"),
        PatientReportedOutcome.item_code,
        sa.cast(PatientReportedOutcome.score, sa.Float).label("score"),
        where=[
            PatientReportedOutcome.voided_at.is_(None),
            *of_patients(only, PatientReportedOutcome),
        ],
    )
    return _by_patient_and_day(
        pd.DataFrame(
            {
                "patient": patients.of(found["clinic_id"], found["patient_id"]),
                "item": coded(found["item_code"], ITEMS),
                "day": whole(found["day"]),
                "score": found["score"].astype(np.float64),
            }
        )
    )


def leg_facts(db: DbSession, patients: PatientCodes, only: Patients | None = None) -> pd.DataFrame:
    """Each assessment with all ten severity items: patient, side (0 left), day and total."""
    # A sum with a blank in it is blank.
    total = reduce(add, (getattr(LimbAssessment, name) for name in RVCSS_ITEMS))
    found = columns_of(
        db,
        LimbAssessment.clinic_id,
        as_text(LimbAssessment.patient_id, db).label("patient_id"),
        as_days(LimbAssessment.assessed_on, db).label("day"),
        LimbAssessment.side,
        total.label("total"),
        where=[
            LimbAssessment.voided_at.is_(None),
            total.is_not(None),
            *of_patients(only, LimbAssessment),
        ],
    )
    return _by_patient_and_day(
        pd.DataFrame(
            {
                "patient": patients.of(found["clinic_id"], found["patient_id"]),
                "side": coded(found["side"], [*Laterality]),
                "day": whole(found["day"]),
                "total": found["total"].astype(np.float64),
            }
        )
    )


def _by_patient_and_day(facts: pd.DataFrame) -> pd.DataFrame:
    known = facts[facts["patient"] >= 0]
    return known.sort_values(["patient", "day"], kind="stable", ignore_index=True)

"""One row per treatment session, with each dimension that it can be grouped by as a code."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from registry.analysis.columns import (
    Codes,
    Column,
    as_days,
    as_text,
    columns_of,
    filled,
    one_or,
    whole,
)
from registry.analysis.dimensions import DIMENSIONS, MIXED, NOT_APPLICABLE, NOT_RECORDED
from registry.analysis.patient_codes import PatientCodes
from registry.database import DbSession
from registry.schema import Course, Injection, Patient, Product, TreatedSite, TreatmentSession
from registry.vocabulary import Modality, SclerosantForm

_OF_AGENT: Final = frozenset({"sclerosant", "product", "concentration", "form", "gas"})


def session_facts(
    db: DbSession, patients: PatientCodes
) -> tuple[pd.DataFrame, tuple[Column, Column], dict[str, tuple[str, ...]]]:
    """The sessions in the order of their day, their keys, and the levels of each dimension."""
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
        "patient": patients.of(found["clinic_id"], found["patient_id"]),
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
    return pd.DataFrame(columns), keys, levels


def _months(days: NDArray[np.int64]) -> NDArray[np.str_]:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(str)

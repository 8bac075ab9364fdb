"""One row per treatment session, with each dimension that it can be grouped by as a code."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2s
from typing import Any, Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

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
from registry.analysis.dimensions import CALIBRES, DIMENSIONS, MIXED, NOT_APPLICABLE, NOT_RECORDED
from registry.analysis.patient_codes import PatientCodes
from registry.analysis.touched_patients import Patients, of_parts, of_patients
from registry.database import DbSession
from registry.schema import Course, Injection, Patient, Product, TreatedSite, TreatmentSession
from registry.vocabulary import Modality, SclerosantForm, VesselClass

_OF_AGENT: Final = frozenset({"sclerosant", "product", "concentration", "form", "gas"})
CALIBRE: Final = sa.case(
    (TreatedSite.diameter_mm < Decimal(1), CALIBRES[0]),
    (TreatedSite.diameter_mm < Decimal(3), CALIBRES[1]),
    (TreatedSite.diameter_mm <= Decimal(6), CALIBRES[2]),
    (TreatedSite.diameter_mm > Decimal(6), CALIBRES[3]),
    (TreatedSite.vessel_class == VesselClass.TELANGIECTASIA, CALIBRES[0]),
    (TreatedSite.vessel_class == VesselClass.RETICULAR, CALIBRES[1]),
)


def session_facts(
    db: DbSession, patients: PatientCodes, only: Patients | None = None
) -> tuple[pd.DataFrame, tuple[Column, Column], dict[str, tuple[str, ...]]]:
    """The sessions in the order of their day, their keys, and the levels of each dimension.

    With ``only``, those of some patients.
    """
    agents = (
        sa.select(
            Injection.clinic_id,
            Injection.treatment_session_id,
            one_or(MIXED, Product.sclerosant_code).label("sclerosant"),
            one_or(MIXED, Injection.product_code).label("product"),
            one_or(MIXED, Injection.concentration_percent).label("concentration"),
            one_or(MIXED, Injection.form).label("form"),
            one_or(MIXED, Injection.gas, blank_is_a_level=False).label("gas"),
            _all_given(Injection.lot_id).label("has_lot"),
            _all_given(Injection.liquid_ml).label("has_volume"),
        )
        .join(Product, Product.code == Injection.product_code)
        .where(
            Injection.voided_at.is_(None),
            *of_parts(only, Injection, "treatment_session_id", TreatmentSession),
        )
        .group_by(Injection.clinic_id, Injection.treatment_session_id)
        .subquery()
    )
    vessels = (
        sa.select(
            TreatedSite.clinic_id,
            TreatedSite.treatment_session_id,
            one_or(MIXED, TreatedSite.vessel_class).label("vessel_class"),
            one_or(MIXED, CALIBRE).label("calibre"),
            one_or(MIXED, TreatedSite.anatomy_code).label("site"),
        )
        .where(TreatedSite.voided_at.is_(None), *of_patients(only, TreatedSite))
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
        Course.payer,
        as_text(TreatmentSession.course_id, db).label("course_id"),
        Course.planned_sessions,
        TreatmentSession.pain,
        # Whole hundredths, so that sums of amounts are exact.
        sa.cast(
            sa.func.round(
                sa.type_coerce(TreatmentSession.cost_amount, sa.Numeric) * sa.literal_column("100")
            ),
            sa.Integer,
        ).label("cost"),
        TreatmentSession.cost_currency,
        sa.type_coerce(Patient.skin_type, sa.String).label("skin_type"),
        sa.type_coerce(Patient.sex, sa.String).label("sex"),
        agents.c.sclerosant,
        agents.c.product,
        agents.c.concentration,
        agents.c.form,
        agents.c.gas,
        agents.c.has_lot,
        agents.c.has_volume,
        vessels.c.vessel_class,
        vessels.c.calibre,
        vessels.c.site,
        source=source,
        where=[
            TreatmentSession.voided_at.is_(None),
            Patient.voided_at.is_(None),
            *of_patients(only, TreatmentSession),
        ],
    )
    order = np.lexsort((found["session_id"].astype(str), whole(found["day"])))
    found = {name: column[order] for name, column in found.items()}
    days = whole(found["day"])
    texts = found | {
        "clinic": found["clinic_id"].astype(str).astype(object),
        **_periods(days),
        "payer": _payers(found["payer"]),
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
        "has_lot": whole(found["has_lot"]),
        "has_volume": whole(found["has_volume"]),
        "course": pd.factorize(found["course_id"])[0].astype(np.int64),
        "planned": whole(found["planned_sessions"]),
        "pain": whole(found["pain"]),
        "cost": whole(found["cost"]),
        "currency": _currencies(found["cost_currency"]),
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


def currency_code(text: str | None) -> int:
    """A currency of at most three characters as a number that needs no list of levels.

    -1 for blank; letters count whether they are large or small.
    """
    letters = "" if text is None else text.strip().upper()[:3]
    return sum(ord(letter) << 21 * i for i, letter in enumerate(letters)) if letters else -1


def currency_of(code: int) -> str:
    """The currency that :func:`currency_code` made a number of."""
    letters = (code >> 21 * i & 0x1FFFFF for i in range(3))
    return "".join(chr(letter) for letter in letters if letter)


def _currencies(column: Column) -> Codes:
    codes = {text: currency_code(text) for text in set(column)}
    return np.array([codes[text] for text in column], dtype=np.int64)


def _all_given(column: Any) -> Any:
    """1 when no injection of a session lacks it, else 0."""
    return sa.func.min(sa.case((column.is_(None), 0), else_=1))


def _periods(days: Codes) -> dict[str, Column]:
    """Month, quarter and year of each day, as words that sort in the order of time."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    years = months.astype("datetime64[Y]")
    quarter = (months - years.astype("datetime64[M]")).astype(np.int64) // 3 + 1
    year = years.astype(str).astype(object)
    return {
        "month": months.astype(str).astype(object),
        "quarter": np.asarray(year + "-Q" + quarter.astype(str).astype(object)),
        "year": year,
    }


def payer_names(db: DbSession) -> dict[str, str]:
    """What the clinics call each payer, by the code that stands for it.

    Payers are the clinic's own words, which have no place in an address; the code says nothing.
    Spellings that differ in case or spaces are one payer.
    """
    spelled = db.scalars(
        sa.select(Course.payer)
        .where(Course.voided_at.is_(None), Course.payer.is_not(None))
        .distinct()
    )
    names = sorted(" ".join(name.split()) for name in spelled if name)
    return {code: name for name in reversed(names) if (code := _payer_code(name)) is not None}


def _payer_code(name: str | None) -> str | None:
    folded = " ".join((name or "").split()).casefold()
    return blake2s(folded.encode(), digest_size=6).hexdigest() if folded else None


def _payers(column: Column) -> Column:
    codes = {name: _payer_code(name) for name in set(column)}
    return np.array([codes[name] for name in column], dtype=object)

"""Which person a record belongs to, as a dense code: linked patients are one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from registry.analysis.columns import Codes, Column, as_days, as_text, columns_of, places, whole
from registry.database import DbSession
from registry.schema import Patient, PatientLink


@dataclass(frozen=True, slots=True, eq=False)
class PatientCodes:
    """Codes of all patients, those of a duplicate being the code of the patient that is kept.

    ``deaths`` gives the day of death (days since 1970) by code.
    """

    keys: tuple[Column, Column]
    person: Codes
    deaths: Mapping[int, int]

    def of(self, clinic_ids: Column, patient_ids: Column) -> Codes:
        """Code of each patient; -1 for one that is unknown or was voided."""
        row = places((clinic_ids, patient_ids), self.keys)
        return np.where(row < 0, -1, self.person[row]) if len(self.person) else row


def patient_codes(db: DbSession) -> PatientCodes:
    """Read the codes of all patients that were not voided."""
    found = columns_of(
        db,
        Patient.clinic_id,
        as_text(Patient.id, db).label("patient_id"),
        as_days(Patient.died_on, db).label("died"),
        where=[Patient.voided_at.is_(None)],
    )
    keys = (found["clinic_id"], found["patient_id"])
    links = columns_of(
        db,
        PatientLink.clinic_id,
        as_text(PatientLink.patient_id, db).label("duplicate"),
        as_text(PatientLink.same_as_id, db).label("kept"),
        where=[PatientLink.voided_at.is_(None)],
    )
    person = np.arange(len(found["patient_id"]), dtype=np.int64)
    duplicate = places((links["clinic_id"], links["duplicate"]), keys)
    kept = places((links["clinic_id"], links["kept"]), keys)
    standing = (duplicate >= 0) & (kept >= 0)
    person[duplicate[standing]] = kept[standing]
    died = whole(found["died"])
    deaths: dict[int, int] = {}
    for row in np.flatnonzero(died >= 0):
        code, day = int(person[row]), int(died[row])
        deaths[code] = min(day, deaths.get(code, day))
    return PatientCodes(keys, person, deaths)

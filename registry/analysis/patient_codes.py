"""Which person a record belongs to, as a dense code: linked patients are one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.analysis.columns import (
    Codes,
    Column,
    as_days,
    as_text,
    columns_of,
    key_text,
    places,
    whole,
)
from registry.analysis.touched_patients import Patients, of_patients
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

    def renewed(
        self, db: DbSession, only: Patients
    ) -> tuple[PatientCodes, PatientCodes, NDArray[np.bool_]]:
        """The codes after some patients changed, those of these alone, and which were theirs.

        The others keep their codes, and what is of codes that fell away is of nobody any more.
        """
        part = patient_codes(db, only)
        row = places(part.keys, self.keys)
        new = row < 0
        row[new] = len(self.person) + np.arange(np.count_nonzero(new))
        theirs = places(_keys(db, only), self.keys)
        theirs = theirs[theirs >= 0]
        freed = self.person[theirs]
        was_theirs = np.zeros(len(self.person) + 1, dtype=np.bool_)
        was_theirs[freed[freed >= 0]] = True
        person = np.concatenate([self.person, np.full(np.count_nonzero(new), -1)])
        person[theirs] = -1
        person[row] = row[part.person]
        theirs_now = PatientCodes(
            part.keys,
            person[row],
            {int(row[code]): day for code, day in part.deaths.items()},
        )
        others = {code: day for code, day in self.deaths.items() if not was_theirs[code]}
        keys = (
            np.concatenate([self.keys[0], part.keys[0][new]]),
            np.concatenate([self.keys[1], part.keys[1][new]]),
        )
        return PatientCodes(keys, person, {**others, **theirs_now.deaths}), theirs_now, was_theirs


def _keys(db: DbSession, only: Patients) -> tuple[Column, Column]:
    """The keys of some patients, as they are read."""
    keys = only.keys()
    clinics, patients = np.empty(len(keys), dtype=object), np.empty(len(keys), dtype=object)
    clinics[:] = [clinic_id for clinic_id, _ in keys]
    patients[:] = [key_text(id_, db) for _, id_ in keys]
    return clinics, patients


def patient_codes(db: DbSession, only: Patients | None = None) -> PatientCodes:
    """Read the codes of all patients that were not voided, or of some as if nobody else were."""
    found = columns_of(
        db,
        Patient.clinic_id,
        as_text(Patient.id, db).label("patient_id"),
        as_days(Patient.died_on, db).label("died"),
        where=[Patient.voided_at.is_(None), *of_patients(only, Patient, "id")],
    )
    keys = (found["clinic_id"], found["patient_id"])
    links = columns_of(
        db,
        PatientLink.clinic_id,
        as_text(PatientLink.patient_id, db).label("duplicate"),
        as_text(PatientLink.same_as_id, db).label("kept"),
        where=[PatientLink.voided_at.is_(None), *of_patients(only, PatientLink)],
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

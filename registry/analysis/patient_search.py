"""Finding a patient: by pseudonym, name, hospital number or birth date, and likely duplicates."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import aliased

from registry.access import Actor, Permission, may, require
from registry.access_log import log_access
from registry.database import DbSession, folded, folded_column, reading
from registry.entry.rows import IDENTITY_FIELDS
from registry.entry.same_person import linked_ids
from registry.schema import Patient, PatientIdentity, PatientLink, TreatmentSession
from registry.vocabulary import Sex

SHOWN_AT_ONCE: Final = 8
SIMILAR: Final = 0.8
"""Names count as similar from this share of letters in common (Ratcliff and Obershelp 1988): one
letter wrong in five. Our decision: a warning too many costs a look, one too few a split record."""

_WRITTEN: Final = (
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
    r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4})",
    r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
)
_Lines: TypeAlias = "sa.Select[Patient, PatientIdentity, dt.date, str]"
_NAMED: Final = ("%d %b %Y", "%d %B %Y")


class LikenessReason(StrEnum):
    """Why two patients may be one person."""

    HOSPITAL_NUMBER = "hospital_number"
    BIRTH_DATE_AND_NAME = "birth_date_and_name"


@dataclass(frozen=True, slots=True)
class PatientFound:
    """One line of a search. The identity is blank for those who may not see it.

    ``same_as`` is the pseudonym of the patient under whom a duplicate is kept.
    """

    id: UUID
    pseudonym: str
    birth_year: int | None
    sex: Sex
    last_treated_on: dt.date | None
    family_name: str | None = None
    given_name: str | None = None
    birth_date: dt.date | None = None
    hospital_number: str | None = None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """A patient who may be the same person, and why."""

    patient: PatientFound
    reason: LikenessReason


def find_patients(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    text: str,
    *,
    now: dt.datetime,
    limit: int = SHOWN_AT_ONCE,
) -> list[PatientFound]:
    """Patients whose pseudonym begins with ``text``; without text, those treated last.

    Who may see identity also searches names (each word begins a word of the name, accents and
    capitals aside), hospital number and birth date. Each such search is logged with the number of
    patients shown, never with what was typed.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    identified = may(by, Permission.SEE_IDENTITY, clinic_id)
    typed = " ".join(text.split())[:120]
    with reading(engine) as db:
        statement, last_day = _lines(clinic_id)
        if typed:
            matches = Patient.pseudonym.istartswith(typed, autoescape=True)
            if identified:
                matches = sa.or_(matches, *_identity_matches(typed, db))
            exact = sa.func.lower(Patient.pseudonym) == typed.lower()
            statement = statement.where(matches).order_by(exact.desc(), Patient.pseudonym)
        else:
            recent = _last_treated(db, clinic_id, limit)
            statement = statement.where(Patient.id.in_(recent)).order_by(
                last_day.desc(), Patient.pseudonym
            )
        found = _found(db, statement.limit(limit), identified)
    if identified and found:
        log_access(
            engine, by, "list_identified", now=now, clinic_id=clinic_id, row_count=len(found)
        )
    return found


def likely_duplicates(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    family_name: str | None,
    birth_date: dt.date | None,
    hospital_number: str | None,
    now: dt.datetime,
    other_than: UUID | None = None,
) -> list[Likeness]:
    """Patients with this hospital number, or with this birth date and a similar family name.

    Left out are the patient ``other_than`` and whoever is linked with that one. Logged like a
    search.
    """
    require(by, Permission.SEE_IDENTITY, clinic_id)
    number = "".join((hospital_number or "").split()).lower()
    name = folded(family_name) or ""
    same: list[sa.ColumnElement[bool]] = []
    if number:
        stored = sa.func.replace(PatientIdentity.hospital_number, " ", "")
        same.append(sa.func.lower(stored) == number)
    if birth_date is not None and name:
        same.append(PatientIdentity.birth_date == birth_date)
    if not same:
        return []
    with reading(engine) as db:
        statement, _ = _lines(clinic_id)
        statement = statement.where(sa.or_(*same)).order_by(Patient.pseudonym)
        if other_than is not None:
            statement = statement.where(Patient.id.not_in(linked_ids(db, clinic_id, other_than)))
        candidates = _found(db, statement.limit(200), identified=True)
    alike = []
    for patient in candidates:
        if number and "".join((patient.hospital_number or "").split()).lower() == number:
            alike.append(Likeness(patient, LikenessReason.HOSPITAL_NUMBER))
        elif patient.birth_date == birth_date and _similar(
            name, (patient.family_name, patient.given_name)
        ):
            alike.append(Likeness(patient, LikenessReason.BIRTH_DATE_AND_NAME))
    alike = alike[:SHOWN_AT_ONCE]
    if alike:
        log_access(
            engine, by, "list_identified", now=now, clinic_id=clinic_id, row_count=len(alike)
        )
    return alike


def birth_days(typed: str) -> tuple[dt.date, ...]:
    """The days that a typed date can mean: none, one, or two where 03/02/1961 reads both ways."""
    text = " ".join(typed.split())
    days = []
    for pattern in _WRITTEN:
        found = re.fullmatch(pattern, text, flags=re.ASCII)
        if found is not None:
            try:
                days.append(
                    dt.date(**{part: int(value) for part, value in found.groupdict().items()})
                )
            except ValueError:
                continue
    for written in _NAMED:
        try:
            days.append(dt.datetime.strptime(text, written).replace(tzinfo=dt.UTC).date())
        except ValueError:
            continue
    return tuple(dict.fromkeys(days))


def _lines(clinic_id: int) -> tuple[_Lines, sa.ScalarSelect[dt.date]]:
    """The lines of a search, and the column of the last treatment in them."""
    last_day = (
        sa.select(sa.func.max(TreatmentSession.treated_on))
        .where(
            TreatmentSession.clinic_id == clinic_id,
            TreatmentSession.patient_id == Patient.id,
            TreatmentSession.voided_at.is_(None),
        )
        .scalar_subquery()
    )
    kept = aliased(Patient)
    statement = (
        sa.select(Patient, PatientIdentity, last_day, kept.pseudonym)
        .outerjoin(
            PatientIdentity,
            sa.and_(
                PatientIdentity.clinic_id == Patient.clinic_id,
                PatientIdentity.patient_id == Patient.id,
            ),
        )
        .outerjoin(
            PatientLink,
            sa.and_(
                PatientLink.clinic_id == Patient.clinic_id,
                PatientLink.patient_id == Patient.id,
                PatientLink.voided_at.is_(None),
            ),
        )
        .outerjoin(
            kept,
            sa.and_(kept.clinic_id == PatientLink.clinic_id, kept.id == PatientLink.same_as_id),
        )
        .where(Patient.clinic_id == clinic_id, Patient.voided_at.is_(None))
    )
    return statement, last_day


def _found(db: DbSession, statement: _Lines, identified: bool) -> list[PatientFound]:
    return [
        PatientFound(
            id=patient.id,
            pseudonym=patient.pseudonym,
            birth_year=patient.birth_year,
            sex=patient.sex,
            last_treated_on=treated_on,
            same_as=same_as,
            **(
                {name: getattr(identity, name) for name in IDENTITY_FIELDS}
                if identified and identity is not None
                else {}
            ),
        )
        for patient, identity, treated_on, same_as in db.execute(statement)
    ]


def _identity_matches(typed: str, db: DbSession) -> list[sa.ColumnElement[bool]]:
    matches: list[sa.ColumnElement[bool]] = [
        PatientIdentity.hospital_number.istartswith(typed, autoescape=True)
    ]
    words = (folded(typed.replace(",", " ")) or "").split()
    if words:
        blank = sa.func.coalesce
        names = blank(PatientIdentity.family_name, "") + " " + blank(PatientIdentity.given_name, "")
        name = " " + folded_column(names, db)
        matches.append(sa.and_(*(_begins_word(name, word) for word in words)))
    days = birth_days(typed)
    if days:
        matches.append(PatientIdentity.birth_date.in_(days))
    return matches


def _begins_word(name: Any, word: str) -> sa.ColumnElement[bool]:
    spellings = [word] if word.isascii() else [word, word.capitalize(), word.upper()]
    return sa.or_(*(name.contains(f" {spelling}", autoescape=True) for spelling in spellings))


def _similar(name: str, others: Iterable[str | None]) -> bool:
    """Whether a family name is like either name of the other, which may be the wrong way round."""
    return any(
        difflib.SequenceMatcher(None, name, folded(other) or "").ratio() >= SIMILAR
        for other in others
        if other
    )


def _last_treated(db: DbSession, clinic_id: int, limit: int) -> list[UUID]:
    """Patients of the clinic's latest sessions, read from the newest end of an index."""
    rows = db.scalars(
        sa.select(TreatmentSession.patient_id)
        .where(TreatmentSession.clinic_id == clinic_id, TreatmentSession.voided_at.is_(None))
        .order_by(TreatmentSession.treated_on.desc())
        .limit(10 * limit)
    )
    return list(dict.fromkeys(rows))[:limit]

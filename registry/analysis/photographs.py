"""The photographs of a person: each leg from each side, before treatment and after it.

Rows are shown to whoever may see records. The pictures themselves need the right to see identities:
a tattoo or a scar names a person to those who know them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.analysis.stored_entries import current
from registry.database import reading
from registry.entry.photograph_content import digest_of
from registry.entry.same_person import linked_ids
from registry.errors import NotFound, UnreadableFile
from registry.messages import message
from registry.schema import (
    Patient,
    Photograph,
    PhotographContent,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import Laterality, PhotoView


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph, without its picture.

    ``days_after`` counts the days since the last treatment of that leg before it; None is before
    any. A photograph of the day of a treatment shows the leg before that treatment.
    """

    id: UUID
    version: int
    taken_on: dt.date
    side: Laterality
    view: PhotoView
    anatomy_code: str | None
    consent_version: str
    days_after: int | None


@dataclass(frozen=True, slots=True)
class Aspect:
    """One leg, or one place of it, from one side: all its photographs, oldest first."""

    side: Laterality
    view: PhotoView
    anatomy_code: str | None
    shots: tuple[Shot, ...]

    @property
    def before(self) -> Shot | None:
        """The last one before any treatment of the leg."""
        return next((shot for shot in reversed(self.shots) if shot.days_after is None), None)

    @property
    def after(self) -> Shot | None:
        """The newest one after a treatment of the leg."""
        return next((shot for shot in reversed(self.shots) if shot.days_after is not None), None)


@dataclass(frozen=True, slots=True)
class PatientPhotographs:
    """All photographs of a person; ``withdrawn`` are those whose picture is still stored."""

    aspects: tuple[Aspect, ...]
    withdrawn: tuple[Shot, ...]

    def last_of(self, side: Laterality, anatomy_code: str) -> Shot | None:
        """The newest close view of a place, or else the newest of the leg without a place."""
        own, whole = (
            [
                shot
                for aspect in self.aspects
                if aspect.side is side and aspect.anatomy_code == place
                for shot in aspect.shots
            ]
            for place in (anatomy_code, None)
        )
        return max(own or whole, key=lambda shot: shot.taken_on, default=None)


def photographs_of(
    engine: Engine, by: Actor, clinic_id: int, patient_id: UUID
) -> PatientPhotographs:
    """The photographs of a person, under any pseudonym, by leg and view."""
    require(by, Permission.SEE_RECORDS, clinic_id)
    with reading(engine) as db:
        current(db, Patient, clinic_id, patient_id)
        person = linked_ids(db, clinic_id, patient_id)
        rows = db.scalars(
            sa.select(Photograph)
            .join(
                PhotographContent,
                sa.and_(
                    PhotographContent.clinic_id == Photograph.clinic_id,
                    PhotographContent.digest == Photograph.content_digest,
                ),
            )
            .where(
                Photograph.clinic_id == clinic_id,
                Photograph.patient_id.in_(person),
                sa.or_(Photograph.voided_at.is_(None), PhotographContent.content.is_not(None)),
            )
            .order_by(Photograph.taken_on, Photograph.recorded_at, Photograph.id)
        ).all()
        treated: defaultdict[Laterality, list[dt.date]] = defaultdict(list)
        for side, day in db.execute(
            sa.select(TreatedSite.side, TreatmentSession.treated_on)
            .join(
                TreatmentSession,
                sa.and_(
                    TreatmentSession.clinic_id == TreatedSite.clinic_id,
                    TreatmentSession.id == TreatedSite.treatment_session_id,
                ),
            )
            .where(
                TreatedSite.clinic_id == clinic_id,
                TreatedSite.patient_id.in_(person),
                TreatedSite.voided_at.is_(None),
                TreatmentSession.voided_at.is_(None),
            )
        ):
            treated[side].append(day)
        in_use = {row.content_digest for row in rows if row.voided_at is None}
        return PatientPhotographs(
            _aspects(_shot(row, treated[row.side]) for row in rows if row.voided_at is None),
            tuple(
                _shot(row, treated[row.side])
                for row in rows
                if row.voided_at is not None and row.content_digest not in in_use
            ),
        )


def picture(engine: Engine, by: Actor, clinic_id: int, photograph_id: UUID) -> bytes:
    """The JPEG of a photograph, exactly as it was stored.

    Raises :class:`NotFound` when there is none in use, and :class:`UnreadableFile` when what is
    stored is not what was stored.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    require(by, Permission.SEE_IDENTITY, clinic_id)
    with reading(engine) as db:
        found = db.execute(
            sa.select(PhotographContent.digest, PhotographContent.content)
            .join(
                Photograph,
                sa.and_(
                    Photograph.clinic_id == PhotographContent.clinic_id,
                    Photograph.content_digest == PhotographContent.digest,
                ),
            )
            .where(
                Photograph.clinic_id == clinic_id,
                Photograph.id == photograph_id,
                Photograph.voided_at.is_(None),
            )
        ).first()
    if found is None or found.content is None:
        raise NotFound(message("There is no such photograph in this clinic."))
    if digest_of(found.content) != found.digest:
        raise UnreadableFile(
            message("The stored picture was changed or damaged, so it is not shown.")
        )
    return bytes(found.content)


def _shot(row: Photograph, treated: Sequence[dt.date]) -> Shot:
    last = max((day for day in treated if day < row.taken_on), default=None)
    return Shot(
        row.id,
        row.version,
        row.taken_on,
        row.side,
        row.view,
        row.anatomy_code,
        row.consent_version,
        None if last is None else (row.taken_on - last).days,
    )


def _aspects(shots: Iterable[Shot]) -> tuple[Aspect, ...]:
    by_aspect: defaultdict[tuple[Laterality, PhotoView, str | None], list[Shot]] = defaultdict(list)
    for shot in shots:
        by_aspect[shot.side, shot.view, shot.anatomy_code].append(shot)
    sides, views = list(Laterality), list(PhotoView)
    return tuple(
        Aspect(*key, tuple(by_aspect[key]))
        for key in sorted(
            by_aspect, key=lambda key: (sides.index(key[0]), views.index(key[1]), key[2] or "")
        )
    )

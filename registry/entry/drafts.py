"""Drafts: what a person typed and has not saved, kept for that person alone.

A draft is a working copy, hence neither audited nor sealed, and it never leaves the database. Its
identifier is the key of the request that saves the form, so a draft whose form was saved after all
(the answer was lost, or another tab saved it) is known as such and never offered again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.database import DbSession, reading, unavailable
from registry.entry import draft_content
from registry.entry.draft_content import Content
from registry.errors import NotFound, RegistryError
from registry.messages import message
from registry.schema import ChangeSet, Draft, Patient

KEPT_FOR: Final = dt.timedelta(days=30)
"""A draft that nobody touched for this long is given up."""

LARGEST: Final = 60_000
"""Characters of a draft's content as JSON."""


class DraftTooLarge(RegistryError):
    """More was typed than a draft can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftHead:
    """Which form a draft belongs to: ``id`` is the key of its request, ``form`` a code.

    ``base_version`` is the version of the record that is being corrected; None for a new record.
    """

    id: UUID
    record_id: UUID
    form: str
    patient_id: UUID | None = None
    base_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDraft(DraftHead):
    """A draft in a list, with the patient's pseudonym and the instant of its last change."""

    pseudonym: str | None
    updated_at: dt.datetime


def keep_draft(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    head: DraftHead,
    content: Content,
    *,
    now: dt.datetime,
) -> None:
    """Store what a form holds, in place of what the draft held before.

    Raises :class:`DraftTooLarge` beyond 60,000 characters; what was kept before then stays.
    """
    require(by, _right(head), clinic_id)
    text = draft_content.written(content)
    if len(text) > LARGEST:
        raise DraftTooLarge(
            message(
                "This form holds more text than a draft can keep (60 kB), so the last changes are "
                "only on this page. Save the form, or shorten the notes."
            )
        )
    row = {
        "clinic_id": clinic_id,
        "id": head.id,
        "record_id": head.record_id,
        "user_id": by.user_id,
        "patient_id": head.patient_id,
        "form": head.form,
        "content": text,
        "base_version": head.base_version,
        "updated_at": now,
    }
    insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    changed = {name: row[name] for name in ("patient_id", "content", "base_version", "updated_at")}
    _write(
        engine,
        insert(Draft)
        .values(row)
        .on_conflict_do_update(
            index_elements=[Draft.clinic_id, Draft.id],
            set_=changed,
            where=Draft.user_id == by.user_id,
        ),
    )


def drafts_of(
    engine: Engine, by: Actor, clinic_id: int, form: str, *, now: dt.datetime
) -> list[KeptDraft]:
    """The person's own drafts of a form, the newest first; none of what was saved meanwhile."""
    require(by, Permission.AMEND, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            _own(by, clinic_id, now)
            .where(Draft.form == form)
            .order_by(Draft.updated_at.desc(), Draft.id)
        )
        return [_kept(row) for row in rows]


def open_draft(
    engine: Engine, by: Actor, clinic_id: int, draft_id: UUID, *, now: dt.datetime
) -> tuple[KeptDraft, Content]:
    """One of the person's own drafts with what it holds.

    Raises :class:`NotFound` when there is none: it was saved, given up, or is somebody else's.
    """
    require(by, Permission.AMEND, clinic_id)
    with reading(engine) as db:
        row = db.execute(
            _own(by, clinic_id, now).add_columns(Draft.content).where(Draft.id == draft_id)
        ).one_or_none()
        if row is None:
            raise NotFound(
                message(
                    "There is no such draft any more: it was saved or discarded. Look at the "
                    "record."
                )
            )
        kept = _kept(row)
    require(by, _right(kept), clinic_id)
    return kept, draft_content.read(row.content)


def discard_draft(engine: Engine, by: Actor, clinic_id: int, draft_id: UUID) -> None:
    """Remove one of the person's own drafts: it was saved or is no longer wanted."""
    require(by, Permission.AMEND, clinic_id)
    _write(
        engine,
        sa.delete(Draft).where(
            Draft.clinic_id == clinic_id, Draft.user_id == by.user_id, Draft.id == draft_id
        ),
    )


def discard_old_drafts(engine: Engine, *, now: dt.datetime) -> int:
    """Remove every draft that nobody touched for 30 days, or whose form was saved; how many."""
    return _write(engine, sa.delete(Draft).where(sa.or_(~_is_recent(now), _was_saved())))


def _right(head: DraftHead) -> Permission:
    return Permission.RECORD if head.base_version is None else Permission.AMEND


def _own(by: Actor, clinic_id: int, now: dt.datetime) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Draft.id,
            Draft.record_id,
            Draft.form,
            Draft.patient_id,
            Draft.base_version,
            Patient.pseudonym,
            Draft.updated_at,
        )
        .outerjoin(
            Patient,
            sa.and_(Patient.clinic_id == Draft.clinic_id, Patient.id == Draft.patient_id),
        )
        .where(
            Draft.clinic_id == clinic_id,
            Draft.user_id == by.user_id,
            Patient.voided_at.is_(None),
            _is_recent(now),
            ~_was_saved(),
        )
    )


def _is_recent(now: dt.datetime) -> sa.ColumnElement[bool]:
    return Draft.updated_at > now - KEPT_FOR


def _was_saved() -> sa.ColumnElement[bool]:
    """Whether the form was saved: a new record under its own key, a correction under the request's.

    A planned visit that is recorded on a new form amends the plan, hence under the request's too.
    """
    return (
        sa.select(ChangeSet.id)
        .where(
            sa.or_(
                ChangeSet.request_key == Draft.id,
                sa.and_(Draft.base_version.is_(None), ChangeSet.request_key == Draft.record_id),
            )
        )
        .exists()
    )


def _kept(row: Any) -> KeptDraft:
    return KeptDraft(
        id=row.id,
        record_id=row.record_id,
        form=row.form,
        patient_id=row.patient_id,
        base_version=row.base_version,
        pseudonym=row.pseudonym,
        updated_at=row.updated_at,
    )


def _write(engine: Engine, statement: Any) -> int:
    """Carry out one statement and say how many rows it changed."""
    try:
        with DbSession(engine) as db, db.begin():
            done: Any = db.execute(statement)
            return int(done.rowcount)
    except sa.exc.DBAPIError as error:
        raise unavailable(error) or error from None

"""What is open in a clinician's day: sessions with a step missing, and events nobody looked at.

What makes a session complete is said in :mod:`registry.analysis.sign_off`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.analysis.columns import as_days, as_text, day_number
from registry.analysis.facts import facts_of
from registry.analysis.follow_up import is_past_window
from registry.analysis.sign_off import (
    ASKED_AT,
    NOT_COMING,
    PHOTOGRAPH_DAYS,
    VISIT_DAYS,
    SignOff,
    sign_offs_of,
    sign_offs_where,
    takes_photographs,
)
from registry.analysis.unwatched_events import UnwatchedEvent, unwatched_events
from registry.analysis.valid_sessions import valid_sessions
from registry.catalogue import catalogue
from registry.database import DbSession, reading
from registry.entry.same_person import kept_under
from registry.schema import (
    Clinician,
    FollowUp,
    Injection,
    Patient,
    Photograph,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus, Modality

LOOKED_BACK_DAYS: Final = 180
"""How far back the to-do list goes: what is older is for the data-quality report. Our decision."""


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is open: sessions with something missing, newest first, and events to look at again.

    ``sessions`` counts those looked at, ``complete`` those of them that are; the list may hold
    fewer open ones than there are (``open_sessions``).
    """

    sign_offs: tuple[SignOff, ...]
    events: tuple[UnwatchedEvent, ...]
    sessions: int
    complete: int
    open_sessions: int


def to_do(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    today: dt.date,
    own_only: bool = True,
    limit: int = 50,
) -> ToDo:
    """What is open in the sessions of the last half year, and events open too long without a look.

    ``own_only`` leaves out what other clinicians treated; somebody who treats nobody has nothing
    of their own.
    """
    require(by, Permission.SEE_RECORDS, clinic_id)
    since = today - dt.timedelta(days=LOOKED_BACK_DAYS)
    where: list[sa.ColumnElement[bool]] = [
        TreatmentSession.treated_on >= since,
        TreatmentSession.treated_on <= today,
    ]
    facts = facts_of(engine)
    with reading(engine) as db:
        own: list[sa.ColumnElement[bool]] = []
        if own_only:
            own = [TreatmentSession.clinician_id.in_(_own_numbers(by, clinic_id))]
        # Read once for each seal of the data, as there are many sessions and few of them open.
        tally, single = facts.once(
            ("to do", clinic_id, by.user_id if own_only else None, today),
            lambda: _tally_and_linked(db, clinic_id, [*where, *own], today),
        )
        open_ids = [UUID(id_) for id_, is_open, _ in tally if is_open]
        also_open = [one.session_id for one in single if one.missing]
        sign_offs = sign_offs_of(db, clinic_id, [*open_ids[:limit], *also_open], today)
        events = unwatched_events(db, clinic_id, own, today, limit)
    return ToDo(
        sign_offs=tuple(sign_offs[:limit]),
        events=tuple(events),
        sessions=len(tally) + len(single),
        complete=sum(is_complete for *_, is_complete in tally)
        + sum(one.is_complete for one in single),
        open_sessions=len(open_ids) + len(also_open),
    )


def _tally_and_linked(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]], today: dt.date
) -> tuple[Sequence[tuple[str, bool, bool]], list[SignOff]]:
    """The tally of the sessions of patients linked with nobody, and the others one by one.

    Of those visits under another pseudonym count too.
    """
    linked = {patient for pair in kept_under(db, clinic_id).items() for patient in pair}
    is_linked = TreatmentSession.patient_id.in_(linked)
    single = sign_offs_where(db, clinic_id, [*where, is_linked], today) if linked else []
    return _tally(db, clinic_id, [*where, ~is_linked], today), single


def _own_numbers(by: Actor, clinic_id: int) -> sa.Select[int]:
    return sa.select(Clinician.id).where(
        Clinician.clinic_id == clinic_id, Clinician.user_id == by.user_id
    )


def _tally(
    db: DbSession, clinic_id: int, where: Sequence[sa.ColumnElement[bool]], today: dt.date
) -> Sequence[tuple[str, bool, bool]]:
    """Of each session, newest first: its key, whether a step is open, whether it is complete.

    Says what :func:`sign_offs_where` says, of patients who are linked with nobody, without fetching
    their visits.
    """
    session = (
        valid_sessions(
            clinic_id,
            as_text(TreatmentSession.id, db).label("key"),
            TreatmentSession.clinic_id,
            TreatmentSession.id,
            TreatmentSession.patient_id,
            as_days(TreatmentSession.treated_on, db).label("day"),
            TreatmentSession.recorded_at,
            (TreatmentSession.modality == Modality.SCLEROTHERAPY).label("injects"),
            TreatmentSession.consent_version.is_(None).label("no_consent"),
            Patient.died_on.is_not(None).label("died"),
        )
        .where(*where)
        # Chosen first: SQLite would otherwise begin with all visits there are.
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    lots = {
        key: given == named
        for key, given, named in db.execute(
            sa.select(session.c.key, sa.func.count(), sa.func.count(Injection.lot_id))
            .join(Injection, _within(session, Injection, "treatment_session_id", "id"))
            .group_by(session.c.key)
        )
    }
    after = as_days(sa.func.coalesce(FollowUp.seen_on, FollowUp.due_on), db) - session.c.day
    is_planned = FollowUp.status == FollowUpStatus.PLANNED
    due = 2 * as_days(FollowUp.due_on, db)
    visits = {
        key: flags
        for key, *flags in db.execute(
            sa.select(
                session.c.key,
                _any(FollowUp.status.in_([FollowUpStatus.PLANNED, FollowUpStatus.SEEN])),
                _any(FollowUp.checklist_code.is_not(None)),
                _any(FollowUp.status.in_(NOT_COMING)),
                # Even when the window of the visit that is due first has closed.
                sa.func.min(
                    sa.case((is_planned & is_past_window(today), due), (is_planned, due + 1))
                ),
            )
            .join(FollowUp, _within(session, FollowUp, "patient_id", "patient_id"))
            .where(
                sa.or_(FollowUp.treatment_session_id == session.c.id, after.between(*VISIT_DAYS))
            )
            .group_by(session.c.key)
        )
    }
    photographed = _photographed(db, clinic_id, session)
    asked_by = day_number(today) - catalogue().visits[ASKED_AT].to_day
    found = []
    for one in db.execute(
        sa.select(
            session.c.key,
            session.c.day,
            session.c.injects,
            session.c.no_consent,
            session.c.died,
        ).order_by(session.c.day.desc(), session.c.recorded_at.desc(), session.c.id)
    ):
        booked, asked, left, first_planned = visits.get(one.key, (0, 0, 0, None))
        gone = one.died or left
        if first_planned is not None:
            is_late, is_waiting = first_planned % 2 == 0, True
        else:
            is_late, is_waiting = not gone and one.day < asked_by, not gone
        is_open = (
            one.no_consent
            or not lots.get(one.key, not one.injects)
            or not (booked or gone)
            or (not asked and is_late)
            or (photographed is not None and one.key not in photographed)
        )
        found.append((one.key, bool(is_open), not is_open and bool(asked or not is_waiting)))
    return found


def _within(
    session: sa.FromClause, model: type[Any], column: str, of_session: str
) -> sa.ColumnElement[bool]:
    """Joins what was not withdrawn to the sessions, inside their clinic."""
    return sa.and_(
        model.clinic_id == session.c.clinic_id,
        getattr(model, column) == session.c[of_session],
        model.voided_at.is_(None),
    )


def _any(condition: sa.ColumnElement[bool]) -> sa.Function[int]:
    """1 when a row of the group meets the condition, else 0."""
    return sa.func.max(sa.case((condition, 1), else_=0))


def _photographed(db: DbSession, clinic_id: int, session: sa.FromClause) -> set[str] | None:
    """Sessions of which a photograph shows the before or after; None where none are taken."""
    if not db.scalar(takes_photographs(clinic_id)):
        return None
    around = as_days(Photograph.taken_on, db) - session.c.day
    return set(
        db.scalars(
            sa.select(session.c.key)
            .join(Photograph, _within(session, Photograph, "patient_id", "patient_id"))
            .where(
                sa.or_(
                    Photograph.treatment_session_id == session.c.id,
                    around.between(*PHOTOGRAPH_DAYS),
                )
            )
        )
    )

"""The use cases that write: enrol, plan, record, report, amend, void.

Each opens with the right it needs, checks the entry against what is known, and stores it in one
transaction. The entry's id is made when the form is opened and is the key of the request: sending
it again answers with what was stored the first time.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, may, require
from registry.database import Base, DbSession, reading
from registry.entry.amending import (
    refuse_orphans,
    replace_parts,
    same_sites,
    update,
    update_identity,
    write,
)
from registry.entry.checks import check
from registry.entry.forms import (
    CourseEntry,
    Entry,
    EventEntry,
    FollowUpEntry,
    PatientEntry,
    SessionEntry,
)
from registry.entry.known import known_about
from registry.entry.problems import Problem, in_the_way
from registry.entry.rows import Rows, rows_of, store_rows
from registry.errors import Conflict, InvalidEntry, NotFound
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    AuditRow,
    ChangeSet,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    Lot,
    Patient,
    PatientReportedOutcome,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import ReasonForChange

LONGEST_REASON: Final = 500
"""Characters that the audit trail keeps of the words of a reason."""
ROOT: dict[type[Entry], type[Base]] = {
    PatientEntry: Patient,
    CourseEntry: Course,
    SessionEntry: TreatmentSession,
    EventEntry: AdverseEvent,
    FollowUpEntry: FollowUp,
}
PARTS: dict[type[Base], tuple[tuple[type[Base], str], ...]] = {
    TreatmentSession: (
        (TreatedSite, "treatment_session_id"),
        (Injection, "treatment_session_id"),
        (SafetyOverride, "treatment_session_id"),
    ),
    FollowUp: ((FollowUpFinding, "follow_up_id"), (SiteOutcome, "follow_up_id")),
}
"""Rows that stand and fall with a record, and the column that points to it."""
VOIDED_WITH: dict[type[Base], tuple[tuple[type[Base], str], ...]] = {
    FollowUp: ((PatientReportedOutcome, "follow_up_id"),),
}
"""Records of their own, corrected by themselves, that fall with the record they were made at."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was stored: identifier, version and instant; ``already`` when it had been before."""

    id: UUID
    version: int
    at: dt.datetime
    already: bool = False
    notes: tuple[Problem, ...] = ()


def enrol_patient(
    engine: Engine, by: Actor, clinic_id: int, entry: PatientEntry, *, now: dt.datetime
) -> Recorded:
    """Enrol a patient under a pseudonym; the identity goes to a table of its own."""
    require(by, Permission.RECORD, clinic_id)
    return _record(engine, by, clinic_id, entry, "enrol_patient", (), now)


def plan_course(
    engine: Engine, by: Actor, clinic_id: int, entry: CourseEntry, *, now: dt.datetime
) -> Recorded:
    """Plan a course of one or more sessions."""
    require(by, Permission.RECORD, clinic_id)
    return _record(engine, by, clinic_id, entry, "plan_course", (), now)


def record_session(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: SessionEntry,
    *,
    now: dt.datetime,
    accepted: Collection[str] = (),
) -> Recorded:
    """Record a treatment session with its sites and injections.

    ``accepted`` names the plain rules of level *confirm* that the person has confirmed; a safety
    rule that warns is answered by an override in the entry, which is stored with it.
    """
    require(by, Permission.RECORD, clinic_id)
    return _record(engine, by, clinic_id, entry, "record_session", accepted, now)


def report_event(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: EventEntry,
    *,
    now: dt.datetime,
    accepted: Collection[str] = (),
) -> Recorded:
    """Report an adverse event, attributed to a session or to none."""
    require(by, Permission.RECORD, clinic_id)
    return _record(engine, by, clinic_id, entry, "report_event", accepted, now)


def record_follow_up(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: FollowUpEntry,
    *,
    now: dt.datetime,
    accepted: Collection[str] = (),
) -> Recorded:
    """Record a follow-up: what was looked for, what was found, how the sites did."""
    require(by, Permission.RECORD, clinic_id)
    return _record(engine, by, clinic_id, entry, "record_follow_up", accepted, now)


def amend(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: Entry,
    *,
    version: int,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
    accepted: Collection[str] = (),
) -> Recorded:
    """Correct a stored record; ``version`` is the one the form was opened with.

    Parts that are no longer in the entry are voided, new ones stored, the others changed in place;
    overrides stay. A warning that the amendment does not touch is not asked about again.
    Raises :class:`Conflict` when somebody changed the record meanwhile.
    """
    require(by, Permission.AMEND, clinic_id)
    root = ROOT[type(entry)]
    cause = cause_of_change("amend", root, clinic_id, reason, reason_text, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = _current(db, root, clinic_id, entry.id, version)
            if not isinstance(entry, PatientEntry) and stored.patient_id != entry.patient_id:
                raise Conflict(
                    message(
                        "A record cannot be moved to another patient. Void it, and record it where "
                        "it belongs; nothing was changed."
                    )
                )
            entry, notes = _checked(db, clinic_id, entry, accepted, now)
            same = {}
            if isinstance(entry, SessionEntry):
                same = same_sites(db, clinic_id, entry, request_key)
            wanted = rows_of([entry], clinic_id, now, site_ids=same)
            _store_lots(db, clinic_id, wanted)
            update(db, root, stored, wanted[root][0])
            # Who cannot see an identity has not left it out on purpose.
            if root is Patient and may(by, Permission.SEE_IDENTITY, clinic_id):
                update_identity(db, clinic_id, entry.id, wanted)
            for model, parent in PARTS.get(root, ()):
                replace_parts(db, model, parent, clinic_id, entry.id, wanted.get(model, []), now)
            return Recorded(entry.id, version + 1, now, notes=notes)
    except audit.AlreadyRecorded as earlier:
        was = _version_stored(engine, root, entry.id, request_key)
        return Recorded(entry.id, was, earlier.at, already=True)


def void(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    kind: type[Entry],
    record_id: UUID,
    *,
    version: int,
    reason: ReasonForChange,
    request_key: UUID,
    now: dt.datetime,
    reason_text: str | None = None,
) -> Recorded:
    """Withdraw a record with its parts. Nothing is deleted; it no longer counts anywhere."""
    require(by, Permission.AMEND, clinic_id)
    root = ROOT[kind]
    cause = cause_of_change("void", root, clinic_id, reason, reason_text, request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = _current(db, root, clinic_id, record_id, version)
            refuse_orphans(db, root, clinic_id, record_id)
            write(db, root, stored, {"voided_at": now})
            for model, parent in (*PARTS.get(root, ()), *VOIDED_WITH.get(root, ())):
                replace_parts(db, model, parent, clinic_id, record_id, [], now)
            return Recorded(record_id, version + 1, now)
    except audit.AlreadyRecorded as earlier:
        was = _version_stored(engine, root, record_id, request_key)
        return Recorded(record_id, was, earlier.at, already=True)


def problems_of(
    engine: Engine, by: Actor, clinic_id: int, entry: Entry, *, now: dt.datetime
) -> list[Problem]:
    """All problems that storing the entry now would meet; for a form that checks while typing."""
    require(by, _either(by, clinic_id), clinic_id)
    with DbSession(engine) as db:
        found = check(entry, known_about(db, clinic_id, entry, now))
        db.rollback()
    return found


def _either(by: Actor, clinic_id: int) -> Permission:
    """The right to record, or else to amend: either lets somebody fill in a form."""
    recording = may(by, Permission.RECORD, clinic_id)
    return Permission.RECORD if recording else Permission.AMEND


def _record(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    entry: Entry,
    action: str,
    accepted: Collection[str],
    now: dt.datetime,
) -> Recorded:
    cause = audit.Cause(action, clinic_id=clinic_id, request_key=entry.id)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            entry, notes = _checked(db, clinic_id, entry, accepted, now)
            rows = rows_of([entry], clinic_id, now)
            _store_lots(db, clinic_id, rows)
            store_rows(db, rows)
    except audit.AlreadyRecorded as earlier:
        return Recorded(entry.id, 1, earlier.at, already=True)
    return Recorded(entry.id, 1, now, notes=notes)


def _checked(
    db: DbSession, clinic_id: int, entry: Entry, accepted: Collection[str], now: dt.datetime
) -> tuple[Entry, tuple[Problem, ...]]:
    """The entry with the overrides that belong to it, and its notes.

    Raises :class:`InvalidEntry` when it may not be stored.
    """
    known = known_about(db, clinic_id, entry, now)
    found = check(entry, known)
    if isinstance(entry, PatientEntry):
        found += _same_pseudonym(db, clinic_id, entry)
    overrides = entry.overrides if isinstance(entry, SessionEntry) else ()
    standing = in_the_way(found, accepted, overrides)
    if standing:
        raise InvalidEntry(standing)
    if not isinstance(entry, SessionEntry):
        return entry, tuple(found)
    warned = {problem.rule for problem in found if problem.asks_reason}
    kept = known.stored.overrides if known.stored else ()
    return replace(entry, overrides=kept).with_overrides(
        override for override in overrides if override.rule in warned
    ), tuple(found)


def _same_pseudonym(db: DbSession, clinic_id: int, entry: PatientEntry) -> list[Problem]:
    taken = db.scalar(
        sa.select(Patient.id).where(
            Patient.clinic_id == clinic_id,
            Patient.pseudonym == entry.pseudonym,
            Patient.id != entry.id,
        )
    )
    if taken is None:
        return []
    return [
        Problem(
            "pseudonym", "unique", message("Another patient of this clinic has this pseudonym.")
        )
    ]


def _store_lots(db: DbSession, clinic_id: int, rows: Rows) -> None:
    """Store lots that are new, add an expiry that was missing, and leave only that in ``rows``."""
    for row in rows.pop(Lot, []):
        stored = db.get(Lot, (clinic_id, row["id"]))
        if stored is None:
            db.execute(sa.insert(Lot), [row])
        elif stored.expires_on is None and row["expires_on"] is not None:
            stored.expires_on = row["expires_on"]
            stored.version += 1
    db.flush()


def cause_of_change(
    verb: str,
    root: type[Base],
    clinic_id: int,
    reason: ReasonForChange,
    reason_text: str | None,
    request_key: UUID,
) -> audit.Cause:
    """Why a stored record is changed; raises :class:`InvalidEntry` for "other" without words."""
    return audit.Cause(
        f"{verb}_{root.__tablename__}",
        clinic_id=clinic_id,
        request_key=request_key,
        reason=reason.value,
        reason_text=reason_in_words(reason_text, is_required=reason is ReasonForChange.OTHER),
    )


def reason_in_words(text: str | None, *, is_required: bool) -> str | None:
    """The words of a reason as they are kept.

    Raises :class:`InvalidEntry` when they are too long, or missing although required.
    """
    words = (text or "").strip()
    if is_required and not any(character.isalnum() for character in words):
        raise InvalidEntry([Problem("reason_text", "required", message("Say in a few words why."))])
    if len(words) > LONGEST_REASON:
        sentence = message("At most {count} characters.", count=LONGEST_REASON)
        raise InvalidEntry([Problem("reason_text", "length", sentence)])
    return words or None


def _version_stored(engine: Engine, root: type[Base], record_id: UUID, request_key: UUID) -> int:
    """The version that an earlier request with this key gave the record, from the audit trail."""
    with reading(engine) as db:
        text = db.scalars(
            sa.select(AuditRow.new_values)
            .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
            .where(ChangeSet.request_key == request_key, AuditRow.table_name == root.__tablename__)
        ).one()
    stored = json.loads(text or "{}")
    if UUID(str(stored["id"])) != record_id:
        raise Conflict(
            message("This form was used for another record. Nothing was stored: open a new one.")
        )
    return int(stored["version"])


def _current(db: DbSession, root: type[Base], clinic_id: int, id_: UUID, version: int) -> Any:
    stored: Any = db.get(root, (clinic_id, id_))
    if stored is None or stored.voided_at is not None:
        raise NotFound(message("There is no such record in this clinic, or it was voided."))
    if stored.version != version:
        raise Conflict(
            message(
                "Somebody changed this record after you opened it. Nothing of yours was stored: "
                "open it again, compare, and repeat your change if it is still right."
            )
        )
    return stored

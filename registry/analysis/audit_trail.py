"""The audit trail, searched: who changed what, when and why, from what to what.

It is written for the registry as a whole; here it is read as one clinic's. A change belongs to the
clinic that its change set names. A change set that names none (accounts, catalogue, migration)
is shown as far as its rows are the clinic's own, its people's, or shared by all. Identity and
passwords are in the trail as digests only, and leave it as digests.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, require
from registry.audit import DIGESTED, UNAUDITED, WITHHELD, Anchor, last_seal
from registry.database import Base, DbSession, Quantity, UtcDateTime, reading
from registry.schema import (
    AuditRow,
    ChangeSet,
    Clinic,
    Patient,
    RoleGrant,
    Seal,
    UserAccount,
)

KINDS: Final = tuple(sorted(set(Base.metadata.tables) - UNAUDITED))
"""Kinds of records that the trail follows: the names of their tables."""

_OF_EVERYBODY: Final = ("migrate", "restore_backup")
_KEYED_BY_CLINIC: Final = tuple(
    name for name in KINDS if next(iter(Base.metadata.tables[name].primary_key)).name == "clinic_id"
)
_SHARED: Final = tuple(
    name
    for name in KINDS
    if name not in ("clinic", "user_account") and "clinic_id" not in Base.metadata.tables[name].c
)
_OF_PATIENTS: Final = ("patient", *(n for n in KINDS if "patient_id" in Base.metadata.tables[n].c))
_KEY_COLUMNS: Final = ("clinic_id", "id")


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What to look for; days are the clinic's and both ends count. None leaves a question open.

    ``kind`` is one of :data:`KINDS`, ``reason`` the code of a reason for change, ``pseudonym``
    that of a patient whose records, whichever they are, were changed.
    """

    first: dt.date
    last: dt.date
    user_id: int | None = None
    kind: str | None = None
    action: str | None = None
    reason: str | None = None
    pseudonym: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change set: who did what, when and why, and how many rows of each kind it changed."""

    id: int
    seal: int | None
    at: dt.datetime
    user_name: str | None
    display_name: str | None
    origin: str
    action: str
    reason: str | None
    reason_text: str | None
    rows: Mapping[str, int]

    @property
    def row_count(self) -> int:
        """Rows changed, of all kinds."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A value before and after.

    ``label`` heads the column on pages, with its unit; ``is_digest`` marks a value of which the
    trail keeps a digest only.
    """

    column: str
    label: str
    before: Any
    after: Any
    is_digest: bool


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One stored row that was inserted, updated or deleted.

    ``key`` is its primary key as text. ``columns`` are those that changed, or those that were
    filled. ``is_readable`` is False when the trail holds values that nobody can read.
    """

    kind: str
    key: str
    operation: str
    pseudonym: str | None
    columns: tuple[ColumnChange, ...]
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has, or once had, a role in the clinic; or the command line."""

    user_id: int
    user_name: str
    display_name: str


def people(engine: Engine, by: Actor, clinic_id: int) -> tuple[Person, ...]:
    """Whose changes and accesses can be asked for, by name."""
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        rows = db.execute(
            sa.select(UserAccount.id, UserAccount.user_name, UserAccount.display_name)
            .where(
                sa.or_(
                    UserAccount.id.in_(ever_here(db, clinic_id)),
                    UserAccount.user_name == "system",
                )
            )
            .order_by(UserAccount.display_name)
        )
        return tuple(Person(*row) for row in rows)


def head(engine: Engine, by: Actor, clinic_id: int) -> Anchor | None:
    """The newest seal, to be noted outside the registry; None when nothing was ever stored."""
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        return last_seal(db)


def changes(
    engine: Engine, by: Actor, clinic_id: int, query: TrailQuery, *, limit: int = 25
) -> tuple[Change, ...]:
    """The last ``limit`` change sets that fit, the newest first."""
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        scope = _Scope(db, clinic_id)
        found = db.execute(
            sa.select(ChangeSet, Seal.seq, UserAccount.user_name, UserAccount.display_name)
            .outerjoin(Seal, Seal.change_set_id == ChangeSet.id)
            .outerjoin(UserAccount, UserAccount.id == ChangeSet.actor_id)
            .where(*scope.fitting(query))
            .order_by(ChangeSet.id.desc())
            .limit(limit)
        ).all()
        counts: dict[int, dict[str, int]] = {}
        for change_set_id, kind, count in db.execute(
            sa.select(AuditRow.change_set_id, AuditRow.table_name, sa.func.count())
            .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
            .where(
                AuditRow.change_set_id.in_([row.ChangeSet.id for row in found]), scope.visible_row()
            )
            .group_by(AuditRow.change_set_id, AuditRow.table_name)
            .order_by(AuditRow.table_name)
        ):
            counts.setdefault(change_set_id, {})[kind] = count
        return tuple(
            Change(
                id=row.ChangeSet.id,
                seal=row.seq,
                at=row.ChangeSet.at,
                user_name=row.user_name,
                display_name=row.display_name,
                origin=row.ChangeSet.origin,
                action=row.ChangeSet.action,
                reason=row.ChangeSet.reason,
                reason_text=row.ChangeSet.reason_text,
                rows=counts.get(row.ChangeSet.id, {}),
            )
            for row in found
        )


def changed_rows(
    engine: Engine, by: Actor, clinic_id: int, change_id: int, *, limit: int = 50
) -> tuple[ChangedRow, ...]:
    """The first ``limit`` rows of a change set that are the clinic's to see, in their order."""
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        scope = _Scope(db, clinic_id)
        rows = db.scalars(
            sa.select(AuditRow)
            .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
            .where(AuditRow.change_set_id == change_id, scope.visible(), scope.visible_row())
            .order_by(AuditRow.id)
            .limit(limit)
        ).all()
        return tuple(_changed_rows(db, clinic_id, rows))


def trail_table(
    engine: Engine, by: Actor, clinic_id: int, query: TrailQuery, *, limit: int = 20_000
) -> list[dict[str, Any]]:
    """The first ``limit`` changed rows that fit, newest change first, one line for each column."""
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        scope = _Scope(db, clinic_id)
        found = db.execute(
            sa.select(AuditRow, ChangeSet, Seal.seq, UserAccount.user_name)
            .join(ChangeSet, ChangeSet.id == AuditRow.change_set_id)
            .outerjoin(Seal, Seal.change_set_id == ChangeSet.id)
            .outerjoin(UserAccount, UserAccount.id == ChangeSet.actor_id)
            .where(*scope.fitting(query), scope.visible_row())
            .order_by(ChangeSet.id.desc(), AuditRow.id)
            .limit(limit)
        ).all()
        readable = _changed_rows(db, clinic_id, [row.AuditRow for row in found])
        return [
            {
                "seal": row.seq,
                "at": row.ChangeSet.at.isoformat(),
                "user_name": row.user_name,
                "origin": row.ChangeSet.origin,
                "action": row.ChangeSet.action,
                "reason": row.ChangeSet.reason,
                "reason_text": row.ChangeSet.reason_text,
                "record": changed.kind,
                "key": changed.key,
                "pseudonym": changed.pseudonym,
                "operation": changed.operation,
                "column": column.column,
                "before": column.before,
                "after": column.after,
                "is_digest": column.is_digest,
            }
            for row, changed in zip(found, readable, strict=True)
            for column in changed.columns
        ]


def may_be_named(kind: str, key: str, clinic_id: int) -> bool:
    """Whether the key of a row tells nothing of a clinic other than this one."""
    return kind not in _KEYED_BY_CLINIC or key.startswith(f"[{clinic_id},")


# --- what belongs to a clinic --------------------------------------------------------------------


class _Scope:
    """Conditions that keep the trail to what one clinic may see."""

    def __init__(self, db: DbSession, clinic_id: int) -> None:
        self._db = db
        self._clinic_id = clinic_id
        key = AuditRow.row_key
        self._rows_here = sa.or_(
            AuditRow.table_name.in_(_SHARED),
            sa.and_(AuditRow.table_name.in_(_KEYED_BY_CLINIC), key.startswith(f"[{clinic_id},")),
            sa.and_(AuditRow.table_name == "clinic", key == f"[{clinic_id}]"),
            sa.and_(AuditRow.table_name == "role_grant", _of_role_in(clinic_id)),
            sa.and_(
                AuditRow.table_name == "user_account",
                key.in_([f"[{user_id}]" for user_id in ever_here(db, clinic_id)]),
            ),
        )

    def visible(self) -> sa.ColumnElement[bool]:
        """Change sets of the clinic, or of none with a row that is the clinic's to see."""
        any_row = (
            sa.exists()
            .where(AuditRow.change_set_id == ChangeSet.id, self._rows_here)
            .correlate(ChangeSet)
        )
        return sa.or_(
            ChangeSet.clinic_id == self._clinic_id,
            sa.and_(
                ChangeSet.clinic_id.is_(None),
                sa.or_(ChangeSet.action.in_(_OF_EVERYBODY), any_row),
            ),
        )

    def visible_row(self) -> sa.ColumnElement[bool]:
        """Rows of a visible change set that are the clinic's to see."""
        return sa.or_(ChangeSet.clinic_id == self._clinic_id, self._rows_here)

    def fitting(self, query: TrailQuery) -> list[sa.ColumnElement[bool]]:
        """Visible change sets that fit a query."""
        zone = zone_of(self._db, self._clinic_id)
        conditions = [self.visible(), *within_days(ChangeSet.at, zone, query.first, query.last)]
        for column, wanted in (
            (ChangeSet.actor_id, query.user_id),
            (ChangeSet.action, query.action),
            (ChangeSet.reason, query.reason),
        ):
            if wanted is not None:
                conditions.append(column == wanted)
        if query.kind is not None:
            conditions.append(
                sa.exists()
                .where(
                    AuditRow.change_set_id == ChangeSet.id,
                    AuditRow.table_name == query.kind,
                    self.visible_row(),
                )
                .correlate(ChangeSet)
            )
        if query.pseudonym is not None:
            conditions.append(ChangeSet.id.in_(self._about(query.pseudonym)))
        return conditions

    def _about(self, pseudonym: str) -> sa.Select[int]:
        """Change sets with a row of this patient, also one that is another's by now."""
        patient_id = self._db.scalar(
            sa.select(Patient.id).where(
                Patient.clinic_id == self._clinic_id,
                sa.func.lower(Patient.pseudonym) == pseudonym.strip().lower(),
            )
        )
        found = sa.select(AuditRow.change_set_id)
        if patient_id is None:
            return found.where(sa.false())
        written = patient_id.hex if _is_sqlite(self._db) else str(patient_id)
        return found.where(
            AuditRow.table_name.in_(_OF_PATIENTS),
            AuditRow.row_key.startswith(f"[{self._clinic_id},"),
            sa.or_(AuditRow.new_values.contains(written), AuditRow.old_values.contains(written)),
        )


def ever_here(db: DbSession, clinic_id: int) -> set[int]:
    """Accounts that have a role in the clinic or, by the trail, once had one."""
    now = db.scalars(sa.select(RoleGrant.user_id).where(RoleGrant.clinic_id == clinic_id))
    once = db.scalars(
        sa.select(AuditRow.row_key).where(
            AuditRow.table_name == "role_grant",
            AuditRow.operation == "delete",
            _of_role_in(clinic_id),
        )
    )
    return {*now, *(int(json.loads(key)[0]) for key in once)}


def _of_role_in(clinic_id: int) -> sa.ColumnElement[bool]:
    """Keys ``[user, clinic, role]`` of roles in the clinic; each database spaces them its way."""
    return sa.func.replace(AuditRow.row_key, " ", "").like(f"[%,{clinic_id},%")


def zone_of(db: DbSession, clinic_id: int) -> ZoneInfo:
    """Where the clinic's days begin."""
    return ZoneInfo(db.get_one(Clinic, clinic_id).time_zone)


def within_days(
    column: Any, zone: ZoneInfo, first: dt.date, last: dt.date
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """From the beginning of day ``first`` to the end of day ``last`` in a time zone."""
    begins = dt.datetime.combine(first, dt.time(), zone)
    ends = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), zone)
    return column >= begins, column < ends


def _is_sqlite(db: DbSession) -> bool:
    return db.get_bind().dialect.name == "sqlite"


# --- values as the columns mean them -------------------------------------------------------------


def _changed_rows(db: DbSession, clinic_id: int, rows: Sequence[AuditRow]) -> Iterator[ChangedRow]:
    values = [(_values(row.old_values), _values(row.new_values)) for row in rows]
    patients = [
        _patient_of(row.table_name, new or old or {})
        for row, (old, new) in zip(rows, values, strict=True)
    ]
    wanted = list({patient for patient in patients if patient is not None})
    pseudonyms: dict[UUID, str] = {}
    for start in range(0, len(wanted), 500):
        pseudonyms.update(
            db.execute(
                sa.select(Patient.id, Patient.pseudonym).where(
                    Patient.clinic_id == clinic_id, Patient.id.in_(wanted[start : start + 500])
                )
            ).all()
        )
    for row, (old, new), patient in zip(rows, values, patients, strict=True):
        yield ChangedRow(
            kind=row.table_name,
            key=row.row_key,
            operation=row.operation,
            pseudonym=pseudonyms.get(patient) if patient is not None else None,
            columns=tuple(_columns(row.table_name, old or {}, new or {})),
            is_readable=old is not None and new is not None,
        )


def _values(text: str | None) -> dict[str, Any] | None:
    """Values by column; none at all for a row that was not there, None for what is damaged."""
    try:
        found = json.loads(text) if text is not None else {}
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _patient_of(kind: str, values: Mapping[str, Any]) -> UUID | None:
    text = values.get("id" if kind == "patient" else "patient_id")
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def _columns(kind: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[ColumnChange]:
    table = Base.metadata.tables.get(kind)
    digests = DIGESTED.get(kind, ())
    for name in dict.fromkeys((*new, *old)):
        if name in _KEY_COLUMNS or name in WITHHELD.get(kind, ()):
            continue
        column = table.c.get(name) if table is not None else None
        is_digest = name in digests
        before, after = (
            side.get(name) if is_digest or column is None else _typed(column, side.get(name))
            for side in (old, new)
        )
        if before != after:
            yield ColumnChange(name, _label(name, column), before, after, is_digest)


def _label(name: str, column: sa.Column[Any] | None) -> str:
    """What heads a column, with its unit unless that is said already: "Birth year" is in years."""
    about = {} if column is None else column.info
    label, unit = str(about.get("label") or name), about.get("unit")
    return f"{label} ({unit})" if unit and unit not in label.lower() else label


def _typed(column: sa.Column[Any], raw: Any) -> Any:
    """A value as its column means it, alike from both databases; as it is when it does not fit."""
    if raw is None:
        return None
    type_ = column.type
    try:
        if isinstance(type_, sa.Boolean):
            return bool(raw)
        if isinstance(type_, sa.Enum) and type_.enum_class is not None:
            return type_.enum_class(raw)
        if isinstance(type_, sa.Uuid):
            return UUID(str(raw))
        if isinstance(type_, Quantity):
            return Decimal(str(raw)).normalize()
        if isinstance(type_, UtcDateTime):
            instant = dt.datetime.fromisoformat(str(raw))
            return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
        if isinstance(type_, sa.Date):
            return dt.date.fromisoformat(str(raw))
    except (ArithmeticError, ValueError):
        return raw
    return raw

"""The log of accesses, searched: who signed in, looked at records, exported or was refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import sign_in, throttle
from registry.access import Actor, Permission, require
from registry.analysis.audit_trail import ever_here, within_days, zone_of
from registry.database import reading
from registry.schema import AccessLog, UserAccount


class AccessKind(StrEnum):
    """What an entry of the log of accesses is about."""

    SIGN_IN = "sign_in"
    VIEW = "view"
    EXPORT = "export"
    REFUSAL = "refusal"


ACCESSES: Final[Mapping[AccessKind, tuple[str, ...]]] = {
    AccessKind.SIGN_IN: (
        throttle.SIGNED_IN,
        throttle.FAILED,
        throttle.PASSWORD_CONFIRMED,
        sign_in.SIGNED_OUT,
        sign_in.CODE_ISSUED,
        sign_in.CODE_USED,
        sign_in.PASSWORD_CHANGED,
    ),
    AccessKind.VIEW: (
        "open_patient",
        "open_identified_patient",
        "list_identified",
        "list_records",
        "see_photographs",
    ),
    AccessKind.EXPORT: (
        "export",
        "export_identity",
        "download_table",
        "download_figure",
        "download_report",
        "download_trail",
        "download_accesses",
    ),
    AccessKind.REFUSAL: ("refused", throttle.FAILED),
}
"""Codes of the log by what they are about; a failed sign-in is a refusal too."""


@dataclass(frozen=True, slots=True)
class Access:
    """One entry of the log of accesses."""

    at: dt.datetime
    user_name: str
    display_name: str | None
    action: str
    address: str | None
    row_count: int | None
    detail: str | None


def accesses(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    *,
    first: dt.date,
    last: dt.date,
    kind: AccessKind | None = None,
    user_id: int | None = None,
    limit: int = 200,
) -> tuple[Access, ...]:
    """The last ``limit`` accesses in the clinic from day ``first`` to day ``last``, newest first.

    Signing in happens at no clinic: it is shown for those who have or had a role here, and for
    names that are nobody's.
    """
    require(by, Permission.READ_AUDIT, clinic_id)
    with reading(engine) as db:
        conditions = [
            sa.or_(
                AccessLog.clinic_id == clinic_id,
                sa.and_(
                    AccessLog.clinic_id.is_(None),
                    sa.or_(
                        AccessLog.user_id.is_(None),
                        AccessLog.user_id.in_(ever_here(db, clinic_id)),
                    ),
                ),
            ),
            *within_days(AccessLog.at, zone_of(db, clinic_id), first, last),
        ]
        if kind is not None:
            conditions.append(AccessLog.action.in_(ACCESSES[kind]))
        if user_id is not None:
            conditions.append(AccessLog.user_id == user_id)
        rows = db.execute(
            sa.select(AccessLog, UserAccount.display_name)
            .outerjoin(UserAccount, UserAccount.id == AccessLog.user_id)
            .where(*conditions)
            .order_by(AccessLog.id.desc())
            .limit(limit)
        )
        return tuple(
            Access(
                at=row.at,
                user_name=row.user_name,
                display_name=display_name,
                action=row.action,
                address=row.address,
                row_count=row.row_count,
                detail=row.detail,
            )
            for row, display_name in rows
        )

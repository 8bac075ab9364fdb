"""Who may do what: one table, denied unless listed.

Every public function of ``entry``, ``analysis`` and ``exchange`` that touches records opens with
:func:`require` or :func:`scope`. A right holds in one clinic, through a grant. What a
person may not see is answered as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.errors import PermissionDenied
from registry.messages import Message, message
from registry.vocabulary import Role


class Permission(StrEnum):
    """One thing a person can be allowed to do in a clinic."""

    RECORD = "record"
    AMEND = "amend"
    READ_RATES = "read_rates"
    SEE_RECORDS = "see_records"
    SEE_IDENTITY = "see_identity"
    IMPORT = "import"
    EXPORT = "export"
    EXPORT_IDENTITY = "export_identity"
    MANAGE_USERS = "manage_users"
    READ_AUDIT = "read_audit"
    CONTACT = "contact"
    CONFIGURE = "configure"


RIGHTS: Final[Mapping[Permission, Message]] = {
    Permission.RECORD: message("record"),
    Permission.AMEND: message("amend"),
    Permission.READ_RATES: message("read rates"),
    Permission.SEE_RECORDS: message("see records"),
    Permission.SEE_IDENTITY: message("see identity"),
    Permission.IMPORT: message("import"),
    Permission.EXPORT: message("export"),
    Permission.EXPORT_IDENTITY: message("export identity"),
    Permission.MANAGE_USERS: message("manage users"),
    Permission.READ_AUDIT: message("read audit"),
    Permission.CONTACT: message("contact"),
    Permission.CONFIGURE: message("configure"),
}
"""Each right as it is named to a person."""


ALLOWED: Final[dict[Role, frozenset[Permission]]] = {
    Role.CLINICIAN: frozenset(
        {
            Permission.RECORD,
            Permission.AMEND,
            Permission.READ_RATES,
            Permission.SEE_RECORDS,
            Permission.SEE_IDENTITY,
            Permission.CONTACT,
        }
    ),
    Role.PRACTICE_MANAGER: frozenset(
        {Permission.READ_RATES, Permission.CONTACT, Permission.CONFIGURE}
    ),
    Role.DATA_MANAGER: frozenset(
        {
            Permission.AMEND,
            Permission.READ_RATES,
            Permission.SEE_RECORDS,
            Permission.IMPORT,
            Permission.EXPORT,
            Permission.CONFIGURE,
        }
    ),
    Role.ADMINISTRATOR: frozenset({Permission.MANAGE_USERS}),
    Role.AUDITOR: frozenset({Permission.READ_RATES, Permission.SEE_RECORDS, Permission.READ_AUDIT}),
}
"""The reviewed table of rights by role. Two rights are also given singly: see :class:`Grant`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in one clinic, with the two rights that an administrator gives person by person."""

    clinic_id: int
    role: Role
    see_records: bool = False
    see_identity: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that this grant allows."""
        extra: set[Permission] = set()
        if self.see_records:
            extra.add(Permission.SEE_RECORDS)
        if self.see_identity:
            extra |= {Permission.SEE_RECORDS, Permission.SEE_IDENTITY}
            if Permission.EXPORT in ALLOWED[self.role]:
                extra.add(Permission.EXPORT_IDENTITY)
        return ALLOWED[self.role] | extra


@dataclass(frozen=True, slots=True)
class Actor:
    """The person (or the command line) on whose behalf something happens."""

    user_id: int
    user_name: str
    display_name: str
    grants: tuple[Grant, ...]
    origin: str = "page"


def may(actor: Actor, permission: Permission, clinic_id: int) -> bool:
    """Whether ``actor`` holds ``permission`` in the clinic."""
    return any(
        grant.clinic_id == clinic_id and permission in grant.permissions for grant in actor.grants
    )


def require(actor: Actor, permission: Permission, clinic_id: int) -> None:
    """Raise :class:`PermissionDenied` unless ``actor`` holds ``permission`` in the clinic."""
    if not may(actor, permission, clinic_id):
        raise PermissionDenied(
            message(
                "Your account may not do this here ({right}). Nothing was changed. An "
                "administrator can grant the right.",
                right=RIGHTS[permission],
            )
        )


def scope(actor: Actor, permission: Permission) -> frozenset[int]:
    """The clinics in which ``actor`` holds ``permission``; raises when there is none."""
    clinics = frozenset(
        grant.clinic_id for grant in actor.grants if permission in grant.permissions
    )
    if not clinics:
        raise PermissionDenied(
            message(
                "Your account may not do this in any clinic ({right}). An administrator can grant "
                "the right.",
                right=RIGHTS[permission],
            )
        )
    return clinics


def operator(user_id: int, clinic_ids: Iterable[int]) -> Actor:
    """Whoever holds the database file and runs the command line: all rights, and audited as such.

    The operating system has already decided that this person may read and write the database;
    ``user_id`` is the account "system" that every registry has and nobody can sign in to.
    """
    grants = tuple(
        Grant(clinic_id, role, see_identity=True)
        for clinic_id in clinic_ids
        for role in (Role.CLINICIAN, Role.DATA_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR)
    )
    return Actor(user_id, "system", "Command line", grants, origin="command line")

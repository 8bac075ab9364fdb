"""The words of the audit page: records, use cases, accesses, and values as people write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from dashboard import words
from dashboard.text import _
from registry.analysis.access_history import Access, AccessKind
from registry.analysis.audit_trail import ChangedRow, ColumnChange
from registry.analysis.wording import NARROW_SPACE
from registry.catalogue import catalogue
from registry.operations.audit_verification import Check
from registry.vocabulary import ReasonForChange

DIGEST_SHOWN: Final = 12
BOOKKEEPING: Final = frozenset({"recorded_at", "version", "user_id"})
"""Columns that say nothing to a reader about a row that was added or removed."""

_LONG_DIGEST: Final = re.compile(
    rf"\b([0-9a-f]{{{DIGEST_SHOWN}}})[0-9a-f]{{{64 - DIGEST_SHOWN}}}\b"
)

KINDS: Final[Mapping[str, str]] = {
    "adverse_event": "Adverse event",
    "anatomy": "Catalogue: region or vein",
    "change_point": "Change in the clinic",
    "checklist": "Catalogue: checklist",
    "clinic": "Clinic",
    "clinic_setting": "Setting of the clinic",
    "clinician": "Clinician",
    "condition": "Catalogue: condition",
    "contact_attempt": "Attempt to reach a patient",
    "course": "Course",
    "event_term": "Catalogue: event term",
    "favourite": "Favourite preparation",
    "follow_up": "Follow-up",
    "follow_up_finding": "Finding",
    "import_batch": "Imported files",
    "injection": "Injection",
    "instrument_item": "Catalogue: question to patients",
    "limb_assessment": "Assessment of a leg",
    "lot": "Lot",
    "patient": "Patient",
    "patient_identity": "Identity of a patient",
    "patient_link": "Link of two records of one person",
    "patient_reported_outcome": "Answer of a patient",
    "photograph": "Photograph",
    "product": "Catalogue: product",
    "product_gtin": "Code on a pack",
    "reporting_period": "Reporting period",
    "risk_fact": "Answer on a risk",
    "role_grant": "Role",
    "safety_override": "Overridden warning",
    "scale": "Catalogue: scale",
    "sclerosant": "Catalogue: sclerosant",
    "site_outcome": "Outcome of a site",
    "treated_site": "Treated site",
    "treatment_session": "Session",
    "user_account": "Account",
}
"""Audited tables as people speak of their rows."""

ACTIONS: Final[Mapping[str, str]] = {
    **words.ACTIONS,
    "import_files": "Files imported",
    "add_clinic": "Clinic added",
    "add_clinician": "Clinician added",
    "add_user": "Account added",
    "disable_user": "Account disabled",
    "enable_user": "Account enabled",
    "grant_role": "Role given",
    "revoke_role": "Role taken away",
    "set_rights": "Rights changed",
    "issue_code": "One-time code issued",
    "set_password": "Password set",
    "rehash": "Password protected anew",
    "freeze_period": "Reporting period frozen",
    "void_period": "Reporting period withdrawn",
    "keep_favourite": "Favourite kept",
    "remove_favourite": "Favourite removed",
    "name_pack": "Code on a pack named",
    "make_demo": "Demonstration made",
    "store_catalogue": "Catalogue stored",
    "migrate": "Database migrated",
    "restore_backup": "Backup restored",
}
"""Every use case that writes."""

ACCESSES: Final[Mapping[str, str]] = {
    "sign_in": "Signed in",
    "sign_in_failed": "Sign-in refused",
    "sign_out": "Signed out",
    "password_confirmed": "Typed the password again",
    "password_changed": "Changed the password",
    "code_issued": "One-time code issued",
    "code_used": "One-time code used",
    "open_patient": "Opened a record without names",
    "open_identified_patient": "Opened a record with names",
    "list_identified": "Searched patients with names",
    "list_records": "Listed the records behind a figure",
    "see_photographs": "Looked at photographs",
    "export": "Exported without names",
    "export_identity": "Exported with names",
    "download_table": "Downloaded a table of figures",
    "download_figure": "Downloaded a picture of figures",
    "download_report": "Downloaded a printed report",
    "download_trail": "Downloaded the audit trail",
    "download_accesses": "Downloaded the log of accesses",
    "verify_trail": "Verified the audit trail",
    "refused": "Was refused",
}
"""Codes of the log of accesses."""

OPERATIONS: Final[Mapping[str, str]] = {
    "insert": "added",
    "update": "changed",
    "delete": "removed",
}

ACCESS_KINDS: Final[Mapping[AccessKind, str]] = {
    AccessKind.SIGN_IN: "Sign-ins",
    AccessKind.VIEW: "Views of records",
    AccessKind.EXPORT: "Exports and downloads",
    AccessKind.REFUSAL: "Refusals",
}

CHECKS: Final[Mapping[Check, str]] = {
    Check.CHAIN: "Chain",
    Check.ANCHOR: "Noted seal",
    Check.REPLAY: "Stored data",
    Check.TRIGGERS: "Triggers",
}


_NAMED: Final[Mapping[str, Callable[[str], str | None]]] = {
    "anatomy_code": lambda code: words.place(code) if code in catalogue().anatomy else None,
    "event_term_code": lambda code: (
        words.event_term(code) if code in catalogue().event_terms else None
    ),
    "product_code": lambda code: words.product(code) if code in catalogue().products else None,
    "scale_code": lambda code: words.scale(code) if code in catalogue().scales else None,
    "visit_code": lambda code: words.visit(code) if code in catalogue().visits else None,
}


def kind(table: str) -> str:
    """A kind of record."""
    return _(KINDS.get(table, table))


def action(code: str) -> str:
    """A use case that wrote."""
    return _(ACTIONS.get(code, code))


def access(code: str) -> str:
    """An entry of the log of accesses."""
    return _(ACCESSES.get(code, code))


def reason(code: str) -> str:
    """A reason for a change; as it stands when it is no longer among them."""
    return words.label(ReasonForChange(code)) if code in set(ReasonForChange) else code


def unbroken(text: str) -> str:
    """A short text that stays on one line of a table."""
    return text.replace(" ", NARROW_SPACE)


def record(row: ChangedRow) -> str:
    """A changed row as people speak of it: "Session of P-0001"."""
    if row.pseudonym is None:
        return kind(row.kind)
    if row.kind == "patient":
        return _("Patient {pseudonym}").format(pseudonym=row.pseudonym)
    return _("{kind} of {pseudonym}").format(kind=kind(row.kind), pseudonym=row.pseudonym)


def content(row: ChangedRow, time_zone: str) -> str:
    """What a row held that was added or removed, without identifiers of other rows."""
    parts = []
    for column in row.columns:
        held = column.before if row.operation == "delete" else column.after
        if column.column not in BOOKKEEPING and not isinstance(held, UUID):
            parts.append(f"{_(column.label)}: {value(column, held, time_zone)}")
    return _LONG_DIGEST.sub(r"\1…", "; ".join(parts)) or "–"


def detail(access: Access) -> str:
    """Whence and what, with digests cut to their beginning."""
    parts = [
        _("from {address}").format(address=access.address) if access.address else "",
        _LONG_DIGEST.sub(r"\1…", access.detail or ""),
    ]
    return ", ".join(part for part in parts if part) or "–"


def value(change: ColumnChange, side: Any, time_zone: str) -> str:
    """A value before or after a change; identity shows as the beginning of its digest."""
    if side is None:
        return "–"
    if change.is_digest:
        return _("hidden, digest {digest}").format(digest=str(side)[:DIGEST_SHOWN])
    named = _NAMED.get(change.column)
    if named is not None and (found := named(side)) is not None:
        return found
    match side:
        case bool():
            return _("yes") if side else _("no")
        case StrEnum():
            return words.label(side) if type(side) in words.LABELS else side.value
        case dt.datetime():
            return words.moment(side, time_zone)
        case dt.date():
            return words.day(side)
        case Decimal():
            return words.number(side)
        case UUID():
            return str(side)[:8]
        case _:
            return str(side)

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
from dashboard.text import N_, _
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
    "adverse_event": N_("Adverse event"),
    "anatomy": N_("Catalogue: region or vein"),
    "change_point": N_("Change in the clinic"),
    "checklist": N_("Catalogue: checklist"),
    "clinic": N_("Clinic"),
    "clinic_setting": N_("Setting of the clinic"),
    "clinician": N_("Clinician"),
    "condition": N_("Catalogue: condition"),
    "contact_attempt": N_("Attempt to reach a patient"),
    "course": N_("Course"),
    "event_term": N_("Catalogue: event term"),
    "favourite": N_("Favourite preparation"),
    "follow_up": N_("Follow-up"),
    "follow_up_finding": N_("Finding"),
    "import_batch": N_("Imported files"),
    "injection": N_("Injection"),
    "instrument_item": N_("Catalogue: question to patients"),
    "limb_assessment": N_("Assessment of a leg"),
    "lot": N_("Lot"),
    "patient": N_("Patient"),
    "patient_identity": N_("Identity of a patient"),
    "patient_link": N_("Link of two records of one person"),
    "patient_reported_outcome": N_("Answer of a patient"),
    "photograph": N_("Photograph"),
    "product": N_("Catalogue: product"),
    "product_gtin": N_("Code on a pack"),
    "reporting_period": N_("Reporting period"),
    "risk_fact": N_("Answer on a risk"),
    "role_grant": N_("Role"),
    "safety_override": N_("Overridden warning"),
    "scale": N_("Catalogue: scale"),
    "sclerosant": N_("Catalogue: sclerosant"),
    "site_outcome": N_("Outcome of a site"),
    "treated_site": N_("Treated site"),
    "treatment_session": N_("Session"),
    "user_account": N_("Account"),
}
"""Audited tables as people speak of their rows."""

ACTIONS: Final[Mapping[str, str]] = {
    **words.ACTIONS,
    "import_files": N_("Files imported"),
    "add_clinic": N_("Clinic added"),
    "add_clinician": N_("Clinician added"),
    "add_user": N_("Account added"),
    "disable_user": N_("Account disabled"),
    "enable_user": N_("Account enabled"),
    "grant_role": N_("Role given"),
    "revoke_role": N_("Role taken away"),
    "set_rights": N_("Rights changed"),
    "issue_code": N_("One-time code issued"),
    "set_password": N_("Password set"),
    "choose_language": N_("Language chosen"),
    "rehash": N_("Password protected anew"),
    "record_change": N_("Change in the clinic recorded"),
    "void_change": N_("Change in the clinic withdrawn"),
    "freeze_period": N_("Reporting period frozen"),
    "void_period": N_("Reporting period withdrawn"),
    "keep_favourite": N_("Favourite kept"),
    "remove_favourite": N_("Favourite removed"),
    "name_pack": N_("Code on a pack named"),
    "make_demo": N_("Demonstration made"),
    "store_catalogue": N_("Catalogue stored"),
    "migrate": N_("Database migrated"),
    "restore_backup": N_("Backup restored"),
}
"""Every use case that writes."""

ACCESSES: Final[Mapping[str, str]] = {
    "sign_in": N_("Signed in"),
    "sign_in_failed": N_("Sign-in refused"),
    "sign_out": N_("Signed out"),
    "password_confirmed": N_("Typed the password again"),
    "password_changed": N_("Changed the password"),
    "code_issued": N_("One-time code issued"),
    "code_used": N_("One-time code used"),
    "open_patient": N_("Opened a record without names"),
    "open_identified_patient": N_("Opened a record with names"),
    "list_identified": N_("Searched patients with names"),
    "list_records": N_("Listed the records behind a figure"),
    "see_photographs": N_("Looked at photographs"),
    "export": N_("Exported without names"),
    "export_identity": N_("Exported with names"),
    "download_table": N_("Downloaded a table of figures"),
    "download_figure": N_("Downloaded a picture of figures"),
    "download_report": N_("Downloaded a printed report"),
    "download_trail": N_("Downloaded the audit trail"),
    "download_accesses": N_("Downloaded the log of accesses"),
    "verify_trail": N_("Verified the audit trail"),
    "refused": N_("Was refused"),
}
"""Codes of the log of accesses."""

OPERATIONS: Final[Mapping[str, str]] = {
    "insert": N_("added"),
    "update": N_("changed"),
    "delete": N_("removed"),
}

ACCESS_KINDS: Final[Mapping[AccessKind, str]] = {
    AccessKind.SIGN_IN: N_("Sign-ins"),
    AccessKind.VIEW: N_("Views of records"),
    AccessKind.EXPORT: N_("Exports and downloads"),
    AccessKind.REFUSAL: N_("Refusals"),
}

CHECKS: Final[Mapping[Check, str]] = {
    Check.CHAIN: N_("Chain"),
    Check.ANCHOR: N_("Noted seal"),
    Check.REPLAY: N_("Stored data"),
    Check.TRIGGERS: N_("Triggers"),
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

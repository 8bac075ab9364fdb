"""What the pages ask of the registry about photographs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from dashboard import data, photograph_links, state
from registry import access_log
from registry.access import Permission
from registry.analysis import photographs
from registry.analysis.photographs import PatientPhotographs, Shot
from registry.entry import photographs as entering
from registry.entry.photograph_content import prepared
from registry.entry.photographs import PhotographEntry
from registry.entry.recording import Recorded
from registry.errors import UnreadableFile


def photographs_of(patient_id: UUID) -> PatientPhotographs:
    """The photographs of a patient, without the pictures."""
    return photographs.photographs_of(
        state.reading_engine(), state.actor(), state.clinic(), patient_id
    )


def may_see_pictures() -> bool:
    """Whether the person may see the pictures themselves in the clinic at hand."""
    return state.allowed(Permission.SEE_RECORDS) and state.allowed(Permission.SEE_IDENTITY)


def paths(shots: Collection[Shot]) -> Mapping[UUID, str]:
    """Where this sign-in fetches these pictures; the first time is written to the log."""
    token = state.signed_in_token()
    if token is None or not may_see_pictures():
        return {}
    clinic, now = state.clinic(), state.now()
    links = {shot.id: photograph_links.link(token, clinic, shot.id, now=now) for shot in shots}
    new = sum(is_new for _path, is_new in links.values())
    if new:
        access_log.log_access(
            state.engine(),
            state.actor(),
            "see_photographs",
            now=now,
            clinic_id=clinic,
            row_count=new,
        )
    return {photograph_id: path for photograph_id, (path, _is_new) in links.items()}


def fault_of(content: bytes) -> str:
    """Why a file cannot be stored as a photograph; blank when it can."""
    try:
        prepared(content)
    except UnreadableFile as error:
        return str(error)
    return ""


def add(entry: PhotographEntry, content: bytes) -> Recorded:
    """Store a photograph."""
    return entering.add_photograph(
        state.engine(), state.actor(), state.clinic(), entry, content, now=state.now()
    )


def withdraw(shot: Shot, change: data.Change) -> Recorded:
    """Withdraw a photograph; its picture stays stored."""
    return entering.void_photograph(
        state.engine(),
        state.actor(),
        state.clinic(),
        shot.id,
        version=change.version,
        reason=change.reason,
        reason_text=change.reason_text,
        request_key=change.request_key,
        now=state.now(),
    )


def erase(shot: Shot, reason_text: str, request_key: UUID) -> Recorded:
    """Erase the picture of a photograph for good."""
    return entering.erase_photograph(
        state.engine(),
        state.actor(),
        state.clinic(),
        shot.id,
        version=shot.version,
        reason_text=reason_text,
        request_key=request_key,
        now=state.now(),
    )

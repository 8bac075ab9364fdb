"""The demonstration: two made-up clinics in a database of their own.

``practice`` says how the clinics work, ``stories`` what happens to their patients, ``answers`` what
they say before the needle, ``pictures`` draws their legs; here it is checked like any entry, stored
as audited changes, and opened for one person of each role.
"""

from __future__ import annotations

import datetime as dt
import random
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine

from registry import accounts, audit, sign_in
from registry.access import Grant
from registry.entry.assessments import answer_rows, leg_row
from registry.entry.checks import Known, check
from registry.entry.forms import Entry, PatientEntry, SessionEntry
from registry.entry.photograph_content import Picture
from registry.entry.photographs import PhotographEntry, photograph_row
from registry.entry.problems import Level
from registry.entry.risk_facts import fact_rows
from registry.entry.rows import Rows, derived_id, rows_of, site_id, store_rows
from registry.entry.safety import Answer
from registry.errors import Conflict, InvalidEntry
from registry.operations.clinics import add_clinic, add_clinician, list_clinics
from registry.operations.demo.answers import answered, as_answers, overridden
from registry.operations.demo.outcomes import outcomes
from registry.operations.demo.pictures import pictures
from registry.operations.demo.stories import demo_entries
from registry.operations.migration import command_line_actor
from registry.schema import (
    LimbAssessment,
    PatientReportedOutcome,
    Photograph,
    PhotographContent,
    RiskFact,
    TreatmentSession,
)
from registry.vocabulary import Role

SEED: Final = 1
TIME_ZONE: Final = "Europe/Berlin"
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
FIRST_CLINICIAN: Final = "demo-clinician"


@dataclass(frozen=True, slots=True)
class DemoClinic:
    """A made-up clinic: how many patients, and who treats them (code, name, own account).

    ``takes_photographs`` says whether legs are drawn: those who take some miss each that lacks.
    """

    code: str
    name: str
    patients: int
    clinicians: tuple[tuple[str, str, str | None], ...]
    takes_photographs: bool


CLINICS: Final = (
    DemoClinic(
        "DEMO",
        "Demo Vein Clinic",
        375,
        (
            ("D1", "Dr Demo One", FIRST_CLINICIAN),
            ("D2", "Dr Demo Two", None),
            ("D3", "Dr Demo Three", None),
            ("D4", "Nurse Demo Four", None),
            ("D5", "Dr Demo Five", None),
            ("D6", "Dr Demo Six", None),
            ("D7", "Nurse Demo Seven", None),
        ),
        takes_photographs=True,
    ),
    DemoClinic(
        "DEMO2", "Demo Branch Clinic", 50, (("D8", "Dr Demo Eight", None),), takes_photographs=False
    ),
)
PEOPLE: Final = {
    Role.CLINICIAN: (FIRST_CLINICIAN, "Dr Demo One"),
    Role.PRACTICE_MANAGER: ("demo-manager", "Demo Manager"),
    Role.DATA_MANAGER: ("demo-data", "Demo Data Manager"),
    Role.ADMINISTRATOR: ("demo-administrator", "Demo Administrator"),
    Role.AUDITOR: ("demo-auditor", "Demo Auditor"),
}
"""User name and name by role; the clinician works in the first clinic only."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """How to sign in to the demonstration as one role; known only to whoever started it."""

    role: Role
    user_name: str
    password: str


def is_demo(engine: Engine) -> bool:
    """Whether the database holds the demonstration, and nothing else."""
    clinics = list_clinics(engine)
    return bool(clinics) and all(clinic.is_demo for clinic in clinics)


def make_demo(
    engine: Engine,
    *,
    now: dt.datetime,
    seed: int = SEED,
    progress: Callable[[str], None] = lambda _phase: None,
) -> int:
    """Fill an empty registry with about 1,300 sessions of the last 30 months; returns their number.

    The same ``seed`` and day give the same records. Raises :class:`Conflict` when the registry
    holds a clinic already.
    """
    if list_clinics(engine):
        raise Conflict(
            "This database holds a clinic already; the demonstration needs an empty one. Nothing "
            "was changed. Name another file with --database."
        )
    rng = random.Random(seed)  # noqa: S311 - made-up data must be the same each time
    by = command_line_actor(engine)
    clinic_ids = [
        add_clinic(
            engine,
            by,
            clinic.code,
            clinic.name,
            jurisdiction="EU",
            time_zone=TIME_ZONE,
            now=now,
            is_demo=True,
        )
        for clinic in CLINICS
    ]
    by = command_line_actor(engine)
    for role, (user_name, name) in PEOPLE.items():
        places = clinic_ids[:1] if role is Role.CLINICIAN else clinic_ids
        grants = [Grant(clinic_id, role) for clinic_id in places]
        accounts.add_user(engine, by, user_name, name, now=now, grants=grants)
    sessions = 0
    for clinic, clinic_id in zip(CLINICS, clinic_ids, strict=True):
        numbers = [
            add_clinician(engine, by, clinic_id, code, name, now=now, user_name=user_name)
            for code, name, user_name in clinic.clinicians
        ]
        progress(f"Making up the patients of {clinic.name}")
        entries, beside = _entries(rng, clinic, clinic_id, numbers, now)
        sessions += sum(isinstance(entry, SessionEntry) for entry in entries)
        progress(f"Storing the records of {clinic.name}")
        cause = audit.Cause("make_demo", clinic_id=clinic_id)
        with audit.transaction(engine, by, cause, now=now) as db:
            rows = rows_of(entries, clinic_id, now) | beside
            _type_in(rows[TreatmentSession], now)
            store_rows(db, rows)
    return sessions


def _type_in(sessions: Iterable[dict[str, Any]], now: dt.datetime) -> None:
    """Have each session typed in on its evening, or days later as happens, but never after now."""
    rng = random.Random(SEED)  # noqa: S311 - made-up data must be the same each time
    zone = ZoneInfo(TIME_ZONE)
    for session in sessions:
        evening = dt.datetime.combine(session["treated_on"], dt.time(18, 30), zone)
        days = rng.choices((0, 1, 3, 9, 20), (78, 11, 5, 4, 2))[0]
        session["recorded_at"] = min(now, evening + dt.timedelta(days=days))


def open_accounts(engine: Engine, *, now: dt.datetime) -> list[DemoAccount]:
    """A new password for each role; older ones no longer work.

    Raises :class:`Conflict` unless the database holds the demonstration and nothing else.
    """
    if not is_demo(engine):
        raise Conflict("This database holds no demonstration, so its passwords stay as they are.")
    by = command_line_actor(engine)
    ids = {account.user_name: account.id for account in accounts.list_accounts(engine, by)}
    opened = []
    for role, (user_name, _) in PEOPLE.items():
        password = _password()
        code = accounts.issue_password_code(engine, by, ids[user_name], now=now)
        sign_in.choose_password(engine, code, password, None, now)
        opened.append(DemoAccount(role, user_name, password))
    return opened


def sign_in_code(engine: Engine, *, now: dt.datetime, user_name: str = FIRST_CLINICIAN) -> str:
    """A code that signs in once without a password; for the link that is printed at the start."""
    by = command_line_actor(engine)
    ids = {account.user_name: account.id for account in accounts.list_accounts(engine, by)}
    return accounts.issue_sign_in_code(engine, by, ids[user_name], now=now)


def _password() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def _entries(
    rng: random.Random,
    clinic: DemoClinic,
    clinic_id: int,
    clinician_ids: list[int],
    now: dt.datetime,
) -> tuple[list[Entry], Rows]:
    """Everything that happens in the clinic, each entry checked as if it had been typed.

    Beside the entries come the rows of what the patients answered, before the needle and about how
    they feel, of how severe their legs are, and of drawings in place of photographs.
    """
    today = now.astimezone(ZoneInfo(TIME_ZONE)).date()
    found: list[Entry] = []
    facts: list[dict[str, Any]] = []
    drawn: list[tuple[PhotographEntry, Picture]] = []
    said: list[dict[str, Any]] = []
    legs: list[dict[str, Any]] = []
    for patient, entries in demo_entries(rng, today, clinic.patients, clinician_ids, clinic.code):
        known = _known(patient, entries, clinician_ids, today)
        for entry in entries:
            refused = [p for p in check(entry, known) if p.level is Level.REFUSE]
            if refused:
                raise InvalidEntry(refused)
        answers: list[Answer] = []
        sessions = [entry for entry in entries if isinstance(entry, SessionEntry)]
        for session, given in answered(patient, sessions):
            answers += as_answers(given, session.treated_on)
            key = derived_id(session.id, "asked")
            facts += fact_rows(clinic_id, patient.id, given, session.treated_on, key, now)
        reported, assessed = outcomes(patient, entries, today)
        said += [row for entry in reported for row in answer_rows(clinic_id, entry, now)]
        legs += [leg_row(clinic_id, entry, now) for entry in assessed]
        if clinic.takes_photographs:
            drawn += pictures(patient, entries, today)
        found += [
            overridden(entry, patient, entries, answers, known)
            if isinstance(entry, SessionEntry)
            else entry
            for entry in entries
        ]
    return found, {
        RiskFact: facts,
        PatientReportedOutcome: said,
        LimbAssessment: legs,
        PhotographContent: [
            {"clinic_id": clinic_id, "digest": picture.digest, "content": picture.content}
            for _, picture in drawn
        ],
        Photograph: [
            photograph_row(clinic_id, entry, picture.digest, now) for entry, picture in drawn
        ],
    }


def _known(
    patient: PatientEntry, entries: list[Entry], clinician_ids: list[int], today: dt.date
) -> Known:
    sessions = [entry for entry in entries if isinstance(entry, SessionEntry)]
    return Known(
        today=today,
        jurisdiction="EU",
        birth_year=patient.birth_year,
        sessions={session.id: session.treated_on for session in sessions},
        sites={site_id(s.id, i): s.id for s in sessions for i in range(len(s.sites))},
        clinician_ids=frozenset(clinician_ids),
    )

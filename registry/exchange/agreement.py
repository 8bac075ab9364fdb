"""Whether what the files say agrees with the registry and with itself, record by record."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from registry.database import Base
from registry.entry.checks import Known, check
from registry.entry.forms import (
    CourseEntry,
    EventEntry,
    FollowUpEntry,
    InjectionEntry,
    PatientEntry,
    SessionEntry,
)
from registry.entry.problems import Level, Problem
from registry.entry.recording import PARTS
from registry.entry.rows import IDENTITY_FIELDS, rows_of, site_id
from registry.exchange.drafts import COLUMN_OF, Draft, Drafts, Shelf
from registry.exchange.format import FILES
from registry.exchange.problems import FileProblem
from registry.exchange.row_checks import RowChecks
from registry.exchange.single_rows import RowEntry, table_of
from registry.exchange.stored import LotKey, Row, Stored
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    Course,
    FollowUpFinding,
    Injection,
    Lot,
    Patient,
    SafetyOverride,
    SiteOutcome,
    TreatedSite,
)

_NOT_CONTENT: Final = frozenset({"clinic_id", "id", "version", "recorded_at", "voided_at"})


PART_FILES: Final[Mapping[type[Base], str]] = {
    TreatedSite: "sites.csv",
    Injection: "injections.csv",
    SafetyOverride: "safety_overrides.csv",
    FollowUpFinding: "findings.csv",
    SiteOutcome: "site_outcomes.csv",
}
"""File of the rows that stand and fall with a record."""


class State(StrEnum):
    """How a record of the files stands to the registry."""

    NEW = "new"
    IDENTICAL = "identical"
    CONFLICTING = "conflicting"


class Agreement:
    """Judges the records of one set of files against each other and against what is stored."""

    def __init__(
        self,
        clinic_id: int,
        today: dt.date,
        jurisdiction: str,
        now: dt.datetime,
        drafts: Drafts,
        shelf: Shelf,
        stored: Stored,
        left_out: Mapping[str, frozenset[str]],
    ) -> None:
        self._clinic_id = clinic_id
        self._now = now
        self._drafts = drafts
        self._shelf = shelf
        self._stored = stored
        self._left_out = left_out
        self._patients: dict[UUID, PatientEntry] = {}
        self._owners: dict[type[Base], dict[UUID, UUID]] = {Course: {}, AdverseEvent: {}}
        self._sessions: dict[UUID, list[SessionEntry]] = defaultdict(list)
        self._known: dict[UUID, Known] = {}
        self._expiries: dict[LotKey, dt.date | None] = {}
        self._compounded: dict[LotKey, bool] = {}
        self._recalled: dict[LotKey, dt.date] = {}
        self._same_sites: dict[UUID, UUID] = {}
        self._gather()
        self._nobody = Known(
            today=today,
            jurisdiction=jurisdiction,
            lots=self._expiries,
            recalled=self._recalled,
            clinician_ids=frozenset(
                [number for number, _ in shelf.clinicians.values()]
                + [number for number, _, _ in drafts.clinicians.values()]
            ),
        )
        self._rows = RowChecks(drafts, stored, today, self._is_patient)

    def judge(self, draft: Draft) -> tuple[State, list[FileProblem]]:
        """State of a record and its problems; what is stored already is not checked again.

        Records are judged in the order of :meth:`Drafts.all`: an event names a site of its session
        as the registry knows it.
        """
        entry = draft.entry
        if isinstance(entry, EventEntry) and entry.treated_site_id in self._same_sites:
            site = self._same_sites[entry.treated_site_id]
            draft.entry = entry = replace(entry, treated_site_id=site)
        stored = self._stored.roots[table_of(entry)].get(entry.id)
        if stored is None:
            return State.NEW, [draft.place(problem) for problem in self._problems(draft)]
        if stored["voided_at"] is not None:
            return State.CONFLICTING, [
                draft.place(
                    Problem(
                        "", "voided", message("The stored record was voided. Take the row out.")
                    )
                )
            ]
        names = sorted(self._differences(draft, stored))
        if not names:
            fills = isinstance(entry, RowEntry) and _fills_expiry(entry, stored)
            return State.NEW if fills else State.IDENTICAL, []
        return State.CONFLICTING, [
            draft.place(
                Problem(
                    "",
                    "stored_otherwise",
                    message(
                        "Stored already with other content ({columns}). Amend it on its page, or "
                        "take the row out.",
                        columns=", ".join(names),
                    ),
                )
            )
        ]

    def clinicians(self) -> Iterator[tuple[State, list[FileProblem]]]:
        """State and problems of the clinicians in the files."""
        for code, (_, name, row) in self._drafts.clinicians.items():
            if code not in self._shelf.clinicians:
                yield State.NEW, []
            elif name in (None, self._shelf.clinicians[code][1]):
                yield State.IDENTICAL, []
            else:
                problem = FileProblem(
                    "clinicians.csv",
                    row,
                    "display_name",
                    "",
                    "stored_otherwise",
                    message("The registry knows this code under another name."),
                )
                yield State.CONFLICTING, [problem]

    def split_lots(
        self, rows: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Lots to store, and stored lots whose missing expiry the files tell."""
        new, known = [], []
        for row in rows:
            stored = self._stored.lots.get((row["product_code"], row["lot_number"]))
            if stored is None:
                new.append(row)
            elif stored["expires_on"] is None and row["expires_on"] is not None:
                known.append(row)
        return new, known

    def _gather(self) -> None:
        for key, row in self._stored.lots.items():
            if row["recalled_on"] is not None:
                self._recalled[key] = row["recalled_on"]
        for lot in self._drafts.rows_of(Lot):
            values = lot.values
            key = (values["product_code"], values["lot_number"])
            self._shelve(key, values["expires_on"], is_compounded=values["is_compounded"])
            if values["recalled_on"] is not None:
                self._recalled.setdefault(key, values["recalled_on"])
        for draft in self._drafts.all():
            match draft.entry:
                case PatientEntry() as patient:
                    self._patients[patient.id] = patient
                case SessionEntry() as session:
                    self._sessions[session.patient_id].append(session)
                    for injection in session.all_injections():
                        if injection.lot_number is not None:
                            self._shelve(
                                (injection.product_code, injection.lot_number),
                                injection.expires_on,
                                is_compounded=injection.is_compounded,
                            )
                case EventEntry() as event:
                    self._owners[AdverseEvent][event.id] = event.patient_id
                case CourseEntry() as course:
                    self._owners[Course][course.id] = course.patient_id

    def _shelve(self, key: LotKey, expires_on: dt.date | None, *, is_compounded: bool) -> None:
        """The first word on a lot: the registry's, else that of the first row."""
        stored = self._stored.lots.get(key)
        if self._expiries.get(key) is None:
            self._expiries[key] = (stored["expires_on"] if stored else None) or expires_on
        self._compounded.setdefault(key, stored["is_compounded"] if stored else is_compounded)

    # --- new records ---

    def _problems(self, draft: Draft) -> Iterator[Problem]:
        entry = draft.entry
        if isinstance(entry, PatientEntry):
            yield from check(entry, self._nobody)
            return
        if entry.patient_id is None:
            yield from self._rows.problems(entry, None)
            return
        if entry.patient_id in self._drafts.unreadable["patients.csv"]:
            return
        known = self._known_about(entry.patient_id)
        if known is None:
            yield Problem(
                "patient_id",
                "known_patient",
                message("Neither patients.csv nor the registry has this key."),
            )
            return
        if isinstance(entry, RowEntry):
            yield from self._rows.problems(entry, known)
            return
        if isinstance(entry, SessionEntry):
            yield from self._session_problems(draft, entry, known)
            return
        for problem in check(entry, known):
            if problem.rule != "known_session" or not self._is_unreadable(
                "sessions.csv", getattr(entry, "treatment_session_id", None)
            ):
                yield problem
        if isinstance(entry, FollowUpEntry):
            for i, finding in enumerate(entry.findings):
                yield from self._reference(
                    f"findings[{i}].adverse_event_id",
                    "events.csv",
                    AdverseEvent,
                    finding.adverse_event_id,
                    entry.patient_id,
                )

    def _session_problems(
        self, draft: Draft, entry: SessionEntry, known: Known
    ) -> Iterator[Problem]:
        same_day = self._same_day(entry)
        if same_day:
            known = replace(known, same_day=same_day)
        overridden = {override.rule for override in entry.overrides}
        for problem in check(entry, known):
            if problem.interrupts and problem.rule in overridden:
                yield replace(problem, level=Level.NOTE)
            elif not (draft.doubtful and problem.field == "injections"):
                yield problem
        yield from self._reference(
            "course_id", "courses.csv", Course, entry.course_id, entry.patient_id
        )
        places = [(f"sites[{i}].", site.injections) for i, site in enumerate(entry.sites)]
        for prefix, injections in [*places, ("", entry.injections)]:
            for j, injection in enumerate(injections):
                key = (injection.product_code, injection.lot_number or "")
                if self._compounded.get(key, injection.is_compounded) != injection.is_compounded:
                    yield Problem(
                        f"{prefix}injections[{j}].is_compounded",
                        "lot_agrees",
                        message("The same lot is compounded in one place and not in another."),
                    )

    def _reference(
        self, name: str, file: str, model: type[Base], id_: UUID | None, patient_id: UUID
    ) -> Iterator[Problem]:
        """A problem unless the course or event exists and is the patient's own."""
        if id_ is None or self._is_unreadable(file, id_):
            return
        stored = self._stored.living(model, id_)
        owner = self._owners[model].get(id_, stored["patient_id"] if stored else None)
        if owner not in self._stored.persons.of(patient_id):
            yield Problem(
                name,
                "of_same_patient",
                message("{file} has no such key of this patient.", file=file),
            )

    def _is_unreadable(self, file: str, id_: UUID | None) -> bool:
        return id_ in self._drafts.unreadable[file]

    def _is_patient(self, id_: UUID) -> bool:
        return id_ in self._patients or self._stored.living(Patient, id_) is not None

    def _known_about(self, patient_id: UUID) -> Known | None:
        """What the files and the registry know of a patient; None when neither has one."""
        known = self._known.get(patient_id)
        if known is None:
            patient = self._patients.get(patient_id)
            stored = self._stored.living(Patient, patient_id)
            if patient is not None:
                birth_year, died_on = patient.birth_year, patient.died_on
            elif stored is not None:
                birth_year, died_on = stored["birth_year"], stored["died_on"]
            else:
                return None
            sessions: dict[UUID, dt.date] = {}
            sites: dict[UUID, UUID] = {}
            for one in self._stored.persons.of(patient_id):
                sessions |= self._stored.sessions.get(one, {})
                sites |= self._stored.sites.get(one, {})
                for session in self._sessions.get(one, ()):
                    sessions[session.id] = session.treated_on
                    for place in range(len(session.sites)):
                        sites[site_id(session.id, place)] = session.id
            known = replace(
                self._nobody,
                birth_year=birth_year,
                died_on=died_on,
                sessions=sessions,
                sites=sites,
            )
            self._known[patient_id] = known
        return known

    def _same_day(self, entry: SessionEntry) -> tuple[InjectionEntry, ...]:
        given: list[InjectionEntry] = []
        for patient in self._stored.persons.of(entry.patient_id):
            in_files = self._sessions.get(patient, [])
            for session in in_files:
                if session.id != entry.id and session.treated_on == entry.treated_on:
                    given += session.all_injections()
            stored = self._stored.sessions.get(patient, {})
            if stored:
                own = {session.id for session in in_files}
                for id_, day in stored.items():
                    if id_ not in own and day == entry.treated_on:
                        given += self._stored.injected.get(id_, [])
        return tuple(given)

    # --- stored records ---

    def _differences(self, draft: Draft, stored: Row) -> set[str]:
        """Names of columns in which the files differ from what is stored."""
        entry = draft.entry
        if isinstance(entry, RowEntry):
            found = self._row_differences(draft.file, entry.values, stored)
            return found - {"expires_on"} if _fills_expiry(entry, stored) else found
        root = table_of(entry)
        wanted = rows_of([entry], self._clinic_id, self._now)
        found = self._row_differences(draft.file, wanted[root][0], stored)
        for model, _ in PARTS.get(root, ()):
            file = PART_FILES[model]
            if self._left_out[file] >= FILES[file].columns.keys():
                continue  # there is no such file, so nothing is said about them
            there = self._stored.parts[model].get(entry.id, {})
            found |= self._part_differences(model, file, wanted.get(model, []), there)
        if isinstance(entry, PatientEntry):
            found |= self._identity_differences(entry)
        if isinstance(entry, SessionEntry):
            for injection in entry.all_injections():
                found |= self._lot_differences(injection)
        return found

    def _part_differences(
        self,
        model: type[Base],
        file: str,
        wanted: list[dict[str, Any]],
        there: Mapping[UUID, Row],
    ) -> set[str]:
        """As differences; parts of an amended record have other identifiers than those of files."""
        if model is TreatedSite:
            stored = {_site_name(row): id_ for id_, row in there.items()}
            for row in wanted:
                same = stored.get(_site_name(row), row["id"])
                if same != row["id"]:
                    self._same_sites[row["id"]] = same
        rows = {row["id"]: row for row in wanted}
        if rows.keys() == there.keys():
            return {
                name
                for id_, row in rows.items()
                for name in self._row_differences(file, row, there[id_])
            }
        names = [
            name
            for name in (wanted[0] if wanted else ())
            if name not in _NOT_CONTENT and name not in self._left_out[file]
        ]

        same_sites = self._same_sites
        content = Counter(
            tuple(same_sites.get(row[name], row[name]) for name in names) for row in wanted
        )
        if content == Counter(tuple(row[name] for name in names) for row in there.values()):
            return set()
        table = model.__tablename__.replace("_", " ")
        return {f"{'' if len(rows) == len(there) else 'number of '}{table} rows"}

    def _row_differences(self, file: str, wanted: Mapping[str, Any], stored: Row) -> set[str]:
        left_out = self._left_out[file]
        return {
            COLUMN_OF.get(name, name)
            for name, value in wanted.items()
            if name not in _NOT_CONTENT and name not in left_out and stored[name] != value
        }

    def _identity_differences(self, entry: PatientEntry) -> set[str]:
        stored = self._stored.identities.get(entry.id)
        left_out = self._left_out["patients.csv"]
        return {
            name
            for name in IDENTITY_FIELDS
            if name not in left_out
            and getattr(entry, name) != (stored[name] if stored is not None else None)
        }

    def _lot_differences(self, injection: InjectionEntry) -> set[str]:
        if injection.lot_number is None:
            return set()
        stored = self._stored.lots.get((injection.product_code, injection.lot_number))
        if stored is None:
            return {"lot_number"}
        found = set()
        if injection.expires_on is not None and injection.expires_on != stored["expires_on"]:
            found.add("expires_on")
        if injection.is_compounded != stored["is_compounded"]:
            found.add("is_compounded")
        return found


def _site_name(row: Row) -> tuple[Any, ...]:
    """What stands once in a session."""
    return row["side"], row["anatomy_code"], row["vessel_class"]


def _fills_expiry(entry: RowEntry, stored: Row) -> bool:
    """Whether the record tells the expiry of a lot whose expiry was not known."""
    return (
        entry.model is Lot
        and stored["expires_on"] is None
        and entry.values["expires_on"] is not None
    )

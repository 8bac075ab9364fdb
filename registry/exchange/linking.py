"""From rows of several files to entries: keys become identifiers, parts join their record.

Nothing here asks the database; what the registry already holds comes in as :class:`Shelf`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from registry import language
from registry.entry.forms import (
    CourseEntry,
    EventEntry,
    FindingEntry,
    FollowUpEntry,
    InjectionEntry,
    OverrideEntry,
    PatientEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.entry.problems import Level
from registry.entry.rows import site_id
from registry.exchange.drafts import Draft, Drafts, Shelf
from registry.exchange.format import FILES, is_uuid, record_id
from registry.exchange.problems import FileProblem, Problems
from registry.exchange.reading import Parsed, Row
from registry.exchange.single_rows import (
    NAMED_BY,
    SINGLE,
    RowEntry,
    named_id,
    own_key,
    values_of,
)
from registry.messages import Message, message
from registry.vocabulary import SeriousnessCriterion


def patient_keys(parsed: Parsed) -> set[str]:
    """Every patient key and pseudonym in the files."""
    return {
        row.values[name]
        for table in parsed.tables.values()
        if "patient_key" in table.file.columns
        for row in table.rows
        for name in ("patient_key", "same_as_key", "pseudonym")
        if name in row.values
    }


def link(parsed: Parsed, shelf: Shelf, problems: Problems) -> Drafts:
    """Entries of all rows; references that lead nowhere are added to ``problems``."""
    return _Linking(parsed, shelf, problems).run()


class _Linking:
    def __init__(self, parsed: Parsed, shelf: Shelf, problems: Problems) -> None:
        self.parsed = parsed
        self.shelf = shelf
        self.problems = problems
        self.drafts = Drafts()
        self._ids: dict[tuple[str, str], UUID] = {}
        self._numbers = {code: number for code, (number, _) in shelf.clinicians.items()}
        self._site_places: dict[tuple[UUID, str], UUID] = {}

    def run(self) -> Drafts:
        for file, name in _KEY_COLUMNS.items():
            self.drafts.unreadable[file] = {
                self._id(file, key) for key in self.parsed.tables[file].broken.get(name, ())
            }
        self._clinicians()
        self._patients()
        self._courses()
        self._sessions()
        self._events()
        self._follow_ups()
        self._single_rows()
        self._listed_only()
        return self.drafts

    # --- keys ---

    def _id(self, file: str, key: str) -> UUID:
        known = self._ids.get((file, key))
        if known is None:
            known = record_id(self.shelf.clinic_code, file, key)
            if file == "patients.csv" and not is_uuid(key) and known not in self.shelf.patient_ids:
                known = self.shelf.pseudonyms.get(key, known)
            self._ids[file, key] = known
        return known

    def _refuse(self, file: str, row: int, column: str, rule: str, text: Message) -> None:
        self.problems.add(FileProblem(file, row, column, "", rule, text))

    def _own_id(self, file: str, row: Row, seen: dict[UUID, int]) -> UUID | None:
        """Identifier of a record by its key; None when the key stands twice."""
        column = _KEY_COLUMNS[file]
        return self._once(file, row, column, self._id(file, row.values[column]), seen)

    def _once(
        self, file: str, row: Row, column: str, id_: UUID, seen: dict[UUID, int]
    ) -> UUID | None:
        first = seen.setdefault(id_, row.number)
        if first != row.number:
            text = message("The same key stands in row {row}.", row=language.count(first))
            self._refuse(file, row.number, column, "key_once", text)
            return None
        return id_

    def _patient(self, row: Row) -> UUID:
        return self._id("patients.csv", row.values["patient_key"])

    def _optional(self, file: str, row: Row, column: str) -> UUID | None:
        key = row.values.get(column)
        return None if key is None else self._id(file, key)

    # --- records ---

    def _clinicians(self) -> None:
        numbers = self._numbers
        seen: dict[str, int] = {}
        for row in self.parsed.tables["clinicians.csv"].rows:
            code = row.values["clinician_code"]
            first = seen.setdefault(code, row.number)
            if first != row.number:
                self._refuse(
                    "clinicians.csv",
                    row.number,
                    "clinician_code",
                    "key_once",
                    message("The same code stands in row {row}.", row=language.count(first)),
                )
                continue
            number = numbers.setdefault(code, max(numbers.values(), default=0) + 1)
            self.drafts.clinicians[code] = (number, row.values.get("display_name"), row.number)

    def _patients(self) -> None:
        seen: dict[UUID, int] = {}
        pseudonyms: dict[str, int] = {}
        for row in self.parsed.tables["patients.csv"].rows:
            id_ = self._own_id("patients.csv", row, seen)
            if id_ is None:
                continue
            values = {**row.values}
            key = values.pop("patient_key")
            if "pseudonym" not in values:
                if is_uuid(key):
                    self._refuse(
                        "patients.csv",
                        row.number,
                        "pseudonym",
                        "required",
                        message("A patient whose key is an identifier needs a pseudonym."),
                    )
                    continue
                values["pseudonym"] = key
            first = pseudonyms.setdefault(values["pseudonym"], row.number)
            taken = self.shelf.pseudonyms.get(values["pseudonym"], id_)
            if first != row.number or taken != id_:
                self._refuse(
                    "patients.csv",
                    row.number,
                    "pseudonym",
                    "unique",
                    message("Another patient of this clinic has this pseudonym."),
                )
            self.drafts.patients.append(
                Draft(PatientEntry(id=id_, **values), "patients.csv", row.number)
            )

    def _courses(self) -> None:
        seen: dict[UUID, int] = {}
        for row in self.parsed.tables["courses.csv"].rows:
            id_ = self._own_id("courses.csv", row, seen)
            if id_ is None:
                continue
            entry = CourseEntry(
                id=id_, patient_id=self._patient(row), **_without_keys(row, "course_key")
            )
            self.drafts.courses.append(Draft(entry, "courses.csv", row.number))

    def _sessions(self) -> None:
        sites = self._parts_of("sites.csv", "session_key", "sessions.csv")
        injections = self._parts_of("injections.csv", "session_key", "sessions.csv")
        overrides = self._parts_of("safety_overrides.csv", "session_key", "sessions.csv")
        doubtful = self._unreadable_parts(
            "session_key", "sessions.csv", "sites.csv", "injections.csv"
        )
        seen: dict[UUID, int] = {}
        for row in self.parsed.tables["sessions.csv"].rows:
            id_ = self._own_id("sessions.csv", row, seen)
            if id_ is None:
                continue
            parts: list[tuple[str, str, int]] = []
            entry = SessionEntry(
                id=id_,
                patient_id=self._patient(row),
                course_id=self._optional("courses.csv", row, "course_key"),
                clinician_id=self._clinician(row),
                overrides=self._overrides(overrides.pop(id_, []), parts),
                **self._with_sites(id_, sites.pop(id_, []), injections.pop(id_, []), parts),
                **_without_keys(row, "session_key", "course_key", "clinician_code"),
            )
            self.drafts.sessions.append(
                Draft(entry, "sessions.csv", row.number, tuple(parts), id_ in doubtful)
            )
        self._orphans("sites.csv", "session_key", "sessions.csv", sites)
        self._orphans("injections.csv", "session_key", "sessions.csv", injections)
        self._orphans("safety_overrides.csv", "session_key", "sessions.csv", overrides)

    def _overrides(
        self, rows: list[Row], parts: list[tuple[str, str, int]]
    ) -> tuple[OverrideEntry, ...]:
        file = "safety_overrides.csv"
        made: dict[str, OverrideEntry] = {}
        for row in rows:
            entry = OverrideEntry(**_without_keys(row, "session_key"))
            if entry.rule in made:
                text = message("The rule stands twice for this session.")
                self._refuse(file, row.number, "rule", "key_once", text)
                continue
            parts.append((f"overrides[{len(made)}]", file, row.number))
            made[entry.rule] = entry
        return tuple(made.values())

    def _clinician(self, row: Row) -> int | None:
        code = row.values.get("clinician_code")
        if code is None:
            return None
        number = self._numbers.get(code)
        if number is None and code not in self.parsed.tables["clinicians.csv"].broken.get(
            "clinician_code", ()
        ):
            self._refuse(
                "sessions.csv",
                row.number,
                "clinician_code",
                "known_clinician",
                message("Neither clinicians.csv nor the registry has this code."),
            )
        return number

    def _with_sites(
        self,
        session_id: UUID,
        sites: list[Row],
        injections: list[Row],
        parts: list[tuple[str, str, int]],
    ) -> dict[str, Any]:
        places: dict[str, int] = {}
        for site in sites:
            key = site.values["site_key"]
            if key in places:
                self._refuse(
                    "sites.csv",
                    site.number,
                    "site_key",
                    "key_once",
                    message("The key stands twice in this session."),
                )
            places.setdefault(key, len(places))
            self._site_places[session_id, key] = site_id(session_id, places[key])
        at_site: dict[int, list[InjectionEntry]] = defaultdict(list)
        loose: list[InjectionEntry] = []
        for row in injections:
            entry = InjectionEntry(**_without_keys(row, "session_key", "site_key"))
            key = row.values.get("site_key")
            if key is None:
                parts.append((f"injections[{len(loose)}]", "injections.csv", row.number))
                loose.append(entry)
            elif key in places:
                here = at_site[places[key]]
                place = f"sites[{places[key]}].injections[{len(here)}]"
                parts.append((place, "injections.csv", row.number))
                here.append(entry)
            elif not self._is_broken("sites.csv", "site_key", key):
                self._refuse(
                    "injections.csv",
                    row.number,
                    "site_key",
                    "known_site_key",
                    message("sites.csv has no such site in this session."),
                )
        made = []
        for i, site in enumerate(sites):
            parts.append((f"sites[{i}]", "sites.csv", site.number))
            made.append(
                SiteEntry(
                    **_without_keys(site, "session_key", "site_key"),
                    injections=tuple(at_site.get(i, ())),
                )
            )
        return {"sites": tuple(made), "injections": tuple(loose)}

    def _events(self) -> None:
        seen: dict[UUID, int] = {}
        for row in self.parsed.tables["events.csv"].rows:
            id_ = self._own_id("events.csv", row, seen)
            if id_ is None:
                continue
            values = _without_keys(row, "event_key", "session_key", "site_key")
            criteria = frozenset(
                criterion
                for criterion in SeriousnessCriterion
                if values.pop(f"criterion_{criterion.value}", False)
            )
            session = self._optional("sessions.csv", row, "session_key")
            entry = EventEntry(
                id=id_,
                patient_id=self._patient(row),
                treatment_session_id=session,
                treated_site_id=self._treated_site(row, session),
                seriousness_criteria=criteria,
                **values,
            )
            self.drafts.events.append(Draft(entry, "events.csv", row.number))

    def _treated_site(self, row: Row, session: UUID | None) -> UUID | None:
        key = row.values.get("site_key")
        if key is None:
            return None
        if is_uuid(key):
            return UUID(key)
        site = self._site_places.get((session, key)) if session else None
        doubtful = session in self.drafts.unreadable["sessions.csv"]
        if site is None and not doubtful and not self._is_broken("sites.csv", "site_key", key):
            self._refuse(
                "events.csv",
                row.number,
                "site_key",
                "known_site_key",
                message("sites.csv has no such site in this session."),
            )
        return site

    def _follow_ups(self) -> None:
        findings = self._parts_of("findings.csv", "follow_up_key", "follow_ups.csv")
        outcomes = self._parts_of("site_outcomes.csv", "follow_up_key", "follow_ups.csv")
        doubtful = self._unreadable_parts(
            "follow_up_key", "follow_ups.csv", "findings.csv", "site_outcomes.csv"
        )
        seen: dict[UUID, int] = {}
        for row in self.parsed.tables["follow_ups.csv"].rows:
            id_ = self._own_id("follow_ups.csv", row, seen)
            if id_ is None:
                continue
            own_findings, own_outcomes = findings.pop(id_, []), outcomes.pop(id_, [])
            entry = FollowUpEntry(
                id=id_,
                patient_id=self._patient(row),
                treatment_session_id=self._optional("sessions.csv", row, "session_key"),
                findings=tuple(
                    FindingEntry(
                        adverse_event_id=self._optional("events.csv", finding, "event_key"),
                        **_without_keys(finding, "follow_up_key", "event_key"),
                    )
                    for finding in own_findings
                ),
                site_outcomes=tuple(
                    SiteOutcomeEntry(**_without_keys(outcome, "follow_up_key"))
                    for outcome in own_outcomes
                ),
                **_without_keys(row, "follow_up_key", "session_key"),
            )
            parts = [
                (f"findings[{i}]", "findings.csv", finding.number)
                for i, finding in enumerate(own_findings)
            ] + [
                (f"site_outcomes[{i}]", "site_outcomes.csv", outcome.number)
                for i, outcome in enumerate(own_outcomes)
            ]
            self.drafts.follow_ups.append(
                Draft(entry, "follow_ups.csv", row.number, tuple(parts), id_ in doubtful)
            )
        self._orphans("findings.csv", "follow_up_key", "follow_ups.csv", findings)
        self._orphans("site_outcomes.csv", "follow_up_key", "follow_ups.csv", outcomes)

    def _single_rows(self) -> None:
        for name, model in SINGLE.items():
            file, seen = FILES[name], dict[UUID, int]()
            key = own_key(file)
            for row in self.parsed.tables[name].rows:
                values = values_of(file, row.values, self._id)
                if key is None:
                    column = NAMED_BY[model][0]
                    id_ = named_id(self.shelf.clinic_id, model, values)
                else:
                    column, id_ = key, self._id(name, row.values[key])
                if self._once(name, row, column, id_, seen) is not None:
                    entry = RowEntry(id=id_, model=model, values=MappingProxyType(values))
                    self.drafts.single.append(Draft(entry, name, row.number))

    def _listed_only(self) -> None:
        """Say of each row that an import cannot store what it lists."""
        for name, file in FILES.items():
            if not file.imported:
                for row in self.parsed.tables[name].rows:
                    self.problems.add(
                        FileProblem(
                            name,
                            row.number,
                            "",
                            "",
                            "content_not_in_files",
                            message(
                                "Not stored: the picture is not in the files. It comes with a "
                                "backup, or is added on the patient's page."
                            ),
                            Level.NOTE,
                        )
                    )

    # --- parts ---

    def _parts_of(self, file: str, column: str, parent: str) -> dict[UUID, list[Row]]:
        parts: dict[UUID, list[Row]] = defaultdict(list)
        for row in self.parsed.tables[file].rows:
            parts[self._id(parent, row.values[column])].append(row)
        return parts

    def _unreadable_parts(self, column: str, parent: str, *files: str) -> set[UUID]:
        return {
            self._id(parent, key)
            for file in files
            for key in self.parsed.tables[file].broken.get(column, ())
        }

    def _is_broken(self, file: str, column: str, key: str) -> bool:
        return key in self.parsed.tables[file].broken.get(column, ())

    def _orphans(
        self, file: str, column: str, parent: str, parts: Mapping[UUID, Iterable[Row]]
    ) -> None:
        for id_, rows in parts.items():
            if id_ in self.drafts.unreadable[parent]:
                continue
            for row in rows:
                text = message("{file} has no such key.", file=parent)
                self._refuse(file, row.number, column, "in_same_files", text)


_KEY_COLUMNS: Final = {
    "patients.csv": "patient_key",
    "courses.csv": "course_key",
    "sessions.csv": "session_key",
    "events.csv": "event_key",
    "follow_ups.csv": "follow_up_key",
}


def _without_keys(row: Row, *keys: str) -> dict[str, Any]:
    """Values of a row that are fields of the entry of the same name."""
    drop = {"patient_key", *keys}
    return {name: value for name, value in row.values.items() if name not in drop}

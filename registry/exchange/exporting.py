"""Write the records of a clinic as files of the canonical format.

An export is pseudonymous and without free text unless more is asked for and allowed. It is read in
one consistent state and ordered by what it holds, so the same state gives the same bytes. Voided
records are left out, and a reference to one is left blank. Record keys are the identifiers
themselves: imported into an empty registry the files give the same records. What the files cannot
hold, the manifest counts.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import __version__
from registry.access import Actor, Permission, require
from registry.access_log import log_access
from registry.database import Base, DbSession, reading
from registry.entry.problems import Problem
from registry.entry.rows import derived_id, site_id
from registry.errors import InvalidEntry, UnreadableFile
from registry.exchange.columns import Withheld
from registry.exchange.format import FILES, FORMAT_VERSION
from registry.exchange.reading import Progress
from registry.exchange.single_rows import NAMED_BY
from registry.exchange.writing import FileSet
from registry.messages import message
from registry.schema import (
    AdverseEvent,
    ChangePoint,
    Clinic,
    Clinician,
    ClinicSetting,
    ContactAttempt,
    Course,
    FollowUp,
    FollowUpFinding,
    Injection,
    LimbAssessment,
    Lot,
    Patient,
    PatientIdentity,
    PatientLink,
    PatientReportedOutcome,
    Photograph,
    ProductGtin,
    ReportingPeriod,
    RiskFact,
    SafetyOverride,
    Seal,
    SiteOutcome,
    TreatedSite,
    TreatmentSession,
)

_AT_A_TIME: Final = 5_000
_NOT_IN_FILES: Final[dict[str, type[Base]]] = {
    "pictures": Photograph,
    "frozen_periods": ReportingPeriod,
}
"""What a registry holds that no file does; a backup holds everything."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: rows by file, and the digest that an import of the files has too."""

    rows: Mapping[str, int]
    content_digest: str
    seal: int

    @property
    def row_count(self) -> int:
        """Rows in all files."""
        return sum(self.rows.values())


def export(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    target: Path | IO[bytes],
    *,
    now: dt.datetime,
    include_free_text: bool = False,
    identity: bool = False,
    reason: str | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Write every record of a clinic to ``target`` and log that it was done.

    A path that ends in ``.zip`` and an open binary file get an archive, any other path a folder;
    what is there already is not overwritten. ``identity`` adds names, birth dates, hospital
    numbers and clinicians' names, ``include_free_text`` notes, narratives and the changes told on
    charts, which may name people; either needs the right to identity and a ``reason``, which is
    logged. Raises :class:`PermissionDenied`, :class:`InvalidEntry` without a reason, and
    :class:`UnreadableFile` when the target cannot be written.
    """
    require(by, Permission.EXPORT, clinic_id)
    words = (reason or "").strip()
    if identity or include_free_text:
        require(by, Permission.EXPORT_IDENTITY, clinic_id)
        if not any(character.isalnum() for character in words):
            raise InvalidEntry(
                [Problem("reason", "required", message("Say why names or notes leave."))]
            )
    withheld = {
        kind
        for kind, wanted in ((Withheld.IDENTITY, identity), (Withheld.FREE_TEXT, include_free_text))
        if not wanted
    }

    def write(place: Path | IO[bytes], *, archive: bool) -> ExportReport:
        with FileSet(place, archive=archive) as files, reading(_steady(engine)) as db:
            report = _write(db, clinic_id, files, withheld, progress)
        log_access(
            engine,
            by,
            "export_identity" if identity else "export",
            now=now,
            clinic_id=clinic_id,
            row_count=report.row_count,
            detail=f"content {report.content_digest}, free text: "
            f"{'yes' if include_free_text else 'no'}{f', reason: {words}' if words else ''}",
        )
        return report

    if not isinstance(target, Path):
        return write(target, archive=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        _refuse_existing(target)
        _remove(partial)
        try:
            if target.suffix == ".zip":
                partial.touch(mode=0o600)
            else:
                partial.mkdir(mode=0o700)
            report = write(partial, archive=target.suffix == ".zip")
            partial.rename(target)
        finally:
            _remove(partial)
    except OSError as error:
        raise UnreadableFile(
            message(
                "The export could not be written ({reason}); no half export was left. Check the "
                "folder, your rights and the free space.",
                reason=error.strerror or type(error).__name__,
            )
        ) from None
    return report


def _refuse_existing(target: Path) -> None:
    if target.is_dir() and not any(target.iterdir()):
        target.rmdir()
    if target.exists():
        raise UnreadableFile(
            message(
                "{file} exists already and was not touched. Choose another name.",
                file=target.name,
            )
        )


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)


def _steady(engine: Engine) -> Engine:
    """An engine whose transaction sees one state of the data from beginning to end."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine


def _write(
    db: DbSession,
    clinic_id: int,
    files: FileSet,
    withheld: set[Withheld],
    progress: Progress | None,
) -> ExportReport:
    seal = db.execute(sa.select(Seal.seq, Seal.hash).order_by(Seal.seq.desc()).limit(1)).one()
    content = _Content(db, clinic_id)
    for done, (name, rows) in enumerate(content.tables()):
        if progress is not None:
            progress(done, len(FILES), "writing")
        if FILES[name].withheld in withheld:
            continue
        columns = FILES[name].columns.values()
        files.table(name, [c.name for c in columns if c.withheld not in withheld], rows)
    manifest = {
        "format": "sclerotherapy registry",
        "format_version": FORMAT_VERSION,
        "program_version": __version__,
        "clinic": db.scalar(sa.select(Clinic.code).where(Clinic.id == clinic_id)),
        "left_out": sorted(kind.value for kind in withheld),
        "files_left_out": [name for name, file in FILES.items() if file.withheld in withheld],
        "not_in_files": {
            name: _count_living(db, model, clinic_id) for name, model in _NOT_IN_FILES.items()
        },
        "seal": {"number": seal.seq, "hash": seal.hash},
        "files": {
            name: {"rows": files.rows[name], "sha256": files.digests[name]} for name in files.rows
        },
        "content_digest": files.content_digest,
    }
    files.text("manifest.json", json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return ExportReport(dict(files.rows), files.content_digest, seal.seq)


def _count_living(db: DbSession, model: type[Base], clinic_id: int) -> int:
    table: Any = Base.metadata.tables[model.__tablename__]
    statement = sa.select(sa.func.count()).select_from(table)
    return int(
        db.scalar(statement.where(table.c.clinic_id == clinic_id, table.c.voided_at.is_(None))) or 0
    )


class _Content:
    """The rows of each file, in the order in which they must be asked for."""

    def __init__(self, db: DbSession, clinic_id: int) -> None:
        self._db = db
        self._clinic_id = clinic_id
        self._site_keys: dict[UUID, int] = {}

    def tables(self) -> Iterator[tuple[str, Iterable[Row]]]:
        yield "clinicians.csv", self._clinicians()
        yield "patients.csv", self._patients()
        yield "patient_links.csv", self._patient_links()
        yield "risk_facts.csv", self._risk_facts()
        yield "courses.csv", self._records(Course, "course_key")
        yield "sessions.csv", self._sessions()
        yield "sites.csv", self._sites()
        yield "lots.csv", self._named(Lot)
        yield "injections.csv", self._injections()
        yield "safety_overrides.csv", self._safety_overrides()
        yield "events.csv", self._events()
        yield "follow_ups.csv", self._records(FollowUp, "follow_up_key")
        yield "findings.csv", self._findings()
        yield "site_outcomes.csv", self._site_outcomes()
        yield "contact_attempts.csv", self._contact_attempts()
        yield "limb_assessments.csv", self._records(LimbAssessment, "assessment_key")
        yield "reported_outcomes.csv", self._at_visits(PatientReportedOutcome, "answer_key")
        yield "photographs.csv", self._at_visits(Photograph, "photograph_key")
        yield "packs.csv", self._named(ProductGtin)
        yield "clinic_settings.csv", self._named(ClinicSetting)
        yield "change_points.csv", self._change_points()

    def _rows(self, statement: Any) -> Iterator[Row]:
        for row in self._db.execute(
            statement, execution_options={"yield_per": _AT_A_TIME}
        ).mappings():
            yield dict(row)

    def _living(self, model: type[Base], *order: str) -> Any:
        table: Any = Base.metadata.tables[model.__tablename__]
        return (
            sa.select(table)
            .where(table.c.clinic_id == self._clinic_id, table.c.voided_at.is_(None))
            .order_by(*(table.c[name] for name in (*order, "id")))
        )

    def _living_ids(self, model: type[Base]) -> set[UUID]:
        table: Any = Base.metadata.tables[model.__tablename__]
        return set(
            self._db.scalars(
                sa.select(table.c.id).where(
                    table.c.clinic_id == self._clinic_id, table.c.voided_at.is_(None)
                )
            )
        )

    def _ordered(self, model: type[Base], *names: str) -> Any:
        """Living records ordered by content, alike on every database whatever its language."""
        table: Any = Base.metadata.tables[model.__tablename__]
        binary = "C" if self._db.get_bind().dialect.name == "postgresql" else "BINARY"
        return (
            self._living(model)
            .order_by(None)
            .order_by(
                *(
                    sa.func.coalesce(table.c[name], "").collate(binary)
                    if isinstance(table.c[name].type, sa.String)
                    else table.c[name]
                    for name in names
                )
            )
        )

    def _named(self, model: type[Base]) -> Iterator[Row]:
        return self._rows(self._ordered(model, *NAMED_BY[model]))

    def _records(self, model: type[Base], key: str, statement: Any = None) -> Iterator[Row]:
        """Records of living patients under their own key."""
        patients = self._living_ids(Patient)
        for row in self._rows(self._living(model) if statement is None else statement):
            if row["patient_id"] in patients:
                yield row | {
                    key: row["id"],
                    "patient_key": row["patient_id"],
                    "session_key": row.get("treatment_session_id"),
                }

    def _clinicians(self) -> Iterator[Row]:
        return self._rows(
            sa.select(Clinician.code.label("clinician_code"), Clinician.display_name)
            .where(Clinician.clinic_id == self._clinic_id)
            .order_by(Clinician.id)
        )

    def _patients(self) -> Iterator[Row]:
        identity = Base.metadata.tables[PatientIdentity.__tablename__]
        patient = Base.metadata.tables[Patient.__tablename__]
        names = [c for c in identity.columns if c.name not in ("clinic_id", "patient_id", "salt")]
        statement = (
            self._living(Patient)
            .add_columns(*names)
            .outerjoin(
                identity,
                sa.and_(
                    identity.c.clinic_id == patient.c.clinic_id,
                    identity.c.patient_id == patient.c.id,
                ),
            )
        )
        for row in self._rows(statement):
            yield row | {"patient_key": row["id"]}

    def _patient_links(self) -> Iterator[Row]:
        patients = self._living_ids(Patient)
        for row in self._records(PatientLink, "link_key"):
            if row["same_as_id"] in patients:
                yield row | {"same_as_key": row["same_as_id"]}

    def _risk_facts(self) -> Iterator[Row]:
        """Answers by day and question, and in the order in which they were given."""
        names = ("answered_on", "condition_code", "sclerosant_code", "recorded_at", "id")
        return self._records(RiskFact, "risk_fact_key", self._ordered(RiskFact, *names))

    def _sessions(self) -> Iterator[Row]:
        courses = self._living_ids(Course)
        codes = {
            row.id: row.code
            for row in self._db.execute(
                sa.select(Clinician.id, Clinician.code).where(
                    Clinician.clinic_id == self._clinic_id
                )
            )
        }
        for row in self._records(TreatmentSession, "session_key"):
            yield row | {
                "session_key": row["id"],
                "course_key": row["course_id"] if row["course_id"] in courses else None,
                "clinician_code": codes.get(row["clinician_id"]),
            }

    def _sites(self) -> Iterator[Row]:
        rows = self._rows(self._living(TreatedSite, "treatment_session_id"))
        for session, group in groupby(rows, key=lambda row: row["treatment_session_id"]):
            sites = list(group)
            places = {site_id(session, i): i for i in range(len(sites))}
            sites.sort(key=lambda site: places.get(site["id"], len(places)))
            for number, site in enumerate(sites, 1):
                self._site_keys[site["id"]] = number
                yield site | {"session_key": session, "site_key": number}

    def _injections(self) -> Iterator[Row]:
        injection = Base.metadata.tables[Injection.__tablename__]
        lot = Base.metadata.tables[Lot.__tablename__]
        statement = (
            self._living(Injection, "treatment_session_id")
            .add_columns(lot.c.lot_number, lot.c.expires_on, lot.c.is_compounded)
            .outerjoin(
                lot,
                sa.and_(lot.c.clinic_id == injection.c.clinic_id, lot.c.id == injection.c.lot_id),
            )
        )
        for session, group in groupby(
            self._rows(statement), key=lambda row: row["treatment_session_id"]
        ):
            injections = list(group)
            parents = {row["treated_site_id"] or session for row in injections}
            places = {
                derived_id(parent, "injection", i): i
                for parent in parents
                for i in range(len(injections))
            }
            injections.sort(
                key=lambda row: (
                    self._site_keys.get(row["treated_site_id"], 0),
                    places.get(row["id"], len(places)),
                )
            )
            for row in injections:
                yield row | {
                    "session_key": session,
                    "site_key": self._site_keys.get(row["treated_site_id"]),
                }

    def _safety_overrides(self) -> Iterator[Row]:
        sessions = self._living_ids(TreatmentSession)
        names = ("treatment_session_id", "rule")
        for row in self._rows(self._ordered(SafetyOverride, *names)):
            if row["treatment_session_id"] in sessions:
                yield row | {"session_key": row["treatment_session_id"]}

    def _events(self) -> Iterator[Row]:
        for row in self._records(AdverseEvent, "event_key"):
            yield row | {"site_key": self._site_keys.get(row["treated_site_id"])}

    def _findings(self) -> Iterator[Row]:
        events, visits = self._living_ids(AdverseEvent), self._living_ids(FollowUp)
        for row in self._rows(self._living(FollowUpFinding, "follow_up_id")):
            if row["follow_up_id"] in visits:
                event = row["adverse_event_id"]
                yield row | {
                    "follow_up_key": row["follow_up_id"],
                    "event_key": event if event in events else None,
                }

    def _at_visits(self, model: type[Base], key: str) -> Iterator[Row]:
        """Records with the session and the follow-up they belong to, unless that was voided."""
        sessions, visits = self._living_ids(TreatmentSession), self._living_ids(FollowUp)
        for row in self._records(model, key):
            session, visit = row["session_key"], row["follow_up_id"]
            yield row | {
                "session_key": session if session in sessions else None,
                "follow_up_key": visit if visit in visits else None,
            }

    def _contact_attempts(self) -> Iterator[Row]:
        for row in self._at_visits(ContactAttempt, "contact_attempt_key"):
            if row["follow_up_key"] is not None:
                yield row

    def _change_points(self) -> Iterator[Row]:
        for row in self._rows(self._living(ChangePoint)):
            yield row | {"change_point_key": row["id"]}

    def _site_outcomes(self) -> Iterator[Row]:
        for row in self._rows(self._living(SiteOutcome, "follow_up_id")):
            yield row | {"follow_up_key": row["follow_up_id"]}

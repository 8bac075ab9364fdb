"""Plan an import and carry it out: all of it in one audited transaction, or nothing.

A record is known by its key. What is not stored yet is new; what is stored with the same content is
left alone; what is stored with other content is refused, because a stored record is amended by a
person with a reason, not by a file. New records pass the same checks as those typed on a page,
against what the files and the registry know of the patient.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid5

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit, language
from registry.access import Actor, Permission, may, require
from registry.database import Base, DbSession, reading
from registry.entry.forms import Entry
from registry.entry.known import clinic_day
from registry.entry.problems import Level
from registry.entry.rows import Rows, rows_of
from registry.errors import Conflict, PermissionDenied, RegistryError
from registry.exchange.agreement import Agreement, State
from registry.exchange.format import FILES, KEY_NAMESPACE, record_id
from registry.exchange.linking import link, patient_keys
from registry.exchange.problems import ProblemCount, Problems
from registry.exchange.reading import Parsed, Progress
from registry.exchange.single_rows import INSERT_ORDER, RowEntry, add_rows
from registry.exchange.stored import read_shelf, read_stored
from registry.messages import message
from registry.schema import Clinic, Clinician, ImportBatch, Lot, PatientLink

CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do. ``counts`` tells the rows of each file by their state.

    ``already`` is when the very same files were imported before; then nothing else is looked at.
    ``accepted`` names the rules of level *stop* or *confirm* that the person has confirmed.
    ``planned_at`` is the instant that the rows bear until they are stored.
    """

    clinic_id: int
    parsed: Parsed
    counts: Mapping[str, Mapping[State, int]]
    problems: Problems
    accepted: frozenset[str]
    already: dt.datetime | None
    allow_demo: bool
    head: int
    rows: Rows
    lots: tuple[dict[str, Any], ...]
    planned_at: dt.datetime

    @property
    def to_confirm(self) -> tuple[ProblemCount, ...]:
        """What must still be confirmed, by rule."""
        found = self.problems.by_rule(Level.STOP) + self.problems.by_rule(Level.CONFIRM)
        return tuple(entry for entry in found if entry.first.rule not in self.accepted)

    @property
    def ready(self) -> bool:
        """Whether it can be carried out."""
        return not self.problems.count(Level.REFUSE) and not self.to_confirm

    @property
    def new_rows(self) -> int:
        """Rows that would be stored."""
        return sum(states.get(State.NEW, 0) for states in self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """Counts and problems, for JSON."""
        return {
            "content_digest": self.parsed.content_digest,
            "already_imported_at": self.already.isoformat() if self.already else None,
            "ready": self.ready,
            "counts": {
                file: {state.value: states.get(state, 0) for state in State}
                for file, states in self.counts.items()
            },
            "accepted": sorted(self.accepted),
            "problems": self.problems.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was stored: rows by file. ``already`` when nothing was new, with the earlier instant."""

    stored: Mapping[str, int]
    identical: Mapping[str, int]
    already: bool
    at: dt.datetime
    content_digest: str
    notes: tuple[ProblemCount, ...] = ()


class ImportRefused(RegistryError):
    """The files were not imported; ``plan`` holds every problem with its place."""

    def __init__(self, plan: ImportPlan) -> None:
        """Say how much is wrong and where it begins."""
        self.plan = plan
        refused = plan.problems.count(Level.REFUSE)
        if refused:
            first = plan.problems.kept(Level.REFUSE)[0]
            text = message(
                "Nothing was stored: put right what is wrong first (problems: {count}). First: "
                "{problem}",
                count=language.count(refused),
                problem=first.placed,
            )
        else:
            rules = ", ".join(sorted({entry.first.rule for entry in plan.to_confirm}))
            text = message(
                "Nothing was stored: confirm these rules or correct the files first: {rules}.",
                rules=rules,
            )
        super().__init__(text)


def plan_import(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    parsed: Parsed,
    *,
    now: dt.datetime,
    accepted: Collection[str] = (),
    allow_demo: bool = False,
    progress: Progress | None = None,
) -> ImportPlan:
    """Say what an import would do, without storing anything.

    ``allow_demo`` is for the maker of demonstration data; a demonstration clinic takes no other
    files. Raises :class:`PermissionDenied` there, without the right to import, and for new links of
    patients without the rights that linking them on a page needs.
    """
    require(by, Permission.IMPORT, clinic_id)
    plan = _plan(
        lambda: reading(engine),
        clinic_id,
        parsed,
        now,
        frozenset(accepted),
        allow_demo,
        progress,
    )
    _refuse_linking(by, plan)
    return plan


def carry_out(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    plan: ImportPlan | Parsed,
    *,
    now: dt.datetime,
    accepted: Collection[str] = (),
    allow_demo: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Store all that is new in the files, in one transaction; or nothing.

    Takes a plan, or what was read, which is then planned first; ``accepted`` and ``allow_demo``
    belong to the plan. If somebody stored something since, the plan is made again inside the
    transaction. Raises :class:`ImportRefused` when there is anything to put right or to confirm.
    """
    require(by, Permission.IMPORT, clinic_id)
    if isinstance(plan, Parsed):
        plan = plan_import(
            engine,
            by,
            clinic_id,
            plan,
            now=now,
            accepted=accepted,
            allow_demo=allow_demo,
            progress=progress,
        )
    if plan.clinic_id != clinic_id:
        raise PermissionDenied(
            message("The files were checked for another clinic. Nothing was stored.")
        )
    digest = plan.parsed.content_digest
    if plan.already is not None:
        return _nothing_new(plan, plan.already)
    if not plan.ready:
        raise ImportRefused(plan)
    if not plan.new_rows:
        return _nothing_new(plan, now)
    cause = audit.Cause(
        "import_files",
        clinic_id=clinic_id,
        request_key=uuid5(KEY_NAMESPACE, f"import/{clinic_id}/{digest}"),
    )
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            if audit.head(db) != plan.head:
                plan = _plan(
                    lambda: nullcontext(db),
                    clinic_id,
                    plan.parsed,
                    now,
                    plan.accepted,
                    plan.allow_demo,
                    progress,
                )
                if not plan.ready:
                    raise ImportRefused(plan)
            _refuse_linking(by, plan)
            _store(db, plan, now, progress)
    except audit.AlreadyRecorded as earlier:
        return _nothing_new(plan, earlier.at)
    except sa.exc.IntegrityError:
        raise Conflict(
            message(
                "Somebody stored records with the same keys at the same moment. Nothing of the "
                "files was stored; import them again."
            )
        ) from None
    return ImportReport(
        stored=_rows_in(plan, State.NEW),
        identical=_rows_in(plan, State.IDENTICAL),
        already=False,
        at=now,
        content_digest=digest,
        notes=plan.problems.by_rule(Level.NOTE),
    )


def _refuse_linking(by: Actor, plan: ImportPlan) -> None:
    """Who may not link patients on a page does not link them by a file."""
    needed = (Permission.AMEND, Permission.SEE_IDENTITY)
    if plan.rows.get(PatientLink) and not all(may(by, right, plan.clinic_id) for right in needed):
        raise PermissionDenied(
            message(
                "patient_links.csv links patients who are one person, which only somebody may say "
                "who sees their names. Nothing was stored. Take that file out, or ask somebody "
                "with that right to import it."
            )
        )


def _plan(
    open_db: Callable[[], AbstractContextManager[DbSession]],
    clinic_id: int,
    parsed: Parsed,
    now: dt.datetime,
    accepted: frozenset[str],
    allow_demo: bool,
    progress: Progress | None,
) -> ImportPlan:
    with open_db() as db:
        head = audit.head(db)
        clinic = db.get_one(Clinic, clinic_id)
        if clinic.is_demo and not allow_demo:
            raise PermissionDenied(
                message(
                    "This is the demonstration clinic, whose data are made up: it takes no real "
                    "files. Nothing was stored. Make a registry of your own first."
                )
            )
        code, today, jurisdiction = clinic.code, clinic_day(clinic, now), clinic.jurisdiction
        already = db.scalar(
            sa.select(ImportBatch.imported_at).where(
                ImportBatch.clinic_id == clinic_id,
                ImportBatch.content_digest == parsed.content_digest,
            )
        )
        if already is not None:
            # What a person amended since is no contradiction: nothing will be stored.
            tables = parsed.tables.items()
            known = {
                file: {State.IDENTICAL: len(table.rows)}
                for file, table in tables
                if table.rows and table.file.imported
            }
            return ImportPlan(
                clinic_id=clinic_id,
                parsed=parsed,
                counts=known,
                problems=Problems(),
                accepted=accepted,
                already=already,
                allow_demo=allow_demo,
                head=head,
                rows={},
                lots=(),
                planned_at=now,
            )
        keys = patient_keys(parsed)
        ids = {record_id(code, "patients.csv", key) for key in keys}
        shelf = read_shelf(db, clinic_id, code, keys, ids)
    problems = parsed.problems.copy()
    drafts = link(parsed, shelf, problems)
    with open_db() as db:
        stored = read_stored(db, clinic_id, drafts)
    left_out = {file: table.left_out for file, table in parsed.tables.items()}
    agreement = Agreement(clinic_id, today, jurisdiction, now, drafts, shelf, stored, left_out)
    all_drafts = drafts.all()
    new: list[Entry] = []
    new_rows: list[RowEntry] = []
    counts: dict[str, Counter[State]] = {
        file: Counter()
        for file, table in parsed.tables.items()
        if table.rows and table.file.imported
    }
    for done, draft in enumerate(all_drafts):
        state, found = agreement.judge(draft)
        for problem in found:
            problems.add(problem)
        counts[draft.file][state] += 1
        for _, file, _ in draft.parts:
            counts[file][state] += 1
        if state is State.NEW:
            if isinstance(draft.entry, RowEntry):
                new_rows.append(draft.entry)
            else:
                new.append(draft.entry)
        if progress is not None and done % CHUNK == 0:
            progress(done, len(all_drafts), "checking")
    for state, found in agreement.clinicians():
        counts["clinicians.csv"][state] += 1
        for problem in found:
            problems.add(problem)
    rows: Rows = {}
    lots: list[dict[str, Any]] = []
    if not problems.count(Level.REFUSE):
        rows = rows_of(new, clinic_id, now)
        add_rows(rows, new_rows, clinic_id, now)
        rows[Lot], lots = agreement.split_lots(rows.get(Lot, []))
        rows[Clinician] = [
            {"clinic_id": clinic_id, "id": number, "code": code, "display_name": name or code}
            for code, (number, name, _) in drafts.clinicians.items()
            if code not in shelf.clinicians
        ]
    return ImportPlan(
        clinic_id=clinic_id,
        parsed=parsed,
        counts=counts,
        problems=problems,
        accepted=accepted,
        already=None,
        allow_demo=allow_demo,
        head=head,
        rows=rows,
        lots=tuple(lots),
        planned_at=now,
    )


def _store(db: DbSession, plan: ImportPlan, now: dt.datetime, progress: Progress | None) -> None:
    total = sum(map(len, plan.rows.values()))
    done = 0
    later = now - plan.planned_at
    for model in INSERT_ORDER:
        for chunk in _chunks(plan.rows.get(model, [])):
            stamped = [
                row | {"recorded_at": row["recorded_at"] + later} if "recorded_at" in row else row
                for row in chunk
            ]
            db.execute(sa.insert(Base.metadata.tables[model.__tablename__]), stamped)
            done += len(chunk)
            if progress is not None:
                progress(done, total, "storing")
    for lot in plan.lots:
        db.execute(
            sa.update(Lot)
            .where(Lot.clinic_id == plan.clinic_id, Lot.id == lot["id"])
            .values(expires_on=lot["expires_on"], version=Lot.version + 1)
        )
    db.add(
        ImportBatch(
            clinic_id=plan.clinic_id,
            content_digest=plan.parsed.content_digest,
            imported_at=now,
            row_count=plan.parsed.row_count,
        )
    )


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _rows_in(plan: ImportPlan, state: State) -> dict[str, int]:
    return {file: plan.counts.get(file, {}).get(state, 0) for file in FILES}


def _nothing_new(plan: ImportPlan, at: dt.datetime) -> ImportReport:
    return ImportReport(
        stored=dict.fromkeys(FILES, 0),
        identical=_rows_in(plan, State.IDENTICAL),
        already=True,
        at=at,
        content_digest=plan.parsed.content_digest,
    )

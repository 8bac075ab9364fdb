"""How long the pages take to answer, on the server, and how that grows with the registry.

    python -m benchmarks.pages                     about 10,000 and 100,000 sessions
    python -m benchmarks.pages 12173               about as many
    python -m benchmarks.pages 10000 100000 1000000

Printed: the time to read the facts, whole and after one session was saved, then for each page the
first run of a new sign-in and the median of runs after a change (a filter, an answer, a patient). A
run is everything between the click and the last element, Streamlit's own work included; the
browser's drawing and the network are not in it. Beside it stands the processor time, which is what
counts when the machine has other work, and last how much more it is than in the registry before,
for so many times the sessions.

Limits, in processor time after a change: 500 ms, the overview 1 s, a form 200 ms. The made-up
sessions are all of one clinic and of 30 months, so its to-do list goes through a fifth of them, and
are stored without an audit trail, which no page here reads but for the session saved after them.
More than 100,000 sessions are copies of those, under other identifiers: they show what more rows
cost, not more kinds of rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import state
from registry import accounts, audit, sign_in
from registry.access import Grant
from registry.analysis.facts import facts_of
from registry.database import make_engine, reading, refresh_statistics
from registry.entry.forms import SessionEntry
from registry.entry.rows import STORING_ORDER, rows_of, store_rows
from registry.operations import clinics, migration
from registry.schema import Lot, Patient
from registry.vocabulary import Role
from tests.made_up_clinic import fill

SIZES = (10_000, 100_000)
FEWEST, MOST = 100, 1_600_000
MADE_UP_AT_MOST = 100_000
COPIES = "0123456789abcdef"
"""The last digit of the identifiers of each copy; the first one is the original."""
SESSIONS_PER_PATIENT = 3.05
PASSWORD = "umbrella-quartz-fjord-71"  # noqa: S105 - of made-up people
ROLES = (Role.PRACTICE_MANAGER, Role.CLINICIAN, Role.DATA_MANAGER)
FILTERS = (("filter_form", ["foam"]), ("filter_form", []), ("filter_vessel_class", ["reticular"]))


@dataclass(frozen=True, slots=True)
class Cost:
    wall_ms: float
    cpu_ms: float

    def __str__(self) -> str:
        return f"{self.wall_ms:6,.0f} ms ({self.cpu_ms:5,.0f} of processor)"


def timed(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))


@dataclass(frozen=True, slots=True)
class Case:
    """A page as a person of a role sees it, and how quickly it has to answer (ms)."""

    view: str
    query: tuple[tuple[str, str], ...] = ()
    role: Role = Role.PRACTICE_MANAGER
    limit_ms: int = 500

    def __str__(self) -> str:
        return " ".join([self.view, *(f"{key}={value}" for key, value in self.query)])


FIGURES = (
    Case("overview", limit_ms=1000),
    Case("complications"),
    Case("complications", (("by", "month"),)),
    Case("complications", (("by", "product"), ("event", "hyperpigmentation"))),
    Case("control"),
    Case("recurrence"),
    Case("recurrence", (("by", "vessel_class"),)),
    Case("reported_outcomes"),
    Case("sessions_behind"),
)
RECORDS = (Case("to_do", role=Role.CLINICIAN), Case("patient", role=Role.CLINICIAN))
FORMS = tuple(
    Case(view, role=Role.CLINICIAN, limit_ms=200)
    for view in ("record_session", "report_event", "record_follow_up")
)


def filled(engine: Engine, sessions: int) -> dict[Role, str]:
    """A clinic with about so many sessions; the token of a signed-in person of each role."""
    now = dt.datetime.now(dt.UTC)
    clinic = clinics.add_clinic(
        engine,
        migration.command_line_actor(engine),
        "BENCH",
        "Benchmark clinic",
        jurisdiction="EU",
        time_zone="Europe/Berlin",
        now=now,
    )
    by = migration.command_line_actor(engine)
    for role in ROLES:
        grants = [Grant(clinic, role, see_records=True, see_identity=True)]
        accounts.add_user(
            engine, by, role.value, role.value, now=now, grants=grants, password=PASSWORD
        )
    with engine.begin() as connection:
        audit.remove_triggers(connection)
    times = -(-sessions // MADE_UP_AT_MOST)
    made_up = fill(engine, clinic, round(sessions / times / SESSIONS_PER_PATIENT))
    copy(engine, times)
    print(f"{made_up * times:,} sessions", flush=True)
    with engine.begin() as connection:
        audit.install_triggers(connection)
    return {role: sign_in.sign_in(engine, role.value, PASSWORD, "127.0.0.1", now) for role in ROLES}


def copy(engine: Engine, times: int) -> None:
    """Hold every record of patients so many times, each under identifiers of its own."""

    def renamed(column: sa.Column[Any], digit: str) -> sa.ColumnElement[Any]:
        if column.name in ("pseudonym", "hospital_number"):
            return column.concat(f"-{digit}")
        if isinstance(column.type, sa.Uuid) and column.name != "lot_id":
            moved = sa.func.substr(sa.type_coerce(column, sa.String), 2).concat(digit)
            return sa.case((column.is_not(None), moved))
        return column

    for table in (model.__table__ for model in STORING_ORDER if model is not Lot):
        columns = [column for column in table.columns if column.computed is None]
        with engine.begin() as connection:
            rows = connection.scalar(sa.select(sa.func.count()).select_from(table))
            for digit in COPIES[1:times]:
                originals = sa.select(*(renamed(column, digit) for column in columns)).where(
                    sa.literal_column("rowid") <= rows
                )
                connection.execute(table.insert().from_select(columns, originals))


def save_session(engine: Engine) -> None:
    """Treat one of the patients once more."""
    now = dt.datetime.now(dt.UTC)
    with reading(engine) as db:
        patient = db.execute(sa.select(Patient.clinic_id, Patient.id).limit(1)).one()
    entry = SessionEntry(id=uuid4(), patient_id=patient.id, treated_on=now.date())
    with audit.transaction(
        engine, migration.command_line_actor(engine), audit.Cause("prepare_test"), now=now
    ) as db:
        store_rows(db, rows_of([entry], patient.clinic_id, now))


def opened(case: Case) -> AppTest:
    """The page, about to run for the first time."""
    app = AppTest.from_file(str(Path(dashboard.__file__).parent / "app.py"), default_timeout=300)
    app.switch_page("views/account.py").run()
    for name, value in case.query:
        app.query_params[name] = value
    return app.switch_page(f"views/{case.view}.py")


def changes(app: AppTest, case: Case) -> Iterator[None]:
    """Everything that is changed on the page, one thing after the other."""
    if case in FIGURES:
        for key, levels in FILTERS * 3:
            if any(field.key == key for field in app.multiselect):
                app.multiselect(key=key).set_value(levels)
            yield
        return
    patients = (button for button in app.button if (button.key or "").startswith("picker:"))
    if (first := next(patients, None)) is not None:
        first.click()
        yield
    for answer in "1234":
        # What is typed somewhere, or the same page once more.
        fields = [field for field in app.text_input if field.key != "picker:text"]
        if fields and not fields[-1].disabled:
            fields[-1].set_value(answer)
        yield


def answers(case: Case) -> tuple[Cost, Cost]:
    """Cost of the first run, and the median of those after a change."""
    app = opened(case)
    first = timed(app.run)
    after = []
    for _ in changes(app, case):
        after.append(timed(app.run))
        if app.exception or not app.title:
            raise SystemExit(f"{case} failed: {app.exception}")
    return first, Cost(
        statistics.median(run.wall_ms for run in after),
        statistics.median(run.cpu_ms for run in after),
    )


def measured(sessions: int, before: Mapping[Case, Cost]) -> dict[Case, Cost]:
    """Print what each page costs at about so many sessions, and by how much more than before."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/registry.sqlite")
        migration.upgrade(engine)
        tokens = filled(engine, sessions)
        refresh_statistics(engine)
        reading_engine = make_engine(engine.url, read_only=True)
        state.install(state.Installation(engine, reading_engine))
        print(f"facts read: {timed(lambda: facts_of(reading_engine))}")
        save_session(engine)
        print(f"facts after a save: {timed(lambda: facts_of(reading_engine))}", flush=True)
        for case in (*FIGURES, *RECORDS, *FORMS):
            state.signed_in_token = lambda token=tokens[case.role]: token
            first, found[case] = answers(case)
            grown = f"  x {found[case].cpu_ms / before[case].cpu_ms:.1f}" if case in before else ""
            late = "" if found[case].cpu_ms < case.limit_ms else f"  over {case.limit_ms} ms"
            print(f"  {case!s:<46} first {first}  then {found[case]}{grown}{late}", flush=True)
        engine.dispose()
        reading_engine.dispose()
    return found


def count(text: str) -> int:
    """A number of sessions as it was typed."""
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal() or not FEWEST <= int(digits) <= MOST:
        raise argparse.ArgumentTypeError(
            f"“{text}” is not a number of sessions between {FEWEST:,} and {MOST:,}"
        )
    return int(digits)


def main() -> int:
    """Measure at each size; 1 when a page of the largest is slower than it may be."""
    about, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pages",
        description=about,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sessions",
        nargs="*",
        type=count,
        help=f"how many sessions each registry holds, about (default: {SIZES[0]} and {SIZES[1]})",
    )
    sizes = parser.parse_args().sessions or SIZES
    found: dict[Case, Cost] = {}
    # A server looks through the installed packages once, a test for every app.
    components = manifest_scanner.scan_component_manifests()
    manifest_scanner.scan_component_manifests = lambda: components
    for sessions in sizes:
        found = measured(sessions, found)
    return int(any(cost.cpu_ms > case.limit_ms for case, cost in found.items()))


if __name__ == "__main__":
    sys.exit(main())

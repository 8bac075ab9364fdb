"""How long the reading pages take to answer, on the server.

    python -m benchmarks.page_speed             about 12,173 sessions
    python -m benchmarks.page_speed 100000      about as many

Printed: time to read the facts the first time, then for each page the first run of a new sign-in
and the median of runs after a change of filter. A run is everything between the click and the last
element, Streamlit's own work included; the browser's drawing and the network are not in it. Beside
it stands the processor time, which is what counts when the machine has other work. A page has to
answer a change of filter in less than 500 ms.
"""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import state
from registry import accounts, sign_in
from registry.access import Grant
from registry.analysis.facts import facts_of
from registry.database import make_engine
from registry.operations import clinics, migration
from registry.vocabulary import Role
from tests.made_up_clinic import fill

SESSIONS_OF_GUEX_2005 = 12_173
SESSIONS_PER_PATIENT = 3.05
FILTERS = (("filter_form", ["foam"]), ("filter_form", []), ("filter_vessel_class", ["reticular"]))
PAGES = (
    ("overview", {}),
    ("complications", {}),
    ("complications", {"by": "month"}),
    ("complications", {"by": "product", "event": "hyperpigmentation"}),
    ("control", {}),
    ("control", {"by": "sessions", "event": "hyperpigmentation"}),
    ("recurrence", {}),
    ("recurrence", {"by": "vessel_class"}),
)
LIMIT_MS = 500
PASSWORD = "umbrella-quartz-fjord-71"  # noqa: S105 - of a made-up person


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


def signed_in_manager(engine: Engine, patients: int) -> str:
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
    accounts.add_user(
        engine,
        migration.command_line_actor(engine),
        "manager",
        "Made-up Manager",
        now=now,
        password=PASSWORD,
        grants=[Grant(clinic, Role.PRACTICE_MANAGER)],
    )
    print(f"{fill(engine, clinic, patients):,} sessions of {patients:,} patients")
    return sign_in.sign_in(engine, "manager", PASSWORD, "127.0.0.1", now)


def answers(view: str, query: dict[str, str]) -> tuple[Cost, Cost]:
    app = AppTest.from_file(str(Path(dashboard.__file__).parent / "app.py"), default_timeout=120)
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    first = timed(lambda: app.switch_page(f"views/{view}.py").run())
    after = []
    for _ in range(3):
        for key, levels in FILTERS:
            app.multiselect(key=key).set_value(levels)
            after.append(timed(app.run))
            if app.exception or not app.title:
                raise SystemExit(f"{view} failed: {app.exception}")
    return first, Cost(
        statistics.median(run.wall_ms for run in after),
        statistics.median(run.cpu_ms for run in after),
    )


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS_OF_GUEX_2005
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/registry.sqlite")
        migration.upgrade(engine)
        token = signed_in_manager(engine, round(wanted / SESSIONS_PER_PATIENT))
        reading_engine = make_engine(engine.url, read_only=True)
        state.install(state.Installation(engine, reading_engine))
        state.signed_in_token = lambda: token
        print(f"facts read: {timed(lambda: facts_of(reading_engine))}")
        for view, query in PAGES:
            first, after = answers(view, query)
            name = f"{view} {' '.join(f'{k}={v}' for k, v in query.items())}"
            verdict = "" if after.wall_ms < LIMIT_MS else f"  slower than {LIMIT_MS} ms"
            print(f"  {name:<50} first {first}  filter {after}{verdict}")
        engine.dispose()
        reading_engine.dispose()


if __name__ == "__main__":
    main()

"""How long until the sign-in page answers, the first page is drawn, and a click is answered.

    python -m benchmarks.start

Starts the shipped server over an empty registry, five times, and prints the median and the worst.
Run it twice: the first start after installing compiles the libraries.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from registry.database import make_engine
from registry.operations import migration
from tests.serving import Tab, people, serving

STARTS = 5
CLICKS = 20


def main() -> None:
    """Measure and print."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "registry.sqlite"
        engine = make_engine(f"sqlite:///{database}")
        migration.upgrade(engine)
        people(engine)
        engine.dispose()
        for _ in range(STARTS):
            started = time.perf_counter()
            with serving(database, Path(folder) / "log") as served:
                with served.browser() as client:
                    client.get("/login").raise_for_status()
                note(seconds, "sign-in page answers", started)
                with served.sign_in("administrator") as client:
                    tab = Tab(served, client)
                    tab.run()
                    note(seconds, "first page drawn", started)
                    for _ in range(CLICKS):
                        clicked = time.perf_counter()
                        tab.run()
                        note(seconds, "a click on that page", clicked)
                        clicked = time.perf_counter()
                        client.get("/session")
                        note(seconds, "a request through the gate", clicked)
                    tab.close()
    for what, values in seconds.items():
        print(f"{what:<28}{statistics.median(values):8.3f} s   worst {max(values):8.3f} s")


def note(seconds: dict[str, list[float]], what: str, since: float) -> None:
    """Keep the time since then."""
    seconds.setdefault(what, []).append(time.perf_counter() - since)


if __name__ == "__main__":
    main()

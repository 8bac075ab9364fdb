"""How often a standard session is interrupted by a safety warning, on the demonstration.

    python -m benchmarks.interruptions

Every sclerotherapy session of the demonstration is judged as if it were typed anew, with all that
was known by its day. Interrupted is a session for which a reason or a yes is asked before it can be
saved; a note or "not asked" interrupts nobody. Target: at most one in ten. Printed: the share, by
level and by rule, and how long one judgement takes with reading what is known.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from registry.analysis.stored_entries import stored_sessions
from registry.database import make_engine, reading
from registry.entry.checks import check
from registry.entry.known import known_about
from registry.operations import demo, migration
from registry.operations.clinics import list_clinics
from registry.schema import TreatmentSession
from registry.vocabulary import Modality
from tests.factories import NOW

TARGET = 0.1


def main() -> int:
    """Print the shares; 1 when the target is missed."""
    rules: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    judged = interrupted = 0
    elapsed = 0.0
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'demo.sqlite'}")
        migration.upgrade(engine)
        demo.make_demo(engine, now=NOW)
        for clinic in list_clinics(engine):
            with reading(engine) as db:
                sclerotherapy = TreatmentSession.modality == Modality.SCLEROTHERAPY
                for stored in stored_sessions(db, clinic.id, sclerotherapy):
                    entry = replace(stored.entry, overrides=())
                    start = time.perf_counter()
                    known = replace(known_about(db, clinic.id, entry, NOW), stored=None)
                    found = [problem for problem in check(entry, known) if problem.interrupts]
                    elapsed += time.perf_counter() - start
                    judged += 1
                    interrupted += bool(found)
                    rules.update({problem.rule for problem in found})
                    levels.update({problem.level.value for problem in found})
        engine.dispose()
    share = interrupted / judged
    print(f"{judged} sessions, {interrupted} interrupted: {share:.1%}; target {TARGET:.0%} at most")
    print(f"one judgement {1000 * elapsed / judged:.1f} ms")
    for level, count in levels.most_common():
        print(f"  {level}: {count}")
    for rule, count in rules.most_common():
        print(f"    {rule}: {count}")
    return 0 if share <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

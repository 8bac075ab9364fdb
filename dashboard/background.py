"""Long work that goes on in a thread of its own while its page is redrawn or left.

A click ends the run of the script that is under way, and with it whatever that run was doing. An
import, an export or a verification must not end so: it runs here, and the next run of the page
takes up waiting for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, Generic, TypeVar

import streamlit as st

from dashboard.text import _, plain
from registry.exchange import Progress
from registry.language import kept

T = TypeVar("T")

SECONDS_BETWEEN_LOOKS: Final = 0.2
# Each piece may hold a whole upload in memory; the others wait their turn.
_turns: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="long-work")


class Work(Generic[T]):
    """One piece of work, begun when it is made; ``task`` draws nothing and reports its progress."""

    def __init__(self, task: Callable[[Progress], T]) -> None:
        """Put the work into the queue."""
        self._reported: tuple[int, int, str] | None = None
        self._future: Future[T] = _turns.submit(kept(task), self._report)

    def _report(self, done: int, total: int, stage: str) -> None:
        self._reported = (done, total, stage)

    def is_done(self) -> bool:
        """Whether it has ended, after waiting for a moment."""
        return bool(wait([self._future], SECONDS_BETWEEN_LOOKS).done)

    def now(self, stages: Mapping[str, str]) -> tuple[float, str] | None:
        """The share that is done and what is going on in words; None before the first report."""
        if self._reported is None:
            return None
        done, total, stage = self._reported
        share = min(done / total, 1.0) if total else 0.0
        return share, _("{stage}: {percent} %").format(
            stage=stages.get(stage, stage), percent=round(100 * share)
        )

    def result(self) -> T:
        """What it gave, or the error it ended with."""
        return self._future.result()


def follow(work: Work[T], title: str, stages: Mapping[str, str] | None = None) -> T:
    """Show how far the work is until it has ended; gives its result or raises its error."""
    place = st.empty()
    with st.spinner(plain(title), show_time=True):
        while not work.is_done():
            # Drawing is also where a run ends that a click has made superfluous.
            reached = work.now(stages or {})
            if reached is None:
                place.empty()
            else:
                place.progress(reached[0], text=plain(reached[1]))
    place.empty()
    return work.result()

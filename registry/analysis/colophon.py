"""What a figure or table says about itself once it has left the page.

A picture in a presentation and a sheet in a mailbox have lost the page around them. They carry what
was counted, in which sessions, with which intervals, as of when, and who took them; the digest of
the rows tells whether two of them are the same table.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.access_log import log_access
from registry.analysis import control_wording, costs_wording, units_wording, wording
from registry.analysis.cohort import DIMENSION_LABELS, level_label
from registry.analysis.completeness import why_incomplete
from registry.analysis.control import ControlReport
from registry.analysis.costs import CostReport
from registry.analysis.facts import Facts, facts_of
from registry.analysis.overview import OverviewReport
from registry.analysis.results import (
    Excluded,
    FollowUpReport,
    Heading,
    RateReport,
    RecurrenceReport,
    Report,
    rows_for_programs,
)
from registry.analysis.units import UnitsReport
from registry.messages import N_, Message, listed, message

ONE_YEAR: Final = 365
_ACTIONS: Final = {"png": "download_figure", "svg": "download_figure", "pdf": "download_report"}


@dataclass(frozen=True, slots=True)
class Colophon:
    """Where a result comes from, and who takes it away when.

    ``data_hash`` is the SHA-256 of the unrounded rows for programs as JSON (UTF-8, keys sorted, no
    spaces): the same in every language.
    ``sessions`` is the filter in words, ``summary`` the result in words: its counts, rate and
    interval. ``methods`` are the ways in which intervals were found. ``clinics`` names those asked,
    ``incomplete`` says why the result must not be quoted, if so.
    """

    heading: Heading
    sessions: Message
    summary: tuple[Message, ...]
    methods: tuple[Message, ...]
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...]
    taken_by: str
    taken_at: dt.datetime
    row_count: int
    data_hash: str
    clinics: tuple[str, ...] = ()
    incomplete: Message | None = None

    @property
    def query(self) -> str:
        """The filter as it stands in an address and in the log of accesses."""
        words = self.heading.cohort.to_query().items()
        return "; ".join(f"{name}={value}" for name, value in words)

    @property
    def columns(self) -> dict[str, object]:
        """What every row of a file says that has no second sheet to say it."""
        return {
            "data_as_of": self.heading.as_of,
            "data_version": self.heading.seal,
            "filter": self.query,
            "taken_by": self.taken_by,
            "taken_at": self.taken_at,
            "data_hash": self.data_hash,
        }

    def definitions(self) -> tuple[tuple[Message, Message], ...]:
        """Everything there is to know about the numbers, each under its name."""
        heading = self.heading
        left_out = [
            message("{reason}: {count}", count=wording.count(item.count), reason=item.reason)
            for item in self.excluded
        ]
        parts = (
            (message("Title"), [heading.title]),
            (message("Definition"), [heading.definition]),
            (message("Unit of analysis"), [message(heading.unit)]),
            (message("Result"), self.summary),
            (message("Sessions"), [self.sessions]),
            (message("Filter as in the address"), [message("{query}", query=self.query)]),
            (message("Intervals"), self._intervals),
            (message("Left out"), left_out),
            (message("Note"), self.warnings),
            (message("Data as of"), [message("{day}", day=heading.as_of.isoformat())]),
            (message("Version of the data (seal)"), [message("{seal}", seal=heading.seal)]),
            (message("Taken by"), [message("{name}", name=self.taken_by)]),
            (message("Taken at"), [message("{at}", at=self.taken_at.isoformat("T", "seconds"))]),
            (message("SHA-256 of the rows"), [message("{digest}", digest=self.data_hash)]),
        )
        return tuple((name, said) for name, values in parts for said in values)

    @property
    def _intervals(self) -> tuple[Message, ...]:
        # The name of a method may itself hold a comma.
        methods = listed(self.methods, "; ")
        return (message("95 %; {methods}", methods=methods),) if self.methods else ()

    def notes(self) -> tuple[Message, ...]:
        """The lines below a picture."""
        return (
            *self.summary,
            message("Sessions: {sessions}.", sessions=self.sessions),
            *(message("Intervals: {intervals}.", intervals=said) for said in self._intervals),
            message(
                "Data as of {day}, version {version}; SHA-256 of the rows {digest}…",
                day=wording.day(self.heading.as_of),
                version=self.heading.seal,
                digest=self.data_hash[:16],
            ),
            message(
                "Taken by {name}, {day} {time} UTC.",
                name=self.taken_by,
                day=wording.day(self.taken_at.date()),
                time=f"{self.taken_at:%H:%M}",
            ),
        )


def colophon(engine: Engine, by: Actor, report: Report, *, now: dt.datetime) -> Colophon:
    """What is said about ``report`` on whatever of it the actor takes away at ``now``."""
    clinics = scope(by, Permission.READ_RATES)
    facts, asked = facts_of(engine), report.heading.cohort.within(clinics)
    rows = rows_for_programs(report)
    methods = dict.fromkeys(
        value
        for row in rows
        for name, value in row.items()
        if name.endswith("method") and value in wording.METHODS
    )
    return Colophon(
        heading=report.heading,
        sessions=_filter_in_words(facts, report, by),
        summary=_summary(report),
        methods=tuple(message(wording.METHODS[name]) for name in methods),
        excluded=report.excluded,
        warnings=report.warnings,
        taken_by=by.display_name,
        taken_at=now,
        row_count=len(rows),
        data_hash=digest(rows),
        clinics=tuple(sorted(facts.clinics[id_][1] for id_ in asked)),
        incomplete=why_incomplete(report),
    )


def log_taken(
    engine: Engine, by: Actor, taken: Colophon, ending: str, clinic_id: int | None = None
) -> None:
    """Write down that a table, picture or report was taken away, with its filter and digest."""
    scope(by, Permission.READ_RATES)
    log_access(
        engine,
        by,
        _ACTIONS.get(ending, "download_table"),
        now=taken.taken_at,
        clinic_id=clinic_id,
        row_count=taken.row_count,
        detail=f"{taken.heading.name}.{ending}; {taken.query}; rows {taken.data_hash}",
    )


def digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of rows as JSON in UTF-8 with sorted keys and without spaces."""
    text = json.dumps(
        list(rows), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _filter_in_words(facts: Facts, report: Report, by: Actor) -> Message:
    """Which sessions a filter keeps, each level by its name for this reader."""
    cohort = report.heading.cohort
    undated = (
        N_("without dates: the newest 12 months of each line")
        if isinstance(report, OverviewReport)
        else N_("all days")
    )
    days = {
        (True, True): "treated {start} to {end}",
        (True, False): "treated from {start}",
        (False, True): "treated until {end}",
        (False, False): undated,
    }[cohort.start is not None, cohort.end is not None]
    parts = [
        message(
            days,
            start=wording.day(cohort.start) if cohort.start else None,
            end=wording.day(cohort.end) if cohort.end else None,
        )
    ]
    for dimension, codes in cohort.levels.items():
        known = [code for code in codes if code in facts.levels[dimension]]
        names = [level_label(facts, dimension, code, by) for code in known]
        label = message(DIMENSION_LABELS[dimension])
        parts.append(message("{dimension}: {levels}", dimension=label, levels=listed(names)))
    return listed(parts)


def _summary(report: Report) -> tuple[Message, ...]:
    """The counts, rate and interval of all together, in words."""
    if isinstance(report, RateReport):
        return (message("{sentence}", sentence=wording.rate_sentence(report.total)),)
    if isinstance(report, RecurrenceReport):
        total = report.total
        point = next(point for point in total.landmarks if point.day == ONE_YEAR)
        return wording.recurrence_sentence(total, point), wording.success_sentence(total)
    if isinstance(report, ControlReport):
        return control_wording.sentences(report)
    if isinstance(report, FollowUpReport):
        return tuple(
            message(
                "{visit}: {seen} of {due} seen ({share}, {level} CI {interval}).",
                visit=row.label,
                seen=wording.count(row.seen),
                due=wording.count(row.due),
                share=wording.share(row.completeness),
                level=wording.level(row.completeness),
                interval=wording.interval(row.completeness),
            )
            for row in report.rows
        )
    if isinstance(report, CostReport):
        return costs_wording.summary(report)
    if isinstance(report, UnitsReport):
        return units_wording.answer(report)
    return ()

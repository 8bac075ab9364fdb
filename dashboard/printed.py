"""What is printed of a report: its answer, pictures, tables and definitions, as on its page.

Everything in here is text, or the specification of a picture, so that a printed report can be kept
as JSON and printed or shown again when the program that made it has long changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from dashboard import (
    complication_data,
    control_data,
    cost_data,
    lasting_data,
    outcome_data,
    overview_data,
    report_data,
    unit_data,
    worklist_data,
)
from dashboard.figures import Figure
from dashboard.report_data import Table, say
from dashboard.report_figures import pictures_of, told_durations
from dashboard.text import _, ngettext
from registry.analysis import (
    clock_wording,
    comparison_wording,
    control_wording,
    frozen,
    outcome_wording,
    units_wording,
    wording,
)
from registry.analysis.claims import ClaimsReport
from registry.analysis.clock_results import ClocksReport
from registry.analysis.colophon import Colophon, digest
from registry.analysis.comparison import ComparisonReport
from registry.analysis.control import ControlReport
from registry.analysis.costs import CostReport
from registry.analysis.data_quality import PARTS, DataQualityReport
from registry.analysis.event_course import EventCourseReport
from registry.analysis.frozen import PeriodKept
from registry.analysis.judgement import STATUS_LABELS, Status, interval_shown, value_shown
from registry.analysis.overview import OverviewReport
from registry.analysis.reported_outcomes import ReportedOutcomesReport
from registry.analysis.reports import QUESTIONS
from registry.analysis.response import ResponseReport
from registry.analysis.results import FollowUpReport, RateReport, RecurrenceReport, Report
from registry.analysis.severity import SeverityReport
from registry.analysis.units import UnitsReport
from registry.analysis.worklist import WorklistReport
from registry.language import current, speaking
from registry.messages import Message
from registry.vocabulary import Language

WHOLE_REPORT: Final = "clinic_report"
"""What the report of a whole clinic is called in file names and in the log of accesses."""
FORMAT_KEPT: Final = 1
"""Version of the form in which the reports of a period are kept."""
LONGEST_FIGURE: Final = 28
"""Characters of an interval such as "20.5 to 200.1 per 1,000"; a longer text is made of words."""
_SAID_ELSEWHERE: Final = frozenset({"Title", "Result", "Note", "Taken by", "Taken at"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A Vega-Lite specification with its title, its signs, and its content in words."""

    title: str
    description: str
    key: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as it is shown: names of columns, and rows of texts in their order."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def is_long(self, column: int) -> bool:
        """Whether the texts of a column are sentences or lists, to be broken into lines."""
        return any(len(row[column]) > LONGEST_FIGURE for row in self.rows)

    def holds_words(self, column: int) -> bool:
        """Whether a column stands to the left: the first, long texts, and what has no figure."""
        texts = "".join(row[column] for row in self.rows)
        has_figures = any(map(str.isdigit, texts))
        return column == 0 or self.is_long(column) or (not has_figures and texts.strip("– ") != "")


@dataclass(frozen=True, slots=True)
class Section:
    """One report as it is printed. ``incomplete`` says why it must not be quoted, or is blank.

    ``about`` holds what is known of the numbers, as name and text; ``data_hash`` is the SHA-256 of
    the unrounded rows.
    """

    name: str
    title: str
    question: str
    answer: tuple[str, ...]
    pictures: tuple[Picture, ...]
    tables: tuple[Grid, ...]
    serious: tuple[str, ...] | None
    warnings: tuple[str, ...]
    about: tuple[tuple[str, str], ...]
    incomplete: str
    data_hash: str

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Section:
        """The section of plain values that :meth:`Document.to_plain` once made."""
        return cls(
            name=plain["name"],
            title=plain["title"],
            question=plain["question"],
            answer=tuple(plain["answer"]),
            pictures=tuple(Picture(**picture) for picture in plain["pictures"]),
            tables=tuple(
                Grid(
                    table["title"],
                    tuple(table["columns"]),
                    tuple(tuple(row) for row in table["rows"]),
                )
                for table in plain["tables"]
            ),
            serious=None if plain["serious"] is None else tuple(plain["serious"]),
            warnings=tuple(plain["warnings"]),
            about=tuple((name, said) for name, said in plain["about"]),
            incomplete=plain["incomplete"],
            data_hash=plain["data_hash"],
        )


@dataclass(frozen=True, slots=True)
class Document:
    """One or several reports to be printed together, and where they come from.

    ``status`` is said below the title, for example that the numbers are those of a kept period.
    ``language`` is the one that all of it is in.
    """

    title: str
    clinics: str
    sessions: str
    as_of: dt.date
    seal: int
    taken_by: str
    taken_at: dt.datetime
    data_hash: str
    sections: tuple[Section, ...]
    status: str = ""
    language: Language = Language.ENGLISH

    @property
    def is_incomplete(self) -> bool:
        """Whether any of its reports must not be quoted."""
        return any(section.incomplete for section in self.sections)

    def to_plain(self) -> dict[str, Any]:
        """The document in plain values."""
        return asdict(self) | {
            "as_of": self.as_of.isoformat(),
            "taken_at": self.taken_at.isoformat(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Document:
        """The document of plain values that :meth:`to_plain` once made."""
        return cls(
            **{
                **plain,
                "as_of": dt.date.fromisoformat(plain["as_of"]),
                "taken_at": dt.datetime.fromisoformat(plain["taken_at"]),
                "sections": tuple(map(Section.from_plain, plain["sections"])),
                "language": Language(plain.get("language", Language.ENGLISH)),
            }
        )


def document(report: Report, taken: Colophon, drawn: Figure | None = None) -> Document:
    """A single report; with the picture as it was ``drawn`` instead of those of its page."""
    section = section_of(report, taken, drawn)
    return _document(section.title, (section,), taken)


def whole_document(found: Sequence[tuple[Report, Colophon]]) -> Document:
    """Several reports of the same sessions, one after the other."""
    taken = together([colophon for _report, colophon in found])
    sections = tuple(section_of(report, colophon) for report, colophon in found)
    return _document(_("Report of the clinic"), sections, taken)


def together(taken: Sequence[Colophon]) -> Colophon:
    """What is said about several reports that leave as one: the digest is that of their digests."""
    first = taken[0]
    return replace(
        first,
        heading=replace(first.heading, name=WHOLE_REPORT),
        row_count=sum(each.row_count for each in taken),
        data_hash=digest([{"report": e.heading.name, "rows": e.data_hash} for e in taken]),
    )


def content_to_keep(found: Sequence[tuple[Report, Colophon]]) -> dict[str, Any]:
    """What is kept of reports: how they are printed, and their unrounded results."""
    return {
        "format": FORMAT_KEPT,
        "document": whole_document(found).to_plain(),
        "results": frozen.results_of([report for report, _colophon in found]),
    }


def kept_document(
    period: PeriodKept, content: Mapping[str, Any], *, taken_by: str, taken_at: dt.datetime
) -> Document:
    """The reports of a kept period as they were, in the language they were kept in."""
    kept = Document.from_plain(content["document"])
    with speaking(kept.language):
        return _taken_away(period, kept, taken_by, taken_at)


def _taken_away(
    period: PeriodKept, kept: Document, taken_by: str, taken_at: dt.datetime
) -> Document:
    status = _("Frozen on {day} by {name}. These are the numbers of that day.")
    if period.voided_at is not None:
        status = _("WITHDRAWN on {withdrawn}. ") + status
    return replace(
        kept,
        title=_("{title}: {period}").format(title=kept.title, period=period.name),
        taken_by=taken_by,
        taken_at=taken_at,
        data_hash=period.digest,
        status=status.format(
            withdrawn=wording.day(period.voided_at.date()) if period.voided_at else "",
            day=wording.day(period.kept_at.date()),
            name=kept.taken_by,
        ),
    )


def _document(title: str, sections: tuple[Section, ...], taken: Colophon) -> Document:
    return Document(
        title=title,
        clinics=", ".join(taken.clinics),
        sessions=say(taken.sessions),
        as_of=taken.heading.as_of,
        seal=taken.heading.seal,
        taken_by=taken.taken_by,
        taken_at=taken.taken_at,
        data_hash=taken.data_hash,
        sections=sections,
        language=current(),
    )


def section_of(report: Report, taken: Colophon, drawn: Figure | None = None) -> Section:
    """A report as its page shows it, in words."""
    name = report.heading.name
    serious = getattr(report, "serious", None)
    told = _answer(report) or taken.summary
    pictures = (drawn,) if drawn is not None else _pictures(report)
    return Section(
        name=name,
        title=say(report.heading.title),
        question=say(QUESTIONS[name].answers) if name in QUESTIONS else "",
        answer=tuple(said if isinstance(said, str) else say(said) for said in told),
        pictures=tuple(
            Picture(each.title, each.description, each.key, each.chart.to_dict())
            for each in pictures
            if each is not None
        ),
        tables=tuple(
            Grid(title, tuple(rows[0]), tuple(tuple(row.values()) for row in rows))
            for title, rows in _tables(report)
            if rows
        ),
        serious=None
        if serious is None
        else tuple(f"{wording.count(count)} × {say(label)}" for label, count in serious),
        warnings=tuple(say(warning) for warning in report.warnings),
        about=tuple(
            (say(label), say(said))
            for label, said in taken.definitions()
            if label.text not in _SAID_ELSEWHERE
        ),
        incomplete="" if taken.incomplete is None else say(taken.incomplete),
        data_hash=taken.data_hash,
    )


def _answer(report: Report) -> Sequence[Message | str]:
    """The answer in words where the colophon has none of its own."""
    if isinstance(report, OverviewReport):
        return _overview_answer(report)
    if isinstance(report, EventCourseReport):
        return [
            complication_data.onset_sentence(report.onset),
            *(complication_data.duration_sentence(row) for row in told_durations(report)),
        ]
    if isinstance(report, SeverityReport):
        serious = sum(report.total.serious)
        return [
            ngettext(
                "{events} event, {serious} of them serious.",
                "{events} events, {serious} of them serious.",
                report.total.events,
            ).format(events=wording.count(report.total.events), serious=wording.count(serious))
        ]
    if isinstance(report, ComparisonReport):
        groups = comparison_wording.group_sentences(report)
        crude = [] if report.crude is None else [comparison_wording.contrast_sentence(report)]
        adjusted = comparison_wording.adjusted_sentence(report)
        return [*groups, *crude, *([] if adjusted is None else [adjusted])]
    if isinstance(report, ReportedOutcomesReport):
        return [outcome_wording.satisfaction_sentence(report.satisfaction)]
    if isinstance(report, ClocksReport):
        return [clock_wording.in_full(clock) for clock in report.clocks]
    if isinstance(report, ResponseReport):
        return [clock_wording.courses_sentence(report.courses)]
    if isinstance(report, UnitsReport):
        spread = units_wording.spread(report)
        return [*units_wording.answer(report), *([] if spread is None else [spread])]
    return ()


def _overview_answer(report: OverviewReport) -> list[str]:
    told = []
    for status in (Status.WORSE, Status.BETTER):
        named = "; ".join(
            _("{name} {value} (95 % interval {interval}; {denominator} {unit})").format(
                name=_(row.indicator.label),
                value=value_shown(row.now.told),
                interval=interval_shown(row.now.told),
                denominator=wording.count(row.now.estimate.denominator),
                unit=_(row.now.estimate.unit),
            )
            for row in report.with_status(status)
        )
        told.append(
            _("{status}: {indicators}.").format(
                status=_(STATUS_LABELS[status]), indicators=named or _("none")
            )
        )
    if report.signals:
        signals = "; ".join(say(control_wording.recent_sentence(found)) for found in report.signals)
        told.append(
            _("Signals of control charts in the last 12 months: {signals}.").format(signals=signals)
        )
    told.append(
        _(
            "{judged} of {all} indicators can be judged; {few} have too few data, {lost} too few "
            "followed up."
        ).format(
            judged=report.judged,
            all=len(report.rows),
            few=len(report.with_status(Status.TOO_FEW)),
            lost=len(report.with_status(Status.NOT_FOLLOWED_UP)),
        )
    )
    return told


def _pictures(report: Report) -> Sequence[Figure | None]:
    """The pictures of a report's page, in their order; the lines of an overview stand in words."""
    if isinstance(report, OverviewReport):
        return []
    return [draw() for draw in pictures_of(report).values()]


def _tables(report: Report) -> Iterable[tuple[str, Table]]:
    """The tables of a report's page with their titles; of one without a page its flat rows."""
    if isinstance(report, OverviewReport):
        return [(_("Every indicator"), overview_data.indicator_table(report))]
    if isinstance(report, RateReport):
        return [
            (_("Rates"), report_data.rate_table(report)),
            (_("How thrombosis was found"), complication_data.detection_table(report)),
        ]
    if isinstance(report, RecurrenceReport):
        return [
            (_("Recurrence after success"), report_data.landmark_table(report)),
            (_("Success and clear at 12 months"), report_data.outcome_table(report)),
        ]
    if isinstance(report, ControlReport):
        return [
            (_("Points of the chart"), control_data.point_table(report)),
            (_("Rates before and after each change"), control_data.change_table(report)),
        ]
    if isinstance(report, FollowUpReport):
        return [(_("Visits"), report_data.visit_table(report))]
    if isinstance(report, EventCourseReport):
        return [
            (_("Days to onset by kind of event"), complication_data.onset_table(report)),
            (_("Events that had ended, by kind"), complication_data.duration_table(report)),
        ]
    if isinstance(report, SeverityReport):
        return [
            (_("Severity against seriousness"), complication_data.seriousness_table(report.total)),
            (_("Events by severity"), complication_data.severity_table(report)),
        ]
    if isinstance(report, ComparisonReport):
        return [
            (_("The two groups"), complication_data.group_table(report)),
            (_("Unadjusted and adjusted"), complication_data.contrast_table(report)),
        ]
    if isinstance(report, ReportedOutcomesReport):
        answers = report.satisfaction.estimate.denominator
        return [
            (_("Before and after treatment"), outcome_data.change_table(report)),
            (
                _("Every answer on satisfaction"),
                outcome_data.answer_table(report.satisfaction) if answers else [],
            ),
        ]
    if isinstance(report, WorklistReport):
        return [(_("Who is due, by visit"), worklist_data.counts_table(report))]
    if isinstance(report, DataQualityReport):
        return [
            (say(report.heading.title), worklist_data.part_table(report)),
            *(
                (say(name), worklist_data.detail_table(report, part))
                for part, name in PARTS.items()
            ),
        ]
    if isinstance(report, ClocksReport):
        return [(say(clock.label), lasting_data.clock_table(clock)) for clock in report.clocks]
    if isinstance(report, ResponseReport):
        return [
            (_("Clearance by scale and visit"), lasting_data.clearance_table(report)),
            (_("Occlusion by visit"), lasting_data.occlusion_table(report)),
        ]
    if isinstance(report, CostReport):
        return [
            *(
                (title.format(currency=row.currency), table(report, row.currency))
                for row in report.totals
                for title, table in (
                    (_("Sessions and courses, {currency}"), cost_data.cost_table),
                    (_("Per patient seen clear, {currency}"), cost_data.clear_table),
                )
            ),
            (_("Of which sessions an amount is known"), cost_data.known_table(report)),
        ]
    if isinstance(report, ClaimsReport):
        return [(say(report.heading.title), lasting_data.claim_table(report))]
    if isinstance(report, UnitsReport):
        return [
            (say(report.heading.title), unit_data.unit_table(report)),
            (_("At equal case mix"), unit_data.levelled_table(report)),
        ]
    flat = report.to_rows()
    return [
        (
            say(report.heading.title),
            [
                {
                    name.replace("_", " "): wording.DASH if value is None else str(value)
                    for name, value in row.items()
                }
                for row in flat
            ],
        )
    ]

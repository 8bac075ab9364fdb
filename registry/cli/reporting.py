"""Figures in the terminal and in files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from registry.cli.care import print_quality, print_worklist
from registry.cli.console import LIVE, Database, Spoken, opened, operator, show_table, today
from registry.cli.costs import print_costs
from registry.cli.lasting import print_claims, print_clocks, print_response
from registry.cli.leaflet import print_leaflet
from registry.cli.standing import print_shared, print_units
from registry.cli.taking import Format, draw, list_behind, write, write_whole
from registry.messages import _
from registry.vocabulary import Language

if TYPE_CHECKING:
    from registry.analysis.control import ControlReport
    from registry.analysis.overview import OverviewReport
    from registry.analysis.reported_outcomes import ReportedOutcomesReport
    from registry.analysis.results import Report

WHOLE: Final = "clinic_report"
"""The report of the whole clinic; its pages call it the same."""


def add_to(app: typer.Typer) -> None:
    """Hang the commands of this module into the program."""
    app.command("report")(report)


def report(
    name: Annotated[
        str | None,
        typer.Argument(help="For example overview, complications or comparison; none lists them."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Grouping, for example form, sclerosant, month or event.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First treatment day."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last treatment day."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(help="Instead of days, for example last_quarter, last_12_months."),
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Code of an event: sclero catalogue list event_terms")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Of complications: sessions, patients or legs.")
    ] = None,
    a: Annotated[
        str | None, typer.Option("--a", help="Of comparison: first group, for example foam.")
    ] = None,
    b: Annotated[
        str | None, typer.Option("--b", help="Of comparison: second group, for example liquid.")
    ] = None,
    visit: Annotated[
        str | None, typer.Option(help="Of costs: visit at which veins are clear, or review_12m.")
    ] = None,
    clinic: Annotated[str | None, typer.Option(help="Code of one clinic; all otherwise.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw it into a file that ends in .png or .svg."),
    ] = None,
    picture: Annotated[
        str | None,
        typer.Option(help="With --figure: which of its pictures; the first one otherwise."),
    ] = None,
    behind: Annotated[
        str | None,
        typer.Option(metavar="GROUP:COUNT", help="List the records behind one of its counts."),
    ] = None,
    share: Annotated[
        bool,
        typer.Option(help="Only what may leave the registry: closed years, small counts hidden."),
    ] = False,
    _language: Spoken = Language.ENGLISH,
    database: Database = LIVE,
) -> None:
    """Print a report: the same numbers, intervals and definitions as the pages.

    \b
      sclero report complications --by form
      sclero report complications --event hyperpigmentation --by skin_type --from 2026-01-01
      sclero report comparison --by form --a foam --b liquid
      sclero report recurrence --format json > recurrence.json
      sclero report clocks --by form
      sclero report claims
      sclero report costs --by payer
      sclero report complications --period last_quarter --format xlsx > complications.xlsx
      sclero report complications --by form --figure complications.png
      sclero report event_course --figure duration.svg --picture duration
      sclero report clinic_report --period last_quarter --format pdf > last_quarter.pdf
      sclero report complications --by form --behind foam:events
      sclero report complications --by form --language de
      sclero report complications --by form --share --format csv > for_sharing.csv
    """
    from registry.analysis import reports
    from registry.analysis.cohort import CohortFilter
    from registry.analysis.counting import outcome_of
    from registry.analysis.openable_counts import SAME_COUNTS, Behind
    from registry.analysis.periods import changes, span_of
    from registry.analysis.report_counts import TOTAL
    from registry.errors import NotFound

    if name is None:
        show_table(
            [("Report", "left"), ("Answers", "left"), ("--by", "left")],
            [
                (question.name, str(question.answers), ", ".join(question.groupings))
                for question in reports.QUESTIONS.values()
            ]
            + [(WHOLE, "The whole clinic in print (--format pdf)", "")],
        )
        return
    question = reports.QUESTIONS.get(name)
    if question is not None and by is not None and by not in question.groupings:
        raise NotFound(
            f"{name} cannot be grouped by {by!r}. It can by: {', '.join(question.groupings)}."
        )
    if start and end and start > end:
        raise typer.BadParameter(
            f"--from {start:%Y-%m-%d} is after --to {end:%Y-%m-%d}. Exchange them."
        )
    if event is not None:
        try:
            outcome_of(event)
        except NotFound as error:
            raise typer.BadParameter(f"--event: {error}") from error
    # What leaves is written to the log of accesses.
    leaves = format_ is not Format.TABLE or figure is not None or behind is not None
    engine = opened(database, read_only=not leaves)
    actor = operator(engine)
    levels: dict[str, tuple[str, ...]] = {}
    if clinic is not None:
        from registry.operations.clinics import clinic_of

        try:
            levels["clinic"] = (str(clinic_of(engine, clinic).id),)
        except NotFound as error:
            raise typer.BadParameter(f"--clinic: {error}") from error
    days = (start.date() if start else None, end.date() if end else None)
    if period is not None:
        if start or end:
            raise typer.BadParameter("Give --period or --from and --to, not both.")
        days = span_of(period, today(), changes(engine, actor))
    cohort = CohortFilter(*days, levels)
    given = {"event": event, "unit": unit, "a": a, "b": b, "visit": visit}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if picture is not None and figure is None:
        raise typer.BadParameter("Name the file for the picture: --figure FILE.")
    if name == WHOLE:
        if format_ is not Format.PDF:
            raise typer.BadParameter(f"{WHOLE} is printed: give --format pdf.")
        write_whole(engine, actor, cohort, today())
        return
    if behind is not None:
        group, _, count = behind.rpartition(":")
        grouping = by or (question.default_grouping if question else "")
        codes = {key: value for key, value in options.items() if key in {"event", "unit"}}
        counted = SAME_COUNTS.get(name, name)
        asked = Behind(counted, cohort, today(), count, grouping, group or TOTAL, **codes)
        list_behind(engine, actor, asked, format_)
        return
    answer = reports.report(engine, actor, name, cohort, today=today(), group_by=by, **options)
    if share:
        from registry.analysis.sharing import for_sharing

        answer = for_sharing(engine, actor, answer)
    if figure is not None:
        draw(engine, actor, answer, figure, picture)
    elif format_ is not Format.TABLE:
        write(engine, actor, answer, format_)
    else:
        _print_report(answer)


def _print_report(answer: Report) -> None:
    from registry.analysis import comparison_wording, wording
    from registry.analysis.claims import ClaimsReport
    from registry.analysis.clock_results import ClocksReport
    from registry.analysis.comparison import ComparisonReport
    from registry.analysis.control import ControlReport
    from registry.analysis.costs import CostReport
    from registry.analysis.data_quality import DataQualityReport
    from registry.analysis.leaflet import LeafletReport
    from registry.analysis.overview import OverviewReport
    from registry.analysis.reported_outcomes import ReportedOutcomesReport
    from registry.analysis.response import ResponseReport
    from registry.analysis.results import FollowUpReport, RateReport, RecurrenceReport
    from registry.analysis.sharing import SharedReport
    from registry.analysis.units import UnitsReport
    from registry.analysis.worklist import WorklistReport

    heading = answer.heading
    typer.echo(f"{heading.title}\n{heading.definition}")
    typer.echo(
        _("Data as of {day} (version {seal}).").format(
            day=wording.day(heading.as_of), seal=heading.seal
        )
        + "\n"
    )
    if isinstance(answer, RateReport):
        typer.echo(f"{answer.event_label}: {wording.rate_sentence(answer.total)}")
        show_table(
            [
                ("", "left"),
                (_("Events"), "right"),
                (_(answer.unit.capitalize()), "right"),
                (_("Rate"), "right"),
                (_("95 % CI"), "right"),
                (_("Assessed"), "right"),
            ],
            [
                (
                    str(row.label),
                    wording.count(row.events),
                    wording.count(row.mature),
                    wording.rate(row),
                    wording.interval(row.estimate),
                    wording.percent(row.completeness, row.mature),
                )
                for row in (*answer.rows, answer.total)
            ],
        )
        for label, count in answer.serious:
            typer.echo(_("Serious: {what}: {count}").format(what=label, count=count))
    elif isinstance(answer, OverviewReport):
        _print_overview(answer)
    elif isinstance(answer, WorklistReport):
        print_worklist(answer)
    elif isinstance(answer, DataQualityReport):
        print_quality(answer)
    elif isinstance(answer, FollowUpReport):
        show_table(
            [
                (_("Visit"), "left"),
                (_("Due"), "right"),
                (_("Seen"), "right"),
                (_("Missed"), "right"),
                (_("Overdue"), "right"),
                (_("Seen of due"), "right"),
                (_("95 % CI"), "right"),
            ],
            [
                (
                    str(row.label),
                    *map(wording.count, (row.due, row.seen, row.missed, row.overdue)),
                    wording.share(row.completeness),
                    wording.interval(row.completeness),
                )
                for row in answer.rows
            ],
        )
    elif isinstance(answer, RecurrenceReport):
        show_table(
            [
                ("", "left"),
                (_("Sites"), "right"),
                (_("Success"), "right"),
                (_("Day"), "right"),
                (_("At risk"), "right"),
                (_("Recurrence"), "right"),
                (_("95 % CI"), "right"),
                (_("Retreated first"), "right"),
            ],
            [
                (
                    str(row.label),
                    wording.count(row.sites),
                    wording.share(row.success),
                    str(point.day),
                    wording.count(point.at_risk),
                    wording.percent(point.recurrence.value, point.recurrence.denominator),
                    wording.interval(point.recurrence),
                    wording.percent(point.retreatment.value, point.retreatment.denominator),
                )
                for row in (*answer.rows, answer.total)
                for point in row.landmarks
            ],
        )
    elif isinstance(answer, ComparisonReport):
        adjusted = comparison_wording.adjusted_sentence(answer)
        for said in comparison_wording.group_sentences(answer):
            typer.echo(said)
        if answer.crude is not None:
            typer.echo(comparison_wording.contrast_sentence(answer))
        if adjusted is not None:
            typer.echo(adjusted)
    elif isinstance(answer, ReportedOutcomesReport):
        _print_outcomes(answer)
    elif isinstance(answer, ClocksReport):
        print_clocks(answer)
    elif isinstance(answer, ResponseReport):
        print_response(answer)
    elif isinstance(answer, CostReport):
        print_costs(answer)
    elif isinstance(answer, ClaimsReport):
        print_claims(answer)
    elif isinstance(answer, ControlReport):
        _print_control(answer)
    elif isinstance(answer, UnitsReport):
        print_units(answer)
    elif isinstance(answer, SharedReport):
        print_shared(answer)
    elif isinstance(answer, LeafletReport):
        print_leaflet(answer)
    elif rows := answer.to_rows():
        show_table(
            [(name.replace("_", " "), "left") for name in rows[0]],
            [tuple("" if v is None else str(v) for v in row.values()) for row in rows],
        )
    for excluded in answer.excluded:
        typer.echo(
            _("Left out: {reason}: {count}").format(
                reason=excluded.reason, count=wording.count(excluded.count)
            )
        )
    for warning in answer.warnings:
        typer.echo(_("Note: {warning}").format(warning=warning))


def _print_outcomes(answer: ReportedOutcomesReport) -> None:
    from registry.analysis import outcome_wording, wording

    show_table(
        [
            ("", "left"),
            (_("Scale"), "left"),
            (_("Asked twice"), "right"),
            (_("Median"), "right"),
            (_("Change"), "right"),
            (_("Better"), "right"),
            (_("95 % CI"), "right"),
            (_("Same"), "right"),
            (_("Worse"), "right"),
        ],
        [
            (
                str(row.label),
                str(outcome_wording.scale(row)),
                outcome_wording.asked_twice(row),
                outcome_wording.medians(row),
                outcome_wording.median_change(row),
                wording.share(row.improved),
                wording.interval(row.improved),
                wording.count(row.unchanged),
                wording.count(row.worse),
            )
            for row in answer.rows
        ],
    )
    said = outcome_wording.satisfaction_sentence(answer.satisfaction)
    typer.echo(_("Satisfied: {sentence}").format(sentence=said))


def _print_control(answer: ControlReport) -> None:
    from registry.analysis import control_wording, wording
    from registry.analysis.control import EVENTS

    for sentence in control_wording.sentences(answer):
        typer.echo(str(sentence))
    is_gap, per_session = answer.drawing.counts_gaps, answer.unit == EVENTS
    show_table(
        [
            ("", "left"),
            (_("Events"), "right"),
            (_("Sessions"), "right"),
            (_("Value"), "right"),
            (_("Line"), "right"),
            (_("Limits"), "right"),
            (_("Signal"), "left"),
        ],
        [
            (
                str(point.label),
                wording.count(point.events),
                wording.count(point.sessions),
                control_wording.value(point, is_gap=is_gap, per_session=per_session),
                control_wording.centre(point, is_gap=is_gap, per_session=per_session),
                control_wording.limits(point, is_gap=is_gap, per_session=per_session),
                str(control_wording.signals(point, is_gap=is_gap) or ""),
            )
            for point in answer.drawing.points
        ],
    )
    for row in answer.changes:
        on = wording.day(row.change.changed_on)
        typer.echo(f"{on}, {row.change.what}: {control_wording.change_sentence(row)}")
    typer.echo(str(control_wording.false_signal_sentence(answer)))


def _print_overview(answer: OverviewReport) -> None:
    from registry.analysis import control_wording
    from registry.analysis.judgement import STATUS_LABELS, interval_shown, value_shown
    from registry.analysis.wording import count

    show_table(
        [
            ("", "left"),
            (_("Now"), "right"),
            (_("95 % CI"), "right"),
            (_("Of"), "right"),
            (_("Before"), "right"),
            ("", "left"),
            (_("Why"), "left"),
        ],
        [
            (
                _(row.indicator.label),
                value_shown(row.now.told),
                interval_shown(row.now.told),
                f"{count(row.now.estimate.denominator)} {_(row.now.estimate.unit)}",
                value_shown(row.before.told) if row.before else "",
                _(STATUS_LABELS[row.status]),
                str(row.judgement.reason),
            )
            for row in answer.rows
        ],
    )
    for signals in answer.signals:
        said = control_wording.recent_sentence(signals)
        typer.echo(_("Chart signals of the last 12 months: {signals}").format(signals=said))
    for action in answer.actions:
        typer.echo(_("Today: {what}: {count}").format(what=action.label, count=count(action.count)))

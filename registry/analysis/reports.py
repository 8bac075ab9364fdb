"""The reports by name: what the command line offers and what the pages show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis import (
    claims,
    clock_report,
    comparison,
    complications,
    control,
    costs,
    data_quality,
    event_course,
    follow_up,
    leaflet,
    overview,
    rate_rows,
    recurrence,
    reported_outcomes,
    response,
    severity,
    treated_sites,
    units,
    worklist,
)
from registry.analysis.cohort import CohortFilter
from registry.analysis.dimensions import DIMENSIONS
from registry.analysis.results import Report
from registry.errors import NotFound
from registry.messages import Message, message


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cohort, by what, for which event and in which unit, as of which day.

    ``a`` and ``b`` are the groups to be compared; None leaves the choice to the report. ``visit``
    is the one at which veins are looked at.
    """

    cohort: CohortFilter
    today: dt.date
    group_by: str
    event: str
    unit: str = rate_rows.Unit.SESSIONS
    a: str | None = None
    b: str | None = None
    visit: str = costs.DEFAULT_VISIT


@dataclass(frozen=True, slots=True)
class Question:
    """A report that can be asked for: its name, what it answers, and its groupings."""

    name: str
    answers: Message
    groupings: tuple[str, ...]
    default_grouping: str
    ask: Callable[[Engine, Actor, Asked], Report]


QUESTIONS: Final[Mapping[str, Question]] = {
    question.name: question
    for question in (
        Question(
            "overview",
            message("What got worse, what needs doing, and how sure are we?"),
            (overview.BY_INDICATOR,),
            overview.BY_INDICATOR,
            lambda engine, by, asked: overview.overview(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
        Question(
            "complications",
            message("How often is treatment followed by a complication?"),
            complications.GROUPINGS,
            complications.BY_EVENT,
            lambda engine, by, asked: complications.complications(
                engine,
                by,
                asked.cohort,
                today=asked.today,
                event=asked.event,
                group_by=asked.group_by,
                unit=asked.unit,
            ),
        ),
        Question(
            "event_course",
            message("When do complications begin, and how long do they last?"),
            (complications.BY_EVENT,),
            complications.BY_EVENT,
            lambda engine, by, asked: event_course.event_course(
                engine, by, asked.cohort, today=asked.today, event=asked.event
            ),
        ),
        Question(
            "control",
            message("Is it changing, by more than chance from month to month?"),
            control.GROUPINGS,
            control.DEFAULT_GROUPING,
            lambda engine, by, asked: control.control(
                engine,
                by,
                asked.cohort,
                today=asked.today,
                event=asked.event,
                group_by=asked.group_by,
                unit=asked.unit,
            ),
        ),
        Question(
            "severity",
            message("How severe are complications, and how many are serious?"),
            (complications.BY_EVENT,),
            complications.BY_EVENT,
            lambda engine, by, asked: severity.severity(
                engine, by, asked.cohort, today=asked.today, event=asked.event
            ),
        ),
        Question(
            "comparison",
            message("How do two groups differ, crude and at equal case mix?"),
            DIMENSIONS,
            comparison.DEFAULT_GROUPING,
            lambda engine, by, asked: comparison.comparison(
                engine,
                by,
                asked.cohort,
                today=asked.today,
                event=asked.event,
                group_by=asked.group_by,
                a=asked.a,
                b=asked.b,
            ),
        ),
        Question(
            "units",
            message("Does any clinician or clinic differ from the others by more than chance?"),
            units.GROUPINGS,
            units.BY_CLINICIAN,
            lambda engine, by, asked: units.units(
                engine,
                by,
                asked.cohort,
                today=asked.today,
                event=asked.event,
                group_by=asked.group_by,
            ),
        ),
        Question(
            "recurrence",
            message("How often do veins come back after success?"),
            treated_sites.GROUPINGS,
            treated_sites.ALL,
            lambda engine, by, asked: recurrence.recurrence(
                engine, by, asked.cohort, today=asked.today, group_by=asked.group_by
            ),
        ),
        Question(
            "clocks",
            message("What happens to treated veins, each thing on a clock of its own?"),
            treated_sites.GROUPINGS,
            treated_sites.ALL,
            lambda engine, by, asked: clock_report.clocks(
                engine, by, asked.cohort, today=asked.today, group_by=asked.group_by
            ),
        ),
        Question(
            "response",
            message("How well do veins respond, and how many sessions does it take?"),
            ("visit",),
            "visit",
            lambda engine, by, asked: response.response(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
        Question(
            "claims",
            message("What are patients told, and what is seen here?"),
            ("claim",),
            "claim",
            lambda engine, by, asked: claims.claims(engine, by, asked.cohort, today=asked.today),
        ),
        Question(
            "follow_up",
            message("How many patients come back to be asked?"),
            ("visit",),
            "visit",
            lambda engine, by, asked: follow_up.follow_up(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
        Question(
            "leaflet",
            message("How do we tell patients how often something goes wrong?"),
            ("outcome",),
            "outcome",
            lambda engine, by, asked: leaflet.leaflet(engine, by, asked.cohort, today=asked.today),
        ),
        Question(
            "reported_outcomes",
            message("Do patients feel better after treatment, and are they satisfied?"),
            ("question",),
            "question",
            lambda engine, by, asked: reported_outcomes.reported_outcomes(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
        Question(
            "costs",
            message("What does treatment cost, and what a patient whose veins are clear?"),
            costs.GROUPINGS,
            costs.DEFAULT_GROUPING,
            lambda engine, by, asked: costs.costs(
                engine,
                by,
                asked.cohort,
                today=asked.today,
                group_by=asked.group_by,
                visit=asked.visit,
            ),
        ),
        Question(
            "worklist",
            message("Who is due, overdue or out of reach for follow-up?"),
            ("visit",),
            "visit",
            lambda engine, by, asked: worklist.worklist_counts(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
        Question(
            "data_quality",
            message("How good are the data?"),
            ("clinic",),
            "clinic",
            lambda engine, by, asked: data_quality.data_quality(
                engine, by, asked.cohort, today=asked.today
            ),
        ),
    )
}


def report(
    engine: Engine,
    by: Actor,
    name: str,
    cohort: CohortFilter,
    *,
    today: dt.date,
    group_by: str | None = None,
    event: str = complications.ANY,
    unit: str = rate_rows.Unit.SESSIONS,
    a: str | None = None,
    b: str | None = None,
    visit: str = costs.DEFAULT_VISIT,
) -> Report:
    """Answer a question by name; raises :class:`NotFound` for an unknown one."""
    scope(by, Permission.READ_RATES)
    question = QUESTIONS.get(name)
    if question is None:
        raise NotFound(
            message(
                "There is no report “{asked}”. There are: {known}.",
                asked=name[:40],
                known=", ".join(QUESTIONS),
            )
        )
    return question.ask(
        engine,
        by,
        Asked(cohort, today, group_by or question.default_grouping, event, unit, a, b, visit),
    )

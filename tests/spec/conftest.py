"""Small registries written as tables, so that a clinician can check every published number.

A row is one session. Days count from 1 January 2025. ``events`` holds ``term@days after the
session``, with ``!unrelated`` when it was judged so, ``!serious`` when it was hospitalised,
``!left`` or ``!right`` when it was attributed to the site of that leg, ``!moderate`` or
``!severe``, and ``!ended=days after its onset``. ``site`` holds the sites treated,
``side/anatomy``, joined by ``+``, and ``mm`` their diameters. ``asked`` holds ``day:checklist`` of
the follow-ups of that patient, with ``-term`` for an item that was not assessed. ``looked`` holds
``day:finding`` of the looks at the site, with ``!complete``, ``!partial`` or ``!none`` for what
duplex showed of it and ``!85`` for its clearance in per cent. ``course`` is the name of the course
that the session belongs to, ``name/sessions planned``; ``payer`` is that of the course. ``cost``
holds ``amount currency``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.operations.migration import command_line_actor
from registry.schema import Clinician
from registry.vocabulary import (
    Causality,
    Detection,
    EventOutcome,
    FindingState,
    FollowUpMethod,
    Laterality,
    Occlusion,
    SclerosantForm,
    SessionIntent,
    Severity,
    SiteFinding,
    VesselClass,
)
from tests import factories as make

DAY_0 = dt.date(2025, 1, 1)


def day(number: int | str) -> dt.date:
    return DAY_0 + dt.timedelta(days=int(number))


def rows_of(table: str) -> list[dict[str, str]]:
    lines = [line for line in table.strip().splitlines() if line.strip()]
    names = [cell.strip() for cell in lines[0].split("|")]
    return [
        dict(zip(names, (cell.strip() for cell in line.split("|")), strict=True))
        for line in lines[1:]
    ]


Given = Callable[[str], Actor]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough for a definition.

    That both say the same of every report is asked in ``tests/database``.
    """
    return sqlite_engine


@pytest.fixture
def given(engine: Engine) -> Given:
    """Store the registry of a table and return an actor who may read all of it."""

    def store(table: str) -> Actor:
        with make.saving(engine) as db:
            clinic_id = make.a_clinic(db)
            patients: dict[str, UUID] = {}
            courses: dict[str, UUID] = {}
            for row in rows_of(table):
                name = row["patient"]
                if name not in patients:
                    patients[name] = make.a_patient(db, clinic_id, pseudonym=name)
                course = row.get("course")
                if course and course not in courses:
                    courses[course] = _course(db, clinic_id, patients[name], course, row)
                session_id, sites = _session(
                    db, clinic_id, patients[name], row, courses.get(course or "")
                )
                for event in row.get("events", "").split():
                    _event(db, clinic_id, patients[name], session_id, sites, row, event)
                for asked in row.get("asked", "").split():
                    _follow_up(db, clinic_id, patients[name], asked)
                for seen in row.get("looked", "").split():
                    _outcome(db, clinic_id, patients[name], seen, row)
        return command_line_actor(engine)

    return store


def _course(db, clinic_id, patient_id, text, row) -> UUID:  # type: ignore[no-untyped-def]
    planned = text.partition("/")[2]
    return make.a_course(
        db,
        clinic_id,
        patient_id,
        planned_sessions=int(planned) if planned else None,
        payer=row.get("payer") or None,
    )


def _session(db, clinic_id, patient_id, row, course_id) -> tuple[UUID, dict[str, UUID]]:  # type: ignore[no-untyped-def]
    number = int(row.get("clinician") or 0)
    stored = db.scalar(
        sa.select(Clinician.id).where(Clinician.clinic_id == clinic_id, Clinician.id == number)
    )
    if number and stored is None:
        make.a_clinician(db, clinic_id, number)
    session_id = make.a_session(
        db,
        clinic_id,
        patient_id,
        treated_on=day(row["day"]),
        clinician_id=number or None,
        intent=SessionIntent(row["intent"]) if row.get("intent") else None,
        course_id=course_id,
        pain=int(row["pain"]) if row.get("pain") else None,
        cost_amount=Decimal(row["cost"].split()[0]) if row.get("cost") else None,
        cost_currency=row["cost"].split()[1] if row.get("cost") else None,
    )
    sites: dict[str, UUID] = {}
    widths = (row.get("mm") or "1.5").split("+")
    for i, site in enumerate((row.get("site") or "").split("+")):
        if site:
            side, anatomy_code = site.split("/")
            sites[side] = make.a_site(
                db,
                clinic_id,
                patient_id,
                session_id,
                side=Laterality(side),
                anatomy_code=anatomy_code,
                vessel_class=VesselClass(row["class"]) if row.get("class") else None,
                diameter_mm=None if row.get("class") else Decimal(widths[min(i, len(widths) - 1)]),
            )
    site_id = next(iter(sites.values()), None)
    for form in (row.get("form") or "liquid").split("+"):
        make.an_injection(
            db,
            clinic_id,
            session_id,
            form=SclerosantForm(form),
            treated_site_id=site_id,
        )
    return session_id, sites


def _event(db, clinic_id, patient_id, session_id, sites, row, text) -> None:  # type: ignore[no-untyped-def]
    what, *marks = text.split("!")
    term, offset = what.split("@")
    onset = day(int(row["day"]) + int(offset))
    make.an_event(
        db,
        clinic_id,
        patient_id,
        treatment_session_id=None if "loose" in marks else session_id,
        treated_site_id=next((sites[side] for side in marks if side in sites), None),
        event_term_code=term,
        onset_on=onset,
        reported_on=onset,
        causality=Causality.UNRELATED if "unrelated" in marks else None,
        criterion_hospitalisation="serious" in marks,
        detection=Detection.PLANNED_DUPLEX if "duplex" in marks else None,
        severity=next((Severity(mark) for mark in marks if mark in set(Severity)), Severity.MILD),
        resolved_on=next(
            (onset + dt.timedelta(days=int(m[6:])) for m in marks if m.startswith("ended=")), None
        ),
        event_outcome=EventOutcome.RECOVERED if "recovered" in marks else EventOutcome.UNKNOWN,
    )


def _follow_up(db, clinic_id, patient_id, text) -> None:  # type: ignore[no-untyped-def]
    when, rest = text.split(":")
    checklist, *missing = rest.split("-")
    follow_up_id = make.a_follow_up(
        db,
        clinic_id,
        patient_id,
        seen_on=day(when),
        checklist_code=checklist or None,
        checklist_version=1 if checklist else None,
    )
    for term in missing:
        make.a_finding(
            db,
            clinic_id,
            follow_up_id,
            event_term_code=term,
            state=FindingState.NOT_ASSESSED,
        )


def _outcome(db, clinic_id, patient_id, text, row) -> None:  # type: ignore[no-untyped-def]
    when, found = text.split(":")
    finding, *marks = found.split("!")
    score = next((Decimal(mark) for mark in marks if mark.isdigit()), None)
    side, anatomy_code = row["site"].split("/")
    follow_up_id = make.a_follow_up(
        db,
        clinic_id,
        patient_id,
        seen_on=day(when),
        checklist_code=None,
        checklist_version=None,
        method=FollowUpMethod.DUPLEX,
    )
    make.an_outcome(
        db,
        clinic_id,
        patient_id,
        follow_up_id,
        side=Laterality(side),
        anatomy_code=anatomy_code,
        finding=SiteFinding(finding),
        scale_code=None if score is None else "clearance_percent",
        score=score,
        occlusion=next((Occlusion(mark) for mark in marks if mark in set(Occlusion)), None),
    )

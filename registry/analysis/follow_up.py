"""How complete follow-up is, visit by visit: what every other rate is read beside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import Excluded, FollowUpReport, Heading, VisitRow
from registry.catalogue import catalogue
from registry.catalogue.rows import Visit
from registry.database import reading
from registry.messages import message
from registry.schema import FollowUp, Patient
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.vocabulary import FollowUpStatus

_PATIENT: Final = 1_000_000
"""What a patient's code is multiplied by in a key of patient and day."""


def follow_up(engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date) -> FollowUpReport:
    """For each visit of the schedule: sessions due, seen within the visit's window, not seen."""
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    days = facts.sessions["day"].to_numpy(np.int64)
    patients = facts.sessions["patient"].to_numpy(np.int64)
    died = np.zeros(len(days), dtype=np.bool_)
    overdue = overdue_by_visit(engine, facts, cohort.within(clinics), today)
    rows = []
    for visit in catalogue().visits.values():
        counted = sessions_counted(facts, chosen, visit, today)
        due, seen = counted["due"], counted["seen"]
        if not (due | counted["died"]).any():
            continue
        died |= counted["died"]
        rows.append(
            VisitRow(
                code=visit.code,
                label=message(visit.label),
                due=int(due.sum()),
                seen=int(seen.sum()),
                missed=int(counted["missed"].sum()),
                overdue=overdue.get(visit.code, 0),
                completeness=clustered_proportion(
                    *per_patient_counts(patients[due], seen[due])
                ).estimate,
            )
        )
    not_due = chosen & (days + 1 > day_number(today))
    first_over = min(visit.to_day for visit in catalogue().visits.values())
    too_young = chosen & ~not_due & (days + first_over > day_number(today))
    excluded = (
        Excluded(message("sessions of today or later"), int(not_due.sum())),
        Excluded(message("sessions not yet old enough for any visit"), int(too_young.sum())),
        Excluded(message("sessions whose patient died before a visit was over"), int(died.sum())),
    )
    return FollowUpReport(
        heading=Heading(
            "follow_up",
            message("Completeness of follow-up"),
            message(
                "Sessions old enough for a visit whose patient was seen, called or photographed "
                "within the visit's window (a quarter of the interval on either side)."
            ),
            "sessions",
            cohort,
            today,
            facts.seal,
        ),
        rows=tuple(rows),
        excluded=tuple(item for item in excluded if item.count),
    )


def sessions_counted(
    facts: Facts, chosen: NDArray[np.bool_], visit: Visit, today: dt.date
) -> dict[str, NDArray[np.bool_]]:
    """The sessions behind each count of a visit: every count is the size of one of these sets."""
    days = facts.sessions["day"].to_numpy(np.int64)
    patients = facts.sessions["patient"].to_numpy(np.int64)
    died_on = np.full(facts.patients, np.iinfo(np.int64).max)
    died_on[list(facts.deaths)] = list(facts.deaths.values())
    over = chosen & (days + visit.to_day <= day_number(today))
    # A visit counts for every session whose window it falls into.
    seen = over & seen_between(facts, visit.from_day, visit.to_day)
    died = over & ~seen & (died_on[patients] <= days + visit.to_day)
    return {"due": over & ~died, "seen": seen, "missed": over & ~seen & ~died, "died": died}


def seen_between(facts: Facts, first: int, last: int) -> NDArray[np.bool_]:
    """Sessions whose patient was seen from ``first`` to ``last`` days after them."""
    return facts.once(("seen", first, last), lambda: _seen_between(facts, first, last))


def _seen_between(facts: Facts, first: int, last: int) -> NDArray[np.bool_]:
    keys = facts.once("visits by patient and day", lambda: _visit_keys(facts))
    days = facts.sessions["day"].to_numpy(np.int64)
    own = facts.sessions["patient"].to_numpy(np.int64) * _PATIENT + days
    after = np.searchsorted(keys, own + first, side="left")
    until = np.searchsorted(keys, own + last, side="right")
    return np.asarray(until > after)


def _visit_keys(facts: Facts) -> NDArray[np.int64]:
    patients = facts.visits["patient"].to_numpy(np.int64)
    return np.sort(patients * _PATIENT + facts.visits["day"].to_numpy(np.int64))


def overdue_by_visit(
    engine: Engine, facts: Facts, clinics: Collection[int], today: dt.date
) -> Mapping[str | None, int]:
    """How many visits of each kind are still planned although their window has closed.

    Asked once for each seal of the data; whose clinics they are is for the caller to have checked.
    """

    def read() -> dict[str | None, int]:
        late = planned_visits(clinics).where(is_past_window(today))
        counts = late.with_only_columns(FollowUp.visit_code, sa.func.count())
        with reading(engine) as db:
            return dict(db.execute(counts.group_by(FollowUp.visit_code)).all())

    return facts.once(("overdue", frozenset(clinics), today), read)


def planned_visits(clinics: Collection[int]) -> sa.Select[FollowUp]:
    """Visits still planned, of patients who are alive."""
    return (
        sa.select(FollowUp)
        .join(
            Patient,
            sa.and_(Patient.clinic_id == FollowUp.clinic_id, Patient.id == FollowUp.patient_id),
        )
        .where(
            FollowUp.clinic_id.in_(clinics),
            FollowUp.status == FollowUpStatus.PLANNED,
            FollowUp.voided_at.is_(None),
            Patient.voided_at.is_(None),
            Patient.died_on.is_(None),
        )
    )


def is_past_window(today: dt.date) -> sa.ColumnElement[bool]:
    """Whether a visit's window has closed; one without a place in the schedule has its due day."""
    visits = catalogue().visits
    scheduled = [
        sa.and_(
            FollowUp.visit_code == visit.code,
            FollowUp.due_on < today - dt.timedelta(days=visit.to_day - visit.due_day),
        )
        for visit in visits.values()
    ]
    unscheduled = sa.func.coalesce(FollowUp.visit_code, "").not_in(visits)
    return sa.or_(*scheduled, sa.and_(unscheduled, FollowUp.due_on < today))


def overdue_visits(
    clinics: Collection[int], visit_code: str, today: dt.date
) -> sa.Select[FollowUp]:
    """Visits still planned although their window has closed."""
    return planned_visits(clinics).where(FollowUp.visit_code == visit_code, is_past_window(today))

"""How well treated veins respond: clearance by scale and visit, occlusion, sessions of a course.

Scores of two scales are never averaged or compared. A look belongs to the visit in whose time after
the last planned session it falls; of several, to the one whose due day is nearest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from registry.access import Actor, Permission, scope
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.facts import Facts, facts_of
from registry.analysis.results import Excluded, Heading, estimate_dict, heading_dict, prefixed
from registry.analysis.treated_sites import (
    Flags,
    histories_of,
    looks_of,
    reaches_success,
    sites_of,
)
from registry.catalogue import Visit, catalogue
from registry.messages import Message, message
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.result import Estimate
from registry.vocabulary import Occlusion

COURSE_OVER: Final = "photo_12w"
"""A course without a session until the time of this visit is over is taken as ended: our decision,
as trials wait 6 to 8 weeks between sessions."""

OCCLUSION: Final = "occlusion"
"""What stands for duplex findings where a scale could be named."""
EXAMINED: Final = (Occlusion.COMPLETE, Occlusion.PARTIAL, Occlusion.NONE)
"""What a duplex scan of a site may have shown."""

Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of ``count`` values; None without any."""

    count: int
    median: float | None
    quartiles: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Clearance:
    """Scores of one scale at one visit, one for each treated site.

    ``due`` sites are old enough for the visit and were not treated again before it. ``reached`` is
    the share of scored sites at or beyond the threshold; None on a scale without one.
    """

    scale: str
    scale_label: Message
    visit: str
    visit_label: Message
    due: int
    scores: Spread
    reached: Estimate | None


@dataclass(frozen=True, slots=True)
class Occluded:
    """Duplex findings at one visit; ``complete`` is a share of the examined sites."""

    visit: str
    visit_label: Message
    due: int
    counts: Mapping[str, int]
    complete: Estimate


@dataclass(frozen=True, slots=True)
class Courses:
    """Ended courses by their number of sessions, and the days between sessions.

    ``sessions`` counts courses by sessions; those of one day count once. ``topped_up`` is the share
    of courses with a recorded plan that had more sessions than planned. ``gaps`` are the days from
    one session of a course to the next.
    """

    sessions: Mapping[int, int]
    spread: Spread
    topped_up: Estimate
    gaps: Spread


@dataclass(frozen=True, slots=True)
class ResponseReport:
    """Response of the sites treated in a cohort, and the courses that began in it.

    ``never`` is the share of sites looked at after the last planned session that were never cleared
    or occluded.
    """

    heading: Heading
    clearance: tuple[Clearance, ...]
    occlusion: tuple[Occluded, ...]
    never: Estimate
    courses: Courses
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        courses = self.courses
        return {
            **heading_dict(self.heading),
            "clearance": [
                {
                    "scale": row.scale,
                    "visit": row.visit,
                    "due": row.due,
                    **_spread_dict("score", row.scores),
                    "reached": estimate_dict(row.reached) if row.reached else None,
                }
                for row in self.clearance
            ],
            "occlusion": [
                {
                    "visit": row.visit,
                    "due": row.due,
                    "counts": dict(row.counts),
                    "complete": estimate_dict(row.complete),
                }
                for row in self.occlusion
            ],
            "never_successful": estimate_dict(self.never),
            "courses_by_sessions": {str(n): count for n, count in courses.sessions.items()},
            **_spread_dict("sessions", courses.spread),
            "topped_up": estimate_dict(courses.topped_up),
            **_spread_dict("days_between_sessions", courses.gaps),
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row for each number: measure, scale, visit, count, median, share."""
        rows: list[dict[str, Any]] = []

        def add(
            measure: str,
            spread: Spread | None = None,
            share: Estimate | None = None,
            *,
            scale: str = "",
            visit: str = "",
            due: int | None = None,
        ) -> None:
            limits = dict.fromkeys(("share", "share_lower", "share_upper", "share_method"))
            rows.append(
                {
                    "measure": measure,
                    "scale": scale,
                    "visit": visit,
                    "due": due,
                    "numerator": share.numerator if share else None,
                    "denominator": share.denominator if share else None,
                    "unit": share.unit if share else None,
                    **_spread_dict("value", spread or Spread(0, None, None)),
                    **(prefixed("share", share) if share else limits),
                }
            )

        for row in self.clearance:
            add(
                "clearance",
                row.scores,
                row.reached,
                scale=row.scale,
                visit=row.visit,
                due=row.due,
            )
        for seen in self.occlusion:
            add("complete_occlusion", share=seen.complete, visit=seen.visit, due=seen.due)
        add("never_successful", share=self.never)
        add("sessions_per_course", self.courses.spread)
        add("topped_up", share=self.courses.topped_up)
        add("days_between_sessions", self.courses.gaps)
        return rows


def response(engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date) -> ResponseReport:
    """Clearance and occlusion by visit, non-response, and sessions of the courses of a cohort.

    A site belongs to the cohort of its last planned session, a course to that of its first session.
    """
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    histories = histories_of(facts)
    kept = sites_of(histories, chosen)
    looked = kept & histories.looked_at
    clearance, occlusion = _by_visit(facts, kept, today)
    courses, ongoing, loose = courses_of(facts, chosen, today)
    scale = catalogue().scales["clearance_percent"]
    excluded = (
        Excluded(
            message("sites never looked at after the last planned session"),
            int((kept & ~histories.looked_at).sum()),
        ),
        Excluded(message("courses with a session lately, perhaps not ended"), ongoing),
        Excluded(message("sessions that belong to no course"), loose),
    )
    return ResponseReport(
        heading=Heading(
            "response",
            message("Response to treatment"),
            message(
                "Clearance: scores of each scale at each visit after the last planned session, one "
                "for each treated site until it is treated again; success is {success} or more on "
                "“{scale}”. Occlusion: duplex findings at the same visits. Never successful: sites "
                "looked at after the last planned session and never cleared or occluded. Sessions: "
                "courses without a session in the last {days} days, sessions of one day counted "
                "once; topped up are those with more sessions than planned.",
                success=scale.success_at,
                scale=message(scale.label),
                days=catalogue().visits[COURSE_OVER].to_day,
            ),
            "treated sites",
            cohort,
            today,
            facts.seal,
        ),
        clearance=clearance,
        occlusion=occlusion,
        never=share_of((histories.success_day < 0)[looked], histories.patient[looked], "sites"),
        courses=courses,
        excluded=tuple(item for item in excluded if item.count),
    )


def spread_of(values: NDArray[Any]) -> Spread:
    """Median and quartiles, by linear interpolation (type 7)."""
    if not len(values):
        return Spread(0, None, None)
    low, middle, high = np.quantile(values.astype(np.float64), (0.25, 0.5, 0.75))
    return Spread(len(values), float(middle), (float(low), float(high)))


def share_of(having: Flags, patients: Days, unit: str) -> Estimate:
    """The share having it, with limits that allow for several units of one patient."""
    return clustered_proportion(*per_patient_counts(patients, having), unit=unit).estimate


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    """Courses that began in a cohort, one row each, and the days between their sessions."""

    one: pd.DataFrame
    gaps: NDArray[Any]


def _courses(facts: Facts, chosen: Flags) -> _Begun:
    sessions = facts.sessions[["course", "planned", "patient", "day"]]
    # Sessions are in the order of their days, so the first of each course comes first.
    visits = sessions.assign(chosen=chosen, row=np.arange(len(sessions)))
    visits = visits[visits["course"] >= 0].drop_duplicates(["course", "day"])
    visits = visits[visits.groupby("course")["chosen"].transform("first")]
    one = visits.groupby("course").agg(
        sessions=("day", "size"),
        last=("day", "last"),
        planned=("planned", "first"),
        patient=("patient", "first"),
        row=("row", "first"),
    )
    return _Begun(one, visits.groupby("course")["day"].diff().dropna().to_numpy())


def _ended(began: _Begun, today: dt.date) -> pd.DataFrame:
    over = catalogue().visits[COURSE_OVER].to_day
    found: pd.DataFrame = began.one[began.one["last"] + over < day_number(today)]
    return found


def courses_of(facts: Facts, chosen: Flags, today: dt.date) -> tuple[Courses, int, int]:
    """Ended courses that began in the chosen sessions; how many go on; sessions of no course."""
    began = _courses(facts, chosen)
    ended = _ended(began, today)
    planned = ended[ended["planned"] >= 0]
    numbers, counts = np.unique(ended["sessions"].to_numpy(np.int64), return_counts=True)
    courses = Courses(
        dict(zip(numbers.tolist(), counts.tolist(), strict=True)),
        spread_of(ended["sessions"].to_numpy()),
        share_of(
            (planned["sessions"] > planned["planned"]).to_numpy(),
            planned["patient"].to_numpy(),
            "courses",
        ),
        spread_of(began.gaps),
    )
    loose = int((chosen & (facts.sessions["course"].to_numpy() < 0)).sum())
    return courses, len(began.one) - len(ended), loose


def courses_behind(facts: Facts, chosen: Flags, today: dt.date) -> dict[str, pd.DataFrame]:
    """The courses behind each count of them: first session (row) and number of sessions."""
    ended = _ended(_courses(facts, chosen), today)
    planned = ended[ended["planned"] >= 0]
    return {
        "ended": ended,
        "planned": planned,
        "topped_up": planned[planned["sessions"] > planned["planned"]],
    }


def sites_behind(
    facts: Facts, kept: Flags, today: dt.date, visit: str, what: str
) -> dict[str, Days]:
    """The sites behind each count of a visit: of a scale, or of occlusion (:data:`OCCLUSION`)."""
    looks = _looks_at_visits(facts, kept, today)
    place = list(catalogue().visits).index(visit)
    found = {"due": np.flatnonzero(looks.due[place])}
    if what == OCCLUSION:
        seen = looks.examined[looks.examined["visit"] == place]
        states = facts.levels["occlusion"]
        found["examined"] = seen["site"].to_numpy()
        for state in EXAMINED:
            is_so = seen["occlusion"] == states.index(state)
            found[state.value] = seen[is_so]["site"].to_numpy()
        return found
    scales = facts.levels["scale"]
    number = scales.index(what) if what in scales else -1
    seen = looks.scored[(looks.scored["scale"] == number) & (looks.scored["visit"] == place)]
    reached = seen[seen["reached"].to_numpy(np.bool_)]
    return found | {"scored": seen["site"].to_numpy(), "reached": reached["site"].to_numpy()}


def visit_of(days: Days) -> NDArray[np.int64]:
    """Place in the catalogue of the visit at each number of days after treatment; -1 for none."""
    visits = list(catalogue().visits.values())
    gap = np.stack(
        [
            np.where(
                (visit.from_day <= days) & (days <= visit.to_day),
                np.abs(days - visit.due_day),
                np.iinfo(np.int64).max,
            )
            for visit in visits
        ]
    )
    nearest = gap.argmin(axis=0)
    inside = gap[nearest, np.arange(days.size)] < np.iinfo(np.int64).max
    return np.where(inside, nearest, -1)


@dataclass(frozen=True, slots=True, eq=False)
class _LooksAtVisits:
    """Sites due at each visit, the last score of each scale there, and the last duplex finding."""

    due: Flags
    scored: pd.DataFrame
    examined: pd.DataFrame


def _looks_at_visits(facts: Facts, kept: Flags, today: dt.date) -> _LooksAtVisits:
    histories, looks = histories_of(facts), looks_of(facts)
    visits = list(catalogue().visits.values())
    due = np.stack([_is_due(facts, kept, visit, today) for visit in visits])
    after = looks.day - histories.planned_day[looks.site]
    retreated = histories.retreated_day[looks.site]
    at_visit = visit_of(after)
    used = looks.assessed & ((retreated < 0) | (looks.day <= retreated))
    used &= (at_visit >= 0) & due[at_visit, looks.site]
    frame = pd.DataFrame(
        {
            "site": looks.site,
            "patient": histories.patient[looks.site],
            "visit": at_visit,
            "scale": facts.outcomes["scale"].to_numpy(),
            "score": facts.outcomes["score"].to_numpy(),
            "occlusion": facts.outcomes["occlusion"].to_numpy(),
            "reached": reaches_success(facts),
        }
    )[used]
    states = facts.levels["occlusion"]
    examined = frame[frame["occlusion"].isin([states.index(state) for state in EXAMINED])]
    return _LooksAtVisits(
        due,
        frame[frame["scale"] >= 0].drop_duplicates(["site", "visit", "scale"], keep="last"),
        examined.drop_duplicates(["site", "visit"], keep="last"),
    )


def _by_visit(
    facts: Facts, kept: Flags, today: dt.date
) -> tuple[tuple[Clearance, ...], tuple[Occluded, ...]]:
    visits = list(catalogue().visits.values())
    looks = _looks_at_visits(facts, kept, today)
    due, scored, examined = looks.due, looks.scored, looks.examined
    clearance, occlusion = [], []
    for code, number in sorted(
        (facts.levels["scale"][number], number) for number in scored["scale"].unique()
    ):
        scale = catalogue().scales[code]
        for place, visit in enumerate(visits):
            rows = scored[(scored["scale"] == number) & (scored["visit"] == place)]
            if rows.empty:
                continue
            reached = None
            if scale.success_at is not None:
                reached = share_of(rows["reached"].to_numpy(), rows["patient"].to_numpy(), "sites")
            clearance.append(
                Clearance(
                    code,
                    message(scale.label),
                    visit.code,
                    message(visit.label),
                    int(due[place].sum()),
                    spread_of(rows["score"].to_numpy()),
                    reached,
                )
            )
    states = facts.levels["occlusion"]
    for place, visit in enumerate(visits):
        rows = examined[examined["visit"] == place]
        if rows.empty:
            continue
        occlusion.append(
            Occluded(
                visit.code,
                message(visit.label),
                int(due[place].sum()),
                {str(s): int((rows["occlusion"] == states.index(s)).sum()) for s in EXAMINED},
                share_of(
                    (rows["occlusion"] == states.index(Occlusion.COMPLETE)).to_numpy(),
                    rows["patient"].to_numpy(),
                    "sites",
                ),
            )
        )
    return tuple(clearance), tuple(occlusion)


def _is_due(facts: Facts, kept: Flags, visit: Visit, today: dt.date) -> Flags:
    """Sites old enough for a visit and not treated again before its due day."""
    histories = histories_of(facts)
    old = histories.planned_day + visit.to_day <= day_number(today)
    again = histories.retreated_day
    untouched = (again < 0) | (again - histories.planned_day > visit.due_day)
    return np.asarray(kept & old & untouched)


def _spread_dict(name: str, spread: Spread) -> dict[str, Any]:
    low, high = spread.quartiles or (None, None)
    return {
        f"{name}_count": spread.count,
        f"{name}_median": spread.median,
        f"{name}_first_quartile": low,
        f"{name}_third_quartile": high,
    }

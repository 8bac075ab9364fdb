"""What patients say before and after treatment, and the severity score of their legs.

Only what was asked both before and after can have changed, so every line shows how many were. An
item without an answer was not asked. Scores of two items are never added up, and no difference is
called important: no smallest important difference is established for these questions.
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
from registry.analysis.care_facts import SATISFACTION
from registry.analysis.cohort import CohortFilter
from registry.analysis.columns import day_number
from registry.analysis.facts import Facts, facts_of
from registry.analysis.outcome_facts import ITEMS
from registry.analysis.results import Excluded, Heading, estimate_dict, heading_dict, prefixed
from registry.catalogue import catalogue
from registry.entry.assessments import RVCSS_ITEMS, RVCSS_WORST
from registry.messages import Message, message
from registry.statistics.clustering import clustered_proportion, per_patient_counts
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate

SEVERITY: Final = "rvcss"
"""Code of the line on the severity score."""
SEVERITY_LABEL: Final = message("Severity score (rVCSS), one leg")
SATISFIED_FROM: Final = 3
"""Answers from here on, of 0 to 4, count as satisfied."""
BASELINE_DAYS: Final = 365
"""An answer from longer before the first session says too little about the state that was treated;
our decision."""
ASSESSED_AT: Final = "check_6_8w"
"""Visit from which on the result of the last session is asked about."""
BY_QUESTION: Final = "question"
ANSWERS: Final = range(5)
"""Answers that the question on satisfaction offers."""
UNITS: Final = {SEVERITY: "legs"}
"""What lines are counted in that are not counted in patients."""
_KEYS: Final = {"patients": ["patient"], "legs": ["patient", "side"]}
COMPLETE_ENOUGH: Final = 0.8
"""Below this share asked twice, those who were asked may differ from those who were not; our
decision."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One question, or the severity score, before and after treatment.

    ``eligible`` units are old enough; ``before`` and ``after`` of them have a score then, ``pairs``
    both. Medians and quartiles are of the pairs, a change is after minus before; None without
    pairs. ``improved`` is a share of the pairs that had anything but the best score before.
    """

    code: str
    label: Message
    unit: str
    minimum: float
    maximum: float
    higher_is_better: bool
    eligible: int
    before: int
    after: int
    pairs: int
    median_before: float | None
    median_after: float | None
    median_change: float | None
    quartiles: tuple[float, float] | None
    improved: Estimate
    unchanged: int
    worse: int

    @property
    def completeness(self) -> float | None:
        """Share of those old enough that have a score before and after."""
        return self.pairs / self.eligible if self.eligible else None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Patients by their last answer on satisfaction.

    ``estimate`` is the share of answering patients at :data:`SATISFIED_FROM` or above; ``treated``
    counts all patients of the cohort, ``answers`` those of each answer.
    """

    estimate: Estimate
    treated: int
    answers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ReportedOutcomesReport:
    """Change of each question and of the severity score, and satisfaction, in one cohort."""

    heading: Heading
    patients: int
    rows: tuple[OutcomeRow, ...]
    satisfaction: Satisfaction
    excluded: tuple[Excluded, ...]
    warnings: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The whole result in plain values, unrounded."""
        return {
            **heading_dict(self.heading),
            "patients": self.patients,
            "rows": [_row_dict(row) for row in self.rows],
            "satisfaction": {
                **estimate_dict(self.satisfaction.estimate),
                "treated": self.satisfaction.treated,
                "answers": {str(score): n for score, n in self.satisfaction.answers.items()},
            },
            "excluded": [{"reason": str(e.reason), "count": e.count} for e in self.excluded],
            "warnings": [str(warning) for warning in self.warnings],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row a question, satisfaction last."""
        rows = [_row_dict(row, flat=True) for row in self.rows]
        blank: dict[str, Any] = dict.fromkeys(rows[0]) if rows else {}
        item = catalogue().instrument_items[SATISFACTION]
        return [
            *rows,
            blank
            | {
                "code": SATISFACTION,
                "label": item.label,
                "unit": "patients",
                "minimum": float(item.minimum),
                "maximum": float(item.maximum),
                "higher_is_better": item.higher_is_better,
                "eligible": self.satisfaction.treated,
                "after": int(self.satisfaction.estimate.denominator),
                **prefixed("satisfied", self.satisfaction.estimate),
            },
        ]


def reported_outcomes(
    engine: Engine, by: Actor, cohort: CohortFilter, *, today: dt.date
) -> ReportedOutcomesReport:
    """Before and after treatment, for each patient (or leg) treated in the cohort.

    Before is the last score in the year up to the patient's first session of the cohort; after is
    the last one from the 6 to 8 week visit of the last session on. Patients enter when that visit
    is over.
    """
    clinics = scope(by, Permission.READ_RATES)
    facts = facts_of(engine)
    chosen = cohort.mask(facts, clinics)
    treated = _treated(facts, chosen, "patients")
    eligible, legs = (
        _old_enough(units, today) for units in (treated, _treated(facts, chosen, "legs"))
    )
    items = catalogue().instrument_items
    rows = [
        _row(code, message(items[code].label), _scores(facts, eligible, code), len(eligible))
        for code in ITEMS
        if code != SATISFACTION
    ]
    rows.append(_row(SEVERITY, SEVERITY_LABEL, _scores(facts, legs, SEVERITY), len(legs)))
    asked = [row for row in rows if row.before or row.after]
    not_asked = len(rows) - len(asked)
    too_recent = len(treated) - len(eligible)
    return ReportedOutcomesReport(
        heading=Heading(
            "reported_outcomes",
            message("What patients say"),
            message(
                "Patients asked both before treatment (the last answer in the year up to the first "
                "session) and after it (the last answer from the 6 to 8 week visit of the last "
                "session on). Improved: a better answer than before, of those whose answer could "
                "get better. Satisfied: 3 or 4 of 4 when last asked. The severity score is that of "
                "one leg, all ten items assessed."
            ),
            "patients",
            cohort,
            today,
            facts.seal,
        ),
        patients=len(eligible),
        rows=tuple(asked),
        satisfaction=satisfaction(facts, chosen),
        excluded=tuple(
            item
            for item in (
                Excluded(message("patients whose 6 to 8 week visit is not over"), too_recent),
                Excluded(message("questions that nobody was asked"), not_asked),
            )
            if item.count
        ),
        warnings=_warnings(asked),
    )


def satisfaction(facts: Facts, chosen: Flags) -> Satisfaction:
    """The last answer on satisfaction of each patient after one of the ``chosen`` sessions."""
    last = _last_answers(facts, chosen)["score"]
    counts = last.astype(np.int64).value_counts()
    return Satisfaction(
        proportion(int((last >= SATISFIED_FROM).sum()), len(last), unit="patients"),
        len(np.unique(facts.sessions["patient"].to_numpy()[chosen])),
        {score: int(counts.get(score, 0)) for score in ANSWERS},
    )


def patients_answering(facts: Facts, chosen: Flags) -> dict[str, pd.DataFrame]:
    """The patients behind each count of answers on satisfaction: patient, session and score.

    The session is the one that the answer is about, or the last one of a patient without an answer.
    """
    last = _last_answers(facts, chosen)
    treated = pd.DataFrame({"patient": facts.sessions["patient"], "score": np.nan})
    treated["session"] = np.arange(len(treated))
    found = {
        "satisfied": last[last["score"] >= SATISFIED_FROM],
        "answered": last,
        "treated": treated[chosen].drop_duplicates("patient", keep="last"),
    }
    return found | {f"answer_{score}": last[last["score"] == score] for score in ANSWERS}


def _last_answers(facts: Facts, chosen: Flags) -> pd.DataFrame:
    own = facts.answers[chosen[facts.answers["session"].to_numpy()]]
    found: pd.DataFrame = own.drop_duplicates("patient", keep="last")
    return found


def units_scored(facts: Facts, chosen: Flags, code: str, today: dt.date) -> dict[str, pd.DataFrame]:
    """The patients (or legs) behind each count of one line: session, score before and after.

    The session is the last one of the cohort.
    """
    eligible = _old_enough(_treated(facts, chosen, _unit(code)), today)
    keys = _KEYS[_unit(code)]
    scores = _scores(facts, eligible, code).merge(eligible[[*keys, "session"]], on=keys)
    pairs = scores.dropna(subset=["before", "after"])
    gain, can_improve = _gains(pairs, _scale(code))
    return {
        "eligible": eligible.assign(before=np.nan, after=np.nan),
        "before": scores[scores["before"].notna()],
        "after": scores[scores["after"].notna()],
        "pairs": pairs,
        "could_improve": pairs[can_improve],
        "improved": pairs[can_improve & (gain > 0)],
        "unchanged": pairs[gain == 0],
        "worse": pairs[gain < 0],
    }


def _unit(code: str) -> str:
    return UNITS.get(code, "patients")


def _scale(code: str) -> tuple[float, float, bool]:
    """Least and greatest score, and whether higher is better."""
    if code == SEVERITY:
        return 0.0, float(len(RVCSS_ITEMS) * RVCSS_WORST), False
    item = catalogue().instrument_items[code]
    return float(item.minimum), float(item.maximum), item.higher_is_better


def _scores(facts: Facts, eligible: pd.DataFrame, code: str) -> pd.DataFrame:
    """Score before and after of each unit that has either."""
    from_day = catalogue().visits[ASSESSED_AT].from_day
    if code == SEVERITY:
        return _paired(facts.legs, "total", eligible, from_day, _KEYS["legs"])
    own = facts.reported[facts.reported["item"].to_numpy() == ITEMS.index(code)]
    return _paired(own, "score", eligible, from_day, _KEYS["patients"])


def _gains(
    pairs: pd.DataFrame, scale: tuple[float, float, bool]
) -> tuple[NDArray[np.float64], Flags]:
    """By how much each pair got better, and whether it could."""
    minimum, maximum, higher_is_better = scale
    before, after = pairs["before"].to_numpy(), pairs["after"].to_numpy()
    gain = after - before if higher_is_better else before - after
    return gain, np.asarray(before != (maximum if higher_is_better else minimum))


def _treated(facts: Facts, chosen: Flags, unit: str) -> pd.DataFrame:
    """First and last day of treatment, and last session, of each patient or leg of a patient."""
    if unit == "legs":
        treatments = facts.sites[chosen[facts.sites["session"].to_numpy()]]
    else:
        treatments = facts.sessions[["patient", "day"]][chosen]
        treatments = treatments.assign(session=np.flatnonzero(chosen))
    spans = treatments.groupby(_KEYS[unit]).agg(
        first=("day", "min"), last=("day", "max"), session=("session", "max")
    )
    found: pd.DataFrame = spans.reset_index()
    return found


def _old_enough(treated: pd.DataFrame, today: dt.date) -> pd.DataFrame:
    """The units for which the visit that asks about the result is over."""
    newest = day_number(today) - catalogue().visits[ASSESSED_AT].to_day
    found: pd.DataFrame = treated[treated["last"] <= newest]
    return found


def _paired(
    own: pd.DataFrame, score: str, eligible: pd.DataFrame, from_day: int, keys: list[str]
) -> pd.DataFrame:
    """Score before and after of each unit that has either; NaN for the one that is missing."""
    known = own.merge(eligible, on=keys)
    is_before = (known["day"] <= known["first"]) & (known["day"] > known["first"] - BASELINE_DAYS)
    is_after = known["day"] >= known["last"] + from_day
    before, after = (
        known[kept].drop_duplicates(keys, keep="last").set_index(keys)[score]
        for kept in (is_before, is_after)
    )
    return pd.DataFrame({"before": before, "after": after}).reset_index()


def _row(code: str, label: Message, scores: pd.DataFrame, eligible: int) -> OutcomeRow:
    minimum, maximum, higher_is_better = scale = _scale(code)
    unit = _unit(code)
    pairs = scores.dropna()
    before, after = pairs["before"].to_numpy(), pairs["after"].to_numpy()
    change = after - before
    gain, can_improve = _gains(pairs, scale)
    sums = per_patient_counts(pairs["patient"].to_numpy()[can_improve], gain[can_improve] > 0)
    lower, upper = np.quantile(change, [0.25, 0.75]) if len(pairs) else (0.0, 0.0)
    return OutcomeRow(
        code=code,
        label=label,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        higher_is_better=higher_is_better,
        eligible=eligible,
        before=int(scores["before"].notna().sum()),
        after=int(scores["after"].notna().sum()),
        pairs=len(pairs),
        median_before=_median(before),
        median_after=_median(after),
        median_change=_median(change),
        quartiles=(float(lower), float(upper)) if len(pairs) else None,
        improved=clustered_proportion(*sums, unit=unit).estimate,
        unchanged=int((gain == 0).sum()),
        worse=int((gain < 0).sum()),
    )


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _warnings(rows: list[OutcomeRow]) -> tuple[Message, ...]:
    if not any((row.completeness or 0) < COMPLETE_ENOUGH for row in rows):
        return ()
    return (
        message(
            "Fewer than {share} % were asked both before and after treatment. Those who were asked "
            "may have done better or worse than the others.",
            share=int(100 * COMPLETE_ENOUGH),
        ),
    )


def _row_dict(row: OutcomeRow, *, flat: bool = False) -> dict[str, Any]:
    lower, upper = row.quartiles or (None, None)
    values: dict[str, Any] = {
        "code": row.code,
        "label": str(row.label),
        "unit": row.unit,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "higher_is_better": row.higher_is_better,
        "eligible": row.eligible,
        "before": row.before,
        "after": row.after,
        "pairs": row.pairs,
        "median_before": row.median_before,
        "median_after": row.median_after,
        "median_change": row.median_change,
        "lower_quartile": lower,
        "upper_quartile": upper,
        "could_improve": row.improved.denominator,
        "improved_count": row.improved.numerator,
        "unchanged": row.unchanged,
        "worse": row.worse,
    }
    if flat:
        return values | prefixed("improved", row.improved)
    return values | {"improved": estimate_dict(row.improved)}

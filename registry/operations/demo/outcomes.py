"""What the made-up patients say before and after treatment, and how severe their legs are."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from registry.catalogue import catalogue
from registry.entry.assessments import (
    RVCSS_ITEMS,
    RVCSS_WORST,
    LegAssessment,
    PatientDays,
    ReportedAnswers,
    answer_problems,
    leg_problems,
)
from registry.entry.forms import Entry, EventEntry, FollowUpEntry, PatientEntry, SessionEntry
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry
from registry.vocabulary import (
    CeapClass,
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    VesselClass,
)

ASKED: Final = 0.6
"""Share of patients who are asked before treatment; the others never are."""
ASKED_AGAIN: Final = 0.75
"""Share of their visits, from the 6 to 8 week visit on, at which they are asked again."""
TYPICAL: Final = {
    "symptom_heaviness": (2, 5),
    "symptom_aching": (2, 4),
    "symptom_swelling": (1, 4),
    "symptom_throbbing": (1, 2),
    "symptom_itching": (1, 2),
    "appearance_bother": (7, 4),
}
"""Typical answer before treatment, of patients with small and with large veins."""
LEFT_OVER: Final = (0.1, 1.25)
"""Part of the complaint that is left after treatment; in some it grows."""
LARGE: Final = frozenset({VesselClass.VARICOSE, VesselClass.TRUNCAL, VesselClass.PERFORATOR})


def outcomes(
    patient: PatientEntry, entries: Sequence[Entry], today: dt.date
) -> tuple[list[ReportedAnswers], list[LegAssessment]]:
    """Answers and assessments of one patient, the same for the same patient each time."""
    rng = random.Random(patient.id.int)  # noqa: S311 - made-up data must be the same each time
    sessions = [entry for entry in entries if isinstance(entry, SessionEntry)]
    if not sessions or rng.random() > ASKED:
        return [], []
    first = sessions[0]
    has_large = any(site.vessel_class in LARGE for site in first.sites)
    before = {
        code: min(10, max(0, round(rng.gauss(typical[has_large], 2))))
        for code, typical in TYPICAL.items()
    }
    severity = dict.fromkeys(RVCSS_ITEMS, 0) | {
        "pain": rng.choice([0, 1, 1, 2]),
        "varicose_veins": rng.choice([1, 2, 2, 3]) if has_large else 0,
        "oedema": rng.choice([0, 0, 1, 2]) if has_large else 0,
        "pigmentation": rng.choice([0, 0, 0, 1]),
        "compression_use": rng.choice([0, 1, 2]),
    }
    legs = list(dict.fromkeys(site.side for site in first.sites))
    answers = [_answers(patient, first.treated_on, before)]
    assessed = [_leg(patient, side, first.treated_on, severity, has_large) for side in legs]
    had_event = any(isinstance(entry, EventEntry) for entry in entries)
    for visit in _visits(entries, first):
        if rng.random() > ASKED_AGAIN or visit.seen_on is None:
            continue
        left = rng.uniform(*LEFT_OVER)
        after = {code: min(10, round(score * left)) for code, score in before.items()}
        after["satisfaction"] = rng.choices(range(5), [4, 8, 16, 40, 32] if had_event else
                                            [1, 3, 8, 44, 44])[0]  # fmt: skip
        answers.append(_answers(patient, visit.seen_on, after, visit))
        if visit.method is not FollowUpMethod.PHONE:
            better = {name: round(score * left) for name, score in severity.items()}
            assessed += [_leg(patient, side, visit.seen_on, better, has_large) for side in legs]
    _check(answers, assessed, entries, today)
    return answers, assessed


def _visits(entries: Sequence[Entry], first: SessionEntry) -> Iterator[FollowUpEntry]:
    """Visits from the 6 to 8 week visit on, one a day, in the order of their days."""
    from_day = catalogue().visits["check_6_8w"].from_day
    seen = {
        entry.seen_on: entry
        for entry in entries
        if isinstance(entry, FollowUpEntry)
        and entry.status is FollowUpStatus.SEEN
        and entry.seen_on is not None
        and (entry.seen_on - first.treated_on).days >= from_day
    }
    yield from (seen[day] for day in sorted(seen))


def _answers(
    patient: PatientEntry, on: dt.date, scores: dict[str, int], visit: FollowUpEntry | None = None
) -> ReportedAnswers:
    return ReportedAnswers(
        id=derived_id(patient.id, "answers", on),
        patient_id=patient.id,
        answered_on=on,
        scores={code: Decimal(score) for code, score in scores.items()},
        follow_up_id=visit.id if visit is not None else None,
    )


def _leg(
    patient: PatientEntry, side: Laterality, on: dt.date, items: dict[str, int], has_large: bool
) -> LegAssessment:
    ceap = CeapClass.C2 if items["varicose_veins"] else CeapClass.C1
    if has_large and items["oedema"]:
        ceap = CeapClass.C3
    return LegAssessment(
        id=derived_id(patient.id, "leg", side, on),
        patient_id=patient.id,
        side=side,
        assessed_on=on,
        ceap=ceap,
        items={name: min(RVCSS_WORST, score) for name, score in items.items()},
    )


def _check(
    answers: Sequence[ReportedAnswers],
    legs: Sequence[LegAssessment],
    entries: Sequence[Entry],
    today: dt.date,
) -> None:
    """Each is checked as if it had been typed."""
    visits = {entry.id for entry in entries if isinstance(entry, FollowUpEntry)}
    known = PatientDays(today=today, visits=visits)
    refused = [problem for each in answers for problem in answer_problems(each, known)]
    refused += [problem for leg in legs for problem in leg_problems(leg, known)]
    if refused:
        raise InvalidEntry(refused)

"""What may a patient answer, and what may be assessed on a leg?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from registry.entry.assessments import (
    RVCSS_ITEMS,
    LegAssessment,
    PatientDays,
    ReportedAnswers,
    answer_problems,
    leg_problems,
)
from registry.vocabulary import CeapClass, Laterality

TODAY: Final = dt.date(2026, 11, 23)
DAY: Final = dt.timedelta(days=1)
VISIT: Final = UUID(int=7)
KNOWN: Final = PatientDays(
    today=TODAY, birth_year=1970, died_on=TODAY - DAY, visits={VISIT}, said={"symptom_aching"}
)
ALIVE: Final = PatientDays(today=TODAY, birth_year=1970, visits={VISIT}, said={"symptom_aching"})


def answers(**values: Any) -> ReportedAnswers:
    given = {
        "id": UUID(int=1), "patient_id": UUID(int=2), "answered_on": TODAY - DAY,
        "scores": {"symptom_heaviness": Decimal(6)}, "follow_up_id": VISIT,
    }  # fmt: skip
    return ReportedAnswers(**(given | values))


def leg(**values: Any) -> LegAssessment:
    given = {
        "id": UUID(int=1), "patient_id": UUID(int=2), "side": Laterality.LEFT,
        "assessed_on": TODAY - DAY, "ceap": CeapClass.C2R,
        "items": dict.fromkeys(RVCSS_ITEMS, 1),
    }  # fmt: skip
    return LegAssessment(**(given | values))


def test_what_can_be_has_no_problem() -> None:
    assert answer_problems(answers(), KNOWN) == []
    assert leg_problems(leg(), KNOWN) == []
    assert leg_problems(leg(ceap=None, items={"pain": 0}), KNOWN) == []


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"scores": {}}, ("scores", "required")),
        ({"scores": {"symptom_heaviness": Decimal(11)}}, ("symptom_heaviness", "in_range")),
        ({"scores": {"symptom_heaviness": Decimal(-1)}}, ("symptom_heaviness", "in_range")),
        ({"scores": {"symptom_heaviness": Decimal("NaN")}}, ("symptom_heaviness", "in_range")),
        ({"scores": {"symptom_heaviness": Decimal("2.5")}}, ("symptom_heaviness", "whole")),
        ({"scores": {"satisfaction": Decimal(5)}}, ("satisfaction", "in_range")),
        ({"scores": {"civiq": Decimal(5)}}, ("civiq", "known_item")),
        ({"scores": {"symptom_aching": Decimal(2)}}, ("symptom_aching", "once_a_day")),
        ({"answered_on": TODAY + DAY}, ("answered_on", "not_in_future")),
        ({"answered_on": dt.date(1066, 10, 14)}, ("answered_on", "plausible_day")),
        ({"answered_on": dt.date(1969, 12, 31)}, ("answered_on", "not_before_birth")),
        ({"follow_up_id": UUID(int=1)}, ("follow_up_id", "known_follow_up")),
    ],
)
def test_answers_that_cannot_be_are_refused_beside_their_field(
    values: dict[str, Any], where: tuple[str, str]
) -> None:
    found = answer_problems(answers(**values), ALIVE)
    assert [(problem.field, problem.rule) for problem in found] == [where]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"ceap": None, "items": {}}, ("items", "required")),
        ({"items": {"pain": 4}}, ("pain", "in_range")),
        ({"items": {"pain": -1}}, ("pain", "in_range")),
        ({"items": {"grief": 1}}, ("grief", "known_item")),
        ({"assessed_on": TODAY + DAY}, ("assessed_on", "not_in_future")),
    ],
)
def test_assessments_that_cannot_be_are_refused_beside_their_field(
    values: dict[str, Any], where: tuple[str, str]
) -> None:
    found = leg_problems(leg(**values), ALIVE)
    assert [(problem.field, problem.rule) for problem in found] == [where]


def test_the_dead_answer_nothing() -> None:
    found = answer_problems(answers(answered_on=TODAY), KNOWN)
    assert [(problem.field, problem.rule) for problem in found] == [
        ("answered_on", "not_after_death")
    ]
    assert "22 Nov 2026" in str(found[0].message)


def test_only_a_full_assessment_has_a_total() -> None:
    assert leg().total == 10
    assert leg(items={"pain": 3}).total is None
    assert leg(items=dict.fromkeys(RVCSS_ITEMS, 0)).total == 0

"""Is time to recurrence told with who is still observed, and not at all when too few are?"""

from __future__ import annotations

import pytest

from registry.analysis import wording
from registry.analysis.results import Curve, CurvePoint, RecurrenceRow
from registry.messages import message
from registry.statistics.proportions import proportion
from registry.statistics.result import Caution, Estimate, Interval

NOTHING = Estimate(None, Interval(None, None, 0.95, "log_log"), 0, 0, "sites")


def incidence(value: float | None, events: int, sites: int = 120) -> Estimate:
    limits = (0.058, 0.126) if value else (None, None)
    warnings = () if value else (Caution.NO_EVENTS,)
    return Estimate(value, Interval(*limits, 0.95, "log_log"), events, sites, "sites", warnings)


def at(recurrence: Estimate, at_risk: int, day: int = 365) -> CurvePoint:
    return CurvePoint(day, at_risk, recurrence, NOTHING, NOTHING, NOTHING)


def a_row(won: int = 120, looked_at: int = 140) -> RecurrenceRow:
    return RecurrenceRow(
        code="total",
        label=message("All"),
        sites=150,
        patients=90,
        assessed=looked_at,
        success=proportion(won, looked_at, unit="sites"),
        recurrences=9,
        retreatments=2,
        deaths=0,
        landmarks=(),
        curve=Curve((), (), (), (), (), (), (), ()),
        median_follow_up_days=NOTHING,
        clear_at_12_months=NOTHING,
        clear_best=None,
        clear_worst=None,
        mature_at_12_months=0,
        assessed_at_12_months=0,
        methods={},
    )


def said(text: object) -> str:
    return str(text).replace(wording.NARROW_SPACE, " ")


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        (
            at(incidence(0.088, 9), 94),
            "8.8 % of 120 sites with success had recurred by day 365 (95 % CI 5.8–12.6 %); 94 are "
            "still observed.",
        ),
        (
            at(incidence(0.0, 0), 94),
            "No recurrence by day 365 among 120 sites with success, 94 of them still observed.",
        ),
        (
            at(incidence(0.088, 9), 9),
            "Not known at day 365: of 120 sites with success 9 are still observed then, and fewer "
            "than 10 say too little.",
        ),
        (
            at(incidence(None, 9), 0, day=730),
            "Not known at day 730: of 120 sites with success 0 are still observed then, and fewer "
            "than 10 say too little.",
        ),
    ],
)
def test_recurrence_by_a_day_is_told_with_who_is_still_observed(
    point: CurvePoint, sentence: str
) -> None:
    assert said(wording.recurrence_sentence(a_row(), point)) == sentence


def test_without_success_there_is_no_recurrence_to_tell() -> None:
    told = wording.recurrence_sentence(a_row(won=0), at(incidence(None, 0, 0), 0))
    assert said(told) == "No site with success yet, so no recurrence can be observed."


@pytest.mark.parametrize(
    ("point", "value", "limits"),
    [
        (at(incidence(0.088, 9), 10), "8.8 %", "5.8–12.6 %"),
        (at(incidence(0.088, 9), 9), "–", "–"),
        (at(incidence(0.0, 0), 50), "0 of 50", "–"),
        (at(incidence(None, 9), 0), "–", "–"),
    ],
)
def test_a_landmark_needs_ten_who_are_still_observed(
    point: CurvePoint, value: str, limits: str
) -> None:
    assert said(wording.at_landmark(point.recurrence, point)) == value
    assert said(wording.interval_at_landmark(point.recurrence, point)) == limits


def test_success_names_those_who_never_got_there() -> None:
    assert said(wording.success_sentence(a_row())) == (
        "120 of 140 sites looked at were cleared or occluded (85.7 %, 95 % CI 79.0–90.6 %); 20 "
        "never were. 150 sites were treated."
    )
    assert said(wording.success_sentence(a_row(won=0, looked_at=0))) == (
        "None of the 150 treated sites was looked at after its last planned session."
    )


def test_every_method_has_a_name_and_no_limits_have_none() -> None:
    assert said(wording.method(proportion(50, 100))) == "Wilson"
    assert said(wording.method(proportion(0, 100))) == "exact, one-sided"
    assert said(wording.method(NOTHING)) == "–"

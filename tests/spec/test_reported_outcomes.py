"""Who counts as asked before and after, as improved, and as satisfied?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.cohort import CohortFilter
from registry.analysis.reported_outcomes import (
    SEVERITY,
    OutcomeRow,
    ReportedOutcomesReport,
    reported_outcomes,
)
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.entry.assessments import RVCSS_ITEMS
from registry.errors import PermissionDenied
from registry.operations.migration import command_line_actor
from registry.schema import Patient
from registry.vocabulary import Laterality, Role
from tests import factories as make
from tests.spec.conftest import DAY_0, Given, day

LONG_AFTER = dt.date(2028, 1, 1)
HEAVY = "symptom_heaviness"
FOUR_TREATED = """
    patient | day | site
    A       | 0   | left/ssv
    A       | 30  | left/ssv
    B       | 0   | left/ssv
    C       | 0   | left/ssv
    D       | 0   | right/ssv
"""


def answered(engine: Engine, *answers: tuple[str, int, int], item: str = HEAVY) -> None:
    """Store (patient, day, score) for one question."""
    with make.saving(engine) as db:
        for name, number, score in answers:
            clinic_id, patient = _patient(db, name)
            make.a_reported_outcome(
                db, clinic_id, patient, answered_on=day(number), item_code=item,
                score=Decimal(score),
            )  # fmt: skip


def assessed(engine: Engine, *legs: tuple[str, Laterality, int, int | None]) -> None:
    """Store (patient, side, day, total), spread over the items; without total one is blank."""
    with make.saving(engine) as db:
        for name, side, number, total in legs:
            clinic_id, patient = _patient(db, name)
            items: dict[str, int | None] = {
                item: min(3, max(0, (total or 0) - 3 * i)) for i, item in enumerate(RVCSS_ITEMS)
            }
            if total is None:
                items["pain"] = None
            make.a_limb_assessment(
                db, clinic_id, patient, side=side, assessed_on=day(number), **items
            )


def _patient(db: DbSession, name: str) -> tuple[int, UUID]:
    found = db.execute(
        sa.select(Patient.clinic_id, Patient.id).where(Patient.pseudonym == name)
    ).one()
    return found.clinic_id, found.id


def asked(engine: Engine, by: Actor, today: dt.date = LONG_AFTER) -> ReportedOutcomesReport:
    return reported_outcomes(engine, by, CohortFilter(), today=today)


def line(report: ReportedOutcomesReport, code: str = HEAVY) -> OutcomeRow:
    return next(row for row in report.rows if row.code == code)


def test_the_last_answer_before_and_the_last_from_the_visit_on_are_compared(
    engine: Engine, given: Given
) -> None:
    by = given(FOUR_TREATED)
    answered(
        engine,
        ("A", -10, 9), ("A", 0, 8),  # the day of the first session is before it
        ("A", 35, 1), ("A", 71, 1),  # too early after the last session on day 30
        ("A", 72, 4), ("A", 200, 2),
        ("B", -364, 5), ("B", 42, 5),
        ("C", -365, 3), ("C", 60, 0),  # asked too long before
        ("D", 0, 1),
    )  # fmt: skip
    row = line(asked(engine, by))
    assert (row.eligible, row.before, row.after, row.pairs) == (4, 3, 3, 2)
    assert (row.median_before, row.median_after, row.median_change) == (6.5, 3.5, -3)
    assert row.quartiles == (-4.5, -1.5)
    assert (row.improved.numerator, row.improved.denominator) == (1, 2)
    assert (row.unchanged, row.worse) == (1, 0)
    assert row.completeness == pytest.approx(2 / 4)


def test_who_had_no_complaint_cannot_improve_but_can_get_worse(
    engine: Engine, given: Given
) -> None:
    by = given(FOUR_TREATED)
    answered(
        engine,
        ("A", 0, 0), ("A", 100, 0), ("B", 0, 0), ("B", 100, 3),
        ("C", 0, 4), ("C", 100, 7), ("D", 0, 4), ("D", 100, 3),
    )  # fmt: skip
    row = line(asked(engine, by))
    assert (row.improved.numerator, row.improved.denominator) == (1, 2)
    assert (row.unchanged, row.worse) == (1, 2)
    assert row.improved.unit == row.unit == "patients"


def test_an_item_nobody_was_asked_is_left_out_and_said(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    report = asked(engine, by)
    assert report.rows == ()
    items = len(catalogue().instrument_items)  # satisfaction apart, with the severity score
    assert [(str(e.reason), e.count) for e in report.excluded] == [
        ("questions that nobody was asked", items)
    ]
    assert report.satisfaction.estimate.value is None
    assert report.satisfaction.treated == 4


def test_the_severity_score_is_of_treated_legs_with_all_ten_items(
    engine: Engine, given: Given
) -> None:
    by = given(FOUR_TREATED)
    left, right = Laterality
    assessed(
        engine,
        ("A", left, 0, 11), ("A", left, 100, 6),
        ("A", right, 0, 8), ("A", right, 100, 8),  # not treated
        ("B", left, 0, None), ("B", left, 100, 4),
        ("D", right, 0, 0), ("D", right, 100, 2),
    )  # fmt: skip
    row = line(asked(engine, by), SEVERITY)
    assert (row.unit, row.eligible, row.before, row.after, row.pairs) == ("legs", 4, 2, 3, 2)
    assert (row.maximum, row.median_before, row.median_after) == (30, 5.5, 4)
    assert (row.improved.numerator, row.improved.denominator, row.worse) == (1, 1, 1)


def test_the_last_answer_on_satisfaction_counts(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    answered(
        engine, ("A", 5, 0), ("A", 60, 3), ("B", 60, 2), ("C", 60, 4), ("D", -1, 4),
        item="satisfaction",
    )  # fmt: skip
    found = asked(engine, by).satisfaction
    assert (found.estimate.numerator, found.estimate.denominator, found.treated) == (2, 3, 4)
    assert found.answers == {0: 0, 1: 0, 2: 1, 3: 1, 4: 1}


def test_who_was_treated_lately_is_waited_for(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    answered(engine, ("A", 0, 8), ("A", 80, 2), ("B", 0, 8), ("B", 50, 2))
    # The visit of B, C and D is over after day 70, that of A after day 100.
    report = asked(engine, by, DAY_0 + dt.timedelta(days=99))
    assert (report.patients, line(report).pairs) == (3, 1)
    assert next((str(e.reason), e.count) for e in report.excluded) == (
        "patients whose 6 to 8 week visit is not over", 1
    )  # fmt: skip
    assert asked(engine, by, DAY_0 + dt.timedelta(days=100)).patients == 4


def test_linked_patients_are_one_and_a_withdrawn_answer_none(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    with make.saving(engine) as db:
        clinic_id, a = _patient(db, "A")
        _, b = _patient(db, "B")
        make.a_patient_link(db, clinic_id, b, a)
    answered(engine, ("A", 0, 8), ("B", 100, 2))
    report = asked(engine, by)
    assert (report.patients, line(report).pairs) == (3, 1)
    with make.saving(engine) as db:
        make.a_reported_outcome(
            db, clinic_id, a, answered_on=day(150), score=Decimal(9), voided_at=make.NOW
        )
    assert line(asked(engine, by)).median_after == 2


def test_few_asked_twice_is_warned_of(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    answered(engine, ("A", 0, 8), ("A", 100, 2))
    assert "Fewer than 80 %" in str(asked(engine, by).warnings[0])
    answered(
        engine, ("B", 0, 8), ("B", 100, 2), ("C", 0, 8), ("C", 100, 2), ("D", 0, 8), ("D", 99, 2)
    )
    assert asked(engine, by).warnings == ()


def test_every_face_carries_the_same_numbers(engine: Engine, given: Given) -> None:
    by = given(FOUR_TREATED)
    answered(engine, ("A", 0, 8), ("A", 100, 2))
    answered(engine, ("A", 100, 4), item="satisfaction")
    report = asked(engine, by)
    whole = report.to_dict()
    flat = report.to_rows()
    assert whole["report"] == "reported_outcomes"
    assert [row["code"] for row in flat] == [HEAVY, "satisfaction"]
    assert whole["rows"][0]["improved"]["value"] == flat[0]["improved"] == 1.0
    assert whole["satisfaction"]["numerator"] == 1
    assert flat[0].keys() <= flat[1].keys()


def test_it_needs_the_right_to_read_rates(engine: Engine, given: Given) -> None:
    given(FOUR_TREATED)
    who = command_line_actor(engine)
    nobody = Actor(who.user_id, "ada", "Ada", (Grant(1, Role.ADMINISTRATOR),))
    with pytest.raises(PermissionDenied):
        asked(engine, nobody)

"""Are a standard session and a standard event entered within their targets, by key and by touch?"""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from benchmarks.entry_time import (
    JOURNEYS,
    LONGEST_RESPONSE,
    Journey,
    K,
    M,
    Person,
    known_patients,
    travel,
)
from registry.database import reading
from registry.schema import (
    AdverseEvent,
    FollowUp,
    Injection,
    Patient,
    TreatedSite,
    TreatmentSession,
)
from registry.vocabulary import FollowUpStatus
from tests.serving import Served

pytestmark = pytest.mark.browser

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


@pytest.fixture(scope="module")
def patients(served: Served) -> list[str]:
    return known_patients(served, TODAY)


@pytest.mark.parametrize("number", range(len(JOURNEYS)), ids=[j.name for j in JOURNEYS])
def test_a_journey_ends_saved_within_its_target(
    chromium: Browser, served: Served, patients: list[str], number: int
) -> None:
    journey, pseudonym = JOURNEYS[number], patients[number]
    effort = travel(chromium, served, journey, pseudonym)
    assert effort.seconds(LONGEST_RESPONSE) <= journey.most_seconds
    assert len(effort.fields) <= journey.most_fields
    assert effort.round_trips >= len(effort.waits) > 0
    assert (effort.clicks == 0) == ("keyboard" in journey.name)
    stored(served, journey, pseudonym)


def stored(served: Served, journey: Journey, pseudonym: str) -> None:
    """What the journey was to enter is in the database, and nothing twice."""
    with reading(served.engine) as db:
        patient = db.scalar(sa.select(Patient.id).where(Patient.pseudonym == pseudonym))
        if journey.path == "/event":
            event = db.scalars(
                sa.select(AdverseEvent).where(AdverseEvent.patient_id == patient)
            ).one()
            assert event.event_term_code == "telangiectatic_matting"
            assert event.treatment_session_id is not None
            return
        session = db.scalars(
            sa.select(TreatmentSession)
            .where(TreatmentSession.patient_id == patient)
            .order_by(TreatmentSession.treated_on.desc())
        ).first()
        assert session is not None
        assert session.course_id is not None
        sites = db.scalars(
            sa.select(TreatedSite.anatomy_code)
            .where(TreatedSite.treatment_session_id == session.id)
            .order_by(TreatedSite.anatomy_code)
        ).all()
        assert sites == ["calf_medial", "ssv", "thigh_lateral"]
        given = db.execute(
            sa.select(Injection.lot_id, Injection.liquid_ml).where(
                Injection.treatment_session_id == session.id
            )
        ).all()
        assert sorted(float(row.liquid_ml) for row in given if row.liquid_ml) == [0.5, 1.0, 1.5]
        assert len({row.lot_id for row in given}) == 2
        planned = db.scalars(
            sa.select(FollowUp).where(
                FollowUp.treatment_session_id == session.id,
                FollowUp.status == FollowUpStatus.PLANNED,
            )
        ).all()
        assert len(planned) == 4


def test_the_estimate_adds_operators_and_waits() -> None:
    person = Person.__new__(Person)
    person.begin()
    person.effort.keys, person.effort.thoughts, person.effort.waits = 10, 2, [0.5, 1.5]
    assert person.effort.own_seconds == pytest.approx(10 * K + 2 * M + 0.4)
    assert person.effort.seconds() == pytest.approx(person.effort.own_seconds + 2.0)
    assert person.effort.seconds(0.2) == pytest.approx(person.effort.own_seconds + 0.4)

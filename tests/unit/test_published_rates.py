"""Is a published rate compared only with what counts the same?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.benchmarks import Published, published_beside
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import ANY, BY_EVENT, complications
from registry.errors import PermissionDenied
from registry.vocabulary import Modality, Role, SclerosantForm, VesselClass
from tests.factories import (
    TODAY,
    a_clinic,
    a_follow_up,
    a_patient,
    a_session,
    a_site,
    an_event,
    an_injection,
    saving,
)

MANAGER = Actor(1, "mia", "Mia Doe", (Grant(1, Role.PRACTICE_MANAGER),))
LATER = TODAY + dt.timedelta(days=400)


def treat(
    engine: Engine,
    count: int,
    *,
    events: int = 0,
    term: str = "skin_necrosis",
    form: SclerosantForm | None = SclerosantForm.LIQUID,
    seen: int | None = None,
    **session: Any,
) -> None:
    with saving(engine) as db:
        for i in range(count):
            patient = a_patient(db, 1)
            session_id = a_session(db, 1, patient, **session)
            a_site(db, 1, patient, session_id, vessel_class=VesselClass.RETICULAR)
            if form is not None:
                an_injection(db, 1, session_id, form=form)
            if i < (count if seen is None else seen):
                a_follow_up(db, 1, patient, treatment_session_id=session_id)
            if i < events:
                an_event(
                    db,
                    1,
                    patient,
                    treatment_session_id=session_id,
                    event_term_code=term,
                    onset_on=TODAY,
                    reported_on=TODAY,
                )


@pytest.fixture
def engine_of_clinic(sqlite_engine: Engine) -> Engine:
    with saving(sqlite_engine) as db:
        a_clinic(db)
    return sqlite_engine


def beside(
    engine: Engine, *, event: str = ANY, by: str = BY_EVENT, **levels: tuple[str, ...]
) -> dict[str, Published]:
    cohort = CohortFilter(levels=levels)
    report = complications(engine, MANAGER, cohort, today=LATER, event=event, group_by=by)
    return {item.benchmark.code: item for item in published_beside(engine, MANAGER, report)}


def test_all_sessions_are_compared_with_the_pooled_rate(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 150, events=1)
    treat(engine_of_clinic, 150, events=1, form=SclerosantForm.FOAM)
    found = beside(engine_of_clinic)
    assert found["guex_any"].is_comparable
    assert found["guex_any"].row.code == "total"
    assert str(found["guex_any"].verdict) == "Compatible with the published rate."
    assert found["guex_any"].estimate.numerator == 49
    assert not found["guex_any_foam"].is_comparable
    assert "the form differs" in str(found["guex_any_foam"].verdict)
    assert "Guex" in found["guex_any"].citation


def test_each_form_is_compared_with_its_own_rate(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=12)
    treat(engine_of_clinic, 60, form=SclerosantForm.FOAM)
    found = beside(engine_of_clinic, by="form")
    assert found["guex_any_liquid"].row.code == "liquid"
    assert str(found["guex_any_liquid"].verdict) == "Higher than the published rate."
    assert found["guex_any_foam"].row.code == "foam"
    filtered = beside(engine_of_clinic, form=("foam",))
    assert filtered["guex_any_foam"].row.code == "total"
    assert "the selection of sessions differs" in str(filtered["guex_any"].verdict)


def test_a_narrower_selection_is_not_compared(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=2)
    found = beside(engine_of_clinic, vessel_class=("reticular",))
    assert "the selection of sessions differs" in str(found["guex_any"].verdict)
    assert beside(engine_of_clinic, clinic=("1",))["guex_any"].is_comparable


def test_another_way_of_treating_is_not_compared(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=2)
    treat(engine_of_clinic, 20, form=None, modality=Modality.ND_YAG_LASER)
    assert "the modality differs" in str(beside(engine_of_clinic)["guex_any"].verdict)


def test_window_and_unit_must_agree(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=2, term="visual_disturbance", form=SclerosantForm.FOAM)
    found = beside(engine_of_clinic, event="visual_disturbance")
    assert "the window differs" in str(found["guex_visual"].verdict)
    assert "the unit of analysis differs" in str(found["bradbury_visual"].verdict)


def test_an_incomplete_follow_up_allows_no_verdict(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 100, events=4, seen=80)
    verdict = str(beside(engine_of_clinic)["guex_any"].verdict)
    assert "more than 5 % of the sessions were not assessed" in verdict


def test_too_few_sessions_allow_no_verdict(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 9, events=1)
    assert "too few sessions" in str(beside(engine_of_clinic)["guex_any"].verdict)


def test_lower_than_published_says_that_missed_reports_look_the_same(
    engine_of_clinic: Engine,
) -> None:
    treat(engine_of_clinic, 900, form=SclerosantForm.FOAM)
    verdict = str(beside(engine_of_clinic, form=("foam",))["guex_any_foam"].verdict)
    assert verdict.startswith("Lower than the published rate. Events that were not reported look")


def test_an_outcome_without_a_published_rate_stands_alone(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 20, events=1)
    assert beside(engine_of_clinic, event="skin_necrosis", by="form") == {}


def test_nobody_compares_without_the_right_to_read_rates(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 20)
    report = complications(engine_of_clinic, MANAGER, CohortFilter(), today=LATER)
    administrator = Actor(2, "ann", "Ann Doe", (Grant(1, Role.ADMINISTRATOR),))
    with pytest.raises(PermissionDenied):
        published_beside(engine_of_clinic, administrator, report)

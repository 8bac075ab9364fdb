"""Is a published rate compared only with what counts the same?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis import benchmarks
from registry.analysis.benchmarks import Published, published_aside, published_beside
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import ANY, BY_EVENT, complications
from registry.catalogue import (
    Ascertainment,
    BenchmarkTopic,
    BenchmarkUse,
    UnitOfAnalysis,
    catalogue,
)
from registry.errors import PermissionDenied
from registry.vocabulary import Detection, Modality, Role, SclerosantForm, VesselClass
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
OPEN_QUESTION, LIST = "any_incident_open", "standard_6_8w"


def treat(
    engine: Engine,
    count: int,
    *,
    events: int = 0,
    term: str = "skin_necrosis",
    form: SclerosantForm | None = SclerosantForm.LIQUID,
    seen: int | None = None,
    detection: Detection | None = None,
    asked: str = OPEN_QUESTION,
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
                a_follow_up(db, 1, patient, treatment_session_id=session_id, checklist_code=asked)
            if i < events:
                an_event(
                    db,
                    1,
                    patient,
                    treatment_session_id=session_id,
                    event_term_code=term,
                    onset_on=TODAY,
                    detection=detection,
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


@pytest.mark.parametrize(("by_list", "is_comparable"), [(0, True), (5, True), (6, False)])
def test_what_was_asked_item_by_item_is_not_compared_with_what_doctors_noted(
    engine_of_clinic: Engine, by_list: int, is_comparable: bool
) -> None:
    treat(engine_of_clinic, 100 - by_list, events=20)
    treat(engine_of_clinic, by_list, asked=LIST)
    found = beside(engine_of_clinic)["guex_any"]
    assert found.is_comparable == is_comparable
    if not is_comparable:
        assert str(found.verdict) == (
            "Not compared with the published rate: the way in which events came to light (asked "
            "item by item here, noted without a list there) differs."
        )


def test_another_way_of_treating_is_not_compared(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=2)
    treat(engine_of_clinic, 20, form=None, modality=Modality.ND_YAG_LASER)
    assert "the modality differs" in str(beside(engine_of_clinic)["guex_any"].verdict)


def test_window_and_unit_must_agree(engine_of_clinic: Engine) -> None:
    treat(engine_of_clinic, 60, events=2, term="visual_disturbance", form=SclerosantForm.FOAM)
    found = beside(engine_of_clinic, event="visual_disturbance")
    assert "the window differs" in str(found["guex_visual"].verdict)
    assert "the unit of analysis differs" in str(found["bradbury_visual"].verdict)


def test_what_only_a_scan_found_is_left_out_where_the_paper_scanned_nobody(
    engine_of_clinic: Engine,
) -> None:
    treat(engine_of_clinic, 60, events=2)
    treat(engine_of_clinic, 60, events=3, term="dvt_distal", detection=Detection.PLANNED_DUPLEX)
    found = beside(engine_of_clinic)["guex_any"]
    assert found.is_comparable
    assert (found.row.events, found.row.mature) == (2, 120)
    assert str(found.row.label) == "All sessions, without what only a planned scan found"


@pytest.mark.parametrize("screened", [False, True])
def test_each_thing_that_differs_is_given_as_the_reason(
    engine_of_clinic: Engine, monkeypatch: pytest.MonkeyPatch, screened: bool
) -> None:
    detection = Detection.PLANNED_DUPLEX if screened else Detection.SYMPTOM
    treat(engine_of_clinic, 60, events=6, term="dvt_distal", detection=detection)
    report = complications(engine_of_clinic, MANAGER, CohortFilter(), today=LATER)
    published = catalogue().benchmarks["guex_any"]

    def verdict(**changes: Any) -> str:
        changed = replace(catalogue(), benchmarks={"one": replace(published, **changes)})
        with monkeypatch.context() as patch:
            patch.setattr(benchmarks, "catalogue", lambda: changed)
            (found,) = published_beside(engine_of_clinic, MANAGER, report)
        return str(found.verdict)

    for changes, differs in (
        ({"unit": UnitOfAnalysis.PATIENT}, "unit of analysis"),
        ({"unit": UnitOfAnalysis.PROCEDURE}, "unit of analysis"),
        ({"window_days": 14}, "window"),
        ({"window_days": None}, "window"),
        ({"ascertainment": Ascertainment.SCREENED}, "way in which events came to light"),
        ({"composite": None}, "definition"),
        ({"sclerosant_code": "glycerin"}, "sclerosant"),
        ({"form": SclerosantForm.FOAM}, "form"),
        ({"modality": Modality.ND_YAG_LASER}, "modality"),
    ):
        expected = f"Not compared with the published rate: the {differs} differs."
        assert verdict(**changes) == expected, changes
    assert verdict(use=BenchmarkUse.DISPLAY_ONLY).startswith("Shown only: Per session")
    unsaid = verdict(ascertainment=None)
    assert unsaid.endswith("came to light differs.") == screened
    assert verdict().endswith("the published rate.")


def test_what_no_outcome_of_ours_counts_alike_is_shown_with_all_complications_only(
    engine_of_clinic: Engine,
) -> None:
    treat(engine_of_clinic, 20, events=1)
    assert "the definition differs" in str(beside(engine_of_clinic)["vqi_late"].verdict)
    assert "vqi_late" not in beside(engine_of_clinic, by="form")


def test_what_lasts_is_shown_with_the_reason_why_it_is_not_compared() -> None:
    found = {
        item.benchmark.code: item
        for item in published_aside(MANAGER, BenchmarkTopic.EFFICACY, BenchmarkTopic.RECURRENCE)
    }
    assert {"ouvry_foam", "frosinone_new"} <= found.keys()
    assert "guex_any" not in found
    assert str(found["ouvry_foam"].reason) == (
        "Not compared: it counts patients, this page treated sites; and what is counted there is "
        "“complete elimination of reflux by duplex at 3 weeks”."
    )


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

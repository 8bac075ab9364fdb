"""What each complication rate counts, as tables that a clinician can check by hand."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.results import Basis, RateReport, RateRow
from registry.analysis.wording import rate_sentence
from registry.errors import NotFound, PermissionDenied
from registry.schema import Patient, TreatmentSession
from registry.vocabulary import Role
from tests import factories as make
from tests.spec.conftest import Given, day

LONG_AFTER = dt.date(2026, 6, 1)
EVERYTHING = CohortFilter()


def counts(report: RateReport) -> dict[str, tuple[int, int]]:
    return {row.code: (row.events, row.mature) for row in report.rows}


def row(report: RateReport, code: str) -> RateRow:
    return next(row for row in report.rows if row.code == code)


def test_sessions_are_counted_not_events(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events                             | asked
        A       | 0   | skin_necrosis@5 infection@9        | 60:standard_6_8w
        B       | 0   |                                    | 60:standard_6_8w
        C       | 0   | skin_necrosis@30                   | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.total.events, report.total.mature) == (1 + 0 + 1, 3)
    assert counts(report) == {"skin_necrosis": (2, 3), "infection": (1, 3)}


def test_an_event_outside_its_window_or_unrelated_is_listed_not_counted(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events                      | asked
        A       | 0   | skin_necrosis@31            | 60:standard_6_8w
        B       | 0   | skin_necrosis@5!unrelated   | 60:standard_6_8w
        C       | 0   | visual_disturbance@2        | 60:standard_6_8w
        D       | 0   | visual_disturbance@1        | 60:standard_6_8w
        E       | 0   | infection@3!loose           | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.total.events, report.total.mature) == (1, 5)
    assert sorted(item.count for item in report.excluded) == [1, 1, 2]


@pytest.mark.parametrize(("age", "mature"), [(69, 0), (70, 1)])
def test_thirty_day_events_need_sessions_seventy_days_old(
    engine: Engine, given: Given, age: int, mature: int
) -> None:
    by = given("""
        patient | day | events          | asked
        A       | 0   | skin_necrosis@5 | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=day(age))
    assert (report.total.mature, report.total.sessions) == (mature, 1)
    assert report.total.events == mature


@pytest.mark.parametrize(("age", "mature"), [(227, 0), (228, 1)])
def test_pigmentation_needs_sessions_228_days_old_and_is_no_30_day_complication(
    engine: Engine, given: Given, age: int, mature: int
) -> None:
    by = given("""
        patient | day | events                | asked
        A       | 0   | hyperpigmentation@170 | 200:standard_26w
    """)
    late = complications(engine, by, EVERYTHING, today=day(age), event="hyperpigmentation")
    assert (late.total.events, late.total.mature) == (mature, mature)
    assert complications(engine, by, EVERYTHING, today=day(age)).total.events == 0


def test_blank_is_not_no(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events          | asked
        A       | 0   | skin_necrosis@5 |
        B       | 0   |                 | 60:standard_6_8w
        C       | 0   |                 | 60:standard_6_8w-skin_necrosis
        D       | 0   |                 | 29:standard_6_8w
        E       | 0   |                 | 60:
        F       | 0   |                 |
    """)
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert (total.events, total.assessed, total.mature) == (1, 1 + 1, 6)
    assert (total.best, total.worst) == (1 / 6, (1 + 4) / 6)
    assert total.basis is Basis.KAPLAN_MEIER
    assert "1 of 6 sessions; assessed: 2." in rate_sentence(total)


def test_below_95_percent_assessed_the_headline_is_kaplan_meier(
    engine: Engine, given: Given
) -> None:
    sessions = ["patient | day | events | asked"]
    sessions += [f"lost{i} | 0 | |" for i in range(10)]
    sessions += [f"well{i} | 0 | | 60:standard_6_8w" for i in range(9)]
    sessions += ["ill | 0 | skin_necrosis@5 |"]
    by = given("\n".join(sessions))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert total.basis is Basis.KAPLAN_MEIER
    # Ten of twenty are observed beyond day 0; one of those ten has the event on day 5.
    assert total.estimate.value == pytest.approx(1 / 10, abs=1e-12)
    assert (total.best, total.worst) == (1 / 20, 11 / 20)


def test_one_in_twenty_lost_still_gives_a_plain_proportion(engine: Engine, given: Given) -> None:
    sessions = ["patient | day | events | asked", "lost | 0 | |"]
    sessions += [f"well{i} | 0 | | 60:standard_6_8w" for i in range(18)]
    sessions += ["ill | 0 | skin_necrosis@5 |"]
    by = given("\n".join(sessions))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert total.basis is Basis.PROPORTION
    assert (total.events, total.assessed, total.mature) == (1, 19, 20)
    assert total.estimate.value == 1 / 20


def test_zero_events_get_an_upper_bound_and_no_sessions_a_dash(
    engine: Engine, given: Given
) -> None:
    sessions = ["patient | day | events | asked"]
    sessions += [f"P{i} | 0 | | 60:standard_6_8w" for i in range(20)]
    by = given("\n".join(sessions))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert total.estimate.interval.upper == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-12)
    assert total.estimate.interval.one_sided
    assert "0 of 20 sessions. A true rate up to 13.9" in rate_sentence(total)
    nobody = complications(engine, by, CohortFilter(start=day(1)), today=LONG_AFTER).total
    assert nobody.estimate.value is None
    assert rate_sentence(nobody) == "No sessions: a rate is not defined."


def test_sessions_with_liquid_and_foam_are_a_group_of_their_own(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | form        | events              | asked
        A       | 0   | liquid      | skin_necrosis@5     | 60:standard_6_8w
        B       | 0   | liquid      |                     | 60:standard_6_8w
        C       | 0   | foam        | dvt_distal@9        | 60:standard_6_8w
        D       | 0   | liquid+foam |                     | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="form")
    assert counts(report) == {"liquid": (1 + 0, 2), "foam": (1, 1), "mixed": (0, 1)}
    assert [r.code for r in report.rows][-1] == "mixed"


def test_repeated_sessions_of_one_patient_widen_the_interval(engine: Engine, given: Given) -> None:
    sessions = ["patient | day | events | asked"]
    for i in range(30):
        event = "infection@3" if i < 6 else ""
        asked = "200:standard_6_8w"
        sessions += [f"P{i} | {d} | {event} | {asked}" for d in (0, 50, 100)]
    by = given("\n".join(sessions))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert (total.events, total.mature, total.patients) == (18, 90, 30)
    # All sessions of a patient agree, so 90 sessions say as much as 30 patients: m/(m-1) * 3.
    assert total.design_effect == pytest.approx(3 * 30 / 29, abs=1e-9)
    assert total.estimate.interval.method == "wilson_effective_n"
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER)
    assert (report.per_patient.events, report.per_patient.mature) == (6, 30)
    assert (report.first_session.events, report.first_session.mature) == (6, 30)
    assert report.per_patient.sessions_each == 3.0


def test_the_filter_keeps_both_end_days(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events | asked
        A       | 0   |        | 60:standard_6_8w
        B       | 10  |        | 60:standard_6_8w
        C       | 20  |        | 60:standard_6_8w
    """)
    kept = CohortFilter(start=day(0), end=day(10))
    assert complications(engine, by, kept, today=LONG_AFTER).total.mature == 2


def test_serious_events_are_listed_however_few_and_whatever_the_window(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events                                    | asked
        A       | 0   | infection@40!serious pulmonary_embolism@3 |
        B       | 0   | infection@2                               |
    """)
    report = complications(engine, by, EVERYTHING, today=day(10))
    assert {str(label): count for label, count in report.serious} == {
        "Local infection or cellulitis": 1,
        "Pulmonary embolism": 1,
    }


def test_other_clinicians_are_numbered_and_the_readers_own_row_is_named(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | clinician | events          | asked
        A       | 0   | 2         | skin_necrosis@5 | 60:standard_6_8w
        B       | 0   | 1         |                 | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="clinician")
    assert [str(r.label) for r in report.rows] == ["Clinician 1", "Clinician 2"]


def test_screened_events_are_told_apart(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events              | asked
        A       | 0   | dvt_distal@9!duplex | 60:standard_6_8w
        B       | 0   | dvt_distal@9        | 60:standard_6_8w
    """)
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert (total.events, total.screened) == (2, 1)


def test_an_unknown_event_or_grouping_is_named(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events | asked
        A       | 0   |        |
    """)
    with pytest.raises(NotFound, match="nonsense"):
        complications(engine, by, EVERYTHING, today=LONG_AFTER, event="nonsense")
    with pytest.raises(NotFound, match="nonsense"):
        complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="nonsense")


def test_rates_are_denied_without_a_grant_and_scoped_with_one(engine: Engine, given: Given) -> None:
    given("""
        patient | day | events          | asked
        A       | 0   | skin_necrosis@5 | 60:standard_6_8w
    """)
    stranger = Actor(99, "eve", "Eve", ())
    with pytest.raises(PermissionDenied):
        complications(engine, stranger, EVERYTHING, today=LONG_AFTER)
    elsewhere = Actor(99, "eve", "Eve", (Grant(7, Role.PRACTICE_MANAGER),))
    assert complications(engine, elsewhere, EVERYTHING, today=LONG_AFTER).total.sessions == 0


def test_a_save_is_in_the_next_answer(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events | asked
        A       | 0   |        |
    """)
    assert complications(engine, by, EVERYTHING, today=LONG_AFTER).total.sessions == 1
    with make.saving(engine) as db:
        patient = make.a_patient(db, 1)
        make.a_session(db, 1, patient, treated_on=day(0))
    assert complications(engine, by, EVERYTHING, today=LONG_AFTER).total.sessions == 2


def test_present_without_an_event_is_not_looked_for_and_absent(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events | asked
        A       | 0   |        | 60:standard_6_8w
        B       | 0   |        |
    """)
    with make.saving(engine) as db:
        patient = db.scalars(sa.select(Patient.id).where(Patient.pseudonym == "B")).one()
        visit = make.a_follow_up(db, 1, patient, seen_on=day(60))
        make.a_finding(db, 1, visit, event_term_code="skin_necrosis")
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER).total
    assert (total.events, total.assessed, total.mature) == (0, 1, 2)


def test_any_complication_names_what_it_leaves_out(engine: Engine, given: Given) -> None:
    by = given("patient | day\nA | 0")
    told = str(complications(engine, by, EVERYTHING, today=LONG_AFTER).heading.definition)
    left, apart = told.split("Left out: ")[1].split("Counted only by themselves")
    for label in ("Bruise or haematoma", "Itch", "Medication error, wrong strength or overdose"):
        assert label in left
    assert "Hyperpigmentation; Telangiectatic matting" in apart
    one = complications(engine, by, EVERYTHING, today=LONG_AFTER, event="infection")
    assert "Left out" not in str(one.heading.definition)


def test_serious_events_of_no_session_are_listed_too(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events         | asked
        A       | 0   | stroke@3!loose | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, event="skin_necrosis")
    assert [(str(label), n) for label, n in report.serious] == [
        ("Stroke, attributed to no session", 1)
    ]


def test_a_part_that_was_not_recorded_makes_the_whole_not_recorded(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | site     | asked
        A       | 0   | left/ssv | 60:standard_6_8w
    """)
    with make.saving(engine) as db:
        session = db.execute(sa.select(TreatmentSession.id, TreatmentSession.patient_id)).one()
        make.a_site(db, 1, session.patient_id, session.id, anatomy_code="aasv", vessel_class=None)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="vessel_class")
    assert [r.code for r in report.rows] == ["not_recorded"]

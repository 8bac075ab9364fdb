"""The same events counted in sessions, patients and legs, by every dimension, and by detection."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.facts import facts_of
from registry.analysis.results import Basis, RateReport
from registry.analysis.wording import rate, rate_sentence
from registry.errors import NotFound
from registry.schema import TreatmentSession
from tests import factories as make
from tests.spec.conftest import Given, day

LONG_AFTER = dt.date(2026, 6, 1)
EVERYTHING = CohortFilter()


def counts(report: RateReport) -> tuple[int, int, int]:
    return report.total.events, report.total.mature, report.total.assessed


def test_a_patient_has_it_if_any_session_was_followed_by_it(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | events          | asked
        A       | 0   | skin_necrosis@5 | 60:standard_6_8w
        A       | 100 |                 | 160:standard_6_8w
        A       | 200 | skin_necrosis@2 |
        B       | 0   |                 | 60:standard_6_8w
        C       | 0   |                 | 60:standard_6_8w
        C       | 100 |                 |
    """)
    sessions = complications(engine, by, EVERYTHING, today=LONG_AFTER)
    patients = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="patients")
    assert counts(sessions) == (2, 6, 5)
    # C was asked after the first session only, so whether the second did harm is not known.
    assert counts(patients) == (1, 3, 2)
    assert (patients.total.best, patients.total.worst) == (1 / 3, 2 / 3)
    assert patients.total.sessions_each == 2.0
    assert patients.heading.unit == "patients"


def test_where_too_many_were_not_asked_patients_have_a_range_and_no_rate(
    engine: Engine, given: Given
) -> None:
    rows = ["patient | day | events | asked", "ill | 0 | infection@3 |"]
    rows += [f"well{i} | 0 | | 60:standard_6_8w" for i in range(9)]
    rows += [f"lost{i} | 0 | |" for i in range(2)]
    by = given("\n".join(rows))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="patients").total
    assert total.basis is Basis.BOUNDS
    assert total.estimate.value is None
    assert rate(total).replace("\N{NARROW NO-BREAK SPACE}", " ") == "8.3–25.0 %"
    assert "1 of 12 patients had it and 10 were assessed" in rate_sentence(total)


def test_an_event_belongs_to_its_leg_or_to_the_only_one_treated(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | site               | events                | asked
        A       | 0   | left/ssv           | skin_necrosis@5       | 60:standard_6_8w
        B       | 0   | left/ssv+right/ssv | skin_necrosis@5!right | 60:standard_6_8w
        C       | 0   | right/ssv          |                       | 60:standard_6_8w
        C       | 100 | right/aasv         |                       | 160:standard_6_8w
    """)
    legs = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="legs")
    # A left; B left and right; C right, treated twice.
    assert counts(legs) == (2, 4, 4)
    assert legs.total.patients == 3


def test_an_event_that_names_neither_of_two_legs_leaves_both_unknown(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | site               | events          | asked
        A       | 0   | left/ssv+right/ssv | skin_necrosis@5 | 60:standard_6_8w
        B       | 0   | left/ssv+right/ssv |                 | 60:standard_6_8w
        C       | 0   |                    | skin_necrosis@5 | 60:standard_6_8w
    """)
    legs = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="legs")
    assert counts(legs) == (0, 4, 2)
    assert (legs.total.best, legs.total.worst) == (0.0, 0.5)
    left_out = {str(item.reason): item.count for item in legs.excluded}
    assert left_out["sessions in which no leg is recorded"] == 1
    assert left_out["events of sessions without one leg that they could belong to"] == 2
    assert complications(engine, by, EVERYTHING, today=LONG_AFTER).total.events == 2


def test_a_leg_whose_other_leg_had_the_event_was_not_asked_by_that(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | site               | events                | asked
        A       | 0   | left/ssv+right/ssv | skin_necrosis@5!right |
    """)
    legs = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="legs")
    assert counts(legs) == (1, 2, 1)


def test_a_patient_treated_in_two_groups_counts_in_both_and_once_in_all(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | form   | events          | asked
        A       | 0   | liquid | skin_necrosis@5 | 60:standard_6_8w
        A       | 100 | foam   |                 | 160:standard_6_8w
        B       | 0   | foam   |                 | 60:standard_6_8w
    """)
    report = complications(
        engine, by, EVERYTHING, today=LONG_AFTER, group_by="form", unit="patients"
    )
    assert {row.code: (row.events, row.mature) for row in report.rows} == {
        "liquid": (1, 1),
        "foam": (0, 2),
    }
    assert (report.total.events, report.total.mature) == (1, 2)
    assert "do not add up" in " ".join(map(str, report.warnings))


def test_legs_of_one_patient_widen_the_interval(engine: Engine, given: Given) -> None:
    rows = ["patient | day | site | events | asked"]
    for i in range(40):
        harm = "infection@3!left infection@3!right" if i < 12 else ""
        rows.append(f"P{i} | 0 | left/ssv+right/ssv | {harm} | 60:standard_6_8w")
    by = given("\n".join(rows))
    total = complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="legs").total
    assert (total.events, total.mature, total.patients) == (24, 80, 40)
    # Both legs of a patient always agree, so 80 legs say as much as 40 patients.
    assert total.design_effect == pytest.approx(2 * 40 / 39, abs=1e-9)


def test_an_unknown_unit_is_refused(engine: Engine, given: Given) -> None:
    by = given("patient | day\nA | 0")
    with pytest.raises(NotFound, match="sessions, patients, legs"):
        complications(engine, by, EVERYTHING, today=LONG_AFTER, unit="veins")


def test_screened_thrombosis_stands_beside_what_came_to_light_otherwise(
    engine: Engine, given: Given
) -> None:
    by = given("""
        patient | day | events                         | asked
        A       | 0   | dvt_distal@9!duplex            | 60:standard_6_8w
        B       | 0   | dvt_distal@9                   | 60:standard_6_8w
        C       | 0   | dvt_distal@9!duplex dvt_distal@20 | 60:standard_6_8w
        D       | 0   |                                | 60:standard_6_8w
        E       | 0   | dvt_distal@9!duplex            |
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, event="dvt_distal")
    found = {row.code: (row.events, row.mature, row.assessed) for row in report.by_detection}
    # C was noticed as well as seen on a scan, so it is no finding of screening alone.
    assert found == {"otherwise": (2, 5, 5), "screened": (2, 5, 5)}
    assert report.total.events == 4
    other = complications(engine, by, EVERYTHING, today=LONG_AFTER, event="skin_necrosis")
    assert other.by_detection == ()


def test_scans_within_the_window_are_counted_beside_screening(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | site     | looked      | asked
        A       | 0   | left/ssv | 7:cleared   | 60:standard_6_8w
        B       | 0   | left/ssv | 31:cleared  | 60:standard_6_8w
        C       | 0   | left/ssv |             | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, event="dvt_distal")
    assert report.scanned == 1


@pytest.mark.parametrize(
    ("mm", "band"),
    [
        ("0.9", "below_1_mm"),
        ("1", "from_1_mm"),
        ("2.9", "from_1_mm"),
        ("3", "from_3_mm"),
        ("6", "from_3_mm"),
        ("6.1", "above_6_mm"),
        ("0.5+0.8", "below_1_mm"),
        ("0.5+2", "mixed"),
    ],
)
def test_sessions_are_grouped_by_the_calibre_of_their_veins(
    engine: Engine, given: Given, mm: str, band: str
) -> None:
    by = given(f"""
        patient | day | site                        | mm   | asked
        A       | 0   | left/ssv+right/calf_medial  | {mm} | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="calibre")
    assert [row.code for row in report.rows] == [band]


@pytest.mark.parametrize(
    ("vessel_class", "band"),
    [
        ("telangiectasia", "below_1_mm"),
        ("reticular", "from_1_mm"),
        ("varicose", "not_recorded"),
        ("truncal", "not_recorded"),
    ],
)
def test_without_a_diameter_the_class_says_the_calibre_where_it_can(
    engine: Engine, given: Given, vessel_class: str, band: str
) -> None:
    by = given(f"""
        patient | day | site     | class          | asked
        A       | 0   | left/ssv | {vessel_class} | 60:standard_6_8w
    """)
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="calibre")
    assert [row.code for row in report.rows] == [band]


def test_sessions_are_grouped_by_region_quarter_and_year(engine: Engine, given: Given) -> None:
    by = given("""
        patient | day | site                       | asked
        A       | 0   | left/ssv                   | 60:standard_6_8w
        B       | 89  | left/ssv+right/ssv         | 150:standard_6_8w
        C       | 90  | left/ssv+right/calf_medial | 150:standard_6_8w
        D       | 365 |                            |
    """)

    def codes(dimension: str) -> list[tuple[str, str, int]]:
        report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by=dimension)
        return [(row.code, str(row.label), row.mature) for row in report.rows]

    assert codes("site") == [
        ("ssv", "Small saphenous vein", 2),
        ("mixed", "Several regions or veins", 1),
        ("not_recorded", "Not recorded", 1),
    ]
    assert codes("quarter") == [
        ("2025-Q1", "Quarter 1 of 2025", 2),
        ("2025-Q2", "Quarter 2 of 2025", 1),
        ("2026-Q1", "Quarter 1 of 2026", 1),
    ]
    assert [(code, n) for code, _, n in codes("year")] == [("2025", 3), ("2026", 1)]


def test_a_payer_keeps_its_name_out_of_the_address(engine: Engine, given: Given) -> None:
    by = given("patient | day\nA | 0\nB | 0\nC | 0")
    with make.saving(engine) as db:
        for (session, patient), payer in zip(
            db.execute(sa.select(TreatmentSession.id, TreatmentSession.patient_id)).all(),
            ("Miss O'Hara, private", " miss  o'hara, PRIVATE", None),
            strict=True,
        ):
            course = make.a_course(db, 1, patient, payer=payer)
            db.execute(
                sa.update(TreatmentSession)
                .where(TreatmentSession.id == session)
                .values(course_id=course)
            )
    report = complications(engine, by, EVERYTHING, today=LONG_AFTER, group_by="payer")
    payer, blank = report.rows
    assert (payer.sessions, blank.code) == (2, "not_recorded")
    assert str(payer.label).casefold() == "miss o'hara, private"
    assert "hara" not in payer.code
    chosen = CohortFilter(levels={"payer": (payer.code,)})
    again, ignored = CohortFilter.from_query(chosen.to_query(), facts_of(engine))
    assert (again, ignored) == (chosen, ())
    assert complications(engine, by, again, today=LONG_AFTER).total.sessions == 2


def test_the_groups_of_every_dimension_hold_every_session_once(
    engine: Engine, given: Given
) -> None:
    from registry.analysis.dimensions import DIMENSIONS

    by = given("""
        patient | day | site     | form        | clinician | asked
        A       | 0   | left/ssv | liquid      | 1         | 60:standard_6_8w
        B       | 40  |          | liquid+foam | 2         |
        C       | 80  | left/ssv | foam        |           |
    """)
    for dimension in DIMENSIONS:
        report = complications(engine, by, EVERYTHING, today=day(600), group_by=dimension)
        assert sum(row.sessions for row in report.rows) == 3, dimension

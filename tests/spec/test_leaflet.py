"""What the leaflet may tell: the clinic's own numbers by its rules, and published ones apart.

The clinic below injected 120 patients once. Six had a sore vein, two a clot, and all but six were
asked after eight weeks; sight was not asked of fourteen of these, and six had trouble with it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor
from registry.analysis.cohort import CohortFilter
from registry.analysis.leaflet import (
    LeafletItem,
    LeafletReport,
    Seen,
    Signs,
    eight_quarters,
    leaflet,
)
from registry.analysis.sharing import NotShareable
from registry.operations.migration import command_line_actor
from registry.schema import Patient, TreatmentSession
from tests import factories as make
from tests.spec.conftest import Given, day

TODAY = dt.date(2026, 6, 1)
OWN = CohortFilter(levels={"clinic": ("1",)})
ASKED = "60:standard_6_8w"


def patients() -> str:
    rows = ["patient | day | events | asked"]
    for i in range(120):
        event, asked = "", ASKED
        if i < 6:
            event = "superficial_thrombophlebitis@5"
        elif i < 8:
            event = "dvt_distal@9"
        elif i < 14:
            event = "visual_disturbance@0"
        elif i < 28:
            asked = f"{ASKED}-visual_disturbance"
        elif i >= 114:
            asked = ""
        rows.append(f"P{i} | {1 if i else 0} | {event} | {asked}")
    return "\n".join(rows)


@pytest.fixture
def by(given: Given) -> Actor:
    return given(patients())


def by_code(report: LeafletReport) -> dict[str, LeafletItem]:
    return {item.code: item for item in report.items}


def test_every_number_by_hand(engine: Engine, by: Actor) -> None:
    report = leaflet(engine, by, OWN, today=TODAY)
    assert (report.patients, report.of, report.treatments_each) == (120, 1000, 1)
    assert (report.start, report.end) == (dt.date(2023, 10, 1), dt.date(2025, 9, 30))
    item = by_code(report)
    # 6 of 120 are 50 of 1,000; Wilson 0.0231 to 0.1048. 114 of 120 assessed are 95 %.
    sore = item["sore_vein"]
    assert (sore.seen, sore.followed_up) == (Seen.COUNTED, 95)
    assert sore.signs == Signs(had=50, unknown=0, least=23, most=105)
    # Twenty more are not known: 26 of 120 are 217 of 1,000, and Wilson's upper limit of it 0.2985.
    sight = item["sight_and_nerves"]
    assert (sight.seen, sight.followed_up) == (Seen.COUNTED, 83)
    assert sight.signs == Signs(had=50, unknown=167, least=23, most=299)
    # None of 120: 1 - 0.05 ** (1 / 120) is 0.0247.
    assert (item["allergy"].seen, item["allergy"].at_most) == (Seen.NONE, 25)
    assert (item["brown_marks"].seen, item["brown_marks"].followed_up) == (Seen.NOT_FOLLOWED_UP, 0)
    # Published numbers stand where there is no own one, and only there.
    assert not any(entry.signs and entry.published for entry in report.items)
    clot, marks, rash = (item[code].published for code in ("deep_clot", "brown_marks", "allergy"))
    # 4 of 977 patients are 4.09 of 1,000; exact limits 0.0011 to 0.0104.
    assert clot is not None
    assert (clot.signs, clot.patients, clot.window_days) == (Signs(4, 0, 1, 11), 977, 30)
    assert clot.citation.startswith("Bradbury")
    # "Frequent": 1 to below 10 %.
    assert marks is not None
    assert (marks.signs, marks.patients, marks.window_days) == (Signs(10, 90), None, None)
    assert rash is not None
    assert rash.signs.is_below_one
    # On another day of the same quarter nothing has changed, so no patient stands out.
    first, last = dt.date(2026, 5, 16), dt.date(2026, 8, 15)
    assert eight_quarters(first) == eight_quarters(last) == (report.start, report.end)
    assert eight_quarters(last + dt.timedelta(days=1))[1] == dt.date(2025, 12, 31)
    assert leaflet(engine, by, OWN, today=last).items == report.items


def test_one_to_four_patients_cannot_be_told_apart(engine: Engine, by: Actor) -> None:
    two = leaflet(engine, by, OWN, today=TODAY)
    assert by_code(two)["deep_clot"].seen is Seen.FEWER
    with make.saving(engine) as db:
        for session, patient in db.execute(
            sa.select(TreatmentSession.id, TreatmentSession.patient_id)
            .join(Patient, Patient.id == TreatmentSession.patient_id)
            .where(Patient.pseudonym.in_(["P50", "P51"]))
        ).all():
            make.an_event(
                db,
                1,
                patient,
                treatment_session_id=session,
                event_term_code="dvt_distal",
                onset_on=day(5),
                reported_on=day(5),
            )
    four = leaflet(engine, by, OWN, today=TODAY)
    assert four.heading.seal > two.heading.seal
    assert (four.items, four.to_rows()) == (two.items, two.to_rows())


def test_a_clinic_that_asks_for_more_tells_less(engine: Engine, by: Actor) -> None:
    with make.saving(engine) as db:
        make.a_setting(
            db,
            1,
            code="follow_up_completeness_percent",
            value=Decimal(90),
            valid_from=dt.date(2026, 1, 1),
        )
    item = by_code(leaflet(engine, by, OWN, today=TODAY))
    assert item["sore_vein"].seen is Seen.COUNTED
    assert item["sight_and_nerves"].seen is Seen.NOT_FOLLOWED_UP
    # 97 of 10,819 patients; the review does not say over what time.
    published = item["sight_and_nerves"].published
    assert published is not None
    assert (published.signs, published.window_days) == (Signs(9, 0, 7, 11), None)


def test_few_patients_and_several_clinics_are_told_published_numbers_only(
    engine: Engine, given: Given
) -> None:
    by = given("\n".join(patients().splitlines()[:100]))
    few = leaflet(engine, by, OWN, today=TODAY)
    assert (few.patients, few.treatments_each) == (99, None)
    assert {item.seen for item in few.items} == {Seen.WITHHELD}
    assert "fewer than 100 patients" in str(few.warnings[0])
    with make.saving(engine) as db:
        make.a_clinic(db, code="second")
    several = leaflet(engine, command_line_actor(engine), CohortFilter(), today=TODAY)
    assert (several.clinic, several.patients) == ("", None)
    assert {item.seen for item in several.items} == {Seen.WITHHELD}
    assert "several are chosen" in str(several.warnings[0])


@pytest.mark.parametrize(
    "asked",
    [
        CohortFilter(start=dt.date(2025, 1, 1)),
        CohortFilter(end=dt.date(2025, 1, 1)),
        CohortFilter(levels={"form": ("foam",)}),
    ],
)
def test_no_filter_can_be_subtracted_from_another(
    engine: Engine, given: Given, asked: CohortFilter
) -> None:
    by = given("patient | day\nA | 0")
    with pytest.raises(NotShareable, match="subtracted"):
        leaflet(engine, by, asked, today=TODAY)

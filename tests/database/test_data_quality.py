"""Is what is lacking counted as lacking, and is a report that rests on too little marked?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import colophon
from registry.analysis.completeness import is_mark, why_incomplete
from registry.analysis.complications import complications
from registry.analysis.data_quality import DataQualityReport, Part, QualityRow, data_quality
from registry.analysis.overview import overview
from registry.analysis.recurrence import recurrence
from registry.database import DbSession
from registry.errors import PermissionDenied
from registry.vocabulary import (
    Detection,
    Indication,
    Modality,
    Role,
    SclerosantForm,
    SessionIntent,
    SkinType,
)
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_course,
    a_finding,
    a_follow_up,
    a_lot,
    a_patient,
    a_session,
    a_setting,
    a_site,
    a_user,
    an_event,
    an_import_batch,
    an_injection,
    an_outcome,
    saving,
)

DAY = dt.timedelta(days=1)
LONG_AGO = TODAY - 500 * DAY


class World:
    """A clinic in which somebody reads figures."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            user = a_user(db)
        self.by = Actor(user, "ada", "Ada Doe", (Grant(self.clinic, Role.PRACTICE_MANAGER),))

    def treat(
        self, db: DbSession, *, on: dt.date = LONG_AGO, full: bool = True, **values: Any
    ) -> tuple[UUID, UUID]:
        """A patient and a session; ``full`` with every field that figures rest on."""
        patient = a_patient(db, self.clinic, skin_type=SkinType.II if full else None)
        course = a_course(
            db, self.clinic, patient, indication=Indication.COSMETIC if full else None
        )
        values = {
            "treated_on": on,
            "course_id": course,
            "recorded_at": dt.datetime.combine(on, dt.time(12), dt.UTC),
            "intent": SessionIntent.PLANNED_STAGE if full else None,
        } | values
        session = a_session(db, self.clinic, patient, **values)
        if full:
            a_site(db, self.clinic, patient, session)
        return patient, session

    def inject(self, db: DbSession, session: UUID, lot: UUID | None = None, **values: Any) -> None:
        an_injection(db, self.clinic, session, lot_id=lot, **values)

    def quality(self, cohort: CohortFilter | None = None) -> DataQualityReport:
        return data_quality(self.engine, self.by, cohort or CohortFilter(), today=TODAY)

    def row(self, code: str, cohort: CohortFilter | None = None) -> QualityRow:
        [row] = [row for row in self.quality(cohort).rows if row.code == code]
        return row

    def counted(self, code: str) -> tuple[int, int]:
        row = self.row(code)
        return int(row.estimate.numerator), int(row.estimate.denominator)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_each_field_is_asked_of_the_records_that_should_say_it(world: World) -> None:
    with saving(world.engine) as db:
        lot = a_lot(db, world.clinic)
        patient, session = world.treat(db)
        world.inject(db, session, lot)
        an_event(
            db, world.clinic, patient, treatment_session_id=session, onset_on=LONG_AGO,
            reported_on=LONG_AGO, detection=Detection.SYMPTOM, severity=None,
        )  # fmt: skip
        _patient, bare = world.treat(db, full=False)
        world.inject(db, bare, lot, concentration_percent=None)
        world.inject(db, bare, liquid_ml=None)
        world.treat(db, modality=Modality.ND_YAG_LASER)
    shown = {row.code: (row.lacking, row.estimate.denominator) for row in world.quality().rows}
    assert {code: shown[code] for code in (
        "intent", "indication", "skin_type", "vessel_class", "concentration", "has_volume",
        "has_lot", "severity", "is_judged", "is_detected",
    )} == {
        "intent": (1, 3), "indication": (1, 3), "skin_type": (1, 3), "vessel_class": (1, 3),
        "concentration": (1, 2), "has_volume": (1, 2), "has_lot": (1, 2),
        "severity": (1, 1), "is_judged": (0, 1), "is_detected": (0, 1),
    }  # fmt: skip
    assert shown["completeness"] == (8, 21)


def test_soft_rules_count_what_is_hardly_ever_true(world: World) -> None:
    with saving(world.engine) as db:
        lot = a_lot(db, world.clinic)
        for _ in range(10):
            _patient, session = world.treat(db)
            world.inject(db, session, lot, liquid_ml=Decimal(2))
        world.inject(db, session, lot, liquid_ml=Decimal("6.1"))
        world.inject(db, session, lot, liquid_ml=Decimal(40), form=SclerosantForm.FOAM)
        patient, session = world.treat(db)
        a_session(db, world.clinic, patient, treated_on=LONG_AGO)
        for days, code in ((29, "skin_necrosis"), (30, "skin_necrosis"), (30, "skin_necrosis")):
            on = LONG_AGO + days * DAY
            an_event(
                db, world.clinic, patient, treatment_session_id=session, event_term_code=code,
                onset_on=on, reported_on=on,
            )  # fmt: skip
        early = a_follow_up(
            db, world.clinic, patient, treatment_session_id=session,
            visit_code="check_6_8w", seen_on=LONG_AGO + 41 * DAY,
        )  # fmt: skip
        a_follow_up(
            db, world.clinic, patient, treatment_session_id=session,
            visit_code="check_6_8w", seen_on=LONG_AGO + 42 * DAY,
        )  # fmt: skip
        a_finding(db, world.clinic, early)
    assert world.counted("volume") == (10, 11)
    assert world.counted("one_session") == (10, 12)
    assert world.counted("one_event") == (1, 3)
    assert world.counted("early_visit") == (1, 2)
    assert world.counted("finding") == (0, 1)


def test_delay_is_that_of_what_was_typed_in_here(world: World) -> None:
    with saving(world.engine) as db:
        for days in (0, 7, 8, 30):
            on = LONG_AGO + days * DAY
            world.treat(db, on=LONG_AGO, recorded_at=dt.datetime.combine(on, dt.time(12), dt.UTC))
        an_import_batch(db, world.clinic, imported_at=NOW)
        world.treat(db, recorded_at=NOW)
        world.treat(db, on=TODAY)
    row = world.row("entry_delay")
    assert (row.estimate.numerator, row.estimate.denominator) == (2, 4)
    assert (row.median_delay, row.ninth_decile_delay) == (7.5, pytest.approx(23.4))
    [left_out] = world.quality().excluded
    assert left_out.count == 1


def test_links_are_looked_for_where_they_are_due(world: World) -> None:
    with saving(world.engine) as db:
        seen, _session = world.treat(db, on=TODAY - 300 * DAY)
        a_follow_up(db, world.clinic, seen, seen_on=TODAY - 72 * DAY)
        missed, _session = world.treat(db, on=TODAY - 300 * DAY)
        a_follow_up(db, world.clinic, missed, seen_on=TODAY - 71 * DAY)
        recent, session = world.treat(db, on=TODAY - 69 * DAY)
        an_event(
            db, world.clinic, recent, treatment_session_id=session, onset_on=TODAY,
            reported_on=TODAY,
        )  # fmt: skip
        an_event(db, world.clinic, recent, onset_on=TODAY - DAY, reported_on=TODAY)
    assert world.counted("followed") == (1, 2)
    assert world.counted("attributed") == (1, 2)
    assert world.row("lot_named").estimate.denominator == 0
    until = CohortFilter(end=TODAY - 2 * DAY)
    assert world.row("attributed", until).estimate.denominator == 1


def test_a_part_is_judged_from_ten_records_on_and_by_what_the_clinic_asks(world: World) -> None:
    with saving(world.engine) as db:
        world.treat(db)
    assert world.row("entry_delay").is_enough is None
    with saving(world.engine) as db:
        for _ in range(9):
            world.treat(db)
    assert world.row("entry_delay").is_enough is True
    part = world.row("completeness")
    assert (part.needed, part.is_part, part.part) == (0.8, True, Part.COMPLETENESS)
    with saving(world.engine) as db:
        a_setting(db, world.clinic, code="record_completeness_percent", value=Decimal(100))
    assert world.row("completeness").needed == 1.0
    assert world.row("intent").is_enough is None


def test_clinics_stand_apart_and_only_those_of_the_reader(world: World) -> None:
    with saving(world.engine) as db:
        other = a_clinic(db, code="OTHER", name="Other clinic")
        for clinic in (world.clinic, other):
            a_session(db, clinic, a_patient(db, clinic), treated_on=LONG_AGO)
    assert {row.clinic for row in world.quality().rows} == {str(world.clinic)}
    both = Actor(
        world.by.user_id, "ada", "Ada Doe",
        (*world.by.grants, Grant(other, Role.AUDITOR)),
    )  # fmt: skip
    report = data_quality(world.engine, both, CohortFilter(), today=TODAY)
    assert [row.clinic for row in report.parts()] == [str(world.clinic)] * 4 + [str(other)] * 4
    assert len(report.to_rows()) == len(report.to_dict()["rows"]) == len(report.rows)
    nobody = Actor(world.by.user_id, "ada", "Ada Doe", (Grant(other, Role.ADMINISTRATOR),))
    with pytest.raises(PermissionDenied):
        data_quality(world.engine, nobody, CohortFilter(), today=TODAY)


def followed(world: World, seen: int, of: int) -> None:
    """Treat ``of`` patients, ``seen`` of whom come to every visit that is asked for."""
    with saving(world.engine) as db:
        lot = a_lot(db, world.clinic)
        for i in range(of):
            patient, session = world.treat(db)
            world.inject(db, session, lot)
            for days in (56, 365) if i < seen else ():
                visit = a_follow_up(db, world.clinic, patient, seen_on=LONG_AGO + days * DAY)
                an_outcome(db, world.clinic, patient, visit)


@pytest.mark.parametrize(("seen", "is_marked"), [(8, False), (7, True)])
def test_a_report_with_too_little_follow_up_is_marked_on_every_face(
    world: World, seen: int, is_marked: bool
) -> None:
    followed(world, seen, 10)
    asked = (world.engine, world.by, CohortFilter())
    for report in (complications(*asked, today=TODAY), recurrence(*asked, today=TODAY)):
        why = why_incomplete(report)
        assert (why is not None) is is_marked
        assert any(is_mark(warning) for warning in report.warnings) is is_marked
        taken = colophon(world.engine, world.by, report, now=NOW)
        assert taken.incomplete == why
        if why is not None:
            assert f"Of 10 {report.heading.unit} old enough 7 were assessed" in str(why)
            assert str(report.warnings[0]).startswith("Incomplete. Of 10")
    shown = overview(*asked, today=TODAY)
    # Only the lines of events within 180 days reach back to these sessions.
    below = {row.indicator.code for row in shown.rows if row.judgement.is_incomplete}
    assert below == ({"hyperpigmentation", "matting"} if is_marked else set())
    assert ("hyperpigmentation; " in str(why_incomplete(shown))) is is_marked
    days = CohortFilter(LONG_AGO, LONG_AGO)
    assert (
        why_incomplete(overview(world.engine, world.by, days, today=TODAY)) is not None
    ) is is_marked


def test_the_clinic_says_how_much_is_enough(world: World) -> None:
    followed(world, 7, 10)
    with saving(world.engine) as db:
        a_setting(db, world.clinic, code="follow_up_completeness_percent", value=Decimal(70))
    report = complications(world.engine, world.by, CohortFilter(), today=TODAY)
    assert why_incomplete(report) is None


def test_too_many_blanks_mark_a_report_although_everybody_came(world: World) -> None:
    with saving(world.engine) as db:
        for _ in range(10):
            patient, session = world.treat(db, full=False)
            world.inject(db, session)
            a_follow_up(db, world.clinic, patient, seen_on=LONG_AGO + 56 * DAY)
    report = complications(world.engine, world.by, CohortFilter(), today=TODAY)
    assert "Filled in: 29" in str(why_incomplete(report))


def test_groups_that_were_not_followed_up_alike_are_named_first(world: World) -> None:
    with saving(world.engine) as db:
        lot = a_lot(db, world.clinic)
        for form, seen in ((SclerosantForm.LIQUID, 20), (SclerosantForm.FOAM, 18)):
            for i in range(20):
                patient, session = world.treat(db)
                world.inject(db, session, lot, form=form)
                if i < seen:
                    a_follow_up(db, world.clinic, patient, seen_on=LONG_AGO + 56 * DAY)
    report = complications(world.engine, world.by, CohortFilter(), today=TODAY, group_by="form")
    assert "of Liquid 100 % were assessed, of Foam 90 %" in str(report.warnings[0])
    alike = complications(world.engine, world.by, CohortFilter(), today=TODAY, group_by="sex")
    assert "Follow-up differs" not in " ".join(map(str, alike.warnings))


def test_nothing_is_incomplete_where_nothing_is_old_enough(world: World) -> None:
    for report in (
        complications(world.engine, world.by, CohortFilter(), today=TODAY),
        recurrence(world.engine, world.by, CohortFilter(), today=TODAY),
    ):
        assert why_incomplete(report) is None
    assert world.quality().rows == ()

"""Clinicians and clinics: who is flagged, who is named, and what crosses clinics or leaves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from sqlalchemy.engine import Engine

from dashboard.figures import funnel
from registry.access import Actor, Grant
from registry.analysis import sharing
from registry.analysis.cohort import CohortFilter
from registry.analysis.complications import complications
from registry.analysis.counting import history_of, outcome_of
from registry.analysis.facts import facts_of
from registry.analysis.sharing import NotShareable, all_other_clinics, for_sharing, release
from registry.analysis.units import Standing, UnitsReport, units
from registry.analysis.units_wording import answer, others, shared_count
from registry.database import make_engine
from registry.errors import NotFound, PermissionDenied
from registry.statistics.disclosure import Family, ReleasedRow, Row, declare_family
from registry.vocabulary import Causality, Role, SclerosantForm, VesselClass
from tests import factories as make
from tests.adversary import possible_values

TODAY = dt.date(2026, 11, 23)
IN_2025 = dt.date(2025, 3, 3)
EVERYTHING = CohortFilter()
UNSAID = "Dr Geheim"


def treat(
    engine: Engine,
    clinic_id: int,
    sessions: int,
    events: int,
    *,
    clinician: int | None = None,
    day: dt.date = IN_2025,
    form: SclerosantForm = SclerosantForm.LIQUID,
    vessel_class: VesselClass | None = None,
) -> None:
    """Treat that many patients once each; the first ``events`` of them get an infection."""
    with make.saving(engine) as db:
        for i in range(sessions):
            patient = make.a_patient(db, clinic_id)
            session = make.a_session(db, clinic_id, patient, treated_on=day, clinician_id=clinician)
            if vessel_class:
                make.a_site(
                    db, clinic_id, patient, session, vessel_class=vessel_class, diameter_mm=None
                )
            make.an_injection(db, clinic_id, session, form=form)
            if i < events:
                make.an_event(
                    db,
                    clinic_id,
                    patient,
                    treatment_session_id=session,
                    event_term_code="infection",
                    onset_on=day + dt.timedelta(days=3),
                    reported_on=day + dt.timedelta(days=3),
                    causality=Causality.PROBABLE,
                )


def reader(*clinics: int, user_id: int = 77, role: Role = Role.PRACTICE_MANAGER) -> Actor:
    return Actor(user_id, "reader", "Reader", tuple(Grant(clinic, role) for clinic in clinics))


@pytest.fixture
def clinic(sqlite_engine: Engine) -> int:
    with make.saving(sqlite_engine) as db:
        return make.a_clinic(db)


Staffed = Callable[..., UnitsReport]


@pytest.fixture
def staffed(sqlite_engine: Engine, clinic: int) -> Staffed:
    """Clinicians numbered from 1 with their sessions and events; the report as someone reads it."""

    def report(*given: tuple[int, int], own: int | None = None) -> UnitsReport:
        with make.saving(sqlite_engine) as db:
            user = make.a_user(db) if own else None
            for number in range(1, len(given) + 1):
                make.a_clinician(
                    db,
                    clinic,
                    number,
                    display_name=f"{UNSAID} {number}",
                    user_id=user if number == own else None,
                )
        for number, (sessions, events) in enumerate(given, 1):
            treat(sqlite_engine, clinic, sessions, events, clinician=number)
        by = reader(clinic, user_id=user or 77, role=Role.CLINICIAN)
        return units(sqlite_engine, by, EVERYTHING, today=TODAY)

    return report


def test_flags_go_by_exact_tails_and_nobody_is_ranked_or_named_but_the_reader(
    staffed: Staffed,
) -> None:
    given = ((40, 2), (60, 3), (30, 9), (90, 4), (9, 3), (60, 0))
    report = staffed(*given, own=2)
    assert [row.code.split("-")[1] for row in report.rows] == ["1", "2", "3", "4", "5", "6"]
    assert [(row.rate.mature, row.rate.events) for row in report.rows] == [*given]
    n, x = np.array(given).T
    target = x.sum() / n.sum()
    assert report.target == pytest.approx(target)
    for row, sessions, events in zip(report.rows, n, x, strict=True):
        upper, lower = binom.sf(events - 1, sessions, target), binom.cdf(events, sessions, target)
        wanted = Standing.WITHIN
        if upper < 0.025:
            is_alarm = upper < 0.001
            wanted = Standing.HIGH_ALARM if is_alarm else Standing.HIGH_ALERT
            wanted = Standing.REVIEW_CASES if events < 5 else wanted
        elif lower < 0.025:
            wanted = Standing.LOW_ALARM if lower < 0.001 else Standing.LOW_ALERT
        assert row.standing is wanted
    assert {row.standing for row in report.rows} > {Standing.HIGH_ALARM, Standing.REVIEW_CASES}
    names = [str(row.label) for row in report.rows]
    assert names[1] == f"{UNSAID} 2 (you)"
    assert report.own is report.rows[1]
    drawn = funnel(report)
    assert drawn is not None
    said = [*map(str, answer(report)), drawn.title, drawn.description, drawn.key]
    picture = drawn.chart.to_dict()
    assert "Fewer than ten sessions" in json.dumps(picture)
    everything = json.dumps([report.to_dict(), report.to_rows(), said, picture])
    assert everything.count(UNSAID) == everything.count(f"{UNSAID} 2 (you)") > 0
    assert [row.is_named for row in report.rows] == [True, True, True, True, False, True]
    expected = [row.ratio.denominator for row in report.rows if row.ratio]
    assert sum(expected) == pytest.approx(x.sum())
    assert len(report.to_rows()) == 7


def test_a_flag_that_is_case_mix_goes_at_equal_case_mix(sqlite_engine: Engine, clinic: int) -> None:
    with make.saving(sqlite_engine) as db:
        for number in range(1, 7):
            make.a_clinician(db, clinic, number)
    for number in range(1, 6):
        treat(sqlite_engine, clinic, 26, 1, clinician=number, vessel_class=VesselClass.RETICULAR)
        treat(sqlite_engine, clinic, 5, 2, clinician=number, vessel_class=VesselClass.TRUNCAL)
    treat(sqlite_engine, clinic, 20, 8, clinician=6, vessel_class=VesselClass.TRUNCAL)
    report = units(sqlite_engine, reader(clinic), EVERYTHING, today=TODAY)
    *_, last = report.rows
    assert last.standing.is_flagged
    assert last.standing_at_equal_mix is Standing.WITHIN
    assert last.ratio is not None
    assert last.ratio.value == pytest.approx(1.0)
    assert "not a verdict" in " ".join(map(str, answer(report)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (((12, 4),), "only one here"),
        (((12, 4), (12, 1)), "at least 5 units"),
        (((4, 0),) * 5, "No event was recorded"),
        ((), ""),
    ],
    ids=["one", "two", "no event", "nobody"],
)
def test_too_little_is_not_judged(
    staffed: Staffed, given: tuple[tuple[int, int], ...], said: str
) -> None:
    report = staffed(*given)
    assert not report.is_judged
    assert {row.standing for row in report.rows} <= {Standing.NOT_JUDGED}
    assert all(row.mid_p is None for row in report.rows)
    assert said in " ".join(map(str, answer(report)))


def test_sessions_without_a_clinician_are_nobodys_and_are_named(
    sqlite_engine: Engine, clinic: int, staffed: Staffed
) -> None:
    staffed((10, 1))
    treat(sqlite_engine, clinic, 4, 4)
    report = units(sqlite_engine, reader(clinic), EVERYTHING, today=TODAY)
    assert (report.total.events, report.total.mature) == (1, 10)
    assert [(str(e.reason), e.count) for e in report.excluded] == [
        ("sessions without a clinician", 4)
    ]


def test_unknown_groupings_and_people_without_the_right_get_nothing(
    sqlite_engine: Engine, clinic: int
) -> None:
    with pytest.raises(NotFound, match="shoe"):
        units(sqlite_engine, reader(clinic), EVERYTHING, today=TODAY, group_by="shoe")
    stranger = reader(clinic, role=Role.ADMINISTRATOR)
    with pytest.raises(PermissionDenied):
        units(sqlite_engine, stranger, EVERYTHING, today=TODAY)
    with pytest.raises(PermissionDenied):
        all_other_clinics(sqlite_engine, stranger, EVERYTHING, today=TODAY)


# --- what crosses clinics ---


# Sessions in 2025 and events among them; twelve of the sessions are with foam and without event.
CLINICS = ((30, 2), (40, 6), (40, 7), (40, 9), (40, 3), (40, 4), (40, 1), (40, 1))


@pytest.fixture(scope="module")
def group(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A registry of the clinics above, numbered from 1; nobody writes to it."""
    path = tmp_path_factory.mktemp("group") / "registry.sqlite"
    shutil.copy(migrated_sqlite, path)
    engine = make_engine(f"sqlite:///{path}")
    for number, (sessions, events) in enumerate(CLINICS, 1):
        with make.saving(engine) as db:
            made = make.a_clinic(db, code=f"c{number}", name=f"Clinic no {number}")
        assert made == number
        treat(engine, number, sessions - 12, events)
        treat(engine, number, 12, 0, form=SclerosantForm.FOAM, day=dt.date(2025, 8, 8))
    yield engine
    engine.dispose()


def all_but(*strangers: int) -> Actor:
    return reader(*({*range(1, len(CLINICS) + 1)} - {*strangers}))


def test_of_clinics_without_a_right_there_is_one_sum_and_no_name(group: Engine) -> None:
    report = units(group, all_but(2, 3, 4), EVERYTHING, today=TODAY, group_by="clinic")
    assert [row.code for row in report.rows] == ["1", "5", "6", "7", "8"]
    pool = report.others
    assert pool is not None
    assert pool.row is not None
    assert (pool.clinics, pool.years) == (3, (2025,))
    assert (pool.row.numerator, pool.row.denominator) == (22, 120)
    assert "22 of 120 sessions" in str(others(pool))
    everything = json.dumps([report.to_dict(), report.to_rows()])
    assert not any(f"Clinic no {number}" in everything for number in (2, 3, 4))
    assert "Clinic no 5" in everything


@pytest.mark.parametrize(
    ("strangers", "is_shown"),
    [
        ((2, 3), False),  # two clinics: each knows the other
        ((5, 3, 4), False),  # the sum less two known counts is the hidden 3
        ((7, 8, 4), False),  # two hidden counts of at least 1 sum to 2
        ((5, 6, 4), True),
    ],
)
def test_the_sum_is_hidden_where_it_would_give_a_clinic_away(
    group: Engine, strangers: tuple[int, ...], is_shown: bool
) -> None:
    pool = all_other_clinics(group, all_but(*strangers), EVERYTHING, today=TODAY)
    assert pool is not None
    assert (pool.row is not None and pool.row.numerator is not None) == is_shown
    words = str(others(pool))
    assert " 0 of" not in words
    assert ("sessions (" in words) == is_shown


@pytest.mark.parametrize(
    ("cohort", "options", "said"),
    [
        (CohortFilter(levels={"form": ("foam",)}), {}, "other filters"),
        (CohortFilter(dt.date(2025, 1, 1), dt.date(2025, 6, 30)), {}, "whole calendar years"),
        (EVERYTHING, {"event": "skin_necrosis"}, "any complication"),
        (EVERYTHING, {"today": dt.date(2026, 3, 10)}, "No calendar year"),
    ],
)
def test_only_the_declared_family_crosses(
    group: Engine, cohort: CohortFilter, options: dict[str, Any], said: str
) -> None:
    asked = {"today": TODAY, "group_by": "clinic"} | options
    report = units(group, all_but(2, 3, 4), cohort, **asked)
    assert report.others is None
    assert said in str(report.others_withheld)


def test_clinicians_of_other_clinics_are_not_even_summed(group: Engine) -> None:
    report = units(group, all_but(2, 3, 4), EVERYTHING, today=TODAY)
    assert report.others is report.others_withheld is None


def test_no_hidden_count_of_what_is_released_can_be_found(group: Engine) -> None:
    facts = facts_of(group)
    strangers = (4, 5, 6)
    rows: list[Row] = []
    released: list[ReleasedRow] = []
    events: list[int] = []
    sessions: list[int] = []
    for clinic_id in strangers:
        chosen = CohortFilter(dt.date(2025, 1, 1), dt.date(2025, 12, 31)).mask(facts, (clinic_id,))
        family = declare_family(
            {
                name: np.array(facts.levels[name])[facts.sessions[name].to_numpy()[chosen]]
                for name in sharing.SHARED_GROUPINGS
            },
            history_of(facts, outcome_of(sharing.ANY)).had[chosen],
            facts.sessions["patient"].to_numpy()[chosen],
            depth=1,
        )
        part = [*release(facts, clinic_id, 2025).values()]
        for i, row in enumerate(part):
            if row.numerator is None:
                assert len(possible_values(part, family, i, 0)) == 3
        first = len(events)
        events += family.events.tolist()
        sessions += family.sessions.tolist()
        rows += [
            replace(
                row,
                name=(("clinic", clinic_id), *row.name),
                atoms=frozenset(first + atom for atom in row.atoms),
            )
            for row in family.rows
            if row.published
        ]
        released += [replace(row, name=(("clinic", clinic_id), *row.name)) for row in part]
    pool = all_other_clinics(group, all_but(*strangers), EVERYTHING, today=TODAY)
    assert pool is not None
    assert pool.row is not None
    assert pool.row.numerator == sum(CLINICS[number - 1][1] for number in strangers)
    rows.append(replace(rows[0], name=(), atoms=frozenset(range(len(events)))))
    released.append(ReleasedRow((), pool.row.numerator, pool.row.denominator))
    everything = Family(np.array(events), np.array(sessions), tuple(rows))
    hidden = [i for i, row in enumerate(released) if row.numerator is None]
    assert hidden
    for i in hidden:
        assert len(possible_values(released, everything, i, 0)) == 3


# --- what leaves the registry ---


def test_a_table_for_sharing_hides_small_counts_and_never_writes_them_as_zero(
    sqlite_engine: Engine, clinic: int
) -> None:
    treat(sqlite_engine, clinic, 40, 8)
    treat(sqlite_engine, clinic, 20, 3, form=SclerosantForm.FOAM)
    treat(sqlite_engine, clinic, 20, 9, day=dt.date(2024, 2, 2))
    treat(sqlite_engine, clinic, 5, 5, day=dt.date(2026, 2, 2))
    by = reader(clinic)
    full = complications(sqlite_engine, by, EVERYTHING, today=TODAY, group_by="form")
    shared = for_sharing(sqlite_engine, by, full)
    rows = {(row.year, row.code): row for row in shared.rows}
    assert {year for year, _ in rows} == {2024, 2025}
    assert (rows[2024, "all"].numerator, rows[2024, "all"].denominator) == (9, 20)
    foam, liquid = rows[2025, "foam"], rows[2025, "liquid"]
    assert foam.numerator is None
    assert foam.denominator == 20
    # All less liquid would be foam: one of the two is hidden as well.
    assert None in (liquid.numerator, rows[2025, "all"].numerator)
    flat = next(row for row in shared.to_rows() if (row["year"], row["code"]) == (2025, "foam"))
    assert flat["numerator"] is None
    assert flat["numerator_hidden"] is True
    assert flat["rate"] is flat["rate_upper"] is None
    assert shared_count(None) == "hidden"
    assert not {"patients", "assessed", "sessions", "screened"} & flat.keys()
    assert shared.heading.name == "complications_for_sharing"
    assert shared.to_dict()["rows"][0]["clinic"] == "Leg clinic"
    assert "is not 0" in " ".join(map(str, shared.warnings))


def test_what_could_be_subtracted_is_refused(sqlite_engine: Engine, clinic: int) -> None:
    treat(sqlite_engine, clinic, 12, 6)
    by = reader(clinic)
    form = {"today": TODAY, "group_by": "form"}
    refused = (
        ("any complication", EVERYTHING, form | {"event": "skin_necrosis"}),
        ("shares of sessions", EVERYTHING, form | {"unit": "patients"}),
        ("form, vessel class or quarter", EVERYTHING, form | {"group_by": "clinician"}),
        ("other filters", CohortFilter(levels={"sex": ("female",)}), form),
        ("whole calendar years", CohortFilter(start=dt.date(2025, 2, 1)), form),
        ("No calendar year", CohortFilter(start=dt.date(2026, 1, 1)), form),
    )
    for said, cohort, options in refused:
        report = complications(sqlite_engine, by, cohort, **options)  # type: ignore[arg-type]
        with pytest.raises(NotShareable, match=said):
            for_sharing(sqlite_engine, by, report)
    with pytest.raises(NotShareable):
        for_sharing(sqlite_engine, by, units(sqlite_engine, by, EVERYTHING, today=TODAY))

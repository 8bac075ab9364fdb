"""Is a patient found as people type, and are likely duplicates named to those who may know?"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis.patient_search import (
    Likeness,
    LikenessReason,
    birth_days,
    find_patients,
    likely_duplicates,
)
from registry.database import DbSession, folded, folded_column, reading
from registry.errors import PermissionDenied
from registry.schema import AccessLog
from registry.vocabulary import Role
from tests.factories import (
    NOW,
    a_clinic,
    a_patient,
    a_patient_link,
    a_user,
    an_identity,
    saving,
)

BORN = dt.date(1961, 2, 3)


class World:
    """A clinic with a few names; the clinician may see them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.user = a_user(db)
            people: tuple[tuple[str, str, dict[str, Any]], ...] = (
                ("Österberg-Åkesson", "Ida Maria", {"birth_date": BORN}),
                ("O'Neill", "Seán", {"birth_date": dt.date(1961, 3, 2)}),
                ("Strauß", "Jørgen", {"hospital_number": "KH 77 12"}),
                ("Иванова", "Анна", {"birth_date": dt.date(1990, 1, 31)}),
            )
            self.people = {
                family: self.enrol(db, number, family_name=family, given_name=given, **more)
                for number, (family, given, more) in enumerate(people, start=1)
            }

    def enrol(self, db: DbSession, number: int, **identity: Any) -> Any:
        patient = a_patient(db, self.clinic, pseudonym=f"P-{number:04d}")
        an_identity(
            db, self.clinic, patient, **{"birth_date": None, "hospital_number": None} | identity
        )
        return patient

    def actor(self, role: Role = Role.CLINICIAN) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, role),))

    def find(self, text: str) -> list[str | None]:
        found = find_patients(self.engine, self.actor(), self.clinic, text, now=NOW)
        return [patient.family_name for patient in found]

    def alike(self, role: Role = Role.CLINICIAN, **asked: Any) -> list[Likeness]:
        blank: dict[str, Any] = {"family_name": None, "birth_date": None, "hospital_number": None}
        return likely_duplicates(
            self.engine, self.actor(role), self.clinic, now=NOW, **blank | asked
        )


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


FOUND = (
    ("osterberg", "Österberg-Åkesson"),
    ("AKESSON", "Österberg-Åkesson"),
    ("maria öst", "Österberg-Åkesson"),
    ("Österberg-Åkesson, Ida", "Österberg-Åkesson"),
    ("oneill", "O'Neill"),
    ("O’Neill Sean", "O'Neill"),
    ("strauss", "Strauß"),
    ("jorgen", "Strauß"),
    ("иван", "Иванова"),
    ("ИВАНОВА анна", "Иванова"),
    ("KH 77", "Strauß"),
    ("3.2.1961", "Österberg-Åkesson"),
    ("1961-02-03", "Österberg-Åkesson"),
    ("3 Feb 1961", "Österberg-Åkesson"),
    ("31/01/1990", "Иванова"),
    ("01/31/1990", "Иванова"),
)


def test_a_name_is_found_without_its_accents_capitals_or_the_rest_of_it(
    world: World,
) -> None:
    assert [(typed, world.find(typed)) for typed, _ in FOUND] == [
        (typed, [family]) for typed, family in FOUND
    ]


def test_what_begins_no_word_finds_nobody(world: World) -> None:
    for typed in ("berg", "ida nobody", "4.2.1961", "31.02.1961", "'", "-"):
        assert world.find(typed) == [], typed


def test_a_day_that_reads_both_ways_finds_both(world: World) -> None:
    assert birth_days("03/02/1961") == (BORN, dt.date(1961, 3, 2))
    assert world.find("03/02/1961") == ["Österberg-Åkesson", "O'Neill"]
    assert birth_days("13/02/1961") == birth_days("02/13/1961") == (dt.date(1961, 2, 13),)
    assert birth_days("02/02/1961") == (dt.date(1961, 2, 2),)
    assert birth_days("Ida") == birth_days("31.02.1961") == ()


def test_names_fold_alike_in_the_database_and_outside(engine: Engine) -> None:
    with reading(engine) as db:
        for name in ("Österberg-Åkesson", "O’Neill Jr.", "STRAUSS  Jørgen", "Łęcki"):
            assert db.scalar(sa.select(folded_column(sa.literal(name), db))) == folded(name)


def test_a_duplicate_names_the_patient_that_is_kept(world: World) -> None:
    with saving(world.engine) as db:
        a_patient_link(db, world.clinic, world.people["Strauß"], world.people["O'Neill"])
    (found,) = find_patients(world.engine, world.actor(), world.clinic, "strauss", now=NOW)
    assert found.same_as == "P-0002"


def test_likely_duplicates_share_a_number_or_birth_date_and_much_of_the_name(world: World) -> None:
    (found,) = world.alike(hospital_number="kh7712")
    assert (found.patient.family_name, found.reason) == ("Strauß", LikenessReason.HOSPITAL_NUMBER)
    for name in ("Osterberg Akesson", "Östeberg-Åkeson"):
        (found,) = world.alike(family_name=name, birth_date=BORN)
        assert found.reason is LikenessReason.BIRTH_DATE_AND_NAME
    assert world.alike(family_name="Svensson", birth_date=BORN) == []
    assert world.alike(family_name="Österberg-Åkesson", birth_date=dt.date(1961, 2, 4)) == []
    assert world.alike(family_name="Österberg-Åkesson") == []


def test_a_patient_is_no_duplicate_of_itself_or_of_whom_it_is_linked_with(world: World) -> None:
    ida = world.people["Österberg-Åkesson"]
    with saving(world.engine) as db:
        twin = world.enrol(db, 9, family_name="Österberg-Åkeson", birth_date=BORN)
    asked = {"family_name": "Österberg-Åkesson", "birth_date": BORN, "other_than": ida}
    assert [found.patient.id for found in world.alike(**asked)] == [twin]
    with saving(world.engine) as db:
        a_patient_link(db, world.clinic, twin, ida)
    assert world.alike(**asked) == []


def test_duplicates_are_logged_and_told_only_to_those_who_may_see_identity(world: World) -> None:
    for role in (Role.DATA_MANAGER, Role.AUDITOR, Role.PRACTICE_MANAGER):
        with pytest.raises(PermissionDenied):
            world.alike(role, hospital_number="KH7712")
    world.alike(hospital_number="KH7712")
    world.alike(hospital_number="other")
    with reading(world.engine) as db:
        entries = [(entry.action, entry.row_count) for entry in db.scalars(sa.select(AccessLog))]
    assert entries == [("list_identified", 1)]

"""Favourites belong to one person, and the code on a pack stands for what the clinic has said."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.database import reading
from registry.entry.barcode import PackContent, content_of, say_content
from registry.entry.favourites import (
    MOST_FAVOURITES,
    FavouriteEntry,
    favourites_of,
    keep_favourite,
    remove_favourite,
)
from registry.errors import InvalidEntry, NotFound, PermissionDenied
from registry.schema import ChangeSet, ProductGtin
from registry.vocabulary import FoamGas, Role, SclerosantForm
from tests.factories import NOW, PRODUCT, a_clinic, a_user, saving

GTIN = "09501101530003"
LATER = NOW + dt.timedelta(minutes=5)
FOAM = FavouriteEntry(
    id=uuid4(),
    label="My foam",
    product_code=PRODUCT,
    form=SclerosantForm.FOAM,
    concentration_percent=Decimal("1"),
    gas=FoamGas.CO2,
    gas_parts=Decimal("4"),
)


@dataclass
class Place:
    engine: Engine
    clinic: int
    elsewhere: int
    ada: Actor
    ben: Actor
    manager: Actor


@pytest.fixture
def place(engine: Engine) -> Place:
    with saving(engine) as db:
        clinic, elsewhere = a_clinic(db), a_clinic(db, code="SOUTH")
        numbers = [a_user(db, user_name=name) for name in ("ada", "ben", "mia")]

    def actor(number: int, role: Role) -> Actor:
        grants = (Grant(clinic, role), Grant(elsewhere, role))
        return Actor(number, f"user{number}", f"User {number}", grants)

    ada, ben = (actor(number, Role.CLINICIAN) for number in numbers[:2])
    return Place(engine, clinic, elsewhere, ada, ben, actor(numbers[2], Role.PRACTICE_MANAGER))


def labels(place: Place, by: Actor, clinic: int | None = None) -> list[str]:
    return [f.label for f in favourites_of(place.engine, by, clinic or place.clinic)]


def keep(place: Place, by: Actor, entry: FavouriteEntry) -> None:
    keep_favourite(place.engine, by, place.clinic, entry, now=NOW)


def test_a_favourite_is_kept_once_for_one_person_in_one_clinic(place: Place) -> None:
    entry = replace(FOAM, label="  My   foam ")
    keep(place, place.ada, entry)
    keep(place, place.ada, entry)
    assert favourites_of(place.engine, place.ada, place.clinic) == [FOAM]
    assert labels(place, place.ben) == []
    assert labels(place, place.ada, place.elsewhere) == []


def test_only_its_owner_removes_a_favourite_and_its_name_is_free_again(place: Place) -> None:
    keep(place, place.ada, FOAM)
    at = (place.engine, place.ben, place.clinic, FOAM.id)
    with pytest.raises(NotFound):
        remove_favourite(*at, request_key=uuid4(), now=LATER)
    assert labels(place, place.ada) == ["My foam"]
    key = uuid4()
    for _ in range(2):
        remove_favourite(place.engine, place.ada, place.clinic, FOAM.id, request_key=key, now=LATER)
    assert labels(place, place.ada) == []
    keep(place, place.ada, replace(FOAM, id=uuid4()))
    assert labels(place, place.ada) == ["My foam"]


def test_a_favourite_needs_a_name_of_its_own_and_a_product_and_room(place: Place) -> None:
    keep(place, place.ada, FOAM)
    for wrong in (
        replace(FOAM, label=" "),
        replace(FOAM, label="x" * 61),
        replace(FOAM, label="MY FOAM"),
        replace(FOAM, label="Other", product_code="nothing"),
    ):
        with pytest.raises(InvalidEntry):
            keep(place, place.ada, replace(wrong, id=uuid4()))
    for number in range(1, MOST_FAVOURITES):
        keep(place, place.ada, replace(FOAM, id=uuid4(), label=f"Number {number}"))
    with pytest.raises(InvalidEntry, match="Remove one first"):
        keep(place, place.ada, replace(FOAM, id=uuid4(), label="One more"))
    assert len(labels(place, place.ada)) == MOST_FAVOURITES
    keep(place, place.ben, replace(FOAM, id=uuid4()))
    assert labels(place, place.ben) == ["My foam"]


def test_a_pack_is_named_once_for_the_clinic_and_can_be_named_anew(place: Place) -> None:
    engine = place.engine
    assert content_of(engine, place.ada, place.clinic, GTIN) is None
    said, meant = PackContent(PRODUCT), PackContent(PRODUCT, Decimal("0.5"))
    for content, when in ((said, NOW), (meant, LATER)):
        key = uuid4()
        for _ in range(2):
            say_content(engine, place.ada, place.clinic, GTIN, content, request_key=key, now=when)
        assert content_of(engine, place.ben, place.clinic, GTIN) == content
    assert content_of(engine, place.ada, place.elsewhere, GTIN) is None
    with reading(engine) as db:
        row = db.scalars(sa.select(ProductGtin)).one()
        assert (row.version, row.recorded_at) == (2, NOW)
        actions = db.scalars(sa.select(ChangeSet.action).where(ChangeSet.action == "name_pack"))
        assert len(list(actions)) == 2


@pytest.mark.parametrize(
    ("gtin", "content"),
    [
        ("09501101530004", PackContent(PRODUCT)),
        ("9501101530003", PackContent(PRODUCT)),
        (GTIN, PackContent("nothing")),
        (GTIN, PackContent(PRODUCT, Decimal("0.77"))),
    ],
)
def test_what_no_pack_holds_is_refused(place: Place, gtin: str, content: PackContent) -> None:
    with pytest.raises(InvalidEntry):
        say_content(
            place.engine, place.ada, place.clinic, gtin, content, request_key=uuid4(), now=NOW
        )
    assert content_of(place.engine, place.ada, place.clinic, GTIN) is None


def test_nobody_without_the_right_to_record_reads_or_changes_any_of_it(place: Place) -> None:
    at = (place.engine, place.manager, place.clinic)
    for refused in (
        lambda: favourites_of(*at),
        lambda: keep_favourite(*at, FOAM, now=NOW),
        lambda: remove_favourite(*at, FOAM.id, request_key=uuid4(), now=NOW),
        lambda: content_of(*at, GTIN),
        lambda: say_content(*at, GTIN, PackContent(PRODUCT), request_key=uuid4(), now=NOW),
    ):
        with pytest.raises(PermissionDenied):
            refused()

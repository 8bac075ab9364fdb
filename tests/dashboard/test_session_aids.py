"""Do scanner, favourites and carried values fill the session form rightly, and only when told?"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.database import reading
from registry.entry.barcode import GTIN_NAMESPACE
from registry.entry.favourites import LONGEST_LABEL
from registry.entry.rows import derived_id, lot_id
from registry.schema import Favourite, ProductGtin
from registry.vocabulary import Laterality, SclerosantForm, VesselClass
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import TODAY, Clinic, Page
from tests.factories import PRODUCT, a_lot, a_product_gtin, saving

GTIN = "09501101530003"
OTHER_GTIN = "09506000134352"
GS = "|"
DAY = dt.timedelta(days=1)


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


@pytest.fixture
def named(clinic: Clinic) -> Clinic:
    """A clinic that knows two packs."""
    with saving(clinic.engine) as db:
        a_product_gtin(
            db, clinic.clinic, id=_row(clinic, GTIN), concentration_percent=Decimal("0.5")
        )
        a_product_gtin(
            db, clinic.clinic, id=_row(clinic, OTHER_GTIN), gtin=OTHER_GTIN,
            product_code="fibrovein", concentration_percent=Decimal("1"),
        )  # fmt: skip
    return clinic


def _row(clinic: Clinic, gtin: str) -> UUID:
    return derived_id(GTIN_NAMESPACE, clinic.clinic, gtin)


def text(lot: str, gtin: str = GTIN, expires: dt.date | None = None) -> str:
    return f"01{gtin}17{expires or TODAY + 400 * DAY:%y%m%d}10{lot}{GS}"


def scan(page: Page, code: str) -> Page:
    page.fill("session", scan=code)
    assert page.value("session", "scan") == ""
    return page


def lots(page: Page) -> list[str | None]:
    return [
        page.value("session", f"preparation.{p}.lot") for p in page.value("session", "preparations")
    ]


def test_a_scan_confirms_the_lot_that_was_carried_over(named: Clinic) -> None:
    page = named.open("record_session")
    assert lots(page) == ["L-100"]
    assert "check product, strength, form, lot" in page.said_small()
    assert "nobody has looked: lot L-100, consent version" in page.said()
    scan(page, text("L-100"))
    assert lots(page) == ["L-100"]
    assert "Aethoxysklerol 0.5 %, lot L-100: filled in as preparation 1." in page.said()
    assert "nobody has looked: consent version" in page.said()
    assert "check form" in page.said_small()


def test_a_second_pack_of_the_product_is_a_second_preparation(named: Clinic) -> None:
    page = named.open("record_session")
    scan(scan(page, text("L-200")), text("L-300"))
    assert lots(page) == ["L-200", "L-300"]
    assert page.value("session", "preparation.1.form") is SclerosantForm.LIQUID
    assert page.value("session", "preparation.1.strength") == "0.5"
    scan(page, text("L-200"))
    page.press(page.key("session", "confirm_carried"))
    assert lots(page) == ["L-200", "L-300"]
    assert "lot L-200: already in the list." in page.said()
    page.fill(
        "session", treated_on=TODAY, row__0__side=Laterality.LEFT, row__0__place="ssv",
        row__0__vessel=VesselClass.RETICULAR, row__0__ml="1", row__0__preparation=1,
    )  # fmt: skip
    page.save("session")
    injection = named.stored()[0][-1].all_injections()[0]
    assert injection.lot_number == "L-300"
    assert injection.expires_on == TODAY + 400 * DAY


def test_a_pack_of_another_product_is_one_more_and_the_page_says_so(named: Clinic) -> None:
    page = named.open("record_session")
    scan(page, text("F-1", OTHER_GTIN))
    assert lots(page) == ["L-100", "F-1"]
    assert page.value("session", "preparation.1.product") == "fibrovein"
    assert "Another product is in the list too" in page.said()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"01{GTIN}10AB21CD", "two ways"),
        ("hello", "not the code of a pack"),
        ("9501101530004", "check digit"),
    ],
)
def test_what_cannot_be_read_fills_nothing_in_and_the_page_says_why(
    named: Clinic, code: str, says: str
) -> None:
    page = scan(named.open("record_session"), code)
    assert says in page.said()
    assert lots(page) == ["L-100"]


def test_an_unknown_pack_is_asked_about_once_and_can_be_named_anew(clinic: Clinic) -> None:
    page = scan(clinic.open("record_session"), text("L-7"))
    assert f"Which product is in packs with the number {GTIN}" in page.said()
    assert lots(page) == ["L-100"]
    page.fill("session", scan_product=PRODUCT)
    page.fill("session", scan_strength=Decimal("0.5"))
    page.press(page.key("session", "scan_remember"))
    assert lots(page) == ["L-7"]
    scan(page, text("L-8"))
    assert lots(page) == ["L-7", "L-8"]
    page.press(page.key("session", "scan_wrong"))
    page.fill("session", scan_product="fibrovein")
    page.fill("session", scan_strength=Decimal("1"))
    page.press(page.key("session", "scan_remember"))
    with reading(clinic.engine) as db:
        row = db.scalars(sa.select(ProductGtin)).one()
        assert (row.product_code, row.version) == ("fibrovein", 2)


def test_a_pack_whose_expiry_differs_from_the_shelf_is_refused_on_saving(named: Clinic) -> None:
    page = scan(named.open("record_session"), text("L-100", expires=TODAY + 90 * DAY))
    page.fill(
        "session", treated_on=TODAY, row__0__side=Laterality.LEFT, row__0__place="ssv",
        row__0__ml="1",
    )  # fmt: skip
    page.save("session")
    assert re.search(r"on the shelf with the expiry \d+ [A-Z][a-z]{2} \d{4}\. Check", page.said())
    assert named.stored()[0][-1].treated_on != TODAY


def test_all_as_last_time_takes_every_mark_away_and_a_touch_only_its_own(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    marks = page.said_small()
    assert "consent version" in marks
    assert "check product, strength, form, lot" in marks
    page.fill("session", consent_version="2026-1")
    assert "consent version" not in page.said_small()
    assert "check product" in page.said_small()
    page.press(page.key("session", "confirm_carried"))
    assert "check" not in page.said_small()
    assert "all are checked" in page.said()
    assert lots(page) == ["L-100"]


def test_a_second_preparation_begins_as_the_first_but_for_its_lot(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    page.press(page.key("session", "preparation.add"))
    assert page.value("session", "preparation.1.product") == PRODUCT
    assert page.value("session", "preparation.1.strength") == "0.5"
    assert lots(page) == ["L-100", None]


def test_what_is_said_of_a_scan_goes_with_the_preparation(named: Clinic) -> None:
    page = named.open("record_session")
    scan(page, text("F-1", OTHER_GTIN))
    assert "filled in as preparation 2" in page.said()
    page.press(page.key("session", "preparation.1.remove"))
    assert "filled in as preparation" not in page.said()


def test_new_sites_take_the_one_preparation_that_is_left(named: Clinic) -> None:
    page = named.open("record_session")
    scan(page, text("F-1", OTHER_GTIN))
    page.press(page.key("session", "confirm_carried"))
    page.press(page.key("session", "preparation.0.remove"))
    page.press(page.key("session", "row.0.remove"))
    assert page.value("session", "row.0.preparation") == 1
    page.fill(
        "session", treated_on=TODAY, preparation__1__form=SclerosantForm.LIQUID,
        row__0__side=Laterality.LEFT, row__0__place="ssv", row__0__ml="1",
    )  # fmt: skip
    page.save("session")
    assert named.stored()[0][-1].all_injections()[0].lot_number == "F-1"


def test_a_volume_whose_preparation_is_not_known_is_asked_about(named: Clinic) -> None:
    page = named.open("record_session")
    scan(scan(page, text("F-1", OTHER_GTIN)), text("F-2", OTHER_GTIN))
    page.press(page.key("session", "preparation.0.remove"))
    page.press(page.key("session", "row.0.remove"))
    assert page.value("session", "row.0.preparation") is None
    (which,) = (c for c in page.app.segmented_control if c.label == "Preparation")
    assert which.proto.required
    before = len(named.stored()[0])
    page.fill(
        "session", treated_on=TODAY, row__0__side=Laterality.LEFT, row__0__place="ssv",
        row__0__ml="1",
    )  # fmt: skip
    page.save("session")
    assert "Which preparation was it?" in page.said()
    assert len(named.stored()[0]) == before


def test_a_favourite_is_kept_picked_and_removed(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        a_lot(
            db, clinic.clinic, id=lot_id(clinic.clinic, PRODUCT, "L-101"), lot_number="L-101",
            expires_on=TODAY + 10 * DAY,
        )  # fmt: skip
    page = clinic.open("record_session")
    keep = page.key("session", "favourite_keep")
    page.press(keep)
    assert f"at most {LONGEST_LABEL} characters" in page.said()
    page.fill("session", favourite_name="Spider veins").press(keep)
    page.fill("session", favourite_name="spider veins").press(keep)
    assert "Another favourite of yours has this name." in page.said()
    with reading(clinic.engine) as db:
        kept = db.scalars(sa.select(Favourite)).one()
        assert (kept.product_code, kept.form) == (PRODUCT, SclerosantForm.LIQUID)
        assert kept.concentration_percent == Decimal("0.5")
        favourite_id = kept.id
    page.fill("session", preparation__0__product="fibrovein")
    page.press(page.key("session", f"favourite.{favourite_id}"))
    assert page.value("session", "preparation.1.product") == PRODUCT
    assert lots(page)[1] == "L-100"
    assert "check lot" in page.said_small()
    page.press(page.key("session", f"favourite.{favourite_id}.remove"))
    assert [b for b in page.app.button if b.label == "Spider veins"] == []

"""Is the text of a hand scanner read rightly, or refused?"""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.entry.barcode import ScannedPack, UnreadableBarcode, has_check_digit, read_gs1

TODAY = dt.date(2026, 11, 23)
GTIN = "09501101530003"  # the example of GS1 itself
GS = "\x1d"
PACK = ScannedPack(GTIN, "ABC123", dt.date(2027, 7, 31), None)


def read(text: str) -> ScannedPack:
    return read_gs1(text, today=TODAY)


@pytest.mark.parametrize(
    "text",
    [
        f"01{GTIN}1727073110ABC123",
        f"01{GTIN}1727070010ABC123",
        f"]d201{GTIN}1727073110ABC123",
        f"]C101{GTIN}10ABC123{GS}17270731",
        f"]Q301{GTIN}10ABC123|17270731\r\n",
        f"]d2{GS}01{GTIN}10ABC123{GS}17270731{GS}",
        f"(01){GTIN}(17)270731(10)ABC123",
        f"(01){GTIN}(10)ABC123(17)270700",
        f"(01){GTIN}|(10)ABC123{GS}(17)270731~",
        f"01{GTIN}715{'0' * 11}{GS}240X-1{GS}3010{GS}3712{GS}1126010110ABC123~17270731",
    ],
)
def test_one_pack_in_many_spellings(text: str) -> None:
    assert read(text) == PACK


def test_a_serial_number_and_national_numbers_are_read_past() -> None:
    text = f"01{GTIN}21XY10Z{GS}17270731{GS}10ABC123{GS}7101234567"
    assert read(text) == ScannedPack(GTIN, "ABC123", dt.date(2027, 7, 31), "XY10Z")


@pytest.mark.parametrize(
    ("digits", "gtin"),
    [
        ("9501101530003", GTIN),
        (GTIN, GTIN),
        ("036000291452", "00036000291452"),
        ("96385074", "00000096385074"),
    ],
)
def test_a_bare_product_number_of_any_length(digits: str, gtin: str) -> None:
    assert read(digits) == ScannedPack(gtin)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"01{GTIN}21SER117270731{'10ABC'}", "two ways"),  # the serial may reach to the end
        (f"01{GTIN}10AB21CD", "two ways"),
        (f"(01){GTIN}(10)A(10)B", "two ways"),
        (f"01{GTIN}10AB010401234500002317270731", "two packs"),
        (f"01{GTIN}10AB0104012345000023", "two packs"),
        (f"(01){GTIN}(10)AB0104012345000023", "two packs"),
        (f"(01){GTIN}(10)A|B", "not the code of a pack"),
        (f"(01){GTIN}(10)AB~CD", "not the code of a pack"),
        (f"(01){GTIN}(10)AB{GS}{GS}(17)270731", "not the code of a pack"),
        (f"(x)junk(01){GTIN}(10)A", "not the code of a pack"),
        (f"(01){GTIN[:-1]}4(10)A", "check digit"),
        (f"01{GTIN[:-1]}410ABC", "check digit"),
        ("9501101530004", "check digit"),
        ("1727073110ABC123", "does not name a product"),
        (f"01{GTIN}17271331", "not the code of a pack"),
        (f"01{GTIN}17270230", "not the code of a pack"),
        (f"01{GTIN}10ABC{GS}10DEF", "not the code of a pack"),
        (f"01{GTIN}10{'A' * 21}", "not the code of a pack"),
        (f"01{GTIN}30TEN", "not the code of a pack"),
        (f"01{GTIN}99X", "not the code of a pack"),
        (f"(01){GTIN}(99)X", "not the code of a pack"),
        (f"01{GTIN}10Ä", "not the code of a pack"),
        ("https://example.org/01/09501101530003", "not the code of a pack"),
        ("", "does not name a product"),
        ("1" * 200, "too long"),
    ],
)
def test_what_is_no_pack_or_could_be_another_is_refused(text: str, says: str) -> None:
    with pytest.raises(UnreadableBarcode, match=says):
        read(text)


def test_digits_that_are_no_product_number_stay_within_a_lot() -> None:
    assert read(f"01{GTIN}10AB0104012345000024").lot_number == "AB0104012345000024"
    text = f"01{GTIN}17270731{GS}10AB0104012345000023"
    assert read(text).lot_number == "AB0104012345000023"


def test_a_separator_anywhere_settles_where_a_lot_ends() -> None:
    assert read(f"01{GTIN}17270731{GS}10AB21CD").lot_number == "AB21CD"
    assert read(f"01{GTIN}10AB{GS}21CD") == ScannedPack(GTIN, "AB", None, "CD")


@pytest.mark.parametrize(
    ("year", "yy", "expected"),
    [
        (2026, "76", 2076),
        (2026, "77", 1977),
        (2026, "00", 2000),
        (2060, "10", 2110),
        (2060, "11", 2011),
        (2060, "09", 2109),
        (2051, "01", 2101),
        (2051, "02", 2002),
    ],
)
def test_the_century_is_the_nearest(year: int, yy: str, expected: int) -> None:
    read_then = read_gs1(f"01{GTIN}17{yy}1231", today=dt.date(year, 1, 1))
    assert read_then.expires_on == dt.date(expected, 12, 31)


def test_day_00_is_the_last_day_also_of_a_leap_february() -> None:
    assert read(f"01{GTIN}17280200").expires_on == dt.date(2028, 2, 29)


@given(st.text(alphabet="0123456789(AB" + GS, max_size=60) | st.text(max_size=30))
def test_anything_else_is_read_or_refused_but_never_crashes(noise: str) -> None:
    for text in (noise, f"01{GTIN}{noise}"):
        with contextlib.suppress(UnreadableBarcode):
            assert has_check_digit(read(text).gtin)


@given(
    st.text(alphabet="ABCXYZ0123456789-/", min_size=1, max_size=20),
    st.text(alphabet="ABCXYZ0123456789", min_size=1, max_size=20),
    st.dates(dt.date(1980, 1, 1), dt.date(2070, 1, 1)),
    st.permutations(["17", "10", "21"]),
)
def test_what_is_written_with_separators_is_read_back(
    lot: str, serial: str, expires: dt.date, order: list[str]
) -> None:
    values = {"17": f"{expires:%y%m%d}", "10": lot, "21": serial}
    text = f"01{GTIN}" + "".join(f"{code}{values[code]}{GS}" for code in order)
    assert read(text) == ScannedPack(GTIN, lot, expires, serial)

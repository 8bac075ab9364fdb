"""The text that a hand scanner reads off a pack, and what the clinic says its number stands for.

Source: GS1 General Specifications (element strings, separators, check digits, two-digit years). A
text that can be read in two ways is refused: a wrong lot is worse than a lot typed by hand. No
public list says which GTIN is which product, so the clinic says it once.
"""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import reading
from registry.entry.problems import Problem
from registry.entry.rows import derived_id
from registry.errors import InvalidEntry, RegistryError
from registry.messages import message
from registry.schema import ProductGtin

SEPARATOR: Final = "\x1d"
GTIN_NAMESPACE: Final = UUID("c2f5a3c1-5a54-4d0e-9a0b-8d6a7f1e4b02")
LONGEST_TEXT: Final = 120
GTIN_LENGTHS: Final = (8, 12, 13, 14)

_STAND_INS: Final = re.compile(r"␝|\||~|\{GS\}")
"""What scanners are set to send for the separator; none of it can stand in an element string."""

_SYMBOLOGY: Final = re.compile(r"^\](d2|C1|Q3|e0|J1|E0|E4)")
_BRACKETED: Final = re.compile(r"\(([0-9]{2,4})\)")
_ANOTHER_PACK: Final = re.compile(r"(?=01([0-9]{14}))")
_CHARACTERS: Final = re.compile(r"""[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+""")

_FIXED: Final = {"01": 14, "11": 6, "13": 6, "15": 6, "17": 6, "20": 2}
"""Application identifiers with a value of this many digits."""

_OPEN: Final = {"10": 20, "21": 20, "30": 8, "37": 8, "240": 30} | {
    str(code): 20 for code in range(710, 717)
}
"""Identifiers with a value of at most so many characters, up to a separator or the end."""

_DIGITS_ONLY: Final = frozenset(_FIXED) | {"30", "37"}
_DAYS: Final = frozenset({"11", "13", "15", "17"})

Reading = tuple[tuple[str, str], ...]


class UnreadableBarcode(RegistryError):
    """A scanned text is no pack, is damaged, or can be read in two ways."""


@dataclass(frozen=True, slots=True)
class ScannedPack:
    """What a pack says of itself; ``gtin`` has 14 digits, None is what its code does not hold."""

    gtin: str
    lot_number: str | None = None
    expires_on: dt.date | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class PackContent:
    """What a GTIN stands for in the clinic; the strength may be blank."""

    product_code: str
    concentration_percent: Decimal | None = None


def content_of(engine: Engine, by: Actor, clinic_id: int, gtin: str) -> PackContent | None:
    """What the clinic has said a GTIN stands for, or None when nobody has."""
    require(by, Permission.RECORD, clinic_id)
    with reading(engine) as db:
        stored = db.get(ProductGtin, (clinic_id, pack_id(clinic_id, gtin)))
        return PackContent(stored.product_code, stored.concentration_percent) if stored else None


def say_content(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    gtin: str,
    content: PackContent,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> None:
    """Remember what a GTIN of 14 digits stands for, in place of what was said before.

    Raises :class:`~registry.errors.InvalidEntry` for a product or strength that there is not.
    """
    require(by, Permission.RECORD, clinic_id)
    problems = pack_problems(gtin, content)
    if problems:
        raise InvalidEntry(problems)
    cause = audit.Cause("name_pack", clinic_id=clinic_id, request_key=request_key)
    with (
        contextlib.suppress(audit.AlreadyRecorded),
        audit.transaction(engine, by, cause, now=now) as db,
    ):
        row_id = pack_id(clinic_id, gtin)
        stored = db.get(ProductGtin, (clinic_id, row_id))
        if stored is None:
            db.add(
                ProductGtin(
                    clinic_id=clinic_id,
                    id=row_id,
                    recorded_at=now,
                    gtin=gtin,
                    product_code=content.product_code,
                    concentration_percent=content.concentration_percent,
                )
            )
        else:
            stored.product_code = content.product_code
            stored.concentration_percent = content.concentration_percent
            stored.version += 1


def read_gs1(text: str, *, today: dt.date) -> ScannedPack:
    """The pack that a scanned text describes.

    Taken are element strings with or without a symbology identifier, the same with the identifiers
    in brackets as printed below a code, and a bare GTIN of 8, 12, 13 or 14 digits. ``today``
    decides the century of a two-digit year. Raises :class:`UnreadableBarcode`.
    """
    scanned = _STAND_INS.sub(SEPARATOR, _SYMBOLOGY.sub("", text.strip(" \t\r\n")))
    sends_separators = SEPARATOR in scanned
    scanned = scanned.strip(SEPARATOR)
    if len(scanned) > LONGEST_TEXT:
        raise UnreadableBarcode(
            message("This is too long for the code of a pack. Scan one pack at a time.")
        )
    if scanned.isascii() and scanned.isdigit() and len(scanned) in GTIN_LENGTHS:
        return ScannedPack(_gtin(scanned))
    is_bracketed = scanned.startswith("(")
    fields = dict(
        _bracketed(scanned, today) if is_bracketed else _plain(scanned, today, sends_separators)
    )
    if "01" not in fields:
        raise UnreadableBarcode(
            message(
                "This code does not name a product (GTIN). Scan the code that holds product, lot "
                "and expiry, usually the square one, or choose product and lot by hand."
            )
        )
    return ScannedPack(
        gtin=_gtin(fields["01"]),
        lot_number=fields.get("10"),
        expires_on=_day(fields["17"], today) if "17" in fields else None,
        serial=fields.get("21"),
    )


def has_check_digit(gtin: str) -> bool:
    """Whether the last digit of a GTIN of any length is the check digit of those before it."""
    *body, check = (int(digit) for digit in gtin)
    weighted = sum(
        digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body))
    )
    return (weighted + check) % 10 == 0


def pack_id(clinic_id: int, gtin: str) -> UUID:
    """Identifier of what a clinic has said about a pack: one per clinic and GTIN."""
    return derived_id(GTIN_NAMESPACE, clinic_id, gtin)


def pack_problems(gtin: str, content: PackContent) -> list[Problem]:
    """All that keeps what a GTIN stands for from being stored."""
    is_number = gtin.isascii() and gtin.isdigit() and len(gtin) == GTIN_LENGTHS[-1]
    if not is_number or not has_check_digit(gtin):
        return [Problem("gtin", "check_digit", message("This is no product number."))]
    product = catalogue().products.get(content.product_code)
    if product is None:
        return [Problem("product_code", "known_product", message("No such product."))]
    strength = content.concentration_percent
    if strength is not None and strength not in product.strengths_percent:
        return [
            Problem(
                "concentration_percent",
                "strength_of_product",
                message("The maker does not sell this strength, so it is not what the pack holds."),
            )
        ]
    return []


def _gtin(digits: str) -> str:
    if not has_check_digit(digits):
        raise UnreadableBarcode(
            message(
                "The product number in this code has a wrong check digit: it was not read whole. "
                "Scan again, or choose product and lot by hand."
            )
        )
    return digits.zfill(14)


def _bracketed(scanned: str, today: dt.date) -> Reading:
    """Element strings with their identifiers in brackets."""
    before, *parts = _BRACKETED.split(scanned)
    values = (value.removesuffix(SEPARATOR) for value in parts[1::2])
    reading = tuple(zip(parts[::2], values, strict=True))
    codes = [code for code, _value in reading]
    if len(set(codes)) < len(codes):
        raise UnreadableBarcode(
            message(
                "This text names the same thing twice, such as two lots, so it can be read in two "
                "ways. Nothing was filled in: scan one pack at a time."
            )
        )
    if before or not all(_may_be(code, value, today) for code, value in reading):
        raise _unknown()
    _refuse_two_packs(reading)
    return reading


def _plain(scanned: str, today: dt.date, sends_separators: bool) -> Reading:
    """Element strings one after the other, as scanners send them."""
    found = list(islice(_readings(scanned, frozenset(), today, sends_separators), 2))
    if not found:
        raise _unknown()
    if len(found) > 1:
        raise UnreadableBarcode(
            message(
                "This text can be read in two ways, because the scanner left out the separator "
                "after the lot or serial number. Nothing was filled in: choose product and lot by "
                "hand, and have the scanner set to send the separator (GS, or the sign | in its "
                "place)."
            )
        )
    if not sends_separators:
        _refuse_two_packs(found[0])
    return found[0]


def _refuse_two_packs(reading: Reading) -> None:
    """Refuse a lot or serial number that holds the product number of a further pack."""
    for code, value in reading:
        if code in _OPEN and any(has_check_digit(gtin) for gtin in _ANOTHER_PACK.findall(value)):
            raise UnreadableBarcode(
                message(
                    "This text holds two packs, one right after the other. Nothing was filled in: "
                    "scan one pack at a time."
                )
            )


def _readings(
    scanned: str, seen: frozenset[str], today: dt.date, sends_separators: bool
) -> Iterator[Reading]:
    """Every way to read the text, each identifier at most once.

    A scanner that sends separators ends each value of open length with one, or with the text;
    without any, such a value may end wherever another identifier can begin.
    """
    if not scanned:
        yield ()
        return
    code = next((code for code in (*_FIXED, *_OPEN) if scanned.startswith(code)), None)
    if code is None or code in seen:
        return
    rest = scanned[len(code) :]
    if code in _FIXED:
        ends: Iterable[int] = (_FIXED[code],)
    elif sends_separators:
        ends = (len(rest.partition(SEPARATOR)[0]),)
    else:
        ends = range(1, min(_OPEN[code], len(rest)) + 1)
    for end in ends:
        if not _may_be(code, rest[:end], today):
            continue
        following = rest[end:].removeprefix(SEPARATOR)
        for later in _readings(following, seen | {code}, today, sends_separators):
            yield ((code, rest[:end]), *later)


def _may_be(code: str, value: str, today: dt.date) -> bool:
    """Whether an identifier can have this value."""
    least, most = (_FIXED[code], _FIXED[code]) if code in _FIXED else (1, _OPEN.get(code, 0))
    fits = least <= len(value) <= most
    if code in _DIGITS_ONLY:
        fits = fits and value.isascii() and value.isdigit()
    elif fits:
        fits = _CHARACTERS.fullmatch(value) is not None
    return fits and (code not in _DAYS or _day(value, today) is not None)


def _day(digits: str, today: dt.date) -> dt.date | None:
    """A day written YYMMDD, None when there is no such day; day 00 is the last of the month.

    The century is the one that puts the year at most 50 years ahead of and 49 behind today's.
    """
    year, month, day = (int(digits[place : place + 2]) for place in (0, 2, 4))
    ahead = year - today.year % 100
    century = today.year // 100 + (ahead <= -50) - (ahead >= 51)
    year += 100 * century
    try:
        return dt.date(year, month, day or calendar.monthrange(year, month)[1])
    except ValueError:  # calendar's own error for a month is one too
        return None


def _unknown() -> UnreadableBarcode:
    return UnreadableBarcode(
        message(
            "This is not the code of a pack, or it holds something the registry cannot read. "
            "Nothing was filled in: scan the code with product, lot and expiry, or choose them by "
            "hand."
        )
    )

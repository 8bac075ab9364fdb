"""What a clinic decides for itself: numbers that hold from a day on, and lots it withdraws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Permission, require
from registry.catalogue import catalogue
from registry.database import FIRST_DAY, LAST_DAY, DbSession, reading
from registry.entry.problems import Problem, in_digits
from registry.entry.rows import derived_id, lot_id
from registry.errors import InvalidEntry, NotFound
from registry.messages import message
from registry.schema import ClinicSetting, Injection, Lot, TreatmentSession

SHORTEST_INTERVAL: Final = "shortest_interval_days"
SETTING_NAMESPACE: Final = UUID("2c1d3c64-5f0e-4c8e-9f51-6f5f1f8f1f0b")


@dataclass(frozen=True, slots=True)
class Recall:
    """Who had the lot before it was withdrawn, in this clinic."""

    sessions: int
    patients: int


def set_clinic_setting(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    code: str,
    value: Decimal | None,
    *,
    valid_from: dt.date,
    request_key: UUID,
    now: dt.datetime,
) -> None:
    """Set a number for the days from ``valid_from`` on; None returns to the catalogue's default.

    Setting the same code for the same day again replaces it, and the trail keeps both. Raises
    :class:`InvalidEntry` for an unknown code, a number outside its range or an implausible day.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    _refuse(setting_problems(code, value, valid_from))
    cause = audit.Cause("set_clinic_setting", clinic_id=clinic_id, request_key=request_key)
    key = setting_id(clinic_id, code, valid_from)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            stored = db.get(ClinicSetting, (clinic_id, key), with_for_update=True)
            if stored is None:
                db.add(
                    ClinicSetting(
                        clinic_id=clinic_id,
                        id=key,
                        version=1,
                        recorded_at=now,
                        code=code,
                        value=value,
                        valid_from=valid_from,
                    )
                )
            elif stored.value != value:
                stored.value = value
                stored.version += 1
    except audit.AlreadyRecorded:
        return


def settings_of(
    engine: Engine, by: Actor, clinic_id: int, on: dt.date
) -> Mapping[str, Decimal | None]:
    """Every setting of the clinic as it holds on a day, by code."""
    require(by, Permission.READ_RATES, clinic_id)
    with reading(engine) as db:
        return settings_on(db, clinic_id, on)


def settings_on(db: DbSession, clinic_id: int, on: dt.date) -> Mapping[str, Decimal | None]:
    """Every setting as it holds on a day: the clinic's latest by then, else the default."""
    found = {code: row.default for code, row in catalogue().clinic_settings.items()}
    rows = db.execute(
        sa.select(ClinicSetting.code, ClinicSetting.value)
        .where(
            ClinicSetting.clinic_id == clinic_id,
            ClinicSetting.valid_from <= on,
            ClinicSetting.voided_at.is_(None),
        )
        .order_by(ClinicSetting.valid_from)
    )
    for code, value in rows:
        row = catalogue().clinic_settings.get(code)
        found[code] = value if value is not None or row is None else row.default
    return found


def recall_lot(
    engine: Engine,
    by: Actor,
    clinic_id: int,
    product_code: str,
    lot_number: str,
    recalled_on: dt.date | None,
    *,
    request_key: UUID,
    now: dt.datetime,
) -> Recall:
    """Withdraw a lot from ``recalled_on`` on; None takes that back. Says who had it.

    A lot that nobody has used yet is remembered too, so that its first use warns. Raises
    :class:`InvalidEntry` for an unknown product or an implausible number or day.
    """
    require(by, Permission.CONFIGURE, clinic_id)
    number = lot_number.strip()
    _refuse(lot_problems(product_code, number, recalled_on))
    cause = audit.Cause("recall_lot", clinic_id=clinic_id, request_key=request_key)
    try:
        with audit.transaction(engine, by, cause, now=now) as db:
            lot = db.scalar(
                sa.select(Lot)
                .where(
                    Lot.clinic_id == clinic_id,
                    Lot.product_code == product_code,
                    Lot.lot_number == number,
                )
                .with_for_update()
            )
            if lot is None and recalled_on is None:
                raise NotFound(message("This clinic knows no such lot. Nothing was changed."))
            if lot is None:
                db.add(
                    Lot(
                        clinic_id=clinic_id,
                        id=lot_id(clinic_id, product_code, number),
                        version=1,
                        recorded_at=now,
                        product_code=product_code,
                        lot_number=number,
                        recalled_on=recalled_on,
                    )
                )
            elif lot.recalled_on != recalled_on:
                lot.recalled_on = recalled_on
                lot.version += 1
            db.flush()
            return _exposed(db, clinic_id, product_code, number)
    except audit.AlreadyRecorded:
        with reading(engine) as db:
            return _exposed(db, clinic_id, product_code, number)


def _exposed(db: DbSession, clinic_id: int, product_code: str, lot_number: str) -> Recall:
    sessions, patients = db.execute(
        sa.select(
            sa.func.count(TreatmentSession.id.distinct()),
            sa.func.count(TreatmentSession.patient_id.distinct()),
        )
        .select_from(Lot)
        .join(Injection, sa.and_(Injection.clinic_id == Lot.clinic_id, Injection.lot_id == Lot.id))
        .join(
            TreatmentSession,
            sa.and_(
                TreatmentSession.clinic_id == Injection.clinic_id,
                TreatmentSession.id == Injection.treatment_session_id,
            ),
        )
        .where(
            Lot.clinic_id == clinic_id,
            Lot.product_code == product_code,
            Lot.lot_number == lot_number,
            Injection.voided_at.is_(None),
            TreatmentSession.voided_at.is_(None),
        )
    ).one()
    return Recall(sessions, patients)


def setting_id(clinic_id: int, code: str, valid_from: dt.date) -> UUID:
    """Identifier of a setting: one per clinic, code and day."""
    return derived_id(SETTING_NAMESPACE, clinic_id, code, valid_from.isoformat())


def setting_problems(code: str, value: Decimal | None, valid_from: dt.date) -> list[Problem]:
    """All that keeps a setting from being stored."""
    row = catalogue().clinic_settings.get(code)
    if row is None:
        known = ", ".join(catalogue().clinic_settings)
        return [
            Problem(
                "code",
                "known_setting",
                message("No such setting. There are: {known}.", known=known),
            )
        ]
    found = []
    if value is not None and not row.minimum <= value <= row.maximum:
        found.append(
            Problem(
                "value",
                "in_range",
                message(
                    "Must lie from {least} to {most} {unit}.",
                    least=in_digits(row.minimum),
                    most=in_digits(row.maximum),
                    unit=message(row.unit),
                ),
            )
        )
    elif value is not None and value != round(value, ClinicSetting.value.type.scale):
        found.append(
            Problem("value", "decimals", message("At most {count} decimals are kept.", count=4))
        )
    if not FIRST_DAY <= valid_from <= LAST_DAY:
        found.append(Problem("valid_from", "plausible_day", message("The day is not plausible.")))
    return found


def lot_problems(product_code: str, lot_number: str, recalled_on: dt.date | None) -> list[Problem]:
    """All that keeps the recall of a lot from being stored."""
    found = []
    if product_code not in catalogue().products:
        found.append(
            Problem("product_code", "known_product", message("No such product in the catalogue."))
        )
    if not 1 <= len(lot_number) <= 40 or not lot_number.isprintable():
        found.append(
            Problem(
                "lot_number",
                "length",
                message("Give the lot number as printed, 1 to 40 characters."),
            )
        )
    if recalled_on is not None and not FIRST_DAY <= recalled_on <= LAST_DAY:
        found.append(Problem("recalled_on", "plausible_day", message("The day is not plausible.")))
    return found


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidEntry(problems)

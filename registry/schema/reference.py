"""Codes of the catalogue that records refer to; the facts behind them stay in its files."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from registry.database import Base, field


def _code(of: str) -> Mapped[str]:
    return field(
        f"{of} code", f"Catalogue code of the {of.lower()}.", sa.String(64), primary_key=True
    )


def _label(of: str) -> Mapped[str]:
    return field(of, f"English name of the {of.lower()}.", sa.String(200))


class Sclerosant(Base):
    """An agent that closes veins."""

    __tablename__ = "sclerosant"

    code: Mapped[str] = _code("Sclerosant")
    label: Mapped[str] = _label("Sclerosant")


class Product(Base):
    """A sclerosant as a maker sells it, or as a pharmacy makes it."""

    __tablename__ = "product"

    code: Mapped[str] = _code("Product")
    label: Mapped[str] = _label("Product")
    sclerosant_code: Mapped[str] = field(
        "Sclerosant", "Agent of the product.", sa.String(64), sa.ForeignKey("sclerosant.code")
    )


class EventTerm(Base):
    """What an adverse event is called here."""

    __tablename__ = "event_term"

    code: Mapped[str] = _code("Event")
    label: Mapped[str] = _label("Event")


class Anatomy(Base):
    """A region of the leg or a named vein."""

    __tablename__ = "anatomy"

    code: Mapped[str] = _code("Site")
    label: Mapped[str] = _label("Site")


class Scale(Base):
    """A scale on which a treated site is judged."""

    __tablename__ = "scale"

    code: Mapped[str] = _code("Scale")
    label: Mapped[str] = _label("Scale")


class Checklist(Base):
    """A version of the list of events that a follow-up looks for."""

    __tablename__ = "checklist"

    code: Mapped[str] = _code("Checklist")
    version: Mapped[int] = field(
        "Checklist version",
        "Version of the list.",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        between=(1, 10_000),
    )
    label: Mapped[str] = _label("Checklist")


class Condition(Base):
    """A state of health that bears on whether to inject."""

    __tablename__ = "condition"

    code: Mapped[str] = _code("Condition")
    label: Mapped[str] = _label("Condition")


class InstrumentItem(Base):
    """One question of an instrument that patients answer."""

    __tablename__ = "instrument_item"

    code: Mapped[str] = _code("Item")
    label: Mapped[str] = _label("Item")

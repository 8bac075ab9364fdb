"""What the session form asks of the registry about packs and favourite preparations."""

from __future__ import annotations

from uuid import UUID

from dashboard import data, state
from registry.entry import barcode, favourites
from registry.entry.barcode import PackContent, ScannedPack
from registry.entry.favourites import FavouriteEntry


def read(text: str) -> ScannedPack:
    """The pack that a scanned text describes."""
    return barcode.read_gs1(text, today=state.today())


def content_of(gtin: str) -> PackContent | None:
    """What the clinic has said a GTIN stands for."""
    return barcode.content_of(state.reading_engine(), state.actor(), state.clinic(), gtin)


def say_content(gtin: str, content: PackContent) -> None:
    """Remember what a GTIN stands for."""
    barcode.say_content(
        state.engine(),
        state.actor(),
        state.clinic(),
        gtin,
        content,
        request_key=data.new_id(),
        now=state.now(),
    )


def own_favourites() -> list[FavouriteEntry]:
    """The person's favourites."""
    return favourites.favourites_of(state.reading_engine(), state.actor(), state.clinic())


def keep_favourite(entry: FavouriteEntry) -> None:
    """Keep a preparation as a favourite."""
    favourites.keep_favourite(state.engine(), state.actor(), state.clinic(), entry, now=state.now())


def remove_favourite(favourite_id: UUID) -> None:
    """Remove a favourite of the person's own."""
    favourites.remove_favourite(
        state.engine(),
        state.actor(),
        state.clinic(),
        favourite_id,
        request_key=data.new_id(),
        now=state.now(),
    )

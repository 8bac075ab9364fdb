"""What was drawn up for a session: products, lots and how they were prepared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

import streamlit as st

from dashboard import carried, data, session_form, words
from dashboard.form import Form
from dashboard.session_form import Preparation
from dashboard.text import _
from dashboard.words import Unreadable
from registry.analysis.records import ShelfLot
from registry.catalogue import Product, RowStatus, catalogue
from registry.entry.dose import is_ready_made
from registry.entry.forms import SessionEntry
from registry.vocabulary import FoamGas, SclerosantForm

USUAL_GAS_PARTS: Final = "4"


def carried_over(last: SessionEntry, shelf: Sequence[ShelfLot]) -> list[Preparation]:
    """What the last session leaves to be confirmed: product, strength and form, never volumes.

    The lot is the one of the product that was used last in the clinic and has not expired: the
    patient's own last lot may be empty by now.
    """
    preparations = []
    for injection in last.all_injections():
        strength = injection.concentration_percent
        lot = next(iter(lots_for(shelf, injection.product_code, strength)), None)
        preparation = session_form.preparation_of(injection)
        parts = preparation.gas_parts
        preparation = replace(
            preparation,
            gas=None if is_ready_made(injection.product_code, injection.form) else injection.gas,
            # Volumes as measured differ a little from the mixing ratio that was meant.
            gas_parts=words.number(Decimal(parts).quantize(Decimal(1))) if parts else "",
            lot_number=lot.lot_number if lot else "",
            expires="",
            is_compounded=bool(lot and lot.is_compounded),
        )
        if preparation not in preparations:
            preparations.append(preparation)
    return preparations


def lots_for(
    shelf: Sequence[ShelfLot], product_code: str | None, strength: Decimal | None
) -> list[ShelfLot]:
    """Lots from which this strength may have come: a maker's box holds one strength only."""
    fitting = [
        lot
        for lot in shelf
        if lot.product_code == product_code
        and (None in (strength, lot.concentration_percent) or lot.concentration_percent == strength)
    ]
    return list({lot.lot_number: lot for lot in reversed(fitting)}.values())[::-1]


def fill(form: Form, preparations: Sequence[Preparation]) -> None:
    """Give the list of a newly opened form its first values."""
    form.set("preparations", list(range(len(preparations))))
    for p, preparation in enumerate(preparations):
        set_preparation(form, p, preparation)


def drawn_up(form: Form, treated_on: dt.date) -> list[Preparation]:
    """Ask what was drawn up."""
    shelf = data.lots_on_the_shelf(treated_on)
    numbers: list[int] = form.get("preparations", [])
    # In a container, so that the button below keeps its place and the focus when one is added.
    with st.container():
        preparations = [
            _preparation(form, p, shelf, place + 1 if len(numbers) > 1 else None)
            for place, p in enumerate(numbers)
        ]
    st.button(
        _("Another preparation"),
        key=form.key("preparation.add"),
        icon=":material/add:",
        type="tertiary",
        on_click=_another,
        args=(form,),
    )
    return preparations


def _preparation(
    form: Form, p: int, shelf: Sequence[ShelfLot], number_shown: int | None
) -> Preparation:
    at = f"preparation.{p}"
    products = {
        code: product
        for code, product in catalogue().products.items()
        if product.status is RowStatus.CURRENT or code == form.get(f"{at}.product")
    }
    with st.container(border=True):
        if number_shown is not None:
            st.text(_("Preparation {number}").format(number=number_shown))
        columns = st.columns([2, 1.1, 1.7, 1.9])
        with columns[0]:
            code = form.pick(
                _("Product"),
                f"{at}.product",
                list(products),
                words.product,
                placeholder=_("Which product?"),
                on_change=_product_chosen,
                args=(form, p),
            )
        product = products.get(code or "")
        with columns[1]:
            strength = _strength(form, p, product)
        with columns[2]:
            form_chosen = _form(form, at, product)
        lots = lots_for(shelf, code, _as_number(strength))
        with columns[3]:
            number = _lot(form, at, lots)
        known = next((lot for lot in lots if lot.lot_number == number), None)
        expires, is_compounded = _box(form, at, number, known)
        carried.mark(form, {f"{at}.{name}": label for name, label in to_check().items()})
        gas, gas_parts = None, ""
        if is_ready_made(code, form_chosen):
            gas = form.get(f"{at}.gas")
        elif form_chosen is SclerosantForm.FOAM:
            columns = st.columns([2, 1, 1])
            with columns[0]:
                gas = form.choice(_("Gas"), f"{at}.gas", FoamGas)
            with columns[1]:
                form.begin(f"{at}.gas_parts", USUAL_GAS_PARTS)
                gas_parts = form.text(_("mL gas to 1 mL liquid"), f"{at}.gas_parts")
        if number_shown is not None:
            st.button(
                _("Remove this preparation"),
                key=form.key(f"{at}.remove"),
                icon=":material/delete:",
                type="tertiary",
                on_click=_remove,
                args=(form, p),
            )
    return Preparation(
        product_code=code,
        strength=strength,
        form=form_chosen,
        lot_number=number,
        expires=expires,
        is_compounded=is_compounded,
        gas=gas,
        gas_parts=gas_parts,
    )


def to_check() -> dict[str, str]:
    """Fields of a preparation as they are named beside a mark."""
    return {
        "product": _("product"),
        "strength": _("strength"),
        "form": _("form"),
        "gas": _("gas"),
        "lot": _("lot (the one last used here)"),
    }


def _strength(form: Form, p: int, product: Product | None) -> str:
    at = f"preparation.{p}"
    sold = [words.number(strength) for strength in product.strengths_percent] if product else []
    chosen = form.get(f"{at}.strength")
    typed = form.pick(
        _("Strength, %"),
        f"{at}.strength",
        sold if chosen in (None, *sold) else [*sold, chosen],
        str,
        placeholder=_("Choose or type") if sold else _("Type"),
        accept_new_options=True,
        on_change=propose_lot,
        args=(form, p),
    )
    return str(typed or "")


def _as_number(typed: object) -> Decimal | None:
    try:
        return words.read_number(typed)
    except Unreadable:
        return None


def _form(form: Form, at: str, product: Product | None) -> SclerosantForm | None:
    forms = product.forms if product else tuple(SclerosantForm)
    if len(forms) == 1:
        form.set(f"{at}.form", forms[0])
    return form.choice(_("Form"), f"{at}.form", forms)


def _lot(form: Form, at: str, lots: Sequence[ShelfLot]) -> str:
    numbers = [lot.lot_number for lot in lots]
    chosen = form.get(f"{at}.lot")
    typed = form.pick(
        _("Lot"),
        f"{at}.lot",
        numbers if chosen in (None, *numbers) else [*numbers, chosen],
        str,
        placeholder=_("Choose or type"),
        accept_new_options=True,
    )
    return str(typed or "")


def _box(form: Form, at: str, number: str, known: ShelfLot | None) -> tuple[str, bool]:
    """Expiry and whether compounded: known of a lot on the shelf, asked of a new one."""
    if known is not None and known.expires_on is not None:
        sentence = _("Lot {number} expires on {day}.")
        if known.is_compounded:
            sentence = _("Lot {number}, compounded or diluted, expires on {day}.")
        st.text(sentence.format(number=known.lot_number, day=words.day(known.expires_on)))
        # What the pack says of its expiry is compared with the shelf when the entry is checked.
        lot, scanned = form.get(f"{at}.scanned") or (None, "")
        return scanned if lot == number else "", known.is_compounded
    columns = st.columns([1.4, 3], vertical_alignment="bottom")
    expires = ""
    if number:
        with columns[0]:
            expires = form.text(
                _("Expiry of the new lot") if known is None else _("Expiry"),
                f"{at}.expires",
                placeholder=_("12/2027"),
            )
    with columns[1]:
        compounded = st.checkbox(
            _("Compounded or diluted"), key=form.key(f"{at}.compounded"), persist_state="session"
        )
    return expires, compounded


def set_preparation(form: Form, p: int, preparation: Preparation) -> None:
    """Put a preparation into the list at number ``p``."""
    at = f"preparation.{p}"
    form.set(f"{at}.product", preparation.product_code)
    form.set(f"{at}.strength", preparation.strength or None)
    form.set(f"{at}.form", preparation.form)
    form.set(f"{at}.lot", preparation.lot_number or None)
    form.set(f"{at}.expires", preparation.expires)
    form.set(f"{at}.compounded", preparation.is_compounded)
    form.set(f"{at}.gas", preparation.gas)
    if preparation.gas_parts:
        form.set(f"{at}.gas_parts", preparation.gas_parts)


def _product_chosen(form: Form, p: int) -> None:
    """Another product: strength, form and lot of the one before no longer hold."""
    set_preparation(form, p, session_form.begun(form.get(f"preparation.{p}.product")))
    propose_lot(form, p)


def propose_lot(form: Form, p: int) -> None:
    """Another strength comes from another box: propose the lot last used at that strength."""
    at = f"preparation.{p}"
    day = form.get("treated_on")
    shelf = data.lots_on_the_shelf(day) if day else []
    strength = _as_number(form.get(f"{at}.strength"))
    lots = lots_for(shelf, form.get(f"{at}.product"), strength) if strength else []
    form.set(f"{at}.lot", lots[0].lot_number if lots else None)
    carried.propose(form, f"{at}.lot")
    form.set(f"{at}.compounded", bool(lots and lots[0].is_compounded))


def _another(form: Form) -> None:
    add_preparation(form)


def add_preparation(form: Form) -> int:
    """One more preparation, begun as the one above but for its lot; gives back its number."""
    numbers: list[int] = form.get("preparations", [])
    number = max(numbers, default=-1) + 1
    above = f"preparation.{numbers[-1]}" if numbers else ""
    begun = Preparation(
        product_code=form.get(f"{above}.product"),
        strength=form.get(f"{above}.strength") or "",
        form=form.get(f"{above}.form"),
        gas=form.get(f"{above}.gas"),
        gas_parts=form.get(f"{above}.gas_parts") or "",
    )
    set_preparation(form, number, begun)
    form.set("preparations", [*numbers, number])
    return number


def _remove(form: Form, p: int) -> None:
    left = [other for other in form.get("preparations", []) if other != p]
    form.set("preparations", left)
    # What was said of the last scan may be about this preparation.
    form.set("scan_said", None)
    for r in form.get("rows", []):
        if form.get(f"row.{r}.preparation") == p:
            form.set(f"row.{r}.preparation", left[0])

"""The two lists of the session form: what was drawn up, and the sites it went to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, Literal

import streamlit as st

from dashboard import data, leg_map, session_form, words
from dashboard.form import Form
from dashboard.session_form import Preparation, Row
from dashboard.text import _, plain
from dashboard.words import Unreadable
from registry.analysis.records import ShelfLot
from registry.analysis.site_past import SiteKey, SitePast
from registry.catalogue import Product, RowStatus, catalogue
from registry.entry.forms import SessionEntry
from registry.vocabulary import FoamGas, Laterality, SclerosantForm, VesselClass

USUAL_GAS_PARTS: Final = "4"
LABEL_HEIGHT: Final = 12
"""Pixels that, with the gap, make up for the label which the other fields of the first row have."""


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


def fill(form: Form, preparations: Sequence[Preparation], rows: Sequence[Row]) -> None:
    """Give both lists of a newly opened form their first values."""
    form.set("preparations", list(range(len(preparations))))
    for p, preparation in enumerate(preparations):
        _set_preparation(form, p, preparation)
    fill_rows(form, rows)


def fill_rows(form: Form, rows: Sequence[Row]) -> None:
    """Put these sites into the list, in place of what it holds."""
    form.set("rows", list(range(len(rows))))
    for r, row in enumerate(rows):
        _set_row(form, r, row)


def drawn_up(form: Form, treated_on: dt.date) -> list[Preparation]:
    """Ask what was drawn up."""
    st.header(_("Drawn up"))
    shelf = data.lots_on_the_shelf(treated_on)
    numbers: list[int] = form.get("preparations", [])
    preparations = [
        _preparation(form, p, shelf, place + 1 if len(numbers) > 1 else None)
        for place, p in enumerate(numbers)
    ]
    st.button(
        _("Another preparation"),
        key=form.key("preparation.add"),
        icon=":material/add:",
        type="tertiary",
        on_click=_add_preparation,
        args=(form,),
    )
    return preparations


def sites(
    form: Form,
    preparations: Sequence[Preparation],
    earlier: SessionEntry | None,
    past: Mapping[SiteKey, SitePast],
) -> list[Row]:
    """Ask where it went and how much: on a picture of the legs, or in the list below it."""
    st.header(_("Sites"))
    leg_map.show(
        # No field of the form: what the browser holds of it does not outlast the page.
        f"leg_map:{form.opened.id}",
        _chosen(form),
        past,
        lambda site: _site_clicked(form, site),
    )
    kept = form.get("kept_site")
    if kept is not None:
        st.info(
            _("{site} stays: a volume is typed for it. Take it away in the list.").format(
                site=plain(words.site(*kept))
            ),
            icon=":material/info:",
        )
    numbers: list[int] = form.get("rows", [])
    rows = [_row(form, r, preparations, is_first=r == numbers[0]) for r in numbers]
    with st.container(horizontal=True):
        st.button(
            _("Another site"),
            key=form.key("row.add"),
            icon=":material/add:",
            on_click=_add_row,
            args=(form,),
        )
        again = list(session_form.sites_only(session_form.typed(earlier)[1])) if earlier else []
        if earlier is not None and again and all(row.is_blank for row in rows):
            st.button(
                _("Same sites as on {day}").format(day=words.day(earlier.treated_on)),
                key=form.key("row.again"),
                icon=":material/history:",
                on_click=fill_rows,
                args=(form, again),
            )
    return rows


def _chosen(form: Form) -> dict[SiteKey, list[int]]:
    """The sites in the list, and the rows that name each."""
    chosen: dict[SiteKey, list[int]] = {}
    for r in form.get("rows", []):
        side, code = form.get(f"row.{r}.side"), form.get(f"row.{r}.place")
        if side is not None and code is not None:
            chosen.setdefault((side, code), []).append(r)
    return chosen


def _site_clicked(form: Form, site: SiteKey) -> None:
    """A click gives a site a row, or takes it away unless a volume was typed there."""
    form.set("kept_site", None)
    rows = _chosen(form).get(site, [])
    for r in rows:
        if (form.get(f"row.{r}.ml") or "").strip():
            form.set("kept_site", site)
        else:
            _remove(form, "rows", r)
    if rows:
        return
    last = form.get("rows", [])[-1]
    if form.get(f"row.{last}.place") is not None or (form.get(f"row.{last}.ml") or "").strip():
        _add_row(form)
        last = form.get("rows", [])[-1]
    form.set(f"row.{last}.side", site[0])
    form.set(f"row.{last}.place", site[1])


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
        columns = st.columns([2.1, 1.1, 1.5, 2])
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
        gas, gas_parts = None, ""
        if form_chosen is SclerosantForm.FOAM:
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
                args=(form, "preparations", p),
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
        on_change=_strength_chosen,
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
        return "", known.is_compounded
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


def _row(form: Form, r: int, preparations: Sequence[Preparation], *, is_first: bool) -> Row:
    at = f"row.{r}"
    shown: Literal["visible", "collapsed"] = "visible" if is_first else "collapsed"
    numbers: list[int] = form.get("preparations", []) if preparations else []
    chosen = form.get(f"{at}.preparation")
    choose = bool(preparations) and (len(numbers) > 1 or chosen is None)
    widths = [1.5, 2.5, 1.6, *([1.1] if choose else []), *([0.9] if preparations else []), 1]
    columns = iter(st.columns(widths))
    with next(columns):
        side = form.choice(_("Leg"), f"{at}.side", Laterality, label_visibility=shown)
    with next(columns):
        anatomy_code = form.pick(
            _("Region or vein"),
            f"{at}.place",
            [
                code
                for code, row in catalogue().anatomy.items()
                if row.status is RowStatus.CURRENT or code == form.get(f"{at}.place")
            ],
            words.place,
            placeholder=_("Region or vein"),
            label_visibility=shown,
        )
    with next(columns):
        vessel_class = form.choice(
            _("Vessel"),
            f"{at}.vessel",
            VesselClass,
            as_list=True,
            placeholder=_("Vessel"),
            label_visibility=shown,
        )
    preparation = chosen
    if choose:
        with next(columns):
            form.begin(f"{at}.preparation", None)
            preparation = st.segmented_control(
                _("Preparation"),
                numbers,
                format_func=lambda p: str(numbers.index(p) + 1),
                key=form.key(f"{at}.preparation"),
                label_visibility=shown,
                persist_state="session",
            )
    ml = ""
    if preparations:
        with next(columns):
            ml = form.text(_("mL liquid"), f"{at}.ml", placeholder=_("mL"), label_visibility=shown)
    with next(columns):
        if is_first:
            st.space(LABEL_HEIGHT)
        st.button(
            _("Remove"),
            key=form.key(f"{at}.remove"),
            type="tertiary",
            on_click=_remove,
            args=(form, "rows", r),
        )
    diameter_mm, feeder_treated = form.get(f"{at}.kept", (None, None))
    return Row(
        side=side,
        anatomy_code=anatomy_code,
        vessel_class=vessel_class,
        preparation=numbers.index(preparation) if preparation in numbers else None,
        ml=ml,
        diameter_mm=diameter_mm,
        feeder_treated=feeder_treated,
    )


def _set_preparation(form: Form, p: int, preparation: Preparation) -> None:
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


def _set_row(form: Form, r: int, row: Row) -> None:
    at = f"row.{r}"
    form.set(f"{at}.side", row.side)
    form.set(f"{at}.place", row.anatomy_code)
    form.set(f"{at}.vessel", row.vessel_class)
    form.set(f"{at}.preparation", row.preparation)
    form.set(f"{at}.ml", row.ml)
    form.set(f"{at}.kept", (row.diameter_mm, row.feeder_treated))


def _product_chosen(form: Form, p: int) -> None:
    """Another product: strength, form and lot of the one before no longer hold."""
    at = f"preparation.{p}"
    code = form.get(f"{at}.product")
    product = catalogue().products.get(code)
    strengths = product.strengths_percent if product else ()
    only = words.number(strengths[0]) if len(strengths) == 1 else ""
    forms = product.forms if product else ()
    _set_preparation(
        form,
        p,
        Preparation(
            product_code=code,
            strength=only,
            form=forms[0] if len(forms) == 1 else None,
        ),
    )
    _strength_chosen(form, p)


def _strength_chosen(form: Form, p: int) -> None:
    """Another strength comes from another box: propose the lot last used at that strength."""
    at = f"preparation.{p}"
    day = form.get("treated_on")
    shelf = data.lots_on_the_shelf(day) if day else []
    strength = _as_number(form.get(f"{at}.strength"))
    lots = lots_for(shelf, form.get(f"{at}.product"), strength) if strength else []
    form.set(f"{at}.lot", lots[0].lot_number if lots else None)
    form.set(f"{at}.compounded", bool(lots and lots[0].is_compounded))


def _add_preparation(form: Form) -> None:
    numbers: list[int] = form.get("preparations", [])
    number = max(numbers, default=-1) + 1
    _set_preparation(form, number, Preparation())
    form.set("preparations", [*numbers, number])


def _add_row(form: Form) -> None:
    """A row that begins as the one above, but for place and volume."""
    numbers: list[int] = form.get("rows", [])
    number = max(numbers, default=-1) + 1
    row = Row()
    if numbers:
        above = f"row.{numbers[-1]}"
        row = Row(
            side=form.get(f"{above}.side"),
            vessel_class=form.get(f"{above}.vessel"),
            preparation=form.get(f"{above}.preparation"),
        )
    _set_row(form, number, row)
    form.set("rows", [*numbers, number])


def _remove(form: Form, names: str, number: int) -> None:
    left = [other for other in form.get(names, []) if other != number]
    form.set(names, left)
    if names == "preparations":
        for r in form.get("rows", []):
            if form.get(f"row.{r}.preparation") == number:
                form.set(f"row.{r}.preparation", left[0])
    elif not left:
        fill_rows(form, [Row()])

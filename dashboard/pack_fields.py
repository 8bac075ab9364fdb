"""Ways to say what was drawn up without typing it: a hand scanner, and favourites."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import streamlit as st

from dashboard import carried, data, pack_data, session_fields, session_form, words
from dashboard.form import Form
from dashboard.session_form import Preparation
from dashboard.text import _, plain
from dashboard.words import Unreadable
from registry.catalogue import RowStatus, catalogue
from registry.entry.barcode import PackContent, ScannedPack
from registry.entry.favourites import FavouriteEntry
from registry.errors import InvalidEntry, RegistryError
from registry.vocabulary import SclerosantForm

TENTH = Decimal("0.1")


def scan(form: Form) -> None:
    """A field for a hand scanner. Enter only ends the field: it never saves the form."""
    st.text_input(
        _("Scan a pack"),
        key=form.key("scan"),
        placeholder=_("Hand scanner, one pack after the other"),
        icon=":material/barcode_scanner:",
        on_change=_scanned,
        args=(form,),
    )
    said = form.get("scan_said")
    if said is not None:
        show = st.success if said[0] == "filled" else st.error
        show(plain(said[1]))
    pack = _last_pack(form)
    if pack is None:
        return
    if form.get("scan_asks"):
        _ask_product(form, pack)
    else:
        st.button(
            _("Another product in this pack?"),
            key=form.key("scan_wrong"),
            type="tertiary",
            on_click=form.set,
            args=("scan_asks", True),
        )


def favourites(form: Form) -> None:
    """The person's favourites, one press each, and a place to keep and remove them."""
    own = pack_data.own_favourites()
    with st.container(horizontal=True):
        for favourite in own:
            st.button(
                plain(favourite.label),
                key=form.key(f"favourite.{favourite.id}"),
                icon=":material/star:",
                on_click=_pick,
                args=(form, favourite),
            )
        with st.popover(_("Favourites"), icon=":material/star_border:", type="tertiary"):
            _keep_favourite(form)
            for favourite in own:
                st.button(
                    _("Remove {name}").format(name=plain(favourite.label)),
                    key=form.key(f"favourite.{favourite.id}.remove"),
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=_remove_favourite,
                    args=(form, favourite),
                )
    said = form.get("favourite_said")
    if said is not None:
        st.error(plain(said))


def _last_pack(form: Form) -> ScannedPack | None:
    held = form.get("scan_pack")
    if held is None:
        return None
    gtin, lot, expires = held
    return ScannedPack(gtin, lot, dt.date.fromisoformat(expires) if expires else None)


def _scanned(form: Form) -> None:
    text = form.get("scan") or ""
    form.set("scan", "")
    if not text.strip():
        return
    form.set("scan_asks", False)
    form.set("scan_pack", None)
    try:
        pack = pack_data.read(text)
        content = pack_data.content_of(pack.gtin)
    except RegistryError as error:
        form.set("scan_said", ("refused", str(error)))
        return
    expires = pack.expires_on.isoformat() if pack.expires_on else None
    form.set("scan_pack", (pack.gtin, pack.lot_number, expires))
    if content is None:
        form.set("scan_said", None)
        form.set("scan_asks", True)
        form.set("scan_product", None)
        form.set("scan_strength", None)
    else:
        form.set("scan_said", ("filled", _fill_in(form, pack, content)))


def _ask_product(form: Form, pack: ScannedPack) -> None:
    """Which product a pack holds: asked once, then known in the clinic."""
    with st.container(border=True):
        st.text(
            _(
                "Which product is in packs with the number {gtin}? Asked once: the clinic's "
                "registry remembers it."
            ).format(gtin=pack.gtin)
        )
        products = {
            code: product
            for code, product in catalogue().products.items()
            if product.status is RowStatus.CURRENT
        }
        columns = st.columns([2, 1, 1.4], vertical_alignment="bottom")
        with columns[0]:
            code = form.pick(
                _("Product in the pack"), "scan_product", list(products), words.product
            )
        strengths = products[code].strengths_percent if code else ()
        with columns[1]:
            if len(strengths) == 1:
                form.set("scan_strength", strengths[0])
            strength = form.pick(
                _("Strength in the pack, %"), "scan_strength", list(strengths), words.number
            )
        with columns[2]:
            st.button(
                _("Remember, and fill in"),
                key=form.key("scan_remember"),
                disabled=code is None or (bool(strengths) and strength is None),
                on_click=_remember,
                args=(form, pack, code, strength),
            )


def _remember(form: Form, pack: ScannedPack, code: str, strength: Decimal | None) -> None:
    content = PackContent(code, strength)
    try:
        pack_data.say_content(pack.gtin, content)
    except RegistryError as error:
        form.set("scan_said", ("refused", str(error)))
        return
    form.set("scan_asks", False)
    form.set("scan_said", ("filled", _fill_in(form, pack, content)))


def _fill_in(form: Form, pack: ScannedPack, content: PackContent) -> str:
    """Put a pack into the preparation it was drawn up for; says in words what was done.

    A preparation of the same product and strength whose lot nobody has confirmed takes the lot,
    then a blank one; any other pack is a preparation of its own.
    """
    strength = content.concentration_percent
    named = Preparation(
        product_code=content.product_code, strength=words.number(strength) if strength else ""
    )
    box = _("{product}, lot {lot}").format(
        product=" ".join(
            part
            for part in (
                words.product(content.product_code),
                _("{number} %").format(number=named.strength) if named.strength else "",
            )
            if part
        ),
        lot=pack.lot_number or _("not in the code"),
    )
    numbers: list[int] = form.get("preparations", [])
    same = [
        p
        for p in numbers
        if form.get(f"preparation.{p}.product") == named.product_code
        and form.get(f"preparation.{p}.strength") in (None, "", named.strength or None)
    ]
    unchecked = carried.open_fields(form)
    for p in same:
        lot = form.get(f"preparation.{p}.lot")
        if lot and lot == pack.lot_number and f"preparation.{p}.lot" not in unchecked:
            return _("{box}: already in the list.").format(box=box)
    fitting = [
        p
        for p in same
        if not form.get(f"preparation.{p}.lot") or f"preparation.{p}.lot" in unchecked
    ]
    blank = [p for p in numbers if form.get(f"preparation.{p}.product") is None]
    others = [p for p in numbers if p not in same and p not in blank]
    if fitting:
        place = fitting[0]
        if named.strength:
            form.set(f"preparation.{place}.strength", named.strength)
    else:
        place = blank[0] if blank else session_fields.add_preparation(form)
        begun = session_form.begun(named.product_code, named.strength)
        session_fields.set_preparation(form, place, _like(form, same, begun))
    _set_lot(form, place, pack)
    carried.confirm(
        form, [f"preparation.{place}.{name}" for name in ("product", "strength", "lot")]
    )
    at = numbers.index(place) + 1 if place in numbers else len(numbers) + 1
    sentence = _("{box}: filled in as preparation {number}.")
    if others and not fitting:
        sentence = _(
            "{box}: filled in as preparation {number}. Another product is in the list too: remove "
            "it if it was not drawn up."
        )
    return sentence.format(box=box, number=at)


def _set_lot(form: Form, p: int, pack: ScannedPack) -> None:
    at = f"preparation.{p}"
    expires = pack.expires_on.isoformat() if pack.expires_on else ""
    form.set(f"{at}.lot", pack.lot_number)
    form.set(f"{at}.expires", expires)
    form.set(f"{at}.compounded", False)
    form.set(f"{at}.scanned", (pack.lot_number, expires))


def _like(form: Form, same: list[int], begun: Preparation) -> Preparation:
    """A second pack of a product is drawn up as the first one is."""
    if not same:
        return begun
    at = f"preparation.{same[0]}"
    return replace(
        begun,
        strength=begun.strength or form.get(f"{at}.strength") or "",
        form=form.get(f"{at}.form"),
        gas=form.get(f"{at}.gas"),
        gas_parts=form.get(f"{at}.gas_parts") or "",
    )


def _pick(form: Form, favourite: FavouriteEntry) -> None:
    """A favourite takes the place of what is blank or only carried over, or is one more."""
    unchecked = set(carried.open_fields(form))
    numbers: list[int] = form.get("preparations", [])
    free = [
        p
        for p in numbers
        if form.get(f"preparation.{p}.product") is None or f"preparation.{p}.product" in unchecked
    ]
    place = free[0] if free else session_fields.add_preparation(form)
    strength = favourite.concentration_percent
    session_fields.set_preparation(
        form,
        place,
        Preparation(
            product_code=favourite.product_code,
            strength=words.number(strength) if strength else "",
            form=favourite.form,
            gas=favourite.gas,
            gas_parts=words.number(favourite.gas_parts) if favourite.gas_parts else "",
        ),
    )
    session_fields.propose_lot(form, place)
    names = ("product", "strength", "form", "gas", "gas_parts")
    carried.confirm(form, [f"preparation.{place}.{name}" for name in names])


def _keep_favourite(form: Form) -> None:
    numbers: list[int] = form.get("preparations", [])
    chosen: int | None = numbers[0]
    if len(numbers) > 1:
        chosen = st.segmented_control(
            _("Keep preparation"),
            numbers,
            format_func=lambda p: str(numbers.index(p) + 1),
            default=numbers[0],
            key=form.key("favourite_of"),
        )
    st.text_input(
        _("Name of the favourite"), key=form.key("favourite_name"),
        placeholder=_("For example: foam for varicose veins"),
    )  # fmt: skip
    st.button(
        _("Keep as favourite"),
        key=form.key("favourite_keep"),
        on_click=_kept,
        args=(form, numbers[0] if chosen is None else chosen),
    )


def _kept(form: Form, p: int) -> None:
    at = f"preparation.{p}"
    kind, product = form.get(f"{at}.form"), form.get(f"{at}.product")
    is_foam = kind is SclerosantForm.FOAM
    try:
        if kind is None:
            form.set("favourite_said", _("Choose product and form first."))
            return
        parts = words.read_number(form.get(f"{at}.gas_parts")) if is_foam else None
        pack_data.keep_favourite(
            FavouriteEntry(
                id=data.new_id(),
                label=form.get("favourite_name") or "",
                product_code=product or "",
                form=kind,
                concentration_percent=words.read_number(form.get(f"{at}.strength")),
                gas=form.get(f"{at}.gas") if is_foam else None,
                gas_parts=parts.quantize(TENTH) if parts else None,
            )
        )
    except InvalidEntry as error:
        form.set("favourite_said", " ".join(str(problem.message) for problem in error.problems))
    except (RegistryError, Unreadable) as error:
        form.set("favourite_said", str(error))
    else:
        form.set("favourite_said", None)
        form.set("favourite_name", "")


def _remove_favourite(form: Form, favourite: FavouriteEntry) -> None:
    try:
        pack_data.remove_favourite(favourite.id)
    except RegistryError as error:
        form.set("favourite_said", str(error))
    else:
        form.set("favourite_said", None)

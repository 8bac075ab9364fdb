"""Where a session's injections went: a picture of the legs and a list that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import streamlit as st

from dashboard import leg_map, session_form, words
from dashboard.form import Form
from dashboard.session_form import Preparation, Row
from dashboard.text import _, plain
from registry.analysis.site_past import SiteKey, SitePast
from registry.catalogue import RowStatus, catalogue
from registry.entry.dose import is_ready_made
from registry.entry.forms import SessionEntry
from registry.entry.problems import Level, Problem
from registry.messages import message
from registry.vocabulary import Laterality, VesselClass

LABEL_HEIGHT: Final = 12
"""Pixels that, with the gap, make up for the label which the other fields of the first row have."""


def fill(form: Form, rows: Sequence[Row]) -> None:
    """Put these sites into the list, in place of what it holds."""
    form.set("rows", list(range(len(rows))))
    for r, row in enumerate(rows):
        _set_row(form, r, row)


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
        lambda site: site_clicked(form, site),
    )
    # What follows keeps its place on the page, and with it the focus, whatever stands here.
    said = st.empty()
    kept = form.get("kept_site")
    if kept is not None:
        said.info(
            _("{site} stays: a volume is typed for it. Take it away in the list.").format(
                site=plain(words.site(*leg_map.site_key(kept)))
            ),
            icon=":material/info:",
        )
    numbers: list[int] = form.get("rows", [])
    with st.container():
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
                on_click=fill,
                args=(form, again),
            )
    return rows


def without_volume(form: Form, entry: SessionEntry) -> list[Problem]:
    """Ask once whether a volume that is blank is really not known.

    What a stored session left blank is not asked again when it is corrected.
    """
    base = form.opened.base
    before = base.all_injections() if isinstance(base, SessionEntry) else ()
    blank = sum(injection.liquid_ml is None for injection in entry.all_injections())
    if blank <= sum(injection.liquid_ml is None for injection in before):
        return []
    return [
        Problem(
            "injections",
            "volume_blank",
            message(
                "Injections without a volume: {count} of {total}. Their dose cannot be checked. "
                "Type it, or say yes here if it is not known.",
                count=blank,
                total=len(entry.all_injections()),
            ),
            Level.CONFIRM,
        )
    ]


def _chosen(form: Form) -> dict[SiteKey, list[int]]:
    """The sites in the list, and the rows that name each."""
    chosen: dict[SiteKey, list[int]] = {}
    for r in form.get("rows", []):
        side, code = form.get(f"row.{r}.side"), form.get(f"row.{r}.place")
        if side is not None and code is not None:
            chosen.setdefault((side, code), []).append(r)
    return chosen


def site_clicked(form: Form, site: SiteKey) -> None:
    """A click gives a site a row, or takes it away unless a volume was typed there."""
    form.set("kept_site", None)
    rows = _chosen(form).get(site, [])
    for r in rows:
        if (form.get(f"row.{r}.ml") or "").strip():
            form.set("kept_site", leg_map.site_name(site))
        else:
            _remove(form, r)
    if rows:
        return
    last = form.get("rows", [])[-1]
    if form.get(f"row.{last}.place") is not None or (form.get(f"row.{last}.ml") or "").strip():
        _add_row(form)
        last = form.get("rows", [])[-1]
    form.set(f"row.{last}.side", site[0])
    form.set(f"row.{last}.place", site[1])


def _row(form: Form, r: int, preparations: Sequence[Preparation], *, is_first: bool) -> Row:
    at = f"row.{r}"
    shown: Literal["visible", "collapsed"] = "visible" if is_first else "collapsed"
    numbers: list[int] = form.get("preparations", []) if preparations else []
    chosen = form.get(f"{at}.preparation")
    if numbers and chosen is not None and chosen not in numbers:
        # A preparation taken away since: the only one left it must be, of several we cannot know.
        chosen = numbers[0] if len(numbers) == 1 else None
        st.session_state[form.key(f"{at}.preparation")] = chosen
    choose = bool(preparations) and (len(numbers) > 1 or chosen is None)
    widths = [1.5, 2.5, 1.6, *([1.1] if choose else []), *([0.9] if preparations else []), 1]
    asked = [
        _("mL foam") if is_ready_made(drawn_up.product_code, drawn_up.form) else _("mL liquid")
        for drawn_up in preparations
    ]
    # Where both are measured, every row says which of the two it asks for.
    says_which = not is_first and len(set(asked)) > 1
    columns = iter(st.columns(widths, vertical_alignment="bottom" if says_which else "top"))
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
                required=len(numbers) > 1,
                format_func=lambda p: str(numbers.index(p) + 1),
                key=form.key(f"{at}.preparation"),
                label_visibility=shown,
                persist_state="session",
            )
            form.slot(f"{at}.preparation")
    ml = ""
    if preparations:
        with next(columns):
            ml = form.text(
                asked[numbers.index(preparation)] if preparation in numbers else asked[0],
                f"{at}.ml",
                placeholder=_("mL"),
                label_visibility="visible" if says_which else shown,
            )
    with next(columns):
        if is_first:
            st.space(LABEL_HEIGHT)
        st.button(
            _("Remove"),
            key=form.key(f"{at}.remove"),
            type="tertiary",
            on_click=_remove,
            args=(form, r),
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


def _set_row(form: Form, r: int, row: Row) -> None:
    at = f"row.{r}"
    form.set(f"{at}.side", row.side)
    form.set(f"{at}.place", row.anatomy_code)
    form.set(f"{at}.vessel", row.vessel_class)
    form.set(f"{at}.preparation", row.preparation)
    form.set(f"{at}.ml", row.ml)
    form.set(f"{at}.kept", (row.diameter_mm, row.feeder_treated))


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


def _remove(form: Form, r: int) -> None:
    left = [other for other in form.get("rows", []) if other != r]
    form.set("rows", left)
    if not left:
        fill(form, [Row()])

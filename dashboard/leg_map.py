"""Both legs from the front and from behind: where to click, what was treated before, how it did.

A click gives and takes a row of the list of sites, which is the keyboard's way to the same codes.
Lengths are units of the drawing: a leg is ten units long and about two wide.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import streamlit as st

from dashboard import words
from dashboard.figures.marks import drawing_of
from dashboard.text import N_, _, plain
from registry.analysis.site_past import SiteKey, SitePast
from registry.vocabulary import Laterality, SiteFinding

INK: Final = "currentColor"
"""An SVG takes the colour of the text around it, so the legs follow light and dark."""

HEIGHT: Final = 470
MOST_IN_WORDS: Final = 8
SELECTED: Final = "sites"

FINGER: Final = 600
"""Square pixels around a place that take a click: a circle 27 pixels wide, and 24 on a phone."""

COLOURS: Final = ("#1a7fc1", "#c26a10")
"""Chosen, and treated before: apart for every eye, and 3:1 on light ground and on dark."""

LIST_ONLY: Final = frozenset({"leg_unspecified", "nonsaphenous", "saphenous_tributary"})
"""Codes without a place of their own on the leg; the list offers them."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Place of a code on a leg whose outer side is at the left: negative ``x`` is lateral."""

    x: float
    y: float
    is_behind: bool = False
    is_vein: bool = False


SPOTS: Final[Mapping[str, Spot]] = {
    "groin": Spot(0.62, 0.6),
    "aasv": Spot(0.02, 1.25, is_vein=True),
    "thigh_perforator": Spot(0.76, 1.45, is_vein=True),
    "thigh_lateral": Spot(-0.8, 2.2),
    "thigh_anterior": Spot(-0.08, 2.65),
    "thigh_medial": Spot(0.74, 2.3),
    "gsv_above_knee": Spot(0.62, 3.3, is_vein=True),
    "knee_lateral": Spot(-0.62, 4.65),
    "knee_anterior": Spot(-0.05, 5.1),
    "knee_medial": Spot(0.6, 4.65),
    "calf_lateral": Spot(-0.72, 5.75),
    "calf_anterior": Spot(-0.12, 6.25),
    "calf_medial": Spot(0.64, 5.75),
    "gsv_below_knee": Spot(0.56, 6.6, is_vein=True),
    "calf_perforator": Spot(0.4, 7.45, is_vein=True),
    "ankle_lateral": Spot(-0.45, 8.6),
    "ankle_medial": Spot(0.4, 8.6),
    "foot_dorsum": Spot(-0.06, 9.4),
    "buttock": Spot(-0.25, 0.65, is_behind=True),
    "pasv": Spot(0.55, 1.85, is_behind=True, is_vein=True),
    "thigh_posterior": Spot(-0.25, 2.35, is_behind=True),
    "giacomini": Spot(0.2, 3.4, is_behind=True, is_vein=True),
    "popliteal_fossa_vein": Spot(0.35, 4.6, is_behind=True, is_vein=True),
    "popliteal_fossa": Spot(-0.25, 5.0, is_behind=True),
    "calf_posterior": Spot(-0.25, 6.25, is_behind=True),
    "ssv": Spot(0.1, 7.2, is_behind=True, is_vein=True),
    "foot_plantar": Spot(0.0, 9.45, is_behind=True),
}

_THIGH_AND_CALF: Final = (
    (-0.95, 0.0), (-1.08, 0.8), (-1.1, 1.8), (-0.98, 3.0), (-0.75, 4.3), (-0.7, 4.9),
    (-0.8, 5.8), (-0.72, 6.8), (-0.46, 8.0), (-0.42, 8.6),
)  # fmt: skip
_BACK_UP: Final = (
    (0.4, 8.6), (0.38, 8.0), (0.64, 6.8), (0.76, 5.9), (0.64, 5.0), (0.7, 4.3), (0.9, 3.0),
    (1.0, 1.8), (0.98, 1.0), (0.75, 0.25),
)  # fmt: skip
OUTLINES: Final[Mapping[bool, Sequence[tuple[float, float]]]] = {
    False: (
        *_THIGH_AND_CALF,
        (-0.56, 9.1), (-0.62, 9.7), (-0.3, 10.0), (0.15, 10.0), (0.42, 9.7), (0.44, 9.1),
        *_BACK_UP,
    ),
    True: (
        *_THIGH_AND_CALF,
        (-0.44, 9.1), (-0.4, 9.6), (0.0, 9.85), (0.38, 9.6), (0.42, 9.1),
        *_BACK_UP,
    ),
}  # fmt: skip
"""A leg from the front and, where that is true, from behind."""

_MIDDLES: Final = {
    (False, Laterality.RIGHT): 1.25,
    (False, Laterality.LEFT): 3.75,
    (True, Laterality.LEFT): 6.45,
    (True, Laterality.RIGHT): 8.95,
}
"""Middle of each leg: from the front the right leg is at the left, from behind it is not."""

WIDTH: Final = 10.2
TOP, BOTTOM = -1.3, 10.3

_CHECK: Final = "M-0.62,0.05L-0.18,0.5L0.66,-0.5"
_SIGNS: Final[Mapping[SiteFinding | None, str]] = {
    SiteFinding.CLEARED: "M-0.5,0A0.5,0.5,0,1,1,0.5,0A0.5,0.5,0,1,1,-0.5,0Z",
    SiteFinding.IMPROVED: "M0,-0.5A0.5,0.5,0,0,1,0,0.5Z",
    SiteFinding.UNCHANGED: "M-0.5,-0.09L0.5,-0.09L0.5,0.09L-0.5,0.09Z",
    SiteFinding.VISIBLE_AGAIN: "M-0.4,-0.4L0.4,0.4M0.4,-0.4L-0.4,0.4",
    SiteFinding.REFLUX_AGAIN: "M-0.4,-0.4L0.4,0.4M0.4,-0.4L-0.4,0.4",
}
"""Inside the ring of a site that was treated before: how it looked when last seen."""

_KEY: Final[Mapping[SiteFinding | None, str]] = {
    SiteFinding.CLEARED: N_("● cleared"),
    SiteFinding.IMPROVED: N_("◐ improved"),
    SiteFinding.UNCHANGED: N_("– unchanged"),
    SiteFinding.VISIBLE_AGAIN: N_("× back again"),
    SiteFinding.REFLUX_AGAIN: N_("× back again"),
    None: N_("○ not looked at since"),
}


def site_name(key: SiteKey) -> str:
    """A site as a text that a selection can carry."""
    return f"{key[0].value}:{key[1]}"


def site_key(name: str) -> SiteKey:
    """The site that :func:`site_name` has named."""
    side, _colon, code = name.partition(":")
    return Laterality(side), code


def show(
    key: str,
    chosen: Collection[SiteKey],
    past: Mapping[SiteKey, SitePast],
    on_click: Callable[[SiteKey], None],
) -> None:
    """The map; ``on_click`` gets each site that is clicked, before the page runs again."""

    clicks = f"{key}:clicks"
    if key not in st.session_state:
        st.session_state[clicks] = frozenset()

    def clicked() -> None:
        # The browser keeps a set of its own, into and out of which each click puts one site.
        found = frozenset(str(point["site"]) for point in st.session_state[key].selection[SELECTED])
        changed = found ^ st.session_state[clicks]
        st.session_state[clicks] = found
        for name in changed:
            on_click(site_key(name))

    picture, beside = st.columns([3, 2])
    with picture:
        st.vega_lite_chart(
            spec=drawing_of(chart(chosen, past)),
            width="stretch",
            theme=None,
            key=key,
            on_select=clicked,
            alt=in_words(chosen, past),
        )
    with beside:
        st.text(_("Circles are regions, diamonds are veins. Click to choose, again to take away."))
        if past:
            st.text(legend(past))
            with st.container(gap="xsmall"):
                for site, before in recent(past):
                    line = f"{words.site(*site)}: {past_in_words(before)}"
                    st.markdown(f":small[{plain(line)}]")


def legend(past: Mapping[SiteKey, SitePast]) -> str:
    """What the signs of sites treated before mean, as far as they occur."""
    signs = dict.fromkeys(_(_KEY[p.finding]) for p in past.values())
    return _("Ring: treated before, {signs}.").format(signs=", ".join(signs))


def recent(past: Mapping[SiteKey, SitePast]) -> list[tuple[SiteKey, SitePast]]:
    """The sites treated last, the latest first."""
    return sorted(past.items(), key=lambda item: item[1].treated_on, reverse=True)[:MOST_IN_WORDS]


def in_words(chosen: Collection[SiteKey], past: Mapping[SiteKey, SitePast]) -> str:
    """The map in a sentence for whoever does not see it."""
    parts = [_("Both legs from the front and from behind; the list below says the same.")]
    if chosen:
        parts.append(_("Chosen: {sites}.").format(sites=", ".join(words.site(*k) for k in chosen)))
    if past:
        treated = (f"{words.site(*key)} ({_state(p)})" for key, p in past.items())
        parts.append(_("Treated before: {sites}.").format(sites=", ".join(treated)))
    return " ".join(parts)


def past_in_words(past: SitePast) -> str:
    """What was done at a site, and how it looked since."""
    given = ", ".join(dict.fromkeys(words.injection(i) for i in past.injections))
    parts = [_("treated {day}").format(day=words.day(past.treated_on)), given, _state(past)]
    return ", ".join(part for part in parts if part)


def _state(past: SitePast) -> str:
    if past.finding is None or past.seen_on is None:
        return _("not looked at since")
    days = (past.seen_on - past.treated_on).days
    after = _("at {weeks} weeks").format(weeks=round(days / 7))
    if days < 14:
        after = _("on day {days}").format(days=days)
    return _("{finding} {after}").format(finding=words.inline(past.finding), after=after)


def chart(chosen: Collection[SiteKey], past: Mapping[SiteKey, SitePast]) -> alt.LayerChart:
    """The legs, every place on them, and what is known of each."""
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, WIDTH], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[BOTTOM, TOP], nice=False), axis=None)
    spots = [
        _drawn(code, spot, side, (side, code) in chosen, past.get((side, code)))
        for code, spot in SPOTS.items()
        for side in Laterality
    ]
    base = _chart(spots).encode(x=x, y=y)
    kind = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=["region", "vein"], range=["circle", "diamond"]),
        legend=None,
    )
    colour = alt.Color(
        "state:N", scale=alt.Scale(domain=["chosen", "past"], range=COLOURS), legend=None
    )
    clicks = alt.selection_point(
        name=SELECTED, fields=["site"], on="click", toggle="true", clear=False, empty=False
    )
    layers: list[alt.Chart] = [
        _chart(_outlines())
        .mark_line(
            interpolate="cardinal-closed", tension=0.2, stroke=INK, strokeOpacity=0.45,
            fill=INK, fillOpacity=0.05, strokeWidth=1.2, aria=False,
        )
        .encode(x=x, y=y, detail="leg:N", order="order:Q"),
        _chart(_headings())
        .mark_text(color=INK, fontSize=13, aria=False)
        .encode(x=x, y=y, text="words:N"),
        base.transform_filter("!datum.is_chosen && !datum.sign")
        .mark_point(size=110, stroke=INK, strokeOpacity=0.6, strokeWidth=1.2, aria=False)
        .encode(shape=kind),
        base.transform_filter("datum.is_past")
        .mark_point(shape="circle", size=420, strokeWidth=2, opacity=1, aria=False)
        .encode(stroke=colour),
        base.transform_filter("datum.is_past && datum.sign && !datum.is_chosen")
        .mark_point(size=330, strokeWidth=2, opacity=1, aria=False)
        .encode(
            stroke=colour, fill=colour,
            shape=alt.Shape("sign:N", scale=None, legend=None),
        ),
        base.transform_filter("datum.is_chosen")
        .mark_point(shape="circle", size=420, opacity=0.2, strokeWidth=0, aria=False)
        .encode(fill=colour),
        base.transform_filter("datum.is_chosen")
        .mark_point(shape=_CHECK, size=380, strokeWidth=3.5, opacity=1, aria=False)
        .encode(stroke=colour),
        # A finger's width around each place takes the click.
        base.mark_point(
            shape="circle", size=FINGER, filled=True, fill="white", opacity=0.001, cursor="pointer"
        )
        .encode(description="name:N",
                tooltip=[alt.Tooltip("name:N", title=_("Site")),
                         alt.Tooltip("past:N", title=_("Before"))])
        .add_params(clicks),
    ]  # fmt: skip
    drawn: alt.LayerChart = alt.layer(*layers).configure(
        font="system-ui, sans-serif", view=alt.ViewConfig(stroke=None)
    )
    return drawn.properties(height=HEIGHT, padding=0, background="transparent")


def _chart(values: Sequence[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(values)))


def _across(x: float, side: Laterality, *, is_behind: bool) -> float:
    """Where a place of a leg lies in the drawing; one of two legs side by side is the mirror."""
    is_left_in_view = (side is Laterality.LEFT) == is_behind
    return _MIDDLES[is_behind, side] + (x if is_left_in_view else -x)


def _drawn(
    code: str, spot: Spot, side: Laterality, is_chosen: bool, past: SitePast | None
) -> dict[str, Any]:
    return {
        "site": site_name((side, code)),
        "x": _across(spot.x, side, is_behind=spot.is_behind),
        "y": spot.y,
        "kind": "vein" if spot.is_vein else "region",
        "is_chosen": is_chosen,
        "is_past": past is not None,
        "sign": _SIGNS.get(past.finding, "") if past else "",
        "state": "chosen" if is_chosen else "past",
        "name": words.site(side, code),
        "past": past_in_words(past) if past else _("not treated here before"),
    }


def _outlines() -> list[dict[str, Any]]:
    return [
        {
            "leg": f"{side}:{is_behind}",
            "order": order,
            "x": _across(x, side, is_behind=is_behind),
            "y": y,
        }
        for is_behind, side in _MIDDLES
        for order, (x, y) in enumerate(OUTLINES[is_behind])
    ]


def _headings() -> list[dict[str, Any]]:
    sides = [
        {"words": words.label(side), "x": middle, "y": -0.45}
        for (_behind, side), middle in _MIDDLES.items()
    ]
    views = [
        {"words": _("From the front"), "x": 2.5, "y": -1.05},
        {"words": _("From behind"), "x": 7.7, "y": -1.05},
    ]
    return [*views, *sides]

"""Does the picture of the legs offer every place, apart enough to hit, and what was before?"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

import pytest

from dashboard import leg_map, site_fields
from dashboard.form import Form
from dashboard.session_form import Row
from registry.analysis.site_past import SiteKey, SitePast, past_of_sites
from registry.catalogue import catalogue
from registry.entry.forms import (
    FollowUpEntry,
    InjectionEntry,
    SessionEntry,
    SiteEntry,
    SiteOutcomeEntry,
)
from registry.vocabulary import FollowUpStatus, Laterality, SclerosantForm, SiteFinding

LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT
CALF: SiteKey = (LEFT, "calf_medial")
DAY = dt.date(2026, 3, 3)
PATIENT = uuid4()
PHONE = 326
"""Pixels that the picture is wide on a phone of 390."""
SMALLEST_TARGET = 24.0
"""Pixels that WCAG 2.2 wants between the middles of two targets."""


def drawn(chosen: set[SiteKey], past: dict[SiteKey, SitePast]) -> dict[str, dict[str, object]]:
    spec = leg_map.chart(chosen, past).to_dict()
    clickable = next(layer for layer in spec["layer"] if "tooltip" in layer["encoding"])
    return {value["site"]: value for value in spec["datasets"][clickable["data"]["name"]]}


def test_every_code_has_a_place_on_both_legs_or_is_named_as_list_only() -> None:
    assert leg_map.SPOTS.keys() | leg_map.LIST_ONLY == catalogue().anatomy.keys()
    assert leg_map.SPOTS.keys() & leg_map.LIST_ONLY == set()
    assert drawn(set(), {}).keys() == {
        f"{side.value}:{code}" for side in Laterality for code in leg_map.SPOTS
    }


def test_places_stand_apart_by_a_finger_even_on_a_phone() -> None:
    points = [
        (
            str(value["site"]),
            float(str(value["x"])) * PHONE / leg_map.WIDTH,
            float(str(value["y"])) * leg_map.HEIGHT / (leg_map.BOTTOM - leg_map.TOP),
        )
        for value in drawn(set(), {}).values()
    ]
    close = [
        (one[0], other[0])
        for one, other in itertools.combinations(points, 2)
        if math.dist(one[1:], other[1:]) < SMALLEST_TARGET
    ]
    assert close == []


@pytest.mark.parametrize("side", Laterality)
def test_the_inner_side_of_each_leg_faces_the_other(side: Laterality) -> None:
    values = drawn(set(), {})
    x = {code: float(str(values[f"{side.value}:{code}"]["x"])) for code in leg_map.SPOTS}
    towards_the_other = 1 if side is RIGHT else -1  # from the front the right leg is at the left
    assert (x["calf_medial"] - x["calf_lateral"]) * towards_the_other > 0
    assert (x["pasv"] - x["thigh_posterior"]) * towards_the_other < 0


def session(day: dt.date, *places: SiteKey) -> SessionEntry:
    liquid = InjectionEntry(
        product_code="aethoxysklerol",
        form=SclerosantForm.LIQUID,
        concentration_percent=Decimal("0.5"),
    )
    return SessionEntry(
        id=uuid4(),
        patient_id=PATIENT,
        treated_on=day,
        sites=tuple(
            SiteEntry(side=side, anatomy_code=code, injections=(liquid,)) for side, code in places
        ),
    )


def look(day: dt.date, finding: SiteFinding, place: SiteKey = CALF) -> FollowUpEntry:
    outcome = SiteOutcomeEntry(side=place[0], anatomy_code=place[1], finding=finding)
    return FollowUpEntry(
        id=uuid4(),
        patient_id=PATIENT,
        status=FollowUpStatus.SEEN,
        seen_on=day,
        site_outcomes=(outcome,),
    )


def after(weeks: int) -> dt.date:
    return DAY + dt.timedelta(weeks=weeks)


@pytest.mark.parametrize(
    ("sessions", "looks", "finding", "words"),
    [
        ([DAY], [], None, "not looked at since"),
        ([DAY], [(12, "cleared")], "cleared", "cleared at 12 weeks"),
        ([DAY], [(1, "improved")], "improved", "improved on day 7"),
        ([DAY], [(52, "visible_again"), (12, "cleared")], "visible_again",
         "visible again at 52 weeks"),
        ([DAY], [(12, "cleared"), (20, "not_assessed")], "cleared", "cleared at 12 weeks"),
        ([after(13), DAY], [(12, "cleared")], None, "not looked at since"),
        ([after(12), DAY], [(12, "cleared")], None, "not looked at since"),
    ],
)  # fmt: skip
def test_the_last_look_after_the_last_treatment_counts(
    sessions: list[dt.date], looks: list[tuple[int, str]], finding: str | None, words: str
) -> None:
    past = past_of_sites(
        [session(day, CALF) for day in sessions],
        [look(after(weeks), SiteFinding(found)) for weeks, found in looks],
    )
    assert past.keys() == {CALF}
    assert past[CALF].finding == finding
    shown = drawn(set(), past)["left:calf_medial"]
    treated = f"{max(sessions).day} {max(sessions):%b %Y}"
    assert shown["past"] == f"treated {treated}, Aethoxysklerol 0.5 % liquid, {words}"
    assert f"Left: Calf, medial ({words})" in leg_map.in_words([], past)


def test_a_look_at_a_site_that_was_never_treated_is_no_past() -> None:
    other = (RIGHT, "ssv")
    past = past_of_sites([session(DAY, CALF)], [look(after(6), SiteFinding.CLEARED, other)])
    assert past.keys() == {CALF}


def test_colour_and_shape_both_tell_chosen_before_and_outcome_apart() -> None:
    findings = [None, *(f for f in SiteFinding if f is not SiteFinding.NOT_ASSESSED)]
    codes = list(leg_map.SPOTS)[: len(findings)]
    past = {
        (LEFT, code): SitePast(DAY, (), finding, finding and after(6))
        for code, finding in zip(codes, findings, strict=True)
    }
    values = drawn({CALF}, past)
    signs = [values[f"left:{code}"]["sign"] for code in codes]
    assert len(set(signs)) == len(findings) - 1  # visible and reflux again are one sign
    assert values["left:calf_medial"]["is_chosen"]
    assert values["left:calf_medial"]["state"] != values["right:calf_medial"]["state"]
    legend = leg_map.legend(past)
    assert legend.count("× back again") == 1
    assert legend.count(",") >= len(findings) - 1


class Held(dict[str, Any]):
    """A form's values without a page."""

    def set(self, field: str, value: object) -> None:
        self[field] = value


def clicked(*sites: SiteKey, **typed: str) -> list[tuple[object, object, object]]:
    form = Held()
    site_fields.fill(cast(Form, form), [Row()])
    for field, text in typed.items():
        form[field.replace("__", ".")] = text
    for site in sites:
        site_fields.site_clicked(cast(Form, form), site)
    return [
        tuple(form.get(f"row.{r}.{name}") for name in ("side", "place", "ml"))  # type: ignore[misc]
        for r in form["rows"]
    ]


def test_a_click_gives_a_row_and_another_takes_it_away() -> None:
    groin: SiteKey = (RIGHT, "groin")
    assert clicked(CALF) == [(LEFT, "calf_medial", "")]
    assert clicked(CALF, groin) == [(LEFT, "calf_medial", ""), (RIGHT, "groin", "")]
    assert clicked(CALF, groin, CALF) == [(RIGHT, "groin", "")]
    assert clicked(CALF, CALF) == [(None, None, "")]


def test_a_click_never_takes_a_typed_volume_away() -> None:
    typed = {"row__0__side": LEFT.value, "row__0__place": "calf_medial", "row__0__ml": "1,5"}
    assert clicked(CALF, **typed) == [(LEFT, "calf_medial", "1,5")]
    assert clicked((RIGHT, "ssv"), row__0__ml="2") == [(None, None, "2"), (RIGHT, "ssv", "")]


def test_a_site_is_named_and_found_again() -> None:
    for side in Laterality:
        for code in leg_map.SPOTS:
            assert leg_map.site_key(leg_map.site_name((side, code))) == (side, code)

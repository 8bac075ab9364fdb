"""Does a filter survive the address of a page, and does nothing else get in?"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.analysis.cohort import CohortFilter
from registry.analysis.dimensions import DIMENSIONS

CODES = st.text(st.characters(categories=["Ll", "Nd"], include_characters="_-."), min_size=1)
DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1))


@st.composite
def filters(draw: st.DrawFn) -> CohortFilter:
    start, end = sorted([draw(DAYS), draw(DAYS)])
    levels = draw(
        st.dictionaries(
            st.sampled_from(DIMENSIONS),
            st.lists(CODES, min_size=1, max_size=4, unique=True).map(tuple),
        )
    )
    return CohortFilter(
        start if draw(st.booleans()) else None, end if draw(st.booleans()) else None, levels
    )


@given(filters())
def test_to_query_and_back_is_the_same_filter(cohort: CohortFilter) -> None:
    again, ignored = CohortFilter.from_query(cohort.to_query())
    assert again == cohort
    assert ignored == ()


@given(st.dictionaries(st.sampled_from([*DIMENSIONS, "from", "to", "x"]), st.text(max_size=40)))
def test_hostile_words_never_raise_and_unknown_ones_are_named(query: dict[str, str]) -> None:
    cohort, ignored = CohortFilter.from_query(query)
    for name in ("from", "to"):
        if name in query and getattr(cohort, {"from": "start", "to": "end"}[name]) is None:
            assert any(name in str(message) for message in ignored)


def test_reversed_dates_are_named_and_both_ignored() -> None:
    cohort, ignored = CohortFilter.from_query({"from": "2026-02-01", "to": "2026-01-01"})
    assert (cohort.start, cohort.end) == (None, None)
    [said] = map(str, ignored)
    assert "from" in said
    assert "to" in said


@pytest.mark.parametrize("value", ["1/2/2026", "2026-13-01", "yesterday"])
def test_a_day_that_is_none_is_named_and_ignored(value: str) -> None:
    cohort, ignored = CohortFilter.from_query({"from": value})
    assert cohort.start is None
    assert "from" in str(ignored[0])

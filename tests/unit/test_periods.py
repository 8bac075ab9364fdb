"""Do named periods hold the days that a calendar gives them, and no others?"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.analysis.periods import PERIOD_LABELS, Change, span_of, spans, with_days
from registry.errors import NotFound

TODAY = dt.date(2026, 11, 23)
GAS = Change("Leg clinic", dt.date(2026, 3, 2), "CO₂ foam", 1, UUID(int=1), begins_limits=True)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("this_month", "2026-11-01", "2026-11-30"),
        ("last_month", "2026-10-01", "2026-10-31"),
        ("this_quarter", "2026-10-01", "2026-12-31"),
        ("last_quarter", "2026-07-01", "2026-09-30"),
        ("this_year", "2026-01-01", "2026-12-31"),
        ("last_year", "2025-01-01", "2025-12-31"),
        ("last_12_months", "2025-11-01", "2026-10-31"),
    ],
)
def test_each_period_on_a_given_day(name: str, start: str, end: str) -> None:
    assert span_of(name, TODAY) == (dt.date.fromisoformat(start), dt.date.fromisoformat(end))


@given(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)))
def test_periods_follow_each_other_without_gap_or_overlap(today: dt.date) -> None:
    found = spans(today)
    assert found.keys() == PERIOD_LABELS.keys()
    for kind in ("month", "quarter", "year"):
        first, last = found[f"this_{kind}"]
        before, until = found[f"last_{kind}"]
        assert first is not None
        assert last is not None
        assert before is not None
        assert until is not None
        assert before < first <= today <= last
        assert until + dt.timedelta(days=1) == first
    start, end = found["last_12_months"]
    assert end == found["last_month"][1]
    assert start is not None
    assert end is not None
    assert 365 <= (end - start).days + 1 <= 366


def test_a_period_can_begin_with_a_change_and_stays_open() -> None:
    assert span_of("since_2026-03-02", TODAY, [GAS]) == (dt.date(2026, 3, 2), None)
    with pytest.raises(NotFound, match="last_quarter"):
        span_of("since_2026-03-02", TODAY)


def test_an_address_with_a_period_gets_its_days() -> None:
    query, name, ignored = with_days({"period": "last_month", "form": "foam"}, TODAY)
    assert query == {"from": "2026-10-01", "to": "2026-10-31", "form": "foam"}
    assert (name, ignored) == ("last_month", ())


@pytest.mark.parametrize("period", ["", "ever", "since_2026-03-03", "<script>", "../etc"])
def test_an_unknown_period_is_named_and_ignored(period: str) -> None:
    query, name, ignored = with_days({"period": period, "from": "2026-01-01"}, TODAY, [GAS])
    assert (query, name) == ({"from": "2026-01-01"}, None)
    [said] = map(str, ignored)
    assert "period that is not known" in said
    assert "script" not in said


def test_a_period_beside_days_wins_and_says_so() -> None:
    asked = {"period": "this_year", "from": "2020-01-01", "to": "2020-02-01"}
    query, _, ignored = with_days(asked, TODAY)
    assert query == {"from": "2026-01-01", "to": "2026-12-31"}
    assert "the days were ignored" in str(ignored[0])

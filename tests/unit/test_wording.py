"""Are numbers written as a person at a meeting would want to read them?"""

from __future__ import annotations

import datetime as dt
import math

import pytest

from registry.analysis import wording
from registry.analysis.results import Basis, RateRow
from registry.language import speaking
from registry.messages import message, render
from registry.statistics.proportions import proportion
from registry.statistics.result import Estimate, Interval
from registry.vocabulary import Language


def a_row(x: int, n: int, *, assessed: int | None = None) -> RateRow:
    return RateRow(
        code="a",
        label=message("A"),
        window_days=30,
        sessions=n,
        mature=n,
        events=x,
        assessed=n if assessed is None else assessed,
        patients=n,
        screened=0,
        basis=Basis.PROPORTION,
        estimate=proportion(x, n),
        best=None,
        worst=None,
    )


def plain(text: str) -> str:
    return text.replace(wording.NARROW_SPACE, " ")


@pytest.mark.parametrize(
    ("x", "n", "sentence"),
    [
        (49, 12173, "49 of 12,173 sessions (0.40 %, 95 % CI 0.30 % to 0.53 %)."),
        (
            0,
            344,
            "0 of 344 sessions. A true rate up to 8.7 per 1,000 is compatible with this "
            "(95 % confidence).",
        ),
        (
            1,
            8,
            "1 of 8 sessions. Too few for a percentage; a true rate from 0.3 % to 52.7 % is "
            "compatible with this (95 % confidence).",
        ),
        (
            3,
            200,
            "3 of 200 sessions (1.5 %, 95 % CI 0.3 % to 4.3 %). Too few events for a trend: "
            "review the cases.",
        ),
        (0, 0, "No sessions: a rate is not defined."),
    ],
)
def test_a_rate_in_words(x: int, n: int, sentence: str) -> None:
    assert plain(wording.rate_sentence(a_row(x, n))) == sentence


def test_what_was_not_assessed_stands_in_the_sentence() -> None:
    assert "Not assessed to the end of the 30-day window: 4." in wording.rate_sentence(
        a_row(20, 100, assessed=96)
    )


def test_a_denominator_of_zero_is_a_dash() -> None:
    nothing = Estimate(None, Interval(None, None, 0.95, "wilson"), 0, 0, "sessions")
    assert wording.share(nothing) == wording.DASH
    assert wording.interval(nothing) == wording.DASH
    assert wording.percent(None, 0) == wording.DASH


def test_one_sided_bounds_say_up_to() -> None:
    assert plain(wording.interval(proportion(0, 20))) == "up to 13.9 %"
    assert wording.share(proportion(0, 20)) == "0 of 20"


def test_days_are_written_out() -> None:
    assert wording.day(dt.date(2026, 11, 3)) == "3 Nov 2026"


def test_messages_nest_and_translate_each_part() -> None:
    given = message("{what} of {n}", what=message("sessions"), n=3)
    assert str(given) == "sessions of 3"
    with speaking(Language.GERMAN):
        assert str(message("{unit}", unit=message("sessions"))) == "Behandlungen"
        assert render("sessions") == "Behandlungen"


def test_percentages_never_lose_their_denominator() -> None:
    assert plain(wording.percent(1 / 3, 30)) == "33.3 %"
    assert plain(wording.percent(1 / 3, 3000)) == "33.33 %"
    assert math.isclose(proportion(49, 12173).value or 0, 49 / 12173)

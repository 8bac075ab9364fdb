"""Is the language asked for at each call, and does each write numbers and days as it should?"""

from __future__ import annotations

import datetime as dt
import io
import threading
from pathlib import Path

import pytest

from dashboard.figures.marks import chart_of, day_format
from registry import language
from registry.catalogue.extraction import extract_calls, extract_labels, extract_rows
from registry.language import NARROW_SPACE, preferred, speaking
from registry.messages import _, inline, listed, message, ngettext
from registry.vocabulary import Language

DAY = dt.date(2026, 11, 23)
MARCH = dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("spoken", "count", "percent", "decimal", "typed", "day", "month"),
    [
        (Language.ENGLISH, "12,173", "0.40 %", "1,234.5", "0.5", "23 Nov 2026", "Mar 2026"),
        (Language.GERMAN, "12.173", "0,40 %", "1.234,5", "0,5", "23. Nov. 2026", "März 2026"),
    ],
)
def test_numbers_and_days_follow_the_language(
    spoken: Language, count: str, percent: str, decimal: str, typed: str, day: str, month: str
) -> None:
    with speaking(spoken):
        assert language.count(12173) == count
        assert language.percent(0.004, 2) == percent.replace(" ", NARROW_SPACE)
        assert language.decimal(1234.5, 1) == decimal
        assert language.as_typed("0.5") == typed
        assert language.day(DAY) == day
        assert language.month(MARCH) == month


def test_english_months_have_three_letters() -> None:
    assert {len(name) for name in language.months(Language.ENGLISH)} == {3}


def test_words_are_translated_when_they_are_shown() -> None:
    made = message(
        "{rate} ({events} of {sessions})", rate="1 %", events=1, sessions=message("Foam")
    )
    with speaking(Language.GERMAN):
        assert _("Sign in") == "Anmelden"
        assert str(made) == "1 % (1 von Schaum)"
        assert str(listed([message("Foam"), message("Liquid")])) == "Schaum, Flüssig"
        assert ngettext("Review the case", "Review the {count} cases", 2).startswith("Die {count}")
        with speaking(Language.ENGLISH):
            assert str(made) == "1 % (1 of Foam)"
    assert _("Sign in") == "Sign in"


def test_no_text_is_no_heading_of_a_catalogue() -> None:
    with speaking(Language.GERMAN):
        assert _("") == ""
        assert _("A text that nobody has translated") == "A text that nobody has translated"


def test_a_label_within_a_sentence_begins_as_its_language_does() -> None:
    assert str(inline("Foam")) == "foam"
    assert str(inline("DVT, pulmonary embolism")) == "DVT, pulmonary embolism"
    with speaking(Language.GERMAN):
        assert str(inline("Foam")) == "Schaum"
        assert str(inline("Liquid")) == "flüssig"
        assert language.within("Überfällig") == "Überfällig"


def test_work_in_another_thread_keeps_the_language_it_was_begun_in() -> None:
    said: list[str] = []
    with speaking(Language.GERMAN):
        work = language.kept(lambda: said.append(_("Sign in")))
    threads = [
        threading.Thread(target=work),
        threading.Thread(target=lambda: said.append(_("Sign in"))),
    ]
    for thread in threads:
        thread.start()
        thread.join()
    assert said == ["Anmelden", "Sign in"]


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (None, Language.ENGLISH),
        ("", Language.ENGLISH),
        ("de-AT,de;q=0.9,en;q=0.8", Language.GERMAN),
        ("en-GB,en;q=0.9,de;q=0.8", Language.ENGLISH),
        ("fr-CH, fr;q=0.9, de;q=0.5, *;q=0.1", Language.GERMAN),
        ("en;q=0.3,de;q=0.7", Language.GERMAN),
        ("de;q=0,en", Language.ENGLISH),
        ("fr,it", Language.ENGLISH),
        ("de;q=x,;;,", Language.ENGLISH),
    ],
)
def test_the_browser_is_asked_for_the_language_it_likes_best(
    accepted: str | None, chosen: Language
) -> None:
    assert preferred(accepted) is chosen


def test_charts_write_their_axes_in_the_language() -> None:
    chart = chart_of([{"share": 0.05}]).mark_point().encode(x="share:Q")
    assert "locale" not in chart.to_dict().get("config", {})
    assert day_format() == "%-d %b %Y"
    with speaking(Language.GERMAN):
        locale = chart.to_dict()["config"]["locale"]
        assert day_format() == "%-d. %b %Y"
    assert (locale["number"]["decimal"], locale["number"]["thousands"]) == (",", ".")
    assert locale["time"]["shortMonths"][2] == "März"
    assert locale["time"]["days"][0] == "Sonntag"


# --- what translators get -------------------------------------------------------------------------


def test_texts_are_found_within_other_texts_and_choices() -> None:
    source = """f'<b>{_("Sign out")}</b>'
message("one" if n == 1 else "several", n=n)
ngettext("{n} case", "{n} cases", n)
_(label)
"""
    found = extract_calls(io.BytesIO(source.encode()), {"_", "message", "ngettext"}, ())
    assert {text for _line, _name, text, _comments in found} == {
        "Sign out",
        "one",
        "several",
        ("{n} case", "{n} cases"),
    }


def test_labels_are_found_as_they_begin_within_a_sentence_too() -> None:
    found = extract_labels(io.BytesIO(b'{1: N_("Liquid"), 2: N_("CO2")}'), {"N_"}, ())
    assert [text for _line, _name, text, _comments in found] == ["Liquid", "liquid", "CO2"]


def test_names_of_products_are_not_translated_but_generic_ones_are(tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("code,label,has_label\nasclera,Asclera,yes\nnone,Not stated,no\n")
    with file.open("rb") as opened:
        found = list(extract_rows(opened, (), ()))
    assert [text for _line, _name, text, _comments in found] == ["Not stated"]

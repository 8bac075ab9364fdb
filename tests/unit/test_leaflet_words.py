"""Can patients read the leaflet, does each array show its number, and does it fit on two pages?"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re

import pytest
import vl_convert
from pypdf import PdfReader

from dashboard.figures.icon_arrays import GREY, icon_array
from dashboard.figures.marks import INK
from dashboard.leaflet_data import LeafletText, text_of
from dashboard.take_away import printed_file
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import Colophon
from registry.analysis.leaflet import (
    LeafletItem,
    LeafletReport,
    PublishedElsewhere,
    Seen,
    Signs,
)
from registry.analysis.results import Heading
from registry.analysis.wording import NARROW_SPACE
from registry.catalogue import catalogue
from registry.language import speaking
from registry.messages import message
from registry.vocabulary import Language

POINT = PublishedElsewhere(Signs(4, 0, 1, 11), "Bradbury AW. 2010.", 977, 30)
RANGE = PublishedElsewhere(Signs(10, 90), "Rabe E. 2020.", None, None)
RARE = PublishedElsewhere(Signs(0, 0), "Rabe E. 2020.", None, None)
KINDS: tuple[tuple[Seen, Signs | None, int | None, PublishedElsewhere | None], ...] = (
    (Seen.COUNTED, Signs(113, 106, 80, 273), None, None),
    (Seen.NOT_FOLLOWED_UP, None, None, RANGE),
    (Seen.NONE, None, 25, None),
    (Seen.FEWER, None, None, POINT),
    (Seen.NONE, None, None, RARE),
    (Seen.NEARLY_ALL, None, None, RARE),
    (Seen.COUNTED, Signs(50, 0, 23, 105), None, None),
)
LONGEST_SENTENCE = 20
"""Words: plain-language guides ask for 15 to 20 on average."""


@pytest.fixture
def report() -> LeafletReport:
    """Each kind of thing that a leaflet can say, as long as the shipped texts make it."""
    rows = catalogue().leaflet_outcomes.values()
    return LeafletReport(
        heading=Heading(
            "leaflet",
            message("Leaflet"),
            message("Defined."),
            "patients",
            CohortFilter(levels={"clinic": ("1",)}),
            dt.date(2026, 11, 23),
            7,
        ),
        clinic="Vein Clinic <b>North</b>",
        start=dt.date(2024, 4, 1),
        end=dt.date(2026, 3, 31),
        of=1000,
        patients=1265,
        treatments_each=3,
        needed=80,
        items=tuple(
            LeafletItem(
                row.code, message(row.label), message(row.explanation), 30, seen, 89, *numbers
            )
            for row, (seen, *numbers) in zip(rows, KINDS, strict=True)
        ),
    )


def sentences(text: LeafletText) -> list[str]:
    said = [text.title, text.subtitle, *text.introduction, text.closing, text.sources_heading]
    for part in (*text.own, *text.published):
        said += [part.label, part.explanation, part.number, *part.about]
    whole = [each for paragraph in said for each in re.split(r"(?<=[.!?:])\s+", paragraph)]
    return [each.replace(NARROW_SPACE, " ") for each in whole if each]


def test_sentences_are_short_and_frequencies_have_one_denominator(report: LeafletReport) -> None:
    without = dataclasses.replace(report, patients=None, treatments_each=None)
    told = [
        sentence
        for given in (report, without, dataclasses.replace(without, clinic=""))
        for sentence in sentences(text_of(given, Language.ENGLISH))
    ]
    lengths = {sentence: len(sentence.split()) for sentence in told}
    assert max(lengths.values()) <= LONGEST_SENTENCE, max(lengths, key=lengths.__getitem__)
    assert sum(lengths.values()) / len(lengths) <= 12
    assert not [each for each in told if re.search(r"\b\d+ in \d", each)]
    assert {"1,000"} == {of for each in told for of in re.findall(r"of every ([\d,]+)", each)}
    assert not [each for each in told if re.search("rate|risk|percent|cohort|adverse", each)]


def test_own_numbers_and_published_ones_never_share_a_heading(report: LeafletReport) -> None:
    text = text_of(report, Language.ENGLISH)
    assert [part.number for part in text.own] == [
        "About 113 of every 1,000 of our patients.",
        "About 50 of every 1,000 of our patients.",
    ]
    assert [part.number for part in text.published] == [
        "Between 10 and 100 of every 1,000 patients elsewhere.",
        "Published numbers differ too much to name one.",
        "About 4 of every 1,000 patients elsewhere.",
        "Fewer than 1 of every 1,000 patients elsewhere.",
        "Fewer than 1 of every 1,000 patients elsewhere.",
    ]
    assert text.published_heading == "Published elsewhere, not from our clinic"
    assert text.sources == ("Rabe E. 2020.", "Bradbury AW. 2010.")
    about = " ".join(text.own[0].about).replace(NARROW_SPACE, " ")
    assert about == (
        "Counted up to 30 days after a treatment. We followed up 89 % of our last 1,265 patients "
        "for this. For another 106 of every 1,000 we do not know. The true number may lie between "
        "80 and 273 of every 1,000."
    )
    (few,) = (part for part in text.published if "fewer than 5" in " ".join(part.about))
    assert "In our clinic fewer than 5 of our last 1,265 patients had this." in few.about[1]
    assert few.about[0].endswith("977 patients were counted there.")


@pytest.mark.parametrize(
    ("signs", "of"),
    [
        (Signs(7, 0), 100),
        (Signs(0, 0), 1000),
        (Signs(113, 106), 1000),
        (Signs(0, 1000), 1000),
        (Signs(90, 10), 100),
    ],
)
def test_an_array_draws_as_many_signs_as_its_number(signs: Signs, of: int) -> None:
    figure = icon_array(signs, of, title="T", description="D", key="K")
    svg = vl_convert.vegalite_to_svg(figure.chart.to_dict(), allowed_base_urls=[])
    paths = [path for path in re.findall(r"<path[^>]*>", svg) if "translate" in path]
    had = [path for path in paths if f'fill="{INK}"' in path]
    unknown = [path for path in paths if f'fill="{GREY}"' in path]
    assert (len(had), len(unknown), len(paths)) == (signs.had, signs.unknown, of)


def test_the_text_beside_an_array_says_all_of_it(report: LeafletReport) -> None:
    figure = text_of(report, Language.ENGLISH).own[0].figure
    assert figure is not None
    assert figure.description == (
        "Brown marks on the skin. Of 1,000 signs, each for one patient, 113 are filled, 106 are "
        "grey and 781 are empty."
    )
    assert figure.key == "● had it · ■ not known · ○ did not have it"


def test_a_picture_by_itself_carries_its_number_and_its_source(report: LeafletReport) -> None:
    (clot,) = (
        part
        for part in text_of(report, Language.ENGLISH).published
        if part.number.startswith("About 4")
    )
    alone = clot.standing_alone
    assert alone is not None
    assert alone.title.endswith("Published elsewhere, not from our clinic")
    for said in ("About 4 of every 1,000 patients elsewhere.", "Bradbury AW. 2010.", "fewer than"):
        assert said in alone.key


@pytest.mark.parametrize("language", Language)
def test_the_print_fits_on_two_pages_in_its_own_language(
    report: LeafletReport, language: Language
) -> None:
    taken = Colophon(
        report.heading, message("all"), (), (), (), (), "Ada Doe",
        dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC), 7, "0" * 64,
    )  # fmt: skip
    with speaking(language):
        pdf = PdfReader(io.BytesIO(printed_file(report, taken)))
    assert len(pdf.pages) == 2
    assert pdf.trailer["/Root"]["/Lang"] == language.value
    words = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    assert "Vein Clinic <b>North</b>" in words
    of = {"en": "1,000", "de": "1.000"}
    assert of[language.value] in words
    assert of[{"en": "de", "de": "en"}[language.value]] not in words
    # Patients are not told who made it.
    assert "Ada Doe" not in words

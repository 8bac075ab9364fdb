"""Do pictures stand alone, with everything said on them, and nothing fetched or run?"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import struct
from xml.etree import ElementTree as ET

import pytest

from dashboard import figures
from dashboard.figures import Figure
from dashboard.take_away import File, picture_file, standing_alone
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import Colophon
from registry.analysis.results import FollowUpReport, Heading, VisitRow
from registry.messages import message
from registry.statistics.proportions import proportion

HOSTILE = '<script>alert("x")</script> & Söhne ${datum}'
CLINIC = CohortFilter(levels={"clinic": ("1",)})
HEADING = Heading(
    "follow_up",
    message("Completeness of {clinic}", clinic=HOSTILE),
    message("Sessions whose patient was seen."),
    "sessions",
    CLINIC,
    dt.date(2026, 11, 23),
    7,
)
TAKEN = Colophon(
    HEADING,
    message("all days, Clinic: {clinic}", clinic=HOSTILE),
    (message("30 of 40 sessions"),),
    (message("Wilson"), message("exact, one-sided")),
    (),
    (),
    "Ada Doe",
    dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC),
    1,
    "0123456789abcdef" * 4,
)


@pytest.fixture(scope="module")
def drawn() -> Figure:
    row = VisitRow("check_6_8w", message("{name}", name=HOSTILE), 40, 30, 10, 0, proportion(30, 40))
    found = figures.follow_up(FollowUpReport(HEADING, (row,), ()))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def svg(drawn: Figure) -> str:
    return picture_file(File.SVG, drawn, TAKEN).decode()


def words(svg: str) -> str:
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter())  # noqa: S314


def test_a_picture_says_what_it_is_and_where_it_comes_from(svg: str) -> None:
    said = words(svg)
    for part in (
        "Completeness of",
        "Sessions whose patient was seen.",
        "Share of sessions whose patient was seen, with 95 % interval",
        "30 of 40 sessions",
        "Sessions: all days, Clinic:",
        "Intervals: 95 %; Wilson; exact, one-sided.",
        "Data as of 23 Nov 2026, version 7; SHA-256 of the rows 0123456789abcdef…",
        "Taken by Ada Doe, 23 Nov 2026 09:30 UTC.",
    ):
        assert part in said


def test_no_name_becomes_markup(svg: str) -> None:
    assert "<script" not in svg
    assert "& Söhne" in words(svg)
    assert "${datum}" in words(svg)


def test_nothing_is_fetched_and_every_colour_is_said(svg: str) -> None:
    assert "currentColor" not in svg
    assert "transparent" not in svg.split("<path", 1)[1].split(">", 1)[0]
    links = set(re.findall(r"https?://[^\"' ]+", svg))
    assert links <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_a_png_is_a_large_picture_with_ink_on_it(drawn: Figure) -> None:
    png = picture_file(File.PNG, drawn, TAKEN)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    assert width > 1400
    assert height > 400


def test_the_words_of_a_png_are_drawn(drawn: Figure) -> None:
    silent = dataclasses.replace(TAKEN, summary=(), taken_by="", methods=())
    assert len(picture_file(File.PNG, drawn, TAKEN)) > len(picture_file(File.PNG, drawn, silent))


def test_the_page_keeps_its_chart(drawn: Figure) -> None:
    before = drawn.chart.to_json()
    standing_alone(drawn, TAKEN)
    assert drawn.chart.to_json() == before
    assert "width" not in drawn.chart.to_dict()


def test_long_definitions_are_broken_into_lines(drawn: Figure) -> None:
    heading = dataclasses.replace(HEADING, definition=message("Sessions " * 80))
    spec = standing_alone(drawn, dataclasses.replace(TAKEN, heading=heading))
    lines = spec["vconcat"][0]["title"]["subtitle"]
    assert len(lines) > 5
    assert max(map(len, lines)) <= 112

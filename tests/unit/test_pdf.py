"""Does a printed report say everything, as text, on every page, and take no name for markup?"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from dashboard import figures
from dashboard.pdf import pdf_bytes
from dashboard.printed import Document, Grid, document, kept_document, whole_document
from registry.analysis.cohort import CohortFilter
from registry.analysis.colophon import Colophon
from registry.analysis.frozen import PeriodKept
from registry.analysis.results import Excluded, FollowUpReport, Heading, VisitRow
from registry.messages import message
from registry.statistics.proportions import proportion

HOSTILE = '<b>Söhne</b> & <font color="red">O\'Brien</font> <img src="http://x.test/a"/> &amp; ≥'
DIGEST = "0123456789abcdef" * 4
HEADING = Heading(
    "follow_up",
    message("Completeness of follow-up"),
    message(
        "Sessions whose patient was seen: ≥ 1 visit, 0.31–0.53\N{NARROW NO-BREAK SPACE}%, CO₂."
    ),
    "sessions",
    CohortFilter(levels={"clinic": ("1",)}),
    dt.date(2026, 11, 23),
    7,
)
ROW = VisitRow("check_6_8w", message("{name}", name=HOSTILE), 40, 30, 10, 0, proportion(30, 40))
REPORT = FollowUpReport(
    HEADING, (ROW,), (Excluded(message("sessions of today"), 3),), (message("Few came."),)
)
TAKEN = Colophon(
    HEADING,
    message("all days, Clinic: {clinic}", clinic=HOSTILE),
    (message("30 of 40 sessions"),),
    (message("Wilson"),),
    REPORT.excluded,
    REPORT.warnings,
    "Ada <i>Doe</i>",
    dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC),
    1,
    DIGEST,
    (HOSTILE,),
)


def reader(printed: Document) -> PdfReader:
    return PdfReader(io.BytesIO(pdf_bytes(printed)))


def words(pdf: PdfReader) -> str:
    """All text of a file, on one line."""
    return " ".join(" ".join(page.extract_text() for page in pdf.pages).split())


@pytest.fixture(scope="module")
def printed() -> Document:
    return document(REPORT, TAKEN)


def test_a_report_says_what_it_is_and_where_it_comes_from(printed: Document) -> None:
    said = words(reader(printed))
    for part in (
        "Completeness of follow-up",
        "How many patients come back to be asked?",
        "30 of 40 sessions",
        "Seen of due",
        "75.0 %",
        "Sessions whose patient was seen: ≥ 1 visit, 0.31–0.53 %, CO₂.",
        "95 %; Wilson",
        "sessions of today: 3",
        "Few came.",
        "Data as of 23 Nov 2026, version 7 · Ada <i>Doe</i>, 23 Nov 2026 09:30 UTC",
        f"SHA-256 {DIGEST}",
        "Page 1 of 1",
    ):
        assert part in said


def test_names_are_printed_as_they_are(printed: Document) -> None:
    pdf = reader(printed)
    said = words(pdf)
    assert said.count('<b>Söhne</b> & <font color="red">O\'Brien</font>') >= 2
    assert "&amp; ≥" in said
    assert all("/Annots" not in page for page in pdf.pages), "nothing to click, nothing to fetch"
    assert b"x.test/a" not in pdf_bytes(printed)


def test_a_file_has_title_language_and_its_own_letters(printed: Document) -> None:
    pdf = reader(printed)
    assert pdf.trailer["/Root"]["/Lang"] == "en"
    assert pdf.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata is not None
    assert pdf.metadata.title == f"Completeness of follow-up, {HOSTILE}"
    assert pdf.metadata.author == "Ada <i>Doe</i>"
    for page in pdf.pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            assert "/FontFile2" in font.get_object()["/FontDescriptor"]


def test_the_same_report_gives_the_same_bytes(printed: Document) -> None:
    assert pdf_bytes(printed) == pdf_bytes(document(REPORT, TAKEN))


def test_the_picture_is_drawn_once(printed: Document) -> None:
    assert [len(page.images) for page in reader(printed).pages] == [1]
    drawn = figures.follow_up(REPORT)
    assert drawn is not None
    as_drawn = document(REPORT, TAKEN, dataclasses.replace(drawn, title="As it was drawn"))
    assert "As it was drawn" in words(reader(as_drawn))


def test_what_is_incomplete_bears_a_mark_on_every_page(printed: Document) -> None:
    assert "INCOMPLETE" not in words(reader(printed))
    why = message("30 of 40 were assessed")
    marked = whole_document([(REPORT, dataclasses.replace(TAKEN, incomplete=why))] * 2)
    pages = [page.extract_text() for page in reader(marked).pages]
    assert len(pages) > 1
    assert all("INCOMPLETE" in page for page in pages)
    assert "Incomplete, not to be quoted. 30 of 40 were assessed" in words(reader(marked))


def test_pages_are_numbered_and_headed() -> None:
    whole = whole_document([(REPORT, TAKEN)] * 3)
    pages = [page.extract_text() for page in reader(whole).pages]
    assert [f"Page {i} of {len(pages)}" in page for i, page in enumerate(pages, 1)] == [True] * 3
    assert all("Report of the clinic" in page for page in pages)
    assert whole.data_hash != DIGEST


def test_a_kept_document_comes_back_from_json_and_says_that_it_was_kept() -> None:
    whole = whole_document([(REPORT, TAKEN)])
    stored = json.loads(json.dumps(whole.to_plain()))
    assert Document.from_plain(stored) == whole
    period = PeriodKept(
        id=None,  # type: ignore[arg-type]
        name=HOSTILE,
        first_day=dt.date(2026, 1, 1),
        last_day=dt.date(2026, 3, 31),
        data_as_of=dt.date(2026, 4, 1),
        seal=7,
        kept_at=dt.datetime(2026, 4, 1, 8, tzinfo=dt.UTC),
        voided_at=dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC),
        digest=DIGEST,
    )
    later = dt.datetime(2027, 11, 23, 9, 30, tzinfo=dt.UTC)
    kept = kept_document(period, {"document": stored}, taken_by="Tom Roe", taken_at=later)
    said = words(reader(kept))
    assert "WITHDRAWN on 1 May 2026. Frozen on 1 Apr 2026 by Ada <i>Doe</i>" in said
    assert "Data as of 23 Nov 2026, version 7 · Tom Roe, 23 Nov 2027 09:30 UTC" in said
    assert "30 of 40 sessions" in said


NAMES = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60
) | st.sampled_from(["<para>", "</b>", "&#0;", "a" * 400, "\u202e\u0000\x1b[31m", "<br/>" * 20])


@settings(max_examples=15)
@given(name=NAMES)
def test_no_name_breaks_the_layout(name: str) -> None:
    section = dataclasses.replace(
        document(REPORT, TAKEN).sections[0],
        title=name,
        answer=(name,),
        pictures=(),
        tables=(Grid(name, (name, "n"), ((name, "7"), ("x", name))),),
    )
    printed = dataclasses.replace(
        document(REPORT, TAKEN), title=name, clinics=name, sections=(section,), taken_by=name
    )
    assert "Page 1 of" in words(reader(printed))

"""Do tables leave with typed numbers, with their definitions, and without a formula?"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from registry.analysis.colophon import digest
from registry.exchange.tables import csv_bytes, workbook_bytes

NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)
HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "＝1", "'=1"]
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e9, 1e9),
    st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)),
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")),
    st.sampled_from(HOSTILE),
)


def workbook(rows: list[dict[str, Any]], definitions: list[tuple[str, str]] | None = None) -> Any:
    made = workbook_bytes("Rates", rows, definitions or [], made_by="=Ada", made_at=NOW)
    return load_workbook(io.BytesIO(made))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_a_workbook_gives_back_numbers_days_and_texts(values: list[tuple[Any, Any]]) -> None:
    rows = [{"row": i, "one": one, "two": two} for i, (one, two) in enumerate(values)]
    sheet = workbook(rows)["Table"]
    for row, line in zip(rows, sheet.iter_rows(min_row=2), strict=True):
        for value, cell in zip(row.values(), line, strict=True):
            if isinstance(value, str):
                assert cell.data_type != "f"
                assert (cell.value or "") == value
            elif isinstance(value, dt.date):
                assert cell.value == dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
            elif isinstance(value, float):
                assert cell.value == pytest.approx(value, rel=1e-14)
            else:
                assert cell.value == value
                assert isinstance(cell.value, bool) == isinstance(value, bool)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_formula(text: str) -> None:
    made = workbook([{"label": text, text: 1}], [(text, text)])
    for sheet in made:
        for line in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in line)
    assert made["Table"]["A2"].value == text
    assert made["Definitions"]["B1"].value == text
    [row] = csv.DictReader(io.StringIO(csv_bytes([{"label": text}], {}).decode(), newline=""))
    assert row["label"] == f"'{text}"


def test_the_file_itself_holds_no_formula() -> None:
    made = workbook_bytes("T", [{"a": "=1+1", "b": 2}], [("a", "=2")], made_by="x", made_at=NOW)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        sheets = [archive.read(n) for n in archive.namelist() if n.startswith("xl/worksheets/")]
    assert len(sheets) == 2
    assert all(b"<f>" not in sheet for sheet in sheets)


def test_a_workbook_says_who_made_it_when() -> None:
    made = workbook([{"a": 1}])
    assert (made.properties.creator, made.properties.title) == ("=Ada", "Rates")
    assert made.properties.created == NOW.replace(tzinfo=None)


def test_what_a_workbook_cannot_hold_is_left_out() -> None:
    assert workbook([{"a": "A\x00\x1b\ud800\uffffB\nC"}])["Table"]["A2"].value == "AB\nC"


def test_an_empty_result_is_an_empty_table_with_definitions() -> None:
    made = workbook([], [("Definition", "Sessions")])
    assert made["Table"].max_row == 1
    assert made["Definitions"]["B1"].value == "Sessions"
    assert csv_bytes([], {"filter": "x"}) == b""


def test_every_row_of_a_csv_says_where_it_comes_from() -> None:
    text = csv_bytes([{"a": 1.5}, {"a": None}], {"filter": "form=foam", "on": NOW.date()}).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [
        {"a": "1.5", "filter": "form=foam", "on": "2026-11-23"},
        {"a": "", "filter": "form=foam", "on": "2026-11-23"},
    ]


def test_the_digest_is_that_of_the_rows_and_of_nothing_else() -> None:
    rows = [{"a": 1, "b": "ü"}]
    assert digest(rows) == digest([{"b": "ü", "a": 1}])
    assert digest(rows) != digest([{"a": 1, "b": "u"}])
    # printf '[{"a":1,"b":"ü"}]' | sha256sum
    assert digest(rows) == "0bb873db44ec0a4602b084b820c0456194adcf828d3405e6f6174efdd4a102d0"

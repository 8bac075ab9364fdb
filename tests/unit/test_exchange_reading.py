"""Does reading refuse whatever is not written as agreed, and say where and why?"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.entry.problems import Level
from registry.errors import UnreadableFile
from registry.exchange import UPLOAD_LIMITS, Limits, Parsed, read_files
from registry.exchange.columns import Column, Kind
from registry.exchange.format import FILES
from registry.exchange.values import CellFault, reader, write_cell
from registry.exchange.writing import FileSet
from registry.vocabulary import Guidance, SclerosantForm

Rows = list[dict[str, str]]
ONE_SESSION: dict[str, Rows] = {
    "patients.csv": [{"patient_key": "P-0001", "enrolled_on": "2026-01-10"}],
    "sessions.csv": [
        {"session_key": "S1", "patient_key": "P-0001", "treated_on": "2026-01-10", "pain": "3"}
    ],
    "injections.csv": [
        {"session_key": "S1", "product_code": "asclera", "form": "liquid", "liquid_ml": "1.5"}
    ],
}


def written(name: str, rows: Rows, columns: list[str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns or list(FILES[name].columns))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def files(**changed: bytes | Rows) -> dict[str, bytes]:
    """A sound set of files; ``sessions=`` replaces sessions.csv by content or by rows."""
    made = {name: written(name, rows) for name, rows in ONE_SESSION.items()}
    for stem, content in changed.items():
        name = f"{stem}.csv"
        made[name] = content if isinstance(content, bytes) else written(name, content)
    return made


def zipped(content: Mapping[str, bytes], **options: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target.getvalue()


def faults(parsed: Parsed) -> list[tuple[str, int, str, str]]:
    return [(p.file, p.row, p.column, p.rule) for p in parsed.problems.kept(Level.REFUSE)]


def test_values_come_typed_and_text_stays_to_the_letter() -> None:
    parsed = read_files(
        files(
            sessions=[
                ONE_SESSION["sessions.csv"][0]
                | {
                    "weight_kg": "71.5",
                    "guidance": "ultrasound",
                    "consent_version": "0012",
                    "note": "NA, 1E5; größer\r\n2 mL",
                }
            ]
        )
    )
    assert faults(parsed) == []
    assert parsed.tables["sessions.csv"].rows[0].values == {
        "session_key": "S1",
        "patient_key": "P-0001",
        "treated_on": dt.date(2026, 1, 10),
        "pain": 3,
        "weight_kg": Decimal("71.5"),
        "guidance": Guidance.ULTRASOUND,
        "consent_version": "0012",
        "note": "NA, 1E5; größer\r\n2 mL",
    }
    assert parsed.tables["injections.csv"].rows[0].values["form"] is SclerosantForm.LIQUID
    assert parsed.row_count == 3


@pytest.mark.parametrize(
    ("column", "cell", "rule", "found"),
    [
        ("treated_on", "03/04/2026", "day", "day in another order"),
        ("treated_on", "3.4.2026", "day", "day in another order"),
        ("treated_on", "2026-1-5", "day", "day in another order"),
        ("treated_on", "20260105", "day", "whole number"),
        ("treated_on", "2026-02-30", "day", "day"),
        ("treated_on", "2026-01-10 00:00:00", "day", "day with time"),
        ("treated_on", "46032", "day", "day number of a spreadsheet"),
        ("treated_on", "", "required", "blank"),
        ("weight_kg", "71,5", "decimal_number", "decimal comma"),
        ("weight_kg", "1E2", "decimal_number", "exponent"),
        ("weight_kg", "71 kg", "decimal_number", "number with unit or separators"),
        ("weight_kg", "1'000", "decimal_number", "number with unit or separators"),
        ("weight_kg", "NaN", "decimal_number", "text"),
        ("weight_kg", "٧١", "decimal_number", "text"),
        ("weight_kg", " 71", "no_spaces", "value with spaces at an end"),
        ("pain", "3.0", "whole_number", "decimal number"),
        ("pain", "03", "whole_number", "number with leading zeros"),
        ("pain", "three", "whole_number", "text"),
        ("guidance", "Ultrasound", "one_of", "text"),
        ("session_key", "S1 ", "no_spaces", "text with spaces at an end"),
        ("session_key", "S" * 65, "length", "long text"),
        ("session_key", "S\n1", "printable", "text with control characters"),
    ],
)
def test_nothing_is_guessed(column: str, cell: str, rule: str, found: str) -> None:
    parsed = read_files(files(sessions=[ONE_SESSION["sessions.csv"][0] | {column: cell}]))
    (problem,) = parsed.problems.kept(Level.REFUSE)
    assert (problem.file, problem.row, problem.column) == ("sessions.csv", 2, column)
    assert (problem.rule, problem.found) == (rule, found)
    assert not cell.strip() or cell.strip() not in str(problem)


def test_a_near_miss_is_answered_with_the_right_word() -> None:
    parsed = read_files(
        files(injections=[ONE_SESSION["injections.csv"][0] | {"product_code": "Aethoxysclerol"}])
    )
    (problem,) = parsed.problems.kept(Level.REFUSE)
    assert "Did you mean aethoxysklerol?" in str(problem.message)


def test_every_fault_of_a_hundred_is_found() -> None:
    rows = [
        {"session_key": f"S{i}", "patient_key": "P-0001", "treated_on": "2026-01-10"}
        for i in range(300)
    ]
    for i in range(0, 300, 3):
        rows[i]["pain"] = "none"
    parsed = read_files(files(sessions=rows))
    assert [p.row for p in parsed.problems.kept(Level.REFUSE)] == list(range(2, 302, 3))
    assert len(parsed.tables["sessions.csv"].rows) == 200
    assert parsed.tables["sessions.csv"].broken["session_key"] == {
        f"S{i}" for i in range(0, 300, 3)
    }


def test_problems_beyond_the_kept_ones_are_still_counted() -> None:
    rows = [ONE_SESSION["sessions.csv"][0] | {"pain": "x", "treated_on": "x"}] * 3_000
    problems = read_files(files(sessions=rows)).problems
    assert problems.count(Level.REFUSE) == 6_000
    assert len(problems.kept(Level.REFUSE)) == 2_000
    assert {(e.first.column, e.count) for e in problems.by_rule(Level.REFUSE)} == {
        ("pain", 3_000),
        ("treated_on", 3_000),
    }


PATIENT_HEADER = list(FILES["patients.csv"].columns)


@pytest.mark.parametrize(
    ("content", "column", "rule"),
    [
        (written("patients.csv", [], [*PATIENT_HEADER, "email"]), "", "known_column"),
        (written("patients.csv", [], [*PATIENT_HEADER, "sex"]), "sex", "column_once"),
        (
            written("patients.csv", [], [c for c in PATIENT_HEADER if c != "sex"]),
            "sex",
            "column_there",
        ),
        (";".join(PATIENT_HEADER).encode(), "", "comma"),
        (",".join(["x"] * 100_000).encode(), "", "known_column"),
        (written("patients.csv", []) + b"P-0001,2026\r\n", "", "as_long_as_header"),
        (written("patients.csv", []) + b'P-0001,"a"b\r\n', "", "csv"),
        (written("patients.csv", []) + b'P-0001,"a\r\n', "", "csv"),
        (written("patients.csv", []) + b"P-\x000001\r\n", "", "no_nul"),
        (written("patients.csv", []) + "Größe\r\n".encode("latin-1"), "", "utf_8"),
        (",".join(PATIENT_HEADER).encode("utf-16"), "", "utf_8"),
    ],
)
def test_a_malformed_file_is_refused(content: bytes, column: str, rule: str) -> None:
    found = faults(read_files(files(patients=content)))
    assert ("patients.csv", column, rule) in [(file, c, r) for file, _, c, r in found]


def test_a_file_without_header_shows_no_data_in_its_message() -> None:
    content = b"Zzcanary,Ida,1970-05-17\r\n"
    parsed = read_files(files(patients=content))
    assert parsed.problems.count(Level.REFUSE) > 3
    assert not any("canary" in str(p).lower() for p in parsed.problems.kept(Level.REFUSE))


def test_identity_and_free_text_columns_may_be_left_out_and_are_named() -> None:
    columns = [c.name for c in FILES["patients.csv"].columns.values() if c.withheld is None]
    parsed = read_files(
        files(patients=written("patients.csv", ONE_SESSION["patients.csv"], columns))
    )
    assert faults(parsed) == []
    assert parsed.tables["patients.csv"].left_out == {
        "family_name",
        "given_name",
        "birth_date",
        "hospital_number",
    }


def test_a_byte_order_mark_and_empty_lines_change_nothing() -> None:
    plain = read_files(files())
    marked = read_files(
        files(patients=b"\xef\xbb\xbf" + files()["patients.csv"].replace(b"\r\n", b"\n") + b"\n\n")
    )
    assert faults(marked) == []
    assert [row.values for row in marked.tables["patients.csv"].rows] == [
        row.values for row in plain.tables["patients.csv"].rows
    ]


def test_folder_archive_and_uploads_have_one_digest(tmp_path: Path) -> None:
    content = files()
    folder = tmp_path / "clinic"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    (folder / "README.txt").write_text("passed over")
    (folder / ".DS_Store").write_bytes(b"\x00")
    archive = tmp_path / "clinic.zip"
    archive.write_bytes(
        zipped({f"clinic/{name}": data for name, data in content.items()} | {"__MACOSX/x": b"\x00"})
    )
    digests = {
        read_files(source).content_digest
        for source in (content, folder, archive, archive.read_bytes(), {"a.zip": zipped(content)})
    }
    assert len(digests) == 1
    assert read_files(files(sessions=ONE_SESSION["sessions.csv"] * 2)).content_digest not in digests


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"not an archive", "neither a folder nor a zip"),
        (zipped(files())[:-40], "neither a folder nor a zip"),
        (zipped({"[Content_Types].xml": b"<Types/>"}), "workbook"),
        (zipped(files() | {"session.csv": b"x"}), "Did you mean sessions.csv"),
        ({"sessions.csv": b"x"}, "patients.csv, injections.csv not found"),
        (zipped({f"{place}/{n}": c for place in "ab" for n, c in files().items()}), "several"),
        ({name: written(name, []) for name in ONE_SESSION}, "headers and no rows"),
    ],
)
def test_what_is_not_a_set_of_files_is_refused(
    source: bytes | dict[str, bytes], words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_files(source)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_files(tmp_path / "nowhere.zip")


def test_a_damaged_archive_is_refused() -> None:
    content = bytearray(zipped(files()))
    place = content.index(b"patients.csv") + len("patients.csv") + 5
    content[place] ^= 0xFF
    with pytest.raises(UnreadableFile, match="damaged"):
        read_files(bytes(content))


def bomb() -> bytes:
    return zipped(files(sessions=b"0" * (8 * 2**20)))


def many_entries() -> bytes:
    return zipped(files() | {f"x{i}.csv": b"" for i in range(40)})


def many_rows() -> bytes:
    return zipped(files(patients=files()["patients.csv"] + b"\r\n".join([b"," * 10] * 1_000)))


SMALL = Limits(size=2**20, unpacked=2**20, ratio=100, entries=30, rows=500, cell=10_000)


@pytest.mark.parametrize(
    ("make", "limits", "words"),
    [
        (bomb, UPLOAD_LIMITS, "unpacks to more than 100 times"),
        (bomb, SMALL, "larger"),
        (many_entries, UPLOAD_LIMITS, "43 files"),
        (many_rows, SMALL, "more than 500 rows"),
        (lambda: b"0" * (2**20 + 1), SMALL, "larger"),
    ],
)
def test_uploads_beyond_the_limits_are_refused(
    make: Callable[[], bytes], limits: Limits, words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_files(make(), limits=limits)


def test_a_cell_beyond_the_limit_is_named() -> None:
    note = ONE_SESSION["sessions.csv"][0] | {"note": "x" * 10_001}
    assert faults(read_files(files(sessions=[note]), limits=UPLOAD_LIMITS)) == [
        ("sessions.csv", 2, "note", "length")
    ]
    assert faults(read_files(files(sessions=[note]))) == []


def test_reading_shows_progress_to_the_end() -> None:
    seen: list[tuple[int, int, str]] = []
    rows = [ONE_SESSION["sessions.csv"][0]] * 5_000
    content = files(sessions=rows)
    read_files(content, progress=lambda *step: seen.append(step))
    total = sum(map(len, content.values()))
    assert {(size, phase) for _, size, phase in seen} == {(total, "reading")}
    done = [step[0] for step in seen]
    assert done == sorted(done)
    assert done[-1] == total
    assert len(done) > 5


NOTE = FILES["sessions.csv"].columns["note"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_text_comes_back_and_is_never_a_formula(text: str) -> None:
    cell = write_cell(text)
    assert cell[0] not in "=+-@\t\r\n＝＋－＠"
    assert reader(NOTE)(cell) == text


@given(st.text("'=+-@\t\r\nx＝", min_size=1))
def test_apostrophes_in_front_of_a_formula_come_back(text: str) -> None:
    assert reader(NOTE)(write_cell(text)) == text


def column(kind: Kind) -> Column:
    return next(c for f in FILES.values() for c in f.columns.values() if c.kind is kind)


@given(
    st.one_of(
        st.tuples(st.just(Kind.DAY), st.dates()),
        st.tuples(st.just(Kind.YES_NO), st.booleans()),
        st.tuples(st.just(Kind.WHOLE), st.integers(-(10**17), 10**17)),
        st.tuples(
            st.just(Kind.DECIMAL),
            st.decimals(-(10**8), 10**8, allow_nan=False, allow_infinity=False, places=4),
        ),
    )
)
def test_values_come_back_from_their_cells(case: tuple[Kind, object]) -> None:
    kind, value = case
    assert reader(column(kind))(write_cell(value)) == value


@given(st.text(max_size=20))
def test_a_cell_is_read_or_faulted_never_anything_else(cell: str) -> None:
    for kind in Kind:
        with suppress(CellFault):
            assert reader(column(kind))(cell) is not None


def test_an_archive_is_the_same_bytes_each_time() -> None:
    made = []
    for _ in range(2):
        target = io.BytesIO()
        with FileSet(target, archive=True) as writing:
            writing.table("patients.csv", PATIENT_HEADER, [{"patient_key": "=1+1", "sex": None}])
            writing.text("README.txt", "words")
        made.append(target.getvalue())
    assert made[0] == made[1]
    assert b"'=1+1" in zipfile.ZipFile(io.BytesIO(made[0])).read("patients.csv")

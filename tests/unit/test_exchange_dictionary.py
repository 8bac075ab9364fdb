"""Can a clinic fill the template from its dictionary alone?"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from registry.errors import UnreadableFile
from registry.exchange import column_dictionary, column_page, read_files, write_template
from registry.exchange.columns import Kind
from registry.exchange.format import FILES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_columns_is_up_to_date() -> None:
    assert (DOCS / "columns.md").read_text(encoding="utf-8") == column_page()


def test_every_column_is_explained() -> None:
    described = column_dictionary()
    assert [(d.file, d.column) for d in described] == [
        (f.name, c) for f in FILES.values() for c in f.columns
    ]
    assert all(d.meaning and d.type and d.required for d in described)
    for row in described:
        column = FILES[row.file].columns[row.column]
        assert bool(row.allowed) == (column.kind in (Kind.CHOICE, Kind.CODE, Kind.YES_NO))


def test_units_and_ranges_are_those_of_the_data_model() -> None:
    (liquid,) = (d for d in column_dictionary() if d.column == "liquid_ml")
    assert liquid.unit == "mL"
    assert liquid.type == "decimal number with up to 2 decimals, 0.01 to 100"


def test_blank_cells_with_a_default_say_so() -> None:
    meanings = {d.column: d.meaning for d in column_dictionary()}
    assert meanings["sex"].endswith("Blank is stored as unknown.")
    assert meanings["criterion_death"].endswith("Blank is stored as no.")


def test_a_filled_template_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    write_template(folder)
    to_fill = {name for name, file in FILES.items() if file.imported}
    assert {path.name for path in folder.iterdir()} == {*to_fill, "columns.csv", "README.txt"}
    filled = {
        "patients.csv": {"patient_key": "P-0001", "enrolled_on": "2026-01-10"},
        "sessions.csv": {
            "session_key": "S1",
            "patient_key": "P-0001",
            "treated_on": "2026-01-10",
        },
        "injections.csv": {"session_key": "S1", "product_code": "asclera", "form": "liquid"},
    }
    for name, row in filled.items():
        with (folder / name).open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, list(FILES[name].columns)).writerow(row)
    parsed = read_files(folder)
    assert parsed.row_count == 3
    assert not parsed.problems.to_dict()["refuse"]["count"]


def test_a_template_does_not_touch_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("mine")
    with pytest.raises(UnreadableFile, match="not empty"):
        write_template(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["patients.csv"]

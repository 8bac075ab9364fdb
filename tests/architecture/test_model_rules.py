"""Does every column and every reference row say what it is?"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from registry.catalogue import Row, catalogue
from registry.schema import Base
from registry.vocabulary import Provenance

COLUMNS = [column for table in Base.metadata.sorted_tables for column in table.columns]
ROWS = [
    row
    for kind in catalogue().__dataclass_fields__
    if isinstance(rows := getattr(catalogue(), kind), Mapping)
    for row in rows.values()
    if isinstance(row, Row)
]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_column_has_a_label_and_a_comment(column: sa.Column[object]) -> None:
    assert column.info["label"]
    assert column.comment
    assert column.comment.endswith(".")


def test_measured_numbers_name_their_unit() -> None:
    suffixes = ("_ml", "_mm", "_kg", "_percent", "_days")
    measured = [column for column in COLUMNS if column.name.endswith(suffixes)]
    assert len(measured) >= 6
    assert [str(column) for column in measured if not column.info["unit"]] == []


def test_a_reference_row_says_where_it_comes_from() -> None:
    assert len(ROWS) > 300
    for row in ROWS:
        if row.provenance in (Provenance.LABEL, Provenance.PAPER):
            assert row.source in catalogue().sources, row.code
        elif row.provenance is Provenance.OUR_DECISION:
            assert row.reason, row.code
            assert row.decided_on, row.code

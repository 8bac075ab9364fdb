"""Which texts of the reference data and of the data model people see, for their translators.

Named in ``[tool.babel]`` of ``pyproject.toml``; only the extraction of texts and its test run this.
Names of products, titles of papers, codes and what a row cites stay as they are in every language.
"""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import IO, Any, Final

from registry.language import small

Found = tuple[int, str | None, Any, list[str]]

SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "anatomy.csv": ("label",),
    "benchmarks.csv": ("label", "population", "note"),
    "checklists.csv": ("label",),
    "claims.csv": ("label", "text"),
    "clinic_settings.csv": ("label", "unit"),
    "comparators.csv": ("label",),
    "composites.csv": ("label",),
    "conditions.csv": ("label",),
    "contraindications.csv": ("label",),
    "counting_windows.csv": ("label",),
    "dose_limits.csv": ("label",),
    "event_terms.csv": ("label",),
    "indicators.csv": ("label", "definition"),
    "instrument_items.csv": ("label", "question"),
    "leaflet_outcomes.csv": ("label", "explanation"),
    "products.csv": ("label",),
    "safety_rules.csv": ("label",),
    "scales.csv": ("label",),
    "sclerosants.csv": ("label",),
    "strength_guides.csv": ("label",),
    "visits.csv": ("label",),
}
"""Columns with texts that pages and reports show, by file; other files hold none."""


def extract_rows(
    file: IO[bytes], _keywords: Collection[str], _tags: Collection[str], **_options: object
) -> Iterator[Found]:
    """The shown texts of one file of the reference data, each with its line (for Babel)."""
    columns = SHOWN.get(PurePath(file.name).name, ())
    rows = csv.DictReader(io.StringIO(file.read().decode("utf-8")))
    for row in rows:
        # A product under its maker's name is called so everywhere.
        if row.get("has_label") == "yes":
            continue
        for column in columns:
            if row[column]:
                yield rows.line_num, None, row[column], [f"{row['code']}: {column}"]


def extract_calls(
    file: IO[bytes], keywords: Collection[str], _tags: Collection[str], **_options: object
) -> Iterator[Found]:
    """The literals in calls such as ``_("...")`` and ``message("..." if one else "...")``.

    Babel's own extraction reads tokens and misses calls within f-strings.
    """
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "ngettext":
                yield node.lineno, name, tuple(text for a in node.args for text in _texts(a)), []
            elif name in keywords:
                for text in _texts(node.args[0]):
                    yield node.lineno, name, text, []


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def extract_labels(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], **_options: object
) -> Iterator[Found]:
    """The same, and each label marked by ``N_`` also as it begins within a sentence."""
    for line, name, text, comments in extract_calls(file, keywords, tags):
        yield line, name, text, comments
        if name == "N_" and small(text) != text:
            yield line, None, small(text), []


def extract_columns(
    file: IO[bytes], _keywords: Collection[str], _tags: Collection[str], **_options: object
) -> Iterator[Found]:
    """Label and meaning of each column of the data model, ``field("label", "meaning")``."""
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "field":
            for given in node.args[:2]:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.lineno, None, given.value, []

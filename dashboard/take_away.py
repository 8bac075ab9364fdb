"""A figure as a picture that stands alone: title, definition, filter, counts and origin on it.

The chart is the one of the page, on white ground with the colours of the light theme, drawn by
vl-convert without a browser and without the network. Nothing here knows Streamlit, so the command
line makes the same pictures.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

import vl_convert

from dashboard.figures import Figure
from dashboard.figures.marks import INK
from dashboard.text import _
from registry.analysis.colophon import Colophon
from registry.analysis.frozen import PeriodKept
from registry.analysis.leaflet import LeafletReport
from registry.analysis.results import Report, rows_for_programs
from registry.exchange.tables import CSV_TYPE, WORKBOOK_TYPE, csv_bytes, workbook_bytes
from registry.messages import Message, render

PLOT_WIDTH: Final = 640
CHARACTERS_A_LINE: Final = 112
PIXELS_PER_UNIT: Final = 2
BLANK: Final = "\N{NO-BREAK SPACE}"
"""A blank line of a title; an empty one would be left out."""
# Families that Linux, Windows and macOS bring along; each has the signs used in pictures.
FONTS: Final = "DejaVu Sans, Segoe UI, Helvetica Neue, Arial, sans-serif"


class File(StrEnum):
    """What a result can be taken away as."""

    PNG = "png"
    SVG = "svg"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


PICTURES: Final = (File.PNG, File.SVG)
MEDIA_TYPES: Final = {
    File.PNG: "image/png",
    File.SVG: "image/svg+xml",
    File.CSV: CSV_TYPE,
    File.XLSX: WORKBOOK_TYPE,
    File.PDF: "application/pdf",
}


def table_file(kind: File, report: Report, taken: Colophon) -> bytes:
    """The unrounded rows of a result: as CSV, in English for programs, or as a workbook for people.

    The workbook has its labels and definitions in the language of the reader.
    """
    if kind is File.CSV:
        return csv_bytes(rows_for_programs(report), taken.columns)
    return workbook_bytes(
        _say(taken.heading.title),
        report.to_rows(),
        [(_say(name), _say(said)) for name, said in taken.definitions()],
        made_by=taken.taken_by,
        made_at=taken.taken_at,
        sheets=(_("Table"), _("Definitions")),
    )


def printed_file(report: Report, taken: Colophon, drawn: Figure | None = None) -> bytes:
    """A result as a PDF to be printed; with the picture as it was ``drawn``, if it was."""
    # The typefaces and the layout take long to load, and few who open a page print it.
    if isinstance(report, LeafletReport):
        from dashboard.leaflet_print import leaflet_pdf

        return leaflet_pdf(report)
    from dashboard.pdf import pdf_bytes
    from dashboard.printed import document

    return pdf_bytes(document(report, taken, drawn))


def whole_file(found: Sequence[tuple[Report, Colophon]]) -> tuple[bytes, Colophon]:
    """Several results of the same sessions as one PDF, and what is said about all of them."""
    from dashboard.pdf import pdf_bytes
    from dashboard.printed import together, whole_document

    return pdf_bytes(whole_document(found)), together([colophon for _report, colophon in found])


def content_to_keep(found: Sequence[tuple[Report, Colophon]]) -> dict[str, Any]:
    """What is kept of the results of a period: how they are printed, and all of their numbers."""
    from dashboard.printed import content_to_keep

    return content_to_keep(found)


def kept_file(
    period: PeriodKept, content: Mapping[str, Any], *, taken_by: str, taken_at: dt.datetime
) -> bytes:
    """The results of a kept period as PDF, with the numbers of the day on which it was kept."""
    from dashboard.pdf import pdf_bytes
    from dashboard.printed import kept_document

    return pdf_bytes(kept_document(period, content, taken_by=taken_by, taken_at=taken_at))


def picture_file(kind: File, drawn: Figure, taken: Colophon) -> bytes:
    """A figure as PNG, two pixels for each unit, or as SVG."""
    spec = standing_alone(drawn, taken)
    if kind is File.SVG:
        svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        return svg.encode()
    png: bytes = vl_convert.vegalite_to_png(spec, scale=PIXELS_PER_UNIT, allowed_base_urls=[])
    return png


def standing_alone(drawn: Figure, taken: Colophon) -> dict[str, Any]:
    """The Vega-Lite specification of a figure with everything printed on it."""
    theme = light_theme()
    spec = on_paper(drawn.chart.to_dict(), width=PLOT_WIDTH)
    outer = {name: spec.pop(name) for name in ("$schema", "datasets", "config") if name in spec}
    spec["title"] = _words(
        [_say(taken.heading.title)],
        [*_wrapped(taken.heading.definition), BLANK, drawn.title],
        theme,
    )
    below = [line for note in taken.notes() for line in _wrapped(note)]
    key = textwrap.wrap(drawn.key, CHARACTERS_A_LINE)
    return outer | {
        "vconcat": [spec],
        "background": theme["backgroundColor"],
        "padding": {"left": 24, "right": 60, "top": 20, "bottom": 20},
        "title": {
            **_words([*key, *([BLANK] if key else []), *below], [], theme),
            "orient": "bottom",
            "fontSize": 11,
            "fontWeight": "normal",
            "lineHeight": 15,
            "offset": 16,
        },
    }


def on_paper(chart: Mapping[str, Any], *, width: int) -> dict[str, Any]:
    """The specification of a chart with the colours of the light theme, and letters of its own.

    ``width`` is that of a plot that would otherwise be as wide as its page.
    """
    theme = light_theme()
    # Only a browser knows the colour of the text around a picture.
    spec: dict[str, Any] = json.loads(json.dumps(chart).replace(INK, theme["textColor"]))
    spec.pop("padding", None)
    written = {name: given for name, given in spec.get("config", {}).items() if name == "locale"}
    plot = spec.get("spec", spec)
    if not plot.keys() & {"hconcat", "vconcat", "concat", "width"}:
        plot["width"] = width
    spec["config"] = {
        "font": FONTS,
        "range": {"category": theme["chartCategoricalColors"]},
        "mark": {"color": theme["chartCategoricalColors"][0]},
        "point": {"color": theme["chartCategoricalColors"][0]},
        "area": {"color": theme["chartCategoricalColors"][0]},
        "view": {"stroke": None},
        "axis": {"gridColor": "#dde3e9", "domainColor": "#8a949e", "tickColor": "#8a949e"},
        **written,
    }
    return spec


def _words(lines: list[str], subtitle: list[str], theme: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": lines,
        "subtitle": subtitle,
        "anchor": "start",
        "frame": "bounds",
        "align": "left",
        "color": theme["textColor"],
        "subtitleColor": theme["textColor"],
        "font": FONTS,
        "subtitleFont": FONTS,
        "fontSize": 17,
        "fontWeight": "bold",
        "subtitleFontSize": 12,
        "subtitleLineHeight": 16,
        "subtitlePadding": 8,
        "offset": 10,
    }


def _wrapped(given: Message) -> list[str]:
    return textwrap.wrap(_say(given), CHARACTERS_A_LINE)


def _say(given: Message) -> str:
    return render(given)


@functools.cache
def light_theme() -> dict[str, Any]:
    """Colours of the pages in their light theme."""
    text = files("dashboard").joinpath(".streamlit/config.toml").read_text(encoding="utf-8")
    theme: dict[str, Any] = tomllib.loads(text)["theme"]["light"]
    return theme

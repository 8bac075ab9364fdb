"""The patients' leaflet in print: each array beside its words, in black and white as in colour."""

from __future__ import annotations

import io
from typing import Any, Final

import vl_convert
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from dashboard.figures import Figure
from dashboard.leaflet_data import LeafletText, Part, text_of
from dashboard.pdf import (
    BOLD,
    FRAME_PADDING,
    MARGIN,
    TEXT,
    WIDTH,
    paragraph,
    plain_text,
    register_fonts,
    styles_of,
)
from dashboard.take_away import light_theme, on_paper
from dashboard.text import _
from registry import __version__
from registry.analysis import wording
from registry.analysis.leaflet import LeafletReport
from registry.language import current, speaking

ARRAY_WIDTH: Final = 96 * mm
"""A thousand signs in rows of fifty are then almost 2 mm apart."""
GAP: Final = 6 * mm
PIXELS_PER_UNIT: Final = 4


def leaflet_pdf(report: LeafletReport) -> bytes:
    """The leaflet as a PDF file, in the language of now."""
    language = current()
    register_fonts()
    text, file = text_of(report, language), io.BytesIO()
    with speaking(language):
        foot = _("As of {day}, version {version} of the data").format(
            day=wording.day(report.heading.as_of), version=report.heading.seal
        )

    def sign(canvas: Canvas, _document: Any) -> None:
        canvas.setFont(TEXT, 7)
        canvas.setFillColor(colors.HexColor("#52606d"))
        canvas.drawString(MARGIN, 12 * mm, plain_text(f"{report.clinic} · {foot}".lstrip("· ")))
        canvas.drawRightString(A4[0] - MARGIN, 12 * mm, f"{canvas.getPageNumber()}")

    SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=14 * mm,
        bottomMargin=16 * mm,
        title=plain_text(f"{text.title} {text.subtitle}"),
        creator=f"Sclerotherapy Registry {__version__}",
        lang=language.value,
        displayDocTitle=True,
        initialFontName=TEXT,
        invariant=1,
    ).build(_story(text, styles_of(light_theme())), onFirstPage=sign, onLaterPages=sign)
    return file.getvalue()


def _story(text: LeafletText, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    read = ParagraphStyle("read", styles["text"], fontSize=10, leading=13.5)
    label = ParagraphStyle("label", read, fontName=BOLD, fontSize=11, leading=14)
    number = ParagraphStyle("number", read, fontName=BOLD)
    styles = styles | {"label": label, "number": number}
    story: list[Flowable] = [
        paragraph(text.title, styles["title"]),
        paragraph(text.subtitle, styles["question"]),
        Spacer(0, 2 * mm),
        paragraph(" ".join(text.introduction), read),
    ]
    for heading, parts in (
        (text.own_heading, text.own),
        (text.published_heading, text.published),
    ):
        if parts:
            story += [
                CondPageBreak(60 * mm),
                Spacer(0, 3 * mm),
                paragraph(heading, styles["heading"]),
                *(_row(part, styles) for part in parts),
            ]
    story += [Spacer(0, 3 * mm), paragraph(text.closing, read)]
    if text.sources:
        story.append(paragraph(text.sources_heading, styles["caption"]))
        story += [paragraph(source, styles["small"]) for source in text.sources]
    return story


def _row(part: Part, styles: dict[str, ParagraphStyle]) -> Table:
    """An array and its words side by side; they never part at the foot of a page."""
    words = [
        paragraph(part.label, styles["label"]),
        paragraph(part.explanation, styles["text"]),
        paragraph(part.number, styles["number"]),
        *(paragraph(said, styles["text"]) for said in part.about),
    ]
    picture: list[Flowable] = []
    if part.figure is not None:
        picture = [_array(part.figure), paragraph(part.figure.key, styles["small"])]
    return Table(
        [[picture, words]],
        colWidths=[ARRAY_WIDTH + GAP, WIDTH - ARRAY_WIDTH - GAP],
        style=TableStyle(
            [
                ("FONTNAME", (0, 0), (-1, -1), TEXT),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (0, 0), GAP),
                ("RIGHTPADDING", (1, 0), (1, 0), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
                ("LINEABOVE", (0, 0), (-1, 0), 0.5, colors.HexColor("#c3ccd4")),
            ]
        ),
    )


def _array(drawn: Figure) -> Image:
    spec = on_paper(drawn.chart.to_dict(), width=0)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=PIXELS_PER_UNIT, allowed_base_urls=[])
    image = Image(io.BytesIO(png), hAlign="LEFT")
    image.drawHeight *= ARRAY_WIDTH / image.drawWidth
    image.drawWidth = ARRAY_WIDTH
    return image

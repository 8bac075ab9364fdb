"""The patients' leaflet in print: each array beside its words, in black and white as in colour."""

from __future__ import annotations

import io
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from dashboard.figures.icon_arrays import COLUMNS, FILLED_PART, GREY
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
from dashboard.take_away import light_theme
from dashboard.text import _
from registry import __version__
from registry.analysis import wording
from registry.analysis.leaflet import LeafletReport, Signs
from registry.language import current, speaking

ARRAY_WIDTH: Final = 84 * mm
"""A thousand signs in rows of fifty are then 1.7 mm apart, which any printer keeps apart."""
GAP: Final = 5 * mm


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
    title = ParagraphStyle("leaflet", styles["title"], fontSize=16, leading=20)
    styles = styles | {"label": label, "number": number}
    story: list[Flowable] = [
        paragraph(text.title, title),
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
                *(_row(part, text.of, styles) for part in parts),
            ]
    story += [Spacer(0, 3 * mm), paragraph(text.closing, read)]
    if text.sources:
        story.append(paragraph(text.sources_heading, styles["caption"]))
        story += [paragraph(source, styles["small"]) for source in text.sources]
    return story


def _row(part: Part, of: int, styles: dict[str, ParagraphStyle]) -> Table:
    """An array and its words side by side; they never part at the foot of a page."""
    words = [
        paragraph(part.label, styles["label"]),
        paragraph(part.explanation, styles["text"]),
        paragraph(part.number, styles["number"]),
        *(paragraph(said, styles["text"]) for said in part.about),
    ]
    picture: list[Flowable] = []
    if part.figure is not None and part.signs is not None:
        picture = [
            _Array(part.signs, of),
            Spacer(0, 1 * mm),
            paragraph(part.figure.key, styles["small"]),
        ]
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


class _Array(Flowable):
    """The array of the page in lines and areas, so that no printer blurs it."""

    def __init__(self, signs: Signs, of: int) -> None:
        super().__init__()
        self._signs, self._of = signs, of
        self._step = ARRAY_WIDTH / COLUMNS[of]
        self.width = ARRAY_WIDTH
        self.height = self._step * of / COLUMNS[of]

    def draw(self) -> None:
        """Draw each sign, those of a kind together."""
        canvas, step, size = self.canv, self._step, self._step * FILLED_PART
        ink = colors.HexColor("#1b2733")
        # Lighter than what is filled, or a thousand rings would outweigh it.
        canvas.setStrokeColor(colors.HexColor("#6b7680"))
        canvas.setLineWidth(step / 18)
        canvas.setFillColor(ink)
        unknown = self._signs.had + self._signs.unknown
        for sign in range(self._of):
            row, column = divmod(sign, COLUMNS[self._of])
            x, y = (column + 0.5) * step, self.height - (row + 0.5) * step
            if sign < self._signs.had:
                canvas.circle(x, y, size / 2, stroke=0, fill=1)
            elif sign < unknown:
                canvas.setFillColor(colors.HexColor(GREY))
                canvas.rect(x - 0.44 * size, y - 0.44 * size, 0.88 * size, 0.88 * size, 0, 1)
            else:
                canvas.circle(x, y, 0.45 * size, stroke=1, fill=0)

"""A printed report as PDF: A4, made on the server, with everything said on it that its page says.

No text of a person is read as markup, nothing is fetched, and the same document gives the same
bytes. The typeface is embedded, as a subset; signs that it lacks are drawn as its empty box.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Any, Final
from xml.sax.saxutils import escape

import vl_convert
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from dashboard.printed import Document, Grid, Picture, Section
from dashboard.take_away import light_theme, on_paper
from dashboard.text import _
from registry import __version__
from registry.analysis import wording
from registry.language import speaking

TEXT: Final = "DejaVuSansCondensed"
BOLD: Final = "DejaVuSansCondensed-Bold"
MARGIN: Final = 18 * mm
FRAME_PADDING: Final = 6.0
"""What the layout leaves free on each side within the margins, in points."""
WIDTH: Final = A4[0] - 2 * MARGIN
HIGHEST_PICTURE: Final = 215 * mm
TALL: Final = 110 * mm
"""A picture higher than this stands after the tables, so that no page before it stays empty."""
PLOT_WIDTH: Final = 430
PIXELS_PER_UNIT: Final = 3
POINTS_PER_UNIT: Final = 0.72
SIZES_OF_TABLES: Final = (8.0, 7.2, 6.4, 5.8)
"""Sizes of letters that are tried until no word of a table has to be broken."""
PADDING: Final = 3.0
WIDTH_OF_LONG: Final = 90.0
"""Least width of a column of long texts at the largest size of letters, in points."""


def pdf_bytes(document: Document) -> bytes:
    """The document as a PDF file, in its own language."""
    with speaking(document.language):
        return _set(document)


def _set(document: Document) -> bytes:
    register_fonts()
    file = io.BytesIO()
    theme = light_theme()
    made = _TwoPasses(document)
    SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - FRAME_PADDING,
        rightMargin=MARGIN - FRAME_PADDING,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title=plain_text(f"{document.title}, {document.clinics}"),
        author=plain_text(document.taken_by),
        subject=plain_text(document.sessions),
        creator=f"Sclerotherapy Registry {__version__}",
        lang=document.language.value,
        displayDocTitle=True,
        initialFontName=TEXT,
        invariant=1,
    ).build(_story(document, styles_of(theme)), canvasmaker=made.canvas)
    return file.getvalue()


def _story(document: Document, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    story = _title_block(document, styles)
    several = len(document.sections) > 1
    for number, section in enumerate(document.sections):
        if number:
            story.append(PageBreak())
        story += _section(section, styles, with_title=several)
    return story


def _title_block(document: Document, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    facts = [
        (_("Sessions"), document.sessions),
        (
            _("Data as of"),
            _("{day}, version {version}").format(
                day=wording.day(document.as_of), version=document.seal
            ),
        ),
        (_("Made by"), _made_by(document)),
    ]
    rows = [
        [paragraph(name, styles["name"]), paragraph(said, styles["text"])] for name, said in facts
    ]
    block: list[Flowable] = [
        paragraph(document.clinics, styles["clinic"]),
        paragraph(document.title, styles["title"]),
        *([paragraph(document.status, styles["status"])] if document.status else []),
        Table(
            rows,
            colWidths=[28 * mm, WIDTH - 28 * mm],
            style=TableStyle(
                [
                    _OWN_LETTERS,
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("TOPPADDING", (0, 0), (-1, -1), 1),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
                    ("LINEBELOW", (0, -1), (-1, -1), 0.8, _INK),
                ]
            ),
        ),
        Spacer(0, 4 * mm),
    ]
    return block


def _section(
    section: Section, styles: dict[str, ParagraphStyle], *, with_title: bool
) -> list[Flowable]:
    story: list[Flowable] = [paragraph(section.title, styles["heading"])] if with_title else []
    if section.question:
        story.append(paragraph(section.question, styles["question"]))
    if section.incomplete:
        said = _("Incomplete, not to be quoted. {why}").format(why=section.incomplete)
        story.append(_box([paragraph(said, styles["text"])], _WARNING, _WARNING_GROUND))
    if section.answer:
        story.append(
            _box([paragraph(said, styles["answer"]) for said in section.answer], _ACCENT, _GROUND)
        )
    pictures = [_picture(picture, styles) for picture in section.pictures]
    for drawn, is_tall in pictures:
        story += [] if is_tall else drawn
    for table in section.tables:
        story += [*_caption(table.title, styles), _grid(table, styles), Spacer(0, 4 * mm)]
    if section.serious is not None:
        story += _caption(_("Serious events"), styles)
        story += [
            paragraph(line, styles["text"])
            for line in section.serious or (_("None is recorded for these sessions."),)
        ]
        story.append(Spacer(0, 3 * mm))
    if section.warnings:
        story += _caption(_("Before comparing"), styles)
        story += [paragraph(warning, styles["text"]) for warning in section.warnings]
        story.append(Spacer(0, 3 * mm))
    title = paragraph(_("What is counted"), styles["caption"])
    story.append(KeepTogether([title, _about(section, styles)]))
    for drawn, is_tall in pictures:
        story += drawn if is_tall else []
    return story


def _caption(title: str, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    """A title that does not stay behind alone at the foot of a page."""
    return [CondPageBreak(30 * mm), paragraph(title, styles["caption"])]


def _about(section: Section, styles: dict[str, ParagraphStyle]) -> Table:
    rows = [
        [paragraph(name, styles["small_name"]), paragraph(said, styles["small"])]
        for name, said in section.about
        if said
    ]
    return Table(
        rows,
        colWidths=[38 * mm, WIDTH - 38 * mm],
        style=TableStyle(
            [
                _OWN_LETTERS,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ]
        ),
    )


def _box(content: Sequence[Flowable], accent: colors.Color, ground: colors.Color) -> Table:
    return Table(
        [[list(content)]],
        colWidths=[WIDTH],
        style=TableStyle(
            [
                _OWN_LETTERS,
                ("BACKGROUND", (0, 0), (-1, -1), ground),
                ("LINEBEFORE", (0, 0), (0, -1), 3, accent),
                ("LEFTPADDING", (0, 0), (-1, -1), 10),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
            ]
        ),
        spaceBefore=2 * mm,
        spaceAfter=4 * mm,
    )


def _picture(picture: Picture, styles: dict[str, ParagraphStyle]) -> tuple[list[Flowable], bool]:
    """A picture with its title and signs, and whether it needs a page of its own."""
    spec = on_paper(picture.spec, width=PLOT_WIDTH)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=PIXELS_PER_UNIT, allowed_base_urls=[])
    width, height = (
        side / PIXELS_PER_UNIT * POINTS_PER_UNIT for side in ImageReader(io.BytesIO(png)).getSize()
    )
    smaller = min(1.0, WIDTH / width, HIGHEST_PICTURE / height)
    whole = [
        paragraph(picture.title, styles["caption"]),
        Image(io.BytesIO(png), width * smaller, height * smaller, hAlign="LEFT"),
        *([paragraph(picture.key, styles["small"])] if picture.key else []),
    ]
    return [KeepTogether(whole), Spacer(0, 3 * mm)], height * smaller > TALL


def _grid(table: Grid, styles: dict[str, ParagraphStyle]) -> Table:
    size, widths = _fitted(table)
    left = ParagraphStyle("cell", styles["text"], fontSize=size, leading=size * 1.25, spaceAfter=0)
    right = ParagraphStyle("figure", left, alignment=TA_RIGHT)
    head = ParagraphStyle("head", left, fontName=BOLD)
    head_right = ParagraphStyle("head_figure", right, fontName=BOLD)
    is_words = [table.holds_words(i) for i in range(len(table.columns))]
    rows = [
        [
            paragraph(name, head if words else head_right)
            for name, words in zip(table.columns, is_words, strict=True)
        ],
        *(
            [
                paragraph(cell, left if words else right)
                for cell, words in zip(row, is_words, strict=True)
            ]
            for row in table.rows
        ),
    ]
    return Table(
        rows,
        colWidths=widths,
        repeatRows=1,
        hAlign="LEFT",
        style=TableStyle(
            [
                _OWN_LETTERS,
                ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
                ("VALIGN", (0, 1), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
                ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, _INK),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, _LINE),
            ]
        ),
    )


def _fitted(table: Grid) -> tuple[float, list[float]]:
    """Size of letters, and width of each column in points."""
    for size in SIZES_OF_TABLES:
        least, wanted = _needs(table, size)
        if sum(least) <= WIDTH:
            break
    else:
        size = SIZES_OF_TABLES[-1]
        least, wanted = _needs(table, size)
        return size, [WIDTH * each / sum(least) for each in least]
    spare, missing = WIDTH - sum(least), sum(wanted) - sum(least)
    part = min(1.0, spare / missing) if missing > 0 else 0.0
    widths = [low + part * (high - low) for low, high in zip(least, wanted, strict=True)]
    widths[0] += WIDTH - sum(widths)
    return size, widths


def _needs(table: Grid, size: float) -> tuple[list[float], list[float]]:
    """Width that each column needs at least, and that of its longest text, with its padding."""
    least, wanted = [], []
    for i, name in enumerate(table.columns):
        cells = [row[i] for row in table.rows]
        is_long = table.is_long(i)
        is_broken = i == 0 or is_long
        words = [word for cell in cells for word in (cell.split(" ") if is_broken else [cell])]
        head = [pdfmetrics.stringWidth(plain_text(word), BOLD, size) for word in name.split(" ")]
        room = WIDTH_OF_LONG * size / SIZES_OF_TABLES[0] if is_long else 0.0
        whole = pdfmetrics.stringWidth(plain_text(name), BOLD, size)
        least.append(max(_widest(words, size), *head, room) + 2 * PADDING + 0.5)
        wanted.append(max(_widest(cells, size), whole) + 2 * PADDING + 0.5)
    return least, wanted


def _widest(texts: Any, size: float = SIZES_OF_TABLES[0]) -> float:
    return max(
        (pdfmetrics.stringWidth(plain_text(text), TEXT, size) for text in texts), default=0.0
    )


def paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """Text as it is: what looks like markup is printed."""
    return Paragraph(escape(plain_text(text)), style)


def plain_text(text: str) -> str:
    """Text without control characters and signs that turn the line around; spaces that do not
    break, whatever their width, as the one that the layout leaves alone."""
    whole = text.replace(wording.NARROW_SPACE, "\N{NO-BREAK SPACE}")
    return "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in whole)


def _made_by(document: Document) -> str:
    return _("{name}, {day} {time} UTC").format(
        name=document.taken_by,
        day=wording.day(document.taken_at.date()),
        time=f"{document.taken_at:%H:%M}",
    )


class _TwoPasses:
    """Makes canvases that know at the end how many pages there are, and then sign each of them."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def canvas(self, *given: Any, **options: Any) -> Canvas:
        """A canvas for the layout."""
        return _SignedCanvas(self._document, *given, **options)


class _SignedCanvas(Canvas):
    """A canvas that holds back its pages until their number is known."""

    def __init__(self, document: Document, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the name that reportlab calls
        """Hold the page back."""
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # not in the stubs

    def save(self) -> None:
        """Sign every page with its number and write the file."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._sign(number, len(self._pages))
            super().showPage()
        super().save()

    def _sign(self, number: int, pages: int) -> None:
        document = self._document
        if document.is_incomplete:
            self.saveState()
            self.setFillColor(_WATERMARK)
            self.setFont(BOLD, 64)
            self.translate(A4[0] / 2, A4[1] / 2)
            self.rotate(55)
            self.drawCentredString(0, 0, _("INCOMPLETE"))
            self.restoreState()
        self.setFillColor(_MUTED)
        self.setFont(TEXT, 7)
        if number > 1:
            above = A4[1] - 12 * mm
            self.drawString(MARGIN, above, _cut(f"{document.title} · {document.clinics}"))
        self.setStrokeColor(_LINE)
        self.line(MARGIN, 17 * mm, A4[0] - MARGIN, 17 * mm)
        lines = (
            _("Data as of {day}, version {version} · {who}").format(
                day=wording.day(document.as_of), version=document.seal, who=_made_by(document)
            ),
            _("SHA-256 {digest}").format(digest=document.data_hash),
        )
        for i, line in enumerate(lines):
            self.drawString(MARGIN, (13 - 3.5 * i) * mm, _cut(line))
        self.drawRightString(
            A4[0] - MARGIN,
            13 * mm,
            _("Page {number} of {pages}").format(number=number, pages=pages),
        )


def _cut(text: str) -> str:
    """The beginning of a text that fits beside the page number."""
    line = plain_text(text)
    while pdfmetrics.stringWidth(line, TEXT, 7) > WIDTH - 24 * mm:
        line = line[:-2] + "…"
    return line


@functools.cache
def register_fonts() -> None:
    """Make the typefaces known to the layout, once in a process."""
    for name in (TEXT, BOLD):
        with as_file(files("dashboard").joinpath("assets", f"{name}.ttf")) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))


# Whatever a cell holds: otherwise the layout names a typeface that is not embedded.
_OWN_LETTERS: Final = ("FONTNAME", (0, 0), (-1, -1), TEXT)
_INK: Final = colors.HexColor("#1b2733")
_ACCENT: Final = colors.HexColor("#0b5e8a")
_GROUND: Final = colors.HexColor("#f1f4f7")
_LINE: Final = colors.HexColor("#c3ccd4")
_MUTED: Final = colors.HexColor("#52606d")
_WARNING: Final = colors.HexColor("#a85400")
_WARNING_GROUND: Final = colors.HexColor("#fff4e5")
_WATERMARK: Final = colors.Color(0.66, 0.33, 0.0, alpha=0.12)


def styles_of(theme: dict[str, Any]) -> dict[str, ParagraphStyle]:
    """How each kind of text is set, with the colours of the light theme."""
    text = ParagraphStyle(
        "text",
        fontName=TEXT,
        fontSize=9,
        leading=12,
        textColor=colors.HexColor(theme["textColor"]),
        spaceAfter=2,
        splitLongWords=1,
    )
    small = ParagraphStyle("small", text, fontSize=7.5, leading=10)
    return {
        "text": text,
        "name": ParagraphStyle("name", text, textColor=_MUTED),
        "clinic": ParagraphStyle("clinic", text, fontName=BOLD, fontSize=10, textColor=_ACCENT),
        "title": ParagraphStyle("title", text, fontName=BOLD, fontSize=18, leading=23),
        "status": ParagraphStyle("status", text, fontName=BOLD, spaceAfter=4),
        "heading": ParagraphStyle("heading", text, fontName=BOLD, fontSize=14, leading=18),
        "question": ParagraphStyle("question", text, fontSize=10, leading=13, textColor=_MUTED),
        "answer": ParagraphStyle("answer", text, fontSize=10.5, leading=14.5),
        "caption": ParagraphStyle("caption", text, fontName=BOLD, spaceBefore=4, spaceAfter=3),
        "small": small,
        "small_name": ParagraphStyle("small_name", small, textColor=_MUTED),
    }

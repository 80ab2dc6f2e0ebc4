"""Pages of a PDF report, set with reportlab."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer

from penstock.evals.experiments.fonts import MISSING, Typeface, typeface
from penstock.evals.experiments.pareto import Pareto, pareto
from penstock.evals.experiments.picture import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Picture, placed
from penstock.evals.experiments.report import Table, headline, sections
from penstock.evals.experiments.summary import Summary
from penstock.evals.experiments.types import Experiment
from penstock.evals.experiments.worst import WorstRows

__all__ = ["write_pdf"]

MARGIN: Final = 40.0
PART: Final = 100
"""Rows that are set at a time: laid out, a row takes a hundred times its text."""
MAX_COLUMNS: Final = 7
"""A table with more is written as one line for each cell."""
NARROWEST: Final = 44.0
INK: Final = HexColor("#1c2126")
FAINT: Final = HexColor("#5d666f")
RULE: Final = HexColor("#d8dde2")
VERDICTS: Final = {"PASS": "#0a7a3d", "FAIL": "#b3261e", "INCONCLUSIVE": "#8a6100"}
_SETTING: Final = Lock()
"""reportlab's fonts can be used by one document at a time."""


def write_pdf(
    experiment: Experiment, summary: Summary, *, worst: Sequence[WorstRows] = (), font: Path | None = None
) -> bytes:
    """A4, landscape. Arguments and errors as `pdf.as_pdf`."""
    with _SETTING:
        return _Report(typeface(font), experiment).written(summary, worst)


class _Rows(Flowable):
    """Rows of a table that are set when their turn comes."""

    def __init__(self, report: "_Report", columns: list[str], rows: list[list[str]], widths: list[float]) -> None:
        super().__init__()
        self._report = report
        self._columns = columns
        self._rows = rows
        self._widths = widths

    def made(self) -> Flowable:
        return self._report.table(self._columns, self._rows, self._widths)


class _Document(SimpleDocTemplate):
    """Sets a part of a table at a time, so that memory holds no more."""

    def handle_flowable(self, flowables: list[Flowable]) -> None:
        first = flowables[0]
        if isinstance(first, _Rows):
            flowables[0] = first.made()
        super().handle_flowable(flowables)


class _Report:
    def __init__(self, face: Typeface, experiment: Experiment) -> None:
        self._face = face
        self._experiment = experiment
        self._missing = 0
        self._width = landscape(A4)[0] - 2 * MARGIN
        self._text = ParagraphStyle("text", fontName=face.name, fontSize=9, leading=12.5, textColor=INK)
        self._cell = ParagraphStyle("cell", parent=self._text, fontSize=7.5, leading=10)
        self._title = ParagraphStyle("title", fontName=face.bold, fontSize=17, leading=22, textColor=INK)
        self._heading = ParagraphStyle("heading", parent=self._title, fontSize=11, leading=15, spaceBefore=10)
        self._note = ParagraphStyle("note", parent=self._text, fontSize=7.5, textColor=FAINT)

    def written(self, summary: Summary, worst: Sequence[WorstRows]) -> bytes:
        out = io.BytesIO()
        document = _Document(
            out,
            pagesize=landscape(A4),
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=MARGIN,
            bottomMargin=MARGIN,
            title=self._experiment.name,
            author="Penstock",
            subject=f"Experiment {self._experiment.id}",
        )
        document.build([*self._story(summary, worst), _Last(self)], onFirstPage=self._foot, onLaterPages=self._foot)
        return out.getvalue()

    def paragraph(self, text: str, style: ParagraphStyle) -> Paragraph:
        markup, missing = self._face.markup(text, bold=style.fontName == self._face.bold)
        self._missing += missing
        return Paragraph(markup, style)

    def missing(self) -> Paragraph | None:
        """What to do about characters that are not shown."""
        if not self._missing:
            return None
        return self.paragraph(
            f"Shown as {MISSING}: characters that the fonts of this machine lack, {self._missing:,} in all. "
            "PENSTOCK_REPORT_FONT names a TrueType font that goes first.",
            self._note,
        )

    def table(self, columns: list[str], rows: list[list[str]], widths: list[float]) -> Flowable:
        head = [self.paragraph(name, self._named("head", self._face.bold, None)) for name in columns]
        body = [[self._cell_of(text) for text in row] for row in rows]
        made = LongTable([head, *body], colWidths=widths, repeatRows=1, splitByRow=1, splitInRow=1, hAlign="LEFT")
        made.setStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 5),
            ]
        )
        return made

    def label(self, text: str, *, align: Literal[0, 1, 2] = 0) -> Paragraph:
        style = self._named("label", self._face.name, None)
        style.alignment = align
        return self.paragraph(text, style)

    def _cell_of(self, text: str) -> Paragraph:
        color = VERDICTS.get(text)
        return self.paragraph(
            text, self._cell if color is None else self._named(text, self._face.bold, HexColor(color))
        )

    def _named(self, name: str, font: str, color: Color | None) -> ParagraphStyle:
        return ParagraphStyle(name, parent=self._cell, fontName=font, textColor=color or INK)

    def _story(self, summary: Summary, worst: Sequence[WorstRows]) -> Iterator[Flowable]:
        yield self.paragraph(self._experiment.name, self._title)
        yield self.paragraph(headline(self._experiment, summary), self._text)
        found = pareto(summary)
        if found is not None:
            yield self.paragraph("Quality and its price", self._heading)
            yield _Drawing(self, found)
            yield self.paragraph(found.sentence(), self._text)
        for title, table in sections(summary, worst=worst):
            columns, rows = table if len(table[0]) <= MAX_COLUMNS else _lengthened(table)
            if not rows:
                continue
            yield CondPageBreak(70)
            yield self.paragraph(title, self._heading)
            yield Spacer(1, 3)
            widths = _widths(columns, rows, self._width)
            for start in range(0, len(rows), PART):
                yield _Rows(self, columns, rows[start : start + PART], widths)

    def _foot(self, canvas: Canvas, document: Any) -> None:
        named, page = self.label(f"Experiment {self._experiment.id}"), self.label(f"{document.page}", align=2)
        for line in (named, page):
            line.wrapOn(canvas, self._width, 12)
            line.drawOn(canvas, MARGIN, MARGIN / 2 - 4)


class _Last(Flowable):
    """The note under everything, whose text is known once everything is set."""

    def __init__(self, report: _Report) -> None:
        super().__init__()
        self._report = report
        self._said: Paragraph | None = None

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803 - reportlab's names
        self._said = self._report.missing()
        if self._said is None:
            return 0, 0
        return self._said.wrapOn(self.canv, aW, aH)

    def draw(self) -> None:
        if self._said is not None:
            self._said.drawOn(self.canv, 0, 0)


class _Drawing(Flowable):
    """Quality against its price."""

    def __init__(self, report: _Report, found: Pareto) -> None:
        super().__init__()
        self._report = report
        self._picture: Picture = placed(found)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's names
        return WIDTH, HEIGHT

    def draw(self) -> None:
        canvas, picture = self.canv, self._picture
        canvas.setLineWidth(0.4)
        canvas.setStrokeColor(RULE)
        for x, what in picture.x_ticks:
            canvas.line(x, BOTTOM, x, HEIGHT - TOP)
            self._say(what, x - 40, BOTTOM - 16, width=80, align=1)
        for y, what in picture.y_ticks:
            canvas.line(LEFT, y, WIDTH - RIGHT, y)
            self._say(what, 0, y - 3, width=LEFT - 8, align=2)
        self._say(picture.x_title, LEFT, 8, width=WIDTH - RIGHT - LEFT, align=1)
        self._say(picture.y_title, LEFT, HEIGHT - 12, width=WIDTH - LEFT)
        canvas.setStrokeColor(FAINT)
        canvas.setDash(4, 3)
        for (x1, y1), (x2, y2) in zip(picture.front, picture.front[1:], strict=False):
            canvas.line(x1, y1, x2, y2)
        canvas.setDash()
        canvas.setLineWidth(1.2)
        for one in picture.points:
            canvas.setStrokeColor(HexColor(one.color))
            canvas.setFillColor(HexColor(one.color))
            canvas.line(one.across[0], one.y, one.across[1], one.y)
            canvas.line(one.x, one.along[0], one.x, one.along[1])
            canvas.circle(one.x, one.y, 3.6, stroke=0, fill=1)
            self._say(one.name, one.x + 7, one.y + 3, width=125)

    def _say(self, text: str, x: float, y: float, *, width: float, align: Literal[0, 1, 2] = 0) -> None:
        line = self._report.label(text, align=align)
        line.wrapOn(self.canv, width, 12)
        line.drawOn(self.canv, x, y)


def _lengthened(table: Table) -> Table:
    """A line for each cell: more columns than a page holds."""
    columns, rows = table
    return [columns[0], "what", "value"], [
        [row[0], name, value] for row in rows for name, value in zip(columns[1:], row[1:], strict=True)
    ]


def _widths(columns: list[str], rows: list[list[str]], width: float) -> list[float]:
    """By the longest texts, within bounds, so that a long one takes no other's place."""
    longest = [max(len(name), *(min(len(row[index]), 90) for row in rows)) + 2 for index, name in enumerate(columns)]
    wanted = [max(NARROWEST, one * 4.6) for one in longest]
    spare = width - sum(wanted)
    if spare >= 0:
        return wanted
    # Only what is wide gives way.
    over = [max(0.0, one - 80) for one in wanted]
    taken = min(1.0, -spare / sum(over)) if sum(over) else 0.0
    narrowed = [one - part * taken for one, part in zip(wanted, over, strict=True)]
    scale = min(1.0, width / sum(narrowed))
    return [one * scale for one in narrowed]

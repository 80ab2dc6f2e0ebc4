"""Whether a dashboard can be shown: each of its queries can be asked, and each widget can draw them."""

from typing import Final

from penstock.core.errors import InvalidInput
from penstock.tracing.dashboards.types import Box, DashboardDocument, Widget
from penstock.tracing.metrics.checks import distribution_query, metric_query
from penstock.tracing.metrics.types import DistributionRequest
from penstock.tracing.query import parse

__all__ = ["check_document"]

MAX_NAME: Final = 100
MAX_TEXT: Final = 1000
MAX_WIDGETS: Final = 40
MAX_QUERIES: Final = 8
COLUMNS: Final = 12
MAX_ROWS: Final = 1000
MAX_WINDOW: Final = 400 * 86_400_000_000
MIN_WINDOW: Final = 60_000_000
SINGLE = frozenset({"heatmap", "histogram", "percentiles"})
"""Widgets of one query, about the values of one field."""
_EVER = 2**61


def check_document(document: DashboardDocument) -> None:
    """Refuse what cannot be shown.

    Raises:
        InvalidInput: something does not fit; `field` says where (`widgets[2].queries[0].q`).
    """
    _check_text("name", document.name, MAX_NAME, needed=True)
    _check_text("description", document.description, MAX_TEXT)
    if not MIN_WINDOW <= document.window <= MAX_WINDOW:
        raise _refused(f"The window lies between a minute and 400 days, got {document.window} microseconds.", "window")
    parse(document.q)
    if len(document.widgets) > MAX_WIDGETS:
        raise _refused(f"A dashboard has at most {MAX_WIDGETS} widgets, got {len(document.widgets)}.", "widgets")
    for index, widget in enumerate(document.widgets):
        _check_widget(widget, f"widgets[{index}].")


def _check_widget(widget: Widget, path: str) -> None:
    _check_text(f"{path}title", widget.title, MAX_NAME, needed=True)
    _check_text(f"{path}about", widget.about, MAX_TEXT)
    _check_layout(widget.layout, f"{path}layout")
    most = 1 if widget.type in SINGLE else MAX_QUERIES
    if not 1 <= len(widget.queries) <= most:
        expected = "one query" if most == 1 else f"one to {most} queries"
        raise _refused(f"A {widget.type} shows {expected}, got {len(widget.queries)}.", f"{path}queries")
    for index, query in enumerate(widget.queries):
        place = f"{path}queries[{index}]."
        _check_text(f"{place}label", query.label, MAX_NAME)
        if query.step is not None and query.step < 1_000_000:
            raise _refused(f"A step is a second at least, got {query.step} microseconds.", f"{place}step")
        if widget.type not in SINGLE:
            metric_query(query, project="", from_=0, to=_EVER, path=place)
            continue
        if query.field is None:
            raise _refused(f"A {widget.type} needs a field whose values it shows.", f"{place}field")
        asked = DistributionRequest(population=query.population, field=query.field, q=query.q, buckets=query.buckets)
        distribution_query(asked, project="", from_=0, to=_EVER, path=place)


def _check_layout(box: Box, path: str) -> None:
    fits = box.x >= 0 and box.y >= 0 and box.w >= 1 and box.h >= 1
    if not fits or box.x + box.w > COLUMNS or box.y + box.h > MAX_ROWS:
        raise _refused(f"A widget lies within {COLUMNS} columns; got x={box.x}, y={box.y}, w={box.w}, h={box.h}.", path)


def _check_text(field: str, text: str, most: int, *, needed: bool = False) -> None:
    if len(text) > most:
        raise _refused(f"{field} has at most {most} characters, got {len(text)}.", field)
    if needed and not text.strip():
        raise _refused(f"{field} is empty.", field)


def _refused(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, field=field, code="invalid_dashboard")

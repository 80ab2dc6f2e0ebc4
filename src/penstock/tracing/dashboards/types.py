"""Dashboards as they are kept, sent and exchanged."""

from typing import Literal

import msgspec

from penstock.tracing.metrics.types import MetricSpec

__all__ = [
    "Box",
    "Dashboard",
    "DashboardDocument",
    "DashboardPage",
    "DashboardSummary",
    "Widget",
    "WidgetQuery",
    "WidgetType",
]

WidgetType = Literal["line", "bar", "table", "number", "heatmap", "histogram", "percentiles"]
"""`heatmap` and `histogram` show how a field's values lie, `percentiles` its p50 to p99 over time."""


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a widget lies, in cells of a grid of twelve columns."""

    x: int = 0
    y: int = 0
    w: int = 6
    h: int = 4


class WidgetQuery(MetricSpec, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One series, or one per group. The page's window and its own filter come on top."""

    label: str = ""
    """Called so in the legend; without it, by what is measured."""
    step: int | None = None
    """Microseconds; without it, as fits the window."""
    buckets: int = 40
    """Of a heat map or a histogram."""


class Widget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    title: str
    type: WidgetType
    queries: list[WidgetQuery]
    """One to eight; one for a heat map, a histogram and percentiles."""
    layout: Box = Box()
    about: str = ""
    """What it shows, for whoever hovers over the title."""


class DashboardDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a dashboard is, without where and by whom: what is written, exported and imported."""

    name: str
    widgets: list[Widget]
    description: str = ""
    q: str = ""
    """Holds for all widgets, in the filter language."""
    window: int = 86_400_000_000
    """Microseconds up to now that are shown when nobody says otherwise."""


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    preset: str | None
    """Which of the set that every project has; None for one of people's own."""
    version: int
    """Grows by one with each write; send it as If-Match."""
    document: DashboardDocument
    created: int
    created_by: str
    updated: int
    updated_by: str


class DashboardSummary(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    preset: str | None
    version: int
    name: str
    description: str
    widgets: int
    """How many."""
    updated: int
    updated_by: str


class DashboardPage(msgspec.Struct, frozen=True, kw_only=True):
    """By name, those of the set first."""

    items: list[DashboardSummary]
    next_cursor: str | None

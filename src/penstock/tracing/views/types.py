"""Saved views as they are kept and sent."""

from typing import Literal

import msgspec

__all__ = ["SavedView", "ViewDocument", "ViewPage", "ViewsPage"]

ViewPage = Literal["traces", "spans", "sessions", "users"]
"""Which list of the console it is a view of."""


class ViewDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a view shows."""

    name: str
    page: ViewPage = "traces"
    q: str = ""
    """In the filter language."""
    columns: list[str] = []
    """Of the list, in order; empty for its own."""
    sort: str | None = None
    """As the list takes it: `-duration`."""
    window: int | None = None
    """Microseconds up to now; None: as it stands."""
    shared: bool = False
    """For all of the project, not only for whoever saved it."""


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    document: ViewDocument
    version: int
    """Grows by one with each write; send it as If-Match."""
    mine: bool
    updated: int
    updated_by: str


class ViewsPage(msgspec.Struct, frozen=True, kw_only=True):
    """By name, those of the caller first."""

    items: list[SavedView]
    next_cursor: str | None

"""Sessions and users as the control API sends them."""

import msgspec

from penstock.store.spans.types import Activity, TraceRow

__all__ = ["ActivityList", "ActivityView"]


class ActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, or end users, with what they did in the window."""

    items: list[Activity]
    sort: str
    """What they are sorted by, the largest first: `-last`, `-cost`."""
    next_cursor: str | None


class ActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """One session, or end user, and a page of its calls."""

    of: Activity
    """All that it did, whichever page."""
    rows: list[TraceRow]
    """Its newest calls, or the newest before the cursor, in order of time: the oldest comes first."""
    next_cursor: str | None
    """Leads to the calls before these; null when there are none."""

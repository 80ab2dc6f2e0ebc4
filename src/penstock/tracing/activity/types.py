"""Sessions and users as the control API sends them."""

import msgspec

from penstock.store.spans.types import Activity

__all__ = ["ActivityList"]


class ActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, or end users, with what they did in the window."""

    items: list[Activity]
    sort: str
    """What they are sorted by, the largest first: `-last`, `-cost`."""
    next_cursor: str | None

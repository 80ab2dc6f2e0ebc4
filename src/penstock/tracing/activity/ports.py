"""What sessions and users need from a store of spans."""

from typing import Protocol

from penstock.store.spans.queries.people import ActivityCalls, ActivityOrder, ActivityPage, ActivityPlace
from penstock.store.spans.queries.traces import Place
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node

__all__ = ["ActivityStore"]


class ActivityStore(Protocol):
    """Blocks; any thread may call; raises `Unavailable` while the store is down."""

    def sessions(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """Sessions that did anything in the window, those with most first."""
        ...

    def users(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """End users, as `sessions`."""
        ...

    def session(
        self, project: str, session: str, *, after: Place | None = None, limit: int = 100
    ) -> ActivityCalls | None:
        """One session with the newest of its calls from a place on, in order of time."""
        ...

    def user(self, project: str, user: str, *, after: Place | None = None, limit: int = 100) -> ActivityCalls | None:
        """One end user, as `session`."""
        ...

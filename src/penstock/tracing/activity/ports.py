"""What sessions and users need from a store of spans."""

from typing import Protocol

from penstock.store.spans.queries.people import ActivityOrder, ActivityPage, ActivityPlace
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ActivityView

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

    def session(self, project: str, session: str) -> ActivityView | None:
        """One session with its calls in order of time."""
        ...

    def user(self, project: str, user: str) -> ActivityView | None:
        """One end user with its calls in order of time."""
        ...

"""What help with searches needs from a store of spans."""

from typing import Protocol

from penstock.store.spans.queries.window import Window
from penstock.store.spans.types import Facet

__all__ = ["FacetStore"]


class FacetStore(Protocol):
    """Blocks; any thread may call; raises `Unavailable` while the store is down."""

    def facets(self, window: Window, column: str) -> list[Facet]:
        """The values of a column, the most frequent first."""
        ...

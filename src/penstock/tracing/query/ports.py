"""What help with searches needs from a store of spans."""

from typing import Protocol

from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.queries.window import Window
from penstock.store.spans.types import Facet, ScoreRow

__all__ = ["FacetStore"]


class FacetStore(Protocol):
    """Blocks; any thread may call; raises `Unavailable` while the store is down."""

    def facets(self, window: Window, column: str) -> list[Facet]:
        """The values of a column, the most frequent first."""
        ...

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """Scores, the newest first."""
        ...

"""What exports need from a store of spans."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.queries.traces import Page, Place
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ScoreRow

__all__ = ["ExportStore"]


class ExportStore(Protocol):
    """Blocks; any thread may call; raises `Unavailable` while the store is down."""

    def export(
        self,
        window: Window,
        *,
        where: Node | None = None,
        columns: Sequence[str] = EXPORTED,
        format_: ExportFormat = "jsonl",
    ) -> Iterator[bytes]:
        """A file of the spans that fit, piece by piece, the oldest first. Closing the iterator gives up.

        Args:
            window: Whose spans, and when they started.
            where: Which of them.
            columns: Of the record, in this order.
            format_: What kind of file.

        Raises:
            InvalidInput: there is no such column (`invalid_column`).
        """
        ...

    def list_calls(
        self, window: Window, *, where: Node | None = None, after: Place | None = None, limit: int = 50
    ) -> Page:
        """Calls and roots after a place, the newest first."""
        ...

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """Scores after a place, the newest first."""
        ...

"""What exports need from a store of spans."""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ScoreRow

__all__ = ["ExportFormat", "ExportStore"]

ExportFormat = Literal["jsonl", "csv", "parquet"]


class ExportStore(Protocol):
    """Blocks; any thread may call; raises `Unavailable` while the store is down."""

    def export(
        self, window: Window, *, where: Node | None = None, columns: Sequence[str] = (), form: ExportFormat = "jsonl"
    ) -> Iterator[bytes]:
        """A file of the spans that fit, piece by piece, the oldest first. Closing the iterator gives up.

        Args:
            window: Whose spans, and when they started.
            where: Which of them.
            columns: Of the record, in this order; empty for all.
            form: What kind of file.

        Raises:
            InvalidInput: there is no such column.
        """
        ...

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """Scores after a place, the newest first."""
        ...

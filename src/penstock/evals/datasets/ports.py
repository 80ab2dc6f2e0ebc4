"""What datasets need from the records of what happened."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from penstock.store.spans.metrics import MetricQuery, MetricResult
from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.queries.traces import Page
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ScoreRow
from penstock.tracing.types import Asked

__all__ = ["Spans", "Where"]


class Spans(Protocol):
    """The store of spans. Blocks; any thread may call; raises `Unavailable` while it is down."""

    def export(
        self,
        window: Window,
        *,
        where: Node | None = None,
        columns: Sequence[str] = EXPORTED,
        format_: ExportFormat = "jsonl",
    ) -> Iterator[bytes]:
        """Spans that fit as lines of JSON, the oldest first, in bounded memory."""
        ...

    def list_calls(self, window: Window, *, where: Node | None = None, limit: int = 50) -> Page:
        """Calls and roots, the newest first."""
        ...

    def list_spans(self, window: Window, *, where: Node | None = None, limit: int = 50) -> Page:
        """Spans of any kind, the newest first."""
        ...

    def measure(self, query: MetricQuery) -> MetricResult:
        """A metric of the spans that fit."""
        ...

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """Scores, the newest first."""
        ...


class Where(Protocol):
    """Reads the conditions of a request."""

    def __call__(self, project: str, asked: Asked) -> Node | None:
        """Raises `InvalidInput` for what cannot be understood."""
        ...

"""What scores need from outside."""

from collections.abc import Sequence
from typing import Protocol

from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.types import ScoreRow

__all__ = ["ScoreLog", "ScoreStore"]


class ScoreLog(Protocol):
    """Where accepted scores wait for the store. Belongs to the event loop's thread."""

    async def append_durably(self, lines: bytes, count: int) -> None:
        """Returns when the lines are on the disk.

        Raises:
            Unavailable: they are not.
        """
        ...


class ScoreStore(Protocol):
    """Methods block, may be called from any thread, and raise `Unavailable` while the store is down."""

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """The newest first, after a place in that order."""
        ...

    def delete_scores(self, project: str, ids: Sequence[str]) -> int:
        """How many there were."""
        ...

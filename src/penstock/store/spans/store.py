"""The span store: one engine, the questions of the console."""

from collections.abc import Sequence
from pathlib import Path

from penstock.core.clock import Clock
from penstock.store.spans.engine import Engine
from penstock.store.spans.loader import Loaded, load

__all__ = ["DuckDbSpanStore"]


class DuckDbSpanStore:
    """Spans in one DuckDB file. Every method blocks; call from a thread.

    Every method raises `Unavailable` (`span_store_unavailable`) while the file cannot be used.

    Args:
        path: The database file; made when it is not there.
        journal: Folder of the segments.
        quarantine: Folder for lines that are no spans; inside `journal`.
        clock: Time of ingestion.
    """

    def __init__(self, path: Path, *, journal: Path, quarantine: Path, clock: Clock) -> None:
        self._engine = Engine(path, readable=(journal,))
        self._quarantine = quarantine
        self._clock = clock

    def close(self) -> None:
        """Fold the log into the file and release it."""
        self._engine.close()

    def load(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store sealed segments exactly once; see `loader.load`."""
        return load(self._engine, segments, quarantine=self._quarantine, clock=self._clock)

    def disk_bytes(self) -> int:
        return self._engine.disk_bytes()

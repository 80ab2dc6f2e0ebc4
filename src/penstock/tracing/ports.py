"""What tracing needs from a store of spans."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from penstock.store.spans.loader import Loaded

__all__ = ["SpanStore"]


class SpanStore(Protocol):
    """Every method blocks, and raises `Unavailable` while the store is down."""

    def load(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store sealed segments, each exactly once, whatever crashes when."""
        ...

    def disk_bytes(self) -> int: ...

    def close(self) -> None: ...
